/*
 * plan: what this node may announce, where, and why not. A pure function of settings, Services, the
 * own Node and the interfaces; made anew and whole whenever one of them changed. Who of several
 * nodes that may announce an address does so is not decided here but by its Lease.
 *
 * A plan owns all it points to, and stays valid when its inputs go.
 */
#ifndef ANNOUNCE_PLAN_H
#define ANNOUNCE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "announce/health.h"
#include "model/labels.h"
#include "model/service.h"
#include "model/settings.h"
#include "util/addr.h"
#include "util/link.h"

#define LABEL_EXCLUDE_FROM_EXTERNAL_LOAD_BALANCERS \
	"node.kubernetes.io/exclude-from-external-load-balancers" /* by presence */

/* In the words of MetalLB where it has one (plan_reason_str). */
enum plan_reason {
	PLAN_ELIGIBLE,
	PLAN_NOT_ALLOWED,               /* ipNotAllowed: in no pool */
	PLAN_NO_MATCHING_ADVERTISEMENT, /* noMatchingAdvertisement: for pool, Service and node */
	PLAN_NODE_NETWORK_UNAVAILABLE,  /* nodeNetworkUnavailable */
	PLAN_NODE_EXCLUDED,             /* nodeLabeledExcludeBalancers */
	PLAN_NO_INTERFACE,              /* interfaceMissing: none to announce on */
	/* By health (health.h), which is asked last: */
	PLAN_HEALTH_UNKNOWN,       /* healthUnknown: not known yet */
	PLAN_NO_LOCAL_ENDPOINTS,   /* noLocalEndpoints: Local, and none on this node */
	PLAN_HEALTH_CHECK_FAILS,   /* healthCheckFails: Local, and the healthCheckNodePort tells
				      nothing */
	PLAN_KUBE_PROXY_UNHEALTHY, /* kubeProxyUnhealthy */
	PLAN_NO_ENDPOINTS,         /* noEndpoints: Cluster, and its clusterIP refuses */
	PLAN_REASON_COUNT
};

/* Why a Service as a whole has nothing to announce. */
enum plan_service_reason {
	PLAN_SERVICE_ADDRESSED,
	PLAN_SERVICE_DELETED,           /* serviceDeleted */
	PLAN_SERVICE_NOT_LOAD_BALANCER, /* notLoadBalancer */
	PLAN_SERVICE_OTHER_CLASS,       /* otherLoadBalancerClass */
	PLAN_SERVICE_NO_ADDRESS,        /* noIPAllocated */
	PLAN_SERVICE_REASON_COUNT
};

struct plan_input {
	const struct settings *settings;
	const struct service_table *services;
	const struct link_table *links;
	/* Of the own Node object; those of the file come on top, and win. Empty while unknown. */
	struct labels node_labels;
	bool node_network_unavailable; /* condition NetworkUnavailable is True */
	/* Every member, this node too, has the exclude label: it is then ignored by all. */
	bool all_members_excluded;
	const struct health *health; /* NULL: whatever may be announced is served */
};

/* An L2 advertisement as this node sees it: for its heartbeat. One per entry of the file. */
struct plan_advertisement {
	const char *name;
	bool selected;   /* node-selectors match this node */
	uint32_t weight; /* sum over preferred-nodes that match this node; 0 unless selected */
};

/* An address and all Services on it; a shared address has one entry. */
struct plan_address {
	struct ip_addr ip;
	bool eligible;  /* reason == PLAN_ELIGIBLE */
	bool candidate; /* eligible, or would be by all but health: its health is to be known */
	bool undecided; /* health is not known yet: what is held is kept, nothing is claimed */
	/* What comes here for it is served: true when eligible or undecided, but also when it is to
	 * be handed over only (labels; health, when endpoints that are being terminated are left).
	 * False: to be given up at once. */
	bool serving;
	/* Local endpoints here, the most of any Service on it; 0: unknown, or no Service is Local.
	 */
	uint32_t endpoints;
	enum plan_reason reason;
	const char *sentence; /* why not, for people; names what to change. "" when eligible */
	const char *pool;     /* "" when in none */
	const int *ifindexes; /* sorted; none unless serving, or by health alone */
	size_t n_ifindexes;
	const char **services; /* keys "namespace/name", sorted */
	size_t n_services;
	/*
	 * Indexes of the L2 advertisements that match the pool and a Service on the address,
	 * ascending, whether or not they select this node: equal on all nodes with equal settings,
	 * so that every node can rank every other by what the heartbeats say.
	 */
	const uint16_t *advertisements;
	size_t n_advertisements;
};

struct plan {
	struct arena *arena;            /* owns everything here */
	struct plan_address *addresses; /* sorted by ip_addr_cmp() */
	size_t n_addresses, n_eligible;
	struct plan_advertisement *advertisements; /* in file order */
	size_t n_advertisements;
	struct labels node_labels; /* merged */
	bool node_excluded;        /* by its label, and that counts */
	bool exclude_ignored;      /* labelled, but all_members_excluded: to be warned of */
	bool announces_l2; /* any advertisement selects this node: a fast heartbeat is due */
};

/* "ipNotAllowed", ... */
const char *plan_reason_str(enum plan_reason reason);
const char *plan_service_reason_str(enum plan_service_reason reason);
/* PLAN_ELIGIBLE for HEALTH_OK. */
enum plan_reason plan_reason_of(enum health_cause cause);

struct plan *plan_build(const struct plan_input *input);
/* NULL is allowed. */
void plan_free(struct plan *plan);
/* NULL when no Service of ours has that address. */
const struct plan_address *plan_find(const struct plan *plan, const struct ip_addr *ip);

/* For a Service by itself; NULL: it is gone. What is said of its addresses is in the plan. */
enum plan_service_reason
plan_service_check(const struct service *service, const char *load_balancer_class);
/* The file's labels over those of the Node, into arena. */
struct labels
plan_merge_labels(struct arena *arena, const struct labels *node, const struct labels *file);
/* Whether any advertisement, L2 or BGP, names the pool: a pool without one is assigned from and
 * never announced, which is worth saying once. */
bool plan_pool_is_advertised(const struct settings *settings, const struct settings_pool *pool);

#endif
