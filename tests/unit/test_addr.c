/* Addresses, prefixes, ranges and MACs: text both ways, order, arithmetic at the ends. */
#include "test.h"

#include <errno.h>

#include "util/addr.h"

static struct ip_addr
addr_of(const char *s)
{
	struct ip_addr addr;

	if (ip_addr_parse(s, &addr))
		fail_msg("%s does not parse", s);
	return addr;
}

static struct ip_range
range_of(const char *first, const char *last)
{
	return (struct ip_range){addr_of(first), addr_of(last)};
}

static void
test_parse(void **state)
{
	static const struct {
		const char *in, *out; /* NULL: refused */
		enum ip_family family;
	} rows[] = {
	    {"192.0.2.1", "192.0.2.1", IP_FAMILY_V4},
	    {"0.0.0.0", "0.0.0.0", IP_FAMILY_V4},
	    {"255.255.255.255", "255.255.255.255", IP_FAMILY_V4},
	    {"2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1", IP_FAMILY_V6},
	    {"::", "::", IP_FAMILY_V6},
	    {"fd00::0001", "fd00::1", IP_FAMILY_V6},
	    {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6", IP_FAMILY_V6},
	    {"64:ff9b::192.0.2.1", "64:ff9b::c000:201", IP_FAMILY_V6},
	    {"::ffff:192.0.2.1", NULL, IP_FAMILY_NONE},
	    {"", NULL, IP_FAMILY_NONE},
	    {" 192.0.2.1", NULL, IP_FAMILY_NONE},
	    {"192.0.2.1 ", NULL, IP_FAMILY_NONE},
	    {"192.0.2", NULL, IP_FAMILY_NONE},
	    {"192.0.2.1.1", NULL, IP_FAMILY_NONE},
	    {"192.0.2.256", NULL, IP_FAMILY_NONE},
	    {"192.0.02.1", NULL, IP_FAMILY_NONE},
	    {"0x10.0.0.1", NULL, IP_FAMILY_NONE},
	    {"192.0.2.1/32", NULL, IP_FAMILY_NONE},
	    {"fe80::1%eth0", NULL, IP_FAMILY_NONE},
	    {"1::2::3", NULL, IP_FAMILY_NONE},
	    {"1:2:3:4:5:6:7:8:9", NULL, IP_FAMILY_NONE},
	    {"12345::", NULL, IP_FAMILY_NONE},
	    {"[::1]", NULL, IP_FAMILY_NONE},
	    {"localhost", NULL, IP_FAMILY_NONE},
	};
	char text[IP_ADDR_STRLEN];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ip_addr addr = {.family = 77};

		if (!rows[i].out) {
			assert_row(i, rows[i].in, ip_addr_parse(rows[i].in, &addr) == -EINVAL);
			assert_row(i, rows[i].in, addr.family == 77);
			continue;
		}
		assert_row(i, rows[i].in, ip_addr_parse(rows[i].in, &addr) == 0);
		assert_row(i, rows[i].in, addr.family == rows[i].family);
		ip_addr_format(&addr, text);
		assert_string_equal(text, rows[i].out);
	}
	ip_addr_format(&(struct ip_addr){0}, text);
	assert_string_equal(text, "-");
}

static void
test_names(void **state)
{
	static const struct {
		const char *addr, *name;
	} rows[] = {
	    {"192.0.2.1", "192-0-2-1"},
	    {"255.255.255.255", "255-255-255-255"},
	    {"::", "0000-0000-0000-0000-0000-0000-0000-0000"},
	    {"2001:db8::1:0", "2001-0db8-0000-0000-0000-0000-0001-0000"},
	    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff-ffff-ffff-ffff-ffff-ffff-ffff-ffff"},
	};
	static const char *const refused[] = {"", "192.0.2.1", "192-0-2", "192-0-2-1-",
	    "192-0-2-256", "192-0-2-01", "2001-db8-0-0-0-0-1-0",
	    "2001-0DB8-0000-0000-0000-0000-0001-0000", "0000-0000-0000-0000-0000-0000-0000-00000",
	    "0000-0000-0000-0000-0000-ffff-c000-0201", "a-b-c-d", "-------", "---"};
	struct ip_addr addr, again;
	char name[IP_ADDR_NAME_LEN];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		addr = addr_of(rows[i].addr);
		ip_addr_name(&addr, name);
		assert_string_equal(name, rows[i].name);
		assert_row(i, name, ip_addr_parse_name(name, &again) == 0);
		assert_row(i, name, ip_addr_eq(&addr, &again));
	}
	for (i = 0; i < ARRAY_SIZE(refused); i++)
		assert_row(i, refused[i], ip_addr_parse_name(refused[i], &addr) == -EINVAL);
}

static void
test_order(void **state)
{
	static const char *const sorted[] = {"0.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.1.0",
	    "192.0.2.1", "255.255.255.255", "::", "::1", "2001:db8::", "2001:db8::1", "fe80::"};
	size_t i, j;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(sorted); i++) {
		for (j = 0; j < ARRAY_SIZE(sorted); j++) {
			struct ip_addr a = addr_of(sorted[i]), b = addr_of(sorted[j]);
			int c = ip_addr_cmp(&a, &b);

			assert_row(i, sorted[j], i < j ? c < 0 : i > j ? c > 0 : c == 0);
			assert_row(i, sorted[j], ip_addr_eq(&a, &b) == (i == j));
		}
	}
}

static void
test_next_prev(void **state)
{
	static const struct {
		const char *addr, *next; /* NULL: the end */
	} rows[] = {
	    {"10.0.0.1", "10.0.0.2"},
	    {"10.0.0.255", "10.0.1.0"},
	    {"10.255.255.255", "11.0.0.0"},
	    {"255.255.255.255", NULL},
	    {"::ffff", "::1:0"},
	    {"0:0:0:1:ffff:ffff:ffff:ffff", "0:0:0:2::"},
	    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL},
	};
	static const char *const lowest[] = {"0.0.0.0", "::"};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ip_addr addr = addr_of(rows[i].addr), next = {.family = 77}, back;

		assert_row(i, rows[i].addr, ip_addr_next(&addr, &next) == (rows[i].next != NULL));
		if (!rows[i].next) {
			assert_row(i, rows[i].addr, next.family == 77);
			continue;
		}
		back = addr_of(rows[i].next);
		assert_row(i, rows[i].addr, ip_addr_eq(&next, &back));
		assert_row(i, rows[i].addr, ip_addr_prev(&next, &back));
		assert_row(i, rows[i].addr, ip_addr_eq(&addr, &back));
	}
	for (i = 0; i < ARRAY_SIZE(lowest); i++) {
		struct ip_addr addr = addr_of(lowest[i]), prev = {.family = 77};

		assert_row(i, lowest[i], !ip_addr_prev(&addr, &prev) && prev.family == 77);
	}
}

static void
test_kinds(void **state)
{
	static const struct {
		const char *addr;
		bool link_local, multicast, unspecified, loopback;
	} rows[] = {
	    {"169.254.0.1", true, false, false, false},
	    {"169.255.0.1", false, false, false, false},
	    {"fe80::1", true, false, false, false},
	    {"febf::1", true, false, false, false},
	    {"fec0::1", false, false, false, false},
	    {"224.0.0.1", false, true, false, false},
	    {"239.255.255.255", false, true, false, false},
	    {"240.0.0.1", false, false, false, false},
	    {"223.255.255.255", false, false, false, false},
	    {"ff02::1", false, true, false, false},
	    {"0.0.0.0", false, false, true, false},
	    {"::", false, false, true, false},
	    {"0.0.0.1", false, false, false, false},
	    {"127.0.0.1", false, false, false, true},
	    {"127.255.0.1", false, false, false, true},
	    {"::1", false, false, false, true},
	    {"::2", false, false, false, false},
	    {"192.0.2.1", false, false, false, false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct ip_addr addr = addr_of(rows[i].addr);

		assert_row(i, rows[i].addr, ip_addr_is_link_local(&addr) == rows[i].link_local);
		assert_row(i, rows[i].addr, ip_addr_is_multicast(&addr) == rows[i].multicast);
		assert_row(i, rows[i].addr, ip_addr_is_unspecified(&addr) == rows[i].unspecified);
		assert_row(i, rows[i].addr, ip_addr_is_loopback(&addr) == rows[i].loopback);
	}
}

static void
test_bytes(void **state)
{
	static const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 9}, v4[4] = {192, 0, 2, 1};
	struct ip_addr addr = ip_addr_from_bytes(IP_FAMILY_V6, v6), same = addr_of("2001:db8::9");

	(void)state;
	assert_true(ip_addr_eq(&addr, &same));
	addr = ip_addr_from_bytes(IP_FAMILY_V4, v4);
	same = ip_addr_v4(192, 0, 2, 1);
	assert_memory_equal(&addr, &same, sizeof(addr));
	assert_int_equal(ip_family_size(IP_FAMILY_V4), 4);
	assert_int_equal(ip_family_size(IP_FAMILY_V6), 16);
	assert_int_equal(ip_family_size(IP_FAMILY_NONE), 0);
	assert_string_equal(ip_family_str(IP_FAMILY_V6), "IPv6");
	assert_string_equal(ip_family_str(IP_FAMILY_V4), "IPv4");
	assert_string_equal(ip_family_str(IP_FAMILY_NONE), "none");
}

static void
test_prefixes(void **state)
{
	static const struct {
		const char *in, *first, *last; /* first NULL: refused */
	} rows[] = {
	    {"10.0.0.0/8", "10.0.0.0", "10.255.255.255"},
	    {"192.0.2.100/26", "192.0.2.64", "192.0.2.127"},
	    {"192.0.2.1/32", "192.0.2.1", "192.0.2.1"},
	    {"192.0.2.1/31", "192.0.2.0", "192.0.2.1"},
	    {"192.0.2.1/0", "0.0.0.0", "255.255.255.255"},
	    {"2001:db8::5/64", "2001:db8::", "2001:db8::ffff:ffff:ffff:ffff"},
	    {"2001:db8::5/127", "2001:db8::4", "2001:db8::5"},
	    {"::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	    {"192.0.2.1", NULL, NULL},
	    {"192.0.2.1/", NULL, NULL},
	    {"192.0.2.1/33", NULL, NULL},
	    {"192.0.2.1/-1", NULL, NULL},
	    {"192.0.2.1/+8", NULL, NULL},
	    {"192.0.2.1/8 ", NULL, NULL},
	    {"192.0.2.1/8/8", NULL, NULL},
	    {"/8", NULL, NULL},
	    {"2001:db8::/129", NULL, NULL},
	    {"2001:db8::/18446744073709551617", NULL, NULL},
	    {"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/8", NULL, NULL},
	};
	char text[IP_PREFIX_STRLEN];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ip_prefix prefix, masked;
		struct ip_range range, expected;

		if (!rows[i].first) {
			assert_row(i, rows[i].in, ip_prefix_parse(rows[i].in, &prefix) == -EINVAL);
			continue;
		}
		assert_row(i, rows[i].in, ip_prefix_parse(rows[i].in, &prefix) == 0);
		ip_prefix_format(&prefix, text);
		assert_string_equal(text, rows[i].in);
		range = ip_prefix_range(&prefix);
		expected = range_of(rows[i].first, rows[i].last);
		assert_row(i, rows[i].in, ip_addr_eq(&range.first, &expected.first));
		assert_row(i, rows[i].in, ip_addr_eq(&range.last, &expected.last));
		masked = ip_prefix_masked(&prefix);
		assert_row(i, rows[i].in, ip_addr_eq(&masked.addr, &expected.first));
		assert_row(i, rows[i].in, masked.len == prefix.len);
		assert_row(i, rows[i].in, ip_prefix_contains(&prefix, &expected.first));
		assert_row(i, rows[i].in, ip_prefix_contains(&prefix, &expected.last));
		if (ip_addr_next(&expected.last, &expected.last))
			assert_row(i, rows[i].in, !ip_prefix_contains(&prefix, &expected.last));
		if (ip_addr_prev(&expected.first, &expected.first))
			assert_row(i, rows[i].in, !ip_prefix_contains(&prefix, &expected.first));
	}
}

static void
test_families_do_not_mix(void **state)
{
	const struct ip_addr v6 = addr_of("::a00:1"), v4 = addr_of("10.0.0.1");
	const struct ip_range all4 = range_of("0.0.0.0", "255.255.255.255");
	const struct ip_range all6 = range_of("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	struct ip_prefix prefix;

	(void)state;
	assert_int_equal(ip_prefix_parse("0.0.0.0/0", &prefix), 0);
	assert_false(ip_prefix_contains(&prefix, &v6));
	assert_int_equal(ip_prefix_parse("::/0", &prefix), 0);
	assert_false(ip_prefix_contains(&prefix, &v4));
	assert_false(ip_range_contains(&all4, &v6));
	assert_false(ip_range_contains(&all6, &v4));
	assert_false(ip_range_overlaps(&all4, &all6));
}

/* How MetalLB splits a range: its documented example among them. */
static void
test_range_to_prefixes(void **state)
{
	static const struct {
		const char *first, *last, *prefixes;
	} rows[] = {
	    {"192.168.1.0", "192.168.1.255", "192.168.1.0/24"},
	    {"192.168.1.240", "192.168.1.250",
		"192.168.1.240/29 192.168.1.248/31 192.168.1.250/32"},
	    {"10.0.0.1", "10.0.0.1", "10.0.0.1/32"},
	    {"10.0.0.1", "10.0.0.6", "10.0.0.1/32 10.0.0.2/31 10.0.0.4/31 10.0.0.6/32"},
	    {"0.0.0.0", "255.255.255.255", "0.0.0.0/0"},
	    {"255.255.255.254", "255.255.255.255", "255.255.255.254/31"},
	    {"2001:db8::1", "2001:db8::2", "2001:db8::1/128 2001:db8::2/128"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ip_range range = range_of(rows[i].first, rows[i].last);
		char text[256] = "", one[IP_PREFIX_STRLEN];

		for (;;) {
			struct ip_prefix prefix = ip_range_first_prefix(&range);
			struct ip_range span = ip_prefix_range(&prefix);

			ip_prefix_format(&prefix, one);
			if (*text)
				strcat(text, " ");
			strcat(text, one);
			if (ip_addr_eq(&span.last, &range.last))
				break;
			assert_true(ip_addr_next(&span.last, &range.first));
		}
		assert_string_equal(text, rows[i].prefixes);
	}
}

static void
test_range_count(void **state)
{
	static const struct {
		const char *first, *last;
		uint64_t count;
	} rows[] = {
	    {"10.0.0.1", "10.0.0.1", 1},
	    {"10.0.0.0", "10.0.0.255", 256},
	    {"10.0.0.250", "10.0.1.5", 12},
	    {"0.0.0.0", "255.255.255.255", UINT64_C(1) << 32},
	    {"2001:db8::", "2001:db8::ff", 256},
	    {"2001:db8::", "2001:db8::ffff:ffff:ffff:ffff", UINT64_MAX},
	    {"2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", UINT64_MAX},
	    {"2001:db8::2", "2001:db8::ffff:ffff:ffff:ffff", UINT64_MAX - 1},
	    {"2001:db8:0:0:ffff:ffff:ffff:ffff", "2001:db8:0:1::", 2},
	    {"2001:db8:0:0:ffff:ffff:ffff:fff0", "2001:db8:0:1::f", 32},
	    {"2001:db8::1", "2001:db8:0:1::", UINT64_MAX},
	    {"2001:db8::2", "2001:db8:0:1::", UINT64_MAX},
	    {"2001:db8::3", "2001:db8:0:1::", UINT64_MAX - 1},
	    {"2001:db8::", "2001:db8:0:1::", UINT64_MAX},
	    {"2001:db8::", "2001:db8:0:2::", UINT64_MAX},
	    {"2001:db8:0:0:ffff:ffff:ffff:ffff", "2001:db8:0:2::", UINT64_MAX},
	    {"::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", UINT64_MAX},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ip_range range = range_of(rows[i].first, rows[i].last);

		if (ip_range_count(&range) != rows[i].count)
			fail_msg("%s-%s: %llu", rows[i].first, rows[i].last,
			    (unsigned long long)ip_range_count(&range));
	}
}

static void
test_range_overlap(void **state)
{
	static const struct {
		const char *a1, *a2, *b1, *b2;
		bool overlap;
	} rows[] = {
	    {"10.0.0.1", "10.0.0.5", "10.0.0.5", "10.0.0.9", true},
	    {"10.0.0.1", "10.0.0.5", "10.0.0.6", "10.0.0.9", false},
	    {"10.0.0.1", "10.0.0.9", "10.0.0.3", "10.0.0.4", true},
	    {"10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.1", true},
	    {"2001:db8::1", "2001:db8::5", "2001:db8::6", "2001:db8::7", false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ip_range a = range_of(rows[i].a1, rows[i].a2);
		struct ip_range b = range_of(rows[i].b1, rows[i].b2);

		assert_row(i, rows[i].a1, ip_range_overlaps(&a, &b) == rows[i].overlap);
		assert_row(i, rows[i].a1, ip_range_overlaps(&b, &a) == rows[i].overlap);
		assert_row(i, rows[i].a1, ip_range_contains(&a, &a.first));
		assert_row(i, rows[i].a1, ip_range_contains(&a, &a.last));
	}
}

static void
test_mac(void **state)
{
	static const char *const refused[] = {"", "02:00:00:00:00", "02:00:00:00:00:0",
	    "020000000001", "02-00-00-00-00-01", "02:00:00:00:00:0g",
	    "02:00:00:00:00:01:", "02:00:00:00:00:001", " 2:00:00:00:00:01", "02:00:00:00:00.01"};
	struct mac_addr mac, other = {{0x02, 0xab, 0, 0, 0xff, 0x01}};
	char text[MAC_ADDR_STRLEN];
	size_t i;

	(void)state;
	assert_int_equal(mac_addr_parse("02:AB:00:00:fF:01", &mac), 0);
	assert_true(mac_addr_eq(&mac, &other));
	mac_addr_format(&mac, text);
	assert_string_equal(text, "02:ab:00:00:ff:01");
	assert_false(mac_addr_is_zero(&mac) || mac_addr_is_multicast(&mac));
	for (i = 0; i < ARRAY_SIZE(refused); i++)
		assert_row(i, refused[i], mac_addr_parse(refused[i], &mac) == -EINVAL);
	assert_true(mac_addr_is_zero(&(struct mac_addr){{0}}));
	assert_true(mac_addr_is_multicast(&(struct mac_addr){{0x33, 0x33}}));
	assert_true(
	    mac_addr_is_multicast(&(struct mac_addr){{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_parse),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_order),
	    cmocka_unit_test(test_next_prev),
	    cmocka_unit_test(test_kinds),
	    cmocka_unit_test(test_bytes),
	    cmocka_unit_test(test_prefixes),
	    cmocka_unit_test(test_families_do_not_mix),
	    cmocka_unit_test(test_range_to_prefixes),
	    cmocka_unit_test(test_range_count),
	    cmocka_unit_test(test_range_overlap),
	    cmocka_unit_test(test_mac),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
