#include "daemon/facts.h"

#include <stdlib.h>
#include <string.h>

#include "announce/plan.h"
#include "daemon/allocation.h"
#include "daemon/api.h"
#include "daemon/bgp.h"
#include "daemon/daemon.h"
#include "daemon/drain.h"
#include "daemon/heartbeat.h"
#include "daemon/l2.h"
#include "daemon/leases.h"
#include "daemon/node.h"
#include "daemon/permissions.h"
#include "daemon/probes.h"
#include "daemon/services.h"
#include "daemon/warnings.h"
#include "io/file.h"
#include "io/host.h"
#include "io/netlink.h"
#include "ipam/ipam.h"
#include "kube/watch.h"
#include "model/settings.h"
#include "util/mem.h"
#include "util/str.h"

/* --- configuration --- */

static const char *
message_text(struct arena *arena, const struct config_message *message)
{
	struct strbuf line = {0};
	const char *text;

	config_message_format(message, &line);
	text = arena_strdup(arena, strbuf_text(&line));
	strbuf_free(&line);
	return text;
}

static void
gather_config(const struct daemon *daemon, struct arena *arena, struct doctor_facts *facts)
{
	const struct config_report *loaded = &daemon->loaded, *refused = &daemon->refused;
	const char **warnings = arena_alloc(arena, loaded->n_messages, sizeof(*warnings));
	int64_t changed;
	size_t i;

	facts->config.path = daemon->path;
	facts->config.stale = daemon->stale;
	facts->config.n_errors = refused->n_errors;
	facts->config.error = "";
	for (i = 0; i < refused->n_messages && !*facts->config.error; i++)
		if (refused->messages[i].severity == CONFIG_ERROR)
			facts->config.error = message_text(arena, &refused->messages[i]);
	for (i = 0; i < loaded->n_messages; i++)
		warnings[facts->config.n_warnings++] = message_text(arena, &loaded->messages[i]);
	facts->config.warnings = warnings;
	facts->config.changed_on_disk = !file_changed_at(daemon->path, &changed) &&
	    changed > daemon->loaded_wall_usec;
}

/* --- the API and the other nodes --- */

static void
gather_api(const struct daemon *daemon, struct doctor_facts *facts)
{
	struct api_status status = api_status(daemon->api);

	switch (status.state) {
	case API_CONNECTED:
		facts->api.state = DOCTOR_API_CONNECTED;
		break;
	case API_FAILED:
		facts->api.state = DOCTOR_API_FAILED;
		break;
	case API_CONNECTING:
	case API_STATE_COUNT:
		facts->api.state = DOCTOR_API_CONNECTING;
		break;
	}
	facts->api.server = status.server;
	facts->api.error = status.error;
	facts->api.services_listed = services_is_synced(daemon->services);
	facts->api.leases_listed = kube_watch_is_synced(leases_watch(daemon->leases));
	facts->api.now_usec = loop_wall_usec();
	facts->api.token_expires_usec = status.token_expires_usec;
	facts->api.certificate_expires_usec = status.certificate_expires_usec;
	facts->api.clock_known = status.clock_known;
	facts->api.clock_ahead_usec = status.clock_ahead_usec;
}

static void
gather_permissions(const struct daemon *daemon, struct arena *arena, struct doctor_facts *facts)
{
	struct doctor_right *rights = arena_alloc(arena, kube_n_rights, sizeof(*rights));
	bool all_known = true;
	size_t i, n = 0;

	for (i = 0; i < kube_n_rights; i++) {
		struct permissions_view view = permissions_view(daemon->permissions, i);
		char *text;

		if (!view.needed)
			continue;
		all_known = all_known && view.known;
		text = kube_right_text(view.right, daemon->settings->kubernetes.namespace);
		rights[n++] = (struct doctor_right){.what = arena_strdup(arena, text),
		    .for_what = view.right->for_what,
		    .known = view.known,
		    .allowed = view.allowed};
		free(text);
	}
	facts->permissions.rights = rights;
	facts->permissions.n_rights = n;
	facts->permissions.unknown = permissions_error(daemon->permissions);
	if (!facts->permissions.unknown && !all_known)
		facts->permissions.unknown = "they were not asked for yet";
}

static int
name_cmp(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

static void
gather_cluster(const struct daemon *daemon, struct arena *arena, struct doctor_facts *facts)
{
	const struct membership *members = leases_membership(daemon->leases);
	const char **names = arena_alloc(arena, MAP_COUNT(members->members), sizeof(*names));
	const struct member *member;

	MAP_FOREACH (member, members->members)
		if (warnings_settings_differ(daemon, member))
			names[facts->cluster.n_unequal++] = member->name;
	qsort(names, facts->cluster.n_unequal, sizeof(*names), name_cmp);
	facts->cluster.unequal = names;
	facts->cluster.allocator = leader_holder(leases_leader(daemon->leases));
}

static void
gather_node(const struct daemon *daemon, struct doctor_facts *facts)
{
	facts->node.name = daemon->settings->node.name;
	facts->node.missing = node_is_missing(daemon->node);
	facts->node.excluded = daemon->plan && daemon->plan->node_excluded;
	facts->node.exclude_ignored = daemon->plan && daemon->plan->exclude_ignored;
	facts->node.network_unavailable = node_network_unavailable(daemon->node);
	facts->node.duplicate = leases_membership(daemon->leases)->state == MEMBERSHIP_DUPLICATE;
	facts->node.drained = drain_is_on(daemon->drain);
}

/* --- interfaces --- */

/* -1: not known. */
static int
ipv4_conf(const char *interface, const char *name)
{
	int value = host_ipv4_conf(interface, name);

	return value < 0 ? -1 : value;
}

static void
gather_own_addresses(const struct daemon *daemon, struct arena *arena, struct doctor_facts *facts)
{
	const struct link_table *links = netlink_table(daemon->netlink);
	struct doctor_own_address *own = NULL;
	size_t n = 0, cap = 0, i, j;

	for (i = 0; i < links->count; i++) {
		for (j = 0; j < links->items[i].n_addresses; j++) {
			const struct ip_addr *addr = &links->items[i].addresses[j].addr;
			const struct settings_pool *pool = settings_pool_of(daemon->settings, addr);
			char text[IP_ADDR_STRLEN];

			if (!pool || !settings_pool_allows(pool, addr))
				continue;
			ip_addr_format(addr, text);
			own = mem_grow(own, n, &cap, sizeof(*own));
			own[n++] = (struct doctor_own_address){
			    arena_strdup(arena, text), links->items[i].name, pool->name};
		}
	}
	facts->interfaces.own = arena_memdup(arena, own, n, sizeof(*own));
	facts->interfaces.n_own = n;
	free(own);
}

static void
gather_interfaces(const struct daemon *daemon, struct arena *arena, struct doctor_facts *facts)
{
	const struct link_table *links = netlink_table(daemon->netlink);
	struct doctor_interface *items = arena_alloc(arena, links->count, sizeof(*items));
	const char **reasons = heartbeat_unusable_reasons(daemon);
	size_t i, n_read = 0;

	for (i = 0; i < links->count; i++) {
		const char *name = links->items[i].name;

		items[i] = (struct doctor_interface){
		    .name = name, .unusable = reasons[i], .arp_ignore = -1, .rp_filter = -1};
		if (reasons[i] || n_read++ >= FACTS_MAX_SYSCTL_INTERFACES)
			continue;
		items[i].arp_ignore = ipv4_conf(name, "arp_ignore");
		items[i].rp_filter = ipv4_conf(name, "rp_filter");
	}
	free(reasons);
	facts->interfaces.items = items;
	facts->interfaces.count = links->count;
	facts->interfaces.l2 = daemon->settings->n_l2_advertisements > 0;
	for (i = 0; i < links->count; i++)
		facts->interfaces.kube_ipvs |= link_is_kube_ipvs(&links->items[i]);
	gather_own_addresses(daemon, arena, facts);
}

/* --- BGP and kube-proxy --- */

static void
gather_bgp(const struct daemon *daemon, struct arena *arena, struct doctor_facts *facts)
{
	struct doctor_peer *peers = arena_alloc(arena, bgp_count(daemon->bgp), sizeof(*peers));
	const struct peer *peer = NULL;
	size_t n = 0;

	while ((peer = bgp_next_peer(daemon->bgp, peer))) {
		struct bgp_session_status status;

		bgp_session_status(peer->session, &status);
		/* What drain has ended is meant to be down. */
		if (!status.started || status.drain != BGP_DRAIN_NONE)
			continue;
		peers[n++] = (struct doctor_peer){.name = peer->settings->name,
		    .state = bgp_state_str(status.state),
		    .reason = arena_strdup(arena, status.reason),
		    .established = status.state == BGP_ESTABLISHED};
	}
	facts->bgp.peers = peers;
	facts->bgp.n_peers = n;
	facts->bgp.cannot_listen = bgp_cannot_listen(daemon->bgp);
}

/* Whether it is obeyed ("auto": once it has ever answered) shows in the plan. */
static void
gather_kube_proxy(const struct daemon *daemon, struct doctor_facts *facts)
{
	const struct health *health = probes_health(daemon->probes);
	size_t i;

	for (i = 0; daemon->plan && i < daemon->plan->n_addresses; i++)
		if (daemon->plan->addresses[i].reason == PLAN_KUBE_PROXY_UNHEALTHY)
			facts->kube_proxy.silent = true;
	if (facts->kube_proxy.silent &&
	    health_count(health, HEALTH_KUBE_PROXY, HEALTH_PROXY_UNHEALTHY))
		facts->kube_proxy.unhealthy = true;
}

/* --- pools and Services --- */

static bool
is_announced_here(const struct daemon *daemon, const struct settings_pool *pool)
{
	const struct settings *settings = daemon->settings;
	size_t i;

	for (i = 0; daemon->plan && i < settings->n_l2_advertisements; i++)
		if (daemon->plan->advertisements[i].selected &&
		    string_list_matches(&settings->l2_advertisements[i].address_pools, pool->name))
			return true;
	return false;
}

static bool
is_on_any_link(const struct link_table *links, const struct ip_addr *addr)
{
	size_t i;

	for (i = 0; i < links->count; i++)
		if (!links->items[i].loopback && link_is_on_link(&links->items[i], addr))
			return true;
	return false;
}

static const char *
range_off_link(const struct daemon *daemon, const struct settings_pool *pool)
{
	const struct link_table *links = netlink_table(daemon->netlink);
	size_t i;

	for (i = 0; i < pool->n_addresses; i++)
		if (!is_on_any_link(links, &pool->addresses[i].range.first) &&
		    !is_on_any_link(links, &pool->addresses[i].range.last))
			return pool->addresses[i].text;
	return NULL;
}

static void
gather_pools(const struct daemon *daemon, struct arena *arena, struct doctor_facts *facts)
{
	const struct settings *settings = daemon->settings;
	struct doctor_pool *items = arena_alloc(arena, settings->n_pools, sizeof(*items));
	const struct ipam *ipam = allocation_ipam(daemon->allocation);
	struct ipam *view = NULL;
	size_t i;

	if (!ipam)
		ipam = view = allocation_view(daemon->allocation);
	for (i = 0; i < settings->n_pools; i++) {
		const struct settings_pool *pool = &settings->pools[i];
		struct ipam_pool_stats stats = {0};

		(void)ipam_pool_stats(ipam, pool->name, &stats);
		items[i] = (struct doctor_pool){.name = pool->name,
		    .families = {{stats.v4.total, stats.v4.used}, {stats.v6.total, stats.v6.used}},
		    .advertised = plan_pool_is_advertised(settings, pool),
		    .l2 = is_announced_here(daemon, pool)};
		if (items[i].l2)
			items[i].range = range_off_link(daemon, pool);
	}
	ipam_free(view);
	facts->pools.items = items;
	facts->pools.count = settings->n_pools;
}

static void
gather_services(const struct daemon *daemon, struct doctor_facts *facts)
{
	const struct service_table *table = services_table(daemon->services);
	const struct service *service;
	const char *class = daemon->settings->kubernetes.load_balancer_class;

	facts->services.example = facts->services.reason = "";
	facts->services.skipped = services_skipped(daemon->services);
	MAP_FOREACH (service, table->head) {
		if (!service_is_ours(service, class) || service->deleting ||
		    !service->condition.present || service->condition.status)
			continue;
		if (!facts->services.waiting++ ||
		    strcmp(service->key, facts->services.example) < 0) {
			facts->services.example = service->key;
			facts->services.reason = service->condition.message;
		}
	}
}

/* --- the wire --- */

struct claim_list {
	const struct daemon *daemon;
	struct arena *arena;
	struct doctor_claim *items;
	size_t count, cap;
};

static void
add_claim(struct claim_list *list, enum doctor_claimant who, const struct ip_addr *ip, int ifindex,
    const struct mac_addr *mac, mono_t at)
{
	const struct link_info *link = link_table_by_index(
	    netlink_table(list->daemon->netlink), ifindex);
	const struct member *member = who == DOCTOR_MEMBER
	    ? membership_by_mac(leases_membership(list->daemon->leases), mac)
	    : NULL;
	char ip_text[IP_ADDR_STRLEN], mac_text[MAC_ADDR_STRLEN];

	ip_addr_format(ip, ip_text);
	mac_addr_format(mac, mac_text);
	list->items = mem_grow(list->items, list->count, &list->cap, sizeof(*list->items));
	list->items[list->count++] = (struct doctor_claim){.who = who,
	    .address = arena_strdup(list->arena, ip_text),
	    .interface = link ? link->name : "?",
	    .mac = arena_strdup(list->arena, mac_text),
	    .node = member ? member->name : "?",
	    .age_usec = mono_diff_usec(loop_now(list->daemon->loop), at)};
}

static void
add_strangers(struct claim_list *list, const struct ip_addr *ip)
{
	mono_t now = loop_now(list->daemon->loop);
	struct announcer_view view;
	size_t i;

	for (i = 0; announcer_view(l2_announcer(list->daemon->l2), ip, i, &view); i++) {
		if (view.phase == ANNOUNCER_CONFLICT)
			add_claim(list, DOCTOR_STRANGER, ip, view.ifindex, &view.claimed_by,
			    view.claimed_at);
		else if (!mac_addr_is_zero(&view.claimed_by) &&
		    mono_diff_usec(now, view.claimed_at) < FACTS_CLAIM_USEC)
			add_claim(list, DOCTOR_INTRUDER, ip, view.ifindex, &view.claimed_by,
			    view.claimed_at);
	}
}

static void
add_last(struct claim_list *list, enum doctor_claimant who, const struct claims_last *last)
{
	if (!mono_is_never(last->at) &&
	    mono_diff_usec(loop_now(list->daemon->loop), last->at) < FACTS_CLAIM_USEC)
		add_claim(list, who, &last->ip, last->ifindex, &last->mac, last->at);
}

static void
gather_claims(const struct daemon *daemon, struct arena *arena, struct doctor_facts *facts)
{
	const struct responder *responder = l2_responder(daemon->l2);
	const struct responder_address *address = NULL;
	struct claim_list list = {.daemon = daemon, .arena = arena};

	while ((address = responder_next(responder, address)))
		add_strangers(&list, &address->ip);
	add_last(&list, DOCTOR_MEMBER, &daemon->claims.last_member);
	add_last(&list, DOCTOR_GATEWAY, &daemon->claims.last_gateway);
	facts->claims.items = arena_memdup(arena, list.items, list.count, sizeof(*list.items));
	facts->claims.count = list.count;
	free(list.items);
}

void
facts_gather(const struct daemon *daemon, struct arena *arena, struct doctor_facts *ret_facts)
{
	*ret_facts = (struct doctor_facts){0};
	gather_config(daemon, arena, ret_facts);
	gather_api(daemon, ret_facts);
	gather_permissions(daemon, arena, ret_facts);
	gather_cluster(daemon, arena, ret_facts);
	gather_node(daemon, ret_facts);
	gather_interfaces(daemon, arena, ret_facts);
	gather_bgp(daemon, arena, ret_facts);
	gather_kube_proxy(daemon, ret_facts);
	gather_pools(daemon, arena, ret_facts);
	gather_services(daemon, ret_facts);
	gather_claims(daemon, arena, ret_facts);
}
