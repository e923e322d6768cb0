/*
 * The table itself: every key of metallb.conf, in the order in which it is printed; those of the
 * group bgp stand in keys_bgp.c.
 */
#include "config/keys_table.h"

#include <assert.h>

#include "model/settings.h"
#include "util/mono.h"

/* Words in the order of their enum. */
static const char *const detect_words[] = {"bfd", "lease", NULL};
static const char *const on_api_loss_words[] = {"hold", "release", NULL};
static const char *const kube_proxy_words[] = {"auto", "required", "ignore", NULL};
static const char *const cluster_check_words[] = {"none", "tcp", NULL};
static const char *const log_level_words[] = {"err", "warning", "notice", "info", "debug", NULL};
static_assert(N_KEYS(detect_words) == DETECT_COUNT + 1, "one word per value");
static_assert(N_KEYS(on_api_loss_words) == ON_API_LOSS_COUNT + 1, "one word per value");
static_assert(N_KEYS(kube_proxy_words) == KUBE_PROXY_COUNT + 1, "one word per value");
static_assert(N_KEYS(cluster_check_words) == CLUSTER_CHECK_COUNT + 1, "one word per value");
static_assert(N_KEYS(log_level_words) == LOG_LEVEL_COUNT + 1, "one word per value");

static const char *const exclude_interfaces_items[] = {"lo", "docker*", "cbr*", "dummy*", "virbr*",
    "lxcbr*", "veth*", "cali*", "tunl*", "flannel*", "kube-ipvs*", "cni*", "nodelocaldns*", "lxc*",
    NULL};

#define NODE(member) MEMBER(struct settings_node, member)
static const struct config_key node_keys[] = {
    {.name = "name",
	NODE(name),
	.type = CONFIG_STRING,
	.form = FORM_NODE,
	.initial = "",
	.initial_doc = "the host name in lower case",
	.effect = CONFIG_RESTART,
	.doc = "The name of this node's Node object in Kubernetes. Each daemon needs its own."},
    {.name = "labels",
	NODE(labels),
	.type = CONFIG_LABELS,
	.max_items = SETTINGS_MAX_LIST,
	.example = "[\"rack=r1\"]",
	.doc =
	    "Labels for node selectors, added to those of the own Node object; with the same key "
	    "the label given here counts."},
    {.name = "read-labels",
	NODE(read_labels),
	.type = CONFIG_BOOL,
	.initial = "true",
	.doc =
	    "Whether the labels of the own Node object are read, once a minute. Without them node "
	    "selectors see only the labels given here."},
    {.name = "ignore-exclude-label",
	NODE(ignore_exclude_label),
	.type = CONFIG_BOOL,
	.initial = "false",
	.doc = "Whether this node announces although its Node object has the label "
	       "node.kubernetes.io/exclude-from-external-load-balancers, as kubeadm gives it to "
	       "control planes."},
    {.name = "state-directory",
	NODE(state_directory),
	.type = CONFIG_STRING,
	.form = FORM_PATH,
	.initial = "/var/lib/metallb",
	.effect = CONFIG_RESTART,
	.doc = "Where the daemon keeps what it needs after a restart. Only one daemon may use it."},
    {.name = "exclude-interfaces",
	NODE(exclude_interfaces),
	.type = CONFIG_STRINGS,
	.form = FORM_INTERFACE_GLOB,
	.max_items = SETTINGS_MAX_LIST,
	.initial_items = exclude_interfaces_items,
	.doc = "Interfaces that are never used for announcements, unless an L2 advertisement names "
	       "them. The list replaces the default one."},
};

#define KUBE(member) MEMBER(struct settings_kubernetes, member)
static const struct config_key kubernetes_keys[] = {
    {.name = "kubeconfig",
	KUBE(kubeconfig),
	.type = CONFIG_STRING,
	.form = FORM_PATH,
	.empty = true,
	.initial = "/etc/metallb/kubeconfig",
	.effect = CONFIG_RESET,
	.initial_doc = "/etc/metallb/kubeconfig, or none with servers",
	.doc = "A kubeconfig file with the API server and the credentials. Not together with "
	       "servers."},
    {.name = "context",
	KUBE(context),
	.type = CONFIG_STRING,
	.form = FORM_ANY,
	.initial = "",
	.initial_doc = "the current-context of the kubeconfig",
	.effect = CONFIG_RESET,
	.doc = "The context of the kubeconfig to use."},
    {.name = "servers",
	KUBE(servers),
	.type = CONFIG_STRINGS,
	.form = FORM_SERVER,
	.max_items = 16,
	.effect = CONFIG_RESET,
	.doc =
	    "API servers as URLs without a path, instead of a kubeconfig. With several the daemon "
	    "goes on with another one when one fails. An address of an API server must not lie in "
	    "a pool: it could never start after a power cut."},
    {.name = "certificate-authority",
	KUBE(certificate_authority),
	.type = CONFIG_STRING,
	.form = FORM_PATH,
	.initial = "",
	.initial_doc = "those of the system",
	.effect = CONFIG_RESET,
	.doc = "A file with the certificates that the servers are verified with."},
    {.name = "client-certificate",
	KUBE(client_certificate),
	.type = CONFIG_STRING,
	.form = FORM_PATH,
	.initial = "",
	.effect = CONFIG_RESET,
	.doc = "A file with the certificate to identify with at the servers. Needs client-key."},
    {.name = "client-key",
	KUBE(client_key),
	.type = CONFIG_STRING,
	.form = FORM_PATH,
	.initial = "",
	.effect = CONFIG_RESET,
	.doc = "A file with the key of client-certificate."},
    {.name = "token-file",
	KUBE(token_file),
	.type = CONFIG_STRING,
	.form = FORM_PATH,
	.initial = "",
	.effect = CONFIG_RESET,
	.doc = "A file with a bearer token for the servers. It is read again when it changes."},
    {.name = "tls-server-name",
	KUBE(tls_server_name),
	.type = CONFIG_STRING,
	.form = FORM_HOST,
	.initial = "",
	.initial_doc = "the host of the URL",
	.effect = CONFIG_RESET,
	.doc = "The name that the servers' certificate must hold."},
    {.name = "namespace",
	KUBE(namespace),
	.type = CONFIG_STRING,
	.form = FORM_NAMESPACE,
	.initial = "metallbd-system",
	.effect = CONFIG_RESTART,
	.doc = "The namespace of the Leases. All daemons of a cluster need the same one."},
    {.name = "load-balancer-class",
	KUBE(load_balancer_class),
	.type = CONFIG_STRING,
	.form = FORM_CLASS,
	.initial = "",
	.doc = "Only Services with this spec.loadBalancerClass are served; when empty, only those "
	       "without a class."},
};

#define POOL(member) MEMBER(struct settings_pool, member)
#define POOL_RANGES(member, count) COUNTED(struct settings_pool, member, count)
static const struct config_key pool_keys[] = {
    {.name = "name",
	POOL(name),
	.type = CONFIG_STRING,
	.form = FORM_NAME,
	.required = true,
	.example = "\"default\"",
	.doc = "The name for advertisements, for the annotation metallb.io/address-pool and for "
	       "people."},
    {.name = "addresses",
	POOL_RANGES(addresses, n_addresses),
	.type = CONFIG_RANGES,
	.required = true,
	.ordered = true,
	.max_items = SETTINGS_MAX_RANGES,
	.example = "[\"192.0.2.0/26\", \"192.0.2.100-192.0.2.120\", \"2001:db8::/120\"]",
	.doc = "What the pool may give: prefixes, ranges with a dash and single addresses, of both "
	       "families. Host bits of a prefix are ignored. No two may overlap, in one pool or in "
	       "two."},
    {.name = "exclude",
	POOL_RANGES(excludes, n_excludes),
	.type = CONFIG_RANGES,
	.max_items = SETTINGS_MAX_RANGES,
	.example = "[\"192.0.2.1\"]",
	.doc = "Addresses of the pool that are never given, nor accepted on request, written like "
	       "addresses."},
    {.name = "auto-assign",
	POOL(auto_assign),
	.type = CONFIG_BOOL,
	.initial = "true",
	.doc = "Whether Services that name neither a pool nor an address may get one from here."},
    {.name = "avoid-buggy-ips",
	POOL(avoid_buggy_ips),
	.type = CONFIG_BOOL,
	.initial = "false",
	.doc = "Whether IPv4 addresses that end in .0 or .255 are never given, nor accepted on "
	       "request."},
    {.name = "priority",
	POOL(priority),
	.type = CONFIG_UINT,
	.max = UINT32_MAX,
	.initial = "0",
	.doc = "Among the pools that match a Service by namespaces, namespace-selectors or "
	       "service-selectors the lowest number comes first, 0 last."},
    {.name = "namespaces",
	POOL(namespaces),
	.type = CONFIG_STRINGS,
	.form = FORM_NAMESPACE_GLOB,
	.max_items = SETTINGS_MAX_LIST,
	.example = "[\"prod-*\"]",
	.doc = "The pool is for Services of these namespaces, together with those of "
	       "namespace-selectors."},
    {.name = "namespace-selectors",
	POOL(namespace_selectors),
	.type = CONFIG_SELECTORS,
	.max_items = SETTINGS_MAX_LIST,
	.example = "[\"team=web\"]",
	.doc = "The pool is for Services of namespaces with such labels."},
    {.name = "service-selectors",
	POOL(service_selectors),
	.type = CONFIG_SELECTORS,
	.max_items = SETTINGS_MAX_LIST,
	.example = "[\"app=web, tier in (a, b), !canary\"]",
	.doc = "The pool is for Services with such labels."},
};

#define PREFERRED(member) MEMBER(struct settings_preferred_node, member)
static const struct config_key preferred_node_keys[] = {
    {.name = "weight",
	PREFERRED(weight),
	.type = CONFIG_UINT,
	.min = 1,
	.max = 100,
	.required = true,
	.example = "100",
	.doc = "How strongly these nodes are preferred: the more, the sooner. "
	       "A node that several entries match has their sum, at most 255; of several "
	       "advertisements of an address the highest counts."},
    {.name = "selector",
	PREFERRED(selector),
	.type = CONFIG_SELECTOR,
	.required = true,
	.example = "\"rack=r1\"",
	.doc = "Labels of the nodes that are preferred."},
};

static const struct config_section preferred_node_section = {
    .path = "l2-advertisements.preferred-nodes",
    .size = sizeof(struct settings_preferred_node),
    .keys = preferred_node_keys,
    .n_keys = N_KEYS(preferred_node_keys),
    .shared = true,
    .doc = "Nodes that shall own the addresses as long as they can. Among equals the hash of node "
	   "and address decides.",
};

#define L2(member) MEMBER(struct settings_l2_advertisement, member)
static const struct config_key l2_advertisement_keys[] = {
    {.name = "name",
	L2(name),
	.type = CONFIG_STRING,
	.form = FORM_NAME,
	.initial = "",
	.initial_doc = "none",
	.doc = "A name for people. Two advertisements cannot have the same."},
    {.name = "address-pools",
	L2(address_pools),
	.type = CONFIG_STRINGS,
	.form = FORM_NAME_GLOB,
	.max_items = SETTINGS_MAX_LIST,
	.initial_doc = "all pools",
	.example = "[\"default\"]",
	.doc = "The pools whose addresses are announced."},
    {.name = "interfaces",
	L2(interfaces),
	.type = CONFIG_STRINGS,
	.form = FORM_INTERFACE_GLOB,
	.max_items = SETTINGS_MAX_LIST,
	.example = "[\"eth*\"]",
	.initial_doc = "those with a connected prefix that holds the address, else all usable ones",
	.doc = "The interfaces on which the addresses are announced. A node that has none of them "
	       "up leaves them to other nodes, and says so."},
    {.name = "node-selectors",
	L2(node_selectors),
	.type = CONFIG_SELECTORS,
	.max_items = SETTINGS_MAX_LIST,
	.initial_doc = "all nodes",
	.example = "[\"rack in (r1, r2)\"]",
	.doc = "The nodes that may announce the addresses."},
    {.name = "service-selectors",
	L2(service_selectors),
	.type = CONFIG_SELECTORS,
	.max_items = SETTINGS_MAX_LIST,
	.initial_doc = "all Services",
	.example = "[\"app=web\"]",
	.doc = "The Services whose addresses are announced. An address that Services share is "
	       "announced when one of them matches, on the interfaces of all advertisements that "
	       "match any of them."},
    {.name = "preferred-nodes",
	COUNTED(struct settings_l2_advertisement, preferred_nodes, n_preferred_nodes),
	.type = CONFIG_OBJECTS,
	.max_items = SETTINGS_MAX_LIST,
	.section = &preferred_node_section,
	.doc = ""},
};

#define BFD(member) MEMBER(struct settings_bfd_profile, member)
static const struct config_key bfd_profile_keys[] = {
    {.name = "name",
	BFD(name),
	.type = CONFIG_STRING,
	.form = FORM_NAME,
	.required = true,
	.example = "\"fast\"",
	.doc = "The name for peers and for failover."},
    {.name = "receive-interval",
	BFD(receive_interval_usec),
	.type = CONFIG_DURATION,
	.min = MSEC(10),
	.max = MSEC(60000),
	.step = MSEC(1),
	.initial = "300ms",
	.doc = "The shortest time between two packets that the daemon can take."},
    {.name = "transmit-interval",
	BFD(transmit_interval_usec),
	.type = CONFIG_DURATION,
	.min = MSEC(10),
	.max = MSEC(60000),
	.step = MSEC(1),
	.initial = "300ms",
	.doc = "The time between two packets that the daemon sends, unless the other side wants "
	       "fewer."},
    {.name = "detect-multiplier",
	BFD(detect_multiplier),
	.type = CONFIG_UINT,
	.min = 2,
	.max = 255,
	.initial = "3",
	.doc = "After how many missing packets the other side is taken for dead."},
    {.name = "echo-mode",
	BFD(echo_mode),
	.type = CONFIG_BOOL,
	.initial = "false",
	.doc = "Whether echo packets are sent, which the other side's forwarding returns. IPv4 "
	       "only."},
    {.name = "echo-interval",
	BFD(echo_interval_usec),
	.type = CONFIG_DURATION,
	.min = MSEC(10),
	.max = MSEC(60000),
	.step = MSEC(1),
	.initial = "50ms",
	.doc = "The time between two echo packets."},
    {.name = "passive-mode",
	BFD(passive_mode),
	.type = CONFIG_BOOL,
	.initial = "false",
	.effect = CONFIG_RESET,
	.doc = "Whether the daemon waits for the other side's first packet."},
    {.name = "minimum-ttl",
	BFD(minimum_ttl),
	.type = CONFIG_UINT,
	.min = 1,
	.max = 254,
	.initial = "254",
	.doc =
	    "The smallest TTL of packets of a session over several hops (RFC 5883). One hop always "
	    "needs 255."},
};

#define FAILOVER(member) MEMBER(struct settings_failover, member)
static const struct config_key failover_keys[] = {
    {.name = "lease-duration",
	FAILOVER(lease_duration_usec),
	.type = CONFIG_DURATION,
	.min = SEC(3),
	.max = SEC(3600),
	.step = SEC(1),
	.initial = "15s",
	.doc =
	    "After how long without a heartbeat in its Lease a node is taken for dead. The "
	    "heartbeat is written three times in that time; in large clusters the daemon makes it "
	    "longer."},
    {.name = "detect",
	FAILOVER(detect),
	.type = CONFIG_ENUM,
	.words = detect_words,
	.initial = "bfd",
	.later = true,
	.doc =
	    "How the death of a node is noticed: by BFD sessions between the nodes of a LAN and by "
	    "Leases, or by Leases only."},
    {.name = "bfd-profile",
	FAILOVER(bfd_profile),
	.type = CONFIG_STRING,
	.form = FORM_NAME,
	.initial = "",
	.initial_doc = "the defaults of bfd-profiles",
	.later = true,
	.doc = "The profile from bfd-profiles for the sessions between nodes."},
    {.name = "on-api-loss",
	FAILOVER(on_api_loss),
	.type = CONFIG_ENUM,
	.words = on_api_loss_words,
	.initial = "hold",
	.doc = "Whether a node that cannot reach any API server goes on announcing its addresses "
	       "(\"hold\"), or stops after two thirds of lease-duration (\"release\")."},
    {.name = "hold-over",
	FAILOVER(hold_over_usec),
	.type = CONFIG_DURATION,
	.max = SEC(86400),
	.step = SEC(1),
	.initial = "5m",
	.initial_doc = "5m, or 0 with on-api-loss = \"release\"",
	.doc =
	    "How long a node whose heartbeat is missing keeps its addresses while its BFD session "
	    "is up, and how old saved state may be to be used after a restart without an API "
	    "server."},
    {.name = "rebalance",
	FAILOVER(rebalance_usec),
	.type = CONFIG_DURATION,
	.min = SEC(1),
	.max = SEC(86400),
	.step = SEC(1),
	.never = true,
	.initial = "60s",
	.doc = "How often addresses are offered, a few at a time, to the nodes where they belong; "
	       "\"never\" leaves them where they are."},
};

#define HEALTH(member) MEMBER(struct settings_health, member)
static const struct config_key health_keys[] = {
    {.name = "node-port-interval",
	HEALTH(node_port_interval_usec),
	.type = CONFIG_DURATION,
	.min = MSEC(100),
	.max = SEC(60),
	.step = MSEC(1),
	.initial = "1s",
	.doc =
	    "How often the healthCheckNodePort of a Service with externalTrafficPolicy Local is "
	    "asked for local endpoints, and kube-proxy for its health. In layer 2 so on the owner "
	    "of the address and the three nodes that would claim it first, and each 10 s on the "
	    "others."},
    {.name = "kube-proxy",
	HEALTH(kube_proxy),
	.type = CONFIG_ENUM,
	.words = kube_proxy_words,
	.initial = "auto",
	.doc =
	    "Whether this node announces Services with externalTrafficPolicy Cluster only while "
	    "its kube-proxy says at port 10256 that it is healthy: \"required\", or \"auto\" once "
	    "it has ever answered, or \"ignore\"."},
    {.name = "cluster-check",
	HEALTH(cluster_check),
	.type = CONFIG_ENUM,
	.words = cluster_check_words,
	.initial = "none",
	.doc =
	    "With \"tcp\" each Service with externalTrafficPolicy Cluster is tried by a connection "
	    "to its cluster address and first TCP port, every 5 s where node-port-interval would "
	    "count and each 10 s elsewhere; after three refusals this node does not announce it. "
	    "With \"none\" such a Service is announced also while it has no endpoint."},
};

static const struct config_key log_keys[] = {
    {.name = "level",
	MEMBER(struct settings, log_level),
	.type = CONFIG_ENUM,
	.words = log_level_words,
	.initial = "info",
	.doc = "Less important messages than these are not logged."},
};

static const struct config_key metrics_keys[] = {
    {.name = "address",
	MEMBER(struct settings_metrics, address),
	.type = CONFIG_STRING,
	.form = FORM_ADDRESS,
	.initial = "127.0.0.1",
	.doc = "The address on which /metrics, /healthz and /readyz are served."},
    {.name = "port",
	MEMBER(struct settings_metrics, port),
	.type = CONFIG_UINT,
	.max = UINT16_MAX,
	.initial = "7472",
	.doc = "The TCP port; 0 turns it off. A port that is taken is said and is not fatal."},
};

static const struct config_key control_keys[] = {
    {.name = "socket",
	MEMBER(struct settings_control, socket),
	.type = CONFIG_STRING,
	.form = FORM_SOCKET,
	.initial = "/run/metallb/metallbd.sock",
	.doc = "The Unix socket of metallbctl(8)."},
    {.name = "group",
	MEMBER(struct settings_control, group),
	.type = CONFIG_STRING,
	.form = FORM_GROUP,
	.empty = true,
	.initial = "metallb",
	.doc =
	    "Members of this group, and root, may change things through the socket; all others may "
	    "look."},
};

#define SECTION(variable, name, type, table, ...)                    \
	static const struct config_section variable = {.path = name, \
	    .size = sizeof(type),                                    \
	    .keys = table,                                           \
	    .n_keys = N_KEYS(table),                                 \
	    __VA_ARGS__}

SECTION(node_section, "node", struct settings_node, node_keys, .doc = "This node.");
SECTION(kubernetes_section, "kubernetes", struct settings_kubernetes, kubernetes_keys,
    .reset = "the connection to the API server, while the addresses stay where they are",
    .doc = "How the API server is reached: by a kubeconfig, or by servers and the files of "
	   "certificate-authority, client-certificate, client-key and token-file.");
SECTION(pool_section, "address-pools", struct settings_pool, pool_keys, .shared = true,
    .doc = "The addresses to give to Services of type LoadBalancer. A pool with neither "
	   "namespaces, namespace-selectors nor service-selectors serves all Services. Pools that "
	   "no advertisement names are assigned and not announced.");
SECTION(l2_section, "l2-advertisements", struct settings_l2_advertisement, l2_advertisement_keys,
    .shared = true,
    .doc = "Announcement on the local network, by ARP for IPv4 and by neighbour discovery for "
	   "IPv6: one node owns each address. What several entries say of an address adds up.");
SECTION(bfd_section, "bfd-profiles", struct settings_bfd_profile, bfd_profile_keys, .later = true,
    .reset = "the sessions with this profile",
    .doc = "Timers of BFD sessions, for peers of bgp and for failover.");
SECTION(failover_section, "failover", struct settings_failover, failover_keys, .shared = true,
    .doc = "When and how addresses that are announced on the local network move.");
SECTION(health_section, "health", struct settings_health, health_keys,
    .doc = "When a node is not fit to announce a Service.");
SECTION(log_section, "log", struct settings, log_keys, .doc = "The log.");
SECTION(metrics_section, "metrics", struct settings_metrics, metrics_keys,
    .doc = "Metrics for Prometheus, over HTTP.");
SECTION(control_section, "control", struct settings_control, control_keys,
    .doc = "The socket of metallbctl(8).");

#define GROUP(member_name, table) \
	MEMBER(struct settings, member_name), .type = CONFIG_GROUP, .section = &(table), .doc = ""
#define OBJECTS(member_name, count, table)                                                         \
	COUNTED(struct settings, member_name, count), .type = CONFIG_OBJECTS, .section = &(table), \
						      .doc = ""
static const struct config_key root_keys[] = {
    {.name = "node", GROUP(node, node_section)},
    {.name = "kubernetes", GROUP(kubernetes, kubernetes_section)},
    {.name = "address-pools",
	OBJECTS(pools, n_pools, pool_section),
	.ordered = true,
	.max_items = SETTINGS_MAX_POOLS},
    {.name = "l2-advertisements",
	OBJECTS(l2_advertisements, n_l2_advertisements, l2_section),
	.max_items = SETTINGS_MAX_ADVERTISEMENTS},
    {.name = "bgp", GROUP(bgp, keys_bgp)},
    {.name = "bfd-profiles",
	OBJECTS(bfd_profiles, n_bfd_profiles, bfd_section),
	.max_items = SETTINGS_MAX_LIST},
    {.name = "failover", GROUP(failover, failover_section)},
    {.name = "health", GROUP(health, health_section)},
    /* log.level is a member of struct settings itself. */
    {.name = "log", .type = CONFIG_GROUP, .offset = 0, .section = &log_section, .doc = ""},
    {.name = "metrics", GROUP(metrics, metrics_section)},
    {.name = "control", GROUP(control, control_section)},
};

const struct config_section config_root = {
    .path = "",
    .size = sizeof(struct settings),
    .keys = root_keys,
    .n_keys = N_KEYS(root_keys),
    .doc = "",
};
