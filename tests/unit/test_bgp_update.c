/* UPDATE and path attributes: bytes both ways, the table of RFC 7606, every truncation. */
#include "test.h"

#include <stdlib.h>

#include "bgp/update.h"

#define ATTR(type) BGP_ATTRIBUTE_BIT(BGP_ATTRIBUTE_##type)

static const struct bgp_update_context external = {.as4 = true};
static const struct bgp_update_context internal = {.internal = true, .as4 = true};
static const struct bgp_update_context old_external = {0};
static const struct bgp_update_context over_v6 = {.as4 = true, .extended_next_hop = true};

/* As BIRD sends it: 10.99.0.1/32 and 10.99.1.0/24, MED 5, communities 64500:1, large 64500:7:1. */
static const uint8_t v4_body[] = {0, 0, 0, 54,                   /* */
    0x40, 1, 1, 0,                                               /* ORIGIN IGP */
    0x40, 2, 6, 2, 1, 0, 0, 0xfb, 0xf4,                          /* AS_PATH 64500 */
    0x40, 3, 4, 10, 77, 0, 11,                                   /* NEXT_HOP */
    0x80, 4, 4, 0, 0, 0, 5,                                      /* MED */
    0xc0, 8, 4, 0xfb, 0xf4, 0, 1,                                /* COMMUNITIES */
    0xc0, 16, 8, 0x40, 0x04, 0xfb, 0xf4, 0x48, 0xf4, 0x24, 0x00, /* link bandwidth */
    0xc0, 32, 12, 0, 0, 0xfb, 0xf4, 0, 0, 0, 7, 0, 0, 0, 1, 32, 10, 99, 0, 1, 24, 10, 99, 1};

/* As FRR sends it: 2001:db8::1/128 with both next hops, and MP_REACH_NLRI first. */
static const uint8_t v6_body[] = {
    0, 0, 0, 72, /* */
    0x80, 14, 54, 0, 2, 1, 32, 0xfd, 0x77, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x11, 0xfe, 0x80,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x11, 0, 128, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 1,                   /* MP_REACH_NLRI */
    0x40, 1, 1, 2,                      /* ORIGIN INCOMPLETE */
    0x40, 2, 6, 2, 1, 0, 0, 0xfb, 0xf4, /* AS_PATH */
};

struct good {
	const uint8_t *body;
	size_t len;
};

static uint8_t v4_fixed[sizeof(v4_body)];

/* The length of the attribute list of v4_body, so that nobody has to count it. */
static struct good
good_v4(void)
{
	memcpy(v4_fixed, v4_body, sizeof(v4_body));
	v4_fixed[3] = (uint8_t)(sizeof(v4_body) - 4 - 9);
	return (struct good){v4_fixed, sizeof(v4_fixed)};
}

static uint8_t v6_fixed[sizeof(v6_body)];

static struct good
good_v6(void)
{
	memcpy(v6_fixed, v6_body, sizeof(v6_body));
	v6_fixed[3] = (uint8_t)(sizeof(v6_body) - 4);
	return (struct good){v6_fixed, sizeof(v6_fixed)};
}

static void
assert_encodes(const struct good *good, const struct bgp_update *update)
{
	uint8_t bytes[BGP_MESSAGE_MAX_BYTES];
	struct wbuf w;

	wbuf_init(&w, bytes, sizeof(bytes));
	bgp_update_encode(&w, update);
	assert_false(w.error);
	assert_int_equal(w.pos, BGP_HEADER_BYTES + good->len);
	assert_memory_equal(bytes + BGP_HEADER_BYTES, good->body, good->len);
}

static void
test_v4(void **state)
{
	const struct good good = good_v4();
	const struct ip_addr next_hop = ip_addr_v4(10, 77, 0, 11);
	struct bgp_verdict verdict;
	struct bgp_update u;
	struct ip_prefix prefix;
	char text[IP_PREFIX_STRLEN];
	struct rbuf r;

	(void)state;
	bgp_update_decode(good.body, good.len, &external, &u, &verdict);
	assert_int_equal(verdict.treatment, BGP_TREATMENT_NONE);
	assert_int_equal(u.attributes.origin, BGP_ORIGIN_IGP);
	assert_int_equal(u.attributes.as_path.len, 6);
	assert_true(ip_addr_eq(&u.attributes.next_hop, &next_hop));
	assert_int_equal(u.attributes.med, 5);
	assert_int_equal(u.attributes.communities.len, 4);
	assert_int_equal(u.attributes.extended_communities.len, 8);
	assert_int_equal(u.attributes.large_communities.len, 12);
	assert_false(u.end_of_rib);
	rbuf_init(&r, u.nlri.bytes, u.nlri.len);
	assert_true(bgp_nlri_next(&r, BGP_IPV4_UNICAST, &prefix));
	ip_prefix_format(&prefix, text);
	assert_string_equal(text, "10.99.0.1/32");
	assert_true(bgp_nlri_next(&r, BGP_IPV4_UNICAST, &prefix));
	ip_prefix_format(&prefix, text);
	assert_string_equal(text, "10.99.1.0/24");
	assert_false(bgp_nlri_next(&r, BGP_IPV4_UNICAST, &prefix));
	assert_false(r.error);
	assert_encodes(&good, &u);
}

static void
test_v6(void **state)
{
	const struct good good = good_v6();
	struct bgp_verdict verdict;
	struct bgp_update u;
	char text[IP_ADDR_STRLEN];

	(void)state;
	bgp_update_decode(good.body, good.len, &external, &u, &verdict);
	assert_int_equal(verdict.treatment, BGP_TREATMENT_NONE);
	assert_true(u.attributes.mp_reach.known);
	assert_int_equal(u.attributes.mp_reach.family, BGP_IPV6_UNICAST);
	ip_addr_format(&u.attributes.mp_reach.next_hop, text);
	assert_string_equal(text, "fd77::11");
	ip_addr_format(&u.attributes.mp_reach.link_local, text);
	assert_string_equal(text, "fe80::11");
	assert_int_equal(u.attributes.mp_reach.nlri.len, 17);
	assert_encodes(&good, &u);
}

/* Host bits behind the length are cleared (RFC 4271 4.3: irrelevant); 0.0.0.0/0 is one octet. */
static void
test_nlri(void **state)
{
	static const struct {
		uint8_t bytes[20];
		size_t len;
		enum bgp_family family;
		const char *text; /* NULL: an error */
	} rows[] = {
	    {{0}, 1, BGP_IPV4_UNICAST, "0.0.0.0/0"},
	    {{1, 0xff}, 2, BGP_IPV4_UNICAST, "128.0.0.0/1"},
	    {{25, 10, 0, 0, 0xff}, 5, BGP_IPV4_UNICAST, "10.0.0.128/25"},
	    {{32, 10, 0, 0, 1}, 5, BGP_IPV4_UNICAST, "10.0.0.1/32"},
	    {{33, 10, 0, 0, 1, 0}, 6, BGP_IPV4_UNICAST, NULL},
	    {{255}, 1, BGP_IPV4_UNICAST, NULL},
	    {{24, 10, 0}, 3, BGP_IPV4_UNICAST, NULL},
	    {{8}, 1, BGP_IPV4_UNICAST, NULL},
	    {{0}, 1, BGP_IPV6_UNICAST, "::/0"},
	    {{33, 0x20, 1, 0x0d, 0xb8, 0xff}, 6, BGP_IPV6_UNICAST, "2001:db8:8000::/33"},
	    {{129, 0}, 18, BGP_IPV6_UNICAST, NULL},
	    {{128, 0}, 16, BGP_IPV6_UNICAST, NULL},
	};
	char text[IP_PREFIX_STRLEN];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ip_prefix prefix;
		struct rbuf r;
		bool good;

		rbuf_init(&r, rows[i].bytes, rows[i].len);
		good = bgp_nlri_next(&r, rows[i].family, &prefix);
		assert_int_equal(good, rows[i].text != NULL);
		assert_int_equal(r.error, rows[i].text == NULL);
		if (!good)
			continue;
		ip_prefix_format(&prefix, text);
		assert_string_equal(text, rows[i].text);
	}
}

/* A cut message: nothing is read behind its end, and its lengths give it away. */
static void
test_truncated(void **state)
{
	const struct good goods[] = {good_v4(), good_v6()};
	struct bgp_verdict verdict;
	struct bgp_update u;
	size_t i, len;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(goods); i++) {
		for (len = 4; len < goods[i].len; len++) {
			uint8_t *cut = malloc(len);

			assert_non_null(cut);
			memcpy(cut, goods[i].body, len);
			bgp_update_decode(cut, len, &external, &u, &verdict);
			/* Between two prefixes of NLRI it is a good message. */
			if (len != goods[i].len - 4 && len != goods[i].len - 9)
				assert_int_equal(verdict.treatment, BGP_TREATMENT_RESET);
			/* With a true length of the list the cut is inside it. */
			if (len <= 4U + goods[i].body[3]) {
				cut[3] = (uint8_t)(len - 4);
				bgp_update_decode(cut, len, &external, &u, &verdict);
			}
			free(cut);
		}
	}
}

static void
test_end_of_rib(void **state)
{
	static const uint8_t v4[] = {0, 0, 0, 0}, v6[] = {0, 0, 0, 6, 0x80, 15, 3, 0, 2, 1};
	static const uint8_t v6_extended[] = {0, 0, 0, 7, 0x90, 15, 0, 3, 0, 2, 1};
	static const uint8_t other[] = {0, 0, 0, 6, 0x80, 15, 3, 0, 25, 70};
	static const uint8_t withdraw[] = {0, 0, 0, 8, 0x80, 15, 5, 0, 2, 1, 8, 0x20};
	static const struct {
		const uint8_t *body;
		size_t len;
		bool end;
		enum bgp_family family;
	} rows[] = {
	    {v4, sizeof(v4), true, BGP_IPV4_UNICAST},
	    {v6, sizeof(v6), true, BGP_IPV6_UNICAST},
	    {v6_extended, sizeof(v6_extended), true, BGP_IPV6_UNICAST},
	    {other, sizeof(other), false, BGP_IPV4_UNICAST},
	    {withdraw, sizeof(withdraw), false, BGP_IPV4_UNICAST},
	};
	uint8_t bytes[64];
	struct bgp_verdict verdict;
	struct bgp_update u;
	struct wbuf w;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		bgp_update_decode(rows[i].body, rows[i].len, &external, &u, &verdict);
		assert_int_equal(verdict.treatment, BGP_TREATMENT_NONE);
		assert_int_equal(u.end_of_rib, rows[i].end);
		assert_int_equal(u.end_of_rib_family, rows[i].family);
	}
	wbuf_init(&w, bytes, sizeof(bytes));
	bgp_end_of_rib_encode(&w, BGP_IPV4_UNICAST);
	assert_int_equal(w.pos, 23);
	assert_memory_equal(bytes + BGP_HEADER_BYTES, v4, sizeof(v4));
	wbuf_init(&w, bytes, sizeof(bytes));
	bgp_end_of_rib_encode(&w, BGP_IPV6_UNICAST);
	assert_int_equal(w.pos, BGP_HEADER_BYTES + sizeof(v6));
	assert_memory_equal(bytes + BGP_HEADER_BYTES, v6, sizeof(v6));
}

/* --- RFC 7606 --- */

#define ORIGIN 0x40, 1, 1, 0
#define PATH 0x40, 2, 6, 2, 1, 0, 0, 0xfb, 0xf4
#define NEXT_HOP 0x40, 3, 4, 10, 0, 0, 1
#define PREF 0x40, 5, 4, 0, 0, 0, 100
#define BASE ORIGIN, PATH, NEXT_HOP
#define BASE_BYTES 20
#define NLRI 8, 10
#define REACH 0x80, 14, 11, 0, 2, 1, 4
#define REACH6 \
	0x80, 14, 23, 0, 2, 1, 16, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 8, 0xfd
#define REACH6_BYTES 26
#define NONE BGP_TREATMENT_NONE
#define DISCARD BGP_TREATMENT_DISCARD
#define WITHDRAW BGP_TREATMENT_WITHDRAW
#define RESET BGP_TREATMENT_RESET

struct fault_row {
	const char *name;
	const struct bgp_update_context *context;
	uint8_t list[80]; /* attributes */
	uint8_t list_len;
	uint8_t nlri[8];
	uint8_t nlri_len;
	enum bgp_treatment treatment;
	enum bgp_fault fault;
	uint8_t attribute, subcode; /* subcode: of the NOTIFICATION with RESET */
};

static const struct fault_row fault_rows[] = {
    {"good", &external, {BASE}, BASE_BYTES, {NLRI}, 2, NONE, BGP_FAULT_NONE, 0, 0},
    {"good, over MP_REACH_NLRI", &external, {REACH6, ORIGIN, PATH}, REACH6_BYTES + 13, {0}, 0, NONE,
	BGP_FAULT_NONE, 0, 0},
    {"no attributes, no routes", &external, {0}, 0, {0}, 0, NONE, BGP_FAULT_NONE, 0, 0},
    {"unknown optional transitive", &external, {BASE, 0xc0, 99, 1, 7}, BASE_BYTES + 4, {NLRI}, 2,
	NONE, BGP_FAULT_NONE, 0, 0},
    {"empty AS_PATH", &internal, {ORIGIN, 0x40, 2, 0, NEXT_HOP, PREF}, 21, {NLRI}, 2, NONE,
	BGP_FAULT_NONE, 0, 0},
    {"AS_SET", &external, {ORIGIN, NEXT_HOP, 0x40, 2, 6, 1, 1, 0, 0, 0, 1}, BASE_BYTES, {NLRI}, 2,
	NONE, BGP_FAULT_NONE, 0, 0},
    {"Partial bit on ORIGIN", &external, {0x60, 1, 1, 0, PATH, NEXT_HOP}, BASE_BYTES, {NLRI}, 2,
	NONE, BGP_FAULT_NONE, 0, 0},
    /* 3c */
    {"3c: optional ORIGIN", &external, {0xc0, 1, 1, 0, PATH, NEXT_HOP}, BASE_BYTES, {NLRI}, 2,
	WITHDRAW, BGP_FAULT_FLAGS, 1, 0},
    {"3c: well-known MED", &external, {BASE, 0x40, 4, 4, 0, 0, 0, 1}, BASE_BYTES + 7, {NLRI}, 2,
	WITHDRAW, BGP_FAULT_FLAGS, 4, 0},
    {"3c: not transitive COMMUNITIES", &external, {BASE, 0x80, 8, 4, 0, 0, 0, 1}, BASE_BYTES + 7,
	{NLRI}, 2, WITHDRAW, BGP_FAULT_FLAGS, 8, 0},
    {"3c: transitive MP_REACH_NLRI", &external,
	{0xc0, 14, 23, 0, 2, 1, 16, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 8, 0xfd,
	    ORIGIN, PATH},
	REACH6_BYTES + 13, {0}, 0, WITHDRAW, BGP_FAULT_FLAGS, 14, 0},
    /* 3d */
    {"3d: no ORIGIN", &external, {PATH, NEXT_HOP}, 16, {NLRI}, 2, WITHDRAW, BGP_FAULT_MISSING, 1,
	0},
    {"3d: no AS_PATH", &external, {ORIGIN, NEXT_HOP}, 11, {NLRI}, 2, WITHDRAW, BGP_FAULT_MISSING, 2,
	0},
    {"3d: no NEXT_HOP", &external, {ORIGIN, PATH}, 13, {NLRI}, 2, WITHDRAW, BGP_FAULT_MISSING, 3,
	0},
    {"3d: no LOCAL_PREF from inside", &internal, {BASE}, BASE_BYTES, {NLRI}, 2, WITHDRAW,
	BGP_FAULT_MISSING, 5, 0},
    {"3d: MP_REACH_NLRI without ORIGIN", &external, {REACH6, PATH}, REACH6_BYTES + 9, {0}, 0,
	WITHDRAW, BGP_FAULT_MISSING, 1, 0},
    /* 3g */
    {"3g: ORIGIN twice", &external, {BASE, ORIGIN}, BASE_BYTES + 4, {NLRI}, 2, DISCARD,
	BGP_FAULT_REPEATED, 1, 0},
    {"3g: unknown twice", &external, {BASE, 0xc0, 99, 0, 0xc0, 99, 0}, BASE_BYTES + 6, {NLRI}, 2,
	DISCARD, BGP_FAULT_REPEATED, 99, 0},
    {"3g: MP_REACH_NLRI twice", &external, {REACH6, REACH6, ORIGIN, PATH}, 2 * REACH6_BYTES + 13,
	{0}, 0, RESET, BGP_FAULT_MP_REPEATED, 14, BGP_UPDATE_MALFORMED_LIST},
    {"3g: MP_UNREACH_NLRI twice", &external, {0x80, 15, 3, 0, 2, 1, 0x80, 15, 3, 0, 2, 1}, 12, {0},
	0, RESET, BGP_FAULT_MP_REPEATED, 15, BGP_UPDATE_MALFORMED_LIST},
    /* 3h: the strongest counts */
    {"3h: discard and withdraw", &external,
	{ORIGIN, PATH, 0x40, 3, 5, 1, 2, 3, 4, 5, 0x40, 6, 1, 0}, 25, {NLRI}, 2, WITHDRAW,
	BGP_FAULT_LENGTH, 3, 0},
    {"3h: withdraw and reset", &external, {0x40, 1, 1, 9, PATH, NEXT_HOP, 0x80, 14, 4, 0, 2, 1, 0},
	BASE_BYTES + 7, {NLRI}, 2, RESET, BGP_FAULT_LENGTH, 14, BGP_UPDATE_BAD_OPTIONAL},
    /* 4 */
    {"4: attribute past the end", &external, {BASE, 0xc0, 8, 8, 0, 0, 0, 1}, BASE_BYTES + 7, {NLRI},
	2, WITHDRAW, BGP_FAULT_LIST_OVERRUN, 8, 0},
    {"4: two octets left", &external, {BASE, 0xc0, 8}, BASE_BYTES + 2, {NLRI}, 2, WITHDRAW,
	BGP_FAULT_LIST_OVERRUN, 8, 0},
    {"4: one octet left", &external, {BASE, 0xc0}, BASE_BYTES + 1, {NLRI}, 2, WITHDRAW,
	BGP_FAULT_LIST_OVERRUN, 0, 0},
    {"4: extended length, three left", &external, {BASE, 0xd0, 8, 0}, BASE_BYTES + 3, {NLRI}, 2,
	WITHDRAW, BGP_FAULT_LIST_OVERRUN, 8, 0},
    /* 5.2 */
    {"5.2: malformed, and no routes", &external, {0x40, 1, 1, 9}, 4, {0}, 0, RESET, BGP_FAULT_VALUE,
	1, BGP_UPDATE_MALFORMED_LIST},
    {"5.2: only discarded, and no routes", &external, {0x40, 6, 1, 0}, 4, {0}, 0, DISCARD,
	BGP_FAULT_LENGTH, 6, 0},
    {"5.2: flags of MP_UNREACH_NLRI alone", &external, {0xc0, 15, 3, 0, 2, 1}, 6, {0}, 0, WITHDRAW,
	BGP_FAULT_FLAGS, 15, 0},
    /* 5.3 */
    {"5.3: /33 in NLRI", &external, {BASE}, BASE_BYTES, {33, 1, 2, 3, 4, 5}, 6, RESET,
	BGP_FAULT_PREFIX, 0, BGP_UPDATE_BAD_NETWORK},
    {"5.3: NLRI cut", &external, {BASE}, BASE_BYTES, {32, 1, 2, 3}, 4, RESET, BGP_FAULT_PREFIX, 0,
	BGP_UPDATE_BAD_NETWORK},
    {"5.3: /129 in MP_REACH_NLRI", &external,
	{0x80, 14, 22, 0, 2, 1, 16, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 129}, 25,
	{0}, 0, RESET, BGP_FAULT_PREFIX, 14, BGP_UPDATE_BAD_OPTIONAL},
    {"5.3: cut in MP_UNREACH_NLRI", &external, {0x80, 15, 5, 0, 2, 1, 16, 0xfd}, 8, {0}, 0, RESET,
	BGP_FAULT_PREFIX, 15, BGP_UPDATE_BAD_OPTIONAL},
    /* 7.1 to 7.5 */
    {"7.1: ORIGIN 3", &external, {0x40, 1, 1, 3, PATH, NEXT_HOP}, BASE_BYTES, {NLRI}, 2, WITHDRAW,
	BGP_FAULT_VALUE, 1, 0},
    {"7.1: ORIGIN of 2 octets", &external, {0x40, 1, 2, 0, 0, PATH, NEXT_HOP}, BASE_BYTES + 1,
	{NLRI}, 2, WITHDRAW, BGP_FAULT_LENGTH, 1, 0},
    {"7.1: ORIGIN of none", &external, {0x40, 1, 0, PATH, NEXT_HOP}, BASE_BYTES - 1, {NLRI}, 2,
	WITHDRAW, BGP_FAULT_LENGTH, 1, 0},
    {"7.2: segment type 5", &external, {ORIGIN, NEXT_HOP, 0x40, 2, 6, 5, 1, 0, 0, 0, 1}, BASE_BYTES,
	{NLRI}, 2, WITHDRAW, BGP_FAULT_VALUE, 2, 0},
    {"7.2: AS_CONFED_SEQUENCE", &external, {ORIGIN, NEXT_HOP, 0x40, 2, 6, 3, 1, 0, 0, 0, 1},
	BASE_BYTES, {NLRI}, 2, WITHDRAW, BGP_FAULT_VALUE, 2, 0},
    {"7.2: segment past the end", &external, {ORIGIN, NEXT_HOP, 0x40, 2, 6, 2, 2, 0, 0, 0, 1},
	BASE_BYTES, {NLRI}, 2, WITHDRAW, BGP_FAULT_VALUE, 2, 0},
    {"7.2: one octet behind it", &external, {ORIGIN, NEXT_HOP, 0x40, 2, 7, 2, 1, 0, 0, 0, 1, 2},
	BASE_BYTES + 1, {NLRI}, 2, WITHDRAW, BGP_FAULT_VALUE, 2, 0},
    {"7.2: segment of none", &external, {ORIGIN, NEXT_HOP, 0x40, 2, 2, 2, 0}, BASE_BYTES - 4,
	{NLRI}, 2, WITHDRAW, BGP_FAULT_VALUE, 2, 0},
    {"7.2: two-octet numbers where four are due", &external,
	{ORIGIN, NEXT_HOP, 0x40, 2, 4, 2, 1, 0xfb, 0xf4}, BASE_BYTES - 2, {NLRI}, 2, WITHDRAW,
	BGP_FAULT_VALUE, 2, 0},
    {"two-octet numbers where two are due", &old_external,
	{ORIGIN, NEXT_HOP, 0x40, 2, 4, 2, 1, 0xfb, 0xf4}, BASE_BYTES - 2, {NLRI}, 2, NONE,
	BGP_FAULT_NONE, 0, 0},
    {"RFC 7607: AS 0", &external, {ORIGIN, NEXT_HOP, 0x40, 2, 6, 2, 1, 0, 0, 0, 0}, BASE_BYTES,
	{NLRI}, 2, WITHDRAW, BGP_FAULT_VALUE, 2, 0},
    {"7.3: NEXT_HOP of 16 octets", &external,
	{ORIGIN, PATH, 0x40, 3, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 32, {NLRI}, 2,
	WITHDRAW, BGP_FAULT_LENGTH, 3, 0},
    {"7.4: MED of 3 octets", &external, {BASE, 0x80, 4, 3, 0, 0, 1}, BASE_BYTES + 6, {NLRI}, 2,
	WITHDRAW, BGP_FAULT_LENGTH, 4, 0},
    {"7.5: LOCAL_PREF from outside", &external, {BASE, PREF}, BASE_BYTES + 7, {NLRI}, 2, DISCARD,
	BGP_FAULT_NOT_FROM_EXTERNAL, 5, 0},
    {"7.5: LOCAL_PREF of 5 octets", &internal, {BASE, 0x40, 5, 5, 0, 0, 0, 0, 1}, BASE_BYTES + 8,
	{NLRI}, 2, WITHDRAW, BGP_FAULT_LENGTH, 5, 0},
    /* 7.6 to 7.10 */
    {"7.6: ATOMIC_AGGREGATE of 1 octet", &external, {BASE, 0x40, 6, 1, 0}, BASE_BYTES + 4, {NLRI},
	2, DISCARD, BGP_FAULT_LENGTH, 6, 0},
    {"ATOMIC_AGGREGATE", &external, {BASE, 0x40, 6, 0}, BASE_BYTES + 3, {NLRI}, 2, NONE,
	BGP_FAULT_NONE, 0, 0},
    {"7.7: AGGREGATOR of 6 octets", &external, {BASE, 0xc0, 7, 6, 0, 1, 1, 1, 1, 1}, BASE_BYTES + 9,
	{NLRI}, 2, DISCARD, BGP_FAULT_LENGTH, 7, 0},
    {"AGGREGATOR of 6 from who has two-octet numbers", &old_external,
	{ORIGIN, NEXT_HOP, 0x40, 2, 4, 2, 1, 0xfb, 0xf4, 0xc0, 7, 6, 0, 1, 1, 1, 1, 1}, 27, {NLRI},
	2, NONE, BGP_FAULT_NONE, 0, 0},
    {"7.8: COMMUNITIES of none", &external, {BASE, 0xc0, 8, 0}, BASE_BYTES + 3, {NLRI}, 2, WITHDRAW,
	BGP_FAULT_LENGTH, 8, 0},
    {"7.8: COMMUNITIES of 6", &external, {BASE, 0xc0, 8, 6, 1, 2, 3, 4, 5, 6}, BASE_BYTES + 9,
	{NLRI}, 2, WITHDRAW, BGP_FAULT_LENGTH, 8, 0},
    {"7.9: ORIGINATOR_ID from outside", &external, {BASE, 0x80, 9, 4, 1, 1, 1, 1}, BASE_BYTES + 7,
	{NLRI}, 2, DISCARD, BGP_FAULT_NOT_FROM_EXTERNAL, 9, 0},
    {"7.9: ORIGINATOR_ID of 5", &internal, {BASE, PREF, 0x80, 9, 5, 1, 1, 1, 1, 1}, BASE_BYTES + 15,
	{NLRI}, 2, WITHDRAW, BGP_FAULT_LENGTH, 9, 0},
    {"7.10: CLUSTER_LIST from outside", &external, {BASE, 0x80, 10, 4, 1, 1, 1, 1}, BASE_BYTES + 7,
	{NLRI}, 2, DISCARD, BGP_FAULT_NOT_FROM_EXTERNAL, 10, 0},
    {"7.10: CLUSTER_LIST of none", &internal, {BASE, PREF, 0x80, 10, 0}, BASE_BYTES + 10, {NLRI}, 2,
	WITHDRAW, BGP_FAULT_LENGTH, 10, 0},
    /* 7.11 */
    {"7.11: next hop of 4 octets for IPv6", &external, {REACH, 10, 0, 0, 1, 0, 8, 0xfd, 0}, 14, {0},
	0, RESET, BGP_FAULT_NEXT_HOP, 14, BGP_UPDATE_BAD_OPTIONAL},
    {"7.11: next hop past the end", &external, {0x80, 14, 5, 0, 2, 1, 16, 0}, 8, {0}, 0, RESET,
	BGP_FAULT_LENGTH, 14, BGP_UPDATE_BAD_OPTIONAL},
    {"7.11: MP_REACH_NLRI of 4 octets", &external, {0x80, 14, 4, 0, 2, 1, 0}, 7, {0}, 0, RESET,
	BGP_FAULT_LENGTH, 14, BGP_UPDATE_BAD_OPTIONAL},
    {"RFC 8950 not negotiated", &external,
	{0x80, 14, 23, 0, 1, 1, 16, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 8, 10,
	    ORIGIN, PATH},
	REACH6_BYTES + 13, {0}, 0, RESET, BGP_FAULT_NEXT_HOP, 14, BGP_UPDATE_BAD_OPTIONAL},
    {"RFC 8950 negotiated", &over_v6,
	{0x80, 14, 23, 0, 1, 1, 16, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 8, 10,
	    ORIGIN, PATH},
	REACH6_BYTES + 13, {0}, 0, NONE, BGP_FAULT_NONE, 0, 0},
    {"a family that is not ours, of whatever form", &external,
	{0x80, 14, 9, 0, 25, 70, 3, 1, 2, 3, 0, 200, ORIGIN, PATH}, 25, {0}, 0, NONE,
	BGP_FAULT_NONE, 0, 0},
    /* 7.12 */
    {"7.12: MP_UNREACH_NLRI of 2 octets", &external, {0x80, 15, 2, 0, 2}, 5, {0}, 0, RESET,
	BGP_FAULT_LENGTH, 15, BGP_UPDATE_BAD_OPTIONAL},
    /* 7.14, 7.15, RFC 8092 6 */
    {"7.14: EXTENDED_COMMUNITIES of 9", &external, {BASE, 0xc0, 16, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9},
	BASE_BYTES + 12, {NLRI}, 2, WITHDRAW, BGP_FAULT_LENGTH, 16, 0},
    {"7.14: EXTENDED_COMMUNITIES of none", &external, {BASE, 0xc0, 16, 0}, BASE_BYTES + 3, {NLRI},
	2, WITHDRAW, BGP_FAULT_LENGTH, 16, 0},
    {"7.15: IPV6_EXTENDED_COMMUNITIES of 8", &external, {BASE, 0xc0, 25, 8, 1, 2, 3, 4, 5, 6, 7, 8},
	BASE_BYTES + 11, {NLRI}, 2, WITHDRAW, BGP_FAULT_LENGTH, 25, 0},
    {"RFC 8092: LARGE_COMMUNITIES of 8", &external, {BASE, 0xc0, 32, 8, 1, 2, 3, 4, 5, 6, 7, 8},
	BASE_BYTES + 11, {NLRI}, 2, WITHDRAW, BGP_FAULT_LENGTH, 32, 0},
    /* RFC 6793 6, 4.1 */
    {"RFC 6793: AS4_PATH from who has four-octet numbers", &external,
	{BASE, 0xc0, 17, 6, 2, 1, 0, 1, 0, 0}, BASE_BYTES + 9, {NLRI}, 2, DISCARD,
	BGP_FAULT_NOT_FROM_AS4, 17, 0},
    {"RFC 6793: AS4_PATH", &old_external,
	{ORIGIN, NEXT_HOP, 0x40, 2, 4, 2, 1, 0x5b, 0xa0, 0xc0, 17, 6, 2, 1, 0, 1, 0, 0}, 27, {NLRI},
	2, NONE, BGP_FAULT_NONE, 0, 0},
    {"RFC 6793: AS4_PATH malformed", &old_external,
	{ORIGIN, NEXT_HOP, 0x40, 2, 4, 2, 1, 0x5b, 0xa0, 0xc0, 17, 5, 2, 1, 0, 1, 0}, 26, {NLRI}, 2,
	DISCARD, BGP_FAULT_VALUE, 17, 0},
    {"RFC 6793: AS4_AGGREGATOR of 6", &old_external,
	{ORIGIN, NEXT_HOP, 0x40, 2, 4, 2, 1, 0x5b, 0xa0, 0xc0, 18, 6, 0, 1, 1, 1, 1, 1}, 27, {NLRI},
	2, DISCARD, BGP_FAULT_LENGTH, 18, 0},
    /* RFC 4271 6.3, which RFC 7606 leaves */
    {"unknown well-known", &external, {BASE, 0x40, 99, 1, 7}, BASE_BYTES + 4, {NLRI}, 2, RESET,
	BGP_FAULT_UNKNOWN, 99, BGP_UPDATE_UNKNOWN_WELL_KNOWN},
};

static void
test_rfc7606(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(fault_rows); i++) {
		const struct fault_row *row = &fault_rows[i];
		size_t len = 4U + row->list_len + row->nlri_len;
		uint8_t *body = malloc(len);
		struct bgp_verdict verdict;
		struct bgp_update u;

		assert_non_null(body);
		memset(body, 0, 4);
		body[3] = row->list_len;
		memcpy(body + 4, row->list, row->list_len);
		memcpy(body + 4 + row->list_len, row->nlri, row->nlri_len);
		bgp_update_decode(body, len, row->context, &u, &verdict);
		free(body);
		assert_row(i, row->name, verdict.treatment == row->treatment);
		assert_row(i, row->name, verdict.fault == row->fault);
		assert_row(i, row->name, verdict.attribute == row->attribute);
		if (row->treatment != RESET)
			continue;
		assert_row(i, row->name, verdict.error.code == BGP_ERROR_UPDATE);
		assert_row(i, row->name, verdict.error.subcode == row->subcode);
	}
}

/* RFC 4271 6.3: the two length fields. */
static void
test_lengths(void **state)
{
	static const struct {
		uint8_t body[8];
		size_t len;
	} rows[] = {
	    {{0, 1, 0, 0}, 4},
	    {{0, 3, 0, 0}, 4},
	    {{0, 0, 0, 1}, 4},
	    {{0xff, 0xff, 0, 0}, 4},
	    {{0, 0, 0xff, 0xff, 0}, 5},
	    {{0, 2, 8, 10, 0, 1}, 6},
	};
	struct bgp_verdict verdict;
	struct bgp_update u;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		bgp_update_decode(rows[i].body, rows[i].len, &external, &u, &verdict);
		assert_int_equal(verdict.treatment, RESET);
		assert_int_equal(verdict.fault, BGP_FAULT_MESSAGE_LENGTHS);
		assert_int_equal(verdict.error.subcode, BGP_UPDATE_MALFORMED_LIST);
	}
}

/* Whatever single octet of a good message changes: what is taken encodes to what a decoder takes
 * again, with the same verdict. */
static void
test_every_octet(void **state)
{
	const struct good goods[] = {good_v4(), good_v6()};
	uint8_t body[256], bytes[BGP_MESSAGE_MAX_BYTES];
	struct bgp_verdict verdict;
	struct bgp_update u, again;
	struct wbuf w;
	size_t i, at;
	unsigned value;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(goods); i++) {
		for (at = 0; at < goods[i].len; at++) {
			for (value = 0; value < 256; value++) {
				memcpy(body, goods[i].body, goods[i].len);
				body[at] = (uint8_t)value;
				bgp_update_decode(body, goods[i].len, &internal, &u, &verdict);
				bgp_update_decode(body, goods[i].len, &external, &u, &verdict);
				if (verdict.treatment != NONE)
					continue;
				wbuf_init(&w, bytes, sizeof(bytes));
				bgp_update_encode(&w, &u);
				assert_false(w.error);
				bgp_update_decode(bytes + BGP_HEADER_BYTES,
				    w.pos - BGP_HEADER_BYTES, &external, &again, &verdict);
				assert_int_equal(verdict.treatment, NONE);
				assert_true(again.attributes.present == u.attributes.present);
			}
		}
	}
}

static void
test_text(void **state)
{
	struct bgp_verdict verdict = {0};
	char text[BGP_VERDICT_STRLEN];

	(void)state;
	bgp_verdict_add(&verdict, WITHDRAW, BGP_FAULT_LENGTH, 5);
	bgp_verdict_str(&verdict, text);
	assert_string_equal(text, "LOCAL_PREF: wrong length, treated as withdraw");
	bgp_verdict_reset(&verdict, BGP_FAULT_UNKNOWN, 99, BGP_UPDATE_UNKNOWN_WELL_KNOWN, NULL, 0);
	bgp_verdict_str(&verdict, text);
	assert_string_equal(text, "attribute 99: unknown and not optional, session reset");
	verdict = (struct bgp_verdict){0};
	bgp_verdict_reset(&verdict, BGP_FAULT_PREFIX, 0, BGP_UPDATE_BAD_NETWORK, NULL, 0);
	bgp_verdict_str(&verdict, text);
	assert_string_equal(text, "malformed prefix, session reset");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_v4),
	    cmocka_unit_test(test_v6),
	    cmocka_unit_test(test_nlri),
	    cmocka_unit_test(test_truncated),
	    cmocka_unit_test(test_end_of_rib),
	    cmocka_unit_test(test_rfc7606),
	    cmocka_unit_test(test_lengths),
	    cmocka_unit_test(test_every_octet),
	    cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
