/*
 * attribute: path attributes, bytes <-> struct (RFC 4271 4.3 and 5, 1997, 2545, 4360, 4760, 6793,
 * 8092, 8950). Received ones are judged by RFC 7606: what is wrong never ends more than that RFC
 * says.
 *
 * The struct borrows: variable parts point into the message, or into an attribute_set.
 */
#ifndef BGP_ATTRIBUTE_H
#define BGP_ATTRIBUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bgp/message.h"
#include "bgp/notification.h"
#include "bgp/span.h"
#include "util/addr.h"
#include "util/buf.h"

enum bgp_attribute_type {
	BGP_ATTRIBUTE_ORIGIN = 1,
	BGP_ATTRIBUTE_AS_PATH,
	BGP_ATTRIBUTE_NEXT_HOP,
	BGP_ATTRIBUTE_MED,
	BGP_ATTRIBUTE_LOCAL_PREF,
	BGP_ATTRIBUTE_ATOMIC_AGGREGATE,
	BGP_ATTRIBUTE_AGGREGATOR,
	BGP_ATTRIBUTE_COMMUNITIES,
	BGP_ATTRIBUTE_ORIGINATOR_ID,
	BGP_ATTRIBUTE_CLUSTER_LIST,
	BGP_ATTRIBUTE_MP_REACH = 14,
	BGP_ATTRIBUTE_MP_UNREACH,
	BGP_ATTRIBUTE_EXTENDED_COMMUNITIES,
	BGP_ATTRIBUTE_AS4_PATH,
	BGP_ATTRIBUTE_AS4_AGGREGATOR,
	BGP_ATTRIBUTE_IPV6_EXTENDED_COMMUNITIES = 25,
	BGP_ATTRIBUTE_LARGE_COMMUNITIES = 32
};

#define BGP_ATTRIBUTE_BIT(type) (UINT64_C(1) << (type))

enum bgp_origin {
	BGP_ORIGIN_IGP,
	BGP_ORIGIN_EGP,
	BGP_ORIGIN_INCOMPLETE
};

#define BGP_SEGMENT_SET 1
#define BGP_SEGMENT_SEQUENCE 2
#define BGP_GRACEFUL_SHUTDOWN UINT32_C(0xffff0000) /* RFC 8326 5 */

/* What RFC 7606 2 knows, the weakest first. */
enum bgp_treatment {
	BGP_TREATMENT_NONE, /* well-formed */
	BGP_TREATMENT_DISCARD,
	BGP_TREATMENT_WITHDRAW,
	BGP_TREATMENT_RESET,
	BGP_TREATMENT_COUNT
};

/* What is wrong with an UPDATE. */
enum bgp_fault {
	BGP_FAULT_NONE,
	BGP_FAULT_MESSAGE_LENGTHS,   /* the two length fields do not fit the message */
	BGP_FAULT_LIST_OVERRUN,      /* the last attribute passes the end of the list */
	BGP_FAULT_FLAGS,             /* Optional or Transitive not as the type has them */
	BGP_FAULT_LENGTH,            /* a length that the type cannot have */
	BGP_FAULT_VALUE,             /* ORIGIN, or a segment of AS_PATH */
	BGP_FAULT_REPEATED,          /* the type was there before */
	BGP_FAULT_MP_REPEATED,       /* MP_REACH_NLRI or MP_UNREACH_NLRI was */
	BGP_FAULT_UNKNOWN,           /* not optional, and of no type that we know */
	BGP_FAULT_MISSING,           /* a mandatory one is not there */
	BGP_FAULT_NOT_FROM_EXTERNAL, /* for internal peers only (LOCAL_PREF, ...) */
	BGP_FAULT_NOT_FROM_AS4,      /* AS4_PATH from who has four-octet AS numbers */
	BGP_FAULT_NEXT_HOP,          /* MP_REACH_NLRI: its length does not suit the family */
	BGP_FAULT_PREFIX,            /* a prefix too long for its family, or cut off */
	BGP_FAULT_COUNT
};

struct bgp_mp_reach {
	bool known; /* a family of ours; else only afi, safi and nlri (of whatever form) are set */
	enum bgp_family family;
	uint16_t afi;
	uint8_t safi;
	struct ip_addr next_hop;   /* as RFC 8950: IPv6 is possible for IPv4 routes */
	struct ip_addr link_local; /* IP_FAMILY_NONE: none */
	struct bgp_span nlri;
};

struct bgp_mp_unreach {
	bool known;
	enum bgp_family family;
	uint16_t afi;
	uint8_t safi;
	struct bgp_span withdrawn;
};

struct bgp_attributes {
	uint64_t present; /* BGP_ATTRIBUTE_BIT() of those below; others are only judged */
	uint8_t origin;   /* enum bgp_origin */
	struct bgp_span
	    as_path; /* segments; AS numbers of 4 octets if the session has them, else 2 */
	struct ip_addr next_hop; /* IPv4 */
	uint32_t med, local_pref;
	struct bgp_span communities, extended_communities, large_communities;
	struct bgp_span as4_path;
	struct bgp_mp_reach mp_reach;
	struct bgp_mp_unreach mp_unreach;
};

/* What a session says about how to read an UPDATE. */
struct bgp_update_context {
	bool internal;          /* iBGP */
	bool as4;               /* both sides have four-octet AS numbers */
	bool extended_next_hop; /* RFC 8950 negotiated */
};

/* The strongest treatment that was due, and for what. */
struct bgp_verdict {
	enum bgp_treatment treatment;
	enum bgp_fault fault;   /* the first one that asks for it */
	uint8_t attribute;      /* its type, 0: none in particular */
	unsigned discarded;     /* attributes */
	struct bgp_error error; /* with BGP_TREATMENT_RESET: the NOTIFICATION */
};

void bgp_verdict_add(struct bgp_verdict *verdict, enum bgp_treatment treatment,
    enum bgp_fault fault, uint8_t attribute);
/* The same for a reset; data: as RFC 4271 6.3 says for subcode. */
void bgp_verdict_reset(struct bgp_verdict *verdict, enum bgp_fault fault, uint8_t attribute,
    enum bgp_update_error subcode, const void *data, size_t len);

/*
 * A path attribute list. All of it is read, so that all routes are found even where some attribute
 * is malformed (RFC 7606 3h), except after a fault that resets. verdict is added to.
 */
void
bgp_attributes_decode(const uint8_t *bytes, size_t len, const struct bgp_update_context *context,
    struct bgp_attributes *ret_attributes, struct bgp_verdict *verdict);
/* Those of `present`: MP_REACH_NLRI and MP_UNREACH_NLRI first (RFC 7606 5.1), then by type. */
void bgp_attributes_encode(struct wbuf *w, const struct bgp_attributes *attributes);

/*
 * The next prefix of an NLRI field (RFC 4271 4.3), host bits zero. False at the end, or with
 * r->error set when it is malformed.
 */
bool bgp_nlri_next(struct rbuf *r, enum bgp_family family, struct ip_prefix *ret_prefix);
void bgp_nlri_encode(struct wbuf *w, const struct ip_prefix *prefix);
#define BGP_NLRI_MAX_BYTES 17

/* "ORIGIN", or NULL for a type that we do not know. */
const char *bgp_attribute_str(uint8_t type);
const char *bgp_treatment_str(enum bgp_treatment treatment);
const char *bgp_fault_str(enum bgp_fault fault);

#endif
