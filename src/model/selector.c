#include "model/selector.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"
#include "util/str.h"

#define LABEL_NAME_MAX 63
#define LABEL_PREFIX_MAX 253

/* Text being read; `pos` is where the next token begins. */
struct scan {
	struct arena *arena;
	const char *pos;
	char **err_reason;
};

static bool
is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* [A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])? */
static bool
is_qualified_name(const char *s, size_t len)
{
	size_t i;

	if (!len || len > LABEL_NAME_MAX || !is_alnum(s[0]) || !is_alnum(s[len - 1]))
		return false;
	for (i = 0; i < len; i++)
		if (!is_alnum(s[i]) && !strchr("-_.", s[i]))
			return false;
	return true;
}

/* RFC 1123 subdomain: lower-case labels joined by dots. */
static bool
is_dns_subdomain(const char *s, size_t len)
{
	size_t i;

	if (!len || len > LABEL_PREFIX_MAX)
		return false;
	for (i = 0; i < len; i++) {
		bool inner = i > 0 && i + 1 < len && s[i - 1] != '.' && s[i + 1] != '.';

		if ((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9'))
			continue;
		if (!inner || (s[i] != '-' && s[i] != '.'))
			return false;
	}
	return true;
}

bool
selector_is_label_key(const char *text)
{
	const char *slash = strchr(text, '/');

	if (!slash)
		return is_qualified_name(text, strlen(text));
	return is_dns_subdomain(text, (size_t)(slash - text)) &&
	    is_qualified_name(slash + 1, strlen(slash + 1));
}

bool
selector_is_label_value(const char *text)
{
	return !*text || is_qualified_name(text, strlen(text));
}

static int __attribute__((format(printf, 2, 3))) fail(struct scan *scan, const char *fmt, ...)
{
	va_list ap;
	char *reason;

	va_start(ap, fmt);
	reason = xvasprintf(fmt, ap);
	va_end(ap);
	*scan->err_reason = arena_strdup(scan->arena, reason);
	free(reason);
	return -EINVAL;
}

static void
skip_space(struct scan *scan)
{
	scan->pos += strspn(scan->pos, " \t");
}

static bool
accept(struct scan *scan, const char *token)
{
	skip_space(scan);
	if (!str_has_prefix(scan->pos, token))
		return false;
	scan->pos += strlen(token);
	return true;
}

/* A run of characters that are neither space nor punctuation of the grammar. "" when there is none.
 */
static const char *
take_word(struct scan *scan)
{
	size_t len;

	skip_space(scan);
	len = strcspn(scan->pos, " \t,()=!");
	scan->pos += len;
	return arena_strndup(scan->arena, scan->pos - len, len);
}

static int
cmp_value(const void *a, const void *b)
{
	const char *const *va = a, *const *vb = b;

	return strcmp(*va, *vb);
}

static int
add_value(struct scan *scan, struct selector_requirement *req, const char *value)
{
	size_t i;

	if (!selector_is_label_value(value))
		return fail(scan, "\"%s\" is not a label value", value);
	for (i = 0; i < req->n_values; i++)
		if (str_eq(req->values[i], value))
			return fail(
			    scan, "value \"%s\" is given twice for \"%s\"", value, req->key);
	if (req->n_values == SELECTOR_MAX_VALUES)
		return fail(scan, "more than %d values for \"%s\"", SELECTOR_MAX_VALUES, req->key);
	req->values[req->n_values++] = value;
	return 0;
}

static int
parse_set(struct scan *scan, struct selector_requirement *req)
{
	int err;

	if (!accept(scan, "("))
		return fail(
		    scan, "\"(\" expected after \"%s in\" or \"%s notin\"", req->key, req->key);
	do {
		err = add_value(scan, req, take_word(scan));
		if (err)
			return err;
	} while (accept(scan, ","));
	if (!accept(scan, ")"))
		return fail(scan, "\")\" expected at the end of the values of \"%s\"", req->key);
	qsort(req->values, req->n_values, sizeof(*req->values), cmp_value);
	return 0;
}

static int
parse_operator(struct scan *scan, struct selector_requirement *req)
{
	const char *word;

	if (accept(scan, "==") || accept(scan, "=")) {
		req->op = SELECTOR_IN;
		return add_value(scan, req, take_word(scan));
	}
	if (accept(scan, "!=")) {
		req->op = SELECTOR_NOT_IN;
		return add_value(scan, req, take_word(scan));
	}
	skip_space(scan);
	if (!*scan->pos || *scan->pos == ',') {
		req->op = SELECTOR_EXISTS;
		return 0;
	}
	word = take_word(scan);
	if (str_eq(word, "in"))
		req->op = SELECTOR_IN;
	else if (str_eq(word, "notin"))
		req->op = SELECTOR_NOT_IN;
	else
		return fail(scan, "\"%s\" is not an operator (=, ==, !=, in, notin)",
		    *word ? word : scan->pos);
	return parse_set(scan, req);
}

static int
parse_requirement(struct scan *scan, struct selector_requirement *req)
{
	const char *values[SELECTOR_MAX_VALUES];
	bool negated = accept(scan, "!");
	int err;

	req->key = take_word(scan);
	req->values = values;
	if (!selector_is_label_key(req->key))
		return fail(scan,
		    *req->key ? "\"%s\" is not a label key" : "a label key is missing%s", req->key);
	if (negated) {
		req->op = SELECTOR_ABSENT;
		err = 0;
	} else {
		err = parse_operator(scan, req);
	}
	req->values = arena_memdup(scan->arena, values, req->n_values, sizeof(*values));
	return err;
}

static int
cmp_requirement(const void *a, const void *b)
{
	const struct selector_requirement *ra = a, *rb = b;
	size_t i;
	int c = strcmp(ra->key, rb->key);

	if (c || (c = (int)ra->op - (int)rb->op))
		return c;
	for (i = 0; i < ra->n_values && i < rb->n_values; i++)
		if ((c = strcmp(ra->values[i], rb->values[i])))
			return c;
	return (ra->n_values > rb->n_values) - (ra->n_values < rb->n_values);
}

static void
format_requirement(struct strbuf *sb, const struct selector_requirement *req)
{
	size_t i;

	switch (req->op) {
	case SELECTOR_EXISTS:
		strbuf_add(sb, req->key);
		return;
	case SELECTOR_ABSENT:
		strbuf_printf(sb, "!%s", req->key);
		return;
	case SELECTOR_IN:
	case SELECTOR_NOT_IN:
		break;
	case SELECTOR_OPERATOR_COUNT:
		return;
	}
	if (req->n_values == 1) {
		strbuf_printf(
		    sb, "%s%s%s", req->key, req->op == SELECTOR_IN ? "=" : "!=", req->values[0]);
		return;
	}
	strbuf_printf(sb, "%s %s (", req->key, req->op == SELECTOR_IN ? "in" : "notin");
	for (i = 0; i < req->n_values; i++)
		strbuf_printf(sb, "%s%s", i ? ", " : "", req->values[i]);
	strbuf_addc(sb, ')');
}

static const char *
format_selector(struct arena *arena, const struct selector *selector)
{
	struct strbuf sb = {0};
	const char *text;
	size_t i;

	for (i = 0; i < selector->n_requirements; i++) {
		if (i)
			strbuf_add(&sb, ", ");
		format_requirement(&sb, &selector->requirements[i]);
	}
	text = arena_strdup(arena, strbuf_text(&sb));
	strbuf_free(&sb);
	return text;
}

int
selector_parse(
    struct arena *arena, const char *text, struct selector **ret_selector, char **err_reason)
{
	struct scan scan = {.arena = arena, .pos = text, .err_reason = err_reason};
	struct selector_requirement reqs[SELECTOR_MAX_REQUIREMENTS] = {0};
	struct selector *selector = arena_alloc(arena, 1, sizeof(*selector));
	size_t n = 0, i;
	int err;

	skip_space(&scan);
	while (*scan.pos) {
		if (n == SELECTOR_MAX_REQUIREMENTS)
			return fail(&scan, "more than %d requirements", SELECTOR_MAX_REQUIREMENTS);
		err = parse_requirement(&scan, &reqs[n]);
		if (err)
			return err;
		n++;
		skip_space(&scan);
		if (!*scan.pos)
			break;
		if (!accept(&scan, ","))
			return fail(&scan, "\",\" expected before \"%s\"", scan.pos);
		skip_space(&scan);
		if (!*scan.pos)
			return fail(&scan, "a requirement is missing after the last comma");
	}
	qsort(reqs, n, sizeof(*reqs), cmp_requirement);
	for (i = 1; i < n; i++)
		if (!cmp_requirement(&reqs[i - 1], &reqs[i]))
			return fail(
			    &scan, "the same requirement for \"%s\" is given twice", reqs[i].key);
	selector->requirements = arena_memdup(arena, reqs, n, sizeof(*reqs));
	selector->n_requirements = n;
	selector->text = format_selector(arena, selector);
	*ret_selector = selector;
	return 0;
}

static bool
requirement_holds(const struct selector_requirement *req, const struct labels *labels)
{
	const char *value = labels_get(labels, req->key);
	bool listed = value &&
	    bsearch(&value, req->values, req->n_values, sizeof(*req->values), cmp_value);

	switch (req->op) {
	case SELECTOR_IN:
		return listed;
	case SELECTOR_NOT_IN:
		return !listed;
	case SELECTOR_EXISTS:
		return value != NULL;
	case SELECTOR_ABSENT:
		return value == NULL;
	case SELECTOR_OPERATOR_COUNT:
		break;
	}
	return false;
}

bool
selector_matches(const struct selector *selector, const struct labels *labels)
{
	size_t i;

	for (i = 0; i < selector->n_requirements; i++)
		if (!requirement_holds(&selector->requirements[i], labels))
			return false;
	return true;
}

bool
selector_list_matches(const struct selector_list *list, const struct labels *labels)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		if (selector_matches(list->items[i], labels))
			return true;
	return false;
}
