/*
 * api: the verbs on resources. Everything is answered at once, so these are plain functions from
 * request to reply; a watch is not here.
 */
#ifndef KUBESIM_API_H
#define KUBESIM_API_H

#include "conn.h"
#include "route.h"
#include "selector.h"
#include "table.h"

struct call {
	struct sim *sim;
	const struct http_request *req;
	const struct route *route;
	const struct resource *resource;
};

/* Fills reply. */
void api_handle(const struct call *call, struct reply *reply);

/* The selector of a list, watch or deletecollection. Returns the Status to refuse with, or NULL. */
struct json_object *api_selector(const struct call *call, struct selector **ret_selector);
/* A number in the query; 0 when absent. Returns the Status to refuse with, or NULL. */
struct json_object *api_query_number(const struct call *call, const char *name, int64_t *ret_value);
struct json_object *api_query_rv(const struct call *call, int64_t *ret_rv);

/* Does the client want a Table? Static api version, or NULL. */
const char *api_table_version(const struct http_request *req);
enum table_include api_table_include(const struct http_request *req);

/* Key of the object in the store, new. */
char *api_key(const struct resource *resource, const char *ns, const char *name);

/* write.c */
void api_create(const struct call *call, struct reply *reply);
void api_update(const struct call *call, struct reply *reply);
void api_patch(const struct call *call, struct reply *reply);
void api_delete(const struct call *call, struct reply *reply);
void api_delete_collection(const struct call *call, struct reply *reply);
void
api_reply_version(const struct call *call, struct reply *reply, int code, const struct version *v);
/* The JSON of a single object with kind and apiVersion; new. */
struct json_object *api_whole(const struct resource *resource, struct json_object *json);

/* Makes a namespace that is there from the start; name must be valid. */
void api_seed_namespace(struct sim *sim, const char *name);

#endif
