/*
 * object: what all Kubernetes objects have in common: metadata.
 */
#ifndef KUBE_OBJECT_H
#define KUBE_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kube/cause.h"
#include "model/labels.h"

struct arena;
struct json_object;

#define KUBE_OBJECT_MAX_NAME 253 /* bytes: a DNS subdomain */
#define KUBE_OBJECT_MAX_NAMESPACE 63
/* uid and resourceVersion: opaque to us, so the cap is generous. */
#define KUBE_OBJECT_MAX_VERSION 128
#define KUBE_OBJECT_MAX_KEY (KUBE_OBJECT_MAX_NAMESPACE + 1 + KUBE_OBJECT_MAX_NAME)

/* Borrowed from the json_object. */
struct kube_object_id {
	const char *namespace; /* "" for an object without one */
	const char *name;
	const char *uid;              /* "" when absent */
	const char *resource_version; /* "" when absent */
};

/*
 * Only the identity: enough for DELETED and to know an object that is otherwise malformed. Names
 * hold lower-case letters, digits, '-' and '.' only, so they are safe in logs, paths and keys.
 */
enum kube_cause kube_object_id(const struct json_object *object, struct kube_object_id *ret_id);
/* metadata.resourceVersion alone (of a bookmark, say), "" when absent or unusable. Borrowed. */
const char *kube_object_version(const struct json_object *object);
/* Whether resourceVersion a is before b; false where not both are decimal numbers. */
bool kube_version_is_older(const char *a, const char *b);
/* "namespace/name", or "name" without a namespace. */
void kube_object_key(const struct kube_object_id *id, char out[KUBE_OBJECT_MAX_KEY + 1]);
/*
 * A map of strings (labels, annotations) into `arena`, sorted: at most max_count, each value at
 * most max_value bytes. Absent: empty. KUBE_TOO_MANY_LABELS, KUBE_BAD_LABEL.
 */
enum kube_cause kube_object_labels(const struct json_object *metadata, const char *key,
    struct arena *arena, size_t max_count, size_t max_value, struct labels *ret_labels);

#endif
