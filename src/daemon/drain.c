#include "daemon/drain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "io/file.h"
#include "lease/ownership.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/str.h"

#define DRAIN_FILE "drained"
#define DRAIN_MAX_BYTES 256

struct drain {
	char *path;
	bool on;
	int64_t since_usec;
};

struct drain *
drain_new(const char *state_directory)
{
	struct drain *drain = xcalloc(1, sizeof(*drain));
	char *text = NULL;
	size_t len;
	int err;

	drain->path = xasprintf("%s/" DRAIN_FILE, state_directory);
	err = file_read(drain->path, DRAIN_MAX_BYTES, &text, &len);
	if (err == -ENOENT)
		return drain;
	drain->on = true;
	if (err) {
		log_warning("drain %s cannot be read: %s; this node counts as drained", drain->path,
		    strerror(-err));
		return drain;
	}
	text[strcspn(text, "\n")] = '\0';
	if (str_parse_time(text, &drain->since_usec))
		drain->since_usec = 0;
	free(text);
	log_notice(
	    "drain: this node is drained since before this start; metallbctl undrain ends it");
	return drain;
}

void
drain_free(struct drain *drain)
{
	if (!drain)
		return;
	free(drain->path);
	free(drain);
}

bool
drain_is_on(const struct drain *drain)
{
	return drain->on;
}

int64_t
drain_since_usec(const struct drain *drain)
{
	return drain->since_usec;
}

int
drain_set(struct drain *drain, bool on, int64_t wall_usec)
{
	char text[64];
	int err;

	if (on == drain->on)
		return 0;
	if (on) {
		str_format_time(wall_usec, text, sizeof(text));
		(void)strcat(text, "\n");
		err = file_write_atomic(drain->path, text, strlen(text), 0640);
	} else {
		err = file_remove(drain->path);
	}
	if (err)
		return err;
	drain->on = on;
	drain->since_usec = on ? wall_usec : 0;
	return 0;
}

enum drain_progress
drain_progress(const struct ownership *ownership)
{
	if (!ownership->listed)
		return DRAIN_RUNNING;
	if (!ownership->n_ours && !ownership->n_announcing && !ownership->n_overlaps)
		return DRAIN_DONE;
	return ownership->n_ours && ownership->n_untaken >= ownership->n_ours ? DRAIN_LEFT
									      : DRAIN_RUNNING;
}
