#include "convert/fields.h"

#include <json-c/json.h>
#include <string.h>

#include "convert/label_selector.h"
#include "model/settings.h"
#include "util/mem.h"
#include "util/mono.h"
#include "util/str.h"

#define QUOTED_MAX 100

/* As the source spells it. */
static const char *
spelling(const struct resource *resource, const struct field *field)
{
	return resource->old && field->key ? field->key : field->name;
}

static bool
is_known(const struct resource *resource, const struct field *table, size_t n, const char *name)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (str_eq(spelling(resource, &table[i]), name))
			return true;
	return false;
}

static void
comment_unknown(const struct fields *f, const struct field *table, size_t n)
{
	struct json_object_iterator it, end;
	const char *name;

	end = json_object_iter_end(f->spec);
	for (it = json_object_iter_begin(f->spec); !json_object_iter_equal(&it, &end);
	     json_object_iter_next(&it)) {
		name = json_object_iter_peek_name(&it);
		if (!is_known(f->resource, table, n, name))
			node_comment(f->out, "Left out, %.*s: metallb-convert does not know it",
			    QUOTED_MAX, name);
	}
}

void
fields_convert(struct convert *c, const struct resource *resource, struct json_object *spec,
    struct node *out, const struct field *table, size_t n)
{
	struct fields f = {.c = c, .resource = resource, .spec = spec, .out = out};
	struct json_object *value;
	size_t i;

	if (!spec)
		return;
	for (i = 0; i < n; i++) {
		value = member(spec, spelling(resource, &table[i]));
		if (value)
			table[i].convert(&f, &table[i], spelling(resource, &table[i]), value);
	}
	comment_unknown(&f, table, n);
}

void
field_wrong(struct fields *f, const struct field *field, const char *name, const char *what)
{
	node_refuse_key(f->out, name, field->refusal, what);
}

void
field_string(
    struct fields *f, const struct field *field, const char *name, struct json_object *value)
{
	const char *text = source_text(value);

	if (!text)
		field_wrong(f, field, name, "not a string");
	else if (*text)
		node_string(f->out, field->key, text, field->refusal);
}

void
field_number(
    struct fields *f, const struct field *field, const char *name, struct json_object *value)
{
	int64_t number = json_object_get_int64(value);

	if (!json_object_is_type(value, json_type_int))
		field_wrong(f, field, name, "not a whole number");
	else if (number < 0 || number > UINT32_MAX)
		field_wrong(f, field, name, "not between 0 and 4294967295");
	else if (number || !field->zero_is_none)
		node_number(f->out, field->key, (uint32_t)number, field->refusal);
}

void
field_bool(struct fields *f, const struct field *field, const char *name, struct json_object *value)
{
	if (json_object_is_type(value, json_type_boolean))
		node_bool(f->out, field->key, json_object_get_boolean(value), field->refusal);
	else
		field_wrong(f, field, name, "neither true nor false");
}

bool
field_parse_duration(const char *text, int64_t *ret_usec)
{
	static const struct {
		const char *name;
		double usec;
	} units[] = {{"ms", 1e3}, {"us", 1}, {"\xc2\xb5s", 1}, {"ns", 1e-3}, {"h", 3600e6},
	    {"m", 60e6}, {"s", 1e6}};
	double number, scale, total = 0;
	size_t i, digits;

	text += *text == '+';
	if (str_eq(text, "0")) {
		*ret_usec = 0;
		return true;
	}
	do {
		number = 0;
		scale = 1;
		digits = 0;
		for (; *text >= '0' && *text <= '9'; text++, digits++)
			number = number * 10 + (*text - '0');
		if (*text == '.')
			for (text++; *text >= '0' && *text <= '9'; text++, digits++)
				number += (*text - '0') * (scale /= 10);
		for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
			if (str_has_prefix(text, units[i].name))
				break;
		if (!digits || i == sizeof(units) / sizeof(units[0]))
			return false;
		total += number * units[i].usec;
		text += strlen(units[i].name);
	} while (*text);
	/* Go's limit is 292 years; a thousandth of it is enough here. */
	if (!(total < 1e16))
		return false;
	*ret_usec = (int64_t)(total + 0.5);
	return true;
}

void
field_seconds(
    struct fields *f, const struct field *field, const char *name, struct json_object *value)
{
	const char *text = source_text(value);
	char formatted[24];
	int64_t usec;

	if (!text || !field_parse_duration(text, &usec)) {
		field_wrong(f, field, name, "not a duration such as 90s");
		return;
	}
	if (usec % USEC_PER_SEC)
		node_comment(f->out, "%s was %s; it counts whole seconds", name, text);
	str_format_duration(usec / USEC_PER_SEC * USEC_PER_SEC, formatted, sizeof(formatted));
	node_string(f->out, field->key, formatted, field->refusal);
}

void
field_milliseconds(
    struct fields *f, const struct field *field, const char *name, struct json_object *value)
{
	int64_t number = json_object_get_int64(value);
	char formatted[24];

	if (!json_object_is_type(value, json_type_int) || number < 0 || number > UINT32_MAX) {
		field_wrong(f, field, name, "not a number of milliseconds");
		return;
	}
	str_format_duration(number * USEC_PER_MSEC, formatted, sizeof(formatted));
	node_string(f->out, field->key, formatted, field->refusal);
}

bool
field_is_list(
    struct fields *f, const struct field *field, const char *name, struct json_object *value)
{
	if (!json_object_is_type(value, json_type_array))
		field_wrong(f, field, name, "not a list");
	else if (json_object_array_length(value) > SETTINGS_MAX_LIST)
		field_wrong(f, field, name, "a longer list than metallb.conf may hold");
	else
		return true;
	return false;
}

void
field_strings(
    struct fields *f, const struct field *field, const char *name, struct json_object *value)
{
	struct node *list;
	size_t i, n;

	if (!field_is_list(f, field, name, value))
		return;
	n = json_object_array_length(value);
	list = n ? node_list(f->out, field->key, field->refusal) : NULL;
	for (i = 0; i < n; i++) {
		const char *text = source_text(json_object_array_get_idx(value, i));
		struct node *item = node_item(list, text);

		/* Marked after all are there: the last good one decides about the list. */
		if (!text)
			node_refuse_item(item, "not a string");
		else if (text[strcspn(text, "*?[")])
			node_refuse_item(item, "MetalLB knows no globs, so it never matched");
	}
	if (list)
		node_settle(list);
}

void
field_add_selectors(struct node *list, struct fields *f, struct json_object *array)
{
	struct string_list texts;
	const char *reason;
	size_t i, j;

	for (i = 0; i < json_object_array_length(array); i++) {
		reason = label_selector_convert(
		    f->c->arena, json_object_array_get_idx(array, i), &texts);
		if (reason)
			node_refuse_item(node_item(list, NULL), reason);
		for (j = 0; !reason && j < texts.count; j++)
			node_item(list, texts.items[j]);
	}
	node_settle(list);
}

void
field_selectors(
    struct fields *f, const struct field *field, const char *name, struct json_object *value)
{
	if (field_is_list(f, field, name, value) && json_object_array_length(value))
		field_add_selectors(node_list(f->out, field->key, field->refusal), f, value);
}

void
field_nothing(
    struct fields *f, const struct field *field, const char *name, struct json_object *value)
{
	(void)f, (void)field, (void)name, (void)value;
}
