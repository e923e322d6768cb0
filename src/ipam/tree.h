/*
 * tree: an intrusive ordered tree (a treap: a search tree by key, a heap by random priorities,
 * hence balanced whatever the order of insertion). Used for sets of addresses and for the queue of
 * Services. The owner embeds struct tree_node and compares nodes itself; nothing is allocated here.
 */
#ifndef IPAM_TREE_H
#define IPAM_TREE_H

#include <stddef.h>
#include <stdint.h>

struct tree_node {
	struct tree_node *left, *right;
	uint64_t priority;
};

/* <0, 0, >0 as strcmp. */
typedef int (*tree_cmp_fn)(const struct tree_node *a, const struct tree_node *b);

struct tree {
	struct tree_node *root;
	tree_cmp_fn cmp;
	size_t count;
	uint64_t seed; /* of the priorities: no input reaches them, so no input can unbalance it */
};

void tree_init(struct tree *tree, tree_cmp_fn cmp);
/* The key must not be in the tree, nor change while it is. */
void tree_insert(struct tree *tree, struct tree_node *node);
/* The node must be in the tree. */
void tree_remove(struct tree *tree, struct tree_node *node);
/* NULL when empty. */
struct tree_node *tree_first(const struct tree *tree);
/* The last node whose key is <= that of `key`; NULL when there is none. */
struct tree_node *tree_floor(const struct tree *tree, const struct tree_node *key);
/* The first node whose key is > that of `key`; NULL when there is none. */
struct tree_node *tree_after(const struct tree *tree, const struct tree_node *key);

#define TREE_ITEM(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
