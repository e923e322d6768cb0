#include "lease/ownership_rebalance.h"

#include "lease/ownership_address.h"
#include "lease/ownership_offer.h"
#include "lease/ownership_scope.h"

static bool
is_enabled(const struct ownership *o)
{
	return o->rebalance_usec != INT64_MAX && o->can_claim && !o->drained && o->n_ours;
}

mono_t
ownership_rebalance_deadline(const struct ownership *o)
{
	/* Alone there is no other home. */
	return is_enabled(o) && membership_count(o->members) > 1 ? o->rebalance_at : MONO_NEVER;
}

static bool
may_leave(const struct ownership *o, const struct ownership_address *a, mono_t now)
{
	const struct lease *lease = record_current(&a->record);

	return a->wanted && a->eligible && a->voice == VOICE_ANNOUNCE && !a->set_back &&
	    a->doubt.state == DOUBT_NONE && a->offer.why == OFFER_NONE && !a->offer.open &&
	    !a->offer.wanted && mono_diff_usec(now, a->held_since) >= o->rebalance_usec &&
	    mono_reached(now, a->offer.rebalance.not_before) &&
	    !lease_annotation(lease, OWNERSHIP_ANNOTATION_TAKEN);
}

/* Offers it, if its home is elsewhere and fit. */
static bool
send_home(struct ownership *o, struct ownership_address *a, mono_t now)
{
	const struct member *home = membership_home(o->members, &a->addr, &a->scope->scope);

	if (!home || !home->info || home->info->settings_hash != o->members->info->settings_hash ||
	    mono_diff_usec(now, home->settled) < o->rebalance_usec)
		return false;
	ownership_backoff(&a->offer.rebalance, o->rebalance_usec, REBALANCE_BACKOFF_MAX_USEC, now);
	ownership_offer_home(o, a, home->name);
	return true;
}

/* All members together begin so many a second; the jitter keeps them apart. */
static void
pace(struct ownership *o, mono_t now)
{
	int64_t mean = (int64_t)membership_count(o->members) * USEC_PER_SEC / REBALANCE_PER_SECOND;

	o->rebalance_offer = mono_add_usec(
	    now, mean / 2 + (int64_t)prng_below(&o->prng, (uint64_t)mean));
}

static mono_t
next_pass(const struct ownership *o, mono_t now)
{
	int64_t wait = o->rebalance_usec / 4;

	if (wait > USEC_PER_MIN)
		wait = USEC_PER_MIN;
	return mono_add_usec(now, wait > REBALANCE_STEP_USEC ? wait : REBALANCE_STEP_USEC);
}

void
ownership_rebalance_tick(struct ownership *o, mono_t now)
{
	unsigned ranks = 0, members = membership_count(o->members);
	struct ownership_address *a;

	if (!mono_reached(now, ownership_rebalance_deadline(o)))
		return;
	if (!o->rebalance_left || o->rebalance_left > o->n_ours)
		o->rebalance_left = o->n_ours;
	o->rebalance_at = mono_add_usec(now, REBALANCE_STEP_USEC);
	while (o->rebalance_left && ranks < REBALANCE_RANKS) {
		if (o->n_rebalancing >= REBALANCE_AT_ONCE)
			return;
		if (mono_before(now, o->rebalance_offer)) {
			o->rebalance_at = o->rebalance_offer;
			return;
		}
		a = TAILQ_FIRST(&o->held);
		TAILQ_REMOVE(&o->held, a, owned);
		TAILQ_INSERT_TAIL(&o->held, a, owned);
		o->rebalance_left--;
		if (!may_leave(o, a, now)) {
			ranks++;
			continue;
		}
		ranks += members;
		if (send_home(o, a, now))
			pace(o, now);
	}
	if (!o->rebalance_left)
		o->rebalance_at = next_pass(o, now);
}
