#include "patch.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "obj.h"

static const char SET_ORDER[] = "$setElementOrder/";
static const char DELETE_PRIMITIVE[] = "$deleteFromPrimitiveList/";

const char *
patch_result_str(enum patch_result result)
{
	static const char *const names[] = {
	    [PATCH_OK] = "ok",
	    [PATCH_NOT_AN_OBJECT] = "the patch is not an object",
	    [PATCH_NOT_A_LIST] = "the patch is not a list of operations",
	    [PATCH_BAD_OPERATION] = "bad operation",
	    [PATCH_NO_SUCH_PATH] = "no such path",
	    [PATCH_TEST_FAILED] = "test failed",
	    [PATCH_BAD_DIRECTIVE] = "bad directive",
	    [PATCH_NO_MERGE_KEY] = "a list element does not contain its declared merge key",
	};
	static_assert(sizeof(names) / sizeof(names[0]) == PATCH_RESULT_COUNT, "a name per result");

	return names[result];
}

static void
merge_into(struct json_object *doc, struct json_object *patch)
{
	json_object_object_foreach (patch, key, value) {
		struct json_object *old = NULL;

		if (value == NULL) {
			json_object_object_del(doc, key);
			continue;
		}
		if (!json_object_is_type(value, json_type_object)) {
			json_object_object_add(doc, key, obj_copy(value));
			continue;
		}
		json_object_object_get_ex(doc, key, &old);
		if (!json_object_is_type(old, json_type_object)) {
			old = json_object_new_object();
			json_object_object_add(doc, key, old);
		}
		merge_into(old, value);
	}
}

enum patch_result
patch_merge(struct json_object *doc, struct json_object *patch)
{
	if (!json_object_is_type(patch, json_type_object))
		return PATCH_NOT_AN_OBJECT;
	merge_into(doc, patch);
	return PATCH_OK;
}

/* Strategic merge. */

static bool
is_directive(const char *key)
{
	return strcmp(key, "$patch") == 0 || strcmp(key, "$retainKeys") == 0 ||
	    strncmp(key, SET_ORDER, strlen(SET_ORDER)) == 0 ||
	    strncmp(key, DELETE_PRIMITIVE, strlen(DELETE_PRIMITIVE)) == 0;
}

static struct json_object *
without_directives(struct json_object *value)
{
	struct json_object *copy = obj_copy(value);

	if (!json_object_is_type(copy, json_type_object))
		return copy;
	json_object_object_foreach (value, key, unused) {
		if (is_directive(key) || unused == NULL)
			json_object_object_del(copy, key);
	}
	return copy;
}

/* Do two list elements have the same identity? key NULL: they are their own identity. */
static bool
same_element(struct json_object *a, struct json_object *b, const char *key)
{
	if (key == NULL)
		return json_object_equal(a, b) != 0;
	return obj_get(a, key) != NULL && json_object_equal(obj_get(a, key), obj_get(b, key)) != 0;
}

static long
list_index(struct json_object *list, struct json_object *element, const char *key)
{
	size_t n = list != NULL ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < n; i++)
		if (same_element(json_object_array_get_idx(list, i), element, key))
			return (long)i;
	return -1;
}

/*
 * The order of the result: what the patch names comes in the patch's order, what only the server
 * had is kept where the server's old order puts it before a named one, else it follows.
 */
static struct json_object *
ordered(struct json_object *merged, struct json_object *order, struct json_object *server,
    const char *key)
{
	struct json_object *left = json_object_new_array(), *right = json_object_new_array();
	struct json_object *out = json_object_new_array();
	size_t i = 0, j = 0, nleft, nright;

	for (size_t k = 0; k < json_object_array_length(order); k++) {
		long at = list_index(merged, json_object_array_get_idx(order, k), key);

		if (at >= 0)
			json_object_array_add(
			    right, json_object_get(json_object_array_get_idx(merged, (size_t)at)));
	}
	for (size_t k = 0; k < json_object_array_length(merged); k++) {
		struct json_object *element = json_object_array_get_idx(merged, k);

		if (list_index(order, element, key) < 0)
			json_object_array_add(left, json_object_get(element));
	}
	nleft = json_object_array_length(left);
	nright = json_object_array_length(right);
	while (i < nleft || j < nright) {
		struct json_object *l = i < nleft ? json_object_array_get_idx(left, i) : NULL;
		struct json_object *r = j < nright ? json_object_array_get_idx(right, j) : NULL;
		long li = l != NULL ? list_index(server, l, key) : -1;
		long ri = r != NULL ? list_index(server, r, key) : -1;
		bool take_left = r == NULL || (l != NULL && li >= 0 && ri >= 0 && li < ri);

		json_object_array_add(out, json_object_get(take_left ? l : r));
		take_left ? i++ : j++;
	}
	json_object_put(left);
	json_object_put(right);
	return out;
}

static enum patch_result
strategic_object(struct json_object *doc, struct json_object *patch, const struct schema *schema);

/* One element of the patch's list into the merged list. */
static enum patch_result
strategic_element(
    struct json_object *merged, struct json_object *element, const struct field *field)
{
	const char *directive = obj_str(element, "$patch");
	long at;

	if (obj_get(element, field->merge_key) == NULL)
		return PATCH_NO_MERGE_KEY;
	at = list_index(merged, element, field->merge_key);
	if (strcmp(directive, "delete") == 0) {
		if (at >= 0)
			json_object_array_del_idx(merged, (size_t)at, 1);
		return PATCH_OK;
	}
	if (at < 0) {
		json_object_array_add(merged, without_directives(element));
		return PATCH_OK;
	}
	if (strcmp(directive, "replace") == 0) {
		json_object_array_put_idx(merged, (size_t)at, without_directives(element));
		return PATCH_OK;
	}
	return strategic_object(
	    json_object_array_get_idx(merged, (size_t)at), element, field->schema);
}

/* A list whose patch has an element {"$patch": "replace"} is replaced by the other elements. */
static bool
replaces_list(struct json_object *patch)
{
	for (size_t i = 0; i < json_object_array_length(patch); i++) {
		struct json_object *element = json_object_array_get_idx(patch, i);

		if (strcmp(obj_str(element, "$patch"), "replace") == 0 &&
		    json_object_object_length(element) == 1)
			return true;
	}
	return false;
}

static struct json_object *
replacement_list(struct json_object *patch)
{
	struct json_object *out = json_object_new_array();

	for (size_t i = 0; i < json_object_array_length(patch); i++) {
		struct json_object *element = json_object_array_get_idx(patch, i);

		if (strcmp(obj_str(element, "$patch"), "replace") != 0)
			json_object_array_add(out, obj_copy(element));
	}
	return out;
}

static enum patch_result
strategic_list(struct json_object *doc, const char *name, struct json_object *patch,
    const struct field *field, struct json_object *order)
{
	struct json_object *server = NULL, *merged;
	bool strings = field->type == FIELD_STRING_LIST;
	enum patch_result result = PATCH_OK;

	if (replaces_list(patch)) {
		json_object_object_add(doc, name, replacement_list(patch));
		return PATCH_OK;
	}
	json_object_object_get_ex(doc, name, &server);
	if (!json_object_is_type(server, json_type_array))
		server = NULL;
	merged = server != NULL ? obj_copy(server) : json_object_new_array();
	for (size_t i = 0; i < json_object_array_length(patch) && result == PATCH_OK; i++) {
		struct json_object *element = json_object_array_get_idx(patch, i);

		if (!strings)
			result = strategic_element(merged, element, field);
		else if (list_index(merged, element, NULL) < 0)
			json_object_array_add(merged, json_object_get(element));
	}
	if (result == PATCH_OK)
		json_object_object_add(doc, name,
		    ordered(merged, order != NULL ? order : patch, server,
			strings ? NULL : field->merge_key));
	json_object_put(merged);
	return result;
}

static void
delete_primitives(struct json_object *doc, const char *name, struct json_object *values)
{
	struct json_object *list = NULL;

	if (!json_object_is_type(values, json_type_array) ||
	    !json_object_object_get_ex(doc, name, &list) ||
	    !json_object_is_type(list, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(values); i++) {
		long at;

		while ((at = list_index(list, json_object_array_get_idx(values, i), NULL)) >= 0)
			json_object_array_del_idx(list, (size_t)at, 1);
	}
}

/* $retainKeys: fields of the document that are not named go. */
static void
retain_keys(struct json_object *doc, struct json_object *keys)
{
	struct json_object *before;

	if (!json_object_is_type(keys, json_type_array))
		return;
	before = obj_copy(doc);
	json_object_object_foreach (before, key, unused) {
		struct json_object *name = json_object_new_string(key);

		(void)unused;
		if (list_index(keys, name, NULL) < 0)
			json_object_object_del(doc, key);
		json_object_put(name);
	}
	json_object_put(before);
}

/* The list that $setElementOrder/NAME gives, NULL without one. */
static struct json_object *
element_order(struct json_object *patch, const char *name)
{
	char *key = sim_asprintf("%s%s", SET_ORDER, name);
	struct json_object *order = NULL;

	json_object_object_get_ex(patch, key, &order);
	free(key);
	return json_object_is_type(order, json_type_array) ? order : NULL;
}

static bool
merges_as_list(const struct field *field, struct json_object *value)
{
	return field != NULL && json_object_is_type(value, json_type_array) &&
	    ((field->type == FIELD_OBJECT_LIST && field->merge_key != NULL) ||
		(field->flags & FIELD_MERGE_LIST) != 0);
}

static enum patch_result
strategic_value(struct json_object *doc, const char *key, struct json_object *value,
    const struct field *field, struct json_object *order)
{
	struct json_object *old = NULL;

	if (value == NULL) {
		json_object_object_del(doc, key);
		return PATCH_OK;
	}
	if (merges_as_list(field, value))
		return strategic_list(doc, key, value, field, order);
	if (!json_object_is_type(value, json_type_object)) {
		json_object_object_add(doc, key, obj_copy(value));
		return PATCH_OK;
	}
	json_object_object_get_ex(doc, key, &old);
	if (!json_object_is_type(old, json_type_object)) {
		old = json_object_new_object();
		json_object_object_add(doc, key, old);
	}
	return strategic_object(old, value, field != NULL ? field->schema : NULL);
}

/* $patch: replace or delete at the level of an object. */
static enum patch_result
object_directive(struct json_object *doc, struct json_object *patch, bool *ret_done)
{
	const char *directive = obj_str(patch, "$patch");
	struct json_object *before;

	*ret_done = false;
	if (directive[0] == '\0' || strcmp(directive, "merge") == 0)
		return PATCH_OK;
	*ret_done = true;
	if (strcmp(directive, "replace") != 0 && strcmp(directive, "delete") != 0)
		return PATCH_BAD_DIRECTIVE;
	before = obj_copy(doc);
	json_object_object_foreach (before, key, unused) {
		(void)unused;
		json_object_object_del(doc, key);
	}
	json_object_put(before);
	if (strcmp(directive, "replace") == 0) {
		json_object_object_foreach (patch, name, value) {
			if (!is_directive(name))
				json_object_object_add(doc, name, obj_copy(value));
		}
	}
	return PATCH_OK;
}

static enum patch_result
strategic_object(struct json_object *doc, struct json_object *patch, const struct schema *schema)
{
	struct json_object *retain = NULL;
	enum patch_result result;
	bool done;

	result = object_directive(doc, patch, &done);
	if (done || result != PATCH_OK)
		return result;
	json_object_object_foreach (patch, key, value) {
		if (strncmp(key, DELETE_PRIMITIVE, strlen(DELETE_PRIMITIVE)) == 0)
			delete_primitives(doc, key + strlen(DELETE_PRIMITIVE), value);
		if (is_directive(key))
			continue;
		result = strategic_value(
		    doc, key, value, schema_field(schema, key), element_order(patch, key));
		if (result != PATCH_OK)
			return result;
	}
	if (json_object_object_get_ex(patch, "$retainKeys", &retain))
		retain_keys(doc, retain);
	/* an order alone, without a list of the same name, reorders too */
	json_object_object_foreach (patch, name, order) {
		const char *list = name + strlen(SET_ORDER);
		const struct field *field;
		struct json_object *server = NULL;

		if (strncmp(name, SET_ORDER, strlen(SET_ORDER)) != 0 ||
		    !json_object_is_type(order, json_type_array) ||
		    json_object_object_get_ex(patch, list, NULL))
			continue;
		field = schema_field(schema, list);
		if (field != NULL && json_object_object_get_ex(doc, list, &server) &&
		    json_object_is_type(server, json_type_array))
			json_object_object_add(
			    doc, list, ordered(server, order, server, field->merge_key));
	}
	return PATCH_OK;
}

enum patch_result
patch_strategic(struct json_object *doc, struct json_object *patch, const struct schema *schema)
{
	if (!json_object_is_type(patch, json_type_object))
		return PATCH_NOT_AN_OBJECT;
	return strategic_object(doc, patch, schema);
}

/* JSON patch. */

/* Where a pointer leads: the container, and the name or index in it. */
struct target {
	struct json_object *container;
	char *key;     /* unescaped last part; to free */
	size_t index;  /* in an array */
	bool past_end; /* "-" or one past the last element */
};

/* RFC 6901 3: ~1 is /, ~0 is ~. */
static char *
unescape(const char *s, size_t len)
{
	char *out = sim_calloc(len + 1, 1);
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (s[i] == '~' && i + 1 < len && (s[i + 1] == '0' || s[i + 1] == '1'))
			out[n++] = s[++i] == '0' ? '~' : '/';
		else
			out[n++] = s[i];
	}
	return out;
}

/* RFC 6901 4: digits without leading zeros. */
static bool
array_index(const char *s, size_t *ret_index)
{
	char *end = NULL;

	if (s[0] == '\0' || strspn(s, "0123456789") != strlen(s) || (s[0] == '0' && s[1] != '\0') ||
	    strlen(s) > 6)
		return false;
	*ret_index = strtoul(s, &end, 10);
	return true;
}

static struct json_object *
step(struct json_object *from, const char *key)
{
	struct json_object *next = NULL;
	size_t index;

	if (json_object_is_type(from, json_type_object)) {
		json_object_object_get_ex(from, key, &next);
	} else if (json_object_is_type(from, json_type_array)) {
		if (array_index(key, &index) && index < json_object_array_length(from))
			next = json_object_array_get_idx(from, index);
	}
	return next;
}

static enum patch_result
locate(struct json_object *doc, const char *pointer, struct target *ret)
{
	struct json_object *at = doc;
	size_t n;

	if (pointer == NULL || pointer[0] != '/')
		return PATCH_BAD_OPERATION;
	for (;;) {
		char *key;

		pointer++;
		n = strcspn(pointer, "/");
		key = unescape(pointer, n);
		if (pointer[n] == '\0') {
			*ret = (struct target){.container = at, .key = key};
			break;
		}
		at = step(at, key);
		free(key);
		if (at == NULL)
			return PATCH_NO_SUCH_PATH;
		pointer += n;
	}
	if (json_object_is_type(at, json_type_object))
		return PATCH_OK;
	if (json_object_is_type(at, json_type_array)) {
		n = json_object_array_length(at);
		if (strcmp(ret->key, "-") == 0)
			ret->index = n;
		else if (!array_index(ret->key, &ret->index))
			ret->index = SIZE_MAX;
		ret->past_end = ret->index == n;
		if (ret->index <= n)
			return PATCH_OK;
	}
	free(ret->key);
	return PATCH_NO_SUCH_PATH;
}

static bool
target_exists(const struct target *t)
{
	if (json_object_is_type(t->container, json_type_array))
		return !t->past_end;
	return json_object_object_get_ex(t->container, t->key, NULL) != 0;
}

static struct json_object *
target_value(const struct target *t)
{
	return step(t->container, t->key);
}

static void
target_remove(const struct target *t)
{
	if (json_object_is_type(t->container, json_type_array))
		json_object_array_del_idx(t->container, t->index, 1);
	else
		json_object_object_del(t->container, t->key);
}

/* json-c 0.16 cannot insert into the middle of an array: append, then shift. */
static void
array_insert(struct json_object *list, size_t index, struct json_object *value)
{
	size_t n = json_object_array_length(list);

	json_object_array_add(list, NULL);
	for (size_t i = n; i > index; i--)
		json_object_array_put_idx(
		    list, i, json_object_get(json_object_array_get_idx(list, i - 1)));
	json_object_array_put_idx(list, index, value);
}

/* Takes over value. */
static void
target_add(const struct target *t, struct json_object *value)
{
	if (json_object_is_type(t->container, json_type_array))
		array_insert(t->container, t->index, value);
	else
		json_object_object_add(t->container, t->key, value);
}

static enum patch_result
apply_with_value(const char *op, const struct target *t, struct json_object *value)
{
	bool exists = target_exists(t);

	if (strcmp(op, "add") == 0) {
		target_add(t, obj_copy(value));
	} else if (strcmp(op, "replace") == 0) {
		if (!exists)
			return PATCH_NO_SUCH_PATH;
		if (json_object_is_type(t->container, json_type_array))
			json_object_array_put_idx(t->container, t->index, obj_copy(value));
		else
			json_object_object_add(t->container, t->key, obj_copy(value));
	} else {
		/* test: a missing value is equal to null, as the server's library has it */
		if (!exists ? value != NULL : json_object_equal(target_value(t), value) == 0)
			return PATCH_TEST_FAILED;
	}
	return PATCH_OK;
}

static enum patch_result
apply_from(struct json_object *doc, struct json_object *op, bool move, const char *path)
{
	struct target from, to;
	struct json_object *value;
	enum patch_result result = locate(doc, json_object_get_string(obj_get(op, "from")), &from);

	if (result != PATCH_OK)
		return result;
	if (!target_exists(&from)) {
		free(from.key);
		return PATCH_NO_SUCH_PATH;
	}
	value = obj_copy(target_value(&from));
	if (move)
		target_remove(&from);
	free(from.key);
	result = locate(doc, path, &to);
	if (result != PATCH_OK) {
		json_object_put(value);
		return result;
	}
	target_add(&to, value);
	free(to.key);
	return PATCH_OK;
}

static enum patch_result
apply_operation(struct json_object *doc, struct json_object *op)
{
	const char *name = obj_str(op, "op"), *path = json_object_get_string(obj_get(op, "path"));
	bool needs_value = strcmp(name, "add") == 0 || strcmp(name, "replace") == 0 ||
	    strcmp(name, "test") == 0;
	struct json_object *value = NULL;
	enum patch_result result;
	struct target t;

	if (strcmp(name, "move") == 0 || strcmp(name, "copy") == 0)
		return apply_from(doc, op, strcmp(name, "move") == 0, path);
	if (!needs_value && strcmp(name, "remove") != 0)
		return PATCH_BAD_OPERATION;
	if (needs_value && !json_object_object_get_ex(op, "value", &value))
		return PATCH_BAD_OPERATION;
	result = locate(doc, path, &t);
	if (result != PATCH_OK)
		return result;
	if (needs_value)
		result = apply_with_value(name, &t, value);
	else if (target_exists(&t))
		target_remove(&t);
	else
		result = PATCH_NO_SUCH_PATH;
	free(t.key);
	return result;
}

enum patch_result
patch_json(struct json_object *doc, struct json_object *patch)
{
	if (!json_object_is_type(patch, json_type_array))
		return PATCH_NOT_A_LIST;
	for (size_t i = 0; i < json_object_array_length(patch); i++) {
		struct json_object *op = json_object_array_get_idx(patch, i);
		enum patch_result result = json_object_is_type(op, json_type_object)
		    ? apply_operation(doc, op)
		    : PATCH_NOT_A_LIST;

		if (result != PATCH_OK)
			return result;
	}
	return PATCH_OK;
}
