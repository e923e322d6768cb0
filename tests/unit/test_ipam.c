#include "ipam/ipam.h"

#include <stdlib.h>

#include "ipam_help.h"
#include "model/labels.h"
#include "test.h"
#include "util/prng.h"
#include "util/str.h"

#define DUAL "10.0.0.1 fd00::1"
#define REQUIRE .cluster_ips = DUAL, .policy = REQUIRE_DUAL_STACK
#define PREFER .cluster_ips = DUAL, .policy = PREFER_DUAL_STACK

/* MetalLB's controller cases. p5 has the ranges of p1 and p3, as there. */
static const struct help_pool pools34[] = {
    {.name = "p1", .addresses = "1.2.3.0/31"},
    {.name = "p2", .addresses = "3.4.5.6/32", .no_auto = true},
    {.name = "p3", .addresses = "1000::/127"},
    {.name = "p4", .addresses = "2000::1/128", .no_auto = true},
    {.name = "p5", .addresses = "1.2.3.0/31 1000::/127"},
    {.name = "p6", .addresses = "7.8.9.0/31", .namespaces = "ns1", .priority = 10},
    {.name = "p7", .addresses = "10.11.12.0/31", .namespaces = "ns1", .priority = 11},
    {.name = "p8",
	.addresses = "13.14.15.0/31",
	.service_selectors = "team=metallb",
	.priority = 9},
    {.name = "p9", .addresses = "16.17.18.0/31", .namespaces = "ns2"},
    {.name = "p10",
	.addresses = "19.20.21.0/31",
	.service_selectors = "team=metallb",
	.priority = 8},
    {.name = "p11",
	.addresses = "22.23.24.0/31",
	.namespaces = "ns1",
	.service_selectors = "team=metallb",
	.priority = 8},
    {.name = "p12",
	.addresses = "25.26.27.0/31",
	.namespaces = "ns1",
	.service_selectors = "team=metallb",
	.priority = 5},
};

static const struct {
	const char *name;
	struct help_service service;
	const char *status;
	bool warns;
} cases34[] = {
    {"ClusterIP Service", {.not_load_balancer = true}, "", false},
    {"without clusterIP", {.no_cluster_ip = true}, "", false},
    {"v4", {0}, "1.2.3.0", false},
    {"field", {.field = "1.2.3.1"}, "1.2.3.1", false},
    {"annotation", {.ips = "1.2.3.1"}, "1.2.3.1", false},
    {"both", {.ips = "1.2.3.1", .field = "1.2.3.1"}, "", true},
    {"field is text", {.field = "please"}, "", true},
    {"annotation is text", {.ips = "please"}, "", true},
    {"annotation and wrong pool", {.ips = "1.2.3.1", .pool = "p2"}, "", true},
    {"two v4", {.ips = "1.2.3.0,1.2.3.1"}, "", true},
    {"has one, asks for another in no pool", {.ingress = "1.2.3.1", .field = "1.2.3.4"}, "", true},
    {"pool p1", {.pool = "p1"}, "1.2.3.0", false},
    {"has p1, asks for p2", {.ingress = "1.2.3.0", .pool = "p2"}, "3.4.5.6", false},
    {"no such pool", {.pool = "does-not-exist"}, "", true},
    {"left by MetalLB, in no pool", {.ingress = "2.3.4.5", .from = "old"}, "1.2.3.0", false},
    {"foreign address", {.ingress = "2.3.4.5"}, "1.2.3.0 2.3.4.5", false},
    {"foreign name and address", {.ingress = "foo.bar.local 10.10.10.10"},
	"1.2.3.0 foo.bar.local 10.10.10.10", false},
    {"was LoadBalancer", {.not_load_balancer = true, .ingress = "1.2.3.0"}, "", false},
    {"field of a pool without auto-assign", {.field = "3.4.5.6"}, "3.4.5.6", false},
    {"the same, Local", {.field = "3.4.5.6", .local = true}, "3.4.5.6", false},
    {"v6 asks for v4", {.cluster_ips = "fd00::1", .field = "1.2.3.1"}, "", true},
    {"v6 asks for v4, annotation", {.cluster_ips = "fd00::1", .ips = "1.2.3.1"}, "", true},
    {"v4 asks for v6", {.field = "1000::"}, "", true},
    {"v4 asks for v6, annotation", {.ips = "1000::"}, "", true},
    {"v4 has v6", {.ingress = "1000::"}, "1.2.3.0", false},
    {"v6 has v4", {.cluster_ips = "fd00::1", .ingress = "1.2.3.0"}, "1000::", false},
    {"Require", {REQUIRE}, "1.2.3.0 1000::", false},
    {"Prefer", {PREFER}, "1.2.3.0 1000::", false},
    {"Require p5", {REQUIRE, .pool = "p5"}, "1.2.3.0 1000::", false},
    {"Prefer p5", {PREFER, .pool = "p5"}, "1.2.3.0 1000::", false},
    {"ns1, one clusterIP, Prefer", {.namespace = "ns1", .policy = PREFER_DUAL_STACK}, "7.8.9.0",
	false},
    {"Prefer p1", {PREFER, .pool = "p1"}, "1.2.3.0", false},
    {"v6, Prefer p3", {.cluster_ips = "fd00::1", .policy = PREFER_DUAL_STACK, .pool = "p3"},
	"1000::", false},
    {"v4, Prefer p5", {.policy = PREFER_DUAL_STACK, .pool = "p5"}, "1.2.3.0", false},
    {"v4, Require p5", {.policy = REQUIRE_DUAL_STACK, .pool = "p5"}, "", true},
    {"Prefer, one address asked", {PREFER, .field = "1.2.3.1"}, "", true},
    {"Require, one address asked", {REQUIRE, .ips = "1.2.3.1"}, "", true},
    {"Require, both asked", {REQUIRE, .ips = "1.2.3.0,1000::"}, "1.2.3.0 1000::", false},
    {"Require p1", {REQUIRE, .pool = "p1"}, "", true},
    {"ns1", {.namespace = "ns1"}, "7.8.9.0", false},
    {"ns2", {.namespace = "ns2"}, "16.17.18.0", false},
    {"team", {.labels = "team=metallb"}, "19.20.21.0", false},
    {"ns1 and team", {.namespace = "ns1", .labels = "team=metallb"}, "25.26.27.0", false},
    {"legacy annotations", {.ips = "1.2.3.1", .legacy = true}, "1.2.3.1", true},
    {"another class", {.class = "other"}, "", false},
    {"another class, served by another", {.class = "other", .ingress = "1.2.3.0", .from = "p1"},
	"1.2.3.0", false},
    {"clusterIPs make no sense", {.clusters_invalid = true}, "", true},
    {"the same, has an address", {.clusters_invalid = true, .ingress = "1.2.3.1", .from = "p1"},
	"1.2.3.1", true},
    {"being deleted", {.deleting = true}, "", false},
    {"being deleted, has one", {.deleting = true, .ingress = "1.2.3.1", .from = "p1"}, "1.2.3.1",
	false},
    {"recorded, status wiped", {.condition = "assigned 1.2.3.1 from pool \"p1\"", .from = "p1"},
	"1.2.3.1", false},
    {"recorded, foreign beside it",
	{.condition = "assigned 1.2.3.1 from pool \"p1\"",
	    .from = "p1",
	    .ingress = "9.9.9.9 1.2.3.1"},
	"9.9.9.9 1.2.3.1", false},
    {"recorded, pool gone",
	{.condition = "assigned 9.9.9.9 from pool \"old\"", .from = "old", .ingress = "9.9.9.9"},
	"1.2.3.0", false},
    {"two of ours", {.ingress = "1.2.3.1 1.2.3.0", .from = "p1"}, "1.2.3.1", false},
    {"the same one twice", {.ingress = "1.2.3.1 1.2.3.1", .from = "p1"}, "1.2.3.1", false},
    {"wrong order", {REQUIRE, .ingress = "1000:: 1.2.3.1", .from = "p5"}, "1.2.3.1 1000::", false},
};

static const char *
key_of(const struct help_service *spec)
{
	static char key[64];

	(void)snprintf(key, sizeof(key), "%s/%s", spec->namespace ? spec->namespace : "default",
	    spec->name ? spec->name : "test");
	return key;
}

static void
run_case(struct help_cluster *cluster, size_t i, uint64_t seed, const char *uid)
{
	struct help_service spec = cases34[i].service;
	size_t warnings = cluster->warnings;
	const struct service *service;
	const char *status;

	spec.uid = uid;
	help_cluster_put(cluster, &spec);
	help_cluster_run(cluster);
	status = help_cluster_status(cluster, key_of(&spec));
	if (!str_eq(status, cases34[i].status))
		fail_msg("seed %llu, %s: %s, not %s", (unsigned long long)seed, cases34[i].name,
		    status, cases34[i].status);
	service = service_table_find(&cluster->table, key_of(&spec));
	if (service->condition.present)
		assert_row(i, cases34[i].name,
		    service->condition.status ==
			(service->annotations[ANNOTATION_IP_ALLOCATED_FROM_POOL] != NULL));
	if ((cluster->warnings > warnings) != cases34[i].warns)
		fail_msg("seed %llu, %s: %zu warnings", (unsigned long long)seed, cases34[i].name,
		    cluster->warnings - warnings);
}

static void
test_controller_cases(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases34); i++) {
		struct help_cluster cluster;

		help_cluster_init(&cluster, pools34, ARRAY_SIZE(pools34));
		run_case(&cluster, i, 0, "uid");
		help_cluster_fini(&cluster);
	}
}

/* The same from any previous state: in random order, each a new Service under an old name. */
static void
test_controller_cases_shuffled(void **state)
{
	struct help_cluster cluster;
	size_t round, i;

	(void)state;
	help_cluster_init(&cluster, pools34, ARRAY_SIZE(pools34));
	for (round = 0; round < 100; round++) {
		size_t order[ARRAY_SIZE(cases34)];
		struct prng prng;

		prng_init(&prng, round);
		for (i = 0; i < ARRAY_SIZE(order); i++) {
			size_t j = prng_below(&prng, i + 1);

			order[i] = order[j];
			order[j] = i;
		}
		for (i = 0; i < ARRAY_SIZE(order); i++) {
			char uid[32];

			(void)snprintf(uid, sizeof(uid), "%zu.%zu", round, i);
			/* Those of other namespaces are in the way of nobody. */
			help_cluster_gone(&cluster, "ns1/test");
			help_cluster_gone(&cluster, "ns2/test");
			if (!str_eq(key_of(&cases34[order[i]].service), "default/test"))
				help_cluster_gone(&cluster, "default/test");
			run_case(&cluster, order[i], round, uid);
		}
	}
	help_cluster_fini(&cluster);
}

/* Each case after each other one as an edit of the same Service: whatever it keeps, it ends. */
static void
test_controller_cases_edited(void **state)
{
	size_t i, j;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases34); i++) {
		for (j = 0; j < ARRAY_SIZE(cases34); j++) {
			struct help_service spec = cases34[j].service;
			struct help_cluster cluster;
			const struct service *was;
			struct service *edited;
			size_t writes;

			help_cluster_init(&cluster, pools34, ARRAY_SIZE(pools34));
			help_cluster_put(&cluster, &cases34[i].service);
			help_cluster_run(&cluster);
			was = service_table_find(&cluster.table, key_of(&cases34[i].service));
			spec.namespace = cases34[i].service.namespace;
			edited = help_service(&spec);
			/* The edit leaves status and annotation as they were written. */
			edited->ingress = was->ingress;
			edited->n_ingress = was->n_ingress;
			edited->condition = was->condition;
			edited->annotations[ANNOTATION_IP_ALLOCATED_FROM_POOL] =
			    was->annotations[ANNOTATION_IP_ALLOCATED_FROM_POOL];
			{
				struct service *copy = help_copy(edited);

				service_free(edited);
				service_table_put(&cluster.table, copy);
				ipam_service_changed(cluster.ipam, copy);
			}
			help_cluster_run(&cluster);
			/* A fresh leader finds nothing to do. */
			writes = cluster.writes;
			help_cluster_restart(&cluster);
			help_cluster_run(&cluster);
			if (cluster.writes != writes)
				fail_msg("%s -> %s: a fresh leader writes again", cases34[i].name,
				    cases34[j].name);
			help_cluster_fini(&cluster);
		}
	}
}

/* A Service by number, the later the younger. */
static void
put(struct help_cluster *cluster, unsigned n, struct help_service spec)
{
	static char names[40][16];

	(void)snprintf(names[n], sizeof(names[n]), "s%u", n);
	spec.name = names[n];
	spec.created = spec.created ? spec.created : 1000 + n;
	help_cluster_put(cluster, &spec);
	help_cluster_run(cluster);
}

static const char *
status(const struct help_cluster *cluster, unsigned n)
{
	char key[32];

	(void)snprintf(key, sizeof(key), "default/s%u", n);
	return help_cluster_status(cluster, key);
}

static void
gone(struct help_cluster *cluster, unsigned n)
{
	char key[32];

	(void)snprintf(key, sizeof(key), "default/s%u", n);
	help_cluster_gone(cluster, key);
	help_cluster_run(cluster);
}

#define assert_status(cluster, n, text) assert_string_equal(status(cluster, n), text)

/* B: AllocateFromPool. */
static void
test_named_pool(void **state)
{
	static const struct help_pool pools[] = {
	    {.name = "other", .addresses = "10.10.0.0/16 3000::/64"},
	    {.name = "test", .addresses = "1.2.3.4/31 1.2.3.10/31 1000::/127 2000::/127"},
	    {.name = "other2", .addresses = "10.20.0.0/16 4000::/64"},
	};
	static const char *const expected[][4] = {
	    {"1.2.3.4", "1.2.3.5", "1.2.3.10", "1.2.3.11"},
	    {"1000::", "1000::1", "2000::", "2000::1"},
	};
	unsigned family, i;

	(void)state;
	for (family = 0; family < 2; family++) {
		struct help_service spec = {
		    .pool = "test", .cluster_ips = family ? "fd00::1" : "10.0.0.1"};
		struct help_cluster cluster;

		help_cluster_init(&cluster, pools, ARRAY_SIZE(pools));
		for (i = 1; i <= 6; i++)
			put(&cluster, i, spec);
		for (i = 1; i <= 4; i++)
			assert_status(&cluster, i, expected[family][i - 1]);
		assert_status(&cluster, 5, "");
		assert_status(&cluster, 6, "");
		assert_string_equal(cluster.last_event, "AllocationFailed");
		assert_non_null(strstr(cluster.last_message, "pool \"test\" has no free IPv"));
		gone(&cluster, 1);
		assert_status(&cluster, 5, expected[family][0]);
		assert_status(&cluster, 6, "");
		gone(&cluster, 5);
		assert_status(&cluster, 6, expected[family][0]);
		gone(&cluster, 6);
		spec.share = "share";
		put(&cluster, 5, spec);
		spec.ports = "tcp/443";
		put(&cluster, 6, spec);
		assert_status(&cluster, 5, expected[family][0]);
		assert_status(&cluster, 6, expected[family][0]);
		help_cluster_fini(&cluster);
	}
}

/* C1. */
static void
test_any_pool(void **state)
{
	static const struct help_pool pools[] = {
	    {.name = "a", .addresses = "1.2.3.4/31 1000::4/127"},
	    {.name = "b", .addresses = "1.2.3.10/31 1000::10/127"},
	};
	static const struct {
		struct help_service service;
		const char *first, *last;
	} rows[] = {
	    {{0}, "1.2.3.4", "1.2.3.11"},
	    {{.cluster_ips = "fd00::1"}, "1000::4", "1000::11"},
	    {{REQUIRE}, "1.2.3.4 1000::4", "1.2.3.11 1000::11"},
	};
	unsigned row, i;

	(void)state;
	for (row = 0; row < ARRAY_SIZE(rows); row++) {
		struct help_service spec = rows[row].service, shared = spec;
		struct help_cluster cluster;

		shared.share = "k";
		help_cluster_init(&cluster, pools, ARRAY_SIZE(pools));
		for (i = 1; i <= 4; i++)
			put(&cluster, i, spec);
		assert_status(&cluster, 1, rows[row].first);
		assert_status(&cluster, 4, rows[row].last);
		shared.ports = "tcp/81";
		put(&cluster, 7, spec);
		assert_status(&cluster, 7, "");
		gone(&cluster, 7);
		gone(&cluster, 1);
		put(&cluster, 5, shared);
		assert_status(&cluster, 5, rows[row].first);
		put(&cluster, 6, spec);
		assert_status(&cluster, 6, "");
		shared.ports = "tcp/82";
		put(&cluster, 6, shared);
		assert_status(&cluster, 6, rows[row].first);
		help_cluster_fini(&cluster);
	}
}

/* C2, C3. */
static void
test_buggy_and_auto_assign(void **state)
{
	static const struct help_pool buggy[] = {
	    {.name = "a", .addresses = "1.2.3.0/31 1.2.3.254/31"},
	    {.name = "b", .addresses = "1.2.4.0/31 1.2.4.254/31", .avoid_buggy = true},
	};
	static const struct help_pool autos[] = {
	    {.name = "a", .addresses = "1.2.3.4/31 1000::4/127", .no_auto = true},
	    {.name = "b", .addresses = "1.2.3.10/31 1000::10/127"},
	};
	static const char *const six[] = {
	    "1.2.3.0", "1.2.3.1", "1.2.3.254", "1.2.3.255", "1.2.4.1", "1.2.4.254", ""};
	struct help_cluster cluster;
	unsigned i;

	(void)state;
	help_cluster_init(&cluster, buggy, ARRAY_SIZE(buggy));
	for (i = 0; i < ARRAY_SIZE(six); i++) {
		put(&cluster, i, (struct help_service){0});
		assert_status(&cluster, i, six[i]);
	}
	help_cluster_fini(&cluster);
	help_cluster_init(&cluster, autos, ARRAY_SIZE(autos));
	put(&cluster, 1, (struct help_service){REQUIRE});
	put(&cluster, 2, (struct help_service){REQUIRE});
	put(&cluster, 3, (struct help_service){REQUIRE});
	assert_status(&cluster, 1, "1.2.3.10 1000::10");
	assert_status(&cluster, 2, "1.2.3.11 1000::11");
	assert_status(&cluster, 3, "");
	assert_non_null(strstr(cluster.last_message, "pool \"a\" is given on request only"));
	help_cluster_fini(&cluster);
}

/* C4, C6 and the life-cycle of pools. */
static void
test_reload(void **state)
{
	static const struct help_pool start[] = {
	    {.name = "test", .addresses = "1.2.3.0/30 1000::/126"}};
	static const struct help_pool grown[] = {
	    {.name = "test", .addresses = "1.2.3.0/24 1000::/120"}};
	static const struct help_pool renamed[] = {
	    {.name = "test2", .addresses = "1.2.3.0/24 1000::/120"}};
	static const struct help_pool split[] = {
	    {.name = "test", .addresses = "1.2.3.0/31 1000::2/127"},
	    {.name = "test2", .addresses = "1.2.3.2/31 1000::/127"}};
	static const struct help_pool moved[] = {
	    {.name = "new", .addresses = "5.5.5.0/24 5000::/120"}};
	static const struct help_pool avoid[] = {
	    {.name = "test", .addresses = "1.2.3.0/24 1000::/120", .avoid_buggy = true}};
	static const struct help_pool excluded[] = {
	    {.name = "test", .addresses = "1.2.3.0/24 1000::/120", .exclude = "1.2.3.0/31 1000::"}};
	static const struct help_pool other[] = {
	    {.name = "test", .addresses = "1.2.3.0/24 1000::/120", .namespaces = "x"}};
	static const struct {
		const char *name;
		const struct help_pool *pools;
		size_t n;
		const char *v4, *v6, *pool4, *pool6;
		size_t writes;
	} rows[] = {
	    {"same", start, 1, "1.2.3.0", "1000::", "test", "test", 0},
	    {"grown", grown, 1, "1.2.3.0", "1000::", "test", "test", 0},
	    {"shrunk", start, 1, "1.2.3.0", "1000::", "test", "test", 0},
	    {"renamed", renamed, 1, "1.2.3.0", "1000::", "test2", "test2", 2},
	    {"split", split, 2, "1.2.3.0", "1000::", "test", "test2", 1},
	    {"removed", moved, 1, "5.5.5.0", "5000::", "new", "new", 2},
	    {"back", grown, 1, "1.2.3.0", "1000::", "test", "test", 2},
	    {"buggy", avoid, 1, "1.2.3.1", "1000::", "test", "test", 1},
	    {"again allowed", grown, 1, "1.2.3.1", "1000::", "test", "test", 0},
	    {"excluded", excluded, 1, "1.2.3.2", "1000::1", "test", "test", 2},
	    {"for another namespace", other, 1, "", "", NULL, NULL, 2},
	    {"none", NULL, 0, "", "", NULL, NULL, 2},
	    {"none again", NULL, 0, "", "", NULL, NULL, 0},
	    {"again", start, 1, "1.2.3.0", "1000::", "test", "test", 2},
	};
	struct help_cluster cluster;
	size_t i;

	(void)state;
	help_cluster_init(&cluster, start, 1);
	put(&cluster, 1, (struct help_service){0});
	put(&cluster, 2, (struct help_service){.cluster_ips = "fd00::1"});
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct service_table *table = &cluster.table;
		size_t writes = cluster.writes;

		help_cluster_pools(&cluster, rows[i].pools, rows[i].n);
		help_cluster_run(&cluster);
		assert_row(i, rows[i].name, str_eq(status(&cluster, 1), rows[i].v4));
		assert_row(i, rows[i].name, str_eq(status(&cluster, 2), rows[i].v6));
		assert_row(i, rows[i].name,
		    str_eq_null(service_table_find(table, "default/s1")
				    ->annotations[ANNOTATION_IP_ALLOCATED_FROM_POOL],
			rows[i].pool4));
		assert_row(i, rows[i].name,
		    str_eq_null(service_table_find(table, "default/s2")
				    ->annotations[ANNOTATION_IP_ALLOCATED_FROM_POOL],
			rows[i].pool6));
		assert_row(i, rows[i].name, cluster.writes - writes == rows[i].writes);
	}
	help_cluster_fini(&cluster);
}

/* A file that most members do not have takes nothing away. */
static void
test_minority_revokes_nothing(void **state)
{
	static const struct help_pool start[] = {
	    {.name = "a", .addresses = "1.2.3.0/24"}, {.name = "b", .addresses = "1.2.4.0/24"}};
	static const struct help_pool files[][2] = {
	    {{.name = "b", .addresses = "9.9.9.0/24"}, {.name = "c", .addresses = "9.9.8.0/24"}},
	    {{.name = "a", .addresses = "1.2.3.0/24", .exclude = "1.2.3.0"},
		{.name = "b", .addresses = "1.2.4.0/24"}},
	    {{.name = "a", .addresses = "1.2.3.0/24", .avoid_buggy = true},
		{.name = "b", .addresses = "1.2.4.0/24"}},
	    {{.name = "a", .addresses = "1.2.3.0/24", .namespaces = "x"},
		{.name = "b", .addresses = "1.2.4.0/24"}},
	    {{.name = "a", .addresses = "1.2.4.0/24"}, {.name = "b", .addresses = "1.2.3.0/24"}},
	};
	size_t i, named, restart;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		for (named = 0; named < 2; named++) {
			for (restart = 0; restart < 2; restart++) {
				struct help_cluster cluster;
				bool same = i == 4 && !named;

				help_cluster_init(&cluster, start, 2);
				put(&cluster, 1, (struct help_service){.pool = named ? "a" : NULL});
				assert_status(&cluster, 1, "1.2.3.0");
				ipam_set_may_revoke(cluster.ipam, false);
				help_cluster_pools(&cluster, files[i], 2);
				if (restart)
					help_cluster_restart(&cluster);
				help_cluster_run(&cluster);
				assert_row(i, "kept", str_eq(status(&cluster, 1), "1.2.3.0"));
				if (!same)
					assert_row(i, "said",
					    strstr(service_table_find(&cluster.table, "default/s1")
						       ->condition.message,
						"kept against this node's settings"));
				/* Nor does looking again change that. */
				help_cluster_restart(&cluster);
				help_cluster_run(&cluster);
				assert_row(i, "still", str_eq(status(&cluster, 1), "1.2.3.0"));
				ipam_set_may_revoke(cluster.ipam, true);
				help_cluster_run(&cluster);
				assert_row(
				    i, "revoked", str_eq(status(&cluster, 1), "1.2.3.0") == same);
				help_cluster_fini(&cluster);
			}
		}
	}
}

/* Status wiped or edited by hand while somebody watches. */
static void
test_edited_by_hand(void **state)
{
	static const struct help_pool pools[] = {
	    {.name = "a", .addresses = "1.2.3.0/24 1000::/120"}};
	static const char *const edits[] = {
	    "", "1.2.3.9", "1.2.3.0 1.2.3.9", "1.2.3.9 1.2.3.0", "1.2.3.0 1000::9", "1000::9"};
	struct help_cluster cluster;
	size_t i;

	(void)state;
	help_cluster_init(&cluster, pools, 1);
	put(&cluster, 1, (struct help_service){0});
	for (i = 0; i < ARRAY_SIZE(edits); i++) {
		size_t normals = cluster.normals;

		/* Annotation and condition are gone with it. */
		put(&cluster, 1, (struct help_service){.ingress = edits[i]});
		assert_row(i, edits[i], str_eq(status(&cluster, 1), "1.2.3.0"));
		assert_row(i, edits[i], cluster.normals == normals && !cluster.warnings);
	}
	put(&cluster, 1, (struct help_service){.ingress = "8.8.8.8 lb.example"});
	assert_status(&cluster, 1, "1.2.3.0 8.8.8.8 lb.example");
	/* Our condition was there: without it our annotation does not make all others ours. */
	put(&cluster, 1, (struct help_service){.ingress = "8.8.8.8", .from = "a"});
	assert_status(&cluster, 1, "1.2.3.0 8.8.8.8");
	/* Nor does writing an address into the status of one that waits give it that one. */
	put(&cluster, 2, (struct help_service){.pool = "nope"});
	put(&cluster, 2, (struct help_service){.pool = "nope", .ingress = "1.2.3.7"});
	assert_status(&cluster, 2, "");
	help_cluster_fini(&cluster);
}

/* Whoever has an address is settled first; of two on one address the elder keeps it. */
static void
test_fresh_leader(void **state)
{
	static const struct help_pool pools[] = {{.name = "a", .addresses = "1.2.3.0/30"}};
	struct help_cluster cluster;

	(void)state;
	help_cluster_init(&cluster, pools, 1);
	{
		/* The eldest waits, two have addresses, two share one without a right to. */
		const struct help_service specs[] = {
		    {.name = "s1", .created = 1},
		    {.name = "s2", .created = 50, .ingress = "1.2.3.0", .from = "a"},
		    {.name = "s3", .created = 40, .ingress = "1.2.3.0", .from = "a"},
		    {.name = "s4", .created = 60, .ingress = "1.2.3.1", .from = "a"},
		    /* The younger of one second: by name. */
		    {.name = "s5", .created = 70, .ingress = "1.2.3.2"},
		    {.name = "s6", .created = 70, .ingress = "1.2.3.2"},
		};
		size_t i;

		for (i = 0; i < ARRAY_SIZE(specs); i++)
			help_cluster_put(&cluster, &specs[i]);
		help_cluster_run(&cluster);
	}
	assert_status(&cluster, 3, "1.2.3.0");
	assert_status(&cluster, 4, "1.2.3.1");
	assert_status(&cluster, 5, "1.2.3.2");
	/* One is left: the eldest of those that wait. */
	assert_status(&cluster, 1, "1.2.3.3");
	assert_status(&cluster, 2, "");
	assert_status(&cluster, 6, "");
	assert_int_equal(ipam_pending_count(cluster.ipam), 2);
	help_cluster_restart(&cluster);
	help_cluster_run(&cluster);
	assert_status(&cluster, 3, "1.2.3.0");
	assert_status(&cluster, 1, "1.2.3.3");
	help_cluster_fini(&cluster);
}

/* An elder that must move is not given what a younger one has, though it is looked at first. */
static void
test_elder_moves_around_the_younger(void **state)
{
	static const struct help_pool pools[] = {
	    {.name = "a", .addresses = "1.2.3.0/30 1000::/126"}};
	struct help_cluster cluster;

	(void)state;
	help_cluster_init(&cluster, pools, 1);
	help_cluster_put(&cluster,
	    &(struct help_service){.name = "s1", .created = 1, .ingress = "1000::", .from = "a"});
	help_cluster_put(&cluster,
	    &(struct help_service){.name = "s2", .created = 2, .ingress = "1.2.3.0", .from = "a"});
	help_cluster_run(&cluster);
	assert_status(&cluster, 1, "1.2.3.1");
	assert_status(&cluster, 2, "1.2.3.0");
	help_cluster_fini(&cluster);
}

static void
test_dual_stack(void **state)
{
	static const struct help_pool both[] = {
	    {.name = "a", .addresses = "1.2.3.0/31 1000::/127"}};
	static const struct help_pool two[] = {{.name = "four", .addresses = "1.2.3.0/31"},
	    {.name = "six", .addresses = "1000::/127"}};
	static const struct help_pool twice[] = {
	    {.name = "a", .addresses = "1.2.3.0/31 1000::/127"},
	    {.name = "b", .addresses = "1.2.4.0/31 2000::/127"}};
	static const struct help_pool tight[] = {
	    {.name = "a", .addresses = "1.2.3.0/30 1000::/128"}};
	struct help_cluster cluster;
	const struct service *service;

	(void)state;
	/* An added family never changes the address that is held, and comes from its pool. */
	help_cluster_init(&cluster, both, 1);
	put(&cluster, 1, (struct help_service){.ips = "1.2.3.1"});
	put(&cluster, 1, (struct help_service){PREFER, .ingress = "1.2.3.1", .from = "a"});
	assert_status(&cluster, 1, "1.2.3.1 1000::");
	assert_non_null(strstr(cluster.last_message, "additional address"));
	/* And a removed one does not touch the other. */
	put(&cluster, 1, (struct help_service){.ingress = "1.2.3.1 1000::", .from = "a"});
	assert_status(&cluster, 1, "1.2.3.1");
	/* Prefer with one clusterIP: that family, once, for ever. */
	put(&cluster, 1,
	    (struct help_service){.policy = PREFER_DUAL_STACK, .ingress = "1.2.3.1 1000::"});
	assert_status(&cluster, 1, "1.2.3.1");
	put(&cluster, 1, (struct help_service){REQUIRE, .ingress = "1.2.3.1", .from = "a"});
	assert_status(&cluster, 1, "1.2.3.1 1000::");
	help_cluster_fini(&cluster);

	/* A second family that cannot be had does not cost the first. */
	help_cluster_init(&cluster, tight, 1);
	put(&cluster, 2, (struct help_service){PREFER});
	put(&cluster, 1, (struct help_service){0});
	put(&cluster, 1, (struct help_service){REQUIRE, .ingress = "1.2.3.1", .from = "a"});
	assert_status(&cluster, 1, "1.2.3.1");
	assert_string_equal(cluster.last_event, "AllocationFailed");
	service = service_table_find(&cluster.table, "default/s1");
	assert_false(service->condition.status);
	assert_string_equal(service->condition.message,
	    "assigned 1.2.3.1 from pool \"a\"; no available IPs: pool \"a\" has no free IPv6 "
	    "address");
	help_cluster_fini(&cluster);

	/* The pool of the held address before those of a better place. */
	help_cluster_init(&cluster, twice, 2);
	put(&cluster, 1, (struct help_service){.ips = "1.2.4.1"});
	put(&cluster, 1, (struct help_service){PREFER, .ingress = "1.2.4.1", .from = "b"});
	assert_status(&cluster, 1, "1.2.4.1 2000::");
	help_cluster_fini(&cluster);

	/* Two pools where no one has both. */
	help_cluster_init(&cluster, two, 2);
	put(&cluster, 1, (struct help_service){REQUIRE});
	assert_status(&cluster, 1, "1.2.3.0 1000::");
	service = service_table_find(&cluster.table, "default/s1");
	assert_string_equal(service->annotations[ANNOTATION_IP_ALLOCATED_FROM_POOL], "four,six");
	put(&cluster, 2, (struct help_service){PREFER, .pool = "six"});
	assert_status(&cluster, 2, "1000::1");
	put(&cluster, 3, (struct help_service){REQUIRE});
	assert_status(&cluster, 3, "");
	put(&cluster, 4, (struct help_service){PREFER});
	assert_status(&cluster, 4, "1.2.3.1");
	assert_string_equal(cluster.last_event, "AdditionalAssignFailed");
	/* Once one is free: the elder of those that wait has no v4 to go with it. */
	gone(&cluster, 2);
	assert_status(&cluster, 3, "");
	assert_status(&cluster, 4, "1.2.3.1 1000::1");
	help_cluster_fini(&cluster);

	/* Prefer keeps trying, Require waits for both. */
	help_cluster_init(&cluster, tight, 1);
	put(&cluster, 1, (struct help_service){PREFER});
	put(&cluster, 2, (struct help_service){PREFER});
	put(&cluster, 3, (struct help_service){REQUIRE});
	assert_status(&cluster, 1, "1.2.3.0 1000::");
	assert_status(&cluster, 2, "1.2.3.1");
	assert_status(&cluster, 3, "");
	gone(&cluster, 1);
	assert_status(&cluster, 2, "1.2.3.1 1000::");
	gone(&cluster, 2);
	assert_status(&cluster, 3, "1.2.3.0 1000::");
	help_cluster_fini(&cluster);
}

static void
test_sharing(void **state)
{
	static const struct help_pool pools[] = {{.name = "a", .addresses = "1.2.3.0/30"}};
	struct help_cluster cluster;

	(void)state;
	help_cluster_init(&cluster, pools, 1);
	put(&cluster, 1, (struct help_service){0});
	put(&cluster, 2, (struct help_service){.share = "k", .ports = "tcp/80"});
	put(&cluster, 3, (struct help_service){.share = "k", .ports = "tcp/81"});
	put(&cluster, 4, (struct help_service){.share = "k", .ports = "tcp/81"});
	assert_status(&cluster, 2, "1.2.3.1");
	assert_status(&cluster, 3, "1.2.3.1");
	assert_status(&cluster, 4, "1.2.3.2");
	/* A co-user that changes its key loses the address; one that is alone does not. */
	put(&cluster, 3,
	    (struct help_service){
		.share = "x", .ports = "tcp/81", .ingress = "1.2.3.1", .from = "a"});
	assert_status(&cluster, 3, "1.2.3.3");
	assert_status(&cluster, 2, "1.2.3.1");
	put(&cluster, 2,
	    (struct help_service){
		.share = "x", .ports = "tcp/80", .ingress = "1.2.3.1", .from = "a"});
	assert_status(&cluster, 2, "1.2.3.1");
	/* Waits, until a holder's ports make room. */
	put(&cluster, 5, (struct help_service){.ips = "1.2.3.2", .share = "k", .ports = "tcp/81"});
	assert_status(&cluster, 5, "");
	assert_non_null(
	    strstr(cluster.last_message, "port TCP/81 is already in use on 1.2.3.2 by default/s4"));
	put(&cluster, 4,
	    (struct help_service){
		.share = "k", .ports = "tcp/82", .ingress = "1.2.3.2", .from = "a"});
	assert_status(&cluster, 5, "1.2.3.2");
	put(&cluster, 5,
	    (struct help_service){
		.share = "k", .ports = "tcp/82", .ingress = "1.2.3.2", .from = "a"});
	assert_status(&cluster, 5, "");
	assert_string_equal(cluster.last_event, "AllocationFailed");
	help_cluster_fini(&cluster);
}

static void
answer_namespace(struct help_cluster *cluster, const char *name, const char *value)
{
	const struct label label = {"env", value};
	const struct labels labels = {&label, 1};

	ipam_set_namespace(cluster->ipam, name, value ? &labels : NULL);
}

static size_t
ask(struct help_cluster *cluster, char *name, size_t size)
{
	struct ipam_decision decision;
	size_t asked = 0;

	while (ipam_next(cluster->ipam, &cluster->table, &decision)) {
		if (decision.kind != IPAM_NEEDS_NAMESPACE) {
			assert_int_equal(decision.kind, IPAM_NOTHING);
			continue;
		}
		asked++;
		str_copy(name, size, decision.needs_namespace);
	}
	return asked;
}

static void
test_namespace_selectors(void **state)
{
	static const struct help_pool pools[] = {
	    {.name = "prod", .addresses = "1.2.3.0/24", .namespace_selectors = "env=prod"},
	    {.name = "rest", .addresses = "1.2.4.0/24"},
	};
	struct help_cluster cluster;
	char name[64];

	(void)state;
	help_cluster_init(&cluster, pools, 2);
	help_cluster_put(&cluster, &(struct help_service){.name = "s1", .created = 1});
	help_cluster_put(&cluster, &(struct help_service){.name = "s2", .created = 2});
	/* One that has an address keeps it reserved while the question is open. */
	help_cluster_put(&cluster,
	    &(struct help_service){
		.name = "s3", .created = 3, .ingress = "1.2.3.0", .from = "prod"});
	assert_int_equal(ask(&cluster, name, sizeof(name)), 1);
	assert_string_equal(name, "default");
	answer_namespace(&cluster, "default", "prod");
	help_cluster_run(&cluster);
	assert_status(&cluster, 1, "1.2.3.1");
	assert_status(&cluster, 2, "1.2.3.2");
	assert_status(&cluster, 3, "1.2.3.0");
	/* Cannot be read any more: kept. */
	answer_namespace(&cluster, "default", NULL);
	help_cluster_run(&cluster);
	assert_status(&cluster, 1, "1.2.3.1");
	put(&cluster, 4, (struct help_service){0});
	assert_status(&cluster, 4, "1.2.4.0");
	/* Not for these any more. */
	answer_namespace(&cluster, "default", "dev");
	help_cluster_run(&cluster);
	assert_status(&cluster, 1, "1.2.4.1");
	assert_status(&cluster, 3, "1.2.4.3");
	/* The answer that changes nothing does nothing. */
	answer_namespace(&cluster, "default", "dev");
	{
		size_t settled = cluster.settled;

		help_cluster_run(&cluster);
		assert_int_equal(cluster.settled, settled);
	}
	help_cluster_fini(&cluster);
}

/* MetalLB's scenarios around pools that are not there yet, and a pool of one address. */
static void
test_scenarios(void **state)
{
	static const struct help_pool one[] = {{.name = "a", .addresses = "1.2.3.0/32"}};
	static const struct help_pool more[] = {
	    {.name = "a", .addresses = "1.2.3.0/32"}, {.name = "b", .addresses = "4.4.4.4/32"}};
	struct help_cluster cluster;
	struct ipam_decision decision;

	(void)state;
	help_cluster_init(&cluster, NULL, 0);
	help_cluster_put(&cluster, &(struct help_service){.name = "s1", .created = 1});
	assert_false(ipam_next(cluster.ipam, &cluster.table, &decision));
	help_cluster_pools(&cluster, NULL, 0);
	help_cluster_run(&cluster);
	assert_int_equal(cluster.writes + cluster.warnings + cluster.normals, 0);
	help_cluster_pools(&cluster, one, 1);
	help_cluster_run(&cluster);
	assert_status(&cluster, 1, "1.2.3.0");
	put(&cluster, 2, (struct help_service){0});
	assert_status(&cluster, 2, "");
	assert_int_equal(cluster.warnings, 1);
	/* Looked at again and again: said once. */
	put(&cluster, 1, (struct help_service){.ingress = "1.2.3.0", .from = "a"});
	help_cluster_pools(&cluster, one, 1);
	help_cluster_run(&cluster);
	help_cluster_restart(&cluster);
	help_cluster_run(&cluster);
	assert_int_equal(cluster.warnings, 1);
	gone(&cluster, 1);
	assert_status(&cluster, 2, "1.2.3.0");
	help_cluster_pools(&cluster, more, 2);
	help_cluster_run(&cluster);
	assert_status(&cluster, 2, "1.2.3.0");
	help_cluster_pools(&cluster, NULL, 0);
	help_cluster_run(&cluster);
	assert_status(&cluster, 2, "");
	help_cluster_fini(&cluster);
}

/* What comes back from a failed write: the same decision, without its Events, and nobody else gets
 * the address meanwhile. */
static void
test_failed_write(void **state)
{
	static const struct help_pool pools[] = {{.name = "a", .addresses = "1.2.3.0/31"}};
	struct help_cluster cluster;
	struct ipam_decision decision;
	int i;

	(void)state;
	help_cluster_init(&cluster, pools, 1);
	help_cluster_put(&cluster, &(struct help_service){.name = "s1", .created = 9});
	for (i = 0; i < 3; i++) {
		assert_true(ipam_next(cluster.ipam, &cluster.table, &decision));
		assert_true(decision.write_needed);
		assert_int_equal(decision.n_events, i == 0 ? 1 : 0);
		assert_int_equal(decision.addresses[0].bytes[3], 0);
		assert_string_equal(decision.annotation, "a");
		assert_true(decision.condition.status && decision.condition_transition);
		assert_string_equal(decision.ingress[0].ip_mode, "VIP");
		assert_false(ipam_next(cluster.ipam, &cluster.table, &decision));
		ipam_service_changed(
		    cluster.ipam, service_table_find(&cluster.table, "default/s1"));
	}
	put(&cluster, 2, (struct help_service){.created = 1});
	assert_status(&cluster, 2, "1.2.3.1");
	assert_status(&cluster, 1, "1.2.3.0");
	/* A refusal too. */
	help_cluster_put(&cluster, &(struct help_service){.name = "s3", .created = 1});
	for (i = 0; i < 3; i++) {
		assert_true(ipam_next(cluster.ipam, &cluster.table, &decision));
		assert_true(decision.write_needed && !decision.condition.status);
		assert_int_equal(decision.n_events, i == 0 ? 1 : 0);
		ipam_service_changed(
		    cluster.ipam, service_table_find(&cluster.table, "default/s3"));
	}
	help_cluster_fini(&cluster);
}

static void
test_class(void **state)
{
	static const struct {
		const char *flag, *class;
		bool handled;
	} rows[] = {{"", NULL, true}, {"", "x", false}, {"x", NULL, false}, {"x", "x", true},
	    {"x", "y", false}};
	static const struct help_pool pools[] = {{.name = "a", .addresses = "1.2.3.0/31"}};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct help_cluster cluster;

		help_cluster_init(&cluster, pools, 1);
		cluster.settings->kubernetes.load_balancer_class = rows[i].flag;
		put(&cluster, 1, (struct help_service){.class = rows[i].class});
		assert_row(
		    i, "class", str_eq(status(&cluster, 1), rows[i].handled ? "1.2.3.0" : ""));
		assert_row(i, "class", cluster.writes == rows[i].handled);
		if (rows[i].handled) {
			/* The type changes, the API drops the class and the status. */
			const struct service *service;

			put(&cluster, 1,
			    (struct help_service){.not_load_balancer = true,
				.from = "a",
				.condition = "assigned 1.2.3.0 from pool \"a\""});
			service = service_table_find(&cluster.table, "default/s1");
			assert_false(service->condition.present);
			assert_null(service->annotations[ANNOTATION_IP_ALLOCATED_FROM_POOL]);
			put(&cluster, 2, (struct help_service){.class = rows[i].class});
			assert_status(&cluster, 2, "1.2.3.0");
		}
		help_cluster_fini(&cluster);
	}
}

static void
test_forbidden_addresses(void **state)
{
	static const struct help_pool pools[] = {{.name = "a", .addresses = "1.2.3.0/30"}};
	const struct ip_addr nodes[] = {help_addr("1.2.3.1"), help_addr("10.0.0.1"),
	    help_addr("1.2.3.0"), help_addr("1.2.3.1")};
	struct help_cluster cluster;
	struct ipam_pool_stats stats;

	(void)state;
	help_cluster_init(&cluster, pools, 1);
	put(&cluster, 1, (struct help_service){0});
	ipam_set_forbidden(cluster.ipam, nodes, ARRAY_SIZE(nodes));
	put(&cluster, 2, (struct help_service){0});
	assert_status(&cluster, 1, "1.2.3.0");
	assert_status(&cluster, 2, "1.2.3.2");
	put(&cluster, 3, (struct help_service){.field = "1.2.3.1"});
	assert_status(&cluster, 3, "");
	assert_non_null(strstr(cluster.last_message, "1.2.3.1 is an address of a node"));
	assert_int_equal(ipam_pool_stats(cluster.ipam, "a", &stats), 0);
	assert_int_equal(stats.v4.total, 4);
	assert_int_equal(stats.v4.used, 2);
	assert_int_equal(stats.v4.free, 1);
	ipam_set_forbidden(cluster.ipam, nodes, 0);
	help_cluster_run(&cluster);
	assert_status(&cluster, 3, "1.2.3.1");
	help_cluster_fini(&cluster);
}

struct seen {
	char text[2048];
};

static void
see_pool(void *arg, const char *pool, enum ipam_verdict verdict, const char *sentence)
{
	struct seen *seen = arg;
	size_t len = strlen(seen->text);

	assert_non_null(strstr(sentence, verdict == IPAM_VERDICT_USED ? "gives" : "pool \""));
	(void)snprintf(
	    seen->text + len, sizeof(seen->text) - len, "%s:%s ", pool, ipam_verdict_str(verdict));
}

static void
see_held(void *arg, const struct ipam_held *held)
{
	struct seen *seen = arg;
	size_t len = strlen(seen->text);
	char addr[IP_ADDR_STRLEN];

	ip_addr_format(&held->address, addr);
	(void)snprintf(seen->text + len, sizeof(seen->text) - len, "%s=%s@%s%s ", addr,
	    held->service, held->pool, held->is_shared ? "+" : "");
}

static void
test_explain_and_counts(void **state)
{
	static const struct help_pool pools[] = {
	    {.name = "full", .addresses = "1.2.3.0/32"},
	    {.name = "manual", .addresses = "1.2.4.0/24", .no_auto = true},
	    {.name = "six", .addresses = "1000::/64"},
	    {.name = "open", .addresses = "1.2.5.0/24"},
	    {.name = "team", .addresses = "1.2.6.0/24", .service_selectors = "team=a"},
	    {.name = "ns", .addresses = "1.2.7.0/24", .namespaces = "other", .priority = 1},
	};
	static const struct {
		struct help_service service;
		const char *text;
	} rows[] = {
	    {{.name = "new"},
		"ns:namespace team:service-labels full:full manual:no-auto-assign six:no-family open:usable "},
	    {{.name = "s1"},
		"ns:namespace team:service-labels full:used manual:no-auto-assign six:no-family open:usable "},
	    {{.name = "new", .pool = "manual"},
		"ns:not-named team:not-named full:not-named manual:usable six:not-named open:not-named "},
	    {{.name = "new", .field = "1.2.3.0"},
		"ns:not-requested team:not-requested full:refused manual:not-requested six:not-requested open:not-requested "},
	    {{.name = "new", .field = "1.2.6.3"},
		"ns:not-requested team:refused full:not-requested manual:not-requested six:not-requested open:not-requested "},
	};
	struct help_cluster cluster;
	struct ipam_pool_stats stats;
	struct seen seen = {0};
	enum ipam_reason reason;
	const char *message;
	size_t i;

	(void)state;
	help_cluster_init(&cluster, pools, ARRAY_SIZE(pools));
	put(&cluster, 1, (struct help_service){0});
	put(&cluster, 2,
	    (struct help_service){.cluster_ips = "fd00::1", .share = "k", .ports = "tcp/1"});
	put(&cluster, 3,
	    (struct help_service){.cluster_ips = "fd00::1", .share = "k", .ports = "tcp/2"});
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct service *service = help_service(&rows[i].service);

		seen.text[0] = '\0';
		ipam_explain(cluster.ipam, service, see_pool, &seen);
		assert_string_equal(seen.text, rows[i].text);
		service_free(service);
	}
	seen.text[0] = '\0';
	ipam_foreach_held(cluster.ipam, see_held, &seen);
	assert_string_equal(
	    seen.text, "1.2.3.0=default/s1@full 1000::=default/s2@six+ 1000::=default/s3@six+ ");
	assert_int_equal(ipam_pool_stats(cluster.ipam, "six", &stats), 0);
	assert_true(stats.v6.is_saturated && stats.v6.free == UINT64_MAX && stats.v6.used == 1);
	assert_int_equal(stats.v4.total, 0);
	assert_int_equal(ipam_pool_stats(cluster.ipam, "full", &stats), 0);
	assert_true(stats.v4.total == 1 && stats.v4.used == 1 && stats.v4.free == 0);
	assert_int_not_equal(ipam_pool_stats(cluster.ipam, "none", &stats), 0);
	assert_true(ipam_service_state(cluster.ipam, "default/s1", &reason, &message));
	assert_int_equal(reason, IPAM_ALLOCATED);
	assert_string_equal(message, "assigned 1.2.3.0 from pool \"full\"");
	assert_false(ipam_service_state(cluster.ipam, "default/s9", &reason, &message));

	/* A daemon that does not allocate says the same of what is held, and gives nothing. */
	put(&cluster, 4, (struct help_service){0});
	assert_status(&cluster, 4, "1.2.5.0");
	put(&cluster, 4, (struct help_service){.uid = "again", .field = "1.2.5.1"});
	assert_status(&cluster, 4, "1.2.5.1");
	{
		struct ipam *view = ipam_new();

		service_table_put(
		    &cluster.table, help_service(&(struct help_service){.name = "s5"}));
		ipam_set_settings(view, cluster.settings);
		ipam_learn(view, &cluster.table);
		seen.text[0] = '\0';
		ipam_foreach_held(view, see_held, &seen);
		assert_string_equal(seen.text,
		    "1.2.3.0=default/s1@full 1.2.5.1=default/s4@open 1000::=default/s2@six+ "
		    "1000::=default/s3@six+ ");
		ipam_free(view);
	}
	help_cluster_fini(&cluster);
}

/* Long foreign text ends in short, printable words; 64 foreign entries are carried over. */
static void
test_hostile(void **state)
{
	static const struct help_pool pools[] = {{.name = "a", .addresses = "1.2.3.0/30"}};
	struct strbuf list = {0}, hosts = {0}, key = {0};
	struct help_cluster cluster;
	const struct service *service;
	int i;

	(void)state;
	for (i = 0; i < 10000; i++)
		strbuf_printf(&list, "10.%d.%d.1,", i / 250, i % 250);
	for (i = 0; i < SERVICE_MAX_INGRESS; i++)
		strbuf_printf(&hosts, "h%d ", i);
	for (i = 0; i < 4096; i++)
		strbuf_addc(&key, (char)(1 + i % 31));
	help_cluster_init(&cluster, pools, 1);
	put(&cluster, 1, (struct help_service){.ips = strbuf_text(&list)});
	assert_status(&cluster, 1, "");
	assert_string_equal(cluster.last_event, "LoadBalancerFailed");
	assert_true(strlen(cluster.last_message) < 200);
	put(&cluster, 2, (struct help_service){.pool = strbuf_text(&key)});
	assert_status(&cluster, 2, "");
	assert_null(strpbrk(cluster.last_message, "\x01\n\x1b"));
	assert_true(strlen(cluster.last_message) < 500);
	put(&cluster, 3, (struct help_service){.share = strbuf_text(&key), .ports = "tcp/1"});
	put(&cluster, 4, (struct help_service){.share = strbuf_text(&key), .ports = "tcp/2"});
	assert_status(&cluster, 3, "1.2.3.0");
	assert_status(&cluster, 4, "1.2.3.0");
	strbuf_add(&key, "!");
	put(&cluster, 5, (struct help_service){.share = strbuf_text(&key), .ports = "tcp/3"});
	assert_status(&cluster, 5, "");
	put(&cluster, 6, (struct help_service){.ingress = strbuf_text(&hosts)});
	service = service_table_find(&cluster.table, "default/s6");
	assert_int_equal(service->n_ingress, SERVICE_MAX_INGRESS + 1);
	put(&cluster, 7, (struct help_service){.from = strbuf_text(&key), .field = "1.2.3.2"});
	service = service_table_find(&cluster.table, "default/s7");
	assert_string_equal(service->annotations[ANNOTATION_IP_ALLOCATED_FROM_POOL], "a");
	help_cluster_fini(&cluster);
	strbuf_free(&list);
	strbuf_free(&hosts);
	strbuf_free(&key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_controller_cases),
	    cmocka_unit_test(test_controller_cases_shuffled),
	    cmocka_unit_test(test_controller_cases_edited),
	    cmocka_unit_test(test_named_pool),
	    cmocka_unit_test(test_any_pool),
	    cmocka_unit_test(test_buggy_and_auto_assign),
	    cmocka_unit_test(test_reload),
	    cmocka_unit_test(test_minority_revokes_nothing),
	    cmocka_unit_test(test_edited_by_hand),
	    cmocka_unit_test(test_fresh_leader),
	    cmocka_unit_test(test_elder_moves_around_the_younger),
	    cmocka_unit_test(test_dual_stack),
	    cmocka_unit_test(test_sharing),
	    cmocka_unit_test(test_namespace_selectors),
	    cmocka_unit_test(test_scenarios),
	    cmocka_unit_test(test_failed_write),
	    cmocka_unit_test(test_class),
	    cmocka_unit_test(test_forbidden_addresses),
	    cmocka_unit_test(test_explain_and_counts),
	    cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
