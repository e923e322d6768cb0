#include "config.h"

#include "io_test.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "io/log_sink.h"
#include "io/sd.h"
#include "util/log.h"
#include "util/str.h"

struct fixture {
	struct loop *loop;
	char *directory;
	int fd; /* where systemd would listen */
	char text[1024];
};

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	*state = f;
	f->directory = test_mkdir();
	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/notify", f->directory);
	f->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	(void)setenv("NOTIFY_SOCKET", addr.sun_path, 1);
	return loop_new(&f->loop);
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	(void)unsetenv("NOTIFY_SOCKET");
	(void)unsetenv("WATCHDOG_USEC");
	close(f->fd);
	loop_free(f->loop);
	test_rmdir(f->directory);
	free(f);
	return 0;
}

/* The next datagram, "" when there is none. */
static const char *
received(struct fixture *f)
{
	ssize_t n = recv(f->fd, f->text, sizeof(f->text) - 1, 0);

	f->text[n > 0 ? n : 0] = '\0';
	return f->text;
}

static void
systemd_is_told(void **state)
{
	struct fixture *f = *state;
	struct sd *sd = sd_new(f->loop);
	const char *text;

#ifndef HAVE_LIBSYSTEMD
	skip();
#endif
	sd_status(sd, "no API server\nanswers");
	assert_string_equal(received(f), "STATUS=no API server answers");
	sd_status(sd, "no API server\nanswers");
	assert_string_equal(received(f), "");
	sd_ready(sd);
	assert_string_equal(received(f), "READY=1");
	sd_reloading(sd);
	text = received(f);
	assert_true(str_has_prefix(text, "RELOADING=1\nMONOTONIC_USEC="));
	assert_true(strtoll(strrchr(text, '=') + 1, NULL, 10) > 0);
	sd_stopping(sd);
	assert_string_equal(received(f), "STOPPING=1");
	RUN_WHILE(f->loop, 5000, received(f)[0] == '\0');
	sd_free(sd);
}

static void
the_watchdog_is_fed_by_the_loop(void **state)
{
	struct fixture *f = *state;
	struct sd *sd;
	int i;

#ifndef HAVE_LIBSYSTEMD
	skip();
#endif
	(void)setenv("WATCHDOG_USEC", "4000", 1);
	sd = sd_new(f->loop);
	for (i = 0; i < 3; i++) {
		RUN_UNTIL(f->loop, received(f)[0]);
		assert_string_equal(f->text, "WATCHDOG=1");
	}
	sd_free(sd);
}

static void
without_systemd_nothing_happens(void **state)
{
	struct fixture *f = *state;
	struct sd *sd;

	(void)unsetenv("NOTIFY_SOCKET");
	sd = sd_new(f->loop);
	sd_ready(sd);
	sd_reloading(sd);
	sd_status(sd, "x");
	sd_stopping(sd);
	sd_free(sd);
	sd_free(NULL);
	assert_string_equal(received(f), "");
}

/* Runs `fn` with stderr in a pipe; what it wrote. */
static char *
with_stderr(void (*fn)(void))
{
	int fds[2], saved = dup(STDERR_FILENO);
	char text[1024];
	ssize_t n;

	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	assert_true(dup2(fds[1], STDERR_FILENO) >= 0);
	fn();
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	n = read(fds[0], text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	close(saved);
	close(fds[0]);
	close(fds[1]);
	return xstrdup(text);
}

static enum log_sink_kind kind;

static void
log_by_own_choice(void)
{
	const struct log_field fields[] = {{"METALLB_SERVICE", "default/web"}};

	kind = log_sink_open("metallbd");
	log_line(LOG_LEVEL_WARNING, fields, 1, "service=default/web no address");
	log_sink_close();
}

static void
log_to_terminal(void)
{
	log_sink_use(LOG_SINK_TERMINAL, "metallbd");
	log_err("red");
	log_info("plain");
	log_sink_close();
}

static void
into_a_pipe_lines_have_a_level_prefix(void **state)
{
	char *text;

	(void)state;
	(void)setenv("JOURNAL_STREAM", "1:2", 1);
	text = with_stderr(log_by_own_choice);
	assert_int_equal(kind, LOG_SINK_PLAIN);
	assert_string_equal(text, "<4>service=default/web no address\n");
	free(text);
	(void)unsetenv("JOURNAL_STREAM");
}

static void
on_a_terminal_lines_have_time_and_level(void **state)
{
	char *text;

	(void)state;
	(void)unsetenv("NO_COLOR");
	text = with_stderr(log_to_terminal);
	assert_non_null(strstr(text, " \033[1;31merr     red\033[0m\n"));
	assert_non_null(strstr(text, " info    plain\n"));
	assert_int_equal(strcspn(text, "."), strlen("12:34:56"));
	free(text);
	(void)setenv("NO_COLOR", "1", 1);
	text = with_stderr(log_to_terminal);
	assert_null(strchr(text, '\033'));
	free(text);
	(void)unsetenv("NO_COLOR");
}

/* In a process of its own, whose /run is empty but for a journal's socket: what that receives goes
 * to `out`. */
static void
be_under_systemd(int out)
{
	struct sockaddr_un addr = {
	    .sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket"};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	char value[64], text[2048];
	struct stat st;
	ssize_t n;

	if (unshare(CLONE_NEWNS) || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", "/run", "tmpfs", 0, "") || mkdir("/run/systemd", 0755) ||
	    mkdir("/run/systemd/journal", 0755) ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) || fstat(STDERR_FILENO, &st))
		_exit(77);
	(void)snprintf(value, sizeof(value), "%llu:%llu", (unsigned long long)st.st_dev,
	    (unsigned long long)st.st_ino);
	(void)setenv("JOURNAL_STREAM", value, 1);
	log_by_own_choice();
	n = recv(fd, text, sizeof(text), MSG_DONTWAIT);
	_exit(kind != LOG_SINK_JOURNAL || n <= 0 || write(out, text, (size_t)n) != n);
}

static void
under_systemd_lines_are_journal_entries(void **state)
{
	char text[2048];
	int fds[2], status;
	ssize_t n;
	pid_t child;

	(void)state;
#ifndef HAVE_LIBSYSTEMD
	skip();
#endif
	if (geteuid() != 0) {
		print_message("# SKIP: needs root for a mount namespace\n");
		skip();
	}
	assert_int_equal(pipe(fds), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child)
		be_under_systemd(fds[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	close(fds[1]);
	n = read(fds[0], text, sizeof(text) - 1);
	close(fds[0]);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		print_message("# SKIP: no mount namespace here\n");
		skip();
	}
	assert_int_equal(status, 0);
	text[n > 0 ? n : 0] = '\0';
	assert_non_null(strstr(text, "PRIORITY=4\n"));
	assert_non_null(strstr(text, "SYSLOG_IDENTIFIER=metallbd\n"));
	assert_non_null(strstr(text, "MESSAGE=service=default/web no address\n"));
	assert_non_null(strstr(text, "METALLB_SERVICE=default/web\n"));
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(systemd_is_told),
	    T(the_watchdog_is_fed_by_the_loop),
	    T(without_systemd_nothing_happens),
	    cmocka_unit_test(into_a_pipe_lines_have_a_level_prefix),
	    cmocka_unit_test(on_a_terminal_lines_have_time_and_level),
	    cmocka_unit_test(under_systemd_lines_are_journal_entries),
	};

	return cmocka_run_group_tests_name("sd", tests, NULL, NULL);
}
