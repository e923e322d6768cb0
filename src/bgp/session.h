/*
 * session: one BGP peer (RFC 4271 8), pure. It has up to two TCP connections at a time (slots),
 * since both sides may connect, and makes one session out of them (6.8). It owns the peer's
 * Adj-RIB-Out.
 *
 * The glue owns the sockets. After every call that changes anything it
 *   - takes all actions: CONNECT a slot (answer with bgp_session_connected() or _closed(), later),
 *     CLOSE a slot, after `last` if there is any; a slot that is closed is told nothing more, and
 *     may be used again by the very next action;
 *   - takes all events, for the log;
 *   - for each slot with bgp_session_wants_send(): when the kernel has taken all that was handed
 *     out before and has room, hands out more by bgp_session_send(). What is handed out counts as
 *     sent, so nothing may be hoarded: a socket that takes nothing is how the send hold timer sees
 *     a dead peer (RFC 9687);
 *   - sleeps until bgp_session_deadline(), reads what the sockets hold, so that no hold timer runs
 *     out over a KEEPALIVE that only waits for us, and calls bgp_session_tick().
 *
 * TTL, GTSM, MD5, source address and device are the glue's. Times are mono_t; jitter comes from the
 * seed. Nothing here logs, reads a clock or opens anything.
 *
 * What a peer can do to us is bounded: two connections; BGP_ACCEPT_BURST incoming ones at once,
 * then one each BGP_ACCEPT_INTERVAL; own attempts pause after each failure, twice as long each
 * time, until a session lived for BGP_STABLE; max-prefixes prefixes are remembered; ROUTE-REFRESH
 * is answered once each BGP_REFRESH.
 *
 * Restart of this process: exit without calling anything. A helper keeps the routes when TCP ends
 * without a NOTIFICATION (RFC 4724 4.2).
 */
#ifndef BGP_SESSION_H
#define BGP_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bgp/adj_out.h"
#include "bgp/message.h"
#include "bgp/next_hop.h"
#include "bgp/notification.h"
#include "bgp/open.h"
#include "model/settings.h"
#include "util/mono.h"

#define BGP_SLOTS 2
#define BGP_OPEN_HOLD_USEC (4 * USEC_PER_MIN)       /* RFC 4271 8.2.2: until the OPEN came */
#define BGP_COLLISION_USEC (5 * USEC_PER_SEC)       /* a rival connection may be silent so long */
#define BGP_SEND_HOLD_USEC (8 * USEC_PER_MIN)       /* RFC 9687 5, or twice the hold time */
#define BGP_STABLE_USEC (1 * USEC_PER_MIN)          /* Established so long: failures forgotten */
#define BGP_IDLE_HOLD_USEC (1 * USEC_PER_SEC)       /* after the first failure; doubles, to */
#define BGP_IDLE_HOLD_MAX_USEC (64 * USEC_PER_SEC)  /* this */
#define BGP_ACCEPT_BURST 8                          /* incoming connections */
#define BGP_ACCEPT_INTERVAL_USEC (5 * USEC_PER_SEC) /* one each, after the burst */
#define BGP_REFRESH_USEC (1 * USEC_PER_SEC)         /* between two answers to ROUTE-REFRESH */
#define BGP_WITHDRAW_USEC (1 * USEC_PER_SEC)        /* at a drain: for the withdrawals to go out */
#define BGP_EVENTS_MAX 64                           /* more are counted, not kept */
#define BGP_REASON_BYTES 256

enum bgp_state {
	BGP_IDLE,
	BGP_CONNECT,
	BGP_ACTIVE,
	BGP_OPEN_SENT,
	BGP_OPEN_CONFIRM,
	BGP_ESTABLISHED,
	BGP_STATE_COUNT
};

/* A peer's settings, as the session needs them. All plain values. */
struct bgp_session_config {
	uint32_t my_asn;    /* never 0 */
	uint32_t local_asn; /* shown to the peer instead of my_asn; 0: none */
	uint32_t peer_asn;  /* 0 with dynamic_asn */
	enum settings_dynamic_asn dynamic_asn;
	uint32_t identifier; /* router-id as a number, the first octet highest; never 0 */
	bool passive;
	uint16_t hold_time_sec;      /* 0: for ever; else >= 3 */
	uint16_t keepalive_time_sec; /* a third of the negotiated hold time if that is less */
	int64_t connect_time_usec;
	bool graceful_restart;
	uint16_t restart_time_sec;
	bool gr_notification;   /* offer the N bit: only where BFD finds a dead node (RFC 8538) */
	bool extended_next_hop; /* offer RFC 8950: for IPv6 transport */
	uint32_t max_prefixes;
};

/* How the process came to life, for the first OPEN (RFC 4724 3). */
struct bgp_restart {
	bool restarted; /* R: this daemon ran on this machine before, and lost the session */
	bool forwarding_preserved; /* F: and the machine was not booted in between */
};

enum bgp_action_kind {
	BGP_ACTION_CONNECT,
	BGP_ACTION_CLOSE,
	BGP_ACTION_KIND_COUNT
};

struct bgp_action {
	enum bgp_action_kind kind;
	unsigned slot;
	/* CLOSE: a NOTIFICATION to be written first, behind what was handed out and not yet taken
	 * by the kernel; best effort, BGP_LINGER at most. */
	size_t last_len;
	uint8_t last[BGP_NOTIFICATION_BYTES];
};
#define BGP_LINGER_USEC (1 * USEC_PER_SEC)

enum bgp_event_kind {
	BGP_EVENT_STATE,    /* from, to, text = why */
	BGP_EVENT_SENT,     /* a NOTIFICATION; text */
	BGP_EVENT_RECEIVED, /* a NOTIFICATION; text */
	BGP_EVENT_REFUSED,  /* an incoming connection; text = why */
	BGP_EVENT_UPDATE,   /* a peer's UPDATE was not as it should be; text = which fault, what was
			       done */
	BGP_EVENT_LOST,     /* `count` events did not fit */
	BGP_EVENT_KIND_COUNT
};

struct bgp_event {
	enum bgp_event_kind kind;
	enum bgp_state from, to;
	unsigned count;
	char text[BGP_REASON_BYTES]; /* foreign text in it is quoted */
};

/* The last NOTIFICATION of one direction. */
struct bgp_last_error {
	bool any;
	mono_t at;
	struct bgp_error error;
};

struct bgp_counters {
	uint64_t sent[BGP_MESSAGE_TYPE_COUNT], received[BGP_MESSAGE_TYPE_COUNT];
	uint64_t established;       /* times */
	uint64_t connects;          /* attempts of ours */
	uint64_t accepted, refused; /* incoming connections */
	/* RFC 7606: attributes, and UPDATEs. */
	uint64_t attributes_discarded, treated_as_withdraw, update_resets;
	uint64_t ignored; /* UPDATEs with a family that was not negotiated */
};

enum bgp_drain {
	BGP_DRAIN_NONE,
	BGP_DRAIN_ANNOUNCE, /* with GRACEFUL_SHUTDOWN, so that the peer finds other ways */
	BGP_DRAIN_WITHDRAW,
	BGP_DRAIN_DONE, /* stopped */
	BGP_DRAIN_COUNT
};

/* For people and metrics. What was negotiated is zero unless `state` is OpenConfirm or later. */
struct bgp_session_status {
	enum bgp_state state;
	enum bgp_drain drain;
	bool started;
	char reason[BGP_REASON_BYTES]; /* of the last change of state */
	mono_t since;                  /* of it */
	mono_t next_attempt;           /* of ours to connect; MONO_NEVER */
	unsigned failures;             /* in a row, without a stable session */
	unsigned slot;                 /* of the connection that `state` is about */
	bool outgoing;
	bool internal;
	struct bgp_open ours, theirs;       /* the last OPENs; asn 0: none yet */
	uint8_t families;                   /* negotiated */
	bool extended_next_hop, hard_reset; /* both sides have it */
	uint16_t hold_time_sec, keepalive_time_sec;
	mono_t hold_deadline, keepalive_at; /* MONO_NEVER: no such timer runs */
	struct bgp_last_error last_sent, last_received;
	struct bgp_counters counters;
	size_t received_prefixes[BGP_FAMILY_COUNT]; /* that the peer has announced */
	bool end_of_rib_sent[BGP_FAMILY_COUNT];
};

struct bgp_session;

/* Not started. `pool` must outlive it. */
struct bgp_session *bgp_session_new(const struct bgp_session_config *config,
    const struct bgp_restart *restart, struct bgp_attribute_pool *pool, uint64_t seed, mono_t now);
/* NULL is allowed. Sends nothing: see bgp_session_stop(). */
void bgp_session_free(struct bgp_session *s);

/*
 * Level-triggered: the same again changes nothing. What stands in the OPEN resets the session
 * (Cease, Other Configuration Change) and begins anew at once; passive, connect-time, max-prefixes
 * and gr_notification act without.
 */
void
bgp_session_configure(struct bgp_session *s, const struct bgp_session_config *config, mono_t now);

/* Wants to be Established from now on; ends a drain that goes on, or that is over. */
void bgp_session_start(struct bgp_session *s, mono_t now);
/* Ends the session with a Cease at once, a Hard Reset where negotiated, and stays Idle.
 * BGP_CEASE_SHUTDOWN or BGP_CEASE_DECONFIGURED; `text` is for the peer's operator, "" for none. */
void bgp_session_stop(struct bgp_session *s, enum bgp_cease why, const char *text, mono_t now);
/* Ends the session with a Cease and begins anew: what the glue changed needs a new connection. */
void bgp_session_reset(struct bgp_session *s, enum bgp_cease why, const char *text, mono_t now);
/*
 * RFC 8326: announces again with GRACEFUL_SHUTDOWN, withdraws after wait_usec, and stops with
 * Cease, Administrative Shutdown when that is sent (BGP_WITHDRAW_USEC at most). Not Established: as
 * bgp_session_stop(). status.drain tells how far it is.
 */
void bgp_session_drain(struct bgp_session *s, int64_t wait_usec, const char *text, mono_t now);
/* BFD says that the path is dead: Cease, BFD Down (RFC 9384). Nothing unless Established. */
void bgp_session_bfd_down(struct bgp_session *s, mono_t now);

/* The wanted routes; after changing them look at bgp_session_wants_send(). */
struct bgp_adj_out *bgp_session_adj_out(struct bgp_session *s);
/* Everything that is to be announced stands in adj_out: End-of-RIB may be sent. */
void bgp_session_routes_complete(struct bgp_session *s);

/* The outgoing connection of the slot stands. */
void bgp_session_connected(
    struct bgp_session *s, unsigned slot, const struct bgp_next_hops *local, mono_t now);
/*
 * A connection from the peer's address. True: it has *ret_slot now. False: close it unread; there
 * may be actions all the same.
 */
bool bgp_session_accept(
    struct bgp_session *s, const struct bgp_next_hops *local, mono_t now, unsigned *ret_slot);
/* Bytes, in any portions. Stops by itself when they end the connection. */
void bgp_session_received(
    struct bgp_session *s, unsigned slot, const uint8_t *bytes, size_t len, mono_t now);
/* It could not be made, the peer closed it, or it failed; `why` for people ("Connection refused").
 */
void bgp_session_closed(struct bgp_session *s, unsigned slot, const char *why, mono_t now);

bool bgp_session_wants_send(const struct bgp_session *s, unsigned slot);
/* Whole messages, as many as are there and fit; size >= BGP_MESSAGE_MAX_BYTES. */
size_t
bgp_session_send(struct bgp_session *s, unsigned slot, uint8_t *bytes, size_t size, mono_t now);

void bgp_session_tick(struct bgp_session *s, mono_t now);
mono_t bgp_session_deadline(const struct bgp_session *s);

bool bgp_session_take_action(struct bgp_session *s, struct bgp_action *ret_action);
bool bgp_session_take_event(struct bgp_session *s, struct bgp_event *ret_event);

enum bgp_state bgp_session_state(const struct bgp_session *s);
void bgp_session_status(const struct bgp_session *s, struct bgp_session_status *ret_status);

/* RFC 4271's names: "Idle", "OpenSent" */
const char *bgp_state_str(enum bgp_state state);
const char *bgp_drain_str(enum bgp_drain drain);

#endif
