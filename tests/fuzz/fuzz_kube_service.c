/* A Service, Node or Namespace from JSON: nothing crashes, and what is accepted keeps to its caps.
 */
#include <assert.h>
#include <json-c/json.h>
#include <string.h>

#include "kube/json.h"
#include "kube/namespace.h"
#include "kube/node.h"
#include "kube/object.h"
#include "kube/service.h"
#include "model/service.h"
#include "util/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_service(const struct json_object *object)
{
	struct service *s;
	int i;

	if (kube_service_decode(object, &s))
		return;
	assert(strlen(s->key) == strlen(s->namespace) + 1 + strlen(s->name));
	assert(strlen(s->key) <= KUBE_OBJECT_MAX_KEY);
	assert(s->n_ports <= SERVICE_MAX_PORTS && s->n_ingress <= SERVICE_MAX_INGRESS);
	assert(s->n_cluster_ips <= SERVICE_MAX_FAMILIES && s->labels.count <= SERVICE_MAX_LABELS);
	assert(s->selector && s->load_balancer_ip && s->uid && *s->resource_version);
	assert(s->condition.reason && s->condition.message);
	for (i = 0; i < ANNOTATION_COUNT; i++)
		assert(!s->annotations[i] || strlen(s->annotations[i]) <= SERVICE_MAX_ANNOTATION);
	assert((s->type == SERVICE_LOAD_BALANCER) == kube_service_is_load_balancer(object));
	service_free(s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kube_namespace *namespace;
	struct json_object *object;
	struct kube_node *node;

	if (kube_json_parse(data, size, KUBE_JSON_MAX_OBJECT_BYTES, &object))
		return 0;
	check_service(object);
	if (!kube_node_decode(object, &node))
		kube_node_free(node);
	if (!kube_namespace_decode(object, &namespace))
		kube_namespace_free(namespace);
	json_object_put(object);
	return 0;
}
