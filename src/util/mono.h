/*
 * mono: points in monotonic time, wrapped so that they cannot be mixed up with wall-clock time,
 * durations or plain integers.
 *
 * A mono_t counts microseconds since an unspecified start. The daemon feeds CLOCK_BOOTTIME (a
 * suspended machine notices), tests feed a virtual clock. No function here reads a clock: `now` is
 * always passed in.
 */
#ifndef UTIL_MONO_H
#define UTIL_MONO_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
	int64_t usec;
} mono_t;

#define USEC_PER_MSEC INT64_C(1000)
#define USEC_PER_SEC INT64_C(1000000)
#define USEC_PER_MIN (60 * USEC_PER_SEC)

/* Later than every other point: "no deadline". */
#define MONO_NEVER ((mono_t){INT64_MAX})
/* Earlier than every other point. */
#define MONO_ZERO ((mono_t){0})

static inline bool
mono_is_never(mono_t t)
{
	return t.usec == INT64_MAX;
}

static inline bool
mono_before(mono_t a, mono_t b)
{
	return a.usec < b.usec;
}

/* True once `deadline` has come. Never true for MONO_NEVER. */
static inline bool
mono_reached(mono_t now, mono_t deadline)
{
	return !mono_is_never(deadline) && now.usec >= deadline.usec;
}

static inline mono_t
mono_min(mono_t a, mono_t b)
{
	return mono_before(b, a) ? b : a;
}

/* a - b in microseconds. */
static inline int64_t
mono_diff_usec(mono_t a, mono_t b)
{
	return a.usec - b.usec;
}

/* t + usec; stays at MONO_NEVER, and saturates there. */
static inline mono_t
mono_add_usec(mono_t t, int64_t usec)
{
	int64_t sum;

	if (mono_is_never(t) || __builtin_add_overflow(t.usec, usec, &sum))
		return MONO_NEVER;
	return (mono_t){sum};
}

#endif
