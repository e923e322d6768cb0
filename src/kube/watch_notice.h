/*
 * watch_notice: how the files of the watch tell its owner what goes on.
 */
#ifndef KUBE_WATCH_NOTICE_H
#define KUBE_WATCH_NOTICE_H

#include "kube/watch.h"

/* Whom the callbacks of a watch are for. */
struct kube_watch_owner {
	const struct kube_watch_ops *ops;
	void *arg;
};

/* "connection broken", ...: for notices. */
const char *kube_watch_end_str(enum kube_watch_end end);
/* Which one tells of an answer with that status, other than 200, 400 and 410. */
enum kube_watch_notice kube_watch_notice_of_status(int status);
/* One line, cleaned of control characters and cut at 600 bytes. */
void kube_watch_say(const struct kube_watch_owner *owner, enum kube_watch_notice notice,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
