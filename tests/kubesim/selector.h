/*
 * selector: labelSelector and fieldSelector of lists and watches.
 */
#ifndef KUBESIM_SELECTOR_H
#define KUBESIM_SELECTOR_H

#include <json-c/json.h>
#include <stdbool.h>

struct selector;

/*
 * Both texts may be NULL or empty. On a syntax error NULL, and *ret_error holds the server's
 * message, to free. Fields are not checked here: the resource knows which it can select by
 * (selector_field()).
 */
struct selector *selector_new(const char *labels, const char *fields, char **ret_error);
void selector_free(struct selector *selector);

/* Name of the i-th field in the field selector; NULL past the last. */
const char *selector_field(const struct selector *selector, size_t i);

/*
 * field_value returns the object's value of a field named by its selector ("" when it has none).
 */
typedef const char *selector_field_fn(struct json_object *obj, const char *field);
bool selector_matches(
    const struct selector *selector, struct json_object *obj, selector_field_fn *field_value);

/* Does it select everything? */
bool selector_is_empty(const struct selector *selector);

#endif
