#include "resource.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "obj.h"
#include "service.h"
#include "status.h"
#include "table.h"

static struct json_object *
lease_prepare(struct cluster *cluster, struct json_object *obj, struct json_object *old,
    struct causes *causes)
{
	int64_t duration = obj_int(obj, "spec.leaseDurationSeconds", 1);
	int64_t transitions = obj_int(obj, "spec.leaseTransitions", 0);

	(void)old;
	if (duration <= 0)
		causes_invalid_int(
		    causes, "spec.leaseDurationSeconds", (long)duration, "must be greater than 0");
	if (transitions < 0)
		causes_invalid_int(causes, "spec.leaseTransitions", (long)transitions,
		    cluster->minor < 28 ? "must to greater or equal than 0"
					: "must be greater than or equal to 0");
	return NULL;
}

/* Events of cluster-scoped objects live in default. */
static struct json_object *
event_prepare(struct cluster *cluster, struct json_object *obj, struct json_object *old,
    struct causes *causes)
{
	const char *ns = obj_str(obj, "metadata.namespace");
	const char *involved = obj_str(obj, "involvedObject.namespace");

	(void)cluster;
	(void)old;
	if (involved[0] == '\0' ? strcmp(ns, "default") != 0 : strcmp(ns, involved) != 0)
		causes_invalid(
		    causes, "involvedObject.namespace", involved, "does not match event.namespace");
	return NULL;
}

static struct json_object *
namespace_prepare(struct cluster *cluster, struct json_object *obj, struct json_object *old,
    struct causes *causes)
{
	struct json_object *finalizers;

	(void)causes;
	if (old == NULL) {
		finalizers = json_object_new_array();
		json_object_array_add(finalizers, json_object_new_string("kubernetes"));
		obj_set(obj, "spec.finalizers", finalizers);
		obj_set_str(obj, "status.phase", "Active");
	}
	/* the API has set this label since 1.21 */
	if (cluster->minor >= 21) {
		struct json_object *labels = obj_get(obj, "metadata.labels");

		if (labels == NULL) {
			labels = json_object_new_object();
			obj_set(obj, "metadata.labels", labels);
		}
		json_object_object_add(labels, "kubernetes.io/metadata.name",
		    json_object_new_string(obj_str(obj, "metadata.name")));
	}
	return NULL;
}

static const struct resource resources[] = {
    [RESOURCE_SERVICES] = {.group = "",
	.version = "v1",
	.plural = "services",
	.singular = "service",
	.kind = "Service",
	.short_name = "svc",
	.flags = RESOURCE_NAMESPACED | RESOURCE_HAS_STATUS | RESOURCE_UNCONDITIONAL,
	.name_rule = NAME_LABEL_1035,
	.schema = &schema_service,
	.columns = table_service,
	.prepare = service_prepare,
	.prepare_status = service_prepare_status},
    [RESOURCE_NODES] = {.group = "",
	.version = "v1",
	.plural = "nodes",
	.singular = "node",
	.kind = "Node",
	.short_name = "no",
	.flags = RESOURCE_HAS_STATUS | RESOURCE_UNCONDITIONAL,
	.schema = &schema_node,
	.columns = table_node},
    [RESOURCE_NAMESPACES] = {.group = "",
	.version = "v1",
	.plural = "namespaces",
	.singular = "namespace",
	.kind = "Namespace",
	.short_name = "ns",
	.flags = RESOURCE_HAS_STATUS | RESOURCE_UNCONDITIONAL | RESOURCE_DELETE_RETURNS_OBJECT |
	    RESOURCE_NO_DELETE_COLLECTION,
	.name_rule = NAME_LABEL,
	.schema = &schema_namespace,
	.columns = table_namespace,
	.prepare = namespace_prepare},
    [RESOURCE_EVENTS] = {.group = "",
	.version = "v1",
	.plural = "events",
	.singular = "event",
	.kind = "Event",
	.short_name = "ev",
	.flags = RESOURCE_NAMESPACED | RESOURCE_CREATE_ON_UPDATE | RESOURCE_UNCONDITIONAL,
	.schema = &schema_event,
	.columns = table_event,
	.prepare = event_prepare},
    [RESOURCE_ENDPOINTS] = {.group = "",
	.version = "v1",
	.plural = "endpoints",
	.singular = "endpoints",
	.kind = "Endpoints",
	.short_name = "ep",
	.flags = RESOURCE_NAMESPACED | RESOURCE_CREATE_ON_UPDATE | RESOURCE_UNCONDITIONAL,
	.schema = &schema_open,
	.columns = table_other},
    [RESOURCE_PODS] = {.group = "",
	.version = "v1",
	.plural = "pods",
	.singular = "pod",
	.kind = "Pod",
	.short_name = "po",
	.flags = RESOURCE_NAMESPACED | RESOURCE_HAS_STATUS | RESOURCE_UNCONDITIONAL |
	    RESOURCE_DELETE_RETURNS_OBJECT,
	.schema = &schema_open,
	.columns = table_other},
    [RESOURCE_LEASES] = {.group = "coordination.k8s.io",
	.version = "v1",
	.plural = "leases",
	.singular = "lease",
	.kind = "Lease",
	.short_name = "",
	.flags = RESOURCE_NAMESPACED | RESOURCE_CREATE_ON_UPDATE,
	.schema = &schema_lease,
	.columns = table_lease,
	.prepare = lease_prepare},
    [RESOURCE_ENDPOINTSLICES] = {.group = "discovery.k8s.io",
	.version = "v1",
	.plural = "endpointslices",
	.singular = "endpointslice",
	.kind = "EndpointSlice",
	.short_name = "",
	.flags = RESOURCE_NAMESPACED | RESOURCE_UNCONDITIONAL,
	.since = 21,
	.schema = &schema_open,
	.columns = table_other},
};
static_assert(sizeof(resources) / sizeof(resources[0]) == RESOURCE_COUNT, "a row per resource");

const struct resource *
resource_get(enum resource_id id)
{
	return &resources[id];
}

const char *
resource_group_version(const struct resource *resource, char *buf)
{
	snprintf(buf, 64, "%s%s%s", resource->group, resource->group[0] != '\0' ? "/" : "",
	    resource->version);
	return buf;
}

bool
resource_is_served(const struct resource *resource, const struct cluster *cluster)
{
	return cluster->minor >= resource->since;
}

enum resource_id
resource_find(
    const struct cluster *cluster, const char *group, const char *version, const char *plural)
{
	for (int i = 0; i < RESOURCE_COUNT; i++) {
		const struct resource *r = &resources[i];

		if (strcmp(r->group, group) == 0 && strcmp(r->version, version) == 0 &&
		    strcmp(r->plural, plural) == 0 && resource_is_served(r, cluster))
			return (enum resource_id)i;
	}
	return RESOURCE_COUNT;
}

unsigned int
resource_flags(const struct resource *resource, const struct cluster *cluster)
{
	unsigned int flags = resource->flags;

	/* 1.20 checked: Status on delete, no delete of the collection */
	if (resource == &resources[RESOURCE_SERVICES])
		flags |= cluster->minor < 23 ? RESOURCE_NO_DELETE_COLLECTION
					     : RESOURCE_DELETE_RETURNS_OBJECT;
	return flags;
}

static bool
in_list(const char *const *list, const char *name)
{
	for (; *list != NULL; list++)
		if (strcmp(*list, name) == 0)
			return true;
	return false;
}

bool
resource_selects_by(
    enum resource_id id, const struct cluster *cluster, const char *field, char **ret_error)
{
	static const char *const service[] = {"spec.type", "spec.clusterIP", NULL};
	static const char *const node[] = {"spec.unschedulable", NULL};
	static const char *const namespace[] = {"status.phase", "name", NULL};
	static const char *const event[] = {"involvedObject.kind", "involvedObject.namespace",
	    "involvedObject.name", "involvedObject.uid", "involvedObject.apiVersion",
	    "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason", "source",
	    "type", "reportingComponent", NULL};
	static const char *const pod[] = {"spec.nodeName", "spec.restartPolicy",
	    "spec.schedulerName", "spec.serviceAccountName", "status.phase", "status.podIP", NULL};
	static const char *const *const lists[RESOURCE_COUNT] = {
	    [RESOURCE_SERVICES] = service,
	    [RESOURCE_NODES] = node,
	    [RESOURCE_NAMESPACES] = namespace,
	    [RESOURCE_EVENTS] = event,
	    [RESOURCE_PODS] = pod,
	};
	const char *const *list = lists[id];

	if (id == RESOURCE_SERVICES && !cluster->type_selector)
		list = NULL;
	if (strcmp(field, "metadata.name") == 0 || strcmp(field, "metadata.namespace") == 0 ||
	    (list != NULL && in_list(list, field)))
		return true;
	/* two wordings: the default conversion's, and that of resources with own fields */
	*ret_error = list != NULL
	    ? sim_asprintf("field label not supported: %s", field)
	    : sim_asprintf(
		  "\"%s\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"",
		  field);
	return false;
}

const char *
resource_field(struct json_object *obj, const char *field)
{
	if (strcmp(field, "name") == 0)
		return obj_str(obj, "metadata.name");
	if (strcmp(field, "source") == 0)
		return obj_str(obj, "source.component");
	if (strcmp(field, "spec.unschedulable") == 0)
		return obj_bool(obj, field, false) ? "true" : "false";
	return obj_str(obj, field);
}
