/*
 * claims: what follows when somebody else says on the LAN that an address of ours is his.
 *
 *   a member       Its kernel answers for an address on kube-ipvs0 (no strictARP), or the Lease
 * just changed hands: a matter of the Leases, never of the wire. Warned of when it goes on. the
 * gateway    It answers for everything (proxy ARP). Warned of. a stranger     A conflict: an Event
 * on the Services, a line in the log; l2/announcer decides whether this node falls silent (it was
 * only probing) or defends the address.
 *
 * Anybody on the LAN can send claims: what they cost is bounded, and what is said of them is too.
 */
#ifndef DAEMON_CLAIMS_H
#define DAEMON_CLAIMS_H

#include <stdint.h>

#include "util/addr.h"
#include "util/mono.h"
#include "util/rate.h"

struct daemon;

/* Claims that are looked at: a LAN can be flooded, a member that takes over ten thousand addresses
 * sends two thousand announcements a second. */
#define CLAIMS_INTERVAL_USEC 250
#define CLAIMS_BURST 512
/* A member that claims an address for so long while its Lease is ours has no business to. */
#define CLAIMS_MEMBER_USEC (2 * USEC_PER_SEC)
#define CLAIMS_SAID_USEC USEC_PER_SEC /* lines in the log: one each, after */
#define CLAIMS_SAID_BURST 10
#define CLAIMS_GATEWAY_USEC USEC_PER_SEC /* the kernel is asked for the gateway no more often */

struct claims {
	struct daemon *daemon;
	struct rate looked_at, said;
	uint64_t strangers, members, gateways, ignored;
	/* The gateway's MAC as last asked for. */
	struct {
		int ifindex;
		enum ip_family family;
		struct mac_addr mac; /* zero: none */
		mono_t asked;
	} gateway;
	/* The last of each kind that had no business to, for metallbctl doctor; `at` is never
	 * without. */
	struct claims_last {
		struct ip_addr ip;
		struct mac_addr mac;
		int ifindex;
		mono_t at;
	} last_member, last_gateway;
	/* The last member that claimed, and since when it did so without a pause. */
	struct {
		struct ip_addr ip;
		struct mac_addr mac;
		mono_t first, last;
	} member;
};

void claims_init(struct claims *claims, struct daemon *daemon);
/* For l2_ops. */
void claims_seen(
    struct claims *claims, const struct ip_addr *ip, const struct mac_addr *mac, int ifindex);
void claims_cleared(struct claims *claims, const struct ip_addr *ip, int ifindex);

#endif
