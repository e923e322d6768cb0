/* Router advertisements as unnumbered peers use them: RFC 4861, on virtual time. */
#include "test.h"

#include "bgp/unnumbered.h"

static const struct mac_addr mac = {{2, 0x77, 0, 0, 0, 1}};
static const struct ip_addr own = {IP_FAMILY_V6, {0xfe, 0x80, [15] = 1}};
static const struct ip_addr router = {IP_FAMILY_V6, {0xfe, 0x80, [15] = 2}};
static const struct ip_addr other = {IP_FAMILY_V6, {0xfe, 0x80, [15] = 3}};
static const struct ip_addr global = {IP_FAMILY_V6, {0x20, 0x01, [15] = 3}};

/* As FRR 8.4 sends it: lifetime 0 or 1800, source link-layer address. */
static const uint8_t advertisement[] = {
    134, 0, 0xab, 0xcd, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 0x77, 0, 0, 0, 2};
static const uint8_t solicitation[] = {133, 0, 0, 0, 0, 0, 0, 0};

static mono_t
at(int64_t seconds)
{
	return (mono_t){seconds * USEC_PER_SEC};
}

static void
test_sends(void **state)
{
	static const uint8_t ours[] = {
	    134, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 0x77, 0, 0, 0, 1};
	static const uint8_t ask[] = {133, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 0x77, 0, 0, 0, 1};
	uint8_t out[UNNUMBERED_MESSAGE_BYTES];
	struct unnumbered u;
	struct ip_addr to;
	unsigned count[256] = {0};
	mono_t now;

	(void)state;
	unnumbered_init(&u);
	assert_true(mono_is_never(unnumbered_deadline(&u)));
	assert_int_equal(unnumbered_next(&u, at(1), out, &to), 0);
	unnumbered_set_link(&u, &mac, &own, at(1));
	assert_int_equal(unnumbered_next(&u, at(1), out, &to), sizeof(ours));
	assert_memory_equal(out, ours, sizeof(ours));
	assert_int_equal(to.bytes[15], 1);
	assert_int_equal(unnumbered_next(&u, at(1), out, &to), sizeof(ask));
	assert_memory_equal(out, ask, sizeof(ask));
	assert_int_equal(to.bytes[15], 2);
	assert_int_equal(unnumbered_next(&u, at(1), out, &to), 0);
	/* A minute: at 1, 2, 3, 13, 23, 33, 43, 53; asks each 4 s as long as nobody answers. */
	for (now = unnumbered_deadline(&u); now.usec <= at(60).usec;
	     now = unnumbered_deadline(&u)) {
		assert_true(unnumbered_next(&u, now, out, &to) > 0);
		count[out[0]]++;
	}
	assert_int_equal(count[134], 7);
	assert_int_equal(count[133], 14);
	/* The same link again changes nothing; without an address nothing is sent. */
	now = unnumbered_deadline(&u);
	unnumbered_set_link(&u, &mac, &own, at(60));
	assert_int_equal(unnumbered_deadline(&u).usec, now.usec);
	unnumbered_set_link(&u, &mac, &(struct ip_addr){0}, at(60));
	assert_true(mono_is_never(unnumbered_deadline(&u)));
}

static void
test_finds(void **state)
{
	uint8_t out[UNNUMBERED_MESSAGE_BYTES];
	struct unnumbered u;
	struct ip_addr to;

	(void)state;
	unnumbered_init(&u);
	unnumbered_set_link(&u, &mac, &own, at(0));
	while (unnumbered_next(&u, at(0), out, &to))
		;
	assert_int_equal(unnumbered_neighbour(&u)->family, IP_FAMILY_NONE);
	assert_int_equal(
	    unnumbered_receive(&u, &router, 255, advertisement, sizeof(advertisement), at(1)),
	    UNNUMBERED_FOUND);
	assert_true(ip_addr_eq(unnumbered_neighbour(&u), &router));
	assert_int_equal(
	    unnumbered_receive(&u, &router, 255, advertisement, sizeof(advertisement), at(11)),
	    UNNUMBERED_HEARD);
	/* Nobody is asked any more. */
	assert_int_equal(unnumbered_next(&u, at(11), out, &to), UNNUMBERED_MESSAGE_BYTES);
	assert_int_equal(out[0], 134);
	assert_int_equal(unnumbered_next(&u, at(11), out, &to), 0);
	/* Another one waits until the first has been silent. */
	assert_int_equal(
	    unnumbered_receive(&u, &other, 255, advertisement, sizeof(advertisement), at(45)),
	    UNNUMBERED_OTHER);
	assert_true(ip_addr_eq(unnumbered_neighbour(&u), &router));
	assert_int_equal(
	    unnumbered_receive(&u, &other, 255, advertisement, sizeof(advertisement), at(46)),
	    UNNUMBERED_FOUND);
	assert_true(ip_addr_eq(unnumbered_neighbour(&u), &other));
}

/* Answered soon, but however many solicit, not more than one each UNNUMBERED_MIN_DELAY. */
static void
test_solicited(void **state)
{
	uint8_t out[UNNUMBERED_MESSAGE_BYTES];
	struct unnumbered u;
	struct ip_addr to;
	unsigned sent = 0;
	int64_t ms;

	(void)state;
	unnumbered_init(&u);
	unnumbered_set_link(&u, &mac, &own, at(0));
	for (ms = 0; ms < 20000; ms++) {
		mono_t now = {ms * USEC_PER_MSEC};

		if (ms > 5000)
			assert_int_equal(unnumbered_receive(&u, &other, 255, solicitation,
					     sizeof(solicitation), now),
			    UNNUMBERED_SOLICITED);
		while (unnumbered_next(&u, now, out, &to))
			sent += out[0] == 134;
	}
	assert_in_range(sent, 15, 19);
}

static const struct {
	const char *name;
	const struct ip_addr *from;
	uint8_t hop_limit, bytes[32];
	size_t len;
	enum unnumbered_verdict verdict;
} rows[] = {
    {"nothing", &router, 255, {0}, 0, UNNUMBERED_MALFORMED},
    {"one octet", &router, 255, {134}, 1, UNNUMBERED_MALFORMED},
    {"another type", &router, 255, {136, 0, 0, 0}, 4, UNNUMBERED_IGNORED},
    {"our own", &own, 255, {134, 0, [15] = 0}, 16, UNNUMBERED_IGNORED},
    {"routed", &router, 254, {134, 0, [15] = 0}, 16, UNNUMBERED_MALFORMED},
    {"a code", &router, 255, {134, 1, [15] = 0}, 16, UNNUMBERED_MALFORMED},
    {"short", &router, 255, {134, 0, [14] = 0}, 15, UNNUMBERED_MALFORMED},
    {"of a global source", &global, 255, {134, 0, [15] = 0}, 16, UNNUMBERED_MALFORMED},
    {"an option of length 0", &router, 255, {134, 0, [16] = 1, [17] = 0}, 24, UNNUMBERED_MALFORMED},
    {"an option too long", &router, 255, {134, 0, [16] = 1, [17] = 2}, 24, UNNUMBERED_MALFORMED},
    {"half an option", &router, 255, {134, 0, [16] = 1}, 17, UNNUMBERED_MALFORMED},
    {"without options", &router, 255, {134, 0, [15] = 0}, 16, UNNUMBERED_FOUND},
    {"an option of two units", &router, 255, {134, 0, [16] = 9, [17] = 2}, 32, UNNUMBERED_FOUND},
    {"a short solicitation", &router, 255, {133, 0, 0, 0, 0, 0, 0}, 7, UNNUMBERED_MALFORMED},
    {"a routed solicitation", &router, 64, {133, 0, 0, 0, 0, 0, 0, 0}, 8, UNNUMBERED_MALFORMED},
};

static void
test_received(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct unnumbered u;

		unnumbered_init(&u);
		unnumbered_set_link(&u, &mac, &own, at(0));
		assert_row(i, rows[i].name,
		    unnumbered_receive(&u, rows[i].from, rows[i].hop_limit, rows[i].bytes,
			rows[i].len, at(1)) == rows[i].verdict);
		assert_row(i, rows[i].name,
		    (unnumbered_neighbour(&u)->family != IP_FAMILY_NONE) ==
			(rows[i].verdict == UNNUMBERED_FOUND));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sends),
	    cmocka_unit_test(test_finds),
	    cmocka_unit_test(test_solicited),
	    cmocka_unit_test(test_received),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
