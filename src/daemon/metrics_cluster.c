#include <inttypes.h>

#include "daemon/allocation.h"
#include "daemon/api.h"
#include "daemon/daemon.h"
#include "daemon/drain.h"
#include "daemon/events.h"
#include "daemon/leases.h"
#include "daemon/metrics_page.h"
#include "daemon/services.h"
#include "kube/watch.h"
#include "model/settings.h"
#include "util/mem.h"
#include "util/str.h"

void
metrics_add_api(const struct daemon *daemon, struct strbuf *out)
{
	const struct kube_watch_stats *services = kube_watch_stats(
	    services_watch(daemon->services));
	const struct kube_watch_stats *leases = kube_watch_stats(leases_watch(daemon->leases));
	struct api_status api = api_status(daemon->api);
	struct status_writer_counters counters = allocation_counters(daemon->allocation);

	metrics_single(out, "k8s_client_updates_total", "counter",
	    "Events of Services and Leases that were taken in.",
	    services->events - services->bookmarks + leases->events - leases->bookmarks);
	metrics_single(out, "k8s_client_update_errors_total", "counter",
	    "Events or lists that failed or could not be read.",
	    services->errors + leases->errors + services_skips(daemon->services) +
		leases_skips(daemon->leases));
	metrics_single(out, "k8s_client_config_loaded_bool", "gauge",
	    "1 when a configuration is in force.", 1);
	metrics_single(out, "k8s_client_config_reloads_total", "counter",
	    "Reloads that put a file in force.", daemon->reloads);
	metrics_single(out, "k8s_client_config_reload_errors_total", "counter",
	    "Reloads that were refused.", daemon->reload_errors);
	metrics_single(out, "k8s_client_config_stale_bool", "gauge",
	    "1 when the file on disk has errors and older settings are in force.", daemon->stale);
	metrics_single(out, "k8s_client_connected_bool", "gauge", "1 while an API server answers.",
	    api.state == API_CONNECTED);
	metrics_single(out, "k8s_client_requests_total", "counter",
	    "Requests to API servers, watches not counted.", api.requests);
	metrics_single(out, "k8s_client_request_errors_total", "counter",
	    "Those that got no answer, or one of 5xx.", api.errors);
	metrics_single(out, "k8s_client_status_writes_total", "counter",
	    "Status patches of Services.", counters.patches);
	metrics_single(out, "k8s_client_status_conflicts_total", "counter",
	    "Those that met a newer version.", counters.conflicts);
	metrics_single(out, "k8s_client_events_dropped_total", "counter",
	    "Events on Services that were not written.", events_dropped(daemon->events));
	metrics_single(out, "services_skipped", "gauge",
	    "Services whose newest version is unreadable.", services_skipped(daemon->services));
}

/* What the other nodes say of themselves, by their Leases. */
struct members {
	uint64_t expired, drained, unequal;
};

static struct members
count_members(const struct daemon *daemon)
{
	const struct membership *membership = leases_membership(daemon->leases);
	struct members members = {0};
	const struct member *member;

	MAP_FOREACH (member, membership->members) {
		if (!member->present || !member->info)
			continue;
		members.expired += member->state == MEMBER_EXPIRED;
		if (member->state != MEMBER_LIVE)
			continue;
		members.drained += member->info->drained;
		/* Our own Lease says for a moment what was in force before a reload. */
		members.unequal += !str_eq(member->name, daemon->settings->node.name) &&
		    member->info->settings_hash != daemon->settings->shared_hash;
	}
	return members;
}

/* Addresses of Services that some L2 advertisement could announce, and whose Lease names no living
 * node. */
static uint64_t
count_unheld(const struct daemon *daemon)
{
	const struct membership *membership = leases_membership(daemon->leases);
	struct arena *arena = arena_new();
	uint64_t unheld = 0;
	size_t i;

	for (i = 0; i < daemon->n_wanted; i++) {
		const struct lease *lease = lease_table_find(
		    leases_table(daemon->leases), lease_address_name(arena, &daemon->wanted[i]));
		const struct member *member = lease ? membership_find(membership, lease->holder)
						    : NULL;

		unheld += !member || !member->present || member->state != MEMBER_LIVE;
	}
	arena_free(arena);
	return unheld;
}

void
metrics_add_leases(const struct daemon *daemon, struct strbuf *out)
{
	struct members members = count_members(daemon);

	metrics_single(out, "lease_leader_bool", "gauge", "1 while this node allocates.",
	    leases_is_leading(daemon->leases));
	metrics_single(out, "lease_members", "gauge", "Live nodes, this one included.",
	    membership_count(leases_membership(daemon->leases)));
	metrics_single(out, "lease_members_expired", "gauge",
	    "Nodes that fell silent without a stop, for an hour after it.", members.expired);
	metrics_single(
	    out, "lease_members_drained", "gauge", "Live nodes that are drained.", members.drained);
	metrics_single(out, "lease_members_unequal", "gauge",
	    "Live nodes whose metallb.conf differs from this node's.", members.unequal);
	metrics_single(out, "lease_addresses", "gauge",
	    "Addresses of Services that an L2 advertisement announces, on whichever node.",
	    daemon->n_wanted);
	metrics_single(out, "lease_addresses_owned", "gauge",
	    "Addresses whose Lease names this node.", leases_ownership(daemon->leases)->n_ours);
	metrics_single(out, "lease_addresses_unheld", "gauge",
	    "Addresses whose Lease names no living node: nobody announces them.",
	    count_unheld(daemon));
	metrics_single(out, "lease_offers_untaken", "gauge",
	    "Addresses that this node offers to the others and nobody takes.",
	    leases_ownership(daemon->leases)->n_untaken);
	metrics_single(out, "node_drained_bool", "gauge", "1 while this node is drained.",
	    drain_is_on(daemon->drain));
}
