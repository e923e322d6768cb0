/*
 * service: a Kubernetes Service as far as the daemon cares, decoded once from JSON (kube/service.c)
 * and then read by all rooms. Immutable; one arena per object; replaced whole when the API reports
 * a change.
 */
#ifndef MODEL_SERVICE_H
#define MODEL_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/labels.h"
#include "util/addr.h"
#include "util/map.h"

struct arena;

/* Caps: a Service beyond them is refused by the decoder, with the cause. */
#define SERVICE_MAX_PORTS 1024
#define SERVICE_MAX_INGRESS 64
#define SERVICE_MAX_INGRESS_RAW 16384 /* bytes of one entry */
#define SERVICE_MAX_LABELS 1024
#define SERVICE_MAX_ANNOTATION \
	4096 /* bytes of one of our annotations' values; a longer one is `too_long` */
#define SERVICE_MAX_FAMILIES 2

#define ANNOTATION_PREFIX "metallb.io/"
#define ANNOTATION_LEGACY_PREFIX "metallb.universe.tf/"
#define CONDITION_ALLOCATED "metallb.io/Allocated"

/* The annotations of Services that the daemon reads; names without the prefix in
 * service_annotation_name(). */
enum service_annotation {
	ANNOTATION_ADDRESS_POOL,           /* address-pool */
	ANNOTATION_LOAD_BALANCER_IPS,      /* loadBalancerIPs */
	ANNOTATION_ALLOW_SHARED_IP,        /* allow-shared-ip */
	ANNOTATION_IP_ALLOCATED_FROM_POOL, /* ip-allocated-from-pool: written by us */
	ANNOTATION_COUNT
};

enum service_type {
	SERVICE_CLUSTER_IP,
	SERVICE_NODE_PORT,
	SERVICE_LOAD_BALANCER,
	SERVICE_EXTERNAL_NAME,
	SERVICE_TYPE_COUNT
};

enum service_protocol {
	PROTOCOL_TCP,
	PROTOCOL_UDP,
	PROTOCOL_SCTP,
	PROTOCOL_COUNT
};

enum ip_family_policy {
	SINGLE_STACK,
	PREFER_DUAL_STACK,
	REQUIRE_DUAL_STACK,
	IP_FAMILY_POLICY_COUNT
};

struct service_port {
	enum service_protocol protocol;
	uint16_t port;
};

struct service_ingress {
	struct ip_addr
	    ip; /* family NONE for an entry with a hostname only or an unreadable address */
	const char *hostname; /* NULL without */
	const char *ip_mode;  /* NULL without */
	/* The entry as the server has it (compact JSON), when there is more in it than the above
	 * can say: ports, a name of the future, an address that is spelled otherwise. NULL without.
	 */
	const char *raw;
};

/* status.conditions[type=metallb.io/Allocated] */
struct service_condition {
	bool present, status;         /* status "True" */
	const char *reason, *message; /* "" when absent */
	int64_t observed_generation;
};

struct service {
	struct arena *arena;
	struct map_node node; /* in a service_table, by key */
	const char *key;      /* "namespace/name" */
	const char *namespace, *name, *uid, *resource_version;
	int64_t created_usec; /* metadata.creationTimestamp, wall clock; 0 when unreadable */
	int64_t generation;
	bool deleting; /* has a deletionTimestamp */
	bool restored; /* from the state directory: the API has not shown it yet */
	struct labels labels;
	const char *annotations[ANNOTATION_COUNT]; /* NULL: absent. The metallb.io/ form wins over
						      the legacy one by presence, even if empty */
	bool annotation_legacy[ANNOTATION_COUNT];  /* the value above came from metallb.universe.tf/
						    */
	bool annotation_too_long[ANNOTATION_COUNT]; /* the value above was cut at
						       SERVICE_MAX_ANNOTATION */
	enum service_type type;
	const char *load_balancer_class; /* NULL: none */
	const char *load_balancer_ip;    /* "": none */
	bool traffic_policy_local;       /* externalTrafficPolicy: Local */
	uint16_t health_check_node_port; /* 0: none */
	enum ip_family_policy ip_family_policy;
	enum ip_family
	    primary_family; /* ipFamilies[0], else that of clusterIPs[0], NONE when unknown */
	struct ip_addr cluster_ips[SERVICE_MAX_FAMILIES]; /* "None" and "" left out */
	size_t n_cluster_ips;
	bool cluster_ips_invalid; /* more than two, unreadable, or two of one family */
	struct service_port *ports;
	size_t n_ports;
	const char *selector;            /* canonical "k=v,k=v", sorted; "" for none */
	struct service_ingress *ingress; /* status.loadBalancer.ingress */
	size_t n_ingress;
	struct service_condition condition;
};

/* "address-pool", ... */
const char *service_annotation_name(enum service_annotation annotation);
/* "TCP", ... */
const char *service_protocol_str(enum service_protocol protocol);
/* NULL is allowed. */
void service_free(struct service *service);
/*
 * Whether this daemon cares: type LoadBalancer and the class that it serves ("" serves Services
 * without a class, any other exactly its own).
 */
bool service_is_ours(const struct service *service, const char *load_balancer_class);
bool service_has_ingress(const struct service *service, const struct ip_addr *ip);

/*
 * All Services that the API reported, by "namespace/name". Owns its Services.
 */
struct service_table {
	struct service *head; /* MAP_FOREACH(service, table.head) */
};

void service_table_clear(struct service_table *table);
struct service *service_table_find(const struct service_table *table, const char *key);
/* Takes `service`; frees the one of the same key, if any. */
void service_table_put(struct service_table *table, struct service *service);
/* False when there was none. */
bool service_table_remove(struct service_table *table, const char *key);

#endif
