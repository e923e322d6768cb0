#include "io_test.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "io/ctl_server.h"
#include "io/file.h"
#include "util/str.h"

#define NOBODY 65534
#define GROUP_NAME "daemon" /* in every /etc/group */

struct fixture {
	struct loop *loop;
	struct ctl_server *server;
	char *dir, *path;
	unsigned lines, closed;
	char last[256];
	size_t last_len;
	struct ctl_peer peer;
	struct ctl_connection *conn;
	const char *answer; /* NULL: none */
	bool close, stream;
};

static void
on_line(void *arg, struct ctl_connection *conn, const struct ctl_peer *peer, const char *line,
    size_t len)
{
	struct fixture *f = arg;

	f->lines++;
	f->conn = conn;
	f->peer = *peer;
	f->last_len = len;
	assert_int_equal(line[len], '\0');
	(void)str_copy(f->last, sizeof(f->last), line);
	if (f->stream)
		ctl_set_stream(conn, true);
	if (f->answer)
		assert_int_equal(ctl_reply(conn, f->answer), 0);
	if (f->close)
		ctl_close(conn);
	ctl_set_data(conn, f);
}

static void
on_closed(void *arg, struct ctl_connection *conn)
{
	struct fixture *f = arg;

	if (ctl_data(conn))
		assert_ptr_equal(ctl_data(conn), f);
	if (f->conn == conn)
		f->conn = NULL;
	f->closed++;
}

static int
open_server(struct fixture *f, const char *group, struct ctl_server **ret_server, char **err_text)
{
	const struct ctl_server_options options = {
	    .path = f->path,
	    .group = group,
	    .too_long_reply = "too long",
	    .on_line = on_line,
	    .on_closed = on_closed,
	    .arg = f,
	};

	return ctl_server_open(f->loop, &options, ret_server, err_text);
}

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	char *err_text = NULL;

	*state = f;
	f->dir = test_mkdir();
	f->path = xasprintf("%s/ctl.sock", f->dir);
	f->answer = "ok";
	assert_int_equal(loop_new(&f->loop), 0);
	if (open_server(f, GROUP_NAME, &f->server, &err_text))
		fail_msg("%s", err_text);
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	ctl_server_free(f->server);
	loop_free(f->loop);
	test_rmdir(f->dir);
	free(f->path);
	free(f);
	return 0;
}

static int
connect_to(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(str_copy(addr.sun_path, sizeof(addr.sun_path), path));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int
dial(struct fixture *f)
{
	int fd = connect_to(f->path);

	assert_true(fd >= 0);
	return fd;
}

static void
say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Waits for exactly this. */
static void
hear(struct fixture *f, int fd, const char *expected)
{
	char text[1024];
	size_t len = 0, wanted = strlen(expected);
	ssize_t n = 0;

	RUN_UNTIL(f->loop,
	    (n = recv(fd, text + len, sizeof(text) - 1 - len, 0)) == 0 ||
		(n > 0 && (len += (size_t)n) >= wanted));
	text[len] = '\0';
	assert_string_equal(text, expected);
}

static bool
is_closed(int fd)
{
	char byte;

	return recv(fd, &byte, 1, 0) == 0;
}

static void
lines_are_answered(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	int fd = dial(f);

	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0666);
	say(fd, "{\"cmd\":");
	RUN_WHILE(f->loop, 3000, f->lines == 0);
	say(fd, "\"status\"}\n");
	hear(f, fd, "ok\n");
	assert_string_equal(f->last, "{\"cmd\":\"status\"}");
	assert_int_equal(f->peer.uid, geteuid());
	assert_int_equal(f->peer.pid, getpid());
	assert_true(f->peer.may_change);
	/* Several at once, in order; an empty one is one. */
	say(fd, "a\n\nb\n");
	hear(f, fd, "ok\nok\nok\n");
	assert_int_equal(f->lines, 4);
	assert_string_equal(f->last, "b");
	assert_int_equal(ctl_server_connections(f->server), 1);
	close(fd);
	RUN_UNTIL(f->loop, f->closed == 1);
	assert_int_equal(ctl_server_connections(f->server), 0);
}

static void
answers_may_come_later_and_end_the_connection(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);

	f->answer = NULL;
	say(fd, "slow\n");
	RUN_UNTIL(f->loop, f->lines == 1);
	RUN_WHILE(f->loop, 3000, !f->closed);
	assert_int_equal(ctl_reply(f->conn, "one"), 0);
	assert_int_equal(ctl_reply(f->conn, "two"), 0);
	ctl_close(f->conn);
	/* Nothing of what it says after that is heard. */
	say(fd, "more\n");
	hear(f, fd, "one\ntwo\n");
	RUN_UNTIL(f->loop, is_closed(fd));
	assert_int_equal(f->lines, 1);
	assert_int_equal(f->closed, 1);
	close(fd);
	/* A client that shuts its side and waits (like nc -N) gets its answer. */
	f->answer = "ok";
	fd = dial(f);
	say(fd, "x\n");
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	hear(f, fd, "ok\n");
	RUN_UNTIL(f->loop, is_closed(fd));
	close(fd);
}

/* A quiet stream must not keep its place after its client is gone. */
static void
a_stream_can_end_with_its_peer(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);

	f->stream = true;
	say(fd, "monitor\n");
	hear(f, fd, "ok\n");
	ctl_end_with_peer(f->conn);
	close(fd);
	RUN_UNTIL(f->loop, f->closed == 1);
}

static void
a_line_has_a_cap(void **state)
{
	struct fixture *f = *state;
	char *line = xcalloc(CTL_MAX_LINE_BYTES + 2, 1);
	int fd = dial(f), size = 4 * CTL_MAX_LINE_BYTES;

	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	memset(line, 'x', CTL_MAX_LINE_BYTES);
	line[CTL_MAX_LINE_BYTES - 1] = '\n';
	say(fd, line);
	hear(f, fd, "ok\n");
	assert_int_equal(f->last_len, CTL_MAX_LINE_BYTES - 1);
	line[CTL_MAX_LINE_BYTES - 1] = 'x';
	line[CTL_MAX_LINE_BYTES] = '\n';
	say(fd, line);
	hear(f, fd, "too long\n");
	RUN_UNTIL(f->loop, f->closed == 1);
	assert_int_equal(f->lines, 1);
	assert_int_equal(ctl_server_stats(f->server)->too_long, 1);
	close(fd);
	free(line);
}

static void
slow_readers_are_bounded(void **state)
{
	struct fixture *f = *state;
	size_t size = 1024 * 1024, i;
	char *text = xcalloc(size + 1, 1);
	int fd = dial(f), rc = 0;

	memset(text, 'x', size);
	f->answer = NULL;
	f->stream = true;
	say(fd, "monitor\n");
	RUN_UNTIL(f->loop, f->lines == 1);
	/* It reads nothing. */
	for (i = 0; i < CTL_MAX_OUTPUT_BYTES / size + 5 && !rc; i++) {
		rc = ctl_reply(f->conn, text);
		assert_true(ctl_queued(f->conn) <= CTL_MAX_OUTPUT_BYTES);
		(void)loop_turn(f->loop, loop_clock());
	}
	assert_int_equal(rc, -EPIPE);
	RUN_UNTIL(f->loop, f->closed == 1);
	assert_int_equal(ctl_server_stats(f->server)->too_slow, 1);
	close(fd);
	free(text);
}

static void
large_answers_arrive_whole(void **state)
{
	struct fixture *f = *state;
	size_t size = 3 * 1024 * 1024, got = 0;
	char *text = xcalloc(size + 1, 1), *in = xcalloc(size + 16, 1);
	int fd = dial(f);
	ssize_t n = 0;

	memset(text, 'x', size);
	f->answer = text;
	say(fd, "services\n");
	RUN_UNTIL(f->loop,
	    (n = recv(fd, in + got, size + 16 - got, 0)) == 0 ||
		(n > 0 && (got += (size_t)n) > size));
	assert_int_equal(got, size + 1);
	assert_memory_equal(in, text, size);
	assert_int_equal(in[size], '\n');
	assert_int_equal(ctl_queued(f->conn), 0);
	/* The peer goes while much is queued. */
	say(fd, "services\n");
	RUN_UNTIL(f->loop, f->lines == 2);
	close(fd);
	RUN_UNTIL(f->loop, f->closed == 1);
	free(text);
	free(in);
}

/* In another process, as that user: `fn` decides its exit status. */
static int
as_user(struct fixture *f, uid_t uid, gid_t gid, gid_t supplementary, int (*fn)(const char *path))
{
	pid_t pid = fork(), waited = 0;
	int status = -1;

	assert_true(pid >= 0);
	if (!pid) {
		if (setgroups(supplementary ? 1 : 0, &supplementary) || setgid(gid) || setuid(uid))
			_exit(99);
		_exit(fn(f->path));
	}
	RUN_UNTIL(f->loop, (waited = waitpid(pid, &status, WNOHANG)) == pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int
ask_once(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char text[8];

	(void)str_copy(addr.sun_path, sizeof(addr.sun_path), path);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) || write(fd, "x\n", 2) != 2)
		return 1;
	return read(fd, text, sizeof(text)) == 3 ? 0 : 2;
}

/* Connects as often as it is let; the number that got an answer. */
static int
ask_often(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int i, n = 0;
	char text[8];

	(void)str_copy(addr.sun_path, sizeof(addr.sun_path), path);
	for (i = 0; i < CTL_MAX_OTHER_CONNECTIONS + 10; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);

		if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 &&
		    send(fd, "x\n", 2, MSG_NOSIGNAL) == 2 && read(fd, text, sizeof(text)) == 3)
			n++;
	}
	return n;
}

static void
who_may_change_things_is_known(void **state)
{
	struct fixture *f = *state;
	struct group *group = getgrnam(GROUP_NAME);
	gid_t gid;

	if (geteuid() != 0) {
		print_message("# SKIP: needs root to be others\n");
		skip();
	}
	assert_non_null(group);
	gid = group->gr_gid;
	assert_int_equal(as_user(f, NOBODY, NOBODY, 0, ask_once), 0);
	assert_int_equal(f->peer.uid, NOBODY);
	assert_false(f->peer.may_change);
	assert_int_equal(as_user(f, NOBODY, gid, 0, ask_once), 0);
	assert_int_equal(f->peer.gid, gid);
	assert_true(f->peer.may_change);
	assert_int_equal(as_user(f, NOBODY, NOBODY, gid, ask_once), 0);
	assert_true(f->peer.may_change);
	assert_int_equal(as_user(f, NOBODY, NOBODY, gid + 1, ask_once), 0);
	assert_false(f->peer.may_change);
	assert_int_equal(ctl_server_set_group(f->server, "no-such-group-here"), -ENOENT);
	assert_int_equal(as_user(f, NOBODY, gid, 0, ask_once), 0);
	assert_false(f->peer.may_change);
	assert_int_equal(ctl_server_set_group(f->server, ""), 0);
	assert_int_equal(as_user(f, NOBODY, 0, 0, ask_once), 0);
	assert_false(f->peer.may_change);
	assert_int_equal(as_user(f, 0, 0, 0, ask_once), 0);
	assert_true(f->peer.may_change);
}

static void
others_cannot_lock_root_out(void **state)
{
	struct fixture *f = *state;
	int fds[CTL_MAX_CONNECTIONS], fd, i;

	if (geteuid() != 0) {
		print_message("# SKIP: needs root to be others\n");
		skip();
	}
	assert_int_equal(as_user(f, NOBODY, NOBODY, 0, ask_often), CTL_MAX_OTHER_CONNECTIONS);
	assert_int_equal(ctl_server_stats(f->server)->refused, 10);
	RUN_UNTIL(f->loop, ctl_server_connections(f->server) == 0);
	for (i = 0; i < CTL_MAX_CONNECTIONS; i++) {
		fds[i] = dial(f);
		RUN_UNTIL(f->loop, ctl_server_connections(f->server) == (size_t)i + 1);
	}
	fd = dial(f);
	RUN_UNTIL(f->loop, is_closed(fd));
	close(fd);
	close(fds[0]);
	RUN_UNTIL(f->loop, ctl_server_connections(f->server) == CTL_MAX_CONNECTIONS - 1);
	fd = dial(f);
	say(fd, "x\n");
	hear(f, fd, "ok\n");
	close(fd);
	for (i = 1; i < CTL_MAX_CONNECTIONS; i++)
		close(fds[i]);
}

static void
one_daemon_has_the_socket(void **state)
{
	struct fixture *f = *state;
	struct ctl_server *second = NULL;
	char *text = NULL;
	struct stat before, after;
	int fd;

	assert_int_equal(stat(f->path, &before), 0);
	assert_int_equal(open_server(f, NULL, &second, &text), -EADDRINUSE);
	assert_non_null(strstr(text, f->path));
	assert_non_null(strstr(text, "another daemon"));
	free(text);
	assert_int_equal(stat(f->path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	/* A daemon that was killed leaves its socket. */
	ctl_server_free(f->server);
	f->server = NULL;
	assert_int_equal(access(f->path, F_OK), -1);
	{
		struct sockaddr_un addr = {.sun_family = AF_UNIX};

		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_true(str_copy(addr.sun_path, sizeof(addr.sun_path), f->path));
		assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
		close(fd);
	}
	assert_int_equal(open_server(f, NULL, &f->server, &text), 0);
	fd = dial(f);
	say(fd, "x\n");
	hear(f, fd, "ok\n");
	close(fd);
	/* Whoever has put another one in its place keeps it. */
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(open_server(f, NULL, &second, &text), 0);
	ctl_server_free(f->server);
	f->server = second;
	assert_int_equal(access(f->path, F_OK), 0);
}

static void
what_is_no_socket_stays(void **state)
{
	struct fixture *f = *state;
	struct ctl_server *server = NULL;
	char *text = NULL, *content;
	size_t len;

	ctl_server_free(f->server);
	f->server = NULL;
	assert_int_equal(file_write_atomic(f->path, "mine", 4, 0600), 0);
	assert_int_equal(open_server(f, NULL, &server, &text), -EEXIST);
	assert_non_null(strstr(text, f->path));
	free(text);
	assert_int_equal(file_read(f->path, 100, &content, &len), 0);
	assert_string_equal(content, "mine");
	free(content);
}

static void
only_the_own_directory_is_made(void **state)
{
	struct fixture *f = *state;
	struct ctl_server *server = NULL;
	char *dir = xasprintf("%s/run", f->dir), *path = xasprintf("%s/s", dir), *text = NULL;
	struct ctl_server_options options = {.path = path, .on_line = on_line, .arg = f};
	struct stat st;
	char long_path[200];

	assert_int_equal(ctl_server_open(f->loop, &options, &server, &text), -ENOENT);
	assert_non_null(strstr(text, path));
	free(text);
	options.own_directory = f->dir;
	assert_int_equal(ctl_server_open(f->loop, &options, &server, &text), -ENOENT);
	free(text);
	options.own_directory = dir;
	assert_int_equal(ctl_server_open(f->loop, &options, &server, &text), 0);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	ctl_server_free(server);
	assert_int_equal(rmdir(dir), 0);
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	options.path = long_path;
	assert_int_equal(ctl_server_open(f->loop, &options, &server, &text), -ENAMETOOLONG);
	free(text);
	free(dir);
	free(path);
}

static void
the_end_of_the_server_ends_its_connections(void **state)
{
	struct fixture *f = *state;
	int a = dial(f), b = dial(f);

	f->answer = NULL;
	say(a, "stop\n");
	RUN_UNTIL(f->loop, f->lines == 1 && ctl_server_connections(f->server) == 2);
	assert_int_equal(ctl_reply(f->conn, "stopping"), 0);
	ctl_server_free(f->server);
	f->server = NULL;
	assert_int_equal(f->closed, 2);
	hear(f, a, "stopping\n");
	assert_true(is_closed(a) && is_closed(b));
	close(a);
	close(b);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(lines_are_answered),
	    T(answers_may_come_later_and_end_the_connection),
	    T(a_stream_can_end_with_its_peer),
	    T(a_line_has_a_cap),
	    T(slow_readers_are_bounded),
	    T(large_answers_arrive_whole),
	    T(who_may_change_things_is_known),
	    T(others_cannot_lock_root_out),
	    T(one_daemon_has_the_socket),
	    T(what_is_no_socket_stays),
	    T(only_the_own_directory_is_made),
	    T(the_end_of_the_server_ends_its_connections),
	};

	return cmocka_run_group_tests_name("ctl_server", tests, NULL, NULL);
}
