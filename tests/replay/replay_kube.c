/*
 * Runs tests/replay/kube/NAME.play against the list/watch machine over virtual time, each script
 * twice: with bodies in whole chunks, and byte by byte.
 *
 * A script is lines of words; `#` begins a comment. What the machine does is a queue of lines, and
 * each must be expected, in order; at the end of a script the queue must be empty.
 *
 * Inputs ("probe " before one of the second group means the probe's request, else the main one):
 *	plain                      a watch of Leases, without field selector, instead of Services
 *	start | stop | kick | relist
 *	advance TIME               lets timers fire on the way
 *	retry MIN MAX              the next timer is due between the two from now; goes there
 *
 *	respond STATUS [RETRY_AFTER]
 *	list VERSION CONTINUE|- OBJECT...
 *	                           the body of a list; OBJECT is NAMESPACE/NAME@VERSION[:TYPE]
 *	status CODE REASON MESSAGE...
 *	                           the body of a refusal
 *	event TYPE OBJECT          one line of a watch; for BOOKMARK, OBJECT is @VERSION
 *	error CODE REASON          an ERROR event
 *	chunk TEXT...              as it is; \n and \r are line ends
 *	fill COUNT TEXT            TEXT so many times, in one chunk always
 *	end ok|connect|tls|broken [TEXT...]
 *
 * Expectations:
 *	expect PATTERN...          the next line of the queue matches (shell glob, the end is free)
 *	expect nothing             the queue is empty
 *	state NAME | version TEXT | known COUNT | stat NAME COUNT | buffered MAX
 *
 * Lines of the queue:
 *	start list|watch|probe-list|probe-watch [fresh] TARGET
 *	cancel list|watch|probe-list|probe-watch [suspect]
 *	object ADDED|MODIFIED|DELETED NAMESPACE/NAME[@VERSION]
 *	synced [first]
 *	notice NAME: TEXT
 */
#include <dirent.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kube/object.h"
#include "kube/service.h"
#include "kube/watch.h"
#include "util/mem.h"
#include "util/str.h"

#define MAX_QUEUE 4096

struct replay {
	const char *name;
	int line;
	bool bytewise, failed;
	struct kube_watch *watch;
	mono_t now;
	uint32_t main_id, probe_id;
	char *queue[MAX_QUEUE];
	size_t head, tail;
};

static void __attribute__((format(printf, 2, 3))) fail(struct replay *r, const char *fmt, ...)
{
	va_list ap;

	r->failed = true;
	printf("# %s:%d: ", r->name, r->line);
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

static void __attribute__((format(printf, 2, 3))) emit(struct replay *r, const char *fmt, ...)
{
	va_list ap;

	if (r->tail == MAX_QUEUE) {
		fail(r, "more than %d lines of output", MAX_QUEUE);
		return;
	}
	va_start(ap, fmt);
	r->queue[r->tail++] = xvasprintf(fmt, ap);
	va_end(ap);
}

static void
on_object(void *arg, enum kube_watch_event event, const char *key, struct json_object *object)
{
	static const char *const names[] = {"ADDED", "MODIFIED", "DELETED"};
	const char *version = object ? kube_object_version(object) : "";

	emit(arg, "object %s %s%s%s", names[event], key, *version ? "@" : "", version);
}

static void
on_synced(void *arg, bool first)
{
	emit(arg, "synced%s", first ? " first" : "");
}

static void
on_notice(void *arg, enum kube_watch_notice notice, const char *text)
{
	emit(arg, "notice %s: %s", kube_watch_notice_str(notice), text);
}

static const struct kube_watch_ops ops = {on_object, on_synced, on_notice};

static void
drain(struct replay *r)
{
	static const char *const names[] = {"list", "watch", "probe-list", "probe-watch"};
	struct kube_watch_action action;

	while (kube_watch_next_action(r->watch, &action)) {
		uint32_t *id = action.request <= KUBE_WATCH_STREAM ? &r->main_id : &r->probe_id;

		if (action.type == KUBE_WATCH_CANCEL) {
			emit(r, "cancel %s%s", names[action.request],
			    action.server_suspect ? " suspect" : "");
			if (action.id != *id)
				fail(r, "a request was cancelled that does not run");
			*id = 0;
			continue;
		}
		emit(r, "start %s%s %s", names[action.request],
		    action.fresh_connection ? " fresh" : "", action.target);
		if (*id)
			fail(r, "two requests at once");
		*id = action.id;
	}
}

static void
make_watch(struct replay *r, bool plain)
{
	struct kube_watch_config config = {
	    .path = plain ? "/leases" : "/services",
	    .field_selector = plain ? NULL : KUBE_SERVICE_SELECTOR,
	    .label_selector = plain ? "app=a,b" : NULL,
	    .matches = kube_service_is_load_balancer,
	};

	kube_watch_free(r->watch);
	r->watch = kube_watch_new(&config, &ops, r, 42);
}

/* --- inputs --------------------------------------------------------------------------------- */

static void
feed(struct replay *r, uint32_t id, const char *text, size_t len)
{
	size_t i;

	if (!r->bytewise) {
		kube_watch_chunk(r->watch, id, text, len, r->now);
		return;
	}
	for (i = 0; i < len; i++)
		kube_watch_chunk(r->watch, id, text + i, 1, r->now);
}

/* NAMESPACE/NAME@VERSION[:TYPE] or @VERSION */
static void
add_object(struct strbuf *sb, const char *word)
{
	char *copy = xstrdup(word), *at = strchr(copy, '@'), *slash = strchr(copy, '/');
	char *type = strchr(copy, ':');

	if (type)
		*type++ = '\0';
	if (at)
		*at++ = '\0';
	if (slash)
		*slash++ = '\0';
	strbuf_add(sb, "{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{");
	if (slash)
		strbuf_printf(sb, "\"name\":\"%s\",\"namespace\":\"%s\",\"uid\":\"u-%s\",", slash,
		    copy, slash);
	strbuf_printf(sb, "\"resourceVersion\":\"%s\"},\"spec\":{\"type\":\"%s\"}}", at ? at : "",
	    type ? type : "LoadBalancer");
	free(copy);
}

static void
do_list(struct replay *r, uint32_t id, char *args)
{
	struct strbuf sb = {0};
	char *save, *version = strtok_r(args, " ", &save), *token = strtok_r(NULL, " ", &save),
		    *word;
	const char *comma = "";

	if (!version || !token) {
		fail(r, "list VERSION CONTINUE OBJECT...");
		return;
	}
	strbuf_printf(
	    &sb, "{\"kind\":\"ServiceList\",\"metadata\":{\"resourceVersion\":\"%s\"", version);
	if (!str_eq(token, "-"))
		strbuf_printf(&sb, ",\"continue\":\"%s\",\"remainingItemCount\":1", token);
	strbuf_add(&sb, "},\"items\":[");
	while ((word = strtok_r(NULL, " ", &save))) {
		strbuf_add(&sb, comma);
		add_object(&sb, word);
		comma = ", ";
	}
	strbuf_add(&sb, "]}\n");
	feed(r, id, sb.text, sb.len);
	strbuf_free(&sb);
}

static void
add_status(struct strbuf *sb, const char *code, const char *reason, const char *message)
{
	strbuf_printf(sb,
	    "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","
	    "\"message\":\"%s\",\"reason\":\"%s\",\"code\":%s}",
	    message, reason, code);
}

static void
do_event(struct replay *r, uint32_t id, char *args, bool error)
{
	struct strbuf sb = {0};
	char *save, *type = strtok_r(args, " ", &save), *word = strtok_r(NULL, " ", &save);

	if (!type || !word) {
		fail(r, "two words, please");
		return;
	}
	strbuf_printf(&sb, "{\"type\":\"%s\",\"object\":", error ? "ERROR" : type);
	if (error)
		add_status(&sb, type, word, "message of the error");
	else
		add_object(&sb, word);
	strbuf_add(&sb, "}\n");
	feed(r, id, sb.text, sb.len);
	strbuf_free(&sb);
}

static void
do_status(struct replay *r, uint32_t id, char *args)
{
	struct strbuf sb = {0};
	char *save, *code = strtok_r(args, " ", &save), *reason = strtok_r(NULL, " ", &save);

	if (!code || !reason || !save) {
		fail(r, "status CODE REASON MESSAGE");
		return;
	}
	add_status(&sb, code, reason, save);
	feed(r, id, sb.text, sb.len);
	strbuf_free(&sb);
}

static void
do_chunk(struct replay *r, uint32_t id, const char *text)
{
	struct strbuf sb = {0};

	for (; *text; text++) {
		if (text[0] == '\\' && (text[1] == 'n' || text[1] == 'r'))
			strbuf_addc(&sb, *++text == 'n' ? '\n' : '\r');
		else
			strbuf_addc(&sb, *text);
	}
	feed(r, id, strbuf_text(&sb), sb.len);
	strbuf_free(&sb);
}

static void
do_fill(struct replay *r, uint32_t id, char *args)
{
	struct strbuf sb = {0};
	char *text;
	unsigned long n = strtoul(args, &text, 10), i;

	for (i = 0; i < n; i++)
		strbuf_add(&sb, text + 1);
	kube_watch_chunk(r->watch, id, strbuf_text(&sb), sb.len, r->now);
	strbuf_free(&sb);
}

static void
do_end(struct replay *r, uint32_t *id, const char *args)
{
	static const char *const names[] = {"ok", "connect", "tls", "broken"};
	size_t i, n = strcspn(args, " ");
	uint32_t ended = *id;

	for (i = 0; i < KUBE_WATCH_END_COUNT; i++)
		if (strlen(names[i]) == n && strncmp(args, names[i], n) == 0)
			break;
	if (i == KUBE_WATCH_END_COUNT) {
		fail(r, "end how?");
		return;
	}
	*id = 0;
	kube_watch_end(
	    r->watch, ended, (enum kube_watch_end)i, args[n] ? args + n + 1 : "", r->now);
}

static void
do_respond(struct replay *r, uint32_t id, char *args)
{
	char *rest;
	long status = strtol(args, &rest, 10);

	kube_watch_response(r->watch, id, (int)status, *rest ? strtol(rest, NULL, 10) : -1, r->now);
}

static bool
request_input(struct replay *r, const char *verb, char *args, uint32_t *id)
{
	if (!*id) {
		fail(r, "no such request is under way");
		return true;
	}
	if (str_eq(verb, "respond"))
		do_respond(r, *id, args);
	else if (str_eq(verb, "list"))
		do_list(r, *id, args);
	else if (str_eq(verb, "status"))
		do_status(r, *id, args);
	else if (str_eq(verb, "event"))
		do_event(r, *id, args, false);
	else if (str_eq(verb, "error"))
		do_event(r, *id, args, true);
	else if (str_eq(verb, "chunk"))
		do_chunk(r, *id, args);
	else if (str_eq(verb, "fill"))
		do_fill(r, *id, args);
	else if (str_eq(verb, "end"))
		do_end(r, id, args);
	else
		return false;
	return true;
}

static int64_t
duration(struct replay *r, const char *text)
{
	int64_t usec = 0;

	if (!text || str_parse_duration(text, &usec))
		fail(r, "not a duration: %s", text ? text : "nothing");
	return usec;
}

static void
do_advance(struct replay *r, const char *args)
{
	mono_t until = mono_add_usec(r->now, duration(r, args));
	int turns = 0;

	while (mono_reached(until, kube_watch_deadline(r->watch))) {
		mono_t due = kube_watch_deadline(r->watch);

		if (mono_before(r->now, due))
			r->now = due;
		kube_watch_timer(r->watch, r->now);
		drain(r);
		if (++turns > 1000) {
			fail(r, "the timers never stop");
			return;
		}
	}
	r->now = until;
}

static void
do_retry(struct replay *r, char *args)
{
	char *save, *min = strtok_r(args, " ", &save), *max = strtok_r(NULL, " ", &save);
	mono_t due = kube_watch_deadline(r->watch);
	int64_t delay = mono_diff_usec(due, r->now);

	if (mono_is_never(due) || delay < duration(r, min) || delay > duration(r, max)) {
		fail(r, "the next timer is due in %" PRId64 " us", delay);
		return;
	}
	r->now = due;
	kube_watch_timer(r->watch, r->now);
}

static bool
machine_input(struct replay *r, const char *verb, char *args)
{
	if (str_eq(verb, "plain"))
		make_watch(r, true);
	else if (str_eq(verb, "start"))
		kube_watch_start(r->watch, r->now);
	else if (str_eq(verb, "stop"))
		kube_watch_stop(r->watch);
	else if (str_eq(verb, "kick"))
		kube_watch_kick(r->watch, r->now);
	else if (str_eq(verb, "relist"))
		kube_watch_relist(r->watch, r->now);
	else if (str_eq(verb, "advance"))
		do_advance(r, args);
	else if (str_eq(verb, "retry"))
		do_retry(r, args);
	else
		return false;
	return true;
}

/* --- expectations --------------------------------------------------------------------------- */

static void
do_expect(struct replay *r, const char *pattern)
{
	char *glob;

	if (str_eq(pattern, "nothing")) {
		if (r->head < r->tail)
			fail(r, "expected nothing, there is: %s", r->queue[r->head]);
		return;
	}
	if (r->head == r->tail) {
		fail(r, "expected \"%s\", there is nothing", pattern);
		return;
	}
	glob = xasprintf("%s*", pattern);
	if (!str_glob(glob, r->queue[r->head]))
		fail(r, "expected \"%s\", there is: %s", pattern, r->queue[r->head]);
	free(glob);
	free(r->queue[r->head++]);
}

static void
do_stat(struct replay *r, char *args)
{
	const struct kube_watch_stats *s = kube_watch_stats(r->watch);
	const struct {
		const char *name;
		uint64_t value;
	} stats[] = {
	    {"lists", s->lists},
	    {"watches", s->watches},
	    {"probes", s->probes},
	    {"events", s->events},
	    {"bookmarks", s->bookmarks},
	    {"expired", s->expired},
	    {"errors", s->errors},
	    {"bad_lines", s->bad_lines},
	    {"long_lines", s->long_lines},
	    {"bad_objects", s->bad_objects},
	    {"too_many", s->too_many},
	    {"missed_deletes", s->missed_deletes},
	    {"dead", s->dead},
	};
	char *save, *name = strtok_r(args, " ", &save), *count = strtok_r(NULL, " ", &save);
	size_t i;

	for (i = 0; name && count && i < sizeof(stats) / sizeof(stats[0]); i++) {
		if (!str_eq(stats[i].name, name))
			continue;
		if (stats[i].value != strtoull(count, NULL, 10))
			fail(r, "%s is %" PRIu64, name, stats[i].value);
		return;
	}
	fail(r, "stat NAME COUNT");
}

static bool
expectation(struct replay *r, const char *verb, char *args)
{
	if (str_eq(verb, "expect"))
		do_expect(r, args);
	else if (str_eq(verb, "stat"))
		do_stat(r, args);
	else if (str_eq(verb, "state")) {
		if (!str_eq(kube_watch_state_str(kube_watch_state(r->watch)), args))
			fail(
			    r, "the state is %s", kube_watch_state_str(kube_watch_state(r->watch)));
	} else if (str_eq(verb, "version")) {
		if (!str_eq(kube_watch_resource_version(r->watch), args))
			fail(r, "the version is %s", kube_watch_resource_version(r->watch));
	} else if (str_eq(verb, "known")) {
		if (kube_watch_known(r->watch) != strtoul(args, NULL, 10))
			fail(r, "%zu are known", kube_watch_known(r->watch));
	} else if (str_eq(verb, "buffered")) {
		if (kube_watch_buffered(r->watch) > strtoul(args, NULL, 10))
			fail(r, "%zu bytes are held", kube_watch_buffered(r->watch));
	} else {
		return false;
	}
	return true;
}

/* --- scripts -------------------------------------------------------------------------------- */

static void
run_line(struct replay *r, char *line)
{
	uint32_t *id = &r->main_id;
	char *args, *comment;

	line += strspn(line, " \t");
	line[strcspn(line, "\n")] = '\0';
	comment = *line == '#' ? line : strstr(line, " #");
	if (comment)
		*comment = '\0';
	while (*line && strchr(" \t", line[strlen(line) - 1]))
		line[strlen(line) - 1] = '\0';
	if (!*line)
		return;
	if (str_has_prefix(line, "probe ")) {
		id = &r->probe_id;
		line += strlen("probe ");
	}
	args = line + strcspn(line, " ");
	if (*args)
		*args++ = '\0';
	if (!expectation(r, line, args) && !machine_input(r, line, args) &&
	    !request_input(r, line, args, id))
		fail(r, "unknown word \"%s\"", line);
	drain(r);
}

static bool
run_script(const char *path, const char *name, bool bytewise)
{
	struct replay r = {.name = name, .bytewise = bytewise, .now = {USEC_PER_SEC}};
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t size = 0;

	if (!f)
		return false;
	make_watch(&r, false);
	while (!r.failed && getline(&line, &size, f) >= 0) {
		r.line++;
		run_line(&r, line);
	}
	if (!r.failed && r.head < r.tail)
		fail(&r, "at the end there is still: %s", r.queue[r.head]);
	while (r.head < r.tail)
		free(r.queue[r.head++]);
	free(line);
	(void)fclose(f);
	kube_watch_free(r.watch);
	return !r.failed;
}

static int
is_play(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > 5 && str_eq(entry->d_name + len - 5, ".play");
}

int
main(void)
{
	const char *srcdir = getenv("top_srcdir");
	char *dir = xasprintf("%s/tests/replay/kube", srcdir ? srcdir : ".");
	struct dirent **entries;
	int n = scandir(dir, &entries, is_play, alphasort), i, mode, failed = 0;

	if (n <= 0) {
		printf("1..1\nnot ok 1 - no scripts in %s\n", dir);
		free(dir);
		return 1;
	}
	printf("1..%d\n", 2 * n);
	for (i = 0; i < n; i++) {
		char *path = xasprintf("%s/%s", dir, entries[i]->d_name);

		for (mode = 0; mode < 2; mode++) {
			bool ok = run_script(path, entries[i]->d_name, mode == 1);

			printf("%s %d - %s%s\n", ok ? "ok" : "not ok", 2 * i + mode + 1,
			    entries[i]->d_name, mode ? ", byte by byte" : "");
			(void)fflush(stdout);
			failed += !ok;
		}
		free(path);
		free(entries[i]);
	}
	free(entries);
	free(dir);
	return failed != 0;
}
