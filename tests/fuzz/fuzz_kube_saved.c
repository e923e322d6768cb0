/* The file of the state directory: what is accepted comes out again from its own encoding. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kube/saved.h"
#include "util/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kube_saved *saved, *again;
	char *text, *text_again;

	if (kube_saved_decode((const char *)data, size, &saved))
		return 0;
	text = kube_saved_encode(saved);
	assert(!kube_saved_decode(text, strlen(text), &again));
	text_again = kube_saved_encode(again);
	assert(str_eq(text, text_again));
	free(text_again);
	free(text);
	kube_saved_free(again);
	kube_saved_free(saved);
	return 0;
}
