/*
 * outcome: from what was settled to what is written and said: the ingress list, annotation and
 * condition that the Service should have, whether it has them already, and the Events.
 */
#ifndef IPAM_OUTCOME_H
#define IPAM_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>

#include "ipam/assign.h"
#include "ipam/ipam.h"
#include "ipam/reason.h"
#include "ipam/request.h"

struct arena;

/* How much of a Service's status is ours. */
enum outcome_claim {
	CLAIM_ALL,    /* it is ours to serve, or nobody's: addresses in our pools are ours too */
	CLAIM_MEMORY, /* it is another controller's: only what we decided or recorded */
	CLAIM_COUNT
};

struct outcome {
	const struct assign_env *env;
	struct client *client;
	const struct service *service;
	struct arena *arena;
	enum outcome_claim claim;
	enum ipam_reason reason;
	const char *why;              /* of the reason; "" for none */
	bool status;                  /* of the condition */
	bool fresh[REQUEST_FAMILIES]; /* these addresses were given just now */
	/* Decided earlier and released just now: ours, whatever the status says. */
	struct ip_addr released[REQUEST_FAMILIES];
};

/* An ingress entry of the Service that we may remove. */
bool outcome_is_ours(const struct outcome *outcome, const struct service_ingress *entry);
/* The entries that are not, SERVICE_MAX_INGRESS at most; their number. */
size_t outcome_foreign(const struct outcome *outcome, struct service_ingress *ret_entries);
/* Fills in everything but `kind` and `key`; updates the client's memory of what was told. */
void outcome_decide(const struct outcome *outcome, struct ipam_decision *ret_decision);
/* The same for a Service that shall carry nothing of ours. */
void outcome_clear(const struct outcome *outcome, struct ipam_decision *ret_decision);

#endif
