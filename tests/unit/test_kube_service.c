#include "test_kube.h"

#include "kube/service.h"
#include "kube/status.h"
#include "model/service.h"

static void
test_real(void **state)
{
	struct json_object *object = kube_test_load("service.json");
	struct service *s;
	struct ip_addr ip;

	(void)state;
	assert_int_equal(kube_service_decode(object, &s), KUBE_OK);
	json_object_put(object);
	assert_string_equal(s->key, "default/web");
	assert_string_equal(s->namespace, "default");
	assert_string_equal(s->name, "web");
	assert_string_equal(s->resource_version, "198");
	assert_int_equal(strlen(s->uid), 36);
	assert_true(s->created_usec > 0);
	assert_false(s->deleting);
	assert_int_equal(s->labels.count, 2);
	assert_string_equal(labels_get(&s->labels, "tier"), "front");
	assert_string_equal(s->annotations[ANNOTATION_ADDRESS_POOL], "pool-a");
	assert_true(s->annotation_legacy[ANNOTATION_ADDRESS_POOL]);
	assert_string_equal(s->annotations[ANNOTATION_LOAD_BALANCER_IPS], "10.77.0.200");
	assert_false(s->annotation_legacy[ANNOTATION_LOAD_BALANCER_IPS]);
	assert_null(s->annotations[ANNOTATION_ALLOW_SHARED_IP]);
	assert_string_equal(s->annotations[ANNOTATION_IP_ALLOCATED_FROM_POOL], "pool-a");
	assert_int_equal(s->type, SERVICE_LOAD_BALANCER);
	assert_null(s->load_balancer_class);
	assert_string_equal(s->load_balancer_ip, "");
	assert_true(s->traffic_policy_local);
	assert_int_equal(s->health_check_node_port, 30076);
	assert_int_equal(s->ip_family_policy, PREFER_DUAL_STACK);
	assert_int_equal(s->primary_family, IP_FAMILY_V4);
	assert_int_equal(s->n_cluster_ips, 2);
	assert_int_equal(s->cluster_ips[1].family, IP_FAMILY_V6);
	assert_false(s->cluster_ips_invalid);
	assert_int_equal(s->n_ports, 2);
	assert_int_equal(s->ports[1].port, 53);
	assert_int_equal(s->ports[1].protocol, PROTOCOL_TCP);
	assert_string_equal(s->selector, "a=1,b=2");
	assert_int_equal(s->n_ingress, 3);
	assert_int_equal(ip_addr_parse("fd77::200", &ip), 0);
	assert_true(service_has_ingress(s, &ip));
	assert_string_equal(s->ingress[0].ip_mode, "VIP");
	assert_int_equal(s->ingress[1].ip.family, IP_FAMILY_NONE);
	assert_string_equal(s->ingress[1].hostname, "lb.example");
	assert_true(s->condition.present);
	assert_true(s->condition.status);
	assert_string_equal(s->condition.reason, "Allocated");
	assert_string_equal(s->condition.message, "10.77.0.200 \"from\" pool");
	assert_int_equal(s->condition.observed_generation, 3);
	service_free(s);
}

/* What becomes of the real one when one thing is another. */
static const struct {
	const char *path, *json;
	enum kube_cause cause;
} mutations[] = {
    {"metadata", "", KUBE_NO_NAME},
    {"metadata", "[]", KUBE_BAD_METADATA},
    {"metadata|name", "", KUBE_NO_NAME},
    {"metadata|name", "\"a/b\"", KUBE_BAD_NAME},
    {"metadata|name", "\"a\\u0000b\"", KUBE_BAD_METADATA},
    {"metadata|namespace", "", KUBE_NO_NAME},
    {"metadata|namespace", "\"A\"", KUBE_BAD_NAME},
    {"metadata|resourceVersion", "", KUBE_NO_RESOURCE_VERSION},
    {"metadata|resourceVersion", "5", KUBE_BAD_METADATA},
    {"metadata|generation", "\"5\"", KUBE_BAD_METADATA},
    {"metadata|generation", "-1", KUBE_BAD_METADATA},
    {"metadata|annotations", "[]", KUBE_BAD_METADATA},
    {"metadata|annotations|metallb.io/allow-shared-ip", "5", KUBE_BAD_LABEL},
    {"metadata|annotations|example.com/x", "5", KUBE_OK},
    {"metadata|labels", "\"x\"", KUBE_BAD_LABEL},
    {"metadata|labels|app", "{}", KUBE_BAD_LABEL},
    {"metadata|labels|app", "null", KUBE_BAD_LABEL},
    {"metadata|managedFields", "{\"what\":[1,2,{}]}", KUBE_OK},
    {"metadata|creationTimestamp", "7", KUBE_OK},
    {"metadata|deletionTimestamp", "7", KUBE_OK},
    {"spec", "", KUBE_NO_SPEC},
    {"spec", "null", KUBE_NO_SPEC},
    {"spec", "5", KUBE_BAD_SPEC},
    {"spec|type", "\"Loadbalancer\"", KUBE_BAD_TYPE},
    {"spec|type", "1", KUBE_BAD_TYPE},
    {"spec|type", "", KUBE_OK},
    {"spec|loadBalancerClass", "{}", KUBE_BAD_SPEC},
    {"spec|loadBalancerIP", "7", KUBE_BAD_SPEC},
    {"spec|externalTrafficPolicy", "true", KUBE_BAD_SPEC},
    {"spec|healthCheckNodePort", "65536", KUBE_BAD_SPEC},
    {"spec|healthCheckNodePort", "-1", KUBE_BAD_SPEC},
    {"spec|ipFamilyPolicy", "\"TripleStack\"", KUBE_BAD_SPEC},
    {"spec|ipFamilies", "[\"IPv5\"]", KUBE_BAD_SPEC},
    {"spec|ipFamilies", "[null]", KUBE_BAD_SPEC},
    {"spec|ipFamilies", "\"IPv4\"", KUBE_BAD_SPEC},
    {"spec|clusterIPs", "{}", KUBE_BAD_SPEC},
    {"spec|clusterIPs", "[5]", KUBE_BAD_SPEC},
    {"spec|selector", "[]", KUBE_BAD_LABEL},
    {"spec|selector|a", "1", KUBE_BAD_LABEL},
    {"spec|ports", "{}", KUBE_BAD_PORT},
    {"spec|ports", "null", KUBE_OK},
    {"spec|ports|0", "null", KUBE_BAD_PORT},
    {"spec|ports|0", "80", KUBE_BAD_PORT},
    {"spec|ports|0|port", "", KUBE_BAD_PORT},
    {"spec|ports|0|port", "0", KUBE_BAD_PORT},
    {"spec|ports|0|port", "65536", KUBE_BAD_PORT},
    {"spec|ports|0|port", "80.5", KUBE_BAD_PORT},
    {"spec|ports|0|port", "\"80\"", KUBE_BAD_PORT},
    {"spec|ports|0|protocol", "\"DCCP\"", KUBE_BAD_PORT},
    {"spec|ports|0|protocol", "\"SCTP\"", KUBE_OK},
    {"spec|ports|0|protocol", "", KUBE_OK},
    {"status", "", KUBE_OK},
    {"status", "[]", KUBE_BAD_STATUS},
    {"status|loadBalancer", "1", KUBE_BAD_STATUS},
    {"status|loadBalancer|ingress", "{}", KUBE_BAD_STATUS},
    {"status|loadBalancer|ingress|0", "\"10.0.0.1\"", KUBE_BAD_STATUS},
    {"status|loadBalancer|ingress|0|ip", "10", KUBE_BAD_STATUS},
    {"status|loadBalancer|ingress|0|ip", "\"::ffff:1.2.3.4\"", KUBE_OK},
    {"status|loadBalancer|ingress|0|ipMode", "[]", KUBE_BAD_STATUS},
    {"status|loadBalancer|ingress|1|hostname", "1", KUBE_BAD_STATUS},
    {"status|conditions", "{}", KUBE_BAD_STATUS},
    {"status|conditions|0", "5", KUBE_BAD_STATUS},
    {"status|conditions|1|status", "5", KUBE_OK},
    {"status|conditions|1|message", "[]", KUBE_OK},
};

static void
test_mutations(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(mutations); i++) {
		struct json_object *object = kube_test_load("service.json");
		struct service *service = NULL;
		enum kube_cause cause;

		kube_test_set(object, mutations[i].path, mutations[i].json);
		cause = kube_service_decode(object, &service);
		if (cause != mutations[i].cause)
			fail_msg("row %zu (%s = %s): %s", i, mutations[i].path, mutations[i].json,
			    kube_cause_str(cause));
		assert_int_equal(service != NULL, !cause);
		service_free(service);
		json_object_put(object);
	}
}

/* The real one with `json` at `path`; takes both. */
static enum kube_cause
decode_with(const char *path, char *json, struct service **ret)
{
	struct json_object *object = kube_test_load("service.json");
	enum kube_cause cause;

	kube_test_set(object, path, json);
	cause = kube_service_decode(object, ret);
	json_object_put(object);
	free(json);
	return cause;
}

static void
test_caps(void **state)
{
	struct service *s;

	(void)state;
	assert_int_equal(decode_with("spec|ports",
			     kube_test_repeat("[", "{\"port\":1", "}", SERVICE_MAX_PORTS, "]"), &s),
	    KUBE_OK);
	assert_int_equal(s->n_ports, SERVICE_MAX_PORTS);
	service_free(s);
	assert_int_equal(
	    decode_with("spec|ports",
		kube_test_repeat("[", "{\"port\":1", "}", SERVICE_MAX_PORTS + 1, "]"), &s),
	    KUBE_TOO_MANY_PORTS);
	assert_int_equal(decode_with("metadata|labels",
			     kube_test_repeat("{", "\"k", "\":\"v\"", SERVICE_MAX_LABELS, "}"), &s),
	    KUBE_OK);
	service_free(s);
	assert_int_equal(
	    decode_with("metadata|labels",
		kube_test_repeat("{", "\"k", "\":\"v\"", SERVICE_MAX_LABELS + 1, "}"), &s),
	    KUBE_TOO_MANY_LABELS);
	assert_int_equal(
	    decode_with("spec|selector",
		kube_test_repeat("{", "\"k", "\":\"v\"", SERVICE_MAX_LABELS + 1, "}"), &s),
	    KUBE_TOO_MANY_LABELS);
	assert_int_equal(
	    decode_with("status|loadBalancer|ingress",
		kube_test_repeat("[", "{\"ip\":\"10.0.0.", "\"}", SERVICE_MAX_INGRESS + 1, "]"),
		&s),
	    KUBE_TOO_MANY_INGRESS);
	assert_int_equal(decode_with("metadata|labels|app",
			     kube_test_long(KUBE_SERVICE_LABEL_MAX_VALUE + 1), &s),
	    KUBE_BAD_LABEL);
	assert_int_equal(
	    decode_with("spec|loadBalancerClass", kube_test_long(1000), &s), KUBE_BAD_SPEC);
	/* Too long to be an address is as bad an address as another. */
	assert_int_equal(decode_with("spec|loadBalancerIP", kube_test_long(9999), &s), KUBE_OK);
	assert_int_equal(strlen(s->load_balancer_ip), 128);
	service_free(s);
	assert_int_equal(decode_with("metadata|annotations|metallb.io/allow-shared-ip",
			     kube_test_long(SERVICE_MAX_ANNOTATION + 1), &s),
	    KUBE_OK);
	assert_true(s->annotation_too_long[ANNOTATION_ALLOW_SHARED_IP]);
	assert_int_equal(
	    strlen(s->annotations[ANNOTATION_ALLOW_SHARED_IP]), SERVICE_MAX_ANNOTATION);
	service_free(s);
	assert_int_equal(decode_with("metadata|annotations|metallb.io/allow-shared-ip",
			     kube_test_long(SERVICE_MAX_ANNOTATION), &s),
	    KUBE_OK);
	assert_false(s->annotation_too_long[ANNOTATION_ALLOW_SHARED_IP]);
	service_free(s);
}

static void
test_annotation_forms(void **state)
{
	struct service *s;

	(void)state;
	/* By presence, even empty. */
	assert_int_equal(
	    decode_with("metadata|annotations|metallb.io/address-pool", xstrdup("\"\""), &s),
	    KUBE_OK);
	assert_string_equal(s->annotations[ANNOTATION_ADDRESS_POOL], "");
	assert_false(s->annotation_legacy[ANNOTATION_ADDRESS_POOL]);
	service_free(s);
}

static void
test_families(void **state)
{
	static const struct {
		const char *ips, *families;
		size_t n;
		bool invalid;
		enum ip_family primary;
	} rows[] = {
	    {"[\"10.0.0.1\"]", "", 1, false, IP_FAMILY_V4},
	    {"[\"fd00::1\",\"10.0.0.1\"]", "", 2, false, IP_FAMILY_V6},
	    {"[\"10.0.0.1\",\"10.0.0.2\"]", "", 2, true, IP_FAMILY_V4},
	    {"[\"10.0.0.1\",\"fd00::1\",\"fd00::2\"]", "", 2, true, IP_FAMILY_V4},
	    {"[\"nonsense\"]", "", 0, true, IP_FAMILY_NONE},
	    {"[\"None\"]", "", 0, false, IP_FAMILY_NONE},
	    {"[\"None\"]", "[\"IPv6\"]", 0, false, IP_FAMILY_V6},
	    {"[\"10.0.0.1\"]", "[\"IPv6\",\"IPv4\"]", 1, false, IP_FAMILY_V6},
	    {"[]", "[]", 1, false, IP_FAMILY_V4}, /* clusterIP */
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct json_object *object = kube_test_load("service.json");
		struct service *s;

		kube_test_set(object, "spec|clusterIPs", rows[i].ips);
		kube_test_set(object, "spec|ipFamilies", rows[i].families);
		assert_row(i, rows[i].ips, kube_service_decode(object, &s) == KUBE_OK);
		assert_row(i, rows[i].ips, s->n_cluster_ips == rows[i].n);
		assert_row(i, rows[i].ips, s->cluster_ips_invalid == rows[i].invalid);
		assert_row(i, rows[i].ips, s->primary_family == rows[i].primary);
		service_free(s);
		json_object_put(object);
	}
}

static void
test_filter(void **state)
{
	static const struct {
		const char *text;
		bool is;
	} rows[] = {
	    {"{\"spec\":{\"type\":\"LoadBalancer\"}}", true},
	    {"{\"spec\":{\"type\":\"ClusterIP\"}}", false},
	    {"{\"spec\":{\"type\":5}}", false},
	    {"{\"spec\":[]}", false},
	    {"{}", false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct json_object *object = kube_test_parse(rows[i].text);

		assert_row(i, rows[i].text, kube_service_is_load_balancer(object) == rows[i].is);
		json_object_put(object);
	}
}

static void
assert_patch(const struct kube_status_patch *patch, const char *expected)
{
	char *text = kube_status_encode(patch);

	assert_string_equal(text, expected);
	free(text);
}

static void
test_status(void **state)
{
	struct service_ingress entries[] = {
	    {.ip = ip_addr_v4(192, 0, 2, 1), .ip_mode = "VIP"},
	    {.ip = ip_addr_v4(192, 0, 2, 2)},
	    {.hostname = "lb.example"},
	};
	struct kube_status_patch patch = {
	    .resource_version = "7",
	    .ingress = KUBE_SET,
	    .entries = entries,
	    .n_entries = 3,
	    .pool_annotation = KUBE_SET,
	    .pool = "p",
	    .condition = KUBE_SET,
	    .condition_status = false,
	    .condition_reason = "Exhausted",
	    .condition_message = "say \"no\"\n\xff",
	    .observed_generation = 2,
	    .transition_time_usec = INT64_C(1700000000999999),
	};

	(void)state;
	assert_patch(&patch,
	    "{\"metadata\":{\"resourceVersion\":\"7\",\"annotations\":{\"metallb.io/ip-allocated-from-"
	    "pool\":\"p\"}},\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"192.0.2.1\","
	    "\"ipMode\":\"VIP\"},{\"ip\":\"192.0.2.2\"},{\"hostname\":\"lb.example\"}]},\"conditions\":"
	    "[{\"type\":\"metallb.io/Allocated\",\"status\":\"False\",\"reason\":\"Exhausted\","
	    "\"message\":\"say \\\"no\\\"\\n?\",\"observedGeneration\":2,\"lastTransitionTime\":"
	    "\"2023-11-14T22:13:20Z\"}]}}");
	patch = (struct kube_status_patch){.resource_version = "8",
	    .ingress = KUBE_CLEAR,
	    .pool_annotation = KUBE_CLEAR,
	    .condition = KUBE_CLEAR};
	assert_patch(&patch,
	    "{\"metadata\":{\"resourceVersion\":\"8\",\"annotations\":{\"metallb.io/ip-allocated-from-"
	    "pool\":null}},\"status\":{\"loadBalancer\":{\"ingress\":null},\"conditions\":[{\"type\":"
	    "\"metallb.io/Allocated\",\"$patch\":\"delete\"}]}}");
	/* To set nothing is to clear. */
	patch = (struct kube_status_patch){.ingress = KUBE_SET};
	assert_patch(&patch, "{\"status\":{\"loadBalancer\":{\"ingress\":null}}}");
	patch = (struct kube_status_patch){0};
	assert_patch(&patch, "{}");
	/* Another object of the same name is not meant; a condition that does not turn keeps its
	 * time. */
	patch = (struct kube_status_patch){.uid = "u",
	    .remove_legacy_annotation = true,
	    .condition = KUBE_SET,
	    .condition_status = true,
	    .condition_reason = "R",
	    .condition_message = "m"};
	assert_patch(&patch,
	    "{\"metadata\":{\"uid\":\"u\",\"annotations\":{\"metallb.universe.tf/ip-allocated-from-pool\":"
	    "null}},\"status\":{\"conditions\":[{\"type\":\"metallb.io/Allocated\",\"status\":\"True\","
	    "\"reason\":\"R\",\"message\":\"m\"}]}}");
	patch = (struct kube_status_patch){.pool_annotation = KUBE_SET, .pool = "\"}"};
	assert_patch(&patch,
	    "{\"metadata\":{\"annotations\":{\"metallb.io/ip-allocated-from-pool\":\"\\\"}\"}}}");
}

/* What others wrote beside our addresses comes back as it was: decoded, carried, encoded. */
static void
test_foreign_entries(void **state)
{
	static const char *const entries[] = {
	    "{\"ip\":\"192.0.2.7\"}",
	    "{\"ip\":\"192.0.2.7\",\"ipMode\":\"Proxy\"}",
	    "{\"hostname\":\"lb.example\"}",
	    "{\"hostname\":\"lb.example\",\"ports\":[{\"port\":80,\"protocol\":\"TCP\"}]}",
	    "{\"ip\":\"192.0.2.7\",\"ports\":[{\"port\":80,\"protocol\":\"TCP\",\"error\":\"No\"}]}",
	    "{\"ip\":\"2001:DB8:0::7\",\"ipMode\":\"VIP\"}",
	    "{\"ip\":\"what?\"}",
	    "{\"ip\":\"\",\"hostname\":\"x\"}",
	    "{\"ip\":\"192.0.2.7\",\"fromTheFuture\":{\"a\":[1,null,\"\xc3\xa4\"]}}",
	    "{}",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(entries); i++) {
		struct service *s;
		char *list = xasprintf("[%s]", entries[i]), *text;
		char *expected = xasprintf(
		    "{\"status\":{\"loadBalancer\":{\"ingress\":[%s]}}}", entries[i]);

		assert_int_equal(
		    decode_with("status|loadBalancer|ingress", xstrdup(list), &s), KUBE_OK);
		text = kube_status_encode(&(struct kube_status_patch){
		    .ingress = KUBE_SET, .entries = s->ingress, .n_entries = s->n_ingress});
		assert_string_equal(text, expected);
		/* The plain ones cost no copy. */
		assert_row(i, entries[i], (s->ingress[0].raw == NULL) == (i < 3 || i == 9));
		free(text);
		free(expected);
		free(list);
		service_free(s);
	}
}

static void
test_causes_have_names(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < KUBE_CAUSE_COUNT; i++)
		assert_true(strlen(kube_cause_str((enum kube_cause)i)) > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_real),
	    cmocka_unit_test(test_mutations),
	    cmocka_unit_test(test_caps),
	    cmocka_unit_test(test_annotation_forms),
	    cmocka_unit_test(test_families),
	    cmocka_unit_test(test_filter),
	    cmocka_unit_test(test_status),
	    cmocka_unit_test(test_foreign_entries),
	    cmocka_unit_test(test_causes_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
