#include "base64.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

char *
base64url_encode(const char *s)
{
	size_t len = strlen(s), n = 0;
	char *out = sim_calloc(len * 4 / 3 + 4, 1);

	for (size_t i = 0; i < len; i += 3) {
		uint32_t v = (uint32_t)(uint8_t)s[i] << 16;
		size_t chars = len - i >= 3 ? 4 : len - i + 1;

		if (i + 1 < len)
			v |= (uint32_t)(uint8_t)s[i + 1] << 8;
		if (i + 2 < len)
			v |= (uint8_t)s[i + 2];
		for (size_t k = 0; k < chars; k++)
			out[n++] = alphabet[v >> (18 - 6 * k) & 63];
	}
	return out;
}

char *
base64url_decode(const char *s)
{
	size_t len = strlen(s), n = 0;
	char *out = sim_calloc(len + 1, 1);
	uint32_t v = 0;
	int bits = 0;

	for (size_t i = 0; i < len; i++) {
		const char *at = strchr(alphabet, s[i]);

		if (at == NULL)
			break;
		v = v << 6 | (uint32_t)(at - alphabet);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[n++] = (char)(v >> bits & 255);
		}
	}
	if (strlen(out) == n && strspn(s, alphabet) == len)
		return out;
	free(out);
	return NULL;
}
