/*
 * tcp: TCP connections and listeners on the loop, with what routing protocols need of them: bound
 * source, TTLs (GTSM, RFC 5082), TCP-MD5 (RFC 2385), a device (VRF), IPv6 link-local scopes. It
 * carries bytes and knows none of their contents.
 *
 * Nothing here blocks. What is read in a turn, and over time from one connection, is bounded
 * (TCP_BYTES_PER_TURN, TCP_RECEIVE_BYTES_PER_SEC): a peer that floods is slowed down by TCP itself.
 * The same for how often a listener accepts (TCP_ACCEPTS_PER_SEC).
 */
#ifndef IO_TCP_H
#define IO_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/addr.h"

struct loop;
struct tcp;
struct tcp_connection;
struct tcp_incoming;
struct tcp_listener;

#define TCP_KEY_MAX_BYTES 80                        /* the kernel's TCP_MD5SIG_MAXKEYLEN */
#define TCP_INPUT_BYTES (16 * 1024)                 /* held back by its reader */
#define TCP_BYTES_PER_TURN (64 * 1024)              /* then other work comes first */
#define TCP_RECEIVE_BYTES_PER_SEC (2 * 1024 * 1024) /* in the long run, after a burst of */
#define TCP_RECEIVE_BURST_BYTES (8 * 1024 * 1024)   /* this much */
#define TCP_ACCEPTS_PER_TURN 16
#define TCP_ACCEPTS_PER_SEC 50 /* in the long run, after a burst of */
#define TCP_ACCEPTS_BURST 200
#define TCP_CLOSE_USEC (1 * INT64_C(1000000)) /* for the last bytes of a closed connection */
#define TCP_MAX_CLOSING 64                    /* connections in that state; the eldest yields */
#define TCP_DEVICE_SIZE 16                    /* IFNAMSIZ */

/* One end of a connection. `scope`: the interface of an IPv6 link-local address, else 0. */
struct tcp_address {
	struct ip_addr ip;
	uint16_t port;
	int scope;
};

struct tcp_options {
	struct tcp_address remote; /* tcp_connect() only */
	struct ip_addr local;      /* the same; family NONE: chosen by the routing table */
	const char *device;        /* SO_BINDTODEVICE; "" or NULL: none */
	uint8_t ttl;               /* of what is sent, 0: the kernel's */
	uint8_t min_ttl;           /* packets with less are dropped, 0: none */
	const void *key;           /* TCP-MD5; NULL: none */
	size_t key_len;            /* 1 to TCP_KEY_MAX_BYTES with key */
};

/*
 * Any of these may close the connection (tcp_close(), tcp_abort()); no other is called then.
 */
struct tcp_ops {
	/* It stands. Not called for accepted connections. */
	void (*connected)(void *arg);
	/*
	 * Bytes in order, valid during the call. Returns how many were taken; the others come again
	 * with more behind them. Taking none of TCP_INPUT_BYTES fails the connection (-EMSGSIZE).
	 */
	size_t (*received)(void *arg, const uint8_t *bytes, size_t len);
	/* Everything that was queued has gone to the kernel; not called from within tcp_send(). */
	void (*drained)(void *arg);
	/* The end: 0 when the peer closed it, else -errno. The connection is gone. */
	void (*closed)(void *arg, int err);
};

struct tcp_stats {
	uint64_t accepted;
	uint64_t refused;   /* closed unread, since nobody took them */
	uint64_t throttled; /* how often a connection or listener was made to wait */
};

struct tcp *tcp_new(struct loop *loop);
/* All connections and listeners were closed before; those whose last bytes are still on the way
 * are given up. NULL is allowed. */
void tcp_free(struct tcp *tcp);
const struct tcp_stats *tcp_stats(const struct tcp *tcp);
/* Connections that were closed and whose last bytes are still on the way. */
size_t tcp_closing(const struct tcp *tcp);

/*
 * Begins to connect. 0, or -errno when that failed at once (-EADDRNOTAVAIL: local is none of this
 * machine's; -ENETUNREACH; -ENODEV: no such device; -EPERM).
 */
int tcp_connect(struct tcp *tcp, const struct tcp_options *options, const struct tcp_ops *ops,
    void *arg, struct tcp_connection **ret_conn);
/*
 * Queues bytes; what the kernel takes goes at once. Errors come by closed() later.
 */
void tcp_send(struct tcp_connection *conn, const void *bytes, size_t len);
/* Bytes that the kernel has not taken. */
size_t tcp_queued(const struct tcp_connection *conn);
/* Whether reading goes on; a connection begins with it on. */
void tcp_set_reading(struct tcp_connection *conn, bool on);
/* Valid once it stands. */
const struct tcp_address *tcp_local(const struct tcp_connection *conn);
const struct tcp_address *tcp_remote(const struct tcp_connection *conn);
/*
 * After what is queued has been sent, within TCP_CLOSE_USEC, so that a last message arrives even
 * when the peer has sent something that was never read. No callback follows. NULL is allowed.
 */
void tcp_close(struct tcp_connection *conn);
/* At once; what is queued is lost. No callback follows. NULL is allowed. */
void tcp_abort(struct tcp_connection *conn);

/* A connection that came in: taken during the call by tcp_take(), or closed unread after it. */
typedef void tcp_accept_fn(void *arg, struct tcp_incoming *incoming);

/*
 * Listens on the port of all addresses of one family (IPv6 without mapped IPv4), or on that of one
 * device (`device`, "" or NULL: all). Sends with TTL 255, so that a peer that uses GTSM takes the
 * answer to its SYN; a minimum is for each connection (tcp_take()). 0 or -errno (-EADDRINUSE,
 * -EACCES).
 */
int tcp_listen(struct tcp *tcp, enum ip_family family, uint16_t port, const char *device,
    tcp_accept_fn *fn, void *arg, struct tcp_listener **ret_listener);
/*
 * The TCP-MD5 key of a peer; key NULL removes it. From then on the kernel drops what comes from
 * this address without it, or with it where there is none. 0 or -errno.
 */
int tcp_listener_set_key(
    struct tcp_listener *listener, const struct tcp_address *peer, const void *key, size_t key_len);
/* Not from within its callback. NULL is allowed. */
void tcp_listener_free(struct tcp_listener *listener);
uint16_t tcp_listener_port(const struct tcp_listener *listener);

const struct tcp_address *tcp_incoming_remote(const struct tcp_incoming *incoming);
const struct tcp_address *tcp_incoming_local(const struct tcp_incoming *incoming);
/* Of `options`, ttl and min_ttl count; the key is the listener's. */
struct tcp_connection *tcp_take(struct tcp_incoming *incoming, const struct tcp_options *options,
    const struct tcp_ops *ops, void *arg);

#endif
