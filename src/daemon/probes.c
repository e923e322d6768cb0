#include "daemon/probes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "announce/plan.h"
#include "announce/routes.h"
#include "daemon/daemon.h"
#include "daemon/leases.h"
#include "daemon/node.h"
#include "daemon/services.h"
#include "io/host.h"
#include "io/loop.h"
#include "io/netlink.h"
#include "io/port_probe.h"
#include "io/random.h"
#include "kube/endpoints.h"
#include "util/log.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/rate.h"
#include "util/str.h"

/* Descriptors that are asked for, and the part of those given that may be kept connections: the
 * API, peers and clients need theirs, too. */
#define PROBES_DESCRIPTORS 32768
#define PROBES_KEPT_PART(descriptors) ((descriptors) / 2)
#define PROBES_PATH "/healthz"
#define PROBES_WEIGHT "X-Load-Balancing-Endpoint-Weight"
/* Lines about changes of state: a burst, and one a second in the long run. */
#define PROBES_LINES 50
#define PROBES_LINE_USEC USEC_PER_SEC

/* The connection of one of health's targets. */
struct probe {
	struct map_node node; /* in probes.probes, by key */
	struct probes *probes;
	char *key;
	uint64_t id;
	enum health_kind kind;
	struct port_probe *port;
};

struct probes {
	struct daemon *daemon;
	struct health *health;
	struct probe *probes;
	unsigned max_kept; /* with more of them connections are not kept */
	struct loop_timer timer;
	struct loop_deferred pump;
	uint64_t generation; /* of health, that the last plan has seen */
	struct rate lines;
	bool said_too_many;
};

/* --- what became of a question --- */

static enum log_level
level_of(const struct probes *probes, const struct health_change *change)
{
	/* Nothing is expected there. */
	if (change->target->kind == HEALTH_KUBE_PROXY && !change->target->ever &&
	    probes->daemon->settings->health.kube_proxy == KUBE_PROXY_AUTO)
		return LOG_LEVEL_INFO;
	switch (change->target->state) {
	case HEALTH_UNANSWERED:
	case HEALTH_PROXY_UNHEALTHY:
		return LOG_LEVEL_WARNING;
	case HEALTH_NO_ENDPOINTS:
	case HEALTH_SERVING:
		/* At the start that is how things are; later it moves addresses. */
		return change->before == HEALTH_UNKNOWN ? LOG_LEVEL_INFO : LOG_LEVEL_NOTICE;
	case HEALTH_UNKNOWN:
	case HEALTH_STATE_COUNT:
		break;
	}
	return LOG_LEVEL_INFO;
}

static void
log_change(struct probes *probes, const struct health_change *change, mono_t now)
{
	const struct health_target *target = change->target;
	const struct log_field fields[] = {{"METALLB_SERVICE", change->key}};
	struct strbuf text = {0};
	uint64_t suppressed;

	if (!rate_take(&probes->lines, now))
		return;
	suppressed = rate_suppressed(&probes->lines);
	if (suppressed)
		log_warning("health suppressed %" PRIu64 " lines", suppressed);
	strbuf_printf(&text, "health %s=%s port=%u %s -> %s", health_kind_str(target->kind),
	    change->key, target->port, health_state_str(change->before),
	    health_state_str(target->state));
	if (target->endpoints)
		strbuf_printf(&text, " endpoints=%" PRIu32, target->endpoints);
	if (target->failure != HEALTH_FAILURE_NONE)
		strbuf_printf(&text, " reason=%s", health_failure_str(target->failure));
	if (target->failure == HEALTH_FAILURE_FOREIGN) {
		strbuf_add(&text, ": the port is that of ");
		strbuf_add_quoted(&text, target->foreign, sizeof(target->foreign));
	} else if (target->failure == HEALTH_FAILURE_STATUS) {
		strbuf_printf(&text, "=%d", target->status);
	}
	log_line(level_of(probes, change), fields, target->kind != HEALTH_KUBE_PROXY, "%s",
	    strbuf_text(&text));
	strbuf_free(&text);
}

static void
tell(struct probes *probes, mono_t now)
{
	struct health_change change;
	uint64_t generation = health_generation(probes->health);

	while (health_take_change(probes->health, &change))
		log_change(probes, &change, now);
	if (generation == probes->generation)
		return;
	probes->generation = generation;
	daemon_replan_urgent(probes->daemon);
}

static enum health_result
result_of(enum port_result result, enum health_kind kind)
{
	switch (result) {
	case PORT_ANSWERED:
		return HEALTH_ANSWERED;
	case PORT_REFUSED:
		return HEALTH_REFUSED;
	case PORT_UNREACHABLE:
		/* An address that this machine has not is as good as refused; a clusterIP that
		 * cannot be reached says nothing of endpoints. */
		return kind == HEALTH_CLUSTER_IP ? HEALTH_SILENT : HEALTH_REFUSED;
	case PORT_SILENT:
		return HEALTH_SILENT;
	case PORT_BROKEN:
		return HEALTH_BROKEN;
	case PORT_UNSENT:
	case PORT_RESULT_COUNT:
		break;
	}
	return HEALTH_UNSENT;
}

static void
read_reply(const struct http_reply *reply, enum health_kind kind, struct health_answer *answer,
    struct endpoints_report *report)
{
	char text[16];
	uint64_t weight;

	answer->status = reply->status;
	if (kind != HEALTH_NODE_PORT)
		return;
	if (kube_endpoints_decode(reply->body, reply->body_len, report))
		answer->report = report;
	if (http_reply_header(reply, PROBES_WEIGHT, text, sizeof(text)) &&
	    !str_parse_uint(text, ENDPOINTS_LOCAL_MAX, &weight))
		answer->weight = (int64_t)weight;
}

static void
on_answer(void *arg, enum port_result result, const struct http_reply *reply)
{
	struct probe *probe = arg;
	struct probes *probes = probe->probes;
	mono_t now = loop_now(probes->daemon->loop);
	struct health_answer answer = {.result = result_of(result, probe->kind), .weight = -1};
	struct endpoints_report report;

	if (reply)
		read_reply(reply, probe->kind, &answer, &report);
	/* A server that was told to stop listening may go on to answer on connections that it has,
	 * as kube-proxy 1.20 does. */
	if (!health_answered(probes->health, probe->key, probe->id, &answer, now) ||
	    MAP_COUNT(probes->probes) > probes->max_kept)
		port_probe_hang_up(probe->port);
	tell(probes, now);
	loop_defer(&probes->pump);
}

/* --- questions --- */

static void
probe_free(struct probes *probes, struct probe *probe)
{
	port_probe_free(probe->port);
	MAP_DEL(probes->probes, probe);
	free(probe->key);
	free(probe);
}

static struct probe *
probe_for(struct probes *probes, const struct health_question *question)
{
	struct probe *probe;

	MAP_FIND_STR(probes->probes, question->key, probe);
	if (probe && probe->id != question->id) {
		probe_free(probes, probe);
		probe = NULL;
	}
	if (probe)
		return probe;
	probe = xcalloc(1, sizeof(*probe));
	probe->probes = probes;
	probe->key = xstrdup(question->key);
	probe->id = question->id;
	probe->kind = question->kind;
	probe->port = port_probe_new(probes->daemon->loop, on_answer, probe);
	MAP_ADD_STR(probes->probes, probe->key, probe);
	return probe;
}

static void
pump(void *arg)
{
	struct probes *probes = arg;
	mono_t now = loop_now(probes->daemon->loop);
	struct health_question question;

	while (health_next(probes->health, now, &question)) {
		struct probe *probe = probe_for(probes, &question);

		if (question.kind == HEALTH_CLUSTER_IP)
			port_probe_connect(
			    probe->port, &question.addr, question.port, HEALTH_TIMEOUT_USEC);
		else
			port_probe_get(probe->port, &question.addr, question.port, PROBES_PATH,
			    HEALTH_TIMEOUT_USEC);
	}
	loop_timer_set(&probes->timer, health_deadline(probes->health));
}

/* --- what is followed --- */

/* The first of each family on an interface that could be the node's. */
static size_t
add_link_addresses(const struct daemon *daemon, const struct link_info *link,
    struct ip_addr addrs[HEALTH_MAX_NODE_ADDRESSES], size_t n)
{
	bool seen[IP_FAMILY_COUNT] = {false};
	size_t i;

	if (link->loopback || !link->up ||
	    (daemon->settings->node.exclude_interfaces.count &&
		string_list_matches(&daemon->settings->node.exclude_interfaces, link->name)))
		return n;
	for (i = 0; i < link->n_addresses && n < HEALTH_MAX_NODE_ADDRESSES; i++) {
		const struct ip_addr *addr = &link->addresses[i].addr;

		if (seen[addr->family] || ip_addr_is_link_local(addr))
			continue;
		seen[addr->family] = true;
		addrs[n++] = *addr;
	}
	return n;
}

/* Those of the Node object, as kube-proxy takes them; without it what looks like them. */
static void
set_addresses(struct probes *probes)
{
	const struct daemon *daemon = probes->daemon;
	const struct link_table *links = netlink_table(daemon->netlink);
	struct ip_addr addrs[HEALTH_MAX_NODE_ADDRESSES];
	size_t n_known, n = 0, i;
	const struct ip_addr *known = node_addresses(daemon->node, &n_known);

	if (n_known) {
		health_set_addresses(probes->health, known, n_known);
		return;
	}
	for (i = 0; i < links->count; i++)
		n = add_link_addresses(daemon, &links->items[i], addrs, n);
	health_set_addresses(probes->health, addrs, n);
}

static bool
is_fast(const struct daemon *daemon, const struct plan_address *address)
{
	return ownership_is_near(leases_ownership(daemon->leases), &address->ip, PROBES_RANKS);
}

static void
want_address(struct probes *probes, const struct plan_address *address, mono_t now)
{
	const struct service_table *services = services_table(probes->daemon->services);
	bool fast = is_fast(probes->daemon, address);
	size_t i;

	for (i = 0; i < address->n_services; i++) {
		const struct service *service = service_table_find(services, address->services[i]);

		if (service)
			health_want(probes->health, service, fast, now);
	}
}

/* Every node with a route gets its share of the traffic, so all of them ask at the full pace. */
static void
want_claim(struct probes *probes, const struct route_claim *claim, mono_t now)
{
	const struct service *service;

	if (claim->reason != ROUTE_ANNOUNCED && claim->reason != ROUTE_NOT_SERVED)
		return;
	service = service_table_find(services_table(probes->daemon->services), claim->service);
	if (service)
		health_want(probes->health, service, true, now);
}

static void
say_too_many(struct probes *probes)
{
	uint64_t n = health_stats(probes->health)->refused_targets;

	if (n && !probes->said_too_many)
		log_warning(
		    "health %" PRIu64
		    " Services are not asked for, since there are more than %d; they count as served",
		    n, HEALTH_MAX_TARGETS);
	probes->said_too_many = n > 0;
}

void
probes_follow(struct probes *probes)
{
	const struct plan *plan = probes->daemon->plan;
	const struct routes *routes = probes->daemon->routes;
	mono_t now = loop_now(probes->daemon->loop);
	struct probe *probe, *next;
	size_t i;

	set_addresses(probes);
	health_want_begin(probes->health);
	for (i = 0; i < plan->n_addresses; i++)
		if (plan->addresses[i].candidate)
			want_address(probes, &plan->addresses[i], now);
	for (i = 0; routes && i < routes->n_claims; i++)
		want_claim(probes, &routes->claims[i], now);
	health_want_end(probes->health);
	say_too_many(probes);
	MAP_FOREACH_SAFE (probe, next, probes->probes)
		if (!health_is_followed(probes->health, probe->key, probe->id))
			probe_free(probes, probe);
	loop_defer(&probes->pump);
}

void
probes_hurry(struct probes *probes, const struct plan_address *address)
{
	const struct daemon *daemon = probes->daemon;
	size_t i;

	for (i = 0; i < address->n_services; i++) {
		const struct service *service = service_table_find(
		    services_table(daemon->services), address->services[i]);

		if (service)
			health_hurry(probes->health, service, loop_now(daemon->loop));
	}
	loop_defer(&probes->pump);
}

/* --- life --- */

struct probes *
probes_new(struct daemon *daemon)
{
	struct probes *probes = xcalloc(1, sizeof(*probes));

	probes->daemon = daemon;
	probes->max_kept = PROBES_KEPT_PART(host_raise_descriptors(PROBES_DESCRIPTORS));
	probes->health = health_new(random_seed());
	rate_init(&probes->lines, PROBES_LINE_USEC, PROBES_LINES, loop_now(daemon->loop));
	loop_timer_init(&probes->timer, daemon->loop, pump, probes);
	loop_deferred_init(&probes->pump, daemon->loop, pump, probes);
	probes_set_settings(probes);
	return probes;
}

void
probes_free(struct probes *probes)
{
	struct probe *probe, *next;

	if (!probes)
		return;
	MAP_FOREACH_SAFE (probe, next, probes->probes)
		probe_free(probes, probe);
	health_free(probes->health);
	loop_timer_fini(&probes->timer);
	loop_deferred_fini(&probes->pump);
	free(probes);
}

void
probes_set_settings(struct probes *probes)
{
	health_set(
	    probes->health, &probes->daemon->settings->health, loop_now(probes->daemon->loop));
	loop_defer(&probes->pump);
}

const struct health *
probes_health(const struct probes *probes)
{
	return probes->health;
}
