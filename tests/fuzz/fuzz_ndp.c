/*
 * NDP frames from the wire. The checksum is put right first where there is room for one, so that
 * what lies behind it is reached; the frame as it came is decoded as well. Whatever is decoded
 * comes out the same when encoded; whatever is answered is an advertisement of an address that is
 * ours.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "l2/responder.h"
#include "util/link.h"
#include "util/mem.h"

#define AT_SRC 22
#define AT_MESSAGE 54
#define AT_CHECKSUM 56

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
fix_checksum(uint8_t *frame, size_t size)
{
	size_t len = (size_t)(frame[18] << 8 | frame[19]), i;
	uint64_t sum;

	if (len < 4 || AT_MESSAGE + len > size)
		return;
	frame[AT_CHECKSUM] = frame[AT_CHECKSUM + 1] = 0;
	sum = len + 58;
	for (i = AT_SRC; i < AT_MESSAGE + len; i++)
		sum += (uint64_t)frame[i] << (i % 2 ? 0 : 8);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	frame[AT_CHECKSUM] = (uint8_t)(~sum >> 8);
	frame[AT_CHECKSUM + 1] = (uint8_t)~sum;
}

static void
check_decode(const uint8_t *data, size_t size)
{
	uint8_t out[NDP_FRAME_BYTES], twice[NDP_FRAME_BYTES];
	struct ndp ndp, again;
	size_t len;

	if (ndp_decode(data, size, &ndp) != FRAME_OK)
		return;
	len = ndp_encode(&ndp, out);
	assert(ndp_decode(out, len, &again) == FRAME_OK);
	assert(ndp_encode(&again, twice) == len && !memcmp(out, twice, len));
}

static void
check_reply(const struct responder_output *output, const struct mac_addr *mac)
{
	struct ndp reply;

	assert(ndp_decode(output->frame, output->len, &reply) == FRAME_OK);
	assert(reply.type == NDP_ADVERTISEMENT && ip_addr_eq(&reply.target, &output->ip));
	assert(mac_addr_eq(&reply.ether_src, mac) && mac_addr_eq(&reply.mac, mac));
	assert(!reply.router && reply.override);
}

static void
receive(const uint8_t *data, size_t size)
{
	static struct link_info items[] = {
	    {.ifindex = 2, .mac = {{2, 0, 0, 0, 0, 1}}},
	    {.ifindex = 3, .mac = {{2, 0, 0, 0, 0, 2}}},
	};
	static const struct link_table links = {items, 2};
	const struct ip_addr vips[] = {
	    {IP_FAMILY_V6, {0xfd, 0x77, [15] = 0xc8}}, {IP_FAMILY_V6, {0xfd, 0x77, [15] = 0xc9}}};
	struct responder *r = responder_new();
	struct responder_output output;
	enum responder_verdict verdict;
	int ifindex;

	responder_set_links(r, &links);
	responder_set(r, &vips[0], (const int[]){2}, 1);
	responder_set(r, &vips[1], (const int[]){2, 3}, 2);
	for (ifindex = 1; ifindex <= 3; ifindex++) {
		verdict = responder_receive(r, ifindex, data, size, false, &output);
		assert(responder_verdicts(r, frame_protocol_of(data, size), verdict));
		assert((verdict == RESPONDER_REPLY) == (output.len > 0));
		if (verdict == RESPONDER_REPLY && output.ip.family == IP_FAMILY_V6)
			check_reply(&output, &items[ifindex - 2].mac);
	}
	responder_free(r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *frame = xcalloc(size, 1);

	check_decode(data, size);
	receive(data, size);
	memcpy(frame, data, size);
	if (size >= AT_CHECKSUM + 2)
		fix_checksum(frame, size);
	check_decode(frame, size);
	receive(frame, size);
	free(frame);
	return 0;
}
