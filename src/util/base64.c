#include "util/base64.h"

static int
base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool
base64_decode(const char *s, uint8_t *out, size_t *ret_len)
{
	uint32_t bits = 0;
	size_t n = 0, digits = 0, pad = 0;

	for (; *s; s++) {
		int digit = base64_digit(*s);

		if (*s == '\n' || *s == '\r' || *s == ' ' || *s == '\t')
			continue;
		if (*s == '=' && digits % 4 >= 2 && digits % 4 + pad < 4) {
			pad++;
			continue;
		}
		if (digit < 0 || pad)
			return false;
		bits = bits << 6 | (uint32_t)digit;
		if (++digits % 4 != 1)
			out[n++] = (uint8_t)(bits >> (6 - 2 * ((digits + 3) % 4)));
	}
	*ret_len = n;
	return digits && (digits % 4 == 0 ? pad == 0 : digits % 4 + pad == 4);
}
