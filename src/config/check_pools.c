/* Pools: overlaps, excludes, and addresses that must not be in one. */
#include <stdlib.h>
#include <string.h>

#include "config/checker.h"
#include "util/mem.h"
#include "util/str.h"

struct entry {
	const struct settings_range *range;
	size_t pool, index;
};

static int
cmp_entry(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int c = ip_addr_cmp(&x->range->range.first, &y->range->range.first);

	if (c)
		return c;
	if (x->pool != y->pool)
		return x->pool < y->pool ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static bool
comes_before(const struct entry *a, const struct entry *b)
{
	return a->pool < b->pool || (a->pool == b->pool && a->index < b->index);
}

/* Said at the one that stands later in the file. */
static void
report_overlap(struct checker *c, const struct entry *a, const struct entry *b)
{
	const struct entry *first = comes_before(a, b) ? a : b, *second = first == a ? b : a;
	const char *path = checker_text(
	    c, "address-pools[%zu].addresses[%zu]", second->pool, second->index);
	const char *first_path = checker_text(
	    c, "address-pools[%zu].addresses[%zu]", first->pool, first->index);

	/* Twice the same in one pool was said when the list was read. */
	if (!checker_is_wrong(c, path))
		checker_fail(c, path, "\"%s\": overlaps \"%s\" at %s (%s)", second->range->text,
		    first->range->text, checker_place(c, first_path), first_path);
}

static void
check_overlaps(struct checker *c)
{
	const struct settings *s = c->settings;
	struct entry *entries, *widest = NULL;
	size_t n = 0, total = 0, i, j;

	for (i = 0; i < s->n_pools; i++)
		total += s->pools[i].n_addresses;
	entries = xcalloc(total, sizeof(*entries));
	for (i = 0; i < s->n_pools; i++)
		for (j = 0; j < s->pools[i].n_addresses; j++)
			if (s->pools[i].addresses[j].range.first.family != IP_FAMILY_NONE)
				entries[n++] = (struct entry){
				    .range = &s->pools[i].addresses[j], .pool = i, .index = j};
	qsort(entries, n, sizeof(*entries), cmp_entry);
	for (i = 0; i < n; i++) {
		const struct ip_range *range = &entries[i].range->range;

		if (widest && ip_range_overlaps(&widest->range->range, range))
			report_overlap(c, widest, &entries[i]);
		if (!widest || ip_addr_cmp(&range->last, &widest->range->range.last) > 0)
			widest = &entries[i];
	}
	free(entries);
}

/* Whether each address of `range` is in one of the others. */
static bool
is_covered(const struct ip_range *range, const struct settings_range *others, size_t n)
{
	struct ip_addr next = range->first;
	size_t i;

	for (;;) {
		for (i = 0; i < n && !ip_range_contains(&others[i].range, &next); i++)
			continue;
		if (i == n)
			return false;
		if (ip_addr_cmp(&others[i].range.last, &range->last) >= 0)
			return true;
		if (!ip_addr_next(&others[i].range.last, &next))
			return true;
	}
}

static bool
overlaps_any(const struct ip_range *range, const struct settings_range *others, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (ip_range_overlaps(range, &others[i].range))
			return true;
	return false;
}

static void
check_excludes(struct checker *c, const struct settings_pool *pool, size_t pool_index)
{
	size_t i, covered = 0;

	for (i = 0; i < pool->n_excludes; i++) {
		const struct settings_range *exclude = &pool->excludes[i];
		const char *path;

		if (exclude->range.first.family == IP_FAMILY_NONE)
			continue;
		path = checker_text(c, "address-pools[%zu].exclude[%zu]", pool_index, i);
		if (!overlaps_any(&exclude->range, pool->addresses, pool->n_addresses))
			checker_fail(
			    c, path, "\"%s\": outside the addresses of the pool", exclude->text);
		else if (!is_covered(&exclude->range, pool->addresses, pool->n_addresses))
			checker_warn(c, path, "\"%s\": partly outside the addresses of the pool",
			    exclude->text);
	}
	for (i = 0; i < pool->n_addresses; i++)
		covered += is_covered(&pool->addresses[i].range, pool->excludes, pool->n_excludes);
	if (pool->n_addresses && covered == pool->n_addresses)
		checker_warn(c, checker_text(c, "address-pools[%zu].exclude", pool_index),
		    "nothing is left of the addresses of the pool");
}

const struct settings_pool *
config_check_server(const struct settings *settings, const char *host)
{
	const struct settings_pool *pool;
	char text[IP_ADDR_STRLEN];
	struct ip_addr addr;
	size_t len = strlen(host);

	if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
		host++;
		len -= 2;
	}
	if (len >= sizeof(text))
		return NULL;
	memcpy(text, host, len);
	text[len] = '\0';
	if (ip_addr_parse(text, &addr))
		return NULL;
	pool = settings_pool_of(settings, &addr);
	return pool && settings_pool_allows(pool, &addr) ? pool : NULL;
}

void
check_pools(struct checker *c)
{
	size_t i;

	check_overlaps(c);
	for (i = 0; i < c->settings->n_pools; i++)
		check_excludes(c, &c->settings->pools[i], i);
}
