#include "kube/known.h"

#include <stdlib.h>
#include <string.h>

#include "kube/object.h"
#include "util/hash.h"
#include "util/map.h"
#include "util/mem.h"

struct kube_known_entry {
	struct map_node node;
	uint64_t fingerprint; /* of uid and resourceVersion */
	uint32_t round;
	char key[];
};

static void
entry_remove(struct kube_known *known, struct kube_known_entry *entry)
{
	MAP_DEL(known->head, entry);
	free(entry);
}

static struct kube_known_entry *
entry_find(const struct kube_known *known, const char *key)
{
	struct kube_known_entry *entry;

	MAP_FIND_STR(known->head, key, entry);
	return entry;
}

void
kube_known_clear(struct kube_known *known)
{
	while (known->head)
		entry_remove(known, known->head);
}

size_t
kube_known_count(const struct kube_known *known)
{
	return MAP_COUNT(known->head);
}

enum kube_known_change
kube_known_put(
    struct kube_known *known, const char *key, const struct kube_object_id *id, size_t max)
{
	struct kube_known_entry *entry = entry_find(known, key);
	size_t size = strlen(key) + 1;
	uint64_t fingerprint = hash_final(
	    hash_string(hash_string(HASH_INIT, id->uid), id->resource_version));
	enum kube_known_change change = KUBE_KNOWN_CHANGED;

	if (!entry) {
		if (kube_known_count(known) >= max)
			return KUBE_KNOWN_FULL;
		entry = xcalloc(1, sizeof(*entry) + size);
		memcpy(entry->key, key, size);
		MAP_ADD_STR(known->head, entry->key, entry);
		change = KUBE_KNOWN_NEW;
	} else if (entry->fingerprint == fingerprint && *id->resource_version) {
		change = KUBE_KNOWN_SAME;
	}
	entry->fingerprint = fingerprint;
	entry->round = known->round;
	return change;
}

bool
kube_known_remove(struct kube_known *known, const char *key)
{
	struct kube_known_entry *entry = entry_find(known, key);

	if (!entry)
		return false;
	entry_remove(known, entry);
	return true;
}

void
kube_known_begin(struct kube_known *known)
{
	known->round++;
}

size_t
kube_known_sweep(struct kube_known *known, kube_known_fn *gone, void *arg)
{
	struct kube_known_entry *entry, *next;
	size_t n = 0;

	MAP_FOREACH_SAFE (entry, next, known->head) {
		if (entry->round == known->round)
			continue;
		MAP_DEL(known->head, entry);
		gone(arg, entry->key);
		free(entry);
		n++;
	}
	return n;
}
