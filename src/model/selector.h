/*
 * selector: Kubernetes label selectors in kubectl's syntax: "app=web, tier in (a, b), env notin
 * (dev), !canary, release, version!=1". All requirements must hold (AND). The empty selector
 * matches everything.
 */
#ifndef MODEL_SELECTOR_H
#define MODEL_SELECTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "model/labels.h"

struct arena;

#define SELECTOR_MAX_REQUIREMENTS 64
#define SELECTOR_MAX_VALUES 64

enum selector_operator {
	SELECTOR_IN,     /* also `=` and `==`, with one value */
	SELECTOR_NOT_IN, /* also `!=`; true where the key is absent */
	SELECTOR_EXISTS,
	SELECTOR_ABSENT,
	SELECTOR_OPERATOR_COUNT
};

struct selector_requirement {
	const char *key;
	enum selector_operator op;
	const char **values; /* sorted */
	size_t n_values;
};

struct selector {
	const char
	    *text; /* canonical: requirements and values sorted, one spelling for each operator */
	struct selector_requirement *requirements; /* sorted by key, operator and values */
	size_t n_requirements;
};

/* A list of selectors is OR; an empty list is up to its user (mostly: matches all). */
struct selector_list {
	struct selector **items;
	size_t count;
};

/*
 * Parses into arena. 0; or -EINVAL with *err_reason = what is wrong, in words, in arena. Checks the
 * syntax of keys and values as Kubernetes does, and refuses repeated requirements and repeated
 * values.
 */
int selector_parse(
    struct arena *arena, const char *text, struct selector **ret_selector, char **err_reason);
bool selector_matches(const struct selector *selector, const struct labels *labels);
/* True when any matches; false for an empty list. */
bool selector_list_matches(const struct selector_list *list, const struct labels *labels);
/* Whether text is a label key ([prefix/]name) or a label value. */
bool selector_is_label_key(const char *text);
bool selector_is_label_value(const char *text);

#endif
