#include "model/service.h"

#include <assert.h>
#include <string.h>

#include "util/mem.h"
#include "util/str.h"

static const char *const annotation_names[] = {
    [ANNOTATION_ADDRESS_POOL] = "address-pool",
    [ANNOTATION_LOAD_BALANCER_IPS] = "loadBalancerIPs",
    [ANNOTATION_ALLOW_SHARED_IP] = "allow-shared-ip",
    [ANNOTATION_IP_ALLOCATED_FROM_POOL] = "ip-allocated-from-pool",
};
static_assert(
    sizeof(annotation_names) / sizeof(annotation_names[0]) == ANNOTATION_COUNT, "one name each");

static const char *const protocol_names[] = {
    [PROTOCOL_TCP] = "TCP",
    [PROTOCOL_UDP] = "UDP",
    [PROTOCOL_SCTP] = "SCTP",
};
static_assert(
    sizeof(protocol_names) / sizeof(protocol_names[0]) == PROTOCOL_COUNT, "one name each");

const char *
service_annotation_name(enum service_annotation annotation)
{
	return annotation_names[annotation];
}

const char *
service_protocol_str(enum service_protocol protocol)
{
	return protocol_names[protocol];
}

void
service_free(struct service *service)
{
	if (service)
		arena_free(service->arena);
}

bool
service_is_ours(const struct service *service, const char *load_balancer_class)
{
	const char *class = service->load_balancer_class ? service->load_balancer_class : "";

	return service->type == SERVICE_LOAD_BALANCER && str_eq(class, load_balancer_class);
}

bool
service_has_ingress(const struct service *service, const struct ip_addr *ip)
{
	size_t i;

	for (i = 0; i < service->n_ingress; i++)
		if (ip_addr_eq(&service->ingress[i].ip, ip))
			return true;
	return false;
}

void
service_table_clear(struct service_table *table)
{
	struct service *service, *next;

	MAP_FOREACH_SAFE (service, next, table->head) {
		MAP_DEL(table->head, service);
		service_free(service);
	}
}

struct service *
service_table_find(const struct service_table *table, const char *key)
{
	struct service *service;

	MAP_FIND_STR(table->head, key, service);
	return service;
}

void
service_table_put(struct service_table *table, struct service *service)
{
	(void)service_table_remove(table, service->key);
	MAP_ADD_STR(table->head, service->key, service);
}

bool
service_table_remove(struct service_table *table, const char *key)
{
	struct service *service = service_table_find(table, key);

	if (!service)
		return false;
	MAP_DEL(table->head, service);
	service_free(service);
	return true;
}
