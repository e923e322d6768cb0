#include "io/icmp6.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/loop.h"
#include "util/mem.h"

#define HOP_LIMIT 255

struct icmp6 {
	int fd;
	struct loop_fd watch;
	icmp6_fn *fn;
	void *arg;
};

struct message {
	struct sockaddr_in6 from;
	int ifindex, hop_limit;
	uint8_t bytes[ICMP6_MESSAGE_BYTES];
	size_t len;
};

static int
set_int(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) ? -errno : 0;
}

static void
read_control(struct msghdr *hdr, struct message *message)
{
	struct cmsghdr *control;

	for (control = CMSG_FIRSTHDR(hdr); control; control = CMSG_NXTHDR(hdr, control)) {
		if (control->cmsg_level != IPPROTO_IPV6)
			continue;
		if (control->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(control), sizeof(info));
			message->ifindex = (int)info.ipi6_ifindex;
		} else if (control->cmsg_type == IPV6_HOPLIMIT) {
			memcpy(&message->hop_limit, CMSG_DATA(control), sizeof(int));
		}
	}
}

/* False when there is nothing more. */
static bool
receive(int fd, struct message *message)
{
	uint8_t control[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int))];
	struct iovec iov = {message->bytes, sizeof(message->bytes)};
	struct msghdr hdr = {.msg_name = &message->from,
	    .msg_namelen = sizeof(message->from),
	    .msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control,
	    .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(fd, &hdr, MSG_DONTWAIT);

	if (n < 0)
		return false;
	message->ifindex = 0;
	message->hop_limit = 0;
	message->len = hdr.msg_flags & MSG_TRUNC ? 0 : (size_t)n;
	read_control(&hdr, message);
	return true;
}

static void
on_readable(void *arg, bool readable, bool writable)
{
	struct icmp6 *icmp6 = arg;
	struct message message;
	int i;

	(void)readable;
	(void)writable;
	for (i = 0; i < ICMP6_MESSAGES_PER_TURN && receive(icmp6->fd, &message); i++) {
		struct ip_addr from = ip_addr_from_bytes(IP_FAMILY_V6, &message.from.sin6_addr);

		if (message.len && message.ifindex)
			icmp6->fn(icmp6->arg, message.ifindex, &from, (uint8_t)message.hop_limit,
			    message.bytes, message.len);
	}
}

static int
prepare(int fd)
{
	struct icmp6_filter filter;
	int err;

	ICMP6_FILTER_SETBLOCKALL(&filter);
	ICMP6_FILTER_SETPASS(ND_ROUTER_SOLICIT, &filter);
	ICMP6_FILTER_SETPASS(ND_ROUTER_ADVERT, &filter);
	if (setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter)))
		return -errno;
	err = set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	if (!err)
		err = set_int(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
	if (!err)
		err = set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, HOP_LIMIT);
	if (!err)
		err = set_int(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, HOP_LIMIT);
	if (!err)
		err = set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0);
	return err;
}

int
icmp6_open(struct loop *loop, icmp6_fn *fn, void *arg, struct icmp6 **ret_icmp6)
{
	struct icmp6 *icmp6;
	int fd = socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMPV6), err;

	if (fd < 0)
		return -errno;
	err = prepare(fd);
	if (err) {
		(void)close(fd);
		return err;
	}
	icmp6 = xcalloc(1, sizeof(*icmp6));
	*icmp6 = (struct icmp6){.fd = fd, .fn = fn, .arg = arg};
	loop_fd_init(&icmp6->watch, loop, fd, on_readable, icmp6);
	err = loop_fd_set(&icmp6->watch, true, false);
	if (err) {
		icmp6_free(icmp6);
		return err;
	}
	*ret_icmp6 = icmp6;
	return 0;
}

void
icmp6_free(struct icmp6 *icmp6)
{
	if (!icmp6)
		return;
	loop_fd_fini(&icmp6->watch);
	(void)close(icmp6->fd);
	free(icmp6);
}

int
icmp6_join_routers(struct icmp6 *icmp6, int ifindex)
{
	struct ipv6_mreq mreq = {.ipv6mr_multiaddr = {.s6_addr = {0xff, 0x02, [15] = 2}},
	    .ipv6mr_interface = (unsigned)ifindex};

	if (setsockopt(icmp6->fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &mreq, sizeof(mreq)) &&
	    errno != EADDRINUSE)
		return -errno;
	return 0;
}

int
icmp6_send(
    struct icmp6 *icmp6, int ifindex, const struct ip_addr *to, const void *bytes, size_t len)
{
	struct sockaddr_in6 sa = {.sin6_family = AF_INET6, .sin6_scope_id = (uint32_t)ifindex};

	memcpy(&sa.sin6_addr, to->bytes, sizeof(sa.sin6_addr));
	if (sendto(icmp6->fd, bytes, len, MSG_DONTWAIT, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return -errno;
	return 0;
}
