#include "ctl/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <json-c/json.h>

#include "util/mem.h"
#include "util/str.h"

static enum client_result
client_connect(const char *path, bool waits, int *ret_fd, char **err_reason)
{
	const struct timeval timeout = {.tv_sec = CLIENT_TIMEOUT_SEC};
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd;

	if (!str_copy(sun.sun_path, sizeof(sun.sun_path), path)) {
		*err_reason = xasprintf("%s: the path is too long for a socket", path);
		return CLIENT_UNREACHABLE;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sun, sizeof(sun))) {
		*err_reason = xasprintf("cannot reach metallbd at %s: %s%s", path, strerror(errno),
		    errno == ENOENT || errno == ECONNREFUSED
			? " (is it running? systemctl status metallbd)"
			: "");
		if (fd >= 0)
			(void)close(fd);
		return CLIENT_UNREACHABLE;
	}
	if (!waits)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	*ret_fd = fd;
	return CLIENT_OK;
}

static int
send_request(int fd, const char *cmd, const char *const *args, size_t n_args)
{
	json_object *request = json_object_new_object(), *list = json_object_new_array();
	char *line;
	size_t i, len, pos = 0;

	for (i = 0; i < n_args; i++)
		json_object_array_add(list, json_object_new_string(args[i]));
	json_object_object_add(request, "v", json_object_new_int(1));
	json_object_object_add(request, "cmd", json_object_new_string(cmd));
	json_object_object_add(request, "args", list);
	line = xasprintf("%s\n", json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN));
	json_object_put(request);
	for (len = strlen(line); pos < len;) {
		ssize_t n = send(fd, line + pos, len - pos, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		pos += (size_t)n;
	}
	free(line);
	return pos == len ? 0 : -errno;
}

/* Reads up to the first newline. */
static int
receive_line(int fd, struct strbuf *line)
{
	char chunk[65536];

	while (line->len < CLIENT_MAX_ANSWER_BYTES) {
		ssize_t n = recv(fd, chunk, sizeof(chunk), 0);
		const char *end;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (!n)
			return -ECONNRESET;
		end = memchr(chunk, '\n', (size_t)n);
		strbuf_addn(line, chunk, end ? (size_t)(end - chunk) : (size_t)n);
		if (end)
			return 0;
	}
	return -EMSGSIZE;
}

static enum client_result
parse_answer(const char *line, struct json_object **ret_answer, char **err_reason)
{
	json_object *answer = json_tokener_parse(line), *v = NULL;

	if (!answer || !json_object_object_get_ex(answer, "v", &v)) {
		json_object_put(answer);
		*err_reason = xstrdup(
		    "the daemon's answer is not readable; is it another version of metallbd?");
		return CLIENT_PROTOCOL;
	}
	if (json_object_get_int(v) != 1) {
		*err_reason = xasprintf(
		    "the daemon speaks version %d of the control protocol, this client version 1: use the metallbctl "
		    "of the daemon's package",
		    json_object_get_int(v));
		json_object_put(answer);
		return CLIENT_PROTOCOL;
	}
	*ret_answer = answer;
	return CLIENT_OK;
}

enum client_result
client_ask(const char *socket_path, const char *cmd, const char *const *args, size_t n_args,
    bool waits, struct json_object **ret_answer, char **err_reason)
{
	struct strbuf line = {0};
	enum client_result result;
	int fd, err;

	result = client_connect(socket_path, waits, &fd, err_reason);
	if (result != CLIENT_OK)
		return result;
	err = send_request(fd, cmd, args, n_args);
	if (!err)
		err = receive_line(fd, &line);
	(void)close(fd);
	if (err) {
		*err_reason = xasprintf(
		    "metallbd at %s did not answer: %s", socket_path, strerror(-err));
		result = CLIENT_PROTOCOL;
	} else {
		result = parse_answer(strbuf_text(&line), ret_answer, err_reason);
	}
	strbuf_free(&line);
	return result;
}
