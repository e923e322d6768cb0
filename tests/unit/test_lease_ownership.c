/* The decisions one by one are in tests/replay/lease; here is what needs many addresses or a close
 * look at single requests. */
#include "test.h"

#include <errno.h>
#include <stdio.h>

#include "lease/ownership.h"
#include "lease_fake.h"

#define MANY 10000

struct fixture {
	struct lease_table leases;
	struct lease_outbox out;
	struct membership m;
	struct ownership o;
	int version;
};

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct membership_config config = {"us", 1};
	struct member_info info = {
	    .hostname = "host", .machine_id = "m", .instance_id = "i", .settings_hash = 1};

	lease_outbox_init(&f->out);
	membership_init(&f->m, &config, &f->leases, &f->out, T(0));
	ownership_init(&f->o, &f->m, &f->leases, &f->out, 1, T(0));
	membership_set(&f->m, &info, 15 * USEC_PER_SEC, true, T(0));
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	ownership_fini(&f->o);
	membership_fini(&f->m);
	lease_outbox_fini(&f->out);
	lease_table_clear(&f->leases);
	free(f);
	return 0;
}

static void
listed(struct fixture *f, mono_t now)
{
	membership_listed(&f->m, now);
	ownership_listed(&f->o, now);
	ownership_services_listed(&f->o, now);
}

static void
want(struct fixture *f, struct ip_addr addr, bool eligible, mono_t now)
{
	static const char *const services[] = {"default/web"};
	struct ownership_want w = {
	    .addr = addr,
	    .eligible = eligible,
	    .reason = eligible ? "" : "no link",
	    .services = services,
	    .n_services = 1,
	};

	assert_int_equal(ownership_want(&f->o, &w, now), 0);
}

/* Answers a request as a server that has what the request says. */
static void
answer(struct fixture *f, struct lease_request *request, enum lease_result result, mono_t now)
{
	struct lease *lease = request->lease;

	if (result == LEASE_OK && request->op != LEASE_DELETE) {
		lease->resource_version = arena_printf(lease->arena, "%d", ++f->version);
		lease_table_put(&f->leases, lease_copy(lease));
	} else if (result == LEASE_OK) {
		(void)lease_table_remove(&f->leases, lease->name);
	}
	if (lease_kind_of(lease->name) == LEASE_NODE) {
		membership_answered(&f->m, lease->name, result, lease, now);
		membership_observe(&f->m, lease->name, now);
	} else {
		ownership_answered(&f->o, lease->name, result, lease, now);
		ownership_observe(&f->o, lease->name, now);
	}
	lease_request_free(request);
}

static void
start(struct fixture *f)
{
	listed(f, T(0));
	answer(f, expect_request(&f->out, LEASE_CREATE, "node-us"), LEASE_OK, T(0));
	ownership_tick(&f->o, T(0));
}

static struct ip_addr
nth_addr(unsigned i)
{
	return ip_addr_v4(10, 0, (uint8_t)(i >> 8), (uint8_t)i);
}

/* 10,000 addresses at once: bounded in flight, bounded in rate, all owned in the end. */
static void
test_pacing(void **state)
{
	struct fixture *f = *state;
	struct lease_request *request, *open[OWNERSHIP_IN_FLIGHT + 1];
	unsigned i, n, sent = 0, changes = 0;
	struct ownership_change change;
	mono_t now = T(1);

	start(f);
	for (i = 0; i < MANY; i++)
		want(f, nth_addr(i), true, now);
	while (sent < MANY) {
		membership_tick(&f->m, now);
		ownership_tick(&f->o, now);
		for (n = 0; (request = lease_outbox_take(&f->out));) {
			if (lease_kind_of(request->lease->name) == LEASE_NODE) {
				answer(f, request, LEASE_OK, now);
				continue;
			}
			assert_in_range(n, 0, OWNERSHIP_IN_FLIGHT - 1);
			open[n++] = request;
		}
		sent += n;
		assert_true(sent <= OWNERSHIP_WRITE_BURST +
			(unsigned)(mono_diff_usec(now, T(1)) / OWNERSHIP_WRITE_INTERVAL_USEC) + 1);
		now = mono_add_usec(now, USEC_PER_MSEC);
		while (n)
			answer(f, open[--n], LEASE_OK, now);
	}
	ownership_tick(&f->o, now);
	while (ownership_take_change(&f->o, &change)) {
		assert_int_equal(change.voice, VOICE_ANNOUNCE);
		assert_int_equal(change.how, OWNERSHIP_FIRST);
		changes++;
	}
	assert_int_equal(changes, MANY);
	assert_int_equal(f->o.n_ours, MANY);
	assert_in_range(mono_diff_usec(now, T(1)), 98 * USEC_PER_SEC, 100 * USEC_PER_SEC);
	/* Nothing is left to do, and nothing wakes us. */
	assert_true(mono_is_never(ownership_next_deadline(&f->o, now)));
}

/* An API that does not answer is asked by one request at a time, less and less often. */
static void
test_api_away(void **state)
{
	struct fixture *f = *state;
	struct lease_request *request;
	unsigned i, sent = 0, n_unanswered;
	mono_t now = T(1), end = T(61);

	start(f);
	for (i = 0; i < 1000; i++)
		want(f, nth_addr(i), true, now);
	ownership_tick(&f->o, now);
	for (n_unanswered = 0; (request = lease_outbox_take(&f->out)); n_unanswered++)
		answer(f, request, LEASE_UNREACHABLE, now);
	assert_int_equal(n_unanswered, OWNERSHIP_IN_FLIGHT);
	ownership_tick(&f->o, now);
	/* All of them together are the first failure. */
	assert_in_range(mono_diff_usec(ownership_next_deadline(&f->o, now), now),
	    OWNERSHIP_RETRY_USEC / 2, OWNERSHIP_RETRY_USEC);
	/* Heartbeats succeed, so that the claims stay allowed. */
	while (mono_before(now, end)) {
		now = mono_min(
		    membership_next_deadline(&f->m), ownership_next_deadline(&f->o, now));
		membership_tick(&f->m, now);
		ownership_tick(&f->o, now);
		for (n_unanswered = 0; (request = lease_outbox_take(&f->out));) {
			bool heartbeat = lease_kind_of(request->lease->name) == LEASE_NODE;

			n_unanswered += !heartbeat;
			answer(f, request, heartbeat ? LEASE_OK : LEASE_UNREACHABLE, now);
		}
		assert_in_range(n_unanswered, 0, 1);
		sent += n_unanswered;
	}
	assert_in_range(sent, 8, 25);
}

static void
test_claim_and_release_writes(void **state)
{
	struct fixture *f = *state;
	struct ip_addr addr = ip_addr_v4(192, 0, 2, 1);
	struct lease *lease = make_lease("ip-192-0-2-1", "", 7);
	struct ownership_change change;
	struct lease_request *request;

	lease->transitions = 4;
	lease_set_annotation(lease, OWNERSHIP_ANNOTATION_TAKEN, "bfd");
	lease_set_annotation(lease, "example.com/note", "kept");
	lease_table_put(&f->leases, lease);
	ownership_observe(&f->o, "ip-192-0-2-1", T(0));
	start(f);
	want(f, addr, true, T(1));
	ownership_tick(&f->o, T(1));
	request = expect_request(&f->out, LEASE_UPDATE, "ip-192-0-2-1");
	assert_string_equal(request->lease->resource_version, "7");
	assert_string_equal(request->lease->holder, "us");
	assert_int_equal(request->lease->transitions, 5);
	assert_int_equal(request->lease->acquire_time_usec, T(1).usec);
	assert_null(lease_annotation(request->lease, OWNERSHIP_ANNOTATION_TAKEN));
	assert_string_equal(lease_annotation(request->lease, "example.com/note"), "kept");
	assert_string_equal(
	    lease_annotation(request->lease, OWNERSHIP_ANNOTATION_SERVICES), "default/web");
	assert_string_equal(
	    labels_get(&request->lease->labels, LEASE_LABEL_MANAGED_BY), "metallbd");
	assert_false(ownership_is_announcing(&f->o, &addr));
	answer(f, request, LEASE_OK, T(1.1));
	ownership_tick(&f->o, T(1.1));
	assert_true(ownership_take_change(&f->o, &change));
	assert_int_equal(change.voice, VOICE_ANNOUNCE);
	assert_int_equal(change.how, OWNERSHIP_TAKEN);
	assert_false(ownership_take_change(&f->o, &change));
	/* Eligibility is lost: silent at once, then the empty holder. */
	want(f, addr, false, T(2));
	ownership_tick(&f->o, T(2));
	assert_false(ownership_is_announcing(&f->o, &addr));
	request = expect_request(&f->out, LEASE_UPDATE, "ip-192-0-2-1");
	assert_string_equal(request->lease->holder, "");
	assert_int_equal(request->lease->transitions, 5);
	/* It comes back while that is out: not announced on the strength of a Lease that is going.
	 */
	want(f, addr, true, T(2.1));
	ownership_tick(&f->o, T(2.1));
	assert_false(ownership_is_announcing(&f->o, &addr));
	answer(f, request, LEASE_OK, T(2.2));
	ownership_tick(&f->o, T(2.2));
	lease_request_free(expect_request(&f->out, LEASE_UPDATE, "ip-192-0-2-1"));
	assert_true(take_said(&f->out, LEASE_EVENT_RELEASED));
}

/* Whether our release was applied is not known when we could serve again: not before it is. */
static void
test_release_unknown(void **state)
{
	struct fixture *f = *state;
	struct ip_addr addr = ip_addr_v4(192, 0, 2, 1);

	start(f);
	want(f, addr, true, T(1));
	ownership_tick(&f->o, T(1));
	answer(f, expect_request(&f->out, LEASE_CREATE, "ip-192-0-2-1"), LEASE_OK, T(1));
	want(f, addr, false, T(2));
	ownership_tick(&f->o, T(2));
	answer(f, expect_request(&f->out, LEASE_UPDATE, "ip-192-0-2-1"), LEASE_UNKNOWN, T(3));
	want(f, addr, true, T(3));
	ownership_tick(&f->o, T(3));
	assert_false(ownership_is_announcing(&f->o, &addr));
	ownership_tick(&f->o, T(4));
	lease_request_free(expect_request(&f->out, LEASE_GET, "ip-192-0-2-1"));
	/* It was not: the Lease names us still. */
	ownership_answered(
	    &f->o, "ip-192-0-2-1", LEASE_OK, lease_table_find(&f->leases, "ip-192-0-2-1"), T(4.1));
	ownership_tick(&f->o, T(4.1));
	assert_true(ownership_is_announcing(&f->o, &addr));
}

/* The annotation follows the Services, capped. */
static void
test_services_annotation(void **state)
{
	struct fixture *f = *state;
	struct lease_request *request;
	char names[100][24];
	const char *services[100], *value;
	struct ownership_want w = {
	    .addr = ip_addr_v4(192, 0, 2, 1), .eligible = true, .reason = "", .services = services};
	unsigned i;

	for (i = 0; i < 100; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "namespace/service-%03u", i);
		services[i] = names[i];
	}
	start(f);
	w.n_services = 1;
	assert_int_equal(ownership_want(&f->o, &w, T(1)), 0);
	ownership_tick(&f->o, T(1));
	answer(f, expect_request(&f->out, LEASE_CREATE, "ip-192-0-2-1"), LEASE_OK, T(1));
	ownership_tick(&f->o, T(1));
	expect_no_request(&f->out);
	w.n_services = 100;
	assert_int_equal(ownership_want(&f->o, &w, T(2)), 0);
	assert_int_equal(ownership_want(&f->o, &w, T(2)), 0);
	ownership_tick(&f->o, T(2));
	request = expect_request(&f->out, LEASE_UPDATE, "ip-192-0-2-1");
	value = lease_annotation(request->lease, OWNERSHIP_ANNOTATION_SERVICES);
	assert_in_range(strlen(value), OWNERSHIP_SERVICES_BYTES - 24, OWNERSHIP_SERVICES_BYTES + 8);
	assert_string_equal(strrchr(value, ','), ",+54");
	assert_string_equal(request->lease->holder, "us");
	assert_true(ownership_is_announcing(&f->o, &w.addr));
	answer(f, request, LEASE_OK, T(2));
	ownership_tick(&f->o, T(2));
	expect_no_request(&f->out);
}

static void
test_sweep_preconditions(void **state)
{
	struct fixture *f = *state;
	struct ip_addr addr = ip_addr_v4(192, 0, 2, 1);
	struct lease_request *request;

	lease_table_put(&f->leases, make_lease("ip-192-0-2-1", "gone", 7));
	ownership_observe(&f->o, "ip-192-0-2-1", T(0));
	start(f);
	ownership_set(&f->o, true, false, INT64_MAX, T(0));
	ownership_tick(&f->o, T(0));
	assert_int_equal(ownership_next_deadline(&f->o, T(0)).usec, T(60).usec);
	ownership_tick(&f->o, T(59.9));
	expect_no_request(&f->out);
	/* Somebody writes it meanwhile: 409, look, and again with the new version. */
	ownership_tick(&f->o, T(60));
	request = expect_request(&f->out, LEASE_DELETE, "ip-192-0-2-1");
	assert_string_equal(request->lease->resource_version, "7");
	assert_string_equal(request->lease->uid, "uid");
	answer(f, request, LEASE_CONFLICT, T(60.1));
	ownership_tick(&f->o, T(60.1));
	request = expect_request(&f->out, LEASE_GET, "ip-192-0-2-1");
	lease_request_free(request);
	request = xcalloc(1, sizeof(*request));
	request->op = LEASE_GET;
	request->lease = make_lease("ip-192-0-2-1", "gone", 8);
	f->version = 8;
	answer(f, request, LEASE_OK, T(60.2));
	ownership_tick(&f->o, T(60.2));
	request = expect_request(&f->out, LEASE_DELETE, "ip-192-0-2-1");
	assert_string_equal(request->lease->resource_version, "9");
	answer(f, request, LEASE_OK, T(60.3));
	ownership_tick(&f->o, T(60.3));
	assert_true(take_said(&f->out, LEASE_EVENT_SWEPT));
	assert_null(ownership_find(&f->o, &addr));
	assert_null(f->o.owners);
}

/* on-api-loss = "release": two thirds of the duration after the last good heartbeat. */
static void
test_api_loss_release(void **state)
{
	struct fixture *f = *state;
	struct ip_addr addr = ip_addr_v4(192, 0, 2, 1);

	start(f);
	ownership_set(&f->o, false, true, INT64_MAX, T(0));
	want(f, addr, true, T(1));
	ownership_tick(&f->o, T(1));
	answer(f, expect_request(&f->out, LEASE_CREATE, "ip-192-0-2-1"), LEASE_OK, T(1));
	ownership_tick(&f->o, T(1));
	assert_true(ownership_is_announcing(&f->o, &addr));
	assert_int_equal(ownership_next_deadline(&f->o, T(1)).usec, T(10).usec);
	ownership_tick(&f->o, T(9.9));
	assert_true(ownership_is_announcing(&f->o, &addr));
	ownership_tick(&f->o, T(10));
	assert_false(ownership_is_announcing(&f->o, &addr));
	/* A heartbeat succeeds: the Lease is still ours. */
	membership_tick(&f->m, T(11));
	answer(f, expect_request(&f->out, LEASE_UPDATE, "node-us"), LEASE_OK, T(11));
	ownership_tick(&f->o, T(11));
	assert_true(ownership_is_announcing(&f->o, &addr));
}

/* The same, by a reload, for what is announced since a restart without an API. */
static void
test_api_loss_release_after_restart(void **state)
{
	struct fixture *f = *state;
	struct ip_addr addr = ip_addr_v4(192, 0, 2, 1);

	ownership_restore(&f->o, &addr, 1, T(0));
	want(f, addr, true, T(0));
	ownership_tick(&f->o, T(0));
	ownership_tick(&f->o, T(2));
	ownership_probed(&f->o, &addr, false, T(2.5));
	ownership_tick(&f->o, T(2.5));
	assert_true(ownership_is_announcing(&f->o, &addr));
	ownership_set(&f->o, false, true, INT64_MAX, T(20));
	ownership_tick(&f->o, T(20));
	assert_false(ownership_is_announcing(&f->o, &addr));
}

/* SIGTERM without an API: announced for 2 s, then not. */
static void
test_release_all_deadline(void **state)
{
	struct fixture *f = *state;
	struct ip_addr addr = ip_addr_v4(192, 0, 2, 1);

	start(f);
	want(f, addr, true, T(1));
	ownership_tick(&f->o, T(1));
	answer(f, expect_request(&f->out, LEASE_CREATE, "ip-192-0-2-1"), LEASE_OK, T(1));
	ownership_tick(&f->o, T(1));
	ownership_release_all(&f->o, T(2));
	ownership_tick(&f->o, T(2));
	lease_request_free(expect_request(&f->out, LEASE_UPDATE, "ip-192-0-2-1"));
	assert_true(ownership_is_announcing(&f->o, &addr));
	assert_false(ownership_is_released(&f->o, T(2)));
	assert_int_equal(ownership_next_deadline(&f->o, T(2)).usec, T(4).usec);
	ownership_tick(&f->o, T(4));
	assert_false(ownership_is_announcing(&f->o, &addr));
	assert_true(ownership_is_released(&f->o, T(4)));
}

/* Services that are not listed yet neither stop nor sweep anything. */
static void
test_services_unknown(void **state)
{
	struct fixture *f = *state;

	lease_table_put(&f->leases, make_lease("ip-192-0-2-1", "us", 7));
	ownership_observe(&f->o, "ip-192-0-2-1", T(0));
	membership_listed(&f->m, T(0));
	ownership_listed(&f->o, T(0));
	lease_request_free(expect_request(&f->out, LEASE_CREATE, "node-us"));
	ownership_set(&f->o, true, false, INT64_MAX, T(0));
	ownership_tick(&f->o, T(500));
	expect_no_request(&f->out);
	/* The Service appears: continued at once. */
	want(f, ip_addr_v4(192, 0, 2, 1), true, T(501));
	ownership_tick(&f->o, T(501));
	assert_true(ownership_is_announcing(&f->o, &(struct ip_addr){0}) == false);
	assert_int_equal(f->o.n_announcing, 1);
}

static void
test_cap(void **state)
{
	struct fixture *f = *state;
	struct ownership_want w = {.reason = ""};
	unsigned i;

	for (i = 0; i < OWNERSHIP_MAX_ADDRESSES; i++)
		want(f, nth_addr(i), false, T(0));
	w.addr = ip_addr_v4(192, 0, 2, 1);
	assert_int_equal(ownership_want(&f->o, &w, T(0)), -ENOSPC);
	assert_int_equal(ownership_want(&f->o, &w, T(0)), -ENOSPC);
	assert_true(take_said(&f->out, LEASE_EVENT_TOO_MANY));
	assert_null(ownership_find(&f->o, &w.addr));
}

static struct lease *
held_by(struct ip_addr addr, const char *holder, int version)
{
	char name[IP_ADDR_NAME_LEN], full[64];

	ip_addr_name(&addr, name);
	(void)snprintf(full, sizeof(full), "ip-%s", name);
	return make_lease(full, holder, version);
}

/* Three live nodes before us, which hold what is not ours. */
static void
other_members(struct fixture *f, unsigned n)
{
	static const char *const names[] = {"a", "b", "c"};
	unsigned i;

	for (i = 0; i < n; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "node-%s", names[i]);
		lease_table_put(&f->leases, make_lease(name, names[i], 100 + (int)i));
		membership_observe(&f->m, name, T(0));
	}
}

/* Which addresses are worth watching closely: ours, nobody's, offered ones, and everything while
 * there are few nodes. */
static void
test_near(void **state)
{
	struct fixture *f = *state;
	struct ip_addr ours = nth_addr(1), theirs = nth_addr(2), nobodys = nth_addr(3);
	struct lease *lease;

	assert_true(ownership_is_near(&f->o, &theirs, 3));
	start(f);
	want(f, ours, true, T(0));
	ownership_tick(&f->o, T(1));
	answer(f, expect_request(&f->out, LEASE_CREATE, "ip-10-0-0-1"), LEASE_OK, T(1));
	want(f, theirs, false, T(1));
	want(f, nobodys, false, T(1));
	lease_table_put(&f->leases, held_by(theirs, "a", 200));
	ownership_observe(&f->o, "ip-10-0-0-2", T(1));
	other_members(f, 2);
	ownership_tick(&f->o, T(1));
	assert_true(ownership_is_near(&f->o, &theirs, 3));
	other_members(f, 3);
	ownership_tick(&f->o, T(1));
	assert_true(ownership_is_near(&f->o, &ours, 0));
	assert_true(ownership_is_near(&f->o, &nobodys, 0));
	assert_false(ownership_is_near(&f->o, &theirs, 0));
	assert_false(ownership_is_offered(&f->o, &theirs));
	assert_false(ownership_is_offered(&f->o, &ours));
	lease = held_by(theirs, "a", 201);
	lease_set_annotation(lease, OWNERSHIP_ANNOTATION_HANDOVER, "2026-11-25T00:00:00Z drain");
	lease_table_put(&f->leases, lease);
	ownership_observe(&f->o, "ip-10-0-0-2", T(2));
	ownership_tick(&f->o, T(2));
	assert_true(ownership_is_offered(&f->o, &theirs));
	assert_true(ownership_is_near(&f->o, &theirs, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_pacing, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_api_away, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_claim_and_release_writes, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_release_unknown, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_services_annotation, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_sweep_preconditions, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_api_loss_release, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_api_loss_release_after_restart, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_release_all_deadline, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_services_unknown, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_cap, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_near, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
