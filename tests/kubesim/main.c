/*
 * kubesim: a small Kubernetes API server for tests and the demo. README.md says what it can do.
 */
#include <errno.h>
#include <getopt.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "api.h"
#include "conn.h"
#include "names.h"
#include "server.h"
#include "watch.h"

struct options {
	const char *tls_cert, *tls_key, *client_ca, *token_file, *version, *port_file, *seed;
	const char *listen[SIM_LISTENERS_MAX];
	size_t listen_count;
	long history;
	bool no_field_selector, verbose;
};

static const char usage[] =
    "usage: kubesim --listen ADDR:PORT [--listen ...] [--tls-cert FILE --tls-key FILE [--client-ca FILE]]\n"
    "               [--token-file FILE] [--no-field-selector] [--version 1.32.0] [--port-file FILE]\n"
    "               [--history N] [--seed-namespaces A,B] [-v]\n";

enum {
	OPT_LISTEN = 256,
	OPT_TLS_CERT,
	OPT_TLS_KEY,
	OPT_CLIENT_CA,
	OPT_TOKEN_FILE,
	OPT_NO_FIELD_SELECTOR,
	OPT_VERSION,
	OPT_PORT_FILE,
	OPT_HISTORY,
	OPT_SEED,
	OPT_HELP,
};

static const struct option long_options[] = {
    {"listen", required_argument, NULL, OPT_LISTEN},
    {"tls-cert", required_argument, NULL, OPT_TLS_CERT},
    {"tls-key", required_argument, NULL, OPT_TLS_KEY},
    {"client-ca", required_argument, NULL, OPT_CLIENT_CA},
    {"token-file", required_argument, NULL, OPT_TOKEN_FILE},
    {"no-field-selector", no_argument, NULL, OPT_NO_FIELD_SELECTOR},
    {"version", required_argument, NULL, OPT_VERSION},
    {"port-file", required_argument, NULL, OPT_PORT_FILE},
    {"history", required_argument, NULL, OPT_HISTORY},
    {"seed-namespaces", required_argument, NULL, OPT_SEED},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static bool
add_listen(struct options *o, const char *text)
{
	if (o->listen_count == SIM_LISTENERS_MAX) {
		fprintf(stderr, "kubesim: more than %d times --listen\n", SIM_LISTENERS_MAX);
		return false;
	}
	o->listen[o->listen_count++] = text;
	return true;
}

static bool
read_history(struct options *o, const char *text)
{
	char *end = NULL;

	o->history = strtol(text, &end, 10);
	if (end != text && *end == '\0' && o->history >= 1 && o->history <= 10000000)
		return true;
	fprintf(stderr, "kubesim: --history %s: expected 1 to 10000000\n", text);
	return false;
}

static bool
read_option(struct options *o, int option)
{
	switch (option) {
	case OPT_LISTEN:
		return add_listen(o, optarg);
	case OPT_TLS_CERT:
		o->tls_cert = optarg;
		return true;
	case OPT_TLS_KEY:
		o->tls_key = optarg;
		return true;
	case OPT_CLIENT_CA:
		o->client_ca = optarg;
		return true;
	case OPT_TOKEN_FILE:
		o->token_file = optarg;
		return true;
	case OPT_NO_FIELD_SELECTOR:
		o->no_field_selector = true;
		return true;
	case OPT_VERSION:
		o->version = optarg;
		return true;
	case OPT_PORT_FILE:
		o->port_file = optarg;
		return true;
	case OPT_HISTORY:
		return read_history(o, optarg);
	case OPT_SEED:
		o->seed = optarg;
		return true;
	case 'v':
		o->verbose = true;
		return true;
	default:
		fputs(usage, stderr);
		return false;
	}
}

static bool
read_options(struct options *o, int argc, char **argv)
{
	int option;

	*o = (struct options){.version = "1.32.0", .history = 1000};
	while ((option = getopt_long(argc, argv, "v", long_options, NULL)) != -1)
		if (!read_option(o, option))
			return false;
	if (optind < argc || o->listen_count == 0 ||
	    (o->tls_cert == NULL) != (o->tls_key == NULL) ||
	    (o->client_ca != NULL && o->tls_cert == NULL)) {
		fputs(usage, stderr);
		return false;
	}
	return true;
}

static bool
seed_namespaces(struct sim *sim, const char *list)
{
	static const char *const names[] = {
	    "default", "kube-system", "kube-public", "kube-node-lease", "metallbd-system"};
	char *copy = sim_strdup(list != NULL ? list : ""), *save = NULL;
	bool ok = true;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		api_seed_namespace(sim, names[i]);
	for (char *n = strtok_r(copy, ",", &save); n != NULL && ok;
	     n = strtok_r(NULL, ",", &save)) {
		ok = name_is_valid(NAME_LABEL, n);
		if (ok)
			api_seed_namespace(sim, n);
		else
			fprintf(stderr, "kubesim: --seed-namespaces: %s: %s\n", n,
			    name_rule_text(NAME_LABEL));
	}
	free(copy);
	return ok;
}

/* One line for each port, in the order of --listen; whole or not at all, since scripts wait for it.
 */
static bool
write_port_file(const struct sim *sim, const char *file)
{
	char *temporary = sim_asprintf("%s.new", file);
	FILE *f = fopen(temporary, "we");
	int last = 0;
	bool ok = f != NULL;

	for (size_t i = 0; i < sim->listener_count && ok; i++) {
		int port = server_port(&sim->listeners[i]);

		if (port != last)
			ok = fprintf(f, "%d\n", port) > 0;
		last = port;
	}
	if (f != NULL)
		ok = fclose(f) == 0 && ok;
	ok = ok && rename(temporary, file) == 0;
	if (!ok)
		fprintf(stderr, "kubesim: --port-file %s: %s\n", file, strerror(errno));
	free(temporary);
	return ok;
}

static bool
set_up(struct sim *sim, const struct options *o)
{
	int line;

	if (cluster_init(&sim->cluster, o->version, !o->no_field_selector) != 0) {
		fprintf(stderr, "kubesim: --version %s: expected 1.MINOR.PATCH\n", o->version);
		return false;
	}
	if (o->token_file != NULL) {
		int r = auth_read(&sim->auth, o->token_file, &line);

		if (r != 0) {
			fprintf(stderr, "kubesim: --token-file %s: line %d: %s\n", o->token_file,
			    line, r == -EINVAL ? "expected TOKEN,USER,UID" : strerror(-r));
			return false;
		}
	}
	for (size_t i = 0; i < o->listen_count; i++)
		if (!server_add_listener(sim, o->listen[i]))
			return false;
	if (o->tls_cert != NULL && !server_tls(sim, o->tls_cert, o->tls_key, o->client_ca))
		return false;
	sim->store = store_new(RESOURCE_COUNT, (size_t)o->history, watch_on_event, sim);
	if (!seed_namespaces(sim, o->seed) || !server_listen(sim))
		return false;
	return o->port_file == NULL || write_port_file(sim, o->port_file);
}

static void
on_signal(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	event_base_loopbreak(arg);
}

static void
tear_down(struct sim *sim)
{
	conn_free_all(sim);
	server_free(sim);
	/* bufferevents put off their own end to the next turn */
	event_base_loop(sim->base, EVLOOP_NONBLOCK);
	store_free(sim->store);
	faults_fini(&sim->faults);
	auth_fini(&sim->auth);
	json_object_put(sim->stats.requests);
	json_object_put(sim->stats.users);
	event_free(sim->reaper);
	event_base_free(sim->base);
	libevent_global_shutdown();
}

int
main(int argc, char **argv)
{
	struct sim *sim = sim_calloc(1, sizeof(*sim));
	struct options options;
	struct event *term, *interrupt;
	bool ok;

	if (!read_options(&options, argc, argv)) {
		free(sim);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	sim->base = event_base_new();
	if (sim->base == NULL)
		abort();
	sim->verbose = options.verbose;
	sim->stats.requests = json_object_new_object();
	sim->stats.users = json_object_new_object();
	TAILQ_INIT(&sim->conns);
	TAILQ_INIT(&sim->dead);
	for (int i = 0; i < RESOURCE_COUNT; i++)
		TAILQ_INIT(&sim->watches[i]);
	sim->reaper = event_new(sim->base, -1, 0, conn_reap, sim);
	term = evsignal_new(sim->base, SIGTERM, on_signal, sim->base);
	interrupt = evsignal_new(sim->base, SIGINT, on_signal, sim->base);
	if (sim->reaper == NULL || term == NULL || interrupt == NULL)
		abort();
	event_add(term, NULL);
	event_add(interrupt, NULL);
	ok = set_up(sim, &options);
	if (ok)
		event_base_dispatch(sim->base);
	event_free(term);
	event_free(interrupt);
	tear_down(sim);
	free(sim);
	return ok ? 0 : 1;
}
