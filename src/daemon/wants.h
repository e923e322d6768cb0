/*
 * wants: tells the Leases which addresses there are, as the plan has them: whether this node may
 * announce each, and among whom it is ranked. Joins announce/plan with lease/ownership.
 */
#ifndef DAEMON_WANTS_H
#define DAEMON_WANTS_H

struct daemon;

/* After each plan: level-triggered, the same again costs nothing. Keeps what was wanted in
 * daemon->wanted. */
void wants_follow_plan(struct daemon *daemon);

#endif
