/*
 * buf: bounded cursors over bytes in network order. A reader or writer that would pass the end sets
 * `error`, reads zeros, writes nothing, and stays in error: a decoder reads all fields and checks
 * once.
 *
 * Neither cursor owns its bytes.
 */
#ifndef UTIL_BUF_H
#define UTIL_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rbuf {
	const uint8_t *bytes;
	size_t len, pos;
	bool error;
};

struct wbuf {
	uint8_t *bytes;
	size_t size, pos;
	bool error;
};

void rbuf_init(struct rbuf *r, const void *bytes, size_t len);
size_t rbuf_left(const struct rbuf *r);
uint8_t rbuf_u8(struct rbuf *r);
uint16_t rbuf_u16(struct rbuf *r);
uint32_t rbuf_u32(struct rbuf *r);
/* Copies n bytes out; zeros on error. */
void rbuf_copy(struct rbuf *r, void *out, size_t n);
void rbuf_skip(struct rbuf *r, size_t n);
/* The next n bytes as a reader of their own (nested lengths); an empty one in error on shortage. */
struct rbuf rbuf_sub(struct rbuf *r, size_t n);

void wbuf_init(struct wbuf *w, void *bytes, size_t size);
void wbuf_u8(struct wbuf *w, uint8_t v);
void wbuf_u16(struct wbuf *w, uint16_t v);
void wbuf_u32(struct wbuf *w, uint32_t v);
void wbuf_copy(struct wbuf *w, const void *bytes, size_t n);
void wbuf_zero(struct wbuf *w, size_t n);
/* Overwrites two bytes at `pos`, which must have been written (lengths, checksums). */
void wbuf_patch_u16(struct wbuf *w, size_t pos, uint16_t v);

#endif
