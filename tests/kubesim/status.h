/*
 * status: metav1.Status objects, the form of every error of the API (and of a successful delete).
 *
 * Functions that can fail return the Status to answer with, which the caller owns
 * (json_object_put), or NULL for success.
 */
#ifndef KUBESIM_STATUS_H
#define KUBESIM_STATUS_H

#include <json-c/json.h>
#include <stdbool.h>

/* reason may be NULL: the server leaves it out of some 500s. */
struct json_object *status_new(int code, const char *reason, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Adds details; group "" for the core group. name may be "". */
void
status_details(struct json_object *status, const char *name, const char *group, const char *kind);
/* An empty details object, as the server adds to some errors. */
void status_no_details(struct json_object *status);
void status_retry_after(struct json_object *status, int seconds);
struct json_object *
status_success(const char *name, const char *group, const char *resource, const char *uid);

struct json_object *status_bad_request(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* resource is the plural; its qualified form ("leases.coordination.k8s.io") is made here. */
struct json_object *status_not_found(const char *group, const char *resource, const char *name);
struct json_object *status_exists(const char *group, const char *resource, const char *name);
struct json_object *
status_conflict(const char *group, const char *resource, const char *name, const char *why);
struct json_object *status_method_not_allowed(void);
struct json_object *status_expired(const char *message);
struct json_object *status_internal(const char *message);

int status_code(struct json_object *status);

/* What a validation found, in order. */
struct causes {
	struct json_object *list; /* array of StatusCause, NULL while there is none */
};

void causes_fini(struct causes *causes);
void causes_invalid(struct causes *causes, const char *field, const char *value, const char *why);
void causes_invalid_int(struct causes *causes, const char *field, long value, const char *why);
void causes_invalid_hex(struct causes *causes, const char *field, long value, const char *why);
void causes_required(struct causes *causes, const char *field, const char *why);
/* supported: the list as Go prints it, quoted and sorted. */
void causes_unsupported(
    struct causes *causes, const char *field, const char *value, const char *supported);
void causes_forbidden(struct causes *causes, const char *field, const char *why);
void causes_duplicate(struct causes *causes, const char *field, const char *value);
bool causes_any(const struct causes *causes);
/* 422 Invalid with all causes, which it takes; NULL when there are none. */
struct json_object *
causes_status(struct causes *causes, const char *group, const char *kind, const char *name);

#endif
