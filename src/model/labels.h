/*
 * labels: a sorted list of key=value pairs (labels or annotations of a Kubernetes object). Owned by
 * the arena of the object that has them.
 */
#ifndef MODEL_LABELS_H
#define MODEL_LABELS_H

#include <stdbool.h>
#include <stddef.h>

struct label {
	const char *key, *value;
};

/* Sorted by key, keys unique. */
struct labels {
	const struct label *items;
	size_t count;
};

/* Sorts in place; of equal keys the last one stays. Returns the new count. */
size_t labels_sort(struct label *items, size_t count);
/* The value, NULL when the key is absent. */
const char *labels_get(const struct labels *labels, const char *key);
/* The same keys with the same values. */
bool labels_equal(const struct labels *a, const struct labels *b);

#endif
