/*
 * cause: why the decoders of this room refused an object.
 */
#ifndef KUBE_CAUSE_H
#define KUBE_CAUSE_H

enum kube_cause {
	KUBE_OK,
	KUBE_TOO_LARGE,     /* the text is longer than its cap */
	KUBE_BAD_JSON,      /* not JSON, not UTF-8, too deep, or cut off */
	KUBE_NOT_AN_OBJECT, /* JSON, but no object where one must be */
	KUBE_NO_NAME,       /* no metadata.name, or (for a Service) no metadata.namespace */
	KUBE_BAD_NAME,      /* characters or length that Kubernetes does not allow in a name */
	KUBE_NO_RESOURCE_VERSION,
	KUBE_BAD_METADATA,    /* a wrong type in metadata, or a string over its cap */
	KUBE_TOO_MANY_LABELS, /* labels or annotations */
	KUBE_BAD_LABEL,       /* a label or annotation that is no string, or over its cap */
	KUBE_NO_SPEC,
	KUBE_BAD_TYPE, /* spec.type unknown */
	KUBE_BAD_SPEC, /* a wrong type or an impossible value elsewhere in spec */
	KUBE_BAD_PORT,
	KUBE_TOO_MANY_PORTS,
	KUBE_BAD_STATUS, /* a wrong type in status */
	KUBE_TOO_MANY_INGRESS,
	KUBE_BAD_TIME, /* acquireTime or renewTime that is no RFC 3339 time */
	KUBE_CAUSE_COUNT
};

/* "no metadata.name", ...: fits after "Service x/y skipped: ". */
const char *kube_cause_str(enum kube_cause cause);

#endif
