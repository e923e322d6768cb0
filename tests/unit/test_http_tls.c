/* TLS, client certificates and HTTP/2. Certificates are made by openssl(1) for each run. */
#include "http_server.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <curl/curl.h>

#include "io/file.h"
#include "io/http.h"

struct group {
	char *dir;
};

struct fixture {
	struct group *group;
	struct loop *loop;
	struct http_client *client;
	struct http_server server;
};

struct call {
	unsigned done;
	enum http_result result;
	int status, version;
	bool reused;
	struct strbuf body, error;
};

static void
on_done(void *arg, enum http_result result, const struct http_response *response, const char *error)
{
	struct call *call = arg;

	call->done++;
	call->result = result;
	call->status = response->status;
	call->version = response->http_version;
	call->reused = response->reused;
	strbuf_addn(&call->body, response->body, response->body_len);
	strbuf_add(&call->error, error);
}

static void
call_free(struct call *call)
{
	strbuf_free(&call->body);
	strbuf_free(&call->error);
	*call = (struct call){0};
}

static char *
path_of(const struct fixture *f, const char *name)
{
	return xasprintf("%s/%s", f->group->dir, name);
}

/* A certificate NAME.pem with NAME.key, signed by CA.pem. */
static void
make_certificate(const char *dir, const char *ca, const char *name, const char *extension)
{
	char *command = xasprintf(
	    "cd %s && openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout %s.key "
	    "-out %s.csr -subj /O=system:nodes/CN=%s 2>/dev/null && printf '%s' >%s.ext && "
	    "openssl x509 -req -in %s.csr -CA %s.pem -CAkey %s.key -CAcreateserial -days 2 "
	    "-extfile %s.ext -out %s.pem 2>/dev/null",
	    dir, name, name, name, extension, name, name, ca, ca, name, name);

	assert_int_equal(system(command), 0);
	free(command);
}

static void
make_authority(const char *dir, const char *name)
{
	char *command = xasprintf(
	    "cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
	    "-keyout %s.key -out %s.pem -subj /CN=%s -days 2 2>/dev/null",
	    dir, name, name, name);

	assert_int_equal(system(command), 0);
	free(command);
}

static int
group_setup(void **state)
{
	struct group *group = xcalloc(1, sizeof(*group));

	*state = group;
	if (system("openssl version >/dev/null 2>&1"))
		return 0;
	group->dir = test_mkdir();
	make_authority(group->dir, "ca");
	make_authority(group->dir, "other-ca");
	make_certificate(
	    group->dir, "ca", "server", "subjectAltName=DNS:kubernetes,IP:127.0.0.1\\n");
	make_certificate(group->dir, "ca", "named", "subjectAltName=DNS:kubernetes\\n");
	make_certificate(group->dir, "ca", "node1", "extendedKeyUsage=clientAuth\\n");
	make_certificate(group->dir, "ca", "node2", "extendedKeyUsage=clientAuth\\n");
	return 0;
}

static int
group_teardown(void **state)
{
	struct group *group = *state;

	if (group->dir)
		test_rmdir(group->dir);
	free(group);
	return 0;
}

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	f->group = *state;
	*state = f;
	assert_int_equal(loop_new(&f->loop), 0);
	return http_client_new(f->loop, "metallbd/test", &f->client);
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	*state = f->group;
	http_client_free(f->client);
	http_server_stop(&f->server);
	loop_free(f->loop);
	free(f);
	return 0;
}

#define OPENSSL_OR_SKIP(f)                                           \
	do {                                                         \
		if (!(f)->group->dir) {                              \
			print_message("# SKIP: needs openssl(1)\n"); \
			skip();                                      \
		}                                                    \
	} while (0)

static void
serve(struct fixture *f, const char *certificate, bool want_client)
{
	mem_cleanup(mem_freep) char *cert = xasprintf("%s/%s.pem", f->group->dir, certificate);
	mem_cleanup(mem_freep) char *key = xasprintf("%s/%s.key", f->group->dir, certificate);
	mem_cleanup(mem_freep) char *ca = path_of(f, "ca.pem");
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());

	assert_int_equal(SSL_CTX_use_certificate_file(tls, cert, SSL_FILETYPE_PEM), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM), 1);
	if (want_client) {
		assert_int_equal(SSL_CTX_load_verify_locations(tls, ca, NULL), 1);
		SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	}
	f->server.tls = tls;
	http_server_start(&f->server, f->loop);
}

static void
fetch_from(struct fixture *f, struct http_endpoint *endpoint, struct call *call, bool fresh)
{
	struct http_request_options o = {.method = "GET",
	    .path = "/echo",
	    .fresh_connection = fresh,
	    .on_done = on_done,
	    .arg = call};

	(void)http_request_start(endpoint, &o);
	RUN_UNTIL(f->loop, call->done);
	assert_int_equal(call->done, 1);
}

static struct http_endpoint *
endpoint_with(struct fixture *f, struct http_endpoint_options options)
{
	mem_cleanup(mem_freep) char *server = xasprintf("https://127.0.0.1:%u", f->server.port);
	struct http_endpoint *endpoint;
	char *err_text = NULL;

	options.server = server;
	if (http_endpoint_new(f->client, &options, &endpoint, &err_text))
		fail_msg("%s", err_text);
	return endpoint;
}

/* One request with these options. */
static void
fetch(struct fixture *f, struct call *call, struct http_endpoint_options options)
{
	struct http_endpoint *endpoint = endpoint_with(f, options);

	fetch_from(f, endpoint, call, true);
	http_endpoint_free(endpoint);
}

static bool
has(const struct strbuf *sb, const char *text)
{
	if (strstr(strbuf_text(sb), text))
		return true;
	print_error("no \"%s\" in \"%s\"\n", text, strbuf_text(sb));
	return false;
}

static void
assert_call(const struct call *call, enum http_result result, int status)
{
	if (call->result != result || call->status != status)
		fail_msg("%s %d, expected %s %d: %s", http_result_str(call->result), call->status,
		    http_result_str(result), status, strbuf_text(&call->error));
	if (result != HTTP_OK)
		assert_true(has(&call->error, "https://127.0.0.1:"));
}

static char *
contents(const struct fixture *f, const char *name)
{
	mem_cleanup(mem_freep) char *path = path_of(f, name);
	char *text;
	size_t len;

	assert_int_equal(file_read(path, FILE_MAX_PEM_BYTES, &text, &len), 0);
	return text;
}

static void
the_server_must_be_signed_by_the_given_authority(void **state)
{
	struct fixture *f = *state;
	struct call c = {0};
	char *ca, *other, *pem;

	OPENSSL_OR_SKIP(f);
	ca = path_of(f, "ca.pem");
	other = path_of(f, "other-ca.pem");
	pem = contents(f, "ca.pem");
	serve(f, "server", false);
	fetch(f, &c, (struct http_endpoint_options){.ca_file = ca});
	assert_call(&c, HTTP_OK, 200);
	/* The server knows no HTTP/2. */
	assert_int_equal(c.version, 11);
	call_free(&c);
	fetch(f, &c, (struct http_endpoint_options){.ca_pem = pem});
	assert_call(&c, HTTP_OK, 200);
	call_free(&c);
	fetch(f, &c, (struct http_endpoint_options){.ca_file = other});
	assert_call(&c, HTTP_TLS, 0);
	assert_true(has(&c.error, "certificate"));
	call_free(&c);
	fetch(f, &c, (struct http_endpoint_options){0});
	assert_call(&c, HTTP_TLS, 0);
	call_free(&c);
	fetch(f, &c, (struct http_endpoint_options){.insecure = true});
	assert_call(&c, HTTP_OK, 200);
	call_free(&c);
	fetch(f, &c, (struct http_endpoint_options){.ca_file = "/nonexistent/ca.pem"});
	assert_call(&c, HTTP_INVALID, 0);
	assert_true(has(&c.error, "/nonexistent/ca.pem"));
	call_free(&c);
	fetch(f, &c, (struct http_endpoint_options){.ca_pem = "garbage"});
	assert_true(c.result == HTTP_INVALID || c.result == HTTP_TLS);
	call_free(&c);
	free(ca);
	free(other);
	free(pem);
}

/* Makes ca.pem an authority of this process's system: in a mount namespace of its own. */
static bool
trust_by_the_system(const struct fixture *f)
{
	const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
	char *command;
	int status;

	if (!info->capath || unshare(CLONE_NEWNS) ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL))
		return false;
	command = xasprintf(
	    "mkdir %s/certs && cp %s/ca.pem %s/certs/ && openssl rehash %s/certs && "
	    "cp %s/other-ca.pem %s/certs/ca-certificates.crt && "
	    "mount --bind %s/certs %s",
	    f->group->dir, f->group->dir, f->group->dir, f->group->dir, f->group->dir,
	    f->group->dir, f->group->dir, info->capath);
	status = system(command);
	free(command);
	return status == 0;
}

static void
the_systems_authorities_do_not_count_beside_a_given_one(void **state)
{
	struct fixture *f = *state;
	struct call c = {0};
	char *other, *other_pem, *command;

	OPENSSL_OR_SKIP(f);
	if (!trust_by_the_system(f)) {
		print_message("# SKIP: needs root for a mount namespace\n");
		skip();
	}
	other = path_of(f, "other-ca.pem");
	other_pem = contents(f, "other-ca.pem");
	serve(f, "server", false);
	fetch(f, &c, (struct http_endpoint_options){0});
	assert_call(&c, HTTP_OK, 200);
	call_free(&c);
	fetch(f, &c, (struct http_endpoint_options){.ca_file = other});
	assert_call(&c, HTTP_TLS, 0);
	call_free(&c);
	fetch(f, &c, (struct http_endpoint_options){.ca_pem = other_pem});
	assert_call(&c, HTTP_TLS, 0);
	call_free(&c);
	command = xasprintf("umount %s/certs 2>/dev/null; umount %s; rm -r %s/certs", f->group->dir,
	    curl_version_info(CURLVERSION_NOW)->capath, f->group->dir);
	(void)!system(command);
	free(command);
	free(other);
	free(other_pem);
}

static void
the_name_may_differ_from_the_address(void **state)
{
	struct fixture *f = *state;
	struct call c = {0};
	char *ca, expected[64];

	OPENSSL_OR_SKIP(f);
	ca = path_of(f, "ca.pem");
	serve(f, "named", false);
	fetch(f, &c, (struct http_endpoint_options){.ca_file = ca});
	assert_call(&c, HTTP_TLS, 0);
	assert_true(has(&c.error, "127.0.0.1"));
	call_free(&c);
	fetch(
	    f, &c, (struct http_endpoint_options){.ca_file = ca, .tls_server_name = "kubernetes"});
	assert_call(&c, HTTP_OK, 200);
	assert_true(has(&c.body, "sni=kubernetes\n"));
	(void)snprintf(expected, sizeof(expected), "Host: 127.0.0.1:%u\n", f->server.port);
	assert_true(has(&c.body, expected));
	call_free(&c);
	fetch(f, &c, (struct http_endpoint_options){.ca_file = ca, .tls_server_name = "other"});
	assert_call(&c, HTTP_TLS, 0);
	assert_true(has(&c.error, "other"));
	call_free(&c);
	free(ca);
}

static void
clients_show_their_certificates(void **state)
{
	struct fixture *f = *state;
	struct call c = {0};
	char *ca, *cert, *key, *cert_pem, *key_pem, *other_key;

	OPENSSL_OR_SKIP(f);
	ca = path_of(f, "ca.pem");
	cert = path_of(f, "node1.pem");
	key = path_of(f, "node1.key");
	other_key = path_of(f, "node2.key");
	cert_pem = contents(f, "node2.pem");
	key_pem = contents(f, "node2.key");
	serve(f, "server", true);
	fetch(f, &c,
	    (struct http_endpoint_options){
		.ca_file = ca, .certificate_file = cert, .key_file = key});
	assert_call(&c, HTTP_OK, 200);
	assert_true(has(&c.body, "peer=/O=system:nodes/CN=node1\n"));
	call_free(&c);
	fetch(f, &c,
	    (struct http_endpoint_options){
		.ca_file = ca, .certificate_pem = cert_pem, .key_pem = key_pem});
	assert_call(&c, HTTP_OK, 200);
	assert_true(has(&c.body, "CN=node2\n"));
	call_free(&c);
	/* None: with TLS 1.3 the server says so only after the handshake. */
	fetch(f, &c, (struct http_endpoint_options){.ca_file = ca});
	assert_true(c.result == HTTP_TLS || c.result == HTTP_CLOSED);
	call_free(&c);
	fetch(f, &c,
	    (struct http_endpoint_options){
		.ca_file = ca, .certificate_file = cert, .key_file = other_key});
	assert_call(&c, HTTP_INVALID, 0);
	call_free(&c);
	fetch(f, &c,
	    (struct http_endpoint_options){
		.ca_file = ca, .certificate_file = "/nonexistent", .key_file = key});
	assert_call(&c, HTTP_INVALID, 0);
	assert_true(has(&c.error, "/nonexistent"));
	assert_null(strstr(c.error.text, "PRIVATE"));
	call_free(&c);
	free(ca);
	free(cert);
	free(key);
	free(cert_pem);
	free(key_pem);
	free(other_key);
}

static void
copy_file(const struct fixture *f, const char *from, const char *to)
{
	mem_cleanup(mem_freep) char *text = contents(f, from);
	mem_cleanup(mem_freep) char *path = path_of(f, to);

	assert_int_equal(file_write_atomic(path, text, strlen(text), 0600), 0);
}

static void
changed_files_count_for_the_next_connection(void **state)
{
	struct fixture *f = *state;
	struct http_endpoint *endpoint;
	struct call c = {0};
	char *ca, *cert, *key;

	OPENSSL_OR_SKIP(f);
	ca = path_of(f, "current-ca.pem");
	cert = path_of(f, "current.pem");
	key = path_of(f, "current.key");
	copy_file(f, "ca.pem", "current-ca.pem");
	copy_file(f, "node1.pem", "current.pem");
	copy_file(f, "node1.key", "current.key");
	serve(f, "server", true);
	endpoint = endpoint_with(f,
	    (struct http_endpoint_options){
		.ca_file = ca, .certificate_file = cert, .key_file = key});
	fetch_from(f, endpoint, &c, false);
	assert_call(&c, HTTP_OK, 200);
	assert_true(has(&c.body, "CN=node1\n"));
	call_free(&c);
	copy_file(f, "node2.pem", "current.pem");
	copy_file(f, "node2.key", "current.key");
	fetch_from(f, endpoint, &c, true);
	assert_call(&c, HTTP_OK, 200);
	assert_true(has(&c.body, "CN=node2\n"));
	call_free(&c);
	copy_file(f, "other-ca.pem", "current-ca.pem");
	fetch_from(f, endpoint, &c, true);
	assert_call(&c, HTTP_TLS, 0);
	call_free(&c);
	copy_file(f, "ca.pem", "current-ca.pem");
	fetch_from(f, endpoint, &c, true);
	assert_call(&c, HTTP_OK, 200);
	call_free(&c);
	http_endpoint_free(endpoint);
	free(ca);
	free(cert);
	free(key);
}

static void
connections_are_kept(void **state)
{
	struct fixture *f = *state;
	struct http_endpoint *endpoint;
	struct call c = {0};
	char *ca;
	int i;

	OPENSSL_OR_SKIP(f);
	ca = path_of(f, "ca.pem");
	serve(f, "server", false);
	endpoint = endpoint_with(f, (struct http_endpoint_options){.ca_file = ca});
	for (i = 0; i < 4; i++) {
		fetch_from(f, endpoint, &c, false);
		assert_call(&c, HTTP_OK, 200);
		assert_int_equal(c.reused, i > 0);
		call_free(&c);
	}
	assert_int_equal(f->server.connections, 1);
	http_endpoint_free(endpoint);
	free(ca);
}

/* nghttpd on a free port; its pid. */
static pid_t
start_nghttpd(struct fixture *f, uint16_t *ret_port)
{
	mem_cleanup(mem_freep) char *key = path_of(f, "server.key");
	mem_cleanup(mem_freep) char *cert = path_of(f, "server.pem");
	char port[8];
	pid_t pid;
	int fd = listen_on_loopback(ret_port);

	close(fd);
	(void)snprintf(port, sizeof(port), "%u", *ret_port);
	pid = fork();
	assert_true(pid >= 0);
	if (pid)
		return pid;
	(void)execlp("nghttpd", "nghttpd", "--address=127.0.0.1", "-d", f->group->dir, port, key,
	    cert, NULL);
	_exit(127);
}

static void
http2_carries_many_requests_over_one_connection(void **state)
{
	struct fixture *f = *state;
	struct http_endpoint *endpoint;
	static struct call calls[20];
	char *ca;
	size_t i, connects = 0;
	struct call c = {0};
	pid_t pid;
	int status;

	OPENSSL_OR_SKIP(f);
	if (system("nghttpd --version >/dev/null 2>&1")) {
		print_message("# SKIP: needs nghttpd (Debian: nghttp2-server)\n");
		skip();
	}
	ca = path_of(f, "ca.pem");
	pid = start_nghttpd(f, &f->server.port);
	endpoint = endpoint_with(f, (struct http_endpoint_options){.ca_file = ca});
	do {
		call_free(&c);
		fetch_from(f, endpoint, &c, true);
	} while (c.result == HTTP_REFUSED && waitpid(pid, &status, WNOHANG) == 0);
	/* It has no such file. */
	assert_call(&c, HTTP_OK, 404);
	assert_int_equal(c.version, 20);
	call_free(&c);
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		struct http_request_options o = {
		    .method = "GET", .path = "/ca.pem", .on_done = on_done, .arg = &calls[i]};

		(void)http_request_start(endpoint, &o);
	}
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		RUN_UNTIL(f->loop, calls[i].done);
		assert_call(&calls[i], HTTP_OK, 200);
		assert_int_equal(calls[i].version, 20);
		assert_true(has(&calls[i].body, "BEGIN CERTIFICATE"));
		connects += !calls[i].reused;
		call_free(&calls[i]);
	}
	assert_int_equal(connects, 1);
	/* The server goes away with a request under way. */
	assert_int_equal(kill(pid, SIGSTOP), 0);
	{
		struct http_request_options o = {
		    .method = "GET", .path = "/ca.pem", .on_done = on_done, .arg = &c};

		(void)http_request_start(endpoint, &o);
		RUN_WHILE(f->loop, 20000, !c.done);
	}
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	RUN_UNTIL(f->loop, c.done);
	assert_true(c.result == HTTP_CLOSED || c.result == HTTP_REFUSED);
	call_free(&c);
	http_endpoint_free(endpoint);
	free(ca);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(the_server_must_be_signed_by_the_given_authority),
	    T(the_name_may_differ_from_the_address),
	    T(clients_show_their_certificates),
	    T(changed_files_count_for_the_next_connection),
	    T(connections_are_kept),
	    T(http2_carries_many_requests_over_one_connection),
	    T(the_systems_authorities_do_not_count_beside_a_given_one),
	};

	return cmocka_run_group_tests_name("http_tls", tests, group_setup, group_teardown);
}
