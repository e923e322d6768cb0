#include "kube/expiry.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "kube/json.h"
#include "util/base64.h"
#include "util/mem.h"
#include "util/str.h"

/* The year 9999 ends before this. */
#define MAX_SECONDS INT64_C(253402300800)

/* --- tokens --- */

/* base64url without padding (RFC 7515 2) of the text up to `len`. The caller frees; NULL: it is
 * none. */
static uint8_t *
decode_part(const char *text, size_t len, size_t *ret_len)
{
	char *copy = xcalloc(len + 4, 1);
	uint8_t *bytes = xcalloc(BASE64_DECODED_MAX(len + 3), 1);
	size_t i;
	bool ok;

	for (i = 0; i < len; i++)
		copy[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
	for (; i % 4; i++)
		copy[i] = '=';
	ok = base64_decode(copy, bytes, ret_len);
	free(copy);
	if (ok)
		return bytes;
	free(bytes);
	return NULL;
}

int
kube_token_expires(const char *token, int64_t *ret_unix_usec)
{
	const char *begin = strchr(token, '.'), *end = begin ? strchr(begin + 1, '.') : NULL;
	json_object *claims;
	uint8_t *bytes;
	int64_t seconds;
	size_t len;
	int err = 0;

	if (!end || strlen(token) > KUBE_EXPIRY_MAX_BYTES)
		return -EINVAL;
	bytes = decode_part(begin + 1, (size_t)(end - begin - 1), &len);
	if (!bytes)
		return -EINVAL;
	if (kube_json_parse(bytes, len, KUBE_EXPIRY_MAX_BYTES, &claims) != KUBE_OK) {
		free(bytes);
		return -EINVAL;
	}
	free(bytes);
	switch (kube_json_int(claims, "exp", 0, MAX_SECONDS, &seconds)) {
	case KUBE_JSON_FOUND:
		*ret_unix_usec = seconds * 1000000;
		break;
	case KUBE_JSON_ABSENT:
		err = -ENOENT;
		break;
	case KUBE_JSON_WRONG:
	case KUBE_JSON_COUNT:
		err = -EINVAL;
		break;
	}
	json_object_put(claims);
	return err;
}

/* --- certificates --- */

/* Tags of DER (X.690), as far as they come before notAfter. */
enum {
	DER_INTEGER = 0x02,
	DER_UTC_TIME = 0x17,
	DER_GENERALIZED_TIME = 0x18,
	DER_SEQUENCE = 0x30,
	DER_VERSION = 0xa0 /* context-specific 0, constructed */
};

struct der {
	const uint8_t *bytes;
	size_t len;
};

/* The next element of `in`, which must have this tag; its contents into *ret. */
static bool
der_take(struct der *in, uint8_t tag, struct der *ret)
{
	size_t len, head = 2, i;

	if (in->len < 2 || in->bytes[0] != tag)
		return false;
	len = in->bytes[1];
	if (len & 0x80) {
		size_t n = len & 0x7f;

		if (!n || n > 3 || in->len < head + n)
			return false;
		for (len = 0, i = 0; i < n; i++)
			len = len << 8 | in->bytes[head + i];
		head += n;
	}
	if (len > in->len - head)
		return false;
	*ret = (struct der){in->bytes + head, len};
	in->bytes += head + len;
	in->len -= head + len;
	return true;
}

static bool
parse_time(const struct der *time, bool generalized, int64_t *ret_unix_usec)
{
	size_t year_digits = generalized ? 4 : 2, i;
	const char *digits = (const char *)time->bytes;
	char text[32];
	const char *century = "";

	/* RFC 5280 4.1.2.5: in GMT, with seconds, without a fraction. */
	if (time->len != year_digits + 11 || digits[time->len - 1] != 'Z')
		return false;
	for (i = 0; i + 1 < time->len; i++)
		if (digits[i] < '0' || digits[i] > '9')
			return false;
	if (!generalized)
		century = digits[0] < '5' ? "20" : "19";
	(void)snprintf(text, sizeof(text), "%s%.*s-%.2s-%.2sT%.2s:%.2s:%.2sZ", century,
	    (int)year_digits, digits, digits + year_digits, digits + year_digits + 2,
	    digits + year_digits + 4, digits + year_digits + 6, digits + year_digits + 8);
	return !str_parse_time(text, ret_unix_usec);
}

static bool
parse_certificate(struct der in, int64_t *ret_unix_usec)
{
	struct der certificate, tbs, validity, skipped, time;

	if (!der_take(&in, DER_SEQUENCE, &certificate) ||
	    !der_take(&certificate, DER_SEQUENCE, &tbs))
		return false;
	(void)der_take(&tbs, DER_VERSION, &skipped);
	if (!der_take(&tbs, DER_INTEGER, &skipped) ||  /* serialNumber */
	    !der_take(&tbs, DER_SEQUENCE, &skipped) || /* signature */
	    !der_take(&tbs, DER_SEQUENCE, &skipped) || /* issuer */
	    !der_take(&tbs, DER_SEQUENCE, &validity))
		return false;
	if (!der_take(&validity, DER_UTC_TIME, &skipped) &&
	    !der_take(&validity, DER_GENERALIZED_TIME, &skipped))
		return false;
	if (der_take(&validity, DER_UTC_TIME, &time))
		return parse_time(&time, false, ret_unix_usec);
	return der_take(&validity, DER_GENERALIZED_TIME, &time) &&
	    parse_time(&time, true, ret_unix_usec);
}

int
kube_certificate_expires(const char *pem, int64_t *ret_unix_usec)
{
	static const char head[] = "-----BEGIN CERTIFICATE-----";
	const char *begin = strstr(pem, head), *end;
	uint8_t *bytes;
	size_t len;
	char *text;
	bool ok;

	if (!begin)
		return -EINVAL;
	begin += sizeof(head) - 1;
	end = strstr(begin, "-----END CERTIFICATE-----");
	if (!end || end - begin > KUBE_EXPIRY_MAX_BYTES)
		return -EINVAL;
	text = xstrndup(begin, (size_t)(end - begin));
	bytes = xcalloc(BASE64_DECODED_MAX(strlen(text)), 1);
	ok = base64_decode(text, bytes, &len) &&
	    parse_certificate((struct der){bytes, len}, ret_unix_usec);
	free(bytes);
	free(text);
	return ok ? 0 : -EINVAL;
}
