#include "fault.h"

#include <assert.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "alloc.h"
#include "obj.h"

const char *
fault_kind_str(enum fault_kind kind)
{
	static const char *const names[] = {
	    [FAULT_DELAY] = "delay",
	    [FAULT_DROP] = "drop",
	    [FAULT_HALF_OPEN] = "half-open",
	    [FAULT_GONE] = "gone",
	    [FAULT_THROTTLE] = "throttle",
	    [FAULT_ERROR] = "error",
	    [FAULT_UNAVAILABLE] = "unavailable",
	    [FAULT_FORBIDDEN] = "forbidden",
	    [FAULT_TRUNCATE] = "truncate",
	    [FAULT_GARBAGE] = "garbage",
	    [FAULT_FREEZE_WATCH] = "freeze-watch",
	    [FAULT_LOST_ANSWER] = "lost-answer",
	    [FAULT_SLOW_BODY] = "slow-body",
	    [FAULT_HUGE_LINE] = "huge-line",
	};
	static_assert(sizeof(names) / sizeof(names[0]) == FAULT_KIND_COUNT, "a name per kind");

	return names[kind];
}

static void
fault_free(struct fault *fault)
{
	free(fault->method);
	free(fault->path);
	free(fault->user);
	free(fault);
}

void
faults_fini(struct faults *faults)
{
	(void)faults_remove(faults, 0);
}

static enum fault_kind
kind_from(const char *name)
{
	int kind = 0;

	while (kind < FAULT_KIND_COUNT && strcmp(fault_kind_str((enum fault_kind)kind), name) != 0)
		kind++;
	return (enum fault_kind)kind;
}

/* A key that nobody reads would make a test that tests nothing. */
static char *
check_keys(struct json_object *body)
{
	static const char known[] = " kind method path user count ms retryAfter bytes ";

	json_object_object_foreach (body, key, value) {
		char *word = sim_asprintf(" %s ", key);
		bool ok = strstr(known, word) != NULL;
		bool text = strstr(" kind method path user ", word) != NULL;

		free(word);
		if (!ok)
			return sim_asprintf("unknown key %s", key);
		if (!json_object_is_type(value, text ? json_type_string : json_type_int) ||
		    (!text && json_object_get_int64(value) < 0))
			return sim_asprintf(
			    "%s: expected a %s", key, text ? "string" : "number >= 0");
	}
	return NULL;
}

struct fault *
faults_add(struct faults *faults, struct json_object *body, char **ret_error)
{
	struct fault *fault, **last = &faults->first;
	enum fault_kind kind;

	if (!json_object_is_type(body, json_type_object)) {
		*ret_error = sim_strdup("expected a JSON object");
		return NULL;
	}
	*ret_error = check_keys(body);
	if (*ret_error != NULL)
		return NULL;
	kind = kind_from(obj_str(body, "kind"));
	if (kind == FAULT_KIND_COUNT || faults->count >= FAULT_MAX) {
		*ret_error = faults->count >= FAULT_MAX
		    ? sim_strdup("too many faults")
		    : sim_asprintf("kind: unknown fault \"%s\"", obj_str(body, "kind"));
		return NULL;
	}
	fault = sim_calloc(1, sizeof(*fault));
	fault->id = ++faults->last_id;
	fault->kind = kind;
	fault->method = sim_strdup(obj_str(body, "method"));
	fault->path = sim_strdup(obj_str(body, "path"));
	fault->user = sim_strdup(obj_str(body, "user"));
	fault->count = obj_int(body, "count", 0);
	fault->ms = (int)obj_int(body, "ms", 0);
	fault->retry_after = (int)obj_int(body, "retryAfter", 1);
	fault->bytes = obj_int(body, "bytes", FAULT_HUGE_LINE_BYTES);
	while (*last != NULL)
		last = &(*last)->next;
	*last = fault;
	faults->count++;
	return fault;
}

bool
faults_remove(struct faults *faults, int id)
{
	struct fault **at = &faults->first;
	bool found = id == 0;

	while (*at != NULL) {
		struct fault *fault = *at;

		if (id != 0 && fault->id != id) {
			at = &fault->next;
			continue;
		}
		*at = fault->next;
		faults->count--;
		fault_free(fault);
		found = true;
	}
	return found;
}

struct json_object *
faults_list(const struct faults *faults)
{
	struct json_object *list = json_object_new_array();

	for (const struct fault *f = faults->first; f != NULL; f = f->next) {
		struct json_object *o = json_object_new_object();

		obj_set(o, "id", json_object_new_int(f->id));
		obj_set_str(o, "kind", fault_kind_str(f->kind));
		obj_set_str(o, "method", f->method);
		obj_set_str(o, "path", f->path);
		obj_set_str(o, "user", f->user);
		obj_set(o, "count", json_object_new_int64(f->count));
		obj_set(o, "hits", json_object_new_int64(f->hits));
		obj_set(o, "ms", json_object_new_int(f->ms));
		obj_set(o, "retryAfter", json_object_new_int(f->retry_after));
		json_object_array_add(list, o);
	}
	return list;
}

bool
fault_matches(const struct fault *fault, const struct fault_subject *subject)
{
	bool watches_only = fault->kind == FAULT_FREEZE_WATCH || fault->kind == FAULT_HUGE_LINE;

	if (fault->count > 0 && fault->hits >= fault->count)
		return false;
	if (watches_only && !subject->watch)
		return false;
	if (fault->method[0] != '\0' && strcmp(fault->method, "*") != 0 &&
	    strcasecmp(fault->method, subject->method) != 0 &&
	    strcasecmp(fault->method, subject->verb) != 0)
		return false;
	if (fault->user[0] != '\0' && strcmp(fault->user, subject->user) != 0)
		return false;
	return fault->path[0] == '\0' || fnmatch(fault->path, subject->path, 0) == 0;
}

struct fault_effect
faults_apply(struct faults *faults, const struct fault_subject *subject)
{
	struct fault_effect effect = {0};

	for (struct fault *f = faults->first; f != NULL; f = f->next) {
		if (!fault_matches(f, subject))
			continue;
		if (f->kind == FAULT_DELAY) {
			effect.delay_ms += f->ms;
		} else if (!effect.faulty) {
			effect.faulty = true;
			effect.kind = f->kind;
			effect.id = f->id;
			effect.retry_after = f->retry_after;
			effect.bytes = f->bytes;
		} else {
			continue;
		}
		f->hits++;
	}
	return effect;
}
