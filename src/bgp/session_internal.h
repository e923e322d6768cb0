/* session_internal: what the files of session share. Nobody else includes it. */
#ifndef BGP_SESSION_INTERNAL_H
#define BGP_SESSION_INTERNAL_H

#include "bgp/adj_in.h"
#include "bgp/session.h"
#include "util/list.h"
#include "util/prng.h"
#include "util/rate.h"

/* One TCP connection and its half of the state machine. `state` is never Idle or Active: those are
 * of the peer as a whole, when it has no connection. */
struct bgp_connection {
	enum bgp_state state;
	bool outgoing;
	struct bgp_next_hops local;
	struct bgp_open ours, theirs;
	/* Negotiated; from OpenConfirm on. */
	bool internal, as4, extended_next_hop, hard_reset;
	uint8_t families;
	uint16_t hold_time_sec;
	int64_t keepalive_usec;
	/* In Connect ConnectRetryTimer, then HoldTimer. */
	mono_t hold_deadline;
	mono_t keepalive_at;
	mono_t send_deadline; /* RFC 9687; MONO_NEVER while nothing waits to be sent */
	mono_t stands_since;  /* TCP */
	mono_t established_at;
	/* To be sent, in this order, before any UPDATE. */
	bool open_due, keepalive_due;
	/* Families that the peer wants again: now, and once refresh_at is there. */
	uint8_t refresh, refresh_later;
	mono_t refresh_at;
	size_t rx_len;
	uint8_t rx[BGP_MESSAGE_MAX_BYTES]; /* the beginning of a message */
};

struct queued_action {
	TAILQ_ENTRY(queued_action) entry;
	struct bgp_action action;
};

struct queued_event {
	TAILQ_ENTRY(queued_event) entry;
	struct bgp_event event;
};

struct bgp_session {
	struct bgp_session_config config;
	struct bgp_restart restart;
	struct prng prng;
	struct bgp_adj_out adj_out;
	struct bgp_adj_in adj_in;
	struct bgp_connection *connections[BGP_SLOTS]; /* NULL: free */
	bool started;
	bool was_established; /* since this process began */
	bool routes_complete;
	bool end_of_rib[BGP_FAMILY_COUNT]; /* asked of adj_out in this session */
	bool idle_hold; /* next_attempt is IdleHoldTimer's, not ConnectRetryTimer's */
	mono_t next_attempt;
	unsigned failures;
	struct rate accepts;
	enum bgp_drain drain;
	mono_t drain_at;
	char drain_text[BGP_SHUTDOWN_TEXT_BYTES + 1];
	enum bgp_state state; /* as last told */
	mono_t since;
	char reason[BGP_REASON_BYTES];  /* of it */
	char because[BGP_REASON_BYTES]; /* of the change that is being made */
	struct bgp_last_error last_sent, last_received;
	struct bgp_open last_ours, last_theirs;
	struct bgp_counters counters;
	TAILQ_HEAD(queued_actions, queued_action) actions;
	TAILQ_HEAD(queued_events, queued_event) events;
	unsigned n_events, n_lost_events;
};

/* Why the state is about to change; the last one before the end of a call stands. */
void
session_because(struct bgp_session *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void session_say(struct bgp_session *s, enum bgp_event_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void session_act(
    struct bgp_session *s, enum bgp_action_kind kind, unsigned slot, const struct bgp_error *last);

/* Three quarters to the whole of it (RFC 4271 10). */
int64_t session_jitter(struct bgp_session *s, int64_t usec);
/* The connection that decides the peer's state; NULL when there is none. */
struct bgp_connection *session_best(const struct bgp_session *s, unsigned *ret_slot);

/* The first slot whose connection is in this state or a later one; BGP_SLOTS when there is none. */
unsigned session_find(const struct bgp_session *s, enum bgp_state at_least);
/* Whether we should connect ourselves, now or later. */
bool session_needs_attempt(const struct bgp_session *s);
/* idle_hold: the wait is IdleHoldTimer's, else ConnectRetryTimer's. */
void session_attempt_at(struct bgp_session *s, mono_t at, bool idle_hold);
/* It is Idle from now on, its connections gone: what is wanted is kept for the next start. */
void session_stopped(struct bgp_session *s);

/*
 * Ends a connection with a NOTIFICATION, or silently (err NULL). What becomes of the peer is then
 * for session_failed() or session_retry().
 */
void session_end(struct bgp_session *s, unsigned slot, const struct bgp_error *err, mono_t now);
void session_end_all(struct bgp_session *s, const struct bgp_error *err, mono_t now);
/* The session that was, or was about to be, is lost: the next attempt after IdleHoldTime. */
void session_failed(struct bgp_session *s, mono_t now);
/* No session came about, by nobody's fault: the next attempt after ConnectRetryTime. */
void session_retry(struct bgp_session *s, mono_t now);
/* Ends a connection on which something is wrong. */
void session_error(struct bgp_session *s, unsigned slot, const struct bgp_error *err, mono_t now);
/* Settles what a call changed: the state as told to others, timers of sending, drain. Every public
 * call ends with it. */
void session_settle(struct bgp_session *s, mono_t now);
/* Lets what the peer wants again go out, if it is time. */
void session_refresh(struct bgp_connection *c, mono_t now);
/* OpenConfirm has its KEEPALIVE. */
void session_established(struct bgp_session *s, unsigned slot, mono_t now);

/* session_receive.c: bytes of a connection, in any portions. */
void
session_bytes(struct bgp_session *s, unsigned slot, const uint8_t *bytes, size_t len, mono_t now);

#endif
