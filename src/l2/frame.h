/*
 * frame: what ARP and NDP have in common, so that responder and announcer are written once: the
 * question who has an address, the claim to have it, an answer, an announcement, a probe. The
 * family of the address, or the EtherType of what came in, decides which codec is behind.
 */
#ifndef L2_FRAME_H
#define L2_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "l2/arp.h"
#include "l2/cause.h"
#include "l2/ndp.h"
#include "util/addr.h"

#define FRAME_MAX_BYTES NDP_FRAME_BYTES
#define FRAME_MAX_FORMS 2

enum frame_protocol {
	FRAME_ARP,
	FRAME_NDP,
	FRAME_PROTOCOL_COUNT
};

struct frame_message {
	enum frame_protocol protocol;
	struct mac_addr ether_dst, ether_src;
	bool to_group; /* sent so that all who may have the address hear it */
	/* Who speaks: the MAC inside the packet; where NDP has none, that of the Ethernet header.
	 */
	struct mac_addr sender_mac;
	struct ip_addr sender_ip; /* 0.0.0.0 or :: in a probe */
	bool asks;
	struct ip_addr target; /* that is asked for, with `asks` */
	struct ip_addr
	    claimed; /* the sender says that this is at sender_mac; family NONE: nothing */
};

/* "arp", "ndp" */
const char *frame_protocol_str(enum frame_protocol protocol);
/* The protocol of this EtherType is NDP for IPv6 and ARP for all else: a frame of a third one is
 * FRAME_OTHER_TYPE there. */
enum frame_protocol frame_protocol_of(const uint8_t *frame, size_t len);
/* *ret_message is set with FRAME_OK only, but for its protocol. */
enum frame_cause frame_decode(const uint8_t *frame, size_t len, struct frame_message *ret_message);

/*
 * Each writes a frame from the interface with that MAC and returns its length.
 *
 * The answer to a message that asks: its target is at mac.
 */
size_t frame_answer(
    const struct frame_message *question, const struct mac_addr *mac, uint8_t out[FRAME_MAX_BYTES]);
/* To all: ip is at mac. ARP has two forms, and a round of announcements has each once: some
 * receivers heed only requests, some only replies. */
unsigned frame_forms(const struct ip_addr *ip);
size_t frame_announcement(const struct ip_addr *ip, unsigned form, const struct mac_addr *mac,
    uint8_t out[FRAME_MAX_BYTES]);
/* To all: has anybody ip? */
size_t
frame_probe(const struct ip_addr *ip, const struct mac_addr *mac, uint8_t out[FRAME_MAX_BYTES]);

#endif
