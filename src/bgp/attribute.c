#include "bgp/attribute.h"

#include <assert.h>
#include <string.h>

#define FLAG_OPTIONAL 0x80
#define FLAG_TRANSITIVE 0x40
#define FLAG_EXTENDED 0x10
#define WELL_KNOWN FLAG_TRANSITIVE
#define NON_TRANSITIVE FLAG_OPTIONAL
#define TRANSITIVE (FLAG_OPTIONAL | FLAG_TRANSITIVE)
#define TYPES 33

struct decoder {
	const struct bgp_update_context *context;
	struct bgp_attributes *attributes;
	struct bgp_verdict *verdict;
};

/* Reads a value whose length fits the row's rule; the fault, if it has one. */
typedef enum bgp_fault (*decode_fn)(struct decoder *d, uint8_t type, struct rbuf *value);

static enum bgp_fault decode_origin(struct decoder *d, uint8_t type, struct rbuf *value);
static enum bgp_fault decode_as_path(struct decoder *d, uint8_t type, struct rbuf *value);
static enum bgp_fault decode_as4_path(struct decoder *d, uint8_t type, struct rbuf *value);
static enum bgp_fault decode_next_hop(struct decoder *d, uint8_t type, struct rbuf *value);
static enum bgp_fault decode_number(struct decoder *d, uint8_t type, struct rbuf *value);
static enum bgp_fault decode_communities(struct decoder *d, uint8_t type, struct rbuf *value);
static enum bgp_fault decode_aggregator(struct decoder *d, uint8_t type, struct rbuf *value);
static enum bgp_fault decode_nothing(struct decoder *d, uint8_t type, struct rbuf *value);
static enum bgp_fault decode_mp_reach(struct decoder *d, uint8_t type, struct rbuf *value);
static enum bgp_fault decode_mp_unreach(struct decoder *d, uint8_t type, struct rbuf *value);

/*
 * RFC 7606 7, one row each. Length: exactly `len` octets, or, with `multiple`, a multiple of it but
 * zero; with len 0 and `multiple` any.
 */
static const struct type_row {
	const char *name;
	uint8_t flags, len;
	bool multiple, internal_only, old_only; /* old: from speakers of two-octet AS numbers */
	enum bgp_treatment malformed;
	decode_fn decode;
} types[TYPES] = {
    [BGP_ATTRIBUTE_ORIGIN] = {"ORIGIN", WELL_KNOWN, 1, false, false, false, BGP_TREATMENT_WITHDRAW,
	decode_origin},
    [BGP_ATTRIBUTE_AS_PATH] = {"AS_PATH", WELL_KNOWN, 0, true, false, false, BGP_TREATMENT_WITHDRAW,
	decode_as_path},
    [BGP_ATTRIBUTE_NEXT_HOP] = {"NEXT_HOP", WELL_KNOWN, 4, false, false, false,
	BGP_TREATMENT_WITHDRAW, decode_next_hop},
    [BGP_ATTRIBUTE_MED] = {"MULTI_EXIT_DISC", NON_TRANSITIVE, 4, false, false, false,
	BGP_TREATMENT_WITHDRAW, decode_number},
    [BGP_ATTRIBUTE_LOCAL_PREF] = {"LOCAL_PREF", WELL_KNOWN, 4, false, true, false,
	BGP_TREATMENT_WITHDRAW, decode_number},
    [BGP_ATTRIBUTE_ATOMIC_AGGREGATE] = {"ATOMIC_AGGREGATE", WELL_KNOWN, 0, false, false, false,
	BGP_TREATMENT_DISCARD, decode_nothing},
    [BGP_ATTRIBUTE_AGGREGATOR] = {"AGGREGATOR", TRANSITIVE, 0, true, false, false,
	BGP_TREATMENT_DISCARD, decode_aggregator},
    [BGP_ATTRIBUTE_COMMUNITIES] = {"COMMUNITIES", TRANSITIVE, 4, true, false, false,
	BGP_TREATMENT_WITHDRAW, decode_communities},
    [BGP_ATTRIBUTE_ORIGINATOR_ID] = {"ORIGINATOR_ID", NON_TRANSITIVE, 4, false, true, false,
	BGP_TREATMENT_WITHDRAW, decode_nothing},
    [BGP_ATTRIBUTE_CLUSTER_LIST] = {"CLUSTER_LIST", NON_TRANSITIVE, 4, true, true, false,
	BGP_TREATMENT_WITHDRAW, decode_nothing},
    [BGP_ATTRIBUTE_MP_REACH] = {"MP_REACH_NLRI", NON_TRANSITIVE, 0, true, false, false,
	BGP_TREATMENT_RESET, decode_mp_reach},
    [BGP_ATTRIBUTE_MP_UNREACH] = {"MP_UNREACH_NLRI", NON_TRANSITIVE, 0, true, false, false,
	BGP_TREATMENT_RESET, decode_mp_unreach},
    [BGP_ATTRIBUTE_EXTENDED_COMMUNITIES] = {"EXTENDED_COMMUNITIES", TRANSITIVE, 8, true, false,
	false, BGP_TREATMENT_WITHDRAW, decode_communities},
    /* RFC 6793 6. */
    [BGP_ATTRIBUTE_AS4_PATH] = {"AS4_PATH", TRANSITIVE, 0, true, false, true, BGP_TREATMENT_DISCARD,
	decode_as4_path},
    [BGP_ATTRIBUTE_AS4_AGGREGATOR] = {"AS4_AGGREGATOR", TRANSITIVE, 8, false, false, true,
	BGP_TREATMENT_DISCARD, decode_nothing},
    [BGP_ATTRIBUTE_IPV6_EXTENDED_COMMUNITIES] = {"IPV6_EXTENDED_COMMUNITIES", TRANSITIVE, 20, true,
	false, false, BGP_TREATMENT_WITHDRAW, decode_nothing},
    /* RFC 8092 6. */
    [BGP_ATTRIBUTE_LARGE_COMMUNITIES] = {"LARGE_COMMUNITIES", TRANSITIVE, 12, true, false, false,
	BGP_TREATMENT_WITHDRAW, decode_communities},
};

static const char *const treatments[] = {
    [BGP_TREATMENT_NONE] = "none",
    [BGP_TREATMENT_DISCARD] = "attribute discarded",
    [BGP_TREATMENT_WITHDRAW] = "treated as withdraw",
    [BGP_TREATMENT_RESET] = "session reset",
};
static_assert(sizeof(treatments) / sizeof(treatments[0]) == BGP_TREATMENT_COUNT, "each");

static const char *const faults[] = {
    [BGP_FAULT_NONE] = "none",
    [BGP_FAULT_MESSAGE_LENGTHS] = "length fields do not fit the message",
    [BGP_FAULT_LIST_OVERRUN] = "passes the end of the attribute list",
    [BGP_FAULT_FLAGS] = "wrong flags",
    [BGP_FAULT_LENGTH] = "wrong length",
    [BGP_FAULT_VALUE] = "invalid value",
    [BGP_FAULT_REPEATED] = "repeated",
    [BGP_FAULT_MP_REPEATED] = "repeated",
    [BGP_FAULT_UNKNOWN] = "unknown and not optional",
    [BGP_FAULT_MISSING] = "missing",
    [BGP_FAULT_NOT_FROM_EXTERNAL] = "not for external peers",
    [BGP_FAULT_NOT_FROM_AS4] = "not together with four-octet AS numbers",
    [BGP_FAULT_NEXT_HOP] = "next hop of a wrong length",
    [BGP_FAULT_PREFIX] = "malformed prefix",
};
static_assert(sizeof(faults) / sizeof(faults[0]) == BGP_FAULT_COUNT, "each");

void
bgp_verdict_add(struct bgp_verdict *verdict, enum bgp_treatment treatment, enum bgp_fault fault,
    uint8_t attribute)
{
	if (treatment == BGP_TREATMENT_DISCARD)
		verdict->discarded++;
	if (treatment <= verdict->treatment)
		return;
	verdict->treatment = treatment;
	verdict->fault = fault;
	verdict->attribute = attribute;
}

void
bgp_verdict_reset(struct bgp_verdict *verdict, enum bgp_fault fault, uint8_t attribute,
    enum bgp_update_error subcode, const void *data, size_t len)
{
	if (verdict->treatment != BGP_TREATMENT_RESET)
		bgp_error_set(&verdict->error, BGP_ERROR_UPDATE, subcode, data, len);
	bgp_verdict_add(verdict, BGP_TREATMENT_RESET, fault, attribute);
}

static enum bgp_fault
decode_origin(struct decoder *d, uint8_t type, struct rbuf *value)
{
	(void)type;
	d->attributes->origin = rbuf_u8(value);
	return d->attributes->origin > BGP_ORIGIN_INCOMPLETE ? BGP_FAULT_VALUE : BGP_FAULT_NONE;
}

/* RFC 7606 7.2. Confederation segments are malformed too: we are in none (RFC 5065 5). AS 0: RFC
 * 7607 2. */
static enum bgp_fault
check_segments(struct rbuf r, size_t as_bytes)
{
	while (rbuf_left(&r)) {
		uint8_t type = rbuf_u8(&r), n = rbuf_u8(&r);

		if (type != BGP_SEGMENT_SET && type != BGP_SEGMENT_SEQUENCE)
			return BGP_FAULT_VALUE;
		if (!n || rbuf_left(&r) < n * as_bytes)
			return BGP_FAULT_VALUE;
		while (n--)
			if (!(as_bytes == 4 ? rbuf_u32(&r) : rbuf_u16(&r)))
				return BGP_FAULT_VALUE;
	}
	return r.error ? BGP_FAULT_VALUE : BGP_FAULT_NONE;
}

static struct bgp_span
whole(const struct rbuf *value)
{
	return (struct bgp_span){value->bytes, value->len};
}

static enum bgp_fault
decode_as_path(struct decoder *d, uint8_t type, struct rbuf *value)
{
	(void)type;
	d->attributes->as_path = whole(value);
	return check_segments(*value, d->context->as4 ? 4 : 2);
}

static enum bgp_fault
decode_as4_path(struct decoder *d, uint8_t type, struct rbuf *value)
{
	(void)type;
	d->attributes->as4_path = whole(value);
	return value->len ? check_segments(*value, 4) : BGP_FAULT_LENGTH;
}

static enum bgp_fault
decode_next_hop(struct decoder *d, uint8_t type, struct rbuf *value)
{
	(void)type;
	d->attributes->next_hop = ip_addr_from_bytes(IP_FAMILY_V4, value->bytes);
	return BGP_FAULT_NONE;
}

static enum bgp_fault
decode_number(struct decoder *d, uint8_t type, struct rbuf *value)
{
	uint32_t number = rbuf_u32(value);

	if (type == BGP_ATTRIBUTE_MED)
		d->attributes->med = number;
	else
		d->attributes->local_pref = number;
	return BGP_FAULT_NONE;
}

static enum bgp_fault
decode_communities(struct decoder *d, uint8_t type, struct rbuf *value)
{
	if (type == BGP_ATTRIBUTE_COMMUNITIES)
		d->attributes->communities = whole(value);
	else if (type == BGP_ATTRIBUTE_EXTENDED_COMMUNITIES)
		d->attributes->extended_communities = whole(value);
	else
		d->attributes->large_communities = whole(value);
	return BGP_FAULT_NONE;
}

static enum bgp_fault
decode_aggregator(struct decoder *d, uint8_t type, struct rbuf *value)
{
	(void)type;
	return value->len == (d->context->as4 ? 8U : 6U) ? BGP_FAULT_NONE : BGP_FAULT_LENGTH;
}

static enum bgp_fault
decode_nothing(struct decoder *d, uint8_t type, struct rbuf *value)
{
	(void)d;
	(void)type;
	(void)value;
	return BGP_FAULT_NONE;
}

static bool
nlri_is_well_formed(struct rbuf r, enum bgp_family family)
{
	struct ip_prefix prefix;

	while (bgp_nlri_next(&r, family, &prefix))
		;
	return !r.error;
}

static bool
decode_mp_next_hop(struct decoder *d, struct rbuf *next_hop, struct bgp_mp_reach *reach)
{
	bool v6 = reach->family == BGP_IPV6_UNICAST || d->context->extended_next_hop;
	uint8_t bytes[16];

	if (reach->family == BGP_IPV4_UNICAST && next_hop->len == 4) {
		reach->next_hop = ip_addr_from_bytes(IP_FAMILY_V4, next_hop->bytes);
		return true;
	}
	if (!v6 || (next_hop->len != 16 && next_hop->len != 32))
		return false;
	rbuf_copy(next_hop, bytes, sizeof(bytes));
	reach->next_hop = ip_addr_from_bytes(IP_FAMILY_V6, bytes);
	if (next_hop->len == 32) {
		rbuf_copy(next_hop, bytes, sizeof(bytes));
		reach->link_local = ip_addr_from_bytes(IP_FAMILY_V6, bytes);
	}
	return true;
}

/* RFC 4760 3; RFC 7606 7.11 and 5.3: where the routes cannot be found, the session ends. */
static enum bgp_fault
decode_mp_reach(struct decoder *d, uint8_t type, struct rbuf *value)
{
	struct bgp_mp_reach *reach = &d->attributes->mp_reach;
	struct rbuf next_hop, nlri;

	(void)type;
	reach->afi = rbuf_u16(value);
	reach->safi = rbuf_u8(value);
	next_hop = rbuf_sub(value, rbuf_u8(value));
	rbuf_skip(value, 1);
	if (value->error)
		return BGP_FAULT_LENGTH;
	nlri = rbuf_sub(value, rbuf_left(value));
	reach->nlri = whole(&nlri);
	reach->known = bgp_family_from_wire(reach->afi, reach->safi, &reach->family);
	if (!reach->known)
		return BGP_FAULT_NONE;
	if (!decode_mp_next_hop(d, &next_hop, reach))
		return BGP_FAULT_NEXT_HOP;
	return nlri_is_well_formed(nlri, reach->family) ? BGP_FAULT_NONE : BGP_FAULT_PREFIX;
}

static enum bgp_fault
decode_mp_unreach(struct decoder *d, uint8_t type, struct rbuf *value)
{
	struct bgp_mp_unreach *unreach = &d->attributes->mp_unreach;
	struct rbuf nlri;

	(void)type;
	unreach->afi = rbuf_u16(value);
	unreach->safi = rbuf_u8(value);
	if (value->error)
		return BGP_FAULT_LENGTH;
	nlri = rbuf_sub(value, rbuf_left(value));
	unreach->withdrawn = whole(&nlri);
	unreach->known = bgp_family_from_wire(unreach->afi, unreach->safi, &unreach->family);
	if (!unreach->known || nlri_is_well_formed(nlri, unreach->family))
		return BGP_FAULT_NONE;
	return BGP_FAULT_PREFIX;
}

static bool
length_fits(const struct type_row *row, size_t len)
{
	if (!row->multiple)
		return len == row->len;
	return !row->len || (len && len % row->len == 0);
}

static void
malformed(struct decoder *d, uint8_t type, enum bgp_fault fault, const struct bgp_span *attribute)
{
	if (types[type].malformed == BGP_TREATMENT_RESET)
		bgp_verdict_reset(d->verdict, fault, type, BGP_UPDATE_BAD_OPTIONAL,
		    attribute->bytes, attribute->len);
	else
		bgp_verdict_add(d->verdict, types[type].malformed, fault, type);
}

/* An attribute of a type that we know, for the first time. */
static void
decode_known(
    struct decoder *d, uint8_t flags, uint8_t type, struct rbuf *value, struct bgp_span attribute)
{
	const struct type_row *row = &types[type];
	enum bgp_fault fault = BGP_FAULT_NONE;

	/* RFC 7606 3c. The value is read all the same: MP_REACH_NLRI tells which routes. */
	if ((flags & TRANSITIVE) != row->flags)
		bgp_verdict_add(d->verdict, BGP_TREATMENT_WITHDRAW, BGP_FAULT_FLAGS, type);
	if (row->internal_only && !d->context->internal) {
		bgp_verdict_add(
		    d->verdict, BGP_TREATMENT_DISCARD, BGP_FAULT_NOT_FROM_EXTERNAL, type);
		return;
	}
	if (row->old_only && d->context->as4) {
		bgp_verdict_add(d->verdict, BGP_TREATMENT_DISCARD, BGP_FAULT_NOT_FROM_AS4, type);
		return;
	}
	if (!length_fits(row, value->len))
		fault = BGP_FAULT_LENGTH;
	else
		fault = row->decode(d, type, value);
	if (fault != BGP_FAULT_NONE)
		malformed(d, type, fault, &attribute);
	else if (row->decode != decode_nothing && row->decode != decode_aggregator)
		d->attributes->present |= BGP_ATTRIBUTE_BIT(type);
}

static void
decode_attribute(struct decoder *d, uint8_t flags, uint8_t type, struct rbuf *value,
    struct bgp_span attribute, uint8_t seen[32])
{
	uint8_t bit = (uint8_t)(1U << (type % 8));
	bool again = seen[type / 8] & bit;

	seen[type / 8] |= bit;
	if (again && (type == BGP_ATTRIBUTE_MP_REACH || type == BGP_ATTRIBUTE_MP_UNREACH)) {
		/* RFC 7606 3g. */
		bgp_verdict_reset(
		    d->verdict, BGP_FAULT_MP_REPEATED, type, BGP_UPDATE_MALFORMED_LIST, NULL, 0);
	} else if (again) {
		bgp_verdict_add(d->verdict, BGP_TREATMENT_DISCARD, BGP_FAULT_REPEATED, type);
	} else if (type < TYPES && types[type].name) {
		decode_known(d, flags, type, value, attribute);
	} else if (!(flags & FLAG_OPTIONAL)) {
		/* RFC 4271 6.3, which RFC 7606 leaves as it is. */
		bgp_verdict_reset(d->verdict, BGP_FAULT_UNKNOWN, type,
		    BGP_UPDATE_UNKNOWN_WELL_KNOWN, attribute.bytes, attribute.len);
	}
}

void
bgp_attributes_decode(const uint8_t *bytes, size_t len, const struct bgp_update_context *context,
    struct bgp_attributes *ret_attributes, struct bgp_verdict *verdict)
{
	struct decoder d = {context, ret_attributes, verdict};
	uint8_t seen[32] = {0};
	struct rbuf r;

	*ret_attributes = (struct bgp_attributes){0};
	rbuf_init(&r, bytes, len);
	while (rbuf_left(&r) && verdict->treatment != BGP_TREATMENT_RESET) {
		size_t start = r.pos;
		uint8_t flags = rbuf_u8(&r), type = rbuf_u8(&r);
		size_t n = flags & FLAG_EXTENDED ? rbuf_u16(&r) : rbuf_u8(&r);
		struct rbuf value = rbuf_sub(&r, n);

		if (r.error) {
			/* RFC 7606 4: both cases. */
			bgp_verdict_add(verdict, BGP_TREATMENT_WITHDRAW, BGP_FAULT_LIST_OVERRUN,
			    len - start >= 2 ? type : 0);
			return;
		}
		decode_attribute(
		    &d, flags, type, &value, (struct bgp_span){bytes + start, r.pos - start}, seen);
	}
}

static void
encode_header(struct wbuf *w, uint8_t type, size_t len)
{
	uint8_t flags = types[type].flags;

	wbuf_u8(w, len > UINT8_MAX ? flags | FLAG_EXTENDED : flags);
	wbuf_u8(w, type);
	if (len > UINT8_MAX)
		wbuf_u16(w, (uint16_t)len);
	else
		wbuf_u8(w, (uint8_t)len);
}

static void
encode_span(struct wbuf *w, uint8_t type, const struct bgp_span *span)
{
	encode_header(w, type, span->len);
	wbuf_copy(w, span->bytes, span->len);
}

static void
encode_number(struct wbuf *w, uint8_t type, uint32_t number)
{
	encode_header(w, type, 4);
	wbuf_u32(w, number);
}

static void
encode_mp_reach(struct wbuf *w, const struct bgp_mp_reach *reach)
{
	size_t first = ip_family_size((enum ip_family)reach->next_hop.family);
	size_t second = ip_family_size((enum ip_family)reach->link_local.family);

	encode_header(w, BGP_ATTRIBUTE_MP_REACH, 5 + first + second + reach->nlri.len);
	wbuf_u16(w, reach->afi);
	wbuf_u8(w, reach->safi);
	wbuf_u8(w, (uint8_t)(first + second));
	wbuf_copy(w, reach->next_hop.bytes, first);
	wbuf_copy(w, reach->link_local.bytes, second);
	wbuf_u8(w, 0);
	wbuf_copy(w, reach->nlri.bytes, reach->nlri.len);
}

static void
encode_mp_unreach(struct wbuf *w, const struct bgp_mp_unreach *unreach)
{
	encode_header(w, BGP_ATTRIBUTE_MP_UNREACH, 3 + unreach->withdrawn.len);
	wbuf_u16(w, unreach->afi);
	wbuf_u8(w, unreach->safi);
	wbuf_copy(w, unreach->withdrawn.bytes, unreach->withdrawn.len);
}

void
bgp_attributes_encode(struct wbuf *w, const struct bgp_attributes *a)
{
	uint64_t present = a->present;

	if (present & BGP_ATTRIBUTE_BIT(BGP_ATTRIBUTE_MP_REACH))
		encode_mp_reach(w, &a->mp_reach);
	if (present & BGP_ATTRIBUTE_BIT(BGP_ATTRIBUTE_MP_UNREACH))
		encode_mp_unreach(w, &a->mp_unreach);
	if (present & BGP_ATTRIBUTE_BIT(BGP_ATTRIBUTE_ORIGIN))
		encode_span(w, BGP_ATTRIBUTE_ORIGIN, &(struct bgp_span){&a->origin, 1});
	if (present & BGP_ATTRIBUTE_BIT(BGP_ATTRIBUTE_AS_PATH))
		encode_span(w, BGP_ATTRIBUTE_AS_PATH, &a->as_path);
	if (present & BGP_ATTRIBUTE_BIT(BGP_ATTRIBUTE_NEXT_HOP))
		encode_span(w, BGP_ATTRIBUTE_NEXT_HOP, &(struct bgp_span){a->next_hop.bytes, 4});
	if (present & BGP_ATTRIBUTE_BIT(BGP_ATTRIBUTE_MED))
		encode_number(w, BGP_ATTRIBUTE_MED, a->med);
	if (present & BGP_ATTRIBUTE_BIT(BGP_ATTRIBUTE_LOCAL_PREF))
		encode_number(w, BGP_ATTRIBUTE_LOCAL_PREF, a->local_pref);
	if (present & BGP_ATTRIBUTE_BIT(BGP_ATTRIBUTE_COMMUNITIES))
		encode_span(w, BGP_ATTRIBUTE_COMMUNITIES, &a->communities);
	if (present & BGP_ATTRIBUTE_BIT(BGP_ATTRIBUTE_EXTENDED_COMMUNITIES))
		encode_span(w, BGP_ATTRIBUTE_EXTENDED_COMMUNITIES, &a->extended_communities);
	if (present & BGP_ATTRIBUTE_BIT(BGP_ATTRIBUTE_AS4_PATH))
		encode_span(w, BGP_ATTRIBUTE_AS4_PATH, &a->as4_path);
	if (present & BGP_ATTRIBUTE_BIT(BGP_ATTRIBUTE_LARGE_COMMUNITIES))
		encode_span(w, BGP_ATTRIBUTE_LARGE_COMMUNITIES, &a->large_communities);
}

bool
bgp_nlri_next(struct rbuf *r, enum bgp_family family, struct ip_prefix *ret_prefix)
{
	enum ip_family ip = bgp_family_ip(family);
	uint8_t bytes[16] = {0};
	unsigned len;

	if (!rbuf_left(r))
		return false;
	len = rbuf_u8(r);
	if (len > 8 * ip_family_size(ip)) {
		r->error = true;
		return false;
	}
	rbuf_copy(r, bytes, (len + 7) / 8);
	if (r->error)
		return false;
	*ret_prefix = ip_prefix_masked(
	    &(struct ip_prefix){ip_addr_from_bytes(ip, bytes), (uint8_t)len});
	return true;
}

void
bgp_nlri_encode(struct wbuf *w, const struct ip_prefix *prefix)
{
	wbuf_u8(w, prefix->len);
	wbuf_copy(w, prefix->addr.bytes, (prefix->len + 7U) / 8);
}

const char *
bgp_attribute_str(uint8_t type)
{
	return type < TYPES ? types[type].name : NULL;
}

const char *
bgp_treatment_str(enum bgp_treatment treatment)
{
	return treatments[treatment];
}

const char *
bgp_fault_str(enum bgp_fault fault)
{
	return faults[fault];
}
