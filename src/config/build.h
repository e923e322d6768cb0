/*
 * build: the tree of a file -> settings, by the table of keys: types, syntax and ranges of single
 * values, defaults, unknown and missing keys. What joins several keys is check.h's.
 */
#ifndef CONFIG_BUILD_H
#define CONFIG_BUILD_H

#include "config/tree.h"

struct settings;

/*
 * Settings in an arena of their own, for the caller to free. Where a value was wrong (an error in
 * the report says so) its text as written or the default stands, a range of no family, or a NULL
 * selector: good enough to look for more errors, nothing else.
 */
struct settings *build_settings(const struct tree *root, const char *path,
    struct config_report *report) __attribute__((returns_nonnull));

#endif
