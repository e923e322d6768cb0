/*
 * Runs a fuzz target over its corpus without libFuzzer: every file of
 * $top_srcdir/tests/fuzz/corpus/NAME (NAME is the program's, without "fuzz_"), whole and cut at
 * every length up to 4 KiB. A finding is a crash, an assertion or a sanitizer's report.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"
#include "util/str.h"

#define MAX_INPUT_BYTES (4 << 20)
#define MAX_TRUNCATE_BYTES 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An exact-size heap copy, so that ASan sees one byte too many. */
static void
run_input(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	if (size)
		memcpy(copy, data, size);
	(void)LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static int
run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data;
	size_t size, n;

	if (!f)
		return -1;
	data = xcalloc(MAX_INPUT_BYTES, 1);
	size = fread(data, 1, MAX_INPUT_BYTES, f);
	(void)fclose(f);
	run_input(data, size);
	for (n = 0; n < size && n < MAX_TRUNCATE_BYTES; n++)
		run_input(data, n);
	free(data);
	return 0;
}

int
main(int argc, char **argv)
{
	const char *srcdir = getenv("top_srcdir"), *name = strrchr(argv[0], '/');
	struct dirent **entries;
	char *dir;
	int n, i, failed = 0;

	(void)argc;
	name = name ? name + 1 : argv[0];
	name = str_has_prefix(name, "fuzz_") ? name + strlen("fuzz_") : name;
	dir = xasprintf("%s/tests/fuzz/corpus/%s", srcdir ? srcdir : ".", name);
	n = scandir(dir, &entries, NULL, alphasort);
	if (n <= 2) {
		printf("1..1\nnot ok 1 - %s has no inputs\n", dir);
		return 1;
	}
	printf("1..%d\n", n - 2);
	for (i = 2; i < n; i++) {
		char *path = xasprintf("%s/%s", dir, entries[i]->d_name);
		int bad = run_file(path);

		printf("%s %d - %s/%s\n", bad ? "not ok" : "ok", i - 1, name, entries[i]->d_name);
		(void)fflush(stdout);
		failed += bad != 0;
		free(path);
	}
	for (i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
	free(dir);
	return failed != 0;
}
