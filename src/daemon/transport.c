#include "daemon/transport.h"

#include "util/hash.h"
#include "util/str.h"

#define TTL_MAX 255

static bool
is_internal(const struct settings_peer *peer)
{
	return peer->dynamic_asn == DYNAMIC_ASN_INTERNAL || peer->peer_asn == peer->my_asn;
}

struct transport_hops
transport_hops(const struct settings_peer *peer)
{
	if (peer->ttl_security)
		return (struct transport_hops){
		    TTL_MAX, (uint8_t)(TTL_MAX + 1 - peer->ttl_security)};
	if (is_internal(peer) || peer->ebgp_multihop)
		return (struct transport_hops){TTL_MAX, 0};
	return (struct transport_hops){1, 0};
}

static bool
is_excluded(const struct string_list *exclude, const char *name)
{
	return exclude->count && string_list_matches(exclude, name);
}

static uint32_t
as_number(const struct ip_addr *ip)
{
	return (uint32_t)ip->bytes[0] << 24 | (uint32_t)ip->bytes[1] << 16 |
	    (uint32_t)ip->bytes[2] << 8 | ip->bytes[3];
}

uint32_t
transport_identifier(
    const struct link_table *links, const struct string_list *exclude, const char *node_name)
{
	uint32_t made;
	size_t i, j;

	for (i = 0; i < links->count; i++) {
		const struct link_info *link = &links->items[i];

		if (link->loopback || is_excluded(exclude, link->name))
			continue;
		for (j = 0; j < link->n_addresses; j++) {
			const struct ip_addr *ip = &link->addresses[j].addr;

			if (ip->family == IP_FAMILY_V4 && !ip_addr_is_link_local(ip))
				return as_number(ip);
		}
	}
	made = (uint32_t)hash_final(hash_string(HASH_INIT, node_name));
	return made ? made : 1;
}

/* The interface with this address; an IPv6 link-local one only where it was met. */
static const struct link_info *
link_of(const struct link_table *links, const struct tcp_address *local)
{
	size_t i;

	if (local->scope)
		return link_table_by_index(links, local->scope);
	for (i = 0; i < links->count; i++)
		if (link_has_address(&links->items[i], &local->ip))
			return &links->items[i];
	return NULL;
}

/* The first address of the family that is, or is not, link-local. */
static struct ip_addr
first_address(const struct link_info *link, enum ip_family family, bool link_local)
{
	size_t i;

	for (i = 0; i < link->n_addresses; i++) {
		const struct ip_addr *ip = &link->addresses[i].addr;

		if (ip->family == family && ip_addr_is_link_local(ip) == link_local &&
		    !ip_addr_is_loopback(ip))
			return *ip;
	}
	return (struct ip_addr){.family = IP_FAMILY_NONE};
}

struct bgp_next_hops
transport_next_hops(const struct settings_peer *peer, const struct link_table *links,
    const struct tcp_address *local, const struct ip_addr *remote)
{
	const struct link_info *link = link_of(links, local);
	struct bgp_next_hops hops = {0};

	if (link) {
		hops.ipv4 = first_address(link, IP_FAMILY_V4, false);
		hops.ipv6 = first_address(link, IP_FAMILY_V6, false);
		/* RFC 2545 3: only with a peer on the same link. */
		if (ip_addr_is_link_local(remote) || link_is_on_link(link, remote))
			hops.ipv6_link_local = first_address(link, IP_FAMILY_V6, true);
	}
	if (*peer->interface)
		hops.ipv4.family = IP_FAMILY_NONE;
	if (local->ip.family == IP_FAMILY_V4)
		hops.ipv4 = local->ip;
	else if (ip_addr_is_link_local(&local->ip))
		hops.ipv6_link_local = local->ip;
	else
		hops.ipv6 = local->ip;
	return hops;
}

bool
transport_is_other_router(const struct settings_peer *a, const struct settings_peer *b)
{
	return !ip_addr_eq(&a->peer_address, &b->peer_address) ||
	    !str_eq(a->interface, b->interface) || !str_eq(a->vrf, b->vrf);
}

bool
transport_differs(const struct settings_peer *a, const struct settings_peer *b)
{
	struct transport_hops x = transport_hops(a), y = transport_hops(b);

	return transport_is_other_router(a, b) || a->peer_port != b->peer_port ||
	    !ip_addr_eq(&a->source_address, &b->source_address) ||
	    !str_eq(a->password, b->password) || !str_eq(a->password_file, b->password_file) ||
	    x.ttl != y.ttl || x.min_ttl != y.min_ttl;
}
