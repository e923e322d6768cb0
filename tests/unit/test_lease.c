/* Leases as values: names, annotations, copies, the table. */
#include "test.h"

#include <errno.h>

#include "model/lease.h"
#include "util/mem.h"

static void
test_names(void **state)
{
	static const struct {
		const char *name;
		enum lease_kind kind;
	} rows[] = {
	    {"allocator", LEASE_ALLOCATOR},
	    {"allocator-2", LEASE_OTHER},
	    {"node-a", LEASE_NODE},
	    {"node-ip-10-0-0-1", LEASE_NODE},
	    {"node", LEASE_OTHER},
	    {"ip-192-0-2-1", LEASE_ADDRESS},
	    {"ip-2001-0db8-0000-0000-0000-0000-0000-0001", LEASE_ADDRESS},
	    {"ip-2001-db8-0-0-0-0-0-1", LEASE_OTHER},
	    {"ip-192-0-2", LEASE_OTHER},
	    {"ip-", LEASE_OTHER},
	    {"", LEASE_OTHER},
	};
	struct arena *arena = arena_new();
	struct ip_addr addr = ip_addr_v4(192, 0, 2, 1), again;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		assert_row(i, rows[i].name, lease_kind_of(rows[i].name) == rows[i].kind);
	assert_string_equal(lease_node_name(arena, "worker-1"), "node-worker-1");
	assert_string_equal(lease_address_name(arena, &addr), "ip-192-0-2-1");
	assert_int_equal(lease_parse_address_name("ip-192-0-2-1", &again), 0);
	assert_true(ip_addr_eq(&addr, &again));
	assert_int_equal(lease_parse_address_name("192-0-2-1", &again), -EINVAL);
	arena_free(arena);
}

static void
test_annotations(void **state)
{
	struct lease *lease = lease_new("ip-192-0-2-1"), *copy;

	(void)state;
	assert_string_equal(lease->name, "ip-192-0-2-1");
	assert_string_equal(lease->holder, "");
	assert_false(lease_is_held(lease));
	assert_null(lease_annotation(lease, "b"));
	lease_set_annotation(lease, "b", "1");
	lease_set_annotation(lease, "a", "2");
	lease_set_annotation(lease, "b", "3");
	lease_set_annotation(lease, "absent", NULL);
	assert_int_equal(lease->annotations.count, 2);
	assert_string_equal(lease_annotation(lease, "a"), "2");
	assert_string_equal(lease_annotation(lease, "b"), "3");
	lease->holder = "worker-1";
	lease->transitions = 7;
	lease->duration_seconds = 15;
	lease->acquire_time_usec = 1;
	lease->renew_time_usec = 2;
	lease->resource_version = "42";
	lease->uid = "u";
	copy = lease_copy(lease);
	lease_set_annotation(lease, "a", NULL);
	assert_null(lease_annotation(lease, "a"));
	assert_int_equal(lease->annotations.count, 1);
	lease_free(lease);
	/* The copy is whole and by itself. */
	assert_true(lease_is_held(copy));
	assert_string_equal(copy->name, "ip-192-0-2-1");
	assert_string_equal(copy->holder, "worker-1");
	assert_string_equal(copy->resource_version, "42");
	assert_string_equal(copy->uid, "u");
	assert_int_equal(copy->transitions, 7);
	assert_int_equal(copy->duration_seconds, 15);
	assert_int_equal(copy->acquire_time_usec, 1);
	assert_int_equal(copy->renew_time_usec, 2);
	assert_string_equal(lease_annotation(copy, "a"), "2");
	assert_int_equal(copy->labels.count, 0);
	lease_free(copy);
	lease_free(NULL);
}

static void
test_table(void **state)
{
	struct lease_table table = {0};
	struct lease *first = lease_new("allocator"), *second = lease_new("allocator");

	(void)state;
	assert_null(lease_table_find(&table, "allocator"));
	lease_table_put(&table, first);
	lease_table_put(&table, lease_new("node-a"));
	assert_ptr_equal(lease_table_find(&table, "allocator"), first);
	lease_table_put(&table, second);
	assert_ptr_equal(lease_table_find(&table, "allocator"), second);
	assert_int_equal(MAP_COUNT(table.head), 2);
	assert_true(lease_table_remove(&table, "node-a"));
	assert_false(lease_table_remove(&table, "node-a"));
	lease_table_clear(&table);
	assert_null(table.head);
	lease_table_clear(&table);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_annotations),
	    cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
