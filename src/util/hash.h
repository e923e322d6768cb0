/*
 * hash: a stable, not secret hash (FNV-1a, 64 bits, with a final mix). Its values are written into
 * Leases and compared between nodes and versions of the daemon, so it must never change.
 */
#ifndef UTIL_HASH_H
#define UTIL_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_INIT UINT64_C(0xcbf29ce484222325)

/* Continues `hash` (HASH_INIT to begin) over len bytes. */
uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t len);
/* The same over a string and its terminating zero, so that ("ab","c") differs from ("a","bc"). */
uint64_t hash_string(uint64_t hash, const char *s);
/* Spreads every input bit over the whole result: FNV alone orders similar strings alike. */
uint64_t hash_final(uint64_t hash);

#endif
