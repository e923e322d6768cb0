#include "daemon/peer.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/transport.h"
#include "io/file.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/str.h"

#define KEY_FILE_BYTES 4096 /* of which the first line counts */
#define SAID_USEC (5 * USEC_PER_SEC)
#define SAID_BURST 20

static void peer_pump(void *arg);

char *
peer_label(const struct peer *peer)
{
	char ip[IP_ADDR_STRLEN];

	if (*peer->settings->interface)
		return xasprintf("%s (%s)", peer->name, peer->settings->interface);
	ip_addr_format(&peer->settings->peer_address, ip);
	return xasprintf("%s (%s)", peer->name, ip);
}

/* --- what is said --- */

static void __attribute__((format(printf, 3, 4)))
say(struct peer *peer, enum log_level level, const char *fmt, ...)
{
	const struct log_field fields[] = {{"METALLB_PEER", peer->name}};
	mem_cleanup(mem_freep) char *text = NULL, *label = NULL;
	uint64_t suppressed;
	va_list ap;

	if (!log_enabled(level) || !rate_take(&peer->said, loop_now(peer->context->loop)))
		return;
	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	label = peer_label(peer);
	suppressed = rate_suppressed(&peer->said);
	if (suppressed)
		log_line(level, fields, 1, "bgp peer=%s %s (%llu lines suppressed)", label, text,
		    (unsigned long long)suppressed);
	else
		log_line(level, fields, 1, "bgp peer=%s %s", label, text);
}

static void
say_event(struct peer *peer, const struct bgp_event *event)
{
	bool visible = event->from == BGP_ESTABLISHED || event->to == BGP_ESTABLISHED;

	switch (event->kind) {
	case BGP_EVENT_STATE:
		say(peer, visible ? LOG_LEVEL_NOTICE : LOG_LEVEL_DEBUG, "%s -> %s%s%s",
		    bgp_state_str(event->from), bgp_state_str(event->to), *event->text ? ": " : "",
		    event->text);
		peer->context->changed(peer->context->arg);
		break;
	case BGP_EVENT_SENT:
		say(peer, LOG_LEVEL_INFO, "sent NOTIFICATION: %s", event->text);
		break;
	case BGP_EVENT_RECEIVED:
		say(peer, LOG_LEVEL_NOTICE, "received NOTIFICATION: %s", event->text);
		break;
	case BGP_EVENT_REFUSED:
		say(peer, LOG_LEVEL_INFO, "refused a connection: %s", event->text);
		break;
	case BGP_EVENT_UPDATE:
		say(peer, LOG_LEVEL_WARNING, "sent a faulty UPDATE: %s", event->text);
		break;
	case BGP_EVENT_LOST:
		say(peer, LOG_LEVEL_DEBUG, "%u more events", event->count);
		break;
	case BGP_EVENT_KIND_COUNT:
		break;
	}
}

/* --- connections --- */

static struct slot *
slot_lost(void *arg)
{
	struct slot *slot = arg;

	slot->conn = NULL;
	return slot;
}

static void
on_connected(void *arg)
{
	struct slot *slot = arg;
	struct peer *peer = slot->peer;
	struct bgp_next_hops hops = transport_next_hops(
	    peer->settings, peer->context->links, tcp_local(slot->conn), &peer->remote.ip);

	bgp_session_connected(peer->session, slot->index, &hops, loop_now(peer->context->loop));
	peer_pump(peer);
}

static size_t
on_received(void *arg, const uint8_t *bytes, size_t len)
{
	struct slot *slot = arg;
	struct peer *peer = slot->peer;

	bgp_session_received(peer->session, slot->index, bytes, len, loop_now(peer->context->loop));
	peer_pump(peer);
	return len;
}

static void
on_drained(void *arg)
{
	struct slot *slot = arg;

	peer_pump(slot->peer);
}

static void
on_closed(void *arg, int err)
{
	struct slot *slot = slot_lost(arg);
	struct peer *peer = slot->peer;

	bgp_session_closed(peer->session, slot->index,
	    err ? strerror(-err) : "the peer closed the connection", loop_now(peer->context->loop));
	peer_pump(peer);
}

static const struct tcp_ops tcp_ops = {on_connected, on_received, on_drained, on_closed};

/* NULL, or why there can be no connection now. */
static const char *
try_connect(struct peer *peer, struct slot *slot)
{
	const struct settings_peer *settings = peer->settings;
	struct transport_hops hops = transport_hops(settings);
	const struct tcp_options options = {
	    .remote = peer->remote,
	    .local = settings->source_address,
	    .device = settings->vrf,
	    .ttl = hops.ttl,
	    .min_ttl = hops.min_ttl,
	    .key = peer->key,
	    .key_len = peer->key ? strlen(peer->key) : 0,
	};
	int err;

	if (peer->key_error)
		return peer->key_error;
	if (peer->remote.ip.family == IP_FAMILY_NONE)
		return "no router was heard on the interface yet";
	err = tcp_connect(peer->context->tcp, &options, &tcp_ops, slot, &slot->conn);
	return err ? strerror(-err) : NULL;
}

static void
act(struct peer *peer, const struct bgp_action *action)
{
	struct slot *slot = &peer->slots[action->slot];
	const char *why;

	switch (action->kind) {
	case BGP_ACTION_CONNECT:
		why = try_connect(peer, slot);
		if (why)
			bgp_session_closed(
			    peer->session, action->slot, why, loop_now(peer->context->loop));
		break;
	case BGP_ACTION_CLOSE:
		if (slot->conn && action->last_len)
			tcp_send(slot->conn, action->last, action->last_len);
		tcp_close(slot->conn);
		slot->conn = NULL;
		break;
	case BGP_ACTION_KIND_COUNT:
		break;
	}
}

/* Only while the kernel has room: what is queued here would be old when it goes. */
static void
send_messages(struct peer *peer, struct slot *slot)
{
	struct peer_context *context = peer->context;
	int i;

	for (i = 0; slot->conn && !tcp_queued(slot->conn) &&
	     bgp_session_wants_send(peer->session, slot->index);
	     i++) {
		size_t n;

		if (i == PEER_SENDS_PER_TURN) {
			loop_defer(&peer->pump);
			return;
		}
		n = bgp_session_send(peer->session, slot->index, context->send_buffer,
		    PEER_SEND_BYTES, loop_now(context->loop));
		if (!n)
			return;
		tcp_send(slot->conn, context->send_buffer, n);
	}
}

/* Does what the session asks for; after every call into it. */
static void
peer_pump(void *arg)
{
	struct peer *peer = arg;
	struct bgp_action action;
	struct bgp_event event;
	unsigned i;

	/* An event's line may lead back here. */
	if (peer->pumping)
		return;
	peer->pumping = true;
	while (bgp_session_take_action(peer->session, &action))
		act(peer, &action);
	for (i = 0; i < BGP_SLOTS; i++)
		send_messages(peer, &peer->slots[i]);
	while (bgp_session_take_action(peer->session, &action))
		act(peer, &action);
	while (bgp_session_take_event(peer->session, &event))
		say_event(peer, &event);
	peer->pumping = false;
	loop_timer_set(&peer->timer, bgp_session_deadline(peer->session));
}

static void
on_timer(void *arg)
{
	struct peer *peer = arg;

	bgp_session_tick(peer->session, loop_now(peer->context->loop));
	peer_pump(peer);
}

void
peer_incoming(struct peer *peer, struct tcp_incoming *incoming)
{
	struct transport_hops hops = transport_hops(peer->settings);
	const struct tcp_options options = {.ttl = hops.ttl, .min_ttl = hops.min_ttl};
	struct bgp_next_hops next_hops;
	unsigned index;

	if (peer->key_error || peer->listener_key_failed)
		return;
	next_hops = transport_next_hops(peer->settings, peer->context->links,
	    tcp_incoming_local(incoming), &tcp_incoming_remote(incoming)->ip);
	if (bgp_session_accept(peer->session, &next_hops, loop_now(peer->context->loop), &index)) {
		struct slot *slot = &peer->slots[index];

		slot->conn = tcp_take(incoming, &options, &tcp_ops, slot);
	}
	peer_pump(peer);
}

/* --- settings --- */

static void
read_key(struct peer *peer)
{
	const struct settings_peer *settings = peer->settings;
	char *text, *end;
	size_t len;
	int err;

	free(peer->key);
	free(peer->key_error);
	peer->key = peer->key_error = NULL;
	if (*settings->password)
		peer->key = xstrdup(settings->password);
	if (!*settings->password_file)
		return;
	err = file_read(settings->password_file, KEY_FILE_BYTES, &text, &len);
	if (err) {
		peer->key_error = xasprintf(
		    "password-file %s: %s", settings->password_file, strerror(-err));
		return;
	}
	end = memchr(text, '\n', len);
	len = end ? (size_t)(end - text) : strlen(text);
	if (len && text[len - 1] == '\r')
		len--;
	if (len && len <= TCP_KEY_MAX_BYTES)
		peer->key = xstrndup(text, len);
	else
		peer->key_error = xasprintf("password-file %s: its first line is %s",
		    settings->password_file, len ? "longer than 80 bytes" : "empty");
	explicit_bzero(text, len);
	free(text);
}

static struct bgp_session_config
session_config(const struct peer *peer)
{
	const struct settings_peer *settings = peer->settings;
	bool v6 = *settings->interface || settings->peer_address.family == IP_FAMILY_V6;

	return (struct bgp_session_config){
	    .my_asn = settings->my_asn,
	    .local_asn = settings->local_asn,
	    .peer_asn = settings->peer_asn,
	    .dynamic_asn = settings->dynamic_asn,
	    .identifier = peer->identifier,
	    .passive = settings->passive,
	    .hold_time_sec = (uint16_t)(settings->hold_time_usec / USEC_PER_SEC),
	    .keepalive_time_sec = (uint16_t)(settings->keepalive_time_usec / USEC_PER_SEC),
	    .connect_time_usec = settings->connect_time_usec,
	    .graceful_restart = settings->graceful_restart,
	    .restart_time_sec = (uint16_t)(settings->restart_time_usec / USEC_PER_SEC),
	    .extended_next_hop = v6,
	    .max_prefixes = settings->max_prefixes,
	};
}

static uint32_t
identifier_of(const struct settings_peer *settings, uint32_t chosen)
{
	const uint8_t *b = settings->router_id.bytes;

	if (settings->router_id.family != IP_FAMILY_V4)
		return chosen;
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static void
set_remote(struct peer *peer)
{
	if (!*peer->settings->interface)
		peer->remote.ip = peer->settings->peer_address;
	peer->remote.port = peer->settings->peer_port;
}

struct peer *
peer_new(struct peer_context *context, const struct settings_peer *settings, uint32_t identifier,
    const struct bgp_restart *restart, uint64_t seed)
{
	struct peer *peer = xcalloc(1, sizeof(*peer));
	mono_t now = loop_now(context->loop);
	struct bgp_session_config config;
	unsigned i;

	peer->context = context;
	peer->settings = settings;
	peer->name = xstrdup(settings->name);
	peer->identifier = identifier_of(settings, identifier);
	for (i = 0; i < BGP_SLOTS; i++)
		peer->slots[i] = (struct slot){.peer = peer, .index = i};
	rate_init(&peer->said, SAID_USEC, SAID_BURST, now);
	loop_timer_init(&peer->timer, context->loop, on_timer, peer);
	loop_deferred_init(&peer->pump, context->loop, peer_pump, peer);
	read_key(peer);
	set_remote(peer);
	config = session_config(peer);
	peer->session = bgp_session_new(&config, restart, &context->attributes, seed, now);
	if (peer->key_error)
		say(peer, LOG_LEVEL_WARNING, "no connection: %s", peer->key_error);
	return peer;
}

void
peer_free(struct peer *peer)
{
	unsigned i;

	if (!peer)
		return;
	for (i = 0; i < BGP_SLOTS; i++)
		tcp_abort(peer->slots[i].conn);
	bgp_session_free(peer->session);
	loop_timer_fini(&peer->timer);
	loop_deferred_fini(&peer->pump);
	if (peer->key)
		explicit_bzero(peer->key, strlen(peer->key));
	free(peer->key);
	free(peer->key_error);
	free(peer->name);
	free(peer);
}

void
peer_configure(struct peer *peer, const struct settings_peer *settings)
{
	mono_t now = loop_now(peer->context->loop);
	bool differs = transport_differs(peer->settings, settings);
	char *old_key = peer->key ? xstrdup(peer->key) : NULL;
	struct bgp_session_config config;

	peer->identifier = identifier_of(settings, peer->identifier);
	peer->settings = settings;
	read_key(peer);
	set_remote(peer);
	differs |= !str_eq_null(old_key, peer->key);
	if (old_key)
		explicit_bzero(old_key, strlen(old_key));
	free(old_key);
	if (peer->key_error)
		say(peer, LOG_LEVEL_WARNING, "no connection: %s", peer->key_error);
	config = session_config(peer);
	if (differs)
		bgp_session_reset(peer->session, BGP_CEASE_CONFIGURATION, "", now);
	bgp_session_configure(peer->session, &config, now);
	peer_pump(peer);
}

void
peer_start(struct peer *peer)
{
	peer->drained = false;
	bgp_session_start(peer->session, loop_now(peer->context->loop));
	peer_pump(peer);
}

void
peer_stop(struct peer *peer, enum bgp_cease why, const char *text)
{
	bgp_session_stop(peer->session, why, text, loop_now(peer->context->loop));
	peer_pump(peer);
}

void
peer_drain(struct peer *peer, const char *text)
{
	if (peer->drained)
		return;
	peer->drained = true;
	bgp_session_drain(peer->session, PEER_DRAIN_USEC, text, loop_now(peer->context->loop));
	peer_pump(peer);
}

/* --- routes --- */

void
peer_set_routes(struct peer *peer, const struct route_group *group, bool complete)
{
	struct bgp_attribute_pool *pool = &peer->context->attributes;
	struct bgp_adj_out *out = bgp_session_adj_out(peer->session);
	size_t i, refused = 0;

	bgp_adj_out_begin(out);
	for (i = 0; i < group->n_routes; i++) {
		const struct route *route = &group->routes[i];
		struct bgp_attribute_set *set = bgp_attribute_pool_get(pool,
		    &(struct bgp_route_attributes){
			.med = route->med,
			.local_pref = route->localpref,
			.weight = route->weight,
			.prepend = route->as_path_prepend,
			.communities = route->communities,
			.n_communities = route->n_communities,
		    });

		if (!set || bgp_adj_out_want(out, &route->prefix, set))
			refused++;
		bgp_attribute_set_unref(pool, set);
	}
	bgp_adj_out_end(out);
	if (refused)
		say(peer, LOG_LEVEL_WARNING,
		    "%zu routes are not announced: more than %d, or with more communities than a message holds",
		    refused, BGP_ADJ_OUT_MAX_ROUTES);
	if (complete)
		bgp_session_routes_complete(peer->session);
	peer_pump(peer);
}

void
peer_set_remote(struct peer *peer, const struct ip_addr *ip, int ifindex)
{
	mono_t now = loop_now(peer->context->loop);
	bool known = peer->remote.ip.family != IP_FAMILY_NONE;

	if (ip->family == IP_FAMILY_NONE ||
	    (ip_addr_eq(&peer->remote.ip, ip) && peer->remote.scope == ifindex))
		return;
	peer->remote.ip = *ip;
	peer->remote.scope = ifindex;
	/* A session that stands shows that the old one is not gone: its own timer decides. */
	if (known && bgp_session_state(peer->session) == BGP_ESTABLISHED)
		return;
	bgp_session_reset(peer->session, BGP_CEASE_RESET, "", now);
	peer_pump(peer);
}
