#include "l2/filter.h"

#include <linux/filter.h>
#include <linux/if_packet.h>

#define OFFSET_ETHERTYPE 12
#define OFFSET_ARP_OP 20
#define ETHERTYPE_ARP 0x0806

/*
 * Jumps count instructions from the next one. PACKET_HOST, _BROADCAST and _MULTICAST are 0 to 2;
 * all above them, our own sends (PACKET_OUTGOING) above all, are not for us. A frame tagged for a
 * VLAN without interface here comes as PACKET_OTHERHOST, its tag already taken off by the kernel.
 */
static const struct sock_filter program[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)SKF_AD_OFF + SKF_AD_PKTTYPE),
    BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, PACKET_MULTICAST, 6, 0),
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, OFFSET_ETHERTYPE),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_ARP, 0, 4),
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, OFFSET_ARP_OP),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 1, 0), /* request */
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 2, 0, 1), /* reply */
    BPF_STMT(BPF_RET | BPF_K, FILTER_SNAP_BYTES),
    BPF_STMT(BPF_RET | BPF_K, 0),
};

const struct sock_filter *
filter_program(size_t *ret_count)
{
	*ret_count = sizeof(program) / sizeof(program[0]);
	return program;
}
