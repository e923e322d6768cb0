#include "util/prng.h"

void
prng_init(struct prng *prng, uint64_t seed)
{
	prng->state = seed;
}

uint64_t
prng_next(struct prng *prng)
{
	uint64_t z = prng->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint64_t
prng_below(struct prng *prng, uint64_t limit)
{
	uint64_t threshold, value;

	if (!limit)
		return 0;
	/* Values under 2^64 mod limit would favour the low results. */
	threshold = -limit % limit;
	do
		value = prng_next(prng);
	while (value < threshold);
	return value % limit;
}
