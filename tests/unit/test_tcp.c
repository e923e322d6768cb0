/* Connections and listeners on the loopback of a namespace of the test's own. */
#include "io_netns.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "io/tcp.h"
#include "util/str.h"

#define KEY "s3cret"

struct end {
	struct tcp_connection *conn;
	bool connected, drained, closed;
	int err;
	uint8_t bytes[1024];
	size_t n_bytes, total;
	size_t take; /* of each offer, SIZE_MAX: all */
	bool close_on_receive;
};

struct fixture {
	struct loop *loop;
	struct tcp *tcp;
	struct tcp_listener *listener;
	struct end client, server;
	bool refuse;
	struct tcp_options server_options;
	struct tcp_address seen;
	unsigned accepts;
};

static void
on_connected(void *arg)
{
	struct end *end = arg;

	end->connected = true;
}

static size_t
on_received(void *arg, const uint8_t *bytes, size_t len)
{
	struct end *end = arg;
	size_t n = len < end->take ? len : end->take, i;

	for (i = 0; i < n && end->n_bytes < sizeof(end->bytes); i++)
		end->bytes[end->n_bytes++] = bytes[i];
	end->total += n;
	if (end->close_on_receive) {
		tcp_close(end->conn);
		end->conn = NULL;
	}
	return n;
}

static void
on_drained(void *arg)
{
	struct end *end = arg;

	end->drained = true;
}

static void
on_closed(void *arg, int err)
{
	struct end *end = arg;

	end->closed = true;
	end->err = err;
	end->conn = NULL;
}

static const struct tcp_ops ops = {on_connected, on_received, on_drained, on_closed};

static void
on_incoming(void *arg, struct tcp_incoming *incoming)
{
	struct fixture *f = arg;

	f->accepts++;
	f->seen = *tcp_incoming_remote(incoming);
	assert_int_equal(tcp_incoming_local(incoming)->port, tcp_listener_port(f->listener));
	if (!f->refuse)
		f->server.conn = tcp_take(incoming, &f->server_options, &ops, &f->server);
}

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	assert_int_equal(loop_new(&f->loop), 0);
	f->tcp = tcp_new(f->loop);
	f->client.take = f->server.take = SIZE_MAX;
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	tcp_abort(f->client.conn);
	tcp_abort(f->server.conn);
	tcp_listener_free(f->listener);
	tcp_free(f->tcp);
	loop_free(f->loop);
	free(f);
	return 0;
}

static struct ip_addr
address(const char *text)
{
	struct ip_addr ip;

	assert_int_equal(ip_addr_parse(text, &ip), 0);
	return ip;
}

static void
listen_on(struct fixture *f, const char *ip, const char *device)
{
	assert_int_equal(tcp_listen(f->tcp, (enum ip_family)address(ip).family, 0, device,
			     on_incoming, f, &f->listener),
	    0);
}

static struct tcp_options
to(struct fixture *f, const char *ip)
{
	return (struct tcp_options){
	    .remote = {.ip = address(ip), .port = tcp_listener_port(f->listener)}};
}

static int
connect_with(struct fixture *f, const struct tcp_options *options)
{
	return tcp_connect(f->tcp, options, &ops, &f->client, &f->client.conn);
}

static void
establish(struct fixture *f, const char *ip)
{
	struct tcp_options options;

	listen_on(f, ip, NULL);
	options = to(f, ip);
	assert_int_equal(connect_with(f, &options), 0);
	RUN_UNTIL(f->loop, f->client.connected && f->server.conn);
}

static void
test_both_ways(void **state)
{
	static const char *const ips[] = {"127.0.0.1", "::1"};
	size_t i;

	NETNS_OR_SKIP();
	for (i = 0; i < ARRAY_SIZE(ips); i++) {
		struct fixture *f;
		struct ip_addr ip = address(ips[i]);

		setup((void **)&f);
		establish(f, ips[i]);
		assert_true(ip_addr_eq(&tcp_remote(f->client.conn)->ip, &ip));
		assert_true(ip_addr_eq(&tcp_local(f->client.conn)->ip, &ip));
		assert_int_equal(tcp_remote(f->server.conn)->port, tcp_local(f->client.conn)->port);
		tcp_send(f->client.conn, "ping", 4);
		RUN_UNTIL(f->loop, f->server.n_bytes == 4);
		tcp_send(f->server.conn, "pong", 4);
		RUN_UNTIL(f->loop, f->client.n_bytes == 4);
		assert_memory_equal(f->client.bytes, "pong", 4);
		teardown((void **)&f);
	}
	(void)state;
}

static void
test_untaken_bytes_come_again(void **state)
{
	struct fixture *f = *state;

	NETNS_OR_SKIP();
	establish(f, "127.0.0.1");
	f->server.take = 0;
	tcp_send(f->client.conn, "abc", 3);
	RUN_WHILE(f->loop, 20 * USEC_PER_MSEC, f->server.n_bytes == 0);
	f->server.take = SIZE_MAX;
	tcp_send(f->client.conn, "def", 3);
	RUN_UNTIL(f->loop, f->server.n_bytes == 6);
	assert_memory_equal(f->server.bytes, "abcdef", 6);
}

/* Who never takes anything must not make us hold more than the buffer. */
static void
test_full_input_fails(void **state)
{
	struct fixture *f = *state;
	uint8_t many[2 * TCP_INPUT_BYTES] = {0};

	NETNS_OR_SKIP();
	establish(f, "127.0.0.1");
	f->server.take = 0;
	tcp_send(f->client.conn, many, sizeof(many));
	RUN_UNTIL(f->loop, f->server.closed);
	assert_int_equal(f->server.err, -EMSGSIZE);
}

static void
test_peer_closes(void **state)
{
	struct fixture *f = *state;

	NETNS_OR_SKIP();
	establish(f, "127.0.0.1");
	tcp_send(f->client.conn, "bye", 3);
	tcp_close(f->client.conn);
	f->client.conn = NULL;
	RUN_UNTIL(f->loop, f->server.closed);
	assert_int_equal(f->server.err, 0);
	assert_int_equal(f->server.n_bytes, 3);
	assert_false(f->client.closed);
}

/* The last message arrives although the peer's bytes were never read: no RST overtakes it. */
static void
test_last_words_with_unread_input(void **state)
{
	struct fixture *f = *state;
	uint8_t many[64 * 1024] = {0};

	NETNS_OR_SKIP();
	establish(f, "127.0.0.1");
	tcp_set_reading(f->client.conn, false);
	tcp_send(f->server.conn, many, sizeof(many));
	RUN_UNTIL(f->loop, !tcp_queued(f->server.conn));
	tcp_send(f->client.conn, "notification", 12);
	tcp_close(f->client.conn);
	f->client.conn = NULL;
	RUN_UNTIL(f->loop, f->server.closed);
	assert_int_equal(f->server.n_bytes, 12);
	assert_int_equal(f->server.err, 0);
}

static void
test_close_in_callback(void **state)
{
	struct fixture *f = *state;

	NETNS_OR_SKIP();
	establish(f, "127.0.0.1");
	f->server.close_on_receive = true;
	tcp_send(f->client.conn, "x", 1);
	RUN_UNTIL(f->loop, f->client.closed);
	assert_false(f->server.closed);
	assert_int_equal(f->client.err, 0);
}

/* A peer that does not read: what is queued stays queued, and drained() tells when it has gone. */
static void
test_backpressure(void **state)
{
	struct fixture *f = *state;
	static uint8_t many[8 * 1024 * 1024];

	NETNS_OR_SKIP();
	establish(f, "127.0.0.1");
	tcp_set_reading(f->server.conn, false);
	tcp_send(f->client.conn, many, sizeof(many));
	RUN_WHILE(f->loop, 50 * USEC_PER_MSEC,
	    tcp_queued(f->client.conn) > 0 && !f->client.drained && !f->server.total);
	tcp_set_reading(f->server.conn, true);
	RUN_UNTIL(f->loop, f->client.drained && f->server.total == sizeof(many));
}

/* More than the burst: the rest comes at the rate, so it takes its time. */
static void
test_flood_is_slowed_down(void **state)
{
	struct fixture *f = *state;
	static uint8_t many[TCP_RECEIVE_BURST_BYTES + TCP_RECEIVE_BYTES_PER_SEC / 4];
	mono_t begin = loop_clock();

	NETNS_OR_SKIP();
	establish(f, "127.0.0.1");
	tcp_send(f->client.conn, many, sizeof(many));
	RUN_UNTIL(f->loop, f->server.total == sizeof(many));
	assert_true(tcp_stats(f->tcp)->throttled > 0);
	assert_true(mono_diff_usec(loop_clock(), begin) >= 200 * USEC_PER_MSEC);
}

static void
test_refused_unread(void **state)
{
	struct fixture *f = *state;
	struct tcp_options options;

	NETNS_OR_SKIP();
	f->refuse = true;
	listen_on(f, "127.0.0.1", NULL);
	options = to(f, "127.0.0.1");
	assert_int_equal(connect_with(f, &options), 0);
	RUN_UNTIL(f->loop, f->client.closed);
	assert_int_equal(f->accepts, 1);
	assert_int_equal(tcp_stats(f->tcp)->refused, 1);
	assert_int_equal(f->seen.ip.bytes[0], 127);
}

static void
test_nobody_listens(void **state)
{
	struct fixture *f = *state;
	struct tcp_options options = {.remote = {.ip = address("127.0.0.1"), .port = 179}};

	NETNS_OR_SKIP();
	assert_int_equal(connect_with(f, &options), 0);
	RUN_UNTIL(f->loop, f->client.closed);
	assert_int_equal(f->client.err, -ECONNREFUSED);
	assert_false(f->client.connected);
}

static void
test_bad_options(void **state)
{
	struct fixture *f = *state;
	struct tcp_options options = {.remote = {.ip = address("127.0.0.1"), .port = 179}};

	NETNS_OR_SKIP();
	options.local = address("192.0.2.1");
	assert_int_equal(connect_with(f, &options), -EADDRNOTAVAIL);
	options.local = (struct ip_addr){0};
	options.device = "nosuch0";
	assert_int_equal(connect_with(f, &options), -ENODEV);
	options.device = NULL;
	options.remote.ip = address("192.0.2.1");
	assert_int_equal(connect_with(f, &options), -ENETUNREACH);
}

static void
test_source_and_device(void **state)
{
	struct fixture *f = *state;
	struct tcp_options options;
	struct ip_addr source = address("127.0.0.9");

	NETNS_OR_SKIP();
	listen_on(f, "127.0.0.1", "lo");
	options = to(f, "127.0.0.1");
	options.local = source;
	options.device = "lo";
	assert_int_equal(connect_with(f, &options), 0);
	RUN_UNTIL(f->loop, f->client.connected && f->server.conn);
	assert_true(ip_addr_eq(&f->seen.ip, &source));
}

static void
test_taken_port(void **state)
{
	struct fixture *f = *state;
	struct tcp_listener *second;

	NETNS_OR_SKIP();
	listen_on(f, "127.0.0.1", NULL);
	assert_int_equal(tcp_listen(f->tcp, IP_FAMILY_V4, tcp_listener_port(f->listener), NULL,
			     on_incoming, f, &second),
	    -EADDRINUSE);
	/* The other family is another listener. */
	assert_int_equal(tcp_listen(f->tcp, IP_FAMILY_V6, tcp_listener_port(f->listener), NULL,
			     on_incoming, f, &second),
	    0);
	tcp_listener_free(second);
}

/* --- TCP-MD5 --- */

static void
md5_attempt(const char *ip, const char *client_key, const char *server_key, bool expect)
{
	struct fixture *f;
	struct tcp_options options;

	setup((void **)&f);
	listen_on(f, ip, NULL);
	options = to(f, ip);
	options.key = client_key;
	options.key_len = client_key ? strlen(client_key) : 0;
	assert_int_equal(tcp_listener_set_key(f->listener, &options.remote, server_key,
			     server_key ? strlen(server_key) : 0),
	    0);
	assert_int_equal(connect_with(f, &options), 0);
	if (expect)
		RUN_UNTIL(f->loop, f->client.connected && f->server.conn);
	else
		RUN_WHILE(f->loop, 100 * USEC_PER_MSEC, !f->client.connected && !f->accepts);
	teardown((void **)&f);
}

static void
test_md5(void **state)
{
	static const char *const ips[] = {"127.0.0.1", "::1"};
	size_t i;

	(void)state;
	NETNS_OR_SKIP();
	for (i = 0; i < ARRAY_SIZE(ips); i++) {
		md5_attempt(ips[i], KEY, KEY, true);
		md5_attempt(ips[i], KEY, "other", false);
		md5_attempt(ips[i], NULL, KEY, false);
		md5_attempt(ips[i], KEY, NULL, false);
		md5_attempt(ips[i], NULL, NULL, true);
	}
}

static void
test_md5_key_renewed(void **state)
{
	struct fixture *f = *state;
	struct tcp_options options;

	NETNS_OR_SKIP();
	listen_on(f, "127.0.0.1", NULL);
	options = to(f, "127.0.0.1");
	assert_int_equal(tcp_listener_set_key(f->listener, &options.remote, "old", 3), 0);
	assert_int_equal(tcp_listener_set_key(f->listener, &options.remote, KEY, 6), 0);
	options.key = KEY;
	options.key_len = 6;
	assert_int_equal(connect_with(f, &options), 0);
	RUN_UNTIL(f->loop, f->client.connected);
	tcp_abort(f->client.conn);
	assert_int_equal(tcp_listener_set_key(f->listener, &options.remote, NULL, 0), 0);
	assert_int_equal(tcp_listener_set_key(f->listener, &options.remote, NULL, 0), 0);
	options.key = NULL;
	f->client = (struct end){.take = SIZE_MAX};
	assert_int_equal(connect_with(f, &options), 0);
	RUN_UNTIL(f->loop, f->client.connected);
}

/* --- TTL --- */

static void
gtsm_attempt(const char *ip, uint8_t ttl, uint8_t min_ttl, bool expect)
{
	struct fixture *f;
	struct tcp_options options;

	setup((void **)&f);
	f->server_options.min_ttl = min_ttl;
	f->server_options.ttl = 255;
	listen_on(f, ip, NULL);
	options = to(f, ip);
	options.ttl = ttl;
	/* The answer to a SYN comes from the listener, which sends with 255. */
	options.min_ttl = 255;
	assert_int_equal(connect_with(f, &options), 0);
	RUN_UNTIL(f->loop, f->client.connected && f->server.conn);
	tcp_send(f->client.conn, "x", 1);
	if (expect)
		RUN_UNTIL(f->loop, f->server.n_bytes == 1);
	else
		RUN_WHILE(f->loop, 100 * USEC_PER_MSEC, f->server.n_bytes == 0);
	teardown((void **)&f);
}

static void
test_gtsm(void **state)
{
	static const char *const ips[] = {"127.0.0.1", "::1"};
	size_t i;

	(void)state;
	NETNS_OR_SKIP();
	for (i = 0; i < ARRAY_SIZE(ips); i++) {
		gtsm_attempt(ips[i], 255, 255, true);
		gtsm_attempt(ips[i], 254, 255, false);
		gtsm_attempt(ips[i], 254, 254, true);
		gtsm_attempt(ips[i], 64, 0, true);
	}
}

/* --- link-local --- */

static void
test_link_local(void **state)
{
	struct fixture *f = *state;
	struct tcp_options options;
	struct ip_addr b = address("fe80::b");

	NETNS_OR_SKIP();
	ip("link add lla type veth peer name llb");
	ip("addr add fe80::a/64 dev lla nodad");
	ip("addr add fe80::b/64 dev llb nodad");
	ip("link set lla up");
	ip("link set llb up");
	listen_on(f, "fe80::a", NULL);
	options = to(f, "fe80::a");
	options.remote.scope = index_of("llb");
	options.local = b;
	assert_int_equal(connect_with(f, &options), 0);
	RUN_UNTIL(f->loop, f->client.connected && f->server.conn);
	assert_int_equal(f->seen.scope, index_of("lla"));
	assert_true(ip_addr_eq(&f->seen.ip, &b));
	assert_int_equal(tcp_local(f->client.conn)->scope, index_of("llb"));
	ip("link del lla");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_both_ways),
	    cmocka_unit_test_setup_teardown(test_untaken_bytes_come_again, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_full_input_fails, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_peer_closes, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_last_words_with_unread_input, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_close_in_callback, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_backpressure, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_flood_is_slowed_down, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_refused_unread, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_nobody_listens, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_bad_options, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_source_and_device, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_taken_port, setup, teardown),
	    cmocka_unit_test(test_md5),
	    cmocka_unit_test_setup_teardown(test_md5_key_renewed, setup, teardown),
	    cmocka_unit_test(test_gtsm),
	    cmocka_unit_test_setup_teardown(test_link_local, setup, teardown),
	};

	return cmocka_run_group_tests(tests, netns_enter, NULL);
}
