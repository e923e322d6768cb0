/*
 * ipam: which Service holds which address, and why not. The face of the room for the daemon; runs
 * only on the holder of the Lease `allocator`.
 *
 * Level-triggered: the daemon says what changed, then calls ipam_next() until it returns false.
 * Each call settles one Service and returns what its status should say; `write_needed` is true only
 * when that differs from what the Service says now, so that no state writes twice. A decision is
 * kept in memory from the moment it is returned: an address that was decided and not yet written is
 * never given to another Service. When a write fails, or another version of the Service arrives,
 * call ipam_service_changed() again: the same decision comes out, without its Events.
 *
 * Order: Services that have an address (in memory or in their status) before those that wait for
 * one, the elder first (creation time, then key). Nobody is given a new address while a Service
 * that has one is still unsettled, so nothing is taken from a Service that a fresh leader has not
 * looked at.
 *
 * What is ours in a status. An ingress entry with an IP is ours when the IP lies in a pool of the
 * settings, or was decided by this ipam, or is recorded by our condition's message, or when the
 * Service carries the annotation ip-allocated-from-pool without our condition (a Service that
 * MetalLB left behind: it writes the list whole). All other entries (hostnames, foreign addresses)
 * are carried over behind ours and never removed. On a Service of another load-balancer class only
 * the first form counts that names us: our condition, or memory; a MetalLB that serves another
 * class beside us is left alone.
 *
 * What is kept. A held address stays while some pool allows it to the Service, it fits the
 * Service's families, its explicit request and its co-users; it goes when one of these ends, with a
 * ClearAssignment event. When the *file* is the cause (no pool has it any more, excluded, .0/.255,
 * the pool's namespaces or selectors), it goes only while ipam_set_may_revoke(true); until then it
 * is kept and the condition says so.
 *
 * Two Services on one address without a right to share: the one that ipam already settled keeps it;
 * when neither was (a fresh leader), the elder.
 *
 * Where this differs from MetalLB, on purpose: the lowest free address of the whole pool is given,
 * not of its first range; both families may come from two pools when no pool can give both (asked
 * for by address: when neither pool has both); a second family that cannot be had never costs the
 * first, also under RequireDualStack (the condition is then False); an unknown named pool keeps
 * what is held (it was renamed); Local without a selector does not share with Cluster; an address
 * is kept when only the other family's went.
 */
#ifndef IPAM_IPAM_H
#define IPAM_IPAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipam/reason.h"
#include "model/service.h"
#include "util/addr.h"

struct ipam;
struct labels;
struct settings;

#define IPAM_MAX_EVENTS 4
#define IPAM_MAX_INGRESS (SERVICE_MAX_FAMILIES + SERVICE_MAX_INGRESS)
#define IPAM_MAX_MESSAGE 1000 /* bytes of a condition's or Event's message (Events: 1024) */

struct ipam_event {
	bool warning;       /* type Warning, else Normal */
	const char *reason; /* MetalLB's words: "IPAllocated", "AllocationFailed", ... */
	const char *message;
};

enum ipam_decision_kind {
	IPAM_NOTHING,         /* no more to do with this Service now; call again for the next */
	IPAM_SETTLED,         /* everything below `key` is filled in */
	IPAM_NEEDS_NAMESPACE, /* only `key` and `needs_namespace` are: GET it, ipam_set_namespace()
			       */
	IPAM_DECISION_KIND_COUNT
};

/* Every pointer is valid until the next call of any function of this header but the const ones, and
 * while the Service is in the table. */
struct ipam_decision {
	enum ipam_decision_kind kind;
	const char *key;             /* of the Service */
	const char *needs_namespace; /* asked once, also when many Services wait for it */
	/* Ours: IPv4 before IPv6, the pool of each. */
	struct ip_addr addresses[SERVICE_MAX_FAMILIES];
	const char *pools[SERVICE_MAX_FAMILIES];
	size_t n_addresses;
	/* The whole status.loadBalancer.ingress: ours, with ip_mode "VIP" (leave it out where the
	 * server does not know it), then what is not ours, as it was. */
	struct service_ingress ingress[IPAM_MAX_INGRESS];
	size_t n_ingress;
	/* ip-allocated-from-pool: the pool, or "POOL4,POOL6" when there are two; NULL: remove it.
	 */
	const char *annotation;
	/* Remove metallb.universe.tf/ip-allocated-from-pool too. */
	bool remove_legacy_annotation;
	/* present: false means remove it. */
	struct service_condition condition;
	bool condition_transition; /* its status changes: set lastTransitionTime to now */
	enum ipam_reason reason;   /* of the condition */
	/* To be sent now, also when no write is needed; never given twice. */
	struct ipam_event events[IPAM_MAX_EVENTS];
	size_t n_events;
	bool write_needed;
};

struct ipam *ipam_new(void);
/* NULL is allowed. */
void ipam_free(struct ipam *ipam);
/* Leadership is lost: forgets every Service, address and namespace; keeps settings and forbidden
 * addresses. On gaining it, call ipam_service_changed() for every Service before ipam_next(). */
void ipam_reset(struct ipam *ipam);

/*
 * Borrows the settings until the next call; the old ones must live until this one returns. What is
 * held stays; every known Service becomes dirty. After a change of load-balancer-class call
 * ipam_service_changed() for every Service.
 */
void ipam_set_settings(struct ipam *ipam, const struct settings *settings);
/* Whether the settings are those of more than half of the live members. False at first. */
void ipam_set_may_revoke(struct ipam *ipam, bool may_revoke);
/* The addresses of the members' nodes: never given out, nor accepted on request. Replaces the list.
 * One that a Service holds already stays with it. */
void ipam_set_forbidden(struct ipam *ipam, const struct ip_addr *addrs, size_t n);
/*
 * The labels of a namespace (copied); NULL: it cannot be read (404, 403). Then its Services keep
 * what they hold, and are given nothing new from pools that select by it. Services whose answer may
 * change become dirty.
 */
void ipam_set_namespace(struct ipam *ipam, const char *name, const struct labels *labels);
/* Every namespace that was asked for, for the refresh each 60 s. */
void ipam_foreach_namespace(
    const struct ipam *ipam, void (*each)(void *arg, const char *name), void *arg);

/* A Service is new, changed, or its write failed. Cheap for those that are not ours. */
void ipam_service_changed(struct ipam *ipam, const struct service *service);
/* A Service left the API: its addresses are free at once. */
void ipam_service_gone(struct ipam *ipam, const char *key);
/*
 * The ingress entries of a Service that are not ours, as they are (borrowed from it): what is left
 * of its status when our part goes. Before ipam_service_gone(), which forgets what was decided.
 * SERVICE_MAX_INGRESS at most; their number.
 */
size_t ipam_foreign_ingress(
    const struct ipam *ipam, const struct service *service, struct service_ingress *ret_entries);
/*
 * Settles the next dirty Service against `table`, which holds the newest version of each. False:
 * nothing is dirty (or there are no settings yet). One Service per call.
 */
bool
ipam_next(struct ipam *ipam, const struct service_table *table, struct ipam_decision *ret_decision);

/*
 * For a daemon that does not allocate and is asked what is held: knows the addresses that the
 * Services have, elder first, and gives nothing new to those that wait. Instead of ipam_next().
 */
void ipam_learn(struct ipam *ipam, const struct service_table *table);

/* Why each pool is, or is not, used for a Service. */
enum ipam_verdict {
	IPAM_VERDICT_USED,              /* the Service holds an address of it */
	IPAM_VERDICT_USABLE,            /* it could give one */
	IPAM_VERDICT_NOT_NAMED,         /* the Service names another pool */
	IPAM_VERDICT_NOT_REQUESTED,     /* the Service asks for addresses outside of it */
	IPAM_VERDICT_REFUSED,           /* the address that it asks for may not be had */
	IPAM_VERDICT_NO_AUTO_ASSIGN,    /* auto-assign is off */
	IPAM_VERDICT_NAMESPACE,         /* not for this namespace */
	IPAM_VERDICT_NAMESPACE_UNKNOWN, /* its labels are not known */
	IPAM_VERDICT_SERVICE_LABELS,    /* not for these labels */
	IPAM_VERDICT_NO_FAMILY,         /* has no addresses of a family that is wanted */
	IPAM_VERDICT_FULL,              /* none free */
	IPAM_VERDICT_COUNT
};

const char *ipam_verdict_str(enum ipam_verdict verdict);

typedef void (*ipam_explain_fn)(
    void *arg, const char *pool, enum ipam_verdict verdict, const char *sentence);
/* Calls `each` for every pool in the order in which they are tried; the texts are valid during the
 * call. */
void ipam_explain(
    const struct ipam *ipam, const struct service *service, ipam_explain_fn each, void *arg);
/* Reason and message of the last decision on a Service; false when there is none. */
bool ipam_service_state(const struct ipam *ipam, const char *key, enum ipam_reason *ret_reason,
    const char **ret_message);

struct ipam_count {
	uint64_t total, used, free; /* distinct addresses; used counts a shared one once */
	bool is_saturated;          /* total (and free) are UINT64_MAX and more */
};

struct ipam_pool_stats {
	struct ipam_count v4, v6;
	uint64_t services; /* that hold an address of it, one of two families counted once */
};

/* 0, or -ENOENT. */
int ipam_pool_stats(const struct ipam *ipam, const char *pool, struct ipam_pool_stats *ret_stats);

struct ipam_held {
	struct ip_addr address;
	const char *pool;    /* as in the annotation */
	const char *service; /* key */
	bool is_shared;
};

/* What ipam_set_forbidden() was given, sorted; borrowed until then. */
const struct ip_addr *ipam_forbidden(const struct ipam *ipam, size_t *ret_n);

/* Every held address, by address, its Services by key. */
void ipam_foreach_held(
    const struct ipam *ipam, void (*each)(void *arg, const struct ipam_held *held), void *arg);
/* Services that wait for an address (or for their second one). */
size_t ipam_pending_count(const struct ipam *ipam);

#endif
