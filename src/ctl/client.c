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

/* What was read, and not used yet. */
struct input {
	int fd;
	struct strbuf text;
};

/* The next line into `line`, without its newline; what follows it waits. */
static int
receive_line(struct input *in, struct strbuf *line)
{
	char chunk[65536];
	size_t searched = 0;

	strbuf_clear(line);
	for (;;) {
		const char *end = in->text.len > searched
		    ? memchr(in->text.text + searched, '\n', in->text.len - searched)
		    : NULL;
		ssize_t n;

		if (end) {
			size_t len = (size_t)(end - in->text.text);

			strbuf_addn(line, in->text.text, len);
			in->text.len -= len + 1;
			memmove(in->text.text, in->text.text + len + 1, in->text.len + 1);
			return 0;
		}
		searched = in->text.len;
		if (searched >= CLIENT_MAX_ANSWER_BYTES)
			return -EMSGSIZE;
		n = recv(in->fd, chunk, sizeof(chunk), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (!n)
			return -ECONNRESET;
		strbuf_addn(&in->text, chunk, (size_t)n);
	}
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

/* Sends the request and reads its answer; `in` is the caller's, whatever the result. */
static enum client_result
ask(struct input *in, const char *socket_path, const char *cmd, const char *const *args,
    size_t n_args, bool waits, struct json_object **ret_answer, char **err_reason)
{
	struct strbuf line = {0};
	enum client_result result;
	int err;

	result = client_connect(socket_path, waits, &in->fd, err_reason);
	if (result != CLIENT_OK)
		return result;
	err = send_request(in->fd, cmd, args, n_args);
	if (!err)
		err = receive_line(in, &line);
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

static void
input_fini(struct input *in)
{
	if (in->fd >= 0)
		(void)close(in->fd);
	strbuf_free(&in->text);
}

enum client_result
client_ask(const char *socket_path, const char *cmd, const char *const *args, size_t n_args,
    bool waits, struct json_object **ret_answer, char **err_reason)
{
	struct input in = {.fd = -1};
	enum client_result result = ask(
	    &in, socket_path, cmd, args, n_args, waits, ret_answer, err_reason);

	input_fini(&in);
	return result;
}

enum client_result
client_follow(const char *socket_path, const char *cmd, client_line_fn *each, void *arg,
    struct json_object **ret_answer, char **err_reason)
{
	struct input in = {.fd = -1};
	struct strbuf line = {0};
	struct json_object *answer = NULL, *ok = NULL;
	enum client_result result = ask(&in, socket_path, cmd, NULL, 0, true, &answer, err_reason);
	bool more = result == CLIENT_OK && json_object_object_get_ex(answer, "ok", &ok) &&
	    json_object_get_boolean(ok);

	while (more) {
		json_object *object = NULL;
		int err = receive_line(&in, &line);

		if (err || !(object = json_tokener_parse(strbuf_text(&line)))) {
			*err_reason = xasprintf("metallbd at %s ended the stream: %s", socket_path,
			    err ? strerror(-err) : "what it sent is not readable");
			result = CLIENT_PROTOCOL;
			break;
		}
		more = each(arg, object);
		json_object_put(object);
	}
	if (result == CLIENT_OK)
		*ret_answer = answer;
	else
		json_object_put(answer);
	strbuf_free(&line);
	input_fini(&in);
	return result;
}
