/*
 * http: an HTTP client on the loop (libcurl's multi interface), made for the Kubernetes API: JSON
 * requests, endless watch bodies, TLS with client certificates or a bearer token.
 *
 * A client holds the connections, an endpoint says how to reach one server, a request belongs to
 * its caller until its done callback returns or it is cancelled. Requests to one endpoint share
 * kept-alive connections (HTTP/2 multiplexes them where the server has it over TLS). Nothing blocks
 * the loop: names are resolved by libcurl's asynchronous resolver, without which
 * http_client_new() refuses.
 *
 * Redirects are not followed, no cookies, no netrc, only http and https. A certificate, key or CA
 * given as a file is read again for each new connection, and connections are retired after
 * HTTP_CONNECTION_MAX_AGE_SEC; TLS sessions are not resumed, since a resumed session would keep the
 * identity of the old certificate. For an immediate change of identity make a new client.
 *
 * No text that comes out of here contains a token, a key, a proxy's password, or a query.
 */
#ifndef IO_HTTP_H
#define IO_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_client;
struct http_endpoint;
struct http_request;
struct loop;

#define HTTP_MAX_CONNECTIONS 256        /* of one client, open at once; further requests wait */
#define HTTP_MAX_HOST_CONNECTIONS 16    /* to one server */
#define HTTP_MAX_IDLE_CONNECTIONS 64    /* kept for reuse */
#define HTTP_CONNECTION_MAX_AGE_SEC 600 /* older ones take no new request */
#define HTTP_MAX_HEADER_BYTES 65536     /* all headers of a response */
#define HTTP_MAX_BODY_BYTES (16 * 1024 * 1024) /* default cap of a collected body */
#define HTTP_MAX_ERROR_BYTES (256 * 1024) /* the body of a streaming request's status above 299 */
#define HTTP_CONNECT_TIMEOUT_USEC 5000000 /* default: name, TCP and TLS together */
/* A dead path is noticed after KEEPALIVE_IDLE + USER_TIMEOUT = 35 s at most. */
#define HTTP_KEEPALIVE_IDLE_SEC 15
#define HTTP_KEEPALIVE_INTERVAL_SEC 5
#define HTTP_USER_TIMEOUT_MSEC 20000

enum http_result {
	HTTP_OK,          /* a whole response came, whatever its status */
	HTTP_REFUSED,     /* nobody listens there */
	HTTP_UNREACHABLE, /* no route, or the network says so */
	HTTP_TIMEOUT,     /* connect, whole request, or idle */
	HTTP_DNS,         /* the name does not resolve */
	HTTP_TLS,         /* handshake or certificate, theirs or ours */
	HTTP_CLOSED,      /* the connection ended before the response did */
	HTTP_TOO_LARGE,   /* body or headers over their cap */
	HTTP_PROTOCOL,    /* what came is not HTTP */
	HTTP_PROXY,       /* the proxy failed or refused */
	HTTP_CANCELLED,   /* the body callback returned HTTP_BODY_ABORT */
	HTTP_INVALID,     /* the request or the endpoint's files cannot be used; nothing was sent */
	HTTP_FAILED,      /* anything else that libcurl reports */
	HTTP_RESULT_COUNT
};

/* "ok", "refused", ...: for metrics and logs. */
const char *http_result_str(enum http_result result);

/*
 * -EOPNOTSUPP: this libcurl resolves names synchronously, or has no TLS. `user_agent` as
 * "metallbd/0.1.0".
 */
int http_client_new(struct loop *loop, const char *user_agent, struct http_client **ret_client);
/*
 * Ends all requests without their callbacks and closes all connections. Endpoints must have been
 * freed. Not from within a callback of this client. NULL is allowed.
 */
void http_client_free(struct http_client *client);
/* Requests that run or wait. */
size_t http_client_running(const struct http_client *client);

/* All strings are copied. NULL and "" are the same: not given. */
struct http_endpoint_options {
	const char *server;          /* "https://10.0.0.11:6443", "http://..."; a path prefix is
					allowed */
	const char *tls_server_name; /* the name that the certificate must have, and SNI, instead of
					the host in `server` */
	const char *ca_file;         /* PEM; neither file nor data: the system's trust store */
	const char *ca_pem;
	const char *certificate_file, *key_file; /* PEM; both or neither */
	const char *certificate_pem, *key_pem;
	bool insecure;         /* do not verify the server */
	const char *proxy_url; /* http, https, socks5(h); not given: http(s)_proxy and no_proxy of
				  the environment */
};

/*
 * 0, or -EINVAL with a text in *err_text (the caller frees) that says what is wrong with which
 * option. Files are not read yet.
 */
int http_endpoint_new(struct http_client *client, const struct http_endpoint_options *options,
    struct http_endpoint **ret_endpoint, char **err_text);
/* Running requests go on. NULL is allowed. */
void http_endpoint_free(struct http_endpoint *endpoint);
/*
 * The bearer token of requests started from now on; NULL or "" for none. White space around it is
 * dropped. -EINVAL when control characters or spaces are inside: the old token stays.
 */
int http_endpoint_set_token(struct http_endpoint *endpoint, const char *token);
/* "https://10.0.0.11:6443", for messages. */
const char *http_endpoint_name(const struct http_endpoint *endpoint);

/* Valid during the callback that gets it. */
struct http_response {
	int status;               /* 0: no response came */
	int http_version;         /* 10, 11, 20; 0 without response */
	int64_t retry_after_usec; /* -1: no such header, or not a number of seconds */
	const char *content_type; /* "" when absent; parameters included */
	const char *body;         /* collected, a zero behind it; "" while streaming */
	size_t body_len;
	bool reused;         /* over a connection that was open before */
	const char *headers; /* use http_response_header() */
};

/* The value of a header (first one of that name, any case), copied to out; false without it or when
 * it does not fit. */
bool http_response_header(
    const struct http_response *response, const char *name, char *out, size_t size);

/* The header Date as microseconds since 1970, in whole seconds; false without a readable one. */
bool http_response_date(const struct http_response *response, int64_t *ret_unix_usec);

/* The status line and headers of a streaming response with status 2xx came; the body may be long in
 * coming. */
typedef void http_headers_fn(void *arg, const struct http_response *response);

enum http_body_verdict {
	HTTP_BODY_MORE,
	HTTP_BODY_PAUSE, /* these bytes were not taken: they come again after http_request_resume()
			  */
	HTTP_BODY_ABORT, /* ends the request with HTTP_CANCELLED */
	HTTP_BODY_VERDICT_COUNT
};

/* Bytes of a streaming body with status 2xx; response->status and headers are there. */
typedef enum http_body_verdict
http_body_fn(void *arg, const struct http_response *response, const char *bytes, size_t len);
/*
 * Exactly once, never from within http_request_start(), unless the request is cancelled before.
 * `error` is "" with HTTP_OK, otherwise a text that names the server and the reason. The request is
 * gone when it returns.
 */
typedef void http_done_fn(
    void *arg, enum http_result result, const struct http_response *response, const char *error);

struct http_request_options {
	const char *method;         /* "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD" */
	const char *path;           /* begins with "/", query included, escaped by the caller */
	const char *accept;         /* NULL: "application/json" */
	const char *content_type;   /* of the body */
	const char *const *headers; /* more of them, "Name: value" each */
	size_t n_headers;
	const void *body; /* copied; NULL for none */
	size_t body_len;
	int64_t timeout_usec;         /* of the whole request; 0: none */
	int64_t connect_timeout_usec; /* 0: HTTP_CONNECT_TIMEOUT_USEC */
	int64_t idle_timeout_usec;    /* no byte for so long: HTTP_TIMEOUT; 0: none */
	size_t max_body_bytes;        /* 0: HTTP_MAX_BODY_BYTES; streaming bodies have no cap */
	bool fresh_connection;        /* a connection of its own, closed afterwards */
	/* HTTP/1.1, hence the only one on its connection as long as it lasts: for what lasts, so
	 * that the flow control of a burst of other requests cannot hold it up. */
	bool alone;
	http_headers_fn *on_headers; /* with on_body only; NULL: not needed */
	http_body_fn *on_body;       /* NULL: the body is collected */
	http_done_fn *on_done;       /* required */
	void *arg;
};

/* Never NULL: whatever is wrong comes through on_done. May be called in any callback. */
struct http_request *
http_request_start(struct http_endpoint *endpoint, const struct http_request_options *options);
/* No callback comes any more and the pointer is dead. May be called in any callback, its own
 * included, but not after its on_done has returned. NULL is allowed. */
void http_request_cancel(struct http_request *request);
/* After HTTP_BODY_PAUSE. */
void http_request_resume(struct http_request *request);

#endif
