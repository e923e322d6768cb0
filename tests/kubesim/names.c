#include "names.h"

#include <arpa/inet.h>
#include <assert.h>
#include <ctype.h>
#include <stddef.h>
#include <string.h>

static bool
lower_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* One label of n bytes; RFC 1035 wants a letter first. */
static bool
label(const char *s, size_t n, bool letter_first)
{
	if (n == 0 || n > 63 || !lower_alnum(s[0]) || !lower_alnum(s[n - 1]))
		return false;
	if (letter_first && isdigit((unsigned char)s[0]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!lower_alnum(s[i]) && s[i] != '-')
			return false;
	return true;
}

static bool
subdomain(const char *s, size_t len)
{
	if (len == 0 || len > 253)
		return false;
	for (size_t at = 0; at <= len;) {
		const char *dot = memchr(s + at, '.', len - at);
		size_t n = dot != NULL ? (size_t)(dot - s) - at : len - at;

		/* the regular expression has no limit of 63 for its parts */
		if (n > 63 ? !label(s + at, 63, false) : !label(s + at, n, false))
			return false;
		at += n + 1;
	}
	return true;
}

bool
name_is_valid(enum name_rule rule, const char *name)
{
	switch (rule) {
	case NAME_SUBDOMAIN:
		return subdomain(name, strlen(name));
	case NAME_LABEL:
	case NAME_LABEL_1035:
		return label(name, strlen(name), rule == NAME_LABEL_1035);
	case NAME_RULE_COUNT:
		break;
	}
	return false;
}

const char *
name_rule_text(enum name_rule rule)
{
	static const char *const texts[] = {
	    [NAME_SUBDOMAIN] =
		"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
	    [NAME_LABEL] =
		"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
	    [NAME_LABEL_1035] =
		"a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
	};
	static_assert(sizeof(texts) / sizeof(texts[0]) == NAME_RULE_COUNT, "a text per rule");

	return texts[rule];
}

static bool
name_part(const char *s, size_t n)
{
	if (n == 0 || n > 63 || !isalnum((unsigned char)s[0]) || !isalnum((unsigned char)s[n - 1]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && strchr("-_.", s[i]) == NULL)
			return false;
	return true;
}

bool
name_is_qualified(const char *key)
{
	const char *slash = strchr(key, '/');

	if (slash == NULL)
		return name_part(key, strlen(key));
	return subdomain(key, (size_t)(slash - key)) && name_part(slash + 1, strlen(slash + 1));
}

const char *
name_qualified_text(void)
{
	return "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
}

bool
name_is_label_value(const char *value)
{
	return value[0] == '\0' || name_part(value, strlen(value));
}

const char *
name_label_value_text(void)
{
	return "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
}

int
name_ip_family(const char *s)
{
	unsigned char addr[sizeof(struct in6_addr)];

	if (inet_pton(AF_INET, s, addr) == 1)
		return AF_INET;
	if (inet_pton(AF_INET6, s, addr) == 1)
		return AF_INET6;
	return 0;
}
