#include "l2/cause.h"

#include <assert.h>

static const char *const cause_names[] = {
    [FRAME_OK] = "ok",
    [FRAME_SHORT] = "short",
    [FRAME_TAGGED] = "tagged",
    [FRAME_OTHER_TYPE] = "other-type",
    [FRAME_BAD_SENDER] = "bad-sender",
    [FRAME_NOT_ETHERNET] = "not-ethernet",
    [FRAME_NOT_IPV4] = "not-ipv4",
    [FRAME_BAD_OP] = "bad-op",
    [FRAME_NOT_IPV6] = "not-ipv6",
    [FRAME_EXTENSION_HEADER] = "extension-header",
    [FRAME_NOT_NDP] = "not-ndp",
    [FRAME_BAD_HOP_LIMIT] = "bad-hop-limit",
    [FRAME_BAD_CHECKSUM] = "bad-checksum",
    [FRAME_BAD_CODE] = "bad-code",
    [FRAME_BAD_TARGET] = "bad-target",
    [FRAME_BAD_OPTION] = "bad-option",
    [FRAME_BAD_DESTINATION] = "bad-destination",
    [FRAME_PROBE_WITH_MAC] = "probe-with-mac",
};
static_assert(sizeof(cause_names) / sizeof(cause_names[0]) == FRAME_CAUSE_COUNT, "one name each");

const char *
frame_cause_str(enum frame_cause cause)
{
	return cause_names[cause];
}
