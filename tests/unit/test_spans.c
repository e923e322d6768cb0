#include "ipam/spans.h"
#include "ipam/tree.h"
#include "test.h"
#include "util/prng.h"

#define SPACE 600

static struct ip_addr
addr_at(size_t i)
{
	return ip_addr_v4(10, 0, (uint8_t)(i >> 8), (uint8_t)i);
}

/* The intervals against a bitmap: same members, maximal, and their number. */
static void
check(const struct spans *spans, const bool *bitmap, uint64_t seed)
{
	size_t i, runs = 0;

	for (i = 0; i < SPACE; i++) {
		struct ip_addr addr = addr_at(i);
		struct ip_range range;
		bool found = spans_find(spans, &addr, &range);

		if (found != bitmap[i])
			fail_msg("seed %llu: %zu is %d", (unsigned long long)seed, i, found);
		runs += bitmap[i] && (i == 0 || !bitmap[i - 1]);
		if (found && i > 0 && !bitmap[i - 1])
			assert_true(ip_addr_eq(&range.first, &addr));
		if (found && i + 1 < SPACE && !bitmap[i + 1])
			assert_true(ip_addr_eq(&range.last, &addr));
	}
	assert_int_equal(spans_count(spans), runs);
}

static void
test_against_bitmap(void **state)
{
	static const uint64_t seeds[] = {1, 2, 3, 4, 5, 6, 7, 8};
	size_t s, step, i;

	(void)state;
	for (s = 0; s < ARRAY_SIZE(seeds); s++) {
		bool bitmap[SPACE] = {false};
		struct spans spans;
		struct prng prng;

		prng_init(&prng, seeds[s]);
		spans_init(&spans);
		for (step = 0; step < 400; step++) {
			size_t first = prng_below(&prng, SPACE);
			size_t len = prng_below(&prng, s % 2 ? 3 : 60);
			size_t last = first + len < SPACE ? first + len : SPACE - 1;
			struct ip_range range = {addr_at(first), addr_at(last)};
			bool add = prng_below(&prng, 2);

			if (add)
				spans_add(&spans, &range);
			else
				spans_remove(&spans, &range);
			for (i = first; i <= last; i++)
				bitmap[i] = add;
			check(&spans, bitmap, seeds[s]);
		}
		spans_fini(&spans);
	}
}

static void
test_ends_of_families(void **state)
{
	struct ip_addr v4_last = ip_addr_v4(255, 255, 255, 255),
		       v6_first = {.family = IP_FAMILY_V6};
	struct ip_range a = {v4_last, v4_last}, b = {v6_first, v6_first}, got;
	struct spans spans;

	(void)state;
	spans_init(&spans);
	spans_add(&spans, &a);
	spans_add(&spans, &b);
	assert_int_equal(spans_count(&spans), 2);
	assert_true(spans_find(&spans, &v4_last, &got));
	assert_true(ip_addr_eq(&got.last, &v4_last));
	spans_remove(&spans, &a);
	assert_false(spans_find(&spans, &v4_last, &got));
	assert_true(spans_find(&spans, &v6_first, &got));
	spans_fini(&spans);
}

struct number {
	struct tree_node node;
	int value;
};

static int
number_cmp(const struct tree_node *a, const struct tree_node *b)
{
	return ((const struct number *)(const void *)a)->value -
	    ((const struct number *)(const void *)b)->value;
}

static size_t
depth(const struct tree_node *node)
{
	size_t left, right;

	if (!node)
		return 0;
	left = depth(node->left);
	right = depth(node->right);
	return 1 + (left > right ? left : right);
}

/* Ascending input, the worst for a plain tree. */
static void
test_tree_stays_flat(void **state)
{
	static struct number numbers[10000];
	struct tree tree;
	size_t i;

	(void)state;
	tree_init(&tree, number_cmp);
	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		numbers[i].value = (int)i;
		tree_insert(&tree, &numbers[i].node);
	}
	assert_true(depth(tree.root) < 60);
	for (i = 0; i < ARRAY_SIZE(numbers); i += 2)
		tree_remove(&tree, &numbers[i].node);
	assert_int_equal(tree.count, ARRAY_SIZE(numbers) / 2);
	for (i = 1; i < ARRAY_SIZE(numbers); i += 2) {
		assert_ptr_equal(tree_floor(&tree, &numbers[i].node), &numbers[i].node);
		if (i + 2 < ARRAY_SIZE(numbers))
			assert_ptr_equal(tree_after(&tree, &numbers[i].node), &numbers[i + 2].node);
		assert_ptr_equal(tree_first(&tree), &numbers[i].node);
		tree_remove(&tree, &numbers[i].node);
	}
	assert_null(tree_first(&tree));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_against_bitmap),
	    cmocka_unit_test(test_ends_of_families),
	    cmocka_unit_test(test_tree_stays_flat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
