#include "kube/event_series.h"

#include <stdlib.h>
#include <string.h>

#include "util/map.h"
#include "util/mem.h"
#include "util/prng.h"
#include "util/rate.h"
#include "util/str.h"

/* One Event that the API has. */
struct entry {
	struct map_node node; /* by key; in order of insertion, so the first is the oldest */
	char *key;
	uint64_t id;
	uint32_t count;
	int64_t first_usec;
	mono_t last;
};

struct bucket {
	struct map_node node;
	char *key; /* "namespace/name" */
	struct rate rate;
};

struct kube_event_series {
	struct entry *entries;
	struct bucket *buckets;
	struct prng prng;
	uint64_t dropped;
};

struct kube_event_series *
kube_event_series_new(uint64_t seed)
{
	struct kube_event_series *series = xcalloc(1, sizeof(*series));

	prng_init(&series->prng, seed);
	return series;
}

static void
entry_remove(struct kube_event_series *series, struct entry *entry)
{
	MAP_DEL(series->entries, entry);
	free(entry->key);
	free(entry);
}

static void
bucket_remove(struct kube_event_series *series, struct bucket *bucket)
{
	MAP_DEL(series->buckets, bucket);
	free(bucket->key);
	free(bucket);
}

void
kube_event_series_free(struct kube_event_series *series)
{
	if (!series)
		return;
	while (series->entries)
		entry_remove(series, series->entries);
	while (series->buckets)
		bucket_remove(series, series->buckets);
	free(series);
}

/* The parts joined by a byte that none of them has, but for a message that somebody crafted: it
 * comes last, so it cannot pass for another part. */
static char *
entry_key(const struct kube_event *event)
{
	return xasprintf("%s/%s\n%s\n%d%s\n%.*s", event->namespace, event->service, event->uid,
	    event->warning, event->reason, KUBE_EVENT_MAX_MESSAGE, event->message);
}

static struct entry *
entry_find(const struct kube_event_series *series, const struct kube_event *event)
{
	mem_cleanup(mem_freep) char *key = entry_key(event);
	struct entry *entry;

	MAP_FIND_STR(series->entries, key, entry);
	return entry;
}

static void
drop_old_entries(struct kube_event_series *series, mono_t now)
{
	struct entry *entry, *next;

	MAP_FOREACH_SAFE (entry, next, series->entries) {
		if (mono_diff_usec(now, entry->last) < KUBE_EVENT_SERIES_WINDOW_USEC &&
		    MAP_COUNT(series->entries) < KUBE_EVENT_SERIES_MAX)
			break;
		entry_remove(series, entry);
	}
}

static struct entry *
entry_add(struct kube_event_series *series, const struct kube_event *event, mono_t now)
{
	struct entry *entry;

	drop_old_entries(series, now);
	entry = xcalloc(1, sizeof(*entry));
	entry->key = entry_key(event);
	entry->id = prng_next(&series->prng);
	entry->first_usec = event->last_usec;
	MAP_ADD_STR(series->entries, entry->key, entry);
	return entry;
}

static bool
take_token(struct kube_event_series *series, const struct kube_event *event, mono_t now)
{
	mem_cleanup(mem_freep) char *key = xasprintf("%s/%s", event->namespace, event->service);
	struct bucket *bucket;

	MAP_FIND_STR(series->buckets, key, bucket);
	if (!bucket) {
		if (MAP_COUNT(series->buckets) >= KUBE_EVENT_SERIES_MAX)
			bucket_remove(series, series->buckets);
		bucket = xcalloc(1, sizeof(*bucket));
		bucket->key = xstrdup(key);
		rate_init(
		    &bucket->rate, KUBE_EVENT_SERIES_INTERVAL_USEC, KUBE_EVENT_SERIES_BURST, now);
		MAP_ADD_STR(series->buckets, bucket->key, bucket);
	}
	return rate_take(&bucket->rate, now);
}

enum kube_event_verdict
kube_event_series_note(struct kube_event_series *series, struct kube_event *event, mono_t now)
{
	struct entry *entry;

	if (!take_token(series, event, now)) {
		series->dropped++;
		return KUBE_EVENT_DROP;
	}
	entry = entry_find(series, event);
	if (entry && mono_diff_usec(now, entry->last) >= KUBE_EVENT_SERIES_WINDOW_USEC) {
		entry_remove(series, entry);
		entry = NULL;
	}
	if (!entry) {
		entry = entry_add(series, event, now);
	} else {
		/* To the end, so that the order stays that of age. */
		MAP_DEL(series->entries, entry);
		MAP_ADD_STR(series->entries, entry->key, entry);
	}
	entry->last = now;
	if (entry->count < UINT32_MAX >> 1)
		entry->count++;
	event->id = entry->id;
	event->count = entry->count;
	event->first_usec = entry->first_usec;
	return entry->count == 1 ? KUBE_EVENT_POST : KUBE_EVENT_PATCH;
}

void
kube_event_series_forget(struct kube_event_series *series, const struct kube_event *event)
{
	struct entry *entry = entry_find(series, event);

	if (entry && entry->id == event->id)
		entry_remove(series, entry);
}

uint64_t
kube_event_series_dropped(const struct kube_event_series *series)
{
	return series->dropped;
}

size_t
kube_event_series_count(const struct kube_event_series *series)
{
	return MAP_COUNT(series->entries);
}
