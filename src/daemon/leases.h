/*
 * leases: the Leases of our namespace, and the machines that live by them: who allocates (leader),
 * which nodes live (membership), which addresses are ours (ownership). Joins src/lease with the
 * watch and the API.
 */
#ifndef DAEMON_LEASES_H
#define DAEMON_LEASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lease/leader.h"
#include "lease/membership.h"
#include "lease/ownership.h"
#include "model/lease.h"

struct api;
struct kube_watch;
struct leases;
struct loop;

struct leases_ops {
	/* What is to be heard of an address changed, or it is to be announced again. */
	void (*announce)(void *arg, const struct ownership_change *change);
	/* Another node offers the address to whoever takes it, or did and still does. */
	void (*offered)(void *arg, const struct ip_addr *addr);
	/* Leadership, members or their settings changed; look at all of them again. */
	void (*changed)(void *arg);
	/* After a stop: everything is released that can be. */
	void (*released)(void *arg);
	/* The Leases were listed again, or the API's versions went back, as when etcd was
	 * restored: other views are in doubt too. */
	void (*restored)(void *arg);
};

struct leases_options {
	const char *node;      /* our identity */
	const char *namespace; /* of the Leases */
	uint64_t seed;
	const struct leases_ops *ops; /* must outlive it */
	void *arg;
};

/* Begins to watch. */
struct leases *leases_new(struct loop *loop, struct api *api, const struct leases_options *options);
/* Leaves everything in the API as it is. NULL is allowed. */
void leases_free(struct leases *leases);
/* After api_reconfigure(reconnect). */
void leases_reconnect(struct leases *leases);
/* There are other credentials. */
void leases_kick(struct leases *leases);

/* The heartbeat's content. lease_duration_usec: failover.lease-duration; l2: an L2 advertisement
 * exists. */
void leases_set_member(
    struct leases *leases, const struct member_info *info, int64_t lease_duration_usec, bool l2);
/* failover.on-api-loss = "release": stop announcing while our heartbeat fails. */
void leases_set_release_on_api_loss(struct leases *leases, bool release);
/* failover.rebalance; INT64_MAX: never, which it is until this is called. */
void leases_set_rebalance(struct leases *leases, int64_t rebalance_usec);
/* As ownership_drain(), _witness(), _doubt_all(), _restore() and _probed(). A changed
 * voice comes by `announce`, in this turn of the loop. */
void leases_drain(struct leases *leases, bool drained);
enum ownership_verdict
leases_witness(struct leases *leases, const struct ip_addr *addr, const struct mac_addr *mac);
void leases_doubt_all(struct leases *leases, const char *why);
void leases_restore(struct leases *leases, const struct ip_addr *addrs, size_t n_addrs);
void leases_probed(struct leases *leases, const struct ip_addr *addr, bool answered);
void leases_want(struct leases *leases, const struct ownership_want *want);
void leases_unwant(struct leases *leases, const struct ip_addr *addr);
/* Every address of the first list of Services was wanted. */
void leases_services_listed(struct leases *leases);
/* SIGTERM: gives everything up in order and then calls `released`. */
void leases_release(struct leases *leases);

/* For reading only. */
const struct lease_table *leases_table(const struct leases *leases);
const struct leader *leases_leader(const struct leases *leases);
const struct membership *leases_membership(const struct leases *leases);
const struct ownership *leases_ownership(const struct leases *leases);
const struct kube_watch *leases_watch(const struct leases *leases);
bool leases_is_leading(const struct leases *leases);
uint64_t leases_skips(const struct leases *leases);

#endif
