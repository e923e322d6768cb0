#include "config/print.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "model/settings.h"
#include "util/mem.h"
#include "util/str.h"

void
print_string(const char *text, struct strbuf *out)
{
	strbuf_addc(out, '"');
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			strbuf_printf(out, "\\%c", c);
		else if (c < ' ' || c == 0x7f)
			strbuf_printf(out, "\\x%02x", c);
		else
			strbuf_addc(out, (char)c);
	}
	strbuf_addc(out, '"');
}

static uint32_t
get_uint(const struct config_key *key, const void *object)
{
	const void *member = config_member_const(key, object);
	uint8_t u8;
	uint16_t u16;
	uint32_t u32;

	if (key->size == 1) {
		memcpy(&u8, member, 1);
		return u8;
	}
	if (key->size == 2) {
		memcpy(&u16, member, 2);
		return u16;
	}
	memcpy(&u32, member, 4);
	return u32;
}

static const char *
get_string(const struct config_key *key, const void *object)
{
	const char *text;

	memcpy(&text, config_member_const(key, object), sizeof(text));
	return text;
}

bool
print_is_absent(const struct config_key *key, const void *object)
{
	return key->type == CONFIG_ASN && !key->initial && !get_uint(key, object);
}

/* Numbers beyond 31 bits need the L. */
static void
print_number(uint32_t number, struct strbuf *out)
{
	strbuf_printf(out, "%u%s", number, number > INT32_MAX ? "L" : "");
}

static void
print_duration(const struct config_key *key, const void *object, struct strbuf *out)
{
	char text[24];
	int64_t usec;

	memcpy(&usec, config_member_const(key, object), sizeof(usec));
	if (key->never && usec == INT64_MAX)
		(void)str_copy(text, sizeof(text), "never");
	else
		str_format_duration(usec, text, sizeof(text));
	print_string(text, out);
}

static void
print_address(const struct config_key *key, const void *object, struct strbuf *out)
{
	const struct ip_addr *addr = config_member_const(key, object);
	char text[IP_ADDR_STRLEN] = "";

	if (addr->family != IP_FAMILY_NONE)
		ip_addr_format(addr, text);
	print_string(text, out);
}

static void
print_enum(const struct config_key *key, const void *object, struct strbuf *out)
{
	unsigned value;

	memcpy(&value, config_member_const(key, object), sizeof(value));
	print_string(key->words[value], out);
}

static size_t
list_count(const struct config_key *key, const void *object)
{
	const void *member = config_member_const(key, object);

	if (key->type == CONFIG_STRINGS)
		return ((const struct string_list *)member)->count;
	if (key->type == CONFIG_LABELS)
		return ((const struct labels *)member)->count;
	if (key->type == CONFIG_SELECTORS)
		return ((const struct selector_list *)member)->count;
	return config_count(key, object);
}

static void
print_item(const struct config_key *key, const void *object, size_t i, struct strbuf *out)
{
	const void *member = config_member_const(key, object);
	const struct label *label;
	char *text;

	if (key->type == CONFIG_STRINGS) {
		print_string(((const struct string_list *)member)->items[i], out);
	} else if (key->type == CONFIG_SELECTORS) {
		print_string(((const struct selector_list *)member)->items[i]->text, out);
	} else if (key->type == CONFIG_LABELS) {
		label = &((const struct labels *)member)->items[i];
		text = xasprintf("%s=%s", label->key, label->value);
		print_string(text, out);
		free(text);
	} else {
		print_string(
		    ((const struct settings_range *)config_element(key, object, i))->text, out);
	}
}

static void
print_items(const struct config_key *key, const void *object, struct strbuf *out)
{
	size_t n = list_count(key, object), i;

	strbuf_addc(out, '[');
	for (i = 0; i < n; i++) {
		strbuf_add(out, i ? ", " : "");
		print_item(key, object, i, out);
	}
	strbuf_addc(out, ']');
}

static void
add_indent(unsigned indent, struct strbuf *out)
{
	for (; indent; indent--)
		strbuf_addc(out, '\t');
}

/* "{", a line for each key, "}" */
static void
print_group(const struct config_section *section, const void *object, unsigned indent, bool mask,
    struct strbuf *out)
{
	size_t i;

	strbuf_add(out, "{\n");
	for (i = 0; i < section->n_keys; i++) {
		const struct config_key *key = &section->keys[i];

		if (print_is_absent(key, object))
			continue;
		add_indent(indent + 1, out);
		strbuf_printf(out, "%s = ", key->name);
		if (key->type == CONFIG_GROUP)
			print_group(
			    key->section, config_member_const(key, object), indent + 1, mask, out);
		else
			print_value(key, object, indent + 1, mask, out);
		strbuf_add(out, ";\n");
	}
	add_indent(indent, out);
	strbuf_addc(out, '}');
}

static void
print_objects(const struct config_key *key, const void *object, unsigned indent, bool mask,
    struct strbuf *out)
{
	size_t n = config_count(key, object), i;

	strbuf_addc(out, '(');
	for (i = 0; i < n; i++) {
		strbuf_add(out, i ? ", " : "");
		print_group(key->section, config_element(key, object, i), indent, mask, out);
	}
	strbuf_addc(out, ')');
}

static const char *
masked(const char *secret, bool mask)
{
	return *secret && mask ? PRINT_MASK : secret;
}

void
print_value(const struct config_key *key, const void *object, unsigned indent, bool mask,
    struct strbuf *out)
{
	const void *member = config_member_const(key, object);
	bool truth;

	switch (key->type) {
	case CONFIG_STRING:
		print_string(get_string(key, object), out);
		break;
	case CONFIG_SECRET:
		print_string(masked(get_string(key, object), mask), out);
		break;
	case CONFIG_BOOL:
		memcpy(&truth, member, sizeof(truth));
		strbuf_add(out, truth ? "true" : "false");
		break;
	case CONFIG_UINT:
	case CONFIG_ASN:
		print_number(get_uint(key, object), out);
		break;
	case CONFIG_DURATION:
		print_duration(key, object, out);
		break;
	case CONFIG_ENUM:
		print_enum(key, object, out);
		break;
	case CONFIG_ADDRESS:
		print_address(key, object, out);
		break;
	case CONFIG_STRINGS:
	case CONFIG_LABELS:
	case CONFIG_RANGES:
	case CONFIG_SELECTORS:
		print_items(key, object, out);
		break;
	case CONFIG_SELECTOR:
		print_string((*(struct selector *const *)member)->text, out);
		break;
	case CONFIG_COMMUNITY:
		print_string(((const struct community *)member)->text, out);
		break;
	case CONFIG_OBJECTS:
		print_objects(key, object, indent, mask, out);
		break;
	case CONFIG_GROUP:
	case CONFIG_TYPE_COUNT:
		break;
	}
}

void
print_default(const struct config_key *key, struct strbuf *out)
{
	size_t i;

	switch (key->type) {
	case CONFIG_STRINGS:
	case CONFIG_LABELS:
	case CONFIG_RANGES:
	case CONFIG_SELECTORS:
		strbuf_addc(out, '[');
		for (i = 0; key->initial_items && key->initial_items[i]; i++) {
			strbuf_add(out, i ? ", " : "");
			print_string(key->initial_items[i], out);
		}
		strbuf_addc(out, ']');
		return;
	case CONFIG_OBJECTS:
		strbuf_add(out, "()");
		return;
	case CONFIG_BOOL:
	case CONFIG_UINT:
	case CONFIG_ASN:
		strbuf_add(out, key->initial ? key->initial : "");
		return;
	case CONFIG_STRING:
	case CONFIG_SECRET:
	case CONFIG_DURATION:
	case CONFIG_ENUM:
	case CONFIG_ADDRESS:
	case CONFIG_SELECTOR:
	case CONFIG_COMMUNITY:
		if (key->initial)
			print_string(key->initial, out);
		return;
	case CONFIG_GROUP:
	case CONFIG_TYPE_COUNT:
		return;
	}
}

char *
config_print(const struct settings *settings)
{
	struct strbuf out = {0};
	size_t i;

	for (i = 0; i < config_root.n_keys; i++) {
		const struct config_key *key = &config_root.keys[i];

		strbuf_printf(&out, "%s%s: ", i ? "\n" : "", key->name);
		if (key->type == CONFIG_GROUP)
			print_group(
			    key->section, config_member_const(key, settings), 0, true, &out);
		else
			print_value(key, settings, 0, true, &out);
		strbuf_add(&out, ";\n");
	}
	return strbuf_detach(&out);
}
