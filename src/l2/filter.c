#include "l2/filter.h"

#include <linux/filter.h>
#include <linux/if_packet.h>

#include "l2/arp.h"
#include "l2/ethernet.h"
#include "l2/ndp.h"

#define OFFSET_ETHERTYPE 12
#define OFFSET_ARP_OP 20
#define OFFSET_NEXT_HEADER 20
#define OFFSET_ICMPV6_TYPE 54
#define NEXT_HEADER_ICMPV6 58
/* The MACs of solicited-node groups: 33:33:ff and 24 bits of an address (RFC 2464 7). */
#define SOLICITED_NODE_MAC 0x3333ff00U
#define SOLICITED_NODE_MASK 0xffffff00U

#define ACCEPT 16
#define DROP 17
/* A jump counts instructions from the next one: here `to` is that of the target. */
#define TO(from, to) ((to) - (from)-1)

/*
 * PACKET_HOST, _BROADCAST and _MULTICAST are 0 to 2; all above them, our own sends
 * (PACKET_OUTGOING) above all, are not for us. A frame tagged for a VLAN without interface here
 * comes as PACKET_OTHERHOST, its tag already taken off by the kernel.
 */
static const struct sock_filter program[] = {
    [0] = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)SKF_AD_OFF + SKF_AD_PKTTYPE),
    [1] = BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, PACKET_MULTICAST, TO(1, DROP), 0),
    [2] = BPF_STMT(BPF_LD | BPF_H | BPF_ABS, OFFSET_ETHERTYPE),
    [3] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERNET_TYPE_ARP, TO(3, 5), 0),
    [4] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERNET_TYPE_IPV6, TO(4, 8), TO(4, DROP)),
    /* ARP: request or reply */
    [5] = BPF_STMT(BPF_LD | BPF_H | BPF_ABS, OFFSET_ARP_OP),
    [6] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARP_REQUEST, TO(6, ACCEPT), 0),
    [7] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARP_REPLY, TO(7, ACCEPT), TO(7, DROP)),
    /* IPv6: solicitation or advertisement */
    [8] = BPF_STMT(BPF_LD | BPF_B | BPF_ABS, OFFSET_NEXT_HEADER),
    [9] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NEXT_HEADER_ICMPV6, 0, TO(9, 13)),
    [10] = BPF_STMT(BPF_LD | BPF_B | BPF_ABS, OFFSET_ICMPV6_TYPE),
    [11] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NDP_SOLICITATION, TO(11, ACCEPT), 0),
    [12] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NDP_ADVERTISEMENT, TO(12, ACCEPT), TO(12, DROP)),
    /* or what hides one behind extension headers: for the decoder to refuse and count */
    [13] = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
    [14] = BPF_STMT(BPF_ALU | BPF_AND | BPF_K, SOLICITED_NODE_MASK),
    [15] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SOLICITED_NODE_MAC, TO(15, ACCEPT), TO(15, DROP)),
    [ACCEPT] = BPF_STMT(BPF_RET | BPF_K, FILTER_SNAP_BYTES),
    [DROP] = BPF_STMT(BPF_RET | BPF_K, 0),
};

const struct sock_filter *
filter_program(size_t *ret_count)
{
	*ret_count = sizeof(program) / sizeof(program[0]);
	return program;
}
