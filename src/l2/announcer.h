/*
 * announcer: when which announcement is sent. A pure schedule over (address, interface) pairs:
 * a new pair announces at once, again ANNOUNCER_BURST times at ANNOUNCER_BURST_USEC (RFC 5227 2.3
 * asks for one repetition; neighbours ignore updates that come faster than a second after the
 * last), then each ANNOUNCER_REFRESH_USEC at most, so that a switch or router that forgot learns
 * again. Each time both forms of ARP announcement go out.
 *
 * All pairs share one token bucket. What is new goes before what repeats, so that a take-over of
 * one address does not wait for the refresh of ten thousand.
 *
 * Setting a pair that is already set with the same MAC changes nothing and sends nothing. An
 * interface that is added, that was removed and comes back (carrier), or whose MAC is another,
 * starts anew. Nothing is sent for an address that is removed.
 *
 * The glue calls announcer_next() a bounded number of times per turn, sends each frame, says when
 * one could not be sent, and sleeps until announcer_deadline().
 */
#ifndef L2_ANNOUNCER_H
#define L2_ANNOUNCER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/addr.h"
#include "util/mono.h"

#define ANNOUNCER_BURST 4
#define ANNOUNCER_BURST_USEC (1100 * USEC_PER_MSEC)
#define ANNOUNCER_REFRESH_USEC (2 * USEC_PER_MIN)
#define ANNOUNCER_PACKETS_PER_SEC 2000
/* The bucket's depth: 128 addresses are taken over without delay. */
#define ANNOUNCER_PACKETS_AT_ONCE 256
/* The largest frame: an unsolicited neighbour advertisement. */
#define ANNOUNCER_FRAME_BYTES 86

struct announcer;

struct announcer_port {
	int ifindex;
	struct mac_addr mac;
};

struct announcer_frame {
	int ifindex;
	struct ip_addr ip;
	uint8_t round; /* for announcer_send_failed() */
	size_t len;
	uint8_t bytes[ANNOUNCER_FRAME_BYTES];
};

struct announcer *announcer_new(mono_t now);
/* NULL is allowed. */
void announcer_free(struct announcer *a);

/*
 * Announces ip on these interfaces from now on, and on no others; n_ports 0 leaves it set and
 * silent. 0, or -EAFNOSUPPORT for IPv6 (until NDP is there).
 */
int announcer_set(struct announcer *a, const struct ip_addr *ip, const struct announcer_port *ports,
    size_t n_ports);
/* False when it was not set. */
bool announcer_remove(struct announcer *a, const struct ip_addr *ip);
/* The schedule of ip begins anew on all its interfaces; nothing when it is not set. */
void announcer_restart(struct announcer *a, const struct ip_addr *ip);
/* Addresses that are set, and (address, interface) pairs. */
size_t announcer_count(const struct announcer *a);
size_t announcer_pairs(const struct announcer *a);

/* The next frame that is due and that the bucket allows; false when there is none now. */
bool announcer_next(struct announcer *a, mono_t now, struct announcer_frame *ret_frame);
/* That frame could not be sent: its round is repeated later, at longer and longer intervals. */
void announcer_send_failed(struct announcer *a, const struct announcer_frame *frame, mono_t now);
/* When announcer_next() will give something again: `now` or earlier if it would now, MONO_NEVER
 * when nothing is set. */
mono_t announcer_deadline(const struct announcer *a, mono_t now);

/* Frames handed out and not reported as failed since ip was set (metallb_layer2_gratuitous_sent); 0
 * when it is not set. */
uint64_t announcer_sent(const struct announcer *a, const struct ip_addr *ip);

#endif
