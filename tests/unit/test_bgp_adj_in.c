/* The set of received prefixes: against a plain model, over random announcements and withdrawals.
 */
#include "test.h"

#include "bgp/adj_in.h"
#include "util/prng.h"

#define PREFIXES 400

static struct ip_prefix
prefix_of(unsigned i)
{
	static const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8};
	struct ip_prefix prefix = {ip_addr_v4(10, 0, (uint8_t)(i / 256), (uint8_t)i), 32};

	if (i % 3 == 0) {
		prefix.addr = ip_addr_from_bytes(IP_FAMILY_V6, v6);
		prefix.addr.bytes[14] = (uint8_t)(i / 256);
		prefix.addr.bytes[15] = (uint8_t)i;
		prefix.len = 128;
	}
	return prefix;
}

static void
test_model(void **state)
{
	bool model[PREFIXES] = {false};
	size_t counts[BGP_FAMILY_COUNT] = {0}, max = 300;
	struct bgp_adj_in in;
	struct prng prng;
	unsigned step;

	(void)state;
	prng_init(&prng, 1);
	bgp_adj_in_init(&in, 7);
	for (step = 0; step < 200000; step++) {
		unsigned i = (unsigned)prng_below(&prng, PREFIXES);
		struct ip_prefix prefix = prefix_of(i);
		enum bgp_family family = bgp_family_of((enum ip_family)prefix.addr.family);
		/* Fuller and emptier in turns. */
		bool announce = prng_below(&prng, 100) < (step / 20000 % 2 ? 30U : 70U);
		bool room = model[i] || counts[0] + counts[1] < max;

		if (announce) {
			assert_int_equal(bgp_adj_in_announce(&in, &prefix, max), room);
			counts[family] += room && !model[i];
			model[i] |= room;
		} else {
			bgp_adj_in_withdraw(&in, &prefix);
			counts[family] -= model[i];
			model[i] = false;
		}
		assert_int_equal(in.counts[0], counts[0]);
		assert_int_equal(in.counts[1], counts[1]);
		/* As many slots free as taken, at least. */
		assert_true(in.n_slots <= 1024 && bgp_adj_in_count(&in) * 2 <= in.n_slots);
	}
	/* What the model has, and only that, is there. */
	for (step = 0; step < PREFIXES; step++) {
		struct ip_prefix prefix = prefix_of(step);
		size_t before = bgp_adj_in_count(&in);

		bgp_adj_in_withdraw(&in, &prefix);
		assert_int_equal(before - bgp_adj_in_count(&in), model[step]);
	}
	assert_int_equal(bgp_adj_in_count(&in), 0);
	bgp_adj_in_clear(&in);
	assert_null(in.slots);
}

/* 0.0.0.0/0 and ::/0 are two, 10.0.0.0/8 and /9 too. */
static void
test_keys(void **state)
{
	struct ip_prefix v4 = {ip_addr_v4(0, 0, 0, 0), 0}, v6 = {0},
			 ten = {ip_addr_v4(10, 0, 0, 0), 8};
	struct bgp_adj_in in;

	(void)state;
	v6.addr.family = IP_FAMILY_V6;
	bgp_adj_in_init(&in, 0);
	bgp_adj_in_withdraw(&in, &v4);
	assert_true(bgp_adj_in_announce(&in, &v4, 4));
	assert_true(bgp_adj_in_announce(&in, &v6, 4));
	assert_true(bgp_adj_in_announce(&in, &ten, 4));
	ten.len = 9;
	assert_true(bgp_adj_in_announce(&in, &ten, 4));
	assert_true(bgp_adj_in_announce(&in, &ten, 4));
	ten.len = 10;
	assert_false(bgp_adj_in_announce(&in, &ten, 4));
	assert_int_equal(in.counts[BGP_IPV4_UNICAST], 3);
	assert_int_equal(in.counts[BGP_IPV6_UNICAST], 1);
	bgp_adj_in_clear(&in);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_model),
	    cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
