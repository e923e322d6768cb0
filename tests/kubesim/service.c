#include "service.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "names.h"
#include "obj.h"

static const char IP_TEXT_OLD[] = "must be a valid IP address";
static const char IP_TEXT[] = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";

static bool
type_is(struct json_object *svc, const char *type)
{
	return strcmp(obj_str(svc, "spec.type"), type) == 0;
}

static bool
wants_node_port(struct json_object *svc)
{
	return type_is(svc, "NodePort") ||
	    (type_is(svc, "LoadBalancer") &&
		obj_bool(svc, "spec.allocateLoadBalancerNodePorts", true));
}

static bool
wants_health_port(struct json_object *svc)
{
	return type_is(svc, "LoadBalancer") &&
	    strcmp(obj_str(svc, "spec.externalTrafficPolicy"), "Local") == 0;
}

static bool
has_external_policy(struct json_object *svc)
{
	return type_is(svc, "NodePort") || type_is(svc, "LoadBalancer");
}

static bool
is_headless(struct json_object *svc)
{
	return strcmp(obj_str(svc, "spec.clusterIP"), "None") == 0;
}

static void
default_str(struct json_object *svc, const char *path, const char *value)
{
	if (obj_str(svc, path)[0] == '\0')
		obj_set_str(svc, path, value);
}

static void
default_ports(struct json_object *svc)
{
	for (size_t i = 0; i < obj_len(svc, "spec.ports"); i++) {
		struct json_object *port = obj_at(svc, "spec.ports", i);
		struct json_object *target = obj_get(port, "targetPort");

		default_str(port, "protocol", "TCP");
		if (target == NULL ||
		    (json_object_is_type(target, json_type_string)
			    ? json_object_get_string_len(target) == 0
			    : json_object_get_int64(target) == 0))
			obj_set(
			    port, "targetPort", json_object_new_int64(obj_int(port, "port", 0)));
	}
}

static void
default_ip_mode(struct cluster *cluster, struct json_object *svc)
{
	if (cluster->minor < 30)
		return;
	for (size_t i = 0; i < obj_len(svc, "status.loadBalancer.ingress"); i++) {
		struct json_object *entry = obj_at(svc, "status.loadBalancer.ingress", i);

		if (obj_str(entry, "ip")[0] != '\0')
			default_str(entry, "ipMode", "VIP");
	}
}

static void
set_defaults(struct cluster *cluster, struct json_object *svc)
{
	default_str(svc, "spec.sessionAffinity", "None");
	default_str(svc, "spec.type", "ClusterIP");
	default_ports(svc);
	if (strcmp(obj_str(svc, "spec.sessionAffinity"), "None") == 0)
		obj_del(svc, "spec.sessionAffinityConfig");
	else if (obj_get(svc, "spec.sessionAffinityConfig.clientIP.timeoutSeconds") == NULL)
		obj_set(svc, "spec.sessionAffinityConfig.clientIP.timeoutSeconds",
		    json_object_new_int(10800));
	if (has_external_policy(svc))
		default_str(svc, "spec.externalTrafficPolicy", "Cluster");
	if (cluster->minor >= 22 && !type_is(svc, "ExternalName"))
		default_str(svc, "spec.internalTrafficPolicy", "Cluster");
	if (type_is(svc, "LoadBalancer") &&
	    obj_get(svc, "spec.allocateLoadBalancerNodePorts") == NULL)
		obj_set(svc, "spec.allocateLoadBalancerNodePorts", json_object_new_boolean(1));
	default_ip_mode(cluster, svc);
}

static bool
unchanged(struct json_object *svc, struct json_object *old, const char *path)
{
	return json_object_equal(obj_get(svc, path), obj_get(old, path)) != 0;
}

static void
drop_if_unchanged(struct json_object *svc, struct json_object *old, const char *path)
{
	if (unchanged(svc, old, path))
		obj_del(svc, path);
}

static bool
old_has_node_port(struct json_object *old, int64_t port)
{
	for (size_t i = 0; i < obj_len(old, "spec.ports"); i++)
		if (obj_int(obj_at(old, "spec.ports", i), "nodePort", 0) == port)
			return true;
	return false;
}

/* Fields that only the old type had go, unless the client has just changed them (then validation
 * says so). */
static void
drop_type_dependent(struct cluster *cluster, struct json_object *svc, struct json_object *old)
{
	if (!type_is(old, "ExternalName") && type_is(svc, "ExternalName")) {
		drop_if_unchanged(svc, old, "spec.clusterIP");
		drop_if_unchanged(svc, old, "spec.clusterIPs");
		drop_if_unchanged(svc, old, "spec.ipFamilies");
		drop_if_unchanged(svc, old, "spec.ipFamilyPolicy");
		drop_if_unchanged(svc, old, "spec.internalTrafficPolicy");
	}
	if (has_external_policy(old) && !has_external_policy(svc)) {
		drop_if_unchanged(svc, old, "spec.externalTrafficPolicy");
		for (size_t i = 0; i < obj_len(svc, "spec.ports"); i++) {
			struct json_object *port = obj_at(svc, "spec.ports", i);

			if (old_has_node_port(old, obj_int(port, "nodePort", 0)))
				obj_del(port, "nodePort");
		}
	}
	if (wants_health_port(old) && !wants_health_port(svc))
		drop_if_unchanged(svc, old, "spec.healthCheckNodePort");
	if (type_is(old, "LoadBalancer") && !type_is(svc, "LoadBalancer")) {
		drop_if_unchanged(svc, old, "spec.allocateLoadBalancerNodePorts");
		drop_if_unchanged(svc, old, "spec.loadBalancerClass");
		/* seen on 1.36; 1.20 keeps the status */
		if (cluster->minor >= 29)
			obj_set(svc, "status.loadBalancer", json_object_new_object());
	}
}

static bool
same_port(struct json_object *a, struct json_object *b)
{
	return obj_int(a, "port", 0) == obj_int(b, "port", 0) &&
	    strcmp(obj_str(a, "protocol"), obj_str(b, "protocol")) == 0;
}

static void
keep(struct json_object *svc, struct json_object *old, const char *path)
{
	if (obj_get(svc, path) == NULL && obj_get(old, path) != NULL)
		obj_set(svc, path, obj_copy(obj_get(old, path)));
}

static bool
keeps_node_port(struct json_object *svc, int64_t node_port)
{
	return old_has_node_port(svc, node_port);
}

/* A PUT that leaves out what the server had allocated keeps it (since 1.21). */
static void
keep_allocated(struct json_object *svc, struct json_object *old)
{
	if (!type_is(old, "ExternalName") && !type_is(svc, "ExternalName")) {
		if (obj_get(svc, "spec.clusterIP") == NULL &&
		    obj_get(svc, "spec.clusterIPs") == NULL) {
			keep(svc, old, "spec.clusterIP");
			if (obj_get(svc, "spec.ipFamilyPolicy") == NULL ||
			    unchanged(svc, old, "spec.ipFamilyPolicy"))
				keep(svc, old, "spec.clusterIPs");
		}
		keep(svc, old, "spec.ipFamilyPolicy");
		if (unchanged(svc, old, "spec.ipFamilyPolicy"))
			keep(svc, old, "spec.ipFamilies");
	}
	if (wants_health_port(old) && wants_health_port(svc))
		keep(svc, old, "spec.healthCheckNodePort");
	if (!has_external_policy(old) || !has_external_policy(svc))
		return;
	for (size_t i = 0; i < obj_len(svc, "spec.ports"); i++) {
		struct json_object *port = obj_at(svc, "spec.ports", i);

		for (size_t k = 0; k < obj_len(old, "spec.ports"); k++) {
			struct json_object *was = obj_at(old, "spec.ports", k);

			if (obj_get(port, "nodePort") == NULL && same_port(port, was) &&
			    !keeps_node_port(svc, obj_int(was, "nodePort", 0)))
				keep(port, was, "nodePort");
		}
	}
}

/* clusterIP and clusterIPs[0] say the same. */
static void
normalise_ips(struct json_object *svc, struct json_object *old)
{
	bool ip_changed = old != NULL && !unchanged(svc, old, "spec.clusterIP");
	bool ips_changed = old != NULL && !unchanged(svc, old, "spec.clusterIPs");
	const char *ip = obj_str(svc, "spec.clusterIP");

	if (ip_changed && !ips_changed)
		obj_del(svc, "spec.clusterIPs");
	if (ip[0] != '\0' && obj_len(svc, "spec.clusterIPs") == 0) {
		struct json_object *list = json_object_new_array();

		json_object_array_add(list, json_object_new_string(ip));
		obj_set(svc, "spec.clusterIPs", list);
	}
}

static void
check_number(struct causes *causes, const char *field, int64_t n)
{
	if (n < 1 || n > 65535)
		causes_invalid_int(
		    causes, field, (long)n, "must be between 1 and 65535, inclusive");
}

static void
check_target(struct causes *causes, const char *field, struct json_object *target)
{
	if (json_object_is_type(target, json_type_int))
		check_number(causes, field, json_object_get_int64(target));
	else if (!name_is_valid(NAME_LABEL, json_object_get_string(target)) ||
	    json_object_get_string_len(target) > 15)
		causes_invalid(causes, field, json_object_get_string(target),
		    "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
}

static void
check_port(struct causes *causes, struct json_object *svc, size_t i)
{
	struct json_object *port = obj_at(svc, "spec.ports", i);
	const char *name = obj_str(port, "name"), *protocol = obj_str(port, "protocol");
	char field[64];

	snprintf(field, sizeof(field), "spec.ports[%zu].name", i);
	if (name[0] == '\0' && obj_len(svc, "spec.ports") > 1)
		causes_required(causes, field, "");
	else if (name[0] != '\0' && !name_is_valid(NAME_LABEL, name))
		causes_invalid(causes, field, name, name_rule_text(NAME_LABEL));
	for (size_t k = 0; k < i && name[0] != '\0'; k++)
		if (strcmp(name, obj_str(obj_at(svc, "spec.ports", k), "name")) == 0) {
			char *quoted = sim_asprintf("\"%s\"", name);

			causes_duplicate(causes, field, quoted);
			free(quoted);
			break;
		}
	snprintf(field, sizeof(field), "spec.ports[%zu].port", i);
	check_number(causes, field, obj_int(port, "port", 0));
	snprintf(field, sizeof(field), "spec.ports[%zu].protocol", i);
	if (strcmp(protocol, "TCP") != 0 && strcmp(protocol, "UDP") != 0 &&
	    strcmp(protocol, "SCTP") != 0)
		causes_unsupported(causes, field, protocol, "\"SCTP\", \"TCP\", \"UDP\"");
	snprintf(field, sizeof(field), "spec.ports[%zu].targetPort", i);
	check_target(causes, field, obj_get(port, "targetPort"));
}

static void
check_ports(struct cluster *cluster, struct causes *causes, struct json_object *svc)
{
	size_t n = obj_len(svc, "spec.ports");
	bool mixed = false;

	if (n == 0 && !is_headless(svc) && !type_is(svc, "ExternalName"))
		causes_required(causes, "spec.ports", "");
	for (size_t i = 0; i < n; i++)
		check_port(causes, svc, i);
	for (size_t i = 1; i < n; i++)
		mixed = mixed ||
		    strcmp(obj_str(obj_at(svc, "spec.ports", 0), "protocol"),
			obj_str(obj_at(svc, "spec.ports", i), "protocol")) != 0;
	if (mixed && type_is(svc, "LoadBalancer") && cluster->minor < 24)
		causes_invalid(causes, "spec.ports", obj_text(obj_get(svc, "spec.ports")),
		    "may not contain more than 1 protocol when type is 'LoadBalancer'");
}

static void
check_duplicate_ports(struct causes *causes, struct json_object *svc)
{
	for (size_t i = 1; i < obj_len(svc, "spec.ports"); i++) {
		struct json_object *port = obj_at(svc, "spec.ports", i);
		int64_t node_port = obj_int(port, "nodePort", 0);
		char field[64];

		for (size_t k = 0; k < i; k++) {
			struct json_object *other = obj_at(svc, "spec.ports", k);

			if (same_port(port, other)) {
				snprintf(field, sizeof(field), "spec.ports[%zu]", i);
				causes_duplicate(causes, field, obj_text(port));
				break;
			}
			if (node_port != 0 && node_port == obj_int(other, "nodePort", 0) &&
			    strcmp(obj_str(port, "protocol"), obj_str(other, "protocol")) == 0) {
				snprintf(field, sizeof(field), "spec.ports[%zu].nodePort", i);
				causes_duplicate(causes, field, obj_text(port));
				break;
			}
		}
	}
}

static void
check_ip_list(struct causes *causes, struct json_object *svc, const char *path)
{
	for (size_t i = 0; i < obj_len(svc, path); i++) {
		const char *ip = json_object_get_string(obj_at(svc, path, i));
		char field[64];

		snprintf(field, sizeof(field), "%s[%zu]", path, i);
		if (name_ip_family(ip) == 0)
			causes_invalid(causes, field, ip, IP_TEXT);
	}
}

static void
check_words(struct cluster *cluster, struct causes *causes, struct json_object *svc)
{
	const char *affinity = obj_str(svc, "spec.sessionAffinity"),
		   *type = obj_str(svc, "spec.type");
	const char *policy = obj_str(svc, "spec.externalTrafficPolicy");

	if (strcmp(affinity, "None") != 0 && strcmp(affinity, "ClientIP") != 0)
		causes_unsupported(
		    causes, "spec.sessionAffinity", affinity, "\"ClientIP\", \"None\"");
	check_ip_list(causes, svc, "spec.externalIPs");
	if (strcmp(type, "ClusterIP") != 0 && strcmp(type, "NodePort") != 0 &&
	    strcmp(type, "LoadBalancer") != 0 && strcmp(type, "ExternalName") != 0)
		causes_unsupported(causes, "spec.type", type,
		    "\"ClusterIP\", \"ExternalName\", \"LoadBalancer\", \"NodePort\"");
	check_duplicate_ports(causes, svc);
	if (policy[0] != '\0' && strcmp(policy, "Cluster") != 0 && strcmp(policy, "Local") != 0) {
		if (cluster->minor < 26)
			causes_invalid(causes, "spec.externalTrafficPolicy", policy,
			    "ExternalTrafficPolicy must be empty, Cluster or Local");
		else
			causes_unsupported(
			    causes, "spec.externalTrafficPolicy", policy, "\"Cluster\", \"Local\"");
	} else if (policy[0] != '\0' && !has_external_policy(svc)) {
		causes_invalid(causes, "spec.externalTrafficPolicy", policy,
		    cluster->minor < 26
			? "ExternalTrafficPolicy can only be set on NodePort and LoadBalancer service"
			: "may only be set for externally-accessible services");
	}
}

static void
check_load_balancer(struct cluster *cluster, struct causes *causes, struct json_object *svc,
    struct json_object *old)
{
	const char *class = obj_str(svc, "spec.loadBalancerClass");
	int64_t port = obj_int(svc, "spec.healthCheckNodePort", 0);

	if (!type_is(svc, "LoadBalancer") && obj_get(svc, "spec.loadBalancerClass") != NULL)
		causes_forbidden(causes, "spec.loadBalancerClass",
		    "may only be used when `type` is 'LoadBalancer'");
	else if (class[0] != '\0' && !name_is_qualified(class))
		causes_invalid(causes, "spec.loadBalancerClass", class, name_qualified_text());
	if (old != NULL && type_is(old, "LoadBalancer") && type_is(svc, "LoadBalancer") &&
	    !unchanged(svc, old, "spec.loadBalancerClass"))
		causes_invalid(causes, "spec.loadBalancerClass", class, "may not change once set");
	if (!type_is(svc, "LoadBalancer") &&
	    obj_get(svc, "spec.allocateLoadBalancerNodePorts") != NULL)
		causes_forbidden(causes, "spec.allocateLoadBalancerNodePorts",
		    "may only be used when `type` is 'LoadBalancer'");
	if (port != 0 && !wants_health_port(svc))
		causes_invalid_int(causes, "spec.healthCheckNodePort", (long)port,
		    cluster->minor < 26
			? "HealthCheckNodePort can only be set on LoadBalancer service with ExternalTrafficPolicy=Local"
			: "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'");
	if (old != NULL && wants_health_port(old) && wants_health_port(svc) &&
	    !unchanged(svc, old, "spec.healthCheckNodePort"))
		causes_invalid_int(causes, "spec.healthCheckNodePort", (long)port,
		    "cannot change healthCheckNodePort on loadBalancer service with externalTraffic=Local during update");
}

static void
check_cluster_ips(struct causes *causes, struct json_object *svc, struct json_object *old)
{
	struct json_object *ips = obj_get(svc, "spec.clusterIPs");
	const char *first = json_object_get_string(obj_at(svc, "spec.clusterIPs", 0));
	const char *was = json_object_get_string(obj_at(old, "spec.clusterIPs", 0));

	if (type_is(svc, "ExternalName")) {
		if (ips != NULL)
			causes_forbidden(causes, "spec.clusterIPs",
			    "may not be set when `type` is 'ExternalName'");
		if (obj_str(svc, "spec.externalName")[0] == '\0')
			causes_required(causes, "spec.externalName", "");
		return;
	}
	for (size_t i = 0; i < obj_len(svc, "spec.clusterIPs"); i++) {
		const char *ip = json_object_get_string(obj_at(svc, "spec.clusterIPs", i));
		char field[64];

		snprintf(field, sizeof(field), "spec.clusterIPs[%zu]", i);
		if (strcmp(ip, "None") != 0 && name_ip_family(ip) == 0)
			causes_invalid(causes, field, ip, IP_TEXT);
	}
	if (old == NULL || was == NULL || type_is(old, "ExternalName"))
		return;
	if (first == NULL)
		causes_invalid(
		    causes, "spec.clusterIPs[0]", "", "primary clusterIP can not be unset");
	else if (strcmp(first, was) != 0)
		causes_invalid(causes, "spec.clusterIPs[0]", first, "may not change once set");
	if (obj_len(svc, "spec.clusterIPs") == 2 && obj_len(old, "spec.clusterIPs") == 2 &&
	    json_object_equal(
		obj_at(svc, "spec.clusterIPs", 1), obj_at(old, "spec.clusterIPs", 1)) == 0)
		causes_invalid(causes, "spec.clusterIPs[1]",
		    json_object_get_string(obj_at(svc, "spec.clusterIPs", 1)),
		    "may not change once set");
}

static const char *
other_family(const char *family)
{
	return strcmp(family, "IPv6") == 0 ? "IPv4" : "IPv6";
}

static const char *
ip_family_name(const char *ip)
{
	return name_ip_family(ip) == AF_INET6 ? "IPv6" : "IPv4";
}

static void
trim_to_one(struct json_object *svc, struct json_object *old, const char *path)
{
	if (obj_len(svc, path) == 2 && unchanged(svc, old, path))
		json_object_array_del_idx(obj_get(svc, path), 1, 1);
}

static void
check_families(struct causes *causes, struct json_object *svc, struct json_object *old)
{
	const char *policy = obj_str(svc, "spec.ipFamilyPolicy");
	const char *first = json_object_get_string(obj_at(svc, "spec.ipFamilies", 0));
	const char *was = json_object_get_string(obj_at(old, "spec.ipFamilies", 0));

	if (policy[0] != '\0' && strcmp(policy, "SingleStack") != 0 &&
	    strcmp(policy, "PreferDualStack") != 0 && strcmp(policy, "RequireDualStack") != 0)
		causes_unsupported(causes, "spec.ipFamilyPolicy", policy,
		    "\"PreferDualStack\", \"RequireDualStack\", \"SingleStack\"");
	if (strcmp(policy, "SingleStack") == 0 && obj_len(svc, "spec.ipFamilies") == 2)
		causes_invalid(causes, "spec.ipFamilyPolicy", policy,
		    "must be RequireDualStack or PreferDualStack when multiple 'ipFamilies' are specified");
	for (size_t i = 0; i < obj_len(svc, "spec.ipFamilies"); i++) {
		const char *family = json_object_get_string(obj_at(svc, "spec.ipFamilies", i));
		char field[64];

		snprintf(field, sizeof(field), "spec.ipFamilies[%zu]", i);
		if (strcmp(family, "IPv4") != 0 && strcmp(family, "IPv6") != 0)
			causes_unsupported(causes, field, family, "\"IPv4\", \"IPv6\"");
	}
	if (was != NULL && !type_is(old, "ExternalName") && !type_is(svc, "ExternalName")) {
		if (first == NULL)
			causes_invalid(
			    causes, "spec.ipFamilies[0]", "", "primary ipFamily can not be unset");
		else if (strcmp(first, was) != 0)
			causes_invalid(
			    causes, "spec.ipFamilies[0]", first, "may not change once set");
	}
}

/* ipFamilyPolicy and ipFamilies: filled in as a dual-stack cluster with IPv4 first does. */
static void
set_families(struct json_object *svc)
{
	size_t ips = obj_len(svc, "spec.clusterIPs");
	struct json_object *families = obj_get(svc, "spec.ipFamilies");
	const char *policy = obj_str(svc, "spec.ipFamilyPolicy"), *first;
	bool headless = is_headless(svc);

	if (headless && obj_get(svc, "spec.selector") == NULL && policy[0] == '\0' &&
	    families == NULL)
		policy = "RequireDualStack";
	else if (policy[0] == '\0')
		policy = obj_len(svc, "spec.ipFamilies") == 2 || ips == 2 ? "RequireDualStack"
									  : "SingleStack";
	obj_set(svc, "spec.ipFamilyPolicy", json_object_new_string(policy));
	if (families == NULL) {
		families = json_object_new_array();
		obj_set(svc, "spec.ipFamilies", families);
	}
	for (size_t i = json_object_array_length(families); i < ips && !headless; i++)
		json_object_array_add(families,
		    json_object_new_string(
			ip_family_name(json_object_get_string(obj_at(svc, "spec.clusterIPs", i)))));
	if (json_object_array_length(families) == 0)
		json_object_array_add(families, json_object_new_string("IPv4"));
	first = json_object_get_string(json_object_array_get_idx(families, 0));
	if (strcmp(obj_str(svc, "spec.ipFamilyPolicy"), "SingleStack") != 0 &&
	    json_object_array_length(families) == 1)
		json_object_array_add(families, json_object_new_string(other_family(first)));
}

static bool
list_has(struct json_object *svc, const char *path, const char *value)
{
	for (size_t i = 0; i < obj_len(svc, path); i++)
		if (strcmp(json_object_get_string(obj_at(svc, path, i)), value) == 0)
			return true;
	return false;
}

/* Addresses that the client chose are taken, the rest is allocated. */
static struct json_object *
allocate_ips(struct cluster *cluster, struct json_object *svc, struct json_object *old)
{
	struct json_object *ips = obj_get(svc, "spec.clusterIPs");
	struct causes causes = {0};
	char buf[INET6_ADDRSTRLEN];

	if (ips == NULL) {
		ips = json_object_new_array();
		obj_set(svc, "spec.clusterIPs", ips);
	}
	for (size_t i = 0; i < json_object_array_length(ips); i++) {
		const char *ip = json_object_get_string(json_object_array_get_idx(ips, i));
		int r = list_has(old, "spec.clusterIPs", ip) ? 0 : cluster_ip_take(cluster, ip);
		char *why;

		if (r == 0)
			continue;
		why = sim_asprintf("failed to allocate IP %s: %s", ip,
		    r == -ERANGE
			? "the provided IP is not in the valid range. The range of valid IPs is 10.96.0.0/16,fd00:96::/112"
			: "provided IP is already allocated");
		causes_invalid(&causes, "spec.clusterIPs", ip, why);
		free(why);
		return causes_status(&causes, "", "Service", obj_str(svc, "metadata.name"));
	}
	while (json_object_array_length(ips) < obj_len(svc, "spec.ipFamilies")) {
		const char *family = json_object_get_string(
		    obj_at(svc, "spec.ipFamilies", json_object_array_length(ips)));

		if (!cluster_ip_new(cluster, family, buf))
			return status_internal("failed to allocate a serviceIP: range is full");
		json_object_array_add(ips, json_object_new_string(buf));
	}
	obj_set_str(
	    svc, "spec.clusterIP", json_object_get_string(json_object_array_get_idx(ips, 0)));
	return NULL;
}

static struct json_object *
refuse_node_port(struct json_object *svc, const char *field, int64_t port, int r)
{
	struct causes causes = {0};

	causes_invalid_int(&causes, field, (long)port,
	    r == -ERANGE
		? "provided port is not in the valid range. The range of valid ports is 30000-32767"
		: "provided port is already allocated");
	return causes_status(&causes, "", "Service", obj_str(svc, "metadata.name"));
}

static struct json_object *
allocate_node_ports(struct cluster *cluster, struct json_object *svc, struct json_object *old)
{
	for (size_t i = 0; i < obj_len(svc, "spec.ports"); i++) {
		struct json_object *port = obj_at(svc, "spec.ports", i);
		int64_t wanted = obj_int(port, "nodePort", 0);
		int r;

		if (wanted != 0 && !old_has_node_port(old, wanted)) {
			char field[64];

			snprintf(field, sizeof(field), "spec.ports[%zu].nodePort", i);
			r = cluster_port_take(cluster, (int)wanted);
			if (r != 0)
				return refuse_node_port(svc, field, wanted, r);
		} else if (wanted == 0 && wants_node_port(svc)) {
			r = cluster_port_new(cluster);
			if (r == 0)
				return status_internal(
				    "failed to allocate a nodePort: range is full");
			obj_set(port, "nodePort", json_object_new_int(r));
		}
	}
	return NULL;
}

static struct json_object *
allocate_health_port(struct cluster *cluster, struct json_object *svc, struct json_object *old)
{
	int64_t wanted = obj_int(svc, "spec.healthCheckNodePort", 0);
	int r;

	if (!wants_health_port(svc))
		return NULL;
	if (wanted == 0) {
		r = cluster_port_new(cluster);
		if (r == 0)
			return status_internal(
			    "failed to allocate a HealthCheck NodePort: range is full");
		obj_set(svc, "spec.healthCheckNodePort", json_object_new_int(r));
	} else if (obj_int(old, "spec.healthCheckNodePort", 0) != wanted) {
		r = cluster_port_take(cluster, (int)wanted);
		if (r != 0)
			return refuse_node_port(svc, "spec.healthCheckNodePort", wanted, r);
	}
	return NULL;
}

static struct json_object *
allocate(struct cluster *cluster, struct json_object *svc, struct json_object *old)
{
	struct cluster before = *cluster;
	struct json_object *status = NULL;

	if (!type_is(svc, "ExternalName"))
		set_families(svc);
	if (!type_is(svc, "ExternalName") && !is_headless(svc))
		status = allocate_ips(cluster, svc, old);
	/* node ports that the client names are checked for every type that may have them */
	if (status == NULL && has_external_policy(svc))
		status = allocate_node_ports(cluster, svc, old);
	if (status == NULL)
		status = allocate_health_port(cluster, svc, old);
	if (status != NULL)
		*cluster = before;
	return status;
}

static void
check_node_ports_allowed(struct causes *causes, struct json_object *svc)
{
	for (size_t i = 0; i < obj_len(svc, "spec.ports") && !has_external_policy(svc); i++) {
		char field[64];

		snprintf(field, sizeof(field), "spec.ports[%zu].nodePort", i);
		if (obj_int(obj_at(svc, "spec.ports", i), "nodePort", 0) != 0)
			causes_forbidden(
			    causes, field, "may not be used when `type` is 'ClusterIP'");
	}
}

static void
check_ingress(struct cluster *cluster, struct causes *causes, struct json_object *svc)
{
	static const char path[] = "status.loadBalancer.ingress";

	for (size_t i = 0; i < obj_len(svc, path); i++) {
		struct json_object *entry = obj_at(svc, path, i);
		const char *ip = obj_str(entry, "ip"), *host = obj_str(entry, "hostname");
		const char *mode = obj_str(entry, "ipMode");
		char field[80];

		snprintf(field, sizeof(field), "%s[%zu].ip", path, i);
		if (ip[0] != '\0' && name_ip_family(ip) == 0)
			causes_invalid(
			    causes, field, ip, cluster->minor < 28 ? IP_TEXT_OLD : IP_TEXT);
		snprintf(field, sizeof(field), "%s[%zu].ipMode", path, i);
		if (mode[0] != '\0' && ip[0] == '\0')
			causes_forbidden(
			    causes, field, "may not be specified when `ip` is not set");
		else if (mode[0] != '\0' && strcmp(mode, "VIP") != 0 && strcmp(mode, "Proxy") != 0)
			causes_unsupported(causes, field, mode, "\"Proxy\", \"VIP\"");
		snprintf(field, sizeof(field), "%s[%zu].hostname", path, i);
		if (host[0] != '\0' && !name_is_valid(NAME_SUBDOMAIN, host))
			causes_invalid(causes, field, host, name_rule_text(NAME_SUBDOMAIN));
		else if (host[0] != '\0' && name_ip_family(host) != 0)
			causes_invalid(
			    causes, field, host, "must be a DNS name, not an IP address");
	}
}

struct json_object *
service_prepare(struct cluster *cluster, struct json_object *svc, struct json_object *old,
    struct causes *causes)
{
	set_defaults(cluster, svc);
	if (old == NULL) {
		obj_del(svc, "status");
		obj_set(svc, "status.loadBalancer", json_object_new_object());
	} else {
		drop_type_dependent(cluster, svc, old);
		if (cluster->minor >= 21)
			keep_allocated(svc, old);
	}
	normalise_ips(svc, old);
	if (old != NULL && strcmp(obj_str(svc, "spec.ipFamilyPolicy"), "SingleStack") == 0 &&
	    !unchanged(svc, old, "spec.ipFamilyPolicy")) {
		trim_to_one(svc, old, "spec.ipFamilies");
		trim_to_one(svc, old, "spec.clusterIPs");
	}
	check_ports(cluster, causes, svc);
	check_words(cluster, causes, svc);
	check_node_ports_allowed(causes, svc);
	check_load_balancer(cluster, causes, svc, old);
	check_cluster_ips(causes, svc, old);
	check_families(causes, svc, old);
	if (causes_any(causes))
		return NULL;
	return allocate(cluster, svc, old);
}

struct json_object *
service_prepare_status(struct cluster *cluster, struct json_object *svc, struct json_object *old,
    struct causes *causes)
{
	(void)old;
	default_ip_mode(cluster, svc);
	check_ingress(cluster, causes, svc);
	if (cluster->minor >= 29 && obj_len(svc, "status.loadBalancer.ingress") > 0 &&
	    !type_is(svc, "LoadBalancer"))
		causes_forbidden(causes, "status.loadBalancer.ingress",
		    "may only be used when `spec.type` is \"LoadBalancer\"");
	return NULL;
}

void
service_release(struct cluster *cluster, struct json_object *gone, struct json_object *kept)
{
	int64_t health = obj_int(gone, "spec.healthCheckNodePort", 0);

	for (size_t i = 0; i < obj_len(gone, "spec.clusterIPs"); i++) {
		const char *ip = json_object_get_string(obj_at(gone, "spec.clusterIPs", i));

		if (!list_has(kept, "spec.clusterIPs", ip))
			cluster_ip_free(cluster, ip);
	}
	for (size_t i = 0; i < obj_len(gone, "spec.ports"); i++) {
		int64_t port = obj_int(obj_at(gone, "spec.ports", i), "nodePort", 0);

		if (!old_has_node_port(kept, port))
			cluster_port_free(cluster, (int)port);
	}
	if (health != 0 && health != obj_int(kept, "spec.healthCheckNodePort", 0))
		cluster_port_free(cluster, (int)health);
}

void
service_claim(struct cluster *cluster, struct json_object *svc)
{
	for (size_t i = 0; i < obj_len(svc, "spec.clusterIPs"); i++)
		(void)cluster_ip_take(
		    cluster, json_object_get_string(obj_at(svc, "spec.clusterIPs", i)));
	for (size_t i = 0; i < obj_len(svc, "spec.ports"); i++)
		(void)cluster_port_take(
		    cluster, (int)obj_int(obj_at(svc, "spec.ports", i), "nodePort", 0));
	(void)cluster_port_take(cluster, (int)obj_int(svc, "spec.healthCheckNodePort", 0));
}
