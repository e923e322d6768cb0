/*
 * l2: announces addresses on the LAN. Joins l2/responder and l2/announcer with two packet sockets
 * (ARP, IPv6) and, for IPv6, with the solicited-node groups of the addresses.
 */
#ifndef DAEMON_L2_H
#define DAEMON_L2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/multicast.h"
#include "io/packet_socket.h"
#include "l2/announcer.h"
#include "l2/responder.h"
#include "util/link.h"

struct l2;
struct loop;

/*
 * An address that is set here is claimed by a MAC that is none of this machine's: another member's,
 * the gateway's, or a stranger's. For every frame that claims one, so that a hand-over of many
 * addresses is seen at once; it must be quick, and what it says or writes it limits itself. It must
 * not free the l2, and may set and remove addresses.
 */
typedef void
l2_claim_fn(void *arg, const struct ip_addr *ip, const struct mac_addr *mac, int ifindex);
/* Nobody claims it any more: announced from now on. */
typedef void l2_cleared_fn(void *arg, const struct ip_addr *ip, int ifindex);

/* What is heard of an address. Claims of others are seen all the same. */
enum l2_voice {
	L2_ANNOUNCE,
	L2_ANSWER, /* answers requests, announces nothing by itself: another took it over */
	L2_MUTE    /* nothing: it is in doubt */
};

struct l2_ops {
	l2_claim_fn *claim;
	l2_cleared_fn *cleared;
};

/* 0 or -errno: no packet socket (CAP_NET_RAW). `ops` must outlive it. */
int l2_new(struct loop *loop, const struct l2_ops *ops, void *arg, struct l2 **ret_l2);
/* NULL is allowed. */
void l2_free(struct l2 *l2);
/* The interfaces changed: MACs are taken over. l2_set() for the addresses that are affected
 * follows. */
void l2_set_links(struct l2 *l2, const struct link_table *links);
/*
 * Answers for ip and announces it, on these interfaces and no others; the same again sends nothing.
 * `probe`: nobody is known to have owned it: when it is new here, it is probed before it is
 * announced.
 */
void l2_set(
    struct l2 *l2, const struct ip_addr *ip, const int *ifindexes, size_t n_ifindexes, bool probe);
void l2_remove(struct l2 *l2, const struct ip_addr *ip);
/* Of a claim: it is a stranger's. What follows, silence or defence, is the announcer's. */
enum announcer_reaction
l2_conflict(struct l2 *l2, const struct ip_addr *ip, const struct mac_addr *mac, int ifindex);
/*
 * Something came in doubt that concerns all addresses. What waits in the packet sockets is thrown
 * away unanswered: it was asked before. From then on nothing is answered or announced, until what
 * follows from the doubt has been set and l2_resume() is called, at the end of the turn.
 */
void l2_hold(struct l2 *l2);
void l2_resume(struct l2 *l2);
/*
 * Of an address that is set, which begins with L2_ANNOUNCE; nothing when it is not. `burst`, with
 * L2_ANNOUNCE: the schedule begins anew, as if it were set anew. Without it the silence ends, and
 * nothing is sent before the next refresh.
 */
void l2_set_voice(struct l2 *l2, const struct ip_addr *ip, enum l2_voice voice, bool burst);
/* One probe for an address that is set, by each of its interfaces: who has it? An answer is a
 * claim. As the address is muted, nothing else is sent. */
void l2_probe(struct l2 *l2, const struct ip_addr *ip);
bool l2_is_set(const struct l2 *l2, const struct ip_addr *ip);
/* Set, and not muted. */
bool l2_is_announcing(const struct l2 *l2, const struct ip_addr *ip);
/* For reading only. */
const struct responder *l2_responder(const struct l2 *l2);
const struct announcer *l2_announcer(const struct l2 *l2);
struct multicast_stats l2_groups(const struct l2 *l2);
struct packet_socket_stats l2_socket_stats(const struct l2 *l2, enum frame_protocol protocol);

#endif
