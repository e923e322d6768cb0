/*
 * monitor: tells `metallbctl monitor` what changes. While anybody listens the daemon is looked at
 * whenever something may have changed, and each MONITOR_LOOK_USEC for what nothing tells of; what
 * differs from the look before goes to all who listen, a line each. With nobody there it costs
 * nothing.
 */
#ifndef DAEMON_MONITOR_H
#define DAEMON_MONITOR_H

#include <stdbool.h>

#include "util/mono.h"

struct ctl_connection;
struct daemon;
struct monitor;

#define MONITOR_LOOK_USEC USEC_PER_SEC

struct monitor *monitor_new(struct daemon *daemon);
/* NULL is allowed. */
void monitor_free(struct monitor *monitor);
/* After this turn it is told what changes. False: AUDIENCE_MAX listen already. */
bool monitor_add(struct monitor *monitor, struct ctl_connection *conn);
bool monitor_has(const struct monitor *monitor, const struct ctl_connection *conn);
/* It is gone; nothing when it was not added. */
void monitor_remove(struct monitor *monitor, const struct ctl_connection *conn);
/* Something may have changed. */
void monitor_look(struct monitor *monitor);

#endif
