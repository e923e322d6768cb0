/* Tokens and certificates, from files that somebody else writes. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kube/expiry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	int64_t usec = 0;

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	/* Four digits of a year at most. */
	if (!kube_token_expires(text, &usec) && (usec < 0 || usec > INT64_C(253402300800000000)))
		abort();
	if (!kube_certificate_expires(text, &usec) && usec > INT64_C(253402300800000000))
		abort();
	free(text);
	return 0;
}
