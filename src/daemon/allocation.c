#include "daemon/allocation.h"

#include <stdlib.h>

#include <json-c/json.h>

#include "daemon/api.h"
#include "daemon/events.h"
#include "io/loop.h"
#include "ipam/ipam.h"
#include "kube/error.h"
#include "kube/json.h"
#include "kube/namespace.h"
#include "kube/path.h"
#include "kube/status.h"
#include "model/service.h"
#include "model/settings.h"
#include "util/log.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/str.h"

#define RETRY_MIN_USEC USEC_PER_SEC
#define RETRY_MAX_USEC (30 * USEC_PER_SEC)
#define NAMESPACE_REFRESH_USEC (60 * USEC_PER_SEC)

/* A Service whose status is being written, or has to be written again. */
struct pending_write {
	struct map_node node; /* by key */
	struct allocation *allocation;
	char *key, *namespace, *name, *resource_version;
	bool in_flight;
	bool again; /* it changed meanwhile */
	mono_t retry_at;
};

struct allocation {
	struct loop *loop;
	struct api *api;
	struct events *events;
	const struct service_table *table;
	const struct settings *settings;
	struct ipam *ipam;
	bool leading, synced;
	struct pending_write *writes;
	unsigned n_in_flight, n_failures; /* failures in a row */
	struct allocation_counters counters;
	struct loop_deferred settle;
	struct loop_timer retry, namespaces;
};

static bool
is_active(const struct allocation *allocation)
{
	return allocation->leading && allocation->synced;
}

/* --- writing --- */

static struct pending_write *
write_find(const struct allocation *allocation, const char *key)
{
	struct pending_write *write;

	MAP_FIND_STR(allocation->writes, key, write);
	return write;
}

static void
write_free(struct pending_write *write)
{
	MAP_DEL(write->allocation->writes, write);
	free(write->key);
	free(write->namespace);
	free(write->name);
	free(write->resource_version);
	free(write);
}

/* The Service is looked at again, by its newest version. */
static void
look_again(struct allocation *allocation, const char *key)
{
	const struct service *service = service_table_find(allocation->table, key);

	if (service && allocation->ipam)
		ipam_service_changed(allocation->ipam, service);
	loop_defer(&allocation->settle);
}

static void
write_failed(struct pending_write *write)
{
	struct allocation *allocation = write->allocation;
	int64_t wait = RETRY_MIN_USEC << (allocation->n_failures < 5 ? allocation->n_failures : 5);

	if (wait > RETRY_MAX_USEC)
		wait = RETRY_MAX_USEC;
	allocation->counters.failures++;
	allocation->n_failures++;
	write->retry_at = mono_add_usec(loop_now(allocation->loop), wait);
	loop_timer_set(&allocation->retry, mono_min(allocation->retry.deadline, write->retry_at));
}

static void
log_refusal(const struct pending_write *write, const struct api_answer *answer)
{
	const struct log_field fields[] = {{"METALLB_SERVICE", write->key}};
	struct kube_error error;

	if (answer->result != API_ANSWERED) {
		log_line(LOG_LEVEL_WARNING, fields, 1, "service=%s status not written: %s",
		    write->key, answer->error);
		return;
	}
	kube_error_decode(
	    answer->status, answer->retry_after_sec, answer->body, answer->body_len, &error);
	log_line(LOG_LEVEL_WARNING, fields, 1, "service=%s status not written: %d %s%s", write->key,
	    answer->status, error.message, answer->status == 403 ? " (apply share/rbac.yaml)" : "");
}

static void
write_done(void *arg, const struct api_answer *answer)
{
	struct pending_write *write = arg;
	struct allocation *allocation = write->allocation;
	const struct service *service = service_table_find(allocation->table, write->key);
	bool newer = service && !str_eq(service->resource_version, write->resource_version);
	bool done = answer->result == API_ANSWERED && answer->status < 300;
	bool conflict = answer->result == API_ANSWERED && answer->status == 409;

	allocation->n_in_flight--;
	write->in_flight = false;
	loop_defer(&allocation->settle);
	if (done)
		allocation->n_failures = 0;
	if (conflict)
		allocation->counters.conflicts++;
	/* Gone meanwhile, or its newer version was already seen: nothing to wait for. A conflict
	 * whose cause is still to come on the watch is settled when it comes, or by the retry. */
	if (!service || answer->status == 404 || (done && !write->again)) {
		write_free(write);
	} else if (newer || write->again) {
		look_again(allocation, write->key);
		write_free(write);
	} else {
		if (!conflict)
			log_refusal(write, answer);
		write_failed(write);
	}
}

static void
write_retry(void *arg)
{
	struct allocation *allocation = arg;
	mono_t now = loop_now(allocation->loop), next = MONO_NEVER;
	struct pending_write *write, *tmp;

	MAP_FOREACH_SAFE (write, tmp, allocation->writes) {
		if (write->in_flight)
			continue;
		if (!mono_reached(now, write->retry_at)) {
			next = mono_min(next, write->retry_at);
			continue;
		}
		look_again(allocation, write->key);
		write_free(write);
	}
	loop_timer_set(&allocation->retry, next);
}

static void
write_send(struct allocation *allocation, const struct service *service, char *body)
{
	struct pending_write *write = write_find(allocation, service->key);
	char *path = kube_path_service_status(service->namespace, service->name);

	if (!write) {
		write = xcalloc(1, sizeof(*write));
		write->allocation = allocation;
		write->key = xstrdup(service->key);
		write->namespace = xstrdup(service->namespace);
		write->name = xstrdup(service->name);
		MAP_ADD_STR(allocation->writes, write->key, write);
	}
	free(write->resource_version);
	write->resource_version = xstrdup(service->resource_version);
	write->in_flight = true;
	write->again = false;
	write->retry_at = MONO_NEVER;
	allocation->n_in_flight++;
	allocation->counters.patches++;
	api_call(allocation->api,
	    &(struct api_options){
		.method = "PATCH",
		.path = path,
		.content_type = KUBE_STRATEGIC_MERGE_PATCH,
		.body = body,
		.on_done = write_done,
		.arg = write,
	    });
	free(path);
	free(body);
}

/* --- deciding --- */

static void
log_decision(const struct service *service, const struct ipam_decision *decision)
{
	const struct log_field fields[] = {{"METALLB_SERVICE", service->key}};
	struct strbuf addresses = {0};
	size_t i;

	for (i = 0; i < decision->n_addresses; i++) {
		char ip[IP_ADDR_STRLEN];

		ip_addr_format(&decision->addresses[i], ip);
		strbuf_printf(&addresses, "%s%s", i ? "," : "", ip);
	}
	log_line(LOG_LEVEL_NOTICE, fields, 1, "service=%s %s addresses=%s%s%s: %s", service->key,
	    ipam_reason_str(decision->reason), addresses.len ? strbuf_text(&addresses) : "none",
	    decision->annotation ? " pool=" : "", decision->annotation ? decision->annotation : "",
	    decision->condition.present ? decision->condition.message
					: "nothing of ours is left on it");
	strbuf_free(&addresses);
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
	struct pending_write *write = write_find(allocation, decision->key);
	size_t i;

	if (!service)
		return;
	for (i = 0; i < decision->n_events; i++)
		events_say(allocation->events, service, decision->events[i].warning,
		    decision->events[i].reason, decision->events[i].message);
	if (decision->n_events)
		log_decision(service, decision);
	if (!decision->write_needed)
		return;
	if (write && write->in_flight)
		write->again = true;
	else
		write_send(allocation, service, encode_decision(service, decision));
}

static void namespace_ask(struct allocation *allocation, const char *name);

static void
allocation_settle(void *arg)
{
	struct allocation *allocation = arg;
	struct ipam_decision *decision;
	int i;

	if (!is_active(allocation))
		return;
	decision = xcalloc(1, sizeof(*decision));
	for (i = 0;
	     i < ALLOCATION_SETTLE_PER_TURN && allocation->n_in_flight < ALLOCATION_MAX_IN_FLIGHT;
	     i++) {
		if (!ipam_next(allocation->ipam, allocation->table, decision))
			break;
		if (decision->kind == IPAM_SETTLED)
			apply_decision(allocation, decision);
		else if (decision->kind == IPAM_NEEDS_NAMESPACE)
			namespace_ask(allocation, decision->needs_namespace);
	}
	/* More to do: in the next turn, so that packets are answered in between. Over the cap of
	 * patches, when one is answered. */
	if (i == ALLOCATION_SETTLE_PER_TURN)
		loop_defer(&allocation->settle);
	free(decision);
}

/* --- labels of namespaces --- */

struct namespace_call {
	struct allocation *allocation;
	char *name;
};

static void
namespace_done(void *arg, const struct api_answer *answer)
{
	struct namespace_call *call = arg;
	struct allocation *allocation = call->allocation;
	struct kube_namespace *namespace = NULL;
	struct json_object *json;
	bool unanswered = answer->result != API_ANSWERED || answer->status >= 500 ||
	    answer->status == 429;

	if (answer->result == API_ANSWERED && answer->status < 300 &&
	    kube_json_parse(answer->body, answer->body_len, KUBE_JSON_MAX_OBJECT_BYTES, &json) ==
		KUBE_OK) {
		(void)kube_namespace_decode(json, &namespace);
		json_object_put(json);
	}
	/* No answer is no news: what was known stays, and the next refresh asks again. */
	if (allocation->ipam && !unanswered) {
		ipam_set_namespace(
		    allocation->ipam, call->name, namespace ? &namespace->labels : NULL);
		loop_defer(&allocation->settle);
	}
	kube_namespace_free(namespace);
	free(call->name);
	free(call);
}

static void
namespace_ask(struct allocation *allocation, const char *name)
{
	struct namespace_call *call = xcalloc(1, sizeof(*call));
	char *path = kube_path_namespace(name);

	call->allocation = allocation;
	call->name = xstrdup(name);
	api_call(allocation->api,
	    &(struct api_options){
		.method = "GET", .path = path, .on_done = namespace_done, .arg = call});
	free(path);
}

static void
namespace_ask_each(void *arg, const char *name)
{
	namespace_ask(arg, name);
}

static void
namespace_refresh(void *arg)
{
	struct allocation *allocation = arg;

	if (is_active(allocation))
		ipam_foreach_namespace(allocation->ipam, namespace_ask_each, allocation);
	loop_timer_set(&allocation->namespaces,
	    mono_add_usec(loop_now(allocation->loop), NAMESPACE_REFRESH_USEC));
}

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
	if (leading)
		consider_all(allocation);
	else
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
	struct pending_write *write = write_find(allocation, service->key);

	if (!is_active(allocation))
		return;
	/* The conflict that was waited for. */
	if (write && !write->in_flight)
		write_free(write);
	ipam_service_changed(allocation->ipam, service);
	loop_defer(&allocation->settle);
}

static void
clear_done(void *arg, const struct api_answer *answer)
{
	(void)arg;
	(void)answer;
}

static bool
is_all_ours(const struct settings *settings, const struct service *service)
{
	size_t i;

	for (i = 0; i < service->n_ingress; i++)
		if (!settings_pool_of(settings, &service->ingress[i].ip))
			return false;
	return true;
}

/*
 * A Service that left our view may still exist with another type: then our addresses (old servers
 * leave them in the status), annotation and condition go. The uid keeps this from a new Service of
 * the same name; a deleted one answers 404.
 */
static void
clear_traces(struct allocation *allocation, const struct service *last)
{
	const struct kube_status_patch patch = {
	    .uid = last->uid,
	    .ingress = is_all_ours(allocation->settings, last) ? KUBE_CLEAR : KUBE_KEEP,
	    .pool_annotation = KUBE_CLEAR,
	    .condition = KUBE_CLEAR,
	};
	char *path, *body;

	if (last->deleting || !*last->uid ||
	    (!last->condition.present && !last->annotations[ANNOTATION_IP_ALLOCATED_FROM_POOL]) ||
	    !service_is_ours(last, allocation->settings->kubernetes.load_balancer_class))
		return;
	path = kube_path_service_status(last->namespace, last->name);
	body = kube_status_encode(&patch);
	api_call(allocation->api,
	    &(struct api_options){.method = "PATCH",
		.path = path,
		.content_type = KUBE_STRATEGIC_MERGE_PATCH,
		.body = body,
		.on_done = clear_done});
	free(path);
	free(body);
}

void
allocation_service_gone(struct allocation *allocation, const struct service *last)
{
	struct pending_write *write = write_find(allocation, last->key);

	if (!is_active(allocation))
		return;
	if (write && !write->in_flight)
		write_free(write);
	ipam_service_gone(allocation->ipam, last->key);
	clear_traces(allocation, last);
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

	ipam_set_settings(ipam, allocation->settings);
	ipam_learn(ipam, allocation->table);
	return ipam;
}

struct allocation_counters
allocation_counters(const struct allocation *allocation)
{
	return allocation->counters;
}

/* --- life --- */

struct allocation *
allocation_new(struct loop *loop, struct api *api, struct events *events,
    const struct service_table *table, const struct settings *settings)
{
	struct allocation *allocation = xcalloc(1, sizeof(*allocation));

	allocation->loop = loop;
	allocation->api = api;
	allocation->events = events;
	allocation->table = table;
	allocation->settings = settings;
	allocation->ipam = ipam_new();
	ipam_set_settings(allocation->ipam, settings);
	loop_deferred_init(&allocation->settle, loop, allocation_settle, allocation);
	loop_timer_init(&allocation->retry, loop, write_retry, allocation);
	loop_timer_init(&allocation->namespaces, loop, namespace_refresh, allocation);
	loop_timer_set(
	    &allocation->namespaces, mono_add_usec(loop_now(loop), NAMESPACE_REFRESH_USEC));
	return allocation;
}

void
allocation_free(struct allocation *allocation)
{
	struct pending_write *write, *tmp;

	if (!allocation)
		return;
	MAP_FOREACH_SAFE (write, tmp, allocation->writes)
		write_free(write);
	ipam_free(allocation->ipam);
	loop_deferred_fini(&allocation->settle);
	loop_timer_fini(&allocation->retry);
	loop_timer_fini(&allocation->namespaces);
	free(allocation);
}
