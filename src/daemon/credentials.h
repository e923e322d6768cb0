/*
 * credentials: warns before the token or the client certificate ends: each day, from
 * CREDENTIALS_WARNING_USEC before. They are not renewed here; who does may replace the files at any
 * time.
 */
#ifndef DAEMON_CREDENTIALS_H
#define DAEMON_CREDENTIALS_H

#include "io/loop.h"
#include "util/mono.h"

struct daemon;

#define CREDENTIALS_WARNING_USEC (7 * 24 * 60 * USEC_PER_MIN)
#define CREDENTIALS_LOOK_USEC (60 * USEC_PER_MIN)
#define CREDENTIALS_SAID_USEC (24 * 60 * USEC_PER_MIN)

struct credentials {
	struct daemon *daemon;
	struct loop_timer timer;
	mono_t token_said, certificate_said; /* MONO_NEVER: not yet */
};

/* Looks at once, after the turn. */
void credentials_init(struct credentials *credentials, struct daemon *daemon);
void credentials_fini(struct credentials *credentials);
/* There may be others: looks again. */
void credentials_look(struct credentials *credentials);

#endif
