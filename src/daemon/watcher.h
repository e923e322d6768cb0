/*
 * watcher: one list/watch of one API resource. Joins kube/watch (the machine) with io/http and api
 * (the servers).
 */
#ifndef DAEMON_WATCHER_H
#define DAEMON_WATCHER_H

#include "kube/watch.h"

struct api;
struct loop;
struct watcher;

struct watcher_options {
	const char *name; /* for the log: "services" */
	struct kube_watch_config watch;
	const struct kube_watch_ops *ops; /* `notice` may be NULL: it is logged here in any case */
	void *arg;
	uint64_t seed;
};

/* Begins at once. `ops` must outlive it. */
struct watcher *
watcher_new(struct loop *loop, struct api *api, const struct watcher_options *options);
/* NULL is allowed. */
void watcher_free(struct watcher *watcher);
/* After api_reconfigure(reconnect): lists again over the new connections. What is known stays until
 * then. */
void watcher_restart(struct watcher *watcher);
/* The view is in doubt: lists again. */
void watcher_relist(struct watcher *watcher);
/* There are other credentials: ends a back-off. */
void watcher_kick(struct watcher *watcher);
/* For the machine's state and counters. */
const struct kube_watch *watcher_machine(const struct watcher *watcher);

#endif
