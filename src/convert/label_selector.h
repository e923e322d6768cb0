/*
 * label_selector: metav1.LabelSelector as JSON -> selectors in the syntax of metallb.conf.
 */
#ifndef CONVERT_LABEL_SELECTOR_H
#define CONVERT_LABEL_SELECTOR_H

#include <stddef.h>

#include "model/settings.h"

struct arena;
struct json_object;

/*
 * matchLabels and matchExpressions (match-labels and match-expressions in old ConfigMaps), joined
 * by AND, in the arena. Mostly one text; several, which mean OR, when an In has more values than
 * one selector may hold. "" selects everything. NULL; or what is wrong, in the arena. Whether keys
 * and values are those of Kubernetes is left to the check of the whole.
 */
const char *label_selector_convert(
    struct arena *arena, struct json_object *selector, struct string_list *ret_texts);

#endif
