#include "kube/json.h"

#include <json-c/json.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "kube/json_cut.h"
#include "util/mem.h"
#include "util/str.h"

static enum kube_json
get_typed(const struct json_object *object, const char *key, enum json_type type,
    struct json_object **ret)
{
	struct json_object *value;

	if (!object || !json_object_is_type(object, json_type_object))
		return object ? KUBE_JSON_WRONG : KUBE_JSON_ABSENT;
	if (!json_object_object_get_ex(object, key, &value) || !value)
		return KUBE_JSON_ABSENT;
	if (!json_object_is_type(value, type))
		return KUBE_JSON_WRONG;
	*ret = value;
	return KUBE_JSON_FOUND;
}

enum kube_json
kube_json_object(const struct json_object *object, const char *key, struct json_object **ret)
{
	return get_typed(object, key, json_type_object, ret);
}

enum kube_json
kube_json_array(const struct json_object *object, const char *key, struct json_object **ret)
{
	return get_typed(object, key, json_type_array, ret);
}

/* A zero byte inside would make the C string another one than the server's. */
static enum kube_json
string_of(struct json_object *value, const char **ret)
{
	const char *s = json_object_get_string(value);

	if (strlen(s) != (size_t)json_object_get_string_len(value))
		return KUBE_JSON_WRONG;
	*ret = s;
	return KUBE_JSON_FOUND;
}

enum kube_json
kube_json_string(const struct json_object *object, const char *key, const char **ret)
{
	struct json_object *value;
	enum kube_json found = get_typed(object, key, json_type_string, &value);

	return found == KUBE_JSON_FOUND ? string_of(value, ret) : found;
}

enum kube_json
kube_json_bool(const struct json_object *object, const char *key, bool *ret)
{
	struct json_object *value;
	enum kube_json found = get_typed(object, key, json_type_boolean, &value);

	if (found == KUBE_JSON_FOUND)
		*ret = json_object_get_boolean(value);
	return found;
}

enum kube_json
kube_json_int(
    const struct json_object *object, const char *key, int64_t min, int64_t max, int64_t *ret)
{
	struct json_object *value;
	enum kube_json found = get_typed(object, key, json_type_int, &value);
	int64_t number;

	if (found != KUBE_JSON_FOUND)
		return found;
	number = json_object_get_int64(value);
	if (number < min || number > max)
		return KUBE_JSON_WRONG;
	*ret = number;
	return KUBE_JSON_FOUND;
}

size_t
kube_json_length(const struct json_object *array)
{
	if (!array || !json_object_is_type(array, json_type_array))
		return 0;
	return json_object_array_length(array);
}

enum kube_json
kube_json_element(const struct json_object *array, size_t index, struct json_object **ret)
{
	struct json_object *value;

	if (index >= kube_json_length(array))
		return KUBE_JSON_ABSENT;
	value = json_object_array_get_idx(array, index);
	if (!value || !json_object_is_type(value, json_type_object))
		return KUBE_JSON_WRONG;
	*ret = value;
	return KUBE_JSON_FOUND;
}

enum kube_json
kube_json_element_string(const struct json_object *array, size_t index, const char **ret)
{
	struct json_object *value;

	if (index >= kube_json_length(array))
		return KUBE_JSON_ABSENT;
	value = json_object_array_get_idx(array, index);
	if (!value || !json_object_is_type(value, json_type_string))
		return KUBE_JSON_WRONG;
	return string_of(value, ret);
}

const char *
kube_json_string_or(const struct json_object *object, const char *key, const char *fallback)
{
	const char *s;

	return kube_json_string(object, key, &s) == KUBE_JSON_FOUND ? s : fallback;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Bytes of the UTF-8 character at s, 0 when there is no valid one within `left` bytes (RFC 3629).
 */
static size_t
utf8_len(const unsigned char *s, size_t left)
{
	static const struct {
		unsigned char first_min, first_max, second_min, second_max;
		size_t len;
	} forms[] = {
	    {0x01, 0x7f, 0x00, 0xff, 1},
	    {0xc2, 0xdf, 0x80, 0xbf, 2},
	    {0xe0, 0xe0, 0xa0, 0xbf, 3},
	    {0xe1, 0xec, 0x80, 0xbf, 3},
	    {0xed, 0xed, 0x80, 0x9f, 3},
	    {0xee, 0xef, 0x80, 0xbf, 3},
	    {0xf0, 0xf0, 0x90, 0xbf, 4},
	    {0xf1, 0xf3, 0x80, 0xbf, 4},
	    {0xf4, 0xf4, 0x80, 0x8f, 4},
	};
	size_t i, j;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (s[0] < forms[i].first_min || s[0] > forms[i].first_max)
			continue;
		if (forms[i].len > left)
			return 0;
		if (forms[i].len > 1 && (s[1] < forms[i].second_min || s[1] > forms[i].second_max))
			return 0;
		for (j = 2; j < forms[i].len; j++)
			if ((s[j] & 0xc0) != 0x80)
				return 0;
		return forms[i].len;
	}
	return 0;
}

/* Whether the next eight bytes are all between ' ' and 0x7f: nearly all there is. */
static bool
are_plain(const unsigned char *s)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones * 0x80;
	uint64_t word;

	memcpy(&word, s, sizeof(word));
	/* The top bit of a byte is set in the difference, and not in the byte, when it is less. */
	return !((word | (word - ones * ' ')) & tops);
}

/*
 * json-c takes a zero byte for the end, other control characters as they are, and overlong UTF-8
 * for good. *ret_ascii: there is nothing beyond ASCII.
 */
static bool
is_text(const unsigned char *s, size_t len, bool *ret_ascii)
{
	*ret_ascii = true;
	while (len) {
		size_t n;

		if (len >= sizeof(uint64_t) && are_plain(s)) {
			s += sizeof(uint64_t);
			len -= sizeof(uint64_t);
			continue;
		}
		n = utf8_len(s, len);
		if (!n || (*s < ' ' && !is_space((char)*s)))
			return false;
		*ret_ascii &= n == 1;
		s += n;
		len -= n;
	}
	return true;
}

/* A character of n >= 2 bytes as JSON's escape sequence, which is UTF-16. */
static void
add_escaped(struct strbuf *sb, const unsigned char *s, size_t n)
{
	unsigned c = s[0] & (0xffU >> (n + 1));
	size_t i;

	for (i = 1; i < n; i++)
		c = c << 6 | (s[i] & 0x3f);
	if (c < 0x10000)
		strbuf_printf(sb, "\\u%04x", c);
	else
		strbuf_printf(sb, "\\u%04x\\u%04x", 0xd7c0 + (c >> 10), 0xdc00 + (c & 0x3ff));
}

/*
 * json-c 0.18 (Debian 13) in strict mode takes all beyond ASCII in strings for control characters
 * (json-c issue 875), so such characters are escaped before it sees them. `s` has passed is_text().
 * False when one of them follows a backslash: no JSON, and it would become some.
 */
static bool
escape_text(struct strbuf *sb, const char *s, size_t len)
{
	bool backslash = false;
	size_t start = 0, i = 0;

	while (i < len) {
		size_t n = s[i] & 0x80 ? utf8_len((const unsigned char *)s + i, len - i) : 1;

		if (n > 1 && backslash)
			return false;
		if (n > 1) {
			strbuf_addn(sb, s + start, i - start);
			add_escaped(sb, (const unsigned char *)s + i, n);
			start = i + n;
		}
		backslash = s[i] == '\\' && !backslash;
		i += n;
	}
	strbuf_addn(sb, s + start, len - start);
	return true;
}

static enum kube_cause
parse_ascii(const char *s, size_t len, struct json_object **ret_object)
{
	struct json_tokener *tok;
	struct json_object *object;
	size_t end;
	bool complete;

	tok = json_tokener_new_ex(KUBE_JSON_MAX_DEPTH);
	if (!tok)
		abort();
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_ALLOW_TRAILING_CHARS);
	object = json_tokener_parse_ex(tok, s, (int)len);
	complete = json_tokener_get_error(tok) == json_tokener_success;
	end = json_tokener_get_parse_end(tok);
	json_tokener_free(tok);
	while (complete && end < len && is_space(s[end]))
		end++;
	if (!complete || end < len) {
		json_object_put(object);
		return KUBE_BAD_JSON;
	}
	if (!object || !json_object_is_type(object, json_type_object)) {
		json_object_put(object);
		return KUBE_NOT_AN_OBJECT;
	}
	*ret_object = object;
	return KUBE_OK;
}

enum kube_cause
kube_json_parse(const void *text, size_t len, size_t max_bytes, struct json_object **ret_object)
{
	struct strbuf cut = {0}, escaped = {0};
	enum kube_cause cause = KUBE_BAD_JSON;
	bool ascii;

	/* Escaped it is up to three times as long. */
	if (len > max_bytes || len > INT_MAX / 3)
		return KUBE_TOO_LARGE;
	if (kube_json_cut(&cut, text, len)) {
		text = strbuf_text(&cut);
		len = cut.len;
	}
	if (!len || !is_text(text, len, &ascii))
		cause = KUBE_BAD_JSON;
	else if (ascii)
		cause = parse_ascii(text, len, ret_object);
	else if (escape_text(&escaped, text, len))
		cause = parse_ascii(strbuf_text(&escaped), escaped.len, ret_object);
	strbuf_free(&escaped);
	strbuf_free(&cut);
	return cause;
}

void
kube_json_clean(struct strbuf *sb, const char *s, size_t max)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t start = sb->len;

	while (*p) {
		size_t n = utf8_len(p, strnlen((const char *)p, 4));

		if (sb->len - start + (n ? n : 1) > max)
			break;
		if (n)
			strbuf_addn(sb, (const char *)p, n);
		else
			strbuf_addc(sb, '?');
		p += n ? n : 1;
	}
}

void
kube_json_put(struct json_object *object, const char *key, struct json_object *value)
{
	if (json_object_object_add(object, key, value))
		abort();
}

void
kube_json_put_string(struct json_object *object, const char *key, const char *value)
{
	kube_json_put_text(object, key, value, SIZE_MAX);
}

void
kube_json_put_text(struct json_object *object, const char *key, const char *value, size_t max)
{
	size_t len = strnlen(value, max);
	struct strbuf sb = {0};
	bool ascii;

	/* Nearly all there is: nothing to clean. */
	if (len <= INT_MAX && is_text((const unsigned char *)value, len, &ascii) && ascii) {
		kube_json_put(object, key, json_object_new_string_len(value, (int)len));
		return;
	}
	kube_json_clean(&sb, value, max);
	kube_json_put(object, key, json_object_new_string(strbuf_text(&sb)));
	strbuf_free(&sb);
}

void
kube_json_put_int(struct json_object *object, const char *key, int64_t value)
{
	kube_json_put(object, key, json_object_new_int64(value));
}

void
kube_json_put_bool(struct json_object *object, const char *key, bool value)
{
	kube_json_put(object, key, json_object_new_boolean(value));
}

void
kube_json_put_null(struct json_object *object, const char *key)
{
	kube_json_put(object, key, NULL);
}

void
kube_json_put_micro_time(struct json_object *object, const char *key, int64_t unix_usec)
{
	char text[32];

	str_format_time(unix_usec, text, sizeof(text));
	kube_json_put_string(object, key, text);
}

void
kube_json_put_time(struct json_object *object, const char *key, int64_t unix_usec)
{
	char text[32], *dot;

	str_format_time(unix_usec, text, sizeof(text));
	dot = strchr(text, '.');
	if (dot)
		memcpy(dot, "Z", 2);
	kube_json_put_string(object, key, text);
}

struct json_object *
kube_json_put_object(struct json_object *object, const char *key)
{
	struct json_object *member = json_object_new_object();

	kube_json_put(object, key, member);
	return member;
}

struct json_object *
kube_json_put_array(struct json_object *object, const char *key)
{
	struct json_object *member = json_object_new_array();

	kube_json_put(object, key, member);
	return member;
}

struct json_object *
kube_json_append_object(struct json_object *array)
{
	struct json_object *element = json_object_new_object();

	if (json_object_array_add(array, element))
		abort();
	return element;
}

void
kube_json_append_string(struct json_object *array, const char *value)
{
	struct strbuf sb = {0};

	kube_json_clean(&sb, value, SIZE_MAX);
	if (json_object_array_add(array, json_object_new_string(strbuf_text(&sb))))
		abort();
	strbuf_free(&sb);
}

char *
kube_json_detach(struct json_object *object)
{
	char *text = xstrdup(json_object_to_json_string_ext(
	    object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));

	json_object_put(object);
	return text;
}
