/*
 * random: the kernel's random numbers, for seeds and identifiers.
 */
#ifndef IO_RANDOM_H
#define IO_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Fills `out`; ends the process when the kernel has none (it always has, after early boot). */
void random_bytes(void *out, size_t len);
/* For prng_init(). */
uint64_t random_seed(void);
#define RANDOM_HEX_SIZE(bytes) ((bytes)*2 + 1)
/* Lower-case hexadecimal digits of `n_bytes` random bytes (16 at most); out has
 * RANDOM_HEX_SIZE(n_bytes). */
void random_hex(char *out, size_t n_bytes);

#endif
