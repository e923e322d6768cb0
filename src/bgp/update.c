#include "bgp/update.h"

#include <stdio.h>
#include <string.h>

#define ATTR(type) BGP_ATTRIBUTE_BIT(BGP_ATTRIBUTE_##type)

static void
check_prefixes(const struct bgp_span *span, struct bgp_verdict *verdict)
{
	struct ip_prefix prefix;
	struct rbuf r;

	rbuf_init(&r, span->bytes, span->len);
	while (bgp_nlri_next(&r, BGP_IPV4_UNICAST, &prefix))
		;
	if (r.error)
		bgp_verdict_reset(verdict, BGP_FAULT_PREFIX, 0, BGP_UPDATE_BAD_NETWORK, NULL, 0);
}

/* RFC 4271 5 and 6.3; RFC 7606 3d: treated as withdraw. */
static void
check_mandatory(const struct bgp_update *update, const struct bgp_update_context *context,
    struct bgp_verdict *verdict)
{
	uint64_t wanted = ATTR(ORIGIN) | ATTR(AS_PATH), missing;
	uint8_t type = 0;

	if (!update->nlri.len && !(update->attributes.present & ATTR(MP_REACH)))
		return;
	if (update->nlri.len)
		wanted |= ATTR(NEXT_HOP);
	if (context->internal)
		wanted |= ATTR(LOCAL_PREF);
	missing = wanted & ~update->attributes.present;
	if (!missing)
		return;
	while (!(missing & BGP_ATTRIBUTE_BIT(type)))
		type++;
	bgp_verdict_add(verdict, BGP_TREATMENT_WITHDRAW, BGP_FAULT_MISSING, type);
}

/* RFC 7606 5.2: where no route is announced but an attribute is wrong, nobody knows which routes
 * were meant. */
static void
check_without_routes(const struct bgp_update *update, struct bgp_verdict *verdict)
{
	if (verdict->treatment != BGP_TREATMENT_WITHDRAW || update->nlri.len ||
	    (update->attributes.present & ATTR(MP_REACH)) ||
	    verdict->attribute == BGP_ATTRIBUTE_MP_UNREACH)
		return;
	bgp_verdict_reset(
	    verdict, verdict->fault, verdict->attribute, BGP_UPDATE_MALFORMED_LIST, NULL, 0);
}

static void
find_end_of_rib(struct bgp_update *update, size_t body_len, size_t attributes_len)
{
	const struct bgp_mp_unreach *unreach = &update->attributes.mp_unreach;

	if (body_len == 4) {
		update->end_of_rib = true;
		update->end_of_rib_family = BGP_IPV4_UNICAST;
	} else if (update->attributes.present == ATTR(MP_UNREACH) && unreach->known &&
	    !unreach->withdrawn.len && body_len == 4 + attributes_len && attributes_len <= 3 + 4) {
		update->end_of_rib = true;
		update->end_of_rib_family = unreach->family;
	}
}

void
bgp_update_decode(const uint8_t *body, size_t len, const struct bgp_update_context *context,
    struct bgp_update *ret_update, struct bgp_verdict *ret_verdict)
{
	struct bgp_update *u = ret_update;
	struct rbuf r, withdrawn, attributes;

	*u = (struct bgp_update){0};
	*ret_verdict = (struct bgp_verdict){0};
	rbuf_init(&r, body, len);
	withdrawn = rbuf_sub(&r, rbuf_u16(&r));
	attributes = rbuf_sub(&r, rbuf_u16(&r));
	if (r.error) {
		/* RFC 4271 6.3, first paragraph; RFC 7606 3b. */
		bgp_verdict_reset(
		    ret_verdict, BGP_FAULT_MESSAGE_LENGTHS, 0, BGP_UPDATE_MALFORMED_LIST, NULL, 0);
		return;
	}
	u->withdrawn = (struct bgp_span){withdrawn.bytes, withdrawn.len};
	u->nlri = (struct bgp_span){r.bytes + r.pos, r.len - r.pos};
	check_prefixes(&u->withdrawn, ret_verdict);
	check_prefixes(&u->nlri, ret_verdict);
	bgp_attributes_decode(
	    attributes.bytes, attributes.len, context, &u->attributes, ret_verdict);
	check_mandatory(u, context, ret_verdict);
	check_without_routes(u, ret_verdict);
	find_end_of_rib(u, len, attributes.len);
}

void
bgp_update_encode(struct wbuf *w, const struct bgp_update *u)
{
	size_t start = w->pos, list;

	bgp_message_begin(w, BGP_MESSAGE_UPDATE);
	wbuf_u16(w, (uint16_t)u->withdrawn.len);
	wbuf_copy(w, u->withdrawn.bytes, u->withdrawn.len);
	list = w->pos;
	wbuf_u16(w, 0);
	bgp_attributes_encode(w, &u->attributes);
	wbuf_patch_u16(w, list, (uint16_t)(w->pos - list - 2));
	wbuf_copy(w, u->nlri.bytes, u->nlri.len);
	bgp_message_end(w, start);
}

void
bgp_end_of_rib_encode(struct wbuf *w, enum bgp_family family)
{
	struct bgp_update u = {0};

	if (family != BGP_IPV4_UNICAST) {
		u.attributes.present = ATTR(MP_UNREACH);
		u.attributes.mp_unreach.afi = bgp_family_afi(family);
		u.attributes.mp_unreach.safi = BGP_SAFI_UNICAST;
	}
	bgp_update_encode(w, &u);
}

void
bgp_verdict_str(const struct bgp_verdict *verdict, char out[BGP_VERDICT_STRLEN])
{
	const char *name = bgp_attribute_str(verdict->attribute);
	char number[24];

	if (!name && verdict->attribute) {
		(void)snprintf(number, sizeof(number), "attribute %u", verdict->attribute);
		name = number;
	}
	(void)snprintf(out, BGP_VERDICT_STRLEN, "%s%s%s, %s", name ? name : "", name ? ": " : "",
	    bgp_fault_str(verdict->fault), bgp_treatment_str(verdict->treatment));
}
