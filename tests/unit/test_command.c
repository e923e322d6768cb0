#include "test.h"

#include "ctl/command.h"
#include "util/str.h"

static void
find_takes_names_and_unique_beginnings(void **state)
{
	static const struct {
		const char *word, *found;
		size_t candidates;
	} rows[] = {
	    {"status", "status", 1},
	    {"st", "status", 1},
	    {"s", NULL, 2},
	    {"l", NULL, 3},
	    {"le", "leases", 1},
	    {"explain", "explain", 1},
	    {"explained", NULL, 0},
	    {"", NULL, 0},
	    {"frobnicate", NULL, 0},
	};
	size_t i, candidates;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct command *command = command_find(rows[i].word, &candidates);

		assert_row(
		    i, rows[i].word, str_eq_null(command ? command->name : NULL, rows[i].found));
		assert_row(i, rows[i].word, candidates == rows[i].candidates);
	}
}

static void
every_command_is_whole(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < n_commands; i++) {
		assert_row(i, commands[i].name, commands[i].help && *commands[i].help);
		assert_row(i, commands[i].name, commands[i].render);
		assert_row(
		    i, commands[i].name, commands[i].argument || !commands[i].argument_optional);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(find_takes_names_and_unique_beginnings),
	    cmocka_unit_test(every_command_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
