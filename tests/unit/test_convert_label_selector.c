/* metav1.LabelSelector -> the syntax of metallb.conf, which must read back. */
#include "test.h"

#include <json-c/json.h>

#include "convert/label_selector.h"
#include "model/selector.h"
#include "util/mem.h"
#include "util/str.h"

static const struct {
	const char *json;
	const char *text; /* or the reason */
	bool bad;
} rows[] = {
    {"{}", "", false},
    {"{\"matchLabels\": {}, \"matchExpressions\": []}", "", false},
    {"{\"matchLabels\": null}", "", false},
    {"{\"matchLabels\": {\"app\": \"web\"}}", "app=web", false},
    {"{\"matchLabels\": {\"app\": \"\"}}", "app=", false},
    {"{\"matchLabels\": {\"a\": \"1\", \"example.com/b\": \"2\"}}", "a=1, example.com/b=2", false},
    {"{\"match-labels\": {\"a\": 1}}", "a=1", false},
    {"{\"matchExpressions\": [{\"key\": \"a\", \"operator\": \"Exists\"}]}", "a", false},
    {"{\"matchExpressions\": [{\"key\": \"a\", \"operator\": \"DoesNotExist\"}]}", "!a", false},
    {"{\"matchExpressions\": [{\"key\": \"a\", \"operator\": \"In\", \"values\": [\"x\"]}]}", "a=x",
	false},
    {"{\"matchExpressions\": [{\"key\": \"a\", \"operator\": \"In\", \"values\": "
     "[\"y\", \"x\", \"y\"]}]}",
	"a in (x, y)", false},
    {"{\"matchExpressions\": [{\"key\": \"a\", \"operator\": \"NotIn\", \"values\": [\"x\"]}]}",
	"a!=x", false},
    {"{\"matchExpressions\": [{\"key\": \"a\", \"operator\": \"NotIn\", \"values\": "
     "[\"x\", \"\"]}]}",
	"a notin (, x)", false},
    {"{\"matchLabels\": {\"a\": \"x\"}, \"matchExpressions\": [{\"key\": \"a\", \"operator\": "
     "\"In\", \"values\": [\"x\"]}, {\"key\": \"b\", \"operator\": \"Exists\"}]}",
	"a=x, b", false},
    {"{\"match-expressions\": [{\"key\": \"in\", \"operator\": \"In\", \"values\": [\"in\"]}]}",
	"in=in", false},
    {"[]", "not a label selector", true},
    {"\"a=b\"", "not a label selector", true},
    {"{\"matchLabel\": {}}", "a label selector with the member \"matchLabel\"", true},
    {"{\"matchLabels\": []}", "matchLabels is not an object", true},
    {"{\"matchLabels\": {\"a\": {}}}", "no value for the label \"a\"", true},
    {"{\"matchLabels\": {\"\": \"x\"}}", "a label with the key \"\"", true},
    {"{\"matchLabels\": {\"a\": \"x, b=y\"}}", "no value for the label \"a\"", true},
    {"{\"matchLabels\": {\"a=b, c\": \"x\"}}", "a label with the key \"a=b, c\"", true},
    {"{\"matchLabels\": {\"a\": \"x\\u0000y\"}}", "no value for the label \"a\"", true},
    {"{\"matchExpressions\": {}}", "matchExpressions is not a list", true},
    {"{\"matchExpressions\": [1]}", "an expression is not an object", true},
    {"{\"matchExpressions\": [{\"operator\": \"Exists\"}]}", "an expression with the key \"\"",
	true},
    {"{\"matchExpressions\": [{\"key\": \"a\"}]}", "an expression without an operator", true},
    {"{\"matchExpressions\": [{\"key\": \"a\", \"operator\": \"in\"}]}", "unknown operator \"in\"",
	true},
    {"{\"matchExpressions\": [{\"key\": \"a\", \"operator\": \"In\"}]}", "values is not a list",
	true},
    {"{\"matchExpressions\": [{\"key\": \"a\", \"operator\": \"In\", \"values\": []}]}",
	"an operator In or NotIn without values", true},
    {"{\"matchExpressions\": [{\"key\": \"a\", \"operator\": \"In\", \"values\": [\"x) , b\"]}]}",
	"a value that no label has", true},
};

static void
test_rows(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct arena *arena = arena_new();
		struct json_object *json = json_tokener_parse(rows[i].json);
		struct string_list texts = {0};
		struct selector *selector;
		const char *reason = label_selector_convert(arena, json, &texts);
		char *why;

		assert_row(i, rows[i].json, json && !reason == !rows[i].bad);
		assert_string_equal(reason ? reason : texts.items[0], rows[i].text);
		if (!reason) {
			assert_row(i, rows[i].json, texts.count == 1);
			assert_row(i, rows[i].json,
			    !selector_parse(arena, texts.items[0], &selector, &why));
		}
		(void)json_object_put(json);
		arena_free(arena);
	}
}

/* A list with n values, as the only expression. */
static struct json_object *
with_values(const char *operator, unsigned n)
{
	struct strbuf sb = {0};
	struct json_object *json;
	unsigned i;

	strbuf_printf(&sb,
	    "{\"matchLabels\": {\"r\": \"1\"}, \"matchExpressions\": [{\"key\": \"host\", "
	    "\"operator\": \"%s\", \"values\": [",
	    operator);
	for (i = 0; i < n; i++)
		strbuf_printf(&sb, "%s\"n%04u\"", i ? ", " : "", i);
	strbuf_add(&sb, "]}]}");
	json = json_tokener_parse(strbuf_text(&sb));
	strbuf_free(&sb);
	assert_non_null(json);
	return json;
}

static bool
selects(const struct string_list *texts, struct arena *arena, const char *host)
{
	const struct label items[] = {{"host", host}, {"r", "1"}};
	const struct labels labels = {items, 2};
	struct selector *selector;
	bool any = false;
	char *why;
	size_t i;

	for (i = 0; i < texts->count; i++) {
		assert_int_equal(selector_parse(arena, texts->items[i], &selector, &why), 0);
		any = any || selector_matches(selector, &labels);
	}
	return any;
}

/* More values than one selector may hold: In becomes several selectors, NotIn several parts. */
static void
test_many_values(void **state)
{
	static const struct {
		const char *operator;
		unsigned n;
		size_t texts;
	} cases[] = {{"In", 64, 1}, {"In", 65, 2}, {"In", 200, 4}, {"NotIn", 64, 1},
	    {"NotIn", 65, 1}, {"NotIn", 1000, 1}};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena *arena = arena_new();
		struct json_object *json = with_values(cases[i].operator, cases[i].n);
		struct string_list texts = {0};
		bool in = str_eq(cases[i].operator, "In");
		char last[8];

		assert_null(label_selector_convert(arena, json, &texts));
		assert_int_equal(texts.count, cases[i].texts);
		(void)snprintf(last, sizeof(last), "n%04u", cases[i].n - 1);
		assert_true(selects(&texts, arena, "n0000") == in);
		assert_true(selects(&texts, arena, last) == in);
		assert_true(selects(&texts, arena, "other") == !in);
		(void)json_object_put(json);
		arena_free(arena);
	}
}

static void
test_too_many(void **state)
{
	struct arena *arena = arena_new();
	struct json_object *json = with_values("NotIn", 64 * 64);
	struct string_list texts = {0};

	(void)state;
	assert_string_equal(label_selector_convert(arena, json, &texts),
	    "more requirements than metallb.conf allows in a selector");
	(void)json_object_put(json);
	arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_many_values),
	    cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
