#include "l2/ethernet.h"

#define TYPE_VLAN 0x8100
#define TYPE_QINQ 0x88a8

const struct mac_addr mac_broadcast = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

struct mac_addr
ethernet_read_mac(struct rbuf *r)
{
	struct mac_addr mac = {{0}};

	rbuf_copy(r, mac.bytes, sizeof(mac.bytes));
	return mac;
}

enum frame_cause
ethernet_read(struct rbuf *r, uint16_t type, struct mac_addr *ret_dst, struct mac_addr *ret_src)
{
	struct mac_addr dst = ethernet_read_mac(r), src = ethernet_read_mac(r);
	uint16_t found = rbuf_u16(r);

	if (r->error)
		return FRAME_SHORT;
	if (found == TYPE_VLAN || found == TYPE_QINQ)
		return FRAME_TAGGED;
	if (found != type)
		return FRAME_OTHER_TYPE;
	*ret_dst = dst;
	*ret_src = src;
	return FRAME_OK;
}

void
ethernet_write(
    struct wbuf *w, uint16_t type, const struct mac_addr *dst, const struct mac_addr *src)
{
	wbuf_copy(w, dst->bytes, sizeof(dst->bytes));
	wbuf_copy(w, src->bytes, sizeof(src->bytes));
	wbuf_u16(w, type);
}

bool
ethernet_is_sender(const struct mac_addr *mac)
{
	return !mac_addr_is_multicast(mac) && !mac_addr_is_zero(mac);
}
