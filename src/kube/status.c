#include "kube/status.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "kube/json.h"
#include "model/service.h"
#include "util/mem.h"

/* An entry with what nobody here understands in it, or an empty one. */
static struct json_object *
new_entry(const struct service_ingress *entry)
{
	struct json_object *object;

	if (entry->raw &&
	    kube_json_parse(entry->raw, strlen(entry->raw), KUBE_JSON_MAX_OBJECT_BYTES, &object) ==
		KUBE_OK)
		return object;
	return json_object_new_object();
}

static void
put_entry(struct json_object *list, const struct service_ingress *entry)
{
	struct json_object *object = new_entry(entry);
	char text[IP_ADDR_STRLEN];

	if (entry->ip.family != IP_FAMILY_NONE) {
		ip_addr_format(&entry->ip, text);
		/* It may be spelled in another way there. */
		if (!json_object_object_get_ex(object, "ip", NULL))
			kube_json_put_string(object, "ip", text);
		if (entry->ip_mode)
			kube_json_put_string(object, "ipMode", entry->ip_mode);
	}
	if (entry->hostname)
		kube_json_put_string(object, "hostname", entry->hostname);
	if (json_object_array_add(list, object))
		abort();
}

static void
put_entries(struct json_object *balancer, const struct kube_status_patch *patch)
{
	struct json_object *list = kube_json_put_array(balancer, "ingress");
	size_t i;

	for (i = 0; i < patch->n_entries; i++)
		put_entry(list, &patch->entries[i]);
}

static void
put_ingress(struct json_object *status, const struct kube_status_patch *patch)
{
	struct json_object *balancer = kube_json_put_object(status, "loadBalancer");

	if (patch->ingress == KUBE_SET && patch->n_entries)
		put_entries(balancer, patch);
	else
		kube_json_put_null(balancer, "ingress");
}

static void
put_condition(struct json_object *status, const struct kube_status_patch *patch)
{
	struct json_object *condition = kube_json_append_object(
	    kube_json_put_array(status, "conditions"));

	kube_json_put_string(condition, "type", CONDITION_ALLOCATED);
	if (patch->condition == KUBE_CLEAR) {
		kube_json_put_string(condition, "$patch", "delete");
		return;
	}
	kube_json_put_string(condition, "status", patch->condition_status ? "True" : "False");
	kube_json_put_string(condition, "reason", patch->condition_reason);
	kube_json_put_text(condition, "message", patch->condition_message, KUBE_STATUS_MAX_MESSAGE);
	if (patch->observed_generation)
		kube_json_put_int(condition, "observedGeneration", patch->observed_generation);
	if (patch->transition_time_usec)
		kube_json_put_time(condition, "lastTransitionTime", patch->transition_time_usec);
}

static void
put_annotations(struct json_object *metadata, const struct kube_status_patch *patch)
{
	const char *name = service_annotation_name(ANNOTATION_IP_ALLOCATED_FROM_POOL);
	char *key = xasprintf(ANNOTATION_PREFIX "%s", name);
	char *legacy = xasprintf(ANNOTATION_LEGACY_PREFIX "%s", name);
	struct json_object *annotations = kube_json_put_object(metadata, "annotations");

	if (patch->pool_annotation == KUBE_SET)
		kube_json_put_string(annotations, key, patch->pool);
	else if (patch->pool_annotation == KUBE_CLEAR)
		kube_json_put_null(annotations, key);
	if (patch->remove_legacy_annotation)
		kube_json_put_null(annotations, legacy);
	free(key);
	free(legacy);
}

static void
put_metadata(struct json_object *root, const struct kube_status_patch *patch)
{
	bool versioned = patch->resource_version && *patch->resource_version;
	bool annotated = patch->pool_annotation != KUBE_KEEP || patch->remove_legacy_annotation;
	struct json_object *metadata;

	if (!versioned && !patch->uid && !annotated)
		return;
	metadata = kube_json_put_object(root, "metadata");
	if (versioned)
		kube_json_put_string(metadata, "resourceVersion", patch->resource_version);
	if (patch->uid)
		kube_json_put_string(metadata, "uid", patch->uid);
	if (annotated)
		put_annotations(metadata, patch);
}

char *
kube_status_encode(const struct kube_status_patch *patch)
{
	struct json_object *root = json_object_new_object(), *status;

	put_metadata(root, patch);
	if (patch->ingress != KUBE_KEEP || patch->condition != KUBE_KEEP) {
		status = kube_json_put_object(root, "status");
		if (patch->ingress != KUBE_KEEP)
			put_ingress(status, patch);
		if (patch->condition != KUBE_KEEP)
			put_condition(status, patch);
	}
	return kube_json_detach(root);
}
