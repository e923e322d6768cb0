/*
 * client: one request and its answer over the daemon's control socket (doc/CONTROL.md has the
 * protocol).
 */
#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

struct json_object;

/* An answer larger than this is refused: 10,000 Services need about 5 MB. */
#define CLIENT_MAX_ANSWER_BYTES (256 << 20)
#define CLIENT_TIMEOUT_SEC 30

enum client_result {
	CLIENT_OK,          /* the daemon answered; the answer may say that it failed */
	CLIENT_UNREACHABLE, /* no daemon on that socket */
	CLIENT_PROTOCOL, /* it closed, took too long, or answered what is not a version 1 answer */
};

/*
 * Sends {"v":1,"cmd":cmd,"args":[args...]} and waits for the line that answers it. On CLIENT_OK
 * *ret_answer is the whole answer, to be put by the caller; otherwise *err_reason is a sentence
 * that the caller frees. With `waits` the answer may take as long as it takes; else
 * CLIENT_TIMEOUT_SEC.
 */
enum client_result client_ask(const char *socket_path, const char *cmd, const char *const *args,
    size_t n_args, bool waits, struct json_object **ret_answer, char **err_reason);

/* A further line of a stream, borrowed. False: enough. */
typedef bool client_line_fn(void *arg, struct json_object *line);

/*
 * As client_ask(); and when the daemon's answer is a good one, `each` gets every line that follows,
 * until it has enough: CLIENT_OK, as when the daemon refused. Or until the stream breaks:
 * CLIENT_PROTOCOL, without an answer.
 */
enum client_result client_follow(const char *socket_path, const char *cmd, client_line_fn *each,
    void *arg, struct json_object **ret_answer, char **err_reason);

#endif
