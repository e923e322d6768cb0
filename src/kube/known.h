/*
 * known: which objects of a resource were reported, and in which state: what turns a new list into
 * the difference to the old one. Keys and fingerprints only, no objects.
 */
#ifndef KUBE_KNOWN_H
#define KUBE_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kube_object_id;
struct kube_known_entry;

/* All zeros is an empty one. */
struct kube_known {
	struct kube_known_entry *head;
	uint32_t round; /* of the list that is, or was last, under way */
};

enum kube_known_change {
	KUBE_KNOWN_NEW,
	KUBE_KNOWN_CHANGED,
	KUBE_KNOWN_SAME, /* uid and resourceVersion as before */
	KUBE_KNOWN_FULL, /* a new one, but `max` are known: not added */
	KUBE_KNOWN_CHANGE_COUNT
};

typedef void kube_known_fn(void *arg, const char *key);

void kube_known_clear(struct kube_known *known);
size_t kube_known_count(const struct kube_known *known);
/* Adds or updates, and marks it as seen in this round. */
enum kube_known_change kube_known_put(
    struct kube_known *known, const char *key, const struct kube_object_id *id, size_t max);
/* False when it was not known. */
bool kube_known_remove(struct kube_known *known, const char *key);
/* A list begins. */
void kube_known_begin(struct kube_known *known);
/* A list is complete: removes what it did not show, each told to `gone`. Returns how many. */
size_t kube_known_sweep(struct kube_known *known, kube_known_fn *gone, void *arg);

#endif
