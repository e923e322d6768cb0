/*
 * metrics_server: see metrics_server.h.
 *
 * evhttp of libevent 2.1 neither limits its connections nor says when one ends. So every
 * connection's bufferevent is made here and held by a reference; one without callbacks has been
 * freed by evhttp, and its socket is closed with our reference (were it closed before, libevent
 * would still watch the number). At the limit the listener rests until a look finds a free place.
 */
#include "config.h"

#include "io/metrics_server.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>

#include "io/loop.h"
#include "util/mem.h"
#include "util/str.h"

#define LOOK_USEC USEC_PER_SEC
#define LOOK_WHEN_FULL_USEC (100 * USEC_PER_MSEC)
#define BACKLOG 16

struct metrics_server {
	struct loop *loop;
	struct ip_addr address;
	uint16_t wanted_port, port;
	metrics_fn *fn;
	void *arg;
	struct evhttp *http;
	struct evconnlistener *listener; /* evhttp's */
	struct loop_timer look;
	struct bufferevent *connections[METRICS_MAX_CONNECTIONS];
	size_t n_connections;
};

static bool
is_freed(struct bufferevent *bev)
{
	bufferevent_data_cb on_read, on_write;
	bufferevent_event_cb on_event;

	bufferevent_getcb(bev, &on_read, &on_write, &on_event, NULL);
	return !on_read && !on_write && !on_event;
}

static void
forget_freed(struct metrics_server *server)
{
	size_t i, kept = 0;

	for (i = 0; i < server->n_connections; i++) {
		struct bufferevent *bev = server->connections[i];

		if (is_freed(bev))
			(void)bufferevent_decref(bev);
		else
			server->connections[kept++] = bev;
	}
	server->n_connections = kept;
}

static void
look_later(struct metrics_server *server)
{
	bool full = server->n_connections == METRICS_MAX_CONNECTIONS;

	if (server->n_connections)
		loop_timer_set(&server->look,
		    mono_add_usec(loop_now(server->loop), full ? LOOK_WHEN_FULL_USEC : LOOK_USEC));
}

static void
on_look(void *arg)
{
	struct metrics_server *server = arg;

	forget_freed(server);
	if (server->n_connections < METRICS_MAX_CONNECTIONS)
		(void)evconnlistener_enable(server->listener);
	look_later(server);
}

/* evhttp asks for the bufferevent of each connection that it has accepted. */
static struct bufferevent *
on_connection(struct event_base *base, void *arg)
{
	struct metrics_server *server = arg;
	struct bufferevent *bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);

	if (!bev)
		abort();
	/* The callbacks of the one before are set by now. */
	forget_freed(server);
	bufferevent_incref(bev);
	server->connections[server->n_connections++] = bev;
	if (server->n_connections == METRICS_MAX_CONNECTIONS)
		(void)evconnlistener_disable(server->listener);
	look_later(server);
	return bev;
}

static const char *
reason_of(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 404:
		return "Not Found";
	case 503:
		return "Service Unavailable";
	default:
		return status < 400 ? "OK" : "Error";
	}
}

static void
on_request(struct evhttp_request *request, void *arg)
{
	struct metrics_server *server = arg;
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
	const char *content_type = "text/plain; charset=utf-8";
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	struct strbuf body = {0};
	struct evbuffer *buffer = evbuffer_new();
	char length[24];
	int status;

	if (!buffer)
		abort();
	(void)loop_now(server->loop);
	status = server->fn(server->arg, path && *path ? path : "/", &body, &content_type);
	(void)evhttp_add_header(headers, "Content-Type", content_type);
	(void)evhttp_add_header(headers, "Cache-Control", "no-store");
	/* HEAD: the length of what GET would bring; evhttp sends no body then. */
	(void)snprintf(length, sizeof(length), "%zu", body.len);
	(void)evhttp_add_header(headers, "Content-Length", length);
	if (evhttp_request_get_command(request) != EVHTTP_REQ_HEAD && body.len)
		(void)evbuffer_add(buffer, body.text, body.len);
	evhttp_send_reply(request, status, reason_of(status), buffer);
	evbuffer_free(buffer);
	strbuf_free(&body);
}

/* A listening socket: its descriptor, or -errno. */
static int
open_listener(const struct ip_addr *address, uint16_t port, uint16_t *ret_port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	bool v4 = address->family == IP_FAMILY_V4;
	const void *bytes = v4 ? (const void *)&in : (const void *)&in6;
	socklen_t len = v4 ? sizeof(in) : sizeof(in6);
	struct sockaddr_storage bound;
	socklen_t bound_len = sizeof(bound);
	int fd, one = 1, err;

	memcpy(&in.sin_addr, address->bytes, sizeof(in.sin_addr));
	memcpy(&in6.sin6_addr, address->bytes, sizeof(in6.sin6_addr));
	fd = socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* Connections in TIME_WAIT must not keep a restarted daemon from its port. */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, bytes, len) < 0 || listen(fd, BACKLOG) < 0 ||
	    getsockname(fd, (struct sockaddr *)&bound, &bound_len) < 0) {
		err = -errno;
		(void)close(fd);
		return err;
	}
	memcpy(&in, &bound, sizeof(in));
	memcpy(&in6, &bound, sizeof(in6));
	*ret_port = ntohs(v4 ? in.sin_port : in6.sin6_port);
	return fd;
}

static void
close_all(struct metrics_server *server)
{
	size_t i;

	if (server->http)
		evhttp_free(server->http);
	server->http = NULL;
	server->listener = NULL;
	for (i = 0; i < server->n_connections; i++)
		(void)bufferevent_decref(server->connections[i]);
	server->n_connections = 0;
	loop_timer_set(&server->look, MONO_NEVER);
}

int
metrics_server_rebind(struct metrics_server *server, const struct ip_addr *address, uint16_t port)
{
	struct evhttp_bound_socket *bound;
	uint16_t bound_port = 0;
	int fd;

	if (server->http && server->wanted_port == port && ip_addr_eq(&server->address, address))
		return 0;
	fd = open_listener(address, port, &bound_port);
	if (fd < 0)
		return fd;
	close_all(server);
	server->http = evhttp_new(loop_base(server->loop));
	if (!server->http)
		abort();
	evhttp_set_allowed_methods(server->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	evhttp_set_max_headers_size(server->http, METRICS_MAX_HEADER_BYTES);
	evhttp_set_max_body_size(server->http, METRICS_MAX_BODY_BYTES);
	evhttp_set_timeout(server->http, METRICS_TIMEOUT_SEC);
	evhttp_set_gencb(server->http, on_request, server);
	evhttp_set_bevcb(server->http, on_connection, server);
	bound = evhttp_accept_socket_with_handle(server->http, fd);
	if (!bound)
		abort();
	server->listener = evhttp_bound_socket_get_listener(bound);
	server->address = *address;
	server->wanted_port = port;
	server->port = bound_port;
	return 0;
}

int
metrics_server_open(struct loop *loop, const struct ip_addr *address, uint16_t port, metrics_fn *fn,
    void *arg, struct metrics_server **ret_server)
{
	struct metrics_server *server = xcalloc(1, sizeof(*server));
	int err;

	server->loop = loop;
	server->fn = fn;
	server->arg = arg;
	loop_timer_init(&server->look, loop, on_look, server);
	err = metrics_server_rebind(server, address, port);
	if (err) {
		metrics_server_free(server);
		return err;
	}
	*ret_server = server;
	return 0;
}

void
metrics_server_free(struct metrics_server *server)
{
	if (!server)
		return;
	close_all(server);
	loop_timer_fini(&server->look);
	free(server);
}

uint16_t
metrics_server_port(const struct metrics_server *server)
{
	return server->port;
}

size_t
metrics_server_connections(const struct metrics_server *server)
{
	struct metrics_server *s;

	memcpy(&s, &server, sizeof(s));
	forget_freed(s);
	return server->n_connections;
}
