#include "daemon/l2.h"

#include <net/ethernet.h>
#include <stdlib.h>
#include <string.h>

#include "io/loop.h"
#include "l2/filter.h"
#include "util/mem.h"

/* Frames sent in one turn of the loop; more wait for the next, so that received ones are answered
 * in between. */
#define L2_FRAMES_PER_TURN 64

struct l2 {
	struct loop *loop;
	struct responder *responder;
	struct announcer *announcer;
	struct packet_socket *sockets[FRAME_PROTOCOL_COUNT];
	struct multicast *groups;
	/* A copy without addresses: index and MAC are all that is needed. */
	struct link_table links;
	struct loop_timer timer;
	struct loop_deferred announce;
	bool held;
	const struct l2_ops *ops;
	void *arg;
};

static const uint16_t ethertypes[] = {[FRAME_ARP] = ETHERTYPE_ARP, [FRAME_NDP] = ETHERTYPE_IPV6};

static int
send_frame(struct l2 *l2, const struct ip_addr *ip, int ifindex, const void *bytes, size_t len)
{
	struct packet_socket *socket =
	    l2->sockets[ip->family == IP_FAMILY_V6 ? FRAME_NDP : FRAME_ARP];

	return packet_socket_send(socket, ifindex, bytes, len);
}

static void
l2_receive(void *arg, const struct packet_frame *frame)
{
	struct l2 *l2 = arg;
	struct responder_output output;

	if (l2->held)
		return;
	switch (responder_receive(
	    l2->responder, frame->ifindex, frame->bytes, frame->len, frame->vlan, &output)) {
	case RESPONDER_REPLY:
		if (send_frame(l2, &output.ip, frame->ifindex, output.frame, output.len))
			responder_send_failed(l2->responder, &output.ip);
		break;
	case RESPONDER_CLAIMED:
		l2->ops->claim(l2->arg, &output.ip, &output.mac, frame->ifindex);
		break;
	case RESPONDER_MALFORMED:
	case RESPONDER_NO_INTERFACE:
	case RESPONDER_OWN:
	case RESPONDER_NOT_REQUEST:
	case RESPONDER_NOT_FOR_US:
	case RESPONDER_NOT_ANNOUNCED:
	case RESPONDER_NOT_ON_THIS_INTERFACE:
	case RESPONDER_SILENT:
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

	if (l2->held)
		return;
	for (i = 0; i < L2_FRAMES_PER_TURN && announcer_next(l2->announcer, now, &frame); i++) {
		if (send_frame(l2, &frame.ip, frame.ifindex, frame.bytes, frame.len)) {
			announcer_send_failed(l2->announcer, &frame, now);
		} else if (frame.cleared) {
			responder_set_silent(l2->responder, &frame.ip, frame.ifindex, false);
			l2->ops->cleared(l2->arg, &frame.ip, frame.ifindex);
		}
	}
	loop_timer_set(&l2->timer, announcer_deadline(l2->announcer, now));
}

static int
open_sockets(struct l2 *l2)
{
	const struct sock_filter *filter;
	size_t n_filter;
	int i, err = 0;

	filter = filter_program(&n_filter);
	for (i = 0; i < FRAME_PROTOCOL_COUNT && !err; i++)
		err = packet_socket_open(
		    l2->loop, ethertypes[i], filter, n_filter, l2_receive, l2, &l2->sockets[i]);
	return err;
}

int
l2_new(struct loop *loop, const struct l2_ops *ops, void *arg, struct l2 **ret_l2)
{
	struct l2 *l2 = xcalloc(1, sizeof(*l2));
	int err;

	l2->loop = loop;
	l2->ops = ops;
	l2->arg = arg;
	l2->responder = responder_new();
	l2->announcer = announcer_new(loop_now(loop));
	l2->groups = multicast_new(loop);
	loop_timer_init(&l2->timer, loop, l2_announce, l2);
	loop_deferred_init(&l2->announce, loop, l2_announce, l2);
	err = open_sockets(l2);
	if (err) {
		l2_free(l2);
		return err;
	}
	*ret_l2 = l2;
	return 0;
}

void
l2_free(struct l2 *l2)
{
	int i;

	if (!l2)
		return;
	for (i = 0; i < FRAME_PROTOCOL_COUNT; i++)
		packet_socket_free(l2->sockets[i]);
	multicast_free(l2->groups);
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

static bool
is_among(const int *ifindexes, size_t n, int ifindex)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (ifindexes[i] == ifindex)
			return true;
	return false;
}

/* Joins the address's group on the interfaces that are new, and leaves it on those that are not
 * among them. Before the responder is told, which knows the old ones. */
static void
move_groups(struct l2 *l2, const struct ip_addr *ip, const int *ifindexes, size_t n_ifindexes)
{
	const struct responder_address *old = responder_find(l2->responder, ip);
	struct ip_addr group;
	size_t i, j;

	if (ip->family != IP_FAMILY_V6)
		return;
	group = ndp_solicited_node(ip);
	for (i = 0; i < n_ifindexes; i++) {
		for (j = 0; old && j < old->n_ports; j++)
			if (old->ports[j].ifindex == ifindexes[i])
				break;
		if (!old || j == old->n_ports)
			multicast_join(l2->groups, ifindexes[i], &group);
	}
	for (j = 0; old && j < old->n_ports; j++)
		if (!is_among(ifindexes, n_ifindexes, old->ports[j].ifindex))
			multicast_leave(l2->groups, old->ports[j].ifindex, &group);
}

void
l2_set(
    struct l2 *l2, const struct ip_addr *ip, const int *ifindexes, size_t n_ifindexes, bool probe)
{
	struct announcer_port *ports = xcalloc(n_ifindexes, sizeof(*ports));
	size_t i, n = 0;

	for (i = 0; i < n_ifindexes; i++) {
		const struct link_info *link = link_table_by_index(&l2->links, ifindexes[i]);

		if (link)
			ports[n++] = (struct announcer_port){link->ifindex, link->mac};
	}
	move_groups(l2, ip, ifindexes, n_ifindexes);
	responder_set(l2->responder, ip, ifindexes, n_ifindexes);
	announcer_set(l2->announcer, ip, ports, n, probe);
	free(ports);
	loop_defer(&l2->announce);
}

void
l2_remove(struct l2 *l2, const struct ip_addr *ip)
{
	move_groups(l2, ip, NULL, 0);
	(void)responder_remove(l2->responder, ip);
	(void)announcer_remove(l2->announcer, ip);
}

enum announcer_reaction
l2_conflict(struct l2 *l2, const struct ip_addr *ip, const struct mac_addr *mac, int ifindex)
{
	enum announcer_reaction reaction = announcer_claimed(
	    l2->announcer, ip, ifindex, mac, loop_now(l2->loop));

	if (reaction == ANNOUNCER_SILENCED)
		responder_set_silent(l2->responder, ip, ifindex, true);
	loop_defer(&l2->announce);
	return reaction;
}

void
l2_hold(struct l2 *l2)
{
	int i;

	l2->held = true;
	for (i = 0; i < FRAME_PROTOCOL_COUNT; i++)
		(void)packet_socket_drain(l2->sockets[i]);
}

void
l2_resume(struct l2 *l2)
{
	l2->held = false;
	loop_defer(&l2->announce);
}

void
l2_set_voice(struct l2 *l2, const struct ip_addr *ip, enum l2_voice voice, bool burst)
{
	responder_set_muted(l2->responder, ip, voice == L2_MUTE);
	if (voice == L2_ANNOUNCE) {
		announcer_resume(l2->announcer, ip, loop_now(l2->loop));
		if (burst)
			announcer_restart(l2->announcer, ip);
	} else {
		announcer_pause(l2->announcer, ip);
	}
	loop_defer(&l2->announce);
}

void
l2_probe(struct l2 *l2, const struct ip_addr *ip)
{
	const struct responder_address *address = responder_find(l2->responder, ip);
	uint8_t frame[FRAME_MAX_BYTES];
	size_t i, len;

	for (i = 0; address && i < address->n_ports; i++) {
		const struct link_info *link = link_table_by_index(
		    &l2->links, address->ports[i].ifindex);

		if (!link)
			continue;
		len = frame_probe(ip, &link->mac, frame);
		/* One that is lost is one of three. */
		(void)send_frame(l2, ip, link->ifindex, frame, len);
	}
}

bool
l2_is_set(const struct l2 *l2, const struct ip_addr *ip)
{
	return responder_find(l2->responder, ip) != NULL;
}

bool
l2_is_announcing(const struct l2 *l2, const struct ip_addr *ip)
{
	const struct responder_address *address = responder_find(l2->responder, ip);

	return address && !address->muted;
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

struct multicast_stats
l2_groups(const struct l2 *l2)
{
	return multicast_stats(l2->groups);
}

struct packet_socket_stats
l2_socket_stats(const struct l2 *l2, enum frame_protocol protocol)
{
	return packet_socket_stats(l2->sockets[protocol]);
}
