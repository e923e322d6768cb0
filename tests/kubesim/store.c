#include "store.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "obj.h"

struct collection {
	struct version **items; /* sorted by key */
	size_t count, cap;
	struct event *ring;
	size_t first, events; /* oldest, and how many */
	int64_t floor;
};

struct store {
	struct collection *collections;
	size_t count, history;
	int64_t rv;
	store_event_fn *on_event;
	void *arg;
};

struct version *
version_ref(struct version *v)
{
	v->refs++;
	return v;
}

void
version_unref(struct version *v)
{
	if (v == NULL || --v->refs > 0)
		return;
	free(v->key);
	free(v->text);
	json_object_put(v->json);
	free(v);
}

const char *
event_type_str(enum event_type type)
{
	static const char *const names[] = {
	    [EVENT_ADDED] = "ADDED",
	    [EVENT_MODIFIED] = "MODIFIED",
	    [EVENT_DELETED] = "DELETED",
	};
	static_assert(sizeof(names) / sizeof(names[0]) == EVENT_TYPE_COUNT, "a name per type");

	return names[type];
}

/* Takes over json. */
static struct version *
version_new(const char *key, struct json_object *json, int64_t rv)
{
	struct version *v = sim_calloc(1, sizeof(*v));
	char buf[24];

	snprintf(buf, sizeof(buf), "%lld", (long long)rv);
	obj_set_str(json, "metadata.resourceVersion", buf);
	v->refs = 1;
	v->rv = rv;
	v->key = sim_strdup(key);
	v->json = json;
	v->text = sim_strdup(obj_text(json));
	v->len = strlen(v->text);
	return v;
}

struct store *
store_new(size_t collections, size_t history, store_event_fn *on_event, void *arg)
{
	struct store *store = sim_calloc(1, sizeof(*store));

	store->collections = sim_calloc(collections, sizeof(*store->collections));
	store->count = collections;
	store->history = history > 0 ? history : 1;
	store->on_event = on_event;
	store->arg = arg;
	for (size_t i = 0; i < collections; i++)
		store->collections[i].ring = sim_calloc(
		    store->history, sizeof(*store->collections[i].ring));
	return store;
}

static struct event *
ring_at(const struct store *store, const struct collection *c, size_t i)
{
	return &c->ring[(c->first + i) % store->history];
}

static void
event_fini(struct event *event)
{
	version_unref(event->cur);
	version_unref(event->prev);
	*event = (struct event){0};
}

static void
ring_clear(struct store *store, struct collection *c)
{
	for (size_t i = 0; i < c->events; i++)
		event_fini(ring_at(store, c, i));
	c->first = c->events = 0;
	c->floor = store->rv;
}

void
store_free(struct store *store)
{
	if (store == NULL)
		return;
	for (size_t i = 0; i < store->count; i++) {
		struct collection *c = &store->collections[i];

		ring_clear(store, c);
		for (size_t k = 0; k < c->count; k++)
			version_unref(c->items[k]);
		free(c->items);
		free(c->ring);
	}
	free(store->collections);
	free(store);
}

int64_t
store_rv(const struct store *store)
{
	return store->rv;
}

size_t
store_count(const struct store *store, size_t collection)
{
	return store->collections[collection].count;
}

/* Where key is, or would be put. */
static bool
find(struct version *const *items, size_t count, const char *key, size_t *ret_at)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = strcmp(items[mid]->key, key);

		if (order == 0) {
			*ret_at = mid;
			return true;
		}
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	*ret_at = low;
	return false;
}

struct version *
store_get(struct store *store, size_t collection, const char *key)
{
	struct collection *c = &store->collections[collection];
	size_t at;

	return find(c->items, c->count, key, &at) ? c->items[at] : NULL;
}

/* Takes over the references in event. */
static void
record(struct store *store, size_t collection, struct event event)
{
	struct collection *c = &store->collections[collection];

	if (c->events == store->history) {
		struct event *oldest = ring_at(store, c, 0);

		c->floor = oldest->rv;
		event_fini(oldest);
		c->first = (c->first + 1) % store->history;
		c->events--;
	}
	*ring_at(store, c, c->events++) = event;
	if (store->on_event != NULL)
		store->on_event(store->arg, collection, &event);
}

static void
items_insert(struct collection *c, size_t at, struct version *v)
{
	if (c->count == c->cap) {
		c->cap = c->cap > 0 ? c->cap * 2 : 64;
		c->items = sim_realloc(c->items, c->cap, sizeof(struct version *));
	}
	memmove(&c->items[at + 1], &c->items[at], (c->count - at) * sizeof(struct version *));
	c->items[at] = v;
	c->count++;
}

struct version *
store_put(struct store *store, size_t collection, const char *key, struct json_object *json)
{
	struct collection *c = &store->collections[collection];
	struct version *v = version_new(key, json, ++store->rv), *prev = NULL;
	size_t at;

	if (find(c->items, c->count, key, &at)) {
		prev = c->items[at]; /* its reference moves to the event */
		c->items[at] = v;
	} else {
		items_insert(c, at, v);
	}
	record(store, collection,
	    (struct event){.type = prev != NULL ? EVENT_MODIFIED : EVENT_ADDED,
		.rv = v->rv,
		.cur = version_ref(v),
		.prev = prev});
	return v;
}

struct version *
store_delete(struct store *store, size_t collection, const char *key)
{
	struct collection *c = &store->collections[collection];
	struct version *prev, *last;
	size_t at;

	if (!find(c->items, c->count, key, &at))
		return NULL;
	prev = c->items[at];
	c->count--;
	memmove(&c->items[at], &c->items[at + 1], (c->count - at) * sizeof(struct version *));
	last = version_new(key, obj_copy(prev->json), ++store->rv);
	record(store, collection,
	    (struct event){.type = EVENT_DELETED, .rv = last->rv, .cur = last, .prev = prev});
	return last;
}

/* Takes one event back in a sorted list of versions with references. */
static void
undo(struct snapshot *s, const struct event *event)
{
	size_t at;
	bool found = find(s->items, s->count, event->cur->key, &at);

	switch (event->type) {
	case EVENT_ADDED:
		assert(found);
		version_unref(s->items[at]);
		s->count--;
		memmove(
		    &s->items[at], &s->items[at + 1], (s->count - at) * sizeof(struct version *));
		break;
	case EVENT_MODIFIED:
		assert(found);
		version_unref(s->items[at]);
		s->items[at] = version_ref(event->prev);
		break;
	case EVENT_DELETED:
		assert(!found);
		memmove(
		    &s->items[at + 1], &s->items[at], (s->count - at) * sizeof(struct version *));
		s->items[at] = version_ref(event->prev);
		s->count++;
		break;
	case EVENT_TYPE_COUNT:
		break;
	}
}

int
store_snapshot(
    const struct store *store, size_t collection, int64_t rv, struct snapshot *ret_snapshot)
{
	const struct collection *c = &store->collections[collection];
	struct snapshot s = {.rv = rv != 0 ? rv : store->rv};

	if (s.rv > store->rv)
		return -ERANGE;
	if (s.rv < c->floor)
		return -ESTALE;
	/* every event taken back adds one item at most */
	s.items = sim_calloc(c->count + c->events, sizeof(struct version *));
	for (; s.count < c->count; s.count++)
		s.items[s.count] = version_ref(c->items[s.count]);
	for (size_t i = c->events; i > 0 && ring_at(store, c, i - 1)->rv > s.rv; i--)
		undo(&s, ring_at(store, c, i - 1));
	*ret_snapshot = s;
	return 0;
}

void
snapshot_fini(struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->count; i++)
		version_unref(snapshot->items[i]);
	free(snapshot->items);
	*snapshot = (struct snapshot){0};
}

bool
store_has_events_since(const struct store *store, size_t collection, int64_t rv)
{
	return rv >= store->collections[collection].floor;
}

void
store_each_event_since(
    const struct store *store, size_t collection, int64_t rv, store_each_fn *fn, void *arg)
{
	const struct collection *c = &store->collections[collection];
	size_t i = c->events;

	while (i > 0 && ring_at(store, c, i - 1)->rv > rv)
		i--;
	for (; i < c->events; i++)
		if (!fn(arg, ring_at(store, c, i)))
			return;
}

void
store_compact(struct store *store)
{
	for (size_t i = 0; i < store->count; i++)
		ring_clear(store, &store->collections[i]);
}

int
store_restore(struct store *store, int64_t rv)
{
	if (rv > store->rv || rv < 1)
		return -ERANGE;
	for (size_t i = 0; i < store->count; i++)
		if (rv < store->collections[i].floor)
			return -ESTALE;
	for (size_t i = 0; i < store->count; i++) {
		struct collection *c = &store->collections[i];
		struct snapshot s;

		if (store_snapshot(store, i, rv, &s) != 0)
			abort();
		for (size_t k = 0; k < c->count; k++)
			version_unref(c->items[k]);
		free(c->items);
		c->items = s.items;
		c->count = c->cap = s.count;
	}
	store->rv = rv;
	store_compact(store);
	return 0;
}
