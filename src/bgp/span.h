/* span: borrowed bytes. */
#ifndef BGP_SPAN_H
#define BGP_SPAN_H

#include <stddef.h>
#include <stdint.h>

struct bgp_span {
	const uint8_t *bytes; /* may be NULL when len is 0 */
	size_t len;
};

#endif
