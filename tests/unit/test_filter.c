/* The kernel filter, run by a small interpreter that knows the instructions it uses, and no other.
 */
#include "test.h"

#include <linux/filter.h>
#include <linux/if_packet.h>
#include <stdlib.h>

#include "l2/filter.h"
#include "util/mem.h"

#define REFUSED_BY_INTERPRETER UINT32_MAX

/* As the kernel: a load past the end ends the program with 0. */
static uint32_t
run_filter(const uint8_t *frame, size_t len, uint32_t pkttype)
{
	size_t count, pc, steps;
	const struct sock_filter *program = filter_program(&count);
	uint32_t a = 0;

	for (pc = 0, steps = 0; pc < count && steps < count; pc++, steps++) {
		const struct sock_filter *in = &program[pc];
		size_t at = in->k;

		switch (in->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (in->k == (uint32_t)SKF_AD_OFF + SKF_AD_PKTTYPE) {
				a = pkttype;
				break;
			}
			if (at + 4 > len)
				return 0;
			a = (uint32_t)frame[at] << 24 | (uint32_t)frame[at + 1] << 16 |
			    (uint32_t)frame[at + 2] << 8 | frame[at + 3];
			break;
		case BPF_LD | BPF_B | BPF_ABS:
			if (at + 1 > len)
				return 0;
			a = frame[at];
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= in->k;
			break;
		case BPF_LD | BPF_H | BPF_ABS:
			if (at + 2 > len)
				return 0;
			a = (uint32_t)frame[at] << 8 | frame[at + 1];
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			pc += a == in->k ? in->jt : in->jf;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			pc += a > in->k ? in->jt : in->jf;
			break;
		case BPF_RET | BPF_K:
			return in->k;
		default:
			return REFUSED_BY_INTERPRETER;
		}
	}
	return REFUSED_BY_INTERPRETER;
}

static const struct {
	const char *name;
	uint16_t ethertype, op;
	uint32_t pkttype;
	bool passes;
} rows[] = {
    {"request, broadcast", 0x0806, 1, PACKET_BROADCAST, true},
    {"request, to us", 0x0806, 1, PACKET_HOST, true},
    {"request, multicast", 0x0806, 1, PACKET_MULTICAST, true},
    {"reply, to us", 0x0806, 2, PACKET_HOST, true},
    {"reply, broadcast", 0x0806, 2, PACKET_BROADCAST, true},
    {"request, to another host", 0x0806, 1, PACKET_OTHERHOST, false},
    {"reply, to another host", 0x0806, 2, PACKET_OTHERHOST, false},
    {"own request", 0x0806, 1, PACKET_OUTGOING, false},
    {"own reply", 0x0806, 2, PACKET_OUTGOING, false},
    {"looped back by the kernel", 0x0806, 1, PACKET_LOOPBACK, false},
    {"op 0", 0x0806, 0, PACKET_BROADCAST, false},
    {"op 3", 0x0806, 3, PACKET_BROADCAST, false},
    {"op 257", 0x0806, 257, PACKET_BROADCAST, false},
    {"IPv4", 0x0800, 1, PACKET_HOST, false},
    {"IPv6", 0x86dd, 1, PACKET_MULTICAST, false},
    {"tagged", 0x8100, 1, PACKET_BROADCAST, false},
};

#define GROUP_MAC                         \
	{                                 \
		0x33, 0x33, 0xff, 0, 0, 1 \
	}
#define ALL_NODES_MAC                  \
	{                              \
		0x33, 0x33, 0, 0, 0, 1 \
	}
#define HOST_MAC                 \
	{                        \
		2, 0, 0, 0, 0, 1 \
	}

static const struct {
	const char *name;
	uint8_t mac[6], next_header, type;
	uint32_t pkttype;
	bool passes;
} ipv6_rows[] = {
    {"solicitation, to the group", GROUP_MAC, 58, 135, PACKET_MULTICAST, true},
    {"solicitation, to us", HOST_MAC, 58, 135, PACKET_HOST, true},
    {"advertisement, to us", HOST_MAC, 58, 136, PACKET_HOST, true},
    {"advertisement, to all nodes", ALL_NODES_MAC, 58, 136, PACKET_MULTICAST, true},
    {"solicitation, to another host", HOST_MAC, 58, 135, PACKET_OTHERHOST, false},
    {"own advertisement", ALL_NODES_MAC, 58, 136, PACKET_OUTGOING, false},
    {"router advertisement", ALL_NODES_MAC, 58, 134, PACKET_MULTICAST, false},
    {"redirect", HOST_MAC, 58, 137, PACKET_HOST, false},
    {"echo request to the group", GROUP_MAC, 58, 128, PACKET_MULTICAST, false},
    {"TCP", HOST_MAC, 6, 135, PACKET_HOST, false},
    {"to the group behind hop-by-hop options", GROUP_MAC, 0, 58, PACKET_MULTICAST, true},
    {"to the group behind a fragment header", GROUP_MAC, 44, 58, PACKET_MULTICAST, true},
    {"UDP to the group", GROUP_MAC, 17, 0, PACKET_MULTICAST, true},
    {"MLDv2 report", {0x33, 0x33, 0, 0, 0, 0x16}, 0, 58, PACKET_MULTICAST, false},
    {"extension header, to us", HOST_MAC, 0, 58, PACKET_HOST, false},
};

static void
test_ipv6_rows(void **state)
{
	size_t i, len;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(ipv6_rows); i++) {
		uint8_t frame[86] = {[12] = 0x86, [13] = 0xdd};

		memcpy(frame, ipv6_rows[i].mac, sizeof(ipv6_rows[i].mac));
		frame[20] = ipv6_rows[i].next_header;
		frame[54] = ipv6_rows[i].type;
		assert_row(i, ipv6_rows[i].name,
		    run_filter(frame, sizeof(frame), ipv6_rows[i].pkttype) ==
			(ipv6_rows[i].passes ? FILTER_SNAP_BYTES : 0));
		for (len = 0; len <= 20; len++)
			assert_row(i, ipv6_rows[i].name,
			    run_filter(frame, len, ipv6_rows[i].pkttype) == 0);
	}
}

static void
test_rows(void **state)
{
	uint8_t frame[42] = {0};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		frame[12] = (uint8_t)(rows[i].ethertype >> 8);
		frame[13] = (uint8_t)rows[i].ethertype;
		frame[20] = (uint8_t)(rows[i].op >> 8);
		frame[21] = (uint8_t)rows[i].op;
		assert_row(i, rows[i].name,
		    run_filter(frame, sizeof(frame), rows[i].pkttype) ==
			(rows[i].passes ? FILTER_SNAP_BYTES : 0));
	}
}

static void
test_truncated(void **state)
{
	static const uint8_t whole[22] = {[12] = 0x08, [13] = 0x06, [21] = 1};
	size_t len;

	(void)state;
	for (len = 0; len <= sizeof(whole); len++) {
		uint8_t *frame = xcalloc(len, 1);

		memcpy(frame, whole, len);
		assert_int_equal(run_filter(frame, len, PACKET_HOST),
		    len == sizeof(whole) ? FILTER_SNAP_BYTES : 0);
		free(frame);
	}
}

/* What the kernel checks before it takes a program: jumps stay inside, the last one returns. */
static void
test_is_valid(void **state)
{
	size_t count, i;
	const struct sock_filter *program = filter_program(&count);

	(void)state;
	assert_in_range(count, 1, BPF_MAXINSNS);
	assert_int_equal(BPF_CLASS(program[count - 1].code), BPF_RET);
	for (i = 0; i < count; i++) {
		if (BPF_CLASS(program[i].code) != BPF_JMP)
			continue;
		assert_in_range(i + 1 + program[i].jt, 0, count - 1);
		assert_in_range(i + 1 + program[i].jf, 0, count - 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_ipv6_rows),
	    cmocka_unit_test(test_truncated),
	    cmocka_unit_test(test_is_valid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
