/*
 * sd: what systemd is told (sd_notify(3)) and its watchdog. All of it does nothing outside of
 * systemd (no NOTIFY_SOCKET) or when built without libsystemd.
 */
#ifndef IO_SD_H
#define IO_SD_H

struct loop;
struct sd;

/* Never NULL. Starts the watchdog's pings from the loop when the unit has WatchdogSec=. */
struct sd *sd_new(struct loop *loop);
/* NULL is allowed. */
void sd_free(struct sd *sd);
/* READY=1: started, or reloaded after sd_reloading(). */
void sd_ready(struct sd *sd);
/* RELOADING=1 with MONOTONIC_USEC (Type=notify-reload); sd_ready() must follow. */
void sd_reloading(struct sd *sd);
void sd_stopping(struct sd *sd);
/* STATUS=; one that is the same as the last is not sent. Newlines become spaces. */
void sd_status(struct sd *sd, const char *text);

#endif
