#include "bgp/adj_out.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bgp/update.h"
#include "util/mem.h"

#define ATTR(type) BGP_ATTRIBUTE_BIT(BGP_ATTRIBUTE_##type)
#define SEGMENT_MAX_BYTES (2 + 4 * (1 + BGP_PREPEND_MAX))
/* An UPDATE without anything in it. */
#define UPDATE_BYTES (BGP_HEADER_BYTES + 4)
#define MP_UNREACH_HEADER_BYTES (4 + 3)
/* draft-ietf-idr-link-bandwidth: octets per second of one endpoint, 1 Mbit/s. Only the ratio
 * counts, but routers show it. */
#define BANDWIDTH_PER_ENDPOINT 125000.0f
#define LINK_BANDWIDTH_TRANSITIVE 0x0004
#define LINK_BANDWIDTH_NON_TRANSITIVE 0x4004

struct bucket_key {
	const struct bgp_attribute_set *set;
	size_t family; /* as wide as a pointer: no padding */
};

/* Routes of one family that wait to be sent with the same attributes. */
struct bgp_adj_bucket {
	struct map_node node;
	struct bucket_key key;
	struct bgp_attribute_set *set; /* a reference */
	struct bgp_adj_routes routes;  /* never empty */
	TAILQ_ENTRY(bgp_adj_bucket) entry;
};

static enum bgp_family
family_of(const struct bgp_adj_route *route)
{
	return bgp_family_of((enum ip_family)route->prefix.addr.family);
}

void
bgp_adj_out_init(struct bgp_adj_out *out, struct bgp_attribute_pool *pool)
{
	*out = (struct bgp_adj_out){.pool = pool};
	TAILQ_INIT(&out->announce);
	TAILQ_INIT(&out->withdraw);
}

static struct bgp_adj_bucket *
bucket_get(struct bgp_adj_out *out, struct bgp_attribute_set *set, enum bgp_family family)
{
	struct bucket_key key = {set, family};
	struct bgp_adj_bucket *bucket;

	MAP_FIND(out->buckets, &key, bucket);
	if (bucket)
		return bucket;
	bucket = xcalloc(1, sizeof(*bucket));
	bucket->key = key;
	bucket->set = bgp_attribute_set_ref(set);
	TAILQ_INIT(&bucket->routes);
	TAILQ_INSERT_TAIL(&out->announce, bucket, entry);
	MAP_ADD(out->buckets, key, bucket);
	return bucket;
}

static void
bucket_release(struct bgp_adj_out *out, struct bgp_adj_bucket *bucket)
{
	if (!TAILQ_EMPTY(&bucket->routes))
		return;
	TAILQ_REMOVE(&out->announce, bucket, entry);
	MAP_DEL(out->buckets, bucket);
	bgp_attribute_set_unref(out->pool, bucket->set);
	free(bucket);
}

/* The bucket may be left empty: the caller releases it. */
static struct bgp_adj_bucket *
unqueue(struct bgp_adj_out *out, struct bgp_adj_route *route)
{
	struct bgp_adj_bucket *bucket = route->bucket;

	assert(route->queued);
	TAILQ_REMOVE(bucket ? &bucket->routes : &out->withdraw, route, entry);
	route->queued = false;
	route->bucket = NULL;
	out->counts[family_of(route)].pending--;
	return bucket;
}

static void
enqueue(struct bgp_adj_out *out, struct bgp_adj_route *route, struct bgp_attribute_set *set)
{
	route->bucket = set ? bucket_get(out, set, family_of(route)) : NULL;
	route->queued = true;
	TAILQ_INSERT_TAIL(route->bucket ? &route->bucket->routes : &out->withdraw, route, entry);
	out->counts[family_of(route)].pending++;
}

static void
set_ref(struct bgp_adj_out *out, struct bgp_attribute_set **field, struct bgp_attribute_set *set,
    size_t *count)
{
	struct bgp_attribute_set *old = *field;

	if (set)
		(void)bgp_attribute_set_ref(set);
	*count += (size_t)(set != NULL) - (size_t)(old != NULL);
	*field = set;
	bgp_attribute_set_unref(out->pool, old);
}

static void
set_sent(struct bgp_adj_out *out, struct bgp_adj_route *route, struct bgp_attribute_set *set)
{
	set_ref(out, &route->sent, set, &out->counts[family_of(route)].sent);
}

static void
route_free(struct bgp_adj_out *out, struct bgp_adj_route *route)
{
	MAP_DEL(out->routes, route);
	free(route);
}

/* Puts the route where it belongs; frees it when neither side knows it. */
static void
settle(struct bgp_adj_out *out, struct bgp_adj_route *route)
{
	struct bgp_attribute_set *target = NULL;
	struct bgp_adj_bucket *old = NULL;
	bool due;

	if (!out->suppressed && (out->families & BGP_FAMILY_BIT(family_of(route))))
		target = route->wanted;
	due = out->up && (target != route->sent || (target && route->resend));
	if (route->queued) {
		if (due && (route->bucket ? route->bucket->set : NULL) == target)
			return;
		old = unqueue(out, route);
	}
	if (due)
		enqueue(out, route, target);
	if (old)
		bucket_release(out, old);
	if (!due && !route->wanted && !route->sent)
		route_free(out, route);
}

static void
settle_all(struct bgp_adj_out *out)
{
	struct bgp_adj_route *route, *next;

	MAP_FOREACH_SAFE (route, next, out->routes)
		settle(out, route);
}

void
bgp_adj_out_fini(struct bgp_adj_out *out)
{
	bgp_adj_out_down(out);
	bgp_adj_out_begin(out);
	bgp_adj_out_end(out);
	assert(!out->routes && !out->buckets);
}

void
bgp_adj_out_begin(struct bgp_adj_out *out)
{
	out->generation++;
}

int
bgp_adj_out_want(
    struct bgp_adj_out *out, const struct ip_prefix *prefix, struct bgp_attribute_set *set)
{
	struct bgp_adj_route *route;

	MAP_FIND(out->routes, prefix, route);
	if (!route) {
		if (MAP_COUNT(out->routes) >= BGP_ADJ_OUT_MAX_ROUTES)
			return -ENOSPC;
		route = xcalloc(1, sizeof(*route));
		route->prefix = *prefix;
		MAP_ADD(out->routes, prefix, route);
	}
	route->generation = out->generation;
	if (route->wanted != set) {
		set_ref(out, &route->wanted, set, &out->counts[family_of(route)].wanted);
		settle(out, route);
	}
	return 0;
}

void
bgp_adj_out_end(struct bgp_adj_out *out)
{
	struct bgp_adj_route *route, *next;

	MAP_FOREACH_SAFE (route, next, out->routes) {
		if (!route->wanted || route->generation == out->generation)
			continue;
		set_ref(out, &route->wanted, NULL, &out->counts[family_of(route)].wanted);
		settle(out, route);
	}
}

static bool
has_next_hop(const struct bgp_adj_context *c, enum bgp_family family)
{
	bool v6 = c->next_hops.ipv6.family != IP_FAMILY_NONE ||
	    c->next_hops.ipv6_link_local.family != IP_FAMILY_NONE;

	if (family == BGP_IPV6_UNICAST)
		return v6;
	return c->next_hops.ipv4.family != IP_FAMILY_NONE || (c->extended_next_hop && v6);
}

void
bgp_adj_out_up(struct bgp_adj_out *out, const struct bgp_adj_context *context)
{
	unsigned family;

	out->up = true;
	out->context = *context;
	out->families = 0;
	out->eor = 0;
	for (family = 0; family < BGP_FAMILY_COUNT; family++)
		if ((context->families & BGP_FAMILY_BIT(family)) &&
		    has_next_hop(context, (enum bgp_family)family))
			out->families |= BGP_FAMILY_BIT(family);
	settle_all(out);
}

void
bgp_adj_out_down(struct bgp_adj_out *out)
{
	struct bgp_adj_route *route, *next;

	out->up = false;
	out->families = 0;
	out->eor = 0;
	MAP_FOREACH_SAFE (route, next, out->routes) {
		route->resend = false;
		set_sent(out, route, NULL);
		settle(out, route);
	}
}

void
bgp_adj_out_refresh(struct bgp_adj_out *out, enum bgp_family family)
{
	struct bgp_adj_route *route, *next;

	MAP_FOREACH_SAFE (route, next, out->routes) {
		if (family_of(route) != family || !route->sent)
			continue;
		route->resend = true;
		settle(out, route);
	}
}

void
bgp_adj_out_end_of_rib(struct bgp_adj_out *out, enum bgp_family family)
{
	if (out->up)
		out->eor |= BGP_FAMILY_BIT(family);
}

void
bgp_adj_out_graceful_shutdown(struct bgp_adj_out *out, bool on)
{
	unsigned family;

	if (out->graceful_shutdown == on)
		return;
	out->graceful_shutdown = on;
	for (family = 0; family < BGP_FAMILY_COUNT; family++)
		bgp_adj_out_refresh(out, (enum bgp_family)family);
}

void
bgp_adj_out_suppress(struct bgp_adj_out *out, bool on)
{
	if (out->suppressed == on)
		return;
	out->suppressed = on;
	settle_all(out);
}

/* A family whose End-of-RIB may go out now; BGP_FAMILY_COUNT when there is none. */
static enum bgp_family
due_end_of_rib(const struct bgp_adj_out *out)
{
	unsigned family;

	for (family = 0; family < BGP_FAMILY_COUNT; family++)
		if ((out->eor & BGP_FAMILY_BIT(family)) && !out->counts[family].pending)
			break;
	return (enum bgp_family)family;
}

bool
bgp_adj_out_is_pending(const struct bgp_adj_out *out)
{
	return !TAILQ_EMPTY(&out->withdraw) || !TAILQ_EMPTY(&out->announce) ||
	    due_end_of_rib(out) != BGP_FAMILY_COUNT;
}

/* Takes routes of the family from the list, from `route` on, as long as their prefixes fit. */
static void
take_withdrawn(struct bgp_adj_out *out, enum bgp_family family, struct wbuf *nlri)
{
	struct bgp_adj_route *route, *next;

	TAILQ_FOREACH_SAFE (route, &out->withdraw, entry, next) {
		if (nlri->size - nlri->pos < BGP_NLRI_MAX_BYTES)
			return;
		if (family_of(route) != family)
			continue;
		bgp_nlri_encode(nlri, &route->prefix);
		(void)unqueue(out, route);
		set_sent(out, route, NULL);
		settle(out, route);
	}
}

static void
encode_withdraw(struct bgp_adj_out *out, struct wbuf *w)
{
	enum bgp_family family = family_of(TAILQ_FIRST(&out->withdraw));
	uint8_t bytes[BGP_MESSAGE_MAX_BYTES - UPDATE_BYTES - MP_UNREACH_HEADER_BYTES];
	struct bgp_update u = {0};
	struct bgp_span withdrawn;
	struct wbuf nlri;

	wbuf_init(&nlri, bytes, sizeof(bytes));
	take_withdrawn(out, family, &nlri);
	withdrawn = (struct bgp_span){bytes, nlri.pos};
	if (family == BGP_IPV4_UNICAST) {
		u.withdrawn = withdrawn;
	} else {
		u.attributes.present = ATTR(MP_UNREACH);
		u.attributes.mp_unreach = (struct bgp_mp_unreach){
		    .afi = bgp_family_afi(family),
		    .safi = BGP_SAFI_UNICAST,
		    .withdrawn = withdrawn,
		};
	}
	bgp_update_encode(w, &u);
}

/* Memory for the variable parts of what is sent. */
struct scratch {
	uint8_t as_path[SEGMENT_MAX_BYTES], as4_path[SEGMENT_MAX_BYTES];
	uint8_t communities[BGP_COMMUNITIES_MAX_BYTES + 4];
	uint8_t bandwidth[8];
	uint8_t nlri[BGP_MESSAGE_MAX_BYTES];
};

static struct bgp_span
make_segment(uint8_t out[SEGMENT_MAX_BYTES], uint32_t asn, unsigned times, bool as4)
{
	struct wbuf w;
	unsigned i;

	wbuf_init(&w, out, SEGMENT_MAX_BYTES);
	wbuf_u8(&w, BGP_SEGMENT_SEQUENCE);
	wbuf_u8(&w, (uint8_t)times);
	for (i = 0; i < times; i++) {
		if (as4)
			wbuf_u32(&w, asn);
		else
			wbuf_u16(&w, asn > UINT16_MAX ? BGP_AS_TRANS : (uint16_t)asn);
	}
	return (struct bgp_span){out, w.pos};
}

/* RFC 4271 5.1.2; to a speaker of two-octet AS numbers as RFC 6793 4.2.2 says. To internal peers
 * it is empty, prepended or not: with their own AS number in it they would take it for a loop. */
static void
make_as_path(const struct bgp_adj_context *c, const struct bgp_attribute_set *set,
    struct bgp_attributes *a, struct scratch *scratch)
{
	unsigned times = c->internal ? 0 : 1U + set->prepend;

	a->present |= ATTR(AS_PATH);
	if (!times)
		return;
	a->as_path = make_segment(scratch->as_path, c->asn, times, c->as4);
	if (!c->as4 && c->asn > UINT16_MAX) {
		a->present |= ATTR(AS4_PATH);
		a->as4_path = make_segment(scratch->as4_path, c->asn, times, true);
	}
}

static void
make_communities(const struct bgp_adj_out *out, const struct bgp_attribute_set *set,
    struct bgp_attributes *a, struct scratch *scratch)
{
	struct wbuf w;

	wbuf_init(&w, scratch->communities, sizeof(scratch->communities));
	wbuf_copy(&w, set->communities.bytes, set->communities.len);
	if (out->graceful_shutdown)
		wbuf_u32(&w, BGP_GRACEFUL_SHUTDOWN);
	a->communities = (struct bgp_span){scratch->communities, w.pos};
	if (w.pos)
		a->present |= ATTR(COMMUNITIES);
	a->large_communities = set->large;
	if (set->large.len)
		a->present |= ATTR(LARGE_COMMUNITIES);
}

/*
 * draft-ietf-idr-link-bandwidth: type, AS number, bandwidth as an IEEE float. External peers get
 * the transitive form, since the other one is not for them to see.
 */
static void
make_bandwidth(const struct bgp_adj_context *c, const struct bgp_attribute_set *set,
    struct bgp_attributes *a, struct scratch *scratch)
{
	float bandwidth = (float)set->weight * BANDWIDTH_PER_ENDPOINT;
	uint32_t bits;
	struct wbuf w;

	if (!set->weight)
		return;
	static_assert(sizeof(bits) == sizeof(bandwidth), "IEEE 754 single precision");
	memcpy(&bits, &bandwidth, sizeof(bits));
	wbuf_init(&w, scratch->bandwidth, sizeof(scratch->bandwidth));
	wbuf_u16(&w, c->internal ? LINK_BANDWIDTH_NON_TRANSITIVE : LINK_BANDWIDTH_TRANSITIVE);
	wbuf_u16(&w, c->asn > UINT16_MAX ? BGP_AS_TRANS : (uint16_t)c->asn);
	wbuf_u32(&w, bits);
	a->present |= ATTR(EXTENDED_COMMUNITIES);
	a->extended_communities = (struct bgp_span){scratch->bandwidth, w.pos};
}

/* RFC 8326 4.1: the lowest preference. */
static uint32_t
local_pref(const struct bgp_adj_out *out, const struct bgp_attribute_set *set)
{
	if (out->graceful_shutdown)
		return 0;
	return set->local_pref ? set->local_pref : BGP_LOCAL_PREF_DEFAULT;
}

/* Everything but the routes. All nodes send the same ORIGIN, or routers do not spread. */
static void
make_attributes(const struct bgp_adj_out *out, const struct bgp_attribute_set *set,
    struct bgp_attributes *a, struct scratch *scratch)
{
	const struct bgp_adj_context *c = &out->context;

	*a = (struct bgp_attributes){.present = ATTR(ORIGIN), .origin = BGP_ORIGIN_IGP};
	make_as_path(c, set, a, scratch);
	if (set->med) {
		a->present |= ATTR(MED);
		a->med = set->med;
	}
	if (c->internal) {
		a->present |= ATTR(LOCAL_PREF);
		a->local_pref = local_pref(out, set);
	}
	make_communities(out, set, a, scratch);
	make_bandwidth(c, set, a, scratch);
}

/* RFC 4271 5.1.3, RFC 2545 3, RFC 8950 3. False: NEXT_HOP, and the routes at the end. */
static bool
make_next_hop(const struct bgp_adj_context *c, enum bgp_family family, struct bgp_attributes *a)
{
	const struct bgp_next_hops *own = &c->next_hops;

	if (family == BGP_IPV4_UNICAST && own->ipv4.family != IP_FAMILY_NONE) {
		a->present |= ATTR(NEXT_HOP);
		a->next_hop = own->ipv4;
		return false;
	}
	a->present |= ATTR(MP_REACH);
	a->mp_reach = (struct bgp_mp_reach){
	    .afi = bgp_family_afi(family),
	    .safi = BGP_SAFI_UNICAST,
	    .next_hop = own->ipv6,
	    .link_local = own->ipv6_link_local,
	};
	if (own->ipv6.family == IP_FAMILY_NONE) {
		a->mp_reach.next_hop = own->ipv6_link_local;
		a->mp_reach.link_local.family = IP_FAMILY_NONE;
	}
	return true;
}

static void
take_routes(struct bgp_adj_out *out, struct bgp_adj_bucket *bucket, struct wbuf *nlri)
{
	struct bgp_adj_route *route, *next;

	TAILQ_FOREACH_SAFE (route, &bucket->routes, entry, next) {
		if (nlri->size - nlri->pos < BGP_NLRI_MAX_BYTES)
			return;
		bgp_nlri_encode(nlri, &route->prefix);
		(void)unqueue(out, route);
		route->resend = false;
		set_sent(out, route, bucket->set);
	}
}

static void
encode_announce(struct bgp_adj_out *out, struct wbuf *w)
{
	struct bgp_adj_bucket *bucket = TAILQ_FIRST(&out->announce);
	enum bgp_family family = (enum bgp_family)bucket->key.family;
	struct scratch scratch;
	struct bgp_update u = {0};
	struct bgp_span routes;
	struct wbuf empty, nlri;
	bool mp;

	make_attributes(out, bucket->set, &u.attributes, &scratch);
	mp = make_next_hop(&out->context, family, &u.attributes);
	/* Once without routes, to see what room they have; MP_REACH_NLRI may grow an octet of
	 * length. */
	wbuf_init(&empty, scratch.nlri, sizeof(scratch.nlri));
	bgp_update_encode(&empty, &u);
	assert(!empty.error && empty.pos + 1 + BGP_NLRI_MAX_BYTES <= BGP_MESSAGE_MAX_BYTES);
	wbuf_init(&nlri, scratch.nlri, BGP_MESSAGE_MAX_BYTES - empty.pos - 1);
	take_routes(out, bucket, &nlri);
	routes = (struct bgp_span){scratch.nlri, nlri.pos};
	if (mp)
		u.attributes.mp_reach.nlri = routes;
	else
		u.nlri = routes;
	bgp_update_encode(w, &u);
	bucket_release(out, bucket);
}

size_t
bgp_adj_out_encode(struct bgp_adj_out *out, uint8_t *bytes, size_t size, unsigned *ret_updates)
{
	enum bgp_family eor;
	unsigned n = 0;
	struct wbuf w;

	wbuf_init(&w, bytes, size);
	while (size - w.pos >= BGP_MESSAGE_MAX_BYTES) {
		if (!TAILQ_EMPTY(&out->withdraw)) {
			encode_withdraw(out, &w);
		} else if ((eor = due_end_of_rib(out)) != BGP_FAMILY_COUNT) {
			bgp_end_of_rib_encode(&w, eor);
			out->eor &= (uint8_t)~BGP_FAMILY_BIT(eor);
		} else if (!TAILQ_EMPTY(&out->announce)) {
			encode_announce(out, &w);
		} else {
			break;
		}
		n++;
	}
	assert(!w.error);
	*ret_updates = n;
	return w.pos;
}

bool
bgp_adj_out_can_announce(const struct bgp_adj_out *out, enum bgp_family family)
{
	return out->families & BGP_FAMILY_BIT(family);
}

const struct bgp_adj_route *
bgp_adj_out_find(const struct bgp_adj_out *out, const struct ip_prefix *prefix)
{
	struct bgp_adj_route *route;

	MAP_FIND(out->routes, prefix, route);
	return route;
}
