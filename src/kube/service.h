/*
 * service: a v1 Service from JSON into struct service.
 *
 * Everything that the daemon does not use (managedFields, other annotations, ...) is left behind.
 * Caps are those of model/service.h.
 *
 * A malformed Service is refused whole, with a cause. Who keeps a table of Services leaves a known
 * one as it was when its update is malformed, and says so: a fault in the API must not move an
 * address. kube_object_id() names such an object.
 */
#ifndef KUBE_SERVICE_H
#define KUBE_SERVICE_H

#include <stdbool.h>

#include "kube/cause.h"

struct json_object;
struct service;

#define KUBE_SERVICE_LABEL_MAX_VALUE 4096 /* Kubernetes itself: 63 */
#define KUBE_SERVICE_SELECTOR "spec.type=LoadBalancer"

/* KUBE_OK: the caller owns *ret_service (service_free()). `object` stays the caller's. */
enum kube_cause kube_service_decode(const struct json_object *object, struct service **ret_service);
/* What KUBE_SERVICE_SELECTOR selects, for servers that refuse it (before Kubernetes 1.31). */
bool kube_service_is_load_balancer(const struct json_object *object);

#endif
