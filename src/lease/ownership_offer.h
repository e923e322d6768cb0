/*
 * ownership_offer: handing an address over. Nobody can know who else is eligible, so its holder
 * does not choose a successor: it annotates the Lease and goes on; any eligible daemon claims by
 * rank; the new owner announces; the old one, seeing the new name after its own offer, still
 * answers until it hears it on the wire, OWNERSHIP_OVERLAP_USEC at most. So no request of a client
 * is lost in between.
 *
 *   metallb.io/handover: TIME WHY...
 *     drain, stop                    the node
 *     not-eligible TEXT              lost health, labels, settings: this address here
 *     rebalance NODE                 only that node claims it
 *
 * An offer that nobody took for OWNERSHIP_OFFER_USEC is said. It then stays open: whoever becomes
 * eligible takes it at once, and an offer that stands costs nothing. Two differ: one by `stop` ends
 * in the empty holder, and one to a home that does not take it is withdrawn, and made again with
 * back-off. Repeated offers of a node whose fitness comes and goes have a back-off, too.
 *
 * For the files of ownership only.
 */
#ifndef LEASE_OWNERSHIP_OFFER_H
#define LEASE_OWNERSHIP_OFFER_H

#include "lease/ownership.h"

#define OFFER_REASON_BYTES 256 /* of the reason, in the annotation */
#define OFFER_BACKOFF_USEC USEC_PER_SEC
#define OFFER_BACKOFF_MAX_USEC (30 * USEC_PER_SEC)

void ownership_offer_init(struct ownership_offer *offer);
/* The address is freed. */
void ownership_offer_fini(struct ownership *o, struct ownership_address *a);
/* The Lease was looked at; was_ours: before that it named us. */
void
ownership_offer_look(struct ownership *o, struct ownership_address *a, bool was_ours, mono_t now);
/* Ends what is over by time. */
void ownership_offer_review(struct ownership *o, struct ownership_address *a, mono_t now);
/* What an address that is ours needs: NEED_OFFER, NEED_RELEASE or nothing. */
enum ownership_need
ownership_offer_decide(struct ownership *o, struct ownership_address *a, mono_t now);
/* Sets or removes the annotation, as is wanted now. */
void ownership_offer_write(
    struct ownership *o, struct ownership_address *a, struct lease *lease, mono_t now);
/* Whether its holder offers it, to us among others. */
bool ownership_offer_is_for_us(const struct ownership *o, const struct ownership_address *a);
/* Whether it was taken from us, and is still answered. */
bool ownership_offer_overlaps(const struct ownership_address *a);
/* `node` was heard announcing it. True when that was to be expected. */
bool ownership_offer_heard(struct ownership *o, struct ownership_address *a, const char *node);
/* To its home; true when it will be offered. */
void ownership_offer_home(struct ownership *o, struct ownership_address *a, const char *home);
/* base, doubled for each failure since `last`, `max` at most: then `not_before`. */
void ownership_backoff(struct ownership_backoff *backoff, int64_t base, int64_t max, mono_t now);

#endif
