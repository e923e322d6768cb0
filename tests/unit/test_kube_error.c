#include "test_kube.h"

#include "kube/error.h"
#include "kube/path.h"

static const struct {
	const char *file;
	int status;
	enum kube_reason reason;
	const char *message; /* its begin */
	int64_t retry;
	bool too_large;
} real[] = {
    {"status-conflict.json", 409, KUBE_REASON_CONFLICT, "Operation cannot be fulfilled", -1, false},
    {"status-exists.json", 409, KUBE_REASON_ALREADY_EXISTS,
	"leases.coordination.k8s.io \"ip-10-77-0-200\" already exists", -1, false},
    {"status-forbidden.json", 403, KUBE_REASON_FORBIDDEN, "services is forbidden: User \"nobody\"",
	-1, false},
    {"status-unauthorized.json", 401, KUBE_REASON_UNAUTHORIZED, "Unauthorized", -1, false},
    {"status-selector400.json", 400, KUBE_REASON_BAD_REQUEST,
	"\"spec.type\" is not a known field selector", -1, false},
    {"status-continue400.json", 400, KUBE_REASON_BAD_REQUEST, "invalid continue token", -1, false},
    {"status-toolarge504.json", 504, KUBE_REASON_TIMEOUT, "Timeout: Too large resource version", 1,
	true},
};

static void
test_real(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(real); i++) {
		struct kube_error error;
		size_t len;
		char *text = kube_test_file(real[i].file, &len);

		kube_error_decode(real[i].status, -1, text, len, &error);
		assert_row(i, real[i].file, error.code == real[i].status);
		assert_row(i, real[i].file, error.reason == real[i].reason);
		assert_row(i, real[i].file, str_has_prefix(error.message, real[i].message));
		assert_row(i, real[i].file, error.retry_after_sec == real[i].retry);
		assert_row(i, real[i].file, error.resource_version_too_large == real[i].too_large);
		assert_row(i, real[i].file, !kube_error_is_expired(&error));
		free(text);
	}
}

static const struct {
	const char *name;
	int status;
	int64_t header;
	const char *body;
	enum kube_reason reason;
	const char *message;
	int64_t retry;
} odd[] = {
    {"empty", 404, -1, "", KUBE_REASON_NOT_FOUND, "Not Found", -1},
    {"page", 503, 5, "<html>", KUBE_REASON_SERVICE_UNAVAILABLE, "Service Unavailable", 5},
    {"unknown", 418, -1, "teapot", KUBE_REASON_OTHER, "HTTP error", -1},
    {"other kind", 409, -1, "{\"kind\":\"Pod\",\"message\":\"x\"}", KUBE_REASON_CONFLICT,
	"Conflict", -1},
    {"wrong types", 500, -1, "{\"kind\":\"Status\",\"message\":5,\"reason\":[],\"code\":\"x\"}",
	KUBE_REASON_INTERNAL_ERROR, "Internal Server Error", -1},
    {"another code inside", 403, -1, "{\"kind\":\"Status\",\"code\":410}", KUBE_REASON_FORBIDDEN,
	"Forbidden", -1},
    {"new reason", 400, -1, "{\"kind\":\"Status\",\"reason\":\"Novel\"}", KUBE_REASON_OTHER,
	"Bad Request", -1},
    {"control characters", 500, -1, "{\"kind\":\"Status\",\"message\":\"a\\nb\\u001b[31m\\u007f\"}",
	KUBE_REASON_INTERNAL_ERROR, "a b [31m ", -1},
    {"body over header", 429, 2, "{\"kind\":\"Status\",\"details\":{\"retryAfterSeconds\":9}}",
	KUBE_REASON_TOO_MANY_REQUESTS, "Too Many Requests", 9},
    {"for ever", 429, 2,
	"{\"kind\":\"Status\",\"details\":{\"retryAfterSeconds\":9223372036854775807}}",
	KUBE_REASON_TOO_MANY_REQUESTS, "Too Many Requests", KUBE_ERROR_MAX_RETRY_AFTER},
    {"negative", 429, -7, "", KUBE_REASON_TOO_MANY_REQUESTS, "Too Many Requests", -1},
};

static void
test_odd(void **state)
{
	struct kube_error error;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(odd); i++) {
		kube_error_decode(
		    odd[i].status, odd[i].header, odd[i].body, strlen(odd[i].body), &error);
		assert_row(i, odd[i].name, error.code == odd[i].status);
		assert_row(i, odd[i].name, error.reason == odd[i].reason);
		assert_row(i, odd[i].name, str_eq(error.message, odd[i].message));
		assert_row(i, odd[i].name, error.retry_after_sec == odd[i].retry);
	}
}

static void
test_event_object(void **state)
{
	static const struct {
		const char *text;
		int code;
		bool expired;
	} rows[] = {
	    {"{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\"}", 410, true},
	    {"{\"kind\":\"Status\",\"reason\":\"Expired\"}", 500, true},
	    {"{\"kind\":\"Status\",\"reason\":\"Gone\",\"code\":410}", 410, true},
	    {"{\"kind\":\"Status\",\"code\":504}", 504, false},
	    {"{\"kind\":\"Status\",\"code\":7}", 500, false},
	    {"{}", 500, false},
	};
	struct kube_error error;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct json_object *object = kube_test_parse(rows[i].text);

		kube_error_from_object(object, &error);
		assert_row(i, rows[i].text, error.code == rows[i].code);
		assert_row(i, rows[i].text, kube_error_is_expired(&error) == rows[i].expired);
		json_object_put(object);
	}
}

static void
test_long_message(void **state)
{
	struct strbuf sb = {0};
	struct kube_error error;
	int i;

	(void)state;
	strbuf_add(&sb, "{\"kind\":\"Status\",\"message\":\"x");
	for (i = 0; i < 1000; i++)
		strbuf_add(&sb, "\xc3\xa4");
	strbuf_add(&sb, "\"}");
	kube_error_decode(500, -1, sb.text, sb.len, &error);
	assert_int_equal(strlen(error.message), KUBE_ERROR_MAX_MESSAGE - 1);
	assert_int_equal((uint8_t)error.message[KUBE_ERROR_MAX_MESSAGE - 2], 0xa4);
	/* Over the cap: not read at all. */
	while (sb.len <= KUBE_ERROR_MAX_BODY)
		strbuf_addc(&sb, ' ');
	kube_error_decode(500, -1, sb.text, sb.len, &error);
	assert_string_equal(error.message, "Internal Server Error");
	strbuf_free(&sb);
}

static void
test_retry_after(void **state)
{
	static const struct {
		const char *value;
		int64_t seconds;
	} rows[] = {
	    {NULL, -1},
	    {"", -1},
	    {"0", 0},
	    {" 5", 5},
	    {"99999999999999999999999", KUBE_ERROR_MAX_RETRY_AFTER},
	    {"86400", KUBE_ERROR_MAX_RETRY_AFTER},
	    {"-1", -1},
	    {"Wed, 21 Oct 2026 07:28:00 GMT", -1},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(kube_error_parse_retry_after(rows[i].value), rows[i].seconds);
}

static void
assert_path(char *path, const char *expected)
{
	assert_string_equal(path, expected);
	free(path);
}

static void
test_paths(void **state)
{
	(void)state;
	assert_path(kube_path_service("a", "b"), "/api/v1/namespaces/a/services/b");
	assert_path(kube_path_service_status("a", "b"), "/api/v1/namespaces/a/services/b/status");
	assert_path(kube_path_leases("a"), "/apis/coordination.k8s.io/v1/namespaces/a/leases");
	assert_path(
	    kube_path_lease("a", "ip-1"), "/apis/coordination.k8s.io/v1/namespaces/a/leases/ip-1");
	assert_path(kube_path_events("a"), "/api/v1/namespaces/a/events");
	assert_path(kube_path_event("a", "x.1"), "/api/v1/namespaces/a/events/x.1");
	assert_path(kube_path_node("n1"), "/api/v1/nodes/n1");
	assert_path(kube_path_namespace("n"), "/api/v1/namespaces/n");
	/* Nothing gets out of its place. */
	assert_path(kube_path_service("../x", "a?b#c%\xc3\xa4\n"),
	    "/api/v1/namespaces/..%2Fx/services/a%3Fb%23c%25%C3%A4%0A");
	assert_path(kube_path_url("https://h:6443/", "/api"), "https://h:6443/api");
	assert_path(kube_path_url("https://h/k8s/c-1", "/api"), "https://h/k8s/c-1/api");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_real),
	    cmocka_unit_test(test_odd),
	    cmocka_unit_test(test_event_object),
	    cmocka_unit_test(test_long_message),
	    cmocka_unit_test(test_retry_after),
	    cmocka_unit_test(test_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
