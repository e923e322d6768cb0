/* Probes against ports of this test's own, on loopback of its own network namespace. */
#include "io_netns.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "io/port_probe.h"
#include "util/str.h"

#define TIMEOUT_USEC (5 * USEC_PER_SEC)
#define OK_2 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

struct fixture {
	struct loop *loop;
	struct port_probe *probe;
	struct ip_addr addr;
	uint16_t port;
	int listener, server; /* the accepted connection, -1 */
	unsigned answers;
	enum port_result result;
	int status;
	char body[64];
	bool free_in_callback, ask_in_callback;
};

static void
on_answer(void *arg, enum port_result result, const struct http_reply *reply)
{
	struct fixture *f = arg;

	f->answers++;
	f->result = result;
	f->status = reply ? reply->status : 0;
	f->body[0] = '\0';
	if (reply && reply->body_len < sizeof(f->body)) {
		memcpy(f->body, reply->body, reply->body_len);
		f->body[reply->body_len] = '\0';
	}
	if (f->free_in_callback) {
		port_probe_free(f->probe);
		f->probe = NULL;
	}
	if (f->ask_in_callback) {
		f->ask_in_callback = false;
		port_probe_get(f->probe, &f->addr, f->port, "/healthz", TIMEOUT_USEC);
	}
}

static int
listen_on(const struct ip_addr *addr, uint16_t *ret_port)
{
	bool v6 = addr->family == IP_FAMILY_V6;
	struct sockaddr_in in4 = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	socklen_t len = v6 ? sizeof(in6) : sizeof(in4);
	void *sa = v6 ? (void *)&in6 : (void *)&in4;
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	memcpy(v6 ? (void *)&in6.sin6_addr : (void *)&in4.sin_addr, addr->bytes, v6 ? 16 : 4);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, sa, len), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, sa, &len), 0);
	*ret_port = ntohs(v6 ? in6.sin6_port : in4.sin_port);
	return fd;
}

static void
setup(struct fixture *f, const char *addr)
{
	*f = (struct fixture){.server = -1};
	assert_int_equal(loop_new(&f->loop), 0);
	f->probe = port_probe_new(f->loop, on_answer, f);
	assert_int_equal(ip_addr_parse(addr, &f->addr), 0);
	f->listener = listen_on(&f->addr, &f->port);
}

static void
teardown(struct fixture *f)
{
	port_probe_free(f->probe);
	if (f->server >= 0)
		(void)close(f->server);
	if (f->listener >= 0)
		(void)close(f->listener);
	loop_free(f->loop);
}

static void
ask(struct fixture *f)
{
	f->answers = 0;
	port_probe_get(f->probe, &f->addr, f->port, "/healthz", TIMEOUT_USEC);
	assert_int_equal(f->answers, 0);
}

static bool
accepts(struct fixture *f)
{
	int fd = accept(f->listener, NULL, NULL);

	if (fd < 0)
		return false;
	if (f->server >= 0)
		(void)close(f->server);
	f->server = fd;
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return true;
}

/* The whole request comes, and is what it should be. */
static bool
receives(struct fixture *f)
{
	char request[512];
	ssize_t n = recv(f->server, request, sizeof(request) - 1, MSG_DONTWAIT);

	if (n <= 0)
		return false;
	request[n] = '\0';
	assert_true(str_has_prefix(request, "GET /healthz HTTP/1.1\r\nHost: "));
	assert_non_null(strstr(request, "\r\n\r\n"));
	assert_non_null(
	    strstr(request, f->addr.family == IP_FAMILY_V6 ? "Host: [::1]:" : "Host: 127.0.0.1:"));
	return true;
}

static void
say(struct fixture *f, const char *text)
{
	assert_int_equal(send(f->server, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void
ask_and_serve(struct fixture *f, bool fresh, const char *response)
{
	ask(f);
	if (fresh)
		RUN_UNTIL(f->loop, accepts(f));
	RUN_UNTIL(f->loop, receives(f));
	say(f, response);
	RUN_UNTIL(f->loop, f->answers);
	assert_int_equal(f->answers, 1);
	assert_int_equal(f->result, PORT_ANSWERED);
	assert_int_equal(f->status, 200);
	assert_string_equal(f->body, "ok");
}

static void
check_keeps(const char *addr)
{
	struct fixture f;
	int i;

	setup(&f, addr);
	for (i = 0; i < 3; i++)
		ask_and_serve(&f, i == 0, OK_2);
	assert_false(accepts(&f));
	port_probe_hang_up(f.probe);
	ask_and_serve(&f, true, OK_2);
	/* Not to be kept: the next question connects anew. */
	ask_and_serve(
	    &f, false, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
	ask_and_serve(&f, true, OK_2);
	teardown(&f);
}

static void
test_keeps_the_connection(void **state)
{
	(void)state;
	NETNS_OR_SKIP();
	check_keeps("127.0.0.1");
	check_keeps("::1");
}

/* Byte by byte, and by its end. */
static void
test_pieces(void **state)
{
	static const char response[] =
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n";
	struct fixture f;
	size_t i;

	(void)state;
	NETNS_OR_SKIP();
	setup(&f, "127.0.0.1");
	ask(&f);
	RUN_UNTIL(f.loop, accepts(&f));
	RUN_UNTIL(f.loop, receives(&f));
	for (i = 0; response[i]; i++) {
		assert_int_equal(f.answers, 0);
		assert_int_equal(send(f.server, &response[i], 1, 0), 1);
		io_test_turn(f.loop, loop_clock());
	}
	RUN_UNTIL(f.loop, f.answers);
	assert_string_equal(f.body, "ok");
	ask(&f);
	RUN_UNTIL(f.loop, receives(&f));
	say(&f, "HTTP/1.0 200 OK\r\n\r\nok");
	RUN_WHILE(f.loop, 20 * USEC_PER_MSEC, !f.answers);
	(void)shutdown(f.server, SHUT_WR);
	RUN_UNTIL(f.loop, f.answers);
	assert_string_equal(f.body, "ok");
	teardown(&f);
}

/* The server closes a kept connection: silently taken note of when nothing was asked, and asked
 * again over a new one when it was. */
static void
test_closed_by_the_server(void **state)
{
	struct fixture f;

	(void)state;
	NETNS_OR_SKIP();
	setup(&f, "127.0.0.1");
	ask_and_serve(&f, true, OK_2);
	(void)close(f.server);
	f.server = -1;
	RUN_WHILE(f.loop, 20 * USEC_PER_MSEC, f.answers == 1);
	ask_and_serve(&f, true, OK_2);
	/* The moment between: the question is on its way when the connection ends. */
	ask(&f);
	(void)close(f.server);
	f.server = -1;
	RUN_UNTIL(f.loop, accepts(&f));
	RUN_UNTIL(f.loop, receives(&f));
	say(&f, OK_2);
	RUN_UNTIL(f.loop, f.answers);
	assert_int_equal(f.result, PORT_ANSWERED);
	/* Only once: a new connection that ends without an answer is broken. */
	ask(&f);
	RUN_UNTIL(f.loop, receives(&f));
	(void)close(f.server);
	f.server = -1;
	RUN_UNTIL(f.loop, accepts(&f));
	RUN_UNTIL(f.loop, receives(&f));
	(void)close(f.server);
	f.server = -1;
	RUN_UNTIL(f.loop, f.answers);
	assert_int_equal(f.result, PORT_BROKEN);
	teardown(&f);
}

/* What was not asked for ends the connection. */
static void
test_unasked(void **state)
{
	struct fixture f;

	(void)state;
	NETNS_OR_SKIP();
	setup(&f, "127.0.0.1");
	ask_and_serve(&f, true, OK_2);
	say(&f, OK_2);
	RUN_WHILE(f.loop, 20 * USEC_PER_MSEC, f.answers == 1);
	ask_and_serve(&f, true, OK_2);
	teardown(&f);
}

static void
test_failures(void **state)
{
	static const char *const bad[] = {"SSH-2.0-OpenSSH_9.2\r\n",
	    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"};
	char *large = xcalloc(1, PORT_PROBE_MAX_BYTES + 1);
	struct fixture f;
	size_t i;

	(void)state;
	NETNS_OR_SKIP();
	setup(&f, "127.0.0.1");
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		ask(&f);
		RUN_UNTIL(f.loop, accepts(&f));
		RUN_UNTIL(f.loop, receives(&f));
		say(&f, bad[i]);
		RUN_UNTIL(f.loop, f.answers);
		assert_int_equal(f.result, PORT_BROKEN);
	}
	ask(&f);
	RUN_UNTIL(f.loop, accepts(&f));
	RUN_UNTIL(f.loop, receives(&f));
	memset(large, 'x', PORT_PROBE_MAX_BYTES);
	say(&f, "HTTP/1.1 200 OK\r\n\r\n");
	say(&f, large);
	RUN_UNTIL(f.loop, f.answers);
	assert_int_equal(f.result, PORT_BROKEN);
	free(large);
	/* Nobody accepts: the kernel does, and there is no answer. */
	f.answers = 0;
	port_probe_get(f.probe, &f.addr, f.port, "/healthz", 50 * USEC_PER_MSEC);
	RUN_UNTIL(f.loop, f.answers);
	assert_int_equal(f.result, PORT_SILENT);
	(void)close(f.listener);
	f.listener = -1;
	ask(&f);
	RUN_UNTIL(f.loop, f.answers);
	assert_int_equal(f.result, PORT_REFUSED);
	assert_int_equal(ip_addr_parse("192.0.2.1", &f.addr), 0);
	ask(&f);
	RUN_UNTIL(f.loop, f.answers);
	assert_int_equal(f.result, PORT_UNREACHABLE);
	teardown(&f);
}

static void
test_connect_only(void **state)
{
	struct fixture f;
	char byte;

	(void)state;
	NETNS_OR_SKIP();
	setup(&f, "127.0.0.1");
	port_probe_connect(f.probe, &f.addr, f.port, TIMEOUT_USEC);
	assert_int_equal(f.answers, 0);
	RUN_UNTIL(f.loop, f.answers);
	assert_int_equal(f.result, PORT_ANSWERED);
	RUN_UNTIL(f.loop, accepts(&f));
	RUN_UNTIL(f.loop, recv(f.server, &byte, 1, MSG_DONTWAIT) == 0);
	(void)close(f.listener);
	f.listener = -1;
	f.answers = 0;
	port_probe_connect(f.probe, &f.addr, f.port, TIMEOUT_USEC);
	RUN_UNTIL(f.loop, f.answers);
	assert_int_equal(f.result, PORT_REFUSED);
	teardown(&f);
}

static void
test_callback_may_do_anything(void **state)
{
	struct fixture f;

	(void)state;
	NETNS_OR_SKIP();
	setup(&f, "127.0.0.1");
	f.ask_in_callback = true;
	ask_and_serve(&f, true, OK_2);
	f.answers = 0;
	RUN_UNTIL(f.loop, receives(&f));
	f.free_in_callback = true;
	say(&f, OK_2);
	RUN_UNTIL(f.loop, f.answers);
	assert_null(f.probe);
	teardown(&f);
	/* Freed while a question is out. */
	setup(&f, "127.0.0.1");
	ask(&f);
	port_probe_free(f.probe);
	f.probe = NULL;
	RUN_WHILE(f.loop, 20 * USEC_PER_MSEC, !f.answers);
	teardown(&f);
}

/* Without a free descriptor nothing was asked: that says nothing of the port. */
static void
test_no_descriptor(void **state)
{
	struct rlimit limit, none;
	struct fixture f;

	(void)state;
	NETNS_OR_SKIP();
	setup(&f, "127.0.0.1");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	ask(&f);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	RUN_UNTIL(f.loop, f.answers);
	assert_int_equal(f.result, PORT_UNSENT);
	ask_and_serve(&f, true, OK_2);
	teardown(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_keeps_the_connection),
	    cmocka_unit_test(test_pieces),
	    cmocka_unit_test(test_closed_by_the_server),
	    cmocka_unit_test(test_unasked),
	    cmocka_unit_test(test_failures),
	    cmocka_unit_test(test_connect_only),
	    cmocka_unit_test(test_callback_may_do_anything),
	    cmocka_unit_test(test_no_descriptor),
	};

	return cmocka_run_group_tests(tests, netns_enter, NULL);
}
