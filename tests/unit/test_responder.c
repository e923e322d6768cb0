/* What is answered, by ARP and by NDP alike: METALLB.md 4.5, RFC 5227, RFC 4861 7.2; and everything
 * that is not. */
#include "test.h"

#include <stdlib.h>

#include "l2/ethernet.h"
#include "l2/responder.h"
#include "util/link.h"
#include "util/mem.h"

#define ETH0 2
#define ETH1 3
#define TUN0 4
#define ETH9 9 /* not in the table */

static const struct mac_addr mac_eth0 = {{0x02, 0, 0, 0, 0, 0x01}};
static const struct mac_addr mac_eth1 = {{0x02, 0, 0, 0, 0, 0x02}};
static const struct mac_addr mac_client = {{0x02, 0, 0, 0, 0, 0x09}};
static const struct mac_addr mac_foreign = {{0x02, 0, 0, 0, 0, 0x0f}};

static struct link_info link_items[] = {
    {.ifindex = 1, .name = "lo", .loopback = true, .up = true},
    {.ifindex = ETH0, .name = "eth0", .mac = {{0x02, 0, 0, 0, 0, 0x01}}, .up = true},
    {.ifindex = ETH1, .name = "eth1", .mac = {{0x02, 0, 0, 0, 0, 0x02}}, .up = true},
    {.ifindex = TUN0, .name = "tun0", .up = true},
    /* a VLAN on eth1 shares its MAC */
    {.ifindex = 5, .name = "eth1.7", .mac = {{0x02, 0, 0, 0, 0, 0x02}}, .up = true},
};
static const struct link_table links = {link_items, ARRAY_SIZE(link_items)};

enum {
	VIP_ETH0 = 200,
	VIP_BOTH = 201,
	VIP_ALL = 202,
	VIP_NOWHERE = 203,
	VIP_FOREIGN = 204, /* not announced by us */
	CLIENT = 9,
	NOBODY = 0 /* stands for 0.0.0.0 and :: */
};

static const enum ip_family families[] = {IP_FAMILY_V4, IP_FAMILY_V6};

static struct ip_addr
ip_of(enum ip_family family, uint8_t host)
{
	struct ip_addr v6 = {IP_FAMILY_V6, {0xfd, 0x77, [15] = host}};

	if (family == IP_FAMILY_V6)
		return host == NOBODY ? (struct ip_addr){IP_FAMILY_V6, {0}} : v6;
	return host == NOBODY ? ip_addr_v4(0, 0, 0, 0) : ip_addr_v4(10, 77, 0, host);
}

static struct ip_addr
ip(uint8_t host)
{
	return ip_of(IP_FAMILY_V4, host);
}

static struct responder *
make_responder(void)
{
	static const int eth0[] = {ETH0}, both[] = {ETH1, ETH0}, all[] = {ETH1, ETH0, TUN0, ETH9};
	struct responder *r = responder_new();
	struct ip_addr addr;
	size_t i;

	responder_set_links(r, &links);
	for (i = 0; i < ARRAY_SIZE(families); i++) {
		addr = ip_of(families[i], VIP_ETH0);
		responder_set(r, &addr, eth0, 1);
		addr = ip_of(families[i], VIP_BOTH);
		responder_set(r, &addr, both, 2);
		addr = ip_of(families[i], VIP_ALL);
		responder_set(r, &addr, all, 4);
		addr = ip_of(families[i], VIP_NOWHERE);
		responder_set(r, &addr, NULL, 0);
	}
	return r;
}

static const struct {
	const char *name;
	int ifindex;
	const struct mac_addr *ether_dst, *ether_src;
	enum arp_op op;
	const struct mac_addr *sender_mac;
	uint8_t sender_ip, target_ip;
	enum responder_verdict verdict;
	uint8_t about; /* output.ip, 0 for none */
} rows[] = {
    /* answered */
    {"broadcast request", ETH0, &mac_broadcast, &mac_client, ARP_REQUEST, &mac_client, CLIENT,
	VIP_ETH0, RESPONDER_REPLY, VIP_ETH0},
    {"unicast request (NUD)", ETH0, &mac_eth0, &mac_client, ARP_REQUEST, &mac_client, CLIENT,
	VIP_ETH0, RESPONDER_REPLY, VIP_ETH0},
    {"probe (RFC 5227 2.1.1)", ETH0, &mac_broadcast, &mac_client, ARP_REQUEST, &mac_client, NOBODY,
	VIP_ETH0, RESPONDER_REPLY, VIP_ETH0},
    {"second interface", ETH1, &mac_broadcast, &mac_client, ARP_REQUEST, &mac_client, CLIENT,
	VIP_BOTH, RESPONDER_REPLY, VIP_BOTH},
    {"address on three interfaces", ETH1, &mac_broadcast, &mac_client, ARP_REQUEST, &mac_client,
	CLIENT, VIP_ALL, RESPONDER_REPLY, VIP_ALL},
    {"relayed: Ethernet source is not the sender", ETH0, &mac_broadcast, &mac_foreign, ARP_REQUEST,
	&mac_client, CLIENT, VIP_ETH0, RESPONDER_REPLY, VIP_ETH0},
    /* not ours */
    {"reply to us", ETH0, &mac_eth0, &mac_client, ARP_REPLY, &mac_client, CLIENT, VIP_ETH0,
	RESPONDER_NOT_REQUEST, 0},
    {"somebody's gratuitous reply", ETH0, &mac_broadcast, &mac_client, ARP_REPLY, &mac_client,
	CLIENT, CLIENT, RESPONDER_NOT_REQUEST, 0},
    {"request to a foreign MAC", ETH0, &mac_foreign, &mac_client, ARP_REQUEST, &mac_client, CLIENT,
	VIP_ETH0, RESPONDER_NOT_FOR_US, 0},
    {"request to the MAC of our other interface", ETH0, &mac_eth1, &mac_client, ARP_REQUEST,
	&mac_client, CLIENT, VIP_ETH0, RESPONDER_NOT_FOR_US, 0},
    {"address not announced", ETH0, &mac_broadcast, &mac_client, ARP_REQUEST, &mac_client, CLIENT,
	VIP_FOREIGN, RESPONDER_NOT_ANNOUNCED, 0},
    {"request for 0.0.0.0", ETH0, &mac_broadcast, &mac_client, ARP_REQUEST, &mac_client, CLIENT,
	NOBODY, RESPONDER_NOT_ANNOUNCED, 0},
    {"interface not allowed", ETH1, &mac_broadcast, &mac_client, ARP_REQUEST, &mac_client, CLIENT,
	VIP_ETH0, RESPONDER_NOT_ON_THIS_INTERFACE, VIP_ETH0},
    {"announced on no interface", ETH0, &mac_broadcast, &mac_client, ARP_REQUEST, &mac_client,
	CLIENT, VIP_NOWHERE, RESPONDER_NOT_ON_THIS_INTERFACE, VIP_NOWHERE},
    {"unknown interface", ETH9, &mac_broadcast, &mac_client, ARP_REQUEST, &mac_client, CLIENT,
	VIP_ALL, RESPONDER_NO_INTERFACE, 0},
    {"interface without a MAC", TUN0, &mac_broadcast, &mac_client, ARP_REQUEST, &mac_client, CLIENT,
	VIP_ALL, RESPONDER_NO_INTERFACE, 0},
    /* our own, looped back */
    {"own announcement back on the same interface", ETH0, &mac_broadcast, &mac_eth0, ARP_REQUEST,
	&mac_eth0, VIP_ETH0, VIP_ETH0, RESPONDER_OWN, 0},
    {"own announcement heard on the other interface", ETH1, &mac_broadcast, &mac_eth0, ARP_REPLY,
	&mac_eth0, VIP_BOTH, VIP_BOTH, RESPONDER_OWN, 0},
    {"own request on the other interface", ETH1, &mac_broadcast, &mac_eth0, ARP_REQUEST, &mac_eth0,
	CLIENT, VIP_BOTH, RESPONDER_OWN, 0},
    {"own packet, relayed with another Ethernet source", ETH0, &mac_broadcast, &mac_foreign,
	ARP_REPLY, &mac_eth0, VIP_ETH0, VIP_ETH0, RESPONDER_OWN, 0},
    {"this host's kernel as ARP proxy, on the other interface", ETH1, &mac_broadcast, &mac_eth0,
	ARP_REQUEST, &mac_client, CLIENT, VIP_BOTH, RESPONDER_OWN, 0},
    /* claimed by somebody else (RFC 5227 2.4) */
    {"foreign announcement, request form", ETH0, &mac_broadcast, &mac_foreign, ARP_REQUEST,
	&mac_foreign, VIP_ETH0, VIP_ETH0, RESPONDER_CLAIMED, VIP_ETH0},
    {"foreign announcement, reply form", ETH0, &mac_broadcast, &mac_foreign, ARP_REPLY,
	&mac_foreign, VIP_ETH0, VIP_ETH0, RESPONDER_CLAIMED, VIP_ETH0},
    {"foreign reply to our own request", ETH0, &mac_eth0, &mac_foreign, ARP_REPLY, &mac_foreign,
	VIP_ETH0, CLIENT, RESPONDER_CLAIMED, VIP_ETH0},
    {"foreign host asks for another address from ours", ETH0, &mac_broadcast, &mac_foreign,
	ARP_REQUEST, &mac_foreign, VIP_ETH0, VIP_BOTH, RESPONDER_CLAIMED, VIP_ETH0},
    {"seen by promiscuity", ETH0, &mac_client, &mac_foreign, ARP_REPLY, &mac_foreign, VIP_ETH0,
	CLIENT, RESPONDER_CLAIMED, VIP_ETH0},
    {"the same where we do not announce it", ETH1, &mac_broadcast, &mac_foreign, ARP_REPLY,
	&mac_foreign, VIP_ETH0, VIP_ETH0, RESPONDER_NOT_REQUEST, 0},
};

/* The frame of a row. In NDP a request is a solicitation, and a reply an advertisement of what the
 * sender has. */
static size_t
make_frame(size_t row, enum ip_family family, uint8_t out[FRAME_MAX_BYTES])
{
	const struct ip_addr sender = ip_of(family, rows[row].sender_ip),
			     target = ip_of(family, rows[row].target_ip);
	bool asks = rows[row].op == ARP_REQUEST, probe = ip_addr_is_unspecified(&sender);
	bool to_all = mac_addr_eq(rows[row].ether_dst, &mac_broadcast);
	const struct ip_addr all_nodes = {IP_FAMILY_V6, {0xff, 2, [15] = 1}},
			     group = asks ? ndp_solicited_node(&target) : all_nodes;

	if (family == IP_FAMILY_V4) {
		const struct arp arp = {*rows[row].ether_dst, *rows[row].ether_src, rows[row].op,
		    *rows[row].sender_mac, {{0}}, sender, target};

		arp_encode(&arp, out);
		return ARP_FRAME_BYTES;
	}
	return ndp_encode(
	    &(struct ndp){
		.ether_dst = to_all ? ndp_group_mac(&group) : *rows[row].ether_dst,
		.ether_src = *rows[row].ether_src,
		.type = asks ? NDP_SOLICITATION : NDP_ADVERTISEMENT,
		.src = sender,
		.dst = to_all ? group : target,
		.target = asks ? target : sender,
		.solicited = !asks && !to_all,
		.has_mac = !probe,
		.mac = *rows[row].sender_mac,
	    },
	    out);
}

static void
check_arp_reply(size_t i, const struct responder_output *out, const struct mac_addr *mac)
{
	const struct ip_addr vip = ip(rows[i].target_ip), client = ip(rows[i].sender_ip);
	struct arp reply;

	assert_row(i, rows[i].name, arp_decode(out->frame, out->len, &reply) == FRAME_OK);
	assert_row(i, rows[i].name, out->len == ARP_FRAME_BYTES && reply.op == ARP_REPLY);
	assert_row(i, rows[i].name, mac_addr_eq(&reply.ether_dst, rows[i].sender_mac));
	assert_row(i, rows[i].name, mac_addr_eq(&reply.ether_src, mac));
	assert_row(i, rows[i].name, mac_addr_eq(&reply.sender_mac, mac));
	assert_row(i, rows[i].name, mac_addr_eq(&reply.target_mac, rows[i].sender_mac));
	assert_row(i, rows[i].name, ip_addr_eq(&reply.sender_ip, &vip));
	assert_row(i, rows[i].name, ip_addr_eq(&reply.target_ip, &client));
}

/* RFC 4861 7.2.4. */
static void
check_advertisement(size_t i, const struct responder_output *out, const struct mac_addr *mac)
{
	const struct ip_addr vip = ip_of(IP_FAMILY_V6, rows[i].target_ip),
			     client = ip_of(IP_FAMILY_V6, rows[i].sender_ip);
	const struct ip_addr all_nodes = {IP_FAMILY_V6, {0xff, 2, [15] = 1}};
	const struct mac_addr all_nodes_mac = {{0x33, 0x33, 0, 0, 0, 1}};
	bool probe = rows[i].sender_ip == NOBODY;
	struct ndp ndp;

	assert_row(i, rows[i].name, ndp_decode(out->frame, out->len, &ndp) == FRAME_OK);
	assert_row(i, rows[i].name, ndp.type == NDP_ADVERTISEMENT && ndp.has_mac);
	assert_row(i, rows[i].name, !ndp.router && ndp.override && ndp.solicited == !probe);
	assert_row(i, rows[i].name,
	    mac_addr_eq(&ndp.ether_dst, probe ? &all_nodes_mac : rows[i].sender_mac));
	assert_row(i, rows[i].name, ip_addr_eq(&ndp.dst, probe ? &all_nodes : &client));
	assert_row(i, rows[i].name, mac_addr_eq(&ndp.ether_src, mac) && mac_addr_eq(&ndp.mac, mac));
	assert_row(i, rows[i].name, ip_addr_eq(&ndp.src, &vip) && ip_addr_eq(&ndp.target, &vip));
}

static void
check_row(struct responder *r, size_t i, enum ip_family family)
{
	enum frame_protocol protocol = family == IP_FAMILY_V6 ? FRAME_NDP : FRAME_ARP;
	const struct mac_addr *mac = rows[i].ifindex == ETH0 ? &mac_eth0 : &mac_eth1;
	const struct ip_addr about = ip_of(family, rows[i].about);
	uint64_t before = responder_verdicts(r, protocol, rows[i].verdict);
	uint8_t frame[FRAME_MAX_BYTES];
	size_t len = make_frame(i, family, frame);
	struct responder_output out;
	enum responder_verdict verdict = responder_receive(
	    r, rows[i].ifindex, frame, len, false, &out);

	if (verdict != rows[i].verdict)
		fail_msg("%s, %s: %s %s", rows[i].name, ip_family_str(family),
		    responder_verdict_str(verdict), frame_cause_str(out.cause));
	assert_row(i, rows[i].name, responder_verdicts(r, protocol, verdict) == before + 1);
	if (rows[i].about)
		assert_row(i, rows[i].name, ip_addr_eq(&out.ip, &about));
	if (verdict == RESPONDER_CLAIMED)
		assert_row(i, rows[i].name, mac_addr_eq(&out.mac, &mac_foreign));
	assert_row(i, rows[i].name, (verdict == RESPONDER_REPLY) == (out.len > 0));
	if (verdict != RESPONDER_REPLY)
		return;
	assert_row(i, rows[i].name, mac_addr_eq(&out.mac, rows[i].sender_mac));
	if (family == IP_FAMILY_V4)
		check_arp_reply(i, &out, mac);
	else
		check_advertisement(i, &out, mac);
}

static void
test_verdicts(void **state)
{
	struct responder *r = make_responder();
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		check_row(r, i, IP_FAMILY_V4);
		/* A target that is :: makes no solicitation (RFC 4861 7.1.1). */
		if (rows[i].target_ip != NOBODY)
			check_row(r, i, IP_FAMILY_V6);
	}
	responder_free(r);
}

static void
make_request(uint8_t target, uint8_t frame[ARP_FRAME_BYTES])
{
	const struct arp arp = {
	    mac_broadcast, mac_client, ARP_REQUEST, mac_client, {{0}}, ip(CLIENT), ip(target)};

	arp_encode(&arp, frame);
}

static enum responder_verdict
ask(struct responder *r, int ifindex, uint8_t target)
{
	uint8_t frame[ARP_FRAME_BYTES];
	struct responder_output out;

	make_request(target, frame);
	return responder_receive(r, ifindex, frame, sizeof(frame), false, &out);
}

static void
test_malformed(void **state)
{
	struct responder *r = make_responder();
	uint8_t whole[ARP_FRAME_BYTES];
	struct responder_output out;
	size_t len;

	(void)state;
	make_request(VIP_ETH0, whole);
	for (len = 0; len < sizeof(whole); len++) {
		uint8_t *frame = xcalloc(len, 1);

		memcpy(frame, whole, len);
		assert_int_equal(
		    responder_receive(r, ETH0, frame, len, false, &out), RESPONDER_MALFORMED);
		assert_int_equal(out.cause, FRAME_SHORT);
		free(frame);
	}
	assert_int_equal(responder_malformed(r, FRAME_ARP, FRAME_SHORT), sizeof(whole));
	assert_int_equal(
	    responder_receive(r, ETH0, whole, sizeof(whole), true, &out), RESPONDER_MALFORMED);
	assert_int_equal(out.cause, FRAME_TAGGED);
	whole[21] = 7;
	assert_int_equal(
	    responder_receive(r, ETH0, whole, sizeof(whole), false, &out), RESPONDER_MALFORMED);
	assert_int_equal(responder_malformed(r, FRAME_ARP, FRAME_TAGGED), 1);
	assert_int_equal(responder_malformed(r, FRAME_ARP, FRAME_BAD_OP), 1);
	assert_int_equal(responder_verdicts(r, FRAME_ARP, RESPONDER_MALFORMED), sizeof(whole) + 2);
	responder_free(r);
}

static void
test_counters(void **state)
{
	const struct ip_addr vip = ip(VIP_ETH0), other = ip(VIP_FOREIGN);
	struct responder *r = make_responder();
	const struct responder_address *address = responder_find(r, &vip);

	(void)state;
	(void)ask(r, ETH0, VIP_ETH0);
	(void)ask(r, ETH0, VIP_ETH0);
	(void)ask(r, ETH1, VIP_ETH0);
	assert_int_equal(address->requests_received, 2);
	assert_int_equal(address->responses_sent, 2);
	responder_send_failed(r, &vip);
	responder_send_failed(r, &other);
	assert_int_equal(address->responses_sent, 1);
	assert_int_equal(address->requests_received, 2);
	/* set again, elsewhere: the counters go on */
	responder_set(r, &vip, (const int[]){ETH1}, 1);
	assert_int_equal(responder_find(r, &vip)->responses_sent, 1);
	assert_int_equal(ask(r, ETH0, VIP_ETH0), RESPONDER_NOT_ON_THIS_INTERFACE);
	assert_int_equal(ask(r, ETH1, VIP_ETH0), RESPONDER_REPLY);
	responder_free(r);
}

static void
test_changes(void **state)
{
	const struct ip_addr vip = ip(VIP_ETH0);
	struct responder *r = make_responder();
	const struct responder_address *address = NULL;
	struct link_info moved[] = {
	    {.ifindex = ETH0, .name = "eth0", .mac = {{0x02, 0, 0, 0, 0, 0x44}}}};
	const struct link_table table = {moved, 1};
	uint8_t frame[ARP_FRAME_BYTES];
	struct responder_output out;
	struct arp reply;
	size_t n = 0;

	(void)state;
	while ((address = responder_next(r, address)))
		n++;
	assert_int_equal(n, 8);
	assert_int_equal(responder_count(r), 8);
	assert_true(responder_remove(r, &vip));
	assert_false(responder_remove(r, &vip));
	assert_null(responder_find(r, &vip));
	assert_int_equal(ask(r, ETH0, VIP_ETH0), RESPONDER_NOT_ANNOUNCED);
	/* a changed MAC is in the next answer, and the old one is foreign from now on */
	responder_set_links(r, &table);
	make_request(VIP_BOTH, frame);
	assert_int_equal(
	    responder_receive(r, ETH0, frame, sizeof(frame), false, &out), RESPONDER_REPLY);
	assert_int_equal(arp_decode(out.frame, out.len, &reply), FRAME_OK);
	assert_true(mac_addr_eq(&reply.sender_mac, &moved[0].mac));
	assert_int_equal(ask(r, ETH1, VIP_BOTH), RESPONDER_NO_INTERFACE);
	responder_free(r);
	responder_free(NULL);
}

/* Somebody else has it on eth0: there we listen, and do not speak. */
static void
test_silence(void **state)
{
	const struct ip_addr vip = ip(VIP_BOTH), other = ip(VIP_FOREIGN);
	const struct arp claim = arp_announcement(ARP_REPLY, &vip, &mac_foreign);
	struct responder *r = make_responder();
	uint8_t frame[ARP_FRAME_BYTES];
	struct responder_output out;

	(void)state;
	responder_set_silent(r, &vip, ETH0, true);
	responder_set_silent(r, &vip, ETH9, true);
	responder_set_silent(r, &other, ETH0, true);
	assert_int_equal(ask(r, ETH0, VIP_BOTH), RESPONDER_SILENT);
	assert_int_equal(ask(r, ETH1, VIP_BOTH), RESPONDER_REPLY);
	assert_int_equal(responder_find(r, &vip)->requests_received, 1);
	arp_encode(&claim, frame);
	assert_int_equal(
	    responder_receive(r, ETH0, frame, sizeof(frame), false, &out), RESPONDER_CLAIMED);
	assert_int_equal(responder_find(r, &vip)->claims, 1);
	/* set again: still silent there, since nothing changed there */
	responder_set(r, &vip, (const int[]){ETH0, ETH1}, 2);
	assert_int_equal(ask(r, ETH0, VIP_BOTH), RESPONDER_SILENT);
	responder_set_silent(r, &vip, ETH0, false);
	assert_int_equal(ask(r, ETH0, VIP_BOTH), RESPONDER_REPLY);
	/* muted: everywhere, and claims are still seen */
	responder_set_muted(r, &vip, true);
	responder_set_muted(r, &other, true);
	assert_int_equal(ask(r, ETH1, VIP_BOTH), RESPONDER_SILENT);
	assert_int_equal(
	    responder_receive(r, ETH1, frame, sizeof(frame), false, &out), RESPONDER_CLAIMED);
	responder_set_muted(r, &vip, false);
	assert_int_equal(ask(r, ETH1, VIP_BOTH), RESPONDER_REPLY);
	/* an interface that left and came back speaks */
	responder_set_silent(r, &vip, ETH0, true);
	responder_set(r, &vip, (const int[]){ETH1}, 1);
	responder_set(r, &vip, (const int[]){ETH1, ETH0}, 2);
	assert_int_equal(ask(r, ETH0, VIP_BOTH), RESPONDER_REPLY);
	responder_free(r);
}

static void
test_many(void **state)
{
	struct responder *r = make_responder();
	unsigned i, n = 10000;
	uint8_t frame[ARP_FRAME_BYTES];
	struct responder_output out;

	(void)state;
	for (i = 0; i < n; i++) {
		const struct ip_addr addr = ip_addr_v4(10, 78, (uint8_t)(i >> 8), (uint8_t)i);

		responder_set(r, &addr, (const int[]){ETH0}, 1);
	}
	assert_int_equal(responder_count(r), n + 8);
	for (i = 0; i < n; i++) {
		struct arp arp = {mac_broadcast, mac_client, ARP_REQUEST, mac_client, {{0}},
		    ip(CLIENT), ip_addr_v4(10, 78, (uint8_t)(i >> 8), (uint8_t)i)};

		arp_encode(&arp, frame);
		assert_int_equal(
		    responder_receive(r, ETH0, frame, sizeof(frame), false, &out), RESPONDER_REPLY);
		assert_true(ip_addr_eq(&out.ip, &arp.target_ip));
	}
	for (i = 0; i < n; i++) {
		const struct ip_addr addr = ip_addr_v4(10, 78, (uint8_t)(i >> 8), (uint8_t)i);

		assert_true(responder_remove(r, &addr));
	}
	assert_int_equal(responder_count(r), 8);
	responder_free(r);
}

static void
test_words(void **state)
{
	int i, j;

	(void)state;
	for (i = 0; i < RESPONDER_VERDICT_COUNT; i++) {
		const char *word = responder_verdict_str((enum responder_verdict)i);

		assert_non_null(word);
		for (j = 0; j < i; j++)
			assert_string_not_equal(
			    word, responder_verdict_str((enum responder_verdict)j));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_verdicts),
	    cmocka_unit_test(test_malformed),
	    cmocka_unit_test(test_counters),
	    cmocka_unit_test(test_changes),
	    cmocka_unit_test(test_silence),
	    cmocka_unit_test(test_many),
	    cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
