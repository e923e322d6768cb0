#include "util/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_MIN_BLOCK_BYTES 256
#define ARENA_MAX_BLOCK_BYTES 4096
#define ARENA_ALIGN _Alignof(max_align_t)

static void __attribute__((noreturn)) out_of_memory(void)
{
	static const char msg[] = "<2>out of memory\n";

	(void)fwrite(msg, 1, sizeof(msg) - 1, stderr);
	abort();
}

void *
xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		out_of_memory();
	return p;
}

void *
xreallocarray(void *p, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		out_of_memory();
	p = realloc(p, bytes ? bytes : 1);
	if (!p)
		out_of_memory();
	return p;
}

char *
xstrdup(const char *s)
{
	return xstrndup(s, strlen(s));
}

char *
xstrndup(const char *s, size_t len)
{
	char *copy = xcalloc(len + 1, 1);

	memcpy(copy, s, len);
	return copy;
}

char *
xvasprintf(const char *fmt, va_list ap)
{
	char *s;

	if (vasprintf(&s, fmt, ap) < 0)
		out_of_memory();
	return s;
}

char *
xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = xvasprintf(fmt, ap);
	va_end(ap);
	return s;
}

void
mem_freep(void *p)
{
	void *target;

	memcpy(&target, p, sizeof(target));
	free(target);
}

void *
mem_grow(void *items, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return items;
	*cap = *cap ? *cap * 2 : 8;
	return xreallocarray(items, *cap, size);
}

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	_Alignas(max_align_t) unsigned char bytes[];
};

struct arena {
	struct arena_block *blocks;
	size_t total;
};

struct arena *
arena_new(void)
{
	return xcalloc(1, sizeof(struct arena));
}

void
arena_free(struct arena *arena)
{
	if (!arena)
		return;
	while (arena->blocks) {
		struct arena_block *next = arena->blocks->next;

		free(arena->blocks);
		arena->blocks = next;
	}
	free(arena);
}

/* As large as all before together: a small object (a Service is about 1 kB) wastes little, a large
 * one is few blocks. */
static struct arena_block *
arena_block_for(struct arena *arena, size_t bytes)
{
	struct arena_block *block = arena->blocks;
	size_t size;

	if (block && block->size - block->used >= bytes)
		return block;
	size = arena->total;
	if (size < ARENA_MIN_BLOCK_BYTES)
		size = ARENA_MIN_BLOCK_BYTES;
	if (size > ARENA_MAX_BLOCK_BYTES)
		size = ARENA_MAX_BLOCK_BYTES;
	if (size < bytes)
		size = bytes;
	block = xcalloc(1, sizeof(*block) + size);
	block->size = size;
	block->next = arena->blocks;
	arena->blocks = block;
	arena->total += sizeof(*block) + size;
	return block;
}

void *
arena_alloc(struct arena *arena, size_t n, size_t size)
{
	struct arena_block *block;
	size_t bytes;
	void *p;

	if (__builtin_mul_overflow(n, size, &bytes) || bytes > SIZE_MAX / 2)
		out_of_memory();
	bytes = (bytes + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
	block = arena_block_for(arena, bytes ? bytes : ARENA_ALIGN);
	p = block->bytes + block->used;
	block->used += bytes;
	return p;
}

char *
arena_strndup(struct arena *arena, const char *s, size_t len)
{
	char *copy = arena_alloc(arena, len + 1, 1);

	memcpy(copy, s, len);
	return copy;
}

char *
arena_strdup(struct arena *arena, const char *s)
{
	return arena_strndup(arena, s, strlen(s));
}

char *
arena_printf(struct arena *arena, const char *fmt, ...)
{
	va_list ap;
	char *s, *copy;

	va_start(ap, fmt);
	s = xvasprintf(fmt, ap);
	va_end(ap);
	copy = arena_strdup(arena, s);
	free(s);
	return copy;
}

void *
arena_memdup(struct arena *arena, const void *items, size_t n, size_t size)
{
	void *copy = arena_alloc(arena, n, size);

	if (n)
		memcpy(copy, items, n * size);
	return copy;
}

size_t
arena_size(const struct arena *arena)
{
	return arena->total + sizeof(*arena);
}
