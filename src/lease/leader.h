/*
 * leader: the election of the one daemon that assigns addresses, through Lease `allocator`, by the
 * conventions of client-go (15 s, 10 s, 2 s), so that every tool reads it.
 *
 * The holder writes each 2 s and gives up by itself 10 s after the send time of the last write that
 * succeeded, answered or not. The others judge by locally observed change and never by renewTime:
 * a record that has not changed for its own duration is free. Unlike client-go's followers, which
 * poll, ours see each change on the watch: a released or missing Lease is taken at once, after a
 * random wait of 20 ms for each member so that not all write.
 *
 * identity = node name: after a restart the node continues its own Lease at once.
 *
 * Owned by the glue; the lease table and the outbox must outlive it.
 */
#ifndef LEASE_LEADER_H
#define LEASE_LEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "lease/record.h"
#include "lease/request.h"
#include "util/mono.h"
#include "util/prng.h"

#define LEADER_LEASE "allocator"
#define LEADER_LEASE_DURATION_USEC (15 * USEC_PER_SEC)
#define LEADER_RENEW_DEADLINE_USEC (10 * USEC_PER_SEC)
#define LEADER_RETRY_PERIOD_USEC (2 * USEC_PER_SEC)
#define LEADER_VANISHED_USEC                                                \
	(3 * USEC_PER_SEC) /* a deleted Lease is left to its holder so long \
			    */
#define LEADER_MINORITY_USEC \
	(15 * USEC_PER_SEC) /* a leader with a minority's file steps down then */

enum leader_state {
	LEADER_WAITING,  /* the Leases were not listed yet */
	LEADER_FOLLOWER, /* another holds it, or nobody */
	LEADER_LEADING,
	LEADER_RELEASING, /* writing the empty holder */
	LEADER_RELEASED,  /* done, for ever */
	LEADER_STATE_COUNT
};

struct leader {
	char *identity;
	struct lease_outbox *out;
	struct lease_record record;
	struct prng prng;
	enum leader_state state;
	bool active, may_apply;
	unsigned n_members;
	unsigned failures;     /* in a row */
	uint64_t version;      /* as last seen; 0: not there */
	bool was_there;        /* before it vanished */
	mono_t changed;        /* when it was last seen to change */
	int64_t jitter_usec;   /* of the claim that this change may lead to */
	mono_t not_before;     /* after a failure */
	mono_t minority_since; /* MONO_NEVER while may_apply */
	int32_t transitions;   /* as last seen, for a Lease that vanished */
};

void leader_init(struct leader *leader, const char *node, const struct lease_table *leases,
    struct lease_outbox *out, uint64_t seed);
void leader_fini(struct leader *leader);
/*
 * active: membership_is_active(); without it nothing is written and nothing led, since the name may
 * be another's. may_apply: membership_hash_majority() is not HASH_MAJORITY_OTHER; without it a
 * follower does not claim, and a leader steps down after LEADER_MINORITY_USEC, so that rolling a
 * new file out does not move leadership for every node. n_members: live ones.
 */
void leader_set(struct leader *leader, bool active, bool may_apply, unsigned n_members, mono_t now);
/* The table changed at LEADER_LEASE. */
void leader_observe(struct leader *leader, mono_t now);
/* The table holds a (new) list of Leases. */
void leader_listed(struct leader *leader, mono_t now);
void leader_answered(
    struct leader *leader, enum lease_result result, const struct lease *answer, mono_t now);
/* SIGTERM: gives leadership up at once and writes the empty holder, if it is ours. */
void leader_release(struct leader *leader, mono_t now);
/* True when nothing more is to be waited for after leader_release(). */
bool leader_is_released(const struct leader *leader);
void leader_tick(struct leader *leader, mono_t now);
mono_t leader_next_deadline(const struct leader *leader);
/* Exact at any time, also between ticks: false once the renew deadline has passed. */
bool leader_is_leading(const struct leader *leader, mono_t now);
/* Who holds it, "" when nobody. Valid until the table changes or a request is answered. */
const char *leader_holder(const struct leader *leader);
const char *leader_state_str(enum leader_state state);

#endif
