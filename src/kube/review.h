/*
 * review: may we? A SelfSubjectAccessReview (authorization.k8s.io/v1) for each right that the
 * daemon uses: what to ask, and what the answer says. Every authenticated account may ask it
 * (ClusterRole system:basic-user).
 */
#ifndef KUBE_REVIEW_H
#define KUBE_REVIEW_H

#include <stdbool.h>
#include <stddef.h>

#define KUBE_REVIEW_PATH "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
#define KUBE_REVIEW_MAX_BYTES (64 * 1024) /* of an answer */

enum kube_right_scope {
	KUBE_RIGHT_ALWAYS,
	KUBE_RIGHT_NODE_LABELS,      /* with node.read-labels */
	KUBE_RIGHT_NAMESPACE_LABELS, /* with namespace-selectors in a pool */
};

struct kube_right {
	const char *verb, *group, *resource, *subresource; /* group and subresource: "" for none */
	const char *name;                                  /* of the object; "": any */
	bool own_namespace; /* in kubernetes.namespace; false: in all */
	enum kube_right_scope scope;
	const char *for_what;
};

/* Those of share/rbac.yaml that are used. */
extern const struct kube_right kube_rights[];
extern const size_t kube_n_rights;

/* "patch services/status", "create leases in namespace NS". The caller frees, as the next. */
char *kube_right_text(const struct kube_right *right, const char *own_namespace);
/* The body of the POST. */
char *kube_review_encode(const struct kube_right *right, const char *own_namespace);
/* 0 with *ret_allowed, or -EINVAL: the answer is not readable. */
int kube_review_decode(const char *body, size_t len, bool *ret_allowed);

#endif
