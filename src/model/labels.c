#include "model/labels.h"

#include <stdlib.h>
#include <string.h>

#include "util/str.h"

static int
label_cmp(const void *a, const void *b)
{
	const struct label *la = a, *lb = b;

	return strcmp(la->key, lb->key);
}

size_t
labels_sort(struct label *items, size_t count)
{
	size_t i, n = 0;

	/* Insertion keeps equal keys in order (qsort may not), and lists are short; long ones are
	 * cut by the decoder's cap. */
	for (i = 0; i < count; i++) {
		struct label item = items[i];
		size_t pos = n;

		while (pos && strcmp(items[pos - 1].key, item.key) > 0)
			pos--;
		if (pos && strcmp(items[pos - 1].key, item.key) == 0) {
			items[pos - 1] = item;
			continue;
		}
		memmove(&items[pos + 1], &items[pos], (n - pos) * sizeof(*items));
		items[pos] = item;
		n++;
	}
	return n;
}

const char *
labels_get(const struct labels *labels, const char *key)
{
	const struct label wanted = {.key = key}, *found;

	if (!labels->count)
		return NULL;
	found = bsearch(&wanted, labels->items, labels->count, sizeof(*labels->items), label_cmp);
	return found ? found->value : NULL;
}

bool
labels_equal(const struct labels *a, const struct labels *b)
{
	size_t i;

	if (a->count != b->count)
		return false;
	for (i = 0; i < a->count; i++)
		if (!str_eq(a->items[i].key, b->items[i].key) ||
		    !str_eq(a->items[i].value, b->items[i].value))
			return false;
	return true;
}
