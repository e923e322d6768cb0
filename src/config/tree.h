/*
 * tree: the parsed file as plain values with their places, before anything is known about keys.
 * Lives in one arena that is freed when the settings stand.
 */
#ifndef CONFIG_TREE_H
#define CONFIG_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/report.h"

enum tree_kind {
	TREE_BAD, /* refused by the scanner, and reported: its value is unknown */
	TREE_GROUP,
	TREE_LIST,
	TREE_STRING,
	TREE_INT,
	TREE_FLOAT,
	TREE_BOOL,
	TREE_KIND_COUNT
};

struct tree {
	const char *name; /* NULL in a list and for the root */
	enum tree_kind kind;
	struct config_place place;
	const char *text;            /* TREE_STRING */
	int64_t number;              /* TREE_INT */
	bool truth;                  /* TREE_BOOL */
	const struct tree *children; /* TREE_GROUP, TREE_LIST */
	size_t n_children;
};

/* "a string", "a number", ... */
const char *tree_kind_words(enum tree_kind kind);
/* The member of a group; NULL when there is none. */
const struct tree *tree_member(const struct tree *group, const char *name);
/* What stands at a path such as "bgp.peers[2].name", or the nearest thing around it;
 * *ret_exact tells which. */
const struct tree *tree_find(const struct tree *root, const char *path, bool *ret_exact);

#endif
