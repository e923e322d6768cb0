#include "kube/watch_probe.h"

#include <assert.h>

#include <json-c/json.h>

#include "kube/error.h"
#include "kube/json.h"
#include "kube/list.h"
#include "kube/object.h"
#include "util/str.h"

static const char *const verdict_names[] = {
    [KUBE_WATCH_VERDICT_NONE] = "",
    [KUBE_WATCH_VERDICT_NO_ANSWER] = "and the server does not answer",
    [KUBE_WATCH_VERDICT_UNREACHABLE] = "and the server cannot be reached",
    [KUBE_WATCH_VERDICT_BAD_ANSWER] = "and the server's answer to a list is not one",
    [KUBE_WATCH_VERDICT_SERVER_FAILS] = "and the server answers with an error",
    [KUBE_WATCH_VERDICT_FROZEN] = "but there is news: frozen",
    [KUBE_WATCH_VERDICT_SET_BACK] = "but the server is at an older version",
};
static_assert(sizeof(verdict_names) / sizeof(verdict_names[0]) == KUBE_WATCH_VERDICT_COUNT,
    "one name per verdict");

const char *
kube_watch_verdict_str(enum kube_watch_verdict verdict)
{
	return verdict_names[verdict];
}

void
kube_watch_probe_init(struct kube_watch_probe *probe, uint32_t *last_id, uint64_t *n_requests)
{
	*probe = (struct kube_watch_probe){
	    .last_id = last_id,
	    .n_requests = n_requests,
	    .next = MONO_NEVER,
	    .stale_at = MONO_NEVER,
	};
}

void
kube_watch_probe_stop(struct kube_watch_probe *probe)
{
	kube_watch_slot_cancel(&probe->slot, false);
	probe->next = probe->stale_at = MONO_NEVER;
}

void
kube_watch_probe_expect(struct kube_watch_probe *probe, int64_t silence_usec, mono_t now)
{
	probe->next = mono_add_usec(now, silence_usec);
}

static void
ignore_item(void *arg, enum kube_cause cause, struct json_object *item)
{
	(void)arg;
	(void)cause;
	(void)item;
}

static void
done(struct kube_watch_probe *probe, mono_t now)
{
	kube_watch_slot_cancel(&probe->slot, false);
	probe->next = mono_add_usec(now, KUBE_WATCH_SILENCE_USEC);
}

void
kube_watch_probe_heard(struct kube_watch_probe *probe, mono_t now)
{
	probe->stale_at = MONO_NEVER;
	done(probe, now);
}

static void
ask_list(struct kube_watch_probe *probe, mono_t now)
{
	++*probe->n_requests;
	probe->next = MONO_NEVER;
	kube_watch_slot_ask(
	    &probe->slot, probe->last_id, KUBE_WATCH_PROBE_LIST, true, KUBE_WATCH_PROBE_USEC, now);
	probe->slot.list = kube_list_new(ignore_item, NULL);
}

static enum kube_watch_verdict
list_end(struct kube_watch_probe *probe, const char *version, mono_t now)
{
	struct kube_list_meta meta;

	if (kube_list_finish(probe->slot.list, &meta))
		return KUBE_WATCH_VERDICT_BAD_ANSWER;
	if (kube_version_is_older(meta.resource_version, version)) {
		probe->server_version = meta.resource_version;
		return KUBE_WATCH_VERDICT_SET_BACK;
	}
	if (str_eq(meta.resource_version, version)) {
		done(probe, now);
		return KUBE_WATCH_VERDICT_NONE;
	}
	kube_watch_slot_clear(&probe->slot);
	++*probe->n_requests;
	kube_watch_slot_ask(&probe->slot, probe->last_id, KUBE_WATCH_PROBE_STREAM, false,
	    KUBE_WATCH_PROBE_USEC, now);
	return KUBE_WATCH_VERDICT_NONE;
}

/* The watch has not told of what is there since its last version. It may be on its way. */
static void
found(struct kube_watch_probe *probe, mono_t now)
{
	kube_watch_slot_cancel(&probe->slot, false);
	probe->next = MONO_NEVER;
	probe->stale_at = mono_add_usec(now, KUBE_WATCH_GRACE_USEC);
}

static void
take_line(void *arg, const char *line, size_t len, mono_t now)
{
	struct kube_watch_probe *probe = arg;
	struct json_object *event, *object = NULL;
	struct kube_error error;
	const char *type;

	if (kube_json_parse(line, len, KUBE_WATCH_MAX_LINE, &event)) {
		done(probe, now);
		return;
	}
	type = kube_json_string_or(event, "type", "");
	(void)kube_json_object(event, "object", &object);
	if (str_eq(type, "ERROR")) {
		kube_error_from_object(object, &error);
		if (kube_error_is_expired(&error))
			found(probe, now);
		else
			done(probe, now);
	} else if (!str_eq(type, "BOOKMARK")) {
		found(probe, now);
	}
	json_object_put(event);
}

/* A status other than 200 to a probe. */
static enum kube_watch_verdict
refused(struct kube_watch_probe *probe, mono_t now)
{
	int status = probe->slot.status;

	if (status >= 500 && status != 503)
		return KUBE_WATCH_VERDICT_SERVER_FAILS;
	if (status == 410)
		found(probe, now);
	else
		done(probe, now); /* it lives, and has its reasons */
	return KUBE_WATCH_VERDICT_NONE;
}

void
kube_watch_probe_chunk(struct kube_watch_probe *probe, const char *data, size_t len, mono_t now)
{
	struct kube_watch_slot *slot = &probe->slot;

	if (slot->status != 200)
		return;
	if (slot->request == KUBE_WATCH_PROBE_LIST)
		(void)kube_list_feed(slot->list, data, len);
	else if (!kube_watch_slot_cut(slot, data, len, take_line, probe, now))
		found(probe, now);
}

enum kube_watch_verdict
kube_watch_probe_end(
    struct kube_watch_probe *probe, enum kube_watch_end end, const char *version, mono_t now)
{
	const struct kube_watch_slot *slot = &probe->slot;

	if (end != KUBE_WATCH_END_OK || !slot->status)
		return KUBE_WATCH_VERDICT_UNREACHABLE;
	if (slot->status != 200)
		return refused(probe, now);
	if (slot->request == KUBE_WATCH_PROBE_LIST)
		return list_end(probe, version, now);
	done(probe, now);
	return KUBE_WATCH_VERDICT_NONE;
}

mono_t
kube_watch_probe_deadline(const struct kube_watch_probe *probe)
{
	mono_t deadline = mono_min(probe->next, probe->stale_at);

	return probe->slot.id ? mono_min(deadline, probe->slot.deadline) : deadline;
}

enum kube_watch_verdict
kube_watch_probe_timer(struct kube_watch_probe *probe, bool answered, mono_t now)
{
	if (probe->slot.id && mono_reached(now, probe->slot.deadline))
		return KUBE_WATCH_VERDICT_NO_ANSWER;
	if (mono_reached(now, probe->stale_at))
		return KUBE_WATCH_VERDICT_FROZEN;
	if (mono_reached(now, probe->next)) {
		if (answered)
			ask_list(probe, now);
		else
			probe->next = MONO_NEVER;
	}
	return KUBE_WATCH_VERDICT_NONE;
}
