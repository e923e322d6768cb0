/*
 * claims: what follows when somebody else says on the LAN that an address of ours is his.
 *
 * A member: its kernel answers for an address on kube-ipvs0 (no strictARP), or the Lease just
 * changed hands. A matter of the Leases, never of the wire. Warned of when the server has said
 * since it began that the Lease is ours: it is heard seldom, mostly in answers to our first probes.
 *
 * The gateway: it answers for everything (proxy ARP). Warned of.
 *
 * A stranger: a conflict. An Event on the Services, a line in the log; l2/announcer decides whether
 * this node falls silent (it was only probing) or defends the address.
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
/* A member that claims an address which the server said is ours has no business to. */
#define CLAIMS_PROVEN_USEC (10 * USEC_PER_SEC)
/* What is said of them is much the same for every address. */
#define CLAIMS_MEMBER_SAID_USEC (10 * USEC_PER_SEC)
#define CLAIMS_MEMBER_SAID_BURST 5
#define CLAIMS_SAID_USEC USEC_PER_SEC /* lines in the log: one each, after */
#define CLAIMS_SAID_BURST 10
/* The kernel is asked for the gateway no more often, as long as claims come by one interface and in
 * one family. */
#define CLAIMS_GATEWAY_USEC USEC_PER_SEC

struct claims {
	struct daemon *daemon;
	struct rate looked_at, said, members_said;
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
};

void claims_init(struct claims *claims, struct daemon *daemon);
/* For l2_ops. */
void claims_seen(
    struct claims *claims, const struct ip_addr *ip, const struct mac_addr *mac, int ifindex);
void claims_cleared(struct claims *claims, const struct ip_addr *ip, int ifindex);

#endif
