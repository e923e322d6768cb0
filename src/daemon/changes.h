/*
 * changes: what is different between two looks at the daemon. A look is a list of things with a
 * name and a short text each, such as (owner, 10.0.0.5, "node1"); two of them give what came, what
 * went, and what is otherwise. Level-triggered: what changed twice between two looks is one change,
 * and what changed back is none.
 */
#ifndef DAEMON_CHANGES_H
#define DAEMON_CHANGES_H

#include <stddef.h>

struct arena;

/* In the order in which they are told. */
enum change_kind {
	CHANGE_API,       /* state and server */
	CHANGE_CONFIG,    /* when it was loaded, or that a reload was refused */
	CHANGE_DRAIN,     /* of this node */
	CHANGE_ALLOCATOR, /* its holder */
	CHANGE_MEMBER,    /* NODE: state */
	CHANGE_PEER,      /* PEER: state of its BGP session */
	CHANGE_SERVICE,   /* NAMESPACE/NAME: its addresses */
	CHANGE_OWNER,     /* ADDRESS: the holder of its Lease */
	CHANGE_L2,        /* ADDRESS: what this node does with it in layer 2 */
	CHANGE_KIND_COUNT
};

struct change_item {
	enum change_kind kind;
	const char *name; /* "" where there is one of the kind only */
	const char *is;   /* never "" */
};

/* All zeros is no look. */
struct change_view {
	struct arena *arena; /* owns the items' texts */
	struct change_item *items;
	size_t n_items, cap;
};

/* "api", ... */
const char *change_kind_str(enum change_kind kind);

void change_view_init(struct change_view *view);
void change_view_fini(struct change_view *view);
/* `is` "" adds nothing: not there and nothing to say are the same. Each (kind, name) once. */
void
change_view_add(struct change_view *view, enum change_kind kind, const char *name, const char *is);
/* To be called once everything is added. */
void change_view_sort(struct change_view *view);

/* `was` or `is` is "" for what came or went. */
typedef void
change_fn(void *arg, enum change_kind kind, const char *name, const char *was, const char *is);
/* Both sorted. */
void change_view_diff(
    const struct change_view *old, const struct change_view *new, change_fn *each, void *arg);

#endif
