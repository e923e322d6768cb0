/*
 * interfaces: on which interfaces an address may be announced in layer 2 (DESIGN: ARP and NDP).
 *
 * With globs (an advertisement's `interfaces`): those whose name matches, whatever
 * node.exclude-interfaces says, since they were named. Without: those with a connected prefix that
 * holds the address, else all; both without node.exclude-interfaces. A connected interface that is
 * down still is the address's LAN: the address is then announced nowhere rather than on another
 * LAN.
 *
 * Never: an interface that is down, without carrier, loopback, without ARP, without broadcast
 * (IPv4), without a link-local address that passed duplicate address detection (IPv6: until then,
 * and with net.ipv6.conf.*.disable_ipv6, the kernel neither joins groups nor forwards there),
 * without a MAC, or that is a bond's slave or a bridge's port (a VRF's member is fine).
 */
#ifndef ANNOUNCE_INTERFACES_H
#define ANNOUNCE_INTERFACES_H

#include <stdbool.h>
#include <stddef.h>

#include "model/settings.h"
#include "util/addr.h"
#include "util/link.h"
#include "util/str.h"

enum interface_verdict {
	INTERFACE_USED,
	/* Never of use for layer 2, whatever happens to it: */
	INTERFACE_LOOPBACK,
	INTERFACE_PORT,
	INTERFACE_NO_ARP,
	INTERFACE_NO_BROADCAST,
	INTERFACE_NO_MAC,
	/* Not chosen: */
	INTERFACE_NOT_NAMED, /* by the advertisement's globs */
	INTERFACE_EXCLUDED,  /* by node.exclude-interfaces */
	INTERFACE_OTHER_LAN, /* another interface has the address's prefix */
	/* Chosen, but cannot serve now: */
	INTERFACE_DOWN,
	INTERFACE_NO_CARRIER,
	INTERFACE_NO_LINK_LOCAL, /* IPv6 */
	INTERFACE_VERDICT_COUNT
};

/* "is down", "has no carrier", ...: follows the interface's name in a sentence. */
const char *interface_verdict_str(enum interface_verdict verdict);
/* Chosen and prevented only by its present state: worth naming when nothing can be used. */
bool interface_verdict_is_passing(enum interface_verdict verdict);

/*
 * What all addresses of one family and one list of globs have in common: made once, asked for each
 * address. Borrows links.
 */
struct interface_choice {
	const struct link_table *links;
	bool named;                         /* by globs: the choice is the same for all addresses */
	enum interface_verdict *candidates; /* per link, its connected prefixes not yet regarded */
	size_t *suitable;                   /* indexes of links that an address could be on */
	size_t n_suitable;
};

/* `globs` may be empty: choose by prefix. */
void interface_choice_init(struct interface_choice *choice, const struct link_table *links,
    const struct string_list *globs, const struct string_list *excludes, enum ip_family family);
void interface_choice_fini(struct interface_choice *choice);
/* The verdict on each link (`ret_verdicts` has links->count) for this address; returns how many are
 * INTERFACE_USED. */
size_t interface_choice_for(const struct interface_choice *choice, const struct ip_addr *addr,
    enum interface_verdict *ret_verdicts);
/* The ifindexes in use for this address, sorted, at most links->count; returns how many. */
size_t interface_choice_list(
    const struct interface_choice *choice, const struct ip_addr *addr, int *ret_ifindexes);
/* Why there is none, in words: "eth0 has no carrier, eth1 is down", "no interface matches
 * \"bond*\"". */
void interface_choice_explain(const struct interface_choice *choice, const struct ip_addr *addr,
    const struct string_list *globs, struct strbuf *out);

#endif
