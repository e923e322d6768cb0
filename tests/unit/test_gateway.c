/* The default gateway's MAC, of both families, in a network namespace of the test's own. */
#include "io_netns.h"

#include "io/gateway.h"

static const struct mac_addr mac_v4 = {{0x02, 0, 0, 0, 0, 0x41}};
static const struct mac_addr mac_v6 = {{0x02, 0, 0, 0, 0, 0x61}};

static void
gateway_is_found(void **state)
{
	struct mac_addr mac = {{0}};
	int va, vb;

	(void)state;
	NETNS_OR_SKIP();
	ip("link add va type veth peer name vb");
	ip("link set va up");
	ip("link set vb up");
	ip("address add 192.0.2.2/24 dev va");
	ip("address add 2001:db8:1::2/64 dev va nodad");
	va = index_of("va");
	vb = index_of("vb");
	/* no default route */
	assert_int_equal(gateway_mac(va, IP_FAMILY_V4, &mac), -ENOENT);
	assert_int_not_equal(gateway_mac(va, IP_FAMILY_V6, &mac), 0);
	ip("route add default via 192.0.2.1 dev va");
	ip("-6 route add default via fe80::1 dev va");
	/* one whose MAC is not known */
	assert_int_not_equal(gateway_mac(va, IP_FAMILY_V4, &mac), 0);
	assert_int_not_equal(gateway_mac(va, IP_FAMILY_V6, &mac), 0);
	ip("neighbour replace 192.0.2.1 lladdr 02:00:00:00:00:41 dev va");
	ip("neighbour replace fe80::1 lladdr 02:00:00:00:00:61 dev va");
	assert_int_equal(gateway_mac(va, IP_FAMILY_V4, &mac), 0);
	assert_true(mac_addr_eq(&mac, &mac_v4));
	assert_int_equal(gateway_mac(va, IP_FAMILY_V6, &mac), 0);
	assert_true(mac_addr_eq(&mac, &mac_v6));
	/* over another interface, and over none */
	assert_int_not_equal(gateway_mac(vb, IP_FAMILY_V4, &mac), 0);
	assert_int_not_equal(gateway_mac(vb, IP_FAMILY_V6, &mac), 0);
	assert_int_not_equal(gateway_mac(99999, IP_FAMILY_V4, &mac), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(gateway_is_found),
	};

	return cmocka_run_group_tests(tests, netns_enter, NULL);
}
