/*
 * document: a metallb.conf being made: a tree of keys, lists, groups and comments, and its text.
 *
 * What metallbd would refuse stays in the tree, marked with the reason, and comes out as a comment
 * in its place: an item of a list, a key, or a whole object. Which of them is said when the key is
 * made, since leaving a key out may widen what an object does (an advertisement without
 * node-selectors is for all nodes).
 *
 * The arena owns everything; strings are copied, but for keys, which are constants. Foreign text
 * may hold any bytes: values are escaped, comments are made printable.
 */
#ifndef CONVERT_DOCUMENT_H
#define CONVERT_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct node;
struct strbuf;

/* What has to go when a key's value is refused, or a list has no good item left. Ordered. */
enum refusal {
	REFUSE_KEY,    /* the default is no harm */
	REFUSE_OBJECT, /* without the key the object would do more than it was meant to */
	REFUSE_WHOLE,  /* the same, and of a list already when one item is refused */
	REFUSAL_COUNT
};

/* The file itself, a group without a name. */
struct node *document_new(struct arena *arena) __attribute__((returns_nonnull));

/* All of these add to the end of a group or object. */
void node_comment(struct node *parent, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct node *
node_string(struct node *parent, const char *key, const char *value, enum refusal refusal);
/* A string that no comment may show. */
struct node *
node_secret(struct node *parent, const char *key, const char *value, enum refusal refusal);
/* Beyond 31 bits with the L that libconfig needs. */
struct node *
node_number(struct node *parent, const char *key, uint32_t value, enum refusal refusal);
struct node *node_bool(struct node *parent, const char *key, bool value, enum refusal refusal);
struct node *node_list(struct node *parent, const char *key, enum refusal refusal);
struct node *node_group(struct node *parent, const char *key);
/* At most `max` objects; those beyond are refused. */
struct node *node_objects(struct node *parent, const char *key, size_t max);

/* One more item of a list; NULL for one that has no text, to be refused. */
struct node *node_item(struct node *list, const char *value);
/* Whether a list has it, refused or not. */
bool node_has_item(const struct node *list, const char *value);
/* One more object of a node_objects(); `origin` says what it was made from. */
struct node *node_object(struct node *objects, const char *origin);

/* Items and objects that are not refused. */
size_t node_count(const struct node *list);
/* Marks it, and what cannot do without it. The first reason stays. */
void node_refuse(struct node *node, const char *reason);
/* While a list is being made: marks the item only, and node_settle() the list when all items are
 * there and none is good. */
void node_refuse_item(struct node *item, const char *reason);
void node_settle(struct node *list);
/* For a value that could not even be made: refuses `parent`, or says that the key was left out. */
void
node_refuse_key(struct node *parent, const char *key, enum refusal refusal, const char *reason);
bool node_is_refused(const struct node *node);

/*
 * What stands at a path as config's messages have it ("bgp.peers[0].password"), refused objects not
 * counted, or what is nearest around it; then *ret_rest is what of the path is not there, else "".
 * NULL when nothing there can go. With several paths find all before the first node_refuse(): it
 * changes the numbers.
 */
struct node *document_find(struct node *document, const char *path, const char **ret_rest);
/* The object at a line of the last text, the innermost one; NULL when there is none. */
struct node *document_object(struct node *document, unsigned line);
/* What an object was made from. */
const char *node_origin(const struct node *object);
/* Appends the text. */
void document_print(struct node *document, struct strbuf *out);

#endif
