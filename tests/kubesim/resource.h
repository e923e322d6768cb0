/*
 * resource: the table of resources that the server knows, and what each does to its objects before
 * they are stored.
 */
#ifndef KUBESIM_RESOURCE_H
#define KUBESIM_RESOURCE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "cluster.h"
#include "names.h"
#include "schema.h"
#include "status.h"

enum resource_id {
	RESOURCE_SERVICES,
	RESOURCE_NODES,
	RESOURCE_NAMESPACES,
	RESOURCE_EVENTS,
	RESOURCE_ENDPOINTS,
	RESOURCE_PODS,
	RESOURCE_LEASES,
	RESOURCE_ENDPOINTSLICES,
	RESOURCE_COUNT,
};

enum resource_flag {
	RESOURCE_NAMESPACED = 1,
	RESOURCE_HAS_STATUS = 2,
	RESOURCE_CREATE_ON_UPDATE = 4,       /* PUT of a missing object makes it */
	RESOURCE_UNCONDITIONAL = 8,          /* PUT without resourceVersion is accepted */
	RESOURCE_DELETE_RETURNS_OBJECT = 16, /* DELETE answers with the object, not with a Status */
	RESOURCE_NO_DELETE_COLLECTION = 32,
};

/* One column of kubectl's table. */
struct column {
	const char *name;
	int priority; /* 1: only with -o wide */
	/* The cell, new; wanted NULL is written as null. now: seconds since 1970, for ages. */
	struct json_object *(*cell)(struct json_object *obj, time_t now);
};

struct resource {
	const char *group; /* "" is the core group */
	const char *version, *plural, *singular, *kind;
	const char *short_name; /* "" for none */
	unsigned int flags;
	int since; /* minor version that brought this group and version */
	enum name_rule name_rule;
	const struct schema *schema;
	const struct column *columns; /* ends with name NULL */
	/*
	 * Defaults, checks and allocation; old is NULL on create. May be NULL. What is wrong is
	 * added to causes; with any there (also earlier ones) nothing is allocated. Returns another
	 * Status to refuse with, or NULL.
	 */
	struct json_object *(*prepare)(struct cluster *cluster, struct json_object *obj,
	    struct json_object *old, struct causes *causes);
	struct json_object *(*prepare_status)(struct cluster *cluster, struct json_object *obj,
	    struct json_object *old, struct causes *causes);
};

const struct resource *resource_get(enum resource_id id);
/* "coordination.k8s.io/v1", "v1"; buf holds 64 bytes. */
const char *resource_group_version(const struct resource *resource, char *buf);

/* Is it there in the version that the cluster plays? */
bool resource_is_served(const struct resource *resource, const struct cluster *cluster);
/* RESOURCE_COUNT when there is none. */
enum resource_id resource_find(
    const struct cluster *cluster, const char *group, const char *version, const char *plural);

/* Flags as the version that is played has them. */
unsigned int resource_flags(const struct resource *resource, const struct cluster *cluster);

/*
 * Can lists and watches of the resource select by this field? If not, *ret_error gets the server's
 * message, to free.
 */
bool resource_selects_by(
    enum resource_id id, const struct cluster *cluster, const char *field, char **ret_error);
/* The value of a selectable field; a selector_field_fn. */
const char *resource_field(struct json_object *obj, const char *field);

#endif
