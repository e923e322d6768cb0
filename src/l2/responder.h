/*
 * responder: decides what a received frame deserves: an answer, a remark, or nothing. It knows the
 * addresses that this node announces, on which interfaces, and the MACs of the interfaces; the glue
 * keeps both up to date and sends what comes out. No allocation while receiving, and a look-up that
 * does not grow with the number of addresses.
 *
 * Answered (RFC 826, RFC 5227 2.5; RFC 4861 7.2.4) are requests and solicitations, sent to all or
 * to the interface's own MAC (neighbour unreachability detection), for an address that is announced
 * on the interface they came in by; probes (sender 0.0.0.0 or ::) too. Frames that this node sent
 * itself are ignored wherever they come back. A frame in which somebody else claims an announced
 * address is reported and not answered (RFC 5227 2.4): what to do about it is not decided here.
 */
#ifndef L2_RESPONDER_H
#define L2_RESPONDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "l2/frame.h"
#include "util/addr.h"
#include "util/map.h"

struct link_table;

/* What became of a frame; every one is counted under one of these. */
enum responder_verdict {
	RESPONDER_REPLY,         /* output.frame is to be sent by the interface it came in by */
	RESPONDER_CLAIMED,       /* output.ip is claimed by output.mac */
	RESPONDER_MALFORMED,     /* output.cause says why */
	RESPONDER_NO_INTERFACE,  /* came in by an interface that is not known (yet) */
	RESPONDER_OWN,           /* sent by this node */
	RESPONDER_NOT_REQUEST,   /* an answer that claims none of our addresses */
	RESPONDER_NOT_FOR_US,    /* sent to another host's MAC */
	RESPONDER_NOT_ANNOUNCED, /* asks for an address that is not ours */
	RESPONDER_NOT_ON_THIS_INTERFACE, /* ours, but not announced on this interface */
	RESPONDER_SILENT,                /* ours, but somebody else has it there, or may have */
	RESPONDER_VERDICT_COUNT
};

/* Which members are set is said at the verdicts. */
struct responder_output {
	uint8_t frame[FRAME_MAX_BYTES];
	size_t len;
	struct ip_addr ip;   /* REPLY, CLAIMED, NOT_ON_THIS_INTERFACE, SILENT: the address */
	struct mac_addr mac; /* CLAIMED: who claims it; REPLY: who asked */
	enum frame_cause cause;
};

/* An interface on which an address is announced. */
struct responder_port {
	int ifindex;
	bool silent; /* somebody else has the address there: claims are seen, nothing is answered */
};

/* An announced address; read-only outside. */
struct responder_address {
	struct map_node node; /* in the responder, by ip */
	struct ip_addr ip;
	struct responder_port *ports; /* sorted */
	size_t n_ports;
	bool muted; /* silent everywhere */
	/* Since the address was set (metallb_layer2_requests_received, _responses_sent). */
	uint64_t requests_received, responses_sent, claims;
};

struct responder;

const char *responder_verdict_str(enum responder_verdict verdict);

struct responder *responder_new(void);
/* NULL is allowed. */
void responder_free(struct responder *r);

/* Takes over ifindexes and MACs; to be called whenever the table changed. Copies what it needs. */
void responder_set_links(struct responder *r, const struct link_table *links);
/*
 * Answers for ip on these interfaces from now on, and on no others. The counters of an address that
 * is set again go on, and so does silence on the interfaces that stay.
 */
void responder_set(
    struct responder *r, const struct ip_addr *ip, const int *ifindexes, size_t n_ifindexes);
/* Nothing when ip is not set on that interface. */
void responder_set_silent(struct responder *r, const struct ip_addr *ip, int ifindex, bool silent);
void responder_set_muted(struct responder *r, const struct ip_addr *ip, bool muted);
/* False when it was not set. */
bool responder_remove(struct responder *r, const struct ip_addr *ip);
/* NULL when it is not set. */
const struct responder_address *responder_find(const struct responder *r, const struct ip_addr *ip);
/* All addresses in the order of their setting: `prev` NULL gives the first, NULL is the end. The
 * next one must be taken before `prev` is removed. */
const struct responder_address *
responder_next(const struct responder *r, const struct responder_address *prev);
size_t responder_count(const struct responder *r);

/*
 * One received frame, from its Ethernet header on; never keeps a pointer to it. `tagged`: the
 * kernel took a VLAN tag off it, so it belongs to a VLAN that has no interface here.
 */
enum responder_verdict responder_receive(struct responder *r, int ifindex, const uint8_t *frame,
    size_t len, bool tagged, struct responder_output *ret_output);
/* The reply of the last responder_receive() for ip could not be sent: takes it out of the count. */
void responder_send_failed(struct responder *r, const struct ip_addr *ip);

/* Frames by protocol and verdict, and of the malformed ones by cause. */
uint64_t responder_verdicts(
    const struct responder *r, enum frame_protocol protocol, enum responder_verdict verdict);
uint64_t responder_malformed(
    const struct responder *r, enum frame_protocol protocol, enum frame_cause cause);

#endif
