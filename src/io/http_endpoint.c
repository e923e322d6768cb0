#include "io/http_endpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "io/http_client.h"
#include "util/mem.h"
#include "util/str.h"

/* A trust store of the system's size takes 10 ms to read; one that is given must be fresh. */
#define SYSTEM_CA_CACHE_SEC 300L

static void
free_secret(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}

void
http_endpoint_unref(struct http_endpoint *endpoint)
{
	if (--endpoint->refs)
		return;
	endpoint->client->n_endpoints--;
	curl_slist_free_all(endpoint->connect_to);
	free(endpoint->name);
	free(endpoint->base);
	free(endpoint->host_header);
	free(endpoint->ca_file);
	free(endpoint->ca_pem);
	free(endpoint->certificate_file);
	free(endpoint->key_file);
	free(endpoint->certificate_pem);
	free_secret(endpoint->key_pem);
	free_secret(endpoint->proxy_url);
	free_secret(endpoint->token);
	free(endpoint);
}

/* A copy, or NULL for NULL and "". */
static char *
copy_option(const char *s)
{
	return s && *s ? xstrdup(s) : NULL;
}

/* A part of a URL as a heap string, NULL when it is not there. */
static char *
url_part(CURLU *url, CURLUPart part, unsigned flags)
{
	char *text = NULL, *copy = NULL;

	if (!curl_url_get(url, part, &text, flags) && text && *text)
		copy = xstrdup(text);
	curl_free(text);
	return copy;
}

static bool
url_has(CURLU *url, CURLUPart part)
{
	char *text = url_part(url, part, 0);

	free(text);
	return text != NULL;
}

/* Fills name, base, host_header and connect_to from the URL. NULL, or what is wrong. */
static const char *
endpoint_set_server(struct http_endpoint *endpoint, CURLU *url, const char *tls_server_name)
{
	mem_cleanup(mem_freep) char *scheme = url_part(url, CURLUPART_SCHEME, 0);
	mem_cleanup(mem_freep) char *host = url_part(url, CURLUPART_HOST, 0);
	mem_cleanup(mem_freep) char *port = url_part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
	mem_cleanup(mem_freep) char *path = url_part(url, CURLUPART_PATH, 0);
	size_t len;

	if (!scheme || !host || !port || (!str_eq(scheme, "https") && !str_eq(scheme, "http")))
		return "must be https://HOST[:PORT] or http://HOST[:PORT]";
	if (url_has(url, CURLUPART_USER) || url_has(url, CURLUPART_PASSWORD))
		return "must not hold a user or a password";
	if (url_has(url, CURLUPART_QUERY) || url_has(url, CURLUPART_FRAGMENT))
		return "must not hold a query or a fragment";
	len = path ? strlen(path) : 0;
	while (len && path[len - 1] == '/')
		path[--len] = '\0';
	endpoint->name = xasprintf("%s://%s:%s", scheme, host, port);
	if (!tls_server_name || !*tls_server_name) {
		endpoint->base = xasprintf("%s%s", endpoint->name, path ? path : "");
		return NULL;
	}
	if (curl_url_set(url, CURLUPART_HOST, tls_server_name, 0))
		return "cannot be combined with this tls-server-name";
	endpoint->base = xasprintf("%s://%s:%s%s", scheme, tls_server_name, port, path ? path : "");
	endpoint->host_header = xasprintf("Host: %s:%s", host, port);
	{
		mem_cleanup(mem_freep) char *rule = xasprintf(
		    "%s:%s:%s:%s", tls_server_name, port, host, port);

		endpoint->connect_to = curl_slist_append(NULL, rule);
	}
	return NULL;
}

/* NULL, or what is wrong with the options beside the server. */
static const char *
check_options(const struct http_endpoint_options *options, const struct http_endpoint *endpoint)
{
	static const char *const schemes[] = {"http://", "https://", "socks5://", "socks5h://"};
	size_t i;

	if (!endpoint->certificate_file != !endpoint->key_file ||
	    !endpoint->certificate_pem != !endpoint->key_pem)
		return "a client certificate needs its key, and the key its certificate";
#if LIBCURL_VERSION_NUM < 0x074d00
	if (endpoint->ca_pem)
		return "a certificate authority as data needs libcurl 7.77; give a file";
#endif
	if (!endpoint->proxy_url)
		return NULL;
	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (str_has_prefix(options->proxy_url, schemes[i]))
			return NULL;
	return "proxy-url: must begin with http://, https://, socks5:// or socks5h://";
}

int
http_endpoint_new(struct http_client *client, const struct http_endpoint_options *options,
    struct http_endpoint **ret_endpoint, char **err_text)
{
	struct http_endpoint *endpoint = xcalloc(1, sizeof(*endpoint));
	CURLU *url = curl_url();
	const char *wrong;

	if (!url)
		abort();
	endpoint->client = client;
	client->n_endpoints++;
	endpoint->refs = 1;
	endpoint->ca_file = copy_option(options->ca_file);
	endpoint->ca_pem = copy_option(options->ca_pem);
	endpoint->certificate_file = copy_option(options->certificate_file);
	endpoint->key_file = copy_option(options->key_file);
	endpoint->certificate_pem = copy_option(options->certificate_pem);
	endpoint->key_pem = copy_option(options->key_pem);
	endpoint->proxy_url = copy_option(options->proxy_url);
	endpoint->insecure = options->insecure;
	if (!options->server || curl_url_set(url, CURLUPART_URL, options->server, 0))
		wrong = "must be https://HOST[:PORT] or http://HOST[:PORT]";
	else
		wrong = endpoint_set_server(endpoint, url, options->tls_server_name);
	curl_url_cleanup(url);
	if (wrong) {
		/* What stands before an @ may be a password. */
		const char *at = options->server ? strrchr(options->server, '@') : NULL;

		*err_text = xasprintf("server \"%s\": %s",
		    at                    ? at + 1
			: options->server ? options->server
					  : "",
		    wrong);
	} else {
		wrong = check_options(options, endpoint);
		if (wrong)
			*err_text = xasprintf("%s: %s", endpoint->name, wrong);
	}
	if (wrong) {
		http_endpoint_unref(endpoint);
		return -EINVAL;
	}
	*ret_endpoint = endpoint;
	return 0;
}

void
http_endpoint_free(struct http_endpoint *endpoint)
{
	if (endpoint)
		http_endpoint_unref(endpoint);
}

int
http_endpoint_set_token(struct http_endpoint *endpoint, const char *token)
{
	size_t len, i;

	if (!token)
		token = "";
	token += strspn(token, " \t\r\n");
	len = strlen(token);
	while (len && strchr(" \t\r\n", token[len - 1]))
		len--;
	for (i = 0; i < len; i++)
		if (token[i] <= 0x20 || token[i] >= 0x7f)
			return -EINVAL;
	free_secret(endpoint->token);
	endpoint->token = len ? xstrndup(token, len) : NULL;
	return 0;
}

const char *
http_endpoint_name(const struct http_endpoint *endpoint)
{
	return endpoint->name;
}

static void
set_blob(CURL *easy, CURLcode *err, CURLoption option, char *text)
{
	struct curl_blob blob = {.data = text, .len = strlen(text), .flags = CURL_BLOB_NOCOPY};

	HTTP_SETOPT(easy, err, option, &blob);
}

static void
set_tls(CURL *easy, CURLcode *err, const struct http_endpoint *endpoint)
{
	HTTP_SETOPT(easy, err, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	HTTP_SETOPT(easy, err, CURLOPT_SSL_VERIFYPEER, endpoint->insecure ? 0L : 1L);
	HTTP_SETOPT(easy, err, CURLOPT_SSL_VERIFYHOST, endpoint->insecure ? 0L : 2L);
	HTTP_SETOPT(easy, err, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	if (endpoint->ca_file || endpoint->ca_pem) {
		/* Otherwise the system's authorities would be trusted beside the given one. */
		HTTP_SETOPT(easy, err, CURLOPT_CAPATH, NULL);
		HTTP_SETOPT(easy, err, CURLOPT_CAINFO, endpoint->ca_pem ? NULL : endpoint->ca_file);
	}
#if LIBCURL_VERSION_NUM >= 0x074d00
	if (endpoint->ca_pem)
		set_blob(easy, err, CURLOPT_CAINFO_BLOB, endpoint->ca_pem);
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
	/* By default a CA file is read once a day only. */
	HTTP_SETOPT(easy, err, CURLOPT_CA_CACHE_TIMEOUT,
	    endpoint->ca_file || endpoint->ca_pem ? 0L : SYSTEM_CA_CACHE_SEC);
#endif
	if (endpoint->certificate_pem) {
		set_blob(easy, err, CURLOPT_SSLCERT_BLOB, endpoint->certificate_pem);
		set_blob(easy, err, CURLOPT_SSLKEY_BLOB, endpoint->key_pem);
	} else if (endpoint->certificate_file) {
		HTTP_SETOPT(easy, err, CURLOPT_SSLCERT, endpoint->certificate_file);
		HTTP_SETOPT(easy, err, CURLOPT_SSLKEY, endpoint->key_file);
	}
}

static void
set_route(CURL *easy, CURLcode *err, const struct http_endpoint *endpoint)
{
	if (endpoint->connect_to)
		HTTP_SETOPT(easy, err, CURLOPT_CONNECT_TO, endpoint->connect_to);
	if (endpoint->proxy_url) {
		HTTP_SETOPT(easy, err, CURLOPT_PROXY, endpoint->proxy_url);
		/* It was asked for, so no_proxy of the environment does not overrule it. */
		HTTP_SETOPT(easy, err, CURLOPT_NOPROXY, "");
	}
	/* The token is for the server, not for the proxy. */
	HTTP_SETOPT(easy, err, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
	HTTP_SETOPT(easy, err, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

void
http_endpoint_apply(const struct http_endpoint *endpoint, CURL *easy, CURLcode *err)
{
	set_route(easy, err, endpoint);
	set_tls(easy, err, endpoint);
}
