/*
 * services: the Services of the cluster as the API reports them, decoded into model/service. Joins
 * the watch with the service table.
 *
 * A malformed Service is skipped: counted, said once, and the version known before, if any, stays.
 */
#ifndef DAEMON_SERVICES_H
#define DAEMON_SERVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/service.h"

struct api;
struct kube_watch;
struct loop;
struct services;

struct services_ops {
	void (*changed)(void *arg, const struct service *service);
	/* It left our view: deleted, or no longer of type LoadBalancer. `last` is what was known;
	 * it is still in the table. */
	void (*gone)(void *arg, const struct service *last);
	/* A list is complete; `first` once only. */
	void (*synced)(void *arg, bool first);
};

/* Begins to watch. `ops` must outlive it. */
struct services *services_new(
    struct loop *loop, struct api *api, uint64_t seed, const struct services_ops *ops, void *arg);
/* NULL is allowed. */
void services_free(struct services *services);
/* After api_reconfigure(reconnect). */
void services_reconnect(struct services *services);
/* The view is in doubt: lists again. */
void services_relist(struct services *services);
/* There are other credentials. */
void services_kick(struct services *services);
/*
 * A Service as it was before a restart, taken over; until the first list shows it or does not, then
 * it is gone without `gone`. Before anything was listed; `changed` is not called.
 */
void services_restore(struct services *services, struct service *service);
/* There are such. */
bool services_is_restored(const struct services *services);
const struct service_table *services_table(const struct services *services);
bool services_is_synced(const struct services *services);
/* Objects that are unreadable now, and how often one was met. */
size_t services_skipped(const struct services *services);
uint64_t services_skips(const struct services *services);
/* Why that Service is skipped, NULL when it is not. */
const char *services_skip_reason(const struct services *services, const char *key);
const struct kube_watch *services_watch(const struct services *services);

#endif
