#include "config/keys.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "model/settings.h"
#include "util/mono.h"
#include "util/str.h"

#define N_ENTRIES(table) (sizeof(table) / sizeof((table)[0]))

const struct config_key *
config_key_find(const struct config_section *section, const char *name)
{
	size_t i;

	for (i = 0; i < section->n_keys; i++)
		if (str_eq(section->keys[i].name, name))
			return &section->keys[i];
	return NULL;
}

/* "myASN" and "hold_time" as we would write them: "my-asn", "hold-time". */
static void
unify_name(const char *name, char *out, size_t size)
{
	size_t n = 0, i;

	for (i = 0; name[i] && n + 2 < size; i++) {
		bool upper = name[i] >= 'A' && name[i] <= 'Z';
		bool after_lower = i && name[i - 1] >= 'a' && name[i - 1] <= 'z';

		if (upper && after_lower)
			out[n++] = '-';
		out[n++] = (char)(upper ? name[i] - 'A' + 'a' : name[i] == '_' ? '-' : name[i]);
	}
	out[n] = '\0';
}

const char *
config_key_suggest(const struct config_section *section, const char *name)
{
	const char *best = NULL;
	unsigned best_distance, distance;
	char unified[64];
	size_t i;

	unify_name(name, unified, sizeof(unified));
	best_distance = (unsigned)strlen(unified) / 3 + 1;
	for (i = 0; i < section->n_keys; i++) {
		distance = str_distance(unified, section->keys[i].name, best_distance);
		if (distance < best_distance) {
			best_distance = distance;
			best = section->keys[i].name;
		}
	}
	return best;
}

void *
config_member(const struct config_key *key, void *object)
{
	return (char *)object + key->offset;
}

const void *
config_member_const(const struct config_key *key, const void *object)
{
	return (const char *)object + key->offset;
}

size_t
config_count(const struct config_key *key, const void *object)
{
	size_t count;

	assert(key->type == CONFIG_OBJECTS || key->type == CONFIG_RANGES);
	memcpy(&count, (const char *)object + key->count_offset, sizeof(count));
	return count;
}

const void *
config_element(const struct config_key *key, const void *object, size_t i)
{
	const char *items;
	size_t size = key->type == CONFIG_RANGES ? sizeof(struct settings_range)
						 : key->section->size;

	memcpy(&items, config_member_const(key, object), sizeof(items));
	return items + i * size;
}

static const char *const type_names[] = {
    [CONFIG_GROUP] = "group",
    [CONFIG_OBJECTS] = "list of groups",
    [CONFIG_STRING] = "string",
    [CONFIG_SECRET] = "string",
    [CONFIG_BOOL] = "true or false",
    [CONFIG_UINT] = "number",
    [CONFIG_DURATION] = "time",
    [CONFIG_ENUM] = "one of",
    [CONFIG_ASN] = "AS number",
    [CONFIG_ADDRESS] = "IP address",
    [CONFIG_STRINGS] = "list of strings",
    [CONFIG_LABELS] = "list of labels",
    [CONFIG_RANGES] = "list of addresses, prefixes and ranges",
    [CONFIG_SELECTOR] = "label selector",
    [CONFIG_SELECTORS] = "list of label selectors",
    [CONFIG_COMMUNITY] = "community",
};
static_assert(N_ENTRIES(type_names) == CONFIG_TYPE_COUNT, "one name per type");

static const char *const form_names[] = {
    [FORM_ANY] = "string",
    [FORM_PATH] = "path",
    [FORM_SOCKET] = "path",
    [FORM_NAME] = "name",
    [FORM_NAME_GLOB] = "list of names or globs",
    [FORM_NODE] = "name of a node",
    [FORM_NAMESPACE] = "name of a namespace",
    [FORM_NAMESPACE_GLOB] = "list of namespaces or globs",
    [FORM_CLASS] = "class",
    [FORM_HOST] = "host",
    [FORM_SERVER] = "list of URLs",
    [FORM_INTERFACE] = "interface",
    [FORM_INTERFACE_GLOB] = "list of interfaces or globs",
    [FORM_COMMUNITY] = "list of communities",
    [FORM_GROUP] = "group of users",
    [FORM_ADDRESS] = "IP address",
    [FORM_PASSWORD] = "string",
};
static_assert(N_ENTRIES(form_names) == FORM_COUNT, "one name per form");

static void
describe_duration(const struct config_key *key, struct strbuf *out)
{
	char min[24], max[24];

	str_format_duration(key->min, min, sizeof(min));
	str_format_duration(key->max, max, sizeof(max));
	strbuf_printf(out, "time from %s to %s", min, max);
	if (key->step == USEC_PER_SEC)
		strbuf_add(out, " in whole seconds");
	else if (key->step == USEC_PER_MSEC)
		strbuf_add(out, " in whole milliseconds");
	if (key->zero)
		strbuf_add(out, ", or 0");
	if (key->never)
		strbuf_add(out, ", or \"never\"");
}

void
config_key_describe(const struct config_key *key, struct strbuf *out)
{
	const char *name = type_names[key->type];
	size_t i;

	switch (key->type) {
	case CONFIG_STRING:
	case CONFIG_STRINGS:
	case CONFIG_SECRET:
		name = form_names[key->form];
		break;
	case CONFIG_DURATION:
		describe_duration(key, out);
		return;
	case CONFIG_UINT:
		strbuf_printf(out, "number from %" PRId64 " to %" PRId64, key->min, key->max);
		return;
	case CONFIG_ENUM:
		for (i = 0; key->words[i]; i++)
			strbuf_printf(out, "%s\"%s\"",
			    !i                      ? ""
				: key->words[i + 1] ? ", "
						    : " or ",
			    key->words[i]);
		return;
	case CONFIG_GROUP:
	case CONFIG_OBJECTS:
	case CONFIG_BOOL:
	case CONFIG_ASN:
	case CONFIG_ADDRESS:
	case CONFIG_LABELS:
	case CONFIG_RANGES:
	case CONFIG_SELECTOR:
	case CONFIG_SELECTORS:
	case CONFIG_COMMUNITY:
	case CONFIG_TYPE_COUNT:
		break;
	}
	strbuf_add(out, name);
}
