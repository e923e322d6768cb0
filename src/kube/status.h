/*
 * status: the strategic merge patch for /api/v1/namespaces/NS/services/NAME/status.
 *
 * `status.loadBalancer.ingress` is an atomic list: the patch replaces all of it, so the caller
 * lists every entry that shall stay. Conditions are merged by type. With metadata.resourceVersion
 * the server answers 409 when somebody else wrote in between.
 */
#ifndef KUBE_STATUS_H
#define KUBE_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct service_ingress;

/* The Content-Type of this patch, and that of RFC 7386. */
#define KUBE_STRATEGIC_MERGE_PATCH "application/strategic-merge-patch+json"
#define KUBE_MERGE_PATCH "application/merge-patch+json"
#define KUBE_JSON "application/json"

#define KUBE_STATUS_MAX_MESSAGE 1024 /* bytes of a condition's message; Kubernetes: 32768 */

enum kube_change {
	KUBE_KEEP, /* not in the patch */
	KUBE_SET,
	KUBE_CLEAR,
	KUBE_CHANGE_COUNT
};

/* All pointers are borrowed. All zeros changes nothing. */
struct kube_status_patch {
	const char *resource_version; /* "" or NULL: blind, overwrites what it did not see */

	const char *uid; /* of the Service; NULL: not written. Another one answers 409 */

	enum kube_change ingress;
	/* ip, ip_mode (NULL: not written), hostname; on top of what `raw` says. */
	const struct service_ingress *entries;
	size_t n_entries;

	enum kube_change pool_annotation; /* metallb.io/ip-allocated-from-pool */
	const char *pool;
	bool remove_legacy_annotation; /* metallb.universe.tf/ip-allocated-from-pool */

	enum kube_change condition; /* metallb.io/Allocated */
	bool condition_status;
	const char *condition_reason; /* CamelCase, not empty: the API demands one */
	const char *condition_message;
	int64_t observed_generation;  /* 0: not written (Services had no generation for long) */
	int64_t transition_time_usec; /* wall clock; 0: keeps the one that is there */
};

/* Heap text; the caller frees. An invalid UTF-8 byte in a message comes out as '?'. */
char *kube_status_encode(const struct kube_status_patch *patch);

#endif
