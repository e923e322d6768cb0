/*
 * cleanup: removes our traces (addresses, annotation, condition) from Services that left our view.
 *
 * A Service that vanishes from a watch of LoadBalancer Services was deleted, or has another type
 * now; which of both, nobody says. So one patch per Service names its uid: a deleted one answers
 * 404, a new one of the same name 409, and one of another type is cleaned. Servers of today empty
 * the addresses themselves when the type changes; old ones leave them, and all leave the rest.
 */
#ifndef DAEMON_CLEANUP_H
#define DAEMON_CLEANUP_H

struct api;
struct cleanup;
struct loop;
struct service;
struct settings;

#define CLEANUP_MAX_IN_FLIGHT 8 /* patches */

struct cleanup *cleanup_new(struct loop *loop, struct api *api);
/* NULL is allowed. api_stop() comes before. */
void cleanup_free(struct cleanup *cleanup);
/* `last`: as it was known. Does nothing when it carries no trace of ours, or is being deleted. */
void
cleanup_add(struct cleanup *cleanup, const struct settings *settings, const struct service *last);
/* It is of type LoadBalancer again, or another Service of that name is: not to be cleaned. */
void cleanup_forget(struct cleanup *cleanup, const char *key);
/* Leadership is lost: that of the next leader. */
void cleanup_forget_all(struct cleanup *cleanup);

#endif
