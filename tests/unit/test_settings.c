/* Pools of addresses and lists of globs. */
#include "test.h"

#include "model/settings.h"
#include "util/mem.h"

static struct settings_range
range(const char *first, const char *last)
{
	struct settings_range r = {.text = ""};

	assert_int_equal(ip_addr_parse(first, &r.range.first), 0);
	assert_int_equal(ip_addr_parse(last, &r.range.last), 0);
	return r;
}

static void
test_pools(void **state)
{
	static const struct {
		const char *addr, *pool; /* NULL: none */
		bool allowed;
	} rows[] = {
	    {"10.0.0.0", "a", false}, /* buggy */
	    {"10.0.0.1", "a", true},
	    {"10.0.0.9", "a", true},
	    {"10.0.0.10", "a", false}, /* excluded: first, last, beyond */
	    {"10.0.0.19", "a", false},
	    {"10.0.0.20", "a", true},
	    {"10.0.0.255", "a", false},
	    {"10.0.1.0", "b", true},
	    {"10.0.1.255", NULL, false},
	    {"9.255.255.255", NULL, false},
	    {"2001:db8::", "a", true}, /* of IPv4 only */
	    {"2001:db8::ff", "a", true},
	    {"2001:db8::100", NULL, false},
	};
	struct settings_range a[] = {
	    range("10.0.0.0", "10.0.0.255"), range("2001:db8::", "2001:db8::ff")};
	struct settings_range excluded[] = {range("10.0.0.10", "10.0.0.19")};
	struct settings_range b[] = {range("10.0.1.0", "10.0.1.9")};
	struct settings_pool pools[] = {
	    {.name = "a",
		.addresses = a,
		.n_addresses = 2,
		.excludes = excluded,
		.n_excludes = 1,
		.avoid_buggy_ips = true},
	    {.name = "b", .addresses = b, .n_addresses = 1},
	};
	const struct settings settings = {.pools = pools, .n_pools = 2};
	struct ip_addr addr;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct settings_pool *pool;

		assert_int_equal(ip_addr_parse(rows[i].addr, &addr), 0);
		pool = settings_pool_of(&settings, &addr);
		assert_row(i, rows[i].addr, (pool != NULL) == (rows[i].pool != NULL));
		if (!pool)
			continue;
		assert_string_equal(pool->name, rows[i].pool);
		assert_row(i, rows[i].addr, settings_pool_allows(pool, &addr) == rows[i].allowed);
		assert_row(i, rows[i].addr,
		    !settings_pool_allows(pool == &pools[0] ? &pools[1] : &pools[0], &addr));
	}
	assert_ptr_equal(settings_pool_by_name(&settings, "b"), &pools[1]);
	assert_null(settings_pool_by_name(&settings, "B"));
	assert_null(settings_pool_by_name(&settings, ""));
}

static void
test_globs(void **state)
{
	const char *items[] = {"eth*", "bond0"};
	const struct string_list list = {items, 2}, empty = {0};

	(void)state;
	assert_true(string_list_matches(&list, "eth7"));
	assert_true(string_list_matches(&list, "bond0"));
	assert_false(string_list_matches(&list, "bond01"));
	assert_false(string_list_matches(&list, ""));
	assert_true(string_list_matches(&empty, "anything"));
	assert_true(string_list_matches(&empty, ""));
}

static void
test_settings_free(void **state)
{
	struct arena *arena = arena_new();
	struct settings *settings = arena_alloc(arena, 1, sizeof(*settings));

	(void)state;
	settings->arena = arena;
	settings_free(settings);
	settings_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_pools),
	    cmocka_unit_test(test_globs),
	    cmocka_unit_test(test_settings_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
