/*
 * events: writes Events on Services, in order and a few at a time. What and how often is decided by
 * kube/event_series.
 */
#ifndef DAEMON_EVENTS_H
#define DAEMON_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct api;
struct events;
struct loop;
struct service;

#define EVENTS_MAX_QUEUED                                                                         \
	2048 /* more are dropped and counted: conditions carry the state, Events only the history \
	      */
#define EVENTS_MAX_IN_FLIGHT 8

struct events *events_new(struct loop *loop, struct api *api, const char *node, uint64_t seed);
/* What was not sent is lost. NULL is allowed. */
void events_free(struct events *events);
/* Everything is copied. */
void events_say(struct events *events, const struct service *service, bool warning,
    const char *reason, const char *message);
/* Dropped so far: queue full, or too many on one Service. */
uint64_t events_dropped(const struct events *events);
size_t events_waiting(const struct events *events);

#endif
