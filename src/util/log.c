#include "util/log.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "util/str.h"

static const struct {
	const char *name;
	int priority;
} levels[] = {
    [LOG_LEVEL_ERR] = {"err", 3},
    [LOG_LEVEL_WARNING] = {"warning", 4},
    [LOG_LEVEL_NOTICE] = {"notice", 5},
    [LOG_LEVEL_INFO] = {"info", 6},
    [LOG_LEVEL_DEBUG] = {"debug", 7},
};
static_assert(sizeof(levels) / sizeof(levels[0]) == LOG_LEVEL_COUNT, "one row per level");

static struct {
	log_sink_fn *sink;
	void *arg;
	enum log_level level;
} state = {.level = LOG_LEVEL_INFO};

void
log_set_sink(log_sink_fn *sink, void *arg)
{
	state.sink = sink;
	state.arg = arg;
}

void
log_set_level(enum log_level level)
{
	state.level = level;
}

bool
log_enabled(enum log_level level)
{
	return level <= state.level;
}

const char *
log_level_str(enum log_level level)
{
	return levels[level].name;
}

int
log_level_parse(const char *s, enum log_level *ret_level)
{
	int i;

	for (i = 0; i < LOG_LEVEL_COUNT; i++) {
		if (str_eq(levels[i].name, s)) {
			*ret_level = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

int
log_level_priority(enum log_level level)
{
	return levels[level].priority;
}

/* Bytes over 0x7f may be UTF-8 and pass; what could start a new line or a terminal sequence does
 * not. */
static void
escape_controls(struct strbuf *out, const char *s)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c < 0x20 || c == 0x7f)
			strbuf_printf(out, "\\x%02x", c);
		else
			strbuf_addc(out, (char)c);
	}
}

void
log_line(
    enum log_level level, const struct log_field *fields, size_t n_fields, const char *fmt, ...)
{
	struct strbuf raw = {0}, line = {0};
	va_list ap;

	if (!log_enabled(level))
		return;
	va_start(ap, fmt);
	strbuf_vprintf(&raw, fmt, ap);
	va_end(ap);
	escape_controls(&line, strbuf_text(&raw));
	if (state.sink)
		state.sink(state.arg, level, strbuf_text(&line), fields, n_fields);
	else
		(void)fprintf(stderr, "<%d>%s\n", levels[level].priority, strbuf_text(&line));
	strbuf_free(&raw);
	strbuf_free(&line);
}
