/* BGP communities: RFC 1997, large ones of RFC 8092, and the well-known names of IANA's registry.
 */
#include <string.h>

#include "config/value.h"
#include "model/settings.h"
#include "util/mem.h"
#include "util/str.h"

static const struct {
	const char *name;
	uint32_t value;
} well_known[] = {
    {"graceful-shutdown", 0xffff0000},   /* RFC 8326 */
    {"accept-own", 0xffff0001},          /* RFC 7611 */
    {"llgr-stale", 0xffff0006},          /* RFC 9494 */
    {"no-llgr", 0xffff0007},             /* RFC 9494 */
    {"blackhole", 0xffff029a},           /* RFC 7999 */
    {"no-export", 0xffffff01},           /* RFC 1997 */
    {"no-advertise", 0xffffff02},        /* RFC 1997 */
    {"no-export-subconfed", 0xffffff03}, /* RFC 1997 */
    {"local-as", 0xffffff03},            /* what routers call the one before */
    {"no-peer", 0xffffff04},             /* RFC 3765 */
};

#define N_WELL_KNOWN (sizeof(well_known) / sizeof(well_known[0]))
#define MAX_FIELDS 5

bool
value_is_well_known_community(const char *text)
{
	size_t i;

	for (i = 0; i < N_WELL_KNOWN; i++)
		if (str_eq(well_known[i].name, text))
			return true;
	return false;
}

const char *
value_well_known_community(size_t i)
{
	return i < N_WELL_KNOWN ? well_known[i].name : NULL;
}

static void
set_standard(struct arena *arena, uint32_t value, struct community *ret)
{
	size_t i;

	*ret = (struct community){.kind = COMMUNITY_STANDARD, .value = {value}};
	for (i = 0; i < N_WELL_KNOWN; i++) {
		if (well_known[i].value == value) {
			ret->text = well_known[i].name;
			return;
		}
	}
	ret->text = arena_printf(arena, "%u:%u", value >> 16, value & 0xffff);
}

/* The fields between colons, as numbers of at most `max`. */
static bool
parse_fields(char *const *fields, size_t n, uint64_t max, uint32_t *values)
{
	uint64_t value;
	size_t i;

	for (i = 0; i < n; i++) {
		if (str_parse_uint(fields[i], max, &value))
			return false;
		values[i] = (uint32_t)value;
	}
	return true;
}

const char *
value_parse_community(struct arena *arena, const char *text, struct community *ret_community)
{
	char *fields[MAX_FIELDS], *rest = arena_strdup(arena, text), *field;
	uint32_t values[3];
	size_t n = 0, i;

	*ret_community = (struct community){.text = text};
	for (i = 0; i < N_WELL_KNOWN; i++) {
		if (str_eq(well_known[i].name, text)) {
			set_standard(arena, well_known[i].value, ret_community);
			return NULL;
		}
	}
	while (n < MAX_FIELDS && (field = strsep(&rest, ":")))
		fields[n++] = field;
	if (n == 2) {
		if (!parse_fields(fields, 2, UINT16_MAX, values))
			return value_wrong(
			    arena, text, "not a community: two numbers of at most 65535");
		set_standard(arena, values[0] << 16 | values[1], ret_community);
		return NULL;
	}
	if (n != 4)
		return value_wrong(
		    arena, text, "not a community: A:B, large:A:B:C or a well-known name");
	if (!str_eq(fields[0], "large"))
		return value_wrong(
		    arena, text, "not a community: a large one begins with \"large:\"");
	if (!parse_fields(fields + 1, 3, UINT32_MAX, values))
		return value_wrong(
		    arena, text, "not a community: three numbers of at most 4294967295");
	*ret_community = (struct community){.kind = COMMUNITY_LARGE,
	    .value = {values[0], values[1], values[2]},
	    .text = arena_printf(arena, "large:%u:%u:%u", values[0], values[1], values[2])};
	return NULL;
}
