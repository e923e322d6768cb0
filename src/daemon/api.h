/*
 * api: requests to the Kubernetes API server. Joins io/http (connections), kube/servers (which
 * server) and kube/kubeconfig (credentials).
 *
 * Credentials that cannot be had yet (no kubeconfig, no token file) are tried again every
 * API_CREDENTIALS_RETRY_USEC: meanwhile every request ends as unreachable. A token file is read
 * again each minute and after a 401.
 */
#ifndef DAEMON_API_H
#define DAEMON_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kube/servers.h"
#include "util/mono.h"

struct api;
struct api_call;
struct http_endpoint;
struct loop;
struct settings;

#define API_CREDENTIALS_RETRY_USEC (10 * USEC_PER_SEC)
#define API_TOKEN_REREAD_USEC USEC_PER_MIN
#define API_CLOCK_USEC (10 * USEC_PER_SEC)
#define API_CALL_TIMEOUT_USEC (10 * USEC_PER_SEC)
#define API_LEASE_TIMEOUT_USEC (4 * USEC_PER_SEC)

enum api_result {
	API_ANSWERED,    /* `status` says what */
	API_UNREACHABLE, /* surely not applied: nothing was sent */
	API_UNKNOWN, /* may have been applied: time-out, connection lost, this client replaced */
	API_RESULT_COUNT
};

/* Valid during the callback. */
struct api_answer {
	enum api_result result;
	int status;
	int64_t retry_after_sec; /* -1: none */
	const char *body;        /* zero-terminated */
	size_t body_len;
	const char *error; /* "" when answered; otherwise names server and reason */
};

typedef void api_done_fn(void *arg, const struct api_answer *answer);

struct api_options {
	const char *method, *path; /* path with query, escaped */
	const char *content_type;  /* of the body, NULL without */
	const char *body;          /* text, NULL for none; copied */
	int64_t timeout_usec;      /* 0: API_CALL_TIMEOUT_USEC */
	bool hedge; /* also ask a second server when the first is silent for a second, or the same
		       over a connection of its own. For writes that a second copy cannot harm:
		       those with a resourceVersion */
	api_done_fn *on_done;
	void *arg;
};

enum api_state {
	API_CONNECTING,
	API_CONNECTED,
	API_FAILED,
	API_STATE_COUNT
};

struct api_status {
	enum api_state state;
	mono_t since;
	int64_t since_wall_usec;
	const char *server; /* the one in use, "" without */
	const char *error;  /* the last, "" while connected */
	int http_version;   /* 10, 11, 20 */
	uint64_t requests, errors;
	/* Until when the token and the client certificate in use are good, by what they say; 0:
	 * there is none, or it has no end that is known. */
	int64_t token_expires_usec, certificate_expires_usec;
	/* By how much this machine's wall clock is ahead of that of a server, to the second; looked
	 * at each API_CLOCK_USEC at most. */
	bool clock_known;
	int64_t clock_ahead_usec;
};

/* Called when the state or the server changed. */
typedef void api_changed_fn(void *arg);

/* 0 or -errno (no usable libcurl). The settings must stay until api_reconfigure() or api_free(). */
int api_new(struct loop *loop, const struct settings *settings, uint64_t seed,
    api_changed_fn *changed, void *arg, struct api **ret_api);
/*
 * Before the end: every call under way ends with API_UNKNOWN before this returns, and so does each
 * later one, unsent. Then those who call may be freed, and the API last.
 */
void api_stop(struct api *api);
/* NULL is allowed. */
void api_free(struct api *api);
/*
 * Other settings (a reload). With `reconnect`, when the kubeconfig in use has changed on disk, and
 * while there are no credentials, all connections are closed, calls under way end with API_UNKNOWN,
 * and credentials are read again. Then it returns true, and the watches must be started again in
 * the same turn. Not from within a callback of a request.
 */
bool api_reconfigure(struct api *api, const struct settings *settings, bool reconnect);

/* Ends exactly once by on_done, never from within this function. on_done must not call again: a
 * deferred call may. */
void api_call(struct api *api, const struct api_options *options);

struct api_status api_status(const struct api *api);
/* Reads the client certificate's file again, if it is one, for when it ends: it may be another by
 * now, and new connections use that. */
void api_look_at_certificate(struct api *api);
const char *api_state_str(enum api_state state);

/* For long requests (watches), which choose their server themselves: */
/* KUBE_SERVERS_NONE while there are no credentials. */
size_t api_pick_server(struct api *api);
/* NULL when the server of that index is gone. Valid until the end of the turn. */
struct http_endpoint *api_endpoint(struct api *api, size_t server);
/* http_version: of a call; 0 of a watch, which is always alone on HTTP/1.1. */
void api_server_ok(struct api *api, size_t server, int http_version);
void api_server_failed(struct api *api, size_t server, const char *error);
/* 401: reads the token file again. */
void api_unauthorized(struct api *api);
/* Changes with every api_reconfigure(reconnect): requests of an older one are dead. */
unsigned api_generation(const struct api *api);

#endif
