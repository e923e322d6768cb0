/*
 * ownership: which addresses this node owns. For each address one Lease ip-ADDRESS, whose
 * holderIdentity is the owner; two cannot both write it. Written on change, never renewed: its
 * holder's life is the holder's node Lease (membership).
 *
 * A node claims an address when it is eligible and (a) the Lease does not exist or names nobody, or
 * (b) the node that it names is dead: released its node Lease, or aged out in a fresh view, with
 * one GET after that which shows no change, or (c) the holder offers it. The claim waits for the
 * better ranked. (Death by a LAN session comes with BFD: a further cause in membership_life().)
 *
 * It announces once the write is confirmed or its own name is seen, and stops for a *living* other
 * holder only, for lost eligibility, or when the last Service left. A Lease that vanishes, or that
 * is set back (leaseTransitions falls: a restored etcd), ends nothing: its announcer goes on and
 * writes it again, the others wait 3 s. Losing the API ends nothing, unless `release` is set.
 *
 * A planned move is an open offer (ownership_offer.h): the old owner goes on until the new one is
 * heard. What puts ownership in doubt is settled by the server, and silence meanwhile is bounded
 * (ownership_doubt.h). Addresses go home by offers too (ownership_rebalance.h). After a restart
 * without an API the addresses of before are taken up again (ownership_restore.h).
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
#define OWNERSHIP_SILENCE_USEC \
	(2 * USEC_PER_SEC) /* at a stop: patience with an API that says nothing */
#define OWNERSHIP_STOP_USEC (15 * USEC_PER_SEC)    /* a stop takes no longer */
#define OWNERSHIP_OFFER_USEC (3 * USEC_PER_SEC)    /* then an offer is untaken */
#define OWNERSHIP_OVERLAP_USEC USEC_PER_SEC        /* taken, and the new owner not heard yet */
#define OWNERSHIP_DOUBT_USEC USEC_PER_SEC          /* silent at most so long */
#define OWNERSHIP_DEFEND_USEC (10 * USEC_PER_SEC)  /* RFC 5227 2.4: DEFEND_INTERVAL */
#define OWNERSHIP_RETRY_USEC (200 * USEC_PER_MSEC) /* doubles, with jitter, to */
#define OWNERSHIP_RETRY_MAX_USEC (10 * USEC_PER_SEC)
#define OWNERSHIP_RESTORE_USEC (2 * USEC_PER_SEC) /* the API's time to answer after a start */
#define OWNERSHIP_SAY_INTERVAL_USEC USEC_PER_SEC  /* lines about what was heard: one each, */
#define OWNERSHIP_SAY_BURST 10                    /* after so many at once */
#define OWNERSHIP_SERVICES_BYTES 1024             /* of the annotation; then ",+N" */

#define OWNERSHIP_ANNOTATION_SERVICES "metallb.io/services"
/* An offer: "TIME WHY...", see ownership_offer.h. Dropped by who claims. */
#define OWNERSHIP_ANNOTATION_HANDOVER "metallb.io/handover"
/* Reserved for take-over by a LAN session: kept when a Lease is rewritten by its holder, dropped by
 * who claims; no rebalancing while it stands. */
#define OWNERSHIP_ANNOTATION_TAKEN "metallb.io/taken"

enum ownership_state {
	OWNERSHIP_WAITING,    /* Leases or Services are not known yet */
	OWNERSHIP_UNWANTED,   /* no Service has it: only the sweep cares */
	OWNERSHIP_INELIGIBLE, /* not for this node */
	OWNERSHIP_OTHER,      /* another node holds it and lives */
	OWNERSHIP_CLAIMABLE,  /* ours to claim: waiting for the proof, our rank, or the API */
	OWNERSHIP_CLAIMING,   /* the claim is in flight, or its outcome is looked up */
	OWNERSHIP_OWNER,
	OWNERSHIP_OFFERING,  /* ours, for another to take */
	OWNERSHIP_RELEASING, /* ours, the empty holder is to be written */
	OWNERSHIP_STATE_COUNT
};

/* What has to be asked of the API for an address. */
enum ownership_need {
	NEED_NOTHING,
	NEED_GET,      /* the outcome of a write is not known */
	NEED_PROVE,    /* a doubt: whom the server names */
	NEED_CLAIM,    /* our name, or again our name after the Lease vanished */
	NEED_RELEASE,  /* the empty holder */
	NEED_OFFER,    /* the annotation of an offer, or its removal */
	NEED_ANNOTATE, /* other Services' names */
	NEED_DELETE,   /* the sweep */
	NEED_COUNT
};

/* How we came to own it: decides whether the wire is probed first. */
enum ownership_how {
	OWNERSHIP_FIRST,     /* no member is known to have owned it: probe while answering */
	OWNERSHIP_TAKEN,     /* from a member: announce at once */
	OWNERSHIP_CONTINUED, /* our own Lease from before a restart */
	OWNERSHIP_RESTORED,  /* the same, by the state directory, while no API answers */
	OWNERSHIP_HOW_COUNT
};

/* What is to be heard of an address on the LAN from this node. */
enum ownership_voice {
	VOICE_NONE,   /* it is not ours */
	VOICE_PROBE,  /* it may be ours: ask the LAN, then ownership_probed(). Answer nothing */
	VOICE_MUTE,   /* in doubt: answer and announce nothing. Witnesses are wanted all the more */
	VOICE_ANSWER, /* another took it: still answer requests, announce nothing by ourselves */
	VOICE_ANNOUNCE, /* ours */
	VOICE_COUNT
};

/* Why an address is offered by its holder. */
enum ownership_offer_why {
	OFFER_NONE,
	OFFER_DRAIN,
	OFFER_STOP,
	OFFER_UNFIT,     /* no longer eligible here, but still served: health, labels, the file */
	OFFER_REBALANCE, /* to its home only */
	OFFER_WHY_COUNT
};

struct ownership_backoff {
	mono_t last, not_before;
	uint8_t failures;
};

/* Of our own holding of an address. */
struct ownership_offer {
	enum ownership_offer_why why; /* wanted */
	bool open;                    /* our Lease, as last known, has the annotation */
	bool to_one;                  /* it is to the home alone */
	bool untaken;                 /* said; counted in ownership.n_untaken */
	bool heard;                   /* a member was heard announcing it since it is open */
	bool wanted;                  /* by rebalance */
	mono_t since;                 /* when it was seen to be open; MONO_NEVER */
	mono_t overlap_until;         /* taken; MONO_NEVER */
	struct ownership_backoff unfit, rebalance;
	char *home; /* with `wanted` */
};

enum ownership_doubt_state {
	DOUBT_NONE,
	DOUBT_CHECK,   /* asks the server, and goes on: proven a moment ago, or offered anyway */
	DOUBT_SILENT,  /* asks the server, silent */
	DOUBT_HOLDING, /* it did not answer and nobody claims the address: goes on, and asks on */
	DOUBT_YIELDED, /* it did not answer and a member claims the address: silent, and asks on */
	DOUBT_STATE_COUNT
};

struct ownership_doubt {
	enum ownership_doubt_state state;
	mono_t since;    /* when it arose: what the server says to a later request is proof */
	mono_t until;    /* of SILENT, or of the wait for the other in YIELDED; MONO_NEVER */
	mono_t resumed;  /* HOLDING: when we went on */
	mono_t proven;   /* the last proof; RECORD_LONG_AGO without one */
	mono_t defended; /* when we last announced against a witness */
	bool asked;      /* a request was sent since it arose */
	bool again;      /* the witness was heard again */
	char *witness;   /* the member that claims the address; NULL: none was heard */
};

enum ownership_restored {
	RESTORED_NONE,
	RESTORED_WAITING, /* for the API, for a moment */
	RESTORED_PROBING,
	RESTORED_FREE, /* nobody answered: we announce it */
	RESTORED_COUNT
};

/* An address that some Service has, as seen from this node. All copied. */
struct ownership_want {
	struct ip_addr addr;
	bool eligible;
	/* Without eligibility: whether what arrives here for it is still served (lost health,
	 * labels), so that it is handed over; false (no link): it is given up at once. */
	bool serving;
	bool undecided; /* without eligibility: not known yet. What is held is kept, not offered */
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
	bool wanted, eligible, serving, undecided;
	bool announcing; /* we are its announcer, doubts aside */
	enum ownership_voice voice;
	bool burst;     /* since the last change was taken: announce at once */
	bool ours;      /* the Lease names us */
	bool was_there; /* the Lease existed when last looked at */
	bool known;     /* or ever, since a Service has the address */
	bool set_back;  /* leaseTransitions fell, and its announcer has not written again yet */
	enum ownership_how how;
	enum ownership_restored restored;
	struct ownership_offer offer;
	struct ownership_doubt doubt;
	char *services; /* for the annotation, capped */
	char *reason;
	char *why; /* of the claim in flight */
	struct ownership_scope *scope;
	struct ownership_owner *owner;        /* the other node that the Lease names; NULL: none */
	TAILQ_ENTRY(ownership_address) owned; /* in owner->addresses, or in ownership.held: ours */
	mono_t held_since;                    /* with `ours` */
	int32_t transitions;                  /* as last believed */
	int32_t floor;                        /* a Lease that shows less was set back */
	int64_t acquire_time_usec;            /* of our own holding */
	mono_t unwanted_since;                /* MONO_NEVER while wanted */
	mono_t hold_off;                      /* vanished or set back: no claim by others before */
	mono_t claim_at;                      /* MONO_NEVER while there is nothing to claim */
	mono_t retry_at;
	uint8_t failures;
	bool todo_queued, change_queued;
	struct ownership_list *queue; /* proofs, urgent or lazy: a request is to be sent */
	mono_t wake;                  /* while it is evaluated: what the timer will be set to */
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
	bool drained;
	bool release_on_api_loss; /* failover.on-api-loss = "release" */
	int64_t rebalance_usec;   /* failover.rebalance; INT64_MAX: never */
	bool silent, can_claim;   /* gates for all addresses, as of the last tick */
	mono_t release_deadline;
	mono_t answered;         /* releasing: when the API last answered, or it began */
	mono_t restore_at;       /* when restored addresses are probed; MONO_NEVER */
	mono_t rebalance_at;     /* the next look at some of `held` */
	mono_t rebalance_offer;  /* no offer by it before */
	unsigned rebalance_left; /* of this pass */
	struct ownership_address *addresses; /* by addr */
	struct ownership_owner *owners;      /* by node name */
	struct ownership_scope *scopes;      /* by hash */
	struct timer_queue timers;
	struct ownership_list todo, proofs, urgent, lazy, changes;
	struct ownership_list held; /* ours; the next to be looked at for rebalance first */
	unsigned n_in_flight, n_ours, n_announcing, n_failures;
	unsigned n_offered, n_untaken; /* open offers of ours, and those that nobody took in time */
	unsigned n_overlaps;           /* taken from us, still answered */
	unsigned n_rebalancing;
	struct rate rate, says;
	mono_t paused_until; /* the API did not answer */
	bool too_many;       /* said */
};

/* For the announcer. */
struct ownership_change {
	struct ip_addr addr;
	enum ownership_voice voice;
	enum ownership_how how; /* with VOICE_ANNOUNCE */
	/* With VOICE_ANNOUNCE: announce at once, even if it is announced already. Without it the
	 * silence ends, and nothing is sent before the next refresh. */
	bool burst;
};

/* What it means that a MAC was heard announcing an address. */
enum ownership_verdict {
	VERDICT_IGNORED, /* an address that is none of our business, or our own MAC */
	VERDICT_FOREIGN, /* of ours, and no member's MAC: an address conflict, never a doubt */
	VERDICT_HANDED,  /* the new owner after our offer: expected */
	VERDICT_DOUBT,   /* by a member: the server is asked */
	VERDICT_COUNT
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
/* leading: sweeps. release: stop announcing while our heartbeat fails (on-api-loss).
 * rebalance_usec: failover.rebalance, INT64_MAX is never. */
void ownership_set(struct ownership *o, bool leading, bool release_on_api_loss,
    int64_t rebalance_usec, mono_t now);
/*
 * Drained: claims nothing and offers what it holds; what nobody takes stays here, announced
 * (n_untaken), and its offer stays open. The heartbeat's content (member_info.drained) is the
 * glue's to set.
 */
void ownership_drain(struct ownership *o, bool drained, mono_t now);
/*
 * A frame on one of our LANs says that `mac` has `addr` (an announcement or a reply by another than
 * us). To be told of every address with a voice other than VOICE_NONE, muted ones above all; each
 * costs little, repetition nothing. It is also how a hand-over ends: the new owner is heard.
 */
enum ownership_verdict ownership_witness(
    struct ownership *o, const struct ip_addr *addr, const struct mac_addr *mac, mono_t now);
/*
 * All that we announce is in doubt: we stood still for longer than others need to notice, or the
 * wall clock jumped. The caller drops what waits in its packet sockets unanswered, then applies the
 * changes that ownership_tick() makes.
 */
void ownership_doubt_all(struct ownership *o, const char *why, mono_t now);
/*
 * At start, from the state directory: the addresses that our Leases named us for, in this boot and
 * not longer ago than hold-over. They are used only if the API has told nothing after
 * OWNERSHIP_RESTORE_USEC, and after VOICE_PROBE got no answer. The first list ends it.
 */
void
ownership_restore(struct ownership *o, const struct ip_addr *addrs, size_t n_addrs, mono_t now);
/* The end of a VOICE_PROBE: whether anybody answered for the address. */
void ownership_probed(struct ownership *o, const struct ip_addr *addr, bool answered, mono_t now);
/* The table changed at the name of an address Lease ("ip-..."). */
void ownership_observe(struct ownership *o, const char *lease_name, mono_t now);
/* The table holds a (new) list, whose differences were all observed. After membership_listed(). */
void ownership_listed(struct ownership *o, mono_t now);
void ownership_answered(struct ownership *o, const char *lease_name, enum lease_result result,
    const struct lease *answer, mono_t now);
/*
 * SIGTERM: no more claims; everything is offered, and announced until another is heard. What nobody
 * takes is emptied. OWNERSHIP_STOP_USEC at most, and OWNERSHIP_SILENCE_USEC when the API does not
 * answer; what is left then is freed by membership_release(). (SIGUSR1: do not call it.)
 */
void ownership_release_all(struct ownership *o, mono_t now);
bool ownership_is_released(const struct ownership *o, mono_t now);
/* After membership_tick() and with the same now. Does all pending work. */
void ownership_tick(struct ownership *o, mono_t now);
mono_t ownership_next_deadline(const struct ownership *o, mono_t now);

/* An address whose voice changed, or that is to be announced again, since the last call. False when
 * there is none. */
bool ownership_take_change(struct ownership *o, struct ownership_change *ret_change);
/*
 * What this level guarantees, without LAN sessions. D is the duration that the holder's heartbeat
 * states, W the delay of a watch.
 *
 * At most one node holds the Lease. Two nodes both announce an address
 * - in a hand-over: until the old owner has seen the new one's name and heard it on the wire, W +
 *   OWNERSHIP_OVERLAP_USEC at most; meanwhile the old one only answers (VOICE_ANSWER);
 * - else, if the API and the watch of both work: only until the first has seen the second's name,
 *   that is W; if it hears the second first it is silent at once, and asks;
 * - if one is cut off from the API, or stands still: from D after its last heartbeat until it hears
 *   the other on the LAN, or sees again. It cannot know by itself whether others can claim; it
 *   holds on by intent (on-api-loss).
 * None announces one that is announced, for OWNERSHIP_DOUBT_USEC at most while a doubt is settled.
 *
 * An address with an eligible node whose API and watch work is announced: if unheld, released or
 * offered, after its rank's delay and one write; if its holder died, after D, one GET and that; if
 * the view had been lost, up to 2/3 D and a list later than that.
 */
/* Whether it answers for the address now. */
bool ownership_is_announcing(const struct ownership *o, const struct ip_addr *addr);
/* NULL when unknown. */
const struct ownership_address *
ownership_find(const struct ownership *o, const struct ip_addr *addr);
/*
 * Whether it is ours, or may be ours at any moment: nobody holds it, it is offered, or this node is
 * among the first `ranks` who claim it. True for what is not known yet. For what is worth watching
 * closely before.
 */
bool ownership_is_near(const struct ownership *o, const struct ip_addr *addr, unsigned ranks);
/* Whether another node offers the address to whoever takes it. */
bool ownership_is_offered(const struct ownership *o, const struct ip_addr *addr);
/* Who holds the Lease, "" when nobody. Valid until the table changes. */
const char *ownership_holder(const struct ownership_address *address);
const char *ownership_state_str(enum ownership_state state);
const char *ownership_need_str(enum ownership_need need);
const char *ownership_how_str(enum ownership_how how);
const char *ownership_voice_str(enum ownership_voice voice);
/* "none", "drain", "stop", "not-eligible", "rebalance": also as the annotation has them. */
const char *ownership_offer_why_str(enum ownership_offer_why why);
const char *ownership_doubt_state_str(enum ownership_doubt_state state);
const char *ownership_verdict_str(enum ownership_verdict verdict);

#endif
