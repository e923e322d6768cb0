#include "util/buf.h"

#include <string.h>

void
rbuf_init(struct rbuf *r, const void *bytes, size_t len)
{
	*r = (struct rbuf){.bytes = bytes, .len = len};
}

size_t
rbuf_left(const struct rbuf *r)
{
	return r->error ? 0 : r->len - r->pos;
}

static const uint8_t *
rbuf_take(struct rbuf *r, size_t n)
{
	const uint8_t *p;

	if (r->error || n > r->len - r->pos) {
		r->error = true;
		return NULL;
	}
	p = r->bytes + r->pos;
	r->pos += n;
	return p;
}

uint8_t
rbuf_u8(struct rbuf *r)
{
	const uint8_t *p = rbuf_take(r, 1);

	return p ? p[0] : 0;
}

uint16_t
rbuf_u16(struct rbuf *r)
{
	const uint8_t *p = rbuf_take(r, 2);

	return p ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

uint32_t
rbuf_u32(struct rbuf *r)
{
	const uint8_t *p = rbuf_take(r, 4);

	return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

void
rbuf_copy(struct rbuf *r, void *out, size_t n)
{
	const uint8_t *p = rbuf_take(r, n);

	if (p)
		memcpy(out, p, n);
	else
		memset(out, 0, n);
}

void
rbuf_skip(struct rbuf *r, size_t n)
{
	(void)rbuf_take(r, n);
}

struct rbuf
rbuf_sub(struct rbuf *r, size_t n)
{
	const uint8_t *p = rbuf_take(r, n);

	return p ? (struct rbuf){.bytes = p, .len = n} : (struct rbuf){.error = true};
}

void
wbuf_init(struct wbuf *w, void *bytes, size_t size)
{
	*w = (struct wbuf){.bytes = bytes, .size = size};
}

static uint8_t *
wbuf_take(struct wbuf *w, size_t n)
{
	uint8_t *p;

	if (w->error || n > w->size - w->pos) {
		w->error = true;
		return NULL;
	}
	p = w->bytes + w->pos;
	w->pos += n;
	return p;
}

void
wbuf_u8(struct wbuf *w, uint8_t v)
{
	wbuf_copy(w, &v, 1);
}

void
wbuf_u16(struct wbuf *w, uint16_t v)
{
	uint8_t b[2] = {(uint8_t)(v >> 8), (uint8_t)v};

	wbuf_copy(w, b, sizeof(b));
}

void
wbuf_u32(struct wbuf *w, uint32_t v)
{
	uint8_t b[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};

	wbuf_copy(w, b, sizeof(b));
}

void
wbuf_copy(struct wbuf *w, const void *bytes, size_t n)
{
	uint8_t *p = wbuf_take(w, n);

	if (p && n)
		memcpy(p, bytes, n);
}

void
wbuf_zero(struct wbuf *w, size_t n)
{
	uint8_t *p = wbuf_take(w, n);

	if (p && n)
		memset(p, 0, n);
}

void
wbuf_patch_u16(struct wbuf *w, size_t pos, uint16_t v)
{
	if (w->error || w->pos < 2 || pos > w->pos - 2)
		return;
	w->bytes[pos] = (uint8_t)(v >> 8);
	w->bytes[pos + 1] = (uint8_t)v;
}
