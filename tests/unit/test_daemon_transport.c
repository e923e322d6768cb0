/* The connection to a BGP peer: TTLs, identifier, next hops. */
#include "test.h"

#include "daemon/transport.h"
#include "util/mem.h"
#include "util/str.h"

static struct ip_addr
address(const char *text)
{
	struct ip_addr ip = {0};

	if (text)
		assert_int_equal(ip_addr_parse(text, &ip), 0);
	return ip;
}

static const struct {
	const char *name;
	uint32_t my_asn, peer_asn;
	enum settings_dynamic_asn dynamic;
	bool multihop;
	uint8_t security, ttl, min_ttl;
} hops[] = {
    {"external", 64512, 64513, DYNAMIC_ASN_NONE, false, 0, 1, 0},
    {"external, far", 64512, 64513, DYNAMIC_ASN_NONE, true, 0, 255, 0},
    {"internal", 64512, 64512, DYNAMIC_ASN_NONE, false, 0, 255, 0},
    {"dynamic external", 64512, 0, DYNAMIC_ASN_EXTERNAL, false, 0, 1, 0},
    {"dynamic internal", 64512, 0, DYNAMIC_ASN_INTERNAL, false, 0, 255, 0},
    {"GTSM, one hop", 64512, 64513, DYNAMIC_ASN_NONE, false, 1, 255, 255},
    {"GTSM, three hops", 64512, 64512, DYNAMIC_ASN_NONE, false, 3, 255, 253},
    {"GTSM, 254 hops", 64512, 64513, DYNAMIC_ASN_NONE, false, 254, 255, 2},
};

static void
test_hops(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(hops); i++) {
		struct settings_peer peer = {.my_asn = hops[i].my_asn,
		    .peer_asn = hops[i].peer_asn,
		    .dynamic_asn = hops[i].dynamic,
		    .ebgp_multihop = hops[i].multihop,
		    .ttl_security = hops[i].security};
		struct transport_hops got = transport_hops(&peer);

		assert_row(i, hops[i].name, got.ttl == hops[i].ttl);
		assert_row(i, hops[i].name, got.min_ttl == hops[i].min_ttl);
	}
}

static struct ip_prefix lo_addresses[2], docker_addresses[1], eth0_addresses[4], eth1_addresses[2];
static struct link_info items[] = {
    {.ifindex = 1, .name = "lo", .loopback = true, .addresses = lo_addresses, .n_addresses = 2},
    {.ifindex = 2, .name = "docker0", .addresses = docker_addresses, .n_addresses = 1},
    {.ifindex = 3, .name = "eth0", .addresses = eth0_addresses, .n_addresses = 4},
    {.ifindex = 4, .name = "eth1", .addresses = eth1_addresses, .n_addresses = 2},
};
static const struct link_table links = {items, ARRAY_SIZE(items)};

static int
fill(void **state)
{
	(void)state;
	assert_int_equal(ip_prefix_parse("127.0.0.1/8", &lo_addresses[0]), 0);
	assert_int_equal(ip_prefix_parse("192.0.2.9/32", &lo_addresses[1]), 0);
	assert_int_equal(ip_prefix_parse("172.17.0.1/16", &docker_addresses[0]), 0);
	assert_int_equal(ip_prefix_parse("169.254.3.3/16", &eth0_addresses[0]), 0);
	assert_int_equal(ip_prefix_parse("10.77.0.11/24", &eth0_addresses[1]), 0);
	assert_int_equal(ip_prefix_parse("fe80::11/64", &eth0_addresses[2]), 0);
	assert_int_equal(ip_prefix_parse("fd77::11/64", &eth0_addresses[3]), 0);
	assert_int_equal(ip_prefix_parse("10.78.0.11/24", &eth1_addresses[0]), 0);
	assert_int_equal(ip_prefix_parse("fe80::11/64", &eth1_addresses[1]), 0);
	return 0;
}

static void
test_identifier(void **state)
{
	static const char *globs[] = {"docker*"};
	const struct string_list exclude = {globs, 1}, none = {NULL, 0};
	const struct link_table empty = {NULL, 0};

	(void)state;
	assert_int_equal(transport_identifier(&links, &exclude, "node1"), 0x0a4d000b);
	assert_int_equal(transport_identifier(&links, &none, "node1"), 0xac110001);
	assert_int_not_equal(transport_identifier(&empty, &none, "node1"), 0);
	assert_int_not_equal(transport_identifier(&empty, &none, "node1"),
	    transport_identifier(&empty, &none, "node2"));
}

static const struct {
	const char *name, *interface, *local;
	int scope;
	const char *remote, *ipv4, *ipv6, *link_local;
} next_hops[] = {
    {"IPv4 on the link", "", "10.77.0.11", 0, "10.77.0.1", "10.77.0.11", "fd77::11", "fe80::11"},
    {"IPv4 from afar", "", "10.77.0.11", 0, "10.88.0.2", "10.77.0.11", "fd77::11", NULL},
    {"IPv6 on the link", "", "fd77::11", 0, "fd77::1", "10.77.0.11", "fd77::11", "fe80::11"},
    {"IPv6 from afar", "", "fd77::11", 0, "fd88::2", "10.77.0.11", "fd77::11", NULL},
    {"unnumbered", "eth0", "fe80::11", 3, "fe80::1", NULL, "fd77::11", "fe80::11"},
    {"unnumbered, link-local only", "eth1", "fe80::11", 4, "fe80::1", NULL, NULL, "fe80::11"},
    {"one family only", "", "10.78.0.11", 0, "10.78.0.1", "10.78.0.11", NULL, "fe80::11"},
    {"on loopback", "", "192.0.2.9", 0, "10.77.0.1", "192.0.2.9", NULL, NULL},
    {"an address that has gone", "", "10.77.0.99", 0, "10.77.0.1", "10.77.0.99", NULL, NULL},
};

static void
test_next_hops(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(next_hops); i++) {
		const struct settings_peer peer = {.interface = next_hops[i].interface};
		const struct tcp_address local = {
		    .ip = address(next_hops[i].local), .scope = next_hops[i].scope};
		struct ip_addr remote = address(next_hops[i].remote),
			       ipv4 = address(next_hops[i].ipv4), ipv6 = address(next_hops[i].ipv6),
			       link_local = address(next_hops[i].link_local);
		struct bgp_next_hops got = transport_next_hops(&peer, &links, &local, &remote);

		assert_row(i, next_hops[i].name, got.ipv4.family == ipv4.family);
		assert_row(i, next_hops[i].name, !ipv4.family || ip_addr_eq(&got.ipv4, &ipv4));
		assert_row(i, next_hops[i].name, ip_addr_eq(&got.ipv6, &ipv6));
		assert_row(i, next_hops[i].name, ip_addr_eq(&got.ipv6_link_local, &link_local));
	}
}

static void
test_differs(void **state)
{
	struct settings_peer a = {.peer_address = address("192.0.2.1"),
	    .interface = "",
	    .vrf = "",
	    .password = "",
	    .password_file = "",
	    .peer_port = 179,
	    .my_asn = 1,
	    .peer_asn = 2};
	struct settings_peer b = a;

	(void)state;
	b.hold_time_usec = 3;
	b.passive = true;
	assert_false(transport_differs(&a, &b));
	b.peer_port = 1790;
	assert_true(transport_differs(&a, &b));
	assert_false(transport_is_other_router(&a, &b));
	b = a;
	b.password = "x";
	assert_true(transport_differs(&a, &b));
	b = a;
	b.ebgp_multihop = true;
	assert_true(transport_differs(&a, &b));
	b = a;
	b.source_address = address("192.0.2.2");
	assert_true(transport_differs(&a, &b));
	b = a;
	b.vrf = "blue";
	assert_true(transport_is_other_router(&a, &b));
	b = a;
	b.peer_address = address("192.0.2.2");
	assert_true(transport_is_other_router(&a, &b));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_hops),
	    cmocka_unit_test(test_identifier),
	    cmocka_unit_test(test_next_hops),
	    cmocka_unit_test(test_differs),
	};

	return cmocka_run_group_tests(tests, fill, NULL);
}
