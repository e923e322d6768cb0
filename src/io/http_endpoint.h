/*
 * http_endpoint: what the files of the HTTP client know of an endpoint beyond http.h: how libcurl
 * is told to reach the server.
 */
#ifndef IO_HTTP_ENDPOINT_H
#define IO_HTTP_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

#include <curl/curl.h>

#include "io/http.h"

struct http_endpoint {
	struct http_client *client;
	size_t refs; /* the owner's, and one per request */
	char *name;
	char *base;        /* what paths are appended to */
	char *host_header; /* with tls_server_name: the host that the URL does not hold */
	struct curl_slist *connect_to; /* the same */
	char *ca_file, *ca_pem, *certificate_file, *key_file, *certificate_pem, *key_pem;
	char *proxy_url;
	bool insecure;
	char *token; /* secret */
};

/* Sets one option; keeps the first error in *err. */
#define HTTP_SETOPT(easy, err, option, value)                               \
	do {                                                                \
		CURLcode set_code_ = curl_easy_setopt(easy, option, value); \
		if (!*(err))                                                \
			*(err) = set_code_;                                 \
	} while (0)

/* The last one frees it, and wipes its secrets. */
void http_endpoint_unref(struct http_endpoint *endpoint);
/* Route, proxy and TLS of a request. Strings of the endpoint are borrowed by `easy`. */
void http_endpoint_apply(const struct http_endpoint *endpoint, CURL *easy, CURLcode *err);

#endif
