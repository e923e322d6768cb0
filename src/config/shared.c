/*
 * Values that are the default do not enter the hash, so that daemons of two versions agree as long
 * as the file says nothing that only one of them knows: a rolling upgrade must not look like a file
 * that differs. Lists whose order means nothing are sorted. Nothing here may change without a
 * reason, since its results are compared between versions (a test pins them).
 */
#include "config/shared.h"

#include <stdlib.h>
#include <string.h>

#include "config/keys.h"
#include "config/print.h"
#include "model/settings.h"
#include "util/hash.h"
#include "util/mem.h"
#include "util/str.h"

static int
cmp_text(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

/* Joins texts, sorted unless their order means something, and frees them. */
static void
add_texts(char **texts, size_t n, bool ordered, struct strbuf *out)
{
	size_t i;

	if (!ordered)
		qsort(texts, n, sizeof(*texts), cmp_text);
	strbuf_addc(out, '(');
	for (i = 0; i < n; i++) {
		strbuf_printf(out, "%s,", texts[i]);
		free(texts[i]);
	}
	strbuf_addc(out, ')');
	free(texts);
}

static char *
quoted(const char *text)
{
	struct strbuf sb = {0};

	print_string(text, &sb);
	return strbuf_detach(&sb);
}

static void
add_strings(const struct string_list *list, bool ordered, struct strbuf *out)
{
	char **texts = xcalloc(list->count, sizeof(*texts));
	size_t i;

	for (i = 0; i < list->count; i++)
		texts[i] = quoted(list->items[i]);
	add_texts(texts, list->count, ordered, out);
}

static void
add_selectors(const struct selector_list *list, bool ordered, struct strbuf *out)
{
	char **texts = xcalloc(list->count, sizeof(*texts));
	size_t i;

	for (i = 0; i < list->count; i++)
		texts[i] = quoted(list->items[i]->text);
	add_texts(texts, list->count, ordered, out);
}

static void
add_ranges(const struct config_key *key, const void *object, struct strbuf *out)
{
	size_t n = config_count(key, object), i;
	char **texts = xcalloc(n, sizeof(*texts));

	for (i = 0; i < n; i++)
		texts[i] = quoted(
		    ((const struct settings_range *)config_element(key, object, i))->text);
	add_texts(texts, n, key->ordered, out);
}

static void
add_section(const struct config_section *section, const void *object, struct strbuf *out);

static void
add_objects(const struct config_key *key, const void *object, struct strbuf *out)
{
	size_t n = config_count(key, object), i;
	char **texts = xcalloc(n, sizeof(*texts));

	for (i = 0; i < n; i++) {
		struct strbuf text = {0};

		add_section(key->section, config_element(key, object, i), &text);
		texts[i] = strbuf_detach(&text);
	}
	add_texts(texts, n, key->ordered, out);
}

static void
add_value(const struct config_key *key, const void *object, struct strbuf *out)
{
	const void *member = config_member_const(key, object);

	if (key->type == CONFIG_OBJECTS)
		add_objects(key, object, out);
	else if (key->type == CONFIG_STRINGS)
		add_strings(member, key->ordered, out);
	else if (key->type == CONFIG_SELECTORS)
		add_selectors(member, key->ordered, out);
	else if (key->type == CONFIG_RANGES)
		add_ranges(key, object, out);
	else
		print_value(key, object, 0, true, out);
}

static bool
is_default(const struct config_key *key, const char *text)
{
	struct strbuf initial = {0};
	bool equal;

	print_default(key, &initial);
	/* An empty list is the default of every list here; it reads "()" whatever its brackets. */
	equal = str_eq(text, strbuf_text(&initial)) || str_eq(text, "()");
	strbuf_free(&initial);
	return equal;
}

static void
add_section(const struct config_section *section, const void *object, struct strbuf *out)
{
	size_t i;

	strbuf_addc(out, '{');
	for (i = 0; i < section->n_keys; i++) {
		const struct config_key *key = &section->keys[i];
		struct strbuf text = {0};

		if (!print_is_absent(key, object))
			add_value(key, object, &text);
		if (!is_default(key, strbuf_text(&text)))
			strbuf_printf(out, "%s=%s;", key->name, strbuf_text(&text));
		strbuf_free(&text);
	}
	strbuf_addc(out, '}');
}

static void
add_shared(const struct config_section *section, const void *object, struct strbuf *out)
{
	size_t i;

	for (i = 0; i < section->n_keys; i++) {
		const struct config_key *key = &section->keys[i];

		if (!key->section)
			continue;
		if (!key->section->shared) {
			if (key->type == CONFIG_GROUP)
				add_shared(key->section, config_member_const(key, object), out);
			continue;
		}
		strbuf_printf(out, "%s:", key->section->path);
		if (key->type == CONFIG_GROUP)
			add_section(key->section, config_member_const(key, object), out);
		else
			add_objects(key, object, out);
		strbuf_addc(out, '\n');
	}
}

uint64_t
shared_hash(const struct settings *settings)
{
	struct strbuf text = {0};
	uint64_t hash;

	add_shared(&config_root, settings, &text);
	hash = hash_final(hash_string(HASH_INIT, strbuf_text(&text)));
	strbuf_free(&text);
	return hash;
}
