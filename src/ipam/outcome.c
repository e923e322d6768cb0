#include "ipam/outcome.h"

#include <stdlib.h>
#include <string.h>

#include "ipam/record.h"
#include "model/settings.h"
#include "util/hash.h"
#include "util/mem.h"
#include "util/str.h"

#define IP_MODE_VIP "VIP"

static bool
is_decided(const struct outcome *outcome, const struct ip_addr *addr)
{
	const struct ip_addr *held;
	size_t family = family_index((enum ip_family)addr->family);

	held = holder_addr(&outcome->client->holder, family);
	return (held && ip_addr_eq(held, addr)) || ip_addr_eq(&outcome->released[family], addr);
}

bool
outcome_is_ours(const struct outcome *outcome, const struct service_ingress *entry)
{
	const struct service *service = outcome->service;
	struct ip_addr recorded[REQUEST_FAMILIES];

	if (entry->ip.family == IP_FAMILY_NONE)
		return false;
	record_read(service, recorded);
	if (is_decided(outcome, &entry->ip) ||
	    ip_addr_eq(&recorded[family_index((enum ip_family)entry->ip.family)], &entry->ip))
		return true;
	if (outcome->claim == CLAIM_MEMORY)
		return false;
	if (settings_pool_of(outcome->env->settings, &entry->ip))
		return true;
	/* Left behind by MetalLB, which replaces the list whole: its annotation without a condition
	 * of ours. Once our condition was there it says what is ours, also when it is wiped. */
	return !outcome->client->has_shown_condition && !service->condition.present &&
	    service->annotations[ANNOTATION_IP_ALLOCATED_FROM_POOL];
}

size_t
outcome_foreign(const struct outcome *outcome, struct service_ingress *ret_entries)
{
	const struct service *service = outcome->service;
	size_t i, n = 0;

	for (i = 0; i < service->n_ingress && i < SERVICE_MAX_INGRESS; i++)
		if (!outcome_is_ours(outcome, &service->ingress[i]))
			ret_entries[n++] = service->ingress[i];
	return n;
}

/* Ours with the ip first, then what is not ours, in its order. */
static void
build_ingress(const struct outcome *outcome, struct ipam_decision *decision)
{
	const struct service *service = outcome->service;
	size_t i, j;

	for (i = 0; i < decision->n_addresses; i++) {
		struct service_ingress *entry = &decision->ingress[decision->n_ingress++];

		*entry = (struct service_ingress){
		    .ip = decision->addresses[i], .ip_mode = IP_MODE_VIP};
		/* Somebody's name for our address, or its ports, are not ours to remove. */
		for (j = 0; j < service->n_ingress && !entry->hostname && !entry->raw; j++) {
			if (!ip_addr_eq(&service->ingress[j].ip, &entry->ip))
				continue;
			entry->hostname = service->ingress[j].hostname;
			entry->raw = service->ingress[j].raw;
		}
	}
	decision->n_ingress += outcome_foreign(outcome, decision->ingress + decision->n_ingress);
}

/* Whether the entries that are ours are exactly those wanted. Where the others stand, and an ipMode
 * that an older server did not keep, is no reason to write. */
static bool
ingress_is_right(const struct outcome *outcome, const struct ipam_decision *decision)
{
	const struct service *service = outcome->service;
	size_t i, n = 0;

	for (i = 0; i < service->n_ingress; i++) {
		const struct service_ingress *entry = &service->ingress[i];

		if (!outcome_is_ours(outcome, entry))
			continue;
		if (n == decision->n_addresses ||
		    !ip_addr_eq(&entry->ip, &decision->addresses[n]) ||
		    (entry->ip_mode && !str_eq(entry->ip_mode, IP_MODE_VIP)))
			return false;
		n++;
	}
	return n == decision->n_addresses;
}

static bool
annotation_is_right(const struct service *service, const char *wanted)
{
	const char *is = service->annotations[ANNOTATION_IP_ALLOCATED_FROM_POOL];

	if (service->annotation_legacy[ANNOTATION_IP_ALLOCATED_FROM_POOL] ||
	    service->annotation_too_long[ANNOTATION_IP_ALLOCATED_FROM_POOL])
		return false;
	return str_eq_null(is, wanted);
}

static bool
condition_is_right(const struct service_condition *is, const struct service_condition *wanted)
{
	if (!is->present || !wanted->present)
		return is->present == wanted->present;
	return is->status == wanted->status && str_eq(is->reason, wanted->reason) &&
	    str_eq(is->message, wanted->message);
}

static void
compare(const struct outcome *outcome, struct ipam_decision *decision)
{
	const struct service *service = outcome->service;

	decision->remove_legacy_annotation =
	    service->annotation_legacy[ANNOTATION_IP_ALLOCATED_FROM_POOL];
	decision->condition_transition = decision->condition.present &&
	    (!service->condition.present ||
		service->condition.status != decision->condition.status);
	decision->write_needed = !ingress_is_right(outcome, decision) ||
	    !annotation_is_right(service, decision->annotation) ||
	    !condition_is_right(&service->condition, &decision->condition);
}

static void
add_event(struct ipam_decision *decision, bool warning, const char *reason, const char *message)
{
	decision->events[decision->n_events++] = (struct ipam_event){
	    .warning = warning, .reason = reason, .message = message};
}

/* Text in the arena, cut to what a condition and an Event can hold. */
static const char *
cut(struct arena *arena, const struct strbuf *sb)
{
	const char *text = strbuf_text(sb);

	if (sb->len <= IPAM_MAX_MESSAGE)
		return arena_strdup(arena, text);
	return arena_printf(arena, "%.*s...", IPAM_MAX_MESSAGE - 3, text);
}

static void
tell_released(const struct outcome *outcome, struct ipam_decision *decision)
{
	struct client *client = outcome->client;
	mem_cleanup(strbuf_free) struct strbuf sb = {0};

	if (!client->released)
		return;
	strbuf_printf(&sb, "released %s", client->released);
	add_event(decision, false, "ClearAssignment", cut(outcome->arena, &sb));
	free(client->released);
	client->released = NULL;
}

static void
tell_fresh(const struct outcome *outcome, struct ipam_decision *decision)
{
	mem_cleanup(strbuf_free) struct strbuf sb = {0};
	struct ip_addr addrs[REQUEST_FAMILIES];
	const char *pools[REQUEST_FAMILIES];
	size_t i, n = 0;

	for (i = 0; i < decision->n_addresses; i++) {
		size_t family = family_index((enum ip_family)decision->addresses[i].family);

		if (!outcome->fresh[family])
			continue;
		addrs[n] = decision->addresses[i];
		pools[n++] = decision->pools[i];
	}
	if (n == 0)
		return;
	if (n < decision->n_addresses)
		strbuf_add(&sb, "additional address: ");
	record_write(&sb, addrs, pools, n);
	add_event(decision, false, "IPAllocated", cut(outcome->arena, &sb));
}

static void
tell_legacy(const struct outcome *outcome, struct ipam_decision *decision)
{
	const struct service *service = outcome->service;
	size_t i;

	if (outcome->client->told_legacy || !decision->write_needed)
		return;
	for (i = 0; i < ANNOTATION_COUNT; i++) {
		const char *name = service_annotation_name((enum service_annotation)i);

		if (!service->annotation_legacy[i] || i == ANNOTATION_IP_ALLOCATED_FROM_POOL)
			continue;
		add_event(decision, true, "deprecatedAnnotation",
		    arena_printf(outcome->arena,
			"Service uses deprecated annotation " ANNOTATION_LEGACY_PREFIX
			"%s: write " ANNOTATION_PREFIX "%s",
			name, name));
		outcome->client->told_legacy = true;
		return;
	}
}

/* A state is told once: not again by us, nor by the leader after us, who finds it in the condition.
 */
static void
tell_reason(const struct outcome *outcome, struct ipam_decision *decision)
{
	const struct service_condition *condition = &decision->condition;
	const char *event = ipam_reason_event(outcome->reason);
	mem_cleanup(strbuf_free) struct strbuf sb = {0};
	struct client *client = outcome->client;
	uint64_t hash = hash_string(HASH_INIT, condition->reason);

	hash = hash_final(hash_string(hash, condition->message));
	if (client->told == hash)
		return;
	client->told = hash;
	if (!event || condition_is_right(&outcome->service->condition, condition))
		return;
	if (outcome->reason == IPAM_ALLOCATION_FAILED)
		strbuf_printf(&sb, "Failed to allocate IP for \"%s\": ", client->key);
	strbuf_add(&sb, outcome->why);
	add_event(
	    decision, ipam_reason_is_warning(outcome->reason), event, cut(outcome->arena, &sb));
}

static void
build_addresses(const struct outcome *outcome, struct ipam_decision *decision)
{
	const struct holder *holder = &outcome->client->holder;
	size_t i, n = 0;

	for (i = 0; i < REQUEST_FAMILIES; i++) {
		const struct ip_addr *addr = holder_addr(holder, i);

		if (!addr)
			continue;
		decision->addresses[n] = *addr;
		decision->pools[n++] = arena_strdup(outcome->arena, holder->held[i].pool);
	}
	decision->n_addresses = n;
	/* An address that no pool allows, kept against the file, may have no pool's name. */
	if (n == 2 && !str_eq(decision->pools[0], decision->pools[1]))
		decision->annotation = arena_printf(
		    outcome->arena, "%s,%s", decision->pools[0], decision->pools[1]);
	else if (n && decision->pools[0][0])
		decision->annotation = decision->pools[0];
}

static bool
has_trace(const struct outcome *outcome)
{
	const struct service *service = outcome->service;
	size_t i;

	if (service->condition.present || outcome->client->released ||
	    service->annotations[ANNOTATION_IP_ALLOCATED_FROM_POOL])
		return true;
	for (i = 0; i < service->n_ingress; i++)
		if (outcome_is_ours(outcome, &service->ingress[i]))
			return true;
	return false;
}

static void
build_condition(const struct outcome *outcome, struct ipam_decision *decision)
{
	mem_cleanup(strbuf_free) struct strbuf sb = {0};

	record_write(&sb, decision->addresses, decision->pools, decision->n_addresses);
	if (outcome->why[0])
		strbuf_printf(&sb, "%s%s", decision->n_addresses ? "; " : "", outcome->why);
	decision->condition = (struct service_condition){
	    .present = true,
	    .status = outcome->status,
	    .reason = ipam_reason_str(outcome->reason),
	    .message = cut(outcome->arena, &sb),
	    .observed_generation = outcome->service->generation,
	};
}

static void
remember(struct client *client, const struct service *service, enum ipam_reason reason,
    const char *message)
{
	free(client->message);
	client->message = xstrdup(message);
	client->reason = reason;
	client->is_settled = true;
	client->has_shown_condition |= service->condition.present;
}

void
outcome_decide(const struct outcome *outcome, struct ipam_decision *ret_decision)
{
	struct ipam_decision *decision = ret_decision;
	bool is_silent;

	decision->reason = outcome->reason;
	build_addresses(outcome, decision);
	is_silent = ipam_reason_is_quiet(outcome->reason) && !decision->n_addresses &&
	    !has_trace(outcome);
	build_condition(outcome, decision);
	build_ingress(outcome, decision);
	if (is_silent) {
		remember(outcome->client, outcome->service, outcome->reason,
		    decision->condition.message);
		decision->condition = (struct service_condition){.reason = "", .message = ""};
		return;
	}
	compare(outcome, decision);
	tell_released(outcome, decision);
	tell_fresh(outcome, decision);
	tell_reason(outcome, decision);
	tell_legacy(outcome, decision);
	remember(outcome->client, outcome->service, outcome->reason, decision->condition.message);
}

void
outcome_clear(const struct outcome *outcome, struct ipam_decision *ret_decision)
{
	ret_decision->condition = (struct service_condition){.reason = "", .message = ""};
	build_ingress(outcome, ret_decision);
	compare(outcome, ret_decision);
	tell_released(outcome, ret_decision);
}
