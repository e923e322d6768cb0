/*
 * attribute_set: what is announced about a prefix, in a form that does not depend on the peer. Sets
 * are interned in one pool for all peers: equal contents are one object, so that ten thousand
 * routes to ten routers share a handful, and "changed" is a comparison of pointers.
 *
 * AS_PATH, NEXT_HOP and whether LOCAL_PREF is sent are the session's: attribute.h.
 */
#ifndef BGP_ATTRIBUTE_SET_H
#define BGP_ATTRIBUTE_SET_H

#include <stddef.h>
#include <stdint.h>

#include "bgp/span.h"
#include "model/settings.h"
#include "util/map.h"

/* Of all communities together, on the wire: a message has to hold them and a prefix. */
#define BGP_COMMUNITIES_MAX_BYTES 2048
#define BGP_PREPEND_MAX 32
/* LOCAL_PREF when nothing is configured: what routers assume (RFC 4271 9.1.1 leaves it open). */
#define BGP_LOCAL_PREF_DEFAULT 100

/* Input. Order and repetitions of communities do not matter. */
struct bgp_route_attributes {
	uint32_t med;        /* 0: none is sent */
	uint32_t local_pref; /* to internal peers; 0: BGP_LOCAL_PREF_DEFAULT */
	uint32_t weight;     /* endpoints, for the link bandwidth community; 0: none is sent */
	uint8_t prepend;     /* further times of our AS number, to external peers; BGP_PREPEND_MAX
				at most */
	const struct community *communities;
	size_t n_communities;
};

/* Immutable. Communities are in wire form, sorted. */
struct bgp_attribute_set {
	struct map_node node; /* in the pool, by key */
	unsigned refs;
	uint32_t med, local_pref, weight;
	uint8_t prepend;
	struct bgp_span communities, large; /* into key */
	size_t key_len;
	uint8_t key[];
};

/* All zeros is a valid empty one. Must be empty, i.e. all references given back, before it goes. */
struct bgp_attribute_pool {
	struct bgp_attribute_set *sets;
};

/* A reference to the set with these contents, which the caller gives back. NULL when the
 * communities are more than BGP_COMMUNITIES_MAX_BYTES. */
struct bgp_attribute_set *bgp_attribute_pool_get(
    struct bgp_attribute_pool *pool, const struct bgp_route_attributes *attributes);
struct bgp_attribute_set *bgp_attribute_set_ref(struct bgp_attribute_set *set);
/* NULL is allowed. */
void bgp_attribute_set_unref(struct bgp_attribute_pool *pool, struct bgp_attribute_set *set);
size_t bgp_attribute_pool_count(const struct bgp_attribute_pool *pool);

#endif
