/* Selectors from metallb.conf: whatever is accepted comes out again from its canonical form. */
#include <assert.h>
#include <stdlib.h>

#include "model/selector.h"
#include "util/mem.h"
#include "util/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	char *text = xstrndup((const char *)data, size), *reason = NULL;
	struct selector *selector, *again;
	const struct labels none = {0};

	if (selector_parse(arena, text, &selector, &reason) == 0) {
		assert(selector_parse(arena, selector->text, &again, &reason) == 0);
		assert(str_eq(selector->text, again->text));
		(void)selector_matches(selector, &none);
	} else {
		assert(reason);
	}
	free(text);
	arena_free(arena);
	return 0;
}
