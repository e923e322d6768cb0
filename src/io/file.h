/*
 * file: small files whole. All calls return 0 or -errno and never log.
 */
#ifndef IO_FILE_H
#define IO_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Caps for callers of file_read(). */
#define FILE_MAX_CONFIG_BYTES (4 * 1024 * 1024)
#define FILE_MAX_KUBECONFIG_BYTES (1024 * 1024)
#define FILE_MAX_TOKEN_BYTES (64 * 1024)
#define FILE_MAX_PEM_BYTES (1024 * 1024)
#define FILE_MAX_STATE_BYTES (64 * 1024 * 1024)

/*
 * A regular file (links are followed), read to its end. *ret_text is zero-terminated and the
 * caller's to free; zeros may be inside. -EFBIG: more than max_bytes; -EISDIR, or -EINVAL: neither
 * file nor link to one.
 */
int file_read(const char *path, size_t max_bytes, char **ret_text, size_t *ret_len);

/* When its contents last changed, on the wall clock. */
int file_changed_at(const char *path, int64_t *ret_unix_usec);

/*
 * Replaces the file's contents so that after a crash either the old or the new is there: written
 * beside it, synced, renamed, the directory synced. `mode` is that of the file, whatever the umask.
 */
int file_write_atomic(const char *path, const void *bytes, size_t len, mode_t mode);

/*
 * The same without waiting for the disk: after a crash of this process the old or the new is there,
 * after one of the machine it may be neither. For what is of no use after a boot anyway.
 */
int file_write_unsynced(const char *path, const void *bytes, size_t len, mode_t mode);

/* For good, as file_write_atomic(). 0 also when there is none. */
int file_remove(const char *path);

/* Makes the last component of the path only. 0 also when it is there already. */
int file_make_directory(const char *path, mode_t mode);

/*
 * An exclusive lock on a file that is made if needed (0600), held until file_unlock() or the end of
 * the process. -EWOULDBLOCK: another process holds it; its pid, if readable, is in *ret_pid, else
 * 0.
 */
int file_lock(const char *path, int *ret_fd, pid_t *ret_pid);
void file_unlock(int fd);

#endif
