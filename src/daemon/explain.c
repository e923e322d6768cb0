#include "daemon/explain.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "announce/plan.h"
#include "daemon/allocation.h"
#include "daemon/daemon.h"
#include "daemon/drain.h"
#include "daemon/l2.h"
#include "daemon/leases.h"
#include "daemon/services.h"
#include "daemon/status_bgp.h"
#include "daemon/status_l2.h"
#include "io/netlink.h"
#include "ipam/ipam.h"
#include "kube/json.h"
#include "model/settings.h"
#include "util/mem.h"
#include "util/str.h"

static const char *const policy_names[] = {[SINGLE_STACK] = "SingleStack",
    [PREFER_DUAL_STACK] = "PreferDualStack",
    [REQUIRE_DUAL_STACK] = "RequireDualStack"};
static_assert(
    sizeof(policy_names) / sizeof(policy_names[0]) == IP_FAMILY_POLICY_COUNT, "one name each");

static void __attribute__((format(printf, 2, 3))) advise(json_object *next, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	json_object_array_add(next, json_object_new_string(text));
	free(text);
}

static void
put_requested(json_object *object, const struct service *service)
{
	json_object *requested = kube_json_put_object(object, "requested"), *list;
	const char *pool = service->annotations[ANNOTATION_ADDRESS_POOL],
		   *key = service->annotations[ANNOTATION_ALLOW_SHARED_IP];
	const char *ips = service->annotations[ANNOTATION_LOAD_BALANCER_IPS];
	size_t i;

	kube_json_put_string(requested, "pool", pool ? pool : "");
	list = kube_json_put_array(requested, "addresses");
	if (ips)
		json_object_array_add(list, json_object_new_string(ips));
	if (*service->load_balancer_ip)
		json_object_array_add(list, json_object_new_string(service->load_balancer_ip));
	kube_json_put_string(requested, "sharingKey", key ? key : "");
	kube_json_put_string(
	    requested, "class", service->load_balancer_class ? service->load_balancer_class : "");
	list = kube_json_put_array(requested, "families");
	for (i = 0; i < service->n_cluster_ips; i++)
		json_object_array_add(list,
		    json_object_new_string(
			ip_family_str((enum ip_family)service->cluster_ips[i].family)));
	kube_json_put_string(requested, "policy", policy_names[service->ip_family_policy]);
}

static void
put_pool(void *arg, const char *pool, enum ipam_verdict verdict, const char *sentence)
{
	json_object *object = json_object_new_object();

	kube_json_put_string(object, "pool", pool);
	kube_json_put_bool(object, "used", verdict == IPAM_VERDICT_USED);
	kube_json_put_string(object, "reason", ipam_verdict_str(verdict));
	kube_json_put_string(object, "message", sentence);
	json_object_array_add(arg, object);
}

/* On the allocator what it decided, elsewhere what the Service's condition says. */
static void
put_allocated(const struct daemon *daemon, json_object *object, const struct service *service,
    bool has_address)
{
	json_object *allocated = kube_json_put_object(object, "allocated");
	const struct ipam *ipam = allocation_ipam(daemon->allocation);
	const char *message = service->condition.message, *reason = service->condition.reason;
	enum ipam_reason decided;

	if (ipam && ipam_service_state(ipam, service->key, &decided, &message))
		reason = ipam_reason_str(decided);
	kube_json_put_string(allocated, "state", has_address ? "allocated" : "pending");
	kube_json_put_string(allocated, "reason", reason);
	kube_json_put_string(allocated, "message", message);
}

static void
put_lease(const struct daemon *daemon, json_object *object, const struct ip_addr *ip)
{
	struct arena *arena = arena_new();
	const char *name = lease_address_name(arena, ip);
	const struct lease *lease = lease_table_find(leases_table(daemon->leases), name);
	json_object *item = kube_json_put_object(object, "lease");
	char since[32] = "";

	if (lease && lease->acquire_time_usec)
		str_format_time(lease->acquire_time_usec, since, sizeof(since));
	kube_json_put_string(item, "name", name);
	kube_json_put_string(item, "holder", lease ? lease->holder : "");
	kube_json_put_string(item, "since", since);
	kube_json_put_int(item, "transitions", lease ? lease->transitions : 0);
	arena_free(arena);
}

/* Why this node, which could announce, does not. */
static const char *
ownership_sentence(const struct daemon *daemon, const struct ip_addr *ip)
{
	const struct ownership_address *address = ownership_find(
	    leases_ownership(daemon->leases), ip);
	enum ownership_state state = address ? address->state : OWNERSHIP_WAITING;

	if (address && address->voice == VOICE_MUTE)
		return "another node announces it too; silent until the API server says whose it is";
	switch (state) {
	case OWNERSHIP_WAITING:
		return "the Leases or the Services are not known yet";
	case OWNERSHIP_UNWANTED:
		return "no Service has it";
	case OWNERSHIP_INELIGIBLE:
		return drain_is_on(daemon->drain)
		    ? "this node is drained; metallbctl undrain ends that"
		    : "this node may not announce it";
	case OWNERSHIP_OTHER:
		return "another node holds its Lease and lives";
	case OWNERSHIP_CLAIMABLE:
	case OWNERSHIP_CLAIMING:
		return "this node is about to claim it";
	case OWNERSHIP_RELEASING:
		return "this node is giving it up";
	case OWNERSHIP_OFFERING:
		return "this node offers it to others";
	case OWNERSHIP_OWNER:
	case OWNERSHIP_STATE_COUNT:
		break;
	}
	return "";
}

static void
put_here(
    const struct daemon *daemon, json_object *object, const struct ip_addr *ip, json_object *next)
{
	const struct plan_address *address = daemon->plan ? plan_find(daemon->plan, ip) : NULL;
	json_object *here = kube_json_put_object(object, "here"), *interfaces;
	bool announced = l2_is_announcing(daemon->l2, ip);
	const char *reason = address ? plan_reason_str(address->reason) : "unknown", *message = "";
	struct strbuf conflict = {0};
	size_t i;

	if (announced && status_l2_conflict(daemon, ip, &conflict)) {
		announced = false;
		reason = "addressConflict";
		message = strbuf_text(&conflict);
	} else if (!address)
		message =
		    "Services, Leases or the own Node are not known yet, or the Service is not ours";
	else if (!address->eligible)
		message = address->sentence;
	else if (!announced)
		message = ownership_sentence(daemon, ip);
	kube_json_put_bool(here, "eligible", address && address->eligible);
	kube_json_put_bool(here, "announced", announced);
	/* Announced and not eligible: on offer, and nobody has taken it. */
	if (announced && address && address->eligible)
		reason = message = "";
	kube_json_put_string(here, "reason", reason);
	kube_json_put_string(here, "message", message);
	strbuf_free(&conflict);
	interfaces = kube_json_put_array(here, "interfaces");
	for (i = 0; announced && address && i < address->n_ifindexes; i++) {
		const struct link_info *link = link_table_by_index(
		    netlink_table(daemon->netlink), address->ifindexes[i]);

		if (link)
			json_object_array_add(interfaces, json_object_new_string(link->name));
	}
	if (address && address->reason == PLAN_NO_MATCHING_ADVERTISEMENT &&
	    !address->n_advertisements)
		advise(next,
		    "no l2-advertisement matches pool %s and this Service: add one to %s on all nodes",
		    address->pool, daemon->path);
}

static void
put_addresses(const struct daemon *daemon, json_object *object, const struct service *service,
    json_object *next)
{
	json_object *list = kube_json_put_array(object, "addresses");
	size_t i;

	for (i = 0; i < service->n_ingress; i++) {
		const struct ip_addr *ip = &service->ingress[i].ip;
		const struct settings_pool *pool = settings_pool_of(daemon->settings, ip);
		json_object *item;
		char text[IP_ADDR_STRLEN];

		if (ip->family == IP_FAMILY_NONE)
			continue;
		item = json_object_new_object();
		json_object_array_add(list, item);
		ip_addr_format(ip, text);
		kube_json_put_string(item, "address", text);
		kube_json_put_string(item, "pool", pool ? pool->name : "");
		put_lease(daemon, item, ip);
		put_here(daemon, item, ip, next);
		if (daemon->settings->bgp.n_peers)
			kube_json_put(item, "bgp", status_bgp_claim(daemon, ip, service->key));
		if (!pool)
			advise(next,
			    "%s is in no pool of %s: another program gave it, or the pool was removed",
			    text, daemon->path);
	}
}

static void
advise_allocation(
    const struct daemon *daemon, const struct service *service, bool has_address, json_object *next)
{
	const char *class = daemon->settings->kubernetes.load_balancer_class;
	const char *skipped = services_skip_reason(daemon->services, service->key);

	if (skipped)
		advise(next,
		    "the newest version of this Service is unreadable (%s); what is shown is older",
		    skipped);
	if (service->type != SERVICE_LOAD_BALANCER)
		advise(next, "it is not of type LoadBalancer");
	else if (!service_is_ours(service, class))
		advise(next,
		    "its loadBalancerClass is \"%s\" and kubernetes.load-balancer-class is \"%s\": it is not for this daemon",
		    service->load_balancer_class ? service->load_balancer_class : "", class);
	else if (!daemon->settings->n_pools)
		advise(
		    next, "%s has no address-pools: add one on all nodes and reload", daemon->path);
	else if (!has_address && !*leader_holder(leases_leader(daemon->leases)))
		advise(next,
		    "no daemon holds the Lease allocator: is the API server writable, and is share/rbac.yaml applied?");
	else if (!has_address)
		advise(next,
		    "the reasons are above; the log of metallbd on node %s, which allocates, has more",
		    leader_holder(leases_leader(daemon->leases)));
}

struct json_object *
explain_service(const struct daemon *daemon, const struct service *service)
{
	json_object *object = json_object_new_object(), *next = json_object_new_array(), *pools;
	const struct ipam *ipam = allocation_ipam(daemon->allocation);
	struct ipam *view = NULL;
	bool has_address = false;
	size_t i;

	for (i = 0; i < service->n_ingress; i++)
		has_address = has_address ||
		    settings_pool_of(daemon->settings, &service->ingress[i].ip);
	kube_json_put_string(object, "service", service->key);
	put_allocated(daemon, object, service, has_address);
	put_requested(object, service);
	pools = kube_json_put_array(object, "pools");
	if (!ipam)
		ipam = view = allocation_view(daemon->allocation);
	ipam_explain(ipam, service, put_pool, pools);
	ipam_free(view);
	put_addresses(daemon, object, service, next);
	advise_allocation(daemon, service, has_address, next);
	kube_json_put(object, "next", next);
	return object;
}
