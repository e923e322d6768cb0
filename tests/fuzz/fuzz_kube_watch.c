/*
 * The list/watch machine fed with anything. The input is lines, each begins with a letter for what
 * happens next; bodies are the rest of the line, and come in pieces:
 *
 *	r NUMBER  the answer's status        c TEXT  a chunk, with a newline at its end
 *	k TEXT    a chunk without            e DIGIT how the request ends
 *	t NUMBER  so many ms pass            K, L, S kick, relist, stop and start
 *	P         the next r, c, k, e is the probe's
 *
 * Asserted: one main request and one probe at most; every START is of a request that is not under
 * way; the machine always has a next step (a deadline or a request) unless it is stopped; memory
 * stays under its caps; what is reported fits what is known: no ADDED twice, no MODIFIED or DELETED
 * of something unknown; timers come to an end.
 */
#include <assert.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "kube/list.h"
#include "kube/service.h"
#include "kube/watch.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/str.h"

#define MAX_TIMERS 10000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct shadow {
	struct map_node node;
	char *key;
};

struct fuzz {
	struct kube_watch *watch;
	mono_t now;
	uint32_t main_id, probe_id;
	struct shadow *known;
	bool stopped, synced;
};

static void
on_object(void *arg, enum kube_watch_event event, const char *key, struct json_object *object)
{
	struct fuzz *f = arg;
	struct shadow *shadow;

	(void)object;
	MAP_FIND_STR(f->known, key, shadow);
	assert((event == KUBE_WATCH_ADDED) == !shadow);
	if (event == KUBE_WATCH_ADDED) {
		shadow = xcalloc(1, sizeof(*shadow));
		shadow->key = xstrdup(key);
		MAP_ADD_STR(f->known, shadow->key, shadow);
	} else if (event == KUBE_WATCH_DELETED) {
		MAP_DEL(f->known, shadow);
		free(shadow->key);
		free(shadow);
	}
}

static void
on_synced(void *arg, bool first)
{
	struct fuzz *f = arg;

	assert(first == !f->synced);
	f->synced = true;
}

static void
on_notice(void *arg, enum kube_watch_notice notice, const char *text)
{
	(void)arg;
	assert(notice < KUBE_WATCH_NOTICE_COUNT);
	for (; *text; text++)
		assert((unsigned char)*text >= ' ' && *text != 0x7f);
}

static const struct kube_watch_ops ops = {on_object, on_synced, on_notice};

static void
drain(struct fuzz *f)
{
	struct kube_watch_action action;
	int n = 0;

	while (kube_watch_next_action(f->watch, &action)) {
		uint32_t *id = action.request <= KUBE_WATCH_STREAM ? &f->main_id : &f->probe_id;

		assert(++n <= 4);
		assert(action.id);
		if (action.type == KUBE_WATCH_CANCEL) {
			assert(*id == action.id);
			*id = 0;
		} else {
			assert(!*id);
			assert(str_has_prefix(action.target, "/services?"));
			*id = action.id;
		}
	}
	assert(MAP_COUNT(f->known) == kube_watch_known(f->watch));
	assert(kube_watch_buffered(f->watch) <= 2 * (KUBE_WATCH_MAX_LINE + KUBE_LIST_MAX_ENVELOPE));
	assert(f->stopped || !mono_is_never(kube_watch_deadline(f->watch)));
	assert(f->stopped == (kube_watch_state(f->watch) == KUBE_WATCH_STOPPED));
	if (kube_watch_state(f->watch) == KUBE_WATCH_WAITING || f->stopped)
		assert(!f->main_id && !f->probe_id);
	else
		assert(f->main_id);
}

static void
pass_time(struct fuzz *f, int64_t msec)
{
	mono_t until = mono_add_usec(f->now, msec * USEC_PER_MSEC);
	int n = 0;

	while (mono_reached(until, kube_watch_deadline(f->watch))) {
		if (mono_before(f->now, kube_watch_deadline(f->watch)))
			f->now = kube_watch_deadline(f->watch);
		kube_watch_timer(f->watch, f->now);
		drain(f);
		assert(++n < MAX_TIMERS);
	}
	f->now = until;
}

static void
request_step(struct fuzz *f, char verb, const char *args, size_t len, bool probe)
{
	uint32_t *slot = probe ? &f->probe_id : &f->main_id, id = *slot;

	switch (verb) {
	case 'r':
		kube_watch_response(
		    f->watch, id, atoi(args), len > 4 ? atoi(args + 4) : -1, f->now);
		break;
	case 'c':
	case 'k':
		kube_watch_chunk(f->watch, id, args, len / 2, f->now);
		kube_watch_chunk(f->watch, id, args + len / 2, len - len / 2, f->now);
		if (verb == 'c')
			kube_watch_chunk(f->watch, id, "\n", 1, f->now);
		break;
	case 'e':
		if (id)
			*slot = 0;
		kube_watch_end(f->watch, id, (enum kube_watch_end)(atoi(args) & 3), args, f->now);
		break;
	default:
		break;
	}
}

static void
step(struct fuzz *f, const char *line, size_t len, bool *probe)
{
	char *args = xstrndup(line + 1, len - 1);

	switch (*line) {
	case 't':
		pass_time(f, atoi(args) & 0xfffff);
		break;
	case 'K':
		kube_watch_kick(f->watch, f->now);
		break;
	case 'L':
		kube_watch_relist(f->watch, f->now);
		break;
	case 'S':
		kube_watch_stop(f->watch);
		f->stopped = true;
		drain(f);
		kube_watch_start(f->watch, f->now);
		f->stopped = false;
		break;
	case 'P':
		break;
	default:
		request_step(f, *line, args, len - 1, *probe);
		break;
	}
	*probe = *line == 'P';
	free(args);
	drain(f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kube_watch_config config = {.path = "/services",
	    .field_selector = KUBE_SERVICE_SELECTOR,
	    .matches = kube_service_is_load_balancer};
	struct fuzz f = {.now = {USEC_PER_SEC}, .stopped = true};
	const char *text = (const char *)data, *end = text + size;
	struct shadow *shadow, *next;
	bool probe = false;

	f.watch = kube_watch_new(&config, &ops, &f, 1);
	drain(&f);
	kube_watch_start(f.watch, f.now);
	f.stopped = false;
	drain(&f);
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t len = (size_t)((newline ? newline : end) - text);

		if (len)
			step(&f, text, len, &probe);
		text += len + 1;
	}
	kube_watch_free(f.watch);
	MAP_FOREACH_SAFE (shadow, next, f.known) {
		MAP_DEL(f.known, shadow);
		free(shadow->key);
		free(shadow);
	}
	return 0;
}
