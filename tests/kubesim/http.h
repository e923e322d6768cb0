/*
 * http: HTTP/1.1 requests from a buffer and answers into one (RFC 9112). No sockets here.
 */
#ifndef KUBESIM_HTTP_H
#define KUBESIM_HTTP_H

#include <event2/buffer.h>
#include <stdbool.h>
#include <stddef.h>

enum {
	HTTP_HEADER_MAX = 64 * 1024,
	HTTP_BODY_MAX = 3 * 1024 * 1024, /* kube-apiserver's own limit */
};

struct http_request {
	char *method, *path;                         /* path: decoded, without query */
	char *query;                                 /* raw, "" for none */
	char *authorization, *accept, *content_type; /* "" for none */
	char *body;
	size_t body_len;
	bool keep_alive, old; /* old: HTTP/1.0, cannot take chunks */

	/* while reading */
	bool has_head, chunked, expects_continue;
	size_t wanted; /* rest of the body, or of the current chunk */
	enum {
		CHUNK_SIZE,
		CHUNK_DATA,
		CHUNK_END,
		CHUNK_TRAILER
	} chunk;
};

enum http_result {
	HTTP_MORE, /* not complete yet */
	HTTP_COMPLETE,
	HTTP_BAD,              /* 400 */
	HTTP_TOO_LARGE,        /* 413 */
	HTTP_HEADER_TOO_LARGE, /* 431 */
};

/* Takes bytes of one request out of `in`; call again when more has come. */
enum http_result http_read(struct http_request *req, struct evbuffer *in);
/* Ready for the next request. */
void http_request_clear(struct http_request *req);

/* The decoded value of a query parameter, new; NULL when it is not there. */
char *http_query(const struct http_request *req, const char *name);

/* length < 0: chunked (or, for an old client, until the end of the connection). extra: further
 * header lines, each with CRLF. */
void http_head(struct evbuffer *out, const struct http_request *req, int code, const char *type,
    long length, bool keep_alive, const char *extra);
const char *http_reason(int code);

#endif
