/*
 * room: what the files of src/convert share. For these files only.
 */
#ifndef CONVERT_ROOM_H
#define CONVERT_ROOM_H

#include "convert/convert.h"
#include "convert/document.h"
#include "convert/source.h"
#include "model/labels.h"

struct arena;
struct json_object;

enum resource_kind {
	RESOURCE_POOL,     /* IPAddressPool */
	RESOURCE_OLD_POOL, /* AddressPool, and address-pools of a ConfigMap: with its announcement
			    */
	RESOURCE_L2,       /* L2Advertisement */
	RESOURCE_PEER,     /* BGPPeer */
	RESOURCE_BGP,      /* BGPAdvertisement */
	RESOURCE_COMMUNITY,
	RESOURCE_BFD,    /* BFDProfile */
	RESOURCE_SECRET, /* of core/v1, for passwords */
	RESOURCE_KIND_COUNT
};

/* One object of Kubernetes, or one entry of an old ConfigMap. JSON is borrowed from the sources. */
struct resource {
	enum resource_kind kind;
	bool old;                   /* of a ConfigMap: keys are spelt as in metallb.conf */
	const char *namespace;      /* "": not said */
	const char *name;           /* "": none */
	const char *origin;         /* for people: "IPAddressPool metallb-system/first" */
	const char *conf_name;      /* what it is called in metallb.conf */
	struct json_object *spec;   /* an object, or NULL */
	struct labels labels;       /* of a pool */
	struct json_object *object; /* the whole, of a Secret */
};

struct alias {
	const char *name, *value;
	const char *conf_name; /* NULL: metallb.conf cannot have it; the value stands for it */
};

struct convert {
	struct arena *arena;
	struct convert_options options;
	struct source source;
	struct json_object **inner; /* texts in ConfigMaps: references of our own */
	size_t n_inner, inner_cap;
	struct resource *resources; /* in the order given */
	size_t n_resources, resources_cap;
	struct alias *aliases;
	size_t n_aliases, aliases_cap;
	const char **remarks; /* for the head of the file */
	size_t n_remarks, remarks_cap;
	uint32_t common_asn; /* of all peers; 0: they differ */
	struct node *document;
};

/* --- resources.c ---------------------------------------------------------------------------- */

/* What a document holds: adds to the resources and remarks. 0, or -EINVAL after a line. */
int resources_collect(
    struct convert *c, const char *name, struct json_object *document, struct strbuf *err_line);
/* Drops those of other namespaces and doubles, and gives names. 0, or -EINVAL after a line. */
int resources_settle(struct convert *c, struct strbuf *err_line);
/* spec NULL or an object; NULL when there are too many. `namespace` and `name` are borrowed. */
struct resource *resources_add(struct convert *c, enum resource_kind kind, const char *namespace,
    const char *name, struct json_object *spec);
size_t resources_count(const struct convert *c, enum resource_kind kind);
/* By its name in Kubernetes; NULL when there is none. Old pools count as pools. */
const struct resource *
resources_find(const struct convert *c, enum resource_kind kind, const char *name);
/* Whether metallb.conf allows it as a name. */
bool resources_is_name(const char *name);
/* A name that metallb.conf allows and no resource of the kind has yet. */
const char *resources_name(struct convert *c, enum resource_kind kind, const char *wanted);
void convert_remark(struct convert *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* --- configmap.c ---------------------------------------------------------------------------- */

/* Whether a document is the configuration of a ConfigMap. */
bool configmap_is_config(struct json_object *document);
/* `origin`: "ConfigMap metallb-system/config". 0, or -EINVAL after a line. */
int configmap_collect(struct convert *c, const char *namespace, const char *origin,
    struct json_object *config, struct strbuf *err_line);

/* --- pools.c, l2.c, bgp.c, peers.c: these write --------------------------------------------- */

void pools_convert(struct convert *c);
/* Whether it is an old pool, which has its announcement in it. */
bool pool_announces_by_l2(const struct resource *resource);
bool pool_announces_by_bgp(const struct resource *resource);
void l2_convert(struct convert *c);
/* Old pools announce themselves in these too. */
void bgp_convert(struct convert *c);
void peers_convert(struct convert *c, struct node *bgp);
void bfd_convert(struct convert *c);

/* --- json.c --------------------------------------------------------------------------------- */

/* Members of an object; NULL when absent or null. */
struct json_object *member(struct json_object *object, const char *key);
/* Its text, "" when it is absent or no string. */
const char *member_text(struct json_object *object, const char *key);

#endif
