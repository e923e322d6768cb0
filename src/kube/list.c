/*
 * A scanner over the bytes of {"kind":..,"metadata":{..},"items":[{..},{..}]}: it tracks strings
 * and nesting only. What lies in "items" of the outermost object goes to the item buffer, object by
 * object; all the rest goes to the envelope, where "items" stays as an empty array. Whether the
 * pieces are JSON is json-c's to say.
 */
#include "kube/list.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"
#include "util/str.h"

struct kube_list {
	kube_list_item_fn *item_fn;
	void *arg;
	struct strbuf envelope, item;
	struct json_object *parsed; /* the envelope, for kube_list_meta */
	size_t total_bytes;
	size_t depth; /* of brackets of both kinds, in the whole body */
	bool in_string, escaped;
	bool item_too_large; /* only its end is looked for */
	bool in_items;       /* inside the array "items" of the outermost object */
	bool want_comma;     /* in_items: an item is complete */
	bool after_comma;    /* in_items: an item must follow */
	size_t key_start;    /* envelope: where the last string of depth 1 begins */
	bool key_is_items;   /* that string is "items" and only white space and a colon follow */
	bool seen_colon;
	enum kube_cause cause;
};

struct kube_list *
kube_list_new(kube_list_item_fn *item, void *arg)
{
	struct kube_list *list = xcalloc(1, sizeof(*list));

	list->item_fn = item;
	list->arg = arg;
	return list;
}

void
kube_list_free(struct kube_list *list)
{
	if (!list)
		return;
	json_object_put(list->parsed);
	strbuf_free(&list->envelope);
	strbuf_free(&list->item);
	free(list);
}

size_t
kube_list_buffered(const struct kube_list *list)
{
	return list->envelope.len + list->item.len;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void
item_complete(struct kube_list *list)
{
	struct json_object *object = NULL;
	enum kube_cause cause = KUBE_TOO_LARGE;

	if (!list->item_too_large)
		cause = kube_json_parse(
		    strbuf_text(&list->item), list->item.len, KUBE_JSON_MAX_OBJECT_BYTES, &object);
	strbuf_clear(&list->item);
	/* One huge item must not hold its memory for the rest of the page. */
	if (list->item.cap > KUBE_LIST_MAX_ENVELOPE)
		strbuf_free(&list->item);
	list->item_too_large = false;
	list->item_fn(list->arg, cause, cause ? NULL : object);
	json_object_put(object);
}

/* Inside an item: `depth` counts from 2 (the outermost object and the array). */
static void
feed_item(struct kube_list *list, char c)
{
	if (list->item.len >= KUBE_JSON_MAX_OBJECT_BYTES)
		list->item_too_large = true;
	else
		strbuf_addc(&list->item, c);
	if (list->in_string) {
		if (list->escaped)
			list->escaped = false;
		else if (c == '\\')
			list->escaped = true;
		else if (c == '"')
			list->in_string = false;
		return;
	}
	if (c == '"')
		list->in_string = true;
	else if (c == '{' || c == '[')
		list->depth++;
	else if (c == '}' || c == ']')
		list->depth--;
	if (list->depth == 2) {
		list->want_comma = true;
		item_complete(list);
	}
}

/* Between items: white space, commas, the begin of an object, the end of the array. */
static enum kube_cause
feed_between(struct kube_list *list, char c)
{
	if (is_space(c))
		return KUBE_OK;
	if (c == ',' && list->want_comma) {
		list->want_comma = false;
		list->after_comma = true;
		return KUBE_OK;
	}
	if (c == '{' && !list->want_comma) {
		list->after_comma = false;
		list->depth++;
		strbuf_addc(&list->item, c);
		return KUBE_OK;
	}
	if (c == ']' && !list->after_comma) {
		list->in_items = false;
		list->depth--;
		strbuf_addc(&list->envelope, c);
		return KUBE_OK;
	}
	return KUBE_BAD_JSON;
}

static void
envelope_string(struct kube_list *list, char c)
{
	static const char items[] = "\"items\"";
	struct strbuf *sb = &list->envelope;

	if (list->escaped) {
		list->escaped = false;
	} else if (c == '\\') {
		list->escaped = true;
	} else if (c == '"') {
		list->in_string = false;
		list->key_is_items = list->depth == 1 &&
		    sb->len - list->key_start == sizeof(items) - 1 &&
		    memcmp(sb->text + list->key_start, items, sizeof(items) - 1) == 0;
		list->seen_colon = false;
	}
}

static enum kube_cause
feed_envelope(struct kube_list *list, char c)
{
	if (list->envelope.len >= KUBE_LIST_MAX_ENVELOPE)
		return KUBE_TOO_LARGE;
	strbuf_addc(&list->envelope, c);
	if (list->in_string) {
		envelope_string(list, c);
		return KUBE_OK;
	}
	if (is_space(c))
		return KUBE_OK;
	if (c == ':') {
		list->seen_colon = true;
		return KUBE_OK;
	}
	if (c == '"') {
		list->in_string = true;
		list->key_start = list->envelope.len - 1;
	} else if (c == '[' && list->key_is_items && list->seen_colon) {
		list->in_items = true;
		list->want_comma = list->after_comma = false;
	}
	list->key_is_items = false;
	if (c == '{' || c == '[')
		list->depth++;
	else if ((c == '}' || c == ']') && list->depth-- == 0)
		return KUBE_BAD_JSON;
	return KUBE_OK;
}

static enum kube_cause
feed_byte(struct kube_list *list, char c)
{
	if (!list->in_items)
		return feed_envelope(list, c);
	if (list->depth == 2)
		return feed_between(list, c);
	feed_item(list, c);
	return KUBE_OK;
}

enum kube_cause
kube_list_feed(struct kube_list *list, const void *data, size_t len)
{
	const char *p = data;
	size_t i;

	if (len > KUBE_LIST_MAX_BYTES - list->total_bytes)
		list->cause = KUBE_TOO_LARGE;
	for (i = 0; i < len && !list->cause; i++)
		list->cause = feed_byte(list, p[i]);
	if (!list->cause)
		list->total_bytes += len;
	return list->cause;
}

enum kube_cause
kube_list_finish(struct kube_list *list, struct kube_list_meta *ret_meta)
{
	struct kube_list_meta meta = {"", ""};
	struct json_object *metadata, *items;

	if (!list->cause && list->in_items)
		list->cause = KUBE_BAD_JSON;
	if (!list->cause && !list->parsed)
		list->cause = kube_json_parse(strbuf_text(&list->envelope), list->envelope.len,
		    KUBE_LIST_MAX_ENVELOPE, &list->parsed);
	if (list->cause)
		return list->cause;
	/* An answer without items (a Status, say) is not an empty list; Go writes an empty one as
	 * null too. */
	if (kube_json_array(list->parsed, "items", &items) == KUBE_JSON_WRONG ||
	    !json_object_object_get_ex(list->parsed, "items", &items))
		return list->cause = KUBE_BAD_JSON;
	if (kube_json_object(list->parsed, "metadata", &metadata) != KUBE_JSON_FOUND ||
	    kube_json_string(metadata, "resourceVersion", &meta.resource_version) !=
		KUBE_JSON_FOUND ||
	    !*meta.resource_version || strlen(meta.resource_version) > KUBE_OBJECT_MAX_VERSION ||
	    kube_json_string(metadata, "continue", &meta.continue_token) == KUBE_JSON_WRONG ||
	    strlen(meta.continue_token) > KUBE_LIST_MAX_CONTINUE)
		return list->cause = KUBE_BAD_METADATA;
	*ret_meta = meta;
	return KUBE_OK;
}
