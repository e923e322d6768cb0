/* Settings and Services made by hand for the tests of ipam, and the server that takes its
 * decisions. */
#ifndef TESTS_UNIT_IPAM_HELP_H
#define TESTS_UNIT_IPAM_HELP_H

#include "test.h"

#include "ipam/ipam.h"
#include "model/service.h"
#include "model/settings.h"

struct help_pool {
	const char *name, *addresses; /* lists are separated by blanks */
	const char *exclude, *namespaces;
	const char *namespace_selectors, *service_selectors; /* separated by ; */
	uint32_t priority;
	bool no_auto, avoid_buggy;
};

struct settings *help_settings(const struct help_pool *pools, size_t n);

/* Zero values: namespace "default", LoadBalancer, clusterIP 10.0.0.1, port tcp/80. */
struct help_service {
	const char *namespace, *name, *uid;
	int64_t created;
	bool not_load_balancer, local, no_cluster_ip, deleting, clusters_invalid;
	enum ip_family_policy policy;
	const char *class, *cluster_ips, *ports, *labels, *selector;
	const char *pool, *ips, *share, *from; /* annotations */
	const char *field;                     /* spec.loadBalancerIP */
	const char *ingress;                   /* addresses, or names */
	const char *condition;                 /* message of a True condition */
	bool legacy;                           /* all annotations have the legacy prefix */
};

struct service *help_service(const struct help_service *spec);
struct service *help_copy(const struct service *service);
/* A copy with the status, annotation and condition of the decision, as the server would keep it. */
struct service *
help_apply(const struct service *service, const struct ipam_decision *decision, bool knows_ip_mode);
struct ip_addr help_addr(const char *text);
/* "1.2.3.0 1000::" of a status; hostnames as they are. */
const char *help_status(const struct service *service, char *out, size_t size);

/* The daemon in small: a table, an ipam, and what was said. */
struct help_cluster {
	struct service_table table;
	struct ipam *ipam;
	struct settings *settings;
	size_t writes, warnings, normals, settled;
	char last_event[64], last_message[1100];
};

/*
 * From now on every cluster begins with a past: random Services came, changed and went, leaders
 * too, all gone by the time the test begins. 0: no past. Whatever a test asserts must hold as well.
 */
void help_past(uint64_t seed);
/* Runs each test once without a past, then with those of HELP_PASTS seeds, from IPAM_SEED (1) on.
 */
#define HELP_PASTS 10
#define help_run_with_pasts(tests) help_run_group(#tests, tests, ARRAY_SIZE(tests))
int help_run_group(const char *name, const struct CMUnitTest *tests, size_t n);

void help_cluster_init(struct help_cluster *cluster, const struct help_pool *pools, size_t n);
void help_cluster_fini(struct help_cluster *cluster);
void help_cluster_pools(struct help_cluster *cluster, const struct help_pool *pools, size_t n);
/* Puts the Service and says so; the caller runs. */
void help_cluster_put(struct help_cluster *cluster, const struct help_service *spec);
void help_cluster_gone(struct help_cluster *cluster, const char *key);
/* Until nothing is dirty; every decision is written, and must then need no write. */
void help_cluster_run(struct help_cluster *cluster);
/* A fresh leader: forgets and learns from the table. */
void help_cluster_restart(struct help_cluster *cluster);
/* help_status() of one Service; "-" when there is none. */
const char *help_cluster_status(const struct help_cluster *cluster, const char *key);

#endif
