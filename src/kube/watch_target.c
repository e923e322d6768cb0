#include "kube/watch_target.h"

#include <inttypes.h>

#include "kube/path.h"
#include "util/str.h"

#define PROBE_STREAM_SEC 1

static void
add_query(struct strbuf *sb, char separator, const char *name, const char *value)
{
	strbuf_printf(sb, "%c%s=", separator, name);
	kube_path_encode(sb, value);
}

void
kube_watch_target_build(
    const struct kube_watch_target *target, enum kube_watch_request request, struct strbuf *sb)
{
	strbuf_clear(sb);
	strbuf_add(sb, target->path);
	switch (request) {
	case KUBE_WATCH_LIST:
		strbuf_printf(sb, "?limit=%u", target->page);
		if (*target->continue_token)
			add_query(sb, '&', "continue", target->continue_token);
		break;
	case KUBE_WATCH_PROBE_LIST:
		strbuf_add(sb, "?limit=1");
		break;
	case KUBE_WATCH_STREAM:
		strbuf_printf(sb, "?watch=true&allowWatchBookmarks=true&timeoutSeconds=%" PRId64,
		    target->timeout_sec);
		add_query(sb, '&', "resourceVersion", target->version);
		break;
	case KUBE_WATCH_PROBE_STREAM:
		strbuf_printf(sb, "?watch=true&timeoutSeconds=%d", PROBE_STREAM_SEC);
		add_query(sb, '&', "resourceVersion", target->version);
		break;
	case KUBE_WATCH_REQUEST_COUNT:
		break;
	}
	if (target->field_selector)
		add_query(sb, '&', "fieldSelector", target->field_selector);
	if (target->label_selector)
		add_query(sb, '&', "labelSelector", target->label_selector);
}
