#include "io_test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>

#include "io/loop.h"

struct fixture {
	struct loop *loop;
	char order[64];
	size_t n;
};

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	*state = f;
	return loop_new(&f->loop);
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	loop_free(f->loop);
	free(f);
	return 0;
}

struct named_timer {
	struct fixture *f;
	struct loop_timer timer;
	char name;
	mono_t deadline;
	bool early;
};

static void
note(struct fixture *f, char c)
{
	assert_true(f->n + 1 < sizeof(f->order));
	f->order[f->n++] = c;
}

static void
on_timer(void *arg)
{
	struct named_timer *t = arg;

	t->early = !mono_reached(loop_now(t->f->loop), t->deadline);
	note(t->f, t->name);
}

static void
timer_start(struct named_timer *t, struct fixture *f, char name, mono_t deadline)
{
	*t = (struct named_timer){.f = f, .name = name, .deadline = deadline};
	loop_timer_init(&t->timer, f->loop, on_timer, t);
	loop_timer_set(&t->timer, deadline);
}

static void
timers_run_in_order_and_never_early(void **state)
{
	struct fixture *f = *state;
	struct named_timer t[5];
	mono_t now = loop_clock();
	size_t i;

	timer_start(&t[0], f, 'c', mono_add_usec(now, 3001));
	timer_start(&t[1], f, 'a', mono_add_usec(now, 1003));
	timer_start(&t[2], f, 'b', mono_add_usec(now, 2999));
	timer_start(&t[3], f, 'd', mono_add_usec(now, 4500));
	timer_start(&t[4], f, 'e', mono_add_usec(now, 4999));
	RUN_UNTIL(f->loop, f->n == 5);
	assert_string_equal(f->order, "abcde");
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		assert_false(t[i].early);
		assert_true(mono_is_never(t[i].timer.deadline));
		loop_timer_fini(&t[i].timer);
	}
}

static void
a_timer_is_moved_and_cleared(void **state)
{
	struct fixture *f = *state;
	struct named_timer a, b, past;
	mono_t now = loop_clock();

	timer_start(&a, f, 'a', mono_add_usec(now, 1000));
	timer_start(&b, f, 'b', mono_add_usec(now, 2000));
	/* An hour hence, then sooner again: one deadline each, the last. */
	loop_timer_set(&a.timer, mono_add_usec(now, 3600 * USEC_PER_SEC));
	loop_timer_set(&a.timer, a.deadline = mono_add_usec(now, 6000));
	RUN_UNTIL(f->loop, f->n == 2);
	assert_string_equal(f->order, "ba");
	assert_false(a.early);

	loop_timer_set(&a.timer, mono_add_usec(loop_clock(), 1000));
	loop_timer_set(&a.timer, MONO_NEVER);
	timer_start(&past, f, 'p', MONO_ZERO);
	RUN_UNTIL(f->loop, f->n == 3);
	RUN_WHILE(f->loop, 3000, f->n == 3);
	assert_string_equal(f->order, "bap");
	loop_timer_fini(&a.timer);
	loop_timer_fini(&a.timer);
	loop_timer_fini(&b.timer);
	loop_timer_fini(&past.timer);
}

struct self_freeing {
	struct loop_timer timer;
	struct loop_fd watch;
	struct loop_deferred deferred;
	bool *freed;
};

static void
free_self(void *arg)
{
	struct self_freeing *s = arg;

	loop_timer_fini(&s->timer);
	loop_fd_fini(&s->watch);
	loop_deferred_fini(&s->deferred);
	*s->freed = true;
	free(s);
}

static void
free_self_fd(void *arg, bool readable, bool writable)
{
	(void)readable;
	(void)writable;
	free_self(arg);
}

static void
objects_may_be_freed_in_their_own_callbacks(void **state)
{
	struct fixture *f = *state;
	struct self_freeing *s;
	bool freed = false;
	int fds[2];

	s = xcalloc(1, sizeof(*s));
	s->freed = &freed;
	loop_timer_init(&s->timer, f->loop, free_self, s);
	loop_timer_set(&s->timer, loop_clock());
	RUN_UNTIL(f->loop, freed);

	freed = false;
	s = xcalloc(1, sizeof(*s));
	s->freed = &freed;
	loop_deferred_init(&s->deferred, f->loop, free_self, s);
	loop_defer(&s->deferred);
	RUN_UNTIL(f->loop, freed);

	freed = false;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	s = xcalloc(1, sizeof(*s));
	s->freed = &freed;
	loop_fd_init(&s->watch, f->loop, fds[0], free_self_fd, s);
	assert_int_equal(loop_fd_set(&s->watch, false, true), 0);
	RUN_UNTIL(f->loop, freed);
	close(fds[0]);
	close(fds[1]);
}

struct fd_events {
	unsigned reads, writes;
	int fd;
};

static void
on_fd(void *arg, bool readable, bool writable)
{
	struct fd_events *e = arg;
	char byte;

	e->reads += readable;
	e->writes += writable;
	if (readable)
		(void)!read(e->fd, &byte, 1);
}

static void
descriptors_show_what_is_asked_for(void **state)
{
	struct fixture *f = *state;
	struct fd_events e = {0};
	struct loop_fd watch;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	e.fd = fds[0];
	loop_fd_init(&watch, f->loop, fds[0], on_fd, &e);
	RUN_WHILE(f->loop, 1000, !e.reads && !e.writes);
	assert_int_equal(loop_fd_set(&watch, true, false), 0);
	assert_int_equal(write(fds[1], "ab", 2), 2);
	RUN_UNTIL(f->loop, e.reads == 2);
	assert_int_equal(e.writes, 0);
	assert_int_equal(loop_fd_set(&watch, false, true), 0);
	RUN_UNTIL(f->loop, e.writes == 1);
	assert_int_equal(loop_fd_set(&watch, true, false), 0);
	close(fds[1]);
	RUN_UNTIL(f->loop, e.reads == 3);
	loop_fd_fini(&watch);
	loop_fd_fini(&watch);
	close(fds[0]);
}

static void
a_descriptor_that_cannot_be_polled_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct fd_events e = {0};
	struct loop_fd watch;
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	loop_fd_init(&watch, f->loop, fd, on_fd, &e);
	/* libevent warns of it by itself. */
	assert_true(loop_fd_set(&watch, true, false) < 0);
	loop_fd_fini(&watch);
	close(fd);
}

struct defer_test {
	struct fixture *f;
	struct loop_deferred a, b;
	struct loop_timer timer;
	bool again;
};

static void
on_a(void *arg)
{
	struct defer_test *d = arg;

	note(d->f, 'a');
	if (d->again) {
		d->again = false;
		loop_defer(&d->a);
		loop_defer(&d->a);
	}
}

static void
on_b(void *arg)
{
	struct defer_test *d = arg;

	note(d->f, 'b');
}

static void
on_defer_timer(void *arg)
{
	struct defer_test *d = arg;

	note(d->f, 't');
	loop_defer(&d->a);
	loop_defer(&d->b);
	loop_defer(&d->a);
}

static void
deferred_calls_run_once_at_the_end_of_the_turn(void **state)
{
	struct fixture *f = *state;
	struct defer_test d = {.f = f, .again = true};
	mono_t now = loop_clock();

	loop_deferred_init(&d.a, f->loop, on_a, &d);
	loop_deferred_init(&d.b, f->loop, on_b, &d);
	loop_timer_init(&d.timer, f->loop, on_defer_timer, &d);
	loop_timer_set(&d.timer, now);
	while (!f->n)
		(void)loop_turn(f->loop, MONO_NEVER);
	/* Asked for again by itself: not in this turn, which would let it starve the loop. */
	assert_string_equal(f->order, "tab");
	assert_true(loop_turn(f->loop, mono_add_usec(now, 3600 * USEC_PER_SEC)));
	assert_string_equal(f->order, "taba");
	loop_defer(&d.a);
	loop_defer(&d.b);
	loop_deferred_fini(&d.a);
	assert_true(loop_turn(f->loop, now));
	assert_string_equal(f->order, "tabab");
	assert_false(loop_turn(f->loop, now));
	loop_deferred_fini(&d.b);
	loop_timer_fini(&d.timer);
}

static void
cancel_b(void *arg)
{
	struct defer_test *d = arg;

	note(d->f, 'c');
	loop_deferred_fini(&d->b);
}

static void
a_deferred_call_may_cancel_the_next(void **state)
{
	struct fixture *f = *state;
	struct defer_test d = {.f = f};

	loop_deferred_init(&d.a, f->loop, cancel_b, &d);
	loop_deferred_init(&d.b, f->loop, on_b, &d);
	loop_defer(&d.a);
	loop_defer(&d.b);
	(void)loop_turn(f->loop, loop_clock());
	(void)loop_turn(f->loop, loop_clock());
	assert_string_equal(f->order, "c");
	loop_deferred_fini(&d.a);
}

struct clock_test {
	struct fixture *f;
	mono_t first, second, after;
	bool done;
};

static void
on_clock(void *arg)
{
	struct clock_test *c = arg;

	c->first = loop_now(c->f->loop);
	while (loop_clock().usec == c->first.usec)
		;
	c->second = loop_now(c->f->loop);
	c->after = loop_clock();
	c->done = true;
}

static void
the_clock_stands_during_a_turn(void **state)
{
	struct fixture *f = *state;
	struct clock_test c = {.f = f};
	struct loop_timer timer;

	loop_timer_init(&timer, f->loop, on_clock, &c);
	loop_timer_set(&timer, loop_clock());
	RUN_UNTIL(f->loop, c.done);
	assert_int_equal(c.first.usec, c.second.usec);
	assert_true(mono_before(c.second, c.after));
	assert_true(mono_before(c.first, loop_now(f->loop)));
	assert_true(loop_wall_usec() > INT64_C(1700000000) * USEC_PER_SEC);
	loop_timer_fini(&timer);
}

static void
on_slow(void *arg)
{
	struct clock_test *c = arg;
	mono_t until = mono_add_usec(loop_clock(), 2000);

	while (mono_before(loop_clock(), until))
		;
	c->done = true;
}

static void
a_long_callback_shows_in_the_statistics(void **state)
{
	struct fixture *f = *state;
	struct clock_test c = {.f = f};
	struct loop_timer timer;
	const struct loop_stats *stats = loop_stats(f->loop);
	uint64_t sum = 0;
	size_t i;

	loop_timer_init(&timer, f->loop, on_slow, &c);
	loop_timer_set(&timer, loop_clock());
	RUN_UNTIL(f->loop, c.done);
	assert_true(stats->longest_callback_usec >= 2000);
	assert_true(stats->longest_turn_usec >= stats->longest_callback_usec);
	assert_true(stats->busy_usec >= 2000);
	for (i = 3; i < LOOP_BUCKETS; i++)
		sum += stats->buckets[i];
	assert_true(sum >= 1);
	loop_stats_reset_longest(f->loop);
	assert_int_equal(stats->longest_turn_usec, 0);
	assert_int_equal(stats->longest_callback_usec, 0);
	loop_timer_fini(&timer);
}

static void
on_signal(void *arg, int signo)
{
	struct fixture *f = arg;

	note(f, signo == SIGUSR1 ? 'u' : 'h');
	if (signo == SIGHUP)
		loop_stop(f->loop);
}

static void
signals_come_in_turns_and_stop_ends_the_run(void **state)
{
	struct fixture *f = *state;
	struct loop_signal usr1, hup;
	struct sigaction action;

	/* Under nohup it is ignored, and would be again at the end. */
	assert_true(signal(SIGHUP, SIG_DFL) != SIG_ERR);
	assert_int_equal(loop_signal_init(&usr1, f->loop, SIGUSR1, on_signal, f), 0);
	assert_int_equal(loop_signal_init(&hup, f->loop, SIGHUP, on_signal, f), 0);
	assert_int_equal(raise(SIGUSR1), 0);
	assert_int_equal(f->n, 0);
	RUN_UNTIL(f->loop, f->n == 1);
	assert_int_equal(raise(SIGHUP), 0);
	assert_int_equal(loop_run(f->loop), 0);
	assert_string_equal(f->order, "uh");
	loop_signal_fini(&usr1);
	loop_signal_fini(&hup);
	loop_signal_fini(&hup);
	assert_int_equal(sigaction(SIGHUP, NULL, &action), 0);
	assert_true(action.sa_handler == SIG_DFL);
	assert_int_equal(sigaction(SIGPIPE, NULL, &action), 0);
	assert_true(action.sa_handler == SIG_IGN);
}

static void
a_signal_that_cannot_be_caught_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct loop_signal kill_signal;

	assert_true(loop_signal_init(&kill_signal, f->loop, SIGKILL, on_signal, f) < 0);
	loop_signal_fini(&kill_signal);
}

struct gap_fixture {
	struct fixture *f;
	struct loop_gap gap;
	struct loop_timer busy;
	struct loop_fd fd;
	enum gap_kind kind;
	int64_t usec;
};

static void
on_gap(void *arg, enum gap_kind kind, int64_t usec)
{
	struct gap_fixture *g = arg;

	note(g->f, 'g');
	g->kind = kind;
	g->usec = usec;
}

/* As if somebody else had the core meanwhile. */
static void
be_busy(void *arg)
{
	struct gap_fixture *g = arg;
	mono_t until = mono_add_usec(loop_clock(), 60 * USEC_PER_MSEC);

	note(g->f, 'b');
	while (mono_before(loop_clock(), until))
		;
}

static void
on_gap_fd(void *arg, bool readable, bool writable)
{
	struct gap_fixture *g = arg;

	(void)readable;
	(void)writable;
	note(g->f, 'f');
	(void)loop_fd_set(&g->fd, false, false);
	loop_stop(g->f->loop);
}

/* What waits in a socket must not be answered before. */
static void
a_gap_is_told_before_anything_else(void **state)
{
	struct fixture *f = *state;
	struct gap_fixture g = {.f = f};
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	loop_gap_init(&g.gap, f->loop, 40 * USEC_PER_MSEC, on_gap, &g);
	loop_timer_init(&g.busy, f->loop, be_busy, &g);
	loop_timer_set(&g.busy, loop_clock());
	while (!f->n)
		(void)loop_turn(f->loop, MONO_NEVER);
	loop_fd_init(&g.fd, f->loop, fds[0], on_gap_fd, &g);
	assert_int_equal(loop_fd_set(&g.fd, true, false), 0);
	assert_int_equal(loop_run(f->loop), 0);
	assert_string_equal(f->order, "bgf");
	assert_int_equal(g.kind, GAP_STOOD_STILL);
	assert_true(g.usec >= 60 * USEC_PER_MSEC);
	loop_fd_fini(&g.fd);
	loop_timer_fini(&g.busy);
	loop_gap_fini(&g.gap);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

/* So that a gap is found out although nothing happens: otherwise this would wait for ever. */
static void
a_watch_for_gaps_turns_a_quiet_loop(void **state)
{
	struct fixture *f = *state;
	struct gap_fixture g = {.f = f};

	loop_gap_init(&g.gap, f->loop, 20 * USEC_PER_MSEC, on_gap, &g);
	while (loop_stats(f->loop)->turns < 3)
		(void)loop_turn(f->loop, MONO_NEVER);
	loop_gap_fini(&g.gap);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(timers_run_in_order_and_never_early),
	    T(a_timer_is_moved_and_cleared),
	    T(objects_may_be_freed_in_their_own_callbacks),
	    T(descriptors_show_what_is_asked_for),
	    T(a_descriptor_that_cannot_be_polled_is_an_error),
	    T(deferred_calls_run_once_at_the_end_of_the_turn),
	    T(a_deferred_call_may_cancel_the_next),
	    T(the_clock_stands_during_a_turn),
	    T(a_long_callback_shows_in_the_statistics),
	    T(a_gap_is_told_before_anything_else),
	    T(a_watch_for_gaps_turns_a_quiet_loop),
	    T(signals_come_in_turns_and_stop_ends_the_run),
	    T(a_signal_that_cannot_be_caught_is_an_error),
	};

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
