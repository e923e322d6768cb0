#include "daemon/cleanup.h"

#include <stdlib.h>

#include "daemon/api.h"
#include "daemon/status_writer.h"
#include "io/loop.h"
#include "kube/path.h"
#include "kube/status.h"
#include "model/service.h"
#include "util/map.h"
#include "util/mem.h"

/* A Service that left our view, from which our traces are to be removed. */
struct clearing {
	struct map_node node; /* by key, the oldest first */
	struct cleanup *cleanup;
	char *key, *path, *body;
	mono_t since; /* when it left our view */
	bool in_flight;
	bool dropped; /* it came back: not again */
};

struct cleanup {
	struct loop *loop;
	struct api *api;
	bool active;
	struct clearing *clearings; /* map */
	unsigned n_in_flight, failures;
	mono_t not_before; /* after a failure */
	struct loop_deferred send;
	struct loop_timer again;
};

static struct clearing *
clearing_find(const struct cleanup *cleanup, const char *key)
{
	struct clearing *clearing;

	MAP_FIND_STR(cleanup->clearings, key, clearing);
	return clearing;
}

static void
clearing_free(struct clearing *clearing)
{
	MAP_DEL(clearing->cleanup->clearings, clearing);
	free(clearing->key);
	free(clearing->path);
	free(clearing->body);
	free(clearing);
}

/* Not sent any more, nor again. */
static void
clearing_drop(struct clearing *clearing)
{
	if (clearing->in_flight)
		clearing->dropped = true;
	else
		clearing_free(clearing);
}

static void
clear_done(void *arg, const struct api_answer *answer)
{
	struct clearing *clearing = arg;
	struct cleanup *cleanup = clearing->cleanup;
	bool again = answer->result != API_ANSWERED || answer->status >= 500 ||
	    answer->status == 429 || answer->status == 401;

	cleanup->n_in_flight--;
	clearing->in_flight = false;
	if (again) {
		cleanup->not_before = mono_add_usec(
		    loop_now(cleanup->loop), status_writer_backoff_usec(cleanup->failures++));
		loop_timer_set(&cleanup->again, cleanup->not_before);
	} else {
		cleanup->failures = 0;
	}
	if (!again || clearing->dropped)
		clearing_free(clearing);
	loop_defer(&cleanup->send);
}

static void
send_clearings(void *arg)
{
	struct cleanup *cleanup = arg;
	struct clearing *clearing;

	if (!cleanup->active || mono_before(loop_now(cleanup->loop), cleanup->not_before))
		return;
	MAP_FOREACH (clearing, cleanup->clearings) {
		if (cleanup->n_in_flight == CLEANUP_MAX_IN_FLIGHT)
			return;
		if (clearing->in_flight)
			continue;
		clearing->in_flight = true;
		cleanup->n_in_flight++;
		api_call(cleanup->api,
		    &(struct api_options){.method = "PATCH",
			.path = clearing->path,
			.content_type = KUBE_STRATEGIC_MERGE_PATCH,
			.body = clearing->body,
			.on_done = clear_done,
			.arg = clearing});
	}
}

static void
forget_oldest(struct cleanup *cleanup)
{
	struct clearing *clearing, *next;

	MAP_FOREACH_SAFE (clearing, next, cleanup->clearings) {
		if (clearing->in_flight)
			continue;
		clearing_free(clearing);
		return;
	}
}

void
cleanup_add(struct cleanup *cleanup, const struct service *last,
    const struct service_ingress *foreign, size_t n_foreign)
{
	const struct kube_status_patch patch = {
	    .uid = last->uid,
	    .ingress = n_foreign == last->n_ingress ? KUBE_KEEP : KUBE_SET,
	    .entries = foreign,
	    .n_entries = n_foreign,
	    .pool_annotation = KUBE_CLEAR,
	    .condition = KUBE_CLEAR,
	};
	struct clearing *clearing;

	if (last->deleting || !*last->uid ||
	    (!last->condition.present && !last->annotations[ANNOTATION_IP_ALLOCATED_FROM_POOL]))
		return;
	clearing = clearing_find(cleanup, last->key);
	if (clearing) {
		if (clearing->in_flight)
			return; /* the same Service, or its uid refuses */
		clearing_free(clearing);
	}
	if (MAP_COUNT(cleanup->clearings) >= CLEANUP_MAX_REMEMBERED && !cleanup->active)
		forget_oldest(cleanup);
	clearing = xcalloc(1, sizeof(*clearing));
	clearing->cleanup = cleanup;
	clearing->since = loop_now(cleanup->loop);
	clearing->key = xstrdup(last->key);
	clearing->path = kube_path_service_status(last->namespace, last->name);
	clearing->body = kube_status_encode(&patch);
	MAP_ADD_STR(cleanup->clearings, clearing->key, clearing);
	loop_defer(&cleanup->send);
}

void
cleanup_forget(struct cleanup *cleanup, const char *key)
{
	struct clearing *clearing = clearing_find(cleanup, key);

	if (clearing)
		clearing_drop(clearing);
}

void
cleanup_set_active(struct cleanup *cleanup, bool active)
{
	mono_t now = loop_now(cleanup->loop);
	struct clearing *clearing, *next;

	if (active == cleanup->active)
		return;
	cleanup->active = active;
	if (!active)
		return;
	/* The leader before us has done what is older. */
	MAP_FOREACH_SAFE (clearing, next, cleanup->clearings)
		if (mono_diff_usec(now, clearing->since) > CLEANUP_REMEMBER_USEC)
			clearing_drop(clearing);
	loop_defer(&cleanup->send);
}

struct cleanup *
cleanup_new(struct loop *loop, struct api *api)
{
	struct cleanup *cleanup = xcalloc(1, sizeof(*cleanup));

	cleanup->loop = loop;
	cleanup->api = api;
	loop_deferred_init(&cleanup->send, loop, send_clearings, cleanup);
	loop_timer_init(&cleanup->again, loop, send_clearings, cleanup);
	return cleanup;
}

void
cleanup_free(struct cleanup *cleanup)
{
	struct clearing *clearing, *next;

	if (!cleanup)
		return;
	MAP_FOREACH_SAFE (clearing, next, cleanup->clearings)
		clearing_free(clearing);
	loop_deferred_fini(&cleanup->send);
	loop_timer_fini(&cleanup->again);
	free(cleanup);
}
