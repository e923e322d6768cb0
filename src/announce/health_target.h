/*
 * health_target: one thing on this node that is asked over and over whether a Service is served
 * here, and what its answers mean.
 *
 * HEALTH_NODE_PORT: the healthCheckNodePort of a Service with externalTrafficPolicy Local. 200: it
 * has ready endpoints on this node. 503 with a report that names the Service: it has none, or
 * kube-proxy calls itself unhealthy; acts at once. A report that names another Service is a
 * stranger's, whatever its status: said, not believed. That, any other answer, and none at all
 * prove nothing and act after HEALTH_FAILURES in a row. Answers without a report (kube-router)
 * count by their status: 200 is one endpoint at least; but not where a report once was, since
 * kube-proxy 1.20 says an empty 200 on the connections of a Service that it has forgotten.
 *
 * HEALTH_KUBE_PROXY: kube-proxy's own /healthz, port HEALTH_KUBE_PROXY_PORT. HEALTH_FAILURES in a
 * row that are not 200 make it unhealthy, HEALTH_SUCCESSES of 200 in a row healthy again; the first
 * 200 of all counts by itself.
 *
 * HEALTH_CLUSTER_IP: a TCP connection to the clusterIP and first TCP port of a Service with
 * externalTrafficPolicy Cluster. Refused HEALTH_FAILURES times in a row: no endpoint anywhere.
 * Silence proves nothing (a NetworkPolicy, a proxy that drops): after HEALTH_FAILURES of it an
 * unknown one counts as served.
 *
 * Where a port listens is not known: kube-proxy in iptables and IPVS mode listens on all addresses,
 * in nftables mode on the node's primary ones only, k3s's /healthz on loopback. So the candidates
 * are tried in turn and the one that answered is remembered. A refusal is followed at once by the
 * next candidate; silence waits for the next round, so a round never lasts longer than one
 * time-out.
 */
#ifndef ANNOUNCE_HEALTH_TARGET_H
#define ANNOUNCE_HEALTH_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/endpoints.h"
#include "util/addr.h"

#define HEALTH_FAILURES 3
#define HEALTH_SUCCESSES 2
#define HEALTH_KUBE_PROXY_PORT 10256
#define HEALTH_MAX_ADDRESSES 6 /* candidates of a target, loopback included */

enum health_kind {
	HEALTH_NODE_PORT,
	HEALTH_KUBE_PROXY,
	HEALTH_CLUSTER_IP,
	HEALTH_KIND_COUNT
};

enum health_state {
	HEALTH_UNKNOWN, /* not asked yet, or too few failures to tell */
	HEALTH_SERVING,
	HEALTH_NO_ENDPOINTS,    /* NODE_PORT: none on this node; CLUSTER_IP: none anywhere */
	HEALTH_PROXY_UNHEALTHY, /* kube-proxy says so of itself, at whichever port */
	HEALTH_UNANSWERED,      /* nothing that could be believed; health_target.failure says why */
	HEALTH_STATE_COUNT
};

/* What became of one question. */
enum health_result {
	HEALTH_ANSWERED, /* NODE_PORT, KUBE_PROXY: an HTTP response; CLUSTER_IP: connected */
	HEALTH_REFUSED,  /* nobody listens there, or no such address */
	HEALTH_SILENT,   /* nothing in time */
	HEALTH_BROKEN,   /* what came is not HTTP, or the connection ended before it was whole */
	HEALTH_UNSENT,   /* this machine could not ask: neither a success nor a failure */
	HEALTH_RESULT_COUNT
};

struct health_answer {
	enum health_result result;
	int status;                            /* of HTTP */
	int64_t weight;                        /* X-Load-Balancing-Endpoint-Weight; -1 without */
	const struct endpoints_report *report; /* NULL: the body is none */
};

/* Why a question failed, for people. */
enum health_failure {
	HEALTH_FAILURE_NONE,
	HEALTH_FAILURE_REFUSED,
	HEALTH_FAILURE_SILENT,
	HEALTH_FAILURE_BROKEN,
	HEALTH_FAILURE_STATUS,  /* an HTTP status that says nothing here */
	HEALTH_FAILURE_FOREIGN, /* another Service's report */
	HEALTH_FAILURE_COUNT
};

struct health_target {
	enum health_kind kind;
	const char *namespace, *name; /* NODE_PORT; the owner's */
	uint16_t port;
	enum health_state state;
	enum health_failure failure;           /* of the last question */
	int status;                            /* with HEALTH_FAILURE_STATUS */
	char foreign[2 * ENDPOINTS_NAME_SIZE]; /* with HEALTH_FAILURE_FOREIGN: "namespace/name" */
	uint32_t endpoints;                    /* NODE_PORT while SERVING: at least 1; else 0 */
	bool ever;     /* something answered as it should, since this daemon started */
	bool reported; /* NODE_PORT: and with a report */
	uint8_t failures, successes;
	uint8_t silences;    /* CLUSTER_IP, while UNKNOWN */
	struct ip_addr good; /* answered last; family NONE: none yet */
	bool past_good;      /* it was silent in the last round: begin with another */
	uint8_t turn;        /* the candidate to try next */
	uint8_t tried;       /* in this round, without success */
};

/* What the owner does next. */
enum health_next {
	HEALTH_NEXT_ROUND, /* at the next interval */
	HEALTH_NEXT_NOW,   /* the round goes on with another candidate, at once */
	HEALTH_NEXT_COUNT
};

/* The address to ask now. `candidates`: at least 1, at most HEALTH_MAX_ADDRESSES. */
struct ip_addr health_target_address(
    const struct health_target *target, const struct ip_addr *candidates, size_t n_candidates);
/* The question to `addr`, an address that health_target_address() gave for these candidates, was
 * answered, or was not. */
enum health_next health_target_answer(struct health_target *target, const struct ip_addr *addr,
    const struct ip_addr *candidates, size_t n_candidates, const struct health_answer *answer);
/* "node-port", "kube-proxy", "cluster-ip" */
const char *health_kind_str(enum health_kind kind);
/* "unknown", "serving", "no-endpoints", "proxy-unhealthy", "unanswered" */
const char *health_state_str(enum health_state state);
/* "answered", "refused", "silent", "broken", "unsent" */
const char *health_result_str(enum health_result result);
/* "refused", "silent", ... */
const char *health_failure_str(enum health_failure failure);

#endif
