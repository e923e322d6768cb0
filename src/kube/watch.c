/*
 * The machine of watch.h. It has two slots for requests (watch_slot), `main` for LIST or WATCH and
 * the one of the probe of silent watches (watch_probe); what lists and streams show goes to the
 *view (watch_view). What an input leads to ends in one of a few places:
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

#include "kube/error.h"
#include "kube/list.h"
#include "kube/object.h"
#include "kube/watch_backoff.h"
#include "kube/watch_notice.h"
#include "kube/watch_probe.h"
#include "kube/watch_slot.h"
#include "kube/watch_target.h"
#include "kube/watch_view.h"
#include "util/mem.h"
#include "util/prng.h"
#include "util/str.h"

#define STREAM_MIN_SEC 300
#define STREAM_MAX_SEC 600
#define SHORT_STREAM_USEC USEC_PER_SEC
#define EXPIRED_AGAIN_USEC (10 * USEC_PER_SEC)
#define MAX_PAGES (2 * KUBE_WATCH_MAX_OBJECTS) /* ends a server's circle of continue tokens */
#define MAX_TOO_LARGE_VERSION 4                /* answers in a row before a new list */

#define say(watch, ...) kube_watch_say(&(watch)->view.owner, __VA_ARGS__)

static const char *const state_names[] = {
    [KUBE_WATCH_STOPPED] = "stopped",
    [KUBE_WATCH_LISTING] = "listing",
    [KUBE_WATCH_WATCHING] = "watching",
    [KUBE_WATCH_WAITING] = "waiting",
};
static_assert(
    sizeof(state_names) / sizeof(state_names[0]) == KUBE_WATCH_STATE_COUNT, "one name per state");

struct kube_watch {
	char *path, *field_selector, *label_selector;
	struct prng prng;
	struct kube_watch_stats stats;
	enum kube_watch_state state;
	struct kube_watch_slot main;
	struct kube_watch_probe probe;
	uint32_t last_id;
	struct strbuf target;

	struct kube_watch_view view;
	char *version; /* "" before the first list */
	bool synced;
	mono_t heard;

	/* the list under way */
	bool want_list;
	char *list_version;   /* of its first page */
	char *continue_token; /* "" on the first page */
	unsigned page, n_pages;

	/* what goes wrong */
	mono_t filtering_until; /* while view.filtering */
	bool failing;
	struct kube_watch_backoff backoff;
	mono_t retry_at, last_expired;
	unsigned bad_lines, too_large_versions; /* in a row */

	int64_t stream_sec; /* timeoutSeconds of this watch */
	bool frozen_before; /* the watch before was frozen, and no byte came since */
};

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
	watch->view = (struct kube_watch_view){
	    .owner = {ops, arg},
	    .path = watch->path,
	    .matches = config->matches,
	    .stats = &watch->stats,
	};
	prng_init(&watch->prng, seed);
	watch->version = xstrdup("");
	watch->list_version = xstrdup("");
	watch->continue_token = xstrdup("");
	watch->page = KUBE_WATCH_PAGE;
	kube_watch_backoff_init(&watch->backoff);
	kube_watch_probe_init(&watch->probe, &watch->last_id, &watch->stats.probes);
	return watch;
}

void
kube_watch_free(struct kube_watch *watch)
{
	if (!watch)
		return;
	kube_watch_slot_clear(&watch->main);
	kube_watch_slot_clear(&watch->probe.slot);
	kube_known_clear(&watch->view.known);
	strbuf_free(&watch->target);
	free(watch->version);
	free(watch->list_version);
	free(watch->continue_token);
	free(watch->path);
	free(watch->field_selector);
	free(watch->label_selector);
	free(watch);
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
	return watch->field_selector && !watch->view.filtering;
}

/* --- requests ------------------------------------------------------------------------------- */

static struct kube_watch_slot *
slot_find(struct kube_watch *watch, uint32_t id)
{
	if (kube_watch_slot_is(&watch->main, id))
		return &watch->main;
	return kube_watch_slot_is(&watch->probe.slot, id) ? &watch->probe.slot : NULL;
}

static bool
take_start(struct kube_watch *watch, struct kube_watch_slot *slot, struct kube_watch_action *ret)
{
	if (!slot->to_start)
		return false;
	slot->to_start = false;
	kube_watch_target_build(
	    &(struct kube_watch_target){
		.path = watch->path,
		.field_selector = selector_on(watch) ? watch->field_selector : NULL,
		.label_selector = watch->label_selector,
		.page = watch->page,
		.continue_token = watch->continue_token,
		.version = watch->version,
		.timeout_sec = watch->stream_sec,
	    },
	    slot->request, &watch->target);
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
	return kube_watch_slot_take_cancel(&watch->main, ret_action) ||
	    kube_watch_slot_take_cancel(&watch->probe.slot, ret_action) ||
	    take_start(watch, &watch->main, ret_action) ||
	    take_start(watch, &watch->probe.slot, ret_action);
}

/* --- what happens next ---------------------------------------------------------------------- */

static void
begin_list(struct kube_watch *watch, mono_t now)
{
	if (!*watch->continue_token) {
		kube_watch_view_begin(&watch->view);
		watch->n_pages = 0;
		if (watch->view.filtering && mono_reached(now, watch->filtering_until))
			watch->view.filtering = false;
	}
	watch->state = KUBE_WATCH_LISTING;
	watch->stats.lists++;
	kube_watch_slot_ask(&watch->main, &watch->last_id, KUBE_WATCH_LIST, watch->failing,
	    KUBE_WATCH_ANSWER_USEC, now);
	watch->main.list = kube_list_new(kube_watch_view_item, &watch->view);
}

static void
expect_silence(struct kube_watch *watch, mono_t now)
{
	kube_watch_probe_expect(&watch->probe,
	    watch->failing ? KUBE_WATCH_RESUME_SILENCE_USEC : KUBE_WATCH_SILENCE_USEC, now);
}

static void
begin_stream(struct kube_watch *watch, mono_t now)
{
	watch->state = KUBE_WATCH_WATCHING;
	watch->stats.watches++;
	watch->stream_sec = STREAM_MIN_SEC +
	    (int64_t)prng_below(&watch->prng, STREAM_MAX_SEC - STREAM_MIN_SEC + 1);
	expect_silence(watch, now);
	kube_watch_slot_ask(&watch->main, &watch->last_id, KUBE_WATCH_STREAM, watch->failing,
	    KUBE_WATCH_ANSWER_USEC, now);
}

/* Ends what is under way. */
static void
halt(struct kube_watch *watch, bool suspect)
{
	kube_watch_slot_cancel(&watch->main, suspect);
	kube_watch_probe_stop(&watch->probe);
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

/* Waits, then goes on with what want_list says. The notice is the caller's. */
static void
wait_for_retry(struct kube_watch *watch, int64_t retry_after_sec, bool suspect, mono_t now)
{
	halt(watch, suspect);
	watch->stats.errors++;
	watch->failing = true;
	watch->state = KUBE_WATCH_WAITING;
	watch->retry_at = mono_add_usec(
	    now, kube_watch_backoff_next(&watch->backoff, &watch->prng, retry_after_sec, now));
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

static void
restored(struct kube_watch *watch, const char *version, mono_t now)
{
	say(watch, KUBE_WATCH_RESTORED,
	    "%s: resourceVersion went back from %s to %s (a restored etcd?); listing again",
	    watch->path, watch->version, version);
	watch->view.report_all = true;
	list_again(watch, now);
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

	kube_watch_view_complete(&watch->view);
	replace(&watch->version, watch->list_version);
	replace(&watch->continue_token, "");
	watch->page = KUBE_WATCH_PAGE;
	watch->want_list = false;
	watch->bad_lines = watch->too_large_versions = 0;
	watch->synced = true;
	watch->view.owner.ops->synced(watch->view.owner.arg, first);
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
		if (!watch->view.report_all &&
		    kube_version_is_older(meta.resource_version, watch->version)) {
			restored(watch, meta.resource_version, now);
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
		kube_watch_slot_clear(&watch->main);
		begin_list(watch, now);
	}
}

/* --- refusals ------------------------------------------------------------------------------- */

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
		watch->view.filtering = true;
		watch->filtering_until = mono_add_usec(now, KUBE_WATCH_SELECTOR_RETRY_USEC);
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
	say(watch, kube_watch_notice_of_status(error->code), "%s %s: %d: %s", doing(watch),
	    watch->path, error->code, error->message);
	wait_for_retry(watch, error->retry_after_sec, false, now);
}

static void
main_refused(struct kube_watch *watch, mono_t now)
{
	const struct kube_watch_slot *slot = &watch->main;
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
		kube_watch_view_observe(&watch->view, object);
	} else if (str_eq(type, "DELETED")) {
		kube_watch_view_observe_deleted(&watch->view, object);
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
stream_line(void *arg, const char *line, size_t len, mono_t now)
{
	struct kube_watch *watch = arg;
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

static void
stream_end(struct kube_watch *watch, mono_t now)
{
	if (kube_watch_slot_has_rest(&watch->main)) {
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

/* --- silence -------------------------------------------------------------------------------- */

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

/* What the probe says of the watch. */
static void
judge(struct kube_watch *watch, enum kube_watch_verdict verdict, mono_t now)
{
	switch (verdict) {
	case KUBE_WATCH_VERDICT_NO_ANSWER:
	case KUBE_WATCH_VERDICT_UNREACHABLE:
	case KUBE_WATCH_VERDICT_BAD_ANSWER:
	case KUBE_WATCH_VERDICT_SERVER_FAILS:
		dead_watch(watch, false, kube_watch_verdict_str(verdict), now);
		break;
	case KUBE_WATCH_VERDICT_FROZEN:
		dead_watch(watch, true, kube_watch_verdict_str(verdict), now);
		break;
	case KUBE_WATCH_VERDICT_SET_BACK:
		restored(watch, watch->probe.server_version, now);
		break;
	case KUBE_WATCH_VERDICT_NONE:
	case KUBE_WATCH_VERDICT_COUNT:
		break;
	}
}

/* Any byte on the watch answers what the probe asked. */
static void
main_heard(struct kube_watch *watch, mono_t now)
{
	watch->heard = now;
	if (watch->state != KUBE_WATCH_WATCHING)
		return;
	watch->frozen_before = false;
	kube_watch_probe_heard(&watch->probe, now);
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
	return mono_min(deadline, kube_watch_probe_deadline(&watch->probe));
}

static void
main_timer(struct kube_watch *watch, mono_t now)
{
	struct kube_watch_slot *slot = &watch->main;

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
	} else {
		judge(watch, kube_watch_probe_timer(&watch->probe, watch->main.status == 200, now),
		    now);
	}
}

static void
set_main_deadline(struct kube_watch *watch, mono_t now)
{
	struct kube_watch_slot *slot = &watch->main;

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
	struct kube_watch_slot *slot = slot_find(watch, id);

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
		expect_silence(watch, now);
	if (watch->failing)
		say(watch, KUBE_WATCH_RECOVERED, "%s %s: the server answers again", doing(watch),
		    watch->path);
	watch->failing = false;
}

void
kube_watch_chunk(struct kube_watch *watch, uint32_t id, const void *data, size_t len, mono_t now)
{
	struct kube_watch_slot *slot = slot_find(watch, id);
	enum kube_cause cause;

	if (!slot || !slot->status || !len)
		return;
	if (slot == &watch->probe.slot) {
		kube_watch_probe_chunk(&watch->probe, data, len, now);
		return;
	}
	set_main_deadline(watch, now);
	if (slot->status != 200) {
		kube_watch_slot_keep(slot, data, len);
		return;
	}
	main_heard(watch, now);
	if (slot->request == KUBE_WATCH_STREAM) {
		if (!kube_watch_slot_cut(slot, data, len, stream_line, watch, now))
			long_line(watch, now);
		return;
	}
	cause = kube_list_feed(slot->list, data, len);
	if (cause)
		list_refused(watch, cause, now);
}

static void
main_end(struct kube_watch *watch, enum kube_watch_end end, const char *text, mono_t now)
{
	struct kube_watch_slot *slot = &watch->main;

	if (slot->status && slot->status != 200)
		main_refused(watch, now);
	else if (end != KUBE_WATCH_END_OK || !slot->status)
		fail(watch, KUBE_WATCH_NETWORK, kube_watch_end_str(end), text, now);
	else if (slot->request == KUBE_WATCH_LIST)
		list_page_end(watch, now);
	else
		stream_end(watch, now);
}

void
kube_watch_end(
    struct kube_watch *watch, uint32_t id, enum kube_watch_end end, const char *text, mono_t now)
{
	struct kube_watch_slot *slot = slot_find(watch, id);

	if (!slot)
		return;
	/* It is over: whatever ends the slot now must not ask for its cancellation. */
	if (slot == &watch->main)
		main_end(watch, end, text, now);
	else
		judge(watch, kube_watch_probe_end(&watch->probe, end, watch->version, now), now);
	kube_watch_slot_ended(&watch->main, id);
	kube_watch_slot_ended(&watch->probe.slot, id);
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
	return kube_known_count(&watch->view.known);
}

const struct kube_watch_stats *
kube_watch_stats(const struct kube_watch *watch)
{
	return &watch->stats;
}

size_t
kube_watch_buffered(const struct kube_watch *watch)
{
	return kube_watch_slot_buffered(&watch->main) +
	    kube_watch_slot_buffered(&watch->probe.slot);
}
