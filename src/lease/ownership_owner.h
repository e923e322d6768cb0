/*
 * ownership_owner: the other nodes that hold addresses, each with the addresses whose Leases name
 * it, so that a node's death finds them. For the files of ownership only.
 */
#ifndef LEASE_OWNERSHIP_OWNER_H
#define LEASE_OWNERSHIP_OWNER_H

#include "lease/ownership.h"

struct ownership_owner {
	struct map_node node; /* by name */
	char *name;
	struct member *member; /* NULL: too many, lives for ever */
	struct ownership_list addresses;
};

/* NULL when that node holds nothing. */
struct ownership_owner *ownership_owner_find(const struct ownership *o, const char *name);
/* `a` is that node's from now on, a->owner says so; nobody's with "". */
void ownership_owner_join(
    struct ownership *o, struct ownership_address *a, const char *name, mono_t now);
/* Nobody's; what has no address left is freed. */
void ownership_owner_leave(struct ownership *o, struct ownership_address *a);

#endif
