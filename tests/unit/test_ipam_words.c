/* What ipam says: counts, explanations, and short words about long foreign text. */
#include "ipam/ipam.h"

#include <errno.h>

#include "ipam_numbered.h"
#include "util/str.h"

/* C9: what the metrics say, and one Event for each change. */
static void
test_counts(void **state)
{
	static const struct help_pool pools[] = {
	    {.name = "a", .addresses = "1.2.3.4/30 1000::4/126"}};
	static const struct {
		unsigned who;
		bool leaves;
		struct help_service spec;
		uint64_t used4, used6, services;
	} rows[] = {
	    {1, false, {0}, 1, 0, 1},
	    {2, false, {0}, 2, 0, 2},
	    {1, true, {0}, 1, 0, 1},
	    {2, true, {0}, 0, 0, 0},
	    {3, false, {.share = "k", .ports = "tcp/1"}, 1, 0, 1},
	    {4, false, {.share = "k", .ports = "tcp/2"}, 1, 0, 2},
	    {5, false, {.share = "k", .ports = "tcp/3"}, 1, 0, 3},
	    {3, true, {0}, 1, 0, 2},
	    {5, true, {0}, 1, 0, 1},
	    {4, true, {0}, 0, 0, 0},
	    {6, false, {REQUIRE}, 1, 1, 1},
	    {7, false, {.cluster_ips = "fd00::1"}, 1, 2, 2},
	    {6, true, {0}, 0, 1, 1},
	};
	struct help_cluster cluster;
	struct ipam_pool_stats stats;
	size_t i;

	(void)state;
	help_cluster_init(&cluster, pools, 1);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t said = cluster.normals + cluster.warnings;

		if (rows[i].leaves)
			gone(&cluster, rows[i].who);
		else
			put(&cluster, rows[i].who, rows[i].spec);
		assert_int_equal(ipam_pool_stats(cluster.ipam, "a", &stats), 0);
		assert_row(i, "total", stats.v4.total == 4 && stats.v6.total == 4);
		assert_row(
		    i, "used", stats.v4.used == rows[i].used4 && stats.v6.used == rows[i].used6);
		assert_row(i, "free",
		    stats.v4.free == 4 - rows[i].used4 && stats.v6.free == 4 - rows[i].used6);
		assert_row(i, "services", stats.services == rows[i].services);
		assert_row(
		    i, "said once", cluster.normals + cluster.warnings - said == !rows[i].leaves);
	}
	help_cluster_pools(&cluster, NULL, 0);
	help_cluster_run(&cluster);
	assert_int_equal(ipam_pool_stats(cluster.ipam, "a", &stats), -ENOENT);
	assert_int_equal(ipam_pending_count(cluster.ipam), 1);
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
	    cmocka_unit_test(test_counts),
	    cmocka_unit_test(test_explain_and_counts),
	    cmocka_unit_test(test_hostile),
	};

	return help_run_with_pasts(tests);
}
