/*
 * log: one line per change of state, handed to a sink that the daemon sets (stderr or the journal).
 * Used by io, daemon and ctl only: pure rooms return what they have to say.
 *
 * Levels: err = needs a human; warning = degraded but going on; notice = visible to the service
 * (address taken, session up, reload done); info = life-cycle; debug = every decision.
 */
#ifndef UTIL_LOG_H
#define UTIL_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level {
	LOG_LEVEL_ERR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_NOTICE,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_COUNT
};

/* A structured field for the journal: key as METALLB_SERVICE; value as it is. */
struct log_field {
	const char *key;
	const char *value;
};

/* `line` has no newline. Fields and line are valid during the call only. */
typedef void log_sink_fn(void *arg, enum log_level level, const char *line,
    const struct log_field *fields, size_t n_fields);

/* Without a sink, lines go to stderr with a "<N>" prefix. */
void log_set_sink(log_sink_fn *sink, void *arg);
/* Lines above (more talkative than) this level are dropped. Default: info. */
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);
/* "err", "warning", ... */
const char *log_level_str(enum log_level level);
/* 0 or -EINVAL. */
int log_level_parse(const char *s, enum log_level *ret_level);
/* syslog's number of a level, for "<N>" prefixes and PRIORITY=. */
int log_level_priority(enum log_level level);

/*
 * Writes one line. Control characters in the finished text come out as \xNN, so nothing foreign can
 * forge a line; foreign text inside should still be quoted by the caller.
 */
void log_line(enum log_level level, const struct log_field *fields, size_t n_fields,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#define log_err(...) log_line(LOG_LEVEL_ERR, NULL, 0, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, NULL, 0, __VA_ARGS__)
#define log_notice(...) log_line(LOG_LEVEL_NOTICE, NULL, 0, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, NULL, 0, __VA_ARGS__)
#define log_debug(...)                                                   \
	do {                                                             \
		if (log_enabled(LOG_LEVEL_DEBUG))                        \
			log_line(LOG_LEVEL_DEBUG, NULL, 0, __VA_ARGS__); \
	} while (0)

#endif
