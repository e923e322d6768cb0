#include "config.h"

#include "alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static void *
checked(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

void *
sim_calloc(size_t n, size_t size)
{
	return checked(calloc(n != 0 ? n : 1, size != 0 ? size : 1));
}

void *
sim_realloc(void *p, size_t n, size_t size)
{
	return checked(reallocarray(p, n, size));
}

char *
sim_strdup(const char *s)
{
	return checked(strdup(s));
}

char *
sim_strndup(const char *s, size_t len)
{
	return checked(strndup(s, len));
}

char *
sim_asprintf(const char *fmt, ...)
{
	va_list ap;
	char *s = NULL;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		abort();
	va_end(ap);
	return checked(s);
}

uint32_t
sim_random(uint32_t below)
{
	static uint64_t state;

	while (state == 0)
		if (getrandom(&state, sizeof(state), 0) != (ssize_t)sizeof(state))
			abort();
	/* xorshift64*: speed matters (thousands of UIDs), secrecy does not. */
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (uint32_t)((state * 0x2545F4914F6CDD1DULL) >> 32) % below;
}
