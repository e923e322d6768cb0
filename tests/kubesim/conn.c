#include "conn.h"

#include <event2/bufferevent_ssl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "dispatch.h"
#include "obj.h"
#include "server.h"
#include "status.h"
#include "watch.h"

enum {
	/* A client that does not read is cut off, as kube-apiserver cuts off slow watchers. */
	CONN_BACKLOG_MAX = 160 * 1024 * 1024,
	CONN_LINGER_MS = 1000,
};

void
reply_init(struct reply *reply)
{
	*reply = (struct reply){.code = 200,
	    .type = "application/json",
	    .body = evbuffer_new(),
	    .extra = evbuffer_new()};
	if (reply->body == NULL || reply->extra == NULL)
		abort();
}

void
reply_fini(struct reply *reply)
{
	evbuffer_free(reply->body);
	evbuffer_free(reply->extra);
}

void
reply_json(struct reply *reply, int code, struct json_object *json)
{
	const char *text = obj_text(json);

	reply->code = code;
	evbuffer_add(reply->body, text, strlen(text));
	evbuffer_add(reply->body, "\n", 1);
	json_object_put(json);
}

void
reply_status(struct reply *reply, struct json_object *status)
{
	int64_t retry = obj_int(status, "details.retryAfterSeconds", 0);

	if (retry > 0)
		evbuffer_add_printf(reply->extra, "Retry-After: %lld\r\n", (long long)retry);
	reply_json(reply, status_code(status), status);
}

static struct evbuffer *
output(const struct conn *conn)
{
	return bufferevent_get_output(conn->bev);
}

/* Where the body of the current answer goes. */
static struct evbuffer *
body_output(const struct conn *conn)
{
	return conn->slow != NULL ? conn->slow : output(conn);
}

size_t
conn_backlog(const struct conn *conn)
{
	return evbuffer_get_length(output(conn)) +
	    (conn->slow != NULL ? evbuffer_get_length(conn->slow) : 0);
}

static void
event_drop(struct event **event)
{
	if (*event != NULL)
		event_free(*event);
	*event = NULL;
}

void
conn_close(struct conn *conn)
{
	struct sim *sim = conn->sim;

	if (conn->state == CONN_DEAD)
		return;
	conn->state = CONN_DEAD;
	if (conn->watch != NULL)
		watch_free(conn->watch);
	conn->watch = NULL;
	event_drop(&conn->delay);
	event_drop(&conn->slow_timer);
	bufferevent_disable(conn->bev, EV_READ | EV_WRITE);
	TAILQ_REMOVE(&sim->conns, conn, link);
	TAILQ_INSERT_TAIL(&sim->dead, conn, link);
	sim->conn_count--;
	event_active(sim->reaper, EV_TIMEOUT, 0);
	/* who asked for it may be gone before the answer was */
	if (conn->goes_down)
		server_down(sim);
}

static void
conn_free(struct conn *conn)
{
	if (conn->slow != NULL)
		evbuffer_free(conn->slow);
	http_request_clear(&conn->req);
	free(conn->certificate);
	free(conn->user);
	bufferevent_free(conn->bev);
	free(conn);
}

void
conn_reap(evutil_socket_t fd, short what, void *arg)
{
	struct sim *sim = arg;
	struct conn *conn;

	(void)fd;
	(void)what;
	while ((conn = TAILQ_FIRST(&sim->dead)) != NULL) {
		TAILQ_REMOVE(&sim->dead, conn, link);
		conn_free(conn);
	}
}

void
conn_free_all(struct sim *sim)
{
	while (!TAILQ_EMPTY(&sim->conns))
		conn_close(TAILQ_FIRST(&sim->conns));
	conn_reap(-1, 0, sim);
}

void
conn_silence(struct conn *conn)
{
	if (conn->state == CONN_DEAD)
		return;
	conn->state = CONN_SILENT;
	/* nobody reads any more, so a FIN is not seen either */
	bufferevent_disable(conn->bev, EV_READ);
}

/* Everything is in the socket: half-close, and let the client read it before a RST can overtake it.
 */
static void
linger(struct conn *conn)
{
	static const struct timeval limit = {CONN_LINGER_MS / 1000, 0};

	if (conn->goes_down)
		server_down(conn->sim);
	if (conn->state == CONN_DEAD)
		return;
	conn->state = CONN_LINGER;
	if (conn->ssl != NULL && !conn->truncated) {
		SSL_set_shutdown(conn->ssl, SSL_RECEIVED_SHUTDOWN);
		(void)SSL_shutdown(conn->ssl);
		ERR_clear_error();
	}
	shutdown(bufferevent_getfd(conn->bev), SHUT_WR);
	bufferevent_set_timeouts(conn->bev, &limit, NULL);
	evbuffer_drain(bufferevent_get_input(conn->bev), SIZE_MAX);
}

/* The current answer is complete in the buffers. */
static void
finish(struct conn *conn)
{
	if (conn->state == CONN_DEAD)
		return;
	if (conn->slow != NULL && evbuffer_get_length(conn->slow) > 0) {
		conn->ending = true;
		return;
	}
	if (conn->slow != NULL) {
		evbuffer_free(conn->slow);
		conn->slow = NULL;
		event_drop(&conn->slow_timer);
	}
	conn->ending = false;
	http_request_clear(&conn->req);
	if (conn->keep_alive && !conn->truncated) {
		conn->state = CONN_READING;
		/* not from here: the caller may be walking lists that the next request changes */
		if (!conn->processing)
			bufferevent_trigger(conn->bev, EV_READ,
			    BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
		return;
	}
	conn->state = CONN_CLOSING;
	if (evbuffer_get_length(output(conn)) == 0)
		linger(conn);
}

static int64_t
ms_since(struct event_base *base, const struct timeval *then)
{
	struct timeval now, delta;

	event_base_gettimeofday_cached(base, &now);
	evutil_timersub(&now, then, &delta);
	return (int64_t)delta.tv_sec * 1000 + delta.tv_usec / 1000;
}

static void
slow_tick(evutil_socket_t fd, short what, void *arg)
{
	struct conn *conn = arg;
	int64_t due = ms_since(conn->sim->base, &conn->slow_since) - conn->slow_sent;

	(void)fd;
	(void)what;
	if (evbuffer_get_length(conn->slow) == 0) {
		/* an idle stream owes nothing */
		conn->slow_sent += due > 0 ? due : 0;
		return;
	}
	if (due > 0) {
		int moved = evbuffer_remove_buffer(conn->slow, output(conn), (size_t)due);

		conn->slow_sent += moved > 0 ? moved : 0;
	}
	if (evbuffer_get_length(conn->slow) == 0 && conn->ending)
		finish(conn);
}

void
conn_slow_down(struct conn *conn)
{
	static const struct timeval ms = {0, 1000};

	conn->slow = evbuffer_new();
	conn->slow_timer = event_new(conn->sim->base, -1, EV_PERSIST, slow_tick, conn);
	if (conn->slow == NULL || conn->slow_timer == NULL)
		abort();
	event_base_gettimeofday_cached(conn->sim->base, &conn->slow_since);
	conn->slow_sent = 0;
	event_add(conn->slow_timer, &ms);
}

/* The head as one NUL-terminated string of extra lines. */
static void
write_head(struct conn *conn, int code, const char *type, long length, struct evbuffer *extra)
{
	size_t n = extra != NULL ? evbuffer_get_length(extra) : 0;
	char *lines = sim_calloc(n + 1, 1);

	if (extra != NULL)
		evbuffer_copyout(extra, lines, n);
	http_head(output(conn), &conn->req, code, type, length, conn->keep_alive, lines);
	free(lines);
}

void
conn_reply(struct conn *conn, struct reply *reply)
{
	size_t len = evbuffer_get_length(reply->body);

	if (conn->state == CONN_DEAD)
		return;
	if (conn->answer_lost) {
		conn_close(conn);
		return;
	}
	if (conn_backlog(conn) > CONN_BACKLOG_MAX) {
		conn_close(conn);
		return;
	}
	write_head(conn, reply->code, reply->type, (long)len, reply->extra);
	if (conn->truncated)
		evbuffer_remove_buffer(reply->body, body_output(conn), len / 2);
	else
		evbuffer_add_buffer(body_output(conn), reply->body);
	finish(conn);
}

void
conn_stream_begin(struct conn *conn, const char *type)
{
	if (conn->req.old)
		conn->keep_alive = false;
	if (conn->answer_lost)
		conn_close(conn);
	else
		write_head(conn, 200, type, -1, NULL);
}

void
conn_stream_promise(struct conn *conn, size_t total)
{
	if (conn->state != CONN_DEAD && !conn->req.old)
		evbuffer_add_printf(body_output(conn), "%zx\r\n", total);
}

void
conn_stream_piece(struct conn *conn, const void *data, size_t len)
{
	if (conn->state != CONN_DEAD)
		evbuffer_add(body_output(conn), data, len);
}

void
conn_stream_chunk_end(struct conn *conn)
{
	if (conn->state != CONN_DEAD && !conn->req.old)
		evbuffer_add(body_output(conn), "\r\n", 2);
}

void
conn_stream_write(struct conn *conn, const void *data, size_t len)
{
	if (conn->state != CONN_BUSY)
		return;
	if (conn_backlog(conn) > CONN_BACKLOG_MAX) {
		conn_close(conn);
		return;
	}
	conn_stream_promise(conn, len);
	if (conn->truncated) {
		conn_stream_piece(conn, data, len / 2);
		finish(conn);
		return;
	}
	conn_stream_piece(conn, data, len);
	conn_stream_chunk_end(conn);
}

void
conn_stream_end(struct conn *conn)
{
	if (conn->state != CONN_BUSY)
		return;
	if (!conn->req.old)
		evbuffer_add(body_output(conn), "0\r\n\r\n", 5);
	finish(conn);
}

static void
refuse(struct conn *conn, enum http_result result)
{
	struct reply reply;

	reply_init(&reply);
	conn->keep_alive = false;
	switch (result) {
	case HTTP_TOO_LARGE:
		reply_status(&reply,
		    status_new(413, "RequestEntityTooLarge",
			"Request entity too large: limit is %d", HTTP_BODY_MAX));
		break;
	case HTTP_HEADER_TOO_LARGE:
		reply_status(&reply, status_new(431, "BadRequest", "request header too large"));
		break;
	case HTTP_BAD:
	case HTTP_MORE:
	case HTTP_COMPLETE:
		reply_status(&reply, status_bad_request("malformed HTTP request"));
		break;
	}
	conn->state = CONN_BUSY;
	conn_reply(conn, &reply);
	reply_fini(&reply);
}

/* Reads and answers requests until there is no complete one, or one that takes its time. */
static void
conn_process(struct conn *conn)
{
	if (conn->processing)
		return;
	conn->processing = true;
	while (conn->state == CONN_READING) {
		struct evbuffer *in = bufferevent_get_input(conn->bev);
		size_t before = evbuffer_get_length(in);
		enum http_result result = http_read(&conn->req, in);

		conn->sim->stats.bytes_in += (int64_t)(before - evbuffer_get_length(in));
		if (result == HTTP_MORE) {
			if (conn->req.has_head && conn->req.expects_continue)
				evbuffer_add_printf(output(conn), "HTTP/1.1 100 Continue\r\n\r\n");
			conn->req.expects_continue = conn->req.expects_continue &&
			    !conn->req.has_head;
			break;
		}
		conn->truncated = conn->answer_lost = false;
		if (result != HTTP_COMPLETE) {
			refuse(conn, result);
			break;
		}
		conn->state = CONN_BUSY;
		conn->keep_alive = conn->req.keep_alive;
		dispatch_request(conn);
	}
	conn->processing = false;
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct conn *conn = arg;

	if (conn->state == CONN_LINGER || conn->state == CONN_CLOSING)
		evbuffer_drain(bufferevent_get_input(bev), SIZE_MAX);
	else
		conn_process(conn);
}

static void
on_drained(struct bufferevent *bev, void *arg)
{
	struct conn *conn = arg;

	(void)bev;
	/* the callback may have been put off since before the last write */
	if (evbuffer_get_length(output(conn)) > 0)
		return;
	if (conn->state == CONN_CLOSING)
		linger(conn);
	else if (conn->state == CONN_BUSY && conn->watch != NULL)
		watch_drained(conn->watch);
}

/* Whose certificate it is; one that does not verify is remembered and answered with 401, as the
 * real server does. */
static void
read_certificate(struct conn *conn)
{
	X509 *cert = SSL_get1_peer_certificate(conn->ssl);
	char cn[256];

	if (cert == NULL)
		return;
	if (SSL_get_verify_result(conn->ssl) != X509_V_OK)
		conn->bad_certificate = true;
	else if (X509_NAME_get_text_by_NID(
		     X509_get_subject_name(cert), NID_commonName, cn, sizeof(cn)) > 0)
		conn->certificate = sim_strdup(cn);
	X509_free(cert);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct conn *conn = arg;

	(void)bev;
	if ((what & BEV_EVENT_CONNECTED) != 0) {
		read_certificate(conn);
		return;
	}
	ERR_clear_error();
	if (conn->state != CONN_SILENT)
		conn_close(conn);
}

static void
count_output(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg)
{
	struct sim *sim = arg;

	(void)buffer;
	sim->stats.bytes_out += (int64_t)info->n_deleted;
}

void
conn_new(struct sim *sim, int fd)
{
	struct conn *conn = sim_calloc(1, sizeof(*conn));
	int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	conn->sim = sim;
	if (sim->tls != NULL) {
		conn->ssl = SSL_new(sim->tls);
		conn->bev = bufferevent_openssl_socket_new(sim->base, fd, conn->ssl,
		    BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
		bufferevent_openssl_set_allow_dirty_shutdown(conn->bev, 1);
	} else {
		conn->bev = bufferevent_socket_new(
		    sim->base, fd, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	}
	if (conn->bev == NULL)
		abort();
	TAILQ_INSERT_TAIL(&sim->conns, conn, link);
	sim->conn_count++;
	sim->stats.accepted++;
	evbuffer_add_cb(output(conn), count_output, sim);
	bufferevent_setcb(conn->bev, on_read, on_drained, on_event, conn);
	bufferevent_setwatermark(conn->bev, EV_READ, 0, HTTP_HEADER_MAX + HTTP_BODY_MAX);
	bufferevent_enable(conn->bev, EV_READ | EV_WRITE);
}
