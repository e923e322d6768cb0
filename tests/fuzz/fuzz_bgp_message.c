/*
 * A stream of BGP messages, framed and decoded by type. OPEN: what is taken comes out the same from
 * encode and decode. NOTIFICATION: the same bytes again, and a text within its bounds.
 */
#include <assert.h>
#include <string.h>

#include "bgp/message.h"
#include "bgp/open.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_open(const struct bgp_message *message)
{
	uint8_t bytes[BGP_MESSAGE_MAX_BYTES];
	struct bgp_open open, again;
	struct bgp_error err;
	struct wbuf w;

	if (!bgp_open_decode(message->body, message->body_len, &open, &err)) {
		assert(err.code == BGP_ERROR_OPEN);
		return;
	}
	wbuf_init(&w, bytes, sizeof(bytes));
	bgp_open_encode(&w, &open);
	assert(!w.error && w.pos <= BGP_OPEN_MAX_BYTES);
	/* What we do not speak is not sent. */
	memset(open.capabilities.unknown, 0, sizeof(open.capabilities.unknown));
	open.capabilities.n_unknown = 0;
	open.capabilities.other_families = false;
	open.capabilities.multiprotocol = open.capabilities.families != 0;
	if (!open.capabilities.as4 && open.asn > UINT16_MAX)
		return;
	assert(bgp_open_decode(bytes + BGP_HEADER_BYTES, w.pos - BGP_HEADER_BYTES, &again, &err));
	assert(open.asn == again.asn && open.identifier == again.identifier);
	assert(open.hold_time_sec == again.hold_time_sec);
	assert(!memcmp(&open.capabilities, &again.capabilities, sizeof(open.capabilities)));
}

static void
check_notification(const struct bgp_message *message)
{
	uint8_t bytes[BGP_NOTIFICATION_BYTES];
	char text[BGP_ERROR_STRLEN];
	struct bgp_error err, inner;
	size_t len;

	bgp_notification_decode(message->body, message->body_len, &err);
	bgp_error_str(&err, text);
	assert(strlen(text) < sizeof(text));
	len = bgp_notification_encode(&err, bytes);
	if (message->body_len <= 2 + BGP_ERROR_DATA_BYTES) {
		assert(len == message->len);
		assert(!memcmp(bytes + BGP_HEADER_BYTES, message->body, message->body_len));
	}
	if (bgp_error_unwrap(&err, &inner))
		bgp_error_str(&inner, text);
	inner = bgp_error_hard_reset(&err);
	bgp_error_str(&inner, text);
}

static void
check_refresh(const struct bgp_message *message)
{
	const struct bgp_route_refresh refresh = bgp_route_refresh_decode(message->body);
	uint8_t bytes[BGP_ROUTE_REFRESH_BYTES];
	struct wbuf w;

	wbuf_init(&w, bytes, sizeof(bytes));
	bgp_route_refresh_encode(&w, &refresh);
	assert(!memcmp(bytes + BGP_HEADER_BYTES, message->body, message->body_len));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bgp_message message;
	struct bgp_error err;
	enum bgp_frame frame;

	while ((frame = bgp_message_frame(data, size, &message, &err)) == BGP_FRAME_WHOLE) {
		assert(message.len >= BGP_HEADER_BYTES && message.len <= size);
		assert(message.body_len == message.len - BGP_HEADER_BYTES);
		if (message.type == BGP_MESSAGE_OPEN)
			check_open(&message);
		else if (message.type == BGP_MESSAGE_NOTIFICATION)
			check_notification(&message);
		else if (message.type == BGP_MESSAGE_ROUTE_REFRESH)
			check_refresh(&message);
		data += message.len;
		size -= message.len;
	}
	if (frame == BGP_FRAME_ERROR)
		assert(err.code == BGP_ERROR_HEADER && err.subcode);
	else
		assert(size < BGP_MESSAGE_MAX_BYTES);
	return 0;
}
