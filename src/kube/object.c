#include "kube/object.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "kube/json.h"
#include "util/mem.h"

/* RFC 1123 names as Kubernetes has them; a label has no dots. */
static bool
is_dns_name(const char *s, size_t max, bool dots)
{
	size_t i, len = strlen(s);

	if (!len || len > max)
		return false;
	for (i = 0; i < len; i++) {
		bool alnum = (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9');
		bool inner = i > 0 && i + 1 < len && (s[i] == '-' || (dots && s[i] == '.'));

		if (!alnum && !inner)
			return false;
	}
	return true;
}

/* uid and resourceVersion go into messages and URLs: printable ASCII without spaces. */
static enum kube_cause
opaque_string(const struct json_object *metadata, const char *key, const char **ret)
{
	const char *s = "", *p;

	if (kube_json_string(metadata, key, &s) == KUBE_JSON_WRONG ||
	    strlen(s) > KUBE_OBJECT_MAX_VERSION)
		return KUBE_BAD_METADATA;
	for (p = s; *p; p++)
		if (*p <= ' ' || *p >= 0x7f)
			return KUBE_BAD_METADATA;
	*ret = s;
	return KUBE_OK;
}

enum kube_cause
kube_object_id(const struct json_object *object, struct kube_object_id *ret_id)
{
	struct kube_object_id id = {.namespace = "", .name = ""};
	struct json_object *metadata;
	enum kube_cause cause;

	if (!object || !json_object_is_type(object, json_type_object))
		return KUBE_NOT_AN_OBJECT;
	switch (kube_json_object(object, "metadata", &metadata)) {
	case KUBE_JSON_ABSENT:
		return KUBE_NO_NAME;
	case KUBE_JSON_WRONG:
	case KUBE_JSON_COUNT:
		return KUBE_BAD_METADATA;
	case KUBE_JSON_FOUND:
		break;
	}
	if (kube_json_string(metadata, "name", &id.name) == KUBE_JSON_WRONG ||
	    kube_json_string(metadata, "namespace", &id.namespace) == KUBE_JSON_WRONG)
		return KUBE_BAD_METADATA;
	if (!*id.name)
		return KUBE_NO_NAME;
	if (!is_dns_name(id.name, KUBE_OBJECT_MAX_NAME, true) ||
	    (*id.namespace && !is_dns_name(id.namespace, KUBE_OBJECT_MAX_NAMESPACE, false)))
		return KUBE_BAD_NAME;
	cause = opaque_string(metadata, "uid", &id.uid);
	if (!cause)
		cause = opaque_string(metadata, "resourceVersion", &id.resource_version);
	if (!cause)
		*ret_id = id;
	return cause;
}

const char *
kube_object_version(const struct json_object *object)
{
	struct json_object *metadata = NULL;
	const char *version = "";

	(void)kube_json_object(object, "metadata", &metadata);
	(void)opaque_string(metadata, "resourceVersion", &version);
	return version;
}

static bool
is_number(const char *s)
{
	return *s && s[strspn(s, "0123456789")] == '\0';
}

bool
kube_version_is_older(const char *a, const char *b)
{
	if (!is_number(a) || !is_number(b))
		return false;
	a += strspn(a, "0");
	b += strspn(b, "0");
	if (strlen(a) != strlen(b))
		return strlen(a) < strlen(b);
	return strcmp(a, b) < 0;
}

void
kube_object_key(const struct kube_object_id *id, char out[KUBE_OBJECT_MAX_KEY + 1])
{
	(void)snprintf(out, KUBE_OBJECT_MAX_KEY + 1, "%s%s%s", id->namespace,
	    *id->namespace ? "/" : "", id->name);
}

enum kube_cause
kube_object_labels(const struct json_object *metadata, const char *key, struct arena *arena,
    size_t max_count, size_t max_value, struct labels *ret_labels)
{
	struct json_object *map;
	struct label *items;
	size_t n = 0;

	switch (kube_json_object(metadata, key, &map)) {
	case KUBE_JSON_ABSENT:
		*ret_labels = (struct labels){0};
		return KUBE_OK;
	case KUBE_JSON_WRONG:
	case KUBE_JSON_COUNT:
		return KUBE_BAD_LABEL;
	case KUBE_JSON_FOUND:
		break;
	}
	if ((size_t)json_object_object_length(map) > max_count)
		return KUBE_TOO_MANY_LABELS;
	items = arena_alloc(arena, (size_t)json_object_object_length(map), sizeof(*items));
	json_object_object_foreach (map, name, value) {
		const char *s;

		/* By name again, for the getter's checks of type and content. */
		(void)value;
		if (kube_json_string(map, name, &s) != KUBE_JSON_FOUND || strlen(s) > max_value ||
		    strlen(name) > max_value)
			return KUBE_BAD_LABEL;
		items[n].key = arena_strdup(arena, name);
		items[n++].value = arena_strdup(arena, s);
	}
	*ret_labels = (struct labels){items, labels_sort(items, n)};
	return KUBE_OK;
}
