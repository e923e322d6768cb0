#include "util/gap.h"

void
gap_init(struct gap *gap, int64_t threshold_usec, mono_t now, int64_t wall_usec)
{
	*gap = (struct gap){threshold_usec, now, wall_usec - now.usec};
}

enum gap_kind
gap_check(struct gap *gap, mono_t now, int64_t wall_usec, int64_t *ret_usec)
{
	int64_t still = mono_diff_usec(now, gap->last);
	int64_t jump = wall_usec - now.usec - gap->offset_usec;

	gap->last = now;
	/* Slewing adds up to nothing that way. */
	gap->offset_usec = wall_usec - now.usec;
	if (still > gap->threshold_usec) {
		*ret_usec = still;
		return GAP_STOOD_STILL;
	}
	if (jump > gap->threshold_usec || jump < -gap->threshold_usec) {
		*ret_usec = jump;
		return GAP_CLOCK_JUMPED;
	}
	return GAP_NONE;
}
