/*
 * addr: IP addresses of both families, prefixes, ranges and MAC addresses as plain values. Text in
 * the forms of RFC 5952 and RFC 4632.
 */
#ifndef UTIL_ADDR_H
#define UTIL_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ip_family {
	IP_FAMILY_NONE,
	IP_FAMILY_V4,
	IP_FAMILY_V6,
	IP_FAMILY_COUNT
};

/* No padding: usable as a map key. Bytes in network order; those beyond the family's length are
 * zero. */
struct ip_addr {
	uint8_t family; /* enum ip_family */
	uint8_t bytes[16];
};

struct ip_prefix {
	struct ip_addr addr; /* as written; host bits may be set (an interface's address) */
	uint8_t len;         /* bits */
};

/* Both ends inclusive, one family, first <= last. */
struct ip_range {
	struct ip_addr first, last;
};

struct mac_addr {
	uint8_t bytes[6];
};

#define IP_ADDR_STRLEN 46 /* with the terminating zero */
#define IP_PREFIX_STRLEN 50
#define MAC_ADDR_STRLEN 18
/* "255-255-255-255" or eight fully written groups with dashes */
#define IP_ADDR_NAME_LEN 40

/* "IPv4", "IPv6", "none" */
const char *ip_family_str(enum ip_family family);
/* Bytes of an address: 4, 16, or 0. */
size_t ip_family_size(enum ip_family family);

/*
 * One address, nothing around it. No zone, no leading zeros in IPv4. IPv4-mapped IPv6
 * (::ffff:a.b.c.d) is refused: Kubernetes does not accept it as an ingress. 0 or -EINVAL.
 */
int ip_addr_parse(const char *s, struct ip_addr *ret_addr);
void ip_addr_format(const struct ip_addr *addr, char out[IP_ADDR_STRLEN]);
/* For object names: dashes for dots or colons, IPv6 with all groups written out in four digits
 * (DESIGN: Lease names). */
void ip_addr_name(const struct ip_addr *addr, char out[IP_ADDR_NAME_LEN]);
/* The inverse of ip_addr_name. 0 or -EINVAL. */
int ip_addr_parse_name(const char *s, struct ip_addr *ret_addr);
struct ip_addr ip_addr_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d);
/* `bytes` holds 4 or 16 bytes by family. */
struct ip_addr ip_addr_from_bytes(enum ip_family family, const void *bytes);
/* <0, 0, >0; IPv4 before IPv6. */
int ip_addr_cmp(const struct ip_addr *a, const struct ip_addr *b);
bool ip_addr_eq(const struct ip_addr *a, const struct ip_addr *b);
/* The address after / before; false (and *ret_addr untouched) at the end of the family. */
bool ip_addr_next(const struct ip_addr *addr, struct ip_addr *ret_addr);
bool ip_addr_prev(const struct ip_addr *addr, struct ip_addr *ret_addr);
/* Link-local (fe80::/10, 169.254/16), multicast, unspecified, loopback. */
bool ip_addr_is_link_local(const struct ip_addr *addr);
bool ip_addr_is_multicast(const struct ip_addr *addr);
bool ip_addr_is_unspecified(const struct ip_addr *addr);
bool ip_addr_is_loopback(const struct ip_addr *addr);

/* "ADDR/LEN". 0 or -EINVAL. */
int ip_prefix_parse(const char *s, struct ip_prefix *ret_prefix);
void ip_prefix_format(const struct ip_prefix *prefix, char out[IP_PREFIX_STRLEN]);
bool ip_prefix_contains(const struct ip_prefix *prefix, const struct ip_addr *addr);
/* With the host bits cleared. */
struct ip_prefix ip_prefix_masked(const struct ip_prefix *prefix);
/* First to last address, host bits ignored. */
struct ip_range ip_prefix_range(const struct ip_prefix *prefix);
/* The longest prefix that starts at range->first and stays in the range (how MetalLB splits a range
 * into CIDRs). */
struct ip_prefix ip_range_first_prefix(const struct ip_range *range);

bool ip_range_contains(const struct ip_range *range, const struct ip_addr *addr);
bool ip_range_overlaps(const struct ip_range *a, const struct ip_range *b);
/* Number of addresses, UINT64_MAX when there are more. */
uint64_t ip_range_count(const struct ip_range *range);

/* Six groups of two hexadecimal digits with colons. 0 or -EINVAL. */
int mac_addr_parse(const char *s, struct mac_addr *ret_mac);
void mac_addr_format(const struct mac_addr *mac, char out[MAC_ADDR_STRLEN]);
bool mac_addr_eq(const struct mac_addr *a, const struct mac_addr *b);
bool mac_addr_is_zero(const struct mac_addr *mac);
bool mac_addr_is_multicast(const struct mac_addr *mac); /* broadcast too */

#endif
