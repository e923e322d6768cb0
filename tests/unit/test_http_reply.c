/* Small HTTP/1 responses: RFC 9112's forms, every truncation of them, and what is none. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "io/http_reply.h"

#define OK "HTTP/1.1 200 OK\r\n"
#define LENGTH(n) "Content-Length: " #n "\r\n"

static const struct {
	const char *name, *bytes;
	bool ended;
	enum http_reply_verdict verdict;
	int status;
	const char *body;
	bool keep;
} rows[] = {
    {"kube-proxy",
	OK "Content-Type: application/json\r\nX-Load-Balancing-Endpoint-Weight: 2\r\n" LENGTH(
	    2) "\r\n{}",
	false, HTTP_REPLY_WHOLE, 200, "{}", true},
    {"no body", OK LENGTH(0) "\r\n", false, HTTP_REPLY_WHOLE, 200, "", true},
    {"no reason", "HTTP/1.1 503\r\n" LENGTH(1) "\r\nx", false, HTTP_REPLY_WHOLE, 503, "x", true},
    {"bare LF", "HTTP/1.1 200 OK\nContent-Length: 1\n\nx", false, HTTP_REPLY_WHOLE, 200, "x", true},
    {"names in any case", OK "content-LENGTH:1\r\n\r\nx", false, HTTP_REPLY_WHOLE, 200, "x", true},
    {"white space around a value", OK "Content-Length: \t 1 \r\n\r\nx", false, HTTP_REPLY_WHOLE,
	200, "x", true},
    {"the same length twice", OK LENGTH(1) LENGTH(1) "\r\nx", false, HTTP_REPLY_WHOLE, 200, "x",
	true},
    {"204 has no body", "HTTP/1.1 204 No Content\r\n\r\n", false, HTTP_REPLY_WHOLE, 204, "", true},
    {"304 has none either", "HTTP/1.1 304 Not Modified\r\n" LENGTH(5) "\r\n", false,
	HTTP_REPLY_WHOLE, 304, "", true},
    {"an interim response before",
	"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" OK LENGTH(1) "\r\nx", false, HTTP_REPLY_WHOLE,
	200, "x", true},
    {"headers that are none", OK "rubbish\r\n: x\r\n" LENGTH(1) "\r\nx", false, HTTP_REPLY_WHOLE,
	200, "x", true},
    {"chunks", OK "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", false,
	HTTP_REPLY_WHOLE, 200, "abc", true},
    {"chunks with extensions and trailers",
	OK "Transfer-Encoding: chunked\r\n\r\nA;x=y\r\n0123456789\r\n0\r\nT: x\r\n\r\n", false,
	HTTP_REPLY_WHOLE, 200, "0123456789", true},
    {"an empty chunked body", OK "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false,
	HTTP_REPLY_WHOLE, 200, "", true},
    {"chunks and a length: chunks, and the connection goes",
	OK "Transfer-Encoding: chunked\r\n" LENGTH(9) "\r\n1\r\nx\r\n0\r\n\r\n", false,
	HTTP_REPLY_WHOLE, 200, "x", false},
    {"until the end", OK "\r\nabc", true, HTTP_REPLY_WHOLE, 200, "abc", false},
    {"until the end, which is to come", OK "\r\nabc", false, HTTP_REPLY_MORE, 0, "", false},
    {"HTTP/1.0 until the end", "HTTP/1.0 200 OK\r\n\r\nabc", true, HTTP_REPLY_WHOLE, 200, "abc",
	false},
    {"HTTP/1.0 with a length", "HTTP/1.0 200 OK\r\n" LENGTH(1) "\r\nx", false, HTTP_REPLY_WHOLE,
	200, "x", false},
    {"HTTP/1.0 kept alive", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" LENGTH(1) "\r\nx",
	false, HTTP_REPLY_WHOLE, 200, "x", true},
    {"to be closed", OK "Connection: close\r\n" LENGTH(1) "\r\nx", false, HTTP_REPLY_WHOLE, 200,
	"x", false},
    {"to be closed, in a list", OK "Connection: x , Close\r\n" LENGTH(1) "\r\nx", false,
	HTTP_REPLY_WHOLE, 200, "x", false},
    {"ended, though whole", OK LENGTH(1) "\r\nx", true, HTTP_REPLY_WHOLE, 200, "x", false},
    {"more than was asked for", OK LENGTH(1) "\r\nxHTTP/1.1 200 OK", false, HTTP_REPLY_WHOLE, 200,
	"x", false},

    {"cut in the body", OK LENGTH(3) "\r\nab", false, HTTP_REPLY_MORE, 0, "", false},
    {"ended in the body", OK LENGTH(3) "\r\nab", true, HTTP_REPLY_BAD, 0, "", false},
    {"ended in the head", OK LENGTH(3), true, HTTP_REPLY_BAD, 0, "", false},
    {"ended before anything", "", true, HTTP_REPLY_BAD, 0, "", false},
    {"ended between chunks", OK "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n", true,
	HTTP_REPLY_BAD, 0, "", false},
    {"two lengths", OK LENGTH(1) LENGTH(2) "\r\nxx", false, HTTP_REPLY_BAD, 0, "", false},
    {"a list of lengths", OK "Content-Length: 1, 1\r\n\r\nx", false, HTTP_REPLY_BAD, 0, "", false},
    {"no length in the header", OK "Content-Length:\r\n\r\n", false, HTTP_REPLY_BAD, 0, "", false},
    {"a length with a sign", OK "Content-Length: +1\r\n\r\nx", false, HTTP_REPLY_BAD, 0, "", false},
    {"a length beyond 64 bits", OK "Content-Length: 99999999999999999999999\r\n\r\nx", false,
	HTTP_REPLY_BAD, 0, "", false},
    {"an encoding that we do not know", OK "Transfer-Encoding: gzip\r\n\r\nx", false,
	HTTP_REPLY_BAD, 0, "", false},
    {"encoded twice",
	OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false,
	HTTP_REPLY_BAD, 0, "", false},
    {"a chunk without a size", OK "Transfer-Encoding: chunked\r\n\r\n\r\n", false, HTTP_REPLY_BAD,
	0, "", false},
    {"a chunk of odd size", OK "Transfer-Encoding: chunked\r\n\r\n1g\r\nx\r\n", false,
	HTTP_REPLY_BAD, 0, "", false},
    {"a chunk beyond 64 bits", OK "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffffff\r\nx\r\n",
	false, HTTP_REPLY_BAD, 0, "", false},
    {"a chunk longer than its size", OK "Transfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n", false,
	HTTP_REPLY_BAD, 0, "", false},
    {"another protocol's offer", "HTTP/1.1 101 Switching Protocols\r\n\r\n", false, HTTP_REPLY_BAD,
	0, "", false},
    {"HTTP/2", "HTTP/2 200\r\n\r\n", false, HTTP_REPLY_BAD, 0, "", false},
    {"a status of two digits", "HTTP/1.1 20 OK\r\n\r\n", false, HTTP_REPLY_BAD, 0, "", false},
    {"a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n", false, HTTP_REPLY_BAD, 0, "", false},
    {"a status beyond", "HTTP/1.1 600 OK\r\n\r\n", false, HTTP_REPLY_BAD, 0, "", false},
    {"SSH", "SSH-2.0-OpenSSH_9.2\r\n", false, HTTP_REPLY_BAD, 0, "", false},
};

/* On the heap and without a byte behind it, so that ASan sees what reads too far. */
static enum http_reply_verdict
parse(const char *bytes, size_t len, bool ended, struct http_reply *reply, char **copy)
{
	*copy = malloc(len ? len : 1);
	assert_non_null(*copy);
	memcpy(*copy, bytes, len);
	return http_reply_read(*copy, len, ended, reply);
}

static void
test_rows(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct http_reply reply = {0};
		char *copy;
		enum http_reply_verdict verdict = parse(
		    rows[i].bytes, strlen(rows[i].bytes), rows[i].ended, &reply, &copy);

		assert_row(i, rows[i].name, verdict == rows[i].verdict);
		assert_row(i, rows[i].name, reply.status == rows[i].status);
		assert_row(i, rows[i].name, reply.keep == rows[i].keep);
		assert_row(i, rows[i].name, reply.body_len == strlen(rows[i].body));
		assert_row(i, rows[i].name,
		    !reply.body_len || !memcmp(reply.body, rows[i].body, reply.body_len));
		free(copy);
	}
}

/* What is whole is not before its last byte, and no part of it is bad. */
static void
test_truncations(void **state)
{
	size_t i, len;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].verdict != HTTP_REPLY_WHOLE || rows[i].ended ||
		    strstr(rows[i].bytes, "xHTTP"))
			continue;
		for (len = 0; len < strlen(rows[i].bytes); len++) {
			struct http_reply reply;
			char *copy;

			assert_row(i, rows[i].name,
			    parse(rows[i].bytes, len, false, &reply, &copy) == HTTP_REPLY_MORE);
			assert_int_equal(memcmp(copy, rows[i].bytes, len), 0);
			free(copy);
		}
	}
}

static void
test_headers(void **state)
{
	static const char bytes[] = OK "X-Weight: 12\r\nX-Weight: 13\r\nX-Empty:\r\n" LENGTH(
	    1) "X-Load-Balancing-Endpoint-Weight:  7 \r\n\r\nx";
	struct http_reply reply;
	char value[4], *copy;

	(void)state;
	assert_int_equal(parse(bytes, strlen(bytes), false, &reply, &copy), HTTP_REPLY_WHOLE);
	assert_true(http_reply_header(&reply, "x-weight", value, sizeof(value)));
	assert_string_equal(value, "12");
	assert_true(http_reply_header(&reply, "X-Empty", value, sizeof(value)));
	assert_string_equal(value, "");
	assert_true(
	    http_reply_header(&reply, "X-Load-Balancing-Endpoint-Weight", value, sizeof(value)));
	assert_string_equal(value, "7");
	assert_false(http_reply_header(&reply, "X-Weigh", value, sizeof(value)));
	assert_false(http_reply_header(&reply, "X-Weight", value, 2));
	free(copy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_truncations),
	    cmocka_unit_test(test_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
