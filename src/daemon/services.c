#include "daemon/services.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/watcher.h"
#include "kube/path.h"
#include "kube/service.h"
#include "util/log.h"
#include "util/mem.h"

/* Skipped objects that are remembered by name; more are only counted. */
#define SERVICES_MAX_SKIPPED 1024

/* A Service that cannot be read. */
struct skipped {
	struct map_node node;
	char *key;
	enum kube_cause cause;
};

struct services {
	struct service_table table;
	struct skipped *skipped;
	uint64_t skips;
	bool restored; /* Services of before a restart are in the table */
	struct watcher *watcher;
	const struct services_ops *ops;
	void *arg;
};

static struct skipped *
find_skipped(const struct services *services, const char *key)
{
	struct skipped *skipped;

	MAP_FIND_STR(services->skipped, key, skipped);
	return skipped;
}

static void
forget_skipped(struct services *services, const char *key)
{
	struct skipped *skipped = find_skipped(services, key);

	if (!skipped)
		return;
	MAP_DEL(services->skipped, skipped);
	free(skipped->key);
	free(skipped);
}

static void
skip(struct services *services, const char *key, enum kube_cause cause)
{
	const struct log_field fields[] = {{"METALLB_SERVICE", key}};
	struct skipped *skipped = find_skipped(services, key);

	services->skips++;
	if (skipped && skipped->cause == cause)
		return;
	/* Beyond what can be remembered it would be said at every change. */
	log_line(skipped || MAP_COUNT(services->skipped) < SERVICES_MAX_SKIPPED ? LOG_LEVEL_WARNING
										: LOG_LEVEL_DEBUG,
	    fields, 1, "service=%s is skipped: %s%s", key, kube_cause_str(cause),
	    service_table_find(&services->table, key) ? "; what was known of it stays" : "");
	if (!skipped) {
		if (MAP_COUNT(services->skipped) >= SERVICES_MAX_SKIPPED)
			return;
		skipped = xcalloc(1, sizeof(*skipped));
		skipped->key = xstrdup(key);
		MAP_ADD_STR(services->skipped, skipped->key, skipped);
	}
	skipped->cause = cause;
}

static void
on_object(void *arg, enum kube_watch_event event, const char *key, struct json_object *object)
{
	struct services *services = arg;
	struct service *service;
	enum kube_cause cause;

	if (event == KUBE_WATCH_DELETED) {
		forget_skipped(services, key);
		service = service_table_find(&services->table, key);
		if (service) {
			services->ops->gone(services->arg, service);
			(void)service_table_remove(&services->table, key);
		}
		return;
	}
	cause = kube_service_decode(object, &service);
	if (cause != KUBE_OK) {
		skip(services, key, cause);
		service = service_table_find(&services->table, key);
		/* It is in the API, though unreadable: what was known of it stays. */
		if (service)
			service->restored = false;
		return;
	}
	forget_skipped(services, key);
	service_table_put(&services->table, service);
	services->ops->changed(services->arg, service);
}

/* What was restored and is not in the list is gone. */
static void
forget_restored(struct services *services)
{
	struct service *service, *next;

	MAP_FOREACH_SAFE (service, next, services->table.head)
		if (service->restored)
			(void)service_table_remove(&services->table, service->key);
	services->restored = false;
}

static void
on_synced(void *arg, bool first)
{
	struct services *services = arg;

	if (services->restored)
		forget_restored(services);
	services->ops->synced(services->arg, first);
}

static const struct kube_watch_ops watch_ops = {.object = on_object, .synced = on_synced};

struct services *
services_new(
    struct loop *loop, struct api *api, uint64_t seed, const struct services_ops *ops, void *arg)
{
	struct services *services = xcalloc(1, sizeof(*services));

	services->ops = ops;
	services->arg = arg;
	services->watcher = watcher_new(loop, api,
	    &(struct watcher_options){
		.name = "services",
		.watch = {.path = KUBE_PATH_SERVICES,
		    .field_selector = KUBE_SERVICE_SELECTOR,
		    .matches = kube_service_is_load_balancer},
		.ops = &watch_ops,
		.arg = services,
		.seed = seed,
	    });
	return services;
}

void
services_free(struct services *services)
{
	if (!services)
		return;
	watcher_free(services->watcher);
	while (services->skipped)
		forget_skipped(services, services->skipped->key);
	service_table_clear(&services->table);
	free(services);
}

void
services_reconnect(struct services *services)
{
	watcher_restart(services->watcher);
}

void
services_relist(struct services *services)
{
	watcher_relist(services->watcher);
}

void
services_kick(struct services *services)
{
	watcher_kick(services->watcher);
}

void
services_restore(struct services *services, struct service *service)
{
	service->restored = true;
	services->restored = true;
	service_table_put(&services->table, service);
}

bool
services_is_restored(const struct services *services)
{
	return services->restored;
}

const struct service_table *
services_table(const struct services *services)
{
	return &services->table;
}

bool
services_is_synced(const struct services *services)
{
	return kube_watch_is_synced(watcher_machine(services->watcher));
}

size_t
services_skipped(const struct services *services)
{
	return MAP_COUNT(services->skipped);
}

uint64_t
services_skips(const struct services *services)
{
	return services->skips;
}

const char *
services_skip_reason(const struct services *services, const char *key)
{
	const struct skipped *skipped = find_skipped(services, key);

	return skipped ? kube_cause_str(skipped->cause) : NULL;
}

const struct kube_watch *
services_watch(const struct services *services)
{
	return watcher_machine(services->watcher);
}
