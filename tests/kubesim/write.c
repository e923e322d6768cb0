/* The writing verbs of api.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "alloc.h"
#include "api.h"
#include "names.h"
#include "obj.h"
#include "patch.h"
#include "proto.h"
#include "service.h"
#include "status.h"

enum {
	ANNOTATIONS_MAX = 256 * 1024
};

static bool
dry_run(const struct call *call)
{
	char *value = http_query(call->req, "dryRun");
	bool dry = value != NULL && strcmp(value, "All") == 0;

	free(value);
	return dry;
}

/* fieldValidation: unknown fields are ignored, warned of (the default) or refused. */
static struct json_object *
judge_unknown(const struct call *call, struct reply *reply, struct json_object *unknown)
{
	char *mode = http_query(call->req, "fieldValidation");
	bool strict = mode != NULL && strcmp(mode, "Strict") == 0;
	bool ignore = mode != NULL && strcmp(mode, "Ignore") == 0;
	struct json_object *status = NULL;
	char *list = sim_strdup("");

	free(mode);
	for (size_t i = 0; unknown != NULL && i < json_object_array_length(unknown); i++) {
		const char *path = json_object_get_string(json_object_array_get_idx(unknown, i));
		char *longer = sim_asprintf(
		    "%s%sunknown field \"%s\"", list, i > 0 ? ", " : "", path);

		free(list);
		list = longer;
		if (!strict && !ignore && call->sim->cluster.minor >= 25)
			evbuffer_add_printf(
			    reply->extra, "Warning: 299 - \"unknown field \\\"%s\\\"\"\r\n", path);
	}
	if (strict && list[0] != '\0' && call->sim->cluster.minor >= 25)
		status = status_bad_request(
		    "%s in version \"%s\" cannot be handled as a %s: strict decoding error: %s",
		    call->resource->kind, call->resource->version, call->resource->kind, list);
	free(list);
	return status;
}

/* Typed form of raw; *ret_obj is new. */
static struct json_object *
decode(const struct call *call, struct reply *reply, struct json_object *raw,
    struct json_object **ret_obj)
{
	struct decoding decoding = {.minor = call->sim->cluster.minor};
	const struct resource *r = call->resource;
	struct json_object *status = NULL, *obj;

	obj = schema_decode(r->schema, raw, &decoding);
	if (obj == NULL)
		status = status_bad_request("%s in version \"%s\" cannot be handled as a %s: %s",
		    r->kind, r->version, r->kind, decoding.error);
	else
		status = judge_unknown(call, reply, decoding.unknown);
	decoding_fini(&decoding);
	if (status != NULL) {
		json_object_put(obj);
		obj = NULL;
	}
	*ret_obj = obj;
	return status;
}

static struct json_object *
check_kind(const struct call *call, struct json_object *raw)
{
	const struct resource *r = call->resource;
	const char *kind = obj_str(raw, "kind"), *version = obj_str(raw, "apiVersion");
	char gv[64];

	resource_group_version(r, gv);
	if (kind[0] != '\0' && strcmp(kind, r->kind) != 0)
		return status_bad_request(
		    "%s in version \"%s\" cannot be handled as a %s: converting (%s.%s) to (%s.%s): unknown conversion",
		    kind, version[0] != '\0' ? version : gv, r->kind, r->version, kind, r->version,
		    r->kind);
	if (version[0] != '\0' && strcmp(version, gv) != 0)
		return status_bad_request(
		    "%s in version \"%s\" cannot be handled as a %s: no kind \"%s\" is registered for version \"%s\" in scheme",
		    r->kind, version, r->kind, r->kind, version);
	return NULL;
}

static const char JSON[] = "application/json", PROTOBUF[] = "application/vnd.kubernetes.protobuf";

/* The body as it came: JSON, or protobuf turned into JSON. */
static struct json_object *
parse_body(const struct call *call, struct json_object **ret_raw)
{
	const char *type = call->req->content_type, *why = NULL;
	const char *body = call->req->body != NULL ? call->req->body : "";

	if (strncasecmp(type, PROTOBUF, strlen(PROTOBUF)) == 0) {
		*ret_raw = proto_decode(call->resource->schema, body, call->req->body_len);
	} else if (type[0] == '\0' || strncasecmp(type, JSON, strlen(JSON)) == 0 ||
	    strncmp(type, "*/*", 3) == 0) {
		*ret_raw = obj_parse(body, call->req->body_len, &why);
	} else {
		return status_new(415, "UnsupportedMediaType",
		    "the body of the request was in an unknown format - accepted media types include: %s, %s",
		    JSON, PROTOBUF);
	}
	if (json_object_is_type(*ret_raw, json_type_object))
		return NULL;
	json_object_put(*ret_raw);
	return status_bad_request(
	    "the object provided is unrecognized (must be of type %s): couldn't get version/kind; json parse error: %s",
	    call->resource->kind, why != NULL ? why : "expected an object");
}

/* The body as a typed object. */
static struct json_object *
read_body(const struct call *call, struct reply *reply, struct json_object **ret_obj)
{
	struct json_object *raw = NULL, *status = parse_body(call, &raw);

	if (status != NULL)
		return status;
	status = check_kind(call, raw);
	if (status == NULL)
		status = decode(call, reply, raw, ret_obj);
	json_object_put(raw);
	return status;
}

static void
check_meta(const struct resource *r, struct json_object *obj, struct causes *causes)
{
	struct json_object *labels = obj_get(obj, "metadata.labels");
	struct json_object *annotations = obj_get(obj, "metadata.annotations");
	const char *name = obj_str(obj, "metadata.name");
	size_t bytes = 0;

	if (name[0] == '\0')
		causes_required(causes, "metadata.name", "name or generateName is required");
	else if (!name_is_valid(r->name_rule, name))
		causes_invalid(causes, "metadata.name", name, name_rule_text(r->name_rule));
	if (labels != NULL) {
		json_object_object_foreach (labels, key, value) {
			if (!name_is_qualified(key))
				causes_invalid(
				    causes, "metadata.labels", key, name_qualified_text());
			if (!name_is_label_value(json_object_get_string(value)))
				causes_invalid(causes, "metadata.labels",
				    json_object_get_string(value), name_label_value_text());
		}
	}
	if (annotations != NULL) {
		json_object_object_foreach (annotations, akey, avalue) {
			char *lower = sim_strdup(akey);

			/* annotations' keys may be in upper case */
			for (char *c = lower; *c != '\0'; c++)
				if (*c >= 'A' && *c <= 'Z')
					*c = (char)(*c - 'A' + 'a');
			if (!name_is_qualified(lower))
				causes_invalid(
				    causes, "metadata.annotations", akey, name_qualified_text());
			free(lower);
			bytes += strlen(akey) + (size_t)json_object_get_string_len(avalue);
		}
	}
	if (bytes > ANNOTATIONS_MAX)
		causes_invalid(
		    causes, "metadata.annotations", "", "Too long: must have at most 262144 bytes");
}

/* The server's own fields; names are made here too. */
static void
stamp_new(const struct resource *r, struct json_object *obj, const char *ns)
{
	static const char alphabet[] = "bcdfghjklmnpqrstvwxz2456789";
	const char *prefix = obj_str(obj, "metadata.generateName");
	char now[32], uid[40];

	if (obj_str(obj, "metadata.name")[0] == '\0' && prefix[0] != '\0') {
		char *name = sim_asprintf("%.58s-----", prefix);
		size_t n = strlen(name);

		for (size_t i = n - 5; i < n; i++)
			name[i] = alphabet[sim_random(sizeof(alphabet) - 1)];
		obj_set_str(obj, "metadata.name", name);
		free(name);
	}
	if ((r->flags & RESOURCE_NAMESPACED) != 0)
		obj_set_str(obj, "metadata.namespace", ns);
	else
		obj_del(obj, "metadata.namespace");
	obj_time(now, sizeof(now), time(NULL));
	obj_uuid(uid, sizeof(uid));
	obj_set_str(obj, "metadata.creationTimestamp", now);
	obj_set_str(obj, "metadata.uid", uid);
	obj_del(obj, "metadata.deletionTimestamp");
	obj_del(obj, "metadata.deletionGracePeriodSeconds");
	/* the store sets it; here it gets its place among the fields */
	obj_set_str(obj, "metadata.resourceVersion", "0");
}

/* Once more through the schema: what defaults have appended gets its place, emptied fields go.
 * Takes over obj. */
static struct json_object *
tidy(const struct call *call, struct json_object *obj)
{
	struct decoding decoding = {.minor = call->sim->cluster.minor};
	struct json_object *out = schema_decode(call->resource->schema, obj, &decoding);

	if (out == NULL)
		abort();
	decoding_fini(&decoding);
	json_object_put(obj);
	return out;
}

static bool
namespace_exists(const struct call *call)
{
	return (call->resource->flags & RESOURCE_NAMESPACED) == 0 ||
	    store_get(call->sim->store, RESOURCE_NAMESPACES, call->route->ns) != NULL;
}

static bool
is_service(const struct call *call)
{
	return call->route->resource == RESOURCE_SERVICES;
}

/* A reply that shows an object which is not (or no longer) in the store. Takes over obj. */
static void
reply_object(const struct call *call, struct reply *reply, int code, struct json_object *obj)
{
	reply_json(reply, code, api_whole(call->resource, obj));
	json_object_put(obj);
}

/* Stores a new object or only shows it. Takes over obj. */
static void
commit_new(const struct call *call, struct reply *reply, struct json_object *obj)
{
	char *key = api_key(call->resource, call->route->ns, obj_str(obj, "metadata.name"));

	obj = tidy(call, obj);
	if (dry_run(call)) {
		if (is_service(call))
			service_release(&call->sim->cluster, obj, NULL);
		reply_object(call, reply, 201, obj);
	} else {
		api_reply_version(
		    call, reply, 201, store_put(call->sim->store, call->route->resource, key, obj));
	}
	free(key);
}

/* Checks and stores a new object; takes over obj. */
static void
create_object(const struct call *call, struct reply *reply, struct json_object *obj)
{
	const struct resource *r = call->resource;
	struct json_object *status = NULL;
	struct causes causes = {0};
	char *key;

	stamp_new(r, obj, call->route->ns);
	key = api_key(r, call->route->ns, obj_str(obj, "metadata.name"));
	if (obj_str(obj, "metadata.name")[0] != '\0' &&
	    store_get(call->sim->store, call->route->resource, key) != NULL)
		status = status_exists(r->group, r->plural, obj_str(obj, "metadata.name"));
	free(key);
	if (status == NULL) {
		check_meta(r, obj, &causes);
		if (r->prepare != NULL)
			status = r->prepare(&call->sim->cluster, obj, NULL, &causes);
		if (status == NULL)
			status = causes_status(
			    &causes, r->group, r->kind, obj_str(obj, "metadata.name"));
		causes_fini(&causes);
	}
	if (status == NULL) {
		commit_new(call, reply, obj);
		return;
	}
	reply_status(reply, status);
	json_object_put(obj);
}

void
api_create(const struct call *call, struct reply *reply)
{
	struct json_object *obj = NULL, *status = read_body(call, reply, &obj);
	const char *ns = obj_str(obj, "metadata.namespace");

	if (status == NULL && (call->resource->flags & RESOURCE_NAMESPACED) != 0 && ns[0] != '\0' &&
	    strcmp(ns, call->route->ns) != 0)
		status = status_bad_request(
		    "the namespace of the provided object does not match the namespace sent on the request");
	if (status == NULL && obj_str(obj, "metadata.resourceVersion")[0] != '\0')
		status = status_internal(
		    "resourceVersion should not be set on objects to be created");
	if (status == NULL && !namespace_exists(call))
		status = status_not_found("", "namespaces", call->route->ns);
	if (status != NULL) {
		reply_status(reply, status);
		json_object_put(obj);
		return;
	}
	create_object(call, reply, obj);
}

/* A PUT that carries a UID means that very object; it may be gone, then `was` is "". */
static struct json_object *
check_uid(const struct call *call, const char *uid, const char *was)
{
	const struct resource *r = call->resource;
	struct json_object *status;
	char *why;

	if (uid[0] == '\0' || strcmp(uid, was) == 0)
		return NULL;
	why = sim_asprintf(
	    "StorageError: invalid object, Code: 4, Key: /registry/%s/%s%s%s, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: %s, UID in object meta: %s",
	    r->plural, call->route->ns, call->route->ns[0] != '\0' ? "/" : "", call->route->name,
	    uid, was);
	status = status_conflict(r->group, r->plural, call->route->name, why);
	free(why);
	return status;
}

/* What an update may never change is the old object's. */
static struct json_object *
keep_meta(const struct call *call, struct json_object *obj, struct json_object *old)
{
	static const char *const fixed[] = {"metadata.uid", "metadata.creationTimestamp",
	    "metadata.deletionTimestamp", "metadata.deletionGracePeriodSeconds",
	    "metadata.generateName", "metadata.namespace", "metadata.name"};
	const struct resource *r = call->resource;
	const char *uid = obj_str(obj, "metadata.uid");
	struct causes causes = {0};

	/* only a PATCH comes so far with another one */
	if (uid[0] != '\0' && strcmp(uid, obj_str(old, "metadata.uid")) != 0) {
		causes_invalid(&causes, "metadata.uid", uid, "field is immutable");
		return causes_status(&causes, r->group, r->kind, call->route->name);
	}
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		if (obj_get(old, fixed[i]) == NULL)
			obj_del(obj, fixed[i]);
		else
			obj_set(obj, fixed[i], json_object_get(obj_get(old, fixed[i])));
	}
	return NULL;
}

/* An object that waits for its finalizers and has lost the last one goes. */
static bool
may_go(struct json_object *obj)
{
	return obj_str(obj, "metadata.deletionTimestamp")[0] != '\0' &&
	    obj_len(obj, "metadata.finalizers") == 0;
}

/* Takes over obj. */
static void
commit_update(
    const struct call *call, struct reply *reply, struct json_object *obj, struct version *old)
{
	struct sim *sim = call->sim;
	char rv[24];

	/* an update that changes nothing makes no event and no new resourceVersion */
	snprintf(rv, sizeof(rv), "%lld", (long long)old->rv);
	obj_set_str(obj, "metadata.resourceVersion", rv);
	obj = tidy(call, obj);
	if (json_object_equal(obj, old->json)) {
		json_object_put(obj);
		api_reply_version(call, reply, 200, old);
		return;
	}
	if (dry_run(call)) {
		if (is_service(call))
			service_release(&sim->cluster, obj, old->json);
		reply_object(call, reply, 200, obj);
		return;
	}
	version_ref(old);
	if (is_service(call))
		service_release(&sim->cluster, old->json, obj);
	if (may_go(obj)) {
		if (is_service(call))
			service_release(&sim->cluster, obj, NULL);
		store_delete(sim->store, call->route->resource, old->key);
		reply_object(call, reply, 200, obj);
	} else {
		api_reply_version(
		    call, reply, 200, store_put(sim->store, call->route->resource, old->key, obj));
	}
	version_unref(old);
}

/* The object that a write to /status makes: the old one with a new status and what metadata may
 * change. Takes over obj. */
static struct json_object *
merge_status(struct json_object *obj, struct json_object *old)
{
	struct json_object *out = json_object_new_object();

	json_object_object_foreach (old, key, value) {
		if (strcmp(key, "status") != 0 && strcmp(key, "metadata") != 0)
			json_object_object_add(out, key, obj_copy(value));
	}
	obj_set(out, "metadata", obj_copy(obj_get(obj, "metadata")));
	obj_set(out, "status", obj_copy(obj_get(obj, "status")));
	json_object_put(obj);
	return out;
}

static struct json_object *
check_rv(const struct call *call, struct json_object *obj, const struct version *old, bool patch)
{
	const struct resource *r = call->resource;
	const char *rv = obj_str(obj, "metadata.resourceVersion");
	struct causes causes = {0};
	char was[24];

	if (rv[0] == '\0') {
		if (patch || (r->flags & RESOURCE_UNCONDITIONAL) != 0)
			return NULL;
		/* the odd number is the server's */
		causes_invalid_hex(
		    &causes, "metadata.resourceVersion", 0, "must be specified for an update");
		return causes_status(&causes, r->group, r->plural, call->route->name);
	}
	snprintf(was, sizeof(was), "%lld", (long long)old->rv);
	if (strcmp(rv, was) == 0)
		return NULL;
	return status_conflict(r->group, r->plural, call->route->name,
	    "the object has been modified; please apply your changes to the latest version and try again");
}

/* Defaults and checks of an update, or of a write to /status. */
static struct json_object *
prepare_update(const struct call *call, struct json_object *obj, struct json_object *old)
{
	const struct resource *r = call->resource;
	struct causes causes = {0};
	struct json_object *status = NULL;

	check_meta(r, obj, &causes);
	if (call->route->subresource[0] != '\0') {
		if (r->prepare_status != NULL)
			status = r->prepare_status(&call->sim->cluster, obj, old, &causes);
	} else if (r->prepare != NULL) {
		status = r->prepare(&call->sim->cluster, obj, old, &causes);
	}
	if (status == NULL)
		status = causes_status(&causes, r->group, r->kind, call->route->name);
	causes_fini(&causes);
	return status;
}

/* The common end of PUT and PATCH; takes over obj. */
static void
update_object(const struct call *call, struct reply *reply, struct json_object *obj,
    struct version *old, bool patch)
{
	struct json_object *status = NULL;

	if (!patch)
		status = check_uid(
		    call, obj_str(obj, "metadata.uid"), obj_str(old->json, "metadata.uid"));
	if (status == NULL)
		status = check_rv(call, obj, old, patch);
	if (status == NULL)
		status = keep_meta(call, obj, old->json);
	if (status == NULL) {
		if (call->route->subresource[0] != '\0')
			obj = merge_status(obj, old->json);
		else if ((call->resource->flags & RESOURCE_HAS_STATUS) != 0)
			obj_set(obj, "status", obj_copy(obj_get(old->json, "status")));
		status = prepare_update(call, obj, old->json);
	}
	if (status == NULL) {
		commit_update(call, reply, obj, old);
		return;
	}
	reply_status(reply, status);
	json_object_put(obj);
}

static struct json_object *
check_url(const struct call *call, struct json_object *obj)
{
	const char *name = obj_str(obj, "metadata.name"), *ns = obj_str(obj, "metadata.namespace");

	if (name[0] == '\0')
		return status_bad_request(
		    "the name of the object (%s based on URL) was undeterminable: name must be provided",
		    call->route->name);
	if (strcmp(name, call->route->name) != 0)
		return status_bad_request(
		    "the name of the object (%s) does not match the name on the URL (%s)", name,
		    call->route->name);
	if (ns[0] != '\0' && strcmp(ns, call->route->ns) != 0)
		return status_bad_request(
		    "the namespace of the object (%s) does not match the namespace on the request (%s)",
		    ns, call->route->ns);
	return NULL;
}

/* PUT of an object that is not there. Takes over obj. */
static void
update_missing(const struct call *call, struct reply *reply, struct json_object *obj)
{
	const struct resource *r = call->resource;
	struct json_object *status = NULL;

	if ((r->flags & RESOURCE_CREATE_ON_UPDATE) == 0 || call->route->subresource[0] != '\0') {
		status = status_not_found(r->group, r->plural, call->route->name);
	} else if (!namespace_exists(call)) {
		status = status_not_found("", "namespaces", call->route->ns);
	} else {
		status = check_uid(call, obj_str(obj, "metadata.uid"), "");
	}
	if (status == NULL) {
		create_object(call, reply, obj);
		return;
	}
	reply_status(reply, status);
	json_object_put(obj);
}

void
api_update(const struct call *call, struct reply *reply)
{
	char *key = api_key(call->resource, call->route->ns, call->route->name);
	struct version *old = store_get(call->sim->store, call->route->resource, key);
	struct json_object *obj = NULL, *status = read_body(call, reply, &obj);

	free(key);
	if (status == NULL)
		status = check_url(call, obj);
	if (status != NULL) {
		reply_status(reply, status);
		json_object_put(obj);
	} else if (old == NULL) {
		update_missing(call, reply, obj);
	} else {
		update_object(call, reply, obj, old, false);
	}
}

static struct json_object *
bad_patch(enum patch_result result, const char *text)
{
	struct json_object *status;
	struct causes causes = {0};

	switch (result) {
	case PATCH_NOT_A_LIST:
		return status_bad_request(
		    "json: cannot unmarshal object into Go value of type jsonpatch.Patch");
	case PATCH_BAD_OPERATION:
	case PATCH_NO_SUCH_PATH:
	case PATCH_TEST_FAILED:
		status = status_new(422, "Invalid",
		    "the server rejected our request due to an error in our request");
		status_no_details(status);
		return status;
	case PATCH_NO_MERGE_KEY:
		return status_internal(patch_result_str(result));
	case PATCH_OK:
	case PATCH_NOT_AN_OBJECT:
	case PATCH_BAD_DIRECTIVE:
	case PATCH_RESULT_COUNT:
		break;
	}
	causes_invalid(&causes, "patch", text, patch_result_str(result));
	return causes_status(&causes, "", "", "");
}

/* Applies the body to doc, which is changed. */
static struct json_object *
apply_patch(const struct call *call, struct json_object *doc)
{
	const char *type = call->req->content_type, *why = NULL;
	const char *text = call->req->body != NULL ? call->req->body : "";
	size_t n = strcspn(type, "; ");
	enum patch_result result;
	struct json_object *patch;
	bool merge = n == strlen("application/merge-patch+json") &&
	    strncmp(type, "application/merge-patch+json", n) == 0;
	bool strategic = n == strlen("application/strategic-merge-patch+json") &&
	    strncmp(type, "application/strategic-merge-patch+json", n) == 0;
	bool operations = n == strlen("application/json-patch+json") &&
	    strncmp(type, "application/json-patch+json", n) == 0;

	if (!merge && !strategic && !operations) {
		struct json_object *status = status_new(
		    415, "UnsupportedMediaType", "415: Unsupported Media Type");

		status_no_details(status);
		return status;
	}
	patch = obj_parse(text, call->req->body_len, &why);
	if (why != NULL)
		return merge ? status_internal("Invalid JSON Patch")
			     : status_bad_request("%s", why);
	if (merge)
		result = patch_merge(doc, patch);
	else if (strategic)
		result = patch_strategic(doc, patch, call->resource->schema);
	else
		result = patch_json(doc, patch);
	json_object_put(patch);
	return result == PATCH_OK ? NULL : bad_patch(result, text);
}

/* The patched document as a typed object; *ret_obj is new. */
static struct json_object *
patched(const struct call *call, struct reply *reply, const struct version *old,
    struct json_object **ret_obj)
{
	struct json_object *whole = api_whole(call->resource, old->json), *doc, *status;
	char gv[64];

	doc = obj_copy(whole);
	json_object_put(whole);
	status = apply_patch(call, doc);
	if (status == NULL &&
	    (strcmp(obj_str(doc, "kind"), call->resource->kind) != 0 ||
		strcmp(obj_str(doc, "apiVersion"), resource_group_version(call->resource, gv)) !=
		    0)) {
		struct causes causes = {0};

		causes_invalid(
		    &causes, "patch", obj_text(doc), "kind and apiVersion cannot change");
		status = causes_status(&causes, "", "", "");
	}
	if (status == NULL)
		status = decode(call, reply, doc, ret_obj);
	if (status == NULL)
		status = check_url(call, *ret_obj);
	json_object_put(doc);
	return status;
}

void
api_patch(const struct call *call, struct reply *reply)
{
	const struct resource *r = call->resource;
	char *key = api_key(r, call->route->ns, call->route->name);
	struct version *old = store_get(call->sim->store, call->route->resource, key);
	struct json_object *obj = NULL, *status;

	free(key);
	if (old == NULL) {
		reply_status(reply, status_not_found(r->group, r->plural, call->route->name));
		return;
	}
	status = patched(call, reply, old, &obj);
	if (status != NULL) {
		reply_status(reply, status);
		json_object_put(obj);
	} else {
		update_object(call, reply, obj, old, true);
	}
}

/* Removes one object, or marks it when finalizers hold it. Returns the object's last state, new. */
static struct json_object *
delete_object(const struct call *call, enum resource_id id, struct version *v)
{
	struct sim *sim = call->sim;
	struct json_object *obj;
	char now[32];

	version_ref(v);
	if (obj_len(v->json, "metadata.finalizers") > 0) {
		obj = obj_copy(v->json);
		if (obj_str(obj, "metadata.deletionTimestamp")[0] == '\0') {
			obj_time(now, sizeof(now), time(NULL));
			obj_set_str(obj, "metadata.deletionTimestamp", now);
			obj_set(obj, "metadata.deletionGracePeriodSeconds", json_object_new_int(0));
			obj = tidy(call, obj);
			obj = json_object_get(store_put(sim->store, id, v->key, obj)->json);
		}
	} else {
		if (id == RESOURCE_SERVICES)
			service_release(&sim->cluster, v->json, NULL);
		obj = json_object_get(store_delete(sim->store, id, v->key)->json);
	}
	version_unref(v);
	return obj;
}

/* There are no controllers: what a namespace holds goes with it. */
static void
empty_namespace(const struct call *call, const char *ns)
{
	size_t n = strlen(ns);

	for (int i = 0; i < RESOURCE_COUNT; i++) {
		const struct resource *r = resource_get((enum resource_id)i);
		const struct route route = {.resource = (enum resource_id)i, .verb = "delete"};
		const struct call inner = {call->sim, call->req, &route, r};
		struct snapshot s;

		if ((r->flags & RESOURCE_NAMESPACED) == 0 ||
		    store_snapshot(call->sim->store, (size_t)i, 0, &s) != 0)
			continue;
		for (size_t k = 0; k < s.count; k++)
			if (strncmp(s.items[k]->key, ns, n) == 0 && s.items[k]->key[n] == '/')
				json_object_put(
				    delete_object(&inner, (enum resource_id)i, s.items[k]));
		snapshot_fini(&s);
	}
}

static struct json_object *
precondition_failed(
    const struct call *call, const char *what, const char *wanted, const char *is, const char *hint)
{
	const struct resource *r = call->resource;
	char *why = sim_asprintf(
	    "the %s in the precondition (%s) does not match the %s in record (%s). The object might have been %s",
	    what, wanted, what, is, hint);
	struct json_object *status = status_conflict(r->group, r->kind, call->route->name, why);

	free(why);
	return status;
}

static struct json_object *
check_preconditions(const struct call *call, const struct version *v)
{
	struct json_object *options, *status = NULL;
	const char *why = NULL, *uid, *rv, *is;

	if (call->req->body_len == 0)
		return NULL;
	options = obj_parse(call->req->body, call->req->body_len, &why);
	if (!json_object_is_type(options, json_type_object)) {
		json_object_put(options);
		/* not 400: seen on 1.20 */
		return status_new(500, NULL, "couldn't get version/kind; json parse error: %s",
		    why != NULL ? why : "expected an object");
	}
	uid = obj_str(options, "preconditions.uid");
	rv = obj_str(options, "preconditions.resourceVersion");
	is = obj_str(v->json, "metadata.uid");
	if (uid[0] != '\0' && strcmp(uid, is) != 0)
		status = precondition_failed(call, "UID", uid, is, "deleted and then recreated");
	is = obj_str(v->json, "metadata.resourceVersion");
	if (status == NULL && rv[0] != '\0' && strcmp(rv, is) != 0)
		status = precondition_failed(call, "ResourceVersion", rv, is, "modified");
	json_object_put(options);
	return status;
}

void
api_delete(const struct call *call, struct reply *reply)
{
	const struct resource *r = call->resource;
	char *key = api_key(r, call->route->ns, call->route->name);
	struct version *v = store_get(call->sim->store, call->route->resource, key);
	struct json_object *status, *obj;

	free(key);
	status = v == NULL ? status_not_found(r->group, r->plural, call->route->name)
			   : check_preconditions(call, v);
	if (status != NULL) {
		reply_status(reply, status);
		return;
	}
	if (dry_run(call)) {
		api_reply_version(call, reply, 200, v);
		return;
	}
	if (call->route->resource == RESOURCE_NAMESPACES)
		empty_namespace(call, call->route->name);
	obj = delete_object(call, call->route->resource, v);
	/* with finalizers left the object is shown; 1.20's own code for services says Success even
	 * then */
	if ((obj_str(obj, "metadata.deletionTimestamp")[0] != '\0' &&
		(!is_service(call) || call->sim->cluster.minor >= 23)) ||
	    (resource_flags(r, &call->sim->cluster) & RESOURCE_DELETE_RETURNS_OBJECT) != 0)
		reply_json(reply, 200, api_whole(r, obj));
	else
		reply_status(reply,
		    status_success(
			call->route->name, r->group, r->plural, obj_str(obj, "metadata.uid")));
	json_object_put(obj);
}

void
api_delete_collection(const struct call *call, struct reply *reply)
{
	const struct resource *r = call->resource;
	struct selector *selector = NULL;
	struct json_object *status = NULL, *list, *items;
	size_t n = strlen(call->route->ns);
	struct snapshot s;
	char gv[64];

	if ((resource_flags(r, &call->sim->cluster) & RESOURCE_NO_DELETE_COLLECTION) != 0)
		status = status_method_not_allowed();
	if (status == NULL)
		status = api_selector(call, &selector);
	if (status != NULL || store_snapshot(call->sim->store, call->route->resource, 0, &s) != 0) {
		reply_status(reply, status);
		return;
	}
	list = json_object_new_object();
	items = json_object_new_array();
	snprintf(gv, sizeof(gv), "%sList", r->kind);
	obj_set_str(list, "kind", gv);
	obj_set_str(list, "apiVersion", resource_group_version(r, gv));
	snprintf(gv, sizeof(gv), "%lld", (long long)s.rv);
	obj_set_str(list, "metadata.resourceVersion", gv);
	for (size_t i = 0; i < s.count; i++) {
		struct version *v = s.items[i];

		if ((n > 0 && (strncmp(v->key, call->route->ns, n) != 0 || v->key[n] != '/')) ||
		    !selector_matches(selector, v->json, resource_field))
			continue;
		json_object_array_add(items, json_object_get(v->json));
		json_object_put(delete_object(call, call->route->resource, v));
	}
	obj_set(list, "items", items);
	reply_json(reply, 200, list);
	snapshot_fini(&s);
	selector_free(selector);
}

void
api_seed_namespace(struct sim *sim, const char *name)
{
	const struct resource *r = resource_get(RESOURCE_NAMESPACES);
	const struct route route = {.resource = RESOURCE_NAMESPACES, .verb = "create"};
	const struct call call = {sim, NULL, &route, r};
	struct causes causes = {0};
	struct json_object *obj;

	if (store_get(sim->store, RESOURCE_NAMESPACES, name) != NULL)
		return;
	obj = json_object_new_object();
	obj_set_str(obj, "metadata.name", name);
	stamp_new(r, obj, "");
	(void)r->prepare(&sim->cluster, obj, NULL, &causes);
	store_put(sim->store, RESOURCE_NAMESPACES, name, tidy(&call, obj));
}
