/*
 * watch_target: the request targets of a watch, "/path?query".
 */
#ifndef KUBE_WATCH_TARGET_H
#define KUBE_WATCH_TARGET_H

#include <stdint.h>

#include "kube/watch.h"

struct strbuf;

struct kube_watch_target {
	const char *path;
	const char *field_selector, *label_selector; /* NULL: none */
	unsigned page;                               /* LIST: objects at most */
	const char *continue_token;                  /* LIST: "" for the first page */
	const char *version;                         /* streams: from which on */
	int64_t timeout_sec;                         /* STREAM */
};

/* Replaces what is in `sb`. */
void kube_watch_target_build(
    const struct kube_watch_target *target, enum kube_watch_request request, struct strbuf *sb);

#endif
