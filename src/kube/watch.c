/*
 * The machine of watch.h. It has two slots for requests, `main` (LIST or WATCH) and `probe`. What
 * an input leads to ends in one of a few places:
 *
 *	begin()       chooses the next main request: LIST when want_list, else WATCH
 *	fail()        an error: say it, wait, begin() again
 *	list_again()  the version is of no use any more
 *	dead_watch()  the watch is silent and the server is not, or is as well
 *
 * Since each of them may be reached from inside the loop over the lines of a chunk, that loop asks
 * after each line whether its request still is the one under way.
 */
#include "kube/watch.h"

#include <assert.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "kube/error.h"
#include "kube/known.h"
#include "kube/list.h"
#include "kube/object.h"
#include "kube/path.h"
#include "util/mem.h"
#include "util/prng.h"
#include "util/str.h"

#define STREAM_MIN_SEC 300
#define STREAM_MAX_SEC 600
#define PROBE_STREAM_SEC 1
#define BACKOFF_FLOOR_USEC (50 * USEC_PER_MSEC) /* so that no draw of the jitter is a busy loop */
#define SHORT_STREAM_USEC USEC_PER_SEC
#define EXPIRED_AGAIN_USEC (10 * USEC_PER_SEC)
#define MAX_PAGES (2 * KUBE_WATCH_MAX_OBJECTS) /* ends a server's circle of continue tokens */
#define MAX_TOO_LARGE_VERSION 4                /* answers in a row before a new list */
#define KEEP_BUFFER_BYTES (64u << 10)
#define MAX_NOTICE_BYTES 600

static const char *const notice_names[] = {
    [KUBE_WATCH_RECOVERED] = "recovered",
    [KUBE_WATCH_NETWORK] = "network",
    [KUBE_WATCH_TIMEOUT] = "timeout",
    [KUBE_WATCH_DEAD] = "dead-watch",
    [KUBE_WATCH_UNAUTHORIZED] = "unauthorized",
    [KUBE_WATCH_FORBIDDEN] = "forbidden",
    [KUBE_WATCH_NOT_FOUND] = "not-found",
    [KUBE_WATCH_THROTTLED] = "throttled",
    [KUBE_WATCH_SERVER_ERROR] = "server-error",
    [KUBE_WATCH_EXPIRED] = "expired",
    [KUBE_WATCH_SELECTOR_REFUSED] = "selector-refused",
    [KUBE_WATCH_BAD_DATA] = "bad-data",
    [KUBE_WATCH_OVERSIZE] = "oversize",
    [KUBE_WATCH_BAD_OBJECT] = "bad-object",
    [KUBE_WATCH_TOO_MANY] = "too-many-objects",
    [KUBE_WATCH_RESTORED] = "restored",
};
static_assert(sizeof(notice_names) / sizeof(notice_names[0]) == KUBE_WATCH_NOTICE_COUNT,
    "one name per notice");

static const char *const state_names[] = {
    [KUBE_WATCH_STOPPED] = "stopped",
    [KUBE_WATCH_LISTING] = "listing",
    [KUBE_WATCH_WATCHING] = "watching",
    [KUBE_WATCH_WAITING] = "waiting",
};
static_assert(
    sizeof(state_names) / sizeof(state_names[0]) == KUBE_WATCH_STATE_COUNT, "one name per state");

static const char *const end_names[] = {
    [KUBE_WATCH_END_OK] = "closed without an answer",
    [KUBE_WATCH_END_CONNECT] = "cannot connect",
    [KUBE_WATCH_END_TLS] = "TLS refused",
    [KUBE_WATCH_END_BROKEN] = "connection broken",
};
static_assert(sizeof(end_names) / sizeof(end_names[0]) == KUBE_WATCH_END_COUNT, "one name per end");

/* A request and what came of its answer so far. */
struct slot {
	uint32_t id; /* 0: none */
	enum kube_watch_request request;
	bool to_start; /* asked for, not yet taken by kube_watch_next_action() */
	bool fresh_connection;
	int status; /* 0: no answer yet */
	int64_t retry_after_sec;
	mono_t sent, deadline;
	struct strbuf buffer;   /* the unfinished line, or the body of an error */
	struct kube_list *list; /* the body of a LIST */
	/* one that was taken and is not wanted any more */
	uint32_t cancel_id;
	enum kube_watch_request cancel_request;
	bool cancel_suspect;
};

struct kube_watch {
	char *path, *field_selector, *label_selector;
	bool (*matches)(const struct json_object *object);
	const struct kube_watch_ops *ops;
	void *arg;
	struct prng prng;
	struct kube_watch_stats stats;
	enum kube_watch_state state;
	struct slot main, probe;
	uint32_t last_id;
	struct strbuf target;

	struct kube_known known;
	char *version; /* "" before the first list */
	bool synced;
	mono_t heard;

	/* the list under way */
	bool want_list;
	char *list_version;   /* of its first page */
	char *continue_token; /* "" on the first page */
	unsigned page, n_pages;
	bool report_all; /* etcd was restored: equal versions mean nothing */
	bool full;       /* too many objects: said */
	bool unreadable; /* an item could not be identified: delete nothing */

	/* what goes wrong */
	bool selector_off;
	mono_t selector_off_until;
	bool failing;
	int64_t backoff_usec; /* the next one's upper end */
	mono_t retry_at, last_error, last_expired;
	unsigned bad_lines, too_large_versions; /* in a row */

	/* silence */
	mono_t next_probe;
	mono_t stale_at;    /* a probe saw what the watch did not; MONO_NEVER */
	bool frozen_before; /* the watch before was frozen, and no byte came since */
	int64_t stream_sec; /* timeoutSeconds of this watch */
};

const char *
kube_watch_notice_str(enum kube_watch_notice notice)
{
	return notice_names[notice];
}

const char *
kube_watch_state_str(enum kube_watch_state state)
{
	return state_names[state];
}

struct kube_watch *
kube_watch_new(const struct kube_watch_config *config, const struct kube_watch_ops *ops, void *arg,
    uint64_t seed)
{
	struct kube_watch *watch = xcalloc(1, sizeof(*watch));

	assert(!config->field_selector || config->matches);
	watch->path = xstrdup(config->path);
	watch->field_selector = config->field_selector ? xstrdup(config->field_selector) : NULL;
	watch->label_selector = config->label_selector ? xstrdup(config->label_selector) : NULL;
	watch->matches = config->matches;
	watch->ops = ops;
	watch->arg = arg;
	prng_init(&watch->prng, seed);
	watch->version = xstrdup("");
	watch->list_version = xstrdup("");
	watch->continue_token = xstrdup("");
	watch->page = KUBE_WATCH_PAGE;
	watch->backoff_usec = KUBE_WATCH_BACKOFF_MIN_USEC;
	watch->stale_at = watch->next_probe = MONO_NEVER;
	return watch;
}

static void
slot_clear(struct slot *slot)
{
	kube_list_free(slot->list);
	slot->list = NULL;
	strbuf_free(&slot->buffer);
	slot->id = 0;
	slot->to_start = false;
}

void
kube_watch_free(struct kube_watch *watch)
{
	if (!watch)
		return;
	slot_clear(&watch->main);
	slot_clear(&watch->probe);
	kube_known_clear(&watch->known);
	strbuf_free(&watch->target);
	free(watch->version);
	free(watch->list_version);
	free(watch->continue_token);
	free(watch->path);
	free(watch->field_selector);
	free(watch->label_selector);
	free(watch);
}

static void __attribute__((format(printf, 3, 4)))
say(struct kube_watch *watch, enum kube_watch_notice notice, const char *fmt, ...)
{
	struct strbuf text = {0}, clean = {0};
	va_list ap;
	char *p;

	va_start(ap, fmt);
	strbuf_vprintf(&text, fmt, ap);
	va_end(ap);
	kube_json_clean(&clean, strbuf_text(&text), MAX_NOTICE_BYTES);
	for (p = clean.text; p && *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	watch->ops->notice(watch->arg, notice, strbuf_text(&clean));
	strbuf_free(&text);
	strbuf_free(&clean);
}

static void
replace(char **s, const char *value)
{
	char *copy = xstrdup(value);

	free(*s);
	*s = copy;
}

static bool
selector_on(const struct kube_watch *watch)
{
	return watch->field_selector && !watch->selector_off;
}

/* --- requests ------------------------------------------------------------------------------- */

static void
slot_ask(struct kube_watch *watch, struct slot *slot, enum kube_watch_request request,
    int64_t answer_usec, mono_t now)
{
	assert(!slot->id);
	if (!++watch->last_id)
		watch->last_id = 1;
	slot->id = watch->last_id;
	slot->request = request;
	slot->to_start = true;
	slot->fresh_connection = request == KUBE_WATCH_PROBE_LIST || watch->failing;
	slot->status = 0;
	slot->retry_after_sec = -1;
	slot->sent = now;
	slot->deadline = mono_add_usec(now, answer_usec);
}

static void
slot_cancel(struct slot *slot, bool suspect)
{
	if (slot->id && !slot->to_start) {
		slot->cancel_id = slot->id;
		slot->cancel_request = slot->request;
		slot->cancel_suspect = suspect;
	}
	slot_clear(slot);
}

static struct slot *
slot_find(struct kube_watch *watch, uint32_t id)
{
	if (id && watch->main.id == id && !watch->main.to_start)
		return &watch->main;
	if (id && watch->probe.id == id && !watch->probe.to_start)
		return &watch->probe;
	return NULL;
}

static void
add_query(struct strbuf *sb, char separator, const char *name, const char *value)
{
	strbuf_printf(sb, "%c%s=", separator, name);
	kube_path_encode(sb, value);
}

static void
add_selectors(const struct kube_watch *watch, struct strbuf *sb)
{
	if (selector_on(watch))
		add_query(sb, '&', "fieldSelector", watch->field_selector);
	if (watch->label_selector)
		add_query(sb, '&', "labelSelector", watch->label_selector);
}

static void
build_target(struct kube_watch *watch, enum kube_watch_request request)
{
	struct strbuf *sb = &watch->target;

	strbuf_clear(sb);
	strbuf_add(sb, watch->path);
	switch (request) {
	case KUBE_WATCH_LIST:
		strbuf_printf(sb, "?limit=%u", watch->page);
		if (*watch->continue_token)
			add_query(sb, '&', "continue", watch->continue_token);
		break;
	case KUBE_WATCH_PROBE_LIST:
		strbuf_add(sb, "?limit=1");
		break;
	case KUBE_WATCH_STREAM:
		strbuf_printf(sb, "?watch=true&allowWatchBookmarks=true&timeoutSeconds=%" PRId64,
		    watch->stream_sec);
		add_query(sb, '&', "resourceVersion", watch->version);
		break;
	case KUBE_WATCH_PROBE_STREAM:
		strbuf_printf(sb, "?watch=true&timeoutSeconds=%d", PROBE_STREAM_SEC);
		add_query(sb, '&', "resourceVersion", watch->version);
		break;
	case KUBE_WATCH_REQUEST_COUNT:
		break;
	}
	add_selectors(watch, sb);
}

static bool
take_cancel(struct slot *slot, struct kube_watch_action *ret)
{
	if (!slot->cancel_id)
		return false;
	*ret = (struct kube_watch_action){
	    .type = KUBE_WATCH_CANCEL,
	    .id = slot->cancel_id,
	    .request = slot->cancel_request,
	    .server_suspect = slot->cancel_suspect,
	};
	slot->cancel_id = 0;
	return true;
}

static bool
take_start(struct kube_watch *watch, struct slot *slot, struct kube_watch_action *ret)
{
	if (!slot->to_start)
		return false;
	slot->to_start = false;
	build_target(watch, slot->request);
	*ret = (struct kube_watch_action){
	    .type = KUBE_WATCH_START,
	    .id = slot->id,
	    .request = slot->request,
	    .target = strbuf_text(&watch->target),
	    .fresh_connection = slot->fresh_connection,
	};
	return true;
}

bool
kube_watch_next_action(struct kube_watch *watch, struct kube_watch_action *ret_action)
{
	return take_cancel(&watch->main, ret_action) || take_cancel(&watch->probe, ret_action) ||
	    take_start(watch, &watch->main, ret_action) ||
	    take_start(watch, &watch->probe, ret_action);
}

/* --- what happens next ---------------------------------------------------------------------- */

static void list_item(void *arg, enum kube_cause cause, struct json_object *item);

static void
begin_list(struct kube_watch *watch, mono_t now)
{
	if (!*watch->continue_token) {
		kube_known_begin(&watch->known);
		watch->n_pages = 0;
		watch->unreadable = watch->full = false;
		if (watch->selector_off && mono_reached(now, watch->selector_off_until))
			watch->selector_off = false;
	}
	watch->state = KUBE_WATCH_LISTING;
	watch->stats.lists++;
	slot_ask(watch, &watch->main, KUBE_WATCH_LIST, KUBE_WATCH_ANSWER_USEC, now);
	watch->main.list = kube_list_new(list_item, watch);
}

static void
begin_stream(struct kube_watch *watch, mono_t now)
{
	watch->state = KUBE_WATCH_WATCHING;
	watch->stats.watches++;
	watch->stream_sec = STREAM_MIN_SEC +
	    (int64_t)prng_below(&watch->prng, STREAM_MAX_SEC - STREAM_MIN_SEC + 1);
	watch->next_probe = mono_add_usec(
	    now, watch->failing ? KUBE_WATCH_RESUME_SILENCE_USEC : KUBE_WATCH_SILENCE_USEC);
	slot_ask(watch, &watch->main, KUBE_WATCH_STREAM, KUBE_WATCH_ANSWER_USEC, now);
}

/* Ends what is under way. */
static void
halt(struct kube_watch *watch, bool suspect)
{
	slot_cancel(&watch->main, suspect);
	slot_cancel(&watch->probe, false);
	watch->next_probe = watch->stale_at = MONO_NEVER;
}

static void
begin(struct kube_watch *watch, mono_t now)
{
	halt(watch, false);
	if (watch->want_list)
		begin_list(watch, now);
	else
		begin_stream(watch, now);
}

/* Lists from the first page on. */
static void
list_again(struct kube_watch *watch, mono_t now)
{
	watch->want_list = true;
	replace(&watch->continue_token, "");
	begin(watch, now);
}

/* Full jitter: anything from nothing to the upper end, so that a thousand nodes do not come back
 * together. */
static int64_t
next_delay(struct kube_watch *watch, int64_t retry_after_sec, mono_t now)
{
	int64_t delay, wanted = retry_after_sec * USEC_PER_SEC;

	if (mono_diff_usec(now, watch->last_error) > KUBE_WATCH_BACKOFF_RESET_USEC)
		watch->backoff_usec = KUBE_WATCH_BACKOFF_MIN_USEC;
	watch->last_error = now;
	delay = (int64_t)prng_below(&watch->prng, (uint64_t)watch->backoff_usec + 1);
	watch->backoff_usec *= 2;
	if (watch->backoff_usec > KUBE_WATCH_BACKOFF_MAX_USEC)
		watch->backoff_usec = KUBE_WATCH_BACKOFF_MAX_USEC;
	if (wanted > KUBE_WATCH_RETRY_AFTER_MAX_USEC)
		wanted = KUBE_WATCH_RETRY_AFTER_MAX_USEC;
	if (wanted > delay)
		delay = wanted + (int64_t)prng_below(&watch->prng, USEC_PER_SEC);
	return delay < BACKOFF_FLOOR_USEC ? BACKOFF_FLOOR_USEC : delay;
}

/* Waits, then goes on with what want_list says. The notice is the caller's. */
static void
wait_for_retry(struct kube_watch *watch, int64_t retry_after_sec, bool suspect, mono_t now)
{
	halt(watch, suspect);
	watch->stats.errors++;
	watch->failing = true;
	watch->state = KUBE_WATCH_WAITING;
	watch->retry_at = mono_add_usec(now, next_delay(watch, retry_after_sec, now));
}

static const char *
doing(const struct kube_watch *watch)
{
	return watch->state == KUBE_WATCH_LISTING ? "list" : "watch";
}

static void
fail(struct kube_watch *watch, enum kube_watch_notice notice, const char *what, const char *why,
    mono_t now)
{
	say(watch, notice, "%s %s: %s%s%s", doing(watch), watch->path, what, *why ? ": " : "", why);
	wait_for_retry(watch, -1, false, now);
}

static void
timed_out(struct kube_watch *watch, const char *what, mono_t now)
{
	say(watch, KUBE_WATCH_TIMEOUT, "%s %s: %s", doing(watch), watch->path, what);
	wait_for_retry(watch, -1, true, now);
}

/* 410 in any form. At once, but not in a circle with a server that always says so. */
static void
expired(struct kube_watch *watch, const char *message, mono_t now)
{
	bool again = watch->stats.expired &&
	    mono_diff_usec(now, watch->last_expired) < EXPIRED_AGAIN_USEC;

	watch->stats.expired++;
	watch->last_expired = now;
	say(watch, KUBE_WATCH_EXPIRED, "%s %s: %s; listing again", doing(watch), watch->path,
	    message);
	replace(&watch->continue_token, "");
	watch->want_list = true;
	if (again)
		wait_for_retry(watch, -1, false, now);
	else
		begin(watch, now);
}

/* A silent watch: `frozen` when the server answers and only the watch does not. */
static void
dead_watch(struct kube_watch *watch, bool frozen, const char *why, mono_t now)
{
	watch->stats.dead++;
	say(watch, KUBE_WATCH_DEAD, "watch %s: silent since %" PRId64 " s, %s", watch->path,
	    mono_diff_usec(now, watch->heard) / USEC_PER_SEC, why);
	if (frozen && watch->frozen_before)
		watch->want_list = true;
	if (!frozen || watch->frozen_before) {
		watch->frozen_before = frozen;
		wait_for_retry(watch, -1, true, now);
		return;
	}
	watch->frozen_before = true;
	watch->failing = true;
	halt(watch, true);
	begin(watch, now);
}

static void
restored(struct kube_watch *watch, const char *version, mono_t now)
{
	say(watch, KUBE_WATCH_RESTORED,
	    "%s: resourceVersion went back from %s to %s (a restored etcd?); listing again",
	    watch->path, watch->version, version);
	watch->report_all = true;
	list_again(watch, now);
}

/* --- objects -------------------------------------------------------------------------------- */

static bool
is_number(const char *s)
{
	return *s && s[strspn(s, "0123456789")] == '\0';
}

/* Only where both are decimal numbers: false otherwise. */
static bool
version_is_older(const char *a, const char *b)
{
	if (!is_number(a) || !is_number(b))
		return false;
	a += strspn(a, "0");
	b += strspn(b, "0");
	if (strlen(a) != strlen(b))
		return strlen(a) < strlen(b);
	return strcmp(a, b) < 0;
}

static void
gone(void *arg, const char *key)
{
	struct kube_watch *watch = arg;

	watch->ops->object(watch->arg, KUBE_WATCH_DELETED, key, NULL);
}

static void
bad_object(struct kube_watch *watch, enum kube_cause cause)
{
	watch->stats.bad_objects++;
	/* Once per list; the statistics have them all. */
	if (!watch->unreadable)
		say(watch, KUBE_WATCH_BAD_OBJECT, "%s: an object was skipped: %s", watch->path,
		    kube_cause_str(cause));
	watch->unreadable = true;
}

/* An object as it is now, from a list or a watch. */
static void
observe(struct kube_watch *watch, struct json_object *object)
{
	char key[KUBE_OBJECT_MAX_KEY + 1];
	struct kube_object_id id;
	enum kube_cause cause = kube_object_id(object, &id);
	enum kube_watch_event event = KUBE_WATCH_MODIFIED;

	if (cause) {
		bad_object(watch, cause);
		return;
	}
	kube_object_key(&id, key);
	if (watch->field_selector && watch->selector_off && !watch->matches(object)) {
		if (kube_known_remove(&watch->known, key))
			gone(watch, key);
		return;
	}
	switch (kube_known_put(&watch->known, key, &id, KUBE_WATCH_MAX_OBJECTS)) {
	case KUBE_KNOWN_NEW:
		event = KUBE_WATCH_ADDED;
		break;
	case KUBE_KNOWN_CHANGED:
		break;
	case KUBE_KNOWN_SAME:
		if (!watch->report_all)
			return;
		break;
	case KUBE_KNOWN_FULL:
		watch->stats.too_many++;
		if (watch->full)
			return;
		watch->full = true;
		say(watch, KUBE_WATCH_TOO_MANY, "%s: %d objects are known, %s is left out",
		    watch->path, KUBE_WATCH_MAX_OBJECTS, key);
		return;
	case KUBE_KNOWN_CHANGE_COUNT:
		return;
	}
	watch->ops->object(watch->arg, event, key, object);
}

static void
observe_deleted(struct kube_watch *watch, struct json_object *object)
{
	char key[KUBE_OBJECT_MAX_KEY + 1];
	struct kube_object_id id;
	enum kube_cause cause = kube_object_id(object, &id);

	if (cause) {
		bad_object(watch, cause);
		return;
	}
	kube_object_key(&id, key);
	if (kube_known_remove(&watch->known, key))
		watch->ops->object(watch->arg, KUBE_WATCH_DELETED, key, object);
}

static void
list_item(void *arg, enum kube_cause cause, struct json_object *item)
{
	struct kube_watch *watch = arg;

	if (cause)
		bad_object(watch, cause);
	else
		observe(watch, item);
}

/* --- lists ---------------------------------------------------------------------------------- */

static void
list_refused(struct kube_watch *watch, enum kube_cause cause, mono_t now)
{
	bool oversize = cause == KUBE_TOO_LARGE;

	/* Fewer objects a page; one alone is under the cap, or will be skipped. */
	if (oversize && watch->page > 1)
		watch->page /= 2;
	watch->stats.bad_lines += !oversize;
	watch->stats.long_lines += oversize;
	replace(&watch->continue_token, "");
	fail(watch, oversize ? KUBE_WATCH_OVERSIZE : KUBE_WATCH_BAD_DATA, "the answer was refused",
	    kube_cause_str(cause), now);
}

static void
list_complete(struct kube_watch *watch, mono_t now)
{
	bool first = !watch->synced;

	if (!watch->unreadable)
		watch->stats.missed_deletes += kube_known_sweep(&watch->known, gone, watch);
	replace(&watch->version, watch->list_version);
	replace(&watch->continue_token, "");
	watch->page = KUBE_WATCH_PAGE;
	watch->want_list = watch->report_all = false;
	watch->bad_lines = watch->too_large_versions = 0;
	watch->synced = true;
	watch->ops->synced(watch->arg, first);
	begin(watch, now);
}

static void
list_page_end(struct kube_watch *watch, mono_t now)
{
	struct kube_list_meta meta;
	enum kube_cause cause = kube_list_finish(watch->main.list, &meta);

	if (cause) {
		list_refused(watch, cause, now);
		return;
	}
	if (!*watch->continue_token) {
		if (!watch->report_all && version_is_older(meta.resource_version, watch->version)) {
			mem_cleanup(mem_freep) char *version = xstrdup(meta.resource_version);

			restored(watch, version, now);
			return;
		}
		/* A later page may be of a later version when its token was half expired: resume
		 * from the first, which has missed nothing. */
		replace(&watch->list_version, meta.resource_version);
	}
	replace(&watch->continue_token, meta.continue_token);
	if (!*watch->continue_token) {
		list_complete(watch, now);
	} else if (++watch->n_pages >= MAX_PAGES) {
		list_refused(watch, KUBE_TOO_LARGE, now);
	} else {
		slot_clear(&watch->main);
		begin_list(watch, now);
	}
}

/* --- refusals ------------------------------------------------------------------------------- */

static enum kube_watch_notice
notice_of(const struct kube_error *error)
{
	switch (error->code) {
	case 401:
		return KUBE_WATCH_UNAUTHORIZED;
	case 403:
		return KUBE_WATCH_FORBIDDEN;
	case 404:
		return KUBE_WATCH_NOT_FOUND;
	case 429:
	case 503:
		return KUBE_WATCH_THROTTLED;
	default:
		return KUBE_WATCH_SERVER_ERROR;
	}
}

/* Our version is of the future: the server is behind, so wait. If it stays so, ask for a list,
 * which is always of now. */
static void
version_too_large(struct kube_watch *watch)
{
	if (watch->state == KUBE_WATCH_WATCHING &&
	    ++watch->too_large_versions >= MAX_TOO_LARGE_VERSION)
		watch->want_list = true;
}

/* 400: the selector, a token, or a version that this server cannot read. */
static bool
bad_request(struct kube_watch *watch, const struct kube_error *error, mono_t now)
{
	if (selector_on(watch) && !*watch->continue_token) {
		watch->selector_off = true;
		watch->selector_off_until = mono_add_usec(now, KUBE_WATCH_SELECTOR_RETRY_USEC);
		say(watch, KUBE_WATCH_SELECTOR_REFUSED,
		    "%s %s: the server refuses fieldSelector=%s (%s); filtering here", doing(watch),
		    watch->path, watch->field_selector, error->message);
		begin(watch, now);
		return true;
	}
	watch->want_list = true;
	replace(&watch->continue_token, "");
	return false;
}

/* An answer other than 200, or an ERROR event. */
static void
refused(struct kube_watch *watch, const struct kube_error *error, mono_t now)
{
	if (kube_error_is_expired(error)) {
		expired(watch, error->message, now);
		return;
	}
	if (error->code == 400 && bad_request(watch, error, now))
		return;
	if (error->resource_version_too_large)
		version_too_large(watch);
	say(watch, notice_of(error), "%s %s: %d: %s", doing(watch), watch->path, error->code,
	    error->message);
	wait_for_retry(watch, error->retry_after_sec, false, now);
}

static void
main_refused(struct kube_watch *watch, mono_t now)
{
	const struct slot *slot = &watch->main;
	struct kube_error error;

	kube_error_decode(slot->status, slot->retry_after_sec, strbuf_text(&slot->buffer),
	    slot->buffer.len, &error);
	refused(watch, &error, now);
}

/* --- the stream ----------------------------------------------------------------------------- */

static void
bad_line(struct kube_watch *watch, const char *why, mono_t now)
{
	watch->stats.bad_lines++;
	/* The same again: whatever stands there, it must be passed by. */
	if (++watch->bad_lines >= 2)
		watch->want_list = true;
	fail(watch, KUBE_WATCH_BAD_DATA, "a line of the stream was refused", why, now);
}

static void
long_line(struct kube_watch *watch, mono_t now)
{
	watch->stats.long_lines++;
	watch->want_list = true;
	fail(watch, KUBE_WATCH_OVERSIZE, "a line of the stream was refused",
	    kube_cause_str(KUBE_TOO_LARGE), now);
}

static void
stream_event(struct kube_watch *watch, const char *type, struct json_object *object, mono_t now)
{
	struct kube_error error;
	const char *version;

	if (str_eq(type, "ERROR")) {
		kube_error_from_object(object, &error);
		refused(watch, &error, now);
		return;
	}
	if (str_eq(type, "BOOKMARK")) {
		watch->stats.bookmarks++;
	} else if (str_eq(type, "ADDED") || str_eq(type, "MODIFIED")) {
		observe(watch, object);
	} else if (str_eq(type, "DELETED")) {
		observe_deleted(watch, object);
	} else {
		bad_line(watch, "unknown type of event", now);
		return;
	}
	watch->bad_lines = watch->too_large_versions = 0;
	version = kube_object_version(object);
	if (*version)
		replace(&watch->version, version);
}

static void
stream_line(struct kube_watch *watch, const char *line, size_t len, mono_t now)
{
	struct json_object *event, *object;
	enum kube_cause cause = kube_json_parse(line, len, KUBE_WATCH_MAX_LINE, &event);
	const char *type;

	if (cause) {
		bad_line(watch, kube_cause_str(cause), now);
		return;
	}
	watch->stats.events++;
	if (kube_json_string(event, "type", &type) != KUBE_JSON_FOUND ||
	    kube_json_object(event, "object", &object) != KUBE_JSON_FOUND)
		bad_line(watch, "no type or no object", now);
	else
		stream_event(watch, type, object, now);
	json_object_put(event);
}

static bool
is_blank(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (s[i] != ' ' && s[i] != '\t' && s[i] != '\r' && s[i] != '\n')
			return false;
	return true;
}

typedef void line_fn(struct kube_watch *watch, const char *line, size_t len, mono_t now);

/* Hands out whole lines; false when one is over the cap. Stops when `fn` ended the request. */
static bool
cut_lines(struct kube_watch *watch, struct slot *slot, line_fn *fn, const char *data, size_t len,
    mono_t now)
{
	uint32_t id = slot->id;

	while (len && slot->id == id) {
		const char *newline = memchr(data, '\n', len);
		size_t n = newline ? (size_t)(newline - data) : len;

		if (n > KUBE_WATCH_MAX_LINE - slot->buffer.len)
			return false;
		if (!newline) {
			strbuf_addn(&slot->buffer, data, n);
			return true;
		}
		if (slot->buffer.len) {
			struct strbuf line = slot->buffer;

			/* `fn` may end the request, and with it the slot's buffer. */
			slot->buffer = (struct strbuf){0};
			strbuf_addn(&line, data, n);
			if (!is_blank(line.text, line.len))
				fn(watch, line.text, line.len, now);
			if (slot->id == id && line.cap <= KEEP_BUFFER_BYTES) {
				strbuf_clear(&line);
				slot->buffer = line;
			} else {
				strbuf_free(&line);
			}
		} else if (!is_blank(data, n)) {
			fn(watch, data, n, now);
		}
		data += n + 1;
		len -= n + 1;
	}
	return true;
}

static void
stream_chunk(struct kube_watch *watch, const char *data, size_t len, mono_t now)
{
	if (!cut_lines(watch, &watch->main, stream_line, data, len, now))
		long_line(watch, now);
}

static void
stream_end(struct kube_watch *watch, mono_t now)
{
	const struct strbuf *rest = &watch->main.buffer;

	if (!is_blank(strbuf_text(rest), rest->len)) {
		bad_line(watch, "cut off", now);
		return;
	}
	/* A server that ends every watch at once must not be asked in a circle. */
	if (mono_diff_usec(now, watch->main.sent) < SHORT_STREAM_USEC) {
		fail(watch, KUBE_WATCH_SERVER_ERROR, "ended at once", "", now);
		return;
	}
	begin(watch, now);
}

/* --- probes --------------------------------------------------------------------------------- */

static void
probe_item(void *arg, enum kube_cause cause, struct json_object *item)
{
	(void)arg;
	(void)cause;
	(void)item;
}

static void
probe_done(struct kube_watch *watch, mono_t now)
{
	slot_cancel(&watch->probe, false);
	watch->next_probe = mono_add_usec(now, KUBE_WATCH_SILENCE_USEC);
}

static void
probe_list(struct kube_watch *watch, mono_t now)
{
	watch->stats.probes++;
	watch->next_probe = MONO_NEVER;
	slot_ask(watch, &watch->probe, KUBE_WATCH_PROBE_LIST, KUBE_WATCH_PROBE_USEC, now);
	watch->probe.list = kube_list_new(probe_item, NULL);
}

static void
probe_list_end(struct kube_watch *watch, mono_t now)
{
	struct kube_list_meta meta;

	if (kube_list_finish(watch->probe.list, &meta)) {
		/* Something answers, but not as an API server does. */
		dead_watch(watch, false, "and the server's answer to a list is not one", now);
	} else if (str_eq(meta.resource_version, watch->version)) {
		probe_done(watch, now);
	} else if (version_is_older(meta.resource_version, watch->version)) {
		mem_cleanup(mem_freep) char *version = xstrdup(meta.resource_version);

		restored(watch, version, now);
	} else {
		slot_clear(&watch->probe);
		watch->stats.probes++;
		slot_ask(watch, &watch->probe, KUBE_WATCH_PROBE_STREAM, KUBE_WATCH_PROBE_USEC, now);
	}
}

/* The watch has not told of what is there since its last version. It may be on its way. */
static void
probe_found(struct kube_watch *watch, mono_t now)
{
	slot_cancel(&watch->probe, false);
	watch->next_probe = MONO_NEVER;
	watch->stale_at = mono_add_usec(now, KUBE_WATCH_GRACE_USEC);
}

static void
probe_line(struct kube_watch *watch, const char *line, size_t len, mono_t now)
{
	struct json_object *event, *object = NULL;
	struct kube_error error;
	const char *type;

	if (kube_json_parse(line, len, KUBE_WATCH_MAX_LINE, &event)) {
		probe_done(watch, now);
		return;
	}
	type = kube_json_string_or(event, "type", "");
	(void)kube_json_object(event, "object", &object);
	if (str_eq(type, "ERROR")) {
		kube_error_from_object(object, &error);
		if (kube_error_is_expired(&error))
			probe_found(watch, now);
		else
			probe_done(watch, now);
	} else if (!str_eq(type, "BOOKMARK")) {
		probe_found(watch, now);
	}
	json_object_put(event);
}

/* A status other than 200 to a probe. */
static void
probe_refused(struct kube_watch *watch, mono_t now)
{
	int status = watch->probe.status;

	if (status == 410)
		probe_found(watch, now);
	else if (status >= 500 && status != 503)
		dead_watch(watch, false, "and the server answers with an error", now);
	else
		probe_done(watch, now); /* it lives, and has its reasons */
}

static void
probe_chunk(struct kube_watch *watch, const char *data, size_t len, mono_t now)
{
	struct slot *slot = &watch->probe;

	if (slot->status != 200)
		return;
	if (slot->request == KUBE_WATCH_PROBE_LIST)
		(void)kube_list_feed(slot->list, data, len);
	else if (!cut_lines(watch, slot, probe_line, data, len, now))
		probe_found(watch, now);
}

static void
probe_end(struct kube_watch *watch, enum kube_watch_end end, mono_t now)
{
	struct slot *slot = &watch->probe;

	if (end != KUBE_WATCH_END_OK || !slot->status)
		dead_watch(watch, false, "and the server cannot be reached", now);
	else if (slot->status != 200)
		probe_refused(watch, now);
	else if (slot->request == KUBE_WATCH_PROBE_LIST)
		probe_list_end(watch, now);
	else
		probe_done(watch, now);
}

/* Any byte on the watch answers what the probe asked. */
static void
main_heard(struct kube_watch *watch, mono_t now)
{
	watch->heard = now;
	if (watch->state != KUBE_WATCH_WATCHING)
		return;
	watch->frozen_before = false;
	watch->stale_at = MONO_NEVER;
	probe_done(watch, now);
}

/* --- inputs --------------------------------------------------------------------------------- */

void
kube_watch_start(struct kube_watch *watch, mono_t now)
{
	if (watch->state == KUBE_WATCH_STOPPED)
		list_again(watch, now);
}

void
kube_watch_stop(struct kube_watch *watch)
{
	halt(watch, false);
	watch->state = KUBE_WATCH_STOPPED;
}

void
kube_watch_kick(struct kube_watch *watch, mono_t now)
{
	if (watch->state == KUBE_WATCH_WAITING)
		begin(watch, now);
}

void
kube_watch_relist(struct kube_watch *watch, mono_t now)
{
	if (watch->state != KUBE_WATCH_STOPPED)
		list_again(watch, now);
}

mono_t
kube_watch_deadline(const struct kube_watch *watch)
{
	mono_t deadline = MONO_NEVER;

	if (watch->state == KUBE_WATCH_WAITING)
		return watch->retry_at;
	if (watch->main.id)
		deadline = watch->main.deadline;
	if (watch->probe.id)
		deadline = mono_min(deadline, watch->probe.deadline);
	return mono_min(deadline, mono_min(watch->next_probe, watch->stale_at));
}

static void
main_timer(struct kube_watch *watch, mono_t now)
{
	struct slot *slot = &watch->main;

	if (!slot->status)
		timed_out(watch, "no answer in time", now);
	else if (slot->status != 200)
		main_refused(watch, now);
	else if (slot->request == KUBE_WATCH_LIST)
		timed_out(watch, "the answer stopped half-way, or took too long", now);
	else
		begin(watch, now); /* over its time: the server forgot to end it */
}

void
kube_watch_timer(struct kube_watch *watch, mono_t now)
{
	if (watch->state == KUBE_WATCH_WAITING) {
		if (mono_reached(now, watch->retry_at))
			begin(watch, now);
	} else if (watch->main.id && mono_reached(now, watch->main.deadline)) {
		main_timer(watch, now);
	} else if (watch->probe.id && mono_reached(now, watch->probe.deadline)) {
		dead_watch(watch, false, "and the server does not answer", now);
	} else if (mono_reached(now, watch->stale_at)) {
		dead_watch(watch, true, "but there is news: frozen", now);
	} else if (mono_reached(now, watch->next_probe)) {
		/* Without a status line there is main.deadline. */
		if (watch->main.status == 200)
			probe_list(watch, now);
		else
			watch->next_probe = MONO_NEVER;
	}
}

static void
set_main_deadline(struct kube_watch *watch, mono_t now)
{
	struct slot *slot = &watch->main;

	if (slot->request == KUBE_WATCH_STREAM && slot->status == 200)
		slot->deadline = mono_add_usec(
		    slot->sent, watch->stream_sec * USEC_PER_SEC + KUBE_WATCH_OVERTIME_USEC);
	else
		slot->deadline = mono_min(mono_add_usec(now, KUBE_WATCH_LIST_IDLE_USEC),
		    mono_add_usec(slot->sent, KUBE_WATCH_LIST_TOTAL_USEC));
}

void
kube_watch_response(
    struct kube_watch *watch, uint32_t id, int status, int64_t retry_after_sec, mono_t now)
{
	struct slot *slot = slot_find(watch, id);

	if (!slot || slot->status)
		return;
	slot->status = status;
	slot->retry_after_sec = retry_after_sec;
	if (slot != &watch->main)
		return;
	set_main_deadline(watch, now);
	if (status != 200)
		return;
	watch->heard = now;
	if (slot->request == KUBE_WATCH_STREAM)
		watch->next_probe = mono_add_usec(
		    now, watch->failing ? KUBE_WATCH_RESUME_SILENCE_USEC : KUBE_WATCH_SILENCE_USEC);
	if (watch->failing)
		say(watch, KUBE_WATCH_RECOVERED, "%s %s: the server answers again", doing(watch),
		    watch->path);
	watch->failing = false;
}

/* The body of a refusal, as far as it is worth reading. */
static void
keep_body(struct slot *slot, const char *data, size_t len)
{
	size_t room = KUBE_ERROR_MAX_BODY - slot->buffer.len;

	strbuf_addn(&slot->buffer, data, len < room ? len : room);
}

void
kube_watch_chunk(struct kube_watch *watch, uint32_t id, const void *data, size_t len, mono_t now)
{
	struct slot *slot = slot_find(watch, id);
	enum kube_cause cause;

	if (!slot || !slot->status || !len)
		return;
	if (slot == &watch->probe) {
		probe_chunk(watch, data, len, now);
		return;
	}
	set_main_deadline(watch, now);
	if (slot->status != 200) {
		keep_body(slot, data, len);
		return;
	}
	main_heard(watch, now);
	if (slot->request == KUBE_WATCH_STREAM) {
		stream_chunk(watch, data, len, now);
		return;
	}
	cause = kube_list_feed(slot->list, data, len);
	if (cause)
		list_refused(watch, cause, now);
}

static void
main_end(struct kube_watch *watch, enum kube_watch_end end, const char *text, mono_t now)
{
	struct slot *slot = &watch->main;

	if (slot->status && slot->status != 200)
		main_refused(watch, now);
	else if (end != KUBE_WATCH_END_OK || !slot->status)
		fail(watch, KUBE_WATCH_NETWORK, end_names[end], text, now);
	else if (slot->request == KUBE_WATCH_LIST)
		list_page_end(watch, now);
	else
		stream_end(watch, now);
}

void
kube_watch_end(
    struct kube_watch *watch, uint32_t id, enum kube_watch_end end, const char *text, mono_t now)
{
	struct slot *slot = slot_find(watch, id);

	if (!slot)
		return;
	/* It is over: whatever ends the slot now must not ask for its cancellation. */
	if (slot == &watch->main)
		main_end(watch, end, text, now);
	else
		probe_end(watch, end, now);
	if (watch->main.cancel_id == id)
		watch->main.cancel_id = 0;
	if (watch->probe.cancel_id == id)
		watch->probe.cancel_id = 0;
}

/* --- questions ------------------------------------------------------------------------------ */

enum kube_watch_state
kube_watch_state(const struct kube_watch *watch)
{
	return watch->state;
}

bool
kube_watch_is_synced(const struct kube_watch *watch)
{
	return watch->synced;
}

mono_t
kube_watch_heard(const struct kube_watch *watch)
{
	return watch->heard;
}

const char *
kube_watch_resource_version(const struct kube_watch *watch)
{
	return watch->version;
}

bool
kube_watch_uses_selector(const struct kube_watch *watch)
{
	return selector_on(watch);
}

size_t
kube_watch_known(const struct kube_watch *watch)
{
	return kube_known_count(&watch->known);
}

const struct kube_watch_stats *
kube_watch_stats(const struct kube_watch *watch)
{
	return &watch->stats;
}

size_t
kube_watch_buffered(const struct kube_watch *watch)
{
	size_t n = watch->main.buffer.len + watch->probe.buffer.len;

	if (watch->main.list)
		n += kube_list_buffered(watch->main.list);
	if (watch->probe.list)
		n += kube_list_buffered(watch->probe.list);
	return n;
}
