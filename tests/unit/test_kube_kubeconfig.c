#include "test.h"

#include <errno.h>
#include <stdlib.h>

#include "kube/kubeconfig.h"
#include "util/mem.h"
#include "util/str.h"

/* "-----BEGIN X-----\n" and the same with "KEY" */
#define PEM "LS0tLS1CRUdJTiBYLS0tLS0K"
#define KEY "LS0tLS1CRUdJTiBLRVktLS0tLQ=="

static const char good[] = "apiVersion: v1\n"
			   "kind: Config\n"
			   "current-context: main\n"
			   "preferences: {}\n"
			   "clusters:\n"
			   "- name: c1\n"
			   "  cluster:\n"
			   "    server: https://10.0.0.1:6443/\n"
			   "    certificate-authority-data: " PEM "\n"
			   "    tls-server-name: kubernetes\n"
			   "- name: c2\n"
			   "  cluster:\n"
			   "    server: http://127.0.0.1:8001\n"
			   "    certificate-authority: pki/ca.crt\n"
			   "    insecure-skip-tls-verify: true\n"
			   "    proxy-url: socks5://10.0.0.9:1080\n"
			   "users:\n"
			   "- name: u1\n"
			   "  user:\n"
			   "    client-certificate-data: " PEM "\n"
			   "    client-key-data: " KEY "\n"
			   "- name: u2\n"
			   "  user: {client-certificate: c.pem, client-key: /abs/k.pem}\n"
			   "- name: u3\n"
			   "  user:\n"
			   "    token: \"abc.def\"\n"
			   "    tokenFile: token\n"
			   "- name: u4\n"
			   "  user: {}\n"
			   "contexts:\n"
			   "- name: main\n"
			   "  context: {cluster: c1, user: u1, namespace: ns}\n"
			   "- {name: second, context: {cluster: c2, user: u2}}\n"
			   "- {name: third, context: {cluster: c1, user: u3}}\n"
			   "- {name: fourth, context: {cluster: c1, user: u4}}\n"
			   "- {name: no-user, context: {cluster: c1, user: nobody}}\n";

static struct kubeconfig *
parse_good(const char *context)
{
	struct strbuf errors = {0};
	struct kubeconfig *config = NULL;
	int err = kubeconfig_parse(
	    good, strlen(good), "/etc/metallb/kubeconfig", context, &config, &errors);

	if (err)
		fail_msg("%s", strbuf_text(&errors));
	strbuf_free(&errors);
	return config;
}

static void
test_data(void **state)
{
	struct kubeconfig *config = parse_good("");

	(void)state;
	assert_string_equal(config->context, "main");
	assert_string_equal(config->namespace, "ns");
	assert_string_equal(config->server, "https://10.0.0.1:6443");
	assert_string_equal(config->tls_server_name, "kubernetes");
	assert_string_equal(config->certificate_authority, "");
	assert_int_equal(config->certificate_authority_data.len, 18);
	assert_memory_equal(config->certificate_authority_data.bytes, "-----BEGIN X-----\n", 18);
	assert_int_equal(config->client_key_data.len, 19);
	assert_memory_equal(config->client_key_data.bytes, "-----BEGIN KEY-----", 19);
	assert_non_null(config->client_certificate_data.bytes);
	assert_string_equal(config->token, "");
	assert_false(config->insecure_skip_tls_verify);
	assert_int_equal(config->n_warnings, 0);
	kubeconfig_free(config);
	kubeconfig_free(NULL);
}

static void
test_files(void **state)
{
	struct kubeconfig *config = parse_good("second");

	(void)state;
	assert_string_equal(config->server, "http://127.0.0.1:8001");
	assert_string_equal(config->certificate_authority, "/etc/metallb/pki/ca.crt");
	assert_string_equal(config->client_certificate, "/etc/metallb/c.pem");
	assert_string_equal(config->client_key, "/abs/k.pem");
	assert_true(config->insecure_skip_tls_verify);
	assert_string_equal(config->proxy_url, "socks5://10.0.0.9:1080");
	assert_int_equal(config->n_warnings, 2);
	assert_string_equal(config->warnings[0],
	    "/etc/metallb/kubeconfig:13: \"server\" is http://: nothing is encrypted or verified");
	assert_string_equal(config->warnings[1],
	    "/etc/metallb/kubeconfig:15: insecure-skip-tls-verify: anybody on the path can be the API "
	    "server");
	kubeconfig_free(config);
	config = parse_good("third");
	assert_string_equal(config->token, "abc.def");
	assert_string_equal(config->token_file, "/etc/metallb/token");
	kubeconfig_free(config);
	config = parse_good("fourth");
	assert_int_equal(config->n_warnings, 1);
	kubeconfig_free(config);
}

#define CLUSTER "clusters: [{name: c, cluster: {server: 'https://h'}}]\n"
#define CONTEXT "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
#define USER "users: [{name: u, user: {token: t}}]\n"

static const struct {
	const char *name, *text, *context, *errors;
} bad[] = {
    {"minimal", CONTEXT CLUSTER USER, "", NULL},
    {"JSON",
	"{\"current-context\":\"x\",\"contexts\":[{\"name\":\"x\",\"context\":{\"cluster\":\"c\",\"user\":"
	"\"u\"}}],\"clusters\":[{\"name\":\"c\",\"cluster\":{\"server\":\"https://h\"}}],\"users\":[{"
	"\"name\":\"u\",\"user\":{\"token\":\"t\"}}]}",
	"", NULL},
    {"null is absent", CONTEXT CLUSTER "users: [{name: u, user: {token: t, exec: null, as: ~}}]\n",
	"", NULL},
    {"empty", "", "", "f:1: empty\n"},
    {"comment only", "# nothing\n", "", "f:1: empty\n"},
    {"not YAML", "a: [1\nb: {", "", "f:2: not YAML: did not find expected ',' or ']'\n"},
    {"a list", "- a\n", "", "f:1: not a kubeconfig: no mapping\n"},
    {"a text", "hello\n", "", "f:1: not a kubeconfig: no mapping\n"},
    {"another kind", "kind: Pod\n" CONTEXT CLUSTER USER, "",
	"f:1: not a kubeconfig: kind is \"Pod\"\n"},
    {"two documents", CONTEXT CLUSTER USER "---\na: b\n", "", "f:5: more than one document\n"},
    {"alias", "a: &x [1]\nb: *x\n", "", "f:2: aliases (*name) are not supported\n"},
    {"no context", CLUSTER USER, "",
	"f:1: no current-context, and no kubernetes.context in the settings\n"},
    {"unknown context", CONTEXT CLUSTER USER, "y",
	"f:1: context \"y\" is not in \"contexts\" (there: \"x\")\n"},
    {"unknown cluster and user", CONTEXT, "",
	"f:2: cluster \"c\" is not in \"clusters\" (there: none)\n"
	"f:2: user \"u\" is not in \"users\" (there: none)\n"},
    {"contexts a mapping", "current-context: x\ncontexts: {}\n", "",
	"f:2: \"contexts\" must be a list\n"},
    {"entry a string", "current-context: x\ncontexts: [x]\n", "",
	"f:2: an entry of \"contexts\" is not a mapping\n"
	"f:1: context \"x\" is not in \"contexts\" (there: none)\n"},
    {"no inner mapping", "current-context: x\ncontexts: [{name: x, context: 7}]\n", "",
	"f:2: context \"x\" has no \"context\"\n"},
    {"no server", CONTEXT USER "clusters: [{name: c, cluster: {}}]\n", "",
	"f:4: the cluster has no \"server\"\n"},
    {"server without scheme", CONTEXT USER "clusters: [{name: c, cluster: {server: 'h:6443'}}]\n",
	"", "f:4: \"server\" is not an https:// URL: \"h:6443\"\n"},
    {"server with a line break",
	CONTEXT USER "clusters: [{name: c, cluster: {server: \"https://h\\n\"}}]\n", "",
	"f:4: \"server\" is not an https:// URL: \"https://h\\x0a\"\n"},
    {"server a list", CONTEXT USER "clusters: [{name: c, cluster: {server: [a]}}]\n", "",
	"f:4: \"server\" must be a string\nf:4: the cluster has no \"server\"\n"},
    {"twice",
	CONTEXT USER "clusters: [{name: c, cluster: {server: 'https://a', server: 'https://b'}}]\n",
	"", "f:4: \"server\" is given twice\n"},
    {"bool",
	CONTEXT USER
	"clusters: [{name: c, cluster: {server: 'https://a', insecure-skip-tls-verify: maybe}}]\n",
	"", "f:4: \"insecure-skip-tls-verify\" must be true or false\n"},
    {"proxy",
	CONTEXT USER
	"clusters: [{name: c, cluster: {server: 'https://a', proxy-url: 'ftp://u:secret@x'}}]\n",
	"", "f:4: \"proxy-url\" is not an http://, https:// or socks5:// URL\n"},
    {"not base64",
	CONTEXT USER
	"clusters: [{name: c, cluster: {server: 'https://a', certificate-authority-data: '%%%'}}]\n",
	"", "f:4: \"certificate-authority-data\" is not base64\n"},
    {"not PEM",
	CONTEXT USER
	"clusters: [{name: c, cluster: {server: 'https://a', certificate-authority-data: 'aGVsbG8='}}]\n",
	"", "f:4: \"certificate-authority-data\" holds no PEM\n"},
    {"certificate without key",
	CONTEXT CLUSTER "users: [{name: u, user: {client-certificate: c}}]\n", "",
	"f:4: client-certificate and client-key need each other\n"},
    {"token with a line break",
	CONTEXT CLUSTER "users: [{name: u, user: {token: \"a\\r\\nX: y\"}}]\n", "",
	"f:4: \"token\" has characters that no token has\n"},
    {"exec", CONTEXT CLUSTER "users:\n- name: u\n  user:\n    exec:\n      command: aws\n", "",
	"f:8: \"exec\": credential plugins are not supported; use a client certificate, a token or "
	"tokenFile\n"},
    {"auth-provider", CONTEXT CLUSTER "users: [{name: u, user: {auth-provider: {name: gcp}}}]\n",
	"",
	"f:4: \"auth-provider\": auth providers are not supported (Kubernetes removed them); use a "
	"client certificate, a token or tokenFile\n"},
    {"basic", CONTEXT CLUSTER "users: [{name: u, user: {username: a, password: secret}}]\n", "",
	"f:4: \"username\": basic authentication is not supported (Kubernetes removed it in 1.19)\n"
	"f:4: \"password\": basic authentication is not supported (Kubernetes removed it in 1.19)\n"},
    {"impersonation", CONTEXT CLUSTER "users: [{name: u, user: {token: t, as: root}}]\n", "",
	"f:4: \"as\": impersonation is not supported; give the daemon an account of its own\n"},
};

static void
test_bad(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct strbuf errors = {0};
		struct kubeconfig *config = NULL;
		int err = kubeconfig_parse(
		    bad[i].text, strlen(bad[i].text), "f", bad[i].context, &config, &errors);

		assert_row(i, bad[i].name, err == (bad[i].errors ? -EINVAL : 0));
		if (bad[i].errors && !str_eq(strbuf_text(&errors), bad[i].errors))
			fail_msg("row %zu (%s): %s", i, bad[i].name, strbuf_text(&errors));
		kubeconfig_free(config);
		strbuf_free(&errors);
	}
}

static void
expect_refused(const char *text, size_t len, const char *errors)
{
	struct strbuf sb = {0};
	struct kubeconfig *config;

	assert_int_equal(kubeconfig_parse(text, len, "f", "", &config, &sb), -EINVAL);
	assert_string_equal(strbuf_text(&sb), errors);
	strbuf_free(&sb);
}

static void
test_caps(void **state)
{
	char *text = xcalloc(KUBECONFIG_MAX_BYTES + 1, 1);

	(void)state;
	memset(text, '[', 100);
	expect_refused(text, 100, "f:1: nested too deep\n");
	memset(text, '#', KUBECONFIG_MAX_BYTES + 1);
	expect_refused(text, KUBECONFIG_MAX_BYTES + 1, "f:1: larger than 1048576 bytes\n");
	memset(text, ',', KUBECONFIG_MAX_BYTES);
	text[0] = '[';
	{
		size_t i;

		for (i = 1; i < KUBECONFIG_MAX_BYTES; i += 2)
			text[i] = 'a';
	}
	expect_refused(text, KUBECONFIG_MAX_BYTES, "f:1: too many entries\n");
	free(text);
}

static void
test_truncations(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < strlen(good); i++) {
		struct strbuf errors = {0};
		struct kubeconfig *config = NULL;

		/* Some are legal; none may crash, and an error always has words. */
		if (kubeconfig_parse(good, i, "f", "", &config, &errors))
			assert_true(errors.len > 0);
		kubeconfig_free(config);
		strbuf_free(&errors);
	}
}

static void
test_base64(void **state)
{
	static const struct {
		const char *text;
		bool ok;
	} rows[] = {
	    {PEM, true},
	    {"LS0tLS1CRUdJTiBY", true},
	    {"LS0tLS1CRUdJTiBYWA==", true},
	    {"LS0tLS1CRUdJTiBYWFg=", true},
	    {"LS0tLS1CRUdJ\\n  TiBY", true},
	    {"LS0tLS1CRUdJTiBYWA=", false},
	    {"LS0tLS1CRUdJTiBYWA", false},
	    {"LS0tLS1CRUdJTiBYW", false},
	    {"LS0tLS1CRUdJTiBY=", false},
	    {"LS0tLS1CRUdJTiBY====", false},
	    {"LS0tLS1CRUdJTiBYWFg=A", false},
	    {"LS0tLS1CRUdJTiBYWA===", false},
	    {"-S0tLS1CRUdJTiBY", false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct strbuf errors = {0};
		struct kubeconfig *config = NULL;
		char *text = xasprintf("%s%sclusters: [{name: c, cluster: {server: 'https://a', "
				       "certificate-authority-data: \"%s\"}}]\n",
		    CONTEXT, USER, rows[i].text);

		assert_row(i, rows[i].text,
		    (kubeconfig_parse(text, strlen(text), "f", "", &config, &errors) == 0) ==
			rows[i].ok);
		kubeconfig_free(config);
		strbuf_free(&errors);
		free(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_data),
	    cmocka_unit_test(test_files),
	    cmocka_unit_test(test_bad),
	    cmocka_unit_test(test_caps),
	    cmocka_unit_test(test_truncations),
	    cmocka_unit_test(test_base64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
