/* What every unit test includes first: cmocka and what it needs. */
#ifndef TESTS_UNIT_TEST_H
#define TESTS_UNIT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
/* For tables: says which row failed. */
#define assert_row(i, name, condition)                                                 \
	do {                                                                           \
		if (!(condition))                                                      \
			fail_msg("row %zu (%s): %s", (size_t)(i), (name), #condition); \
	} while (0)

#endif
