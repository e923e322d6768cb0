#include "ipam/pool.h"
#include "ipam_help.h"
#include "test.h"
#include "util/prng.h"

static const struct help_pool shapes[] = {
    {.name = "plain", .addresses = "10.0.0.0/29"},
    {.name = "ranges",
	.addresses = "10.0.1.10-10.0.1.12 10.0.0.250-10.0.0.252 10.0.1.13-10.0.1.14"},
    {.name = "exclude",
	.addresses = "10.0.0.0/26",
	.exclude = "10.0.0.0 10.0.0.3-10.0.0.9 10.0.0.63"},
    {.name = "buggy", .addresses = "10.0.0.250-10.0.3.5", .avoid_buggy = true},
    {.name = "buggy ends",
	.addresses = "10.0.0.255-10.0.1.0 10.0.2.0/31 10.0.2.254/31 10.0.4.0/32",
	.avoid_buggy = true},
    {.name = "buggy and exclude",
	.addresses = "10.0.0.0/23",
	.exclude = "10.0.0.1-10.0.0.254 10.0.1.1-10.0.1.253",
	.avoid_buggy = true},
    {.name = "nothing left", .addresses = "10.0.0.0/30", .exclude = "10.0.0.0/30"},
    {.name = "ends of v4", .addresses = "0.0.0.0/30 255.255.255.252/30"},
    {.name = "both", .addresses = "10.0.0.1-10.0.0.2 1000::/126"},
};

#define SPACE 1100

static struct ip_addr
addr_at(size_t i)
{
	return ip_addr_v4(10, 0, (uint8_t)(i >> 8), (uint8_t)i);
}

/* The lowest free address, capacity and allowed addresses against a look at each address. */
static void
test_against_bitmap(void **state)
{
	size_t row, step, i;

	(void)state;
	for (row = 0; row < ARRAY_SIZE(shapes); row++) {
		struct settings *settings = help_settings(&shapes[row], 1);
		bool allowed[SPACE], taken[SPACE] = {false};
		size_t capacity = 0;
		struct pool pool;
		struct prng prng;

		prng_init(&prng, row);
		pool_init(&pool, &settings->pools[0]);
		for (i = 0; i < SPACE; i++) {
			struct ip_addr addr = addr_at(i);

			allowed[i] = settings_pool_allows(&settings->pools[0], &addr);
			assert_row(row, shapes[row].name, allowed[i] == pool_allows(&pool, &addr));
			capacity += allowed[i];
		}
		if (row != 7)
			assert_row(
			    row, shapes[row].name, pool_capacity(&pool, IP_FAMILY_V4) == capacity);
		for (step = 0; step < 5000; step++) {
			bool fills = step / 500 % 2 == 0;
			struct ip_addr addr, lowest;
			bool found;

			i = prng_below(&prng, SPACE);
			addr = addr_at(i);
			if (allowed[i] && fills && !taken[i])
				pool_take(&pool, &addr);
			else if (allowed[i] && !fills && taken[i])
				pool_give_back(&pool, &addr);
			if (allowed[i])
				taken[i] = fills;
			if (row == 7)
				continue;
			found = pool_lowest_free(&pool, IP_FAMILY_V4, &lowest);
			for (i = 0; i < SPACE && (!allowed[i] || taken[i]); i++)
				;
			assert_row(row, shapes[row].name, found == (i < SPACE));
			addr = addr_at(i);
			assert_row(row, shapes[row].name, !found || ip_addr_eq(&addr, &lowest));
		}
		/* Nothing is left behind of what was given back. */
		for (i = 0; i < SPACE; i++) {
			struct ip_addr addr = addr_at(i);

			if (taken[i])
				pool_give_back(&pool, &addr);
		}
		assert_row(row, shapes[row].name, spans_count(&pool.taken) == 0);
		pool_fini(&pool);
		settings_free(settings);
	}
}

/* Takes the lowest until none is left; one interval must be enough for all. */
static void
test_fill_in_order(void **state)
{
	size_t row;

	(void)state;
	for (row = 0; row < ARRAY_SIZE(shapes); row++) {
		struct settings *settings = help_settings(&shapes[row], 1);
		struct ip_addr addr, last = {0};
		struct pool pool;
		uint64_t n = 0;
		int family;

		pool_init(&pool, &settings->pools[0]);
		for (family = IP_FAMILY_V4; family <= IP_FAMILY_V6; family++) {
			for (n = 0; pool_lowest_free(&pool, (enum ip_family)family, &addr); n++) {
				assert_row(row, shapes[row].name, ip_addr_cmp(&last, &addr) < 0);
				last = addr;
				pool_take(&pool, &addr);
			}
			assert_row(row, shapes[row].name,
			    n == pool_capacity(&pool, (enum ip_family)family));
			assert_row(row, shapes[row].name,
			    pool_has_family(&pool, (enum ip_family)family) == (n > 0));
		}
		assert_row(row, shapes[row].name, spans_count(&pool.taken) <= 2);
		pool_fini(&pool);
		settings_free(settings);
	}
}

static void
test_capacity(void **state)
{
	static const struct {
		struct help_pool pool;
		uint64_t v4, v6;
	} rows[] = {
	    {{.name = "/24", .addresses = "10.0.0.0/24"}, 256, 0},
	    {{.name = "/24 buggy", .addresses = "10.0.0.0/24", .avoid_buggy = true}, 254, 0},
	    {{.name = "/8", .addresses = "10.0.0.0/8"}, 1 << 24, 0},
	    {{.name = "/8 buggy", .addresses = "10.0.0.0/8", .avoid_buggy = true}, 254 << 16, 0},
	    {{.name = "all", .addresses = "0.0.0.0/0 ::/0"}, UINT64_C(1) << 32, UINT64_MAX},
	    {{.name = "/64", .addresses = "2001:db8::/64"}, 0, UINT64_MAX},
	    {{.name = "two /65", .addresses = "2001:db8::/65 2001:db9::/65"}, 0, UINT64_MAX},
	    {{.name = "/65", .addresses = "2001:db8::/65"}, 0, UINT64_C(1) << 63},
	    {{.name = "small", .addresses = "1.2.3.4/30 1000::4/126"}, 4, 4},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct settings *settings = help_settings(&rows[i].pool, 1);
		struct pool pool;

		pool_init(&pool, &settings->pools[0]);
		assert_row(i, rows[i].pool.name, pool_capacity(&pool, IP_FAMILY_V4) == rows[i].v4);
		assert_row(i, rows[i].pool.name, pool_capacity(&pool, IP_FAMILY_V6) == rows[i].v6);
		pool_fini(&pool);
		settings_free(settings);
	}
}

static void
test_match(void **state)
{
	static const struct {
		const char *name;
		struct help_pool pool;
		struct help_service service;
		enum pool_namespace_state known;
		enum pool_match match;
	} rows[] = {
	    {"open", {.addresses = ""}, {0}, NAMESPACE_UNKNOWN, POOL_MATCHES},
	    {"priority only", {.priority = 3}, {0}, NAMESPACE_UNKNOWN, POOL_MATCHES},
	    {"namespace", {.namespaces = "a default"}, {0}, NAMESPACE_UNKNOWN, POOL_MATCHES},
	    {"glob", {.namespaces = "def*"}, {0}, NAMESPACE_UNKNOWN, POOL_MATCHES},
	    {"other", {.namespaces = "a"}, {0}, NAMESPACE_UNKNOWN, POOL_OTHER_NAMESPACE},
	    {"labels", {.service_selectors = "a=b;team=metallb"}, {.labels = "team=metallb"},
		NAMESPACE_UNKNOWN, POOL_MATCHES},
	    {"other labels", {.service_selectors = "a=b"}, {.labels = "team=metallb"},
		NAMESPACE_UNKNOWN, POOL_OTHER_LABELS},
	    {"both, labels wrong", {.namespaces = "default", .service_selectors = "a=b"}, {0},
		NAMESPACE_UNKNOWN, POOL_OTHER_LABELS},
	    {"both, namespace wrong", {.namespaces = "x", .service_selectors = "a=b"},
		{.labels = "a=b"}, NAMESPACE_UNKNOWN, POOL_OTHER_NAMESPACE},
	    {"selector, unknown", {.namespace_selectors = "env=prod"}, {0}, NAMESPACE_UNKNOWN,
		POOL_NAMESPACE_UNKNOWN},
	    {"selector, absent", {.namespace_selectors = "env=prod"}, {0}, NAMESPACE_ABSENT,
		POOL_NAMESPACE_ABSENT},
	    {"selector, matches", {.namespace_selectors = "x=y;env=prod"}, {0}, NAMESPACE_KNOWN,
		POOL_MATCHES},
	    {"selector, other", {.namespace_selectors = "env=dev"}, {0}, NAMESPACE_KNOWN,
		POOL_OTHER_NAMESPACE},
	    {"union: name suffices", {.namespaces = "default", .namespace_selectors = "env=dev"},
		{0}, NAMESPACE_UNKNOWN, POOL_MATCHES},
	    {"union: label suffices", {.namespaces = "x", .namespace_selectors = "env=prod"}, {0},
		NAMESPACE_KNOWN, POOL_MATCHES},
	    {"no question when labels decide",
		{.namespace_selectors = "env=prod", .service_selectors = "a=b"}, {0},
		NAMESPACE_UNKNOWN, POOL_OTHER_LABELS},
	};
	static const struct label prod[] = {{"env", "prod"}};
	static const struct labels labels = {prod, 1};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct help_pool shape = rows[i].pool;
		struct pool_namespace namespace = {rows[i].known, &labels};
		struct service *service = help_service(&rows[i].service);
		struct settings *settings;
		struct pool pool;

		shape.name = "p";
		settings = help_settings(&shape, 1);
		pool_init(&pool, &settings->pools[0]);
		assert_row(
		    i, rows[i].name, pool_matches(&pool, service, &namespace) == rows[i].match);
		assert_row(i, rows[i].name, pool_is_pinned(&pool) == (i > 0));
		pool_fini(&pool);
		settings_free(settings);
		service_free(service);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_against_bitmap),
	    cmocka_unit_test(test_fill_in_order),
	    cmocka_unit_test(test_capacity),
	    cmocka_unit_test(test_match),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
