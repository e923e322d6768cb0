/* On which interfaces an address may be announced: DESIGN.md's rule, row by row. */
#include "test.h"

#include <stdlib.h>

#include "announce/interfaces.h"
#include "util/mem.h"

#define MAC                                    \
	{                                      \
		{                              \
			0x02, 0, 0, 0, 0, 0x01 \
		}                              \
	}
#define USUAL .mac = MAC, .up = true, .carrier = true, .arp = true, .broadcast = true
#define V4(a, b, c, d, length)                                                         \
	{                                                                              \
		.addr = {.family = IP_FAMILY_V4, .bytes = {a, b, c, d}}, .len = length \
	}

#define V6(group, last, length)                                                \
	{                                                                      \
		.addr = {.family = IP_FAMILY_V6,                               \
		    .bytes = {0x20, 0x01, 0x0d, 0xb8, 0, group, [15] = last}}, \
		.len = length                                                  \
	}
#define LINK_LOCAL                                                                           \
	{                                                                                    \
		.addr = {.family = IP_FAMILY_V6, .bytes = {0xfe, 0x80, [15] = 1}}, .len = 64 \
	}

static struct ip_prefix lo_addresses[] = {V4(127, 0, 0, 1, 8), V4(10, 9, 0, 1, 24)};
static struct ip_prefix eth0_addresses[] = {V4(10, 77, 0, 1, 24), V6(0x77, 1, 64), LINK_LOCAL};
static struct ip_prefix eth1_addresses[] = {
    V4(10, 88, 0, 1, 24), V4(10, 99, 0, 1, 32), LINK_LOCAL, V6(0x88, 1, 64), V6(0x99, 1, 128)};
static struct ip_prefix eth2_addresses[] = {V4(10, 66, 0, 1, 24)};
static struct ip_prefix bond0_addresses[] = {V4(10, 55, 0, 1, 24), V6(0x55, 1, 64)};
static struct ip_prefix ppp_addresses[] = {LINK_LOCAL};
static struct ip_prefix docker_addresses[] = {V4(172, 17, 0, 1, 16)};
static struct ip_prefix tun_addresses[] = {V4(10, 44, 0, 1, 24)};

#define ADDRESSES(a) .addresses = (a), .n_addresses = ARRAY_SIZE(a)

static struct link_info items[] = {
    {.ifindex = 1,
	.name = "lo",
	.up = true,
	.carrier = true,
	.arp = true,
	.loopback = true,
	ADDRESSES(lo_addresses)},
    {.ifindex = 2, .name = "eth0", USUAL, ADDRESSES(eth0_addresses)},
    {.ifindex = 3, .name = "eth1", USUAL, ADDRESSES(eth1_addresses)},
    {.ifindex = 4,
	.name = "eth2",
	.mac = MAC,
	.up = true,
	.arp = true,
	.broadcast = true,
	ADDRESSES(eth2_addresses)},                                             /* no carrier */
    {.ifindex = 5, .name = "eth3", .mac = MAC, .arp = true, .broadcast = true}, /* down */
    {.ifindex = 6, .name = "eth4", USUAL, .master = 8},                         /* bond slave */
    {.ifindex = 7, .name = "eth5", USUAL, .master = 9, .master_is_vrf = true},
    {.ifindex = 8, .name = "bond0", USUAL, ADDRESSES(bond0_addresses)},
    {.ifindex = 9, .name = "vrf0", .mac = MAC, .up = true, .carrier = true, .broadcast = true},
    {.ifindex = 10,
	.name = "ppp0",
	.mac = MAC,
	.up = true,
	.carrier = true,
	.arp = true,
	ADDRESSES(ppp_addresses)},
    {.ifindex = 11,
	.name = "tun0",
	.up = true,
	.carrier = true,
	.arp = true,
	.broadcast = true,
	ADDRESSES(tun_addresses)},
    {.ifindex = 12, .name = "docker0", USUAL, ADDRESSES(docker_addresses)},
};
static const struct link_table links = {items, ARRAY_SIZE(items)};

static const char *excluded[] = {"docker*", "veth*"};
static const struct string_list excludes = {excluded, ARRAY_SIZE(excluded)};

static const struct {
	const char *name, *globs[3], *addr;
	const char *used;    /* names, in order of ifindex */
	const char *explain; /* when none is used */
} rows[] = {
    {"LAN of eth0", {0}, "10.77.0.200", "eth0", NULL},
    {"LAN of eth1", {0}, "10.88.0.200", "eth1", NULL},
    {"LAN of a bond, not of its slaves", {0}, "10.55.0.200", "bond0", NULL},
    {"in no LAN: all that can, but the excluded", {0}, "192.0.2.1", "eth0 eth1 eth5 bond0", NULL},
    {"host prefixes connect nothing", {0}, "10.99.0.1", "eth0 eth1 eth5 bond0", NULL},
    {"a prefix of loopback connects nothing", {0}, "10.9.0.7", "eth0 eth1 eth5 bond0", NULL},
    {"nor one of an excluded interface", {0}, "172.17.0.9", "eth0 eth1 eth5 bond0", NULL},
    {"nor one of an interface without a MAC", {0}, "10.44.0.9", "eth0 eth1 eth5 bond0", NULL},
    {"LAN without carrier: not on another LAN", {0}, "10.66.0.200", "", "eth2 has no carrier"},
    {"by name", {"eth0"}, "192.0.2.1", "eth0", NULL},
    {"by name, though another is in the LAN", {"eth1"}, "10.77.0.200", "eth1", NULL},
    {"by names", {"eth1", "eth0"}, "192.0.2.1", "eth0 eth1", NULL},
    {"by names, though one of them is in the LAN", {"eth1", "eth0"}, "10.77.0.200", "eth0 eth1",
	NULL},
    {"by glob: never slaves, down or without carrier", {"eth*"}, "192.0.2.1", "eth0 eth1 eth5",
	NULL},
    {"named in spite of exclude-interfaces", {"docker0"}, "192.0.2.1", "docker0", NULL},
    {"a VRF's member", {"eth5"}, "192.0.2.1", "eth5", NULL},
    {"glob for all", {"*"}, "192.0.2.1", "eth0 eth1 eth5 bond0 docker0", NULL},
    {"no such name", {"eth9", "wlan*"}, "192.0.2.1", "",
	"no interface matches \"eth9\", \"wlan*\""},
    {"down", {"eth3"}, "192.0.2.1", "", "eth3 is down"},
    {"down and no carrier", {"eth[23]"}, "192.0.2.1", "", "eth2 has no carrier, eth3 is down"},
    {"slave", {"eth4"}, "192.0.2.1", "", "eth4 is a port of a bridge or bond"},
    {"VRF itself", {"vrf0"}, "192.0.2.1", "", "vrf0 does not use ARP"},
    {"point to point", {"ppp0"}, "192.0.2.1", "", "ppp0 cannot broadcast"},
    {"without MAC", {"tun0"}, "192.0.2.1", "", "tun0 has no MAC"},
    {"loopback, named", {"lo"}, "192.0.2.1", "", "lo is loopback"},
    {"IPv6: LAN of eth0", {0}, "2001:db8:77::200", "eth0", NULL},
    {"IPv6: in no LAN", {0}, "2001:db8:66::1", "eth0 eth1 ppp0", NULL},
    {"IPv6: host prefixes connect nothing", {0}, "2001:db8:99::1", "eth0 eth1 ppp0", NULL},
    {"IPv6: link-local prefixes connect what is link-local, on each link", {0}, "fe80::77",
	"eth0 eth1 ppp0", NULL},
    {"IPv6: LAN whose link-local address is not there yet", {0}, "2001:db8:55::200", "",
	"bond0 has no IPv6 link-local address"},
    {"IPv6: by names, without IPv6", {"eth5", "eth1"}, "2001:db8:66::1", "eth1", NULL},
    {"IPv6: without IPv6", {"eth5"}, "2001:db8:66::1", "", "eth5 has no IPv6 link-local address"},
    {"IPv6: without carrier", {"eth2"}, "2001:db8:66::1", "", "eth2 has no carrier"},
    {"what is down is worth more words than what never works", {"eth4", "eth3", "lo"}, "192.0.2.1",
	"", "eth3 is down"},
};

static struct string_list
globs_of(size_t row, const char **items_out)
{
	struct string_list list = {items_out, 0};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows[row].globs) && rows[row].globs[i]; i++)
		items_out[list.count++] = rows[row].globs[i];
	return list;
}

static void
test_rows(void **state)
{
	size_t i, j;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *buffer[3];
		const struct string_list globs = globs_of(i, buffer);
		enum interface_verdict verdicts[ARRAY_SIZE(items)];
		int ifindexes[ARRAY_SIZE(items)];
		struct interface_choice choice;
		struct strbuf used = {0}, text = {0};
		struct ip_addr addr;
		size_t n;

		assert_int_equal(ip_addr_parse(rows[i].addr, &addr), 0);
		interface_choice_init(
		    &choice, &links, &globs, &excludes, (enum ip_family)addr.family);
		n = interface_choice_list(&choice, &addr, ifindexes);
		for (j = 0; j < n; j++)
			strbuf_printf(&used, "%s%s", j ? " " : "",
			    link_table_by_index(&links, ifindexes[j])->name);
		if (!str_eq(strbuf_text(&used), rows[i].used))
			fail_msg("%s: %s", rows[i].name, strbuf_text(&used));
		/* The two ways of asking agree. */
		assert_int_equal(interface_choice_for(&choice, &addr, verdicts), n);
		for (j = 0; j < n; j++)
			assert_int_equal(verdicts[ifindexes[j] - 1], INTERFACE_USED);
		if (rows[i].explain) {
			interface_choice_explain(&choice, &addr, &globs, &text);
			if (!str_eq(strbuf_text(&text), rows[i].explain))
				fail_msg("%s: %s", rows[i].name, strbuf_text(&text));
		}
		strbuf_free(&used);
		strbuf_free(&text);
		interface_choice_fini(&choice);
	}
}

static void
test_verdicts(void **state)
{
	static const enum interface_verdict expected[] = {INTERFACE_LOOPBACK, INTERFACE_USED,
	    INTERFACE_OTHER_LAN, INTERFACE_OTHER_LAN, INTERFACE_OTHER_LAN, INTERFACE_PORT,
	    INTERFACE_OTHER_LAN, INTERFACE_OTHER_LAN, INTERFACE_NO_ARP, INTERFACE_NO_BROADCAST,
	    INTERFACE_NO_MAC, INTERFACE_EXCLUDED};
	const struct string_list none = {0};
	const struct ip_addr addr = ip_addr_v4(10, 77, 0, 200);
	enum interface_verdict verdicts[ARRAY_SIZE(items)];
	struct interface_choice choice;
	size_t i;

	(void)state;
	interface_choice_init(&choice, &links, &none, &excludes, IP_FAMILY_V4);
	assert_int_equal(interface_choice_for(&choice, &addr, verdicts), 1);
	for (i = 0; i < ARRAY_SIZE(items); i++)
		assert_row(i, items[i].name, verdicts[i] == expected[i]);
	interface_choice_fini(&choice);
	/* NDP needs no broadcast. */
	interface_choice_init(&choice, &links, &none, &excludes, IP_FAMILY_V6);
	assert_int_equal(choice.candidates[9], INTERFACE_USED);
	interface_choice_fini(&choice);
}

static void
test_nothing(void **state)
{
	const struct string_list none = {0};
	const struct link_table only_lo = {items, 1}, empty = {0};
	const struct ip_addr addr = ip_addr_v4(10, 77, 0, 200);
	struct interface_choice choice;
	struct strbuf text = {0};
	int ifindex;

	(void)state;
	/* An empty exclude list excludes nothing. */
	interface_choice_init(&choice, &links, &none, &none, IP_FAMILY_V4);
	assert_int_equal(choice.candidates[11], INTERFACE_USED);
	interface_choice_fini(&choice);
	interface_choice_init(&choice, &only_lo, &none, &none, IP_FAMILY_V4);
	assert_int_equal(interface_choice_list(&choice, &addr, &ifindex), 0);
	interface_choice_explain(&choice, &addr, &none, &text);
	assert_string_equal(strbuf_text(&text), "there is no interface but loopback");
	interface_choice_fini(&choice);
	interface_choice_init(&choice, &empty, &none, &none, IP_FAMILY_V4);
	assert_int_equal(interface_choice_list(&choice, &addr, &ifindex), 0);
	interface_choice_fini(&choice);
	strbuf_free(&text);
}

static void
test_many_links_make_a_short_sentence(void **state)
{
	struct link_info many[300] = {{0}};
	const struct link_table table = {many, ARRAY_SIZE(many)};
	const struct string_list none = {0};
	const struct ip_addr addr = ip_addr_v4(10, 77, 0, 200);
	struct interface_choice choice;
	struct strbuf text = {0};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(many); i++) {
		many[i] = (struct link_info){.ifindex = (int)i + 1, USUAL};
		(void)snprintf(many[i].name, sizeof(many[i].name), "veth%zu", i);
	}
	interface_choice_init(&choice, &table, &none, &excludes, IP_FAMILY_V4);
	interface_choice_explain(&choice, &addr, &none, &text);
	assert_string_equal(strbuf_text(&text),
	    "veth0 is excluded by node.exclude-interfaces, "
	    "veth1 is excluded by node.exclude-interfaces, "
	    "veth2 is excluded by node.exclude-interfaces, "
	    "veth3 is excluded by node.exclude-interfaces, and 296 more");
	interface_choice_fini(&choice);
	strbuf_free(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_verdicts),
	    cmocka_unit_test(test_nothing),
	    cmocka_unit_test(test_many_links_make_a_short_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
