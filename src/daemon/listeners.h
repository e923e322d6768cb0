/*
 * listeners: where BGP peers may connect to us: TCP port 179, one socket for each family and VRF
 * that a peer needs, with the TCP-MD5 keys of those peers. Level-triggered.
 */
#ifndef DAEMON_LISTENERS_H
#define DAEMON_LISTENERS_H

#include <stdbool.h>
#include <stddef.h>

#include "io/tcp.h"

#define BGP_PORT 179

struct listeners;

/* A connection that came in on the socket of `device` ("": all). */
typedef void listeners_fn(void *arg, const char *device, struct tcp_incoming *incoming);

struct listeners *listeners_new(struct tcp *tcp, listeners_fn *fn, void *arg);
/* NULL is allowed. */
void listeners_free(struct listeners *listeners);

/*
 * Between begin and end everything that is wanted; the rest is closed at the end. A socket that
 * cannot be opened (the port is taken) is said once, and tried again by listeners_retry() only.
 */
void listeners_begin(struct listeners *listeners);
/* False: its key could not be set, so connections from there must be refused. */
bool listeners_want(struct listeners *listeners, const char *device, const struct tcp_address *peer,
    const char *key);
void listeners_end(struct listeners *listeners);
/* A reload: what was taken may be free now. */
void listeners_retry(struct listeners *listeners);
/* Whether a socket for peers of that kind stands. */
bool listeners_has(const struct listeners *listeners, enum ip_family family, const char *device);

/* A socket that is wanted could not be opened. */
bool listeners_any_failed(const struct listeners *listeners);

#endif
