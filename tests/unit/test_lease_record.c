#include "test.h"

#include "lease/record.h"
#include "lease_fake.h"

#define NAME "ip-192-0-2-1"

struct fixture {
	struct lease_table leases;
	struct lease_outbox out;
	struct lease_record rec;
};

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	lease_outbox_init(&f->out);
	record_init(&f->rec, NAME, &f->leases);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	record_fini(&f->rec);
	lease_outbox_fini(&f->out);
	lease_table_clear(&f->leases);
	free(f);
	return 0;
}

/* The watch shows a version; 0: a deletion. */
static void
watch(struct fixture *f, const char *holder, int version)
{
	if (version)
		lease_table_put(&f->leases, make_lease(NAME, holder, version));
	else
		(void)lease_table_remove(&f->leases, NAME);
	record_observe(&f->rec);
}

static void
send_request(struct fixture *f, enum lease_op op, int64_t at)
{
	record_send(
	    &f->rec, &f->out, op, op == LEASE_GET ? NULL : record_draft(&f->rec), (mono_t){at});
	lease_request_free(lease_outbox_take(&f->out));
}

static void
answer(struct fixture *f, enum lease_result result, const char *holder, int version)
{
	struct lease *lease = version ? make_lease(NAME, holder, version) : NULL;

	record_answered(&f->rec, result, lease);
	lease_free(lease);
}

static const char *
holder(const struct fixture *f)
{
	const struct lease *lease = record_current(&f->rec);

	return lease ? lease->holder : "(absent)";
}

/* Events that are older than the answer to our write do not undo it. */
static void
test_answer_before_watch(void **state)
{
	struct fixture *f = *state;

	watch(f, "a", 1);
	send_request(f, LEASE_UPDATE, 100);
	answer(f, LEASE_OK, "us", 5);
	assert_string_equal(holder(f), "us");
	assert_int_equal(f->rec.written.usec, 100);
	assert_true(f->rec.came_back.usec < 0);
	watch(f, "b", 3);
	assert_string_equal(holder(f), "us");
	watch(f, "", 4);
	assert_string_equal(holder(f), "us");
	watch(f, "us", 5);
	assert_int_equal(f->rec.came_back.usec, 100);
	watch(f, "c", 6);
	assert_string_equal(holder(f), "c");
}

/* The watch was faster than the answer, and shows what came after it. */
static void
test_watch_before_answer(void **state)
{
	struct fixture *f = *state;

	send_request(f, LEASE_CREATE, 100);
	watch(f, "us", 5);
	watch(f, "c", 6);
	answer(f, LEASE_OK, "us", 5);
	assert_string_equal(holder(f), "c");
	assert_false(f->rec.ahead);
	assert_int_equal(f->rec.came_back.usec, 100);
}

/* More versions than are remembered: not known which is newer, so look again. */
static void
test_overflow(void **state)
{
	struct fixture *f = *state;
	int i;

	send_request(f, LEASE_CREATE, 100);
	for (i = 5; i < 15; i++)
		watch(f, "x", i);
	answer(f, LEASE_OK, "us", 5);
	assert_true(f->rec.unsure);
	send_request(f, LEASE_GET, 200);
	answer(f, LEASE_OK, "x", 14);
	assert_false(f->rec.unsure);
	assert_false(f->rec.ahead);
	assert_string_equal(holder(f), "x");
}

static void
test_list_decides(void **state)
{
	struct fixture *f = *state;

	watch(f, "a", 1);
	send_request(f, LEASE_UPDATE, 100);
	answer(f, LEASE_OK, "us", 5);
	/* A list that shows the answer ends the wait; another makes us look. */
	watch(f, "b", 7);
	record_listed(&f->rec);
	assert_true(f->rec.unsure);
	assert_string_equal(holder(f), "us");
	send_request(f, LEASE_GET, 200);
	answer(f, LEASE_OK, "b", 7);
	assert_string_equal(holder(f), "b");
	assert_false(f->rec.ahead);
	watch(f, "c", 8);
	assert_string_equal(holder(f), "c");
}

static void
test_list_while_in_flight(void **state)
{
	struct fixture *f = *state;

	watch(f, "a", 1);
	send_request(f, LEASE_UPDATE, 100);
	record_listed(&f->rec);
	assert_false(f->rec.unsure);
	/* The list may have been older or newer than the write. */
	answer(f, LEASE_OK, "us", 5);
	assert_true(f->rec.unsure);
	assert_string_equal(holder(f), "us");
}

static void
test_results(void **state)
{
	static const struct {
		const char *name;
		enum lease_op op;
		enum lease_result result;
		bool unsure;
		const char *holder;
	} rows[] = {
	    {"conflict", LEASE_UPDATE, LEASE_CONFLICT, true, "a"},
	    {"exists", LEASE_CREATE, LEASE_EXISTS, true, "a"},
	    {"time-out of a write", LEASE_UPDATE, LEASE_UNKNOWN, true, "a"},
	    {"time-out of a read", LEASE_GET, LEASE_UNKNOWN, false, "a"},
	    {"no answer's object", LEASE_UPDATE, LEASE_OK, true, "a"},
	    {"unreachable", LEASE_UPDATE, LEASE_UNREACHABLE, false, "a"},
	    {"refused", LEASE_UPDATE, LEASE_REFUSED, false, "a"},
	    {"deleted meanwhile", LEASE_UPDATE, LEASE_NOT_FOUND, false, "(absent)"},
	    {"not there", LEASE_GET, LEASE_NOT_FOUND, false, "(absent)"},
	    {"no namespace", LEASE_CREATE, LEASE_NOT_FOUND, false, "a"},
	    {"we deleted it", LEASE_DELETE, LEASE_OK, false, "(absent)"},
	};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		record_fini(&f->rec);
		record_init(&f->rec, NAME, &f->leases);
		watch(f, "a", 1);
		send_request(f, rows[i].op, 100);
		answer(f, rows[i].result, "", 0);
		assert_row(i, rows[i].name, f->rec.unsure == rows[i].unsure);
		assert_row(i, rows[i].name, str_eq(holder(f), rows[i].holder));
		assert_row(i, rows[i].name, f->rec.in_flight == LEASE_NONE);
	}
}

/* A read that found nothing, while the watch still shows the past. */
static void
test_absence_awaited(void **state)
{
	struct fixture *f = *state;

	watch(f, "a", 1);
	send_request(f, LEASE_GET, 100);
	answer(f, LEASE_NOT_FOUND, "", 0);
	watch(f, "a", 2);
	assert_string_equal(holder(f), "(absent)");
	watch(f, "", 0);
	watch(f, "b", 4);
	assert_string_equal(holder(f), "b");
}

static void
test_draft(void **state)
{
	struct fixture *f = *state;
	struct lease *lease = make_lease(NAME, "a", 3), *draft;

	lease_set_annotation(lease, "example.com/note", "of an admin");
	lease_table_put(&f->leases, lease);
	draft = record_draft(&f->rec);
	assert_string_equal(draft->resource_version, "3");
	assert_string_equal(lease_annotation(draft, "example.com/note"), "of an admin");
	assert_string_equal(labels_get(&draft->labels, LEASE_LABEL_MANAGED_BY), LEASE_MANAGED_BY);
	lease_free(draft);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_answer_before_watch, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_watch_before_answer, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_overflow, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_list_decides, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_list_while_in_flight, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_results, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_absence_awaited, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_draft, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
