#include "lease/leader.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"
#include "util/str.h"

#define LEADER_SPREAD_USEC (20 * USEC_PER_MSEC) /* of first claims, for each member */
#define LEADER_MAX_DURATION_SECONDS 3600        /* a record that states more is cut to this */

static const char *const state_names[] = {
    "waiting", "follower", "leading", "releasing", "released"};
static_assert(
    sizeof(state_names) / sizeof(state_names[0]) == LEADER_STATE_COUNT, "one name per state");

const char *
leader_state_str(enum leader_state state)
{
	return state_names[state];
}

void
leader_init(struct leader *leader, const char *node, const struct lease_table *leases,
    struct lease_outbox *out, uint64_t seed)
{
	*leader = (struct leader){
	    .identity = xstrdup(node),
	    .out = out,
	    .changed = RECORD_LONG_AGO,
	    .not_before = RECORD_LONG_AGO,
	    .minority_since = MONO_NEVER,
	};
	record_init(&leader->record, LEADER_LEASE, leases);
	prng_init(&leader->prng, seed);
}

void
leader_fini(struct leader *leader)
{
	record_fini(&leader->record);
	free(leader->identity);
	leader->identity = NULL;
}

const char *
leader_holder(const struct leader *leader)
{
	const struct lease *lease = record_current(&leader->record);

	return lease ? lease->holder : "";
}

static bool
leader_is_ours(const struct leader *leader)
{
	return str_eq(leader_holder(leader), leader->identity);
}

bool
leader_is_leading(const struct leader *leader, mono_t now)
{
	return leader->state == LEADER_LEADING &&
	    mono_before(now, mono_add_usec(leader->record.written, LEADER_RENEW_DEADLINE_USEC));
}

bool
leader_is_released(const struct leader *leader)
{
	return leader->state == LEADER_RELEASED;
}

static void
leader_lose(struct leader *leader, const char *why, const char *who)
{
	leader->state = LEADER_FOLLOWER;
	lease_outbox_say(leader->out, LEASE_EVENT_LEADER_LOST, leader->identity, "%s%s", who, why);
}

static void
leader_touch(struct leader *leader, mono_t now)
{
	uint64_t spread = (uint64_t)leader->n_members * LEADER_SPREAD_USEC;

	if (spread > LEADER_RETRY_PERIOD_USEC)
		spread = LEADER_RETRY_PERIOD_USEC;
	leader->changed = now;
	leader->jitter_usec = (int64_t)prng_below(&leader->prng, spread);
}

/* Whatever is known of the Lease may have changed: by the watch or by an answer. */
static void
leader_look(struct leader *leader, mono_t now)
{
	const struct lease *lease = record_current(&leader->record);
	uint64_t version = record_version(lease);

	if (version != leader->version) {
		leader->was_there = leader->was_there || leader->version;
		leader->version = version;
		leader_touch(leader, now);
	}
	if (lease)
		leader->transitions = lease->transitions;
	/* A Lease that was deleted or emptied is only rewritten; another's name ends it. */
	if (leader->state == LEADER_LEADING && lease && lease_is_held(lease) &&
	    !leader_is_ours(leader))
		leader_lose(leader, " holds it", lease->holder);
	if (leader->state == LEADER_RELEASING && !leader_is_ours(leader) &&
	    leader->record.in_flight == LEASE_NONE && !leader->record.unsure)
		leader->state = LEADER_RELEASED;
}

/* The duration that the record itself states: the others may have other settings. */
static int64_t
leader_record_duration(const struct lease *lease)
{
	int32_t seconds = lease->duration_seconds;

	if (seconds <= 0)
		return LEADER_LEASE_DURATION_USEC;
	if (seconds > LEADER_MAX_DURATION_SECONDS)
		seconds = LEADER_MAX_DURATION_SECONDS;
	return seconds * USEC_PER_SEC;
}

static mono_t
leader_claim_time(const struct leader *leader)
{
	const struct lease *lease = record_current(&leader->record);
	int64_t wait = leader->jitter_usec;

	if (!lease)
		wait += leader->was_there ? LEADER_VANISHED_USEC : 0;
	else if (lease_is_held(lease))
		wait += leader_record_duration(lease);
	return mono_add_usec(leader->changed, wait);
}

/* When the next request is due. */
static mono_t
leader_due(const struct leader *leader)
{
	const struct lease_record *rec = &leader->record;
	bool ours = leader_is_ours(leader);
	mono_t at;

	if (rec->in_flight != LEASE_NONE || leader->state == LEADER_WAITING ||
	    leader->state == LEADER_RELEASED || !leader->active)
		return MONO_NEVER;
	if (rec->unsure || leader->state == LEADER_RELEASING)
		at = leader->not_before;
	else if (leader->state == LEADER_LEADING && ours)
		at = mono_add_usec(rec->sent, LEADER_RETRY_PERIOD_USEC);
	else if (leader->state == LEADER_LEADING || ours)
		at = leader->not_before;
	else if (!leader->may_apply)
		return MONO_NEVER;
	else
		at = leader_claim_time(leader);
	return mono_before(at, leader->not_before) ? leader->not_before : at;
}

static void
leader_write(struct leader *leader, bool hold, mono_t now)
{
	const struct lease *current = record_current(&leader->record);
	struct lease *lease = record_draft(&leader->record);
	int64_t wall = lease_outbox_wall_usec(leader->out, now);

	lease->renew_time_usec = wall;
	if (hold) {
		if (!current)
			lease->transitions = leader->transitions;
		else if (!leader_is_ours(leader) && lease->transitions < INT32_MAX)
			lease->transitions++;
		if (!leader_is_ours(leader) || !lease->acquire_time_usec)
			lease->acquire_time_usec = wall;
		lease->holder = arena_strdup(lease->arena, leader->identity);
		lease->duration_seconds = LEADER_LEASE_DURATION_USEC / USEC_PER_SEC;
	} else {
		/* client-go's release: free at once, and of no weight if it is not taken. */
		lease->acquire_time_usec = wall;
		lease->holder = "";
		lease->duration_seconds = 1;
	}
	record_send(
	    &leader->record, leader->out, current ? LEASE_UPDATE : LEASE_CREATE, lease, now);
}

static void
leader_act(struct leader *leader, mono_t now)
{
	if (!mono_reached(now, leader_due(leader)))
		return;
	if (leader->record.unsure)
		record_send(&leader->record, leader->out, LEASE_GET, NULL, now);
	else if (leader->state == LEADER_RELEASING ||
	    (leader->state == LEADER_FOLLOWER && !leader->may_apply))
		leader_write(leader, false, now);
	else
		leader_write(leader, true, now);
}

void
leader_tick(struct leader *leader, mono_t now)
{
	if (leader->state == LEADER_LEADING && !leader_is_leading(leader, now))
		leader_lose(leader, "no renewal succeeded in time", "");
	if (leader->state == LEADER_LEADING &&
	    mono_reached(now, mono_add_usec(leader->minority_since, LEADER_MINORITY_USEC)))
		leader_lose(leader, "more than half of the members have other settings", "");
	leader_act(leader, now);
}

mono_t
leader_next_deadline(const struct leader *leader)
{
	mono_t at = leader_due(leader);

	if (leader->state == LEADER_LEADING) {
		at = mono_min(
		    at, mono_add_usec(leader->record.written, LEADER_RENEW_DEADLINE_USEC));
		at = mono_min(at, mono_add_usec(leader->minority_since, LEADER_MINORITY_USEC));
	}
	return at;
}

void
leader_set(struct leader *leader, bool active, bool may_apply, unsigned n_members, mono_t now)
{
	leader->active = active;
	leader->n_members = n_members;
	if (may_apply)
		leader->minority_since = MONO_NEVER;
	else if (leader->may_apply || mono_is_never(leader->minority_since))
		leader->minority_since = now;
	leader->may_apply = may_apply;
	if (!active && leader->state == LEADER_LEADING)
		leader_lose(leader, "we may not act under our name", "");
	leader_tick(leader, now);
}

void
leader_observe(struct leader *leader, mono_t now)
{
	record_observe(&leader->record);
	if (leader->state == LEADER_WAITING)
		return;
	leader_look(leader, now);
	leader_act(leader, now);
}

void
leader_listed(struct leader *leader, mono_t now)
{
	record_listed(&leader->record);
	if (leader->state == LEADER_WAITING) {
		leader->state = LEADER_FOLLOWER;
		leader_touch(leader, now);
	}
	leader_look(leader, now);
	leader_act(leader, now);
}

static void
leader_failed(struct leader *leader, enum lease_op op, enum lease_result result, mono_t now)
{
	int64_t wait = LEADER_RETRY_PERIOD_USEC;

	/* client-go's followers: the retry period and up to 1.2 times more. A holder, and one who
	 * stops, have a deadline to meet. */
	if (leader->state == LEADER_FOLLOWER)
		wait += (int64_t)prng_below(&leader->prng, wait + wait / 5);
	else
		wait /= 4;
	leader->not_before = mono_add_usec(now, wait);
	if (leader->failures++ == 0 && result == LEASE_REFUSED)
		lease_outbox_say(
		    leader->out, LEASE_EVENT_REFUSED, LEADER_LEASE, "%s", lease_op_str(op));
}

void
leader_answered(
    struct leader *leader, enum lease_result result, const struct lease *answer, mono_t now)
{
	enum lease_op op = leader->record.in_flight;
	bool write = op == LEASE_CREATE || op == LEASE_UPDATE;

	record_answered(&leader->record, result, answer);
	switch (result) {
	case LEASE_OK:
		leader->failures = 0;
		break;
	case LEASE_CONFLICT:
	case LEASE_EXISTS:
		break;
	case LEASE_NOT_FOUND:
		if (op == LEASE_CREATE)
			leader_failed(leader, op, result, now);
		break;
	case LEASE_REFUSED:
	case LEASE_UNKNOWN:
	case LEASE_UNREACHABLE:
	case LEASE_RESULT_COUNT:
		leader_failed(leader, op, result, now);
		break;
	}
	leader_look(leader, now);
	/* An answer that took longer than the renew deadline tells of a past that is over. */
	if (write && result == LEASE_OK && leader->state == LEADER_FOLLOWER && leader->active &&
	    leader->may_apply && leader_is_ours(leader) &&
	    mono_before(now, mono_add_usec(leader->record.written, LEADER_RENEW_DEADLINE_USEC))) {
		leader->state = LEADER_LEADING;
		lease_outbox_say(leader->out, LEASE_EVENT_LEADER, leader->identity, "%s", "");
	}
	leader_tick(leader, now);
}

void
leader_release(struct leader *leader, mono_t now)
{
	if (leader->state == LEADER_RELEASED || leader->state == LEADER_RELEASING)
		return;
	if (leader->state == LEADER_LEADING)
		leader_lose(leader, "we stop", "");
	leader->state = leader->active && leader->state != LEADER_WAITING ? LEADER_RELEASING
									  : LEADER_RELEASED;
	leader_look(leader, now);
	leader_act(leader, now);
}
