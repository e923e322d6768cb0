#include "daemon/events.h"

#include <stdlib.h>

#include "daemon/api.h"
#include "io/loop.h"
#include "kube/event.h"
#include "kube/event_series.h"
#include "kube/path.h"
#include "kube/status.h"
#include "model/service.h"
#include "util/list.h"
#include "util/log.h"
#include "util/mem.h"

/* One Event to be written, with strings of its own. */
struct events_item {
	TAILQ_ENTRY(events_item) entry;
	struct events *events;
	struct arena *arena;
	struct kube_event event;
	bool patch;
};

TAILQ_HEAD(events_queue, events_item);

struct events {
	struct loop *loop;
	struct api *api;
	struct arena *arena;
	const char *node;
	struct kube_event_series *series;
	struct events_queue queue, in_flight;
	size_t n_queued, n_in_flight;
	uint64_t overflow;
	bool refused; /* said */
	struct loop_deferred send;
};

static void
item_free(struct events_item *item)
{
	arena_free(item->arena);
}

static void
events_done(void *arg, const struct api_answer *answer)
{
	struct events_item *item = arg;
	struct events *events = item->events;
	bool written = answer->result == API_ANSWERED && answer->status < 300;

	if (!written)
		kube_event_series_forget(events->series, &item->event);
	if (answer->status == 403 && !events->refused) {
		log_warning("events: the API server forbids to write Events; see share/rbac.yaml");
		events->refused = true;
	}
	TAILQ_REMOVE(&events->in_flight, item, entry);
	events->n_in_flight--;
	item_free(item);
	loop_defer(&events->send);
}

static void
events_send_one(struct events *events, struct events_item *item)
{
	char name[KUBE_EVENT_NAME_LEN], *path, *body;

	kube_event_name(&item->event, name);
	path = item->patch ? kube_path_event(item->event.namespace, name)
			   : kube_path_events(item->event.namespace);
	body = item->patch ? kube_event_encode_patch(&item->event)
			   : kube_event_encode(&item->event);
	api_call(events->api,
	    &(struct api_options){
		.method = item->patch ? "PATCH" : "POST",
		.path = path,
		.content_type = item->patch ? KUBE_STRATEGIC_MERGE_PATCH : KUBE_JSON,
		.body = body,
		.on_done = events_done,
		.arg = item,
	    });
	free(path);
	free(body);
}

static void
events_send(void *arg)
{
	struct events *events = arg;
	struct events_item *item;

	while (events->n_in_flight < EVENTS_MAX_IN_FLIGHT && (item = TAILQ_FIRST(&events->queue))) {
		TAILQ_REMOVE(&events->queue, item, entry);
		events->n_queued--;
		TAILQ_INSERT_TAIL(&events->in_flight, item, entry);
		events->n_in_flight++;
		events_send_one(events, item);
	}
}

struct events *
events_new(struct loop *loop, struct api *api, const char *node, uint64_t seed)
{
	struct arena *arena = arena_new();
	struct events *events = arena_alloc(arena, 1, sizeof(*events));

	events->arena = arena;
	events->loop = loop;
	events->api = api;
	events->node = arena_strdup(arena, node);
	events->series = kube_event_series_new(seed);
	TAILQ_INIT(&events->queue);
	TAILQ_INIT(&events->in_flight);
	loop_deferred_init(&events->send, loop, events_send, events);
	return events;
}

void
events_free(struct events *events)
{
	struct events_item *item;

	if (!events)
		return;
	while ((item = TAILQ_FIRST(&events->queue))) {
		TAILQ_REMOVE(&events->queue, item, entry);
		item_free(item);
	}
	kube_event_series_free(events->series);
	loop_deferred_fini(&events->send);
	arena_free(events->arena);
}

void
events_say(struct events *events, const struct service *service, bool warning, const char *reason,
    const char *message)
{
	struct arena *arena;
	struct events_item *item;
	enum kube_event_verdict verdict;

	if (events->n_queued == EVENTS_MAX_QUEUED) {
		events->overflow++;
		return;
	}
	arena = arena_new();
	item = arena_alloc(arena, 1, sizeof(*item));
	item->events = events;
	item->arena = arena;
	item->event = (struct kube_event){
	    .namespace = arena_strdup(arena, service->namespace),
	    .service = arena_strdup(arena, service->name),
	    .uid = arena_strdup(arena, service->uid),
	    .resource_version = arena_strdup(arena, service->resource_version),
	    .warning = warning,
	    .reason = arena_strdup(arena, reason),
	    .message = arena_strdup(arena, message),
	    .host = events->node,
	    .last_usec = loop_wall_usec(),
	};
	verdict = kube_event_series_note(events->series, &item->event, loop_now(events->loop));
	if (verdict == KUBE_EVENT_DROP) {
		item_free(item);
		return;
	}
	item->patch = verdict == KUBE_EVENT_PATCH;
	TAILQ_INSERT_TAIL(&events->queue, item, entry);
	events->n_queued++;
	loop_defer(&events->send);
}

uint64_t
events_dropped(const struct events *events)
{
	return events->overflow + kube_event_series_dropped(events->series);
}

size_t
events_waiting(const struct events *events)
{
	return events->n_queued + events->n_in_flight;
}
