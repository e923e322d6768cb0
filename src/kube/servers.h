/*
 * servers: which of several API servers is asked. The one that works is kept; one that failed is
 * avoided for a while (twice as long after each failure in a row, then it is forgiven); when all
 * failed, the one that waits shortest is tried: there is always an answer.
 */
#ifndef KUBE_SERVERS_H
#define KUBE_SERVERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/mono.h"

#define KUBE_SERVERS_MAX 16 /* more in the settings are left out */
#define KUBE_SERVERS_NONE SIZE_MAX
#define KUBE_SERVERS_PENALTY_USEC (5 * USEC_PER_SEC)
#define KUBE_SERVERS_PENALTY_MAX_USEC (2 * USEC_PER_MIN)
#define KUBE_SERVERS_SAME_FAILURE_USEC USEC_PER_SEC
/* A request that is silent for so long is sent to a second server too, if it is a renewal. */
#define KUBE_SERVERS_HEDGE_USEC USEC_PER_SEC

struct kube_server {
	unsigned failures; /* in a row */
	mono_t avoid_until;
	mono_t last_ok; /* MONO_ZERO: never */
	mono_t last_failed;
	uint64_t n_ok, n_failed;
};

struct kube_servers {
	size_t count;
	size_t current; /* what the last kube_servers_pick() gave */
	struct kube_server server[KUBE_SERVERS_MAX];
};

/* `seed` chooses the first one, so that the nodes spread. count >= 1. */
void kube_servers_init(struct kube_servers *servers, size_t count, uint64_t seed);
/* Index of the server for the next request. */
size_t kube_servers_pick(struct kube_servers *servers, mono_t now);
/* The server to hedge with while `busy` is silent: the best other one that is not avoided;
 * KUBE_SERVERS_NONE without one. */
size_t kube_servers_hedge(const struct kube_servers *servers, size_t busy, mono_t now);
/* Any HTTP answer below 500 proves that the server works. */
void kube_servers_ok(struct kube_servers *servers, size_t index, mono_t now);
/* No connection, no answer in time, TLS refused, 5xx. */
void kube_servers_failed(struct kube_servers *servers, size_t index, mono_t now);
bool kube_servers_is_avoided(const struct kube_servers *servers, size_t index, mono_t now);

#endif
