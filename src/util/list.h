/*
 * list: sys/queue.h, with the loops that allow the removal of the current element (glibc lacks
 * them).
 */
#ifndef UTIL_LIST_H
#define UTIL_LIST_H

#include <sys/queue.h>

#ifndef TAILQ_FOREACH_SAFE
#define TAILQ_FOREACH_SAFE(var, head, field, tvar)                                     \
	for ((var) = TAILQ_FIRST(head); (var) && ((tvar) = TAILQ_NEXT(var, field), 1); \
	     (var) = (tvar))
#endif

#endif
