/* When announcements go out, under a clock of the test's own. */
#include "test.h"

#include <stdlib.h>

#include "l2/announcer.h"
#include "l2/ethernet.h"

#define ETH0 2
#define ETH1 3
#define MSEC INT64_C(1000)

static const struct announcer_port port_eth0 = {ETH0, {{0x02, 0, 0, 0, 0, 0x01}}};
static const struct announcer_port port_eth1 = {ETH1, {{0x02, 0, 0, 0, 0, 0x02}}};

static struct ip_addr
vip(unsigned i)
{
	return ip_addr_v4(10, 77, (uint8_t)(i >> 8), (uint8_t)i);
}

static mono_t
at(int64_t usec)
{
	return (mono_t){1000 * USEC_PER_SEC + usec};
}

static void
set(struct announcer *a, unsigned i, const struct announcer_port *ports, size_t n)
{
	const struct ip_addr addr = vip(i);

	announcer_set(a, &addr, ports, n, false);
}

/* Takes all that comes out now; returns how many frames. */
static size_t
drain(struct announcer *a, mono_t now)
{
	struct announcer_frame frame;
	size_t n = 0;

	while (announcer_next(a, now, &frame))
		n++;
	return n;
}

static void
expect_frame(struct announcer *a, mono_t now, int ifindex, unsigned i, enum arp_op op,
    const struct mac_addr *mac)
{
	const struct ip_addr addr = vip(i);
	struct announcer_frame frame;
	struct arp arp;

	assert_true(announcer_next(a, now, &frame));
	assert_int_equal(frame.ifindex, ifindex);
	assert_true(ip_addr_eq(&frame.ip, &addr));
	assert_int_equal(arp_decode(frame.bytes, frame.len, &arp), FRAME_OK);
	assert_int_equal(arp.op, op);
	assert_true(mac_addr_eq(&arp.ether_dst, &mac_broadcast));
	assert_true(mac_addr_eq(&arp.sender_mac, mac));
	assert_true(ip_addr_eq(&arp.sender_ip, &addr) && ip_addr_eq(&arp.target_ip, &addr));
}

static void
expect_round(struct announcer *a, mono_t now, unsigned i, const struct announcer_port *port)
{
	expect_frame(a, now, port->ifindex, i, ARP_REQUEST, &port->mac);
	expect_frame(a, now, port->ifindex, i, ARP_REPLY, &port->mac);
}

static void
test_schedule(void **state)
{
	struct announcer *a = announcer_new(at(0));
	const struct ip_addr addr = vip(1);
	mono_t due, before;
	int round;

	(void)state;
	assert_true(mono_is_never(announcer_deadline(a, at(0))));
	assert_int_equal(drain(a, at(0)), 0);
	set(a, 1, &port_eth0, 1);
	for (round = 0; round <= ANNOUNCER_BURST; round++) {
		due = at(round * 1100 * MSEC);
		assert_int_equal(announcer_deadline(a, at((round - 1) * 1100 * MSEC)).usec,
		    round ? due.usec : at(-1100 * MSEC).usec);
		if (round)
			assert_int_equal(drain(a, mono_add_usec(due, -1)), 0);
		expect_round(a, due, 1, &port_eth0);
		assert_int_equal(drain(a, due), 0);
	}
	/* The first refresh comes within the period, at a time of the pair's own. */
	before = due;
	due = announcer_deadline(a, due);
	assert_in_range(
	    mono_diff_usec(due, before), ANNOUNCER_REFRESH_USEC / 2, ANNOUNCER_REFRESH_USEC - 1);
	for (round = 0; round < 3; round++) {
		assert_int_equal(drain(a, mono_add_usec(due, -1)), 0);
		expect_round(a, due, 1, &port_eth0);
		before = due;
		due = announcer_deadline(a, due);
		assert_int_equal(mono_diff_usec(due, before), ANNOUNCER_REFRESH_USEC);
	}
	assert_int_equal(announcer_sent(a, &addr), 2 * (1 + ANNOUNCER_BURST + 3));
	announcer_free(a);
}

static void
test_reconcile_is_silent(void **state)
{
	const struct announcer_port ports[] = {port_eth0, port_eth1};
	const struct announcer_port swapped[] = {port_eth1, port_eth0};
	const struct announcer_port twice[] = {port_eth0, port_eth0, port_eth1};
	struct announcer *a = announcer_new(at(0));
	mono_t deadline;

	(void)state;
	set(a, 1, ports, 2);
	assert_int_equal(drain(a, at(0)), 4);
	deadline = announcer_deadline(a, at(0));
	set(a, 1, ports, 2);
	set(a, 1, swapped, 2);
	set(a, 1, twice, 3);
	assert_int_equal(announcer_pairs(a), 2);
	assert_int_equal(announcer_count(a), 1);
	assert_int_equal(drain(a, at(0)), 0);
	assert_int_equal(drain(a, at(1099 * MSEC)), 0);
	assert_int_equal(announcer_deadline(a, at(1099 * MSEC)).usec, deadline.usec);
	assert_int_equal(drain(a, at(1100 * MSEC)), 4);
	announcer_free(a);
}

/* Only the interface that changed announces anew, and only there. */
static void
test_interfaces_change(void **state)
{
	struct announcer_port changed = port_eth0;
	const struct announcer_port ports[] = {port_eth0, port_eth1};
	struct announcer *a = announcer_new(at(0));
	const struct ip_addr addr = vip(1);

	(void)state;
	set(a, 1, &port_eth0, 1);
	assert_int_equal(drain(a, at(0)), 2);
	/* added */
	set(a, 1, ports, 2);
	expect_round(a, at(10), 1, &port_eth1);
	assert_int_equal(drain(a, at(10)), 0);
	/* lost its carrier, and got it again */
	set(a, 1, &port_eth0, 1);
	assert_int_equal(announcer_pairs(a), 1);
	assert_int_equal(drain(a, at(20)), 0);
	set(a, 1, ports, 2);
	expect_round(a, at(30), 1, &port_eth1);
	assert_int_equal(drain(a, at(30)), 0);
	/* another MAC */
	changed.mac.bytes[5] = 0x77;
	set(a, 1, &changed, 1);
	expect_round(a, at(40), 1, &changed);
	assert_int_equal(drain(a, at(40)), 0);
	/* the burst of the changed one goes on by its own times */
	assert_int_equal(announcer_deadline(a, at(40)).usec, at(40 + 1100 * MSEC).usec);
	/* set without interfaces */
	set(a, 1, NULL, 0);
	assert_int_equal(announcer_count(a), 1);
	assert_int_equal(announcer_pairs(a), 0);
	assert_true(mono_is_never(announcer_deadline(a, at(40))));
	assert_int_equal(announcer_sent(a, &addr), 8);
	/* and in the middle of a round: the rest of it is not sent */
	set(a, 1, &port_eth0, 1);
	expect_frame(a, at(50), ETH0, 1, ARP_REQUEST, &port_eth0.mac);
	assert_true(announcer_remove(a, &addr));
	assert_false(announcer_remove(a, &addr));
	assert_int_equal(drain(a, at(50)), 0);
	assert_int_equal(announcer_sent(a, &addr), 0);
	announcer_free(a);
	announcer_free(NULL);
}

static const struct ip_addr v6 = {IP_FAMILY_V6, {0xfd, 0x77, [15] = 0xc8}};
static const struct mac_addr mac_stranger = {{0x02, 0, 0, 0, 0, 0x0f}};

/* One frame in each round: an advertisement to all nodes, with Override (RFC 4861 7.2.6). */
static void
test_ipv6(void **state)
{
	struct announcer *a = announcer_new(at(0));
	struct announcer_frame frame;
	struct ndp ndp;
	int round;

	(void)state;
	announcer_set(a, &v6, &port_eth0, 1, false);
	for (round = 0; round <= ANNOUNCER_BURST; round++) {
		mono_t now = at(round * 1100 * MSEC);

		assert_true(announcer_next(a, now, &frame));
		assert_int_equal(ndp_decode(frame.bytes, frame.len, &ndp), FRAME_OK);
		assert_int_equal(ndp.type, NDP_ADVERTISEMENT);
		assert_true(ndp.override && !ndp.solicited && !ndp.router);
		assert_true(ip_addr_eq(&ndp.target, &v6) && mac_addr_eq(&ndp.mac, &port_eth0.mac));
		assert_int_equal(drain(a, now), 0);
	}
	assert_int_equal(announcer_sent(a, &v6), 1 + ANNOUNCER_BURST);
	announcer_free(a);
}

static struct announcer_view
view(const struct announcer *a, const struct ip_addr *addr, size_t i)
{
	struct announcer_view view;

	assert_true(announcer_view(a, addr, i, &view));
	return view;
}

/* A probe is the next frame, and nothing after it. */
static void
expect_probe(struct announcer *a, mono_t now, const struct ip_addr *addr)
{
	struct announcer_frame frame;
	struct frame_message message;

	assert_true(announcer_next(a, now, &frame));
	assert_int_not_equal(frame.phase, ANNOUNCER_ANNOUNCING);
	assert_int_equal(frame_decode(frame.bytes, frame.len, &message), FRAME_OK);
	assert_true(message.asks && ip_addr_eq(&message.target, addr));
	assert_int_equal(message.claimed.family, IP_FAMILY_NONE);
	assert_false(announcer_next(a, now, &frame));
}

/* From `t` on: three probes 60 ms apart, and 60 ms after the last one the announcement. */
static int64_t
expect_probes(struct announcer *a, int64_t t, const struct ip_addr *addr)
{
	int i;

	for (i = 0; i < ANNOUNCER_PROBES; i++, t += 60 * MSEC) {
		if (i)
			assert_int_equal(drain(a, at(t - 1)), 0);
		expect_probe(a, at(t), addr);
		assert_int_equal(announcer_deadline(a, at(t)).usec, at(t + 60 * MSEC).usec);
	}
	assert_int_equal(drain(a, at(t - 1)), 0);
	return t;
}

static void
test_probes_first(void **state)
{
	const struct ip_addr v4 = vip(1), *const addrs[] = {&v4, &v6};
	struct announcer_frame frame;
	size_t i;
	int64_t t;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(addrs); i++) {
		struct announcer *a = announcer_new(at(0));

		announcer_set(a, addrs[i], &port_eth0, 1, true);
		assert_int_equal(view(a, addrs[i], 0).phase, ANNOUNCER_PROBING);
		t = expect_probes(a, 0, addrs[i]);
		assert_int_equal(announcer_sent(a, addrs[i]), 0);
		/* set again meanwhile: nothing begins anew */
		announcer_set(a, addrs[i], &port_eth0, 1, true);
		announcer_set(a, addrs[i], &port_eth0, 1, false);
		assert_true(announcer_next(a, at(t), &frame));
		assert_int_equal(frame.phase, ANNOUNCER_ANNOUNCING);
		assert_false(frame.cleared);
		(void)drain(a, at(t));
		assert_int_equal(view(a, addrs[i], 0).phase, ANNOUNCER_ANNOUNCING);
		assert_int_equal(announcer_deadline(a, at(t)).usec, at(t + 1100 * MSEC).usec);
		announcer_free(a);
	}
}

static void
test_conflict_and_retry(void **state)
{
	const struct ip_addr addr = vip(1), other = vip(2);
	struct announcer *a = announcer_new(at(0));
	int64_t t = 0, pause = ANNOUNCER_RETRY_USEC;
	struct announcer_frame frame;
	struct announcer_view seen;
	int i;

	(void)state;
	announcer_set(a, &addr, &port_eth0, 1, true);
	assert_int_equal(
	    announcer_claimed(a, &other, ETH0, &mac_stranger, at(0)), ANNOUNCER_NOT_SET);
	assert_int_equal(
	    announcer_claimed(a, &addr, ETH1, &mac_stranger, at(0)), ANNOUNCER_NOT_SET);
	expect_probe(a, at(0), &addr);
	assert_int_equal(
	    announcer_claimed(a, &addr, ETH0, &mac_stranger, at(0)), ANNOUNCER_SILENCED);
	assert_int_equal(view(a, &addr, 0).phase, ANNOUNCER_CONFLICT);
	seen = view(a, &addr, 0);
	assert_true(mac_addr_eq(&seen.claimed_by, &mac_stranger));
	/* What it says while we do not ask is no news; ours is asked again ever later. */
	assert_int_equal(
	    announcer_claimed(a, &addr, ETH0, &mac_stranger, at(MSEC)), ANNOUNCER_STILL);
	for (i = 0; i < 7; i++) {
		assert_int_equal(announcer_deadline(a, at(t)).usec, at(t + pause).usec);
		assert_int_equal(drain(a, at(t + pause - 1)), 0);
		t += pause;
		expect_probe(a, at(t), &addr);
		assert_int_equal(
		    announcer_claimed(a, &addr, ETH0, &mac_stranger, at(t)), ANNOUNCER_STILL);
		pause = pause * 2 < ANNOUNCER_RETRY_MAX_USEC ? pause * 2 : ANNOUNCER_RETRY_MAX_USEC;
	}
	assert_int_equal(announcer_sent(a, &addr), 0);
	/* Another MAC of our own, and doubt that ended, change nothing. */
	announcer_restart(a, &addr);
	announcer_set(
	    a, &addr, &(struct announcer_port){ETH0, {{0x02, 0, 0, 0, 0, 0x55}}}, 1, false);
	assert_int_equal(view(a, &addr, 0).phase, ANNOUNCER_CONFLICT);
	/* It is gone. */
	t = expect_probes(a, t + pause, &addr);
	assert_true(announcer_next(a, at(t), &frame));
	assert_true(frame.phase == ANNOUNCER_ANNOUNCING && frame.cleared);
	/* not sent: it is told again */
	announcer_send_failed(a, &frame, at(t));
	t = announcer_deadline(a, at(t)).usec - at(0).usec;
	assert_true(announcer_next(a, at(t), &frame) && frame.cleared);
	assert_true(announcer_next(a, at(t), &frame) && !frame.cleared);
	assert_int_equal(announcer_conflicts(a, &addr), 9);
	announcer_free(a);
}

/* RFC 5227 2.4 (c): one announcement out of turn each 10 s, and never given up. */
static void
test_defence(void **state)
{
	const struct ip_addr addr = vip(1);
	struct announcer *a = announcer_new(at(0));
	int64_t t;

	(void)state;
	set(a, 1, &port_eth0, 1);
	for (t = 0; t < 6000 * MSEC; t += MSEC)
		(void)drain(a, at(t));
	assert_int_equal(
	    announcer_claimed(a, &addr, ETH0, &mac_stranger, at(t)), ANNOUNCER_DEFENDED);
	expect_round(a, at(t), 1, &port_eth0);
	assert_int_equal(drain(a, at(t)), 0);
	assert_int_equal(
	    announcer_claimed(a, &addr, ETH0, &mac_stranger, at(t + ANNOUNCER_DEFEND_USEC - 1)),
	    ANNOUNCER_NOTED);
	assert_int_equal(drain(a, at(t + ANNOUNCER_DEFEND_USEC - 1)), 0);
	t += ANNOUNCER_DEFEND_USEC;
	assert_int_equal(
	    announcer_claimed(a, &addr, ETH0, &mac_stranger, at(t)), ANNOUNCER_DEFENDED);
	expect_round(a, at(t), 1, &port_eth0);
	assert_int_equal(view(a, &addr, 0).phase, ANNOUNCER_ANNOUNCING);
	/* before it was ever announced: the first announcement is the defence */
	set(a, 2, &port_eth0, 1);
	assert_int_equal(announcer_claimed(a, &(struct ip_addr){IP_FAMILY_V4, {10, 77, 0, 2}}, ETH0,
			     &mac_stranger, at(t)),
	    ANNOUNCER_DEFENDED);
	expect_round(a, at(t), 2, &port_eth0);
	announcer_free(a);
}

/* The interface with the stranger goes and comes: it is asked, not told. */
static void
test_back_in_conflict(void **state)
{
	const struct announcer_port ports[] = {port_eth1, port_eth0};
	const struct ip_addr addr = vip(1);
	struct announcer *a = announcer_new(at(0));

	(void)state;
	announcer_set(a, &addr, ports, 2, true);
	assert_int_equal(
	    announcer_claimed(a, &addr, ETH0, &mac_stranger, at(0)), ANNOUNCER_SILENCED);
	assert_int_equal(view(a, &addr, 0).phase, ANNOUNCER_PROBING);
	announcer_set(a, &addr, ports, 1, false);
	announcer_set(a, &addr, ports, 2, false);
	assert_int_equal(view(a, &addr, 1).ifindex, ETH0);
	assert_int_equal(view(a, &addr, 1).phase, ANNOUNCER_PROBING);
	assert_false(announcer_view(a, &addr, 2, &(struct announcer_view){0}));
	announcer_free(a);
}

/* In doubt: silence. Then the next refresh, or, with a restart, everything anew. */
static void
test_pause(void **state)
{
	const struct ip_addr addr = vip(1), other = vip(2);
	const struct announcer_port ports[] = {port_eth0, port_eth1};
	struct announcer *a = announcer_new(at(0));
	mono_t due;

	(void)state;
	announcer_pause(a, &other);
	announcer_resume(a, &other, at(0));
	set(a, 1, &port_eth0, 1);
	announcer_pause(a, &addr);
	assert_true(mono_is_never(announcer_deadline(a, at(0))));
	assert_int_equal(drain(a, at(5000 * MSEC)), 0);
	/* interfaces come and claims are defended in silence */
	set(a, 1, ports, 2);
	assert_int_equal(
	    announcer_claimed(a, &addr, ETH0, &mac_stranger, at(5000 * MSEC)), ANNOUNCER_DEFENDED);
	announcer_restart(a, &addr);
	assert_int_equal(drain(a, at(5000 * MSEC)), 0);
	assert_true(mono_is_never(view(a, &addr, 1).next));
	announcer_resume(a, &addr, at(6000 * MSEC));
	assert_int_equal(drain(a, at(6000 * MSEC)), 0);
	due = announcer_deadline(a, at(6000 * MSEC));
	assert_in_range(mono_diff_usec(due, at(6000 * MSEC)), ANNOUNCER_REFRESH_USEC / 2,
	    ANNOUNCER_REFRESH_USEC);
	assert_int_equal(drain(a, due), 2);
	announcer_pause(a, &addr);
	announcer_resume(a, &addr, due);
	announcer_restart(a, &addr);
	assert_int_equal(drain(a, due), 4);
	announcer_free(a);
	/* probing begins again */
	a = announcer_new(at(0));
	announcer_set(a, &addr, &port_eth0, 1, true);
	expect_probe(a, at(0), &addr);
	announcer_pause(a, &addr);
	assert_int_equal(drain(a, at(1000 * MSEC)), 0);
	announcer_resume(a, &addr, at(1000 * MSEC));
	(void)expect_probes(a, 1000 * MSEC, &addr);
	announcer_free(a);
}

/* Ownership was in doubt and is proven: announced at once, though the burst was under way. */
static void
test_restart(void **state)
{
	const struct announcer_port ports[] = {port_eth0, port_eth1};
	struct announcer *a = announcer_new(at(0));
	const struct ip_addr addr = vip(1), other = vip(2);
	struct announcer_frame frame;

	(void)state;
	set(a, 1, ports, 2);
	assert_int_equal(drain(a, at(0)), 4);
	announcer_restart(a, &addr);
	announcer_restart(a, &other);
	expect_round(a, at(10), 1, &port_eth0);
	expect_round(a, at(10), 1, &port_eth1);
	assert_int_equal(drain(a, at(10)), 0);
	/* in the middle of a round: it begins again */
	assert_true(announcer_next(a, at(10 + 1100 * MSEC), &frame));
	announcer_restart(a, &addr);
	announcer_restart(a, &addr);
	assert_int_equal(drain(a, at(20 + 1100 * MSEC)), 4);
	assert_int_equal(
	    announcer_deadline(a, at(20 + 1100 * MSEC)).usec, at(20 + 2200 * MSEC).usec);
	announcer_free(a);
}

static void
test_failed_sends(void **state)
{
	struct announcer *a = announcer_new(at(0));
	const struct ip_addr addr = vip(1), other = vip(2);
	struct announcer_frame frame;
	int64_t pause = 1100 * MSEC;
	mono_t now = at(0);
	int i;

	(void)state;
	set(a, 1, &port_eth0, 1);
	/* The same round again and again, ever later, two minutes at most. */
	for (i = 0; i < 12; i++) {
		assert_true(announcer_next(a, now, &frame));
		announcer_send_failed(a, &frame, now);
		assert_int_equal(announcer_sent(a, &addr), 0);
		assert_int_equal(drain(a, now), 0);
		assert_int_equal(mono_diff_usec(announcer_deadline(a, now), now), pause);
		now = announcer_deadline(a, now);
		pause = pause * 2 < ANNOUNCER_REFRESH_USEC ? pause * 2 : ANNOUNCER_REFRESH_USEC;
	}
	/* The second form failed: the round is repeated whole. */
	assert_true(announcer_next(a, now, &frame));
	assert_true(announcer_next(a, now, &frame));
	announcer_send_failed(a, &frame, now);
	assert_int_equal(announcer_sent(a, &addr), 1);
	/* Whole, so it begins with the request form, and then the burst takes its course. */
	now = announcer_deadline(a, now);
	for (i = 0; i <= ANNOUNCER_BURST; i++) {
		expect_round(a, now, 1, &port_eth0);
		if (i < ANNOUNCER_BURST)
			assert_int_equal(
			    mono_diff_usec(announcer_deadline(a, now), now), 1100 * MSEC);
		now = announcer_deadline(a, now);
	}
	/* Reports about what is gone are ignored. */
	frame.ip = other;
	announcer_send_failed(a, &frame, now);
	frame.ip = addr;
	frame.ifindex = ETH1;
	announcer_send_failed(a, &frame, now);
	announcer_free(a);
}

/* Never more than the bucket allows, over any stretch of time. */
static void
test_paced(void **state)
{
	enum {
		N = 10000
	};
	struct announcer *a = announcer_new(at(0));
	size_t sent = drain(a, at(0)), n;
	int64_t t;
	unsigned i;

	(void)state;
	for (i = 0; i < N; i++)
		set(a, i, &port_eth0, 1);
	assert_int_equal(announcer_pairs(a), N);
	for (t = 0; t <= 9900 * MSEC; t += MSEC) {
		n = drain(a, at(t));
		assert_in_range(n, 0, t ? 2 : ANNOUNCER_PACKETS_AT_ONCE);
		sent += n;
		assert_in_range(announcer_deadline(a, at(t)).usec, at(t).usec, at(t).usec + 500);
	}
	/* By now every address has had its first round, before any had its second. */
	assert_in_range(sent, 2 * N, 2 * N + ANNOUNCER_PACKETS_AT_ONCE);
	for (i = 0; i < N; i++) {
		const struct ip_addr addr = vip(i);

		assert_in_range(announcer_sent(a, &addr), 2, 4);
	}
	announcer_free(a);
}

/* Both families share the bucket: 10,000 addresses, half of them IPv6, have had their first round
 * after 15,000 packets. */
static void
test_paced_both_families(void **state)
{
	enum {
		N = 5000
	};
	struct announcer *a = announcer_new(at(0));
	size_t sent = 0, n;
	unsigned i;
	int64_t t;

	(void)state;
	for (i = 0; i < N; i++) {
		const struct ip_addr addr = {
		    IP_FAMILY_V6, {0xfd, 0x77, [14] = (uint8_t)(i >> 8), [15] = (uint8_t)i}};

		set(a, i, &port_eth0, 1);
		announcer_set(a, &addr, &port_eth0, 1, false);
	}
	for (t = 0; t < 7400 * MSEC; t += MSEC) {
		n = drain(a, at(t));
		assert_in_range(n, 0, t ? 2 : ANNOUNCER_PACKETS_AT_ONCE);
		sent += n;
	}
	assert_in_range(sent, 3 * N, 3 * N + ANNOUNCER_PACKETS_AT_ONCE);
	for (i = 0; i < N; i++) {
		const struct ip_addr addr = {
		    IP_FAMILY_V6, {0xfd, 0x77, [14] = (uint8_t)(i >> 8), [15] = (uint8_t)i}};
		const struct ip_addr v4 = vip(i);

		assert_in_range(announcer_sent(a, &addr), 1, 2);
		assert_in_range(announcer_sent(a, &v4), 2, 4);
	}
	announcer_free(a);
}

/* A new address does not wait behind the repetitions of all others. */
static void
test_new_goes_first(void **state)
{
	enum {
		N = 2000
	};
	struct announcer *a = announcer_new(at(0));
	struct announcer_frame frame;
	unsigned i;
	int64_t t;

	(void)state;
	for (i = 0; i < N; i++)
		set(a, i, &port_eth0, 1);
	for (t = 0; t < 3000 * MSEC; t += MSEC)
		(void)drain(a, at(t));
	set(a, N, &port_eth1, 1);
	t = announcer_deadline(a, at(t)).usec - at(0).usec;
	while (!announcer_next(a, at(t), &frame))
		t = announcer_deadline(a, at(t)).usec - at(0).usec;
	/* the second form of a round that had begun may come before it, nothing else */
	if (frame.ifindex != ETH1)
		while (!announcer_next(a, at(t), &frame))
			t = announcer_deadline(a, at(t)).usec - at(0).usec;
	assert_int_equal(frame.ifindex, ETH1);
	announcer_free(a);
}

/* In the long run each pair refreshes each two minutes, spread over the time, none forgotten. */
static void
test_refresh_is_spread(void **state)
{
	enum {
		N = 1000,
		SECONDS = 600
	};
	struct announcer *a = announcer_new(at(0));
	size_t per_second[SECONDS] = {0}, most = 0;
	unsigned i;
	int s;

	(void)state;
	for (i = 0; i < N; i++)
		set(a, i, &port_eth0, 1);
	for (s = 0; s < SECONDS; s++) {
		for (i = 0; i < 20; i++)
			per_second[s] += drain(a, at(s * USEC_PER_SEC + i * 50 * MSEC));
		if (s > 130 && per_second[s] > most)
			most = per_second[s];
	}
	/* 1,000 pairs, 2 frames, over 60 s: 33 each second on average */
	assert_in_range(most, 1, 80);
	for (i = 0; i < N; i++) {
		const struct ip_addr addr = vip(i);
		uint64_t sent = announcer_sent(a, &addr);

		assert_in_range(sent, 2 * (5 + 4), 2 * (5 + 6));
	}
	announcer_free(a);
}

static void
test_remove_keeps_the_order(void **state)
{
	enum {
		N = 500
	};
	struct announcer *a = announcer_new(at(0));
	struct ip_addr addr;
	mono_t now = at(0), next;
	unsigned i;
	size_t n = 0;

	(void)state;
	for (i = 0; i < N; i++)
		set(a, i, &port_eth0, 1);
	for (i = 0; i < 10000; i++)
		(void)drain(a, at(i * MSEC));
	for (i = 0; i < N; i += 3) {
		addr = vip(i);
		assert_true(announcer_remove(a, &addr));
	}
	now = at(10000 * MSEC);
	while (n < 4 * (N - N / 3 - 1)) {
		next = announcer_deadline(a, now);
		assert_true(next.usec >= now.usec);
		now = next;
		n += drain(a, now);
	}
	assert_in_range(now.usec, at(0).usec, at(250 * USEC_PER_SEC).usec);
	announcer_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_schedule),
	    cmocka_unit_test(test_reconcile_is_silent),
	    cmocka_unit_test(test_interfaces_change),
	    cmocka_unit_test(test_ipv6),
	    cmocka_unit_test(test_probes_first),
	    cmocka_unit_test(test_conflict_and_retry),
	    cmocka_unit_test(test_defence),
	    cmocka_unit_test(test_back_in_conflict),
	    cmocka_unit_test(test_pause),
	    cmocka_unit_test(test_restart),
	    cmocka_unit_test(test_failed_sends),
	    cmocka_unit_test(test_paced),
	    cmocka_unit_test(test_paced_both_families),
	    cmocka_unit_test(test_new_goes_first),
	    cmocka_unit_test(test_refresh_is_spread),
	    cmocka_unit_test(test_remove_keeps_the_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
