/* The head of a response: status lines, the headers that are looked at, several heads, the cap. */
#include "test.h"

#include "io/http.h"
#include "io/http_head.h"

static enum http_head_step
take(struct http_head *head, const char *line)
{
	return http_head_take(head, line, strlen(line));
}

static void
test_status_lines(void **state)
{
	static const struct {
		const char *line;
		int status, http_version;
	} rows[] = {
	    {"HTTP/1.1 200 OK\r\n", 200, 11},
	    {"HTTP/1.0 404 Not Found\r\n", 404, 10},
	    {"HTTP/2 410 \r\n", 410, 20},
	    {"HTTP/1.1 500\n", 500, 11},
	    {"HTTP/1.1 503 A reason that is longer than any copy of the line\r\n", 503, 11},
	    {"HTTP/1.1 OK\r\n", 0, 0},
	    {"HTTP/\r\n", 0, 0},
	};
	struct http_head head;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		http_head_init(&head);
		assert_row(i, rows[i].line, take(&head, rows[i].line) == HTTP_HEAD_MORE);
		assert_row(i, rows[i].line, head.status == rows[i].status);
		assert_row(i, rows[i].line, head.http_version == rows[i].http_version);
		assert_row(i, rows[i].line, !head.ended && head.retry_after_usec == -1);
		http_head_fini(&head);
	}
}

static void
test_date(void **state)
{
	static const struct {
		const char *headers;
		int64_t usec; /* -1: none */
	} rows[] = {
	    {"Date: Sun, 06 Nov 1994 08:49:37 GMT\n", INT64_C(784111777000000)},
	    {"X: y\ndate:Thu, 01 Jan 1970 00:00:00 GMT\n", 0},
	    {"Date: yesterday\n", -1},
	    {"Date:\n", -1},
	    {"Date: Sun, 06 Nov 1994 08:49:37 GMT and then something that no date is long enough for\n",
		-1},
	    {"X: Sun, 06 Nov 1994 08:49:37 GMT\n", -1},
	    {"", -1},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct http_response response = {.headers = rows[i].headers};
		int64_t usec = -1;

		assert_row(i, rows[i].headers,
		    http_response_date(&response, &usec) == (rows[i].usec >= 0));
		assert_row(i, rows[i].headers, usec == rows[i].usec);
	}
}

static void
test_retry_after(void **state)
{
	static const struct {
		const char *line;
		int64_t usec;
	} rows[] = {
	    {"Retry-After: 7\r\n", 7000000},
	    {"retry-after:\t 7 \t\r\n", 7000000},
	    {"Retry-After: 0\r\n", 0},
	    {"Retry-After: 2147483647\r\n", INT64_C(2147483647000000)},
	    {"Retry-After: 2147483648\r\n", -1},
	    {"Retry-After: -1\r\n", -1},
	    {"Retry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n", -1},
	    {"Retry-After:\r\n", -1},
	    {"Retry-Afterwards: 7\r\n", -1},
	    {"X-Retry-After: 7\r\n", -1},
	};
	struct http_head head;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		http_head_init(&head);
		assert_row(i, rows[i].line, take(&head, rows[i].line) == HTTP_HEAD_MORE);
		assert_row(i, rows[i].line, head.retry_after_usec == rows[i].usec);
		http_head_fini(&head);
	}
}

/* What a later head does not say is not what an earlier one said. */
static void
test_second_head(void **state)
{
	struct http_response response = {0};
	struct http_head head;
	char value[16];

	(void)state;
	http_head_init(&head);
	assert_int_equal(take(&head, "HTTP/1.1 100 Continue\r\n"), HTTP_HEAD_MORE);
	assert_int_equal(take(&head, "Content-Type: text/plain\r\n"), HTTP_HEAD_MORE);
	assert_int_equal(take(&head, "Retry-After: 7\r\n"), HTTP_HEAD_MORE);
	assert_string_equal(head.content_type, "text/plain");
	assert_int_equal(take(&head, "\r\n"), HTTP_HEAD_ENDED);
	assert_true(head.ended);
	assert_int_equal(take(&head, "HTTP/1.1 200 OK\r\n"), HTTP_HEAD_MORE);
	assert_int_equal(head.status, 200);
	assert_false(head.ended);
	assert_null(head.content_type);
	assert_int_equal(head.retry_after_usec, -1);
	assert_int_equal(take(&head, "Warning: x\r\n"), HTTP_HEAD_MORE);
	assert_int_equal(take(&head, "\n"), HTTP_HEAD_ENDED);
	response.headers = strbuf_text(&head.lines);
	assert_true(http_response_header(&response, "warning", value, sizeof(value)));
	assert_string_equal(value, "x");
	assert_false(http_response_header(&response, "Content-Type", value, sizeof(value)));
	assert_false(http_response_header(&response, "Warning", value, 1));
	http_head_fini(&head);
}

static void
test_caps(void **state)
{
	static const char nul[] = "X-Evil: a\0b\r\n";
	char line[1025];
	struct http_head head;
	size_t n;

	(void)state;
	memset(line, 'x', sizeof(line));
	line[1] = ':';
	line[1024] = '\0';
	http_head_init(&head);
	for (n = 0; n + 1024 <= HTTP_MAX_HEADER_BYTES; n += 1024)
		assert_int_equal(take(&head, line), HTTP_HEAD_MORE);
	assert_int_equal(take(&head, "a: b\r\n"), HTTP_HEAD_TOO_LARGE);
	assert_int_equal(head.lines.len, n);
	http_head_fini(&head);
	http_head_init(&head);
	assert_int_equal(http_head_take(&head, nul, sizeof(nul) - 1), HTTP_HEAD_MORE);
	assert_int_equal(head.lines.len, 0);
	http_head_fini(&head);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_status_lines),
	    cmocka_unit_test(test_date),
	    cmocka_unit_test(test_retry_after),
	    cmocka_unit_test(test_second_head),
	    cmocka_unit_test(test_caps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
