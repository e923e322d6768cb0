#include "kube/watch_backoff.h"

#include "kube/watch.h"
#include "util/prng.h"

#define BACKOFF_FLOOR_USEC (50 * USEC_PER_MSEC) /* so that no draw of the jitter is a busy loop */

void
kube_watch_backoff_init(struct kube_watch_backoff *backoff)
{
	*backoff = (struct kube_watch_backoff){.upper_usec = KUBE_WATCH_BACKOFF_MIN_USEC};
}

int64_t
kube_watch_backoff_next(
    struct kube_watch_backoff *backoff, struct prng *prng, int64_t retry_after_sec, mono_t now)
{
	int64_t delay, wanted = retry_after_sec * USEC_PER_SEC;

	if (mono_diff_usec(now, backoff->last_error) > KUBE_WATCH_BACKOFF_RESET_USEC)
		backoff->upper_usec = KUBE_WATCH_BACKOFF_MIN_USEC;
	backoff->last_error = now;
	/* Anything from nothing on, so that a thousand nodes do not come back together. */
	delay = (int64_t)prng_below(prng, (uint64_t)backoff->upper_usec + 1);
	backoff->upper_usec *= 2;
	if (backoff->upper_usec > KUBE_WATCH_BACKOFF_MAX_USEC)
		backoff->upper_usec = KUBE_WATCH_BACKOFF_MAX_USEC;
	if (wanted > KUBE_WATCH_RETRY_AFTER_MAX_USEC)
		wanted = KUBE_WATCH_RETRY_AFTER_MAX_USEC;
	if (wanted > delay)
		delay = wanted + (int64_t)prng_below(prng, USEC_PER_SEC);
	return delay < BACKOFF_FLOOR_USEC ? BACKOFF_FLOOR_USEC : delay;
}
