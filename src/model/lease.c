#include "model/lease.h"

#include <errno.h>
#include <string.h>

#include "util/mem.h"
#include "util/str.h"

#define NODE_PREFIX "node-"
#define ADDRESS_PREFIX "ip-"

void
lease_free(struct lease *lease)
{
	if (lease)
		arena_free(lease->arena);
}

struct lease *
lease_new(const char *name)
{
	struct arena *arena = arena_new();
	struct lease *lease = arena_alloc(arena, 1, sizeof(*lease));

	lease->arena = arena;
	lease->name = arena_strdup(arena, name);
	lease->uid = lease->resource_version = lease->holder = "";
	return lease;
}

static struct labels
labels_copy(struct arena *arena, const struct labels *labels)
{
	struct label *items = arena_alloc(arena, labels->count, sizeof(*items));
	size_t i;

	for (i = 0; i < labels->count; i++) {
		items[i].key = arena_strdup(arena, labels->items[i].key);
		items[i].value = arena_strdup(arena, labels->items[i].value);
	}
	return (struct labels){items, labels->count};
}

struct lease *
lease_copy(const struct lease *lease)
{
	struct lease *copy = lease_new(lease->name);

	copy->uid = arena_strdup(copy->arena, lease->uid);
	copy->resource_version = arena_strdup(copy->arena, lease->resource_version);
	copy->holder = arena_strdup(copy->arena, lease->holder);
	copy->duration_seconds = lease->duration_seconds;
	copy->transitions = lease->transitions;
	copy->acquire_time_usec = lease->acquire_time_usec;
	copy->renew_time_usec = lease->renew_time_usec;
	copy->labels = labels_copy(copy->arena, &lease->labels);
	copy->annotations = labels_copy(copy->arena, &lease->annotations);
	return copy;
}

void
lease_set_annotation(struct lease *lease, const char *key, const char *value)
{
	const struct labels *old = &lease->annotations;
	struct label *items = arena_alloc(lease->arena, old->count + 1, sizeof(*items));
	size_t i, n = 0;

	for (i = 0; i < old->count; i++)
		if (!str_eq(old->items[i].key, key))
			items[n++] = old->items[i];
	if (value) {
		items[n].key = arena_strdup(lease->arena, key);
		items[n++].value = arena_strdup(lease->arena, value);
	}
	lease->annotations = (struct labels){items, labels_sort(items, n)};
}

const char *
lease_annotation(const struct lease *lease, const char *key)
{
	return labels_get(&lease->annotations, key);
}

bool
lease_is_held(const struct lease *lease)
{
	return *lease->holder != '\0';
}

enum lease_kind
lease_kind_of(const char *name)
{
	struct ip_addr addr;

	if (str_eq(name, "allocator"))
		return LEASE_ALLOCATOR;
	if (str_has_prefix(name, NODE_PREFIX))
		return LEASE_NODE;
	return lease_parse_address_name(name, &addr) ? LEASE_OTHER : LEASE_ADDRESS;
}

char *
lease_node_name(struct arena *arena, const char *node)
{
	return arena_printf(arena, NODE_PREFIX "%s", node);
}

char *
lease_address_name(struct arena *arena, const struct ip_addr *addr)
{
	char text[IP_ADDR_NAME_LEN];

	ip_addr_name(addr, text);
	return arena_printf(arena, ADDRESS_PREFIX "%s", text);
}

int
lease_parse_address_name(const char *name, struct ip_addr *ret_addr)
{
	if (!str_has_prefix(name, ADDRESS_PREFIX))
		return -EINVAL;
	return ip_addr_parse_name(name + strlen(ADDRESS_PREFIX), ret_addr);
}

void
lease_table_clear(struct lease_table *table)
{
	struct lease *lease, *next;

	MAP_FOREACH_SAFE (lease, next, table->head) {
		MAP_DEL(table->head, lease);
		lease_free(lease);
	}
}

struct lease *
lease_table_find(const struct lease_table *table, const char *name)
{
	struct lease *lease;

	MAP_FIND_STR(table->head, name, lease);
	return lease;
}

void
lease_table_put(struct lease_table *table, struct lease *lease)
{
	(void)lease_table_remove(table, lease->name);
	MAP_ADD_STR(table->head, lease->name, lease);
}

bool
lease_table_remove(struct lease_table *table, const char *name)
{
	struct lease *lease = lease_table_find(table, name);

	if (!lease)
		return false;
	MAP_DEL(table->head, lease);
	lease_free(lease);
	return true;
}
