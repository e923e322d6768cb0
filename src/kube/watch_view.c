#include "kube/watch_view.h"

#include "kube/object.h"

static void
gone(void *arg, const char *key)
{
	struct kube_watch_view *view = arg;

	view->owner.ops->object(view->owner.arg, KUBE_WATCH_DELETED, key, NULL);
}

static void
bad_object(struct kube_watch_view *view, enum kube_cause cause)
{
	view->stats->bad_objects++;
	/* Once per list; the statistics have them all. */
	if (!view->unreadable)
		kube_watch_say(&view->owner, KUBE_WATCH_BAD_OBJECT, "%s: an object was skipped: %s",
		    view->path, kube_cause_str(cause));
	view->unreadable = true;
}

void
kube_watch_view_observe(struct kube_watch_view *view, struct json_object *object)
{
	char key[KUBE_OBJECT_MAX_KEY + 1];
	struct kube_object_id id;
	enum kube_cause cause = kube_object_id(object, &id);
	enum kube_watch_event event = KUBE_WATCH_MODIFIED;

	if (cause) {
		bad_object(view, cause);
		return;
	}
	kube_object_key(&id, key);
	if (view->filtering && !view->matches(object)) {
		if (kube_known_remove(&view->known, key))
			gone(view, key);
		return;
	}
	switch (kube_known_put(&view->known, key, &id, KUBE_WATCH_MAX_OBJECTS)) {
	case KUBE_KNOWN_NEW:
		event = KUBE_WATCH_ADDED;
		break;
	case KUBE_KNOWN_CHANGED:
		break;
	case KUBE_KNOWN_SAME:
		if (!view->report_all)
			return;
		break;
	case KUBE_KNOWN_FULL:
		view->stats->too_many++;
		if (view->full)
			return;
		view->full = true;
		kube_watch_say(&view->owner, KUBE_WATCH_TOO_MANY,
		    "%s: %d objects are known, %s is left out", view->path, KUBE_WATCH_MAX_OBJECTS,
		    key);
		return;
	case KUBE_KNOWN_CHANGE_COUNT:
		return;
	}
	view->owner.ops->object(view->owner.arg, event, key, object);
}

void
kube_watch_view_observe_deleted(struct kube_watch_view *view, struct json_object *object)
{
	char key[KUBE_OBJECT_MAX_KEY + 1];
	struct kube_object_id id;
	enum kube_cause cause = kube_object_id(object, &id);

	if (cause) {
		bad_object(view, cause);
		return;
	}
	kube_object_key(&id, key);
	if (kube_known_remove(&view->known, key))
		view->owner.ops->object(view->owner.arg, KUBE_WATCH_DELETED, key, object);
}

void
kube_watch_view_item(void *arg, enum kube_cause cause, struct json_object *item)
{
	struct kube_watch_view *view = arg;

	if (cause)
		bad_object(view, cause);
	else
		kube_watch_view_observe(view, item);
}

void
kube_watch_view_begin(struct kube_watch_view *view)
{
	kube_known_begin(&view->known);
	view->unreadable = view->full = false;
}

void
kube_watch_view_complete(struct kube_watch_view *view)
{
	if (!view->unreadable)
		view->stats->missed_deletes += kube_known_sweep(&view->known, gone, view);
	view->report_all = false;
}
