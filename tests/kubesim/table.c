#include "table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "obj.h"

static struct json_object *
text(const char *s)
{
	return json_object_new_string(s);
}

static struct json_object *
text_or_none(const char *s)
{
	return text(s[0] != '\0' ? s : "<none>");
}

/* Takes over s. */
static struct json_object *
take_text(char *s)
{
	struct json_object *v = text(s);

	free(s);
	return v;
}

/* Takes over *s; joins by a comma. */
static void
append(char **s, const char *more)
{
	char *longer = sim_asprintf("%s%s%s", *s, (*s)[0] != '\0' ? "," : "", more);

	free(*s);
	*s = longer;
}

static struct json_object *
age_since(const char *timestamp, time_t now)
{
	time_t then = obj_time_parse(timestamp);
	char buf[32];

	if (then == 0)
		return text("<unknown>");
	obj_age(buf, sizeof(buf), now - then);
	return text(buf);
}

static struct json_object *
cell_name(struct json_object *obj, time_t now)
{
	(void)now;
	return text(obj_str(obj, "metadata.name"));
}

static struct json_object *
cell_age(struct json_object *obj, time_t now)
{
	return age_since(obj_str(obj, "metadata.creationTimestamp"), now);
}

static struct json_object *
service_type(struct json_object *obj, time_t now)
{
	(void)now;
	return text(obj_str(obj, "spec.type"));
}

static struct json_object *
service_cluster_ip(struct json_object *obj, time_t now)
{
	(void)now;
	return text_or_none(obj_str(obj, "spec.clusterIP"));
}

static struct json_object *
service_external_ip(struct json_object *obj, time_t now)
{
	const char *type = obj_str(obj, "spec.type");
	char *s = sim_strdup("");

	(void)now;
	if (strcmp(type, "ExternalName") == 0) {
		free(s);
		return text(obj_str(obj, "spec.externalName"));
	}
	for (size_t i = 0; i < obj_len(obj, "status.loadBalancer.ingress"); i++) {
		struct json_object *entry = obj_at(obj, "status.loadBalancer.ingress", i);
		const char *ip = obj_str(entry, "ip");

		if (strcmp(type, "LoadBalancer") == 0)
			append(&s, ip[0] != '\0' ? ip : obj_str(entry, "hostname"));
	}
	for (size_t i = 0; i < obj_len(obj, "spec.externalIPs"); i++)
		append(&s, json_object_get_string(obj_at(obj, "spec.externalIPs", i)));
	if (s[0] == '\0')
		append(&s, strcmp(type, "LoadBalancer") == 0 ? "<pending>" : "<none>");
	return take_text(s);
}

static struct json_object *
service_ports(struct json_object *obj, time_t now)
{
	char *s = sim_strdup("");

	(void)now;
	for (size_t i = 0; i < obj_len(obj, "spec.ports"); i++) {
		struct json_object *port = obj_at(obj, "spec.ports", i);
		int64_t node_port = obj_int(port, "nodePort", 0);
		char buf[64];

		if (node_port != 0)
			snprintf(buf, sizeof(buf), "%lld:%lld/%s",
			    (long long)obj_int(port, "port", 0), (long long)node_port,
			    obj_str(port, "protocol"));
		else
			snprintf(buf, sizeof(buf), "%lld/%s", (long long)obj_int(port, "port", 0),
			    obj_str(port, "protocol"));
		append(&s, buf);
	}
	if (s[0] == '\0')
		append(&s, "<none>");
	return take_text(s);
}

static struct json_object *
service_selector(struct json_object *obj, time_t now)
{
	struct json_object *selector = obj_get(obj, "spec.selector");
	char *s = sim_strdup("");

	(void)now;
	if (selector != NULL) {
		json_object_object_foreach (selector, key, value) {
			char *pair = sim_asprintf("%s=%s", key, json_object_get_string(value));

			append(&s, pair);
			free(pair);
		}
	}
	if (s[0] == '\0')
		append(&s, "<none>");
	return take_text(s);
}

const struct column table_service[] = {
    {"Name", 0, cell_name},
    {"Type", 0, service_type},
    {"Cluster-IP", 0, service_cluster_ip},
    {"External-IP", 0, service_external_ip},
    {"Port(s)", 0, service_ports},
    {"Age", 0, cell_age},
    {"Selector", 1, service_selector},
    {NULL, 0, NULL},
};

static struct json_object *
lease_holder(struct json_object *obj, time_t now)
{
	(void)now;
	return text(obj_str(obj, "spec.holderIdentity"));
}

const struct column table_lease[] = {
    {"Name", 0, cell_name},
    {"Holder", 0, lease_holder},
    {"Age", 0, cell_age},
    {NULL, 0, NULL},
};

static struct json_object *
event_last_seen(struct json_object *obj, time_t now)
{
	const char *last = obj_str(obj, "lastTimestamp");

	if (last[0] == '\0')
		last = obj_str(obj, "series.lastObservedTime");
	if (last[0] == '\0')
		last = obj_str(obj, "eventTime");
	return age_since(last, now);
}

static struct json_object *
event_first_seen(struct json_object *obj, time_t now)
{
	const char *first = obj_str(obj, "firstTimestamp");

	return age_since(first[0] != '\0' ? first : obj_str(obj, "eventTime"), now);
}

static struct json_object *
event_type(struct json_object *obj, time_t now)
{
	(void)now;
	return text(obj_str(obj, "type"));
}

static struct json_object *
event_reason(struct json_object *obj, time_t now)
{
	(void)now;
	return text(obj_str(obj, "reason"));
}

static struct json_object *
event_object(struct json_object *obj, time_t now)
{
	char *kind = sim_strdup(obj_str(obj, "involvedObject.kind"));
	char *s;

	(void)now;
	for (char *c = kind; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	s = sim_asprintf("%s/%s", kind, obj_str(obj, "involvedObject.name"));
	free(kind);
	return take_text(s);
}

static struct json_object *
event_subobject(struct json_object *obj, time_t now)
{
	(void)now;
	return text(obj_str(obj, "involvedObject.fieldPath"));
}

static struct json_object *
event_source(struct json_object *obj, time_t now)
{
	const char *component = obj_str(obj, "source.component"),
		   *host = obj_str(obj, "source.host");

	(void)now;
	if (component[0] == '\0') {
		component = obj_str(obj, "reportingComponent");
		host = obj_str(obj, "reportingInstance");
	}
	return take_text(sim_asprintf("%s%s%s", component, host[0] != '\0' ? ", " : "", host));
}

static struct json_object *
event_message(struct json_object *obj, time_t now)
{
	(void)now;
	return text(obj_str(obj, "message"));
}

static struct json_object *
event_count(struct json_object *obj, time_t now)
{
	(void)now;
	return json_object_new_int64(obj_int(obj, "series.count", obj_int(obj, "count", 1)));
}

const struct column table_event[] = {
    {"Last Seen", 0, event_last_seen},
    {"Type", 0, event_type},
    {"Reason", 0, event_reason},
    {"Object", 0, event_object},
    {"Subobject", 1, event_subobject},
    {"Source", 1, event_source},
    {"Message", 0, event_message},
    {"First Seen", 1, event_first_seen},
    {"Count", 1, event_count},
    {"Name", 1, cell_name},
    {NULL, 0, NULL},
};

static struct json_object *
node_ready(struct json_object *obj, time_t now)
{
	const char *s = "Unknown";

	(void)now;
	for (size_t i = 0; i < obj_len(obj, "status.conditions"); i++) {
		struct json_object *c = obj_at(obj, "status.conditions", i);

		if (strcmp(obj_str(c, "type"), "Ready") == 0)
			s = strcmp(obj_str(c, "status"), "True") == 0 ? "Ready" : "NotReady";
	}
	return take_text(sim_asprintf(
	    "%s%s", s, obj_bool(obj, "spec.unschedulable", false) ? ",SchedulingDisabled" : ""));
}

static struct json_object *
node_roles(struct json_object *obj, time_t now)
{
	static const char prefix[] = "node-role.kubernetes.io/";
	struct json_object *labels = obj_get(obj, "metadata.labels");
	char *s = sim_strdup("");

	(void)now;
	if (labels != NULL) {
		json_object_object_foreach (labels, key, value) {
			(void)value;
			if (strncmp(key, prefix, strlen(prefix)) == 0)
				append(&s, key + strlen(prefix));
		}
	}
	if (s[0] == '\0')
		append(&s, "<none>");
	return take_text(s);
}

static struct json_object *
node_version(struct json_object *obj, time_t now)
{
	(void)now;
	return text(obj_str(obj, "status.nodeInfo.kubeletVersion"));
}

static struct json_object *
node_address(struct json_object *obj, const char *type)
{
	for (size_t i = 0; i < obj_len(obj, "status.addresses"); i++) {
		struct json_object *a = obj_at(obj, "status.addresses", i);

		if (strcmp(obj_str(a, "type"), type) == 0)
			return text(obj_str(a, "address"));
	}
	return text("<none>");
}

static struct json_object *
node_internal_ip(struct json_object *obj, time_t now)
{
	(void)now;
	return node_address(obj, "InternalIP");
}

static struct json_object *
node_external_ip(struct json_object *obj, time_t now)
{
	(void)now;
	return node_address(obj, "ExternalIP");
}

static struct json_object *
node_info(struct json_object *obj, const char *path)
{
	const char *s = obj_str(obj, path);

	return text(s[0] != '\0' ? s : "<unknown>");
}

static struct json_object *
node_os(struct json_object *obj, time_t now)
{
	(void)now;
	return node_info(obj, "status.nodeInfo.osImage");
}

static struct json_object *
node_kernel(struct json_object *obj, time_t now)
{
	(void)now;
	return node_info(obj, "status.nodeInfo.kernelVersion");
}

static struct json_object *
node_runtime(struct json_object *obj, time_t now)
{
	(void)now;
	return node_info(obj, "status.nodeInfo.containerRuntimeVersion");
}

const struct column table_node[] = {
    {"Name", 0, cell_name},
    {"Status", 0, node_ready},
    {"Roles", 0, node_roles},
    {"Age", 0, cell_age},
    {"Version", 0, node_version},
    {"Internal-IP", 1, node_internal_ip},
    {"External-IP", 1, node_external_ip},
    {"OS-Image", 1, node_os},
    {"Kernel-Version", 1, node_kernel},
    {"Container-Runtime", 1, node_runtime},
    {NULL, 0, NULL},
};

static struct json_object *
namespace_phase(struct json_object *obj, time_t now)
{
	(void)now;
	return text(obj_str(obj, "status.phase"));
}

const struct column table_namespace[] = {
    {"Name", 0, cell_name},
    {"Status", 0, namespace_phase},
    {"Age", 0, cell_age},
    {NULL, 0, NULL},
};

const struct column table_other[] = {
    {"Name", 0, cell_name},
    {"Age", 0, cell_age},
    {NULL, 0, NULL},
};

struct json_object *
table_new(const struct resource *resource, const char *api_version, const char *resource_version)
{
	struct json_object *table = json_object_new_object(), *columns = json_object_new_array();

	obj_set_str(table, "kind", "Table");
	obj_set_str(table, "apiVersion", api_version);
	obj_set_str(table, "metadata.resourceVersion", resource_version);
	for (const struct column *c = resource->columns; c->name != NULL; c++) {
		struct json_object *column = json_object_new_object();

		obj_set_str(column, "name", c->name);
		obj_set_str(column, "type", "string");
		obj_set_str(column, "format", c->cell == cell_name ? "name" : "");
		obj_set_str(column, "description", "");
		obj_set(column, "priority", json_object_new_int(c->priority));
		json_object_array_add(columns, column);
	}
	obj_set(table, "columnDefinitions", columns);
	obj_set(table, "rows", json_object_new_array());
	return table;
}

/* What a row carries of its object; NULL for nothing. */
static struct json_object *
row_object(const struct resource *resource, struct json_object *obj, enum table_include include)
{
	struct json_object *out;
	char buf[64];

	if (include == TABLE_NONE)
		return NULL;
	out = json_object_new_object();
	if (include == TABLE_METADATA) {
		obj_set_str(out, "kind", "PartialObjectMetadata");
		obj_set_str(out, "apiVersion", "meta.k8s.io/v1");
		obj_set(out, "metadata", json_object_get(obj_get(obj, "metadata")));
		return out;
	}
	obj_set_str(out, "kind", resource->kind);
	obj_set_str(out, "apiVersion", resource_group_version(resource, buf));
	json_object_object_foreach (obj, key, value) {
		json_object_object_add(out, key, json_object_get(value));
	}
	return out;
}

void
table_add(struct json_object *table, const struct resource *resource, struct json_object *obj,
    enum table_include include, time_t now)
{
	struct json_object *row = json_object_new_object(), *cells = json_object_new_array();

	for (const struct column *c = resource->columns; c->name != NULL; c++)
		json_object_array_add(cells, c->cell(obj, now));
	obj_set(row, "cells", cells);
	json_object_object_add(row, "object", row_object(resource, obj, include));
	json_object_array_add(obj_get(table, "rows"), row);
}
