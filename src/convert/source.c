#include "convert/source.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "util/mem.h"
#include "util/str.h"

#define QUOTED_MAX 64

static int
add_document(struct source *source, struct json_object *document)
{
	/* null: an empty document */
	if (!document)
		return 0;
	if (source->n >= SOURCE_MAX_DOCUMENTS) {
		(void)json_object_put(document);
		return -EFBIG;
	}
	source->documents = mem_grow(
	    source->documents, source->n, &source->cap, sizeof(struct json_object *));
	source->documents[source->n++] = document;
	return 0;
}

void
source_fini(struct source *source)
{
	while (source->n)
		(void)json_object_put(source->documents[--source->n]);
	free(source->documents);
	*source = (struct source){0};
}

const char *
source_text(struct json_object *scalar)
{
	const char *text;

	switch (json_object_get_type(scalar)) {
	case json_type_string:
		text = json_object_get_string(scalar);
		return strlen(text) == (size_t)json_object_get_string_len(scalar) ? text : NULL;
	case json_type_boolean:
	case json_type_int:
	case json_type_double:
		text = json_object_get_userdata(scalar);
		return text ? text : json_object_get_string(scalar);
	case json_type_null:
	case json_type_object:
	case json_type_array:
		break;
	}
	return NULL;
}

/* --- JSON ----------------------------------------------------------------------------------- */

static size_t
line_at(const char *text, size_t at)
{
	size_t line = 1;

	while (at--)
		line += *text++ == '\n';
	return line;
}

static size_t
skip_space(const char *text, size_t len, size_t at)
{
	while (at < len && memchr(" \t\r\n", text[at], 4))
		at++;
	return at;
}

static int
parse_json(
    struct source *source, const char *name, const char *text, size_t len, struct strbuf *err_line)
{
	struct json_tokener *tokener = json_tokener_new_ex(SOURCE_MAX_DEPTH);
	size_t at = skip_space(text, len, 0);
	struct json_object *document;
	enum json_tokener_error error;
	int err = 0;

	if (!tokener)
		abort();
	while (!err && at < len) {
		json_tokener_reset(tokener);
		document = json_tokener_parse_ex(tokener, text + at, (int)(len - at));
		error = json_tokener_get_error(tokener);
		at += json_tokener_get_parse_end(tokener);
		if (error != json_tokener_success) {
			strbuf_printf(err_line, "%s:%zu: not JSON: %s", name, line_at(text, at),
			    error == json_tokener_continue ? "it ends too early"
							   : json_tokener_error_desc(error));
			err = -EINVAL;
			break;
		}
		err = add_document(source, document);
		if (err)
			strbuf_printf(
			    err_line, "%s: more than %d documents", name, SOURCE_MAX_DOCUMENTS);
		at = skip_space(text, len, at);
	}
	json_tokener_free(tokener);
	return err;
}

/* --- YAML: types of plain scalars ----------------------------------------------------------- */

static bool
is_one_of(const char *text, const char *const *words, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (str_eq(text, words[i]))
			return true;
	return false;
}

#define IS_ONE_OF(text, ...)                                \
	is_one_of(text, (const char *const[]){__VA_ARGS__}, \
	    sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* Whole numbers: sign, digits with underscores between, and the prefixes 0x, 0b, 0o and 0. */
static bool
whole_number(const char *text, int64_t *ret)
{
	char digits[80], *end;
	size_t n = 0;
	int base = 10;
	const char *p = text + (*text == '-' || *text == '+');

	if (*p < '0' || *p > '9')
		return false;
	if (p[0] == '0' && p[1] && strchr("xXbBoO", p[1])) {
		base = strchr("xX", p[1]) ? 16 : strchr("bB", p[1]) ? 2 : 8;
		p += 2;
	} else if (p[0] == '0' && p[1]) {
		base = 8;
	}
	if (*text == '-')
		digits[n++] = '-';
	for (; *p && n + 1 < sizeof(digits); p++)
		if (*p != '_')
			digits[n++] = *p;
	digits[n] = '\0';
	/* strtoll() would take blanks and another sign. */
	if (*p || !n || !strchr("0123456789abcdefABCDEF", digits[n - 1]) ||
	    strspn(digits + (*text == '-'), "0123456789abcdefABCDEF") != n - (*text == '-'))
		return false;
	errno = 0;
	*ret = strtoll(digits, &end, base);
	return !*end && !errno;
}

/* A decimal fraction or an exponent, as JSON has it, or with the point at an end. */
static bool
is_fraction(const char *text)
{
	size_t digits, more;

	text += *text == '-' || *text == '+';
	digits = strspn(text, "0123456789");
	text += digits;
	if (*text == '.') {
		more = strspn(text + 1, "0123456789");
		digits += more;
		text += more + 1;
	}
	if (!digits)
		return false;
	if (*text == 'e' || *text == 'E') {
		text++;
		text += *text == '-' || *text == '+';
		more = strspn(text, "0123456789");
		text += more;
		if (!more)
			return false;
	}
	return !*text;
}

static void
free_text(struct json_object *object, void *text)
{
	(void)object;
	free(text);
}

static struct json_object *
with_text(struct json_object *object, const char *text)
{
	if (!object)
		abort();
	json_object_set_userdata(object, xstrdup(text), free_text);
	return object;
}

static struct json_object *
plain_scalar(const char *text)
{
	struct json_object *object;
	int64_t number;

	if (IS_ONE_OF(text, "", "~", "null", "Null", "NULL"))
		return NULL;
	if (IS_ONE_OF(
		text, "true", "True", "TRUE", "y", "Y", "yes", "Yes", "YES", "on", "On", "ON"))
		return with_text(json_object_new_boolean(1), text);
	if (IS_ONE_OF(
		text, "false", "False", "FALSE", "n", "N", "no", "No", "NO", "off", "Off", "OFF"))
		return with_text(json_object_new_boolean(0), text);
	if (whole_number(text, &number))
		return with_text(json_object_new_int64(number), text);
	if (is_fraction(text))
		return with_text(json_object_new_double(strtod(text, NULL)), text);
	object = json_object_new_string(text);
	if (!object)
		abort();
	return object;
}

/* --- YAML: structure ------------------------------------------------------------------------ */

struct anchor {
	char *name;
	struct json_object *object; /* a reference of its own */
	size_t weight;              /* nodes that it stands for */
};

struct reader {
	yaml_parser_t parser;
	const char *name;
	struct strbuf *err_line;
	struct anchor *anchors;
	size_t n_anchors, anchors_cap;
	size_t nodes;
};

static int __attribute__((format(printf, 3, 4)))
fault(struct reader *r, const yaml_mark_t *mark, const char *fmt, ...)
{
	va_list ap;

	strbuf_printf(r->err_line, "%s:%zu: ", r->name, mark->line + 1);
	va_start(ap, fmt);
	strbuf_vprintf(r->err_line, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* 0, and the caller deletes the event. */
static int
next_event(struct reader *r, yaml_event_t *event)
{
	if (yaml_parser_parse(&r->parser, event))
		return 0;
	return fault(r, &r->parser.problem_mark, "not YAML: %s",
	    r->parser.problem ? r->parser.problem : "syntax error");
}

static int
count_nodes(struct reader *r, size_t n, const yaml_mark_t *mark)
{
	r->nodes += n;
	return r->nodes > SOURCE_MAX_NODES ? fault(r, mark, "too many entries") : 0;
}

static int
remember(struct reader *r, const yaml_char_t *name, struct json_object *object, size_t weight,
    const yaml_mark_t *mark)
{
	if (r->n_anchors >= SOURCE_MAX_ANCHORS)
		return fault(r, mark, "too many anchors");
	r->anchors = mem_grow(r->anchors, r->n_anchors, &r->anchors_cap, sizeof(*r->anchors));
	r->anchors[r->n_anchors++] = (struct anchor){.name = xstrdup((const char *)name),
	    .object = json_object_get(object),
	    .weight = weight};
	return 0;
}

/* An anchor may be given again; the last one before the alias counts. One that is still being read
 * is not there yet, so nothing can hold itself. */
static int
read_alias(struct reader *r, const yaml_event_t *event, struct json_object **ret)
{
	const char *name = (const char *)event->data.alias.anchor;
	size_t i;

	for (i = r->n_anchors; i-- > 0;) {
		if (!str_eq(r->anchors[i].name, name))
			continue;
		if (count_nodes(r, r->anchors[i].weight, &event->start_mark))
			return -EINVAL;
		*ret = json_object_get(r->anchors[i].object);
		return 0;
	}
	return fault(r, &event->start_mark, "an alias without its anchor before it");
}

static int
read_scalar(struct reader *r, const yaml_event_t *event, struct json_object **ret)
{
	const char *text = (const char *)event->data.scalar.value;

	if (strlen(text) != event->data.scalar.length)
		return fault(r, &event->start_mark, "a zero byte in a string");
	if (event->data.scalar.tag && !event->data.scalar.plain_implicit &&
	    !event->data.scalar.quoted_implicit &&
	    !str_eq((const char *)event->data.scalar.tag, YAML_STR_TAG))
		return fault(r, &event->start_mark, "tags (!name) are not supported");
	if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	    event->data.scalar.plain_implicit)
		*ret = plain_scalar(text);
	else if (!(*ret = json_object_new_string(text)))
		abort();
	return 0;
}

static int
read_node(struct reader *r, const yaml_event_t *event, unsigned depth, struct json_object **ret);

static int
read_sequence(struct reader *r, unsigned depth, struct json_object *array)
{
	struct json_object *item;
	yaml_event_t event;
	bool end = false;
	int err = 0;

	while (!err && !end) {
		err = next_event(r, &event);
		if (err)
			return err;
		end = event.type == YAML_SEQUENCE_END_EVENT;
		item = NULL;
		if (!end)
			err = read_node(r, &event, depth, &item);
		if (!end && !err && json_object_array_add(array, item))
			abort();
		yaml_event_delete(&event);
	}
	return err;
}

/* One key, whose event is given, and its value. */
static int
read_member(struct reader *r, const yaml_event_t *key, unsigned depth, struct json_object *object)
{
	struct json_object *value = NULL;
	const char *name = (const char *)key->data.scalar.value;
	struct strbuf quoted = {0};
	yaml_event_t event;
	int err;

	if (key->type != YAML_SCALAR_EVENT)
		return fault(r, &key->start_mark, "a key that is no string");
	if (strlen(name) != key->data.scalar.length)
		return fault(r, &key->start_mark, "a zero byte in a key");
	if (key->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && str_eq(name, "<<"))
		return fault(r, &key->start_mark, "merge keys (<<) are not supported");
	if (json_object_object_get_ex(object, name, NULL)) {
		strbuf_add_quoted(&quoted, name, QUOTED_MAX);
		err = fault(r, &key->start_mark, "\"%s\" is given twice", strbuf_text(&quoted));
		strbuf_free(&quoted);
		return err;
	}
	err = next_event(r, &event);
	if (err)
		return err;
	err = read_node(r, &event, depth, &value);
	yaml_event_delete(&event);
	if (!err && json_object_object_add(object, name, value))
		abort();
	return err;
}

static int
read_mapping(struct reader *r, unsigned depth, struct json_object *object)
{
	yaml_event_t event;
	bool end = false;
	int err = 0;

	while (!err && !end) {
		err = next_event(r, &event);
		if (err)
			return err;
		end = event.type == YAML_MAPPING_END_EVENT;
		if (!end)
			err = read_member(r, &event, depth, object);
		yaml_event_delete(&event);
	}
	return err;
}

static int
read_collection(
    struct reader *r, const yaml_event_t *event, unsigned depth, struct json_object **ret)
{
	bool is_array = event->type == YAML_SEQUENCE_START_EVENT;
	struct json_object *object = is_array ? json_object_new_array() : json_object_new_object();
	int err;

	if (!object)
		abort();
	err = depth >= SOURCE_MAX_DEPTH ? fault(r, &event->start_mark, "nested too deep")
	    : is_array                  ? read_sequence(r, depth + 1, object)
					: read_mapping(r, depth + 1, object);
	if (err)
		(void)json_object_put(object);
	else
		*ret = object;
	return err;
}

static int
read_node(struct reader *r, const yaml_event_t *event, unsigned depth, struct json_object **ret)
{
	const yaml_char_t *anchor = NULL;
	size_t before = r->nodes;
	int err = count_nodes(r, 1, &event->start_mark);

	if (err)
		return err;
	if (event->type == YAML_ALIAS_EVENT)
		return read_alias(r, event, ret);
	if (event->type == YAML_SCALAR_EVENT) {
		anchor = event->data.scalar.anchor;
		err = read_scalar(r, event, ret);
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		anchor = event->data.sequence_start.anchor;
		err = read_collection(r, event, depth, ret);
	} else {
		anchor = event->data.mapping_start.anchor;
		err = read_collection(r, event, depth, ret);
	}
	if (!err && anchor) {
		err = remember(r, anchor, *ret, r->nodes - before, &event->start_mark);
		if (err) {
			(void)json_object_put(*ret);
			*ret = NULL;
		}
	}
	return err;
}

static void
forget_anchors(struct reader *r)
{
	while (r->n_anchors) {
		struct anchor *anchor = &r->anchors[--r->n_anchors];

		(void)json_object_put(anchor->object);
		free(anchor->name);
	}
}

/* The events between documents are skipped; what is left begins a root. */
static int
read_stream(struct reader *r, struct source *source)
{
	struct json_object *root;
	yaml_event_t event;
	bool end = false;
	int err = 0;

	while (!err && !end) {
		err = next_event(r, &event);
		if (err)
			return err;
		root = NULL;
		switch (event.type) {
		case YAML_STREAM_END_EVENT:
			end = true;
			break;
		case YAML_NO_EVENT:
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_START_EVENT:
			break;
		case YAML_DOCUMENT_END_EVENT:
			forget_anchors(r);
			break;
		case YAML_ALIAS_EVENT:
		case YAML_SCALAR_EVENT:
		case YAML_SEQUENCE_START_EVENT:
		case YAML_SEQUENCE_END_EVENT:
		case YAML_MAPPING_START_EVENT:
		case YAML_MAPPING_END_EVENT:
			err = read_node(r, &event, 0, &root);
			if (!err && add_document(source, root))
				err = fault(r, &event.start_mark, "more than %d documents",
				    SOURCE_MAX_DOCUMENTS);
			break;
		}
		yaml_event_delete(&event);
	}
	return err;
}

static int
parse_yaml(
    struct source *source, const char *name, const char *text, size_t len, struct strbuf *err_line)
{
	struct reader r = {.name = name, .err_line = err_line};
	int err;

	if (!yaml_parser_initialize(&r.parser))
		abort();
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
	err = read_stream(&r, source);
	yaml_parser_delete(&r.parser);
	forget_anchors(&r);
	free(r.anchors);
	return err;
}

int
source_parse(
    struct source *source, const char *name, const char *text, size_t len, struct strbuf *err_line)
{
	size_t start = skip_space(text, len, 0);

	if (len > SOURCE_MAX_BYTES) {
		strbuf_printf(err_line, "%s: larger than %u bytes", name, SOURCE_MAX_BYTES);
		return -EFBIG;
	}
	if (len && memchr(text, '\0', len)) {
		strbuf_printf(err_line, "%s: a zero byte: neither JSON nor YAML", name);
		return -EINVAL;
	}
	if (start < len && (text[start] == '{' || text[start] == '['))
		return parse_json(source, name, text, len, err_line);
	return parse_yaml(source, name, text, len, err_line);
}
