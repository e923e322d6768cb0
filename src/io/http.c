/*
 * http: see http.h. Here is the client; endpoints and requests have files of their own.
 *
 * libcurl's multi_socket interface: it says which sockets to watch and when to call back, and is
 * told what happened. libcurl must not be entered from within its own callbacks, so whatever a
 * caller asks for (start, cancel, resume) is only queued, and done at the end of the turn in
 * on_sweep().
 */
#include "io/http.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "io/http_client.h"
#include "io/http_request.h"
#include "util/mem.h"

struct http_socket {
	struct http_client *client;
	struct loop_fd watch;
	TAILQ_ENTRY(http_socket) link;
};

static size_t n_clients; /* libcurl's global state lives as long as one client */

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
		http_request_ended(request, code);
	}
}

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

static void
on_sweep(void *arg)
{
	struct http_client *client = arg;
	struct http_request *request;

	TAILQ_CONCAT(&client->sweeping, &client->queued, queue);
	while ((request = TAILQ_FIRST(&client->sweeping))) {
		TAILQ_REMOVE(&client->sweeping, request, queue);
		request->is_queued = false;
		http_request_proceed(request);
	}
}

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

void
http_client_free(struct http_client *client)
{
	struct http_request *request, *next_request;
	struct http_socket *sock, *next_socket;

	if (!client)
		return;
	assert(!client->in_curl);
	TAILQ_FOREACH_SAFE (request, &client->requests, link, next_request)
		http_request_free(request);
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

void
http_client_add(struct http_client *client, struct http_request *request)
{
	TAILQ_INSERT_TAIL(&client->requests, request, link);
	client->n_requests++;
}

void
http_client_remove(struct http_client *client, struct http_request *request)
{
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
}

void
http_client_queue(struct http_client *client, struct http_request *request)
{
	if (request->is_queued)
		return;
	request->is_queued = true;
	TAILQ_INSERT_TAIL(&client->queued, request, queue);
	loop_defer(&client->sweep);
}

void
http_client_unpause(struct http_client *client, struct http_request *request)
{
	client->in_curl = true;
	(void)curl_easy_pause(request->easy, CURLPAUSE_CONT);
	client->in_curl = false;
	/* Which may have delivered bytes, and ended the request. */
	curl_act(client, CURL_SOCKET_TIMEOUT, 0);
}
