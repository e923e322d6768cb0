/* What an operator does to a session: configure, start, stop, reset, drain; and BFD. */
#include "bgp/session_internal.h"
#include "util/str.h"

/* Whether a session under `a` would have another OPEN, or judge the peer's otherwise, under `b`. */
static bool
needs_reset(const struct bgp_session_config *a, const struct bgp_session_config *b)
{
	return a->my_asn != b->my_asn || a->local_asn != b->local_asn ||
	    a->peer_asn != b->peer_asn || a->dynamic_asn != b->dynamic_asn ||
	    a->identifier != b->identifier || a->hold_time_sec != b->hold_time_sec ||
	    a->keepalive_time_sec != b->keepalive_time_sec ||
	    a->graceful_restart != b->graceful_restart ||
	    a->restart_time_sec != b->restart_time_sec ||
	    a->extended_next_hop != b->extended_next_hop;
}

/* passive goes on: our own attempt ends. It goes off: one is made, unless there is a session. */
static void
apply_passive(struct bgp_session *s, mono_t now)
{
	unsigned slot;

	if (!s->config.passive) {
		if (!s->idle_hold && session_needs_attempt(s))
			session_attempt_at(s, now, false);
		return;
	}
	for (slot = 0; slot < BGP_SLOTS; slot++)
		if (s->connections[slot] && s->connections[slot]->state == BGP_CONNECT)
			session_end(s, slot, NULL, now);
	if (!s->idle_hold)
		s->next_attempt = MONO_NEVER;
}

/* Connections whose OPEN is made go. What failed before may have failed for what is changed now. */
static void
apply_open(struct bgp_session *s, mono_t now)
{
	struct bgp_error err;
	unsigned slot;

	session_because(s, "the configuration was changed");
	bgp_error_cease(&err, BGP_CEASE_CONFIGURATION, "");
	for (slot = 0; slot < BGP_SLOTS; slot++)
		if (s->connections[slot] && s->connections[slot]->state >= BGP_OPEN_SENT)
			session_end(s, slot, &err, now);
	s->failures = 0;
	if (session_needs_attempt(s))
		session_attempt_at(s, now, false);
}

void
bgp_session_configure(struct bgp_session *s, const struct bgp_session_config *config, mono_t now)
{
	bool reset = needs_reset(&s->config, config);
	bool passive = s->config.passive != config->passive;

	s->config = *config;
	if (passive && s->started) {
		session_because(s, "passive was changed");
		apply_passive(s, now);
	}
	if (reset)
		apply_open(s, now);
	session_settle(s, now);
}

void
bgp_session_start(struct bgp_session *s, mono_t now)
{
	if (s->drain != BGP_DRAIN_NONE) {
		s->drain = BGP_DRAIN_NONE;
		s->drain_at = MONO_NEVER;
		bgp_adj_out_graceful_shutdown(&s->adj_out, false);
		bgp_adj_out_suppress(&s->adj_out, false);
	}
	if (!s->started) {
		s->started = true;
		s->failures = 0;
		session_because(s, "started");
		session_attempt_at(s, now, false);
	}
	session_settle(s, now);
}

void
bgp_session_stop(struct bgp_session *s, enum bgp_cease why, const char *text, mono_t now)
{
	struct bgp_error err;

	session_because(s, "stopped");
	bgp_error_cease(&err, why, text);
	session_end_all(s, &err, now);
	session_stopped(s);
	session_settle(s, now);
}

void
bgp_session_reset(struct bgp_session *s, enum bgp_cease why, const char *text, mono_t now)
{
	struct bgp_error err;

	session_because(s, "reset");
	bgp_error_cease(&err, why, text);
	session_end_all(s, &err, now);
	session_attempt_at(s, now, false);
	session_settle(s, now);
}

void
bgp_session_drain(struct bgp_session *s, int64_t wait_usec, const char *text, mono_t now)
{
	if (!s->started || s->drain != BGP_DRAIN_NONE)
		return;
	(void)str_copy(s->drain_text, sizeof(s->drain_text), text);
	if (session_find(s, BGP_ESTABLISHED) == BGP_SLOTS) {
		s->drain = BGP_DRAIN_DONE;
		bgp_session_stop(s, BGP_CEASE_SHUTDOWN, text, now);
		return;
	}
	s->drain = BGP_DRAIN_ANNOUNCE;
	s->drain_at = mono_add_usec(now, wait_usec);
	bgp_adj_out_graceful_shutdown(&s->adj_out, true);
	session_settle(s, now);
}

void
bgp_session_bfd_down(struct bgp_session *s, mono_t now)
{
	unsigned slot = session_find(s, BGP_ESTABLISHED);
	struct bgp_error err;

	if (slot == BGP_SLOTS)
		return;
	bgp_error_cease(&err, BGP_CEASE_BFD_DOWN, "");
	session_error(s, slot, &err, now);
	session_settle(s, now);
}
