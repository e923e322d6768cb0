/*
 * tcp: see tcp.h.
 *
 * A connection is freed at the end of the turn only, so that its callbacks may close it. Closed in
 * order, it becomes its own: it sends what is queued, shuts the sending side, and throws away what
 * comes until the peer has closed too. Without that, unread bytes would make the kernel answer with
 * a RST, which overtakes the last message.
 */
#include "io/tcp.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "io/loop.h"
#include "util/list.h"
#include "util/mem.h"
#include "util/rate.h"

/* linux/in6.h, which cannot stand beside netinet/in.h. */
#ifndef IPV6_MINHOPCOUNT
#define IPV6_MINHOPCOUNT 73
#endif

#define BACKLOG 128
#define DSCP_CS6 0xc0     /* network control, as routing protocols are marked (RFC 4594 3.2) */
#define RECEIVE_STEP 4096 /* bytes of one token */
#define WRITE_ONCE (256 * 1024)

struct tcp_connection {
	struct tcp *tcp;
	int fd;
	struct loop_fd watch;
	struct loop_deferred end;  /* frees it, or tells the owner of an error */
	struct loop_timer timer;   /* throttled: reading goes on; closing: time is up */
	const struct tcp_ops *ops; /* NULL: nobody's any more */
	void *arg;
	struct tcp_address local, remote;
	struct evbuffer *output;
	uint8_t *input;
	size_t input_len;
	struct rate budget;
	bool connecting, reading, throttled;
	bool closing; /* by tcp_close(): sends the rest */
	bool shut;    /* and has said that this was all */
	bool dead;    /* freed by `end` */
	bool failed;  /* `end` tells err first */
	int err;
	TAILQ_ENTRY(tcp_connection) link;
};

struct tcp_listener {
	struct tcp *tcp;
	int fd;
	enum ip_family family;
	uint16_t port;
	struct loop_fd watch;
	struct loop_timer pause;
	struct rate accepts;
	tcp_accept_fn *fn;
	void *arg;
};

struct tcp_incoming {
	struct tcp *tcp;
	int fd; /* -1: taken */
	struct tcp_address local, remote;
};

struct tcp {
	struct loop *loop;
	TAILQ_HEAD(, tcp_connection) connections; /* those that close last, in that order */
	size_t n_closing;
	struct tcp_stats stats;
};

/* --- addresses and socket options --- */

static socklen_t
to_sockaddr(const struct tcp_address *address, struct sockaddr_storage *ret_sa)
{
	struct sockaddr_in *in4 = (void *)ret_sa;
	struct sockaddr_in6 *in6 = (void *)ret_sa;

	memset(ret_sa, 0, sizeof(*ret_sa));
	if (address->ip.family == IP_FAMILY_V4) {
		in4->sin_family = AF_INET;
		in4->sin_port = htons(address->port);
		memcpy(&in4->sin_addr, address->ip.bytes, 4);
		return sizeof(*in4);
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(address->port);
	memcpy(&in6->sin6_addr, address->ip.bytes, 16);
	in6->sin6_scope_id = (uint32_t)address->scope;
	return sizeof(*in6);
}

static struct tcp_address
from_sockaddr(const struct sockaddr_storage *sa)
{
	const struct sockaddr_in *in4 = (const void *)sa;
	const struct sockaddr_in6 *in6 = (const void *)sa;

	if (sa->ss_family == AF_INET)
		return (struct tcp_address){.ip = ip_addr_from_bytes(IP_FAMILY_V4, &in4->sin_addr),
		    .port = ntohs(in4->sin_port)};
	return (struct tcp_address){.ip = ip_addr_from_bytes(IP_FAMILY_V6, &in6->sin6_addr),
	    .port = ntohs(in6->sin6_port),
	    .scope = (int)in6->sin6_scope_id};
}

static int
set_int(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) ? -errno : 0;
}

static int
set_ttls(int fd, enum ip_family family, uint8_t ttl, uint8_t min_ttl)
{
	bool v6 = family == IP_FAMILY_V6;
	int level = v6 ? IPPROTO_IPV6 : IPPROTO_IP, err = 0;

	if (ttl)
		err = set_int(fd, level, v6 ? IPV6_UNICAST_HOPS : IP_TTL, ttl);
	if (!err && min_ttl)
		err = set_int(fd, level, v6 ? IPV6_MINHOPCOUNT : IP_MINTTL, min_ttl);
	return err;
}

/* An interface index in the key (TCP_MD5SIG_EXT) is for VRFs only, which have sockets of their own
 * here; so the key of a link-local address counts on every interface. */
static int
set_key(int fd, const struct tcp_address *peer, const void *key, size_t key_len)
{
	struct tcp_md5sig md5 = {0};
	struct sockaddr_storage sa;

	if (key_len > TCP_KEY_MAX_BYTES)
		return -EINVAL;
	(void)to_sockaddr(&(struct tcp_address){.ip = peer->ip, .scope = peer->scope}, &sa);
	memcpy(&md5.tcpm_addr, &sa, sizeof(md5.tcpm_addr));
	md5.tcpm_keylen = (uint16_t)key_len;
	if (key_len)
		memcpy(md5.tcpm_key, key, key_len);
	if (setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &md5, sizeof(md5)))
		return -errno;
	explicit_bzero(&md5, sizeof(md5));
	return 0;
}

static int
set_device(int fd, const char *device)
{
	if (!device || !*device)
		return 0;
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t)strlen(device) + 1))
		return -errno;
	return 0;
}

static int
open_socket(enum ip_family family, int *ret_fd)
{
	bool v6 = family == IP_FAMILY_V6;
	int fd = socket(
	    v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);

	if (fd < 0)
		return -errno;
	(void)set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	(void)set_int(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_TCLASS : IP_TOS, DSCP_CS6);
	*ret_fd = fd;
	return 0;
}

/* --- connections --- */

static void
connection_free(struct tcp_connection *conn)
{
	TAILQ_REMOVE(&conn->tcp->connections, conn, link);
	conn->tcp->n_closing -= conn->closing;
	loop_fd_fini(&conn->watch);
	loop_timer_fini(&conn->timer);
	loop_deferred_fini(&conn->end);
	(void)close(conn->fd);
	evbuffer_free(conn->output);
	free(conn->input);
	free(conn);
}

static void
connection_end(struct tcp_connection *conn)
{
	conn->dead = true;
	conn->ops = NULL;
	(void)loop_fd_set(&conn->watch, false, false);
	loop_timer_set(&conn->timer, MONO_NEVER);
	loop_defer(&conn->end);
}

/* The owner hears of it at the end of the turn, never from within a call of its own. */
static void
connection_fail(struct tcp_connection *conn, int err)
{
	if (conn->dead || conn->failed)
		return;
	if (!conn->ops) {
		connection_end(conn);
		return;
	}
	conn->failed = true;
	conn->err = err;
	(void)loop_fd_set(&conn->watch, false, false);
	loop_timer_set(&conn->timer, MONO_NEVER);
	loop_defer(&conn->end);
}

static void
on_end(void *arg)
{
	struct tcp_connection *conn = arg;

	if (!conn->dead && conn->ops)
		conn->ops->closed(conn->arg, conn->err);
	connection_free(conn);
}

static void
update_watch(struct tcp_connection *conn)
{
	bool want_read, want_write;

	if (conn->dead || conn->failed)
		return;
	want_read = !conn->connecting && !conn->throttled &&
	    (conn->closing ? conn->shut : conn->reading);
	want_write = conn->connecting || evbuffer_get_length(conn->output) > 0;
	if (loop_fd_set(&conn->watch, want_read, want_write))
		connection_fail(conn, -EIO);
}

static void
flush(struct tcp_connection *conn)
{
	while (evbuffer_get_length(conn->output)) {
		int n = evbuffer_write_atmost(conn->output, conn->fd, WRITE_ONCE);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			connection_fail(conn, -errno);
		if (n <= 0)
			return;
	}
	if (conn->closing && !conn->shut) {
		conn->shut = true;
		if (shutdown(conn->fd, SHUT_WR))
			connection_end(conn);
	}
}

/* The peer has not closed yet: what it sends no longer matters. */
static void
discard(struct tcp_connection *conn)
{
	uint8_t bytes[RECEIVE_STEP];
	ssize_t n = recv(conn->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		connection_end(conn);
}

static void
deliver(struct tcp_connection *conn)
{
	const struct tcp_ops *ops = conn->ops;
	size_t taken = ops->received(conn->arg, conn->input, conn->input_len);

	assert(taken <= conn->input_len);
	if (conn->ops != ops) /* closed by the callback */
		return;
	if (!taken && conn->input_len == TCP_INPUT_BYTES) {
		connection_fail(conn, -EMSGSIZE);
		return;
	}
	memmove(conn->input, conn->input + taken, conn->input_len - taken);
	conn->input_len -= taken;
}

static void
throttle(struct tcp_connection *conn)
{
	mono_t now = loop_now(conn->tcp->loop);

	conn->throttled = true;
	conn->tcp->stats.throttled++;
	loop_timer_set(&conn->timer, rate_next(&conn->budget, now));
}

static void
receive(struct tcp_connection *conn)
{
	size_t left = TCP_BYTES_PER_TURN;

	while (left && conn->ops && conn->reading && !conn->failed) {
		size_t room = TCP_INPUT_BYTES - conn->input_len;
		ssize_t n;

		if (!rate_take(&conn->budget, loop_now(conn->tcp->loop))) {
			throttle(conn);
			return;
		}
		room = room > RECEIVE_STEP ? RECEIVE_STEP : room;
		n = recv(conn->fd, conn->input + conn->input_len, room, MSG_DONTWAIT);
		if (n <= 0) {
			if (n == 0)
				connection_fail(conn, 0);
			else if (errno != EAGAIN && errno != EINTR)
				connection_fail(conn, -errno);
			return;
		}
		left -= left < (size_t)n ? left : (size_t)n;
		conn->input_len += (size_t)n;
		deliver(conn);
		if ((size_t)n < room)
			return;
	}
}

static void
finish_connect(struct tcp_connection *conn)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(int), sa_len = sizeof(sa);
	int err = 0;

	if (getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &err, &len))
		err = errno;
	if (!err && getsockname(conn->fd, (struct sockaddr *)&sa, &sa_len))
		err = errno;
	if (err) {
		connection_fail(conn, -err);
		return;
	}
	conn->connecting = false;
	conn->local = from_sockaddr(&sa);
	conn->ops->connected(conn->arg);
}

static void
on_event(void *arg, bool readable, bool writable)
{
	struct tcp_connection *conn = arg;

	if (conn->connecting) {
		finish_connect(conn);
	} else if (writable && evbuffer_get_length(conn->output)) {
		flush(conn);
		if (conn->ops && !conn->failed && !evbuffer_get_length(conn->output))
			conn->ops->drained(conn->arg);
	}
	if (readable && !conn->connecting && !conn->dead && !conn->failed) {
		if (conn->closing)
			discard(conn);
		else
			receive(conn);
	}
	update_watch(conn);
}

static void
on_timer(void *arg)
{
	struct tcp_connection *conn = arg;

	if (conn->closing) {
		connection_end(conn);
		return;
	}
	conn->throttled = false;
	update_watch(conn);
}

static struct tcp_connection *
connection_new(struct tcp *tcp, int fd, const struct tcp_ops *ops, void *arg)
{
	struct tcp_connection *conn = xcalloc(1, sizeof(*conn));

	conn->tcp = tcp;
	conn->fd = fd;
	conn->ops = ops;
	conn->arg = arg;
	conn->reading = true;
	conn->input = xcalloc(1, TCP_INPUT_BYTES);
	conn->output = evbuffer_new();
	if (!conn->output)
		abort();
	rate_init(&conn->budget, USEC_PER_SEC * RECEIVE_STEP / TCP_RECEIVE_BYTES_PER_SEC,
	    TCP_RECEIVE_BURST_BYTES / RECEIVE_STEP, loop_now(tcp->loop));
	loop_fd_init(&conn->watch, tcp->loop, fd, on_event, conn);
	loop_timer_init(&conn->timer, tcp->loop, on_timer, conn);
	loop_deferred_init(&conn->end, tcp->loop, on_end, conn);
	TAILQ_INSERT_HEAD(&tcp->connections, conn, link);
	return conn;
}

static int
prepare(int fd, const struct tcp_options *options)
{
	const struct tcp_address local = {.ip = options->local, .scope = options->remote.scope};
	enum ip_family family = (enum ip_family)options->remote.ip.family;
	struct sockaddr_storage sa;
	socklen_t len;
	int err = set_device(fd, options->device);

	if (!err)
		err = set_ttls(fd, family, options->ttl, options->min_ttl);
	if (!err && options->key)
		err = set_key(fd, &options->remote, options->key, options->key_len);
	if (err || options->local.family == IP_FAMILY_NONE)
		return err;
	len = to_sockaddr(&local, &sa);
	return bind(fd, (struct sockaddr *)&sa, len) ? -errno : 0;
}

int
tcp_connect(struct tcp *tcp, const struct tcp_options *options, const struct tcp_ops *ops,
    void *arg, struct tcp_connection **ret_conn)
{
	struct sockaddr_storage sa;
	struct tcp_connection *conn;
	socklen_t len;
	int fd, err = open_socket((enum ip_family)options->remote.ip.family, &fd);

	if (err)
		return err;
	err = prepare(fd, options);
	len = to_sockaddr(&options->remote, &sa);
	if (!err && connect(fd, (struct sockaddr *)&sa, len) && errno != EINPROGRESS)
		err = -errno;
	if (err) {
		(void)close(fd);
		return err;
	}
	conn = connection_new(tcp, fd, ops, arg);
	conn->remote = options->remote;
	conn->connecting = true;
	update_watch(conn);
	*ret_conn = conn;
	return 0;
}

void
tcp_send(struct tcp_connection *conn, const void *bytes, size_t len)
{
	if (conn->dead || conn->failed || conn->closing)
		return;
	if (evbuffer_add(conn->output, bytes, len))
		abort();
	if (!conn->connecting)
		flush(conn);
	update_watch(conn);
}

size_t
tcp_queued(const struct tcp_connection *conn)
{
	return evbuffer_get_length(conn->output);
}

void
tcp_set_reading(struct tcp_connection *conn, bool on)
{
	conn->reading = on;
	update_watch(conn);
}

const struct tcp_address *
tcp_local(const struct tcp_connection *conn)
{
	return &conn->local;
}

const struct tcp_address *
tcp_remote(const struct tcp_connection *conn)
{
	return &conn->remote;
}

static void
end_eldest(struct tcp *tcp)
{
	struct tcp_connection *conn;

	TAILQ_FOREACH (conn, &tcp->connections, link) {
		if (conn->closing && !conn->dead) {
			connection_end(conn);
			return;
		}
	}
}

void
tcp_close(struct tcp_connection *conn)
{
	struct tcp *tcp;

	if (!conn)
		return;
	tcp = conn->tcp;
	if (conn->connecting || conn->failed) {
		tcp_abort(conn);
		return;
	}
	conn->ops = NULL;
	conn->closing = true;
	conn->throttled = false;
	tcp->n_closing++;
	TAILQ_REMOVE(&tcp->connections, conn, link);
	TAILQ_INSERT_TAIL(&tcp->connections, conn, link);
	loop_timer_set(&conn->timer, mono_add_usec(loop_now(tcp->loop), TCP_CLOSE_USEC));
	flush(conn);
	update_watch(conn);
	if (tcp->n_closing > TCP_MAX_CLOSING)
		end_eldest(tcp);
}

void
tcp_abort(struct tcp_connection *conn)
{
	if (conn)
		connection_end(conn);
}

/* --- listeners --- */

static bool
accept_one(struct tcp_listener *listener)
{
	struct sockaddr_storage remote, local;
	socklen_t remote_len = sizeof(remote), local_len = sizeof(local);
	struct tcp_incoming incoming = {.tcp = listener->tcp};

	incoming.fd = accept4(
	    listener->fd, (struct sockaddr *)&remote, &remote_len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (incoming.fd < 0)
		return false;
	listener->tcp->stats.accepted++;
	if (!getsockname(incoming.fd, (struct sockaddr *)&local, &local_len)) {
		incoming.remote = from_sockaddr(&remote);
		incoming.local = from_sockaddr(&local);
		listener->fn(listener->arg, &incoming);
	}
	if (incoming.fd >= 0) {
		listener->tcp->stats.refused++;
		(void)close(incoming.fd);
	}
	return true;
}

static void
on_acceptable(void *arg, bool readable, bool writable)
{
	struct tcp_listener *listener = arg;
	mono_t now = loop_now(listener->tcp->loop);
	int i;

	(void)readable;
	(void)writable;
	for (i = 0; i < TCP_ACCEPTS_PER_TURN; i++) {
		if (!rate_take(&listener->accepts, now)) {
			listener->tcp->stats.throttled++;
			(void)loop_fd_set(&listener->watch, false, false);
			loop_timer_set(&listener->pause, rate_next(&listener->accepts, now));
			return;
		}
		if (!accept_one(listener))
			return;
	}
}

static void
on_pause_over(void *arg)
{
	struct tcp_listener *listener = arg;

	(void)loop_fd_set(&listener->watch, true, false);
}

static int
bind_listener(int fd, enum ip_family family, uint16_t port, const char *device)
{
	const struct tcp_address any = {.ip = {.family = (uint8_t)family}, .port = port};
	struct sockaddr_storage sa;
	socklen_t len = to_sockaddr(&any, &sa);
	int err = set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);

	if (!err && family == IP_FAMILY_V6)
		err = set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (!err)
		err = set_device(fd, device);
	if (!err)
		err = set_ttls(fd, family, 255, 0);
	if (!err && (bind(fd, (struct sockaddr *)&sa, len) || listen(fd, BACKLOG)))
		err = -errno;
	return err;
}

int
tcp_listen(struct tcp *tcp, enum ip_family family, uint16_t port, const char *device,
    tcp_accept_fn *fn, void *arg, struct tcp_listener **ret_listener)
{
	struct tcp_listener *listener;
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	int fd, err = open_socket(family, &fd);

	if (err)
		return err;
	err = bind_listener(fd, family, port, device);
	if (!err && getsockname(fd, (struct sockaddr *)&sa, &len))
		err = -errno;
	if (err) {
		(void)close(fd);
		return err;
	}
	listener = xcalloc(1, sizeof(*listener));
	*listener = (struct tcp_listener){
	    .tcp = tcp, .fd = fd, .family = family, .fn = fn, .arg = arg};
	listener->port = from_sockaddr(&sa).port;
	rate_init(&listener->accepts, USEC_PER_SEC / TCP_ACCEPTS_PER_SEC, TCP_ACCEPTS_BURST,
	    loop_now(tcp->loop));
	loop_fd_init(&listener->watch, tcp->loop, fd, on_acceptable, listener);
	loop_timer_init(&listener->pause, tcp->loop, on_pause_over, listener);
	err = loop_fd_set(&listener->watch, true, false);
	if (err) {
		tcp_listener_free(listener);
		return err;
	}
	*ret_listener = listener;
	return 0;
}

int
tcp_listener_set_key(
    struct tcp_listener *listener, const struct tcp_address *peer, const void *key, size_t key_len)
{
	int err = set_key(listener->fd, peer, key, key ? key_len : 0);

	/* The kernel knows no key that could be removed. */
	return err == -ENOENT && !key ? 0 : err;
}

void
tcp_listener_free(struct tcp_listener *listener)
{
	if (!listener)
		return;
	loop_fd_fini(&listener->watch);
	loop_timer_fini(&listener->pause);
	(void)close(listener->fd);
	free(listener);
}

uint16_t
tcp_listener_port(const struct tcp_listener *listener)
{
	return listener->port;
}

const struct tcp_address *
tcp_incoming_remote(const struct tcp_incoming *incoming)
{
	return &incoming->remote;
}

const struct tcp_address *
tcp_incoming_local(const struct tcp_incoming *incoming)
{
	return &incoming->local;
}

struct tcp_connection *
tcp_take(struct tcp_incoming *incoming, const struct tcp_options *options,
    const struct tcp_ops *ops, void *arg)
{
	struct tcp_connection *conn = connection_new(incoming->tcp, incoming->fd, ops, arg);
	int err = set_ttls(incoming->fd, (enum ip_family)incoming->remote.ip.family, options->ttl,
	    options->min_ttl);

	(void)set_int(incoming->fd, IPPROTO_TCP, TCP_NODELAY, 1);
	conn->local = incoming->local;
	conn->remote = incoming->remote;
	incoming->fd = -1;
	update_watch(conn);
	if (err)
		connection_fail(conn, err);
	return conn;
}

/* --- all of them --- */

struct tcp *
tcp_new(struct loop *loop)
{
	struct tcp *tcp = xcalloc(1, sizeof(*tcp));

	tcp->loop = loop;
	TAILQ_INIT(&tcp->connections);
	return tcp;
}

void
tcp_free(struct tcp *tcp)
{
	struct tcp_connection *conn, *tmp;

	if (!tcp)
		return;
	TAILQ_FOREACH_SAFE (conn, &tcp->connections, link, tmp)
		connection_free(conn);
	free(tcp);
}

const struct tcp_stats *
tcp_stats(const struct tcp *tcp)
{
	return &tcp->stats;
}

size_t
tcp_closing(const struct tcp *tcp)
{
	return tcp->n_closing;
}
