#include "kube/saved.h"

#include <stdint.h>
#include <stdlib.h>

#include <json-c/json.h>

#include "kube/json.h"
#include "kube/node.h"
#include "kube/object.h"
#include "kube/service.h"
#include "model/service.h"
#include "util/mem.h"

#define SAVED_VERSION 1

/* --- to JSON --- */

static void
put_labels(struct json_object *object, const char *key, const struct labels *labels)
{
	struct json_object *map = kube_json_put_object(object, key);
	size_t i;

	for (i = 0; i < labels->count; i++)
		kube_json_put_string(map, labels->items[i].key, labels->items[i].value);
}

static void
append_addr(struct json_object *list, const struct ip_addr *addr)
{
	char text[IP_ADDR_STRLEN];

	ip_addr_format(addr, text);
	json_object_array_add(list, json_object_new_string(text));
}

static void
put_metadata(struct json_object *root, const struct service *service)
{
	struct json_object *metadata = kube_json_put_object(root, "metadata"), *annotations;
	int i;

	kube_json_put_string(metadata, "namespace", service->namespace);
	kube_json_put_string(metadata, "name", service->name);
	kube_json_put_string(metadata, "uid", service->uid);
	kube_json_put_string(metadata, "resourceVersion", service->resource_version);
	put_labels(metadata, "labels", &service->labels);
	annotations = kube_json_put_object(metadata, "annotations");
	for (i = 0; i < ANNOTATION_COUNT; i++) {
		char *key;

		if (!service->annotations[i])
			continue;
		key = xasprintf(
		    "%s%s", ANNOTATION_PREFIX, service_annotation_name((enum service_annotation)i));
		kube_json_put_string(annotations, key, service->annotations[i]);
		free(key);
	}
}

static void
put_spec(struct json_object *root, const struct service *service)
{
	struct json_object *spec = kube_json_put_object(root, "spec"), *list, *port;
	size_t i;

	kube_json_put_string(spec, "type", "LoadBalancer");
	if (service->load_balancer_class)
		kube_json_put_string(spec, "loadBalancerClass", service->load_balancer_class);
	kube_json_put_string(
	    spec, "externalTrafficPolicy", service->traffic_policy_local ? "Local" : "Cluster");
	kube_json_put_int(spec, "healthCheckNodePort", service->health_check_node_port);
	list = kube_json_put_array(spec, "clusterIPs");
	for (i = 0; i < service->n_cluster_ips; i++)
		append_addr(list, &service->cluster_ips[i]);
	list = kube_json_put_array(spec, "ports");
	for (i = 0; i < service->n_ports; i++) {
		port = kube_json_append_object(list);
		kube_json_put_string(
		    port, "protocol", service_protocol_str(service->ports[i].protocol));
		kube_json_put_int(port, "port", service->ports[i].port);
	}
}

static void
put_status(struct json_object *root, const struct service *service)
{
	struct json_object *status = kube_json_put_object(root, "status"), *list, *entry;
	size_t i;

	list = kube_json_put_array(kube_json_put_object(status, "loadBalancer"), "ingress");
	for (i = 0; i < service->n_ingress; i++) {
		char text[IP_ADDR_STRLEN];

		if (service->ingress[i].ip.family == IP_FAMILY_NONE)
			continue;
		ip_addr_format(&service->ingress[i].ip, text);
		entry = kube_json_append_object(list);
		kube_json_put_string(entry, "ip", text);
	}
}

char *
kube_saved_encode(const struct kube_saved *saved)
{
	struct json_object *root = json_object_new_object(), *list, *service;
	size_t i;

	kube_json_put_int(root, "version", SAVED_VERSION);
	kube_json_put_string(root, "node", saved->node);
	kube_json_put_string(root, "boot_id", saved->boot_id);
	kube_json_put_int(root, "proven_usec", saved->proven.usec);
	put_labels(root, "node_labels", &saved->node_labels);
	kube_json_put_bool(root, "network_unavailable", saved->network_unavailable);
	list = kube_json_put_array(root, "addresses");
	for (i = 0; i < saved->n_addresses; i++)
		append_addr(list, &saved->addresses[i]);
	list = kube_json_put_array(root, "services");
	for (i = 0; i < saved->n_services; i++) {
		service = kube_json_append_object(list);
		put_metadata(service, saved->services[i]);
		put_spec(service, saved->services[i]);
		put_status(service, saved->services[i]);
	}
	return kube_json_detach(root);
}

/* --- from JSON --- */

static enum kube_cause
decode_head(struct kube_saved *saved, const struct json_object *root)
{
	const char *node, *boot_id;
	int64_t version, proven;

	if (kube_json_int(root, "version", SAVED_VERSION, SAVED_VERSION, &version) !=
		KUBE_JSON_FOUND ||
	    kube_json_string(root, "node", &node) != KUBE_JSON_FOUND ||
	    kube_json_string(root, "boot_id", &boot_id) != KUBE_JSON_FOUND ||
	    kube_json_int(root, "proven_usec", 0, INT64_MAX / 4, &proven) != KUBE_JSON_FOUND ||
	    kube_json_bool(root, "network_unavailable", &saved->network_unavailable) !=
		KUBE_JSON_FOUND)
		return KUBE_BAD_METADATA;
	saved->node = arena_strdup(saved->arena, node);
	saved->boot_id = arena_strdup(saved->arena, boot_id);
	saved->proven = (mono_t){proven};
	return kube_object_labels(root, "node_labels", saved->arena, KUBE_NODE_MAX_LABELS,
	    KUBE_NODE_MAX_VALUE, &saved->node_labels);
}

static enum kube_cause
decode_addresses(struct kube_saved *saved, const struct json_object *root)
{
	struct json_object *list;
	struct ip_addr *addresses;
	const char *text;
	size_t i, n;

	if (kube_json_array(root, "addresses", &list) != KUBE_JSON_FOUND)
		return KUBE_BAD_SPEC;
	n = kube_json_length(list);
	if (n > KUBE_SAVED_MAX_ADDRESSES)
		return KUBE_TOO_LARGE;
	addresses = arena_alloc(saved->arena, n, sizeof(*addresses));
	for (i = 0; i < n; i++)
		if (kube_json_element_string(list, i, &text) != KUBE_JSON_FOUND ||
		    ip_addr_parse(text, &addresses[i]))
			return KUBE_BAD_SPEC;
	saved->addresses = addresses;
	saved->n_addresses = n;
	return KUBE_OK;
}

static enum kube_cause
decode_services(struct kube_saved *saved, const struct json_object *root)
{
	struct json_object *list, *object;
	enum kube_cause cause;
	size_t i, n;

	if (kube_json_array(root, "services", &list) != KUBE_JSON_FOUND)
		return KUBE_BAD_SPEC;
	n = kube_json_length(list);
	saved->services = arena_alloc(saved->arena, n, sizeof(*saved->services));
	for (i = 0; i < n; i++) {
		if (kube_json_element(list, i, &object) != KUBE_JSON_FOUND)
			return KUBE_NOT_AN_OBJECT;
		cause = kube_service_decode(object, &saved->services[i]);
		if (cause)
			return cause;
		saved->n_services++;
	}
	return KUBE_OK;
}

enum kube_cause
kube_saved_decode(const char *text, size_t len, struct kube_saved **ret_saved)
{
	struct json_object *root;
	struct kube_saved *saved;
	struct arena *arena;
	enum kube_cause cause = kube_json_parse(text, len, KUBE_SAVED_MAX_BYTES, &root);

	if (cause)
		return cause;
	arena = arena_new();
	saved = arena_alloc(arena, 1, sizeof(*saved));
	saved->arena = arena;
	cause = decode_head(saved, root);
	if (!cause)
		cause = decode_addresses(saved, root);
	if (!cause)
		cause = decode_services(saved, root);
	json_object_put(root);
	if (cause)
		kube_saved_free(saved);
	else
		*ret_saved = saved;
	return cause;
}

void
kube_saved_free(struct kube_saved *saved)
{
	size_t i;

	if (!saved)
		return;
	for (i = 0; i < saved->n_services; i++)
		service_free(saved->services[i]);
	arena_free(saved->arena);
}
