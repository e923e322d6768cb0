#include "io_netns.h"

#include "io/netlink.h"
#include "util/str.h"

struct fixture {
	struct loop *loop;
	struct netlink *nl;
	unsigned calls;
};

static void
on_change(void *arg, const struct link_table *table)
{
	struct fixture *f = arg;

	assert_ptr_equal(table, netlink_table(f->nl));
	f->calls++;
}

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	*state = f;
	assert_int_equal(loop_new(&f->loop), 0);
	if (!netns_usable)
		return 0;
	ip("link add va address 02:00:00:00:00:0a type veth peer name vb address 02:00:00:00:00:0b");
	ip("address add 192.0.2.1/24 dev va");
	return netlink_open(f->loop, on_change, f, &f->nl);
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	netlink_free(f->nl);
	loop_free(f->loop);
	free(f);
	if (netns_usable) {
		(void)ip_try("link del va");
		(void)ip_try("link del br0");
	}
	return 0;
}

static const struct link_info *
link_named(const struct fixture *f, const char *name)
{
	return link_table_by_name(netlink_table(f->nl), name);
}

static bool
has_address(const struct fixture *f, const char *name, const char *prefix)
{
	const struct link_info *link = link_named(f, name);
	struct ip_prefix wanted;
	size_t i;

	assert_int_equal(ip_prefix_parse(prefix, &wanted), 0);
	for (i = 0; link && i < link->n_addresses; i++)
		if (link->addresses[i].len == wanted.len &&
		    ip_addr_eq(&link->addresses[i].addr, &wanted.addr))
			return true;
	return false;
}

static void
everything_is_known_at_once(void **state)
{
	struct fixture *f = *state;
	const struct link_info *lo, *va;
	char mac[MAC_ADDR_STRLEN];
	size_t i;

	NETNS_OR_SKIP();
	lo = link_named(f, "lo");
	va = link_named(f, "va");
	assert_non_null(lo);
	assert_true(lo->up && lo->carrier && lo->loopback && !lo->broadcast);
	assert_true(mac_addr_is_zero(&lo->mac));
	assert_true(has_address(f, "lo", "127.0.0.1/8"));
	assert_non_null(va);
	assert_int_equal(va->ifindex, index_of("va"));
	mac_addr_format(&va->mac, mac);
	assert_string_equal(mac, "02:00:00:00:00:0a");
	assert_true(!va->up && !va->carrier && va->arp && va->broadcast && !va->loopback);
	assert_int_equal(va->mtu, 1500);
	assert_int_equal(va->master, 0);
	assert_true(has_address(f, "va", "192.0.2.1/24"));
	for (i = 1; i < netlink_table(f->nl)->count; i++)
		assert_true(netlink_table(f->nl)->items[i - 1].ifindex <
		    netlink_table(f->nl)->items[i].ifindex);
	RUN_WHILE(f->loop, 20000, f->calls == 0);
}

static void
links_come_change_and_go(void **state)
{
	struct fixture *f = *state;
	unsigned calls;

	NETNS_OR_SKIP();
	ip("link set va up");
	RUN_UNTIL(f->loop, link_named(f, "va")->up);
	assert_false(link_named(f, "va")->carrier);
	ip("link set vb up");
	RUN_UNTIL(f->loop, link_named(f, "va")->carrier && link_named(f, "vb")->carrier);
	ip("link set vb down");
	RUN_UNTIL(f->loop, !link_named(f, "va")->carrier);
	assert_true(link_named(f, "va")->up);
	ip("link set va address 02:00:00:00:00:1a");
	RUN_UNTIL(f->loop, link_named(f, "va")->mac.bytes[5] == 0x1a);
	ip("link set va arp off");
	RUN_UNTIL(f->loop, !link_named(f, "va")->arp);
	ip("link set va mtu 1400");
	RUN_UNTIL(f->loop, link_named(f, "va")->mtu == 1400);
	ip("link set va down");
	ip("link set va name vz");
	RUN_UNTIL(f->loop, link_named(f, "vz") && !link_named(f, "va"));
	calls = f->calls;
	ip("link del vz");
	RUN_UNTIL(f->loop, !link_named(f, "vz") && !link_named(f, "vb"));
	assert_true(f->calls > calls);
	assert_non_null(link_named(f, "lo"));
}

static void
addresses_come_and_go(void **state)
{
	struct fixture *f = *state;

	NETNS_OR_SKIP();
	ip("address add 198.51.100.7/25 dev va");
	RUN_UNTIL(f->loop, has_address(f, "va", "198.51.100.7/25"));
	ip("address del 192.0.2.1/24 dev va");
	RUN_UNTIL(f->loop, !has_address(f, "va", "192.0.2.1/24"));
	/* The prefix of a point-to-point address is its peer's. */
	ip("address add 203.0.113.1 peer 203.0.113.9/30 dev va");
	RUN_UNTIL(f->loop, has_address(f, "va", "203.0.113.1/32"));
	ip("address del 203.0.113.1 peer 203.0.113.9/30 dev va");
	RUN_UNTIL(f->loop, !has_address(f, "va", "203.0.113.1/32"));
	ip("address add 10.1.0.1/24 dev va");
	ip("address add 10.1.0.1/16 dev va");
	RUN_UNTIL(f->loop, has_address(f, "va", "10.1.0.1/16"));
	assert_true(has_address(f, "va", "10.1.0.1/24"));
	ip("address flush dev va");
	RUN_UNTIL(f->loop, link_named(f, "va")->n_addresses == 0);
}

static void
ipv6_addresses_wait_for_duplicate_address_detection(void **state)
{
	struct fixture *f = *state;
	unsigned calls;

	NETNS_OR_SKIP();
	if (access("/proc/sys/net/ipv6", F_OK)) {
		print_message("# SKIP: no IPv6 here\n");
		skip();
	}
	ip("link set va up");
	ip("link set vb up");
	RUN_UNTIL(f->loop, link_named(f, "va")->carrier);
	ip("address add 2001:db8::1/64 dev va nodad");
	RUN_UNTIL(f->loop, has_address(f, "va", "2001:db8::1/64"));
	/* This one is there at once, but tentative: the kernel says so, the table does not yet. */
	ip("address add 2001:db8::2/64 dev va");
	calls = f->calls;
	ip("link set va mtu 1490");
	RUN_UNTIL(f->loop, f->calls > calls && link_named(f, "va")->mtu == 1490);
	assert_false(has_address(f, "va", "2001:db8::2/64"));
	RUN_UNTIL(f->loop, has_address(f, "va", "2001:db8::2/64"));
}

static void
bridge_ports_have_a_master(void **state)
{
	struct fixture *f = *state;

	NETNS_OR_SKIP();
	if (!ip_try("link add br0 type bridge")) {
		print_message("# SKIP: no bridges here\n");
		skip();
	}
	ip("link set va master br0");
	RUN_UNTIL(f->loop, link_named(f, "va")->master == index_of("br0"));
	assert_false(link_named(f, "va")->master_is_vrf);
	/* The bridge says DELLINK in its own family when a port leaves. */
	ip("link set va nomaster");
	RUN_UNTIL(f->loop, link_named(f, "va")->master == 0);
	RUN_WHILE(f->loop, 20000, link_named(f, "va") != NULL);
	assert_true(has_address(f, "va", "192.0.2.1/24"));
}

static void
members_of_a_vrf_are_told_apart(void **state)
{
	struct fixture *f = *state;

	NETNS_OR_SKIP();
	if (!ip_try("link add blue type vrf table 10")) {
		print_message("# SKIP: no VRFs here\n");
		skip();
	}
	ip("link set va master blue");
	RUN_UNTIL(f->loop, link_named(f, "va")->master == index_of("blue"));
	assert_true(link_named(f, "va")->master_is_vrf);
	ip("link del blue");
}

static void
changes_of_one_turn_are_one_call(void **state)
{
	struct fixture *f = *state;

	NETNS_OR_SKIP();
	ip("address add 10.0.0.1/24 dev va");
	ip("address add 10.0.0.2/24 dev va");
	ip("address add 10.0.0.3/24 dev va");
	RUN_UNTIL(f->loop, has_address(f, "va", "10.0.0.3/24"));
	assert_int_equal(f->calls, 1);
	/* An event that changes nothing that the table shows. */
	ip("link set va alias nothing");
	RUN_WHILE(f->loop, 50000, f->calls == 1);
}

static void
write_batch(const char *path, int count)
{
	FILE *file = fopen(path, "w");
	int i;

	assert_non_null(file);
	for (i = 0; i < count; i++)
		(void)fprintf(file,
		    "address add 10.2.%d.%d/32 dev va\naddress del 10.2.%d.%d/32 dev va\n", i / 250,
		    i % 250 + 1, i / 250, i % 250 + 1);
	(void)fprintf(file,
	    "address add 10.3.0.1/24 dev va\naddress del 192.0.2.1/24 dev va\n"
	    "link set vb name vc\n");
	assert_int_equal(fclose(file), 0);
}

static void
lost_events_are_made_up_for(void **state)
{
	struct fixture *f = *state;
	char *dir, *path, *arguments;

	NETNS_OR_SKIP();
	dir = test_mkdir();
	path = xasprintf("%s/batch", dir);
	arguments = xasprintf("-batch %s", path);
	write_batch(path, 6000);
	ip(arguments);
	RUN_UNTIL(f->loop, has_address(f, "va", "10.3.0.1/24"));
	assert_true(netlink_stats(f->nl)->overruns >= 1);
	assert_int_equal(link_named(f, "va")->n_addresses, 1);
	assert_non_null(link_named(f, "vc"));
	assert_null(link_named(f, "vb"));
	/* And events are heard again. */
	ip("address add 10.4.0.1/24 dev va");
	RUN_UNTIL(f->loop, has_address(f, "va", "10.4.0.1/24"));
	free(arguments);
	free(path);
	test_rmdir(dir);
}

static void
a_resync_finds_nothing_new(void **state)
{
	struct fixture *f = *state;
	uint64_t messages;

	NETNS_OR_SKIP();
	messages = netlink_stats(f->nl)->messages;
	netlink_resync(f->nl);
	netlink_resync(f->nl);
	RUN_UNTIL(f->loop, netlink_stats(f->nl)->messages > messages + 4);
	RUN_WHILE(f->loop, 20000, f->calls == 0);
	ip("link del va");
	netlink_resync(f->nl);
	RUN_UNTIL(f->loop, !link_named(f, "va"));
	assert_int_equal(netlink_stats(f->nl)->overruns, 0);
	assert_int_equal(netlink_stats(f->nl)->invalid, 0);
}

static void
addresses_have_a_cap(void **state)
{
	struct fixture *f = *state;
	char arguments[64];
	int i;

	NETNS_OR_SKIP();
	for (i = 0; i < LINK_MAX_ADDRESSES + 5; i++) {
		(void)snprintf(
		    arguments, sizeof(arguments), "address add 10.5.0.%d/32 dev va", i + 1);
		ip(arguments);
	}
	RUN_UNTIL(f->loop, netlink_stats(f->nl)->ignored == 6);
	RUN_UNTIL(f->loop, link_named(f, "va")->n_addresses == LINK_MAX_ADDRESSES);
}

/* Whatever the kernel said before has been heard. */
static void
hear_all(struct fixture *f, const char *marker)
{
	char arguments[64];

	(void)snprintf(arguments, sizeof(arguments), "address add %s dev va", marker);
	ip(arguments);
	RUN_UNTIL(f->loop, has_address(f, "va", marker));
}

static void
a_link_that_is_down_keeps_its_ipv6_addresses(void **state)
{
	struct fixture *f = *state;
	const struct link_info *va;
	size_t i;

	NETNS_OR_SKIP();
	ip("link set vb up");
	ip("link set va up");
	ip("-6 address add fd00:5::1/64 dev va nodad");
	ip("-6 address add fd00:6::1/64 dev va nodad");
	RUN_UNTIL(
	    f->loop, has_address(f, "va", "fd00:5::1/64") && has_address(f, "va", "fd00:6::1/64"));
	ip("-6 address del fd00:6::1/64 dev va");
	RUN_UNTIL(f->loop, !has_address(f, "va", "fd00:6::1/64"));
	ip("link set va down");
	hear_all(f, "192.0.2.2/32");
	va = link_named(f, "va");
	assert_false(va->up);
	assert_true(has_address(f, "va", "fd00:5::1/64"));
	for (i = 0; i < va->n_addresses; i++)
		assert_false(ip_addr_is_link_local(&va->addresses[i].addr));
	netlink_resync(f->nl);
	hear_all(f, "192.0.2.3/32");
	assert_true(has_address(f, "va", "fd00:5::1/64"));
	ip("link set va up");
	RUN_UNTIL(f->loop, link_named(f, "va")->up);
	assert_false(has_address(f, "va", "fd00:5::1/64"));
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(everything_is_known_at_once),
	    T(links_come_change_and_go),
	    T(addresses_come_and_go),
	    T(ipv6_addresses_wait_for_duplicate_address_detection),
	    T(a_link_that_is_down_keeps_its_ipv6_addresses),
	    T(bridge_ports_have_a_master),
	    T(members_of_a_vrf_are_told_apart),
	    T(changes_of_one_turn_are_one_call),
	    T(lost_events_are_made_up_for),
	    T(a_resync_finds_nothing_new),
	    T(addresses_have_a_cap),
	};

	return cmocka_run_group_tests_name("netlink", tests, netns_enter, NULL);
}
