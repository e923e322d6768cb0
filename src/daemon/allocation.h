/*
 * allocation: gives Services their addresses while this daemon holds the Lease `allocator`. Joins
 * ipam (what a Service should have) with the API: status_writer (patches), cleanup (Services that
 * left our view), namespaces (labels that pools select by) and events.
 */
#ifndef DAEMON_ALLOCATION_H
#define DAEMON_ALLOCATION_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/status_writer.h"
#include "util/addr.h"

struct allocation;
struct api;
struct events;
struct ipam;
struct loop;
struct service;
struct service_table;
struct settings;

#define ALLOCATION_SETTLE_PER_TURN 64 /* Services looked at in one turn of the loop */

/* `table` is that of services; `settings` until allocation_set_settings(). */
struct allocation *allocation_new(struct loop *loop, struct api *api, struct events *events,
    const struct service_table *table, const struct settings *settings);
/* NULL is allowed. api_stop() comes before. */
void allocation_free(struct allocation *allocation);
/* The old settings must live until this returns. */
void allocation_set_settings(struct allocation *allocation, const struct settings *settings);
/* Leadership came or went. Nothing is decided before the Services are listed. */
void allocation_set_leading(struct allocation *allocation, bool leading);
/* Whether the settings are those of more than half of the live members: only then an address is
 * taken away because of the file. */
void allocation_set_may_revoke(struct allocation *allocation, bool may_revoke);
/* Addresses of nodes, never given out. */
void allocation_set_forbidden(struct allocation *allocation, const struct ip_addr *addrs, size_t n);
void allocation_services_synced(struct allocation *allocation);
void allocation_service_changed(struct allocation *allocation, const struct service *service);
/* `last`: as it was known. */
void allocation_service_gone(struct allocation *allocation, const struct service *last);

/*
 * For explain and pools. While leading it is the ipam that decides, otherwise NULL: see
 * allocation_view().
 */
const struct ipam *allocation_ipam(const struct allocation *allocation);
/* An ipam made from what the Services say, as a new leader would see them. The caller frees it. */
struct ipam *allocation_view(const struct allocation *allocation);
struct status_writer_counters allocation_counters(const struct allocation *allocation);

#endif
