#include "kube/cause.h"

#include <assert.h>

static const char *const cause_names[] = {
    [KUBE_OK] = "ok",
    [KUBE_TOO_LARGE] = "too large",
    [KUBE_BAD_JSON] = "not valid JSON",
    [KUBE_NOT_AN_OBJECT] = "not a JSON object",
    [KUBE_NO_NAME] = "no metadata.name or metadata.namespace",
    [KUBE_BAD_NAME] = "metadata.name or metadata.namespace is not a DNS name",
    [KUBE_NO_RESOURCE_VERSION] = "no metadata.resourceVersion",
    [KUBE_BAD_METADATA] = "a field of metadata has a wrong type or is too long",
    [KUBE_TOO_MANY_LABELS] = "too many labels, annotations or selectors",
    [KUBE_BAD_LABEL] = "a label, annotation or selector is not a string or is too long",
    [KUBE_NO_SPEC] = "no spec",
    [KUBE_BAD_TYPE] = "unknown spec.type",
    [KUBE_BAD_SPEC] = "a field of spec has a wrong type or an impossible value",
    [KUBE_BAD_PORT] = "a port in spec.ports is malformed",
    [KUBE_TOO_MANY_PORTS] = "too many ports in spec.ports",
    [KUBE_BAD_STATUS] = "a field of status has a wrong type",
    [KUBE_TOO_MANY_INGRESS] = "too many entries in status.loadBalancer.ingress",
    [KUBE_BAD_TIME] = "a time in spec is not in RFC 3339 form",
};
static_assert(
    sizeof(cause_names) / sizeof(cause_names[0]) == KUBE_CAUSE_COUNT, "one name per cause");

const char *
kube_cause_str(enum kube_cause cause)
{
	return cause_names[cause];
}
