/* IPAddressPool, and AddressPool of MetalLB 0.12 and 0.13 -> address-pools. */
#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>

#include "convert/fields.h"
#include "model/settings.h"
#include "util/addr.h"
#include "util/mem.h"
#include "util/str.h"

/* MetalLB takes the whole prefix that an address with host bits lies in, and so do we. */
static void
comment_host_bits(struct fields *f, const char *text)
{
	struct ip_prefix prefix, masked;
	char canonical[IP_PREFIX_STRLEN];

	if (ip_prefix_parse(text, &prefix))
		return;
	masked = ip_prefix_masked(&prefix);
	if (ip_addr_eq(&prefix.addr, &masked.addr))
		return;
	ip_prefix_format(&masked, canonical);
	node_comment(f->out, "%s is the whole of %s", text, canonical);
}

static void
field_addresses(
    struct fields *f, const struct field *field, const char *name, struct json_object *value)
{
	struct node *list;
	const char *text;
	size_t i;

	if (!field_is_list(f, field, name, value))
		return;
	for (i = 0; i < json_object_array_length(value); i++)
		if ((text = source_text(json_object_array_get_idx(value, i))))
			comment_host_bits(f, text);
	list = node_list(f->out, "addresses", field->refusal);
	for (i = 0; i < json_object_array_length(value); i++) {
		text = source_text(json_object_array_get_idx(value, i));
		if (text)
			node_item(list, text);
		else
			node_refuse_item(node_item(list, NULL), "not a string");
	}
	node_settle(list);
}

/* 0 is the last, and negative numbers before all others. */
static void
field_priority(
    struct fields *f, const struct field *field, const char *name, struct json_object *value)
{
	if (json_object_is_type(value, json_type_int) && json_object_get_int64(value) < 0) {
		node_comment(f->out, "%s was %" PRId64 "; here 1 is the first", name,
		    json_object_get_int64(value));
		node_number(f->out, field->key, 1, field->refusal);
	} else {
		field_number(f, field, name, value);
	}
}

static const struct field allocation_fields[] = {
    {"priority", "priority", field_priority, REFUSE_KEY, true},
    {"namespaces", "namespaces", field_strings, REFUSE_OBJECT, false},
    {"namespaceSelectors", "namespace-selectors", field_selectors, REFUSE_OBJECT, false},
    {"serviceSelectors", "service-selectors", field_selectors, REFUSE_OBJECT, false},
};

static bool
is_empty(struct json_object *list)
{
	return !json_object_is_type(list, json_type_array) || !json_object_array_length(list);
}

/* One that only gives a priority is for every Service, and still comes before pools without one. */
static void
field_allocation(
    struct fields *f, const struct field *field, const char *name, struct json_object *value)
{
	int64_t priority = json_object_get_int64(member(value, "priority"));

	if (!json_object_is_type(value, json_type_object)) {
		field_wrong(f, field, name, "not an object");
		return;
	}
	fields_convert(f->c, f->resource, value, f->out, allocation_fields,
	    sizeof(allocation_fields) / sizeof(allocation_fields[0]));
	if (!priority && is_empty(member(value, "namespaces")) &&
	    is_empty(member(value, "namespaceSelectors")) &&
	    is_empty(member(value, "serviceSelectors"))) {
		node_comment(f->out, "%s selects nothing, which means every Service", name);
		node_item(node_list(f->out, "namespaces", REFUSE_KEY), "*");
	}
}

/* "layer2" is what MetalLB wrote; examples of its converter say "l2". */
bool
pool_announces_by_l2(const struct resource *resource)
{
	const char *protocol = member_text(resource->spec, "protocol");

	return resource->kind == RESOURCE_OLD_POOL &&
	    (str_eq(protocol, "layer2") || str_eq(protocol, "l2"));
}

bool
pool_announces_by_bgp(const struct resource *resource)
{
	return resource->kind == RESOURCE_OLD_POOL &&
	    str_eq(member_text(resource->spec, "protocol"), "bgp");
}

/* The advertisements are made where the others are. */
static void
field_protocol(
    struct fields *f, const struct field *field, const char *name, struct json_object *value)
{
	(void)field, (void)value;
	if (!pool_announces_by_l2(f->resource) && !pool_announces_by_bgp(f->resource))
		node_comment(f->out, "Left out, %s: neither layer2 nor bgp", name);
}

static const struct field pool_fields[] = {
    {"addresses", "addresses", field_addresses, REFUSE_OBJECT, false},
    {"autoAssign", "auto-assign", field_bool, REFUSE_OBJECT, false},
    {"avoidBuggyIPs", "avoid-buggy-ips", field_bool, REFUSE_KEY, false},
    {"serviceAllocation", NULL, field_allocation, REFUSE_OBJECT, false},
};

static const struct field old_pool_fields[] = {
    {"name", NULL, field_nothing, REFUSE_KEY, false}, /* of a ConfigMap */
    {"addresses", "addresses", field_addresses, REFUSE_OBJECT, false},
    {"autoAssign", "auto-assign", field_bool, REFUSE_OBJECT, false},
    {"avoidBuggyIPs", "avoid-buggy-ips", field_bool, REFUSE_KEY, false},
    {"protocol", NULL, field_protocol, REFUSE_KEY, false},
    {"bgpAdvertisements", "bgp-advertisements", field_nothing, REFUSE_KEY, false},
};

void
pools_convert(struct convert *c)
{
	struct node *pools = NULL, *out;
	size_t i;

	for (i = 0; i < c->n_resources; i++) {
		const struct resource *r = &c->resources[i];

		if (r->kind != RESOURCE_POOL && r->kind != RESOURCE_OLD_POOL)
			continue;
		if (!pools)
			pools = node_objects(c->document, "address-pools", SETTINGS_MAX_POOLS);
		out = node_object(pools, r->origin);
		node_comment(out, "%s", r->origin);
		if (!str_eq(r->conf_name, r->name))
			node_comment(out,
			    "MetalLB's name of it was \"%s\": change annotations "
			    "metallb.io/address-pool that name it.",
			    r->name);
		node_string(out, "name", r->conf_name, REFUSE_OBJECT);
		if (r->kind == RESOURCE_POOL)
			fields_convert(c, r, r->spec, out, pool_fields,
			    sizeof(pool_fields) / sizeof(pool_fields[0]));
		else
			fields_convert(c, r, r->spec, out, old_pool_fields,
			    sizeof(old_pool_fields) / sizeof(old_pool_fields[0]));
	}
}
