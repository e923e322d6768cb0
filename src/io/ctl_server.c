/*
 * ctl_server: see ctl_server.h.
 *
 * A connection handles one line per turn: what more it has sent waits, and is read from the socket
 * only when the buffer has room again. It is freed at the end of the turn only, so callers may
 * close it wherever they are.
 */
#include "io/ctl_server.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/file.h"
#include "io/loop.h"
#include "util/list.h"
#include "util/mem.h"
#include "util/str.h"

#define ACCEPTS_PER_TURN 16
#define MAX_PEER_GROUPS 65536 /* the kernel's own limit (NGROUPS_MAX) */
#define GROUP_BUFFER_BYTES 65536

struct ctl_connection {
	struct ctl_server *server;
	struct ctl_peer peer;
	int fd;
	struct loop_fd watch;
	struct loop_timer idle;
	struct loop_deferred again; /* handles the next line, or frees */
	mono_t last_active;
	char *input; /* CTL_MAX_LINE_BYTES + 1 */
	size_t input_len;
	struct strbuf output;
	size_t output_sent;
	bool stream;
	bool end_with_peer;
	bool closing; /* once the output is out */
	bool ended;   /* at the end of the turn */
	bool eof;     /* the peer sends nothing more, but may still read */
	void *data;
	TAILQ_ENTRY(ctl_connection) link;
};

struct ctl_server {
	struct loop *loop;
	char *path;
	char *too_long_reply;
	ctl_line_fn *on_line;
	ctl_closed_fn *on_closed;
	void *arg;
	int fd;
	struct loop_fd watch;
	struct stat inode; /* of the socket file: only this one is removed at the end */
	bool bound;
	bool has_group;
	gid_t group;
	TAILQ_HEAD(, ctl_connection) connections;
	size_t n_connections, n_others;
	struct ctl_server_stats stats;
};

/* Connections. */

static void
connection_free(struct ctl_connection *conn)
{
	struct ctl_server *server = conn->server;

	TAILQ_REMOVE(&server->connections, conn, link);
	server->n_connections--;
	if (!conn->peer.may_change)
		server->n_others--;
	if (server->on_closed)
		server->on_closed(server->arg, conn);
	loop_fd_fini(&conn->watch);
	loop_timer_fini(&conn->idle);
	loop_deferred_fini(&conn->again);
	(void)close(conn->fd);
	free(conn->input);
	strbuf_free(&conn->output);
	free(conn);
}

static void
connection_end(struct ctl_connection *conn)
{
	conn->ended = true;
	(void)loop_fd_set(&conn->watch, false, false);
	loop_timer_set(&conn->idle, MONO_NEVER);
	loop_defer(&conn->again);
}

static bool
has_line(const struct ctl_connection *conn)
{
	return conn->input_len && memchr(conn->input, '\n', conn->input_len);
}

size_t
ctl_queued(const struct ctl_connection *conn)
{
	return conn->output.len - conn->output_sent;
}

/* What is wanted next: more input while there is no whole line, output while some is queued. */
static void
update_watch(struct ctl_connection *conn)
{
	bool want_read;

	if (conn->ended)
		return;
	if ((conn->closing ||
		(conn->eof && !has_line(conn) && (!conn->stream || conn->end_with_peer))) &&
	    !ctl_queued(conn)) {
		connection_end(conn);
		return;
	}
	want_read = !conn->closing && !conn->eof && !has_line(conn);
	if (loop_fd_set(&conn->watch, want_read, ctl_queued(conn) > 0))
		connection_end(conn);
}

static void
touch(struct ctl_connection *conn)
{
	conn->last_active = loop_now(conn->server->loop);
}

static void
send_output(struct ctl_connection *conn)
{
	ssize_t n;

	if (!ctl_queued(conn))
		return;
	n = send(conn->fd, conn->output.text + conn->output_sent, ctl_queued(conn),
	    MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		connection_end(conn);
		return;
	}
	if (n <= 0)
		return;
	touch(conn);
	conn->output_sent += (size_t)n;
	if (ctl_queued(conn))
		return;
	/* A large answer must not keep its memory for the life of an idle connection. */
	strbuf_free(&conn->output);
	conn->output_sent = 0;
}

static void
receive_input(struct ctl_connection *conn)
{
	ssize_t n;

	n = recv(conn->fd, conn->input + conn->input_len, CTL_MAX_LINE_BYTES - conn->input_len,
	    MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		connection_end(conn);
		return;
	}
	if (n == 0) {
		conn->eof = true;
		return;
	}
	touch(conn);
	conn->input_len += (size_t)n;
	if (conn->input_len < CTL_MAX_LINE_BYTES || has_line(conn))
		return;
	conn->server->stats.too_long++;
	conn->input_len = 0;
	if (conn->server->too_long_reply)
		(void)ctl_reply(conn, conn->server->too_long_reply);
	ctl_close(conn);
}

/* The next line, if it is whole. */
static void
handle_line(struct ctl_connection *conn)
{
	struct ctl_server *server = conn->server;
	char *end = memchr(conn->input, '\n', conn->input_len);
	size_t len;

	if (!end || conn->closing)
		return;
	len = (size_t)(end - conn->input);
	*end = '\0';
	server->on_line(server->arg, conn, &conn->peer, conn->input, len);
	conn->input_len -= len + 1;
	memmove(conn->input, end + 1, conn->input_len);
	if (has_line(conn))
		loop_defer(&conn->again);
}

static void
on_again(void *arg)
{
	struct ctl_connection *conn = arg;

	if (!conn->ended)
		handle_line(conn);
	if (!conn->ended)
		send_output(conn);
	update_watch(conn);
	if (conn->ended)
		connection_free(conn);
}

static void
on_connection(void *arg, bool readable, bool writable)
{
	struct ctl_connection *conn = arg;

	if (writable)
		send_output(conn);
	if (readable && !conn->ended)
		receive_input(conn);
	if (has_line(conn))
		loop_defer(&conn->again);
	update_watch(conn);
}

static void
on_idle(void *arg)
{
	struct ctl_connection *conn = arg;
	mono_t deadline = mono_add_usec(conn->last_active, CTL_IDLE_USEC);

	if (!mono_reached(loop_now(conn->server->loop), deadline)) {
		loop_timer_set(&conn->idle, deadline);
		return;
	}
	/* A stream may be quiet, but not refuse what it is sent. */
	if (conn->stream && !ctl_queued(conn)) {
		touch(conn);
		loop_timer_set(&conn->idle, mono_add_usec(conn->last_active, CTL_IDLE_USEC));
		return;
	}
	conn->server->stats.idle++;
	connection_end(conn);
}

int
ctl_reply(struct ctl_connection *conn, const char *text)
{
	size_t len = strlen(text);

	if (conn->ended)
		return -EPIPE;
	if (ctl_queued(conn) + len + 1 > CTL_MAX_OUTPUT_BYTES) {
		conn->server->stats.too_slow++;
		connection_end(conn);
		return -EPIPE;
	}
	/* What was sent goes before the buffer grows, but not for a few bytes each time. */
	if (conn->output_sent > conn->output.len / 2) {
		conn->output.len -= conn->output_sent;
		memmove(
		    conn->output.text, conn->output.text + conn->output_sent, conn->output.len + 1);
		conn->output_sent = 0;
	}
	if (!ctl_queued(conn))
		touch(conn);
	strbuf_addn(&conn->output, text, len);
	strbuf_addc(&conn->output, '\n');
	loop_defer(&conn->again);
	return 0;
}

void
ctl_set_stream(struct ctl_connection *conn, bool stream)
{
	conn->stream = stream;
}

void
ctl_end_with_peer(struct ctl_connection *conn)
{
	conn->end_with_peer = true;
}

void
ctl_close(struct ctl_connection *conn)
{
	conn->closing = true;
	loop_defer(&conn->again);
}

void
ctl_set_data(struct ctl_connection *conn, void *data)
{
	conn->data = data;
}

void *
ctl_data(const struct ctl_connection *conn)
{
	return conn->data;
}

/* Who a peer is. */

static bool
is_in_group(int fd, gid_t group)
{
	gid_t first[64], *groups = first, *heap = NULL;
	socklen_t size = sizeof(first);
	bool found = false;
	size_t i;

	/* The groups that the peer's process had when it connected, so no look-up is needed. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0) {
		if (errno != ERANGE || size > MAX_PEER_GROUPS * sizeof(*groups))
			return false;
		groups = heap = xcalloc(size, 1);
		if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
			size = 0;
	}
	for (i = 0; i < size / sizeof(*groups); i++)
		found = found || groups[i] == group;
	free(heap);
	return found;
}

/* 0 or -errno. */
static int
identify(const struct ctl_server *server, int fd, struct ctl_peer *ret_peer)
{
	struct ucred cred;
	socklen_t size = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
		return -errno;
	*ret_peer = (struct ctl_peer){.uid = cred.uid, .gid = cred.gid, .pid = cred.pid};
	ret_peer->may_change = cred.uid == 0 || cred.uid == geteuid() ||
	    (server->has_group && (cred.gid == server->group || is_in_group(fd, server->group)));
	return 0;
}

static void
accept_one(struct ctl_server *server, int fd)
{
	struct ctl_connection *conn;
	struct ctl_peer peer;

	if (identify(server, fd, &peer) || server->n_connections >= CTL_MAX_CONNECTIONS ||
	    (!peer.may_change && server->n_others >= CTL_MAX_OTHER_CONNECTIONS)) {
		server->stats.refused++;
		(void)close(fd);
		return;
	}
	server->stats.accepted++;
	conn = xcalloc(1, sizeof(*conn));
	conn->server = server;
	conn->peer = peer;
	conn->fd = fd;
	conn->input = xcalloc(CTL_MAX_LINE_BYTES + 1, 1);
	TAILQ_INSERT_TAIL(&server->connections, conn, link);
	server->n_connections++;
	if (!peer.may_change)
		server->n_others++;
	loop_fd_init(&conn->watch, server->loop, fd, on_connection, conn);
	loop_timer_init(&conn->idle, server->loop, on_idle, conn);
	loop_deferred_init(&conn->again, server->loop, on_again, conn);
	touch(conn);
	loop_timer_set(&conn->idle, mono_add_usec(conn->last_active, CTL_IDLE_USEC));
	update_watch(conn);
}

static void
on_listener(void *arg, bool readable, bool writable)
{
	struct ctl_server *server = arg;
	int i, fd;

	(void)readable;
	(void)writable;
	for (i = 0; i < ACCEPTS_PER_TURN; i++) {
		fd = accept4(server->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		accept_one(server, fd);
	}
}

/* The socket's file. */

static int
make_own_directory(const struct ctl_server_options *options, char **err_text)
{
	mem_cleanup(mem_freep) char *copy = xstrdup(options->path);
	const char *directory = dirname(copy);
	int err;

	if (!options->own_directory || !str_eq(directory, options->own_directory))
		return 0;
	err = file_make_directory(directory, 0755);
	if (err)
		*err_text = xasprintf("control socket %s: cannot make its directory: %s",
		    options->path, strerror(-err));
	return err;
}

/* Removes a socket that nobody listens on. 0 or -errno. */
static int
remove_stale(const char *path, const struct sockaddr_un *addr, char **err_text)
{
	struct stat st;
	int fd, err;

	if (lstat(path, &st) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode)) {
		*err_text = xasprintf("control socket %s: something that is no socket is there; "
				      "remove it or set control.socket",
		    path);
		return -EEXIST;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	err = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 ? errno : 0;
	(void)close(fd);
	if (err != ECONNREFUSED) {
		*err_text = xasprintf("control socket %s: another daemon is listening there; stop "
				      "it or set control.socket",
		    path);
		return -EADDRINUSE;
	}
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

static int
bind_socket(struct ctl_server *server, const struct sockaddr_un *addr)
{
	server->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (server->fd < 0)
		return -errno;
	if (bind(server->fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0)
		return -errno;
	server->bound = lstat(server->path, &server->inode) == 0;
	/* Before listen(): nobody who may not connect yet is refused for good. */
	if (chmod(server->path, 0666) < 0 || listen(server->fd, CTL_MAX_CONNECTIONS) < 0)
		return -errno;
	loop_fd_init(&server->watch, server->loop, server->fd, on_listener, server);
	return loop_fd_set(&server->watch, true, false);
}

/* 0 or -errno, then with a text for most errors. */
static int
set_up(struct ctl_server *server, const struct ctl_server_options *options, char **err_text)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int err;

	if (!str_copy(addr.sun_path, sizeof(addr.sun_path), options->path)) {
		*err_text = xasprintf("control socket %s: the path is longer than %zu bytes",
		    options->path, sizeof(addr.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	err = make_own_directory(options, err_text);
	if (!err)
		err = remove_stale(options->path, &addr, err_text);
	return err ? err : bind_socket(server, &addr);
}

int
ctl_server_open(struct loop *loop, const struct ctl_server_options *options,
    struct ctl_server **ret_server, char **err_text)
{
	struct ctl_server *server = xcalloc(1, sizeof(*server));
	char *text = NULL;
	int err;

	TAILQ_INIT(&server->connections);
	server->loop = loop;
	server->fd = -1;
	server->path = xstrdup(options->path);
	server->too_long_reply = options->too_long_reply ? xstrdup(options->too_long_reply) : NULL;
	server->on_line = options->on_line;
	server->on_closed = options->on_closed;
	server->arg = options->arg;
	(void)ctl_server_set_group(server, options->group);
	err = set_up(server, options, &text);
	if (err) {
		*err_text = text
		    ? text
		    : xasprintf("control socket %s: %s", options->path, strerror(-err));
		ctl_server_free(server);
		return err;
	}
	*ret_server = server;
	return 0;
}

void
ctl_server_free(struct ctl_server *server)
{
	struct ctl_connection *conn, *next;
	struct stat st;

	if (!server)
		return;
	TAILQ_FOREACH_SAFE (conn, &server->connections, link, next) {
		/* The answer to `metallbctl` that ended the daemon, if it can go at once. */
		if (!conn->ended)
			send_output(conn);
		connection_free(conn);
	}
	loop_fd_fini(&server->watch);
	if (server->fd >= 0)
		(void)close(server->fd);
	if (server->bound && lstat(server->path, &st) == 0 && st.st_dev == server->inode.st_dev &&
	    st.st_ino == server->inode.st_ino)
		(void)unlink(server->path);
	free(server->path);
	free(server->too_long_reply);
	free(server);
}

int
ctl_server_set_group(struct ctl_server *server, const char *group)
{
	mem_cleanup(mem_freep) char *buffer = xcalloc(GROUP_BUFFER_BYTES, 1);
	struct group entry, *found = NULL;
	int err;

	server->has_group = false;
	if (!group || !*group)
		return 0;
	err = getgrnam_r(group, &entry, buffer, GROUP_BUFFER_BYTES, &found);
	if (err || !found)
		return err ? -err : -ENOENT;
	server->has_group = true;
	server->group = entry.gr_gid;
	return 0;
}

const struct ctl_server_stats *
ctl_server_stats(const struct ctl_server *server)
{
	return &server->stats;
}

size_t
ctl_server_connections(const struct ctl_server *server)
{
	return server->n_connections;
}
