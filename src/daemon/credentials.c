#include "daemon/credentials.h"

#include "daemon/api.h"
#include "daemon/daemon.h"
#include "util/log.h"
#include "util/str.h"

static void
warn(struct credentials *credentials, const char *what, int64_t expires_usec, mono_t *said)
{
	mono_t now = loop_now(credentials->daemon->loop);
	int64_t left = expires_usec - loop_wall_usec();
	char time[32];

	if (!expires_usec || left > CREDENTIALS_WARNING_USEC) {
		*said = MONO_NEVER;
		return;
	}
	if (!mono_is_never(*said) && mono_diff_usec(now, *said) < CREDENTIALS_SAID_USEC)
		return;
	*said = now;
	str_format_time(expires_usec, time, sizeof(time));
	log_warning("api the %s %s %s: replace it, or this node loses the API server", what,
	    left > 0 ? "ends at" : "has ended at", time);
}

static void
on_timer(void *arg)
{
	struct credentials *credentials = arg;
	struct daemon *daemon = credentials->daemon;
	struct api_status status;

	api_look_at_certificate(daemon->api);
	status = api_status(daemon->api);
	warn(credentials, "token", status.token_expires_usec, &credentials->token_said);
	warn(credentials, "client certificate", status.certificate_expires_usec,
	    &credentials->certificate_said);
	loop_timer_set(
	    &credentials->timer, mono_add_usec(loop_now(daemon->loop), CREDENTIALS_LOOK_USEC));
}

void
credentials_look(struct credentials *credentials)
{
	loop_timer_set(&credentials->timer, loop_now(credentials->daemon->loop));
}

void
credentials_init(struct credentials *credentials, struct daemon *daemon)
{
	*credentials = (struct credentials){
	    .daemon = daemon, .token_said = MONO_NEVER, .certificate_said = MONO_NEVER};
	loop_timer_init(&credentials->timer, daemon->loop, on_timer, credentials);
	credentials_look(credentials);
}

void
credentials_fini(struct credentials *credentials)
{
	loop_timer_fini(&credentials->timer);
}
