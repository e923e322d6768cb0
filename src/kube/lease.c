#include "kube/lease.h"

#include <json-c/json.h>
#include <stdint.h>
#include <string.h>

#include "kube/json.h"
#include "kube/object.h"
#include "model/lease.h"
#include "util/mem.h"
#include "util/str.h"

static enum kube_cause
decode_time(const struct json_object *spec, const char *key, int64_t *ret_usec)
{
	const char *text;

	switch (kube_json_string(spec, key, &text)) {
	case KUBE_JSON_ABSENT:
		return KUBE_OK;
	case KUBE_JSON_WRONG:
	case KUBE_JSON_COUNT:
		return KUBE_BAD_TIME;
	case KUBE_JSON_FOUND:
		break;
	}
	return str_parse_time(text, ret_usec) ? KUBE_BAD_TIME : KUBE_OK;
}

static enum kube_cause
decode_spec(struct lease *lease, const struct json_object *spec)
{
	int64_t duration = 0, transitions = 0;
	const char *holder = "";
	enum kube_cause cause;

	if (kube_json_string(spec, "holderIdentity", &holder) == KUBE_JSON_WRONG ||
	    strlen(holder) > LEASE_MAX_VALUE ||
	    kube_json_int(spec, "leaseDurationSeconds", 0, INT32_MAX, &duration) ==
		KUBE_JSON_WRONG ||
	    kube_json_int(spec, "leaseTransitions", 0, INT32_MAX, &transitions) == KUBE_JSON_WRONG)
		return KUBE_BAD_SPEC;
	lease->holder = arena_strdup(lease->arena, holder);
	lease->duration_seconds = (int32_t)duration;
	lease->transitions = (int32_t)transitions;
	cause = decode_time(spec, "acquireTime", &lease->acquire_time_usec);
	return cause ? cause : decode_time(spec, "renewTime", &lease->renew_time_usec);
}

static enum kube_cause
decode(struct lease *lease, const struct json_object *object)
{
	struct json_object *metadata = NULL, *spec = NULL;
	enum kube_cause cause;

	(void)kube_json_object(object, "metadata", &metadata);
	cause = kube_object_labels(
	    metadata, "labels", lease->arena, LEASE_MAX_LABELS, LEASE_MAX_VALUE, &lease->labels);
	if (!cause)
		cause = kube_object_labels(metadata, "annotations", lease->arena, LEASE_MAX_LABELS,
		    LEASE_MAX_VALUE, &lease->annotations);
	if (cause)
		return cause;
	/* A Lease without a spec is legal: nobody ever held it. */
	if (kube_json_object(object, "spec", &spec) == KUBE_JSON_WRONG)
		return KUBE_BAD_SPEC;
	return decode_spec(lease, spec);
}

enum kube_cause
kube_lease_decode(const struct json_object *object, struct lease **ret_lease)
{
	struct kube_object_id id;
	struct lease *lease;
	enum kube_cause cause = kube_object_id(object, &id);

	if (cause)
		return cause;
	if (!*id.resource_version)
		return KUBE_NO_RESOURCE_VERSION;
	lease = lease_new(id.name);
	lease->uid = arena_strdup(lease->arena, id.uid);
	lease->resource_version = arena_strdup(lease->arena, id.resource_version);
	cause = decode(lease, object);
	if (cause)
		lease_free(lease);
	else
		*ret_lease = lease;
	return cause;
}

static void
put_map(struct json_object *metadata, const char *key, const struct labels *labels)
{
	struct json_object *map = kube_json_put_object(metadata, key);
	size_t i;

	for (i = 0; i < labels->count; i++)
		kube_json_put_string(map, labels->items[i].key, labels->items[i].value);
}

static void
put_spec(struct json_object *root, const struct lease *lease)
{
	struct json_object *spec = kube_json_put_object(root, "spec");

	kube_json_put_string(spec, "holderIdentity", lease->holder);
	if (lease->duration_seconds > 0)
		kube_json_put_int(spec, "leaseDurationSeconds", lease->duration_seconds);
	if (lease->acquire_time_usec)
		kube_json_put_micro_time(spec, "acquireTime", lease->acquire_time_usec);
	if (lease->renew_time_usec)
		kube_json_put_micro_time(spec, "renewTime", lease->renew_time_usec);
	kube_json_put_int(spec, "leaseTransitions", lease->transitions);
}

char *
kube_lease_encode(const struct lease *lease, const char *namespace)
{
	struct json_object *root = json_object_new_object(), *metadata, *labels;

	kube_json_put_string(root, "apiVersion", "coordination.k8s.io/v1");
	kube_json_put_string(root, "kind", "Lease");
	metadata = kube_json_put_object(root, "metadata");
	kube_json_put_string(metadata, "name", lease->name);
	kube_json_put_string(metadata, "namespace", namespace);
	if (*lease->resource_version)
		kube_json_put_string(metadata, "resourceVersion", lease->resource_version);
	put_map(metadata, "labels", &lease->labels);
	if (kube_json_object(metadata, "labels", &labels) == KUBE_JSON_FOUND)
		kube_json_put_string(labels, LEASE_LABEL_MANAGED_BY, LEASE_MANAGED_BY);
	if (lease->annotations.count)
		put_map(metadata, "annotations", &lease->annotations);
	put_spec(root, lease);
	return kube_json_detach(root);
}

char *
kube_lease_encode_delete(const struct lease *lease)
{
	struct json_object *root = json_object_new_object(), *preconditions;

	kube_json_put_string(root, "apiVersion", "v1");
	kube_json_put_string(root, "kind", "DeleteOptions");
	if (*lease->uid || *lease->resource_version) {
		preconditions = kube_json_put_object(root, "preconditions");
		if (*lease->uid)
			kube_json_put_string(preconditions, "uid", lease->uid);
		if (*lease->resource_version)
			kube_json_put_string(
			    preconditions, "resourceVersion", lease->resource_version);
	}
	return kube_json_detach(root);
}
