/* Levels, the sink, and that nothing foreign can forge a line. */
#include "test.h"

#include <errno.h>
#include <stdlib.h>

#include "util/log.h"
#include "util/mem.h"

struct seen {
	int count;
	enum log_level level;
	char line[512];
	char field[64];
};

static void
sink(void *arg, enum log_level level, const char *line, const struct log_field *fields,
    size_t n_fields)
{
	struct seen *seen = arg;

	seen->count++;
	seen->level = level;
	(void)snprintf(seen->line, sizeof(seen->line), "%s", line);
	if (n_fields)
		(void)snprintf(
		    seen->field, sizeof(seen->field), "%s=%s", fields[0].key, fields[0].value);
}

static int
set_up(void **state)
{
	struct seen *seen = xcalloc(1, sizeof(*seen));

	*state = seen;
	log_set_sink(sink, seen);
	log_set_level(LOG_LEVEL_INFO);
	return 0;
}

static int
tear_down(void **state)
{
	log_set_sink(NULL, NULL);
	log_set_level(LOG_LEVEL_INFO);
	free(*state);
	return 0;
}

static void
test_levels(void **state)
{
	static const struct {
		enum log_level level;
		const char *name;
		int priority;
	} rows[] = {
	    {LOG_LEVEL_ERR, "err", 3},
	    {LOG_LEVEL_WARNING, "warning", 4},
	    {LOG_LEVEL_NOTICE, "notice", 5},
	    {LOG_LEVEL_INFO, "info", 6},
	    {LOG_LEVEL_DEBUG, "debug", 7},
	};
	static const char *const refused[] = {"", "ERR", "error", "warn", "info ", "6"};
	struct seen *seen = *state;
	enum log_level level = LOG_LEVEL_NOTICE;
	size_t i, j;
	int before;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_string_equal(log_level_str(rows[i].level), rows[i].name);
		assert_int_equal(log_level_priority(rows[i].level), rows[i].priority);
		assert_int_equal(log_level_parse(rows[i].name, &level), 0);
		assert_int_equal(level, rows[i].level);
		log_set_level(rows[i].level);
		for (j = 0; j < ARRAY_SIZE(rows); j++) {
			before = seen->count;
			log_line(rows[j].level, NULL, 0, "x");
			assert_row(i, rows[j].name, seen->count == before + (j <= i));
			assert_row(i, rows[j].name, log_enabled(rows[j].level) == (j <= i));
		}
	}
	for (i = 0; i < ARRAY_SIZE(refused); i++)
		assert_row(i, refused[i], log_level_parse(refused[i], &level) == -EINVAL);
	assert_int_equal(level, LOG_LEVEL_DEBUG);
}

static void
test_line(void **state)
{
	const struct log_field field = {"METALLB_SERVICE", "default/web"};
	struct seen *seen = *state;

	log_line(LOG_LEVEL_NOTICE, &field, 1, "%s is at %d", "192.0.2.1", 7);
	assert_string_equal(seen->line, "192.0.2.1 is at 7");
	assert_string_equal(seen->field, "METALLB_SERVICE=default/web");
	assert_int_equal(seen->level, LOG_LEVEL_NOTICE);
	log_err("a\nb\r\x1b[31m\x7f\tc");
	assert_string_equal(seen->line, "a\\x0ab\\x0d\\x1b[31m\\x7f\\x09c");
	log_warning("%s",
	    "Gr\xc3\xb6\xc3\x9f"
	    "e");
	assert_string_equal(seen->line,
	    "Gr\xc3\xb6\xc3\x9f"
	    "e");
	log_info("%s", "");
	assert_string_equal(seen->line, "");
	log_debug("not at this level");
	assert_int_equal(seen->count, 4);
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("%d", 5);
	assert_string_equal(seen->line, "5");
}

/* Without a sink: stderr, one line, with systemd's prefix. */
static void
test_stderr(void **state)
{
	char path[] = "/tmp/test_log.XXXXXX", line[128] = "";
	int fd = mkstemp(path);
	FILE *saved = stderr, *f = fdopen(fd, "w+");

	(void)state;
	assert_non_null(f);
	log_set_sink(NULL, NULL);
	stderr = f;
	log_warning("one\ntwo");
	stderr = saved;
	rewind(f);
	assert_non_null(fgets(line, sizeof(line), f));
	(void)fclose(f);
	(void)remove(path);
	assert_string_equal(line, "<4>one\\x0atwo\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_levels, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_line, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_stderr, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
