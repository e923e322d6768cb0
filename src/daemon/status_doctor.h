/*
 * status_doctor: what `metallbctl doctor` answers, as doc/CONTROL.md describes it.
 */
#ifndef DAEMON_STATUS_DOCTOR_H
#define DAEMON_STATUS_DOCTOR_H

struct daemon;
struct json_object;

/* The caller's. */
struct json_object *status_doctor(const struct daemon *daemon);

#endif
