#include "config/build.h"

#include <stdlib.h>
#include <string.h>

#include "config/keys.h"
#include "config/scan.h"
#include "config/value.h"
#include "model/settings.h"
#include "util/mem.h"
#include "util/str.h"

struct builder {
	struct arena *arena; /* of the settings */
	struct config_report *report;
	struct strbuf path; /* of the value being read */
};

static void
fail(struct builder *b, const struct tree *node, const char *reason)
{
	report_message(b->report, CONFIG_ERROR, &node->place, strbuf_text(&b->path), reason);
}

/* Descends by ".name" or "[i]"; returns what leave() wants to come back. */
static size_t
enter(struct builder *b, const char *name, size_t i)
{
	size_t len = b->path.len;

	if (name)
		strbuf_printf(&b->path, "%s%s", len ? "." : "", name);
	else
		strbuf_printf(&b->path, "[%zu]", i);
	return len;
}

static void
leave(struct builder *b, size_t len)
{
	b->path.len = len;
	b->path.text[len] = '\0';
}

/* What a value of the type looks like, for "X is expected". */
static const char *
expected_words(const struct config_key *key)
{
	switch (key->type) {
	case CONFIG_GROUP:
		return "a group { ... }";
	case CONFIG_OBJECTS:
		return "a list of groups ( { ... }, ... )";
	case CONFIG_BOOL:
		return "true or false";
	case CONFIG_UINT:
		return "a number";
	case CONFIG_ASN:
		return "a number or string";
	case CONFIG_DURATION:
		return "a string with a time (\"90s\")";
	case CONFIG_STRINGS:
	case CONFIG_LABELS:
	case CONFIG_RANGES:
	case CONFIG_SELECTORS:
		return "a list of strings [ \"...\" ]";
	case CONFIG_STRING:
	case CONFIG_SECRET:
	case CONFIG_ENUM:
	case CONFIG_ADDRESS:
	case CONFIG_SELECTOR:
	case CONFIG_COMMUNITY:
	case CONFIG_TYPE_COUNT:
		break;
	}
	return "a string in quotes";
}

/* The kind that a value of the type has in the file (an AS number may also be a string). */
static enum tree_kind
expected_kind(enum config_type type)
{
	switch (type) {
	case CONFIG_GROUP:
		return TREE_GROUP;
	case CONFIG_OBJECTS:
	case CONFIG_STRINGS:
	case CONFIG_LABELS:
	case CONFIG_RANGES:
	case CONFIG_SELECTORS:
		return TREE_LIST;
	case CONFIG_BOOL:
		return TREE_BOOL;
	case CONFIG_UINT:
	case CONFIG_ASN:
		return TREE_INT;
	case CONFIG_STRING:
	case CONFIG_SECRET:
	case CONFIG_DURATION:
	case CONFIG_ENUM:
	case CONFIG_ADDRESS:
	case CONFIG_SELECTOR:
	case CONFIG_COMMUNITY:
	case CONFIG_TYPE_COUNT:
		break;
	}
	return TREE_STRING;
}

/* Says so when it is not; what the scanner refused is not reported again. */
static bool
has_kind(struct builder *b, const struct tree *node, enum tree_kind kind, const char *words)
{
	char *reason;

	if (node->kind == kind)
		return true;
	if (node->kind != TREE_BAD) {
		reason = xasprintf("%s is expected, not %s", words, tree_kind_words(node->kind));
		fail(b, node, reason);
		free(reason);
	}
	return false;
}

/* How many items of a list are read. */
static size_t
capped_items(struct builder *b, const struct config_key *key, const struct tree *node)
{
	char *reason;

	if (node->n_children <= key->max_items)
		return node->n_children;
	reason = xasprintf("%zu items; at most %zu are possible", node->n_children, key->max_items);
	fail(b, node, reason);
	free(reason);
	return key->max_items;
}

/* What a list's items become, one by one; texts[i] is their canonical text, to find doubles. */
struct items {
	size_t n;
	const char **strings;
	struct label *labels;
	struct settings_range *ranges;
	struct selector **selectors;
	const char **texts; /* NULL where wrong */
};

static const char *
read_item(struct builder *b, const struct config_key *key, const char *text, struct items *items,
    size_t i)
{
	const char *reason = NULL;

	switch (key->type) {
	case CONFIG_STRINGS:
		reason = value_check_form(b->arena, key->form, text);
		items->strings[i] = items->texts[i] = arena_strdup(b->arena, text);
		break;
	case CONFIG_LABELS:
		reason = value_parse_label(b->arena, text, &items->labels[i]);
		items->texts[i] = items->labels[i].key;
		break;
	case CONFIG_RANGES:
		reason = value_parse_range(
		    b->arena, arena_strdup(b->arena, text), &items->ranges[i]);
		items->texts[i] = items->ranges[i].text;
		break;
	case CONFIG_SELECTORS:
		reason = value_parse_selector(b->arena, text, &items->selectors[i]);
		items->texts[i] = items->selectors[i] ? items->selectors[i]->text : NULL;
		break;
	case CONFIG_GROUP:
	case CONFIG_OBJECTS:
	case CONFIG_STRING:
	case CONFIG_SECRET:
	case CONFIG_BOOL:
	case CONFIG_UINT:
	case CONFIG_DURATION:
	case CONFIG_ENUM:
	case CONFIG_ASN:
	case CONFIG_ADDRESS:
	case CONFIG_SELECTOR:
	case CONFIG_COMMUNITY:
	case CONFIG_TYPE_COUNT:
		break;
	}
	if (reason)
		items->texts[i] = NULL;
	if (reason && key->type == CONFIG_LABELS)
		items->labels[i] = (struct label){.key = "", .value = ""};
	return reason;
}

static void
check_doubles(struct builder *b, const struct config_key *key, const struct items *items,
    const struct tree *node)
{
	size_t i, j, path_len;
	const char *reason;

	for (i = 1; i < items->n; i++) {
		for (j = 0; items->texts[i] && j < i; j++) {
			if (!items->texts[j] || !str_eq(items->texts[i], items->texts[j]))
				continue;
			reason = value_wrong(b->arena, items->texts[i],
			    key->type == CONFIG_LABELS ? "a label with this key is given twice"
						       : "given twice");
			path_len = enter(b, NULL, i);
			fail(b, &node->children[i], reason);
			leave(b, path_len);
			break;
		}
	}
}

static struct items
new_items(struct builder *b, const struct config_key *key, size_t n)
{
	struct items items = {.n = n, .texts = xcalloc(n, sizeof(*items.texts))};

	if (key->type == CONFIG_STRINGS)
		items.strings = arena_alloc(b->arena, n, sizeof(*items.strings));
	if (key->type == CONFIG_LABELS)
		items.labels = arena_alloc(b->arena, n, sizeof(*items.labels));
	if (key->type == CONFIG_RANGES)
		items.ranges = arena_alloc(b->arena, n, sizeof(*items.ranges));
	if (key->type == CONFIG_SELECTORS)
		items.selectors = arena_alloc(b->arena, n, sizeof(*items.selectors));
	return items;
}

static void
put_count(const struct config_key *key, size_t count, void *object)
{
	memcpy((char *)object + key->count_offset, &count, sizeof(count));
}

static void
put_items(const struct config_key *key, const struct items *items, void *object)
{
	void *member = config_member(key, object);

	if (key->type == CONFIG_STRINGS)
		*(struct string_list *)member = (struct string_list){
		    .items = items->strings, .count = items->n};
	if (key->type == CONFIG_LABELS)
		*(struct labels *)member = (struct labels){
		    .items = items->labels, .count = labels_sort(items->labels, items->n)};
	if (key->type == CONFIG_SELECTORS)
		*(struct selector_list *)member = (struct selector_list){
		    .items = items->selectors, .count = items->n};
	if (key->type == CONFIG_RANGES) {
		memcpy(member, &items->ranges, sizeof(items->ranges));
		put_count(key, items->n, object);
	}
}

static bool
is_list_of_strings(enum config_type type)
{
	return type == CONFIG_STRINGS || type == CONFIG_LABELS || type == CONFIG_RANGES ||
	    type == CONFIG_SELECTORS;
}

static void
read_items(struct builder *b, const struct config_key *key, const struct tree *node, void *object)
{
	struct items items = new_items(b, key, capped_items(b, key, node));
	size_t i, path_len;
	const char *reason;

	for (i = 0; i < items.n; i++) {
		const struct tree *child = &node->children[i];
		bool is_string;

		path_len = enter(b, NULL, i);
		is_string = has_kind(b, child, TREE_STRING, "a string in quotes");
		/* Something must stand there, or the items after it had other indices. */
		reason = read_item(b, key, is_string ? child->text : "", &items, i);
		if (is_string && reason)
			fail(b, child, reason);
		if (!is_string)
			items.texts[i] = NULL;
		leave(b, path_len);
	}
	check_doubles(b, key, &items, node);
	if (!items.n && key->required)
		fail(b, node, "empty: at least one is needed");
	put_items(key, &items, object);
	free(items.texts);
}

static void
set_default_items(struct builder *b, const struct config_key *key, void *object)
{
	struct items items;
	size_t n = 0;

	while (key->initial_items && key->initial_items[n])
		n++;
	items = new_items(b, key, n);
	for (n = 0; n < items.n; n++)
		(void)read_item(b, key, key->initial_items[n], &items, n);
	put_items(key, &items, object);
	free(items.texts);
}

static void read_section(struct builder *b, const struct config_section *section,
    const struct tree *group, const struct config_place *place, void *object);

static void
read_objects(struct builder *b, const struct config_key *key, const struct tree *node, void *object)
{
	size_t n = capped_items(b, key, node), i, path_len;
	char *objects = arena_alloc(b->arena, n, key->section->size);

	for (i = 0; i < n; i++) {
		const struct tree *child = &node->children[i];

		path_len = enter(b, NULL, i);
		if (has_kind(b, child, TREE_GROUP, "a group { ... }"))
			read_section(b, key->section, child, &child->place,
			    objects + i * key->section->size);
		else
			read_section(b, key->section, NULL, NULL, objects + i * key->section->size);
		leave(b, path_len);
	}
	memcpy(config_member(key, object), &objects, sizeof(objects));
	put_count(key, n, object);
}

static void
read_scalar(struct builder *b, const struct config_key *key, const struct tree *node, void *object)
{
	const char *reason = NULL;

	if (key->type == CONFIG_ASN && node->kind == TREE_STRING)
		reason = value_set_text(b->arena, key, node->text, object);
	else if (!has_kind(b, node, expected_kind(key->type), expected_words(key)))
		return;
	else if (node->kind == TREE_STRING)
		reason = value_set_text(b->arena, key, node->text, object);
	else if (node->kind == TREE_INT)
		reason = value_set_number(b->arena, key, node->number, object);
	else
		memcpy(config_member(key, object), &node->truth, sizeof(node->truth));
	if (reason)
		fail(b, node, reason);
}

static void
set_default(struct builder *b, const struct config_key *key, void *object)
{
	const char *text = key->initial;

	/* No string of the settings is NULL. */
	if (!text && (key->type == CONFIG_STRING || key->type == CONFIG_SECRET))
		text = "";
	if (is_list_of_strings(key->type))
		set_default_items(b, key, object);
	else if (text)
		(void)value_set_text(b->arena, key, text, object);
}

static void
read_key(struct builder *b, const struct config_key *key, const struct tree *node, void *object)
{
	if (key->type == CONFIG_GROUP) {
		const struct tree *group = node;

		if (node && !has_kind(b, node, TREE_GROUP, expected_words(key)))
			group = NULL;
		read_section(b, key->section, group, group ? &group->place : NULL,
		    config_member(key, object));
		return;
	}
	set_default(b, key, object);
	if (!node)
		return;
	if (expected_kind(key->type) != TREE_LIST)
		read_scalar(b, key, node, object);
	else if (!has_kind(b, node, TREE_LIST, expected_words(key)))
		return;
	else if (key->type == CONFIG_OBJECTS)
		read_objects(b, key, node, object);
	else
		read_items(b, key, node, object);
}

static void
check_unknown(struct builder *b, const struct config_section *section, const struct tree *group)
{
	size_t i, path_len;

	for (i = 0; i < group->n_children; i++) {
		const struct tree *child = &group->children[i];
		const char *suggestion;
		char *reason;

		if (config_key_find(section, child->name) ||
		    strchr(child->name, SCAN_DUPLICATE_MARK))
			continue;
		suggestion = config_key_suggest(section, child->name);
		reason = suggestion ? xasprintf("unknown key; did you mean \"%s\"?", suggestion)
				    : xstrdup("unknown key");
		path_len = enter(b, child->name, 0);
		fail(b, child, reason);
		leave(b, path_len);
		free(reason);
	}
}

/* group is NULL when it is absent or of a wrong type: defaults then, and nothing is required. */
static void
read_section(struct builder *b, const struct config_section *section, const struct tree *group,
    const struct config_place *place, void *object)
{
	size_t i, path_len;

	if (group)
		check_unknown(b, section, group);
	for (i = 0; i < section->n_keys; i++) {
		const struct config_key *key = &section->keys[i];
		const struct tree *node = group ? tree_member(group, key->name) : NULL;

		path_len = enter(b, key->name, 0);
		if (group && !node && key->required)
			report_message(b->report, CONFIG_ERROR, place, strbuf_text(&b->path),
			    "missing: it is required");
		read_key(b, key, node, object);
		leave(b, path_len);
	}
}

struct settings *
build_settings(const struct tree *root, const char *path, struct config_report *report)
{
	struct builder b = {.arena = arena_new(), .report = report};
	struct settings *settings = arena_alloc(b.arena, 1, sizeof(*settings));

	settings->arena = b.arena;
	settings->path = arena_strdup(b.arena, path);
	read_section(&b, &config_root, root, &root->place, settings);
	strbuf_free(&b.path);
	return settings;
}
