/*
 * allocator: who holds which address. It knows the pools and the right to share, not why somebody
 * wants an address (that is assign.c).
 *
 * A holder embeds at most one address of each family. An address is taken while it has a holder, or
 * while it is forbidden; it is then taken in every pool that may give it (pools do not overlap, but
 * nothing here depends on that). An address may be held that no pool allows any more.
 */
#ifndef IPAM_ALLOCATOR_H
#define IPAM_ALLOCATOR_H

#include <stdbool.h>
#include <stddef.h>

#include "ipam/pool.h"
#include "ipam/request.h"
#include "ipam/sharing.h"
#include "util/addr.h"
#include "util/list.h"
#include "util/map.h"
#include "util/str.h"

struct holder;
struct service;
struct settings;
struct share_group;

struct holding {
	struct holder *holder;
	struct address *address; /* NULL: none of this family */
	char *pool;              /* the name of the pool that it came from */
	TAILQ_ENTRY(holding) link;
};

struct holder {
	const char *key;         /* owned by whoever embeds this; outlives the holdings */
	struct sharing *sharing; /* as settled; owned */
	struct holding held[REQUEST_FAMILIES];
};

struct address {
	struct map_node node;
	struct ip_addr addr;
	bool is_forbidden;
	TAILQ_HEAD(, holding) holdings;
	struct share_group *group; /* of its holders' key; NULL without one */
	TAILQ_ENTRY(address) group_link;
};

struct allocator {
	struct pool *pools; /* in the order of the settings */
	size_t n_pools;
	struct pool **order;       /* as they are tried: pinned ones by priority, then the others */
	struct address *addresses; /* map */
	struct share_group *groups; /* map */
};

/* Why an address, or any address, may not be had. */
enum refusal_cause {
	REFUSAL_NONE,
	REFUSAL_NOT_IN_POOLS,
	REFUSAL_EXCLUDED,
	REFUSAL_BUGGY,
	REFUSAL_FORBIDDEN,
	REFUSAL_OTHER_NAMESPACE,
	REFUSAL_OTHER_LABELS,
	REFUSAL_NAMESPACE_UNKNOWN,
	REFUSAL_OTHER_POOL,
	REFUSAL_TWO_POOLS,
	REFUSAL_IN_USE,
	REFUSAL_KEY,
	REFUSAL_BACKEND,
	REFUSAL_PORT,
	REFUSAL_CAUSE_COUNT
};

struct refusal {
	enum refusal_cause cause;
	struct ip_addr addr;
	const char *pool;  /* name; borrowed from the settings or the Service */
	const char *other; /* key of the Service in the way; valid until it changes */
	struct service_port port;
};

void allocator_init(struct allocator *allocator);
/* All holders must have let go. */
void allocator_fini(struct allocator *allocator);
/* Replaces the pools; what is held stays held. The settings are borrowed. */
void allocator_set_pools(struct allocator *allocator, const struct settings *settings);
/* Marks or unmarks one address that is never given to a new holder. */
void allocator_forbid(struct allocator *allocator, const struct ip_addr *addr, bool forbid);
bool allocator_is_forbidden(const struct allocator *allocator, const struct ip_addr *addr);

bool allocator_is_held(const struct allocator *allocator, const struct ip_addr *addr);

/* NULL when there is none of that name. */
struct pool *allocator_pool(const struct allocator *allocator, const char *name);
/* The pool that may give addr, the one called `name` (NULL allowed) if it may; NULL when none. */
struct pool *
allocator_pool_of(const struct allocator *allocator, const struct ip_addr *addr, const char *name);

void holder_init(struct holder *holder, const char *key);
/* The address of a family, NULL when none is held. */
const struct ip_addr *holder_addr(const struct holder *holder, size_t family);
bool holder_has_any(const struct holder *holder);

/* Whether `holder` (with `sharing`) may be on addr beside those who hold it already. */
bool allocator_may_share(const struct allocator *allocator, const struct holder *holder,
    const struct sharing *sharing, const struct ip_addr *addr, struct refusal *ret_refusal);
/* Whether a new holder may have addr by pools alone: *ret_pool is the one. pool_name NULL: any. */
bool allocator_may_give(const struct allocator *allocator, const struct service *service,
    const struct pool_namespace *namespace, const struct ip_addr *addr, const char *pool_name,
    struct pool **ret_pool, struct refusal *ret_refusal);

/*
 * Gives `holder` exactly these addresses (family NONE: none of that family), all or none; what it
 * holds already is only checked against its co-users, with the Service's present keys. On refusal
 * nothing changes. 0 or -EBUSY with *ret_refusal.
 */
int
allocator_assign(struct allocator *allocator, struct holder *holder, const struct service *service,
    const struct pool_namespace *namespace, const struct ip_addr addrs[REQUEST_FAMILIES],
    const char *pool_name, struct refusal *ret_refusal);
/* The lowest address of the pool that is free, or that holder may share. */
bool allocator_lowest(const struct allocator *allocator, const struct pool *pool,
    const struct holder *holder, enum ip_family family, struct ip_addr *ret_addr);

/* Unchecked: the caller has the right to it. */
void allocator_hold(struct allocator *allocator, struct holder *holder, const struct ip_addr *addr,
    const char *pool_name);
void allocator_release(struct allocator *allocator, struct holder *holder, size_t family);
/* Takes `sharing` (NULL: the holder ends; it must hold nothing). */
void
allocator_set_sharing(struct allocator *allocator, struct holder *holder, struct sharing *sharing);

/* One clause, naming address, pool and cause. */
void refusal_format(const struct refusal *refusal, struct strbuf *sb);

#endif
