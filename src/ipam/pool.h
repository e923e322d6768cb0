/*
 * pool: the addresses of one pool of the settings and which of them are taken.
 *
 * The taken addresses are a set of merged intervals in which everything that the pool may not give
 * (gaps between its ranges, excludes, .0 and .255 with avoid-buggy-ips) counts as taken as soon as
 * a neighbour is. So the address after an interval is always one that is free, and the lowest free
 * address costs one look-up, whatever the size and the use of the pool.
 */
#ifndef IPAM_POOL_H
#define IPAM_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipam/spans.h"
#include "model/settings.h"
#include "util/addr.h"

struct labels;
struct service;

struct pool {
	const struct settings_pool *settings; /* borrowed */
	struct ip_range *allowed; /* sorted, disjoint; ends are addresses that may be given */
	size_t n_allowed;
	struct spans taken;
	uint64_t used[IP_FAMILY_COUNT]; /* addresses that are taken */
};

/* Whether a pool is for a Service: its namespaces or namespace selectors, and its service
 * selectors. */
enum pool_match {
	POOL_MATCHES,
	POOL_OTHER_NAMESPACE,
	POOL_OTHER_LABELS,
	POOL_NAMESPACE_UNKNOWN, /* the namespace's labels decide, and nobody asked for them yet */
	POOL_NAMESPACE_ABSENT,  /* they decide, and cannot be had */
	POOL_MATCH_COUNT
};

enum pool_namespace_state {
	NAMESPACE_UNKNOWN,
	NAMESPACE_ABSENT,
	NAMESPACE_KNOWN,
	NAMESPACE_STATE_COUNT
};

/* What is known of the labels of a Service's namespace. */
struct pool_namespace {
	enum pool_namespace_state state;
	const struct labels *labels; /* NAMESPACE_KNOWN */
};

void pool_init(struct pool *pool, const struct settings_pool *settings);
void pool_fini(struct pool *pool);

/* Whether the pool may give addr: as settings_pool_allows(), in O(log n) of its ranges. */
bool pool_allows(const struct pool *pool, const struct ip_addr *addr);
bool pool_has_family(const struct pool *pool, enum ip_family family);
/* Marks addr, which must be allowed and free, as taken; and as free again. */
void pool_take(struct pool *pool, const struct ip_addr *addr);
void pool_give_back(struct pool *pool, const struct ip_addr *addr);
/* False when there is none. */
bool pool_lowest_free(const struct pool *pool, enum ip_family family, struct ip_addr *ret_addr);
/* Number of addresses that the pool may give; UINT64_MAX when there are that many or more. */
uint64_t pool_capacity(const struct pool *pool, enum ip_family family);

/* Whether the pool is set aside for some Services: a priority, namespaces or selectors. */
bool pool_is_pinned(const struct pool *pool);
enum pool_match pool_matches(
    const struct pool *pool, const struct service *service, const struct pool_namespace *namespace);

#endif
