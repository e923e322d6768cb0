/*
 * status: snapshots of the daemon as JSON, as doc/CONTROL.md describes them. Every object is the
 * caller's.
 */
#ifndef DAEMON_STATUS_H
#define DAEMON_STATUS_H

struct config_diff;
struct daemon;
struct json_object;

struct json_object *status_overview(const struct daemon *daemon);
/* All Services of ours, or the one named; NULL when that is not known. `key` may be NULL. */
struct json_object *status_services(const struct daemon *daemon, const char *key);
/* NULL when the Service is not known. */
struct json_object *status_explain(const struct daemon *daemon, const char *key);
/* All pools, or the one named; NULL when there is none of that name. `name` may be NULL. */
struct json_object *status_pools(const struct daemon *daemon, const char *name);
struct json_object *status_drain(const struct daemon *daemon);
/* A sentence for each address that a drained node still holds. */
struct json_object *status_left(const struct daemon *daemon);
struct json_object *status_leases(const struct daemon *daemon);
struct json_object *status_reload(const struct daemon *daemon, const struct config_diff *diff);
/* The errors of the file that was refused, one string each. */
struct json_object *status_config_errors(const struct daemon *daemon);

#endif
