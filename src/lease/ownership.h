/*
 * ownership: which addresses this node owns. For each address one Lease ip-ADDRESS, whose
 * holderIdentity is the owner; two cannot both write it. Written on change, never renewed: its
 * holder's life is the holder's node Lease (membership).
 *
 * A node claims an address when it is eligible and (a) the Lease does not exist or names nobody, or
 * (b) the node that it names is dead: released its node Lease, or aged out in a fresh view with one
 * GET that shows no change. The claim waits for the better ranked. (c) an offer by the holder, and
 * death by a LAN session, come with hand-over and BFD; both become further branches of the one
 * function that decides whether a claim is allowed.
 *
 * It announces once the write is confirmed or its own name is seen, and stops for a *living* other
 * holder only, for lost eligibility, or when the last Service left. A Lease that vanishes, or that
 * is set back (leaseTransitions falls: a restored etcd), ends nothing: its announcer goes on and
 * writes it again, the others wait 3 s. Losing the API ends nothing, unless `release` is set.
 *
 * On the daemon that leads, Leases whose last Service left 60 s ago are deleted.
 *
 * What this level guarantees about two announcers of one address: see doc comment of
 * ownership_is_announcing().
 *
 * 10,000 addresses: events, answers and ticks touch only the addresses that they concern; claims
 * and releases go out at most OWNERSHIP_IN_FLIGHT at once and at a bounded rate; an API that does
 * not answer is asked by one request at a time.
 *
 * Owned by the glue; lease table, outbox and membership must outlive it.
 */
#ifndef LEASE_OWNERSHIP_H
#define LEASE_OWNERSHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lease/membership.h"
#include "lease/rank.h"
#include "lease/record.h"
#include "lease/request.h"
#include "lease/timer.h"
#include "util/addr.h"
#include "util/list.h"
#include "util/map.h"
#include "util/mono.h"
#include "util/prng.h"
#include "util/rate.h"

#define OWNERSHIP_MAX_ADDRESSES 65536                      /* more are not owned by anyone; said */
#define OWNERSHIP_IN_FLIGHT 16                             /* requests unanswered at once */
#define OWNERSHIP_WRITE_INTERVAL_USEC (10 * USEC_PER_MSEC) /* requests: one each, */
#define OWNERSHIP_WRITE_BURST 128                          /* after so many at once */
#define OWNERSHIP_VANISHED_USEC (3 * USEC_PER_SEC)
#define OWNERSHIP_SWEEP_USEC (60 * USEC_PER_SEC)
#define OWNERSHIP_RELEASE_USEC \
	(2 * USEC_PER_SEC) /* at a stop: announcing goes on at most so long */
#define OWNERSHIP_RETRY_USEC (200 * USEC_PER_MSEC) /* doubles, with jitter, to */
#define OWNERSHIP_RETRY_MAX_USEC (10 * USEC_PER_SEC)
#define OWNERSHIP_SERVICES_BYTES 1024 /* of the annotation; then ",+N" */

#define OWNERSHIP_ANNOTATION_SERVICES "metallb.io/services"
/* Reserved for hand-over and for take-over by a LAN session: kept when a Lease is rewritten by its
 * holder, dropped by who claims. */
#define OWNERSHIP_ANNOTATION_HANDOVER "metallb.io/handover"
#define OWNERSHIP_ANNOTATION_TAKEN "metallb.io/taken"

enum ownership_state {
	OWNERSHIP_WAITING,    /* Leases or Services are not known yet */
	OWNERSHIP_UNWANTED,   /* no Service has it: only the sweep cares */
	OWNERSHIP_INELIGIBLE, /* not for this node */
	OWNERSHIP_OTHER,      /* another node holds it and lives */
	OWNERSHIP_CLAIMABLE,  /* ours to claim: waiting for the proof, our rank, or the API */
	OWNERSHIP_CLAIMING,   /* the claim is in flight, or its outcome is looked up */
	OWNERSHIP_OWNER,
	OWNERSHIP_RELEASING, /* ours, the empty holder is to be written */
	OWNERSHIP_STATE_COUNT
};

/* What has to be asked of the API for an address. */
enum ownership_need {
	NEED_NOTHING,
	NEED_GET,      /* the outcome of a write is not known */
	NEED_CLAIM,    /* our name, or again our name after the Lease vanished */
	NEED_RELEASE,  /* the empty holder */
	NEED_ANNOTATE, /* other Services' names */
	NEED_DELETE,   /* the sweep */
	NEED_COUNT
};

/* How we came to own it: decides whether the wire is probed first. */
enum ownership_how {
	OWNERSHIP_FIRST,     /* no member is known to have owned it: probe while answering */
	OWNERSHIP_TAKEN,     /* from a member: announce at once */
	OWNERSHIP_CONTINUED, /* our own Lease from before a restart */
	OWNERSHIP_HOW_COUNT
};

/* An address that some Service has, as seen from this node. All copied. */
struct ownership_want {
	struct ip_addr addr;
	bool eligible;
	const char *reason;          /* why not; "" when eligible */
	const char *const *services; /* "namespace/name", sorted */
	size_t n_services;           /* at least 1 */
	struct rank_scope scope;
};

struct ownership_list;
struct ownership_scope; /* a rank_scope shared by all addresses that have the same */
struct ownership_owner; /* the addresses whose Leases name one node */

struct ownership_address {
	struct map_node node; /* in ownership.addresses, by addr */
	struct ip_addr addr;
	char *lease_name;
	struct lease_record record;
	enum ownership_state state;
	enum ownership_need need;  /* queued, or waiting for retry_at */
	enum ownership_need asked; /* in flight */
	bool wanted, eligible, announcing;
	bool ours;      /* the Lease names us */
	bool was_there; /* the Lease existed when last looked at */
	bool known;     /* or ever, since a Service has the address */
	bool set_back;  /* leaseTransitions fell, and its announcer has not written again yet */
	enum ownership_how how;
	char *services; /* for the annotation, capped */
	char *reason;
	char *why; /* of the claim in flight */
	struct ownership_scope *scope;
	struct ownership_owner *owner;        /* the other node that the Lease names; NULL: none */
	TAILQ_ENTRY(ownership_address) owned; /* in owner->addresses */
	int32_t transitions;                  /* as last believed */
	int32_t floor;                        /* a Lease that shows less was set back */
	int64_t acquire_time_usec;            /* of our own holding */
	mono_t unwanted_since;                /* MONO_NEVER while wanted */
	mono_t hold_off;                      /* vanished or set back: no claim by others before */
	mono_t claim_at;                      /* MONO_NEVER while there is nothing to claim */
	mono_t retry_at;
	uint8_t failures;
	bool todo_queued, change_queued;
	struct ownership_list *queue; /* urgent or lazy, while a request is to be sent */
	struct timer timer;
	TAILQ_ENTRY(ownership_address) ready;   /* in `queue` */
	TAILQ_ENTRY(ownership_address) changes; /* in ownership.changes */
	TAILQ_ENTRY(ownership_address) todo;    /* in ownership.todo: to be looked at */
};

TAILQ_HEAD(ownership_list, ownership_address);

struct ownership {
	struct membership *members;
	const struct lease_table *leases;
	struct lease_outbox *out;
	struct prng prng;
	bool listed, services_listed, leading, releasing;
	bool release_on_api_loss; /* failover.on-api-loss = "release" */
	bool silent, can_claim;   /* gates for all addresses, as of the last tick */
	mono_t release_deadline;
	struct ownership_address *addresses; /* by addr */
	struct ownership_owner *owners;      /* by node name */
	struct ownership_scope *scopes;      /* by hash */
	struct timer_queue timers;
	struct ownership_list todo, urgent, lazy, changes;
	unsigned n_in_flight, n_ours, n_announcing, n_failures;
	struct rate rate;
	mono_t paused_until; /* the API did not answer */
	bool too_many;       /* said */
};

/* For the announcer. */
struct ownership_change {
	struct ip_addr addr;
	bool announce;
	enum ownership_how how; /* with announce */
};

void ownership_init(struct ownership *o, struct membership *members,
    const struct lease_table *leases, struct lease_outbox *out, uint64_t seed, mono_t now);
void ownership_fini(struct ownership *o);
/*
 * For every address that any Service has, also where this node is not eligible: what is not wanted
 * anywhere is swept. Level-triggered: the same again costs nothing. -ENOSPC beyond
 * OWNERSHIP_MAX_ADDRESSES.
 */
int ownership_want(struct ownership *o, const struct ownership_want *want, mono_t now);
/* The last Service left the address. */
void ownership_unwant(struct ownership *o, const struct ip_addr *addr, mono_t now);
/* Services are listed and every address of them was wanted: from now on what is not, is not. */
void ownership_services_listed(struct ownership *o, mono_t now);
/* leading: sweeps. release: stop announcing while our heartbeat fails (on-api-loss). */
void ownership_set(struct ownership *o, bool leading, bool release_on_api_loss, mono_t now);
/* The table changed at the name of an address Lease ("ip-..."). */
void ownership_observe(struct ownership *o, const char *lease_name, mono_t now);
/* The table holds a (new) list, whose differences were all observed. After membership_listed(). */
void ownership_listed(struct ownership *o, mono_t now);
void ownership_answered(struct ownership *o, const char *lease_name, enum lease_result result,
    const struct lease *answer, mono_t now);
/*
 * SIGTERM: no more claims; each Lease of ours is emptied and its address announced until that is
 * written, 2 s at most. What is left then is freed by membership_release(). (SIGUSR1: call
 * neither.)
 */
void ownership_release_all(struct ownership *o, mono_t now);
bool ownership_is_released(const struct ownership *o, mono_t now);
/* After membership_tick() and with the same now. Does all pending work. */
void ownership_tick(struct ownership *o, mono_t now);
mono_t ownership_next_deadline(const struct ownership *o, mono_t now);

/* An address whose announcing began or ended since the last call. False when there is none. */
bool ownership_take_change(struct ownership *o, struct ownership_change *ret_change);
/*
 * What this level guarantees, without offers, doubt, proof and LAN sessions. D is the duration that
 * the holder's heartbeat states.
 *
 * At most one node holds the Lease. Two nodes both announce an address
 * - if the API and the watch of both work: only until the first has seen the second's name, that is
 *   for the delay of its watch; at a clean stop, until the answer to its own write is there, 2 s at
 *   most;
 * - if one is cut off or stands still: from D after its last heartbeat until it sees again. It
 * holds on by intent (on-api-loss), since without an API it cannot know whether others can claim.
 *
 * An address with an eligible node whose API and watch work is announced: if unheld or released,
 * after its rank's delay and one write; if its holder died, after D, one GET and that; if the view
 * had been lost, up to 2/3 D and a list later than that.
 */
bool ownership_is_announcing(const struct ownership *o, const struct ip_addr *addr);
/* NULL when unknown. */
const struct ownership_address *
ownership_find(const struct ownership *o, const struct ip_addr *addr);
/* Who holds the Lease, "" when nobody. Valid until the table changes. */
const char *ownership_holder(const struct ownership_address *address);
const char *ownership_state_str(enum ownership_state state);
const char *ownership_need_str(enum ownership_need need);
const char *ownership_how_str(enum ownership_how how);

#endif
