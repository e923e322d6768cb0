/*
 * watch: keeps a local view of one API resource by LIST and WATCH. A pure machine: it asks for
 * requests (kube_watch_next_action()), is told what comes back, and reports objects.
 *
 *	Listing --complete--> Watching --end of stream--> Watching (at once, no back-off)
 *	   ^                      |
 *	   |                      +--410, status or event------------> Listing (at once)
 *	   +--Waiting <-----------+--error: back-off, then watch again from the last version
 *
 * - LIST in pages of KUBE_WATCH_PAGE, resourceVersion unset. Objects that were known and are not
 *   in a complete list are reported as DELETED, so a missed delete acts. An object whose uid and
 *   resourceVersion did not change is not reported again. A list whose version is lower than one
 *   already seen means that etcd was restored from a backup: then all objects are reported.
 * - WATCH from the last version seen, with bookmarks, ended by the server after 5 to 10 minutes.
 * - An item of a list that cannot be read is skipped; since it might be any object, such a list
 *   deletes nothing.
 * - Errors: 0.8 s doubling to 30 s, full jitter, forgotten after two quiet minutes; Retry-After
 *   wins when longer, up to a cap. Each wait can be cut short by kube_watch_kick().
 * - A field selector that the server refuses (400) is left out, and `matches` takes its place: an
 *   object that matches no more is reported as DELETED. It is tried again an hour later.
 * - Half-open connections: after 30 s without a byte a LIST of one object goes out on a new
 *   connection (to the same server, please). No answer within 10 s: the watch is dead. An answer
 *   with another version than ours leads to a second question, a WATCH of one second from our
 *   version: if it tells of an object that our watch did not, our watch is frozen. So a quiet
 *   watch is never restarted for being quiet, and a dead one is replaced within 45 s.
 *   A watch that proves frozen again at once is followed by a LIST.
 *
 * resourceVersion is opaque but for that one comparison, which is made only where both versions
 * are decimal numbers (as Kubernetes promises since 1.35, and etcd always gave).
 *
 * One main request (LIST or WATCH) and one probe at most are under way. Callbacks come from inside
 * the input functions and must not call the watch, except the functions that take a const one.
 */
#ifndef KUBE_WATCH_H
#define KUBE_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kube/json.h"
#include "util/mono.h"

struct json_object;

#define KUBE_WATCH_PAGE 500 /* halved while pages are over KUBE_LIST_MAX_BYTES */
#define KUBE_WATCH_MAX_LINE KUBE_JSON_MAX_OBJECT_BYTES
#define KUBE_WATCH_MAX_OBJECTS 100000 /* known objects; more are counted and left out */
#define KUBE_WATCH_BACKOFF_MIN_USEC (800 * USEC_PER_MSEC)
#define KUBE_WATCH_BACKOFF_MAX_USEC (30 * USEC_PER_SEC)
#define KUBE_WATCH_BACKOFF_RESET_USEC (2 * USEC_PER_MIN)
#define KUBE_WATCH_RETRY_AFTER_MAX_USEC USEC_PER_MIN
#define KUBE_WATCH_ANSWER_USEC (15 * USEC_PER_SEC)    /* from request to status line */
#define KUBE_WATCH_LIST_IDLE_USEC (15 * USEC_PER_SEC) /* between two chunks of a list */
#define KUBE_WATCH_LIST_TOTAL_USEC (2 * USEC_PER_MIN) /* one page */
#define KUBE_WATCH_SILENCE_USEC (30 * USEC_PER_SEC)
#define KUBE_WATCH_PROBE_USEC (10 * USEC_PER_SEC)
/* A watch that was resumed after an error is asked about sooner: the server may be a restored one,
 * where a watch from a version of the future is silent for ever. */
#define KUBE_WATCH_RESUME_SILENCE_USEC (5 * USEC_PER_SEC)
#define KUBE_WATCH_GRACE_USEC (2 * USEC_PER_SEC) /* the watch may still bring what a probe saw */
#define KUBE_WATCH_OVERTIME_USEC (30 * USEC_PER_SEC) /* beyond timeoutSeconds */
#define KUBE_WATCH_SELECTOR_RETRY_USEC (60 * USEC_PER_MIN)

struct kube_watch_config {
	const char *path;           /* "/api/v1/services"; copied */
	const char *field_selector; /* NULL: none; copied */
	const char *label_selector; /* NULL: none; copied */
	/* What field_selector says, for servers that refuse it; NULL only without field_selector.
	 */
	bool (*matches)(const struct json_object *object);
};

enum kube_watch_event {
	KUBE_WATCH_ADDED,
	KUBE_WATCH_MODIFIED,
	KUBE_WATCH_DELETED,
	KUBE_WATCH_EVENT_COUNT
};

enum kube_watch_notice {
	KUBE_WATCH_RECOVERED,        /* the first good answer after an error */
	KUBE_WATCH_NETWORK,          /* no connection, or it broke */
	KUBE_WATCH_TIMEOUT,          /* no answer in time */
	KUBE_WATCH_DEAD,             /* half-open or frozen watch replaced */
	KUBE_WATCH_UNAUTHORIZED,     /* 401: read the token again */
	KUBE_WATCH_FORBIDDEN,        /* 403 */
	KUBE_WATCH_NOT_FOUND,        /* 404 */
	KUBE_WATCH_THROTTLED,        /* 429, 503 */
	KUBE_WATCH_SERVER_ERROR,     /* any other status, and ERROR events */
	KUBE_WATCH_EXPIRED,          /* 410: listed again */
	KUBE_WATCH_SELECTOR_REFUSED, /* 400 */
	KUBE_WATCH_BAD_DATA,         /* not the JSON that it should be */
	KUBE_WATCH_OVERSIZE,         /* a line or page over its cap */
	KUBE_WATCH_BAD_OBJECT,       /* an object without identity was skipped */
	KUBE_WATCH_TOO_MANY,         /* KUBE_WATCH_MAX_OBJECTS reached */
	KUBE_WATCH_RESTORED,         /* the resourceVersion went back */
	KUBE_WATCH_NOTICE_COUNT
};

/* "network", ... */
const char *kube_watch_notice_str(enum kube_watch_notice notice);

struct kube_watch_ops {
	/*
	 * `key` is "namespace/name". `object` is NULL for a DELETED that a list or the local filter
	 * found; it is borrowed for the call (json_object_get() keeps it).
	 */
	void (*object)(
	    void *arg, enum kube_watch_event event, const char *key, struct json_object *object);
	/* A list is complete: what was reported so far is the whole truth. `first` once only. */
	void (*synced)(void *arg, bool first);
	/* For the log; `text` is one line without control characters. */
	void (*notice)(void *arg, enum kube_watch_notice notice, const char *text);
};

enum kube_watch_request {
	KUBE_WATCH_LIST,
	KUBE_WATCH_STREAM,
	KUBE_WATCH_PROBE_LIST,
	KUBE_WATCH_PROBE_STREAM,
	KUBE_WATCH_REQUEST_COUNT
};

enum kube_watch_action_type {
	KUBE_WATCH_START,
	KUBE_WATCH_CANCEL,
	KUBE_WATCH_ACTION_COUNT
};

struct kube_watch_action {
	enum kube_watch_action_type type;
	uint32_t id; /* of the request; every input names it. Nothing more is expected of a
			cancelled one, and what comes anyway is ignored */
	enum kube_watch_request request;
	const char *target; /* START: "/path?query", valid until the next call that is not const */
	bool fresh_connection; /* START: not on a connection that exists */
	bool server_suspect;   /* CANCEL: the server was silent; kube_servers_failed() */
};

/* How a request ended. */
enum kube_watch_end {
	KUBE_WATCH_END_OK,      /* the whole answer came */
	KUBE_WATCH_END_CONNECT, /* refused, unreachable, no name */
	KUBE_WATCH_END_TLS,     /* certificate or handshake refused */
	KUBE_WATCH_END_BROKEN,  /* cut off */
	KUBE_WATCH_END_COUNT
};

enum kube_watch_state {
	KUBE_WATCH_STOPPED,
	KUBE_WATCH_LISTING,
	KUBE_WATCH_WATCHING,
	KUBE_WATCH_WAITING, /* for the end of a back-off */
	KUBE_WATCH_STATE_COUNT
};

const char *kube_watch_state_str(enum kube_watch_state state);

struct kube_watch_stats {
	uint64_t lists, watches, probes; /* requests */
	uint64_t events;                 /* lines of the watch, bookmarks included */
	uint64_t bookmarks;
	uint64_t expired; /* 410 of either kind */
	uint64_t errors;  /* of any kind that led to a back-off */
	uint64_t bad_lines, long_lines, bad_objects, too_many;
	uint64_t missed_deletes; /* DELETED that only a list found */
	uint64_t dead;           /* half-open or frozen watches */
};

struct kube_watch;

/* `ops` must outlive the watch. Nothing happens before kube_watch_start(). */
struct kube_watch *kube_watch_new(const struct kube_watch_config *config,
    const struct kube_watch_ops *ops, void *arg, uint64_t seed);
/* NULL is allowed. Requests under way are forgotten, not cancelled: kube_watch_stop() first. */
void kube_watch_free(struct kube_watch *watch);

/* Begins with a LIST. */
void kube_watch_start(struct kube_watch *watch, mono_t now);
/* Cancels what is under way. What is known stays known; kube_watch_start() lists again. */
void kube_watch_stop(struct kube_watch *watch);
/* Ends a back-off now (new credentials, another server). Nothing else changes. */
void kube_watch_kick(struct kube_watch *watch, mono_t now);
/* The view is in doubt: cancels, and lists at once. */
void kube_watch_relist(struct kube_watch *watch, mono_t now);

/* Call after every input until it gives false; a CANCEL comes before a START. */
bool kube_watch_next_action(struct kube_watch *watch, struct kube_watch_action *ret_action);
/* When to call kube_watch_timer(). */
mono_t kube_watch_deadline(const struct kube_watch *watch);
void kube_watch_timer(struct kube_watch *watch, mono_t now);

/* The status line and header came. retry_after_sec: -1 for none. */
void kube_watch_response(
    struct kube_watch *watch, uint32_t id, int status, int64_t retry_after_sec, mono_t now);
void
kube_watch_chunk(struct kube_watch *watch, uint32_t id, const void *data, size_t len, mono_t now);
/* `text` says why for the notice ("Connection refused"), "" for none. */
void kube_watch_end(
    struct kube_watch *watch, uint32_t id, enum kube_watch_end end, const char *text, mono_t now);

enum kube_watch_state kube_watch_state(const struct kube_watch *watch);
/* A list was complete since kube_watch_new(). */
bool kube_watch_is_synced(const struct kube_watch *watch);
/* When the server last sent a byte of this resource; MONO_ZERO: never. */
mono_t kube_watch_heard(const struct kube_watch *watch);
/* The version that the next WATCH begins at, "" before the first list. */
const char *kube_watch_resource_version(const struct kube_watch *watch);
bool kube_watch_uses_selector(const struct kube_watch *watch);
size_t kube_watch_known(const struct kube_watch *watch);
const struct kube_watch_stats *kube_watch_stats(const struct kube_watch *watch);
/* Bytes of unfinished input that are held (for tests). */
size_t kube_watch_buffered(const struct kube_watch *watch);

#endif
