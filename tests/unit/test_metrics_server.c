#include "io_test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "io/metrics_server.h"
#include "util/str.h"

struct fixture {
	struct loop *loop;
	struct metrics_server *server;
	struct ip_addr address;
	unsigned calls;
	char path[64];
};

static int
on_path(void *arg, const char *path, struct strbuf *body, const char **ret_content_type)
{
	struct fixture *f = arg;

	f->calls++;
	(void)str_copy(f->path, sizeof(f->path), path);
	if (str_eq(path, "/metrics")) {
		*ret_content_type = "text/plain; version=0.0.4";
		strbuf_add(body, "metallb_up 1\n");
		return 200;
	}
	if (str_eq(path, "/readyz")) {
		strbuf_add(body, "not ready\n");
		return 503;
	}
	return 404;
}

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	*state = f;
	f->address = ip_addr_v4(127, 0, 0, 1);
	assert_int_equal(loop_new(&f->loop), 0);
	return metrics_server_open(f->loop, &f->address, 0, on_path, f, &f->server);
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	metrics_server_free(f->server);
	loop_free(f->loop);
	free(f);
	return 0;
}

static int
dial(uint16_t port)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	return fd;
}

/* Everything until the server closes, or until `end` has come. */
static const char *
ask(struct fixture *f, int fd, const char *request, const char *end, char *text, size_t size)
{
	size_t len = 0;
	ssize_t n = 0;

	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	text[0] = '\0';
	RUN_UNTIL(f->loop,
	    (n = recv(fd, text + len, size - 1 - len, MSG_DONTWAIT)) == 0 ||
		(n < 0 && errno == ECONNRESET) ||
		(n > 0 && (len += (size_t)n, text[len] = '\0', end) && strstr(text, end)));
	text[len] = '\0';
	return text;
}

static void
assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in \"%s\"", part, text);
}

static void
paths_are_answered(void **state)
{
	struct fixture *f = *state;
	char text[2048];
	int fd = dial(metrics_server_port(f->server));

	(void)ask(f, fd, "GET /metrics?x=y HTTP/1.1\r\nHost: a\r\n\r\n", "metallb_up 1\n", text,
	    sizeof(text));
	assert_has(text, "HTTP/1.1 200 OK\r\n");
	assert_has(text, "Content-Type: text/plain; version=0.0.4\r\n");
	assert_has(text, "Content-Length: 13\r\n");
	assert_string_equal(f->path, "/metrics");
	/* The connection is kept. */
	(void)ask(
	    f, fd, "GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n", "not ready\n", text, sizeof(text));
	assert_has(text, "HTTP/1.1 503 Service Unavailable\r\n");
	assert_has(text, "Content-Type: text/plain; charset=utf-8\r\n");
	(void)ask(f, fd, "GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", NULL, text,
	    sizeof(text));
	assert_has(text, "HTTP/1.1 404 Not Found\r\n");
	close(fd);
	assert_int_equal(f->calls, 3);
}

static void
head_has_no_body(void **state)
{
	struct fixture *f = *state;
	char text[2048];
	int fd = dial(metrics_server_port(f->server));

	(void)ask(f, fd, "HEAD /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", NULL,
	    text, sizeof(text));
	assert_has(text, "HTTP/1.1 200 OK\r\n");
	assert_has(text, "Content-Length: 13\r\n");
	assert_null(strstr(text, "metallb_up"));
	close(fd);
}

static void
other_requests_do_not_reach_the_handler(void **state)
{
	static const struct {
		const char *name, *request;
	} rows[] = {
	    {"POST", "POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"},
	    {"DELETE", "DELETE /metrics HTTP/1.1\r\nHost: a\r\n\r\n"},
	    {"CONNECT", "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"},
	    {"garbage", "\x16\x03\x01\r\n\r\n"},
	    {"large body", "GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n"},
	};
	struct fixture *f = *state;
	char text[2048];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		int fd = dial(metrics_server_port(f->server));

		(void)ask(f, fd, rows[i].request, "HTTP/1.", text, sizeof(text));
		assert_row(i, rows[i].name, !strstr(text, " 200 "));
		assert_row(i, rows[i].name, f->calls == 0);
		close(fd);
	}
}

static void
headers_have_a_cap(void **state)
{
	struct fixture *f = *state;
	struct strbuf request = {0};
	char text[2048];
	int fd = dial(metrics_server_port(f->server)), i;

	strbuf_add(&request, "GET /metrics HTTP/1.1\r\nHost: a\r\n");
	for (i = 0; i < METRICS_MAX_HEADER_BYTES / 100 + 1; i++)
		strbuf_printf(&request, "X-%02d: %094d\r\n", i % 100, 0);
	strbuf_add(&request, "\r\n");
	(void)ask(f, fd, request.text, "HTTP/1.", text, sizeof(text));
	assert_null(strstr(text, " 200 "));
	assert_int_equal(f->calls, 0);
	close(fd);
	strbuf_free(&request);
}

static void
connections_have_a_limit(void **state)
{
	struct fixture *f = *state;
	int fds[METRICS_MAX_CONNECTIONS], fd, i;
	char text[2048];

	for (i = 0; i < METRICS_MAX_CONNECTIONS; i++) {
		fds[i] = dial(metrics_server_port(f->server));
		RUN_UNTIL(f->loop, metrics_server_connections(f->server) == (size_t)i + 1);
	}
	/* One more waits in the kernel until there is a place. */
	fd = dial(metrics_server_port(f->server));
	assert_true(write(fd, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", 34) == 34);
	RUN_WHILE(f->loop, 250000,
	    f->calls == 0 && metrics_server_connections(f->server) == METRICS_MAX_CONNECTIONS);
	close(fds[0]);
	RUN_UNTIL(f->loop, f->calls == 1);
	assert_true(metrics_server_connections(f->server) <= METRICS_MAX_CONNECTIONS);
	for (i = 1; i < METRICS_MAX_CONNECTIONS; i++)
		close(fds[i]);
	(void)ask(f, fd, "GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", NULL, text,
	    sizeof(text));
	assert_has(text, "404");
	close(fd);
	RUN_UNTIL(f->loop, metrics_server_connections(f->server) == 0);
}

static void
a_taken_port_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct metrics_server *second = NULL;
	struct ip_addr foreign = ip_addr_v4(192, 0, 2, 1);

	assert_int_equal(metrics_server_open(f->loop, &f->address, metrics_server_port(f->server),
			     on_path, f, &second),
	    -EADDRINUSE);
	assert_int_equal(
	    metrics_server_open(f->loop, &foreign, 0, on_path, f, &second), -EADDRNOTAVAIL);
	assert_null(second);
}

static void
it_moves_to_another_place_or_stays(void **state)
{
	struct fixture *f = *state;
	struct metrics_server *other;
	uint16_t port = metrics_server_port(f->server), taken;
	char text[2048];
	struct ip_addr loopback6;
	int fd;

	assert_int_equal(metrics_server_open(f->loop, &f->address, 0, on_path, f, &other), 0);
	taken = metrics_server_port(other);
	assert_int_equal(metrics_server_rebind(f->server, &f->address, taken), -EADDRINUSE);
	assert_int_equal(metrics_server_port(f->server), port);
	fd = dial(port);
	(void)ask(
	    f, fd, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", "metallb_up", text, sizeof(text));
	/* The same place: nothing happens, the connection stays. */
	assert_int_equal(metrics_server_rebind(f->server, &f->address, 0), 0);
	(void)ask(
	    f, fd, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", "metallb_up", text, sizeof(text));
	metrics_server_free(other);
	assert_int_equal(metrics_server_rebind(f->server, &f->address, taken), 0);
	assert_int_equal(metrics_server_port(f->server), taken);
	close(fd);
	fd = dial(taken);
	(void)ask(
	    f, fd, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", "metallb_up", text, sizeof(text));
	close(fd);
	assert_int_equal(ip_addr_parse("::1", &loopback6), 0);
	if (access("/proc/sys/net/ipv6", F_OK) == 0) {
		int err = metrics_server_rebind(f->server, &loopback6, 0);

		assert_true(err == 0 || err == -EADDRNOTAVAIL);
	}
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(paths_are_answered),
	    T(head_has_no_body),
	    T(other_requests_do_not_reach_the_handler),
	    T(headers_have_a_cap),
	    T(connections_have_a_limit),
	    T(a_taken_port_is_an_error),
	    T(it_moves_to_another_place_or_stays),
	};

	return cmocka_run_group_tests_name("metrics_server", tests, NULL, NULL);
}
