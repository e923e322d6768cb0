/*
 * lease: a coordination.k8s.io/v1 Lease as a plain value. kube/lease.c makes it from JSON and back;
 * the lease room decides on it.
 */
#ifndef MODEL_LEASE_H
#define MODEL_LEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/labels.h"
#include "util/addr.h"
#include "util/map.h"

struct arena;

#define LEASE_MAX_LABELS                                                                          \
	64 /* labels, and annotations, that are kept; a Lease with more is refused by the decoder \
	    */
#define LEASE_MAX_VALUE 8192 /* bytes of one value */
#define LEASE_LABEL_MANAGED_BY "app.kubernetes.io/managed-by"
#define LEASE_MANAGED_BY "metallbd"

/* Which of our Leases it is, by its name. */
enum lease_kind {
	LEASE_OTHER,
	LEASE_ALLOCATOR,
	LEASE_NODE,
	LEASE_ADDRESS,
	LEASE_KIND_COUNT
};

struct lease {
	struct arena *arena;  /* owns everything here */
	struct map_node node; /* in a lease_table, by name */
	const char *name, *uid, *resource_version;
	const char *holder;       /* spec.holderIdentity, "" when nobody holds it */
	int32_t duration_seconds; /* spec.leaseDurationSeconds, 0 when absent */
	int32_t transitions;      /* spec.leaseTransitions */
	int64_t acquire_time_usec,
	    renew_time_usec; /* wall clock of the writer, 0 when absent; only compared for change */
	struct labels labels, annotations;
};

/* All Leases of our namespace that the API reported, by name. Owns them. */
struct lease_table {
	struct lease *head;
};

/* NULL is allowed. */
void lease_free(struct lease *lease);
/* An empty Lease of that name in an arena of its own. */
struct lease *lease_new(const char *name);
/* A deep copy in an arena of its own. */
struct lease *lease_copy(const struct lease *lease);
/* Puts one annotation, replacing one of the same key; value NULL removes it. Only while the Lease
 * is being made. */
void lease_set_annotation(struct lease *lease, const char *key, const char *value);
/* NULL when absent. */
const char *lease_annotation(const struct lease *lease, const char *key);
bool lease_is_held(const struct lease *lease);

enum lease_kind lease_kind_of(const char *name);
/* "node-NAME" into arena; "ip-ADDRESS" by ip_addr_name(). */
char *lease_node_name(struct arena *arena, const char *node);
char *lease_address_name(struct arena *arena, const struct ip_addr *addr);
/* The address of an "ip-..." name. 0 or -EINVAL. */
int lease_parse_address_name(const char *name, struct ip_addr *ret_addr);

void lease_table_clear(struct lease_table *table);
struct lease *lease_table_find(const struct lease_table *table, const char *name);
/* Takes `lease`; frees the one of the same name, if any. */
void lease_table_put(struct lease_table *table, struct lease *lease);
bool lease_table_remove(struct lease_table *table, const char *name);

#endif
