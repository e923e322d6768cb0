/* Services as values: words, whose they are, the table. */
#include "test.h"

#include "model/service.h"
#include "util/mem.h"

static struct service *
make_service(const char *key)
{
	struct arena *arena = arena_new();
	struct service *service = arena_alloc(arena, 1, sizeof(*service));

	service->arena = arena;
	service->key = arena_strdup(arena, key);
	return service;
}

static void
test_words(void **state)
{
	(void)state;
	assert_string_equal(service_annotation_name(ANNOTATION_ADDRESS_POOL), "address-pool");
	assert_string_equal(
	    service_annotation_name(ANNOTATION_LOAD_BALANCER_IPS), "loadBalancerIPs");
	assert_string_equal(service_annotation_name(ANNOTATION_ALLOW_SHARED_IP), "allow-shared-ip");
	assert_string_equal(
	    service_annotation_name(ANNOTATION_IP_ALLOCATED_FROM_POOL), "ip-allocated-from-pool");
	assert_string_equal(service_protocol_str(PROTOCOL_TCP), "TCP");
	assert_string_equal(service_protocol_str(PROTOCOL_UDP), "UDP");
	assert_string_equal(service_protocol_str(PROTOCOL_SCTP), "SCTP");
}

/* METALLB.md 3.4: flag ""/class none, ""/set, x/none, x/x, x/y. */
static void
test_ours(void **state)
{
	static const struct {
		const char *flag, *class;
		enum service_type type;
		bool ours;
	} rows[] = {
	    {"", NULL, SERVICE_LOAD_BALANCER, true},
	    {"", "x", SERVICE_LOAD_BALANCER, false},
	    {"x", NULL, SERVICE_LOAD_BALANCER, false},
	    {"x", "x", SERVICE_LOAD_BALANCER, true},
	    {"x", "y", SERVICE_LOAD_BALANCER, false},
	    {"", NULL, SERVICE_CLUSTER_IP, false},
	    {"", NULL, SERVICE_NODE_PORT, false},
	    {"x", "x", SERVICE_EXTERNAL_NAME, false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct service service = {
		    .type = rows[i].type, .load_balancer_class = rows[i].class};

		assert_row(
		    i, rows[i].flag, service_is_ours(&service, rows[i].flag) == rows[i].ours);
	}
}

static void
test_ingress(void **state)
{
	struct service_ingress ingress[] = {
	    {.hostname = "lb.example"}, {.ip = ip_addr_v4(192, 0, 2, 1)}};
	const struct service service = {.ingress = ingress, .n_ingress = 2}, none = {0};
	const struct ip_addr ip = ip_addr_v4(192, 0, 2, 1), other = ip_addr_v4(192, 0, 2, 2);

	(void)state;
	assert_true(service_has_ingress(&service, &ip));
	assert_false(service_has_ingress(&service, &other));
	assert_false(service_has_ingress(&none, &ip));
}

static void
test_table(void **state)
{
	struct service_table table = {0};
	struct service *old = make_service("default/web"), *new = make_service("default/web");

	(void)state;
	assert_null(service_table_find(&table, "default/web"));
	service_table_put(&table, old);
	service_table_put(&table, make_service("default/db"));
	assert_ptr_equal(service_table_find(&table, "default/web"), old);
	service_table_put(&table, new);
	assert_ptr_equal(service_table_find(&table, "default/web"), new);
	assert_int_equal(MAP_COUNT(table.head), 2);
	assert_null(service_table_find(&table, "web"));
	assert_true(service_table_remove(&table, "default/web"));
	assert_false(service_table_remove(&table, "default/web"));
	service_table_clear(&table);
	assert_null(table.head);
	service_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_words),
	    cmocka_unit_test(test_ours),
	    cmocka_unit_test(test_ingress),
	    cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
