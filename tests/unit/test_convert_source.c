/* JSON and YAML as trees: types of plain scalars, several documents, caps, and what is wrong. */
#include "test.h"

#include <json-c/json.h>
#include <stdlib.h>

#include "convert/source.h"
#include "util/mem.h"
#include "util/str.h"

/* What a plain scalar of YAML is, and its letters. */
static const struct {
	const char *scalar;
	enum json_type type;
	int64_t number; /* of ints and booleans */
} scalars[] = {
    {"text", json_type_string, 0},
    {"1.2.3.4", json_type_string, 0},
    {"64512:100", json_type_string, 0}, /* no sexagesimal number, as in Kubernetes */
    {"'1'", json_type_string, 0},
    {"\"true\"", json_type_string, 0},
    {"!!str 12", json_type_string, 0},
    {"true", json_type_boolean, 1},
    {"Yes", json_type_boolean, 1},
    {"on", json_type_boolean, 1},
    {"n", json_type_boolean, 0},
    {"OFF", json_type_boolean, 0},
    {"tRUE", json_type_string, 0},
    {"0", json_type_int, 0},
    {"-7", json_type_int, -7},
    {"+7", json_type_int, 7},
    {"4294967295", json_type_int, 4294967295},
    {"0x1F", json_type_int, 31},
    {"0b101", json_type_int, 5},
    {"0o17", json_type_int, 15},
    {"010", json_type_int, 8},
    {"1_000", json_type_int, 1000},
    {"09", json_type_double, 0},
    {"0x", json_type_string, 0},
    {"+-1", json_type_string, 0},
    {"99999999999999999999", json_type_double, 0},
    {"1.5", json_type_double, 0},
    {".5", json_type_double, 0},
    {"1e3", json_type_double, 0},
    {"1e", json_type_string, 0},
    {".", json_type_string, 0},
    {"~", json_type_null, 0},
    {"null", json_type_null, 0},
    {"", json_type_null, 0},
    {"''", json_type_string, 0},
};

static void
test_scalars(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(scalars); i++) {
		struct source source = {0};
		struct strbuf err_line = {0};
		struct json_object *value = NULL;
		char *text = xasprintf("key: %s\n", scalars[i].scalar);

		assert_row(i, text, !source_parse(&source, "t", text, strlen(text), &err_line));
		assert_row(i, text, source.n == 1);
		assert_row(i, text, json_object_object_get_ex(source.documents[0], "key", &value));
		assert_row(i, text, json_object_get_type(value) == scalars[i].type);
		if (scalars[i].type == json_type_int || scalars[i].type == json_type_boolean)
			assert_row(i, text, json_object_get_int64(value) == scalars[i].number);
		if (!strpbrk(scalars[i].scalar, "'\"! ~") && scalars[i].type != json_type_null)
			assert_row(i, text, str_eq(source_text(value), scalars[i].scalar));
		source_fini(&source);
		strbuf_free(&err_line);
		free(text);
	}
}

/* Texts and their documents, as compact JSON with blanks between. */
static const struct {
	const char *text, *documents;
} good[] = {
    {"", ""},
    {"---\n---\n# nothing\n", ""},
    {"null", ""},
    {"a: 1\n---\nb: [x, {y: z}]\n...\n", "{\"a\":1} {\"b\":[\"x\",{\"y\":\"z\"}]}"},
    {"{\"a\": null}\n [1, \"2\"]{}", "{\"a\":null} [1,\"2\"] {}"},
    {"a: &x {b: [1, 2]}\nc: *x\nd: *x\n",
	"{\"a\":{\"b\":[1,2]},\"c\":{\"b\":[1,2]},\"d\":{\"b\":[1,2]}}"},
    {"a: &x 1\nb: &x 2\nc: *x\n", "{\"a\":1,\"b\":2,\"c\":2}"},
    {"text: |\n  one\n  two\n", "{\"text\":\"one\\ntwo\\n\"}"},
    {"1: x\ntrue: z\n", "{\"1\":\"x\",\"true\":\"z\"}"},
};

static void
test_documents(void **state)
{
	size_t i, j;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		struct source source = {0};
		struct strbuf err_line = {0}, got = {0};

		assert_row(i, good[i].text,
		    !source_parse(&source, "t", good[i].text, strlen(good[i].text), &err_line));
		for (j = 0; j < source.n; j++)
			strbuf_printf(&got, "%s%s", j ? " " : "",
			    json_object_to_json_string_ext(
				source.documents[j], JSON_C_TO_STRING_PLAIN));
		assert_string_equal(strbuf_text(&got), good[i].documents);
		assert_int_equal(err_line.len, 0);
		source_fini(&source);
		strbuf_free(&got);
	}
}

/* Only what the golden files of tests/convert/bad do not have. */
static const struct {
	const char *text;
	size_t len; /* 0: up to the zero */
	const char *line;
} bad[] = {
    {"a: \"x\\0y\"\n", 0, "t:1: a zero byte in a string"},
    {"\"x\\0y\": 1\n", 0, "t:1: a zero byte in a key"},
    {"a: \0b", 5, "t: a zero byte: neither JSON nor YAML"},
    {"\n{\"a\": 1}\n{\"b\" 2}", 0, "t:3: not JSON: object property name separator ':' expected"},
    {"{} x", 0, "t:1: not JSON: unexpected character"},
    {"{}\n5", 0, "t:2: not JSON: it ends too early"},
    {"a: [1, 2\nb: 3\n", 0, "t:2: not YAML: did not find expected ',' or ']'"},
    {"? [a]\n: b\n", 0, "t:1: a key that is no string"},
    {"a: &x [*x]\n", 0, "t:1: an alias without its anchor before it"},
    {"a: &x 1\n---\nb: *x\n", 0, "t:3: an alias without its anchor before it"},
    {"a: \xff\n", 0, "t:1: not YAML: invalid leading UTF-8 octet"},
};

static void
test_bad(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct source source = {0};
		struct strbuf err_line = {0};
		size_t len = bad[i].len ? bad[i].len : strlen(bad[i].text);

		assert_row(i, bad[i].line, source_parse(&source, "t", bad[i].text, len, &err_line));
		assert_string_equal(strbuf_text(&err_line), bad[i].line);
		source_fini(&source);
		strbuf_free(&err_line);
	}
}

/* Every cap, one below and one above. */
static int
parse_repeated(
    const char *head, const char *part, size_t n, const char *tail, const char **ret_line)
{
	static char line[200];
	struct source source = {0};
	struct strbuf text = {0}, err_line = {0};
	int err;

	strbuf_add(&text, head);
	while (n--)
		strbuf_add(&text, part);
	strbuf_add(&text, tail);
	err = source_parse(&source, "t", text.text, text.len, &err_line);
	(void)str_copy(line, sizeof(line), strbuf_text(&err_line));
	*ret_line = line;
	source_fini(&source);
	strbuf_free(&text);
	strbuf_free(&err_line);
	return err;
}

static void
test_caps(void **state)
{
	const char *line;
	size_t i;
	struct strbuf close = {0};

	(void)state;
	assert_int_equal(parse_repeated("", "--- {}\n", SOURCE_MAX_DOCUMENTS, "", &line), 0);
	assert_true(parse_repeated("", "--- {}\n", SOURCE_MAX_DOCUMENTS + 1, "", &line) != 0);
	assert_string_equal(line, "t:10001: more than 10000 documents");
	assert_int_equal(parse_repeated("", "{}", SOURCE_MAX_DOCUMENTS, "", &line), 0);
	assert_true(parse_repeated("", "{}", SOURCE_MAX_DOCUMENTS + 1, "", &line) != 0);
	assert_string_equal(line, "t: more than 10000 documents");
	for (i = 0; i < SOURCE_MAX_DEPTH; i++)
		strbuf_addc(&close, ']');
	assert_int_equal(
	    parse_repeated("---\n", "[", SOURCE_MAX_DEPTH, strbuf_text(&close), &line), 0);
	strbuf_addc(&close, ']');
	assert_true(
	    parse_repeated("---\n", "[", SOURCE_MAX_DEPTH + 1, strbuf_text(&close), &line) != 0);
	assert_string_equal(line, "t:2: nested too deep");
	assert_true(parse_repeated("", "[", 100000, "", &line) != 0);
	assert_string_equal(line, "t:1: not JSON: nesting too deep");
	assert_int_equal(parse_repeated("a:\n", "- &x 1\n", SOURCE_MAX_ANCHORS, "", &line), 0);
	assert_true(parse_repeated("a:\n", "- &x 1\n", SOURCE_MAX_ANCHORS + 1, "", &line) != 0);
	assert_string_equal(line, "t:1002: too many anchors");
	assert_int_equal(parse_repeated("a: ", " ", SOURCE_MAX_BYTES - 4, "1", &line), 0);
	assert_true(parse_repeated("a: ", " ", SOURCE_MAX_BYTES - 3, "1", &line) != 0);
	assert_string_equal(line, "t: larger than 16777216 bytes");
	strbuf_free(&close);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_scalars),
	    cmocka_unit_test(test_documents),
	    cmocka_unit_test(test_bad),
	    cmocka_unit_test(test_caps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
