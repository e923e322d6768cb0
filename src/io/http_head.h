/*
 * http_head: the head of a response, line by line as libcurl hands it out: status line and headers.
 * http_response_header() of http.h looks into what it kept. No libcurl in here.
 */
#ifndef IO_HTTP_HEAD_H
#define IO_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/str.h"

/* As in struct http_response. Of several responses to a request (100 Continue) the last counts. */
struct http_head {
	int status;       /* 0: none came */
	int http_version; /* 10, 11, 20 */
	int64_t retry_after_usec;
	char *content_type;  /* NULL when absent */
	bool ended;          /* by an empty line */
	struct strbuf lines; /* the headers, each with its end of line */
};

enum http_head_step {
	HTTP_HEAD_MORE,
	HTTP_HEAD_ENDED,     /* that was the empty line */
	HTTP_HEAD_TOO_LARGE, /* over HTTP_MAX_HEADER_BYTES: not taken */
	HTTP_HEAD_STEP_COUNT
};

void http_head_init(struct http_head *head);
void http_head_fini(struct http_head *head);
/* One line with its end; what cannot be read is passed over. */
enum http_head_step http_head_take(struct http_head *head, const char *line, size_t len);

#endif
