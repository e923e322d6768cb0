/* BGP frames, KEEPALIVE, ROUTE-REFRESH and NOTIFICATION: bytes both ways, every fault of RFC 4271
 * 6.1, every truncation. */
#include "test.h"

#include <stdlib.h>

#include "bgp/message.h"
#include "bgp/notification.h"

#define MARKER                                                                                    \
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, \
	    0xff

static const uint8_t keepalive[] = {MARKER, 0, 19, 4};
static const uint8_t refresh[] = {MARKER, 0, 23, 5, 0, 2, 0, 1};
static const uint8_t shutdown_bytes[] = {MARKER, 0, 27, 3, 6, 2, 5, 'm', 'a', 'i', 'n', 't'};

static void
test_encode(void **state)
{
	const struct bgp_route_refresh request = {.afi = 2, .subtype = 0, .safi = 1};
	uint8_t bytes[BGP_NOTIFICATION_BYTES];
	struct bgp_error err;
	struct wbuf w;

	(void)state;
	wbuf_init(&w, bytes, sizeof(bytes));
	bgp_keepalive_encode(&w);
	assert_int_equal(w.pos, sizeof(keepalive));
	assert_memory_equal(bytes, keepalive, sizeof(keepalive));
	bgp_route_refresh_encode(&w, &request);
	assert_int_equal(w.pos, sizeof(keepalive) + sizeof(refresh));
	assert_memory_equal(bytes + sizeof(keepalive), refresh, sizeof(refresh));
	bgp_error_cease(&err, BGP_CEASE_SHUTDOWN, "maint");
	assert_int_equal(bgp_notification_encode(&err, bytes), sizeof(shutdown_bytes));
	assert_memory_equal(bytes, shutdown_bytes, sizeof(shutdown_bytes));
}

static void
test_decode(void **state)
{
	struct bgp_message message;
	struct bgp_route_refresh request;
	struct bgp_error err;

	(void)state;
	assert_int_equal(
	    bgp_message_frame(keepalive, sizeof(keepalive), &message, &err), BGP_FRAME_WHOLE);
	assert_int_equal(message.type, BGP_MESSAGE_KEEPALIVE);
	assert_int_equal(message.len, 19);
	assert_int_equal(message.body_len, 0);
	assert_int_equal(
	    bgp_message_frame(refresh, sizeof(refresh), &message, &err), BGP_FRAME_WHOLE);
	request = bgp_route_refresh_decode(message.body);
	assert_int_equal(request.afi, 2);
	assert_int_equal(request.subtype, 0);
	assert_int_equal(request.safi, 1);
	assert_int_equal(bgp_message_frame(shutdown_bytes, sizeof(shutdown_bytes), &message, &err),
	    BGP_FRAME_WHOLE);
	assert_int_equal(message.type, BGP_MESSAGE_NOTIFICATION);
	bgp_notification_decode(message.body, message.body_len, &err);
	assert_int_equal(err.code, BGP_ERROR_CEASE);
	assert_int_equal(err.subcode, BGP_CEASE_SHUTDOWN);
	assert_int_equal(err.len, 6);
}

/* Short of its end a good message is BGP_FRAME_SHORT, with more behind it whole. */
static void
test_truncated(void **state)
{
	uint8_t *cut, more[sizeof(shutdown_bytes) + 1] = {0};
	struct bgp_message message;
	struct bgp_error err;
	size_t len;

	(void)state;
	for (len = 0; len < sizeof(shutdown_bytes); len++) {
		cut = malloc(len ? len : 1);
		assert_non_null(cut);
		memcpy(cut, shutdown_bytes, len);
		assert_int_equal(bgp_message_frame(cut, len, &message, &err), BGP_FRAME_SHORT);
		free(cut);
	}
	memcpy(more, shutdown_bytes, sizeof(shutdown_bytes));
	assert_int_equal(bgp_message_frame(more, sizeof(more), &message, &err), BGP_FRAME_WHOLE);
	assert_int_equal(message.len, sizeof(shutdown_bytes));
}

static void
test_faults(void **state)
{
	static const struct {
		const char *name;
		uint16_t len;
		uint8_t type;
		enum bgp_frame frame;
		uint8_t subcode;
		uint8_t data[2];
		uint16_t data_len;
	} rows[] = {
	    {"length 18", 18, 4, BGP_FRAME_ERROR, BGP_HEADER_BAD_LENGTH, {0, 18}, 2},
	    {"length 0", 0, 4, BGP_FRAME_ERROR, BGP_HEADER_BAD_LENGTH, {0, 0}, 2},
	    {"length 4097", 4097, 2, BGP_FRAME_ERROR, BGP_HEADER_BAD_LENGTH, {0x10, 0x01}, 2},
	    {"length 65535", 65535, 2, BGP_FRAME_ERROR, BGP_HEADER_BAD_LENGTH, {0xff, 0xff}, 2},
	    {"type 0", 19, 0, BGP_FRAME_ERROR, BGP_HEADER_BAD_TYPE, {0}, 1},
	    {"type 6", 19, 6, BGP_FRAME_ERROR, BGP_HEADER_BAD_TYPE, {6}, 1},
	    {"type 255", 19, 255, BGP_FRAME_ERROR, BGP_HEADER_BAD_TYPE, {255}, 1},
	    {"OPEN of 28", 28, 1, BGP_FRAME_ERROR, BGP_HEADER_BAD_LENGTH, {0, 28}, 2},
	    {"OPEN of 29", 29, 1, BGP_FRAME_SHORT, 0, {0}, 0},
	    {"UPDATE of 22", 22, 2, BGP_FRAME_ERROR, BGP_HEADER_BAD_LENGTH, {0, 22}, 2},
	    {"UPDATE of 23", 23, 2, BGP_FRAME_SHORT, 0, {0}, 0},
	    {"UPDATE of 4096", 4096, 2, BGP_FRAME_SHORT, 0, {0}, 0},
	    {"NOTIFICATION of 20", 20, 3, BGP_FRAME_ERROR, BGP_HEADER_BAD_LENGTH, {0, 20}, 2},
	    {"KEEPALIVE of 20", 20, 4, BGP_FRAME_ERROR, BGP_HEADER_BAD_LENGTH, {0, 20}, 2},
	    {"ROUTE-REFRESH of 22", 22, 5, BGP_FRAME_ERROR, BGP_HEADER_BAD_LENGTH, {0, 22}, 2},
	    {"ROUTE-REFRESH of 24", 24, 5, BGP_FRAME_ERROR, BGP_HEADER_BAD_LENGTH, {0, 24}, 2},
	};
	uint8_t header[BGP_HEADER_BYTES] = {MARKER};
	struct bgp_message message;
	size_t i, at;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bgp_error err = {0};

		header[16] = (uint8_t)(rows[i].len >> 8);
		header[17] = (uint8_t)rows[i].len;
		header[18] = rows[i].type;
		assert_row(i, rows[i].name,
		    bgp_message_frame(header, sizeof(header), &message, &err) == rows[i].frame);
		if (rows[i].frame != BGP_FRAME_ERROR)
			continue;
		assert_row(i, rows[i].name, err.code == BGP_ERROR_HEADER);
		assert_row(i, rows[i].name, err.subcode == rows[i].subcode);
		assert_row(i, rows[i].name, err.len == rows[i].data_len);
		assert_row(i, rows[i].name, !memcmp(err.data, rows[i].data, err.len));
	}
	/* The marker, at the first octet that is wrong. */
	memcpy(header, keepalive, sizeof(header));
	for (at = 0; at < 16; at++) {
		struct bgp_error err = {0};

		header[at] = 0xfe;
		assert_int_equal(bgp_message_frame(header, at, &message, &err), BGP_FRAME_SHORT);
		assert_int_equal(
		    bgp_message_frame(header, at + 1, &message, &err), BGP_FRAME_ERROR);
		assert_int_equal(err.code, BGP_ERROR_HEADER);
		assert_int_equal(err.subcode, BGP_HEADER_NOT_SYNCHRONIZED);
		header[at] = 0xff;
	}
}

static void
test_error_text(void **state)
{
	static const struct {
		struct bgp_error err;
		const char *text;
	} rows[] = {
	    {{6, 2, 0, {0}}, "Cease, Administrative Shutdown"},
	    {{6, 2, 6, {5, 'm', 'a', 'i', 'n', 't'}}, "Cease, Administrative Shutdown: \"maint\""},
	    {{6, 4, 3, {2, '"', '\n'}}, "Cease, Administrative Reset: \"\\x22\\x0a\""},
	    /* RFC 9003: a length that is not true. */
	    {{6, 2, 3, {200, 'h', 'i'}}, "Cease, Administrative Shutdown: \"hi\""},
	    {{6, 2, 3, {1, 'h', 'i'}}, "Cease, Administrative Shutdown: \"h\""},
	    {{6, 2, 1, {0}}, "Cease, Administrative Shutdown"},
	    {{6, 1, 7, {0, 1, 1, 0, 0, 0, 5}}, "Cease, Maximum Number of Prefixes Reached"},
	    {{6, 10, 0, {0}}, "Cease, BFD Down"},
	    {{6, 9, 0, {0}}, "Cease, Hard Reset"},
	    {{6, 9, 2, {6, 3}}, "Cease, Hard Reset (Cease, Peer De-configured)"},
	    {{6, 9, 6, {6, 2, 3, 'b', 'y', 'e'}},
		"Cease, Hard Reset (Cease, Administrative Shutdown: \"bye\")"},
	    {{4, 0, 0, {0}}, "Hold Timer Expired"},
	    {{2, 2, 0, {0}}, "OPEN Message Error, Bad Peer AS"},
	    {{2, 99, 0, {0}}, "OPEN Message Error, subcode 99"},
	    {{5, 3, 0, {0}}, "Finite State Machine Error, Unexpected Message in Established"},
	    {{8, 0, 0, {0}}, "Send Hold Timer Expired"},
	    {{99, 7, 0, {0}}, "error 99/7"},
	    {{0, 0, 0, {0}}, "error 0/0"},
	};
	char text[BGP_ERROR_STRLEN];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		bgp_error_str(&rows[i].err, text);
		assert_string_equal(text, rows[i].text);
	}
}

/* What a NOTIFICATION of any length says comes out as text, and again as the same bytes where it
 * fits. */
static void
test_notification_lengths(void **state)
{
	uint8_t body[2 + BGP_ERROR_DATA_BYTES + 40], bytes[BGP_NOTIFICATION_BYTES];
	char text[BGP_ERROR_STRLEN];
	struct bgp_error err;
	size_t len, n;

	(void)state;
	memset(body, 0xc3, sizeof(body));
	body[0] = BGP_ERROR_CEASE;
	body[1] = BGP_CEASE_SHUTDOWN;
	body[2] = 255;
	for (len = 2; len <= sizeof(body); len++) {
		bgp_notification_decode(body, len, &err);
		bgp_error_str(&err, text);
		n = bgp_notification_encode(&err, bytes);
		if (len > 2 + BGP_ERROR_DATA_BYTES)
			continue;
		assert_int_equal(n, BGP_HEADER_BYTES + len);
		assert_memory_equal(bytes + BGP_HEADER_BYTES, body, len);
	}
	/* 255 octets of \xNN, and their frame. */
	assert_int_equal(strlen(text), strlen("Cease, Administrative Shutdown: \"\"") + 4 * 255);
}

/* RFC 9003 2: at most 255 octets, and no half character at the end. */
static void
test_cease_cut(void **state)
{
	char text[400];
	struct bgp_error err, inner, hard;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[254] = (char)0xc3; /* of two octets */
	text[255] = (char)0xa9;
	text[sizeof(text) - 1] = '\0';
	bgp_error_cease(&err, BGP_CEASE_SHUTDOWN, text);
	assert_int_equal(err.data[0], 254);
	assert_int_equal(err.len, 255);
	text[254] = 'x';
	text[255] = 'x';
	bgp_error_cease(&err, BGP_CEASE_SHUTDOWN, text);
	assert_int_equal(err.data[0], 255);
	hard = bgp_error_hard_reset(&err);
	assert_int_equal(hard.subcode, BGP_CEASE_HARD_RESET);
	assert_int_equal(hard.len, 258);
	assert_true(bgp_error_unwrap(&hard, &inner));
	assert_int_equal(inner.subcode, BGP_CEASE_SHUTDOWN);
	assert_int_equal(inner.len, err.len);
	assert_memory_equal(inner.data, err.data, err.len);
	assert_false(bgp_error_unwrap(&err, &inner));
	bgp_error_cease(&err, BGP_CEASE_RESET, NULL);
	assert_int_equal(err.len, 0);
}

static void
test_families(void **state)
{
	enum bgp_family family;

	(void)state;
	assert_true(bgp_family_from_wire(1, 1, &family));
	assert_int_equal(family, BGP_IPV4_UNICAST);
	assert_true(bgp_family_from_wire(2, 1, &family));
	assert_int_equal(family, BGP_IPV6_UNICAST);
	assert_false(bgp_family_from_wire(2, 128, &family));
	assert_false(bgp_family_from_wire(25, 70, &family));
	assert_int_equal(bgp_family_afi(BGP_IPV6_UNICAST), 2);
	assert_int_equal(bgp_family_of(IP_FAMILY_V4), BGP_IPV4_UNICAST);
	assert_int_equal(bgp_family_ip(BGP_IPV6_UNICAST), IP_FAMILY_V6);
	assert_string_equal(bgp_family_str(BGP_IPV4_UNICAST), "IPv4 unicast");
	assert_string_equal(bgp_message_type_str(BGP_MESSAGE_ROUTE_REFRESH), "ROUTE-REFRESH");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_encode),
	    cmocka_unit_test(test_decode),
	    cmocka_unit_test(test_truncated),
	    cmocka_unit_test(test_faults),
	    cmocka_unit_test(test_error_text),
	    cmocka_unit_test(test_notification_lengths),
	    cmocka_unit_test(test_cease_cut),
	    cmocka_unit_test(test_families),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
