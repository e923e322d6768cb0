#include "test.h"

#include <stdio.h>

#include "lease/member.h"
#include "lease_fake.h"

static void
test_round_trip(void **state)
{
	struct ip_prefix addresses[] = {{ip_addr_v4(192, 0, 2, 7), 24}, {{0}, 0}};
	const struct member_interface interfaces[] = {
	    {"eth0", {{2, 0, 0, 0, 0, 1}}, true, addresses, 2},
	    {"we;rd=,\"name", {{2, 0, 0, 0, 0, 2}}, false, NULL, 0},
	    {"eth2", {{2, 0, 0, 0, 0, 3}}, true, addresses, 1},
	};
	const struct member_advertisement advs[] = {{"lan", 0}, {"with a space, and = more", 100}};
	const struct member_info info = {
	    .version = "0.1.0",
	    .hostname = "host-a",
	    .machine_id = "m",
	    .boot_id = "b",
	    .instance_id = "i",
	    .settings_hash = UINT64_C(0x00ab000000000001),
	    .drained = true,
	    .interfaces = interfaces,
	    .n_interfaces = 3,
	    .advertisements = advs,
	    .n_advertisements = 2,
	    .sessions_down = "b c",
	};
	struct lease *lease = lease_new("node-a");
	const struct member_info *back;

	(void)state;
	assert_int_equal(ip_prefix_parse("2001:db8::7/64", &addresses[1]), 0);
	member_info_write(&info, lease);
	assert_string_equal(lease_annotation(lease, "metallb.io/lan"),
	    "eth0 02:00:00:00:00:01 192.0.2.7/24 2001:db8::7/64\n"
	    "we;rd=,\"name 02:00:00:00:00:02\neth2 02:00:00:00:00:03 192.0.2.7/24");
	assert_string_equal(lease_annotation(lease, "metallb.io/interfaces"), "eth0 eth2");
	assert_string_equal(
	    lease_annotation(lease, "metallb.io/settings-hash"), "00ab000000000001");
	assert_null(lease_annotation(lease, "metallb.io/excluded"));
	back = member_info_read(lease->arena, lease);
	assert_int_equal(back->n_interfaces, 3);
	assert_string_equal(back->interfaces[1].name, "we;rd=,\"name");
	assert_false(back->interfaces[1].usable);
	assert_true(back->interfaces[2].usable);
	assert_int_equal(back->interfaces[0].n_addresses, 2);
	assert_true(ip_addr_eq(&back->interfaces[0].addresses[1].addr, &addresses[1].addr));
	assert_int_equal(back->n_advertisements, 2);
	assert_string_equal(back->advertisements[1].name, "with a space, and = more");
	assert_int_equal(back->advertisements[1].weight, 100);
	assert_true(back->settings_hash == info.settings_hash);
	assert_true(back->drained);
	assert_false(back->excluded);
	assert_string_equal(back->sessions_down, "b c");
	assert_string_equal(back->instance_id, "i");
	lease_free(lease);
}

static void
test_garbage(void **state)
{
	static const struct {
		const char *key, *value;
	} rows[] = {
	    {"metallb.io/lan", "eth0"},
	    {"metallb.io/lan", "eth0 not-a-mac 192.0.2.1/24"},
	    {"metallb.io/lan", "\n\n   \n"},
	    {"metallb.io/l2-advertisements", "101 lan"},
	    {"metallb.io/l2-advertisements", "lan"},
	    {"metallb.io/l2-advertisements", "-1 lan\n\n 5"},
	    {"metallb.io/settings-hash", "xyz"},
	    {"metallb.io/settings-hash", "00ab0000000000011"},
	    {"metallb.io/settings-hash", "-0ab000000000001"},
	    {"metallb.io/drained", "yes"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct lease *lease = lease_new("node-a");
		const struct member_info *info;

		lease_set_annotation(lease, rows[i].key, rows[i].value);
		info = member_info_read(lease->arena, lease);
		assert_row(i, rows[i].value, info->n_interfaces == 0);
		assert_row(i, rows[i].value, info->n_advertisements == 0);
		assert_row(i, rows[i].value, info->settings_hash == 0);
		assert_row(i, rows[i].value, !info->drained);
		assert_row(i, rows[i].value, str_eq(info->hostname, ""));
		lease_free(lease);
	}
}

/* What is too long is cut at a line, and what a member says is read up to the caps. */
static void
test_caps(void **state)
{
	struct member_advertisement advs[1000];
	char names[1000][16];
	struct member_info info = {.advertisements = advs, .n_advertisements = 1000};
	struct lease *lease = lease_new("node-a");
	const struct member_info *back;
	struct strbuf lan = {0};
	const char *value;
	size_t i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "advert-%04zu", i);
		advs[i] = (struct member_advertisement){names[i], 1};
	}
	member_info_write(&info, lease);
	value = lease_annotation(lease, "metallb.io/l2-advertisements");
	assert_in_range(strlen(value), LEASE_MAX_VALUE - 16, LEASE_MAX_VALUE);
	for (i = 0; i < 2 * MEMBER_MAX_INTERFACES; i++)
		strbuf_printf(&lan, "eth%zu 02:00:00:00:00:01\n", i);
	lease_set_annotation(lease, "metallb.io/lan", strbuf_text(&lan));
	strbuf_free(&lan);
	back = member_info_read(lease->arena, lease);
	assert_int_equal(back->n_advertisements, (strlen(value) + 1) / 14);
	assert_string_equal(back->advertisements[back->n_advertisements - 1].name,
	    names[back->n_advertisements - 1]);
	assert_int_equal(back->n_interfaces, MEMBER_MAX_INTERFACES);
	lease_free(lease);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_garbage),
	    cmocka_unit_test(test_caps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
