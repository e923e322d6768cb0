#include "lease/ownership_offer.h"

#include <stdlib.h>
#include <string.h>

#include "lease/ownership_address.h"
#include "lease/ownership_owner.h"
#include "util/mem.h"
#include "util/str.h"

static const struct ownership_backoff no_backoff = {RECORD_LONG_AGO, RECORD_LONG_AGO, 0};

void
ownership_backoff(struct ownership_backoff *backoff, int64_t base, int64_t max, mono_t now)
{
	int64_t wait = base;
	unsigned i;

	/* Quiet for a while: what was before does not count any more. */
	if (mono_diff_usec(now, backoff->last) > 2 * max)
		backoff->failures = 0;
	for (i = 0; i < backoff->failures && wait < max; i++)
		wait *= 2;
	if (backoff->failures < UINT8_MAX)
		backoff->failures++;
	backoff->last = now;
	backoff->not_before = mono_add_usec(now, wait < max ? wait : max);
}

void
ownership_offer_init(struct ownership_offer *offer)
{
	*offer = (struct ownership_offer){
	    .since = MONO_NEVER,
	    .overlap_until = MONO_NEVER,
	    .unfit = no_backoff,
	    .rebalance = no_backoff,
	};
}

/* --- The annotation --- */

/* The word after `from`, whose length is *ret_len; NULL at the end. */
static const char *
next_word(const char *from, size_t *ret_len)
{
	from += strspn(from, " ");
	*ret_len = strcspn(from, " ");
	return *ret_len ? from : NULL;
}

/* The one node that an offer is to, with its length; NULL: to all. */
static const char *
offer_home(const char *value, size_t *ret_len)
{
	static const char rebalance[] = "rebalance";
	const char *word;

	/* TIME and WHY; whatever is not an offer to one node is to all. */
	word = next_word(value, ret_len);
	word = word ? next_word(word + *ret_len, ret_len) : NULL;
	if (!word || *ret_len != strlen(rebalance) || strncmp(word, rebalance, *ret_len) != 0)
		return NULL;
	word = next_word(word + *ret_len, ret_len);
	return word ? word : "";
}

bool
ownership_offer_is_for_us(const struct ownership *o, const struct ownership_address *a)
{
	const struct lease *lease = record_current(&a->record);
	const char *value = lease ? lease_annotation(lease, OWNERSHIP_ANNOTATION_HANDOVER) : NULL;
	const char *home;
	size_t len;

	if (!value || !lease_is_held(lease))
		return false;
	home = offer_home(value, &len);
	return !home || (len == strlen(o->members->node) && !strncmp(home, o->members->node, len));
}

/* --- The holder's side --- */

static void
offer_close(struct ownership *o, struct ownership_offer *offer)
{
	o->n_offered -= offer->open;
	o->n_untaken -= offer->untaken;
	offer->open = offer->untaken = offer->heard = false;
	offer->since = MONO_NEVER;
}

static void
offer_forget_home(struct ownership *o, struct ownership_offer *offer)
{
	o->n_rebalancing -= offer->wanted;
	offer->wanted = false;
	free(offer->home);
	offer->home = NULL;
}

static void
offer_end_overlap(struct ownership *o, struct ownership_offer *offer)
{
	o->n_overlaps -= !mono_is_never(offer->overlap_until);
	offer->overlap_until = MONO_NEVER;
}

void
ownership_offer_fini(struct ownership *o, struct ownership_address *a)
{
	offer_close(o, &a->offer);
	offer_forget_home(o, &a->offer);
	offer_end_overlap(o, &a->offer);
}

bool
ownership_offer_overlaps(const struct ownership_address *a)
{
	return !mono_is_never(a->offer.overlap_until);
}

void
ownership_offer_look(struct ownership *o, struct ownership_address *a, bool was_ours, mono_t now)
{
	const struct lease *lease = record_current(&a->record);
	struct ownership_offer *offer = &a->offer;
	const char *value = a->ours ? lease_annotation(lease, OWNERSHIP_ANNOTATION_HANDOVER) : NULL;
	size_t len;
	bool open = value != NULL, to_one = open && offer_home(value, &len);

	if (open && offer->open && offer->to_one != to_one)
		offer_close(o, offer);
	if (open && !offer->open) {
		offer->open = true;
		offer->to_one = to_one;
		offer->since = now;
		o->n_offered++;
		if (offer->why != OFFER_NONE)
			ownership_say(o, LEASE_EVENT_OFFERED, a, "%s%s%s",
			    ownership_offer_why_str(offer->why), offer->home ? " to " : "",
			    offer->home ? offer->home : "");
	}
	if (a->ours) {
		offer_end_overlap(o, offer);
		if (offer->open && !open) {
			offer_close(o, offer);
			ownership_backoff(
			    &offer->unfit, OFFER_BACKOFF_USEC, OFFER_BACKOFF_MAX_USEC, now);
		}
		return;
	}
	if (was_ours && offer->open && a->announcing && a->owner && !offer->heard) {
		offer->overlap_until = mono_add_usec(now, OWNERSHIP_OVERLAP_USEC);
		o->n_overlaps++;
	}
	offer_close(o, offer);
	offer_forget_home(o, offer);
}

void
ownership_offer_review(struct ownership *o, struct ownership_address *a, mono_t now)
{
	struct ownership_offer *offer = &a->offer;
	mono_t untaken = mono_add_usec(offer->since, OWNERSHIP_OFFER_USEC);

	if (ownership_offer_overlaps(a) &&
	    (!a->announcing || mono_reached(now, offer->overlap_until)))
		offer_end_overlap(o, offer);
	ownership_wake(a, offer->overlap_until);
	if (!offer->open || offer->untaken)
		return;
	if (!mono_reached(now, untaken)) {
		ownership_wake(a, untaken);
		return;
	}
	offer->untaken = true;
	o->n_untaken++;
	if (offer->why != OFFER_NONE)
		ownership_say(o, LEASE_EVENT_UNTAKEN, a, "%s", ownership_offer_why_str(offer->why));
	offer_forget_home(o, offer);
}

/* Why it is to be offered now. */
static enum ownership_offer_why
offer_wanted(struct ownership *o, struct ownership_address *a, mono_t now)
{
	if (o->releasing)
		return OFFER_STOP;
	if (o->drained)
		return OFFER_DRAIN;
	if (!a->eligible && !a->undecided) {
		if (a->offer.open || mono_reached(now, a->offer.unfit.not_before))
			return OFFER_UNFIT;
		ownership_wake(a, a->offer.unfit.not_before);
		return OFFER_NONE;
	}
	return a->offer.wanted ? OFFER_REBALANCE : OFFER_NONE;
}

enum ownership_need
ownership_offer_decide(struct ownership *o, struct ownership_address *a, mono_t now)
{
	a->offer.why = offer_wanted(o, a, now);
	a->state = a->offer.why ? OWNERSHIP_OFFERING : OWNERSHIP_OWNER;
	/* Who cannot serve at all, or is about to end and is alone or unheard, gives it up. */
	if (!ownership_is_served(a) ||
	    (o->releasing && (a->offer.untaken || membership_count(o->members) < 2))) {
		a->state = OWNERSHIP_RELEASING;
		return NEED_RELEASE;
	}
	/* One to the home alone is no use to a node that wants to be rid of it, nor the reverse. */
	if (a->offer.open && a->offer.to_one != (a->offer.why == OFFER_REBALANCE))
		return NEED_OFFER;
	return (a->offer.why != OFFER_NONE) == a->offer.open ? NEED_NOTHING : NEED_OFFER;
}

void
ownership_offer_write(
    struct ownership *o, struct ownership_address *a, struct lease *lease, mono_t now)
{
	const char *text = a->offer.why == OFFER_UNFIT ? a->reason : a->offer.home;
	char since[32];

	if (a->offer.why == OFFER_NONE) {
		lease_set_annotation(lease, OWNERSHIP_ANNOTATION_HANDOVER, NULL);
		return;
	}
	str_format_time(lease_outbox_wall_usec(o->out, now), since, sizeof(since));
	text = text && (a->offer.why == OFFER_UNFIT || a->offer.why == OFFER_REBALANCE) ? text : "";
	lease_set_annotation(lease, OWNERSHIP_ANNOTATION_HANDOVER,
	    arena_printf(lease->arena, "%s %s%s%.*s", since, ownership_offer_why_str(a->offer.why),
		*text ? " " : "", OFFER_REASON_BYTES, text));
}

bool
ownership_offer_heard(struct ownership *o, struct ownership_address *a, const char *node)
{
	if (ownership_offer_overlaps(a)) {
		if (!a->owner || !str_eq(a->owner->name, node))
			return false;
		offer_end_overlap(o, &a->offer);
		ownership_touch(o, a);
		return true;
	}
	/* It may even have seen our offer before we know that it is written. */
	if (!a->offer.open && (a->asked != NEED_OFFER || a->offer.why == OFFER_NONE))
		return false;
	/* Before our watch shows its name: then nothing is to be waited for. */
	a->offer.heard = true;
	return true;
}

void
ownership_offer_home(struct ownership *o, struct ownership_address *a, const char *home)
{
	offer_forget_home(o, &a->offer);
	a->offer.home = xstrdup(home);
	a->offer.wanted = true;
	o->n_rebalancing++;
	ownership_touch(o, a);
}
