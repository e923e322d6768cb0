#include "convert/well_known.h"

#include <stddef.h>

#include "util/str.h"

bool
well_known_is(const char *name)
{
	static const char *const names[WELL_KNOWN_COUNT] = {"graceful-shutdown", "accept-own",
	    "llgr-stale", "no-llgr", "blackhole", "no-export", "no-advertise",
	    "no-export-subconfed", "local-as", "no-peer"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_eq(names[i], name))
			return true;
	return false;
}
