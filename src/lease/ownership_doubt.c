#include "lease/ownership_doubt.h"

#include <stdlib.h>

#include "lease/ownership_address.h"
#include "lease/ownership_offer.h"
#include "lease/ownership_owner.h"
#include "lease/ownership_scope.h"
#include "util/mem.h"
#include "util/str.h"

void
ownership_doubt_init(struct ownership_doubt *doubt)
{
	*doubt = (struct ownership_doubt){
	    .since = RECORD_LONG_AGO,
	    .until = MONO_NEVER,
	    .resumed = RECORD_LONG_AGO,
	    .proven = RECORD_LONG_AGO,
	    .defended = RECORD_LONG_AGO,
	};
}

void
ownership_doubt_end(struct ownership_address *a)
{
	struct ownership_doubt *doubt = &a->doubt;

	doubt->state = DOUBT_NONE;
	doubt->until = MONO_NEVER;
	doubt->asked = doubt->again = false;
	free(doubt->witness);
	doubt->witness = NULL;
}

bool
ownership_doubt_is_mute(const struct ownership_address *a)
{
	return a->doubt.state == DOUBT_SILENT || a->doubt.state == DOUBT_YIELDED;
}

/* What a remote frame triggers is said at a bounded rate over all addresses. */
static void
doubt_say(
    struct ownership *o, const struct ownership_address *a, enum lease_event_kind kind, mono_t now)
{
	if (a->doubt.witness && rate_take(&o->says, now))
		ownership_say(o, kind, a, "%s", a->doubt.witness);
}

static void
doubt_begin(struct ownership *o, struct ownership_address *a, enum ownership_doubt_state state,
    const char *witness, mono_t now)
{
	ownership_doubt_end(a);
	a->doubt.state = state;
	a->doubt.since = now;
	a->doubt.witness = witness ? xstrdup(witness) : NULL;
	if (state == DOUBT_SILENT) {
		a->doubt.until = mono_add_usec(now, OWNERSHIP_DOUBT_USEC);
		doubt_say(o, a, LEASE_EVENT_DOUBT, now);
	}
	ownership_touch(o, a);
}

/* Announced again where a frame of another may have led clients astray; not in a battle. */
static void
doubt_defend(struct ownership_address *a, mono_t now)
{
	if (mono_diff_usec(now, a->doubt.defended) < OWNERSHIP_DEFEND_USEC)
		return;
	a->doubt.defended = now;
	a->burst = true;
}

static bool
is_proven_lately(const struct ownership_address *a, mono_t now)
{
	return mono_diff_usec(now, a->doubt.proven) < OWNERSHIP_DEFEND_USEC;
}

void
ownership_doubt_witness(
    struct ownership *o, struct ownership_address *a, const char *node, mono_t now)
{
	struct ownership_doubt *doubt = &a->doubt;

	switch (doubt->state) {
	case DOUBT_NONE:
		if (!is_proven_lately(a, now))
			doubt_begin(o, a, DOUBT_SILENT, node, now);
		else if (mono_diff_usec(now, doubt->since) >= DOUBT_CHECK_USEC)
			doubt_begin(o, a, DOUBT_CHECK, node, now);
		break;
	case DOUBT_CHECK:
		/* The answer is late: this is a doubt like any other. */
		if (mono_diff_usec(now, doubt->since) >= DOUBT_CHECK_USEC)
			doubt_begin(o, a, DOUBT_SILENT, node, now);
		break;
	case DOUBT_SILENT:
		if (doubt->witness && mono_diff_usec(now, doubt->since) >= DOUBT_GRACE_USEC)
			doubt->again = true;
		if (!doubt->witness)
			doubt->witness = xstrdup(node);
		break;
	case DOUBT_HOLDING:
		if (!doubt->witness || !str_eq(doubt->witness, node)) {
			doubt_begin(o, a, DOUBT_SILENT, node, now);
		} else if (mono_diff_usec(now, doubt->resumed) >= DOUBT_GRACE_USEC) {
			doubt->state = DOUBT_YIELDED;
			doubt->until = MONO_NEVER;
			doubt->again = true;
			doubt_say(o, a, LEASE_EVENT_YIELDED, now);
			ownership_touch(o, a);
		}
		break;
	case DOUBT_YIELDED:
		doubt->again = true;
		break;
	case DOUBT_STATE_COUNT:
		break;
	}
}

void
ownership_doubt_raise(struct ownership *o, struct ownership_address *a, mono_t now)
{
	char *witness = a->doubt.witness;

	if (a->doubt.state == DOUBT_YIELDED)
		return;
	a->doubt.witness = NULL;
	doubt_begin(o, a, DOUBT_SILENT, witness, now);
	free(witness);
}

void
ownership_doubt_check(struct ownership *o, struct ownership_address *a, mono_t now)
{
	if (a->doubt.state == DOUBT_NONE && mono_diff_usec(now, a->doubt.since) >= DOUBT_CHECK_USEC)
		doubt_begin(o, a, DOUBT_CHECK, NULL, now);
}

void
ownership_doubt_answered(struct ownership *o, struct ownership_address *a, mono_t now)
{
	const struct lease *lease = record_current(&a->record);
	struct ownership_doubt *doubt = &a->doubt;
	bool was_mute = ownership_doubt_is_mute(a);

	if (doubt->state == DOUBT_NONE || a->record.unsure ||
	    mono_before(a->record.sent, doubt->since))
		return;
	/* What it means when it names another, or nobody, is for those who look at the record. */
	if (!lease || !str_eq(lease->holder, o->members->node))
		return;
	doubt->proven = now;
	if (was_mute || doubt->witness)
		doubt_defend(a, now);
	doubt_say(o, a, LEASE_EVENT_PROVEN, now);
	ownership_doubt_end(a);
	ownership_touch(o, a);
}

static bool
ranks_before(const struct ownership *o, const struct ownership_address *a, const char *node)
{
	return membership_ranks_before(
	    o->members, o->members->node, node, &a->addr, &a->scope->scope);
}

static void
doubt_hold(struct ownership_address *a, bool challenge, mono_t now)
{
	a->doubt.state = DOUBT_HOLDING;
	a->doubt.until = MONO_NEVER;
	a->doubt.resumed = now;
	if (challenge)
		a->doubt.defended = RECORD_LONG_AGO;
	doubt_defend(a, now);
}

/* The server did not answer in time. */
static void
doubt_unanswered(struct ownership *o, struct ownership_address *a, mono_t now)
{
	struct ownership_doubt *doubt = &a->doubt;

	if (!doubt->witness) {
		doubt_hold(a, false, now);
		return;
	}
	doubt->state = DOUBT_YIELDED;
	doubt->until = MONO_NEVER;
	if (!doubt->again && ranks_before(o, a, doubt->witness))
		doubt->until = mono_add_usec(now, DOUBT_TIE_USEC);
	doubt_say(o, a, LEASE_EVENT_YIELDED, now);
}

void
ownership_doubt_review(struct ownership *o, struct ownership_address *a, mono_t now)
{
	struct ownership_doubt *doubt = &a->doubt;

	if (!a->announcing) {
		ownership_doubt_end(a);
		return;
	}
	if (doubt->state == DOUBT_SILENT && mono_reached(now, doubt->until))
		doubt_unanswered(o, a, now);
	if (doubt->state == DOUBT_YIELDED && mono_reached(now, doubt->until)) {
		doubt->until = MONO_NEVER;
		if (!doubt->again)
			doubt_hold(a, true, now);
	}
	ownership_wake(a, doubt->until);
}
