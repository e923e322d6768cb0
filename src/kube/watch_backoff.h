/*
 * watch_backoff: how long a watch waits after an error: doubling, with full jitter, by the limits
 * of watch.h.
 */
#ifndef KUBE_WATCH_BACKOFF_H
#define KUBE_WATCH_BACKOFF_H

#include <stdint.h>

#include "util/mono.h"

struct prng;

struct kube_watch_backoff {
	int64_t upper_usec; /* end of the next draw */
	mono_t last_error;
};

void kube_watch_backoff_init(struct kube_watch_backoff *backoff);
/* The wait after an error now, in microseconds. retry_after_sec: what the server asks for, -1 when
 * it does not; it wins when longer, up to a cap. */
int64_t kube_watch_backoff_next(
    struct kube_watch_backoff *backoff, struct prng *prng, int64_t retry_after_sec, mono_t now);

#endif
