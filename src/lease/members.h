/*
 * members: all nodes that have a Lease or hold an address, ours too: which of them live, what they
 * say of themselves, and how that counts. The part of membership that looks at the others:
 * membership.c keeps our own heartbeat, and with it says when the view is fresh, and calls what is
 * below. For these two files only; the questions and what ownership calls are in membership.h.
 *
 * A member's age is the time since its Lease was seen to change. It expires at its own duration,
 * but only in a fresh view; before its addresses are claimed, one GET must show no change.
 */
#ifndef LEASE_MEMBERS_H
#define LEASE_MEMBERS_H

#include "lease/membership.h"

void members_init(struct membership *m);
void members_fini(struct membership *m);

/* What our heartbeat is to state: the setting, or longer with many members or without L2. */
int64_t members_duration(const struct membership *m);
/* What the record itself states, so that unequal settings are safe. */
int64_t members_record_duration(const struct membership *m, const struct lease *lease);

/* The table changed at the Lease of `node`, ours or another's. */
void members_observe(struct membership *m, const char *node, mono_t now);
/* To the GET that is asked before a claim, or the DELETE of the sweep. */
void members_answered(struct membership *m, const char *node, enum lease_result result,
    const struct lease *answer, mono_t now);
/* Leadership, and with it the sweep, began or ended. */
void members_arm_sweep(struct membership *m, mono_t now);
/* Whose time is over expires, is asked for once more, or is swept. */
void members_tick(struct membership *m, mono_t now);

/* The view became fresh: who aged out meanwhile expires. */
void members_expire(struct membership *m, mono_t now);
/* The view is lost: what a GET proved in it proves nothing. */
void members_forget_proofs(struct membership *m);
/* Listed after that: who was expired lives, and all ages start anew. */
void members_restart(struct membership *m, mono_t now);

#endif
