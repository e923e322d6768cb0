#include "ipam_help.h"

#include <stdlib.h>

#include "test.h"
#include "util/mem.h"
#include "util/prng.h"
#include "util/str.h"

struct ip_addr
help_addr(const char *text)
{
	struct ip_addr addr;

	if (ip_addr_parse(text, &addr))
		fail_msg("not an address: %s", text);
	return addr;
}

/* Words of text, in arena. */
static const char **
words(struct arena *arena, const char *text, const char *separators, size_t *ret_n)
{
	const char **items = arena_alloc(arena, text ? strlen(text) + 1 : 1, sizeof(*items));
	char *copy = arena_strdup(arena, text ? text : ""), *word, *save = NULL;

	*ret_n = 0;
	for (word = strtok_r(copy, separators, &save); word;
	     word = strtok_r(NULL, separators, &save))
		items[(*ret_n)++] = word;
	return items;
}

static struct ip_range
range_of(const char *word)
{
	const char *dash = strchr(word, '-');
	struct ip_prefix prefix;
	char first[64];

	if (strchr(word, '/')) {
		if (ip_prefix_parse(word, &prefix))
			fail_msg("not a prefix: %s", word);
		return ip_prefix_range(&prefix);
	}
	if (!dash)
		return (struct ip_range){help_addr(word), help_addr(word)};
	(void)snprintf(first, sizeof(first), "%.*s", (int)(dash - word), word);
	return (struct ip_range){help_addr(first), help_addr(dash + 1)};
}

static struct settings_range *
ranges(struct arena *arena, const char *text, size_t *ret_n)
{
	const char **list = words(arena, text, " ", ret_n);
	struct settings_range *items = arena_alloc(arena, *ret_n, sizeof(*items));
	size_t i;

	for (i = 0; i < *ret_n; i++)
		items[i] = (struct settings_range){.range = range_of(list[i]), .text = list[i]};
	return items;
}

static struct selector_list
selectors(struct arena *arena, const char *text)
{
	struct selector_list list = {0};
	const char **items = words(arena, text, ";", &list.count);
	size_t i;

	list.items = arena_alloc(arena, list.count, sizeof(*list.items));
	for (i = 0; i < list.count; i++) {
		char *err = NULL;

		if (selector_parse(arena, items[i], &list.items[i], &err))
			fail_msg("%s: %s", items[i], err);
	}
	return list;
}

struct settings *
help_settings(const struct help_pool *pools, size_t n)
{
	struct arena *arena = arena_new();
	struct settings *settings = arena_alloc(arena, 1, sizeof(*settings));
	size_t i;

	settings->arena = arena;
	settings->kubernetes.load_balancer_class = "";
	settings->n_pools = n;
	settings->pools = arena_alloc(arena, n, sizeof(*settings->pools));
	for (i = 0; i < n; i++) {
		struct settings_pool *pool = &settings->pools[i];

		pool->name = arena_strdup(arena, pools[i].name);
		pool->addresses = ranges(arena, pools[i].addresses, &pool->n_addresses);
		pool->excludes = ranges(arena, pools[i].exclude, &pool->n_excludes);
		pool->auto_assign = !pools[i].no_auto;
		pool->avoid_buggy_ips = pools[i].avoid_buggy;
		pool->priority = pools[i].priority;
		pool->namespaces.items = words(
		    arena, pools[i].namespaces, " ", &pool->namespaces.count);
		pool->namespace_selectors = selectors(arena, pools[i].namespace_selectors);
		pool->service_selectors = selectors(arena, pools[i].service_selectors);
	}
	return settings;
}

static void
add_ports(struct service *service, const char *text)
{
	size_t n, i;
	const char **list = words(service->arena, text, " ", &n);

	service->ports = arena_alloc(service->arena, n, sizeof(*service->ports));
	service->n_ports = n;
	for (i = 0; i < n; i++) {
		const char *slash = strchr(list[i], '/');

		service->ports[i].protocol = list[i][0] == 'u' ? PROTOCOL_UDP
		    : list[i][0] == 's'                        ? PROTOCOL_SCTP
							       : PROTOCOL_TCP;
		service->ports[i].port = (uint16_t)atoi(slash + 1);
	}
}

static struct labels
labels_of(struct arena *arena, const char *text)
{
	struct labels labels = {0};
	const char **list = words(arena, text, " ", &labels.count);
	struct label *items = arena_alloc(arena, labels.count, sizeof(*items));
	size_t i;

	for (i = 0; i < labels.count; i++) {
		const char *equals = strchr(list[i], '=');

		items[i].key = arena_strndup(arena, list[i], (size_t)(equals - list[i]));
		items[i].value = equals + 1;
	}
	labels.count = labels_sort(items, labels.count);
	labels.items = items;
	return labels;
}

static void
add_cluster_ips(struct service *service, const struct help_service *spec)
{
	size_t n, i;
	const char **list;

	service->cluster_ips_invalid = spec->clusters_invalid;
	if (spec->no_cluster_ip || spec->clusters_invalid)
		return;
	list = words(service->arena, spec->cluster_ips ? spec->cluster_ips : "10.0.0.1", " ", &n);
	for (i = 0; i < n && i < SERVICE_MAX_FAMILIES; i++)
		service->cluster_ips[i] = help_addr(list[i]);
	service->n_cluster_ips = n;
	service->primary_family = (enum ip_family)service->cluster_ips[0].family;
}

static void
add_ingress(struct service *service, const char *text)
{
	size_t n, i;
	const char **list = words(service->arena, text, " ", &n);

	service->ingress = arena_alloc(service->arena, n, sizeof(*service->ingress));
	service->n_ingress = n;
	for (i = 0; i < n; i++)
		if (ip_addr_parse(list[i], &service->ingress[i].ip))
			service->ingress[i].hostname = list[i];
}

static const char *
text_or(struct arena *arena, const char *text, const char *otherwise)
{
	return arena_strdup(arena, text ? text : otherwise);
}

static void
add_annotation(struct service *service, enum service_annotation which, const char *value,
    const struct help_service *spec)
{
	size_t len;

	if (!value)
		return;
	len = strlen(value);
	service->annotation_too_long[which] = len > SERVICE_MAX_ANNOTATION;
	service->annotations[which] = arena_strndup(
	    service->arena, value, len > SERVICE_MAX_ANNOTATION ? SERVICE_MAX_ANNOTATION : len);
	service->annotation_legacy[which] = spec->legacy;
}

struct service *
help_service(const struct help_service *spec)
{
	struct arena *arena = arena_new();
	struct service *service = arena_alloc(arena, 1, sizeof(*service));

	service->arena = arena;
	service->namespace = text_or(arena, spec->namespace, "default");
	service->name = text_or(arena, spec->name, "test");
	service->key = arena_printf(arena, "%s/%s", service->namespace, service->name);
	service->uid = text_or(arena, spec->uid, "uid");
	service->resource_version = "1";
	service->created_usec = spec->created;
	service->deleting = spec->deleting;
	service->labels = labels_of(arena, spec->labels);
	service->type = spec->not_load_balancer ? SERVICE_NODE_PORT : SERVICE_LOAD_BALANCER;
	service->load_balancer_class = spec->class ? arena_strdup(arena, spec->class) : NULL;
	service->load_balancer_ip = text_or(arena, spec->field, "");
	service->traffic_policy_local = spec->local;
	service->ip_family_policy = spec->policy;
	service->selector = text_or(arena, spec->selector, "app=web");
	add_annotation(service, ANNOTATION_ADDRESS_POOL, spec->pool, spec);
	add_annotation(service, ANNOTATION_LOAD_BALANCER_IPS, spec->ips, spec);
	add_annotation(service, ANNOTATION_ALLOW_SHARED_IP, spec->share, spec);
	add_annotation(service, ANNOTATION_IP_ALLOCATED_FROM_POOL, spec->from, spec);
	add_cluster_ips(service, spec);
	add_ports(service, spec->ports ? spec->ports : "tcp/80");
	add_ingress(service, spec->ingress);
	service->condition = (struct service_condition){.present = spec->condition != NULL,
	    .status = true,
	    .reason = spec->condition ? "IPAllocated" : "",
	    .message = text_or(arena, spec->condition, "")};
	return service;
}

static const char *
copy_text(struct arena *arena, const char *text)
{
	return text ? arena_strdup(arena, text) : NULL;
}

struct service *
help_copy(const struct service *service)
{
	struct arena *arena = arena_new();
	struct service *copy = arena_memdup(arena, service, 1, sizeof(*copy));
	struct label *items;
	size_t i;

	copy->arena = arena;
	memset(&copy->node, 0, sizeof(copy->node));
	copy->key = arena_strdup(arena, service->key);
	copy->namespace = arena_strdup(arena, service->namespace);
	copy->name = arena_strdup(arena, service->name);
	copy->uid = arena_strdup(arena, service->uid);
	copy->load_balancer_class = copy_text(arena, service->load_balancer_class);
	copy->load_balancer_ip = arena_strdup(arena, service->load_balancer_ip);
	copy->selector = arena_strdup(arena, service->selector);
	items = arena_alloc(arena, service->labels.count, sizeof(*items));
	for (i = 0; i < service->labels.count; i++) {
		items[i].key = arena_strdup(arena, service->labels.items[i].key);
		items[i].value = arena_strdup(arena, service->labels.items[i].value);
	}
	copy->labels.items = items;
	for (i = 0; i < ANNOTATION_COUNT; i++)
		copy->annotations[i] = copy_text(arena, service->annotations[i]);
	copy->ports = arena_memdup(arena, service->ports, service->n_ports, sizeof(*copy->ports));
	copy->ingress = arena_memdup(
	    arena, service->ingress, service->n_ingress, sizeof(*copy->ingress));
	for (i = 0; i < copy->n_ingress; i++) {
		copy->ingress[i].hostname = copy_text(arena, service->ingress[i].hostname);
		copy->ingress[i].ip_mode = copy_text(arena, service->ingress[i].ip_mode);
		copy->ingress[i].raw = copy_text(arena, service->ingress[i].raw);
	}
	copy->condition.reason = arena_strdup(arena, service->condition.reason);
	copy->condition.message = arena_strdup(arena, service->condition.message);
	return copy;
}

struct service *
help_apply(const struct service *service, const struct ipam_decision *decision, bool knows_ip_mode)
{
	struct service *copy = help_copy(service);
	struct arena *arena = copy->arena;
	size_t i;

	copy->n_ingress = decision->n_ingress;
	copy->ingress = arena_memdup(
	    arena, decision->ingress, decision->n_ingress, sizeof(*copy->ingress));
	for (i = 0; i < copy->n_ingress; i++) {
		copy->ingress[i].hostname = copy_text(arena, copy->ingress[i].hostname);
		copy->ingress[i].ip_mode = knows_ip_mode
		    ? copy_text(arena, copy->ingress[i].ip_mode)
		    : NULL;
		copy->ingress[i].raw = copy_text(arena, copy->ingress[i].raw);
	}
	copy->annotations[ANNOTATION_IP_ALLOCATED_FROM_POOL] = copy_text(
	    arena, decision->annotation);
	copy->annotation_legacy[ANNOTATION_IP_ALLOCATED_FROM_POOL] = false;
	copy->annotation_too_long[ANNOTATION_IP_ALLOCATED_FROM_POOL] = false;
	copy->condition = decision->condition;
	copy->condition.reason = arena_strdup(arena, decision->condition.reason);
	copy->condition.message = arena_strdup(arena, decision->condition.message);
	return copy;
}

const char *
help_status(const struct service *service, char *out, size_t size)
{
	size_t i, pos = 0;

	out[0] = '\0';
	for (i = 0; i < service->n_ingress; i++) {
		char text[IP_ADDR_STRLEN];

		ip_addr_format(&service->ingress[i].ip, text);
		pos += (size_t)snprintf(out + pos, size - pos, "%s%s", i ? " " : "",
		    service->ingress[i].ip.family ? text : service->ingress[i].hostname);
		assert_true(pos < size);
	}
	return out;
}

static uint64_t past_seed;

void
help_past(uint64_t seed)
{
	past_seed = seed;
}

static void
random_past_service(struct help_cluster *cluster, struct prng *prng)
{
	static const char *const names[] = {"past1", "past2", "past3", "s1", "test"};
	static const char *const clusters[] = {"10.0.0.1", "fd00::1", "10.0.0.1 fd00::1"};
	static const char *const labels[] = {NULL, "team=metallb", "env=prod team=a"};
	static const char *const ports[] = {"tcp/80", "tcp/443", "udp/53"};
	const struct help_service spec = {
	    /* In no test's namespace, so that no test's question is asked here. */
	    .namespace = "past",
	    .name = names[prng_below(prng, ARRAY_SIZE(names))],
	    .uid = prng_below(prng, 4) ? "past" : "past again",
	    .cluster_ips = clusters[prng_below(prng, ARRAY_SIZE(clusters))],
	    .policy = (enum ip_family_policy)prng_below(prng, IP_FAMILY_POLICY_COUNT),
	    .labels = labels[prng_below(prng, ARRAY_SIZE(labels))],
	    .share = prng_below(prng, 2) ? "k" : NULL,
	    .ports = ports[prng_below(prng, ARRAY_SIZE(ports))],
	    .local = prng_below(prng, 3) == 0,
	    .deleting = prng_below(prng, 8) == 0,
	};

	help_cluster_put(cluster, &spec);
}

static void
first_is_gone(struct help_cluster *cluster)
{
	char *key = cluster->table.head ? xstrdup(cluster->table.head->key) : NULL;

	if (key)
		help_cluster_gone(cluster, key);
	free(key);
}

static void
live_through_a_past(struct help_cluster *cluster)
{
	struct prng prng;
	size_t i;

	prng_init(&prng, past_seed);
	for (i = 0; i < 40; i++) {
		random_past_service(cluster, &prng);
		if (prng_below(&prng, 3))
			help_cluster_run(cluster);
		if (prng_below(&prng, 6) == 0)
			help_cluster_restart(cluster);
		if (prng_below(&prng, 6) == 0)
			first_is_gone(cluster);
	}
	while (cluster->table.head)
		first_is_gone(cluster);
	help_cluster_run(cluster);
	cluster->writes = cluster->warnings = cluster->normals = cluster->settled = 0;
	cluster->last_event[0] = cluster->last_message[0] = '\0';
}

void
help_cluster_init(struct help_cluster *cluster, const struct help_pool *pools, size_t n)
{
	memset(cluster, 0, sizeof(*cluster));
	cluster->ipam = ipam_new();
	ipam_set_may_revoke(cluster->ipam, true);
	if (!pools)
		return;
	help_cluster_pools(cluster, pools, n);
	if (past_seed)
		live_through_a_past(cluster);
}

static int
begin_past(void **state)
{
	help_past(*(const uint64_t *)*state);
	return 0;
}

int
help_run_group(const char *name, const struct CMUnitTest *tests, size_t n)
{
	struct arena *arena = arena_new();
	struct CMUnitTest *all = arena_alloc(arena, n * (1 + HELP_PASTS), sizeof(*all));
	uint64_t *seeds = arena_alloc(arena, 1 + HELP_PASTS, sizeof(*seeds));
	const char *text = getenv("IPAM_SEED");
	uint64_t first = text ? strtoull(text, NULL, 10) : 1;
	size_t past, i;
	int failed;

	for (past = 0; past <= HELP_PASTS; past++) {
		seeds[past] = past ? first + past - 1 : 0;
		for (i = 0; i < n; i++) {
			struct CMUnitTest *test = &all[past * n + i];

			*test = tests[i];
			test->setup_func = begin_past;
			test->initial_state = &seeds[past];
			if (past)
				test->name = arena_printf(arena, "%s, past of seed %llu",
				    tests[i].name, (unsigned long long)seeds[past]);
		}
	}
	failed = _cmocka_run_group_tests(name, all, n * (1 + HELP_PASTS), NULL, NULL);
	arena_free(arena);
	return failed;
}

void
help_cluster_fini(struct help_cluster *cluster)
{
	ipam_free(cluster->ipam);
	service_table_clear(&cluster->table);
	settings_free(cluster->settings);
}

void
help_cluster_pools(struct help_cluster *cluster, const struct help_pool *pools, size_t n)
{
	struct settings *settings = help_settings(pools, n);

	ipam_set_settings(cluster->ipam, settings);
	settings_free(cluster->settings);
	cluster->settings = settings;
}

void
help_cluster_put(struct help_cluster *cluster, const struct help_service *spec)
{
	struct service *service = help_service(spec);

	service_table_put(&cluster->table, service);
	ipam_service_changed(cluster->ipam, service);
}

void
help_cluster_gone(struct help_cluster *cluster, const char *key)
{
	service_table_remove(&cluster->table, key);
	ipam_service_gone(cluster->ipam, key);
}

static void
note_events(struct help_cluster *cluster, const struct ipam_decision *decision)
{
	size_t i;

	for (i = 0; i < decision->n_events; i++) {
		const struct ipam_event *event = &decision->events[i];

		*(event->warning ? &cluster->warnings : &cluster->normals) += 1;
		assert_true(strlen(event->message) <= IPAM_MAX_MESSAGE);
		str_copy(cluster->last_event, sizeof(cluster->last_event), event->reason);
		str_copy(cluster->last_message, sizeof(cluster->last_message), event->message);
	}
}

/* What was written must satisfy ipam at once, or it would write for ever. */
static void
assert_settled(struct help_cluster *cluster, const char *key)
{
	struct ipam_decision decision;

	ipam_service_changed(cluster->ipam, service_table_find(&cluster->table, key));
	while (ipam_next(cluster->ipam, &cluster->table, &decision)) {
		if (!str_eq(decision.key, key)) {
			/* Another one that was dirty too: written as usual. */
			note_events(cluster, &decision);
			if (decision.kind == IPAM_SETTLED && decision.write_needed) {
				struct service *old = service_table_find(
				    &cluster->table, decision.key);
				struct service *copy = help_apply(old, &decision, true);

				cluster->writes++;
				service_table_put(&cluster->table, copy);
				ipam_service_changed(cluster->ipam, copy);
			}
			continue;
		}
		if (decision.kind != IPAM_SETTLED)
			continue;
		if (decision.write_needed)
			fail_msg("%s needs a write again: %s", key, decision.condition.message);
		assert_int_equal(decision.n_events, 0);
		return;
	}
}

void
help_cluster_run(struct help_cluster *cluster)
{
	struct ipam_decision decision;

	while (ipam_next(cluster->ipam, &cluster->table, &decision)) {
		struct service *copy;
		char key[256];

		if (decision.kind != IPAM_SETTLED)
			continue;
		cluster->settled++;
		note_events(cluster, &decision);
		if (!decision.write_needed)
			continue;
		cluster->writes++;
		str_copy(key, sizeof(key), decision.key);
		copy = help_apply(
		    service_table_find(&cluster->table, key), &decision, cluster->writes % 2);
		service_table_put(&cluster->table, copy);
		assert_settled(cluster, key);
	}
}

void
help_cluster_restart(struct help_cluster *cluster)
{
	struct service *service;

	ipam_reset(cluster->ipam);
	MAP_FOREACH (service, cluster->table.head)
		ipam_service_changed(cluster->ipam, service);
}

const char *
help_cluster_status(const struct help_cluster *cluster, const char *key)
{
	const struct service *service = service_table_find(&cluster->table, key);
	static char out[512];

	return service ? help_status(service, out, sizeof(out)) : "-";
}
