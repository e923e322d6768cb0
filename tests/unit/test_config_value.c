#include "test.h"

#include <errno.h>

#include "config/value.h"
#include "model/settings.h"
#include "util/mem.h"
#include "util/mono.h"
#include "util/str.h"

static void
parses_asn(void **state)
{
	static const struct {
		const char *text;
		int err;
		uint32_t asn;
	} rows[] = {
	    {"0", 0, 0},
	    {"64512", 0, 64512},
	    {"4294967295", 0, 4294967295},
	    {"4294967296", -ERANGE, 0},
	    {"1.10", 0, 65546},
	    {"0.1", 0, 1},
	    {"65535.65535", 0, 4294967295},
	    {"65536.0", -ERANGE, 0},
	    {"1.65536", -ERANGE, 0},
	    {"1.", -EINVAL, 0},
	    {".1", -EINVAL, 0},
	    {"1.2.3", -EINVAL, 0},
	    {"12345678.1", -EINVAL, 0},
	    {"-1", -EINVAL, 0},
	    {" 1", -EINVAL, 0},
	    {"AS1", -EINVAL, 0},
	    {"", -EINVAL, 0},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		uint32_t asn = 0;

		assert_row(i, rows[i].text, value_parse_asn(rows[i].text, &asn) == rows[i].err);
		assert_row(i, rows[i].text, asn == rows[i].asn);
	}
}

/* Against the table's own keys: the range of each and what is special. */
static void
parses_durations(void **state)
{
	static const struct {
		const char *section, *key, *text;
		int64_t usec; /* -1: refused */
	} rows[] = {
	    {"failover", "lease-duration", "15s", 15 * USEC_PER_SEC},
	    {"failover", "lease-duration", "3s", 3 * USEC_PER_SEC},
	    {"failover", "lease-duration", "2999ms", -1},
	    {"failover", "lease-duration", "3001ms", -1},
	    {"failover", "lease-duration", "3000ms", 3 * USEC_PER_SEC},
	    {"failover", "lease-duration", "60m", 3600 * USEC_PER_SEC},
	    {"failover", "lease-duration", "1h", 3600 * USEC_PER_SEC},
	    {"failover", "lease-duration", "61m", -1},
	    {"failover", "lease-duration", "0", -1},
	    {"failover", "lease-duration", "never", -1},
	    {"failover", "lease-duration", "15", -1},
	    {"failover", "lease-duration", "15 s", -1},
	    {"failover", "lease-duration", "1.5s", -1},
	    {"failover", "lease-duration", "-15s", -1},
	    {"failover", "lease-duration", "", -1},
	    {"failover", "lease-duration", "99999999999999999999s", -1},
	    {"failover", "hold-over", "0", 0},
	    {"failover", "rebalance", "never", INT64_MAX},
	    {"failover", "rebalance", "0s", -1},
	    {"health", "node-port-interval", "100ms", 100 * USEC_PER_MSEC},
	    {"health", "node-port-interval", "99ms", -1},
	};
	struct arena *arena = arena_new();
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct settings settings = {0};
		const struct config_key *group = config_key_find(&config_root, rows[i].section);
		const struct config_key *key = config_key_find(group->section, rows[i].key);
		void *object = config_member(group, &settings);
		const char *reason = value_set_text(arena, key, rows[i].text, object);
		int64_t usec;

		memcpy(&usec, config_member(key, object), sizeof(usec));
		assert_row(i, rows[i].text, (reason == NULL) == (rows[i].usec >= 0));
		if (!reason)
			assert_row(i, rows[i].text, usec == rows[i].usec);
	}
	arena_free(arena);
}

static void
parses_ranges(void **state)
{
	static const struct {
		const char *text, *canonical; /* NULL: refused */
	} rows[] = {
	    {"10.0.0.0/24", "10.0.0.0/24"},
	    {"10.0.0.77/24", "10.0.0.0/24"},
	    {" 10.0.0.0/24 ", "10.0.0.0/24"},
	    {"10.0.0.5", "10.0.0.5/32"},
	    {"10.0.0.5/32", "10.0.0.5/32"},
	    {"10.0.0.5-10.0.0.5", "10.0.0.5/32"},
	    {"10.0.0.5-10.0.0.6", "10.0.0.5-10.0.0.6"},
	    {"10.0.0.5 \t-  10.0.0.6", "10.0.0.5-10.0.0.6"},
	    {"10.0.0.0-10.0.0.255", "10.0.0.0-10.0.0.255"},
	    {"2001:DB8::/64", "2001:db8::/64"},
	    {"2001:db8::1", "2001:db8::1/128"},
	    {"2001:db8::1-2001:db8::ff", "2001:db8::1-2001:db8::ff"},
	    {"10.0.0.6-10.0.0.5", NULL},
	    {"10.0.0.5-2001:db8::1", NULL},
	    {"10.0.0.5-", NULL},
	    {"-", NULL},
	    {"", NULL},
	    {"10.0.0.0/0", NULL},
	    {"::/0", NULL},
	    {"10.0.0.0/33", NULL},
	    {"10.0.0.0/-1", NULL},
	    {"10.0.0.0/24/24", NULL},
	    {"1.2.3.400", NULL},
	    {"127.0.0.1", NULL},
	    {"126.0.0.0/7", NULL},
	    {"0.0.0.0/1", NULL},
	    {"255.255.255.255", NULL},
	    {"224.0.0.1", NULL},
	    {"fe80::/64", NULL},
	    {"::1", NULL},
	};
	struct arena *arena = arena_new();
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct settings_range range;
		const char *reason = value_parse_range(arena, rows[i].text, &range);

		assert_row(i, rows[i].text, (reason == NULL) == (rows[i].canonical != NULL));
		if (!reason)
			assert_string_equal(range.text, rows[i].canonical);
		else
			assert_row(i, rows[i].text, range.range.first.family == IP_FAMILY_NONE);
	}
	arena_free(arena);
}

static void
parses_communities(void **state)
{
	static const struct {
		const char *text, *canonical; /* NULL: refused */
		enum community_kind kind;
		uint32_t value[3];
	} rows[] = {
	    {"64512:100", "64512:100", COMMUNITY_STANDARD, {64512u << 16 | 100}},
	    {"0:0", "0:0", COMMUNITY_STANDARD, {0}},
	    {"65535:65535", "65535:65535", COMMUNITY_STANDARD, {0xffffffff}},
	    {"no-export", "no-export", COMMUNITY_STANDARD, {0xffffff01}},
	    {"65535:65281", "no-export", COMMUNITY_STANDARD, {0xffffff01}},
	    {"no-advertise", "no-advertise", COMMUNITY_STANDARD, {0xffffff02}},
	    {"local-as", "no-export-subconfed", COMMUNITY_STANDARD, {0xffffff03}},
	    {"graceful-shutdown", "graceful-shutdown", COMMUNITY_STANDARD, {0xffff0000}},
	    {"65535:0", "graceful-shutdown", COMMUNITY_STANDARD, {0xffff0000}},
	    {"blackhole", "blackhole", COMMUNITY_STANDARD, {0xffff029a}},
	    {"65535:666", "blackhole", COMMUNITY_STANDARD, {0xffff029a}},
	    {"large:1:2:3", "large:1:2:3", COMMUNITY_LARGE, {1, 2, 3}},
	    {"large:4294967295:0:0", "large:4294967295:0:0", COMMUNITY_LARGE, {4294967295, 0, 0}},
	    {"large:4294967296:0:0", NULL, 0, {0}},
	    {"larg:1:2:3", NULL, 0, {0}},
	    {"1:2:3", NULL, 0, {0}},
	    {"1:2:3:4:5", NULL, 0, {0}},
	    {"65536:1", NULL, 0, {0}},
	    {"1:65536", NULL, 0, {0}},
	    {":1", NULL, 0, {0}},
	    {"1:", NULL, 0, {0}},
	    {"-1:1", NULL, 0, {0}},
	    {"1", NULL, 0, {0}},
	    {"", NULL, 0, {0}},
	};
	struct arena *arena = arena_new();
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct community community;
		const char *reason = value_parse_community(arena, rows[i].text, &community);

		assert_row(i, rows[i].text, (reason == NULL) == (rows[i].canonical != NULL));
		if (reason)
			continue;
		assert_string_equal(community.text, rows[i].canonical);
		assert_row(i, rows[i].text, community.kind == rows[i].kind);
		assert_memory_equal(community.value, rows[i].value, sizeof(community.value));
	}
	arena_free(arena);
}

static void
checks_forms(void **state)
{
	static const struct {
		enum config_form form;
		const char *text;
		bool good;
	} rows[] = {
	    {FORM_NODE, "n1", true},
	    {FORM_NODE, "n1.example.com", true},
	    {FORM_NODE, "1", true},
	    {FORM_NODE, "n1.", false},
	    {FORM_NODE, ".n1", false},
	    {FORM_NODE, "n..1", false},
	    {FORM_NODE, "n-.x", false},
	    {FORM_NODE, "n.-x", false},
	    {FORM_NODE, "N1", false},
	    {FORM_NODE, "n_1", false},
	    {FORM_NAMESPACE, "metallbd-system", true},
	    {FORM_NAMESPACE, "a.b", false},
	    {FORM_NAMESPACE, "-a", false},
	    {FORM_NAMESPACE, "a-", false},
	    {FORM_NAMESPACE, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		true},
	    {FORM_NAMESPACE, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		false},
	    {FORM_NAMESPACE_GLOB, "prod-*", true},
	    {FORM_NAMESPACE_GLOB, "prod-[!a-c]?", true},
	    {FORM_NAMESPACE_GLOB, "prod-[ab", false},
	    {FORM_NAMESPACE_GLOB, "prod/x", false},
	    {FORM_NAME, "a_b.c-D9", true},
	    {FORM_NAME, "_a", false},
	    {FORM_NAME, "a b", false},
	    {FORM_NAME, "a*", false},
	    {FORM_NAME_GLOB, "a*", true},
	    {FORM_INTERFACE, "eth0.100", true},
	    {FORM_INTERFACE, "interface-of-15c", false},
	    {FORM_INTERFACE, "eth0:1", false},
	    {FORM_INTERFACE, ".", false},
	    {FORM_CLASS, "internal", true},
	    {FORM_CLASS, "example.com/internal", true},
	    {FORM_CLASS, "Example.com/internal", false},
	    {FORM_CLASS, "a/b/c", false},
	    {FORM_PATH, "/a", true},
	    {FORM_PATH, "a", false},
	    {FORM_SERVER, "https://a", true},
	    {FORM_SERVER, "https://a:65535", true},
	    {FORM_SERVER, "https://[::1]:1", true},
	    {FORM_SERVER, "https://[::1", false},
	    {FORM_SERVER, "https://a:", false},
	    {FORM_SERVER, "https://a:65536", false},
	    {FORM_SERVER, "https://a/", false},
	    {FORM_SERVER, "https://u@a", false},
	    {FORM_HOST, "a.example", true},
	    {FORM_HOST, "10.0.0.1", true},
	    {FORM_HOST, "10.0.0.256", false},
	    {FORM_HOST, "::1", true},
	    {FORM_ANY, "", false},
	};
	struct arena *arena = arena_new();
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		assert_row(i, rows[i].text,
		    !value_check_form(arena, rows[i].form, rows[i].text) == rows[i].good);
	arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parses_asn),
	    cmocka_unit_test(parses_durations),
	    cmocka_unit_test(parses_ranges),
	    cmocka_unit_test(parses_communities),
	    cmocka_unit_test(checks_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
