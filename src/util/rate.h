/*
 * rate: a token bucket. Bounds how often something that a remote can trigger is done or said.
 */
#ifndef UTIL_RATE_H
#define UTIL_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/mono.h"

struct rate {
	int64_t interval_usec; /* one token each */
	uint32_t burst;        /* tokens at most */
	uint32_t tokens;
	mono_t filled; /* when the last token came in */
	uint64_t suppressed;
};

/* Starts full. interval_usec > 0. */
void rate_init(struct rate *rate, int64_t interval_usec, uint32_t burst, mono_t now);
/* Takes a token if there is one; otherwise counts in `suppressed`. */
bool rate_take(struct rate *rate, mono_t now);
/* When the next token can be taken; now if there is one. */
mono_t rate_next(const struct rate *rate, mono_t now);
/* How many were refused since the last call; resets the count. */
uint64_t rate_suppressed(struct rate *rate);

#endif
