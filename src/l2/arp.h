/*
 * arp: ARP packets for IPv4 over Ethernet, bytes <-> struct arp (RFC 826; the forms of RFC 5227).
 *
 * Frames are whole Ethernet frames as a packet socket of type SOCK_RAW gives and takes them:
 * without the check sequence, and sent without padding (the driver pads).
 */
#ifndef L2_ARP_H
#define L2_ARP_H

#include <stddef.h>
#include <stdint.h>

#include "l2/cause.h"
#include "util/addr.h"

#define ARP_FRAME_BYTES 42 /* Ethernet header 14, ARP for IPv4 over Ethernet 28 */

enum arp_op {
	ARP_REQUEST = 1,
	ARP_REPLY = 2
};

struct arp {
	struct mac_addr ether_dst, ether_src; /* of the Ethernet header */
	enum arp_op op;
	struct mac_addr sender_mac, target_mac; /* ar$sha, ar$tha */
	struct ip_addr sender_ip, target_ip;    /* ar$spa, ar$tpa; IPv4 */
};

/* Decodes one frame; trailing bytes (padding) are ignored. *ret_arp is set with FRAME_OK only. */
enum frame_cause arp_decode(const uint8_t *frame, size_t len, struct arp *ret_arp);
/* Writes the frame; the addresses must be IPv4. */
void arp_encode(const struct arp *arp, uint8_t out[ARP_FRAME_BYTES]);

/*
 * The packets that the daemon sends, `mac` being that of the interface which sends them.
 *
 * The answer to a request, unicast to its ar$sha: "request->target_ip is at mac". A probe (sender
 * 0.0.0.0) is answered alike (RFC 5227 2.1.1, 2.5).
 */
struct arp arp_reply_to(const struct arp *request, const struct mac_addr *mac);
/*
 * Broadcast announcements that ip is at mac. In request form (RFC 5227 2.3: ar$tha zero), and in
 * reply form, which some routers heed only (ar$tha = mac, as RFC 5944 4.6 has it).
 */
struct arp arp_announcement(enum arp_op form, const struct ip_addr *ip, const struct mac_addr *mac);
/* The question whether anybody has ip, which changes no cache (RFC 5227 2.1.1: sender 0.0.0.0). */
struct arp arp_probe(const struct ip_addr *ip, const struct mac_addr *mac);

#endif
