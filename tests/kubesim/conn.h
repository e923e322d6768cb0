/*
 * conn: one client connection: reading requests, writing answers and streams, and dying in all the
 * ways that tests ask for.
 *
 * conn_close() may be called from anywhere: the memory goes at the end of the loop's turn, and
 * until then all calls do nothing.
 */
#ifndef KUBESIM_CONN_H
#define KUBESIM_CONN_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <json-c/json.h>

#include "http.h"
#include "sim.h"

enum conn_state {
	CONN_READING,
	CONN_BUSY,    /* a request is being answered */
	CONN_SILENT,  /* half-open for ever */
	CONN_CLOSING, /* when all is written */
	CONN_LINGER,  /* half-closed; a moment for the client to read the rest */
	CONN_DEAD,
};

struct conn {
	TAILQ_ENTRY(conn) link;
	struct sim *sim;
	struct bufferevent *bev;
	SSL *ssl;          /* owned by bev */
	char *certificate; /* CN of a verified client certificate */
	bool bad_certificate;
	enum conn_state state;
	struct http_request req;
	char *user;
	struct watch *watch;
	struct event *delay; /* NULL, or a request that waits for its delay fault */
	struct fault_effect effect;
	bool processing; /* conn_process() is on the stack */

	/* how the current answer goes out */
	bool keep_alive, truncated, answer_lost, goes_down;
	struct evbuffer *slow; /* NULL, or what still goes out byte by byte */
	struct event *slow_timer;
	struct timeval slow_since;
	int64_t slow_sent;
	bool ending; /* finish when slow is empty */
};

/* Takes over the descriptor. */
void conn_new(struct sim *sim, int fd);
void conn_close(struct conn *conn);
/* Swallows the request and stays open and mute, also to a FIN. */
void conn_silence(struct conn *conn);
/* The answer's body goes out at one byte per ms. */
void conn_slow_down(struct conn *conn);

/* A complete answer. */
struct reply {
	int code;
	const char *type; /* static */
	struct evbuffer *body;
	struct evbuffer *extra; /* header lines with CRLF */
};

void reply_init(struct reply *reply);
void reply_fini(struct reply *reply);
/* Takes over json. */
void reply_json(struct reply *reply, int code, struct json_object *json);
/* Takes over the Status and its code. */
void reply_status(struct reply *reply, struct json_object *status);

/* Sends the answer (which stays the caller's) and goes on to the next request. */
void conn_reply(struct conn *conn, struct reply *reply);

/* A 200 of unknown length. */
void conn_stream_begin(struct conn *conn, const char *type);
void conn_stream_write(struct conn *conn, const void *data, size_t len);
/* One chunk of `total` bytes that follows in pieces by conn_stream_piece(). */
void conn_stream_promise(struct conn *conn, size_t total);
void conn_stream_piece(struct conn *conn, const void *data, size_t len);
void conn_stream_chunk_end(struct conn *conn);
void conn_stream_end(struct conn *conn);
/* Bytes that the client has not taken yet. */
size_t conn_backlog(const struct conn *conn);

/* At the end of the program: frees everything at once. */
void conn_free_all(struct sim *sim);
/* Event callback that frees dead connections; arg is the sim. */
void conn_reap(evutil_socket_t fd, short what, void *arg);

#endif
