/*
 * log_sink: see log_sink.h. Each line is one write: lines of several processes on one terminal do
 * not mix.
 */
#include "config.h"

#include "io/log_sink.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "util/log.h"
#include "util/mem.h"
#include "util/str.h"

#ifdef HAVE_LIBSYSTEMD
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>
#endif

#define MAX_FIELDS 32 /* of one line, more are left out */

static const char *const kinds[] = {
    [LOG_SINK_PLAIN] = "plain",
    [LOG_SINK_TERMINAL] = "terminal",
    [LOG_SINK_JOURNAL] = "journal",
};
static_assert(sizeof(kinds) / sizeof(kinds[0]) == LOG_SINK_KIND_COUNT, "one name per kind");

static const char *const colours[] = {
    [LOG_LEVEL_ERR] = "\033[1;31m",
    [LOG_LEVEL_WARNING] = "\033[33m",
    [LOG_LEVEL_NOTICE] = "\033[1m",
    [LOG_LEVEL_INFO] = "",
    [LOG_LEVEL_DEBUG] = "\033[2m",
};
static_assert(sizeof(colours) / sizeof(colours[0]) == LOG_LEVEL_COUNT, "one colour per level");

static struct {
	const char *identifier;
	bool colour;
} state;

const char *
log_sink_kind_str(enum log_sink_kind kind)
{
	return kinds[kind];
}

static void
write_line(struct strbuf *line)
{
	/* Nothing can be said about a stderr that takes nothing. */
	if (write(STDERR_FILENO, line->text, line->len) < 0)
		return;
}

static void
write_plain(void *arg, enum log_level level, const char *text, const struct log_field *fields,
    size_t n_fields)
{
	struct strbuf line = {0};

	(void)arg;
	(void)fields;
	(void)n_fields;
	strbuf_printf(&line, "<%d>%s\n", log_level_priority(level), text);
	write_line(&line);
	strbuf_free(&line);
}

static void
write_terminal(void *arg, enum log_level level, const char *text, const struct log_field *fields,
    size_t n_fields)
{
	struct strbuf line = {0};
	struct timeval tv;
	struct tm tm;
	bool colour = state.colour && *colours[level];

	(void)arg;
	(void)fields;
	(void)n_fields;
	(void)gettimeofday(&tv, NULL);
	if (!localtime_r(&tv.tv_sec, &tm))
		tm = (struct tm){0};
	strbuf_printf(&line, "%02d:%02d:%02d.%03d %s%-7s %s%s\n", tm.tm_hour, tm.tm_min, tm.tm_sec,
	    (int)(tv.tv_usec / 1000), colour ? colours[level] : "", log_level_str(level), text,
	    colour ? "\033[0m" : "");
	write_line(&line);
	strbuf_free(&line);
}

#ifdef HAVE_LIBSYSTEMD

static void
write_journal(void *arg, enum log_level level, const char *text, const struct log_field *fields,
    size_t n_fields)
{
	struct iovec iov[3 + MAX_FIELDS];
	char *strings[3 + MAX_FIELDS];
	int n = 0, i;
	size_t f;

	strings[n++] = xasprintf("PRIORITY=%d", log_level_priority(level));
	strings[n++] = xasprintf("SYSLOG_IDENTIFIER=%s", state.identifier);
	strings[n++] = xasprintf("MESSAGE=%s", text);
	for (f = 0; f < n_fields && f < MAX_FIELDS; f++)
		strings[n++] = xasprintf("%s=%s", fields[f].key, fields[f].value);
	for (i = 0; i < n; i++)
		iov[i] = (struct iovec){.iov_base = strings[i], .iov_len = strlen(strings[i])};
	/* stderr goes to the journal too. */
	if (sd_journal_sendv(iov, n) < 0)
		write_plain(arg, level, text, fields, n_fields);
	for (i = 0; i < n; i++)
		free(strings[i]);
}

#endif

/* JOURNAL_STREAM holds device and inode of the stream that systemd made, in decimal. */
static bool
is_journal(void)
{
	const char *value = getenv("JOURNAL_STREAM");
	uint64_t dev, ino;
	struct stat st;

	if (!value || sscanf(value, "%" SCNu64 ":%" SCNu64, &dev, &ino) != 2)
		return false;
	return fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

void
log_sink_use(enum log_sink_kind kind, const char *identifier)
{
	const char *no_color = getenv("NO_COLOR");

	state.identifier = identifier;
	state.colour = !no_color || !*no_color;
	switch (kind) {
	case LOG_SINK_TERMINAL:
		log_set_sink(write_terminal, NULL);
		return;
	case LOG_SINK_JOURNAL:
#ifdef HAVE_LIBSYSTEMD
		log_set_sink(write_journal, NULL);
		return;
#endif
	case LOG_SINK_PLAIN:
	case LOG_SINK_KIND_COUNT:
		break;
	}
	log_set_sink(write_plain, NULL);
}

enum log_sink_kind
log_sink_open(const char *identifier)
{
	enum log_sink_kind kind = LOG_SINK_PLAIN;

	if (is_journal())
		kind = LOG_SINK_JOURNAL;
	else if (isatty(STDERR_FILENO))
		kind = LOG_SINK_TERMINAL;
	log_sink_use(kind, identifier);
	return kind;
}

void
log_sink_close(void)
{
	log_set_sink(NULL, NULL);
}
