/* Strings, globs, durations, times, edit distance. */
#include "test.h"

#include <errno.h>
#include <stdlib.h>

#include "util/mono.h"
#include "util/str.h"

static void
test_strbuf(void **state)
{
	struct strbuf sb = {0};
	char *text;
	int i;

	(void)state;
	assert_string_equal(strbuf_text(&sb), "");
	strbuf_clear(&sb);
	strbuf_add(&sb, "one");
	strbuf_addc(&sb, ' ');
	strbuf_addn(&sb, "twofold", 3);
	strbuf_printf(&sb, " %d", 3);
	assert_string_equal(strbuf_text(&sb), "one two 3");
	strbuf_clear(&sb);
	assert_string_equal(strbuf_text(&sb), "");
	for (i = 0; i < 1000; i++)
		strbuf_add(&sb, "abcdefg");
	assert_int_equal(sb.len, 7000);
	assert_int_equal(strlen(strbuf_text(&sb)), 7000);
	text = strbuf_detach(&sb);
	assert_int_equal(strlen(text), 7000);
	assert_null(sb.text);
	free(text);
	text = strbuf_detach(&sb);
	assert_string_equal(text, "");
	free(text);
	strbuf_free(&sb);
}

static void
test_quoted(void **state)
{
	static const struct {
		const char *in;
		size_t max;
		const char *out;
	} rows[] = {
	    {"plain", 10, "plain"},
	    {"plain", 5, "plain"},
	    {"plain", 4, "plai..."},
	    {"plain", 0, "..."},
	    {"", 0, ""},
	    {"a\nb\tc", 10, "a\\x0ab\\x09c"},
	    {"\"\\", 10, "\\x22\\x5c"},
	    {"\x7f\x1b[31m", 10, "\\x7f\\x1b[31m"},
	    {"\xc3\xa4", 10, "\\xc3\\xa4"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct strbuf sb = {0};

		strbuf_add_quoted(&sb, rows[i].in, rows[i].max);
		assert_string_equal(strbuf_text(&sb), rows[i].out);
		strbuf_free(&sb);
	}
}

static void
test_small(void **state)
{
	char out[4];

	(void)state;
	assert_true(str_eq("a", "a"));
	assert_false(str_eq("a", "A"));
	assert_true(str_eq_null(NULL, NULL));
	assert_false(str_eq_null("a", NULL));
	assert_false(str_eq_null(NULL, ""));
	assert_true(str_eq_null("a", "a"));
	assert_true(str_has_prefix("node-a", "node-"));
	assert_true(str_has_prefix("node", ""));
	assert_false(str_has_prefix("nod", "node"));
	assert_true(str_copy(out, sizeof(out), "abc"));
	assert_string_equal(out, "abc");
	assert_false(str_copy(out, sizeof(out), "abcd"));
	assert_string_equal(out, "abc");
}

static void
test_glob(void **state)
{
	static const struct {
		const char *pattern, *s;
		bool match;
	} rows[] = {
	    {"eth0", "eth0", true},
	    {"eth0", "eth00", false},
	    {"eth*", "eth", true},
	    {"eth*", "veth", false},
	    {"*", "", true},
	    {"eth?", "eth", false},
	    {"eth[0-3]", "eth2", true},
	    {"eth[!0-3]", "eth2", false},
	    {"a*", "a/b", true},
	    {"*", ".hidden", true},
	    {"[", "[", true},
	    {"", "", true},
	    {"", "a", false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		assert_row(
		    i, rows[i].pattern, str_glob(rows[i].pattern, rows[i].s) == rows[i].match);
}

static void
test_distance(void **state)
{
	static const struct {
		const char *a, *b;
		unsigned max, distance;
	} rows[] = {
	    {"", "", 3, 0},
	    {"", "abc", 3, 3},
	    {"abc", "", 5, 3},
	    {"same", "same", 3, 0},
	    {"interface", "interfaces", 3, 1},
	    {"interafces", "interfaces", 3, 1},
	    {"adresses", "addresses", 3, 1},
	    {"kitten", "sitting", 5, 3},
	    {"kitten", "sitting", 2, 3},
	    {"abc", "xyz", 1, 2},
	    {"ba", "ab", 3, 1},
	};
	char longer[66];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_row(i, rows[i].a,
		    str_distance(rows[i].a, rows[i].b, rows[i].max) == rows[i].distance);
		assert_row(i, rows[i].a,
		    str_distance(rows[i].b, rows[i].a, rows[i].max) == rows[i].distance);
	}
	memset(longer, 'a', 65);
	longer[65] = '\0';
	assert_int_equal(str_distance(longer, longer, 3), 4);
	assert_int_equal(str_distance(longer + 1, longer + 1, 3), 0);
	assert_int_equal(str_distance(longer + 1, "", 100), 64);
}

static void
test_uint(void **state)
{
	static const struct {
		const char *s;
		uint64_t max;
		int err;
		uint64_t value;
	} rows[] = {
	    {"0", 0, 0, 0},
	    {"007", 10, 0, 7},
	    {"65535", 65535, 0, 65535},
	    {"65536", 65535, -ERANGE, 0},
	    {"18446744073709551615", UINT64_MAX, 0, UINT64_MAX},
	    {"18446744073709551616", UINT64_MAX, -ERANGE, 0},
	    {"99999999999999999999999999", UINT64_MAX, -ERANGE, 0},
	    {"", 10, -EINVAL, 0},
	    {"-1", 10, -EINVAL, 0},
	    {"+1", 10, -EINVAL, 0},
	    {" 1", 10, -EINVAL, 0},
	    {"1 ", 10, -EINVAL, 0},
	    {"0x1", 10, -EINVAL, 0},
	    {"1.0", 10, -EINVAL, 0},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t value = 77;

		assert_row(
		    i, rows[i].s, str_parse_uint(rows[i].s, rows[i].max, &value) == rows[i].err);
		assert_row(i, rows[i].s, value == (rows[i].err ? 77 : rows[i].value));
	}
}

static void
test_duration(void **state)
{
	static const struct {
		const char *in;
		int err;
		int64_t usec;
		const char *out; /* NULL: as in */
	} rows[] = {
	    {"0", 0, 0, "0s"},
	    {"0ms", 0, 0, "0s"},
	    {"1us", 0, 1, NULL},
	    {"300ms", 0, 300 * USEC_PER_MSEC, NULL},
	    {"1500ms", 0, 1500 * USEC_PER_MSEC, NULL},
	    {"1000ms", 0, USEC_PER_SEC, "1s"},
	    {"90s", 0, 90 * USEC_PER_SEC, NULL},
	    {"60s", 0, USEC_PER_MIN, NULL},
	    {"1m", 0, USEC_PER_MIN, "60s"},
	    {"120s", 0, 2 * USEC_PER_MIN, NULL},
	    {"121s", 0, 121 * USEC_PER_SEC, NULL},
	    {"5m", 0, 5 * USEC_PER_MIN, NULL},
	    {"300s", 0, 5 * USEC_PER_MIN, "5m"},
	    {"1h", 0, 60 * USEC_PER_MIN, NULL},
	    {"90m", 0, 90 * USEC_PER_MIN, NULL},
	    {"1000h", 0, 60000 * USEC_PER_MIN, NULL},
	    {"1001h", -ERANGE, 0, NULL},
	    {"3600000000001us", -ERANGE, 0, NULL},
	    {"99999999999999999999s", -ERANGE, 0, NULL},
	    {"999999999999999999999999999999s", -EINVAL, 0, NULL},
	    {"5", -EINVAL, 0, NULL},
	    {"", -EINVAL, 0, NULL},
	    {"s", -EINVAL, 0, NULL},
	    {"1.5s", -EINVAL, 0, NULL},
	    {"-1s", -EINVAL, 0, NULL},
	    {"1 s", -EINVAL, 0, NULL},
	    {"1S", -EINVAL, 0, NULL},
	    {"1d", -EINVAL, 0, NULL},
	    {"1m30s", -EINVAL, 0, NULL},
	};
	char out[24];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		int64_t usec = -77;

		assert_row(i, rows[i].in, str_parse_duration(rows[i].in, &usec) == rows[i].err);
		assert_row(i, rows[i].in, usec == (rows[i].err ? -77 : rows[i].usec));
		if (rows[i].err)
			continue;
		str_format_duration(usec, out, sizeof(out));
		assert_string_equal(out, rows[i].out ? rows[i].out : rows[i].in);
	}
}

static void
test_time(void **state)
{
	static const struct {
		const char *in;
		int64_t usec;
		const char *out; /* NULL: as in; "": refused */
	} rows[] = {
	    {"1970-01-01T00:00:00.000000Z", 0, NULL},
	    {"2026-11-23T00:05:00.123456Z", INT64_C(1795392300123456), NULL},
	    {"2026-11-23T00:05:00Z", INT64_C(1795392300000000), "2026-11-23T00:05:00.000000Z"},
	    {"2026-11-23t00:05:00z", INT64_C(1795392300000000), "2026-11-23T00:05:00.000000Z"},
	    {"2026-11-23T00:05:00.5Z", INT64_C(1795392300500000), "2026-11-23T00:05:00.500000Z"},
	    {"2026-11-23T00:05:00.123456789Z", INT64_C(1795392300123456),
		"2026-11-23T00:05:00.123456Z"},
	    {"2026-11-23T02:05:00+02:00", INT64_C(1795392300000000), "2026-11-23T00:05:00.000000Z"},
	    {"2026-11-22T19:35:00.000001-04:30", INT64_C(1795392300000001),
		"2026-11-23T00:05:00.000001Z"},
	    {"1969-12-31T23:59:59.999999Z", -1, NULL},
	    {"2024-02-29T00:00:00.000000Z", INT64_C(1709164800000000), NULL},
	    {"2000-02-29T00:00:00.000000Z", INT64_C(951782400000000), NULL},
	    {"2016-12-31T23:59:60Z", INT64_C(1483228800000000), "2017-01-01T00:00:00.000000Z"},
	    {"9999-12-31T23:59:59.999999Z", INT64_C(253402300799999999), NULL},
	    {"0001-01-01T00:00:00.000000Z", INT64_C(-62135596800000000), NULL},
	    {"", 0, ""},
	    {"2026-11-23", 0, ""},
	    {"2026-11-23 00:05:00Z", 0, ""},
	    {"2026-11-23T00:05:00", 0, ""},
	    {"2026-11-23T00:05:00.Z", 0, ""},
	    {"2026-11-23T00:05:00Zjunk", 0, ""},
	    {"2026-11-23T00:05Z", 0, ""},
	    {"2026-13-01T00:00:00Z", 0, ""},
	    {"2026-00-01T00:00:00Z", 0, ""},
	    {"2026-01-32T00:00:00Z", 0, ""},
	    {"2026-01-00T00:00:00Z", 0, ""},
	    {"2026-02-29T00:00:00Z", 0, ""},
	    {"1900-02-29T00:00:00Z", 0, ""},
	    {"2026-04-31T00:00:00Z", 0, ""},
	    {"2026-01-01T24:00:00Z", 0, ""},
	    {"2026-01-01T00:60:00Z", 0, ""},
	    {"2026-01-01T00:00:61Z", 0, ""},
	    {"2026-01-01T00:00:00+24:00", 0, ""},
	    {"2026-01-01T00:00:00+01:60", 0, ""},
	    {"2026-01-01T00:00:00+0100", 0, ""},
	    {"26-01-01T00:00:00Z", 0, ""},
	};
	char out[32];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		int64_t usec = 77;
		bool refused = rows[i].out && !*rows[i].out;

		if (refused) {
			assert_row(i, rows[i].in, str_parse_time(rows[i].in, &usec) == -EINVAL);
			assert_row(i, rows[i].in, usec == 77);
			continue;
		}
		assert_row(i, rows[i].in, str_parse_time(rows[i].in, &usec) == 0);
		if (usec != rows[i].usec)
			fail_msg("%s: %lld", rows[i].in, (long long)usec);
		str_format_time(usec, out, sizeof(out));
		assert_string_equal(out, rows[i].out ? rows[i].out : rows[i].in);
	}
	/* Out of the years that can be written. */
	str_format_time(INT64_MAX, out, sizeof(out));
	assert_int_equal(strlen(out), strlen("1970-01-01T00:00:00.000000Z"));
	str_format_time(INT64_MIN, out, sizeof(out));
	assert_int_equal(strlen(out), strlen("1970-01-01T00:00:00.000000Z"));
}

static void
test_mono(void **state)
{
	const mono_t one = {1}, two = {2};

	(void)state;
	assert_true(mono_before(one, two) && !mono_before(two, one) && !mono_before(one, one));
	assert_true(mono_reached(two, one) && mono_reached(one, one) && !mono_reached(one, two));
	assert_false(mono_reached(MONO_NEVER, MONO_NEVER));
	assert_true(mono_is_never(MONO_NEVER) && !mono_is_never(one));
	assert_int_equal(mono_min(one, two).usec, 1);
	assert_int_equal(mono_min(MONO_NEVER, two).usec, 2);
	assert_int_equal(mono_diff_usec(one, two), -1);
	assert_int_equal(mono_add_usec(one, 5).usec, 6);
	assert_true(mono_is_never(mono_add_usec(MONO_NEVER, -5)));
	assert_true(mono_is_never(mono_add_usec(one, INT64_MAX)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_strbuf),
	    cmocka_unit_test(test_quoted),
	    cmocka_unit_test(test_small),
	    cmocka_unit_test(test_glob),
	    cmocka_unit_test(test_distance),
	    cmocka_unit_test(test_uint),
	    cmocka_unit_test(test_duration),
	    cmocka_unit_test(test_time),
	    cmocka_unit_test(test_mono),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
