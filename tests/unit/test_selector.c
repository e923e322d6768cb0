/* Label selectors: kubectl's syntax to the canonical form, matching, and every refusal; and labels.
 */
#include "test.h"

#include <errno.h>

#include "model/labels.h"
#include "model/selector.h"
#include "util/mem.h"
#include "util/str.h"

static void
test_canonical(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
	    {"", ""},
	    {"  \t ", ""},
	    {"app=web", "app=web"},
	    {"app == web", "app=web"},
	    {"app=", "app="},
	    {"app", "app"},
	    {"!app", "!app"},
	    {" ! app ", "!app"},
	    {"app!=web", "app!=web"},
	    {"app in (web)", "app=web"},
	    {"app in (web,api, db)", "app in (api, db, web)"},
	    {"app notin (web)", "app!=web"},
	    {"app notin(b,a)", "app notin (a, b)"},
	    {"z=1,a=2", "a=2, z=1"},
	    {"a=2,a!=3", "a=2, a!=3"},
	    {"a in (,x)", "a in (, x)"},
	    {"in in (in)", "in=in"},
	    {"node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/control-plane"},
	    {"kubernetes.io/hostname = node-1.example", "kubernetes.io/hostname=node-1.example"},
	    {"app=web, tier in (a, b), env notin (dev), !canary, release, version!=1",
		"app=web, !canary, env!=dev, release, tier in (a, b), version!=1"},
	};
	struct arena *arena = arena_new();
	struct selector *selector, *again;
	char *reason;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_row(
		    i, rows[i].in, selector_parse(arena, rows[i].in, &selector, &reason) == 0);
		assert_string_equal(selector->text, rows[i].out);
		assert_row(
		    i, rows[i].in, selector_parse(arena, selector->text, &again, &reason) == 0);
		assert_string_equal(again->text, selector->text);
	}
	arena_free(arena);
}

static void
test_refused(void **state)
{
	static const struct {
		const char *in, *reason; /* part of it */
	} rows[] = {
	    {",", "a label key is missing"},
	    {"app=web,", "missing after the last comma"},
	    {"app=web,,b=c", "a label key is missing"},
	    {"app=web b=c", "\",\" expected"},
	    {"=web", "a label key is missing"},
	    {"-app=web", "\"-app\" is not a label key"},
	    {"a/b/c=d", "is not a label key"},
	    {"UPPER.example/x", "is not a label key"},
	    {"a..b/x", "is not a label key"},
	    {"/x", "is not a label key"},
	    {"a/", "is not a label key"},
	    {"app=-web", "\"-web\" is not a label value"},
	    {"app=we@b", "is not a label value"},
	    {"app in web", "\"(\" expected"},
	    {"app in (web", "\")\" expected"},
	    {"app in (a,a)", "value \"a\" is given twice"},
	    {"app like web", "\"like\" is not an operator"},
	    {"app > 1", "is not an operator"},
	    {"!app=web", "\",\" expected"},
	    {"app=web, app=web", "is given twice"},
	    {"app in (a,b), app in (b,a)", "is given twice"},
	    {"a=0123456789012345678901234567890123456789012345678901234567890123",
		"is not a label value"},
	    {"a0123456789012345678901234567890123456789012345678901234567890123=b",
		"is not a label key"},
	};
	struct arena *arena = arena_new();
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct selector *selector = NULL;
		char *reason = NULL;

		assert_row(i, rows[i].in,
		    selector_parse(arena, rows[i].in, &selector, &reason) == -EINVAL);
		assert_null(selector);
		if (!reason || !strstr(reason, rows[i].reason))
			fail_msg("%s: %s", rows[i].in, reason ? reason : "no reason");
	}
	arena_free(arena);
}

static void
test_caps(void **state)
{
	struct strbuf requirements = {0}, values = {0};
	struct arena *arena = arena_new();
	struct selector *selector;
	char *reason;
	int i;

	(void)state;
	for (i = 0; i < SELECTOR_MAX_REQUIREMENTS; i++)
		strbuf_printf(&requirements, "%sk%d", i ? "," : "", i);
	assert_int_equal(selector_parse(arena, strbuf_text(&requirements), &selector, &reason), 0);
	assert_int_equal(selector->n_requirements, SELECTOR_MAX_REQUIREMENTS);
	strbuf_add(&requirements, ",more");
	assert_int_equal(
	    selector_parse(arena, strbuf_text(&requirements), &selector, &reason), -EINVAL);
	strbuf_add(&values, "a in (");
	for (i = 0; i < SELECTOR_MAX_VALUES; i++)
		strbuf_printf(&values, "%sv%d", i ? "," : "", i);
	strbuf_addc(&values, ')');
	assert_int_equal(selector_parse(arena, strbuf_text(&values), &selector, &reason), 0);
	values.text[values.len - 1] = ',';
	strbuf_add(&values, "more)");
	assert_int_equal(selector_parse(arena, strbuf_text(&values), &selector, &reason), -EINVAL);
	assert_non_null(strstr(reason, "more than 64 values"));
	strbuf_free(&requirements);
	strbuf_free(&values);
	arena_free(arena);
}

static void
test_matches(void **state)
{
	static const struct {
		const char *selector;
		bool matches; /* app=web, env=, tier=b */
	} rows[] = {
	    {"", true},
	    {"app=web", true},
	    {"app=api", false},
	    {"app", true},
	    {"none", false},
	    {"!app", false},
	    {"!none", true},
	    {"env", true},
	    {"env=", true},
	    {"none=", false},
	    {"app!=web", false},
	    {"app!=api", true},
	    {"none!=web", true},
	    {"tier in (a,b)", true},
	    {"tier in (a,c)", false},
	    {"tier notin (a,b)", false},
	    {"tier notin (a,c)", true},
	    {"none notin (a)", true},
	    {"app=web,tier=b", true},
	    {"app=web,tier=a", false},
	    {"app=web,app!=api", true},
	};
	static const struct label items[] = {{"app", "web"}, {"env", ""}, {"tier", "b"}};
	static const struct labels labels = {items, ARRAY_SIZE(items)}, none = {0};
	struct arena *arena = arena_new();
	struct selector *selector, *two[2];
	struct selector_list list = {two, 0};
	char *reason;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(selector_parse(arena, rows[i].selector, &selector, &reason), 0);
		assert_row(
		    i, rows[i].selector, selector_matches(selector, &labels) == rows[i].matches);
	}
	/* A list is OR; what an empty one means is its user's business. */
	assert_false(selector_list_matches(&list, &labels));
	assert_int_equal(selector_parse(arena, "app=api", &two[0], &reason), 0);
	assert_int_equal(selector_parse(arena, "tier=b", &two[1], &reason), 0);
	list.count = 1;
	assert_false(selector_list_matches(&list, &labels));
	list.count = 2;
	assert_true(selector_list_matches(&list, &labels));
	assert_false(selector_list_matches(&list, &none));
	arena_free(arena);
}

static void
test_syntax_of_labels(void **state)
{
	static const struct {
		const char *s;
		bool key, value;
	} rows[] = {
	    {"a", true, true},
	    {"", false, true},
	    {"A-b_c.D", true, true},
	    {"a.", false, false},
	    {"_a", false, false},
	    {"example.com/a", true, false},
	    {"example-1.com/a", true, false},
	    {"-example.com/a", false, false},
	    {"example.com./a", false, false},
	    {"a b", false, false},
	    {"\xc3\xa4", false, false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_row(i, rows[i].s, selector_is_label_key(rows[i].s) == rows[i].key);
		assert_row(i, rows[i].s, selector_is_label_value(rows[i].s) == rows[i].value);
	}
}

static void
test_labels(void **state)
{
	struct label items[] = {
	    {"b", "1"}, {"a", "1"}, {"c", "1"}, {"b", "2"}, {"a", "2"}, {"b", "3"}};
	const struct labels labels = {items, labels_sort(items, ARRAY_SIZE(items))}, none = {0};

	(void)state;
	assert_int_equal(labels.count, 3);
	assert_string_equal(labels_get(&labels, "a"), "2");
	assert_string_equal(labels_get(&labels, "b"), "3");
	assert_string_equal(labels_get(&labels, "c"), "1");
	assert_string_equal(labels.items[0].key, "a");
	assert_string_equal(labels.items[2].key, "c");
	assert_null(labels_get(&labels, "d"));
	assert_null(labels_get(&labels, ""));
	assert_null(labels_get(&none, "a"));
	assert_int_equal(labels_sort(NULL, 0), 0);
}

static void
test_labels_equal(void **state)
{
	static const struct label items[] = {{"a", "1"}, {"b", "2"}};
	static const struct label same[] = {{"a", "1"}, {"b", "2"}};
	static const struct label key[] = {{"a", "1"}, {"c", "2"}};
	static const struct label value[] = {{"a", "1"}, {"b", "1"}};
	static const struct labels all = {items, 2}, none = {0};
	static const struct {
		const char *name;
		struct labels other;
		bool equal;
	} rows[] = {
	    {"same", {same, 2}, true},
	    {"another key", {key, 2}, false},
	    {"another value", {value, 2}, false},
	    {"one less", {same, 1}, false},
	    {"none", {NULL, 0}, false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_row(i, rows[i].name, labels_equal(&all, &rows[i].other) == rows[i].equal);
		assert_row(i, rows[i].name, labels_equal(&rows[i].other, &all) == rows[i].equal);
	}
	assert_true(labels_equal(&none, &none));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_canonical),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_caps),
	    cmocka_unit_test(test_matches),
	    cmocka_unit_test(test_syntax_of_labels),
	    cmocka_unit_test(test_labels),
	    cmocka_unit_test(test_labels_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
