/*
 * event: a v1 Event on a Service, as JSON for POST, and the PATCH that counts it up.
 */
#ifndef KUBE_EVENT_H
#define KUBE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KUBE_EVENT_MAX_MESSAGE 1024 /* bytes; the API refuses more */
#define KUBE_EVENT_MAX_REASON 128
#define KUBE_EVENT_COMPONENT "metallbd"

/* All pointers are borrowed. */
struct kube_event {
	const char *namespace, *service;    /* of the Service; the Event lives in its namespace */
	const char *uid, *resource_version; /* of the Service */
	uint64_t id;                        /* the name is SERVICE.<16 hex digits of id> */
	bool warning;                       /* type Warning, else Normal */
	const char *reason;                 /* CamelCase */
	const char *message;                /* cut at KUBE_EVENT_MAX_MESSAGE, between characters */
	const char *host;                   /* this node's name */
	int64_t first_usec, last_usec;      /* wall clock */
	uint32_t count;
};

/* Heap text; the caller frees. */
char *kube_event_encode(const struct kube_event *event);
/* Strategic merge patch of count and lastTimestamp. */
char *kube_event_encode_patch(const struct kube_event *event);
/* metadata.name */
#define KUBE_EVENT_NAME_LEN (253 + 1 + 16 + 1)
void kube_event_name(const struct kube_event *event, char out[KUBE_EVENT_NAME_LEN]);

#endif
