/*
 * prng: pseudo-random numbers for jitter and for tests, seeded by the caller (splitmix64). Never
 * for secrets.
 */
#ifndef UTIL_PRNG_H
#define UTIL_PRNG_H

#include <stdint.h>

struct prng {
	uint64_t state;
};

void prng_init(struct prng *prng, uint64_t seed);
uint64_t prng_next(struct prng *prng);
/* Uniform in [0, limit), 0 when limit is 0. */
uint64_t prng_below(struct prng *prng, uint64_t limit);

#endif
