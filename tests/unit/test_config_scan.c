#include "test.h"

#include <stdlib.h>

#include "config/scan.h"
#include "util/mem.h"

/* What libconfig gets for a text, tokens joined by blanks; "!" when the structure is lost. */
static const struct {
	const char *text, *expected;
	size_t errors;
} rows[] = {
    {"", "", 0},
    {"a = 1;", "a = 1 ;", 0},
    {"a:1", "a = 1 ;", 0},
    {"a = 1, b = 2", "a = 1 ; b = 2 ;", 0},
    {"a = [1, 2];", "a = ( 1 , 2 ) ;", 0},
    {"a = (1, \"x\", {b = true;});", "a = ( 1 , \"x\" , { b = true ; } ) ;", 0},
    {"a = {};", "a = { } ;", 0},
    {"a = /* c */ 1 // d\n# e\n;", "a = 1 ;", 0},
    {"a = 5/* c */;", "a = 5 ;", 0},
    {"a = \"/* no comment */ # \\\" //\";", "a = \"/* no comment */ # \\\" //\" ;", 0},
    {"a = 2147483647; b = -2147483648;", "a = 2147483647 ; b = -2147483648 ;", 0},
    {"a = 2147483648;", "a = 0 ;", 1},
    {"a = -2147483649;", "a = 0 ;", 1},
    {"a = 8589999092;", "a = 0 ;", 1},
    {"a = 4200000000L;", "a = 4200000000L ;", 0},
    {"a = 4200000000LL;", "a = 4200000000LL ;", 0},
    {"a = 9223372036854775807L;", "a = 9223372036854775807L ;", 0},
    {"a = 9223372036854775808L;", "a = 0 ;", 1},
    {"a = 0x7fffffff;", "a = 0x7fffffff ;", 0},
    {"a = 0x80000000;", "a = 0 ;", 1},
    {"a = 0xffffffffL;", "a = 0xffffffffL ;", 0},
    {"a = 99999999999999999999999999999999999;", "a = 0 ;", 1},
    {"a = 1.5; b = .5; c = 1e3; d = 1.", "a = 0.5 ; b = 0.5 ; c = 0.5 ; d = 0.5 ;", 0},
    {"a = -1.e-3; b = +.5E+7", "a = 0.5 ; b = 0.5 ;", 0},
    {"a = .; b = 1e; c = 1e+; d = 1.2.3; e = e5; f = -; g = 1f",
	"a = 0 ; b = 0 ; c = 0 ; d = 0 ; e = 0 ; f = 0 ; g = 0 ;", 7},
    {"a = TRUE; b = fAlse;", "a = TRUE ; b = fAlse ;", 0},
    {"a = yes;", "a = 0 ;", 1},
    {"a = 10.0.0.1;", "a = 0 ;", 1},
    {"a = \"x\" \"y\";", "a = \"x\" ;", 1},
    {"a = [\"x\" \"y\"];", "a = ( \"x\" , \"y\" ) ;", 1},
    {"a = [1, ];", "a = ( 1 ) ;", 1},
    {"a = [, 1];", "!", 1},
    {"a = 1;; b = 2;", "a = 1 ; b = 2 ;", 1},
    {"a = 1; a = 2;", "a = 1 ; a*1 = 2 ;", 1},
    {"a = {b = 1;}; c = {b = 1;};", "a = { b = 1 ; } ; c = { b = 1 ; } ;", 0},
    {"true = 1;", "!", 1},
    {"a 1;", "!", 1},
    {"a = ", "!", 1},
    {"a = [1", "!", 1},
    {"a = {", "!", 1},
    {"a = [1);", "!", 1},
    {"}", "!", 1},
    {"a = \"x", "!", 1},
    {"a = \"x\ny\";", "!", 1},
    {"/* x", "!", 1},
    {"a = \x01;", "!", 1},
    {"@include \"x\"", "!", 1},
    {"-a = 1;", "!", 1},
};

static void
scans_tokens(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct config_report report = {0};
		struct arena *arena = arena_new();
		struct scan scan;
		char *p;
		bool ok = scan_file(
		    &scan, arena, "t", rows[i].text, strlen(rows[i].text), NULL, NULL, &report);

		for (p = scan.text.text; p && *p; p++)
			if (*p == '\n')
				*p = p[1] ? ' ' : '\0';
		assert_row(i, rows[i].text, ok == (strcmp(rows[i].expected, "!") != 0));
		if (ok)
			assert_string_equal(strbuf_text(&scan.text), rows[i].expected);
		assert_row(i, rows[i].text, report.n_errors == rows[i].errors);
		scan_fini(&scan);
		config_report_fini(&report);
		arena_free(arena);
	}
}

/* Any cut of a good text is a good text or an error, never a crash; nothing is read beyond it. */
static void
survives_truncation(void **state)
{
	static const char text[] =
	    "a: { b = [\"x\\\"\", 0x1fL], /* c */ d = ( { e = true; } ); };\n";
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(text); n++) {
		struct config_report report = {0};
		struct arena *arena = arena_new();
		struct scan scan;
		char *copy = xcalloc(n, 1);

		memcpy(copy, text, n);
		if (!scan_file(&scan, arena, "t", copy, n, NULL, NULL, &report))
			assert_true(report.n_errors > 0);
		scan_fini(&scan);
		config_report_fini(&report);
		arena_free(arena);
		free(copy);
	}
}

struct fake_file {
	const char *path, *text;
};

static const char *
fake_include(
    void *arg, struct arena *arena, const char *path, const char **ret_text, size_t *ret_len)
{
	const struct fake_file *files = arg;

	(void)arena;
	for (; files->path; files++) {
		if (strcmp(files->path, path) == 0) {
			*ret_text = files->text;
			*ret_len = strlen(files->text);
			return NULL;
		}
	}
	return "not there";
}

static void
follows_includes(void **state)
{
	static const struct fake_file files[] = {
	    {"/etc/m/x.conf", "b = 2;\n@include \"sub/y.conf\"\nd = 4;"},
	    {"/etc/m/sub/y.conf", "\n\nc = 3;"},
	    {"/abs.conf", "e = 5;"},
	    {NULL, NULL},
	};
	static const char text[] =
	    "a = 1;\n  @include \"x.conf\" # c\n@include \"/abs.conf\"\nf = 6;\n";
	static const struct {
		const char *file;
		unsigned line;
	} places[] = {{"/etc/m/main.conf", 1}, {"/etc/m/x.conf", 1}, {"/etc/m/sub/y.conf", 3},
	    {"/etc/m/x.conf", 3}, {"/abs.conf", 1}, {"/etc/m/main.conf", 4}};
	struct config_report report = {0};
	struct arena *arena = arena_new();
	struct scan scan;
	size_t i;

	(void)state;
	assert_true(scan_file(&scan, arena, "/etc/m/main.conf", text, strlen(text), fake_include,
	    (void *)(uintptr_t)files, &report));
	assert_int_equal(scan.n_values, ARRAY_SIZE(places));
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		assert_string_equal(scan.values[i].place.file, places[i].file);
		assert_int_equal(scan.values[i].place.line, places[i].line);
	}
	scan_fini(&scan);
	config_report_fini(&report);
	arena_free(arena);
}

/* Deeper than allowed, wider than allowed, and larger than allowed. */
static const char *
numbered_include(
    void *arg, struct arena *arena, const char *path, const char **ret_text, size_t *ret_len)
{
	const char *mode = arg;
	unsigned n = (unsigned)strtoul(path, NULL, 10);

	if (strcmp(mode, "deep") == 0) {
		*ret_text = arena_printf(arena, "@include \"%u\"\n", n + 1);
		*ret_len = strlen(*ret_text);
	} else {
		*ret_len = strcmp(mode, "wide") == 0 ? 0 : CONFIG_MAX_FILE_BYTES;
		*ret_text = arena_alloc(arena, *ret_len, 1);
		memset((void *)(uintptr_t)*ret_text, '\n', *ret_len);
	}
	return NULL;
}

static void
caps_includes(void **state)
{
	static const char *const modes[] = {"deep", "wide", "large"};
	struct strbuf text = {0};
	size_t i;

	(void)state;
	for (i = 0; i < CONFIG_MAX_FILES; i++)
		strbuf_printf(&text, "@include \"%zu\"\n", 1000 * i);
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		struct config_report report = {0};
		struct arena *arena = arena_new();
		struct scan scan;

		assert_row(i, modes[i],
		    !scan_file(&scan, arena, "main", strbuf_text(&text), text.len, numbered_include,
			(void *)(uintptr_t)modes[i], &report));
		assert_row(i, modes[i], report.n_errors == 1);
		scan_fini(&scan);
		config_report_fini(&report);
		arena_free(arena);
	}
	strbuf_free(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(scans_tokens),
	    cmocka_unit_test(survives_truncation),
	    cmocka_unit_test(follows_includes),
	    cmocka_unit_test(caps_includes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
