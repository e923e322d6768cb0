/*
 * namespace: a Namespace's labels, for pools that select by them.
 */
#ifndef KUBE_NAMESPACE_H
#define KUBE_NAMESPACE_H

#include "kube/cause.h"
#include "model/labels.h"

struct arena;
struct json_object;

#define KUBE_NAMESPACE_MAX_LABELS 1024
#define KUBE_NAMESPACE_MAX_VALUE 4096

struct kube_namespace {
	struct arena *arena; /* owns everything here */
	const char *name;
	struct labels labels;
};

enum kube_cause
kube_namespace_decode(const struct json_object *object, struct kube_namespace **ret_namespace);
/* NULL is allowed. */
void kube_namespace_free(struct kube_namespace *namespace);

#endif
