/*
 * multicast: memberships in IPv6 groups, counted per interface and group: what many ask for is
 * joined once. The kernel reports each by MLD and lets its MAC pass the interface's filter.
 *
 * A socket can hold as many as net.core.optmem_max has room for, a few hundred; more sockets are
 * opened as it takes. A join that fails (an interface whose IPv6 is not up yet) is tried again
 * until it works or is no longer wanted.
 */
#ifndef IO_MULTICAST_H
#define IO_MULTICAST_H

#include <stddef.h>
#include <stdint.h>

#include "util/addr.h"

struct loop;
struct multicast;

#define MULTICAST_MAX_SOCKETS 512
#define MULTICAST_RETRY_USEC 500000
#define MULTICAST_RETRIES_AT_ONCE 256

struct multicast_stats {
	size_t wanted, joined; /* interface and group */
	size_t sockets;
	uint64_t failures; /* joins that failed, each time */
};

struct multicast *multicast_new(struct loop *loop);
/* Leaves everything. NULL is allowed. */
void multicast_free(struct multicast *m);
/* `group` is IPv6. Each join is undone by one leave; a leave without a join is ignored. */
void multicast_join(struct multicast *m, int ifindex, const struct ip_addr *group);
void multicast_leave(struct multicast *m, int ifindex, const struct ip_addr *group);
struct multicast_stats multicast_stats(const struct multicast *m);

#endif
