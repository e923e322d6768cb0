/*
 * For tests that need a network of their own. The test program moves into a new network namespace,
 * which ends with it; without the right to, its tests are skipped with the reason.
 */
#ifndef TESTS_UNIT_IO_NETNS_H
#define TESTS_UNIT_IO_NETNS_H

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <sys/wait.h>

#include "io_test.h"

static bool netns_usable;

static inline int
netns_enter(void **state)
{
	(void)state;
	netns_usable = unshare(CLONE_NEWNET) == 0 && system("ip link set lo up") == 0;
	return 0;
}

#define NETNS_OR_SKIP()                                                                          \
	do {                                                                                     \
		if (!netns_usable) {                                                             \
			print_message("# SKIP: needs root and ip(8) for a network namespace\n"); \
			skip();                                                                  \
		}                                                                                \
	} while (0)

/* `ip ARGUMENTS`, which must succeed. */
static inline void
ip(const char *arguments)
{
	char *command = xasprintf("ip %s", arguments);
	int status = system(command);

	if (status)
		fail_msg("%s: status %d", command, status);
	free(command);
}

static inline bool
ip_try(const char *arguments)
{
	char *command = xasprintf("ip %s 2>/dev/null", arguments);
	int status = system(command);

	free(command);
	return status == 0;
}

static inline int
index_of(const char *name)
{
	unsigned index = if_nametoindex(name);

	assert_true(index > 0);
	return (int)index;
}

#endif
