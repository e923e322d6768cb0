/* What differs between two looks at the daemon. */
#include "test.h"

#include "daemon/changes.h"
#include "util/str.h"

struct thing {
	enum change_kind kind;
	const char *name, *is;
};

static void
fill(struct change_view *view, const struct thing *things)
{
	change_view_init(view);
	for (; things->name; things++)
		change_view_add(view, things->kind, things->name, things->is);
	change_view_sort(view);
}

static void
collect(void *arg, enum change_kind kind, const char *name, const char *was, const char *is)
{
	strbuf_printf(arg, "%s(%s) %s>%s;", change_kind_str(kind), name, was, is);
}

static void
differences_are_told_in_order(void **state)
{
	static const struct {
		const char *name;
		struct thing old[4], new[4];
		const char *told;
	} rows[] = {
	    {"nothing at all", {{0}}, {{0}}, ""},
	    {"all is new", {{0}}, {{CHANGE_OWNER, "b", "n1"}, {CHANGE_OWNER, "a", "n1"}},
		"owner(a) >n1;owner(b) >n1;"},
	    {"all went", {{CHANGE_OWNER, "b", "n1"}, {CHANGE_API, "", "up"}}, {{0}},
		"api() up>;owner(b) n1>;"},
	    {"the same", {{CHANGE_OWNER, "a", "n1"}}, {{CHANGE_OWNER, "a", "n1"}}, ""},
	    {"one is otherwise", {{CHANGE_OWNER, "a", "n1"}, {CHANGE_OWNER, "b", "n1"}},
		{{CHANGE_OWNER, "b", "n2"}, {CHANGE_OWNER, "a", "n1"}}, "owner(b) n1>n2;"},
	    {"one name, two kinds", {{CHANGE_SERVICE, "a", "x"}, {CHANGE_OWNER, "a", "x"}},
		{{CHANGE_SERVICE, "a", "x"}, {CHANGE_L2, "a", "x"}}, "owner(a) x>;l2(a) >x;"},
	    {"nothing to say is not there", {{CHANGE_DRAIN, "", ""}}, {{CHANGE_DRAIN, "", "on"}},
		"drain() >on;"},
	    {"gone in the middle",
		{{CHANGE_MEMBER, "a", "live"}, {CHANGE_MEMBER, "b", "live"},
		    {CHANGE_MEMBER, "c", "live"}},
		{{CHANGE_MEMBER, "c", "live"}, {CHANGE_MEMBER, "a", "expired"}},
		"member(a) live>expired;member(b) live>;"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct change_view old, new;
		struct strbuf told = {0};

		fill(&old, rows[i].old);
		fill(&new, rows[i].new);
		change_view_diff(&old, &new, collect, &told);
		if (!str_eq(strbuf_text(&told), rows[i].told))
			fail_msg("%s: %s", rows[i].name, strbuf_text(&told));
		strbuf_free(&told);
		change_view_fini(&old);
		change_view_fini(&new);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(differences_are_told_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
