#include "daemon/wants.h"

#include <stdlib.h>

#include "announce/plan.h"
#include "daemon/daemon.h"
#include "daemon/heartbeat.h"
#include "daemon/leases.h"
#include "io/netlink.h"
#include "model/settings.h"
#include "util/mem.h"

/* Only what an L2 advertisement could ever announce has a Lease. */
static bool
has_lease(const struct plan_address *address)
{
	return address->n_advertisements > 0;
}

/* Adds the prefixes of one interface: of one family, or of both (IP_FAMILY_NONE). */
static size_t
add_subnets(const struct link_info *link, enum ip_family family, struct ip_prefix **subnets,
    size_t n, size_t *cap)
{
	size_t i;

	for (i = 0; i < link->n_addresses; i++) {
		const struct ip_prefix *prefix = &link->addresses[i];

		if ((family != IP_FAMILY_NONE && prefix->addr.family != family) ||
		    ip_addr_is_link_local(&prefix->addr))
			continue;
		*subnets = mem_grow(*subnets, n, cap, sizeof(**subnets));
		(*subnets)[n++] = *prefix;
	}
	return n;
}

/* The connected prefixes over which the address would be announced: who else could announce it has
 * an address there. Of the address's own family where an interface has one: a node without it is
 * no help. IPv6 needs none beside the link-local address, which is the same on all links. */
static struct ip_prefix *
subnets_of(const struct daemon *daemon, const struct plan_address *address, size_t *ret_count)
{
	const enum ip_family families[] = {(enum ip_family)address->ip.family, IP_FAMILY_NONE};
	const struct link_table *links = netlink_table(daemon->netlink);
	struct ip_prefix *subnets = NULL;
	size_t n = 0, cap = 0, pass, i;

	for (pass = 0; pass < 2 && !n; pass++) {
		for (i = 0; i < address->n_ifindexes; i++) {
			const struct link_info *link = link_table_by_index(
			    links, address->ifindexes[i]);

			if (link)
				n = add_subnets(link, families[pass], &subnets, n, &cap);
		}
	}
	*ret_count = n;
	return subnets;
}

/* `names`: of all L2 advertisements. */
static void
want(struct daemon *daemon, const struct plan_address *address, const char *const *names)
{
	const char **advertisements = xcalloc(address->n_advertisements, sizeof(*advertisements));
	struct ip_prefix *subnets;
	size_t n_subnets, i;

	for (i = 0; i < address->n_advertisements; i++)
		advertisements[i] = names[address->advertisements[i]];
	subnets = subnets_of(daemon, address, &n_subnets);
	leases_want(daemon->leases,
	    &(struct ownership_want){
		.addr = address->ip,
		.eligible = address->eligible,
		.serving = address->serving,
		.undecided = address->undecided,
		.reason = address->sentence,
		.services = (const char *const *)address->services,
		.n_services = address->n_services,
		.scope = {.advertisements = advertisements,
		    .n_advertisements = address->n_advertisements,
		    .subnets = subnets,
		    .n_subnets = n_subnets},
	    });
	free(subnets);
	free(advertisements);
}

/* Both lists are sorted: what was wanted and is no more, is unwanted. */
void
wants_follow_plan(struct daemon *daemon)
{
	const struct plan *plan = daemon->plan;
	const struct settings *settings = daemon->settings;
	struct ip_addr *wanted = xcalloc(plan->n_addresses, sizeof(*wanted));
	const char **names = xcalloc(settings->n_l2_advertisements, sizeof(*names));
	struct arena *arena = arena_new();
	size_t n = 0, i, old = 0;

	for (i = 0; i < settings->n_l2_advertisements; i++)
		names[i] = heartbeat_advertisement_name(arena, settings, i);
	for (i = 0; i < plan->n_addresses; i++) {
		if (!has_lease(&plan->addresses[i]))
			continue;
		wanted[n++] = plan->addresses[i].ip;
		want(daemon, &plan->addresses[i], names);
	}
	free(names);
	arena_free(arena);
	for (i = 0; old < daemon->n_wanted; old++) {
		while (i < n && ip_addr_cmp(&wanted[i], &daemon->wanted[old]) < 0)
			i++;
		if (i == n || !ip_addr_eq(&wanted[i], &daemon->wanted[old]))
			leases_unwant(daemon->leases, &daemon->wanted[old]);
	}
	free(daemon->wanted);
	daemon->wanted = wanted;
	daemon->n_wanted = n;
}
