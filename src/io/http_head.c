#include "io/http_head.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <curl/curl.h>

#include "io/http.h"
#include "util/mem.h"
#include "util/mono.h"

void
http_head_init(struct http_head *head)
{
	*head = (struct http_head){.retry_after_usec = -1};
}

void
http_head_fini(struct http_head *head)
{
	free(head->content_type);
	strbuf_free(&head->lines);
}

/* "HTTP/1.1 200 OK", "HTTP/2 200". Each response of a request (100 Continue) begins anew. */
static void
take_status_line(struct http_head *head, const char *line, size_t len)
{
	char copy[32];
	int major = 0, minor = 0, status = 0;

	strbuf_clear(&head->lines);
	head->ended = false;
	head->retry_after_usec = -1;
	free(head->content_type);
	head->content_type = NULL;
	if (len >= sizeof(copy))
		len = sizeof(copy) - 1;
	memcpy(copy, line, len);
	copy[len] = '\0';
	if (sscanf(copy, "HTTP/%1d.%1d %3d", &major, &minor, &status) != 3) {
		minor = 0;
		if (sscanf(copy, "HTTP/%1d %3d", &major, &status) != 2)
			return;
	}
	head->status = status;
	head->http_version = major * 10 + minor;
}

static bool
take_value(const char *line, size_t len, const char *name, const char **ret_value, size_t *ret_len)
{
	size_t n = strlen(name);

	if (len <= n || line[n] != ':' || strncasecmp(line, name, n) != 0)
		return false;
	for (n++; n < len && (line[n] == ' ' || line[n] == '\t'); n++)
		;
	while (len > n && isspace((unsigned char)line[len - 1]))
		len--;
	*ret_value = line + n;
	*ret_len = len - n;
	return true;
}

static void
take_header(struct http_head *head, const char *line, size_t len)
{
	const char *value;
	size_t value_len;
	char seconds[24];
	uint64_t number;

	if (take_value(line, len, "Content-Type", &value, &value_len)) {
		free(head->content_type);
		head->content_type = xstrndup(value, value_len);
	} else if (take_value(line, len, "Retry-After", &value, &value_len) &&
	    value_len < sizeof(seconds)) {
		memcpy(seconds, value, value_len);
		seconds[value_len] = '\0';
		if (!str_parse_uint(seconds, INT32_MAX, &number))
			head->retry_after_usec = (int64_t)number * USEC_PER_SEC;
	}
	strbuf_addn(&head->lines, line, len);
}

enum http_head_step
http_head_take(struct http_head *head, const char *line, size_t len)
{
	if (len > 5 && memcmp(line, "HTTP/", 5) == 0) {
		take_status_line(head, line, len);
	} else if (len && (line[0] == '\r' || line[0] == '\n')) {
		head->ended = true;
		return HTTP_HEAD_ENDED;
	} else if (head->lines.len + len > HTTP_MAX_HEADER_BYTES) {
		return HTTP_HEAD_TOO_LARGE;
	} else if (!memchr(line, '\0', len)) {
		take_header(head, line, len);
	}
	return HTTP_HEAD_MORE;
}

bool
http_response_header(const struct http_response *response, const char *name, char *out, size_t size)
{
	const char *line = response->headers, *end, *value;
	size_t len;

	for (; *line; line = end + (*end == '\n')) {
		end = strchrnul(line, '\n');
		if (!take_value(line, (size_t)(end - line), name, &value, &len))
			continue;
		if (len >= size)
			return false;
		memcpy(out, value, len);
		out[len] = '\0';
		return true;
	}
	return false;
}

bool
http_response_date(const struct http_response *response, int64_t *ret_unix_usec)
{
	char text[64];
	time_t date;

	if (!http_response_header(response, "Date", text, sizeof(text)))
		return false;
	date = curl_getdate(text, NULL);
	if (date < 0)
		return false;
	*ret_unix_usec = (int64_t)date * USEC_PER_SEC;
	return true;
}
