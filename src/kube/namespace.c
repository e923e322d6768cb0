#include "kube/namespace.h"

#include <json-c/json.h>

#include "kube/json.h"
#include "kube/object.h"
#include "util/mem.h"

void
kube_namespace_free(struct kube_namespace *namespace)
{
	if (namespace)
		arena_free(namespace->arena);
}

enum kube_cause
kube_namespace_decode(const struct json_object *object, struct kube_namespace **ret_namespace)
{
	struct kube_namespace *namespace;
	struct json_object *metadata = NULL;
	struct kube_object_id id;
	struct arena *arena;
	enum kube_cause cause = kube_object_id(object, &id);

	if (cause)
		return cause;
	arena = arena_new();
	namespace = arena_alloc(arena, 1, sizeof(*namespace));
	namespace->arena = arena;
	namespace->name = arena_strdup(arena, id.name);
	(void)kube_json_object(object, "metadata", &metadata);
	cause = kube_object_labels(metadata, "labels", arena, KUBE_NAMESPACE_MAX_LABELS,
	    KUBE_NAMESPACE_MAX_VALUE, &namespace->labels);
	if (cause)
		kube_namespace_free(namespace);
	else
		*ret_namespace = namespace;
	return cause;
}
