/* From documents to resources: which kinds there are, whose they are, what they will be called. */
#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "convert/room.h"
#include "util/mem.h"
#include "util/str.h"

#define DEFAULT_NAMESPACE "metallb-system"
#define MAX_LIST_DEPTH 4 /* Lists in Lists */
#define MAX_REMARKS 200  /* more are not worth reading */
#define MAX_NAME 200     /* of what metallb.conf allows, so that a number fits behind it */
#define QUOTED_MAX 100
#define ALNUM "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

static const struct {
	const char *kind, *group;
	enum resource_kind as;
} known_kinds[] = {
    {"IPAddressPool", "metallb.io/", RESOURCE_POOL},
    {"AddressPool", "metallb.io/", RESOURCE_OLD_POOL},
    {"L2Advertisement", "metallb.io/", RESOURCE_L2},
    {"BGPPeer", "metallb.io/", RESOURCE_PEER},
    {"BGPAdvertisement", "metallb.io/", RESOURCE_BGP},
    {"Community", "metallb.io/", RESOURCE_COMMUNITY},
    {"BFDProfile", "metallb.io/", RESOURCE_BFD},
    {"Secret", "v1", RESOURCE_SECRET},
};

#define N_KNOWN_KINDS (sizeof(known_kinds) / sizeof(known_kinds[0]))

void
convert_remark(struct convert *c, const char *fmt, ...)
{
	va_list ap;
	char *text;
	size_t i;

	if (c->n_remarks == MAX_REMARKS)
		return;
	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	for (i = 0; i < c->n_remarks && !str_eq(c->remarks[i], text); i++)
		continue;
	if (i == c->n_remarks) {
		c->remarks = mem_grow(
		    c->remarks, c->n_remarks, &c->remarks_cap, sizeof(*c->remarks));
		c->remarks[c->n_remarks++] = arena_strdup(c->arena, text);
	}
	free(text);
}

struct resource *
resources_add(struct convert *c, enum resource_kind kind, const char *namespace, const char *name,
    struct json_object *spec)
{
	struct resource *r;

	if (c->n_resources >= CONVERT_MAX_RESOURCES)
		return NULL;
	c->resources = mem_grow(
	    c->resources, c->n_resources, &c->resources_cap, sizeof(*c->resources));
	r = &c->resources[c->n_resources++];
	*r = (struct resource){.kind = kind,
	    .namespace = namespace,
	    .name = name,
	    .origin = "",
	    .spec = json_object_is_type(spec, json_type_object) ? spec : NULL};
	return r;
}

/* --- documents ------------------------------------------------------------------------------ */

static const char *
quoted(struct convert *c, const char *text)
{
	struct strbuf sb = {0};
	const char *copy;

	strbuf_add_quoted(&sb, text, QUOTED_MAX);
	copy = arena_strdup(c->arena, strbuf_text(&sb));
	strbuf_free(&sb);
	return copy;
}

static const char *
origin_of(struct convert *c, const char *kind, const char *namespace, const char *name)
{
	return arena_printf(c->arena, "%s %s%s%s", kind, quoted(c, namespace),
	    *namespace ? "/" : "", quoted(c, name));
}

/* A ConfigMap is MetalLB's when its key `config` reads like that; the one called "config" must. */
static int
collect_configmap(struct convert *c, const char *file, struct json_object *object,
    const char *namespace, const char *name, struct strbuf *err_line)
{
	struct json_object *data = member(member(object, "data"), "config");
	const char *text = source_text(data), *origin = origin_of(c, "ConfigMap", namespace, name);
	struct source inner = {0};
	struct strbuf why = {0};
	int err;

	if (str_eq(name, "bgpextras"))
		convert_remark(c,
		    "%s: left out; it is configuration of FRR as it stands, which has no "
		    "equivalent here",
		    origin);
	else if (!text)
		convert_remark(c, "%s: left out; it has no key \"config\"", origin);
	if (!text || str_eq(name, "bgpextras"))
		return 0;
	err = source_parse(&inner, arena_printf(c->arena, "%s: %s: config", file, origin), text,
	    strlen(text), &why);
	if (!err && (inner.n != 1 || !configmap_is_config(inner.documents[0])))
		err = -EINVAL;
	if (!err) {
		/* It must live as long as the others. */
		c->inner = mem_grow(c->inner, c->n_inner, &c->inner_cap, sizeof(*c->inner));
		c->inner[c->n_inner++] = json_object_get(inner.documents[0]);
		err = configmap_collect(c, namespace, origin, inner.documents[0], &why);
		if (err)
			strbuf_printf(err_line, "%s: %s", file, strbuf_text(&why));
	} else if (!str_eq(name, "config")) {
		convert_remark(c, "%s: left out; it is not MetalLB's", origin);
		err = 0;
	} else if (why.len) {
		strbuf_add(err_line, strbuf_text(&why));
	} else {
		strbuf_printf(
		    err_line, "%s: %s: config: not a configuration of MetalLB", file, origin);
	}
	strbuf_free(&why);
	source_fini(&inner);
	return err;
}

static bool
is_pool(enum resource_kind kind)
{
	return kind == RESOURCE_POOL || kind == RESOURCE_OLD_POOL;
}

static struct labels
labels_of(struct arena *arena, struct json_object *object)
{
	struct json_object_iterator it, end;
	struct label *items;
	size_t n = 0;

	if (!json_object_is_type(object, json_type_object))
		return (struct labels){0};
	items = arena_alloc(arena, (size_t)json_object_object_length(object), sizeof(*items));
	end = json_object_iter_end(object);
	for (it = json_object_iter_begin(object); !json_object_iter_equal(&it, &end);
	     json_object_iter_next(&it)) {
		const char *value = source_text(json_object_iter_peek_value(&it));

		if (value)
			items[n++] = (struct label){
			    .key = json_object_iter_peek_name(&it), .value = value};
	}
	return (struct labels){.items = items, .count = labels_sort(items, n)};
}

static int
collect_known(struct convert *c, const char *file, size_t known, struct json_object *object,
    const char *namespace, const char *name, struct strbuf *err_line)
{
	struct json_object *spec = member(object, "spec");
	struct resource *r;

	if (!*name) {
		strbuf_printf(err_line, "%s: %s without a name", file, known_kinds[known].kind);
		return -EINVAL;
	}
	if (spec && !json_object_is_type(spec, json_type_object)) {
		strbuf_printf(err_line, "%s: %s: the spec is not an object", file,
		    origin_of(c, known_kinds[known].kind, namespace, name));
		return -EINVAL;
	}
	r = resources_add(c, known_kinds[known].as, namespace, name, spec);
	if (!r) {
		strbuf_printf(err_line, "%s: more than %d objects", file, CONVERT_MAX_RESOURCES);
		return -EINVAL;
	}
	r->origin = origin_of(c, known_kinds[known].kind, namespace, name);
	if (is_pool(r->kind))
		r->labels = labels_of(c->arena, member(member(object, "metadata"), "labels"));
	r->object = object;
	return 0;
}

static int
collect_object(struct convert *c, const char *file, struct json_object *object, const char *kind,
    const char *version, struct strbuf *err_line)
{
	struct json_object *metadata = member(object, "metadata");
	const char *namespace = member_text(metadata, "namespace");
	const char *name = member_text(metadata, "name");
	size_t i;

	for (i = 0; i < N_KNOWN_KINDS; i++)
		if (str_eq(known_kinds[i].kind, kind) &&
		    str_has_prefix(version, known_kinds[i].group))
			return collect_known(c, file, i, object, namespace, name, err_line);
	if (str_eq(kind, "ConfigMap") && str_eq(version, "v1"))
		return collect_configmap(c, file, object, namespace, name, err_line);
	convert_remark(c, "%s of %s: left out; there is nothing to convert in objects of this kind",
	    quoted(c, kind), *version ? quoted(c, version) : "no apiVersion");
	return 0;
}

static int collect(struct convert *c, const char *file, struct json_object *object,
    const char *kind, const char *version, unsigned depth, struct strbuf *err_line);

/* A List, or a POOLList whose items need not have a kind. */
static int
collect_list(struct convert *c, const char *file, struct json_object *items, const char *kind,
    const char *version, unsigned depth, struct strbuf *err_line)
{
	size_t len = strlen(kind), i;
	int err = 0;

	if (depth > MAX_LIST_DEPTH || !json_object_is_type(items, json_type_array)) {
		strbuf_printf(err_line, "%s: %s", file,
		    depth > MAX_LIST_DEPTH ? "lists are nested too deep"
					   : "the items of a List are not a list");
		return -EINVAL;
	}
	if (len > 4)
		kind = arena_strndup(c->arena, kind, len - 4);
	for (i = 0; !err && i < json_object_array_length(items); i++)
		err = collect(c, file, json_object_array_get_idx(items, i), kind, version,
		    depth + 1, err_line);
	return err;
}

/* kind and version: of the list around it. */
static int
collect(struct convert *c, const char *file, struct json_object *object, const char *kind,
    const char *version, unsigned depth, struct strbuf *err_line)
{
	size_t len;

	if (json_object_is_type(object, json_type_array))
		return collect_list(c, file, object, "", "", depth, err_line);
	if (!json_object_is_type(object, json_type_object)) {
		strbuf_printf(err_line, "%s: holds something else than objects", file);
		return -EINVAL;
	}
	if (member(object, "kind"))
		kind = member_text(object, "kind");
	if (member(object, "apiVersion"))
		version = member_text(object, "apiVersion");
	len = strlen(kind);
	if (len >= 4 && str_eq(kind + len - 4, "List") && member(object, "items"))
		return collect_list(
		    c, file, member(object, "items"), kind, version, depth, err_line);
	if (!*kind && configmap_is_config(object))
		return configmap_collect(c, "", file, object, err_line);
	if (!*kind) {
		strbuf_printf(err_line,
		    "%s: neither an object of Kubernetes (no kind) nor a configuration of MetalLB",
		    file);
		return -EINVAL;
	}
	return collect_object(c, file, object, kind, version, err_line);
}

int
resources_collect(
    struct convert *c, const char *name, struct json_object *document, struct strbuf *err_line)
{
	return collect(c, name, document, "", "", 0, err_line);
}

/* --- whose ---------------------------------------------------------------------------------- */

/* The only namespace, or that of MetalLB; NULL when it cannot be known. "" when none is named. */
static const char *
choose_namespace(const struct convert *c)
{
	const char *only = "";
	bool several = false, has_default = false;
	size_t i;

	for (i = 0; i < c->n_resources; i++) {
		const char *namespace = c->resources[i].namespace;

		/* Secrets come from anywhere. */
		if (!*namespace || c->resources[i].kind == RESOURCE_SECRET)
			continue;
		several = several || (*only && !str_eq(only, namespace));
		has_default = has_default || str_eq(namespace, DEFAULT_NAMESPACE);
		only = namespace;
	}
	return !several ? only : has_default ? DEFAULT_NAMESPACE : NULL;
}

static bool
is_same_kind(enum resource_kind a, enum resource_kind b)
{
	return a == b || (is_pool(a) && is_pool(b));
}

/* Why a resource is left out, given those before it; NULL when it stays. */
static const char *
superfluous(
    const struct convert *c, const struct resource *r, size_t n_before, const char *namespace)
{
	size_t i;

	if (*r->namespace && *namespace && !str_eq(r->namespace, namespace))
		return r->kind == RESOURCE_SECRET ? ""
						  : "left out; MetalLB reads its own "
						    "namespace only";
	for (i = 0; i < n_before; i++)
		if (*r->name && is_same_kind(c->resources[i].kind, r->kind) &&
		    str_eq(c->resources[i].name, r->name))
			return "given twice; the first one is converted";
	return NULL;
}

static bool
has_name(const struct convert *c, enum resource_kind kind, const char *name)
{
	size_t i;

	for (i = 0; i < c->n_resources; i++)
		if (c->resources[i].conf_name && is_same_kind(c->resources[i].kind, kind) &&
		    str_eq(c->resources[i].conf_name, name))
			return true;
	return false;
}

bool
resources_is_name(const char *name)
{
	return *name && strchr(ALNUM, *name) && !name[strspn(name, ALNUM "-_.")] &&
	    strlen(name) <= MAX_NAME;
}

const char *
resources_name(struct convert *c, enum resource_kind kind, const char *wanted)
{
	char *name = arena_printf(
	    c->arena, "%s%.*s", *wanted && strchr(ALNUM, *wanted) ? "" : "x", MAX_NAME, wanted);
	const char *unique = name;
	char *p;
	size_t i;

	for (p = name; *p; p++)
		if (!strchr(ALNUM "-_.", *p))
			*p = '-';
	for (i = 2; has_name(c, kind, unique); i++)
		unique = arena_printf(c->arena, "%s-%zu", name, i);
	return unique;
}

int
resources_settle(struct convert *c, struct strbuf *err_line)
{
	const char *namespace = c->options.namespace ? c->options.namespace : choose_namespace(c);
	size_t n = 0, i;

	if (!namespace) {
		strbuf_printf(err_line,
		    "objects of several namespaces, none of them " DEFAULT_NAMESPACE
		    ": say with -n which one is MetalLB's");
		return -EINVAL;
	}
	for (i = 0; i < c->n_resources; i++) {
		struct resource *r = &c->resources[i];
		const char *why = superfluous(c, r, n, namespace);

		if (why && *why)
			convert_remark(c, "%s: %s", r->origin, why);
		if (!why)
			c->resources[n++] = *r;
	}
	c->n_resources = n;
	/* Those that can keep their names come first. */
	for (i = 0; i < n; i++)
		if (c->resources[i].kind != RESOURCE_SECRET &&
		    str_eq(resources_name(c, c->resources[i].kind, c->resources[i].name),
			c->resources[i].name))
			c->resources[i].conf_name = c->resources[i].name;
	for (i = 0; i < n; i++)
		if (!c->resources[i].conf_name)
			c->resources[i].conf_name = resources_name(
			    c, c->resources[i].kind, c->resources[i].name);
	return 0;
}

size_t
resources_count(const struct convert *c, enum resource_kind kind)
{
	size_t n = 0, i;

	for (i = 0; i < c->n_resources; i++)
		n += c->resources[i].kind == kind;
	return n;
}

const struct resource *
resources_find(const struct convert *c, enum resource_kind kind, const char *name)
{
	size_t i;

	for (i = 0; i < c->n_resources; i++)
		if (is_same_kind(c->resources[i].kind, kind) && str_eq(c->resources[i].name, name))
			return &c->resources[i];
	return NULL;
}
