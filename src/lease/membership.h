/*
 * membership: our heartbeat (Lease node-NAME), and which other nodes live.
 *
 * A node lives while its Lease is seen to change within the leaseDurationSeconds that it states
 * itself, by our clock. That is believed only in a *fresh view*: our own heartbeat came back on our
 * own watch within a third of its duration. If it did not, the watch may be frozen or our process
 * may have been: the view is lost, the Leases are listed again, and all ages start anew.
 *
 * The durations grow with the number of members, so that all heartbeats together stay under 12
 * writes per second however many they are.
 *
 * Two nodes with one name: an own Lease that was changed by an instance which is neither ours nor
 * our predecessor (the one that stood there when we started) makes this daemon a `duplicate`: it
 * may announce nothing and writes nothing, until the other has been silent for its duration when
 * looked at again, each minute. A starting daemon that finds its name alive with another machine's
 * id waits for one duration first, so that the newcomer with the wrong name gives way and not the
 * node that works. An unknown instance of our own machine is overwritten once, and again if it is
 * the same record to the microsecond: so looks our own past after etcd was restored from a backup.
 *
 * On the daemon that leads, Leases of nodes that have been dead or released for an hour, and hold
 * no address, are deleted: a node that comes back writes its Lease anew.
 *
 * Owned by the glue; the lease table and the outbox must outlive it. Not here yet, and where they
 * join: LAN sessions (a further cause of death in membership_life()).
 */
#ifndef LEASE_MEMBERSHIP_H
#define LEASE_MEMBERSHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lease/member.h"
#include "lease/rank.h"
#include "lease/record.h"
#include "lease/request.h"
#include "lease/timer.h"
#include "util/list.h"
#include "util/map.h"
#include "util/mono.h"
#include "util/prng.h"
#include "util/rate.h"

#define MEMBERSHIP_MAX_MEMBERS 8192     /* more node Leases are passed over, and that is said */
#define MEMBERSHIP_MAX_MACS 32768       /* more are strangers' */
#define MEMBERSHIP_SLOW_SECONDS 60      /* without an L2 advertisement */
#define MEMBERSHIP_MEMBERS_PER_SECOND 4 /* of duration */
#define MEMBERSHIP_MAX_SECONDS 3600     /* a longer duration of a record is cut to this */
#define MEMBERSHIP_RETRY_USEC                                                 \
	USEC_PER_SEC /* after a failed write; doubles, with jitter, to 1/6 of \
			the duration */
#define MEMBERSHIP_CONTENT_INTERVAL_USEC \
	(5 * USEC_PER_SEC)         /* writes for changed content: one each, */
#define MEMBERSHIP_CONTENT_BURST 3 /* after so many at once */
#define MEMBERSHIP_DUPLICATE_USEC USEC_PER_MIN
#define MEMBERSHIP_SWEEP_USEC (60 * USEC_PER_MIN) /* after the last sign of life */
#define MEMBERSHIP_SWEEP_RETRY_USEC USEC_PER_MIN

enum membership_state {
	MEMBERSHIP_STARTING, /* the Leases or our content are not known yet */
	MEMBERSHIP_DOUBTFUL, /* our name is held by another machine: waiting for it to be silent */
	MEMBERSHIP_ACTIVE,
	MEMBERSHIP_DUPLICATE,
	MEMBERSHIP_RELEASING, /* writing the empty holder */
	MEMBERSHIP_RELEASED,
	MEMBERSHIP_STATE_COUNT
};

enum membership_view {
	VIEW_NONE,   /* never listed */
	VIEW_LISTED, /* waiting for our heartbeat to come back */
	VIEW_FRESH,
	VIEW_LOST, /* waiting for a list */
	VIEW_COUNT
};

enum member_state {
	MEMBER_LIVE,
	MEMBER_EXPIRED, /* aged out, in a fresh view */
	MEMBER_RELEASED,
	MEMBER_STATE_COUNT
};

/* The one GET before a claim by age. */
enum member_proof {
	PROOF_NONE,
	PROOF_WANTED, /* asked for, or the request failed: again at the member's deadline */
	PROOF_ASKED,
	PROOF_DEAD, /* the GET shows no change */
	PROOF_COUNT
};

/* What a claimant of a dead node's address wants to know of its holder. */
enum member_life {
	LIFE_LIVING, /* or not known to be dead */
	LIFE_SILENT, /* aged out or released, the GET stands out */
	LIFE_DEAD,
	LIFE_COUNT
};

/* By it a frame on the LAN is known to be a member's. Kept when its Lease goes: its daemon may go
 * on all the same. */
struct member_mac {
	struct map_node node; /* in membership.macs, by mac */
	struct mac_addr mac;
	char *name; /* of the node that said so last */
};

struct member {
	struct map_node node; /* in membership.members, by name */
	char *name;           /* of the node */
	bool present;         /* its Lease exists; false: only the holder of some address */
	enum member_state state;
	struct member_info *info; /* in `arena`; NULL while not present */
	struct arena *arena;
	uint64_t version, content; /* hashes of the resourceVersion and of the annotations */
	mono_t changed;            /* when it was last seen to change, or to be gone */
	mono_t settled;            /* since when it is what it is: its state, and what it says */
	int64_t duration_usec;
	enum member_proof proof;
	bool named_since;   /* a Lease was found to name it after the GET was sent */
	bool deleting;      /* the sweep's request is in flight */
	bool said_down;     /* to people; not again before it was seen alive */
	unsigned refs;      /* addresses that name it as holder (ownership) */
	struct timer timer; /* of its expiry, the GET's repetition, or the sweep */
	bool queued;        /* in membership.changed */
	TAILQ_ENTRY(member) entry;
};

/* Fixed for the life of the process. All copied. */
struct membership_config {
	const char *node;
	uint64_t seed;
};

struct membership {
	char *node, *lease_name;
	const struct lease_table *leases;
	struct lease_outbox *out;
	struct lease_record record; /* of our own */
	struct prng prng;
	enum membership_state state;
	enum membership_view view;
	bool l2;                  /* has an L2 advertisement: the fast heartbeat */
	int64_t setting_usec;     /* failover.lease-duration */
	struct lease *content;    /* our annotations, as wanted; NULL until told */
	struct member_info *info; /* the same, in content->arena */
	bool content_changed;     /* since the last write that was sent */
	struct rate content_rate;
	char
	    *predecessor; /* instance that stood in our Lease when we began; NULL once it is ours */
	int64_t duration_usec; /* of the last heartbeat that was sent */
	mono_t last_write;     /* when that was */
	mono_t not_before;     /* after a failure */
	unsigned failures;     /* of writes, in a row; a conflict counts */
	mono_t listed_at;      /* a heartbeat that makes the view fresh was sent after this */
	mono_t tolerated;      /* when an unknown instance of this machine was last overwritten */
	int64_t tolerated_renewal; /* its renewTime, 0 without one; only compared for equality */
	uint64_t version;          /* of our Lease, as last looked at */
	mono_t foreign_since;      /* when another instance was last seen to change our Lease */
	mono_t look_again;         /* DOUBTFUL and DUPLICATE */
	struct member *members;    /* by name; ours too */
	struct member_mac *macs;
	bool leading; /* sweeps */
	unsigned n_live, n_present;
	bool too_many;       /* said */
	uint64_t generation; /* changes with every change of a member's state or content */
	struct timer_queue timers;
	TAILQ_HEAD(, member) changed; /* whose life changed, for ownership */
};

enum hash_majority {
	HASH_MAJORITY_NONE, /* no settings are on more than half of the live members */
	HASH_MAJORITY_OURS,
	HASH_MAJORITY_OTHER,
	HASH_MAJORITY_COUNT
};

void membership_init(struct membership *m, const struct membership_config *config,
    const struct lease_table *leases, struct lease_outbox *out, mono_t now);
void membership_fini(struct membership *m);
/*
 * What our heartbeat says; copied. Nothing is written before the first call. A change is written
 * soon (a few at once, then one each 5 s), the same content again costs nothing.
 * setting_usec: failover.lease-duration; l2: some L2 advertisement exists.
 */
void membership_set(struct membership *m, const struct member_info *info, int64_t setting_usec,
    bool l2, mono_t now);
/* leading: deletes the Leases of nodes long dead. */
void membership_set_leading(struct membership *m, bool leading, mono_t now);
/* The table changed at the name of a node Lease ("node-..."), ours or another's. */
void membership_observe(struct membership *m, const char *lease_name, mono_t now);
/* The table holds a (new) list, whose differences were all observed. */
void membership_listed(struct membership *m, mono_t now);
/* To a request for any "node-..." Lease. */
void membership_answered(struct membership *m, const char *lease_name, enum lease_result result,
    const struct lease *answer, mono_t now);
/* SIGTERM, after ownership: writes the empty holder and a duration of 1 s. */
void membership_release(struct membership *m, mono_t now);
bool membership_is_released(const struct membership *m);
void membership_tick(struct membership *m, mono_t now);
mono_t membership_next_deadline(const struct membership *m);

/* May act under this name: not starting, doubtful, duplicate or released. */
bool membership_is_active(const struct membership *m);
/* Active, and our own heartbeat keeps us alive in the eyes of the others: who claims must. */
bool membership_is_alive(const struct membership *m, mono_t now);
/* Send time of the last heartbeat that the server confirmed; RECORD_LONG_AGO without one. */
mono_t membership_renewed(const struct membership *m);
bool membership_is_fresh(const struct membership *m, mono_t now);
/* Live members, ours included. */
unsigned membership_count(const struct membership *m);
/* NULL when unknown. For a loop over all: MAP_FOREACH(member, m->members), in no fixed order. */
const struct member *membership_find(const struct membership *m, const char *node);
/* The node that said last that it has that MAC on one of its interfaces, dead or gone ones too;
 * NULL when none did. Valid until the next call that observes. */
const char *membership_node_by_mac(const struct membership *m, const struct mac_addr *mac);
/* The same as a member; NULL when its Lease is gone, too. */
const struct member *membership_by_mac(const struct membership *m, const struct mac_addr *mac);
/* Known from before a restart. */
void membership_know_mac(struct membership *m, const struct mac_addr *mac, const char *node);
/* Whether it is on one of our own interfaces. */
bool membership_is_own_mac(const struct membership *m, const struct mac_addr *mac);
/* Live nodes, ours included, with an address in one of the subnets: the members of an interface. */
unsigned
membership_count_on(const struct membership *m, const struct ip_prefix *subnets, size_t n_subnets);
/* Whether all members of the subnets are excluded: then the label is to be ignored (and said). */
bool membership_all_excluded(
    const struct membership *m, const struct ip_prefix *subnets, size_t n_subnets);
/*
 * Other live candidates that claim addr before us, counted up to RANK_STEPS_MAX; not `except`, its
 * holder that offers it. A node that claims although it is excluded does so because all are: then
 * exclusion counts for nobody.
 */
unsigned membership_count_ahead(const struct membership *m, const struct ip_addr *addr,
    const struct rank_scope *scope, const char *except);
/* The live candidate that ranks first for addr; NULL when that is us, or nobody. */
const struct member *membership_home(
    const struct membership *m, const struct ip_addr *addr, const struct rank_scope *scope);
/* Whether node `a` ranks before `b`, candidates or not. */
bool membership_ranks_before(const struct membership *m, const char *a, const char *b,
    const struct ip_addr *addr, const struct rank_scope *scope);
enum hash_majority membership_hash_majority(const struct membership *m);

/* For ownership. The holder of an address is followed even if it has no Lease; each hold needs one
 * drop. NULL when there are too many: a holder that lives for ever. */
struct member *membership_hold(struct membership *m, const char *node, mono_t now);
/* A Lease is found to name it, perhaps by an answer that is newer than the watch: what made it dead
 * may be older than that, and is to be proven anew. NULL is allowed. */
void membership_named(struct member *member);
void membership_drop(struct membership *m, struct member *member);
enum member_life
membership_life(const struct membership *m, const struct member *member, mono_t now);
/* Asks for the GET that makes SILENT DEAD, once for all who want it. */
void membership_prove(struct membership *m, struct member *member, mono_t now);
/* A member whose life changed since the last call; NULL when there is none. */
struct member *membership_take_changed(struct membership *m);

const char *membership_state_str(enum membership_state state);
const char *membership_view_str(enum membership_view view);
const char *member_state_str(enum member_state state);
const char *member_proof_str(enum member_proof proof);
const char *member_life_str(enum member_life life);
const char *hash_majority_str(enum hash_majority majority);

#endif
