#include "bgp/open.h"

#include <string.h>

#define PARAMETER_CAPABILITIES 2
#define PARAMETER_EXTENDED 255 /* RFC 9072 2 */
#define GR_RESTARTING 0x8000
#define GR_NOTIFICATION 0x4000
#define GR_FORWARDING 0x80

static void
encode_multiprotocol(struct wbuf *w, enum bgp_family family)
{
	wbuf_u8(w, BGP_CAPABILITY_MULTIPROTOCOL);
	wbuf_u8(w, 4);
	wbuf_u16(w, bgp_family_afi(family));
	wbuf_u8(w, 0);
	wbuf_u8(w, BGP_SAFI_UNICAST);
}

static void
encode_extended_next_hop(struct wbuf *w)
{
	wbuf_u8(w, BGP_CAPABILITY_EXTENDED_NEXT_HOP);
	wbuf_u8(w, 6);
	wbuf_u16(w, BGP_AFI_IPV4);
	wbuf_u16(w, BGP_SAFI_UNICAST);
	wbuf_u16(w, BGP_AFI_IPV6);
}

static void
encode_graceful_restart(struct wbuf *w, const struct bgp_capabilities *c)
{
	unsigned family, n = 0, flags = c->restart_time_sec & BGP_RESTART_TIME_MAX_SEC;

	for (family = 0; family < BGP_FAMILY_COUNT; family++)
		n += (c->gr_families & BGP_FAMILY_BIT(family)) != 0;
	if (c->restarting)
		flags |= GR_RESTARTING;
	if (c->gr_notification)
		flags |= GR_NOTIFICATION;
	wbuf_u8(w, BGP_CAPABILITY_GRACEFUL_RESTART);
	wbuf_u8(w, (uint8_t)(2 + 4 * n));
	wbuf_u16(w, (uint16_t)flags);
	for (family = 0; family < BGP_FAMILY_COUNT; family++) {
		if (!(c->gr_families & BGP_FAMILY_BIT(family)))
			continue;
		wbuf_u16(w, bgp_family_afi((enum bgp_family)family));
		wbuf_u8(w, BGP_SAFI_UNICAST);
		wbuf_u8(w, c->gr_forwarding & BGP_FAMILY_BIT(family) ? GR_FORWARDING : 0);
	}
}

static void
encode_capabilities(struct wbuf *w, const struct bgp_open *open)
{
	const struct bgp_capabilities *c = &open->capabilities;
	unsigned family;

	for (family = 0; family < BGP_FAMILY_COUNT; family++)
		if (c->families & BGP_FAMILY_BIT(family))
			encode_multiprotocol(w, (enum bgp_family)family);
	if (c->route_refresh) {
		wbuf_u8(w, BGP_CAPABILITY_ROUTE_REFRESH);
		wbuf_u8(w, 0);
	}
	if (c->extended_next_hop)
		encode_extended_next_hop(w);
	if (c->graceful_restart)
		encode_graceful_restart(w, c);
	if (c->as4) {
		wbuf_u8(w, BGP_CAPABILITY_AS4);
		wbuf_u8(w, 4);
		wbuf_u32(w, open->asn);
	}
}

void
bgp_open_encode(struct wbuf *w, const struct bgp_open *open)
{
	uint8_t bytes[BGP_OPEN_MAX_BYTES];
	struct wbuf capabilities;
	size_t start = w->pos;

	wbuf_init(&capabilities, bytes, sizeof(bytes));
	encode_capabilities(&capabilities, open);
	bgp_message_begin(w, BGP_MESSAGE_OPEN);
	wbuf_u8(w, BGP_VERSION);
	wbuf_u16(w, open->asn > UINT16_MAX ? BGP_AS_TRANS : (uint16_t)open->asn);
	wbuf_u16(w, open->hold_time_sec);
	wbuf_u32(w, open->identifier);
	if (capabilities.pos) {
		/* RFC 5492 4: all in one parameter. */
		wbuf_u8(w, (uint8_t)(capabilities.pos + 2));
		wbuf_u8(w, PARAMETER_CAPABILITIES);
		wbuf_u8(w, (uint8_t)capabilities.pos);
		wbuf_copy(w, bytes, capabilities.pos);
	} else {
		wbuf_u8(w, 0);
	}
	bgp_message_end(w, start);
}

static void
decode_multiprotocol(struct rbuf *r, struct bgp_capabilities *c)
{
	enum bgp_family family;
	uint16_t afi;
	uint8_t safi;

	if (r->len != 4)
		return;
	afi = rbuf_u16(r);
	rbuf_skip(r, 1);
	safi = rbuf_u8(r);
	c->multiprotocol = true;
	if (bgp_family_from_wire(afi, safi, &family))
		c->families |= BGP_FAMILY_BIT(family);
	else
		c->other_families = true;
}

static void
decode_extended_next_hop(struct rbuf *r, struct bgp_capabilities *c)
{
	if (r->len % 6)
		return;
	while (rbuf_left(r)) {
		uint16_t afi = rbuf_u16(r), safi = rbuf_u16(r), next_hop_afi = rbuf_u16(r);

		if (afi == BGP_AFI_IPV4 && safi == BGP_SAFI_UNICAST && next_hop_afi == BGP_AFI_IPV6)
			c->extended_next_hop = true;
	}
}

/* RFC 4724 3: of several instances only the last counts. */
static void
decode_graceful_restart(struct rbuf *r, struct bgp_capabilities *c)
{
	unsigned flags;

	if (r->len < 2 || (r->len - 2) % 4)
		return;
	flags = rbuf_u16(r);
	c->graceful_restart = true;
	c->restarting = flags & GR_RESTARTING;
	c->gr_notification = flags & GR_NOTIFICATION;
	c->restart_time_sec = flags & BGP_RESTART_TIME_MAX_SEC;
	c->gr_families = 0;
	c->gr_forwarding = 0;
	while (rbuf_left(r)) {
		uint16_t afi = rbuf_u16(r);
		uint8_t safi = rbuf_u8(r), bits = rbuf_u8(r);
		enum bgp_family family;

		if (!bgp_family_from_wire(afi, safi, &family))
			continue;
		c->gr_families |= BGP_FAMILY_BIT(family);
		if (bits & GR_FORWARDING)
			c->gr_forwarding |= BGP_FAMILY_BIT(family);
	}
}

static void
remember_unknown(struct bgp_capabilities *c, uint8_t code)
{
	if (c->n_unknown < BGP_CAPABILITY_UNKNOWN_MAX && !memchr(c->unknown, code, c->n_unknown))
		c->unknown[c->n_unknown++] = code;
}

/* One capability. False: the OPEN cannot be used. */
static bool
decode_capability(struct rbuf *r, uint8_t code, struct bgp_open *open)
{
	struct bgp_capabilities *c = &open->capabilities;

	switch (code) {
	case BGP_CAPABILITY_MULTIPROTOCOL:
		decode_multiprotocol(r, c);
		return true;
	case BGP_CAPABILITY_ROUTE_REFRESH:
		if (!r->len)
			c->route_refresh = true;
		return true;
	case BGP_CAPABILITY_EXTENDED_NEXT_HOP:
		decode_extended_next_hop(r, c);
		return true;
	case BGP_CAPABILITY_GRACEFUL_RESTART:
		decode_graceful_restart(r, c);
		return true;
	case BGP_CAPABILITY_AS4:
		if (r->len != 4)
			return false;
		c->as4 = true;
		open->asn = rbuf_u32(r);
		return true;
	}
	remember_unknown(c, code);
	return true;
}

static bool
decode_capabilities(struct rbuf *r, struct bgp_open *open)
{
	while (rbuf_left(r)) {
		uint8_t code = rbuf_u8(r);
		uint8_t len = rbuf_u8(r);
		struct rbuf value = rbuf_sub(r, len);

		if (r->error || !decode_capability(&value, code, open))
			return false;
	}
	return !r->error;
}

static bool
open_error(struct bgp_error *err, enum bgp_open_error subcode)
{
	bgp_error_set(err, BGP_ERROR_OPEN, subcode, NULL, 0);
	return false;
}

static bool
decode_parameters(struct rbuf *r, bool extended, struct bgp_open *open, struct bgp_error *err)
{
	while (rbuf_left(r)) {
		uint8_t type = rbuf_u8(r);
		size_t len = extended ? rbuf_u16(r) : rbuf_u8(r);
		struct rbuf value = rbuf_sub(r, len);

		if (r->error)
			return open_error(err, BGP_OPEN_UNSPECIFIC);
		if (type != PARAMETER_CAPABILITIES)
			return open_error(err, BGP_OPEN_BAD_PARAMETER);
		if (!decode_capabilities(&value, open))
			return open_error(err, BGP_OPEN_UNSPECIFIC);
	}
	return true;
}

bool
bgp_open_decode(
    const uint8_t *body, size_t len, struct bgp_open *ret_open, struct bgp_error *err_error)
{
	static const uint8_t supported[2] = {0, BGP_VERSION};
	struct bgp_open open = {0};
	bool extended = false;
	struct rbuf r;
	size_t params;

	rbuf_init(&r, body, len);
	if (rbuf_u8(&r) != BGP_VERSION) {
		bgp_error_set(err_error, BGP_ERROR_OPEN, BGP_OPEN_BAD_VERSION, supported, 2);
		return false;
	}
	open.asn = rbuf_u16(&r);
	open.hold_time_sec = rbuf_u16(&r);
	open.identifier = rbuf_u32(&r);
	params = rbuf_u8(&r);
	/* RFC 9072 2: the length is then not read, except that zero still means none. */
	if (params && rbuf_left(&r) && r.bytes[r.pos] == PARAMETER_EXTENDED) {
		extended = true;
		rbuf_skip(&r, 1);
		params = rbuf_u16(&r);
	}
	if (r.error || params != rbuf_left(&r))
		return open_error(err_error, BGP_OPEN_UNSPECIFIC);
	if (!decode_parameters(&r, extended, &open, err_error))
		return false;
	*ret_open = open;
	return true;
}

uint8_t
bgp_capabilities_families(
    const struct bgp_capabilities *ours, const struct bgp_capabilities *theirs)
{
	uint8_t a = ours->families, b = theirs->families;

	if (!ours->multiprotocol)
		a = BGP_FAMILY_BIT(BGP_IPV4_UNICAST);
	if (!theirs->multiprotocol)
		b = BGP_FAMILY_BIT(BGP_IPV4_UNICAST);
	return a & b;
}
