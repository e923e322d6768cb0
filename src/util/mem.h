/*
 * mem: allocation that cannot fail, and arenas.
 *
 * When memory runs out the process ends (abort; systemd starts it again): in return no caller has
 * an untested failure branch. Every size that the network or the API can choose must therefore be
 * capped before it comes here.
 */
#ifndef UTIL_MEM_H
#define UTIL_MEM_H

#include <stdarg.h>
#include <stddef.h>

#define mem_cleanup(fn) __attribute__((cleanup(fn)))

/* Zeroed memory for n items of `size` bytes; the caller frees. */
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
/* realloc of n items of `size` bytes; new bytes are not zeroed. */
void *xreallocarray(void *p, size_t n, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *s, size_t len) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2), returns_nonnull));
char *
xvasprintf(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0), returns_nonnull));

/* For mem_cleanup(): frees the pointer that `p` points to. */
void mem_freep(void *p);

/*
 * Grows `items` (an array of n, capacity *cap, in elements of `size`) so that one more fits;
 * doubles, so that appending is amortised. Use: v->items = mem_grow(v->items, v->count, &v->cap,
 * sizeof(*v->items));
 */
void *mem_grow(void *items, size_t n, size_t *cap, size_t size) __attribute__((returns_nonnull));

/*
 * An arena owns everything allocated from it; nothing is freed singly. Used for objects that live
 * and die whole (one configuration, one Service). Memory is zeroed.
 */
struct arena;

struct arena *arena_new(void) __attribute__((returns_nonnull));
/* NULL is allowed. */
void arena_free(struct arena *arena);
void *arena_alloc(struct arena *arena, size_t n, size_t size) __attribute__((returns_nonnull));
char *arena_strdup(struct arena *arena, const char *s) __attribute__((returns_nonnull));
char *
arena_strndup(struct arena *arena, const char *s, size_t len) __attribute__((returns_nonnull));
char *arena_printf(struct arena *arena, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), returns_nonnull));
/* A copy of n items of `size` bytes. With n == 0 a valid pointer to nothing. */
void *arena_memdup(struct arena *arena, const void *items, size_t n, size_t size)
    __attribute__((returns_nonnull));
/* Bytes that the arena holds from malloc. */
size_t arena_size(const struct arena *arena);

#endif
