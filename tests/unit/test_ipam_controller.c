/* MetalLB's controller cases (what a Service says, and what its status says then), and edits. */
#include <stdlib.h>

#include "ipam_numbered.h"
#include "util/prng.h"
#include "util/str.h"

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
	const char *text = getenv("IPAM_SEED");
	size_t first = text ? strtoul(text, NULL, 10) : 1, round, i;
	struct help_cluster cluster;

	(void)state;
	print_message("# %zu cases in 100 random orders, seeds %zu..%zu\n", ARRAY_SIZE(cases34),
	    first, first + 99);
	help_cluster_init(&cluster, pools34, ARRAY_SIZE(pools34));
	for (round = first; round < first + 100; round++) {
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

/* Everything of dual stack that a Service can say, and what it may hold when it says it. */
static const char *const stacks[] = {"10.0.0.1", "fd00::1", "10.0.0.1 fd00::1", "fd00::1 10.0.0.1"};
static const char *const requests[] = {NULL, "1.2.3.1", "1000::1", "1.2.3.1,1000::1", "9.9.9.9"};

static const struct {
	const char *name;
	struct help_pool pools[2];
	size_t n;
} worlds[] = {
    {"one pool of both", {{.name = "a", .addresses = "1.2.3.0/31 1000::/127"}}, 1},
    {"two of one family each",
	{{.name = "four", .addresses = "1.2.3.0/31"}, {.name = "six", .addresses = "1000::/127"}},
	2},
    {"IPv4 only", {{.name = "four", .addresses = "1.2.3.0/31"}}, 1},
    {"IPv6 only", {{.name = "six", .addresses = "1000::/127"}}, 1},
    {"both, IPv6 taken", {{.name = "a", .addresses = "1.2.3.0/31 1000::1/128"}}, 1},
};

struct walk {
	struct help_cluster cluster;
	size_t edits, writes;
};

static struct help_service
spec_of(size_t stack, size_t policy, size_t request)
{
	return (struct help_service){.cluster_ips = stacks[stack],
	    .policy = (enum ip_family_policy)policy,
	    .ips = requests[request]};
}

/* An edit of the Service as it is. It costs one write at most, another leader none. */
static void
edit_once(struct walk *walk, const struct help_service *spec, const char *world, const char *was)
{
	const struct service *old = service_table_find(&walk->cluster.table, "default/test");
	struct service *edited = help_service(spec), *copy;
	size_t writes = walk->cluster.writes;

	if (old) {
		edited->ingress = old->ingress;
		edited->n_ingress = old->n_ingress;
		edited->condition = old->condition;
		edited->annotations[ANNOTATION_IP_ALLOCATED_FROM_POOL] =
		    old->annotations[ANNOTATION_IP_ALLOCATED_FROM_POOL];
	}
	copy = help_copy(edited);
	service_free(edited);
	service_table_put(&walk->cluster.table, copy);
	ipam_service_changed(walk->cluster.ipam, copy);
	help_cluster_run(&walk->cluster);
	if (walk->cluster.writes > writes + 1)
		fail_msg("%s: from %s to clusterIPs %s, policy %d, asked %s: %zu writes", world,
		    was, spec->cluster_ips, (int)spec->policy, spec->ips ? spec->ips : "-",
		    walk->cluster.writes - writes);
	walk->edits++;
	walk->writes += walk->cluster.writes - writes;
	writes = walk->cluster.writes;
	help_cluster_restart(&walk->cluster);
	help_cluster_run(&walk->cluster);
	if (walk->cluster.writes != writes)
		fail_msg("%s: from %s to clusterIPs %s, policy %d, asked %s: a fresh leader writes",
		    world, was, spec->cluster_ips, (int)spec->policy, spec->ips ? spec->ips : "-");
}

/*
 * From every state of dual stack to every other: each edit ends after one write at most (MetalLB
 * writes for ever on PreferDualStack with one clusterIP), whatever the pools have.
 */
static void
test_dual_stack_transitions(void **state)
{
	const size_t n_stacks = ARRAY_SIZE(stacks), n_requests = ARRAY_SIZE(requests),
		     n_states = n_stacks * IP_FAMILY_POLICY_COUNT * n_requests;
	size_t world, from, to, edits = 0, writes = 0;

	(void)state;
	for (world = 0; world < ARRAY_SIZE(worlds); world++) {
		for (from = 0; from < n_states; from++) {
			struct walk walk = {.edits = 0};
			const struct help_service start = spec_of(from % n_stacks,
			    from / n_stacks % IP_FAMILY_POLICY_COUNT,
			    from / n_stacks / IP_FAMILY_POLICY_COUNT);

			help_cluster_init(&walk.cluster, worlds[world].pools, worlds[world].n);
			for (to = 0; to < n_states; to++) {
				const struct help_service end = spec_of(to % n_stacks,
				    to / n_stacks % IP_FAMILY_POLICY_COUNT,
				    to / n_stacks / IP_FAMILY_POLICY_COUNT);

				edit_once(&walk, &start, worlds[world].name, "?");
				edit_once(&walk, &end, worlds[world].name, start.cluster_ips);
			}
			edits += walk.edits;
			writes += walk.writes;
			help_cluster_fini(&walk.cluster);
		}
	}
	print_message(
	    "# dual stack: %zu edits, %zu writes, none needed a second one\n", edits, writes);
	assert_true(writes > edits / 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_controller_cases),
	    cmocka_unit_test(test_controller_cases_shuffled),
	    cmocka_unit_test(test_controller_cases_edited),
	    cmocka_unit_test(test_dual_stack_transitions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
