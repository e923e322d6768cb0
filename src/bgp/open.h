/*
 * open: the OPEN message (RFC 4271 4.2, RFC 9072) and the capabilities in it (RFC 5492). Decoding
 * checks the form; whether the values suit a peer is the session's business.
 *
 * Capabilities: 1 multiprotocol (RFC 4760), 2 route refresh (RFC 2918), 5 extended next hop (RFC
 * 8950), 64 graceful restart (RFC 4724, RFC 8538), 65 four-octet AS numbers (RFC 6793). Others of
 * the peer are remembered by their code, for people.
 */
#ifndef BGP_OPEN_H
#define BGP_OPEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bgp/message.h"
#include "bgp/notification.h"

#define BGP_VERSION 4
#define BGP_CAPABILITY_UNKNOWN_MAX 16
#define BGP_RESTART_TIME_MAX_SEC 4095

enum bgp_capability {
	BGP_CAPABILITY_MULTIPROTOCOL = 1,
	BGP_CAPABILITY_ROUTE_REFRESH = 2,
	BGP_CAPABILITY_EXTENDED_NEXT_HOP = 5,
	BGP_CAPABILITY_GRACEFUL_RESTART = 64,
	BGP_CAPABILITY_AS4 = 65
};

struct bgp_capabilities {
	bool multiprotocol;     /* at least one, of any family */
	uint8_t families;       /* BGP_FAMILY_BIT() of those that we know */
	bool other_families;    /* and there were others */
	bool as4;               /* with the AS number in bgp_open.asn */
	bool route_refresh;     /* */
	bool extended_next_hop; /* IPv4 unicast with IPv6 next hops */
	bool graceful_restart;  /* the rest is zero without it */
	bool restarting;        /* R bit: the speaker has restarted */
	bool gr_notification;   /* N bit, RFC 8538 */
	uint16_t restart_time_sec;
	uint8_t gr_families;                         /* whose routes survive a restart */
	uint8_t gr_forwarding;                       /* F bit: whose forwarding state did */
	uint8_t unknown[BGP_CAPABILITY_UNKNOWN_MAX]; /* codes, in order, each once */
	uint8_t n_unknown;
};

struct bgp_open {
	uint32_t asn; /* the four-octet one with as4, else the field's */
	uint16_t hold_time_sec;
	uint32_t identifier; /* as a number, the first octet highest */
	struct bgp_capabilities capabilities;
};

/* Without capabilities (no bit set, no family) a message of 29 octets, as old speakers send. At
 * most BGP_OPEN_MAX_BYTES. */
#define BGP_OPEN_MAX_BYTES 128
void bgp_open_encode(struct wbuf *w, const struct bgp_open *open);

/*
 * What follows the header; len >= 10 is bgp_message_frame()'s promise. False: err_error says what
 * to answer. A capability that we know, with a length that it cannot have, is ignored, as if the
 * peer did not have it; but not 65, without which the peer's AS is unknown.
 */
bool bgp_open_decode(
    const uint8_t *body, size_t len, struct bgp_open *ret_open, struct bgp_error *err_error);

/* The families that both have. Who names none has IPv4 unicast (RFC 4760 8). */
uint8_t bgp_capabilities_families(
    const struct bgp_capabilities *ours, const struct bgp_capabilities *theirs);

#endif
