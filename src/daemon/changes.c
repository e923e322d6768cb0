#include "daemon/changes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"
#include "util/str.h"

static const char *const kind_names[] = {
    [CHANGE_API] = "api",
    [CHANGE_CONFIG] = "config",
    [CHANGE_DRAIN] = "drain",
    [CHANGE_ALLOCATOR] = "allocator",
    [CHANGE_MEMBER] = "member",
    [CHANGE_PEER] = "peer",
    [CHANGE_SERVICE] = "service",
    [CHANGE_OWNER] = "owner",
    [CHANGE_L2] = "l2",
};
static_assert(sizeof(kind_names) / sizeof(kind_names[0]) == CHANGE_KIND_COUNT, "one name each");

const char *
change_kind_str(enum change_kind kind)
{
	return kind_names[kind];
}

void
change_view_init(struct change_view *view)
{
	*view = (struct change_view){.arena = arena_new()};
}

void
change_view_fini(struct change_view *view)
{
	arena_free(view->arena);
	free(view->items);
	*view = (struct change_view){0};
}

void
change_view_add(struct change_view *view, enum change_kind kind, const char *name, const char *is)
{
	if (!*is)
		return;
	view->items = mem_grow(view->items, view->n_items, &view->cap, sizeof(*view->items));
	view->items[view->n_items++] = (struct change_item){
	    kind, arena_strdup(view->arena, name), arena_strdup(view->arena, is)};
}

static int
item_cmp(const void *a, const void *b)
{
	const struct change_item *x = a, *y = b;

	return x->kind != y->kind ? (x->kind < y->kind ? -1 : 1) : strcmp(x->name, y->name);
}

void
change_view_sort(struct change_view *view)
{
	if (view->n_items)
		qsort(view->items, view->n_items, sizeof(*view->items), item_cmp);
}

void
change_view_diff(
    const struct change_view *old, const struct change_view *new, change_fn *each, void *arg)
{
	size_t i = 0, j = 0;

	while (i < old->n_items || j < new->n_items) {
		const struct change_item *was = i < old->n_items ? &old->items[i] : NULL;
		const struct change_item *is = j < new->n_items ? &new->items[j] : NULL;
		int cmp = !was ? 1 : !is ? -1 : item_cmp(was, is);

		if (cmp < 0)
			each(arg, was->kind, was->name, was->is, "");
		else if (cmp > 0)
			each(arg, is->kind, is->name, "", is->is);
		else if (!str_eq(was->is, is->is))
			each(arg, is->kind, is->name, was->is, is->is);
		i += cmp <= 0;
		j += cmp >= 0;
	}
}
