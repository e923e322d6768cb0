/*
 * endpoints: the answer of a healthCheckNodePort, as kube-proxy and Cilium give it:
 *
 *   {"service": {"namespace": "default", "name": "web"}, "localEndpoints": 2,
 *    "serviceProxyHealthy": true}
 *
 * Any program may sit behind such a port: what is not this is an answer all the same, without a
 * report.
 */
#ifndef KUBE_ENDPOINTS_H
#define KUBE_ENDPOINTS_H

#include <stdbool.h>
#include <stddef.h>

#include "model/endpoints.h"

#define KUBE_ENDPOINTS_MAX_BYTES 4096 /* a longer body is no report */

/* False: the body is no report; *ret_report is untouched. */
bool kube_endpoints_decode(const void *body, size_t len, struct endpoints_report *ret_report);

#endif
