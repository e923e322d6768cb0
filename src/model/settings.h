/*
 * settings: one loaded /etc/metallb.conf, checked, with all defaults filled in. Immutable after
 * load and replaced whole at a reload; everything hangs in one arena. config/ makes it, all rooms
 * read it. A pointer into it is valid until the snapshot is replaced.
 *
 * Keys have the names of metallb.conf(5), with dashes as underscores; times are in microseconds.
 */
#ifndef MODEL_SETTINGS_H
#define MODEL_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/labels.h"
#include "model/selector.h"
#include "util/addr.h"
#include "util/log.h"

struct arena;

/* Caps of what a file may hold; beyond them the file is refused. */
#define SETTINGS_MAX_POOLS 1024
#define SETTINGS_MAX_RANGES 1024 /* addresses, and excludes, of one pool */
#define SETTINGS_MAX_PEERS 256
#define SETTINGS_MAX_ADVERTISEMENTS 1024
#define SETTINGS_MAX_LIST 1024 /* items of any list of names */

struct string_list {
	const char **items;
	size_t count;
};

struct settings_node {
	const char *name;     /* never empty: the host name in lower case by default */
	struct labels labels; /* from the file only */
	bool read_labels;
	bool ignore_exclude_label;
	const char *state_directory;
	struct string_list exclude_interfaces; /* globs */
};

struct settings_kubernetes {
	const char *kubeconfig;     /* used when `servers` is empty */
	const char *context;        /* "": the kubeconfig's current-context */
	struct string_list servers; /* https://HOST[:PORT], http:// too (tests) */
	const char *certificate_authority, *client_certificate, *client_key,
	    *token_file; /* "": none */
	const char *tls_server_name;
	const char *namespace;           /* of our Leases */
	const char *load_balancer_class; /* "": Services without a class */
};

struct settings_range {
	struct ip_range range;
	const char *text; /* canonical: "192.0.2.0/26" or "192.0.2.100-192.0.2.120" */
};

struct settings_pool {
	const char *name;
	struct settings_range *addresses; /* in file order, none overlapping */
	size_t n_addresses;
	struct settings_range *excludes;
	size_t n_excludes;
	bool auto_assign, avoid_buggy_ips;
	uint32_t priority;             /* 1 first, 0 last */
	struct string_list namespaces; /* globs */
	struct selector_list namespace_selectors, service_selectors;
};

struct settings_preferred_node {
	uint8_t weight; /* 1..100 */
	const struct selector *selector;
};

struct settings_l2_advertisement {
	const char *name;                 /* "" allowed */
	struct string_list address_pools; /* globs; empty: all, like every list below */
	struct string_list interfaces;    /* globs */
	struct selector_list node_selectors, service_selectors;
	struct settings_preferred_node *preferred_nodes;
	size_t n_preferred_nodes;
};

enum settings_dynamic_asn {
	DYNAMIC_ASN_NONE,
	DYNAMIC_ASN_INTERNAL,
	DYNAMIC_ASN_EXTERNAL,
	DYNAMIC_ASN_COUNT
};

struct settings_peer {
	const char *name;
	struct ip_addr peer_address; /* family NONE with `interface` */
	const char *interface;       /* "" with peer_address */
	uint32_t peer_asn;           /* 0 with dynamic_asn */
	enum settings_dynamic_asn dynamic_asn;
	uint32_t my_asn;          /* never 0 */
	struct ip_addr router_id; /* family NONE: chosen at run time */
	uint32_t local_asn;       /* 0: none */
	uint16_t peer_port;
	struct ip_addr source_address; /* family NONE: any */
	bool passive;
	int64_t hold_time_usec, keepalive_time_usec, connect_time_usec;
	const char *password, *password_file; /* "": none. Secrets: never logged, masked in print */
	bool ebgp_multihop;
	uint8_t ttl_security;    /* hops, 0: off */
	const char *bfd_profile; /* "": none */
	bool graceful_restart;
	int64_t restart_time_usec;
	uint32_t max_prefixes;
	const char *vrf;
	struct selector_list node_selectors;
};

enum community_kind {
	COMMUNITY_STANDARD,
	COMMUNITY_LARGE,
	COMMUNITY_KIND_COUNT
};

struct community {
	enum community_kind kind;
	uint32_t value[3]; /* standard: value[0] = high << 16 | low */
	const char *text;  /* canonical: "64512:100", "large:64512:1:2", "no-export" */
};

/* By kind, then by value; for qsort(). */
int community_cmp(const void *a, const void *b);

/* One of bgp.communities: an alias. */
struct settings_community {
	const char *name;
	struct community value;
};

enum settings_weight {
	WEIGHT_NONE,
	WEIGHT_ENDPOINTS,
	WEIGHT_COUNT
};

struct settings_bgp_advertisement {
	const char *name;
	struct string_list address_pools, peers; /* globs */
	uint8_t aggregation_length, aggregation_length_v6;
	uint32_t localpref, med;
	uint8_t as_path_prepend;            /* how often my ASN is repeated */
	struct string_list community_names; /* as written, aliases unresolved, for printing */
	struct community *communities;      /* resolved, sorted, unique */
	size_t n_communities;
	enum settings_weight weight;
	struct selector_list node_selectors, service_selectors;
};

struct settings_bgp {
	uint32_t my_asn;          /* 0: not given */
	struct ip_addr router_id; /* family NONE: not given */
	bool listen;
	struct settings_peer *peers;
	size_t n_peers;
	struct settings_bgp_advertisement *advertisements;
	size_t n_advertisements;
	struct settings_community *communities;
	size_t n_communities;
};

struct settings_bfd_profile {
	const char *name;
	int64_t receive_interval_usec, transmit_interval_usec, echo_interval_usec;
	uint8_t detect_multiplier;
	bool echo_mode, passive_mode;
	uint8_t minimum_ttl;
};

enum settings_detect {
	DETECT_BFD,
	DETECT_LEASE,
	DETECT_COUNT
};
enum settings_on_api_loss {
	ON_API_LOSS_HOLD,
	ON_API_LOSS_RELEASE,
	ON_API_LOSS_COUNT
};

struct settings_failover {
	int64_t lease_duration_usec; /* whole seconds */
	enum settings_detect detect;
	const char *bfd_profile; /* "": defaults */
	enum settings_on_api_loss on_api_loss;
	int64_t hold_over_usec;
	int64_t rebalance_usec; /* INT64_MAX: never */
};

enum settings_kube_proxy {
	KUBE_PROXY_AUTO,
	KUBE_PROXY_REQUIRED,
	KUBE_PROXY_IGNORE,
	KUBE_PROXY_COUNT
};
enum settings_cluster_check {
	CLUSTER_CHECK_NONE,
	CLUSTER_CHECK_TCP,
	CLUSTER_CHECK_COUNT
};

struct settings_health {
	int64_t node_port_interval_usec;
	enum settings_kube_proxy kube_proxy;
	enum settings_cluster_check cluster_check;
};

struct settings_metrics {
	const char *address;
	uint16_t port; /* 0: off */
};

struct settings_control {
	const char *socket;
	const char *group;
};

struct settings {
	struct arena *arena; /* owns everything here, this struct too */
	const char *path;    /* of the file */
	struct settings_node node;
	struct settings_kubernetes kubernetes;
	struct settings_pool *pools;
	size_t n_pools;
	struct settings_l2_advertisement *l2_advertisements;
	size_t n_l2_advertisements;
	struct settings_bgp bgp;
	struct settings_bfd_profile *bfd_profiles;
	size_t n_bfd_profiles;
	struct settings_failover failover;
	struct settings_health health;
	enum log_level log_level;
	struct settings_metrics metrics;
	struct settings_control control;
	/*
	 * Hash over what must be equal on all nodes: address-pools, l2-advertisements, bgp
	 * advertisements and communities, failover; never secrets. Written into the node Lease as
	 * 16 hexadecimal digits.
	 */
	uint64_t shared_hash;
};

/* NULL is allowed. */
void settings_free(struct settings *settings);
/* NULL when there is none of that name. */
const struct settings_pool *
settings_pool_by_name(const struct settings *settings, const char *name);
/* The first pool whose addresses hold addr, excludes not regarded; NULL when none does. */
const struct settings_pool *
settings_pool_of(const struct settings *settings, const struct ip_addr *addr);
/* Whether the pool may give addr: in its addresses, not excluded, and not .0 or .255 with
 * avoid-buggy-ips. */
bool settings_pool_allows(const struct settings_pool *pool, const struct ip_addr *addr);
/* True when any glob of the list matches s; an empty list matches everything. */
bool string_list_matches(const struct string_list *globs, const char *s);

#endif
