/*
 * http: see http.h.
 *
 * libcurl's multi_socket interface: it says which sockets to watch and when to call back, and is
 * told what happened. libcurl must not be entered from within its own callbacks, so whatever a
 * caller asks for (start, cancel, resume) is only queued, and done at the end of the turn in
 * on_sweep(). Time-outs of whole requests are ours: libcurl's do not run while a request waits for
 * a connection.
 */
#include "config.h"

#include "io/http.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include <curl/curl.h>

#include "io/loop.h"
#include "util/list.h"
#include "util/mem.h"
#include "util/str.h"

/* A trust store of the system's size takes 10 ms to read; one that is given must be fresh. */
#define SYSTEM_CA_CACHE_SEC 300L

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
	bool in_curl;
};

struct http_socket {
	struct http_client *client;
	struct loop_fd watch;
	TAILQ_ENTRY(http_socket) link;
};

struct http_endpoint {
	struct http_client *client;
	size_t refs; /* the owner's, and one per request */
	char *name;
	char *base;        /* what paths are appended to */
	char *host_header; /* with tls_server_name: the host that the URL does not hold */
	struct curl_slist *connect_to; /* the same */
	char *ca_file, *ca_pem, *certificate_file, *key_file, *certificate_pem, *key_pem;
	char *proxy_url;
	bool insecure;
	char *token; /* secret */
};

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
	bool headers_ended;
	int status, http_version;
	int64_t retry_after_usec;
	char *content_type;
	struct strbuf response_headers, response_body;
	char error[CURL_ERROR_SIZE];
	TAILQ_ENTRY(http_request) link, queue;
};

static const char *const results[] = {
    [HTTP_OK] = "ok",
    [HTTP_REFUSED] = "refused",
    [HTTP_UNREACHABLE] = "unreachable",
    [HTTP_TIMEOUT] = "timeout",
    [HTTP_DNS] = "dns",
    [HTTP_TLS] = "tls",
    [HTTP_CLOSED] = "closed",
    [HTTP_TOO_LARGE] = "too-large",
    [HTTP_PROTOCOL] = "protocol",
    [HTTP_PROXY] = "proxy",
    [HTTP_CANCELLED] = "cancelled",
    [HTTP_INVALID] = "invalid",
    [HTTP_FAILED] = "failed",
};
static_assert(sizeof(results) / sizeof(results[0]) == HTTP_RESULT_COUNT, "one name per result");

const char *
http_result_str(enum http_result result)
{
	return results[result];
}

/* The client and libcurl's callbacks. */

static size_t n_clients; /* libcurl's global state lives as long as one client */

static void check_done(struct http_client *client);

static void
curl_act(struct http_client *client, curl_socket_t fd, int what)
{
	int running;

	client->in_curl = true;
	(void)curl_multi_socket_action(client->multi, fd, what, &running);
	client->in_curl = false;
	check_done(client);
}

static void
on_curl_timer(void *arg)
{
	curl_act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static void
on_socket(void *arg, bool readable, bool writable)
{
	struct http_socket *sock = arg;

	curl_act(sock->client, sock->watch.fd,
	    (readable ? CURL_CSELECT_IN : 0) | (writable ? CURL_CSELECT_OUT : 0));
}

static int
curl_wants_timer(CURLM *multi, long msec, void *arg)
{
	struct http_client *client = arg;

	(void)multi;
	loop_timer_set(&client->timer,
	    msec < 0 ? MONO_NEVER : mono_add_usec(loop_clock(), (int64_t)msec * USEC_PER_MSEC));
	return 0;
}

static void
socket_free(struct http_socket *sock)
{
	TAILQ_REMOVE(&sock->client->sockets, sock, link);
	loop_fd_fini(&sock->watch);
	free(sock);
}

static int
curl_wants_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct http_client *client = arg;
	struct http_socket *sock = socket_arg;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (sock)
			socket_free(sock);
		return 0;
	}
	if (!sock) {
		sock = xcalloc(1, sizeof(*sock));
		sock->client = client;
		loop_fd_init(&sock->watch, client->loop, fd, on_socket, sock);
		TAILQ_INSERT_TAIL(&client->sockets, sock, link);
		(void)curl_multi_assign(client->multi, fd, sock);
	}
	if (loop_fd_set(&sock->watch, what & CURL_POLL_IN, what & CURL_POLL_OUT))
		return -1;
	return 0;
}

static void on_sweep(void *arg);

int
http_client_new(struct loop *loop, const char *user_agent, struct http_client **ret_client)
{
	struct http_client *client;
	const curl_version_info_data *info;

	if (!n_clients && curl_global_init(CURL_GLOBAL_DEFAULT))
		return -ENOMEM;
	info = curl_version_info(CURLVERSION_NOW);
	if (!(info->features & CURL_VERSION_ASYNCHDNS) || !(info->features & CURL_VERSION_SSL)) {
		if (!n_clients)
			curl_global_cleanup();
		return -EOPNOTSUPP;
	}
	n_clients++;
	client = xcalloc(1, sizeof(*client));
	client->loop = loop;
	client->user_agent = xstrdup(user_agent);
	client->multi = curl_multi_init();
	if (!client->multi)
		abort();
	TAILQ_INIT(&client->requests);
	TAILQ_INIT(&client->queued);
	TAILQ_INIT(&client->sweeping);
	TAILQ_INIT(&client->sockets);
	loop_timer_init(&client->timer, loop, on_curl_timer, client);
	loop_deferred_init(&client->sweep, loop, on_sweep, client);
	(void)curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, curl_wants_socket);
	(void)curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
	(void)curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, curl_wants_timer);
	(void)curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
	(void)curl_multi_setopt(
	    client->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)HTTP_MAX_CONNECTIONS);
	(void)curl_multi_setopt(
	    client->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)HTTP_MAX_HOST_CONNECTIONS);
	(void)curl_multi_setopt(
	    client->multi, CURLMOPT_MAXCONNECTS, (long)HTTP_MAX_IDLE_CONNECTIONS);
	(void)curl_multi_setopt(client->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
	*ret_client = client;
	return 0;
}

static void request_free(struct http_request *request);

void
http_client_free(struct http_client *client)
{
	struct http_request *request, *next_request;
	struct http_socket *sock, *next_socket;

	if (!client)
		return;
	assert(!client->in_curl);
	TAILQ_FOREACH_SAFE (request, &client->requests, link, next_request)
		request_free(request);
	assert(!client->n_endpoints);
	(void)curl_multi_cleanup(client->multi);
	TAILQ_FOREACH_SAFE (sock, &client->sockets, link, next_socket)
		socket_free(sock);
	loop_timer_fini(&client->timer);
	loop_deferred_fini(&client->sweep);
	free(client->user_agent);
	free(client);
	if (!--n_clients)
		curl_global_cleanup();
}

size_t
http_client_running(const struct http_client *client)
{
	return client->n_requests;
}

/* Endpoints. */

static void
free_secret(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}

static void
endpoint_unref(struct http_endpoint *endpoint)
{
	if (--endpoint->refs)
		return;
	endpoint->client->n_endpoints--;
	curl_slist_free_all(endpoint->connect_to);
	free(endpoint->name);
	free(endpoint->base);
	free(endpoint->host_header);
	free(endpoint->ca_file);
	free(endpoint->ca_pem);
	free(endpoint->certificate_file);
	free(endpoint->key_file);
	free(endpoint->certificate_pem);
	free_secret(endpoint->key_pem);
	free_secret(endpoint->proxy_url);
	free_secret(endpoint->token);
	free(endpoint);
}

/* A copy, or NULL for NULL and "". */
static char *
copy_option(const char *s)
{
	return s && *s ? xstrdup(s) : NULL;
}

/* A part of a URL as a heap string, NULL when it is not there. */
static char *
url_part(CURLU *url, CURLUPart part, unsigned flags)
{
	char *text = NULL, *copy = NULL;

	if (!curl_url_get(url, part, &text, flags) && text && *text)
		copy = xstrdup(text);
	curl_free(text);
	return copy;
}

static bool
url_has(CURLU *url, CURLUPart part)
{
	char *text = url_part(url, part, 0);

	free(text);
	return text != NULL;
}

/* Fills name, base, host_header and connect_to from the URL. NULL, or what is wrong. */
static const char *
endpoint_set_server(struct http_endpoint *endpoint, CURLU *url, const char *tls_server_name)
{
	mem_cleanup(mem_freep) char *scheme = url_part(url, CURLUPART_SCHEME, 0);
	mem_cleanup(mem_freep) char *host = url_part(url, CURLUPART_HOST, 0);
	mem_cleanup(mem_freep) char *port = url_part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
	mem_cleanup(mem_freep) char *path = url_part(url, CURLUPART_PATH, 0);
	size_t len;

	if (!scheme || !host || !port || (!str_eq(scheme, "https") && !str_eq(scheme, "http")))
		return "must be https://HOST[:PORT] or http://HOST[:PORT]";
	if (url_has(url, CURLUPART_USER) || url_has(url, CURLUPART_PASSWORD))
		return "must not hold a user or a password";
	if (url_has(url, CURLUPART_QUERY) || url_has(url, CURLUPART_FRAGMENT))
		return "must not hold a query or a fragment";
	len = path ? strlen(path) : 0;
	while (len && path[len - 1] == '/')
		path[--len] = '\0';
	endpoint->name = xasprintf("%s://%s:%s", scheme, host, port);
	if (!tls_server_name || !*tls_server_name) {
		endpoint->base = xasprintf("%s%s", endpoint->name, path ? path : "");
		return NULL;
	}
	if (curl_url_set(url, CURLUPART_HOST, tls_server_name, 0))
		return "cannot be combined with this tls-server-name";
	endpoint->base = xasprintf("%s://%s:%s%s", scheme, tls_server_name, port, path ? path : "");
	endpoint->host_header = xasprintf("Host: %s:%s", host, port);
	{
		mem_cleanup(mem_freep) char *rule = xasprintf(
		    "%s:%s:%s:%s", tls_server_name, port, host, port);

		endpoint->connect_to = curl_slist_append(NULL, rule);
	}
	return NULL;
}

/* NULL, or what is wrong with the options beside the server. */
static const char *
check_options(const struct http_endpoint_options *options, const struct http_endpoint *endpoint)
{
	static const char *const schemes[] = {"http://", "https://", "socks5://", "socks5h://"};
	size_t i;

	if (!endpoint->certificate_file != !endpoint->key_file ||
	    !endpoint->certificate_pem != !endpoint->key_pem)
		return "a client certificate needs its key, and the key its certificate";
#if LIBCURL_VERSION_NUM < 0x074d00
	if (endpoint->ca_pem)
		return "a certificate authority as data needs libcurl 7.77; give a file";
#endif
	if (!endpoint->proxy_url)
		return NULL;
	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (str_has_prefix(options->proxy_url, schemes[i]))
			return NULL;
	return "proxy-url: must begin with http://, https://, socks5:// or socks5h://";
}

int
http_endpoint_new(struct http_client *client, const struct http_endpoint_options *options,
    struct http_endpoint **ret_endpoint, char **err_text)
{
	struct http_endpoint *endpoint = xcalloc(1, sizeof(*endpoint));
	CURLU *url = curl_url();
	const char *wrong;

	if (!url)
		abort();
	endpoint->client = client;
	client->n_endpoints++;
	endpoint->refs = 1;
	endpoint->ca_file = copy_option(options->ca_file);
	endpoint->ca_pem = copy_option(options->ca_pem);
	endpoint->certificate_file = copy_option(options->certificate_file);
	endpoint->key_file = copy_option(options->key_file);
	endpoint->certificate_pem = copy_option(options->certificate_pem);
	endpoint->key_pem = copy_option(options->key_pem);
	endpoint->proxy_url = copy_option(options->proxy_url);
	endpoint->insecure = options->insecure;
	if (!options->server || curl_url_set(url, CURLUPART_URL, options->server, 0))
		wrong = "must be https://HOST[:PORT] or http://HOST[:PORT]";
	else
		wrong = endpoint_set_server(endpoint, url, options->tls_server_name);
	curl_url_cleanup(url);
	if (wrong) {
		/* What stands before an @ may be a password. */
		const char *at = options->server ? strrchr(options->server, '@') : NULL;

		*err_text = xasprintf("server \"%s\": %s",
		    at                    ? at + 1
			: options->server ? options->server
					  : "",
		    wrong);
	} else {
		wrong = check_options(options, endpoint);
		if (wrong)
			*err_text = xasprintf("%s: %s", endpoint->name, wrong);
	}
	if (wrong) {
		endpoint_unref(endpoint);
		return -EINVAL;
	}
	*ret_endpoint = endpoint;
	return 0;
}

void
http_endpoint_free(struct http_endpoint *endpoint)
{
	if (endpoint)
		endpoint_unref(endpoint);
}

int
http_endpoint_set_token(struct http_endpoint *endpoint, const char *token)
{
	size_t len, i;

	if (!token)
		token = "";
	token += strspn(token, " \t\r\n");
	len = strlen(token);
	while (len && strchr(" \t\r\n", token[len - 1]))
		len--;
	for (i = 0; i < len; i++)
		if (token[i] <= 0x20 || token[i] >= 0x7f)
			return -EINVAL;
	free_secret(endpoint->token);
	endpoint->token = len ? xstrndup(token, len) : NULL;
	return 0;
}

const char *
http_endpoint_name(const struct http_endpoint *endpoint)
{
	return endpoint->name;
}

/* What comes in. */

static void
fill_response(struct http_request *request, struct http_response *response)
{
	long connects = 1;

	if (request->easy)
		(void)curl_easy_getinfo(request->easy, CURLINFO_NUM_CONNECTS, &connects);
	*response = (struct http_response){
	    .status = request->status,
	    .http_version = request->http_version,
	    .retry_after_usec = request->retry_after_usec,
	    .content_type = request->content_type ? request->content_type : "",
	    .body = strbuf_text(&request->response_body),
	    .body_len = request->response_body.len,
	    .reused = connects == 0,
	    .headers = strbuf_text(&request->response_headers),
	};
}

static void
touch(struct http_request *request)
{
	/* The timer itself is not moved for each byte: it looks at this when it fires. */
	request->last_byte = loop_now(request->endpoint->client->loop);
}

/* "HTTP/1.1 200 OK", "HTTP/2 200". Each response of a request (100 Continue) begins anew. */
static void
take_status_line(struct http_request *request, const char *line, size_t len)
{
	char copy[32];
	int major = 0, minor = 0, status = 0;

	strbuf_clear(&request->response_headers);
	request->headers_ended = false;
	request->retry_after_usec = -1;
	free(request->content_type);
	request->content_type = NULL;
	if (len >= sizeof(copy))
		len = sizeof(copy) - 1;
	memcpy(copy, line, len);
	copy[len] = '\0';
	if (sscanf(copy, "HTTP/%1d.%1d %3d", &major, &minor, &status) != 3) {
		minor = 0;
		if (sscanf(copy, "HTTP/%1d %3d", &major, &status) != 2)
			return;
	}
	request->status = status;
	request->http_version = major * 10 + minor;
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
take_header(struct http_request *request, const char *line, size_t len)
{
	const char *value;
	size_t value_len;
	char seconds[24];
	uint64_t number;

	if (take_value(line, len, "Content-Type", &value, &value_len)) {
		free(request->content_type);
		request->content_type = xstrndup(value, value_len);
	} else if (take_value(line, len, "Retry-After", &value, &value_len) &&
	    value_len < sizeof(seconds)) {
		memcpy(seconds, value, value_len);
		seconds[value_len] = '\0';
		if (!str_parse_uint(seconds, INT32_MAX, &number))
			request->retry_after_usec = (int64_t)number * USEC_PER_SEC;
	}
	strbuf_addn(&request->response_headers, line, len);
}

static void
end_headers(struct http_request *request)
{
	struct http_response response;

	request->headers_ended = true;
	if (!request->on_headers || request->status < 200 || request->status > 299)
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
	if (len > 5 && memcmp(line, "HTTP/", 5) == 0)
		take_status_line(request, line, len);
	else if (len && (line[0] == '\r' || line[0] == '\n'))
		end_headers(request);
	else if (request->response_headers.len + len > HTTP_MAX_HEADER_BYTES) {
		request->too_large = true;
		return 0;
	} else if (!memchr(line, '\0', len))
		take_header(request, line, len);
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
	if (!request->on_body || request->status < 200 || request->status > 299) {
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

/* The end of a request. */

static void
request_free(struct http_request *request)
{
	struct http_client *client = request->endpoint->client;
	struct curl_slist *header;

	if (request->is_queued) {
		struct http_request *other;

		TAILQ_FOREACH (other, &client->sweeping, queue)
			if (other == request)
				break;
		if (other)
			TAILQ_REMOVE(&client->sweeping, request, queue);
		else
			TAILQ_REMOVE(&client->queued, request, queue);
	}
	TAILQ_REMOVE(&client->requests, request, link);
	client->n_requests--;
	if (request->added)
		(void)curl_multi_remove_handle(client->multi, request->easy);
	if (request->easy)
		curl_easy_cleanup(request->easy);
	for (header = request->headers; header; header = header->next)
		explicit_bzero(header->data, strlen(header->data));
	curl_slist_free_all(request->headers);
	loop_timer_fini(&request->timer);
	endpoint_unref(request->endpoint);
	free(request->invalid);
	free(request->body);
	free(request->content_type);
	strbuf_free(&request->response_headers);
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
	request_free(request);
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

static void
finish_by_curl(struct http_request *request, CURLcode code)
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
	} else if (code == CURLE_OK && !request->headers_ended) {
		/* To libcurl a status line is a response. */
		result = HTTP_CLOSED;
		reason = "the connection ended before the headers did";
	} else if (code == CURLE_COULDNT_CONNECT && os_errno) {
		/* libcurl's own text says no more than "Couldn't connect". */
		reason = strerror_r((int)os_errno, text, sizeof(text));
	}
	finish(request, result, reason);
}

static void
check_done(struct http_client *client)
{
	const CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(client->multi, &left))) {
		struct http_request *request = NULL;
		CURLcode code = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&request);
		finish_by_curl(request, code);
	}
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
		    request->status ? "the response did not end"
			: sent_usec ? "no answer"
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

static void
on_sweep(void *arg)
{
	struct http_client *client = arg;
	struct http_request *request;

	TAILQ_CONCAT(&client->sweeping, &client->queued, queue);
	while ((request = TAILQ_FIRST(&client->sweeping))) {
		TAILQ_REMOVE(&client->sweeping, request, queue);
		request->is_queued = false;
		if (request->cancelled)
			request_free(request);
		else if (request->invalid)
			finish(request, HTTP_INVALID, request->invalid);
		else if (!request->added) {
			request->added = true;
			(void)curl_multi_add_handle(client->multi, request->easy);
		} else if (request->resume) {
			request->resume = request->paused = false;
			touch(request);
			client->in_curl = true;
			(void)curl_easy_pause(request->easy, CURLPAUSE_CONT);
			client->in_curl = false;
			/* Which may have delivered bytes, and ended the request. */
			curl_act(client, CURL_SOCKET_TIMEOUT, 0);
		}
	}
}

static void
queue(struct http_request *request)
{
	struct http_client *client = request->endpoint->client;

	if (request->is_queued)
		return;
	request->is_queued = true;
	TAILQ_INSERT_TAIL(&client->queued, request, queue);
	loop_defer(&client->sweep);
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

/* Sets one option and keeps the first error. */
#define SET(easy, err, option, value)                                       \
	do {                                                                \
		CURLcode set_code_ = curl_easy_setopt(easy, option, value); \
		if (!*(err))                                                \
			*(err) = set_code_;                                 \
	} while (0)

static void
set_blob(CURL *easy, CURLcode *err, CURLoption option, char *text)
{
	struct curl_blob blob = {.data = text, .len = strlen(text), .flags = CURL_BLOB_NOCOPY};

	SET(easy, err, option, &blob);
}

static void
set_tls(CURL *easy, CURLcode *err, const struct http_endpoint *endpoint)
{
	SET(easy, err, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(easy, err, CURLOPT_SSL_VERIFYPEER, endpoint->insecure ? 0L : 1L);
	SET(easy, err, CURLOPT_SSL_VERIFYHOST, endpoint->insecure ? 0L : 2L);
	SET(easy, err, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	if (endpoint->ca_file || endpoint->ca_pem) {
		/* Otherwise the system's authorities would be trusted beside the given one. */
		SET(easy, err, CURLOPT_CAPATH, NULL);
		SET(easy, err, CURLOPT_CAINFO, endpoint->ca_pem ? NULL : endpoint->ca_file);
	}
#if LIBCURL_VERSION_NUM >= 0x074d00
	if (endpoint->ca_pem)
		set_blob(easy, err, CURLOPT_CAINFO_BLOB, endpoint->ca_pem);
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
	/* By default a CA file is read once a day only. */
	SET(easy, err, CURLOPT_CA_CACHE_TIMEOUT,
	    endpoint->ca_file || endpoint->ca_pem ? 0L : SYSTEM_CA_CACHE_SEC);
#endif
	if (endpoint->certificate_pem) {
		set_blob(easy, err, CURLOPT_SSLCERT_BLOB, endpoint->certificate_pem);
		set_blob(easy, err, CURLOPT_SSLKEY_BLOB, endpoint->key_pem);
	} else if (endpoint->certificate_file) {
		SET(easy, err, CURLOPT_SSLCERT, endpoint->certificate_file);
		SET(easy, err, CURLOPT_SSLKEY, endpoint->key_file);
	}
}

static void
set_transport(CURL *easy, CURLcode *err, const struct http_endpoint *endpoint,
    const struct http_request_options *options)
{
	int64_t connect_usec = options->connect_timeout_usec ? options->connect_timeout_usec
							     : HTTP_CONNECT_TIMEOUT_USEC;

#if LIBCURL_VERSION_NUM >= 0x075500
	SET(easy, err, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	SET(easy, err, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	SET(easy, err, CURLOPT_NOSIGNAL, 1L);
	SET(easy, err, CURLOPT_FOLLOWLOCATION, 0L);
	SET(easy, err, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(easy, err, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	/* Without TLS there is no HTTP/2, and nothing to wait for; libcurl would wait for the first
	 * response, which a watch may not have for minutes. */
	SET(easy, err, CURLOPT_PIPEWAIT,
	    !options->fresh_connection && str_has_prefix(endpoint->base, "https:") ? 1L : 0L);
	SET(easy, err, CURLOPT_FRESH_CONNECT, options->fresh_connection ? 1L : 0L);
	SET(easy, err, CURLOPT_FORBID_REUSE, options->fresh_connection ? 1L : 0L);
	SET(easy, err, CURLOPT_CONNECTTIMEOUT_MS,
	    (long)((connect_usec + USEC_PER_MSEC - 1) / USEC_PER_MSEC));
	SET(easy, err, CURLOPT_TCP_KEEPALIVE, 1L);
	SET(easy, err, CURLOPT_TCP_KEEPIDLE, (long)HTTP_KEEPALIVE_IDLE_SEC);
	SET(easy, err, CURLOPT_TCP_KEEPINTVL, (long)HTTP_KEEPALIVE_INTERVAL_SEC);
	SET(easy, err, CURLOPT_SOCKOPTFUNCTION, on_new_socket);
#if LIBCURL_VERSION_NUM >= 0x075000
	SET(easy, err, CURLOPT_MAXLIFETIME_CONN, (long)HTTP_CONNECTION_MAX_AGE_SEC);
#endif
	if (endpoint->connect_to)
		SET(easy, err, CURLOPT_CONNECT_TO, endpoint->connect_to);
	if (endpoint->proxy_url) {
		SET(easy, err, CURLOPT_PROXY, endpoint->proxy_url);
		/* It was asked for, so no_proxy of the environment does not overrule it. */
		SET(easy, err, CURLOPT_NOPROXY, "");
	}
	/* The token is for the server, not for the proxy. */
	SET(easy, err, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
	SET(easy, err, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

static void
add_header(struct http_request *request, const char *name, const char *value)
{
	char *line = xasprintf("%s%s", name, value);
	struct curl_slist *list = curl_slist_append(request->headers, line);

	if (!list)
		abort();
	request->headers = list;
	free_secret(line);
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
	SET(request->easy, err, CURLOPT_HTTPHEADER, request->headers);
	SET(request->easy, err, CURLOPT_USERAGENT, endpoint->client->user_agent);
}

static void
set_request(struct http_request *request, CURLcode *err, const struct http_request_options *options)
{
	mem_cleanup(mem_freep) char *url = xasprintf(
	    "%s%s", request->endpoint->base, options->path);
	CURL *easy = request->easy;

	SET(easy, err, CURLOPT_URL, url);
	SET(easy, err, CURLOPT_PATH_AS_IS, 1L);
	SET(easy, err, CURLOPT_PRIVATE, request);
	SET(easy, err, CURLOPT_ERRORBUFFER, request->error);
	SET(easy, err, CURLOPT_WRITEFUNCTION, on_bytes);
	SET(easy, err, CURLOPT_WRITEDATA, request);
	SET(easy, err, CURLOPT_HEADERFUNCTION, on_header);
	SET(easy, err, CURLOPT_HEADERDATA, request);
	if (options->body) {
		request->body = xcalloc(options->body_len + 1, 1);
		memcpy(request->body, options->body, options->body_len);
		SET(easy, err, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)options->body_len);
		SET(easy, err, CURLOPT_POSTFIELDS, request->body);
	}
	if (str_eq(options->method, "HEAD"))
		SET(easy, err, CURLOPT_NOBODY, 1L);
	else
		SET(easy, err, CURLOPT_CUSTOMREQUEST, options->method);
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
	request->retry_after_usec = -1;
	request->max_body_bytes = options->max_body_bytes ? options->max_body_bytes
							  : HTTP_MAX_BODY_BYTES;
	request->timeout_usec = options->timeout_usec;
	request->idle_timeout_usec = options->idle_timeout_usec;
	request->last_byte = now;
	request->deadline = options->timeout_usec ? mono_add_usec(now, options->timeout_usec)
						  : MONO_NEVER;
	loop_timer_init(&request->timer, client->loop, on_request_timer, request);
	TAILQ_INSERT_TAIL(&client->requests, request, link);
	client->n_requests++;
	if (!wrong) {
		request->easy = curl_easy_init();
		if (!request->easy)
			abort();
		set_request(request, &err, options);
		set_headers(request, &err, options);
		set_transport(request->easy, &err, endpoint, options);
		set_tls(request->easy, &err, endpoint);
		if (err)
			wrong = curl_easy_strerror(err);
		else
			loop_timer_set(
			    &request->timer, mono_min(request->deadline, idle_deadline(request)));
	}
	request->invalid = wrong ? xstrdup(wrong) : NULL;
	queue(request);
	return request;
}

void
http_request_cancel(struct http_request *request)
{
	if (!request || request->cancelled)
		return;
	request->cancelled = true;
	loop_timer_set(&request->timer, MONO_NEVER);
	queue(request);
}

void
http_request_resume(struct http_request *request)
{
	if (!request->paused || request->cancelled)
		return;
	request->resume = true;
	queue(request);
}
