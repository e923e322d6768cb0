/*
 * link: a network interface as netlink shows it. A plain value that the netlink edge fills and the
 * rooms read; it stands in util because io sees nothing else.
 */
#ifndef UTIL_LINK_H
#define UTIL_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/addr.h"

#define LINK_NAME_SIZE 16     /* IFNAMSIZ */
#define LINK_MAX 4096         /* interfaces followed; more are ignored and said */
#define LINK_MAX_ADDRESSES 64 /* per interface; more are ignored */

struct link_info {
	int ifindex;
	char name[LINK_NAME_SIZE];
	struct mac_addr mac; /* zero where there is none */
	bool up;             /* IFF_UP */
	bool carrier;        /* IFF_LOWER_UP */
	bool arp;            /* not IFF_NOARP */
	bool broadcast;      /* IFF_BROADCAST */
	bool loopback;       /* IFF_LOOPBACK */
	int master;          /* ifindex of the bond, bridge or VRF, 0 without */
	bool master_is_vrf;  /* a VRF's member is an ordinary interface; a bond slave or bridge port
				is not */
	uint32_t mtu;
	size_t n_addresses;
	struct ip_prefix *addresses; /* owned by the table; tentative ones are left out */
};

/* All interfaces of the network namespace, sorted by ifindex. */
struct link_table {
	struct link_info *items;
	size_t count;
};

void link_table_clear(struct link_table *table);
/* NULL when there is none. */
const struct link_info *link_table_by_index(const struct link_table *table, int ifindex);
const struct link_info *link_table_by_name(const struct link_table *table, const char *name);
/* True when one of the link's addresses has a prefix that holds addr. Host prefixes (/32, /128)
 * connect nothing. */
bool link_is_on_link(const struct link_info *link, const struct ip_addr *addr);
/* kube-proxy's kube-ipvs0 in IPVS mode: a dummy with the addresses of all Services, ours too. They
 * are not this node's own, and the table leaves them out. */
bool link_is_kube_ipvs(const struct link_info *link);
bool link_has_address(const struct link_info *link, const struct ip_addr *addr);

#endif
