/*
 * ndp: neighbour solicitations and advertisements over Ethernet, bytes <-> struct ndp (RFC
 * 4861 4.3, 4.4; the checks of 7.1.1 and 7.1.2; RFC 2464 for Ethernet). Whole frames, as in arp.h.
 *
 * Left out: secured discovery (RFC 3971) and nonces (RFC 7527), whose options are skipped like all
 * that are not known: our own probes are told by their MAC when they come back.
 */
#ifndef L2_NDP_H
#define L2_NDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "l2/cause.h"
#include "util/addr.h"

/* Ethernet 14, IPv6 40, ICMPv6 with the target 24, a link-layer address option 8. */
#define NDP_FRAME_BYTES 86

enum ndp_type {
	NDP_SOLICITATION = 135,
	NDP_ADVERTISEMENT = 136
};

struct ndp {
	struct mac_addr ether_dst, ether_src; /* of the Ethernet header */
	enum ndp_type type;
	struct ip_addr src, dst, target;  /* IPv6 */
	bool router, solicited, override; /* flags of an advertisement; false otherwise */
	/* The source link-layer address of a solicitation, the target's of an advertisement. */
	bool has_mac;
	struct mac_addr mac;
};

/* Decodes one frame; bytes after the packet (padding) and unknown options are ignored. *ret_ndp is
 * set with FRAME_OK only. */
enum frame_cause ndp_decode(const uint8_t *frame, size_t len, struct ndp *ret_ndp);
/* Writes the frame and returns its length; the addresses must be IPv6. */
size_t ndp_encode(const struct ndp *ndp, uint8_t out[NDP_FRAME_BYTES]);

/* ff02::1:ffXX:XXXX of an address (RFC 4291 2.7.1), and the MAC of a group (RFC 2464 7). */
struct ip_addr ndp_solicited_node(const struct ip_addr *ip);
struct mac_addr ndp_group_mac(const struct ip_addr *group);

/*
 * The packets that the daemon sends, `mac` being that of the interface which sends them. Source of
 * an advertisement is the address that it is about, as the Linux kernel has it too.
 *
 * The answer that `target` is at `mac`, to who asked from src with that MAC. A probe (src ::) is
 * answered to all nodes (RFC 4861 7.2.4).
 */
struct ndp ndp_answer(const struct ip_addr *target, const struct ip_addr *src,
    const struct mac_addr *src_mac, const struct mac_addr *mac);
/* To all nodes, with Override: every cache takes it over (RFC 4861 7.2.6). */
struct ndp ndp_announcement(const struct ip_addr *ip, const struct mac_addr *mac);
/* The question whether anybody has ip, which changes no cache (RFC 4862 5.4.2). */
struct ndp ndp_probe(const struct ip_addr *ip, const struct mac_addr *mac);

#endif
