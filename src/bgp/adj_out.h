/*
 * adj_out: the Adj-RIB-Out of one peer (RFC 4271 3.2): which routes it shall have, which it was
 * sent, and the UPDATEs that make the second like the first. Level-triggered: wanting what is
 * wanted already costs no message.
 *
 * UPDATEs are made when the socket has room, never ahead: a slow router finds the newest state, and
 * memory does not depend on it. Withdrawals go first; then routes, packed by attribute set, each
 * message at most BGP_MESSAGE_MAX_BYTES; then, for each family, End-of-RIB (RFC 4724 2) if it was
 * asked for and nothing of the family is left to send.
 *
 * Owned by a bgp_session, whose glue only wants and reads. The pool must outlive it.
 */
#ifndef BGP_ADJ_OUT_H
#define BGP_ADJ_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bgp/attribute_set.h"
#include "bgp/message.h"
#include "bgp/next_hop.h"
#include "util/list.h"
#include "util/map.h"

#define BGP_ADJ_OUT_MAX_ROUTES 65536

struct bgp_adj_bucket;

/* A prefix. Read only, for status. */
struct bgp_adj_route {
	struct map_node node; /* by prefix */
	struct ip_prefix prefix;
	struct bgp_attribute_set *wanted; /* NULL: shall not be there */
	struct bgp_attribute_set *sent;   /* NULL: the peer does not have it */
	bool resend;                      /* though wanted and sent are the same */
	bool queued;
	uint32_t generation;           /* of the last bgp_adj_out_begin() that wanted it */
	struct bgp_adj_bucket *bucket; /* where it is queued; NULL: among the withdrawals */
	TAILQ_ENTRY(bgp_adj_route) entry;
};

TAILQ_HEAD(bgp_adj_routes, bgp_adj_route);

/* What a session negotiated, as far as UPDATEs depend on it. */
struct bgp_adj_context {
	bool internal;    /* iBGP */
	bool as4;         /* four-octet AS numbers on both sides */
	uint32_t asn;     /* ours towards this peer, for AS_PATH */
	uint8_t families; /* negotiated: BGP_FAMILY_BIT() */
	bool extended_next_hop;
	struct bgp_next_hops next_hops;
};

struct bgp_adj_counts {
	size_t wanted, sent; /* sent: as the peer has it, older attributes counted too */
	size_t pending;      /* routes whose UPDATE is not made yet, withdrawals too */
};

struct bgp_adj_out {
	struct bgp_attribute_pool *pool;
	struct bgp_adj_route *routes;
	struct bgp_adj_bucket *buckets;                           /* by attribute set and family */
	TAILQ_HEAD(bgp_adj_bucket_list, bgp_adj_bucket) announce; /* those that are not empty */
	struct bgp_adj_routes withdraw;
	uint32_t generation;
	bool up, graceful_shutdown, suppressed;
	struct bgp_adj_context context;
	uint8_t families; /* that can be announced: negotiated, and with a next hop */
	uint8_t eor;      /* families whose End-of-RIB is to be sent */
	struct bgp_adj_counts counts[BGP_FAMILY_COUNT];
};

void bgp_adj_out_init(struct bgp_adj_out *out, struct bgp_attribute_pool *pool);
void bgp_adj_out_fini(struct bgp_adj_out *out);

/*
 * The whole of what the peer shall have: begin, want each prefix, end. What was not wanted in
 * between is withdrawn. `set` is borrowed; adj_out takes its own reference. Host bits of prefix
 * must be zero. -ENOSPC beyond BGP_ADJ_OUT_MAX_ROUTES, and the prefix is left out.
 */
void bgp_adj_out_begin(struct bgp_adj_out *out);
int bgp_adj_out_want(
    struct bgp_adj_out *out, const struct ip_prefix *prefix, struct bgp_attribute_set *set);
void bgp_adj_out_end(struct bgp_adj_out *out);

/* For bgp_session only: the session is Established, or no longer; nothing is then sent. */
void bgp_adj_out_up(struct bgp_adj_out *out, const struct bgp_adj_context *context);
void bgp_adj_out_down(struct bgp_adj_out *out);
/* ROUTE-REFRESH (RFC 2918 4): the routes of the family again, all. */
void bgp_adj_out_refresh(struct bgp_adj_out *out, enum bgp_family family);
void bgp_adj_out_end_of_rib(struct bgp_adj_out *out, enum bgp_family family);
/* RFC 8326 4.1: everything again with the community GRACEFUL_SHUTDOWN, and to internal peers
 * LOCAL_PREF 0; or, false, everything as it is wanted. */
void bgp_adj_out_graceful_shutdown(struct bgp_adj_out *out, bool on);
/* Withdraws everything, and keeps what is wanted for later. */
void bgp_adj_out_suppress(struct bgp_adj_out *out, bool on);

bool bgp_adj_out_is_pending(const struct bgp_adj_out *out);
/*
 * As many whole UPDATEs as fit; returns their bytes, 0 when none is pending or size is less than
 * BGP_MESSAGE_MAX_BYTES. They count as sent. *ret_updates is how many there are.
 */
size_t
bgp_adj_out_encode(struct bgp_adj_out *out, uint8_t *bytes, size_t size, unsigned *ret_updates);

/* Whether routes of the family can be announced in this session; false while it is not
 * Established. */
bool bgp_adj_out_can_announce(const struct bgp_adj_out *out, enum bgp_family family);
/* NULL when the prefix is neither wanted nor sent. Loop with MAP_FOREACH (route, out->routes). */
const struct bgp_adj_route *
bgp_adj_out_find(const struct bgp_adj_out *out, const struct ip_prefix *prefix);

#endif
