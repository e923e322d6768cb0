/*
 * ethernet: the header that ARP and NDP frames begin with.
 */
#ifndef L2_ETHERNET_H
#define L2_ETHERNET_H

#include <stdint.h>

#include "l2/cause.h"
#include "util/addr.h"
#include "util/buf.h"

#define ETHERNET_HEADER_BYTES 14
#define ETHERNET_TYPE_IPV4 0x0800
#define ETHERNET_TYPE_ARP 0x0806
#define ETHERNET_TYPE_IPV6 0x86dd

extern const struct mac_addr mac_broadcast;

/* Reads the header of a frame of this EtherType. FRAME_OK, FRAME_SHORT, FRAME_TAGGED or
 * FRAME_OTHER_TYPE; *ret_dst and *ret_src are set with FRAME_OK only. */
enum frame_cause
ethernet_read(struct rbuf *r, uint16_t type, struct mac_addr *ret_dst, struct mac_addr *ret_src);
void ethernet_write(
    struct wbuf *w, uint16_t type, const struct mac_addr *dst, const struct mac_addr *src);
struct mac_addr ethernet_read_mac(struct rbuf *r);
/* A MAC that a frame may come from: not a group's, not zero. */
bool ethernet_is_sender(const struct mac_addr *mac);

#endif
