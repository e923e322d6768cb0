/* Two sessions that talk to each other over perfect wires: what both see. The rows of the state
 * machine are replay scripts, tests/replay/bgp. */
#include "test.h"

#include "bgp/session.h"
#include "bgp/update.h"

#define CHUNK BGP_MESSAGE_MAX_BYTES

struct side {
	struct bgp_session *session;
	struct bgp_next_hops local;
	int wire[BGP_SLOTS]; /* the other side's slot, -1: none */
};

struct pair {
	struct bgp_attribute_pool pool;
	struct side sides[2];
	mono_t now;
};

static const struct bgp_session_config config = {
    .my_asn = 64500,
    .peer_asn = 64512,
    .identifier = 0x0a000001,
    .hold_time_sec = 90,
    .keepalive_time_sec = 30,
    .connect_time_usec = 10 * USEC_PER_SEC,
    .graceful_restart = true,
    .restart_time_sec = 10,
    .max_prefixes = 100,
};

static void
pair_init(struct pair *p, const struct bgp_session_config *a, const struct bgp_session_config *b)
{
	static const struct bgp_restart fresh;
	unsigned i, slot;

	*p = (struct pair){.now = {USEC_PER_SEC}};
	for (i = 0; i < 2; i++) {
		p->sides[i].session = bgp_session_new(i ? b : a, &fresh, &p->pool, i + 1, p->now);
		p->sides[i].local.ipv4 = ip_addr_v4(10, 0, 0, (uint8_t)(i + 1));
		for (slot = 0; slot < BGP_SLOTS; slot++)
			p->sides[i].wire[slot] = -1;
		bgp_session_start(p->sides[i].session, p->now);
	}
}

static void
pair_free(struct pair *p)
{
	bgp_session_free(p->sides[0].session);
	bgp_session_free(p->sides[1].session);
	assert_int_equal(bgp_attribute_pool_count(&p->pool), 0);
}

static void
connect_wire(struct pair *p, unsigned i, unsigned slot)
{
	struct side *from = &p->sides[i], *to = &p->sides[1 - i];
	unsigned there;

	if (!bgp_session_accept(to->session, &to->local, p->now, &there)) {
		bgp_session_closed(from->session, slot, "refused", p->now);
		return;
	}
	from->wire[slot] = (int)there;
	to->wire[there] = (int)slot;
	bgp_session_connected(from->session, slot, &from->local, p->now);
}

static void
close_wire(struct pair *p, unsigned i, const struct bgp_action *action)
{
	struct side *from = &p->sides[i], *to = &p->sides[1 - i];
	int there = from->wire[action->slot];

	from->wire[action->slot] = -1;
	if (there < 0)
		return;
	if (action->last_len)
		bgp_session_received(
		    to->session, (unsigned)there, action->last, action->last_len, p->now);
	/* Unless it took that as the end, and told so by an action of its own. */
	if (to->wire[there] == (int)action->slot) {
		struct bgp_action own;

		to->wire[there] = -1;
		while (bgp_session_take_action(to->session, &own))
			if (own.kind == BGP_ACTION_CLOSE && own.slot == (unsigned)there)
				return;
		bgp_session_closed(to->session, (unsigned)there, "closed", p->now);
	}
}

/* Moves everything until nothing moves. */
static void
pair_run(struct pair *p)
{
	uint8_t bytes[CHUNK];
	struct bgp_action action;
	bool moved = true;
	unsigned i, slot;
	size_t len;

	while (moved) {
		moved = false;
		for (i = 0; i < 2; i++) {
			struct side *side = &p->sides[i];

			while (bgp_session_take_action(side->session, &action)) {
				moved = true;
				if (action.kind == BGP_ACTION_CONNECT)
					connect_wire(p, i, action.slot);
				else
					close_wire(p, i, &action);
			}
			for (slot = 0; slot < BGP_SLOTS; slot++) {
				if (side->wire[slot] < 0 ||
				    !bgp_session_wants_send(side->session, slot))
					continue;
				moved = true;
				len = bgp_session_send(
				    side->session, slot, bytes, sizeof(bytes), p->now);
				bgp_session_received(p->sides[1 - i].session,
				    (unsigned)side->wire[slot], bytes, len, p->now);
				break;
			}
		}
	}
}

static void
pair_advance(struct pair *p, int64_t usec)
{
	mono_t end = mono_add_usec(p->now, usec);

	for (;;) {
		mono_t at = mono_min(bgp_session_deadline(p->sides[0].session),
		    bgp_session_deadline(p->sides[1].session));

		if (mono_before(end, at))
			break;
		p->now = mono_before(at, p->now) ? p->now : at;
		bgp_session_tick(p->sides[0].session, p->now);
		bgp_session_tick(p->sides[1].session, p->now);
		pair_run(p);
	}
	p->now = end;
}

static void
test_both_active(void **state)
{
	struct bgp_session_config other = config;
	struct bgp_session_status status;
	struct pair p;
	unsigned i;

	(void)state;
	other.my_asn = config.peer_asn;
	other.peer_asn = config.my_asn;
	other.identifier = 0x0a000002;
	pair_init(&p, &config, &other);
	pair_advance(&p, 20 * USEC_PER_SEC);
	for (i = 0; i < 2; i++) {
		bgp_session_status(p.sides[i].session, &status);
		assert_int_equal(status.state, BGP_ESTABLISHED);
		assert_int_equal(status.counters.established, 1);
		/* RFC 4271 6.8: made by the one with the higher identifier. */
		assert_int_equal(status.outgoing, i == 1);
		assert_int_equal(status.families, BGP_FAMILIES_ALL);
		assert_int_equal(status.hold_time_sec, 90);
		assert_int_equal(status.keepalive_time_sec, 30);
	}
	/* It lives on KEEPALIVEs. */
	pair_advance(&p, 10 * USEC_PER_MIN);
	for (i = 0; i < 2; i++) {
		bgp_session_status(p.sides[i].session, &status);
		assert_int_equal(status.state, BGP_ESTABLISHED);
		assert_int_equal(status.counters.established, 1);
		assert_in_range(status.counters.received[BGP_MESSAGE_KEEPALIVE], 20, 30);
	}
	pair_free(&p);
}

/* RFC 9687: a router that takes one message in a while is slow, not dead. */
static void
test_slow_router(void **state)
{
	const struct bgp_route_attributes plain = {.med = 1};
	struct bgp_session_config other = config;
	struct bgp_attribute_set *set;
	struct ip_prefix prefix = {ip_addr_v4(10, 99, 0, 0), 32};
	uint8_t bytes[CHUNK];
	struct pair p;
	unsigned i, slot;

	(void)state;
	other.my_asn = config.peer_asn;
	other.peer_asn = config.my_asn;
	other.identifier = 0x0a000002;
	pair_init(&p, &config, &other);
	pair_advance(&p, 20 * USEC_PER_SEC);
	slot = p.sides[0].wire[0] >= 0 ? 0 : 1;
	set = bgp_attribute_pool_get(&p.pool, &plain);
	for (i = 0; i < 5000; i++) {
		prefix.addr.bytes[2] = (uint8_t)(i >> 8);
		prefix.addr.bytes[3] = (uint8_t)i;
		assert_int_equal(
		    bgp_adj_out_want(bgp_session_adj_out(p.sides[0].session), &prefix, set), 0);
	}
	bgp_attribute_set_unref(&p.pool, set);
	/* Nothing is moved any more but time, KEEPALIVEs of the router, and one message each 7
	 * minutes. */
	for (i = 0; i < 7 * 60; i++) {
		static const uint8_t keepalive[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 19, 4};

		p.now = mono_add_usec(p.now, 10 * USEC_PER_SEC);
		bgp_session_received(p.sides[0].session, slot, keepalive, sizeof(keepalive), p.now);
		bgp_session_tick(p.sides[0].session, p.now);
		if (i < 3 * 42)
			assert_int_equal(bgp_session_state(p.sides[0].session), BGP_ESTABLISHED);
		if (i < 2 * 42 + 1 && i % 42 == 0)
			assert_true(bgp_session_send(
					p.sides[0].session, slot, bytes, sizeof(bytes), p.now) > 0);
		if (bgp_session_state(p.sides[0].session) != BGP_ESTABLISHED)
			break;
	}
	/* The last message was taken at 2 * 420 s (and 10); eight minutes later it is over. */
	assert_int_equal(i, 2 * 42 + 48);
	pair_free(&p);
}

/* What a router can make us say between two turns is bounded: what did not fit is counted. */
static void
test_events_bounded(void **state)
{
	/* LOCAL_PREF from an external peer, and no routes: discarded, each time. */
	static const uint8_t update[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 30, 2, 0, 0, 0, 7, 0x40, 5, 4, 0, 0, 0, 100};
	struct bgp_session_config other = config;
	struct bgp_session_status status;
	struct bgp_event event;
	struct pair p;
	unsigned i, slot;

	(void)state;
	other.my_asn = config.peer_asn;
	other.peer_asn = config.my_asn;
	other.identifier = 0x0a000002;
	pair_init(&p, &config, &other);
	pair_advance(&p, 20 * USEC_PER_SEC);
	while (bgp_session_take_event(p.sides[0].session, &event))
		;
	slot = p.sides[0].wire[0] >= 0 ? 0 : 1;
	for (i = 0; i < BGP_EVENTS_MAX + 10; i++)
		bgp_session_received(p.sides[0].session, slot, update, sizeof(update), p.now);
	for (i = 0; i < BGP_EVENTS_MAX; i++) {
		assert_true(bgp_session_take_event(p.sides[0].session, &event));
		assert_int_equal(event.kind, BGP_EVENT_UPDATE);
		assert_string_equal(
		    event.text, "LOCAL_PREF: not for external peers, attribute discarded");
	}
	assert_true(bgp_session_take_event(p.sides[0].session, &event));
	assert_int_equal(event.kind, BGP_EVENT_LOST);
	assert_int_equal(event.count, 10);
	assert_false(bgp_session_take_event(p.sides[0].session, &event));
	bgp_session_status(p.sides[0].session, &status);
	assert_int_equal(status.state, BGP_ESTABLISHED);
	assert_int_equal(status.counters.attributes_discarded, BGP_EVENTS_MAX + 10);
	pair_free(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_both_active),
	    cmocka_unit_test(test_slow_router),
	    cmocka_unit_test(test_events_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
