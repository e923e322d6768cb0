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
			if (in->k != (uint32_t)SKF_AD_OFF + SKF_AD_PKTTYPE)
				return REFUSED_BY_INTERPRETER;
			a = pkttype;
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
	    cmocka_unit_test(test_truncated),
	    cmocka_unit_test(test_is_valid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
