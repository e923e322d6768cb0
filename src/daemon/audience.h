/*
 * audience: the connections of those who listen to changes. What is queued for each is bounded: one
 * that does not read is told that its stream ends, and dropped.
 */
#ifndef DAEMON_AUDIENCE_H
#define DAEMON_AUDIENCE_H

#include <stdbool.h>
#include <stddef.h>

struct ctl_connection;

#define AUDIENCE_MAX 16
/* Twenty thousand changes at once fit. */
#define AUDIENCE_MAX_QUEUED_BYTES (4 * 1024 * 1024)

/* All zeros is nobody. */
struct audience {
	struct ctl_connection *members[AUDIENCE_MAX];
	size_t count;
};

/* False: there are AUDIENCE_MAX already. */
bool audience_add(struct audience *audience, struct ctl_connection *conn);
bool audience_has(const struct audience *audience, const struct ctl_connection *conn);
/* Nothing when it was not added. */
void audience_remove(struct audience *audience, const struct ctl_connection *conn);
/* A line to all. */
void audience_tell(struct audience *audience, const char *line);

#endif
