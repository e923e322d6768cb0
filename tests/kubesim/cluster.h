/*
 * cluster: what the objects of one simulated cluster share: the version that it plays, cluster IPs
 * (10.96.0.0/16, fd00:96::/112) and node ports (30000-32767).
 */
#ifndef KUBESIM_CLUSTER_H
#define KUBESIM_CLUSTER_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	CLUSTER_PORT_MIN = 30000,
	CLUSTER_PORT_MAX = 32767,
	CLUSTER_IPS = 65536,
};

struct cluster {
	int minor;           /* 32 for 1.32 */
	const char *version; /* "1.32.0" */
	bool type_selector;  /* fieldSelector spec.type on services (1.31, unless switched off) */
	uint8_t ports[(CLUSTER_PORT_MAX - CLUSTER_PORT_MIN) / 8 + 1];
	uint8_t ips[2][CLUSTER_IPS / 8]; /* [0] IPv4, [1] IPv6 */
};

/* version must outlive the cluster. -EINVAL when it is not 1.MINOR[.PATCH]. */
int cluster_init(struct cluster *cluster, const char *version, bool type_selector);
/* Forgets all allocations. */
void cluster_clear(struct cluster *cluster);

/* 0 when the range is full. */
int cluster_port_new(struct cluster *cluster);
/* -ERANGE: not in the range; -EEXIST: taken. */
int cluster_port_take(struct cluster *cluster, int port);
void cluster_port_free(struct cluster *cluster, int port);

/* family "IPv4" or "IPv6"; buf holds INET6_ADDRSTRLEN. false when the range is full. */
bool cluster_ip_new(struct cluster *cluster, const char *family, char *buf);
/* -ERANGE: not in a range; -EEXIST: taken. */
int cluster_ip_take(struct cluster *cluster, const char *ip);
void cluster_ip_free(struct cluster *cluster, const char *ip);

#endif
