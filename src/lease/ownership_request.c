#include "lease/ownership_request.h"

#include <stdlib.h>

#include "lease/ownership_doubt.h"
#include "lease/ownership_offer.h"
#include "lease/ownership_owner.h"
#include "util/mem.h"
#include "util/str.h"

/* --- The queues --- */

void
ownership_request_dequeue(struct ownership_address *a)
{
	if (a->queue)
		TAILQ_REMOVE(a->queue, a, ready);
	a->queue = NULL;
}

void
ownership_request_queue(struct ownership *o, struct ownership_address *a)
{
	struct ownership_list *queue = NULL;

	switch (a->need) {
	case NEED_PROVE:
		queue = &o->proofs;
		break;
	case NEED_GET:
	case NEED_CLAIM:
	case NEED_RELEASE:
	case NEED_OFFER:
		queue = &o->urgent;
		break;
	case NEED_ANNOTATE:
	case NEED_DELETE:
		queue = &o->lazy;
		break;
	case NEED_NOTHING:
	case NEED_COUNT:
		break;
	}
	if (a->queue == queue)
		return;
	ownership_request_dequeue(a);
	a->queue = queue;
	if (queue)
		TAILQ_INSERT_TAIL(queue, a, ready);
}

/* An API that does not answer is tried with one request at a time; one more is for a new doubt,
 * which has no time to wait for its turn. */
static bool
has_slot(const struct ownership *o, bool new_doubt)
{
	return o->n_in_flight < (o->n_failures ? 1U + new_doubt : OWNERSHIP_IN_FLIGHT);
}

static bool
is_new_doubt(const struct ownership_address *a)
{
	return a->need == NEED_PROVE && !a->doubt.asked;
}

static struct ownership_address *
first_ready(const struct ownership *o)
{
	struct ownership_address *a = TAILQ_FIRST(&o->proofs);

	if (!a)
		a = TAILQ_FIRST(&o->urgent);
	return a ? a : TAILQ_FIRST(&o->lazy);
}

struct ownership_address *
ownership_request_next(const struct ownership *o, mono_t now)
{
	struct ownership_address *a = first_ready(o);
	bool new_doubt = a && is_new_doubt(a);

	if (!a || !has_slot(o, new_doubt))
		return NULL;
	return new_doubt || mono_reached(now, o->paused_until) ? a : NULL;
}

mono_t
ownership_request_deadline(const struct ownership *o, mono_t now)
{
	struct ownership_address *a = first_ready(o);
	bool new_doubt = a && is_new_doubt(a);
	mono_t at;

	if (!a || !has_slot(o, new_doubt))
		return MONO_NEVER;
	at = rate_next(&o->rate, now);
	return !new_doubt && mono_before(at, o->paused_until) ? o->paused_until : at;
}

/* --- Sending --- */

static void
draft_claim(struct ownership *o, struct ownership_address *a, struct lease *lease, mono_t now)
{
	const struct lease *current = record_current(&a->record);
	bool again = a->announcing; /* it is ours, only the Lease forgot */

	if (again && a->acquire_time_usec)
		lease->acquire_time_usec = a->acquire_time_usec;
	else
		lease->acquire_time_usec = lease_outbox_wall_usec(o->out, now);
	lease->transitions = a->transitions;
	/* One more for each change of holder; and over what a Lease that was set back had shown. */
	if ((current || (a->known && !again)) && lease->transitions < INT32_MAX)
		lease->transitions++;
	lease->holder = arena_strdup(lease->arena, o->members->node);
	lease_set_annotation(lease, OWNERSHIP_ANNOTATION_SERVICES, a->services);
}

/* Why the claim is allowed, for people; and what it means for the wire. */
static void
note_claim(const struct ownership *o, struct ownership_address *a)
{
	const struct lease *current = record_current(&a->record);

	free(a->why);
	if (a->announcing) {
		a->why = xasprintf("%s", "its Lease had vanished");
		return;
	}
	a->how = OWNERSHIP_TAKEN;
	if (ownership_offer_is_for_us(o, a))
		a->why = xasprintf("%s offered it", a->owner->name);
	else if (a->owner)
		a->why = xasprintf("%s is dead", a->owner->name);
	else
		a->why = xasprintf("%s", current ? "released" : "unheld");
	if (!current && !a->known)
		a->how = OWNERSHIP_FIRST;
}

static void
send_request(struct ownership *o, struct ownership_address *a, mono_t now)
{
	enum ownership_need need = a->need;
	enum lease_op op = record_current(&a->record) ? LEASE_UPDATE : LEASE_CREATE;
	struct lease *lease = NULL;

	switch (need) {
	case NEED_NOTHING:
	case NEED_COUNT:
		return;
	case NEED_GET:
	case NEED_PROVE:
		op = LEASE_GET;
		break;
	case NEED_DELETE:
		op = LEASE_DELETE;
		lease = record_draft(&a->record);
		break;
	case NEED_CLAIM:
		note_claim(o, a);
		lease = record_draft(&a->record);
		draft_claim(o, a, lease, now);
		break;
	case NEED_RELEASE:
		lease = record_draft(&a->record);
		lease->holder = "";
		break;
	case NEED_OFFER:
	case NEED_ANNOTATE:
		lease = record_draft(&a->record);
		lease_set_annotation(lease, OWNERSHIP_ANNOTATION_SERVICES, a->services);
		if (need == NEED_OFFER)
			ownership_offer_write(o, a, lease, now);
		break;
	}
	if (need == NEED_CLAIM || need == NEED_RELEASE) {
		lease_set_annotation(lease, OWNERSHIP_ANNOTATION_HANDOVER, NULL);
		lease_set_annotation(lease, OWNERSHIP_ANNOTATION_TAKEN, NULL);
	}
	a->need = NEED_NOTHING;
	a->asked = need;
	a->doubt.asked = true;
	if (!o->n_in_flight && !o->n_failures && !a->failures)
		o->answered = now;
	if (need == NEED_CLAIM)
		a->state = OWNERSHIP_CLAIMING;
	o->n_in_flight++;
	record_send(&a->record, o->out, op, lease, now);
}

bool
ownership_request_send(struct ownership *o, struct ownership_address *a, mono_t now)
{
	if (!rate_take(&o->rate, now))
		return false;
	ownership_request_dequeue(a);
	send_request(o, a, now);
	return true;
}

/* --- Answers --- */

static int64_t
backoff(struct ownership *o, unsigned failures)
{
	int64_t wait = OWNERSHIP_RETRY_USEC;
	unsigned i;

	for (i = 1; i < failures && wait < OWNERSHIP_RETRY_MAX_USEC; i++)
		wait *= 2;
	if (wait > OWNERSHIP_RETRY_MAX_USEC)
		wait = OWNERSHIP_RETRY_MAX_USEC;
	return wait - (int64_t)prng_below(&o->prng, (uint64_t)wait / 2);
}

/* This one Lease cannot be written as we want. */
static void
failed(struct ownership *o, struct ownership_address *a, enum lease_op op, enum lease_result result,
    mono_t now)
{
	if (a->failures == 0 && (result == LEASE_REFUSED || result == LEASE_NOT_FOUND))
		lease_outbox_say(
		    o->out, LEASE_EVENT_REFUSED, a->lease_name, "%s", lease_op_str(op));
	if (a->failures < UINT8_MAX)
		a->failures++;
	/* Losing a race is ordinary; losing again and again is not. */
	if (result == LEASE_REFUSED || result == LEASE_NOT_FOUND || a->failures > 2)
		a->retry_at = mono_add_usec(now, backoff(o, a->failures));
}

static void
judge(struct ownership *o, struct ownership_address *a, enum lease_op op, enum lease_result result,
    mono_t now)
{
	switch (result) {
	case LEASE_UNKNOWN:
	case LEASE_UNREACHABLE:
		/* Several at once are one failure. */
		if (mono_reached(now, o->paused_until)) {
			o->n_failures++;
			o->paused_until = mono_add_usec(now, backoff(o, o->n_failures));
		}
		return;
	case LEASE_OK:
		if (op != LEASE_GET)
			a->failures = 0;
		break;
	case LEASE_NOT_FOUND:
		if (op == LEASE_CREATE)
			failed(o, a, op, result, now);
		break;
	case LEASE_CONFLICT:
	case LEASE_EXISTS:
	case LEASE_REFUSED:
		failed(o, a, op, result, now);
		break;
	case LEASE_RESULT_COUNT:
		break;
	}
	o->n_failures = 0;
	o->paused_until = RECORD_LONG_AGO;
	/* At a stop a server that refuses to write is as good as none. */
	if (result != LEASE_REFUSED)
		o->answered = now;
}

static void
say_done(struct ownership *o, const struct ownership_address *a, enum ownership_need asked)
{
	char name[IP_ADDR_STRLEN];

	ip_addr_format(&a->addr, name);
	switch (asked) {
	case NEED_CLAIM:
		lease_outbox_say(o->out, LEASE_EVENT_CLAIMED, name, "%s", a->why);
		break;
	case NEED_RELEASE:
		lease_outbox_say(
		    o->out, LEASE_EVENT_RELEASED, name, "%s", o->releasing ? "we stop" : a->reason);
		break;
	case NEED_DELETE:
		lease_outbox_say(o->out, LEASE_EVENT_SWEPT, name, "%s", "");
		break;
	case NEED_NOTHING:
	case NEED_GET:
	case NEED_PROVE:
	case NEED_OFFER:
	case NEED_ANNOTATE:
	case NEED_COUNT:
		break;
	}
}

void
ownership_request_answered(struct ownership *o, struct ownership_address *a,
    enum lease_result result, const struct lease *answer, mono_t now)
{
	enum ownership_need asked = a->asked;
	enum lease_op op = a->record.in_flight;

	record_answered(&a->record, result, answer);
	a->asked = NEED_NOTHING;
	o->n_in_flight--;
	judge(o, a, op, result, now);
	if (result == LEASE_OK) {
		say_done(o, a, asked);
		ownership_doubt_answered(o, a, now);
	}
}
