#include "watch.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "obj.h"
#include "status.h"

enum {
	WATCH_BOOKMARK_SECONDS = 60,
	WATCH_BOOKMARK_BEFORE_END_SECONDS = 2,
	WATCH_PENDING_MAX = 100000, /* lines that wait while a watch is frozen */
	WATCH_PIECE_BYTES = 256 * 1024,
};

struct pending {
	STAILQ_ENTRY(pending) link;
	size_t len;
	char line[];
};

struct watch {
	TAILQ_ENTRY(watch) link;
	struct conn *conn;
	struct sim *sim;
	struct watch_options options;
	char *path, *user; /* for faults that come later */
	int64_t rv;        /* events up to here are none of this watch's business */
	struct event *end, *bookmark;
	struct timeval deadline;
	int frozen_by; /* id of the fault, 0: not frozen */
	bool end_due;  /* time-out reached while frozen */
	int64_t huge_left;
	const char *huge_tail;
	STAILQ_HEAD(, pending) pending;
	size_t pending_count;
};

static const struct resource *
resource_of(const struct watch *w)
{
	return resource_get(w->options.resource);
}

static void
pending_clear(struct watch *w)
{
	struct pending *p;

	while ((p = STAILQ_FIRST(&w->pending)) != NULL) {
		STAILQ_REMOVE_HEAD(&w->pending, link);
		free(p);
	}
	w->pending_count = 0;
}

void
watch_free(struct watch *w)
{
	TAILQ_REMOVE(&w->sim->watches[w->options.resource], w, link);
	w->sim->watch_count--;
	pending_clear(w);
	event_free(w->end);
	event_free(w->bookmark);
	selector_free(w->options.selector);
	free(w->options.ns);
	free(w->options.name);
	free(w->path);
	free(w->user);
	free(w);
}

/* Detaches the watch and ends the stream. */
static void
watch_finish(struct watch *w)
{
	struct conn *conn = w->conn;

	conn->watch = NULL;
	watch_free(w);
	conn_stream_end(conn);
}

/* May free the watch (a client too slow); callers that go on must check with conn->watch. */
static void
send_line(struct watch *w, const char *line, size_t len)
{
	struct pending *p;

	if (w->frozen_by == 0 && w->huge_left == 0) {
		conn_stream_write(w->conn, line, len);
		return;
	}
	if (w->pending_count >= WATCH_PENDING_MAX) {
		conn_close(w->conn);
		return;
	}
	p = sim_calloc(1, sizeof(*p) + len);
	p->len = len;
	memcpy(p->line, line, len);
	STAILQ_INSERT_TAIL(&w->pending, p, link);
	w->pending_count++;
}

/* Takes over object. */
static void
send_object(struct watch *w, const char *type, struct json_object *object)
{
	char *line = sim_asprintf("{\"type\":\"%s\",\"object\":%s}\n", type, obj_text(object));

	json_object_put(object);
	send_line(w, line, strlen(line));
	free(line);
}

static void
send_table(struct watch *w, const char *type, struct json_object *json, int64_t rv)
{
	struct json_object *table;
	char buf[24];

	snprintf(buf, sizeof(buf), "%lld", (long long)rv);
	table = table_new(resource_of(w), w->options.table, buf);
	if (json != NULL)
		table_add(table, resource_of(w), json, w->options.include, time(NULL));
	send_object(w, type, table);
}

static void
send_version(struct watch *w, const char *type, const struct version *v)
{
	const struct resource *r = resource_of(w);
	char gv[64], *line;

	if (w->options.table != NULL) {
		send_table(w, type, v->json, v->rv);
		return;
	}
	/* v->text begins with "{" and is never empty */
	line = sim_asprintf(
	    "{\"type\":\"%s\",\"object\":{\"kind\":\"%s\",\"apiVersion\":\"%s\",%s}\n", type,
	    r->kind, resource_group_version(r, gv), v->text + 1);
	send_line(w, line, strlen(line));
	free(line);
}

static bool
selects(const struct watch *w, const struct version *v)
{
	size_t n = strlen(w->options.ns);

	if (n > 0 && (strncmp(v->key, w->options.ns, n) != 0 || v->key[n] != '/'))
		return false;
	if (w->options.name[0] != '\0' &&
	    strcmp(obj_str(v->json, "metadata.name"), w->options.name) != 0)
		return false;
	return selector_is_empty(w->options.selector) ||
	    selector_matches(w->options.selector, v->json, resource_field);
}

/* An object that stops matching is shown in its last matching state, at the new resourceVersion. */
static void
send_vanished(struct watch *w, const struct event *event)
{
	struct json_object *json = obj_copy(event->prev->json), *object;
	const struct resource *r = resource_of(w);
	char buf[64];

	snprintf(buf, sizeof(buf), "%lld", (long long)event->rv);
	obj_set_str(json, "metadata.resourceVersion", buf);
	if (w->options.table != NULL) {
		send_table(w, "DELETED", json, event->rv);
		json_object_put(json);
		return;
	}
	object = json_object_new_object();
	obj_set_str(object, "kind", r->kind);
	obj_set_str(object, "apiVersion", resource_group_version(r, buf));
	json_object_object_foreach (json, key, value) {
		json_object_object_add(object, key, json_object_get(value));
	}
	json_object_put(json);
	send_object(w, "DELETED", object);
}

static void
meet_event(struct watch *w, const struct event *event)
{
	bool is, was;

	if (event->rv <= w->rv)
		return;
	w->rv = event->rv;
	is = event->type != EVENT_DELETED && selects(w, event->cur);
	was = event->prev != NULL && selects(w, event->prev);
	if (is)
		send_version(w, was ? "MODIFIED" : "ADDED", event->cur);
	else if (was && event->type == EVENT_DELETED)
		send_version(w, "DELETED", event->cur);
	else if (was)
		send_vanished(w, event);
}

void
watch_on_event(void *arg, size_t collection, const struct event *event)
{
	struct sim *sim = arg;
	struct watch *w, *next;

	for (w = TAILQ_FIRST(&sim->watches[collection]); w != NULL; w = next) {
		next = TAILQ_NEXT(w, link);
		meet_event(w, event);
	}
}

static void
send_bookmark(struct watch *w, bool end_of_initial)
{
	const struct resource *r = resource_of(w);
	struct json_object *object, *empty, *typed;
	struct decoding decoding = {.minor = w->sim->cluster.minor};
	char buf[64];

	snprintf(buf, sizeof(buf), "%lld", (long long)store_rv(w->sim->store));
	w->rv = w->rv < store_rv(w->sim->store) ? store_rv(w->sim->store) : w->rv;
	if (w->options.table != NULL) {
		send_table(w, "BOOKMARK", NULL, store_rv(w->sim->store));
		return;
	}
	empty = json_object_new_object();
	typed = schema_decode(r->schema, empty, &decoding);
	json_object_put(empty);
	decoding_fini(&decoding);
	obj_set_str(typed, "metadata.resourceVersion", buf);
	if (end_of_initial) {
		struct json_object *annotations = json_object_new_object();

		json_object_object_add(
		    annotations, "k8s.io/initial-events-end", json_object_new_string("true"));
		obj_set(typed, "metadata.annotations", annotations);
	}
	object = json_object_new_object();
	obj_set_str(object, "kind", r->kind);
	obj_set_str(object, "apiVersion", resource_group_version(r, buf));
	json_object_object_foreach (typed, key, value) {
		json_object_object_add(object, key, json_object_get(value));
	}
	json_object_put(typed);
	send_object(w, "BOOKMARK", object);
}

/* Takes over the Status. */
static void
send_error(struct watch *w, struct json_object *status)
{
	send_object(w, "ERROR", status);
}

static void
arm_bookmark(struct watch *w)
{
	struct timeval now, left, wait = {WATCH_BOOKMARK_SECONDS, 0};
	long before_end;

	event_base_gettimeofday_cached(w->sim->base, &now);
	evutil_timersub(&w->deadline, &now, &left);
	before_end = (long)left.tv_sec * 1000 + left.tv_usec / 1000 -
	    WATCH_BOOKMARK_BEFORE_END_SECONDS * 1000;
	if (before_end > 0 && before_end < WATCH_BOOKMARK_SECONDS * 1000)
		wait = (struct timeval){before_end / 1000, before_end % 1000 * 1000};
	else if (before_end <= 0)
		return;
	event_add(w->bookmark, &wait);
}

static void
on_bookmark(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;
	struct conn *conn = w->conn;

	(void)fd;
	(void)what;
	if (w->frozen_by == 0)
		send_bookmark(w, false);
	if (conn->watch == w)
		arm_bookmark(w);
}

static void
on_end(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;

	(void)fd;
	(void)what;
	w->end_due = true;
	if (w->frozen_by == 0 && w->huge_left == 0)
		watch_finish(w);
}

static bool
each_past_event(void *arg, const struct event *event)
{
	struct conn *conn = arg;

	meet_event(conn->watch, event);
	return conn->watch != NULL;
}

static void
send_initial(struct watch *w)
{
	struct conn *conn = w->conn;
	struct snapshot s;

	if (store_snapshot(w->sim->store, w->options.resource, 0, &s) != 0)
		abort();
	w->rv = s.rv;
	for (size_t i = 0; i < s.count && conn->watch != NULL; i++)
		if (selects(w, s.items[i]))
			send_version(w, "ADDED", s.items[i]);
	snapshot_fini(&s);
	if (conn->watch != NULL && w->options.initial_bookmark)
		send_bookmark(w, true);
}

static void
flush_pending(struct watch *w)
{
	struct conn *conn = w->conn;

	while (conn->watch == w && w->frozen_by == 0 && w->huge_left == 0) {
		struct pending *p = STAILQ_FIRST(&w->pending);

		if (p == NULL)
			break;
		STAILQ_REMOVE_HEAD(&w->pending, link);
		w->pending_count--;
		conn_stream_write(conn, p->line, p->len);
		free(p);
	}
	if (conn->watch == w && w->end_due && w->frozen_by == 0 && w->huge_left == 0)
		watch_finish(w);
}

static void
huge_piece(struct watch *w)
{
	static char filler[WATCH_PIECE_BYTES];
	struct conn *conn = w->conn;
	size_t n = sizeof(filler);

	if (filler[0] == '\0')
		memset(filler, 'x', sizeof(filler));
	if ((int64_t)n > w->huge_left)
		n = (size_t)w->huge_left;
	w->huge_left -= (int64_t)n;
	conn_stream_piece(conn, filler, n);
	if (w->huge_left > 0)
		return;
	conn_stream_piece(conn, w->huge_tail, strlen(w->huge_tail));
	conn_stream_chunk_end(conn);
	flush_pending(w);
}

/* One event whose object has an annotation of so many bytes; it is made as the client takes it. */
static void
huge_begin(struct watch *w, int64_t bytes)
{
	const struct resource *r = resource_of(w);
	char gv[64], *head;

	if (bytes < 1 || w->huge_left > 0 || w->frozen_by != 0)
		return;
	head = sim_asprintf(
	    "{\"type\":\"MODIFIED\",\"object\":{\"kind\":\"%s\",\"apiVersion\":\"%s\",\"metadata\":"
	    "{\"name\":\"huge-line\",\"namespace\":\"default\",\"resourceVersion\":\"%lld\",\"annotations\":{\"x\":\"",
	    r->kind, resource_group_version(r, gv), (long long)store_rv(w->sim->store));
	w->huge_tail = "\"}}}}\n";
	w->huge_left = bytes;
	conn_stream_promise(w->conn, strlen(head) + (size_t)bytes + strlen(w->huge_tail));
	conn_stream_piece(w->conn, head, strlen(head));
	free(head);
	huge_piece(w);
}

void
watch_drained(struct watch *w)
{
	if (w->huge_left > 0)
		huge_piece(w);
}

static struct json_object *
too_old(int64_t rv, int64_t floor)
{
	char text[96];

	snprintf(text, sizeof(text), "too old resource version: %lld (%lld)", (long long)rv,
	    (long long)floor);
	return status_expired(text);
}

static void
expire(struct watch *w)
{
	struct conn *conn = w->conn;

	w->frozen_by = 0;
	send_error(w, too_old(w->rv, store_rv(w->sim->store)));
	if (conn->watch == w)
		watch_finish(w);
}

static void
set_deadline(struct watch *w)
{
	struct timeval now, span = {w->options.timeout_seconds, 0};

	/* as min-request-timeout of 1800 s, up to twice that */
	if (span.tv_sec <= 0)
		span.tv_sec = 1800 + sim_random(1800);
	event_base_gettimeofday_cached(w->sim->base, &now);
	evutil_timeradd(&now, &span, &w->deadline);
	event_add(w->end, &span);
	if (w->options.bookmarks)
		arm_bookmark(w);
}

void
watch_start(struct conn *conn, struct watch_options *options)
{
	struct watch *w = sim_calloc(1, sizeof(*w));
	struct sim *sim = conn->sim;
	const struct fault_effect *effect = &conn->effect;

	w->conn = conn;
	w->sim = sim;
	w->options = *options;
	w->path = sim_strdup(conn->req.path);
	w->user = sim_strdup(conn->user);
	w->rv = options->rv;
	STAILQ_INIT(&w->pending);
	w->end = event_new(sim->base, -1, 0, on_end, w);
	w->bookmark = event_new(sim->base, -1, 0, on_bookmark, w);
	if (w->end == NULL || w->bookmark == NULL)
		abort();
	TAILQ_INSERT_TAIL(&sim->watches[options->resource], w, link);
	sim->watch_count++;
	conn->watch = w;
	conn_stream_begin(conn, "application/json");
	if (conn->watch == NULL)
		return;
	set_deadline(w);
	if (effect->faulty && effect->kind == FAULT_FREEZE_WATCH)
		w->frozen_by = effect->id;
	if ((effect->faulty && effect->kind == FAULT_GONE) ||
	    (!options->initial &&
		!store_has_events_since(sim->store, options->resource, options->rv))) {
		expire(w);
		return;
	}
	if (options->initial)
		send_initial(w);
	else
		store_each_event_since(
		    sim->store, options->resource, options->rv, each_past_event, conn);
	if (conn->watch != NULL && effect->faulty && effect->kind == FAULT_HUGE_LINE)
		huge_begin(w, effect->bytes);
}

static void
meet_fault(struct watch *w, const struct fault *fault)
{
	if (fault->kind == FAULT_GONE)
		expire(w);
	else if (fault->kind == FAULT_FREEZE_WATCH)
		w->frozen_by = fault->id;
	else
		huge_begin(w, fault->bytes);
}

void
watch_meet_fault(struct sim *sim, struct fault *fault)
{
	struct watch *w, *next;

	if (fault->kind != FAULT_GONE && fault->kind != FAULT_FREEZE_WATCH &&
	    fault->kind != FAULT_HUGE_LINE)
		return;
	for (int i = 0; i < RESOURCE_COUNT; i++) {
		for (w = TAILQ_FIRST(&sim->watches[i]); w != NULL; w = next) {
			struct fault_subject subject = {"GET", "watch", w->path, w->user, true};

			next = TAILQ_NEXT(w, link);
			if (!fault_matches(fault, &subject))
				continue;
			fault->hits++;
			sim->stats.faults++;
			meet_fault(w, fault);
		}
	}
}

static bool
fault_exists(const struct sim *sim, int id)
{
	for (const struct fault *f = sim->faults.first; f != NULL; f = f->next)
		if (f->id == id)
			return true;
	return false;
}

void
watch_thaw(struct sim *sim)
{
	struct watch *w, *next;

	for (int i = 0; i < RESOURCE_COUNT; i++) {
		for (w = TAILQ_FIRST(&sim->watches[i]); w != NULL; w = next) {
			next = TAILQ_NEXT(w, link);
			if (w->frozen_by == 0 || fault_exists(sim, w->frozen_by))
				continue;
			w->frozen_by = 0;
			flush_pending(w);
		}
	}
}

void
watch_end_all(struct sim *sim)
{
	for (int i = 0; i < RESOURCE_COUNT; i++)
		while (!TAILQ_EMPTY(&sim->watches[i])) {
			struct watch *w = TAILQ_FIRST(&sim->watches[i]);

			if (w->huge_left > 0)
				conn_close(w->conn);
			else
				watch_finish(w);
		}
}
