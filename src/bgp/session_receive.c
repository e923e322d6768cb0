/*
 * What a peer's messages do (RFC 4271 8.2.2, events 19 to 28), and collision (6.8).
 *
 * Collision is settled by the first OPEN that arrives while the other connection waits for its own:
 * 6.8 lets one look at connections in OpenSent when the peer's identifier is known by other means,
 * and both are to the same configured peer. Both sides then judge by the same two identifiers, so
 * they keep the same connection, however their messages cross. A connection that has been silent
 * for BGP_COLLISION_USEC is no rival: its router may have forgotten it, and must not win by it.
 */
#include <assert.h>
#include <string.h>

#include "bgp/session_internal.h"
#include "bgp/update.h"

/* RFC 6608 3: with the type of what was not expected. */
static bool
unexpected(struct bgp_session *s, unsigned slot, enum bgp_message_type type, mono_t now)
{
	static const uint8_t subcodes[BGP_STATE_COUNT] = {
	    [BGP_OPEN_SENT] = BGP_FSM_OPEN_SENT,
	    [BGP_OPEN_CONFIRM] = BGP_FSM_OPEN_CONFIRM,
	    [BGP_ESTABLISHED] = BGP_FSM_ESTABLISHED,
	};
	uint8_t data = (uint8_t)type;
	struct bgp_error err;

	bgp_error_set(
	    &err, BGP_ERROR_FSM, subcodes[s->connections[slot]->state], &data, sizeof(data));
	session_error(s, slot, &err, now);
	return false;
}

static bool
asn_is_acceptable(const struct bgp_session *s, uint32_t asn, uint32_t ours)
{
	/* RFC 7607 2; RFC 6793 4.2.1 (a four-octet field that says AS_TRANS is nobody's). */
	if (!asn || asn == BGP_AS_TRANS)
		return false;
	switch (s->config.dynamic_asn) {
	case DYNAMIC_ASN_NONE:
		return asn == s->config.peer_asn;
	case DYNAMIC_ASN_INTERNAL:
		return asn == ours;
	case DYNAMIC_ASN_EXTERNAL:
		return asn != ours;
	case DYNAMIC_ASN_COUNT:
		break;
	}
	return false;
}

/* RFC 4271 6.2. The subcode, 0 when all is well: 0 is never ours to send from here. */
static unsigned
judge_open(const struct bgp_session *s, const struct bgp_open *ours, const struct bgp_open *theirs)
{
	if (!asn_is_acceptable(s, theirs->asn, ours->asn))
		return BGP_OPEN_BAD_PEER_AS;
	/* RFC 6286 2.2: an external peer may have our identifier. */
	if (!theirs->identifier ||
	    (theirs->identifier == ours->identifier && theirs->asn == ours->asn))
		return BGP_OPEN_BAD_IDENTIFIER;
	if (theirs->hold_time_sec == 1 || theirs->hold_time_sec == 2)
		return BGP_OPEN_BAD_HOLD_TIME;
	if (!bgp_capabilities_families(&ours->capabilities, &theirs->capabilities))
		return BGP_OPEN_BAD_CAPABILITY;
	return 0;
}

static void
negotiate(struct bgp_session *s, struct bgp_connection *c)
{
	const struct bgp_capabilities *a = &c->ours.capabilities, *b = &c->theirs.capabilities;

	c->internal = c->theirs.asn == c->ours.asn;
	c->as4 = a->as4 && b->as4;
	c->families = bgp_capabilities_families(a, b);
	c->extended_next_hop = a->extended_next_hop && b->extended_next_hop;
	c->hard_reset = a->gr_notification && b->gr_notification;
	c->hold_time_sec = c->ours.hold_time_sec < c->theirs.hold_time_sec
	    ? c->ours.hold_time_sec
	    : c->theirs.hold_time_sec;
	/* RFC 4271 4.4 and 10. A hold time of zero turns both timers off. */
	c->keepalive_usec = c->hold_time_sec * USEC_PER_SEC / 3;
	if (c->keepalive_usec > s->config.keepalive_time_sec * USEC_PER_SEC &&
	    s->config.keepalive_time_sec)
		c->keepalive_usec = s->config.keepalive_time_sec * USEC_PER_SEC;
}

static void
restart_hold_timer(struct bgp_connection *c, mono_t now)
{
	if (c->hold_time_sec)
		c->hold_deadline = mono_add_usec(now, c->hold_time_sec * USEC_PER_SEC);
	else
		c->hold_deadline = MONO_NEVER;
}

static void
end_by_collision(struct bgp_session *s, unsigned slot, mono_t now)
{
	struct bgp_error err;

	bgp_error_cease(&err, BGP_CEASE_COLLISION, "");
	session_end(s, slot, &err, now);
}

/* RFC 4271 6.8: whether the connection that we made is the one to keep. RFC 6286 2.3 for equal
 * identifiers. */
static bool
keeps_outgoing(const struct bgp_open *ours, const struct bgp_open *theirs)
{
	if (ours->identifier != theirs->identifier)
		return ours->identifier > theirs->identifier;
	return ours->asn > theirs->asn;
}

/* False: the connection of the new OPEN was ended. */
static bool
resolve_collision(struct bgp_session *s, unsigned slot, mono_t now)
{
	unsigned other_slot = 1 - slot;
	const struct bgp_connection *c = s->connections[slot], *other = s->connections[other_slot];
	bool keep_new;

	if (!other || other->state == BGP_CONNECT)
		return true;
	if (other->state == BGP_OPEN_SENT &&
	    mono_diff_usec(now, other->stands_since) >= BGP_COLLISION_USEC)
		return true;
	if (other->state == BGP_ESTABLISHED) {
		/* RFC 4724 4.2: the peer came back before we missed it. The old connection ends
		 * without a NOTIFICATION. Only here, not at the mere TCP connection, so that
		 * nothing less than an OPEN ends a session. */
		keep_new = other->theirs.capabilities.graceful_restart;
		if (keep_new) {
			session_end(s, other_slot, NULL, now);
			return true;
		}
	} else {
		/* Both from the peer: it has given up the older one. */
		keep_new = c->outgoing == other->outgoing ||
		    c->outgoing == keeps_outgoing(&c->ours, &c->theirs);
	}
	end_by_collision(s, keep_new ? other_slot : slot, now);
	if (!keep_new)
		session_retry(s, now);
	return keep_new;
}

static bool
receive_open(struct bgp_session *s, unsigned slot, const struct bgp_message *message, mono_t now)
{
	/* RFC 5492 5: what is required, when there is no family in common. */
	static const uint8_t required[] = {BGP_CAPABILITY_MULTIPROTOCOL, 4, 0, BGP_AFI_IPV4, 0,
	    BGP_SAFI_UNICAST, BGP_CAPABILITY_MULTIPROTOCOL, 4, 0, BGP_AFI_IPV6, 0,
	    BGP_SAFI_UNICAST};
	struct bgp_connection *c = s->connections[slot];
	struct bgp_error err;
	unsigned subcode;

	if (c->state != BGP_OPEN_SENT)
		return unexpected(s, slot, message->type, now);
	if (!bgp_open_decode(message->body, message->body_len, &c->theirs, &err)) {
		session_error(s, slot, &err, now);
		return false;
	}
	s->last_theirs = c->theirs;
	subcode = judge_open(s, &c->ours, &c->theirs);
	if (subcode) {
		bool capability = subcode == BGP_OPEN_BAD_CAPABILITY;

		bgp_error_set(
		    &err, BGP_ERROR_OPEN, subcode, required, capability ? sizeof(required) : 0);
		session_error(s, slot, &err, now);
		return false;
	}
	negotiate(s, c);
	if (!resolve_collision(s, slot, now))
		return false;
	c->state = BGP_OPEN_CONFIRM;
	session_because(
	    s, s->state == BGP_ESTABLISHED ? "the peer has restarted" : "OPEN received");
	c->keepalive_due = true;
	restart_hold_timer(c, now);
	if (c->hold_time_sec)
		c->keepalive_at = mono_add_usec(now, session_jitter(s, c->keepalive_usec));
	return true;
}

static bool
receive_keepalive(struct bgp_session *s, unsigned slot, mono_t now)
{
	struct bgp_connection *c = s->connections[slot];

	if (c->state == BGP_OPEN_SENT)
		return unexpected(s, slot, BGP_MESSAGE_KEEPALIVE, now);
	restart_hold_timer(c, now);
	if (c->state == BGP_OPEN_CONFIRM)
		session_established(s, slot, now);
	return true;
}

/* Counts the routes of a field. False when they are more than max-prefixes. */
static bool
take_routes(
    struct bgp_session *s, const struct bgp_span *span, enum bgp_family family, bool announced)
{
	struct ip_prefix prefix;
	struct rbuf r;

	rbuf_init(&r, span->bytes, span->len);
	while (bgp_nlri_next(&r, family, &prefix)) {
		if (!announced)
			bgp_adj_in_withdraw(&s->adj_in, &prefix);
		else if (!bgp_adj_in_announce(&s->adj_in, &prefix, s->config.max_prefixes))
			return false;
	}
	return true;
}

/* RFC 4486 4: family and limit. */
static bool
too_many_prefixes(struct bgp_session *s, unsigned slot, enum bgp_family family, mono_t now)
{
	struct bgp_error err;
	uint8_t data[7];
	struct wbuf w;

	wbuf_init(&w, data, sizeof(data));
	wbuf_u16(&w, bgp_family_afi(family));
	wbuf_u8(&w, BGP_SAFI_UNICAST);
	wbuf_u32(&w, s->config.max_prefixes);
	bgp_error_set(&err, BGP_ERROR_CEASE, BGP_CEASE_MAX_PREFIXES, data, sizeof(data));
	session_error(s, slot, &err, now);
	return false;
}

static bool
take_update(
    struct bgp_session *s, unsigned slot, const struct bgp_update *u, bool as_withdraw, mono_t now)
{
	const struct bgp_connection *c = s->connections[slot];
	const struct bgp_mp_reach *reach = &u->attributes.mp_reach;
	const struct bgp_mp_unreach *unreach = &u->attributes.mp_unreach;
	bool v4 = c->families & BGP_FAMILY_BIT(BGP_IPV4_UNICAST);

	if (u->attributes.present & BGP_ATTRIBUTE_BIT(BGP_ATTRIBUTE_MP_UNREACH)) {
		if (unreach->known && (c->families & BGP_FAMILY_BIT(unreach->family)))
			(void)take_routes(s, &unreach->withdrawn, unreach->family, false);
		else
			s->counters.ignored++;
	}
	if (v4)
		(void)take_routes(s, &u->withdrawn, BGP_IPV4_UNICAST, false);
	if (!v4 && (u->withdrawn.len || u->nlri.len))
		s->counters.ignored++;
	else if (!take_routes(s, &u->nlri, BGP_IPV4_UNICAST, !as_withdraw))
		return too_many_prefixes(s, slot, BGP_IPV4_UNICAST, now);
	if (!(u->attributes.present & BGP_ATTRIBUTE_BIT(BGP_ATTRIBUTE_MP_REACH)))
		return true;
	if (!reach->known || !(c->families & BGP_FAMILY_BIT(reach->family)))
		s->counters.ignored++;
	else if (!take_routes(s, &reach->nlri, reach->family, !as_withdraw))
		return too_many_prefixes(s, slot, reach->family, now);
	return true;
}

static bool
receive_update(struct bgp_session *s, unsigned slot, const struct bgp_message *message, mono_t now)
{
	struct bgp_connection *c = s->connections[slot];
	const struct bgp_update_context context = {c->internal, c->as4, c->extended_next_hop};
	struct bgp_verdict verdict;
	struct bgp_update update;
	char text[BGP_VERDICT_STRLEN];

	if (c->state != BGP_ESTABLISHED)
		return unexpected(s, slot, message->type, now);
	bgp_update_decode(message->body, message->body_len, &context, &update, &verdict);
	if (verdict.treatment != BGP_TREATMENT_NONE) {
		bgp_verdict_str(&verdict, text);
		session_say(s, BGP_EVENT_UPDATE, "%s", text);
	}
	s->counters.attributes_discarded += verdict.discarded;
	if (verdict.treatment == BGP_TREATMENT_RESET) {
		s->counters.update_resets++;
		session_error(s, slot, &verdict.error, now);
		return false;
	}
	restart_hold_timer(c, now);
	if (verdict.treatment == BGP_TREATMENT_WITHDRAW)
		s->counters.treated_as_withdraw++;
	return take_update(s, slot, &update, verdict.treatment == BGP_TREATMENT_WITHDRAW, now);
}

/* RFC 4271 8.2.2, events 24 and 25. Nothing is answered. */
static bool
receive_notification(
    struct bgp_session *s, unsigned slot, const struct bgp_message *message, mono_t now)
{
	struct bgp_last_error *last = &s->last_received;
	char text[BGP_ERROR_STRLEN];
	bool blameless;

	last->any = true;
	last->at = now;
	bgp_notification_decode(message->body, message->body_len, &last->error);
	bgp_error_str(&last->error, text);
	session_say(s, BGP_EVENT_RECEIVED, "%s", text);
	session_because(s, "NOTIFICATION received: %s", text);
	blameless = (last->error.code == BGP_ERROR_CEASE &&
			last->error.subcode == BGP_CEASE_COLLISION) ||
	    (last->error.code == BGP_ERROR_OPEN && last->error.subcode == BGP_OPEN_BAD_VERSION);
	session_end(s, slot, NULL, now);
	if (blameless)
		session_retry(s, now);
	else
		session_failed(s, now);
	return false;
}

/* RFC 2918 4: ignored for what was not negotiated. It costs the peer 23 octets and us a table, so
 * requests are gathered until the socket has room, and for BGP_REFRESH after an answer. */
static bool
receive_route_refresh(
    struct bgp_session *s, unsigned slot, const struct bgp_message *message, mono_t now)
{
	const struct bgp_route_refresh refresh = bgp_route_refresh_decode(message->body);
	struct bgp_connection *c = s->connections[slot];
	enum bgp_family family;

	if (c->state != BGP_ESTABLISHED)
		return unexpected(s, slot, message->type, now);
	if (!refresh.subtype && bgp_family_from_wire(refresh.afi, refresh.safi, &family) &&
	    (c->families & BGP_FAMILY_BIT(family)) && !(c->refresh & BGP_FAMILY_BIT(family))) {
		c->refresh_later |= BGP_FAMILY_BIT(family);
		session_refresh(c, now);
	}
	return true;
}

/* False when this ended the connection. */
static bool
take_message(struct bgp_session *s, unsigned slot, const struct bgp_message *message, mono_t now)
{
	s->counters.received[message->type]++;
	switch (message->type) {
	case BGP_MESSAGE_OPEN:
		return receive_open(s, slot, message, now);
	case BGP_MESSAGE_UPDATE:
		return receive_update(s, slot, message, now);
	case BGP_MESSAGE_NOTIFICATION:
		return receive_notification(s, slot, message, now);
	case BGP_MESSAGE_KEEPALIVE:
		return receive_keepalive(s, slot, now);
	case BGP_MESSAGE_ROUTE_REFRESH:
		return receive_route_refresh(s, slot, message, now);
	case BGP_MESSAGE_TYPE_COUNT:
		break;
	}
	assert(false);
	return false;
}

/* The first message of the bytes. False when it ended the connection. */
static bool
take_frame(struct bgp_session *s, unsigned slot, const uint8_t *bytes, size_t len, size_t *ret_len,
    bool *ret_short, mono_t now)
{
	struct bgp_message message;
	struct bgp_error err;

	*ret_short = false;
	switch (bgp_message_frame(bytes, len, &message, &err)) {
	case BGP_FRAME_SHORT:
		*ret_short = true;
		return true;
	case BGP_FRAME_WHOLE:
		*ret_len = message.len;
		return take_message(s, slot, &message, now);
	case BGP_FRAME_ERROR:
		session_error(s, slot, &err, now);
		return false;
	}
	return false;
}

void
session_bytes(struct bgp_session *s, unsigned slot, const uint8_t *bytes, size_t len, mono_t now)
{
	struct bgp_connection *c = s->connections[slot];
	size_t n, had, used;
	bool is_short;

	while (len) {
		/* With the beginning of a message there, only as much as completes it is used. */
		had = c->rx_len;
		if (had) {
			n = sizeof(c->rx) - had < len ? sizeof(c->rx) - had : len;
			memcpy(c->rx + had, bytes, n);
			if (!take_frame(s, slot, c->rx, had + n, &used, &is_short, now))
				return;
		} else {
			n = len;
			if (!take_frame(s, slot, bytes, len, &used, &is_short, now))
				return;
			if (is_short)
				memcpy(c->rx, bytes, n);
		}
		if (is_short) {
			c->rx_len = had + n;
			return;
		}
		c->rx_len = 0;
		bytes += used - had;
		len -= used - had;
	}
}
