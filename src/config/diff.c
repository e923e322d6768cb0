/*
 * The difference of two snapshots, by the table of keys: scalars by name, objects by their `name`
 * (or place, when they have none), marked and swept. Values are compared as canonical text, so what
 * prints alike is alike.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"
#include "config/print.h"
#include "model/settings.h"
#include "util/mem.h"
#include "util/str.h"

static const char *const kind_names[] = {"added", "removed", "changed"};
static_assert(
    sizeof(kind_names) / sizeof(kind_names[0]) == CONFIG_CHANGE_KIND_COUNT, "one name per kind");
static const char *const effect_names[] = {"live", "reset", "restart"};
static_assert(
    sizeof(effect_names) / sizeof(effect_names[0]) == CONFIG_EFFECT_COUNT, "one name per effect");

struct differ {
	struct config_diff *diff;
	size_t cap;
};

/* An object of the old list. */
struct old_object {
	const void *object;
	const char *name;
	char *text; /* canonical */
	bool taken; /* found in the new list */
};

const char *
config_change_kind_str(enum config_change_kind kind)
{
	return kind_names[kind];
}

const char *
config_effect_str(enum config_effect effect)
{
	return effect_names[effect];
}

static struct config_change *
add_change(struct differ *d, enum config_change_kind kind, const char *key)
{
	struct config_diff *diff = d->diff;
	struct config_change *change;

	diff->changes = mem_grow(diff->changes, diff->n_changes, &d->cap, sizeof(*diff->changes));
	change = &diff->changes[diff->n_changes++];
	*change = (struct config_change){.kind = kind, .key = key, .effect = CONFIG_LIVE};
	return change;
}

/* Unmasked: only compared, never shown. */
static char *
value_text(const struct config_key *key, const void *object)
{
	struct strbuf text = {0};

	if (!print_is_absent(key, object))
		print_value(key, object, 0, false, &text);
	return strbuf_detach(&text);
}

static bool
values_equal(const struct config_key *key, const void *old, const void *new)
{
	char *a = value_text(key, old), *b = value_text(key, new);
	bool equal = str_eq(a, b);

	free(a);
	free(b);
	return equal;
}

static char *
object_text(const struct config_section *section, const void *object)
{
	struct strbuf text = {0};
	size_t i;

	for (i = 0; i < section->n_keys; i++) {
		char *value = value_text(&section->keys[i], object);

		strbuf_printf(&text, "%s\n", value);
		free(value);
	}
	return strbuf_detach(&text);
}

static const char *
object_name(const struct config_section *section, const void *object)
{
	const struct config_key *key = config_key_find(section, "name");
	const char *name;

	assert(key);
	memcpy(&name, config_member_const(key, object), sizeof(name));
	return name;
}

static const char *
object_key(struct differ *d, const struct config_section *section, const void *object, size_t index)
{
	const char *name = object_name(section, object);

	if (*name)
		return arena_printf(d->diff->arena, "%s[%s]", section->path, name);
	return arena_printf(d->diff->arena, "%s[#%zu]", section->path, index);
}

static void
diff_object(struct differ *d, const struct config_section *section, const void *old,
    const void *new, const char *key_text)
{
	struct config_change *change = add_change(d, CONFIG_CHANGED, key_text);
	size_t i;

	change->fields = arena_alloc(d->diff->arena, section->n_keys, sizeof(*change->fields));
	for (i = 0; i < section->n_keys; i++) {
		const struct config_key *key = &section->keys[i];

		if (values_equal(key, old, new))
			continue;
		change->fields[change->n_fields++] = key->name;
		if (key->effect > change->effect)
			change->effect = key->effect;
	}
}

/*
 * The old object that a new one continues: of the same name; or, both without a name, one with the
 * same contents, else (text is NULL) the next one left.
 */
static struct old_object *
take_old(struct old_object *olds, size_t n, const char *name, const char *text)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (olds[i].taken || !str_eq(name, olds[i].name) ||
		    (!*name && text && !str_eq(text, olds[i].text)))
			continue;
		olds[i].taken = true;
		return &olds[i];
	}
	return NULL;
}

struct pairing {
	struct old_object *olds;
	size_t n_old;
	struct old_object **partners; /* by index in the new list */
	char **texts;                 /* of the new list */
	size_t n_new;
};

static void
pair_objects(const struct config_key *key, const void *old, const void *new, struct pairing *p)
{
	const struct config_section *section = key->section;
	size_t i;

	p->n_old = config_count(key, old);
	p->n_new = config_count(key, new);
	p->olds = xcalloc(p->n_old, sizeof(*p->olds));
	p->partners = xcalloc(p->n_new, sizeof(*p->partners));
	p->texts = xcalloc(p->n_new, sizeof(*p->texts));
	for (i = 0; i < p->n_old; i++) {
		const void *object = config_element(key, old, i);

		p->olds[i] = (struct old_object){.object = object,
		    .name = object_name(section, object),
		    .text = object_text(section, object)};
	}
	for (i = 0; i < p->n_new; i++) {
		const void *object = config_element(key, new, i);

		p->texts[i] = object_text(section, object);
		p->partners[i] = take_old(
		    p->olds, p->n_old, object_name(section, object), p->texts[i]);
	}
	for (i = 0; i < p->n_new; i++)
		if (!p->partners[i] && !*object_name(section, config_element(key, new, i)))
			p->partners[i] = take_old(p->olds, p->n_old, "", NULL);
}

static void
pairing_fini(struct pairing *p)
{
	size_t i;

	for (i = 0; i < p->n_old; i++)
		free(p->olds[i].text);
	for (i = 0; i < p->n_new; i++)
		free(p->texts[i]);
	free(p->olds);
	free(p->partners);
	free(p->texts);
}

/* Whether the objects that stay stand in another order. */
static bool
order_changed(const struct pairing *p)
{
	const struct old_object *last = p->olds;
	size_t i;

	for (i = 0; i < p->n_new; i++) {
		if (!p->partners[i])
			continue;
		if (p->partners[i] < last)
			return true;
		last = p->partners[i];
	}
	return false;
}

static void
diff_objects(struct differ *d, const struct config_key *key, const void *old, const void *new)
{
	const struct config_section *section = key->section;
	struct config_change *change;
	struct pairing p;
	size_t i;

	pair_objects(key, old, new, &p);
	for (i = 0; i < p.n_new; i++) {
		const void *object = config_element(key, new, i);
		const char *key_text = object_key(d, section, object, i);

		if (!p.partners[i])
			(void)add_change(d, CONFIG_ADDED, key_text);
		else if (!str_eq(p.partners[i]->text, p.texts[i]))
			diff_object(d, section, p.partners[i]->object, object, key_text);
	}
	for (i = 0; i < p.n_old; i++)
		if (!p.olds[i].taken)
			(void)add_change(
			    d, CONFIG_REMOVED, object_key(d, section, p.olds[i].object, i));
	if (key->ordered && order_changed(&p)) {
		change = add_change(d, CONFIG_CHANGED, section->path);
		change->fields = arena_alloc(d->diff->arena, 1, sizeof(*change->fields));
		change->fields[change->n_fields++] = "order";
	}
	pairing_fini(&p);
}

static void
diff_section(
    struct differ *d, const struct config_section *section, const void *old, const void *new)
{
	size_t i;

	for (i = 0; i < section->n_keys; i++) {
		const struct config_key *key = &section->keys[i];

		if (key->type == CONFIG_GROUP) {
			diff_section(d, key->section, config_member_const(key, old),
			    config_member_const(key, new));
		} else if (key->type == CONFIG_OBJECTS) {
			diff_objects(d, key, old, new);
		} else if (!values_equal(key, old, new)) {
			add_change(d, CONFIG_CHANGED,
			    arena_printf(d->diff->arena, "%s.%s", section->path, key->name))
			    ->effect = key->effect;
		}
	}
}

void
config_diff(const struct settings *old, const struct settings *new, struct config_diff *ret_diff)
{
	struct differ d = {.diff = ret_diff};

	*ret_diff = (struct config_diff){.arena = arena_new()};
	diff_section(&d, &config_root, old, new);
}

void
config_diff_fini(struct config_diff *diff)
{
	free(diff->changes);
	arena_free(diff->arena);
	*diff = (struct config_diff){0};
}

bool
config_diff_touches(const struct config_diff *diff, const char *prefix)
{
	size_t i;

	for (i = 0; i < diff->n_changes; i++)
		if (str_has_prefix(diff->changes[i].key, prefix))
			return true;
	return false;
}

void
config_keep_restart_values(const struct settings *running, struct settings *new)
{
	size_t i, j;

	for (i = 0; i < config_root.n_keys; i++) {
		const struct config_key *group = &config_root.keys[i];

		for (j = 0; group->type == CONFIG_GROUP && j < group->section->n_keys; j++) {
			const struct config_key *key = &group->section->keys[j];
			const void *from = config_member_const(
			    key, config_member_const(group, running));
			const char *text;

			if (key->effect != CONFIG_RESTART)
				continue;
			assert(key->type == CONFIG_STRING);
			memcpy(&text, from, sizeof(text));
			text = arena_strdup(new->arena, text);
			memcpy(config_member(key, config_member(group, new)), &text, sizeof(text));
		}
	}
}
