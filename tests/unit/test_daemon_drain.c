/* What a drained node keeps in its state directory, and when it is done. */
#include "daemon/drain.h"

#include <errno.h>

#include "io_test.h"

#include "io/file.h"
#include "lease/ownership.h"
#include "util/str.h"

#define WHEN INT64_C(1700000000000000)

static int
setup(void **state)
{
	*state = test_mkdir();
	return 0;
}

static int
teardown(void **state)
{
	test_rmdir(*state);
	return 0;
}

static void
it_survives_a_restart(void **state)
{
	struct drain *drain = drain_new(*state);

	assert_false(drain_is_on(drain));
	assert_int_equal(drain_since_usec(drain), 0);
	assert_int_equal(drain_set(drain, true, WHEN), 0);
	assert_int_equal(drain_set(drain, true, WHEN + 1), 0);
	assert_int_equal(drain_since_usec(drain), WHEN);
	drain_free(drain);

	drain = drain_new(*state);
	assert_true(drain_is_on(drain));
	assert_int_equal(drain_since_usec(drain), WHEN);
	assert_int_equal(drain_set(drain, false, WHEN + 2), 0);
	assert_false(drain_is_on(drain));
	assert_int_equal(drain_since_usec(drain), 0);
	drain_free(drain);

	drain = drain_new(*state);
	assert_false(drain_is_on(drain));
	drain_free(drain);
}

/* Whatever is in it: it is there. */
static void
an_odd_file_counts(void **state)
{
	static const char *const texts[] = {"", "soon\n", "\n\n",
	    "a text longer than anybody would write, aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
	char *path = xasprintf("%s/drained", (char *)*state);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		struct drain *drain;

		assert_int_equal(file_write_atomic(path, texts[i], strlen(texts[i]), 0640), 0);
		drain = drain_new(*state);
		assert_row(i, texts[i], drain_is_on(drain));
		assert_row(i, texts[i], drain_since_usec(drain) == 0);
		assert_row(i, texts[i], drain_set(drain, false, WHEN) == 0);
		drain_free(drain);
	}
	free(path);
}

/* Then it would be forgotten at the next restart, so it is refused. */
static void
what_cannot_be_kept_is_refused(void **state)
{
	char *nowhere = xasprintf("%s/none", (char *)*state);
	struct drain *drain = drain_new(nowhere);

	assert_int_equal(drain_set(drain, true, WHEN), -ENOENT);
	assert_false(drain_is_on(drain));
	drain_free(drain);
	free(nowhere);
}

static void
when_it_is_done(void **state)
{
	static const struct {
		const char *what;
		bool listed;
		unsigned n_ours, n_announcing, n_overlaps, n_untaken;
		enum drain_progress progress;
	} rows[] = {
	    {"the Leases are not known yet", false, 0, 0, 0, 0, DRAIN_RUNNING},
	    {"nothing held", true, 0, 0, 0, 0, DRAIN_DONE},
	    {"taken, and still answered", true, 0, 0, 1, 0, DRAIN_RUNNING},
	    {"no Lease, and still announced", true, 0, 1, 0, 0, DRAIN_RUNNING},
	    {"offered", true, 3, 3, 0, 0, DRAIN_RUNNING},
	    {"one of three untaken", true, 3, 3, 0, 1, DRAIN_RUNNING},
	    {"the rest untaken", true, 2, 2, 0, 2, DRAIN_LEFT},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct ownership ownership = {.listed = rows[i].listed,
		    .n_ours = rows[i].n_ours,
		    .n_announcing = rows[i].n_announcing,
		    .n_overlaps = rows[i].n_overlaps,
		    .n_untaken = rows[i].n_untaken};

		assert_row(i, rows[i].what, drain_progress(&ownership) == rows[i].progress);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(it_survives_a_restart, setup, teardown),
	    cmocka_unit_test_setup_teardown(an_odd_file_counts, setup, teardown),
	    cmocka_unit_test_setup_teardown(what_cannot_be_kept_is_refused, setup, teardown),
	    cmocka_unit_test(when_it_is_done),
	};

	return cmocka_run_group_tests_name("drain", tests, NULL, NULL);
}
