#include "config.h"

#include "http.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "alloc.h"

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* %XX, and + for a space in a query. NUL bytes end the string, which then fits nothing. */
static char *
percent_decode(const char *s, size_t len, bool plus)
{
	char *out = sim_calloc(len + 1, 1);
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (s[i] == '%' && i + 2 < len && hex(s[i + 1]) >= 0 && hex(s[i + 2]) >= 0) {
			out[n++] = (char)(hex(s[i + 1]) << 4 | hex(s[i + 2]));
			i += 2;
		} else {
			out[n++] = plus && s[i] == '+' ? ' ' : s[i];
		}
	}
	return out;
}

void
http_request_clear(struct http_request *req)
{
	free(req->method);
	free(req->path);
	free(req->query);
	free(req->authorization);
	free(req->accept);
	free(req->content_type);
	free(req->body);
	*req = (struct http_request){0};
}

static bool
request_line(struct http_request *req, char *line)
{
	char *target = strchr(line, ' '), *version, *query;

	if (target == NULL)
		return false;
	*target++ = '\0';
	version = strchr(target, ' ');
	if (version == NULL || target[0] != '/')
		return false;
	*version++ = '\0';
	if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0)
		return false;
	req->old = strcmp(version, "HTTP/1.0") == 0;
	req->keep_alive = !req->old;
	query = strchr(target, '?');
	if (query != NULL)
		*query++ = '\0';
	req->method = sim_strdup(line);
	req->path = percent_decode(target, strlen(target), false);
	req->query = sim_strdup(query != NULL ? query : "");
	return true;
}

static void
replace(char **field, const char *value)
{
	free(*field);
	*field = sim_strdup(value);
}

static bool
header(struct http_request *req, char *line)
{
	char *value = strchr(line, ':'), *end;

	if (value == NULL || value == line)
		return false;
	*value++ = '\0';
	value += strspn(value, " \t");
	end = value + strlen(value);
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	if (strcasecmp(line, "Authorization") == 0) {
		replace(&req->authorization, value);
	} else if (strcasecmp(line, "Accept") == 0) {
		replace(&req->accept, value);
	} else if (strcasecmp(line, "Content-Type") == 0) {
		replace(&req->content_type, value);
	} else if (strcasecmp(line, "Content-Length") == 0) {
		if (value[0] == '\0' || strspn(value, "0123456789") != strlen(value) ||
		    strlen(value) > 12)
			return false;
		req->wanted = strtoul(value, NULL, 10);
	} else if (strcasecmp(line, "Transfer-Encoding") == 0) {
		req->chunked = strcasecmp(value, "chunked") == 0;
		return req->chunked;
	} else if (strcasecmp(line, "Connection") == 0) {
		if (strcasestr(value, "close") != NULL)
			req->keep_alive = false;
		else if (strcasestr(value, "keep-alive") != NULL)
			req->keep_alive = true;
	} else if (strcasecmp(line, "Expect") == 0) {
		req->expects_continue = strcasecmp(value, "100-continue") == 0;
	}
	return true;
}

static enum http_result
read_head(struct http_request *req, struct evbuffer *in)
{
	struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
	char *head, *line, *save = NULL;
	bool ok = true, first = true;

	if (end.pos < 0)
		return evbuffer_get_length(in) > HTTP_HEADER_MAX ? HTTP_HEADER_TOO_LARGE
								 : HTTP_MORE;
	if (end.pos > HTTP_HEADER_MAX)
		return HTTP_HEADER_TOO_LARGE;
	head = sim_calloc((size_t)end.pos + 5, 1);
	evbuffer_remove(in, head, (size_t)end.pos + 4);
	replace(&req->authorization, "");
	replace(&req->accept, "");
	replace(&req->content_type, "");
	for (line = strtok_r(head, "\r\n", &save); line != NULL && ok;
	     line = strtok_r(NULL, "\r\n", &save)) {
		ok = first ? request_line(req, line) : header(req, line);
		first = false;
	}
	free(head);
	req->has_head = true;
	if (!ok || first || req->method == NULL)
		return HTTP_BAD;
	if (req->chunked)
		req->wanted = 0;
	return req->wanted > HTTP_BODY_MAX ? HTTP_TOO_LARGE : HTTP_MORE;
}

static void
take_body(struct http_request *req, struct evbuffer *in, size_t n)
{
	req->body = sim_realloc(req->body, req->body_len + n + 1, 1);
	evbuffer_remove(in, req->body + req->body_len, n);
	req->body_len += n;
	req->body[req->body_len] = '\0';
	req->wanted -= n;
}

static enum http_result
read_chunk_size(struct http_request *req, const char *line)
{
	char *end = NULL;
	unsigned long n;

	if (!isxdigit((unsigned char)line[0]) || strspn(line, "0123456789abcdefABCDEF") > 8)
		return HTTP_BAD;
	n = strtoul(line, &end, 16);
	if (*end != '\0' && *end != ';')
		return HTTP_BAD;
	if (req->body_len + n > HTTP_BODY_MAX)
		return HTTP_TOO_LARGE;
	req->wanted = n;
	req->chunk = n > 0 ? CHUNK_DATA : CHUNK_TRAILER;
	return HTTP_MORE;
}

/* RFC 9112 7.1. */
static enum http_result
read_chunked(struct http_request *req, struct evbuffer *in)
{
	for (;;) {
		enum http_result result = HTTP_MORE;
		size_t n = evbuffer_get_length(in);
		char *line;

		if (req->chunk == CHUNK_DATA) {
			take_body(req, in, n < req->wanted ? n : req->wanted);
			if (req->wanted > 0)
				return HTTP_MORE;
			req->chunk = CHUNK_END;
			continue;
		}
		line = evbuffer_readln(in, NULL, EVBUFFER_EOL_CRLF);
		if (line == NULL)
			return n > HTTP_HEADER_MAX ? HTTP_HEADER_TOO_LARGE : HTTP_MORE;
		if (req->chunk == CHUNK_SIZE)
			result = read_chunk_size(req, line);
		else if (req->chunk == CHUNK_END)
			req->chunk = CHUNK_SIZE;
		else if (line[0] == '\0')
			result = HTTP_COMPLETE;
		free(line);
		if (result != HTTP_MORE)
			return result;
	}
}

enum http_result
http_read(struct http_request *req, struct evbuffer *in)
{
	size_t n;

	if (!req->has_head) {
		enum http_result result = read_head(req, in);

		if (result != HTTP_MORE || !req->has_head)
			return result;
	}
	if (req->chunked)
		return read_chunked(req, in);
	n = evbuffer_get_length(in);
	take_body(req, in, n < req->wanted ? n : req->wanted);
	return req->wanted == 0 ? HTTP_COMPLETE : HTTP_MORE;
}

char *
http_query(const struct http_request *req, const char *name)
{
	const char *s = req->query;
	size_t len = strlen(name);

	while (*s != '\0') {
		size_t n = strcspn(s, "&"), key = strcspn(s, "=&");
		char *decoded = percent_decode(s, key, true);
		bool same = strcmp(decoded, name) == 0 && strlen(decoded) == len;

		free(decoded);
		if (same && key < n)
			return percent_decode(s + key + 1, n - key - 1, true);
		if (same)
			return sim_strdup("");
		s += n;
		if (*s == '&')
			s++;
	}
	return NULL;
}

const char *
http_reason(int code)
{
	switch (code) {
	case 200:
		return "OK";
	case 201:
		return "Created";
	case 202:
		return "Accepted";
	case 400:
		return "Bad Request";
	case 401:
		return "Unauthorized";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 406:
		return "Not Acceptable";
	case 409:
		return "Conflict";
	case 410:
		return "Gone";
	case 413:
		return "Request Entity Too Large";
	case 415:
		return "Unsupported Media Type";
	case 422:
		return "Unprocessable Entity";
	case 429:
		return "Too Many Requests";
	case 431:
		return "Request Header Fields Too Large";
	case 500:
		return "Internal Server Error";
	case 503:
		return "Service Unavailable";
	case 504:
		return "Gateway Timeout";
	default:
		return "Unknown";
	}
}

void
http_head(struct evbuffer *out, const struct http_request *req, int code, const char *type,
    long length, bool keep_alive, const char *extra)
{
	time_t now = time(NULL);
	struct tm tm;
	char date[64];

	gmtime_r(&now, &tm);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	evbuffer_add_printf(out, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nDate: %s\r\n%s", code,
	    http_reason(code), type, date, extra);
	if (length >= 0)
		evbuffer_add_printf(out, "Content-Length: %ld\r\n", length);
	else if (!req->old)
		evbuffer_add_printf(out, "Transfer-Encoding: chunked\r\n");
	if (!keep_alive)
		evbuffer_add_printf(out, "Connection: close\r\n");
	else if (req->old)
		evbuffer_add_printf(out, "Connection: keep-alive\r\n");
	evbuffer_add(out, "\r\n", 2);
}
