#include "daemon/watcher.h"

#include <stdlib.h>

#include "daemon/api.h"
#include "io/http.h"
#include "io/loop.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/str.h"

/* The main request and the probe. */
#define WATCHER_REQUESTS 2

struct watcher_request {
	struct watcher *watcher;
	struct http_request *http; /* NULL: free */
	uint32_t id;
	bool responded; /* the machine was told of the status line */
	size_t server;
};

struct watcher {
	struct loop *loop;
	struct api *api;
	char *name;
	const struct kube_watch_ops *ops;
	void *arg;
	struct kube_watch *machine;
	struct watcher_request requests[WATCHER_REQUESTS];
	size_t server; /* of the main request: its probes go to the same one */
	struct loop_timer timer;
	struct loop_deferred act;
	bool failing; /* an error was logged and no recovery yet */
	enum kube_watch_notice last_notice;
};

static void watcher_act(void *arg);

/* Every input to the machine may make it want something: done at the end of the turn, so that no
 * callback of a request starts another. */
static void
watcher_poke(struct watcher *watcher)
{
	loop_defer(&watcher->act);
}

static void
on_object(void *arg, enum kube_watch_event event, const char *key, struct json_object *object)
{
	struct watcher *watcher = arg;

	watcher->ops->object(watcher->arg, event, key, object);
}

static void
on_synced(void *arg, bool first)
{
	struct watcher *watcher = arg;

	if (first)
		log_info("watch %s: the first list is complete, %zu objects", watcher->name,
		    kube_watch_known(watcher->machine));
	watcher->ops->synced(watcher->arg, first);
}

static enum log_level
notice_level(enum kube_watch_notice notice)
{
	switch (notice) {
	case KUBE_WATCH_UNAUTHORIZED:
	case KUBE_WATCH_FORBIDDEN:
		return LOG_LEVEL_ERR;
	case KUBE_WATCH_RECOVERED:
	case KUBE_WATCH_EXPIRED:
	case KUBE_WATCH_SELECTOR_REFUSED:
		return LOG_LEVEL_INFO;
	case KUBE_WATCH_NETWORK:
	case KUBE_WATCH_TIMEOUT:
	case KUBE_WATCH_DEAD:
	case KUBE_WATCH_NOT_FOUND:
	case KUBE_WATCH_THROTTLED:
	case KUBE_WATCH_SERVER_ERROR:
	case KUBE_WATCH_BAD_DATA:
	case KUBE_WATCH_OVERSIZE:
	case KUBE_WATCH_BAD_OBJECT:
	case KUBE_WATCH_TOO_MANY:
	case KUBE_WATCH_RESTORED:
	case KUBE_WATCH_NOTICE_COUNT:
		break;
	}
	return LOG_LEVEL_WARNING;
}

/* One line per change: the same trouble again is for debugging only. */
static void
on_notice(void *arg, enum kube_watch_notice notice, const char *text)
{
	struct watcher *watcher = arg;
	bool repeated = watcher->failing && notice == watcher->last_notice;

	if (notice == KUBE_WATCH_UNAUTHORIZED)
		api_unauthorized(watcher->api);
	log_line(repeated ? LOG_LEVEL_DEBUG : notice_level(notice), NULL, 0, "watch %s: %s%s%s",
	    watcher->name, kube_watch_notice_str(notice), *text ? ": " : "", text);
	watcher->failing = notice != KUBE_WATCH_RECOVERED;
	watcher->last_notice = notice;
	if (watcher->ops->notice)
		watcher->ops->notice(watcher->arg, notice, text);
}

static const struct kube_watch_ops watcher_ops = {on_object, on_synced, on_notice};

/* --- requests --- */

static int64_t
retry_after_sec(const struct http_response *response)
{
	return response->retry_after_usec < 0 ? -1 : response->retry_after_usec / USEC_PER_SEC;
}

static void
request_responded(struct watcher_request *request, const struct http_response *response)
{
	struct watcher *watcher = request->watcher;

	if (request->responded)
		return;
	request->responded = true;
	if (response->status < 500)
		api_server_ok(watcher->api, request->server, 0);
	kube_watch_response(watcher->machine, request->id, response->status,
	    retry_after_sec(response), loop_now(watcher->loop));
}

static void
on_headers(void *arg, const struct http_response *response)
{
	struct watcher_request *request = arg;

	/* The body of an error is collected, and comes with its end. */
	if (response->status < 300) {
		request_responded(request, response);
		watcher_poke(request->watcher);
	}
}

static enum http_body_verdict
on_body(void *arg, const struct http_response *response, const char *bytes, size_t len)
{
	struct watcher_request *request = arg;
	struct watcher *watcher = request->watcher;

	request_responded(request, response);
	kube_watch_chunk(watcher->machine, request->id, bytes, len, loop_now(watcher->loop));
	watcher_poke(watcher);
	return HTTP_BODY_MORE;
}

static enum kube_watch_end
end_of(enum http_result result)
{
	switch (result) {
	case HTTP_OK:
		return KUBE_WATCH_END_OK;
	case HTTP_REFUSED:
	case HTTP_UNREACHABLE:
	case HTTP_DNS:
	case HTTP_PROXY:
	case HTTP_INVALID:
		return KUBE_WATCH_END_CONNECT;
	case HTTP_TLS:
		return KUBE_WATCH_END_TLS;
	case HTTP_TIMEOUT:
	case HTTP_CLOSED:
	case HTTP_TOO_LARGE:
	case HTTP_PROTOCOL:
	case HTTP_CANCELLED:
	case HTTP_FAILED:
	case HTTP_RESULT_COUNT:
		break;
	}
	return KUBE_WATCH_END_BROKEN;
}

static void
on_done(void *arg, enum http_result result, const struct http_response *response, const char *error)
{
	struct watcher_request *request = arg;
	struct watcher *watcher = request->watcher;
	mono_t now = loop_now(watcher->loop);

	request->http = NULL;
	if (response->status)
		request_responded(request, response);
	if (result != HTTP_OK || response->status >= 500)
		api_server_failed(watcher->api, request->server,
		    result != HTTP_OK ? error : "the server answers 5xx");
	if (response->body_len)
		kube_watch_chunk(
		    watcher->machine, request->id, response->body, response->body_len, now);
	kube_watch_end(watcher->machine, request->id, end_of(result), error, now);
	watcher_poke(watcher);
}

static struct watcher_request *
request_by_id(struct watcher *watcher, uint32_t id)
{
	size_t i;

	for (i = 0; i < WATCHER_REQUESTS; i++)
		if (watcher->requests[i].http && watcher->requests[i].id == id)
			return &watcher->requests[i];
	return NULL;
}

static struct watcher_request *
free_request(struct watcher *watcher)
{
	size_t i;

	for (i = 0; i < WATCHER_REQUESTS; i++)
		if (!watcher->requests[i].http)
			return &watcher->requests[i];
	return NULL;
}

static void
watcher_start_request(struct watcher *watcher, const struct kube_watch_action *action)
{
	bool main_request = action->request == KUBE_WATCH_LIST ||
	    action->request == KUBE_WATCH_STREAM;
	struct watcher_request *request = free_request(watcher);
	struct http_endpoint *endpoint;

	if (main_request)
		watcher->server = api_pick_server(watcher->api);
	endpoint = api_endpoint(watcher->api, watcher->server);
	if (!endpoint || !request) {
		kube_watch_end(watcher->machine, action->id, KUBE_WATCH_END_CONNECT,
		    api_status(watcher->api).error, loop_now(watcher->loop));
		return;
	}
	*request = (struct watcher_request){
	    .watcher = watcher, .id = action->id, .server = watcher->server};
	request->http = http_request_start(endpoint,
	    &(struct http_request_options){
		.method = "GET",
		.path = action->target,
		.fresh_connection = action->fresh_connection,
		.alone = true,
		.on_headers = on_headers,
		.on_body = on_body,
		.on_done = on_done,
		.arg = request,
	    });
}

static void
watcher_cancel_request(struct watcher *watcher, const struct kube_watch_action *action)
{
	struct watcher_request *request = request_by_id(watcher, action->id);

	if (!request)
		return;
	http_request_cancel(request->http);
	request->http = NULL;
	if (action->server_suspect)
		api_server_failed(watcher->api, request->server, "the server is silent");
}

static void
watcher_act(void *arg)
{
	struct watcher *watcher = arg;
	struct kube_watch_action action;

	while (kube_watch_next_action(watcher->machine, &action)) {
		if (action.type == KUBE_WATCH_CANCEL)
			watcher_cancel_request(watcher, &action);
		else
			watcher_start_request(watcher, &action);
	}
	loop_timer_set(&watcher->timer, kube_watch_deadline(watcher->machine));
}

static void
watcher_timer(void *arg)
{
	struct watcher *watcher = arg;

	kube_watch_timer(watcher->machine, loop_now(watcher->loop));
	watcher_poke(watcher);
}

/* --- life --- */

struct watcher *
watcher_new(struct loop *loop, struct api *api, const struct watcher_options *options)
{
	struct watcher *watcher = xcalloc(1, sizeof(*watcher));

	watcher->loop = loop;
	watcher->api = api;
	watcher->name = xstrdup(options->name);
	watcher->ops = options->ops;
	watcher->arg = options->arg;
	watcher->machine = kube_watch_new(&options->watch, &watcher_ops, watcher, options->seed);
	loop_timer_init(&watcher->timer, loop, watcher_timer, watcher);
	loop_deferred_init(&watcher->act, loop, watcher_act, watcher);
	kube_watch_start(watcher->machine, loop_now(loop));
	watcher_poke(watcher);
	return watcher;
}

static void
watcher_cancel_all(struct watcher *watcher)
{
	size_t i;

	for (i = 0; i < WATCHER_REQUESTS; i++) {
		http_request_cancel(watcher->requests[i].http);
		watcher->requests[i].http = NULL;
	}
}

void
watcher_free(struct watcher *watcher)
{
	if (!watcher)
		return;
	watcher_cancel_all(watcher);
	kube_watch_free(watcher->machine);
	loop_timer_fini(&watcher->timer);
	loop_deferred_fini(&watcher->act);
	free(watcher->name);
	free(watcher);
}

void
watcher_restart(struct watcher *watcher)
{
	kube_watch_stop(watcher->machine);
	watcher_act(watcher);
	watcher_cancel_all(watcher);
	kube_watch_start(watcher->machine, loop_now(watcher->loop));
	watcher_poke(watcher);
}

void
watcher_relist(struct watcher *watcher)
{
	kube_watch_relist(watcher->machine, loop_now(watcher->loop));
	watcher_poke(watcher);
}

void
watcher_kick(struct watcher *watcher)
{
	kube_watch_kick(watcher->machine, loop_now(watcher->loop));
	watcher_poke(watcher);
}

const struct kube_watch *
watcher_machine(const struct watcher *watcher)
{
	return watcher->machine;
}
