#include "cluster.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"

int
cluster_init(struct cluster *cluster, const char *version, bool type_selector)
{
	char *end = NULL;
	long minor;

	if (strncmp(version, "1.", 2) != 0)
		return -EINVAL;
	minor = strtol(version + 2, &end, 10);
	if (end == version + 2 || (*end != '\0' && *end != '.') || minor < 1 || minor > 999)
		return -EINVAL;
	cluster->minor = (int)minor;
	cluster->version = version;
	cluster->type_selector = type_selector && minor >= 31;
	cluster_clear(cluster);
	return 0;
}

void
cluster_clear(struct cluster *cluster)
{
	memset(cluster->ports, 0, sizeof(cluster->ports));
	memset(cluster->ips, 0, sizeof(cluster->ips));
	for (int i = 0; i < 2; i++) {
		/* the network, the Service "kubernetes", and IPv4's broadcast address are never
		 * given */
		cluster->ips[i][0] |= 3;
		cluster->ips[i][CLUSTER_IPS / 8 - 1] |= 0x80;
	}
}

static bool
bit_test(const uint8_t *bits, uint32_t i)
{
	return (bits[i / 8] >> (i % 8) & 1) != 0;
}

static void
bit_flip(uint8_t *bits, uint32_t i)
{
	bits[i / 8] = (uint8_t)(bits[i / 8] ^ 1U << (i % 8));
}

/* The first free bit from a random place on; -1 when there is none. */
static long
bit_take_any(uint8_t *bits, uint32_t count)
{
	uint32_t start = sim_random(count);

	for (uint32_t k = 0; k < count; k++) {
		uint32_t i = (start + k) % count;

		if (!bit_test(bits, i)) {
			bit_flip(bits, i);
			return (long)i;
		}
	}
	return -1;
}

int
cluster_port_new(struct cluster *cluster)
{
	long i = bit_take_any(cluster->ports, CLUSTER_PORT_MAX - CLUSTER_PORT_MIN + 1);

	return i < 0 ? 0 : CLUSTER_PORT_MIN + (int)i;
}

int
cluster_port_take(struct cluster *cluster, int port)
{
	if (port < CLUSTER_PORT_MIN || port > CLUSTER_PORT_MAX)
		return -ERANGE;
	if (bit_test(cluster->ports, (uint32_t)(port - CLUSTER_PORT_MIN)))
		return -EEXIST;
	bit_flip(cluster->ports, (uint32_t)(port - CLUSTER_PORT_MIN));
	return 0;
}

void
cluster_port_free(struct cluster *cluster, int port)
{
	if (port < CLUSTER_PORT_MIN || port > CLUSTER_PORT_MAX)
		return;
	if (bit_test(cluster->ports, (uint32_t)(port - CLUSTER_PORT_MIN)))
		bit_flip(cluster->ports, (uint32_t)(port - CLUSTER_PORT_MIN));
}

static void
ip_text(int which, uint32_t i, char *buf)
{
	if (which == 0)
		snprintf(buf, INET6_ADDRSTRLEN, "10.96.%u.%u", i >> 8, i & 255);
	else
		snprintf(buf, INET6_ADDRSTRLEN, "fd00:96::%x", i);
}

/* Which range and which place in it; false when in none. */
static bool
ip_place(const char *ip, int *ret_which, uint32_t *ret_i)
{
	static const uint8_t prefix[14] = {0xfd, 0x00, 0x00, 0x96};
	uint8_t a[16];

	if (inet_pton(AF_INET, ip, a) == 1) {
		*ret_which = 0;
		*ret_i = (uint32_t)a[2] << 8 | a[3];
		return a[0] == 10 && a[1] == 96;
	}
	if (inet_pton(AF_INET6, ip, a) == 1) {
		*ret_which = 1;
		*ret_i = (uint32_t)a[14] << 8 | a[15];
		return memcmp(a, prefix, sizeof(prefix)) == 0;
	}
	return false;
}

bool
cluster_ip_new(struct cluster *cluster, const char *family, char *buf)
{
	int which = strcmp(family, "IPv6") == 0 ? 1 : 0;
	long i = bit_take_any(cluster->ips[which], CLUSTER_IPS);

	if (i < 0)
		return false;
	ip_text(which, (uint32_t)i, buf);
	return true;
}

int
cluster_ip_take(struct cluster *cluster, const char *ip)
{
	int which;
	uint32_t i;

	if (!ip_place(ip, &which, &i))
		return -ERANGE;
	if (bit_test(cluster->ips[which], i))
		return -EEXIST;
	bit_flip(cluster->ips[which], i);
	return 0;
}

void
cluster_ip_free(struct cluster *cluster, const char *ip)
{
	int which;
	uint32_t i;

	if (ip_place(ip, &which, &i) && bit_test(cluster->ips[which], i))
		bit_flip(cluster->ips[which], i);
}
