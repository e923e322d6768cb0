/*
 * gateway: the MAC of the default gateway on an interface, as the kernel has it now. Two questions
 * to the kernel (a route, then a neighbour), which answers both before the call returns: it never
 * waits.
 */
#ifndef IO_GATEWAY_H
#define IO_GATEWAY_H

#include "util/addr.h"

/*
 * 0, or -ENOENT: there is no default route over that interface, or its gateway's MAC is not known;
 * or another -errno. Before Linux 5.0 the kernel has no answer for one neighbour (-EOPNOTSUPP).
 */
int gateway_mac(int ifindex, enum ip_family family, struct mac_addr *ret_mac);

#endif
