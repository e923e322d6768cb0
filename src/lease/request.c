#include "lease/request.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>

#include "util/mem.h"

static const char *const op_names[] = {"none", "GET", "POST", "PUT", "DELETE"};
static_assert(sizeof(op_names) / sizeof(op_names[0]) == LEASE_OP_COUNT, "one name per operation");

static const char *const result_names[] = {
    "ok", "conflict", "exists", "not found", "refused", "unknown", "unreachable"};
static_assert(
    sizeof(result_names) / sizeof(result_names[0]) == LEASE_RESULT_COUNT, "one name per result");

static const char *const event_names[] = {"leader", "leader-lost", "member-up", "member-down",
    "member-left", "view-lost", "view-fresh", "duplicate", "duplicate-end", "refused", "claimed",
    "continued", "released", "taken", "swept", "offered", "untaken", "doubt", "doubt-all", "proven",
    "yielded", "restored", "node-swept", "too-many"};
static_assert(
    sizeof(event_names) / sizeof(event_names[0]) == LEASE_EVENT_KIND_COUNT, "one name per event");

const char *
lease_op_str(enum lease_op op)
{
	return op_names[op];
}

const char *
lease_result_str(enum lease_result result)
{
	return result_names[result];
}

const char *
lease_event_kind_str(enum lease_event_kind kind)
{
	return event_names[kind];
}

void
lease_outbox_init(struct lease_outbox *out)
{
	*out = (struct lease_outbox){0};
	TAILQ_INIT(&out->requests);
	TAILQ_INIT(&out->events);
}

void
lease_outbox_fini(struct lease_outbox *out)
{
	struct lease_request *request;
	struct lease_event *event;

	while ((request = lease_outbox_take(out)))
		lease_request_free(request);
	while ((event = lease_outbox_take_event(out)))
		lease_event_free(event);
}

void
lease_outbox_add(struct lease_outbox *out, enum lease_op op, struct lease *lease)
{
	struct lease_request *request = xcalloc(1, sizeof(*request));

	request->op = op;
	request->lease = lease;
	TAILQ_INSERT_TAIL(&out->requests, request, entry);
}

void
lease_outbox_say(
    struct lease_outbox *out, enum lease_event_kind kind, const char *name, const char *fmt, ...)
{
	struct lease_event *event = xcalloc(1, sizeof(*event));
	va_list ap;

	event->kind = kind;
	event->name = xstrdup(name);
	va_start(ap, fmt);
	event->detail = xvasprintf(fmt, ap);
	va_end(ap);
	TAILQ_INSERT_TAIL(&out->events, event, entry);
}

struct lease_request *
lease_outbox_take(struct lease_outbox *out)
{
	struct lease_request *request = TAILQ_FIRST(&out->requests);

	if (request)
		TAILQ_REMOVE(&out->requests, request, entry);
	return request;
}

struct lease_event *
lease_outbox_take_event(struct lease_outbox *out)
{
	struct lease_event *event = TAILQ_FIRST(&out->events);

	if (event)
		TAILQ_REMOVE(&out->events, event, entry);
	return event;
}

void
lease_request_free(struct lease_request *request)
{
	if (!request)
		return;
	lease_free(request->lease);
	free(request);
}

void
lease_event_free(struct lease_event *event)
{
	if (!event)
		return;
	free(event->name);
	free(event->detail);
	free(event);
}

int64_t
lease_outbox_wall_usec(const struct lease_outbox *out, mono_t now)
{
	return now.usec + out->wall_offset_usec;
}
