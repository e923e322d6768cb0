#include "test_kube.h"

#include "kube/saved.h"
#include "kube/service.h"
#include "model/service.h"

static struct service *
real_service(void)
{
	struct json_object *object = kube_test_load("service.json");
	struct service *service;

	assert_int_equal(kube_service_decode(object, &service), KUBE_OK);
	json_object_put(object);
	return service;
}

/* The caller frees; the Service is the caller's too. */
static char *
encode_one(struct service *service)
{
	const struct label labels[] = {{"rack", "r1"}, {"zone", ""}};
	struct ip_addr addresses[2];

	assert_int_equal(ip_addr_parse("10.77.0.200", &addresses[0]), 0);
	assert_int_equal(ip_addr_parse("fd77::200", &addresses[1]), 0);
	return kube_saved_encode(&(struct kube_saved){.node = "node1",
	    .boot_id = "b1",
	    .proven = {123456789},
	    .node_labels = {labels, 2},
	    .network_unavailable = true,
	    .addresses = addresses,
	    .n_addresses = 2,
	    .services = &service,
	    .n_services = 1});
}

static void
what_is_saved_comes_back(void **state)
{
	struct service *service = real_service(), *back;
	char *text = encode_one(service), *again;
	struct kube_saved *saved;
	size_t i;

	(void)state;
	assert_int_equal(kube_saved_decode(text, strlen(text), &saved), KUBE_OK);
	assert_string_equal(saved->node, "node1");
	assert_string_equal(saved->boot_id, "b1");
	assert_int_equal(saved->proven.usec, 123456789);
	assert_string_equal(labels_get(&saved->node_labels, "rack"), "r1");
	assert_true(saved->network_unavailable);
	assert_int_equal(saved->n_addresses, 2);
	assert_int_equal(saved->addresses[1].family, IP_FAMILY_V6);
	assert_int_equal(saved->n_services, 1);
	back = saved->services[0];
	assert_string_equal(back->key, service->key);
	assert_string_equal(back->uid, service->uid);
	assert_true(labels_equal(&back->labels, &service->labels));
	for (i = 0; i < ANNOTATION_COUNT; i++)
		assert_string_equal(back->annotations[i] ? back->annotations[i] : "(none)",
		    service->annotations[i] ? service->annotations[i] : "(none)");
	assert_true(back->traffic_policy_local);
	assert_int_equal(back->health_check_node_port, service->health_check_node_port);
	assert_int_equal(back->n_cluster_ips, service->n_cluster_ips);
	assert_int_equal(back->n_ports, service->n_ports);
	assert_int_equal(back->ports[1].port, service->ports[1].port);
	assert_true(service_has_ingress(back, &saved->addresses[0]));
	assert_true(service_has_ingress(back, &saved->addresses[1]));
	again = kube_saved_encode(saved);
	assert_string_equal(again, text);
	free(again);
	kube_saved_free(saved);
	service_free(service);
	free(text);
}

static void
nothing_to_save_is_fine(void **state)
{
	char *text = kube_saved_encode(&(struct kube_saved){.node = "n", .boot_id = ""});
	struct kube_saved *saved;

	(void)state;
	assert_int_equal(kube_saved_decode(text, strlen(text), &saved), KUBE_OK);
	assert_int_equal(saved->n_addresses + saved->n_services, 0);
	kube_saved_free(saved);
	free(text);
}

/* Half a file, as after a full disk, is none. */
static void
every_truncation_is_refused(void **state)
{
	struct service *service = real_service();
	char *text = encode_one(service);
	struct kube_saved *saved;
	size_t len;

	(void)state;
	for (len = 0; len < strlen(text); len++)
		assert_int_not_equal(kube_saved_decode(text, len, &saved), KUBE_OK);
	service_free(service);
	free(text);
}

static void
what_is_malformed_is_refused(void **state)
{
	static const struct {
		const char *path, *json;
	} rows[] = {
	    {"version", "2"},
	    {"version", ""},
	    {"node", "1"},
	    {"boot_id", ""},
	    {"proven_usec", "-1"},
	    {"proven_usec", "9223372036854775807"},
	    {"network_unavailable", "\"yes\""},
	    {"node_labels", "[]"},
	    {"addresses", "{}"},
	    {"addresses|0", "\"10.0.0.300\""},
	    {"addresses|1", "7"},
	    {"services", ""},
	    {"services|0", "\"web\""},
	    {"services|0|metadata", ""},
	    {"services|0|spec|type", "\"Balancer\""},
	};
	struct service *service = real_service();
	char *good = encode_one(service);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct json_object *root = kube_test_parse(good);
		struct kube_saved *saved;
		const char *text;

		kube_test_set(root, rows[i].path, rows[i].json);
		text = json_object_to_json_string(root);
		if (kube_saved_decode(text, strlen(text), &saved) == KUBE_OK)
			fail_msg("row %zu: %s = %s was taken", i, rows[i].path, rows[i].json);
		json_object_put(root);
	}
	service_free(service);
	free(good);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_saved_comes_back),
	    cmocka_unit_test(nothing_to_save_is_fine),
	    cmocka_unit_test(every_truncation_is_refused),
	    cmocka_unit_test(what_is_malformed_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
