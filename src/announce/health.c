#include "announce/health.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lease/timer.h"
#include "util/hash.h"
#include "util/list.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/str.h"

#define KUBE_PROXY_KEY "kube-proxy"

/* A target and when it is asked. */
struct entry {
	struct map_node node; /* in health.entries, by key */
	TAILQ_ENTRY(entry) changes;
	struct timer timer; /* idle while a question is out */
	struct health_target target;
	char *key, *namespace, *name;
	uint64_t id;
	enum ip_family family; /* whose candidates come first */
	struct ip_addr only;   /* CLUSTER_IP: the one candidate */
	struct ip_addr asked;  /* the address of the question that is out */
	mono_t due;            /* when the present round was due, or the next is */
	mono_t asked_at;       /* the last question; MONO_ZERO: none yet */
	bool out, wanted, fast, spread, queued;
	enum health_state before; /* with queued: as last taken */
};

TAILQ_HEAD(entry_list, entry);

struct health {
	struct settings_health settings;
	uint64_t seed, next_id, generation;
	struct ip_addr addrs[HEALTH_MAX_NODE_ADDRESSES];
	size_t n_addrs;
	struct entry *entries;
	struct timer_queue timers;
	struct entry_list changes;
	unsigned n_out;
	bool proxy_seen;    /* kube-proxy answered as a target that is no more followed */
	uint64_t n_refused; /* in this pass */
	struct health_stats stats;
};

struct health *
health_new(uint64_t seed)
{
	struct health *health = xcalloc(1, sizeof(*health));

	health->seed = seed;
	TAILQ_INIT(&health->changes);
	return health;
}

static void
entry_free(struct health *health, struct entry *entry)
{
	if (entry->queued)
		TAILQ_REMOVE(&health->changes, entry, changes);
	if (entry->out)
		health->n_out--;
	if (entry->target.kind == HEALTH_KUBE_PROXY)
		health->proxy_seen |= entry->target.ever;
	timer_cancel(&health->timers, &entry->timer);
	MAP_DEL(health->entries, entry);
	free(entry->key);
	free(entry->namespace);
	free(entry->name);
	free(entry);
}

void
health_free(struct health *health)
{
	struct entry *entry, *next;

	if (!health)
		return;
	MAP_FOREACH_SAFE (entry, next, health->entries)
		entry_free(health, entry);
	timer_queue_fini(&health->timers);
	free(health);
}

/* --- where to ask --- */

/* Those of the target's family first, and loopback last. */
static size_t
candidates_of(const struct health *health, const struct entry *entry,
    struct ip_addr out[HEALTH_MAX_ADDRESSES])
{
	const struct ip_addr loopback[] = {
	    ip_addr_v4(127, 0, 0, 1),
	    ip_addr_from_bytes(IP_FAMILY_V6, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"),
	};
	bool v6 = entry->family == IP_FAMILY_V6;
	size_t i, n = 0;
	int pass;

	if (entry->target.kind == HEALTH_CLUSTER_IP) {
		out[0] = entry->only;
		return 1;
	}
	for (pass = 0; pass < 2; pass++)
		for (i = 0; i < health->n_addrs; i++)
			if ((health->addrs[i].family == IP_FAMILY_V6) == (pass ? !v6 : v6))
				out[n++] = health->addrs[i];
	out[n++] = loopback[v6];
	out[n++] = loopback[!v6];
	return n;
}

static void
forget_lost_address(const struct health *health, struct entry *entry)
{
	struct ip_addr candidates[HEALTH_MAX_ADDRESSES];
	size_t n = candidates_of(health, entry, candidates), i;

	for (i = 0; i < n; i++)
		if (ip_addr_eq(&candidates[i], &entry->target.good))
			return;
	entry->target.good = (struct ip_addr){0};
}

void
health_set_addresses(struct health *health, const struct ip_addr *addrs, size_t n_addrs)
{
	struct entry *entry;

	if (n_addrs > HEALTH_MAX_NODE_ADDRESSES)
		n_addrs = HEALTH_MAX_NODE_ADDRESSES;
	if (n_addrs == health->n_addrs &&
	    (!n_addrs || !memcmp(addrs, health->addrs, n_addrs * sizeof(*addrs))))
		return;
	health->n_addrs = n_addrs;
	if (n_addrs)
		memcpy(health->addrs, addrs, n_addrs * sizeof(*addrs));
	MAP_FOREACH (entry, health->entries)
		forget_lost_address(health, entry);
}

/* --- when --- */

static int64_t
interval_of(const struct health *health, const struct entry *entry)
{
	int64_t fast = entry->target.kind == HEALTH_CLUSTER_IP
	    ? HEALTH_CLUSTER_USEC
	    : health->settings.node_port_interval_usec;
	int64_t interval = entry->fast || fast > HEALTH_SLOW_USEC ? fast : HEALTH_SLOW_USEC;

	return entry->target.state == HEALTH_UNKNOWN && interval > HEALTH_UNKNOWN_USEC
	    ? HEALTH_UNKNOWN_USEC
	    : interval;
}

static void
set_due(struct health *health, struct entry *entry, mono_t due)
{
	entry->due = due;
	if (!entry->out)
		timer_set(&health->timers, &entry->timer, due);
}

/*
 * One interval after it was due, so that the targets keep the distances that they have; the first
 * time a part of the interval that their names decide. Late by more than an interval (the loop
 * stood still): from now.
 */
static mono_t
next_round(const struct health *health, struct entry *entry, mono_t now)
{
	int64_t interval = interval_of(health, entry);
	mono_t due = mono_add_usec(entry->due, interval);

	if (!entry->spread && entry->target.state != HEALTH_UNKNOWN) {
		entry->spread = true;
		return mono_add_usec(now,
		    1 +
			(int64_t)(hash_final(hash_string(HASH_INIT ^ health->seed, entry->key)) %
			    (uint64_t)interval));
	}
	return mono_before(due, now) ? mono_add_usec(now, interval) : due;
}

void
health_set(struct health *health, const struct settings_health *settings, mono_t now)
{
	bool sooner = settings->node_port_interval_usec < health->settings.node_port_interval_usec;
	struct entry *entry;

	health->generation++;
	health->settings = *settings;
	MAP_FOREACH (entry, health->entries) {
		entry->spread = false;
		if (sooner)
			set_due(health, entry, next_round(health, entry, now));
	}
}

/* --- what is followed --- */

static struct entry *
find(const struct health *health, const char *key)
{
	struct entry *entry;

	MAP_FIND_STR(health->entries, key, entry);
	return entry;
}

static char *
cluster_key(const struct service *service, enum ip_family family)
{
	return xasprintf("%s/%s", service->key, ip_family_str(family));
}

/* NULL: there are too many. Takes key, also then. */
static struct entry *
want(struct health *health, char *key, enum health_kind kind, uint16_t port, bool fast, mono_t now)
{
	struct entry *entry = find(health, key);

	if (entry && (entry->target.kind != kind || entry->target.port != port)) {
		entry_free(health, entry);
		entry = NULL;
	}
	if (entry) {
		free(key);
		fast = fast || (entry->wanted && entry->fast);
		entry->wanted = true;
		if (fast && !entry->fast) {
			entry->fast = true;
			set_due(health, entry,
			    mono_min(entry->due, mono_add_usec(now, interval_of(health, entry))));
		}
		entry->fast = fast;
		return entry;
	}
	if (MAP_COUNT(health->entries) >= HEALTH_MAX_TARGETS) {
		health->n_refused++;
		free(key);
		return NULL;
	}
	entry = xcalloc(1, sizeof(*entry));
	entry->key = key;
	entry->id = ++health->next_id;
	entry->target.kind = kind;
	entry->target.port = port;
	entry->wanted = true;
	entry->fast = fast;
	MAP_ADD_STR(health->entries, entry->key, entry);
	set_due(health, entry, now);
	return entry;
}

static void
want_node_port(struct health *health, const struct service *service, bool fast, mono_t now)
{
	struct entry *entry = want(health, xstrdup(service->key), HEALTH_NODE_PORT,
	    service->health_check_node_port, fast, now);

	if (!entry || entry->namespace)
		return;
	entry->family = service->primary_family;
	entry->target.namespace = entry->namespace = xstrdup(service->namespace);
	entry->target.name = entry->name = xstrdup(service->name);
}

static uint16_t
first_tcp_port(const struct service *service)
{
	size_t i;

	for (i = 0; i < service->n_ports; i++)
		if (service->ports[i].protocol == PROTOCOL_TCP)
			return service->ports[i].port;
	return 0;
}

static void
want_cluster_ips(struct health *health, const struct service *service, bool fast, mono_t now)
{
	uint16_t port = first_tcp_port(service);
	struct entry *entry;
	size_t i;

	for (i = 0; port && i < service->n_cluster_ips; i++) {
		const struct ip_addr *addr = &service->cluster_ips[i];
		enum ip_family family = (enum ip_family)addr->family;

		entry = want(
		    health, cluster_key(service, family), HEALTH_CLUSTER_IP, port, fast, now);
		if (entry)
			entry->only = *addr;
	}
}

static bool
is_local(const struct service *service)
{
	return service->traffic_policy_local && service->health_check_node_port;
}

void
health_want_begin(struct health *health)
{
	struct entry *entry;

	health->n_refused = 0;
	MAP_FOREACH (entry, health->entries)
		entry->wanted = false;
}

void
health_want(struct health *health, const struct service *service, bool fast, mono_t now)
{
	if (service->traffic_policy_local) {
		if (is_local(service))
			want_node_port(health, service, fast, now);
		return;
	}
	if (health->settings.kube_proxy != KUBE_PROXY_IGNORE)
		(void)want(health, xstrdup(KUBE_PROXY_KEY), HEALTH_KUBE_PROXY,
		    HEALTH_KUBE_PROXY_PORT, true, now);
	if (health->settings.cluster_check == CLUSTER_CHECK_TCP)
		want_cluster_ips(health, service, fast, now);
}

void
health_want_end(struct health *health)
{
	struct entry *entry, *next;

	MAP_FOREACH_SAFE (entry, next, health->entries)
		if (!entry->wanted)
			entry_free(health, entry);
	health->stats.refused_targets = health->n_refused;
}

void
health_hurry(struct health *health, const struct service *service, mono_t now)
{
	struct entry *entry = find(health, service->key);
	mono_t soonest;

	if (!entry)
		return;
	soonest = mono_add_usec(entry->asked_at, health->settings.node_port_interval_usec);
	if (mono_before(soonest, now))
		soonest = now;
	if (!entry->out && mono_before(soonest, entry->due))
		set_due(health, entry, soonest);
}

/* --- questions and answers --- */

bool
health_next(struct health *health, mono_t now, struct health_question *ret_question)
{
	struct ip_addr candidates[HEALTH_MAX_ADDRESSES];
	struct timer *timer;
	struct entry *entry;
	size_t n;

	if (health->n_out >= HEALTH_IN_FLIGHT)
		return false;
	timer = timer_take(&health->timers, mono_add_usec(now, HEALTH_BATCH_USEC));
	if (!timer)
		return false;
	entry = (struct entry *)(void *)((char *)timer - offsetof(struct entry, timer));
	n = candidates_of(health, entry, candidates);
	entry->asked = health_target_address(&entry->target, candidates, n);
	entry->asked_at = now;
	entry->out = true;
	health->n_out++;
	*ret_question = (struct health_question){
	    .key = entry->key,
	    .id = entry->id,
	    .kind = entry->target.kind,
	    .addr = entry->asked,
	    .port = entry->target.port,
	};
	return true;
}

mono_t
health_deadline(const struct health *health)
{
	return health->n_out >= HEALTH_IN_FLIGHT ? MONO_NEVER : timer_next(&health->timers);
}

bool
health_is_followed(const struct health *health, const char *key, uint64_t id)
{
	const struct entry *entry = find(health, key);

	return entry && entry->id == id;
}

static void
note_change(struct health *health, struct entry *entry, enum health_state before)
{
	health->generation++;
	if (entry->queued)
		return;
	entry->queued = true;
	entry->before = before;
	TAILQ_INSERT_TAIL(&health->changes, entry, changes);
}

bool
health_answered(struct health *health, const char *key, uint64_t id,
    const struct health_answer *answer, mono_t now)
{
	struct ip_addr candidates[HEALTH_MAX_ADDRESSES];
	struct entry *entry = find(health, key);
	enum health_state before;
	uint32_t endpoints;
	size_t n;

	if (!entry || entry->id != id || !entry->out)
		return false;
	entry->out = false;
	health->n_out--;
	health->stats.results[entry->target.kind][answer->result]++;
	before = entry->target.state;
	endpoints = entry->target.endpoints;
	n = candidates_of(health, entry, candidates);
	if (health_target_answer(&entry->target, &entry->asked, candidates, n, answer) ==
	    HEALTH_NEXT_NOW) {
		timer_set(&health->timers, &entry->timer, now);
		return false;
	}
	if (before != entry->target.state)
		note_change(health, entry, before);
	else if (endpoints != entry->target.endpoints)
		health->generation++;
	set_due(health, entry, next_round(health, entry, now));
	return entry->target.failure == HEALTH_FAILURE_NONE;
}

/* What came back to its old state before it was taken is not worth a word. */
bool
health_take_change(struct health *health, struct health_change *ret_change)
{
	struct entry *entry;

	while ((entry = TAILQ_FIRST(&health->changes))) {
		TAILQ_REMOVE(&health->changes, entry, changes);
		entry->queued = false;
		if (entry->before == entry->target.state)
			continue;
		*ret_change = (struct health_change){entry->key, entry->before, &entry->target};
		return true;
	}
	return false;
}

/* --- verdicts --- */

static struct health_verdict
judge(const struct health_target *target, enum health_cause lost)
{
	struct health_verdict verdict = {.target = target};

	if (!target || target->state == HEALTH_UNKNOWN) {
		verdict.undecided = true;
		verdict.cause = HEALTH_NOT_ASKED;
	} else if (target->state == HEALTH_SERVING) {
		verdict.serving = true;
		verdict.endpoints = target->endpoints;
	} else {
		verdict.cause = lost;
		verdict.graceful = lost != HEALTH_NO_ENDPOINTS_AT_ALL;
	}
	return verdict;
}

/* A target that is not there: the Service is new, or one too many. */
static struct health_verdict
judge_missing(const struct health *health)
{
	if (health->stats.refused_targets)
		return (struct health_verdict){.serving = true};
	return judge(NULL, HEALTH_NOT_ASKED);
}

static struct health_verdict
judge_local(const struct health *health, const struct service *service)
{
	const struct entry *entry = find(health, service->key);
	enum health_state state;

	if (!entry)
		return judge_missing(health);
	state = entry->target.state;
	return judge(&entry->target,
	    state == HEALTH_NO_ENDPOINTS          ? HEALTH_NO_LOCAL_ENDPOINTS
		: state == HEALTH_PROXY_UNHEALTHY ? HEALTH_KUBE_PROXY_FAILS
						  : HEALTH_CHECK_FAILS);
}

static struct health_verdict
judge_kube_proxy(const struct health *health)
{
	const struct entry *entry = find(health, KUBE_PROXY_KEY);
	const struct health_target *target = entry ? &entry->target : NULL;
	const struct health_verdict fine = {.serving = true, .target = target};
	bool known = target && target->state != HEALTH_UNKNOWN;

	switch (health->settings.kube_proxy) {
	case KUBE_PROXY_AUTO:
		/* It is not asked while nothing could be announced here (no link). Once obeyed, it
		 * is not presumed healthy when that is over: its answer is waited for. */
		if (health->proxy_seen || (known && target->ever))
			return judge(target, HEALTH_KUBE_PROXY_FAILS);
		return fine;
	case KUBE_PROXY_REQUIRED:
		return judge(target, HEALTH_KUBE_PROXY_FAILS);
	case KUBE_PROXY_IGNORE:
	case KUBE_PROXY_COUNT:
		break;
	}
	return fine;
}

static struct health_verdict
judge_cluster_ip(const struct health *health, const struct service *service, enum ip_family family)
{
	const struct health_verdict fine = {.serving = true};
	const struct entry *entry;
	size_t i;
	char *key;

	if (health->settings.cluster_check != CLUSTER_CHECK_TCP || !first_tcp_port(service))
		return fine;
	for (i = 0; i < service->n_cluster_ips; i++)
		if (service->cluster_ips[i].family == family)
			break;
	if (i == service->n_cluster_ips)
		return fine;
	key = cluster_key(service, family);
	entry = find(health, key);
	free(key);
	return entry ? judge(&entry->target, HEALTH_NO_ENDPOINTS_AT_ALL) : judge_missing(health);
}

struct health_verdict
health_verdict(const struct health *health, const struct service *service, enum ip_family family)
{
	struct health_verdict verdict = {.serving = true};

	if (!health || (service->traffic_policy_local && !is_local(service)))
		return verdict;
	if (is_local(service))
		return judge_local(health, service);
	verdict = judge_kube_proxy(health);
	return verdict.serving ? judge_cluster_ip(health, service, family) : verdict;
}

static void
explain_failure(const struct health_target *target, struct strbuf *out)
{
	switch (target->failure) {
	case HEALTH_FAILURE_NONE:
	case HEALTH_FAILURE_COUNT:
		break;
	case HEALTH_FAILURE_REFUSED:
		strbuf_add(out, "nobody listens there");
		break;
	case HEALTH_FAILURE_SILENT:
		strbuf_add(out, "no answer in time");
		break;
	case HEALTH_FAILURE_BROKEN:
		strbuf_add(out, "what answers is not HTTP, or not whole");
		break;
	case HEALTH_FAILURE_STATUS:
		strbuf_printf(out, "HTTP status %d", target->status);
		break;
	case HEALTH_FAILURE_FOREIGN:
		strbuf_add(out, "the port is that of ");
		strbuf_add_quoted(out, target->foreign, sizeof(target->foreign));
		break;
	}
}

void
health_explain(const struct health_verdict *verdict, struct strbuf *out)
{
	const struct health_target *target = verdict->target;

	switch (verdict->cause) {
	case HEALTH_OK:
	case HEALTH_CAUSE_COUNT:
		break;
	case HEALTH_NOT_ASKED:
		strbuf_add(out, "whether it is served on this node is not known yet");
		break;
	case HEALTH_NO_LOCAL_ENDPOINTS:
		strbuf_printf(out,
		    "externalTrafficPolicy is Local, and by healthCheckNodePort %u there is no ready endpoint on this node",
		    target->port);
		break;
	case HEALTH_CHECK_FAILS:
		strbuf_printf(out,
		    "externalTrafficPolicy is Local, and healthCheckNodePort %u tells nothing of this Service: ",
		    target->port);
		explain_failure(target, out);
		break;
	case HEALTH_KUBE_PROXY_FAILS:
		strbuf_printf(
		    out, "kube-proxy is not healthy on this node, by port %u", target->port);
		if (target->state == HEALTH_UNANSWERED) {
			strbuf_add(out, ": ");
			explain_failure(target, out);
		}
		break;
	case HEALTH_NO_ENDPOINTS_AT_ALL:
		strbuf_printf(out,
		    "its clusterIP refuses connections to port %u, so it has no endpoint (health.cluster-check)",
		    target->port);
		break;
	}
}

uint64_t
health_generation(const struct health *health)
{
	return health->generation;
}

const struct health_stats *
health_stats(const struct health *health)
{
	return &health->stats;
}

size_t
health_count(const struct health *health, enum health_kind kind, enum health_state state)
{
	const struct entry *entry;
	size_t n = 0;

	MAP_FOREACH (entry, health->entries)
		n += entry->target.kind == kind && entry->target.state == state;
	return n;
}
