/* Helpers of the tests of src/kube: objects from text and from tests/unit/kube/ (answers of a real
 * kube-apiserver 1.20.2). */
#ifndef TESTS_UNIT_TEST_KUBE_H
#define TESTS_UNIT_TEST_KUBE_H

#include "test.h"

#include <json-c/json.h>
#include <stdlib.h>

#include "kube/json.h"
#include "util/mem.h"
#include "util/str.h"

static inline char *
kube_test_file(const char *name, size_t *ret_len)
{
	const char *srcdir = getenv("top_srcdir");
	char *path = xasprintf("%s/tests/unit/kube/%s", srcdir ? srcdir : ".", name);
	char *text = xcalloc(1 << 20, 1);
	FILE *f = fopen(path, "rb");

	assert_non_null(f);
	*ret_len = fread(text, 1, (1 << 20) - 1, f);
	(void)fclose(f);
	free(path);
	return text;
}

static inline struct json_object *
kube_test_parse(const char *text)
{
	struct json_object *object = json_tokener_parse(text);

	assert_non_null(object);
	return object;
}

static inline struct json_object *
kube_test_load(const char *name)
{
	struct json_object *object;
	size_t len;
	char *text = kube_test_file(name, &len);

	assert_int_equal(kube_json_parse(text, len, 1 << 20, &object), KUBE_OK);
	free(text);
	return object;
}

/* Puts `json` ("" removes) at `path` of `root`: names and array indices with '|' between. */
static inline void
kube_test_set(struct json_object *root, const char *path, const char *json)
{
	char *copy = xstrdup(path), *save, *part = strtok_r(copy, "|", &save), *next;
	struct json_object *at = root, *value = NULL;

	if (*json && !str_eq(json, "null"))
		value = kube_test_parse(json);
	while ((next = strtok_r(NULL, "|", &save))) {
		if (json_object_is_type(at, json_type_array))
			at = json_object_array_get_idx(at, strtoul(part, NULL, 10));
		else
			at = json_object_object_get(at, part);
		assert_non_null(at);
		part = next;
	}
	if (json_object_is_type(at, json_type_array))
		json_object_array_put_idx(at, strtoul(part, NULL, 10), value);
	else if (!*json)
		json_object_object_del(at, part);
	else
		json_object_object_add(at, part, value);
	free(copy);
}

/* "[ITEM,ITEM,...]" or, with braces, "{...}" of `count` items made by `format` from 0..count-1. */
static inline char *
kube_test_repeat(
    const char *open, const char *before, const char *after, size_t count, const char *close)
{
	struct strbuf sb = {0};
	size_t i;

	strbuf_add(&sb, open);
	for (i = 0; i < count; i++)
		strbuf_printf(&sb, "%s%s%zu%s", i ? "," : "", before, i, after);
	strbuf_add(&sb, close);
	return strbuf_detach(&sb);
}

static inline char *
kube_test_long(size_t len)
{
	struct strbuf sb = {0};

	strbuf_addc(&sb, '"');
	while (sb.len <= len)
		strbuf_addc(&sb, 'x');
	strbuf_addc(&sb, '"');
	return strbuf_detach(&sb);
}

#endif
