#include "kube/event.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>

#include "kube/json.h"

void
kube_event_name(const struct kube_event *event, char out[KUBE_EVENT_NAME_LEN])
{
	/* A name has 253 bytes at most; a Service's has 63, so nothing is cut in practice. */
	(void)snprintf(out, KUBE_EVENT_NAME_LEN, "%.236s.%016" PRIx64, event->service, event->id);
}

char *
kube_event_encode(const struct kube_event *event)
{
	struct json_object *root = json_object_new_object(), *object;
	char name[KUBE_EVENT_NAME_LEN];

	kube_event_name(event, name);
	kube_json_put_string(root, "apiVersion", "v1");
	kube_json_put_string(root, "kind", "Event");
	object = kube_json_put_object(root, "metadata");
	kube_json_put_string(object, "name", name);
	kube_json_put_string(object, "namespace", event->namespace);
	object = kube_json_put_object(root, "involvedObject");
	kube_json_put_string(object, "apiVersion", "v1");
	kube_json_put_string(object, "kind", "Service");
	kube_json_put_string(object, "namespace", event->namespace);
	kube_json_put_string(object, "name", event->service);
	kube_json_put_string(object, "uid", event->uid);
	kube_json_put_string(object, "resourceVersion", event->resource_version);
	kube_json_put_text(root, "reason", event->reason, KUBE_EVENT_MAX_REASON);
	kube_json_put_text(root, "message", event->message, KUBE_EVENT_MAX_MESSAGE);
	kube_json_put_string(root, "type", event->warning ? "Warning" : "Normal");
	object = kube_json_put_object(root, "source");
	kube_json_put_string(object, "component", KUBE_EVENT_COMPONENT);
	kube_json_put_string(object, "host", event->host);
	kube_json_put_string(root, "reportingComponent", KUBE_EVENT_COMPONENT);
	kube_json_put_string(root, "reportingInstance", event->host);
	kube_json_put_time(root, "firstTimestamp", event->first_usec);
	kube_json_put_time(root, "lastTimestamp", event->last_usec);
	kube_json_put_int(root, "count", event->count);
	return kube_json_detach(root);
}

char *
kube_event_encode_patch(const struct kube_event *event)
{
	struct json_object *root = json_object_new_object();

	kube_json_put_int(root, "count", event->count);
	kube_json_put_time(root, "lastTimestamp", event->last_usec);
	return kube_json_detach(root);
}
