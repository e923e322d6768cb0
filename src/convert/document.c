#include "convert/document.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "util/list.h"
#include "util/mem.h"
#include "util/str.h"

#define WIDTH 92 /* columns of a line, a tab counted as one of eight */
#define TAB 8
#define QUOTED_MAX 200 /* bytes of a refused value in a comment */

enum node_kind {
	NODE_COMMENT,
	NODE_VALUE,
	NODE_LIST,
	NODE_ITEM,
	NODE_GROUP,
	NODE_OBJECTS,
	NODE_OBJECT
};

STAILQ_HEAD(node_head, node);

struct node {
	enum node_kind kind;
	enum refusal refusal;
	bool secret;
	const char *key;                /* NULL for comments, items, objects and the document */
	const char *text;               /* of a comment; as in the file of a value or item */
	const char *origin;             /* of an object */
	const char *refused;            /* why; NULL: it stands */
	size_t max;                     /* of objects */
	unsigned first_line, last_line; /* of an object in the last text */
	struct arena *arena;
	struct node *parent;
	struct node_head children;
	STAILQ_ENTRY(node) link;
};

static struct node *
add(struct node *parent, enum node_kind kind, const char *key)
{
	struct node *node = arena_alloc(parent->arena, 1, sizeof(*node));

	node->arena = parent->arena;
	node->kind = kind;
	node->key = key;
	node->parent = parent;
	STAILQ_INIT(&node->children);
	STAILQ_INSERT_TAIL(&parent->children, node, link);
	return node;
}

struct node *
document_new(struct arena *arena)
{
	struct node *node = arena_alloc(arena, 1, sizeof(*node));

	node->arena = arena;
	node->kind = NODE_GROUP;
	STAILQ_INIT(&node->children);
	return node;
}

/* Text for a comment. Names in it may be foreign: nothing may end the comment, or play with a
 * terminal. */
static void __attribute__((format(printf, 2, 0)))
add_printable(struct strbuf *out, const char *fmt, va_list ap)
{
	struct strbuf raw = {0};
	const char *p;

	strbuf_vprintf(&raw, fmt, ap);
	for (p = strbuf_text(&raw); *p; p++)
		if ((unsigned char)*p < ' ' || (unsigned char)*p >= 0x7f)
			strbuf_printf(out, "\\x%02x", (unsigned char)*p);
		else
			strbuf_addc(out, *p);
	strbuf_free(&raw);
}

void
node_comment(struct node *parent, const char *fmt, ...)
{
	struct strbuf text = {0};
	va_list ap;

	va_start(ap, fmt);
	add_printable(&text, fmt, ap);
	va_end(ap);
	add(parent, NODE_COMMENT, NULL)->text = arena_strdup(parent->arena, strbuf_text(&text));
	strbuf_free(&text);
}

/* As libconfig reads it back, byte for byte. */
static const char *
quote(struct arena *arena, const char *value)
{
	struct strbuf sb = {0};
	const char *text;

	strbuf_addc(&sb, '"');
	for (; *value; value++) {
		unsigned char c = (unsigned char)*value;

		if (c == '"' || c == '\\')
			strbuf_printf(&sb, "\\%c", c);
		else if (c < ' ' || c >= 0x7f)
			strbuf_printf(&sb, "\\x%02x", c);
		else
			strbuf_addc(&sb, (char)c);
	}
	strbuf_addc(&sb, '"');
	text = arena_strdup(arena, strbuf_text(&sb));
	strbuf_free(&sb);
	return text;
}

static struct node *
add_value(struct node *parent, const char *key, const char *text, enum refusal refusal)
{
	struct node *node = add(parent, NODE_VALUE, key);

	node->text = text;
	node->refusal = refusal;
	return node;
}

struct node *
node_string(struct node *parent, const char *key, const char *value, enum refusal refusal)
{
	return add_value(parent, key, quote(parent->arena, value), refusal);
}

struct node *
node_secret(struct node *parent, const char *key, const char *value, enum refusal refusal)
{
	struct node *node = node_string(parent, key, value, refusal);

	node->secret = true;
	return node;
}

struct node *
node_number(struct node *parent, const char *key, uint32_t value, enum refusal refusal)
{
	return add_value(parent, key,
	    arena_printf(parent->arena, "%u%s", value, value > INT32_MAX ? "L" : ""), refusal);
}

struct node *
node_bool(struct node *parent, const char *key, bool value, enum refusal refusal)
{
	return add_value(parent, key, value ? "true" : "false", refusal);
}

struct node *
node_list(struct node *parent, const char *key, enum refusal refusal)
{
	struct node *node = add(parent, NODE_LIST, key);

	node->refusal = refusal;
	return node;
}

struct node *
node_group(struct node *parent, const char *key)
{
	return add(parent, NODE_GROUP, key);
}

struct node *
node_objects(struct node *parent, const char *key, size_t max)
{
	struct node *node = add(parent, NODE_OBJECTS, key);

	node->max = max;
	return node;
}

struct node *
node_item(struct node *list, const char *value)
{
	struct node *node;

	assert(list->kind == NODE_LIST);
	node = add(list, NODE_ITEM, NULL);
	node->text = value ? quote(list->arena, value) : NULL;
	return node;
}

bool
node_has_item(const struct node *list, const char *value)
{
	const char *text = quote(list->arena, value);
	const struct node *item;

	STAILQ_FOREACH (item, &list->children, link)
		if (item->text && str_eq(item->text, text))
			return true;
	return false;
}

struct node *
node_object(struct node *objects, const char *origin)
{
	size_t before = node_count(objects);
	struct node *node;

	assert(objects->kind == NODE_OBJECTS);
	node = add(objects, NODE_OBJECT, NULL);
	node->origin = arena_strdup(objects->arena, origin);
	if (before >= objects->max)
		node->refused = arena_printf(
		    objects->arena, "metallb.conf holds %zu of them at most", objects->max);
	return node;
}

size_t
node_count(const struct node *list)
{
	const struct node *child;
	size_t n = 0;

	STAILQ_FOREACH (child, &list->children, link)
		if (!child->refused && child->kind != NODE_COMMENT)
			n++;
	return n;
}

/* --- refusing ------------------------------------------------------------------------------- */

bool
node_is_refused(const struct node *node)
{
	return node->refused != NULL;
}

static void
mark(struct node *node, const char *reason)
{
	if (!node->refused)
		node->refused = arena_strdup(node->arena, reason);
}

static void
refuse_object(struct node *node, const char *reason)
{
	while (node && node->kind != NODE_OBJECT)
		node = node->parent;
	if (node)
		mark(node, reason);
}

void
node_refuse_item(struct node *item, const char *reason)
{
	assert(item->kind == NODE_ITEM);
	mark(item, reason);
}

void
node_settle(struct node *list)
{
	const struct node *item;
	bool bad = false;

	STAILQ_FOREACH (item, &list->children, link)
		bad = bad || item->refused;
	if (!bad || (node_count(list) && list->refusal != REFUSE_WHOLE))
		return;
	if (list->refusal == REFUSE_WHOLE)
		refuse_object(
		    list, arena_printf(list->arena, "one of its %s is refused", list->key));
	else if (list->refusal == REFUSE_OBJECT)
		refuse_object(list, arena_printf(list->arena, "nothing is left of %s", list->key));
	else
		mark(list, "nothing is left of it");
}

void
node_refuse(struct node *node, const char *reason)
{
	mark(node, reason);
	if (node->kind == NODE_ITEM)
		node_settle(node->parent);
	else if (node->refusal >= REFUSE_OBJECT &&
	    (node->kind == NODE_VALUE || node->kind == NODE_LIST))
		refuse_object(node, arena_printf(node->arena, "%s: %s", node->key, reason));
}

void
node_refuse_key(struct node *parent, const char *key, enum refusal refusal, const char *reason)
{
	if (refusal >= REFUSE_OBJECT)
		refuse_object(parent, arena_printf(parent->arena, "%s: %s", key, reason));
	else
		node_comment(parent, "Left out, %s: %s", key, reason);
}

/* The child with that key that is not refused. */
static struct node *
child_by_key(const struct node *parent, const char *key, size_t len)
{
	struct node *child;

	STAILQ_FOREACH (child, &parent->children, link)
		if (!child->refused && child->key && strlen(child->key) == len &&
		    !memcmp(child->key, key, len))
			return child;
	return NULL;
}

static struct node *
child_by_index(const struct node *list, size_t index)
{
	struct node *child;

	STAILQ_FOREACH (child, &list->children, link)
		if (!child->refused && child->kind != NODE_COMMENT && !index--)
			return child;
	return NULL;
}

struct node *
document_find(struct node *document, const char *path, const char **ret_rest)
{
	struct node *node = document, *next;

	while (*path) {
		size_t len = strcspn(path, ".[");

		if (*path == '[')
			next = child_by_index(node, strtoul(path + 1, NULL, 10));
		else
			next = child_by_key(node, path, len);
		if (!next)
			break;
		node = next;
		path += *path == '[' ? strcspn(path, "]") : len;
		path += *path == ']';
		path += *path == '.';
	}
	*ret_rest = path;
	return node->kind == NODE_GROUP || node->kind == NODE_OBJECTS ? NULL : node;
}

struct node *
document_object(struct node *document, unsigned line)
{
	struct node *child, *inner;

	STAILQ_FOREACH (child, &document->children, link) {
		inner = document_object(child, line);
		if (inner)
			return inner;
	}
	if (document->kind == NODE_OBJECT && document->first_line <= line &&
	    line <= document->last_line)
		return document;
	return NULL;
}

const char *
node_origin(const struct node *object)
{
	return object->origin;
}

/* --- text ----------------------------------------------------------------------------------- */

struct printer {
	struct strbuf *out;
	unsigned line, depth;
	bool commented; /* inside of what was refused */
};

static void
begin_line(const struct printer *p)
{
	unsigned i;

	for (i = 0; i < p->depth; i++)
		strbuf_addc(p->out, '\t');
	if (p->commented)
		strbuf_addc(p->out, '#');
}

static void
end_line(struct printer *p)
{
	strbuf_addc(p->out, '\n');
	p->line++;
}

static void __attribute__((format(printf, 2, 3)))
print_line(struct printer *p, const char *fmt, ...)
{
	va_list ap;

	begin_line(p);
	va_start(ap, fmt);
	strbuf_vprintf(p->out, fmt, ap);
	va_end(ap);
	end_line(p);
}

/* Wrapped at blanks; under an item ("- ") with an indent. */
static void
print_comment(struct printer *p, const char *text)
{
	const char *indent = "", *next_indent = str_has_prefix(text, "- ") ? "  " : "";
	bool commented = p->commented;
	size_t width = p->depth * TAB + 40 < WIDTH ? WIDTH - p->depth * TAB - 2 : 40;

	p->commented = false;
	if (!*text)
		print_line(p, "#");
	while (*text) {
		size_t len = strlen(text), cut;

		if (len > width) {
			for (cut = width; cut && text[cut] != ' '; cut--)
				continue;
			len = cut ? cut : strcspn(text, " ");
		}
		print_line(p, "# %s%.*s", indent, (int)len, text);
		indent = next_indent;
		text += len;
		text += strspn(text, " ");
	}
	p->commented = commented;
}

static void __attribute__((format(printf, 2, 3)))
print_remark(struct printer *p, const char *fmt, ...)
{
	struct strbuf text = {0};
	va_list ap;

	va_start(ap, fmt);
	add_printable(&text, fmt, ap);
	va_end(ap);
	print_comment(p, strbuf_text(&text));
	strbuf_free(&text);
}

/* A reason that begins with the value need not have it twice. */
static void
print_refused_item(struct printer *p, const struct node *item)
{
	if (!item->text)
		print_remark(p, "Left out, one of %s: %s", item->parent->key, item->refused);
	else if (str_has_prefix(item->refused, item->text))
		print_remark(p, "Left out, %s", item->refused);
	else
		print_remark(p, "Left out, %.*s: %s", QUOTED_MAX, item->text, item->refused);
}

static void
print_list(struct printer *p, const struct node *list)
{
	const struct node *item;
	size_t width = p->depth * TAB + strlen(list->key) + 6, n = node_count(list);

	STAILQ_FOREACH (item, &list->children, link) {
		if (item->refused)
			print_refused_item(p, item);
		else
			width += strlen(item->text) + 2;
	}
	if (!n)
		return;
	begin_line(p);
	strbuf_printf(p->out, "%s = [", list->key);
	STAILQ_FOREACH (item, &list->children, link) {
		if (item->refused)
			continue;
		n--;
		if (width > WIDTH) {
			end_line(p);
			p->depth++;
			begin_line(p);
			p->depth--;
		}
		strbuf_printf(p->out, "%s%s", item->text, !n ? "" : width > WIDTH ? "," : ", ");
	}
	strbuf_add(p->out, "];");
	end_line(p);
}

static void
print_value(struct printer *p, const struct node *value)
{
	/* In an object that is refused because of it the reason was given. */
	if (!value->refused || (p->commented && !value->secret))
		print_line(p, "%s = %s;", value->key, value->text);
	else if (value->secret)
		print_remark(p, "Left out, %s: %s", value->key, value->refused);
	else
		print_remark(p, "Left out, %s = %.*s: %s", value->key, QUOTED_MAX, value->text,
		    value->refused);
}

static void print_children(struct printer *p, struct node *parent);

/* `last`: no other object that stands comes after it; libconfig allows no comma there. */
static void
print_object(struct printer *p, struct node *object, bool last)
{
	bool commented = p->commented;

	object->first_line = p->line;
	if (object->refused)
		print_remark(p, "Not converted, %s: %s", object->origin, object->refused);
	p->commented = commented || object->refused;
	print_line(p, "{");
	p->depth++;
	print_children(p, object);
	p->depth--;
	print_line(p, last && !object->refused ? "}" : "},");
	p->commented = commented;
	object->last_line = p->line - 1;
}

static void
print_objects(struct printer *p, struct node *objects)
{
	size_t n = node_count(objects);
	struct node *child;

	print_line(p, "%s: (", objects->key);
	p->depth++;
	STAILQ_FOREACH (child, &objects->children, link) {
		if (child->kind == NODE_COMMENT) {
			print_comment(p, child->text);
			continue;
		}
		n -= !child->refused;
		print_object(p, child, !n);
	}
	p->depth--;
	print_line(p, ");");
}

static void
print_children(struct printer *p, struct node *parent)
{
	struct node *child, *next;

	STAILQ_FOREACH (child, &parent->children, link) {
		switch (child->kind) {
		case NODE_COMMENT:
			print_comment(p, child->text);
			break;
		case NODE_VALUE:
			print_value(p, child);
			break;
		case NODE_LIST:
			print_list(p, child);
			break;
		case NODE_GROUP:
			print_line(p, "%s: {", child->key);
			p->depth++;
			print_children(p, child);
			p->depth--;
			print_line(p, "};");
			break;
		case NODE_OBJECTS:
			print_objects(p, child);
			break;
		case NODE_ITEM:
		case NODE_OBJECT:
			break;
		}
		/* At the top, a paragraph of comments and then one for each key. */
		next = STAILQ_NEXT(child, link);
		if (!parent->parent && next &&
		    (child->kind != NODE_COMMENT || next->kind != NODE_COMMENT))
			end_line(p);
	}
}

void
document_print(struct node *document, struct strbuf *out)
{
	struct printer p = {.out = out, .line = 1};

	print_children(&p, document);
}
