/*
 * lease_sim: some nodes with their leader, membership and ownership machines over one small API, in
 * virtual time. The scripts (replay_lease) and the random schedules (lease_random) both run on it.
 *
 * The API keeps Leases with resourceVersion and tells each node's watch of every change, in order
 * and late. A node can be killed, stopped cleanly, frozen, cut off from the API, or see a frozen
 * watch, and answers to it can be lost after their request was applied.
 */
#ifndef TESTS_REPLAY_LEASE_SIM_H
#define TESTS_REPLAY_LEASE_SIM_H

#include "lease/leader.h"
#include "lease/membership.h"
#include "lease/ownership.h"
#include "util/str.h"

#define SIM_MAX_NODES 8
#define SIM_MAX_ADDRESSES 64
#define SIM_TIMEOUT_USEC (2 * USEC_PER_SEC) /* of a request whose answer is lost */
#define SIM_FRAME_USEC (500)                /* from one node to another on the LAN */
#define SIM_BURST 5                         /* announcements at once, so far apart: */
#define SIM_BURST_USEC (1100 * USEC_PER_MSEC)
#define SIM_REFRESH_USEC (120 * USEC_PER_SEC)

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

enum sim_action_kind {
	SIM_APPLY,
	SIM_ANSWER,
	SIM_LIST,
	SIM_FRAME, /* another node's announcement arrives */
	SIM_ACTION_COUNT
};

struct sim_action {
	TAILQ_ENTRY(sim_action) entry;
	enum sim_action_kind kind;
	mono_t at;
	unsigned node, instance;
	unsigned address, from; /* of a frame */
	enum lease_op op;
	char *name;
	struct lease *lease; /* of the request, then of the answer */
	enum lease_result result;
};

struct sim_node {
	char *name, *machine;
	bool running, frozen, stopping, watch_frozen, link;
	enum sim_api api;
	unsigned instance;
	uint8_t weight;
	uint64_t settings_hash;
	int64_t duration_usec;
	struct lease_table leases;
	struct lease_outbox out;
	struct membership membership;
	struct leader leader;
	struct ownership ownership;
	bool watching, listing;
	size_t cursor; /* the next change that its watch is to show */
	mono_t next_change;
	bool eligible[SIM_MAX_ADDRESSES], serving[SIM_MAX_ADDRESSES];
	bool announcing[SIM_MAX_ADDRESSES]; /* it answers for it */
	enum ownership_voice voice[SIM_MAX_ADDRESSES];
	unsigned burst_left[SIM_MAX_ADDRESSES];
	mono_t next_frame[SIM_MAX_ADDRESSES]; /* its next announcement; MONO_NEVER */
	bool drained;
	unsigned lan; /* only nodes in one part of a split LAN hear each other */
	int64_t rebalance_usec;
	mono_t healthy_since; /* MONO_NEVER while something is wrong with it */
	struct strbuf said;   /* its events, one line each */
	struct strbuf sent;   /* its requests, one line each */
};

struct sim {
	mono_t now;
	struct prng prng;
	bool random;            /* delays vary */
	bool trace;             /* prints what happens, as TAP comments */
	unsigned lose_permille; /* of the answers */
	int64_t delay_usec;     /* one way */
	uint64_t resource_version;
	struct lease_table api;
	struct sim_change *history;
	size_t n_history, cap_history;
	TAILQ_HEAD(, sim_action) actions;
	struct sim_node nodes[SIM_MAX_NODES];
	unsigned n_nodes;
	struct ip_addr addresses[SIM_MAX_ADDRESSES];
	bool service[SIM_MAX_ADDRESSES];
	unsigned n_addresses;
	struct lease_table saved; /* of sim_save() */
	/* Called after every step; for invariants. */
	void (*check)(struct sim *sim, void *arg);
	void *arg;
};

void sim_init(struct sim *sim, uint64_t seed);
void sim_fini(struct sim *sim);
unsigned sim_add_node(struct sim *sim, const char *name);
/* Its index; adds it when it is new. */
unsigned sim_address(struct sim *sim, const struct ip_addr *addr);
/* Everything that happens up to `until`. False when the nodes are busy without end. */
bool sim_run(struct sim *sim, mono_t until);
/* With sim->trace. */
void sim_trace(const struct sim *sim, unsigned node, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

void sim_start(struct sim *sim, unsigned node);
void sim_kill(struct sim *sim, unsigned node);
/* SIGTERM */
void sim_stop(struct sim *sim, unsigned node);
/* After any change of its fields by hand: tells its machines. */
void sim_configure(struct sim *sim, unsigned node);
void sim_service(struct sim *sim, unsigned address, bool on);
void sim_eligible(struct sim *sim, unsigned node, unsigned address, bool eligible, bool serving);
void sim_drain(struct sim *sim, unsigned node, bool drained);
/* It announces the address, to those that hear it. */
void sim_frame(struct sim *sim, unsigned node, unsigned address);
/* As after a gap in its time. */
void sim_doubt(struct sim *sim, unsigned node);
/* As kubectl would: NULL deletes. Takes `lease`. */
void sim_write(struct sim *sim, const char *name, struct lease *lease);
void sim_save(struct sim *sim);
void sim_restore(struct sim *sim);

#endif
