#include "kube/endpoints.h"

#include <json-c/json.h>

#include "kube/json.h"
#include "util/str.h"

static bool
decode(const struct json_object *object, struct endpoints_report *report)
{
	struct json_object *service;
	const char *namespace, *name;
	int64_t local;
	bool healthy = true;

	if (kube_json_object(object, "service", &service) != KUBE_JSON_FOUND ||
	    kube_json_string(service, "namespace", &namespace) != KUBE_JSON_FOUND ||
	    kube_json_string(service, "name", &name) != KUBE_JSON_FOUND ||
	    kube_json_int(object, "localEndpoints", 0, ENDPOINTS_LOCAL_MAX, &local) !=
		KUBE_JSON_FOUND ||
	    kube_json_bool(object, "serviceProxyHealthy", &healthy) == KUBE_JSON_WRONG)
		return false;
	if (!str_copy(report->namespace, sizeof(report->namespace), namespace) ||
	    !str_copy(report->name, sizeof(report->name), name))
		return false;
	report->local = (uint32_t)local;
	report->proxy_unhealthy = !healthy;
	return true;
}

bool
kube_endpoints_decode(const void *body, size_t len, struct endpoints_report *ret_report)
{
	struct endpoints_report report = {0};
	struct json_object *object;
	bool ok;

	if (kube_json_parse(body, len, KUBE_ENDPOINTS_MAX_BYTES, &object) != KUBE_OK)
		return false;
	ok = decode(object, &report);
	json_object_put(object);
	if (ok)
		*ret_report = report;
	return ok;
}
