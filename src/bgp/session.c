/*
 * The state machine of RFC 4271 8.2.2, laid out by what there is instead of by state: at most two
 * connections, each in Connect, OpenSent, OpenConfirm or Established, and one timer for the next
 * attempt, which is IdleHoldTimer (the peer is Idle) or ConnectRetryTimer (it is Active).
 *
 * Left out, being optional (8.1.3 to 8.1.5): DelayOpen, and tracking of connections before they
 * stand (events 14, 15). DampPeerOscillations is on: IdleHoldTime doubles with each session that
 * fails before it was stable. It holds back our own attempts only; incoming connections are paced
 * by a token bucket, since routers that meet a refusal may wait for minutes.
 */
#include "bgp/session.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bgp/session_internal.h"
#include "util/mem.h"
#include "util/str.h"

#define FAILURES_MAX 16 /* enough for BGP_IDLE_HOLD_MAX_USEC; counting goes no further */

void
session_because(struct bgp_session *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(s->because, sizeof(s->because), fmt, ap);
	va_end(ap);
}

static struct bgp_event *
push_event(struct bgp_session *s, enum bgp_event_kind kind)
{
	struct queued_event *queued;

	if (s->n_events >= BGP_EVENTS_MAX) {
		s->n_lost_events++;
		return NULL;
	}
	queued = xcalloc(1, sizeof(*queued));
	queued->event.kind = kind;
	TAILQ_INSERT_TAIL(&s->events, queued, entry);
	s->n_events++;
	return &queued->event;
}

void
session_say(struct bgp_session *s, enum bgp_event_kind kind, const char *fmt, ...)
{
	struct bgp_event *event = push_event(s, kind);
	va_list ap;

	if (!event)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(event->text, sizeof(event->text), fmt, ap);
	va_end(ap);
}

void
session_act(
    struct bgp_session *s, enum bgp_action_kind kind, unsigned slot, const struct bgp_error *last)
{
	struct queued_action *queued = xcalloc(1, sizeof(*queued));

	queued->action.kind = kind;
	queued->action.slot = slot;
	if (last)
		queued->action.last_len = bgp_notification_encode(last, queued->action.last);
	TAILQ_INSERT_TAIL(&s->actions, queued, entry);
}

int64_t
session_jitter(struct bgp_session *s, int64_t usec)
{
	return usec - (int64_t)prng_below(&s->prng, (uint64_t)usec / 4 + 1);
}

struct bgp_connection *
session_best(const struct bgp_session *s, unsigned *ret_slot)
{
	struct bgp_connection *best = NULL;
	unsigned slot;

	for (slot = 0; slot < BGP_SLOTS; slot++) {
		if (!s->connections[slot] || (best && best->state >= s->connections[slot]->state))
			continue;
		best = s->connections[slot];
		*ret_slot = slot;
	}
	return best;
}

static enum bgp_state
peer_state(const struct bgp_session *s)
{
	const struct bgp_connection *best;
	unsigned slot;

	best = session_best(s, &slot);
	if (best)
		return best->state;
	return s->started && !s->idle_hold ? BGP_ACTIVE : BGP_IDLE;
}

/* --- connections --- */

unsigned
session_find(const struct bgp_session *s, enum bgp_state at_least)
{
	unsigned slot;

	for (slot = 0; slot < BGP_SLOTS; slot++)
		if (s->connections[slot] && s->connections[slot]->state >= at_least)
			break;
	return slot;
}

static unsigned
free_slot(const struct bgp_session *s)
{
	unsigned slot;

	for (slot = 0; slot < BGP_SLOTS && s->connections[slot]; slot++)
		;
	return slot;
}

static void
open_connection(struct bgp_session *s, unsigned slot, bool outgoing)
{
	struct bgp_connection *c = xcalloc(1, sizeof(*c));

	c->state = BGP_CONNECT;
	c->outgoing = outgoing;
	c->hold_deadline = MONO_NEVER;
	c->keepalive_at = MONO_NEVER;
	c->send_deadline = MONO_NEVER;
	s->connections[slot] = c;
}

static void
free_connection(struct bgp_session *s, unsigned slot, mono_t now)
{
	struct bgp_connection *c = s->connections[slot];

	if (c->state == BGP_ESTABLISHED) {
		if (mono_diff_usec(now, c->established_at) >= BGP_STABLE_USEC)
			s->failures = 0;
		bgp_adj_out_down(&s->adj_out);
		bgp_adj_in_clear(&s->adj_in);
		memset(s->end_of_rib, 0, sizeof(s->end_of_rib));
	}
	free(c);
	s->connections[slot] = NULL;
}

/* RFC 8538 4 and 5: what ends the peering, and not just the session, must not be survived by the
 * routes. RFC 9384 3 for BFD. */
static bool
needs_hard_reset(const struct bgp_error *err)
{
	if (err->code != BGP_ERROR_CEASE)
		return false;
	return err->subcode == BGP_CEASE_MAX_PREFIXES || err->subcode == BGP_CEASE_SHUTDOWN ||
	    err->subcode == BGP_CEASE_DECONFIGURED || err->subcode == BGP_CEASE_BFD_DOWN;
}

void
session_end(struct bgp_session *s, unsigned slot, const struct bgp_error *err, mono_t now)
{
	const struct bgp_connection *c = s->connections[slot];
	char text[BGP_ERROR_STRLEN];
	struct bgp_error sent;

	/* Before TCP stands nothing can be told. */
	if (!err || c->state == BGP_CONNECT) {
		session_act(s, BGP_ACTION_CLOSE, slot, NULL);
		free_connection(s, slot, now);
		return;
	}
	sent = c->hard_reset && needs_hard_reset(err) ? bgp_error_hard_reset(err) : *err;
	bgp_error_str(&sent, text);
	session_say(s, BGP_EVENT_SENT, "%s", text);
	session_because(s, "NOTIFICATION sent: %s", text);
	s->last_sent = (struct bgp_last_error){true, now, sent};
	s->counters.sent[BGP_MESSAGE_NOTIFICATION]++;
	session_act(s, BGP_ACTION_CLOSE, slot, &sent);
	free_connection(s, slot, now);
}

void
session_end_all(struct bgp_session *s, const struct bgp_error *err, mono_t now)
{
	unsigned slot;

	for (slot = 0; slot < BGP_SLOTS; slot++)
		if (s->connections[slot])
			session_end(s, slot, err, now);
}

/* --- what becomes of the peer --- */

/* Drained or stopped: what is wanted is kept for the next start. */
void
session_stopped(struct bgp_session *s)
{
	if (s->drain != BGP_DRAIN_NONE)
		s->drain = BGP_DRAIN_DONE;
	s->started = false;
	s->next_attempt = MONO_NEVER;
	s->drain_at = MONO_NEVER;
	bgp_adj_out_graceful_shutdown(&s->adj_out, false);
	bgp_adj_out_suppress(&s->adj_out, false);
}

void
session_attempt_at(struct bgp_session *s, mono_t at, bool idle_hold)
{
	if (!s->started)
		return;
	s->idle_hold = idle_hold;
	s->next_attempt = s->config.passive && !idle_hold ? MONO_NEVER : at;
}

/* Our own attempts go on beside an incoming connection until one side's OPEN is there: the two
 * machines of 8.2.1 know nothing of one another before. */
bool
session_needs_attempt(const struct bgp_session *s)
{
	unsigned slot;

	for (slot = 0; slot < BGP_SLOTS; slot++)
		if (s->connections[slot] &&
		    (s->connections[slot]->outgoing ||
			s->connections[slot]->state >= BGP_OPEN_CONFIRM))
			return false;
	return s->started;
}

void
session_retry(struct bgp_session *s, mono_t now)
{
	if (!session_needs_attempt(s))
		return;
	session_attempt_at(
	    s, mono_add_usec(now, session_jitter(s, s->config.connect_time_usec)), false);
}

void
session_failed(struct bgp_session *s, mono_t now)
{
	int64_t pause = BGP_IDLE_HOLD_USEC;
	unsigned i;

	if (!session_needs_attempt(s))
		return;
	for (i = 0; i < s->failures && pause < BGP_IDLE_HOLD_MAX_USEC; i++)
		pause *= 2;
	if (s->failures < FAILURES_MAX)
		s->failures++;
	session_attempt_at(s, mono_add_usec(now, session_jitter(s, pause)), true);
}

void
session_error(struct bgp_session *s, unsigned slot, const struct bgp_error *err, mono_t now)
{
	/* RFC 4486 4: it would only happen again. */
	bool for_long = err->code == BGP_ERROR_CEASE && err->subcode == BGP_CEASE_MAX_PREFIXES;

	session_end(s, slot, err, now);
	if (for_long)
		s->failures = FAILURES_MAX;
	session_failed(s, now);
}

static void
connect_out(struct bgp_session *s, mono_t now)
{
	unsigned slot = free_slot(s);

	s->idle_hold = false;
	s->next_attempt = MONO_NEVER;
	if (s->config.passive || slot == BGP_SLOTS || !session_needs_attempt(s))
		return;
	open_connection(s, slot, true);
	s->connections[slot]->hold_deadline = mono_add_usec(
	    now, session_jitter(s, s->config.connect_time_usec));
	s->counters.connects++;
	session_because(s, "connecting");
	session_act(s, BGP_ACTION_CONNECT, slot, NULL);
}

/* --- OPEN, Established --- */

static struct bgp_open
make_open(const struct bgp_session *s)
{
	const struct bgp_session_config *config = &s->config;
	struct bgp_open open = {
	    .asn = config->local_asn ? config->local_asn : config->my_asn,
	    .hold_time_sec = config->hold_time_sec,
	    .identifier = config->identifier,
	    .capabilities =
		{
		    .multiprotocol = true,
		    .families = BGP_FAMILIES_ALL,
		    .as4 = true,
		    .route_refresh = true,
		    .extended_next_hop = config->extended_next_hop,
		},
	};
	struct bgp_capabilities *c = &open.capabilities;

	if (!config->graceful_restart)
		return open;
	c->graceful_restart = true;
	c->gr_notification = config->gr_notification;
	c->restart_time_sec = config->restart_time_sec;
	c->gr_families = BGP_FAMILIES_ALL;
	/* RFC 4724 3: R for the first session of a restarted process. F: the node went on
	 * forwarding, since the last session of this process, or since what the glue knows. */
	c->restarting = s->restart.restarted && !s->was_established;
	if (s->was_established || s->restart.forwarding_preserved)
		c->gr_forwarding = BGP_FAMILIES_ALL;
	return open;
}

/* TCP stands (events 16 and 17): OPEN goes out. */
static void
send_open(struct bgp_session *s, unsigned slot, const struct bgp_next_hops *local, mono_t now)
{
	struct bgp_connection *c = s->connections[slot];

	c->state = BGP_OPEN_SENT;
	c->stands_since = now;
	c->local = *local;
	c->ours = make_open(s);
	s->last_ours = c->ours;
	c->open_due = true;
	c->hold_deadline = mono_add_usec(now, BGP_OPEN_HOLD_USEC);
}

static void
ask_end_of_rib(struct bgp_session *s, const struct bgp_connection *c)
{
	unsigned family;

	/* RFC 4724 2: who has the capability understands the marker. */
	if (!s->routes_complete || !c->theirs.capabilities.graceful_restart)
		return;
	for (family = 0; family < BGP_FAMILY_COUNT; family++) {
		if (!(c->families & BGP_FAMILY_BIT(family)) || s->end_of_rib[family])
			continue;
		s->end_of_rib[family] = true;
		bgp_adj_out_end_of_rib(&s->adj_out, (enum bgp_family)family);
	}
}

void
session_established(struct bgp_session *s, unsigned slot, mono_t now)
{
	struct bgp_connection *c = s->connections[slot];
	const struct bgp_adj_context context = {
	    .internal = c->internal,
	    .as4 = c->as4,
	    .asn = c->ours.asn,
	    .families = c->families,
	    .extended_next_hop = c->extended_next_hop,
	    .next_hops = c->local,
	};
	struct bgp_error err;

	if (s->connections[1 - slot]) {
		bgp_error_cease(&err, BGP_CEASE_COLLISION, "");
		session_end(s, 1 - slot, &err, now);
	}
	c->state = BGP_ESTABLISHED;
	c->established_at = now;
	session_because(s, "KEEPALIVE received");
	s->was_established = true;
	s->next_attempt = MONO_NEVER;
	s->counters.established++;
	bgp_adj_out_up(&s->adj_out, &context);
	ask_end_of_rib(s, c);
}

/* --- settling --- */

static bool
wants_send(const struct bgp_session *s, const struct bgp_connection *c)
{
	if (c->open_due || c->keepalive_due)
		return true;
	return c->state == BGP_ESTABLISHED && (c->refresh || bgp_adj_out_is_pending(&s->adj_out));
}

/* RFC 9687 4: with a hold time of zero there is no such timer. */
static void
arm_send_timer(const struct bgp_session *s, struct bgp_connection *c, bool again, mono_t now)
{
	int64_t usec = 2 * c->hold_time_sec * USEC_PER_SEC;

	if (c->state != BGP_ESTABLISHED || !c->hold_time_sec || !wants_send(s, c))
		c->send_deadline = MONO_NEVER;
	else if (again || mono_is_never(c->send_deadline))
		c->send_deadline = mono_add_usec(
		    now, usec > BGP_SEND_HOLD_USEC ? usec : BGP_SEND_HOLD_USEC);
}

/* Everything is withdrawn, or the session was lost, however that came. */
static bool
drain_is_over(const struct bgp_session *s)
{
	if (s->drain != BGP_DRAIN_ANNOUNCE && s->drain != BGP_DRAIN_WITHDRAW)
		return false;
	return session_find(s, BGP_ESTABLISHED) == BGP_SLOTS ||
	    (s->drain == BGP_DRAIN_WITHDRAW && !bgp_adj_out_is_pending(&s->adj_out));
}

static void
finish_drain(struct bgp_session *s, mono_t now)
{
	struct bgp_error err;

	bgp_error_cease(&err, BGP_CEASE_SHUTDOWN, s->drain_text);
	session_end_all(s, &err, now);
	session_stopped(s);
}

void
session_settle(struct bgp_session *s, mono_t now)
{
	enum bgp_state state;
	struct bgp_event *event;
	unsigned slot;

	if (drain_is_over(s))
		finish_drain(s, now);
	for (slot = 0; slot < BGP_SLOTS; slot++)
		if (s->connections[slot])
			arm_send_timer(s, s->connections[slot], false, now);
	state = peer_state(s);
	if (state == s->state)
		return;
	memcpy(s->reason, s->because, sizeof(s->reason));
	event = push_event(s, BGP_EVENT_STATE);
	if (event) {
		event->from = s->state;
		event->to = state;
		(void)str_copy(event->text, sizeof(event->text), s->reason);
	}
	s->state = state;
	s->since = now;
}

/* --- the life of a peer --- */

struct bgp_session *
bgp_session_new(const struct bgp_session_config *config, const struct bgp_restart *restart,
    struct bgp_attribute_pool *pool, uint64_t seed, mono_t now)
{
	struct bgp_session *s = xcalloc(1, sizeof(*s));

	s->config = *config;
	s->restart = *restart;
	s->since = now;
	s->next_attempt = MONO_NEVER;
	s->drain_at = MONO_NEVER;
	prng_init(&s->prng, seed);
	bgp_adj_out_init(&s->adj_out, pool);
	bgp_adj_in_init(&s->adj_in, prng_next(&s->prng));
	rate_init(&s->accepts, BGP_ACCEPT_INTERVAL_USEC, BGP_ACCEPT_BURST, now);
	TAILQ_INIT(&s->actions);
	TAILQ_INIT(&s->events);
	return s;
}

void
bgp_session_free(struct bgp_session *s)
{
	struct bgp_action action;
	struct bgp_event event;
	unsigned slot;

	if (!s)
		return;
	for (slot = 0; slot < BGP_SLOTS; slot++)
		free(s->connections[slot]);
	while (bgp_session_take_action(s, &action))
		;
	while (bgp_session_take_event(s, &event))
		;
	bgp_adj_out_fini(&s->adj_out);
	bgp_adj_in_clear(&s->adj_in);
	free(s);
}

struct bgp_adj_out *
bgp_session_adj_out(struct bgp_session *s)
{
	return &s->adj_out;
}

void
bgp_session_routes_complete(struct bgp_session *s)
{
	unsigned slot = session_find(s, BGP_ESTABLISHED);

	s->routes_complete = true;
	if (slot < BGP_SLOTS)
		ask_end_of_rib(s, s->connections[slot]);
}

/* --- what happens to connections --- */

void
bgp_session_connected(
    struct bgp_session *s, unsigned slot, const struct bgp_next_hops *local, mono_t now)
{
	assert(s->connections[slot] && s->connections[slot]->state == BGP_CONNECT);
	session_because(s, "connected");
	send_open(s, slot, local, now);
	session_settle(s, now);
}

/* There is no slot. The older of the router's connections that still wait for their OPEN goes, for
 * the router may have forgotten it: it finds the slot free when it comes again. */
static void
give_up_oldest(struct bgp_session *s, mono_t now)
{
	const struct bgp_connection *c, *oldest = NULL;
	unsigned slot, oldest_slot = BGP_SLOTS;
	struct bgp_error err;

	for (slot = 0; slot < BGP_SLOTS; slot++) {
		c = s->connections[slot];
		if (c->outgoing || c->state != BGP_OPEN_SENT ||
		    (oldest && !mono_before(c->stands_since, oldest->stands_since)))
			continue;
		oldest = c;
		oldest_slot = slot;
	}
	if (!oldest)
		return;
	bgp_error_cease(&err, BGP_CEASE_COLLISION, "");
	session_end(s, oldest_slot, &err, now);
}

bool
bgp_session_accept(
    struct bgp_session *s, const struct bgp_next_hops *local, mono_t now, unsigned *ret_slot)
{
	const char *refusal = NULL;
	unsigned slot = free_slot(s);
	bool full = false;

	if (!s->started)
		refusal = "stopped";
	else if (!rate_take(&s->accepts, now))
		refusal = "too many connections";
	else if ((full = slot == BGP_SLOTS))
		refusal = "two connections are there";
	if (refusal) {
		s->counters.refused++;
		session_say(s, BGP_EVENT_REFUSED, "%s", refusal);
		if (full)
			give_up_oldest(s, now);
		session_settle(s, now);
		return false;
	}
	s->counters.accepted++;
	session_because(s, "accepted");
	open_connection(s, slot, false);
	send_open(s, slot, local, now);
	*ret_slot = slot;
	session_settle(s, now);
	return true;
}

void
bgp_session_received(
    struct bgp_session *s, unsigned slot, const uint8_t *bytes, size_t len, mono_t now)
{
	assert(s->connections[slot] && s->connections[slot]->state != BGP_CONNECT);
	session_bytes(s, slot, bytes, len, now);
	session_settle(s, now);
}

void
bgp_session_closed(struct bgp_session *s, unsigned slot, const char *why, mono_t now)
{
	enum bgp_state state = s->connections[slot]->state;

	session_because(s, "%s", why);
	free_connection(s, slot, now);
	/* Event 18: before an OPEN came it is nobody's fault. */
	if (state <= BGP_OPEN_SENT)
		session_retry(s, now);
	else
		session_failed(s, now);
	session_settle(s, now);
}

bool
bgp_session_wants_send(const struct bgp_session *s, unsigned slot)
{
	return s->connections[slot] && wants_send(s, s->connections[slot]);
}

void
session_refresh(struct bgp_connection *c, mono_t now)
{
	if (!c->refresh_later || mono_before(now, c->refresh_at))
		return;
	c->refresh |= c->refresh_later;
	c->refresh_later = 0;
	c->refresh_at = mono_add_usec(now, BGP_REFRESH_USEC);
}

static void
refresh_due(struct bgp_session *s, struct bgp_connection *c)
{
	unsigned family;

	for (family = 0; family < BGP_FAMILY_COUNT; family++)
		if (c->refresh & BGP_FAMILY_BIT(family))
			bgp_adj_out_refresh(&s->adj_out, (enum bgp_family)family);
	c->refresh = 0;
}

size_t
bgp_session_send(struct bgp_session *s, unsigned slot, uint8_t *bytes, size_t size, mono_t now)
{
	struct bgp_connection *c = s->connections[slot];
	unsigned updates = 0;
	struct wbuf w;

	assert(c && size >= BGP_MESSAGE_MAX_BYTES);
	wbuf_init(&w, bytes, size);
	if (c->open_due) {
		bgp_open_encode(&w, &c->ours);
		c->open_due = false;
		s->counters.sent[BGP_MESSAGE_OPEN]++;
	}
	if (c->keepalive_due) {
		bgp_keepalive_encode(&w);
		c->keepalive_due = false;
		s->counters.sent[BGP_MESSAGE_KEEPALIVE]++;
	}
	if (c->state == BGP_ESTABLISHED) {
		refresh_due(s, c);
		w.pos += bgp_adj_out_encode(&s->adj_out, bytes + w.pos, size - w.pos, &updates);
		s->counters.sent[BGP_MESSAGE_UPDATE] += updates;
	}
	/* RFC 4271 8.2.2: KEEPALIVE and UPDATE restart the timer. */
	if (w.pos && !mono_is_never(c->keepalive_at))
		c->keepalive_at = mono_add_usec(now, session_jitter(s, c->keepalive_usec));
	if (w.pos)
		arm_send_timer(s, c, true, now);
	session_settle(s, now);
	return w.pos;
}

/* --- time --- */

static void
tick_connection(struct bgp_session *s, unsigned slot, mono_t now)
{
	struct bgp_connection *c = s->connections[slot];
	struct bgp_error err;

	if (mono_reached(now, c->hold_deadline)) {
		if (c->state == BGP_CONNECT) {
			session_because(s, "connecting took too long");
			session_end(s, slot, NULL, now);
			connect_out(s, now);
			return;
		}
		bgp_error_set(&err, BGP_ERROR_HOLD_TIMER, 0, NULL, 0);
		session_error(s, slot, &err, now);
		return;
	}
	if (mono_reached(now, c->send_deadline)) {
		bgp_error_set(&err, BGP_ERROR_SEND_HOLD_TIMER, 0, NULL, 0);
		session_error(s, slot, &err, now);
		return;
	}
	if (mono_reached(now, c->keepalive_at)) {
		c->keepalive_due = true;
		c->keepalive_at = mono_add_usec(now, session_jitter(s, c->keepalive_usec));
	}
	session_refresh(c, now);
}

void
bgp_session_tick(struct bgp_session *s, mono_t now)
{
	unsigned slot;

	for (slot = 0; slot < BGP_SLOTS; slot++)
		if (s->connections[slot])
			tick_connection(s, slot, now);
	if (mono_reached(now, s->next_attempt)) {
		s->next_attempt = MONO_NEVER;
		connect_out(s, now);
	}
	if (s->drain == BGP_DRAIN_WITHDRAW && mono_reached(now, s->drain_at)) {
		finish_drain(s, now);
	} else if (s->drain == BGP_DRAIN_ANNOUNCE && mono_reached(now, s->drain_at)) {
		s->drain = BGP_DRAIN_WITHDRAW;
		s->drain_at = mono_add_usec(now, BGP_WITHDRAW_USEC);
		bgp_adj_out_suppress(&s->adj_out, true);
	}
	session_settle(s, now);
}

mono_t
bgp_session_deadline(const struct bgp_session *s)
{
	mono_t at = mono_min(s->next_attempt, s->drain_at);
	unsigned slot;

	for (slot = 0; slot < BGP_SLOTS; slot++) {
		const struct bgp_connection *c = s->connections[slot];

		if (!c)
			continue;
		at = mono_min(at, c->hold_deadline);
		at = mono_min(at, c->send_deadline);
		at = mono_min(at, c->keepalive_at);
		if (c->refresh_later)
			at = mono_min(at, c->refresh_at);
	}
	return at;
}
