/* Published vectors: what is written into Leases must never change. And the maps that hash. */
#include "test.h"

#include <stdlib.h>

#include "util/addr.h"
#include "util/hash.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/prng.h"

/* FNV-1a, 64 bits, from its authors' test suite. */
static void
test_fnv(void **state)
{
	static const struct {
		const char *s;
		uint64_t hash;
	} rows[] = {
	    {"", UINT64_C(0xcbf29ce484222325)},
	    {"a", UINT64_C(0xaf63dc4c8601ec8c)},
	    {"b", UINT64_C(0xaf63df4c8601f1a5)},
	    {"foobar", UINT64_C(0x85944171f73967e8)},
	    {"chongo was here!\n", UINT64_C(0x46810940eff5f915)},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		assert_row(i, rows[i].s,
		    hash_bytes(HASH_INIT, rows[i].s, strlen(rows[i].s)) == rows[i].hash);
	/* In pieces, and with the zero. */
	assert_true(hash_bytes(hash_bytes(HASH_INIT, "foo", 3), "bar", 3) == rows[3].hash);
	assert_true(hash_string(HASH_INIT, "foobar") == hash_bytes(HASH_INIT, "foobar", 7));
	assert_true(hash_string(hash_string(HASH_INIT, "ab"), "c") !=
	    hash_string(hash_string(HASH_INIT, "a"), "bc"));
}

/* splitmix64's first outputs for seed 1234567, as published with it; its mix is hash_final(). */
static void
test_prng(void **state)
{
	static const uint64_t expected[] = {UINT64_C(6457827717110365317),
	    UINT64_C(3203168211198807973), UINT64_C(9817491932198370423),
	    UINT64_C(4593380528125082431), UINT64_C(16408922859458223821)};
	struct prng prng;
	size_t i;

	(void)state;
	prng_init(&prng, 1234567);
	for (i = 0; i < ARRAY_SIZE(expected); i++)
		assert_true(prng_next(&prng) == expected[i]);
	assert_true(hash_final(1234567 + UINT64_C(0x9e3779b97f4a7c15)) == expected[0]);
}

static void
test_prng_below(void **state)
{
	static const uint64_t limits[] = {1, 2, 3, 7, 1000, UINT64_C(1) << 63, UINT64_MAX};
	unsigned counts[3] = {0};
	struct prng prng;
	size_t i, j;

	(void)state;
	prng_init(&prng, 42);
	assert_int_equal(prng_below(&prng, 0), 0);
	for (i = 0; i < ARRAY_SIZE(limits); i++)
		for (j = 0; j < 1000; j++)
			assert_true(prng_below(&prng, limits[i]) < limits[i]);
	for (j = 0; j < 30000; j++)
		counts[prng_below(&prng, 3)]++;
	for (i = 0; i < 3; i++)
		assert_in_range(counts[i], 9700, 10300);
}

struct item {
	struct map_node node;
	struct ip_addr ip;
	const char *name;
};

static void
test_map(void **state)
{
	struct item *by_ip = NULL, *found, *item, *next;
	struct ip_addr ip;
	unsigned i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		item = xcalloc(1, sizeof(*item));
		item->ip = ip_addr_v4(10, 0, (uint8_t)(i >> 8), (uint8_t)i);
		MAP_ADD(by_ip, ip, item);
	}
	assert_int_equal(MAP_COUNT(by_ip), 1000);
	for (i = 0; i < 1001; i++) {
		ip = ip_addr_v4(10, 0, (uint8_t)(i >> 8), (uint8_t)i);
		MAP_FIND(by_ip, &ip, found);
		assert_true((found != NULL) == (i < 1000));
		if (found)
			assert_true(ip_addr_eq(&found->ip, &ip));
	}
	/* In order of insertion; the current one may go. */
	i = 0;
	MAP_FOREACH_SAFE (item, next, by_ip) {
		assert_int_equal(item->ip.bytes[2] << 8 | item->ip.bytes[3], i);
		i++;
		if (i % 2) {
			MAP_DEL(by_ip, item);
			free(item);
		}
	}
	assert_int_equal(i, 1000);
	assert_int_equal(MAP_COUNT(by_ip), 500);
	MAP_FOREACH_SAFE (item, next, by_ip) {
		MAP_DEL(by_ip, item);
		free(item);
	}
	assert_null(by_ip);
}

static int
cmp_name(const struct item *a, const struct item *b)
{
	return strcmp(a->name, b->name);
}

static void
test_map_of_strings(void **state)
{
	struct item items[] = {{.name = "b"}, {.name = "ab"}, {.name = "a"}, {.name = ""}};
	static const char *const sorted[] = {"", "a", "ab", "b"};
	struct item *head = NULL, *item;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(items); i++)
		MAP_ADD_STR(head, items[i].name, &items[i]);
	MAP_FIND_STR(head, "ab", item);
	assert_ptr_equal(item, &items[1]);
	MAP_FIND_STR(head, "abc", item);
	assert_null(item);
	MAP_SORT(head, cmp_name);
	i = 0;
	MAP_FOREACH (item, head)
		assert_string_equal(item->name, sorted[i++]);
	assert_int_equal(i, 4);
	for (i = 0; i < ARRAY_SIZE(items); i++)
		MAP_DEL(head, &items[i]);
	assert_null(head);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_fnv),
	    cmocka_unit_test(test_prng),
	    cmocka_unit_test(test_prng_below),
	    cmocka_unit_test(test_map),
	    cmocka_unit_test(test_map_of_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
