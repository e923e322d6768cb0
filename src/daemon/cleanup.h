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

#include <stddef.h>

struct api;
struct cleanup;
struct loop;
struct service;
struct service_ingress;

#define CLEANUP_MAX_IN_FLIGHT 8 /* patches */

struct cleanup *cleanup_new(struct loop *loop, struct api *api);
/* NULL is allowed. api_stop() comes before. */
void cleanup_free(struct cleanup *cleanup);
/* `last`: as it was known, one that was ours; foreign: its ingress entries that are not ours and
 * stay. Does nothing when it carries no trace of ours, or is being deleted. */
void cleanup_add(struct cleanup *cleanup, const struct service *last,
    const struct service_ingress *foreign, size_t n_foreign);
/* It is of type LoadBalancer again, or another Service of that name is: not to be cleaned. */
void cleanup_forget(struct cleanup *cleanup, const char *key);
/* Leadership is lost: that of the next leader. */
void cleanup_forget_all(struct cleanup *cleanup);

#endif
