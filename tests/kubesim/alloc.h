/*
 * alloc: allocation that cannot fail (the test server ends instead), apart from src/util on
 * purpose: an error there must not hide in both the daemon and the server that it is tested
 * against.
 */
#ifndef KUBESIM_ALLOC_H
#define KUBESIM_ALLOC_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed memory; the caller frees. */
void *sim_calloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *sim_realloc(void *p, size_t n, size_t size) __attribute__((returns_nonnull));
char *sim_strdup(const char *s) __attribute__((malloc, returns_nonnull));
char *sim_strndup(const char *s, size_t len) __attribute__((malloc, returns_nonnull));
char *sim_asprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2), returns_nonnull));

/* Random numbers for UIDs, generated names and allocated ports and addresses: tests must not rely
 * on an order. */
uint32_t sim_random(uint32_t below);

#endif
