#include "discovery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "obj.h"
#include "status.h"

static bool
under(const char *path, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(path, prefix, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

static bool
is_health(const char *path)
{
	return under(path, "/healthz") || under(path, "/readyz") || under(path, "/livez");
}

bool
discovery_is_public(const char *path)
{
	return is_health(path) || strcmp(path, "/version") == 0;
}

static struct json_object *
version(const struct sim *sim)
{
	struct json_object *o = json_object_new_object();
	char buf[64];

	obj_set_str(o, "major", "1");
	snprintf(buf, sizeof(buf), "%d", sim->cluster.minor);
	obj_set_str(o, "minor", buf);
	snprintf(buf, sizeof(buf), "v%s", sim->cluster.version);
	obj_set_str(o, "gitVersion", buf);
	obj_set_str(o, "gitCommit", "kubesim");
	obj_set_str(o, "gitTreeState", "clean");
	obj_set_str(o, "buildDate", "1970-01-01T00:00:00Z");
	obj_set_str(o, "goVersion", "none");
	obj_set_str(o, "compiler", "cc");
	obj_set_str(o, "platform", "linux/amd64");
	return o;
}

static struct json_object *
api_versions(void)
{
	struct json_object *o = json_object_new_object(), *versions = json_object_new_array();

	obj_set_str(o, "kind", "APIVersions");
	json_object_array_add(versions, json_object_new_string("v1"));
	obj_set(o, "versions", versions);
	obj_set(o, "serverAddressByClientCIDRs", json_object_new_array());
	return o;
}

/* A group with its one version. */
static struct json_object *
group(const char *name, const char *group_version, bool alone)
{
	struct json_object *o = json_object_new_object(), *versions = json_object_new_array();
	struct json_object *v = json_object_new_object();

	if (alone) {
		obj_set_str(o, "kind", "APIGroup");
		obj_set_str(o, "apiVersion", "v1");
	}
	obj_set_str(v, "groupVersion", group_version);
	obj_set_str(v, "version", "v1");
	json_object_array_add(versions, v);
	obj_set_str(o, "name", name);
	obj_set(o, "versions", versions);
	obj_set(o, "preferredVersion", json_object_get(v));
	return o;
}

static const char *const groups[] = {
    "coordination.k8s.io", "discovery.k8s.io", "authorization.k8s.io", NULL};

static bool
group_is_served(const struct sim *sim, const char *name)
{
	if (strcmp(name, "authorization.k8s.io") == 0)
		return true;
	for (int i = 0; i < RESOURCE_COUNT; i++) {
		const struct resource *r = resource_get((enum resource_id)i);

		if (strcmp(r->group, name) == 0 && resource_is_served(r, &sim->cluster))
			return true;
	}
	return false;
}

static struct json_object *
group_list(const struct sim *sim)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();

	obj_set_str(o, "kind", "APIGroupList");
	obj_set_str(o, "apiVersion", "v1");
	for (size_t i = 0; groups[i] != NULL; i++) {
		char gv[64];

		snprintf(gv, sizeof(gv), "%s/v1", groups[i]);
		if (group_is_served(sim, groups[i]))
			json_object_array_add(list, group(groups[i], gv, false));
	}
	obj_set(o, "groups", list);
	return o;
}

static void
add_verbs(struct json_object *o, const char *verbs)
{
	struct json_object *list = json_object_new_array();
	char *copy = sim_strdup(verbs), *save = NULL;

	for (char *v = strtok_r(copy, " ", &save); v != NULL; v = strtok_r(NULL, " ", &save))
		json_object_array_add(list, json_object_new_string(v));
	free(copy);
	obj_set(o, "verbs", list);
}

static struct json_object *
resource_entry(const struct sim *sim, const struct resource *r, bool status)
{
	struct json_object *o = json_object_new_object(), *names;
	bool collection = (resource_flags(r, &sim->cluster) & RESOURCE_NO_DELETE_COLLECTION) == 0;
	char name[64];

	snprintf(name, sizeof(name), "%s%s", r->plural, status ? "/status" : "");
	obj_set_str(o, "name", name);
	obj_set_str(o, "singularName", status || sim->cluster.minor < 27 ? "" : r->singular);
	obj_set(o, "namespaced", json_object_new_boolean((r->flags & RESOURCE_NAMESPACED) != 0));
	obj_set_str(o, "kind", r->kind);
	if (status)
		add_verbs(o, "get patch update");
	else
		add_verbs(o,
		    collection ? "create delete deletecollection get list patch update watch"
			       : "create delete get list patch update watch");
	if (!status && r->short_name[0] != '\0') {
		names = json_object_new_array();
		json_object_array_add(names, json_object_new_string(r->short_name));
		obj_set(o, "shortNames", names);
	}
	return o;
}

static struct json_object *
review_entry(void)
{
	struct json_object *o = json_object_new_object();

	obj_set_str(o, "name", "selfsubjectaccessreviews");
	obj_set_str(o, "singularName", "");
	obj_set(o, "namespaced", json_object_new_boolean(0));
	obj_set_str(o, "kind", "SelfSubjectAccessReview");
	add_verbs(o, "create");
	return o;
}

static struct json_object *
resource_list(const struct sim *sim, const char *group_name)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();
	char gv[64];

	obj_set_str(o, "kind", "APIResourceList");
	obj_set_str(o, "apiVersion", "v1");
	snprintf(gv, sizeof(gv), "%s%sv1", group_name, group_name[0] != '\0' ? "/" : "");
	obj_set_str(o, "groupVersion", gv);
	for (int i = 0; i < RESOURCE_COUNT; i++) {
		const struct resource *r = resource_get((enum resource_id)i);

		if (strcmp(r->group, group_name) != 0 || !resource_is_served(r, &sim->cluster))
			continue;
		json_object_array_add(list, resource_entry(sim, r, false));
		if ((r->flags & RESOURCE_HAS_STATUS) != 0)
			json_object_array_add(list, resource_entry(sim, r, true));
	}
	if (strcmp(group_name, "authorization.k8s.io") == 0)
		json_object_array_add(list, review_entry());
	obj_set(o, "resources", list);
	return o;
}

/* A fault that would answer 403 to such a request; it is not a hit. */
static bool
is_forbidden(const struct sim *sim, struct json_object *attributes, const char *user)
{
	const char *group = obj_str(attributes, "group"), *ns = obj_str(attributes, "namespace");
	const char *sub = obj_str(attributes, "subresource"), *name = obj_str(attributes, "name");
	char *path = sim_asprintf("/%s%s/v1/%s%s%s%s%s%s%s%s", *group != '\0' ? "apis/" : "api",
	    group, *ns != '\0' ? "namespaces/" : "", ns, *ns != '\0' ? "/" : "",
	    obj_str(attributes, "resource"), *name != '\0' ? "/" : "", name,
	    *sub != '\0' ? "/" : "", sub);
	const struct fault_subject subject = {"", obj_str(attributes, "verb"), path, user, false};
	bool forbidden = false;

	for (const struct fault *f = sim->faults.first; f != NULL; f = f->next)
		forbidden |= f->kind == FAULT_FORBIDDEN && fault_matches(f, &subject);
	free(path);
	return forbidden;
}

/* Everybody may do everything but what a fault forbids: RBAC is the real server's test. */
static struct json_object *
access_review(const struct sim *sim, const struct http_request *req, const char *user)
{
	const char *why = NULL;
	struct json_object *in = obj_parse(req->body != NULL ? req->body : "", req->body_len, &why);
	struct json_object *out = json_object_new_object();

	obj_set_str(out, "kind", "SelfSubjectAccessReview");
	obj_set_str(out, "apiVersion", "authorization.k8s.io/v1");
	obj_set(out, "metadata.creationTimestamp", NULL);
	obj_set(out, "spec", json_object_get(obj_get(in, "spec")));
	obj_set(out, "status.allowed",
	    json_object_new_boolean(
		!is_forbidden(sim, obj_get(in, "spec.resourceAttributes"), user)));
	json_object_put(in);
	return out;
}

/*
 * kubectl before 1.27 or so reads /openapi/v2 as a protobuf Document and validates by it; kinds
 * that it does not find there are not validated. This is a Document with nothing but swagger "2.0"
 * and info {title, version}.
 */
static void
openapi_v2(const struct http_request *req, struct reply *reply)
{
	static const char document[] = "\x0a\x03"
				       "2.0\x12\x10\x0a\x07kubesim\x12\x05"
				       "v1.32";

	if (strstr(req->accept, "protobuf") != NULL) {
		/* as the real server labels it: Go's parser of media types refuses the name that
		 * was asked for */
		reply->type = "application/octet-stream";
		evbuffer_add(reply->body, document, sizeof(document) - 1);
		return;
	}
	evbuffer_add_printf(reply->body,
	    "{\"swagger\":\"2.0\",\"info\":{\"title\":\"kubesim\",\"version\":\"v1.32\"},\"paths\":{},\"definitions\":{}}\n");
}

/* The index of /openapi/v3. */
static struct json_object *
openapi_v3(const struct sim *sim)
{
	struct json_object *o = json_object_new_object(), *paths = json_object_new_object();

	for (int i = 0; i < RESOURCE_COUNT; i++) {
		const struct resource *r = resource_get((enum resource_id)i);
		struct json_object *entry;
		char path[96], url[128], gv[64];

		if (!resource_is_served(r, &sim->cluster))
			continue;
		snprintf(path, sizeof(path), "%s/%s", r->group[0] != '\0' ? "apis" : "api",
		    resource_group_version(r, gv));
		snprintf(url, sizeof(url), "/openapi/v3/%s?hash=1", path);
		entry = json_object_new_object();
		obj_set_str(entry, "serverRelativeURL", url);
		json_object_object_add(paths, path, entry);
	}
	obj_set(o, "paths", paths);
	return o;
}

static struct json_object *
field_validation_operation(const struct resource *r)
{
	struct json_object *o = json_object_new_object(), *gvk = json_object_new_object();
	struct json_object *parameter = json_object_new_object(), *list = json_object_new_array();

	obj_set_str(gvk, "group", r->group);
	obj_set_str(gvk, "version", r->version);
	obj_set_str(gvk, "kind", r->kind);
	obj_set_str(parameter, "name", "fieldValidation");
	obj_set_str(parameter, "in", "query");
	json_object_array_add(list, parameter);
	obj_set(o, "parameters", list);
	json_object_object_add(o, "x-kubernetes-group-version-kind", gvk);
	return o;
}

/* One group's document: that PATCH knows fieldValidation is all that kubectl looks for before it
 * leaves validation to the server. */
static struct json_object *
openapi_v3_group(const struct sim *sim, const char *path)
{
	struct json_object *o = json_object_new_object(), *paths = json_object_new_object();

	obj_set_str(o, "openapi", "3.0.0");
	obj_set_str(o, "info.title", "kubesim");
	obj_set_str(o, "info.version", sim->cluster.version);
	for (int i = 0; i < RESOURCE_COUNT; i++) {
		const struct resource *r = resource_get((enum resource_id)i);
		struct json_object *entry;
		char prefix[96], full[192], gv[64];

		snprintf(prefix, sizeof(prefix), "%s/%s", r->group[0] != '\0' ? "apis" : "api",
		    resource_group_version(r, gv));
		if (strcmp(prefix, path) != 0 || !resource_is_served(r, &sim->cluster))
			continue;
		snprintf(full, sizeof(full), "/%s%s/%s/{name}", prefix,
		    (r->flags & RESOURCE_NAMESPACED) != 0 ? "/namespaces/{namespace}" : "",
		    r->plural);
		entry = json_object_new_object();
		obj_set(entry, "patch", field_validation_operation(r));
		json_object_object_add(paths, full, entry);
	}
	if (json_object_object_length(paths) == 0) {
		json_object_put(o);
		json_object_put(paths);
		return NULL;
	}
	obj_set(o, "paths", paths);
	obj_set(o, "components.schemas", json_object_new_object());
	return o;
}

/* /apis/GROUP and /apis/GROUP/v1; NULL when not served. */
static struct json_object *
group_document(const struct sim *sim, const struct http_request *req)
{
	const char *name = req->path + strlen("/apis/");
	size_t n = strcspn(name, "/");

	for (size_t i = 0; groups[i] != NULL; i++) {
		const char *rest = name + n;
		char gv[64];

		if (strlen(groups[i]) != n || strncmp(groups[i], name, n) != 0 ||
		    !group_is_served(sim, groups[i]))
			continue;
		snprintf(gv, sizeof(gv), "%s/v1", groups[i]);
		if (rest[0] == '\0' || strcmp(rest, "/") == 0)
			return group(groups[i], gv, true);
		if (strcmp(rest, "/v1") == 0 || strcmp(rest, "/v1/") == 0)
			return resource_list(sim, groups[i]);
	}
	return NULL;
}

static struct json_object *
document(const struct sim *sim, const struct http_request *req)
{
	const char *path = req->path;

	if (strcmp(path, "/version") == 0 || strcmp(path, "/version/") == 0)
		return version(sim);
	if (strcmp(path, "/api") == 0 || strcmp(path, "/api/") == 0)
		return api_versions();
	if (strcmp(path, "/apis") == 0 || strcmp(path, "/apis/") == 0)
		return group_list(sim);
	if (strcmp(path, "/api/v1") == 0 || strcmp(path, "/api/v1/") == 0)
		return resource_list(sim, "");
	if (strcmp(path, "/openapi/v3") == 0 && sim->cluster.minor >= 27)
		return openapi_v3(sim);
	if (under(path, "/openapi/v3") && sim->cluster.minor >= 27)
		return openapi_v3_group(sim, path + strlen("/openapi/v3/"));
	if (under(path, "/apis"))
		return group_document(sim, req);
	return NULL;
}

bool
discovery_handle(
    const struct sim *sim, const struct http_request *req, const char *user, struct reply *reply)
{
	static const char review[] = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
	struct json_object *json;

	if (strcmp(req->path, review) == 0) {
		json = strcmp(req->method, "POST") == 0 ? access_review(sim, req, user) : NULL;
		if (json == NULL)
			reply_status(reply, status_method_not_allowed());
		else
			reply_json(reply, 201, json);
		return true;
	}
	if (strcmp(req->method, "GET") != 0)
		return false;
	if (is_health(req->path)) {
		reply->type = "text/plain; charset=utf-8";
		evbuffer_add_printf(reply->body, "ok");
		return true;
	}
	if (strcmp(req->path, "/openapi/v2") == 0) {
		openapi_v2(req, reply);
		return true;
	}
	json = document(sim, req);
	if (json == NULL)
		return false;
	reply_json(reply, 200, json);
	return true;
}
