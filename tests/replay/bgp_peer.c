#include "bgp_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bgp/open.h"
#include "util/mem.h"

static bool
number(const char *word, const char *key, uint64_t max, uint64_t *ret_value)
{
	size_t len = strlen(key);

	return !strncmp(word, key, len) && word[len] == '=' &&
	    !str_parse_uint(word + len + 1, max, ret_value);
}

static uint32_t
address_number(const char *text)
{
	struct ip_addr addr;
	struct rbuf r;

	if (ip_addr_parse(text, &addr) || addr.family != IP_FAMILY_V4)
		return 0;
	rbuf_init(&r, addr.bytes, 4);
	return rbuf_u32(&r);
}

static bool
open_word(const char *w, struct bgp_open *open)
{
	struct bgp_capabilities *c = &open->capabilities;
	uint64_t n;

	if (number(w, "as", UINT32_MAX, &n))
		open->asn = (uint32_t)n;
	else if (number(w, "hold", UINT16_MAX, &n))
		open->hold_time_sec = (uint16_t)n;
	else if (!strncmp(w, "id=", 3))
		open->identifier = address_number(w + 3);
	else if (str_eq(w, "v4"))
		c->families |= BGP_FAMILY_BIT(BGP_IPV4_UNICAST);
	else if (str_eq(w, "v6"))
		c->families |= BGP_FAMILY_BIT(BGP_IPV6_UNICAST);
	else if (str_eq(w, "as4"))
		c->as4 = true;
	else if (str_eq(w, "refresh"))
		c->route_refresh = true;
	else if (str_eq(w, "extended-next-hop"))
		c->extended_next_hop = true;
	else if (number(w, "gr", BGP_RESTART_TIME_MAX_SEC, &n)) {
		c->graceful_restart = true;
		c->restart_time_sec = (uint16_t)n;
		c->gr_families = c->families;
	} else if (str_eq(w, "R"))
		c->restarting = true;
	else if (str_eq(w, "N"))
		c->gr_notification = true;
	else if (str_eq(w, "F"))
		c->gr_forwarding = c->gr_families;
	else
		return false;
	return true;
}

static bool
notification(char *const *words, unsigned n_words, struct wbuf *w)
{
	struct bgp_error err;
	struct strbuf text = {0};
	uint64_t code, subcode;
	unsigned i;

	if (n_words < 3 || str_parse_uint(words[1], UINT8_MAX, &code) ||
	    str_parse_uint(words[2], UINT8_MAX, &subcode))
		return false;
	for (i = 3; i < n_words; i++)
		strbuf_printf(&text, "%s%s", i > 3 ? " " : "", words[i]);
	bgp_error_cease(&err, (enum bgp_cease)subcode, strbuf_text(&text));
	err.code = (uint8_t)code;
	strbuf_free(&text);
	w->pos += bgp_notification_encode(&err, w->bytes);
	return true;
}

/* "+10.0.0.0/8" and "-10.0.0.0/8", of one family and one kind in a message. */
static bool
update(char *const *words, unsigned n_words, struct wbuf *w, bool as4)
{
	static const uint8_t as4_path[] = {2, 1, 0, 0, 0xfc, 0}, as2_path[] = {2, 1, 0xfc, 0};
	uint8_t bytes[BGP_MESSAGE_MAX_BYTES];
	struct bgp_update u = {0};
	struct bgp_span routes;
	struct ip_prefix prefix = {0};
	struct wbuf nlri;
	bool announce = false;
	unsigned i;

	wbuf_init(&nlri, bytes, sizeof(bytes));
	for (i = 1; i < n_words; i++) {
		announce = words[i][0] == '+';
		if (ip_prefix_parse(words[i] + 1, &prefix))
			return false;
		bgp_nlri_encode(&nlri, &prefix);
	}
	routes = (struct bgp_span){bytes, nlri.pos};
	if (announce) {
		u.attributes.present = BGP_ATTRIBUTE_BIT(BGP_ATTRIBUTE_ORIGIN) |
		    BGP_ATTRIBUTE_BIT(BGP_ATTRIBUTE_AS_PATH);
		u.attributes.as_path = as4 ? (struct bgp_span){as4_path, sizeof(as4_path)}
					   : (struct bgp_span){as2_path, sizeof(as2_path)};
		u.attributes.next_hop = ip_addr_v4(10, 0, 0, 2);
	}
	if (prefix.addr.family == IP_FAMILY_V6 && announce) {
		u.attributes.present |= BGP_ATTRIBUTE_BIT(BGP_ATTRIBUTE_MP_REACH);
		u.attributes.mp_reach = (struct bgp_mp_reach){
		    .afi = BGP_AFI_IPV6, .safi = 1, .nlri = routes};
		u.attributes.mp_reach.next_hop.family = IP_FAMILY_V6;
		u.attributes.mp_reach.next_hop.bytes[0] = 0xfd;
	} else if (prefix.addr.family == IP_FAMILY_V6) {
		u.attributes.present |= BGP_ATTRIBUTE_BIT(BGP_ATTRIBUTE_MP_UNREACH);
		u.attributes.mp_unreach = (struct bgp_mp_unreach){
		    .afi = BGP_AFI_IPV6, .safi = 1, .withdrawn = routes};
	} else if (announce) {
		u.attributes.present |= BGP_ATTRIBUTE_BIT(BGP_ATTRIBUTE_NEXT_HOP);
		u.nlri = routes;
	} else {
		u.withdrawn = routes;
	}
	bgp_update_encode(w, &u);
	return true;
}

static bool
hex(char *const *words, unsigned n_words, struct wbuf *w)
{
	unsigned i;

	for (i = 1; i < n_words; i++) {
		const char *p = words[i];
		unsigned byte;

		for (; p[0] && p[1]; p += 2) {
			if (sscanf(p, "%2x", &byte) != 1)
				return false;
			wbuf_u8(w, (uint8_t)byte);
		}
	}
	return true;
}

static bool
refresh(char *const *words, unsigned n_words, struct wbuf *w)
{
	struct bgp_route_refresh r = {0};
	uint64_t afi, safi, subtype = 0;

	if (n_words < 3 || str_parse_uint(words[1], UINT16_MAX, &afi) ||
	    str_parse_uint(words[2], UINT8_MAX, &safi) ||
	    (n_words > 3 && str_parse_uint(words[3], UINT8_MAX, &subtype)))
		return false;
	r = (struct bgp_route_refresh){(uint16_t)afi, (uint8_t)subtype, (uint8_t)safi};
	bgp_route_refresh_encode(w, &r);
	return true;
}

size_t
bgp_peer_message(char *const *words, unsigned n_words, uint8_t *bytes, size_t size, bool as4)
{
	struct bgp_open open = {0};
	bool good = n_words > 0;
	struct wbuf w;
	unsigned i;

	wbuf_init(&w, bytes, size);
	if (good && str_eq(words[0], "OPEN")) {
		for (i = 1; good && i < n_words; i++)
			good = open_word(words[i], &open);
		open.capabilities.multiprotocol = open.capabilities.families;
		bgp_open_encode(&w, &open);
	} else if (good && str_eq(words[0], "KEEPALIVE")) {
		bgp_keepalive_encode(&w);
	} else if (good && str_eq(words[0], "NOTIFICATION")) {
		good = notification(words, n_words, &w);
	} else if (good && str_eq(words[0], "UPDATE")) {
		good = update(words, n_words, &w, as4);
	} else if (good && str_eq(words[0], "ROUTE-REFRESH")) {
		good = refresh(words, n_words, &w);
	} else if (good && str_eq(words[0], "BYTES")) {
		good = hex(words, n_words, &w);
	} else {
		good = false;
	}
	return good && !w.error ? w.pos : 0;
}

static void
describe_open(const struct bgp_message *message, struct strbuf *sb)
{
	const struct bgp_capabilities *c;
	struct bgp_error err;
	struct bgp_open open;

	if (!bgp_open_decode(message->body, message->body_len, &open, &err)) {
		strbuf_add(sb, " malformed");
		return;
	}
	c = &open.capabilities;
	strbuf_printf(sb, " as=%u hold=%u id=%u.%u.%u.%u", open.asn, open.hold_time_sec,
	    open.identifier >> 24, open.identifier >> 16 & 255, open.identifier >> 8 & 255,
	    open.identifier & 255);
	strbuf_add(sb, c->families & 1 ? " v4" : "");
	strbuf_add(sb, c->families & 2 ? " v6" : "");
	strbuf_add(sb, c->as4 ? " as4" : "");
	strbuf_add(sb, c->route_refresh ? " refresh" : "");
	strbuf_add(sb, c->extended_next_hop ? " extended-next-hop" : "");
	if (c->graceful_restart)
		strbuf_printf(sb, " gr=%u", c->restart_time_sec);
	strbuf_add(sb, c->restarting ? " R" : "");
	strbuf_add(sb, c->gr_notification ? " N" : "");
	strbuf_add(sb, c->gr_forwarding ? " F" : "");
}

static void
describe_prefixes(const struct bgp_span *span, enum bgp_family family, char sign, struct strbuf *sb)
{
	char text[IP_PREFIX_STRLEN];
	struct ip_prefix prefix;
	struct rbuf r;

	rbuf_init(&r, span->bytes, span->len);
	while (bgp_nlri_next(&r, family, &prefix)) {
		ip_prefix_format(&prefix, text);
		strbuf_printf(sb, " %c%s", sign, text);
	}
}

static void
describe_update(const struct bgp_message *message, bool as4, struct strbuf *sb)
{
	const struct bgp_update_context context = {true, as4, true};
	const struct bgp_attributes *a;
	struct bgp_verdict verdict;
	struct bgp_update u;
	size_t i;

	bgp_update_decode(message->body, message->body_len, &context, &u, &verdict);
	a = &u.attributes;
	if (u.end_of_rib) {
		strbuf_printf(sb, " end-of-rib %s", bgp_family_str(u.end_of_rib_family));
		return;
	}
	describe_prefixes(&u.withdrawn, BGP_IPV4_UNICAST, '-', sb);
	describe_prefixes(&a->mp_unreach.withdrawn, a->mp_unreach.family, '-', sb);
	describe_prefixes(&u.nlri, BGP_IPV4_UNICAST, '+', sb);
	describe_prefixes(&a->mp_reach.nlri, a->mp_reach.family, '+', sb);
	if (a->present & BGP_ATTRIBUTE_BIT(BGP_ATTRIBUTE_AS_PATH)) {
		struct rbuf r;

		strbuf_add(sb, " path=");
		rbuf_init(&r, a->as_path.bytes, a->as_path.len);
		rbuf_skip(&r, 2);
		for (i = 0; rbuf_left(&r); i++)
			strbuf_printf(sb, "%s%u", i ? "," : "", as4 ? rbuf_u32(&r) : rbuf_u16(&r));
	}
	if (a->present & BGP_ATTRIBUTE_BIT(BGP_ATTRIBUTE_MED))
		strbuf_printf(sb, " med=%u", a->med);
	if (a->present & BGP_ATTRIBUTE_BIT(BGP_ATTRIBUTE_LOCAL_PREF))
		strbuf_printf(sb, " pref=%u", a->local_pref);
	for (i = 0; i < a->communities.len; i += 4) {
		const uint8_t *b = a->communities.bytes + i;

		strbuf_printf(sb, " %u:%u", b[0] << 8 | b[1], b[2] << 8 | b[3]);
	}
}

void
bgp_peer_describe(const struct bgp_message *message, bool as4, struct strbuf *sb)
{
	char text[BGP_ERROR_STRLEN];
	struct bgp_error err;

	strbuf_add(sb, bgp_message_type_str(message->type));
	switch (message->type) {
	case BGP_MESSAGE_OPEN:
		describe_open(message, sb);
		break;
	case BGP_MESSAGE_UPDATE:
		describe_update(message, as4, sb);
		break;
	case BGP_MESSAGE_NOTIFICATION:
		bgp_notification_decode(message->body, message->body_len, &err);
		bgp_error_str(&err, text);
		strbuf_printf(sb, " %s", text);
		break;
	case BGP_MESSAGE_KEEPALIVE:
	case BGP_MESSAGE_ROUTE_REFRESH:
	case BGP_MESSAGE_TYPE_COUNT:
		break;
	}
}
