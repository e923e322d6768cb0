/*
 * unnumbered: who is at the other end of an interface, for peers without an address. As FRR does
 * it: routers find each other by their router advertisements (RFC 4861 4.2), so we send some and
 * take the neighbour's link-local address from theirs. Ours have a router lifetime of 0: nobody is
 * to send us what is not announced by BGP (RFC 4861 6.2.5).
 *
 * Pure: bytes of ICMPv6 in and out, without checksum, which the kernel makes and checks. One object
 * for one interface. A neighbour is kept until it has been silent for UNNUMBERED_SILENT_USEC and
 * another one is heard: it is the session that notices a dead router, and until there is a new one
 * there is nothing better to try than the old.
 */
#ifndef BGP_UNNUMBERED_H
#define BGP_UNNUMBERED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/addr.h"
#include "util/mono.h"

#define UNNUMBERED_MESSAGE_BYTES 24                  /* the longest that we send */
#define UNNUMBERED_INTERVAL_USEC (10 * USEC_PER_SEC) /* of our advertisements */
#define UNNUMBERED_INITIAL 3                         /* first ones, this far apart: */
#define UNNUMBERED_INITIAL_USEC (1 * USEC_PER_SEC)   /* */
#define UNNUMBERED_MIN_DELAY_USEC (1 * USEC_PER_SEC) /* between two, whoever solicits */
#define UNNUMBERED_SOLICIT_USEC (4 * USEC_PER_SEC)   /* RFC 4861 10: RTR_SOLICITATION_INTERVAL */
#define UNNUMBERED_SILENT_USEC (35 * USEC_PER_SEC)   /* three of FRR's, and a bit */

/* What became of a received message. */
enum unnumbered_verdict {
	UNNUMBERED_HEARD,     /* an advertisement of the neighbour that we have */
	UNNUMBERED_FOUND,     /* of a new one: unnumbered_neighbour() has changed */
	UNNUMBERED_OTHER,     /* of another router beside the one that we have */
	UNNUMBERED_SOLICITED, /* a solicitation: an advertisement is due */
	UNNUMBERED_IGNORED,   /* another ICMPv6 type, or our own */
	UNNUMBERED_MALFORMED, /* RFC 4861 6.1.1, 6.1.2 */
	UNNUMBERED_VERDICT_COUNT
};

struct unnumbered {
	struct mac_addr mac;      /* of our interface */
	struct ip_addr own;       /* our link-local address there; family NONE: none yet */
	struct ip_addr neighbour; /* family NONE: none yet */
	mono_t heard;             /* its last advertisement */
	mono_t next_advertisement, next_solicitation;
	mono_t last_advertisement;
	unsigned sent; /* advertisements since the interface came up */
};

/* Nothing is sent before unnumbered_set_link() has given an address. */
void unnumbered_init(struct unnumbered *u);
/* Our own MAC and link-local address; a change begins anew, with the neighbour kept. Family NONE:
 * nothing is sent. */
void unnumbered_set_link(
    struct unnumbered *u, const struct mac_addr *mac, const struct ip_addr *own, mono_t now);

/*
 * An ICMPv6 message from `from`, received with this hop limit. Only an advertisement of a
 * link-local source with hop limit 255 counts (RFC 4861 6.1.2).
 */
enum unnumbered_verdict unnumbered_receive(struct unnumbered *u, const struct ip_addr *from,
    uint8_t hop_limit, const uint8_t *bytes, size_t len, mono_t now);
/* Family NONE: not known. */
const struct ip_addr *unnumbered_neighbour(const struct unnumbered *u);

/*
 * The next message that is due: its length (0: none) and where to send it. Each call makes one.
 */
size_t unnumbered_next(struct unnumbered *u, mono_t now, uint8_t out[UNNUMBERED_MESSAGE_BYTES],
    struct ip_addr *ret_to);
mono_t unnumbered_deadline(const struct unnumbered *u);

#endif
