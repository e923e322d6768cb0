#include "lease/timer.h"

#include <stdlib.h>

#include "util/mem.h"

void
timer_queue_fini(struct timer_queue *queue)
{
	free(queue->items);
	*queue = (struct timer_queue){0};
}

static void
timer_put(struct timer_queue *queue, size_t i, struct timer *timer)
{
	queue->items[i] = timer;
	timer->slot = i + 1;
}

static void
timer_sift_up(struct timer_queue *queue, size_t i)
{
	struct timer *timer = queue->items[i];

	while (i > 0) {
		size_t parent = (i - 1) / 2;

		if (!mono_before(timer->at, queue->items[parent]->at))
			break;
		timer_put(queue, i, queue->items[parent]);
		i = parent;
	}
	timer_put(queue, i, timer);
}

static void
timer_sift_down(struct timer_queue *queue, size_t i)
{
	struct timer *timer = queue->items[i];

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= queue->count)
			break;
		if (child + 1 < queue->count &&
		    mono_before(queue->items[child + 1]->at, queue->items[child]->at))
			child++;
		if (!mono_before(queue->items[child]->at, timer->at))
			break;
		timer_put(queue, i, queue->items[child]);
		i = child;
	}
	timer_put(queue, i, timer);
}

void
timer_set(struct timer_queue *queue, struct timer *timer, mono_t at)
{
	if (mono_is_never(at)) {
		timer_cancel(queue, timer);
		return;
	}
	timer->at = at;
	if (!timer->slot) {
		queue->items = mem_grow(
		    queue->items, queue->count, &queue->cap, sizeof(struct timer *));
		timer_put(queue, queue->count++, timer);
	}
	timer_sift_up(queue, timer->slot - 1);
	timer_sift_down(queue, timer->slot - 1);
}

void
timer_cancel(struct timer_queue *queue, struct timer *timer)
{
	size_t i;

	if (!timer->slot)
		return;
	i = timer->slot - 1;
	timer->slot = 0;
	if (i == --queue->count)
		return;
	timer_put(queue, i, queue->items[queue->count]);
	timer_sift_up(queue, i);
	timer_sift_down(queue, queue->items[i]->slot - 1);
}

struct timer *
timer_take(struct timer_queue *queue, mono_t now)
{
	struct timer *timer;

	if (!queue->count || !mono_reached(now, queue->items[0]->at))
		return NULL;
	timer = queue->items[0];
	timer_cancel(queue, timer);
	return timer;
}

mono_t
timer_next(const struct timer_queue *queue)
{
	return queue->count ? queue->items[0]->at : MONO_NEVER;
}
