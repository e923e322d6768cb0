/*
 * gap: whether this process stood still (SIGSTOP, a suspended machine, a core that others had for
 * seconds), or its machine did (a snapshot that was put back: then the wall clock jumps against the
 * time since boot). Both look the same from inside: what was known is older than it seems.
 *
 * Asked again and again, at intervals well below the threshold; an answer covers the time since the
 * call before.
 */
#ifndef UTIL_GAP_H
#define UTIL_GAP_H

#include <stdint.h>

#include "util/mono.h"

enum gap_kind {
	GAP_NONE,
	GAP_STOOD_STILL,
	GAP_CLOCK_JUMPED,
	GAP_KIND_COUNT
};

struct gap {
	int64_t threshold_usec; /* may change at any time */
	mono_t last;
	int64_t offset_usec; /* of the wall clock against mono_t */
};

/* `now` is CLOCK_BOOTTIME, `wall_usec` CLOCK_REALTIME, as for gap_check(). */
void gap_init(struct gap *gap, int64_t threshold_usec, mono_t now, int64_t wall_usec);
/* *ret_usec: for how long, or by how much (negative: back). Only when it is more than the
 * threshold. */
enum gap_kind gap_check(struct gap *gap, mono_t now, int64_t wall_usec, int64_t *ret_usec);

#endif
