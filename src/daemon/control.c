#include "daemon/control.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "daemon/api.h"
#include "daemon/audience.h"
#include "daemon/bgp.h"
#include "daemon/daemon.h"
#include "daemon/drain.h"
#include "daemon/leases.h"
#include "daemon/monitor.h"
#include "daemon/permissions.h"
#include "daemon/status.h"
#include "daemon/status_bgp.h"
#include "daemon/status_doctor.h"
#include "daemon/status_l2.h"
#include "io/ctl_server.h"
#include "kube/json.h"
#include "model/settings.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/str.h"

#define CONTROL_VERSION 1
/* How long `drain` waits: without an argument, and at most. */
#define DRAIN_WAIT_USEC (60 * USEC_PER_SEC)
/* What the API is asked for `doctor` may take so long; then what is known is told. */
#define DOCTOR_WAIT_USEC (5 * USEC_PER_SEC)
#define DRAIN_WAIT_MAX_USEC (24 * 60 * USEC_PER_MIN)
/* A look at those who wait. */
#define CONTROL_LOOK_USEC (100 * USEC_PER_MSEC)

struct control_answer;

/* The answer of a command that waits: true when that is it, false: not yet. */
typedef bool control_poll_fn(struct daemon *daemon, mono_t deadline, struct control_answer *answer);

/* A connection whose `drain` or `doctor` is not answered yet. */
struct waiter {
	TAILQ_ENTRY(waiter) link;
	struct ctl_connection *conn;
	control_poll_fn *poll;
	mono_t deadline;
};

struct control {
	struct daemon *daemon;
	struct ctl_server *server;
	struct monitor *monitor;
	char *socket;
	struct loop_deferred reopen;
	TAILQ_HEAD(, waiter) waiters;
	struct loop_timer look;
};

enum control_code {
	CONTROL_OK,
	CONTROL_BAD_REQUEST,
	CONTROL_UNKNOWN_COMMAND,
	CONTROL_FORBIDDEN,
	CONTROL_NOT_FOUND,
	CONTROL_FAILED,
	CONTROL_UNSUPPORTED_VERSION,
	CONTROL_CODE_COUNT
};

static const char *const code_names[] = {
    [CONTROL_OK] = "ok",
    [CONTROL_BAD_REQUEST] = "bad-request",
    [CONTROL_UNKNOWN_COMMAND] = "unknown-command",
    [CONTROL_FORBIDDEN] = "forbidden",
    [CONTROL_NOT_FOUND] = "not-found",
    [CONTROL_FAILED] = "failed",
    [CONTROL_UNSUPPORTED_VERSION] = "unsupported-version",
};
static_assert(sizeof(code_names) / sizeof(code_names[0]) == CONTROL_CODE_COUNT, "one name each");

/* What a command gets and gives. `data` and `errors` are taken over by the answer; `message` is
 * freed. */
struct control_answer {
	enum control_code code;
	json_object *data, *errors;
	char *message;
	/* Of a command that is not done yet, NULL for all others: */
	control_poll_fn *poll;
	mono_t wait_until;
	bool stream; /* changes follow */
};

typedef void control_fn(struct daemon *daemon, const char *argument, struct control_answer *answer);

static void __attribute__((format(printf, 3, 4)))
refuse(struct control_answer *answer, enum control_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	answer->code = code;
	answer->message = xvasprintf(fmt, ap);
	va_end(ap);
}

static void
run_status(struct daemon *daemon, const char *argument, struct control_answer *answer)
{
	(void)argument;
	answer->data = status_overview(daemon);
}

static void
run_services(struct daemon *daemon, const char *argument, struct control_answer *answer)
{
	answer->data = status_services(daemon, argument);
	if (!answer->data)
		refuse(answer, CONTROL_NOT_FOUND, "no Service %s of type LoadBalancer is known",
		    argument);
}

static void
run_explain(struct daemon *daemon, const char *argument, struct control_answer *answer)
{
	if (!argument)
		refuse(answer, CONTROL_BAD_REQUEST, "explain needs NAMESPACE/NAME");
	else if (!(answer->data = status_explain(daemon, argument)))
		refuse(answer, CONTROL_NOT_FOUND, "no Service %s of type LoadBalancer is known%s",
		    argument,
		    strchr(argument, '/') ? "; kubectl get service shows its type"
					  : "; the form is NAMESPACE/NAME");
}

static void
run_pools(struct daemon *daemon, const char *argument, struct control_answer *answer)
{
	answer->data = status_pools(daemon, argument);
	if (!answer->data)
		refuse(answer, CONTROL_NOT_FOUND, "%s has no pool \"%s\"", daemon->path, argument);
}

static void
run_leases(struct daemon *daemon, const char *argument, struct control_answer *answer)
{
	(void)argument;
	answer->data = status_leases(daemon);
}

static void
run_l2(struct daemon *daemon, const char *argument, struct control_answer *answer)
{
	answer->data = status_l2(daemon, argument);
	if (!answer->data)
		refuse(answer, CONTROL_NOT_FOUND,
		    "%s is not announced in layer 2 by this node; metallbctl leases shows who holds it",
		    argument);
}

static void
run_peers(struct daemon *daemon, const char *argument, struct control_answer *answer)
{
	answer->data = status_peers(daemon, argument);
	if (!answer->data)
		refuse(answer, CONTROL_NOT_FOUND, "%s has no peer \"%s\"", daemon->path, argument);
}

static void
run_routes(struct daemon *daemon, const char *argument, struct control_answer *answer)
{
	answer->data = status_routes(daemon, argument);
	if (!answer->data)
		refuse(answer, CONTROL_NOT_FOUND, "%s has no peer \"%s\"", daemon->path, argument);
}

static void
run_log(struct daemon *daemon, const char *argument, struct control_answer *answer)
{
	enum log_level level;

	(void)daemon;
	if (!argument || log_level_parse(argument, &level)) {
		refuse(answer, CONTROL_BAD_REQUEST,
		    "log needs one of err, warning, notice, info, debug");
		return;
	}
	log_set_level(level);
	answer->data = json_object_new_object();
	kube_json_put_string(answer->data, "level", argument);
}

static void
run_reload(struct daemon *daemon, const char *argument, struct control_answer *answer)
{
	struct config_diff diff = {0};

	(void)argument;
	if (daemon_reload(daemon, &diff)) {
		refuse(answer, CONTROL_FAILED, "%s has %zu errors; nothing was changed",
		    daemon->path, daemon->refused.n_errors);
		answer->errors = status_config_errors(daemon);
		return;
	}
	answer->data = status_reload(daemon, &diff);
	config_diff_fini(&diff);
}

/* True when that is the answer, false: not yet. */
static bool
drain_answer(struct daemon *daemon, mono_t deadline, struct control_answer *answer)
{
	enum drain_progress progress = drain_progress(leases_ownership(daemon->leases));
	struct api_status api = api_status(daemon->api);

	/* Somebody else may have ended it meanwhile. */
	if ((progress == DRAIN_DONE && bgp_is_drained(daemon->bgp)) ||
	    !drain_is_on(daemon->drain)) {
		answer->data = status_drain(daemon);
		return true;
	}
	if ((progress == DRAIN_RUNNING || !bgp_is_drained(daemon->bgp)) &&
	    mono_before(loop_now(daemon->loop), deadline))
		return false;
	answer->errors = status_left(daemon);
	refuse(answer, CONTROL_FAILED,
	    "%u addresses are still here%s; this node stays drained, and goes on handing them over",
	    leases_ownership(daemon->leases)->n_ours,
	    api.state == API_CONNECTED ? "" : ", since no API server answers");
	return true;
}

static void
run_drain(struct daemon *daemon, const char *argument, struct control_answer *answer)
{
	int64_t wait = DRAIN_WAIT_USEC;
	mono_t deadline;
	int err;

	if (argument && (str_parse_duration(argument, &wait) || wait > DRAIN_WAIT_MAX_USEC)) {
		refuse(answer, CONTROL_BAD_REQUEST,
		    "drain takes how long to wait, as \"60s\" or \"5m\"; a day at most");
		return;
	}
	err = daemon_drain(daemon, true);
	if (err) {
		refuse(answer, CONTROL_FAILED,
		    "nothing was changed: the state directory %s cannot be written: %s",
		    daemon->settings->node.state_directory, strerror(-err));
		return;
	}
	deadline = mono_add_usec(loop_now(daemon->loop), wait);
	if (!drain_answer(daemon, deadline, answer)) {
		answer->poll = drain_answer;
		answer->wait_until = deadline;
	}
}

static void
run_undrain(struct daemon *daemon, const char *argument, struct control_answer *answer)
{
	int err = daemon_drain(daemon, false);

	(void)argument;
	if (err)
		refuse(answer, CONTROL_FAILED,
		    "nothing was changed: the state directory %s cannot be written: %s",
		    daemon->settings->node.state_directory, strerror(-err));
	else
		answer->data = status_drain(daemon);
}

/* The stream begins when this is answered: see on_line(). */
static void
run_monitor(struct daemon *daemon, const char *argument, struct control_answer *answer)
{
	(void)argument;
	answer->data = json_object_new_object();
	kube_json_put_string(answer->data, "node", daemon->settings->node.name);
	answer->stream = true;
}

static bool
doctor_answer(struct daemon *daemon, mono_t deadline, struct control_answer *answer)
{
	if (permissions_asking(daemon->permissions) &&
	    mono_before(loop_now(daemon->loop), deadline))
		return false;
	answer->data = status_doctor(daemon);
	return true;
}

static void
run_doctor(struct daemon *daemon, const char *argument, struct control_answer *answer)
{
	(void)argument;
	permissions_ask(daemon->permissions);
	answer->poll = doctor_answer;
	answer->wait_until = mono_add_usec(loop_now(daemon->loop), DOCTOR_WAIT_USEC);
}

static const struct {
	const char *name;
	bool changes;
	control_fn *run;
} control_commands[] = {
    {"status", false, run_status},
    {"services", false, run_services},
    {"explain", false, run_explain},
    {"pools", false, run_pools},
    {"leases", false, run_leases},
    {"l2", false, run_l2},
    {"peers", false, run_peers},
    {"routes", false, run_routes},
    {"doctor", false, run_doctor},
    {"monitor", false, run_monitor},
    {"log", true, run_log},
    {"reload", true, run_reload},
    {"drain", true, run_drain},
    {"undrain", true, run_undrain},
};

static void
run_command(struct daemon *daemon, const struct ctl_peer *peer, const char *cmd,
    const char *argument, struct control_answer *answer)
{
	size_t i;

	for (i = 0; i < sizeof(control_commands) / sizeof(control_commands[0]); i++) {
		if (!str_eq(control_commands[i].name, cmd))
			continue;
		if (control_commands[i].changes && !peer->may_change)
			refuse(answer, CONTROL_FORBIDDEN,
			    "%s is for root, the daemon's own user and the group %s", cmd,
			    daemon->settings->control.group);
		else
			control_commands[i].run(daemon, argument, answer);
		return;
	}
	refuse(answer, CONTROL_UNKNOWN_COMMAND, "this metallbd does not know the command \"%.64s\"",
	    cmd);
}

/* {"v":1,"cmd":"...","args":["..."]} */
static void
run_request(struct daemon *daemon, const struct ctl_peer *peer, json_object *request,
    struct control_answer *answer)
{
	const char *cmd, *argument = NULL;
	json_object *args = NULL;
	int64_t version;

	if (kube_json_int(request, "v", 0, INT32_MAX, &version) != KUBE_JSON_FOUND ||
	    kube_json_string(request, "cmd", &cmd) != KUBE_JSON_FOUND ||
	    kube_json_array(request, "args", &args) == KUBE_JSON_WRONG) {
		refuse(answer, CONTROL_BAD_REQUEST,
		    "a request is {\"v\":1,\"cmd\":\"...\",\"args\":[\"...\"]}");
		return;
	}
	if (version != CONTROL_VERSION) {
		refuse(answer, CONTROL_UNSUPPORTED_VERSION,
		    "this metallbd speaks version %d of the protocol", CONTROL_VERSION);
		return;
	}
	if (kube_json_length(args) > 1 ||
	    kube_json_element_string(args, 0, &argument) == KUBE_JSON_WRONG) {
		refuse(
		    answer, CONTROL_BAD_REQUEST, "%.64s takes one argument at most, a string", cmd);
		return;
	}
	run_command(daemon, peer, cmd, argument, answer);
}

static char *
answer_text(struct control_answer *answer)
{
	json_object *line = json_object_new_object(), *error;

	kube_json_put_int(line, "v", CONTROL_VERSION);
	kube_json_put_bool(line, "ok", answer->code == CONTROL_OK);
	if (answer->code == CONTROL_OK) {
		kube_json_put(line, "data", answer->data);
	} else {
		error = kube_json_put_object(line, "error");
		kube_json_put_string(error, "code", code_names[answer->code]);
		kube_json_put_string(error, "message", answer->message);
		if (answer->errors)
			kube_json_put(error, "errors", answer->errors);
	}
	free(answer->message);
	return kube_json_detach(line);
}

static void
reply(struct ctl_connection *conn, struct control_answer *answer)
{
	char *text = answer_text(answer);

	(void)ctl_reply(conn, text);
	free(text);
}

/* --- answers that wait --- */

static void
wait_for(struct control *control, struct ctl_connection *conn, const struct control_answer *answer)
{
	struct waiter *waiter = xcalloc(1, sizeof(*waiter));

	waiter->conn = conn;
	waiter->poll = answer->poll;
	waiter->deadline = answer->wait_until;
	TAILQ_INSERT_TAIL(&control->waiters, waiter, link);
	/* It is not idle, though nothing is said on it. */
	ctl_set_stream(conn, true);
	loop_timer_set(&control->look, mono_add_usec(loop_clock(), CONTROL_LOOK_USEC));
}

static void
forget(struct control *control, struct waiter *waiter)
{
	TAILQ_REMOVE(&control->waiters, waiter, link);
	free(waiter);
}

static void
on_look(void *arg)
{
	struct control *control = arg;
	struct waiter *waiter, *next;

	TAILQ_FOREACH_SAFE (waiter, &control->waiters, link, next) {
		struct control_answer answer = {.code = CONTROL_OK};

		if (!waiter->poll(control->daemon, waiter->deadline, &answer))
			continue;
		ctl_set_stream(waiter->conn, false);
		reply(waiter->conn, &answer);
		forget(control, waiter);
	}
	if (!TAILQ_EMPTY(&control->waiters))
		loop_timer_set(&control->look, mono_add_usec(loop_clock(), CONTROL_LOOK_USEC));
}

static void
on_line(void *arg, struct ctl_connection *conn, const struct ctl_peer *peer, const char *line,
    size_t len)
{
	struct control *control = arg;
	struct control_answer answer = {.code = CONTROL_OK};
	json_object *request;

	if (monitor_has(control->monitor, conn)) {
		refuse(&answer, CONTROL_BAD_REQUEST, "this connection is a stream of changes");
	} else if (kube_json_parse(line, len, CTL_MAX_LINE_BYTES, &request) != KUBE_OK) {
		refuse(&answer, CONTROL_BAD_REQUEST, "a request is one JSON object on a line");
	} else {
		run_request(control->daemon, peer, request, &answer);
		json_object_put(request);
	}
	if (answer.stream && !monitor_add(control->monitor, conn)) {
		json_object_put(answer.data);
		refuse(&answer, CONTROL_FAILED, "%d clients are listening already", AUDIENCE_MAX);
	}
	if (answer.poll)
		wait_for(control, conn, &answer);
	else
		reply(conn, &answer);
}

void
control_changed(struct control *control)
{
	monitor_look(control->monitor);
}

/* Connections come and go; what waited for is not asked again. */
static void
on_closed(void *arg, struct ctl_connection *conn)
{
	struct control *control = arg;
	struct waiter *waiter, *next;

	monitor_remove(control->monitor, conn);
	TAILQ_FOREACH_SAFE (waiter, &control->waiters, link, next)
		if (waiter->conn == conn)
			forget(control, waiter);
}

static int
control_open(struct control *control)
{
	const struct settings_control *settings = &control->daemon->settings->control;
	struct ctl_server *server;
	char *reason = NULL;
	int err = ctl_server_open(control->daemon->loop,
	    &(struct ctl_server_options){
		.path = settings->socket,
		.own_directory = RUNSTATEDIR "/metallb",
		.group = settings->group,
		.too_long_reply =
		    "{\"v\":1,\"ok\":false,\"error\":{\"code\":\"bad-request\",\"message\":\"the request is too long\"}}",
		.on_line = on_line,
		.on_closed = on_closed,
		.arg = control,
	    },
	    &server, &reason);

	if (err) {
		log_err("%s", reason ? reason : strerror(-err));
		free(reason);
		return err;
	}
	ctl_server_free(control->server);
	control->server = server;
	free(control->socket);
	control->socket = xstrdup(settings->socket);
	return 0;
}

/* A reload may come over the very socket that is to be replaced, so that waits for the end of the
 * turn. */
static void
on_reopen(void *arg)
{
	struct control *control = arg;

	if (control_open(control))
		log_warning("control socket %s stays in use until a reload can open the new one",
		    control->socket);
}

int
control_new(struct daemon *daemon, struct control **ret_control)
{
	struct control *control = xcalloc(1, sizeof(*control));
	int err;

	control->daemon = daemon;
	control->monitor = monitor_new(daemon);
	TAILQ_INIT(&control->waiters);
	loop_timer_init(&control->look, daemon->loop, on_look, control);
	loop_deferred_init(&control->reopen, daemon->loop, on_reopen, control);
	err = control_open(control);
	if (err) {
		loop_timer_fini(&control->look);
		loop_deferred_fini(&control->reopen);
		monitor_free(control->monitor);
		free(control);
		return err;
	}
	*ret_control = control;
	return 0;
}

void
control_free(struct control *control)
{
	if (!control)
		return;
	ctl_server_free(control->server);
	monitor_free(control->monitor);
	loop_timer_fini(&control->look);
	loop_deferred_fini(&control->reopen);
	free(control->socket);
	free(control);
}

void
control_reconfigure(struct control *control, bool changed)
{
	const struct settings_control *settings = &control->daemon->settings->control;

	if (!str_eq(control->socket, settings->socket))
		loop_defer(&control->reopen);
	else if (changed && ctl_server_set_group(control->server, settings->group))
		log_warning(
		    "control.group %s does not exist; only root and the daemon's own user may change things",
		    settings->group);
}
