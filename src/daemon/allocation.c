#include "daemon/allocation.h"

#include <inttypes.h>
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
#include "util/list.h"
#include "util/log.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/rate.h"
#include "util/str.h"

#define RETRY_MIN_USEC USEC_PER_SEC
#define RETRY_MAX_USEC (30 * USEC_PER_SEC)
#define NAMESPACE_REFRESH_USEC (60 * USEC_PER_SEC)
#define NAMESPACE_RETRY_USEC (5 * USEC_PER_SEC)
/* Refusals that are said: so many at once, then one each. */
#define REFUSALS_BURST 10
#define REFUSALS_USEC (10 * USEC_PER_SEC)

/* A Service whose status is being written, or has to be written again. */
struct pending_write {
	struct map_node node; /* by key */
	struct allocation *allocation;
	char *key, *resource_version;
	bool in_flight;
	bool again;        /* it changed meanwhile */
	unsigned failures; /* in a row */
	mono_t retry_at;
};

/* A Service that left our view, from which our traces are to be removed. */
struct clearing {
	struct map_node node; /* by key, the oldest first */
	struct allocation *allocation;
	char *key, *path, *body;
	bool in_flight;
	bool dropped; /* it came back: not again */
};

/* A question for the labels of a namespace. */
struct namespace_call {
	TAILQ_ENTRY(namespace_call) entry; /* until it is sent */
	struct allocation *allocation;
	char *name;
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
	unsigned n_in_flight;
	struct rate refusals;
	struct clearing *clearings;
	unsigned n_clearing, clear_failures;
	mono_t clear_after; /* after a failure */
	TAILQ_HEAD(, namespace_call) questions;
	unsigned n_asking;
	struct allocation_counters counters;
	struct loop_deferred settle, clear, ask;
	struct loop_timer retry, clear_again, namespaces;
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
	free(write->resource_version);
	free(write);
}

/* The Service is looked at again, by its newest version; by who leads then, if we do no more. */
static void
look_again(struct allocation *allocation, const char *key)
{
	const struct service *service = service_table_find(allocation->table, key);

	if (service && is_active(allocation)) {
		ipam_service_changed(allocation->ipam, service);
		loop_defer(&allocation->settle);
	}
}

static int64_t
wait_after(unsigned failures)
{
	int64_t wait = RETRY_MIN_USEC << (failures < 5 ? failures : 5);

	return wait < RETRY_MAX_USEC ? wait : RETRY_MAX_USEC;
}

static void
write_later(struct pending_write *write, int64_t wait)
{
	struct allocation *allocation = write->allocation;

	write->retry_at = mono_add_usec(loop_now(allocation->loop), wait);
	loop_timer_set(&allocation->retry, mono_min(allocation->retry.deadline, write->retry_at));
}

/* Once for each Service until it is written, and not ten thousand of them when the server goes. */
static void
log_refusal(const struct pending_write *write, const struct api_answer *answer)
{
	const struct log_field fields[] = {{"METALLB_SERVICE", write->key}};
	struct rate *refusals = &write->allocation->refusals;
	struct kube_error error;
	uint64_t more;

	if (write->failures || !rate_take(refusals, loop_now(write->allocation->loop)))
		return;
	more = rate_suppressed(refusals);
	if (more)
		log_warning("service status not written for %" PRIu64 " more Services", more);
	if (answer->result != API_ANSWERED) {
		log_line(LOG_LEVEL_WARNING, fields, 1,
		    "service=%s status not written, tried again for ever: %s", write->key,
		    answer->error);
		return;
	}
	kube_error_decode(
	    answer->status, answer->retry_after_sec, answer->body, answer->body_len, &error);
	log_line(LOG_LEVEL_WARNING, fields, 1,
	    "service=%s status not written, tried again for ever: %d %s%s", write->key,
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
	if (conflict)
		allocation->counters.conflicts++;
	else if (!done && answer->status != 404)
		allocation->counters.failures++;
	/* Gone meanwhile, or its newer version was already seen: nothing to wait for. A conflict
	 * whose cause is still to come on the watch is settled when it comes, or by the retry. */
	if (!service || !is_active(allocation) || answer->status == 404 ||
	    (done && !write->again)) {
		write_free(write);
	} else if ((done || conflict) && (newer || write->again)) {
		look_again(allocation, write->key);
		write_free(write);
	} else if (conflict) {
		write_later(write, RETRY_MIN_USEC);
	} else {
		log_refusal(write, answer);
		write_later(write, wait_after(write->failures++));
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
		/* It stays, with the number of its failures, until it is written or is no longer
		 * needed. */
		write->retry_at = MONO_NEVER;
		look_again(allocation, write->key);
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
	if (!decision->write_needed) {
		if (write && !write->in_flight)
			write_free(write);
		return;
	}
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

static void
question_free(struct namespace_call *call)
{
	free(call->name);
	free(call);
}

static void
namespace_done(void *arg, const struct api_answer *answer)
{
	struct namespace_call *call = arg;
	struct allocation *allocation = call->allocation;
	struct kube_namespace *namespace = NULL;
	struct json_object *json;
	bool good = answer->result == API_ANSWERED && answer->status < 300;
	bool cannot_be_read = answer->result == API_ANSWERED &&
	    (answer->status == 404 || answer->status == 403);

	allocation->n_asking--;
	if (good &&
	    kube_json_parse(answer->body, answer->body_len, KUBE_JSON_MAX_OBJECT_BYTES, &json) ==
		KUBE_OK) {
		(void)kube_namespace_decode(json, &namespace);
		json_object_put(json);
	}
	/* Anything else is no news: what was known stays, and it is asked again. */
	if (is_active(allocation) && (namespace || cannot_be_read))
		ipam_set_namespace(
		    allocation->ipam, call->name, namespace ? &namespace->labels : NULL);
	else
		loop_timer_set(&allocation->namespaces,
		    mono_min(allocation->namespaces.deadline,
			mono_add_usec(loop_now(allocation->loop), NAMESPACE_RETRY_USEC)));
	loop_defer(&allocation->settle);
	loop_defer(&allocation->ask);
	kube_namespace_free(namespace);
	question_free(call);
}

static void
send_questions(void *arg)
{
	struct allocation *allocation = arg;
	struct namespace_call *call;
	char *path;

	while (allocation->n_asking < ALLOCATION_MAX_ASKING &&
	    (call = TAILQ_FIRST(&allocation->questions))) {
		TAILQ_REMOVE(&allocation->questions, call, entry);
		allocation->n_asking++;
		path = kube_path_namespace(call->name);
		api_call(allocation->api,
		    &(struct api_options){
			.method = "GET", .path = path, .on_done = namespace_done, .arg = call});
		free(path);
	}
}

static void
namespace_ask(struct allocation *allocation, const char *name)
{
	struct namespace_call *call = xcalloc(1, sizeof(*call));

	call->allocation = allocation;
	call->name = xstrdup(name);
	TAILQ_INSERT_TAIL(&allocation->questions, call, entry);
	loop_defer(&allocation->ask);
}

static void
forget_questions(struct allocation *allocation)
{
	struct namespace_call *call;

	while ((call = TAILQ_FIRST(&allocation->questions))) {
		TAILQ_REMOVE(&allocation->questions, call, entry);
		question_free(call);
	}
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

	/* Not again before the last round has ended. */
	if (is_active(allocation) && TAILQ_EMPTY(&allocation->questions))
		ipam_foreach_namespace(allocation->ipam, namespace_ask_each, allocation);
	loop_timer_set(&allocation->namespaces,
	    mono_add_usec(loop_now(allocation->loop), NAMESPACE_REFRESH_USEC));
}

/* --- what left our view --- */

static struct clearing *
clearing_find(const struct allocation *allocation, const char *key)
{
	struct clearing *clearing;

	MAP_FIND_STR(allocation->clearings, key, clearing);
	return clearing;
}

static void
clearing_free(struct clearing *clearing)
{
	MAP_DEL(clearing->allocation->clearings, clearing);
	free(clearing->key);
	free(clearing->path);
	free(clearing->body);
	free(clearing);
}

/* Not sent any more, nor again. */
static void
clearing_drop(struct clearing *clearing)
{
	if (clearing->in_flight)
		clearing->dropped = true;
	else
		clearing_free(clearing);
}

static void
clear_done(void *arg, const struct api_answer *answer)
{
	struct clearing *clearing = arg;
	struct allocation *allocation = clearing->allocation;
	bool again = answer->result != API_ANSWERED || answer->status >= 500 ||
	    answer->status == 429 || answer->status == 401;

	allocation->n_clearing--;
	clearing->in_flight = false;
	if (again) {
		allocation->clear_after = mono_add_usec(
		    loop_now(allocation->loop), wait_after(allocation->clear_failures++));
		loop_timer_set(&allocation->clear_again, allocation->clear_after);
	} else {
		allocation->clear_failures = 0;
	}
	if (!again || clearing->dropped)
		clearing_free(clearing);
	loop_defer(&allocation->clear);
}

static void
send_clearings(void *arg)
{
	struct allocation *allocation = arg;
	struct clearing *clearing;

	if (mono_before(loop_now(allocation->loop), allocation->clear_after))
		return;
	MAP_FOREACH (clearing, allocation->clearings) {
		if (allocation->n_clearing == ALLOCATION_MAX_CLEARING)
			return;
		if (clearing->in_flight)
			continue;
		clearing->in_flight = true;
		allocation->n_clearing++;
		api_call(allocation->api,
		    &(struct api_options){.method = "PATCH",
			.path = clearing->path,
			.content_type = KUBE_STRATEGIC_MERGE_PATCH,
			.body = clearing->body,
			.on_done = clear_done,
			.arg = clearing});
	}
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
	struct pending_write *write, *next_write;
	struct clearing *clearing, *next_clearing;

	if (leading == allocation->leading)
		return;
	allocation->leading = leading;
	if (leading) {
		consider_all(allocation);
		return;
	}
	/* What is in flight is forgotten when it is answered. */
	MAP_FOREACH_SAFE (write, next_write, allocation->writes)
		if (!write->in_flight)
			write_free(write);
	MAP_FOREACH_SAFE (clearing, next_clearing, allocation->clearings)
		clearing_drop(clearing);
	forget_questions(allocation);
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
	struct clearing *clearing = clearing_find(allocation, service->key);

	if (!is_active(allocation))
		return;
	/* It is of type LoadBalancer again, or another of that name. */
	if (clearing)
		clearing_drop(clearing);
	/* The conflict that was waited for. */
	if (write && !write->in_flight)
		write_free(write);
	ipam_service_changed(allocation->ipam, service);
	loop_defer(&allocation->settle);
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
	struct clearing *clearing;

	if (last->deleting || !*last->uid ||
	    (!last->condition.present && !last->annotations[ANNOTATION_IP_ALLOCATED_FROM_POOL]) ||
	    !service_is_ours(last, allocation->settings->kubernetes.load_balancer_class))
		return;
	clearing = clearing_find(allocation, last->key);
	if (clearing) {
		if (clearing->in_flight)
			return; /* the same Service, or its uid refuses */
		clearing_free(clearing);
	}
	clearing = xcalloc(1, sizeof(*clearing));
	clearing->allocation = allocation;
	clearing->key = xstrdup(last->key);
	clearing->path = kube_path_service_status(last->namespace, last->name);
	clearing->body = kube_status_encode(&patch);
	MAP_ADD_STR(allocation->clearings, clearing->key, clearing);
	loop_defer(&allocation->clear);
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
	TAILQ_INIT(&allocation->questions);
	rate_init(&allocation->refusals, REFUSALS_USEC, REFUSALS_BURST, loop_now(loop));
	loop_deferred_init(&allocation->settle, loop, allocation_settle, allocation);
	loop_deferred_init(&allocation->clear, loop, send_clearings, allocation);
	loop_deferred_init(&allocation->ask, loop, send_questions, allocation);
	loop_timer_init(&allocation->clear_again, loop, send_clearings, allocation);
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
	struct clearing *clearing, *next;

	if (!allocation)
		return;
	MAP_FOREACH_SAFE (write, tmp, allocation->writes)
		write_free(write);
	MAP_FOREACH_SAFE (clearing, next, allocation->clearings)
		clearing_free(clearing);
	forget_questions(allocation);
	ipam_free(allocation->ipam);
	loop_deferred_fini(&allocation->settle);
	loop_deferred_fini(&allocation->clear);
	loop_deferred_fini(&allocation->ask);
	loop_timer_fini(&allocation->clear_again);
	loop_timer_fini(&allocation->retry);
	loop_timer_fini(&allocation->namespaces);
	free(allocation);
}
