/* What is answered: METALLB.md's cases, RFC 5227, and everything that is not. */
#include "test.h"

#include <stdlib.h>

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
	VIP_EVERYWHERE = 202,
	VIP_NOWHERE = 203,
	VIP_FOREIGN = 204, /* not announced by us */
	CLIENT = 9,
	NOBODY = 0 /* stands for 0.0.0.0 */
};

static struct ip_addr
ip(uint8_t host)
{
	return host == NOBODY ? ip_addr_v4(0, 0, 0, 0) : ip_addr_v4(10, 77, 0, host);
}

static struct responder *
make_responder(void)
{
	static const int eth0[] = {ETH0}, both[] = {ETH1, ETH0};
	struct responder *r = responder_new();
	struct ip_addr addr;

	responder_set_links(r, &links);
	addr = ip(VIP_ETH0);
	responder_set(r, &addr, eth0, 1);
	addr = ip(VIP_BOTH);
	responder_set(r, &addr, both, 2);
	addr = ip(VIP_EVERYWHERE);
	responder_set(r, &addr, NULL, 0);
	addr = ip(VIP_NOWHERE);
	responder_set(r, &addr, eth0, 0);
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
    {"address on all interfaces", ETH1, &mac_broadcast, &mac_client, ARP_REQUEST, &mac_client,
	CLIENT, VIP_EVERYWHERE, RESPONDER_REPLY, VIP_EVERYWHERE},
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
	VIP_EVERYWHERE, RESPONDER_NO_INTERFACE, 0},
    {"interface without a MAC", TUN0, &mac_broadcast, &mac_client, ARP_REQUEST, &mac_client, CLIENT,
	VIP_EVERYWHERE, RESPONDER_NO_INTERFACE, 0},
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
	&mac_foreign, VIP_ETH0, VIP_ETH0, RESPONDER_CONFLICT, VIP_ETH0},
    {"foreign announcement, reply form", ETH0, &mac_broadcast, &mac_foreign, ARP_REPLY,
	&mac_foreign, VIP_ETH0, VIP_ETH0, RESPONDER_CONFLICT, VIP_ETH0},
    {"foreign reply to our own request", ETH0, &mac_eth0, &mac_foreign, ARP_REPLY, &mac_foreign,
	VIP_ETH0, CLIENT, RESPONDER_CONFLICT, VIP_ETH0},
    {"foreign host asks for another address from ours", ETH0, &mac_broadcast, &mac_foreign,
	ARP_REQUEST, &mac_foreign, VIP_ETH0, VIP_BOTH, RESPONDER_CONFLICT, VIP_ETH0},
    {"seen by promiscuity", ETH0, &mac_client, &mac_foreign, ARP_REPLY, &mac_foreign, VIP_ETH0,
	CLIENT, RESPONDER_CONFLICT, VIP_ETH0},
    {"the same where we do not announce it", ETH1, &mac_broadcast, &mac_foreign, ARP_REPLY,
	&mac_foreign, VIP_ETH0, VIP_ETH0, RESPONDER_NOT_REQUEST, 0},
};

static void
check_reply(size_t i, const struct responder_output *out)
{
	const struct mac_addr *mac = rows[i].ifindex == ETH0 ? &mac_eth0 : &mac_eth1;
	const struct ip_addr vip = ip(rows[i].target_ip), client = ip(rows[i].sender_ip);
	struct arp reply;

	assert_row(i, rows[i].name, arp_decode(out->frame, out->len, &reply) == ARP_OK);
	assert_row(i, rows[i].name, out->len == ARP_FRAME_BYTES && reply.op == ARP_REPLY);
	assert_row(i, rows[i].name, mac_addr_eq(&reply.ether_dst, rows[i].sender_mac));
	assert_row(i, rows[i].name, mac_addr_eq(&reply.ether_src, mac));
	assert_row(i, rows[i].name, mac_addr_eq(&reply.sender_mac, mac));
	assert_row(i, rows[i].name, mac_addr_eq(&reply.target_mac, rows[i].sender_mac));
	assert_row(i, rows[i].name, ip_addr_eq(&reply.sender_ip, &vip));
	assert_row(i, rows[i].name, ip_addr_eq(&reply.target_ip, &client));
	assert_row(i, rows[i].name, mac_addr_eq(&out->mac, rows[i].sender_mac));
}

static void
test_verdicts(void **state)
{
	struct responder *r = make_responder();
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct arp arp = {*rows[i].ether_dst, *rows[i].ether_src, rows[i].op,
		    *rows[i].sender_mac, {{0}}, ip(rows[i].sender_ip), ip(rows[i].target_ip)};
		const struct ip_addr about = ip(rows[i].about);
		uint64_t before = responder_verdicts(r, rows[i].verdict);
		uint8_t frame[ARP_FRAME_BYTES];
		struct responder_output out;

		arp_encode(&arp, frame);
		assert_row(i, rows[i].name,
		    responder_receive(r, rows[i].ifindex, frame, sizeof(frame), false, &out) ==
			rows[i].verdict);
		assert_row(i, rows[i].name, responder_verdicts(r, rows[i].verdict) == before + 1);
		if (rows[i].about)
			assert_row(i, rows[i].name, ip_addr_eq(&out.ip, &about));
		if (rows[i].verdict == RESPONDER_REPLY)
			check_reply(i, &out);
		else
			assert_row(i, rows[i].name, out.len == 0);
		if (rows[i].verdict == RESPONDER_CONFLICT)
			assert_row(i, rows[i].name, mac_addr_eq(&out.mac, &mac_foreign));
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
		assert_int_equal(out.cause, ARP_SHORT);
		free(frame);
	}
	assert_int_equal(responder_malformed(r, ARP_SHORT), sizeof(whole));
	assert_int_equal(
	    responder_receive(r, ETH0, whole, sizeof(whole), true, &out), RESPONDER_MALFORMED);
	assert_int_equal(out.cause, ARP_TAGGED);
	whole[21] = 7;
	assert_int_equal(
	    responder_receive(r, ETH0, whole, sizeof(whole), false, &out), RESPONDER_MALFORMED);
	assert_int_equal(responder_malformed(r, ARP_TAGGED), 1);
	assert_int_equal(responder_malformed(r, ARP_BAD_OP), 1);
	assert_int_equal(responder_verdicts(r, RESPONDER_MALFORMED), sizeof(whole) + 2);
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
	const struct ip_addr vip = ip(VIP_ETH0), v6 = {IP_FAMILY_V6, {0xfd}};
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
	assert_int_equal(n, 4);
	assert_int_equal(responder_count(r), 4);
	assert_true(responder_remove(r, &vip));
	assert_false(responder_remove(r, &vip));
	assert_null(responder_find(r, &vip));
	assert_int_equal(ask(r, ETH0, VIP_ETH0), RESPONDER_NOT_ANNOUNCED);
	/* both families live in one table */
	responder_set(r, &v6, NULL, 0);
	assert_non_null(responder_find(r, &v6));
	/* a changed MAC is in the next answer, and the old one is foreign from now on */
	responder_set_links(r, &table);
	make_request(VIP_BOTH, frame);
	assert_int_equal(
	    responder_receive(r, ETH0, frame, sizeof(frame), false, &out), RESPONDER_REPLY);
	assert_int_equal(arp_decode(out.frame, out.len, &reply), ARP_OK);
	assert_true(mac_addr_eq(&reply.sender_mac, &moved[0].mac));
	assert_int_equal(ask(r, ETH1, VIP_BOTH), RESPONDER_NO_INTERFACE);
	responder_free(r);
	responder_free(NULL);
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
	assert_int_equal(responder_count(r), n + 4);
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
	assert_int_equal(responder_count(r), 4);
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
	    cmocka_unit_test(test_many),
	    cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
