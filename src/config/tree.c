#include "config/tree.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "util/str.h"

static const char *const kind_words[] = {"something unreadable", "a group", "a list", "a string",
    "a number", "a number with a fraction", "true or false"};
static_assert(sizeof(kind_words) / sizeof(kind_words[0]) == TREE_KIND_COUNT, "one entry per kind");

const char *
tree_kind_words(enum tree_kind kind)
{
	return kind_words[kind];
}

static const struct tree *
member(const struct tree *group, const char *name, size_t len)
{
	size_t i;

	for (i = 0; group->kind == TREE_GROUP && i < group->n_children; i++) {
		const struct tree *child = &group->children[i];

		if (strncmp(child->name, name, len) == 0 && !child->name[len])
			return child;
	}
	return NULL;
}

const struct tree *
tree_member(const struct tree *group, const char *name)
{
	return member(group, name, strlen(name));
}

const struct tree *
tree_find(const struct tree *root, const char *path, bool *ret_exact)
{
	const struct tree *node = root, *next;

	*ret_exact = false;
	while (*path) {
		if (*path == '[') {
			size_t i = strtoul(path + 1, NULL, 10);

			next = node->kind == TREE_LIST && i < node->n_children ? &node->children[i]
									       : NULL;
			path += strcspn(path, "]") + 1;
		} else {
			size_t len;

			path += *path == '.';
			len = strcspn(path, ".[");
			next = member(node, path, len);
			path += len;
		}
		if (!next)
			return node;
		node = next;
	}
	*ret_exact = true;
	return node;
}
