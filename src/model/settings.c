#include "model/settings.h"

#include "util/mem.h"
#include "util/str.h"

void
settings_free(struct settings *settings)
{
	if (settings)
		arena_free(settings->arena);
}

const struct settings_pool *
settings_pool_by_name(const struct settings *settings, const char *name)
{
	size_t i;

	for (i = 0; i < settings->n_pools; i++)
		if (str_eq(settings->pools[i].name, name))
			return &settings->pools[i];
	return NULL;
}

static bool
ranges_contain(const struct settings_range *ranges, size_t n, const struct ip_addr *addr)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (ip_range_contains(&ranges[i].range, addr))
			return true;
	return false;
}

const struct settings_pool *
settings_pool_of(const struct settings *settings, const struct ip_addr *addr)
{
	size_t i;

	for (i = 0; i < settings->n_pools; i++)
		if (ranges_contain(
			settings->pools[i].addresses, settings->pools[i].n_addresses, addr))
			return &settings->pools[i];
	return NULL;
}

bool
settings_pool_allows(const struct settings_pool *pool, const struct ip_addr *addr)
{
	if (!ranges_contain(pool->addresses, pool->n_addresses, addr) ||
	    ranges_contain(pool->excludes, pool->n_excludes, addr))
		return false;
	return !(pool->avoid_buggy_ips && addr->family == IP_FAMILY_V4 &&
	    (addr->bytes[3] == 0 || addr->bytes[3] == 255));
}

bool
string_list_matches(const struct string_list *globs, const char *s)
{
	size_t i;

	for (i = 0; i < globs->count; i++)
		if (str_glob(globs->items[i], s))
			return true;
	return globs->count == 0;
}

int
community_cmp(const void *a, const void *b)
{
	const struct community *x = a, *y = b;
	size_t i;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	for (i = 0; i < 3; i++)
		if (x->value[i] != y->value[i])
			return x->value[i] < y->value[i] ? -1 : 1;
	return 0;
}
