/* The token bucket under a clock of the test's own. */
#include "test.h"

#include "util/rate.h"

#define AT(usec) ((mono_t){1000000 + (usec)})

static unsigned
take_all(struct rate *rate, mono_t now)
{
	unsigned n = 0;

	while (rate_take(rate, now))
		n++;
	return n;
}

static void
test_burst_then_steady(void **state)
{
	struct rate rate;

	(void)state;
	rate_init(&rate, 100, 5, AT(0));
	assert_int_equal(rate_next(&rate, AT(0)).usec, AT(0).usec);
	assert_int_equal(take_all(&rate, AT(0)), 5);
	assert_int_equal(rate_next(&rate, AT(0)).usec, AT(100).usec);
	assert_int_equal(take_all(&rate, AT(99)), 0);
	assert_int_equal(rate_next(&rate, AT(99)).usec, AT(100).usec);
	assert_int_equal(take_all(&rate, AT(100)), 1);
	/* The rest of an interval is not lost: at 350 two and a half have come. */
	assert_int_equal(take_all(&rate, AT(350)), 2);
	assert_int_equal(rate_next(&rate, AT(350)).usec, AT(400).usec);
	assert_int_equal(take_all(&rate, AT(400)), 1);
	/* Never more than the burst, however long the pause. */
	assert_int_equal(take_all(&rate, AT(1000000)), 5);
	assert_int_equal(take_all(&rate, AT(1000099)), 0);
	assert_int_equal(take_all(&rate, AT(1000100)), 1);
}

/* A full bucket has no half-filled token to give: after the first take a whole interval passes. */
static void
test_full_bucket_starts_the_interval(void **state)
{
	struct rate rate;

	(void)state;
	rate_init(&rate, 100, 1, AT(0));
	assert_true(rate_take(&rate, AT(950)));
	assert_false(rate_take(&rate, AT(1000)));
	assert_true(rate_take(&rate, AT(1050)));
}

static void
test_suppressed(void **state)
{
	struct rate rate;

	(void)state;
	rate_init(&rate, 100, 1, AT(0));
	assert_int_equal(rate_suppressed(&rate), 0);
	assert_true(rate_take(&rate, AT(0)));
	assert_false(rate_take(&rate, AT(1)));
	assert_false(rate_take(&rate, AT(2)));
	assert_int_equal(rate_suppressed(&rate), 2);
	assert_int_equal(rate_suppressed(&rate), 0);
}

/* Over any stretch at most burst + stretch/interval, whatever the pattern of asking. */
static void
test_bound_holds(void **state)
{
	struct rate rate;
	unsigned taken = 0;
	int64_t t;

	(void)state;
	rate_init(&rate, 37, 4, AT(0));
	for (t = 0; t < 100000; t += 1 + t % 11)
		taken += rate_take(&rate, AT(t));
	assert_in_range(taken, 100000 / 37 - 4, 100000 / 37 + 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_burst_then_steady),
	    cmocka_unit_test(test_full_bucket_starts_the_interval),
	    cmocka_unit_test(test_suppressed),
	    cmocka_unit_test(test_bound_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
