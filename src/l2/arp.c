#include "l2/arp.h"

#include <assert.h>

#include "l2/ethernet.h"
#include "util/buf.h"

#define ARP_HARDWARE_ETHERNET 1

static_assert(ARP_FRAME_BYTES == ETHERNET_HEADER_BYTES + 8 + 2 * (6 + 4),
    "RFC 826, over Ethernet and for IPv4");

static const struct mac_addr mac_zero;

static struct ip_addr
read_ipv4(struct rbuf *r)
{
	uint8_t bytes[4];

	rbuf_copy(r, bytes, sizeof(bytes));
	return ip_addr_from_bytes(IP_FAMILY_V4, bytes);
}

/* A group address cannot send. Were an answer sent there, one forged request would make many hosts
 * believe it. */
static bool
sender_is_valid(const struct arp *arp)
{
	return !mac_addr_is_multicast(&arp->ether_src) && ethernet_is_sender(&arp->sender_mac) &&
	    !ip_addr_is_multicast(&arp->sender_ip) && arp->sender_ip.bytes[0] != 0xff;
}

enum frame_cause
arp_decode(const uint8_t *frame, size_t len, struct arp *ret_arp)
{
	uint16_t hardware, protocol, op;
	enum frame_cause cause;
	uint8_t hardware_len, protocol_len;
	struct arp arp;
	struct rbuf r;

	rbuf_init(&r, frame, len);
	cause = ethernet_read(&r, ETHERNET_TYPE_ARP, &arp.ether_dst, &arp.ether_src);
	if (cause != FRAME_OK)
		return cause;
	hardware = rbuf_u16(&r);
	protocol = rbuf_u16(&r);
	hardware_len = rbuf_u8(&r);
	protocol_len = rbuf_u8(&r);
	op = rbuf_u16(&r);
	if (r.error)
		return FRAME_SHORT;
	if (hardware != ARP_HARDWARE_ETHERNET || hardware_len != sizeof(arp.sender_mac.bytes))
		return FRAME_NOT_ETHERNET;
	if (protocol != ETHERNET_TYPE_IPV4 || protocol_len != 4)
		return FRAME_NOT_IPV4;
	if (op != ARP_REQUEST && op != ARP_REPLY)
		return FRAME_BAD_OP;
	arp.op = (enum arp_op)op;
	arp.sender_mac = ethernet_read_mac(&r);
	arp.sender_ip = read_ipv4(&r);
	arp.target_mac = ethernet_read_mac(&r);
	arp.target_ip = read_ipv4(&r);
	if (r.error)
		return FRAME_SHORT;
	if (!sender_is_valid(&arp))
		return FRAME_BAD_SENDER;
	*ret_arp = arp;
	return FRAME_OK;
}

void
arp_encode(const struct arp *arp, uint8_t out[ARP_FRAME_BYTES])
{
	struct wbuf w;

	wbuf_init(&w, out, ARP_FRAME_BYTES);
	ethernet_write(&w, ETHERNET_TYPE_ARP, &arp->ether_dst, &arp->ether_src);
	wbuf_u16(&w, ARP_HARDWARE_ETHERNET);
	wbuf_u16(&w, ETHERNET_TYPE_IPV4);
	wbuf_u8(&w, sizeof(arp->sender_mac.bytes));
	wbuf_u8(&w, 4);
	wbuf_u16(&w, (uint16_t)arp->op);
	wbuf_copy(&w, arp->sender_mac.bytes, sizeof(arp->sender_mac.bytes));
	wbuf_copy(&w, arp->sender_ip.bytes, 4);
	wbuf_copy(&w, arp->target_mac.bytes, sizeof(arp->target_mac.bytes));
	wbuf_copy(&w, arp->target_ip.bytes, 4);
	assert(!w.error && w.pos == ARP_FRAME_BYTES);
}

struct arp
arp_reply_to(const struct arp *request, const struct mac_addr *mac)
{
	return (struct arp){
	    .ether_dst = request->sender_mac,
	    .ether_src = *mac,
	    .op = ARP_REPLY,
	    .sender_mac = *mac,
	    .sender_ip = request->target_ip,
	    .target_mac = request->sender_mac,
	    .target_ip = request->sender_ip,
	};
}

struct arp
arp_announcement(enum arp_op form, const struct ip_addr *ip, const struct mac_addr *mac)
{
	return (struct arp){
	    .ether_dst = mac_broadcast,
	    .ether_src = *mac,
	    .op = form,
	    .sender_mac = *mac,
	    .sender_ip = *ip,
	    .target_mac = form == ARP_REPLY ? *mac : mac_zero,
	    .target_ip = *ip,
	};
}

struct arp
arp_probe(const struct ip_addr *ip, const struct mac_addr *mac)
{
	return (struct arp){
	    .ether_dst = mac_broadcast,
	    .ether_src = *mac,
	    .op = ARP_REQUEST,
	    .sender_mac = *mac,
	    .sender_ip = ip_addr_v4(0, 0, 0, 0),
	    .target_mac = mac_zero,
	    .target_ip = *ip,
	};
}
