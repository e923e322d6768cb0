/*
 * A session under random orders, connections, bytes and time. Each step is an octet that says what
 * happens, with an octet of detail; bytes of a router are either good messages or taken from the
 * input. After each step the promises of session.h are checked, as a glue would rely on them.
 */
#include <assert.h>
#include <string.h>

#include "bgp/session.h"
#include "bgp/update.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS_MAX 2000
#define MAX_PREFIXES 20
#define TICKS_MAX 1000 /* in one step of time */

enum socket_state {
	SOCKET_NONE,
	SOCKET_CONNECTING,
	SOCKET_STANDS
};

struct socket {
	enum socket_state state;
	bool open_sent, keepalive_sent;
};

struct world {
	struct bgp_attribute_pool pool;
	struct bgp_session_config config;
	struct bgp_session *session;
	struct socket sockets[BGP_SLOTS];
	struct bgp_next_hops local;
	mono_t now;
	const uint8_t *data;
	size_t size;
};

static uint8_t
octet(struct world *w)
{
	if (!w->size)
		return 0;
	w->size--;
	return *w->data++;
}

static void
take_actions(struct world *w)
{
	struct bgp_action action;
	struct bgp_event event;
	unsigned n = 0;

	while (bgp_session_take_action(w->session, &action)) {
		struct socket *socket = &w->sockets[action.slot];

		assert(action.slot < BGP_SLOTS && n++ < 16);
		if (action.kind == BGP_ACTION_CONNECT) {
			assert(socket->state == SOCKET_NONE && !action.last_len);
			socket->state = SOCKET_CONNECTING;
			continue;
		}
		assert(socket->state != SOCKET_NONE);
		assert(!action.last_len || socket->state == SOCKET_STANDS);
		*socket = (struct socket){SOCKET_NONE, false, false};
	}
	for (n = 0; bgp_session_take_event(w->session, &event); n++)
		assert(memchr(event.text, '\0', sizeof(event.text)) && n <= BGP_EVENTS_MAX);
}

/* What was sent is whole messages in an order that RFC 4271 8.2.2 allows. */
static void
check_sent(struct world *w, struct socket *socket, const uint8_t *bytes, size_t len)
{
	struct bgp_message message;
	struct bgp_error err;

	(void)w;
	while (len) {
		assert(bgp_message_frame(bytes, len, &message, &err) == BGP_FRAME_WHOLE);
		assert((message.type == BGP_MESSAGE_OPEN) == !socket->open_sent);
		assert(message.type != BGP_MESSAGE_UPDATE || socket->keepalive_sent);
		socket->open_sent = true;
		socket->keepalive_sent |= message.type == BGP_MESSAGE_KEEPALIVE;
		bytes += message.len;
		len -= message.len;
	}
}

static void
send_some(struct world *w, unsigned slot)
{
	uint8_t bytes[BGP_MESSAGE_MAX_BYTES];
	size_t len;

	if (w->sockets[slot].state != SOCKET_STANDS)
		return;
	if (!bgp_session_wants_send(w->session, slot))
		return;
	len = bgp_session_send(w->session, slot, bytes, sizeof(bytes), w->now);
	check_sent(w, &w->sockets[slot], bytes, len);
	take_actions(w);
}

static void
check(struct world *w)
{
	const struct bgp_adj_counts *counts = bgp_session_adj_out(w->session)->counts;
	struct bgp_session_status status;
	unsigned slot, used = 0;

	take_actions(w);
	bgp_session_status(w->session, &status);
	for (slot = 0; slot < BGP_SLOTS; slot++) {
		used += w->sockets[slot].state != SOCKET_NONE;
		if (w->sockets[slot].state == SOCKET_NONE)
			assert(!bgp_session_wants_send(w->session, slot));
	}
	assert(status.started || (!used && status.state == BGP_IDLE));
	assert((used == 0) == (status.state == BGP_IDLE || status.state == BGP_ACTIVE));
	assert(status.received_prefixes[0] + status.received_prefixes[1] <= MAX_PREFIXES);
	if (status.state != BGP_ESTABLISHED) {
		assert(!counts[0].sent && !counts[1].sent);
		assert(!status.received_prefixes[0] && !status.received_prefixes[1]);
	}
	assert(status.drain == BGP_DRAIN_NONE || status.drain == BGP_DRAIN_DONE ||
	    status.state == BGP_ESTABLISHED);
	/* Who is started gets somewhere by himself, unless passive. */
	if (status.started && !used && !w->config.passive)
		assert(!mono_is_never(bgp_session_deadline(w->session)));
}

static void
pass_time(struct world *w, int64_t usec)
{
	mono_t end = mono_add_usec(w->now, usec), at;
	unsigned ticks = 0;

	while (at = bgp_session_deadline(w->session), !mono_before(end, at)) {
		assert(ticks++ < TICKS_MAX);
		w->now = mono_before(at, w->now) ? w->now : at;
		bgp_session_tick(w->session, w->now);
		assert(mono_before(w->now, bgp_session_deadline(w->session)));
		check(w);
	}
	w->now = end;
}

static void
receive_open(struct world *w, unsigned slot, uint8_t detail)
{
	struct bgp_open open = {
	    .asn = detail & 1 ? 64512 : 64500U + (detail & 2),
	    .hold_time_sec = detail & 4 ? 90 : 3,
	    .identifier = detail & 8 ? 2 : 0x0a000002,
	    .capabilities =
		{
		    .multiprotocol = true,
		    .families = detail & 16 ? BGP_FAMILIES_ALL : 1,
		    .as4 = detail & 32,
		    .graceful_restart = detail & 64,
		    .gr_notification = (detail & 192) == 192,
		},
	};
	uint8_t bytes[BGP_MESSAGE_MAX_BYTES];
	struct wbuf b;

	wbuf_init(&b, bytes, sizeof(bytes));
	bgp_open_encode(&b, &open);
	bgp_session_received(w->session, slot, bytes, b.pos, w->now);
}

static void
receive_bytes(struct world *w, unsigned slot, uint8_t detail)
{
	uint8_t bytes[BGP_HEADER_BYTES + 255];
	size_t len = detail < w->size ? detail : w->size, n = 0;

	/* Often a frame around them, or no fuzzer gets behind the header. */
	if (detail & 1) {
		memset(bytes, 0xff, 16);
		bytes[16] = 0;
		bytes[17] = (uint8_t)(BGP_HEADER_BYTES + len);
		bytes[18] = (uint8_t)(1 + detail / 2 % 5);
		n = BGP_HEADER_BYTES;
		if (BGP_HEADER_BYTES + len > UINT8_MAX) {
			len = UINT8_MAX - BGP_HEADER_BYTES;
			bytes[17] = UINT8_MAX;
		}
	}
	if (len)
		memcpy(bytes + n, w->data, len);
	w->data += len;
	w->size -= len;
	bgp_session_received(w->session, slot, bytes, n + len, w->now);
}

static void
connection_step(struct world *w, uint8_t what, uint8_t detail)
{
	static const uint8_t keepalive[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 19, 4};
	unsigned slot = what & 1;
	struct socket *socket = &w->sockets[slot];

	if (socket->state == SOCKET_CONNECTING && (what >> 1) % 2) {
		socket->state = SOCKET_STANDS;
		bgp_session_connected(w->session, slot, &w->local, w->now);
		return;
	}
	if (socket->state == SOCKET_NONE)
		return;
	if ((what >> 1) % 8 == 7 || socket->state == SOCKET_CONNECTING) {
		*socket = (struct socket){SOCKET_NONE, false, false};
		bgp_session_closed(w->session, slot, "closed", w->now);
		return;
	}
	switch ((what >> 1) % 4) {
	case 0:
		receive_open(w, slot, detail);
		break;
	case 1:
		bgp_session_received(w->session, slot, keepalive, sizeof(keepalive), w->now);
		break;
	case 2:
		receive_bytes(w, slot, detail);
		break;
	default:
		send_some(w, slot);
	}
}

static void
want_routes(struct world *w, uint8_t detail)
{
	const struct bgp_route_attributes attributes = {.med = detail & 3, .weight = detail & 4};
	struct bgp_attribute_set *set = bgp_attribute_pool_get(&w->pool, &attributes);
	struct bgp_adj_out *out = bgp_session_adj_out(w->session);
	struct ip_prefix prefix = {ip_addr_v4(10, 99, 0, 0), 32};
	unsigned i;

	bgp_adj_out_begin(out);
	for (i = 0; i < detail / 8U; i++) {
		prefix.addr.bytes[3] = (uint8_t)i;
		(void)bgp_adj_out_want(out, &prefix, set);
	}
	bgp_adj_out_end(out);
	bgp_attribute_set_unref(&w->pool, set);
}

static void
accept_one(struct world *w)
{
	unsigned slot;

	if (!bgp_session_accept(w->session, &w->local, w->now, &slot))
		return;
	/* Before any action is taken: none is about this slot. */
	assert(w->sockets[slot].state == SOCKET_NONE);
	w->sockets[slot].state = SOCKET_STANDS;
}

static void
configure(struct world *w, uint8_t detail)
{
	w->config.passive = detail & 1;
	w->config.hold_time_sec = detail & 2 ? 0 : 90;
	w->config.keepalive_time_sec = detail & 2 ? 0 : 30;
	w->config.gr_notification = detail & 4;
	w->config.peer_asn = detail & 8 ? 0 : 64512;
	w->config.dynamic_asn = detail & 8 ? DYNAMIC_ASN_EXTERNAL : DYNAMIC_ASN_NONE;
	w->config.identifier = detail & 16 ? 0x0a000001 : 0x0b000001;
	bgp_session_configure(w->session, &w->config, w->now);
}

static void
step(struct world *w)
{
	uint8_t what = octet(w), detail = octet(w);

	switch (what >> 4) {
	case 0:
		bgp_session_start(w->session, w->now);
		break;
	case 1:
		bgp_session_stop(w->session, BGP_CEASE_SHUTDOWN, "text", w->now);
		break;
	case 2:
		bgp_session_drain(w->session, detail * USEC_PER_SEC / 8, "text", w->now);
		break;
	case 3:
		configure(w, detail);
		break;
	case 4:
		want_routes(w, detail);
		break;
	case 5:
		accept_one(w);
		break;
	case 6:
		bgp_session_bfd_down(w->session, w->now);
		break;
	case 7:
		bgp_session_reset(w->session, BGP_CEASE_RESET, "", w->now);
		break;
	case 8:
		bgp_session_routes_complete(w->session);
		break;
	case 9:
		pass_time(w, detail * USEC_PER_SEC / 4);
		break;
	case 10:
		send_some(w, 0);
		send_some(w, 1);
		break;
	default:
		connection_step(w, what, detail);
	}
	check(w);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct bgp_restart restart = {true, true};
	struct world w = {.data = data, .size = size, .now = {USEC_PER_SEC}};
	unsigned n;

	w.config = (struct bgp_session_config){
	    .my_asn = 64500,
	    .peer_asn = 64512,
	    .identifier = 0x0a000001,
	    .hold_time_sec = 90,
	    .keepalive_time_sec = 30,
	    .connect_time_usec = 10 * USEC_PER_SEC,
	    .graceful_restart = true,
	    .restart_time_sec = 10,
	    .max_prefixes = MAX_PREFIXES,
	};
	w.local.ipv4 = ip_addr_v4(10, 0, 0, 1);
	w.session = bgp_session_new(&w.config, &restart, &w.pool, 1, w.now);
	for (n = 0; w.size && n < STEPS_MAX; n++)
		step(&w);
	bgp_session_free(w.session);
	assert(!bgp_attribute_pool_count(&w.pool));
	return 0;
}
