/*
 * routes: which prefixes this node announces by BGP, to which peers, with what attributes, and of
 * each address why not. A pure function of settings, Services, the plan (which knows the own Node)
 * and health; made anew and whole after each plan.
 *
 * Every node that may announce an address does, so routers spread traffic over them. For that all
 * must send the same ORIGIN, MED and AS_PATH length: nothing here depends on the node except who
 * announces at all, and the weight.
 *
 * Several bgp.advertisements may make one route: their communities are united, everything else is
 * that of the first in the file (the file's check refuses other values where it can know). Where
 * service-selectors choose them and they disagree, the address is not announced for that Service.
 *
 * Routes own all that they point to, except where a comment says otherwise.
 */
#ifndef ANNOUNCE_ROUTES_H
#define ANNOUNCE_ROUTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "announce/plan.h"
#include "model/service.h"
#include "model/settings.h"
#include "util/addr.h"

/* In the words of MetalLB where it has one (route_reason_str). */
enum route_reason {
	ROUTE_ANNOUNCED,
	ROUTE_NOT_ALLOWED,               /* ipNotAllowed: in no pool */
	ROUTE_NO_MATCHING_ADVERTISEMENT, /* noMatchingAdvertisement: for pool, Service and node */
	ROUTE_CONFLICT,                  /* conflictingAdvertisements */
	ROUTE_NODE_NETWORK_UNAVAILABLE,  /* nodeNetworkUnavailable */
	ROUTE_NODE_EXCLUDED,             /* nodeLabeledExcludeBalancers */
	ROUTE_NO_PEER,                   /* noPeer: no advertisement reaches a peer of this node */
	ROUTE_NOT_SERVED,                /* health says why, in words of its own */
	ROUTE_REASON_COUNT
};

/* What health knows of a Service on this node, for addresses of one family. */
struct routes_verdict {
	bool serving;
	bool undecided;       /* not known yet: what is announced stays, nothing new is */
	uint32_t endpoints;   /* local ones, for the weight; 0: not known */
	const char *reason;   /* unless serving: one word, valid for ever, */
	const char *sentence; /* and why, for people; valid until the next call */
};

typedef struct routes_verdict
routes_health_fn(void *arg, const struct service *service, enum ip_family family);

struct routes;

struct routes_input {
	const struct settings *settings;
	const struct service_table *services;
	const struct plan *plan; /* of the same settings and Services */
	bool node_network_unavailable;
	routes_health_fn *health; /* NULL: everything is served */
	void *health_arg;
	const struct routes *previous; /* NULL: nothing was announced */
};

/* One prefix as a group of peers gets it. */
struct route {
	struct ip_prefix prefix; /* masked */
	uint32_t localpref, med; /* 0: as if not given */
	uint8_t as_path_prepend;
	uint32_t weight; /* endpoints of all Services behind it; 0: none is sent */
	const struct community *communities; /* sorted, unique */
	size_t n_communities;
};

/* Peers that the same advertisements name get the same routes. */
struct route_group {
	struct route *routes; /* sorted by prefix */
	size_t n_routes;
	bool *advertisements; /* by index in bgp.advertisements: it names these peers, and selects
				 this node */
};

/* One of bgp.peers as this node sees it; one for each in the file, in its order. */
struct route_peer {
	const char *name;
	bool selected; /* node-selectors match this node */
	/* The earlier peer of the same router and device that has the session; NULL: none. */
	const char *same_as;
	size_t group; /* when it acts (route_peer_acts()) */
};

/* One Service on one address. */
struct route_claim {
	struct ip_addr ip;
	const char *service, *pool; /* "" when in none */
	enum route_reason reason;
	const char *reason_text; /* route_reason_str(), or health's word */
	const char *sentence;    /* why not, for people; names what to change. "" when announced */
	bool undecided;          /* health does not know yet; reason is what was before */
	uint32_t endpoints;
	/* Those that match, ascending: indexes of bgp.advertisements. */
	const uint16_t *advertisements;
	size_t n_advertisements;
};

struct routes {
	struct arena *arena; /* owns everything here */
	struct route_peer *peers;
	size_t n_peers;
	struct route_group *groups;
	size_t n_groups;
	struct route_claim *claims; /* sorted by address, then Service */
	size_t n_claims, n_announced;
	bool undecided; /* any claim is: what is here is not the whole yet */
};

/* "announced", "ipNotAllowed", ... */
const char *route_reason_str(enum route_reason reason);

struct routes *routes_build(const struct routes_input *input);
/* NULL is allowed. */
void routes_free(struct routes *routes);

/* Whether this node is to have a session with the peer. */
bool route_peer_acts(const struct route_peer *peer);
/* The claims on an address: the first of them, and how many in *ret_count; NULL for none. */
const struct route_claim *
routes_find(const struct routes *routes, const struct ip_addr *ip, size_t *ret_count);
/* Whether the claim is announced to the peer, by index. */
bool
routes_claim_reaches(const struct routes *routes, const struct route_claim *claim, size_t peer);
/* The prefix by which an advertisement announces an address. */
struct ip_prefix
route_prefix(const struct settings_bgp_advertisement *advertisement, const struct ip_addr *ip);

#endif
