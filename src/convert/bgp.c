/* BGPAdvertisement, Community and the pools that announced themselves by BGP -> bgp. */
#include <json-c/json.h>
#include <string.h>

#include "convert/advertisement.h"
#include "convert/well_known.h"
#include "model/settings.h"
#include "util/mem.h"
#include "util/str.h"

/* --- communities ---------------------------------------------------------------------------- */

static const struct alias *
find_alias(const struct convert *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->n_aliases; i++)
		if (str_eq(c->aliases[i].name, name))
			return &c->aliases[i];
	return NULL;
}

/* One of two aliases with a name is a mistake that MetalLB refuses; the first counts here. *list is
 * there from the first alias on. */
static void
add_alias(struct convert *c, struct node **list, struct node *bgp, const char *origin,
    const char *name, const char *value)
{
	struct alias alias = {.name = name, .value = value};
	struct node *out;

	if (find_alias(c, name)) {
		node_comment(
		    *list, "Left out, \"%s\" of %s: there is one of that name", name, origin);
		return;
	}
	if (!well_known_is(name) && resources_is_name(name))
		alias.conf_name = name;
	c->aliases = mem_grow(c->aliases, c->n_aliases, &c->aliases_cap, sizeof(*c->aliases));
	c->aliases[c->n_aliases++] = alias;
	if (!*list)
		*list = node_objects(bgp, "communities", SETTINGS_MAX_LIST);
	if (!alias.conf_name) {
		node_comment(*list, "\"%s\" is %s: its value stands in the advertisements.", name,
		    well_known_is(name) ? "a well-known community" : "no name for metallb.conf");
		return;
	}
	out = node_object(*list, arena_printf(c->arena, "%s: %s", origin, name));
	node_string(out, "name", name, REFUSE_OBJECT);
	node_string(out, "value", value, REFUSE_OBJECT);
}

static void
convert_community(struct convert *c, const struct resource *r, struct node **list, struct node *bgp)
{
	struct json_object *array = member(r->spec, "communities");
	struct json_object_iterator it, end;
	size_t i;

	if (r->old) {
		end = json_object_iter_end(r->spec);
		for (it = json_object_iter_begin(r->spec); !json_object_iter_equal(&it, &end);
		     json_object_iter_next(&it)) {
			const char *value = source_text(json_object_iter_peek_value(&it));

			add_alias(c, list, bgp, r->origin, json_object_iter_peek_name(&it),
			    value ? value : "");
		}
		return;
	}
	if (!json_object_is_type(array, json_type_array))
		return;
	for (i = 0; i < json_object_array_length(array); i++) {
		struct json_object *entry = json_object_array_get_idx(array, i);

		add_alias(c, list, bgp, r->origin, member_text(entry, "name"),
		    member_text(entry, "value"));
	}
}

static void
communities_convert(struct convert *c, struct node *bgp)
{
	struct node *list = NULL;
	size_t i;

	for (i = 0; i < c->n_resources; i++)
		if (c->resources[i].kind == RESOURCE_COMMUNITY)
			convert_community(c, &c->resources[i], &list, bgp);
}

/* --- advertisements ------------------------------------------------------------------------- */

static const char *
community_value(const struct convert *c, const char *text)
{
	const struct alias *alias = find_alias(c, text);

	return alias ? alias->value : text;
}

/* An alias and its value are the same community, and metallbd wants each once. */
static bool
is_double(const struct convert *c, struct json_object *array, size_t index)
{
	const char *text = source_text(json_object_array_get_idx(array, index)), *other;
	size_t i;

	for (i = 0; text && i < index; i++) {
		other = source_text(json_object_array_get_idx(array, i));
		if (other && str_eq(community_value(c, other), community_value(c, text)))
			return true;
	}
	return false;
}

/* Without one of its communities a route may go where it must not: all or nothing. */
static void
field_communities(
    struct fields *f, const struct field *field, const char *name, struct json_object *value)
{
	struct node *list;
	size_t i;

	if (!field_is_list(f, field, name, value) || !json_object_array_length(value))
		return;
	list = node_list(f->out, field->key, REFUSE_WHOLE);
	for (i = 0; i < json_object_array_length(value); i++) {
		const char *text = source_text(json_object_array_get_idx(value, i));
		const struct alias *alias = text ? find_alias(f->c, text) : NULL;

		if (is_double(f->c, value, i))
			continue;
		if (!text)
			node_refuse_item(node_item(list, NULL), "not a string");
		else if (alias)
			node_item(list, alias->conf_name ? alias->conf_name : alias->value);
		else if (well_known_is(text))
			node_refuse_item(node_item(list, text), "there is no such Community");
		else
			node_item(list, text);
	}
	node_settle(list);
}

static void
field_peers(
    struct fields *f, const struct field *field, const char *name, struct json_object *value)
{
	struct node *list;

	if (!field_is_list(f, field, name, value) || !json_object_array_length(value))
		return;
	list = node_list(f->out, field->key, field->refusal);
	advertisement_names(f, list, RESOURCE_PEER, value);
	node_settle(list);
}

static const struct field advertisement_fields[] = {
    {"ipAddressPools", NULL, field_nothing, REFUSE_OBJECT, false},
    {"ipAddressPoolSelectors", NULL, field_nothing, REFUSE_OBJECT, false},
    {"peers", "peers", field_peers, REFUSE_OBJECT, false},
    {"aggregationLength", "aggregation-length", field_number, REFUSE_OBJECT, false},
    {"aggregationLengthV6", "aggregation-length-v6", field_number, REFUSE_OBJECT, false},
    {"localPref", "localpref", field_number, REFUSE_OBJECT, true},
    {"communities", "communities", field_communities, REFUSE_WHOLE, false},
    {"nodeSelectors", "node-selectors", field_selectors, REFUSE_OBJECT, false},
    {"serviceSelectors", "service-selectors", field_selectors, REFUSE_OBJECT, false},
};

static struct json_object *
old_advertisements(const struct resource *pool)
{
	return member(pool->spec, pool->old ? "bgp-advertisements" : "bgpAdvertisements");
}

/* Each of its announcements; one with all defaults where none is given. */
static void
convert_old_pool(struct convert *c, const struct resource *pool, struct node *list)
{
	struct json_object *array = old_advertisements(pool);
	size_t n = json_object_is_type(array, json_type_array) ? json_object_array_length(array)
							       : 0;
	size_t i;

	for (i = 0; i < n || (!n && i < 1); i++) {
		struct node *out = node_object(list, pool->origin);
		struct json_object *spec = n ? json_object_array_get_idx(array, i) : NULL;

		node_comment(out, "%s", pool->origin);
		node_item(node_list(out, "address-pools", REFUSE_OBJECT), pool->conf_name);
		if (spec && !json_object_is_type(spec, json_type_object))
			node_refuse(out, "not an object");
		else
			fields_convert(c, pool, spec, out, advertisement_fields,
			    sizeof(advertisement_fields) / sizeof(advertisement_fields[0]));
	}
}

static void
advertisements_convert(struct convert *c, struct node *bgp)
{
	struct node *list = NULL, *out;
	size_t i;

	for (i = 0; i < c->n_resources; i++) {
		const struct resource *r = &c->resources[i];
		bool old = pool_announces_by_bgp(r);

		if (r->kind != RESOURCE_BGP && !old)
			continue;
		if (!list)
			list = node_objects(bgp, "advertisements", SETTINGS_MAX_ADVERTISEMENTS);
		if (old) {
			convert_old_pool(c, r, list);
			continue;
		}
		out = advertisement_begin(r, list);
		advertisement_pools(c, r, out);
		fields_convert(c, r, r->spec, out, advertisement_fields,
		    sizeof(advertisement_fields) / sizeof(advertisement_fields[0]));
	}
}

void
bgp_convert(struct convert *c)
{
	struct node *bgp;
	bool wanted = false;
	size_t i;

	for (i = 0; i < c->n_resources && !wanted; i++) {
		const struct resource *r = &c->resources[i];

		wanted = r->kind == RESOURCE_PEER || r->kind == RESOURCE_BGP ||
		    r->kind == RESOURCE_COMMUNITY || pool_announces_by_bgp(r);
	}
	if (!wanted)
		return;
	bgp = node_group(c->document, "bgp");
	peers_convert(c, bgp);
	/* Before what refers to them. */
	communities_convert(c, bgp);
	advertisements_convert(c, bgp);
}
