#include "server.h"

#include <errno.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "conn.h"

enum {
	SERVER_BACKLOG = 512
};

int
server_port(const struct listener *listener)
{
	const struct sockaddr *sa = (const struct sockaddr *)&listener->addr;

	if (sa->sa_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)&listener->addr)->sin6_port);
	return ntohs(((const struct sockaddr_in *)&listener->addr)->sin_port);
}

static void
set_port(struct listener *listener, int port)
{
	if (((struct sockaddr *)&listener->addr)->sa_family == AF_INET6)
		((struct sockaddr_in6 *)&listener->addr)->sin6_port = htons((uint16_t)port);
	else
		((struct sockaddr_in *)&listener->addr)->sin_port = htons((uint16_t)port);
}

bool
server_add_listener(struct sim *sim, const char *text)
{
	struct listener *l = &sim->listeners[sim->listener_count];
	const char *colon = strrchr(text, ':');
	int len = (int)sizeof(l->addr);

	if (sim->listener_count == SIM_LISTENERS_MAX) {
		fprintf(stderr, "kubesim: more than %d times --listen\n", SIM_LISTENERS_MAX);
		return false;
	}
	/* libevent reads port 0 as an error in no case but an absent port as 0: insist on one */
	if (colon == NULL || colon[1] == '\0' ||
	    strspn(colon + 1, "0123456789") != strlen(colon + 1) ||
	    evutil_parse_sockaddr_port(text, (struct sockaddr *)&l->addr, &len) != 0) {
		char *host = NULL;
		unsigned long port = colon != NULL ? strtoul(colon + 1, NULL, 10) : 1;

		/* it refuses port 0 */
		if (colon != NULL && colon[1] == '0' && port == 0) {
			host = sim_asprintf("%.*s:1", (int)(colon - text), text);
			len = (int)sizeof(l->addr);
		}
		if (host == NULL ||
		    evutil_parse_sockaddr_port(host, (struct sockaddr *)&l->addr, &len) != 0) {
			fprintf(stderr, "kubesim: --listen %s: expected ADDR:PORT or [ADDR]:PORT\n",
			    text);
			free(host);
			return false;
		}
		free(host);
		set_port(l, 0);
	}
	l->len = (socklen_t)len;
	sim->listener_count++;
	return true;
}

static int
select_alpn(SSL *ssl, const unsigned char **out, unsigned char *outlen, const unsigned char *in,
    unsigned int inlen, void *arg)
{
	static const unsigned char http11[] = "\x08http/1.1";

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto((unsigned char **)(uintptr_t)out, outlen, http11,
		sizeof(http11) - 1, in, inlen) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	return SSL_TLSEXT_ERR_OK;
}

/* A bad client certificate gets its answer as HTTP 401, not as a TLS alert. */
static int
accept_any(int ok, X509_STORE_CTX *ctx)
{
	(void)ok;
	(void)ctx;
	return 1;
}

bool
server_tls(struct sim *sim, const char *cert, const char *key, const char *client_ca)
{
	sim->tls = SSL_CTX_new(TLS_server_method());
	if (sim->tls == NULL)
		abort();
	SSL_CTX_set_options(sim->tls, SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_alpn_select_cb(sim->tls, select_alpn, NULL);
	SSL_CTX_set_session_id_context(sim->tls, (const unsigned char *)"kubesim", 7);
	if (SSL_CTX_use_certificate_chain_file(sim->tls, cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(sim->tls, key, SSL_FILETYPE_PEM) != 1) {
		fprintf(stderr, "kubesim: --tls-cert %s --tls-key %s: %s\n", cert, key,
		    ERR_error_string(ERR_get_error(), NULL));
		return false;
	}
	if (client_ca == NULL)
		return true;
	if (SSL_CTX_load_verify_locations(sim->tls, client_ca, NULL) != 1) {
		fprintf(stderr, "kubesim: --client-ca %s: %s\n", client_ca,
		    ERR_error_string(ERR_get_error(), NULL));
		return false;
	}
	SSL_CTX_set_client_CA_list(sim->tls, SSL_load_client_CA_file(client_ca));
	SSL_CTX_set_verify(sim->tls, SSL_VERIFY_PEER, accept_any);
	return true;
}

static void
on_accept(struct evconnlistener *ev, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	struct sim *sim = arg;

	(void)ev;
	(void)addr;
	(void)len;
	if (sim->conn_count >= SIM_CONNS_MAX)
		close(fd);
	else
		conn_new(sim, fd);
}

static bool
listen_one(struct sim *sim, struct listener *l)
{
	unsigned int flags = LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC;

	/* so that 0.0.0.0 and [::] can be given side by side */
	if (((struct sockaddr *)&l->addr)->sa_family == AF_INET6)
		flags |= LEV_OPT_BIND_IPV6ONLY;
	l->ev = evconnlistener_new_bind(sim->base, on_accept, sim, flags, SERVER_BACKLOG,
	    (struct sockaddr *)&l->addr, (int)l->len);
	if (l->ev == NULL) {
		fprintf(
		    stderr, "kubesim: listen on port %d: %s\n", server_port(l), strerror(errno));
		return false;
	}
	/* keep the port that was picked, so that it is the same after server_down() */
	return getsockname(evconnlistener_get_fd(l->ev), (struct sockaddr *)&l->addr, &l->len) == 0;
}

bool
server_listen(struct sim *sim)
{
	int picked = 0;

	for (size_t i = 0; i < sim->listener_count; i++) {
		struct listener *l = &sim->listeners[i];
		bool any = server_port(l) == 0;

		/* several listeners on port 0 share one port */
		if (any && picked != 0)
			set_port(l, picked);
		if (!listen_one(sim, l))
			return false;
		if (any)
			picked = server_port(l);
	}
	return true;
}

static void
go_up(evutil_socket_t fd, short what, void *arg)
{
	struct sim *sim = arg;

	(void)fd;
	(void)what;
	for (size_t i = 0; i < sim->listener_count; i++)
		if (!listen_one(sim, &sim->listeners[i]))
			event_base_loopbreak(sim->base);
}

void
server_down(struct sim *sim)
{
	struct timeval wait = {sim->down_ms / 1000, sim->down_ms % 1000 * 1000};

	if (sim->down_ms == 0)
		return;
	sim->down_ms = 0;
	for (size_t i = 0; i < sim->listener_count; i++) {
		if (sim->listeners[i].ev != NULL)
			evconnlistener_free(sim->listeners[i].ev);
		sim->listeners[i].ev = NULL;
	}
	while (!TAILQ_EMPTY(&sim->conns))
		conn_close(TAILQ_FIRST(&sim->conns));
	if (sim->up_timer == NULL)
		sim->up_timer = event_new(sim->base, -1, 0, go_up, sim);
	if (sim->up_timer == NULL)
		abort();
	event_add(sim->up_timer, &wait);
}

void
server_free(struct sim *sim)
{
	for (size_t i = 0; i < sim->listener_count; i++)
		if (sim->listeners[i].ev != NULL)
			evconnlistener_free(sim->listeners[i].ev);
	if (sim->up_timer != NULL)
		event_free(sim->up_timer);
	SSL_CTX_free(sim->tls);
}
