/* Requests to several API servers: which is asked, and that each call is answered once. */
#include "daemon/api.h"

#include <stdlib.h>

#include "http_server.h"
#include "io_test.h"
#include "ipam_help.h"

#include "model/settings.h"
#include "util/log.h"

/* --- a server that plays kube-apiserver --- */

struct server {
	struct evhttp *http;
	uint16_t port;
	unsigned requests;
	int status;        /* 0: silence */
	const char *token; /* another one is 401 */
	struct evhttp_request *held[16];
	size_t n_held;
};

static void
on_request(struct evhttp_request *request, void *arg)
{
	struct server *server = arg;
	const char *authorization = evhttp_find_header(
	    evhttp_request_get_input_headers(request), "Authorization");
	bool refused = server->token &&
	    !(authorization && str_has_prefix(authorization, "Bearer ") &&
		str_eq(authorization + strlen("Bearer "), server->token));
	struct evbuffer *out;

	server->requests++;
	if (!server->status) {
		assert_true(server->n_held < ARRAY_SIZE(server->held));
		server->held[server->n_held++] = request;
		return;
	}
	out = evbuffer_new();
	(void)evbuffer_add_printf(out, "{}");
	evhttp_send_reply(request, refused ? 401 : server->status, "x", out);
	evbuffer_free(out);
}

static void
server_start(struct server *server, struct loop *loop, int status)
{
	*server = (struct server){.status = status};
	server->http = evhttp_new(loop_base(loop));
	assert_int_equal(evhttp_accept_socket(server->http, listen_on_loopback(&server->port)), 0);
	evhttp_set_gencb(server->http, on_request, server);
}

static void
server_stop(struct server *server)
{
	size_t i;

	for (i = 0; i < server->n_held; i++)
		if (!evhttp_request_get_connection(server->held[i]))
			evhttp_request_free(server->held[i]);
	evhttp_free(server->http);
}

/* --- what was answered --- */

struct result {
	unsigned n;
	enum api_result result;
	int status;
};

static void
on_done(void *arg, const struct api_answer *answer)
{
	struct result *result = arg;

	result->n++;
	result->result = answer->result;
	result->status = answer->status;
	assert_non_null(answer->body);
	assert_non_null(answer->error);
	assert_true((answer->result == API_ANSWERED) == !*answer->error);
}

static unsigned n_changed;

static void
on_changed(void *arg)
{
	(void)arg;
	n_changed++;
}

static unsigned n_lines;

static void
count_line(void *arg, enum log_level level, const char *line, const struct log_field *fields,
    size_t n_fields)
{
	(void)arg;
	(void)fields;
	(void)n_fields;
	if (level <= LOG_LEVEL_WARNING && strstr(line, "token file"))
		n_lines++;
}

/* --- the daemon in small --- */

static struct loop *loop;
static struct settings *settings;
static struct api *api;

static void
set_servers(const uint16_t *ports, size_t n)
{
	const char **urls = arena_alloc(settings->arena, n, sizeof(*urls));
	size_t i;

	for (i = 0; i < n; i++)
		urls[i] = arena_printf(settings->arena, "http://127.0.0.1:%u", ports[i]);
	settings->kubernetes.servers = (struct string_list){urls, n};
}

static void
begin(void)
{
	assert_int_equal(loop_new(&loop), 0);
	settings = help_settings(NULL, 0);
	settings->kubernetes = (struct settings_kubernetes){.kubeconfig = "",
	    .context = "",
	    .certificate_authority = "",
	    .client_certificate = "",
	    .client_key = "",
	    .token_file = "",
	    .tls_server_name = "",
	    .namespace = "",
	    .load_balancer_class = ""};
	n_changed = n_lines = 0;
}

static void
start(uint64_t seed)
{
	assert_int_equal(api_new(loop, settings, seed, on_changed, NULL, &api), 0);
}

static void
end(void)
{
	api_free(api);
	settings_free(settings);
	loop_free(loop);
	log_set_sink(NULL, NULL);
}

static void
call(struct result *result, const char *method, bool hedge)
{
	*result = (struct result){0};
	api_call(api,
	    &(struct api_options){.method = method,
		.path = "/x",
		.content_type = "application/json",
		.body = str_eq(method, "GET") ? NULL : "{}",
		.hedge = hedge,
		.on_done = on_done,
		.arg = result});
	assert_int_equal(result->n, 0);
}

/* A seed with which the server of that index is asked first. */
static uint64_t
seed_for(size_t index, size_t n)
{
	struct kube_servers servers;
	uint64_t seed = 0;

	do {
		kube_servers_init(&servers, n, ++seed);
	} while (servers.current != index);
	return seed;
}

static void
write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* --- cases --- */

static void
answers(void **state)
{
	struct server server;
	struct result result;

	(void)state;
	begin();
	server_start(&server, loop, 200);
	set_servers(&server.port, 1);
	start(1);
	assert_int_equal(api_status(api).state, API_CONNECTING);
	call(&result, "GET", false);
	RUN_UNTIL(loop, result.n);
	assert_int_equal(result.result, API_ANSWERED);
	assert_int_equal(result.status, 200);
	assert_int_equal(api_status(api).state, API_CONNECTED);
	server.status = 409;
	call(&result, "PUT", true);
	RUN_UNTIL(loop, result.n);
	assert_int_equal(result.status, 409);
	assert_int_equal(api_status(api).state, API_CONNECTED);
	server.status = 500;
	call(&result, "PUT", true);
	RUN_UNTIL(loop, result.n);
	assert_int_equal(result.status, 500);
	assert_int_equal(api_status(api).state, API_FAILED);
	assert_non_null(strstr(api_status(api).error, "http://127.0.0.1:"));
	server_stop(&server);
	end();
}

/* Nothing was sent to the dead one, so a write goes to the other in the same call. */
static void
one_of_two_is_dead(void **state)
{
	struct server server;
	struct result result;
	uint16_t ports[2];
	int fd = listen_on_loopback(&ports[0]);

	(void)state;
	close(fd);
	begin();
	server_start(&server, loop, 200);
	ports[1] = server.port;
	set_servers(ports, 2);
	start(seed_for(0, 2));
	call(&result, "POST", false);
	RUN_UNTIL(loop, result.n);
	assert_int_equal(result.result, API_ANSWERED);
	assert_int_equal(server.requests, 1);
	assert_int_equal(api_status(api).state, API_CONNECTED);
	/* From now on the working one is asked first. */
	assert_int_equal(api_pick_server(api), 1);
	server_stop(&server);
	end();
}

static void
one_of_two_is_silent(void **state)
{
	struct server silent, server;
	struct result result;
	uint16_t ports[2];

	(void)state;
	begin();
	server_start(&silent, loop, 0);
	server_start(&server, loop, 200);
	ports[0] = silent.port;
	ports[1] = server.port;
	set_servers(ports, 2);
	start(seed_for(0, 2));
	call(&result, "PUT", true);
	RUN_UNTIL(loop, result.n);
	assert_int_equal(result.result, API_ANSWERED);
	assert_int_equal(silent.requests, 1);
	assert_int_equal(server.requests, 1);
	/* The next one does not wait for the silent server. */
	assert_int_equal(api_pick_server(api), 1);
	RUN_WHILE(loop, 20 * USEC_PER_MSEC, result.n == 1);
	server_stop(&silent);
	server_stop(&server);
	end();
}

/* The connection is dead, the server is not: after an outage, until TCP notices. */
static void
the_only_one_is_silent(void **state)
{
	struct server server;
	struct result result;

	(void)state;
	begin();
	server_start(&server, loop, 0);
	set_servers(&server.port, 1);
	start(1);
	call(&result, "PUT", true);
	RUN_UNTIL(loop, server.requests == 1);
	server.status = 200;
	RUN_UNTIL(loop, result.n);
	assert_int_equal(result.result, API_ANSWERED);
	assert_int_equal(server.requests, 2);
	assert_int_equal(api_status(api).state, API_CONNECTED);
	RUN_WHILE(loop, 20 * USEC_PER_MSEC, result.n == 1);
	server_stop(&server);
	end();
}

static void
all_are_dead(void **state)
{
	struct result result;
	uint16_t ports[2];
	int a = listen_on_loopback(&ports[0]), b = listen_on_loopback(&ports[1]);

	(void)state;
	close(a);
	close(b);
	begin();
	set_servers(ports, 2);
	start(1);
	call(&result, "PUT", true);
	RUN_UNTIL(loop, result.n);
	assert_int_equal(result.result, API_UNREACHABLE);
	assert_int_equal(api_status(api).state, API_FAILED);
	end();
}

static void
token_is_replaced(void **state)
{
	char *directory = test_mkdir(), *path = xasprintf("%s/token", directory);
	struct server server;
	struct result result;

	(void)state;
	begin();
	server_start(&server, loop, 200);
	server.token = "first";
	set_servers(&server.port, 1);
	settings->kubernetes.token_file = path;
	write_file(path, "first\n");
	start(1);
	call(&result, "GET", false);
	RUN_UNTIL(loop, result.n);
	assert_int_equal(result.status, 200);
	server.token = "second";
	write_file(path, "second\n");
	call(&result, "PUT", false);
	RUN_UNTIL(loop, result.n);
	assert_int_equal(result.status, 200);
	/* Replaced on the server alone: once more, and no further. */
	log_set_sink(count_line, NULL);
	server.token = "third";
	server.requests = 0;
	call(&result, "PUT", false);
	RUN_UNTIL(loop, result.n);
	assert_int_equal(result.status, 401);
	assert_int_equal(server.requests, 2);
	/* A file that is away is said once, whatever is asked. */
	assert_int_equal(unlink(path), 0);
	call(&result, "PUT", false);
	RUN_UNTIL(loop, result.n);
	call(&result, "PUT", false);
	RUN_UNTIL(loop, result.n);
	assert_int_equal(n_lines, 1);
	server_stop(&server);
	end();
	free(path);
	test_rmdir(directory);
}

/* Without its token the daemon asks nothing, least of all as nobody. */
static void
token_comes_later(void **state)
{
	char *directory = test_mkdir(), *path = xasprintf("%s/token", directory);
	struct server server;
	struct result result;

	(void)state;
	begin();
	server_start(&server, loop, 200);
	server.token = "first";
	set_servers(&server.port, 1);
	settings->kubernetes.token_file = path;
	start(1);
	assert_true(api_pick_server(api) == KUBE_SERVERS_NONE);
	assert_non_null(strstr(api_status(api).error, path));
	call(&result, "GET", false);
	RUN_UNTIL(loop, result.n);
	assert_int_equal(result.result, API_UNREACHABLE);
	assert_int_equal(server.requests, 0);
	write_file(path, "first\n");
	/* A reload does not wait for the next look. */
	assert_true(api_reconfigure(api, settings, false));
	call(&result, "GET", false);
	RUN_UNTIL(loop, result.n);
	assert_int_equal(result.status, 200);
	server_stop(&server);
	end();
	free(path);
	test_rmdir(directory);
}

static void
write_kubeconfig(const char *path, uint16_t port)
{
	char *text = xasprintf("apiVersion: v1\nkind: Config\ncurrent-context: c\n"
			       "clusters: [{name: k, cluster: {server: 'http://127.0.0.1:%u'}}]\n"
			       "users: [{name: u, user: {token: abc}}]\n"
			       "contexts: [{name: c, context: {cluster: k, user: u}}]\n",
	    port);

	write_file(path, text);
	free(text);
}

static void
kubeconfig_changes(void **state)
{
	char *directory = test_mkdir(), *path = xasprintf("%s/kubeconfig", directory);
	struct server first, second;
	struct result result;
	unsigned generation;

	(void)state;
	begin();
	server_start(&first, loop, 200);
	server_start(&second, loop, 200);
	settings->kubernetes.kubeconfig = path;
	settings->kubernetes.servers = (struct string_list){0};
	start(1);
	assert_int_equal(api_status(api).state, API_FAILED);
	generation = api_generation(api);
	write_kubeconfig(path, first.port);
	assert_true(api_reconfigure(api, settings, false));
	assert_true(api_generation(api) != generation);
	call(&result, "GET", false);
	RUN_UNTIL(loop, result.n);
	assert_int_equal(first.requests, 1);
	/* Nothing changed: nothing is interrupted. */
	generation = api_generation(api);
	first.status = 0;
	call(&result, "GET", false);
	RUN_UNTIL(loop, first.requests == 2);
	assert_false(api_reconfigure(api, settings, false));
	assert_int_equal(api_generation(api), generation);
	assert_int_equal(result.n, 0);
	/* Another server: what is under way ends, once, before this returns. */
	write_kubeconfig(path, second.port);
	assert_true(api_reconfigure(api, settings, false));
	assert_int_equal(result.n, 1);
	assert_int_equal(result.result, API_UNKNOWN);
	call(&result, "GET", false);
	RUN_UNTIL(loop, result.n);
	assert_int_equal(second.requests, 1);
	/* Twice in one turn. */
	assert_true(api_reconfigure(api, settings, true));
	assert_true(api_reconfigure(api, settings, true));
	call(&result, "GET", false);
	RUN_UNTIL(loop, result.n);
	assert_int_equal(result.status, 200);
	server_stop(&first);
	server_stop(&second);
	end();
	free(path);
	test_rmdir(directory);
}

/* A connection that is open was made with the old certificate: it is not used again. */
static void
reconnect_closes_connections(void **state)
{
	struct http_server server = {0};
	struct result result;

	(void)state;
	begin();
	http_server_start(&server, loop);
	set_servers(&server.port, 1);
	start(1);
	call(&result, "GET", false);
	RUN_UNTIL(loop, result.n);
	call(&result, "GET", false);
	RUN_UNTIL(loop, result.n);
	assert_int_equal(server.connections, 1);
	assert_true(api_reconfigure(api, settings, true));
	call(&result, "GET", false);
	RUN_UNTIL(loop, result.n);
	assert_int_equal(server.connections, 2);
	http_server_stop(&server);
	end();
}

static void
stop_answers_everything(void **state)
{
	struct server silent;
	struct result results[3], late;
	size_t i;

	(void)state;
	begin();
	server_start(&silent, loop, 0);
	set_servers(&silent.port, 1);
	start(1);
	for (i = 0; i < ARRAY_SIZE(results); i++)
		call(&results[i], "PUT", i == 0);
	RUN_UNTIL(loop, silent.requests == ARRAY_SIZE(results));
	api_stop(api);
	for (i = 0; i < ARRAY_SIZE(results); i++) {
		assert_int_equal(results[i].n, 1);
		assert_int_equal(results[i].result, API_UNKNOWN);
	}
	call(&late, "PUT", false);
	RUN_UNTIL(loop, late.n);
	assert_int_equal(late.result, API_UNREACHABLE);
	assert_int_equal(silent.requests, ARRAY_SIZE(results));
	server_stop(&silent);
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(answers),
	    cmocka_unit_test(one_of_two_is_dead),
	    cmocka_unit_test(one_of_two_is_silent),
	    cmocka_unit_test(the_only_one_is_silent),
	    cmocka_unit_test(all_are_dead),
	    cmocka_unit_test(token_is_replaced),
	    cmocka_unit_test(token_comes_later),
	    cmocka_unit_test(kubeconfig_changes),
	    cmocka_unit_test(reconnect_closes_connections),
	    cmocka_unit_test(stop_answers_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
