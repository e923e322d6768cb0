#include "io_test.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "io/file.h"
#include "io/host.h"
#include "io/random.h"
#include "io/usage.h"
#include "util/mem.h"
#include "util/str.h"

static int
setup(void **state)
{
	*state = test_mkdir();
	return 0;
}

static int
teardown(void **state)
{
	test_rmdir(*state);
	return 0;
}

static char *
path_of(void **state, const char *name)
{
	return xasprintf("%s/%s", (char *)*state, name);
}

static void
what_is_written_is_read(void **state)
{
	char *path = path_of(state, "state"), *text;
	struct stat st;
	size_t len;

	(void)umask(077);
	assert_int_equal(file_write_atomic(path, "one\0two", 7, 0640), 0);
	(void)umask(022);
	assert_int_equal(file_read(path, 7, &text, &len), 0);
	assert_int_equal(len, 7);
	assert_memory_equal(text, "one\0two", 8);
	free(text);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);

	assert_int_equal(file_write_atomic(path, "", 0, 0600), 0);
	assert_int_equal(file_read(path, 0, &text, &len), 0);
	assert_int_equal(len, 0);
	assert_string_equal(text, "");
	free(text);
	free(path);
}

static void
unsynced_replaces_whole_too(void **state)
{
	char *path = path_of(state, "state"), *text;
	size_t len;

	assert_int_equal(file_write_atomic(path, "a longer text", 13, 0600), 0);
	assert_int_equal(file_write_unsynced(path, "short", 5, 0600), 0);
	assert_int_equal(file_read(path, 100, &text, &len), 0);
	assert_string_equal(text, "short");
	free(text);
	free(path);
	path = path_of(state, "nowhere/state");
	assert_int_equal(file_write_unsynced(path, "x", 1, 0600), -ENOENT);
	free(path);
}

static void
removing_what_is_gone_is_fine(void **state)
{
	char *path = path_of(state, "flag"), *text;
	size_t len;

	assert_int_equal(file_write_atomic(path, "x", 1, 0600), 0);
	assert_int_equal(file_remove(path), 0);
	assert_int_equal(file_read(path, 1, &text, &len), -ENOENT);
	assert_int_equal(file_remove(path), 0);
	free(path);
	path = path_of(state, "file");
	assert_int_equal(file_write_atomic(path, "x", 1, 0600), 0);
	free(path);
	path = path_of(state, "file/flag");
	assert_int_equal(file_remove(path), -ENOTDIR);
	free(path);
}

static void
reading_has_a_cap(void **state)
{
	char *path = path_of(state, "big"), *big = xcalloc(200000, 1), *text;
	size_t len;

	memset(big, 'x', 200000);
	assert_int_equal(file_write_atomic(path, big, 200000, 0600), 0);
	assert_int_equal(file_read(path, 199999, &text, &len), -EFBIG);
	assert_int_equal(file_read(path, 200000, &text, &len), 0);
	assert_int_equal(len, 200000);
	assert_memory_equal(text, big, 200000);
	free(text);
	free(big);
	free(path);
}

static void
what_is_no_file_is_refused(void **state)
{
	char *fifo = path_of(state, "fifo"), *text = NULL;
	size_t len;

	assert_int_equal(mkfifo(fifo, 0600), 0);
	/* Without a writer: it must not wait. */
	assert_int_equal(file_read(fifo, 100, &text, &len), -EINVAL);
	assert_int_equal(file_read(*state, 100, &text, &len), -EISDIR);
	assert_int_equal(file_read("/nonexistent/x", 100, &text, &len), -ENOENT);
	assert_int_equal(file_read("/dev/zero", 100, &text, &len), -EINVAL);
	assert_null(text);
	/* No size in its inode. */
	assert_int_equal(file_read("/proc/self/status", 65536, &text, &len), 0);
	assert_true(len > 100);
	free(text);
	free(fifo);
}

static void
a_failed_write_leaves_the_old_file(void **state)
{
	char *path = path_of(state, "state"), *new = path_of(state, "state.new"), *text;
	size_t len;

	assert_int_equal(file_write_atomic(path, "old", 3, 0600), 0);
	/* A link planted in the temporary file's place is not followed. */
	assert_int_equal(symlink("/dev/full", new), 0);
	assert_int_equal(file_write_atomic(path, "new", 3, 0600), -ELOOP);
	assert_int_equal(file_read(path, 100, &text, &len), 0);
	assert_string_equal(text, "old");
	free(text);
	assert_int_equal(file_write_atomic("/nonexistent/x", "a", 1, 0600), -ENOENT);
	/* The failure took the link away, so now it works. */
	assert_int_equal(file_write_atomic(path, "new", 3, 0600), 0);
	assert_int_equal(file_read(path, 100, &text, &len), 0);
	assert_string_equal(text, "new");
	assert_int_equal(access(new, F_OK), -1);
	free(text);
	free(path);
	free(new);
}

static void
directories_are_made_once(void **state)
{
	char *path = path_of(state, "dir"), *file = path_of(state, "file");
	struct stat st;

	(void)umask(077);
	assert_int_equal(file_make_directory(path, 0755), 0);
	(void)umask(022);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(chmod(path, 0700), 0);
	assert_int_equal(file_make_directory(path, 0755), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(file_write_atomic(file, "", 0, 0600), 0);
	assert_int_equal(file_make_directory(file, 0755), -ENOTDIR);
	assert_int_equal(file_make_directory("/nonexistent/x/y", 0755), -ENOENT);
	assert_int_equal(rmdir(path), 0);
	free(path);
	free(file);
}

static void
a_lock_excludes_other_processes(void **state)
{
	char *path = path_of(state, "lock");
	int fd, status, fds[2];
	pid_t child, holder = -1;
	char byte;

	assert_int_equal(pipe(fds), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		pid_t ignored;

		if (file_lock(path, &fd, &ignored) == 0)
			(void)!write(fds[1], "y", 1);
		(void)pause();
		_exit(0);
	}
	assert_int_equal(read(fds[0], &byte, 1), 1);
	assert_int_equal(file_lock(path, &fd, &holder), -EWOULDBLOCK);
	assert_int_equal(holder, child);
	/* The end of the process is the end of its lock. */
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(file_lock(path, &fd, &holder), 0);
	file_unlock(fd);
	assert_int_equal(file_lock(path, &fd, &holder), 0);
	file_unlock(fd);
	close(fds[0]);
	close(fds[1]);
	free(path);
}

static void
the_host_has_names(void **state)
{
	char id[HOST_ID_SIZE], again[HOST_ID_SIZE], name[HOST_NAME_SIZE], *p;
	int err;

	(void)state;
	assert_int_equal(host_boot_id(id), 0);
	assert_int_equal(strlen(id), 36);
	assert_int_equal(host_boot_id(again), 0);
	assert_string_equal(id, again);
	err = host_machine_id(id);
	/* Containers may have none. */
	if (err)
		assert_true(err == -ENOENT || err == -EINVAL);
	else
		assert_int_equal(strlen(id), 32);
	assert_int_equal(host_name(name), 0);
	assert_true(strlen(name) > 0);
	for (p = name; *p; p++)
		assert_false(*p >= 'A' && *p <= 'Z');
}

/* Memory that is touched shows, and so does work. */
static void
usage_is_what_was_used(void **state)
{
	const size_t bytes = 32 * 1024 * 1024;
	struct usage before, after;
	volatile char *touched;
	char *memory;
	size_t i;

	(void)state;
	usage_read(&before);
	assert_true(before.resident_bytes > 0);
	memory = xcalloc(1, bytes);
	touched = memory;
	do {
		for (i = 0; i < bytes; i += 64)
			touched[i]++;
		usage_read(&after);
	} while (after.cpu_usec <= before.cpu_usec);
	assert_true(after.resident_bytes >= before.resident_bytes + bytes / 2);
	assert_true(after.resident_bytes <= before.resident_bytes + 4 * bytes);
	free(memory);
}

static void
settings_of_the_kernel_are_numbers(void **state)
{
	(void)state;
	assert_in_range(host_ipv4_conf("lo", "arp_ignore"), 0, 8);
	assert_int_equal(host_ipv4_conf("no-such-interface", "arp_ignore"), -ENOENT);
	assert_int_equal(host_ipv4_conf("lo", "no_such_setting"), -ENOENT);
}

static void
the_age_of_a_file_is_known(void **state)
{
	const struct timespec times[2] = {{.tv_sec = 7}, {.tv_sec = 86400, .tv_nsec = 5000}};
	char *path = path_of(state, "old");
	int64_t usec = 0;

	assert_int_equal(file_changed_at(path, &usec), -ENOENT);
	assert_int_equal(file_write_atomic(path, "x", 1, 0600), 0);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	assert_int_equal(file_changed_at(path, &usec), 0);
	assert_int_equal(usec, INT64_C(86400000005));
	free(path);
}

static void
random_numbers_differ(void **state)
{
	char a[RANDOM_HEX_SIZE(16)], b[RANDOM_HEX_SIZE(16)];

	(void)state;
	assert_true(random_seed() != random_seed());
	random_hex(a, 16);
	random_hex(b, 16);
	assert_int_equal(strlen(a), 32);
	assert_int_equal(strspn(a, "0123456789abcdef"), 32);
	assert_string_not_equal(a, b);
	random_hex(a, 2);
	assert_int_equal(strlen(a), 4);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

/* Up to the hard limit and no further, and never down. */
static void
descriptors_are_raised(void **state)
{
	struct rlimit before, after, low;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	low = (struct rlimit){.rlim_cur = 64, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_int_equal(host_raise_descriptors(100), 100);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &after), 0);
	assert_int_equal(after.rlim_cur, 100);
	assert_int_equal(host_raise_descriptors(80), 80);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &after), 0);
	assert_int_equal(after.rlim_cur, 100);
	if (before.rlim_max < UINT_MAX)
		assert_int_equal(host_raise_descriptors(UINT_MAX), before.rlim_max);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(what_is_written_is_read),
	    T(unsynced_replaces_whole_too),
	    T(removing_what_is_gone_is_fine),
	    T(reading_has_a_cap),
	    T(what_is_no_file_is_refused),
	    T(a_failed_write_leaves_the_old_file),
	    T(directories_are_made_once),
	    T(a_lock_excludes_other_processes),
	    cmocka_unit_test(the_host_has_names),
	    cmocka_unit_test(descriptors_are_raised),
	    cmocka_unit_test(usage_is_what_was_used),
	    cmocka_unit_test(settings_of_the_kernel_are_numbers),
	    T(the_age_of_a_file_is_known),
	    cmocka_unit_test(random_numbers_differ),
	};

	return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
