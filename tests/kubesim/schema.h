/*
 * schema: the typed part of the API as tables of fields. One table serves decoding (types, unknown
 * fields dropped or refused, zero values left out, order of fields as the server writes them) and
 * the strategic merge patch (merge keys).
 */
#ifndef KUBESIM_SCHEMA_H
#define KUBESIM_SCHEMA_H

#include <json-c/json.h>
#include <stdbool.h>

enum field_type {
	FIELD_STRING,
	FIELD_INT32,
	FIELD_INT64,
	FIELD_BOOL,
	FIELD_INT_OR_STRING,
	FIELD_TIME,      /* metav1.Time: RFC 3339, seconds */
	FIELD_MICROTIME, /* metav1.MicroTime: RFC 3339 with exactly six digits */
	FIELD_OBJECT,
	FIELD_STRING_MAP,
	FIELD_STRING_LIST,
	FIELD_OBJECT_LIST,
	FIELD_ANY, /* kept as it came */
	FIELD_TYPE_COUNT,
};

enum field_flag {
	FIELD_ALWAYS = 1,     /* written even when missing: Go without omitempty */
	FIELD_POINTER = 2,    /* a zero that was given is kept */
	FIELD_MERGE_LIST = 4, /* strategic merge of a list of strings is a union */
	FIELD_NOT_STORED = 8, /* known, accepted and dropped (managedFields, selfLink) */
};

struct schema;

struct field {
	const char *name;
	enum field_type type;
	unsigned int flags;
	int since;                   /* minor version of Kubernetes that brought it */
	unsigned int number;         /* in the protobuf form; 0: not read from there */
	const char *merge_key;       /* FIELD_OBJECT_LIST: merged by this field; NULL = atomic */
	const struct schema *schema; /* FIELD_OBJECT, FIELD_OBJECT_LIST */
};

struct schema {
	const char *go_type;        /* for messages */
	bool open;                  /* further fields are kept as they came */
	const struct field *fields; /* ends with name NULL */
};

extern const struct schema schema_service, schema_lease, schema_event, schema_node,
    schema_namespace, schema_open;

/* What a decoding meets besides the object. */
struct decoding {
	int minor;   /* in: version that the server plays */
	char *error; /* out: first type error in Go's words, to free; NULL = none */
	struct json_object
	    *unknown; /* out: array of paths that the schema does not know; NULL = none */
};

void decoding_fini(struct decoding *decoding);

/*
 * A new object of the schema's form, which shares nothing that is ever changed with `in`; NULL with
 * decoding->error set on a type error. kind and apiVersion are not part of it.
 */
struct json_object *
schema_decode(const struct schema *schema, struct json_object *in, struct decoding *decoding);

/* NULL when the schema has no such field. schema may be NULL. */
const struct field *schema_field(const struct schema *schema, const char *name);

#endif
