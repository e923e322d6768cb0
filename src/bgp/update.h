/*
 * update: UPDATE messages (RFC 4271 4.3), their parts found and judged (RFC 7606), and End-of-RIB
 * (RFC 4724 2). The struct borrows from the message.
 */
#ifndef BGP_UPDATE_H
#define BGP_UPDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bgp/attribute.h"

struct bgp_update {
	struct bgp_span withdrawn,
	    nlri; /* IPv4 unicast; well-formed unless the verdict is a reset */
	struct bgp_attributes attributes;
	bool end_of_rib; /* and of which family; of one that is not ours is just an empty UPDATE */
	enum bgp_family end_of_rib_family;
};

/*
 * What follows the header; len >= 4 is bgp_message_frame()'s promise. With BGP_TREATMENT_RESET
 * nothing in *ret_update is to be used; with BGP_TREATMENT_WITHDRAW the routes of nlri and mp_reach
 * are to be taken as withdrawn.
 */
void bgp_update_decode(const uint8_t *body, size_t len, const struct bgp_update_context *context,
    struct bgp_update *ret_update, struct bgp_verdict *ret_verdict);
/* The whole message. w->error when it does not fit. */
void bgp_update_encode(struct wbuf *w, const struct bgp_update *update);
/* RFC 4724 2. */
void bgp_end_of_rib_encode(struct wbuf *w, enum bgp_family family);

/* For people: "LOCAL_PREF: wrong length, treated as withdraw". out holds BGP_VERDICT_STRLEN. */
#define BGP_VERDICT_STRLEN 128
void bgp_verdict_str(const struct bgp_verdict *verdict, char out[BGP_VERDICT_STRLEN]);

#endif
