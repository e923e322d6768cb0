#include "config/value.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "model/settings.h"
#include "util/mem.h"
#include "util/mono.h"
#include "util/str.h"

#define QUOTE_MAX 120 /* bytes of a value in a message */
#define NAME_MAX_LEN 253
#define NODE_MAX_LEN 248 /* "node-" and it name a Lease: 253 at most */
#define LABEL_MAX_LEN 63
#define INTERFACE_MAX_LEN 15 /* IFNAMSIZ - 1 */
#define PASSWORD_MAX_LEN 80  /* TCP_MD5SIG_MAXKEYLEN */
#define GROUP_MAX_LEN 32
#define ALNUM "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
#define LOWER "abcdefghijklmnopqrstuvwxyz0123456789"
#define DIGITS "0123456789"

const char *
value_wrong(struct arena *arena, const char *text, const char *reason)
{
	struct strbuf sb = {0};
	const char *message;

	strbuf_addc(&sb, '"');
	strbuf_add_quoted(&sb, text, QUOTE_MAX);
	strbuf_printf(&sb, "\": %s", reason);
	message = arena_strdup(arena, strbuf_text(&sb));
	strbuf_free(&sb);
	return message;
}

static bool
consists_of(const char *text, const char *set)
{
	return !text[strspn(text, set)];
}

/* Letters, digits and inner "-" (and "." between labels when dots is set), as RFC 1123 has it. */
static bool
is_dns_name(const char *text, size_t max, bool dots)
{
	size_t len = strlen(text), i;

	if (!len || len > max)
		return false;
	for (i = 0; i < len; i++) {
		bool inner = i && i + 1 < len && text[i - 1] != '.' && text[i + 1] != '.';

		if (strchr(LOWER, text[i]))
			continue;
		if (!inner ||
		    (text[i] != '-' &&
			!(dots && text[i] == '.' && text[i - 1] != '-' && text[i + 1] != '-')))
			return false;
	}
	return true;
}

static const char *
name_reason(const char *text)
{
	if (!strchr(ALNUM, *text) || !consists_of(text, ALNUM "-_."))
		return "not a name: letters, digits, \"-\", \"_\" and \".\", the first a letter or "
		       "digit";
	return strlen(text) > NAME_MAX_LEN ? "longer than 253 characters" : NULL;
}

/* Every "[" of a glob needs its "]"; `set` are the characters that the names have. */
static const char *
glob_reason(const char *text, const char *set)
{
	bool open = false;

	for (; *text; text++) {
		if (*text == '[')
			open = true;
		else if (*text == ']')
			open = false;
		else if (!strchr(set, *text) && !strchr(open ? "!^-?*" : "?*", *text))
			return "not a name or glob: a character in it cannot be part of a name";
	}
	return open ? "not a glob: \"[\" without \"]\"" : NULL;
}

static const char *
path_reason(const char *text)
{
	if (*text != '/')
		return "not an absolute path";
	return text[strcspn(text, "\n\r\t")] ? "control characters in a path" : NULL;
}

static const char *
interface_reason(const char *text)
{
	const char *p;

	if (strlen(text) > INTERFACE_MAX_LEN)
		return "not an interface: longer than 15 characters";
	for (p = text; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == '/' || *p == ':' || (unsigned char)*p >= 0x7f)
			return "not an interface: a character in it cannot be part of a name";
	return str_eq(text, ".") || str_eq(text, "..") ? "not an interface" : NULL;
}

static const char *
group_reason(const char *text)
{
	if (strlen(text) > GROUP_MAX_LEN || (*text && strchr("-0123456789", *text)) ||
	    !consists_of(text, ALNUM "_-."))
		return "not the name of a group";
	return NULL;
}

/* Splits https://HOST[:PORT]; *ret_host has no brackets. NULL, or what is wrong. */
static const char *
split_server(struct arena *arena, const char *url, const char **ret_host)
{
	const char *host = NULL, *end, *rest;
	uint64_t port;

	if (str_has_prefix(url, "https://"))
		host = url + strlen("https://");
	else if (str_has_prefix(url, "http://"))
		host = url + strlen("http://");
	if (!host)
		return "not a URL https://HOST[:PORT]";
	if (*host == '[') {
		end = strchr(++host, ']');
		rest = end ? end + 1 : NULL;
	} else {
		end = rest = host + strcspn(host, ":/?#");
	}
	if (!end || end == host)
		return "no host in the URL";
	if (*rest == ':') {
		size_t digits = strspn(rest + 1, DIGITS);

		if (str_parse_uint(arena_strndup(arena, rest + 1, digits), UINT16_MAX, &port) ||
		    !port)
			return "not a port after the host";
		rest += digits + 1;
	}
	if (*rest)
		return "something stands after the host and port; paths are for a kubeconfig";
	*ret_host = arena_strndup(arena, host, (size_t)(end - host));
	return NULL;
}

static const char *
host_reason(const char *text)
{
	struct ip_addr addr;
	size_t len = strlen(text), i;

	if (ip_addr_parse(text, &addr) == 0)
		return NULL;
	/* Four numbers can only be a mistyped address. */
	if (consists_of(text, DIGITS "."))
		return "not an address";
	for (i = 0; i < len; i++)
		if (!strchr(ALNUM "-.", text[i]) || len > NAME_MAX_LEN || *text == '-' ||
		    *text == '.')
			return "not a host name or address";
	return NULL;
}

const char *
value_server_host(struct arena *arena, const char *url)
{
	const char *host;

	return split_server(arena, url, &host) ? NULL : host;
}

static const char *
server_reason(struct arena *arena, const char *text)
{
	const char *host, *reason = split_server(arena, text, &host);

	return reason ? reason : host_reason(host);
}

static const char *
any_reason(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ')
			return "control characters";
	return NULL;
}

static const char *
community_name_reason(struct arena *arena, const char *text)
{
	struct community community;

	/* An alias has no colon. */
	if (!strchr(text, ':'))
		return name_reason(text) ? "not a community or name" : NULL;
	return value_parse_community(arena, text, &community) ? "not a community: 64512:100, "
								"large:64512:1:2 or a name"
							      : NULL;
}

static const char *
form_reason(struct arena *arena, enum config_form form, const char *text)
{
	struct ip_addr addr;

	switch (form) {
	case FORM_ANY:
		return any_reason(text);
	case FORM_PATH:
		return path_reason(text);
	case FORM_SOCKET:
		if (strlen(text) >= sizeof(((struct sockaddr_un *)0)->sun_path))
			return "longer than the 107 bytes that a socket's path may have";
		return path_reason(text);
	case FORM_NAME:
		return name_reason(text);
	case FORM_NAME_GLOB:
		return glob_reason(text, ALNUM "-_.");
	case FORM_NODE:
		return is_dns_name(text, NODE_MAX_LEN, true)
		    ? NULL
		    : "not a node's name: small letters, digits, inner \"-\" and \".\", at most "
		      "248 characters";
	case FORM_NAMESPACE:
		return is_dns_name(text, LABEL_MAX_LEN, false)
		    ? NULL
		    : "not a namespace: small letters, digits and inner \"-\", at most 63 "
		      "characters";
	case FORM_NAMESPACE_GLOB:
		return glob_reason(text, LOWER "-");
	case FORM_CLASS:
		return selector_is_label_key(text) ? NULL : "not a class: NAME or example.com/NAME";
	case FORM_HOST:
		return host_reason(text);
	case FORM_SERVER:
		return server_reason(arena, text);
	case FORM_INTERFACE:
		return interface_reason(text);
	case FORM_INTERFACE_GLOB:
		return glob_reason(text, ALNUM "-_.@+~=,");
	case FORM_COMMUNITY:
		return community_name_reason(arena, text);
	case FORM_GROUP:
		return group_reason(text);
	case FORM_ADDRESS:
		return ip_addr_parse(text, &addr) ? "not an IP address" : NULL;
	case FORM_PASSWORD:
		return strlen(text) > PASSWORD_MAX_LEN ? "longer than 80 bytes" : any_reason(text);
	case FORM_COUNT:
		break;
	}
	return NULL;
}

const char *
value_check_form(struct arena *arena, enum config_form form, const char *text)
{
	const char *reason = *text ? form_reason(arena, form, text) : "empty";

	return reason ? value_wrong(arena, text, reason) : NULL;
}

static void
put_uint(const struct config_key *key, uint64_t value, void *object)
{
	void *member = config_member(key, object);
	uint8_t u8 = (uint8_t)value;
	uint16_t u16 = (uint16_t)value;
	uint32_t u32 = (uint32_t)value;

	assert(key->size == 1 || key->size == 2 || key->size == 4);
	if (key->size == 1)
		memcpy(member, &u8, 1);
	else if (key->size == 2)
		memcpy(member, &u16, 2);
	else
		memcpy(member, &u32, 4);
}

const char *
value_set_number(struct arena *arena, const struct config_key *key, int64_t number, void *object)
{
	if (key->type == CONFIG_ASN && number < 0)
		return arena_printf(arena,
		    "%" PRId64 ": negative; an AS number above 2147483647 is written with an L at "
		    "its end or in quotes",
		    number);
	if (number < key->min || number > key->max)
		return arena_printf(arena, "%" PRId64 ": not between %" PRId64 " and %" PRId64,
		    number, key->min, key->max);
	put_uint(key, (uint64_t)number, object);
	return NULL;
}

int
value_parse_asn(const char *text, uint32_t *ret_asn)
{
	const char *dot = strchr(text, '.');
	char high[8];
	uint64_t h = 0, l;
	int err;

	if (dot) {
		if ((size_t)(dot - text) >= sizeof(high))
			return -EINVAL;
		memcpy(high, text, (size_t)(dot - text));
		high[dot - text] = '\0';
		err = str_parse_uint(high, UINT16_MAX, &h);
		if (err)
			return err;
		err = str_parse_uint(dot + 1, UINT16_MAX, &l);
	} else {
		err = str_parse_uint(text, UINT32_MAX, &l);
	}
	if (!err)
		*ret_asn = (uint32_t)(h << 16 | l);
	return err;
}

static const char *
set_asn(struct arena *arena, const struct config_key *key, const char *text, void *object)
{
	uint32_t asn;

	if (value_parse_asn(text, &asn))
		return value_wrong(
		    arena, text, "not an AS number: 64512, \"4200000000\" or \"1.10\"");
	if (asn < key->min)
		return value_wrong(arena, text, "not an AS number that can be used");
	put_uint(key, asn, object);
	return NULL;
}

static const char *
duration_reason(struct arena *arena, const struct config_key *key, int64_t usec)
{
	char min[24], max[24];

	if (usec == 0 && key->zero)
		return NULL;
	str_format_duration(key->min, min, sizeof(min));
	str_format_duration(key->max, max, sizeof(max));
	if (usec < key->min || usec > key->max)
		return arena_printf(
		    arena, "not between %s and %s%s", min, max, key->zero ? ", nor 0" : "");
	if (usec % key->step)
		return key->step == USEC_PER_SEC ? "not whole seconds" : "not whole milliseconds";
	return NULL;
}

static const char *
set_duration(struct arena *arena, const struct config_key *key, const char *text, void *object)
{
	const char *reason = NULL;
	int64_t usec;
	int err;

	if (key->never && str_eq(text, "never")) {
		usec = INT64_MAX;
	} else {
		err = str_parse_duration(text, &usec);
		if (err == -EINVAL)
			reason = "not a time: a whole number and a unit, as in \"300ms\", \"90s\", "
				 "\"5m\"";
		else
			reason = duration_reason(arena, key, err ? INT64_MAX : usec);
	}
	if (reason)
		return value_wrong(arena, text, reason);
	memcpy(config_member(key, object), &usec, sizeof(usec));
	return NULL;
}

static const char *
set_enum(struct arena *arena, const struct config_key *key, const char *text, void *object)
{
	struct strbuf sb = {0};
	const char *message;
	unsigned i;

	assert(key->size == sizeof(i));
	for (i = 0; key->words[i]; i++) {
		if (str_eq(key->words[i], text)) {
			memcpy(config_member(key, object), &i, sizeof(i));
			return NULL;
		}
	}
	strbuf_add(&sb, "not ");
	config_key_describe(key, &sb);
	message = value_wrong(arena, text, strbuf_text(&sb));
	strbuf_free(&sb);
	return message;
}

static const char *
set_address(struct arena *arena, const struct config_key *key, const char *text, void *object)
{
	struct ip_addr addr = {0};

	if (*text && ip_addr_parse(text, &addr))
		return value_wrong(arena, text, "not an IP address");
	memcpy(config_member(key, object), &addr, sizeof(addr));
	return NULL;
}

static void
put_pointer(const struct config_key *key, const void *pointer, void *object)
{
	memcpy(config_member(key, object), &pointer, sizeof(pointer));
}

/* Empty where the default is, else by form. The text is kept also when it is wrong: what refers to
 * it is then not wrong as well. */
static const char *
set_string(struct arena *arena, const struct config_key *key, const char *text, void *object)
{
	bool may_be_empty = key->empty || (!key->required && (!key->initial || !*key->initial));
	const char *reason;

	put_pointer(key, arena_strdup(arena, text), object);
	if (!*text && may_be_empty)
		return NULL;
	reason = *text ? form_reason(arena, key->form, text) : "empty";
	if (!reason)
		return NULL;
	if (key->type == CONFIG_SECRET)
		return reason;
	return value_wrong(arena, text, reason);
}

static const char *
set_selector(struct arena *arena, const struct config_key *key, const char *text, void *object)
{
	struct selector *selector = NULL;
	const char *reason = value_parse_selector(arena, text, &selector);

	put_pointer(key, selector, object);
	return reason;
}

static const char *
set_community(struct arena *arena, const struct config_key *key, const char *text, void *object)
{
	return value_parse_community(arena, text, config_member(key, object));
}

const char *
value_set_text(struct arena *arena, const struct config_key *key, const char *text, void *object)
{
	bool truth;
	uint64_t n;

	switch (key->type) {
	case CONFIG_STRING:
	case CONFIG_SECRET:
		return set_string(arena, key, text, object);
	case CONFIG_BOOL:
		truth = str_eq(text, "true");
		memcpy(config_member(key, object), &truth, sizeof(truth));
		return NULL;
	case CONFIG_UINT:
		if (str_parse_uint(text, INT64_MAX, &n))
			return value_wrong(arena, text, "not a number");
		return value_set_number(arena, key, (int64_t)n, object);
	case CONFIG_DURATION:
		return set_duration(arena, key, text, object);
	case CONFIG_ENUM:
		return set_enum(arena, key, text, object);
	case CONFIG_ASN:
		return set_asn(arena, key, text, object);
	case CONFIG_ADDRESS:
		return set_address(arena, key, text, object);
	case CONFIG_SELECTOR:
		return set_selector(arena, key, text, object);
	case CONFIG_COMMUNITY:
		return set_community(arena, key, text, object);
	case CONFIG_GROUP:
	case CONFIG_OBJECTS:
	case CONFIG_STRINGS:
	case CONFIG_LABELS:
	case CONFIG_RANGES:
	case CONFIG_SELECTORS:
	case CONFIG_TYPE_COUNT:
		break;
	}
	return NULL;
}

const char *
value_parse_selector(struct arena *arena, const char *text, struct selector **ret_selector)
{
	char *reason;

	if (selector_parse(arena, text, ret_selector, &reason) == 0)
		return NULL;
	*ret_selector = NULL;
	return value_wrong(arena, text, arena_printf(arena, "not a label selector: %s", reason));
}

const char *
value_parse_label(struct arena *arena, const char *text, struct label *ret_label)
{
	const char *equals = strchr(text, '=');

	if (!equals)
		return value_wrong(arena, text, "not a label: KEY=VALUE");
	ret_label->key = arena_strndup(arena, text, (size_t)(equals - text));
	ret_label->value = arena_strdup(arena, equals + 1);
	if (!selector_is_label_key(ret_label->key))
		return value_wrong(arena, text, "not a label: the key is not one of Kubernetes");
	if (!selector_is_label_value(ret_label->value))
		return value_wrong(arena, text, "not a label: the value is not one of Kubernetes");
	return NULL;
}
