/* Interfaces: look-up, and what is on link. */
#include "test.h"

#include "util/link.h"
#include "util/mem.h"

static struct link_table
make_table(void)
{
	static const char *const addresses[] = {
	    "10.77.0.1/24", "10.99.0.1/32", "fd77::1/64", "fd99::1/128", "192.0.2.1/31"};
	struct link_table table = {xcalloc(2, sizeof(struct link_info)), 2};
	struct link_info *link = &table.items[1];
	size_t i;

	table.items[0] = (struct link_info){.ifindex = 1, .name = "lo"};
	*link = (struct link_info){.ifindex = 7, .name = "eth0"};
	link->addresses = xcalloc(ARRAY_SIZE(addresses), sizeof(*link->addresses));
	for (i = 0; i < ARRAY_SIZE(addresses); i++)
		assert_int_equal(ip_prefix_parse(addresses[i], &link->addresses[i]), 0);
	link->n_addresses = ARRAY_SIZE(addresses);
	return table;
}

static void
test_find(void **state)
{
	struct link_table table = make_table();

	(void)state;
	assert_ptr_equal(link_table_by_index(&table, 7), &table.items[1]);
	assert_null(link_table_by_index(&table, 2));
	assert_ptr_equal(link_table_by_name(&table, "lo"), &table.items[0]);
	assert_null(link_table_by_name(&table, "eth"));
	link_table_clear(&table);
	assert_int_equal(table.count, 0);
	assert_null(link_table_by_index(&table, 7));
	link_table_clear(&table);
}

static void
test_on_link(void **state)
{
	static const struct {
		const char *addr;
		bool on_link, has;
	} rows[] = {
	    {"10.77.0.1", true, true},
	    {"10.77.0.200", true, false},
	    {"10.77.1.1", false, false},
	    {"10.99.0.1", false, true}, /* a host prefix connects nothing */
	    {"192.0.2.0", true, false},
	    {"192.0.2.2", false, false},
	    {"fd77::200", true, false},
	    {"fd77::1", true, true},
	    {"fd77:0:0:1::1", false, false},
	    {"fd99::1", false, true},
	};
	struct link_table table = make_table();
	struct ip_addr addr;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(ip_addr_parse(rows[i].addr, &addr), 0);
		assert_row(
		    i, rows[i].addr, link_is_on_link(&table.items[1], &addr) == rows[i].on_link);
		assert_row(
		    i, rows[i].addr, link_has_address(&table.items[1], &addr) == rows[i].has);
		assert_row(i, rows[i].addr, !link_is_on_link(&table.items[0], &addr));
	}
	link_table_clear(&table);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_find),
	    cmocka_unit_test(test_on_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
