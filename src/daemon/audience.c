#include "daemon/audience.h"

#include <string.h>

#include "io/ctl_server.h"

static size_t
find(const struct audience *audience, const struct ctl_connection *conn)
{
	size_t i;

	for (i = 0; i < audience->count && audience->members[i] != conn; i++)
		;
	return i;
}

bool
audience_add(struct audience *audience, struct ctl_connection *conn)
{
	if (audience->count == AUDIENCE_MAX)
		return false;
	audience->members[audience->count++] = conn;
	ctl_set_stream(conn, true);
	ctl_end_with_peer(conn);
	return true;
}

bool
audience_has(const struct audience *audience, const struct ctl_connection *conn)
{
	return find(audience, conn) < audience->count;
}

void
audience_remove(struct audience *audience, const struct ctl_connection *conn)
{
	size_t i = find(audience, conn);

	if (i < audience->count)
		audience->members[i] = audience->members[--audience->count];
}

static void
drop(struct audience *audience, struct ctl_connection *conn)
{
	static const char too_slow[] =
	    "{\"v\":1,\"end\":{\"code\":\"too-slow\",\"message\":\"changes come faster than they are read: this stream ends\"}}";

	(void)ctl_reply(conn, too_slow);
	ctl_close(conn);
	audience_remove(audience, conn);
}

void
audience_tell(struct audience *audience, const char *line)
{
	size_t len = strlen(line), i;

	/* From the end, since another takes the place of one that is dropped. */
	for (i = audience->count; i-- > 0;) {
		if (ctl_queued(audience->members[i]) + len > AUDIENCE_MAX_QUEUED_BYTES)
			drop(audience, audience->members[i]);
		else
			(void)ctl_reply(audience->members[i], line);
	}
}
