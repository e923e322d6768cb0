/*
 * configuration: loads /etc/metallb.conf together with what it points to, for start, -t and reload.
 * Reading these small local files is the only synchronous I/O after start.
 */
#ifndef DAEMON_CONFIGURATION_H
#define DAEMON_CONFIGURATION_H

#include <stdio.h>

#include "config/config.h"

struct settings;

/*
 * Reads and checks the file, and the kubeconfig if it is there: a malformed one, or one whose
 * server has an address inside a pool, is an error like any other; a missing one is a warning,
 * since it may be made later. 0 with *ret_settings the caller's, or -errno and at least one error
 * in the report.
 */
int
configuration_load(const char *path, struct settings **ret_settings, struct config_report *report);
/* One line each, "FILE:LINE: key: reason". */
void configuration_print(FILE *out, const struct config_report *report);
/* The same to the log: errors as err, warnings as warning. */
void configuration_log(const struct config_report *report);

#endif
