/*
 * health: whether what arrives on this node for a Service is served (DESIGN: Health). Follows
 * targets (health_target.h), says which to ask when and where, takes the answers, and gives plan
 * its verdict on each Service:
 *
 * externalTrafficPolicy Local: its healthCheckNodePort. The number of local endpoints is a weight
 * for routes. Without a healthCheckNodePort nothing is known, and it counts as served.
 *
 * Cluster: kube-proxy's /healthz as health.kube-proxy says ("auto": obeyed once it has ever
 * answered), and the clusterIP where health.cluster-check is "tcp", per IP family. That it has no
 * endpoint anywhere cannot be seen otherwise: it stays announced.
 *
 * What is lost is handed over: endpoints that are being terminated are served still, and so is much
 * of what comes while kube-proxy is down. A refused clusterIP alone is given up at once: nothing is
 * served there, nor anywhere else.
 *
 * Pace: a target that matters (its caller says so: fast) is asked each health.node-port-interval, a
 * clusterIP each HEALTH_CLUSTER_USEC; others each HEALTH_SLOW_USEC; whichever state is unknown each
 * HEALTH_UNKNOWN_USEC at most. New targets are asked at once and then spread over the interval, so
 * that a thousand that came together do not stay together; what is due within HEALTH_BATCH_USEC is
 * asked in one go, which saves a wake-up for each. At most HEALTH_IN_FLIGHT questions wait
 * for an answer, each HEALTH_TIMEOUT_USEC at most.
 *
 * Owned by the glue. No clock, no socket: health_next() gives questions, health_answered() takes
 * what became of them.
 */
#ifndef ANNOUNCE_HEALTH_H
#define ANNOUNCE_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "announce/health_target.h"
#include "model/service.h"
#include "model/settings.h"
#include "util/addr.h"
#include "util/mono.h"

#define HEALTH_MAX_TARGETS 16384 /* further Services count as served; said */
#define HEALTH_IN_FLIGHT 64
#define HEALTH_TIMEOUT_USEC USEC_PER_SEC
#define HEALTH_BATCH_USEC (20 * USEC_PER_MSEC)
#define HEALTH_UNKNOWN_USEC USEC_PER_SEC
#define HEALTH_SLOW_USEC (10 * USEC_PER_SEC)
#define HEALTH_CLUSTER_USEC (5 * USEC_PER_SEC)
#define HEALTH_MAX_NODE_ADDRESSES 4 /* beside loopback: HEALTH_MAX_ADDRESSES in all */

struct health;
struct strbuf;

enum health_cause {
	HEALTH_OK,
	HEALTH_NOT_ASKED,          /* undecided: no answer yet, or too few failures to tell */
	HEALTH_NO_LOCAL_ENDPOINTS, /* Local: none on this node */
	HEALTH_CHECK_FAILS,        /* Local: the healthCheckNodePort tells nothing to be believed */
	HEALTH_KUBE_PROXY_FAILS,
	HEALTH_NO_ENDPOINTS_AT_ALL, /* Cluster: the clusterIP refuses */
	HEALTH_CAUSE_COUNT
};

struct health_verdict {
	bool serving;   /* announce it. cause == HEALTH_OK */
	bool undecided; /* not known yet: keep what is announced, begin nothing */
	bool graceful;  /* neither serving nor undecided: until another has it, what comes here is
			   served as well as can be */
	enum health_cause cause;
	/* On this node, while serving a Local Service; 0: not known. */
	uint32_t endpoints;
	/* Whose answers decided; NULL when nothing was asked. Valid until the next health_ call. */
	const struct health_target *target;
};

/* `seed` spreads the nodes of a cluster over the intervals. */
struct health *health_new(uint64_t seed);
/* NULL is allowed. */
void health_free(struct health *health);
/* Copies what it needs. */
void health_set(struct health *health, const struct settings_health *settings, mono_t now);
/* Addresses of this node, the likeliest first; beyond HEALTH_MAX_NODE_ADDRESSES they are ignored.
 * Loopback comes behind them by itself. */
void health_set_addresses(struct health *health, const struct ip_addr *addrs, size_t n_addrs);

/*
 * What is followed: level-triggered, between begin and end all Services that this node may
 * announce. A Service may come several times, for each of its addresses. `fast`: this node owns or
 * may soon own one of them, or has a route to it; once in a pass is enough.
 */
void health_want_begin(struct health *health);
void health_want(struct health *health, const struct service *service, bool fast, mono_t now);
void health_want_end(struct health *health);
/* Now is the time to know (an address of it is on offer): asked at once, unless that was within the
 * interval of a fast one. */
void health_hurry(struct health *health, const struct service *service, mono_t now);

/* A question. Pointers are valid until the next health_want_end(). */
struct health_question {
	const char *key; /* of the target: one keep-alive connection each */
	uint64_t id;     /* of the target: another one after it was gone in between */
	enum health_kind kind;
	struct ip_addr addr;
	uint16_t port;
};

/* The next that is due within HEALTH_BATCH_USEC; false: none is, or HEALTH_IN_FLIGHT are out. */
bool health_next(struct health *health, mono_t now, struct health_question *ret_question);
/* MONO_NEVER while HEALTH_IN_FLIGHT are out, or nothing is followed. */
mono_t health_deadline(const struct health *health);
/* Exactly once per question, also after a time-out; one whose target is gone is ignored. False: it
 * did not convince, and is better asked again over another connection. */
bool health_answered(struct health *health, const char *key, uint64_t id,
    const struct health_answer *answer, mono_t now);
/* Whether the target of that question is still followed. */
bool health_is_followed(const struct health *health, const char *key, uint64_t id);

/* NULL health: all is served. */
struct health_verdict
health_verdict(const struct health *health, const struct service *service, enum ip_family family);
/* Adds why it is not serving, in words; names what to look at. */
void health_explain(const struct health_verdict *verdict, struct strbuf *out);
/* A verdict may have changed since another generation. */
uint64_t health_generation(const struct health *health);

/* A change of a target's state, for the log. */
struct health_change {
	const char *key; /* valid until the next call */
	enum health_state before;
	const struct health_target *target;
};

bool health_take_change(struct health *health, struct health_change *ret_change);

/* For metrics. */
struct health_stats {
	uint64_t results[HEALTH_KIND_COUNT][HEALTH_RESULT_COUNT];
	uint64_t refused_targets; /* over HEALTH_MAX_TARGETS in the last pass */
};

const struct health_stats *health_stats(const struct health *health);
size_t health_count(const struct health *health, enum health_kind kind, enum health_state state);

#endif
