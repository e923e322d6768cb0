#include "io/usage.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "io/file.h"
#include "util/mem.h"
#include "util/mono.h"

#define STATM_MAX_BYTES 256

static int64_t
usec_of(const struct timeval *tv)
{
	return tv->tv_sec * USEC_PER_SEC + tv->tv_usec;
}

/* proc(5): pages of the whole program, then those in memory. /proc never blocks. */
static uint64_t
resident(void)
{
	mem_cleanup(mem_freep) char *text = NULL;
	long page = sysconf(_SC_PAGESIZE);
	uint64_t pages;
	size_t len;

	if (page <= 0 || file_read("/proc/self/statm", STATM_MAX_BYTES, &text, &len) ||
	    sscanf(text, "%*u %" SCNu64, &pages) != 1)
		return 0;
	return pages * (uint64_t)page;
}

void
usage_read(struct usage *ret_usage)
{
	struct rusage usage;

	*ret_usage = (struct usage){.resident_bytes = resident()};
	if (!getrusage(RUSAGE_SELF, &usage))
		ret_usage->cpu_usec = usec_of(&usage.ru_utime) + usec_of(&usage.ru_stime);
}
