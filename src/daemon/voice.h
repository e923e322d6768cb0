/*
 * voice: what is heard of our addresses on the LAN. Does what ownership says of each
 * (ownership_change.voice), on the interfaces that the plan says.
 */
#ifndef DAEMON_VOICE_H
#define DAEMON_VOICE_H

struct daemon;
struct ownership_change;

void voice_change(struct daemon *daemon, const struct ownership_change *change);
/* There is a new plan: what is announced, muted or still answered follows its interfaces. */
void voice_follow_plan(struct daemon *daemon);

#endif
