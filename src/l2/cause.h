/*
 * cause: why a received frame is not taken. One list for ARP and NDP, so that frames of both are
 * counted and shown alike.
 */
#ifndef L2_CAUSE_H
#define L2_CAUSE_H

enum frame_cause {
	FRAME_OK,
	FRAME_SHORT,      /* ends before the fields do */
	FRAME_TAGGED,     /* an 802.1Q or 802.1ad tag in the frame: for an interface of its own */
	FRAME_OTHER_TYPE, /* an EtherType that is not ours */
	/* Sent by a group, by a zero hardware address, or from a group IP address. */
	FRAME_BAD_SENDER,
	/* ARP (RFC 826) */
	FRAME_NOT_ETHERNET, /* ar$hrd is not Ethernet, or ar$hln not 6 */
	FRAME_NOT_IPV4,     /* ar$pro is not IPv4, or ar$pln not 4 */
	FRAME_BAD_OP,       /* neither request nor reply */
	/* NDP (RFC 4861 7.1.1, 7.1.2) */
	FRAME_NOT_IPV6,         /* another version in the header */
	FRAME_EXTENSION_HEADER, /* before ICMPv6, or instead of it (RFC 6980 forbids fragments) */
	FRAME_NOT_NDP,          /* another protocol, or neither solicitation nor advertisement */
	FRAME_BAD_HOP_LIMIT,    /* not 255: it came through a router, or pretends to */
	FRAME_BAD_CHECKSUM,
	FRAME_BAD_CODE,        /* not 0 */
	FRAME_BAD_TARGET,      /* a group */
	FRAME_BAD_OPTION,      /* of length 0, longer than the message, or a MAC that is none */
	FRAME_BAD_DESTINATION, /* a probe to another group, a solicited answer to a group */
	FRAME_PROBE_WITH_MAC,  /* a probe (source ::) with a source link-layer address */
	FRAME_CAUSE_COUNT
};

/* "short", "tagged", ...: words for counters. */
const char *frame_cause_str(enum frame_cause cause);

#endif
