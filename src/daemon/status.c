#include "daemon/status.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "announce/plan.h"
#include "daemon/allocation.h"
#include "daemon/api.h"
#include "daemon/daemon.h"
#include "daemon/drain.h"
#include "daemon/events.h"
#include "daemon/explain.h"
#include "daemon/heartbeat.h"
#include "daemon/l2.h"
#include "daemon/leases.h"
#include "daemon/node.h"
#include "daemon/services.h"
#include "daemon/status_health.h"
#include "io/netlink.h"
#include "ipam/ipam.h"
#include "kube/json.h"
#include "kube/watch.h"
#include "model/settings.h"
#include "util/mem.h"
#include "util/str.h"

#include "config.h"

/* "" for a time that is not known. */
static void
put_time(json_object *object, const char *key, int64_t unix_usec)
{
	char text[32] = "";

	if (unix_usec)
		str_format_time(unix_usec, text, sizeof(text));
	kube_json_put_string(object, key, text);
}

static void
put_addr(json_object *object, const char *key, const struct ip_addr *addr)
{
	char text[IP_ADDR_STRLEN];

	ip_addr_format(addr, text);
	kube_json_put_string(object, key, text);
}

/* Words separated by commas, as our own Leases have them. */
static void
put_words(json_object *object, const char *key, const char *text)
{
	json_object *list = kube_json_put_array(object, key);

	while (text && *text) {
		size_t len = strcspn(text, ",");
		char *word = xstrndup(text, len);

		kube_json_append_string(list, word);
		free(word);
		text += len + (text[len] == ',');
	}
}

/* --- Services --- */

static bool
is_ours(const struct daemon *daemon, const struct service *service)
{
	return service_is_ours(service, daemon->settings->kubernetes.load_balancer_class) &&
	    !service->deleting;
}

static bool
has_address(const struct daemon *daemon, const struct service *service)
{
	size_t i;

	for (i = 0; i < service->n_ingress; i++)
		if (service->ingress[i].ip.family != IP_FAMILY_NONE &&
		    settings_pool_of(daemon->settings, &service->ingress[i].ip))
			return true;
	return false;
}

static const char *
service_state(const struct daemon *daemon, const struct service *service)
{
	return has_address(daemon, service) ? "allocated" : "pending";
}

static void
put_announced(const struct daemon *daemon, json_object *object, const struct ip_addr *ip)
{
	const struct plan_address *address = daemon->plan ? plan_find(daemon->plan, ip) : NULL;
	bool announced = l2_is_announcing(daemon->l2, ip);
	json_object *list;
	size_t i;

	kube_json_put_bool(object, "announced", announced);
	list = kube_json_put_array(object, "interfaces");
	for (i = 0; announced && address && i < address->n_ifindexes; i++) {
		const struct link_info *link = link_table_by_index(
		    netlink_table(daemon->netlink), address->ifindexes[i]);

		if (link)
			kube_json_append_string(list, link->name);
	}
}

static const struct lease *
lease_of(const struct daemon *daemon, const struct ip_addr *ip)
{
	struct arena *arena = arena_new();
	const struct lease *lease = lease_table_find(
	    leases_table(daemon->leases), lease_address_name(arena, ip));

	arena_free(arena);
	return lease;
}

static void
put_service_address(const struct daemon *daemon, json_object *list, const struct ip_addr *ip)
{
	const struct settings_pool *pool = settings_pool_of(daemon->settings, ip);
	const struct lease *lease = lease_of(daemon, ip);
	json_object *object = kube_json_append_object(list);

	put_addr(object, "address", ip);
	kube_json_put_string(object, "pool", pool ? pool->name : "");
	kube_json_put_string(object, "owner", lease ? lease->holder : "");
	put_announced(daemon, object, ip);
}

static void
put_service(const struct daemon *daemon, json_object *list, const struct service *service)
{
	json_object *object = kube_json_append_object(list), *addresses;
	bool failed = service->condition.present && !service->condition.status;
	size_t i;

	kube_json_put_string(object, "service", service->key);
	kube_json_put_string(object, "policy", service->traffic_policy_local ? "Local" : "Cluster");
	kube_json_put_string(object, "state", service_state(daemon, service));
	kube_json_put_string(object, "reason", service->condition.reason);
	kube_json_put_string(object, "message", failed ? service->condition.message : "");
	status_put_service_health(daemon, object, service);
	addresses = kube_json_put_array(object, "addresses");
	for (i = 0; i < service->n_ingress; i++)
		if (service->ingress[i].ip.family != IP_FAMILY_NONE)
			put_service_address(daemon, addresses, &service->ingress[i].ip);
}

static int
service_cmp(const void *a, const void *b)
{
	const struct service *const *sa = a, *const *sb = b;

	return strcmp((*sa)->key, (*sb)->key);
}

/* Ours, by key. The caller frees the array. */
static const struct service **
sorted_services(const struct daemon *daemon, size_t *ret_count)
{
	const struct service_table *table = services_table(daemon->services);
	const struct service **services = xcalloc(MAP_COUNT(table->head), sizeof(*services)),
			     *service;
	size_t n = 0;

	MAP_FOREACH (service, table->head)
		if (is_ours(daemon, service))
			services[n++] = service;
	qsort(services, n, sizeof(*services), service_cmp);
	*ret_count = n;
	return services;
}

struct json_object *
status_services(const struct daemon *daemon, const char *key)
{
	json_object *object = json_object_new_object(),
		    *list = kube_json_put_array(object, "services");
	const struct service **services, *service;
	size_t n, i;

	if (key) {
		service = service_table_find(services_table(daemon->services), key);
		if (!service) {
			json_object_put(object);
			return NULL;
		}
		put_service(daemon, list, service);
		return object;
	}
	services = sorted_services(daemon, &n);
	for (i = 0; i < n; i++)
		put_service(daemon, list, services[i]);
	free(services);
	return object;
}

/* --- explain --- */

struct json_object *
status_explain(const struct daemon *daemon, const char *key)
{
	const struct service *service = service_table_find(services_table(daemon->services), key);

	return service ? explain_service(daemon, service) : NULL;
}

/* --- pools --- */

struct held_list {
	const char *pool;
	json_object *list, *last;
	struct ip_addr last_address;
};

/* The pool of an address: its name is in the annotation that came with it, which may name two. */
static void
put_held(void *arg, const struct ipam_held *held)
{
	struct held_list *lists = arg;

	for (; lists->pool; lists++) {
		if (!str_eq(lists->pool, held->pool))
			continue;
		if (!lists->last || !ip_addr_eq(&lists->last_address, &held->address)) {
			lists->last = kube_json_append_object(lists->list);
			lists->last_address = held->address;
			put_addr(lists->last, "address", &held->address);
			(void)kube_json_put_array(lists->last, "services");
		}
		kube_json_append_string(
		    json_object_object_get(lists->last, "services"), held->service);
		return;
	}
}

static void
put_count(json_object *pool, const char *key, const struct ipam_count *count)
{
	json_object *object = kube_json_put_object(pool, key);

	json_object_object_add(object, "total", json_object_new_uint64(count->total));
	json_object_object_add(object, "used", json_object_new_uint64(count->used));
	json_object_object_add(object, "free", json_object_new_uint64(count->free));
}

static void
put_advertised(const struct daemon *daemon, json_object *object, const struct settings_pool *pool)
{
	json_object *advertised = kube_json_put_object(object, "advertised"),
		    *l2 = kube_json_put_array(advertised, "l2");
	json_object *bgp = kube_json_put_array(advertised, "bgp");
	const struct settings *settings = daemon->settings;
	struct arena *arena = arena_new();
	size_t i;

	for (i = 0; i < settings->n_l2_advertisements; i++)
		if (string_list_matches(&settings->l2_advertisements[i].address_pools, pool->name))
			kube_json_append_string(
			    l2, heartbeat_advertisement_name(arena, settings, i));
	for (i = 0; i < settings->bgp.n_advertisements; i++)
		if (string_list_matches(&settings->bgp.advertisements[i].address_pools, pool->name))
			kube_json_append_string(bgp, settings->bgp.advertisements[i].name);
	arena_free(arena);
}

static json_object *
put_pool(const struct daemon *daemon, const struct ipam *ipam, json_object *list,
    const struct settings_pool *pool)
{
	json_object *object = kube_json_append_object(list), *addresses;
	struct ipam_pool_stats stats = {0};
	size_t i;

	kube_json_put_string(object, "name", pool->name);
	addresses = kube_json_put_array(object, "addresses");
	for (i = 0; i < pool->n_addresses; i++)
		kube_json_append_string(addresses, pool->addresses[i].text);
	kube_json_put_bool(object, "auto_assign", pool->auto_assign);
	kube_json_put_int(object, "priority", pool->priority);
	(void)ipam_pool_stats(ipam, pool->name, &stats);
	put_count(object, "ipv4", &stats.v4);
	put_count(object, "ipv6", &stats.v6);
	put_advertised(daemon, object, pool);
	return kube_json_put_array(object, "services");
}

struct json_object *
status_pools(const struct daemon *daemon, const char *name)
{
	const struct settings *settings = daemon->settings;
	json_object *object, *list;
	struct held_list *held;
	struct ipam *view = NULL;
	const struct ipam *ipam;
	size_t i, n = 0;

	if (name && !settings_pool_by_name(settings, name))
		return NULL;
	ipam = allocation_ipam(daemon->allocation);
	if (!ipam)
		ipam = view = allocation_view(daemon->allocation);
	object = json_object_new_object();
	list = kube_json_put_array(object, "pools");
	held = xcalloc(settings->n_pools + 1, sizeof(*held));
	for (i = 0; i < settings->n_pools; i++) {
		if (name && !str_eq(name, settings->pools[i].name))
			continue;
		held[n].pool = settings->pools[i].name;
		held[n++].list = put_pool(daemon, ipam, list, &settings->pools[i]);
	}
	ipam_foreach_held(ipam, put_held, held);
	free(held);
	ipam_free(view);
	return object;
}

/* --- Leases --- */

static const char *
kind_str(enum lease_kind kind)
{
	switch (kind) {
	case LEASE_ALLOCATOR:
		return "allocator";
	case LEASE_NODE:
		return "node";
	case LEASE_ADDRESS:
		return "address";
	case LEASE_OTHER:
	case LEASE_KIND_COUNT:
		break;
	}
	return "other";
}

/* A node Lease that has aged out, and what its node holds. */
static const char *
lease_state(const struct daemon *daemon, const struct lease *lease)
{
	const struct member *member;

	if (!lease_is_held(lease))
		return "unheld";
	member = membership_find(leases_membership(daemon->leases), lease->holder);
	return !member || !member->present || member->state == MEMBER_EXPIRED ? "expired" : "held";
}

static int
lease_cmp(const void *a, const void *b)
{
	const struct lease *const *la = a, *const *lb = b;
	enum lease_kind ka = lease_kind_of((*la)->name), kb = lease_kind_of((*lb)->name);
	struct ip_addr ia, ib;

	if (ka == LEASE_ADDRESS && kb == LEASE_ADDRESS &&
	    !lease_parse_address_name((*la)->name, &ia) &&
	    !lease_parse_address_name((*lb)->name, &ib))
		return ip_addr_cmp(&ia, &ib);
	return strcmp((*la)->name, (*lb)->name);
}

static void
put_lease(const struct daemon *daemon, json_object *list, const struct lease *lease)
{
	json_object *object = kube_json_append_object(list);

	kube_json_put_string(object, "name", lease->name);
	kube_json_put_string(object, "kind", kind_str(lease_kind_of(lease->name)));
	kube_json_put_string(object, "holder", lease->holder);
	kube_json_put_string(object, "state", lease_state(daemon, lease));
	put_time(object, "since", lease->acquire_time_usec);
	put_time(object, "renewed", lease->renew_time_usec);
	kube_json_put_int(object, "transitions", lease->transitions);
	kube_json_put_int(object, "leaseDurationSeconds", lease->duration_seconds);
	put_words(object, "services", lease_annotation(lease, OWNERSHIP_ANNOTATION_SERVICES));
}

struct json_object *
status_leases(const struct daemon *daemon)
{
	const struct lease_table *table = leases_table(daemon->leases);
	const struct lease **leases = xcalloc(MAP_COUNT(table->head), sizeof(*leases)), *lease;
	json_object *object = json_object_new_object(),
		    *list = kube_json_put_array(object, "leases");
	size_t n = 0, i;

	MAP_FOREACH (lease, table->head)
		leases[n++] = lease;
	qsort(leases, n, sizeof(*leases), lease_cmp);
	for (i = 0; i < n; i++)
		put_lease(daemon, list, leases[i]);
	free(leases);
	return object;
}

/* --- status --- */

static void
put_config(const struct daemon *daemon, json_object *status)
{
	json_object *object = kube_json_put_object(status, "config");

	kube_json_put_string(object, "path", daemon->path);
	put_time(object, "loaded", daemon->loaded_wall_usec);
	kube_json_put_bool(object, "stale", daemon->stale);
	kube_json_put(object, "errors", status_config_errors(daemon));
}

static void
put_api(const struct daemon *daemon, json_object *status)
{
	struct api_status api = api_status(daemon->api);
	json_object *object = kube_json_put_object(status, "api");

	kube_json_put_string(object, "state", api_state_str(api.state));
	kube_json_put_string(object, "server", api.server);
	put_time(object, "since", api.since_wall_usec);
	kube_json_put_string(object, "error", api.error);
	kube_json_put_bool(object, "services_synced", services_is_synced(daemon->services));
	kube_json_put_bool(
	    object, "leases_synced", kube_watch_is_synced(leases_watch(daemon->leases)));
	kube_json_put_string(object, "http_version",
	    api.http_version == 20       ? "2"
		: api.http_version == 11 ? "1.1"
		: api.http_version == 10 ? "1.0"
					 : "");
	kube_json_put_int(object, "requests", (int64_t)api.requests);
	kube_json_put_int(object, "errors", (int64_t)api.errors);
}

static void
put_allocator(const struct daemon *daemon, json_object *status)
{
	const struct lease *lease = lease_table_find(leases_table(daemon->leases), LEADER_LEASE);
	json_object *object = kube_json_put_object(status, "allocator");

	kube_json_put_string(object, "holder", leader_holder(leases_leader(daemon->leases)));
	kube_json_put_bool(object, "me", leases_is_leading(daemon->leases));
	put_time(object, "since", lease ? lease->acquire_time_usec : 0);
	kube_json_put_int(object, "leaseDurationSeconds", lease ? lease->duration_seconds : 0);
}

static void
put_counts(const struct daemon *daemon, json_object *status)
{
	const struct service_table *table = services_table(daemon->services);
	json_object *object = kube_json_put_object(status, "services");
	size_t n, i, allocated = 0;
	const struct service **services = sorted_services(daemon, &n);

	for (i = 0; i < n; i++)
		allocated += has_address(daemon, services[i]);
	free(services);
	kube_json_put_int(object, "total", (int64_t)MAP_COUNT(table->head));
	kube_json_put_int(object, "ours", (int64_t)n);
	kube_json_put_int(object, "allocated", (int64_t)allocated);
	kube_json_put_int(object, "pending", (int64_t)(n - allocated));
	kube_json_put_int(object, "skipped", (int64_t)services_skipped(daemon->services));
	object = kube_json_put_object(status, "addresses");
	kube_json_put_int(object, "held", daemon->plan ? (int64_t)daemon->plan->n_addresses : 0);
	kube_json_put_int(object, "owned", leases_ownership(daemon->leases)->n_ours);
	kube_json_put_int(object, "announced", (int64_t)responder_count(l2_responder(daemon->l2)));
}

static void
put_drain(const struct daemon *daemon, json_object *object)
{
	kube_json_put_bool(object, "drained", drain_is_on(daemon->drain));
	put_time(object, "since", drain_since_usec(daemon->drain));
	kube_json_put_int(object, "left", leases_ownership(daemon->leases)->n_ours);
}

struct json_object *
status_drain(const struct daemon *daemon)
{
	json_object *object = json_object_new_object();

	put_drain(daemon, object);
	return object;
}

/* More are only counted. */
#define STATUS_MAX_LEFT 100

static int
ownership_cmp(const void *a, const void *b)
{
	const struct ownership_address *const *x = a, *const *y = b;

	return ip_addr_cmp(&(*x)->addr, &(*y)->addr);
}

struct json_object *
status_left(const struct daemon *daemon)
{
	const struct ownership *ownership = leases_ownership(daemon->leases);
	const struct ownership_address **left = xcalloc(ownership->n_ours + 1, sizeof(*left)),
				       *address;
	json_object *list = json_object_new_array();
	char ip[IP_ADDR_STRLEN], *line;
	size_t n = 0, i;

	MAP_FOREACH (address, ownership->addresses)
		if (address->ours && n < ownership->n_ours)
			left[n++] = address;
	qsort(left, n, sizeof(*left), ownership_cmp);
	for (i = 0; i < n && i < STATUS_MAX_LEFT; i++) {
		ip_addr_format(&left[i]->addr, ip);
		line = xasprintf("%s (%s): %s", ip, left[i]->services,
		    left[i]->offer.untaken ? "no other node takes it" : "not handed over yet");
		kube_json_append_string(list, line);
		free(line);
	}
	if (n > STATUS_MAX_LEFT) {
		line = xasprintf("and %zu more", n - STATUS_MAX_LEFT);
		kube_json_append_string(list, line);
		free(line);
	}
	free(left);
	return list;
}

static void
put_prefixes(json_object *object, const char *key, const struct ip_prefix *prefixes, size_t n)
{
	json_object *list = kube_json_put_array(object, key);
	char text[IP_PREFIX_STRLEN];
	size_t i;

	for (i = 0; i < n; i++) {
		ip_prefix_format(&prefixes[i], text);
		kube_json_append_string(list, text);
	}
}

static void
put_interfaces(const struct daemon *daemon, json_object *status)
{
	const struct link_table *links = netlink_table(daemon->netlink);
	json_object *list = kube_json_put_array(status, "interfaces");
	const char **reasons = heartbeat_unusable_reasons(daemon);
	char mac[MAC_ADDR_STRLEN];
	size_t i;

	for (i = 0; i < links->count; i++) {
		const struct link_info *link = &links->items[i];
		json_object *object = kube_json_append_object(list);

		kube_json_put_string(object, "name", link->name);
		mac_addr_format(&link->mac, mac);
		kube_json_put_string(object, "mac", mac);
		kube_json_put_string(object, "state",
		    !link->up           ? "down"
			: link->carrier ? "up"
					: "no-carrier");
		kube_json_put_bool(object, "usable", !reasons[i]);
		kube_json_put_string(object, "reason", reasons[i] ? reasons[i] : "");
		put_prefixes(object, "addresses", link->addresses, link->n_addresses);
	}
	free(reasons);
}

static int
member_cmp(const void *a, const void *b)
{
	const struct member *const *ma = a, *const *mb = b;

	return strcmp((*ma)->name, (*mb)->name);
}

static void
put_member(const struct daemon *daemon, json_object *list, const struct member *member)
{
	json_object *object = kube_json_append_object(list), *interfaces;
	char hash[17];
	size_t i;

	(void)snprintf(hash, sizeof(hash), "%016" PRIx64, member->info->settings_hash);
	kube_json_put_string(object, "node", member->name);
	kube_json_put_string(object, "state", member_state_str(member->state));
	json_object_object_add(object, "age",
	    json_object_new_double(
		(double)mono_diff_usec(loop_clock(), member->changed) / USEC_PER_SEC));
	kube_json_put_int(object, "leaseDurationSeconds", member->duration_usec / USEC_PER_SEC);
	kube_json_put_string(object, "settings", hash);
	kube_json_put_string(object, "version", member->info->version);
	interfaces = kube_json_put_object(object, "addresses");
	for (i = 0; i < member->info->n_interfaces; i++)
		put_prefixes(interfaces, member->info->interfaces[i].name,
		    member->info->interfaces[i].addresses, member->info->interfaces[i].n_addresses);
	(void)daemon;
}

static void
put_members(const struct daemon *daemon, json_object *status)
{
	const struct membership *members = leases_membership(daemon->leases);
	const struct member **sorted = xcalloc(MAP_COUNT(members->members), sizeof(*sorted)),
			    *member;
	json_object *list = kube_json_put_array(status, "members");
	size_t n = 0, i;

	MAP_FOREACH (member, members->members)
		if (member->present && member->info)
			sorted[n++] = member;
	qsort(sorted, n, sizeof(*sorted), member_cmp);
	for (i = 0; i < n; i++)
		put_member(daemon, list, sorted[i]);
	free(sorted);
}

static void
put_warnings(const struct daemon *daemon, json_object *status)
{
	json_object *list = kube_json_put_array(status, "warnings");
	int i;

	for (i = 0; i < WARNING_COUNT; i++)
		if (*warnings_text(&daemon->warnings, (enum warning)i))
			kube_json_append_string(
			    list, warnings_text(&daemon->warnings, (enum warning)i));
	if (node_is_missing(daemon->node))
		kube_json_append_string(
		    list, "the API server has no Node of this node's name: is node.name right?");
	if (daemon->plan && daemon->plan->node_excluded)
		kube_json_append_string(list,
		    "this node has the label " LABEL_EXCLUDE_FROM_EXTERNAL_LOAD_BALANCERS
		    " and announces nothing; node.ignore-exclude-label = true makes it announce all the same");
	if (leases_membership(daemon->leases)->state == MEMBERSHIP_DUPLICATE)
		kube_json_append_string(
		    list, "another machine uses this node's name: this one announces nothing");
}

struct json_object *
status_overview(const struct daemon *daemon)
{
	json_object *status = json_object_new_object();

	kube_json_put_string(status, "version", PACKAGE_VERSION);
	kube_json_put_string(status, "node", daemon->settings->node.name);
	kube_json_put_int(status, "pid", getpid());
	put_time(status, "started", daemon->started_wall_usec);
	put_config(daemon, status);
	put_api(daemon, status);
	put_allocator(daemon, status);
	put_counts(daemon, status);
	put_drain(daemon, kube_json_put_object(status, "drain"));
	put_interfaces(daemon, status);
	put_members(daemon, status);
	status_put_health(daemon, status);
	put_warnings(daemon, status);
	return status;
}

/* --- reload --- */

struct json_object *
status_config_errors(const struct daemon *daemon)
{
	json_object *list = json_object_new_array();
	struct strbuf line = {0};
	size_t i;

	for (i = 0; i < daemon->refused.n_messages; i++) {
		if (daemon->refused.messages[i].severity != CONFIG_ERROR)
			continue;
		strbuf_clear(&line);
		config_message_format(&daemon->refused.messages[i], &line);
		kube_json_append_string(list, strbuf_text(&line));
	}
	strbuf_free(&line);
	return list;
}

struct json_object *
status_reload(const struct daemon *daemon, const struct config_diff *diff)
{
	json_object *object = json_object_new_object(),
		    *list = kube_json_put_array(object, "changes");
	size_t i, j;

	for (i = 0; i < diff->n_changes; i++) {
		const struct config_change *change = &diff->changes[i];
		json_object *item = kube_json_append_object(list), *fields;

		kube_json_put_string(item, "key", change->key);
		kube_json_put_string(item, "change", config_change_kind_str(change->kind));
		fields = kube_json_put_array(item, "fields");
		for (j = 0; j < change->n_fields; j++)
			kube_json_append_string(fields, change->fields[j]);
		kube_json_put_string(item, "effect", config_effect_str(change->effect));
	}
	put_warnings(daemon, object);
	return object;
}
