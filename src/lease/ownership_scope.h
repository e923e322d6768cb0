/*
 * ownership_scope: the scopes of the addresses that some Service has. There are few different ones,
 * as many as advertisements, and thousands of addresses that share them.
 */
#ifndef LEASE_OWNERSHIP_SCOPE_H
#define LEASE_OWNERSHIP_SCOPE_H

#include <stdint.h>

#include "lease/rank.h"
#include "util/map.h"

struct arena;

/* Equal scopes are one, so that they can be compared as pointers. */
struct ownership_scope {
	struct map_node node; /* by hash */
	uint64_t hash;
	unsigned refs;
	struct arena *arena;
	struct rank_scope scope; /* in `arena` */
};

/* One reference to the scope in *scopes (a map, NULL when empty) that equals `want`; copied when it
 * is new. */
struct ownership_scope *
ownership_scope_ref(struct ownership_scope **scopes, const struct rank_scope *want);
/* The last one frees it. NULL is allowed. */
void ownership_scope_unref(struct ownership_scope **scopes, struct ownership_scope *scope);

#endif
