#include "ipam/spans.h"

#include <stdlib.h>

#include "util/mem.h"

struct span {
	struct tree_node node;
	struct ip_range range;
};

static const struct span *
span_of(const struct tree_node *node)
{
	return (const struct span *)(const void *)node;
}

static int
span_cmp(const struct tree_node *a, const struct tree_node *b)
{
	return ip_addr_cmp(&span_of(a)->range.first, &span_of(b)->range.first);
}

void
spans_init(struct spans *spans)
{
	tree_init(&spans->tree, span_cmp);
}

static void
drop(struct spans *spans, struct span *span)
{
	tree_remove(&spans->tree, &span->node);
	free(span);
}

void
spans_fini(struct spans *spans)
{
	struct tree_node *node;

	while ((node = tree_first(&spans->tree)))
		drop(spans, TREE_ITEM(node, struct span, node));
}

static void
insert(struct spans *spans, const struct ip_addr *first, const struct ip_addr *last)
{
	struct span *span = xcalloc(1, sizeof(*span));

	span->range = (struct ip_range){*first, *last};
	tree_insert(&spans->tree, &span->node);
}

static struct span *
floor_of(const struct spans *spans, const struct ip_addr *addr)
{
	struct span key = {.range = {*addr, *addr}};
	struct tree_node *node = tree_floor(&spans->tree, &key.node);

	return node ? TREE_ITEM(node, struct span, node) : NULL;
}

static struct span *
after_of(const struct spans *spans, const struct ip_addr *addr)
{
	struct span key = {.range = {*addr, *addr}};
	struct tree_node *node = tree_after(&spans->tree, &key.node);

	return node ? TREE_ITEM(node, struct span, node) : NULL;
}

/* Whether a is the address right before b, or beyond it. Families never touch. */
static bool
reaches(const struct ip_addr *a, const struct ip_addr *b)
{
	struct ip_addr next;

	if (a->family != b->family)
		return false;
	return ip_addr_cmp(a, b) >= 0 || (ip_addr_next(a, &next) && ip_addr_eq(&next, b));
}

void
spans_add(struct spans *spans, const struct ip_range *range)
{
	struct ip_addr first = range->first, last = range->last;
	struct span *span = floor_of(spans, &first);

	if (span && reaches(&span->range.last, &first)) {
		if (ip_addr_cmp(&span->range.last, &last) >= 0)
			return;
		first = span->range.first;
		drop(spans, span);
	}
	while ((span = after_of(spans, &first)) && reaches(&last, &span->range.first)) {
		if (ip_addr_cmp(&span->range.last, &last) > 0)
			last = span->range.last;
		drop(spans, span);
	}
	insert(spans, &first, &last);
}

void
spans_remove(struct spans *spans, const struct ip_range *range)
{
	struct span *span = floor_of(spans, &range->first);
	struct ip_addr edge;

	if (!span || ip_addr_cmp(&span->range.last, &range->first) < 0)
		span = after_of(spans, &range->first);
	while (span && ip_addr_cmp(&span->range.first, &range->last) <= 0) {
		struct ip_range old = span->range;

		drop(spans, span);
		if (ip_addr_cmp(&old.first, &range->first) < 0 &&
		    ip_addr_prev(&range->first, &edge))
			insert(spans, &old.first, &edge);
		if (ip_addr_cmp(&old.last, &range->last) > 0 && ip_addr_next(&range->last, &edge))
			insert(spans, &edge, &old.last);
		span = after_of(spans, &range->first);
	}
}

bool
spans_find(const struct spans *spans, const struct ip_addr *addr, struct ip_range *ret_range)
{
	const struct span *span = floor_of(spans, addr);

	if (!span || !ip_range_contains(&span->range, addr))
		return false;
	*ret_range = span->range;
	return true;
}

struct ip_range
spans_range(const struct tree_node *node)
{
	return span_of(node)->range;
}

size_t
spans_count(const struct spans *spans)
{
	return spans->tree.count;
}
