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
	unsigned failures;
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
	uint64_t lost;     /* no room, or refused for good */
	bool refused;      /* said */
	mono_t not_before; /* after a failure */
	struct loop_timer send;
};

static void
item_free(struct events_item *item)
{
	arena_free(item->arena);
}

/* A batch begins when the last one has ended: a full one at once, else what comes within
 * EVENTS_DELAY_USEC comes along. */
static void
schedule(struct events *events)
{
	int64_t wait = events->n_queued < EVENTS_MAX_IN_FLIGHT ? EVENTS_DELAY_USEC : 0;
	mono_t at = mono_add_usec(loop_now(events->loop), wait);

	if (!events->n_queued || events->n_in_flight)
		return;
	at = mono_min(at, events->send.deadline);
	if (mono_before(at, events->not_before))
		at = events->not_before;
	loop_timer_set(&events->send, at);
}

/* The server is away or busy, or has lost the Event that was to be counted up. */
static bool
is_worth_again(const struct events_item *item, const struct api_answer *answer)
{
	if (item->failures == EVENTS_MAX_RETRIES)
		return false;
	return answer->result != API_ANSWERED || answer->status >= 500 || answer->status == 429 ||
	    answer->status == 401 || (answer->status == 404 && item->patch);
}

/* As the first in the queue, so that the Events of a Service stay in their order. */
static void
put_back(struct events_item *item, const struct api_answer *answer)
{
	struct events *events = item->events;

	if (answer->status == 404)
		item->patch = false;
	else
		events->not_before = mono_add_usec(
		    loop_now(events->loop), EVENTS_RETRY_USEC << item->failures);
	item->failures++;
	TAILQ_INSERT_HEAD(&events->queue, item, entry);
	events->n_queued++;
}

static void
events_done(void *arg, const struct api_answer *answer)
{
	struct events_item *item = arg;
	struct events *events = item->events;
	/* 409: an earlier attempt, of which no answer came, had been heard. */
	bool written = answer->result == API_ANSWERED &&
	    (answer->status < 300 || (answer->status == 409 && item->failures));

	TAILQ_REMOVE(&events->in_flight, item, entry);
	events->n_in_flight--;
	if (!written && is_worth_again(item, answer)) {
		put_back(item, answer);
		schedule(events);
		return;
	}
	if (!written) {
		kube_event_series_forget(events->series, &item->event);
		events->lost++;
	}
	if (answer->status == 403 && !events->refused) {
		log_warning("events: the API server forbids to write Events; see share/rbac.yaml");
		events->refused = true;
	}
	item_free(item);
	schedule(events);
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

/* A batch at a time: one that trickles out would wake the process for each Event. */
static void
events_send(void *arg)
{
	struct events *events = arg;
	struct events_item *item;

	if (events->n_in_flight)
		return;
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
	loop_timer_init(&events->send, loop, events_send, events);
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
	loop_timer_fini(&events->send);
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
		events->lost++;
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
	schedule(events);
}

uint64_t
events_dropped(const struct events *events)
{
	return events->lost + kube_event_series_dropped(events->series);
}

size_t
events_waiting(const struct events *events)
{
	return events->n_queued + events->n_in_flight;
}
