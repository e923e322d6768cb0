#include "test.h"

#include "lease/timer.h"
#include "util/prng.h"

#define N 500

static void
test_order(void **state)
{
	struct timer_queue queue = {0};
	struct timer timers[N] = {0}, *timer;
	bool armed[N] = {false};
	struct prng prng;
	size_t i, k, n = 0, taken = 0;
	mono_t last = MONO_ZERO;

	(void)state;
	prng_init(&prng, 7);
	for (k = 0; k < 5 * N; k++) {
		i = prng_below(&prng, N);
		if (prng_below(&prng, 4) == 0) {
			timer_cancel(&queue, &timers[i]);
			armed[i] = false;
		} else {
			timer_set(&queue, &timers[i], (mono_t){(int64_t)prng_below(&prng, 1000)});
			armed[i] = true;
		}
	}
	for (i = 0; i < N; i++)
		n += armed[i];
	assert_int_equal(queue.count, n);
	assert_null(timer_take(&queue, (mono_t){-1}));
	while ((timer = timer_take(&queue, (mono_t){1000}))) {
		assert_true(armed[timer - timers]);
		assert_false(mono_before(timer->at, last));
		last = timer->at;
		taken++;
	}
	assert_int_equal(taken, n);
	assert_true(mono_is_never(timer_next(&queue)));
	timer_queue_fini(&queue);
}

static void
test_rearm(void **state)
{
	struct timer_queue queue = {0};
	struct timer a = {0}, b = {0};

	(void)state;
	timer_set(&queue, &a, (mono_t){10});
	timer_set(&queue, &b, (mono_t){20});
	assert_int_equal(timer_next(&queue).usec, 10);
	timer_set(&queue, &a, (mono_t){30});
	assert_int_equal(timer_next(&queue).usec, 20);
	timer_set(&queue, &b, MONO_NEVER);
	assert_int_equal(timer_next(&queue).usec, 30);
	assert_null(timer_take(&queue, (mono_t){29}));
	assert_ptr_equal(timer_take(&queue, (mono_t){30}), &a);
	timer_cancel(&queue, &a);
	assert_int_equal(queue.count, 0);
	timer_queue_fini(&queue);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_order),
	    cmocka_unit_test(test_rearm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
