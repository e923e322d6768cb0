/*
 * timer: deadlines of many objects in a binary heap, so that the next one is found at once and a
 * change costs the logarithm of their number.
 *
 * An element embeds a `struct timer`; all zeros is an idle one. The queue owns only its array.
 */
#ifndef LEASE_TIMER_H
#define LEASE_TIMER_H

#include <stddef.h>

#include "util/mono.h"

struct timer {
	mono_t at;
	size_t slot; /* 1 + index in the heap; 0: idle */
};

/* All zeros is a valid empty one. */
struct timer_queue {
	struct timer **items;
	size_t count, cap;
};

void timer_queue_fini(struct timer_queue *queue);
/* (Re)arms; MONO_NEVER disarms. */
void timer_set(struct timer_queue *queue, struct timer *timer, mono_t at);
void timer_cancel(struct timer_queue *queue, struct timer *timer);
/* Takes one that is due out of the queue; NULL when none is. */
struct timer *timer_take(struct timer_queue *queue, mono_t now);
/* MONO_NEVER when empty. */
mono_t timer_next(const struct timer_queue *queue);

#endif
