/*
 * obj: reading and changing JSON objects by path, and the few text forms (times, ages, names) that
 * the API uses.
 *
 * A path is field names joined by dots ("spec.type"); names that hold dots themselves (labels,
 * annotations) cannot be reached by one. Getters borrow from the object; a missing field, a null
 * and a wrong type look alike.
 */
#ifndef KUBESIM_OBJ_H
#define KUBESIM_OBJ_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct json_object *obj_get(struct json_object *obj, const char *path);
/* "" when missing. */
const char *obj_str(struct json_object *obj, const char *path);
int64_t obj_int(struct json_object *obj, const char *path, int64_t missing);
bool obj_bool(struct json_object *obj, const char *path, bool missing);
/* 0 when missing or not an array. */
size_t obj_len(struct json_object *obj, const char *path);
/* Element i of the array at path, NULL past its end. */
struct json_object *obj_at(struct json_object *obj, const char *path, size_t i);
/* Takes over `value`; makes missing parents. */
void obj_set(struct json_object *obj, const char *path, struct json_object *value);
void obj_set_str(struct json_object *obj, const char *path, const char *value);
void obj_del(struct json_object *obj, const char *path);
/* Independent copy; NULL for NULL. */
struct json_object *obj_copy(struct json_object *obj);
/* Compact text, borrowed from the object. */
const char *obj_text(struct json_object *obj);
/* Parses exactly one JSON value; NULL when it is none (*ret_why then says why, static text). The
 * word null gives NULL and why NULL. */
struct json_object *obj_parse(const char *text, size_t len, const char **ret_why);

/* RFC 3339 in UTC, to the second. buf holds at least 32 bytes. */
void obj_time(char *buf, size_t len, time_t when);
/*
 * Reads RFC 3339 as Go does: metav1.Time takes an optional fraction and loses it, MicroTime insists
 * on six digits. Writes the canonical form to buf (at least 40 bytes); false when it is no such
 * time.
 */
bool obj_time_normalise(const char *s, bool micro, char *buf, size_t len);
/* Seconds since 1970; 0 when s is no time. */
time_t obj_time_parse(const char *s);
/* Age as kubectl prints it: 95s, 4m12s, 3d. */
void obj_age(char *buf, size_t len, time_t seconds);
/* A random (version 4) UUID; buf holds at least 37 bytes. */
void obj_uuid(char *buf, size_t len);

#endif
