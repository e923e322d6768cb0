/*
 * filter: the classic BPF program for the packet socket, as data for SO_ATTACH_FILTER. It keeps in
 * the kernel what the responder would throw away anyhow: frames that we sent, frames for other
 * hosts' MACs (under promiscuous mode, or tagged for a VLAN that has no interface here), and
 * everything but ARP requests and replies, neighbour solicitations and advertisements. Whatever
 * else is sent to a solicited-node group passes too, so that it can be refused and counted; an
 * extension header in a unicast packet is dropped here. What passes is checked again by the
 * decoder.
 *
 * It works on whole Ethernet frames: the socket must be SOCK_RAW. One program serves all interfaces
 * and both EtherTypes.
 */
#ifndef L2_FILTER_H
#define L2_FILTER_H

#include <stddef.h>

/* Bytes of a frame that the program lets through, and the size of a receive buffer: a whole frame
 * of usual MTU, since the checksum of a neighbour solicitation covers all of it. */
#define FILTER_SNAP_BYTES 1518

struct sock_filter; /* linux/filter.h */

/* The program and its length; static. */
const struct sock_filter *filter_program(size_t *ret_count);

#endif
