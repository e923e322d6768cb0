/* Memberships in a network namespace of the test's own, as the kernel shows them. */
#include "io_netns.h"

#include <stdio.h>

#include "io/multicast.h"

struct fixture {
	struct loop *loop;
	struct multicast *m;
};

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	*state = f;
	assert_int_equal(loop_new(&f->loop), 0);
	f->m = multicast_new(f->loop);
	if (!netns_usable)
		return 0;
	ip("link add va type veth peer name vb");
	ip("link set va up");
	ip("link set vb up");
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	multicast_free(f->m);
	loop_free(f->loop);
	free(f);
	if (netns_usable)
		(void)ip_try("link del va");
	return 0;
}

static struct ip_addr
group(unsigned i)
{
	return (struct ip_addr){IP_FAMILY_V6,
	    {0xff, 0x02, [11] = 1, [12] = 0xff, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}};
}

/* How many of our groups (ff02::1:ffee:X) the kernel has on the interface. */
static unsigned
kernel_groups(const char *name)
{
	FILE *file = fopen("/proc/net/igmp6", "r");
	char line[256], device[32], address[64];
	unsigned n = 0;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%*u %31s %63s", device, address) == 2 && !strcmp(device, name) &&
		    !strncmp(address, "ff0200000000000000000001ffee", 28))
			n++;
	(void)fclose(file);
	return n;
}

static void
groups_are_counted(void **state)
{
	struct fixture *f = *state;
	const struct ip_addr one = group(0xee0001), two = group(0xee0002);
	int va, vb;

	NETNS_OR_SKIP();
	va = index_of("va");
	vb = index_of("vb");
	multicast_join(f->m, va, &one);
	multicast_join(f->m, va, &one);
	multicast_join(f->m, va, &two);
	multicast_join(f->m, vb, &one);
	assert_int_equal(kernel_groups("va"), 2);
	assert_int_equal(kernel_groups("vb"), 1);
	assert_int_equal(multicast_stats(f->m).wanted, 3);
	assert_int_equal(multicast_stats(f->m).joined, 3);
	multicast_leave(f->m, va, &one);
	assert_int_equal(kernel_groups("va"), 2);
	multicast_leave(f->m, va, &one);
	assert_int_equal(kernel_groups("va"), 1);
	multicast_leave(f->m, va, &one);
	assert_int_equal(kernel_groups("vb"), 1);
	multicast_leave(f->m, va, &two);
	multicast_leave(f->m, vb, &one);
	assert_int_equal(multicast_stats(f->m).wanted, 0);
	assert_int_equal(kernel_groups("va") + kernel_groups("vb"), 0);
}

/* More than a socket holds: net.core.optmem_max bytes of them. */
static void
many_groups_take_more_sockets(void **state)
{
	enum {
		N = 10000
	};
	struct fixture *f = *state;
	unsigned i, sockets;
	int va;

	NETNS_OR_SKIP();
	va = index_of("va");
	for (i = 0; i < N; i++) {
		const struct ip_addr g = group(0xee0000 + i);

		multicast_join(f->m, va, &g);
	}
	assert_int_equal(multicast_stats(f->m).joined, N);
	assert_int_equal(kernel_groups("va"), N);
	sockets = (unsigned)multicast_stats(f->m).sockets;
	assert_in_range(sockets, 2, 200);
	/* room that becomes free is used again */
	for (i = 0; i < N; i += 2) {
		const struct ip_addr g = group(0xee0000 + i);

		multicast_leave(f->m, va, &g);
	}
	assert_int_equal(kernel_groups("va"), N / 2);
	for (i = 0; i < N; i += 2) {
		const struct ip_addr g = group(0xee0000 + i);

		multicast_join(f->m, va, &g);
	}
	assert_int_equal(multicast_stats(f->m).joined, N);
	assert_in_range(multicast_stats(f->m).sockets, sockets, sockets + 1);
}

static void
failed_joins_are_tried_again(void **state)
{
	struct fixture *f = *state;
	const struct ip_addr one = group(0xee0001), two = group(0xee0002);
	int va;

	NETNS_OR_SKIP();
	va = index_of("va");
	/* below the least that IPv6 needs */
	ip("link set va mtu 1200");
	multicast_join(f->m, va, &one);
	multicast_join(f->m, va, &two);
	assert_int_equal(multicast_stats(f->m).joined, 0);
	assert_int_equal(multicast_stats(f->m).failures, 2);
	RUN_UNTIL(f->loop, multicast_stats(f->m).failures >= 4);
	/* not wanted any more: not tried any more */
	multicast_leave(f->m, va, &two);
	ip("link set va mtu 1500");
	RUN_UNTIL(f->loop, multicast_stats(f->m).joined == 1);
	assert_int_equal(kernel_groups("va"), 1);
}

/* An interface that goes takes its memberships along; what is left over is harmless. */
static void
interface_goes(void **state)
{
	struct fixture *f = *state;
	const struct ip_addr one = group(0xee0001);
	int va;

	NETNS_OR_SKIP();
	va = index_of("va");
	multicast_join(f->m, va, &one);
	ip("link del va");
	multicast_leave(f->m, va, &one);
	assert_int_equal(multicast_stats(f->m).wanted, 0);
	assert_int_equal(multicast_stats(f->m).joined, 0);
	ip("link add va type veth peer name vb");
	ip("link set va up");
	multicast_join(f->m, index_of("va"), &one);
	assert_int_equal(kernel_groups("va"), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(groups_are_counted, setup, teardown),
	    cmocka_unit_test_setup_teardown(many_groups_take_more_sockets, setup, teardown),
	    cmocka_unit_test_setup_teardown(failed_joins_are_tried_again, setup, teardown),
	    cmocka_unit_test_setup_teardown(interface_goes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, netns_enter, NULL);
}
