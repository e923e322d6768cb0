/* What this version reads and checks but does not act on: the table says which keys. */
#include "config/keys.h"
#include "config/print.h"
#include "model/settings.h"
#include "util/str.h"

static bool
is_set(const struct config_key *key, const void *object)
{
	struct strbuf text = {0}, initial = {0};
	bool set;

	if (key->type == CONFIG_OBJECTS)
		return config_count(key, object) > 0;
	if (print_is_absent(key, object))
		return false;
	print_value(key, object, 0, true, &text);
	print_default(key, &initial);
	set = !str_eq(strbuf_text(&text), strbuf_text(&initial));
	strbuf_free(&text);
	strbuf_free(&initial);
	return set;
}

static bool
is_group_set(const struct config_section *section, const void *object)
{
	size_t i;

	for (i = 0; i < section->n_keys; i++)
		if (is_set(&section->keys[i], object))
			return true;
	return false;
}

static void
warn(const struct settings *settings, struct config_report *report, const char *key)
{
	config_report_add(report, CONFIG_WARNING, settings->path, key,
	    "checked, but does not act in this version");
}

/* Keys of the objects of a list inside a group: bgp.peers[0].bfd-profile. */
static void
warn_objects(const struct settings *settings, struct config_report *report,
    const struct config_key *list, const void *group)
{
	struct strbuf path = {0};
	size_t i, j;

	for (i = 0; i < config_count(list, group); i++) {
		for (j = 0; j < list->section->n_keys; j++) {
			const struct config_key *key = &list->section->keys[j];

			if (!key->later || !is_set(key, config_element(list, group, i)))
				continue;
			strbuf_clear(&path);
			strbuf_printf(&path, "%s[%zu].%s", list->section->path, i, key->name);
			warn(settings, report, strbuf_text(&path));
		}
	}
	strbuf_free(&path);
}

void
config_not_yet(const struct settings *settings, struct config_report *report)
{
	struct strbuf path = {0};
	size_t i, j;

	for (i = 0; i < config_root.n_keys; i++) {
		const struct config_key *key = &config_root.keys[i];
		const void *object = config_member_const(key, settings);

		if (key->section->later) {
			if (key->type == CONFIG_GROUP ? is_group_set(key->section, object)
						      : is_set(key, settings))
				warn(settings, report, key->name);
			continue;
		}
		for (j = 0; key->type == CONFIG_GROUP && j < key->section->n_keys; j++) {
			const struct config_key *inner = &key->section->keys[j];

			if (inner->type == CONFIG_OBJECTS)
				warn_objects(settings, report, inner, object);
			if (!inner->later || !is_set(inner, object))
				continue;
			strbuf_clear(&path);
			strbuf_printf(&path, "%s.%s", key->name, inner->name);
			warn(settings, report, strbuf_text(&path));
		}
	}
	strbuf_free(&path);
}
