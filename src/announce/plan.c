#include "announce/plan.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "announce/health.h"
#include "announce/interfaces.h"
#include "util/mem.h"
#include "util/str.h"

static const char *const reason_names[] = {
    [PLAN_ELIGIBLE] = "eligible",
    [PLAN_NOT_ALLOWED] = "ipNotAllowed",
    [PLAN_NO_MATCHING_ADVERTISEMENT] = "noMatchingAdvertisement",
    [PLAN_NODE_NETWORK_UNAVAILABLE] = "nodeNetworkUnavailable",
    [PLAN_NODE_EXCLUDED] = "nodeLabeledExcludeBalancers",
    [PLAN_NO_INTERFACE] = "interfaceMissing",
    [PLAN_HEALTH_UNKNOWN] = "healthUnknown",
    [PLAN_NO_LOCAL_ENDPOINTS] = "noLocalEndpoints",
    [PLAN_HEALTH_CHECK_FAILS] = "healthCheckFails",
    [PLAN_KUBE_PROXY_UNHEALTHY] = "kubeProxyUnhealthy",
    [PLAN_NO_ENDPOINTS] = "noEndpoints",
};
static_assert(sizeof(reason_names) / sizeof(reason_names[0]) == PLAN_REASON_COUNT, "one name each");

static const char *const service_reason_names[] = {
    [PLAN_SERVICE_ADDRESSED] = "addressed",
    [PLAN_SERVICE_DELETED] = "serviceDeleted",
    [PLAN_SERVICE_NOT_LOAD_BALANCER] = "notLoadBalancer",
    [PLAN_SERVICE_OTHER_CLASS] = "otherLoadBalancerClass",
    [PLAN_SERVICE_NO_ADDRESS] = "noIPAllocated",
};
static_assert(
    sizeof(service_reason_names) / sizeof(service_reason_names[0]) == PLAN_SERVICE_REASON_COUNT,
    "one name each");

const char *
plan_reason_str(enum plan_reason reason)
{
	return reason_names[reason];
}

const char *
plan_service_reason_str(enum plan_service_reason reason)
{
	return service_reason_names[reason];
}

enum plan_reason
plan_reason_of(enum health_cause cause)
{
	switch (cause) {
	case HEALTH_NOT_ASKED:
		return PLAN_HEALTH_UNKNOWN;
	case HEALTH_NO_LOCAL_ENDPOINTS:
		return PLAN_NO_LOCAL_ENDPOINTS;
	case HEALTH_CHECK_FAILS:
		return PLAN_HEALTH_CHECK_FAILS;
	case HEALTH_KUBE_PROXY_FAILS:
		return PLAN_KUBE_PROXY_UNHEALTHY;
	case HEALTH_NO_ENDPOINTS_AT_ALL:
		return PLAN_NO_ENDPOINTS;
	case HEALTH_OK:
	case HEALTH_CAUSE_COUNT:
		break;
	}
	return PLAN_ELIGIBLE;
}

/* One address of one Service, before they are grouped by address. */
struct claim {
	const struct ip_addr *ip;
	const struct service *service;
};

/* What the addresses of one pool have in common, found out when the first one comes. */
struct pool_facts {
	bool known, has_bgp;
	uint16_t *advertisements; /* L2: those that name the pool */
	size_t n_advertisements;
};

struct pool_range {
	const struct ip_range *range;
	size_t pool;
};

/* Only while a plan is made. */
struct build {
	const struct plan_input *input;
	const struct settings *settings;
	struct plan *plan;
	struct pool_range *ranges; /* sorted; the file's check lets none overlap */
	size_t n_ranges;
	struct pool_facts *pools;
	/* Per family and L2 advertisement, with `links` set when made; the last of a family is that
	 * of all without `interfaces`. */
	struct interface_choice *choices[IP_FAMILY_COUNT];
	int *ifindexes, *more;        /* links->count each */
	uint16_t *advertisements;     /* n_l2_advertisements */
	struct health_verdict health; /* that decided for the address at hand */
	struct strbuf text;
};

void
plan_free(struct plan *plan)
{
	if (plan)
		arena_free(plan->arena);
}

struct labels
plan_merge_labels(struct arena *arena, const struct labels *node, const struct labels *file)
{
	struct label *items = arena_alloc(arena, node->count + file->count, sizeof(*items));
	size_t i, n = 0;

	for (i = 0; i < node->count; i++)
		items[n++] = node->items[i];
	for (i = 0; i < file->count; i++)
		items[n++] = file->items[i];
	for (i = 0; i < n; i++) {
		items[i].key = arena_strdup(arena, items[i].key);
		items[i].value = arena_strdup(arena, items[i].value);
	}
	return (struct labels){items, labels_sort(items, n)};
}

enum plan_service_reason
plan_service_check(const struct service *service, const char *load_balancer_class)
{
	size_t i;

	if (!service)
		return PLAN_SERVICE_DELETED;
	if (service->type != SERVICE_LOAD_BALANCER)
		return PLAN_SERVICE_NOT_LOAD_BALANCER;
	if (!service_is_ours(service, load_balancer_class))
		return PLAN_SERVICE_OTHER_CLASS;
	for (i = 0; i < service->n_ingress; i++)
		if (service->ingress[i].ip.family != IP_FAMILY_NONE)
			return PLAN_SERVICE_ADDRESSED;
	return PLAN_SERVICE_NO_ADDRESS;
}

bool
plan_pool_is_advertised(const struct settings *settings, const struct settings_pool *pool)
{
	size_t i;

	for (i = 0; i < settings->n_l2_advertisements; i++)
		if (string_list_matches(&settings->l2_advertisements[i].address_pools, pool->name))
			return true;
	for (i = 0; i < settings->bgp.n_advertisements; i++)
		if (string_list_matches(&settings->bgp.advertisements[i].address_pools, pool->name))
			return true;
	return false;
}

/* An absent list of selectors matches everything. */
static bool
selects(const struct selector_list *list, const struct labels *labels)
{
	return !list->count || selector_list_matches(list, labels);
}

static void
judge_node(struct build *b)
{
	struct plan *plan = b->plan;
	bool labelled;

	plan->node_labels = plan_merge_labels(
	    plan->arena, &b->input->node_labels, &b->settings->node.labels);
	labelled = labels_get(&plan->node_labels, LABEL_EXCLUDE_FROM_EXTERNAL_LOAD_BALANCERS) &&
	    !b->settings->node.ignore_exclude_label;
	plan->node_excluded = labelled && !b->input->all_members_excluded;
	plan->exclude_ignored = labelled && b->input->all_members_excluded;
}

static void
judge_advertisements(struct build *b)
{
	struct plan *plan = b->plan;
	size_t i, j;

	plan->n_advertisements = b->settings->n_l2_advertisements;
	plan->advertisements = arena_alloc(
	    plan->arena, plan->n_advertisements, sizeof(*plan->advertisements));
	for (i = 0; i < plan->n_advertisements; i++) {
		const struct settings_l2_advertisement *from = &b->settings->l2_advertisements[i];
		struct plan_advertisement *to = &plan->advertisements[i];

		to->name = arena_strdup(plan->arena, from->name);
		to->selected = selects(&from->node_selectors, &plan->node_labels);
		plan->announces_l2 |= to->selected;
		for (j = 0; to->selected && j < from->n_preferred_nodes; j++)
			if (selector_matches(from->preferred_nodes[j].selector, &plan->node_labels))
				to->weight += from->preferred_nodes[j].weight;
	}
}

static int
cmp_range(const void *a, const void *b)
{
	const struct pool_range *ra = a, *rb = b;

	return ip_addr_cmp(&ra->range->first, &rb->range->first);
}

static void
index_pools(struct build *b)
{
	size_t i, j, n = 0;

	for (i = 0; i < b->settings->n_pools; i++)
		n += b->settings->pools[i].n_addresses;
	b->ranges = xcalloc(n, sizeof(*b->ranges));
	for (i = 0; i < b->settings->n_pools; i++)
		for (j = 0; j < b->settings->pools[i].n_addresses; j++)
			b->ranges[b->n_ranges++] = (struct pool_range){
			    &b->settings->pools[i].addresses[j].range, i};
	qsort(b->ranges, n, sizeof(*b->ranges), cmp_range);
	b->pools = xcalloc(b->settings->n_pools, sizeof(*b->pools));
}

static int
cmp_ip_range(const void *key, const void *item)
{
	const struct ip_addr *ip = key;
	const struct pool_range *range = item;

	if (ip_range_contains(range->range, ip))
		return 0;
	return ip_addr_cmp(ip, &range->range->first);
}

static const struct settings_pool *
find_pool(const struct build *b, const struct ip_addr *ip, struct pool_facts **ret_facts)
{
	const struct pool_range *found = b->n_ranges
	    ? bsearch(ip, b->ranges, b->n_ranges, sizeof(*b->ranges), cmp_ip_range)
	    : NULL;

	if (!found)
		return NULL;
	*ret_facts = &b->pools[found->pool];
	return &b->settings->pools[found->pool];
}

static void
learn_pool(const struct build *b, const struct settings_pool *pool, struct pool_facts *facts)
{
	const struct settings *settings = b->settings;
	size_t i;

	if (facts->known)
		return;
	facts->known = true;
	facts->advertisements = arena_alloc(
	    b->plan->arena, settings->n_l2_advertisements, sizeof(*facts->advertisements));
	for (i = 0; i < settings->n_l2_advertisements; i++)
		if (string_list_matches(&settings->l2_advertisements[i].address_pools, pool->name))
			facts->advertisements[facts->n_advertisements++] = (uint16_t)i;
	for (i = 0; i < settings->bgp.n_advertisements && !facts->has_bgp; i++)
		facts->has_bgp = string_list_matches(
		    &settings->bgp.advertisements[i].address_pools, pool->name);
}

/* The advertisements of the pool that match one of the Services at least. */
static size_t
match_advertisements(const struct build *b, const struct pool_facts *facts,
    const struct claim *claims, size_t n_claims)
{
	size_t i, j, n = 0;

	for (i = 0; i < facts->n_advertisements; i++) {
		const struct settings_l2_advertisement *advertisement =
		    &b->settings->l2_advertisements[facts->advertisements[i]];

		for (j = 0; j < n_claims; j++) {
			if (selects(
				&advertisement->service_selectors, &claims[j].service->labels)) {
				b->advertisements[n++] = facts->advertisements[i];
				break;
			}
		}
	}
	return n;
}

static const struct string_list *
globs_of(const struct build *b, size_t advertisement)
{
	static const struct string_list none;

	return advertisement < b->plan->n_advertisements
	    ? &b->settings->l2_advertisements[advertisement].interfaces
	    : &none;
}

/* All advertisements without `interfaces` share the last choice. */
static struct interface_choice *
choice_of(struct build *b, size_t advertisement, enum ip_family family)
{
	size_t last = b->plan->n_advertisements, i;
	struct interface_choice *choice;

	i = globs_of(b, advertisement)->count ? advertisement : last;
	choice = &b->choices[family][i];
	if (!choice->links)
		interface_choice_init(choice, b->input->links, globs_of(b, i),
		    &b->settings->node.exclude_interfaces, family);
	return choice;
}

static size_t
add_sorted(int *items, size_t n, int value)
{
	size_t pos = n;

	while (pos && items[pos - 1] >= value)
		pos--;
	if (pos < n && items[pos] == value)
		return n;
	memmove(&items[pos + 1], &items[pos], (n - pos) * sizeof(*items));
	items[pos] = value;
	return n + 1;
}

/* The union over the address's advertisements that select this node. */
static size_t
choose_interfaces(struct build *b, const struct plan_address *address)
{
	size_t i, j, n = 0, n_more;

	for (i = 0; i < address->n_advertisements; i++) {
		if (!b->plan->advertisements[address->advertisements[i]].selected)
			continue;
		n_more = interface_choice_list(
		    choice_of(b, address->advertisements[i], (enum ip_family)address->ip.family),
		    &address->ip, b->more);
		for (j = 0; j < n_more; j++)
			n = add_sorted(b->ifindexes, n, b->more[j]);
	}
	return n;
}

static void
explain_no_interface(struct build *b, const struct plan_address *address)
{
	const struct interface_choice *choice, *previous = NULL;
	size_t i;

	strbuf_add(&b->text, "no interface to announce on: ");
	for (i = 0; i < address->n_advertisements; i++) {
		size_t advertisement = address->advertisements[i];

		if (!b->plan->advertisements[advertisement].selected)
			continue;
		choice = choice_of(b, advertisement, (enum ip_family)address->ip.family);
		if (choice == previous)
			continue;
		if (previous)
			strbuf_add(&b->text, "; ");
		interface_choice_explain(
		    choice, &address->ip, globs_of(b, advertisement), &b->text);
		previous = choice;
	}
}

static void
explain_no_advertisement(struct build *b, const struct plan_address *address,
    const struct settings_pool *pool, const struct pool_facts *facts)
{
	const char *node = b->settings->node.name;

	if (!facts->n_advertisements)
		strbuf_printf(&b->text, "no l2-advertisement names pool \"%s\"", pool->name);
	else if (!address->n_advertisements)
		strbuf_printf(&b->text,
		    "no l2-advertisement of pool \"%s\" has service-selectors that match %s",
		    pool->name, address->services[0]);
	else
		strbuf_printf(&b->text,
		    "no l2-advertisement of pool \"%s\" has node-selectors that match node %s",
		    pool->name, node);
	if (facts->has_bgp)
		strbuf_add(&b->text, "; one of bgp.advertisements does");
}

/* All but the interfaces, which only an otherwise eligible address is asked for. */
static enum plan_reason
judge_address(const struct build *b, const struct plan_address *address)
{
	size_t i;

	for (i = 0; i < address->n_advertisements; i++)
		if (b->plan->advertisements[address->advertisements[i]].selected)
			break;
	if (i == address->n_advertisements)
		return PLAN_NO_MATCHING_ADVERTISEMENT;
	if (b->input->node_network_unavailable)
		return PLAN_NODE_NETWORK_UNAVAILABLE;
	if (b->plan->node_excluded)
		return PLAN_NODE_EXCLUDED;
	return PLAN_ELIGIBLE;
}

static void
explain(struct build *b, struct plan_address *address, const struct settings_pool *pool,
    const struct pool_facts *facts)
{
	const char *node = b->settings->node.name;

	strbuf_clear(&b->text);
	switch (address->reason) {
	case PLAN_ELIGIBLE:
	case PLAN_REASON_COUNT:
		break;
	case PLAN_NOT_ALLOWED:
		strbuf_add(&b->text, "no pool of address-pools has this address");
		break;
	case PLAN_NO_MATCHING_ADVERTISEMENT:
		explain_no_advertisement(b, address, pool, facts);
		break;
	case PLAN_NODE_NETWORK_UNAVAILABLE:
		strbuf_printf(&b->text, "node %s has the condition NetworkUnavailable", node);
		break;
	case PLAN_NODE_EXCLUDED:
		strbuf_printf(&b->text,
		    "node %s has the label " LABEL_EXCLUDE_FROM_EXTERNAL_LOAD_BALANCERS
		    " (node.ignore-exclude-label makes it announce all the same)",
		    node);
		break;
	case PLAN_NO_INTERFACE:
		explain_no_interface(b, address);
		break;
	case PLAN_HEALTH_UNKNOWN:
	case PLAN_NO_LOCAL_ENDPOINTS:
	case PLAN_HEALTH_CHECK_FAILS:
	case PLAN_KUBE_PROXY_UNHEALTHY:
	case PLAN_NO_ENDPOINTS:
		health_explain(&b->health, &b->text);
		break;
	}
	address->sentence = b->text.len ? arena_strndup(b->plan->arena, b->text.text, b->text.len)
					: "";
}

/* Which of two Services on one address decides: who serves, else who may, else who still does. */
static bool
is_better(const struct health_verdict *a, const struct health_verdict *b)
{
	if (a->serving != b->serving)
		return a->serving;
	if (a->serving)
		return a->endpoints > b->endpoints;
	if (a->undecided != b->undecided)
		return a->undecided;
	return a->graceful && !b->graceful;
}

/* One Service that is served here is reason enough: as with the advertisements, what can be
 * announced for any of them is announced for all. */
static void
judge_health(struct build *b, struct plan_address *address, const struct claim *claims, size_t n)
{
	enum ip_family family = (enum ip_family)address->ip.family;
	size_t i;

	address->candidate = true;
	for (i = 0; i < n; i++) {
		struct health_verdict verdict = health_verdict(
		    b->input->health, claims[i].service, family);

		if (!i || is_better(&verdict, &b->health))
			b->health = verdict;
	}
	address->reason = plan_reason_of(b->health.cause);
	address->undecided = b->health.undecided;
	address->serving = b->health.serving || b->health.undecided || b->health.graceful;
	address->endpoints = b->health.endpoints;
}

static void
plan_address(
    struct build *b, struct plan_address *address, const struct claim *claims, size_t n_claims)
{
	struct plan *plan = b->plan;
	size_t n;

	address->reason = judge_address(b, address);
	if (address->reason == PLAN_NO_MATCHING_ADVERTISEMENT)
		return;
	n = choose_interfaces(b, address);
	address->ifindexes = arena_memdup(plan->arena, b->ifindexes, n, sizeof(*b->ifindexes));
	address->n_ifindexes = n;
	address->serving = n > 0;
	if (address->reason != PLAN_ELIGIBLE)
		return;
	if (!n)
		address->reason = PLAN_NO_INTERFACE;
	else
		judge_health(b, address, claims, n_claims);
	address->eligible = address->reason == PLAN_ELIGIBLE;
	plan->n_eligible += address->eligible;
}

/* One address and its Services; `claims` is sorted by their keys. */
static void
add_address(struct build *b, const struct claim *claims, size_t n_claims)
{
	struct plan *plan = b->plan;
	struct plan_address *address = &plan->addresses[plan->n_addresses++];
	struct pool_facts *facts = NULL;
	const struct settings_pool *pool;
	const char **services = arena_alloc(plan->arena, n_claims, sizeof(*services));
	size_t i;

	address->ip = *claims[0].ip;
	address->services = services;
	for (i = 0; i < n_claims; i++)
		if (!i || claims[i].service != claims[i - 1].service)
			services[address->n_services++] = arena_strdup(
			    plan->arena, claims[i].service->key);
	pool = find_pool(b, &address->ip, &facts);
	if (!pool) {
		address->pool = "";
		address->reason = PLAN_NOT_ALLOWED;
	} else {
		learn_pool(b, pool, facts);
		address->pool = arena_strdup(plan->arena, pool->name);
		address->n_advertisements = match_advertisements(b, facts, claims, n_claims);
		address->advertisements = arena_memdup(plan->arena, b->advertisements,
		    address->n_advertisements, sizeof(*b->advertisements));
		plan_address(b, address, claims, n_claims);
	}
	explain(b, address, pool, facts);
}

static int
cmp_claim(const void *a, const void *b)
{
	const struct claim *ca = a, *cb = b;
	int c = ip_addr_cmp(ca->ip, cb->ip);

	return c ? c : strcmp(ca->service->key, cb->service->key);
}

/* Every address of every Service of ours, sorted. The caller frees. */
static struct claim *
collect_claims(const struct build *b, size_t *ret_count)
{
	const char *class = b->settings->kubernetes.load_balancer_class;
	const struct service *service;
	struct claim *claims = NULL;
	size_t n = 0, cap = 0, i;

	MAP_FOREACH (service, b->input->services->head) {
		if (plan_service_check(service, class) != PLAN_SERVICE_ADDRESSED)
			continue;
		for (i = 0; i < service->n_ingress; i++) {
			if (service->ingress[i].ip.family == IP_FAMILY_NONE)
				continue;
			claims = mem_grow(claims, n, &cap, sizeof(*claims));
			claims[n++] = (struct claim){&service->ingress[i].ip, service};
		}
	}
	if (n)
		qsort(claims, n, sizeof(*claims), cmp_claim);
	*ret_count = n;
	return claims;
}

static void
add_addresses(struct build *b)
{
	struct plan *plan = b->plan;
	size_t n, i, next;
	struct claim *claims = collect_claims(b, &n);

	plan->addresses = arena_alloc(plan->arena, n, sizeof(*plan->addresses));
	for (i = 0; i < n; i = next) {
		for (next = i + 1; next < n && ip_addr_eq(claims[next].ip, claims[i].ip); next++)
			;
		add_address(b, &claims[i], next - i);
	}
	free(claims);
}

static void
build_fini(struct build *b)
{
	size_t i;
	int family;

	for (family = 0; family < IP_FAMILY_COUNT; family++) {
		for (i = 0; i <= b->plan->n_advertisements; i++)
			interface_choice_fini(&b->choices[family][i]);
		free(b->choices[family]);
	}
	free(b->ranges);
	free(b->pools);
	free(b->ifindexes);
	free(b->more);
	free(b->advertisements);
	strbuf_free(&b->text);
}

struct plan *
plan_build(const struct plan_input *input)
{
	size_t n_links = input->links->count, n_ads = input->settings->n_l2_advertisements;
	struct arena *arena = arena_new();
	struct plan *plan = arena_alloc(arena, 1, sizeof(*plan));
	struct build b = {
	    .input = input,
	    .settings = input->settings,
	    .plan = plan,
	    .ifindexes = xcalloc(n_links, sizeof(*b.ifindexes)),
	    .more = xcalloc(n_links, sizeof(*b.more)),
	    .advertisements = xcalloc(n_ads, sizeof(*b.advertisements)),
	};
	int family;

	for (family = 0; family < IP_FAMILY_COUNT; family++)
		b.choices[family] = xcalloc(n_ads + 1, sizeof(*b.choices[family]));
	plan->arena = arena;
	judge_node(&b);
	judge_advertisements(&b);
	index_pools(&b);
	add_addresses(&b);
	build_fini(&b);
	return plan;
}

static int
cmp_ip_address(const void *key, const void *item)
{
	const struct plan_address *address = item;

	return ip_addr_cmp(key, &address->ip);
}

const struct plan_address *
plan_find(const struct plan *plan, const struct ip_addr *ip)
{
	if (!plan->n_addresses)
		return NULL;
	return bsearch(
	    ip, plan->addresses, plan->n_addresses, sizeof(*plan->addresses), cmp_ip_address);
}
