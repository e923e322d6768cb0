/* What a node announces by BGP, to whom, and why not: METALLB.md's cases of advertisements (4.7,
 * 4.8), and union, conflicts and weights. */
#include "test.h"

#include <stdlib.h>

#include "announce/plan.h"
#include "announce/routes.h"
#include "util/mem.h"
#include "util/str.h"

#define MAX_ADS 3
#define MAX_SERVICES 3

struct ad {
	const char *pool, *peers, *node, *service; /* NULL: absent */
	uint8_t len4, len6;                        /* 0: 32, 128 */
	uint32_t localpref, med;
	uint8_t prepend;
	const char *communities; /* "0:1234,large:1:2:3", sorted */
	bool weight;
};

struct svc {
	const char *key, *labels, *ingress, *ingress2;
	bool local;
	int endpoints; /* of Local: on this node; -1: not known yet */
};

static struct string_list
make_list(struct arena *arena, const char *text)
{
	struct string_list list = {arena_alloc(arena, 8, sizeof(char *)), 0};

	while (text && *text) {
		size_t len = strcspn(text, ",");

		list.items[list.count++] = arena_strndup(arena, text, len);
		text += len + (text[len] == ',');
	}
	return list;
}

static struct selector_list
make_selectors(struct arena *arena, const char *text)
{
	struct selector_list list = {arena_alloc(arena, 1, sizeof(struct selector *)), 0};
	char *reason;

	if (text && !selector_parse(arena, text, &list.items[0], &reason))
		list.count = 1;
	return list;
}

static struct labels
make_labels(struct arena *arena, const char *text)
{
	struct string_list list = make_list(arena, text);
	struct label *items = arena_alloc(arena, 8, sizeof(*items));
	size_t i;

	for (i = 0; i < list.count; i++) {
		size_t len = strcspn(list.items[i], "=");

		items[i].key = arena_strndup(arena, list.items[i], len);
		items[i].value = list.items[i] + len + (list.items[i][len] == '=');
	}
	return (struct labels){items, labels_sort(items, list.count)};
}

static void
make_communities(struct arena *arena, struct settings_bgp_advertisement *ad, const char *text)
{
	struct string_list list = make_list(arena, text);
	struct community *out = arena_alloc(arena, 8, sizeof(*out));
	size_t i;

	for (i = 0; i < list.count; i++) {
		unsigned a, b, c;

		out[i].text = list.items[i];
		if (sscanf(list.items[i], "large:%u:%u:%u", &a, &b, &c) == 3) {
			out[i].kind = COMMUNITY_LARGE;
			out[i].value[0] = a;
			out[i].value[1] = b;
			out[i].value[2] = c;
		} else {
			assert_int_equal(sscanf(list.items[i], "%u:%u", &a, &b), 2);
			out[i].value[0] = a << 16 | b;
		}
	}
	ad->communities = out;
	ad->n_communities = list.count;
}

/* Peers: "tor-a" 192.0.2.1, "tor-b" 192.0.2.2, "spine" on nodes with rack=r9, "twin" 192.0.2.1
 * again. Pools: "web" 10.20.30.0/24 and 2001:db8::/112, "db" 10.20.31.0/24. */
static void
make_peers(struct arena *arena, struct settings *s)
{
	static const struct {
		const char *name, *address, *node;
	} peers[] = {{"tor-a", "192.0.2.1", NULL}, {"tor-b", "192.0.2.2", NULL},
	    {"spine", "192.0.2.3", "rack=r9"}, {"twin", "192.0.2.1", NULL}};
	size_t i;

	s->bgp.peers = arena_alloc(arena, ARRAY_SIZE(peers), sizeof(*s->bgp.peers));
	s->bgp.n_peers = ARRAY_SIZE(peers);
	for (i = 0; i < ARRAY_SIZE(peers); i++) {
		struct settings_peer *peer = &s->bgp.peers[i];

		peer->name = peers[i].name;
		peer->interface = peer->vrf = "";
		assert_int_equal(ip_addr_parse(peers[i].address, &peer->peer_address), 0);
		peer->node_selectors = make_selectors(arena, peers[i].node);
	}
}

static void
make_pools(struct arena *arena, struct settings *s)
{
	static const char *const ranges[][3] = {{"web", "10.20.30.0", "10.20.30.255"},
	    {"web", "2001:db8::", "2001:db8::ffff"}, {"db", "10.20.31.0", "10.20.31.255"}};
	struct settings_pool *pool = NULL;
	size_t i;

	s->pools = arena_alloc(arena, 2, sizeof(*s->pools));
	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		struct ip_range *range;

		if (!pool || !str_eq(pool->name, ranges[i][0])) {
			pool = &s->pools[s->n_pools++];
			pool->name = ranges[i][0];
			pool->addresses = arena_alloc(arena, 4, sizeof(*pool->addresses));
		}
		range = &pool->addresses[pool->n_addresses++].range;
		assert_int_equal(ip_addr_parse(ranges[i][1], &range->first), 0);
		assert_int_equal(ip_addr_parse(ranges[i][2], &range->last), 0);
	}
}

static struct settings *
make_settings(const struct ad *ads, size_t n_ads)
{
	struct arena *arena = arena_new();
	struct settings *s = arena_alloc(arena, 1, sizeof(*s));
	size_t i;

	s->arena = arena;
	s->node.name = "pandora";
	s->kubernetes.load_balancer_class = "";
	make_pools(arena, s);
	make_peers(arena, s);
	s->bgp.advertisements = arena_alloc(arena, n_ads, sizeof(*s->bgp.advertisements));
	s->bgp.n_advertisements = n_ads;
	for (i = 0; i < n_ads; i++) {
		struct settings_bgp_advertisement *ad = &s->bgp.advertisements[i];

		ad->name = i ? arena_printf(arena, "ad%zu", i) : "";
		ad->address_pools = make_list(arena, ads[i].pool);
		ad->peers = make_list(arena, ads[i].peers);
		ad->node_selectors = make_selectors(arena, ads[i].node);
		ad->service_selectors = make_selectors(arena, ads[i].service);
		ad->aggregation_length = ads[i].len4 ? ads[i].len4 : 32;
		ad->aggregation_length_v6 = ads[i].len6 ? ads[i].len6 : 128;
		ad->localpref = ads[i].localpref;
		ad->med = ads[i].med;
		ad->as_path_prepend = ads[i].prepend;
		ad->weight = ads[i].weight ? WEIGHT_ENDPOINTS : WEIGHT_NONE;
		make_communities(arena, ad, ads[i].communities);
	}
	return s;
}

static void
add_service(struct service_table *table, const struct svc *svc)
{
	struct arena *arena = arena_new();
	struct service *service = arena_alloc(arena, 1, sizeof(*service));

	service->arena = arena;
	service->key = arena_strdup(arena, svc->key);
	service->type = SERVICE_LOAD_BALANCER;
	service->labels = make_labels(arena, svc->labels);
	service->traffic_policy_local = svc->local;
	service->ingress = arena_alloc(arena, 2, sizeof(*service->ingress));
	if (svc->ingress && !ip_addr_parse(svc->ingress, &service->ingress[0].ip))
		service->n_ingress++;
	if (svc->ingress2 && !ip_addr_parse(svc->ingress2, &service->ingress[1].ip))
		service->n_ingress++;
	service_table_put(table, service);
}

/* Answers by the table of the row. */
static struct routes_verdict
health(void *arg, const struct service *service, enum ip_family family)
{
	const struct svc *svc = arg;

	(void)family;
	while (!str_eq(svc->key, service->key))
		svc++;
	if (!svc->local)
		return (struct routes_verdict){.serving = true};
	return (struct routes_verdict){.serving = svc->endpoints > 0,
	    .undecided = svc->endpoints<0, .endpoints = svc->endpoints> 0 ? (uint32_t)svc->endpoints
									  : 0,
	    .reason = svc->endpoints < 0 ? "notAsked" : "noLocalEndpoints",
	    .sentence = "said by health"};
}

static struct routes *
build(const struct settings *settings, const struct svc *services, size_t n_services,
    const char *node, const struct routes *previous)
{
	static const struct link_table no_links;
	struct service_table table = {0};
	struct arena *arena = arena_new();
	struct plan_input plan_input = {
	    .settings = settings,
	    .services = &table,
	    .links = &no_links,
	    .node_labels = make_labels(arena, node),
	};
	struct routes_input input = {.settings = settings,
	    .services = &table,
	    .health = health,
	    .health_arg = (void *)(uintptr_t)services,
	    .previous = previous};
	struct plan *plan;
	struct routes *routes;
	size_t i;

	for (i = 0; i < n_services && services[i].key; i++)
		add_service(&table, &services[i]);
	plan = plan_build(&plan_input);
	input.plan = plan;
	routes = routes_build(&input);
	plan_free(plan);
	service_table_clear(&table);
	arena_free(arena);
	return routes;
}

/* "10.20.30.1/32 pref=100 med=5 prepend=1 weight=2 [0:1234 large:1:2:3]; ..." */
static char *
describe(const struct routes *routes, const char *peer_name)
{
	struct strbuf text = {0};
	size_t i, j, k;

	for (i = 0; i < routes->n_peers; i++) {
		const struct route_peer *peer = &routes->peers[i];

		if (!str_eq(peer->name, peer_name) || !route_peer_acts(peer))
			continue;
		for (j = 0; j < routes->groups[peer->group].n_routes; j++) {
			const struct route *r = &routes->groups[peer->group].routes[j];
			char prefix[IP_PREFIX_STRLEN];

			ip_prefix_format(&r->prefix, prefix);
			strbuf_printf(&text, "%s%s", j ? "; " : "", prefix);
			if (r->localpref)
				strbuf_printf(&text, " pref=%u", r->localpref);
			if (r->med)
				strbuf_printf(&text, " med=%u", r->med);
			if (r->as_path_prepend)
				strbuf_printf(&text, " prepend=%u", r->as_path_prepend);
			if (r->weight)
				strbuf_printf(&text, " weight=%u", r->weight);
			for (k = 0; k < r->n_communities; k++)
				strbuf_printf(&text, "%s%s", k ? "," : " ", r->communities[k].text);
		}
	}
	return strbuf_detach(&text);
}

#define PANDORA "kubernetes.io/hostname=pandora"
#define IRIS "kubernetes.io/hostname=iris"
#define EXCLUDE LABEL_EXCLUDE_FROM_EXTERNAL_LOAD_BALANCERS
#define WEB                                                        \
	{                                                          \
		"default/web", "app=web", "10.20.30.1", NULL, 0, 0 \
	}

static const struct {
	const char *name;
	struct ad ads[MAX_ADS];
	size_t n_ads;
	struct svc services[MAX_SERVICES];
	const char *node;          /* NULL: PANDORA */
	const char *tor_a, *tor_b; /* routes */
	const char *reason;        /* of the first claim */
} rows[] = {
    {"no Service", {{0}}, 1, {{0}}, NULL, "", "", NULL},
    {"no advertisement", {{0}}, 0, {WEB}, NULL, "", "", "noMatchingAdvertisement"},
    {"Cluster", {{0}}, 1, {WEB}, NULL, "10.20.30.1/32", "10.20.30.1/32", "announced"},
    {"Local without a local endpoint", {{0}}, 1,
	{{"default/web", NULL, "10.20.30.1", NULL, true, 0}}, NULL, "", "", "noLocalEndpoints"},
    {"Local with one", {{0}}, 1, {{"default/web", NULL, "10.20.30.1", NULL, true, 1}}, NULL,
	"10.20.30.1/32", "10.20.30.1/32", "announced"},
    {"Local, not known yet", {{0}}, 1, {{"default/web", NULL, "10.20.30.1", NULL, true, -1}}, NULL,
	"", "", "notAsked"},
    {"two lengths",
	{{.localpref = 100, .communities = "0:1234,0:2345"}, {.len4 = 24, .localpref = 1000}}, 2,
	{WEB}, NULL, "10.20.30.0/24 pref=1000; 10.20.30.1/32 pref=100 0:1234,0:2345",
	"10.20.30.0/24 pref=1000; 10.20.30.1/32 pref=100 0:1234,0:2345", "announced"},
    {"the second for another node", {{.localpref = 100}, {.len4 = 24, .node = IRIS}}, 2, {WEB},
	NULL, "10.20.30.1/32 pref=100", "10.20.30.1/32 pref=100", "announced"},
    {"both for another node", {{.node = IRIS}, {.len4 = 24, .node = IRIS}}, 2, {WEB}, NULL, "", "",
	"noMatchingAdvertisement"},
    {"the first for one peer", {{.peers = "tor-a"}, {.len4 = 24}}, 2, {WEB}, NULL,
	"10.20.30.0/24; 10.20.30.1/32", "10.20.30.0/24", "announced"},
    {"by glob", {{.peers = "tor-*"}}, 1, {WEB}, NULL, "10.20.30.1/32", "10.20.30.1/32",
	"announced"},
    {"for a peer that is not this node's", {{.peers = "spine"}}, 1, {WEB}, NULL, "", "", "noPeer"},
    {"and on the node that has it", {{.peers = "spine"}}, 1, {WEB}, "rack=r9", "", "", "announced"},
    {"for a peer whose router another has", {{.peers = "twin"}}, 1, {WEB}, NULL, "", "", "noPeer"},
    {"another pool", {{.pool = "db"}}, 1, {WEB}, NULL, "", "", "noMatchingAdvertisement"},
    {"in no pool", {{0}}, 1, {{"default/web", NULL, "192.0.2.77", NULL, 0, 0}}, NULL, "", "",
	"ipNotAllowed"},
    {"excluded by label", {{0}}, 1, {WEB}, EXCLUDE "=", "", "", "nodeLabeledExcludeBalancers"},
    {"excluded comes before endpoints", {{0}}, 1,
	{{"default/web", NULL, "10.20.30.1", NULL, true, 0}}, EXCLUDE "=", "", "",
	"nodeLabeledExcludeBalancers"},
    {"Service matches", {{.service = "app=web"}}, 1, {WEB}, NULL, "10.20.30.1/32", "10.20.30.1/32",
	"announced"},
    {"Service does not match", {{.service = "app=db"}}, 1, {WEB}, NULL, "", "",
	"noMatchingAdvertisement"},
    {"one of two matches", {{.service = "app=db", .med = 9}, {.service = "app=web", .med = 5}}, 2,
	{WEB}, NULL, "10.20.30.1/32 med=5", "10.20.30.1/32 med=5", "announced"},
    {"conflicting localpref",
	{{.service = "app=web", .localpref = 100}, {.service = "app in (web)", .localpref = 200}},
	2, {WEB}, NULL, "", "", "conflictingAdvertisements"},
    {"one without selectors conflicts too", {{.localpref = 100}, {.service = "app=web"}}, 2, {WEB},
	NULL, "", "", "conflictingAdvertisements"},
    {"conflicting med", {{.med = 1}, {.service = "app=web", .med = 2}}, 2, {WEB}, NULL, "", "",
	"conflictingAdvertisements"},
    {"conflicting prepend", {{.prepend = 1}, {.service = "app=web"}}, 2, {WEB}, NULL, "", "",
	"conflictingAdvertisements"},
    {"no conflict on other peers",
	{{.peers = "tor-a", .service = "app=web", .localpref = 100},
	    {.peers = "tor-b", .service = "app=web", .localpref = 200}},
	2, {WEB}, NULL, "10.20.30.1/32 pref=100", "10.20.30.1/32 pref=200", "announced"},
    {"no conflict with another length",
	{{.service = "app=web", .localpref = 100}, {.len4 = 24, .localpref = 200}}, 2, {WEB}, NULL,
	"10.20.30.0/24 pref=200; 10.20.30.1/32 pref=100",
	"10.20.30.0/24 pref=200; 10.20.30.1/32 pref=100", "announced"},
    {"no conflict on another node",
	{{.service = "app=web", .localpref = 100},
	    {.service = "app=web", .localpref = 200, .node = IRIS}},
	2, {WEB}, NULL, "10.20.30.1/32 pref=100", "10.20.30.1/32 pref=100", "announced"},
    {"without selectors the first counts, communities are united",
	{{.localpref = 100, .med = 7, .prepend = 1, .communities = "0:5,large:1:2:3"},
	    {.localpref = 200, .communities = "0:4,0:5"}},
	2, {WEB}, NULL, "10.20.30.1/32 pref=100 med=7 prepend=1 0:4,0:5,large:1:2:3",
	"10.20.30.1/32 pref=100 med=7 prepend=1 0:4,0:5,large:1:2:3", "announced"},
    {"united per peer", {{.communities = "0:1"}, {.peers = "tor-b", .communities = "0:2"}}, 2,
	{WEB}, NULL, "10.20.30.1/32 0:1", "10.20.30.1/32 0:1,0:2", "announced"},
    {"both families", {{.len6 = 112}}, 1,
	{{"default/web", NULL, "10.20.30.1", "2001:db8::7", 0, 0}}, NULL,
	"10.20.30.1/32; 2001:db8::/112", "10.20.30.1/32; 2001:db8::/112", "announced"},
    /* Shared addresses and aggregates */
    {"shared, one of them without endpoints", {{0}}, 1,
	{{"default/db", NULL, "10.20.30.1", NULL, true, 0}, WEB}, NULL, "10.20.30.1/32",
	"10.20.30.1/32", "noLocalEndpoints"},
    {"an aggregate by two", {{.len4 = 24}}, 1, {WEB, {"default/x", NULL, "10.20.30.9", NULL, 0, 0}},
	NULL, "10.20.30.0/24", "10.20.30.0/24", "announced"},
    {"an aggregate whose one is not served", {{.len4 = 24}}, 1,
	{{"default/web", NULL, "10.20.30.1", NULL, true, 0},
	    {"default/x", NULL, "10.20.30.9", NULL, true, 2}},
	NULL, "10.20.30.0/24", "10.20.30.0/24", "noLocalEndpoints"},
    /* Weights */
    {"weight", {{.weight = true}}, 1, {{"default/web", NULL, "10.20.30.1", NULL, true, 3}}, NULL,
	"10.20.30.1/32 weight=3", "10.20.30.1/32 weight=3", "announced"},
    {"weight of Cluster is the same everywhere", {{.weight = true}}, 1, {WEB}, NULL,
	"10.20.30.1/32 weight=1", "10.20.30.1/32 weight=1", "announced"},
    {"weight of a shared address is the sum", {{.weight = true}}, 1,
	{{"default/web", NULL, "10.20.30.1", NULL, true, 3},
	    {"default/x", NULL, "10.20.30.1", NULL, true, 4}},
	NULL, "10.20.30.1/32 weight=7", "10.20.30.1/32 weight=7", "announced"},
    {"of an aggregate too", {{.weight = true, .len4 = 24}}, 1,
	{{"default/web", NULL, "10.20.30.1", NULL, true, 3},
	    {"default/x", NULL, "10.20.30.2", NULL, true, 4},
	    {"default/y", NULL, "10.20.30.3", NULL, true, 0}},
	NULL, "10.20.30.0/24 weight=7", "10.20.30.0/24 weight=7", "announced"},
    {"a Service counts once", {{.weight = true}, {.weight = true, .communities = "0:1"}}, 2,
	{{"default/web", NULL, "10.20.30.1", NULL, true, 3}}, NULL, "10.20.30.1/32 weight=3 0:1",
	"10.20.30.1/32 weight=3 0:1", "announced"},
    {"with two addresses too", {{.weight = true, .len4 = 24}}, 1,
	{{"default/web", NULL, "10.20.30.1", "10.20.30.2", true, 3}}, NULL,
	"10.20.30.0/24 weight=3", "10.20.30.0/24 weight=3", "announced"},
};

static void
test_rows(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct settings *settings = make_settings(rows[i].ads, rows[i].n_ads);
		struct routes *routes = build(settings, rows[i].services, MAX_SERVICES,
		    rows[i].node ? rows[i].node : PANDORA, NULL);
		char *a = describe(routes, "tor-a"), *b = describe(routes, "tor-b");

		if (!str_eq(a, rows[i].tor_a) || !str_eq(b, rows[i].tor_b))
			fail_msg("row %zu (%s): tor-a \"%s\", tor-b \"%s\"", i, rows[i].name, a, b);
		if (rows[i].reason) {
			const struct route_claim *claim = &routes->claims[0];
			bool announced = str_eq(rows[i].reason, "announced");

			assert_row(i, rows[i].name, routes->n_claims > 0);
			if (!str_eq(claim->reason_text, rows[i].reason))
				fail_msg("row %zu (%s): %s", i, rows[i].name, claim->reason_text);
			assert_row(i, rows[i].name, !*claim->sentence == announced);
		} else {
			assert_row(i, rows[i].name, routes->n_claims == 0);
		}
		free(a);
		free(b);
		routes_free(routes);
		settings_free(settings);
	}
}

/* What is announced stays while health does not know; what is not, does not begin. */
static void
test_undecided_keeps(void **state)
{
	static const struct ad ads[] = {{.weight = true}};
	struct svc services[] = {{"default/a", NULL, "10.20.30.1", NULL, true, 2},
	    {"default/b", NULL, "10.20.30.2", NULL, true, 0}};
	struct settings *settings = make_settings(ads, 1);
	struct routes *first = build(settings, services, 2, PANDORA, NULL), *second;
	char *text;

	(void)state;
	services[0].endpoints = services[1].endpoints = -1;
	second = build(settings, services, 2, PANDORA, first);
	text = describe(second, "tor-a");
	assert_false(first->undecided);
	assert_true(second->undecided);
	assert_string_equal(text, "10.20.30.1/32 weight=2");
	assert_int_equal(second->n_announced, 1);
	assert_true(second->claims[0].undecided);
	assert_int_equal(second->claims[1].reason, ROUTE_NOT_SERVED);
	free(text);
	routes_free(first);
	routes_free(second);
	settings_free(settings);
}

static void
test_peers_and_reach(void **state)
{
	static const struct ad ads[] = {{.peers = "tor-b"}};
	static const struct svc services[] = {WEB};
	struct settings *settings = make_settings(ads, 1);
	struct routes *routes = build(settings, services, 1, PANDORA, NULL);
	const struct route_claim *claim;
	struct ip_addr ip = ip_addr_v4(10, 20, 30, 1), other = ip_addr_v4(10, 20, 30, 2);
	size_t n;

	(void)state;
	assert_true(route_peer_acts(&routes->peers[0]));
	assert_false(routes->peers[2].selected);
	assert_false(route_peer_acts(&routes->peers[2]));
	assert_string_equal(routes->peers[3].same_as, "tor-a");
	assert_false(route_peer_acts(&routes->peers[3]));
	claim = routes_find(routes, &ip, &n);
	assert_non_null(claim);
	assert_int_equal(n, 1);
	assert_false(routes_claim_reaches(routes, claim, 0));
	assert_true(routes_claim_reaches(routes, claim, 1));
	assert_false(routes_claim_reaches(routes, claim, 3));
	assert_null(routes_find(routes, &other, &n));
	assert_int_equal(n, 0);
	routes_free(routes);
	settings_free(settings);
}

/* Two peers whom the same advertisements name share their routes. */
static void
test_groups(void **state)
{
	static const struct ad ads[] = {{.peers = "tor-*"}, {.peers = "spine"}};
	static const struct svc services[] = {WEB};
	struct settings *settings = make_settings(ads, 2);
	struct routes *routes = build(settings, services, 1, "rack=r9", NULL);

	(void)state;
	assert_int_equal(routes->n_groups, 2);
	assert_int_equal(routes->peers[0].group, routes->peers[1].group);
	assert_int_not_equal(routes->peers[0].group, routes->peers[2].group);
	routes_free(routes);
	settings_free(settings);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_undecided_keeps),
	    cmocka_unit_test(test_peers_and_reach),
	    cmocka_unit_test(test_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
