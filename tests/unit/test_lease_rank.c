#include "test.h"

#include <stdio.h>

#include "lease/rank.h"

/* Computed by an independent implementation; they must never change. */
static void
test_vectors(void **state)
{
	static const struct {
		const char *node, *addr;
		uint64_t score;
	} rows[] = {
	    {"a", "192.0.2.1", UINT64_C(0x3f3cd5c0eb9c3ca5)},
	    {"b", "192.0.2.1", UINT64_C(0x10f911bff8840235)},
	    {"c", "192.0.2.1", UINT64_C(0x43d78694992fbfbe)},
	    {"a", "192.0.2.2", UINT64_C(0x8626024973c6f4c4)},
	    {"a", "2001:db8::1", UINT64_C(0x0027b38f730e6ea0)},
	    {"c", "2001:db8::1", UINT64_C(0xdae9a07770607067)},
	};
	struct ip_addr addr;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(ip_addr_parse(rows[i].addr, &addr), 0);
		assert_row(i, rows[i].addr, rank_score(rows[i].node, &addr) == rows[i].score);
	}
}

/* Every node gets its share, and the loss of one moves only what it had. */
static void
test_spread(void **state)
{
	unsigned share[8] = {0}, moved = 0;
	unsigned i, n;

	(void)state;
	for (i = 0; i < 8192; i++) {
		struct ip_addr addr = ip_addr_v4(10, 0, (uint8_t)(i >> 8), (uint8_t)i);
		struct rank best = {0}, best_of_7 = {0};
		char names[8][8];

		for (n = 0; n < 8; n++) {
			struct rank rank = {0, 0, names[n]};

			(void)snprintf(names[n], sizeof(names[n]), "node-%u", n);
			rank.score = rank_score(names[n], &addr);
			if (!best.node || rank_cmp(&rank, &best) < 0)
				best = rank;
			if (n < 7 && (!best_of_7.node || rank_cmp(&rank, &best_of_7) < 0))
				best_of_7 = rank;
		}
		share[best.node[5] - '0']++;
		moved += strcmp(best.node, best_of_7.node) != 0;
	}
	for (n = 0; n < 8; n++)
		assert_in_range(share[n], 1024 - 128, 1024 + 128);
	assert_int_equal(moved, share[7]);
}

static void
test_cmp(void **state)
{
	const struct rank heavy = {50, 1, "x"}, high = {0, 9, "b"}, low = {0, 3, "a"},
			  twin = {0, 9, "c"};

	(void)state;
	assert_true(rank_cmp(&heavy, &high) < 0);
	assert_true(rank_cmp(&high, &heavy) > 0);
	assert_true(rank_cmp(&high, &low) < 0);
	assert_true(rank_cmp(&high, &twin) < 0);
	assert_int_equal(rank_cmp(&high, &high), 0);
}

static void
test_candidate(void **state)
{
	static const char *const names[] = {"lan", "dmz"};
	const struct ip_prefix subnet = {ip_addr_v4(192, 0, 2, 0), 24},
			       elsewhere = {ip_addr_v4(10, 1, 0, 1), 24},
			       here = {ip_addr_v4(192, 0, 2, 7), 24};
	struct member_interface intf = {"eth0", {{2}}, true, &here, 1};
	const struct member_advertisement advs[] = {{"dmz", 20}, {"lan", 70}, {"other", 100}};
	struct member_info info = {
	    .interfaces = &intf, .n_interfaces = 1, .advertisements = advs, .n_advertisements = 3};
	struct rank_scope scope = {names, 2, &subnet, 1};
	uint8_t weight = 0;

	(void)state;
	assert_true(rank_is_candidate(&info, &scope, false, &weight));
	assert_int_equal(weight, 70);
	scope.n_advertisements = 0;
	assert_false(rank_is_candidate(&info, &scope, false, &weight));
	scope.n_advertisements = 2;
	info.drained = true;
	assert_false(rank_is_candidate(&info, &scope, false, &weight));
	info.drained = false;
	info.excluded = true;
	assert_false(rank_is_candidate(&info, &scope, false, &weight));
	info.excluded = false;
	intf.usable = false;
	assert_false(rank_is_candidate(&info, &scope, false, &weight));
	intf.usable = true;
	intf.addresses = &elsewhere;
	assert_false(rank_is_candidate(&info, &scope, false, &weight));
}

static void
test_delay(void **state)
{
	(void)state;
	assert_int_equal(rank_delay_usec(0), 0);
	assert_int_equal(rank_delay_usec(3), 60000);
	assert_int_equal(rank_delay_usec(10), 200000);
	assert_int_equal(rank_delay_usec(1000), 200000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_vectors),
	    cmocka_unit_test(test_spread),
	    cmocka_unit_test(test_cmp),
	    cmocka_unit_test(test_candidate),
	    cmocka_unit_test(test_delay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
