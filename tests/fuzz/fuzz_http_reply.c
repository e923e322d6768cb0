/* A small HTTP response: whatever it is cut into, what is said of the whole stays the same. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/http_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct http_reply *reply, const char *bytes, size_t len)
{
	char value[64];

	assert(reply->status >= 200 && reply->status <= 599);
	assert(reply->body >= bytes && reply->body + reply->body_len <= bytes + len);
	assert(reply->head >= bytes && reply->head + reply->head_len <= bytes + len);
	(void)http_reply_header(reply, "X-Load-Balancing-Endpoint-Weight", value, sizeof(value));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum http_reply_verdict verdict = HTTP_REPLY_MORE;
	struct http_reply reply;
	size_t len;
	char *bytes;

	/* It grows until something can be said; from then on nobody would read more. */
	for (len = 0; len <= size && size <= 512 && verdict == HTTP_REPLY_MORE; len++) {
		bytes = malloc(len ? len : 1);
		assert(bytes);
		memcpy(bytes, data, len);
		verdict = http_reply_read(bytes, len, false, &reply);
		if (verdict == HTTP_REPLY_WHOLE)
			check(&reply, bytes, len);
		free(bytes);
	}
	bytes = malloc(size ? size : 1);
	assert(bytes);
	if (size)
		memcpy(bytes, data, size);
	if (http_reply_read(bytes, size, true, &reply) == HTTP_REPLY_WHOLE) {
		assert(!reply.keep);
		check(&reply, bytes, size);
	} else {
		assert(verdict != HTTP_REPLY_WHOLE);
	}
	free(bytes);
	return 0;
}
