#include "api.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "base64.h"
#include "obj.h"
#include "status.h"

char *
api_key(const struct resource *resource, const char *ns, const char *name)
{
	if ((resource->flags & RESOURCE_NAMESPACED) == 0)
		return sim_strdup(name);
	return sim_asprintf("%s/%s", ns, name);
}

struct json_object *
api_query_number(const struct call *call, const char *name, int64_t *ret_value)
{
	char *text = http_query(call->req, name), *end = NULL;
	struct json_object *status = NULL;

	*ret_value = 0;
	if (text != NULL && text[0] != '\0') {
		*ret_value = strtoll(text, &end, 10);
		if (*end != '\0')
			status = status_bad_request(
			    "strconv.ParseInt: parsing \"%s\": invalid syntax", text);
	}
	free(text);
	return status;
}

struct json_object *
api_query_rv(const struct call *call, int64_t *ret_rv)
{
	char *text = http_query(call->req, "resourceVersion");
	struct json_object *status = NULL;

	*ret_rv = -1;
	if (text != NULL && text[0] != '\0') {
		*ret_rv = strtoll(text, NULL, 10);
		if (strspn(text, "0123456789") != strlen(text) || strlen(text) > 18)
			status = status_new(call->sim->cluster.minor < 28 ? 500 : 400,
			    call->sim->cluster.minor < 28 ? NULL : "BadRequest",
			    "resourceVersion: Invalid value: \"%s\": strconv.ParseUint: parsing \"%s\": invalid syntax",
			    text, text);
	}
	free(text);
	return status;
}

struct json_object *
api_selector(const struct call *call, struct selector **ret_selector)
{
	char *labels = http_query(call->req, "labelSelector");
	char *fields = http_query(call->req, "fieldSelector"), *error = NULL;
	struct selector *selector = selector_new(labels, fields, &error);
	struct json_object *status = NULL;

	free(labels);
	free(fields);
	for (size_t i = 0; selector != NULL && selector_field(selector, i) != NULL; i++)
		if (!resource_selects_by(call->route->resource, &call->sim->cluster,
			selector_field(selector, i), &error)) {
			selector_free(selector);
			selector = NULL;
		}
	if (selector == NULL)
		status = status_bad_request("%s", error);
	free(error);
	*ret_selector = selector;
	return status;
}

/* The first media type of Accept that is known decides, as in the server's negotiation. */
const char *
api_table_version(const struct http_request *req)
{
	char *accept = sim_strdup(req->accept), *save = NULL;
	const char *version = NULL;

	for (char *type = strtok_r(accept, ",", &save); type != NULL;
	     type = strtok_r(NULL, ",", &save)) {
		if (strstr(type, "application/json") == NULL)
			continue;
		if (strstr(type, "as=Table") != NULL && strstr(type, "g=meta.k8s.io") != NULL)
			version = strstr(type, "v=v1beta1") != NULL ? "meta.k8s.io/v1beta1"
								    : "meta.k8s.io/v1";
		break;
	}
	free(accept);
	return version;
}

enum table_include
api_table_include(const struct http_request *req)
{
	char *include = http_query(req, "includeObject");
	enum table_include result = TABLE_METADATA;

	if (include != NULL && strcmp(include, "Object") == 0)
		result = TABLE_OBJECT;
	else if (include != NULL && strcmp(include, "None") == 0)
		result = TABLE_NONE;
	free(include);
	return result;
}

struct json_object *
api_whole(const struct resource *resource, struct json_object *json)
{
	struct json_object *out = json_object_new_object();
	char gv[64];

	obj_set_str(out, "kind", resource->kind);
	obj_set_str(out, "apiVersion", resource_group_version(resource, gv));
	json_object_object_foreach (json, key, value) {
		json_object_object_add(out, key, json_object_get(value));
	}
	return out;
}

void
api_reply_version(const struct call *call, struct reply *reply, int code, const struct version *v)
{
	const char *table = api_table_version(call->req);
	struct json_object *json;
	char gv[64], rv[24];

	if (table != NULL) {
		snprintf(rv, sizeof(rv), "%lld", (long long)v->rv);
		json = table_new(call->resource, table, rv);
		table_add(json, call->resource, v->json, api_table_include(call->req), time(NULL));
		reply_json(reply, code, json);
		return;
	}
	reply->code = code;
	evbuffer_add_printf(reply->body, "{\"kind\":\"%s\",\"apiVersion\":\"%s\",",
	    call->resource->kind, resource_group_version(call->resource, gv));
	evbuffer_add(reply->body, v->text + 1, v->len - 1);
	evbuffer_add(reply->body, "\n", 1);
}

static void
api_get(const struct call *call, struct reply *reply)
{
	char *key = api_key(call->resource, call->route->ns, call->route->name);
	struct version *v = store_get(call->sim->store, call->route->resource, key);

	free(key);
	if (v == NULL)
		reply_status(reply,
		    status_not_found(
			call->resource->group, call->resource->plural, call->route->name));
	else
		api_reply_version(call, reply, 200, v);
}

/* A list in the making. */
struct listing {
	struct snapshot snapshot;
	struct selector *selector;
	int64_t limit;
	char *start; /* the first key to show, NULL for the beginning */
};

static void
listing_fini(struct listing *l)
{
	snapshot_fini(&l->snapshot);
	selector_free(l->selector);
	free(l->start);
}

static char *
continue_token(int64_t rv, const char *last_key)
{
	struct json_object *json = json_object_new_object();
	char *start = sim_asprintf("%s\x01", last_key), *token;

	obj_set_str(json, "v", "meta.k8s.io/v1");
	obj_set(json, "rv", json_object_new_int64(rv));
	obj_set_str(json, "start", start);
	token = base64url_encode(obj_text(json));
	free(start);
	json_object_put(json);
	return token;
}

/* "continue": where the next page begins, and at which resourceVersion (-1: now). */
static struct json_object *
read_continue(const char *token, int64_t *ret_rv, char **ret_start)
{
	char *text = base64url_decode(token);
	struct json_object *json = NULL, *status = NULL;
	const char *why = NULL;

	if (text != NULL)
		json = obj_parse(text, strlen(text), &why);
	if (strcmp(obj_str(json, "v"), "meta.k8s.io/v1") != 0 ||
	    obj_str(json, "start")[0] == '\0') {
		status = status_bad_request("continue key is not valid: %s",
		    why != NULL ? why : "not a token of this server");
	} else {
		*ret_rv = obj_int(json, "rv", -1);
		*ret_start = sim_strdup(obj_str(json, "start"));
	}
	json_object_put(json);
	free(text);
	return status;
}

static struct json_object *
continue_expired(const char *start)
{
	struct json_object *status = status_expired(
	    "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.");
	char *key = sim_strndup(start, strlen(start) - 1), *token = continue_token(-1, key);

	obj_set_str(status, "metadata.continue", token);
	free(token);
	free(key);
	return status;
}

static struct json_object *
too_large(int64_t rv, int64_t current)
{
	struct json_object *status = status_new(504, "Timeout",
	    "Timeout: Too large resource version: %lld, current: %lld", (long long)rv,
	    (long long)current);
	struct json_object *causes = json_object_new_array(), *cause = json_object_new_object();

	obj_set_str(cause, "reason", "ResourceVersionTooLarge");
	obj_set_str(cause, "message", "Too large resource version");
	json_object_array_add(causes, cause);
	obj_set(status, "details.causes", causes);
	status_retry_after(status, 1);
	return status;
}

/* resourceVersionMatch against resourceVersion (-1: none); NULL when they fit. */
static struct json_object *
check_match(const char *match, int64_t rv)
{
	struct causes causes = {0};
	bool exact = strcmp(match, "Exact") == 0;

	if (rv < 0)
		causes_forbidden(&causes, "resourceVersionMatch",
		    "resourceVersionMatch is forbidden unless resourceVersion is provided");
	else if (!exact && strcmp(match, "NotOlderThan") != 0)
		causes_unsupported(
		    &causes, "resourceVersionMatch", match, "\"Exact\", \"NotOlderThan\", \"\"");
	else if (exact && rv == 0)
		causes_forbidden(&causes, "resourceVersionMatch",
		    "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
	return causes_status(&causes, "meta.k8s.io", "ListOptions", "");
}

/* Which state is wanted: rv -1 none given, 0 any, N at least as new, or exactly with the match
 * parameter. */
static struct json_object *
snapshot_wanted(const struct call *call, struct listing *l, int64_t rv)
{
	struct store *store = call->sim->store;
	char *match = http_query(call->req, "resourceVersionMatch");
	bool given = match != NULL && match[0] != '\0';
	bool exact = given && strcmp(match, "Exact") == 0;
	struct json_object *status = NULL;
	int r;

	if (given)
		status = check_match(match, rv);
	free(match);
	if (status != NULL)
		return status;
	/* seen on 1.20: a limit with a resourceVersion and no match is Exact */
	if (!given && l->limit > 0 && rv > 0)
		exact = true;
	if (rv > store_rv(store))
		return too_large(rv, store_rv(store));
	r = store_snapshot(store, call->route->resource, exact ? rv : 0, &l->snapshot);
	if (r == -ESTALE)
		return status_expired("The resourceVersion for the provided list is too old.");
	return NULL;
}

static struct json_object *
listing_init(const struct call *call, struct listing *l)
{
	char *token = http_query(call->req, "continue");
	struct json_object *status = api_selector(call, &l->selector);
	int64_t rv = -1;

	if (status == NULL)
		status = api_query_number(call, "limit", &l->limit);
	if (status == NULL)
		status = api_query_rv(call, &rv);
	if (status == NULL && token != NULL && token[0] != '\0') {
		if (rv > 0)
			status = status_bad_request(
			    "specifying resource version is not allowed when using continue");
		if (status == NULL)
			status = read_continue(token, &rv, &l->start);
		if (status == NULL &&
		    store_snapshot(call->sim->store, call->route->resource, rv > 0 ? rv : 0,
			&l->snapshot) != 0)
			status = continue_expired(l->start);
	} else if (status == NULL) {
		status = snapshot_wanted(call, l, rv);
	}
	free(token);
	return status;
}

static bool
listed(const struct call *call, const struct listing *l, const struct version *v)
{
	size_t n = strlen(call->route->ns);

	if (n > 0 && (strncmp(v->key, call->route->ns, n) != 0 || v->key[n] != '/'))
		return false;
	if (l->start != NULL && strcmp(v->key, l->start) < 0)
		return false;
	return selector_is_empty(l->selector) ||
	    selector_matches(l->selector, v->json, resource_field);
}

/* The items of this page: at most limit; *ret_rest counts those that follow. */
static struct version **
page(const struct call *call, const struct listing *l, size_t *ret_count, size_t *ret_rest)
{
	struct version **items = sim_calloc(l->snapshot.count, sizeof(struct version *));
	size_t n = 0, rest = 0;

	for (size_t i = 0; i < l->snapshot.count; i++) {
		if (!listed(call, l, l->snapshot.items[i]))
			continue;
		if (l->limit > 0 && n == (size_t)l->limit)
			rest++;
		else
			items[n++] = l->snapshot.items[i];
	}
	*ret_count = n;
	*ret_rest = rest;
	return items;
}

static struct json_object *
list_meta(const struct listing *l, struct version *const *items, size_t count, size_t rest)
{
	struct json_object *meta = json_object_new_object();
	char rv[24];

	snprintf(rv, sizeof(rv), "%lld", (long long)l->snapshot.rv);
	obj_set_str(meta, "resourceVersion", rv);
	if (rest > 0) {
		char *token = continue_token(l->snapshot.rv, items[count - 1]->key);

		obj_set_str(meta, "continue", token);
		free(token);
		/* with a selector the server does not know how many remain */
		if (selector_is_empty(l->selector))
			obj_set(meta, "remainingItemCount", json_object_new_int64((int64_t)rest));
	}
	return meta;
}

static void
write_table(const struct call *call, struct reply *reply, const char *version,
    struct json_object *meta, struct version *const *items, size_t count)
{
	struct json_object *table = table_new(call->resource, version, "");
	enum table_include include = api_table_include(call->req);
	time_t now = time(NULL);

	obj_set(table, "metadata", meta);
	for (size_t i = 0; i < count; i++)
		table_add(table, call->resource, items[i]->json, include, now);
	reply_json(reply, 200, table);
}

static void
api_list(const struct call *call, struct reply *reply)
{
	const char *table = api_table_version(call->req);
	struct listing l = {0};
	struct json_object *status = listing_init(call, &l), *meta;
	struct version **items;
	size_t count, rest;
	char gv[64];

	if (status != NULL) {
		reply_status(reply, status);
		listing_fini(&l);
		return;
	}
	items = page(call, &l, &count, &rest);
	meta = list_meta(&l, items, count, rest);
	if (table != NULL) {
		write_table(call, reply, table, meta, items, count);
	} else {
		evbuffer_add_printf(reply->body,
		    "{\"kind\":\"%sList\",\"apiVersion\":\"%s\",\"metadata\":%s,\"items\":[",
		    call->resource->kind, resource_group_version(call->resource, gv),
		    obj_text(meta));
		for (size_t i = 0; i < count; i++) {
			if (i > 0)
				evbuffer_add(reply->body, ",", 1);
			evbuffer_add(reply->body, items[i]->text, items[i]->len);
		}
		evbuffer_add(reply->body, "]}\n", 3);
		json_object_put(meta);
	}
	free(items);
	listing_fini(&l);
}

void
api_handle(const struct call *call, struct reply *reply)
{
	static const struct {
		const char *verb;
		void (*fn)(const struct call *call, struct reply *reply);
	} verbs[] = {
	    {"get", api_get},
	    {"list", api_list},
	    {"create", api_create},
	    {"update", api_update},
	    {"patch", api_patch},
	    {"delete", api_delete},
	    {"deletecollection", api_delete_collection},
	};
	bool named = (call->resource->flags & RESOURCE_NAMESPACED) == 0 ||
	    call->route->ns[0] != '\0';
	bool status = call->route->subresource[0] != '\0';

	/* all namespaces at once can only be listed; a status can only be read and written */
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(verbs[i].verb, call->route->verb) != 0)
			continue;
		if ((!named && strcmp(verbs[i].verb, "list") != 0) ||
		    (status && strncmp(verbs[i].verb, "delete", 6) == 0))
			break;
		verbs[i].fn(call, reply);
		return;
	}
	reply_status(reply, status_method_not_allowed());
}
