/* NDP: bytes of captures both ways, the checks of RFC 4861 7.1 one by one, every truncation. */
#include "test.h"

#include <stdlib.h>

#include "l2/frame.h"
#include "util/mem.h"

/* "who has fd77::c8? tell fd77::64", as Linux sends it to the solicited-node group. */
static const uint8_t solicitation[86] = {0x33, 0x33, 0xff, 0x00, 0x00, 0xc8, 0x02, 0x77, 0x00, 0x00,
    0x01, 0x00, 0x86, 0xdd,                                     /* */
    0x60, 0x00, 0x00, 0x00, 0x00, 0x20, 0x3a, 0xff,             /* */
    0xfd, 0x77, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x64,    /* */
    0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 0xc8, /* */
    0x87, 0x00, 0x79, 0x44, 0, 0, 0, 0,                         /* */
    0xfd, 0x77, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xc8,    /* */
    0x01, 0x01, 0x02, 0x77, 0x00, 0x00, 0x01, 0x00};

enum {
	AT_VERSION = 14,
	AT_PAYLOAD = 18,
	AT_NEXT = 20,
	AT_HOPS = 21,
	AT_SRC = 22,
	AT_DST = 38,
	AT_TYPE = 54,
	AT_CODE = 55,
	AT_CHECKSUM = 56,
	AT_FLAGS = 58,
	AT_TARGET = 62,
	AT_OPTION = 78
};

static const struct mac_addr mac_client = {{0x02, 0x77, 0, 0, 0x01, 0}};
static const struct mac_addr mac_node = {{0x02, 0x77, 0, 0, 0, 0x11}};
static const struct ip_addr client = {IP_FAMILY_V6, {0xfd, 0x77, [15] = 0x64}};
static const struct ip_addr vip = {IP_FAMILY_V6, {0xfd, 0x77, [15] = 0xc8}};
static const struct ip_addr all_nodes = {IP_FAMILY_V6, {0xff, 0x02, [15] = 1}};
static const struct ip_addr nobody = {IP_FAMILY_V6, {0}};

/* Over any bytes, another way than the code does it: by the whole pseudo header in a buffer. */
static void
fix_checksum(uint8_t *frame, size_t len)
{
	size_t n = len - AT_TYPE, i;
	uint8_t *all = xcalloc(40 + n + 1, 1);
	uint64_t sum = 0;

	frame[AT_CHECKSUM] = frame[AT_CHECKSUM + 1] = 0;
	memcpy(all, frame + AT_SRC, 32);
	all[34] = (uint8_t)(n >> 8);
	all[35] = (uint8_t)n;
	all[39] = 58;
	memcpy(all + 40, frame + AT_TYPE, n);
	for (i = 0; i < 40 + n; i += 2)
		sum += (uint64_t)all[i] * 256 + all[i + 1];
	sum = sum % 0xffff ? 0xffff - sum % 0xffff : 0;
	frame[AT_CHECKSUM] = (uint8_t)(sum >> 8);
	frame[AT_CHECKSUM + 1] = (uint8_t)sum;
	free(all);
}

static void
test_decode(void **state)
{
	const struct ip_addr group = ndp_solicited_node(&vip);
	struct ndp ndp;

	(void)state;
	assert_int_equal(ndp_decode(solicitation, sizeof(solicitation), &ndp), FRAME_OK);
	assert_int_equal(ndp.type, NDP_SOLICITATION);
	assert_true(ip_addr_eq(&ndp.src, &client));
	assert_true(ip_addr_eq(&ndp.dst, &group));
	assert_true(ip_addr_eq(&ndp.target, &vip));
	assert_true(ndp.has_mac && mac_addr_eq(&ndp.mac, &mac_client));
	assert_true(mac_addr_eq(&ndp.ether_src, &mac_client));
	assert_false(ndp.router || ndp.solicited || ndp.override);
}

static void
test_groups(void **state)
{
	const struct ip_addr address = {
	    IP_FAMILY_V6, {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xab, 0xcd, 0xef, 0x12}};
	const struct ip_addr group = {
	    IP_FAMILY_V6, {0xff, 0x02, [11] = 1, [12] = 0xff, 0xcd, 0xef, 0x12}};
	const struct mac_addr group_mac = {{0x33, 0x33, 0xff, 0xcd, 0xef, 0x12}};
	struct ip_addr made = ndp_solicited_node(&address);
	struct mac_addr mac = ndp_group_mac(&made);

	(void)state;
	assert_true(ip_addr_eq(&made, &group));
	assert_true(mac_addr_eq(&mac, &group_mac));
}

/* What we send: RFC 4861 4.3, 4.4, 7.2.4, 7.2.6; RFC 4862 5.4.2. */
static void
test_encode(void **state)
{
	const struct {
		const char *name;
		struct ndp ndp;
		uint8_t type, flags;
		struct ip_addr dst;
		struct mac_addr ether_dst;
		bool option;
	} rows[] = {
	    {"answer", ndp_answer(&vip, &client, &mac_client, &mac_node), 136, 0x60, client,
		mac_client, true},
	    {"answer to a probe", ndp_answer(&vip, &nobody, &mac_client, &mac_node), 136, 0x20,
		all_nodes, {{0x33, 0x33, 0, 0, 0, 1}}, true},
	    {"announcement", ndp_announcement(&vip, &mac_node), 136, 0x20, all_nodes,
		{{0x33, 0x33, 0, 0, 0, 1}}, true},
	    {"probe", ndp_probe(&vip, &mac_node), 135, 0, ndp_solicited_node(&vip),
		{{0x33, 0x33, 0xff, 0, 0, 0xc8}}, false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t out[NDP_FRAME_BYTES] = {0}, fixed[NDP_FRAME_BYTES];
		size_t len = ndp_encode(&rows[i].ndp, out);
		struct ndp again;

		assert_row(i, rows[i].name, len == (rows[i].option ? 86U : 78U));
		assert_row(i, rows[i].name, !memcmp(out, rows[i].ether_dst.bytes, 6));
		assert_row(i, rows[i].name, !memcmp(out + 6, mac_node.bytes, 6));
		assert_row(i, rows[i].name, out[AT_VERSION] == 0x60 && out[AT_NEXT] == 58);
		assert_row(i, rows[i].name, out[AT_PAYLOAD + 1] == len - AT_TYPE);
		assert_row(i, rows[i].name, out[AT_HOPS] == 255 && out[AT_CODE] == 0);
		assert_row(i, rows[i].name, out[AT_TYPE] == rows[i].type);
		assert_row(i, rows[i].name, out[AT_FLAGS] == rows[i].flags);
		assert_row(i, rows[i].name, !memcmp(out + AT_DST, rows[i].dst.bytes, 16));
		assert_row(i, rows[i].name, !memcmp(out + AT_TARGET, vip.bytes, 16));
		if (rows[i].option) {
			assert_row(i, rows[i].name, out[AT_OPTION] == 2);
			assert_row(i, rows[i].name, !memcmp(out + AT_SRC, vip.bytes, 16));
		} else {
			assert_row(i, rows[i].name, !memcmp(out + AT_SRC, nobody.bytes, 16));
		}
		memcpy(fixed, out, len);
		fix_checksum(fixed, len);
		assert_row(i, rows[i].name, !memcmp(out, fixed, len));
		assert_row(i, rows[i].name, ndp_decode(out, len, &again) == FRAME_OK);
		assert_row(i, rows[i].name, ndp_encode(&again, fixed) == len);
		assert_row(i, rows[i].name, !memcmp(out, fixed, len));
	}
}

/* decode(encode(s)) = s for all flags. */
static void
test_round_trip(void **state)
{
	unsigned bits;

	(void)state;
	for (bits = 0; bits < 32; bits++) {
		struct ndp ndp = ndp_answer(&vip, &client, &mac_client, &mac_node), again;
		uint8_t out[NDP_FRAME_BYTES];
		size_t len;

		ndp.type = bits & 1 ? NDP_ADVERTISEMENT : NDP_SOLICITATION;
		ndp.router = (bits & 2) && (bits & 1);
		ndp.solicited = (bits & 4) && (bits & 1);
		ndp.override = (bits & 8) && (bits & 1);
		ndp.has_mac = bits & 16;
		len = ndp_encode(&ndp, out);
		assert_int_equal(ndp_decode(out, len, &again), FRAME_OK);
		assert_int_equal(again.type, ndp.type);
		assert_int_equal(again.router, ndp.router);
		assert_int_equal(again.solicited, ndp.solicited);
		assert_int_equal(again.override, ndp.override);
		assert_int_equal(again.has_mac, ndp.has_mac);
		assert_true(ip_addr_eq(&again.src, &ndp.src) && ip_addr_eq(&again.dst, &ndp.dst));
		assert_true(ip_addr_eq(&again.target, &ndp.target));
	}
}

#define UNSPECIFIED \
	{           \
		0   \
	}
#define MULTICAST_IP                 \
	{                            \
		0xff, 0x02, [15] = 5 \
	}

static void
test_refused(void **state)
{
	static const struct {
		const char *name;
		size_t at;
		uint8_t bytes[16];
		size_t n;
		bool keep_checksum;
		enum frame_cause cause;
	} rows[] = {
	    {"unchanged", 0, {0}, 0, true, FRAME_OK},
	    {"flow label and traffic class", AT_VERSION, {0x6f, 0xff, 0xff, 0xff}, 4, false,
		FRAME_OK},
	    {"unknown option", AT_OPTION, {14}, 1, false, FRAME_OK},
	    {"reserved bits", AT_FLAGS, {0xff, 0xff, 0xff, 0xff}, 4, false, FRAME_OK},
	    {"unicast (NUD)", AT_DST, {0xfd, 0x77, [15] = 0xc8}, 16, false, FRAME_OK},
	    {"802.1Q tag", 12, {0x81, 0x00}, 2, false, FRAME_TAGGED},
	    {"802.1ad tag", 12, {0x88, 0xa8}, 2, false, FRAME_TAGGED},
	    {"IPv4", 12, {0x08, 0x00}, 2, false, FRAME_OTHER_TYPE},
	    {"version 4", AT_VERSION, {0x40}, 1, false, FRAME_NOT_IPV6},
	    {"hop-by-hop options", AT_NEXT, {0}, 1, false, FRAME_EXTENSION_HEADER},
	    {"routing header", AT_NEXT, {43}, 1, false, FRAME_EXTENSION_HEADER},
	    {"fragment (RFC 6980)", AT_NEXT, {44}, 1, false, FRAME_EXTENSION_HEADER},
	    {"destination options", AT_NEXT, {60}, 1, false, FRAME_EXTENSION_HEADER},
	    {"authentication header", AT_NEXT, {51}, 1, false, FRAME_EXTENSION_HEADER},
	    {"UDP", AT_NEXT, {17}, 1, false, FRAME_NOT_NDP},
	    {"hop limit 254: through a router", AT_HOPS, {254}, 1, false, FRAME_BAD_HOP_LIMIT},
	    {"hop limit 64", AT_HOPS, {64}, 1, false, FRAME_BAD_HOP_LIMIT},
	    {"payload longer than the frame", AT_PAYLOAD, {0, 0x21}, 2, false, FRAME_SHORT},
	    {"payload longer than any frame", AT_PAYLOAD, {0xff, 0xff}, 2, false, FRAME_SHORT},
	    {"payload of 23", AT_PAYLOAD, {0, 23}, 2, false, FRAME_SHORT},
	    {"payload of 0", AT_PAYLOAD, {0, 0}, 2, false, FRAME_SHORT},
	    {"router solicitation", AT_TYPE, {133}, 1, false, FRAME_NOT_NDP},
	    {"redirect", AT_TYPE, {137}, 1, false, FRAME_NOT_NDP},
	    {"code 1", AT_CODE, {1}, 1, false, FRAME_BAD_CODE},
	    {"checksum", AT_CHECKSUM, {0x12, 0x34}, 2, true, FRAME_BAD_CHECKSUM},
	    {"checksum over another target", AT_TARGET + 15, {0xc9}, 1, true, FRAME_BAD_CHECKSUM},
	    {"checksum over another source", AT_SRC + 15, {0x65}, 1, true, FRAME_BAD_CHECKSUM},
	    {"target is a group", AT_TARGET, MULTICAST_IP, 16, false, FRAME_BAD_TARGET},
	    {"target is ::", AT_TARGET, UNSPECIFIED, 16, false, FRAME_BAD_TARGET},
	    {"option of length 0", AT_OPTION + 1, {0}, 1, false, FRAME_BAD_OPTION},
	    {"option longer than the message", AT_OPTION + 1, {2}, 1, false, FRAME_BAD_OPTION},
	    {"option as long as can be", AT_OPTION + 1, {255}, 1, false, FRAME_BAD_OPTION},
	    {"source MAC is a group", AT_OPTION + 2, {0x33, 0x33}, 2, false, FRAME_BAD_SENDER},
	    {"source MAC is zero", AT_OPTION + 2, {0, 0, 0, 0, 0, 0}, 6, false, FRAME_BAD_SENDER},
	    {"Ethernet source is a group", 6, {0x33, 0x33}, 2, false, FRAME_BAD_SENDER},
	    {"Ethernet source is zero", 6, {0, 0, 0, 0, 0, 0}, 6, false, FRAME_BAD_SENDER},
	    {"source is a group", AT_SRC, MULTICAST_IP, 16, false, FRAME_BAD_SENDER},
	    {"probe with a source MAC", AT_SRC, UNSPECIFIED, 16, false, FRAME_PROBE_WITH_MAC},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t frame[sizeof(solicitation)];
		enum frame_cause cause;
		struct ndp ndp;

		memcpy(frame, solicitation, sizeof(frame));
		memcpy(frame + rows[i].at, rows[i].bytes, rows[i].n);
		if (!rows[i].keep_checksum)
			fix_checksum(frame, sizeof(frame));
		cause = ndp_decode(frame, sizeof(frame), &ndp);
		if (cause != rows[i].cause)
			fail_msg("%s: %s", rows[i].name, frame_cause_str(cause));
	}
}

/* What depends on more than one field: made by the encoder, which checks nothing. */
static void
test_refused_whole(void **state)
{
	const struct ip_addr group = ndp_solicited_node(&vip),
			     other_group = {
				 IP_FAMILY_V6, {0xff, 2, [11] = 1, [12] = 0xff, [15] = 9}};
	const struct ndp probe = ndp_probe(&vip, &mac_client),
			 advertisement = ndp_answer(&vip, &client, &mac_client, &mac_node);
	struct {
		const char *name;
		struct ndp ndp;
		enum frame_cause cause;
	} rows[] = {
	    {"probe", probe, FRAME_OK},
	    {"probe to another group", probe, FRAME_BAD_DESTINATION},
	    {"probe to all nodes", probe, FRAME_BAD_DESTINATION},
	    {"probe to the address itself", probe, FRAME_BAD_DESTINATION},
	    {"solicited answer", advertisement, FRAME_OK},
	    {"solicited answer to a group", advertisement, FRAME_BAD_DESTINATION},
	    {"advertisement from ::", advertisement, FRAME_BAD_SENDER},
	    {"advertisement of a group", advertisement, FRAME_BAD_TARGET},
	    {"advertisement without a MAC", advertisement, FRAME_OK},
	};
	size_t i;

	(void)state;
	rows[1].ndp.dst = other_group;
	rows[2].ndp.dst = all_nodes;
	rows[3].ndp.dst = vip;
	rows[5].ndp.dst = all_nodes;
	rows[6].ndp.src = nobody;
	rows[7].ndp.target = group;
	rows[8].ndp.has_mac = false;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t out[NDP_FRAME_BYTES];
		size_t len = ndp_encode(&rows[i].ndp, out);
		struct ndp again;
		enum frame_cause cause = ndp_decode(out, len, &again);

		if (cause != rows[i].cause)
			fail_msg("%s: %s", rows[i].name, frame_cause_str(cause));
	}
}

static void
test_options(void **state)
{
	uint8_t frame[sizeof(solicitation) + 16];
	struct ndp ndp;

	(void)state;
	/* a nonce (RFC 3971) before ours, and a second source MAC after it, which does not count */
	memcpy(frame, solicitation, sizeof(solicitation));
	memcpy(frame + AT_OPTION + 8, frame + AT_OPTION, 8);
	memcpy(frame + AT_OPTION + 16, frame + AT_OPTION, 8);
	frame[AT_OPTION] = 14;
	frame[AT_OPTION + 16 + 7] = 0x55;
	frame[AT_PAYLOAD + 1] = 0x30;
	fix_checksum(frame, sizeof(frame));
	assert_int_equal(ndp_decode(frame, sizeof(frame), &ndp), FRAME_OK);
	assert_true(ndp.has_mac && mac_addr_eq(&ndp.mac, &mac_client));
	/* the target's MAC says nothing in a solicitation */
	frame[AT_OPTION + 8] = frame[AT_OPTION + 16] = 2;
	fix_checksum(frame, sizeof(frame));
	assert_int_equal(ndp_decode(frame, sizeof(frame), &ndp), FRAME_OK);
	assert_false(ndp.has_mac);
	/* of another length than an Ethernet address has */
	frame[AT_OPTION + 8] = 1;
	frame[AT_OPTION + 9] = 2;
	fix_checksum(frame, sizeof(frame));
	assert_int_equal(ndp_decode(frame, sizeof(frame), &ndp), FRAME_BAD_OPTION);
	/* one byte after the last option */
	memcpy(frame, solicitation, sizeof(solicitation));
	frame[AT_PAYLOAD + 1] = 0x21;
	frame[sizeof(solicitation)] = 1;
	fix_checksum(frame, sizeof(solicitation) + 1);
	assert_int_equal(ndp_decode(frame, sizeof(solicitation) + 1, &ndp), FRAME_BAD_OPTION);
	/* bytes after the packet are padding */
	memcpy(frame, solicitation, sizeof(solicitation));
	assert_int_equal(ndp_decode(frame, sizeof(frame), &ndp), FRAME_OK);
}

static void
test_truncated(void **state)
{
	size_t len;

	(void)state;
	for (len = 0; len < sizeof(solicitation); len++) {
		uint8_t *frame = xcalloc(len, 1);
		struct ndp ndp;

		memcpy(frame, solicitation, len);
		assert_int_equal(ndp_decode(frame, len, &ndp), FRAME_SHORT);
		/* the same with a length that fits: an option that ends too early */
		if (len >= AT_OPTION) {
			frame[AT_PAYLOAD + 1] = (uint8_t)(len - AT_TYPE);
			fix_checksum(frame, len);
			assert_int_equal(ndp_decode(frame, len, &ndp),
			    len == AT_OPTION ? FRAME_OK : FRAME_BAD_OPTION);
		}
		free(frame);
	}
}

/* Every byte with every value: never more than a refusal, and what is taken comes out the same. */
static void
test_every_byte(void **state)
{
	uint8_t frame[sizeof(solicitation)], out[NDP_FRAME_BYTES];
	unsigned byte, value;
	struct ndp ndp, again;

	(void)state;
	for (byte = 0; byte < sizeof(frame); byte++) {
		for (value = 0; value < 256; value++) {
			memcpy(frame, solicitation, sizeof(frame));
			frame[byte] = (uint8_t)value;
			if (byte < AT_CHECKSUM || byte > AT_CHECKSUM + 1)
				fix_checksum(frame, sizeof(frame));
			if (ndp_decode(frame, sizeof(frame), &ndp) != FRAME_OK)
				continue;
			assert_int_equal(ndp_decode(out, ndp_encode(&ndp, out), &again), FRAME_OK);
			assert_memory_equal(&ndp, &again, sizeof(ndp));
		}
	}
}

static void
test_message(void **state)
{
	struct frame_message message;
	struct ndp ndp = ndp_announcement(&vip, &mac_node);
	uint8_t out[FRAME_MAX_BYTES];

	(void)state;
	assert_int_equal(frame_decode(solicitation, sizeof(solicitation), &message), FRAME_OK);
	assert_int_equal(message.protocol, FRAME_NDP);
	assert_true(message.asks && message.to_group);
	assert_true(ip_addr_eq(&message.target, &vip) && ip_addr_eq(&message.claimed, &client));
	/* a probe claims nothing */
	ndp = ndp_probe(&vip, &mac_client);
	assert_int_equal(frame_decode(out, ndp_encode(&ndp, out), &message), FRAME_OK);
	assert_true(message.asks && message.claimed.family == IP_FAMILY_NONE);
	assert_true(mac_addr_eq(&message.sender_mac, &mac_client));
	/* an advertisement claims its target, for the MAC inside it */
	ndp = ndp_announcement(&vip, &mac_node);
	ndp.ether_src = mac_client;
	assert_int_equal(frame_decode(out, ndp_encode(&ndp, out), &message), FRAME_OK);
	assert_true(!message.asks && ip_addr_eq(&message.claimed, &vip));
	assert_true(mac_addr_eq(&message.sender_mac, &mac_node));
	assert_true(mac_addr_eq(&message.ether_src, &mac_client));
	assert_int_equal(frame_forms(&vip), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_decode),
	    cmocka_unit_test(test_groups),
	    cmocka_unit_test(test_encode),
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_refused_whole),
	    cmocka_unit_test(test_options),
	    cmocka_unit_test(test_truncated),
	    cmocka_unit_test(test_every_byte),
	    cmocka_unit_test(test_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
