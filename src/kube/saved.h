/*
 * saved: what a daemon keeps for a start while no API server answers: the addresses that its Leases
 * named it for, the Services that have them, what its Node object said, and how old all that is.
 *
 * One JSON text, in a file that only this daemon writes. It is read with the same care as anything
 * else: what is malformed is refused whole. A Service is kept as far as it decides whether and
 * where its addresses are announced; what only the allocator asks of it is left out.
 */
#ifndef KUBE_SAVED_H
#define KUBE_SAVED_H

#include <stdbool.h>
#include <stddef.h>

#include "kube/cause.h"
#include "model/labels.h"
#include "util/addr.h"
#include "util/mono.h"

struct arena;
struct service;

#define KUBE_SAVED_MAX_BYTES (64u << 20)
#define KUBE_SAVED_MAX_ADDRESSES 65536 /* as OWNERSHIP_MAX_ADDRESSES */

struct kube_saved {
	struct arena *arena; /* of a decoded one: owns all but the Services */
	const char *node, *boot_id;
	mono_t proven; /* CLOCK_BOOTTIME of that boot, when the API last confirmed our heartbeat */
	struct labels node_labels; /* of the Node object */
	bool network_unavailable;
	const struct ip_addr *addresses;
	size_t n_addresses;
	struct service **services; /* in an array of a decoded one: owned, NULL when taken */
	size_t n_services;
};

/* Heap text; the caller frees. */
char *kube_saved_encode(const struct kube_saved *saved);
/* KUBE_OK: the caller owns *ret_saved (kube_saved_free()). Every string is at least "". */
enum kube_cause kube_saved_decode(const char *text, size_t len, struct kube_saved **ret_saved);
/* With the Services that were not taken. NULL is allowed. */
void kube_saved_free(struct kube_saved *saved);

#endif
