#include "play.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

int
play_main(int argc, char **argv, const char *room, play_fn *run)
{
	const char *top = getenv("top_srcdir");
	char *pattern = argc > 1 ? xstrdup(argv[1])
				 : xasprintf("%s/tests/replay/%s/*.play", top ? top : ".", room);
	glob_t found = {0};
	size_t i, bad = 0;

	if (glob(pattern, 0, NULL, &found) || !found.gl_pathc) {
		printf("1..1\nnot ok 1 - no scripts at %s\n", pattern);
		free(pattern);
		return 1;
	}
	printf("1..%zu\n", found.gl_pathc);
	for (i = 0; i < found.gl_pathc; i++) {
		bool good = run(found.gl_pathv[i]);

		bad += !good;
		printf("%sok %zu - %s\n", good ? "" : "not ", i + 1,
		    strrchr(found.gl_pathv[i], '/') + 1);
	}
	globfree(&found);
	free(pattern);
	return bad ? 1 : 0;
}
