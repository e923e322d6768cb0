#include "io_netns.h"

#include <linux/filter.h>
#include <net/ethernet.h>

#include "io/packet_socket.h"
#include "util/addr.h"

#define N_SEEN 16

struct seen {
	int ifindex;
	size_t len;
	bool truncated, vlan, for_other_host;
	uint16_t vlan_tci;
	uint8_t bytes[PACKET_FRAME_SIZE];
};

struct fixture {
	struct loop *loop;
	struct packet_socket *ps, *other; /* under test; the sender */
	struct seen seen[N_SEEN];
	size_t n;
	int va, vb;
	bool free_in_callback;
};

/* ARP requests only: type 0x0806 and operation 1. */
static const struct sock_filter requests_only[] = {
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_ARP, 0, 3),
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 20),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, 0xffff),
    BPF_STMT(BPF_RET | BPF_K, 0),
};

static void
on_frame(void *arg, const struct packet_frame *frame)
{
	struct fixture *f = arg;
	struct seen *seen = &f->seen[f->n % N_SEEN];

	*seen = (struct seen){
	    .ifindex = frame->ifindex,
	    .len = frame->len,
	    .truncated = frame->truncated,
	    .vlan = frame->vlan,
	    .vlan_tci = frame->vlan_tci,
	    .for_other_host = frame->for_other_host,
	};
	memcpy(seen->bytes, frame->bytes, frame->len);
	f->n++;
	if (f->free_in_callback) {
		packet_socket_free(f->ps);
		f->ps = NULL;
	}
}

static void
on_nothing(void *arg, const struct packet_frame *frame)
{
	(void)arg;
	(void)frame;
}

/* The kernel drops what is sent through a link whose carrier it has not worked up yet, and says
 * nothing. */
static bool
is_ready(const char *name)
{
	char *command = xasprintf("ip link show dev %s | grep -q 'state UP'", name);
	int status = system(command);

	free(command);
	return status == 0;
}

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	static const struct sock_filter nothing[] = {BPF_STMT(BPF_RET | BPF_K, 0)};

	*state = f;
	assert_int_equal(loop_new(&f->loop), 0);
	if (!netns_usable)
		return 0;
	ip("link add va address 02:00:00:00:00:0a type veth peer name vb address 02:00:00:00:00:0b");
	ip("link set va up");
	ip("link set vb up");
	RUN_UNTIL(f->loop, is_ready("va") && is_ready("vb"));
	f->va = index_of("va");
	f->vb = index_of("vb");
	assert_int_equal(packet_socket_open(f->loop, ETH_P_ARP, requests_only,
			     ARRAY_SIZE(requests_only), on_frame, f, &f->ps),
	    0);
	return packet_socket_open(f->loop, ETH_P_ARP, nothing, 1, on_nothing, f, &f->other);
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	packet_socket_free(f->ps);
	packet_socket_free(f->other);
	loop_free(f->loop);
	free(f);
	if (netns_usable)
		(void)ip_try("link del va");
	return 0;
}

/* An ARP frame, as far as the filter looks; the rest is a mark. */
static size_t
make_frame(uint8_t *bytes, const char *to, uint16_t type, uint8_t operation, size_t len)
{
	struct mac_addr mac;

	memset(bytes, 0x5a, len);
	assert_int_equal(mac_addr_parse(to, &mac), 0);
	memcpy(bytes, mac.bytes, 6);
	assert_int_equal(mac_addr_parse("02:00:00:00:00:0b", &mac), 0);
	memcpy(bytes + 6, mac.bytes, 6);
	bytes[12] = (uint8_t)(type >> 8);
	bytes[13] = (uint8_t)type;
	bytes[20] = 0;
	bytes[21] = operation;
	return len;
}

static void
frames_come_with_their_interface(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[60];
	size_t len;

	NETNS_OR_SKIP();
	len = make_frame(frame, "ff:ff:ff:ff:ff:ff", ETHERTYPE_ARP, 1, sizeof(frame));
	assert_int_equal(packet_socket_send(f->other, f->vb, frame, len), 0);
	RUN_UNTIL(f->loop, f->n == 1);
	assert_int_equal(f->seen[0].ifindex, f->va);
	assert_int_equal(f->seen[0].len, len);
	assert_memory_equal(f->seen[0].bytes, frame, len);
	assert_false(f->seen[0].vlan || f->seen[0].truncated || f->seen[0].for_other_host);
	/* The other way: what this very socket sends comes in at the other end, not here too. */
	assert_int_equal(packet_socket_send(f->ps, f->va, frame, len), 0);
	RUN_UNTIL(f->loop, f->n == 2);
	assert_int_equal(f->seen[1].ifindex, f->vb);
	RUN_WHILE(f->loop, 10000, f->n == 2);
	assert_int_equal(packet_socket_stats(f->ps).received, 2);
	assert_int_equal(packet_socket_stats(f->ps).sent, 1);
	assert_int_equal(packet_socket_stats(f->ps).outgoing, 0);
}

static void
the_filter_is_in_the_kernel(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[60];

	NETNS_OR_SKIP();
	(void)make_frame(frame, "ff:ff:ff:ff:ff:ff", ETHERTYPE_ARP, 2, sizeof(frame));
	assert_int_equal(packet_socket_send(f->other, f->vb, frame, sizeof(frame)), 0);
	(void)make_frame(frame, "ff:ff:ff:ff:ff:ff", ETHERTYPE_IP, 1, sizeof(frame));
	assert_int_equal(packet_socket_send(f->other, f->vb, frame, sizeof(frame)), 0);
	(void)make_frame(frame, "ff:ff:ff:ff:ff:ff", ETHERTYPE_ARP, 1, sizeof(frame));
	assert_int_equal(packet_socket_send(f->other, f->vb, frame, sizeof(frame)), 0);
	RUN_UNTIL(f->loop, f->n == 1);
	RUN_WHILE(f->loop, 10000, f->n == 1);
	assert_int_equal(f->seen[0].bytes[21], 1);
}

static void
late_interfaces_are_heard_too(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[60];

	NETNS_OR_SKIP();
	ip("link add vc type veth peer name vd");
	ip("link set vc up");
	ip("link set vd up");
	RUN_UNTIL(f->loop, is_ready("vc") && is_ready("vd"));
	(void)make_frame(frame, "ff:ff:ff:ff:ff:ff", ETHERTYPE_ARP, 1, sizeof(frame));
	assert_int_equal(packet_socket_send(f->other, index_of("vd"), frame, sizeof(frame)), 0);
	RUN_UNTIL(f->loop, f->n == 1);
	assert_int_equal(f->seen[0].ifindex, index_of("vc"));
	/* The end of an interface does not end the socket. */
	ip("link del vc");
	assert_int_equal(packet_socket_send(f->other, f->vb, frame, sizeof(frame)), 0);
	RUN_UNTIL(f->loop, f->n == 2);
	ip("link set va down");
	ip("link set va up");
	(void)packet_socket_drain(f->ps);
	RUN_UNTIL(f->loop,
	    f->n > 2 || (packet_socket_send(f->other, f->vb, frame, sizeof(frame)), false));
}

static void
tagged_frames_say_so(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[64];

	NETNS_OR_SKIP();
	(void)make_frame(frame, "ff:ff:ff:ff:ff:ff", 0x8100, 1, sizeof(frame));
	/* VLAN 42, then an ARP request. */
	frame[14] = 0;
	frame[15] = 42;
	frame[16] = 0x08;
	frame[17] = 0x06;
	frame[24] = 0;
	frame[25] = 1;
	assert_int_equal(packet_socket_send(f->other, f->vb, frame, sizeof(frame)), 0);
	RUN_UNTIL(f->loop, f->n == 1);
	assert_true(f->seen[0].vlan && f->seen[0].for_other_host);
	/* Unicast to our MAC: all that can be told is that it is not for us. */
	memcpy(frame, "\x02\0\0\0\0\x0a", 6);
	assert_int_equal(packet_socket_send(f->other, f->vb, frame, sizeof(frame)), 0);
	RUN_UNTIL(f->loop, f->n == 2);
	assert_true(f->seen[1].for_other_host);
	/* VLAN 0 is no VLAN. */
	frame[15] = 0;
	assert_int_equal(packet_socket_send(f->other, f->vb, frame, sizeof(frame)), 0);
	RUN_UNTIL(f->loop, f->n == 3);
	assert_false(f->seen[2].vlan || f->seen[2].for_other_host);

	packet_socket_free(f->ps);
	assert_int_equal(packet_socket_open(f->loop, ETH_P_ALL, requests_only,
			     ARRAY_SIZE(requests_only), on_frame, f, &f->ps),
	    0);
	frame[15] = 42;
	assert_int_equal(packet_socket_send(f->other, f->vb, frame, sizeof(frame)), 0);
	RUN_UNTIL(f->loop, f->n == 4);
	assert_true(f->seen[3].vlan);
	assert_int_equal(f->seen[3].vlan_tci & 0xfff, 42);
	RUN_WHILE(f->loop, 10000, f->n == 4);
}

static void
long_frames_are_cut_and_marked(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[4000];

	NETNS_OR_SKIP();
	ip("link set va mtu 9000");
	ip("link set vb mtu 9000");
	(void)make_frame(frame, "ff:ff:ff:ff:ff:ff", ETHERTYPE_ARP, 1, sizeof(frame));
	assert_int_equal(packet_socket_send(f->other, f->vb, frame, sizeof(frame)), 0);
	RUN_UNTIL(f->loop, f->n == 1);
	assert_true(f->seen[0].truncated);
	assert_int_equal(f->seen[0].len, PACKET_FRAME_SIZE);
	assert_int_equal(packet_socket_stats(f->ps).truncated, 1);
}

static void
frames_for_others_say_so(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[60];

	NETNS_OR_SKIP();
	(void)make_frame(frame, "02:00:00:00:00:99", ETHERTYPE_ARP, 1, sizeof(frame));
	ip("link set va promisc on");
	assert_int_equal(packet_socket_send(f->other, f->vb, frame, sizeof(frame)), 0);
	RUN_UNTIL(f->loop, f->n == 1);
	assert_true(f->seen[0].for_other_host);
}

static void
failed_sends_are_errors_and_counted(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[60];

	NETNS_OR_SKIP();
	(void)make_frame(frame, "ff:ff:ff:ff:ff:ff", ETHERTYPE_ARP, 1, sizeof(frame));
	assert_int_equal(packet_socket_send(f->ps, 9999, frame, sizeof(frame)), -ENXIO);
	ip("link set vb down");
	assert_int_equal(packet_socket_send(f->ps, f->vb, frame, sizeof(frame)), -ENETDOWN);
	assert_int_equal(packet_socket_stats(f->ps).send_errors, 2);
	assert_int_equal(packet_socket_stats(f->ps).sent, 0);
}

static void
what_is_drained_is_not_delivered(void **state)
{
	struct fixture *f = *state;
	struct packet_socket_stats stats;
	uint8_t frame[60];
	size_t drained;
	int i;

	NETNS_OR_SKIP();
	(void)make_frame(frame, "ff:ff:ff:ff:ff:ff", ETHERTYPE_ARP, 1, sizeof(frame));
	for (i = 0; i < 100; i++)
		assert_int_equal(packet_socket_send(f->other, f->vb, frame, sizeof(frame)), 0);
	drained = packet_socket_drain(f->ps);
	assert_int_equal(drained, 100);
	RUN_WHILE(f->loop, 5000, f->n == 0);
	assert_int_equal(packet_socket_drain(f->ps), 0);
	assert_int_equal(packet_socket_stats(f->ps).drained, 100);
	/* More than the buffer holds: the kernel counts what it drops. */
	for (i = 0; i < 20000; i++)
		(void)packet_socket_send(f->other, f->vb, frame, sizeof(frame));
	stats = packet_socket_stats(f->ps);
	assert_true(stats.dropped > 0);
	drained = packet_socket_drain(f->ps);
	assert_true(drained > 100);
	assert_int_equal(stats.dropped + drained, 20000);
	assert_int_equal(packet_socket_stats(f->ps).dropped, stats.dropped);
}

static void
one_turn_takes_a_bounded_number(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[60];
	size_t max = PACKET_BATCH * PACKET_BATCHES_PER_TURN;
	size_t i;

	NETNS_OR_SKIP();
	(void)make_frame(frame, "ff:ff:ff:ff:ff:ff", ETHERTYPE_ARP, 1, sizeof(frame));
	for (i = 0; i < max + 10; i++)
		assert_int_equal(packet_socket_send(f->other, f->vb, frame, sizeof(frame)), 0);
	(void)loop_turn(f->loop, loop_clock());
	assert_int_equal(f->n, max);
	RUN_UNTIL(f->loop, f->n == max + 10);
}

static void
the_socket_may_be_freed_in_its_callback(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[60];
	int i;

	NETNS_OR_SKIP();
	f->free_in_callback = true;
	(void)make_frame(frame, "ff:ff:ff:ff:ff:ff", ETHERTYPE_ARP, 1, sizeof(frame));
	for (i = 0; i < 5; i++)
		assert_int_equal(packet_socket_send(f->other, f->vb, frame, sizeof(frame)), 0);
	RUN_UNTIL(f->loop, f->n == 1);
	RUN_WHILE(f->loop, 5000, f->n == 1);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(frames_come_with_their_interface),
	    T(the_filter_is_in_the_kernel),
	    T(late_interfaces_are_heard_too),
	    T(tagged_frames_say_so),
	    T(long_frames_are_cut_and_marked),
	    T(frames_for_others_say_so),
	    T(failed_sends_are_errors_and_counted),
	    T(what_is_drained_is_not_delivered),
	    T(one_turn_takes_a_bounded_number),
	    T(the_socket_may_be_freed_in_its_callback),
	};

	return cmocka_run_group_tests_name("packet_socket", tests, netns_enter, NULL);
}
