/*
 * netlink: see netlink.h.
 *
 * Two sockets: one asks (RTM_GETLINK, then RTM_GETADDR, as dumps), one hears events. While a dump
 * runs no event is read; they wait in their socket, and each that is older than what the dump said
 * is followed by those that bring its object up to date. Should the wait overflow the socket, the
 * dump is made again. After an overflow the remaining events are thrown away before the dump.
 *
 * Entries carry the number of the dump that saw them last; when a dump has ended whole, the others
 * go. libnl's sockets, message builder and attribute parser are used, not its caches: they would
 * keep a second table whose updates block.
 */
#include "io/netlink.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "io/loop.h"
#include "util/list.h"
#include "util/log.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/str.h"

#define OPEN_TIMEOUT_MSEC 5000
#define THROW_AWAY_MAX 16384 /* more messages than the receive buffer holds */
#define OPEN_ATTEMPTS 8      /* of dumps that were interrupted by changes */

struct address {
	struct ip_prefix prefix;
	bool usable;
	bool kept; /* of a link that was set down, which costs it its IPv6 addresses */
	uint32_t dump;
	TAILQ_ENTRY(address) link;
};

struct entry {
	int ifindex;           /* key */
	struct link_info info; /* without addresses */
	bool is_vrf;           /* the link itself */
	uint32_t dump;
	size_t n_addresses;
	TAILQ_HEAD(, address) addresses;
	struct map_node node;
};

enum phase {
	PHASE_IDLE,
	PHASE_LINKS,
	PHASE_ADDRESSES,
	PHASE_COUNT
};

struct netlink {
	struct loop *loop;
	struct nl_sock *ask, *events;
	struct loop_fd ask_watch, events_watch;
	struct loop_timer retry;
	struct loop_deferred notify;
	netlink_fn *fn;
	void *arg;
	enum phase phase;
	uint32_t dump;    /* number of the present or last one */
	bool interrupted; /* the dump has to be made again */
	bool warned_links, warned_addresses;
	struct entry *entries;
	struct link_table table;
	struct netlink_stats stats;
	uint8_t buffer[NETLINK_DATAGRAM_BYTES];
};

/* The store. */

static void
entry_free(struct netlink *nl, struct entry *entry)
{
	struct address *address, *next;

	MAP_DEL(nl->entries, entry);
	TAILQ_FOREACH_SAFE (address, &entry->addresses, link, next)
		free(address);
	free(entry);
}

static struct entry *
entry_find(struct netlink *nl, int ifindex)
{
	struct entry *entry;

	MAP_FIND(nl->entries, &ifindex, entry);
	return entry;
}

/* NULL when the table is full. */
static struct entry *
entry_get(struct netlink *nl, int ifindex)
{
	struct entry *entry = entry_find(nl, ifindex);

	if (entry)
		return entry;
	if (MAP_COUNT(nl->entries) >= LINK_MAX) {
		nl->stats.ignored++;
		if (!nl->warned_links)
			log_warning(
			    "netlink: more than %d interfaces, ignoring the others", LINK_MAX);
		nl->warned_links = true;
		return NULL;
	}
	entry = xcalloc(1, sizeof(*entry));
	entry->ifindex = ifindex;
	TAILQ_INIT(&entry->addresses);
	MAP_ADD(nl->entries, ifindex, entry);
	return entry;
}

static struct address *
address_find(struct entry *entry, const struct ip_prefix *prefix)
{
	struct address *address;

	TAILQ_FOREACH (address, &entry->addresses, link)
		if (address->prefix.len == prefix->len &&
		    ip_addr_eq(&address->prefix.addr, &prefix->addr))
			return address;
	return NULL;
}

static void
address_remove(struct entry *entry, struct address *address)
{
	TAILQ_REMOVE(&entry->addresses, address, link);
	entry->n_addresses--;
	free(address);
}

static void
address_add(struct netlink *nl, struct entry *entry, const struct ip_prefix *prefix, bool usable)
{
	struct address *address = address_find(entry, prefix);

	if (!address) {
		if (entry->n_addresses >= LINK_MAX_ADDRESSES) {
			nl->stats.ignored++;
			if (!nl->warned_addresses)
				log_warning("netlink: interface=%s has more than %d addresses, "
					    "ignoring the others",
				    entry->info.name, LINK_MAX_ADDRESSES);
			nl->warned_addresses = true;
			return;
		}
		address = xcalloc(1, sizeof(*address));
		address->prefix = *prefix;
		TAILQ_INSERT_TAIL(&entry->addresses, address, link);
		entry->n_addresses++;
	}
	address->usable = usable;
	address->kept = false;
	address->dump = nl->dump;
}

/*
 * The kernel lets a link that is set down keep its IPv4 addresses, not its IPv6 ones. That it
 * belongs to their LANs is true all the same: else what is announced there would seem to have no
 * LAN here, and be announced on all the others.
 */
static void
address_gone(struct entry *entry, struct address *address)
{
	const struct ip_addr *addr = &address->prefix.addr;

	if (entry->info.up || !address->usable || addr->family != IP_FAMILY_V6 ||
	    ip_addr_is_link_local(addr))
		address_remove(entry, address);
	else
		address->kept = true;
}

static void
forget_kept(struct entry *entry)
{
	struct address *address, *next;

	TAILQ_FOREACH_SAFE (address, &entry->addresses, link, next)
		if (address->kept)
			address_remove(entry, address);
}

/* What the dump that has just ended did not see is not there. */
static void
sweep(struct netlink *nl)
{
	struct entry *entry, *next_entry;
	struct address *address, *next;

	MAP_FOREACH_SAFE (entry, next_entry, nl->entries) {
		if (entry->dump != nl->dump) {
			entry_free(nl, entry);
			continue;
		}
		TAILQ_FOREACH_SAFE (address, &entry->addresses, link, next)
			if (address->dump != nl->dump)
				address_gone(entry, address);
	}
}

/* The table made of it. */

static int
compare_entries(const struct entry *a, const struct entry *b)
{
	return (a->ifindex > b->ifindex) - (a->ifindex < b->ifindex);
}

static void
fill_link(struct netlink *nl, const struct entry *entry, struct link_info *ret_info)
{
	struct address *address;
	struct entry *master;

	*ret_info = entry->info;
	master = entry->info.master ? entry_find(nl, entry->info.master) : NULL;
	ret_info->master_is_vrf = master && master->is_vrf;
	ret_info->addresses = xcalloc(entry->n_addresses + 1, sizeof(*ret_info->addresses));
	TAILQ_FOREACH (address, &entry->addresses, link)
		if (address->usable)
			ret_info->addresses[ret_info->n_addresses++] = address->prefix;
}

static struct link_table
make_table(struct netlink *nl)
{
	struct link_table table = {0};
	struct entry *entry;

	MAP_SORT(nl->entries, compare_entries);
	table.items = xcalloc(MAP_COUNT(nl->entries) + 1, sizeof(*table.items));
	MAP_FOREACH (entry, nl->entries)
		fill_link(nl, entry, &table.items[table.count++]);
	return table;
}

static bool
link_is_same(const struct link_info *a, const struct link_info *b)
{
	size_t i;

	if (a->ifindex != b->ifindex || !str_eq(a->name, b->name) ||
	    !mac_addr_eq(&a->mac, &b->mac) || a->up != b->up || a->carrier != b->carrier ||
	    a->arp != b->arp || a->broadcast != b->broadcast || a->loopback != b->loopback ||
	    a->master != b->master || a->master_is_vrf != b->master_is_vrf || a->mtu != b->mtu ||
	    a->n_addresses != b->n_addresses)
		return false;
	for (i = 0; i < a->n_addresses; i++)
		if (a->addresses[i].len != b->addresses[i].len ||
		    !ip_addr_eq(&a->addresses[i].addr, &b->addresses[i].addr))
			return false;
	return true;
}

static bool
table_is_same(const struct link_table *a, const struct link_table *b)
{
	size_t i;

	if (a->count != b->count)
		return false;
	for (i = 0; i < a->count; i++)
		if (!link_is_same(&a->items[i], &b->items[i]))
			return false;
	return true;
}

static void
on_notify(void *arg)
{
	struct netlink *nl = arg;
	struct link_table table;

	/* Half a dump is no state; its end asks again. */
	if (nl->phase != PHASE_IDLE)
		return;
	table = make_table(nl);
	if (table_is_same(&table, &nl->table)) {
		/* Counters and the like: wireless drivers send such events all the time. */
		link_table_clear(&table);
		return;
	}
	link_table_clear(&nl->table);
	nl->table = table;
	nl->fn(nl->arg, &nl->table);
}

/* Messages. */

static bool
link_kind_is_vrf(struct nlattr *linkinfo)
{
	struct nlattr *tb[IFLA_INFO_MAX + 1];

	if (!linkinfo || nla_parse_nested(tb, IFLA_INFO_MAX, linkinfo, NULL) < 0 ||
	    !tb[IFLA_INFO_KIND])
		return false;
	return nla_strcmp(tb[IFLA_INFO_KIND], "vrf") == 0;
}

static void
take_link(struct netlink *nl, struct nlmsghdr *hdr)
{
	const struct ifinfomsg *ifi = nlmsg_data(hdr);
	struct nlattr *tb[IFLA_MAX + 1];
	struct link_info *info;
	struct entry *entry;

	if (nlmsg_parse(hdr, sizeof(*ifi), tb, IFLA_MAX, NULL) < 0 || ifi->ifi_index <= 0) {
		nl->stats.invalid++;
		return;
	}
	/* A bridge tells of its ports in messages of its own family: DELLINK there means that a
	 * port left the bridge, not that the link is gone. */
	if (ifi->ifi_family != AF_UNSPEC)
		return;
	if (hdr->nlmsg_type == RTM_DELLINK) {
		entry = entry_find(nl, ifi->ifi_index);
		if (entry)
			entry_free(nl, entry);
		return;
	}
	if (!tb[IFLA_IFNAME]) {
		nl->stats.invalid++;
		return;
	}
	entry = entry_get(nl, ifi->ifi_index);
	if (!entry)
		return;
	entry->dump = nl->dump;
	entry->is_vrf = link_kind_is_vrf(tb[IFLA_LINKINFO]);
	info = &entry->info;
	*info = (struct link_info){
	    .ifindex = ifi->ifi_index,
	    .up = (ifi->ifi_flags & IFF_UP) != 0,
	    .carrier = (ifi->ifi_flags & IFF_LOWER_UP) && (ifi->ifi_flags & IFF_RUNNING),
	    .arp = !(ifi->ifi_flags & IFF_NOARP),
	    .broadcast = (ifi->ifi_flags & IFF_BROADCAST) != 0,
	    .loopback = (ifi->ifi_flags & IFF_LOOPBACK) != 0,
	};
	(void)nla_strlcpy(info->name, tb[IFLA_IFNAME], sizeof(info->name));
	if (ifi->ifi_type == ARPHRD_ETHER && tb[IFLA_ADDRESS] &&
	    nla_len(tb[IFLA_ADDRESS]) == sizeof(info->mac.bytes))
		memcpy(info->mac.bytes, nla_data(tb[IFLA_ADDRESS]), sizeof(info->mac.bytes));
	if (tb[IFLA_MASTER] && nla_len(tb[IFLA_MASTER]) >= (int)sizeof(uint32_t))
		info->master = (int)nla_get_u32(tb[IFLA_MASTER]);
	if (tb[IFLA_MTU] && nla_len(tb[IFLA_MTU]) >= (int)sizeof(uint32_t))
		info->mtu = nla_get_u32(tb[IFLA_MTU]);
	if (info->up)
		forget_kept(entry);
}

static bool
take_prefix(const struct ifaddrmsg *ifa, struct nlattr *const *tb, struct ip_prefix *ret_prefix)
{
	enum ip_family family = ifa->ifa_family == AF_INET ? IP_FAMILY_V4 : IP_FAMILY_V6;
	size_t size = ip_family_size(family);
	const struct nlattr *local = tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS];
	const struct nlattr *peer = tb[IFA_ADDRESS];

	if (!local || nla_len(local) != (int)size || ifa->ifa_prefixlen > size * 8)
		return false;
	ret_prefix->addr = ip_addr_from_bytes(family, nla_data(local));
	ret_prefix->len = ifa->ifa_prefixlen;
	/* Point to point: the prefix is the peer's, and connects nothing of ours. */
	if (peer && nla_len(peer) == (int)size &&
	    memcmp(nla_data(peer), nla_data(local), size) != 0)
		ret_prefix->len = (uint8_t)(size * 8);
	return true;
}

static void
take_address(struct netlink *nl, struct nlmsghdr *hdr)
{
	const struct ifaddrmsg *ifa = nlmsg_data(hdr);
	struct nlattr *tb[IFA_MAX + 1];
	struct address *address;
	struct ip_prefix prefix;
	struct entry *entry;
	uint32_t flags;

	if (nlmsg_parse(hdr, sizeof(*ifa), tb, IFA_MAX, NULL) < 0) {
		nl->stats.invalid++;
		return;
	}
	if (ifa->ifa_family != AF_INET && ifa->ifa_family != AF_INET6)
		return;
	if (!take_prefix(ifa, tb, &prefix)) {
		nl->stats.invalid++;
		return;
	}
	if (hdr->nlmsg_type == RTM_DELADDR) {
		entry = entry_find(nl, (int)ifa->ifa_index);
		address = entry ? address_find(entry, &prefix) : NULL;
		if (address)
			address_gone(entry, address);
		return;
	}
	entry = entry_find(nl, (int)ifa->ifa_index);
	if (!entry || link_is_kube_ipvs(&entry->info))
		return;
	flags = ifa->ifa_flags;
	if (tb[IFA_FLAGS] && nla_len(tb[IFA_FLAGS]) >= (int)sizeof(uint32_t))
		flags = nla_get_u32(tb[IFA_FLAGS]);
	address_add(nl, entry, &prefix, !(flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)));
}

/* True at the end of a dump. */
static bool
take_message(struct netlink *nl, struct nlmsghdr *hdr)
{
	nl->stats.messages++;
	if (hdr->nlmsg_flags & NLM_F_DUMP_INTR)
		nl->interrupted = true;
	switch (hdr->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		take_link(nl, hdr);
		return false;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		take_address(nl, hdr);
		return false;
	case NLMSG_ERROR:
		nl->interrupted = true;
		return true;
	case NLMSG_DONE:
		return true;
	default:
		return false;
	}
}

/*
 * One datagram. 1 when it ended a dump, 0 when not, or -errno: -EAGAIN when there is none, -ENOBUFS
 * when the kernel lost some.
 */
static int
receive(struct netlink *nl, struct nl_sock *sk)
{
	struct sockaddr_nl from = {0};
	struct iovec iov = {.iov_base = nl->buffer, .iov_len = sizeof(nl->buffer)};
	struct msghdr msg = {
	    .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n = recvmsg(nl_socket_get_fd(sk), &msg, MSG_DONTWAIT);
	struct nlmsghdr *hdr = (struct nlmsghdr *)(void *)nl->buffer;
	int left, done = 0;

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	/* Any process may send to a netlink socket; only the kernel is believed. */
	if (from.nl_pid != 0)
		return 0;
	if (msg.msg_flags & MSG_TRUNC)
		return -ENOBUFS;
	for (left = (int)n; nlmsg_ok(hdr, left); hdr = nlmsg_next(hdr, &left))
		if (take_message(nl, hdr))
			done = 1;
	return done;
}

/* Dumps. */

/* 0 or -errno. */
static int
send_dump(struct netlink *nl, int type)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, NLM_F_REQUEST | NLM_F_DUMP);
	struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC};
	struct ifaddrmsg ifa = {.ifa_family = AF_UNSPEC};
	int rc;

	if (!msg)
		abort();
	if (type == RTM_GETLINK) {
		rc = nlmsg_append(msg, &ifi, sizeof(ifi), NLMSG_ALIGNTO);
		/* Half of a link's message is counters. */
		if (!rc)
			rc = nla_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	} else
		rc = nlmsg_append(msg, &ifa, sizeof(ifa), NLMSG_ALIGNTO);
	if (rc)
		abort();
	rc = nl_send_auto(nl->ask, msg);
	nlmsg_free(msg);
	return rc < 0 ? -EIO : 0;
}

static int
dump_start(struct netlink *nl)
{
	nl->dump++;
	nl->interrupted = false;
	nl->phase = PHASE_LINKS;
	return send_dump(nl, RTM_GETLINK);
}

/* After NLMSG_DONE. 0 or -errno; -EAGAIN: it has to be made again. */
static int
dump_next(struct netlink *nl)
{
	if (nl->interrupted)
		return -EAGAIN;
	if (nl->phase == PHASE_LINKS) {
		nl->phase = PHASE_ADDRESSES;
		return send_dump(nl, RTM_GETADDR);
	}
	nl->phase = PHASE_IDLE;
	sweep(nl);
	return 0;
}

/* Without this an answer that is still on its way would be taken for one to the next question. */
static void
throw_away(struct nl_sock *sk)
{
	uint8_t byte;
	ssize_t n;
	int i;

	for (i = 0; i < THROW_AWAY_MAX; i++) {
		n = recv(nl_socket_get_fd(sk), &byte, sizeof(byte), MSG_DONTWAIT | MSG_TRUNC);
		if (n < 0 && errno != EINTR && errno != ENOBUFS)
			return;
	}
}

static void
resync_later(struct netlink *nl)
{
	nl->phase = PHASE_IDLE;
	loop_timer_set(&nl->retry, mono_add_usec(loop_now(nl->loop), NETLINK_RETRY_USEC));
}

void
netlink_resync(struct netlink *nl)
{
	/* No event is read until the dump is whole; see above. */
	(void)loop_fd_set(&nl->events_watch, false, false);
	throw_away(nl->ask);
	throw_away(nl->events);
	loop_timer_set(&nl->retry, MONO_NEVER);
	if (dump_start(nl))
		resync_later(nl);
}

static void
on_retry(void *arg)
{
	netlink_resync(arg);
}

static void
on_answer(void *arg, bool readable, bool writable)
{
	struct netlink *nl = arg;
	int i, rc = 0;

	(void)readable;
	(void)writable;
	for (i = 0; i < NETLINK_MESSAGES_PER_TURN && rc >= 0; i++) {
		rc = receive(nl, nl->ask);
		if (rc != 1 || nl->phase == PHASE_IDLE)
			continue;
		rc = dump_next(nl);
		if (rc) {
			resync_later(nl);
			return;
		}
		if (nl->phase == PHASE_IDLE) {
			(void)loop_fd_set(&nl->events_watch, true, false);
			loop_defer(&nl->notify);
		}
	}
	if (rc < 0 && rc != -EAGAIN)
		resync_later(nl);
}

static void
on_event(void *arg, bool readable, bool writable)
{
	struct netlink *nl = arg;
	int i, rc = 0;

	(void)readable;
	(void)writable;
	for (i = 0; i < NETLINK_MESSAGES_PER_TURN && rc >= 0; i++)
		rc = receive(nl, nl->events);
	if (rc < 0 && rc != -EAGAIN) {
		nl->stats.overruns++;
		netlink_resync(nl);
		return;
	}
	loop_defer(&nl->notify);
}

/* Opening. */

/* 0 or -errno. */
static int
wait_readable(int fd)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	int n;

	do
		n = poll(&pfd, 1, OPEN_TIMEOUT_MSEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n ? 0 : -ETIMEDOUT;
}

/* The first dump, waited for. 0 or -errno. */
static int
dump_now(struct netlink *nl)
{
	int attempt, err = 0;

	for (attempt = 0; attempt < OPEN_ATTEMPTS; attempt++) {
		throw_away(nl->ask);
		err = dump_start(nl);
		while (!err && nl->phase != PHASE_IDLE) {
			err = wait_readable(nl_socket_get_fd(nl->ask));
			if (err)
				break;
			err = receive(nl, nl->ask);
			if (err == 1)
				err = dump_next(nl);
		}
		if (err != -EAGAIN && err != -ENOBUFS)
			break;
	}
	return err;
}

/* NULL when the kernel gives none. */
static struct nl_sock *
open_socket(void)
{
	struct nl_sock *sk = nl_socket_alloc();

	if (!sk)
		abort();
	if (nl_connect(sk, NETLINK_ROUTE) < 0 || nl_socket_set_nonblocking(sk) < 0) {
		nl_socket_free(sk);
		return NULL;
	}
	return sk;
}

/* 0 or -errno. */
static int
set_up(struct netlink *nl)
{
	int bytes = NETLINK_RECEIVE_BUFFER_BYTES, fd, err;

	nl->ask = open_socket();
	nl->events = open_socket();
	if (!nl->ask || !nl->events)
		return -EPROTONOSUPPORT;
	nl_socket_disable_auto_ack(nl->ask);
	nl_socket_disable_seq_check(nl->events);
	fd = nl_socket_get_fd(nl->events);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	/* Events first: what changes during the dump is heard afterwards. */
	if (nl_socket_add_memberships(nl->events, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
		RTNLGRP_IPV6_IFADDR, RTNLGRP_NONE) < 0)
		return -EIO;
	err = dump_now(nl);
	if (err)
		return err;
	nl->table = make_table(nl);
	loop_fd_init(&nl->ask_watch, nl->loop, nl_socket_get_fd(nl->ask), on_answer, nl);
	loop_fd_init(&nl->events_watch, nl->loop, fd, on_event, nl);
	err = loop_fd_set(&nl->ask_watch, true, false);
	return err ? err : loop_fd_set(&nl->events_watch, true, false);
}

int
netlink_open(struct loop *loop, netlink_fn *fn, void *arg, struct netlink **ret_netlink)
{
	struct netlink *nl = xcalloc(1, sizeof(*nl));
	int err;

	nl->loop = loop;
	nl->fn = fn;
	nl->arg = arg;
	loop_timer_init(&nl->retry, loop, on_retry, nl);
	loop_deferred_init(&nl->notify, loop, on_notify, nl);
	err = set_up(nl);
	if (err) {
		netlink_free(nl);
		return err;
	}
	*ret_netlink = nl;
	return 0;
}

void
netlink_free(struct netlink *nl)
{
	struct entry *entry, *next;

	if (!nl)
		return;
	loop_fd_fini(&nl->ask_watch);
	loop_fd_fini(&nl->events_watch);
	loop_timer_fini(&nl->retry);
	loop_deferred_fini(&nl->notify);
	nl_socket_free(nl->ask);
	nl_socket_free(nl->events);
	MAP_FOREACH_SAFE (entry, next, nl->entries)
		entry_free(nl, entry);
	link_table_clear(&nl->table);
	free(nl);
}

const struct link_table *
netlink_table(const struct netlink *nl)
{
	return &nl->table;
}

const struct netlink_stats *
netlink_stats(const struct netlink *nl)
{
	return &nl->stats;
}
