#include "announce/routes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"
#include "util/str.h"

static const char *const reason_names[] = {
    [ROUTE_ANNOUNCED] = "announced",
    [ROUTE_NOT_ALLOWED] = "ipNotAllowed",
    [ROUTE_NO_MATCHING_ADVERTISEMENT] = "noMatchingAdvertisement",
    [ROUTE_CONFLICT] = "conflictingAdvertisements",
    [ROUTE_NODE_NETWORK_UNAVAILABLE] = "nodeNetworkUnavailable",
    [ROUTE_NODE_EXCLUDED] = "nodeLabeledExcludeBalancers",
    [ROUTE_NO_PEER] = "noPeer",
    [ROUTE_NOT_SERVED] = "notServed",
};
static_assert(
    sizeof(reason_names) / sizeof(reason_names[0]) == ROUTE_REASON_COUNT, "one name each");

/* An announced claim and one advertisement of it make a prefix. */
struct contribution {
	struct ip_prefix prefix;
	uint16_t advertisement;
	const struct service *service;
	uint32_t endpoints; /* of the service */
};

/* Only while routes are made. */
struct build {
	const struct routes_input *input;
	const struct settings_bgp *bgp;
	struct routes *routes;
	size_t cap_claims;
	bool *selected; /* by advertisement: selects this node */
	/* Of the pool of the last address: the advertisements that name it, on any node. */
	const char *pool;
	uint16_t *pool_ads;
	size_t n_pool_ads;
	uint16_t *matching; /* n_advertisements */
	struct contribution *contributions;
	size_t n_contributions, cap_contributions;
	struct strbuf text;
};

const char *
route_reason_str(enum route_reason reason)
{
	return reason_names[reason];
}

void
routes_free(struct routes *routes)
{
	if (routes)
		arena_free(routes->arena);
}

bool
route_peer_acts(const struct route_peer *peer)
{
	return peer->selected && !peer->same_as;
}

struct ip_prefix
route_prefix(const struct settings_bgp_advertisement *advertisement, const struct ip_addr *ip)
{
	struct ip_prefix prefix = {.addr = *ip};

	prefix.len = ip->family == IP_FAMILY_V4 ? advertisement->aggregation_length
						: advertisement->aggregation_length_v6;
	return ip_prefix_masked(&prefix);
}

static int
cmp_prefix(const struct ip_prefix *a, const struct ip_prefix *b)
{
	int c = ip_addr_cmp(&a->addr, &b->addr);

	return c ? c : (int)a->len - (int)b->len;
}

/* An absent list of selectors matches everything. */
static bool
selects(const struct selector_list *list, const struct labels *labels)
{
	return !list->count || selector_list_matches(list, labels);
}

/* --- peers, and groups of them --- */

static bool
same_router(const struct settings_peer *a, const struct settings_peer *b)
{
	return ip_addr_eq(&a->peer_address, &b->peer_address) &&
	    str_eq(a->interface, b->interface) && str_eq(a->vrf, b->vrf);
}

static void
judge_peers(struct build *b)
{
	struct routes *routes = b->routes;
	size_t i, j;

	routes->n_peers = b->bgp->n_peers;
	routes->peers = arena_alloc(routes->arena, routes->n_peers, sizeof(*routes->peers));
	for (i = 0; i < routes->n_peers; i++) {
		struct route_peer *peer = &routes->peers[i];

		peer->name = arena_strdup(routes->arena, b->bgp->peers[i].name);
		peer->selected = selects(
		    &b->bgp->peers[i].node_selectors, &b->input->plan->node_labels);
		for (j = 0; peer->selected && j < i && !peer->same_as; j++)
			if (route_peer_acts(&routes->peers[j]) &&
			    same_router(&b->bgp->peers[i], &b->bgp->peers[j]))
				peer->same_as = routes->peers[j].name;
	}
}

static void
judge_advertisements(struct build *b)
{
	size_t i;

	b->selected = xcalloc(b->bgp->n_advertisements, sizeof(*b->selected));
	for (i = 0; i < b->bgp->n_advertisements; i++)
		b->selected[i] = selects(
		    &b->bgp->advertisements[i].node_selectors, &b->input->plan->node_labels);
}

static void
group_peers(struct build *b)
{
	struct routes *routes = b->routes;
	size_t n_ads = b->bgp->n_advertisements, i, j;
	bool *names = xcalloc(n_ads, sizeof(*names));

	routes->groups = arena_alloc(routes->arena, routes->n_peers, sizeof(*routes->groups));
	for (i = 0; i < routes->n_peers; i++) {
		struct route_peer *peer = &routes->peers[i];

		if (!route_peer_acts(peer))
			continue;
		for (j = 0; j < n_ads; j++)
			names[j] = b->selected[j] &&
			    string_list_matches(&b->bgp->advertisements[j].peers, peer->name);
		for (j = 0; j < routes->n_groups; j++)
			if (!n_ads || !memcmp(routes->groups[j].advertisements, names, n_ads))
				break;
		if (j == routes->n_groups)
			routes->groups[routes->n_groups++].advertisements = arena_memdup(
			    routes->arena, names, n_ads, sizeof(*names));
		peer->group = j;
	}
	free(names);
}

/* --- claims --- */

static bool
names_pool(const struct build *b, size_t ad, const char *pool)
{
	return string_list_matches(&b->bgp->advertisements[ad].address_pools, pool);
}

/* Addresses come sorted, so mostly those of one pool in a row. */
static void
learn_pool(struct build *b, const char *pool)
{
	size_t i;

	if (b->pool && str_eq(b->pool, pool))
		return;
	b->pool = pool;
	b->n_pool_ads = 0;
	for (i = 0; i < b->bgp->n_advertisements; i++)
		if (names_pool(b, i, pool))
			b->pool_ads[b->n_pool_ads++] = (uint16_t)i;
}

/* Those of the pool that match Service and node, in file order. *ret_service: some match the
 * Service, on whatever node. */
static size_t
match_advertisements(struct build *b, const struct service *service, bool *ret_service)
{
	size_t i, n = 0;

	*ret_service = false;
	for (i = 0; i < b->n_pool_ads; i++) {
		uint16_t ad = b->pool_ads[i];

		if (!selects(&b->bgp->advertisements[ad].service_selectors, &service->labels))
			continue;
		*ret_service = true;
		if (b->selected[ad])
			b->matching[n++] = ad;
	}
	return n;
}

static bool
share_a_peer(const struct build *b, uint16_t x, uint16_t y)
{
	size_t i;

	for (i = 0; i < b->routes->n_groups; i++)
		if (b->routes->groups[i].advertisements[x] &&
		    b->routes->groups[i].advertisements[y])
			return true;
	return false;
}

static bool
disagree(const struct settings_bgp_advertisement *x, const struct settings_bgp_advertisement *y)
{
	return x->localpref != y->localpref || x->med != y->med ||
	    x->as_path_prepend != y->as_path_prepend || x->weight != y->weight;
}

/* Two that make the same route for the same peer and disagree, chosen by service-selectors: the
 * file's check judged those without. */
static bool
find_conflict(const struct build *b, const struct ip_addr *ip, size_t n, uint16_t ret_pair[2])
{
	const struct settings_bgp_advertisement *ads = b->bgp->advertisements;
	size_t i, j;

	for (i = 1; i < n; i++) {
		for (j = 0; j < i; j++) {
			uint16_t x = b->matching[j], y = b->matching[i];
			struct ip_prefix px = route_prefix(&ads[x], ip),
					 py = route_prefix(&ads[y], ip);

			if ((!ads[x].service_selectors.count && !ads[y].service_selectors.count) ||
			    px.len != py.len || !disagree(&ads[x], &ads[y]) ||
			    !share_a_peer(b, x, y))
				continue;
			ret_pair[0] = x;
			ret_pair[1] = y;
			return true;
		}
	}
	return false;
}

static bool
reaches_anyone(const struct build *b, size_t n)
{
	size_t i, j;

	for (i = 0; i < n; i++)
		for (j = 0; j < b->routes->n_groups; j++)
			if (b->routes->groups[j].advertisements[b->matching[i]])
				return true;
	return false;
}

/* The same claim as it was before, if it was announced. */
static const struct route_claim *
announced_before(const struct routes *previous, const struct route_claim *claim)
{
	const struct route_claim *old;
	size_t n, i;

	old = previous ? routes_find(previous, &claim->ip, &n) : NULL;
	for (i = 0; old && i < n; i++)
		if (str_eq(old[i].service, claim->service))
			return old[i].reason == ROUTE_ANNOUNCED ? &old[i] : NULL;
	return NULL;
}

static void
judge_health(const struct build *b, const struct service *service, struct route_claim *claim)
{
	const struct route_claim *old = announced_before(b->input->previous, claim);
	struct routes_verdict verdict;

	if (!b->input->health)
		return;
	verdict = b->input->health(b->input->health_arg, service, (enum ip_family)claim->ip.family);
	claim->undecided = verdict.undecided;
	claim->endpoints = verdict.undecided && old ? old->endpoints : verdict.endpoints;
	if (verdict.serving || (verdict.undecided && old))
		return;
	claim->reason = ROUTE_NOT_SERVED;
	claim->reason_text = verdict.reason;
	claim->sentence = arena_strdup(b->routes->arena, verdict.sentence);
}

static const char *
ad_name(const struct build *b, struct arena *arena, size_t ad)
{
	const char *name = b->bgp->advertisements[ad].name;

	return *name ? arena_printf(arena, "\"%s\"", name) : arena_printf(arena, "#%zu", ad);
}

static void
explain_no_advertisement(struct build *b, struct route_claim *claim, bool for_service)
{
	struct arena *arena = b->routes->arena;

	if (!b->n_pool_ads)
		claim->sentence = arena_printf(
		    arena, "none of bgp.advertisements names pool \"%s\"", claim->pool);
	else if (!for_service)
		claim->sentence = arena_printf(arena,
		    "none of bgp.advertisements for pool \"%s\" has service-selectors that match %s",
		    claim->pool, claim->service);
	else
		claim->sentence = arena_printf(arena,
		    "none of bgp.advertisements for pool \"%s\" and %s has node-selectors that match node %s",
		    claim->pool, claim->service, b->input->settings->node.name);
}

static void
explain(struct build *b, struct route_claim *claim, bool for_service, const uint16_t pair[2])
{
	struct arena *arena = b->routes->arena;
	const char *node = b->input->settings->node.name;

	switch (claim->reason) {
	case ROUTE_ANNOUNCED:
	case ROUTE_REASON_COUNT:
		claim->sentence = "";
		return;
	case ROUTE_NOT_ALLOWED:
		claim->sentence = "no pool of address-pools has this address";
		return;
	case ROUTE_NO_MATCHING_ADVERTISEMENT:
		explain_no_advertisement(b, claim, for_service);
		return;
	case ROUTE_CONFLICT:
		claim->sentence = arena_printf(arena,
		    "bgp.advertisements %s and %s make the same route and differ in localpref, med, as-path-prepend or weight",
		    ad_name(b, arena, pair[0]), ad_name(b, arena, pair[1]));
		return;
	case ROUTE_NODE_NETWORK_UNAVAILABLE:
		claim->sentence = arena_printf(
		    arena, "node %s has the condition NetworkUnavailable", node);
		return;
	case ROUTE_NODE_EXCLUDED:
		claim->sentence = arena_printf(arena,
		    "node %s has the label " LABEL_EXCLUDE_FROM_EXTERNAL_LOAD_BALANCERS
		    " (node.ignore-exclude-label makes it announce all the same)",
		    node);
		return;
	case ROUTE_NO_PEER:
		claim->sentence = arena_printf(
		    arena, "no peer of node %s is among the peers of the advertisements", node);
		return;
	case ROUTE_NOT_SERVED:
		claim->sentence = claim->undecided ? "whether this node serves it is not known yet"
						   : "this node does not serve it: see health";
		return;
	}
}

static void
contribute(struct build *b, const struct service *service, const struct route_claim *claim)
{
	size_t i;

	for (i = 0; i < claim->n_advertisements; i++) {
		uint16_t ad = claim->advertisements[i];

		b->contributions = mem_grow(b->contributions, b->n_contributions,
		    &b->cap_contributions, sizeof(*b->contributions));
		b->contributions[b->n_contributions++] = (struct contribution){
		    .prefix = route_prefix(&b->bgp->advertisements[ad], &claim->ip),
		    .advertisement = ad,
		    .service = service,
		    .endpoints = claim->endpoints};
	}
}

static void
judge_claim(struct build *b, const struct service *service, struct route_claim *claim)
{
	bool for_service = false;
	uint16_t pair[2] = {0};
	size_t n = 0;

	if (!*claim->pool) {
		claim->reason = ROUTE_NOT_ALLOWED;
	} else {
		n = match_advertisements(b, service, &for_service);
		if (!n)
			claim->reason = ROUTE_NO_MATCHING_ADVERTISEMENT;
		else if (find_conflict(b, &claim->ip, n, pair))
			claim->reason = ROUTE_CONFLICT;
		else if (b->input->node_network_unavailable)
			claim->reason = ROUTE_NODE_NETWORK_UNAVAILABLE;
		else if (b->input->plan->node_excluded)
			claim->reason = ROUTE_NODE_EXCLUDED;
		else if (!reaches_anyone(b, n))
			claim->reason = ROUTE_NO_PEER;
	}
	claim->advertisements = arena_memdup(
	    b->routes->arena, b->matching, n, sizeof(*b->matching));
	claim->n_advertisements = n;
	claim->reason_text = reason_names[claim->reason];
	if (claim->reason == ROUTE_ANNOUNCED)
		judge_health(b, service, claim);
	b->routes->undecided |= claim->undecided;
	explain(b, claim, for_service, pair);
	if (claim->reason == ROUTE_ANNOUNCED) {
		b->routes->n_announced++;
		contribute(b, service, claim);
	}
}

static void
judge_claims(struct build *b)
{
	const struct plan *plan = b->input->plan;
	struct routes *routes = b->routes;
	size_t i, j, n = 0;

	for (i = 0; i < plan->n_addresses; i++)
		n += plan->addresses[i].n_services;
	routes->claims = arena_alloc(routes->arena, n, sizeof(*routes->claims));
	for (i = 0; i < plan->n_addresses; i++) {
		const struct plan_address *address = &plan->addresses[i];
		const char *pool = arena_strdup(routes->arena, address->pool);

		learn_pool(b, pool);
		for (j = 0; j < address->n_services; j++) {
			const struct service *service = service_table_find(
			    b->input->services, address->services[j]);
			struct route_claim *claim = &routes->claims[routes->n_claims];

			if (!service)
				continue;
			routes->n_claims++;
			claim->ip = address->ip;
			claim->pool = pool;
			claim->service = arena_strdup(routes->arena, service->key);
			judge_claim(b, service, claim);
		}
	}
}

/* --- from contributions to routes --- */

static int
cmp_contribution(const void *a, const void *b)
{
	const struct contribution *x = a, *y = b;
	int c = cmp_prefix(&x->prefix, &y->prefix);

	return c ? c : (int)x->advertisement - (int)y->advertisement;
}

/* The communities of the advertisements, which are `n` different ones. */
static void
unite_communities(struct build *b, const uint16_t *ads, size_t n, struct route *route)
{
	struct arena *arena = b->routes->arena;
	struct community *all;
	size_t i, j, count = 0, kept = 0;

	for (i = 0; i < n; i++)
		count += b->bgp->advertisements[ads[i]].n_communities;
	all = arena_alloc(arena, count, sizeof(*all));
	count = 0;
	for (i = 0; i < n; i++)
		for (j = 0; j < b->bgp->advertisements[ads[i]].n_communities; j++)
			all[count++] = b->bgp->advertisements[ads[i]].communities[j];
	qsort(all, count, sizeof(*all), community_cmp);
	for (i = 0; i < count; i++)
		if (!kept || community_cmp(&all[kept - 1], &all[i]))
			all[kept++] = all[i];
	for (i = 0; i < kept; i++)
		all[i].text = arena_strdup(arena, all[i].text);
	route->communities = all;
	route->n_communities = kept;
}

static int
cmp_service(const void *a, const void *b)
{
	const struct contribution *const *x = a, *const *y = b;

	return (*x)->service < (*y)->service ? -1 : (*x)->service > (*y)->service;
}

/* Each Service behind the prefix once, be it there by several advertisements or addresses; what is
 * not known (Cluster: every node is as good) counts as one. */
static uint32_t
sum_endpoints(const struct contribution *from, size_t n, const bool *names)
{
	const struct contribution **those = xcalloc(n, sizeof(*those));
	uint64_t sum = 0;
	size_t n_those = 0, i;

	for (i = 0; i < n; i++)
		if (names[from[i].advertisement])
			those[n_those++] = &from[i];
	qsort(those, n_those, sizeof(*those), cmp_service);
	for (i = 0; i < n_those; i++)
		if (!i || those[i]->service != those[i - 1]->service)
			sum += those[i]->endpoints ? those[i]->endpoints : 1;
	free(those);
	return sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum;
}

/* All contributions to one prefix; false when none is by an advertisement of the group. */
static bool
make_route(struct build *b, const struct contribution *from, size_t n,
    const struct route_group *group, struct route *route)
{
	const struct settings_bgp_advertisement *first = NULL;
	size_t i, n_ads = 0;

	for (i = 0; i < n; i++) {
		uint16_t ad = from[i].advertisement;

		if (!group->advertisements[ad] || (n_ads && b->matching[n_ads - 1] == ad))
			continue;
		b->matching[n_ads++] = ad;
	}
	if (!n_ads)
		return false;
	first = &b->bgp->advertisements[b->matching[0]];
	*route = (struct route){.prefix = from[0].prefix,
	    .localpref = first->localpref,
	    .med = first->med,
	    .as_path_prepend = first->as_path_prepend};
	if (first->weight == WEIGHT_ENDPOINTS)
		route->weight = sum_endpoints(from, n, group->advertisements);
	unite_communities(b, b->matching, n_ads, route);
	return true;
}

static void
make_routes(struct build *b)
{
	struct routes *routes = b->routes;
	size_t n = b->n_contributions, n_prefixes = 0, i, next, g;

	if (n)
		qsort(b->contributions, n, sizeof(*b->contributions), cmp_contribution);
	for (i = 0; i < n; i++)
		n_prefixes += !i ||
		    cmp_prefix(&b->contributions[i].prefix, &b->contributions[i - 1].prefix);
	for (g = 0; g < routes->n_groups; g++) {
		struct route_group *group = &routes->groups[g];

		group->routes = arena_alloc(routes->arena, n_prefixes, sizeof(*group->routes));
		for (i = 0; i < n; i = next) {
			const struct contribution *from = &b->contributions[i];

			for (next = i + 1;
			     next < n && !cmp_prefix(&b->contributions[next].prefix, &from->prefix);
			     next++)
				;
			group->n_routes += make_route(
			    b, from, next - i, group, &group->routes[group->n_routes]);
		}
	}
}

struct routes *
routes_build(const struct routes_input *input)
{
	struct arena *arena = arena_new();
	struct routes *routes = arena_alloc(arena, 1, sizeof(*routes));
	size_t n_ads = input->settings->bgp.n_advertisements;
	struct build b = {
	    .input = input,
	    .bgp = &input->settings->bgp,
	    .routes = routes,
	    .pool_ads = xcalloc(n_ads, sizeof(*b.pool_ads)),
	    .matching = xcalloc(n_ads, sizeof(*b.matching)),
	};

	routes->arena = arena;
	judge_peers(&b);
	judge_advertisements(&b);
	group_peers(&b);
	judge_claims(&b);
	make_routes(&b);
	free(b.selected);
	free(b.pool_ads);
	free(b.matching);
	free(b.contributions);
	return routes;
}

const struct route_claim *
routes_find(const struct routes *routes, const struct ip_addr *ip, size_t *ret_count)
{
	size_t low = 0, high = routes->n_claims, end;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (ip_addr_cmp(&routes->claims[mid].ip, ip) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (end = low; end < routes->n_claims && ip_addr_eq(&routes->claims[end].ip, ip); end++)
		;
	*ret_count = end - low;
	return end > low ? &routes->claims[low] : NULL;
}

bool
routes_claim_reaches(const struct routes *routes, const struct route_claim *claim, size_t peer)
{
	size_t i;

	if (claim->reason != ROUTE_ANNOUNCED || !route_peer_acts(&routes->peers[peer]))
		return false;
	for (i = 0; i < claim->n_advertisements; i++)
		if (routes->groups[routes->peers[peer].group]
			.advertisements[claim->advertisements[i]])
			return true;
	return false;
}
