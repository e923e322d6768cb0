/* OPEN and capabilities: bytes both ways, the table of what is refused, every truncation. */
#include "test.h"

#include <stdlib.h>

#include "bgp/open.h"

/* As FRR 8.4 sends it: one parameter for each capability. AS 64512, hold time 180, 10.77.0.1. */
static const uint8_t frr_body[] = {4, 0xfc, 0x00, 0, 180, 10, 77, 0, 1, 56, /* */
    2, 6, 1, 4, 0, 1, 0, 1,                                                 /* IPv4 unicast */
    2, 2, 128, 0,                                                           /* old refresh */
    2, 2, 2, 0,                                                             /* refresh */
    2, 2, 70, 0,                                                            /* enhanced */
    2, 6, 65, 4, 0, 0, 0xfc, 0x00,                                          /* AS 64512 */
    2, 2, 6, 0,                                                             /* extended */
    2, 6, 69, 4, 0, 1, 1, 1,                                                /* add-path */
    2, 8, 64, 6, 0xc0, 120, 0, 1, 1, 0x80,                                  /* R, N, F */
    2, 4, 73, 2, 0, 0};

/* What we send with everything on: AS 4200000000. */
static const uint8_t full_body[] = {4, 0x5b, 0xa0, 0, 90, 192, 0, 2, 1, 42, /* AS_TRANS */
    2, 40,                                                                  /* */
    1, 4, 0, 1, 0, 1, 1, 4, 0, 2, 0, 1,                                     /* both families */
    2, 0,                                                                   /* refresh */
    5, 6, 0, 1, 0, 1, 0, 2,                                                 /* RFC 8950 */
    64, 10, 0xc0, 10, 0, 1, 1, 0x80, 0, 2, 1, 0x00,                         /* RFC 4724 3 */
    65, 4, 0xfa, 0x56, 0xea, 0x00};

static struct bgp_open
full_open(void)
{
	return (struct bgp_open){
	    .asn = 4200000000U,
	    .hold_time_sec = 90,
	    .identifier = 0xc0000201,
	    .capabilities =
		{
		    .multiprotocol = true,
		    .families = BGP_FAMILIES_ALL,
		    .as4 = true,
		    .route_refresh = true,
		    .extended_next_hop = true,
		    .graceful_restart = true,
		    .restarting = true,
		    .gr_notification = true,
		    .restart_time_sec = 10,
		    .gr_families = BGP_FAMILIES_ALL,
		    .gr_forwarding = BGP_FAMILY_BIT(BGP_IPV4_UNICAST),
		},
	};
}

/* Member by member: padding has no value. */
static void
assert_opens_equal(const struct bgp_open *a, const struct bgp_open *b)
{
	const struct bgp_capabilities *x = &a->capabilities, *y = &b->capabilities;

	assert_int_equal(a->asn, b->asn);
	assert_int_equal(a->hold_time_sec, b->hold_time_sec);
	assert_int_equal(a->identifier, b->identifier);
	assert_int_equal(x->multiprotocol, y->multiprotocol);
	assert_int_equal(x->families, y->families);
	assert_int_equal(x->other_families, y->other_families);
	assert_int_equal(x->as4, y->as4);
	assert_int_equal(x->route_refresh, y->route_refresh);
	assert_int_equal(x->extended_next_hop, y->extended_next_hop);
	assert_int_equal(x->graceful_restart, y->graceful_restart);
	assert_int_equal(x->restarting, y->restarting);
	assert_int_equal(x->gr_notification, y->gr_notification);
	assert_int_equal(x->restart_time_sec, y->restart_time_sec);
	assert_int_equal(x->gr_families, y->gr_families);
	assert_int_equal(x->gr_forwarding, y->gr_forwarding);
	assert_int_equal(x->n_unknown, y->n_unknown);
	assert_memory_equal(x->unknown, y->unknown, sizeof(x->unknown));
}

static void
test_encode(void **state)
{
	const struct bgp_open open = full_open(), old = {.asn = 64500, .identifier = 1};
	uint8_t bytes[BGP_MESSAGE_MAX_BYTES];
	struct bgp_open again;
	struct bgp_error err;
	struct wbuf w;

	(void)state;
	wbuf_init(&w, bytes, sizeof(bytes));
	bgp_open_encode(&w, &open);
	assert_int_equal(w.pos, BGP_HEADER_BYTES + sizeof(full_body));
	assert_true(w.pos <= BGP_OPEN_MAX_BYTES);
	assert_memory_equal(bytes + BGP_HEADER_BYTES, full_body, sizeof(full_body));
	assert_true(bgp_open_decode(full_body, sizeof(full_body), &again, &err));
	assert_opens_equal(&open, &again);
	/* RFC 4271's own: 29 octets. */
	wbuf_init(&w, bytes, sizeof(bytes));
	bgp_open_encode(&w, &old);
	assert_int_equal(w.pos, 29);
	assert_true(bgp_open_decode(bytes + BGP_HEADER_BYTES, 10, &again, &err));
	assert_opens_equal(&old, &again);
}

static void
test_decode(void **state)
{
	const uint8_t unknown[] = {128, 70, 6, 69, 73};
	struct bgp_open open;
	struct bgp_error err;

	(void)state;
	assert_true(bgp_open_decode(frr_body, sizeof(frr_body), &open, &err));
	assert_int_equal(open.asn, 64512);
	assert_int_equal(open.hold_time_sec, 180);
	assert_int_equal(open.identifier, 0x0a4d0001);
	assert_true(open.capabilities.multiprotocol);
	assert_int_equal(open.capabilities.families, BGP_FAMILY_BIT(BGP_IPV4_UNICAST));
	assert_true(open.capabilities.as4);
	assert_true(open.capabilities.route_refresh);
	assert_false(open.capabilities.extended_next_hop);
	assert_true(open.capabilities.graceful_restart);
	assert_true(open.capabilities.restarting);
	assert_true(open.capabilities.gr_notification);
	assert_int_equal(open.capabilities.restart_time_sec, 120);
	assert_int_equal(open.capabilities.gr_families, BGP_FAMILY_BIT(BGP_IPV4_UNICAST));
	assert_int_equal(open.capabilities.gr_forwarding, BGP_FAMILY_BIT(BGP_IPV4_UNICAST));
	assert_int_equal(open.capabilities.n_unknown, sizeof(unknown));
	assert_memory_equal(open.capabilities.unknown, unknown, sizeof(unknown));
}

static void
test_truncated(void **state)
{
	struct bgp_open open;
	struct bgp_error err;
	size_t len;

	(void)state;
	for (len = 10; len < sizeof(frr_body); len++) {
		uint8_t *cut = malloc(len);

		assert_non_null(cut);
		memcpy(cut, frr_body, len);
		assert_false(bgp_open_decode(cut, len, &open, &err));
		assert_int_equal(err.code, BGP_ERROR_OPEN);
		assert_int_equal(err.subcode, BGP_OPEN_UNSPECIFIC);
		/* And with a length field that is true: what is cut is then inside a parameter. */
		cut[9] = (uint8_t)(len - 10);
		if (bgp_open_decode(cut, len, &open, &err))
			assert_true(len == 10 || open.capabilities.multiprotocol);
		free(cut);
	}
}

struct row {
	const char *name;
	uint8_t bytes[40]; /* from the optional parameters' length on */
	size_t len;
	int subcode; /* -1: accepted */
	uint32_t asn;
	uint8_t families;
	bool refresh, gr;
};

#define V4 BGP_FAMILY_BIT(BGP_IPV4_UNICAST)

static const struct row rows[] = {
    {"no parameters", {0}, 1, -1, 64500, 0, false, false},
    {"an empty capability parameter", {2, 2, 0}, 3, -1, 64500, 0, false, false},
    {"octets behind the parameters", {0, 0}, 2, BGP_OPEN_UNSPECIFIC, 0, 0, false, false},
    {"parameters shorter than said", {3, 2, 0}, 3, BGP_OPEN_UNSPECIFIC, 0, 0, false, false},
    {"parameter of one octet", {1, 2}, 2, BGP_OPEN_UNSPECIFIC, 0, 0, false, false},
    {"parameter past the end", {2, 2, 1}, 3, BGP_OPEN_UNSPECIFIC, 0, 0, false, false},
    {"authentication parameter", {3, 1, 1, 0}, 4, BGP_OPEN_BAD_PARAMETER, 0, 0, false, false},
    {"capability of one octet", {3, 2, 1, 2}, 4, BGP_OPEN_UNSPECIFIC, 0, 0, false, false},
    {"capability past the end", {4, 2, 2, 2, 1}, 5, BGP_OPEN_UNSPECIFIC, 0, 0, false, false},
    {"AS4 of 3 octets", {7, 2, 5, 65, 3, 0, 0, 1}, 8, BGP_OPEN_UNSPECIFIC, 0, 0, false, false},
    {"AS4", {8, 2, 6, 65, 4, 0, 1, 0, 0}, 9, -1, 65536, 0, false, false},
    {"AS4 0 (for the session to refuse)", {8, 2, 6, 65, 4, 0, 0, 0, 0}, 9, -1, 0, 0, false, false},
    {"refresh with a value", {5, 2, 3, 2, 1, 0}, 6, -1, 64500, 0, false, false},
    {"refresh", {4, 2, 2, 2, 0}, 5, -1, 64500, 0, true, false},
    {"multiprotocol of 3 octets", {7, 2, 5, 1, 3, 0, 1, 0}, 8, -1, 64500, 0, false, false},
    {"multiprotocol, reserved octet set", {8, 2, 6, 1, 4, 0, 1, 9, 1}, 9, -1, 64500, V4, false,
	false},
    {"EVPN only", {8, 2, 6, 1, 4, 0, 25, 0, 70}, 9, -1, 64500, 0, false, false},
    {"graceful restart of 1 octet", {5, 2, 3, 64, 1, 0}, 6, -1, 64500, 0, false, false},
    {"graceful restart of 3", {7, 2, 5, 64, 3, 0, 0, 0}, 8, -1, 64500, 0, false, false},
    {"graceful restart without families", {6, 2, 4, 64, 2, 0, 0}, 7, -1, 64500, 0, false, true},
    {"RFC 9072: extended length", {255, 255, 0, 7, 2, 0, 4, 2, 0, 2, 0}, 11, -1, 64500, 0, true,
	false},
    {"RFC 9072: the other length is not read", {1, 255, 0, 5, 2, 0, 2, 2, 0}, 9, -1, 64500, 0, true,
	false},
    {"RFC 9072: without its length", {255, 255, 0}, 3, BGP_OPEN_UNSPECIFIC, 0, 0, false, false},
    {"RFC 9072: length wrong", {255, 255, 0, 6, 2, 0, 2, 2, 0}, 9, BGP_OPEN_UNSPECIFIC, 0, 0, false,
	false},
    {"RFC 9072: parameter past the end", {255, 255, 0, 5, 2, 0, 3, 2, 0}, 9, BGP_OPEN_UNSPECIFIC, 0,
	0, false, false},
};

static void
test_table(void **state)
{
	static const uint8_t fixed[9] = {4, 0xfb, 0xf4, 0, 90, 192, 0, 2, 1};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t *body = malloc(sizeof(fixed) + rows[i].len);
		struct bgp_open open = {0};
		struct bgp_error err = {0};
		bool good;

		assert_non_null(body);
		memcpy(body, fixed, sizeof(fixed));
		memcpy(body + sizeof(fixed), rows[i].bytes, rows[i].len);
		good = bgp_open_decode(body, sizeof(fixed) + rows[i].len, &open, &err);
		free(body);
		assert_row(i, rows[i].name, good == (rows[i].subcode < 0));
		if (!good) {
			assert_row(i, rows[i].name, err.code == BGP_ERROR_OPEN);
			assert_row(i, rows[i].name, err.subcode == rows[i].subcode);
			continue;
		}
		assert_row(i, rows[i].name, open.asn == rows[i].asn);
		assert_row(i, rows[i].name, open.capabilities.families == rows[i].families);
		assert_row(i, rows[i].name, open.capabilities.route_refresh == rows[i].refresh);
		assert_row(i, rows[i].name, open.capabilities.graceful_restart == rows[i].gr);
	}
}

static void
test_version(void **state)
{
	uint8_t body[sizeof(frr_body)];
	struct bgp_open open;
	struct bgp_error err;

	(void)state;
	memcpy(body, frr_body, sizeof(body));
	body[0] = 3;
	assert_false(bgp_open_decode(body, sizeof(body), &open, &err));
	assert_int_equal(err.subcode, BGP_OPEN_BAD_VERSION);
	assert_int_equal(err.len, 2);
	assert_int_equal(err.data[1], 4);
}

static void
test_families(void **state)
{
	const struct bgp_capabilities both = {.multiprotocol = true, .families = BGP_FAMILIES_ALL};
	const struct bgp_capabilities none = {0}, other = {.multiprotocol = true};

	(void)state;
	assert_int_equal(bgp_capabilities_families(&both, &both), BGP_FAMILIES_ALL);
	assert_int_equal(bgp_capabilities_families(&both, &none), V4);
	assert_int_equal(bgp_capabilities_families(&both, &other), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_encode),
	    cmocka_unit_test(test_decode),
	    cmocka_unit_test(test_truncated),
	    cmocka_unit_test(test_table),
	    cmocka_unit_test(test_version),
	    cmocka_unit_test(test_families),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
