/*
 * bgp: announces routes to routers. Joins bgp/session (in peer), listeners and neighbours with
 * announce/routes: it keeps one session for each peer of the settings that acts on this node, and
 * gives it its routes.
 *
 * Graceful restart (RFC 4724): a process that ends without a word leaves the routes with the
 * routers that help; the next one says so in its first OPENs (R), and whether the machine ran on in
 * between (F). For that a file in the state directory names the boot during which sessions stood;
 * bgp_stop() makes it empty. End-of-RIB waits until all routes are known.
 */
#ifndef DAEMON_BGP_H
#define DAEMON_BGP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "announce/routes.h"
#include "daemon/peer.h"
#include "model/settings.h"
#include "util/link.h"

struct bgp;
struct loop;

/* A session came up or went down. */
typedef void bgp_changed_fn(void *arg);
/* After bgp_stop(): all sessions have ended, and what was to be said to the routers is said. */
typedef void bgp_stopped_fn(void *arg);

struct bgp_options {
	const struct settings *settings;
	const struct link_table *links;
	const char *boot_id; /* "": not known, nothing is taken for preserved */
	uint64_t seed;
	bgp_changed_fn *changed;
	bgp_stopped_fn *stopped;
	void *arg;
};

/*
 * After a restart the sessions with peers without node-selectors begin at once, without routes:
 * then the API server may be away, and the routers keep what they have.
 */
struct bgp *bgp_new(struct loop *loop, const struct bgp_options *options);
/* Without a word to anyone, as a restart wants it. NULL is allowed. */
void bgp_free(struct bgp *bgp);
/* A reload; before the old settings are freed. */
void bgp_set_settings(struct bgp *bgp, const struct settings *settings);
/* Interfaces changed; the table is valid until the next call. */
void bgp_set_links(struct bgp *bgp, const struct link_table *links);
/* Of the settings in force. Which peers act comes from it too. complete: nothing is missing because
 * it is not known yet, so End-of-RIB may follow. */
void bgp_set_routes(struct bgp *bgp, const struct routes *routes, bool complete);
/*
 * Drain: announces with GRACEFUL_SHUTDOWN (RFC 8326), withdraws after PEER_DRAIN_USEC, and ends the
 * sessions with Cease, Administrative Shutdown and this text (RFC 9003), until drained is false.
 */
void bgp_set_drained(struct bgp *bgp, bool drained, const char *text);
/* The same for good; calls stopped(). */
void bgp_stop(struct bgp *bgp, const char *text);

/* In the order of the file; NULL first gives the first, and after the last NULL. */
const struct peer *bgp_next_peer(const struct bgp *bgp, const struct peer *previous);
const struct peer *bgp_find_peer(const struct bgp *bgp, const char *name);
size_t bgp_count(const struct bgp *bgp);
size_t bgp_established(const struct bgp *bgp);
/* Whether every session has ended after bgp_set_drained(). */
bool bgp_is_drained(const struct bgp *bgp);
/* Routers cannot connect, since port 179 could not be had. */
bool bgp_cannot_listen(const struct bgp *bgp);
const struct tcp_stats *bgp_tcp_stats(const struct bgp *bgp);

#endif
