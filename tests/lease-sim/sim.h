/*
 * sim: some daemons with their leader, membership and ownership machines, one API server and one
 * LAN, in virtual time. The replay scripts (tests/replay/replay_lease) and the random schedules
 * (lease-sim) both run on it.
 *
 * The API server keeps Leases with resourceVersion and tells each node's watch of every change, in
 * order and late. The LAN carries announcements to every node in the same part of it. A node has a
 * clock of its own, which may run at another rate, and can be killed, stopped, frozen, cut off from
 * the API or the LAN, see a frozen or a slow watch, and lose answers to what was applied.
 *
 * What the daemon does around its machines is done here the same way: a gap in its time puts all in
 * doubt before anything that waited is looked at, and what its Leases named it for is remembered
 * over a restart.
 */
#ifndef TESTS_LEASE_SIM_SIM_H
#define TESTS_LEASE_SIM_SIM_H

#include "lease/leader.h"
#include "lease/membership.h"
#include "lease/ownership.h"
#include "lease/timer.h"
#include "util/str.h"

#define SIM_MAX_NODES 128                    /* with machines; more are ghosts */
#define SIM_START (1000 * USEC_PER_SEC)      /* when everything begins */
#define SIM_TIMEOUT_USEC (2 * USEC_PER_SEC)  /* of a request whose answer is lost */
#define SIM_FRAME_USEC 500                   /* from one node to another on the LAN */
#define SIM_PROBE_USEC (200 * USEC_PER_MSEC) /* an unanswered probe */
#define SIM_BURST 5                          /* announcements, so far apart: */
#define SIM_BURST_USEC (1100 * USEC_PER_MSEC)
#define SIM_REFRESH_USEC (120 * USEC_PER_SEC)
#define SIM_GAP_USEC (500 * USEC_PER_MSEC) /* of its own time that a daemon notices */
#define SIM_HOLD_OVER_USEC (5 * USEC_PER_MIN)

enum sim_api {
	SIM_API_UP,
	SIM_API_DOWN,    /* nothing is sent; the watch is silent too */
	SIM_API_LOST,    /* requests are applied, their answers lost */
	SIM_API_REFUSED, /* 403 to every write */
	SIM_API_COUNT
};

struct sim_change {
	mono_t at;
	char *name;
	struct lease *lease; /* NULL: deleted */
};

enum sim_event_kind {
	SIM_WAKE,     /* a node's own deadline, or its watch's */
	SIM_ANNOUNCE, /* a node's next announcement of one address */
	SIM_APPLY,
	SIM_ANSWER,
	SIM_LIST,
	SIM_FRAME, /* another node's announcement arrives */
	SIM_PROBED,
	SIM_GHOST, /* the heartbeat of a node without machines */
	SIM_EVENT_COUNT
};

struct sim_event {
	struct timer timer; /* first, so that one is the other */
	enum sim_event_kind kind;
	unsigned node, instance; /* whose */
	unsigned address, from;  /* SIM_ANNOUNCE, SIM_FRAME, SIM_PROBED */
	enum lease_op op;
	char *name;
	struct lease *lease; /* of the request, then of the answer */
	enum lease_result result;
	TAILQ_ENTRY(sim_event) entry; /* waits for its node to thaw */
};

TAILQ_HEAD(sim_events, sim_event);

/* One address on one node. */
struct sim_port {
	bool eligible, serving; /* what the plan would say */
	enum ownership_voice voice;
	bool saved; /* in the state directory */
	unsigned burst_left;
	struct sim_event announce;
};

struct sim_node {
	char *name, *machine;
	bool running, frozen, stopping, watch_frozen, link, drained, excluded;
	enum sim_api api;
	int64_t watch_lag_usec; /* more than the others' */
	unsigned lan;           /* only nodes in one part of a split LAN hear each other */
	int64_t rate_ppm;       /* of its clock */
	unsigned instance;
	uint8_t weight;
	uint64_t settings_hash;
	int64_t duration_usec, rebalance_usec;
	bool release_on_api_loss;
	struct lease_table leases;
	struct lease_outbox out;
	struct membership membership;
	struct leader leader;
	struct ownership ownership;
	bool watching, listing;
	uint64_t cursor; /* the next change that its watch is to show */
	mono_t next_change;
	struct sim_event wake;
	struct sim_events waiting; /* what comes in while it is frozen */
	struct sim_port *ports;    /* one for each address */
	mono_t last_turn;          /* for gaps */
	bool saved_macs[SIM_MAX_NODES];
	mono_t saved_at;        /* of the state directory; same boot */
	mono_t healthy_since;   /* MONO_NEVER while something is wrong with it */
	uint64_t writes, reads; /* requests that it sent */
	struct strbuf said;     /* its events, one line each */
	struct strbuf sent;     /* its requests, one line each */
};

struct sim {
	mono_t now;
	struct prng prng;
	bool random;            /* delays vary */
	bool trace;             /* prints what happens, as TAP comments */
	bool forgetful;         /* does not keep `said` and `sent` */
	bool no_lan;            /* no announcements are carried */
	unsigned lose_permille; /* of the answers */
	int64_t delay_usec;     /* one way */
	uint64_t resource_version;
	uint64_t writes, reads; /* that reached the server */
	struct lease_table api;
	struct sim_change *history; /* [0] has number history_base */
	size_t n_history, cap_history;
	uint64_t history_base;
	struct timer_queue timers;
	uint64_t order; /* of what is set for one microsecond */
	struct sim_node *nodes[SIM_MAX_NODES];
	unsigned n_nodes, n_ghosts;
	struct ip_addr *addresses;
	bool *service;
	unsigned n_addresses, cap_addresses, max_addresses;
	struct lease_table saved; /* of sim_save() */
	/* Called after every step; for invariants. */
	void (*check)(struct sim *sim, void *arg);
	/* A node is about to write a Lease; before: NULL when there is none; after: NULL when it
	 * deletes it. */
	void (*writes_lease)(struct sim *sim, void *arg, const char *name,
	    const struct lease *before, const struct lease *after);
	void *arg;
};

/* Addresses at most: every node has a port for each. */
void sim_init(struct sim *sim, uint64_t seed, unsigned max_addresses);
void sim_fini(struct sim *sim);
unsigned sim_add_node(struct sim *sim, const char *name);
/* Nodes that only write heartbeats, each third of `duration_usec`. */
void sim_add_ghosts(struct sim *sim, unsigned count, int64_t duration_usec);
/* Its index; adds it when it is new. */
unsigned sim_address(struct sim *sim, const struct ip_addr *addr);
/* Everything that happens up to `until`. False when the nodes are busy without end. */
bool sim_run(struct sim *sim, mono_t until);
/* With sim->trace. */
void sim_trace(const struct sim *sim, unsigned node, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Whether the node answers for the address on the wire. */
bool sim_answers(const struct sim *sim, unsigned node, unsigned address);
struct mac_addr sim_mac(unsigned node);
bool sim_hears(const struct sim *sim, unsigned node, unsigned from);

void sim_start(struct sim *sim, unsigned node);
/* SIGKILL or SIGUSR1; with `reboot` power loss. */
void sim_kill(struct sim *sim, unsigned node, bool reboot);
/* SIGTERM */
void sim_stop(struct sim *sim, unsigned node);
void sim_freeze(struct sim *sim, unsigned node, bool frozen);
/* After any change of its fields by hand: tells its machines. */
void sim_configure(struct sim *sim, unsigned node);
void sim_service(struct sim *sim, unsigned address, bool on);
void sim_eligible(struct sim *sim, unsigned node, unsigned address, bool eligible, bool serving);
void sim_drain(struct sim *sim, unsigned node, bool drained);
/* As after a gap in its time. */
void sim_doubt(struct sim *sim, unsigned node);
/* It announces the address, to those that hear it. */
void sim_frame(struct sim *sim, unsigned node, unsigned address);
/* As kubectl would: NULL deletes. Takes `lease`. */
void sim_write(struct sim *sim, const char *name, struct lease *lease);
void sim_save(struct sim *sim);
void sim_restore(struct sim *sim);

/* --- between the files of the simulator --- */

int64_t sim_delay(struct sim *sim);
struct sim_event *
sim_event_new(struct sim *sim, enum sim_event_kind kind, unsigned node, int64_t delay_usec);
void sim_event_set(struct sim *sim, struct sim_event *event, mono_t at);
void sim_event_free(struct sim_event *event);
/* api.c: the server. Takes the request. */
void sim_send(struct sim *sim, unsigned node, struct lease_request *request);
void sim_apply(struct sim *sim, struct sim_event *event);
void sim_ghost(struct sim *sim, struct sim_event *event);
/* The change of that number, NULL when the watch has shown all. */
const struct sim_change *sim_change(const struct sim *sim, uint64_t number);
/* node.c: a daemon. */
mono_t sim_node_now(const struct sim *sim, unsigned node);
void sim_node_event(struct sim *sim, struct sim_event *event);
void sim_node_wake(struct sim *sim, unsigned node);
/* A change is there for its watch. */
void sim_node_watch(struct sim *sim, unsigned node);
void sim_node_free(struct sim *sim, unsigned node);

#endif
