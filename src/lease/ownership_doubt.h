/*
 * ownership_doubt: whether what we announce is still ours. Losing sight of the API alone is no
 * doubt. These are: another member's MAC announces the address; we stood still, or the clock
 * jumped. (A LAN session that is Down for the other only comes with BFD.)
 *
 * Proof is what the server answers to a request that was sent after the doubt arose, and that names
 * us in the Lease itself: neither the watch, which may lag, nor an answer to an older request.
 *
 *   SILENT   we ask, and are silent, OWNERSHIP_DOUBT_USEC at most.
 *            Proof: announce again, at most once per OWNERSHIP_DEFEND_USEC. Another's name: stop.
 *            No answer: hold, unless a member claims the address; then yield.
 *   YIELDED  silent until the server answers. But two that hear each other at the same time must
 *            not both yield for ever: who is better ranked than the member that it heard, and does
 *            not hear it again for DOUBT_TIE_USEC, goes on; it then is
 *   HOLDING  with a witness, and the next thing heard from that member after DOUBT_GRACE_USEC means
 *            that it has proof: yield, without another tie. (One without proof would have yielded
 *            to us, as its rank is worse.)
 *   CHECK    as SILENT but not silent: proven less than OWNERSHIP_DEFEND_USEC ago, so that no
 * member that repeats itself can silence us; or while our own offer is open.
 *
 * A foreign MAC is an address conflict and never a doubt: who owns an address among members is
 * decided by the Lease, and a foreigner has none.
 *
 * For the files of ownership only.
 */
#ifndef LEASE_OWNERSHIP_DOUBT_H
#define LEASE_OWNERSHIP_DOUBT_H

#include "lease/ownership.h"

/* Longer than the wait between two announcements (1.1 s), with the silence before it. */
#define DOUBT_TIE_USEC (500 * USEC_PER_MSEC)
#define DOUBT_GRACE_USEC (100 * USEC_PER_MSEC) /* what was sent before it heard us has arrived */
#define DOUBT_CHECK_USEC USEC_PER_SEC          /* between two checks by witnesses */

void ownership_doubt_init(struct ownership_doubt *doubt);
/* It is no longer announced, or proven. */
void ownership_doubt_end(struct ownership_address *a);
/* A member was heard announcing it; not the new owner after our offer. */
void ownership_doubt_witness(
    struct ownership *o, struct ownership_address *a, const char *node, mono_t now);
/* Without a witness. */
void ownership_doubt_raise(struct ownership *o, struct ownership_address *a, mono_t now);
/* To ask whether our open offer was taken. */
void ownership_doubt_check(struct ownership *o, struct ownership_address *a, mono_t now);
/* A request that was sent at a->record.sent was answered by the server. */
void ownership_doubt_answered(struct ownership *o, struct ownership_address *a, mono_t now);
/* Ends what is over by time. */
void ownership_doubt_review(struct ownership *o, struct ownership_address *a, mono_t now);
bool ownership_doubt_is_mute(const struct ownership_address *a);

#endif
