#include "daemon/heartbeat.h"

#include <stdlib.h>

#include "announce/interfaces.h"
#include "announce/plan.h"
#include "daemon/daemon.h"
#include "daemon/drain.h"
#include "daemon/leases.h"
#include "io/netlink.h"
#include "lease/member.h"
#include "model/settings.h"
#include "util/mem.h"

#include "config.h"

const char *
heartbeat_advertisement_name(struct arena *arena, const struct settings *settings, size_t index)
{
	const char *name = settings->l2_advertisements[index].name;

	return *name ? name : arena_printf(arena, "#%zu", index);
}

/* Takes over what is better than `best` has: the first verdict, or that it is used. */
static void
improve(const struct daemon *daemon, const struct string_list *globs, enum interface_verdict *best)
{
	static const enum ip_family families[] = {IP_FAMILY_V4, IP_FAMILY_V6};
	const struct link_table *links = netlink_table(daemon->netlink);
	struct interface_choice choice;
	size_t i, j;

	for (i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		interface_choice_init(
		    &choice, links, globs, &daemon->settings->node.exclude_interfaces, families[i]);
		for (j = 0; j < links->count; j++)
			if (best[j] == INTERFACE_VERDICT_COUNT ||
			    choice.candidates[j] == INTERFACE_USED)
				best[j] = choice.candidates[j];
		interface_choice_fini(&choice);
	}
}

/* The best verdict on each link over both families, the choice by prefix and the globs of every
 * advertisement. The caller frees. */
static enum interface_verdict *
verdicts(const struct daemon *daemon)
{
	const struct settings *settings = daemon->settings;
	const struct link_table *links = netlink_table(daemon->netlink);
	enum interface_verdict *best = xcalloc(links->count, sizeof(*best));
	const struct string_list none = {0};
	size_t i;

	for (i = 0; i < links->count; i++)
		best[i] = INTERFACE_VERDICT_COUNT;
	improve(daemon, &none, best);
	for (i = 0; i < settings->n_l2_advertisements; i++)
		if (settings->l2_advertisements[i].interfaces.count)
			improve(daemon, &settings->l2_advertisements[i].interfaces, best);
	return best;
}

const char **
heartbeat_unusable_reasons(const struct daemon *daemon)
{
	size_t n = netlink_table(daemon->netlink)->count, i;
	const char **reasons = xcalloc(n, sizeof(*reasons));
	enum interface_verdict *best = verdicts(daemon);

	for (i = 0; i < n; i++)
		if (best[i] != INTERFACE_USED)
			reasons[i] = interface_verdict_str(best[i]);
	free(best);
	return reasons;
}

static size_t
collect_interfaces(
    const struct daemon *daemon, struct arena *arena, struct member_interface **ret_interfaces)
{
	const struct link_table *links = netlink_table(daemon->netlink);
	struct member_interface *interfaces = arena_alloc(arena, links->count, sizeof(*interfaces));
	enum interface_verdict *best = verdicts(daemon);
	size_t n = 0, i, j;

	for (i = 0; i < links->count; i++) {
		const struct link_info *link = &links->items[i];
		struct ip_prefix *addresses = arena_alloc(
		    arena, link->n_addresses, sizeof(*addresses));
		size_t n_addresses = 0;

		for (j = 0; j < link->n_addresses; j++)
			if (!ip_addr_is_link_local(&link->addresses[j].addr) &&
			    !ip_addr_is_loopback(&link->addresses[j].addr))
				addresses[n_addresses++] = link->addresses[j];
		if (!n_addresses || link->loopback)
			continue;
		interfaces[n++] = (struct member_interface){.name = link->name,
		    .mac = link->mac,
		    .usable = best[i] == INTERFACE_USED,
		    .addresses = addresses,
		    .n_addresses = n_addresses};
	}
	free(best);
	*ret_interfaces = interfaces;
	return n;
}

static size_t
collect_advertisements(const struct daemon *daemon, struct arena *arena,
    struct member_advertisement **ret_advertisements)
{
	const struct plan *plan = daemon->plan;
	struct member_advertisement *advertisements = arena_alloc(
	    arena, plan->n_advertisements, sizeof(*advertisements));
	size_t n = 0, i;

	for (i = 0; i < plan->n_advertisements; i++) {
		uint32_t weight = plan->advertisements[i].weight;

		if (!plan->advertisements[i].selected)
			continue;
		advertisements[n++] = (struct member_advertisement){
		    .name = heartbeat_advertisement_name(arena, daemon->settings, i),
		    .weight = weight > UINT8_MAX ? UINT8_MAX : (uint8_t)weight};
	}
	*ret_advertisements = advertisements;
	return n;
}

void
heartbeat_publish(struct daemon *daemon)
{
	const struct settings *settings = daemon->settings;
	struct arena *arena = arena_new();
	struct member_interface *interfaces;
	struct member_advertisement *advertisements;
	struct member_info info = {
	    .version = PACKAGE_VERSION,
	    .hostname = daemon->hostname,
	    .machine_id = daemon->machine_id,
	    .boot_id = daemon->boot_id,
	    .instance_id = daemon->instance_id,
	    .settings_hash = settings->shared_hash,
	    .drained = drain_is_on(daemon->drain),
	    .excluded = daemon->plan->node_excluded || daemon->plan->exclude_ignored,
	    .sessions_down = "",
	};

	info.n_interfaces = collect_interfaces(daemon, arena, &interfaces);
	info.interfaces = interfaces;
	info.n_advertisements = collect_advertisements(daemon, arena, &advertisements);
	info.advertisements = advertisements;
	leases_set_member(daemon->leases, &info, settings->failover.lease_duration_usec,
	    settings->n_l2_advertisements > 0);
	arena_free(arena);
}
