#include "ipam/ipam.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ipam/allocator.h"
#include "ipam/assign.h"
#include "ipam/outcome.h"
#include "model/labels.h"
#include "model/settings.h"
#include "util/list.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/str.h"

struct namespace
{
	struct map_node node;
	char *name;
	enum pool_namespace_state state;
	struct arena *arena; /* of the labels */
	struct labels labels;
};

struct ipam {
	const struct settings *settings; /* NULL at first */
	struct allocator allocator;
	struct client *clients;       /* map */
	struct namespace *namespaces; /* map; those that were asked for */
	struct tree queue;            /* of dirty clients */
	TAILQ_HEAD(, client) pending;
	size_t n_pending;
	struct ip_addr *forbidden;
	size_t n_forbidden;
	bool may_revoke;
	struct arena *arena; /* of the last decision */
};

static const struct client *
queued_client(const struct tree_node *node)
{
	return (const struct client *)(const void *)((const char *)node -
	    offsetof(struct client, queue_node));
}

/* Those that have an address first, then the elder. */
static int
queue_cmp(const struct tree_node *na, const struct tree_node *nb)
{
	const struct client *a = queued_client(na), *b = queued_client(nb);

	if (a->may_have != b->may_have)
		return a->may_have ? -1 : 1;
	if (a->created_usec != b->created_usec)
		return a->created_usec < b->created_usec ? -1 : 1;
	return strcmp(a->key, b->key);
}

struct ipam *
ipam_new(void)
{
	struct ipam *ipam = xcalloc(1, sizeof(*ipam));

	allocator_init(&ipam->allocator);
	tree_init(&ipam->queue, queue_cmp);
	TAILQ_INIT(&ipam->pending);
	return ipam;
}

static void
unqueue(struct ipam *ipam, struct client *client)
{
	if (client->is_queued)
		tree_remove(&ipam->queue, &client->queue_node);
	client->is_queued = false;
}

static void
enqueue(struct ipam *ipam, struct client *client, bool may_have)
{
	if (client->is_queued && client->may_have == may_have)
		return;
	unqueue(ipam, client);
	client->may_have = may_have;
	client->is_queued = true;
	tree_insert(&ipam->queue, &client->queue_node);
}

/* Looks again at a client of which no newer version came. */
static void
enqueue_again(struct ipam *ipam, struct client *client)
{
	if (!client->is_queued)
		enqueue(ipam, client, holder_has_any(&client->holder));
}

static void
enqueue_pending(struct ipam *ipam)
{
	struct client *client;

	TAILQ_FOREACH (client, &ipam->pending, pending_link)
		enqueue_again(ipam, client);
}

static void
enqueue_all(struct ipam *ipam)
{
	struct client *client;

	MAP_FOREACH (client, ipam->clients)
		enqueue_again(ipam, client);
}

static void
set_pending(struct ipam *ipam, struct client *client, bool was_pending)
{
	if (client->is_pending == was_pending)
		return;
	if (client->is_pending) {
		TAILQ_INSERT_TAIL(&ipam->pending, client, pending_link);
		ipam->n_pending++;
	} else {
		TAILQ_REMOVE(&ipam->pending, client, pending_link);
		ipam->n_pending--;
	}
}

static struct client *
client_new(struct ipam *ipam, const struct service *service)
{
	struct client *client = xcalloc(1, sizeof(*client));

	client->key = xstrdup(service->key);
	client->uid = xstrdup(service->uid);
	client->namespace = xstrdup(service->namespace);
	client->created_usec = service->created_usec ? service->created_usec : INT64_MAX;
	holder_init(&client->holder, client->key);
	MAP_ADD_STR(ipam->clients, client->key, client);
	return client;
}

/* What it held is free afterwards; whether it held anything. */
static bool
client_free(struct ipam *ipam, struct client *client)
{
	bool had_any = holder_has_any(&client->holder), was_pending = client->is_pending;
	size_t i;

	unqueue(ipam, client);
	client->is_pending = false;
	set_pending(ipam, client, was_pending);
	for (i = 0; i < REQUEST_FAMILIES; i++)
		allocator_release(&ipam->allocator, &client->holder, i);
	allocator_set_sharing(&ipam->allocator, &client->holder, NULL);
	MAP_DEL(ipam->clients, client);
	free(client->key);
	free(client->uid);
	free(client->namespace);
	free(client->released);
	free(client->message);
	free(client);
	return had_any;
}

static void
namespace_free(struct ipam *ipam, struct namespace *namespace)
{
	MAP_DEL(ipam->namespaces, namespace);
	arena_free(namespace->arena);
	free(namespace->name);
	free(namespace);
}

static void
forget_namespaces(struct ipam *ipam)
{
	struct namespace *namespace, *next;

	MAP_FOREACH_SAFE (namespace, next, ipam->namespaces)
		namespace_free(ipam, namespace);
}

void
ipam_reset(struct ipam *ipam)
{
	struct client *client, *next;

	MAP_FOREACH_SAFE (client, next, ipam->clients)
		(void)client_free(ipam, client);
	forget_namespaces(ipam);
	arena_free(ipam->arena);
	ipam->arena = NULL;
}

void
ipam_free(struct ipam *ipam)
{
	if (!ipam)
		return;
	ipam_reset(ipam);
	allocator_fini(&ipam->allocator);
	free(ipam->forbidden);
	free(ipam);
}

void
ipam_set_settings(struct ipam *ipam, const struct settings *settings)
{
	bool selects_namespaces = false;
	size_t i;

	ipam->settings = settings;
	allocator_set_pools(&ipam->allocator, settings);
	for (i = 0; i < settings->n_pools; i++)
		selects_namespaces |= settings->pools[i].namespace_selectors.count > 0;
	if (!selects_namespaces)
		forget_namespaces(ipam);
	enqueue_all(ipam);
}

void
ipam_set_may_revoke(struct ipam *ipam, bool may_revoke)
{
	struct client *client;

	if (ipam->may_revoke == may_revoke)
		return;
	ipam->may_revoke = may_revoke;
	MAP_FOREACH (client, ipam->clients)
		if (client->is_kept_against_file)
			enqueue_again(ipam, client);
}

static int
addr_cmp(const void *a, const void *b)
{
	return ip_addr_cmp(a, b);
}

static size_t
sort_unique(struct ip_addr *addrs, size_t n)
{
	size_t i, kept = 0;

	qsort(addrs, n, sizeof(*addrs), addr_cmp);
	for (i = 0; i < n; i++)
		if (kept == 0 || !ip_addr_eq(&addrs[kept - 1], &addrs[i]))
			addrs[kept++] = addrs[i];
	return kept;
}

void
ipam_set_forbidden(struct ipam *ipam, const struct ip_addr *addrs, size_t n)
{
	struct ip_addr *old = ipam->forbidden, *list = xcalloc(n, sizeof(*list));
	size_t i, n_old = ipam->n_forbidden;

	for (i = 0; i < n; i++)
		list[i] = addrs[i];
	n = sort_unique(list, n);
	if (n == n_old && (n == 0 || memcmp(old, list, n * sizeof(*list)) == 0)) {
		free(list);
		return;
	}
	ipam->forbidden = list;
	ipam->n_forbidden = n;
	for (i = 0; i < n_old; i++)
		allocator_forbid(&ipam->allocator, &old[i], false);
	for (i = 0; i < n; i++)
		allocator_forbid(&ipam->allocator, &list[i], true);
	free(old);
	enqueue_pending(ipam);
}

static struct namespace *
find_namespace(const struct ipam *ipam, const char *name)
{
	struct namespace *namespace;

	MAP_FIND_STR(ipam->namespaces, name, namespace);
	return namespace;
}

static struct namespace *
get_namespace(struct ipam *ipam, const char *name)
{
	struct namespace *namespace = find_namespace(ipam, name);

	if (namespace)
		return namespace;
	namespace = xcalloc(1, sizeof(*namespace));
	namespace->name = xstrdup(name);
	MAP_ADD_STR(ipam->namespaces, namespace->name, namespace);
	return namespace;
}

static void
copy_labels(struct namespace *namespace, const struct labels *labels)
{
	struct label *items;
	size_t i;

	arena_free(namespace->arena);
	namespace->arena = arena_new();
	items = arena_alloc(namespace->arena, labels->count, sizeof(*items));
	for (i = 0; i < labels->count; i++) {
		items[i].key = arena_strdup(namespace->arena, labels->items[i].key);
		items[i].value = arena_strdup(namespace->arena, labels->items[i].value);
	}
	namespace->labels = (struct labels){.items = items, .count = labels->count};
}

void
ipam_set_namespace(struct ipam *ipam, const char *name, const struct labels *labels)
{
	struct namespace *namespace = find_namespace(ipam, name);
	struct labels none = {0};
	struct client *client;
	enum pool_namespace_state state = labels ? NAMESPACE_KNOWN : NAMESPACE_ABSENT;

	/* An answer that nobody waits for any more: the settings changed meanwhile. */
	if (!namespace)
		return;
	if (!labels)
		labels = &none;
	if (namespace->state == state && labels_equal(&namespace->labels, labels))
		return;
	namespace->state = state;
	copy_labels(namespace, labels);
	MAP_FOREACH (client, ipam->clients)
		if (str_eq(client->namespace, name))
			enqueue_again(ipam, client);
}

void
ipam_foreach_namespace(
    const struct ipam *ipam, void (*each)(void *arg, const char *name), void *arg)
{
	const struct namespace *namespace;

	MAP_FOREACH (namespace, ipam->namespaces)
		each(arg, namespace->name);
}

static bool
is_ours(const struct ipam *ipam, const struct service *service)
{
	return service_is_ours(service, ipam->settings->kubernetes.load_balancer_class);
}

void
ipam_service_changed(struct ipam *ipam, const struct service *service)
{
	struct client *client;

	MAP_FIND_STR(ipam->clients, service->key, client);
	if (client && !str_eq(client->uid, service->uid)) {
		/* Deleted and created again while nobody looked: another Service. */
		if (client_free(ipam, client))
			enqueue_pending(ipam);
		client = NULL;
	}
	if (!client) {
		/* Before there are settings every LoadBalancer may be ours. */
		if (service->type != SERVICE_LOAD_BALANCER ||
		    (ipam->settings && !is_ours(ipam, service)))
			if (!assign_has_trace(service))
				return;
		client = client_new(ipam, service);
	}
	enqueue(ipam, client, holder_has_any(&client->holder) || assign_may_have(service));
}

void
ipam_service_gone(struct ipam *ipam, const char *key)
{
	struct client *client;

	MAP_FIND_STR(ipam->clients, key, client);
	if (client && client_free(ipam, client))
		enqueue_pending(ipam);
}

size_t
ipam_foreign_ingress(
    const struct ipam *ipam, const struct service *service, struct service_ingress *ret_entries)
{
	const struct assign_env env = {.settings = ipam->settings};
	struct client stranger = {.key = NULL}, *client;

	MAP_FIND_STR(ipam->clients, service->key, client);
	return outcome_foreign(&(struct outcome){.env = &env,
				   .client = client ? client : &stranger,
				   .service = service,
				   .claim = CLAIM_ALL},
	    ret_entries);
}

static struct pool_namespace
namespace_of(const struct ipam *ipam, const struct service *service)
{
	const struct namespace *namespace = find_namespace(ipam, service->namespace);

	if (!namespace)
		return (struct pool_namespace){.state = NAMESPACE_UNKNOWN};
	return (struct pool_namespace){.state = namespace->state, .labels = &namespace->labels};
}

/* Whether some pool cannot be judged before the namespace's labels are known. */
static bool
waits_for_namespace(
    const struct ipam *ipam, const struct service *service, const struct pool_namespace *namespace)
{
	size_t i;

	if (namespace->state != NAMESPACE_UNKNOWN)
		return false;
	for (i = 0; i < ipam->allocator.n_pools; i++)
		if (pool_matches(&ipam->allocator.pools[i], service, namespace) ==
		    POOL_NAMESPACE_UNKNOWN)
			return true;
	return false;
}

static void
settle_not_ours(struct ipam *ipam, const struct assign_env *env, struct client *client,
    const struct service *service, struct ipam_decision *decision)
{
	bool is_known = client->is_settled || holder_has_any(&client->holder), freed = false;

	decision->key = arena_strdup(ipam->arena, client->key);
	if (is_known || assign_has_trace(service))
		decision->kind = IPAM_SETTLED;
	if (decision->kind == IPAM_SETTLED)
		assign_clear(env, client, service, ipam->arena, decision, &freed);
	(void)client_free(ipam, client);
	if (freed)
		enqueue_pending(ipam);
}

static void
settle_ours(struct ipam *ipam, struct assign_env *env, struct client *client,
    const struct service *service, struct ipam_decision *decision)
{
	bool was_pending = client->is_pending, freed;

	decision->key = client->key;
	if (waits_for_namespace(ipam, service, &env->namespace)) {
		env->mode = ASSIGN_KEEP_ONLY;
		if (!find_namespace(ipam, service->namespace)) {
			decision->kind = IPAM_NEEDS_NAMESPACE;
			decision->needs_namespace = get_namespace(ipam, service->namespace)->name;
		}
	} else if (client->may_have && ipam->queue.count) {
		/* First everybody keeps what is his; then those that lack something, by age. */
		env->mode = ASSIGN_NO_NEW;
	}
	if (assign_settle(env, client, service, ipam->arena, decision, &freed)) {
		decision->kind = IPAM_SETTLED;
		set_pending(ipam, client, was_pending);
	} else if (env->mode == ASSIGN_NO_NEW) {
		enqueue(ipam, client, false);
	}
	if (freed)
		enqueue_pending(ipam);
}

bool
ipam_next(struct ipam *ipam, const struct service_table *table, struct ipam_decision *ret_decision)
{
	struct assign_env env = {.allocator = &ipam->allocator,
	    .settings = ipam->settings,
	    .mode = ASSIGN_FULL,
	    .may_revoke = ipam->may_revoke};
	const struct service *service;
	struct tree_node *first;
	struct client *client;

	first = ipam->settings ? tree_first(&ipam->queue) : NULL;
	if (!first)
		return false;
	client = TREE_ITEM(first, struct client, queue_node);
	unqueue(ipam, client);
	arena_free(ipam->arena);
	ipam->arena = arena_new();
	*ret_decision = (struct ipam_decision){.kind = IPAM_NOTHING};
	service = service_table_find(table, client->key);
	if (!service) {
		ret_decision->key = arena_strdup(ipam->arena, client->key);
		if (client_free(ipam, client))
			enqueue_pending(ipam);
		return true;
	}
	env.namespace = namespace_of(ipam, service);
	if (is_ours(ipam, service))
		settle_ours(ipam, &env, client, service, ret_decision);
	else
		settle_not_ours(ipam, &env, client, service, ret_decision);
	return true;
}

void
ipam_learn(struct ipam *ipam, const struct service_table *table)
{
	struct assign_env env = {
	    .allocator = &ipam->allocator, .settings = ipam->settings, .mode = ASSIGN_KEEP_ONLY};
	const struct service *service;
	struct ipam_decision ignored;
	struct tree_node *first;
	bool freed;

	if (!ipam->settings)
		return;
	MAP_FOREACH (service, table->head)
		if (is_ours(ipam, service))
			ipam_service_changed(ipam, service);
	while ((first = tree_first(&ipam->queue))) {
		struct client *client = TREE_ITEM(first, struct client, queue_node);

		unqueue(ipam, client);
		service = service_table_find(table, client->key);
		if (!service)
			continue;
		env.namespace = namespace_of(ipam, service);
		(void)assign_settle(&env, client, service, NULL, &ignored, &freed);
	}
}

static const char *const verdict_names[] = {
    [IPAM_VERDICT_USED] = "used",
    [IPAM_VERDICT_USABLE] = "usable",
    [IPAM_VERDICT_NOT_NAMED] = "not-named",
    [IPAM_VERDICT_NOT_REQUESTED] = "not-requested",
    [IPAM_VERDICT_REFUSED] = "refused",
    [IPAM_VERDICT_NO_AUTO_ASSIGN] = "no-auto-assign",
    [IPAM_VERDICT_NAMESPACE] = "namespace",
    [IPAM_VERDICT_NAMESPACE_UNKNOWN] = "namespace-unknown",
    [IPAM_VERDICT_SERVICE_LABELS] = "service-labels",
    [IPAM_VERDICT_NO_FAMILY] = "no-family",
    [IPAM_VERDICT_FULL] = "full",
};
static_assert(
    sizeof(verdict_names) / sizeof(verdict_names[0]) == IPAM_VERDICT_COUNT, "one name each");

const char *
ipam_verdict_str(enum ipam_verdict verdict)
{
	return verdict_names[verdict];
}

static const struct client *
find_client(const struct ipam *ipam, const char *key)
{
	const struct client *client;

	MAP_FIND_STR(ipam->clients, key, client);
	return client;
}

void
ipam_explain(
    const struct ipam *ipam, const struct service *service, ipam_explain_fn each, void *arg)
{
	struct allocator allocator = ipam->allocator;
	struct assign_env env = {.allocator = &allocator,
	    .settings = ipam->settings,
	    .may_revoke = ipam->may_revoke,
	    .namespace = namespace_of(ipam, service)};

	if (ipam->settings)
		assign_explain(&env, find_client(ipam, service->key), service, each, arg);
}

bool
ipam_service_state(const struct ipam *ipam, const char *key, enum ipam_reason *ret_reason,
    const char **ret_message)
{
	const struct client *client = find_client(ipam, key);

	if (!client || !client->is_settled)
		return false;
	*ret_reason = client->reason;
	*ret_message = client->message;
	return true;
}

static struct ipam_count
count(const struct ipam *ipam, const struct pool *pool, enum ip_family family)
{
	uint64_t taken = pool->used[family], forbidden = 0;
	struct ipam_count result = {.total = pool_capacity(pool, family)};
	size_t i;

	/* A node's own address is neither used nor free, unless a Service held it before. */
	for (i = 0; i < ipam->n_forbidden; i++) {
		const struct ip_addr *addr = &ipam->forbidden[i];

		if (addr->family == family && pool_allows(pool, addr) &&
		    !allocator_is_held(&ipam->allocator, addr))
			forbidden++;
	}
	result.used = taken - forbidden;
	result.is_saturated = result.total == UINT64_MAX;
	result.free = result.is_saturated ? UINT64_MAX : result.total - taken;
	return result;
}

static bool
holds_of(const struct holder *holder, const char *pool)
{
	size_t i;

	for (i = 0; i < REQUEST_FAMILIES; i++)
		if (holder->held[i].address && str_eq(holder->held[i].pool, pool))
			return true;
	return false;
}

const struct ip_addr *
ipam_forbidden(const struct ipam *ipam, size_t *ret_n)
{
	*ret_n = ipam->n_forbidden;
	return ipam->forbidden;
}

int
ipam_pool_stats(const struct ipam *ipam, const char *name, struct ipam_pool_stats *ret_stats)
{
	const struct pool *pool = allocator_pool(&ipam->allocator, name);
	const struct client *client;

	if (!pool)
		return -ENOENT;
	ret_stats->services = 0;
	MAP_FOREACH (client, ipam->clients)
		ret_stats->services += holds_of(&client->holder, name);
	ret_stats->v4 = count(ipam, pool, IP_FAMILY_V4);
	ret_stats->v6 = count(ipam, pool, IP_FAMILY_V6);
	return 0;
}

static int
held_cmp(const void *va, const void *vb)
{
	const struct ipam_held *a = va, *b = vb;
	int cmp = ip_addr_cmp(&a->address, &b->address);

	return cmp ? cmp : strcmp(a->service, b->service);
}

void
ipam_foreach_held(
    const struct ipam *ipam, void (*each)(void *arg, const struct ipam_held *held), void *arg)
{
	struct ipam_held *list = xcalloc(2 * MAP_COUNT(ipam->clients), sizeof(*list));
	const struct client *client;
	size_t i, n = 0;

	MAP_FOREACH (client, ipam->clients) {
		for (i = 0; i < REQUEST_FAMILIES; i++) {
			const struct ip_addr *addr = holder_addr(&client->holder, i);

			if (addr)
				list[n++] = (struct ipam_held){.address = *addr,
				    .pool = client->holder.held[i].pool,
				    .service = client->key};
		}
	}
	qsort(list, n, sizeof(*list), held_cmp);
	for (i = 0; i < n; i++) {
		list[i].is_shared = (i > 0 && ip_addr_eq(&list[i].address, &list[i - 1].address)) ||
		    (i + 1 < n && ip_addr_eq(&list[i].address, &list[i + 1].address));
		each(arg, &list[i]);
	}
	free(list);
}

size_t
ipam_pending_count(const struct ipam *ipam)
{
	return ipam->n_pending;
}
