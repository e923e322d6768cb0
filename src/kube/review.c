#include "kube/review.h"

#include <errno.h>

#include <json-c/json.h>

#include "kube/json.h"
#include "util/mem.h"

#define LEASES "coordination.k8s.io"

const struct kube_right kube_rights[] = {
    {"list", "", "services", "", "", false, KUBE_RIGHT_ALWAYS, "knowing the Services"},
    {"watch", "", "services", "", "", false, KUBE_RIGHT_ALWAYS, "following the Services"},
    {"patch", "", "services", "status", "", false, KUBE_RIGHT_ALWAYS,
	"writing the address into a Service"},
    {"create", "", "events", "", "", false, KUBE_RIGHT_ALWAYS, "Events on Services"},
    {"patch", "", "events", "", "", false, KUBE_RIGHT_ALWAYS, "counting repeated Events"},
    {"get", "", "nodes", "", "", false, KUBE_RIGHT_NODE_LABELS,
	"the labels of the own Node (node.read-labels)"},
    {"get", "", "namespaces", "", "", false, KUBE_RIGHT_NAMESPACE_LABELS,
	"pools with namespace-selectors"},
    {"get", LEASES, "leases", "", "", true, KUBE_RIGHT_ALWAYS, "proving who owns an address"},
    {"list", LEASES, "leases", "", "", true, KUBE_RIGHT_ALWAYS, "knowing who owns what"},
    {"watch", LEASES, "leases", "", "", true, KUBE_RIGHT_ALWAYS, "following who owns what"},
    {"create", LEASES, "leases", "", "", true, KUBE_RIGHT_ALWAYS, "claiming an address"},
    {"update", LEASES, "leases", "", "", true, KUBE_RIGHT_ALWAYS, "heartbeat and moves"},
    {"delete", LEASES, "leases", "", "", true, KUBE_RIGHT_ALWAYS, "removing unused Leases"},
};
const size_t kube_n_rights = sizeof(kube_rights) / sizeof(kube_rights[0]);

char *
kube_right_text(const struct kube_right *right, const char *own_namespace)
{
	return xasprintf("%s %s%s%s%s%s%s%s", right->verb, right->resource,
	    *right->subresource ? "/" : "", right->subresource, *right->name ? " " : "",
	    right->name, right->own_namespace ? " in namespace " : "",
	    right->own_namespace ? own_namespace : "");
}

char *
kube_review_encode(const struct kube_right *right, const char *own_namespace)
{
	json_object *review = json_object_new_object(), *attributes;

	kube_json_put_string(review, "apiVersion", "authorization.k8s.io/v1");
	kube_json_put_string(review, "kind", "SelfSubjectAccessReview");
	attributes = kube_json_put_object(
	    kube_json_put_object(review, "spec"), "resourceAttributes");
	kube_json_put_string(attributes, "verb", right->verb);
	kube_json_put_string(attributes, "group", right->group);
	kube_json_put_string(attributes, "resource", right->resource);
	if (*right->subresource)
		kube_json_put_string(attributes, "subresource", right->subresource);
	if (*right->name)
		kube_json_put_string(attributes, "name", right->name);
	if (right->own_namespace)
		kube_json_put_string(attributes, "namespace", own_namespace);
	return kube_json_detach(review);
}

int
kube_review_decode(const char *body, size_t len, bool *ret_allowed)
{
	json_object *review, *status = NULL;
	bool allowed = false;
	int err = 0;

	if (kube_json_parse(body, len, KUBE_REVIEW_MAX_BYTES, &review) != KUBE_OK)
		return -EINVAL;
	/* `allowed` is required in the API's type, hence always there. */
	if (kube_json_object(review, "status", &status) != KUBE_JSON_FOUND ||
	    kube_json_bool(status, "allowed", &allowed) != KUBE_JSON_FOUND)
		err = -EINVAL;
	else
		*ret_allowed = allowed;
	json_object_put(review);
	return err;
}
