/*
 * ipam against a naive reference: random Services, edits, pools, nodes, leaders and failed writes;
 * after each step everything that must hold is looked for address by address.
 */
#include <stdlib.h>

#include "ipam/ipam.h"
#include "ipam_help.h"
#include "model/labels.h"
#include "test.h"
#include "util/mem.h"
#include "util/prng.h"
#include "util/str.h"

#define SERVICES 14
#define UNIVERSE 16 /* addresses of each family */
#define SEEDS 20
#define STEPS_PER_SEED 5000 /* 100,000 in all */
#define MAX_POOLS 4

enum step {
	STEP_PUT,
	STEP_EDIT,
	STEP_DELETE,
	STEP_STATUS,
	STEP_POOLS,
	STEP_FORBID,
	STEP_REVOKE,
	STEP_NAMESPACE,
	STEP_RESTART,
	STEP_RESTART_HALFWAY,
	STEP_COUNT
};

struct world {
	struct help_cluster cluster;
	struct prng prng;
	uint64_t seed;
	size_t number;
	enum step step;
	const char *touched; /* key of the one Service of this step, NULL: any may change */
	bool may_revoke;
	bool prod; /* label of namespace ns1 */
	bool forbidden[2][UNIVERSE];
	/* What the previous look saw: the address of each Service and family, -1 for none. */
	int held[SERVICES][2];
	size_t counts[STEP_COUNT], assigned, refused, shared;
};

#define check(world, condition)                                                 \
	do {                                                                    \
		if (!(condition))                                               \
			fail_msg("seed %llu step %zu (kind %d): %s",            \
			    (unsigned long long)(world)->seed, (world)->number, \
			    (int)(world)->step, #condition);                    \
	} while (0)

static size_t
roll(struct world *world, size_t n)
{
	return prng_below(&world->prng, n);
}

static struct ip_addr universe[2][UNIVERSE];
static char keys[SERVICES][32];

/* Around the end of a /24, so that .255 and .0 are inside. */
static void
make_universe(void)
{
	size_t i, family;

	universe[0][0] = help_addr("1.2.3.248");
	universe[1][0] = help_addr("1000::f8");
	for (family = 0; family < 2; family++)
		for (i = 1; i < UNIVERSE; i++)
			(void)ip_addr_next(&universe[family][i - 1], &universe[family][i]);
	for (i = 0; i < SERVICES; i++)
		(void)snprintf(keys[i], sizeof(keys[i]), "%s/s%zu", i % 3 ? "default" : "ns1", i);
}

static struct ip_addr
addr_at(size_t family, size_t i)
{
	return universe[family][i];
}

static int
index_of(const struct ip_addr *addr)
{
	size_t i;

	for (i = 0; i < UNIVERSE; i++) {
		struct ip_addr at = addr_at(addr->family == IP_FAMILY_V6, i);

		if (ip_addr_eq(&at, addr))
			return (int)i;
	}
	return -1;
}

/* The universe cut into pools at random places. */
static void
random_pools(struct world *world)
{
	static const char *const names[] = {"a", "b", "c", "d"};
	struct help_pool pools[MAX_POOLS] = {0};
	char text[MAX_POOLS][2][128] = {{{0}}};
	size_t n = roll(world, 12) == 0 ? 0 : 1 + roll(world, MAX_POOLS), i, family, shift;

	shift = roll(world, MAX_POOLS);
	for (i = 0; i < n; i++) {
		size_t place = (i + shift) % n, width = UNIVERSE / n;

		for (family = 0; family < 2; family++) {
			struct ip_addr first = addr_at(family, place * width);
			struct ip_addr last = addr_at(family, place * width + roll(world, width));
			char a[IP_ADDR_STRLEN], b[IP_ADDR_STRLEN];
			size_t len = strlen(text[i][0]);

			if (roll(world, 4) == 0 && (family == 0 || len))
				continue;
			ip_addr_format(&first, a);
			ip_addr_format(&last, b);
			(void)snprintf(text[i][0] + len, sizeof(text[i][0]) - len, "%s-%s ", a, b);
			if (roll(world, 5) == 0)
				(void)snprintf(text[i][1], sizeof(text[i][1]), "%s", a);
		}
		pools[i] = (struct help_pool){.name = names[i],
		    .addresses = text[i][0],
		    .exclude = text[i][1],
		    .avoid_buggy = roll(world, 4) == 0,
		    .no_auto = roll(world, 6) == 0,
		    .priority = roll(world, 3) == 0 ? (uint32_t)roll(world, 3) : 0};
		if (roll(world, 4) == 0)
			pools[i].namespaces = roll(world, 2) ? "ns1" : "ns*";
		if (roll(world, 5) == 0)
			pools[i].namespace_selectors = "env=prod";
		if (roll(world, 4) == 0)
			pools[i].service_selectors = "team=x";
	}
	help_cluster_pools(&world->cluster, pools, n);
}

/* A random Service; status, annotation and condition of the old one stay, as the server would. */
static void
put_random(struct world *world, size_t i)
{
	static const char *const share_keys[] = {NULL, NULL, "k", "k", "m", ""};
	static const char *const ports[] = {"tcp/1", "tcp/2", "udp/1 tcp/3", "tcp/1 tcp/2"};
	static const char *const families[] = {
	    "10.0.0.1", "10.0.0.1", "fd00::1", "10.0.0.1 fd00::1", "fd00::1 10.0.0.1"};
	static const char *const pools[] = {"a", "b", "c", "nope"};
	struct service_table *table = &world->cluster.table;
	char name[16], ips[128] = "", v4[IP_ADDR_STRLEN], v6[IP_ADDR_STRLEN];
	struct help_service spec = {.name = name,
	    .namespace = i % 3 ? "default" : "ns1",
	    .created = (int64_t)(1 + i * 7 % SERVICES),
	    .share = share_keys[roll(world, ARRAY_SIZE(share_keys))],
	    .ports = ports[roll(world, ARRAY_SIZE(ports))],
	    .cluster_ips = families[roll(world, ARRAY_SIZE(families))],
	    .policy = (enum ip_family_policy)roll(world, IP_FAMILY_POLICY_COUNT),
	    .local = roll(world, 4) == 0,
	    .selector = roll(world, 2) ? "app=web" : "",
	    .labels = roll(world, 3) ? "" : "team=x"};
	const struct service *old;
	struct service *service;
	(void)snprintf(name, sizeof(name), "s%zu", i);
	if (roll(world, 4) == 0) {
		struct ip_addr a = addr_at(0, roll(world, UNIVERSE));
		struct ip_addr b = addr_at(1, roll(world, UNIVERSE));

		ip_addr_format(&a, v4);
		ip_addr_format(&b, v6);
		(void)snprintf(ips, sizeof(ips), "%s", strchr(spec.cluster_ips, ' ') ? "" : v4);
		if (strchr(spec.cluster_ips, ' '))
			(void)snprintf(ips, sizeof(ips), "%s,%s", v4, v6);
		else if (strchr(spec.cluster_ips, ':'))
			(void)snprintf(ips, sizeof(ips), "%s", v6);
		spec.ips = ips;
	}
	if (roll(world, 5) == 0)
		spec.pool = pools[roll(world, ARRAY_SIZE(pools))];
	if (roll(world, 12) == 0)
		spec.class = "other";
	if (roll(world, 12) == 0)
		spec.not_load_balancer = true;
	if (roll(world, 20) == 0)
		spec.deleting = true;
	old = service_table_find(table, keys[i]);
	if (old)
		spec.uid = old->uid;
	service = help_service(&spec);
	if (old) {
		struct service mix = *service, *copy;

		mix.ingress = old->ingress;
		mix.n_ingress = spec.not_load_balancer ? 0 : old->n_ingress;
		mix.condition = old->condition;
		mix.annotations[ANNOTATION_IP_ALLOCATED_FROM_POOL] =
		    old->annotations[ANNOTATION_IP_ALLOCATED_FROM_POOL];
		copy = help_copy(&mix);
		service_free(service);
		service = copy;
	}
	service_table_put(table, service);
	ipam_service_changed(world->cluster.ipam, service);
}

/* Somebody edits the status by hand. */
static void
edit_status(struct world *world, size_t i)
{
	static const char *const edits[] = {
	    "", "1.2.3.250", "9.9.9.9", "lb.example 1.2.3.249", "1000::f9 1.2.3.251"};
	struct service_table *table = &world->cluster.table;
	struct service *copy, *model;
	if (!service_table_find(table, keys[i]))
		return;
	model = help_service(
	    &(struct help_service){.ingress = edits[roll(world, ARRAY_SIZE(edits))]});
	{
		struct service mix = *service_table_find(table, keys[i]);

		mix.ingress = model->ingress;
		mix.n_ingress = mix.type == SERVICE_LOAD_BALANCER ? model->n_ingress : 0;
		/* An annotation without a condition would make every address ours, as MetalLB
		 * leaves it; test_ipam.c has that. */
		if (roll(world, 3) == 0)
			mix.condition = model->condition;
		if (roll(world, 3) == 0 || !mix.condition.present)
			mix.annotations[ANNOTATION_IP_ALLOCATED_FROM_POOL] = NULL;
		copy = help_copy(&mix);
	}
	service_free(model);
	service_table_put(table, copy);
	ipam_service_changed(world->cluster.ipam, copy);
}

static void
answer(struct world *world, const char *name)
{
	struct label label = {"env", "prod"};
	struct labels labels = {&label, 1};

	if (!str_eq(name, "ns1") || !world->prod)
		labels.count = 0;
	ipam_set_namespace(world->cluster.ipam, name, &labels);
}

/* Until nothing is dirty, or `limit` decisions; some writes fail and come again. */
static void
run(struct world *world, size_t limit)
{
	struct help_cluster *cluster = &world->cluster;
	struct ipam_decision decision;
	size_t writes = 0;

	while (limit-- > 0 && ipam_next(cluster->ipam, &cluster->table, &decision)) {
		struct service *copy;

		/* Each step ends: a write loop would not. */
		check(world, ++writes < 1000);
		if (decision.kind == IPAM_NEEDS_NAMESPACE)
			answer(world, decision.needs_namespace);
		if (decision.kind != IPAM_SETTLED || !decision.write_needed)
			continue;
		copy = service_table_find(&cluster->table, decision.key);
		if (roll(world, 8)) {
			copy = help_apply(copy, &decision, roll(world, 2));
			service_table_put(&cluster->table, copy);
		}
		ipam_service_changed(cluster->ipam, copy);
	}
}

/* The reference: what the rules say, one address at a time. */

static bool
naive_ours(const struct service *service)
{
	return service && service->type == SERVICE_LOAD_BALANCER && !service->load_balancer_class;
}

static bool
naive_may_share(const struct service *a, const struct service *b)
{
	const char *ka = a->annotations[ANNOTATION_ALLOW_SHARED_IP];
	const char *kb = b->annotations[ANNOTATION_ALLOW_SHARED_IP];
	size_t i, j;

	if (!ka || !kb || !ka[0] || !str_eq(ka, kb) ||
	    a->traffic_policy_local != b->traffic_policy_local ||
	    (a->traffic_policy_local && !str_eq(a->selector, b->selector)))
		return false;
	for (i = 0; i < a->n_ports; i++)
		for (j = 0; j < b->n_ports; j++)
			if (a->ports[i].protocol == b->ports[j].protocol &&
			    a->ports[i].port == b->ports[j].port)
				return false;
	return true;
}

static bool
naive_pool_is_for(
    const struct world *world, const struct settings_pool *pool, const struct service *service)
{
	bool by_name = pool->namespaces.count > 0, by_label = pool->namespace_selectors.count > 0;
	bool is_prod = str_eq(service->namespace, "ns1") && world->prod;

	if (pool->service_selectors.count &&
	    !selector_list_matches(&pool->service_selectors, &service->labels))
		return false;
	if (by_name && string_list_matches(&pool->namespaces, service->namespace))
		return true;
	return by_label ? is_prod : !by_name;
}

static const struct settings_pool *
naive_pool_of(const struct world *world, const struct ip_addr *addr)
{
	const struct settings *settings = world->cluster.settings;
	size_t i;

	for (i = 0; i < settings->n_pools; i++)
		if (settings_pool_allows(&settings->pools[i], addr))
			return &settings->pools[i];
	return NULL;
}

/* What a Service asks for of a family: -1 nothing, -2 something out of the universe. */
static int
naive_asked(const struct service *service, size_t family)
{
	const char *text = service->annotations[ANNOTATION_LOAD_BALANCER_IPS], *comma;
	struct ip_addr addr;
	char first[64];

	if (!text || !text[0])
		return -1;
	comma = strchr(text, ',');
	(void)snprintf(
	    first, sizeof(first), "%.*s", comma ? (int)(comma - text) : (int)strlen(text), text);
	addr = help_addr(first);
	if ((addr.family == IP_FAMILY_V6) != (family == 1)) {
		if (!comma)
			return -1;
		addr = help_addr(comma + 1);
	}
	return index_of(&addr);
}

static bool
naive_wants(const struct service *service, size_t family)
{
	size_t i;

	for (i = 0; i < service->n_cluster_ips; i++)
		if ((service->cluster_ips[i].family == IP_FAMILY_V6) == (family == 1))
			return true;
	return false;
}

static bool
naive_may_have_any(const struct world *world, const struct service *service)
{
	const struct settings *settings = world->cluster.settings;
	const char *pool = service->annotations[ANNOTATION_ADDRESS_POOL];

	if (service->deleting || settings->n_pools == 0)
		return false;
	if (service->ip_family_policy == REQUIRE_DUAL_STACK && service->n_cluster_ips < 2)
		return false;
	return !pool || !pool[0] || settings_pool_by_name(settings, pool);
}

/* Whether `service` may be given address i of the family now. */
static bool
naive_legal(const struct world *world, const struct service *service, size_t family, size_t i)
{
	const char *name = service->annotations[ANNOTATION_ADDRESS_POOL];
	int asked = naive_asked(service, family);
	struct ip_addr addr = addr_at(family, i);
	const struct settings_pool *pool = naive_pool_of(world, &addr);
	bool by_ips = naive_asked(service, 0) != -1 || naive_asked(service, 1) != -1;
	size_t other;

	if (!pool || world->forbidden[family][i] || !naive_pool_is_for(world, pool, service))
		return false;
	if (by_ips && asked != (int)i)
		return false;
	if (name && name[0] ? !str_eq(name, pool->name) : !by_ips && !pool->auto_assign)
		return false;
	for (other = 0; other < SERVICES; other++) {
		if (world->held[other][family] != (int)i || str_eq(keys[other], service->key))
			continue;
		if (!naive_may_share(
			service, service_table_find(&world->cluster.table, keys[other])))
			return false;
	}
	return true;
}

static bool
naive_has_family(const struct settings_pool *pool, size_t family)
{
	size_t i;

	for (i = 0; i < UNIVERSE; i++) {
		struct ip_addr addr = addr_at(family, i);

		if (settings_pool_allows(pool, &addr))
			return true;
	}
	return false;
}

/* Whether two explicitly asked addresses may go together. */
static bool
naive_pair_is_legal(const struct world *world, size_t v4, size_t v6)
{
	struct ip_addr a = addr_at(0, v4), b = addr_at(1, v6);
	const struct settings_pool *pa = naive_pool_of(world, &a), *pb = naive_pool_of(world, &b);

	return !pa || !pb || pa == pb ||
	    !((naive_has_family(pa, 0) && naive_has_family(pa, 1)) ||
		(naive_has_family(pb, 0) && naive_has_family(pb, 1)));
}

static int
naive_any_legal(const struct world *world, const struct service *service, size_t family)
{
	size_t i;

	for (i = 0; i < UNIVERSE; i++)
		if (naive_legal(world, service, family, i))
			return (int)i;
	return -1;
}

static uint64_t
naive_rank(const struct settings *settings, const struct settings_pool *pool)
{
	bool pinned = pool->priority || pool->namespaces.count || pool->namespace_selectors.count ||
	    pool->service_selectors.count;

	return (uint64_t)!pinned << 40 | (uint64_t)(pool->priority ? pool->priority : 99) << 8 |
	    (uint64_t)(pool - settings->pools);
}

/* The lowest legal address of the family in the first pool that has one, only = that pool alone. */
static int
naive_first(const struct world *world, const struct service *service, size_t family,
    const struct settings_pool *only, const struct settings_pool **ret_pool)
{
	const struct settings *settings = world->cluster.settings;
	uint64_t best_rank = UINT64_MAX;
	int best = -1;
	size_t i;

	for (i = 0; i < UNIVERSE; i++) {
		struct ip_addr addr = addr_at(family, i);
		const struct settings_pool *pool = naive_pool_of(world, &addr);

		if (!pool || (only && pool != only) || !naive_legal(world, service, family, i) ||
		    naive_rank(settings, pool) >= best_rank)
			continue;
		best = (int)i;
		best_rank = naive_rank(settings, pool);
		*ret_pool = pool;
	}
	return best;
}

/* What a Service that holds nothing is given now. */
static void
naive_assign(const struct world *world, const struct service *service, int ret[2])
{
	const struct settings *settings = world->cluster.settings;
	const struct settings_pool *pool = NULL, *best = NULL;
	int v4, v6;
	size_t i;

	ret[0] = ret[1] = -1;
	if (!naive_may_have_any(world, service))
		return;
	if (service->n_cluster_ips < 2) {
		size_t family = naive_wants(service, 1);

		ret[family] = naive_first(world, service, family, NULL, &pool);
		return;
	}
	v4 = naive_first(world, service, 0, NULL, &pool);
	v6 = naive_first(world, service, 1, NULL, &pool);
	if (naive_asked(service, 0) >= 0) {
		if (v4 < 0 || v6 < 0 || !naive_pair_is_legal(world, (size_t)v4, (size_t)v6))
			return;
	} else {
		for (i = 0; i < settings->n_pools; i++) {
			pool = &settings->pools[i];
			if (naive_first(world, service, 0, &settings->pools[i], &pool) >= 0 &&
			    naive_first(world, service, 1, &settings->pools[i], &pool) >= 0 &&
			    (!best || naive_rank(settings, pool) < naive_rank(settings, best)))
				best = pool;
		}
		if (best) {
			v4 = naive_first(world, service, 0, best, &pool);
			v6 = naive_first(world, service, 1, best, &pool);
		}
		if (service->ip_family_policy != PREFER_DUAL_STACK && (v4 < 0 || v6 < 0))
			return;
	}
	ret[0] = v4;
	ret[1] = v6;
}

static void
note_held(void *arg, const struct ipam_held *held)
{
	struct world *world = arg;
	size_t i;

	for (i = 0; i < SERVICES; i++) {
		if (str_eq(keys[i], held->service)) {
			world->held[i][held->address.family == IP_FAMILY_V6] = index_of(
			    &held->address);
			check(world, index_of(&held->address) >= 0);
		}
	}
	world->shared += held->is_shared;
}

/* A held address that the rules do not allow (the file's part only while it may be revoked). */
static void
check_held(struct world *world, const struct service *service, size_t family, size_t i)
{
	const char *name = service->annotations[ANNOTATION_ADDRESS_POOL];
	struct ip_addr addr = addr_at(family, i);
	const struct settings_pool *pool = naive_pool_of(world, &addr);
	size_t other;

	check(world, naive_wants(service, family));
	check(world, service_has_ingress(service, &addr));
	if (naive_asked(service, 0) != -1 || naive_asked(service, 1) != -1)
		check(world, naive_asked(service, family) == (int)i);
	for (other = 0; other < SERVICES; other++) {
		if (world->held[other][family] == (int)i && !str_eq(keys[other], service->key))
			check(world,
			    naive_may_share(
				service, service_table_find(&world->cluster.table, keys[other])));
	}
	if (!world->may_revoke)
		return;
	check(world, pool && naive_pool_is_for(world, pool, service));
	if (name && name[0] && settings_pool_by_name(world->cluster.settings, name))
		check(world, str_eq(name, pool->name));
}

/* A Service lacks something: then there is nothing that it could have. */
static void
check_missing(struct world *world, const struct service *service, const int held[2])
{
	bool miss4 = naive_wants(service, 0) && held[0] < 0;
	bool miss6 = naive_wants(service, 1) && held[1] < 0;
	int a, b;

	if ((!miss4 && !miss6) || !naive_may_have_any(world, service))
		return;
	world->refused++;
	a = naive_any_legal(world, service, 0);
	b = naive_any_legal(world, service, 1);
	if (naive_asked(service, 0) >= 0 && naive_asked(service, 1) >= 0) {
		/* Asked for by address: all or nothing. */
		check(world,
		    (miss4 && a < 0) || (miss6 && b < 0) ||
			!naive_pair_is_legal(world, (size_t)naive_asked(service, 0),
			    (size_t)naive_asked(service, 1)));
		return;
	}
	if (miss4 && miss6 && service->ip_family_policy != PREFER_DUAL_STACK)
		check(world, a < 0 || b < 0);
	else
		check(world, (!miss4 || a < 0) && (!miss6 || b < 0));
}

/* The status names nothing of ours but what is held, and keeps what is not ours. */
static void
check_status(struct world *world, const struct service *service, const int held[2])
{
	size_t i, ours = 0;

	for (i = 0; i < service->n_ingress; i++) {
		const struct ip_addr *ip = &service->ingress[i].ip;
		int at = ip->family ? index_of(ip) : -1;

		if (at < 0)
			continue;
		if (held[ip->family == IP_FAMILY_V6] == at)
			ours++;
		else
			check(world, !settings_pool_of(world->cluster.settings, ip));
	}
	check(world, ours == (size_t)(held[0] >= 0) + (held[1] >= 0));
	check(world,
	    (service->annotations[ANNOTATION_IP_ALLOCATED_FROM_POOL] != NULL) == (ours > 0) ||
		!world->may_revoke);
}

/* Whether only the words of a refusal differ: who else has what changed since they were written. */
static bool
only_words_differ(const struct service *service, const struct ipam_decision *decision)
{
	size_t i;

	for (i = 0; i < decision->n_addresses; i++)
		if (!service_has_ingress(service, &decision->addresses[i]))
			return false;
	return decision->n_ingress == service->n_ingress &&
	    str_eq_null(
		decision->annotation, service->annotations[ANNOTATION_IP_ALLOCATED_FROM_POOL]) &&
	    decision->condition.status == service->condition.status &&
	    (decision->reason == IPAM_ALLOCATION_FAILED ||
		decision->reason == IPAM_ADDITIONAL_FAILED) &&
	    str_eq(decision->condition.reason, service->condition.reason);
}

/* Looking at everything again changes no address; looking twice says and writes nothing. */
static void
check_quiet(struct world *world)
{
	struct help_cluster *cluster = &world->cluster;
	struct ipam_decision decision;
	struct service *service;
	int pass;

	for (pass = 0; pass < 2; pass++) {
		MAP_FOREACH (service, cluster->table.head)
			ipam_service_changed(cluster->ipam, service);
		while (ipam_next(cluster->ipam, &cluster->table, &decision)) {
			check(world, decision.kind != IPAM_NEEDS_NAMESPACE);
			if (decision.kind != IPAM_SETTLED || !decision.write_needed) {
				check(world, decision.n_events == 0);
				continue;
			}
			service = service_table_find(&cluster->table, decision.key);
			check(world, pass == 0 && only_words_differ(service, &decision));
			service_table_put(&cluster->table, help_apply(service, &decision, true));
		}
	}
}

static void
check_counts(struct world *world)
{
	const struct settings *settings = world->cluster.settings;
	size_t p, i, s, family;

	for (p = 0; p < settings->n_pools; p++) {
		struct ipam_pool_stats stats;
		uint64_t used[2] = {0}, free_[2] = {0}, total[2] = {0};

		for (family = 0; family < 2; family++) {
			for (i = 0; i < UNIVERSE; i++) {
				struct ip_addr addr = addr_at(family, i);
				bool is_used = false;

				if (!settings_pool_allows(&settings->pools[p], &addr))
					continue;
				for (s = 0; s < SERVICES; s++)
					is_used |= world->held[s][family] == (int)i;
				total[family]++;
				used[family] += is_used;
				free_[family] += !is_used && !world->forbidden[family][i];
			}
		}
		check(world,
		    ipam_pool_stats(world->cluster.ipam, settings->pools[p].name, &stats) == 0);
		check(world, stats.v4.total == total[0] && stats.v6.total == total[1]);
		check(world, stats.v4.used == used[0] && stats.v6.used == used[1]);
		check(world, stats.v4.free == free_[0] && stats.v6.free == free_[1]);
	}
}

static void
look(struct world *world)
{
	int before[SERVICES][2];
	size_t i, family;

	memcpy(before, world->held, sizeof(before));
	memset(world->held, 0xff, sizeof(world->held));
	ipam_foreach_held(world->cluster.ipam, note_held, world);
	for (i = 0; i < SERVICES; i++) {
		const struct service *service;
		service = service_table_find(&world->cluster.table, keys[i]);
		if (!naive_ours(service)) {
			check(world, world->held[i][0] < 0 && world->held[i][1] < 0);
			continue;
		}
		for (family = 0; family < 2; family++) {
			int at = world->held[i][family];

			if (at >= 0)
				check_held(world, service, family, (size_t)at);
			world->assigned += at >= 0;
			/* Nobody else's business takes an address away, or changes it. */
			if (before[i][family] >= 0 && world->touched &&
			    !str_eq(world->touched, keys[i]))
				check(world, at == before[i][family]);
		}
		check_missing(world, service, world->held[i]);
		check_status(world, service, world->held[i]);
	}
	check_counts(world);
	check_quiet(world);
}

/* A new Service when all are settled: exactly what the reference gives it. */
static void
put_new(struct world *world, size_t i)
{
	const struct service *service;
	int expected[2];
	size_t family;

	put_random(world, i);
	service = service_table_find(&world->cluster.table, keys[i]);
	if (!naive_ours(service)) {
		run(world, SIZE_MAX);
		return;
	}
	naive_assign(world, service, expected);
	run(world, SIZE_MAX);
	service = service_table_find(&world->cluster.table, keys[i]);
	for (family = 0; family < 2; family++) {
		struct ip_addr addr = addr_at(
		    family, (size_t)(expected[family] < 0 ? 0 : expected[family]));

		if (expected[family] >= 0)
			check(world, service_has_ingress(service, &addr));
	}
	check(world, service->n_ingress == (size_t)(expected[0] >= 0) + (expected[1] >= 0));
}

static void
forbid_some(struct world *world)
{
	struct ip_addr addrs[2 * UNIVERSE];
	size_t n = 0, family, i;

	for (family = 0; family < 2; family++) {
		for (i = 0; i < UNIVERSE; i++) {
			world->forbidden[family][i] = roll(world, 12) == 0;
			if (world->forbidden[family][i])
				addrs[n++] = addr_at(family, i);
		}
	}
	ipam_set_forbidden(world->cluster.ipam, addrs, n);
}

static enum step
random_step(struct world *world)
{
	size_t n = roll(world, 100);

	return n < 25 ? STEP_PUT
	    : n < 55  ? STEP_EDIT
	    : n < 72  ? STEP_DELETE
	    : n < 80  ? STEP_STATUS
	    : n < 85  ? STEP_POOLS
	    : n < 88  ? STEP_FORBID
	    : n < 91  ? STEP_REVOKE
	    : n < 93  ? STEP_NAMESPACE
	    : n < 97  ? STEP_RESTART
		      : STEP_RESTART_HALFWAY;
}

static void
restart(struct world *world)
{
	help_cluster_restart(&world->cluster);
}

static void
take_step(struct world *world)
{
	struct service_table *table = &world->cluster.table;
	size_t i = roll(world, SERVICES), j;

	world->step = random_step(world);
	world->touched = keys[i];
	if ((world->step == STEP_EDIT || world->step == STEP_DELETE) &&
	    !service_table_find(table, keys[i]))
		world->step = STEP_PUT;
	else if (world->step == STEP_PUT && service_table_find(table, keys[i]))
		world->step = STEP_EDIT;
	world->counts[world->step]++;
	switch (world->step) {
	case STEP_PUT:
		put_new(world, i);
		break;
	case STEP_EDIT:
		put_random(world, i);
		break;
	case STEP_DELETE:
		help_cluster_gone(&world->cluster, keys[i]);
		break;
	case STEP_STATUS:
		edit_status(world, i);
		break;
	case STEP_POOLS:
		world->touched = NULL;
		random_pools(world);
		break;
	case STEP_FORBID:
		world->touched = "";
		forbid_some(world);
		break;
	case STEP_REVOKE:
		world->touched = NULL;
		world->may_revoke = roll(world, 4);
		ipam_set_may_revoke(world->cluster.ipam, world->may_revoke);
		break;
	case STEP_NAMESPACE:
		world->touched = NULL;
		world->prod = !world->prod;
		answer(world, "ns1");
		break;
	case STEP_RESTART:
		/* All was written: a fresh leader changes nothing. */
		world->touched = "";
		restart(world);
		break;
	case STEP_RESTART_HALFWAY:
		world->touched = NULL;
		for (j = 0; j < 4; j++)
			put_random(world, roll(world, SERVICES));
		random_pools(world);
		run(world, roll(world, 8));
		restart(world);
		break;
	case STEP_COUNT:
		break;
	}
	run(world, SIZE_MAX);
}

static void
test_model(void **state)
{
	const char *text = getenv("IPAM_SEED");
	size_t first = text ? strtoul(text, NULL, 10) : 1, seed;
	size_t total[STEP_COUNT] = {0}, assigned = 0, refused = 0, shared = 0, i;

	(void)state;
	make_universe();
	for (seed = first; seed < first + SEEDS; seed++) {
		struct world world = {.seed = seed, .may_revoke = true};

		memset(world.held, 0xff, sizeof(world.held));
		prng_init(&world.prng, seed);
		help_cluster_init(&world.cluster, NULL, 0);
		random_pools(&world);
		for (world.number = 0; world.number < STEPS_PER_SEED; world.number++) {
			take_step(&world);
			look(&world);
		}
		for (i = 0; i < STEP_COUNT; i++)
			total[i] += world.counts[i];
		assigned += world.assigned;
		refused += world.refused;
		shared += world.shared;
		help_cluster_fini(&world.cluster);
	}
	print_message("# model: %d steps, seeds %zu..%zu: %zu created, %zu edited, %zu deleted, "
		      "%zu statuses edited, %zu reloads, %zu node changes, %zu majority changes, "
		      "%zu namespaces, %zu leaders, %zu leaders in mid-batch; looked at %zu held "
		      "(%zu shared) and %zu refused\n",
	    SEEDS * STEPS_PER_SEED, first, first + SEEDS - 1, total[0], total[1], total[2],
	    total[3], total[4], total[5], total[6], total[7], total[8], total[9], assigned, shared,
	    refused);
	/* The walk must have been somewhere. */
	assert_true(assigned > 10000 && refused > 10000 && shared > 1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
