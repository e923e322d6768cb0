/*
 * announcer: what is sent unasked, and when. A pure schedule over (address, interface) pairs, each
 * in one of three phases:
 *
 *   probing     An address that no member owned before may have an owner that we do not know of:
 *               ANNOUNCER_PROBES probes at ANNOUNCER_PROBE_USEC (the form of RFC 5227 2.1.1 and of
 *               RFC 4862 5.4, at a pace of our own: nobody may wait six seconds for a Service). It
 *               is optimistic: requests are answered meanwhile. Nobody claimed it: announcing.
 *   announcing  At once, again ANNOUNCER_BURST times at ANNOUNCER_BURST_USEC (RFC 5227 2.3 asks for
 *               one repetition; neighbours ignore updates that come faster than a second after the
 *               last), then each ANNOUNCER_REFRESH_USEC at most, so that a switch or router that
 *               forgot learns again. A stranger's claim is answered by one round out of turn, once
 *               in ANNOUNCER_DEFEND_USEC (RFC 5227 2.4 (c): the address is never given up).
 *   conflict    A stranger claimed it while we probed: silence. Probes again after
 *               ANNOUNCER_RETRY_USEC, doubled each time up to ANNOUNCER_RETRY_MAX_USEC; when they
 *               meet nobody: announcing.
 *
 * Who is a stranger the caller knows. Each round of an announcement has all forms of its family.
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

#include "l2/frame.h"
#include "util/addr.h"
#include "util/mono.h"

#define ANNOUNCER_PROBES 3
#define ANNOUNCER_PROBE_USEC (60 * USEC_PER_MSEC)
#define ANNOUNCER_BURST 4
#define ANNOUNCER_BURST_USEC (1100 * USEC_PER_MSEC)
#define ANNOUNCER_REFRESH_USEC (2 * USEC_PER_MIN)
#define ANNOUNCER_DEFEND_USEC (10 * USEC_PER_SEC)
#define ANNOUNCER_RETRY_USEC (10 * USEC_PER_SEC)
#define ANNOUNCER_RETRY_MAX_USEC (5 * USEC_PER_MIN)
#define ANNOUNCER_PACKETS_PER_SEC 2000
/* The bucket's depth: 128 addresses are taken over without delay. */
#define ANNOUNCER_PACKETS_AT_ONCE 256

struct announcer;

enum announcer_phase {
	ANNOUNCER_PROBING,
	ANNOUNCER_ANNOUNCING,
	ANNOUNCER_CONFLICT,
	ANNOUNCER_PHASE_COUNT
};

struct announcer_port {
	int ifindex;
	struct mac_addr mac;
};

struct announcer_frame {
	int ifindex;
	struct ip_addr ip;
	enum announcer_phase phase; /* announcing: an announcement; otherwise a probe */
	/* The first announcement after a conflict: answering may begin again. */
	bool cleared;
	uint8_t round, failures; /* for announcer_send_failed() */
	size_t len;
	uint8_t bytes[FRAME_MAX_BYTES];
};

/* What a stranger's claim did. */
enum announcer_reaction {
	ANNOUNCER_NOT_SET,  /* nothing: the pair is not known */
	ANNOUNCER_SILENCED, /* we probed: the pair is in conflict from now on */
	ANNOUNCER_STILL,    /* it is in conflict already */
	ANNOUNCER_DEFENDED, /* we announce: once more, out of turn */
	ANNOUNCER_NOTED,    /* we announce, and defended it a moment ago */
	ANNOUNCER_REACTION_COUNT
};

/* A pair, for people. */
struct announcer_view {
	int ifindex;
	enum announcer_phase phase;
	mono_t next; /* when the next frame is due; MONO_ZERO: at once, MONO_NEVER: paused */
	/* Of the last stranger that claimed it; zero when there was none. */
	struct mac_addr claimed_by;
	mono_t claimed_at;
};

/* "probing", "announcing", "conflict" */
const char *announcer_phase_str(enum announcer_phase phase);

struct announcer *announcer_new(mono_t now);
/* NULL is allowed. */
void announcer_free(struct announcer *a);

/*
 * Announces ip on these interfaces from now on, and on no others; n_ports 0 leaves it set and
 * silent. `probe`: interfaces that are new begin by probing. One whose MAC changed stays in its
 * phase.
 */
void announcer_set(struct announcer *a, const struct ip_addr *ip,
    const struct announcer_port *ports, size_t n_ports, bool probe);
/* False when it was not set. */
bool announcer_remove(struct announcer *a, const struct ip_addr *ip);
/* What is announcing begins its schedule anew; nothing when ip is not set. */
void announcer_restart(struct announcer *a, const struct ip_addr *ip);
/*
 * Nothing is sent for ip until announcer_resume(). Then what probed begins anew, and what announced
 * goes on with its next refresh.
 */
void announcer_pause(struct announcer *a, const struct ip_addr *ip);
void announcer_resume(struct announcer *a, const struct ip_addr *ip, mono_t now);
/* Addresses that are set, and (address, interface) pairs. */
size_t announcer_count(const struct announcer *a);
size_t announcer_pairs(const struct announcer *a);

/* A stranger says on that interface that ip is at mac. */
enum announcer_reaction announcer_claimed(struct announcer *a, const struct ip_addr *ip,
    int ifindex, const struct mac_addr *mac, mono_t now);

/* The next frame that is due and that the bucket allows; false when there is none now. */
bool announcer_next(struct announcer *a, mono_t now, struct announcer_frame *ret_frame);
/* That frame could not be sent: its round is repeated later, at longer and longer intervals. */
void announcer_send_failed(struct announcer *a, const struct announcer_frame *frame, mono_t now);
/* When announcer_next() will give something again: `now` or earlier if it would now, MONO_NEVER
 * when nothing is set. */
mono_t announcer_deadline(const struct announcer *a, mono_t now);

/* Announcements handed out and not reported as failed since ip was set
 * (metallb_layer2_gratuitous_sent); 0 when it is not set. */
uint64_t announcer_sent(const struct announcer *a, const struct ip_addr *ip);
/* Strangers' claims of ip since it was set; 0 when it is not set. */
uint64_t announcer_conflicts(const struct announcer *a, const struct ip_addr *ip);
/* The i-th interface of ip; false when there is none. */
bool announcer_view(
    const struct announcer *a, const struct ip_addr *ip, size_t i, struct announcer_view *ret_view);

#endif
