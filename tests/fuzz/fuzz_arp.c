/*
 * ARP frames from the wire. Whatever is decoded comes out the same when encoded; whatever is
 * answered is a well-formed reply to the one who asked, for an address that is ours.
 */
#include <assert.h>
#include <string.h>

#include "l2/responder.h"
#include "util/link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_decode(const uint8_t *data, size_t size)
{
	uint8_t again[ARP_FRAME_BYTES];
	struct arp arp;

	if (arp_decode(data, size, &arp) != FRAME_OK)
		return;
	arp_encode(&arp, again);
	assert(!memcmp(data, again, sizeof(again)));
}

static void
check_reply(const struct responder_output *output, const struct mac_addr *mac)
{
	struct arp reply;

	assert(arp_decode(output->frame, output->len, &reply) == FRAME_OK);
	assert(reply.op == ARP_REPLY && ip_addr_eq(&reply.sender_ip, &output->ip));
	assert(mac_addr_eq(&reply.ether_dst, &output->mac));
	assert(mac_addr_eq(&reply.ether_src, mac) && mac_addr_eq(&reply.sender_mac, mac));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct link_info items[] = {
	    {.ifindex = 2, .mac = {{2, 0, 0, 0, 0, 1}}},
	    {.ifindex = 3, .mac = {{2, 0, 0, 0, 0, 2}}},
	};
	static const struct link_table links = {items, 2};
	const struct ip_addr vips[] = {ip_addr_v4(10, 77, 0, 200), ip_addr_v4(10, 77, 0, 201)};
	struct responder *r = responder_new();
	struct responder_output output;
	enum responder_verdict verdict;
	int ifindex;

	check_decode(data, size);
	responder_set_links(r, &links);
	responder_set(r, &vips[0], (const int[]){2}, 1);
	responder_set(r, &vips[1], (const int[]){2, 3}, 2);
	for (ifindex = 1; ifindex <= 3; ifindex++) {
		verdict = responder_receive(r, ifindex, data, size, false, &output);
		assert(responder_verdicts(r, frame_protocol_of(data, size), verdict));
		assert((verdict == RESPONDER_REPLY) == (output.len > 0));
		if (verdict == RESPONDER_REPLY && frame_protocol_of(data, size) == FRAME_ARP)
			check_reply(&output, &items[ifindex - 2].mac);
	}
	responder_free(r);
	return 0;
}
