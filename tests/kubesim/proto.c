#include "proto.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "obj.h"

enum {
	PROTO_DEPTH_MAX = 16
};

struct cursor {
	const uint8_t *at, *end;
};

/* One field of a message. */
struct item {
	unsigned int number, wire;
	uint64_t value;      /* varint and fixed */
	struct cursor bytes; /* length-delimited */
};

static bool
read_varint(struct cursor *c, uint64_t *ret_value)
{
	uint64_t value = 0;

	for (unsigned int shift = 0; shift < 64 && c->at < c->end; shift += 7) {
		uint8_t byte = *c->at++;

		value |= (uint64_t)(byte & 0x7f) << shift;
		if ((byte & 0x80) == 0) {
			*ret_value = value;
			return true;
		}
	}
	return false;
}

/* false at the end, and with *ret_bad on malformed bytes. */
static bool
next_item(struct cursor *c, struct item *item, bool *ret_bad)
{
	uint64_t tag, n;

	if (c->at == c->end)
		return false;
	*ret_bad = true;
	if (!read_varint(c, &tag) || tag >> 3 == 0 || tag >> 3 > 100000)
		return false;
	*item = (struct item){.number = (unsigned int)(tag >> 3), .wire = tag & 7};
	switch (item->wire) {
	case 0:
		if (!read_varint(c, &item->value))
			return false;
		break;
	case 1:
	case 5:
		n = item->wire == 1 ? 8 : 4;
		if ((size_t)(c->end - c->at) < n)
			return false;
		c->at += n;
		break;
	case 2:
		if (!read_varint(c, &n) || n > (size_t)(c->end - c->at))
			return false;
		item->bytes = (struct cursor){c->at, c->at + n};
		c->at += n;
		break;
	default:
		return false;
	}
	*ret_bad = false;
	return true;
}

static struct json_object *
text(struct cursor c)
{
	return json_object_new_string_len((const char *)c.at, (int)(c.end - c.at));
}

/* A map's entry: key 1, value 2. */
static bool
decode_entry(struct cursor c, struct json_object *map)
{
	struct json_object *key = NULL, *value = NULL;
	struct item item;
	bool bad = false;

	while (next_item(&c, &item, &bad)) {
		if (item.wire != 2 || item.number > 2)
			continue;
		json_object_put(item.number == 1 ? key : value);
		*(item.number == 1 ? &key : &value) = text(item.bytes);
	}
	if (key != NULL)
		json_object_object_add(map, json_object_get_string(key),
		    value != NULL ? value : json_object_new_string(""));
	else
		json_object_put(value);
	json_object_put(key);
	return !bad;
}

/* IntOrString {type 1, intVal 2, strVal 3}, Time {seconds 1}: the numbers by field, and the string.
 */
static struct json_object *
decode_small(struct cursor c, enum field_type type, bool *ret_bad)
{
	uint64_t numbers[4] = {0};
	struct json_object *string = NULL;
	struct item item;
	char buf[32];

	while (next_item(&c, &item, ret_bad)) {
		if (item.number > 3)
			continue;
		numbers[item.number] = item.value;
		if (item.wire == 2 && string == NULL)
			string = text(item.bytes);
	}
	if (type == FIELD_INT_OR_STRING && numbers[1] == 1)
		return string;
	json_object_put(string);
	if (type == FIELD_INT_OR_STRING)
		return json_object_new_int64((int32_t)numbers[2]);
	if (numbers[1] == 0)
		return NULL;
	obj_time(buf, sizeof(buf), (time_t)numbers[1]);
	return json_object_new_string(buf);
}

static bool
decode_message(const struct schema *schema, struct cursor c, int depth, struct json_object *out);

/* The list or map that the field collects into. */
static struct json_object *
collection(struct json_object *out, const struct field *field)
{
	struct json_object *list = obj_get(out, field->name);

	if (list == NULL) {
		list = field->type == FIELD_STRING_MAP ? json_object_new_object()
						       : json_object_new_array();
		obj_set(out, field->name, list);
	}
	return list;
}

static bool
decode_field(const struct field *field, const struct item *item, int depth, struct json_object *out)
{
	struct json_object *below;
	bool bad = false;

	switch (field->type) {
	case FIELD_INT32:
	case FIELD_INT64:
		obj_set(out, field->name, json_object_new_int64((int64_t)item->value));
		return item->wire == 0;
	case FIELD_BOOL:
		obj_set(out, field->name, json_object_new_boolean(item->value != 0));
		return item->wire == 0;
	case FIELD_STRING:
		obj_set(out, field->name, text(item->bytes));
		break;
	case FIELD_STRING_LIST:
		json_object_array_add(collection(out, field), text(item->bytes));
		break;
	case FIELD_STRING_MAP:
		return item->wire == 2 && decode_entry(item->bytes, collection(out, field));
	case FIELD_INT_OR_STRING:
	case FIELD_TIME:
		obj_set(out, field->name, decode_small(item->bytes, field->type, &bad));
		break;
	case FIELD_OBJECT:
	case FIELD_OBJECT_LIST:
		below = json_object_new_object();
		if (field->type == FIELD_OBJECT)
			obj_set(out, field->name, below);
		else
			json_object_array_add(collection(out, field), below);
		return item->wire == 2 &&
		    decode_message(field->schema, item->bytes, depth + 1, below);
	case FIELD_MICROTIME:
	case FIELD_ANY:
	case FIELD_TYPE_COUNT:
		break;
	}
	return item->wire == 2 && !bad;
}

static bool
decode_message(const struct schema *schema, struct cursor c, int depth, struct json_object *out)
{
	struct item item;
	bool bad = false;

	if (depth > PROTO_DEPTH_MAX)
		return false;
	while (next_item(&c, &item, &bad)) {
		for (const struct field *f = schema->fields; f->name != NULL; f++) {
			if (f->number != item.number)
				continue;
			if (!decode_field(f, &item, depth, out))
				return false;
			break;
		}
	}
	return !bad;
}

/* TypeMeta {apiVersion 1, kind 2} */
static bool
decode_type(struct cursor c, struct json_object *out)
{
	struct item item;
	bool bad = false;

	while (next_item(&c, &item, &bad))
		if (item.wire == 2 && item.number <= 2)
			obj_set(out, item.number == 1 ? "apiVersion" : "kind", text(item.bytes));
	return !bad;
}

struct json_object *
proto_decode(const struct schema *schema, const void *data, size_t len)
{
	static const char magic[] = {'k', '8', 's', 0};
	const uint8_t *bytes = data;
	struct cursor c = {bytes + sizeof(magic), bytes + len};
	struct json_object *out;
	struct item item;
	bool bad = false, ok = true;

	if (len < sizeof(magic) || memcmp(data, magic, sizeof(magic)) != 0)
		return NULL;
	out = json_object_new_object();
	/* runtime.Unknown {typeMeta 1, raw 2} */
	while (ok && next_item(&c, &item, &bad)) {
		if (item.number == 1)
			ok = item.wire == 2 && decode_type(item.bytes, out);
		else if (item.number == 2)
			ok = item.wire == 2 && decode_message(schema, item.bytes, 0, out);
	}
	if (ok && !bad)
		return out;
	json_object_put(out);
	return NULL;
}
