/*
 * l2: announces addresses on the LAN. Joins l2/responder and l2/announcer with the packet socket.
 */
#ifndef DAEMON_L2_H
#define DAEMON_L2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* 0 or -errno: no packet socket (CAP_NET_RAW). */
int l2_new(struct loop *loop, l2_claim_fn *claim, void *arg, struct l2 **ret_l2);
/* NULL is allowed. */
void l2_free(struct l2 *l2);
/* The interfaces changed: MACs are taken over. l2_set() for the addresses that are affected
 * follows. */
void l2_set_links(struct l2 *l2, const struct link_table *links);
/* Answers for ip and announces it, on these interfaces and no others; the same again sends nothing.
 */
void l2_set(struct l2 *l2, const struct ip_addr *ip, const int *ifindexes, size_t n_ifindexes);
void l2_remove(struct l2 *l2, const struct ip_addr *ip);
/* What waits in the packet sockets is thrown away unanswered: it was asked before something that
 * just came in doubt. */
void l2_drain(struct l2 *l2);
/* Announces ip from the beginning of the schedule, as if it were set anew: ownership was in doubt
 * and is proven. */
void l2_announce_again(struct l2 *l2, const struct ip_addr *ip);
bool l2_is_announcing(const struct l2 *l2, const struct ip_addr *ip);
/* For reading only. */
const struct responder *l2_responder(const struct l2 *l2);
const struct announcer *l2_announcer(const struct l2 *l2);

#endif
