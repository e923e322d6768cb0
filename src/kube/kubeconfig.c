/*
 * Two passes. The first runs over libyaml's events and refuses what no kubeconfig needs and what
 * could blow up: aliases, depth, numbers of nodes. The second loads the document, and only follows
 * the few paths that are wanted.
 */
#include "kube/kubeconfig.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "util/base64.h"
#include "util/mem.h"
#include "util/str.h"

#define MAX_QUOTED 64 /* bytes of foreign text in a message */

struct reader {
	yaml_document_t doc;
	const char *path;
	struct strbuf *errors;
	struct kubeconfig *config;
};

static void __attribute__((format(printf, 4, 0)))
add_line(struct strbuf *sb, const char *path, size_t line, const char *fmt, va_list ap)
{
	strbuf_printf(sb, "%s:%zu: ", path, line);
	strbuf_vprintf(sb, fmt, ap);
}

/* `node` NULL: the file as a whole. */
static void __attribute__((format(printf, 3, 4)))
fault(struct reader *r, const yaml_node_t *node, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_line(r->errors, r->path, node ? node->start_mark.line + 1 : 1, fmt, ap);
	va_end(ap);
	strbuf_addc(r->errors, '\n');
}

static void __attribute__((format(printf, 3, 4)))
warn(struct reader *r, const yaml_node_t *node, const char *fmt, ...)
{
	struct kubeconfig *config = r->config;
	struct strbuf sb = {0};
	va_list ap;

	va_start(ap, fmt);
	add_line(&sb, r->path, node ? node->start_mark.line + 1 : 1, fmt, ap);
	va_end(ap);
	if (config->n_warnings < KUBECONFIG_MAX_WARNINGS)
		config->warnings[config->n_warnings++] = arena_strdup(
		    config->arena, strbuf_text(&sb));
	strbuf_free(&sb);
}

/* Foreign text for a message; valid until the arena goes. */
static const char *
quoted(struct reader *r, const char *s)
{
	struct strbuf sb = {0};
	const char *copy;

	strbuf_add_quoted(&sb, s, MAX_QUOTED);
	copy = arena_strdup(r->config->arena, strbuf_text(&sb));
	strbuf_free(&sb);
	return copy;
}

/* --- first pass ----------------------------------------------------------------------------- */

static const char *
check_event(const yaml_event_t *event, size_t *depth, size_t *nodes, size_t *documents)
{
	switch (event->type) {
	case YAML_ALIAS_EVENT:
		return "aliases (*name) are not supported";
	case YAML_DOCUMENT_START_EVENT:
		if (++*documents > 1)
			return "more than one document";
		break;
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		if (++*depth > KUBECONFIG_MAX_DEPTH)
			return "nested too deep";
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		--*depth;
		break;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
	case YAML_SCALAR_EVENT:
		break;
	}
	return ++*nodes > KUBECONFIG_MAX_NODES ? "too many entries" : NULL;
}

/* 0, or -EINVAL after a line in r->errors. */
static int
first_pass(struct reader *r, const char *text, size_t len)
{
	size_t depth = 0, nodes = 0, documents = 0;
	const char *why = NULL;
	yaml_parser_t parser;
	yaml_event_t event;
	bool end = false;

	if (!yaml_parser_initialize(&parser))
		abort();
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	while (!end && !why) {
		if (!yaml_parser_parse(&parser, &event)) {
			strbuf_printf(r->errors, "%s:%zu: not YAML: %s\n", r->path,
			    parser.problem_mark.line + 1,
			    parser.problem ? parser.problem : "syntax error");
			yaml_parser_delete(&parser);
			return -EINVAL;
		}
		why = check_event(&event, &depth, &nodes, &documents);
		if (why)
			strbuf_printf(
			    r->errors, "%s:%zu: %s\n", r->path, event.start_mark.line + 1, why);
		end = event.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	if (!why && !documents)
		strbuf_printf(r->errors, "%s:1: empty\n", r->path);
	return why || !documents ? -EINVAL : 0;
}

/* --- getters -------------------------------------------------------------------------------- */

static bool
is_null(const yaml_node_t *node)
{
	const char *s;

	if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	s = (const char *)node->data.scalar.value;
	return str_eq(s, "") || str_eq(s, "~") || str_eq(s, "null");
}

/* The member's value; NULL when absent or null, or when `map` is no mapping. */
static yaml_node_t *
member(struct reader *r, const yaml_node_t *map, const char *key)
{
	yaml_node_t *found = NULL;
	yaml_node_pair_t *pair;

	if (!map || map->type != YAML_MAPPING_NODE)
		return NULL;
	for (pair = map->data.mapping.pairs.start; pair < map->data.mapping.pairs.top; pair++) {
		yaml_node_t *name = yaml_document_get_node(&r->doc, pair->key);

		if (!name || name->type != YAML_SCALAR_NODE ||
		    !str_eq((const char *)name->data.scalar.value, key))
			continue;
		if (found)
			fault(r, name, "\"%s\" is given twice", key);
		found = yaml_document_get_node(&r->doc, pair->value);
	}
	return found && !is_null(found) ? found : NULL;
}

/* A copy of a string member, "" when absent. *ret_node, if asked for, is its node. */
static const char *
string(struct reader *r, const yaml_node_t *map, const char *key, const yaml_node_t **ret_node)
{
	const yaml_node_t *node = member(r, map, key);

	if (ret_node)
		*ret_node = node;
	if (!node)
		return "";
	if (node->type != YAML_SCALAR_NODE ||
	    strlen((const char *)node->data.scalar.value) != node->data.scalar.length) {
		fault(r, node, "\"%s\" must be a string", key);
		return "";
	}
	return arena_strndup(
	    r->config->arena, (const char *)node->data.scalar.value, node->data.scalar.length);
}

static bool
boolean(struct reader *r, const yaml_node_t *map, const char *key)
{
	static const char *const yes[] = {"true", "True", "TRUE"};
	static const char *const no[] = {"false", "False", "FALSE"};
	const yaml_node_t *node;
	const char *s = string(r, map, key, &node);
	size_t i;

	for (i = 0; i < 3; i++) {
		if (str_eq(s, yes[i]))
			return true;
		if (str_eq(s, no[i]))
			return false;
	}
	if (node && *s)
		fault(r, node, "\"%s\" must be true or false", key);
	return false;
}

/* Relative paths are relative to the kubeconfig's folder. */
static const char *
file_path(struct reader *r, const yaml_node_t *map, const char *key)
{
	const char *s = string(r, map, key, NULL), *slash = strrchr(r->path, '/');

	if (!*s || *s == '/' || !slash)
		return s;
	return arena_printf(r->config->arena, "%.*s/%s", (int)(slash - r->path), r->path, s);
}

/* Printable ASCII without spaces: what may go into a URL or a header. */
static bool
is_plain(const char *s)
{
	for (; *s; s++)
		if (*s <= ' ' || *s >= 0x7f)
			return false;
	return true;
}

static void
wipe(const void *secret, size_t len)
{
	void *p;

	/* The arena is ours; only the type says const. */
	memcpy(&p, &secret, sizeof(p));
	if (len)
		explicit_bzero(p, len);
}

/* A member in base64 that holds PEM. */
static struct kubeconfig_blob
blob(struct reader *r, const yaml_node_t *map, const char *key)
{
	static const char begin[] = "-----BEGIN ";
	const yaml_node_t *node;
	const char *s = string(r, map, key, &node);
	struct kubeconfig_blob none = {NULL, 0}, data;
	uint8_t *bytes;
	bool ok;

	if (!*s)
		return none;
	bytes = arena_alloc(r->config->arena, BASE64_DECODED_MAX(strlen(s)), 1);
	ok = base64_decode(s, bytes, &data.len);
	wipe(s, strlen(s));
	if (!ok) {
		fault(r, node, "\"%s\" is not base64", key);
		return none;
	}
	if (!memmem(bytes, data.len, begin, sizeof(begin) - 1)) {
		fault(r, node, "\"%s\" holds no PEM", key);
		return none;
	}
	data.bytes = bytes;
	return data;
}

/* --- second pass ---------------------------------------------------------------------------- */

/* The entry called `name` of a list of {name: ..., KIND: {...}}: its inner mapping. The first of
 * equal names is taken, as kubectl does. NULL after a fault. */
static const yaml_node_t *
find_named(struct reader *r, const yaml_node_t *root, const char *list, const char *kind,
    const char *name, const yaml_node_t *wanted_at)
{
	const yaml_node_t *seq = member(r, root, list);
	yaml_node_item_t *item;
	struct strbuf names = {0};

	if (seq && seq->type != YAML_SEQUENCE_NODE) {
		fault(r, seq, "\"%s\" must be a list", list);
		return NULL;
	}
	for (item = seq ? seq->data.sequence.items.start : NULL;
	     item && item < seq->data.sequence.items.top; item++) {
		const yaml_node_t *entry = yaml_document_get_node(&r->doc, *item), *inner;
		const char *entry_name;

		if (!entry || entry->type != YAML_MAPPING_NODE) {
			fault(r, entry, "an entry of \"%s\" is not a mapping", list);
			continue;
		}
		entry_name = string(r, entry, "name", NULL);
		if (!str_eq(entry_name, name)) {
			strbuf_printf(
			    &names, "%s\"%s\"", names.len ? ", " : "", quoted(r, entry_name));
			continue;
		}
		inner = member(r, entry, kind);
		if (!inner || inner->type != YAML_MAPPING_NODE) {
			fault(r, entry, "%s \"%s\" has no \"%s\"", kind, quoted(r, name), kind);
			inner = NULL;
		}
		strbuf_free(&names);
		return inner;
	}
	fault(r, wanted_at, "%s \"%s\" is not in \"%s\" (there: %s)", kind, quoted(r, name), list,
	    names.len > 512 ? "many others"
		: names.len ? strbuf_text(&names)
			    : "none");
	strbuf_free(&names);
	return NULL;
}

static void
read_server(struct reader *r, const yaml_node_t *cluster)
{
	struct kubeconfig *config = r->config;
	const yaml_node_t *node;
	char *server;
	size_t len;

	config->server = string(r, cluster, "server", &node);
	len = strlen(config->server);
	if (!len) {
		fault(r, node ? node : cluster, "the cluster has no \"server\"");
		return;
	}
	if (!is_plain(config->server) ||
	    (!str_has_prefix(config->server, "https://") &&
		!str_has_prefix(config->server, "http://"))) {
		fault(r, node, "\"server\" is not an https:// URL: \"%s\"",
		    quoted(r, config->server));
		return;
	}
	if (str_has_prefix(config->server, "http://"))
		warn(r, node, "\"server\" is http://: nothing is encrypted or verified");
	while (len && config->server[len - 1] == '/')
		len--;
	server = arena_strndup(config->arena, config->server, len);
	config->server = server;
}

static void
read_cluster(struct reader *r, const yaml_node_t *cluster)
{
	static const char *const schemes[] = {"http://", "https://", "socks5://", "socks5h://"};
	struct kubeconfig *config = r->config;
	const yaml_node_t *node;
	size_t i;

	read_server(r, cluster);
	config->certificate_authority = file_path(r, cluster, "certificate-authority");
	config->certificate_authority_data = blob(r, cluster, "certificate-authority-data");
	config->tls_server_name = string(r, cluster, "tls-server-name", &node);
	if (!is_plain(config->tls_server_name))
		fault(r, node, "\"tls-server-name\" is not a name");
	config->insecure_skip_tls_verify = boolean(r, cluster, "insecure-skip-tls-verify");
	if (config->insecure_skip_tls_verify)
		warn(r, member(r, cluster, "insecure-skip-tls-verify"),
		    "insecure-skip-tls-verify: anybody on the path can be the API server");
	config->proxy_url = string(r, cluster, "proxy-url", &node);
	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (str_has_prefix(config->proxy_url, schemes[i]))
			break;
	/* Not shown: it may hold a password. */
	if (node && (i == sizeof(schemes) / sizeof(schemes[0]) || !is_plain(config->proxy_url)))
		fault(r, node, "\"proxy-url\" is not an http://, https:// or socks5:// URL");
}

/* Ways to log in that a daemon cannot, or should not, use. */
static void
refuse_others(struct reader *r, const yaml_node_t *user)
{
	static const struct {
		const char *key, *why;
	} refused[] = {
	    {"exec",
		"credential plugins are not supported; use a client certificate, a token or "
		"tokenFile"},
	    {"auth-provider",
		"auth providers are not supported (Kubernetes removed them); use a "
		"client certificate, a token or tokenFile"},
	    {"username", "basic authentication is not supported (Kubernetes removed it in 1.19)"},
	    {"password", "basic authentication is not supported (Kubernetes removed it in 1.19)"},
	    {"as", "impersonation is not supported; give the daemon an account of its own"},
	    {"as-uid", "impersonation is not supported; give the daemon an account of its own"},
	    {"as-groups", "impersonation is not supported; give the daemon an account of its own"},
	    {"as-user-extra",
		"impersonation is not supported; give the daemon an account of its own"},
	};
	size_t i;

	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		const yaml_node_t *node = member(r, user, refused[i].key);

		if (node)
			fault(r, node, "\"%s\": %s", refused[i].key, refused[i].why);
	}
}

static void
read_user(struct reader *r, const yaml_node_t *user)
{
	struct kubeconfig *config = r->config;
	const yaml_node_t *node;
	bool certificate, key;

	refuse_others(r, user);
	config->client_certificate = file_path(r, user, "client-certificate");
	config->client_certificate_data = blob(r, user, "client-certificate-data");
	config->client_key = file_path(r, user, "client-key");
	config->client_key_data = blob(r, user, "client-key-data");
	config->token_file = file_path(r, user, "tokenFile");
	config->token = string(r, user, "token", &node);
	if (!is_plain(config->token))
		fault(r, node, "\"token\" has characters that no token has");
	certificate = *config->client_certificate || config->client_certificate_data.bytes;
	key = *config->client_key || config->client_key_data.bytes;
	if (certificate != key)
		fault(r, user, "client-certificate and client-key need each other");
	if (!certificate && !key && !*config->token && !*config->token_file)
		warn(r, user, "no credentials: the API server will see an anonymous user");
}

static void
read_root(struct reader *r, const char *wanted)
{
	const yaml_node_t *root = yaml_document_get_root_node(&r->doc), *at = NULL, *context, *node;
	struct kubeconfig *config = r->config;
	const char *kind;

	if (!root || root->type != YAML_MAPPING_NODE) {
		fault(r, root, "not a kubeconfig: no mapping");
		return;
	}
	kind = string(r, root, "kind", &node);
	if (*kind && !str_eq(kind, "Config"))
		fault(r, node, "not a kubeconfig: kind is \"%s\"", quoted(r, kind));
	config->context = *wanted ? arena_strdup(config->arena, wanted)
				  : string(r, root, "current-context", &at);
	if (!*config->context) {
		fault(r, root, "no current-context, and no kubernetes.context in the settings");
		return;
	}
	context = find_named(r, root, "contexts", "context", config->context, at);
	if (!context)
		return;
	config->namespace = string(r, context, "namespace", NULL);
	node = find_named(
	    r, root, "clusters", "cluster", string(r, context, "cluster", NULL), context);
	if (node)
		read_cluster(r, node);
	node = find_named(r, root, "users", "user", string(r, context, "user", NULL), context);
	if (node)
		read_user(r, node);
}

static struct kubeconfig *
kubeconfig_new(void)
{
	struct arena *arena = arena_new();
	struct kubeconfig *config = arena_alloc(arena, 1, sizeof(*config));

	config->arena = arena;
	config->context = config->namespace = config->server = config->certificate_authority = "";
	config->tls_server_name = config->proxy_url = config->client_certificate = "";
	config->client_key = config->token = config->token_file = "";
	return config;
}

void
kubeconfig_free(struct kubeconfig *kubeconfig)
{
	if (!kubeconfig)
		return;
	wipe(kubeconfig->token, strlen(kubeconfig->token));
	wipe(kubeconfig->client_key_data.bytes, kubeconfig->client_key_data.len);
	arena_free(kubeconfig->arena);
}

int
kubeconfig_parse(const char *text, size_t len, const char *path, const char *context,
    struct kubeconfig **ret_kubeconfig, struct strbuf *err_lines)
{
	struct reader r = {.path = path, .errors = err_lines};
	size_t before = err_lines->len;
	yaml_parser_t parser;

	if (len > KUBECONFIG_MAX_BYTES) {
		strbuf_printf(err_lines, "%s:1: larger than %u bytes\n", path,
		    (unsigned)KUBECONFIG_MAX_BYTES);
		return -EINVAL;
	}
	if (first_pass(&r, text, len))
		return -EINVAL;
	r.config = kubeconfig_new();
	if (!yaml_parser_initialize(&parser))
		abort();
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	if (yaml_parser_load(&parser, &r.doc)) {
		read_root(&r, context);
		yaml_document_delete(&r.doc);
	} else {
		strbuf_printf(err_lines, "%s:%zu: not YAML: %s\n", path,
		    parser.problem_mark.line + 1, parser.problem ? parser.problem : "error");
	}
	yaml_parser_delete(&parser);
	if (err_lines->len > before) {
		kubeconfig_free(r.config);
		return -EINVAL;
	}
	*ret_kubeconfig = r.config;
	return 0;
}
