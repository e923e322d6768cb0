/* Addresses, prefixes and ranges of pools. */
#include <string.h>

#include "config/value.h"
#include "model/settings.h"
#include "util/mem.h"
#include "util/str.h"

/* What no Service can have. */
static const struct {
	const char *prefix, *reason;
} special_prefixes[] = {
    {"0.0.0.0/8", "no Service can have an address of 0.0.0.0/8 (\"this network\")"},
    {"127.0.0.0/8", "no Service can have an address of 127.0.0.0/8 (loopback)"},
    {"224.0.0.0/4", "no Service can have an address of 224.0.0.0/4 (multicast)"},
    {"255.255.255.255/32", "no Service can have an address of 255.255.255.255 (broadcast)"},
    {"::/127", "no Service can have an address of :: and ::1 (unspecified and loopback)"},
    {"fe80::/10", "no Service can have an address of fe80::/10 (link-local)"},
    {"ff00::/8", "no Service can have an address of ff00::/8 (multicast)"},
};

/* A copy of [start, end) without blanks round it. */
static const char *
trimmed(struct arena *arena, const char *start, const char *end)
{
	while (start < end && strchr(" \t", *start))
		start++;
	while (end > start && strchr(" \t", end[-1]))
		end--;
	return arena_strndup(arena, start, (size_t)(end - start));
}

static const char *
parse_prefix(struct arena *arena, const char *text, struct settings_range *ret)
{
	struct ip_prefix prefix;
	char canonical[IP_PREFIX_STRLEN];
	struct ip_addr addr;

	if (strchr(text, '/')) {
		if (ip_prefix_parse(text, &prefix))
			return value_wrong(arena, text, "not an address, prefix or range");
	} else {
		if (ip_addr_parse(text, &addr))
			return value_wrong(arena, text, "not an address, prefix or range");
		prefix = (struct ip_prefix){.addr = addr,
		    .len = (uint8_t)(ip_family_size((enum ip_family)addr.family) * 8)};
	}
	if (!prefix.len)
		return value_wrong(arena, text, "a prefix of length 0 holds every address");
	prefix = ip_prefix_masked(&prefix);
	ip_prefix_format(&prefix, canonical);
	ret->range = ip_prefix_range(&prefix);
	ret->text = arena_strdup(arena, canonical);
	return NULL;
}

static const char *
parse_range(struct arena *arena, const char *text, const char *dash, struct settings_range *ret)
{
	const char *first_text = trimmed(arena, text, dash);
	const char *last_text = trimmed(arena, dash + 1, dash + strlen(dash));
	char first[IP_ADDR_STRLEN], last[IP_ADDR_STRLEN];
	struct ip_range range;

	if (ip_addr_parse(first_text, &range.first))
		return value_wrong(arena, text, "not a range: the start is not an address");
	if (ip_addr_parse(last_text, &range.last))
		return value_wrong(arena, text, "not a range: the end is not an address");
	if (range.first.family != range.last.family)
		return value_wrong(arena, text, "not a range: start and end are of two families");
	if (ip_addr_cmp(&range.first, &range.last) > 0)
		return value_wrong(arena, text, "not a range: the start is after the end");
	ip_addr_format(&range.first, first);
	ip_addr_format(&range.last, last);
	ret->range = range;
	if (str_eq(first, last))
		ret->text = arena_printf(
		    arena, "%s/%u", first, range.first.family == IP_FAMILY_V4 ? 32u : 128u);
	else
		ret->text = arena_printf(arena, "%s-%s", first, last);
	return NULL;
}

static const char *
special_reason(struct arena *arena, const char *text, const struct ip_range *range)
{
	struct ip_prefix prefix = {0};
	struct ip_range special;
	size_t i;

	for (i = 0; i < sizeof(special_prefixes) / sizeof(special_prefixes[0]); i++) {
		(void)ip_prefix_parse(special_prefixes[i].prefix, &prefix);
		special = ip_prefix_range(&prefix);
		if (ip_range_overlaps(range, &special))
			return value_wrong(arena, text, special_prefixes[i].reason);
	}
	return NULL;
}

const char *
value_parse_range(struct arena *arena, const char *text, struct settings_range *ret)
{
	struct settings_range range = {.text = text};
	const char *dash = strchr(text, '-');
	const char *reason;

	*ret = range;
	if (dash)
		reason = parse_range(arena, text, dash, &range);
	else
		reason = parse_prefix(arena, trimmed(arena, text, text + strlen(text)), &range);
	if (!reason)
		reason = special_reason(arena, text, &range.range);
	if (!reason)
		*ret = range;
	return reason;
}
