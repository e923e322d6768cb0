/*
 * message: the frame of BGP messages (RFC 4271 4.1, 6.1), KEEPALIVE and ROUTE-REFRESH (RFC 2918).
 * Bytes in, bytes out; nothing is kept.
 *
 * Extended messages (RFC 8654) are not offered: 4,096 octets hold some 800 host routes, and each
 * connection would need a buffer of 64 KiB.
 */
#ifndef BGP_MESSAGE_H
#define BGP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bgp/notification.h"
#include "util/addr.h"
#include "util/buf.h"

#define BGP_MESSAGE_MAX_BYTES 4096
#define BGP_HEADER_BYTES 19
#define BGP_KEEPALIVE_BYTES BGP_HEADER_BYTES
#define BGP_ROUTE_REFRESH_BYTES (BGP_HEADER_BYTES + 4)

enum bgp_message_type {
	BGP_MESSAGE_OPEN = 1,
	BGP_MESSAGE_UPDATE,
	BGP_MESSAGE_NOTIFICATION,
	BGP_MESSAGE_KEEPALIVE,
	BGP_MESSAGE_ROUTE_REFRESH,
	BGP_MESSAGE_TYPE_COUNT
};

/* The address families that this daemon speaks, as an index. */
enum bgp_family {
	BGP_IPV4_UNICAST,
	BGP_IPV6_UNICAST,
	BGP_FAMILY_COUNT
};

#define BGP_FAMILY_BIT(family) ((uint8_t)(1U << (family)))
#define BGP_FAMILIES_ALL (BGP_FAMILY_BIT(BGP_IPV4_UNICAST) | BGP_FAMILY_BIT(BGP_IPV6_UNICAST))

#define BGP_AS_TRANS 23456 /* RFC 6793: stands for a number of more than two octets */
#define BGP_AFI_IPV4 1
#define BGP_AFI_IPV6 2
#define BGP_SAFI_UNICAST 1

enum bgp_frame {
	BGP_FRAME_SHORT, /* no fault so far, and not whole: come again with more */
	BGP_FRAME_WHOLE,
	BGP_FRAME_ERROR
};

/* One message in the caller's bytes, valid as long as they are. */
struct bgp_message {
	enum bgp_message_type type;
	size_t len;          /* with the header */
	const uint8_t *body; /* what follows the header */
	size_t body_len;
};

/*
 * The first message in `bytes`. A fault is found as soon as the octets that show it are there: the
 * marker, the length (19 to 4096, and the least of each type) and the type. err_error is set on
 * BGP_FRAME_ERROR only.
 */
enum bgp_frame bgp_message_frame(
    const uint8_t *bytes, size_t len, struct bgp_message *ret_message, struct bgp_error *err_error);

/* Begins a message at w->pos; bgp_message_end() gets that position and writes the length. */
void bgp_message_begin(struct wbuf *w, enum bgp_message_type type);
void bgp_message_end(struct wbuf *w, size_t start);

void bgp_keepalive_encode(struct wbuf *w);

struct bgp_route_refresh {
	uint16_t afi;
	uint8_t subtype; /* 0; RFC 7313 uses 1 and 2, which we never negotiate */
	uint8_t safi;
};

void bgp_route_refresh_encode(struct wbuf *w, const struct bgp_route_refresh *refresh);
/* From a body of 4 octets, bgp_message_frame()'s promise. */
struct bgp_route_refresh bgp_route_refresh_decode(const uint8_t *body);

/* "OPEN", "UPDATE", ... */
const char *bgp_message_type_str(enum bgp_message_type type);
/* "IPv4 unicast", "IPv6 unicast" */
const char *bgp_family_str(enum bgp_family family);
uint16_t bgp_family_afi(enum bgp_family family);
enum ip_family bgp_family_ip(enum bgp_family family);
/* False for families that we do not speak. */
bool bgp_family_from_wire(uint16_t afi, uint8_t safi, enum bgp_family *ret_family);
/* Of an address or prefix; `ip` is not IP_FAMILY_NONE. */
enum bgp_family bgp_family_of(enum ip_family ip);

#endif
