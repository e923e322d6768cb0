/*
 * store: the objects, one global resourceVersion, and for each collection (resource) the events of
 * the recent past.
 *
 * Objects are immutable once stored: a write makes a new version. Whoever keeps a version past the
 * current call takes a reference. The past is a bounded ring for each collection; its floor is the
 * newest resourceVersion whose successor is no longer known.
 */
#ifndef KUBESIM_STORE_H
#define KUBESIM_STORE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One state of one object. */
struct version {
	unsigned int refs;
	int64_t rv;
	char *key;                /* "NAMESPACE/NAME", or "NAME" in a cluster-scoped collection */
	struct json_object *json; /* without kind and apiVersion; never changed */
	char *text;               /* the same as compact JSON */
	size_t len;
};

struct version *version_ref(struct version *v);
/* NULL is allowed. */
void version_unref(struct version *v);

enum event_type {
	EVENT_ADDED,
	EVENT_MODIFIED,
	EVENT_DELETED,
	EVENT_TYPE_COUNT,
};

const char *event_type_str(enum event_type type);

struct event {
	enum event_type type;
	int64_t rv;
	struct version
	    *cur; /* of a deleted object: its last state, at the deletion's resourceVersion */
	struct version *prev; /* NULL for ADDED */
};

struct store;

typedef void store_event_fn(void *arg, size_t collection, const struct event *event);

/* history: events kept for each collection, at least 1. on_event (may be NULL) is called after
 * every change. */
struct store *store_new(size_t collections, size_t history, store_event_fn *on_event, void *arg);
void store_free(struct store *store);

int64_t store_rv(const struct store *store);
/* Borrowed, NULL when there is none. */
struct version *store_get(struct store *store, size_t collection, const char *key);
size_t store_count(const struct store *store, size_t collection);

/* Creates or replaces; takes over json and stamps metadata.resourceVersion. Borrowed result. */
struct version *
store_put(struct store *store, size_t collection, const char *key, struct json_object *json);
/* Borrowed result: the last state, valid until the history forgets it; NULL when there was none. */
struct version *store_delete(struct store *store, size_t collection, const char *key);

/* A consistent view of a collection, sorted by key. */
struct snapshot {
	struct version **items; /* each with a reference */
	size_t count;
	int64_t rv;
};

/*
 * The state at resourceVersion rv (0: now). -ESTALE when the history does not reach back so far,
 * -ERANGE when rv lies in the future.
 */
int store_snapshot(
    const struct store *store, size_t collection, int64_t rv, struct snapshot *ret_snapshot);
void snapshot_fini(struct snapshot *snapshot);

/* Can a watch start after rv? rv in the future is no error here. */
bool store_has_events_since(const struct store *store, size_t collection, int64_t rv);
/* The events after rv in order; stops when fn returns false. */
typedef bool store_each_fn(void *arg, const struct event *event);
void store_each_event_since(
    const struct store *store, size_t collection, int64_t rv, store_each_fn *fn, void *arg);

/* Forgets the past. */
void store_compact(struct store *store);
/*
 * As if etcd had been restored from a backup taken at rv: state and counter go back, the past is
 * forgotten. No events are made. -ESTALE when the history does not reach back so far, -ERANGE when
 * rv lies in the future.
 */
int store_restore(struct store *store, int64_t rv);

#endif
