/*
 * ctl_server: lines over a Unix stream socket, for metallbctl. One request per line, each answered
 * by one or more lines; what a line means is the caller's.
 *
 * Everybody may connect (0666); who a peer is comes from the kernel (SO_PEERCRED, SO_PEERGROUPS),
 * and `may_change` says whether it is root, the daemon's own user, or in the control group.
 * Part of the connections is kept for those, so that others cannot lock them out.
 */
#ifndef IO_CTL_SERVER_H
#define IO_CTL_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ctl_connection;
struct ctl_server;
struct loop;

#define CTL_MAX_CONNECTIONS 64
#define CTL_MAX_OTHER_CONNECTIONS 32            /* of peers that may not change anything */
#define CTL_MAX_LINE_BYTES (64 * 1024)          /* of a request, newline included */
#define CTL_MAX_OUTPUT_BYTES (32 * 1024 * 1024) /* queued for a slow reader; beyond: closed */
#define CTL_IDLE_USEC (60 * INT64_C(1000000))   /* without a request or taken output */

struct ctl_peer {
	uid_t uid;
	gid_t gid;
	pid_t pid;
	bool may_change;
};

/* `line` without its newline, a zero behind it, valid during the call. ctl_reply() now or later. */
typedef void ctl_line_fn(void *arg, struct ctl_connection *conn, const struct ctl_peer *peer,
    const char *line, size_t len);
/* The connection is gone when this returns; called for each one that ends, whoever ended it. */
typedef void ctl_closed_fn(void *arg, struct ctl_connection *conn);

struct ctl_server_options {
	const char *path;
	const char *own_directory;  /* the path's directory is made (0755) only when it is this one,
				       RUNSTATEDIR/metallb; NULL: never */
	const char *group;          /* NULL, "" or unknown: none */
	const char *too_long_reply; /* sent for a line over the cap before closing; NULL: nothing */
	ctl_line_fn *on_line;
	ctl_closed_fn *on_closed; /* NULL: not needed */
	void *arg;
};

struct ctl_server_stats {
	uint64_t accepted;
	uint64_t refused; /* over the number of connections */
	uint64_t too_long;
	uint64_t too_slow;
	uint64_t idle;
};

/*
 * 0, or -errno with a text in *err_text (the caller frees) that names the path and says what to do:
 * -EADDRINUSE another daemon listens there, -EEXIST something that is no socket is there. A socket
 * that nobody listens on is removed.
 */
int ctl_server_open(struct loop *loop, const struct ctl_server_options *options,
    struct ctl_server **ret_server, char **err_text);
/* Closes all connections (on_closed is called) and removes the socket. Not from within a callback.
 * NULL is allowed. */
void ctl_server_free(struct ctl_server *server);
/* Looks the group up; may block, so at start and reload only. For connections from now on. -ENOENT
 * when there is no such group: then only root and the own user may change things. */
int ctl_server_set_group(struct ctl_server *server, const char *group);
const struct ctl_server_stats *ctl_server_stats(const struct ctl_server *server);
size_t ctl_server_connections(const struct ctl_server *server);

/* Queues text and a newline. 0, or -EPIPE: too much is queued, it closes at the end of the turn. */
int ctl_reply(struct ctl_connection *conn, const char *text);
/* Streams (`metallbctl monitor`) have no idle time-out. */
void ctl_set_stream(struct ctl_connection *conn, bool stream);
/* Ends when the peer sends nothing more, though it may still read: a stream may be quiet for so
 * long that nothing else would show that nobody is there any more. */
void ctl_end_with_peer(struct ctl_connection *conn);
/* Bytes queued, so that a stream may skip what a slow reader would not get anyway. */
size_t ctl_queued(const struct ctl_connection *conn);
/* After what is queued has been sent. */
void ctl_close(struct ctl_connection *conn);
/* For the caller's state of a stream. */
void ctl_set_data(struct ctl_connection *conn, void *data);
void *ctl_data(const struct ctl_connection *conn);

#endif
