#include "ipam/allocator.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/settings.h"
#include "util/mem.h"

/* The addresses whose holders have one sharing key: where a newcomer with that key may fit in. */
struct share_group {
	struct map_node node;
	char *key;
	TAILQ_HEAD(, address) addresses;
};

void
allocator_init(struct allocator *allocator)
{
	*allocator = (struct allocator){0};
}

static void
free_pools(struct allocator *allocator)
{
	size_t i;

	for (i = 0; i < allocator->n_pools; i++)
		pool_fini(&allocator->pools[i]);
	free(allocator->pools);
	free(allocator->order);
	allocator->pools = NULL;
	allocator->order = NULL;
	allocator->n_pools = 0;
}

void
allocator_fini(struct allocator *allocator)
{
	struct address *address, *next;

	free_pools(allocator);
	assert(!allocator->groups);
	MAP_FOREACH_SAFE (address, next, allocator->addresses) {
		assert(TAILQ_EMPTY(&address->holdings));
		MAP_DEL(allocator->addresses, address);
		free(address);
	}
}

static struct address *
find_address(const struct allocator *allocator, const struct ip_addr *addr)
{
	struct address *address;

	MAP_FIND(allocator->addresses, addr, address);
	return address;
}

static void
take(struct allocator *allocator, const struct ip_addr *addr)
{
	size_t i;

	for (i = 0; i < allocator->n_pools; i++)
		if (pool_allows(&allocator->pools[i], addr))
			pool_take(&allocator->pools[i], addr);
}

static void
give_back(struct allocator *allocator, const struct ip_addr *addr)
{
	size_t i;

	for (i = 0; i < allocator->n_pools; i++)
		if (pool_allows(&allocator->pools[i], addr))
			pool_give_back(&allocator->pools[i], addr);
}

/* Pinned pools before others; of those priority 1 first and 0 last; then the order of the file. */
static int
order_cmp(const void *va, const void *vb)
{
	const struct pool *a = *(struct pool *const *)va, *b = *(struct pool *const *)vb;
	uint32_t pa = a->settings->priority - 1, pb = b->settings->priority - 1;

	if (pool_is_pinned(a) != pool_is_pinned(b))
		return pool_is_pinned(a) ? -1 : 1;
	if (pa != pb)
		return pa < pb ? -1 : 1;
	return a < b ? -1 : a > b;
}

void
allocator_set_pools(struct allocator *allocator, const struct settings *settings)
{
	struct address *address;
	size_t i;

	free_pools(allocator);
	allocator->n_pools = settings->n_pools;
	allocator->pools = xcalloc(settings->n_pools, sizeof(*allocator->pools));
	allocator->order = xcalloc(settings->n_pools, sizeof(struct pool *));
	for (i = 0; i < settings->n_pools; i++) {
		pool_init(&allocator->pools[i], &settings->pools[i]);
		allocator->order[i] = &allocator->pools[i];
	}
	qsort(allocator->order, settings->n_pools, sizeof(struct pool *), order_cmp);
	MAP_FOREACH (address, allocator->addresses)
		take(allocator, &address->addr);
}

static struct address *
get_address(struct allocator *allocator, const struct ip_addr *addr)
{
	struct address *address = find_address(allocator, addr);

	if (address)
		return address;
	address = xcalloc(1, sizeof(*address));
	address->addr = *addr;
	TAILQ_INIT(&address->holdings);
	MAP_ADD(allocator->addresses, addr, address);
	take(allocator, addr);
	return address;
}

/* Forgets an address that nobody has. */
static void
put_address(struct allocator *allocator, struct address *address)
{
	if (address->is_forbidden || !TAILQ_EMPTY(&address->holdings))
		return;
	give_back(allocator, &address->addr);
	MAP_DEL(allocator->addresses, address);
	free(address);
}

void
allocator_forbid(struct allocator *allocator, const struct ip_addr *addr, bool forbid)
{
	struct address *address = find_address(allocator, addr);

	if (!address && !forbid)
		return;
	address = get_address(allocator, addr);
	address->is_forbidden = forbid;
	put_address(allocator, address);
}

bool
allocator_is_forbidden(const struct allocator *allocator, const struct ip_addr *addr)
{
	const struct address *address = find_address(allocator, addr);

	return address && address->is_forbidden;
}

bool
allocator_is_held(const struct allocator *allocator, const struct ip_addr *addr)
{
	const struct address *address = find_address(allocator, addr);

	return address && !TAILQ_EMPTY(&address->holdings);
}

struct pool *
allocator_pool(const struct allocator *allocator, const char *name)
{
	size_t i;

	for (i = 0; i < allocator->n_pools; i++)
		if (str_eq(allocator->pools[i].settings->name, name))
			return &allocator->pools[i];
	return NULL;
}

struct pool *
allocator_pool_of(const struct allocator *allocator, const struct ip_addr *addr, const char *name)
{
	struct pool *first = NULL;
	size_t i;

	for (i = 0; i < allocator->n_pools; i++) {
		struct pool *pool = &allocator->pools[i];

		if (!pool_allows(pool, addr))
			continue;
		if (!name || str_eq(pool->settings->name, name))
			return pool;
		if (!first)
			first = pool;
	}
	return first;
}

void
holder_init(struct holder *holder, const char *key)
{
	size_t i;

	*holder = (struct holder){.key = key};
	for (i = 0; i < REQUEST_FAMILIES; i++)
		holder->held[i].holder = holder;
}

const struct ip_addr *
holder_addr(const struct holder *holder, size_t family)
{
	const struct address *address = holder->held[family].address;

	return address ? &address->addr : NULL;
}

bool
holder_has_any(const struct holder *holder)
{
	return holder->held[0].address || holder->held[1].address;
}

/* Puts the address into the group of its holders' key. They all have one key, or are one. */
static void
regroup(struct allocator *allocator, struct address *address)
{
	const struct holding *first = TAILQ_FIRST(&address->holdings);
	const char *key = first && first->holder->sharing ? first->holder->sharing->key : "";
	struct share_group *group = address->group;

	if (group && !str_eq(group->key, key)) {
		TAILQ_REMOVE(&group->addresses, address, group_link);
		address->group = NULL;
		if (TAILQ_EMPTY(&group->addresses)) {
			MAP_DEL(allocator->groups, group);
			free(group->key);
			free(group);
		}
	}
	if (address->group || !key[0])
		return;
	MAP_FIND_STR(allocator->groups, key, group);
	if (!group) {
		group = xcalloc(1, sizeof(*group));
		group->key = xstrdup(key);
		TAILQ_INIT(&group->addresses);
		MAP_ADD_STR(allocator->groups, group->key, group);
	}
	address->group = group;
	TAILQ_INSERT_TAIL(&group->addresses, address, group_link);
}

void
allocator_hold(struct allocator *allocator, struct holder *holder, const struct ip_addr *addr,
    const char *pool_name)
{
	size_t family = family_index((enum ip_family)addr->family);
	struct holding *holding = &holder->held[family];
	char *pool = xstrdup(pool_name);

	if (!holding->address || !ip_addr_eq(&holding->address->addr, addr)) {
		allocator_release(allocator, holder, family);
		holding->address = get_address(allocator, addr);
		TAILQ_INSERT_TAIL(&holding->address->holdings, holding, link);
		regroup(allocator, holding->address);
	}
	free(holding->pool);
	holding->pool = pool;
}

void
allocator_release(struct allocator *allocator, struct holder *holder, size_t family)
{
	struct holding *holding = &holder->held[family];
	struct address *address = holding->address;

	if (!address)
		return;
	TAILQ_REMOVE(&address->holdings, holding, link);
	holding->address = NULL;
	free(holding->pool);
	holding->pool = NULL;
	regroup(allocator, address);
	put_address(allocator, address);
}

void
allocator_set_sharing(struct allocator *allocator, struct holder *holder, struct sharing *sharing)
{
	size_t i;

	sharing_free(holder->sharing);
	holder->sharing = sharing;
	assert(sharing || !holder_has_any(holder));
	for (i = 0; i < REQUEST_FAMILIES; i++)
		if (holder->held[i].address)
			regroup(allocator, holder->held[i].address);
}

static const enum refusal_cause sharing_causes[] = {
    [SHARING_ALLOWED] = REFUSAL_NONE,
    [SHARING_NO_KEY] = REFUSAL_IN_USE,
    [SHARING_OTHER_KEY] = REFUSAL_KEY,
    [SHARING_OTHER_BACKEND] = REFUSAL_BACKEND,
    [SHARING_PORT] = REFUSAL_PORT,
};
static_assert(
    sizeof(sharing_causes) / sizeof(sharing_causes[0]) == SHARING_CONFLICT_COUNT, "one each");

static bool
may_join(const struct address *address, const struct holder *holder, const struct sharing *sharing,
    struct refusal *ret_refusal)
{
	const struct holding *holding;

	TAILQ_FOREACH (holding, &address->holdings, link) {
		struct service_port port = {0};
		enum sharing_conflict conflict;

		/* By key: `holder` may be a copy that only asks. */
		if (holding->holder->key == holder->key)
			continue;
		conflict = sharing_check(sharing, holding->holder->sharing, &port);
		if (conflict == SHARING_ALLOWED)
			continue;
		*ret_refusal = (struct refusal){.cause = sharing_causes[conflict],
		    .addr = address->addr,
		    .other = holding->holder->key,
		    .port = port};
		return false;
	}
	return true;
}

bool
allocator_may_share(const struct allocator *allocator, const struct holder *holder,
    const struct sharing *sharing, const struct ip_addr *addr, struct refusal *ret_refusal)
{
	const struct address *address = find_address(allocator, addr);

	return !address || may_join(address, holder, sharing, ret_refusal);
}

static bool
range_lists(const struct settings_range *ranges, size_t n, const struct ip_addr *addr)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (ip_range_contains(&ranges[i].range, addr))
			return true;
	return false;
}

/* Why no pool may give addr. */
static void
explain_not_allowed(
    const struct allocator *allocator, const struct ip_addr *addr, struct refusal *refusal)
{
	size_t i;

	*refusal = (struct refusal){.cause = REFUSAL_NOT_IN_POOLS, .addr = *addr};
	for (i = 0; i < allocator->n_pools; i++) {
		const struct settings_pool *pool = allocator->pools[i].settings;

		if (!range_lists(pool->addresses, pool->n_addresses, addr))
			continue;
		refusal->pool = pool->name;
		refusal->cause = range_lists(pool->excludes, pool->n_excludes, addr)
		    ? REFUSAL_EXCLUDED
		    : REFUSAL_BUGGY;
		return;
	}
}

static enum refusal_cause
cause_of_match(enum pool_match match)
{
	switch (match) {
	case POOL_MATCHES:
	case POOL_MATCH_COUNT:
		break;
	case POOL_OTHER_NAMESPACE:
		return REFUSAL_OTHER_NAMESPACE;
	case POOL_OTHER_LABELS:
		return REFUSAL_OTHER_LABELS;
	case POOL_NAMESPACE_UNKNOWN:
	case POOL_NAMESPACE_ABSENT:
		return REFUSAL_NAMESPACE_UNKNOWN;
	}
	return REFUSAL_NONE;
}

bool
allocator_may_give(const struct allocator *allocator, const struct service *service,
    const struct pool_namespace *namespace, const struct ip_addr *addr, const char *pool_name,
    struct pool **ret_pool, struct refusal *ret_refusal)
{
	struct pool *pool = allocator_pool_of(allocator, addr, pool_name);
	struct refusal refusal = {.addr = *addr};

	if (!pool) {
		explain_not_allowed(allocator, addr, ret_refusal);
		return false;
	}
	refusal.pool = pool->settings->name;
	if (pool_name && !str_eq(pool->settings->name, pool_name)) {
		refusal.cause = REFUSAL_OTHER_POOL;
		refusal.pool = pool_name;
	} else if (allocator_is_forbidden(allocator, addr)) {
		refusal.cause = REFUSAL_FORBIDDEN;
	} else {
		refusal.cause = cause_of_match(pool_matches(pool, service, namespace));
	}
	if (refusal.cause != REFUSAL_NONE) {
		*ret_refusal = refusal;
		return false;
	}
	*ret_pool = pool;
	return true;
}

static bool
is_held_addr(const struct holder *holder, const struct ip_addr *addr)
{
	const struct ip_addr *held = holder_addr(
	    holder, family_index((enum ip_family)addr->family));

	return held && ip_addr_eq(held, addr);
}

/*
 * Two families may come from two pools only where neither pool has both: so a Service is not spread
 * by a slip where one pool would have served it.
 */
static bool
may_be_of_two_pools(const struct pool *a, const struct pool *b)
{
	const struct pool *pools[] = {a, b};
	size_t i;

	for (i = 0; a != b && i < 2; i++)
		if (pool_has_family(pools[i], IP_FAMILY_V4) &&
		    pool_has_family(pools[i], IP_FAMILY_V6))
			return false;
	return true;
}

/* Finds the pool of each address, or why one may not be had. */
static int
check_all(const struct allocator *allocator, const struct holder *holder,
    const struct service *service, const struct pool_namespace *namespace,
    const struct sharing *sharing, const struct ip_addr addrs[REQUEST_FAMILIES],
    const char *pool_name, struct pool *pools[REQUEST_FAMILIES], struct refusal *ret_refusal)
{
	bool all_held = true;
	size_t i;

	for (i = 0; i < REQUEST_FAMILIES; i++) {
		pools[i] = NULL;
		if (addrs[i].family == IP_FAMILY_NONE)
			continue;
		if (is_held_addr(holder, &addrs[i])) {
			pools[i] = allocator_pool_of(allocator, &addrs[i], holder->held[i].pool);
		} else {
			all_held = false;
			if (!allocator_may_give(allocator, service, namespace, &addrs[i], pool_name,
				&pools[i], ret_refusal))
				return -EBUSY;
		}
		if (!allocator_may_share(allocator, holder, sharing, &addrs[i], ret_refusal))
			return -EBUSY;
	}
	if (!all_held && pools[0] && pools[1] && !may_be_of_two_pools(pools[0], pools[1])) {
		*ret_refusal = (struct refusal){.cause = REFUSAL_TWO_POOLS,
		    .addr = addrs[1],
		    .pool = pools[0]->settings->name,
		    .other = pools[1]->settings->name};
		return -EBUSY;
	}
	return 0;
}

int
allocator_assign(struct allocator *allocator, struct holder *holder, const struct service *service,
    const struct pool_namespace *namespace, const struct ip_addr addrs[REQUEST_FAMILIES],
    const char *pool_name, struct refusal *ret_refusal)
{
	struct sharing *sharing = sharing_new(service);
	struct pool *pools[REQUEST_FAMILIES];
	size_t i;
	int r;

	r = check_all(
	    allocator, holder, service, namespace, sharing, addrs, pool_name, pools, ret_refusal);
	if (r) {
		sharing_free(sharing);
		return r;
	}
	for (i = 0; i < REQUEST_FAMILIES; i++)
		if (!is_held_addr(holder, &addrs[i]))
			allocator_release(allocator, holder, i);
	allocator_set_sharing(allocator, holder, sharing);
	for (i = 0; i < REQUEST_FAMILIES; i++)
		if (addrs[i].family != IP_FAMILY_NONE && !holder->held[i].address)
			allocator_hold(allocator, holder, &addrs[i], pools[i]->settings->name);
	return 0;
}

bool
allocator_lowest(const struct allocator *allocator, const struct pool *pool,
    const struct holder *holder, enum ip_family family, struct ip_addr *ret_addr)
{
	const struct sharing *sharing = holder->sharing;
	struct share_group *group = NULL;
	const struct address *address;
	struct refusal ignored;
	struct ip_addr best;
	bool found;

	found = pool_lowest_free(pool, family, &best);
	if (sharing->key[0])
		MAP_FIND_STR(allocator->groups, sharing->key, group);
	if (group) {
		/* In proportion to the addresses of this one key. */
		TAILQ_FOREACH (address, &group->addresses, group_link) {
			if (address->addr.family != family || address->is_forbidden ||
			    (found && ip_addr_cmp(&address->addr, &best) >= 0) ||
			    !pool_allows(pool, &address->addr) ||
			    !may_join(address, holder, sharing, &ignored))
				continue;
			best = address->addr;
			found = true;
		}
	}
	if (found)
		*ret_addr = best;
	return found;
}

static const char *const refusal_texts[] = {
    [REFUSAL_NONE] = "allowed",
    [REFUSAL_NOT_IN_POOLS] = "is not allowed in config: no pool has it",
    [REFUSAL_EXCLUDED] = "is not allowed in config: excluded from pool ",
    [REFUSAL_BUGGY] = "is not allowed in config: avoid-buggy-ips of pool ",
    [REFUSAL_FORBIDDEN] = "is an address of a node, in pool ",
    [REFUSAL_OTHER_NAMESPACE] = "may not be used in this namespace by pool ",
    [REFUSAL_OTHER_LABELS] = "may not be used with this Service's labels by pool ",
    [REFUSAL_NAMESPACE_UNKNOWN] =
	"cannot be judged, the namespace's labels cannot be read, by pool ",
    [REFUSAL_OTHER_POOL] = "is not compatible with requested address pool ",
    [REFUSAL_TWO_POOLS] = "is not in the other address's pool, which has both families: ",
    [REFUSAL_IN_USE] = "is already in use by ",
    [REFUSAL_KEY] = "is in use with another sharing key by ",
    [REFUSAL_BACKEND] =
	"is in use with another externalTrafficPolicy, or Local with another selector, by ",
    [REFUSAL_PORT] = NULL, /* named by its port */
};
static_assert(
    sizeof(refusal_texts) / sizeof(refusal_texts[0]) == REFUSAL_CAUSE_COUNT, "one text each");

void
refusal_format(const struct refusal *refusal, struct strbuf *sb)
{
	char addr[IP_ADDR_STRLEN];

	ip_addr_format(&refusal->addr, addr);
	if (refusal->cause == REFUSAL_PORT) {
		strbuf_printf(sb, "port %s/%u is already in use on %s by %s",
		    service_protocol_str(refusal->port.protocol), refusal->port.port, addr,
		    refusal->other);
		return;
	}
	strbuf_printf(sb, "%s %s", addr, refusal_texts[refusal->cause]);
	if (refusal->cause == REFUSAL_TWO_POOLS) {
		request_quote(sb, refusal->pool);
		strbuf_add(sb, ", ");
		request_quote(sb, refusal->other);
	} else if (refusal->other) {
		strbuf_add(sb, refusal->other);
	} else if (refusal->pool) {
		request_quote(sb, refusal->pool);
	}
}
