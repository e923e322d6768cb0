/*
 * node: the own Node object as far as it matters: labels, the exclude label, the network condition,
 * addresses.
 */
#ifndef KUBE_NODE_H
#define KUBE_NODE_H

#include <stdbool.h>
#include <stddef.h>

#include "kube/cause.h"
#include "model/labels.h"
#include "util/addr.h"

struct arena;
struct json_object;

#define KUBE_NODE_MAX_LABELS 1024
#define KUBE_NODE_MAX_VALUE 4096
#define KUBE_NODE_MAX_ADDRESSES 8 /* kept; further ones are ignored */
#define KUBE_NODE_LABEL_EXCLUDE "node.kubernetes.io/exclude-from-external-load-balancers"

struct kube_node {
	struct arena *arena; /* owns everything here */
	const char *name;
	struct labels labels;
	bool excluded;            /* has KUBE_NODE_LABEL_EXCLUDE, whatever its value */
	bool network_unavailable; /* condition NetworkUnavailable is "True" */
	bool deleting;
	struct ip_addr *addresses; /* status.addresses of type InternalIP, in their order */
	size_t n_addresses;
};

enum kube_cause kube_node_decode(const struct json_object *object, struct kube_node **ret_node);
/* NULL is allowed. */
void kube_node_free(struct kube_node *node);

#endif
