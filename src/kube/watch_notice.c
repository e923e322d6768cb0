#include "kube/watch_notice.h"

#include <assert.h>
#include <stdarg.h>

#include "kube/json.h"
#include "util/str.h"

#define MAX_NOTICE_BYTES 600

static const char *const notice_names[] = {
    [KUBE_WATCH_RECOVERED] = "recovered",
    [KUBE_WATCH_NETWORK] = "network",
    [KUBE_WATCH_TIMEOUT] = "timeout",
    [KUBE_WATCH_DEAD] = "dead-watch",
    [KUBE_WATCH_UNAUTHORIZED] = "unauthorized",
    [KUBE_WATCH_FORBIDDEN] = "forbidden",
    [KUBE_WATCH_NOT_FOUND] = "not-found",
    [KUBE_WATCH_THROTTLED] = "throttled",
    [KUBE_WATCH_SERVER_ERROR] = "server-error",
    [KUBE_WATCH_EXPIRED] = "expired",
    [KUBE_WATCH_SELECTOR_REFUSED] = "selector-refused",
    [KUBE_WATCH_BAD_DATA] = "bad-data",
    [KUBE_WATCH_OVERSIZE] = "oversize",
    [KUBE_WATCH_BAD_OBJECT] = "bad-object",
    [KUBE_WATCH_TOO_MANY] = "too-many-objects",
    [KUBE_WATCH_RESTORED] = "restored",
};
static_assert(sizeof(notice_names) / sizeof(notice_names[0]) == KUBE_WATCH_NOTICE_COUNT,
    "one name per notice");

static const char *const end_names[] = {
    [KUBE_WATCH_END_OK] = "closed without an answer",
    [KUBE_WATCH_END_CONNECT] = "cannot connect",
    [KUBE_WATCH_END_TLS] = "TLS refused",
    [KUBE_WATCH_END_BROKEN] = "connection broken",
};
static_assert(sizeof(end_names) / sizeof(end_names[0]) == KUBE_WATCH_END_COUNT, "one name per end");

const char *
kube_watch_notice_str(enum kube_watch_notice notice)
{
	return notice_names[notice];
}

const char *
kube_watch_end_str(enum kube_watch_end end)
{
	return end_names[end];
}

enum kube_watch_notice
kube_watch_notice_of_status(int status)
{
	switch (status) {
	case 401:
		return KUBE_WATCH_UNAUTHORIZED;
	case 403:
		return KUBE_WATCH_FORBIDDEN;
	case 404:
		return KUBE_WATCH_NOT_FOUND;
	case 429:
	case 503:
		return KUBE_WATCH_THROTTLED;
	default:
		return KUBE_WATCH_SERVER_ERROR;
	}
}

void
kube_watch_say(
    const struct kube_watch_owner *owner, enum kube_watch_notice notice, const char *fmt, ...)
{
	struct strbuf text = {0}, clean = {0};
	va_list ap;
	char *p;

	va_start(ap, fmt);
	strbuf_vprintf(&text, fmt, ap);
	va_end(ap);
	kube_json_clean(&clean, strbuf_text(&text), MAX_NOTICE_BYTES);
	for (p = clean.text; p && *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	owner->ops->notice(owner->arg, notice, strbuf_text(&clean));
	strbuf_free(&text);
	strbuf_free(&clean);
}
