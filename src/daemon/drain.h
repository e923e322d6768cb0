/*
 * drain: whether the administrator has drained this node (`metallbctl drain`): it claims nothing
 * and hands over what it holds. Kept as a file in the state directory, so that it survives a
 * restart.
 */
#ifndef DAEMON_DRAIN_H
#define DAEMON_DRAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct daemon;
struct drain;
struct ownership;

/* Reads the file. What cannot be read counts as drained, and is said: the file is there. */
struct drain *drain_new(const char *state_directory);
/* NULL is allowed. */
void drain_free(struct drain *drain);
bool drain_is_on(const struct drain *drain);
/* Wall clock; 0 when not drained, or not known. */
int64_t drain_since_usec(const struct drain *drain);
/* 0, also when it is so already; or -errno: nothing changed, since it would not survive a restart.
 */
int drain_set(struct drain *drain, bool on, int64_t wall_usec);

enum drain_progress {
	DRAIN_RUNNING,
	DRAIN_DONE, /* nothing is held or answered any more */
	DRAIN_LEFT, /* nobody takes what is left; the offers stay open */
	DRAIN_PROGRESS_COUNT
};

/* How far a drained node is. */
enum drain_progress drain_progress(const struct ownership *ownership);

#endif
