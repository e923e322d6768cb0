#include "l2/arp.h"

#include <assert.h>

#include "util/buf.h"

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_ARP 0x0806
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_QINQ 0x88a8
#define ARP_HARDWARE_ETHERNET 1

static_assert(ARP_FRAME_BYTES == 14 + 8 + 2 * (6 + 4), "RFC 826, over Ethernet and for IPv4");

const struct mac_addr mac_broadcast = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
static const struct mac_addr mac_zero;

static const char *const cause_names[] = {
    [ARP_OK] = "ok",
    [ARP_SHORT] = "short",
    [ARP_TAGGED] = "tagged",
    [ARP_NOT_ARP] = "not-arp",
    [ARP_NOT_ETHERNET] = "not-ethernet",
    [ARP_NOT_IPV4] = "not-ipv4",
    [ARP_BAD_OP] = "bad-op",
    [ARP_BAD_SENDER] = "bad-sender",
};
static_assert(sizeof(cause_names) / sizeof(cause_names[0]) == ARP_CAUSE_COUNT, "one name each");

const char *
arp_cause_str(enum arp_cause cause)
{
	return cause_names[cause];
}

static struct mac_addr
read_mac(struct rbuf *r)
{
	struct mac_addr mac = {{0}};

	rbuf_copy(r, mac.bytes, sizeof(mac.bytes));
	return mac;
}

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
	return !mac_addr_is_multicast(&arp->ether_src) &&
	    !mac_addr_is_multicast(&arp->sender_mac) && !mac_addr_is_zero(&arp->sender_mac) &&
	    !ip_addr_is_multicast(&arp->sender_ip) && arp->sender_ip.bytes[0] != 0xff;
}

enum arp_cause
arp_decode(const uint8_t *frame, size_t len, struct arp *ret_arp)
{
	uint16_t ethertype, hardware, protocol, op;
	uint8_t hardware_len, protocol_len;
	struct arp arp;
	struct rbuf r;

	rbuf_init(&r, frame, len);
	arp.ether_dst = read_mac(&r);
	arp.ether_src = read_mac(&r);
	ethertype = rbuf_u16(&r);
	if (r.error)
		return ARP_SHORT;
	if (ethertype == ETHERTYPE_VLAN || ethertype == ETHERTYPE_QINQ)
		return ARP_TAGGED;
	if (ethertype != ETHERTYPE_ARP)
		return ARP_NOT_ARP;
	hardware = rbuf_u16(&r);
	protocol = rbuf_u16(&r);
	hardware_len = rbuf_u8(&r);
	protocol_len = rbuf_u8(&r);
	op = rbuf_u16(&r);
	if (r.error)
		return ARP_SHORT;
	if (hardware != ARP_HARDWARE_ETHERNET || hardware_len != sizeof(arp.sender_mac.bytes))
		return ARP_NOT_ETHERNET;
	if (protocol != ETHERTYPE_IPV4 || protocol_len != 4)
		return ARP_NOT_IPV4;
	if (op != ARP_REQUEST && op != ARP_REPLY)
		return ARP_BAD_OP;
	arp.op = (enum arp_op)op;
	arp.sender_mac = read_mac(&r);
	arp.sender_ip = read_ipv4(&r);
	arp.target_mac = read_mac(&r);
	arp.target_ip = read_ipv4(&r);
	if (r.error)
		return ARP_SHORT;
	if (!sender_is_valid(&arp))
		return ARP_BAD_SENDER;
	*ret_arp = arp;
	return ARP_OK;
}

void
arp_encode(const struct arp *arp, uint8_t out[ARP_FRAME_BYTES])
{
	struct wbuf w;

	wbuf_init(&w, out, ARP_FRAME_BYTES);
	wbuf_copy(&w, arp->ether_dst.bytes, sizeof(arp->ether_dst.bytes));
	wbuf_copy(&w, arp->ether_src.bytes, sizeof(arp->ether_src.bytes));
	wbuf_u16(&w, ETHERTYPE_ARP);
	wbuf_u16(&w, ARP_HARDWARE_ETHERNET);
	wbuf_u16(&w, ETHERTYPE_IPV4);
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
