/* L2Advertisement -> l2-advertisements, and the pools that announced themselves by ARP and NDP. */
#include <json-c/json.h>
#include <string.h>

#include "convert/advertisement.h"
#include "convert/label_selector.h"
#include "model/settings.h"
#include "util/mem.h"
#include "util/str.h"

/* One term becomes as many as its selector. */
static void
add_preferred(struct fields *f, struct node *list, struct json_object *term)
{
	struct json_object *weight = member(term, "weight");
	struct string_list texts = {0};
	const char *reason = NULL;
	struct node *out;
	int64_t number = json_object_get_int64(weight);
	size_t i;

	if (!json_object_is_type(weight, json_type_int) || number < 1 || number > 100)
		reason = "a weight that is not between 1 and 100";
	if (!reason)
		reason = label_selector_convert(f->c->arena, member(term, "preference"), &texts);
	if (reason) {
		node_comment(list, "Left out: %s", reason);
		return;
	}
	for (i = 0; i < texts.count; i++) {
		if (!*texts.items[i]) {
			node_comment(list,
			    "Left out, weight %d for all nodes: it makes no difference between "
			    "them",
			    (int)number);
			continue;
		}
		out = node_object(list, "preferredNodeSelectors");
		node_number(out, "weight", (uint32_t)number, REFUSE_OBJECT);
		node_string(out, "selector", texts.items[i], REFUSE_OBJECT);
	}
}

static void
field_preferred(
    struct fields *f, const struct field *field, const char *name, struct json_object *value)
{
	struct node *list;
	size_t i;

	if (!field_is_list(f, field, name, value) || !json_object_array_length(value))
		return;
	list = node_objects(f->out, field->key, SETTINGS_MAX_LIST);
	for (i = 0; i < json_object_array_length(value); i++)
		add_preferred(f, list, json_object_array_get_idx(value, i));
}

static const struct field l2_fields[] = {
    {"ipAddressPools", NULL, field_nothing, REFUSE_OBJECT, false},
    {"ipAddressPoolSelectors", NULL, field_nothing, REFUSE_OBJECT, false},
    {"interfaces", "interfaces", field_strings, REFUSE_OBJECT, false},
    {"nodeSelectors", "node-selectors", field_selectors, REFUSE_OBJECT, false},
    {"serviceSelectors", "service-selectors", field_selectors, REFUSE_OBJECT, false},
    {"preferredNodeSelectors", "preferred-nodes", field_preferred, REFUSE_KEY, false},
};

static void
convert_old_pool(const struct resource *pool, struct node *list)
{
	struct node *out = node_object(list, pool->origin);

	node_comment(out, "%s", pool->origin);
	node_item(node_list(out, "address-pools", REFUSE_OBJECT), pool->conf_name);
}

void
l2_convert(struct convert *c)
{
	struct node *list = NULL, *out;
	size_t i;

	for (i = 0; i < c->n_resources; i++) {
		const struct resource *r = &c->resources[i];
		bool old = pool_announces_by_l2(r);

		if (r->kind != RESOURCE_L2 && !old)
			continue;
		if (!list)
			list = node_objects(
			    c->document, "l2-advertisements", SETTINGS_MAX_ADVERTISEMENTS);
		if (old) {
			convert_old_pool(r, list);
			continue;
		}
		out = advertisement_begin(r, list);
		advertisement_pools(c, r, out);
		fields_convert(
		    c, r, r->spec, out, l2_fields, sizeof(l2_fields) / sizeof(l2_fields[0]));
	}
}
