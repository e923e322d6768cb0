#include "schema.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "obj.h"

static const struct field nothing[] = {{.name = NULL}};
static const struct schema anything = {.go_type = "Object", .open = true, .fields = nothing};

static const struct field meta_fields[] = {
    {.name = "name", .number = 1, .type = FIELD_STRING},
    {.name = "generateName", .number = 2, .type = FIELD_STRING},
    {.name = "namespace", .number = 3, .type = FIELD_STRING},
    {.name = "selfLink", .type = FIELD_STRING, .flags = FIELD_NOT_STORED},
    {.name = "uid", .number = 5, .type = FIELD_STRING},
    {.name = "resourceVersion", .number = 6, .type = FIELD_STRING},
    {.name = "generation", .number = 7, .type = FIELD_INT64},
    {.name = "creationTimestamp", .number = 8, .type = FIELD_TIME, .flags = FIELD_ALWAYS},
    {.name = "deletionTimestamp", .number = 9, .type = FIELD_TIME},
    {.name = "deletionGracePeriodSeconds",
	.number = 10,
	.type = FIELD_INT64,
	.flags = FIELD_POINTER},
    {.name = "labels", .number = 11, .type = FIELD_STRING_MAP},
    {.name = "annotations", .number = 12, .type = FIELD_STRING_MAP},
    {.name = "ownerReferences", .type = FIELD_OBJECT_LIST, .merge_key = "uid", .schema = &anything},
    {.name = "finalizers", .number = 14, .type = FIELD_STRING_LIST, .flags = FIELD_MERGE_LIST},
    {.name = "clusterName", .type = FIELD_STRING, .flags = FIELD_NOT_STORED},
    {.name = "managedFields", .type = FIELD_ANY, .flags = FIELD_NOT_STORED},
    {.name = NULL},
};
static const struct schema meta = {.go_type = "ObjectMeta", .fields = meta_fields};

#define METADATA                                                                              \
	{                                                                                     \
		.name = "metadata", .number = 1, .type = FIELD_OBJECT, .flags = FIELD_ALWAYS, \
		.schema = &meta                                                               \
	}

static const struct field open_fields[] = {METADATA, {.name = NULL}};
const struct schema schema_open = {.go_type = "Object", .open = true, .fields = open_fields};

static const struct field port_fields[] = {
    {.name = "name", .number = 1, .type = FIELD_STRING},
    {.name = "protocol", .number = 2, .type = FIELD_STRING},
    {.name = "appProtocol", .number = 6, .type = FIELD_STRING, .flags = FIELD_POINTER},
    {.name = "port", .number = 3, .type = FIELD_INT32, .flags = FIELD_ALWAYS},
    {.name = "targetPort", .number = 4, .type = FIELD_INT_OR_STRING},
    {.name = "nodePort", .number = 5, .type = FIELD_INT32},
    {.name = NULL},
};
static const struct schema port = {.go_type = "ServicePort", .fields = port_fields};

static const struct field spec_fields[] = {
    {.name = "ports", .number = 1, .type = FIELD_OBJECT_LIST, .merge_key = "port", .schema = &port},
    {.name = "selector", .number = 2, .type = FIELD_STRING_MAP},
    {.name = "clusterIP", .number = 3, .type = FIELD_STRING},
    {.name = "clusterIPs", .number = 18, .type = FIELD_STRING_LIST},
    {.name = "type", .number = 4, .type = FIELD_STRING},
    {.name = "externalIPs", .number = 5, .type = FIELD_STRING_LIST},
    {.name = "sessionAffinity", .number = 7, .type = FIELD_STRING},
    {.name = "loadBalancerIP", .number = 8, .type = FIELD_STRING},
    {.name = "loadBalancerSourceRanges", .number = 9, .type = FIELD_STRING_LIST},
    {.name = "externalName", .number = 10, .type = FIELD_STRING},
    {.name = "externalTrafficPolicy", .number = 11, .type = FIELD_STRING},
    {.name = "healthCheckNodePort", .number = 12, .type = FIELD_INT32},
    {.name = "publishNotReadyAddresses", .number = 13, .type = FIELD_BOOL},
    {.name = "sessionAffinityConfig", .type = FIELD_ANY},
    {.name = "ipFamilies", .number = 19, .type = FIELD_STRING_LIST},
    {.name = "ipFamilyPolicy", .number = 17, .type = FIELD_STRING},
    {.name = "allocateLoadBalancerNodePorts",
	.number = 20,
	.type = FIELD_BOOL,
	.flags = FIELD_POINTER},
    {.name = "loadBalancerClass",
	.number = 21,
	.type = FIELD_STRING,
	.flags = FIELD_POINTER,
	.since = 21},
    {.name = "internalTrafficPolicy", .number = 22, .type = FIELD_STRING, .since = 22},
    {.name = "trafficDistribution", .number = 23, .type = FIELD_STRING, .since = 31},
    {.name = NULL},
};
static const struct schema spec = {.go_type = "ServiceSpec", .fields = spec_fields};

static const struct field port_status_fields[] = {
    {.name = "port", .type = FIELD_INT32, .flags = FIELD_ALWAYS},
    {.name = "protocol", .type = FIELD_STRING, .flags = FIELD_ALWAYS},
    {.name = "error", .type = FIELD_STRING, .flags = FIELD_POINTER},
    {.name = NULL},
};
static const struct schema port_status = {.go_type = "PortStatus", .fields = port_status_fields};

static const struct field ingress_fields[] = {
    {.name = "ip", .type = FIELD_STRING},
    {.name = "hostname", .type = FIELD_STRING},
    {.name = "ipMode", .type = FIELD_STRING, .since = 29},
    {.name = "ports", .type = FIELD_OBJECT_LIST, .schema = &port_status},
    {.name = NULL},
};
static const struct schema ingress = {.go_type = "LoadBalancerIngress", .fields = ingress_fields};

/* ingress has no merge key: the list is atomic. */
static const struct field balancer_fields[] = {
    {.name = "ingress", .type = FIELD_OBJECT_LIST, .schema = &ingress},
    {.name = NULL},
};
static const struct schema balancer = {.go_type = "LoadBalancerStatus", .fields = balancer_fields};

static const struct field condition_fields[] = {
    {.name = "type", .type = FIELD_STRING, .flags = FIELD_ALWAYS},
    {.name = "status", .type = FIELD_STRING, .flags = FIELD_ALWAYS},
    {.name = "observedGeneration", .type = FIELD_INT64},
    {.name = "lastTransitionTime", .type = FIELD_TIME, .flags = FIELD_ALWAYS},
    {.name = "reason", .type = FIELD_STRING, .flags = FIELD_ALWAYS},
    {.name = "message", .type = FIELD_STRING, .flags = FIELD_ALWAYS},
    {.name = NULL},
};
static const struct schema condition = {.go_type = "Condition", .fields = condition_fields};

static const struct field service_status_fields[] = {
    {.name = "loadBalancer", .type = FIELD_OBJECT, .flags = FIELD_ALWAYS, .schema = &balancer},
    {.name = "conditions", .type = FIELD_OBJECT_LIST, .merge_key = "type", .schema = &condition},
    {.name = NULL},
};
static const struct schema service_status = {
    .go_type = "ServiceStatus", .fields = service_status_fields};

static const struct field service_fields[] = {
    METADATA,
    {.name = "spec", .number = 2, .type = FIELD_OBJECT, .flags = FIELD_ALWAYS, .schema = &spec},
    {.name = "status", .type = FIELD_OBJECT, .flags = FIELD_ALWAYS, .schema = &service_status},
    {.name = NULL},
};
const struct schema schema_service = {.go_type = "Service", .fields = service_fields};

static const struct field lease_spec_fields[] = {
    {.name = "holderIdentity", .type = FIELD_STRING, .flags = FIELD_POINTER},
    {.name = "leaseDurationSeconds", .type = FIELD_INT32, .flags = FIELD_POINTER},
    {.name = "acquireTime", .type = FIELD_MICROTIME},
    {.name = "renewTime", .type = FIELD_MICROTIME},
    {.name = "leaseTransitions", .type = FIELD_INT32, .flags = FIELD_POINTER},
    {.name = NULL},
};
static const struct schema lease_spec = {.go_type = "LeaseSpec", .fields = lease_spec_fields};

static const struct field lease_fields[] = {
    METADATA,
    {.name = "spec", .type = FIELD_OBJECT, .flags = FIELD_ALWAYS, .schema = &lease_spec},
    {.name = NULL},
};
const struct schema schema_lease = {.go_type = "Lease", .fields = lease_fields};

static const struct field reference_fields[] = {
    {.name = "kind", .type = FIELD_STRING},
    {.name = "namespace", .type = FIELD_STRING},
    {.name = "name", .type = FIELD_STRING},
    {.name = "uid", .type = FIELD_STRING},
    {.name = "apiVersion", .type = FIELD_STRING},
    {.name = "resourceVersion", .type = FIELD_STRING},
    {.name = "fieldPath", .type = FIELD_STRING},
    {.name = NULL},
};
static const struct schema reference = {.go_type = "ObjectReference", .fields = reference_fields};

static const struct field source_fields[] = {
    {.name = "component", .type = FIELD_STRING},
    {.name = "host", .type = FIELD_STRING},
    {.name = NULL},
};
static const struct schema source = {.go_type = "EventSource", .fields = source_fields};

static const struct field series_fields[] = {
    {.name = "count", .type = FIELD_INT32},
    {.name = "lastObservedTime", .type = FIELD_MICROTIME, .flags = FIELD_ALWAYS},
    {.name = NULL},
};
static const struct schema series = {.go_type = "EventSeries", .fields = series_fields};

static const struct field event_fields[] = {
    METADATA,
    {.name = "involvedObject", .type = FIELD_OBJECT, .flags = FIELD_ALWAYS, .schema = &reference},
    {.name = "reason", .type = FIELD_STRING},
    {.name = "message", .type = FIELD_STRING},
    {.name = "source", .type = FIELD_OBJECT, .flags = FIELD_ALWAYS, .schema = &source},
    {.name = "firstTimestamp", .type = FIELD_TIME, .flags = FIELD_ALWAYS},
    {.name = "lastTimestamp", .type = FIELD_TIME, .flags = FIELD_ALWAYS},
    {.name = "count", .type = FIELD_INT32},
    {.name = "type", .type = FIELD_STRING},
    {.name = "eventTime", .type = FIELD_MICROTIME, .flags = FIELD_ALWAYS},
    {.name = "series", .type = FIELD_OBJECT, .schema = &series},
    {.name = "action", .type = FIELD_STRING},
    {.name = "related", .type = FIELD_OBJECT, .schema = &reference},
    {.name = "reportingComponent", .type = FIELD_STRING, .flags = FIELD_ALWAYS},
    {.name = "reportingInstance", .type = FIELD_STRING, .flags = FIELD_ALWAYS},
    {.name = NULL},
};
const struct schema schema_event = {.go_type = "Event", .fields = event_fields};

/* A Node's details do not matter here; its lists' merge keys do, since tests patch conditions and
 * addresses. */
static const struct field node_status_fields[] = {
    {.name = "conditions", .type = FIELD_OBJECT_LIST, .merge_key = "type", .schema = &anything},
    {.name = "addresses", .type = FIELD_OBJECT_LIST, .merge_key = "type", .schema = &anything},
    {.name = NULL},
};
static const struct schema node_status = {
    .go_type = "NodeStatus", .open = true, .fields = node_status_fields};

static const struct field node_fields[] = {
    METADATA,
    {.name = "spec", .type = FIELD_OBJECT, .flags = FIELD_ALWAYS, .schema = &anything},
    {.name = "status", .type = FIELD_OBJECT, .flags = FIELD_ALWAYS, .schema = &node_status},
    {.name = NULL},
};
const struct schema schema_node = {.go_type = "Node", .fields = node_fields};

static const struct field namespace_fields[] = {
    METADATA,
    {.name = "spec", .type = FIELD_OBJECT, .flags = FIELD_ALWAYS, .schema = &anything},
    {.name = "status", .type = FIELD_OBJECT, .flags = FIELD_ALWAYS, .schema = &anything},
    {.name = NULL},
};
const struct schema schema_namespace = {.go_type = "Namespace", .fields = namespace_fields};

/* Go's words for the JSON kinds, in its unmarshal errors. */
static const char *
json_kind(struct json_object *v)
{
	switch (json_object_get_type(v)) {
	case json_type_boolean:
		return "bool";
	case json_type_double:
	case json_type_int:
		return "number";
	case json_type_object:
		return "object";
	case json_type_array:
		return "array";
	case json_type_string:
		return "string";
	case json_type_null:
		break;
	}
	return "null";
}

static char *
go_type(const struct field *field)
{
	static const char *const plain[FIELD_TYPE_COUNT] = {
	    [FIELD_STRING] = "string",
	    [FIELD_INT32] = "int32",
	    [FIELD_INT64] = "int64",
	    [FIELD_BOOL] = "bool",
	    [FIELD_INT_OR_STRING] = "intstr.IntOrString",
	    [FIELD_TIME] = "string",
	    [FIELD_MICROTIME] = "string",
	    [FIELD_STRING_MAP] = "map[string]string",
	    [FIELD_STRING_LIST] = "[]string",
	};

	if (field->type == FIELD_OBJECT)
		return sim_asprintf("v1.%s", field->schema->go_type);
	if (field->type == FIELD_OBJECT_LIST)
		return sim_asprintf("[]v1.%s", field->schema->go_type);
	return sim_strdup(plain[field->type]);
}

/* One level of decoding: where it is, for messages. */
struct place {
	const struct schema *schema;
	const char *path; /* "spec.ports", "" at the top */
	struct decoding *decoding;
};

static void
type_error(const struct place *place, const struct field *field, struct json_object *v)
{
	char *type = go_type(field);

	if (place->decoding->error == NULL)
		place->decoding->error = sim_asprintf(
		    "json: cannot unmarshal %s into Go struct field %s.%s%s%s of type %s",
		    json_kind(v), place->schema->go_type, place->path,
		    place->path[0] != '\0' ? "." : "", field->name, type);
	free(type);
}

static struct json_object *decode_at(const struct place *place, struct json_object *in);

static struct json_object *
decode_time(const struct place *place, const struct field *field, struct json_object *v)
{
	bool micro = field->type == FIELD_MICROTIME;
	char buf[48];

	if (!json_object_is_type(v, json_type_string)) {
		type_error(place, field, v);
		return NULL;
	}
	if (!obj_time_normalise(json_object_get_string(v), micro, buf, sizeof(buf))) {
		if (place->decoding->error == NULL)
			place->decoding->error = sim_asprintf(
			    "parsing time \"%s\" as \"2006-01-02T15:04:05%sZ07:00\": cannot parse",
			    json_object_get_string(v), micro ? ".000000" : "");
		return NULL;
	}
	return json_object_new_string(buf);
}

static int
compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted by key, as Go writes maps. */
static struct json_object *
decode_string_map(const struct place *place, const struct field *field, struct json_object *v)
{
	struct json_object *out;
	const char **keys;
	size_t n = 0;

	if (!json_object_is_type(v, json_type_object)) {
		type_error(place, field, v);
		return NULL;
	}
	out = json_object_new_object();
	keys = sim_calloc((size_t)json_object_object_length(v), sizeof(*keys));
	json_object_object_foreach (v, key, unused) {
		(void)unused;
		keys[n++] = key;
	}
	qsort(keys, n, sizeof(*keys), compare_keys);
	for (size_t i = 0; i < n; i++) {
		struct json_object *value = NULL;

		json_object_object_get_ex(v, keys[i], &value);
		if (value != NULL && !json_object_is_type(value, json_type_string))
			type_error(place, field, value);
		json_object_object_add(out, keys[i],
		    value != NULL ? json_object_get(value) : json_object_new_string(""));
	}
	free(keys);
	return out;
}

static struct json_object *
decode_list(const struct place *place, const struct field *field, struct json_object *v)
{
	struct json_object *out;

	if (!json_object_is_type(v, json_type_array)) {
		type_error(place, field, v);
		return NULL;
	}
	out = json_object_new_array();
	for (size_t i = 0; i < json_object_array_length(v); i++) {
		struct json_object *item = json_object_array_get_idx(v, i);
		char *path = sim_asprintf(
		    "%s%s%s[%zu]", place->path, place->path[0] != '\0' ? "." : "", field->name, i);
		struct place below = {field->schema, path, place->decoding};

		if (field->type == FIELD_STRING_LIST) {
			if (!json_object_is_type(item, json_type_string))
				type_error(place, field, item);
			json_object_array_add(out, json_object_get(item));
		} else if (!json_object_is_type(item, json_type_object)) {
			type_error(place, field, item);
		} else {
			json_object_array_add(out, decode_at(&below, item));
		}
		free(path);
	}
	return out;
}

static struct json_object *
decode_int(const struct place *place, const struct field *field, struct json_object *v)
{
	int64_t n = json_object_get_int64(v);

	if (!json_object_is_type(v, json_type_int) ||
	    (field->type != FIELD_INT64 && (n > INT32_MAX || n < INT32_MIN))) {
		type_error(place, field, v);
		return NULL;
	}
	return json_object_new_int64(n);
}

static struct json_object *
decode_field(const struct place *place, const struct field *field, struct json_object *v)
{
	char *path;
	struct json_object *out = NULL;

	switch (field->type) {
	case FIELD_INT_OR_STRING:
		if (json_object_is_type(v, json_type_string))
			return json_object_get(v);
		return decode_int(place, field, v);
	case FIELD_INT32:
	case FIELD_INT64:
		return decode_int(place, field, v);
	case FIELD_TIME:
	case FIELD_MICROTIME:
		return decode_time(place, field, v);
	case FIELD_STRING_MAP:
		return decode_string_map(place, field, v);
	case FIELD_STRING_LIST:
	case FIELD_OBJECT_LIST:
		return decode_list(place, field, v);
	case FIELD_STRING:
	case FIELD_BOOL:
		if (json_object_is_type(
			v, field->type == FIELD_STRING ? json_type_string : json_type_boolean))
			return json_object_get(v);
		break;
	case FIELD_OBJECT:
		if (!json_object_is_type(v, json_type_object))
			break;
		path = sim_asprintf(
		    "%s%s%s", place->path, place->path[0] != '\0' ? "." : "", field->name);
		out = decode_at(&(struct place){field->schema, path, place->decoding}, v);
		free(path);
		return out;
	case FIELD_ANY:
		return obj_copy(v);
	case FIELD_TYPE_COUNT:
		break;
	}
	type_error(place, field, v);
	return NULL;
}

static bool
is_zero(const struct field *field, struct json_object *v)
{
	switch (json_object_get_type(v)) {
	case json_type_null:
		return true;
	case json_type_boolean:
		return !json_object_get_boolean(v);
	case json_type_int:
		return json_object_get_int64(v) == 0;
	case json_type_string:
		return json_object_get_string_len(v) == 0;
	case json_type_array:
		return json_object_array_length(v) == 0;
	case json_type_object:
		return field->type == FIELD_STRING_MAP && json_object_object_length(v) == 0;
	case json_type_double:
		break;
	}
	return false;
}

/* What Go writes for a field without omitempty that was not given. */
static struct json_object *
zero_value(const struct place *place, const struct field *field)
{
	struct json_object *empty, *out;

	switch (field->type) {
	case FIELD_STRING:
		return json_object_new_string("");
	case FIELD_INT32:
	case FIELD_INT64:
		return json_object_new_int(0);
	case FIELD_OBJECT:
		empty = json_object_new_object();
		out = decode_at(&(struct place){field->schema, "", place->decoding}, empty);
		json_object_put(empty);
		return out;
	case FIELD_BOOL:
	case FIELD_INT_OR_STRING:
	case FIELD_TIME:
	case FIELD_MICROTIME:
	case FIELD_STRING_MAP:
	case FIELD_STRING_LIST:
	case FIELD_OBJECT_LIST:
	case FIELD_ANY:
	case FIELD_TYPE_COUNT:
		break;
	}
	return NULL;
}

static void
decode_into(const struct place *place, const struct field *field, struct json_object *in,
    struct json_object *out)
{
	struct json_object *v = NULL, *decoded = NULL;

	if ((field->flags & FIELD_NOT_STORED) != 0 || field->since > place->decoding->minor)
		return;
	json_object_object_get_ex(in, field->name, &v);
	if (v != NULL)
		decoded = decode_field(place, field, v);
	if (decoded == NULL && (field->flags & FIELD_ALWAYS) != 0) {
		json_object_object_add(out, field->name, zero_value(place, field));
	} else if (decoded != NULL &&
	    ((field->flags & (FIELD_ALWAYS | FIELD_POINTER)) != 0 || !is_zero(field, decoded))) {
		json_object_object_add(out, field->name, decoded);
	} else {
		json_object_put(decoded);
	}
}

const struct field *
schema_field(const struct schema *schema, const char *name)
{
	if (schema == NULL)
		return NULL;
	for (const struct field *f = schema->fields; f->name != NULL; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

static void
note_unknown(const struct place *place, const char *key)
{
	char *path = sim_asprintf("%s%s%s", place->path, place->path[0] != '\0' ? "." : "", key);

	if (place->decoding->unknown == NULL)
		place->decoding->unknown = json_object_new_array();
	json_object_array_add(place->decoding->unknown, json_object_new_string(path));
	free(path);
}

static struct json_object *
decode_at(const struct place *place, struct json_object *in)
{
	struct json_object *out = json_object_new_object();
	bool top = place->path[0] == '\0';

	for (const struct field *f = place->schema->fields; f->name != NULL; f++)
		decode_into(place, f, in, out);
	json_object_object_foreach (in, key, value) {
		const struct field *f = schema_field(place->schema, key);

		if (f != NULL && f->since <= place->decoding->minor)
			continue;
		if (top && (strcmp(key, "kind") == 0 || strcmp(key, "apiVersion") == 0))
			continue;
		if (place->schema->open)
			json_object_object_add(out, key, obj_copy(value));
		else
			note_unknown(place, key);
	}
	return out;
}

void
decoding_fini(struct decoding *decoding)
{
	free(decoding->error);
	json_object_put(decoding->unknown);
	decoding->error = NULL;
	decoding->unknown = NULL;
}

struct json_object *
schema_decode(const struct schema *schema, struct json_object *in, struct decoding *decoding)
{
	struct json_object *out = decode_at(&(struct place){schema, "", decoding}, in);

	if (decoding->error == NULL)
		return out;
	json_object_put(out);
	return NULL;
}
