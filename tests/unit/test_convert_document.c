/* A metallb.conf being made: its text, and what goes when something is refused. */
#include "test.h"

#include <stdlib.h>

#include "convert/document.h"
#include "util/mem.h"
#include "util/str.h"

/* A group with two objects, each with a list of every kind. */
static struct node *
make(struct arena *arena)
{
	struct node *document = document_new(arena), *bgp = node_group(document, "bgp");
	struct node *peers = node_objects(bgp, "peers", 3), *peer, *list;
	unsigned i;

	for (i = 0; i < 3; i++) {
		peer = node_object(peers, i == 0 ? "A" : i == 1 ? "B" : "C");
		node_string(peer, "name", i == 0 ? "a" : i == 1 ? "b" : "c", REFUSE_OBJECT);
		node_number(peer, "port", 179, REFUSE_KEY);
		node_secret(peer, "password", "hunter2", REFUSE_OBJECT);
		list = node_list(peer, "nodes", REFUSE_OBJECT);
		node_item(list, "x");
		node_item(list, "y");
		list = node_list(peer, "hints", REFUSE_KEY);
		node_item(list, "h");
		list = node_list(peer, "communities", REFUSE_WHOLE);
		node_item(list, "1:1");
		node_item(list, "1:2");
	}
	return document;
}

#define PEER(name, hash, end)                               \
	"\t\t" hash "{\n"                                   \
	"\t\t\t" hash "name = \"" name "\";\n"              \
	"\t\t\t" hash "port = 179;\n"                       \
	"\t\t\t" hash "password = \"hunter2\";\n"           \
	"\t\t\t" hash "nodes = [\"x\", \"y\"];\n"           \
	"\t\t\t" hash "hints = [\"h\"];\n"                  \
	"\t\t\t" hash "communities = [\"1:1\", \"1:2\"];\n" \
	"\t\t" hash end "\n"

static void
assert_text(struct node *document, const char *expected)
{
	struct strbuf text = {0};

	document_print(document, &text);
	assert_string_equal(strbuf_text(&text), expected);
	strbuf_free(&text);
}

static void
refuse(struct node *document, const char *path, const char *reason, const char *rest)
{
	const char *got;
	struct node *node = document_find(document, path, &got);

	assert_non_null(node);
	assert_string_equal(got, rest);
	node_refuse(node, reason);
}

static void
test_text(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	assert_text(make(arena),
	    "bgp: {\n\tpeers: (\n" PEER("a", "", "},") PEER("b", "", "},")
		PEER("c", "", "}") "\t);\n};\n");
	arena_free(arena);
}

/* No comma may stand after the last object that is there. */
static void
test_refused_object(void **state)
{
	struct arena *arena = arena_new();
	struct node *document = make(arena);
	const char *rest;

	(void)state;
	refuse(document, "bgp.peers[2]", "why", "");
	assert_text(document,
	    "bgp: {\n\tpeers: (\n" PEER("a", "", "},") PEER(
		"b", "", "}") "\t\t# Not converted, C: why\n" PEER("c", "#", "},") "\t);\n};\n");
	/* The first that is left is number 0. */
	refuse(document, "bgp.peers[0].missing", "why", "missing");
	refuse(document, "bgp.peers[0].name", "why", "");
	assert_text(document,
	    "bgp: {\n\tpeers: (\n\t\t# Not converted, A: why\n" PEER(
		"a", "#", "},") "\t\t# Not converted, B: name: why\n" PEER("b", "#",
		"},") "\t\t# Not converted, C: why\n" PEER("c", "#", "},") "\t);\n};\n");
	assert_null(document_find(document, "bgp.peers[0]", &rest));
	assert_null(document_find(document, "bgp.other", &rest));
	assert_null(document_find(document, "", &rest));
	arena_free(arena);
}

/* What goes with a part of an object. */
static void
test_refused_parts(void **state)
{
	static const struct {
		const char *path;
		bool object;
	} cases[] = {{"bgp.peers[1].port", false}, {"bgp.peers[1].name", true},
	    {"bgp.peers[1].password", true}, {"bgp.peers[1].nodes", true},
	    {"bgp.peers[1].nodes[0]", false}, {"bgp.peers[1].nodes[7]", true},
	    {"bgp.peers[1].hints[0]", false}, {"bgp.peers[1].hints", false},
	    {"bgp.peers[1].communities[1]", true}};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena *arena = arena_new();
		struct node *document = make(arena), *object;
		const char *rest;

		object = document_find(document, "bgp.peers[1]", &rest);
		node_refuse(document_find(document, cases[i].path, &rest), "why");
		assert_row(i, cases[i].path, node_is_refused(object) == cases[i].object);
		arena_free(arena);
	}
}

/* The second of two items takes what the first did not. */
static void
test_last_item(void **state)
{
	struct arena *arena = arena_new();
	struct node *document = make(arena), *object;
	const char *rest;

	(void)state;
	object = document_find(document, "bgp.peers[0]", &rest);
	refuse(document, "bgp.peers[0].nodes[0]", "\"x\": why", "");
	assert_false(node_is_refused(object));
	refuse(document, "bgp.peers[0].nodes[0]", "\"y\": why", "");
	assert_true(node_is_refused(object));
	arena_free(arena);
}

static void
test_secret_is_not_shown(void **state)
{
	struct arena *arena = arena_new();
	struct node *document = make(arena);
	struct strbuf text = {0};

	(void)state;
	refuse(document, "bgp.peers[1].password", "too long", "");
	refuse(document, "bgp.peers[0]", "why", "");
	refuse(document, "bgp.peers[0]", "why", "");
	document_print(document, &text);
	assert_non_null(strstr(text.text, "# Left out, password: too long"));
	strbuf_free(&text);
	arena_free(arena);
}

static void
test_cap(void **state)
{
	struct arena *arena = arena_new();
	struct node *list = node_objects(document_new(arena), "pools", 2);

	(void)state;
	assert_false(node_is_refused(node_object(list, "1")));
	assert_false(node_is_refused(node_object(list, "2")));
	assert_true(node_is_refused(node_object(list, "3")));
	assert_int_equal(node_count(list), 2);
	arena_free(arena);
}

/* Whatever a name holds, it stays inside of its string or comment. */
static void
test_foreign_bytes(void **state)
{
	struct arena *arena = arena_new();
	struct node *document = document_new(arena), *group = node_group(document, "g");

	(void)state;
	node_comment(group, "%s", "a\n@include \"x\"\r\x1b[31m\xff");
	node_string(group, "k", "a\"b\\c\n\x7f\xc3\xa9", REFUSE_KEY);
	node_number(group, "n", 2147483647, REFUSE_KEY);
	node_number(group, "m", 2147483648u, REFUSE_KEY);
	assert_text(document,
	    "g: {\n"
	    "\t# a\\x0a@include \"x\"\\x0d\\x1b[31m\\xff\n"
	    "\tk = \"a\\\"b\\\\c\\x0a\\x7f\\xc3\\xa9\";\n"
	    "\tn = 2147483647;\n\tm = 2147483648L;\n};\n");
	arena_free(arena);
}

static void
test_objects_by_line(void **state)
{
	struct arena *arena = arena_new();
	struct node *document = make(arena);
	struct strbuf text = {0};

	(void)state;
	document_print(document, &text);
	assert_null(document_object(document, 2));
	assert_string_equal(node_origin(document_object(document, 3)), "A");
	assert_string_equal(node_origin(document_object(document, 10)), "A");
	assert_string_equal(node_origin(document_object(document, 11)), "B");
	assert_null(document_object(document, 27));
	strbuf_free(&text);
	arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_text),
	    cmocka_unit_test(test_refused_object),
	    cmocka_unit_test(test_refused_parts),
	    cmocka_unit_test(test_last_item),
	    cmocka_unit_test(test_secret_is_not_shown),
	    cmocka_unit_test(test_cap),
	    cmocka_unit_test(test_foreign_bytes),
	    cmocka_unit_test(test_objects_by_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
