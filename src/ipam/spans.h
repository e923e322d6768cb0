/*
 * spans: a set of addresses, kept as disjoint, merged intervals. Memory grows with the number of
 * intervals, not of addresses; everything is O(log n) of that number.
 */
#ifndef IPAM_SPANS_H
#define IPAM_SPANS_H

#include <stdbool.h>
#include <stddef.h>

#include "ipam/tree.h"
#include "util/addr.h"

struct spans {
	struct tree tree;
};

void spans_init(struct spans *spans);
void spans_fini(struct spans *spans);
/* Adds the range (one family); what is in already stays. Touching intervals become one. */
void spans_add(struct spans *spans, const struct ip_range *range);
/* Takes the range out, wherever it is in. */
void spans_remove(struct spans *spans, const struct ip_range *range);
/* The interval that holds addr; false (*ret_range untouched) when none does. */
bool spans_find(const struct spans *spans, const struct ip_addr *addr, struct ip_range *ret_range);
/* The interval of one node of spans->tree. */
struct ip_range spans_range(const struct tree_node *node);
/* Number of intervals. */
size_t spans_count(const struct spans *spans);

#endif
