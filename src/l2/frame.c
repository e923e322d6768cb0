#include "l2/frame.h"

#include <assert.h>

#include "l2/ethernet.h"

static_assert(ARP_FRAME_BYTES <= FRAME_MAX_BYTES, "every kind of frame fits");

/* What one protocol does for the functions of frame.h. */
struct codec {
	const char *name;
	unsigned n_forms;
	enum frame_cause (*decode)(const uint8_t *frame, size_t len, struct frame_message *message);
	size_t (*answer)(
	    const struct frame_message *question, const struct mac_addr *mac, uint8_t *out);
	size_t (*announcement)(
	    const struct ip_addr *ip, unsigned form, const struct mac_addr *mac, uint8_t *out);
	size_t (*probe)(const struct ip_addr *ip, const struct mac_addr *mac, uint8_t *out);
};

/* --- ARP --- */

static size_t
write_arp(struct arp arp, uint8_t *out)
{
	arp_encode(&arp, out);
	return ARP_FRAME_BYTES;
}

static enum frame_cause
arp_take(const uint8_t *frame, size_t len, struct frame_message *message)
{
	enum frame_cause cause;
	struct arp arp;

	cause = arp_decode(frame, len, &arp);
	if (cause != FRAME_OK)
		return cause;
	message->ether_dst = arp.ether_dst;
	message->ether_src = arp.ether_src;
	message->to_group = mac_addr_eq(&arp.ether_dst, &mac_broadcast);
	message->sender_mac = arp.sender_mac;
	message->sender_ip = arp.sender_ip;
	message->asks = arp.op == ARP_REQUEST;
	message->target = arp.target_ip;
	/* RFC 5227 2.4: any ARP packet, request or reply, claims its sender IP address. */
	if (!ip_addr_is_unspecified(&arp.sender_ip))
		message->claimed = arp.sender_ip;
	return FRAME_OK;
}

static size_t
arp_answer(const struct frame_message *question, const struct mac_addr *mac, uint8_t *out)
{
	const struct arp request = {
	    .sender_mac = question->sender_mac,
	    .sender_ip = question->sender_ip,
	    .target_ip = question->target,
	};

	return write_arp(arp_reply_to(&request, mac), out);
}

static size_t
arp_announce(const struct ip_addr *ip, unsigned form, const struct mac_addr *mac, uint8_t *out)
{
	return write_arp(arp_announcement(form ? ARP_REPLY : ARP_REQUEST, ip, mac), out);
}

static size_t
arp_ask(const struct ip_addr *ip, const struct mac_addr *mac, uint8_t *out)
{
	return write_arp(arp_probe(ip, mac), out);
}

/* --- NDP --- */

static size_t
write_ndp(struct ndp ndp, uint8_t *out)
{
	return ndp_encode(&ndp, out);
}

static enum frame_cause
ndp_take(const uint8_t *frame, size_t len, struct frame_message *message)
{
	enum frame_cause cause;
	struct ndp ndp;

	cause = ndp_decode(frame, len, &ndp);
	if (cause != FRAME_OK)
		return cause;
	message->ether_dst = ndp.ether_dst;
	message->ether_src = ndp.ether_src;
	message->to_group = mac_addr_is_multicast(&ndp.ether_dst);
	message->sender_mac = ndp.has_mac ? ndp.mac : ndp.ether_src;
	message->sender_ip = ndp.src;
	message->asks = ndp.type == NDP_SOLICITATION;
	message->target = ndp.target;
	/* An advertisement claims its target; who asks from an address claims that one. */
	if (!message->asks)
		message->claimed = ndp.target;
	else if (!ip_addr_is_unspecified(&ndp.src))
		message->claimed = ndp.src;
	return FRAME_OK;
}

static size_t
ndp_reply(const struct frame_message *question, const struct mac_addr *mac, uint8_t *out)
{
	return write_ndp(
	    ndp_answer(&question->target, &question->sender_ip, &question->sender_mac, mac), out);
}

static size_t
ndp_announce(const struct ip_addr *ip, unsigned form, const struct mac_addr *mac, uint8_t *out)
{
	(void)form;
	return write_ndp(ndp_announcement(ip, mac), out);
}

static size_t
ndp_ask(const struct ip_addr *ip, const struct mac_addr *mac, uint8_t *out)
{
	return write_ndp(ndp_probe(ip, mac), out);
}

/* --- both --- */

static const struct codec codecs[] = {
    [FRAME_ARP] = {"arp", 2, arp_take, arp_answer, arp_announce, arp_ask},
    [FRAME_NDP] = {"ndp", 1, ndp_take, ndp_reply, ndp_announce, ndp_ask},
};
static_assert(sizeof(codecs) / sizeof(codecs[0]) == FRAME_PROTOCOL_COUNT, "one each");

static const struct codec *
codec_of(const struct ip_addr *ip)
{
	return &codecs[ip->family == IP_FAMILY_V6 ? FRAME_NDP : FRAME_ARP];
}

const char *
frame_protocol_str(enum frame_protocol protocol)
{
	return codecs[protocol].name;
}

enum frame_protocol
frame_protocol_of(const uint8_t *frame, size_t len)
{
	if (len < ETHERNET_HEADER_BYTES)
		return FRAME_ARP;
	return (frame[12] << 8 | frame[13]) == ETHERNET_TYPE_IPV6 ? FRAME_NDP : FRAME_ARP;
}

enum frame_cause
frame_decode(const uint8_t *frame, size_t len, struct frame_message *ret_message)
{
	*ret_message = (struct frame_message){.protocol = frame_protocol_of(frame, len)};
	return codecs[ret_message->protocol].decode(frame, len, ret_message);
}

size_t
frame_answer(
    const struct frame_message *question, const struct mac_addr *mac, uint8_t out[FRAME_MAX_BYTES])
{
	return codecs[question->protocol].answer(question, mac, out);
}

unsigned
frame_forms(const struct ip_addr *ip)
{
	return codec_of(ip)->n_forms;
}

size_t
frame_announcement(const struct ip_addr *ip, unsigned form, const struct mac_addr *mac,
    uint8_t out[FRAME_MAX_BYTES])
{
	return codec_of(ip)->announcement(ip, form, mac, out);
}

size_t
frame_probe(const struct ip_addr *ip, const struct mac_addr *mac, uint8_t out[FRAME_MAX_BYTES])
{
	return codec_of(ip)->probe(ip, mac, out);
}
