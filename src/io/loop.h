/*
 * loop: the daemon's one event loop, libevent's event_base wrapped. One thread, one loop.
 *
 * All objects here are embedded in their owner: `_init` them once, `_fini` them before the loop is
 * freed and before their owner's memory goes; `_fini` is allowed inside the object's own callback
 * and on an object that is all zeros, and twice. A callback may free whatever it likes, its own
 * object included.
 *
 * A turn is: wait, run the callbacks of what happened (timers, descriptors, signals), then run the
 * deferred calls. The clock is read once per turn, so that everything in one turn sees the same
 * `now`. SIGPIPE is ignored from loop_new() on.
 */
#ifndef IO_LOOP_H
#define IO_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "util/gap.h"
#include "util/list.h"
#include "util/mono.h"

struct event;
struct event_base;
struct loop;

/* 0 or -errno. */
int loop_new(struct loop **ret_loop);
/* NULL is allowed. Every object on the loop must have been finished before. */
void loop_free(struct loop *loop);
/* Turns until loop_stop(). 0 or -errno. */
int loop_run(struct loop *loop);
/* Ends loop_run() after the current turn, its deferred calls included. Before loop_run() it has no
 * effect. */
void loop_stop(struct loop *loop);
/* One turn; waits for something to happen until `deadline` at most. True when any callback ran. */
bool loop_turn(struct loop *loop, mono_t deadline);

/* CLOCK_BOOTTIME, the same value during one turn; outside of turns it is read each time. */
mono_t loop_now(struct loop *loop);
/* CLOCK_BOOTTIME now: for measuring, and after work that may have taken long. */
mono_t loop_clock(void);
/* CLOCK_REALTIME in microseconds since 1970: for timestamps in objects and logs, never for
 * deadlines. */
int64_t loop_wall_usec(void);

/*
 * One deadline. The callback runs once, in a turn whose loop_now() has reached it; never early.
 * After a suspend it may run late by the length of the suspend (libevent waits on
 * CLOCK_MONOTONIC, which stands still then): owners judge by loop_now().
 */
typedef void loop_timer_fn(void *arg);

struct loop_timer {
	struct loop *loop;
	struct event *event;
	loop_timer_fn *fn;
	void *arg;
	mono_t deadline; /* MONO_NEVER: not set */
};

void loop_timer_init(struct loop_timer *timer, struct loop *loop, loop_timer_fn *fn, void *arg);
/* Replaces the deadline; cheap when it is the same. MONO_NEVER clears it; a past one runs in the
 * next turn. */
void loop_timer_set(struct loop_timer *timer, mono_t deadline);
void loop_timer_fini(struct loop_timer *timer);

/*
 * One file descriptor, level-triggered. It is not owned: finish first, close then. Errors and
 * hang-ups show as whichever of readable and writable is asked for.
 */
typedef void loop_fd_fn(void *arg, bool readable, bool writable);

struct loop_fd {
	struct loop *loop;
	struct event *event;
	int fd;
	bool want_read, want_write;
	loop_fd_fn *fn;
	void *arg;
};

/* Watches nothing until loop_fd_set(). */
void loop_fd_init(struct loop_fd *watch, struct loop *loop, int fd, loop_fd_fn *fn, void *arg);
/* 0 or -errno: a descriptor that cannot be polled. */
int loop_fd_set(struct loop_fd *watch, bool want_read, bool want_write);
void loop_fd_fini(struct loop_fd *watch);

/* One signal; several deliveries before a turn are one call. */
typedef void loop_signal_fn(void *arg, int signo);

struct loop_signal {
	struct loop *loop;
	struct event *event;
	int signo;
	loop_signal_fn *fn;
	void *arg;
};

/* 0 or -errno. */
int loop_signal_init(
    struct loop_signal *sig, struct loop *loop, int signo, loop_signal_fn *fn, void *arg);
/* The signal's default action is back afterwards. */
void loop_signal_fini(struct loop_signal *sig);

/*
 * A call at the end of the turn. However often it is asked for during the turn, it runs once; asked
 * for by a deferred call, it runs in the next turn, which then does not wait.
 */
typedef void loop_deferred_fn(void *arg);

struct loop_deferred {
	struct loop *loop;
	loop_deferred_fn *fn;
	void *arg;
	bool queued;
	TAILQ_ENTRY(loop_deferred) link;
};

void loop_deferred_init(
    struct loop_deferred *deferred, struct loop *loop, loop_deferred_fn *fn, void *arg);
void loop_defer(struct loop_deferred *deferred);
void loop_deferred_fini(struct loop_deferred *deferred);

/*
 * Told when the process stood still, or the wall clock jumped, by more than a threshold (util/gap):
 * before any other callback of the turn that finds out. One on a loop. While it is there, the loop
 * turns at least each quarter of the threshold, and each second. The callback must not finish an
 * object of the loop.
 */
typedef void loop_gap_fn(void *arg, enum gap_kind kind, int64_t usec);

struct loop_gap {
	struct loop *loop;
	struct loop_timer timer;
	struct gap gap;
	loop_gap_fn *fn;
	void *arg;
};

void loop_gap_init(
    struct loop_gap *watch, struct loop *loop, int64_t threshold_usec, loop_gap_fn *fn, void *arg);
void loop_gap_set(struct loop_gap *watch, int64_t threshold_usec);
void loop_gap_fini(struct loop_gap *watch);

/* How long the loop was busy. A turn's time is from its first callback to its end, hence what a
 * frame that arrives meanwhile has to wait. */
#define LOOP_BUCKETS 9

struct loop_stats {
	uint64_t turns;
	uint64_t busy_usec; /* sum over all turns */
	uint64_t
	    buckets[LOOP_BUCKETS]; /* turns by their time: the first bound that it is not over */
	int64_t longest_turn_usec; /* since the last loop_stats_reset_longest() */
	int64_t longest_callback_usec; /* the same */
};

/* Upper bounds of the buckets in microseconds; the last is INT64_MAX. */
extern const int64_t loop_bucket_bounds_usec[LOOP_BUCKETS];

const struct loop_stats *loop_stats(const struct loop *loop);
void loop_stats_reset_longest(struct loop *loop);

/* For src/io only: libevent's own servers (evhttp) need the base. */
struct event_base *loop_base(struct loop *loop);

#endif
