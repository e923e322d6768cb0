/* Allocation that cannot fail, and arenas. */
#include "test.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/mem.h"

static void
test_alloc(void **state)
{
	unsigned char *p = xcalloc(3, 5);
	char *s;
	size_t i;

	(void)state;
	for (i = 0; i < 15; i++)
		assert_int_equal(p[i], 0);
	p[14] = 7;
	p = xreallocarray(p, 100, 5);
	assert_int_equal(p[14], 7);
	free(p);
	p = xcalloc(0, 0);
	p = xreallocarray(p, 0, 8);
	assert_non_null(p);
	free(p);
	s = xstrndup("abcdef", 3);
	assert_string_equal(s, "abc");
	free(s);
	s = xstrdup("");
	assert_string_equal(s, "");
	free(s);
	s = xasprintf("%s-%d", "ip", 7);
	assert_string_equal(s, "ip-7");
	free(s);
}

static void
test_cleanup(void **state)
{
	mem_cleanup(mem_freep) char *freed = xstrdup("LeakSanitizer looks");
	mem_cleanup(mem_freep) char *nothing = NULL;

	(void)state;
	assert_non_null(freed);
	assert_null(nothing);
}

static void
test_grow(void **state)
{
	size_t cap = 0, n, before, moves = 0;
	int *items = NULL;

	(void)state;
	for (n = 0; n < 1000; n++) {
		before = cap;
		items = mem_grow(items, n, &cap, sizeof(*items));
		moves += cap != before;
		assert_true(cap > n);
		items[n] = (int)n;
	}
	assert_in_range(moves, 1, 10);
	for (n = 0; n < 1000; n++)
		assert_int_equal(items[n], n);
	free(items);
}

static void
test_arena(void **state)
{
	static const size_t sizes[] = {
	    1, 3, 8, 100, 511, 512, 513, 2047, 2048, 2049, 100000, 0, 16};
	struct arena *arena = arena_new();
	unsigned char *blocks[ARRAY_SIZE(sizes)];
	size_t i, j, before;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		blocks[i] = arena_alloc(arena, sizes[i], 1);
		assert_int_equal((uintptr_t)blocks[i] % _Alignof(max_align_t), 0);
		for (j = 0; j < sizes[i]; j++)
			assert_int_equal(blocks[i][j], 0);
		memset(blocks[i], (int)i + 1, sizes[i]);
	}
	/* Nobody's bytes were another's. */
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (j = 0; j < sizes[i]; j++)
			assert_int_equal(blocks[i][j], i + 1);
	before = arena_size(arena);
	assert_true(before > 100000);
	(void)arena_alloc(arena, 50000, 2);
	assert_true(arena_size(arena) >= before + 100000);
	arena_free(arena);
	arena_free(NULL);
}

static void
test_arena_copies(void **state)
{
	static const int numbers[] = {1, 2, 3};
	struct arena *arena = arena_new();
	const int *copy;

	(void)state;
	assert_string_equal(arena_strdup(arena, "text"), "text");
	assert_string_equal(arena_strndup(arena, "text", 2), "te");
	assert_string_equal(arena_printf(arena, "%d%%", 50), "50%");
	copy = arena_memdup(arena, numbers, 3, sizeof(*numbers));
	assert_memory_equal(copy, numbers, sizeof(numbers));
	assert_non_null(arena_memdup(arena, NULL, 0, sizeof(*numbers)));
	/* A small object costs little. */
	assert_in_range(arena_size(arena), 1, 1024);
	arena_free(arena);
}

/* An impossible size ends the process by SIGABRT: no caller sees a short block. */
static void
expect_abort(void (*fn)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)signal(SIGABRT, SIG_DFL);
		(void)fclose(stderr);
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void
overflow_realloc(void)
{
	(void)xreallocarray(NULL, SIZE_MAX / 2, 3);
}

static void
overflow_arena(void)
{
	(void)arena_alloc(arena_new(), SIZE_MAX / 2, 3);
}

static void
huge_arena(void)
{
	(void)arena_alloc(arena_new(), SIZE_MAX, 1);
}

static void
test_overflow_aborts(void **state)
{
	(void)state;
	expect_abort(overflow_realloc);
	expect_abort(overflow_arena);
	expect_abort(huge_arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_alloc),
	    cmocka_unit_test(test_cleanup),
	    cmocka_unit_test(test_grow),
	    cmocka_unit_test(test_arena),
	    cmocka_unit_test(test_arena_copies),
	    cmocka_unit_test(test_overflow_aborts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
