#include "dispatch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "api.h"
#include "conn.h"
#include "control.h"
#include "discovery.h"
#include "obj.h"
#include "route.h"
#include "status.h"
#include "watch.h"

static void
answer_status(struct conn *conn, struct json_object *status)
{
	struct reply reply;

	reply_init(&reply);
	reply_status(&reply, status);
	conn_reply(conn, &reply);
	reply_fini(&reply);
}

static void
count(struct json_object *counters, const char *key)
{
	struct json_object *n = NULL;

	if (json_object_object_get_ex(counters, key, &n))
		json_object_int_inc(n, 1);
	else
		json_object_object_add(counters, key, json_object_new_int64(1));
}

static const char *
resource_name(const struct route *route)
{
	return route->resource < RESOURCE_COUNT ? resource_get(route->resource)->plural : "other";
}

static void
account(struct conn *conn, const struct route *route)
{
	struct sim *sim = conn->sim;
	const char *verb = route->verb[0] != '\0' ? route->verb : conn->req.method;
	char *key = sim_asprintf("%s %s%s%s", verb, resource_name(route),
	    route->subresource[0] != '\0' ? "/" : "", route->subresource);

	count(sim->stats.requests, key);
	count(sim->stats.users, conn->user);
	free(key);
	if (sim->verbose)
		fprintf(stderr, "kubesim: %s %s%s%s user=%s\n", conn->req.method, conn->req.path,
		    conn->req.query[0] != '\0' ? "?" : "", conn->req.query, conn->user);
}

/* A whole query parameter that is "true" or "1". */
static bool
query_is_true(const struct http_request *req, const char *name)
{
	char *value = http_query(req, name);
	bool is = value != NULL && (strcmp(value, "true") == 0 || strcmp(value, "1") == 0);

	free(value);
	return is;
}

static struct json_object *
initial_events_forbidden(const char *why)
{
	struct causes causes = {0};

	causes_forbidden(&causes, "sendInitialEvents", why);
	return causes_status(&causes, "meta.k8s.io", "ListOptions", "");
}

/* sendInitialEvents: streaming lists are on from 1.32; before 1.27 servers did not know the
 * parameter. */
static struct json_object *
initial_events(const struct call *call, struct watch_options *options)
{
	bool wanted = query_is_true(call->req, "sendInitialEvents");
	char *match = http_query(call->req, "resourceVersionMatch");
	bool not_older = match != NULL && strcmp(match, "NotOlderThan") == 0;
	int minor = call->sim->cluster.minor;

	free(match);
	if (wanted && minor >= 27 && minor < 32)
		return initial_events_forbidden(
		    "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled");
	if (wanted && minor >= 32 && !not_older)
		return initial_events_forbidden(
		    "resourceVersionMatch must be set to NotOlderThan when sendInitialEvents is true");
	if (wanted && minor >= 32)
		options->initial = true;
	options->initial_bookmark = options->initial && options->bookmarks && minor >= 32;
	return NULL;
}

static struct json_object *
watch_options(const struct call *call, struct watch_options *options)
{
	struct json_object *status = api_selector(call, &options->selector);
	int64_t timeout = 0;

	if (status == NULL)
		status = api_query_rv(call, &options->rv);
	if (status == NULL)
		status = api_query_number(call, "timeoutSeconds", &timeout);
	if (status != NULL)
		return status;
	options->resource = call->route->resource;
	options->timeout_seconds = timeout > 0 && timeout < 1000000 ? (int)timeout : 0;
	options->initial = options->rv <= 0;
	options->bookmarks = query_is_true(call->req, "allowWatchBookmarks");
	options->table = api_table_version(call->req);
	options->include = api_table_include(call->req);
	return initial_events(call, options);
}

static void
start_watch(struct conn *conn, const struct call *call)
{
	struct watch_options options = {0};
	struct json_object *status = watch_options(call, &options);

	if (status != NULL) {
		selector_free(options.selector);
		answer_status(conn, status);
		return;
	}
	options.ns = sim_strdup(call->route->ns);
	options.name = sim_strdup(call->route->name);
	watch_start(conn, &options);
}

static void
handle(struct conn *conn, const struct route *route, enum route_status found)
{
	struct call call = {conn->sim, &conn->req, route, NULL};
	struct reply reply;

	if (found == ROUTE_RESOURCE)
		call.resource = resource_get(route->resource);
	if (found == ROUTE_RESOURCE && strcmp(route->verb, "watch") == 0) {
		start_watch(conn, &call);
		return;
	}
	reply_init(&reply);
	if (found == ROUTE_RESOURCE) {
		api_handle(&call, &reply);
	} else if (!discovery_handle(conn->sim, &conn->req, conn->user, &reply)) {
		struct json_object *status = status_new(
		    404, "NotFound", "the server could not find the requested resource");

		status_no_details(status);
		reply_status(&reply, status);
	}
	conn_reply(conn, &reply);
	reply_fini(&reply);
}

static void
answer_garbage(struct conn *conn)
{
	struct reply reply;

	reply_init(&reply);
	evbuffer_add_printf(
	    reply.body, "<html><body>this is not what you asked for</body></html>\n");
	conn_reply(conn, &reply);
	reply_fini(&reply);
}

/* Faults that answer instead of the API. NULL: go on to the API. */
static struct json_object *
fault_status(const struct conn *conn, bool watch)
{
	const struct fault_effect *effect = &conn->effect;
	struct json_object *status;

	if (!effect->faulty)
		return NULL;
	if (effect->kind == FAULT_GONE && !watch)
		return status_expired("The resourceVersion for the provided list is too old.");
	if (effect->kind == FAULT_ERROR)
		return status_new(500, "InternalError", "Internal error occurred: kubesim fault");
	if (effect->kind == FAULT_FORBIDDEN)
		return status_new(
		    403, "Forbidden", "forbidden: User \"%s\": kubesim fault", conn->user);
	if (effect->kind == FAULT_UNAVAILABLE) {
		status = status_new(503, "ServiceUnavailable",
		    "the server is currently unable to handle the request");
		if (effect->retry_after > 0)
			status_retry_after(status, effect->retry_after);
		return status;
	}
	if (effect->kind == FAULT_THROTTLE) {
		status = status_new(429, "TooManyRequests",
		    "The server has received too many requests and has asked us to try again later");
		status_retry_after(status, effect->retry_after > 0 ? effect->retry_after : 1);
		return status;
	}
	return NULL;
}

/* The request meets its fault, or the API. */
static void
answer(struct conn *conn)
{
	const struct fault_effect *effect = &conn->effect;
	struct route route = {.resource = RESOURCE_COUNT, .verb = ""};
	enum route_status found = route_parse(&conn->sim->cluster, &conn->req, &route);
	bool watch = strcmp(route.verb, "watch") == 0;
	struct json_object *status = fault_status(conn, watch);

	if (status != NULL) {
		answer_status(conn, status);
		return;
	}
	if (effect->faulty && effect->kind == FAULT_DROP) {
		conn_close(conn);
		return;
	}
	if (effect->faulty && effect->kind == FAULT_HALF_OPEN) {
		conn_silence(conn);
		return;
	}
	if (effect->faulty && effect->kind == FAULT_GARBAGE) {
		answer_garbage(conn);
		return;
	}
	conn->truncated = effect->faulty && effect->kind == FAULT_TRUNCATE;
	conn->answer_lost = effect->faulty && effect->kind == FAULT_LOST_ANSWER;
	if (effect->faulty && effect->kind == FAULT_SLOW_BODY)
		conn_slow_down(conn);
	handle(conn, &route, found);
}

static void
on_delay(evutil_socket_t fd, short what, void *arg)
{
	struct conn *conn = arg;

	(void)fd;
	(void)what;
	event_free(conn->delay);
	conn->delay = NULL;
	answer(conn);
}

static void
answer_later(struct conn *conn)
{
	struct timeval wait = {conn->effect.delay_ms / 1000, conn->effect.delay_ms % 1000 * 1000};

	conn->delay = event_new(conn->sim->base, -1, 0, on_delay, conn);
	if (conn->delay == NULL)
		abort();
	event_add(conn->delay, &wait);
}

/* Who it is; NULL when refused, which is then answered. */
static const char *
authenticate(struct conn *conn)
{
	const char *user = NULL;

	if (!conn->bad_certificate)
		user = auth_user(&conn->sim->auth, conn->req.authorization, conn->certificate);
	if (user == NULL) {
		answer_status(conn, status_new(401, "Unauthorized", "Unauthorized"));
		return NULL;
	}
	if (user[0] == '\0' && !discovery_is_public(conn->req.path)) {
		struct json_object *status = status_new(403, "Forbidden",
		    "forbidden: User \"system:anonymous\" cannot %s path \"%s\"", conn->req.method,
		    conn->req.path);

		status_no_details(status);
		answer_status(conn, status);
		return NULL;
	}
	return user[0] != '\0' ? user : "system:anonymous";
}

void
dispatch_request(struct conn *conn)
{
	struct route route = {.resource = RESOURCE_COUNT, .verb = ""};
	struct fault_subject subject;
	const char *user;

	if (control_is(conn->req.path)) {
		struct reply reply;

		reply_init(&reply);
		control_handle(conn, &reply);
		conn_reply(conn, &reply);
		reply_fini(&reply);
		return;
	}
	user = authenticate(conn);
	if (user == NULL)
		return;
	free(conn->user);
	conn->user = sim_strdup(user);
	(void)route_parse(&conn->sim->cluster, &conn->req, &route);
	account(conn, &route);
	subject = (struct fault_subject){conn->req.method, route.verb, conn->req.path, conn->user,
	    strcmp(route.verb, "watch") == 0};
	conn->effect = faults_apply(&conn->sim->faults, &subject);
	if (conn->effect.faulty || conn->effect.delay_ms > 0)
		conn->sim->stats.faults++;
	if (conn->effect.delay_ms > 0)
		answer_later(conn);
	else
		answer(conn);
}
