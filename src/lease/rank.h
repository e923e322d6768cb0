/*
 * rank: in which order the nodes claim an address (DESIGN: Leases). The weight of preferred-nodes
 * first, then rendezvous hashing, so that the addresses spread evenly and the loss of a node moves
 * only its own.
 *
 * The score is hash_final over hash_string(node) and then the address: one byte with its length, 4
 * or 16, and its bytes. It is compared between nodes and versions of the daemon, so it must never
 * change; the unit test has vectors.
 */
#ifndef LEASE_RANK_H
#define LEASE_RANK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lease/member.h"
#include "util/addr.h"
#include "util/mono.h"

#define RANK_STEP_USEC (20 * USEC_PER_MSEC) /* for each candidate before us */
#define RANK_STEPS_MAX 10                   /* 200 ms at most */

/* Where an address could be announced: by whom (advertisements) and on which subnets. */
struct rank_scope {
	const char *const *advertisements; /* the names that member_advertisement has */
	size_t n_advertisements;
	const struct ip_prefix *subnets; /* of the interfaces that would announce it here */
	size_t n_subnets;
};

struct rank {
	uint8_t weight; /* the highest of the advertisements, 0 without a preference */
	uint64_t score;
	const char *node;
};

uint64_t rank_score(const char *node, const struct ip_addr *addr);
/* <0 when `a` claims before `b`. */
int rank_cmp(const struct rank *a, const struct rank *b);
/* The highest weight with which one of the advertisements selects the node. False: none does. */
bool
rank_weight(const struct member_info *info, const struct rank_scope *scope, uint8_t *ret_weight);
/*
 * Whether the node could claim: selected, neither drained nor excluded (which counts for nobody
 * when all are), and with a usable interface on one of the subnets.
 */
bool rank_is_candidate(const struct member_info *info, const struct rank_scope *scope,
    bool all_excluded, uint8_t *ret_weight);
/* How long to wait with that many candidates before us. */
int64_t rank_delay_usec(unsigned ahead);

#endif
