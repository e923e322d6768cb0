/*
 * A request from its options to libcurl, and from libcurl to its callbacks. Time-outs of whole
 * requests are ours: libcurl's do not run while a request waits for a connection.
 */
#include "io/http_request.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "io/http_client.h"
#include "io/http_endpoint.h"
#include "util/mem.h"
#include "util/mono.h"

/* What comes in. */

static void
fill_response(struct http_request *request, struct http_response *response)
{
	long connects = 1;

	if (request->easy)
		(void)curl_easy_getinfo(request->easy, CURLINFO_NUM_CONNECTS, &connects);
	*response = (struct http_response){
	    .status = request->head.status,
	    .http_version = request->head.http_version,
	    .retry_after_usec = request->head.retry_after_usec,
	    .content_type = request->head.content_type ? request->head.content_type : "",
	    .body = strbuf_text(&request->response_body),
	    .body_len = request->response_body.len,
	    .reused = connects == 0,
	    .headers = strbuf_text(&request->head.lines),
	};
}

static void
touch(struct http_request *request)
{
	/* The timer itself is not moved for each byte: it looks at this when it fires. */
	request->last_byte = loop_now(request->endpoint->client->loop);
}

static void
end_headers(struct http_request *request)
{
	struct http_response response;

	if (!request->on_headers || request->head.status < 200 || request->head.status > 299)
		return;
	fill_response(request, &response);
	request->on_headers(request->arg, &response);
}

static size_t
on_header(char *line, size_t size, size_t n, void *arg)
{
	struct http_request *request = arg;
	size_t len = size * n;

	if (request->cancelled)
		return 0;
	touch(request);
	switch (http_head_take(&request->head, line, len)) {
	case HTTP_HEAD_ENDED:
		end_headers(request);
		break;
	case HTTP_HEAD_TOO_LARGE:
		request->too_large = true;
		return 0;
	case HTTP_HEAD_MORE:
	case HTTP_HEAD_STEP_COUNT:
		break;
	}
	return len;
}

/* Anything but the number of bytes ends the transfer; zero bytes never come with a body. */
static size_t
on_bytes(char *bytes, size_t size, size_t n, void *arg)
{
	struct http_request *request = arg;
	struct http_response response;
	size_t len = size * n, max;

	if (request->cancelled)
		return len + 1;
	touch(request);
	if (!request->on_body || request->head.status < 200 || request->head.status > 299) {
		max = request->on_body ? HTTP_MAX_ERROR_BYTES : request->max_body_bytes;
		if (len > max || request->response_body.len > max - len) {
			request->too_large = true;
			return len + 1;
		}
		strbuf_addn(&request->response_body, bytes, len);
		return len;
	}
	fill_response(request, &response);
	switch (request->on_body(request->arg, &response, bytes, len)) {
	case HTTP_BODY_MORE:
		return request->cancelled ? len + 1 : len;
	case HTTP_BODY_PAUSE:
		if (request->cancelled)
			return len + 1;
		request->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	case HTTP_BODY_ABORT:
	case HTTP_BODY_VERDICT_COUNT:
		break;
	}
	request->aborted = true;
	return len + 1;
}

/* The end of a request. */

void
http_request_free(struct http_request *request)
{
	struct http_client *client = request->endpoint->client;
	struct curl_slist *header;

	http_client_remove(client, request);
	if (request->added)
		(void)curl_multi_remove_handle(client->multi, request->easy);
	if (request->easy)
		curl_easy_cleanup(request->easy);
	for (header = request->headers; header; header = header->next)
		explicit_bzero(header->data, strlen(header->data));
	curl_slist_free_all(request->headers);
	loop_timer_fini(&request->timer);
	http_endpoint_unref(request->endpoint);
	free(request->invalid);
	free(request->body);
	http_head_fini(&request->head);
	strbuf_free(&request->response_body);
	free(request);
}

/* Tells the caller and frees the request. */
static void
finish(struct http_request *request, enum http_result result, const char *reason)
{
	struct http_response response;
	char *error;

	/* From here on nothing of it may come out of libcurl again. */
	fill_response(request, &response);
	if (request->added) {
		(void)curl_multi_remove_handle(request->endpoint->client->multi, request->easy);
		request->added = false;
	}
	loop_timer_set(&request->timer, MONO_NEVER);
	error = result == HTTP_OK ? xstrdup("")
				  : xasprintf("%s: %s", request->endpoint->name, reason);
	if (!request->cancelled) {
		request->cancelled = true;
		request->on_done(request->arg, result, &response, error);
	}
	free(error);
	http_request_free(request);
}

static enum http_result
connect_result(int os_errno)
{
	if (os_errno == ECONNREFUSED)
		return HTTP_REFUSED;
	return os_errno == ETIMEDOUT ? HTTP_TIMEOUT : HTTP_UNREACHABLE;
}

/* libcurl has a hundred codes and gets new ones: a range of ints to us, hence the default. */
static enum http_result
result_of(CURLcode code, int os_errno)
{
	switch ((int)code) {
	case CURLE_OK:
		return HTTP_OK;
	case CURLE_COULDNT_CONNECT:
		return connect_result(os_errno);
	case CURLE_OPERATION_TIMEDOUT:
		return HTTP_TIMEOUT;
	case CURLE_COULDNT_RESOLVE_HOST:
		return HTTP_DNS;
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_PROXY:
		return HTTP_PROXY;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
	case CURLE_SSL_CLIENTCERT:
	case CURLE_SSL_CIPHER:
		return HTTP_TLS;
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_URL_MALFORMAT:
	case CURLE_NOT_BUILT_IN:
	case CURLE_SSL_ENGINE_NOTFOUND:
		return HTTP_INVALID;
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		return HTTP_CLOSED;
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9: the scheme has been checked */
	case CURLE_BAD_CONTENT_ENCODING:
		return HTTP_PROTOCOL;
	default:
		return HTTP_FAILED;
	}
}

void
http_request_ended(struct http_request *request, CURLcode code)
{
	const char *reason = request->error[0] ? request->error : curl_easy_strerror(code);
	long os_errno = 0;
	enum http_result result;
	char text[128];

	(void)curl_easy_getinfo(request->easy, CURLINFO_OS_ERRNO, &os_errno);
	result = result_of(code, (int)os_errno);
	if (request->aborted) {
		result = HTTP_CANCELLED;
		reason = "the rest of the body was not wanted";
	} else if (request->too_large) {
		result = HTTP_TOO_LARGE;
		reason = "the response is larger than allowed";
	} else if (code == CURLE_OK && !request->head.ended) {
		/* To libcurl a status line is a response. */
		result = HTTP_CLOSED;
		reason = "the connection ended before the headers did";
	} else if (code == CURLE_COULDNT_CONNECT && os_errno) {
		/* libcurl's own text says no more than "Couldn't connect". */
		reason = strerror_r((int)os_errno, text, sizeof(text));
	}
	finish(request, result, reason);
}

static mono_t
idle_deadline(const struct http_request *request)
{
	if (!request->idle_timeout_usec)
		return MONO_NEVER;
	return mono_add_usec(request->last_byte, request->idle_timeout_usec);
}

static void
on_request_timer(void *arg)
{
	struct http_request *request = arg;
	struct loop *loop = request->endpoint->client->loop;
	mono_t now = loop_now(loop);
	char span[24], reason[96];
	curl_off_t sent_usec = 0;

	if (request->paused)
		request->last_byte = now;
	if (mono_reached(now, request->deadline)) {
		(void)curl_easy_getinfo(request->easy, CURLINFO_PRETRANSFER_TIME_T, &sent_usec);
		str_format_duration(request->timeout_usec, span, sizeof(span));
		(void)snprintf(reason, sizeof(reason), "%s within %s",
		    request->head.status ? "the response did not end"
			: sent_usec      ? "no answer"
					 : "no connection",
		    span);
		finish(request, HTTP_TIMEOUT, reason);
	} else if (mono_reached(now, idle_deadline(request))) {
		str_format_duration(request->idle_timeout_usec, span, sizeof(span));
		(void)snprintf(reason, sizeof(reason), "silent for %s", span);
		finish(request, HTTP_TIMEOUT, reason);
	} else
		loop_timer_set(
		    &request->timer, mono_min(request->deadline, idle_deadline(request)));
}

/* The begin of a request. */

void
http_request_proceed(struct http_request *request)
{
	struct http_client *client = request->endpoint->client;

	if (request->cancelled) {
		http_request_free(request);
	} else if (request->invalid) {
		finish(request, HTTP_INVALID, request->invalid);
	} else if (!request->added) {
		request->added = true;
		(void)curl_multi_add_handle(client->multi, request->easy);
	} else if (request->resume) {
		request->resume = request->paused = false;
		touch(request);
		http_client_unpause(client, request);
	}
}

static int
on_new_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	unsigned timeout = HTTP_USER_TIMEOUT_MSEC;

	(void)arg;
	(void)purpose;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout));
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	return CURL_SOCKOPT_OK;
}

static void
set_transport(CURL *easy, CURLcode *err, const struct http_endpoint *endpoint,
    const struct http_request_options *options)
{
	int64_t connect_usec = options->connect_timeout_usec ? options->connect_timeout_usec
							     : HTTP_CONNECT_TIMEOUT_USEC;

#if LIBCURL_VERSION_NUM >= 0x075500
	HTTP_SETOPT(easy, err, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	HTTP_SETOPT(easy, err, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	HTTP_SETOPT(easy, err, CURLOPT_NOSIGNAL, 1L);
	HTTP_SETOPT(easy, err, CURLOPT_FOLLOWLOCATION, 0L);
	HTTP_SETOPT(easy, err, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	HTTP_SETOPT(easy, err, CURLOPT_HTTP_VERSION,
	    options->alone ? (long)CURL_HTTP_VERSION_1_1 : (long)CURL_HTTP_VERSION_2TLS);
	/* Without TLS there is no HTTP/2, and nothing to wait for; libcurl would wait for the first
	 * response, which a watch may not have for minutes. */
	HTTP_SETOPT(easy, err, CURLOPT_PIPEWAIT,
	    !options->fresh_connection && !options->alone &&
		    str_has_prefix(endpoint->base, "https:")
		? 1L
		: 0L);
	HTTP_SETOPT(easy, err, CURLOPT_FRESH_CONNECT, options->fresh_connection ? 1L : 0L);
	HTTP_SETOPT(easy, err, CURLOPT_FORBID_REUSE, options->fresh_connection ? 1L : 0L);
	HTTP_SETOPT(easy, err, CURLOPT_CONNECTTIMEOUT_MS,
	    (long)((connect_usec + USEC_PER_MSEC - 1) / USEC_PER_MSEC));
	HTTP_SETOPT(easy, err, CURLOPT_TCP_KEEPALIVE, 1L);
	HTTP_SETOPT(easy, err, CURLOPT_TCP_KEEPIDLE, (long)HTTP_KEEPALIVE_IDLE_SEC);
	HTTP_SETOPT(easy, err, CURLOPT_TCP_KEEPINTVL, (long)HTTP_KEEPALIVE_INTERVAL_SEC);
	HTTP_SETOPT(easy, err, CURLOPT_SOCKOPTFUNCTION, on_new_socket);
#if LIBCURL_VERSION_NUM >= 0x075000
	HTTP_SETOPT(easy, err, CURLOPT_MAXLIFETIME_CONN, (long)HTTP_CONNECTION_MAX_AGE_SEC);
#endif
}

static void
add_header(struct http_request *request, const char *name, const char *value)
{
	char *line = xasprintf("%s%s", name, value);
	struct curl_slist *list = curl_slist_append(request->headers, line);

	if (!list)
		abort();
	request->headers = list;
	explicit_bzero(line, strlen(line));
	free(line);
}

static void
set_headers(struct http_request *request, CURLcode *err, const struct http_request_options *options)
{
	const struct http_endpoint *endpoint = request->endpoint;
	size_t i;

	if (endpoint->token)
		add_header(request, "Authorization: Bearer ", endpoint->token);
	if (endpoint->host_header)
		add_header(request, endpoint->host_header, "");
	add_header(request, "Accept: ", options->accept ? options->accept : "application/json");
	if (options->content_type)
		add_header(request, "Content-Type: ", options->content_type);
	/* No round trip before large bodies. */
	add_header(request, "Expect:", "");
	for (i = 0; i < options->n_headers; i++)
		add_header(request, options->headers[i], "");
	HTTP_SETOPT(request->easy, err, CURLOPT_HTTPHEADER, request->headers);
	HTTP_SETOPT(request->easy, err, CURLOPT_USERAGENT, endpoint->client->user_agent);
}

static void
set_request(struct http_request *request, CURLcode *err, const struct http_request_options *options)
{
	mem_cleanup(mem_freep) char *url = xasprintf(
	    "%s%s", request->endpoint->base, options->path);
	CURL *easy = request->easy;

	HTTP_SETOPT(easy, err, CURLOPT_URL, url);
	HTTP_SETOPT(easy, err, CURLOPT_PATH_AS_IS, 1L);
	HTTP_SETOPT(easy, err, CURLOPT_PRIVATE, request);
	HTTP_SETOPT(easy, err, CURLOPT_ERRORBUFFER, request->error);
	HTTP_SETOPT(easy, err, CURLOPT_WRITEFUNCTION, on_bytes);
	HTTP_SETOPT(easy, err, CURLOPT_WRITEDATA, request);
	HTTP_SETOPT(easy, err, CURLOPT_HEADERFUNCTION, on_header);
	HTTP_SETOPT(easy, err, CURLOPT_HEADERDATA, request);
	if (options->body) {
		request->body = xcalloc(options->body_len + 1, 1);
		memcpy(request->body, options->body, options->body_len);
		HTTP_SETOPT(easy, err, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)options->body_len);
		HTTP_SETOPT(easy, err, CURLOPT_POSTFIELDS, request->body);
	}
	if (str_eq(options->method, "HEAD"))
		HTTP_SETOPT(easy, err, CURLOPT_NOBODY, 1L);
	else
		HTTP_SETOPT(easy, err, CURLOPT_CUSTOMREQUEST, options->method);
}

/* Spaces and control characters in a path or a header would make it another request. */
static bool
is_clean(const char *s, char lowest)
{
	for (; *s; s++)
		if (*s < lowest || *s == 0x7f)
			return false;
	return true;
}

/* NULL, or what is wrong. */
static const char *
check_request(const struct http_request_options *options)
{
	size_t i;

	if (options->path[0] != '/' || !is_clean(options->path, '!'))
		return "the path of a request is not valid";
	if (!is_clean(options->method, 'A'))
		return "the method of a request is not valid";
	if ((options->accept && !is_clean(options->accept, ' ')) ||
	    (options->content_type && !is_clean(options->content_type, ' ')))
		return "a header of a request is not valid";
	for (i = 0; i < options->n_headers; i++)
		if (!is_clean(options->headers[i], ' '))
			return "a header of a request is not valid";
	return NULL;
}

struct http_request *
http_request_start(struct http_endpoint *endpoint, const struct http_request_options *options)
{
	struct http_client *client = endpoint->client;
	struct http_request *request = xcalloc(1, sizeof(*request));
	const char *wrong = check_request(options);
	mono_t now = loop_now(client->loop);
	CURLcode err = CURLE_OK;

	request->endpoint = endpoint;
	endpoint->refs++;
	request->on_headers = options->on_body ? options->on_headers : NULL;
	request->on_body = options->on_body;
	request->on_done = options->on_done;
	request->arg = options->arg;
	http_head_init(&request->head);
	request->max_body_bytes = options->max_body_bytes ? options->max_body_bytes
							  : HTTP_MAX_BODY_BYTES;
	request->timeout_usec = options->timeout_usec;
	request->idle_timeout_usec = options->idle_timeout_usec;
	request->last_byte = now;
	request->deadline = options->timeout_usec ? mono_add_usec(now, options->timeout_usec)
						  : MONO_NEVER;
	loop_timer_init(&request->timer, client->loop, on_request_timer, request);
	http_client_add(client, request);
	if (!wrong) {
		request->easy = curl_easy_init();
		if (!request->easy)
			abort();
		set_request(request, &err, options);
		set_headers(request, &err, options);
		set_transport(request->easy, &err, endpoint, options);
		http_endpoint_apply(endpoint, request->easy, &err);
		if (err)
			wrong = curl_easy_strerror(err);
		else
			loop_timer_set(
			    &request->timer, mono_min(request->deadline, idle_deadline(request)));
	}
	request->invalid = wrong ? xstrdup(wrong) : NULL;
	http_client_queue(client, request);
	return request;
}

void
http_request_cancel(struct http_request *request)
{
	if (!request || request->cancelled)
		return;
	request->cancelled = true;
	loop_timer_set(&request->timer, MONO_NEVER);
	http_client_queue(request->endpoint->client, request);
}

void
http_request_resume(struct http_request *request)
{
	if (!request->paused || request->cancelled)
		return;
	request->resume = true;
	http_client_queue(request->endpoint->client, request);
}
