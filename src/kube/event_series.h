/*
 * event_series: which Events are written, and how: the same (Service, type, reason, message) again
 * within ten minutes counts up the Event that is there; a Service gets only so many in a row
 * (client-go's numbers); what is remembered is capped, the oldest goes first.
 */
#ifndef KUBE_EVENT_SERIES_H
#define KUBE_EVENT_SERIES_H

#include <stdint.h>

#include "kube/event.h"
#include "util/mono.h"

#define KUBE_EVENT_SERIES_WINDOW_USEC (10 * USEC_PER_MIN)
#define KUBE_EVENT_SERIES_MAX 4096 /* Events, and Services, that are remembered */
#define KUBE_EVENT_SERIES_BURST 25 /* per Service ... */
#define KUBE_EVENT_SERIES_INTERVAL_USEC (5 * USEC_PER_MIN) /* ... then one each */

enum kube_event_verdict {
	KUBE_EVENT_POST,
	KUBE_EVENT_PATCH, /* the Event of that name, with kube_event_encode_patch() */
	KUBE_EVENT_DROP,  /* too many on this Service: counted */
	KUBE_EVENT_VERDICT_COUNT
};

struct kube_event_series;

/* `seed`: names of Events are unique among daemons with distinct seeds. */
struct kube_event_series *kube_event_series_new(uint64_t seed);
void kube_event_series_free(struct kube_event_series *series);
/*
 * Notes one occurrence: `event` has everything but id, first_usec and count, which are filled in
 * here (for a PATCH those of the Event that is there, uid and all being the same).
 */
enum kube_event_verdict
kube_event_series_note(struct kube_event_series *series, struct kube_event *event, mono_t now);
/* The Event could not be posted, or a PATCH found none (404): the next one is a POST again. */
void kube_event_series_forget(struct kube_event_series *series, const struct kube_event *event);
/* Events dropped so far. */
uint64_t kube_event_series_dropped(const struct kube_event_series *series);
size_t kube_event_series_count(const struct kube_event_series *series);

#endif
