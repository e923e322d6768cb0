/* Services by number in a help_cluster, settled at once. */
#ifndef TESTS_UNIT_IPAM_NUMBERED_H
#define TESTS_UNIT_IPAM_NUMBERED_H

#include "ipam_help.h"

#define DUAL "10.0.0.1 fd00::1"
#define REQUIRE .cluster_ips = DUAL, .policy = REQUIRE_DUAL_STACK
#define PREFER .cluster_ips = DUAL, .policy = PREFER_DUAL_STACK

/* A Service by number, the later the younger. */
static inline void
put(struct help_cluster *cluster, unsigned n, struct help_service spec)
{
	static char names[40][16];

	(void)snprintf(names[n], sizeof(names[n]), "s%u", n);
	spec.name = names[n];
	spec.created = spec.created ? spec.created : 1000 + n;
	help_cluster_put(cluster, &spec);
	help_cluster_run(cluster);
}

static inline const char *
status(const struct help_cluster *cluster, unsigned n)
{
	char key[32];

	(void)snprintf(key, sizeof(key), "default/s%u", n);
	return help_cluster_status(cluster, key);
}

static inline void
gone(struct help_cluster *cluster, unsigned n)
{
	char key[32];

	(void)snprintf(key, sizeof(key), "default/s%u", n);
	help_cluster_gone(cluster, key);
	help_cluster_run(cluster);
}

#define assert_status(cluster, n, text) assert_string_equal(status(cluster, n), text)

#endif
