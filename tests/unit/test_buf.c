/* Bounded cursors: order of bytes, and that an error is kept and touches nothing. */
#include "test.h"

#include <stdlib.h>

#include "util/buf.h"
#include "util/mem.h"

static void
test_read(void **state)
{
	static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 0xff, 0xfe, 0xfd};
	uint8_t copy[2];
	struct rbuf r;

	(void)state;
	rbuf_init(&r, bytes, sizeof(bytes));
	assert_int_equal(rbuf_left(&r), 10);
	assert_int_equal(rbuf_u8(&r), 1);
	assert_int_equal(rbuf_u16(&r), 0x0203);
	assert_int_equal(rbuf_u32(&r), 0x04050607);
	rbuf_skip(&r, 1);
	rbuf_copy(&r, copy, 2);
	assert_int_equal(copy[0] << 8 | copy[1], 0xfefd);
	assert_int_equal(rbuf_left(&r), 0);
	rbuf_skip(&r, 0);
	rbuf_copy(&r, copy, 0);
	assert_false(r.error);
	assert_int_equal(rbuf_u8(&r), 0);
	assert_true(r.error);
}

/* Each kind of read, with every number of bytes too few. */
static void
test_read_past_the_end(void **state)
{
	static const size_t sizes[] = {1, 2, 4, 7, SIZE_MAX};
	size_t kind, have;

	(void)state;
	for (kind = 0; kind < ARRAY_SIZE(sizes); kind++) {
		for (have = 0; have < sizes[kind] && have < 8; have++) {
			uint8_t *bytes = xcalloc(have, 1), out[7] = {9, 9, 9, 9, 9, 9, 9};
			struct rbuf r, sub;

			memset(bytes, 0xee, have);
			rbuf_init(&r, bytes, have);
			switch (kind) {
			case 0:
				assert_int_equal(rbuf_u8(&r), 0);
				break;
			case 1:
				assert_int_equal(rbuf_u16(&r), 0);
				break;
			case 2:
				assert_int_equal(rbuf_u32(&r), 0);
				break;
			case 3:
				rbuf_copy(&r, out, sizeof(out));
				assert_memory_equal(out, "\0\0\0\0\0\0\0", sizeof(out));
				break;
			default:
				rbuf_skip(&r, SIZE_MAX);
			}
			assert_true(r.error);
			/* The error stays, even for what would fit. */
			assert_int_equal(rbuf_left(&r), 0);
			assert_int_equal(rbuf_u8(&r), 0);
			sub = rbuf_sub(&r, 0);
			assert_true(sub.error);
			free(bytes);
		}
	}
}

static void
test_sub(void **state)
{
	static const uint8_t bytes[] = {1, 2, 3, 4, 5};
	struct rbuf r, sub;

	(void)state;
	rbuf_init(&r, bytes, sizeof(bytes));
	sub = rbuf_sub(&r, 2);
	assert_int_equal(rbuf_u16(&sub), 0x0102);
	assert_false(sub.error);
	assert_int_equal(rbuf_u8(&sub), 0);
	assert_true(sub.error);
	/* The outer one goes on after it, unharmed. */
	assert_false(r.error);
	assert_int_equal(rbuf_u8(&r), 3);
	sub = rbuf_sub(&r, 3);
	assert_true(sub.error && r.error);
	rbuf_init(&r, NULL, 0);
	assert_int_equal(rbuf_left(&r), 0);
	assert_int_equal(rbuf_u8(&r), 0);
	assert_true(r.error);
}

static void
test_write(void **state)
{
	static const uint8_t expected[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0};
	uint8_t out[sizeof(expected)];
	struct wbuf w;

	(void)state;
	memset(out, 0xaa, sizeof(out));
	wbuf_init(&w, out, sizeof(out));
	wbuf_u8(&w, 1);
	wbuf_u16(&w, 0xffff);
	wbuf_u32(&w, 0x04050607);
	wbuf_copy(&w, "\x08\x09", 2);
	wbuf_zero(&w, 2);
	wbuf_copy(&w, NULL, 0);
	wbuf_patch_u16(&w, 1, 0x0203);
	assert_false(w.error);
	assert_int_equal(w.pos, sizeof(expected));
	assert_memory_equal(out, expected, sizeof(expected));
}

static void
test_write_past_the_end(void **state)
{
	uint8_t out[6];
	struct wbuf w;

	(void)state;
	memset(out, 0xaa, sizeof(out));
	wbuf_init(&w, out, 5);
	wbuf_u16(&w, 0x0102);
	/* Only what was written can be patched. */
	wbuf_patch_u16(&w, 1, 0xbbbb);
	assert_int_equal(out[1], 2);
	wbuf_patch_u16(&w, SIZE_MAX, 0xbbbb);
	assert_false(w.error);
	wbuf_u32(&w, 0x03040506);
	assert_true(w.error);
	wbuf_u8(&w, 9);
	wbuf_zero(&w, 1);
	wbuf_patch_u16(&w, 0, 0xbbbb);
	assert_int_equal(w.pos, 2);
	assert_memory_equal(out, "\x01\x02\xaa\xaa\xaa\xaa", sizeof(out));
	wbuf_init(&w, out, sizeof(out));
	wbuf_zero(&w, SIZE_MAX);
	assert_true(w.error);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_read),
	    cmocka_unit_test(test_read_past_the_end),
	    cmocka_unit_test(test_sub),
	    cmocka_unit_test(test_write),
	    cmocka_unit_test(test_write_past_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
