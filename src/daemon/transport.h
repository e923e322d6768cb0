/*
 * transport: what the connection to a BGP peer looks like, as pure functions of settings and
 * interfaces: hop limits, our identifier, our next hops.
 */
#ifndef DAEMON_TRANSPORT_H
#define DAEMON_TRANSPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "bgp/next_hop.h"
#include "io/tcp.h"
#include "model/settings.h"
#include "util/link.h"

struct transport_hops {
	uint8_t ttl, min_ttl; /* as in tcp_options */
};

/*
 * GTSM (RFC 5082): 255 out, 256 less the hops in. Otherwise external peers are one hop away unless
 * ebgp-multihop says else (as in MetalLB with FRR); internal ones may be anywhere.
 */
struct transport_hops transport_hops(const struct settings_peer *peer);

/*
 * The BGP identifier where the file has none: the first IPv4 address of the first interface that is
 * neither loopback nor in exclude (names like docker0 have the same address on every node), else a
 * number made of the node's name. Never 0.
 */
uint32_t transport_identifier(
    const struct link_table *links, const struct string_list *exclude, const char *node_name);

/*
 * Next hops on a connection: its local address, and for the other family one of the same interface.
 * With `interface` the IPv4 one is left out: at an unnumbered link the router need not have IPv4,
 * and takes IPv6 next hops (RFC 8950).
 */
struct bgp_next_hops transport_next_hops(const struct settings_peer *peer,
    const struct link_table *links, const struct tcp_address *local, const struct ip_addr *remote);

/* Whether two settings of one peer need another connection: address, port, source, TTLs, VRF and
 * password (password-file's contents are compared elsewhere). What stands in the OPEN is the
 * session's to compare. */
bool transport_differs(const struct settings_peer *a, const struct settings_peer *b);
/* Whether it is another router: then the old session ends for good. */
bool transport_is_other_router(const struct settings_peer *a, const struct settings_peer *b);

#endif
