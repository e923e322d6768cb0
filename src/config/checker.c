#include "config/checker.h"

#include <stdlib.h>
#include <string.h>

#include "config/value.h"
#include "util/mem.h"
#include "util/str.h"

static void add(struct checker *c, enum config_severity severity, const char *path, const char *fmt,
    va_list ap) __attribute__((format(printf, 4, 0)));

static void
add(struct checker *c, enum config_severity severity, const char *path, const char *fmt, va_list ap)
{
	char *reason = xvasprintf(fmt, ap);
	bool exact;

	report_message(c->report, severity, &tree_find(c->root, path, &exact)->place, path, reason);
	free(reason);
}

void
checker_fail(struct checker *c, const char *path, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(c, CONFIG_ERROR, path, fmt, ap);
	va_end(ap);
}

void
checker_warn(struct checker *c, const char *path, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(c, CONFIG_WARNING, path, fmt, ap);
	va_end(ap);
}

const char *
checker_text(struct checker *c, const char *fmt, ...)
{
	const char *text;
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = xvasprintf(fmt, ap);
	va_end(ap);
	text = arena_strdup(c->scratch, s);
	free(s);
	return text;
}

bool
checker_given(const struct checker *c, const char *path)
{
	bool exact;
	const struct tree *node = tree_find(c->root, path, &exact);

	return exact && !(node->kind == TREE_STRING && !*node->text);
}

bool
checker_is_wrong(const struct checker *c, const char *path)
{
	size_t i;

	for (i = 0; i < c->report->n_messages; i++)
		if (c->report->messages[i].severity == CONFIG_ERROR &&
		    str_eq(c->report->messages[i].key, path))
			return true;
	return false;
}

const char *
checker_place(struct checker *c, const char *path)
{
	bool exact;
	const struct config_place *place = &tree_find(c->root, path, &exact)->place;

	return checker_text(c, "%s:%u", place->file, place->line);
}

const char *
checker_suggest(const struct string_list *names, const char *text)
{
	unsigned best_distance = (unsigned)strlen(text) / 3 + 1, distance;
	const char *best = NULL;
	size_t i;

	for (i = 0; i < names->count; i++) {
		if (!*names->items[i])
			continue;
		distance = str_distance(text, names->items[i], best_distance);
		if (distance < best_distance) {
			best_distance = distance;
			best = names->items[i];
		}
	}
	return best;
}

static bool
is_listed(const struct string_list *names, const char *name)
{
	size_t i;

	for (i = 0; i < names->count; i++)
		if (str_eq(names->items[i], name))
			return true;
	return false;
}

void
checker_reference(struct checker *c, const char *path, const char *name,
    const struct string_list *names, const char *what)
{
	const char *suggestion;

	if (!*name || is_listed(names, name) || checker_is_wrong(c, path))
		return;
	suggestion = checker_suggest(names, name);
	if (suggestion)
		checker_fail(
		    c, path, "\"%s\": no such %s; did you mean \"%s\"?", name, what, suggestion);
	else
		checker_fail(c, path, "\"%s\": no such %s", name, what);
}

void
checker_references(struct checker *c, const char *path, const struct string_list *globs,
    const struct string_list *names, const char *what)
{
	size_t i, j;

	for (i = 0; i < globs->count; i++) {
		const char *glob = globs->items[i], *item_path;
		bool is_glob = strpbrk(glob, "*?[") != NULL;

		for (j = 0; is_glob && j < names->count; j++)
			if (*names->items[j] && str_glob(glob, names->items[j]))
				break;
		if ((is_glob && j < names->count) || (!is_glob && is_listed(names, glob)))
			continue;
		item_path = checker_text(c, "%s[%zu]", path, i);
		if (!is_glob)
			checker_reference(c, item_path, glob, names, what);
		else if (!checker_is_wrong(c, item_path))
			checker_fail(c, item_path, "\"%s\": matches no %s", glob, what);
	}
}

void
checker_unique(struct checker *c, const char *path, const struct string_list *names)
{
	size_t i, j;

	for (i = 1; i < names->count; i++) {
		for (j = 0; *names->items[i] && j < i; j++) {
			if (!str_eq(names->items[i], names->items[j]))
				continue;
			checker_fail(c, checker_text(c, "%s[%zu].name", path, i),
			    "\"%s\": given twice; first at %s", names->items[i],
			    checker_place(c, checker_text(c, "%s[%zu].name", path, j)));
			break;
		}
	}
}

static bool
has_value(const struct selector_requirement *req, const char *value)
{
	size_t i;

	for (i = 0; i < req->n_values; i++)
		if (str_eq(req->values[i], value))
			return true;
	return false;
}

/* Whether two requirements on one key exclude each other. */
static bool
requirements_exclude(const struct selector_requirement *a, const struct selector_requirement *b)
{
	size_t i;

	if (!str_eq(a->key, b->key))
		return false;
	if (b->op == SELECTOR_ABSENT)
		return a->op == SELECTOR_IN || a->op == SELECTOR_EXISTS;
	if (a->op != SELECTOR_IN || (b->op != SELECTOR_IN && b->op != SELECTOR_NOT_IN))
		return false;
	for (i = 0; i < a->n_values; i++)
		if (has_value(b, a->values[i]) == (b->op == SELECTOR_IN))
			return false;
	return true;
}

static enum overlap
selectors_overlap(const struct selector *a, const struct selector *b)
{
	size_t i, j;

	if (!a || !b)
		return OVERLAP_NO;
	if (!a->n_requirements || !b->n_requirements || str_eq(a->text, b->text))
		return OVERLAP_YES;
	for (i = 0; i < a->n_requirements; i++)
		for (j = 0; j < b->n_requirements; j++)
			if (requirements_exclude(&a->requirements[i], &b->requirements[j]) ||
			    requirements_exclude(&b->requirements[j], &a->requirements[i]))
				return OVERLAP_NO;
	return OVERLAP_MAYBE;
}

enum overlap
checker_overlap(const struct selector_list *a, const struct selector_list *b)
{
	enum overlap most = OVERLAP_NO, overlap;
	size_t i, j;

	if (!a->count || !b->count)
		return OVERLAP_YES;
	for (i = 0; i < a->count; i++) {
		for (j = 0; j < b->count; j++) {
			overlap = selectors_overlap(a->items[i], b->items[j]);
			if (overlap > most)
				most = overlap;
		}
	}
	return most;
}
