/*
 * endpoints: what kube-proxy and its like say of one Service at its healthCheckNodePort, decoded
 * from JSON (kube/endpoints.c).
 */
#ifndef MODEL_ENDPOINTS_H
#define MODEL_ENDPOINTS_H

#include <stdbool.h>
#include <stdint.h>

#define ENDPOINTS_NAME_SIZE 64       /* a namespace or the name of a Service: 63 at most */
#define ENDPOINTS_LOCAL_MAX 10000000 /* a larger count is not one */

struct endpoints_report {
	char namespace[ENDPOINTS_NAME_SIZE], name[ENDPOINTS_NAME_SIZE];
	uint32_t local;       /* ready endpoints on this node */
	bool proxy_unhealthy; /* serviceProxyHealthy: false (Kubernetes 1.28 and later) */
};

#endif
