/*
 * events: writes Events on Services, in order and in small batches a moment later: nobody waits for
 * them, and each that goes alone wakes process and server. What and how often is decided by
 * kube/event_series.
 */
#ifndef DAEMON_EVENTS_H
#define DAEMON_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/mono.h"

struct api;
struct events;
struct loop;
struct service;

/* More are dropped and counted: conditions carry the state, Events only the history. */
#define EVENTS_MAX_QUEUED 2048
#define EVENTS_MAX_IN_FLIGHT 16
#define EVENTS_DELAY_USEC (100 * USEC_PER_MSEC)
/* After an answer that leaves hope (none, 5xx, 429, 401): 0.25, 0.5, 1, 2 s; then it is dropped.
 * Order is kept, so all wait. An Event that was written all the same answers 409, which is good. */
#define EVENTS_RETRY_USEC (250 * USEC_PER_MSEC)
#define EVENTS_MAX_RETRIES 4

struct events *events_new(struct loop *loop, struct api *api, const char *node, uint64_t seed);
/* What was not sent is lost. NULL is allowed. */
void events_free(struct events *events);
/* Everything is copied. */
void events_say(struct events *events, const struct service *service, bool warning,
    const char *reason, const char *message);
/* Dropped so far: no room, refused or failed for good, or too many on one Service. */
uint64_t events_dropped(const struct events *events);
size_t events_waiting(const struct events *events);

#endif
