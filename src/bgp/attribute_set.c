#include "bgp/attribute_set.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "util/buf.h"
#include "util/mem.h"

#define FIXED_BYTES (3 * 4 + 1 + 2)
#define KEY_MAX_BYTES (FIXED_BYTES + BGP_COMMUNITIES_MAX_BYTES)
#define STANDARD_BYTES 4
#define LARGE_BYTES 12

static int
cmp_standard(const void *a, const void *b)
{
	return memcmp(a, b, STANDARD_BYTES);
}

static int
cmp_large(const void *a, const void *b)
{
	return memcmp(a, b, LARGE_BYTES);
}

/* Sorts len bytes of items at `items` and drops repetitions; returns what is left of len. */
static size_t
sort_unique(uint8_t *items, size_t len, size_t size, int (*cmp)(const void *, const void *))
{
	size_t in, out = size;

	if (!len)
		return 0;
	qsort(items, len / size, size, cmp);
	for (in = size; in < len; in += size) {
		if (!memcmp(items + in, items + out - size, size))
			continue;
		memmove(items + out, items + in, size);
		out += size;
	}
	return out;
}

/* Appends those of one kind, sorted and unique. Returns their bytes; w->error when they do not fit.
 */
static size_t
add_communities(struct wbuf *w, const struct bgp_route_attributes *a, enum community_kind kind)
{
	bool standard = kind == COMMUNITY_STANDARD;
	size_t start = w->pos, len, i, n;

	for (i = 0; i < a->n_communities; i++) {
		if (a->communities[i].kind != kind)
			continue;
		for (n = 0; n < (standard ? 1U : 3U); n++)
			wbuf_u32(w, a->communities[i].value[n]);
	}
	if (w->error)
		return 0;
	len = sort_unique(w->bytes + start, w->pos - start, standard ? STANDARD_BYTES : LARGE_BYTES,
	    standard ? cmp_standard : cmp_large);
	w->pos = start + len;
	return len;
}

/* Everything that makes two sets the same, and nothing else. False when it is too long. */
static bool
make_key(const struct bgp_route_attributes *a, struct wbuf *w, size_t *ret_standard_len)
{
	size_t len;

	wbuf_u32(w, a->med);
	wbuf_u32(w, a->local_pref);
	wbuf_u32(w, a->weight);
	wbuf_u8(w, a->prepend);
	wbuf_u16(w, 0);
	len = add_communities(w, a, COMMUNITY_STANDARD);
	wbuf_patch_u16(w, FIXED_BYTES - 2, (uint16_t)len);
	(void)add_communities(w, a, COMMUNITY_LARGE);
	*ret_standard_len = len;
	return !w->error;
}

struct bgp_attribute_set *
bgp_attribute_pool_get(
    struct bgp_attribute_pool *pool, const struct bgp_route_attributes *attributes)
{
	uint8_t key[KEY_MAX_BYTES];
	struct bgp_attribute_set *set;
	size_t standard_len;
	struct wbuf w;

	assert(attributes->prepend <= BGP_PREPEND_MAX);
	wbuf_init(&w, key, sizeof(key));
	if (!make_key(attributes, &w, &standard_len))
		return NULL;
	MAP_FIND_BYTES(pool->sets, key, w.pos, set);
	if (set)
		return bgp_attribute_set_ref(set);
	set = xcalloc(1, sizeof(*set) + w.pos);
	set->refs = 1;
	set->med = attributes->med;
	set->local_pref = attributes->local_pref;
	set->weight = attributes->weight;
	set->prepend = attributes->prepend;
	set->key_len = w.pos;
	memcpy(set->key, key, w.pos);
	set->communities = (struct bgp_span){set->key + FIXED_BYTES, standard_len};
	set->large = (struct bgp_span){
	    set->key + FIXED_BYTES + standard_len, w.pos - FIXED_BYTES - standard_len};
	MAP_ADD_BYTES(pool->sets, set->key, set->key_len, set);
	return set;
}

struct bgp_attribute_set *
bgp_attribute_set_ref(struct bgp_attribute_set *set)
{
	set->refs++;
	return set;
}

void
bgp_attribute_set_unref(struct bgp_attribute_pool *pool, struct bgp_attribute_set *set)
{
	if (!set || --set->refs)
		return;
	MAP_DEL(pool->sets, set);
	free(set);
}

size_t
bgp_attribute_pool_count(const struct bgp_attribute_pool *pool)
{
	return MAP_COUNT(pool->sets);
}
