#include "ipam/assign.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "ipam/outcome.h"
#include "ipam/record.h"
#include "model/settings.h"
#include "util/mem.h"
#include "util/str.h"

#define ASSIGN_MAX_NAMED_POOLS 8 /* that one message explains */

/* One Service being thought about. */
struct plan {
	const struct assign_env *env;
	struct client *client;
	const struct service *service;
	struct request request;
	bool wanted[REQUEST_FAMILIES]; /* families; both where clusterIPs make no sense */
	enum ipam_reason block;        /* why nothing new is looked for; IPAM_ALLOCATED: look */
	bool releases_all;             /* nothing may be kept either */
	bool was_settled;
	struct strbuf why;
	struct strbuf against_file; /* why the file does not allow what is kept */
	bool fresh[REQUEST_FAMILIES];
	struct ip_addr released[REQUEST_FAMILIES];
	bool freed;
};

static void
plan_fini(struct plan *plan)
{
	strbuf_free(&plan->why);
	strbuf_free(&plan->against_file);
}

static void
block(struct plan *plan, enum ipam_reason reason, const char *why)
{
	plan->block = reason;
	strbuf_clear(&plan->why);
	strbuf_add(&plan->why, why);
}

/* Whether the request, when there is one, names exactly the families that the Service has. */
static bool
request_fits(const struct plan *plan)
{
	size_t i;

	for (i = 0; plan->request.has_ips && i < REQUEST_FAMILIES; i++)
		if (plan->wanted[i] != (plan->request.ips[i].family != IP_FAMILY_NONE))
			return false;
	return true;
}

/* What the Service asks for, and what is wrong with that, the most fundamental last to win. */
static void
judge_request(struct plan *plan)
{
	const struct service *service = plan->service;
	int families = request_families(service, plan->wanted);
	bool parsed = request_parse(service, &plan->request, &plan->why) == 0;

	if (!parsed)
		plan->block = IPAM_REQUEST_INVALID;
	else if (plan->request.pool && !allocator_pool(plan->env->allocator, plan->request.pool)) {
		block(plan, IPAM_ALLOCATION_FAILED, "unknown pool ");
		request_quote(&plan->why, plan->request.pool);
	} else if (families > 0 && !request_fits(plan)) {
		block(plan, IPAM_ALLOCATION_FAILED,
		    "requested loadBalancer IPs do not match the ipFamilies of the Service: one "
		    "address for each of its clusterIPs");
	}
	if (families < 0)
		plan->wanted[0] = plan->wanted[1] = true;
	if (plan->env->settings->n_pools == 0) {
		block(plan, IPAM_NO_POOLS, "no address-pools are configured");
	} else if (families < 0) {
		block(plan, IPAM_CLUSTER_IPS_INVALID,
		    "the Service's clusterIPs are not one address, or one of each family");
	} else if (families == 0) {
		block(plan, IPAM_NO_CLUSTER_IP, "the Service has no clusterIP");
		plan->releases_all = true;
	} else if (families < 2 && service->ip_family_policy == REQUIRE_DUAL_STACK) {
		block(plan, IPAM_NOT_ENOUGH_CLUSTER_IPS,
		    "ipFamilyPolicy is RequireDualStack, and the Service has one clusterIP only");
		plan->releases_all = true;
	}
}

/* The name by which the pool of an address is known: memory first, then the annotation. The caller
 * frees. */
static char *
known_pool(const struct plan *plan, size_t family)
{
	const struct holding *holding = &plan->client->holder.held[family];

	return holding->address ? xstrdup(holding->pool) : record_pool(plan->service, family);
}

/* The pool for an address that is kept: the asked one, the one that it came from, any. NULL: none
 * allows it. */
static const struct pool *
pool_to_keep(const struct plan *plan, const struct ip_addr *addr)
{
	size_t family = family_index((enum ip_family)addr->family);
	mem_cleanup(mem_freep) char *known = known_pool(plan, family);

	return allocator_pool_of(
	    plan->env->allocator, addr, plan->request.pool ? plan->request.pool : known);
}

/* Whether the file allows addr to the Service; the words are why not. */
static bool
file_allows(const struct plan *plan, const struct ip_addr *addr, struct strbuf *why)
{
	struct allocator *allocator = plan->env->allocator;
	const struct pool *pool = pool_to_keep(plan, addr);
	struct refusal refusal = {0};
	struct pool *ignored;

	if (pool) {
		/* A namespace that cannot be judged is no reason to take an address away. */
		switch (pool_matches(pool, plan->service, &plan->env->namespace)) {
		case POOL_MATCHES:
		case POOL_NAMESPACE_UNKNOWN:
		case POOL_NAMESPACE_ABSENT:
		case POOL_MATCH_COUNT:
			return true;
		case POOL_OTHER_NAMESPACE:
			refusal.cause = REFUSAL_OTHER_NAMESPACE;
			break;
		case POOL_OTHER_LABELS:
			refusal.cause = REFUSAL_OTHER_LABELS;
			break;
		}
		refusal.addr = *addr;
		refusal.pool = pool->settings->name;
	} else {
		(void)allocator_may_give(allocator, plan->service, &plan->env->namespace, addr,
		    NULL, &ignored, &refusal);
	}
	refusal_format(&refusal, why);
	return false;
}

/* Whether the asked pool, when one is asked for and exists, is where addr is. */
static bool
is_in_asked_pool(const struct plan *plan, const struct ip_addr *addr)
{
	const struct pool *pool;

	if (!plan->request.pool)
		return true;
	pool = allocator_pool(plan->env->allocator, plan->request.pool);
	return !pool || pool_allows(pool, addr);
}

enum keep {
	KEEP,
	KEEP_AGAINST_FILE,
	KEEP_NOT
};

/* Whether the Service may keep addr, or adopt it from its status; the words are why not. */
static enum keep
judge_kept(const struct plan *plan, const struct sharing *sharing, const struct ip_addr *addr,
    struct strbuf *why)
{
	size_t family = family_index((enum ip_family)addr->family);
	const struct request *request = &plan->request;
	struct refusal refusal;
	char text[IP_ADDR_STRLEN];

	ip_addr_format(addr, text);
	if (plan->releases_all) {
		strbuf_printf(why, "%s: %s", text, strbuf_text(&plan->why));
		return KEEP_NOT;
	}
	if (!plan->wanted[family]) {
		strbuf_printf(why, "%s: the Service has no %s clusterIP", text,
		    ip_family_str((enum ip_family)addr->family));
		return KEEP_NOT;
	}
	if (request->has_ips && !ip_addr_eq(&request->ips[family], addr)) {
		strbuf_printf(why, "%s: the Service asks for another address", text);
		return KEEP_NOT;
	}
	if (!allocator_may_share(
		plan->env->allocator, &plan->client->holder, sharing, addr, &refusal)) {
		strbuf_printf(why, "%s: ", text);
		refusal_format(&refusal, why);
		return KEEP_NOT;
	}
	if (!is_in_asked_pool(plan, addr)) {
		mem_cleanup(mem_freep) char *known = known_pool(plan, family);

		strbuf_printf(why, "%s is not in the pool that the Service asks for, ", text);
		request_quote(why, request->pool);
		/* Was it in that pool? Then the file moved it, not the Service's owner. */
		return !plan->env->may_revoke && str_eq(known, request->pool) ? KEEP_AGAINST_FILE
									      : KEEP_NOT;
	}
	if (file_allows(plan, addr, why))
		return KEEP;
	return plan->env->may_revoke ? KEEP_NOT : KEEP_AGAINST_FILE;
}

struct candidates {
	struct ip_addr addrs[SERVICE_MAX_INGRESS + 1];
	size_t n;
};

/*
 * The addresses of one family that the Service may keep one of: that of memory; for a Service that
 * is seen for the first time those of its status that are ours, else the one that our condition
 * records (the status was wiped while nobody watched).
 */
static void
find_candidates(const struct plan *plan, size_t family, struct candidates *ret_candidates)
{
	const struct outcome claim = {
	    .env = plan->env, .client = plan->client, .service = plan->service, .claim = CLAIM_ALL};
	const struct ip_addr *held = holder_addr(&plan->client->holder, family);
	const struct service *service = plan->service;
	struct ip_addr recorded[REQUEST_FAMILIES];
	size_t i;

	ret_candidates->n = 0;
	if (held) {
		ret_candidates->addrs[ret_candidates->n++] = *held;
		return;
	}
	/* From then on memory is the truth, and an edited status is put right. */
	if (plan->was_settled)
		return;
	for (i = 0; i < service->n_ingress && i < SERVICE_MAX_INGRESS; i++)
		if (service->ingress[i].ip.family == family_at(family) &&
		    outcome_is_ours(&claim, &service->ingress[i]))
			ret_candidates->addrs[ret_candidates->n++] = service->ingress[i].ip;
	record_read(service, recorded);
	if (ret_candidates->n == 0 && recorded[family].family != IP_FAMILY_NONE)
		ret_candidates->addrs[ret_candidates->n++] = recorded[family];
}

static void
note_released(struct client *client, const char *why)
{
	char *text;

	if (!client->released) {
		client->released = xstrdup(why);
		return;
	}
	/* A Service that waits for others is looked at again, and finds the same. */
	if (strstr(client->released, why))
		return;
	text = xasprintf("%s; %s", client->released, why);
	free(client->released);
	client->released = text;
}

/* Settles what one family keeps. */
static void
keep_family(struct plan *plan, const struct sharing *sharing, size_t family)
{
	struct client *client = plan->client;
	mem_cleanup(strbuf_free) struct strbuf first = {0};
	const struct ip_addr *held = holder_addr(&client->holder, family);
	struct candidates candidates;
	size_t i;

	find_candidates(plan, family, &candidates);
	for (i = 0; i < candidates.n; i++) {
		const struct ip_addr *addr = &candidates.addrs[i];
		mem_cleanup(strbuf_free) struct strbuf why = {0};
		enum keep keep = judge_kept(plan, sharing, addr, &why);
		mem_cleanup(mem_freep) char *known = known_pool(plan, family);

		if (keep == KEEP_NOT) {
			if (i == 0)
				strbuf_add(&first, strbuf_text(&why));
			continue;
		}
		if (keep == KEEP_AGAINST_FILE)
			strbuf_printf(&plan->against_file, "%s%s",
			    plan->against_file.len ? "; " : "", strbuf_text(&why));
		/* What is kept against the file keeps its pool's name: it tells the next look that
		 * it was the file that changed. */
		allocator_hold(plan->env->allocator, &client->holder, addr,
		    keep == KEEP ? pool_to_keep(plan, addr)->settings->name : known);
		return;
	}
	if (candidates.n)
		note_released(client, strbuf_text(&first));
	if (held) {
		plan->released[family] = *held;
		allocator_release(plan->env->allocator, &client->holder, family);
		plan->freed = true;
	}
}

static void
keep_what_may_be_kept(struct plan *plan)
{
	struct client *client = plan->client;
	struct sharing *sharing = sharing_new(plan->service);
	bool had_any = holder_has_any(&client->holder);
	size_t i;

	for (i = 0; i < REQUEST_FAMILIES; i++) {
		/* Held with the old keys until all co-users are asked; a newcomer has its own. */
		if (!client->holder.sharing)
			allocator_set_sharing(
			    plan->env->allocator, &client->holder, sharing_new(plan->service));
		keep_family(plan, sharing, i);
	}
	if (had_any && !sharing_eq(client->holder.sharing, sharing))
		plan->freed = true;
	allocator_set_sharing(plan->env->allocator, &client->holder, sharing);
	client->is_kept_against_file = plan->against_file.len > 0;
}

static bool
is_missing(const struct plan *plan, size_t family)
{
	return plan->wanted[family] && !holder_addr(&plan->client->holder, family);
}

static bool
misses_any(const struct plan *plan)
{
	return is_missing(plan, 0) || is_missing(plan, 1);
}

/* An address for each family that is missing, and the pool of each; NULL: none. */
struct pick {
	struct ip_addr addrs[REQUEST_FAMILIES];
	const struct pool *pools[REQUEST_FAMILIES];
};

static bool
pick_from(const struct plan *plan, const struct pool *pool, size_t family, struct pick *pick)
{
	if (!allocator_lowest(plan->env->allocator, pool, &plan->client->holder, family_at(family),
		&pick->addrs[family]))
		return false;
	pick->pools[family] = pool;
	return true;
}

/* Whether new addresses may come from this pool at all. */
static bool
is_open(const struct plan *plan, const struct pool *pool)
{
	if (plan->request.pool ? !str_eq(pool->settings->name, plan->request.pool)
			       : !pool->settings->auto_assign)
		return false;
	return pool_matches(pool, plan->service, &plan->env->namespace) == POOL_MATCHES;
}

/* The first pool that has both. */
static bool
pick_both(const struct plan *plan, struct pick *ret_pick)
{
	const struct allocator *allocator = plan->env->allocator;
	size_t i;

	for (i = 0; i < allocator->n_pools; i++) {
		struct pick pick = {0};

		if (is_open(plan, allocator->order[i]) &&
		    pick_from(plan, allocator->order[i], 0, &pick) &&
		    pick_from(plan, allocator->order[i], 1, &pick)) {
			*ret_pick = pick;
			return true;
		}
	}
	return false;
}

/* The pool that a held address came from, when it may still give. */
static const struct pool *
pool_of_other(const struct plan *plan, size_t family)
{
	const struct holding *other = &plan->client->holder.held[!family];
	const struct pool *pool;

	if (!other->address || plan->request.pool)
		return NULL;
	pool = allocator_pool(plan->env->allocator, other->pool);
	if (!pool || pool_matches(pool, plan->service, &plan->env->namespace) != POOL_MATCHES)
		return NULL;
	return pool;
}

/* One family: beside the other one where possible, else the first pool that has it. */
static void
pick_one(const struct plan *plan, size_t family, struct pick *pick)
{
	const struct allocator *allocator = plan->env->allocator;
	const struct pool *beside = pool_of_other(plan, family);
	size_t i;

	if (beside && pick_from(plan, beside, family, pick))
		return;
	for (i = 0; i < allocator->n_pools; i++)
		if (is_open(plan, allocator->order[i]) &&
		    pick_from(plan, allocator->order[i], family, pick))
			return;
}

static void
pick_any(const struct plan *plan, struct pick *ret_pick)
{
	struct pick pick = {0};
	size_t i;
	bool both = is_missing(plan, 0) && is_missing(plan, 1);

	if (both && pick_both(plan, &pick)) {
		*ret_pick = pick;
		return;
	}
	for (i = 0; i < REQUEST_FAMILIES; i++)
		if (is_missing(plan, i))
			pick_one(plan, i, &pick);
	/* Half of two serves only who prefers two. Whoever has one family already keeps it, and
	 * takes what there is. */
	if (both && plan->service->ip_family_policy != PREFER_DUAL_STACK &&
	    (!pick.pools[0] || !pick.pools[1]))
		pick = (struct pick){0};
	*ret_pick = pick;
}

static enum ipam_verdict judge_pool(const struct plan *plan, const struct holder *asker,
    const struct pool *pool, struct strbuf *sb);

/* Names the pools and what is wrong with each. */
static void
explain_none(struct plan *plan)
{
	const struct allocator *allocator = plan->env->allocator;
	size_t i, n = 0;

	strbuf_add(&plan->why, "no available IPs: ");
	for (i = 0; i < allocator->n_pools; i++) {
		const struct pool *pool = allocator->order[i];

		if (plan->request.pool && !str_eq(pool->settings->name, plan->request.pool))
			continue;
		if (n == ASSIGN_MAX_NAMED_POOLS) {
			strbuf_printf(&plan->why, "; and %zu more pools", allocator->n_pools - n);
			return;
		}
		if (n++)
			strbuf_add(&plan->why, "; ");
		(void)judge_pool(plan, &plan->client->holder, pool, &plan->why);
	}
}

static void
allocate_asked(struct plan *plan)
{
	struct holder *holder = &plan->client->holder;
	bool had[REQUEST_FAMILIES];
	struct refusal refusal;
	size_t i;

	for (i = 0; i < REQUEST_FAMILIES; i++)
		had[i] = holder_addr(holder, i) != NULL;
	if (allocator_assign(plan->env->allocator, holder, plan->service, &plan->env->namespace,
		plan->request.ips, plan->request.pool, &refusal)) {
		refusal_format(&refusal, &plan->why);
		return;
	}
	for (i = 0; i < REQUEST_FAMILIES; i++)
		plan->fresh[i] = !had[i] && holder_addr(holder, i);
}

static void
allocate(struct plan *plan)
{
	struct pick pick;
	size_t i;

	if (plan->request.has_ips) {
		allocate_asked(plan);
		return;
	}
	pick_any(plan, &pick);
	for (i = 0; i < REQUEST_FAMILIES; i++) {
		if (!pick.pools[i])
			continue;
		allocator_hold(plan->env->allocator, &plan->client->holder, &pick.addrs[i],
		    pick.pools[i]->settings->name);
		plan->fresh[i] = true;
	}
	if (misses_any(plan))
		explain_none(plan);
}

static enum ipam_reason
reason_of(const struct plan *plan)
{
	bool has_any = holder_has_any(&plan->client->holder);

	if (plan->block != IPAM_ALLOCATED)
		return plan->block;
	if (misses_any(plan))
		return has_any && plan->service->ip_family_policy == PREFER_DUAL_STACK
		    ? IPAM_ADDITIONAL_FAILED
		    : IPAM_ALLOCATION_FAILED;
	return plan->against_file.len ? IPAM_SETTINGS_DIFFER : IPAM_ALLOCATED;
}

static void
finish(struct plan *plan, struct arena *arena, struct ipam_decision *decision)
{
	const struct holder *holder = &plan->client->holder;
	struct outcome outcome = {.env = plan->env,
	    .client = plan->client,
	    .service = plan->service,
	    .arena = arena,
	    .claim = CLAIM_ALL,
	    .reason = reason_of(plan)};

	outcome.status = holder_has_any(holder) &&
	    (!misses_any(plan) || plan->block == IPAM_CLUSTER_IPS_INVALID ||
		plan->service->ip_family_policy == PREFER_DUAL_STACK);
	if (plan->against_file.len) {
		strbuf_printf(&plan->why,
		    "%skept against this node's settings until most members have them: %s",
		    plan->why.len ? "; " : "", strbuf_text(&plan->against_file));
	}
	outcome.why = strbuf_text(&plan->why);
	memcpy(outcome.fresh, plan->fresh, sizeof(outcome.fresh));
	memcpy(outcome.released, plan->released, sizeof(outcome.released));
	outcome_decide(&outcome, decision);
	plan->client->is_pending = misses_any(plan);
}

bool
assign_settle(const struct assign_env *env, struct client *client, const struct service *service,
    struct arena *arena, struct ipam_decision *ret_decision, bool *ret_freed)
{
	struct plan plan = {
	    .env = env, .client = client, .service = service, .was_settled = client->is_settled};
	bool done = true;

	judge_request(&plan);
	keep_what_may_be_kept(&plan);
	if (plan.block == IPAM_ALLOCATED && misses_any(&plan) && service->deleting)
		block(&plan, IPAM_DELETING, "the Service is being deleted");
	if (env->mode == ASSIGN_KEEP_ONLY) {
		done = false;
	} else if (plan.block == IPAM_ALLOCATED && misses_any(&plan)) {
		if (env->mode == ASSIGN_FULL)
			allocate(&plan);
		else
			done = false;
	}
	if (done)
		finish(&plan, arena, ret_decision);
	*ret_freed = plan.freed;
	plan_fini(&plan);
	return done;
}

bool
assign_has_trace(const struct service *service)
{
	if (service->condition.present)
		return true;
	return service->type != SERVICE_LOAD_BALANCER &&
	    (service->n_ingress || service->annotations[ANNOTATION_IP_ALLOCATED_FROM_POOL]);
}

bool
assign_may_have(const struct service *service)
{
	struct ip_addr recorded[REQUEST_FAMILIES];
	size_t i;

	record_read(service, recorded);
	if (recorded[0].family != IP_FAMILY_NONE || recorded[1].family != IP_FAMILY_NONE)
		return true;
	for (i = 0; i < service->n_ingress; i++)
		if (service->ingress[i].ip.family != IP_FAMILY_NONE)
			return true;
	return false;
}

void
assign_clear(const struct assign_env *env, struct client *client, const struct service *service,
    struct arena *arena, struct ipam_decision *ret_decision, bool *ret_freed)
{
	struct outcome outcome = {.env = env,
	    .client = client,
	    .service = service,
	    .arena = arena,
	    .why = "",
	    .claim = service->type == SERVICE_LOAD_BALANCER ? CLAIM_MEMORY : CLAIM_ALL};
	size_t i;

	*ret_freed = holder_has_any(&client->holder);
	for (i = 0; i < REQUEST_FAMILIES; i++) {
		const struct ip_addr *held = holder_addr(&client->holder, i);
		char text[IP_ADDR_STRLEN], *why;

		if (!held)
			continue;
		ip_addr_format(held, text);
		why = xasprintf("%s: %s", text,
		    service->type == SERVICE_LOAD_BALANCER
			? "the Service is of another loadBalancerClass"
			: "the Service is no more of type LoadBalancer");
		note_released(client, why);
		free(why);
		outcome.released[i] = *held;
		allocator_release(env->allocator, &client->holder, i);
	}
	allocator_set_sharing(env->allocator, &client->holder, NULL);
	outcome_clear(&outcome, ret_decision);
}

static const struct {
	enum ipam_verdict verdict;
	const char *text;
} match_verdicts[] = {
    [POOL_MATCHES] = {IPAM_VERDICT_USABLE, ""},
    [POOL_OTHER_NAMESPACE] = {IPAM_VERDICT_NAMESPACE, "is not for this namespace"},
    [POOL_OTHER_LABELS] = {IPAM_VERDICT_SERVICE_LABELS, "is not for this Service's labels"},
    [POOL_NAMESPACE_UNKNOWN] = {IPAM_VERDICT_NAMESPACE_UNKNOWN,
	"selects by namespace labels, which are not known yet"},
    [POOL_NAMESPACE_ABSENT] = {IPAM_VERDICT_NAMESPACE_UNKNOWN,
	"selects by namespace labels, which cannot be read"},
};
static_assert(sizeof(match_verdicts) / sizeof(match_verdicts[0]) == POOL_MATCH_COUNT, "one each");

/* An explicit request, seen from one pool. */
static enum ipam_verdict
judge_asked(
    const struct plan *plan, const struct holder *asker, const struct pool *pool, struct strbuf *sb)
{
	enum ipam_verdict verdict = IPAM_VERDICT_NOT_REQUESTED;
	size_t i;

	for (i = 0; i < REQUEST_FAMILIES; i++) {
		const struct ip_addr *addr = &plan->request.ips[i];
		struct refusal refusal;
		struct pool *ignored;

		if (addr->family == IP_FAMILY_NONE || !pool_allows(pool, addr))
			continue;
		if (!allocator_may_give(plan->env->allocator, plan->service, &plan->env->namespace,
			addr, plan->request.pool, &ignored, &refusal) ||
		    !allocator_may_share(
			plan->env->allocator, asker, asker->sharing, addr, &refusal)) {
			strbuf_add(sb, "cannot give what is asked for: ");
			refusal_format(&refusal, sb);
			return IPAM_VERDICT_REFUSED;
		}
		verdict = IPAM_VERDICT_USABLE;
	}
	strbuf_add(sb,
	    verdict == IPAM_VERDICT_USABLE ? "has the address that is asked for"
					   : "may not give the address that is asked for");
	return verdict;
}

/* The families that are missing, or all wanted ones when none is. What never changes comes first,
 * so that the words of a refusal do not change with the pool's use. */
static enum ipam_verdict
judge_families(
    const struct plan *plan, const struct holder *asker, const struct pool *pool, struct strbuf *sb)
{
	bool any = misses_any(plan), counts[REQUEST_FAMILIES];
	struct ip_addr addr;
	size_t i;

	for (i = 0; i < REQUEST_FAMILIES; i++) {
		counts[i] = any ? is_missing(plan, i) : plan->wanted[i];
		if (counts[i] && !pool_has_family(pool, family_at(i))) {
			strbuf_printf(sb, "has no %s addresses", ip_family_str(family_at(i)));
			return IPAM_VERDICT_NO_FAMILY;
		}
	}
	for (i = 0; i < REQUEST_FAMILIES; i++) {
		if (counts[i] &&
		    !allocator_lowest(plan->env->allocator, pool, asker, family_at(i), &addr)) {
			strbuf_printf(sb, "has no free %s address", ip_family_str(family_at(i)));
			return IPAM_VERDICT_FULL;
		}
	}
	strbuf_add(sb, "has free addresses");
	return IPAM_VERDICT_USABLE;
}

/* Adds `pool "P" ...` to sb. */
static enum ipam_verdict
judge_pool(
    const struct plan *plan, const struct holder *asker, const struct pool *pool, struct strbuf *sb)
{
	enum pool_match match = pool_matches(pool, plan->service, &plan->env->namespace);

	strbuf_add(sb, "pool ");
	request_quote(sb, pool->settings->name);
	strbuf_add(sb, " ");
	if (plan->request.pool && !str_eq(pool->settings->name, plan->request.pool)) {
		strbuf_add(sb, "is not the one that the Service asks for");
		return IPAM_VERDICT_NOT_NAMED;
	}
	if (plan->request.has_ips)
		return judge_asked(plan, asker, pool, sb);
	if (match != POOL_MATCHES) {
		strbuf_add(sb, match_verdicts[match].text);
		return match_verdicts[match].verdict;
	}
	if (!plan->request.pool && !pool->settings->auto_assign) {
		strbuf_add(sb, "is given on request only: auto-assign is off");
		return IPAM_VERDICT_NO_AUTO_ASSIGN;
	}
	return judge_families(plan, asker, pool, sb);
}

static bool
explain_used(const struct client *client, const struct pool *pool, struct strbuf *sb)
{
	bool used = false;
	size_t i;

	for (i = 0; client && i < REQUEST_FAMILIES; i++) {
		const struct ip_addr *addr = holder_addr(&client->holder, i);
		char text[IP_ADDR_STRLEN];

		if (!addr || !str_eq(client->holder.held[i].pool, pool->settings->name))
			continue;
		ip_addr_format(addr, text);
		strbuf_printf(sb, "%s%s", used ? ", " : "gives ", text);
		used = true;
	}
	return used;
}

void
assign_explain(const struct assign_env *env, const struct client *client,
    const struct service *service, ipam_explain_fn each, void *arg)
{
	struct client stranger = {.key = NULL};
	struct plan plan = {.env = env, .service = service, .client = &stranger};
	struct sharing *sharing = sharing_new(service);
	size_t i;

	/* A copy that holds the same and shares as the Service says now; it is in no list. */
	if (client)
		stranger = *client;
	stranger.holder.sharing = sharing;
	judge_request(&plan);
	for (i = 0; i < env->allocator->n_pools; i++) {
		const struct pool *pool = env->allocator->order[i];
		mem_cleanup(strbuf_free) struct strbuf sb = {0};
		enum ipam_verdict verdict = IPAM_VERDICT_USED;

		if (!explain_used(client, pool, &sb))
			verdict = judge_pool(&plan, &stranger.holder, pool, &sb);
		each(arg, pool->settings->name, verdict, strbuf_text(&sb));
	}
	sharing_free(sharing);
	plan_fini(&plan);
}
