#include "test_kube.h"

#include "kube/json_cut.h"
#include "kube/list.h"
#include "kube/object.h"

static void
test_getters(void **state)
{
	struct json_object *root = kube_test_parse(
	    "{\"s\":\"x\",\"i\":5,\"d\":5.0,\"b\":true,\"n\":null,"
	    "\"o\":{},\"a\":[\"y\",1,{}],\"z\":\"a\\u0000b\","
	    "\"big\":99999999999999999999}");
	struct json_object *value;
	const char *s = "untouched";
	int64_t i = -1;
	bool b = false;

	(void)state;
	assert_int_equal(kube_json_string(root, "s", &s), KUBE_JSON_FOUND);
	assert_string_equal(s, "x");
	assert_int_equal(kube_json_string(root, "absent", &s), KUBE_JSON_ABSENT);
	assert_int_equal(kube_json_string(root, "n", &s), KUBE_JSON_ABSENT);
	assert_int_equal(kube_json_string(root, "i", &s), KUBE_JSON_WRONG);
	assert_int_equal(kube_json_string(root, "z", &s), KUBE_JSON_WRONG);
	assert_int_equal(kube_json_string(NULL, "s", &s), KUBE_JSON_ABSENT);
	assert_string_equal(s, "x");
	assert_int_equal(kube_json_int(root, "i", 0, 5, &i), KUBE_JSON_FOUND);
	assert_int_equal(i, 5);
	assert_int_equal(kube_json_int(root, "i", 0, 4, &i), KUBE_JSON_WRONG);
	assert_int_equal(kube_json_int(root, "i", 6, 9, &i), KUBE_JSON_WRONG);
	assert_int_equal(kube_json_int(root, "d", 0, 9, &i), KUBE_JSON_WRONG);
	assert_int_equal(kube_json_int(root, "s", 0, 9, &i), KUBE_JSON_WRONG);
	assert_int_equal(kube_json_int(root, "big", 0, INT32_MAX, &i), KUBE_JSON_WRONG);
	assert_int_equal(kube_json_bool(root, "b", &b), KUBE_JSON_FOUND);
	assert_true(b);
	assert_int_equal(kube_json_bool(root, "i", &b), KUBE_JSON_WRONG);
	assert_int_equal(kube_json_object(root, "o", &value), KUBE_JSON_FOUND);
	assert_int_equal(kube_json_object(root, "a", &value), KUBE_JSON_WRONG);
	assert_int_equal(kube_json_array(root, "o", &value), KUBE_JSON_WRONG);
	assert_int_equal(kube_json_array(root, "a", &value), KUBE_JSON_FOUND);
	/* A member of what is no object is wrong, not absent. */
	assert_int_equal(kube_json_string(value, "s", &s), KUBE_JSON_WRONG);
	assert_int_equal(kube_json_length(value), 3);
	assert_int_equal(kube_json_length(root), 0);
	assert_int_equal(kube_json_element_string(value, 0, &s), KUBE_JSON_FOUND);
	assert_string_equal(s, "y");
	assert_int_equal(kube_json_element_string(value, 1, &s), KUBE_JSON_WRONG);
	assert_int_equal(kube_json_element_string(value, 3, &s), KUBE_JSON_ABSENT);
	assert_string_equal(kube_json_string_or(root, "i", "else"), "else");
	json_object_put(root);
}

static const struct {
	const char *name, *text;
	enum kube_cause cause;
} texts[] = {
    {"object", "{}", KUBE_OK},
    {"white space around", " \n{\"a\":1}\r\n\t ", KUBE_OK},
    {"nothing", "", KUBE_BAD_JSON},
    {"white space", "  ", KUBE_BAD_JSON},
    {"array", "[]", KUBE_NOT_AN_OBJECT},
    {"string", "\"x\"", KUBE_NOT_AN_OBJECT},
    {"null", "null ", KUBE_NOT_AN_OBJECT},
    {"cut off", "{\"a\":1", KUBE_BAD_JSON},
    {"cut in a string", "{\"a\":\"x", KUBE_BAD_JSON},
    {"two objects", "{}{}", KUBE_BAD_JSON},
    {"rubbish after", "{} x", KUBE_BAD_JSON},
    {"single quotes", "{\"a\":'x'}", KUBE_BAD_JSON},
    {"trailing comma", "{\"a\":1,}", KUBE_BAD_JSON},
    {"comment", "{/* x */}", KUBE_BAD_JSON},
    {"no colon", "{\"a\" 1}", KUBE_BAD_JSON},
    {"control character", "{\"a\":\"x\x1by\"}", KUBE_BAD_JSON},
    {"bad UTF-8", "{\"a\":\"\xff\"}", KUBE_BAD_JSON},
    {"overlong UTF-8", "{\"a\":\"\xc0\xaf\"}", KUBE_BAD_JSON},
    {"UTF-8", "{\"a\":\"\xc3\xa4\"}", KUBE_OK},
    {"UTF-8 after a backslash", "{\"a\":\"\\\xc3\xa4\"}", KUBE_BAD_JSON},
    {"UTF-8 after an escaped backslash", "{\"a\":\"\\\\\xc3\xa4\"}", KUBE_OK},
    {"UTF-8 outside of strings", "{\"a\":\xc3\xa4}", KUBE_BAD_JSON},
    {"UTF-8 cut off", "{\"a\":\"\xe2\x82", KUBE_BAD_JSON},
    {"lone surrogate", "{\"a\":\"\\ud800\"}", KUBE_OK},
    {"too long", "{\"a\":\"0123456789012345678901234567890123456789\"}", KUBE_TOO_LARGE},
};

static void
test_parse(void **state)
{
	struct json_object *object;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		enum kube_cause cause = kube_json_parse(
		    texts[i].text, strlen(texts[i].text), 40, &object);

		assert_row(i, texts[i].name, cause == texts[i].cause);
		if (!cause)
			json_object_put(object);
	}
	assert_int_equal(kube_json_parse("{\"a\":\0 1}", 9, 40, &object), KUBE_BAD_JSON);
}

/* The first and the last character of each length, plain and escaped, in values and keys. */
static void
test_characters(void **state)
{
	static const char *const characters[] = {
	    "\x7f",
	    "\xc2\x80",
	    "\xdf\xbf",
	    "\xe0\xa0\x80",
	    "\xe2\x82\xac",
	    "\xed\x9f\xbf",
	    "\xee\x80\x80",
	    "\xef\xbf\xbf",
	    "\xf0\x90\x80\x80",
	    "\xf0\x9f\x98\x80",
	    "\xf4\x8f\xbf\xbf",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(characters); i++) {
		const char *c = characters[i];
		struct json_object *object;
		char text[64], key[16], value[16];

		(void)snprintf(key, sizeof(key), "k%s", c);
		(void)snprintf(value, sizeof(value), "\\%s\"%sx", c, c);
		(void)snprintf(text, sizeof(text), "{\"%s\":\"\\\\%s\\\"%sx\"}", key, c, c);
		assert_int_equal(kube_json_parse(text, strlen(text), 64, &object), KUBE_OK);
		assert_string_equal(kube_json_string_or(object, key, "?"), value);
		json_object_put(object);
	}
}

static void
test_depth(void **state)
{
	struct strbuf sb = {0};
	struct json_object *object;
	int depth, i;

	(void)state;
	for (depth = 62; depth < 70; depth++) {
		enum kube_cause cause;

		strbuf_clear(&sb);
		strbuf_add(&sb, "{\"a\":");
		for (i = 0; i < depth; i++)
			strbuf_addc(&sb, '[');
		for (i = 0; i < depth; i++)
			strbuf_addc(&sb, ']');
		strbuf_addc(&sb, '}');
		cause = kube_json_parse(sb.text, sb.len, sb.len, &object);
		assert_row(depth, "depth",
		    cause == (depth + 1 > KUBE_JSON_MAX_DEPTH ? KUBE_BAD_JSON : KUBE_OK));
		if (!cause)
			json_object_put(object);
	}
	strbuf_free(&sb);
}

static void
test_clean(void **state)
{
	static const struct {
		const char *in, *out;
		size_t max;
	} rows[] = {
	    {"plain", "plain", 99},
	    {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 99},
	    {"a\xff"
	     "b",
		"a?b", 99},
	    {"\xc3", "?", 99},
	    {"\xe2\x82", "??", 99},
	    {"\xed\xa0\x80", "???", 99},
	    {"\xf4\x90\x80\x80", "????", 99},
	    {"\xc0\x80", "??", 99},
	    {"ab\xc3\xa4", "ab", 3},
	    {"ab\xc3\xa4", "ab\xc3\xa4", 4},
	    {"abc", "", 0},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct strbuf sb = {0};

		kube_json_clean(&sb, rows[i].in, rows[i].max);
		assert_row(i, rows[i].in, str_eq(strbuf_text(&sb), rows[i].out));
		strbuf_free(&sb);
	}
}

static void
test_build(void **state)
{
	struct json_object *root = json_object_new_object();
	char *text;

	(void)state;
	kube_json_put_string(root, "q", "\"\\\n/\xff");
	kube_json_put_time(root, "t", INT64_C(1700000000123456));
	kube_json_put_micro_time(root, "m", INT64_C(1700000000123456));
	kube_json_put_null(root, "n");
	kube_json_put_bool(root, "b", true);
	kube_json_put_int(kube_json_append_object(kube_json_put_array(root, "a")), "i", -1);
	text = kube_json_detach(root);
	assert_string_equal(text,
	    "{\"q\":\"\\\"\\\\\\n/?\",\"t\":\"2023-11-14T22:13:20Z\","
	    "\"m\":\"2023-11-14T22:13:20.123456Z\",\"n\":null,\"b\":true,\"a\":[{\"i\":-1}]}");
	free(text);
}

static void
test_object_id(void **state)
{
	static const struct {
		const char *text;
		enum kube_cause cause;
		const char *key;
	} rows[] = {
	    {"{\"metadata\":{\"name\":\"a\",\"namespace\":\"b\"}}", KUBE_OK, "b/a"},
	    {"{\"metadata\":{\"name\":\"a.b-c\"}}", KUBE_OK, "a.b-c"},
	    {"{}", KUBE_NO_NAME, ""},
	    {"{\"metadata\":[]}", KUBE_BAD_METADATA, ""},
	    {"{\"metadata\":{}}", KUBE_NO_NAME, ""},
	    {"{\"metadata\":{\"name\":7}}", KUBE_BAD_METADATA, ""},
	    {"{\"metadata\":{\"name\":\"\"}}", KUBE_NO_NAME, ""},
	    {"{\"metadata\":{\"name\":\"A\"}}", KUBE_BAD_NAME, ""},
	    {"{\"metadata\":{\"name\":\"-a\"}}", KUBE_BAD_NAME, ""},
	    {"{\"metadata\":{\"name\":\"a.\"}}", KUBE_BAD_NAME, ""},
	    {"{\"metadata\":{\"name\":\"../x\"}}", KUBE_BAD_NAME, ""},
	    {"{\"metadata\":{\"name\":\"a\\nb\"}}", KUBE_BAD_NAME, ""},
	    {"{\"metadata\":{\"name\":\"a\",\"namespace\":\"b.c\"}}", KUBE_BAD_NAME, ""},
	    {"{\"metadata\":{\"name\":\"a\",\"uid\":1}}", KUBE_BAD_METADATA, ""},
	    {"{\"metadata\":{\"name\":\"a\",\"uid\":\"x y\"}}", KUBE_BAD_METADATA, ""},
	    {"{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"\\u0001\"}}", KUBE_BAD_METADATA,
		""},
	};
	char key[KUBE_OBJECT_MAX_KEY + 1], *text;
	struct kube_object_id id;
	struct json_object *object;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		object = kube_test_parse(rows[i].text);
		assert_row(i, rows[i].text, kube_object_id(object, &id) == rows[i].cause);
		if (!rows[i].cause) {
			kube_object_key(&id, key);
			assert_string_equal(key, rows[i].key);
		}
		json_object_put(object);
	}
	for (i = 253; i <= 254; i++) {
		char *name = kube_test_long(i);

		text = xasprintf("{\"metadata\":{\"name\":%s}}", name);
		object = kube_test_parse(text);
		assert_int_equal(kube_object_id(object, &id), i == 253 ? KUBE_OK : KUBE_BAD_NAME);
		json_object_put(object);
		free(text);
		free(name);
	}
	assert_int_equal(kube_object_id(NULL, &id), KUBE_NOT_AN_OBJECT);
}

struct seen {
	size_t n, bad;
	char names[256];
};

static void
on_item(void *arg, enum kube_cause cause, struct json_object *item)
{
	struct kube_object_id id;
	struct seen *seen = arg;

	seen->n++;
	if (cause || kube_object_id(item, &id)) {
		seen->bad++;
		return;
	}
	(void)str_copy(seen->names + strlen(seen->names), 64, id.name);
	(void)str_copy(seen->names + strlen(seen->names), 64, " ");
}

static const struct {
	const char *name, *text;
	enum kube_cause cause; /* of feeding, else of finishing */
	size_t n, bad;
	const char *continue_token;
} lists[] = {
    {"empty", "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[]}", KUBE_OK, 0, 0, ""},
    {"null", "{\"items\":null,\"metadata\":{\"resourceVersion\":\"1\"}}", KUBE_OK, 0, 0, ""},
    {"items first",
	"{\"items\" : [ {\"metadata\":{\"name\":\"a\"}} , {\"metadata\":{\"name\":\"b\"}} ],"
	"\"metadata\":{\"resourceVersion\":\"1\",\"continue\":\"t\"}}",
	KUBE_OK, 2, 0, "t"},
    {"brackets in strings",
	"{\"metadata\":{\"resourceVersion\":\"1\",\"x\":\"]}\\\"\"},\"items\":[{\"metadata\":{"
	"\"name\":\"a\",\"y\":\"\\\"]}[{\"}}]}",
	KUBE_OK, 1, 0, ""},
    {"items elsewhere", "{\"metadata\":{\"resourceVersion\":\"1\",\"items\":[{}]},\"items\":[]}",
	KUBE_OK, 0, 0, ""},
    {"items as a value",
	"{\"a\":\"items\",\"b\":[1],\"metadata\":{\"resourceVersion\":\"1\"},"
	"\"items\":[]}",
	KUBE_OK, 0, 0, ""},
    {"unreadable item",
	"{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[{]},{\"metadata\":{"
	"\"name\":\"b\"}}]}",
	KUBE_BAD_JSON, 1, 1, ""},
    {"item that is no JSON",
	"{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[{x},{\"metadata\":{"
	"\"name\":\"b\"}}]}",
	KUBE_OK, 2, 1, ""},
    {"no comma", "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[{}{}]}", KUBE_BAD_JSON, 1, 1,
	""},
    {"comma first", "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[,{}]}", KUBE_BAD_JSON, 0,
	0, ""},
    {"comma last", "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[{},]}", KUBE_BAD_JSON, 1,
	1, ""},
    {"item a string", "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[\"x\"]}", KUBE_BAD_JSON,
	0, 0, ""},
    {"cut in items", "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[{}", KUBE_BAD_JSON, 1, 1,
	""},
    {"cut in an item", "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[{", KUBE_BAD_JSON, 0,
	0, ""},
    {"cut after items", "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[]", KUBE_BAD_JSON, 0,
	0, ""},
    {"rubbish after", "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[]}x", KUBE_BAD_JSON, 0,
	0, ""},
    {"no items", "{\"metadata\":{\"resourceVersion\":\"1\"}}", KUBE_BAD_JSON, 0, 0, ""},
    {"items an object", "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":{}}", KUBE_BAD_JSON, 0,
	0, ""},
    {"no version", "{\"metadata\":{},\"items\":[]}", KUBE_BAD_METADATA, 0, 0, ""},
    {"no metadata", "{\"items\":[]}", KUBE_BAD_METADATA, 0, 0, ""},
    {"version a number", "{\"metadata\":{\"resourceVersion\":1},\"items\":[]}", KUBE_BAD_METADATA,
	0, 0, ""},
    {"token a number", "{\"metadata\":{\"resourceVersion\":\"1\",\"continue\":2},\"items\":[]}",
	KUBE_BAD_METADATA, 0, 0, ""},
    {"closed too often", "{}}", KUBE_BAD_JSON, 0, 0, ""},
    {"an array", "[]", KUBE_NOT_AN_OBJECT, 0, 0, ""},
};

static void
test_list(void **state)
{
	size_t i, j, step;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(lists); i++) {
		for (step = 1; step < 100; step += 7) {
			struct seen seen = {0};
			struct kube_list *list = kube_list_new(on_item, &seen);
			struct kube_list_meta meta;
			enum kube_cause cause = KUBE_OK;
			size_t len = strlen(lists[i].text);

			for (j = 0; j < len && !cause; j += step)
				cause = kube_list_feed(
				    list, lists[i].text + j, len - j < step ? len - j : step);
			if (!cause)
				cause = kube_list_finish(list, &meta);
			assert_row(i, lists[i].name, cause == lists[i].cause);
			assert_row(i, lists[i].name, seen.n == lists[i].n);
			assert_row(i, lists[i].name, seen.bad == lists[i].bad);
			if (!cause)
				assert_string_equal(meta.continue_token, lists[i].continue_token);
			kube_list_free(list);
		}
	}
}

static void
test_list_real(void **state)
{
	struct seen seen = {0};
	struct kube_list *list = kube_list_new(on_item, &seen);
	struct kube_list_meta meta;
	size_t len, i;
	char *text = kube_test_file("service-list.json", &len);

	(void)state;
	assert_int_equal(kube_list_feed(list, text, len), KUBE_OK);
	assert_int_equal(kube_list_finish(list, &meta), KUBE_OK);
	assert_string_equal(meta.resource_version, "198");
	assert_string_equal(seen.names, "kubernetes web ");
	kube_list_free(list);
	/* No truncation is a list; the last byte is a newline. */
	for (i = 0; i + 1 < len; i++) {
		list = kube_list_new(on_item, &(struct seen){0});
		if (!kube_list_feed(list, text, i))
			assert_int_not_equal(kube_list_finish(list, &meta), KUBE_OK);
		kube_list_free(list);
	}
	free(text);
}

static void
test_list_caps(void **state)
{
	static const char head[] = "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[{\"a\":\"";
	static const char tail[] = "\"},{\"metadata\":{\"name\":\"b\"}}]}";
	static char block[KUBE_LIST_MAX_ENVELOPE];
	struct seen seen = {0};
	struct kube_list *list = kube_list_new(on_item, &seen);
	struct kube_list_meta meta;
	size_t i;

	(void)state;
	memset(block, 'x', sizeof(block));
	/* The envelope. */
	assert_int_equal(kube_list_feed(list, "{\"", 2), KUBE_OK);
	assert_int_equal(kube_list_feed(list, block, sizeof(block)), KUBE_TOO_LARGE);
	assert_int_equal(kube_list_feed(list, "a", 1), KUBE_TOO_LARGE);
	assert_int_equal(kube_list_finish(list, &meta), KUBE_TOO_LARGE);
	kube_list_free(list);
	/* One item: skipped, its neighbours are not, the memory stays bounded. */
	list = kube_list_new(on_item, &seen);
	assert_int_equal(kube_list_feed(list, head, strlen(head)), KUBE_OK);
	for (i = 0; i < 100; i++) {
		assert_int_equal(kube_list_feed(list, block, sizeof(block)), KUBE_OK);
		assert_true(kube_list_buffered(list) <=
		    KUBE_JSON_MAX_OBJECT_BYTES + KUBE_LIST_MAX_ENVELOPE);
	}
	assert_int_equal(kube_list_feed(list, tail, strlen(tail)), KUBE_OK);
	assert_int_equal(kube_list_finish(list, &meta), KUBE_OK);
	assert_int_equal(seen.n, 2);
	assert_int_equal(seen.bad, 1);
	kube_list_free(list);
}

static const struct {
	const char *name, *text, *cut; /* NULL: nothing to cut */
} cuts[] = {
    {"none", "{\"a\":1}", NULL},
    {"empty text", "", NULL},
    {"one", "{\"managedFields\":[{\"f\":{}}],\"b\":1}", "{\"managedFields\":[],\"b\":1}"},
    {"empty", "{\"managedFields\":[]}", "{\"managedFields\":[]}"},
    {"white space", "{\"managedFields\" :\n [ 1 ] }", "{\"managedFields\" :\n [] }"},
    {"two", "[{\"managedFields\":[1]},{\"managedFields\":[[2],{}]},3]",
	"[{\"managedFields\":[]},{\"managedFields\":[]},3]"},
    {"brackets in strings", "{\"managedFields\":[\"]\",\"\\\"]\",\"\\\\\"],\"b\":[]}",
	"{\"managedFields\":[],\"b\":[]}"},
    {"no array", "{\"managedFields\":\"[1]\"}", NULL},
    {"object", "{\"managedFields\":{\"a\":[1]}}", NULL},
    {"a value", "{\"a\":\"managedFields\",\"b\":[1]}", NULL},
    {"in a string", "{\"a\":\"\\\"managedFields\\\":[1]\"}", NULL},
    {"another name", "{\"managedFieldsX\":[1],\"xmanagedFields\":[1]}", NULL},
    {"cut off", "{\"managedFields\":[1,[2]", NULL},
    {"cut in a string", "{\"managedFields\":[\"]", NULL},
    {"cut after a backslash", "{\"managedFields\":[\"\\", NULL},
    {"cut after the colon", "{\"managedFields\":", NULL},
    {"cut after the name", "{\"managedFields\"", NULL},
    {"wrong bracket", "{\"managedFields\":[}", NULL},
    {"the second is cut off", "{\"managedFields\":[1],\"managedFields\":[2",
	"{\"managedFields\":[],\"managedFields\":[2"},
};

static void
test_cut(void **state)
{
	struct json_object *object;
	const char *text = "{\"x\":1,\"managedFields\":[\"\xff\x01\"],\"y\":\"z\"}";
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cuts); i++) {
		struct strbuf sb = {0};
		bool cut = kube_json_cut(&sb, cuts[i].text, strlen(cuts[i].text));

		assert_row(i, cuts[i].name, cut == (cuts[i].cut != NULL));
		assert_row(
		    i, cuts[i].name, str_eq(strbuf_text(&sb), cuts[i].cut ? cuts[i].cut : ""));
		strbuf_free(&sb);
	}
	/* What nobody reads is not judged, and what is read comes out as it was. */
	assert_int_equal(kube_json_parse(text, strlen(text), 100, &object), KUBE_OK);
	assert_string_equal(kube_json_string_or(object, "y", "?"), "z");
	json_object_put(object);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_getters),
	    cmocka_unit_test(test_parse),
	    cmocka_unit_test(test_characters),
	    cmocka_unit_test(test_cut),
	    cmocka_unit_test(test_depth),
	    cmocka_unit_test(test_clean),
	    cmocka_unit_test(test_build),
	    cmocka_unit_test(test_object_id),
	    cmocka_unit_test(test_list),
	    cmocka_unit_test(test_list_real),
	    cmocka_unit_test(test_list_caps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
