#include "kube/error.h"

#include <assert.h>
#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "kube/json.h"
#include "util/str.h"

static const char *const reason_names[] = {
    [KUBE_REASON_OTHER] = "Unknown",
    [KUBE_REASON_BAD_REQUEST] = "BadRequest",
    [KUBE_REASON_UNAUTHORIZED] = "Unauthorized",
    [KUBE_REASON_FORBIDDEN] = "Forbidden",
    [KUBE_REASON_NOT_FOUND] = "NotFound",
    [KUBE_REASON_ALREADY_EXISTS] = "AlreadyExists",
    [KUBE_REASON_CONFLICT] = "Conflict",
    [KUBE_REASON_GONE] = "Gone",
    [KUBE_REASON_EXPIRED] = "Expired",
    [KUBE_REASON_INVALID] = "Invalid",
    [KUBE_REASON_TOO_MANY_REQUESTS] = "TooManyRequests",
    [KUBE_REASON_TIMEOUT] = "Timeout",
    [KUBE_REASON_SERVER_TIMEOUT] = "ServerTimeout",
    [KUBE_REASON_SERVICE_UNAVAILABLE] = "ServiceUnavailable",
    [KUBE_REASON_INTERNAL_ERROR] = "InternalError",
};
static_assert(
    sizeof(reason_names) / sizeof(reason_names[0]) == KUBE_REASON_COUNT, "one name per reason");

/* What a status means when the body does not say. */
static const struct {
	int code;
	enum kube_reason reason;
	const char *text;
} http_statuses[] = {
    {400, KUBE_REASON_BAD_REQUEST, "Bad Request"},
    {401, KUBE_REASON_UNAUTHORIZED, "Unauthorized"},
    {403, KUBE_REASON_FORBIDDEN, "Forbidden"},
    {404, KUBE_REASON_NOT_FOUND, "Not Found"},
    {405, KUBE_REASON_OTHER, "Method Not Allowed"},
    {406, KUBE_REASON_OTHER, "Not Acceptable"},
    {409, KUBE_REASON_CONFLICT, "Conflict"},
    {410, KUBE_REASON_GONE, "Gone"},
    {413, KUBE_REASON_OTHER, "Request Entity Too Large"},
    {415, KUBE_REASON_OTHER, "Unsupported Media Type"},
    {422, KUBE_REASON_INVALID, "Unprocessable Entity"},
    {429, KUBE_REASON_TOO_MANY_REQUESTS, "Too Many Requests"},
    {500, KUBE_REASON_INTERNAL_ERROR, "Internal Server Error"},
    {502, KUBE_REASON_OTHER, "Bad Gateway"},
    {503, KUBE_REASON_SERVICE_UNAVAILABLE, "Service Unavailable"},
    {504, KUBE_REASON_TIMEOUT, "Gateway Timeout"},
};

const char *
kube_reason_str(enum kube_reason reason)
{
	return reason_names[reason];
}

static void
set_message(struct kube_error *error, const char *text)
{
	struct strbuf sb = {0};
	char *p;

	kube_json_clean(&sb, text, sizeof(error->message) - 1);
	(void)str_copy(error->message, sizeof(error->message), strbuf_text(&sb));
	strbuf_free(&sb);
	for (p = error->message; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
}

static void
from_http(int status, int64_t retry_after_sec, struct kube_error *ret)
{
	size_t i;

	*ret = (struct kube_error){.code = status, .retry_after_sec = retry_after_sec};
	(void)str_copy(ret->message, sizeof(ret->message), "HTTP error");
	for (i = 0; i < sizeof(http_statuses) / sizeof(http_statuses[0]); i++) {
		if (http_statuses[i].code != status)
			continue;
		ret->reason = http_statuses[i].reason;
		(void)str_copy(ret->message, sizeof(ret->message), http_statuses[i].text);
	}
}

static void
read_details(const struct json_object *object, struct kube_error *ret)
{
	struct json_object *details = NULL, *causes = NULL, *cause;
	int64_t retry;
	size_t i;

	(void)kube_json_object(object, "details", &details);
	if (kube_json_int(details, "retryAfterSeconds", 1, INT64_MAX, &retry) == KUBE_JSON_FOUND &&
	    retry > ret->retry_after_sec)
		ret->retry_after_sec = retry;
	(void)kube_json_array(details, "causes", &causes);
	for (i = 0; i < kube_json_length(causes); i++)
		if (kube_json_element(causes, i, &cause) == KUBE_JSON_FOUND &&
		    str_eq(kube_json_string_or(cause, "reason", ""), "ResourceVersionTooLarge"))
			ret->resource_version_too_large = true;
}

/* Fills in what the Status has; false when it is none. */
static bool
read_status(const struct json_object *object, struct kube_error *ret)
{
	const char *reason, *message;
	int64_t code;
	int i;

	if (!str_eq(kube_json_string_or(object, "kind", ""), "Status"))
		return false;
	if (kube_json_int(object, "code", 400, 599, &code) == KUBE_JSON_FOUND)
		ret->code = (int)code;
	if (kube_json_string(object, "reason", &reason) == KUBE_JSON_FOUND) {
		ret->reason = KUBE_REASON_OTHER;
		for (i = 0; i < KUBE_REASON_COUNT; i++)
			if (str_eq(reason_names[i], reason))
				ret->reason = (enum kube_reason)i;
	}
	message = kube_json_string_or(object, "message", "");
	if (*message)
		set_message(ret, message);
	read_details(object, ret);
	/* Servers before 1.20 name the cause in the message only. */
	if (strstr(message, "Too large resource version"))
		ret->resource_version_too_large = true;
	return true;
}

static void
cap_retry_after(struct kube_error *error)
{
	if (error->retry_after_sec < -1)
		error->retry_after_sec = -1;
	if (error->retry_after_sec > KUBE_ERROR_MAX_RETRY_AFTER)
		error->retry_after_sec = KUBE_ERROR_MAX_RETRY_AFTER;
}

void
kube_error_decode(
    int http_status, int64_t retry_after_sec, const void *body, size_t len, struct kube_error *ret)
{
	struct json_object *object;

	from_http(http_status, retry_after_sec, ret);
	if (kube_json_parse(body, len, KUBE_ERROR_MAX_BODY, &object) == KUBE_OK) {
		(void)read_status(object, ret);
		json_object_put(object);
	}
	ret->code = http_status;
	cap_retry_after(ret);
}

void
kube_error_from_object(const struct json_object *object, struct kube_error *ret)
{
	from_http(500, -1, ret);
	if (!read_status(object, ret))
		set_message(ret, "an ERROR event without a Status");
	cap_retry_after(ret);
}

bool
kube_error_is_expired(const struct kube_error *error)
{
	return error->code == 410 || error->reason == KUBE_REASON_EXPIRED ||
	    error->reason == KUBE_REASON_GONE;
}

int64_t
kube_error_parse_retry_after(const char *value)
{
	uint64_t seconds;
	int err;

	if (!value)
		return -1;
	while (*value == ' ' || *value == '\t')
		value++;
	err = str_parse_uint(value, KUBE_ERROR_MAX_RETRY_AFTER, &seconds);
	if (!err)
		return (int64_t)seconds;
	return err == -ERANGE ? KUBE_ERROR_MAX_RETRY_AFTER : -1;
}
