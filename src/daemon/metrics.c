#include "daemon/metrics.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "announce/plan.h"
#include "daemon/allocation.h"
#include "daemon/api.h"
#include "daemon/daemon.h"
#include "daemon/events.h"
#include "daemon/l2.h"
#include "daemon/leases.h"
#include "daemon/services.h"
#include "daemon/status_health.h"
#include "io/metrics_server.h"
#include "ipam/ipam.h"
#include "kube/watch.h"
#include "model/settings.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/str.h"

struct metrics {
	struct daemon *daemon;
	struct metrics_server *server;
};

static void
head(struct strbuf *out, const char *name, const char *type, const char *help)
{
	strbuf_printf(out, "# HELP metallb_%s %s\n# TYPE metallb_%s %s\n", name, help, name, type);
}

static void
single(struct strbuf *out, const char *name, const char *type, const char *help, uint64_t value)
{
	head(out, name, type, help);
	strbuf_printf(out, "metallb_%s %" PRIu64 "\n", name, value);
}

/* --- allocator: on the node that allocates, as MetalLB's controller has them once --- */

enum pool_number {
	POOL_TOTAL,
	POOL_TOTAL_V4,
	POOL_TOTAL_V6,
	POOL_USED,
	POOL_USED_V4,
	POOL_USED_V6,
	POOL_SERVICES,
	POOL_NUMBER_COUNT
};

static const struct {
	const char *name, *help;
} pool_numbers[POOL_NUMBER_COUNT] = {
    [POOL_TOTAL] = {"allocator_addresses_total", "Addresses of the pool that can be given."},
    [POOL_TOTAL_V4] = {"allocator_ipv4_addresses_total",
	"IPv4 addresses of the pool that can be given."},
    [POOL_TOTAL_V6] = {"allocator_ipv6_addresses_total",
	"IPv6 addresses of the pool that can be given."},
    [POOL_USED] = {"allocator_addresses_in_use_total", "Addresses of the pool that Services have."},
    [POOL_USED_V4] = {"allocator_ipv4_addresses_in_use_total",
	"IPv4 addresses of the pool that Services have."},
    [POOL_USED_V6] = {"allocator_ipv6_addresses_in_use_total",
	"IPv6 addresses of the pool that Services have."},
    [POOL_SERVICES] = {"allocator_services_allocated_total",
	"Services that have an address of the pool."},
};

/* A /64 has more than a uint64 can count. */
static uint64_t
sum(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t
pool_number(const struct ipam_pool_stats *stats, enum pool_number number)
{
	switch (number) {
	case POOL_TOTAL:
		return sum(stats->v4.total, stats->v6.total);
	case POOL_TOTAL_V4:
		return stats->v4.total;
	case POOL_TOTAL_V6:
		return stats->v6.total;
	case POOL_USED:
		return stats->v4.used + stats->v6.used;
	case POOL_USED_V4:
		return stats->v4.used;
	case POOL_USED_V6:
		return stats->v6.used;
	case POOL_SERVICES:
		return stats->services;
	case POOL_NUMBER_COUNT:
		break;
	}
	return 0;
}

static void
add_allocator(const struct daemon *daemon, struct strbuf *out)
{
	const struct ipam *ipam = allocation_ipam(daemon->allocation);
	struct ipam_pool_stats stats;
	int number;
	size_t i;

	if (!ipam)
		return;
	for (number = 0; number < POOL_NUMBER_COUNT; number++) {
		head(out, pool_numbers[number].name, "gauge", pool_numbers[number].help);
		for (i = 0; i < daemon->settings->n_pools; i++) {
			const char *pool = daemon->settings->pools[i].name;

			if (!ipam_pool_stats(ipam, pool, &stats))
				strbuf_printf(out, "metallb_%s{pool=\"%s\"} %" PRIu64 "\n",
				    pool_numbers[number].name, pool,
				    pool_number(&stats, (enum pool_number)number));
		}
	}
	single(out, "allocator_services_pending", "gauge", "Services that wait for an address.",
	    ipam_pending_count(ipam));
}

/* --- this node --- */

static void
add_api(const struct daemon *daemon, struct strbuf *out)
{
	const struct kube_watch_stats *services = kube_watch_stats(
	    services_watch(daemon->services));
	const struct kube_watch_stats *leases = kube_watch_stats(leases_watch(daemon->leases));
	struct api_status api = api_status(daemon->api);
	struct status_writer_counters counters = allocation_counters(daemon->allocation);

	single(out, "k8s_client_updates_total", "counter",
	    "Events of Services and Leases that were taken in.", services->events + leases->events);
	single(out, "k8s_client_update_errors_total", "counter",
	    "Events or lists that failed or could not be read.",
	    services->errors + leases->errors + services_skips(daemon->services) +
		leases_skips(daemon->leases));
	single(out, "k8s_client_config_loaded_bool", "gauge", "1 when a configuration is in force.",
	    1);
	single(out, "k8s_client_config_stale_bool", "gauge",
	    "1 when the file on disk has errors and older settings are in force.", daemon->stale);
	single(out, "k8s_client_connected_bool", "gauge", "1 while an API server answers.",
	    api.state == API_CONNECTED);
	single(out, "k8s_client_requests_total", "counter",
	    "Requests to API servers, watches not counted.", api.requests);
	single(out, "k8s_client_request_errors_total", "counter",
	    "Those that got no answer, or one of 5xx.", api.errors);
	single(out, "k8s_client_status_writes_total", "counter", "Status patches of Services.",
	    counters.patches);
	single(out, "k8s_client_status_conflicts_total", "counter",
	    "Those that met a newer version.", counters.conflicts);
	single(out, "k8s_client_events_dropped_total", "counter",
	    "Events on Services that were not written.", events_dropped(daemon->events));
	single(out, "services_skipped", "gauge", "Services whose newest version is unreadable.",
	    services_skipped(daemon->services));
}

static void
add_membership(const struct daemon *daemon, struct strbuf *out)
{
	single(out, "lease_leader_bool", "gauge", "1 while this node allocates.",
	    leases_is_leading(daemon->leases));
	single(out, "lease_members", "gauge", "Live nodes, this one included.",
	    membership_count(leases_membership(daemon->leases)));
	single(out, "lease_addresses_owned", "gauge", "Addresses whose Lease names this node.",
	    leases_ownership(daemon->leases)->n_ours);
}

static void
add_announced(const struct daemon *daemon, struct strbuf *out)
{
	const struct plan *plan = daemon->plan;
	size_t i, j;

	head(out, "speaker_announced", "gauge",
	    "1 for each Service and address that this node announces.");
	for (i = 0; plan && i < plan->n_addresses; i++) {
		char ip[IP_ADDR_STRLEN];

		if (!l2_is_announcing(daemon->l2, &plan->addresses[i].ip))
			continue;
		ip_addr_format(&plan->addresses[i].ip, ip);
		for (j = 0; j < plan->addresses[i].n_services; j++)
			strbuf_printf(out,
			    "metallb_speaker_announced{service=\"%s\",protocol=\"layer2\",node=\"%s\",ip=\"%s\"} 1\n",
			    plan->addresses[i].services[j], daemon->settings->node.name, ip);
	}
}

enum l2_number {
	L2_RECEIVED,
	L2_SENT,
	L2_GRATUITOUS,
	L2_NUMBER_COUNT
};

static const struct {
	const char *name, *help;
} l2_numbers[L2_NUMBER_COUNT] = {
    [L2_RECEIVED] = {"layer2_requests_received",
	"ARP requests and neighbour solicitations for the address."},
    [L2_SENT] = {"layer2_responses_sent",
	"ARP replies and neighbour advertisements in answer to them."},
    [L2_GRATUITOUS] = {"layer2_gratuitous_sent", "Announcements of the address."},
};

static void
add_layer2(const struct daemon *daemon, struct strbuf *out)
{
	const struct responder *responder = l2_responder(daemon->l2);
	const struct responder_address *address;
	int number;

	for (number = 0; number < L2_NUMBER_COUNT; number++) {
		head(out, l2_numbers[number].name, "counter", l2_numbers[number].help);
		for (address = responder_next(responder, NULL); address;
		     address = responder_next(responder, address)) {
			uint64_t value = number == L2_RECEIVED ? address->requests_received
			    : number == L2_SENT
			    ? address->responses_sent
			    : announcer_sent(l2_announcer(daemon->l2), &address->ip);
			char ip[IP_ADDR_STRLEN];

			ip_addr_format(&address->ip, ip);
			strbuf_printf(out, "metallb_%s{ip=\"%s\"} %" PRIu64 "\n",
			    l2_numbers[number].name, ip, value);
		}
	}
	single(out, "layer2_conflicts_total", "counter", "Claims of our addresses by strangers.",
	    daemon->claims.strangers);
	single(out, "layer2_member_claims_total", "counter",
	    "Claims of our addresses by other nodes.", daemon->claims.members);
	single(out, "layer2_gateway_claims_total", "counter",
	    "Claims of our addresses by the gateway.", daemon->claims.gateways);
	single(out, "layer2_ignored_claims_total", "counter",
	    "Claims that came too fast to be looked at.", daemon->claims.ignored);
}

/* Every frame by what became of it, and the malformed ones by why. */
static void
add_frames(const struct daemon *daemon, struct strbuf *out)
{
	const struct responder *responder = l2_responder(daemon->l2);
	int protocol, i;

	head(out, "layer2_frames_total", "counter", "ARP and NDP frames by what became of them.");
	for (protocol = 0; protocol < FRAME_PROTOCOL_COUNT; protocol++)
		for (i = 0; i < RESPONDER_VERDICT_COUNT; i++)
			strbuf_printf(out,
			    "metallb_layer2_frames_total{protocol=\"%s\",verdict=\"%s\"} %" PRIu64
			    "\n",
			    frame_protocol_str((enum frame_protocol)protocol),
			    responder_verdict_str((enum responder_verdict)i),
			    responder_verdicts(responder, (enum frame_protocol)protocol,
				(enum responder_verdict)i));
	head(out, "layer2_malformed_total", "counter", "Malformed ARP and NDP frames by cause.");
	for (protocol = 0; protocol < FRAME_PROTOCOL_COUNT; protocol++)
		for (i = FRAME_OK + 1; i < FRAME_CAUSE_COUNT; i++)
			strbuf_printf(out,
			    "metallb_layer2_malformed_total{protocol=\"%s\",cause=\"%s\"} %" PRIu64
			    "\n",
			    frame_protocol_str((enum frame_protocol)protocol),
			    frame_cause_str((enum frame_cause)i),
			    responder_malformed(
				responder, (enum frame_protocol)protocol, (enum frame_cause)i));
	head(out, "layer2_dropped_total", "counter",
	    "Frames that the kernel dropped because the daemon was too slow.");
	for (protocol = 0; protocol < FRAME_PROTOCOL_COUNT; protocol++)
		strbuf_printf(out, "metallb_layer2_dropped_total{protocol=\"%s\"} %" PRIu64 "\n",
		    frame_protocol_str((enum frame_protocol)protocol),
		    l2_socket_stats(daemon->l2, (enum frame_protocol)protocol).dropped);
	single(out, "layer2_groups", "gauge",
	    "Solicited-node groups that are wanted, on each interface.",
	    l2_groups(daemon->l2).wanted);
	single(out, "layer2_groups_joined", "gauge", "Those that the kernel has joined.",
	    l2_groups(daemon->l2).joined);
}

/* Ready: what this daemon needs to do its work has been seen once; an API server that goes away
 * later changes nothing. */
static int
answer_ready(const struct daemon *daemon, struct strbuf *body)
{
	bool ready = services_is_synced(daemon->services) &&
	    kube_watch_is_synced(leases_watch(daemon->leases));

	strbuf_add(body, ready ? "ok\n" : "Services and Leases were not listed yet\n");
	return ready ? 200 : 503;
}

static int
on_request(void *arg, const char *path, struct strbuf *body, const char **ret_content_type)
{
	struct metrics *metrics = arg;
	const struct daemon *daemon = metrics->daemon;

	if (str_eq(path, "/healthz")) {
		strbuf_add(body, "ok\n");
		return 200;
	}
	if (str_eq(path, "/readyz"))
		return answer_ready(daemon, body);
	if (!str_eq(path, "/metrics"))
		return 404;
	*ret_content_type = "text/plain; version=0.0.4; charset=utf-8";
	add_allocator(daemon, body);
	add_api(daemon, body);
	add_membership(daemon, body);
	add_announced(daemon, body);
	add_layer2(daemon, body);
	add_frames(daemon, body);
	status_add_health_metrics(daemon, body);
	return 200;
}

void
metrics_reconfigure(struct metrics *metrics)
{
	const struct settings_metrics *settings = &metrics->daemon->settings->metrics;
	struct ip_addr address;
	int err;

	if (!settings->port) {
		metrics_server_free(metrics->server);
		metrics->server = NULL;
		return;
	}
	err = ip_addr_parse(settings->address, &address);
	if (!err && metrics->server)
		err = metrics_server_rebind(metrics->server, &address, settings->port);
	else if (!err)
		err = metrics_server_open(metrics->daemon->loop, &address, settings->port,
		    on_request, metrics, &metrics->server);
	if (err)
		log_warning(
		    "metrics %s port %u: %s; there is no new metrics page until metrics.address or metrics.port change",
		    settings->address, settings->port, strerror(-err));
}

struct metrics *
metrics_new(struct daemon *daemon)
{
	struct metrics *metrics = xcalloc(1, sizeof(*metrics));

	metrics->daemon = daemon;
	metrics_reconfigure(metrics);
	return metrics;
}

void
metrics_free(struct metrics *metrics)
{
	if (!metrics)
		return;
	metrics_server_free(metrics->server);
	free(metrics);
}
