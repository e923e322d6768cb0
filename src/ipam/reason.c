#include "ipam/reason.h"

#include <assert.h>
#include <stddef.h>

static const struct {
	const char *name, *event;
	bool is_warning, is_quiet;
} reasons[] = {
    [IPAM_ALLOCATED] = {"IPAllocated", NULL, false, false},
    [IPAM_SETTINGS_DIFFER] = {"SettingsDiffer", NULL, false, false},
    [IPAM_ALLOCATION_FAILED] = {"AllocationFailed", "AllocationFailed", true, false},
    [IPAM_ADDITIONAL_FAILED] = {"AdditionalAssignFailed", "AdditionalAssignFailed", false, false},
    [IPAM_REQUEST_INVALID] = {"LoadBalancerFailed", "LoadBalancerFailed", true, false},
    [IPAM_NOT_ENOUGH_CLUSTER_IPS] = {"NotEnoughClusterIPs", "not enough clusterips", true, false},
    [IPAM_CLUSTER_IPS_INVALID] = {"InvalidClusterIPs", "noclusterIPsIPFamily", true, false},
    [IPAM_NO_CLUSTER_IP] = {"NoClusterIP", NULL, false, true},
    [IPAM_NO_POOLS] = {"NoPools", NULL, false, true},
    [IPAM_DELETING] = {"Deleting", NULL, false, true},
};
static_assert(sizeof(reasons) / sizeof(reasons[0]) == IPAM_REASON_COUNT, "one row each");

const char *
ipam_reason_str(enum ipam_reason reason)
{
	return reasons[reason].name;
}

const char *
ipam_reason_event(enum ipam_reason reason)
{
	return reasons[reason].event;
}

bool
ipam_reason_is_warning(enum ipam_reason reason)
{
	return reasons[reason].is_warning;
}

bool
ipam_reason_is_quiet(enum ipam_reason reason)
{
	return reasons[reason].is_quiet;
}
