#include "util/link.h"

#include <stdlib.h>

#include "util/str.h"

void
link_table_clear(struct link_table *table)
{
	size_t i;

	for (i = 0; i < table->count; i++)
		free(table->items[i].addresses);
	free(table->items);
	*table = (struct link_table){0};
}

const struct link_info *
link_table_by_index(const struct link_table *table, int ifindex)
{
	size_t i;

	for (i = 0; i < table->count; i++)
		if (table->items[i].ifindex == ifindex)
			return &table->items[i];
	return NULL;
}

const struct link_info *
link_table_by_name(const struct link_table *table, const char *name)
{
	size_t i;

	for (i = 0; i < table->count; i++)
		if (str_eq(table->items[i].name, name))
			return &table->items[i];
	return NULL;
}

bool
link_is_on_link(const struct link_info *link, const struct ip_addr *addr)
{
	size_t i;

	for (i = 0; i < link->n_addresses; i++) {
		const struct ip_prefix *prefix = &link->addresses[i];

		if (prefix->len < ip_family_size((enum ip_family)prefix->addr.family) * 8 &&
		    ip_prefix_contains(prefix, addr))
			return true;
	}
	return false;
}

bool
link_is_kube_ipvs(const struct link_info *link)
{
	return str_has_prefix(link->name, "kube-ipvs");
}

bool
link_has_address(const struct link_info *link, const struct ip_addr *addr)
{
	size_t i;

	for (i = 0; i < link->n_addresses; i++)
		if (ip_addr_eq(&link->addresses[i].addr, addr))
			return true;
	return false;
}
