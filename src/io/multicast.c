#include "io/multicast.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/loop.h"
#include "util/list.h"
#include "util/log.h"
#include "util/map.h"
#include "util/mem.h"

/* No padding: usable as a map key. */
struct key {
	uint8_t group[16];
	int ifindex;
};

struct holder {
	int fd;
	size_t count;
	bool full; /* until somebody leaves */
};

struct membership {
	struct key key;
	unsigned references;
	bool joined;
	size_t holder;                /* index of the socket, when joined */
	TAILQ_ENTRY(membership) link; /* in `failed`, when not */
	struct map_node node;
};

TAILQ_HEAD(membership_list, membership);

struct multicast {
	struct membership *memberships; /* by key */
	struct membership_list failed;
	struct holder *holders;
	size_t n_holders, cap;
	size_t n_joined;
	uint64_t failures;
	bool said; /* that joins fail; until none does */
	struct loop *loop;
	struct loop_timer retry;
};

static int
set_membership(int fd, const struct key *key, bool join)
{
	struct ipv6_mreq request = {.ipv6mr_interface = (unsigned)key->ifindex};

	memcpy(&request.ipv6mr_multiaddr, key->group, sizeof(key->group));
	if (setsockopt(fd, IPPROTO_IPV6, join ? IPV6_ADD_MEMBERSHIP : IPV6_DROP_MEMBERSHIP,
		&request, sizeof(request)) < 0)
		return -errno;
	return 0;
}

/* The index of a socket that may have room, or -errno. */
static ssize_t
find_holder(struct multicast *m)
{
	size_t i;
	int fd;

	/* Rooms are freed everywhere, but filled one after the other: the newest first. */
	for (i = m->n_holders; i-- > 0;)
		if (!m->holders[i].full)
			return (ssize_t)i;
	if (m->n_holders == MULTICAST_MAX_SOCKETS)
		return -ENOBUFS;
	fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	m->holders = mem_grow(m->holders, m->n_holders, &m->cap, sizeof(*m->holders));
	m->holders[m->n_holders] = (struct holder){.fd = fd};
	return (ssize_t)m->n_holders++;
}

/* 0 or -errno. */
static int
try_join(struct multicast *m, struct membership *membership)
{
	ssize_t i;
	int err;

	for (;;) {
		i = find_holder(m);
		if (i < 0)
			return (int)i;
		err = set_membership(m->holders[i].fd, &membership->key, true);
		if (err != -ENOMEM && err != -ENOBUFS)
			break;
		m->holders[i].full = true;
		/* An empty socket that has no room: it is not the socket that is full. */
		if (!m->holders[i].count)
			return err;
	}
	if (err)
		return err;
	membership->joined = true;
	membership->holder = (size_t)i;
	m->holders[i].count++;
	m->n_joined++;
	return 0;
}

static void
join(struct multicast *m, struct membership *membership)
{
	int err = try_join(m, membership);

	if (!err)
		return;
	m->failures++;
	TAILQ_INSERT_TAIL(&m->failed, membership, link);
	if (!m->said)
		log_warning("multicast interface=%d: cannot join a group: %s; trying again",
		    membership->key.ifindex, strerror(-err));
	m->said = true;
	loop_timer_set(&m->retry, mono_add_usec(loop_now(m->loop), MULTICAST_RETRY_USEC));
}

static void
on_retry(void *arg)
{
	struct multicast *m = arg;
	struct membership *membership, *last = TAILQ_LAST(&m->failed, membership_list);
	int i;

	for (i = 0; i < MULTICAST_RETRIES_AT_ONCE && (membership = TAILQ_FIRST(&m->failed)); i++) {
		TAILQ_REMOVE(&m->failed, membership, link);
		join(m, membership);
		if (membership == last)
			break;
	}
	m->said = !TAILQ_EMPTY(&m->failed);
	if (m->said)
		loop_timer_set(&m->retry, mono_add_usec(loop_now(m->loop), MULTICAST_RETRY_USEC));
}

struct multicast *
multicast_new(struct loop *loop)
{
	struct multicast *m = xcalloc(1, sizeof(*m));

	TAILQ_INIT(&m->failed);
	m->loop = loop;
	loop_timer_init(&m->retry, loop, on_retry, m);
	return m;
}

static void
leave(struct multicast *m, struct membership *membership)
{
	struct holder *holder;

	if (!membership->joined) {
		TAILQ_REMOVE(&m->failed, membership, link);
		return;
	}
	holder = &m->holders[membership->holder];
	/* Of an interface that is gone the kernel forgets the group as well. */
	(void)set_membership(holder->fd, &membership->key, false);
	holder->count--;
	holder->full = false;
	m->n_joined--;
}

void
multicast_free(struct multicast *m)
{
	struct membership *membership, *next;
	size_t i;

	if (!m)
		return;
	MAP_FOREACH_SAFE (membership, next, m->memberships) {
		MAP_DEL(m->memberships, membership);
		free(membership);
	}
	for (i = 0; i < m->n_holders; i++)
		(void)close(m->holders[i].fd);
	free(m->holders);
	loop_timer_fini(&m->retry);
	free(m);
}

static struct membership *
find(const struct multicast *m, int ifindex, const struct ip_addr *group, struct key *ret_key)
{
	struct membership *membership;

	*ret_key = (struct key){.ifindex = ifindex};
	memcpy(ret_key->group, group->bytes, sizeof(ret_key->group));
	MAP_FIND(m->memberships, ret_key, membership);
	return membership;
}

void
multicast_join(struct multicast *m, int ifindex, const struct ip_addr *group)
{
	struct key key;
	struct membership *membership = find(m, ifindex, group, &key);

	assert(group->family == IP_FAMILY_V6);
	if (membership) {
		membership->references++;
		return;
	}
	membership = xcalloc(1, sizeof(*membership));
	membership->key = key;
	membership->references = 1;
	MAP_ADD(m->memberships, key, membership);
	join(m, membership);
}

void
multicast_leave(struct multicast *m, int ifindex, const struct ip_addr *group)
{
	struct key key;
	struct membership *membership = find(m, ifindex, group, &key);

	if (!membership || --membership->references)
		return;
	leave(m, membership);
	MAP_DEL(m->memberships, membership);
	free(membership);
}

struct multicast_stats
multicast_stats(const struct multicast *m)
{
	return (struct multicast_stats){
	    .wanted = MAP_COUNT(m->memberships),
	    .joined = m->n_joined,
	    .sockets = m->n_holders,
	    .failures = m->failures,
	};
}
