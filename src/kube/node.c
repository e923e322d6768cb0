#include "kube/node.h"

#include <json-c/json.h>

#include "kube/json.h"
#include "kube/object.h"
#include "util/mem.h"
#include "util/str.h"

void
kube_node_free(struct kube_node *node)
{
	if (node)
		arena_free(node->arena);
}

static enum kube_cause
decode_conditions(struct kube_node *node, const struct json_object *object)
{
	struct json_object *status = NULL, *list = NULL, *item;
	size_t i;

	if (kube_json_object(object, "status", &status) == KUBE_JSON_WRONG ||
	    kube_json_array(status, "conditions", &list) == KUBE_JSON_WRONG)
		return KUBE_BAD_STATUS;
	for (i = 0; i < kube_json_length(list); i++) {
		if (kube_json_element(list, i, &item) != KUBE_JSON_FOUND)
			return KUBE_BAD_STATUS;
		if (str_eq(kube_json_string_or(item, "type", ""), "NetworkUnavailable"))
			node->network_unavailable = str_eq(
			    kube_json_string_or(item, "status", ""), "True");
	}
	return KUBE_OK;
}

/* Names, and types that we do not know, are passed over: they only help to find ports. */
static void
decode_addresses(struct kube_node *node, const struct json_object *object)
{
	struct json_object *status = NULL, *list = NULL, *item;
	size_t i;

	node->addresses = arena_alloc(
	    node->arena, KUBE_NODE_MAX_ADDRESSES, sizeof(*node->addresses));
	(void)kube_json_object(object, "status", &status);
	(void)kube_json_array(status, "addresses", &list);
	for (i = 0; i < kube_json_length(list) && node->n_addresses < KUBE_NODE_MAX_ADDRESSES; i++)
		if (kube_json_element(list, i, &item) == KUBE_JSON_FOUND &&
		    str_eq(kube_json_string_or(item, "type", ""), "InternalIP") &&
		    !ip_addr_parse(kube_json_string_or(item, "address", ""),
			&node->addresses[node->n_addresses]))
			node->n_addresses++;
}

enum kube_cause
kube_node_decode(const struct json_object *object, struct kube_node **ret_node)
{
	struct json_object *metadata = NULL;
	struct kube_object_id id;
	struct kube_node *node;
	struct arena *arena;
	const char *text;
	enum kube_cause cause = kube_object_id(object, &id);

	if (cause)
		return cause;
	arena = arena_new();
	node = arena_alloc(arena, 1, sizeof(*node));
	node->arena = arena;
	node->name = arena_strdup(arena, id.name);
	(void)kube_json_object(object, "metadata", &metadata);
	node->deleting = kube_json_string(metadata, "deletionTimestamp", &text) != KUBE_JSON_ABSENT;
	cause = kube_object_labels(
	    metadata, "labels", arena, KUBE_NODE_MAX_LABELS, KUBE_NODE_MAX_VALUE, &node->labels);
	if (!cause)
		cause = decode_conditions(node, object);
	if (cause) {
		kube_node_free(node);
		return cause;
	}
	decode_addresses(node, object);
	node->excluded = labels_get(&node->labels, KUBE_NODE_LABEL_EXCLUDE) != NULL;
	*ret_node = node;
	return KUBE_OK;
}
