/*
 * fields: the members of a resource's spec -> keys of an object of metallb.conf, by a table. The
 * room's tables say what each member becomes; members that no table has come out as comments.
 */
#ifndef CONVERT_FIELDS_H
#define CONVERT_FIELDS_H

#include "convert/room.h"

struct field;

/* What the converters of a field get. */
struct fields {
	struct convert *c;
	const struct resource *resource;
	struct json_object *spec;
	struct node *out;
};

/* value is never NULL. */
typedef void
field_fn(struct fields *f, const struct field *field, const char *name, struct json_object *value);

struct field {
	const char *name; /* in a custom resource */
	const char *key;  /* in metallb.conf, and in old ConfigMaps; NULL: name */
	field_fn *convert;
	enum refusal refusal;
	bool zero_is_none; /* of a number: 0 says nothing */
};

/* In the order of the table, then what it does not know. spec may be NULL. */
void fields_convert(struct convert *c, const struct resource *resource, struct json_object *spec,
    struct node *out, const struct field *table, size_t n);

field_fn field_string; /* "" says nothing */
field_fn field_number; /* 0..4294967295 */
field_fn field_bool;
field_fn field_seconds;      /* a duration of Go, cut to whole seconds */
field_fn field_milliseconds; /* a number */
field_fn field_strings;      /* a list of names that metallb.conf takes for globs too */
field_fn field_selectors;    /* a list of label selectors */
field_fn field_nothing;      /* others look at it, or it is of no use here */

/* The value could not be converted. */
void field_wrong(struct fields *f, const struct field *field, const char *name, const char *what);
/* Whether it is a list that is not too long; field_wrong() when not. */
bool field_is_list(
    struct fields *f, const struct field *field, const char *name, struct json_object *value);
/* Adds label selectors to a list; the bad ones are refused. */
void field_add_selectors(struct node *list, struct fields *f, struct json_object *array);
/* A duration of Go ("1m30s", "1.5s"), not negative, in microseconds. False: it is none. */
bool field_parse_duration(const char *text, int64_t *ret_usec);

#endif
