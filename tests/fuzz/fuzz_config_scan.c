/* The scanner alone, with includes that give the input itself again. */
#include <assert.h>
#include <stdlib.h>

#include "config/scan.h"
#include "util/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const char *text;
	size_t len;
};

static const char *
include_itself(
    void *arg, struct arena *arena, const char *path, const char **ret_text, size_t *ret_len)
{
	const struct input *input = arg;

	(void)arena;
	(void)path;
	*ret_text = input->text;
	*ret_len = input->len;
	return NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {.text = (const char *)data, .len = size};
	struct config_report report = {0};
	struct arena *arena = arena_new();
	struct scan scan;

	if (!scan_file(&scan, arena, "f", input.text, input.len, include_itself, &input, &report))
		assert(report.n_errors);
	config_report_fini(&report);
	scan_fini(&scan);
	arena_free(arena);
	return 0;
}
