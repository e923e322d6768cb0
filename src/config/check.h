/*
 * check: what one value alone cannot show, and what follows from other values: references,
 * overlaps, exclusions, defaults taken from other keys.
 */
#ifndef CONFIG_CHECK_H
#define CONFIG_CHECK_H

#include "config/tree.h"

struct settings;

/* Completes the settings (defaults that depend on other keys, communities, hash) and adds errors
 * and warnings. */
void check_settings(struct settings *settings, const struct tree *root,
    const struct config_environment *environment, struct config_report *report);

#endif
