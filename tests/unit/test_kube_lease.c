#include "test_kube.h"

#include "kube/lease.h"
#include "kube/namespace.h"
#include "kube/node.h"
#include "model/lease.h"
#include "util/str.h"

static void
test_real(void **state)
{
	struct json_object *object = kube_test_load("lease.json");
	struct lease *lease;

	(void)state;
	assert_int_equal(kube_lease_decode(object, &lease), KUBE_OK);
	json_object_put(object);
	assert_string_equal(lease->name, "ip-10-77-0-200");
	assert_string_equal(lease->resource_version, "554");
	assert_string_equal(lease->holder, "node1");
	assert_int_equal(lease->duration_seconds, 15);
	assert_int_equal(lease->transitions, 1);
	assert_int_equal(lease->acquire_time_usec, INT64_C(1700000000123456));
	assert_int_equal(lease->renew_time_usec, INT64_C(1700000001000000));
	assert_string_equal(labels_get(&lease->labels, LEASE_LABEL_MANAGED_BY), LEASE_MANAGED_BY);
	assert_string_equal(lease_annotation(lease, "metallb.io/why"), "first \xc3\xa4");
	lease_free(lease);
}

static const struct {
	const char *path, *json;
	enum kube_cause cause;
} mutations[] = {
    {"metadata|name", "", KUBE_NO_NAME},
    {"metadata|name", "\"x y\"", KUBE_BAD_NAME},
    {"metadata|resourceVersion", "", KUBE_NO_RESOURCE_VERSION},
    {"metadata|labels", "7", KUBE_BAD_LABEL},
    {"metadata|annotations|metallb.io/why", "7", KUBE_BAD_LABEL},
    {"spec", "", KUBE_OK},
    {"spec", "{}", KUBE_OK},
    {"spec", "[]", KUBE_BAD_SPEC},
    {"spec|holderIdentity", "7", KUBE_BAD_SPEC},
    {"spec|holderIdentity", "null", KUBE_OK},
    {"spec|leaseDurationSeconds", "-1", KUBE_BAD_SPEC},
    {"spec|leaseDurationSeconds", "2147483648", KUBE_BAD_SPEC},
    {"spec|leaseDurationSeconds", "1.5", KUBE_BAD_SPEC},
    {"spec|leaseTransitions", "\"1\"", KUBE_BAD_SPEC},
    {"spec|acquireTime", "\"yesterday\"", KUBE_BAD_TIME},
    {"spec|acquireTime", "0", KUBE_BAD_TIME},
    {"spec|renewTime", "\"2023-11-14T22:13:20\"", KUBE_BAD_TIME},
    {"spec|renewTime", "null", KUBE_OK},
    {"spec|strategy", "\"OldestEmulationVersion\"", KUBE_OK},
};

static void
test_mutations(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(mutations); i++) {
		struct json_object *object = kube_test_load("lease.json");
		struct lease *lease = NULL;
		enum kube_cause cause;

		kube_test_set(object, mutations[i].path, mutations[i].json);
		cause = kube_lease_decode(object, &lease);
		if (cause != mutations[i].cause)
			fail_msg("row %zu (%s = %s): %s", i, mutations[i].path, mutations[i].json,
			    kube_cause_str(cause));
		lease_free(lease);
		json_object_put(object);
	}
}

static enum kube_cause
decode_with(const char *path, char *json)
{
	struct json_object *object = kube_test_load("lease.json");
	struct lease *lease = NULL;
	enum kube_cause cause;

	kube_test_set(object, path, json);
	cause = kube_lease_decode(object, &lease);
	lease_free(lease);
	json_object_put(object);
	free(json);
	return cause;
}

static void
test_caps(void **state)
{
	(void)state;
	assert_int_equal(decode_with("metadata|annotations",
			     kube_test_repeat("{", "\"k", "\":\"v\"", LEASE_MAX_LABELS, "}")),
	    KUBE_OK);
	assert_int_equal(decode_with("metadata|annotations",
			     kube_test_repeat("{", "\"k", "\":\"v\"", LEASE_MAX_LABELS + 1, "}")),
	    KUBE_TOO_MANY_LABELS);
	assert_int_equal(
	    decode_with("metadata|annotations|x", kube_test_long(LEASE_MAX_VALUE)), KUBE_OK);
	assert_int_equal(decode_with("metadata|annotations|x", kube_test_long(LEASE_MAX_VALUE + 1)),
	    KUBE_BAD_LABEL);
	assert_int_equal(
	    decode_with("spec|holderIdentity", kube_test_long(LEASE_MAX_VALUE + 1)), KUBE_BAD_SPEC);
}

static void
test_round_trip(void **state)
{
	struct lease *lease = lease_new("node-a"), *again;
	struct json_object *object;
	char *text, *text_again;

	(void)state;
	lease->uid = "u";
	lease->resource_version = "9";
	lease->holder = "a \"quoted\" name";
	lease->duration_seconds = 60;
	lease->transitions = 3;
	lease->acquire_time_usec = INT64_C(1700000000000001);
	lease->renew_time_usec = INT64_C(1700000000999999);
	lease_set_annotation(lease, "metallb.io/b", "{\"x\":1}");
	lease_set_annotation(lease, "metallb.io/a", "");
	text = kube_lease_encode(lease, "metallbd-system");
	object = kube_test_parse(text);
	assert_int_equal(kube_lease_decode(object, &again), KUBE_OK);
	assert_string_equal(again->holder, lease->holder);
	assert_int_equal(again->duration_seconds, 60);
	assert_int_equal(again->transitions, 3);
	assert_int_equal(again->acquire_time_usec, lease->acquire_time_usec);
	assert_int_equal(again->renew_time_usec, lease->renew_time_usec);
	assert_int_equal(again->annotations.count, 2);
	assert_string_equal(lease_annotation(again, "metallb.io/b"), "{\"x\":1}");
	assert_string_equal(labels_get(&again->labels, LEASE_LABEL_MANAGED_BY), LEASE_MANAGED_BY);
	text_again = kube_lease_encode(again, "metallbd-system");
	assert_string_equal(text_again, text);
	free(text);
	free(text_again);
	json_object_put(object);
	lease_free(lease);
	lease_free(again);
}

static void
test_encode(void **state)
{
	struct lease *lease = lease_new("ip-192-0-2-1");
	char *text;

	(void)state;
	/* Never held: no times, and no duration, which the API wants above 0. */
	text = kube_lease_encode(lease, "ns");
	assert_string_equal(text,
	    "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"metadata\":{\"name\":"
	    "\"ip-192-0-2-1\",\"namespace\":\"ns\",\"labels\":{\"app.kubernetes.io/managed-by\":"
	    "\"metallbd\"}},\"spec\":{\"holderIdentity\":\"\",\"leaseTransitions\":0}}");
	free(text);
	text = kube_lease_encode_delete(lease);
	assert_string_equal(text, "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\"}");
	free(text);
	lease->uid = "u";
	lease->resource_version = "5";
	text = kube_lease_encode_delete(lease);
	assert_string_equal(text,
	    "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\",\"preconditions\":"
	    "{\"uid\":\"u\",\"resourceVersion\":\"5\"}}");
	free(text);
	lease_free(lease);
}

static void
test_truncations(void **state)
{
	struct json_object *object;
	size_t len, i;
	char *text = kube_test_file("lease.json", &len);

	(void)state;
	while (len && text[len - 1] != '}')
		len--;
	for (i = 0; i < len; i++)
		assert_int_not_equal(kube_json_parse(text, i, len, &object), KUBE_OK);
	free(text);
}

static void
test_node(void **state)
{
	static const struct {
		const char *path, *json;
		enum kube_cause cause;
		bool excluded, unavailable;
	} rows[] = {
	    {"metadata|name", "\"node1\"", KUBE_OK, true, true},
	    {"metadata|labels", "{\"a\":\"b\"}", KUBE_OK, false, true},
	    {"metadata|labels", "null", KUBE_OK, false, true},
	    {"metadata|labels", "[]", KUBE_BAD_LABEL, false, false},
	    {"status|conditions", "[]", KUBE_OK, true, false},
	    {"status|conditions|0|status", "\"False\"", KUBE_OK, true, false},
	    {"status|conditions|0|status", "true", KUBE_OK, true, false},
	    {"status|conditions|0|type", "\"Ready\"", KUBE_OK, true, false},
	    {"status|conditions|0", "1", KUBE_BAD_STATUS, false, false},
	    {"status", "[]", KUBE_BAD_STATUS, false, false},
	    {"metadata|name", "\"\"", KUBE_NO_NAME, false, false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct json_object *object = kube_test_load("node.json");
		struct kube_node *node = NULL;

		kube_test_set(object, rows[i].path, rows[i].json);
		assert_row(i, rows[i].json, kube_node_decode(object, &node) == rows[i].cause);
		if (node) {
			assert_row(i, rows[i].json, node->excluded == rows[i].excluded);
			assert_row(
			    i, rows[i].json, node->network_unavailable == rows[i].unavailable);
			assert_false(node->deleting);
			assert_string_equal(node->name, "node1");
		}
		kube_node_free(node);
		json_object_put(object);
	}
}

/* Of type InternalIP, in order, as many as are kept; what cannot be read is left out. */
static void
test_node_addresses(void **state)
{
	struct json_object *object = kube_test_load("node.json");
	struct strbuf many = {0};
	struct kube_node *node;
	char text[IP_ADDR_STRLEN];
	int i;

	(void)state;
	kube_test_set(object, "status|addresses",
	    "[{\"type\":\"Hostname\",\"address\":\"10.0.0.9\"},{\"type\":\"InternalIP\",\"address\":\"10.0.0.1\"},"
	    "{\"type\":\"InternalIP\",\"address\":\"node1\"},{\"type\":\"InternalIP\"},7,"
	    "{\"type\":\"ExternalIP\",\"address\":\"192.0.2.1\"},{\"type\":\"InternalIP\",\"address\":\"fd00::1\"}]");
	assert_int_equal(kube_node_decode(object, &node), KUBE_OK);
	assert_int_equal(node->n_addresses, 2);
	ip_addr_format(&node->addresses[0], text);
	assert_string_equal(text, "10.0.0.1");
	ip_addr_format(&node->addresses[1], text);
	assert_string_equal(text, "fd00::1");
	kube_node_free(node);
	for (i = 0; i <= KUBE_NODE_MAX_ADDRESSES; i++)
		strbuf_printf(&many, "%s{\"type\":\"InternalIP\",\"address\":\"10.0.0.%d\"}",
		    i ? "," : "[", i);
	strbuf_addc(&many, ']');
	kube_test_set(object, "status|addresses", strbuf_text(&many));
	assert_int_equal(kube_node_decode(object, &node), KUBE_OK);
	assert_int_equal(node->n_addresses, KUBE_NODE_MAX_ADDRESSES);
	kube_node_free(node);
	kube_test_set(object, "status|addresses", "{}");
	assert_int_equal(kube_node_decode(object, &node), KUBE_OK);
	assert_int_equal(node->n_addresses, 0);
	kube_node_free(node);
	strbuf_free(&many);
	json_object_put(object);
}

static void
test_namespace(void **state)
{
	struct json_object *object = kube_test_load("namespace.json");
	struct kube_namespace *namespace;

	(void)state;
	assert_int_equal(kube_namespace_decode(object, &namespace), KUBE_OK);
	assert_string_equal(namespace->name, "default");
	assert_int_equal(namespace->labels.count, 0);
	kube_namespace_free(namespace);
	kube_test_set(object, "metadata|labels", "{\"team\":\"a\"}");
	assert_int_equal(kube_namespace_decode(object, &namespace), KUBE_OK);
	assert_string_equal(labels_get(&namespace->labels, "team"), "a");
	kube_namespace_free(namespace);
	kube_test_set(object, "metadata|labels", "{\"team\":1}");
	assert_int_equal(kube_namespace_decode(object, &namespace), KUBE_BAD_LABEL);
	json_object_put(object);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_real),
	    cmocka_unit_test(test_mutations),
	    cmocka_unit_test(test_caps),
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_encode),
	    cmocka_unit_test(test_truncations),
	    cmocka_unit_test(test_node),
	    cmocka_unit_test(test_node_addresses),
	    cmocka_unit_test(test_namespace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
