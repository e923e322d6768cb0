/*
 * json: thin, strict getters over json-c. Nothing here crashes or converts on a wrong type: a
 * number is not read from a string, nor a string from a number.
 *
 * Borrowed pointers (strings, members) live as long as the object that they come from.
 */
#ifndef KUBE_JSON_H
#define KUBE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kube/cause.h"

struct json_object;
struct strbuf;

#define KUBE_JSON_MAX_DEPTH 64
/* One object: etcd takes 1.5 MiB, managedFields and the escaping of JSON included in this. */
#define KUBE_JSON_MAX_OBJECT_BYTES (4u << 20)

/* What a getter found; *ret is set for FOUND only. JSON's null counts as absent, as it does for
 * Kubernetes itself; so does a member of an absent (NULL) object. */
enum kube_json {
	KUBE_JSON_ABSENT,
	KUBE_JSON_FOUND,
	KUBE_JSON_WRONG, /* another type, out of range, or a string with a zero byte inside */
	KUBE_JSON_COUNT
};

enum kube_json
kube_json_object(const struct json_object *object, const char *key, struct json_object **ret);
enum kube_json
kube_json_array(const struct json_object *object, const char *key, struct json_object **ret);
enum kube_json
kube_json_string(const struct json_object *object, const char *key, const char **ret);
enum kube_json kube_json_bool(const struct json_object *object, const char *key, bool *ret);
/* A whole number within [min, max]. */
enum kube_json kube_json_int(
    const struct json_object *object, const char *key, int64_t min, int64_t max, int64_t *ret);
/* The same for an element of an array; `index` may lie beyond its end (ABSENT). */
enum kube_json
kube_json_element(const struct json_object *array, size_t index, struct json_object **ret);
enum kube_json
kube_json_element_string(const struct json_object *array, size_t index, const char **ret);
size_t kube_json_length(const struct json_object *array);

/* The string, or `fallback` when it is absent or of a wrong type: for what only informs. */
const char *
kube_json_string_or(const struct json_object *object, const char *key, const char *fallback);

/*
 * Parses one whole text (an object of at most `max_bytes`, UTF-8, at most KUBE_JSON_MAX_DEPTH
 * deep, nothing but white space after it). KUBE_OK: the caller owns *ret_object
 * (json_object_put()). Otherwise KUBE_TOO_LARGE, KUBE_BAD_JSON or KUBE_NOT_AN_OBJECT. A member
 * managedFields comes out empty: see json_cut.h.
 */
enum kube_cause
kube_json_parse(const void *text, size_t len, size_t max_bytes, struct json_object **ret_object);

/*
 * Appends `s` as valid UTF-8: each invalid byte as '?', at most `max` bytes, cut between
 * characters.
 */
void kube_json_clean(struct strbuf *sb, const char *s, size_t max);

/* Building: add a member and take nothing over but `value` of kube_json_put(). Strings are cleaned
 * as by kube_json_clean(). */
void kube_json_put(struct json_object *object, const char *key, struct json_object *value);
void kube_json_put_string(struct json_object *object, const char *key, const char *value);
void kube_json_put_text(struct json_object *object, const char *key, const char *value, size_t max);
void kube_json_put_int(struct json_object *object, const char *key, int64_t value);
void kube_json_put_bool(struct json_object *object, const char *key, bool value);
void kube_json_put_null(struct json_object *object, const char *key);
/* RFC 3339 with microseconds (metav1.MicroTime), or with whole seconds (metav1.Time). */
void kube_json_put_micro_time(struct json_object *object, const char *key, int64_t unix_usec);
void kube_json_put_time(struct json_object *object, const char *key, int64_t unix_usec);
/* A new member object. Borrowed from `object`. */
struct json_object *kube_json_put_object(struct json_object *object, const char *key);
struct json_object *kube_json_put_array(struct json_object *object, const char *key);
struct json_object *kube_json_append_object(struct json_object *array);
void kube_json_append_string(struct json_object *array, const char *value);
/* The compact text on the heap; frees `object`. */
char *kube_json_detach(struct json_object *object);

#endif
