/*
 * ownership_rebalance: addresses go home. The home of an address is the candidate that ranks first
 * (rank.h); what another holds because its home was away is offered to it, and to it alone.
 *
 * Only to a home that has been live and unchanged for failover.rebalance, after we have held the
 * address for as long, with settings equal to ours, and not while the Lease says `taken`. (And only
 * to one whose LAN session is Up: that comes with BFD.) An address that its home does not take, or
 * that comes back, is offered again with back-off, up to once an hour.
 *
 * Paced over the cluster: each node begins one offer per REBALANCE_PER_SECOND'th of a second and
 * member, so that all of them together begin REBALANCE_PER_SECOND a second, each two writes.
 * Looking for what to offer costs at most REBALANCE_RANKS ranks a second.
 *
 * For the files of ownership only.
 */
#ifndef LEASE_OWNERSHIP_REBALANCE_H
#define LEASE_OWNERSHIP_REBALANCE_H

#include "lease/ownership.h"

#define REBALANCE_PER_SECOND 3 /* addresses, all members together */
#define REBALANCE_AT_ONCE 4    /* open offers of one node */
#define REBALANCE_RANKS 4096   /* computed in one step, a second */
#define REBALANCE_STEP_USEC USEC_PER_SEC
#define REBALANCE_BACKOFF_MAX_USEC (60 * USEC_PER_MIN)

/* Looks at some of our addresses when it is time to. */
void ownership_rebalance_tick(struct ownership *o, mono_t now);
mono_t ownership_rebalance_deadline(const struct ownership *o);

#endif
