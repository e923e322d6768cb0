/*
 * kubeconfig: how to reach the API server and as whom, from the text of a kubeconfig file (YAML).
 *
 * No file is read here. What the kubeconfig names by path stays a path (relative ones are made
 * absolute by the folder of the kubeconfig); what it carries as base64 comes as bytes, which
 * libcurl takes as blobs. Of data and a path for the same thing the data wins, as in kubectl;
 * tokenFile wins over token.
 */
#ifndef KUBE_KUBECONFIG_H
#define KUBE_KUBECONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct strbuf;

#define KUBECONFIG_MAX_BYTES (1u << 20)
#define KUBECONFIG_MAX_DEPTH 32
#define KUBECONFIG_MAX_NODES 100000
#define KUBECONFIG_MAX_WARNINGS 16

struct kubeconfig_blob {
	const uint8_t *bytes; /* NULL: none */
	size_t len;
};

/* Strings are "" when absent. */
struct kubeconfig {
	struct arena *arena; /* owns everything here */
	const char *context; /* the one in use */
	const char *namespace;
	/* the cluster */
	const char *server; /* https://..., without a final slash */
	const char *certificate_authority;
	struct kubeconfig_blob certificate_authority_data;
	const char *tls_server_name;
	bool insecure_skip_tls_verify;
	const char *proxy_url;
	/* the user */
	const char *client_certificate, *client_key;
	struct kubeconfig_blob client_certificate_data, client_key_data;
	const char *token, *token_file;
	/* lines as "PATH:LINE: what" for the log */
	const char *warnings[KUBECONFIG_MAX_WARNINGS];
	size_t n_warnings;
};

/*
 * `path` is for messages and relative paths; `context` is that of the settings, "" for
 * current-context. 0: the caller owns *ret_kubeconfig. -EINVAL: every fault found is a line
 * "PATH:LINE: what\n" in `err_lines`; no secret is ever part of a message.
 */
int kubeconfig_parse(const char *text, size_t len, const char *path, const char *context,
    struct kubeconfig **ret_kubeconfig, struct strbuf *err_lines);
/* NULL is allowed. The token and the key are wiped. */
void kubeconfig_free(struct kubeconfig *kubeconfig);

#endif
