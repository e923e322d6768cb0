/*
 * http_reply: one small HTTP/1 response in memory (RFC 9112): status, headers, body by
 * Content-Length, by chunks, or until the connection ends. For port_probe; the API's responses are
 * libcurl's.
 *
 * Strict where two readers could differ (two lengths, an unknown Transfer-Encoding), lenient in
 * what does not matter (bare LF, unknown headers). Pure: no socket, no allocation.
 */
#ifndef IO_HTTP_REPLY_H
#define IO_HTTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>

enum http_reply_verdict {
	HTTP_REPLY_MORE,  /* so far so good */
	HTTP_REPLY_WHOLE, /* *ret_reply is set */
	HTTP_REPLY_BAD,   /* not HTTP, or it ended too early */
	HTTP_REPLY_VERDICT_COUNT
};

/* Points into the bytes that it was read from. */
struct http_reply {
	int status; /* 200 to 599: interim responses (1xx) are passed over */
	const char *head;
	size_t head_len; /* status line and headers */
	const char *body;
	size_t body_len;
	bool keep; /* the connection may take another request: nothing is left on it */
};

/*
 * All bytes that came since the request; `ended`: and no more will. They may be given again with
 * more behind them after MORE; a chunked body is put together in place when it is whole.
 */
enum http_reply_verdict
http_reply_read(char *bytes, size_t len, bool ended, struct http_reply *ret_reply);
/* The value of the first header of that name (any case), copied to out without white space around
 * it; false without it or when it does not fit. */
bool http_reply_header(const struct http_reply *reply, const char *name, char *out, size_t size);

#endif
