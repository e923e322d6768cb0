#include "l2/responder.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "util/link.h"
#include "util/mem.h"

/* An interface by index, and, in a second table, its MAC: several interfaces may have the same. */
struct port {
	struct map_node node;
	int ifindex;
	struct mac_addr mac;
};

struct own_mac {
	struct map_node node;
	struct mac_addr mac;
};

struct responder {
	struct responder_address *addresses;
	struct port *ports;
	struct own_mac *own_macs;
	uint64_t verdicts[FRAME_PROTOCOL_COUNT][RESPONDER_VERDICT_COUNT];
	uint64_t malformed[FRAME_PROTOCOL_COUNT][FRAME_CAUSE_COUNT];
};

static const char *const verdict_names[] = {
    [RESPONDER_REPLY] = "reply",
    [RESPONDER_CLAIMED] = "claimed",
    [RESPONDER_MALFORMED] = "malformed",
    [RESPONDER_NO_INTERFACE] = "no-interface",
    [RESPONDER_OWN] = "own",
    [RESPONDER_NOT_REQUEST] = "not-request",
    [RESPONDER_NOT_FOR_US] = "not-for-us",
    [RESPONDER_NOT_ANNOUNCED] = "not-announced",
    [RESPONDER_NOT_ON_THIS_INTERFACE] = "not-on-this-interface",
    [RESPONDER_SILENT] = "silent",
};
static_assert(
    sizeof(verdict_names) / sizeof(verdict_names[0]) == RESPONDER_VERDICT_COUNT, "one name each");

const char *
responder_verdict_str(enum responder_verdict verdict)
{
	return verdict_names[verdict];
}

struct responder *
responder_new(void)
{
	return xcalloc(1, sizeof(struct responder));
}

static void
clear_links(struct responder *r)
{
	struct port *port, *next_port;
	struct own_mac *mac, *next_mac;

	MAP_FOREACH_SAFE (port, next_port, r->ports) {
		MAP_DEL(r->ports, port);
		free(port);
	}
	MAP_FOREACH_SAFE (mac, next_mac, r->own_macs) {
		MAP_DEL(r->own_macs, mac);
		free(mac);
	}
}

static void
remove_address(struct responder *r, struct responder_address *address)
{
	MAP_DEL(r->addresses, address);
	free(address->ports);
	free(address);
}

void
responder_free(struct responder *r)
{
	struct responder_address *address, *next;

	if (!r)
		return;
	MAP_FOREACH_SAFE (address, next, r->addresses)
		remove_address(r, address);
	clear_links(r);
	free(r);
}

static bool
is_own_mac(const struct responder *r, const struct mac_addr *mac)
{
	const struct own_mac *own;

	MAP_FIND(r->own_macs, mac, own);
	return own != NULL;
}

void
responder_set_links(struct responder *r, const struct link_table *links)
{
	size_t i;

	clear_links(r);
	for (i = 0; i < links->count; i++) {
		const struct link_info *link = &links->items[i];
		struct port *port;
		struct own_mac *own;

		if (mac_addr_is_zero(&link->mac))
			continue;
		port = xcalloc(1, sizeof(*port));
		port->ifindex = link->ifindex;
		port->mac = link->mac;
		MAP_ADD(r->ports, ifindex, port);
		if (is_own_mac(r, &link->mac))
			continue;
		own = xcalloc(1, sizeof(*own));
		own->mac = link->mac;
		MAP_ADD(r->own_macs, mac, own);
	}
}

static struct responder_address *
find_address(const struct responder *r, const struct ip_addr *ip)
{
	struct responder_address *address;

	MAP_FIND(r->addresses, ip, address);
	return address;
}

static int
cmp_port(const void *a, const void *b)
{
	const struct responder_port *pa = a, *pb = b;

	return (pa->ifindex > pb->ifindex) - (pa->ifindex < pb->ifindex);
}

static struct responder_port *
find_port(const struct responder_address *address, int ifindex)
{
	const struct responder_port key = {.ifindex = ifindex};

	if (!address->n_ports)
		return NULL;
	return bsearch(&key, address->ports, address->n_ports, sizeof(*address->ports), cmp_port);
}

void
responder_set(
    struct responder *r, const struct ip_addr *ip, const int *ifindexes, size_t n_ifindexes)
{
	struct responder_address *address = find_address(r, ip);
	struct responder_port *ports = xcalloc(n_ifindexes, sizeof(*ports));
	const struct responder_port *before;
	size_t i;

	if (!address) {
		address = xcalloc(1, sizeof(*address));
		address->ip = *ip;
		MAP_ADD(r->addresses, ip, address);
	}
	for (i = 0; i < n_ifindexes; i++) {
		before = find_port(address, ifindexes[i]);
		ports[i] = (struct responder_port){ifindexes[i], before && before->silent};
	}
	if (n_ifindexes)
		qsort(ports, n_ifindexes, sizeof(*ports), cmp_port);
	free(address->ports);
	address->ports = ports;
	address->n_ports = n_ifindexes;
}

void
responder_set_silent(struct responder *r, const struct ip_addr *ip, int ifindex, bool silent)
{
	struct responder_address *address = find_address(r, ip);
	struct responder_port *port = address ? find_port(address, ifindex) : NULL;

	if (port)
		port->silent = silent;
}

void
responder_set_muted(struct responder *r, const struct ip_addr *ip, bool muted)
{
	struct responder_address *address = find_address(r, ip);

	if (address)
		address->muted = muted;
}

bool
responder_remove(struct responder *r, const struct ip_addr *ip)
{
	struct responder_address *address = find_address(r, ip);

	if (!address)
		return false;
	remove_address(r, address);
	return true;
}

const struct responder_address *
responder_find(const struct responder *r, const struct ip_addr *ip)
{
	return find_address(r, ip);
}

const struct responder_address *
responder_next(const struct responder *r, const struct responder_address *prev)
{
	return prev ? prev->node.next : r->addresses;
}

size_t
responder_count(const struct responder *r)
{
	return MAP_COUNT(r->addresses);
}

static enum responder_verdict
answer(const struct responder *r, const struct port *port, const struct frame_message *message,
    struct responder_output *output)
{
	struct responder_address *address;
	const struct responder_port *announced;

	if (!message->asks)
		return RESPONDER_NOT_REQUEST;
	if (!message->to_group && !mac_addr_eq(&message->ether_dst, &port->mac))
		return RESPONDER_NOT_FOR_US;
	address = find_address(r, &message->target);
	if (!address)
		return RESPONDER_NOT_ANNOUNCED;
	output->ip = address->ip;
	announced = find_port(address, port->ifindex);
	if (!announced)
		return RESPONDER_NOT_ON_THIS_INTERFACE;
	if (address->muted || announced->silent)
		return RESPONDER_SILENT;
	address->requests_received++;
	address->responses_sent++;
	output->mac = message->sender_mac;
	output->len = frame_answer(message, &port->mac, output->frame);
	return RESPONDER_REPLY;
}

static enum responder_verdict
judge(struct responder *r, const struct port *port, const struct frame_message *message,
    struct responder_output *output)
{
	struct responder_address *claimed;

	/* Two interfaces in one LAN hear each other, and some switches send a frame back. */
	if (is_own_mac(r, &message->ether_src) || is_own_mac(r, &message->sender_mac))
		return RESPONDER_OWN;
	claimed = find_address(r, &message->claimed);
	if (claimed && find_port(claimed, port->ifindex)) {
		claimed->claims++;
		output->ip = claimed->ip;
		output->mac = message->sender_mac;
		return RESPONDER_CLAIMED;
	}
	return answer(r, port, message, output);
}

static enum responder_verdict
receive(struct responder *r, int ifindex, const uint8_t *frame, size_t len, bool tagged,
    struct frame_message *message, struct responder_output *output)
{
	const struct port *port;

	message->protocol = frame_protocol_of(frame, len);
	MAP_FIND(r->ports, &ifindex, port);
	if (!port)
		return RESPONDER_NO_INTERFACE;
	output->cause = tagged ? FRAME_TAGGED : frame_decode(frame, len, message);
	if (output->cause == FRAME_OK)
		return judge(r, port, message, output);
	r->malformed[message->protocol][output->cause]++;
	return RESPONDER_MALFORMED;
}

enum responder_verdict
responder_receive(struct responder *r, int ifindex, const uint8_t *frame, size_t len, bool tagged,
    struct responder_output *ret_output)
{
	enum responder_verdict verdict;
	struct frame_message message;

	ret_output->len = 0;
	ret_output->ip = (struct ip_addr){0};
	ret_output->cause = FRAME_OK;
	verdict = receive(r, ifindex, frame, len, tagged, &message, ret_output);
	r->verdicts[message.protocol][verdict]++;
	return verdict;
}

void
responder_send_failed(struct responder *r, const struct ip_addr *ip)
{
	struct responder_address *address = find_address(r, ip);

	if (address && address->responses_sent)
		address->responses_sent--;
}

uint64_t
responder_verdicts(
    const struct responder *r, enum frame_protocol protocol, enum responder_verdict verdict)
{
	return r->verdicts[protocol][verdict];
}

uint64_t
responder_malformed(const struct responder *r, enum frame_protocol protocol, enum frame_cause cause)
{
	return r->malformed[protocol][cause];
}
