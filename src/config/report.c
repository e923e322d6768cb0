#include "config/report.h"

#include <assert.h>
#include <stdlib.h>

#include "util/mem.h"
#include "util/str.h"

static const char *const severity_names[] = {"error", "warning"};
static_assert(sizeof(severity_names) / sizeof(severity_names[0]) == CONFIG_SEVERITY_COUNT,
    "one name per severity");

const char *
config_severity_str(enum config_severity severity)
{
	return severity_names[severity];
}

void
config_report_fini(struct config_report *report)
{
	arena_free(report->arena);
	free(report->messages);
	*report = (struct config_report){0};
}

struct arena *
report_arena(struct config_report *report)
{
	if (!report->arena)
		report->arena = arena_new();
	return report->arena;
}

void
report_message(struct config_report *report, enum config_severity severity,
    const struct config_place *place, const char *key, const char *reason)
{
	struct arena *arena = report_arena(report);

	if (severity == CONFIG_ERROR)
		report->n_errors++;
	else
		report->n_warnings++;
	if (report->n_messages == CONFIG_MAX_MESSAGES)
		return;
	report->messages = mem_grow(
	    report->messages, report->n_messages, &report->cap, sizeof(*report->messages));
	report->messages[report->n_messages++] = (struct config_message){.severity = severity,
	    .file = place->file,
	    .file_rank = place->file_rank,
	    .line = place->line,
	    .key = arena_strdup(arena, key),
	    .reason = arena_strdup(arena, reason)};
}

void
config_report_add(struct config_report *report, enum config_severity severity, const char *file,
    const char *key, const char *fmt, ...)
{
	struct config_place place = {.file = arena_strdup(report_arena(report), file)};
	char *reason;
	va_list ap;

	va_start(ap, fmt);
	reason = xvasprintf(fmt, ap);
	va_end(ap);
	report_message(report, severity, &place, key, reason);
	free(reason);
}

void
config_message_format(const struct config_message *message, struct strbuf *out)
{
	strbuf_add(out, message->file);
	if (message->line)
		strbuf_printf(out, ":%u", message->line);
	strbuf_add(out, ": ");
	if (message->severity != CONFIG_ERROR)
		strbuf_printf(out, "%s: ", config_severity_str(message->severity));
	if (*message->key)
		strbuf_printf(out, "%s: ", message->key);
	strbuf_add(out, message->reason);
}

/* qsort() is not stable: equal lines keep their order by address, which the copy remembers. */
struct sortable {
	struct config_message message;
	size_t order;
};

static int
cmp_sortable(const void *a, const void *b)
{
	const struct sortable *x = a, *y = b;

	if (x->message.file_rank != y->message.file_rank)
		return x->message.file_rank < y->message.file_rank ? -1 : 1;
	if (x->message.line != y->message.line)
		return x->message.line < y->message.line ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

void
report_sort(struct config_report *report)
{
	struct sortable *items = xcalloc(report->n_messages, sizeof(*items));
	size_t i;

	for (i = 0; i < report->n_messages; i++)
		items[i] = (struct sortable){.message = report->messages[i], .order = i};
	qsort(items, report->n_messages, sizeof(*items), cmp_sortable);
	for (i = 0; i < report->n_messages; i++)
		report->messages[i] = items[i].message;
	free(items);
}
