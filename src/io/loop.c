/*
 * loop: see loop.h.
 *
 * A turn is one event_base_loop(EVLOOP_ONCE). libevent 2.1 tells nobody when its wait is over, so
 * the turn's clock is read by whoever asks first: the trampoline of the first callback, or
 * loop_now() in a callback of evhttp, which comes without a trampoline.
 */
#include "io/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>

#include "util/log.h"
#include "util/mem.h"

const int64_t loop_bucket_bounds_usec[LOOP_BUCKETS] = {
    100, 500, 1000, 5000, 10000, 50000, 100000, 500000, INT64_MAX};

struct loop {
	struct event_base *base;
	TAILQ_HEAD(, loop_deferred) deferred;
	/* The deferred calls of the turn that ends; apart, so that new ones wait for the next. */
	TAILQ_HEAD(, loop_deferred) running;
	struct event *wakeup; /* bounds the wait of loop_turn() */
	bool stop;
	bool in_turn;
	bool now_valid;
	bool gap_checked;     /* in this turn */
	struct loop_gap *gap; /* NULL: nobody asks */
	uint64_t callbacks;
	mono_t now;
	struct loop_stats stats;
};

static int64_t
clock_usec(clockid_t id)
{
	struct timespec ts;

	(void)clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
}

mono_t
loop_clock(void)
{
	return (mono_t){clock_usec(CLOCK_BOOTTIME)};
}

int64_t
loop_wall_usec(void)
{
	return clock_usec(CLOCK_REALTIME);
}

mono_t
loop_now(struct loop *loop)
{
	if (!loop->in_turn)
		return loop_clock();
	if (!loop->now_valid) {
		loop->now = loop_clock();
		loop->now_valid = true;
	}
	return loop->now;
}

static void
on_wakeup(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

/* Otherwise libevent would write to stderr by itself. */
static void
on_libevent_message(int severity, const char *text)
{
	if (severity == EVENT_LOG_WARN || severity == EVENT_LOG_ERR)
		log_warning("libevent: %s", text);
	else
		log_debug("libevent: %s", text);
}

int
loop_new(struct loop **ret_loop)
{
	struct event_config *config = event_config_new();
	struct loop *loop = xcalloc(1, sizeof(*loop));

	if (!config)
		abort();
	event_set_log_callback(on_libevent_message);
	TAILQ_INIT(&loop->deferred);
	TAILQ_INIT(&loop->running);
	/* Without the first, epoll_wait() rounds deadlines to milliseconds; without the second,
	 * spans count from the begin of the turn, and timers fire early by its length. */
	(void)event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
	(void)event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME);
	loop->base = event_base_new_with_config(config);
	event_config_free(config);
	if (!loop->base) {
		free(loop);
		return -EMFILE;
	}
	loop->wakeup = event_new(loop->base, -1, 0, on_wakeup, NULL);
	if (!loop->wakeup)
		abort();
	/* OpenSSL and evhttp write without MSG_NOSIGNAL. */
	(void)signal(SIGPIPE, SIG_IGN);
	*ret_loop = loop;
	return 0;
}

void
loop_free(struct loop *loop)
{
	if (!loop)
		return;
	event_free(loop->wakeup);
	event_base_free(loop->base);
	free(loop);
}

struct event_base *
loop_base(struct loop *loop)
{
	return loop->base;
}

/* The span from now to a point in BOOTTIME, which libevent waits for in MONOTONIC. Both clocks are
 * cut to microseconds, so one more keeps the timer from being early. */
static struct timeval
span_until(mono_t deadline)
{
	int64_t usec = mono_diff_usec(deadline, loop_clock()) + 1;

	if (usec < 0)
		usec = 0;
	return (struct timeval){.tv_sec = usec / USEC_PER_SEC, .tv_usec = usec % USEC_PER_SEC};
}

static void
check_gap(struct loop *loop)
{
	enum gap_kind kind;
	int64_t usec;

	if (!loop->gap || loop->gap_checked)
		return;
	loop->gap_checked = true;
	kind = gap_check(&loop->gap->gap, loop_now(loop), loop_wall_usec(), &usec);
	if (kind != GAP_NONE)
		loop->gap->fn(loop->gap->arg, kind, usec);
}

static int64_t
callback_begin(struct loop *loop)
{
	(void)loop_now(loop);
	check_gap(loop);
	loop->callbacks++;
	return loop_clock().usec;
}

static void
callback_end(struct loop *loop, int64_t began_usec)
{
	int64_t usec = loop_clock().usec - began_usec;

	if (usec > loop->stats.longest_callback_usec)
		loop->stats.longest_callback_usec = usec;
}

static void
run_deferred(struct loop *loop)
{
	struct loop_deferred *deferred;

	TAILQ_CONCAT(&loop->running, &loop->deferred, link);
	while ((deferred = TAILQ_FIRST(&loop->running))) {
		int64_t began_usec = callback_begin(loop);

		TAILQ_REMOVE(&loop->running, deferred, link);
		deferred->queued = false;
		deferred->fn(deferred->arg);
		callback_end(loop, began_usec);
	}
}

static void
count_turn(struct loop *loop)
{
	int64_t usec;
	int i = 0;

	loop->stats.turns++;
	if (!loop->now_valid)
		return;
	usec = loop_clock().usec - loop->now.usec;
	while (usec > loop_bucket_bounds_usec[i])
		i++;
	loop->stats.buckets[i]++;
	loop->stats.busy_usec += (uint64_t)usec;
	if (usec > loop->stats.longest_turn_usec)
		loop->stats.longest_turn_usec = usec;
}

/* 0 or -errno. */
static int
turn(struct loop *loop)
{
	int flags = TAILQ_EMPTY(&loop->deferred) ? EVLOOP_ONCE : EVLOOP_ONCE | EVLOOP_NONBLOCK;
	int rc;

	loop->in_turn = true;
	loop->now_valid = false;
	loop->gap_checked = false;
	rc = event_base_loop(loop->base, flags | EVLOOP_NO_EXIT_ON_EMPTY);
	run_deferred(loop);
	count_turn(loop);
	loop->in_turn = false;
	return rc < 0 ? -EIO : 0;
}

int
loop_run(struct loop *loop)
{
	int err = 0;

	loop->stop = false;
	while (!loop->stop && !err)
		err = turn(loop);
	return err;
}

void
loop_stop(struct loop *loop)
{
	loop->stop = true;
}

bool
loop_turn(struct loop *loop, mono_t deadline)
{
	uint64_t before = loop->callbacks;

	if (!mono_is_never(deadline)) {
		struct timeval tv = span_until(deadline);

		(void)event_add(loop->wakeup, &tv);
	}
	(void)turn(loop);
	(void)event_del(loop->wakeup);
	return loop->callbacks != before;
}

/* Timers. */

static void
timer_arm(struct loop_timer *timer)
{
	struct timeval tv = span_until(timer->deadline);

	if (event_add(timer->event, &tv))
		abort();
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct loop_timer *timer = arg;
	struct loop *loop = timer->loop;
	int64_t began_usec;

	(void)fd;
	(void)what;
	began_usec = callback_begin(loop);
	if (!mono_reached(loop->now, timer->deadline)) {
		timer_arm(timer);
		return;
	}
	timer->deadline = MONO_NEVER;
	timer->fn(timer->arg);
	callback_end(loop, began_usec);
}

void
loop_timer_init(struct loop_timer *timer, struct loop *loop, loop_timer_fn *fn, void *arg)
{
	*timer = (struct loop_timer){.loop = loop, .fn = fn, .arg = arg, .deadline = MONO_NEVER};
	timer->event = event_new(loop->base, -1, 0, on_timer, timer);
	if (!timer->event)
		abort();
}

void
loop_timer_set(struct loop_timer *timer, mono_t deadline)
{
	if (timer->deadline.usec == deadline.usec)
		return;
	timer->deadline = deadline;
	if (mono_is_never(deadline))
		(void)event_del(timer->event);
	else
		timer_arm(timer);
}

void
loop_timer_fini(struct loop_timer *timer)
{
	if (timer->event)
		event_free(timer->event);
	*timer = (struct loop_timer){.deadline = MONO_NEVER};
}

/* File descriptors. */

static void
on_fd(evutil_socket_t fd, short what, void *arg)
{
	struct loop_fd *watch = arg;
	struct loop *loop = watch->loop;
	int64_t began_usec = callback_begin(loop);

	(void)fd;
	watch->fn(watch->arg, (what & EV_READ) != 0, (what & EV_WRITE) != 0);
	callback_end(loop, began_usec);
}

void
loop_fd_init(struct loop_fd *watch, struct loop *loop, int fd, loop_fd_fn *fn, void *arg)
{
	*watch = (struct loop_fd){.loop = loop, .fd = fd, .fn = fn, .arg = arg};
}

int
loop_fd_set(struct loop_fd *watch, bool want_read, bool want_write)
{
	short what = (short)((want_read ? EV_READ : 0) | (want_write ? EV_WRITE : 0));

	if (watch->want_read == want_read && watch->want_write == want_write)
		return 0;
	if (watch->event) {
		event_free(watch->event);
		watch->event = NULL;
	}
	watch->want_read = want_read;
	watch->want_write = want_write;
	if (!what)
		return 0;
	watch->event = event_new(
	    watch->loop->base, watch->fd, (short)(what | EV_PERSIST), on_fd, watch);
	if (!watch->event)
		abort();
	if (event_add(watch->event, NULL)) {
		event_free(watch->event);
		watch->event = NULL;
		watch->want_read = watch->want_write = false;
		return errno ? -errno : -EBADF;
	}
	return 0;
}

void
loop_fd_fini(struct loop_fd *watch)
{
	if (watch->event)
		event_free(watch->event);
	*watch = (struct loop_fd){.fd = -1};
}

/* Signals. */

static void
on_signal(evutil_socket_t fd, short what, void *arg)
{
	struct loop_signal *sig = arg;
	struct loop *loop = sig->loop;
	int64_t began_usec = callback_begin(loop);

	(void)fd;
	(void)what;
	sig->fn(sig->arg, sig->signo);
	callback_end(loop, began_usec);
}

int
loop_signal_init(
    struct loop_signal *sig, struct loop *loop, int signo, loop_signal_fn *fn, void *arg)
{
	*sig = (struct loop_signal){.loop = loop, .signo = signo, .fn = fn, .arg = arg};
	sig->event = event_new(loop->base, signo, EV_SIGNAL | EV_PERSIST, on_signal, sig);
	if (!sig->event)
		abort();
	if (event_add(sig->event, NULL)) {
		loop_signal_fini(sig);
		return -EINVAL;
	}
	return 0;
}

void
loop_signal_fini(struct loop_signal *sig)
{
	if (sig->event)
		event_free(sig->event);
	*sig = (struct loop_signal){0};
}

/* Deferred calls. */

void
loop_deferred_init(
    struct loop_deferred *deferred, struct loop *loop, loop_deferred_fn *fn, void *arg)
{
	*deferred = (struct loop_deferred){.loop = loop, .fn = fn, .arg = arg};
}

void
loop_defer(struct loop_deferred *deferred)
{
	if (deferred->queued)
		return;
	deferred->queued = true;
	TAILQ_INSERT_TAIL(&deferred->loop->deferred, deferred, link);
}

void
loop_deferred_fini(struct loop_deferred *deferred)
{
	/* TAILQ_REMOVE needs the head for the last element only; which list it is shows in whether
	 * it is found among those that run now. */
	if (deferred->queued) {
		struct loop *loop = deferred->loop;
		struct loop_deferred *other;

		TAILQ_FOREACH (other, &loop->running, link)
			if (other == deferred)
				break;
		if (other)
			TAILQ_REMOVE(&loop->running, deferred, link);
		else
			TAILQ_REMOVE(&loop->deferred, deferred, link);
	}
	*deferred = (struct loop_deferred){0};
}

/* Gaps. */

#define GAP_INTERVAL_MAX_USEC USEC_PER_SEC

static void
gap_arm(struct loop_gap *watch)
{
	int64_t interval = watch->gap.threshold_usec / 4;

	if (interval > GAP_INTERVAL_MAX_USEC)
		interval = GAP_INTERVAL_MAX_USEC;
	loop_timer_set(&watch->timer, mono_add_usec(loop_now(watch->loop), interval));
}

/* The turn itself is what is needed. */
static void
on_gap_timer(void *arg)
{
	gap_arm(arg);
}

void
loop_gap_init(
    struct loop_gap *watch, struct loop *loop, int64_t threshold_usec, loop_gap_fn *fn, void *arg)
{
	watch->loop = loop;
	watch->fn = fn;
	watch->arg = arg;
	gap_init(&watch->gap, threshold_usec, loop_clock(), loop_wall_usec());
	loop_timer_init(&watch->timer, loop, on_gap_timer, watch);
	loop->gap = watch;
	gap_arm(watch);
}

void
loop_gap_set(struct loop_gap *watch, int64_t threshold_usec)
{
	if (watch->gap.threshold_usec == threshold_usec)
		return;
	watch->gap.threshold_usec = threshold_usec;
	gap_arm(watch);
}

void
loop_gap_fini(struct loop_gap *watch)
{
	if (watch->loop)
		watch->loop->gap = NULL;
	loop_timer_fini(&watch->timer);
	*watch = (struct loop_gap){0};
}

/* Statistics. */

const struct loop_stats *
loop_stats(const struct loop *loop)
{
	return &loop->stats;
}

void
loop_stats_reset_longest(struct loop *loop)
{
	loop->stats.longest_turn_usec = 0;
	loop->stats.longest_callback_usec = 0;
}
