#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/mem.h"
#include "util/str.h"

#define READ_STEP 65536

static void
close_fd(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

/* The size when it was opened is no promise: files in /proc have none, others grow. */
static int
read_all(int fd, size_t max_bytes, char **ret_text, size_t *ret_len)
{
	mem_cleanup(mem_freep) char *text = NULL;
	size_t len = 0, cap = 0;
	ssize_t n;

	for (;;) {
		if (cap - len < 2) {
			cap = cap ? cap * 2 : READ_STEP;
			text = xreallocarray(text, cap, 1);
		}
		n = read(fd, text + len, cap - len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
		if (len > max_bytes)
			return -EFBIG;
	}
	text[len] = '\0';
	*ret_text = text;
	*ret_len = len;
	text = NULL;
	return 0;
}

int
file_read(const char *path, size_t max_bytes, char **ret_text, size_t *ret_len)
{
	/* Opening a FIFO without O_NONBLOCK would wait for its writer. */
	mem_cleanup(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	return read_all(fd, max_bytes, ret_text, ret_len);
}

static int
write_all(int fd, const void *bytes, size_t len)
{
	const char *p = bytes;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Makes the rename last: it is an entry of the directory. */
static int
sync_directory(const char *path)
{
	mem_cleanup(mem_freep) char *copy = xstrdup(path);
	mem_cleanup(close_fd) int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

static int
write_beside(const char *path, const void *bytes, size_t len, mode_t mode, bool sync)
{
	/* A left-over of a crash is overwritten; a link that somebody planted is not followed. */
	mem_cleanup(close_fd) int fd = open(
	    path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	int err;

	if (fd < 0)
		return -errno;
	err = write_all(fd, bytes, len);
	if (err)
		return err;
	return fchmod(fd, mode) < 0 || (sync && fsync(fd) < 0) ? -errno : 0;
}

static int
replace(const char *path, const void *bytes, size_t len, mode_t mode, bool sync)
{
	mem_cleanup(mem_freep) char *temporary = xasprintf("%s.new", path);
	int err = write_beside(temporary, bytes, len, mode, sync);

	if (!err && rename(temporary, path) < 0)
		err = -errno;
	if (err)
		(void)unlink(temporary);
	return err;
}

int
file_write_atomic(const char *path, const void *bytes, size_t len, mode_t mode)
{
	int err = replace(path, bytes, len, mode, true);

	return err ? err : sync_directory(path);
}

int
file_write_unsynced(const char *path, const void *bytes, size_t len, mode_t mode)
{
	return replace(path, bytes, len, mode, false);
}

int
file_remove(const char *path)
{
	if (unlink(path) < 0)
		return errno == ENOENT ? 0 : -errno;
	return sync_directory(path);
}

int
file_make_directory(const char *path, mode_t mode)
{
	struct stat st;

	if (mkdir(path, mode) < 0) {
		int err = -errno;

		if (err != -EEXIST)
			return err;
		if (stat(path, &st) < 0)
			return -errno;
		return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
	}
	/* Whatever the umask. */
	return chmod(path, mode) < 0 ? -errno : 0;
}

int
file_lock(const char *path, int *ret_fd, pid_t *ret_pid)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	char text[24] = "";
	uint64_t pid = 0;
	int err = 0;

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		err = -errno;
		if (pread(fd, text, sizeof(text) - 1, 0) > 0)
			text[strcspn(text, "\n")] = '\0';
		if (str_parse_uint(text, INT32_MAX, &pid))
			pid = 0;
		*ret_pid = (pid_t)pid;
		(void)close(fd);
		return err;
	}
	/* The pid is for people; the lock counts. */
	(void)snprintf(text, sizeof(text), "%d\n", (int)getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, strlen(text), 0) < 0)
		err = -errno;
	if (err) {
		(void)close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

void
file_unlock(int fd)
{
	/* The file stays: removing it would let a third process lock another inode. */
	(void)close(fd);
}

int
file_changed_at(const char *path, int64_t *ret_unix_usec)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	*ret_unix_usec = (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000;
	return 0;
}
