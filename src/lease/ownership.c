/*
 * The machine of ownership.h: what is known of each address, who owns it, and what it needs.
 */
#include "lease/ownership.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lease/ownership_address.h"
#include "lease/ownership_doubt.h"
#include "lease/ownership_offer.h"
#include "lease/ownership_owner.h"
#include "lease/ownership_rebalance.h"
#include "lease/ownership_request.h"
#include "lease/ownership_restore.h"
#include "lease/ownership_scope.h"
#include "util/mem.h"
#include "util/str.h"

void
ownership_init(struct ownership *o, struct membership *members, const struct lease_table *leases,
    struct lease_outbox *out, uint64_t seed, mono_t now)
{
	*o = (struct ownership){
	    .members = members,
	    .leases = leases,
	    .out = out,
	    .silent = true,
	    .rebalance_usec = INT64_MAX,
	    .release_deadline = MONO_NEVER,
	    .answered = RECORD_LONG_AGO,
	    .restore_at = MONO_NEVER,
	    .rebalance_at = now,
	    .rebalance_offer = now,
	    .paused_until = RECORD_LONG_AGO,
	};
	prng_init(&o->prng, seed);
	rate_init(&o->rate, OWNERSHIP_WRITE_INTERVAL_USEC, OWNERSHIP_WRITE_BURST, now);
	rate_init(&o->says, OWNERSHIP_SAY_INTERVAL_USEC, OWNERSHIP_SAY_BURST, now);
	TAILQ_INIT(&o->todo);
	TAILQ_INIT(&o->proofs);
	TAILQ_INIT(&o->urgent);
	TAILQ_INIT(&o->lazy);
	TAILQ_INIT(&o->changes);
	TAILQ_INIT(&o->held);
}

void
ownership_fini(struct ownership *o)
{
	struct ownership_address *a, *next;

	MAP_FOREACH_SAFE (a, next, o->addresses)
		ownership_address_free(o, a);
	timer_queue_fini(&o->timers);
}

const char *
ownership_holder(const struct ownership_address *address)
{
	const struct lease *lease = record_current(&address->record);

	return lease ? lease->holder : "";
}

/* --- Announcing --- */

/* When a stop has waited for long enough. */
static mono_t
ownership_stop_deadline(const struct ownership *o)
{
	mono_t at = o->release_deadline;

	/* An API that answers is waited for, one that does not is not. */
	if (o->releasing && (o->n_in_flight || o->n_failures))
		at = mono_min(at, mono_add_usec(o->answered, OWNERSHIP_SILENCE_USEC));
	return at;
}

static bool
address_may_announce(const struct ownership *o, const struct ownership_address *a, mono_t now)
{
	if (!a->wanted || !ownership_is_served(a))
		return false;
	/* No heartbeat has succeeded since the start: for "release" that is long ago. */
	if (a->restored == RESTORED_FREE)
		return !o->releasing && !o->release_on_api_loss;
	if (o->silent)
		return false;
	if (!a->announcing)
		/* Our own release may be under way, or have been. */
		return a->ours && !a->set_back && !o->releasing && !a->record.unsure &&
		    a->asked != NEED_RELEASE;
	if (o->releasing && mono_reached(now, ownership_stop_deadline(o)))
		return false;
	if (ownership_offer_overlaps(a))
		return true;
	return !(o->releasing && !a->ours) && !ownership_is_others(o, a, now);
}

static enum ownership_voice
address_voice(const struct ownership_address *a)
{
	if (!a->announcing)
		return a->restored == RESTORED_PROBING ? VOICE_PROBE : VOICE_NONE;
	if (ownership_doubt_is_mute(a))
		return VOICE_MUTE;
	return ownership_offer_overlaps(a) ? VOICE_ANSWER : VOICE_ANNOUNCE;
}

static void
address_update_announcing(struct ownership *o, struct ownership_address *a, mono_t now)
{
	bool announce = address_may_announce(o, a, now);

	if (a->announcing != announce) {
		if (!announce && a->wanted && ownership_is_served(a) && !o->silent &&
		    !o->releasing && a->owner)
			ownership_say(o, LEASE_EVENT_TAKEN, a, "%s", a->owner->name);
		if (announce && a->how == OWNERSHIP_CONTINUED)
			ownership_say(o, LEASE_EVENT_CONTINUED, a, "%s", "");
		a->announcing = announce;
		o->n_announcing += announce ? 1U : -1U;
	}
	ownership_doubt_review(o, a, now);
	ownership_set_voice(o, a, address_voice(a));
}

/* --- What a Lease shows --- */

/* A Lease that is gone, or that tells of an older time than it did, is left to its announcer. */
static void
address_look_back(struct ownership_address *a, const struct lease *lease, mono_t now)
{
	if (!lease) {
		if (a->was_there && a->wanted)
			a->hold_off = mono_add_usec(now, OWNERSHIP_VANISHED_USEC);
		if (!a->wanted) {
			a->transitions = 0;
			a->known = false;
		}
		/* Who writes it anew need not know how far it had counted. */
		a->floor = 0;
		a->was_there = a->set_back = false;
		return;
	}
	a->was_there = a->known = true;
	if (lease->transitions >= a->floor) {
		a->transitions = a->floor = lease->transitions;
		a->set_back = false;
	} else if (!a->set_back) {
		a->set_back = true;
		a->hold_off = mono_add_usec(now, OWNERSHIP_VANISHED_USEC);
	}
}

/* What is known of the Lease may have changed. */
static void
address_look(struct ownership *o, struct ownership_address *a, mono_t now)
{
	const struct lease *lease = record_current(&a->record);
	const char *holder = lease ? lease->holder : "";
	bool ours = str_eq(holder, o->members->node), was_ours = a->ours;

	address_look_back(a, lease, now);
	if (!ours && was_ours)
		TAILQ_REMOVE(&o->held, a, owned);
	o->n_ours += (unsigned)ours - (unsigned)was_ours;
	a->ours = ours;
	if (ours && lease->acquire_time_usec)
		a->acquire_time_usec = lease->acquire_time_usec;
	ownership_owner_join(o, a, ours ? "" : holder, now);
	if (ours && !was_ours) {
		TAILQ_INSERT_TAIL(&o->held, a, owned);
		a->held_since = now;
	}
	ownership_offer_look(o, a, was_ours, now);
	/* Now: by the end of the turn this Lease may have vanished, and it would look like ours. */
	if (a->announcing && ownership_is_others(o, a, now))
		address_update_announcing(o, a, now);
	ownership_touch(o, a);
}

/* --- What is to be written --- */

/* Whether we may write our name now, disregarding rank. */
static bool
address_is_claimable(const struct ownership *o, const struct ownership_address *a, mono_t now)
{
	bool dead;

	if (!a->wanted || !a->eligible || o->releasing || o->silent || !o->listed)
		return false;
	dead = !a->owner || membership_life(o->members, a->owner->member, now) == LIFE_DEAD;
	/* Its Lease forgot us; but not while we only see the new owner in. */
	if (a->announcing)
		return (a->set_back || (!a->ours && dead)) && !ownership_offer_overlaps(a);
	if (!o->can_claim || o->drained || (a->ours && !a->set_back))
		return false;
	return dead || ownership_offer_is_for_us(o, a);
}

/* When the claim is due; set once, when the address becomes claimable. */
static mono_t
address_claim_time(const struct ownership *o, struct ownership_address *a, mono_t now)
{
	mono_t from = mono_before(now, a->hold_off) ? a->hold_off : now;

	/* Our own, which we announce, nobody ranks before us. */
	if (a->announcing)
		return now;
	if (mono_is_never(a->claim_at))
		a->claim_at = mono_add_usec(from,
		    rank_delay_usec(membership_count_ahead(
			o->members, &a->addr, &a->scope->scope, a->owner ? a->owner->name : "")));
	else if (mono_before(a->claim_at, from) && mono_before(now, a->hold_off))
		a->claim_at = from;
	return a->claim_at;
}

static bool
address_is_annotated(const struct ownership_address *a)
{
	const struct lease *lease = record_current(&a->record);
	const char *services = lease_annotation(lease, OWNERSHIP_ANNOTATION_SERVICES);

	return services && str_eq(services, a->services);
}

static enum ownership_need
address_decide_unwanted(const struct ownership *o, struct ownership_address *a, mono_t *ret_at)
{
	a->state = o->services_listed ? OWNERSHIP_UNWANTED : OWNERSHIP_WAITING;
	if (!record_current(&a->record))
		return NEED_NOTHING;
	if (o->releasing)
		return a->ours ? NEED_RELEASE : NEED_NOTHING;
	if (!o->leading || !o->services_listed || !o->listed)
		return NEED_NOTHING;
	*ret_at = mono_add_usec(a->unwanted_since, OWNERSHIP_SWEEP_USEC);
	return NEED_DELETE;
}

/* What this address needs, and from when on (*ret_at is the present on entry). */
static enum ownership_need
address_decide(struct ownership *o, struct ownership_address *a, mono_t now, mono_t *ret_at)
{
	enum ownership_need need;

	if (!a->wanted)
		return address_decide_unwanted(o, a, ret_at);
	if (!o->listed) {
		a->state = OWNERSHIP_WAITING;
		return NEED_NOTHING;
	}
	if (a->ours && !a->set_back) {
		need = ownership_offer_decide(o, a, now);
		if (need == NEED_NOTHING && !address_is_annotated(a))
			need = NEED_ANNOTATE;
		return need;
	}
	if (!a->eligible || o->releasing || (o->drained && !a->announcing)) {
		a->state = OWNERSHIP_INELIGIBLE;
		return NEED_NOTHING;
	}
	if (address_is_claimable(o, a, now)) {
		a->state = OWNERSHIP_CLAIMABLE;
		*ret_at = address_claim_time(o, a, now);
		return NEED_CLAIM;
	}
	a->state = OWNERSHIP_CLAIMABLE;
	if (!a->owner)
		return NEED_NOTHING;
	if (membership_life(o->members, a->owner->member, now) == LIFE_LIVING)
		a->state = OWNERSHIP_OTHER;
	else if (o->can_claim)
		/* By age: first the one GET. Its outcome comes as a change of the member. */
		membership_prove(o->members, a->owner->member, now);
	return NEED_NOTHING;
}

/* A GET, where what is known is not enough. */
static bool
address_needs_look(const struct ownership_address *a)
{
	switch (a->need) {
	case NEED_CLAIM:
	case NEED_RELEASE:
		return a->record.unsure;
	case NEED_NOTHING:
		return (a->record.unsure && a->wanted) || a->doubt.state != DOUBT_NONE;
	case NEED_GET:
	case NEED_PROVE:
	case NEED_OFFER:
	case NEED_ANNOTATE:
	case NEED_DELETE:
	case NEED_COUNT:
		break;
	}
	return a->record.unsure || a->doubt.state != DOUBT_NONE;
}

/* Brings everything about one address up to date; queues its next request when that is due. */
static void
address_evaluate(struct ownership *o, struct ownership_address *a, mono_t now)
{
	mono_t at = now;

	a->wake = MONO_NEVER;
	if (a->set_back && mono_reached(now, a->hold_off)) {
		/* Nobody wrote it again: what it says is the truth now. */
		a->set_back = false;
		a->transitions = a->floor = record_current(&a->record)->transitions;
	}
	if (a->set_back)
		ownership_wake(a, a->hold_off);
	ownership_offer_review(o, a, now);
	ownership_restore_review(o, a, now);
	address_update_announcing(o, a, now);
	a->need = address_decide(o, a, now, &at);
	if (a->need != NEED_CLAIM)
		a->claim_at = MONO_NEVER;
	if (a->asked == NEED_CLAIM || (a->record.unsure && a->need == NEED_CLAIM))
		a->state = OWNERSHIP_CLAIMING;
	if (address_needs_look(a)) {
		a->need = a->doubt.state == DOUBT_NONE ? NEED_GET : NEED_PROVE;
		at = now;
	}
	if (a->asked != NEED_NOTHING || !membership_is_active(o->members))
		a->need = NEED_NOTHING;
	if (a->need != NEED_NOTHING && mono_before(at, a->retry_at))
		at = a->retry_at;
	if (a->need != NEED_NOTHING && mono_before(now, at)) {
		ownership_wake(a, at);
		a->need = NEED_NOTHING;
	}
	timer_set(&o->timers, &a->timer, a->wake);
	ownership_request_queue(o, a);
}

/* Sends what is due and allowed. */
static void
ownership_pump(struct ownership *o, mono_t now)
{
	struct ownership_address *a;

	while ((a = ownership_request_next(o, now))) {
		/* It may have waited there for a while: decide once more. */
		address_evaluate(o, a, now);
		if (a->queue && !ownership_request_send(o, a, now))
			break;
	}
}

/* --- Time --- */

/* on-api-loss = "release": when we stop, unless our heartbeat succeeds again. */
static mono_t
ownership_loss_deadline(const struct ownership *o)
{
	if (!o->release_on_api_loss)
		return MONO_NEVER;
	return mono_add_usec(membership_renewed(o->members), o->members->duration_usec / 3 * 2);
}

static void
ownership_update_gates(struct ownership *o, mono_t now)
{
	bool silent = !membership_is_active(o->members) ||
	    mono_reached(now, ownership_loss_deadline(o));
	bool can_claim = o->listed && !silent && !o->releasing &&
	    membership_is_alive(o->members, now);

	if (silent != o->silent || can_claim != o->can_claim)
		ownership_touch_all(o);
	o->silent = silent;
	o->can_claim = can_claim;
	if (o->releasing && o->n_announcing && mono_reached(now, ownership_stop_deadline(o)))
		ownership_touch_all(o);
}

void
ownership_tick(struct ownership *o, mono_t now)
{
	struct ownership_address *a;
	struct ownership_owner *owner;
	struct member *member;
	struct timer *timer;

	ownership_update_gates(o, now);
	ownership_restore_tick(o, now);
	ownership_rebalance_tick(o, now);
	while ((member = membership_take_changed(o->members))) {
		owner = ownership_owner_find(o, member->name);
		if (!owner)
			continue;
		TAILQ_FOREACH (a, &owner->addresses, owned)
			ownership_touch(o, a);
	}
	while ((timer = timer_take(&o->timers, now)))
		ownership_touch(o,
		    (struct ownership_address *)(void *)((char *)timer -
			offsetof(struct ownership_address, timer)));
	while ((a = TAILQ_FIRST(&o->todo))) {
		TAILQ_REMOVE(&o->todo, a, todo);
		a->todo_queued = false;
		address_evaluate(o, a, now);
		if (!a->wanted && o->services_listed && a->asked == NEED_NOTHING &&
		    !a->change_queued && !record_current(&a->record))
			ownership_address_free(o, a);
	}
	ownership_pump(o, now);
}

mono_t
ownership_next_deadline(const struct ownership *o, mono_t now)
{
	mono_t at;

	if (!TAILQ_EMPTY(&o->todo) || !TAILQ_EMPTY(&o->members->changed))
		return now;
	at = mono_min(timer_next(&o->timers), ownership_request_deadline(o, now));
	if (!o->silent)
		at = mono_min(at, ownership_loss_deadline(o));
	if (mono_before(now, ownership_stop_deadline(o)))
		at = mono_min(at, ownership_stop_deadline(o));
	at = mono_min(at, o->restore_at);
	return mono_min(at, ownership_rebalance_deadline(o));
}

/* --- What the glue tells --- */

static char *
services_text(const struct ownership_want *want)
{
	struct strbuf sb = {0};
	char *text;
	size_t i;

	for (i = 0; i < want->n_services; i++) {
		if (sb.len + 1 + strlen(want->services[i]) > OWNERSHIP_SERVICES_BYTES) {
			strbuf_printf(&sb, ",+%zu", want->n_services - i);
			break;
		}
		if (i)
			strbuf_addc(&sb, ',');
		strbuf_add(&sb, want->services[i]);
	}
	text = strbuf_detach(&sb);
	return text ? text : xstrdup("");
}

/* Takes `fresh`; true when it differs from *field, which it then replaces. */
static bool
replace_string(char **field, char *fresh)
{
	bool differs = !str_eq(*field, fresh);

	free(*field);
	*field = fresh;
	return differs;
}

int
ownership_want(struct ownership *o, const struct ownership_want *want, mono_t now)
{
	struct ownership_address *a = ownership_address_find(o, &want->addr);
	struct ownership_scope *scope;
	bool changed;

	if (!a)
		a = ownership_address_new(o, &want->addr, now);
	if (!a)
		return -ENOSPC;
	changed = !a->wanted || a->eligible != want->eligible || a->serving != want->serving ||
	    a->undecided != want->undecided;
	a->wanted = true;
	a->eligible = want->eligible;
	a->serving = want->serving;
	a->undecided = want->undecided;
	a->unwanted_since = MONO_NEVER;
	changed = replace_string(&a->services, services_text(want)) || changed;
	changed = replace_string(&a->reason, xstrdup(want->reason)) || changed;
	scope = ownership_scope_ref(&o->scopes, &want->scope);
	changed = scope != a->scope || changed;
	ownership_scope_unref(&o->scopes, a->scope);
	a->scope = scope;
	if (changed)
		address_look(o, a, now);
	return 0;
}

void
ownership_unwant(struct ownership *o, const struct ip_addr *addr, mono_t now)
{
	struct ownership_address *a = ownership_address_find(o, addr);

	if (!a || !a->wanted)
		return;
	a->wanted = a->eligible = a->serving = false;
	a->unwanted_since = now;
	ownership_touch(o, a);
}

void
ownership_services_listed(struct ownership *o, mono_t now)
{
	struct ownership_address *a;

	if (o->services_listed)
		return;
	o->services_listed = true;
	/* Before this nobody knew that they were unwanted. */
	MAP_FOREACH (a, o->addresses) {
		if (!a->wanted)
			a->unwanted_since = now;
		ownership_touch(o, a);
	}
}

void
ownership_set(
    struct ownership *o, bool leading, bool release_on_api_loss, int64_t rebalance_usec, mono_t now)
{
	struct ownership_address *a;

	if (o->release_on_api_loss != release_on_api_loss)
		ownership_touch_all(o);
	o->release_on_api_loss = release_on_api_loss;
	if (o->rebalance_usec != rebalance_usec)
		o->rebalance_at = now;
	o->rebalance_usec = rebalance_usec;
	if (o->leading == leading)
		return;
	o->leading = leading;
	MAP_FOREACH (a, o->addresses)
		if (!a->wanted)
			ownership_touch(o, a);
}

void
ownership_observe(struct ownership *o, const char *lease_name, mono_t now)
{
	struct ownership_address *a;
	struct ip_addr addr;

	if (lease_parse_address_name(lease_name, &addr))
		return;
	a = ownership_address_find(o, &addr);
	if (!a && lease_table_find(o->leases, lease_name))
		a = ownership_address_new(o, &addr, now);
	if (!a)
		return;
	record_observe(&a->record);
	address_look(o, a, now);
}

void
ownership_listed(struct ownership *o, mono_t now)
{
	struct ownership_address *a;

	o->listed = true;
	o->restore_at = MONO_NEVER;
	MAP_FOREACH (a, o->addresses) {
		a->restored = RESTORED_NONE;
		record_listed(&a->record);
		address_look(o, a, now);
	}
}

void
ownership_answered(struct ownership *o, const char *lease_name, enum lease_result result,
    const struct lease *answer, mono_t now)
{
	struct ownership_address *a;
	struct ip_addr addr;

	if (lease_parse_address_name(lease_name, &addr) ||
	    !(a = ownership_address_find(o, &addr)) || a->asked == NEED_NOTHING)
		return;
	ownership_request_answered(o, a, result, answer, now);
	address_look(o, a, now);
}

void
ownership_drain(struct ownership *o, bool drained, mono_t now)
{
	(void)now;
	if (o->drained == drained)
		return;
	o->drained = drained;
	ownership_touch_all(o);
}

enum ownership_verdict
ownership_witness(
    struct ownership *o, const struct ip_addr *addr, const struct mac_addr *mac, mono_t now)
{
	struct ownership_address *a = ownership_address_find(o, addr);
	const char *node;

	if (!a || !a->announcing || membership_is_own_mac(o->members, mac))
		return VERDICT_IGNORED;
	node = membership_node_by_mac(o->members, mac);
	if (!node)
		return VERDICT_FOREIGN;
	if (str_eq(node, o->members->node))
		return VERDICT_IGNORED;
	if (ownership_offer_heard(o, a, node)) {
		ownership_doubt_check(o, a, now);
		return VERDICT_HANDED;
	}
	ownership_doubt_witness(o, a, node, now);
	return VERDICT_DOUBT;
}

void
ownership_doubt_all(struct ownership *o, const char *why, mono_t now)
{
	struct ownership_address *a;

	if (o->n_announcing)
		lease_outbox_say(o->out, LEASE_EVENT_DOUBT_ALL, o->members->node, "%s", why);
	MAP_FOREACH (a, o->addresses)
		if (a->announcing)
			ownership_doubt_raise(o, a, now);
}

void
ownership_release_all(struct ownership *o, mono_t now)
{
	if (o->releasing)
		return;
	o->releasing = true;
	o->release_deadline = mono_add_usec(now, OWNERSHIP_STOP_USEC);
	o->answered = now;
	ownership_touch_all(o);
}

bool
ownership_is_released(const struct ownership *o, mono_t now)
{
	return o->releasing &&
	    ((!o->n_ours && !o->n_in_flight && !o->n_overlaps) ||
		mono_reached(now, ownership_stop_deadline(o)));
}

bool
ownership_take_change(struct ownership *o, struct ownership_change *ret_change)
{
	struct ownership_address *a = TAILQ_FIRST(&o->changes);

	if (!a)
		return false;
	TAILQ_REMOVE(&o->changes, a, changes);
	a->change_queued = false;
	*ret_change = (struct ownership_change){a->addr, a->voice, a->how, a->burst};
	a->burst = false;
	/* Perhaps the last that was to be done for it. */
	if (!a->wanted)
		ownership_touch(o, a);
	return true;
}

bool
ownership_is_announcing(const struct ownership *o, const struct ip_addr *addr)
{
	const struct ownership_address *a = ownership_address_find(o, addr);

	return a && (a->voice == VOICE_ANNOUNCE || a->voice == VOICE_ANSWER);
}

const struct ownership_address *
ownership_find(const struct ownership *o, const struct ip_addr *addr)
{
	return ownership_address_find(o, addr);
}

bool
ownership_is_offered(const struct ownership *o, const struct ip_addr *addr)
{
	const struct ownership_address *a = ownership_address_find(o, addr);

	return a && !a->ours && ownership_offer_is_for_us(o, a);
}

bool
ownership_is_near(const struct ownership *o, const struct ip_addr *addr, unsigned ranks)
{
	const struct ownership_address *a = ownership_address_find(o, addr);

	if (!a || !a->wanted || !o->listed || a->ours || a->announcing || !a->owner ||
	    membership_count(o->members) <= ranks)
		return true;
	return ownership_offer_is_for_us(o, a) ||
	    membership_count_ahead(o->members, addr, &a->scope->scope, "") < ranks;
}
