/*
 * http_request: what the files of the HTTP client know of a request beyond http.h. It is the
 * caller's until its done callback returns or it is cancelled; what is left of it then is freed
 * here.
 */
#ifndef IO_HTTP_REQUEST_H
#define IO_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curl/curl.h>

#include "io/http.h"
#include "io/http_head.h"
#include "io/loop.h"
#include "util/list.h"
#include "util/mono.h"
#include "util/str.h"

struct http_request {
	struct http_endpoint *endpoint;
	CURL *easy; /* NULL when it cannot be sent: `invalid` says why */
	char *invalid;
	struct curl_slist *headers;
	char *body;
	size_t max_body_bytes;
	http_headers_fn *on_headers;
	http_body_fn *on_body;
	http_done_fn *on_done;
	void *arg;
	struct loop_timer timer; /* deadline and idle time-out */
	mono_t deadline, last_byte;
	int64_t timeout_usec, idle_timeout_usec;
	bool added;     /* to the multi handle */
	bool is_queued; /* for the sweep */
	bool cancelled; /* no callback any more */
	bool aborted, too_large, paused, resume;
	struct http_head head;
	struct strbuf response_body;
	char error[CURL_ERROR_SIZE];
	TAILQ_ENTRY(http_request) link, queue;
};

/* Does what was asked for since the last turn: starts, resumes or frees it. */
void http_request_proceed(struct http_request *request);
/* libcurl is done with it: tells the caller, then frees it. */
void http_request_ended(struct http_request *request, CURLcode code);
/* Without a callback. */
void http_request_free(struct http_request *request);

#endif
