/*
 * peer: one BGP router: its session (bgp/session), its TCP connections, and the log lines about it.
 * Owned by bgp; its name is that in the file.
 */
#ifndef DAEMON_PEER_H
#define DAEMON_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "announce/routes.h"
#include "bgp/session.h"
#include "io/loop.h"
#include "io/tcp.h"
#include "model/settings.h"
#include "util/link.h"
#include "util/list.h"
#include "util/rate.h"

/* Handed to the kernel at once, and so often in one turn for one peer. */
#define PEER_SEND_BYTES (64 * 1024)
#define PEER_SENDS_PER_TURN 8
/* A draining peer announces with GRACEFUL_SHUTDOWN for so long before it withdraws. */
#define PEER_DRAIN_USEC (2 * USEC_PER_SEC)

/* What all peers share. */
struct peer_context {
	struct loop *loop;
	struct tcp *tcp;
	struct bgp_attribute_pool attributes;
	const struct link_table *links;
	uint8_t *send_buffer;       /* PEER_SEND_BYTES */
	void (*changed)(void *arg); /* the state of a session; from any call */
	void *arg;
};

struct peer {
	struct peer_context *context;
	const struct settings_peer *settings; /* valid until the next peer_configure() */
	char *name;
	uint32_t identifier;
	char *key;       /* for TCP-MD5: password, or the first line of password-file; NULL: none */
	char *key_error; /* password-file cannot be read; then there is no connection */
	bool listener_key_failed; /* then incoming ones are refused: they would be unsigned */
	struct bgp_session *session;
	struct tcp_address remote; /* of `interface`: family NONE until its neighbour is known */
	struct slot {
		struct peer *peer;
		unsigned index;
		struct tcp_connection *conn;
	} slots[BGP_SLOTS];
	struct loop_timer timer;
	struct loop_deferred pump;
	struct rate said;
	bool pumping, drained;
	TAILQ_ENTRY(peer) entry;
};

/* Not started. */
struct peer *peer_new(struct peer_context *context, const struct settings_peer *settings,
    uint32_t identifier, const struct bgp_restart *restart, uint64_t seed);
/* Closes its connections without a word, as a restart does. NULL is allowed. */
void peer_free(struct peer *peer);

/*
 * Reads password-file anew and takes the settings over: what needs another connection, or another
 * OPEN, resets the session; the same again sends nothing.
 */
void peer_configure(struct peer *peer, const struct settings_peer *settings);
void peer_start(struct peer *peer);
void peer_stop(struct peer *peer, enum bgp_cease why, const char *text);
void peer_drain(struct peer *peer, const char *text);
/* What it shall have; complete: that is all of it, End-of-RIB may follow. */
void peer_set_routes(struct peer *peer, const struct route_group *group, bool complete);
/* Where an unnumbered peer is; family NONE is ignored. */
void peer_set_remote(struct peer *peer, const struct ip_addr *ip, int ifindex);
/* Takes a connection from its address, or leaves it. */
void peer_incoming(struct peer *peer, struct tcp_incoming *incoming);
/* For people: "tor-a (192.0.2.1)". The caller frees. */
char *peer_label(const struct peer *peer);

#endif
