#include "test.h"

#include <stdio.h>

#include "lease/membership.h"
#include "lease_fake.h"

struct fixture {
	struct lease_table leases;
	struct lease_outbox out;
	struct membership m;
	struct ip_prefix address;
	struct member_interface intf;
	struct member_advertisement adv;
	struct member_info info;
	int version;
	struct lease *last; /* our last heartbeat that was applied */
};

static void
tell(struct fixture *f, mono_t now)
{
	membership_set(&f->m, &f->info, 15 * USEC_PER_SEC, true, now);
}

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct membership_config config = {"us", 1};

	f->version = 100;
	f->address = (struct ip_prefix){ip_addr_v4(192, 0, 2, 10), 24};
	f->intf = (struct member_interface){"eth0", {{2, 0, 0, 0, 0, 1}}, true, &f->address, 1};
	f->adv = (struct member_advertisement){"lan", 0};
	f->info = (struct member_info){
	    .hostname = "host-us",
	    .machine_id = "machine-us",
	    .instance_id = "instance-us",
	    .settings_hash = 1,
	    .interfaces = &f->intf,
	    .n_interfaces = 1,
	    .advertisements = &f->adv,
	    .n_advertisements = 1,
	};
	lease_outbox_init(&f->out);
	membership_init(&f->m, &config, &f->leases, &f->out, T(0));
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	membership_fini(&f->m);
	lease_outbox_fini(&f->out);
	lease_table_clear(&f->leases);
	lease_free(f->last);
	free(f);
	return 0;
}

/* Another node's heartbeat. */
static void
beat(struct fixture *f, const char *name, const char *holder, uint64_t hash, mono_t now)
{
	struct lease *lease = make_lease(name, holder, ++f->version);
	struct ip_prefix address = {ip_addr_v4(192, 0, 2, 20), 24};
	struct member_interface intf = {"eth0", {{2, 0, 0, 0, 0, 9}}, true, &address, 1};
	struct member_advertisement adv = {"lan", 0};
	struct member_info info = {
	    .hostname = "host-other",
	    .machine_id = "machine-other",
	    .instance_id = "instance-other",
	    .settings_hash = hash,
	    .interfaces = &intf,
	    .n_interfaces = 1,
	    .advertisements = &adv,
	    .n_advertisements = 1,
	};

	member_info_write(&info, lease);
	lease_table_put(&f->leases, lease);
	membership_observe(&f->m, name, now);
}

/* Our heartbeat that is out is applied and answered; `watched`: and comes back. */
static void
succeed(struct fixture *f, enum lease_op op, bool watched, mono_t now)
{
	struct lease_request *request = expect_request(&f->out, op, "node-us");

	request->lease->resource_version = arena_printf(request->lease->arena, "%d", ++f->version);
	lease_free(f->last);
	f->last = lease_copy(request->lease);
	membership_answered(&f->m, "node-us", LEASE_OK, request->lease, now);
	if (watched) {
		lease_table_put(&f->leases, lease_copy(request->lease));
		membership_observe(&f->m, "node-us", now);
	}
	lease_request_free(request);
}

static void
start(struct fixture *f)
{
	membership_listed(&f->m, T(0));
	expect_no_request(&f->out);
	tell(f, T(0));
	succeed(f, LEASE_CREATE, true, T(0.1));
	assert_true(membership_is_fresh(&f->m, T(0.1)));
}

static void
test_heartbeat(void **state)
{
	struct fixture *f = *state;
	struct lease_request *request;

	assert_false(membership_is_active(&f->m));
	start(f);
	assert_true(membership_is_active(&f->m));
	assert_true(membership_is_alive(&f->m, T(0.1)));
	assert_int_equal(membership_next_deadline(&f->m).usec, T(5).usec);
	membership_tick(&f->m, T(4.9));
	expect_no_request(&f->out);
	membership_tick(&f->m, T(5));
	request = expect_request(&f->out, LEASE_UPDATE, "node-us");
	assert_string_equal(request->lease->holder, "us");
	assert_int_equal(request->lease->duration_seconds, 15);
	assert_int_equal(request->lease->renew_time_usec, T(5).usec);
	assert_int_equal(request->lease->acquire_time_usec, T(0).usec);
	assert_string_equal(lease_annotation(request->lease, "metallb.io/hostname"), "host-us");
	lease_request_free(request);
	assert_true(membership_is_alive(&f->m, T(14.9)));
	assert_false(membership_is_alive(&f->m, T(15)));
}

static void
test_view_lost_and_regained(void **state)
{
	struct fixture *f = *state;

	start(f);
	beat(f, "node-a", "a", 1, T(1));
	membership_tick(&f->m, T(5));
	succeed(f, LEASE_UPDATE, false, T(5.1));
	assert_true(membership_is_fresh(&f->m, T(9.9)));
	assert_false(membership_is_fresh(&f->m, T(10)));
	membership_tick(&f->m, T(10));
	assert_true(f->out.relist);
	assert_true(take_said(&f->out, LEASE_EVENT_VIEW_LOST));
	succeed(f, LEASE_UPDATE, false, T(10.1));
	/* a's 15 s pass, unbelieved. */
	membership_tick(&f->m, T(17));
	lease_request_free(expect_request(&f->out, LEASE_UPDATE, "node-us"));
	membership_answered(&f->m, "node-us", LEASE_UNREACHABLE, NULL, T(17));
	assert_int_equal(membership_find(&f->m, "a")->state, MEMBER_LIVE);
	/* The list; all ages start anew, and the next heartbeat comes back. */
	f->out.relist = false;
	membership_listed(&f->m, T(20));
	assert_false(membership_is_fresh(&f->m, T(20)));
	/* The list shows less than the server has answered us: one look. */
	lease_request_free(expect_request(&f->out, LEASE_GET, "node-us"));
	membership_answered(&f->m, "node-us", LEASE_OK, f->last, T(20));
	succeed(f, LEASE_UPDATE, true, T(20.1));
	assert_true(membership_is_fresh(&f->m, T(20.1)));
	assert_true(take_said(&f->out, LEASE_EVENT_VIEW_FRESH));
	membership_tick(&f->m, T(25));
	succeed(f, LEASE_UPDATE, true, T(25));
	membership_tick(&f->m, T(30));
	succeed(f, LEASE_UPDATE, true, T(30));
	membership_tick(&f->m, T(34.9));
	assert_int_equal(membership_find(&f->m, "a")->state, MEMBER_LIVE);
	membership_tick(&f->m, T(35));
	assert_int_equal(membership_find(&f->m, "a")->state, MEMBER_EXPIRED);
}

/* A gap in our own time: the timers of the others run out in the same turn, and are not believed.
 */
static void
test_gap(void **state)
{
	struct fixture *f = *state;

	start(f);
	beat(f, "node-a", "a", 1, T(1));
	membership_tick(&f->m, T(500));
	assert_int_equal(membership_find(&f->m, "a")->state, MEMBER_LIVE);
	assert_true(f->out.relist);
}

/* One GET, shared; its outcomes. */
static void
test_proof(void **state)
{
	struct fixture *f = *state;
	struct member *member;
	struct lease *lease;
	double t;

	start(f);
	beat(f, "node-a", "a", 1, T(1));
	member = membership_hold(&f->m, "a", T(1));
	while (membership_take_changed(&f->m))
		;
	for (t = 5; t <= 15; t += 5) {
		membership_tick(&f->m, T(t));
		succeed(f, LEASE_UPDATE, true, T(t));
	}
	membership_prove(&f->m, member, T(15.5));
	expect_no_request(&f->out);
	assert_int_equal(membership_life(&f->m, member, T(15.5)), LIFE_LIVING);
	membership_tick(&f->m, T(16));
	assert_ptr_equal(membership_take_changed(&f->m), member);
	assert_int_equal(membership_life(&f->m, member, T(16)), LIFE_SILENT);
	membership_prove(&f->m, member, T(16));
	membership_prove(&f->m, member, T(16));
	lease_request_free(expect_request(&f->out, LEASE_GET, "node-a"));
	expect_no_request(&f->out);
	/* No answer: again after a while. */
	membership_answered(&f->m, "node-a", LEASE_UNKNOWN, NULL, T(16.1));
	assert_int_equal(membership_life(&f->m, member, T(16.1)), LIFE_SILENT);
	membership_tick(&f->m, T(18.2));
	lease_request_free(expect_request(&f->out, LEASE_GET, "node-a"));
	lease = lease_copy(lease_table_find(&f->leases, "node-a"));
	membership_answered(&f->m, "node-a", LEASE_OK, lease, T(18.3));
	assert_ptr_equal(membership_take_changed(&f->m), member);
	assert_int_equal(membership_life(&f->m, member, T(18.3)), LIFE_DEAD);
	assert_int_equal(membership_life(&f->m, member, T(25)), LIFE_LIVING); /* not fresh */
	lease_free(lease);
	/* A sign of life undoes it. */
	beat(f, "node-a", "a", 1, T(19));
	assert_int_equal(membership_life(&f->m, member, T(19)), LIFE_LIVING);
	membership_drop(&f->m, member);
}

static void
test_get_shows_change(void **state)
{
	struct fixture *f = *state;
	struct member *member;
	struct lease *lease;
	double t;

	start(f);
	beat(f, "node-a", "a", 1, T(1));
	member = membership_hold(&f->m, "a", T(1));
	for (t = 5; t <= 15; t += 5) {
		membership_tick(&f->m, T(t));
		succeed(f, LEASE_UPDATE, true, T(t));
	}
	membership_tick(&f->m, T(16));
	membership_prove(&f->m, member, T(16));
	lease_request_free(expect_request(&f->out, LEASE_GET, "node-a"));
	lease = make_lease("node-a", "a", 9999);
	membership_answered(&f->m, "node-a", LEASE_OK, lease, T(16.1));
	lease_free(lease);
	assert_int_equal(membership_life(&f->m, member, T(16.1)), LIFE_LIVING);
	assert_int_equal(member->changed.usec, T(16.1).usec);
	membership_drop(&f->m, member);
}

static void
test_released_and_absent(void **state)
{
	struct fixture *f = *state;
	struct member *ghost, *a;
	double t;

	start(f);
	beat(f, "node-a", "a", 1, T(1));
	assert_int_equal(membership_count(&f->m), 2);
	a = membership_hold(&f->m, "a", T(1));
	beat(f, "node-a", "", 1, T(2));
	assert_true(take_said(&f->out, LEASE_EVENT_MEMBER_LEFT));
	assert_int_equal(membership_count(&f->m), 1);
	assert_int_equal(membership_life(&f->m, a, T(2)), LIFE_SILENT);
	membership_prove(&f->m, a, T(2));
	lease_request_free(expect_request(&f->out, LEASE_GET, "node-a"));
	membership_answered(
	    &f->m, "node-a", LEASE_OK, lease_table_find(&f->leases, "node-a"), T(2.1));
	assert_int_equal(membership_life(&f->m, a, T(2.1)), LIFE_DEAD);
	/* A Lease names it that did not: it may have come back, which the watch has yet to show. */
	membership_named(a);
	assert_int_equal(membership_life(&f->m, a, T(2.2)), LIFE_SILENT);
	/* Its Lease is removed: it stays what it was. */
	(void)lease_table_remove(&f->leases, "node-a");
	membership_observe(&f->m, "node-a", T(3));
	assert_int_equal(membership_life(&f->m, a, T(3)), LIFE_SILENT);
	membership_drop(&f->m, a);
	assert_null(membership_find(&f->m, "a"));
	/* One without a Lease is dead after a duration. */
	ghost = membership_hold(&f->m, "ghost", T(3));
	for (t = 5; t <= 15; t += 5) {
		membership_tick(&f->m, T(t));
		succeed(f, LEASE_UPDATE, true, T(t));
	}
	assert_int_equal(membership_life(&f->m, ghost, T(17)), LIFE_LIVING);
	membership_tick(&f->m, T(18));
	assert_int_equal(membership_life(&f->m, ghost, T(18)), LIFE_SILENT);
	membership_prove(&f->m, ghost, T(18));
	lease_request_free(expect_request(&f->out, LEASE_GET, "node-ghost"));
	membership_answered(&f->m, "node-ghost", LEASE_NOT_FOUND, NULL, T(18.1));
	assert_int_equal(membership_life(&f->m, ghost, T(18.1)), LIFE_DEAD);
	assert_int_equal(membership_count(&f->m), 1);
	membership_drop(&f->m, ghost);
}

static void
test_duration_grows(void **state)
{
	static const struct {
		const char *name;
		unsigned members;
		int64_t setting_usec;
		bool l2;
		int32_t seconds;
	} rows[] = {
	    {"few", 3, 15 * USEC_PER_SEC, true, 15},
	    {"100 nodes", 100, 15 * USEC_PER_SEC, true, 25},
	    {"rounded up", 101, 15 * USEC_PER_SEC, true, 26},
	    {"1,000 nodes", 1000, 15 * USEC_PER_SEC, true, 250},
	    {"slow", 3, 15 * USEC_PER_SEC, false, 60},
	    {"slow and many", 1000, 15 * USEC_PER_SEC, false, 250},
	    {"long by file", 100, 120 * USEC_PER_SEC, false, 120},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct lease_request *request;
		struct fixture *f;
		unsigned n;

		(void)setup(state);
		f = *state;
		for (n = 1; n < rows[i].members; n++) {
			char name[32], *node = name + 5;

			(void)snprintf(name, sizeof(name), "node-n%u", n);
			beat(f, name, node, 1, T(0));
		}
		membership_listed(&f->m, T(0));
		membership_set(&f->m, &f->info, rows[i].setting_usec, rows[i].l2, T(0));
		succeed(f, LEASE_CREATE, true, T(0));
		/* Only now are we counted ourselves. */
		f->info.drained = true;
		membership_set(&f->m, &f->info, rows[i].setting_usec, rows[i].l2, T(1));
		request = expect_request(&f->out, LEASE_UPDATE, "node-us");
		assert_row(i, rows[i].name, request->lease->duration_seconds == rows[i].seconds);
		lease_request_free(request);
		(void)teardown(state);
	}
	(void)setup(state);
}

static void
test_content_is_paced(void **state)
{
	struct fixture *f = *state;
	unsigned i, n = 0;

	start(f);
	for (i = 0; i < 100; i++) {
		double t = 0.2 + i / 100.0;

		f->adv.weight = (uint8_t)(i + 1);
		tell(f, T(t));
		tell(f, T(t)); /* the same again is nothing */
		if (!TAILQ_EMPTY(&f->out.requests)) {
			succeed(f, LEASE_UPDATE, true, T(t));
			n++;
		}
	}
	assert_in_range(n, 2, MEMBERSHIP_CONTENT_BURST);
	membership_tick(&f->m, membership_next_deadline(&f->m));
	succeed(f, LEASE_UPDATE, true, T(6));
	assert_int_equal(membership_find(&f->m, "us")->info->advertisements[0].weight, 100);
}

static void
test_predecessor(void **state)
{
	static const struct {
		const char *name, *holder, *machine;
		enum membership_state state;
	} rows[] = {
	    {"restart", "us", "machine-us", MEMBERSHIP_ACTIVE},
	    {"stopped elsewhere", "", "machine-other", MEMBERSHIP_ACTIVE},
	    {"another machine", "us", "machine-other", MEMBERSHIP_DOUBTFUL},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct lease *lease = make_lease("node-us", rows[i].holder, 1);
		struct fixture *f;

		(void)setup(state);
		f = *state;
		lease_set_annotation(lease, "metallb.io/instance-id", "instance-before");
		lease_set_annotation(lease, "metallb.io/machine-id", rows[i].machine);
		lease_table_put(&f->leases, lease);
		membership_observe(&f->m, "node-us", T(0));
		membership_listed(&f->m, T(0));
		tell(f, T(0));
		assert_row(i, rows[i].name, f->m.state == rows[i].state);
		(void)teardown(state);
	}
	(void)setup(state);
}

static void
test_duplicate(void **state)
{
	struct fixture *f = *state;

	start(f);
	beat(f, "node-us", "us", 1, T(1));
	assert_int_equal(f->m.state, MEMBERSHIP_DUPLICATE);
	assert_true(take_said(&f->out, LEASE_EVENT_DUPLICATE));
	assert_false(membership_is_active(&f->m));
	beat(f, "node-us", "us", 1, T(55));
	membership_tick(&f->m, T(60));
	expect_no_request(&f->out);
	/* Looked at after a minute (and a little): it lives. */
	membership_tick(&f->m, T(72));
	lease_request_free(expect_request(&f->out, LEASE_GET, "node-us"));
	beat(f, "node-us", "us", 1, T(72.1));
	membership_answered(
	    &f->m, "node-us", LEASE_OK, lease_table_find(&f->leases, "node-us"), T(72.2));
	assert_int_equal(f->m.state, MEMBERSHIP_DUPLICATE);
	/* And a minute later it has been silent. */
	membership_tick(&f->m, T(144));
	lease_request_free(expect_request(&f->out, LEASE_GET, "node-us"));
	membership_answered(
	    &f->m, "node-us", LEASE_OK, lease_table_find(&f->leases, "node-us"), T(144.1));
	assert_int_equal(f->m.state, MEMBERSHIP_ACTIVE);
	assert_true(take_said(&f->out, LEASE_EVENT_DUPLICATE_END));
	succeed(f, LEASE_UPDATE, true, T(144.2));
}

static void
test_majority(void **state)
{
	static const struct {
		const char *name;
		uint64_t others[4]; /* 0: none */
		enum hash_majority majority;
	} rows[] = {
	    {"alone", {0}, HASH_MAJORITY_OURS},
	    {"one against one", {2}, HASH_MAJORITY_NONE},
	    {"two of three", {1, 2}, HASH_MAJORITY_OURS},
	    {"one of three", {2, 2}, HASH_MAJORITY_OTHER},
	    {"all different", {2, 3}, HASH_MAJORITY_NONE},
	    {"two of five", {1, 2, 3, 4}, HASH_MAJORITY_NONE},
	    {"three others of five", {2, 1, 2, 2}, HASH_MAJORITY_OTHER},
	};
	size_t i, k;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		static const char *const names[] = {"node-a", "node-b", "node-c", "node-d"};
		struct fixture *f;

		(void)setup(state);
		f = *state;
		start(f);
		for (k = 0; k < 4 && rows[i].others[k]; k++)
			beat(f, names[k], names[k] + 5, rows[i].others[k], T(1));
		assert_row(i, rows[i].name, membership_hash_majority(&f->m) == rows[i].majority);
		(void)teardown(state);
	}
	(void)setup(state);
}

static void
test_questions(void **state)
{
	struct fixture *f = *state;
	const struct ip_prefix here = {ip_addr_v4(192, 0, 2, 0), 24},
			       there = {ip_addr_v4(10, 0, 0, 0), 8};
	const struct mac_addr mac = {{2, 0, 0, 0, 0, 9}}, foreign = {{2, 9, 9, 9, 9, 9}};
	static const char *const lan[] = {"lan"};
	struct rank_scope scope = {lan, 1, &here, 1};
	struct ip_addr addr = ip_addr_v4(192, 0, 2, 1);
	bool a_first;

	start(f);
	beat(f, "node-a", "a", 1, T(1));
	assert_int_equal(membership_count_on(&f->m, &here, 1), 2);
	assert_int_equal(membership_count_on(&f->m, &there, 1), 0);
	assert_string_equal(membership_by_mac(&f->m, &mac)->name, "a");
	assert_null(membership_by_mac(&f->m, &foreign));
	assert_false(membership_all_excluded(&f->m, &here, 1));
	a_first = rank_score("a", &addr) > rank_score("us", &addr);
	assert_int_equal(membership_count_ahead(&f->m, &addr, &scope, ""), a_first);
	f->adv.weight = 5;
	tell(f, T(2));
	assert_int_equal(membership_count_ahead(&f->m, &addr, &scope, ""), 0);
	beat(f, "node-a", "", 1, T(3));
	assert_int_equal(membership_count_on(&f->m, &here, 1), 1);
	f->info.excluded = true;
	tell(f, T(4));
	assert_true(membership_all_excluded(&f->m, &here, 1));
}

static void
test_failures_back_off(void **state)
{
	struct fixture *f = *state;
	int64_t waits[6];
	mono_t now = T(0);
	size_t i;

	membership_listed(&f->m, now);
	tell(f, now);
	for (i = 0; i < ARRAY_SIZE(waits); i++) {
		lease_request_free(expect_request(&f->out, LEASE_CREATE, "node-us"));
		membership_answered(&f->m, "node-us", LEASE_UNREACHABLE, NULL, now);
		waits[i] = mono_diff_usec(membership_next_deadline(&f->m), now);
		now = membership_next_deadline(&f->m);
		membership_tick(&f->m, now);
	}
	assert_in_range(waits[0], USEC_PER_SEC / 2, USEC_PER_SEC);
	for (i = 2; i < ARRAY_SIZE(waits); i++)
		assert_in_range(waits[i], 15 * USEC_PER_SEC / 12, 15 * USEC_PER_SEC / 6);
}

static void
test_release(void **state)
{
	struct fixture *f = *state;
	struct lease_request *request;

	start(f);
	membership_release(&f->m, T(1));
	assert_false(membership_is_active(&f->m));
	request = expect_request(&f->out, LEASE_UPDATE, "node-us");
	assert_string_equal(request->lease->holder, "");
	assert_int_equal(request->lease->duration_seconds, 1);
	request->lease->resource_version = "9";
	membership_answered(&f->m, "node-us", LEASE_OK, request->lease, T(1.1));
	lease_request_free(request);
	assert_true(membership_is_released(&f->m));
	membership_tick(&f->m, T(100));
	expect_no_request(&f->out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_heartbeat, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_view_lost_and_regained, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_gap, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_proof, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_get_shows_change, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_released_and_absent, setup, teardown),
	    cmocka_unit_test_teardown(test_duration_grows, teardown),
	    cmocka_unit_test_setup_teardown(test_content_is_paced, setup, teardown),
	    cmocka_unit_test_teardown(test_predecessor, teardown),
	    cmocka_unit_test_setup_teardown(test_duplicate, setup, teardown),
	    cmocka_unit_test_teardown(test_majority, teardown),
	    cmocka_unit_test_setup_teardown(test_questions, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_failures_back_off, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_release, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
