/*
 * How long the lowest free address takes in large pools with 100,000 addresses used, and what that
 * costs in memory; and how long 1,000 and 10,000 Services take to be settled. Prints figures,
 * judges nothing.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ipam/ipam.h"
#include "ipam/pool.h"
#include "model/service.h"
#include "model/settings.h"
#include "util/mem.h"
#include "util/prng.h"

#define USED 100000
#define ROUNDS 100000

static double
now_usec(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static size_t
heap_bytes(void)
{
	return mallinfo2().uordblks;
}

static struct settings *
one_pool(const char *prefix_text, bool avoid_buggy)
{
	struct arena *arena = arena_new();
	struct settings *settings = arena_alloc(arena, 1, sizeof(*settings));
	struct settings_pool *pool = arena_alloc(arena, 1, sizeof(*pool));
	struct ip_prefix prefix;

	if (ip_prefix_parse(prefix_text, &prefix))
		abort();
	settings->arena = arena;
	settings->kubernetes.load_balancer_class = "";
	settings->pools = pool;
	settings->n_pools = 1;
	pool->name = "bench";
	pool->auto_assign = true;
	pool->avoid_buggy_ips = avoid_buggy;
	pool->addresses = arena_alloc(arena, 1, sizeof(*pool->addresses));
	pool->addresses[0] = (struct settings_range){
	    .range = ip_prefix_range(&prefix), .text = prefix_text};
	pool->n_addresses = 1;
	return settings;
}

/* A random address of the pool: the low 24 bits of the prefix, so that both families scatter. */
static struct ip_addr
random_addr(const struct settings *settings, struct prng *prng)
{
	struct ip_addr addr = settings->pools[0].addresses[0].range.first;
	size_t size = ip_family_size((enum ip_family)addr.family), i;
	uint64_t bits = prng_next(prng);

	for (i = 1; i <= 3; i++, bits >>= 8)
		addr.bytes[size - i] = (uint8_t)bits;
	return addr;
}

/* Takes and gives back the lowest free address beside USED others. */
static void
bench_lowest(const char *prefix, bool avoid_buggy, bool scattered)
{
	struct settings *settings = one_pool(prefix, avoid_buggy);
	bool is_v6 = settings->pools[0].addresses[0].range.first.family == IP_FAMILY_V6;
	enum ip_family family = is_v6 ? IP_FAMILY_V6 : IP_FAMILY_V4;
	size_t before = heap_bytes(), i, used = 0;
	struct ip_addr addr;
	struct prng prng;
	struct pool pool;
	double start, find, cycle;

	prng_init(&prng, 1);
	pool_init(&pool, &settings->pools[0]);
	while (used < USED) {
		struct ip_range ignored;

		if (scattered)
			addr = random_addr(settings, &prng);
		else
			(void)pool_lowest_free(&pool, family, &addr);
		if (!pool_allows(&pool, &addr) || spans_find(&pool.taken, &addr, &ignored))
			continue;
		pool_take(&pool, &addr);
		used++;
	}
	start = now_usec();
	for (i = 0; i < ROUNDS; i++)
		if (!pool_lowest_free(&pool, family, &addr))
			abort();
	find = (now_usec() - start) / ROUNDS;
	start = now_usec();
	for (i = 0; i < ROUNDS; i++) {
		(void)pool_lowest_free(&pool, family, &addr);
		pool_take(&pool, &addr);
		pool_give_back(&pool, &addr);
	}
	cycle = (now_usec() - start) / ROUNDS;
	printf("%-16s %s %-9s %6d used: find %.3f us, find+take+give back %.3f us, %zu intervals, "
	       "%zu KiB\n",
	    prefix, avoid_buggy ? "avoid-buggy" : "plain      ",
	    scattered ? "scattered" : "in order", USED, find, cycle, spans_count(&pool.taken),
	    (heap_bytes() - before) / 1024);
	pool_fini(&pool);
	settings_free(settings);
}

static struct service *
new_service(size_t i)
{
	struct arena *arena = arena_new();
	struct service *service = arena_alloc(arena, 1, sizeof(*service));

	service->arena = arena;
	service->namespace = "default";
	service->name = arena_printf(arena, "s%zu", i);
	service->key = arena_printf(arena, "default/s%zu", i);
	service->uid = service->key;
	service->created_usec = (int64_t)i + 1;
	service->type = SERVICE_LOAD_BALANCER;
	service->load_balancer_ip = service->selector = "";
	service->condition.reason = service->condition.message = "";
	service->cluster_ips[0] = ip_addr_v4(10, 0, 0, 1);
	service->n_cluster_ips = 1;
	service->primary_family = IP_FAMILY_V4;
	return service;
}

static void
bench_services(size_t n)
{
	struct settings *settings = one_pool("10.0.0.0/8", true);
	struct service_table table = {0};
	struct ipam_decision decision;
	struct service *service;
	size_t i, before, decided = 0;
	struct ipam *ipam;
	double start, all;

	for (i = 0; i < n; i++)
		service_table_put(&table, new_service(i));
	before = heap_bytes();
	ipam = ipam_new();
	ipam_set_settings(ipam, settings);
	start = now_usec();
	MAP_FOREACH (service, table.head)
		ipam_service_changed(ipam, service);
	while (ipam_next(ipam, &table, &decision))
		decided += decision.write_needed;
	all = now_usec() - start;
	printf(
	    "%zu Services created at once: %zu decided in %.1f ms of CPU, %.2f us each, %zu bytes "
	    "each\n",
	    n, decided, all / 1e3, all / (double)n, (heap_bytes() - before) / n);
	ipam_free(ipam);
	service_table_clear(&table);
	settings_free(settings);
}

int
main(void)
{
	bench_lowest("10.0.0.0/8", false, false);
	bench_lowest("10.0.0.0/8", true, false);
	bench_lowest("10.0.0.0/8", false, true);
	bench_lowest("10.0.0.0/8", true, true);
	bench_lowest("2001:db8::/64", false, false);
	bench_lowest("2001:db8::/64", false, true);
	bench_services(1000);
	bench_services(10000);
	bench_services(100000);
	return 0;
}
