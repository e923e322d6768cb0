/*
 * sd: see sd.h. The watchdog is fed by a timer of the loop, so a loop that hangs is not fed.
 */
#include "config.h"

#include "io/sd.h"

#include <stdlib.h>

#include "util/mem.h"

#ifdef HAVE_LIBSYSTEMD

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include <systemd/sd-daemon.h>

#include "io/loop.h"
#include "util/str.h"

struct sd {
	struct loop *loop;
	struct loop_timer watchdog;
	int64_t interval_usec;
	bool has_watchdog;
	char *status;
};

static void
on_watchdog(void *arg)
{
	struct sd *sd = arg;

	(void)sd_notify(0, "WATCHDOG=1");
	loop_timer_set(&sd->watchdog, mono_add_usec(loop_now(sd->loop), sd->interval_usec));
}

struct sd *
sd_new(struct loop *loop)
{
	struct sd *sd = xcalloc(1, sizeof(*sd));
	uint64_t usec = 0;

	sd->loop = loop;
	if (sd_watchdog_enabled(0, &usec) > 0 && usec >= 2) {
		sd->has_watchdog = true;
		sd->interval_usec = (int64_t)(usec / 2);
		loop_timer_init(&sd->watchdog, loop, on_watchdog, sd);
		loop_timer_set(&sd->watchdog, loop_now(loop));
	}
	return sd;
}

void
sd_free(struct sd *sd)
{
	if (!sd)
		return;
	loop_timer_fini(&sd->watchdog);
	free(sd->status);
	free(sd);
}

void
sd_ready(struct sd *sd)
{
	(void)sd;
	(void)sd_notify(0, "READY=1");
}

void
sd_reloading(struct sd *sd)
{
	struct timespec ts;

	(void)sd;
	/* systemd compares with its own CLOCK_MONOTONIC. */
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
	    (int64_t)ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000);
}

void
sd_stopping(struct sd *sd)
{
	(void)sd;
	(void)sd_notify(0, "STOPPING=1");
}

void
sd_status(struct sd *sd, const char *text)
{
	char *copy, *p;

	if (sd->status && str_eq(sd->status, text))
		return;
	free(sd->status);
	sd->status = xstrdup(text);
	copy = xasprintf("STATUS=%s", text);
	for (p = copy; *p; p++)
		if (*p == '\n')
			*p = ' ';
	(void)sd_notify(0, copy);
	free(copy);
}

#else

struct sd {
	struct loop *loop;
};

struct sd *
sd_new(struct loop *loop)
{
	struct sd *sd = xcalloc(1, sizeof(*sd));

	sd->loop = loop;
	return sd;
}

void
sd_free(struct sd *sd)
{
	free(sd);
}

void
sd_ready(struct sd *sd)
{
	(void)sd;
}

void
sd_reloading(struct sd *sd)
{
	(void)sd;
}

void
sd_stopping(struct sd *sd)
{
	(void)sd;
}

void
sd_status(struct sd *sd, const char *text)
{
	(void)sd;
	(void)text;
}

#endif
