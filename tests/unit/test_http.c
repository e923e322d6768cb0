#include "http_server.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sched.h>

#include "io/http.h"

#define TOKEN "s3cr3t-t0ken"

struct fixture {
	struct loop *loop;
	struct http_client *client;
	struct http_server server;
	struct http_endpoint *endpoint;
};

/* One request and what became of it. */
struct call {
	struct http_request *request;
	unsigned done;
	enum http_result result;
	int status, version;
	int64_t retry_after_usec;
	bool reused;
	char content_type[64], server_header[64];
	struct strbuf body, streamed, error;
	int headers;
	unsigned pieces;
	enum http_body_verdict verdict;
	bool cancel_in_body, cancel_in_done;
	struct call *other;      /* cancelled in the callback of this one */
	struct fixture *restart; /* another request is started in the callback */
	struct call *next;
};

static void
on_done(void *arg, enum http_result result, const struct http_response *response, const char *error)
{
	struct call *call = arg;

	call->done++;
	call->result = result;
	call->status = response->status;
	call->version = response->http_version;
	call->retry_after_usec = response->retry_after_usec;
	call->reused = response->reused;
	(void)str_copy(call->content_type, sizeof(call->content_type), response->content_type);
	(void)http_response_header(
	    response, "DATE", call->server_header, sizeof(call->server_header));
	strbuf_addn(&call->body, response->body, response->body_len);
	strbuf_add(&call->error, error);
	if (call->cancel_in_done)
		http_request_cancel(call->request);
	if (call->other)
		http_request_cancel(call->other->request);
	if (call->restart) {
		struct http_request_options options = {
		    .method = "GET", .path = "/hello", .on_done = on_done, .arg = call->next};

		call->next->request = http_request_start(call->restart->endpoint, &options);
	}
	call->request = NULL;
}

static void
on_headers(void *arg, const struct http_response *response)
{
	struct call *call = arg;

	assert_int_equal(response->status, 200);
	call->headers++;
}

static enum http_body_verdict
on_body(void *arg, const struct http_response *response, const char *bytes, size_t len)
{
	struct call *call = arg;

	assert_int_equal(response->status, 200);
	call->pieces++;
	if (call->verdict == HTTP_BODY_MORE)
		strbuf_addn(&call->streamed, bytes, len);
	if (call->other)
		http_request_cancel(call->other->request);
	if (call->cancel_in_body) {
		http_request_cancel(call->request);
		call->request = NULL;
	}
	return call->verdict;
}

static void
call_free(struct call *call)
{
	strbuf_free(&call->body);
	strbuf_free(&call->streamed);
	strbuf_free(&call->error);
	*call = (struct call){0};
}

static struct http_endpoint *
endpoint_at(struct fixture *f, const char *scheme, uint16_t port)
{
	char *server = xasprintf("%s://127.0.0.1:%u", scheme, port), *err_text = NULL;
	struct http_endpoint_options options = {.server = server};
	struct http_endpoint *endpoint;

	assert_int_equal(http_endpoint_new(f->client, &options, &endpoint, &err_text), 0);
	free(server);
	return endpoint;
}

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	*state = f;
	(void)unsetenv("http_proxy");
	(void)unsetenv("https_proxy");
	(void)unsetenv("HTTPS_PROXY");
	assert_int_equal(loop_new(&f->loop), 0);
	assert_int_equal(http_client_new(f->loop, "metallbd/test", &f->client), 0);
	http_server_start(&f->server, f->loop);
	f->endpoint = endpoint_at(f, "http", f->server.port);
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	http_endpoint_free(f->endpoint);
	http_client_free(f->client);
	http_server_stop(&f->server);
	loop_free(f->loop);
	free(f);
	return 0;
}

static struct http_request_options
get(const char *path)
{
	return (struct http_request_options){.method = "GET", .path = path};
}

static void
start(struct http_endpoint *endpoint, struct call *call, struct http_request_options options)
{
	options.on_done = on_done;
	options.arg = call;
	call->request = http_request_start(endpoint, &options);
	assert_int_equal(call->done, 0);
}

/* Starts it and waits for its end. */
static void
fetch(struct fixture *f, struct http_endpoint *endpoint, struct call *call,
    struct http_request_options options)
{
	start(endpoint, call, options);
	RUN_UNTIL(f->loop, call->done);
	assert_int_equal(call->done, 1);
}

static bool
has(const struct strbuf *sb, const char *text)
{
	if (strstr(strbuf_text(sb), text))
		return true;
	print_error("no \"%s\" in \"%s\"\n", text, strbuf_text(sb));
	return false;
}

static void
assert_call(const struct call *call, enum http_result result, int status)
{
	if (call->result != result || call->status != status)
		fail_msg("%s %d, expected %s %d: %s", http_result_str(call->result), call->status,
		    http_result_str(result), status, strbuf_text(&call->error));
	assert_int_equal(result == HTTP_OK, call->error.len == 0);
	assert_null(strstr(strbuf_text(&call->error), TOKEN));
}

static void
a_request_brings_status_headers_and_body(void **state)
{
	struct fixture *f = *state;
	struct call c = {0};

	fetch(f, f->endpoint, &c, get("/hello"));
	assert_call(&c, HTTP_OK, 200);
	assert_string_equal(strbuf_text(&c.body), "hello");
	assert_string_equal(c.content_type, "application/json");
	assert_int_equal(c.version, 11);
	assert_int_equal(c.retry_after_usec, -1);
	assert_true(has(&(struct strbuf){.text = c.server_header}, " GMT"));
	assert_int_equal(http_client_running(f->client), 0);
	call_free(&c);
}

static void
connections_are_kept_and_fresh_ones_made_on_demand(void **state)
{
	struct fixture *f = *state;
	struct http_request_options fresh = get("/hello");
	struct call c = {0};
	int i;

	for (i = 0; i < 5; i++) {
		fetch(f, f->endpoint, &c, get("/hello"));
		assert_call(&c, HTTP_OK, 200);
		assert_int_equal(c.reused, i > 0);
		call_free(&c);
	}
	assert_int_equal(f->server.connections, 1);
	fresh.fresh_connection = true;
	for (i = 0; i < 2; i++) {
		fetch(f, f->endpoint, &c, fresh);
		assert_call(&c, HTTP_OK, 200);
		assert_false(c.reused);
		call_free(&c);
	}
	assert_int_equal(f->server.connections, 3);
	fetch(f, f->endpoint, &c, get("/hello"));
	assert_true(c.reused);
	call_free(&c);
}

static void
many_requests_at_once_keep_to_the_limit(void **state)
{
	struct fixture *f = *state;
	static struct call calls[HTTP_MAX_HOST_CONNECTIONS * 3];
	size_t i, done = 0;

	for (i = 0; i < ARRAY_SIZE(calls); i++)
		start(f->endpoint, &calls[i], get("/big/10000"));
	assert_int_equal(http_client_running(f->client), ARRAY_SIZE(calls));
	while (done < ARRAY_SIZE(calls)) {
		RUN_UNTIL(f->loop, calls[done].done);
		assert_call(&calls[done], HTTP_OK, 200);
		assert_int_equal(calls[done].body.len, 10000);
		call_free(&calls[done++]);
	}
	assert_true(f->server.connections <= HTTP_MAX_HOST_CONNECTIONS);
	assert_int_equal(f->server.requests, ARRAY_SIZE(calls));
}

static void
what_is_asked_is_what_arrives(void **state)
{
	static const char *const more[] = {"X-One: 1", "Impersonate-User: me"};
	static const struct {
		const char *method;
		int command;
	} methods[] = {{"POST", EVHTTP_REQ_POST}, {"PUT", EVHTTP_REQ_PUT},
	    {"PATCH", EVHTTP_REQ_PATCH}, {"DELETE", EVHTTP_REQ_DELETE}};
	struct fixture *f = *state;
	struct http_request_options o = {.path = "/echo",
	    .content_type = "application/merge-patch+json",
	    .headers = more,
	    .n_headers = 2,
	    .body = "{\"a\":1}",
	    .body_len = 7};
	struct call c = {0};
	char expected[32];
	size_t i;

	assert_int_equal(http_endpoint_set_token(f->endpoint, " " TOKEN "\n"), 0);
	for (i = 0; i < ARRAY_SIZE(methods); i++) {
		o.method = methods[i].method;
		fetch(f, f->endpoint, &c, o);
		assert_call(&c, HTTP_OK, 200);
		(void)snprintf(
		    expected, sizeof(expected), "method=%d uri=/echo", methods[i].command);
		assert_true(has(&c.body, expected));
		assert_true(has(&c.body, "body={\"a\":1}\n"));
		assert_true(has(&c.body, "Authorization: Bearer " TOKEN "\n"));
		assert_true(has(&c.body, "Content-Type: application/merge-patch+json\n"));
		assert_true(has(&c.body, "Content-Length: 7\n"));
		assert_true(has(&c.body, "Accept: application/json\n"));
		assert_true(has(&c.body, "User-Agent: metallbd/test\n"));
		assert_true(has(&c.body, "X-One: 1\n"));
		assert_true(has(&c.body, "Impersonate-User: me\n"));
		assert_null(strstr(c.body.text, "Expect"));
		call_free(&c);
	}
	/* Without a body there is no type and no length. */
	o = get("/echo");
	o.accept = "text/plain";
	assert_int_equal(http_endpoint_set_token(f->endpoint, NULL), 0);
	fetch(f, f->endpoint, &c, o);
	assert_true(has(&c.body, "Accept: text/plain\n"));
	assert_null(strstr(c.body.text, "Content-"));
	assert_null(strstr(c.body.text, "Authorization"));
	call_free(&c);
	/* An empty body is one. */
	o = get("/echo");
	o.method = "POST";
	o.body = "";
	fetch(f, f->endpoint, &c, o);
	assert_true(has(&c.body, "Content-Length: 0\n"));
	call_free(&c);
	o = get("/hello");
	o.method = "HEAD";
	fetch(f, f->endpoint, &c, o);
	assert_call(&c, HTTP_OK, 200);
	assert_int_equal(c.body.len, 0);
	call_free(&c);
}

static void
errors_of_the_server_are_responses(void **state)
{
	struct fixture *f = *state;
	struct call c = {0};

	fetch(f, f->endpoint, &c, get("/busy"));
	assert_call(&c, HTTP_OK, 429);
	assert_int_equal(c.retry_after_usec, 7 * USEC_PER_SEC);
	assert_string_equal(strbuf_text(&c.body), "{\"code\":429}");
	call_free(&c);
	fetch(f, f->endpoint, &c, get("/moved"));
	assert_call(&c, HTTP_OK, 302);
	call_free(&c);
	assert_int_equal(f->server.requests, 2);
}

static void
a_stream_comes_in_pieces(void **state)
{
	struct fixture *f = *state;
	struct http_request_options o = get("/stream");
	struct call c = {0}, other = {0};

	o.on_headers = on_headers;
	o.on_body = on_body;
	start(f->endpoint, &c, o);
	RUN_UNTIL(f->loop, f->server.held);
	/* The headers are told before there is a body. */
	RUN_UNTIL(f->loop, c.headers == 1);
	assert_int_equal(c.pieces, 0);
	http_server_send(&f->server, "{\"one\"}\n");
	RUN_UNTIL(f->loop, c.streamed.len == 8);
	/* Others go on meanwhile. */
	fetch(f, f->endpoint, &other, get("/hello"));
	assert_call(&other, HTTP_OK, 200);
	call_free(&other);
	http_server_send(&f->server, "{\"two\"}\n");
	RUN_UNTIL(f->loop, c.streamed.len == 16);
	assert_string_equal(c.streamed.text, "{\"one\"}\n{\"two\"}\n");
	assert_int_equal(c.done, 0);
	http_server_end(&f->server);
	RUN_UNTIL(f->loop, c.done);
	assert_call(&c, HTTP_OK, 200);
	assert_int_equal(c.body.len, 0);
	call_free(&c);
	/* An error in the stream's place is collected. */
	o.path = "/busy";
	fetch(f, f->endpoint, &c, o);
	assert_call(&c, HTTP_OK, 429);
	assert_int_equal(c.pieces, 0);
	assert_string_equal(strbuf_text(&c.body), "{\"code\":429}");
	call_free(&c);
}

static void
a_stream_that_breaks_off_is_closed(void **state)
{
	struct fixture *f = *state;
	struct http_request_options o = get("/stream");
	struct call c = {0};

	o.on_body = on_body;
	start(f->endpoint, &c, o);
	RUN_UNTIL(f->loop, f->server.held);
	http_server_send(&f->server, "half");
	RUN_UNTIL(f->loop, c.streamed.len == 4);
	http_server_break_off(&f->server);
	RUN_UNTIL(f->loop, c.done);
	assert_call(&c, HTTP_CLOSED, 200);
	assert_true(has(&c.error, http_endpoint_name(f->endpoint)));
	call_free(&c);
}

static void
a_stream_pauses_and_goes_on(void **state)
{
	struct fixture *f = *state;
	struct http_request_options o = get("/stream");
	struct call c = {.verdict = HTTP_BODY_PAUSE};

	o.on_body = on_body;
	o.idle_timeout_usec = 30000;
	start(f->endpoint, &c, o);
	RUN_UNTIL(f->loop, f->server.held);
	http_server_send(&f->server, "abc");
	RUN_UNTIL(f->loop, c.pieces == 1);
	http_server_send(&f->server, "def");
	/* Longer than the idle time-out, which does not count now. */
	RUN_WHILE(f->loop, 80000, c.pieces == 1 && !c.done);
	c.verdict = HTTP_BODY_MORE;
	http_request_resume(c.request);
	RUN_UNTIL(f->loop, c.streamed.len == 6);
	assert_string_equal(c.streamed.text, "abcdef");
	http_request_resume(c.request);
	http_server_end(&f->server);
	RUN_UNTIL(f->loop, c.done);
	assert_call(&c, HTTP_OK, 200);
	call_free(&c);
}

static void
a_stream_can_be_aborted(void **state)
{
	struct fixture *f = *state;
	struct http_request_options o = get("/stream");
	struct call c = {.verdict = HTTP_BODY_ABORT};

	o.on_body = on_body;
	start(f->endpoint, &c, o);
	RUN_UNTIL(f->loop, f->server.held);
	http_server_send(&f->server, "abc");
	RUN_UNTIL(f->loop, c.done);
	assert_call(&c, HTTP_CANCELLED, 200);
	call_free(&c);
}

static void
requests_are_cancelled_anywhere(void **state)
{
	struct fixture *f = *state;
	struct http_request_options o = get("/stream");
	struct call a = {.cancel_in_body = true}, b = {0}, c = {0}, d = {0};

	/* Before it was sent. */
	start(f->endpoint, &b, get("/hello"));
	http_request_cancel(b.request);
	http_request_cancel(NULL);
	/* While it waits for an answer. */
	start(f->endpoint, &c, get("/never"));
	RUN_UNTIL(f->loop, f->server.held);
	http_request_cancel(c.request);
	/* In its own body callback. */
	o.on_body = on_body;
	f->server.held = NULL;
	start(f->endpoint, &a, o);
	RUN_UNTIL(f->loop, f->server.held);
	http_server_send(&f->server, "abc");
	RUN_UNTIL(f->loop, a.pieces == 1);
	/* Another one in a body callback. */
	call_free(&a);
	f->server.held = NULL;
	start(f->endpoint, &c, get("/never"));
	a.other = &c;
	start(f->endpoint, &a, o);
	RUN_UNTIL(f->loop, f->server.requests == 4 && f->server.held);
	http_server_send(&f->server, "abc");
	RUN_UNTIL(f->loop, a.pieces == 1);
	a.other = NULL;
	http_request_cancel(a.request);
	/* In its own done callback, and another one there. */
	start(f->endpoint, &c, get("/never"));
	d.other = &c;
	d.cancel_in_done = true;
	fetch(f, f->endpoint, &d, get("/hello"));
	assert_call(&d, HTTP_OK, 200);
	RUN_UNTIL(f->loop, http_client_running(f->client) == 0);
	RUN_WHILE(f->loop, 5000, !a.done && !b.done && !c.done);
	call_free(&a);
	call_free(&b);
	call_free(&c);
	call_free(&d);
}

static void
requests_are_started_in_callbacks(void **state)
{
	struct fixture *f = *state;
	struct call c = {0}, next = {0};

	c.restart = f;
	c.next = &next;
	fetch(f, f->endpoint, &c, get("/hello"));
	RUN_UNTIL(f->loop, next.done);
	assert_call(&next, HTTP_OK, 200);
	assert_true(next.reused);
	call_free(&c);
	call_free(&next);
}

static void
the_client_ends_with_requests_under_way(void **state)
{
	struct fixture *f = *state;
	struct call a = {0}, b = {0}, c = {0};
	struct http_request_options o = get("/stream");

	o.on_body = on_body;
	start(f->endpoint, &a, get("/never"));
	start(f->endpoint, &b, o);
	RUN_UNTIL(f->loop, f->server.requests == 2);
	start(f->endpoint, &c, get("/hello"));
	http_endpoint_free(f->endpoint);
	f->endpoint = NULL;
	http_client_free(f->client);
	f->client = NULL;
	assert_true(!a.done && !b.done && !c.done);
}

static void
time_outs_bound_silence(void **state)
{
	struct fixture *f = *state;
	struct http_request_options o = get("/never");
	struct canned_server silent;
	struct http_endpoint *endpoint;
	struct call c = {0};
	mono_t before = loop_clock();

	/* A server that has the request and does not answer. */
	o.timeout_usec = 50000;
	fetch(f, f->endpoint, &c, o);
	assert_call(&c, HTTP_TIMEOUT, 0);
	assert_true(has(&c.error, "no answer within 50ms"));
	assert_true(mono_diff_usec(loop_clock(), before) >= 50000);
	call_free(&c);
	/* One that stops in the middle. */
	o = get("/stream");
	o.on_body = on_body;
	o.idle_timeout_usec = 50000;
	f->server.held = NULL;
	start(f->endpoint, &c, o);
	RUN_UNTIL(f->loop, f->server.held);
	http_server_send(&f->server, "abc");
	RUN_UNTIL(f->loop, c.done);
	assert_call(&c, HTTP_TIMEOUT, 200);
	assert_true(has(&c.error, "silent for 50ms"));
	assert_string_equal(strbuf_text(&c.streamed), "abc");
	call_free(&c);
	/* One that accepts and says nothing to a TLS handshake. */
	canned_server_start(&silent, f->loop, NULL, false);
	endpoint = endpoint_at(f, "https", silent.port);
	o = get("/hello");
	o.connect_timeout_usec = 50000;
	fetch(f, endpoint, &c, o);
	assert_call(&c, HTTP_TIMEOUT, 0);
	call_free(&c);
	o.connect_timeout_usec = 0;
	o.timeout_usec = 50000;
	fetch(f, endpoint, &c, o);
	assert_call(&c, HTTP_TIMEOUT, 0);
	assert_true(has(&c.error, "no connection within 50ms"));
	call_free(&c);
	http_endpoint_free(endpoint);
	canned_server_stop(&silent);
}

static void
waiting_for_a_connection_is_bounded_too(void **state)
{
	struct fixture *f = *state;
	static struct call calls[HTTP_MAX_HOST_CONNECTIONS];
	struct http_request_options o = get("/hello");
	struct call c = {0};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(calls); i++)
		start(f->endpoint, &calls[i], get("/never"));
	RUN_UNTIL(f->loop, f->server.requests == ARRAY_SIZE(calls));
	o.timeout_usec = 50000;
	fetch(f, f->endpoint, &c, o);
	assert_call(&c, HTTP_TIMEOUT, 0);
	call_free(&c);
	for (i = 0; i < ARRAY_SIZE(calls); i++)
		http_request_cancel(calls[i].request);
	o.timeout_usec = 0;
	fetch(f, f->endpoint, &c, o);
	assert_call(&c, HTTP_OK, 200);
	call_free(&c);
}

static void
failures_have_names_and_reasons(void **state)
{
	static const struct {
		const char *name, *answer;
		enum http_result result;
		int status;
		const char *reason;
	} rows[] = {
	    {"closed without a word", "", HTTP_CLOSED, 0, ""},
	    {"body cut off", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", HTTP_CLOSED, 200,
		""},
	    {"chunk cut off", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
		HTTP_CLOSED, 200, ""},
	    {"headers cut off", "HTTP/1.1 200 OK\r\nContent-Le", HTTP_CLOSED, 200, ""},
	    {"no HTTP", "SSH-2.0-OpenSSH_9.2\r\n", HTTP_PROTOCOL, 0, ""},
	    {"continue, then an answer",
		"HTTP/1.1 100 Continue\r\nRetry-After: 9\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
		"2\r\n\r\nok",
		HTTP_OK, 200, ""},
	    {"closed body", "HTTP/1.0 200 OK\r\n\r\nok", HTTP_OK, 200, ""},
	    {"switches protocols unasked", "HTTP/1.1 101 Switching Protocols\r\n\r\n", HTTP_CLOSED,
		101, ""},
	};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct canned_server server;
		struct http_endpoint *endpoint;
		struct call c = {0};

		canned_server_start(&server, f->loop, rows[i].answer, true);
		endpoint = endpoint_at(f, "http", server.port);
		assert_int_equal(http_endpoint_set_token(endpoint, TOKEN), 0);
		fetch(f, endpoint, &c, get("/hello"));
		if (rows[i].result != c.result || rows[i].status != c.status)
			print_error("row %zu (%s): %s %d: %s\n", i, rows[i].name,
			    http_result_str(c.result), c.status, strbuf_text(&c.error));
		assert_row(i, rows[i].name, c.result == rows[i].result);
		assert_row(i, rows[i].name, c.status == rows[i].status);
		assert_row(i, rows[i].name, c.retry_after_usec == -1);
		if (c.result != HTTP_OK) {
			assert_true(has(&c.error, http_endpoint_name(endpoint)));
			assert_true(c.error.len > strlen(http_endpoint_name(endpoint)) + 4);
			assert_null(strstr(c.error.text, TOKEN));
		}
		call_free(&c);
		http_endpoint_free(endpoint);
		canned_server_stop(&server);
	}
}

static void
connecting_fails_in_known_ways(void **state)
{
	struct fixture *f = *state;
	struct http_endpoint_options options = {.server = "http://no-such-host.invalid:1"};
	struct http_endpoint *endpoint;
	struct call c = {0};
	char *err_text = NULL, *url;
	uint16_t port;
	int fd = listen_on_loopback(&port);

	/* The port is free again, and was ours a moment ago. */
	close(fd);
	endpoint = endpoint_at(f, "https", port);
	fetch(f, endpoint, &c, get("/hello"));
	assert_call(&c, HTTP_REFUSED, 0);
	assert_true(has(&c.error, http_endpoint_name(endpoint)));
	assert_true(has(&c.error, "Connection refused"));
	call_free(&c);
	http_endpoint_free(endpoint);

	assert_int_equal(http_endpoint_new(f->client, &options, &endpoint, &err_text), 0);
	fetch(f, endpoint, &c, get("/hello"));
	assert_call(&c, HTTP_DNS, 0);
	assert_true(has(&c.error, "no-such-host.invalid"));
	call_free(&c);
	http_endpoint_free(endpoint);
	/* A proxy that is away. */
	options.server = "http://192.0.2.1:80";
	options.proxy_url = url = xasprintf("http://user:" TOKEN "@127.0.0.1:%u", port);
	assert_int_equal(http_endpoint_new(f->client, &options, &endpoint, &err_text), 0);
	fetch(f, endpoint, &c, get("/hello"));
	assert_call(&c, HTTP_REFUSED, 0);
	call_free(&c);
	http_endpoint_free(endpoint);
	free(url);
}

static void
a_network_without_a_route_is_unreachable(void **state)
{
	struct fixture *f = *state;
	struct http_endpoint_options options = {.server = "https://192.0.2.1:6443"};
	struct http_endpoint *endpoint;
	struct call c = {0};
	char *err_text = NULL;
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	if (home < 0 || unshare(CLONE_NEWNET)) {
		print_message("# SKIP: needs root for a network namespace\n");
		close(home);
		skip();
	}
	assert_int_equal(http_endpoint_new(f->client, &options, &endpoint, &err_text), 0);
	fetch(f, endpoint, &c, get("/hello"));
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
	close(home);
	assert_call(&c, HTTP_UNREACHABLE, 0);
	assert_true(has(&c.error, "https://192.0.2.1:6443: Network is unreachable"));
	call_free(&c);
	http_endpoint_free(endpoint);
}

static void
bodies_and_headers_have_caps(void **state)
{
	struct fixture *f = *state;
	struct http_request_options o = get("/big/1000");
	struct canned_server server;
	struct http_endpoint *endpoint;
	struct strbuf answer = {0};
	struct call c = {0};
	int i;

	o.max_body_bytes = 1000;
	fetch(f, f->endpoint, &c, o);
	assert_call(&c, HTTP_OK, 200);
	assert_int_equal(c.body.len, 1000);
	call_free(&c);
	o.max_body_bytes = 999;
	fetch(f, f->endpoint, &c, o);
	assert_call(&c, HTTP_TOO_LARGE, 200);
	call_free(&c);
	/* A stream has no cap. */
	o.path = "/big/2000000";
	o.on_body = on_body;
	fetch(f, f->endpoint, &c, o);
	assert_call(&c, HTTP_OK, 200);
	assert_int_equal(c.streamed.len, 2000000);
	call_free(&c);
	strbuf_add(&answer, "HTTP/1.1 200 OK\r\n");
	for (i = 0; i < 1000; i++)
		strbuf_printf(&answer, "X-%d: %0100d\r\n", i, i);
	strbuf_add(&answer, "Content-Length: 0\r\n\r\n");
	canned_server_start(&server, f->loop, answer.text, false);
	endpoint = endpoint_at(f, "http", server.port);
	fetch(f, endpoint, &c, get("/hello"));
	assert_call(&c, HTTP_TOO_LARGE, 200);
	call_free(&c);
	http_endpoint_free(endpoint);
	canned_server_stop(&server);
	strbuf_free(&answer);
}

static void
bad_requests_are_not_sent(void **state)
{
	static const char *const bad_header[] = {"X: a\r\nY: b"};
	struct fixture *f = *state;
	struct http_request_options o;
	struct call c = {0};
	size_t i;
	const char *const paths[] = {"hello", "/a b", "/a\r\nX: y", "/\x7f"};

	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		fetch(f, f->endpoint, &c, get(paths[i]));
		assert_row(i, paths[i], c.result == HTTP_INVALID);
		call_free(&c);
	}
	o = get("/hello");
	o.headers = bad_header;
	o.n_headers = 1;
	fetch(f, f->endpoint, &c, o);
	assert_call(&c, HTTP_INVALID, 0);
	call_free(&c);
	o = get("/hello");
	o.method = "GET /";
	fetch(f, f->endpoint, &c, o);
	assert_call(&c, HTTP_INVALID, 0);
	call_free(&c);
	/* Cancelled before the bad news came. */
	start(f->endpoint, &c, o);
	http_request_cancel(c.request);
	RUN_UNTIL(f->loop, http_client_running(f->client) == 0);
	assert_int_equal(c.done, 0);
	assert_int_equal(http_endpoint_set_token(f->endpoint, "good"), 0);
	assert_int_equal(http_endpoint_set_token(f->endpoint, "a\r\nX: y"), -EINVAL);
	assert_int_equal(http_endpoint_set_token(f->endpoint, "a b"), -EINVAL);
	fetch(f, f->endpoint, &c, get("/echo"));
	assert_true(has(&c.body, "Bearer good\n"));
	call_free(&c);
	assert_int_equal(f->server.requests, 1);
}

static void
bad_endpoints_are_refused(void **state)
{
	static const struct {
		struct http_endpoint_options options;
		const char *text;
	} rows[] = {
	    {{.server = NULL}, "https://HOST"},
	    {{.server = ""}, "https://HOST"},
	    {{.server = "ftp://10.0.0.1"}, "https://HOST"},
	    {{.server = "file:///etc/passwd"}, "https://HOST"},
	    {{.server = "https://user:" TOKEN "@10.0.0.1"}, "password"},
	    {{.server = "https://10.0.0.1/?a=b"}, "query"},
	    {{.server = "https://10.0.0.1", .certificate_file = "/x"}, "key"},
	    {{.server = "https://10.0.0.1", .key_pem = "/x"}, "key"},
	    {{.server = "https://10.0.0.1", .proxy_url = "ftp://u:" TOKEN "@p"}, "proxy-url"},
	};
	struct fixture *f = *state;
	struct http_endpoint *endpoint;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		char *text = NULL;

		assert_row(i, rows[i].text,
		    http_endpoint_new(f->client, &rows[i].options, &endpoint, &text) == -EINVAL);
		assert_row(i, rows[i].text, text && strstr(text, rows[i].text));
		assert_row(i, rows[i].text, !strstr(text, TOKEN));
		free(text);
	}
}

static void
a_server_may_have_a_path_prefix(void **state)
{
	struct fixture *f = *state;
	char *server = xasprintf("http://127.0.0.1:%u/k8s/clusters/c-1/", f->server.port);
	struct http_endpoint_options options = {.server = server};
	struct http_endpoint *endpoint;
	char *err_text = NULL;
	struct call c = {0};

	assert_int_equal(http_endpoint_new(f->client, &options, &endpoint, &err_text), 0);
	fetch(f, endpoint, &c, get("/api/v1/services?limit=500"));
	assert_call(&c, HTTP_OK, 200);
	assert_string_equal(f->server.uri, "/k8s/clusters/c-1/api/v1/services?limit=500");
	call_free(&c);
	http_endpoint_free(endpoint);
	free(server);
}

static void
a_connection_that_died_idle_is_replaced(void **state)
{
	struct fixture *f = *state;
	struct canned_server server;
	struct http_endpoint *endpoint;
	struct call c = {0};

	canned_server_start(
	    &server, f->loop, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false);
	endpoint = endpoint_at(f, "http", server.port);
	fetch(f, endpoint, &c, get("/hello"));
	assert_call(&c, HTTP_OK, 200);
	call_free(&c);
	loop_fd_fini(&server.watch);
	close(server.connection);
	server.connection = -1;
	fetch(f, endpoint, &c, get("/hello"));
	assert_call(&c, HTTP_OK, 200);
	assert_int_equal(server.connections, 2);
	call_free(&c);
	http_endpoint_free(endpoint);
	canned_server_stop(&server);
}

static void
a_proxy_is_used_when_given(void **state)
{
	struct fixture *f = *state;
	struct canned_server proxy;
	struct http_endpoint *endpoint;
	struct http_endpoint_options options = {.server = "https://192.0.2.1:6443"};
	char *err_text = NULL, *url;
	struct call c = {0};

	canned_server_start(
	    &proxy, f->loop, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", true);
	options.proxy_url = url = xasprintf("http://127.0.0.1:%u", proxy.port);
	(void)setenv("no_proxy", "*", 1);
	assert_int_equal(http_endpoint_new(f->client, &options, &endpoint, &err_text), 0);
	assert_int_equal(http_endpoint_set_token(endpoint, TOKEN), 0);
	/* It answers CONNECT with 403; what it gets to see is no token. */
	fetch(f, endpoint, &c, get("/hello"));
	assert_true(c.result != HTTP_OK && c.status == 0);
	assert_true(has(&c.error, "403"));
	assert_int_equal(proxy.connections, 1);
	call_free(&c);
	(void)unsetenv("no_proxy");
	http_endpoint_free(endpoint);
	canned_server_stop(&proxy);
	free(url);
}

static void
connections_notice_dead_paths(void **state)
{
	struct fixture *f = *state;
	struct call c = {0};
	int fd, found = 0, value;
	socklen_t len;

	fetch(f, f->endpoint, &c, get("/hello"));
	for (fd = 3; fd < 256; fd++) {
		struct sockaddr_in in;
		socklen_t in_len = sizeof(in);

		if (getpeername(fd, (struct sockaddr *)&in, &in_len) || in.sin_family != AF_INET ||
		    ntohs(in.sin_port) != f->server.port)
			continue;
		found++;
		len = sizeof(value);
		assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, &len), 0);
		assert_int_equal(value, 1);
		assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &value, &len), 0);
		assert_int_equal(value, HTTP_KEEPALIVE_IDLE_SEC);
		assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &value, &len), 0);
		assert_int_equal(value, HTTP_USER_TIMEOUT_MSEC);
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	}
	assert_int_equal(found, 1);
	call_free(&c);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(a_request_brings_status_headers_and_body),
	    T(connections_are_kept_and_fresh_ones_made_on_demand),
	    T(many_requests_at_once_keep_to_the_limit),
	    T(what_is_asked_is_what_arrives),
	    T(errors_of_the_server_are_responses),
	    T(a_stream_comes_in_pieces),
	    T(a_stream_that_breaks_off_is_closed),
	    T(a_stream_pauses_and_goes_on),
	    T(a_stream_can_be_aborted),
	    T(requests_are_cancelled_anywhere),
	    T(requests_are_started_in_callbacks),
	    T(the_client_ends_with_requests_under_way),
	    T(time_outs_bound_silence),
	    T(waiting_for_a_connection_is_bounded_too),
	    T(failures_have_names_and_reasons),
	    T(connecting_fails_in_known_ways),
	    T(a_network_without_a_route_is_unreachable),
	    T(bodies_and_headers_have_caps),
	    T(bad_requests_are_not_sent),
	    T(bad_endpoints_are_refused),
	    T(a_server_may_have_a_path_prefix),
	    T(a_connection_that_died_idle_is_replaced),
	    T(a_proxy_is_used_when_given),
	    T(connections_notice_dead_paths),
	};

	return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
