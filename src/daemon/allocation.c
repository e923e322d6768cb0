#include "daemon/allocation.h"

#include <stdlib.h>

#include "daemon/cleanup.h"
#include "daemon/events.h"
#include "daemon/namespaces.h"
#include "io/loop.h"
#include "ipam/ipam.h"
#include "kube/status.h"
#include "model/service.h"
#include "model/settings.h"
#include "util/log.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/str.h"

struct allocation {
	struct loop *loop;
	struct events *events;
	const struct service_table *table;
	const struct settings *settings;
	struct ipam *ipam;
	struct status_writer *writer;
	struct cleanup *cleanup;
	struct namespaces *namespaces;
	bool leading, synced;
	struct loop_deferred settle;
};

static bool
is_active(const struct allocation *allocation)
{
	return allocation->leading && allocation->synced;
}

/* --- deciding --- */

/* One field for the Service, one for each address: the journal finds the line by any of them. */
static void
log_decision(const struct service *service, const struct ipam_decision *decision)
{
	struct log_field *fields = xcalloc(decision->n_addresses + 1, sizeof(*fields));
	char(*texts)[IP_ADDR_STRLEN] = xcalloc(decision->n_addresses + 1, sizeof(*texts));
	struct strbuf addresses = {0};
	size_t i;

	fields[0] = (struct log_field){"METALLB_SERVICE", service->key};
	for (i = 0; i < decision->n_addresses; i++) {
		ip_addr_format(&decision->addresses[i], texts[i]);
		fields[i + 1] = (struct log_field){"METALLB_ADDRESS", texts[i]};
		strbuf_printf(&addresses, "%s%s", i ? "," : "", texts[i]);
	}
	log_line(LOG_LEVEL_NOTICE, fields, decision->n_addresses + 1,
	    "service=%s %s addresses=%s%s%s: %s", service->key, ipam_reason_str(decision->reason),
	    addresses.len ? strbuf_text(&addresses) : "none", decision->annotation ? " pool=" : "",
	    decision->annotation ? decision->annotation : "",
	    decision->condition.present ? decision->condition.message
					: "nothing of ours is left on it");
	strbuf_free(&addresses);
	free(texts);
	free(fields);
}

static char *
encode_decision(const struct service *service, const struct ipam_decision *decision)
{
	const struct kube_status_patch patch = {
	    .resource_version = service->resource_version,
	    .ingress = decision->n_ingress ? KUBE_SET : KUBE_CLEAR,
	    .entries = decision->ingress,
	    .n_entries = decision->n_ingress,
	    .pool_annotation = decision->annotation ? KUBE_SET : KUBE_CLEAR,
	    .pool = decision->annotation,
	    .remove_legacy_annotation = decision->remove_legacy_annotation,
	    .condition = decision->condition.present ? KUBE_SET : KUBE_CLEAR,
	    .condition_status = decision->condition.status,
	    .condition_reason = decision->condition.reason,
	    .condition_message = decision->condition.message,
	    .observed_generation = decision->condition.observed_generation,
	    .transition_time_usec = decision->condition_transition ? loop_wall_usec() : 0,
	};

	return kube_status_encode(&patch);
}

static void
apply_decision(struct allocation *allocation, const struct ipam_decision *decision)
{
	const struct service *service = service_table_find(allocation->table, decision->key);
	size_t i;

	if (!service)
		return;
	for (i = 0; i < decision->n_events; i++)
		events_say(allocation->events, service, decision->events[i].warning,
		    decision->events[i].reason, decision->events[i].message);
	if (decision->n_events)
		log_decision(service, decision);
	if (decision->write_needed)
		status_writer_put(allocation->writer, service, encode_decision(service, decision));
	else
		status_writer_drop(allocation->writer, service->key);
}

static void
allocation_settle(void *arg)
{
	struct allocation *allocation = arg;
	struct ipam_decision *decision;
	int i;

	if (!is_active(allocation))
		return;
	decision = xcalloc(1, sizeof(*decision));
	for (i = 0; i < ALLOCATION_SETTLE_PER_TURN && status_writer_has_room(allocation->writer);
	     i++) {
		if (!ipam_next(allocation->ipam, allocation->table, decision))
			break;
		if (decision->kind == IPAM_SETTLED)
			apply_decision(allocation, decision);
		else if (decision->kind == IPAM_NEEDS_NAMESPACE)
			namespaces_ask(allocation->namespaces, decision->needs_namespace);
	}
	/* More to do: in the next turn, so that packets are answered in between. Over the cap of
	 * patches, when one is answered. */
	if (i == ALLOCATION_SETTLE_PER_TURN)
		loop_defer(&allocation->settle);
	free(decision);
}

static void
look_again(void *arg, const struct service *service)
{
	struct allocation *allocation = arg;

	if (!is_active(allocation))
		return;
	ipam_service_changed(allocation->ipam, service);
	loop_defer(&allocation->settle);
}

static void
written(void *arg)
{
	struct allocation *allocation = arg;

	loop_defer(&allocation->settle);
}

static const struct status_writer_ops writer_ops = {.look_again = look_again, .answered = written};

static void
namespace_labels(void *arg, const char *name, const struct labels *labels)
{
	struct allocation *allocation = arg;

	if (!is_active(allocation))
		return;
	ipam_set_namespace(allocation->ipam, name, labels);
	loop_defer(&allocation->settle);
}

static void
ask_namespace(void *arg, const char *name)
{
	namespaces_ask(arg, name);
}

static void
ask_namespaces(void *arg)
{
	struct allocation *allocation = arg;

	if (is_active(allocation))
		ipam_foreach_namespace(allocation->ipam, ask_namespace, allocation->namespaces);
}

static const struct namespaces_ops namespaces_ops = {
    .labels = namespace_labels, .round = ask_namespaces};

/* --- input --- */

static void
consider_all(struct allocation *allocation)
{
	const struct service *service;

	if (!is_active(allocation))
		return;
	MAP_FOREACH (service, allocation->table->head)
		ipam_service_changed(allocation->ipam, service);
	loop_defer(&allocation->settle);
}

void
allocation_set_settings(struct allocation *allocation, const struct settings *settings)
{
	bool class_changed = !str_eq(settings->kubernetes.load_balancer_class,
	    allocation->settings->kubernetes.load_balancer_class);

	ipam_set_settings(allocation->ipam, settings);
	allocation->settings = settings;
	if (class_changed)
		consider_all(allocation);
	loop_defer(&allocation->settle);
}

void
allocation_set_leading(struct allocation *allocation, bool leading)
{
	if (leading == allocation->leading)
		return;
	allocation->leading = leading;
	status_writer_set_active(allocation->writer, leading);
	cleanup_set_active(allocation->cleanup, leading);
	if (leading) {
		consider_all(allocation);
		return;
	}
	namespaces_forget(allocation->namespaces);
	ipam_reset(allocation->ipam);
}

void
allocation_set_may_revoke(struct allocation *allocation, bool may_revoke)
{
	ipam_set_may_revoke(allocation->ipam, may_revoke);
	loop_defer(&allocation->settle);
}

void
allocation_set_forbidden(struct allocation *allocation, const struct ip_addr *addrs, size_t n)
{
	ipam_set_forbidden(allocation->ipam, addrs, n);
	loop_defer(&allocation->settle);
}

void
allocation_services_synced(struct allocation *allocation)
{
	bool first = !allocation->synced;

	allocation->synced = true;
	if (first)
		consider_all(allocation);
}

void
allocation_service_changed(struct allocation *allocation, const struct service *service)
{
	cleanup_forget(allocation->cleanup, service->key);
	if (!is_active(allocation))
		return;
	/* The conflict that was waited for. */
	status_writer_drop(allocation->writer, service->key);
	ipam_service_changed(allocation->ipam, service);
	loop_defer(&allocation->settle);
}

void
allocation_service_gone(struct allocation *allocation, const struct service *last)
{
	struct service_ingress foreign[SERVICE_MAX_INGRESS];
	size_t n_foreign;

	n_foreign = ipam_foreign_ingress(allocation->ipam, last, foreign);
	if (service_is_ours(last, allocation->settings->kubernetes.load_balancer_class))
		cleanup_add(allocation->cleanup, last, foreign, n_foreign);
	if (!is_active(allocation))
		return;
	status_writer_drop(allocation->writer, last->key);
	ipam_service_gone(allocation->ipam, last->key);
	loop_defer(&allocation->settle);
}

/* --- output --- */

const struct ipam *
allocation_ipam(const struct allocation *allocation)
{
	return is_active(allocation) ? allocation->ipam : NULL;
}

struct ipam *
allocation_view(const struct allocation *allocation)
{
	struct ipam *ipam = ipam_new();
	const struct ip_addr *forbidden;
	size_t n;

	forbidden = ipam_forbidden(allocation->ipam, &n);
	ipam_set_forbidden(ipam, forbidden, n);
	ipam_set_settings(ipam, allocation->settings);
	ipam_learn(ipam, allocation->table);
	return ipam;
}

struct status_writer_counters
allocation_counters(const struct allocation *allocation)
{
	return status_writer_counters(allocation->writer);
}

/* --- life --- */

struct allocation *
allocation_new(struct loop *loop, struct api *api, struct events *events,
    const struct service_table *table, const struct settings *settings)
{
	struct allocation *allocation = xcalloc(1, sizeof(*allocation));

	allocation->loop = loop;
	allocation->events = events;
	allocation->table = table;
	allocation->settings = settings;
	allocation->ipam = ipam_new();
	ipam_set_settings(allocation->ipam, settings);
	allocation->writer = status_writer_new(loop, api, table, &writer_ops, allocation);
	allocation->cleanup = cleanup_new(loop, api);
	allocation->namespaces = namespaces_new(loop, api, &namespaces_ops, allocation);
	loop_deferred_init(&allocation->settle, loop, allocation_settle, allocation);
	return allocation;
}

void
allocation_free(struct allocation *allocation)
{
	if (!allocation)
		return;
	status_writer_free(allocation->writer);
	cleanup_free(allocation->cleanup);
	namespaces_free(allocation->namespaces);
	ipam_free(allocation->ipam);
	loop_deferred_fini(&allocation->settle);
	free(allocation);
}
