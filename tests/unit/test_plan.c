/* What a node may announce, where, and why not: METALLB.md 4.1, 4.2 and 4.4 as far as they are
 * about one node, and DESIGN.md's rules where it decides otherwise. */
#include "test.h"

#include <stdlib.h>

#include "announce/health.h"
#include "announce/plan.h"
#include "util/mem.h"
#include "util/str.h"

#define MAX_ADS 3
#define MAX_SERVICES 3

struct ad {
	const char *pool, *interface, *node, *service; /* NULL: absent; interfaces may be "a,b" */
	const char *preferred;                         /* a selector */
	uint8_t weight;
};

struct svc {
	const char *key, *labels, *ingress, *ingress2; /* labels: "app=web" or NULL */
};

static struct ip_prefix eth0_addresses[] = {
    {.addr = {.family = IP_FAMILY_V4, .bytes = {10, 20, 0, 1}}, .len = 16},
    {.addr = {.family = IP_FAMILY_V6, .bytes = {0xfe, 0x80, [15] = 1}}, .len = 64}};
static struct ip_prefix eth1_addresses[] = {
    {.addr = {.family = IP_FAMILY_V4, .bytes = {10, 99, 0, 1}}, .len = 24}};
static struct link_info link_items[] = {
    {.ifindex = 1, .name = "lo", .loopback = true, .up = true},
    {.ifindex = 2,
	.name = "eth0",
	.mac = {{2, 0, 0, 0, 0, 1}},
	.up = true,
	.carrier = true,
	.arp = true,
	.broadcast = true,
	.addresses = eth0_addresses,
	.n_addresses = ARRAY_SIZE(eth0_addresses)},
    {.ifindex = 3,
	.name = "eth1",
	.mac = {{2, 0, 0, 0, 0, 2}},
	.up = true,
	.carrier = true,
	.arp = true,
	.broadcast = true,
	.addresses = eth1_addresses,
	.n_addresses = 1},
};
static const struct link_table links = {link_items, ARRAY_SIZE(link_items)};

/* A list of `text` split at commas. */
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

/* Pools: "web" 10.20.30.0/24 and 2001:db8::/64, "db" 10.20.31.0-10.20.31.9, "far" 203.0.113.0/24.
 */
static struct settings *
make_settings(const struct ad *ads, size_t n_ads)
{
	static const char *const ranges[][3] = {{"web", "10.20.30.0", "10.20.30.255"},
	    {"web", "2001:db8::", "2001:db8::ffff"}, {"db", "10.20.31.0", "10.20.31.9"},
	    {"far", "203.0.113.0", "203.0.113.255"}};
	struct arena *arena = arena_new();
	struct settings *s = arena_alloc(arena, 1, sizeof(*s));
	struct settings_pool *pool = NULL;
	size_t i;

	s->arena = arena;
	s->node.name = "iris1";
	s->node.exclude_interfaces = make_list(arena, "docker*,veth*");
	s->kubernetes.load_balancer_class = "";
	s->pools = arena_alloc(arena, 3, sizeof(*s->pools));
	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		struct ip_range *range;

		if (!pool || !str_eq(pool->name, ranges[i][0])) {
			pool = &s->pools[s->n_pools++];
			pool->name = arena_strdup(arena, ranges[i][0]);
			pool->addresses = arena_alloc(arena, 4, sizeof(*pool->addresses));
		}
		range = &pool->addresses[pool->n_addresses++].range;
		assert_int_equal(ip_addr_parse(ranges[i][1], &range->first), 0);
		assert_int_equal(ip_addr_parse(ranges[i][2], &range->last), 0);
	}
	s->l2_advertisements = arena_alloc(arena, n_ads, sizeof(*s->l2_advertisements));
	for (i = 0; i < n_ads; i++) {
		struct settings_l2_advertisement *ad = &s->l2_advertisements[i];

		ad->name = arena_printf(arena, "ad%zu", i);
		ad->address_pools = make_list(arena, ads[i].pool);
		ad->interfaces = make_list(arena, ads[i].interface);
		ad->node_selectors = make_selectors(arena, ads[i].node);
		ad->service_selectors = make_selectors(arena, ads[i].service);
		ad->preferred_nodes = arena_alloc(arena, 1, sizeof(*ad->preferred_nodes));
		if (ads[i].preferred) {
			ad->preferred_nodes[0].weight = ads[i].weight;
			ad->preferred_nodes[0].selector =
			    make_selectors(arena, ads[i].preferred).items[0];
			ad->n_preferred_nodes = 1;
		}
	}
	s->n_l2_advertisements = n_ads;
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
	service->ingress = arena_alloc(arena, 2, sizeof(*service->ingress));
	if (svc->ingress && !ip_addr_parse(svc->ingress, &service->ingress[0].ip))
		service->n_ingress++;
	if (svc->ingress2 && !ip_addr_parse(svc->ingress2, &service->ingress[1].ip))
		service->n_ingress++;
	service_table_put(table, service);
}

#define EXCLUDE LABEL_EXCLUDE_FROM_EXTERNAL_LOAD_BALANCERS
#define WEB                                                  \
	{                                                    \
		"default/web", "app=web", "10.20.30.1", NULL \
	}
#define IRIS1 "kubernetes.io/hostname=iris1"
#define IRIS2 "kubernetes.io/hostname=iris2"

static const struct {
	const char *name;
	struct ad ads[MAX_ADS];
	size_t n_ads;
	struct svc services[MAX_SERVICES];
	const char *node; /* labels of the Node object; NULL: IRIS1 */
	enum plan_reason reason;
	const char *interfaces; /* "2 3" */
	const char *ads_of;     /* "0 2" */
	uint32_t weight;
} rows[] = {
    {"one for all", {{0}}, 1, {WEB}, NULL, PLAN_ELIGIBLE, "2", "0", 0},
    {"no advertisement", {{0}}, 0, {WEB}, NULL, PLAN_NO_MATCHING_ADVERTISEMENT, "", "", 0},
    {"for this node", {{.node = IRIS1}}, 1, {WEB}, NULL, PLAN_ELIGIBLE, "2", "0", 0},
    {"for the other node", {{.node = IRIS2}}, 1, {WEB}, NULL, PLAN_NO_MATCHING_ADVERTISEMENT, "",
	"0", 0},
    {"one for each node", {{.node = IRIS1}, {.node = IRIS2}}, 2, {WEB}, NULL, PLAN_ELIGIBLE, "2",
	"0 1", 0},
    {"for the pool", {{.pool = "web"}}, 1, {WEB}, NULL, PLAN_ELIGIBLE, "2", "0", 0},
    {"for the pool by glob", {{.pool = "w*"}}, 1, {WEB}, NULL, PLAN_ELIGIBLE, "2", "0", 0},
    {"for another pool", {{.pool = "db"}}, 1, {WEB}, NULL, PLAN_NO_MATCHING_ADVERTISEMENT, "", "",
	0},
    {"Service matches", {{.service = "app=web"}}, 1, {WEB}, NULL, PLAN_ELIGIBLE, "2", "0", 0},
    {"Service does not match", {{.service = "app=db"}}, 1, {WEB}, NULL,
	PLAN_NO_MATCHING_ADVERTISEMENT, "", "", 0},
    {"one of two matches", {{.service = "app=db"}, {.service = "app=web"}}, 2, {WEB}, NULL,
	PLAN_ELIGIBLE, "2", "1", 0},
    {"other Service's on all nodes, mine on a ghost",
	{{.service = "app=db"}, {.service = "app=web", .node = "kubernetes.io/hostname=ghost"}}, 2,
	{WEB}, NULL, PLAN_NO_MATCHING_ADVERTISEMENT, "", "1", 0},
    {"web here, db there",
	{{.service = "app=web", .node = IRIS1}, {.service = "app=db", .node = IRIS2}}, 2, {WEB},
	NULL, PLAN_ELIGIBLE, "2", "0", 0},
    {"the same seen from the other node",
	{{.service = "app=web", .node = IRIS1}, {.service = "app=db", .node = IRIS2}}, 2, {WEB},
	IRIS2, PLAN_NO_MATCHING_ADVERTISEMENT, "", "0", 0},
    {"excluded by label", {{0}}, 1, {WEB}, IRIS1 "," EXCLUDE "=", PLAN_NODE_EXCLUDED, "2", "0", 0},
    {"excluded, whatever the value", {{0}}, 1, {WEB}, EXCLUDE "=false", PLAN_NODE_EXCLUDED, "2",
	"0", 0},
    {"no advertisement comes before excluded", {{.pool = "db"}}, 1, {WEB}, EXCLUDE "=",
	PLAN_NO_MATCHING_ADVERTISEMENT, "", "", 0},
    {"interface by name", {{.interface = "eth1"}}, 1, {WEB}, NULL, PLAN_ELIGIBLE, "3", "0", 0},
    {"two advertisements merged", {{.interface = "eth1"}, {.interface = "eth0"}}, 2, {WEB}, NULL,
	PLAN_ELIGIBLE, "2 3", "0 1", 0},
    {"overlapping, merged", {{.interface = "eth1,eth0"}, {.interface = "eth1"}}, 2, {WEB}, NULL,
	PLAN_ELIGIBLE, "2 3", "0 1", 0},
    {"one by name, one by the route", {{.interface = "eth1"}, {0}}, 2, {WEB}, NULL, PLAN_ELIGIBLE,
	"2 3", "0 1", 0},
    {"interfaces of another node's are not mine",
	{{.interface = "eth1", .node = IRIS2}, {.interface = "eth0"}}, 2, {WEB}, NULL,
	PLAN_ELIGIBLE, "2", "0 1", 0},
    {"no such interface", {{.interface = "eth7"}}, 1, {WEB}, NULL, PLAN_NO_INTERFACE, "", "0", 0},
    {"no such interface, but another advertisement's", {{.interface = "eth7"}, {0}}, 2, {WEB}, NULL,
	PLAN_ELIGIBLE, "2", "0 1", 0},
    {"in no LAN: on all", {{0}}, 1, {{"default/web", NULL, "203.0.113.7", NULL}}, NULL,
	PLAN_ELIGIBLE, "2 3", "0", 0},
    {"in no pool", {{0}}, 1, {{"default/web", NULL, "192.0.2.1", NULL}}, NULL, PLAN_NOT_ALLOWED, "",
	"", 0},
    {"beyond the last of a range", {{0}}, 1, {{"default/web", NULL, "10.20.31.10", NULL}}, NULL,
	PLAN_NOT_ALLOWED, "", "", 0},
    {"the last of a range", {{0}}, 1, {{"default/web", NULL, "10.20.31.9", NULL}}, NULL,
	PLAN_ELIGIBLE, "2", "0", 0},
    {"IPv6", {{0}}, 1, {{"default/web", NULL, "2001:db8::7", NULL}}, NULL, PLAN_ELIGIBLE, "2", "0",
	0},
    {"IPv6 by name", {{.interface = "eth*"}}, 1, {{"default/web", NULL, "2001:db8::7", NULL}}, NULL,
	PLAN_ELIGIBLE, "2", "0", 0},
    {"IPv6 on an interface without IPv6", {{.interface = "eth1"}}, 1,
	{{"default/web", NULL, "2001:db8::7", NULL}}, NULL, PLAN_NO_INTERFACE, "", "0", 0},
    {"IPv6 in no pool", {{0}}, 1, {{"default/web", NULL, "2001:db9::7", NULL}}, NULL,
	PLAN_NOT_ALLOWED, "", "", 0},
    /* Shared addresses: any Service on them suffices (DESIGN.md: Eligible). */
    {"shared, one matches", {{.service = "app=web"}}, 1,
	{{"default/db", "app=db", "10.20.30.1", NULL}, WEB}, NULL, PLAN_ELIGIBLE, "2", "0", 0},
    {"shared, each by its own",
	{{.service = "app=web"}, {.service = "app=db", .interface = "eth1"}}, 2,
	{{"default/db", "app=db", "10.20.30.1", NULL}, WEB}, NULL, PLAN_ELIGIBLE, "2 3", "0 1", 0},
    {"shared, none matches", {{.service = "app=x"}}, 1,
	{{"default/db", "app=db", "10.20.30.1", NULL}, WEB}, NULL, PLAN_NO_MATCHING_ADVERTISEMENT,
	"", "", 0},
    /* Preference */
    {"preferred", {{.preferred = IRIS1, .weight = 100}}, 1, {WEB}, NULL, PLAN_ELIGIBLE, "2", "0",
	100},
    {"another is preferred", {{.preferred = IRIS2, .weight = 100}}, 1, {WEB}, NULL, PLAN_ELIGIBLE,
	"2", "0", 0},
    {"preferred by one, matched by two, and a preference for another Service",
	{{.preferred = IRIS1, .weight = 50}, {0},
	    {.service = "app=db", .preferred = IRIS1, .weight = 100}},
	3, {WEB}, NULL, PLAN_ELIGIBLE, "2", "0 1", 50},
    {"preferred by two", {{.preferred = IRIS1, .weight = 50}, {.preferred = IRIS1, .weight = 7}}, 2,
	{WEB}, NULL, PLAN_ELIGIBLE, "2", "0 1", 50},
    {"preferred by one that does not select us",
	{{.node = IRIS2, .preferred = IRIS1, .weight = 50}, {0}}, 2, {WEB}, NULL, PLAN_ELIGIBLE,
	"2", "0 1", 0},
};

struct fixture {
	struct settings *settings;
	struct service_table services;
	struct plan_input input;
	struct arena *arena;
};

static void
fixture_init(struct fixture *f, const struct ad *ads, size_t n_ads, const char *node)
{
	*f = (struct fixture){.settings = make_settings(ads, n_ads), .arena = arena_new()};
	f->input = (struct plan_input){
	    .settings = f->settings,
	    .services = &f->services,
	    .links = &links,
	    .node_labels = make_labels(f->arena, node),
	};
}

static void
fixture_fini(struct fixture *f)
{
	service_table_clear(&f->services);
	settings_free(f->settings);
	arena_free(f->arena);
}

static void
check_row(size_t row, const struct plan *plan, const struct plan_address *address)
{
	struct strbuf text = {0}, ads = {0};
	uint32_t weight = 0; /* as rank_weight() takes it from the heartbeat */
	size_t i;

	for (i = 0; i < address->n_ifindexes; i++)
		strbuf_printf(&text, "%s%d", i ? " " : "", address->ifindexes[i]);
	for (i = 0; i < address->n_advertisements; i++) {
		strbuf_printf(&ads, "%s%u", i ? " " : "", address->advertisements[i]);
		if (plan->advertisements[address->advertisements[i]].weight > weight)
			weight = plan->advertisements[address->advertisements[i]].weight;
	}
	if (address->reason != rows[row].reason)
		fail_msg("%s: %s", rows[row].name, plan_reason_str(address->reason));
	assert_row(row, rows[row].name, address->eligible == (address->reason == PLAN_ELIGIBLE));
	assert_row(row, rows[row].name, address->eligible == !*address->sentence);
	assert_row(row, rows[row].name, weight == rows[row].weight);
	if (!str_eq(strbuf_text(&text), rows[row].interfaces))
		fail_msg("%s: interfaces %s", rows[row].name, strbuf_text(&text));
	if (!str_eq(strbuf_text(&ads), rows[row].ads_of))
		fail_msg("%s: advertisements %s", rows[row].name, strbuf_text(&ads));
	strbuf_free(&text);
	strbuf_free(&ads);
}

static void
test_rows(void **state)
{
	size_t i, j;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fixture f;
		struct plan *plan;
		size_t n = 0;

		fixture_init(&f, rows[i].ads, rows[i].n_ads, rows[i].node ? rows[i].node : IRIS1);
		for (j = 0; j < MAX_SERVICES && rows[i].services[j].key; j++, n++)
			add_service(&f.services, &rows[i].services[j]);
		plan = plan_build(&f.input);
		assert_row(i, rows[i].name, plan->n_addresses == 1);
		assert_row(i, rows[i].name, plan->addresses[0].n_services == n);
		assert_row(
		    i, rows[i].name, plan->n_eligible == (size_t)plan->addresses[0].eligible);
		/* The plan must not need its inputs any more. */
		fixture_fini(&f);
		check_row(i, plan, &plan->addresses[0]);
		assert_row(i, rows[i].name,
		    !*plan->addresses[0].pool == (plan->addresses[0].reason == PLAN_NOT_ALLOWED));
		for (j = 0; j < n; j++)
			assert_non_null(strchr(plan->addresses[0].services[j], '/'));
		for (j = 0; j < plan->n_advertisements; j++)
			assert_int_equal(strncmp(plan->advertisements[j].name, "ad", 2), 0);
		assert_int_equal(plan->node_labels.count > 0, 1);
		assert_null(labels_get(&plan->node_labels, "none"));
		plan_free(plan);
	}
}

static const struct {
	const char *name, *sentence;
	struct ad ads[2];
	size_t n_ads;
	const char *ip, *node;
	bool bgp, network_unavailable;
} sentences[] = {
    {"pool", "no pool of address-pools has this address", {{0}}, 1, "192.0.2.1", IRIS1, false,
	false},
    {"no advertisement", "no l2-advertisement names pool \"web\"", {{.pool = "db"}}, 1,
	"10.20.30.1", IRIS1, false, false},
    {"Service", "no l2-advertisement of pool \"web\" has service-selectors that match default/web",
	{{.service = "app=db"}}, 1, "10.20.30.1", IRIS1, false, false},
    {"node", "no l2-advertisement of pool \"web\" has node-selectors that match node iris1",
	{{.node = IRIS2}}, 1, "10.20.30.1", IRIS1, false, false},
    {"bgp", "no l2-advertisement names pool \"web\"; one of bgp.advertisements does",
	{{.pool = "db"}}, 1, "10.20.30.1", IRIS1, true, false},
    {"network", "node iris1 has the condition NetworkUnavailable", {{0}}, 1, "10.20.30.1", IRIS1,
	false, true},
    {"network comes before the label", "node iris1 has the condition NetworkUnavailable", {{0}}, 1,
	"10.20.30.1", EXCLUDE "=", false, true},
    {"label",
	"node iris1 has the label " EXCLUDE
	" (node.ignore-exclude-label makes it announce all the same)",
	{{0}}, 1, "10.20.30.1", EXCLUDE "=", false, false},
    {"interface", "no interface to announce on: no interface matches \"eth7\"",
	{{.interface = "eth7"}}, 1, "10.20.30.1", IRIS1, false, false},
    {"interfaces of two",
	"no interface to announce on: no interface matches \"eth7\"; lo is loopback",
	{{.interface = "eth7"}, {.interface = "lo"}}, 2, "10.20.30.1", IRIS1, false, false},
};

static void
test_sentences(void **state)
{
	struct settings_bgp_advertisement bgp = {0};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(sentences); i++) {
		const struct svc svc = {"default/web", "app=web", sentences[i].ip, NULL};
		struct fixture f;
		struct plan *plan;

		fixture_init(&f, sentences[i].ads, sentences[i].n_ads, sentences[i].node);
		if (sentences[i].bgp) {
			f.settings->bgp.advertisements = &bgp;
			f.settings->bgp.n_advertisements = 1;
		}
		f.input.node_network_unavailable = sentences[i].network_unavailable;
		add_service(&f.services, &svc);
		plan = plan_build(&f.input);
		if (!str_eq(plan->addresses[0].sentence, sentences[i].sentence))
			fail_msg("%s: %s", sentences[i].name, plan->addresses[0].sentence);
		plan_free(plan);
		fixture_fini(&f);
	}
}

static void
test_exclude_label(void **state)
{
	const struct ad ad = {0};
	const struct svc web = WEB;
	struct fixture f;
	struct plan *plan;

	(void)state;
	fixture_init(&f, &ad, 1, EXCLUDE "=");
	add_service(&f.services, &web);
	plan = plan_build(&f.input);
	assert_true(plan->node_excluded && !plan->exclude_ignored && !plan->n_eligible);
	plan_free(plan);
	/* All members have it: ignored, and to be warned of. */
	f.input.all_members_excluded = true;
	plan = plan_build(&f.input);
	assert_true(!plan->node_excluded && plan->exclude_ignored && plan->n_eligible == 1);
	plan_free(plan);
	f.settings->node.ignore_exclude_label = true;
	f.input.all_members_excluded = false;
	plan = plan_build(&f.input);
	assert_true(!plan->node_excluded && !plan->exclude_ignored && plan->n_eligible == 1);
	plan_free(plan);
	/* The file's labels count like the Node's. */
	f.settings->node.ignore_exclude_label = false;
	f.input.node_labels = (struct labels){0};
	f.settings->node.labels = make_labels(f.arena, EXCLUDE "=");
	plan = plan_build(&f.input);
	assert_true(plan->node_excluded);
	plan_free(plan);
	fixture_fini(&f);
}

static void
test_labels_of_the_file_win(void **state)
{
	struct arena *arena = arena_new();
	struct labels node = make_labels(arena, "rack=r1,zone=a,os=linux");
	struct labels file = make_labels(arena, "rack=r2,edge=");
	struct labels merged = plan_merge_labels(arena, &node, &file);
	const struct labels none = {0};

	(void)state;
	assert_int_equal(merged.count, 4);
	assert_string_equal(labels_get(&merged, "rack"), "r2");
	assert_string_equal(labels_get(&merged, "zone"), "a");
	assert_string_equal(labels_get(&merged, "os"), "linux");
	assert_string_equal(labels_get(&merged, "edge"), "");
	merged = plan_merge_labels(arena, &none, &none);
	assert_int_equal(merged.count, 0);
	arena_free(arena);
}

/* Which Services count, and how their addresses are gathered. */
static void
test_services(void **state)
{
	static const struct svc services[] = {
	    {"b/dual", NULL, "10.20.30.5", "2001:db8::5"},
	    {"a/second", NULL, "10.20.30.9", NULL},
	    {"a/pending", NULL, NULL, NULL},
	    {"b/shares", NULL, "10.20.30.9", NULL},
	    {"a/twice", NULL, "10.20.30.4", "10.20.30.4"},
	    {"c/node-port", NULL, "10.20.30.1", NULL},
	    {"c/classy", NULL, "10.20.30.2", NULL},
	};
	static const char *const expected[] = {
	    "10.20.30.4", "10.20.30.5", "10.20.30.9", "2001:db8::5"};
	const struct ad ad = {0};
	struct service *node_port, *classy;
	struct ip_addr addr;
	struct fixture f;
	struct plan *plan;
	size_t i;

	(void)state;
	fixture_init(&f, &ad, 1, IRIS1);
	for (i = 0; i < ARRAY_SIZE(services); i++)
		add_service(&f.services, &services[i]);
	node_port = service_table_find(&f.services, "c/node-port");
	node_port->type = SERVICE_NODE_PORT;
	classy = service_table_find(&f.services, "c/classy");
	classy->load_balancer_class = "other.example/lb";
	plan = plan_build(&f.input);
	assert_int_equal(plan->n_addresses, ARRAY_SIZE(expected));
	for (i = 0; i < ARRAY_SIZE(expected); i++) {
		assert_int_equal(ip_addr_parse(expected[i], &addr), 0);
		assert_true(ip_addr_eq(&plan->addresses[i].ip, &addr));
		assert_ptr_equal(plan_find(plan, &addr), &plan->addresses[i]);
		assert_string_equal(plan->addresses[i].pool, "web");
	}
	assert_int_equal(plan->addresses[0].n_services, 1);
	assert_int_equal(plan->addresses[2].n_services, 2);
	assert_string_equal(plan->addresses[2].services[0], "a/second");
	assert_string_equal(plan->addresses[2].services[1], "b/shares");
	addr = ip_addr_v4(10, 20, 30, 1);
	assert_null(plan_find(plan, &addr));
	assert_int_equal(plan->n_eligible, 4);
	plan_free(plan);
	/* With a class, only Services of that class. */
	f.settings->kubernetes.load_balancer_class = "other.example/lb";
	plan = plan_build(&f.input);
	assert_int_equal(plan->n_addresses, 1);
	assert_string_equal(plan->addresses[0].services[0], "c/classy");
	plan_free(plan);
	fixture_fini(&f);
}

static void
test_service_check(void **state)
{
	struct service_ingress named = {.hostname = "lb.example"};
	struct service_ingress with_ip = {.ip = ip_addr_v4(10, 20, 30, 1)};
	struct service s = {.type = SERVICE_LOAD_BALANCER};

	(void)state;
	assert_int_equal(plan_service_check(NULL, ""), PLAN_SERVICE_DELETED);
	assert_int_equal(plan_service_check(&s, ""), PLAN_SERVICE_NO_ADDRESS);
	s.ingress = &named;
	s.n_ingress = 1;
	assert_int_equal(plan_service_check(&s, ""), PLAN_SERVICE_NO_ADDRESS);
	s.ingress = &with_ip;
	assert_int_equal(plan_service_check(&s, ""), PLAN_SERVICE_ADDRESSED);
	assert_int_equal(plan_service_check(&s, "x"), PLAN_SERVICE_OTHER_CLASS);
	s.load_balancer_class = "x";
	assert_int_equal(plan_service_check(&s, "x"), PLAN_SERVICE_ADDRESSED);
	assert_int_equal(plan_service_check(&s, ""), PLAN_SERVICE_OTHER_CLASS);
	/* Being deleted, but not gone: kube-proxy serves it still, and so do we. */
	s.deleting = true;
	assert_int_equal(plan_service_check(&s, "x"), PLAN_SERVICE_ADDRESSED);
	s.type = SERVICE_CLUSTER_IP;
	assert_int_equal(plan_service_check(&s, "x"), PLAN_SERVICE_NOT_LOAD_BALANCER);
}

static void
test_heartbeat(void **state)
{
	const struct ad ads[] = {{.node = IRIS2}, {.preferred = IRIS1, .weight = 30},
	    {.node = IRIS2, .preferred = IRIS1, .weight = 40}};
	struct fixture f;
	struct plan *plan;

	(void)state;
	fixture_init(&f, ads, 3, IRIS1);
	plan = plan_build(&f.input);
	assert_int_equal(plan->n_advertisements, 3);
	assert_false(plan->advertisements[0].selected);
	assert_true(plan->advertisements[1].selected);
	assert_int_equal(plan->advertisements[1].weight, 30);
	assert_string_equal(plan->advertisements[1].name, "ad1");
	assert_false(plan->advertisements[2].selected);
	assert_int_equal(plan->advertisements[2].weight, 0);
	assert_true(plan->announces_l2);
	assert_int_equal(plan->n_addresses, 0);
	assert_null(plan_find(plan, &(struct ip_addr){0}));
	plan_free(plan);
	fixture_fini(&f);
	fixture_init(&f, ads, 1, IRIS1);
	plan = plan_build(&f.input);
	assert_false(plan->announces_l2);
	plan_free(plan);
	fixture_fini(&f);
	plan_free(NULL);
}

static void
test_pool_is_advertised(void **state)
{
	struct settings_bgp_advertisement bgp = {0};
	const struct ad ads[] = {{.pool = "w*"}};
	struct settings *s = make_settings(ads, 1);

	(void)state;
	assert_true(plan_pool_is_advertised(s, settings_pool_by_name(s, "web")));
	assert_false(plan_pool_is_advertised(s, settings_pool_by_name(s, "db")));
	s->bgp.advertisements = &bgp;
	s->bgp.n_advertisements = 1;
	assert_true(plan_pool_is_advertised(s, settings_pool_by_name(s, "db")));
	settings_free(s);
}

static void
test_words(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < PLAN_REASON_COUNT; i++)
		assert_non_null(plan_reason_str((enum plan_reason)i));
	for (i = 0; i < PLAN_SERVICE_REASON_COUNT; i++)
		assert_non_null(plan_service_reason_str((enum plan_service_reason)i));
	assert_string_equal(
	    plan_reason_str(PLAN_NO_MATCHING_ADVERTISEMENT), "noMatchingAdvertisement");
	assert_string_equal(plan_service_reason_str(PLAN_SERVICE_NO_ADDRESS), "noIPAllocated");
}

/* --- health --- */

#define LOCAL 30000

/* One answer for each healthCheckNodePort, three times; 0: it is not asked. */
static const struct {
	const char *name;
	int status[2];         /* of the Services "default/a" and "default/b"; -1: refused */
	uint32_t endpoints[2]; /* in their reports */
	size_t n_services;     /* on the address */
	enum plan_reason reason;
	bool undecided, serving;
	uint32_t expected_endpoints;
	const char *sentence;
} health_rows[] = {
    {"has endpoints", {200}, {2}, 1, PLAN_ELIGIBLE, false, true, 2, ""},
    {"not asked yet", {0}, {0}, 1, PLAN_HEALTH_UNKNOWN, true, true, 0,
	"whether it is served on this node is not known yet"},
    {"none here", {503}, {0}, 1, PLAN_NO_LOCAL_ENDPOINTS, false, true, 0,
	"externalTrafficPolicy is Local, and by healthCheckNodePort 30000 there is no ready endpoint on this node"},
    {"no answer", {-1}, {0}, 1, PLAN_HEALTH_CHECK_FAILS, false, true, 0,
	"externalTrafficPolicy is Local, and healthCheckNodePort 30000 tells nothing of this Service: nobody listens there"},
    {"an odd answer", {404}, {0}, 1, PLAN_HEALTH_CHECK_FAILS, false, true, 0,
	"externalTrafficPolicy is Local, and healthCheckNodePort 30000 tells nothing of this Service: HTTP status 404"},
    /* A shared address: one Service that is served is enough. */
    {"both serve", {200, 200}, {2, 5}, 2, PLAN_ELIGIBLE, false, true, 5, ""},
    {"the first serves", {200, 503}, {2, 0}, 2, PLAN_ELIGIBLE, false, true, 2, ""},
    {"the second serves", {503, 200}, {0, 2}, 2, PLAN_ELIGIBLE, false, true, 2, ""},
    {"none, and unknown", {503, 0}, {0, 0}, 2, PLAN_HEALTH_UNKNOWN, true, true, 0,
	"whether it is served on this node is not known yet"},
    {"none of both", {503, 503}, {0, 0}, 2, PLAN_NO_LOCAL_ENDPOINTS, false, true, 0,
	"externalTrafficPolicy is Local, and by healthCheckNodePort 30000 there is no ready endpoint on this node"},
};

static const char *const health_keys[] = {"default/a", "default/b"};

static struct service *
make_local(struct fixture *f, size_t i)
{
	const struct svc svc = {health_keys[i], NULL, "10.20.30.1", NULL};
	struct service *service;

	add_service(&f->services, &svc);
	service = service_table_find(&f->services, svc.key);
	service->namespace = "default";
	service->name = health_keys[i] + strlen("default/");
	service->traffic_policy_local = true;
	service->health_check_node_port = (uint16_t)(LOCAL + i);
	return service;
}

/* Every question of `rounds` seconds; what is not to be answered stays out. */
static void
answer_all(struct health *health, const int status[2], const uint32_t endpoints[2])
{
	struct health_question question;
	mono_t now = MONO_ZERO;
	unsigned i;

	for (i = 0; i < 4; i++, now = mono_add_usec(now, USEC_PER_SEC))
		while (health_next(health, now, &question)) {
			size_t which = question.port - LOCAL;
			struct endpoints_report report = {
			    .namespace = "default", .local = endpoints[which]};
			const struct health_answer answer = {
			    .result = status[which] < 0 ? HEALTH_REFUSED : HEALTH_ANSWERED,
			    .status = status[which],
			    .report = status[which] == 404 ? NULL : &report};

			(void)snprintf(report.name, sizeof(report.name), "%c", 'a' + (int)which);
			if (status[which])
				health_answered(health, question.key, question.id, &answer, now);
		}
}

static void
test_health(void **state)
{
	const struct settings_health settings = {.node_port_interval_usec = USEC_PER_SEC};
	const struct ad ad = {0};
	size_t i, j;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(health_rows); i++) {
		struct health *health = health_new(0);
		const struct plan_address *address;
		struct fixture f;
		struct plan *plan;

		fixture_init(&f, &ad, 1, IRIS1);
		health_set(health, &settings, MONO_ZERO);
		health_want_begin(health);
		for (j = 0; j < health_rows[i].n_services; j++)
			health_want(health, make_local(&f, j), true, MONO_ZERO);
		health_want_end(health);
		answer_all(health, health_rows[i].status, health_rows[i].endpoints);
		f.input.health = health;
		plan = plan_build(&f.input);
		health_free(health);
		fixture_fini(&f);
		address = &plan->addresses[0];
		if (address->reason != health_rows[i].reason)
			fail_msg("%s: %s", health_rows[i].name, plan_reason_str(address->reason));
		assert_row(i, health_rows[i].name, address->candidate);
		assert_row(i, health_rows[i].name, address->undecided == health_rows[i].undecided);
		assert_row(i, health_rows[i].name, address->serving == health_rows[i].serving);
		assert_row(i, health_rows[i].name,
		    address->endpoints == health_rows[i].expected_endpoints);
		/* It is announced on while it is handed over. */
		assert_row(i, health_rows[i].name, address->n_ifindexes == 1);
		if (!str_eq(address->sentence, health_rows[i].sentence))
			fail_msg("%s: %s", health_rows[i].name, address->sentence);
		plan_free(plan);
	}
}

/*
 * MetalLB: the cases of Local Services on iris1 and iris2: who may announce. MetalLB looks
 * at endpoints of all nodes, we at the healthCheckNodePort of each, which counts the ready ones.
 * Who of several does announce is decided by rank (lease/rank), of which the number of endpoints is
 * no part.
 */
static const struct {
	const char *name;
	uint32_t ready[2];    /* on iris1, iris2 */
	const char *selector; /* of the advertisement; NULL: all nodes */
	bool eligible[2];
} local_rows[] = {
    {"endpoints on both", {1, 1}, NULL, {true, true}},
    {"both on iris1", {2, 0}, NULL, {true, false}},
    {"two on iris1, none ready", {0, 0}, NULL, {false, false}},
    {"on both, iris2's not ready", {1, 0}, NULL, {true, false}},
    {"on both, iris1's not ready", {0, 1}, NULL, {false, true}},
    {"three, two on iris1", {2, 1}, NULL, {true, true}},
    {"three, iris2 has two, one not ready", {1, 1}, NULL, {true, true}},
    {"three, both of iris2 not ready", {1, 0}, NULL, {true, false}},
    {"endpoint on iris1, advertised from iris2", {1, 0}, IRIS2, {false, false}},
    {"endpoint on iris1, advertised from iris1", {1, 0}, IRIS1, {true, false}},
};

static void
test_local_nodes(void **state)
{
	const struct settings_health settings = {.node_port_interval_usec = USEC_PER_SEC};
	size_t i, node;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(local_rows); i++) {
		const struct ad ad = {.node = local_rows[i].selector};

		for (node = 0; node < 2; node++) {
			const uint32_t endpoints[2] = {local_rows[i].ready[node], 0};
			const int status[2] = {endpoints[0] ? 200 : 503, 0};
			struct health *health = health_new(0);
			struct fixture f;
			struct plan *plan;

			fixture_init(&f, &ad, 1, node ? IRIS2 : IRIS1);
			health_set(health, &settings, MONO_ZERO);
			health_want_begin(health);
			health_want(health, make_local(&f, 0), true, MONO_ZERO);
			health_want_end(health);
			answer_all(health, status, endpoints);
			f.input.health = health;
			plan = plan_build(&f.input);
			assert_row(i, local_rows[i].name,
			    plan->addresses[0].eligible == local_rows[i].eligible[node]);
			plan_free(plan);
			health_free(health);
			fixture_fini(&f);
		}
	}
}

/* A clusterIP that refuses: nothing to hand over. */
static void
test_no_endpoints_at_all(void **state)
{
	const struct settings_health settings = {.node_port_interval_usec = USEC_PER_SEC,
	    .kube_proxy = KUBE_PROXY_IGNORE,
	    .cluster_check = CLUSTER_CHECK_TCP};
	const struct health_answer refused = {.result = HEALTH_REFUSED};
	struct service_port port = {PROTOCOL_TCP, 80};
	struct health *health = health_new(0);
	const struct svc web = WEB;
	const struct ad ad = {0};
	struct health_question question;
	struct service *service;
	struct fixture f;
	struct plan *plan;
	mono_t now = MONO_ZERO;
	unsigned i;

	(void)state;
	fixture_init(&f, &ad, 1, IRIS1);
	add_service(&f.services, &web);
	service = service_table_find(&f.services, web.key);
	service->ports = &port;
	service->n_ports = service->n_cluster_ips = 1;
	service->cluster_ips[0] = ip_addr_v4(10, 96, 0, 1);
	health_set(health, &settings, now);
	health_want_begin(health);
	health_want(health, service, true, now);
	health_want_end(health);
	for (i = 0; i < 3; i++, now = mono_add_usec(now, USEC_PER_SEC)) {
		assert_true(health_next(health, now, &question));
		health_answered(health, question.key, question.id, &refused, now);
	}
	f.input.health = health;
	plan = plan_build(&f.input);
	assert_int_equal(plan->addresses[0].reason, PLAN_NO_ENDPOINTS);
	assert_false(plan->addresses[0].serving);
	assert_true(plan->addresses[0].candidate);
	assert_string_equal(plan->addresses[0].sentence,
	    "its clusterIP refuses connections to port 80, so it has no endpoint (health.cluster-check)");
	plan_free(plan);
	health_free(health);
	fixture_fini(&f);
}

/* What a node that may not announce any more does with what it has. */
static void
test_serving(void **state)
{
	static const struct {
		const char *name, *node;
		struct ad ad;
		enum plan_reason reason;
		bool serving;
	} table[] = {
	    {"labelled", EXCLUDE "=", {0}, PLAN_NODE_EXCLUDED, true},
	    {"labelled, without an interface", EXCLUDE "=", {.interface = "eth7"},
		PLAN_NODE_EXCLUDED, false},
	    {"without an interface", IRIS1, {.interface = "eth7"}, PLAN_NO_INTERFACE, false},
	    {"not selected", IRIS1, {.node = IRIS2}, PLAN_NO_MATCHING_ADVERTISEMENT, false},
	};
	const struct svc web = WEB;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		struct fixture f;
		struct plan *plan;

		fixture_init(&f, &table[i].ad, 1, table[i].node);
		add_service(&f.services, &web);
		plan = plan_build(&f.input);
		assert_row(i, table[i].name, plan->addresses[0].reason == table[i].reason);
		assert_row(i, table[i].name, plan->addresses[0].serving == table[i].serving);
		assert_row(i, table[i].name, !plan->addresses[0].candidate);
		plan_free(plan);
		fixture_fini(&f);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_sentences),
	    cmocka_unit_test(test_exclude_label),
	    cmocka_unit_test(test_labels_of_the_file_win),
	    cmocka_unit_test(test_services),
	    cmocka_unit_test(test_health),
	    cmocka_unit_test(test_local_nodes),
	    cmocka_unit_test(test_no_endpoints_at_all),
	    cmocka_unit_test(test_serving),
	    cmocka_unit_test(test_service_check),
	    cmocka_unit_test(test_heartbeat),
	    cmocka_unit_test(test_pool_is_advertised),
	    cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
