#include "convert/convert.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "convert/head.h"
#include "convert/room.h"
#include "util/mem.h"
#include "util/str.h"

/* Each takes something away that others may refer to; more than a few need a malicious input. */
#define MAX_ROUNDS 1000

struct convert_fault_item {
	const char *path, *reason;
	struct node *node;  /* what has to go */
	struct node *other; /* the object that the reason is about as well, or NULL */
};

struct convert_faults {
	struct arena *arena; /* of this round */
	struct convert_fault_item *items;
	size_t n, cap;
};

struct convert *
convert_new(const struct convert_options *options)
{
	struct arena *arena = arena_new();
	struct convert *c = arena_alloc(arena, 1, sizeof(*c));

	c->arena = arena;
	c->options = *options;
	c->document = document_new(arena);
	return c;
}

void
convert_free(struct convert *c)
{
	if (!c)
		return;
	while (c->n_inner)
		(void)json_object_put(c->inner[--c->n_inner]);
	free(c->inner);
	source_fini(&c->source);
	free(c->resources);
	free(c->aliases);
	free(c->remarks);
	arena_free(c->arena);
}

int
convert_add(
    struct convert *c, const char *name, const char *text, size_t len, struct strbuf *err_line)
{
	size_t first = c->source.n, i;
	int err = source_parse(&c->source, name, text, len, err_line);

	for (i = first; !err && i < c->source.n; i++)
		err = resources_collect(c, name, c->source.documents[i], err_line);
	return err;
}

/* --- what the check refuses ----------------------------------------------------------------- */

void
convert_fault(struct convert_faults *faults, const char *path, const char *reason)
{
	faults->items = mem_grow(faults->items, faults->n, &faults->cap, sizeof(*faults->items));
	faults->items[faults->n].path = arena_strdup(faults->arena, path);
	faults->items[faults->n].reason = arena_strdup(faults->arena, reason);
	faults->n++;
}

/* A place in the file, "metallb.conf:12 (address-pools[0])", as what stands there was made from:
 * lines and numbers are others in the end. *ret_other is the object there. */
static const char *
without_places(struct convert *c, struct arena *arena, const char *reason, struct node **ret_other)
{
	static const char mark[] = CONVERT_NAME ":";
	struct strbuf sb = {0};
	const char *at, *text;
	char *end;

	*ret_other = NULL;
	while ((at = strstr(reason, mark))) {
		strbuf_addn(&sb, reason, (size_t)(at - reason));
		*ret_other = document_object(
		    c->document, (unsigned)strtoul(at + sizeof(mark) - 1, &end, 10));
		strbuf_add(&sb, *ret_other ? node_origin(*ret_other) : "another place");
		if (str_has_prefix(end, " (") && strchr(end, ')'))
			end = strchr(end, ')') + 1;
		reason = end;
	}
	strbuf_add(&sb, reason);
	text = arena_strdup(arena, strbuf_text(&sb));
	strbuf_free(&sb);
	return text;
}

/* All are looked up before the first goes, since then the numbers in paths change. */
static int
look_up(struct convert *c, struct convert_faults *faults, struct strbuf *err_line)
{
	const char *rest;
	size_t i;

	for (i = 0; i < faults->n; i++) {
		struct convert_fault_item *item = &faults->items[i];

		item->reason = without_places(c, faults->arena, item->reason, &item->other);
		item->node = document_find(c->document, item->path, &rest);
		if (!item->node) {
			strbuf_printf(err_line, "the result would be refused: %s%s%s", item->path,
			    *item->path ? ": " : "", item->reason);
			return -EINVAL;
		}
		if (*rest)
			item->reason = arena_printf(faults->arena, "%s: %s", rest, item->reason);
	}
	return 0;
}

/* Of two objects that cannot stand together the second one goes, but not because of one that goes
 * itself: what is still wrong then comes up again. */
static void
refuse(struct convert_faults *faults)
{
	size_t i;

	for (i = 0; i < faults->n; i++)
		if (!faults->items[i].other)
			node_refuse(faults->items[i].node, faults->items[i].reason);
	for (i = 0; i < faults->n; i++)
		if (faults->items[i].other && !node_is_refused(faults->items[i].other))
			node_refuse(faults->items[i].node, faults->items[i].reason);
}

/* One look: 1 when something was taken away, 0 when there was nothing to say, or -EINVAL. */
static int
check_once(struct convert *c, convert_check_fn *check, void *arg, struct strbuf *text,
    struct strbuf *err_line)
{
	struct convert_faults faults = {.arena = arena_new()};
	int err;

	strbuf_clear(text);
	document_print(c->document, text);
	check(arg, strbuf_text(text), text->len, &faults);
	err = look_up(c, &faults, err_line);
	if (!err && faults.n) {
		refuse(&faults);
		err = 1;
	}
	arena_free(faults.arena);
	free(faults.items);
	return err;
}

/* An empty file would take every address away, and mostly means that kubectl failed. */
static int
check_contents(struct convert *c, struct strbuf *err_line)
{
	if (c->n_resources > resources_count(c, RESOURCE_SECRET))
		return 0;
	strbuf_add(err_line, "nothing to convert: the input has no configuration of MetalLB");
	if (c->n_remarks)
		strbuf_printf(err_line, " (%s)", c->remarks[0]);
	return -EINVAL;
}

int
convert_finish(struct convert *c, convert_check_fn *check, void *arg, struct strbuf *out,
    struct strbuf *err_line)
{
	struct strbuf text = {0};
	unsigned round;
	int err = resources_settle(c, err_line);

	if (!err)
		err = check_contents(c, err_line);
	if (err)
		return err;
	head_convert(c);
	pools_convert(c);
	l2_convert(c);
	bgp_convert(c);
	bfd_convert(c);
	for (round = 0, err = 1; err > 0 && round < MAX_ROUNDS; round++)
		err = check_once(c, check, arg, &text, err_line);
	if (err > 0) {
		strbuf_add(err_line, "the result is refused again and again");
		err = -EINVAL;
	}
	if (!err)
		strbuf_addn(out, strbuf_text(&text), text.len);
	strbuf_free(&text);
	return err;
}
