/*
 * report: collects the messages about a file. Inside the room; others see config.h.
 */
#ifndef CONFIG_REPORT_H
#define CONFIG_REPORT_H

#include "config/config.h"

/* Where something stands. `file` lives as long as the report. */
struct config_place {
	const char *file;
	unsigned file_rank;
	unsigned line;
};

/* The report's arena, made when there is none yet. */
struct arena *report_arena(struct config_report *report) __attribute__((returns_nonnull));
/* key and reason are copied. */
void report_message(struct config_report *report, enum config_severity severity,
    const struct config_place *place, const char *key, const char *reason);
/* By file, line, and order of finding. */
void report_sort(struct config_report *report);

#endif
