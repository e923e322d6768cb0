#include "kube/json_cut.h"

#include <string.h>

#include "util/str.h"

#define MEMBER "\"managedFields\""

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static size_t
skip_spaces(const char *text, size_t len, size_t i)
{
	while (i < len && is_space(text[i]))
		i++;
	return i;
}

/*
 * Finds the next array of a member MEMBER from *at on: from its opening bracket to the byte after
 * the closing one. The quote that begins MEMBER begins a string: inside of one it would be escaped,
 * and where it ended one, the text would be no JSON with or without the array.
 */
static bool
find_array(const char *text, size_t len, size_t *at, size_t *ret_end)
{
	size_t i = *at, depth = 0;
	bool in_string = false;

	for (;;) {
		const char *found = memmem(text + i, len - i, MEMBER, strlen(MEMBER));

		if (!found)
			return false;
		i = (size_t)(found - text) + strlen(MEMBER);
		if (found > text && found[-1] == '\\')
			continue;
		i = skip_spaces(text, len, i);
		if (i == len || text[i] != ':')
			continue;
		i = skip_spaces(text, len, i + 1);
		if (i < len && text[i] == '[')
			break;
	}
	*at = i;
	for (; i < len; i++) {
		char c = text[i];

		if (in_string) {
			i += c == '\\';
			in_string = c != '"';
		} else if (c == '"') {
			in_string = true;
		} else if (c == '[' || c == '{') {
			depth++;
		} else if ((c == ']' || c == '}') && --depth == 0) {
			*ret_end = i + 1;
			return c == ']';
		}
	}
	return false;
}

bool
kube_json_cut(struct strbuf *sb, const char *text, size_t len)
{
	size_t at = 0, end = 0, done = 0;

	while (find_array(text, len, &at, &end)) {
		strbuf_addn(sb, text + done, at - done);
		strbuf_add(sb, "[]");
		at = done = end;
	}
	if (done)
		strbuf_addn(sb, text + done, len - done);
	return done > 0;
}
