/*
 * sharing: by what right two Services may have one address. Both name the same non-empty key
 * (metallb.io/allow-shared-ip), they have no (protocol, port) in common, and the same backend: all
 * externalTrafficPolicy Cluster, or all Local with one selector.
 *
 * A copy of what counts of a Service: who shares with whom is judged by what was settled, not by
 * versions that ipam has not looked at yet.
 */
#ifndef IPAM_SHARING_H
#define IPAM_SHARING_H

#include <stdbool.h>
#include <stddef.h>

#include "model/service.h"

struct sharing {
	char *key;                  /* "": does not share */
	char *backend;              /* "cluster", or "local:" and the selector */
	struct service_port *ports; /* sorted, unique */
	size_t n_ports;
};

enum sharing_conflict {
	SHARING_ALLOWED,
	SHARING_NO_KEY, /* one of them does not share */
	SHARING_OTHER_KEY,
	SHARING_OTHER_BACKEND,
	SHARING_PORT,
	SHARING_CONFLICT_COUNT
};

/* The caller frees. A key that was cut (annotation_too_long) shares with nobody. */
struct sharing *sharing_new(const struct service *service);
/* NULL is allowed. */
void sharing_free(struct sharing *sharing);
bool sharing_eq(const struct sharing *a, const struct sharing *b);
/* *ret_port is set with SHARING_PORT only. */
enum sharing_conflict
sharing_check(const struct sharing *a, const struct sharing *b, struct service_port *ret_port);

#endif
