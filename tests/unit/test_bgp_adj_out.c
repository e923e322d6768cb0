/* Adj-RIB-Out: what a router that decodes our UPDATEs ends up with, attribute by attribute, and
 * after random changes, in random portions. */
#include "test.h"

#include <errno.h>
#include <stdlib.h>

#include "bgp/adj_out.h"
#include "bgp/update.h"
#include "util/mem.h"
#include "util/prng.h"

#define ATTR(type) BGP_ATTRIBUTE_BIT(BGP_ATTRIBUTE_##type)
#define BUFFER (4 * BGP_MESSAGE_MAX_BYTES)

/* A router: what it was told, by prefix. */
struct entry {
	struct map_node node;
	struct ip_prefix prefix;
	uint32_t med, local_pref;
	size_t as_path_len;
	bool graceful_shutdown;
};

struct router {
	struct entry *entries;
	struct bgp_update_context context;
	unsigned messages, withdraws, announces, eor[BGP_FAMILY_COUNT];
	bool announced_before_withdrawn;
};

static void
router_free(struct router *router)
{
	struct entry *entry, *next;

	MAP_FOREACH_SAFE (entry, next, router->entries) {
		MAP_DEL(router->entries, entry);
		free(entry);
	}
}

static struct entry *
router_find(struct router *router, const struct ip_prefix *prefix)
{
	struct entry *entry;

	MAP_FIND(router->entries, prefix, entry);
	return entry;
}

static void
router_withdraw(struct router *router, struct rbuf r, enum bgp_family family)
{
	struct ip_prefix prefix;

	while (bgp_nlri_next(&r, family, &prefix)) {
		struct entry *entry = router_find(router, &prefix);

		/* Nothing is withdrawn that was not announced. */
		assert_non_null(entry);
		MAP_DEL(router->entries, entry);
		free(entry);
		router->withdraws++;
		if (router->announces)
			router->announced_before_withdrawn = true;
	}
	assert_false(r.error);
}

static void
router_announce(
    struct router *router, struct rbuf r, enum bgp_family family, const struct bgp_attributes *a)
{
	struct ip_prefix prefix;
	size_t i;

	while (bgp_nlri_next(&r, family, &prefix)) {
		struct entry *entry = router_find(router, &prefix);

		if (!entry) {
			entry = xcalloc(1, sizeof(*entry));
			entry->prefix = prefix;
			MAP_ADD(router->entries, prefix, entry);
		}
		entry->med = a->present & ATTR(MED) ? a->med : 0;
		entry->local_pref = a->present & ATTR(LOCAL_PREF) ? a->local_pref : 0;
		entry->as_path_len = a->as_path.len;
		entry->graceful_shutdown = false;
		for (i = 0; i < a->communities.len; i += 4)
			entry->graceful_shutdown |= !memcmp(
			    a->communities.bytes + i, "\xff\xff\0\0", 4);
		router->announces++;
	}
	assert_false(r.error);
}

static struct rbuf
reader(const struct bgp_span *span)
{
	struct rbuf r;

	rbuf_init(&r, span->bytes, span->len);
	return r;
}

/* Whole messages; each is as RFC 7606 5.1 wants it. */
static void
router_receive(struct router *router, const uint8_t *bytes, size_t len)
{
	struct bgp_message message;
	struct bgp_verdict verdict;
	struct bgp_error err;
	struct bgp_update u;
	unsigned parts;

	while (len) {
		assert_int_equal(bgp_message_frame(bytes, len, &message, &err), BGP_FRAME_WHOLE);
		assert_int_equal(message.type, BGP_MESSAGE_UPDATE);
		assert_true(message.len <= BGP_MESSAGE_MAX_BYTES);
		bgp_update_decode(message.body, message.body_len, &router->context, &u, &verdict);
		assert_int_equal(verdict.treatment, BGP_TREATMENT_NONE);
		parts = (u.withdrawn.len != 0) + (u.nlri.len != 0) +
		    ((u.attributes.present & ATTR(MP_REACH)) != 0) +
		    ((u.attributes.present & ATTR(MP_UNREACH)) != 0);
		assert_true(parts <= 1);
		if (u.end_of_rib)
			router->eor[u.end_of_rib_family]++;
		router_withdraw(router, reader(&u.withdrawn), BGP_IPV4_UNICAST);
		if (u.attributes.present & ATTR(MP_UNREACH))
			router_withdraw(router, reader(&u.attributes.mp_unreach.withdrawn),
			    u.attributes.mp_unreach.family);
		router_announce(router, reader(&u.nlri), BGP_IPV4_UNICAST, &u.attributes);
		if (u.attributes.present & ATTR(MP_REACH))
			router_announce(router, reader(&u.attributes.mp_reach.nlri),
			    u.attributes.mp_reach.family, &u.attributes);
		router->messages++;
		bytes += message.len;
		len -= message.len;
	}
}

static void
drain(struct bgp_adj_out *out, struct router *router)
{
	static uint8_t bytes[BUFFER];
	unsigned updates;
	size_t len;

	while ((len = bgp_adj_out_encode(out, bytes, sizeof(bytes), &updates))) {
		router_receive(router, bytes, len);
		assert_true(updates > 0);
	}
	assert_false(bgp_adj_out_is_pending(out));
}

static struct bgp_adj_context
context_both(bool internal)
{
	const uint8_t v6[16] = {0xfd, 0x77, [15] = 0x11};
	struct bgp_adj_context c = {
	    .internal = internal,
	    .as4 = true,
	    .asn = 64500,
	    .families = BGP_FAMILIES_ALL,
	};

	c.next_hops.ipv4 = ip_addr_v4(10, 77, 0, 11);
	c.next_hops.ipv6 = ip_addr_from_bytes(IP_FAMILY_V6, v6);
	return c;
}

static struct ip_prefix
host(unsigned i, bool v6)
{
	const uint8_t base[16] = {0xfd, 0x99, [14] = (uint8_t)(i >> 8), [15] = (uint8_t)i};
	struct ip_prefix prefix = {ip_addr_v4(10, 99, (uint8_t)(i >> 8), (uint8_t)i), 32};

	if (v6)
		prefix = (struct ip_prefix){ip_addr_from_bytes(IP_FAMILY_V6, base), 128};
	return prefix;
}

static struct bgp_attribute_set *
set_of(struct bgp_attribute_pool *pool, uint32_t med)
{
	const struct bgp_route_attributes attributes = {.med = med};

	return bgp_attribute_pool_get(pool, &attributes);
}

/* Wants prefixes 0 to n - 1 of both families. */
static void
want(struct bgp_adj_out *out, unsigned n, uint32_t med)
{
	struct bgp_attribute_set *set = set_of(out->pool, med);
	unsigned i;

	bgp_adj_out_begin(out);
	for (i = 0; i < n; i++) {
		struct ip_prefix v4 = host(i, false), v6 = host(i, true);

		assert_int_equal(bgp_adj_out_want(out, &v4, set), 0);
		assert_int_equal(bgp_adj_out_want(out, &v6, set), 0);
	}
	bgp_adj_out_end(out);
	bgp_attribute_set_unref(out->pool, set);
}

static void
test_interning(void **state)
{
	const struct community first[] = {
	    {COMMUNITY_LARGE, {1, 2, 3}, NULL},
	    {COMMUNITY_STANDARD, {0xfbf40002}, NULL},
	    {COMMUNITY_STANDARD, {0xfbf40001}, NULL},
	};
	const struct community second[] = {
	    {COMMUNITY_STANDARD, {0xfbf40001}, NULL},
	    {COMMUNITY_STANDARD, {0xfbf40002}, NULL},
	    {COMMUNITY_STANDARD, {0xfbf40001}, NULL},
	    {COMMUNITY_LARGE, {1, 2, 3}, NULL},
	};
	static struct community many[BGP_COMMUNITIES_MAX_BYTES / 4 + 1];
	struct bgp_attribute_pool pool = {0};
	struct bgp_route_attributes a = {.communities = first, .n_communities = 3};
	struct bgp_attribute_set *x, *y, *z;
	size_t i;

	(void)state;
	x = bgp_attribute_pool_get(&pool, &a);
	a.communities = second;
	a.n_communities = 4;
	y = bgp_attribute_pool_get(&pool, &a);
	assert_ptr_equal(x, y);
	assert_int_equal(x->refs, 2);
	assert_int_equal(x->communities.len, 8);
	assert_memory_equal(x->communities.bytes, "\xfb\xf4\0\1\xfb\xf4\0\2", 8);
	assert_int_equal(x->large.len, 12);
	a.prepend = 1;
	z = bgp_attribute_pool_get(&pool, &a);
	assert_ptr_not_equal(x, z);
	assert_int_equal(bgp_attribute_pool_count(&pool), 2);
	bgp_attribute_set_unref(&pool, x);
	bgp_attribute_set_unref(&pool, y);
	bgp_attribute_set_unref(&pool, z);
	bgp_attribute_set_unref(&pool, NULL);
	assert_int_equal(bgp_attribute_pool_count(&pool), 0);
	/* The cap. */
	for (i = 0; i < ARRAY_SIZE(many); i++)
		many[i].value[0] = (uint32_t)i;
	a.communities = many;
	a.n_communities = ARRAY_SIZE(many);
	assert_null(bgp_attribute_pool_get(&pool, &a));
	a.n_communities--;
	x = bgp_attribute_pool_get(&pool, &a);
	assert_non_null(x);
	bgp_attribute_set_unref(&pool, x);
}

/* One UPDATE, octet by octet. */
static void
assert_update(struct bgp_adj_out *out, const char *name, const uint8_t *want_body, size_t len)
{
	uint8_t bytes[BUFFER];
	unsigned updates;
	size_t got = bgp_adj_out_encode(out, bytes, sizeof(bytes), &updates), i;

	if (got != BGP_HEADER_BYTES + len || memcmp(bytes + BGP_HEADER_BYTES, want_body, len)) {
		for (i = BGP_HEADER_BYTES; i < got; i++)
			print_message("%02x ", bytes[i]);
		fail_msg("%s: not as expected", name);
	}
	assert_int_equal(updates, 1);
}

static void
test_bytes(void **state)
{
	static const uint8_t v4_external[] = {0, 0, 0, 49, 0x40, 1, 1, 0, 0x40, 2, 10, 2, 2, 0, 0,
	    0xfb, 0xf4, 0, 0, 0xfb, 0xf4, 0x40, 3, 4, 10, 77, 0, 11, 0x80, 4, 4, 0, 0, 0, 5, 0xc0,
	    8, 4, 0xff, 0xff, 0xff, 0x01, 0xc0, 16, 8, 0x00, 0x04, 0xfb, 0xf4, 0x48, 0xb7, 0x1b,
	    0x00, 32, 10, 99, 0, 1};
	static const uint8_t v4_internal[] = {0, 0, 0, 39, 0x40, 1, 1, 0, 0x40, 2, 0, 0x40, 3, 4,
	    10, 77, 0, 11, 0x40, 5, 4, 0, 0, 0, 100, 0xc0, 8, 4, 0xff, 0xff, 0xff, 0x01, 0xc0, 16,
	    8, 0x40, 0x04, 0xfb, 0xf4, 0x48, 0xb7, 0x1b, 0x00, 32, 10, 99, 0, 1};
	static const uint8_t v4_old[] = {0, 0, 0, 33, 0x40, 1, 1, 0, 0x40, 2, 6, 2, 2, 0x5b, 0xa0,
	    0x5b, 0xa0, 0x40, 3, 4, 10, 77, 0, 11, 0xc0, 17, 10, 2, 2, 0, 1, 0, 0, 0, 1, 0, 0, 32,
	    10, 99, 0, 1};
	static const uint8_t v4_over_v6[] = {0, 0, 0, 62, 0x80, 14, 42, 0, 1, 1, 32, 0xfd, 0x77, 0,
	    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x11, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	    0, 0, 1, 0, 32, 10, 99, 0, 1, 0x40, 1, 1, 0, 0x40, 2, 10, 2, 2, 0, 0, 0xfb, 0xf4, 0, 0,
	    0xfb, 0xf4};
	static const uint8_t v4_over_ll[] = {0, 0, 0, 46, 0x80, 14, 26, 0, 1, 1, 16, 0xfe, 0x80, 0,
	    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 32, 10, 99, 0, 1, 0x40, 1, 1, 0, 0x40, 2, 10,
	    2, 2, 0, 0, 0xfb, 0xf4, 0, 0, 0xfb, 0xf4};
	const struct community no_export = {COMMUNITY_STANDARD, {0xffffff01}, NULL};
	const uint8_t ll[16] = {0xfe, 0x80, [15] = 1};
	struct bgp_route_attributes full = {
	    .med = 5,
	    .weight = 3,
	    .prepend = 1,
	    .communities = &no_export,
	    .n_communities = 1,
	};
	const struct bgp_route_attributes plain = {.prepend = 1};
	struct bgp_attribute_pool pool = {0};
	struct bgp_attribute_set *full_set, *plain_set;
	struct ip_prefix prefix = host(1, false);
	struct bgp_adj_context c = context_both(false);
	struct bgp_adj_out out;

	(void)state;
	full_set = bgp_attribute_pool_get(&pool, &full);
	full.med = 0;
	plain_set = bgp_attribute_pool_get(&pool, &plain);
	bgp_adj_out_init(&out, &pool);
	bgp_adj_out_begin(&out);
	(void)bgp_adj_out_want(&out, &prefix, full_set);
	bgp_adj_out_end(&out);
	bgp_adj_out_up(&out, &c);
	assert_update(&out, "external", v4_external, sizeof(v4_external));
	bgp_adj_out_down(&out);
	bgp_attribute_set_unref(&pool, full_set);
	full_set = bgp_attribute_pool_get(&pool, &full);
	(void)bgp_adj_out_want(&out, &prefix, full_set);
	c.internal = true;
	bgp_adj_out_up(&out, &c);
	assert_update(&out, "internal", v4_internal, sizeof(v4_internal));
	bgp_adj_out_down(&out);
	(void)bgp_adj_out_want(&out, &prefix, plain_set);
	c.internal = false;
	c.as4 = false;
	c.asn = 65536;
	bgp_adj_out_up(&out, &c);
	assert_update(&out, "RFC 6793", v4_old, sizeof(v4_old));
	bgp_adj_out_down(&out);
	c.as4 = true;
	c.asn = 64500;
	c.next_hops.ipv4.family = IP_FAMILY_NONE;
	c.next_hops.ipv6_link_local = ip_addr_from_bytes(IP_FAMILY_V6, ll);
	/* Not negotiated: there is no next hop. */
	bgp_adj_out_up(&out, &c);
	assert_false(bgp_adj_out_is_pending(&out));
	assert_false(bgp_adj_out_can_announce(&out, BGP_IPV4_UNICAST));
	assert_true(bgp_adj_out_can_announce(&out, BGP_IPV6_UNICAST));
	bgp_adj_out_down(&out);
	c.extended_next_hop = true;
	bgp_adj_out_up(&out, &c);
	assert_update(&out, "RFC 8950", v4_over_v6, sizeof(v4_over_v6));
	bgp_adj_out_down(&out);
	c.next_hops.ipv6.family = IP_FAMILY_NONE;
	bgp_adj_out_up(&out, &c);
	assert_update(&out, "RFC 8950, link-local alone", v4_over_ll, sizeof(v4_over_ll));
	bgp_attribute_set_unref(&pool, full_set);
	bgp_attribute_set_unref(&pool, plain_set);
	bgp_adj_out_fini(&out);
	assert_int_equal(bgp_attribute_pool_count(&pool), 0);
}

static void
test_level_triggered(void **state)
{
	struct router router = {.context = {.as4 = true}};
	struct bgp_adj_context c = context_both(false);
	struct bgp_attribute_pool pool = {0};
	struct bgp_adj_out out;

	(void)state;
	bgp_adj_out_init(&out, &pool);
	want(&out, 10, 1);
	assert_false(bgp_adj_out_is_pending(&out));
	bgp_adj_out_up(&out, &c);
	drain(&out, &router);
	assert_int_equal(router.messages, 2);
	assert_int_equal(MAP_COUNT(router.entries), 20);
	assert_int_equal(out.counts[BGP_IPV4_UNICAST].wanted, 10);
	assert_int_equal(out.counts[BGP_IPV4_UNICAST].sent, 10);
	/* The same again, and a change that is taken back before it is sent: nothing. */
	want(&out, 10, 1);
	assert_false(bgp_adj_out_is_pending(&out));
	want(&out, 5, 2);
	assert_int_equal(out.counts[BGP_IPV6_UNICAST].pending, 10);
	want(&out, 10, 1);
	assert_false(bgp_adj_out_is_pending(&out));
	/* Five change, five go, which is said first. */
	router.announces = 0;
	want(&out, 5, 2);
	drain(&out, &router);
	assert_int_equal(MAP_COUNT(router.entries), 10);
	assert_int_equal(router.withdraws, 10);
	assert_int_equal(router.announces, 10);
	assert_false(router.announced_before_withdrawn);
	/* The session goes and comes: all again. */
	bgp_adj_out_down(&out);
	assert_int_equal(out.counts[BGP_IPV4_UNICAST].sent, 0);
	router_free(&router);
	bgp_adj_out_up(&out, &c);
	drain(&out, &router);
	assert_int_equal(MAP_COUNT(router.entries), 10);
	router_free(&router);
	bgp_adj_out_fini(&out);
	assert_int_equal(bgp_attribute_pool_count(&pool), 0);
}

static void
test_end_of_rib(void **state)
{
	struct router router = {.context = {.as4 = true}};
	struct bgp_adj_context c = context_both(false);
	struct bgp_attribute_pool pool = {0};
	uint8_t bytes[BGP_MESSAGE_MAX_BYTES];
	struct bgp_adj_out out;
	unsigned updates;
	size_t len;

	(void)state;
	bgp_adj_out_init(&out, &pool);
	want(&out, 2000, 1);
	/* Not in a session: not kept for one. */
	bgp_adj_out_end_of_rib(&out, BGP_IPV4_UNICAST);
	bgp_adj_out_up(&out, &c);
	bgp_adj_out_end_of_rib(&out, BGP_IPV4_UNICAST);
	bgp_adj_out_end_of_rib(&out, BGP_IPV6_UNICAST);
	while ((len = bgp_adj_out_encode(&out, bytes, sizeof(bytes), &updates))) {
		router_receive(&router, bytes, len);
		/* Each after the last route of its family. */
		if (router.eor[BGP_IPV4_UNICAST])
			assert_int_equal(out.counts[BGP_IPV4_UNICAST].sent, 2000);
		if (router.eor[BGP_IPV6_UNICAST])
			assert_int_equal(out.counts[BGP_IPV6_UNICAST].sent, 2000);
	}
	assert_int_equal(router.eor[BGP_IPV4_UNICAST], 1);
	assert_int_equal(router.eor[BGP_IPV6_UNICAST], 1);
	assert_int_equal(MAP_COUNT(router.entries), 4000);
	/* 10.99.0.0/16 hosts are 5 octets each, IPv6 17: full messages but the last ones. */
	assert_in_range(router.messages, 3 + 9 + 2, 3 + 9 + 3);
	router_free(&router);
	bgp_adj_out_fini(&out);
}

static void
test_refresh(void **state)
{
	struct router router = {.context = {.as4 = true}};
	struct bgp_adj_context c = context_both(false);
	struct bgp_attribute_pool pool = {0};
	struct bgp_adj_out out;

	(void)state;
	bgp_adj_out_init(&out, &pool);
	want(&out, 10, 1);
	bgp_adj_out_up(&out, &c);
	drain(&out, &router);
	router.announces = 0;
	bgp_adj_out_refresh(&out, BGP_IPV6_UNICAST);
	bgp_adj_out_refresh(&out, BGP_IPV6_UNICAST);
	drain(&out, &router);
	assert_int_equal(router.announces, 10);
	/* That was once: a change that is taken back is none. */
	want(&out, 10, 2);
	want(&out, 10, 1);
	assert_false(bgp_adj_out_is_pending(&out));
	/* Asked for and gone meanwhile: withdrawn, once. */
	bgp_adj_out_refresh(&out, BGP_IPV6_UNICAST);
	want(&out, 0, 1);
	drain(&out, &router);
	assert_int_equal(router.announces, 10);
	assert_int_equal(router.withdraws, 20);
	assert_null(out.routes);
	bgp_adj_out_fini(&out);
}

static void
test_graceful_shutdown(void **state)
{
	struct router router = {.context = {.internal = true, .as4 = true}};
	struct bgp_adj_context c = context_both(true);
	struct bgp_attribute_pool pool = {0};
	struct bgp_adj_out out;
	struct entry *entry;

	(void)state;
	bgp_adj_out_init(&out, &pool);
	want(&out, 10, 1);
	bgp_adj_out_up(&out, &c);
	drain(&out, &router);
	MAP_FOREACH (entry, router.entries)
		assert_true(!entry->graceful_shutdown && entry->local_pref == 100);
	bgp_adj_out_graceful_shutdown(&out, true);
	drain(&out, &router);
	MAP_FOREACH (entry, router.entries)
		assert_true(entry->graceful_shutdown && entry->local_pref == 0);
	/* A route that comes now has it too. */
	want(&out, 11, 1);
	drain(&out, &router);
	MAP_FOREACH (entry, router.entries)
		assert_true(entry->graceful_shutdown);
	bgp_adj_out_suppress(&out, true);
	drain(&out, &router);
	assert_null(router.entries);
	assert_int_equal(out.counts[BGP_IPV4_UNICAST].wanted, 11);
	/* And back. */
	bgp_adj_out_suppress(&out, false);
	bgp_adj_out_graceful_shutdown(&out, false);
	drain(&out, &router);
	assert_int_equal(MAP_COUNT(router.entries), 22);
	MAP_FOREACH (entry, router.entries)
		assert_true(!entry->graceful_shutdown && entry->local_pref == 100);
	router_free(&router);
	bgp_adj_out_fini(&out);
}

/* The largest set of attributes that the pool takes leaves room for routes. */
static void
test_large_attributes(void **state)
{
	static struct community many[BGP_COMMUNITIES_MAX_BYTES / 12];
	const struct bgp_route_attributes a = {
	    .med = 1,
	    .weight = 1,
	    .prepend = BGP_PREPEND_MAX,
	    .communities = many,
	    .n_communities = ARRAY_SIZE(many),
	};
	struct router router = {0};
	struct bgp_adj_context c = context_both(false);
	struct bgp_attribute_pool pool = {0};
	struct bgp_attribute_set *set;
	struct bgp_adj_out out;
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = (struct community){COMMUNITY_LARGE, {1, 2, i}, NULL};
	set = bgp_attribute_pool_get(&pool, &a);
	assert_non_null(set);
	bgp_adj_out_init(&out, &pool);
	c.as4 = false; /* with AS4_PATH */
	c.asn = 70000;
	for (i = 0; i < 1000; i++) {
		struct ip_prefix v4 = host(i, false), v6 = host(i, true);

		assert_int_equal(bgp_adj_out_want(&out, &v4, set), 0);
		assert_int_equal(bgp_adj_out_want(&out, &v6, set), 0);
	}
	bgp_attribute_set_unref(&pool, set);
	bgp_adj_out_graceful_shutdown(&out, true);
	bgp_adj_out_up(&out, &c);
	drain(&out, &router);
	assert_int_equal(MAP_COUNT(router.entries), 2000);
	router_free(&router);
	bgp_adj_out_fini(&out);
}

static void
test_cap(void **state)
{
	struct bgp_attribute_pool pool = {0};
	struct bgp_attribute_set *set = set_of(&pool, 1);
	struct ip_prefix prefix;
	struct bgp_adj_out out;
	unsigned i;

	(void)state;
	bgp_adj_out_init(&out, &pool);
	bgp_adj_out_begin(&out);
	for (i = 0; i < BGP_ADJ_OUT_MAX_ROUTES; i++) {
		prefix = host(i, false);
		assert_int_equal(bgp_adj_out_want(&out, &prefix, set), 0);
	}
	prefix = host(0, true);
	assert_int_equal(bgp_adj_out_want(&out, &prefix, set), -ENOSPC);
	assert_null(bgp_adj_out_find(&out, &prefix));
	prefix = host(5, false);
	assert_int_equal(bgp_adj_out_want(&out, &prefix, set), 0);
	assert_ptr_equal(bgp_adj_out_find(&out, &prefix)->wanted, set);
	bgp_adj_out_end(&out);
	bgp_attribute_set_unref(&pool, set);
	bgp_adj_out_fini(&out);
}

/* Random wants, refreshes, sessions that go and come, one message at a time: in the end the router
 * has what is wanted, whatever happened before. */
static void
test_random(void **state)
{
	struct router router = {.context = {.as4 = true}};
	struct bgp_adj_context c = context_both(false);
	struct bgp_attribute_pool pool = {0};
	uint8_t bytes[BGP_MESSAGE_MAX_BYTES];
	struct bgp_adj_out out;
	struct prng prng;
	struct entry *entry;
	unsigned round, updates, n = 0, med = 1;
	size_t len;

	(void)state;
	prng_init(&prng, 42);
	bgp_adj_out_init(&out, &pool);
	bgp_adj_out_up(&out, &c);
	for (round = 0; round < 3000; round++) {
		switch (prng_below(&prng, 8)) {
		case 0:
			bgp_adj_out_refresh(&out, (enum bgp_family)prng_below(&prng, 2));
			break;
		case 1:
			bgp_adj_out_graceful_shutdown(&out, prng_below(&prng, 2));
			break;
		case 2:
			bgp_adj_out_down(&out);
			router_free(&router);
			bgp_adj_out_up(&out, &c);
			break;
		case 3:
			n = (unsigned)prng_below(&prng, 400);
			med = 1 + (unsigned)prng_below(&prng, 3);
			want(&out, n, med);
			break;
		default:
			len = bgp_adj_out_encode(&out, bytes, sizeof(bytes), &updates);
			router_receive(&router, bytes, len);
		}
		if (round % 50)
			continue;
		drain(&out, &router);
		assert_int_equal(MAP_COUNT(router.entries), 2 * n);
		MAP_FOREACH (entry, router.entries)
			assert_true(
			    entry->med == med && entry->graceful_shutdown == out.graceful_shutdown);
		assert_int_equal(out.counts[0].sent + out.counts[1].sent, 2 * n);
	}
	router_free(&router);
	bgp_adj_out_fini(&out);
	assert_int_equal(bgp_attribute_pool_count(&pool), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_interning),
	    cmocka_unit_test(test_bytes),
	    cmocka_unit_test(test_level_triggered),
	    cmocka_unit_test(test_end_of_rib),
	    cmocka_unit_test(test_refresh),
	    cmocka_unit_test(test_graceful_shutdown),
	    cmocka_unit_test(test_large_attributes),
	    cmocka_unit_test(test_cap),
	    cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
