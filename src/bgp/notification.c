#include "bgp/notification.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "bgp/message.h"
#include "util/buf.h"
#include "util/str.h"

#define SUBCODES_MAX 12

struct code_names {
	const char *name;
	const char *subcodes[SUBCODES_MAX];
};

static const struct code_names codes[] = {
    [BGP_ERROR_NONE] = {"none", {NULL}},
    [BGP_ERROR_HEADER] = {"Message Header Error",
	{NULL, "Connection Not Synchronized", "Bad Message Length", "Bad Message Type"}},
    [BGP_ERROR_OPEN] = {"OPEN Message Error",
	{NULL, "Unsupported Version Number", "Bad Peer AS", "Bad BGP Identifier",
	    "Unsupported Optional Parameter", "Authentication Failure", "Unacceptable Hold Time",
	    "Unsupported Capability"}},
    [BGP_ERROR_UPDATE] = {"UPDATE Message Error",
	{NULL, "Malformed Attribute List", "Unrecognized Well-known Attribute",
	    "Missing Well-known Attribute", "Attribute Flags Error", "Attribute Length Error",
	    "Invalid ORIGIN Attribute", "AS Routing Loop", "Invalid NEXT_HOP Attribute",
	    "Optional Attribute Error", "Invalid Network Field", "Malformed AS_PATH"}},
    [BGP_ERROR_HOLD_TIMER] = {"Hold Timer Expired", {NULL}},
    [BGP_ERROR_FSM] = {"Finite State Machine Error",
	{NULL, "Unexpected Message in OpenSent", "Unexpected Message in OpenConfirm",
	    "Unexpected Message in Established"}},
    [BGP_ERROR_CEASE] = {"Cease",
	{NULL, "Maximum Number of Prefixes Reached", "Administrative Shutdown",
	    "Peer De-configured", "Administrative Reset", "Connection Rejected",
	    "Other Configuration Change", "Connection Collision Resolution", "Out of Resources",
	    "Hard Reset", "BFD Down"}},
    [BGP_ERROR_ROUTE_REFRESH] = {"ROUTE-REFRESH Message Error", {NULL, "Invalid Message Length"}},
    [BGP_ERROR_SEND_HOLD_TIMER] = {"Send Hold Timer Expired", {NULL}},
};
static_assert(sizeof(codes) / sizeof(codes[0]) == BGP_ERROR_CODE_COUNT, "a name for each code");

void
bgp_error_set(struct bgp_error *err, unsigned code, unsigned subcode, const void *data, size_t len)
{
	err->code = (uint8_t)code;
	err->subcode = (uint8_t)subcode;
	err->len = (uint16_t)(len < BGP_ERROR_DATA_BYTES ? len : BGP_ERROR_DATA_BYTES);
	if (err->len)
		memcpy(err->data, data, err->len);
}

void
bgp_error_cease(struct bgp_error *err, enum bgp_cease subcode, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	bgp_error_set(err, BGP_ERROR_CEASE, subcode, NULL, 0);
	if (!len)
		return;
	if (len > BGP_SHUTDOWN_TEXT_BYTES) {
		len = BGP_SHUTDOWN_TEXT_BYTES;
		while (len && ((uint8_t)text[len] & 0xc0) == 0x80)
			len--;
	}
	err->data[0] = (uint8_t)len;
	memcpy(&err->data[1], text, len);
	err->len = (uint16_t)(1 + len);
}

struct bgp_error
bgp_error_hard_reset(const struct bgp_error *err)
{
	struct bgp_error hard;
	size_t len = err->len < BGP_ERROR_DATA_BYTES - 2 ? err->len : BGP_ERROR_DATA_BYTES - 2;

	bgp_error_set(&hard, BGP_ERROR_CEASE, BGP_CEASE_HARD_RESET, NULL, 0);
	hard.data[0] = err->code;
	hard.data[1] = err->subcode;
	memcpy(&hard.data[2], err->data, len);
	hard.len = (uint16_t)(2 + len);
	return hard;
}

bool
bgp_error_unwrap(const struct bgp_error *err, struct bgp_error *ret_inner)
{
	if (err->code != BGP_ERROR_CEASE || err->subcode != BGP_CEASE_HARD_RESET || err->len < 2)
		return false;
	bgp_error_set(ret_inner, err->data[0], err->data[1], &err->data[2], err->len - 2U);
	return true;
}

static void
add_names(struct strbuf *sb, const struct bgp_error *err)
{
	const char *sub = NULL;

	if (err->code == BGP_ERROR_NONE || err->code >= BGP_ERROR_CODE_COUNT) {
		strbuf_printf(sb, "error %u/%u", err->code, err->subcode);
		return;
	}
	strbuf_add(sb, codes[err->code].name);
	if (err->subcode < SUBCODES_MAX)
		sub = codes[err->code].subcodes[err->subcode];
	if (sub)
		strbuf_printf(sb, ", %s", sub);
	else if (err->subcode)
		strbuf_printf(sb, ", subcode %u", err->subcode);
}

/* RFC 9003 2: the communication of Administrative Shutdown and Administrative Reset; we send it
 * with other Ceases too, and read it there. A length that does not fit is shown as far as it goes.
 */
static void
add_communication(struct strbuf *sb, const struct bgp_error *err)
{
	char text[BGP_SHUTDOWN_TEXT_BYTES + 1];
	size_t len;

	if (err->code != BGP_ERROR_CEASE || err->len < 2 || !err->data[0] ||
	    err->subcode == BGP_CEASE_HARD_RESET)
		return;
	/* RFC 4486 4: there the data is a family and a limit. */
	if (err->subcode == BGP_CEASE_MAX_PREFIXES)
		return;
	len = err->data[0];
	if (len > err->len - 1U)
		len = err->len - 1U;
	memcpy(text, &err->data[1], len);
	text[len] = '\0';
	strbuf_add(sb, ": \"");
	strbuf_add_quoted(sb, text, len);
	strbuf_add(sb, "\"");
}

void
bgp_error_str(const struct bgp_error *err, char out[BGP_ERROR_STRLEN])
{
	struct strbuf sb = {0};
	struct bgp_error inner;

	add_names(&sb, err);
	if (bgp_error_unwrap(err, &inner)) {
		strbuf_add(&sb, " (");
		add_names(&sb, &inner);
		add_communication(&sb, &inner);
		strbuf_add(&sb, ")");
	} else {
		add_communication(&sb, err);
	}
	(void)str_copy(out, BGP_ERROR_STRLEN, strbuf_text(&sb));
	strbuf_free(&sb);
}

size_t
bgp_notification_encode(const struct bgp_error *err, uint8_t out[BGP_NOTIFICATION_BYTES])
{
	struct wbuf w;

	wbuf_init(&w, out, BGP_NOTIFICATION_BYTES);
	bgp_message_begin(&w, BGP_MESSAGE_NOTIFICATION);
	wbuf_u8(&w, err->code);
	wbuf_u8(&w, err->subcode);
	wbuf_copy(&w, err->data, err->len);
	bgp_message_end(&w, 0);
	return w.pos;
}

void
bgp_notification_decode(const uint8_t *body, size_t len, struct bgp_error *ret_err)
{
	bgp_error_set(ret_err, body[0], body[1], &body[2], len - 2);
}
