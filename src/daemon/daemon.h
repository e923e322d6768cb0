/*
 * daemon: everything that metallbd has, and how it is joined. Data flows one way, level-triggered:
 * Services, settings, the own Node and the interfaces make a plan (announce/plan); the plan says
 * which addresses this node wants (leases); the Leases say which of them it announces (l2). Beside
 * it, on the daemon that holds the Lease `allocator`: Services -> allocation -> status.
 *
 * The parts reach one another only through the calls in daemon.c; status, metrics and control read
 * them.
 */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "daemon/claims.h"
#include "daemon/credentials.h"
#include "daemon/warnings.h"
#include "io/loop.h"
#include "util/addr.h"
#include "util/mono.h"

struct allocation;
struct api;
struct bgp;
struct control;
struct drain;
struct events;
struct l2;
struct leases;
struct metrics;
struct netlink;
struct node;
struct permissions;
struct plan;
struct probes;
struct routes;
struct saved;
struct sd;
struct services;
struct settings;

/* A stop that takes longer ends without the rest being released: under TimeoutStopSec of the unit.
 */
#define DAEMON_STOP_USEC (18 * USEC_PER_SEC)

#define DAEMON_REPLAN_PAUSE 49
#define DAEMON_REPLAN_URGENT_PAUSE 4

/* After a plan, at most once in this time, memory goes back to the system. */
#define DAEMON_TRIM_USEC (30 * USEC_PER_SEC)

struct daemon {
	struct loop *loop;
	struct sd *sd;
	const char *path; /* of metallb.conf; the caller's */
	struct settings *settings;
	bool debug; /* -d: log.level of the file does not count */
	int64_t started_wall_usec, loaded_wall_usec;
	/* Of the settings in force; warnings at most. */
	struct config_report loaded;
	/* The last reload was refused: these are its errors, older settings are in force. */
	bool stale;
	struct config_report refused;
	char instance_id[33], boot_id[40], machine_id[17], hostname[254];
	int state_lock;
	struct drain *drain;
	struct netlink *netlink;
	struct l2 *l2;
	struct bgp *bgp;
	struct api *api;
	unsigned api_generation; /* the watches were told of */
	struct permissions *permissions;
	struct events *events;
	struct node *node;
	struct services *services;
	struct saved *saved;
	struct leases *leases;
	struct allocation *allocation;
	struct probes *probes;
	struct control *control;
	struct metrics *metrics;
	struct plan *plan;      /* NULL until Services and Node are known */
	struct routes *routes;  /* of the same moment */
	struct ip_addr *wanted; /* addresses that leases was told of, sorted */
	size_t n_wanted;
	bool services_listed; /* leases was told */
	bool stopping;
	bool released, sessions_ended; /* while stopping: what is done of it */
	uint64_t reloads, reload_errors;
	struct claims claims;
	struct credentials credentials;
	struct warnings warnings;
	struct loop_deferred replan, refresh;
	mono_t planned;         /* when the last plan was done, */
	int64_t plan_cost_usec; /* and what it took */
	struct loop_timer stop_timer, replan_timer, trim_timer;
	struct loop_gap gap;
	struct loop_deferred gap_over;
	struct loop_signal sighup, sigterm, sigint, sigusr1;
};

/*
 * Starts everything; takes settings. 0, or -errno after an err line: the process is to end with
 * status 1. `daemon` is all zeros but for path, loaded, debug and loop.
 */
int daemon_start(struct daemon *daemon, struct settings *settings);
/* Frees everything that daemon_start() made, also after it failed. */
void daemon_free(struct daemon *daemon);
/* Plan again soon: after a pause of DAEMON_REPLAN_PAUSE times what the last plan took. */
void daemon_replan(struct daemon *daemon);
/* The same for what ends an address here, or lets it begin: interfaces and health. */
void daemon_replan_urgent(struct daemon *daemon);
/* Reads the file again. 0 with what changed in *ret_diff (config_diff_fini()), or -errno: nothing
 * changed, daemon->refused says why. */
int daemon_reload(struct daemon *daemon, struct config_diff *ret_diff);
/* Drained, or no longer, from now on and over restarts. 0, or -errno: the state directory cannot be
 * written, nothing changed. */
int daemon_drain(struct daemon *daemon, bool on);
/* SIGTERM: hands over what this node holds, then ends the loop. */
void daemon_stop(struct daemon *daemon);

#endif
