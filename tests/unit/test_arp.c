/* ARP: bytes of captures both ways, the table of what is not taken, every truncation. */
#include "test.h"

#include <stdlib.h>

#include "l2/arp.h"
#include "l2/ethernet.h"
#include "util/mem.h"

/* "who has 10.77.0.200? tell 10.77.0.9", as Linux sends it, padded to 60 bytes. */
static const uint8_t request_frame[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0x00, 0x00,
    0x00, 0x00, 0x09, 0x08, 0x06,                     /* */
    0x00, 0x01, 0x08, 0x00, 0x06, 0x04, 0x00, 0x01,   /* */
    0x02, 0x00, 0x00, 0x00, 0x00, 0x09, 10, 77, 0, 9, /* */
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 10, 77, 0, 200};

static const struct mac_addr mac_client = {{0x02, 0, 0, 0, 0, 0x09}};
static const struct mac_addr mac_node = {{0x02, 0, 0, 0, 0, 0x01}};
static const struct mac_addr mac_none;

static void
test_decode_request(void **state)
{
	const struct ip_addr client = ip_addr_v4(10, 77, 0, 9), vip = ip_addr_v4(10, 77, 0, 200);
	struct arp arp;

	(void)state;
	assert_int_equal(arp_decode(request_frame, sizeof(request_frame), &arp), FRAME_OK);
	assert_int_equal(arp.op, ARP_REQUEST);
	assert_true(mac_addr_eq(&arp.ether_dst, &mac_broadcast));
	assert_true(mac_addr_eq(&arp.ether_src, &mac_client));
	assert_true(mac_addr_eq(&arp.sender_mac, &mac_client));
	assert_true(mac_addr_eq(&arp.target_mac, &mac_none));
	assert_true(ip_addr_eq(&arp.sender_ip, &client));
	assert_true(ip_addr_eq(&arp.target_ip, &vip));
}

static void
test_encode(void **state)
{
	static const uint8_t reply_bytes[] = {0x02, 0, 0, 0, 0, 0x09, 0x02, 0, 0, 0, 0, 0x01, 0x08,
	    0x06, 0, 1, 8, 0, 6, 4, 0, 2, 0x02, 0, 0, 0, 0, 0x01, 10, 77, 0, 200, 0x02, 0, 0, 0, 0,
	    0x09, 10, 77, 0, 9};
	static const uint8_t announce_request[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0, 0,
	    0, 0, 0x01, 0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1, 0x02, 0, 0, 0, 0, 0x01, 10, 77, 0, 200,
	    0, 0, 0, 0, 0, 0, 10, 77, 0, 200};
	static const uint8_t announce_reply[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0, 0, 0,
	    0, 0x01, 0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 2, 0x02, 0, 0, 0, 0, 0x01, 10, 77, 0, 200,
	    0x02, 0, 0, 0, 0, 0x01, 10, 77, 0, 200};
	static const uint8_t probe[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0, 0, 0, 0, 0x01,
	    0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1, 0x02, 0, 0, 0, 0, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	    0, 10, 77, 0, 200};
	const struct ip_addr client = ip_addr_v4(10, 77, 0, 9), vip = ip_addr_v4(10, 77, 0, 200);
	const struct arp request = {
	    mac_broadcast, mac_client, ARP_REQUEST, mac_client, mac_none, client, vip};
	const struct {
		const char *name;
		const uint8_t *bytes;
		struct arp arp;
	} rows[] = {
	    {"reply", reply_bytes, arp_reply_to(&request, &mac_node)},
	    {"announcement, request form", announce_request,
		arp_announcement(ARP_REQUEST, &vip, &mac_node)},
	    {"announcement, reply form", announce_reply,
		arp_announcement(ARP_REPLY, &vip, &mac_node)},
	    {"probe", probe, arp_probe(&vip, &mac_node)},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct arp arp = rows[i].arp, again;
		uint8_t out[ARP_FRAME_BYTES], twice[ARP_FRAME_BYTES];

		arp_encode(&arp, out);
		assert_row(i, rows[i].name, !memcmp(out, rows[i].bytes, sizeof(out)));
		assert_row(i, rows[i].name, arp_decode(out, sizeof(out), &again) == FRAME_OK);
		arp_encode(&again, twice);
		assert_row(i, rows[i].name, !memcmp(out, twice, sizeof(out)));
	}
}

/* encode(decode(x)) = x for every frame that is taken, whatever its addresses. */
static void
test_round_trip(void **state)
{
	uint8_t frame[ARP_FRAME_BYTES], again[ARP_FRAME_BYTES];
	struct arp arp;
	unsigned byte, value;

	(void)state;
	for (byte = 0; byte < sizeof(frame); byte++) {
		for (value = 0; value < 256; value++) {
			memcpy(frame, request_frame, sizeof(frame));
			frame[byte] = (uint8_t)value;
			if (arp_decode(frame, sizeof(frame), &arp) != FRAME_OK)
				continue;
			arp_encode(&arp, again);
			assert_memory_equal(frame, again, sizeof(frame));
		}
	}
}

static void
test_refused(void **state)
{
	static const struct {
		const char *name;
		size_t at;
		uint8_t bytes[6];
		size_t n;
		enum frame_cause cause;
	} rows[] = {
	    {"unchanged", 0, {0}, 0, FRAME_OK},
	    {"reply", 20, {0, 2}, 2, FRAME_OK},
	    {"probe: sender 0.0.0.0", 28, {0, 0, 0, 0}, 4, FRAME_OK},
	    {"sent to one host", 0, {2, 0, 0, 0, 0, 1}, 6, FRAME_OK},
	    {"802.1Q tag", 12, {0x81, 0x00}, 2, FRAME_TAGGED},
	    {"802.1ad tag", 12, {0x88, 0xa8}, 2, FRAME_TAGGED},
	    {"IPv4", 12, {0x08, 0x00}, 2, FRAME_OTHER_TYPE},
	    {"IPv6", 12, {0x86, 0xdd}, 2, FRAME_OTHER_TYPE},
	    {"RARP", 12, {0x80, 0x35}, 2, FRAME_OTHER_TYPE},
	    {"802.3 length", 12, {0x00, 0x1c}, 2, FRAME_OTHER_TYPE},
	    {"hardware: IEEE 802", 14, {0, 6}, 2, FRAME_NOT_ETHERNET},
	    {"hardware: InfiniBand", 14, {0, 32}, 2, FRAME_NOT_ETHERNET},
	    {"hardware: 257, low byte right", 14, {1, 1}, 2, FRAME_NOT_ETHERNET},
	    {"protocol: IPv6", 16, {0x86, 0xdd}, 2, FRAME_NOT_IPV4},
	    {"protocol: trailers", 16, {0x10, 0x00}, 2, FRAME_NOT_IPV4},
	    {"hardware length 0", 18, {0}, 1, FRAME_NOT_ETHERNET},
	    {"hardware length 8", 18, {8}, 1, FRAME_NOT_ETHERNET},
	    {"hardware length 255", 18, {255}, 1, FRAME_NOT_ETHERNET},
	    {"protocol length 0", 19, {0}, 1, FRAME_NOT_IPV4},
	    {"protocol length 16", 19, {16}, 1, FRAME_NOT_IPV4},
	    {"op 0", 20, {0, 0}, 2, FRAME_BAD_OP},
	    {"op 3, reverse request", 20, {0, 3}, 2, FRAME_BAD_OP},
	    {"op 9, inverse reply", 20, {0, 9}, 2, FRAME_BAD_OP},
	    {"op 257, low byte right", 20, {1, 1}, 2, FRAME_BAD_OP},
	    {"Ethernet source is a group", 6, {0x01, 0, 0x5e, 0, 0, 1}, 6, FRAME_BAD_SENDER},
	    {"sender MAC broadcast", 22, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 6, FRAME_BAD_SENDER},
	    {"sender MAC is a group", 22, {0x03, 0, 0, 0, 0, 1}, 6, FRAME_BAD_SENDER},
	    {"sender MAC zero", 22, {0, 0, 0, 0, 0, 0}, 6, FRAME_BAD_SENDER},
	    {"sender IP is a group", 28, {224, 0, 0, 1}, 4, FRAME_BAD_SENDER},
	    {"sender IP broadcast", 28, {255, 255, 255, 255}, 4, FRAME_BAD_SENDER},
	};
	uint8_t frame[sizeof(request_frame)];
	struct arp arp;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		memcpy(frame, request_frame, sizeof(frame));
		memcpy(frame + rows[i].at, rows[i].bytes, rows[i].n);
		assert_row(
		    i, rows[i].name, arp_decode(frame, sizeof(frame), &arp) == rows[i].cause);
	}
}

static void
test_truncated(void **state)
{
	struct arp arp, untouched;
	size_t len;

	(void)state;
	for (len = 0; len <= sizeof(request_frame); len++) {
		/* Exactly so long, so that ASan sees a byte too many. */
		uint8_t *frame = xcalloc(len, 1);
		enum frame_cause expected = len < ARP_FRAME_BYTES ? FRAME_SHORT : FRAME_OK;

		memcpy(frame, request_frame, len);
		memset(&arp, 0x5a, sizeof(arp));
		memset(&untouched, 0x5a, sizeof(untouched));
		assert_int_equal(arp_decode(frame, len, &arp), expected);
		if (expected != FRAME_OK)
			assert_memory_equal(&arp, &untouched, sizeof(arp));
		free(frame);
	}
}

static void
test_words(void **state)
{
	int i, j;

	(void)state;
	for (i = 0; i < FRAME_CAUSE_COUNT; i++) {
		assert_non_null(frame_cause_str((enum frame_cause)i));
		for (j = 0; j < i; j++)
			assert_string_not_equal(frame_cause_str((enum frame_cause)i),
			    frame_cause_str((enum frame_cause)j));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_decode_request),
	    cmocka_unit_test(test_encode),
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_truncated),
	    cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
