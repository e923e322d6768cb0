#include "daemon/api.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "io/file.h"
#include "io/http.h"
#include "io/loop.h"
#include "kube/expiry.h"
#include "kube/kubeconfig.h"
#include "model/settings.h"
#include "util/hash.h"
#include "util/list.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/str.h"

#include "config.h"

#define API_USER_AGENT "metallbd/" PACKAGE_VERSION

struct api_call {
	struct api *api;
	TAILQ_ENTRY(api_call) entry;
	struct http_request *requests[2]; /* the second is the hedge */
	size_t servers[2];
	char *method, *path, *content_type, *body;
	int64_t timeout_usec;
	bool retried; /* after a 401 */
	struct loop_timer hedge;
	struct loop_deferred unsent; /* without a server the answer comes at the end of the turn */
	api_done_fn *on_done;
	void *arg;
};

struct api {
	struct loop *loop;
	const struct settings *settings;
	api_changed_fn *changed;
	void *arg;
	struct http_client *http;
	struct http_client *retired; /* that of before a reconnect, until the end of the turn */
	struct loop_deferred retire;
	struct http_endpoint *endpoints[KUBE_SERVERS_MAX];
	size_t n_endpoints;
	struct kube_servers servers;
	uint64_t seed;
	unsigned generation;
	char *token_file;
	char *certificate_file;        /* of the client; NULL: none, or it is in the kubeconfig */
	char *token_error;             /* as said, NULL while the file can be read */
	uint64_t kubeconfig_hash;      /* of the text in use; 0: none is */
	struct loop_timer credentials; /* read them (again) */
	struct api_status status;
	mono_t clock_seen;
	char *server, *error;
	TAILQ_HEAD(, api_call) calls;
};

static const char *const state_names[] = {
    [API_CONNECTING] = "connecting", [API_CONNECTED] = "connected", [API_FAILED] = "failed"};
static_assert(sizeof(state_names) / sizeof(state_names[0]) == API_STATE_COUNT, "one name each");

const char *
api_state_str(enum api_state state)
{
	return state_names[state];
}

static void
api_set_state(struct api *api, enum api_state state, const char *server, const char *error)
{
	bool moved = state != api->status.state, other = !str_eq(api->server, server);

	if (!moved && !other && str_eq(api->error, error))
		return;
	if (moved) {
		api->status.state = state;
		api->status.since = loop_now(api->loop);
		api->status.since_wall_usec = loop_wall_usec();
	}
	free(api->server);
	api->server = xstrdup(server);
	free(api->error);
	api->error = xstrdup(error);
	if (state == API_CONNECTED && (moved || other))
		log_notice("api server=%s connected", server);
	else if (state == API_FAILED && moved)
		log_warning("api %s; %s, and the server is asked again for ever", error,
		    api->settings->failover.on_api_loss == ON_API_LOSS_RELEASE
			? "announcing ends after two thirds of failover.lease-duration"
			: "what is announced stays");
	else if (state == API_FAILED)
		log_debug("api %s", error);
	api->changed(api->arg);
}

struct api_status
api_status(const struct api *api)
{
	struct api_status status = api->status;

	status.server = api->server;
	status.error = api->error;
	return status;
}

void
api_server_ok(struct api *api, size_t server, int http_version)
{
	if (server >= api->n_endpoints)
		return;
	kube_servers_ok(&api->servers, server, loop_now(api->loop));
	if (http_version)
		api->status.http_version = http_version;
	api_set_state(api, API_CONNECTED, http_endpoint_name(api->endpoints[server]), "");
}

void
api_server_failed(struct api *api, size_t server, const char *error)
{
	mono_t now = loop_now(api->loop);
	const char *name;
	char *text;
	bool avoided;

	if (server >= api->n_endpoints)
		return;
	/* What libcurl says names the server. */
	name = http_endpoint_name(api->endpoints[server]);
	text = strstr(error, name) ? xstrdup(error) : xasprintf("%s: %s", name, error);
	avoided = kube_servers_is_avoided(&api->servers, server, now);
	kube_servers_failed(&api->servers, server, now);
	/* While another server works, one that fails is no outage. */
	if (api->n_endpoints > 1 &&
	    !kube_servers_is_avoided(&api->servers, kube_servers_pick(&api->servers, now), now))
		log_line(avoided ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, NULL, 0,
		    "api %s; using another server", text);
	else
		api_set_state(api, API_FAILED, name, text);
	free(text);
}

size_t
api_pick_server(struct api *api)
{
	return api->n_endpoints ? kube_servers_pick(&api->servers, loop_now(api->loop))
				: KUBE_SERVERS_NONE;
}

struct http_endpoint *
api_endpoint(struct api *api, size_t server)
{
	return server < api->n_endpoints ? api->endpoints[server] : NULL;
}

unsigned
api_generation(const struct api *api)
{
	return api->generation;
}

/* --- credentials --- */

static void
api_drop_endpoints(struct api *api)
{
	size_t i;

	for (i = 0; i < api->n_endpoints; i++)
		http_endpoint_free(api->endpoints[i]);
	api->n_endpoints = 0;
}

static void
api_no_credentials(struct api *api, const char *what)
{
	api_set_state(api, API_FAILED, "", what);
	loop_timer_set(
	    &api->credentials, mono_add_usec(loop_now(api->loop), API_CREDENTIALS_RETRY_USEC));
}

static int
api_add_endpoint(struct api *api, const struct http_endpoint_options *options)
{
	char *text = NULL;
	int err;

	if (api->n_endpoints == KUBE_SERVERS_MAX) {
		log_warning("api server=%s is one too many, at most %d are used", options->server,
		    KUBE_SERVERS_MAX);
		return 0;
	}
	err = http_endpoint_new(api->http, options, &api->endpoints[api->n_endpoints], &text);
	if (err) {
		api_no_credentials(api, text);
		free(text);
		return err;
	}
	api->n_endpoints++;
	return 0;
}

static int
api_set_token(struct api *api, const char *token)
{
	size_t i;
	int err = 0;

	for (i = 0; i < api->n_endpoints && !err; i++)
		err = http_endpoint_set_token(api->endpoints[i], token);
	if (!err && kube_token_expires(token, &api->status.token_expires_usec))
		api->status.token_expires_usec = 0;
	return err;
}

/* Either may be NULL. */
static void
api_use_certificate(struct api *api, const char *pem, const char *file)
{
	if (pem && kube_certificate_expires(pem, &api->status.certificate_expires_usec))
		api->status.certificate_expires_usec = 0;
	if (!pem && file && *file) {
		api->certificate_file = xstrdup(file);
		api_look_at_certificate(api);
	}
}

void
api_look_at_certificate(struct api *api)
{
	char *text;
	size_t len;

	if (!api->certificate_file ||
	    file_read(api->certificate_file, FILE_MAX_PEM_BYTES, &text, &len))
		return;
	if (kube_certificate_expires(text, &api->status.certificate_expires_usec))
		api->status.certificate_expires_usec = 0;
	/* The key may be in the same file. */
	explicit_bzero(text, len);
	free(text);
}

/* Said once until it can be read again. */
static void
api_set_token_error(struct api *api, char *message)
{
	if (message && !(api->token_error && str_eq(api->token_error, message)))
		log_warning("api %s", message);
	free(api->token_error);
	api->token_error = message;
}

/* The token in use stays when the file cannot be read. */
static int
api_read_token(struct api *api)
{
	char *text;
	size_t len;
	int err;

	if (!api->token_file)
		return 0;
	err = file_read(api->token_file, FILE_MAX_TOKEN_BYTES, &text, &len);
	if (!err) {
		err = text[strspn(text, " \t\r\n")] ? api_set_token(api, text) : -EINVAL;
		explicit_bzero(text, len);
		free(text);
	}
	api_set_token_error(api,
	    err ? xasprintf("token file %s: %s", api->token_file,
		      err == -EINVAL ? "holds no token" : strerror(-err))
		: NULL);
	return err;
}

void
api_unauthorized(struct api *api)
{
	(void)api_read_token(api);
}

static int
api_use_servers(struct api *api, const struct settings_kubernetes *k)
{
	size_t i;
	int err = 0;

	for (i = 0; i < k->servers.count && !err; i++) {
		const struct http_endpoint_options options = {
		    .server = k->servers.items[i],
		    .tls_server_name = k->tls_server_name,
		    .ca_file = k->certificate_authority,
		    .certificate_file = k->client_certificate,
		    .key_file = k->client_key,
		};

		err = api_add_endpoint(api, &options);
	}
	if (!err && *k->token_file)
		api->token_file = xstrdup(k->token_file);
	if (!err)
		api_use_certificate(api, NULL, k->client_certificate);
	return err;
}

/* A heap string of the PEM data, NULL without. */
static char *
blob_text(const struct kubeconfig_blob *blob)
{
	return blob->bytes ? xstrndup((const char *)blob->bytes, blob->len) : NULL;
}

static void
free_secret(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

static int
api_use_kubeconfig(struct api *api, const struct kubeconfig *kc)
{
	char *ca = blob_text(&kc->certificate_authority_data),
	     *cert = blob_text(&kc->client_certificate_data);
	char *key = blob_text(&kc->client_key_data);
	const struct http_endpoint_options options = {
	    .server = kc->server,
	    .tls_server_name = kc->tls_server_name,
	    .ca_file = ca ? NULL : kc->certificate_authority,
	    .ca_pem = ca,
	    .certificate_file = cert ? NULL : kc->client_certificate,
	    .certificate_pem = cert,
	    .key_file = key ? NULL : kc->client_key,
	    .key_pem = key,
	    .insecure = kc->insecure_skip_tls_verify,
	    .proxy_url = kc->proxy_url,
	};
	int err = api_add_endpoint(api, &options);

	if (!err)
		api_use_certificate(api, cert, kc->client_certificate);
	free(ca);
	free(cert);
	free_secret(key);
	if (!err && *kc->token_file)
		api->token_file = xstrdup(kc->token_file);
	else if (!err && *kc->token)
		err = api_set_token(api, kc->token);
	if (err == -EINVAL && api->n_endpoints)
		api_no_credentials(api, "the kubeconfig's token has characters that no token has");
	return err;
}

/* Lines joined by "; ". The caller frees. */
static char *
one_line(const char *lines)
{
	struct strbuf sb = {0};

	for (; *lines; lines++) {
		if (*lines != '\n')
			strbuf_addc(&sb, *lines);
		else if (lines[1])
			strbuf_add(&sb, "; ");
	}
	return strbuf_detach(&sb);
}

static int
api_read_kubeconfig(struct api *api, const struct settings_kubernetes *k)
{
	struct strbuf lines = {0};
	struct kubeconfig *kc;
	char *text, *message;
	size_t len, i;
	int err;

	err = file_read(k->kubeconfig, FILE_MAX_KUBECONFIG_BYTES, &text, &len);
	if (err) {
		message = xasprintf("kubeconfig %s: %s", k->kubeconfig, strerror(-err));
		api_no_credentials(api, message);
		free(message);
		return err;
	}
	err = kubeconfig_parse(text, len, k->kubeconfig, k->context, &kc, &lines);
	if (!err)
		api->kubeconfig_hash = hash_final(hash_bytes(HASH_INIT, text, len));
	explicit_bzero(text, len);
	free(text);
	if (err) {
		message = one_line(strbuf_text(&lines));
		api_no_credentials(api, message);
		free(message);
		strbuf_free(&lines);
		return err;
	}
	for (i = 0; i < kc->n_warnings; i++)
		log_warning("kubeconfig %s", kc->warnings[i]);
	err = api_use_kubeconfig(api, kc);
	kubeconfig_free(kc);
	strbuf_free(&lines);
	return err;
}

/* Timer: credentials for the first time, again after a failure, or the minute's look at the token
 * file. */
static void
api_read_credentials(void *arg)
{
	struct api *api = arg;
	const struct settings_kubernetes *k = &api->settings->kubernetes;
	int err = 0;

	if (!api->n_endpoints) {
		free(api->token_file);
		api->token_file = NULL;
		free(api->certificate_file);
		api->certificate_file = NULL;
		api->status.token_expires_usec = api->status.certificate_expires_usec = 0;
		api->kubeconfig_hash = 0;
		err = k->servers.count ? api_use_servers(api, k) : api_read_kubeconfig(api, k);
		if (!err && (err = api_read_token(api)))
			api_no_credentials(api, api->token_error);
		if (err) {
			api_drop_endpoints(api);
			return;
		}
		kube_servers_init(&api->servers, api->n_endpoints, api->seed);
		api->generation++;
		api_set_state(api, API_CONNECTING,
		    http_endpoint_name(api->endpoints[api_pick_server(api)]), "");
	} else {
		err = api_read_token(api);
	}
	if (api->token_file)
		loop_timer_set(&api->credentials,
		    mono_add_usec(loop_now(api->loop),
			err ? API_CREDENTIALS_RETRY_USEC : API_TOKEN_REREAD_USEC));
}

/* --- calls --- */

static void
api_call_free(struct api_call *call)
{
	loop_timer_fini(&call->hedge);
	loop_deferred_fini(&call->unsent);
	free(call->method);
	free(call->path);
	free(call->content_type);
	free_secret(call->body);
	free(call);
}

static void
api_call_finish(struct api_call *call, const struct api_answer *answer)
{
	size_t i;

	for (i = 0; i < 2; i++)
		http_request_cancel(call->requests[i]);
	TAILQ_REMOVE(&call->api->calls, call, entry);
	if (answer->result != API_ANSWERED || answer->status >= 500)
		call->api->status.errors++;
	call->on_done(call->arg, answer);
	api_call_free(call);
}

static void
api_call_unsent(void *arg)
{
	struct api_call *call = arg;
	const struct api_answer answer = {.result = API_UNREACHABLE,
	    .retry_after_sec = -1,
	    .body = "",
	    .error = *call->api->error ? call->api->error : "no API server is asked any more"};

	api_call_finish(call, &answer);
}

static enum api_result
result_of(enum http_result result)
{
	switch (result) {
	case HTTP_OK:
		return API_ANSWERED;
	case HTTP_REFUSED:
	case HTTP_UNREACHABLE:
	case HTTP_DNS:
	case HTTP_TLS:
	case HTTP_PROXY:
	case HTTP_INVALID:
		return API_UNREACHABLE;
	case HTTP_TIMEOUT:
	case HTTP_CLOSED:
	case HTTP_TOO_LARGE:
	case HTTP_PROTOCOL:
	case HTTP_CANCELLED:
	case HTTP_FAILED:
	case HTTP_RESULT_COUNT:
		break;
	}
	return API_UNKNOWN;
}

static void api_call_send(struct api_call *call, size_t slot, size_t server, bool fresh);

/* False when there is no other server that may work. */
static bool
api_call_send_elsewhere(struct api_call *call)
{
	size_t other = kube_servers_hedge(
	    &call->api->servers, call->servers[0], loop_now(call->api->loop));

	if (other == KUBE_SERVERS_NONE || call->requests[1])
		return false;
	api_call_send(call, 1, other, false);
	return true;
}

/* The server's time is somewhere in the second that it names. */
static void
api_look_at_clock(struct api *api, const struct http_response *response)
{
	mono_t now = loop_now(api->loop);
	int64_t date;

	if ((api->status.clock_known && mono_diff_usec(now, api->clock_seen) < API_CLOCK_USEC) ||
	    !http_response_date(response, &date))
		return;
	api->status.clock_known = true;
	api->status.clock_ahead_usec = loop_wall_usec() - date - USEC_PER_SEC / 2;
	api->clock_seen = now;
}

static void
api_call_done(struct api_call *call, size_t slot, enum http_result result,
    const struct http_response *response, const char *error)
{
	struct api *api = call->api;
	struct api_answer answer = {.result = result_of(result),
	    .status = response->status,
	    .retry_after_sec = response->retry_after_usec < 0
		? -1
		: response->retry_after_usec / USEC_PER_SEC,
	    .body = response->body,
	    .body_len = response->body_len,
	    .error = error};

	call->requests[slot] = NULL;
	if (answer.result == API_ANSWERED)
		api_look_at_clock(api, response);
	if (answer.result == API_ANSWERED && response->status < 500)
		api_server_ok(api, call->servers[slot], response->http_version);
	else
		api_server_failed(api, call->servers[slot],
		    answer.result == API_ANSWERED ? "the server answers 5xx" : error);
	if (answer.result != API_ANSWERED && call->requests[1 - slot])
		return; /* the other one may still be answered */
	if (answer.result == API_ANSWERED && response->status == 401 && api->token_file &&
	    !call->retried) {
		call->retried = true;
		api_unauthorized(api);
		api_call_send(call, slot, call->servers[slot], false);
		return;
	}
	/* Nothing was sent, so a write too may go to another server. */
	if (answer.result == API_UNREACHABLE && slot == 0 && api_call_send_elsewhere(call))
		return;
	/* The other one had a second's start. */
	if (slot && call->requests[0] && call->servers[0] != call->servers[1] &&
	    answer.result == API_ANSWERED && response->status < 500)
		api_server_failed(api, call->servers[0], "the server is silent");
	api_call_finish(call, &answer);
}

static void
api_call_done_first(
    void *arg, enum http_result result, const struct http_response *response, const char *error)
{
	api_call_done(arg, 0, result, response, error);
}

static void
api_call_done_hedge(
    void *arg, enum http_result result, const struct http_response *response, const char *error)
{
	api_call_done(arg, 1, result, response, error);
}

static void
api_call_send(struct api_call *call, size_t slot, size_t server, bool fresh)
{
	const struct http_request_options options = {
	    .method = call->method,
	    .path = call->path,
	    .content_type = call->content_type,
	    .body = call->body,
	    .body_len = call->body ? strlen(call->body) : 0,
	    .timeout_usec = call->timeout_usec,
	    .fresh_connection = fresh,
	    .on_done = slot ? api_call_done_hedge : api_call_done_first,
	    .arg = call,
	};

	call->api->status.requests++;
	call->servers[slot] = server;
	call->requests[slot] = http_request_start(call->api->endpoints[server], &options);
}

/*
 * With no other server the same one is asked over another connection: after an outage the first may
 * be dead without knowing it, until TCP asks again, while heartbeats are waited for.
 */
static void
api_call_hedge(void *arg)
{
	struct api_call *call = arg;

	if (!api_call_send_elsewhere(call) && !call->requests[1])
		api_call_send(call, 1, call->servers[0], true);
}

void
api_call(struct api *api, const struct api_options *options)
{
	struct api_call *call = xcalloc(1, sizeof(*call));
	size_t server = api_pick_server(api);

	call->api = api;
	call->method = xstrdup(options->method);
	call->path = xstrdup(options->path);
	call->content_type = options->content_type ? xstrdup(options->content_type) : NULL;
	call->body = options->body ? xstrdup(options->body) : NULL;
	call->timeout_usec = options->timeout_usec ? options->timeout_usec : API_CALL_TIMEOUT_USEC;
	call->on_done = options->on_done;
	call->arg = options->arg;
	loop_timer_init(&call->hedge, api->loop, api_call_hedge, call);
	loop_deferred_init(&call->unsent, api->loop, api_call_unsent, call);
	TAILQ_INSERT_TAIL(&api->calls, call, entry);
	if (server == KUBE_SERVERS_NONE) {
		loop_defer(&call->unsent);
		return;
	}
	api_call_send(call, 0, server, false);
	if (options->hedge)
		loop_timer_set(
		    &call->hedge, mono_add_usec(loop_now(api->loop), KUBE_SERVERS_HEDGE_USEC));
}

static void
api_end_calls(struct api *api)
{
	const struct api_answer answer = {.result = API_UNKNOWN,
	    .retry_after_sec = -1,
	    .body = "",
	    .error = "the connection was given up"};
	struct api_call *call;

	while ((call = TAILQ_FIRST(&api->calls)))
		api_call_finish(call, &answer);
}

/* --- life --- */

/* By now the watches have left it too. */
static void
api_retire(void *arg)
{
	struct api *api = arg;

	http_client_free(api->retired);
	api->retired = NULL;
}

int
api_new(struct loop *loop, const struct settings *settings, uint64_t seed, api_changed_fn *changed,
    void *arg, struct api **ret_api)
{
	struct api *api = xcalloc(1, sizeof(*api));
	int err = http_client_new(loop, API_USER_AGENT, &api->http);

	if (err) {
		free(api);
		return err;
	}
	api->loop = loop;
	api->settings = settings;
	api->seed = seed;
	api->changed = changed;
	api->arg = arg;
	api->server = xstrdup("");
	api->error = xstrdup("");
	api->status.since = loop_now(loop);
	api->status.since_wall_usec = loop_wall_usec();
	TAILQ_INIT(&api->calls);
	loop_timer_init(&api->credentials, loop, api_read_credentials, api);
	loop_deferred_init(&api->retire, loop, api_retire, api);
	api_read_credentials(api);
	*ret_api = api;
	return 0;
}

void
api_stop(struct api *api)
{
	api_end_calls(api);
	loop_timer_set(&api->credentials, MONO_NEVER);
	api_drop_endpoints(api);
}

void
api_free(struct api *api)
{
	if (!api)
		return;
	api_stop(api);
	api_drop_endpoints(api);
	http_client_free(api->http);
	http_client_free(api->retired);
	loop_deferred_fini(&api->retire);
	loop_timer_fini(&api->credentials);
	free(api->token_file);
	free(api->certificate_file);
	free(api->token_error);
	free(api->server);
	free(api->error);
	free(api);
}

/* Whether the kubeconfig on disk is another than the one in use. */
static bool
api_kubeconfig_changed(const struct api *api)
{
	uint64_t hash;
	char *text;
	size_t len;

	if (!api->kubeconfig_hash ||
	    file_read(api->settings->kubernetes.kubeconfig, FILE_MAX_KUBECONFIG_BYTES, &text, &len))
		return false;
	hash = hash_final(hash_bytes(HASH_INIT, text, len));
	explicit_bzero(text, len);
	free(text);
	return hash != api->kubeconfig_hash;
}

/* Another client, since connections that are open carry the identity of before. */
static void
api_replace_client(struct api *api)
{
	struct http_client *client;
	int err = http_client_new(api->loop, API_USER_AGENT, &client);

	if (err) {
		log_warning("api: libcurl: %s; open connections stay in use", strerror(-err));
		return;
	}
	/* Two in one turn: nobody asks by the first any more. */
	http_client_free(api->retired);
	api->retired = api->http;
	api->http = client;
	loop_defer(&api->retire);
}

bool
api_reconfigure(struct api *api, const struct settings *settings, bool reconnect)
{
	api->settings = settings;
	/* Without credentials there is nothing to keep, and the new ones may be there. */
	if (!reconnect && api->n_endpoints && !api_kubeconfig_changed(api))
		return false;
	api_end_calls(api);
	api_drop_endpoints(api);
	api_replace_client(api);
	api->generation++;
	api_read_credentials(api);
	return true;
}
