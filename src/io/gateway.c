#include "io/gateway.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_BYTES 4096

/* A question with room for its attributes. */
struct question {
	struct nlmsghdr header;
	uint8_t body[256];
};

static void
question_init(struct question *q, uint16_t type, const void *body, size_t len)
{
	*q = (struct question){.header = {.nlmsg_len = NLMSG_LENGTH((uint32_t)len),
				   .nlmsg_type = type,
				   .nlmsg_flags = NLM_F_REQUEST,
				   .nlmsg_seq = 1}};
	memcpy(NLMSG_DATA(&q->header), body, len);
}

static void
question_add(struct question *q, uint16_t type, const void *value, size_t len)
{
	struct rtattr attr = {.rta_len = (uint16_t)RTA_LENGTH(len), .rta_type = type};
	uint8_t *at = (uint8_t *)&q->header + NLMSG_ALIGN(q->header.nlmsg_len);

	memcpy(at, &attr, sizeof(attr));
	memcpy(at + RTA_LENGTH(0), value, len);
	q->header.nlmsg_len = NLMSG_ALIGN(q->header.nlmsg_len) + RTA_ALIGN(attr.rta_len);
}

/* The answer of the expected type; its length, or -errno. */
static ssize_t
ask(int fd, const struct question *q, uint16_t type, void *answer)
{
	struct nlmsghdr header;
	ssize_t n;

	if (send(fd, q, q->header.nlmsg_len, 0) < 0)
		return -errno;
	n = recv(fd, answer, ANSWER_BYTES, MSG_DONTWAIT);
	if (n < 0)
		return -errno;
	if ((size_t)n < sizeof(header))
		return -EBADMSG;
	memcpy(&header, answer, sizeof(header));
	if (header.nlmsg_type == NLMSG_ERROR && (size_t)n >= NLMSG_LENGTH(sizeof(int))) {
		int err;

		memcpy(&err, (uint8_t *)answer + NLMSG_HDRLEN, sizeof(err));
		return err ? err : -EBADMSG;
	}
	if (header.nlmsg_type != type || header.nlmsg_len > (size_t)n)
		return -EBADMSG;
	return (ssize_t)header.nlmsg_len;
}

/* The attribute's value of exactly that length, after a body of `body` bytes; false: not there. */
static bool
find(const uint8_t *answer, size_t len, size_t body, uint16_t type, void *out, size_t out_len)
{
	size_t at = NLMSG_SPACE(body);
	struct rtattr attr;

	for (; at + sizeof(attr) <= len; at += RTA_ALIGN(attr.rta_len)) {
		memcpy(&attr, answer + at, sizeof(attr));
		if (attr.rta_len < sizeof(attr) || at + attr.rta_len > len)
			return false;
		if (attr.rta_type != type)
			continue;
		if (attr.rta_len != RTA_LENGTH(out_len))
			return false;
		memcpy(out, answer + at + RTA_LENGTH(0), out_len);
		return true;
	}
	return false;
}

/* Where packets for the rest of the world would go: an address of the documentation's (RFC 5737,
 * RFC 3849), which nobody has a route of its own for, since the kernel takes 0.0.0.0 for itself. */
static int
find_gateway(int fd, uint32_t ifindex, enum ip_family family, uint8_t gateway[16])
{
	static const uint8_t far_v4[4] = {198, 51, 100, 1};
	static const uint8_t far_v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
	size_t size = ip_family_size(family);
	const struct rtmsg route = {
	    .rtm_family = family == IP_FAMILY_V4 ? AF_INET : AF_INET6,
	    .rtm_dst_len = (uint8_t)(size * 8),
	};
	uint8_t answer[ANSWER_BYTES];
	struct question q;
	ssize_t n;

	question_init(&q, RTM_GETROUTE, &route, sizeof(route));
	question_add(&q, RTA_DST, family == IP_FAMILY_V4 ? far_v4 : far_v6, size);
	question_add(&q, RTA_OIF, &ifindex, sizeof(ifindex));
	n = ask(fd, &q, RTM_NEWROUTE, answer);
	if (n < 0)
		return n == -ENETUNREACH || n == -EHOSTUNREACH ? -ENOENT : (int)n;
	return find(answer, (size_t)n, sizeof(route), RTA_GATEWAY, gateway, size) ? 0 : -ENOENT;
}

static int
find_neighbour(
    int fd, int ifindex, enum ip_family family, const uint8_t *address, struct mac_addr *ret_mac)
{
	const struct ndmsg neighbour = {
	    .ndm_family = family == IP_FAMILY_V4 ? AF_INET : AF_INET6,
	    .ndm_ifindex = ifindex,
	};
	uint8_t answer[ANSWER_BYTES];
	struct question q;
	ssize_t n;

	question_init(&q, RTM_GETNEIGH, &neighbour, sizeof(neighbour));
	question_add(&q, NDA_DST, address, ip_family_size(family));
	n = ask(fd, &q, RTM_NEWNEIGH, answer);
	if (n < 0)
		return (int)n;
	return find(answer, (size_t)n, sizeof(neighbour), NDA_LLADDR, ret_mac->bytes,
		   sizeof(ret_mac->bytes))
	    ? 0
	    : -ENOENT;
}

int
gateway_mac(int ifindex, enum ip_family family, struct mac_addr *ret_mac)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE), err;
	uint8_t gateway[16] = {0};

	if (fd < 0)
		return -errno;
	err = find_gateway(fd, (uint32_t)ifindex, family, gateway);
	if (!err)
		err = find_neighbour(fd, ifindex, family, gateway, ret_mac);
	(void)close(fd);
	return err;
}
