/* The body of a healthCheckNodePort: kube-proxy's of several versions, Cilium's, and whatever else
 * may sit behind a port. */
#include "test_kube.h"

#include "kube/endpoints.h"

static const struct {
	const char *name, *body;
	bool ok;
	uint32_t local;
	bool proxy_unhealthy;
} rows[] = {
    {"Kubernetes 1.20",
	"{\n\t\"service\": {\n\t\t\"namespace\": \"default\",\n\t\t\"name\": \"web\"\n\t},\n\t\"localEndpoints\": 2\n}",
	true, 2, false},
    {"Kubernetes 1.28",
	"{\"service\":{\"namespace\":\"default\",\"name\":\"web\"},\"localEndpoints\":2,\"serviceProxyHealthy\":true}",
	true, 2, false},
    {"its proxy is ill",
	"{\"service\":{\"namespace\":\"default\",\"name\":\"web\"},\"localEndpoints\":2,\"serviceProxyHealthy\":false}",
	true, 2, true},
    {"none", "{\"service\":{\"namespace\":\"default\",\"name\":\"web\"},\"localEndpoints\":0}",
	true, 0, false},
    {"as many as can be",
	"{\"service\":{\"namespace\":\"default\",\"name\":\"web\"},\"localEndpoints\":10000000}",
	true, 10000000, false},
    {"members that we do not know",
	"{\"x\":[1],\"service\":{\"namespace\":\"default\",\"name\":\"web\",\"y\":{}},\"localEndpoints\":1}",
	true, 1, false},
    {"too many",
	"{\"service\":{\"namespace\":\"default\",\"name\":\"web\"},\"localEndpoints\":10000001}",
	false, 0, false},
    {"fewer than none",
	"{\"service\":{\"namespace\":\"default\",\"name\":\"web\"},\"localEndpoints\":-1}", false,
	0, false},
    {"a number as text",
	"{\"service\":{\"namespace\":\"default\",\"name\":\"web\"},\"localEndpoints\":\"1\"}",
	false, 0, false},
    {"no number", "{\"service\":{\"namespace\":\"default\",\"name\":\"web\"}}", false, 0, false},
    {"no name", "{\"service\":{\"namespace\":\"default\"},\"localEndpoints\":1}", false, 0, false},
    {"no namespace", "{\"service\":{\"name\":\"web\"},\"localEndpoints\":1}", false, 0, false},
    {"no Service", "{\"localEndpoints\":1}", false, 0, false},
    {"a Service as text", "{\"service\":\"default/web\",\"localEndpoints\":1}", false, 0, false},
    {"health as text",
	"{\"service\":{\"namespace\":\"default\",\"name\":\"web\"},\"localEndpoints\":2,\"serviceProxyHealthy\":\"no\"}",
	false, 0, false},
    {"a name that none can have",
	"{\"service\":{\"namespace\":\"default\",\"name\":\"a234567890123456789012345678901234567890123456789012345678901234\"},\"localEndpoints\":1}",
	false, 0, false},
    {"nothing", "", false, 0, false},
    {"kube-router", "1 Service Endpoints found\n", false, 0, false},
    {"HTML", "<html></html>", false, 0, false},
    {"a list", "[]", false, 0, false},
    {"cut short", "{\"service\":{\"namespace\":\"default\",\"name\":\"web\"},\"localEndpoints\":2",
	false, 0, false},
    {"something behind it",
	"{\"service\":{\"namespace\":\"default\",\"name\":\"web\"},\"localEndpoints\":2} x", false,
	0, false},
};

static void
test_rows(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct endpoints_report report = {.local = 77};
		bool ok = kube_endpoints_decode(rows[i].body, strlen(rows[i].body), &report);

		assert_row(i, rows[i].name, ok == rows[i].ok);
		assert_row(i, rows[i].name, report.local == (ok ? rows[i].local : 77));
		if (!ok)
			continue;
		assert_row(i, rows[i].name, report.proxy_unhealthy == rows[i].proxy_unhealthy);
		assert_string_equal(report.namespace, "default");
		assert_string_equal(report.name, "web");
	}
}

static void
test_too_long(void **state)
{
	char body[KUBE_ENDPOINTS_MAX_BYTES + 2];
	struct endpoints_report report;

	(void)state;
	memset(body, ' ', sizeof(body));
	memcpy(body, rows[1].body, strlen(rows[1].body));
	assert_true(kube_endpoints_decode(body, KUBE_ENDPOINTS_MAX_BYTES, &report));
	assert_false(kube_endpoints_decode(body, KUBE_ENDPOINTS_MAX_BYTES + 1, &report));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
