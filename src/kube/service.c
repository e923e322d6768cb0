#include "kube/service.h"

#include <assert.h>
#include <json-c/json.h>
#include <stdint.h>
#include <string.h>

#include "kube/json.h"
#include "kube/object.h"
#include "model/service.h"
#include "util/mem.h"
#include "util/str.h"

/* Longer than any address: what is cut here is no address, and stays none. */
#define MAX_ADDRESS_TEXT 128
#define MAX_CLASS 320 /* a qualified name: 253 + '/' + 63 */
#define MAX_HOSTNAME 253
#define MAX_IP_MODE 32
#define MAX_REASON 1024 /* as the API itself */

static const char *const type_names[] = {
    [SERVICE_CLUSTER_IP] = "ClusterIP",
    [SERVICE_NODE_PORT] = "NodePort",
    [SERVICE_LOAD_BALANCER] = "LoadBalancer",
    [SERVICE_EXTERNAL_NAME] = "ExternalName",
};
static_assert(
    sizeof(type_names) / sizeof(type_names[0]) == SERVICE_TYPE_COUNT, "one name per type");

static const char *const policy_names[] = {
    [SINGLE_STACK] = "SingleStack",
    [PREFER_DUAL_STACK] = "PreferDualStack",
    [REQUIRE_DUAL_STACK] = "RequireDualStack",
};
static_assert(sizeof(policy_names) / sizeof(policy_names[0]) == IP_FAMILY_POLICY_COUNT,
    "one name per policy");

/* -1 when absent from the table. */
static int
find_name(const char *const *names, int count, const char *name)
{
	int i;

	for (i = 0; i < count; i++)
		if (str_eq(names[i], name))
			return i;
	return -1;
}

/* A copy of at most `max` bytes, cut between characters. */
static const char *
copy_text(struct arena *arena, const char *s, size_t max)
{
	struct strbuf sb = {0};
	const char *copy;

	if (strlen(s) <= max)
		return arena_strdup(arena, s);
	kube_json_clean(&sb, s, max);
	copy = arena_strdup(arena, strbuf_text(&sb));
	strbuf_free(&sb);
	return copy;
}

static enum kube_cause
decode_annotation(struct service *service, const struct json_object *annotations,
    enum service_annotation annotation)
{
	static const char *const prefixes[] = {ANNOTATION_PREFIX, ANNOTATION_LEGACY_PREFIX};
	char key[64];
	const char *value;
	size_t i;

	for (i = 0; i < 2; i++) {
		(void)str_copy(key, sizeof(key), prefixes[i]);
		(void)str_copy(key + strlen(prefixes[i]), sizeof(key) - strlen(prefixes[i]),
		    service_annotation_name(annotation));
		switch (kube_json_string(annotations, key, &value)) {
		case KUBE_JSON_ABSENT:
			continue;
		case KUBE_JSON_WRONG:
		case KUBE_JSON_COUNT:
			return KUBE_BAD_LABEL;
		case KUBE_JSON_FOUND:
			break;
		}
		service->annotations[annotation] = copy_text(
		    service->arena, value, SERVICE_MAX_ANNOTATION);
		service->annotation_legacy[annotation] = i == 1;
		service->annotation_too_long[annotation] = strlen(value) > SERVICE_MAX_ANNOTATION;
		return KUBE_OK;
	}
	return KUBE_OK;
}

static enum kube_cause
decode_metadata(struct service *service, const struct json_object *metadata)
{
	struct json_object *annotations = NULL;
	const char *text;
	enum kube_cause cause;
	int i;

	if (str_parse_time(
		kube_json_string_or(metadata, "creationTimestamp", ""), &service->created_usec))
		service->created_usec = 0;
	if (kube_json_int(metadata, "generation", 0, INT64_MAX, &service->generation) ==
		KUBE_JSON_WRONG ||
	    kube_json_object(metadata, "annotations", &annotations) == KUBE_JSON_WRONG)
		return KUBE_BAD_METADATA;
	service->deleting = kube_json_string(metadata, "deletionTimestamp", &text) !=
	    KUBE_JSON_ABSENT;
	for (i = 0; i < ANNOTATION_COUNT; i++) {
		cause = decode_annotation(service, annotations, (enum service_annotation)i);
		if (cause)
			return cause;
	}
	return kube_object_labels(metadata, "labels", service->arena, SERVICE_MAX_LABELS,
	    KUBE_SERVICE_LABEL_MAX_VALUE, &service->labels);
}

static enum kube_cause
decode_port(const struct json_object *ports, size_t i, struct service_port *ret)
{
	struct json_object *port;
	const char *protocol = "TCP";
	int64_t number;
	int p;

	if (kube_json_element(ports, i, &port) != KUBE_JSON_FOUND ||
	    kube_json_string(port, "protocol", &protocol) == KUBE_JSON_WRONG ||
	    kube_json_int(port, "port", 1, UINT16_MAX, &number) != KUBE_JSON_FOUND)
		return KUBE_BAD_PORT;
	for (p = 0; p < PROTOCOL_COUNT; p++)
		if (str_eq(service_protocol_str((enum service_protocol)p), protocol))
			break;
	if (p == PROTOCOL_COUNT)
		return KUBE_BAD_PORT;
	*ret = (struct service_port){(enum service_protocol)p, (uint16_t)number};
	return KUBE_OK;
}

static enum kube_cause
decode_ports(struct service *service, const struct json_object *spec)
{
	struct json_object *ports = NULL;
	size_t i;

	if (kube_json_array(spec, "ports", &ports) == KUBE_JSON_WRONG)
		return KUBE_BAD_PORT;
	service->n_ports = kube_json_length(ports);
	if (service->n_ports > SERVICE_MAX_PORTS)
		return KUBE_TOO_MANY_PORTS;
	service->ports = arena_alloc(service->arena, service->n_ports, sizeof(*service->ports));
	for (i = 0; i < service->n_ports; i++) {
		enum kube_cause cause = decode_port(ports, i, &service->ports[i]);

		if (cause)
			return cause;
	}
	return KUBE_OK;
}

/* "None" (headless) and "" are no addresses. */
static void
add_cluster_ip(struct service *service, const char *text)
{
	struct ip_addr addr;
	size_t i;

	if (!*text || str_eq(text, "None"))
		return;
	if (ip_addr_parse(text, &addr) || service->n_cluster_ips == SERVICE_MAX_FAMILIES) {
		service->cluster_ips_invalid = true;
		return;
	}
	for (i = 0; i < service->n_cluster_ips; i++)
		if (service->cluster_ips[i].family == addr.family)
			service->cluster_ips_invalid = true;
	service->cluster_ips[service->n_cluster_ips++] = addr;
}

static enum kube_cause
decode_families(struct service *service, const struct json_object *spec)
{
	struct json_object *ips = NULL, *families = NULL;
	const char *text = "", *policy = policy_names[SINGLE_STACK];
	size_t i;
	int p;

	if (kube_json_array(spec, "clusterIPs", &ips) == KUBE_JSON_WRONG ||
	    kube_json_string(spec, "clusterIP", &text) == KUBE_JSON_WRONG ||
	    kube_json_array(spec, "ipFamilies", &families) == KUBE_JSON_WRONG ||
	    kube_json_string(spec, "ipFamilyPolicy", &policy) == KUBE_JSON_WRONG)
		return KUBE_BAD_SPEC;
	if (!kube_json_length(ips))
		add_cluster_ip(service, text);
	for (i = 0; i < kube_json_length(ips) && !service->cluster_ips_invalid; i++) {
		if (kube_json_element_string(ips, i, &text) != KUBE_JSON_FOUND)
			return KUBE_BAD_SPEC;
		add_cluster_ip(service, text);
	}
	if (service->n_cluster_ips)
		service->primary_family = (enum ip_family)service->cluster_ips[0].family;
	if (kube_json_length(families)) {
		if (kube_json_element_string(families, 0, &text) != KUBE_JSON_FOUND)
			return KUBE_BAD_SPEC;
		if (str_eq(text, ip_family_str(IP_FAMILY_V4)))
			service->primary_family = IP_FAMILY_V4;
		else if (str_eq(text, ip_family_str(IP_FAMILY_V6)))
			service->primary_family = IP_FAMILY_V6;
		else
			return KUBE_BAD_SPEC;
	}
	p = find_name(policy_names, IP_FAMILY_POLICY_COUNT, policy);
	if (p < 0)
		return KUBE_BAD_SPEC;
	service->ip_family_policy = (enum ip_family_policy)p;
	return KUBE_OK;
}

static enum kube_cause
decode_selector(struct service *service, const struct json_object *spec)
{
	struct arena *scratch = arena_new();
	struct strbuf sb = {0};
	struct labels labels;
	enum kube_cause cause;
	size_t i;

	cause = kube_object_labels(
	    spec, "selector", scratch, SERVICE_MAX_LABELS, KUBE_SERVICE_LABEL_MAX_VALUE, &labels);
	if (!cause) {
		for (i = 0; i < labels.count; i++)
			strbuf_printf(&sb, "%s%s=%s", i ? "," : "", labels.items[i].key,
			    labels.items[i].value);
		service->selector = arena_strdup(service->arena, strbuf_text(&sb));
	}
	strbuf_free(&sb);
	arena_free(scratch);
	return cause;
}

static enum kube_cause
decode_type(struct service *service, const struct json_object *spec)
{
	const char *type = type_names[SERVICE_CLUSTER_IP];
	int t;

	if (kube_json_string(spec, "type", &type) == KUBE_JSON_WRONG)
		return KUBE_BAD_TYPE;
	t = find_name(type_names, SERVICE_TYPE_COUNT, type);
	if (t < 0)
		return KUBE_BAD_TYPE;
	service->type = (enum service_type)t;
	return KUBE_OK;
}

static enum kube_cause
decode_spec(struct service *service, const struct json_object *spec)
{
	const char *class = NULL, *ip = "", *policy = "";
	enum kube_cause cause = decode_type(service, spec);
	int64_t port = 0;

	if (cause)
		return cause;
	if (kube_json_string(spec, "loadBalancerClass", &class) == KUBE_JSON_WRONG ||
	    kube_json_string(spec, "loadBalancerIP", &ip) == KUBE_JSON_WRONG ||
	    kube_json_string(spec, "externalTrafficPolicy", &policy) == KUBE_JSON_WRONG ||
	    kube_json_int(spec, "healthCheckNodePort", 0, UINT16_MAX, &port) == KUBE_JSON_WRONG ||
	    (class && strlen(class) > MAX_CLASS))
		return KUBE_BAD_SPEC;
	service->load_balancer_class = class ? arena_strdup(service->arena, class) : NULL;
	service->load_balancer_ip = copy_text(service->arena, ip, MAX_ADDRESS_TEXT);
	service->traffic_policy_local = str_eq(policy, "Local");
	service->health_check_node_port = (uint16_t)port;
	cause = decode_families(service, spec);
	if (!cause)
		cause = decode_selector(service, spec);
	if (!cause)
		cause = decode_ports(service, spec);
	return cause;
}

/* Whether the entry says nothing that struct service_ingress cannot say in the same words. */
static bool
is_simple_entry(struct json_object *entry, const struct service_ingress *decoded, const char *ip)
{
	char text[IP_ADDR_STRLEN] = "";

	if (decoded->ip.family != IP_FAMILY_NONE)
		ip_addr_format(&decoded->ip, text);
	return json_object_object_length(entry) ==
	    (decoded->ip.family != IP_FAMILY_NONE) + (decoded->hostname != NULL) +
		(decoded->ip_mode != NULL) &&
	    str_eq(text, ip);
}

static enum kube_cause
decode_ingress_entry(
    struct arena *arena, const struct json_object *list, size_t i, struct service_ingress *ret)
{
	const char *ip = "", *hostname = NULL, *mode = NULL, *raw;
	struct json_object *entry;

	if (kube_json_element(list, i, &entry) != KUBE_JSON_FOUND ||
	    kube_json_string(entry, "ip", &ip) == KUBE_JSON_WRONG ||
	    kube_json_string(entry, "hostname", &hostname) == KUBE_JSON_WRONG ||
	    kube_json_string(entry, "ipMode", &mode) == KUBE_JSON_WRONG ||
	    (hostname && strlen(hostname) > MAX_HOSTNAME) || (mode && strlen(mode) > MAX_IP_MODE))
		return KUBE_BAD_STATUS;
	if (ip_addr_parse(ip, &ret->ip))
		ret->ip = (struct ip_addr){0};
	ret->hostname = hostname && *hostname ? arena_strdup(arena, hostname) : NULL;
	ret->ip_mode = mode && *mode ? arena_strdup(arena, mode) : NULL;
	if (is_simple_entry(entry, ret, ip))
		return KUBE_OK;
	raw = json_object_to_json_string_ext(
	    entry, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	if (strlen(raw) > SERVICE_MAX_INGRESS_RAW)
		return KUBE_BAD_STATUS;
	ret->raw = arena_strdup(arena, raw);
	return KUBE_OK;
}

static enum kube_cause
decode_ingress(struct service *service, const struct json_object *status)
{
	struct json_object *balancer = NULL, *list = NULL;
	size_t i;

	if (kube_json_object(status, "loadBalancer", &balancer) == KUBE_JSON_WRONG ||
	    kube_json_array(balancer, "ingress", &list) == KUBE_JSON_WRONG)
		return KUBE_BAD_STATUS;
	service->n_ingress = kube_json_length(list);
	if (service->n_ingress > SERVICE_MAX_INGRESS)
		return KUBE_TOO_MANY_INGRESS;
	service->ingress = arena_alloc(
	    service->arena, service->n_ingress, sizeof(*service->ingress));
	for (i = 0; i < service->n_ingress; i++) {
		enum kube_cause cause = decode_ingress_entry(
		    service->arena, list, i, &service->ingress[i]);

		if (cause)
			return cause;
	}
	return KUBE_OK;
}

/* The condition is ours: if somebody wrote nonsense into it, it will be written again, so nonsense
 * is as good as none. */
static enum kube_cause
decode_condition(struct service *service, const struct json_object *status)
{
	struct service_condition *condition = &service->condition;
	struct json_object *list = NULL, *item;
	size_t i;

	condition->reason = condition->message = "";
	if (kube_json_array(status, "conditions", &list) == KUBE_JSON_WRONG)
		return KUBE_BAD_STATUS;
	for (i = 0; i < kube_json_length(list); i++) {
		if (kube_json_element(list, i, &item) != KUBE_JSON_FOUND)
			return KUBE_BAD_STATUS;
		if (!str_eq(kube_json_string_or(item, "type", ""), CONDITION_ALLOCATED))
			continue;
		condition->present = true;
		condition->status = str_eq(kube_json_string_or(item, "status", ""), "True");
		condition->reason = copy_text(
		    service->arena, kube_json_string_or(item, "reason", ""), MAX_REASON);
		condition->message = copy_text(service->arena,
		    kube_json_string_or(item, "message", ""), SERVICE_MAX_ANNOTATION);
		if (kube_json_int(item, "observedGeneration", 0, INT64_MAX,
			&condition->observed_generation) != KUBE_JSON_FOUND)
			condition->observed_generation = 0;
		return KUBE_OK;
	}
	return KUBE_OK;
}

static enum kube_cause
decode(struct service *service, const struct json_object *object)
{
	struct json_object *metadata, *spec, *status = NULL;
	enum kube_cause cause;

	if (kube_json_object(object, "metadata", &metadata) != KUBE_JSON_FOUND)
		return KUBE_NO_NAME;
	cause = decode_metadata(service, metadata);
	if (cause)
		return cause;
	switch (kube_json_object(object, "spec", &spec)) {
	case KUBE_JSON_ABSENT:
		return KUBE_NO_SPEC;
	case KUBE_JSON_WRONG:
	case KUBE_JSON_COUNT:
		return KUBE_BAD_SPEC;
	case KUBE_JSON_FOUND:
		break;
	}
	cause = decode_spec(service, spec);
	if (cause)
		return cause;
	if (kube_json_object(object, "status", &status) == KUBE_JSON_WRONG)
		return KUBE_BAD_STATUS;
	cause = decode_ingress(service, status);
	return cause ? cause : decode_condition(service, status);
}

enum kube_cause
kube_service_decode(const struct json_object *object, struct service **ret_service)
{
	char key[KUBE_OBJECT_MAX_KEY + 1];
	struct kube_object_id id;
	struct service *service;
	struct arena *arena;
	enum kube_cause cause = kube_object_id(object, &id);

	if (cause)
		return cause;
	if (!*id.namespace)
		return KUBE_NO_NAME;
	if (!*id.resource_version)
		return KUBE_NO_RESOURCE_VERSION;
	arena = arena_new();
	service = arena_alloc(arena, 1, sizeof(*service));
	service->arena = arena;
	kube_object_key(&id, key);
	service->key = arena_strdup(arena, key);
	service->namespace = arena_strdup(arena, id.namespace);
	service->name = arena_strdup(arena, id.name);
	service->uid = arena_strdup(arena, id.uid);
	service->resource_version = arena_strdup(arena, id.resource_version);
	cause = decode(service, object);
	if (cause)
		service_free(service);
	else
		*ret_service = service;
	return cause;
}

bool
kube_service_is_load_balancer(const struct json_object *object)
{
	struct json_object *spec = NULL;

	(void)kube_json_object(object, "spec", &spec);
	return str_eq(kube_json_string_or(spec, "type", ""), type_names[SERVICE_LOAD_BALANCER]);
}
