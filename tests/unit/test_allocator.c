#include "ipam/allocator.h"

#include <stdlib.h>

#include "ipam_help.h"
#include "test.h"
#include "util/prng.h"
#include "util/str.h"

static const struct help_pool pools[] = {
    {.name = "test", .addresses = "1.2.3.4/31 1000::4/127"},
    {.name = "test2", .addresses = "1.2.4.0/24 1000::4:0/120", .avoid_buggy = true},
    {.name = "test3", .addresses = "1.2.5.0/24", .namespaces = "test-ns1"},
    {.name = "test4", .addresses = "1.2.6.0/24", .service_selectors = "team=metallb"},
    {.name = "test5",
	.addresses = "1.2.7.0/24",
	.namespaces = "test-ns1",
	.service_selectors = "team=metallb",
	.priority = 20},
    {.name = "test6",
	.addresses = "1.2.8.0/24",
	.namespaces = "test-ns2",
	.service_selectors = "foo=bar"},
    {.name = "v4only", .addresses = "1.2.9.0/24"},
    {.name = "v6only", .addresses = "1000::9:0/120"},
};

#define OK REFUSAL_NONE

/* One step of a sequence: Service `who` is given v4 and v6 (NULL: frees what it has). */
struct step {
	const char *what;
	unsigned who;
	const char *v4, *v6;
	struct help_service service;
	enum refusal_cause cause;
};

#define SHARE(key_, backend_, ports_)                                                     \
	{                                                                                 \
		.share = (key_), .local = true, .selector = (backend_), .ports = (ports_) \
	}

static const struct step steps_v4[] = {
    {"A1", 1, "1.2.3.4", NULL, {0}, OK},
    {"A1 again", 1, "1.2.3.4", NULL, {0}, OK},
    {"A2", 2, "1.2.3.4", NULL, {0}, REFUSAL_IN_USE},
    {"A2 other", 2, "1.2.3.5", NULL, {0}, OK},
    {"A2 s1 moves", 1, "1.2.3.5", NULL, {0}, REFUSAL_IN_USE},
    {"A3 free", 1, NULL, NULL, {0}, OK},
    {"A3 s2 moves", 2, "1.2.3.4", NULL, {0}, OK},
    {"A3 s1", 1, "1.2.3.5", NULL, {0}, OK},
    {"A4 .0", 3, "1.2.4.0", NULL, {0}, REFUSAL_BUGGY},
    {"A4 .255", 3, "1.2.4.255", NULL, {0}, REFUSAL_BUGGY},
    {"A4 .254", 3, "1.2.4.254", NULL, {0}, OK},
    {"A5", 4, "1.2.4.3", NULL, SHARE("sharing", "backend", "tcp/80"), OK},
    {"A5 re-keys alone", 4, "1.2.4.3", NULL, SHARE("share", "backend", "tcp/80"), OK},
    {"A6", 3, "1.2.4.3", NULL, SHARE("share", "backend", "tcp/80"), REFUSAL_PORT},
    {"A7 key", 3, "1.2.4.3", NULL, SHARE("othershare", "backend", "tcp/443"), REFUSAL_KEY},
    {"A7 backend", 3, "1.2.4.3", NULL, SHARE("share", "otherbackend", "tcp/443"), REFUSAL_BACKEND},
    {"A8", 3, "1.2.4.3", NULL, SHARE("share", "backend", "tcp/443"), OK},
    {"A9 ports", 3, "1.2.4.3", NULL, SHARE("share", "backend", "udp/53"), OK},
    {"A9 key", 3, "1.2.4.3", NULL, SHARE("othershare", "backend", "udp/53"), REFUSAL_KEY},
    {"A9 backend", 3, "1.2.4.3", NULL, SHARE("share", "otherbackend", "udp/53"), REFUSAL_BACKEND},
    {"A10", 4, "1.2.4.254", NULL, {0}, OK},
    {"A12 free", 2, NULL, NULL, {0}, OK},
    {"A12 both", 1, "1.2.3.4", "1000::4", {0}, OK},
    {"A12 two pools", 1, "1.2.4.5", "1000::4", {0}, REFUSAL_TWO_POOLS},
    {"two pools of one family each", 2, "1.2.9.5", "1000::9:5", {0}, OK},
    {"A13", 2, "1.2.5.10", NULL, {.namespace = "test-ns1"}, OK},
    {"A13 other", 2, "1.2.5.11", NULL, {.namespace = "test-ns2"}, REFUSAL_OTHER_NAMESPACE},
    {"A14", 2, "1.2.6.10", NULL, {.labels = "team=metallb"}, OK},
    {"A14 other", 2, "1.2.6.11", NULL, {.labels = "team=red"}, REFUSAL_OTHER_LABELS},
    {"A15", 2, "1.2.7.10", NULL, {.namespace = "test-ns1", .labels = "team=metallb"}, OK},
    {"A15 ns2", 2, "1.2.8.10", NULL, {.namespace = "test-ns2", .labels = "team=metallb"},
	REFUSAL_OTHER_LABELS},
    {"A15 other ns", 2, "1.2.8.10", NULL, {.namespace = "test-ns3", .labels = "foo=bar"},
	REFUSAL_OTHER_NAMESPACE},
    {"no pool", 2, "9.9.9.9", NULL, {0}, REFUSAL_NOT_IN_POOLS},
};

/* A11: the same with IPv6, where nothing is buggy. */
static const struct step steps_v6[] = {
    {"A1", 1, NULL, "1000::4", {0}, OK},
    {"A2", 2, NULL, "1000::4", {0}, REFUSAL_IN_USE},
    {"A2 other", 2, NULL, "1000::5", {0}, OK},
    {"A2 s1 moves", 1, NULL, "1000::5", {0}, REFUSAL_IN_USE},
    {"A3 free", 1, NULL, NULL, {0}, OK},
    {"A3 s2 moves", 2, NULL, "1000::4", {0}, OK},
    {"A3 s1", 1, NULL, "1000::5", {0}, OK},
    {"A4 ::0", 3, NULL, "1000::4:0", {0}, OK},
    {"A4 ::ff", 3, NULL, "1000::4:ff", {0}, OK},
    {"A5", 4, NULL, "1000::4:3", SHARE("sharing", "backend", "tcp/80"), OK},
    {"A5 re-keys alone", 4, NULL, "1000::4:3", SHARE("share", "backend", "tcp/80"), OK},
    {"A6", 3, NULL, "1000::4:3", SHARE("share", "backend", "tcp/80"), REFUSAL_PORT},
    {"A7 key", 3, NULL, "1000::4:3", SHARE("othershare", "backend", "tcp/443"), REFUSAL_KEY},
    {"A7 backend", 3, NULL, "1000::4:3", SHARE("share", "otherbackend", "tcp/443"),
	REFUSAL_BACKEND},
    {"A8", 3, NULL, "1000::4:3", SHARE("share", "backend", "tcp/443"), OK},
    {"A9 ports", 3, NULL, "1000::4:3", SHARE("share", "backend", "udp/53"), OK},
    {"A9 key", 3, NULL, "1000::4:3", SHARE("othershare", "backend", "udp/53"), REFUSAL_KEY},
    {"A9 backend", 3, NULL, "1000::4:3", SHARE("share", "otherbackend", "udp/53"), REFUSAL_BACKEND},
    {"A10", 4, NULL, "1000::4:ff", {0}, OK},
};

struct actor {
	char key[16];
	struct holder holder;
};

static void
let_go(struct allocator *allocator, struct actor *actor)
{
	allocator_release(allocator, &actor->holder, 0);
	allocator_release(allocator, &actor->holder, 1);
	allocator_set_sharing(allocator, &actor->holder, NULL);
}

static void
assert_holds(size_t i, const char *what, const struct holder *holder, const struct ip_addr *wanted)
{
	size_t family;

	for (family = 0; family < REQUEST_FAMILIES; family++) {
		const struct ip_addr *held = holder_addr(holder, family);

		if (wanted[family].family == IP_FAMILY_NONE)
			assert_row(i, what, !held);
		else
			assert_row(i, what, held && ip_addr_eq(held, &wanted[family]));
	}
}

/* A random address of the pools. */
static struct ip_addr
any_addr(struct prng *prng)
{
	char text[32];

	if (prng_below(prng, 2))
		(void)snprintf(text, sizeof(text), "1.2.%u.%u", 3 + (unsigned)prng_below(prng, 7),
		    3 + (unsigned)prng_below(prng, 8));
	else
		(void)snprintf(text, sizeof(text), "1000::4:%x", (unsigned)prng_below(prng, 8));
	return help_addr(text);
}

/* The actors took and left addresses before, alone and shared, and pools were reloaded. */
static void
live_through_a_past(struct allocator *allocator, const struct settings *settings,
    struct actor *actors, size_t n, uint64_t seed)
{
	static const char *const shares[] = {NULL, "share", "othershare"};
	static const char *const ports[] = {"tcp/80", "tcp/443", "udp/53"};
	struct pool_namespace namespace = {NAMESPACE_ABSENT, NULL};
	struct prng prng;
	size_t i;

	prng_init(&prng, seed);
	for (i = 0; i < 100; i++) {
		struct ip_addr addr = any_addr(&prng), addrs[REQUEST_FAMILIES] = {0};
		struct service *service = help_service(
		    &(struct help_service){.share = shares[prng_below(&prng, ARRAY_SIZE(shares))],
			.ports = ports[prng_below(&prng, ARRAY_SIZE(ports))],
			.namespace = prng_below(&prng, 2) ? "test-ns1" : "test-ns2",
			.labels = prng_below(&prng, 2) ? "team=metallb" : "foo=bar",
			.local = prng_below(&prng, 2)});
		struct refusal refusal;

		addrs[family_index((enum ip_family)addr.family)] = addr;
		(void)allocator_assign(allocator, &actors[prng_below(&prng, n)].holder, service,
		    &namespace, addrs, NULL, &refusal);
		if (prng_below(&prng, 4) == 0)
			let_go(allocator, &actors[prng_below(&prng, n)]);
		if (prng_below(&prng, 10) == 0)
			allocator_set_pools(allocator, settings);
		service_free(service);
	}
	for (i = 0; i < n; i++)
		let_go(allocator, &actors[i]);
}

/* seed 0: without a past. */
static void
run_steps(const struct step *steps, size_t n, uint64_t seed)
{
	struct settings *settings = help_settings(pools, ARRAY_SIZE(pools));
	struct pool_namespace namespace = {NAMESPACE_ABSENT, NULL};
	struct ip_addr held[5][REQUEST_FAMILIES] = {0};
	struct actor actors[5];
	struct allocator allocator;
	size_t i;

	allocator_init(&allocator);
	allocator_set_pools(&allocator, settings);
	for (i = 0; i < ARRAY_SIZE(actors); i++) {
		(void)snprintf(actors[i].key, sizeof(actors[i].key), "default/s%zu", i);
		holder_init(&actors[i].holder, actors[i].key);
	}
	if (seed)
		live_through_a_past(&allocator, settings, actors, ARRAY_SIZE(actors), seed);
	for (i = 0; i < n; i++) {
		const struct step *step = &steps[i];
		struct actor *actor = &actors[step->who];
		struct service *service = help_service(&step->service);
		struct ip_addr addrs[REQUEST_FAMILIES] = {0};
		struct refusal refusal = {0};
		int r;

		if (step->v4)
			addrs[0] = help_addr(step->v4);
		if (step->v6)
			addrs[1] = help_addr(step->v6);
		if (!step->v4 && !step->v6) {
			let_go(&allocator, actor);
			r = 0;
		} else {
			r = allocator_assign(
			    &allocator, &actor->holder, service, &namespace, addrs, NULL, &refusal);
		}
		assert_row(i, step->what, (r != 0) == (step->cause != OK));
		assert_row(i, step->what, refusal.cause == step->cause);
		if (!r)
			memcpy(held[step->who], addrs, sizeof(addrs));
		/* A refusal left the old ones. */
		assert_holds(i, step->what, &actor->holder, held[step->who]);
		service_free(service);
	}
	for (i = 0; i < ARRAY_SIZE(actors); i++)
		let_go(&allocator, &actors[i]);
	allocator_fini(&allocator);
	settings_free(settings);
}

static void
test_assign_v4(void **state)
{
	(void)state;
	run_steps(steps_v4, ARRAY_SIZE(steps_v4), 0);
}

static void
test_assign_v6(void **state)
{
	(void)state;
	run_steps(steps_v6, ARRAY_SIZE(steps_v6), 0);
}

static void
test_assign_after_a_past(void **state)
{
	const char *text = getenv("IPAM_SEED");
	uint64_t first = text ? strtoull(text, NULL, 10) : 1, seed;

	(void)state;
	print_message("# with random pasts, seeds %llu..%llu\n", (unsigned long long)first,
	    (unsigned long long)first + 99);
	for (seed = first; seed < first + 100; seed++) {
		run_steps(steps_v4, ARRAY_SIZE(steps_v4), seed);
		run_steps(steps_v6, ARRAY_SIZE(steps_v6), seed);
	}
}

static void
test_right_to_share(void **state)
{
	static const struct {
		const char *name;
		struct help_service a, b;
		enum sharing_conflict conflict;
	} rows[] = {
	    {"no keys", {.ports = "tcp/80"}, {.ports = "tcp/81"}, SHARING_NO_KEY},
	    {"one key", {.share = "k", .ports = "tcp/80"}, {.ports = "tcp/81"}, SHARING_NO_KEY},
	    {"empty keys", {.share = "", .ports = "tcp/80"}, {.share = "", .ports = "tcp/81"},
		SHARING_NO_KEY},
	    {"keys differ", {.share = "k", .ports = "tcp/80"}, {.share = "K", .ports = "tcp/81"},
		SHARING_OTHER_KEY},
	    {"cluster, other pods", {.share = "k", .ports = "tcp/80", .selector = "a=1"},
		{.share = "k", .ports = "tcp/81", .selector = "a=2"}, SHARING_ALLOWED},
	    {"other namespaces", {.share = "k", .ports = "tcp/80", .namespace = "x"},
		{.share = "k", .ports = "tcp/81", .namespace = "y"}, SHARING_ALLOWED},
	    {"local, one selector", {.share = "k", .ports = "tcp/80", .local = true},
		{.share = "k", .ports = "tcp/81", .local = true}, SHARING_ALLOWED},
	    {"local, two selectors",
		{.share = "k", .ports = "tcp/80", .local = true, .selector = "a=1"},
		{.share = "k", .ports = "tcp/81", .local = true, .selector = "a=2"},
		SHARING_OTHER_BACKEND},
	    {"local and cluster", {.share = "k", .ports = "tcp/80", .local = true},
		{.share = "k", .ports = "tcp/81"}, SHARING_OTHER_BACKEND},
	    /* Not as in MetalLB, where the empty selector makes Local look like Cluster. */
	    {"local without selector and cluster",
		{.share = "k", .ports = "tcp/80", .local = true, .selector = ""},
		{.share = "k", .ports = "tcp/81"}, SHARING_OTHER_BACKEND},
	    {"one port", {.share = "k", .ports = "udp/9 tcp/80 tcp/443"},
		{.share = "k", .ports = "tcp/8080 tcp/443 sctp/9"}, SHARING_PORT},
	    {"one number, two protocols", {.share = "k", .ports = "udp/53"},
		{.share = "k", .ports = "tcp/53"}, SHARING_ALLOWED},
	    {"no ports at all", {.share = "k", .ports = ""}, {.share = "k", .ports = ""},
		SHARING_ALLOWED},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct service *sa = help_service(&rows[i].a), *sb = help_service(&rows[i].b);
		struct sharing *a = sharing_new(sa), *b = sharing_new(sb);
		struct service_port port = {0};

		assert_row(i, rows[i].name, sharing_check(a, b, &port) == rows[i].conflict);
		assert_row(i, rows[i].name, sharing_check(b, a, &port) == rows[i].conflict);
		if (rows[i].conflict == SHARING_PORT)
			assert_row(
			    i, rows[i].name, port.port == 443 && port.protocol == PROTOCOL_TCP);
		assert_row(i, rows[i].name, sharing_eq(a, a) && !sharing_eq(a, b) == (i < 12));
		sharing_free(a);
		sharing_free(b);
		service_free(sa);
		service_free(sb);
	}
}

static void
test_forbidden(void **state)
{
	struct settings *settings = help_settings(pools, ARRAY_SIZE(pools));
	struct service *service = help_service(&(struct help_service){0});
	struct pool_namespace namespace = {NAMESPACE_ABSENT, NULL};
	struct ip_addr addrs[REQUEST_FAMILIES] = {help_addr("1.2.3.4")}, lowest;
	struct refusal refusal = {0};
	struct allocator allocator;
	struct holder holder;

	(void)state;
	allocator_init(&allocator);
	allocator_set_pools(&allocator, settings);
	holder_init(&holder, "default/x");
	allocator_forbid(&allocator, &addrs[0], true);
	assert_int_not_equal(
	    allocator_assign(&allocator, &holder, service, &namespace, addrs, NULL, &refusal), 0);
	assert_int_equal(refusal.cause, REFUSAL_FORBIDDEN);
	assert_true(pool_lowest_free(allocator_pool(&allocator, "test"), IP_FAMILY_V4, &lowest));
	assert_int_equal(lowest.bytes[3], 5);
	allocator_forbid(&allocator, &addrs[0], false);
	assert_int_equal(
	    allocator_assign(&allocator, &holder, service, &namespace, addrs, NULL, &refusal), 0);
	/* Forbidden while held: stays, and is not free afterwards. */
	allocator_forbid(&allocator, &addrs[0], true);
	assert_non_null(holder_addr(&holder, 0));
	allocator_release(&allocator, &holder, 0);
	assert_true(pool_lowest_free(allocator_pool(&allocator, "test"), IP_FAMILY_V4, &lowest));
	assert_int_equal(lowest.bytes[3], 5);
	allocator_set_sharing(&allocator, &holder, NULL);
	allocator_fini(&allocator);
	service_free(service);
	settings_free(settings);
}

static void
test_refusals_have_words(void **state)
{
	int cause;

	(void)state;
	for (cause = 0; cause < REFUSAL_CAUSE_COUNT; cause++) {
		struct refusal refusal = {.cause = (enum refusal_cause)cause,
		    .addr = help_addr("1.2.3.4"),
		    .pool = "p\n\"q",
		    .other = "default/web"};
		struct strbuf sb = {0};

		refusal_format(&refusal, &sb);
		assert_non_null(strstr(strbuf_text(&sb), "1.2.3.4"));
		assert_null(strpbrk(strbuf_text(&sb), "\n\t"));
		strbuf_free(&sb);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_assign_v4),
	    cmocka_unit_test(test_assign_v6),
	    cmocka_unit_test(test_assign_after_a_past),
	    cmocka_unit_test(test_right_to_share),
	    cmocka_unit_test(test_forbidden),
	    cmocka_unit_test(test_refusals_have_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
