/* The configuration of MetalLB 0.12 and before: one YAML text in a ConfigMap. */
#include <errno.h>
#include <json-c/json.h>

#include "convert/room.h"
#include "util/mem.h"
#include "util/str.h"

/* What a list of it holds. */
static const struct {
	const char *key;
	enum resource_kind kind;
	const char *prefix; /* of names, where the entries have none */
} lists[] = {
    {"address-pools", RESOURCE_OLD_POOL, "pool"},
    {"peers", RESOURCE_PEER, "peer"},
    {"bfd-profiles", RESOURCE_BFD, "profile"},
};

#define N_LISTS (sizeof(lists) / sizeof(lists[0]))
#define COMMUNITIES "bgp-communities"

bool
configmap_is_config(struct json_object *document)
{
	size_t i;

	for (i = 0; i < N_LISTS; i++)
		if (member(document, lists[i].key))
			return true;
	return member(document, COMMUNITIES) != NULL;
}

static int
collect_entries(struct convert *c, size_t list, const char *namespace, const char *origin,
    struct json_object *array, struct strbuf *err_line)
{
	struct resource *r;
	size_t i;

	if (!json_object_is_type(array, json_type_array)) {
		strbuf_printf(err_line, "%s: %s is not a list", origin, lists[list].key);
		return -EINVAL;
	}
	for (i = 0; i < json_object_array_length(array); i++) {
		struct json_object *entry = json_object_array_get_idx(array, i);
		const char *name = member_text(entry, "name");

		if (!json_object_is_type(entry, json_type_object)) {
			strbuf_printf(
			    err_line, "%s: %s[%zu] is not an object", origin, lists[list].key, i);
			return -EINVAL;
		}
		if (!*name)
			name = arena_printf(c->arena, "%s%zu", lists[list].prefix, i + 1);
		r = resources_add(c, lists[list].kind, namespace, name, entry);
		if (!r) {
			strbuf_printf(
			    err_line, "%s: more than %d objects", origin, CONVERT_MAX_RESOURCES);
			return -EINVAL;
		}
		r->old = true;
		r->origin = arena_printf(c->arena, "%s: %s[%zu]", origin, lists[list].key, i);
	}
	return 0;
}

static int
collect_communities(struct convert *c, const char *namespace, const char *origin,
    struct json_object *object, struct strbuf *err_line)
{
	struct resource *r;

	if (!json_object_is_type(object, json_type_object)) {
		strbuf_printf(err_line, "%s: " COMMUNITIES " is not an object", origin);
		return -EINVAL;
	}
	r = resources_add(c, RESOURCE_COMMUNITY, namespace, "", object);
	if (!r) {
		strbuf_printf(err_line, "%s: more than %d objects", origin, CONVERT_MAX_RESOURCES);
		return -EINVAL;
	}
	r->old = true;
	r->origin = arena_printf(c->arena, "%s: " COMMUNITIES, origin);
	return 0;
}

int
configmap_collect(struct convert *c, const char *namespace, const char *origin,
    struct json_object *config, struct strbuf *err_line)
{
	struct json_object_iterator it, end;
	int err = 0;
	size_t i;

	end = json_object_iter_end(config);
	for (it = json_object_iter_begin(config); !err && !json_object_iter_equal(&it, &end);
	     json_object_iter_next(&it)) {
		const char *key = json_object_iter_peek_name(&it);
		struct json_object *value = json_object_iter_peek_value(&it);

		for (i = 0; i < N_LISTS && !str_eq(lists[i].key, key); i++)
			continue;
		if (!value)
			continue;
		if (i < N_LISTS)
			err = collect_entries(c, i, namespace, origin, value, err_line);
		else if (str_eq(key, COMMUNITIES))
			err = collect_communities(c, namespace, origin, value, err_line);
		else
			convert_remark(
			    c, "%s: %s: left out; metallb-convert does not know it", origin, key);
	}
	return err;
}
