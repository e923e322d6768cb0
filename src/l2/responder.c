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
	uint64_t verdicts[RESPONDER_VERDICT_COUNT];
	uint64_t malformed[ARP_CAUSE_COUNT];
};

static const char *const verdict_names[] = {
    [RESPONDER_REPLY] = "reply",
    [RESPONDER_CONFLICT] = "conflict",
    [RESPONDER_MALFORMED] = "malformed",
    [RESPONDER_NO_INTERFACE] = "no-interface",
    [RESPONDER_OWN] = "own",
    [RESPONDER_NOT_REQUEST] = "not-request",
    [RESPONDER_NOT_FOR_US] = "not-for-us",
    [RESPONDER_NOT_ANNOUNCED] = "not-announced",
    [RESPONDER_NOT_ON_THIS_INTERFACE] = "not-on-this-interface",
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
	free(address->ifindexes);
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
cmp_int(const void *a, const void *b)
{
	const int *ia = a, *ib = b;

	return (*ia > *ib) - (*ia < *ib);
}

void
responder_set(
    struct responder *r, const struct ip_addr *ip, const int *ifindexes, size_t n_ifindexes)
{
	struct responder_address *address = find_address(r, ip);

	if (!address) {
		address = xcalloc(1, sizeof(*address));
		address->ip = *ip;
		MAP_ADD(r->addresses, ip, address);
	}
	address->everywhere = !ifindexes;
	address->n_ifindexes = ifindexes ? n_ifindexes : 0;
	address->ifindexes = xreallocarray(
	    address->ifindexes, address->n_ifindexes, sizeof(*address->ifindexes));
	if (!address->n_ifindexes)
		return;
	memcpy(address->ifindexes, ifindexes, n_ifindexes * sizeof(*ifindexes));
	qsort(address->ifindexes, n_ifindexes, sizeof(*address->ifindexes), cmp_int);
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

static bool
is_announced_on(const struct responder_address *address, int ifindex)
{
	return address->everywhere ||
	    (address->n_ifindexes &&
		bsearch(&ifindex, address->ifindexes, address->n_ifindexes,
		    sizeof(*address->ifindexes), cmp_int));
}

/* RFC 5227 2.4: any ARP packet, request or reply, whose sender IP address is ours and whose sender
 * hardware address is not. */
static struct responder_address *
find_claimed(const struct responder *r, const struct arp *arp, int ifindex)
{
	struct responder_address *address = find_address(r, &arp->sender_ip);

	return address && is_announced_on(address, ifindex) ? address : NULL;
}

static enum responder_verdict
answer(const struct responder *r, const struct port *port, const struct arp *arp,
    struct responder_output *output)
{
	struct responder_address *address;
	struct arp reply;

	if (arp->op != ARP_REQUEST)
		return RESPONDER_NOT_REQUEST;
	if (!mac_addr_eq(&arp->ether_dst, &mac_broadcast) &&
	    !mac_addr_eq(&arp->ether_dst, &port->mac))
		return RESPONDER_NOT_FOR_US;
	address = find_address(r, &arp->target_ip);
	if (!address)
		return RESPONDER_NOT_ANNOUNCED;
	output->ip = address->ip;
	if (!is_announced_on(address, port->ifindex))
		return RESPONDER_NOT_ON_THIS_INTERFACE;
	address->requests_received++;
	address->responses_sent++;
	output->mac = arp->sender_mac;
	reply = arp_reply_to(arp, &port->mac);
	arp_encode(&reply, output->frame);
	output->len = ARP_FRAME_BYTES;
	return RESPONDER_REPLY;
}

static enum responder_verdict
judge(struct responder *r, int ifindex, const uint8_t *frame, size_t len, bool tagged,
    struct responder_output *output)
{
	struct responder_address *claimed;
	const struct port *port;
	struct arp arp;

	MAP_FIND(r->ports, &ifindex, port);
	if (!port)
		return RESPONDER_NO_INTERFACE;
	output->cause = tagged ? ARP_TAGGED : arp_decode(frame, len, &arp);
	if (output->cause != ARP_OK) {
		r->malformed[output->cause]++;
		return RESPONDER_MALFORMED;
	}
	/* Two interfaces in one LAN hear each other, and some switches send a frame back. */
	if (is_own_mac(r, &arp.ether_src) || is_own_mac(r, &arp.sender_mac))
		return RESPONDER_OWN;
	claimed = find_claimed(r, &arp, ifindex);
	if (claimed) {
		claimed->conflicts++;
		output->ip = claimed->ip;
		output->mac = arp.sender_mac;
		return RESPONDER_CONFLICT;
	}
	return answer(r, port, &arp, output);
}

enum responder_verdict
responder_receive(struct responder *r, int ifindex, const uint8_t *frame, size_t len, bool tagged,
    struct responder_output *ret_output)
{
	enum responder_verdict verdict;

	*ret_output = (struct responder_output){.cause = ARP_OK};
	verdict = judge(r, ifindex, frame, len, tagged, ret_output);
	r->verdicts[verdict]++;
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
responder_verdicts(const struct responder *r, enum responder_verdict verdict)
{
	return r->verdicts[verdict];
}

uint64_t
responder_malformed(const struct responder *r, enum arp_cause cause)
{
	return r->malformed[cause];
}
