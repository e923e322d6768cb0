#include "convert/label_selector.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "convert/source.h"
#include "util/mem.h"
#include "util/str.h"

#define MAX_REQUIREMENTS SELECTOR_MAX_REQUIREMENTS
#define QUOTED_MAX 64

struct builder {
	struct arena *arena;
	const char *requirements[MAX_REQUIREMENTS];
	size_t n;
	/* The In that needs several selectors. */
	const char *long_key;
	struct string_list long_values;
};

static const char *
wrong(struct builder *b, const char *what, const char *text)
{
	struct strbuf sb = {0};
	const char *reason;

	strbuf_add_quoted(&sb, text ? text : "", QUOTED_MAX);
	reason = arena_printf(b->arena, "%s \"%s\"", what, strbuf_text(&sb));
	strbuf_free(&sb);
	return reason;
}

/* The same thing twice is no mistake here: matchLabels and matchExpressions may say the same. */
static const char *
add_requirement(struct builder *b, const char *text)
{
	size_t i;

	for (i = 0; i < b->n; i++)
		if (str_eq(b->requirements[i], text))
			return NULL;
	if (b->n == MAX_REQUIREMENTS)
		return "more requirements than metallb.conf allows in a selector";
	b->requirements[b->n++] = text;
	return NULL;
}

/* Keys and values end where the grammar says: what could not be read back the same is refused at
 * once. */
static bool
is_plain(const char *text)
{
	return text && !text[strcspn(text, " \t\r\n,()=!")];
}

static int
cmp_text(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

/* Sorted, none twice. */
static const char *
read_values(struct builder *b, struct json_object *array, struct string_list *ret)
{
	size_t n, i;

	if (!json_object_is_type(array, json_type_array))
		return "values is not a list";
	n = json_object_array_length(array);
	ret->items = arena_alloc(b->arena, n, sizeof(*ret->items));
	for (i = 0; i < n; i++) {
		ret->items[i] = source_text(json_object_array_get_idx(array, i));
		if (!is_plain(ret->items[i]))
			return "a value that no label has";
	}
	qsort(ret->items, n, sizeof(*ret->items), cmp_text);
	for (i = 0; i < n; i++)
		if (!i || !str_eq(ret->items[i], ret->items[i - 1]))
			ret->items[ret->count++] = ret->items[i];
	return NULL;
}

/* KEY=VALUE, or KEY in (VALUE, ...), of n values. */
static const char *
set_text(struct arena *arena, const char *key, bool in, const char *const *values, size_t n)
{
	struct strbuf sb = {0};
	const char *text;
	size_t i;

	if (n == 1) {
		strbuf_printf(&sb, "%s%s%s", key, in ? "=" : "!=", values[0]);
	} else {
		strbuf_printf(&sb, "%s %s (", key, in ? "in" : "notin");
		for (i = 0; i < n; i++)
			strbuf_printf(&sb, "%s%s", i ? ", " : "", values[i]);
		strbuf_addc(&sb, ')');
	}
	text = arena_strdup(arena, strbuf_text(&sb));
	strbuf_free(&sb);
	return text;
}

static const char *
add_set(struct builder *b, const char *key, bool in, struct json_object *array)
{
	struct string_list values = {0};
	const char *reason = read_values(b, array, &values);
	size_t i, n;

	if (reason)
		return reason;
	if (!values.count)
		return "an operator In or NotIn without values";
	if (in && values.count > SELECTOR_MAX_VALUES) {
		if (b->long_key)
			return "two lists of more values than metallb.conf allows";
		b->long_key = key;
		b->long_values = values;
		return NULL;
	}
	/* Not in any of two lists is in neither of them: as many as it takes. */
	for (i = 0; !reason && i < values.count; i += n) {
		n = values.count - i < SELECTOR_MAX_VALUES ? values.count - i : SELECTOR_MAX_VALUES;
		reason = add_requirement(b, set_text(b->arena, key, in, values.items + i, n));
	}
	return reason;
}

static const char *
add_expression(struct builder *b, struct json_object *expression)
{
	struct json_object *key = NULL, *operator= NULL, *values = NULL;
	const char *name, *op;

	if (!json_object_is_type(expression, json_type_object))
		return "an expression is not an object";
	(void)json_object_object_get_ex(expression, "key", &key);
	(void)json_object_object_get_ex(expression, "operator", &operator);
	(void)json_object_object_get_ex(expression, "values", &values);
	name = source_text(key);
	op = source_text(operator);
	if (!name || !*name || !is_plain(name))
		return wrong(b, "an expression with the key", name);
	if (!op)
		return "an expression without an operator";
	if (str_eq(op, "In"))
		return add_set(b, name, true, values);
	if (str_eq(op, "NotIn"))
		return add_set(b, name, false, values);
	if (str_eq(op, "Exists"))
		return add_requirement(b, arena_strdup(b->arena, name));
	if (str_eq(op, "DoesNotExist"))
		return add_requirement(b, arena_printf(b->arena, "!%s", name));
	return wrong(b, "unknown operator", op);
}

static const char *
add_labels(struct builder *b, struct json_object *labels)
{
	struct json_object_iterator it, end;
	const char *key, *value, *reason = NULL;

	if (!json_object_is_type(labels, json_type_object))
		return "matchLabels is not an object";
	end = json_object_iter_end(labels);
	for (it = json_object_iter_begin(labels); !reason && !json_object_iter_equal(&it, &end);
	     json_object_iter_next(&it)) {
		key = json_object_iter_peek_name(&it);
		value = source_text(json_object_iter_peek_value(&it));
		if (!is_plain(key) || !*key)
			reason = wrong(b, "a label with the key", key);
		else if (!is_plain(value))
			reason = wrong(b, "no value for the label", key);
		else
			reason = add_requirement(b, arena_printf(b->arena, "%s=%s", key, value));
	}
	return reason;
}

static const char *
add_expressions(struct builder *b, struct json_object *array)
{
	const char *reason = NULL;
	size_t i;

	if (!json_object_is_type(array, json_type_array))
		return "matchExpressions is not a list";
	for (i = 0; !reason && i < json_object_array_length(array); i++)
		reason = add_expression(b, json_object_array_get_idx(array, i));
	return reason;
}

static const char *
join(struct builder *b, const char *last)
{
	struct strbuf sb = {0};
	const char *text;
	size_t i;

	for (i = 0; i < b->n; i++)
		strbuf_printf(&sb, "%s%s", i ? ", " : "", b->requirements[i]);
	if (last)
		strbuf_printf(&sb, "%s%s", b->n ? ", " : "", last);
	text = arena_strdup(b->arena, strbuf_text(&sb));
	strbuf_free(&sb);
	return text;
}

static void
finish(struct builder *b, struct string_list *ret)
{
	size_t i, n;

	ret->count = 0;
	ret->items = arena_alloc(
	    b->arena, b->long_values.count / SELECTOR_MAX_VALUES + 1, sizeof(*ret->items));
	if (!b->long_key)
		ret->items[ret->count++] = join(b, NULL);
	for (i = 0; i < b->long_values.count; i += n) {
		n = b->long_values.count - i;
		if (n > SELECTOR_MAX_VALUES)
			n = SELECTOR_MAX_VALUES;
		ret->items[ret->count++] = join(
		    b, set_text(b->arena, b->long_key, true, b->long_values.items + i, n));
	}
}

const char *
label_selector_convert(
    struct arena *arena, struct json_object *selector, struct string_list *ret_texts)
{
	struct builder b = {.arena = arena};
	struct json_object_iterator it, end;
	const char *reason = NULL;

	if (!json_object_is_type(selector, json_type_object))
		return "not a label selector";
	end = json_object_iter_end(selector);
	for (it = json_object_iter_begin(selector); !reason && !json_object_iter_equal(&it, &end);
	     json_object_iter_next(&it)) {
		const char *key = json_object_iter_peek_name(&it);
		struct json_object *value = json_object_iter_peek_value(&it);

		if (!value)
			continue;
		if (str_eq(key, "matchLabels") || str_eq(key, "match-labels"))
			reason = add_labels(&b, value);
		else if (str_eq(key, "matchExpressions") || str_eq(key, "match-expressions"))
			reason = add_expressions(&b, value);
		else
			reason = wrong(&b, "a label selector with the member", key);
	}
	if (!reason)
		finish(&b, ret_texts);
	return reason;
}
