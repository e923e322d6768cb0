#include "obj.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"

/* Deeper JSON than any Kubernetes object is refused. */
enum {
	OBJ_DEPTH_MAX = 64,
	OBJ_KEY_MAX = 128
};

/* The next name of the path into key; returns what follows it, NULL at the end. */
static const char *
next_key(const char *path, char key[OBJ_KEY_MAX])
{
	size_t n = strcspn(path, ".");

	if (n >= OBJ_KEY_MAX)
		abort();
	memcpy(key, path, n);
	key[n] = '\0';
	return path[n] == '.' ? path + n + 1 : NULL;
}

struct json_object *
obj_get(struct json_object *obj, const char *path)
{
	char key[OBJ_KEY_MAX];

	while (path != NULL && obj != NULL) {
		struct json_object *next = NULL;

		path = next_key(path, key);
		if (!json_object_is_type(obj, json_type_object) ||
		    !json_object_object_get_ex(obj, key, &next))
			return NULL;
		obj = next;
	}
	return obj;
}

const char *
obj_str(struct json_object *obj, const char *path)
{
	struct json_object *v = obj_get(obj, path);

	return json_object_is_type(v, json_type_string) ? json_object_get_string(v) : "";
}

int64_t
obj_int(struct json_object *obj, const char *path, int64_t missing)
{
	struct json_object *v = obj_get(obj, path);

	return json_object_is_type(v, json_type_int) ? json_object_get_int64(v) : missing;
}

bool
obj_bool(struct json_object *obj, const char *path, bool missing)
{
	struct json_object *v = obj_get(obj, path);

	return json_object_is_type(v, json_type_boolean) ? json_object_get_boolean(v) != 0
							 : missing;
}

size_t
obj_len(struct json_object *obj, const char *path)
{
	struct json_object *v = obj_get(obj, path);

	return json_object_is_type(v, json_type_array) ? json_object_array_length(v) : 0;
}

struct json_object *
obj_at(struct json_object *obj, const char *path, size_t i)
{
	if (i >= obj_len(obj, path))
		return NULL;
	return json_object_array_get_idx(obj_get(obj, path), i);
}

void
obj_set(struct json_object *obj, const char *path, struct json_object *value)
{
	char key[OBJ_KEY_MAX];

	for (;;) {
		struct json_object *next = NULL;

		path = next_key(path, key);
		if (path == NULL)
			break;
		json_object_object_get_ex(obj, key, &next);
		if (!json_object_is_type(next, json_type_object)) {
			next = json_object_new_object();
			json_object_object_add(obj, key, next);
		}
		obj = next;
	}
	json_object_object_add(obj, key, value);
}

void
obj_set_str(struct json_object *obj, const char *path, const char *value)
{
	obj_set(obj, path, json_object_new_string(value));
}

void
obj_del(struct json_object *obj, const char *path)
{
	char key[OBJ_KEY_MAX];

	while (obj != NULL) {
		struct json_object *next = NULL;

		path = next_key(path, key);
		if (path == NULL) {
			json_object_object_del(obj, key);
			return;
		}
		json_object_object_get_ex(obj, key, &next);
		obj = json_object_is_type(next, json_type_object) ? next : NULL;
	}
}

struct json_object *
obj_copy(struct json_object *obj)
{
	struct json_object *copy = NULL;

	if (obj == NULL)
		return NULL;
	if (json_object_deep_copy(obj, &copy, NULL) != 0)
		abort();
	return copy;
}

const char *
obj_text(struct json_object *obj)
{
	return json_object_to_json_string_ext(
	    obj, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

struct json_object *
obj_parse(const char *text, size_t len, const char **ret_why)
{
	struct json_tokener *tok = json_tokener_new_ex(OBJ_DEPTH_MAX);
	struct json_object *obj;
	enum json_tokener_error err;
	size_t used;

	*ret_why = NULL;
	if (tok == NULL)
		abort();
	obj = json_tokener_parse_ex(tok, text, (int)len);
	err = json_tokener_get_error(tok);
	used = json_tokener_get_parse_end(tok);
	if (err == json_tokener_continue && obj == NULL) {
		/* a bare number ends with the text only */
		obj = json_tokener_parse_ex(tok, "", 1);
		err = json_tokener_get_error(tok);
		used = len;
	}
	json_tokener_free(tok);
	while (used < len && (isspace((unsigned char)text[used]) || text[used] == '\0'))
		used++;
	if (err == json_tokener_success && used == len)
		return obj;
	json_object_put(obj);
	if (err == json_tokener_success)
		*ret_why = "invalid character after top-level value";
	else if (err == json_tokener_continue)
		*ret_why = "unexpected end of JSON input";
	else
		*ret_why = json_tokener_error_desc(err);
	return NULL;
}

void
obj_time(char *buf, size_t len, time_t when)
{
	struct tm tm;

	gmtime_r(&when, &tm);
	strftime(buf, len, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static bool
digits(const char **s, int n, int *ret_value)
{
	int v = 0;

	for (int i = 0; i < n; i++, (*s)++) {
		if (!isdigit((unsigned char)**s))
			return false;
		v = v * 10 + (**s - '0');
	}
	*ret_value = v;
	return true;
}

static bool
literal(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

/* The zone at the end: Z or +hh:mm. */
static bool
zone(const char *s, int *ret_offset)
{
	int hour, minute, sign = *s == '-' ? -1 : 1;

	*ret_offset = 0;
	if (strcmp(s, "Z") == 0)
		return true;
	if (*s != '+' && *s != '-')
		return false;
	s++;
	if (!digits(&s, 2, &hour) || !literal(&s, ':') || !digits(&s, 2, &minute) || *s != '\0')
		return false;
	*ret_offset = sign * (hour * 3600 + minute * 60);
	return true;
}

/* Days in the month, leap years by the Gregorian rule. */
static int
month_days(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

static bool
parse_time(const char *s, time_t *ret_when, int *ret_fraction_digits, int *ret_usec)
{
	struct tm tm = {0};
	int year, month, offset, scale = 100000;

	*ret_fraction_digits = *ret_usec = 0;
	if (!digits(&s, 4, &year) || !literal(&s, '-') || !digits(&s, 2, &month) ||
	    !literal(&s, '-') || !digits(&s, 2, &tm.tm_mday) || !literal(&s, 'T') ||
	    !digits(&s, 2, &tm.tm_hour) || !literal(&s, ':') || !digits(&s, 2, &tm.tm_min) ||
	    !literal(&s, ':') || !digits(&s, 2, &tm.tm_sec))
		return false;
	if (*s == '.' && isdigit((unsigned char)s[1]))
		for (s++; isdigit((unsigned char)*s); s++, scale /= 10, (*ret_fraction_digits)++)
			*ret_usec += (*s - '0') * scale;
	if (!zone(s, &offset) || month < 1 || month > 12 || tm.tm_mday < 1 ||
	    tm.tm_mday > month_days(year, month) || tm.tm_hour > 23 || tm.tm_min > 59 ||
	    tm.tm_sec > 59)
		return false;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	*ret_when = timegm(&tm) - offset;
	return true;
}

bool
obj_time_normalise(const char *s, bool micro, char *buf, size_t len)
{
	char seconds[32];
	time_t when;
	int fraction_digits, usec;

	if (!parse_time(s, &when, &fraction_digits, &usec) || (micro && fraction_digits != 6))
		return false;
	obj_time(seconds, sizeof(seconds), when);
	if (!micro)
		snprintf(buf, len, "%s", seconds);
	else
		snprintf(buf, len, "%.*s.%06dZ", (int)strlen(seconds) - 1, seconds, usec);
	return true;
}

time_t
obj_time_parse(const char *s)
{
	time_t when;
	int fraction_digits, usec;

	return parse_time(s, &when, &fraction_digits, &usec) ? when : 0;
}

void
obj_age(char *buf, size_t len, time_t seconds)
{
	long s = seconds < 0 ? 0 : (long)seconds, m = s / 60, h = m / 60, d = h / 24;

	if (s < 120)
		snprintf(buf, len, "%lds", s);
	else if (m < 10)
		s % 60 == 0 ? snprintf(buf, len, "%ldm", m)
			    : snprintf(buf, len, "%ldm%lds", m, s % 60);
	else if (h < 3)
		snprintf(buf, len, "%ldm", m);
	else if (h < 8)
		m % 60 == 0 ? snprintf(buf, len, "%ldh", h)
			    : snprintf(buf, len, "%ldh%ldm", h, m % 60);
	else if (h < 48)
		snprintf(buf, len, "%ldh", h);
	else if (d < 8)
		h % 24 == 0 ? snprintf(buf, len, "%ldd", d)
			    : snprintf(buf, len, "%ldd%ldh", d, h % 24);
	else if (d < 730)
		snprintf(buf, len, "%ldd", d);
	else
		snprintf(buf, len, "%ldy", d / 365);
}

void
obj_uuid(char *buf, size_t len)
{
	uint32_t r[4];

	for (int i = 0; i < 4; i++)
		r[i] = sim_random(UINT32_MAX);
	snprintf(buf, len, "%08x-%04x-4%03x-%04x-%04x%08x", r[0], r[1] >> 16, r[1] & 0xfff,
	    0x8000 | (r[2] & 0x3fff), r[2] >> 16, r[3]);
}
