/*
 * service: what kube-apiserver does to a Service before it stores it: defaults, fields that depend
 * on the type, validation, and the allocation of cluster IPs, node ports and the health check node
 * port.
 */
#ifndef KUBESIM_SERVICE_H
#define KUBESIM_SERVICE_H

#include <json-c/json.h>
#include <stdbool.h>

#include "cluster.h"
#include "status.h"

/*
 * As struct resource has it. Changes svc. What it newly allocates is given back by
 * service_release(), or by itself when it refuses.
 */
struct json_object *service_prepare(struct cluster *cluster, struct json_object *svc,
    struct json_object *old, struct causes *causes);

/* A write to /status: defaults and checks of status.loadBalancer. */
struct json_object *service_prepare_status(struct cluster *cluster, struct json_object *svc,
    struct json_object *old, struct causes *causes);

/* Gives back what `gone` holds and `kept` (may be NULL) does not. */
void service_release(struct cluster *cluster, struct json_object *gone, struct json_object *kept);

/* Marks as taken what a stored Service holds. */
void service_claim(struct cluster *cluster, struct json_object *svc);

#endif
