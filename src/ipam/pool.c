#include "ipam/pool.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "model/selector.h"
#include "model/service.h"
#include "util/mem.h"

static bool
is_buggy(const struct pool *pool, const struct ip_addr *addr)
{
	return pool->settings->avoid_buggy_ips && addr->family == IP_FAMILY_V4 &&
	    (addr->bytes[3] == 0 || addr->bytes[3] == 255);
}

/* Cuts addresses at the ends that may not be given. False when nothing is left. */
static bool
trim(const struct pool *pool, struct ip_range *range)
{
	while (is_buggy(pool, &range->first))
		if (ip_addr_eq(&range->first, &range->last) ||
		    !ip_addr_next(&range->first, &range->first))
			return false;
	while (is_buggy(pool, &range->last))
		if (!ip_addr_prev(&range->last, &range->last))
			return false;
	return true;
}

/*
 * The allowed ranges are made once per reload by the same interval set: all addresses in, excludes
 * out, read in order.
 */
static void
build_allowed(struct pool *pool)
{
	const struct settings_pool *settings = pool->settings;
	struct tree_node *node;
	struct ip_range range;
	struct spans spans;
	size_t i;

	spans_init(&spans);
	for (i = 0; i < settings->n_addresses; i++)
		spans_add(&spans, &settings->addresses[i].range);
	for (i = 0; i < settings->n_excludes; i++)
		spans_remove(&spans, &settings->excludes[i].range);
	pool->allowed = xcalloc(spans_count(&spans), sizeof(*pool->allowed));
	for (node = tree_first(&spans.tree); node; node = tree_after(&spans.tree, node)) {
		range = spans_range(node);
		if (trim(pool, &range))
			pool->allowed[pool->n_allowed++] = range;
	}
	spans_fini(&spans);
}

void
pool_init(struct pool *pool, const struct settings_pool *settings)
{
	*pool = (struct pool){.settings = settings};
	spans_init(&pool->taken);
	build_allowed(pool);
}

void
pool_fini(struct pool *pool)
{
	spans_fini(&pool->taken);
	free(pool->allowed);
}

/* Index of the first allowed range that does not end before addr. */
static size_t
range_from(const struct pool *pool, const struct ip_addr *addr)
{
	size_t low = 0, high = pool->n_allowed;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (ip_addr_cmp(&pool->allowed[mid].last, addr) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool
pool_allows(const struct pool *pool, const struct ip_addr *addr)
{
	size_t i = range_from(pool, addr);

	return i < pool->n_allowed && ip_range_contains(&pool->allowed[i], addr) &&
	    !is_buggy(pool, addr);
}

static struct ip_addr
family_first(enum ip_family family)
{
	return (struct ip_addr){.family = (uint8_t)family};
}

static struct ip_addr
family_last(enum ip_family family)
{
	struct ip_addr addr = {.family = (uint8_t)family};

	memset(addr.bytes, 0xff, ip_family_size(family));
	return addr;
}

/* The first address >= addr, in its family, that the pool may give. */
static bool
allowed_from(const struct pool *pool, const struct ip_addr *addr, struct ip_addr *ret_addr)
{
	size_t i = range_from(pool, addr);
	struct ip_addr at;

	if (i == pool->n_allowed || pool->allowed[i].first.family != addr->family)
		return false;
	at = ip_addr_cmp(&pool->allowed[i].first, addr) > 0 ? pool->allowed[i].first : *addr;
	/* Ends at the latest at the end of the range, which trim() made one that may be given. */
	while (is_buggy(pool, &at))
		if (!ip_addr_next(&at, &at))
			return false;
	*ret_addr = at;
	return true;
}

/* The last address <= addr, in its family, that the pool may give. */
static bool
allowed_until(const struct pool *pool, const struct ip_addr *addr, struct ip_addr *ret_addr)
{
	size_t i = range_from(pool, addr);
	struct ip_addr at = *addr;

	if (i == pool->n_allowed || ip_addr_cmp(&pool->allowed[i].first, addr) > 0) {
		if (i == 0)
			return false;
		at = pool->allowed[i - 1].last;
	}
	if (at.family != addr->family)
		return false;
	while (is_buggy(pool, &at))
		if (!ip_addr_prev(&at, &at))
			return false;
	*ret_addr = at;
	return true;
}

/* The nearest allowed neighbours of addr; false where there is none. */
static bool
allowed_after(const struct pool *pool, const struct ip_addr *addr, struct ip_addr *ret_addr)
{
	struct ip_addr next;

	return ip_addr_next(addr, &next) && allowed_from(pool, &next, ret_addr);
}

static bool
allowed_before(const struct pool *pool, const struct ip_addr *addr, struct ip_addr *ret_addr)
{
	struct ip_addr prev;

	return ip_addr_prev(addr, &prev) && allowed_until(pool, &prev, ret_addr);
}

bool
pool_has_family(const struct pool *pool, enum ip_family family)
{
	struct ip_addr first = family_first(family);

	return allowed_from(pool, &first, &first);
}

void
pool_take(struct pool *pool, const struct ip_addr *addr)
{
	struct ip_addr neighbour;
	struct ip_range range;

	assert(pool_allows(pool, addr));
	range.first = family_first((enum ip_family)addr->family);
	if (allowed_before(pool, addr, &neighbour))
		(void)ip_addr_next(&neighbour, &range.first);
	range.last = family_last((enum ip_family)addr->family);
	if (allowed_after(pool, addr, &neighbour))
		(void)ip_addr_prev(&neighbour, &range.last);
	spans_add(&pool->taken, &range);
	pool->used[addr->family]++;
}

void
pool_give_back(struct pool *pool, const struct ip_addr *addr)
{
	struct ip_range interval, out = {*addr, *addr};
	struct ip_addr neighbour;
	bool found = spans_find(&pool->taken, addr, &interval);

	assert(found && pool->used[addr->family]);
	if (!found)
		return;
	/* What is left on a side stays only if an address that may be given is in it. */
	if (!allowed_before(pool, addr, &neighbour) || ip_addr_cmp(&neighbour, &interval.first) < 0)
		out.first = interval.first;
	if (!allowed_after(pool, addr, &neighbour) || ip_addr_cmp(&neighbour, &interval.last) > 0)
		out.last = interval.last;
	spans_remove(&pool->taken, &out);
	pool->used[addr->family]--;
}

bool
pool_lowest_free(const struct pool *pool, enum ip_family family, struct ip_addr *ret_addr)
{
	struct ip_addr first = family_first(family);
	struct ip_range interval;

	if (!allowed_from(pool, &first, &first))
		return false;
	if (spans_find(&pool->taken, &first, &interval) && !ip_addr_next(&interval.last, &first))
		return false;
	assert(pool_allows(pool, &first));
	*ret_addr = first;
	return true;
}

/* How many addresses up to addr end in .0 or .255. */
static uint64_t
buggy_until(const struct ip_addr *addr)
{
	uint64_t n = (uint64_t)addr->bytes[0] << 24 | (uint64_t)addr->bytes[1] << 16 |
	    (uint64_t)addr->bytes[2] << 8 | addr->bytes[3];

	return n / 256 + 1 + (n + 1) / 256;
}

uint64_t
pool_capacity(const struct pool *pool, enum ip_family family)
{
	uint64_t total = 0;
	size_t i;

	for (i = 0; i < pool->n_allowed; i++) {
		const struct ip_range *range = &pool->allowed[i];
		uint64_t n = ip_range_count(range);

		if (range->first.family != family)
			continue;
		/* The ends are not buggy, so that "until the first" leaves the first out. */
		if (family == IP_FAMILY_V4 && pool->settings->avoid_buggy_ips)
			n -= buggy_until(&range->last) - buggy_until(&range->first);
		if (__builtin_add_overflow(total, n, &total))
			return UINT64_MAX;
	}
	return total;
}

bool
pool_is_pinned(const struct pool *pool)
{
	const struct settings_pool *s = pool->settings;

	return s->priority || s->namespaces.count || s->namespace_selectors.count ||
	    s->service_selectors.count;
}

static enum pool_match
namespace_matches(const struct settings_pool *s, const struct service *service,
    const struct pool_namespace *namespace)
{
	if (s->namespaces.count && string_list_matches(&s->namespaces, service->namespace))
		return POOL_MATCHES;
	if (!s->namespace_selectors.count)
		return s->namespaces.count ? POOL_OTHER_NAMESPACE : POOL_MATCHES;
	switch (namespace->state) {
	case NAMESPACE_UNKNOWN:
		return POOL_NAMESPACE_UNKNOWN;
	case NAMESPACE_ABSENT:
		return POOL_NAMESPACE_ABSENT;
	case NAMESPACE_KNOWN:
	case NAMESPACE_STATE_COUNT:
		break;
	}
	return selector_list_matches(&s->namespace_selectors, namespace->labels)
	    ? POOL_MATCHES
	    : POOL_OTHER_NAMESPACE;
}

enum pool_match
pool_matches(
    const struct pool *pool, const struct service *service, const struct pool_namespace *namespace)
{
	const struct settings_pool *s = pool->settings;

	/* First what needs no question to the API. */
	if (s->service_selectors.count &&
	    !selector_list_matches(&s->service_selectors, &service->labels))
		return POOL_OTHER_LABELS;
	return namespace_matches(s, service, namespace);
}
