/* Standing still and jumping clocks, under clocks of the test's own. */
#include "test.h"

#include "util/gap.h"

#define WALL INT64_C(1700000000000000)

static void
what_is_a_gap(void **state)
{
	static const struct {
		const char *what;
		int64_t now, wall; /* since the call before */
		enum gap_kind kind;
		int64_t usec;
	} rows[] = {
	    {"a turn", 900000, 900000, GAP_NONE, 0},
	    {"just the threshold", 1000000, 1000000, GAP_NONE, 0},
	    {"SIGSTOP, or a suspended machine", 1000001, 1000001, GAP_STOOD_STILL, 1000001},
	    {"a snapshot put back, time found again", 100, 3600000000, GAP_CLOCK_JUMPED,
		3599999900},
	    {"the clock set back", 100, -3600000000, GAP_CLOCK_JUMPED, -3600000100},
	    {"the clock slewed", 500000, 500250, GAP_NONE, 0},
	    {"no time at all", 0, 0, GAP_NONE, 0},
	    {"both: standing still is said", 5000000, 9000000, GAP_STOOD_STILL, 5000000},
	    {"and the jump is not said later", 100, 100, GAP_NONE, 0},
	};
	struct gap gap;
	mono_t now = {5000000};
	int64_t wall = WALL, usec;
	size_t i;

	(void)state;
	gap_init(&gap, 1000000, now, wall);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		now = mono_add_usec(now, rows[i].now);
		wall += rows[i].wall;
		usec = 0;
		assert_row(i, rows[i].what, gap_check(&gap, now, wall, &usec) == rows[i].kind);
		assert_row(i, rows[i].what, usec == rows[i].usec);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_a_gap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
