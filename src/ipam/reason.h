/*
 * reason: how it stands with a Service, in the words of its condition metallb.io/Allocated and of
 * the Events that MetalLB's users know.
 */
#ifndef IPAM_REASON_H
#define IPAM_REASON_H

#include <stdbool.h>

enum ipam_reason {
	IPAM_ALLOCATED,         /* it has what it asked for */
	IPAM_SETTINGS_DIFFER,   /* kept against our file, since most members have another one */
	IPAM_ALLOCATION_FAILED, /* it may not have what it asked for, or there is none */
	IPAM_ADDITIONAL_FAILED, /* PreferDualStack has one family only */
	IPAM_REQUEST_INVALID,   /* its annotations or fields make no sense */
	IPAM_NOT_ENOUGH_CLUSTER_IPS, /* RequireDualStack with one clusterIP */
	IPAM_CLUSTER_IPS_INVALID,
	IPAM_NO_CLUSTER_IP,
	IPAM_NO_POOLS,
	IPAM_DELETING, /* it has a deletionTimestamp, and is given nothing new */
	IPAM_REASON_COUNT
};

/* The condition's reason: CamelCase, as the API demands. */
const char *ipam_reason_str(enum ipam_reason reason);
/* The Event's reason, NULL when this one has no Event of its own. */
const char *ipam_reason_event(enum ipam_reason reason);
bool ipam_reason_is_warning(enum ipam_reason reason);
/*
 * Whether a Service that carries nothing of ours is left untouched in this state: a daemon without
 * pools must not write on other controllers' Services.
 */
bool ipam_reason_is_quiet(enum ipam_reason reason);

#endif
