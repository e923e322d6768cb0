/*
 * A small HTTP server for the tests of io/http, on the test's own loop: evhttp, with or without
 * TLS, and canned answers byte for byte.
 */
#ifndef TESTS_UNIT_HTTP_SERVER_H
#define TESTS_UNIT_HTTP_SERVER_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
/* Its 200; ours is a result. */
#undef HTTP_OK
#ifdef TEST_TLS
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#endif

#include "io_test.h"

#include "util/str.h"

struct http_server {
	struct loop *loop;
	struct evhttp *http;
	uint16_t port;
	unsigned requests, connections;
	char uri[128];               /* of the last request */
	struct evhttp_request *held; /* the last /never or /stream */
	struct evhttp_request *all_held[64];
	size_t n_held;
#ifdef TEST_TLS
	SSL_CTX *tls;
#endif
};

static inline int
listen_on_loopback(uint16_t *ret_port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	*ret_port = ntohs(in.sin_port);
	return fd;
}

static inline void
echo(struct evhttp_request *request, struct evbuffer *out)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(request);
	struct evkeyval *header;
	size_t len = evbuffer_get_length(in);

	(void)evbuffer_add_printf(out, "method=%d uri=%s\n", evhttp_request_get_command(request),
	    evhttp_request_get_uri(request));
	TAILQ_FOREACH (header, evhttp_request_get_input_headers(request), next)
		(void)evbuffer_add_printf(out, "%s: %s\n", header->key, header->value);
#ifdef TEST_TLS
	{
		struct bufferevent *bev = evhttp_connection_get_bufferevent(
		    evhttp_request_get_connection(request));
		SSL *ssl = bufferevent_openssl_get_ssl(bev);
		X509 *cert = ssl ? SSL_get_peer_certificate(ssl) : NULL;
		const char *sni = ssl ? SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) : NULL;
		char name[128];

		if (cert)
			(void)evbuffer_add_printf(out, "peer=%s\n",
			    X509_NAME_oneline(X509_get_subject_name(cert), name, sizeof(name)));
		X509_free(cert);
		(void)evbuffer_add_printf(out, "sni=%s\n", sni ? sni : "");
	}
#endif
	(void)evbuffer_add_printf(
	    out, "body=%.*s\n", (int)len, len ? (const char *)evbuffer_pullup(in, -1) : "");
}

static inline void
on_server_request(struct evhttp_request *request, void *arg)
{
	struct http_server *server = arg;
	const char *uri = evhttp_request_get_uri(request);
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	struct evbuffer *out;

	server->requests++;
	(void)str_copy(server->uri, sizeof(server->uri), uri);
	if (str_eq(uri, "/never") || str_eq(uri, "/stream")) {
		assert_true(server->n_held < ARRAY_SIZE(server->all_held));
		server->held = server->all_held[server->n_held++] = request;
		if (str_eq(uri, "/stream"))
			evhttp_send_reply_start(request, 200, "OK");
		return;
	}
	out = evbuffer_new();
	(void)evhttp_add_header(headers, "Content-Type", "application/json");
	if (str_eq(uri, "/echo"))
		echo(request, out);
	else if (str_has_prefix(uri, "/big/")) {
		size_t n = (size_t)strtoul(uri + 5, NULL, 10);
		char *bytes = xcalloc(n + 1, 1);

		memset(bytes, 'x', n);
		(void)evbuffer_add(out, bytes, n);
		free(bytes);
	} else if (str_eq(uri, "/busy")) {
		(void)evhttp_add_header(headers, "Retry-After", "7");
		(void)evbuffer_add_printf(out, "{\"code\":429}");
		evhttp_send_reply(request, 429, "Too Many Requests", out);
		evbuffer_free(out);
		return;
	} else if (str_eq(uri, "/moved")) {
		(void)evhttp_add_header(headers, "Location", "/hello");
		evhttp_send_reply(request, 302, "Found", out);
		evbuffer_free(out);
		return;
	} else
		(void)evbuffer_add_printf(out, "hello");
	evhttp_send_reply(request, 200, "OK", out);
	evbuffer_free(out);
}

static inline struct bufferevent *
on_server_connection(struct event_base *base, void *arg)
{
	struct http_server *server = arg;

	server->connections++;
#ifdef TEST_TLS
	if (server->tls)
		return bufferevent_openssl_socket_new(base, -1, SSL_new(server->tls),
		    BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
#endif
	return bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
}

static inline void
http_server_start(struct http_server *server, struct loop *loop)
{
	int fd;

	server->loop = loop;
	server->http = evhttp_new(loop_base(loop));
	fd = listen_on_loopback(&server->port);
	assert_int_equal(evhttp_accept_socket(server->http, fd), 0);
	evhttp_set_allowed_methods(server->http,
	    EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST | EVHTTP_REQ_PUT | EVHTTP_REQ_PATCH |
		EVHTTP_REQ_DELETE);
	evhttp_set_gencb(server->http, on_server_request, server);
	evhttp_set_bevcb(server->http, on_server_connection, server);
}

static inline void
http_server_send(struct http_server *server, const char *text)
{
	struct evbuffer *out = evbuffer_new();

	(void)evbuffer_add(out, text, strlen(text));
	evhttp_send_reply_chunk(server->held, out);
	evbuffer_free(out);
}

static inline void
http_server_forget_held(struct http_server *server)
{
	size_t i;

	for (i = 0; i < server->n_held; i++)
		if (server->all_held[i] == server->held)
			server->all_held[i] = server->all_held[--server->n_held];
	server->held = NULL;
}

static inline void
http_server_end(struct http_server *server)
{
	evhttp_send_reply_end(server->held);
	http_server_forget_held(server);
}

static inline void
http_server_break_off(struct http_server *server)
{
	evhttp_connection_free(evhttp_request_get_connection(server->held));
	http_server_forget_held(server);
}

static inline void
http_server_stop(struct http_server *server)
{
	size_t i;

	/* Of a request whose connection went while it was held, evhttp has let go. */
	for (i = 0; i < server->n_held; i++)
		if (!evhttp_request_get_connection(server->all_held[i]))
			evhttp_request_free(server->all_held[i]);
	if (server->http)
		evhttp_free(server->http);
#ifdef TEST_TLS
	SSL_CTX_free(server->tls);
#endif
	*server = (struct http_server){0};
}

/* Accepts, reads what comes, and answers with these bytes; keeps silent when there are none. */
struct canned_server {
	struct loop_fd listener, watch;
	int fd, connection;
	uint16_t port;
	const char *answer; /* NULL: silence */
	bool close;         /* after the answer */
	unsigned connections;
	char input[4096];
	size_t n_input;
};

static inline void
on_canned_input(void *arg, bool readable, bool writable)
{
	struct canned_server *server = arg;
	ssize_t n = read(server->connection, server->input + server->n_input,
	    sizeof(server->input) - 1 - server->n_input);

	(void)readable;
	(void)writable;
	if (n > 0)
		server->n_input += (size_t)n;
	if (n > 0 && server->answer && strstr(server->input, "\r\n\r\n")) {
		assert_true(write(server->connection, server->answer, strlen(server->answer)) >= 0);
		server->n_input = 0;
		memset(server->input, 0, sizeof(server->input));
		if (!server->close)
			return;
	} else if (n > 0)
		return;
	loop_fd_fini(&server->watch);
	close(server->connection);
	server->connection = -1;
}

static inline void
on_canned_connection(void *arg, bool readable, bool writable)
{
	struct canned_server *server = arg;

	(void)readable;
	(void)writable;
	if (server->connection >= 0) {
		loop_fd_fini(&server->watch);
		close(server->connection);
	}
	server->connection = accept4(server->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(server->connection >= 0);
	server->connections++;
	loop_fd_init(
	    &server->watch, server->listener.loop, server->connection, on_canned_input, server);
	(void)loop_fd_set(&server->watch, true, false);
}

static inline void
canned_server_start(
    struct canned_server *server, struct loop *loop, const char *answer, bool do_close)
{
	*server = (struct canned_server){.connection = -1, .answer = answer, .close = do_close};
	server->fd = listen_on_loopback(&server->port);
	loop_fd_init(&server->listener, loop, server->fd, on_canned_connection, server);
	(void)loop_fd_set(&server->listener, true, false);
}

static inline void
canned_server_stop(struct canned_server *server)
{
	loop_fd_fini(&server->listener);
	loop_fd_fini(&server->watch);
	if (server->connection >= 0)
		close(server->connection);
	close(server->fd);
}

#endif
