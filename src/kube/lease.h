/*
 * lease: coordination.k8s.io/v1 Lease <-> struct lease.
 */
#ifndef KUBE_LEASE_H
#define KUBE_LEASE_H

#include "kube/cause.h"

struct json_object;
struct lease;

/* KUBE_OK: the caller owns *ret_lease (lease_free()). */
enum kube_cause kube_lease_decode(const struct json_object *object, struct lease **ret_lease);
/*
 * For POST (resource_version "") and PUT: metadata.name, namespace, resourceVersion, labels with
 * app.kubernetes.io/managed-by=metallbd added, annotations, spec. A holder of "" is written as
 * such (client-go's release does the same); times and durations of 0 are left out, since the API
 * demands a duration above 0. Heap text; the caller frees.
 */
char *kube_lease_encode(const struct lease *lease, const char *namespace);
/* DeleteOptions that delete only this very state: uid and resourceVersion, each left out when "".
 */
char *kube_lease_encode_delete(const struct lease *lease);

#endif
