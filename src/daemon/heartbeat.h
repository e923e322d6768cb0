/*
 * heartbeat: what our Lease node-NAME says about this node, gathered from interfaces, plan and
 * settings.
 */
#ifndef DAEMON_HEARTBEAT_H
#define DAEMON_HEARTBEAT_H

#include <stddef.h>

struct arena;
struct daemon;
struct settings;

/* Tells the Leases; the same again costs nothing. There must be a plan. */
void heartbeat_publish(struct daemon *daemon);
/* The name of an L2 advertisement that is the same on all nodes: its own, or "#INDEX" for one
 * without. Into arena. */
const char *
heartbeat_advertisement_name(struct arena *arena, const struct settings *settings, size_t index);
/* Why no address could be announced on an interface now, NULL where one could; an entry for each of
 * the link table. The caller frees the array, not the texts. */
const char **heartbeat_unusable_reasons(const struct daemon *daemon);

#endif
