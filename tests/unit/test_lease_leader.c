#include "test.h"

#include "lease/leader.h"
#include "lease_fake.h"

struct fixture {
	struct lease_table leases;
	struct lease_outbox out;
	struct leader leader;
	int version;
};

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	lease_outbox_init(&f->out);
	f->out.wall_offset_usec = 5;
	leader_init(&f->leader, "us", &f->leases, &f->out, 1);
	leader_set(&f->leader, true, true, 1, T(0));
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	leader_fini(&f->leader);
	lease_outbox_fini(&f->out);
	lease_table_clear(&f->leases);
	free(f);
	return 0;
}

static void
watch(struct fixture *f, const char *holder, int transitions, mono_t now)
{
	struct lease *lease = make_lease(LEADER_LEASE, holder, ++f->version);

	lease->transitions = transitions;
	lease_table_put(&f->leases, lease);
	leader_observe(&f->leader, now);
}

/* The write that is out is applied, answered and watched. */
static void
succeed(struct fixture *f, enum lease_op op, const char *holder, int transitions, mono_t now)
{
	struct lease_request *request = expect_request(&f->out, op, LEADER_LEASE);

	assert_string_equal(request->lease->holder, holder);
	assert_int_equal(request->lease->transitions, transitions);
	request->lease->resource_version = arena_printf(request->lease->arena, "%d", ++f->version);
	leader_answered(&f->leader, LEASE_OK, request->lease, now);
	lease_table_put(&f->leases, lease_copy(request->lease));
	leader_observe(&f->leader, now);
	lease_request_free(request);
}

static void
become_leader(struct fixture *f, double at)
{
	leader_listed(&f->leader, T(at));
	leader_tick(&f->leader, T(at + 0.1));
	succeed(f, LEASE_CREATE, "us", 0, T(at + 0.2));
	assert_true(leader_is_leading(&f->leader, T(at + 0.2)));
}

static void
test_waits_for_list(void **state)
{
	struct fixture *f = *state;

	leader_tick(&f->leader, T(10));
	expect_no_request(&f->out);
	assert_true(mono_is_never(leader_next_deadline(&f->leader)));
	assert_string_equal(leader_holder(&f->leader), "");
}

static void
test_acquire_and_renew(void **state)
{
	struct fixture *f = *state;
	struct lease_request *request;

	become_leader(f, 0);
	assert_true(take_said(&f->out, LEASE_EVENT_LEADER));
	assert_int_equal(leader_next_deadline(&f->leader).usec, T(2.1).usec);
	leader_tick(&f->leader, T(2.0));
	expect_no_request(&f->out);
	leader_tick(&f->leader, T(2.1));
	request = expect_request(&f->out, LEASE_UPDATE, LEADER_LEASE);
	assert_string_equal(request->lease->resource_version, "1");
	assert_int_equal(request->lease->duration_seconds, 15);
	assert_int_equal(request->lease->transitions, 0);
	assert_int_equal(request->lease->acquire_time_usec, T(0.1).usec + 5);
	assert_int_equal(request->lease->renew_time_usec, T(2.1).usec + 5);
	lease_request_free(request);
}

/* 10 s after the send time of the last write that succeeded, whatever is in flight. */
static void
test_gives_up(void **state)
{
	struct fixture *f = *state;

	become_leader(f, 0);
	leader_tick(&f->leader, T(2.1));
	lease_request_free(expect_request(&f->out, LEASE_UPDATE, LEADER_LEASE));
	assert_int_equal(leader_next_deadline(&f->leader).usec, T(10.1).usec);
	assert_true(leader_is_leading(&f->leader, T(10.0)));
	assert_false(leader_is_leading(&f->leader, T(10.1)));
	leader_tick(&f->leader, T(10.1));
	assert_true(take_said(&f->out, LEASE_EVENT_LEADER_LOST));
	assert_int_equal(f->leader.state, LEADER_FOLLOWER);
	/* An answer that comes that late, to a write of that long ago, changes nothing. */
	leader_answered(&f->leader, LEASE_UNREACHABLE, NULL, T(13));
	assert_false(leader_is_leading(&f->leader, T(13)));
}

static void
test_late_success(void **state)
{
	struct fixture *f = *state;
	struct lease_request *request;

	leader_listed(&f->leader, T(0));
	leader_tick(&f->leader, T(0.1));
	request = expect_request(&f->out, LEASE_CREATE, LEADER_LEASE);
	request->lease->resource_version = "1";
	leader_answered(&f->leader, LEASE_OK, request->lease, T(10.2));
	lease_request_free(request);
	assert_false(leader_is_leading(&f->leader, T(10.2)));
	/* Renewed at once, since it is ours. */
	succeed(f, LEASE_UPDATE, "us", 0, T(10.3));
	assert_true(leader_is_leading(&f->leader, T(10.3)));
}

static void
test_follower_waits_for_record(void **state)
{
	struct fixture *f = *state;

	watch(f, "other", 4, T(0));
	leader_listed(&f->leader, T(0));
	watch(f, "other", 4, T(7));
	leader_tick(&f->leader, T(21.9));
	expect_no_request(&f->out);
	leader_tick(&f->leader, T(22.1));
	succeed(f, LEASE_UPDATE, "us", 5, T(22.2));
	assert_true(leader_is_leading(&f->leader, T(22.2)));
	/* Another's name on the watch ends it at once. */
	watch(f, "other", 6, T(23));
	assert_false(leader_is_leading(&f->leader, T(23)));
	assert_true(take_said(&f->out, LEASE_EVENT_LEADER_LOST));
}

static void
test_conflict_then_look(void **state)
{
	struct fixture *f = *state;
	struct lease *theirs = make_lease(LEADER_LEASE, "other", 77);

	become_leader(f, 0);
	leader_tick(&f->leader, T(2.1));
	lease_request_free(expect_request(&f->out, LEASE_UPDATE, LEADER_LEASE));
	leader_answered(&f->leader, LEASE_CONFLICT, NULL, T(2.2));
	lease_request_free(expect_request(&f->out, LEASE_GET, LEADER_LEASE));
	assert_true(leader_is_leading(&f->leader, T(2.2)));
	leader_answered(&f->leader, LEASE_OK, theirs, T(2.3));
	assert_false(leader_is_leading(&f->leader, T(2.3)));
	expect_no_request(&f->out);
	lease_free(theirs);
}

static void
test_retry_is_jittered(void **state)
{
	struct fixture *f = *state;
	int64_t wait;

	leader_listed(&f->leader, T(0));
	leader_tick(&f->leader, T(0.1));
	lease_request_free(expect_request(&f->out, LEASE_CREATE, LEADER_LEASE));
	leader_answered(&f->leader, LEASE_REFUSED, NULL, T(1));
	assert_true(take_said(&f->out, LEASE_EVENT_REFUSED));
	wait = mono_diff_usec(leader_next_deadline(&f->leader), T(1));
	assert_in_range(wait, LEADER_RETRY_PERIOD_USEC, LEADER_RETRY_PERIOD_USEC * 22 / 10);
}

static void
test_release(void **state)
{
	struct fixture *f = *state;
	struct lease_request *request;

	become_leader(f, 0);
	leader_release(&f->leader, T(1));
	assert_false(leader_is_leading(&f->leader, T(1)));
	assert_false(leader_is_released(&f->leader));
	request = expect_request(&f->out, LEASE_UPDATE, LEADER_LEASE);
	assert_string_equal(request->lease->holder, "");
	assert_int_equal(request->lease->duration_seconds, 1);
	request->lease->resource_version = "9";
	leader_answered(&f->leader, LEASE_OK, request->lease, T(1.1));
	lease_request_free(request);
	assert_true(leader_is_released(&f->leader));
	leader_tick(&f->leader, T(100));
	expect_no_request(&f->out);
	assert_true(mono_is_never(leader_next_deadline(&f->leader)));
}

static void
test_release_of_nothing(void **state)
{
	struct fixture *f = *state;

	watch(f, "other", 0, T(0));
	leader_listed(&f->leader, T(0));
	leader_release(&f->leader, T(1));
	assert_true(leader_is_released(&f->leader));
	expect_no_request(&f->out);
}

/* Without the right to the name nothing is written, not even a release. */
static void
test_inactive(void **state)
{
	struct fixture *f = *state;

	become_leader(f, 0);
	leader_set(&f->leader, false, true, 1, T(1));
	assert_false(leader_is_leading(&f->leader, T(1)));
	leader_tick(&f->leader, T(60));
	expect_no_request(&f->out);
	leader_release(&f->leader, T(61));
	assert_true(leader_is_released(&f->leader));
	expect_no_request(&f->out);
}

static void
test_minority(void **state)
{
	struct fixture *f = *state;

	become_leader(f, 0);
	leader_set(&f->leader, true, false, 3, T(1));
	leader_set(&f->leader, true, true, 3, T(1.5));
	leader_set(&f->leader, true, false, 3, T(2));
	assert_true(leader_is_leading(&f->leader, T(2)));
	leader_tick(&f->leader, T(2.1));
	succeed(f, LEASE_UPDATE, "us", 0, T(2.1));
	leader_tick(&f->leader, T(10));
	succeed(f, LEASE_UPDATE, "us", 0, T(10));
	leader_tick(&f->leader, T(16.9));
	succeed(f, LEASE_UPDATE, "us", 0, T(16.9));
	assert_true(leader_is_leading(&f->leader, T(16.9)));
	leader_tick(&f->leader, T(17));
	assert_false(leader_is_leading(&f->leader, T(17)));
	succeed(f, LEASE_UPDATE, "", 0, T(17.1));
	leader_tick(&f->leader, T(90));
	expect_no_request(&f->out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_waits_for_list, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_acquire_and_renew, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_gives_up, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_late_success, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_follower_waits_for_record, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_conflict_then_look, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_retry_is_jittered, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_release, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_release_of_nothing, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_inactive, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_minority, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
