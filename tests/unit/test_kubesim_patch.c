#include "test.h"

#include "obj.h"
#include "patch.h"

enum kind {
	MERGE,
	STRATEGIC,
	JSON,
};

struct row {
	const char *what;
	enum kind kind;
	enum patch_result result;
	const char *doc, *patch, *after;
};

static struct json_object *
parse(const char *text)
{
	const char *why = NULL;
	struct json_object *obj = obj_parse(text, strlen(text), &why);

	if (why != NULL)
		fail_msg("%s: %s", text, why);
	return obj;
}

#define PORTS "{\"spec\":{\"ports\":[{\"port\":1,\"name\":\"a\"},{\"port\":2,\"name\":\"b\"}]}}"

static const struct row rows[] = {
    /* RFC 7386, the examples of its appendix A that have an object as document and patch */
    {"change", MERGE, PATCH_OK, "{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
    {"add", MERGE, PATCH_OK, "{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
    {"remove", MERGE, PATCH_OK, "{\"a\":\"b\"}", "{\"a\":null}", "{}"},
    {"remove one", MERGE, PATCH_OK, "{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
    {"list by value", MERGE, PATCH_OK, "{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
    {"value by list", MERGE, PATCH_OK, "{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
    {"nested", MERGE, PATCH_OK, "{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}",
	"{\"a\":{\"b\":\"d\"}}"},
    {"list is replaced", MERGE, PATCH_OK, "{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
    {"null in the document", MERGE, PATCH_OK, "{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
    {"nulls of a new object", MERGE, PATCH_OK, "{}", "{\"a\":{\"bb\":{\"ccc\":null}}}",
	"{\"a\":{\"bb\":{}}}"},
    {"no object", MERGE, PATCH_NOT_AN_OBJECT, "{}", "[]", NULL},

    {"ports by port", STRATEGIC, PATCH_OK, PORTS,
	"{\"spec\":{\"ports\":[{\"port\":2,\"name\":\"c\"}]}}",
	"{\"spec\":{\"ports\":[{\"port\":1,\"name\":\"a\"},{\"port\":2,\"name\":\"c\"}]}}"},
    {"a new port goes first", STRATEGIC, PATCH_OK, PORTS, "{\"spec\":{\"ports\":[{\"port\":3}]}}",
	"{\"spec\":{\"ports\":[{\"port\":3},{\"port\":1,\"name\":\"a\"},{\"port\":2,\"name\":\"b\"}]}}"},
    {"delete a port", STRATEGIC, PATCH_OK, PORTS,
	"{\"spec\":{\"ports\":[{\"port\":1,\"$patch\":\"delete\"}]}}",
	"{\"spec\":{\"ports\":[{\"port\":2,\"name\":\"b\"}]}}"},
    {"delete what is not there", STRATEGIC, PATCH_OK, "{\"spec\":{\"ports\":[{\"port\":1}]}}",
	"{\"spec\":{\"ports\":[{\"port\":9,\"$patch\":\"delete\"}]}}",
	"{\"spec\":{\"ports\":[{\"port\":1}]}}"},
    {"replace the list", STRATEGIC, PATCH_OK, PORTS,
	"{\"spec\":{\"ports\":[{\"$patch\":\"replace\"},{\"port\":7}]}}",
	"{\"spec\":{\"ports\":[{\"port\":7}]}}"},
    {"order", STRATEGIC, PATCH_OK, PORTS,
	"{\"spec\":{\"$setElementOrder/ports\":[{\"port\":2},{\"port\":1}],\"ports\":[{\"port\":1,\"name\":\"z\"}]}}",
	"{\"spec\":{\"ports\":[{\"port\":2,\"name\":\"b\"},{\"port\":1,\"name\":\"z\"}]}}"},
    {"order alone", STRATEGIC, PATCH_OK, PORTS,
	"{\"spec\":{\"$setElementOrder/ports\":[{\"port\":2},{\"port\":1}]}}",
	"{\"spec\":{\"ports\":[{\"port\":2,\"name\":\"b\"},{\"port\":1,\"name\":\"a\"}]}}"},
    {"conditions by type", STRATEGIC, PATCH_OK,
	"{\"status\":{\"conditions\":[{\"type\":\"A\",\"status\":\"True\"}]}}",
	"{\"status\":{\"conditions\":[{\"type\":\"A\",\"status\":\"False\"}]}}",
	"{\"status\":{\"conditions\":[{\"type\":\"A\",\"status\":\"False\"}]}}"},
    {"ingress is atomic", STRATEGIC, PATCH_OK,
	"{\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"x\"}]}}}",
	"{\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"y\"}]}}}",
	"{\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"y\"}]}}}"},
    {"finalizers are a set", STRATEGIC, PATCH_OK, "{\"metadata\":{\"finalizers\":[\"a\",\"b\"]}}",
	"{\"metadata\":{\"finalizers\":[\"b\",\"c\"]}}",
	"{\"metadata\":{\"finalizers\":[\"a\",\"b\",\"c\"]}}"},
    {"a finalizer goes", STRATEGIC, PATCH_OK, "{\"metadata\":{\"finalizers\":[\"a\",\"b\"]}}",
	"{\"metadata\":{\"$deleteFromPrimitiveList/finalizers\":[\"a\"]}}",
	"{\"metadata\":{\"finalizers\":[\"b\"]}}"},
    {"clusterIPs are atomic", STRATEGIC, PATCH_OK, "{\"spec\":{\"clusterIPs\":[\"a\",\"b\"]}}",
	"{\"spec\":{\"clusterIPs\":[\"a\"]}}", "{\"spec\":{\"clusterIPs\":[\"a\"]}}"},
    {"object replaced", STRATEGIC, PATCH_OK, "{\"spec\":{\"selector\":{\"a\":\"b\"}}}",
	"{\"spec\":{\"selector\":{\"$patch\":\"replace\",\"c\":\"d\"}}}",
	"{\"spec\":{\"selector\":{\"c\":\"d\"}}}"},
    {"keys retained", STRATEGIC, PATCH_OK, "{\"spec\":{\"type\":\"x\",\"clusterIP\":\"y\"}}",
	"{\"spec\":{\"$retainKeys\":[\"type\"],\"type\":\"z\"}}", "{\"spec\":{\"type\":\"z\"}}"},
    {"null removes", STRATEGIC, PATCH_OK, "{\"spec\":{\"type\":\"x\"}}",
	"{\"spec\":{\"type\":null}}", "{\"spec\":{}}"},
    {"no merge key", STRATEGIC, PATCH_NO_MERGE_KEY, PORTS,
	"{\"spec\":{\"ports\":[{\"name\":\"x\"}]}}", NULL},
    {"unknown directive", STRATEGIC, PATCH_BAD_DIRECTIVE, PORTS, "{\"spec\":{\"$patch\":\"burn\"}}",
	NULL},
    {"no object", STRATEGIC, PATCH_NOT_AN_OBJECT, "{}", "1", NULL},

    /* RFC 6902, after the examples of its appendix A */
    {"add a member", JSON, PATCH_OK, "{\"foo\":\"bar\"}",
	"[{\"op\":\"add\",\"path\":\"/baz\",\"value\":\"qux\"}]",
	"{\"foo\":\"bar\",\"baz\":\"qux\"}"},
    {"add an element", JSON, PATCH_OK, "{\"foo\":[\"bar\",\"baz\"]}",
	"[{\"op\":\"add\",\"path\":\"/foo/1\",\"value\":\"qux\"}]",
	"{\"foo\":[\"bar\",\"qux\",\"baz\"]}"},
    {"append", JSON, PATCH_OK, "{\"foo\":[1]}",
	"[{\"op\":\"add\",\"path\":\"/foo/-\",\"value\":[2]}]", "{\"foo\":[1,[2]]}"},
    {"remove a member", JSON, PATCH_OK, "{\"a\":1,\"b\":2}",
	"[{\"op\":\"remove\",\"path\":\"/a\"}]", "{\"b\":2}"},
    {"remove an element", JSON, PATCH_OK, "{\"a\":[1,2,3]}",
	"[{\"op\":\"remove\",\"path\":\"/a/1\"}]", "{\"a\":[1,3]}"},
    {"replace", JSON, PATCH_OK, "{\"a\":[1,2]}",
	"[{\"op\":\"replace\",\"path\":\"/a/0\",\"value\":9}]", "{\"a\":[9,2]}"},
    {"move", JSON, PATCH_OK, "{\"a\":{\"x\":1},\"b\":{}}",
	"[{\"op\":\"move\",\"from\":\"/a/x\",\"path\":\"/b/y\"}]", "{\"a\":{},\"b\":{\"y\":1}}"},
    {"move in a list", JSON, PATCH_OK, "{\"a\":[1,2,3]}",
	"[{\"op\":\"move\",\"from\":\"/a/0\",\"path\":\"/a/2\"}]", "{\"a\":[2,3,1]}"},
    {"copy", JSON, PATCH_OK, "{\"a\":{\"x\":1}}",
	"[{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/b\"}]", "{\"a\":{\"x\":1},\"b\":{\"x\":1}}"},
    {"test holds", JSON, PATCH_OK, "{\"a\":[1]}",
	"[{\"op\":\"test\",\"path\":\"/a\",\"value\":[1]}]", "{\"a\":[1]}"},
    {"test fails", JSON, PATCH_TEST_FAILED, "{\"a\":1}",
	"[{\"op\":\"test\",\"path\":\"/a\",\"value\":2}]", NULL},
    {"a missing value is null", JSON, PATCH_OK, "{\"a\":1}",
	"[{\"op\":\"test\",\"path\":\"/b\",\"value\":null}]", "{\"a\":1}"},
    {"escapes", JSON, PATCH_OK, "{\"a/b\":1,\"m~n\":2}",
	"[{\"op\":\"remove\",\"path\":\"/a~1b\"},{\"op\":\"replace\",\"path\":\"/m~0n\",\"value\":3}]",
	"{\"m~n\":3}"},
    {"no parent", JSON, PATCH_NO_SUCH_PATH, "{}",
	"[{\"op\":\"add\",\"path\":\"/a/b\",\"value\":1}]", NULL},
    {"past the end", JSON, PATCH_NO_SUCH_PATH, "{\"a\":[1]}",
	"[{\"op\":\"add\",\"path\":\"/a/2\",\"value\":1}]", NULL},
    {"leading zero", JSON, PATCH_NO_SUCH_PATH, "{\"a\":[1,2]}",
	"[{\"op\":\"remove\",\"path\":\"/a/01\"}]", NULL},
    {"remove nothing", JSON, PATCH_NO_SUCH_PATH, "{\"a\":1}",
	"[{\"op\":\"remove\",\"path\":\"/b\"}]", NULL},
    {"remove past the end", JSON, PATCH_NO_SUCH_PATH, "{\"a\":[1]}",
	"[{\"op\":\"remove\",\"path\":\"/a/-\"}]", NULL},
    {"into a number", JSON, PATCH_NO_SUCH_PATH, "{\"a\":1}",
	"[{\"op\":\"add\",\"path\":\"/a/b\",\"value\":1}]", NULL},
    {"unknown operation", JSON, PATCH_BAD_OPERATION, "{}", "[{\"op\":\"burn\",\"path\":\"/a\"}]",
	NULL},
    {"no value", JSON, PATCH_BAD_OPERATION, "{}", "[{\"op\":\"add\",\"path\":\"/a\"}]", NULL},
    {"no path", JSON, PATCH_BAD_OPERATION, "{}", "[{\"op\":\"remove\"}]", NULL},
    {"no pointer", JSON, PATCH_BAD_OPERATION, "{}", "[{\"op\":\"remove\",\"path\":\"a\"}]", NULL},
    {"no from", JSON, PATCH_BAD_OPERATION, "{}", "[{\"op\":\"move\",\"path\":\"/a\"}]", NULL},
    {"no list", JSON, PATCH_NOT_A_LIST, "{}", "{\"op\":\"add\"}", NULL},
    {"no operation", JSON, PATCH_NOT_A_LIST, "{}", "[1]", NULL},
};

static enum patch_result
apply(enum kind kind, struct json_object *doc, struct json_object *patch)
{
	switch (kind) {
	case MERGE:
		return patch_merge(doc, patch);
	case STRATEGIC:
		return patch_strategic(doc, patch, &schema_service);
	case JSON:
		break;
	}
	return patch_json(doc, patch);
}

static void
test_row(void **state)
{
	const struct row *row = *state;
	struct json_object *doc = parse(row->doc), *patch = parse(row->patch),
			   *before = parse(row->patch);

	assert_string_equal(
	    patch_result_str(apply(row->kind, doc, patch)), patch_result_str(row->result));
	if (row->after != NULL)
		assert_string_equal(obj_text(doc), row->after);
	/* the patch itself is never changed, nor shared with the document */
	assert_string_equal(obj_text(patch), obj_text(before));
	json_object_put(patch);
	json_object_put(before);
	json_object_put(doc);
}

int
main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(rows)];
	char names[ARRAY_SIZE(rows)][64];
	static const char *const kinds[] = {"merge", "strategic", "json"};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(names[i], sizeof(names[i]), "%s: %s", kinds[rows[i].kind], rows[i].what);
		tests[i] = (struct CMUnitTest){.name = names[i],
		    .test_func = test_row,
		    .initial_state = (void *)(uintptr_t)&rows[i]};
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
