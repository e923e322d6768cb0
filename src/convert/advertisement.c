#include "convert/advertisement.h"

#include <json-c/json.h>
#include <string.h>

#include "convert/label_selector.h"
#include "model/selector.h"
#include "util/mem.h"
#include "util/str.h"

static const char *const kind_names[] = {
    [RESOURCE_POOL] = "address pool",
    [RESOURCE_PEER] = "peer",
};

void
advertisement_names(
    struct fields *f, struct node *list, enum resource_kind kind, struct json_object *names)
{
	const struct resource *target;
	const char *name;
	size_t i;

	for (i = 0; i < json_object_array_length(names); i++) {
		name = source_text(json_object_array_get_idx(names, i));
		target = name ? resources_find(f->c, kind, name) : NULL;
		if (target)
			node_item(list, target->conf_name);
		else
			node_refuse_item(node_item(list, name),
			    arena_printf(f->c->arena, "there is no such %s; MetalLB ignores it",
				kind_names[kind]));
	}
}

static void
add_pools(struct convert *c, const struct selector *selector, struct string_list *pools)
{
	size_t i, j;

	for (i = 0; i < c->n_resources; i++) {
		const struct resource *r = &c->resources[i];

		if (r->kind != RESOURCE_POOL && r->kind != RESOURCE_OLD_POOL)
			continue;
		for (j = 0; j < pools->count && !str_eq(pools->items[j], r->conf_name); j++)
			continue;
		if (j == pools->count && selector_matches(selector, &r->labels))
			pools->items[pools->count++] = r->conf_name;
	}
}

/* Adds the pools that a label selector selects, each once. NULL, or why it cannot be told. */
static const char *
select_pools(
    struct convert *c, struct node *out, struct json_object *json, struct string_list *pools)
{
	struct string_list texts;
	struct selector *selector;
	const char *reason = label_selector_convert(c->arena, json, &texts);
	char *why;
	size_t i;

	for (i = 0; !reason && i < texts.count; i++) {
		if (selector_parse(c->arena, texts.items[i], &selector, &why))
			return why;
		node_comment(out,
		    "Pools with the labels \"%s\", as they were when this file was made: "
		    "metallb.conf has no labels of pools.",
		    texts.items[i]);
		add_pools(c, selector, pools);
	}
	return reason;
}

static size_t
length(struct json_object *array)
{
	return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

/* For messages. */
static const struct field by_name = {.name = "ipAddressPools", .refusal = REFUSE_OBJECT};
static const struct field by_selector = {
    .name = "ipAddressPoolSelectors", .refusal = REFUSE_OBJECT};

void
advertisement_pools(struct convert *c, const struct resource *resource, struct node *out)
{
	struct fields f = {.c = c, .resource = resource, .spec = resource->spec, .out = out};
	struct json_object *names = member(resource->spec, "ipAddressPools");
	struct json_object *selectors = member(resource->spec, "ipAddressPoolSelectors");
	struct string_list pools = {0};
	const char *reason = NULL;
	struct node *list;
	size_t i;

	if ((names && !field_is_list(&f, &by_name, by_name.name, names)) ||
	    (selectors && !field_is_list(&f, &by_selector, by_selector.name, selectors)))
		return;
	if (length(selectors))
		pools.items = arena_alloc(c->arena, c->n_resources, sizeof(*pools.items));
	for (i = 0; !reason && i < length(selectors); i++)
		reason = select_pools(c, out, json_object_array_get_idx(selectors, i), &pools);
	if (reason) {
		node_refuse_key(out, "ipAddressPoolSelectors", REFUSE_OBJECT, reason);
		return;
	}
	if (!length(names) && !length(selectors))
		return;
	list = node_list(out, "address-pools", REFUSE_OBJECT);
	if (length(names))
		advertisement_names(&f, list, RESOURCE_POOL, names);
	for (i = 0; i < pools.count; i++)
		if (!node_has_item(list, pools.items[i]))
			node_item(list, pools.items[i]);
	if (!node_count(list))
		node_refuse_key(out, "address-pools", REFUSE_OBJECT, "it selects no pool");
}

struct node *
advertisement_begin(const struct resource *resource, struct node *list)
{
	struct node *out = node_object(list, resource->origin);

	node_comment(out, "%s", resource->origin);
	node_string(out, "name", resource->conf_name, REFUSE_OBJECT);
	return out;
}
