#include <inttypes.h>

#include "daemon/allocation.h"
#include "daemon/daemon.h"
#include "daemon/metrics_page.h"
#include "ipam/ipam.h"
#include "model/settings.h"
#include "util/str.h"

/* On the node that allocates, as MetalLB's controller has them once. */

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

void
metrics_add_pools(const struct daemon *daemon, struct strbuf *out)
{
	const struct ipam *ipam = allocation_ipam(daemon->allocation);
	struct ipam_pool_stats stats;
	int number;
	size_t i;

	if (!ipam)
		return;
	for (number = 0; number < POOL_NUMBER_COUNT; number++) {
		metrics_head(out, pool_numbers[number].name, "gauge", pool_numbers[number].help);
		for (i = 0; i < daemon->settings->n_pools; i++) {
			const char *pool = daemon->settings->pools[i].name;

			if (!ipam_pool_stats(ipam, pool, &stats))
				strbuf_printf(out, "metallb_%s{pool=\"%s\"} %" PRIu64 "\n",
				    pool_numbers[number].name, pool,
				    pool_number(&stats, (enum pool_number)number));
		}
	}
	metrics_single(out, "allocator_services_pending", "gauge",
	    "Services that wait for an address.", ipam_pending_count(ipam));
}
