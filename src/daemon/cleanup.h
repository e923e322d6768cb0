/*
 * cleanup: removes our traces (addresses, annotation, condition) from Services that left our view.
 *
 * A Service that vanishes from a watch of LoadBalancer Services was deleted, or has another type
 * now; which of both, nobody says. So one patch per Service names its uid: a deleted one answers
 * 404, a new one of the same name 409, and one of another type is cleaned. Servers of today empty
 * the addresses themselves when the type changes; old ones leave them, and all leave the rest.
 *
 * A daemon that does not lead remembers for a while what left, and cleans it when it comes to lead:
 * the leader may have died before it could. Where nothing is left the patch changes nothing. What
 * changes its type while no daemon runs at all is not noticed where the server filters by type.
 */
#ifndef DAEMON_CLEANUP_H
#define DAEMON_CLEANUP_H

#include <stdbool.h>
#include <stddef.h>

#include "util/mono.h"

struct api;
struct cleanup;
struct loop;
struct service;
struct service_ingress;

#define CLEANUP_MAX_IN_FLIGHT 8 /* patches */
/* What a daemon that does not lead remembers: longer than it takes until another one leads. */
#define CLEANUP_REMEMBER_USEC (2 * USEC_PER_MIN)
#define CLEANUP_MAX_REMEMBERED 1024 /* Services, the oldest go */

struct cleanup *cleanup_new(struct loop *loop, struct api *api);
/* NULL is allowed. api_stop() comes before. */
void cleanup_free(struct cleanup *cleanup);
/* `last`: as it was known, one that was ours; foreign: its ingress entries that are not ours and
 * stay. Does nothing when it carries no trace of ours, or is being deleted. */
void cleanup_add(struct cleanup *cleanup, const struct service *last,
    const struct service_ingress *foreign, size_t n_foreign);
/* It is of type LoadBalancer again, or another Service of that name is: not to be cleaned. */
void cleanup_forget(struct cleanup *cleanup, const char *key);
/* Whether this daemon leads. False at first: nothing is sent, and it is remembered for a while. */
void cleanup_set_active(struct cleanup *cleanup, bool active);

#endif
