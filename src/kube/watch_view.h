/*
 * watch_view: the objects of a watch, as far as its owner was told of them: what turns objects of
 * lists and streams into ADDED, MODIFIED and DELETED.
 */
#ifndef KUBE_WATCH_VIEW_H
#define KUBE_WATCH_VIEW_H

#include <stdbool.h>

#include "kube/cause.h"
#include "kube/known.h"
#include "kube/watch.h"
#include "kube/watch_notice.h"

struct json_object;

struct kube_watch_view {
	struct kube_watch_owner owner;
	const char *path;                                  /* for notices; borrowed */
	bool (*matches)(const struct json_object *object); /* used while filtering */
	struct kube_watch_stats *stats;                    /* of the watch */
	struct kube_known known;
	bool filtering;  /* the server does not know the field selector: filter here */
	bool report_all; /* etcd was restored: equal versions mean nothing */
	/* since the list began */
	bool full;       /* too many objects: said */
	bool unreadable; /* an item could not be identified: delete nothing */
};

/* An object as it is now, from a list or a stream. */
void kube_watch_view_observe(struct kube_watch_view *view, struct json_object *object);
/* A DELETED of a stream. */
void kube_watch_view_observe_deleted(struct kube_watch_view *view, struct json_object *object);
/* A list begins at its first page. */
void kube_watch_view_begin(struct kube_watch_view *view);
/* One item of it: a kube_list_item_fn, `arg` is the view. */
void kube_watch_view_item(void *arg, enum kube_cause cause, struct json_object *item);
/* It is complete: what was known and is not in it is gone. */
void kube_watch_view_complete(struct kube_watch_view *view);

#endif
