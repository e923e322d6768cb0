#include "l2/ndp.h"

#include <assert.h>
#include <string.h>

#include "l2/ethernet.h"
#include "util/buf.h"

#define IPV6_VERSION 6
#define IPV6_HEADER_BYTES 40
#define HOP_LIMIT 255
#define MESSAGE_BYTES 24 /* ICMPv6 header, flags, target */
#define CHECKSUM_OFFSET (ETHERNET_HEADER_BYTES + IPV6_HEADER_BYTES + 2)
#define OPTION_UNIT_BYTES 8
#define OPTION_SOURCE_MAC 1
#define OPTION_TARGET_MAC 2
#define FLAG_ROUTER 0x80000000U
#define FLAG_SOLICITED 0x40000000U
#define FLAG_OVERRIDE 0x20000000U

enum next_header {
	NEXT_HOP_BY_HOP = 0,
	NEXT_ROUTING = 43,
	NEXT_FRAGMENT = 44,
	NEXT_ESP = 50,
	NEXT_AUTHENTICATION = 51,
	NEXT_ICMPV6 = 58,
	NEXT_DESTINATION = 60,
	NEXT_MOBILITY = 135
};

static_assert(NDP_FRAME_BYTES ==
	ETHERNET_HEADER_BYTES + IPV6_HEADER_BYTES + MESSAGE_BYTES + OPTION_UNIT_BYTES,
    "RFC 4861 4.3, 4.4");

static const struct ip_addr all_nodes = {IP_FAMILY_V6, {0xff, 0x02, [15] = 1}};

static struct ip_addr
read_ipv6(struct rbuf *r)
{
	uint8_t bytes[16];

	rbuf_copy(r, bytes, sizeof(bytes));
	return ip_addr_from_bytes(IP_FAMILY_V6, bytes);
}

/* RFC 4443 2.3: the one's complement sum over the pseudo header and the message; 0 when a message
 * with its checksum is whole. */
static uint16_t
checksum(const struct ip_addr *src, const struct ip_addr *dst, const uint8_t *message, size_t len)
{
	uint32_t sum = (uint32_t)len + NEXT_ICMPV6;
	size_t i;

	for (i = 0; i < sizeof(src->bytes); i += 2)
		sum += (uint32_t)(src->bytes[i] << 8 | src->bytes[i + 1]) +
		    (uint32_t)(dst->bytes[i] << 8 | dst->bytes[i + 1]);
	for (i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)(message[i] << 8 | message[i + 1]);
	if (i < len)
		sum += (uint32_t)message[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static enum frame_cause
judge_next_header(uint8_t next)
{
	switch (next) {
	case NEXT_ICMPV6:
		return FRAME_OK;
	case NEXT_HOP_BY_HOP:
	case NEXT_ROUTING:
	case NEXT_FRAGMENT:
	case NEXT_ESP:
	case NEXT_AUTHENTICATION:
	case NEXT_DESTINATION:
	case NEXT_MOBILITY:
		return FRAME_EXTENSION_HEADER;
	default:
		return FRAME_NOT_NDP;
	}
}

/* The IPv6 header. The message that follows it is in *ret_message. */
static enum frame_cause
read_ipv6_header(struct rbuf *r, struct ndp *ndp, struct rbuf *ret_message)
{
	uint32_t version = rbuf_u32(r) >> 28;
	uint16_t payload_len = rbuf_u16(r);
	uint8_t next = rbuf_u8(r), hop_limit = rbuf_u8(r);
	enum frame_cause cause;

	ndp->src = read_ipv6(r);
	ndp->dst = read_ipv6(r);
	if (r->error)
		return FRAME_SHORT;
	if (version != IPV6_VERSION)
		return FRAME_NOT_IPV6;
	cause = judge_next_header(next);
	if (cause != FRAME_OK)
		return cause;
	*ret_message = rbuf_sub(r, payload_len);
	if (ret_message->error || payload_len < MESSAGE_BYTES)
		return FRAME_SHORT;
	return hop_limit == HOP_LIMIT ? FRAME_OK : FRAME_BAD_HOP_LIMIT;
}

/* Options of other types are skipped, but must be whole (RFC 4861 7.1.1). The first of ours
 * counts. */
static enum frame_cause
read_options(struct rbuf *r, struct ndp *ndp)
{
	uint8_t wanted = ndp->type == NDP_SOLICITATION ? OPTION_SOURCE_MAC : OPTION_TARGET_MAC;

	while (rbuf_left(r)) {
		uint8_t type = rbuf_u8(r), units = rbuf_u8(r);
		struct rbuf option;

		if (r->error || !units)
			return FRAME_BAD_OPTION;
		option = rbuf_sub(r, (size_t)units * OPTION_UNIT_BYTES - 2);
		if (option.error)
			return FRAME_BAD_OPTION;
		if (type != wanted || ndp->has_mac)
			continue;
		if (units != 1)
			return FRAME_BAD_OPTION;
		ndp->mac = ethernet_read_mac(&option);
		ndp->has_mac = true;
	}
	return FRAME_OK;
}

/* RFC 4861 7.1.1 and 7.1.2, where they are about addresses. */
static enum frame_cause
judge_addresses(const struct ndp *ndp)
{
	struct ip_addr group = ndp_solicited_node(&ndp->target);

	if (!ethernet_is_sender(&ndp->ether_src) || ip_addr_is_multicast(&ndp->src) ||
	    (ndp->has_mac && !ethernet_is_sender(&ndp->mac)))
		return FRAME_BAD_SENDER;
	if (ip_addr_is_multicast(&ndp->target) || ip_addr_is_unspecified(&ndp->target))
		return FRAME_BAD_TARGET;
	if (ndp->type == NDP_ADVERTISEMENT) {
		if (ip_addr_is_unspecified(&ndp->src))
			return FRAME_BAD_SENDER;
		return ndp->solicited && ip_addr_is_multicast(&ndp->dst) ? FRAME_BAD_DESTINATION
									 : FRAME_OK;
	}
	if (!ip_addr_is_unspecified(&ndp->src))
		return FRAME_OK;
	if (!ip_addr_eq(&ndp->dst, &group))
		return FRAME_BAD_DESTINATION;
	return ndp->has_mac ? FRAME_PROBE_WITH_MAC : FRAME_OK;
}

static enum frame_cause
read_message(struct rbuf *r, struct ndp *ndp)
{
	uint8_t type = rbuf_u8(r), code = rbuf_u8(r);
	enum frame_cause cause;
	uint32_t flags;

	if (type != NDP_SOLICITATION && type != NDP_ADVERTISEMENT)
		return FRAME_NOT_NDP;
	if (checksum(&ndp->src, &ndp->dst, r->bytes, r->len))
		return FRAME_BAD_CHECKSUM;
	if (code)
		return FRAME_BAD_CODE;
	ndp->type = (enum ndp_type)type;
	rbuf_skip(r, 2);
	flags = rbuf_u32(r);
	if (ndp->type == NDP_ADVERTISEMENT) {
		ndp->router = flags & FLAG_ROUTER;
		ndp->solicited = flags & FLAG_SOLICITED;
		ndp->override = flags & FLAG_OVERRIDE;
	}
	ndp->target = read_ipv6(r);
	cause = read_options(r, ndp);
	return cause == FRAME_OK ? judge_addresses(ndp) : cause;
}

enum frame_cause
ndp_decode(const uint8_t *frame, size_t len, struct ndp *ret_ndp)
{
	struct ndp ndp = {0};
	struct rbuf r, message;
	enum frame_cause cause;

	rbuf_init(&r, frame, len);
	cause = ethernet_read(&r, ETHERNET_TYPE_IPV6, &ndp.ether_dst, &ndp.ether_src);
	if (cause == FRAME_OK)
		cause = read_ipv6_header(&r, &ndp, &message);
	if (cause == FRAME_OK)
		cause = read_message(&message, &ndp);
	if (cause == FRAME_OK)
		*ret_ndp = ndp;
	return cause;
}

static uint32_t
flags_of(const struct ndp *ndp)
{
	if (ndp->type == NDP_SOLICITATION)
		return 0;
	return (ndp->router ? FLAG_ROUTER : 0) | (ndp->solicited ? FLAG_SOLICITED : 0) |
	    (ndp->override ? FLAG_OVERRIDE : 0);
}

size_t
ndp_encode(const struct ndp *ndp, uint8_t out[NDP_FRAME_BYTES])
{
	size_t len = MESSAGE_BYTES + (ndp->has_mac ? OPTION_UNIT_BYTES : 0), message;
	struct wbuf w;

	wbuf_init(&w, out, NDP_FRAME_BYTES);
	ethernet_write(&w, ETHERNET_TYPE_IPV6, &ndp->ether_dst, &ndp->ether_src);
	wbuf_u32(&w, (uint32_t)IPV6_VERSION << 28);
	wbuf_u16(&w, (uint16_t)len);
	wbuf_u8(&w, NEXT_ICMPV6);
	wbuf_u8(&w, HOP_LIMIT);
	wbuf_copy(&w, ndp->src.bytes, sizeof(ndp->src.bytes));
	wbuf_copy(&w, ndp->dst.bytes, sizeof(ndp->dst.bytes));
	message = w.pos;
	wbuf_u8(&w, (uint8_t)ndp->type);
	wbuf_u8(&w, 0);
	wbuf_u16(&w, 0);
	wbuf_u32(&w, flags_of(ndp));
	wbuf_copy(&w, ndp->target.bytes, sizeof(ndp->target.bytes));
	if (ndp->has_mac) {
		wbuf_u8(&w, ndp->type == NDP_SOLICITATION ? OPTION_SOURCE_MAC : OPTION_TARGET_MAC);
		wbuf_u8(&w, 1);
		wbuf_copy(&w, ndp->mac.bytes, sizeof(ndp->mac.bytes));
	}
	wbuf_patch_u16(&w, CHECKSUM_OFFSET, checksum(&ndp->src, &ndp->dst, out + message, len));
	assert(!w.error && w.pos == message + len);
	return w.pos;
}

struct ip_addr
ndp_solicited_node(const struct ip_addr *ip)
{
	struct ip_addr group = {IP_FAMILY_V6, {0xff, 0x02, [11] = 1, [12] = 0xff}};

	memcpy(&group.bytes[13], &ip->bytes[13], 3);
	return group;
}

struct mac_addr
ndp_group_mac(const struct ip_addr *group)
{
	struct mac_addr mac = {{0x33, 0x33}};

	memcpy(&mac.bytes[2], &group->bytes[12], 4);
	return mac;
}

struct ndp
ndp_answer(const struct ip_addr *target, const struct ip_addr *src, const struct mac_addr *src_mac,
    const struct mac_addr *mac)
{
	bool probe = ip_addr_is_unspecified(src);

	return (struct ndp){
	    .ether_dst = probe ? ndp_group_mac(&all_nodes) : *src_mac,
	    .ether_src = *mac,
	    .type = NDP_ADVERTISEMENT,
	    .src = *target,
	    .dst = probe ? all_nodes : *src,
	    .target = *target,
	    .solicited = !probe,
	    .override = true,
	    .has_mac = true,
	    .mac = *mac,
	};
}

struct ndp
ndp_announcement(const struct ip_addr *ip, const struct mac_addr *mac)
{
	const struct ip_addr nobody = {IP_FAMILY_V6, {0}};

	return ndp_answer(ip, &nobody, mac, mac);
}

struct ndp
ndp_probe(const struct ip_addr *ip, const struct mac_addr *mac)
{
	struct ip_addr group = ndp_solicited_node(ip);

	return (struct ndp){
	    .ether_dst = ndp_group_mac(&group),
	    .ether_src = *mac,
	    .type = NDP_SOLICITATION,
	    .src = {IP_FAMILY_V6, {0}},
	    .dst = group,
	    .target = *ip,
	};
}
