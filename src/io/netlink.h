/*
 * netlink: the interfaces and their addresses in this network namespace (rtnetlink), followed by
 * events and kept as a struct link_table.
 *
 * When the kernel lost events (ENOBUFS) everything is read again, without blocking the loop. IPv6
 * addresses appear once duplicate address detection is through; those that failed it do not. What
 * IPv6 addresses a link had when it was set down it keeps here, as the kernel lets it keep those of
 * IPv4, until it is set up again (link-local ones are not kept). An
 * interface has carrier when the kernel says LOWER_UP and RUNNING (operational state up or
 * unknown).
 */
#ifndef IO_NETLINK_H
#define IO_NETLINK_H

#include <stdint.h>

#include "util/link.h"

struct loop;
struct netlink;

#define NETLINK_RECEIVE_BUFFER_BYTES (1024 * 1024)
#define NETLINK_MESSAGES_PER_TURN 64 /* datagrams, each of up to NETLINK_DATAGRAM_BYTES */
#define NETLINK_DATAGRAM_BYTES 65536
#define NETLINK_RETRY_USEC 1000000 /* after a read of everything failed */

/* Something that the table shows has changed; once per turn at most, at the turn's end. */
typedef void netlink_fn(void *arg, const struct link_table *table);

struct netlink_stats {
	uint64_t messages;
	uint64_t overruns; /* events lost, everything read again */
	uint64_t invalid;  /* messages that could not be read */
	uint64_t ignored;  /* links and addresses over the caps of util/link.h */
};

/*
 * Reads everything before it returns (the only time that it waits), so netlink_table() is complete
 * from then on; `fn` is called for changes only. 0 or -errno.
 */
int netlink_open(struct loop *loop, netlink_fn *fn, void *arg, struct netlink **ret_netlink);
/* NULL is allowed. Not from within its callback. */
void netlink_free(struct netlink *nl);
/* Valid until `fn` is called the next time. */
const struct link_table *netlink_table(const struct netlink *nl);
const struct netlink_stats *netlink_stats(const struct netlink *nl);
/* Reads everything again, in the background. */
void netlink_resync(struct netlink *nl);

#endif
