/*
 * error: a metav1.Status, the body of every refusal of the API server and the object of a watch's
 * ERROR event, and what an HTTP status alone says when there is no such body (a proxy's page).
 */
#ifndef KUBE_ERROR_H
#define KUBE_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_object;

#define KUBE_ERROR_MAX_BODY (64u << 10) /* bytes of a body that are read at all */
#define KUBE_ERROR_MAX_MESSAGE 512      /* bytes that are kept, with the terminating zero */
#define KUBE_ERROR_MAX_RETRY_AFTER 3600 /* seconds; more is cut */

/* status.reason, those that the daemon acts on. */
enum kube_reason {
	KUBE_REASON_OTHER,
	KUBE_REASON_BAD_REQUEST,
	KUBE_REASON_UNAUTHORIZED,
	KUBE_REASON_FORBIDDEN,
	KUBE_REASON_NOT_FOUND,
	KUBE_REASON_ALREADY_EXISTS,
	KUBE_REASON_CONFLICT,
	KUBE_REASON_GONE,
	KUBE_REASON_EXPIRED,
	KUBE_REASON_INVALID,
	KUBE_REASON_TOO_MANY_REQUESTS,
	KUBE_REASON_TIMEOUT,
	KUBE_REASON_SERVER_TIMEOUT,
	KUBE_REASON_SERVICE_UNAVAILABLE,
	KUBE_REASON_INTERNAL_ERROR,
	KUBE_REASON_COUNT
};

struct kube_error {
	int code; /* HTTP status, or status.code */
	enum kube_reason reason;
	bool resource_version_too_large; /* details.causes: wait, the server is behind */
	int64_t retry_after_sec;         /* details.retryAfterSeconds or Retry-After; -1: none */
	/* "services is forbidden: User ..." with control characters replaced: valid UTF-8, one
	 * line. Without a Status: the HTTP status's name. */
	char message[KUBE_ERROR_MAX_MESSAGE];
};

/* "Conflict", ... */
const char *kube_reason_str(enum kube_reason reason);
/*
 * From an HTTP answer. `body` may be anything, cut off too; retry_after_sec is that of the header,
 * -1 for none.
 */
void kube_error_decode(
    int http_status, int64_t retry_after_sec, const void *body, size_t len, struct kube_error *ret);
/* From the object of an ERROR event. Anything but a Status gives code 500. */
void kube_error_from_object(const struct json_object *object, struct kube_error *ret);
/* Both forms of "that resourceVersion is too old": list again. */
bool kube_error_is_expired(const struct kube_error *error);
/* The value of a Retry-After header: seconds, -1 for none or a date (the API server sends
 * seconds). NULL is allowed. */
int64_t kube_error_parse_retry_after(const char *value);

#endif
