/*
 * control: what metallbctl may ask (doc/CONTROL.md). Joins io/ctl_server with the daemon; the
 * answers are made by status.
 */
#ifndef DAEMON_CONTROL_H
#define DAEMON_CONTROL_H

#include <stdbool.h>

struct control;
struct daemon;

/* 0, or -errno after an err line: the socket cannot be had. */
int control_new(struct daemon *daemon, struct control **ret_control);
/* NULL is allowed. */
void control_free(struct control *control);
/* After a reload; `changed`: it touched `control`. When the new socket cannot be had, the old one
 * stays, that is said, and the next reload tries again. */
void control_reconfigure(struct control *control, bool changed);

/* What is told to those who monitor may have changed. */
void control_changed(struct control *control);

#endif
