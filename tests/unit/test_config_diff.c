#include "test.h"

#include <inttypes.h>
#include <stdlib.h>

#include "config/config.h"
#include "model/settings.h"
#include "util/mem.h"
#include "util/str.h"

static struct settings *
parse(const char *text)
{
	const struct config_environment environment = {.hostname = "n1"};
	struct config_report report = {0};
	struct settings *settings = NULL;
	struct strbuf line = {0};

	if (config_load_text("t", text, strlen(text), &environment, &settings, &report)) {
		config_message_format(&report.messages[0], &line);
		fail_msg("%s", strbuf_text(&line));
	}
	strbuf_free(&line);
	config_report_fini(&report);
	return settings;
}

static void
diff_text(const struct settings *old, const struct settings *new, struct strbuf *out)
{
	struct config_diff diff;
	size_t i, j;

	config_diff(old, new, &diff);
	for (i = 0; i < diff.n_changes; i++) {
		const struct config_change *change = &diff.changes[i];

		strbuf_printf(out, "%s%s %s %s", i ? "; " : "",
		    config_change_kind_str(change->kind), change->key,
		    config_effect_str(change->effect));
		for (j = 0; j < change->n_fields; j++)
			strbuf_printf(out, " %s", change->fields[j]);
	}
	config_diff_fini(&diff);
}

#define POOL_A "{ name = \"a\"; addresses = [\"10.0.0.0/24\"]; }"
#define POOL_B "{ name = \"b\"; addresses = [\"10.0.1.0/24\"]; }"
#define POOLS(x) "address-pools: (" x ");"
#define L2(x) "l2-advertisements: (" x ");"
#define PEER(extra) "{ name = \"r\"; peer-address = \"192.168.0.1\"; peer-asn = 2; " extra " }"
#define BGP(x) "bgp: { my-asn = 1; " x " };"

static const struct {
	const char *old, *new, *expected;
} diff_rows[] = {
    {"", "", ""},
    {POOLS(POOL_A), POOLS("# comment\n" POOL_A), ""},
    {POOLS("{ name = \"a\"; addresses = [\"10.0.0.0/24\"]; priority = 0; }"),
	POOLS("{ addresses = [\"10.0.0.9/24\"]; name = \"a\"; }"), ""},
    {"", "failover: { lease-duration = \"15000ms\"; };", ""},
    {"", "failover: { lease-duration = \"20s\"; };", "changed failover.lease-duration live"},
    {"", "node: { name = \"x\"; labels = [\"a=b\"]; };",
	"changed node.name restart; changed node.labels live"},
    {"", "kubernetes: { context = \"c\"; };", "changed kubernetes.context reset"},
    {"", "metrics: { port = 0; }; log: { level = \"debug\"; };",
	"changed log.level live; changed metrics.port live"},
    {"", POOLS(POOL_A), "added address-pools[a] live"},
    {POOLS(POOL_A), "", "removed address-pools[a] live"},
    {POOLS(POOL_A "," POOL_B), POOLS(POOL_B), "removed address-pools[a] live"},
    {POOLS(POOL_A "," POOL_B), POOLS(POOL_B "," POOL_A), "changed address-pools live order"},
    {POOLS(POOL_A), POOLS("{ name = \"b\"; addresses = [\"10.0.0.0/24\"]; }"),
	"added address-pools[b] live; removed address-pools[a] live"},
    {POOLS(POOL_A), POOLS("{ name = \"a\"; addresses = [\"10.0.0.0/25\"]; auto-assign = false; }"),
	"changed address-pools[a] live addresses auto-assign"},
    {L2("{ }"), L2("{ interfaces = [\"x\"]; }, { }"), "added l2-advertisements[#0] live"},
    {L2("{ }, { interfaces = [\"x\"]; }"), L2("{ interfaces = [\"x\"]; }, { }"), ""},
    {L2("{ interfaces = [\"x\"]; }"), L2("{ interfaces = [\"y\"]; }"),
	"changed l2-advertisements[#0] live interfaces"},
    {L2("{ interfaces = [\"x\"]; }"), "", "removed l2-advertisements[#0] live"},
    {L2("{ name = \"n\"; }"),
	L2("{ name = \"n\"; preferred-nodes = ( { weight = 1; selector = \"a\"; } ); }"),
	"changed l2-advertisements[n] live preferred-nodes"},
    {BGP("peers: (" PEER("") ");"), BGP("peers: (" PEER("hold-time = \"9s\";") ");"),
	"changed bgp.peers[r] reset hold-time keepalive-time"},
    {BGP("peers: (" PEER("") ");"), BGP("peers: (" PEER("max-prefixes = 5;") ");"),
	"changed bgp.peers[r] live max-prefixes"},
    {BGP("peers: (" PEER("password = \"a\";") ");"), BGP("peers: (" PEER("password = \"b\";") ");"),
	"changed bgp.peers[r] reset password"},
    {BGP("peers: (" PEER("") ");"), "bgp: { my-asn = 3; peers: (" PEER("") "); };",
	"changed bgp.my-asn reset; changed bgp.peers[r] reset my-asn"},
    {"bfd-profiles: ( { name = \"p\"; } );",
	"bfd-profiles: ( { name = \"p\"; passive-mode = true; } );",
	"changed bfd-profiles[p] reset passive-mode"},
};

static void
diffs(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(diff_rows); i++) {
		struct settings *old = parse(diff_rows[i].old), *new = parse(diff_rows[i].new);
		struct strbuf text = {0}, same = {0};

		diff_text(old, new, &text);
		if (strcmp(strbuf_text(&text), diff_rows[i].expected) != 0)
			fail_msg("row %zu: \"%s\", not \"%s\"", i, strbuf_text(&text),
			    diff_rows[i].expected);
		diff_text(new, new, &same);
		assert_string_equal(strbuf_text(&same), "");
		strbuf_free(&text);
		strbuf_free(&same);
		settings_free(old);
		settings_free(new);
	}
}

static void
touches_by_prefix(void **state)
{
	struct settings *old = parse(""), *new = parse("kubernetes: { context = \"c\"; };");
	struct config_diff diff;

	(void)state;
	config_diff(old, new, &diff);
	assert_true(config_diff_touches(&diff, "kubernetes."));
	assert_false(config_diff_touches(&diff, "node."));
	config_diff_fini(&diff);
	settings_free(old);
	settings_free(new);
}

static void
keeps_restart_values(void **state)
{
	struct settings *old = parse("node: { name = \"old\"; };");
	struct settings *new = parse("node: { name = \"new\"; read-labels = false; };"
				     "kubernetes: { namespace = \"x\"; context = \"c\"; };");

	(void)state;
	config_keep_restart_values(old, new);
	settings_free(old);
	assert_string_equal(new->node.name, "old");
	assert_string_equal(new->kubernetes.namespace, "metallbd-system");
	assert_string_equal(new->kubernetes.context, "c");
	assert_false(new->node.read_labels);
	settings_free(new);
}

/* Pairs: must the hashes be equal? */
static const struct {
	const char *a, *b;
	bool equal;
} hash_rows[] = {
    {"", "# comment\n", true},
    {"", "node: { name = \"x\"; labels = [\"a=b\"]; };", true},
    {"", "kubernetes: { context = \"c\"; };", true},
    {"", "log: { level = \"debug\"; }; metrics: { port = 0; };", true},
    {"", "health: { kube-proxy = \"ignore\"; };", true},
    {"", "failover: { hold-over = \"300s\"; };", true},
    {"", "failover: { hold-over = \"301s\"; };", false},
    {"", POOLS(POOL_A), false},
    {POOLS(POOL_A), POOLS("{ addresses = [\"10.0.0.7/24\"]; auto-assign = true; name = \"a\"; }"),
	true},
    {POOLS(POOL_A "," POOL_B), POOLS(POOL_B "," POOL_A), false},
    {POOLS(POOL_A), POOLS("{ name = \"a\"; addresses = [\"10.0.0.0/25\", \"10.0.0.128/25\"]; }"),
	false},
    {POOLS(
	 "{ name = \"a\"; addresses = [\"10.0.0.0/24\"]; exclude = [\"10.0.0.1\", \"10.0.0.2\"]; }"),
	POOLS(
	    "{ name = \"a\"; addresses = [\"10.0.0.0/24\"]; exclude = [\"10.0.0.2\", \"10.0.0.1\"]; }"),
	true},
    {POOLS("{ name = \"a\"; addresses = [\"10.0.0.0/24\"]; namespaces = [\"x\", \"y\"]; }"),
	POOLS("{ name = \"a\"; addresses = [\"10.0.0.0/24\"]; namespaces = [\"y\", \"x\"]; }"),
	true},
    {POOLS(
	 "{ name = \"a\"; addresses = [\"10.0.0.0/24\"]; service-selectors = [\"x,y\", \"z\"]; }"),
	POOLS(
	    "{ name = \"a\"; addresses = [\"10.0.0.0/24\"]; service-selectors = [\"z\", \"y, x\"]; }"),
	true},
    {L2("{ }, { interfaces = [\"x\"]; }"), L2("{ interfaces = [\"x\"]; }, { }"), true},
    {L2("{ interfaces = [\"a\", \"b\"]; }"), L2("{ interfaces = [\"b\", \"a\"]; }"), true},
    {L2("{ }"), "", false},
    {L2("{ preferred-nodes = ( { weight = 1; selector = \"a\"; } ); }"),
	L2("{ preferred-nodes = ( { weight = 2; selector = \"a\"; } ); }"), false},
    {BGP("peers: (" PEER("password = \"a\";") ");"), BGP("peers: (" PEER("password = \"b\";") ");"),
	true},
    {BGP(""), BGP("peers: (" PEER("") ");"), true},
    {BGP("peers: (" PEER("") "); advertisements: ( { communities = [\"1:2\", \"no-export\"]; } );"),
	BGP("peers: (" PEER(
	    "") "); advertisements: ( { communities = [\"no-export\", \"1:2\"]; } );"),
	true},
    {BGP("communities: ( { name = \"a\"; value = \"1:2\"; } );"),
	BGP("communities: ( { name = \"a\"; value = \"1:3\"; } );"), false},
};

static void
hashes(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(hash_rows); i++) {
		struct settings *a = parse(hash_rows[i].a), *b = parse(hash_rows[i].b);

		assert_row(
		    i, hash_rows[i].a, (a->shared_hash == b->shared_hash) == hash_rows[i].equal);
		settings_free(a);
		settings_free(b);
	}
}

/* Daemons of different versions compare these: a change needs a reason, and a note in NEWS. */
static void
hash_is_pinned(void **state)
{
	struct settings *empty = parse("");
	struct settings *some = parse(POOLS(POOL_A "," POOL_B)
		L2("{ interfaces = [\"eth*\"]; }") "failover: { lease-duration = \"20s\"; };");

	(void)state;
	print_message("# %016" PRIx64 " %016" PRIx64 "\n", empty->shared_hash, some->shared_hash);
	assert_true(empty->shared_hash == UINT64_C(0xc03f1d2a5306b0c9));
	assert_true(some->shared_hash == UINT64_C(0x9b192e10169f431f));
	settings_free(empty);
	settings_free(some);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(diffs),
	    cmocka_unit_test(touches_by_prefix),
	    cmocka_unit_test(keeps_restart_values),
	    cmocka_unit_test(hashes),
	    cmocka_unit_test(hash_is_pinned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
