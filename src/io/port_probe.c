#include "io/port_probe.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/loop.h"
#include "util/mem.h"

#define MAX_REQUEST 256

enum state {
	STATE_IDLE, /* with a kept connection, or without */
	STATE_CONNECTING,
	STATE_WAITING, /* the request was sent */
	STATE_ENDED,   /* `result` is still to be told */
};

struct port_probe {
	struct loop *loop;
	port_probe_fn *fn;
	void *arg;
	int fd; /* -1: not connected */
	struct loop_fd watch;
	struct loop_timer timer;
	struct loop_deferred tell; /* what was known before anything could happen */
	enum state state;
	enum port_result result; /* with STATE_ENDED */
	struct ip_addr addr;
	uint16_t port;
	bool get;    /* else only connect */
	bool reused; /* the question went over a kept connection, and nothing came yet */
	const char *path;
	char *input; /* what came of a response that is not whole; else NULL */
	size_t input_len;
};

static void
hang_up(struct port_probe *probe)
{
	loop_fd_fini(&probe->watch);
	if (probe->fd >= 0)
		(void)close(probe->fd);
	probe->fd = -1;
	free(probe->input);
	probe->input = NULL;
	probe->input_len = 0;
}

/* The question is over; the probe may be gone afterwards. */
static void
answer(struct port_probe *probe, enum port_result result, const struct http_reply *reply)
{
	loop_timer_set(&probe->timer, MONO_NEVER);
	probe->state = STATE_IDLE;
	probe->fn(probe->arg, result, reply);
}

static void
fail(struct port_probe *probe, enum port_result result)
{
	hang_up(probe);
	answer(probe, result, NULL);
}

static enum port_result
result_of(int err)
{
	switch (err) {
	case ECONNREFUSED:
		return PORT_REFUSED;
	case ETIMEDOUT:
		return PORT_SILENT;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
	case EAGAIN: /* no local port is free */
		return PORT_UNSENT;
	case ECONNRESET:
	case EPIPE:
		return PORT_BROKEN;
	default:
		return PORT_UNREACHABLE;
	}
}

/* --- the request --- */

static int
send_request(struct port_probe *probe)
{
	bool v6 = probe->addr.family == IP_FAMILY_V6;
	char request[MAX_REQUEST], host[IP_ADDR_STRLEN];
	ssize_t sent;
	int len;

	ip_addr_format(&probe->addr, host);
	len = snprintf(request, sizeof(request),
	    "GET %s HTTP/1.1\r\nHost: %s%s%s:%u\r\nUser-Agent: metallbd\r\nAccept: */*\r\n\r\n",
	    probe->path, v6 ? "[" : "", host, v6 ? "]" : "", probe->port);
	assert(len > 0 && (size_t)len < sizeof(request));
	sent = send(probe->fd, request, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0)
		return errno == EAGAIN ? ECONNRESET : errno;
	/* An empty send buffer takes it whole; one that does not is none of ours. */
	return sent == len ? 0 : ECONNRESET;
}

static void on_fd(void *arg, bool readable, bool writable);

static socklen_t
to_sockaddr(const struct ip_addr *addr, uint16_t port, struct sockaddr_storage *ret_sa)
{
	struct sockaddr_in *in4 = (void *)ret_sa;
	struct sockaddr_in6 *in6 = (void *)ret_sa;

	memset(ret_sa, 0, sizeof(*ret_sa));
	if (addr->family == IP_FAMILY_V4) {
		in4->sin_family = AF_INET;
		in4->sin_port = htons(port);
		memcpy(&in4->sin_addr, addr->bytes, sizeof(in4->sin_addr));
		return sizeof(*in4);
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, addr->bytes, sizeof(in6->sin6_addr));
	return sizeof(*in6);
}

/* 0 or an errno. */
static int
begin_connect(struct port_probe *probe)
{
	struct sockaddr_storage sa;
	socklen_t len = to_sockaddr(&probe->addr, probe->port, &sa);

	probe->fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	if (probe->fd < 0)
		return errno;
	probe->state = STATE_CONNECTING;
	loop_fd_init(&probe->watch, probe->loop, probe->fd, on_fd, probe);
	if (connect(probe->fd, (const struct sockaddr *)&sa, len) && errno != EINPROGRESS)
		return errno;
	return -loop_fd_set(&probe->watch, false, true);
}

/* What goes wrong at once is told in the next turn, never to a caller that still asks. */
static void
tell_later(struct port_probe *probe, int err)
{
	hang_up(probe);
	probe->state = STATE_ENDED;
	probe->result = result_of(err);
	loop_defer(&probe->tell);
}

static void
on_tell(void *arg)
{
	struct port_probe *probe = arg;

	if (probe->state == STATE_ENDED)
		answer(probe, probe->result, NULL);
}

static void
start(struct port_probe *probe, const struct ip_addr *addr, uint16_t port, int64_t timeout_usec)
{
	int err;

	assert(probe->state == STATE_IDLE);
	if (!probe->get || port != probe->port || !ip_addr_eq(addr, &probe->addr))
		hang_up(probe);
	probe->addr = *addr;
	probe->port = port;
	loop_timer_set(&probe->timer, mono_add_usec(loop_now(probe->loop), timeout_usec));
	if (probe->fd >= 0) {
		probe->state = STATE_WAITING;
		probe->reused = true;
		if (!send_request(probe))
			return;
		hang_up(probe);
	}
	probe->reused = false;
	err = begin_connect(probe);
	if (err)
		tell_later(probe, err);
}

void
port_probe_get(struct port_probe *probe, const struct ip_addr *addr, uint16_t port,
    const char *path, int64_t timeout_usec)
{
	probe->get = true;
	probe->path = path;
	start(probe, addr, port, timeout_usec);
}

void
port_probe_connect(
    struct port_probe *probe, const struct ip_addr *addr, uint16_t port, int64_t timeout_usec)
{
	probe->get = false;
	start(probe, addr, port, timeout_usec);
}

/* --- what happens --- */

/* The server closed the kept connection while we asked: RFC 9112 9.3.1 lets a GET be repeated. */
static void
ask_again(struct port_probe *probe)
{
	int err;

	hang_up(probe);
	probe->reused = false;
	err = begin_connect(probe);
	if (err)
		fail(probe, result_of(err));
}

static void
on_connected(struct port_probe *probe)
{
	socklen_t len = sizeof(int);
	int err = 0;

	if (getsockopt(probe->fd, SOL_SOCKET, SO_ERROR, &err, &len))
		err = errno;
	if (err) {
		fail(probe, result_of(err));
		return;
	}
	if (!probe->get) {
		hang_up(probe);
		answer(probe, PORT_ANSWERED, NULL);
		return;
	}
	probe->state = STATE_WAITING;
	err = send_request(probe);
	if (!err)
		err = -loop_fd_set(&probe->watch, true, false);
	if (err)
		fail(probe, result_of(err));
}

/* `bytes`: all of the response so far, with room for it on the stack or in probe->input. */
static void
take(struct port_probe *probe, char *bytes, size_t len, bool ended)
{
	struct http_reply reply;

	switch (http_reply_read(bytes, len, ended, &reply)) {
	case HTTP_REPLY_MORE:
		if (len == PORT_PROBE_MAX_BYTES)
			fail(probe, PORT_BROKEN);
		else if (!probe->input) {
			probe->input = xcalloc(1, PORT_PROBE_MAX_BYTES);
			memcpy(probe->input, bytes, len);
		}
		return;
	case HTTP_REPLY_WHOLE: {
		/* The answer may ask again, which needs a connection that is free. */
		char *input = probe->input;

		probe->input = NULL;
		probe->input_len = 0;
		if (!reply.keep)
			hang_up(probe);
		answer(probe, PORT_ANSWERED, &reply);
		free(input);
		return;
	}
	case HTTP_REPLY_BAD:
	case HTTP_REPLY_VERDICT_COUNT:
		break;
	}
	fail(probe, PORT_BROKEN);
}

static void
on_readable(struct port_probe *probe)
{
	char bytes[PORT_PROBE_MAX_BYTES];
	char *buffer = probe->input ? probe->input : bytes;
	ssize_t n = recv(probe->fd, buffer + probe->input_len,
	    PORT_PROBE_MAX_BYTES - probe->input_len, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* Closed, or spoken without being asked: of no more use. */
	if (probe->state != STATE_WAITING) {
		hang_up(probe);
		return;
	}
	if (n <= 0 && probe->reused) {
		ask_again(probe);
		return;
	}
	if (n < 0) {
		fail(probe, PORT_BROKEN);
		return;
	}
	probe->reused = false;
	probe->input_len += (size_t)n;
	take(probe, buffer, probe->input_len, n == 0);
}

static void
on_fd(void *arg, bool readable, bool writable)
{
	struct port_probe *probe = arg;

	if (probe->state == STATE_CONNECTING && writable)
		on_connected(probe);
	else if (readable)
		on_readable(probe);
}

static void
on_timeout(void *arg)
{
	fail(arg, PORT_SILENT);
}

void
port_probe_hang_up(struct port_probe *probe)
{
	assert(probe->state == STATE_IDLE);
	hang_up(probe);
}

struct port_probe *
port_probe_new(struct loop *loop, port_probe_fn *fn, void *arg)
{
	struct port_probe *probe = xcalloc(1, sizeof(*probe));

	probe->loop = loop;
	probe->fn = fn;
	probe->arg = arg;
	probe->fd = -1;
	loop_timer_init(&probe->timer, loop, on_timeout, probe);
	loop_deferred_init(&probe->tell, loop, on_tell, probe);
	return probe;
}

void
port_probe_free(struct port_probe *probe)
{
	if (!probe)
		return;
	hang_up(probe);
	loop_timer_fini(&probe->timer);
	loop_deferred_fini(&probe->tell);
	free(probe);
}
