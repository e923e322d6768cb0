/*
 * log_sink: where the lines of util/log.h go.
 *
 * journal: stderr is the journal's stream (JOURNAL_STREAM): native entries with PRIORITY,
 *          SYSLOG_IDENTIFIER and the line's fields.
 * terminal: time, level and line, in colour unless NO_COLOR is set.
 * plain:   "<N>line", as systemd and other supervisors read it.
 */
#ifndef IO_LOG_SINK_H
#define IO_LOG_SINK_H

enum log_sink_kind {
	LOG_SINK_PLAIN,
	LOG_SINK_TERMINAL,
	LOG_SINK_JOURNAL,
	LOG_SINK_KIND_COUNT
};

const char *log_sink_kind_str(enum log_sink_kind kind);
/* Looks at stderr and sets the sink. `identifier` ("metallbd") must outlive the process. */
enum log_sink_kind log_sink_open(const char *identifier);
/* The same, with the kind given. */
void log_sink_use(enum log_sink_kind kind, const char *identifier);
/* Back to util/log's own way. */
void log_sink_close(void);

#endif
