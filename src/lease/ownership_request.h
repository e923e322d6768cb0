/*
 * ownership_request: the requests that ownership needs for its addresses. What an address needs is
 * ownership.c's to decide (ownership_address.need); here is when it is asked of the API, with what
 * in it, and what an answer means for those that follow:
 *
 * - Three queues: what settles a doubt goes first; claims, offers, releases and the GETs that they
 *   wait for go before annotations and deletes.
 * - At most OWNERSHIP_IN_FLIGHT unanswered, at a bounded rate.
 * - No answer, or an unclear one: a pause for all, which doubles, and one request at a time; only a
 *   new doubt is asked about once regardless.
 * - A refusal, or a race lost again and again: a pause for this address alone, which doubles.
 *
 * Between ownership.c and ownership_request.c only.
 */
#ifndef LEASE_OWNERSHIP_REQUEST_H
#define LEASE_OWNERSHIP_REQUEST_H

#include "lease/ownership.h"

/* Into the queue that a->need asks for, at its end; out of all with NEED_NOTHING. */
void ownership_request_queue(struct ownership *o, struct ownership_address *a);
void ownership_request_dequeue(struct ownership_address *a);
/* The address whose turn it is, NULL while none may be sent. It stays in its queue. */
struct ownership_address *ownership_request_next(const struct ownership *o, mono_t now);
/* When it is worth asking for the next one; MONO_NEVER when nothing waits, or all for answers. */
mono_t ownership_request_deadline(const struct ownership *o, mono_t now);
/* Sends what `a`, the next one, needs: a->asked then says what. False, and nothing is sent, when
 * the rate does not allow it yet. */
bool ownership_request_send(struct ownership *o, struct ownership_address *a, mono_t now);
/* To what a->asked says, which ends with it. */
void ownership_request_answered(struct ownership *o, struct ownership_address *a,
    enum lease_result result, const struct lease *answer, mono_t now);

#endif
