/*
 * notification: what ends a BGP session, as a value. Decoders return it, the session sends it and
 * shows it to people; nobody else deals in error codes.
 *
 * RFC 4271 4.5 and 6, RFC 4486 and 9384 (Cease), RFC 6608 (FSM errors), RFC 9003 (shutdown
 * communication), RFC 8538 3 (Hard Reset), RFC 9687 (send hold timer).
 */
#ifndef BGP_NOTIFICATION_H
#define BGP_NOTIFICATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum bgp_error_code {
	BGP_ERROR_NONE,
	BGP_ERROR_HEADER,
	BGP_ERROR_OPEN,
	BGP_ERROR_UPDATE,
	BGP_ERROR_HOLD_TIMER,
	BGP_ERROR_FSM,
	BGP_ERROR_CEASE,
	BGP_ERROR_ROUTE_REFRESH,
	BGP_ERROR_SEND_HOLD_TIMER,
	BGP_ERROR_CODE_COUNT
};

enum bgp_header_error {
	BGP_HEADER_NOT_SYNCHRONIZED = 1,
	BGP_HEADER_BAD_LENGTH,
	BGP_HEADER_BAD_TYPE
};

enum bgp_open_error {
	BGP_OPEN_UNSPECIFIC,
	BGP_OPEN_BAD_VERSION,
	BGP_OPEN_BAD_PEER_AS,
	BGP_OPEN_BAD_IDENTIFIER,
	BGP_OPEN_BAD_PARAMETER,
	BGP_OPEN_BAD_HOLD_TIME = 6,
	BGP_OPEN_BAD_CAPABILITY
};

enum bgp_update_error {
	BGP_UPDATE_MALFORMED_LIST = 1,
	BGP_UPDATE_UNKNOWN_WELL_KNOWN,
	BGP_UPDATE_MISSING_WELL_KNOWN,
	BGP_UPDATE_BAD_FLAGS,
	BGP_UPDATE_BAD_ATTRIBUTE_LENGTH,
	BGP_UPDATE_BAD_ORIGIN,
	BGP_UPDATE_BAD_NEXT_HOP = 8,
	BGP_UPDATE_BAD_OPTIONAL,
	BGP_UPDATE_BAD_NETWORK,
	BGP_UPDATE_BAD_AS_PATH
};

enum bgp_fsm_error {
	BGP_FSM_OPEN_SENT = 1,
	BGP_FSM_OPEN_CONFIRM,
	BGP_FSM_ESTABLISHED
};

enum bgp_cease {
	BGP_CEASE_MAX_PREFIXES = 1,
	BGP_CEASE_SHUTDOWN,
	BGP_CEASE_DECONFIGURED,
	BGP_CEASE_RESET,
	BGP_CEASE_REJECTED,
	BGP_CEASE_CONFIGURATION,
	BGP_CEASE_COLLISION,
	BGP_CEASE_RESOURCES,
	BGP_CEASE_HARD_RESET,
	BGP_CEASE_BFD_DOWN
};

/* A shutdown communication is 255 octets and their length (RFC 9003 2); inside a Hard Reset two
 * more. */
#define BGP_SHUTDOWN_TEXT_BYTES 255
#define BGP_ERROR_DATA_BYTES (1 + BGP_SHUTDOWN_TEXT_BYTES + 2)
#define BGP_NOTIFICATION_BYTES (19 + 2 + BGP_ERROR_DATA_BYTES)
/* Room for the longest text of bgp_error_str(), where each octet may become \xNN. */
#define BGP_ERROR_STRLEN (128 + 4 * BGP_SHUTDOWN_TEXT_BYTES)

struct bgp_error {
	uint8_t code, subcode; /* as on the wire: a peer may send what we do not know */
	uint16_t len;          /* of data; what did not fit was cut off */
	uint8_t data[BGP_ERROR_DATA_BYTES];
};

/* Data is cut at BGP_ERROR_DATA_BYTES. */
void
bgp_error_set(struct bgp_error *err, unsigned code, unsigned subcode, const void *data, size_t len);
/* Cease with a text for the peer's operator: at most 255 octets, cut between UTF-8 characters.
 * NULL or "": without. */
void bgp_error_cease(struct bgp_error *err, enum bgp_cease subcode, const char *text);
/* RFC 8538 3: the same inside a Hard Reset, so that a graceful restart helper drops the routes. */
struct bgp_error bgp_error_hard_reset(const struct bgp_error *err);
/* What a Hard Reset holds; false (and untouched) when err is no Hard Reset or holds nothing. */
bool bgp_error_unwrap(const struct bgp_error *err, struct bgp_error *ret_inner);

/*
 * For people: `Cease, Administrative Shutdown: "maintenance"`. Foreign octets are quoted; codes
 * without a name are shown as numbers.
 */
void bgp_error_str(const struct bgp_error *err, char out[BGP_ERROR_STRLEN]);

/* The whole message; returns its length. */
size_t bgp_notification_encode(const struct bgp_error *err, uint8_t out[BGP_NOTIFICATION_BYTES]);
/* What follows the header; len >= 2 is bgp_message_frame()'s promise. */
void bgp_notification_decode(const uint8_t *body, size_t len, struct bgp_error *ret_err);

#endif
