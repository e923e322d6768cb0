#include "selector.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "obj.h"

enum operator{
	OP_IN,     /* also = and == */
	OP_NOT_IN, /* also != */
	OP_EXISTS,
	OP_NOT_EXISTS,
};

struct requirement {
	char *key;
	enum operator op;
	char **values;
	size_t count;
};

struct requirements {
	struct requirement *items;
	size_t count;
};

struct selector {
	struct requirements labels, fields;
};

static struct requirement *
requirement_add(struct requirements *list, const char *key, size_t len)
{
	struct requirement *r;

	list->items = sim_realloc(list->items, list->count + 1, sizeof(*list->items));
	r = &list->items[list->count++];
	*r = (struct requirement){.key = sim_strndup(key, len)};
	return r;
}

static void
value_add(struct requirement *r, const char *value, size_t len)
{
	r->values = sim_realloc(r->values, r->count + 1, sizeof(*r->values));
	r->values[r->count++] = sim_strndup(value, len);
}

static void
requirements_fini(struct requirements *list)
{
	for (size_t i = 0; i < list->count; i++) {
		for (size_t k = 0; k < list->items[i].count; k++)
			free(list->items[i].values[k]);
		free(list->items[i].values);
		free(list->items[i].key);
	}
	free(list->items);
}

static void
skip_space(const char **s)
{
	while (isspace((unsigned char)**s))
		(*s)++;
}

/* A word up to white space or one of the selector's signs. */
static size_t
word_len(const char *s)
{
	return strcspn(s, " \t\r\n,()=!");
}

static char *
expected(const char *found, const char *what)
{
	return sim_asprintf("unable to parse requirement: found '%.*s', expected: %s",
	    (int)word_len(found), found, what);
}

/* "(a, b)" after in or notin. */
static char *
parse_set(const char **s, struct requirement *r)
{
	skip_space(s);
	if (**s != '(')
		return expected(*s, "'('");
	do {
		size_t n;

		(*s)++;
		skip_space(s);
		n = word_len(*s);
		value_add(r, *s, n);
		*s += n;
		skip_space(s);
	} while (**s == ',');
	if (**s != ')')
		return expected(*s, "',' or ')'");
	(*s)++;
	return NULL;
}

static char *
parse_operator(const char **s, struct requirement *r)
{
	size_t n;

	skip_space(s);
	if (**s == '\0' || **s == ',') {
		r->op = OP_EXISTS;
		return NULL;
	}
	if ((*s)[0] == '=' || ((*s)[0] == '!' && (*s)[1] == '=')) {
		r->op = **s == '!' ? OP_NOT_IN : OP_IN;
		*s += (*s)[1] == '=' ? 2 : 1;
		skip_space(s);
		n = word_len(*s);
		value_add(r, *s, n);
		*s += n;
		return NULL;
	}
	n = word_len(*s);
	if (n == 2 && strncmp(*s, "in", n) == 0)
		r->op = OP_IN;
	else if (n == 5 && strncmp(*s, "notin", n) == 0)
		r->op = OP_NOT_IN;
	else
		return expected(*s, "in, notin, =, ==, !=, gt, lt");
	*s += n;
	return parse_set(s, r);
}

static char *
parse_labels(const char *s, struct requirements *list)
{
	for (;;) {
		struct requirement *r;
		char *error = NULL;
		bool negated;
		size_t n;

		skip_space(&s);
		negated = *s == '!';
		if (negated)
			s++;
		skip_space(&s);
		n = word_len(s);
		if (n == 0)
			return sim_asprintf(
			    "found '%.1s', expected: !, identifier, or 'end of string'", s);
		r = requirement_add(list, s, n);
		s += n;
		if (negated)
			r->op = OP_NOT_EXISTS;
		else
			error = parse_operator(&s, r);
		if (error != NULL)
			return error;
		skip_space(&s);
		if (*s == '\0')
			return NULL;
		if (*s != ',')
			return expected(s, "',' or 'end of string'");
		s++;
	}
}

/* a=b,c!=d; nothing else exists for fields. Values may be escaped by a backslash. */
static char *
parse_fields(const char *s, struct requirements *list)
{
	while (*s != '\0') {
		size_t term = strcspn(s, ","), key = strcspn(s, "=!,");
		const char *value = s + key;
		struct requirement *r;

		if (term == 0) {
			s++;
			continue;
		}
		if (key == 0 || key >= term || (*value == '!' && value[1] != '='))
			return sim_asprintf("invalid selector: '%.*s'; can't understand '%.*s'",
			    (int)strlen(s), s, (int)term, s);
		r = requirement_add(list, s, key);
		r->op = *value == '!' ? OP_NOT_IN : OP_IN;
		value += value[1] == '=' ? 2 : 1;
		value_add(r, value, (size_t)(s + term - value));
		s += term;
		if (*s == ',')
			s++;
	}
	return NULL;
}

struct selector *
selector_new(const char *labels, const char *fields, char **ret_error)
{
	struct selector *selector = sim_calloc(1, sizeof(*selector));
	char *error = NULL;

	if (labels != NULL && labels[0] != '\0')
		error = parse_labels(labels, &selector->labels);
	if (error == NULL && fields != NULL)
		error = parse_fields(fields, &selector->fields);
	if (error == NULL)
		return selector;
	selector_free(selector);
	*ret_error = error;
	return NULL;
}

void
selector_free(struct selector *selector)
{
	if (selector == NULL)
		return;
	requirements_fini(&selector->labels);
	requirements_fini(&selector->fields);
	free(selector);
}

const char *
selector_field(const struct selector *selector, size_t i)
{
	return i < selector->fields.count ? selector->fields.items[i].key : NULL;
}

static bool
requirement_holds(const struct requirement *r, const char *value)
{
	bool in = false;

	switch (r->op) {
	case OP_EXISTS:
		return value != NULL;
	case OP_NOT_EXISTS:
		return value == NULL;
	case OP_IN:
	case OP_NOT_IN:
		break;
	}
	for (size_t i = 0; i < r->count && value != NULL; i++)
		in = in || strcmp(r->values[i], value) == 0;
	/* notin and != hold for an object without that label */
	return in == (r->op == OP_IN);
}

bool
selector_matches(
    const struct selector *selector, struct json_object *obj, selector_field_fn *field_value)
{
	struct json_object *labels = obj_get(obj, "metadata.labels");

	for (size_t i = 0; i < selector->labels.count; i++) {
		const struct requirement *r = &selector->labels.items[i];
		struct json_object *v = NULL;

		if (labels != NULL)
			json_object_object_get_ex(labels, r->key, &v);
		if (!requirement_holds(r, json_object_get_string(v)))
			return false;
	}
	for (size_t i = 0; i < selector->fields.count; i++) {
		const struct requirement *r = &selector->fields.items[i];

		if (!requirement_holds(r, field_value(obj, r->key)))
			return false;
	}
	return true;
}

bool
selector_is_empty(const struct selector *selector)
{
	return selector->labels.count == 0 && selector->fields.count == 0;
}
