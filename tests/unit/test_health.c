/* Which targets are asked when, and what plan is told: on virtual time, against ports that answer
 * as a test says. */
#include "test.h"

#include <stdlib.h>

#include "announce/health.h"
#include "util/mem.h"
#include "util/str.h"

#define SECOND USEC_PER_SEC

static mono_t
at(int64_t usec)
{
	return (mono_t){1000 * SECOND + usec};
}

/* "Local 30000", "Cluster 80": ports below 30000 are Cluster's first TCP port, 0: UDP only. */
static struct service *
make_service(const char *key, uint16_t port)
{
	struct arena *arena = arena_new();
	struct service *service = arena_alloc(arena, 1, sizeof(*service));
	const char *slash = strchr(key, '/');

	service->arena = arena;
	service->key = arena_strdup(arena, key);
	service->namespace = arena_strndup(arena, key, (size_t)(slash - key));
	service->name = arena_strdup(arena, slash + 1);
	service->primary_family = IP_FAMILY_V4;
	service->ports = arena_alloc(arena, 2, sizeof(*service->ports));
	service->ports[0] = (struct service_port){PROTOCOL_UDP, 53};
	service->ports[1] = (struct service_port){PROTOCOL_TCP, port};
	service->n_ports = port ? 2 : 1;
	service->cluster_ips[0] = ip_addr_v4(10, 96, 0, 1);
	assert_int_equal(ip_addr_parse("fd00:96::1", &service->cluster_ips[1]), 0);
	service->n_cluster_ips = 2;
	if (port >= 30000) {
		service->traffic_policy_local = true;
		service->health_check_node_port = port;
	}
	return service;
}

static const struct settings_health defaults = {
    .node_port_interval_usec = SECOND, .kube_proxy = KUBE_PROXY_IGNORE};

static struct health *
make(const struct settings_health *settings)
{
	const struct ip_addr node[] = {ip_addr_v4(10, 0, 0, 1)};
	struct health *health = health_new(1);

	health_set(health, settings, at(0));
	health_set_addresses(health, node, ARRAY_SIZE(node));
	return health;
}

static void
want(struct health *health, struct service *const *services, size_t n, bool fast, int64_t now)
{
	size_t i;

	health_want_begin(health);
	for (i = 0; i < n; i++)
		health_want(health, services[i], fast, at(now));
	health_want_end(health);
}

/* What everything answers, and how often it was asked. */
struct world {
	struct health_answer answer;
	unsigned asked;
	unsigned most; /* at one moment */
};

static struct health_answer
http(int status, const struct endpoints_report *report)
{
	return (struct health_answer){HEALTH_ANSWERED, status, -1, report};
}

/* Virtual time passes; every question is answered at once. */
static void
run(struct health *health, int64_t from, int64_t to, struct world *world)
{
	struct health_question question;
	mono_t now = at(from);

	world->asked = world->most = 0;
	while (!mono_before(at(to), now)) {
		unsigned asked = 0;

		while (health_next(health, now, &question)) {
			asked++;
			health_answered(health, question.key, question.id, &world->answer, now);
		}
		world->asked += asked;
		if (asked > world->most)
			world->most = asked;
		assert_true(mono_before(now, health_deadline(health)));
		now = health_deadline(health);
	}
}

static void
assert_verdict(const struct health *health, const struct service *service, enum health_cause cause,
    uint32_t endpoints)
{
	struct health_verdict verdict = health_verdict(health, service, IP_FAMILY_V4);

	assert_int_equal(verdict.cause, cause);
	assert_int_equal(verdict.serving, cause == HEALTH_OK);
	assert_int_equal(verdict.undecided, cause == HEALTH_NOT_ASKED);
	assert_int_equal(verdict.graceful,
	    cause == HEALTH_NO_LOCAL_ENDPOINTS || cause == HEALTH_CHECK_FAILS ||
		cause == HEALTH_KUBE_PROXY_FAILS);
	assert_int_equal(verdict.endpoints, endpoints);
}

static void
test_without_health_all_is_served(void **state)
{
	struct service *local = make_service("default/web", 30000);

	(void)state;
	assert_verdict(NULL, local, HEALTH_OK, 0);
	service_free(local);
}

static void
test_local(void **state)
{
	static const struct endpoints_report three = {
	    .namespace = "default", .name = "web", .local = 3};
	static const struct endpoints_report none = {.namespace = "default", .name = "web"};
	struct service *service = make_service("default/web", 30000);
	struct health *health = make(&defaults);
	struct health_change change;
	struct world world = {.answer = http(200, &three)};
	uint64_t generation;

	(void)state;
	assert_verdict(health, service, HEALTH_NOT_ASKED, 0);
	want(health, &service, 1, true, 0);
	assert_verdict(health, service, HEALTH_NOT_ASKED, 0);
	generation = health_generation(health);
	run(health, 0, 0, &world);
	assert_int_equal(world.asked, 1);
	assert_true(health_generation(health) > generation);
	assert_verdict(health, service, HEALTH_OK, 3);
	assert_true(health_take_change(health, &change));
	assert_string_equal(change.key, "default/web");
	assert_int_equal(change.before, HEALTH_UNKNOWN);
	assert_int_equal(change.target->state, HEALTH_SERVING);
	assert_false(health_take_change(health, &change));
	/* The same again is no news. */
	generation = health_generation(health);
	run(health, 1, 10 * SECOND, &world);
	assert_in_range(world.asked, 9, 11);
	assert_int_equal(health_generation(health), generation);
	world.answer = http(503, &none);
	run(health, 10 * SECOND + 1, 11 * SECOND + 1, &world);
	assert_verdict(health, service, HEALTH_NO_LOCAL_ENDPOINTS, 0);
	assert_true(health_generation(health) > generation);
	assert_int_equal(
	    health_stats(health)->results[HEALTH_NODE_PORT][HEALTH_ANSWERED], 1 + world.asked + 10);
	assert_int_equal(health_count(health, HEALTH_NODE_PORT, HEALTH_NO_ENDPOINTS), 1);
	health_free(health);
	service_free(service);
}

/* The number alone is news too: routes carry it. */
static void
test_number_of_endpoints(void **state)
{
	static const struct endpoints_report three = {
	    .namespace = "default", .name = "web", .local = 3};
	static const struct endpoints_report two = {
	    .namespace = "default", .name = "web", .local = 2};
	struct service *service = make_service("default/web", 30000);
	struct health *health = make(&defaults);
	struct health_change change;
	struct world world = {.answer = http(200, &three)};
	uint64_t generation;

	(void)state;
	want(health, &service, 1, true, 0);
	run(health, 0, SECOND, &world);
	assert_true(health_take_change(health, &change));
	generation = health_generation(health);
	world.answer = http(200, &two);
	run(health, SECOND + 1, 3 * SECOND, &world);
	assert_int_equal(health_generation(health), generation + 1);
	assert_verdict(health, service, HEALTH_OK, 2);
	assert_false(health_take_change(health, &change));
	health_free(health);
	service_free(service);
}

static void
test_unanswered(void **state)
{
	struct service *service = make_service("default/web", 30000);
	struct health *health = make(&defaults);
	struct world world = {.answer = {.result = HEALTH_REFUSED}};

	(void)state;
	want(health, &service, 1, true, 0);
	run(health, 0, SECOND + SECOND / 2, &world);
	assert_verdict(health, service, HEALTH_NOT_ASKED, 0);
	run(health, SECOND + SECOND / 2, 2 * SECOND, &world);
	assert_verdict(health, service, HEALTH_CHECK_FAILS, 0);
	health_free(health);
	service_free(service);
}

/* Asked each interval where it matters, each 10 s elsewhere; and what becomes urgent is asked
 * within an interval, or at once. */
static void
test_pace(void **state)
{
	struct service *service = make_service("default/web", 30000);
	struct health *health = make(&defaults);
	struct world world = {.answer = http(200, NULL)};

	(void)state;
	want(health, &service, 1, true, 0);
	run(health, 0, 0, &world);
	run(health, 1, 60 * SECOND, &world);
	assert_in_range(world.asked, 59, 61);
	want(health, &service, 1, false, 60 * SECOND);
	run(health, 60 * SECOND + 1, 70 * SECOND, &world);
	run(health, 70 * SECOND + 1, 170 * SECOND, &world);
	assert_int_equal(world.asked, 10);
	want(health, &service, 1, true, 170 * SECOND);
	run(health, 170 * SECOND, 171 * SECOND, &world);
	assert_int_equal(world.asked, 1);
	want(health, &service, 1, false, 171 * SECOND);
	run(health, 171 * SECOND + 1, 172 * SECOND, &world);
	run(health, 172 * SECOND + 1, 174 * SECOND, &world);
	assert_int_equal(world.asked, 0);
	health_hurry(health, service, at(174 * SECOND));
	run(health, 174 * SECOND, 174 * SECOND, &world);
	assert_int_equal(world.asked, 1);
	/* However often: once an interval. */
	health_hurry(health, service, at(174 * SECOND + 1));
	run(health, 174 * SECOND + 1, 175 * SECOND - 1, &world);
	assert_int_equal(world.asked, 0);
	run(health, 175 * SECOND - 1, 175 * SECOND, &world);
	assert_int_equal(world.asked, 1);
	health_free(health);
	service_free(service);
}

/* A thousand that came together are spread over the interval after the first time. */
static void
test_spread(void **state)
{
	struct service *services[1000];
	struct health *health = make(&defaults);
	struct world world = {.answer = http(200, NULL)};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(services); i++) {
		char key[32];

		(void)snprintf(key, sizeof(key), "default/web%zu", i);
		services[i] = make_service(key, (uint16_t)(30000 + i));
	}
	want(health, services, ARRAY_SIZE(services), true, 0);
	run(health, 0, 0, &world);
	assert_in_range(world.asked, 1000, 1060);
	for (i = 0; i < 10; i++) {
		int64_t begin = 10 * SECOND + (int64_t)i * SECOND / 10;

		run(health, i ? begin : 1, begin + SECOND / 10 - 1, &world);
		if (i)
			assert_in_range(world.asked, 60, 150);
	}
	/* What is due within HEALTH_BATCH_USEC, and no more. */
	assert_in_range(world.most, 10, 60);
	health_free(health);
	for (i = 0; i < ARRAY_SIZE(services); i++)
		service_free(services[i]);
}

/* No more than HEALTH_IN_FLIGHT questions wait; an answer makes room for one. */
static void
test_in_flight(void **state)
{
	struct service *services[HEALTH_IN_FLIGHT + 1];
	struct health_question questions[HEALTH_IN_FLIGHT + 1];
	const struct health_answer answer = http(200, NULL);
	struct health *health = make(&defaults);
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(services); i++) {
		char key[32];

		(void)snprintf(key, sizeof(key), "default/web%zu", i);
		services[i] = make_service(key, (uint16_t)(30000 + i));
	}
	want(health, services, ARRAY_SIZE(services), true, 0);
	for (i = 0; i < HEALTH_IN_FLIGHT; i++)
		assert_true(health_next(health, at(0), &questions[i]));
	assert_false(health_next(health, at(0), &questions[i]));
	assert_true(mono_is_never(health_deadline(health)));
	health_answered(health, questions[0].key, questions[0].id, &answer, at(0));
	assert_true(health_next(health, at(0), &questions[i]));
	/* A target that goes while it is asked makes room too, and its answer is nobody's. */
	want(health, services, 1, true, 0);
	assert_false(health_is_followed(health, "default/web1", questions[1].id));
	health_answered(health, "default/web1", 1, &answer, at(0));
	assert_false(mono_is_never(health_deadline(health)));
	health_free(health);
	for (i = 0; i < ARRAY_SIZE(services); i++)
		service_free(services[i]);
}

/* A Service that is deleted and made again is another one: an answer to the first is not its. */
static void
test_made_again(void **state)
{
	struct service *service = make_service("default/web", 30000);
	const struct health_answer answer = http(200, NULL);
	struct health *health = make(&defaults);
	struct health_question first, second;

	(void)state;
	want(health, &service, 1, true, 0);
	assert_true(health_next(health, at(0), &first));
	want(health, NULL, 0, true, 0);
	want(health, &service, 1, true, 0);
	assert_true(health_next(health, at(0), &second));
	assert_int_not_equal(first.id, second.id);
	health_answered(health, "default/web", first.id, &answer, at(0));
	assert_verdict(health, service, HEALTH_NOT_ASKED, 0);
	/* Likewise when only the port changed. */
	service->health_check_node_port = 30001;
	want(health, &service, 1, true, 0);
	health_answered(health, "default/web", second.id, &answer, at(0));
	assert_verdict(health, service, HEALTH_NOT_ASKED, 0);
	assert_true(health_next(health, at(0), &first));
	assert_int_equal(first.port, 30001);
	health_free(health);
	service_free(service);
}

static const struct {
	const char *name;
	enum settings_kube_proxy setting;
	struct health_answer answer;
	bool first_ok; /* it answered 200 before */
	enum health_cause cause;
} proxy_rows[] = {
    {"auto, never there", KUBE_PROXY_AUTO, {.result = HEALTH_REFUSED}, false, HEALTH_OK},
    {"auto, another program's port", KUBE_PROXY_AUTO, {HEALTH_ANSWERED, 404, -1, NULL}, false,
	HEALTH_OK},
    {"auto, healthy", KUBE_PROXY_AUTO, {HEALTH_ANSWERED, 200, -1, NULL}, false, HEALTH_OK},
    {"auto, ill", KUBE_PROXY_AUTO, {HEALTH_ANSWERED, 503, -1, NULL}, false,
	HEALTH_KUBE_PROXY_FAILS},
    {"auto, gone", KUBE_PROXY_AUTO, {.result = HEALTH_REFUSED}, true, HEALTH_KUBE_PROXY_FAILS},
    {"required, never there", KUBE_PROXY_REQUIRED, {.result = HEALTH_REFUSED}, false,
	HEALTH_KUBE_PROXY_FAILS},
    {"required, healthy", KUBE_PROXY_REQUIRED, {HEALTH_ANSWERED, 200, -1, NULL}, false, HEALTH_OK},
    {"ignored, ill", KUBE_PROXY_IGNORE, {HEALTH_ANSWERED, 503, -1, NULL}, false, HEALTH_OK},
};

static void
test_kube_proxy(void **state)
{
	struct service *service = make_service("default/web", 80);
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(proxy_rows); i++) {
		const struct settings_health settings = {
		    .node_port_interval_usec = SECOND, .kube_proxy = proxy_rows[i].setting};
		struct health *health = make(&settings);
		struct world world = {.answer = http(200, NULL)};

		assert_verdict(health, service,
		    settings.kube_proxy == KUBE_PROXY_REQUIRED ? HEALTH_NOT_ASKED : HEALTH_OK, 0);
		want(health, &service, 1, true, 0);
		if (settings.kube_proxy == KUBE_PROXY_IGNORE) {
			assert_true(mono_is_never(health_deadline(health)));
		} else {
			if (proxy_rows[i].first_ok)
				run(health, 0, 0, &world);
			world.answer = proxy_rows[i].answer;
			run(health, 0, 5 * SECOND, &world);
		}
		assert_verdict(health, service, proxy_rows[i].cause, 0);
		health_free(health);
	}
	service_free(service);
}

/* A node without link asks nothing. That its kube-proxy has died must not be forgotten then. */
static void
test_kube_proxy_after_a_pause(void **state)
{
	const struct settings_health settings = {
	    .node_port_interval_usec = SECOND, .kube_proxy = KUBE_PROXY_AUTO};
	struct service *service = make_service("default/web", 80);
	struct health *health = make(&settings);
	struct world world = {.answer = http(200, NULL)};

	(void)state;
	want(health, &service, 1, true, 0);
	run(health, 0, SECOND, &world);
	world.answer = (struct health_answer){.result = HEALTH_REFUSED};
	run(health, SECOND, 6 * SECOND, &world);
	assert_verdict(health, service, HEALTH_KUBE_PROXY_FAILS, 0);
	want(health, &service, 0, true, 6 * SECOND);
	assert_verdict(health, service, HEALTH_NOT_ASKED, 0);
	want(health, &service, 1, true, 7 * SECOND);
	assert_verdict(health, service, HEALTH_NOT_ASKED, 0);
	run(health, 7 * SECOND, 12 * SECOND, &world);
	assert_verdict(health, service, HEALTH_KUBE_PROXY_FAILS, 0);
	world.answer = http(200, NULL);
	run(health, 12 * SECOND, 15 * SECOND, &world);
	assert_verdict(health, service, HEALTH_OK, 0);
	health_free(health);
	service_free(service);
}

/* However many Services there are, kube-proxy is one; and it is none of a Local Service's. */
static void
test_one_kube_proxy(void **state)
{
	const struct settings_health settings = {
	    .node_port_interval_usec = SECOND, .kube_proxy = KUBE_PROXY_REQUIRED};
	struct service *services[] = {
	    make_service("a/a", 80), make_service("b/b", 80), make_service("c/c", 0)};
	struct service *local = make_service("default/web", 30000);
	struct health *health = make(&settings);
	struct world world = {.answer = {.result = HEALTH_REFUSED}};
	size_t i;

	(void)state;
	want(health, services, ARRAY_SIZE(services), false, 0);
	run(health, 0, 20 * SECOND, &world);
	assert_verdict(health, services[2], HEALTH_KUBE_PROXY_FAILS, 0);
	assert_in_range(world.asked, 40, 45);
	assert_int_equal(health_count(health, HEALTH_KUBE_PROXY, HEALTH_UNANSWERED), 1);
	want(health, &local, 1, true, 20 * SECOND);
	world.answer = http(200, NULL);
	run(health, 20 * SECOND, 21 * SECOND, &world);
	assert_verdict(health, local, HEALTH_OK, 1);
	assert_int_equal(health_count(health, HEALTH_KUBE_PROXY, HEALTH_UNANSWERED), 0);
	health_free(health);
	service_free(local);
	for (i = 0; i < ARRAY_SIZE(services); i++)
		service_free(services[i]);
}

/* One clusterIP per family; a Service without TCP is not asked, and served. */
static void
test_cluster_check(void **state)
{
	const struct settings_health settings = {.node_port_interval_usec = SECOND,
	    .kube_proxy = KUBE_PROXY_IGNORE,
	    .cluster_check = CLUSTER_CHECK_TCP};
	struct service *services[] = {
	    make_service("default/web", 80), make_service("default/dns", 0)};
	struct health *health = make(&settings);
	struct health_answer connected = {.result = HEALTH_ANSWERED};
	struct health_answer refused = {.result = HEALTH_REFUSED};
	struct health_question question;
	int64_t now;

	(void)state;
	want(health, services, ARRAY_SIZE(services), true, 0);
	assert_verdict(health, services[1], HEALTH_OK, 0);
	assert_verdict(health, services[0], HEALTH_NOT_ASKED, 0);
	for (now = 0; now <= 25 * SECOND; now += SECOND / 10)
		while (health_next(health, at(now), &question)) {
			bool v4 = question.addr.family == IP_FAMILY_V4;

			assert_int_equal(question.port, 80);
			assert_true(ip_addr_eq(&question.addr, &services[0]->cluster_ips[!v4]));
			health_answered(health, question.key, question.id,
			    v4 && now ? &refused : &connected, at(now));
		}
	assert_verdict(health, services[0], HEALTH_NO_ENDPOINTS_AT_ALL, 0);
	assert_true(health_verdict(health, services[0], IP_FAMILY_V6).serving);
	assert_in_range(health_stats(health)->results[HEALTH_CLUSTER_IP][HEALTH_REFUSED], 4, 6);
	health_free(health);
	service_free(services[0]);
	service_free(services[1]);
}

/* Local without a healthCheckNodePort: nothing can be known. */
static void
test_local_without_port(void **state)
{
	struct service *service = make_service("default/web", 80);
	struct health *health = make(&defaults);

	(void)state;
	service->traffic_policy_local = true;
	want(health, &service, 1, true, 0);
	assert_verdict(health, service, HEALTH_OK, 0);
	assert_true(mono_is_never(health_deadline(health)));
	health_free(health);
	service_free(service);
}

/* The node's addresses of the Service's family first, loopback last. */
static void
test_addresses(void **state)
{
	static const char *const expected[] = {
	    "fd77::11", "fd77::12", "10.0.0.1", "10.0.0.2", "::1", "127.0.0.1"};
	struct ip_addr node[5];
	struct service *service = make_service("default/web", 30000);
	const struct health_answer refused = {.result = HEALTH_REFUSED}, fine = http(200, NULL);
	struct health *health = make(&defaults);
	struct health_question question;
	char text[IP_ADDR_STRLEN];
	size_t i;

	(void)state;
	assert_int_equal(ip_addr_parse("10.0.0.1", &node[0]), 0);
	assert_int_equal(ip_addr_parse("fd77::11", &node[1]), 0);
	assert_int_equal(ip_addr_parse("10.0.0.2", &node[2]), 0);
	assert_int_equal(ip_addr_parse("fd77::12", &node[3]), 0);
	assert_int_equal(ip_addr_parse("10.0.0.3", &node[4]), 0); /* one too many */
	health_set_addresses(health, node, ARRAY_SIZE(node));
	service->primary_family = IP_FAMILY_V6;
	want(health, &service, 1, true, 0);
	for (i = 0; i < ARRAY_SIZE(expected); i++) {
		assert_true(health_next(health, at(0), &question));
		ip_addr_format(&question.addr, text);
		assert_string_equal(text, expected[i]);
		health_answered(health, question.key, question.id,
		    i + 1 < ARRAY_SIZE(expected) ? &refused : &fine, at(0));
	}
	assert_false(health_next(health, at(0), &question));
	assert_true(health_next(health, at(SECOND), &question));
	ip_addr_format(&question.addr, text);
	assert_string_equal(text, "127.0.0.1");
	health_free(health);
	service_free(service);
}

/* Too many are served unasked rather than not at all. */
static void
test_too_many(void **state)
{
	struct service *service = make_service("default/web", 30000);
	struct health *health = make(&defaults);
	struct arena *arena = arena_new();
	unsigned i;

	(void)state;
	health_want_begin(health);
	for (i = 0; i <= HEALTH_MAX_TARGETS; i++) {
		service->key = arena_printf(arena, "default/web%u", i);
		health_want(health, service, true, at(0));
	}
	health_want_end(health);
	assert_int_equal(health_stats(health)->refused_targets, 1);
	assert_verdict(health, service, HEALTH_OK, 0);
	service->key = "default/web0";
	assert_verdict(health, service, HEALTH_NOT_ASKED, 0);
	health_free(health);
	arena_free(arena);
	service_free(service);
}

/* The loop stood still for a minute: one question, not sixty. */
static void
test_standstill(void **state)
{
	struct service *service = make_service("default/web", 30000);
	struct health *health = make(&defaults);
	struct world world = {.answer = http(200, NULL)};

	(void)state;
	want(health, &service, 1, true, 0);
	run(health, 0, 5 * SECOND, &world);
	run(health, 65 * SECOND, 65 * SECOND, &world);
	assert_int_equal(world.asked, 1);
	health_free(health);
	service_free(service);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_without_health_all_is_served),
	    cmocka_unit_test(test_local),
	    cmocka_unit_test(test_number_of_endpoints),
	    cmocka_unit_test(test_unanswered),
	    cmocka_unit_test(test_pace),
	    cmocka_unit_test(test_spread),
	    cmocka_unit_test(test_in_flight),
	    cmocka_unit_test(test_made_again),
	    cmocka_unit_test(test_kube_proxy),
	    cmocka_unit_test(test_kube_proxy_after_a_pause),
	    cmocka_unit_test(test_one_kube_proxy),
	    cmocka_unit_test(test_cluster_check),
	    cmocka_unit_test(test_local_without_port),
	    cmocka_unit_test(test_addresses),
	    cmocka_unit_test(test_too_many),
	    cmocka_unit_test(test_standstill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
