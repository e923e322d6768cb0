#include "bgp/unnumbered.h"

#include <string.h>

#include "util/buf.h"

#define ND_ROUTER_SOLICIT 133
#define ND_ROUTER_ADVERT 134
#define ND_HOP_LIMIT 255
#define SOLICIT_BYTES 8
#define ADVERT_BYTES 16
#define OPTION_UNIT 8 /* of their length */
#define OPTION_SOURCE_LLA 1

static const struct ip_addr all_nodes = {IP_FAMILY_V6, {0xff, 0x02, [15] = 1}};
static const struct ip_addr all_routers = {IP_FAMILY_V6, {0xff, 0x02, [15] = 2}};

void
unnumbered_init(struct unnumbered *u)
{
	*u = (struct unnumbered){.next_advertisement = MONO_NEVER, .next_solicitation = MONO_NEVER};
}

void
unnumbered_set_link(
    struct unnumbered *u, const struct mac_addr *mac, const struct ip_addr *own, mono_t now)
{
	if (mac_addr_eq(&u->mac, mac) && ip_addr_eq(&u->own, own))
		return;
	u->mac = *mac;
	u->own = *own;
	u->sent = 0;
	u->next_advertisement = u->next_solicitation = own->family == IP_FAMILY_NONE ? MONO_NEVER
										     : now;
}

/* RFC 4861 6.1.1 and 6.1.2: every option has a length, and none passes the end. */
static bool
options_are_whole(struct rbuf *r)
{
	while (rbuf_left(r)) {
		uint8_t units;

		(void)rbuf_u8(r);
		units = rbuf_u8(r);
		if (r->error || !units || (size_t)units * OPTION_UNIT - 2 > rbuf_left(r))
			return false;
		rbuf_skip(r, (size_t)units * OPTION_UNIT - 2);
	}
	return true;
}

static enum unnumbered_verdict
solicited(struct unnumbered *u, mono_t now)
{
	mono_t soonest = u->sent ? mono_add_usec(u->last_advertisement, UNNUMBERED_MIN_DELAY_USEC)
				 : now;

	if (u->own.family != IP_FAMILY_NONE)
		u->next_advertisement = mono_min(
		    u->next_advertisement, mono_before(soonest, now) ? now : soonest);
	return UNNUMBERED_SOLICITED;
}

static enum unnumbered_verdict
advertised(struct unnumbered *u, const struct ip_addr *from, mono_t now)
{
	if (!ip_addr_eq(&u->neighbour, from)) {
		if (u->neighbour.family != IP_FAMILY_NONE &&
		    mono_diff_usec(now, u->heard) < UNNUMBERED_SILENT_USEC)
			return UNNUMBERED_OTHER;
		u->neighbour = *from;
		u->heard = now;
		u->next_solicitation = MONO_NEVER;
		return UNNUMBERED_FOUND;
	}
	u->heard = now;
	u->next_solicitation = MONO_NEVER;
	return UNNUMBERED_HEARD;
}

enum unnumbered_verdict
unnumbered_receive(struct unnumbered *u, const struct ip_addr *from, uint8_t hop_limit,
    const uint8_t *bytes, size_t len, mono_t now)
{
	struct rbuf r;
	uint8_t type, code;

	rbuf_init(&r, bytes, len);
	type = rbuf_u8(&r);
	code = rbuf_u8(&r);
	if (r.error)
		return UNNUMBERED_MALFORMED;
	if ((type != ND_ROUTER_SOLICIT && type != ND_ROUTER_ADVERT) || ip_addr_eq(from, &u->own))
		return UNNUMBERED_IGNORED;
	rbuf_skip(&r, (type == ND_ROUTER_SOLICIT ? SOLICIT_BYTES : ADVERT_BYTES) - 2);
	if (r.error || code || hop_limit != ND_HOP_LIMIT || !options_are_whole(&r))
		return UNNUMBERED_MALFORMED;
	if (type == ND_ROUTER_SOLICIT)
		return solicited(u, now);
	if (from->family != IP_FAMILY_V6 || !ip_addr_is_link_local(from))
		return UNNUMBERED_MALFORMED;
	return advertised(u, from, now);
}

const struct ip_addr *
unnumbered_neighbour(const struct unnumbered *u)
{
	return &u->neighbour;
}

static void
put_source_lla(struct wbuf *w, const struct mac_addr *mac)
{
	wbuf_u8(w, OPTION_SOURCE_LLA);
	wbuf_u8(w, 1);
	wbuf_copy(w, mac->bytes, sizeof(mac->bytes));
}

/* Nothing but that we are there: no hop limit, no flags, router lifetime 0, no times. */
static void
put_advertisement(struct unnumbered *u, struct wbuf *w, mono_t now)
{
	wbuf_u8(w, ND_ROUTER_ADVERT);
	wbuf_zero(w, ADVERT_BYTES - 1);
	put_source_lla(w, &u->mac);
	u->sent++;
	u->last_advertisement = now;
	u->next_advertisement = mono_add_usec(
	    now, u->sent < UNNUMBERED_INITIAL ? UNNUMBERED_INITIAL_USEC : UNNUMBERED_INTERVAL_USEC);
}

static void
put_solicitation(struct unnumbered *u, struct wbuf *w, mono_t now)
{
	wbuf_u8(w, ND_ROUTER_SOLICIT);
	wbuf_zero(w, SOLICIT_BYTES - 1);
	put_source_lla(w, &u->mac);
	u->next_solicitation = mono_add_usec(now, UNNUMBERED_SOLICIT_USEC);
}

size_t
unnumbered_next(
    struct unnumbered *u, mono_t now, uint8_t out[UNNUMBERED_MESSAGE_BYTES], struct ip_addr *ret_to)
{
	struct wbuf w;

	wbuf_init(&w, out, UNNUMBERED_MESSAGE_BYTES);
	if (mono_reached(now, u->next_advertisement)) {
		put_advertisement(u, &w, now);
		*ret_to = all_nodes;
	} else if (mono_reached(now, u->next_solicitation)) {
		put_solicitation(u, &w, now);
		*ret_to = all_routers;
	}
	return w.pos;
}

mono_t
unnumbered_deadline(const struct unnumbered *u)
{
	return mono_min(u->next_advertisement, u->next_solicitation);
}
