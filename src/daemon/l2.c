#include "daemon/l2.h"

#include <net/ethernet.h>
#include <stdlib.h>

#include "io/loop.h"
#include "io/packet_socket.h"
#include "l2/filter.h"
#include "util/log.h"
#include "util/mem.h"

/* Frames sent in one turn of the loop; more wait for the next, so that received ones are answered
 * in between. */
#define L2_FRAMES_PER_TURN 64

struct l2 {
	struct loop *loop;
	struct responder *responder;
	struct announcer *announcer;
	struct packet_socket *socket;
	struct link_table
	    links; /* a copy without addresses: index and MAC are all that is needed */
	struct loop_timer timer;
	struct loop_deferred announce;
	l2_claim_fn *claim;
	void *arg;
};

static void
l2_receive(void *arg, const struct packet_frame *frame)
{
	struct l2 *l2 = arg;
	struct responder_output output;

	switch (responder_receive(
	    l2->responder, frame->ifindex, frame->bytes, frame->len, frame->vlan, &output)) {
	case RESPONDER_REPLY:
		if (packet_socket_send(l2->socket, frame->ifindex, output.frame, output.len))
			responder_send_failed(l2->responder, &output.ip);
		break;
	case RESPONDER_CONFLICT:
		l2->claim(l2->arg, &output.ip, &output.mac, frame->ifindex);
		break;
	case RESPONDER_MALFORMED:
	case RESPONDER_NO_INTERFACE:
	case RESPONDER_OWN:
	case RESPONDER_NOT_REQUEST:
	case RESPONDER_NOT_FOR_US:
	case RESPONDER_NOT_ANNOUNCED:
	case RESPONDER_NOT_ON_THIS_INTERFACE:
	case RESPONDER_VERDICT_COUNT:
		break;
	}
}

static void
l2_announce(void *arg)
{
	struct l2 *l2 = arg;
	mono_t now = loop_now(l2->loop);
	struct announcer_frame frame;
	int i;

	for (i = 0; i < L2_FRAMES_PER_TURN && announcer_next(l2->announcer, now, &frame); i++)
		if (packet_socket_send(l2->socket, frame.ifindex, frame.bytes, frame.len))
			announcer_send_failed(l2->announcer, &frame, now);
	loop_timer_set(&l2->timer, announcer_deadline(l2->announcer, now));
}

int
l2_new(struct loop *loop, l2_claim_fn *claim, void *arg, struct l2 **ret_l2)
{
	struct l2 *l2 = xcalloc(1, sizeof(*l2));
	const struct sock_filter *filter;
	size_t n_filter;
	int err;

	l2->loop = loop;
	l2->claim = claim;
	l2->arg = arg;
	filter = filter_program(&n_filter);
	err = packet_socket_open(
	    loop, ETHERTYPE_ARP, filter, n_filter, l2_receive, l2, &l2->socket);
	if (err) {
		free(l2);
		return err;
	}
	l2->responder = responder_new();
	l2->announcer = announcer_new(loop_now(loop));
	loop_timer_init(&l2->timer, loop, l2_announce, l2);
	loop_deferred_init(&l2->announce, loop, l2_announce, l2);
	*ret_l2 = l2;
	return 0;
}

void
l2_free(struct l2 *l2)
{
	if (!l2)
		return;
	packet_socket_free(l2->socket);
	responder_free(l2->responder);
	announcer_free(l2->announcer);
	link_table_clear(&l2->links);
	loop_timer_fini(&l2->timer);
	loop_deferred_fini(&l2->announce);
	free(l2);
}

void
l2_set_links(struct l2 *l2, const struct link_table *links)
{
	size_t i;

	responder_set_links(l2->responder, links);
	link_table_clear(&l2->links);
	l2->links.items = xcalloc(links->count, sizeof(*links->items));
	l2->links.count = links->count;
	for (i = 0; i < links->count; i++) {
		l2->links.items[i] = links->items[i];
		l2->links.items[i].addresses = NULL;
		l2->links.items[i].n_addresses = 0;
	}
}

void
l2_set(struct l2 *l2, const struct ip_addr *ip, const int *ifindexes, size_t n_ifindexes)
{
	struct announcer_port *ports = xcalloc(n_ifindexes, sizeof(*ports));
	const int nowhere = 0;
	size_t i, n = 0;

	for (i = 0; i < n_ifindexes; i++) {
		const struct link_info *link = link_table_by_index(&l2->links, ifindexes[i]);

		if (link)
			ports[n++] = (struct announcer_port){link->ifindex, link->mac};
	}
	/* Without any it answers nowhere: NULL would mean everywhere. */
	responder_set(l2->responder, ip, n_ifindexes ? ifindexes : &nowhere, n_ifindexes);
	(void)announcer_set(l2->announcer, ip, ports, n);
	free(ports);
	loop_defer(&l2->announce);
}

void
l2_remove(struct l2 *l2, const struct ip_addr *ip)
{
	(void)responder_remove(l2->responder, ip);
	(void)announcer_remove(l2->announcer, ip);
}

void
l2_drain(struct l2 *l2)
{
	(void)packet_socket_drain(l2->socket);
}

void
l2_announce_again(struct l2 *l2, const struct ip_addr *ip)
{
	announcer_restart(l2->announcer, ip);
	loop_defer(&l2->announce);
}

bool
l2_is_announcing(const struct l2 *l2, const struct ip_addr *ip)
{
	return responder_find(l2->responder, ip) != NULL;
}

const struct responder *
l2_responder(const struct l2 *l2)
{
	return l2->responder;
}

const struct announcer *
l2_announcer(const struct l2 *l2)
{
	return l2->announcer;
}
