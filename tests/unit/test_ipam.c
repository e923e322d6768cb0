#include "ipam/ipam.h"

#include <stdlib.h>

#include "ipam_numbered.h"
#include "model/labels.h"
#include "test.h"
#include "util/str.h"

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

/* B6, B9: neither an address of the wrong family nor a pool that is not there is given. */
static void
test_named_in_vain(void **state)
{
	static const struct help_pool pools[] = {
	    {.name = "test", .addresses = "1.2.3.4/31 1000::/127"}};
	struct help_cluster cluster;

	(void)state;
	help_cluster_init(&cluster, pools, 1);
	put(&cluster, 1, (struct help_service){.pool = "test"});
	assert_status(&cluster, 1, "1.2.3.4");
	put(&cluster, 1,
	    (struct help_service){
		.pool = "test", .ips = "1000::", .ingress = "1.2.3.4", .from = "test"});
	assert_string_equal(cluster.last_event, "AllocationFailed");
	assert_non_null(strstr(cluster.last_message, "do not match the ipFamilies"));
	assert_status(&cluster, 1, "");
	put(&cluster, 2, (struct help_service){.pool = "nonexistentpool"});
	assert_status(&cluster, 2, "");
	assert_non_null(strstr(cluster.last_message, "unknown pool \"nonexistentpool\""));
	assert_int_equal(cluster.warnings, 2);
	help_cluster_fini(&cluster);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_named_pool),
	    cmocka_unit_test(test_named_in_vain),
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
	};

	return help_run_with_pasts(tests);
}
