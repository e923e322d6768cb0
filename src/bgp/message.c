#include "bgp/message.h"

#include <assert.h>
#include <string.h>

static const uint8_t marker[16] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

/* What RFC 4271 6.1 allows, by type. KEEPALIVE and (RFC 2918 3) ROUTE-REFRESH have one length. */
static const struct {
	const char *name;
	uint16_t min, max;
} types[] = {
    [BGP_MESSAGE_OPEN] = {"OPEN", 29, BGP_MESSAGE_MAX_BYTES},
    [BGP_MESSAGE_UPDATE] = {"UPDATE", 23, BGP_MESSAGE_MAX_BYTES},
    [BGP_MESSAGE_NOTIFICATION] = {"NOTIFICATION", 21, BGP_MESSAGE_MAX_BYTES},
    [BGP_MESSAGE_KEEPALIVE] = {"KEEPALIVE", BGP_KEEPALIVE_BYTES, BGP_KEEPALIVE_BYTES},
    [BGP_MESSAGE_ROUTE_REFRESH] = {"ROUTE-REFRESH", BGP_ROUTE_REFRESH_BYTES,
	BGP_ROUTE_REFRESH_BYTES},
};
static_assert(sizeof(types) / sizeof(types[0]) == BGP_MESSAGE_TYPE_COUNT, "a row for each type");

static const struct {
	const char *name;
	uint16_t afi;
	enum ip_family ip;
} families[] = {
    [BGP_IPV4_UNICAST] = {"IPv4 unicast", BGP_AFI_IPV4, IP_FAMILY_V4},
    [BGP_IPV6_UNICAST] = {"IPv6 unicast", BGP_AFI_IPV6, IP_FAMILY_V6},
};
static_assert(sizeof(families) / sizeof(families[0]) == BGP_FAMILY_COUNT, "a row for each family");

static enum bgp_frame
header_error(struct bgp_error *err, enum bgp_header_error subcode, const void *data, size_t len)
{
	bgp_error_set(err, BGP_ERROR_HEADER, subcode, data, len);
	return BGP_FRAME_ERROR;
}

enum bgp_frame
bgp_message_frame(
    const uint8_t *bytes, size_t len, struct bgp_message *ret_message, struct bgp_error *err_error)
{
	size_t n = len < sizeof(marker) ? len : sizeof(marker);
	unsigned total, type;

	if (n && memcmp(bytes, marker, n))
		return header_error(err_error, BGP_HEADER_NOT_SYNCHRONIZED, NULL, 0);
	if (len < sizeof(marker) + 2)
		return BGP_FRAME_SHORT;
	total = (unsigned)bytes[16] << 8 | bytes[17];
	if (total < BGP_HEADER_BYTES || total > BGP_MESSAGE_MAX_BYTES)
		return header_error(err_error, BGP_HEADER_BAD_LENGTH, &bytes[16], 2);
	if (len < BGP_HEADER_BYTES)
		return BGP_FRAME_SHORT;
	type = bytes[18];
	if (type < BGP_MESSAGE_OPEN || type >= BGP_MESSAGE_TYPE_COUNT)
		return header_error(err_error, BGP_HEADER_BAD_TYPE, &bytes[18], 1);
	if (total < types[type].min || total > types[type].max)
		return header_error(err_error, BGP_HEADER_BAD_LENGTH, &bytes[16], 2);
	if (len < total)
		return BGP_FRAME_SHORT;
	*ret_message = (struct bgp_message){
	    .type = (enum bgp_message_type)type,
	    .len = total,
	    .body = bytes + BGP_HEADER_BYTES,
	    .body_len = total - BGP_HEADER_BYTES,
	};
	return BGP_FRAME_WHOLE;
}

void
bgp_message_begin(struct wbuf *w, enum bgp_message_type type)
{
	wbuf_copy(w, marker, sizeof(marker));
	wbuf_u16(w, 0);
	wbuf_u8(w, (uint8_t)type);
}

void
bgp_message_end(struct wbuf *w, size_t start)
{
	wbuf_patch_u16(w, start + sizeof(marker), (uint16_t)(w->pos - start));
}

void
bgp_keepalive_encode(struct wbuf *w)
{
	size_t start = w->pos;

	bgp_message_begin(w, BGP_MESSAGE_KEEPALIVE);
	bgp_message_end(w, start);
}

void
bgp_route_refresh_encode(struct wbuf *w, const struct bgp_route_refresh *refresh)
{
	size_t start = w->pos;

	bgp_message_begin(w, BGP_MESSAGE_ROUTE_REFRESH);
	wbuf_u16(w, refresh->afi);
	wbuf_u8(w, refresh->subtype);
	wbuf_u8(w, refresh->safi);
	bgp_message_end(w, start);
}

struct bgp_route_refresh
bgp_route_refresh_decode(const uint8_t *body)
{
	return (struct bgp_route_refresh){
	    .afi = (uint16_t)(body[0] << 8 | body[1]),
	    .subtype = body[2],
	    .safi = body[3],
	};
}

const char *
bgp_message_type_str(enum bgp_message_type type)
{
	return types[type].name;
}

const char *
bgp_family_str(enum bgp_family family)
{
	return families[family].name;
}

uint16_t
bgp_family_afi(enum bgp_family family)
{
	return families[family].afi;
}

enum ip_family
bgp_family_ip(enum bgp_family family)
{
	return families[family].ip;
}

bool
bgp_family_from_wire(uint16_t afi, uint8_t safi, enum bgp_family *ret_family)
{
	if (safi != BGP_SAFI_UNICAST || (afi != BGP_AFI_IPV4 && afi != BGP_AFI_IPV6))
		return false;
	*ret_family = afi == BGP_AFI_IPV4 ? BGP_IPV4_UNICAST : BGP_IPV6_UNICAST;
	return true;
}

enum bgp_family
bgp_family_of(enum ip_family ip)
{
	return ip == IP_FAMILY_V4 ? BGP_IPV4_UNICAST : BGP_IPV6_UNICAST;
}
