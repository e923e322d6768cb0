#include "ipam/sharing.h"

#include <stdlib.h>
#include <string.h>

#include "util/mem.h"
#include "util/str.h"

static int
port_cmp(const void *va, const void *vb)
{
	const struct service_port *a = va, *b = vb;

	if (a->protocol != b->protocol)
		return a->protocol < b->protocol ? -1 : 1;
	return a->port < b->port ? -1 : a->port > b->port;
}

struct sharing *
sharing_new(const struct service *service)
{
	struct sharing *sharing = xcalloc(1, sizeof(*sharing));
	const char *key = service->annotations[ANNOTATION_ALLOW_SHARED_IP];
	size_t i;

	if (!key || service->annotation_too_long[ANNOTATION_ALLOW_SHARED_IP])
		key = "";
	sharing->key = xstrdup(key);
	if (service->traffic_policy_local)
		sharing->backend = xasprintf("local:%s", service->selector);
	else
		sharing->backend = xstrdup("cluster");
	sharing->ports = xcalloc(service->n_ports, sizeof(*sharing->ports));
	for (i = 0; i < service->n_ports; i++)
		sharing->ports[i] = service->ports[i];
	qsort(sharing->ports, service->n_ports, sizeof(*sharing->ports), port_cmp);
	for (i = 0; i < service->n_ports; i++)
		if (i == 0 ||
		    port_cmp(&sharing->ports[sharing->n_ports - 1], &sharing->ports[i]) != 0)
			sharing->ports[sharing->n_ports++] = sharing->ports[i];
	return sharing;
}

void
sharing_free(struct sharing *sharing)
{
	if (!sharing)
		return;
	free(sharing->key);
	free(sharing->backend);
	free(sharing->ports);
	free(sharing);
}

bool
sharing_eq(const struct sharing *a, const struct sharing *b)
{
	size_t i;

	if (!str_eq(a->key, b->key) || !str_eq(a->backend, b->backend) || a->n_ports != b->n_ports)
		return false;
	for (i = 0; i < a->n_ports; i++)
		if (port_cmp(&a->ports[i], &b->ports[i]) != 0)
			return false;
	return true;
}

static bool
common_port(const struct sharing *a, const struct sharing *b, struct service_port *ret_port)
{
	size_t i = 0, j = 0;

	while (i < a->n_ports && j < b->n_ports) {
		int cmp = port_cmp(&a->ports[i], &b->ports[j]);

		if (cmp == 0) {
			*ret_port = a->ports[i];
			return true;
		}
		if (cmp < 0)
			i++;
		else
			j++;
	}
	return false;
}

enum sharing_conflict
sharing_check(const struct sharing *a, const struct sharing *b, struct service_port *ret_port)
{
	if (!a->key[0] || !b->key[0])
		return SHARING_NO_KEY;
	if (!str_eq(a->key, b->key))
		return SHARING_OTHER_KEY;
	if (!str_eq(a->backend, b->backend))
		return SHARING_OTHER_BACKEND;
	return common_port(a, b, ret_port) ? SHARING_PORT : SHARING_ALLOWED;
}
