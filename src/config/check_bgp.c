/* BGP: peers, advertisements, communities, and BFD where peers use it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config/checker.h"
#include "config/print.h"
#include "config/value.h"
#include "util/mem.h"
#include "util/mono.h"
#include "util/str.h"

#define BITS_PER_WORD 64

static const char *
peer_path(struct checker *c, size_t i, const char *key)
{
	return checker_text(c, "bgp.peers[%zu]%s%s", i, *key ? "." : "", key);
}

static const char *
ad_path(struct checker *c, size_t i, const char *key)
{
	return checker_text(c, "bgp.advertisements[%zu]%s%s", i, *key ? "." : "", key);
}

/* The peer's own value, else that of bgp. */
static void
inherit(struct checker *c, struct settings_peer *peer, size_t i)
{
	const struct settings_bgp *bgp = &c->settings->bgp;
	const char *path = peer_path(c, i, "my-asn");

	if (!peer->my_asn)
		peer->my_asn = bgp->my_asn;
	if (!peer->my_asn && !checker_is_wrong(c, path) && !checker_is_wrong(c, "bgp.my-asn"))
		checker_fail(c, path, "missing, here and in bgp");
	if (peer->router_id.family == IP_FAMILY_NONE)
		peer->router_id = bgp->router_id;
}

/* One of hold-time and keepalive-time gives the other, as in MetalLB. */
static void
check_timers(struct checker *c, struct settings_peer *peer, size_t i)
{
	const char *hold = peer_path(c, i, "hold-time"),
		   *keepalive = peer_path(c, i, "keepalive-time");
	const int64_t max = 65535 * USEC_PER_SEC;

	if (checker_is_wrong(c, hold) || checker_is_wrong(c, keepalive))
		return;
	if (!checker_given(c, keepalive))
		peer->keepalive_time_usec = peer->hold_time_usec / 3 / USEC_PER_SEC * USEC_PER_SEC;
	else if (!checker_given(c, hold))
		peer->hold_time_usec = peer->keepalive_time_usec > max / 3
		    ? max
		    : peer->keepalive_time_usec * 3;
	if (peer->keepalive_time_usec > peer->hold_time_usec)
		checker_fail(c, keepalive, "longer than hold-time");
	else if (!peer->keepalive_time_usec && peer->hold_time_usec)
		checker_fail(c, keepalive, "0 is possible only with a hold-time of 0");
}

static void
check_exactly_one(struct checker *c, size_t i, const char *a, const char *b)
{
	bool has_a = checker_given(c, peer_path(c, i, a));
	bool has_b = checker_given(c, peer_path(c, i, b));

	if (has_a && has_b)
		checker_fail(c, peer_path(c, i, b), "not together with %s", a);
	else if (!has_a && !has_b)
		checker_fail(c, peer_path(c, i, a), "missing: this or %s is required", b);
}

static void
check_peer_address(struct checker *c, const struct settings_peer *peer, size_t i)
{
	const struct ip_addr *addr = &peer->peer_address;
	char text[IP_ADDR_STRLEN];

	ip_addr_format(addr, text);
	if (addr->family == IP_FAMILY_V6 && ip_addr_is_link_local(addr))
		checker_fail(c, peer_path(c, i, "peer-address"),
		    "\"%s\": a link-local address; use interface instead", text);
	else if (addr->family != IP_FAMILY_NONE &&
	    (ip_addr_is_multicast(addr) || ip_addr_is_unspecified(addr)))
		checker_fail(
		    c, peer_path(c, i, "peer-address"), "\"%s\": not the address of a host", text);
	if (peer->source_address.family == IP_FAMILY_NONE)
		return;
	if (*peer->interface)
		checker_fail(c, peer_path(c, i, "source-address"),
		    "not together with interface: the source is its link-local address");
	else if (addr->family != IP_FAMILY_NONE && addr->family != peer->source_address.family)
		checker_fail(c, peer_path(c, i, "source-address"),
		    "not of the family of peer-address, %s",
		    ip_family_str((enum ip_family)addr->family));
}

static void
check_router_id(struct checker *c, const struct ip_addr *id, const char *path)
{
	if (id->family == IP_FAMILY_V6)
		checker_fail(c, path, "not in the form of an IPv4 address");
	else if (id->family == IP_FAMILY_V4 && ip_addr_is_unspecified(id))
		checker_fail(c, path, "0.0.0.0 identifies nobody");
}

static void
check_peer_asn(struct checker *c, const struct settings_peer *peer, size_t i)
{
	bool internal = peer->dynamic_asn == DYNAMIC_ASN_INTERNAL ||
	    (peer->peer_asn && peer->peer_asn == peer->my_asn);

	check_exactly_one(c, i, "peer-asn", "dynamic-asn");
	if (internal && peer->ebgp_multihop)
		checker_fail(c, peer_path(c, i, "ebgp-multihop"),
		    "only for external peers; this one has our AS number");
	if (!peer->local_asn)
		return;
	if (internal)
		checker_fail(c, peer_path(c, i, "local-asn"),
		    "only for external peers; this one has our AS number");
	else if (peer->local_asn == peer->my_asn)
		checker_fail(c, peer_path(c, i, "local-asn"), "the same as my-asn");
	else if (peer->local_asn == peer->peer_asn)
		checker_fail(c, peer_path(c, i, "local-asn"), "the same as peer-asn");
}

static const struct settings_bfd_profile *
profile_by_name(const struct settings *s, const char *name)
{
	size_t i;

	for (i = 0; *name && i < s->n_bfd_profiles; i++)
		if (str_eq(s->bfd_profiles[i].name, name))
			return &s->bfd_profiles[i];
	return NULL;
}

static void
check_peer_bfd(struct checker *c, const struct settings_peer *peer, size_t i)
{
	const struct settings_bfd_profile *profile = profile_by_name(
	    c->settings, peer->bfd_profile);
	const char *path = peer_path(c, i, "bfd-profile");

	checker_reference(c, path, peer->bfd_profile, &c->profiles, "profile in bfd-profiles");
	if (!profile || !profile->echo_mode)
		return;
	if (*peer->interface || peer->peer_address.family == IP_FAMILY_V6)
		checker_fail(c, path,
		    "\"%s\": has echo-mode, which is for IPv4 only; this peer is reached by IPv6",
		    peer->bfd_profile);
}

static void
check_peer(struct checker *c, struct settings_peer *peer, size_t i)
{
	const char *password_file = peer_path(c, i, "password-file");

	inherit(c, peer, i);
	check_timers(c, peer, i);
	check_exactly_one(c, i, "peer-address", "interface");
	check_peer_address(c, peer, i);
	check_peer_asn(c, peer, i);
	check_peer_bfd(c, peer, i);
	if (checker_given(c, peer_path(c, i, "router-id")) &&
	    !checker_is_wrong(c, peer_path(c, i, "router-id")))
		check_router_id(c, &peer->router_id, peer_path(c, i, "router-id"));
	if (*peer->password && *peer->password_file)
		checker_fail(c, password_file, "not together with password");
	if (peer->ttl_security && peer->ebgp_multihop)
		checker_fail(c, peer_path(c, i, "ttl-security"), "not together with ebgp-multihop");
	if (peer->passive && !c->settings->bgp.listen)
		checker_fail(c, peer_path(c, i, "passive"),
		    "not with bgp.listen = false: nobody would ever connect");
}

/* On one node one session to an address (or over an interface) in a VRF. */
static void
check_same_peers(struct checker *c)
{
	const struct settings_bgp *bgp = &c->settings->bgp;
	size_t i, j;

	for (i = 1; i < bgp->n_peers; i++) {
		const struct settings_peer *a = &bgp->peers[i];

		for (j = 0; j < i; j++) {
			const struct settings_peer *b = &bgp->peers[j];
			enum overlap overlap;

			if (!ip_addr_eq(&a->peer_address, &b->peer_address) ||
			    !str_eq(a->interface, b->interface) || !str_eq(a->vrf, b->vrf) ||
			    (!*a->interface && a->peer_address.family == IP_FAMILY_NONE))
				continue;
			overlap = checker_overlap(&a->node_selectors, &b->node_selectors);
			if (overlap == OVERLAP_YES)
				checker_fail(c, peer_path(c, i, ""),
				    "the same router as \"%s\" (%s), on the same nodes", b->name,
				    checker_place(c, peer_path(c, j, "")));
			else if (overlap == OVERLAP_MAYBE)
				checker_warn(c, peer_path(c, i, ""),
				    "the same router as \"%s\" (%s); on a node that both select, "
				    "only the first acts",
				    b->name, checker_place(c, peer_path(c, j, "")));
		}
	}
}

static const struct community *
alias_value(const struct settings_bgp *bgp, const char *name)
{
	size_t i;

	for (i = 0; i < bgp->n_communities; i++)
		if (str_eq(bgp->communities[i].name, name))
			return &bgp->communities[i].value;
	return NULL;
}

/* Aliases come out as what they stand for. */
static void
resolve_communities(struct checker *c, struct settings_bgp_advertisement *ad, size_t ad_index)
{
	const struct string_list *names = &ad->community_names;
	const char *path = ad_path(c, ad_index, "communities");
	size_t i, j, n = 0;

	ad->communities = arena_alloc(c->arena, names->count, sizeof(*ad->communities));
	for (i = 0; i < names->count; i++) {
		const char *item_path = checker_text(c, "%s[%zu]", path, i);
		const struct community *alias = alias_value(&c->settings->bgp, names->items[i]);

		if (checker_is_wrong(c, item_path))
			continue;
		if (alias) {
			ad->communities[n] = *alias;
		} else if (value_parse_community(c->arena, names->items[i], &ad->communities[n])) {
			checker_reference(c, item_path, names->items[i], &c->communities,
			    "community, neither a well-known one nor in bgp.communities");
			continue;
		}
		for (j = 0; j < n && community_cmp(&ad->communities[j], &ad->communities[n]); j++)
			continue;
		if (j < n)
			checker_fail(c, item_path, "\"%s\": the same community is given twice",
			    names->items[i]);
		else
			n++;
	}
	ad->n_communities = n;
	qsort(ad->communities, n, sizeof(*ad->communities), community_cmp);
}

static void
check_aliases(struct checker *c)
{
	size_t i;

	for (i = 0; i < c->aliases.count; i++)
		if (value_is_well_known_community(c->aliases.items[i]))
			checker_fail(c, checker_text(c, "bgp.communities[%zu].name", i),
			    "\"%s\": the name of a well-known community", c->aliases.items[i]);
}

/* The length of the largest CIDR that a range consists of: the shortest prefix. */
static unsigned
shortest_prefix(const struct ip_range *range)
{
	struct ip_range rest = *range;
	unsigned shortest = 128;

	for (;;) {
		struct ip_prefix prefix = ip_range_first_prefix(&rest);
		struct ip_range part = ip_prefix_range(&prefix);

		if (prefix.len < shortest)
			shortest = prefix.len;
		if (ip_addr_cmp(&part.last, &rest.last) >= 0 ||
		    !ip_addr_next(&part.last, &rest.first))
			return shortest;
	}
}

/* Per pool: families, and per family the entry whose shortest prefix is the longest. */
struct pool_facts {
	bool has[IP_FAMILY_COUNT];
	unsigned longest[IP_FAMILY_COUNT];
	const char *text[IP_FAMILY_COUNT];
};

static void
collect_facts(const struct settings_pool *pool, struct pool_facts *facts)
{
	size_t i;

	for (i = 0; i < pool->n_addresses; i++) {
		const struct settings_range *range = &pool->addresses[i];
		uint8_t family = range->range.first.family;
		unsigned len;

		if (family == IP_FAMILY_NONE)
			continue;
		len = shortest_prefix(&range->range);
		facts->has[family] = true;
		if (len > facts->longest[family]) {
			facts->longest[family] = len;
			facts->text[family] = range->text;
		}
	}
}

/* Sets of pools and peers that advertisements select, as bits. */
struct ad_sets {
	size_t pool_words, peer_words;
	uint64_t *pools, *peers;  /* by advertisement */
	struct pool_facts *facts; /* by pool */
};

static uint64_t *
select_names(size_t n_ads, size_t words)
{
	return xcalloc(n_ads * words, sizeof(uint64_t));
}

static void
fill_set(uint64_t *set, const struct string_list *globs, const struct string_list *names)
{
	size_t i;

	for (i = 0; i < names->count; i++)
		if (string_list_matches(globs, names->items[i]))
			set[i / BITS_PER_WORD] |= UINT64_C(1) << i % BITS_PER_WORD;
}

static bool
has_bit(const uint64_t *set, size_t i)
{
	return set[i / BITS_PER_WORD] >> i % BITS_PER_WORD & 1;
}

static void
sets_init(struct checker *c, struct ad_sets *sets)
{
	const struct settings_bgp *bgp = &c->settings->bgp;
	size_t i;

	sets->pool_words = c->pools.count / BITS_PER_WORD + 1;
	sets->peer_words = c->peers.count / BITS_PER_WORD + 1;
	sets->pools = select_names(bgp->n_advertisements, sets->pool_words);
	sets->peers = select_names(bgp->n_advertisements, sets->peer_words);
	sets->facts = xcalloc(c->pools.count, sizeof(*sets->facts));
	for (i = 0; i < c->pools.count; i++)
		collect_facts(&c->settings->pools[i], &sets->facts[i]);
	for (i = 0; i < bgp->n_advertisements; i++) {
		fill_set(sets->pools + i * sets->pool_words, &bgp->advertisements[i].address_pools,
		    &c->pools);
		fill_set(
		    sets->peers + i * sets->peer_words, &bgp->advertisements[i].peers, &c->peers);
	}
}

static void
sets_fini(struct ad_sets *sets)
{
	free(sets->pools);
	free(sets->peers);
	free(sets->facts);
}

static void
check_aggregation(struct checker *c, const struct settings_bgp_advertisement *ad, size_t i,
    const struct ad_sets *sets)
{
	const uint64_t *pools = sets->pools + i * sets->pool_words;
	static const char *const keys[IP_FAMILY_COUNT] = {
	    [IP_FAMILY_V4] = "aggregation-length", [IP_FAMILY_V6] = "aggregation-length-v6"};
	const unsigned lengths[IP_FAMILY_COUNT] = {
	    [IP_FAMILY_V4] = ad->aggregation_length, [IP_FAMILY_V6] = ad->aggregation_length_v6};
	const unsigned full[IP_FAMILY_COUNT] = {[IP_FAMILY_V4] = 32, [IP_FAMILY_V6] = 128};
	size_t p;
	int f;

	for (f = IP_FAMILY_V4; f < IP_FAMILY_COUNT; f++) {
		if (lengths[f] == full[f])
			continue;
		if (ad->service_selectors.count)
			checker_fail(c, ad_path(c, i, keys[f]),
			    "%u: not together with service-selectors", lengths[f]);
		for (p = 0; p < c->pools.count; p++) {
			const struct pool_facts *facts = &sets->facts[p];

			if (!has_bit(pools, p) || !facts->has[f] || lengths[f] >= facts->longest[f])
				continue;
			checker_fail(c, ad_path(c, i, keys[f]),
			    "%u: shorter than /%u in the pool \"%s\" (\"%s\"): the route would "
			    "hold addresses of others",
			    lengths[f], facts->longest[f], c->pools.items[p], facts->text[f]);
		}
	}
}

/* BFD echo is for IPv4; a pool with IPv6 addresses cannot be announced to such a peer. */
static void
check_echo(struct checker *c, size_t i, const struct ad_sets *sets)
{
	const struct settings *s = c->settings;
	size_t p, q;

	for (q = 0; q < s->bgp.n_peers; q++) {
		const struct settings_bfd_profile *profile = profile_by_name(
		    s, s->bgp.peers[q].bfd_profile);

		if (!profile || !profile->echo_mode ||
		    !has_bit(sets->peers + i * sets->peer_words, q))
			continue;
		for (p = 0; p < s->n_pools; p++) {
			if (!has_bit(sets->pools + i * sets->pool_words, p) ||
			    !sets->facts[p].has[IP_FAMILY_V6])
				continue;
			checker_fail(c, ad_path(c, i, ""),
			    "announces IPv6 of the pool \"%s\" to the peer \"%s\", whose profile "
			    "\"%s\" has echo-mode, which is for IPv4 only",
			    s->pools[p].name, s->bgp.peers[q].name, profile->name);
			break;
		}
	}
}

static bool
sets_meet(const uint64_t *a, const uint64_t *b, size_t words)
{
	size_t i;

	for (i = 0; i < words; i++)
		if (a[i] & b[i])
			return true;
	return false;
}

/* A pool from which both make the same route; NULL when there is none. */
static const char *
common_pool(const struct checker *c, size_t i, size_t j, const struct ad_sets *sets)
{
	const struct settings_bgp_advertisement *a = &c->settings->bgp.advertisements[i];
	const struct settings_bgp_advertisement *b = &c->settings->bgp.advertisements[j];
	bool same_v4 = a->aggregation_length == b->aggregation_length;
	bool same_v6 = a->aggregation_length_v6 == b->aggregation_length_v6;
	size_t p;

	for (p = 0; p < c->pools.count; p++) {
		const struct pool_facts *facts = &sets->facts[p];

		if (!has_bit(sets->pools + i * sets->pool_words, p) ||
		    !has_bit(sets->pools + j * sets->pool_words, p))
			continue;
		if ((facts->has[IP_FAMILY_V4] && same_v4) || (facts->has[IP_FAMILY_V6] && same_v6))
			return c->pools.items[p];
	}
	return NULL;
}

/* What only one of two advertisements of a route can have its way in. Communities are united. */
static const char *
conflicting_key(
    const struct settings_bgp_advertisement *a, const struct settings_bgp_advertisement *b)
{
	if (a->localpref != b->localpref)
		return "localpref";
	if (a->med != b->med)
		return "med";
	if (a->as_path_prepend != b->as_path_prepend)
		return "as-path-prepend";
	return a->weight != b->weight ? "weight" : NULL;
}

static void
check_conflict(struct checker *c, size_t i, size_t j, const struct ad_sets *sets)
{
	const struct settings_bgp_advertisement *a = &c->settings->bgp.advertisements[i];
	const struct settings_bgp_advertisement *b = &c->settings->bgp.advertisements[j];
	const char *key = conflicting_key(a, b), *pool, *path;
	enum overlap nodes;

	/* With service-selectors it depends on the Services. */
	if (!key || a->service_selectors.count || b->service_selectors.count ||
	    !sets_meet(sets->pools + i * sets->pool_words, sets->pools + j * sets->pool_words,
		sets->pool_words))
		return;
	if (c->peers.count &&
	    !sets_meet(sets->peers + i * sets->peer_words, sets->peers + j * sets->peer_words,
		sets->peer_words))
		return;
	nodes = checker_overlap(&a->node_selectors, &b->node_selectors);
	pool = common_pool(c, i, j, sets);
	if (!pool || nodes == OVERLAP_NO)
		return;
	path = ad_path(c, i, key);
	if (nodes == OVERLAP_YES)
		checker_fail(c, path,
		    "another value than at %s for the same routes (pool \"%s\", same nodes and peers)",
		    checker_place(c, ad_path(c, j, key)), pool);
	else
		checker_warn(c, path,
		    "another value than at %s for the same routes (pool \"%s\"); on a node that "
		    "both select, the first counts",
		    checker_place(c, ad_path(c, j, key)), pool);
}

static void
check_advertisements(struct checker *c)
{
	struct settings_bgp *bgp = &c->settings->bgp;
	struct ad_sets sets;
	size_t i, j;

	sets_init(c, &sets);
	for (i = 0; i < bgp->n_advertisements; i++) {
		struct settings_bgp_advertisement *ad = &bgp->advertisements[i];

		checker_references(c, ad_path(c, i, "address-pools"), &ad->address_pools, &c->pools,
		    "address pool");
		checker_references(c, ad_path(c, i, "peers"), &ad->peers, &c->peers, "peer");
		resolve_communities(c, ad, i);
		check_aggregation(c, ad, i, &sets);
		check_echo(c, i, &sets);
		for (j = 0; j < i; j++)
			check_conflict(c, i, j, &sets);
	}
	sets_fini(&sets);
	if (bgp->n_advertisements && !bgp->n_peers)
		checker_warn(c, "bgp.advertisements", "no peers: nothing is announced by BGP");
}

/* Nothing can tell them apart, so one of them is a mistake. */
static void
check_equal_objects(struct checker *c, const struct config_section *section, const char *list_name,
    const void *object)
{
	const struct config_key *key = config_key_find(section, list_name);
	size_t n = config_count(key, object), i, j;
	char **texts = xcalloc(n, sizeof(*texts));

	for (i = 0; i < n; i++) {
		struct strbuf text = {0};
		size_t k;

		for (k = 0; k < key->section->n_keys; k++) {
			print_value(
			    &key->section->keys[k], config_element(key, object, i), 0, true, &text);
			strbuf_addc(&text, '\n');
		}
		texts[i] = strbuf_detach(&text);
		for (j = 0; j < i && !str_eq(texts[i], texts[j]); j++)
			continue;
		/* Equal names were reported. */
		if (j < i && str_has_prefix(texts[i], "\"\"\n"))
			checker_fail(c, checker_text(c, "%s[%zu]", key->section->path, i),
			    "the same as the one at %s",
			    checker_place(c, checker_text(c, "%s[%zu]", key->section->path, j)));
	}
	for (i = 0; i < n; i++)
		free(texts[i]);
	free(texts);
}

void
check_bgp(struct checker *c)
{
	struct settings_bgp *bgp = &c->settings->bgp;
	size_t i;

	if (!checker_is_wrong(c, "bgp.router-id"))
		check_router_id(c, &bgp->router_id, "bgp.router-id");
	for (i = 0; i < bgp->n_peers; i++)
		check_peer(c, &bgp->peers[i], i);
	check_same_peers(c);
	check_aliases(c);
	check_advertisements(c);
	if (!c->built_well)
		return;
	check_equal_objects(c, &config_root, "l2-advertisements", c->settings);
	check_equal_objects(
	    c, config_key_find(&config_root, "bgp")->section, "advertisements", bgp);
}
