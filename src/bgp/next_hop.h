/* next_hop: our own addresses on a connection, as next hops of what we announce. */
#ifndef BGP_NEXT_HOP_H
#define BGP_NEXT_HOP_H

#include "util/addr.h"

/*
 * IP_FAMILY_NONE where there is none. IPv4 routes take `ipv4`, else, where RFC 8950 was negotiated,
 * the IPv6 ones. IPv6 next hops are the global address, with the link-local one behind it if it is
 * set (RFC 2545 3: only if the peer is on that link), or the link-local one alone.
 */
struct bgp_next_hops {
	struct ip_addr ipv4, ipv6, ipv6_link_local;
};

#endif
