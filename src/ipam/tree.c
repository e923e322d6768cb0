#include "ipam/tree.h"

#include <assert.h>

#include "util/prng.h"

#define TREE_SEED UINT64_C(0x6d6574616c6c6264)

void
tree_init(struct tree *tree, tree_cmp_fn cmp)
{
	*tree = (struct tree){.cmp = cmp, .seed = TREE_SEED};
}

static uint64_t
next_priority(struct tree *tree)
{
	struct prng prng = {.state = tree->seed};
	uint64_t priority = prng_next(&prng);

	tree->seed = prng.state;
	return priority;
}

/* Cuts the subtree `node` into those before `key` and those after it. */
static void
split(const struct tree *tree, struct tree_node *node, const struct tree_node *key,
    struct tree_node **ret_before, struct tree_node **ret_after)
{
	while (node) {
		if (tree->cmp(node, key) < 0) {
			*ret_before = node;
			ret_before = &node->right;
			node = node->right;
		} else {
			*ret_after = node;
			ret_after = &node->left;
			node = node->left;
		}
	}
	*ret_before = *ret_after = NULL;
}

/* Everything in `a` is before everything in `b`. */
static struct tree_node *
join(struct tree_node *a, struct tree_node *b)
{
	struct tree_node *root = NULL, **at = &root;

	while (a && b) {
		if (a->priority > b->priority) {
			*at = a;
			at = &a->right;
			a = a->right;
		} else {
			*at = b;
			at = &b->left;
			b = b->left;
		}
	}
	*at = a ? a : b;
	return root;
}

void
tree_insert(struct tree *tree, struct tree_node *node)
{
	struct tree_node **at = &tree->root;

	node->priority = next_priority(tree);
	while (*at && (*at)->priority >= node->priority)
		at = tree->cmp(node, *at) < 0 ? &(*at)->left : &(*at)->right;
	split(tree, *at, node, &node->left, &node->right);
	*at = node;
	tree->count++;
}

void
tree_remove(struct tree *tree, struct tree_node *node)
{
	struct tree_node **at = &tree->root;

	while (*at && *at != node)
		at = tree->cmp(node, *at) < 0 ? &(*at)->left : &(*at)->right;
	assert(*at == node);
	*at = join(node->left, node->right);
	node->left = node->right = NULL;
	tree->count--;
}

struct tree_node *
tree_first(const struct tree *tree)
{
	struct tree_node *node = tree->root;

	while (node && node->left)
		node = node->left;
	return node;
}

struct tree_node *
tree_floor(const struct tree *tree, const struct tree_node *key)
{
	struct tree_node *node = tree->root, *best = NULL;

	while (node) {
		if (tree->cmp(node, key) <= 0) {
			best = node;
			node = node->right;
		} else {
			node = node->left;
		}
	}
	return best;
}

struct tree_node *
tree_after(const struct tree *tree, const struct tree_node *key)
{
	struct tree_node *node = tree->root, *best = NULL;

	while (node) {
		if (tree->cmp(node, key) > 0) {
			best = node;
			node = node->left;
		} else {
			node = node->right;
		}
	}
	return best;
}
