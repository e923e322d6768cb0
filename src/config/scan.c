/*
 * The grammar (libconfig 1.5), as it is read here:
 *
 *   settings = { name ("=" | ":") value [";" | ","] }
 *   value    = scalar | "[" list "]" | "(" list ")" | "{" settings "}"
 *   list     = [ value { "," value } ]
 *   scalar   = string | integer | float | boolean
 *
 * Arrays are written for libconfig as lists: it would refuse an array with values of different
 * types without saying which is wrong, while the type of every value is checked later anyway.
 *
 * A mistake that leaves the structure clear (a number too large, a comma too many) is reported and
 * reading goes on; one that does not (a bracket missing) ends it.
 */
#include "config/scan.h"

#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

#define MAX_NAMES 256 /* in one group */
#define QUOTE_MAX 60  /* bytes of foreign text in a message */

enum token_kind {
	TOKEN_END,
	TOKEN_NAME,
	TOKEN_STRING, /* text with its quotes */
	TOKEN_NUMBER,
	TOKEN_FLOAT,
	TOKEN_BOOL,
	TOKEN_WORD,  /* none of these */
	TOKEN_PUNCT, /* = : ; , ( ) [ ] { } */
	TOKEN_KIND_COUNT
};

struct token {
	enum token_kind kind;
	const char *text;
	size_t len;
	struct config_place place;
};

/* A file being read; included ones are stacked on it. */
struct source {
	const char *name;
	unsigned rank;
	const char *pos, *end;
	unsigned line;
	bool line_start; /* nothing but blanks before pos on this line */
};

struct scope_name {
	const char *text;
	size_t len;
	struct config_place place;
};

struct scanner {
	struct scan *scan;
	struct arena *arena; /* of included files */
	struct config_report *report;
	scan_include_fn *include;
	void *include_arg;
	struct source sources[CONFIG_MAX_INCLUDE_DEPTH + 1];
	size_t n_sources;
	unsigned n_files;
	size_t total_bytes;
	struct token token; /* the one to be taken next */
	struct strbuf path; /* key being read, for messages */
	struct scope_name *names;
	size_t n_names, names_cap;
	unsigned depth;
	bool failed; /* the structure is lost */
};

static void __attribute__((format(printf, 3, 4)))
complain(struct scanner *s, const struct config_place *place, const char *fmt, ...)
{
	char *reason;
	va_list ap;

	va_start(ap, fmt);
	reason = xvasprintf(fmt, ap);
	va_end(ap);
	report_message(s->report, CONFIG_ERROR, place, strbuf_text(&s->path), reason);
	free(reason);
}

/* For mistakes after which the structure is unclear; the first one is said. */
#define fail(s, place, ...)                                  \
	do {                                                 \
		if (!(s)->failed)                            \
			complain((s), (place), __VA_ARGS__); \
		(s)->failed = true;                          \
	} while (0)

/* Foreign text for a message, in the report's arena. */
static const char *
quoted(struct scanner *s, const char *text, size_t len)
{
	struct strbuf sb = {0};
	char *copy = xstrndup(text, len);
	const char *result;

	strbuf_addc(&sb, '"');
	strbuf_add_quoted(&sb, copy, QUOTE_MAX);
	strbuf_addc(&sb, '"');
	result = arena_strdup(report_arena(s->report), strbuf_text(&sb));
	free(copy);
	strbuf_free(&sb);
	return result;
}

static struct source *
top(struct scanner *s)
{
	return &s->sources[s->n_sources - 1];
}

static struct config_place
here(struct scanner *s)
{
	struct source *source = top(s);

	return (struct config_place){
	    .file = source->name, .file_rank = source->rank, .line = source->line};
}

static void
push_source(struct scanner *s, const char *name, const char *text, size_t len)
{
	static const char bom[] = "\xef\xbb\xbf";

	s->total_bytes += len;
	s->sources[s->n_sources++] = (struct source){.name = name,
	    .rank = s->n_files++,
	    .pos = text,
	    .end = text + len,
	    .line = 1,
	    .line_start = true};
	/* Some editors write it; libconfig would not know it. */
	if (len >= 3 && memcmp(text, bom, 3) == 0)
		top(s)->pos += 3;
}

/* The character at pos + i, 0 at the end (a zero byte in the text is refused elsewhere). */
static char
look(const struct source *source, size_t i)
{
	return (size_t)(source->end - source->pos) > i ? source->pos[i] : '\0';
}

static bool
at_comment(const struct source *source, size_t i)
{
	char next = look(source, i + 1);

	return look(source, i) == '#' || (look(source, i) == '/' && (next == '/' || next == '*'));
}

static void
skip_comment(struct scanner *s)
{
	struct source *source = top(s);
	struct config_place start = here(s);

	if (look(source, 0) == '#' || look(source, 1) == '/') {
		while (source->pos < source->end && *source->pos != '\n')
			source->pos++;
		return;
	}
	for (source->pos += 2; source->pos < source->end; source->pos++) {
		if (*source->pos == '\n')
			source->line++;
		if (look(source, 0) == '*' && look(source, 1) == '/') {
			source->pos += 2;
			return;
		}
	}
	fail(s, &start, "the comment that begins here with \"/*\" has no end");
}

/* The length of the string that begins at pos, quotes included; 0 after a failure. */
static size_t
string_len(struct scanner *s)
{
	struct source *source = top(s);
	struct config_place place = here(s);
	size_t i;

	for (i = 1; source->pos + i < source->end && source->pos[i] && source->pos[i] != '\n';
	     i++) {
		if (source->pos[i] == '"')
			return i + 1;
		if (source->pos[i] != '\\')
			continue;
		if (look(source, i + 1) == 'x' && look(source, i + 2) == '0' &&
		    look(source, i + 3) == '0')
			complain(s, &place, "a string cannot hold a zero byte (\\x00)");
		if (look(source, i + 1) && look(source, i + 1) != '\n')
			i++;
	}
	fail(s, &place, "the string that begins here is not closed on its line");
	return 0;
}

/* The name in an @include, in the arena; NULL after a failure. */
static char *
include_name(struct scanner *s)
{
	struct source *source = top(s);
	struct config_place place = here(s);
	static const char word[] = "@include";
	struct strbuf sb = {0};
	size_t len = sizeof(word) - 1, i;
	char *name;

	if (!source->line_start || (size_t)(source->end - source->pos) < len ||
	    memcmp(source->pos, word, len) != 0) {
		fail(s, &place,
		    "\"@\" here; an include stands on a line of its own: @include \"FILE\"");
		return NULL;
	}
	source->pos += len;
	while (look(source, 0) == ' ' || look(source, 0) == '\t')
		source->pos++;
	if (look(source, 0) != '"') {
		fail(s, &place, "a file name in quotes is expected after @include");
		return NULL;
	}
	len = string_len(s);
	if (!len)
		return NULL;
	for (i = 1; i + 1 < len; i++) {
		if (source->pos[i] == '\\' &&
		    (look(source, i + 1) == '\\' || look(source, i + 1) == '"'))
			i++;
		strbuf_addc(&sb, source->pos[i]);
	}
	source->pos += len;
	source->line_start = false;
	name = arena_strdup(report_arena(s->report), strbuf_text(&sb));
	strbuf_free(&sb);
	return name;
}

/* Beside the including file, unless absolute. */
static const char *
include_path(struct scanner *s, const char *name)
{
	const char *from = top(s)->name, *slash = strrchr(from, '/');

	if (*name == '/' || !slash)
		return name;
	return arena_printf(report_arena(s->report), "%.*s/%s", (int)(slash - from), from, name);
}

static void
take_include(struct scanner *s)
{
	struct config_place place = here(s);
	char *name = include_name(s);
	const char *path, *text, *reason;
	size_t len, i;

	if (!name)
		return;
	path = include_path(s, name);
	if (!s->include) {
		fail(s, &place, "@include is not possible here");
		return;
	}
	for (i = 0; i < s->n_sources; i++) {
		if (str_eq(s->sources[i].name, path)) {
			fail(s, &place, "@include %s: the file includes itself",
			    quoted(s, path, strlen(path)));
			return;
		}
	}
	if (s->n_sources > CONFIG_MAX_INCLUDE_DEPTH || s->n_files >= CONFIG_MAX_FILES) {
		fail(s, &place, "@include %s: more than %d files, or %d inside each other",
		    quoted(s, path, strlen(path)), CONFIG_MAX_FILES, CONFIG_MAX_INCLUDE_DEPTH);
		return;
	}
	reason = s->include(s->include_arg, s->arena, path, &text, &len);
	if (!reason && s->total_bytes + len > CONFIG_MAX_TOTAL_BYTES)
		reason = "too large together with the files before it";
	if (reason) {
		fail(s, &place, "@include %s: %s", quoted(s, path, strlen(path)), reason);
		return;
	}
	push_source(s, path, text, len);
}

static bool
is_word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	    (c && strchr("_-+.*/%$~<>&|!?'`^", c)) || (unsigned char)c >= 0x80;
}

static bool
is_digits(const char *p, size_t len, const char *set)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!p[i] || !strchr(set, p[i]))
			return false;
	return len > 0;
}

/* Cuts the L or LL of a long integer; true when there was one. */
static bool
cut_long(const char *p, size_t *len)
{
	if (!*len || p[*len - 1] != 'L')
		return false;
	*len -= *len > 1 && p[*len - 2] == 'L' ? 2 : 1;
	return true;
}

/* [-+] digits [L|LL], or 0x hexadecimal digits [L|LL]. */
static bool
is_integer(const char *p, size_t len)
{
	(void)cut_long(p, &len);
	if (len > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X'))
		return is_digits(p + 2, len - 2, "0123456789abcdefABCDEF");
	if (len && (*p == '-' || *p == '+'))
		p++, len--;
	return is_digits(p, len, "0123456789");
}

/* [-+] digits . digits e [-+] digits, with one of "." and "e" at least. Nothing wants a float, so
 * it suffices to know one when it is there. */
static bool
is_float(const char *p, size_t len)
{
	size_t sign = len && (*p == '-' || *p == '+'), i = sign, digits = 0, exponent;
	bool has_dot = false;

	for (; i < len && ((p[i] >= '0' && p[i] <= '9') || (p[i] == '.' && !has_dot)); i++) {
		has_dot |= p[i] == '.';
		digits += p[i] != '.';
	}
	if (!digits || i == len)
		return digits && has_dot;
	if (p[i] != 'e' && p[i] != 'E')
		return false;
	exponent = i + 1;
	if (exponent < len && (p[exponent] == '-' || p[exponent] == '+'))
		exponent++;
	return is_digits(p + exponent, len - exponent, "0123456789");
}

static bool
is_name(const char *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		bool alpha = (p[i] >= 'a' && p[i] <= 'z') || (p[i] >= 'A' && p[i] <= 'Z');

		if (!alpha && (!i || !((p[i] >= '0' && p[i] <= '9') || p[i] == '_' || p[i] == '-')))
			return false;
	}
	return len > 0;
}

static enum token_kind
classify_word(const char *p, size_t len)
{
	if ((len == 4 && strncasecmp(p, "true", 4) == 0) ||
	    (len == 5 && strncasecmp(p, "false", 5) == 0))
		return TOKEN_BOOL;
	if (is_name(p, len))
		return TOKEN_NAME;
	if (is_integer(p, len))
		return TOKEN_NUMBER;
	return is_float(p, len) ? TOKEN_FLOAT : TOKEN_WORD;
}

/* Everything before the next token. */
static void
skip_blanks(struct scanner *s)
{
	while (!s->failed) {
		struct source *source = top(s);
		char c = look(source, 0);

		if (source->pos == source->end) {
			if (s->n_sources == 1)
				return;
			s->n_sources--;
		} else if (c == '\n') {
			source->pos++;
			source->line++;
			source->line_start = true;
		} else if (c == ' ' || c == '\t' || c == '\r' || c == '\f') {
			source->pos++;
		} else if (at_comment(source, 0)) {
			skip_comment(s);
		} else if (c == '@') {
			take_include(s);
		} else {
			return;
		}
	}
}

static void
read_token(struct scanner *s)
{
	struct source *source;
	struct token *token = &s->token;

	skip_blanks(s);
	source = top(s);
	*token = (struct token){.kind = TOKEN_END, .text = source->pos, .place = here(s)};
	if (s->failed || source->pos == source->end)
		return;
	source->line_start = false;
	if (*source->pos == '"') {
		token->kind = TOKEN_STRING;
		token->len = string_len(s);
	} else if (*source->pos && strchr("=:;,()[]{}", *source->pos)) {
		token->kind = TOKEN_PUNCT;
		token->len = 1;
	} else {
		while (is_word_char(look(source, token->len)) && !at_comment(source, token->len))
			token->len++;
		token->kind = classify_word(token->text, token->len);
		if (!token->len)
			fail(s, &token->place, "the character \\x%02x has no meaning here",
			    (unsigned char)*source->pos);
	}
	source->pos += token->len;
}

static bool
at_punct(const struct scanner *s, const char *set)
{
	return s->token.kind == TOKEN_PUNCT && strchr(set, *s->token.text);
}

/* What stands there, for "..., not X". Never a string, which may be a secret. */
static const char *
token_words(struct scanner *s)
{
	static const char secret[] = "password";
	const size_t len = sizeof(secret) - 1;

	if (s->token.kind == TOKEN_END)
		return "the end of the file";
	if (s->token.kind == TOKEN_STRING)
		return "a string";
	if (s->path.len >= len && str_eq(s->path.text + s->path.len - len, secret))
		return "this";
	return quoted(s, s->token.text, s->token.len);
}

static void
emit(struct scanner *s, const char *text, size_t len, const struct config_place *place)
{
	struct scan *scan = s->scan;

	strbuf_addn(&scan->text, text, len);
	strbuf_addc(&scan->text, '\n');
	scan->lines = mem_grow(scan->lines, scan->n_lines, &scan->lines_cap, sizeof(*scan->lines));
	scan->lines[scan->n_lines++] = *place;
}

static size_t
add_value(struct scanner *s, const struct config_place *place)
{
	struct scan *scan = s->scan;

	scan->values = mem_grow(
	    scan->values, scan->n_values, &scan->values_cap, sizeof(*scan->values));
	scan->values[scan->n_values] = (struct scan_value){.place = *place};
	return scan->n_values++;
}

static void scan_value(struct scanner *s, const struct config_place *place);

/* libconfig keeps 32 bits of a number without L, and 64 of one with it. */
static bool
number_fits(const char *text, size_t len, bool *ret_is_long)
{
	bool is_hex = len > 2 && (text[1] == 'x' || text[1] == 'X');
	bool negative = *text == '-';
	uint64_t max, value = 0, base = is_hex ? 16 : 10;
	size_t i;

	*ret_is_long = cut_long(text, &len);
	max = *ret_is_long ? INT64_MAX : INT32_MAX;
	for (i = is_hex ? 2 : (negative || *text == '+'); i < len; i++) {
		char c = text[i];
		unsigned digit = (unsigned)(c >= 'a' ? c - 'a' + 10
			: c >= 'A'                   ? c - 'A' + 10
						     : c - '0');

		if (__builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, digit, &value) || value > max + negative)
			return false;
	}
	return true;
}

static void
scan_number(struct scanner *s, size_t index)
{
	struct token *token = &s->token;
	bool is_long;

	if (number_fits(token->text, token->len, &is_long)) {
		emit(s, token->text, token->len, &token->place);
		return;
	}
	if (is_long)
		complain(s, &token->place, "%s: larger than 64 bits",
		    quoted(s, token->text, token->len));
	else
		complain(s, &token->place,
		    "%.*s: a number beyond 2147483647 needs an L at its end, or quotes where an AS "
		    "number is meant",
		    (int)(token->len < QUOTE_MAX ? token->len : QUOTE_MAX), token->text);
	s->scan->values[index].bad = true;
	emit(s, "0", 1, &token->place);
}

/* After a string: another one would be joined to it silently. In a list this is a missing comma. */
static void
skip_adjacent_strings(struct scanner *s, size_t index)
{
	complain(s, &s->token.place,
	    "two strings side by side: a comma or \";\" is missing before %s", token_words(s));
	s->scan->values[index].bad = true;
	while (s->token.kind == TOKEN_STRING && !s->failed)
		read_token(s);
}

static void
scan_scalar(struct scanner *s, const struct config_place *place)
{
	size_t index = add_value(s, place);
	struct token *token = &s->token;

	switch (token->kind) {
	case TOKEN_NUMBER:
		scan_number(s, index);
		break;
	case TOKEN_STRING:
	case TOKEN_BOOL:
		emit(s, token->text, token->len, &token->place);
		break;
	case TOKEN_FLOAT:
		emit(s, "0.5", 3, &token->place);
		break;
	case TOKEN_NAME:
	case TOKEN_WORD:
		complain(s, &token->place,
		    "%s: neither a number nor true or false; a string stands in quotes",
		    token_words(s));
		s->scan->values[index].bad = true;
		emit(s, "0", 1, &token->place);
		break;
	case TOKEN_END:
	case TOKEN_PUNCT:
	case TOKEN_KIND_COUNT:
		fail(s, &token->place, "a value is expected, not %s", token_words(s));
		return;
	}
	read_token(s);
}

/* Between two items of a list, or after the last one. True when there is another one. */
static bool
next_item(struct scanner *s, char close, const struct config_place *open)
{
	const char closing[2] = {close, '\0'};

	if (at_punct(s, closing))
		return false;
	if (s->token.kind == TOKEN_END) {
		fail(s, open, "the list that begins here is not closed with \"%s\"", closing);
		return false;
	}
	if (!at_punct(s, ",")) {
		if (at_punct(s, "=:;)]}")) {
			fail(s, &s->token.place,
			    "\",\" or \"%s\" is expected in the list of line %u, not %s", closing,
			    open->line, token_words(s));
			return false;
		}
		complain(s, &s->token.place, "a comma is missing before %s", token_words(s));
		emit(s, ",", 1, &s->token.place);
		return true;
	}
	read_token(s);
	if (at_punct(s, closing)) {
		complain(s, &s->token.place, "a comma too many before \"%s\"", closing);
		return false;
	}
	emit(s, ",", 1, &s->token.place);
	return true;
}

static void
scan_list(struct scanner *s, char close)
{
	struct config_place open = s->token.place;
	const char closing[2] = {close, '\0'};
	size_t path_len = s->path.len, i = 0;

	emit(s, "(", 1, &open);
	read_token(s);
	if (!at_punct(s, closing)) {
		do {
			struct config_place place = s->token.place;

			strbuf_printf(&s->path, "[%zu]", i++);
			scan_value(s, &place);
			s->path.len = path_len;
			s->path.text[path_len] = '\0';
		} while (!s->failed && next_item(s, close, &open));
	}
	if (s->failed)
		return;
	emit(s, ")", 1, &s->token.place);
	read_token(s);
}

/* Remembers the name in the group that began at names[first]; says when it stands there already. */
static bool
is_new_name(struct scanner *s, size_t first, const struct token *name)
{
	size_t i;

	for (i = first; i < s->n_names; i++) {
		const struct scope_name *other = &s->names[i];

		if (other->len != name->len || memcmp(other->text, name->text, name->len) != 0)
			continue;
		complain(s, &name->place, "given twice; first at %s:%u", other->place.file,
		    other->place.line);
		return false;
	}
	if (s->n_names - first >= MAX_NAMES)
		fail(s, &name->place, "more than %d keys in one group", MAX_NAMES);
	s->names = mem_grow(s->names, s->n_names, &s->names_cap, sizeof(*s->names));
	s->names[s->n_names++] = (struct scope_name){
	    .text = name->text, .len = name->len, .place = name->place};
	return true;
}

/* name = value [;] */
static void
scan_setting(struct scanner *s, size_t first_name)
{
	struct token name = s->token;
	size_t path_len = s->path.len;
	bool is_string;
	char *text;

	strbuf_printf(&s->path, "%s%.*s", path_len ? "." : "", (int)name.len, name.text);
	if (is_new_name(s, first_name, &name))
		text = xstrndup(name.text, name.len);
	else
		text = xasprintf(
		    "%.*s%c%zu", (int)name.len, name.text, SCAN_DUPLICATE_MARK, s->scan->n_values);
	emit(s, text, strlen(text), &name.place);
	free(text);
	read_token(s);
	if (!at_punct(s, "=:"))
		fail(s, &s->token.place, "\"=\" or \":\" is expected, not %s", token_words(s));
	emit(s, "=", 1, &s->token.place);
	read_token(s);
	is_string = s->token.kind == TOKEN_STRING;
	scan_value(s, &name.place);
	if (s->failed)
		return;
	if (is_string && s->token.kind == TOKEN_STRING)
		skip_adjacent_strings(s, s->scan->n_values - 1);
	s->path.len = path_len;
	s->path.text[path_len] = '\0';
	if (at_punct(s, ";,"))
		read_token(s);
	/* Also where there was none, lest a string that follows be joined. */
	emit(s, ";", 1, &s->token.place);
	while (at_punct(s, ";,") && !s->failed) {
		complain(s, &s->token.place, "a %s too many", token_words(s));
		read_token(s);
	}
}

/* Up to the closing bracket, or to the end of the file when there is no opening one. */
static void
scan_settings(struct scanner *s, const struct config_place *open)
{
	size_t first_name = s->n_names;

	while (!s->failed) {
		if (s->token.kind == TOKEN_END) {
			if (open)
				fail(
				    s, open, "the group that begins here is not closed with \"}\"");
			break;
		}
		if (open && at_punct(s, "}"))
			break;
		if (s->token.kind != TOKEN_NAME) {
			fail(s, &s->token.place, "a key is expected, not %s", token_words(s));
			break;
		}
		scan_setting(s, first_name);
	}
	s->n_names = first_name;
}

static void
scan_group(struct scanner *s)
{
	struct config_place open = s->token.place;

	emit(s, "{", 1, &open);
	read_token(s);
	scan_settings(s, &open);
	if (s->failed)
		return;
	emit(s, "}", 1, &s->token.place);
	read_token(s);
}

static void
scan_value(struct scanner *s, const struct config_place *place)
{
	if (s->failed)
		return;
	if (!at_punct(s, "([{")) {
		scan_scalar(s, place);
		return;
	}
	if (s->depth == CONFIG_MAX_DEPTH) {
		fail(s, &s->token.place, "more than %d groups and lists inside each other",
		    CONFIG_MAX_DEPTH);
		return;
	}
	s->depth++;
	(void)add_value(s, place);
	if (*s->token.text == '{')
		scan_group(s);
	else
		scan_list(s, *s->token.text == '(' ? ')' : ']');
	s->depth--;
}

bool
scan_file(struct scan *scan, struct arena *arena, const char *name, const char *text, size_t len,
    scan_include_fn *include, void *include_arg, struct config_report *report)
{
	struct scanner s = {.scan = scan,
	    .arena = arena,
	    .report = report,
	    .include = include,
	    .include_arg = include_arg};

	*scan = (struct scan){0};
	push_source(&s, arena_strdup(report_arena(report), name), text, len);
	read_token(&s);
	scan_settings(&s, NULL);
	strbuf_free(&s.path);
	free(s.names);
	return !s.failed;
}

void
scan_fini(struct scan *scan)
{
	strbuf_free(&scan->text);
	free(scan->values);
	free(scan->lines);
	*scan = (struct scan){0};
}
