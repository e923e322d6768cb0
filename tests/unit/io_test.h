/* For tests with the real loop: turns until something has come true, never a plain sleep. */
#ifndef TESTS_UNIT_IO_TEST_H
#define TESTS_UNIT_IO_TEST_H

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

#include "io/loop.h"
#include "util/mem.h"

/* Under valgrind and a busy machine; a test that passes takes milliseconds. */
#define WAIT_USEC (20 * USEC_PER_SEC)

/* How long a turn may wait: conditions may look at what is not on the loop (a child, the other end
 * of a socket). */
#define POLL_USEC (2 * USEC_PER_MSEC)

static inline void
io_test_turn(struct loop *loop, mono_t until)
{
	(void)loop_turn(loop, mono_min(until, mono_add_usec(loop_clock(), POLL_USEC)));
}

/* The condition is evaluated once a turn, so it may read. */
#define RUN_UNTIL(loop, condition)                                                         \
	do {                                                                               \
		mono_t until_ = mono_add_usec(loop_clock(), WAIT_USEC);                    \
		bool is_;                                                                  \
		while (!(is_ = (condition)) && mono_before(loop_clock(), until_))          \
			io_test_turn(loop, until_);                                        \
		if (!is_)                                                                  \
			fail_msg("%s:%d: waited for: %s", __FILE__, __LINE__, #condition); \
	} while (0)

/* For what must not happen: turns for a while, and checks after each. */
#define RUN_WHILE(loop, usec, condition)                                                  \
	do {                                                                              \
		mono_t until_ = mono_add_usec(loop_clock(), usec);                        \
		bool is_;                                                                 \
		while ((is_ = (condition)) && mono_before(loop_clock(), until_))          \
			io_test_turn(loop, until_);                                       \
		if (!is_)                                                                 \
			fail_msg("%s:%d: no longer: %s", __FILE__, __LINE__, #condition); \
	} while (0)

/* A directory of the test's own; the caller removes and frees it with test_rmdir(). */
static inline char *
test_mkdir(void)
{
	char *path = xstrdup("/tmp/metallb-test-XXXXXX");

	assert_non_null(mkdtemp(path));
	assert_int_equal(chmod(path, 0755), 0);
	return path;
}

static inline void
test_rmdir(char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' || strlen(entry->d_name) > 2)
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	(void)closedir(dir);
	(void)rmdir(path);
	free(path);
}

#endif
