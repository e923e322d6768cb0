/*
 * path: the paths of the few API resources that the daemon uses, percent-encoded (RFC 3986). All
 * return heap text that the caller frees.
 */
#ifndef KUBE_PATH_H
#define KUBE_PATH_H

#include <stdint.h>

struct strbuf;

#define KUBE_PATH_SERVICES "/api/v1/services" /* of all namespaces */
#define KUBE_PATH_READYZ "/readyz"

/* Appends `s` with everything but unreserved characters (letters, digits, -._~) encoded. */
void kube_path_encode(struct strbuf *sb, const char *s);
/* /api/v1/namespaces/NS/services/NAME and its /status */
char *kube_path_service(const char *namespace, const char *name);
char *kube_path_service_status(const char *namespace, const char *name);
/* /apis/coordination.k8s.io/v1/namespaces/NS/leases, and one of them */
char *kube_path_leases(const char *namespace);
char *kube_path_lease(const char *namespace, const char *name);
/* /api/v1/namespaces/NS/events, and one of them */
char *kube_path_events(const char *namespace);
char *kube_path_event(const char *namespace, const char *name);
char *kube_path_node(const char *name);
char *kube_path_namespace(const char *name);
/* SERVER (as in a kubeconfig, maybe with a path of its own and a final slash) + TARGET (begins
 * with '/'). */
char *kube_path_url(const char *server, const char *target);

#endif
