#include "io/random.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void
random_bytes(void *out, size_t len)
{
	uint8_t *bytes = out;

	while (len) {
		ssize_t n = getrandom(bytes, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			abort();
		bytes += n;
		len -= (size_t)n;
	}
}

uint64_t
random_seed(void)
{
	uint64_t seed;

	random_bytes(&seed, sizeof(seed));
	return seed;
}

void
random_hex(char *out, size_t n_bytes)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t bytes[16];
	size_t i;

	assert(n_bytes <= sizeof(bytes));
	random_bytes(bytes, n_bytes);
	for (i = 0; i < n_bytes; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[2 * n_bytes] = '\0';
}
