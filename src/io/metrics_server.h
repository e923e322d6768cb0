/*
 * metrics_server: HTTP for Prometheus and health checks (evhttp). GET and HEAD only; the caller's
 * handler makes the answer for a path.
 */
#ifndef IO_METRICS_SERVER_H
#define IO_METRICS_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "util/addr.h"

struct loop;
struct metrics_server;
struct strbuf;

#define METRICS_MAX_CONNECTIONS 32
#define METRICS_MAX_HEADER_BYTES 8192
#define METRICS_MAX_BODY_BYTES 1024 /* of a request: nobody needs any */
#define METRICS_TIMEOUT_SEC 10      /* of a silent connection */

/*
 * `path` is without the query. Writes the text to `body`, may set *ret_content_type (a literal;
 * "text/plain; charset=utf-8" before) and returns the status: 404 for paths that it does not know.
 */
typedef int
metrics_fn(void *arg, const char *path, struct strbuf *body, const char **ret_content_type);

/*
 * Port 0 lets the kernel choose. 0 or -errno: -EADDRINUSE (the port is taken), -EADDRNOTAVAIL (not
 * an address of this machine), -EACCES.
 */
int metrics_server_open(struct loop *loop, const struct ip_addr *address, uint16_t port,
    metrics_fn *fn, void *arg, struct metrics_server **ret_server);
/* Not from within the handler. NULL is allowed. */
void metrics_server_free(struct metrics_server *server);
/* Listens there instead; open connections end. With an error the old place stays. Nothing happens
 * when it is the same. */
int
metrics_server_rebind(struct metrics_server *server, const struct ip_addr *address, uint16_t port);
uint16_t metrics_server_port(const struct metrics_server *server);
size_t metrics_server_connections(const struct metrics_server *server);

#endif
