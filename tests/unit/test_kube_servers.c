#include "test.h"

#include "kube/servers.h"

static mono_t
at(int64_t seconds)
{
	return (mono_t){(1000 + seconds) * USEC_PER_SEC};
}

static void
test_keeps_what_works(void **state)
{
	struct kube_servers s;
	int i;

	(void)state;
	kube_servers_init(&s, 3, 4);
	assert_int_equal(kube_servers_pick(&s, at(0)), 1);
	for (i = 0; i < 5; i++) {
		kube_servers_ok(&s, 1, at(i));
		assert_int_equal(kube_servers_pick(&s, at(i)), 1);
	}
	/* It fails: the next, and that one is kept even when the first is forgiven. */
	kube_servers_failed(&s, 1, at(10));
	assert_true(kube_servers_is_avoided(&s, 1, at(10)));
	assert_int_equal(kube_servers_pick(&s, at(10)), 2);
	assert_false(kube_servers_is_avoided(&s, 1, at(15)));
	assert_int_equal(kube_servers_pick(&s, at(1000)), 2);
	kube_servers_failed(&s, 2, at(1000));
	assert_int_equal(kube_servers_pick(&s, at(1000)), 0);
}

static void
test_one_server(void **state)
{
	struct kube_servers s;

	(void)state;
	kube_servers_init(&s, 1, 7);
	kube_servers_failed(&s, 0, at(0));
	assert_int_equal(kube_servers_pick(&s, at(0)), 0);
	assert_true(kube_servers_hedge(&s, 0, at(0)) == KUBE_SERVERS_NONE);
	kube_servers_init(&s, 100, 7);
	assert_int_equal(s.count, KUBE_SERVERS_MAX);
}

static void
test_all_down(void **state)
{
	struct kube_servers s;
	bool tried[3] = {false};
	int i;

	(void)state;
	kube_servers_init(&s, 3, 0);
	for (i = 0; i < 9; i++) {
		size_t index = kube_servers_pick(&s, at(2 * i));

		tried[index] = true;
		kube_servers_failed(&s, index, at(2 * i));
	}
	assert_true(tried[0] && tried[1] && tried[2]);
	/* None is tried far more often than another. */
	for (i = 0; i < 3; i++)
		assert_in_range(s.server[i].n_failed, 2, 4);
	/* One answers: it stays. */
	kube_servers_ok(&s, 2, at(30));
	s.current = 2;
	assert_int_equal(kube_servers_pick(&s, at(30)), 2);
}

static void
test_penalty(void **state)
{
	static const int64_t expected[] = {5, 10, 20, 40, 80, 120, 120};
	struct kube_servers s;
	int64_t now = 0;
	size_t i;

	(void)state;
	kube_servers_init(&s, 2, 0);
	for (i = 0; i < ARRAY_SIZE(expected); i++) {
		kube_servers_failed(&s, 0, at(now));
		assert_true(kube_servers_is_avoided(&s, 0, at(now + expected[i] - 1)));
		assert_false(kube_servers_is_avoided(&s, 0, at(now + expected[i])));
		now += expected[i];
	}
	/* Forgotten after a while, or by a success. */
	now += 200;
	kube_servers_failed(&s, 0, at(now));
	assert_false(kube_servers_is_avoided(&s, 0, at(now + 5)));
	kube_servers_failed(&s, 0, at(now + 5));
	assert_true(kube_servers_is_avoided(&s, 0, at(now + 14)));
	kube_servers_ok(&s, 0, at(now + 14));
	assert_false(kube_servers_is_avoided(&s, 0, at(now + 14)));
	kube_servers_failed(&s, 0, at(now + 20));
	assert_false(kube_servers_is_avoided(&s, 0, at(now + 25)));
}

static void
test_one_moment(void **state)
{
	struct kube_servers s;
	int i;

	(void)state;
	kube_servers_init(&s, 2, 0);
	for (i = 0; i < 10; i++)
		kube_servers_failed(&s, 0, at(0));
	assert_int_equal(s.server[0].failures, 1);
	assert_int_equal(s.server[0].n_failed, 10);
	assert_false(kube_servers_is_avoided(&s, 0, at(5)));
}

static void
test_hedge(void **state)
{
	struct kube_servers s;

	(void)state;
	kube_servers_init(&s, 3, 0);
	assert_int_equal(kube_servers_hedge(&s, 0, at(0)), 1);
	assert_int_equal(kube_servers_hedge(&s, 2, at(0)), 0);
	kube_servers_failed(&s, 1, at(0));
	assert_int_equal(kube_servers_hedge(&s, 0, at(0)), 2);
	kube_servers_failed(&s, 2, at(0));
	assert_true(kube_servers_hedge(&s, 0, at(0)) == KUBE_SERVERS_NONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_keeps_what_works),
	    cmocka_unit_test(test_one_server),
	    cmocka_unit_test(test_all_down),
	    cmocka_unit_test(test_penalty),
	    cmocka_unit_test(test_one_moment),
	    cmocka_unit_test(test_hedge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
