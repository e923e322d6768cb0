/*
 * http_client: what the files of the HTTP client know of a client beyond http.h: its requests, and
 * those of them for which something is to be done at the end of the turn.
 */
#ifndef IO_HTTP_CLIENT_H
#define IO_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include <curl/curl.h>

#include "io/http.h"
#include "io/loop.h"
#include "util/list.h"

struct http_client {
	struct loop *loop;
	CURLM *multi;
	char *user_agent;
	struct loop_timer timer; /* libcurl's */
	struct loop_deferred sweep;
	TAILQ_HEAD(, http_request) requests;
	TAILQ_HEAD(, http_request) queued, sweeping;
	TAILQ_HEAD(, http_socket) sockets;
	size_t n_requests;
	size_t n_endpoints;
	bool in_curl; /* not to be entered again */
};

/* Every request is in the list from its start until it is freed. */
void http_client_add(struct http_client *client, struct http_request *request);
void http_client_remove(struct http_client *client, struct http_request *request);
/* http_request_proceed() at the end of the turn, once however often this is called. */
void http_client_queue(struct http_client *client, struct http_request *request);
/* From http_request_proceed() only: the request may have ended, and be gone, when this returns. */
void http_client_unpause(struct http_client *client, struct http_request *request);

#endif
