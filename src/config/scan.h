/*
 * scan: what stands between the file and libconfig 1.5, which wraps large integers silently, joins
 * adjacent strings silently, calls most mistakes "syntax error", finds included files only beside
 * the first one, and tells the line of a value inexactly.
 *
 * The scanner reads the same grammar, refuses what would be misread, says what is wrong and where,
 * splices included files in, and writes the tokens again, one on a line, for libconfig to parse.
 * Pure: included files come through a function.
 */
#ifndef CONFIG_SCAN_H
#define CONFIG_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "config/report.h"
#include "util/str.h"

struct arena;

/* Gives an included file's text, which lives as long as the arena. NULL, or what is wrong. */
typedef const char *scan_include_fn(
    void *arg, struct arena *arena, const char *path, const char **ret_text, size_t *ret_len);

/* One setting of the tree (group, list or scalar), in the order of the text. */
struct scan_value {
	struct config_place place; /* of the name; of the value itself in a list */
	bool bad;                  /* refused here: libconfig sees a 0 in its place */
};

struct scan {
	struct strbuf text;        /* for libconfig */
	struct scan_value *values; /* in pre-order, the root left out */
	size_t n_values, values_cap;
	struct config_place *lines; /* where the token of each line of `text` stands */
	size_t n_lines, lines_cap;
};

/* A name that libconfig allows and no key has: a setting given twice gets it in `text`, so that
 * libconfig takes the rest. */
#define SCAN_DUPLICATE_MARK '*'

/*
 * Scans the file `name` with contents `text`. include may be NULL: @include is refused. Adds errors
 * to report; true when `text` can be given to libconfig (there may be errors all the same). File
 * names live in the report's arena, contents of included files in `arena`, which may be freed
 * afterwards.
 */
bool scan_file(struct scan *scan, struct arena *arena, const char *name, const char *text,
    size_t len, scan_include_fn *include, void *include_arg, struct config_report *report);
void scan_fini(struct scan *scan);

#endif
