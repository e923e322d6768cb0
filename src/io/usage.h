/*
 * usage: what this process costs the machine.
 */
#ifndef IO_USAGE_H
#define IO_USAGE_H

#include <stdint.h>

struct usage {
	int64_t cpu_usec;        /* user and system, since the start */
	uint64_t resident_bytes; /* 0: /proc cannot be read */
};

void usage_read(struct usage *ret_usage);

#endif
