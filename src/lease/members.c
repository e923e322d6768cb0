#include "lease/members.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "util/hash.h"
#include "util/mem.h"
#include "util/str.h"

static const char *const member_names[] = {"live", "expired", "released"};
static_assert(
    sizeof(member_names) / sizeof(member_names[0]) == MEMBER_STATE_COUNT, "one name per state");
static const char *const proof_names[] = {"none", "wanted", "asked", "dead"};
static_assert(sizeof(proof_names) / sizeof(proof_names[0]) == PROOF_COUNT, "one name per proof");
static const char *const life_names[] = {"living", "silent", "dead"};
static_assert(sizeof(life_names) / sizeof(life_names[0]) == LIFE_COUNT, "one name per life");
static const char *const majority_names[] = {"none", "ours", "other"};
static_assert(sizeof(majority_names) / sizeof(majority_names[0]) == HASH_MAJORITY_COUNT,
    "one name per majority");

const char *
member_state_str(enum member_state state)
{
	return member_names[state];
}

const char *
member_proof_str(enum member_proof proof)
{
	return proof_names[proof];
}

const char *
member_life_str(enum member_life life)
{
	return life_names[life];
}

const char *
hash_majority_str(enum hash_majority majority)
{
	return majority_names[majority];
}

/* --- One member --- */

static bool
member_is_own(const struct membership *m, const struct member *member)
{
	return str_eq(member->name, m->node);
}

static bool
member_counts(const struct member *member)
{
	return member->present && member->state == MEMBER_LIVE;
}

static void
member_queue(struct membership *m, struct member *member)
{
	m->generation++;
	if (member->queued)
		return;
	member->queued = true;
	TAILQ_INSERT_TAIL(&m->changed, member, entry);
}

/* The only place where state and presence change, so that the counts hold. */
static void
member_become(struct membership *m, struct member *member, enum member_state state, bool present)
{
	bool counted = member_counts(member);

	if (member->state == state && member->present == present)
		return;
	m->n_present += (unsigned)present - (unsigned)member->present;
	member->state = state;
	member->present = present;
	m->n_live += (unsigned)member_counts(member) - (unsigned)counted;
	member_queue(m, member);
}

int64_t
members_duration(const struct membership *m)
{
	int64_t usec = m->setting_usec;
	int64_t grown = ((int64_t)m->n_live + MEMBERSHIP_MEMBERS_PER_SECOND - 1) /
	    MEMBERSHIP_MEMBERS_PER_SECOND * USEC_PER_SEC;

	if (!m->l2 && usec < MEMBERSHIP_SLOW_SECONDS * USEC_PER_SEC)
		usec = MEMBERSHIP_SLOW_SECONDS * USEC_PER_SEC;
	if (usec < grown)
		usec = grown;
	if (usec < USEC_PER_SEC)
		usec = USEC_PER_SEC;
	return usec < MEMBERSHIP_MAX_SECONDS * USEC_PER_SEC ? usec
							    : MEMBERSHIP_MAX_SECONDS * USEC_PER_SEC;
}

int64_t
members_record_duration(const struct membership *m, const struct lease *lease)
{
	int32_t seconds = lease->duration_seconds;

	if (seconds <= 0)
		return members_duration(m);
	return (seconds < MEMBERSHIP_MAX_SECONDS ? seconds : MEMBERSHIP_MAX_SECONDS) * USEC_PER_SEC;
}

static struct member *
member_find(const struct membership *m, const char *node)
{
	struct member *member;

	MAP_FIND_STR(m->members, node, member);
	return member;
}

static struct member *
member_new(struct membership *m, const char *node, mono_t now)
{
	struct member *member;

	if (MAP_COUNT(m->members) >= MEMBERSHIP_MAX_MEMBERS) {
		if (!m->too_many)
			lease_outbox_say(m->out, LEASE_EVENT_TOO_MANY, node,
			    "more than %d node Leases", MEMBERSHIP_MAX_MEMBERS);
		m->too_many = true;
		return NULL;
	}
	member = xcalloc(1, sizeof(*member));
	member->name = xstrdup(node);
	member->changed = member->settled = now;
	member->duration_usec = members_duration(m);
	MAP_ADD_STR(m->members, member->name, member);
	return member;
}

void
membership_know_mac(struct membership *m, const struct mac_addr *mac, const char *node)
{
	struct member_mac *known;

	if (mac_addr_is_zero(mac))
		return;
	MAP_FIND(m->macs, mac, known);
	if (!known) {
		if (MAP_COUNT(m->macs) >= MEMBERSHIP_MAX_MACS)
			return;
		known = xcalloc(1, sizeof(*known));
		known->mac = *mac;
		MAP_ADD(m->macs, mac, known);
	} else if (str_eq(known->name, node)) {
		return;
	}
	free(known->name);
	known->name = xstrdup(node);
}

static void
member_learn_macs(struct membership *m, const struct member *member)
{
	size_t i;

	for (i = 0; i < member->info->n_interfaces; i++)
		membership_know_mac(m, &member->info->interfaces[i].mac, member->name);
}

static void
member_free(struct membership *m, struct member *member)
{
	if (member->queued)
		TAILQ_REMOVE(&m->changed, member, entry);
	timer_cancel(&m->timers, &member->timer);
	MAP_DEL(m->members, member);
	arena_free(member->arena);
	free(member->name);
	free(member);
}

/* Seen to change (or, while absent, to be absent): its age starts anew. */
static void
member_touch(struct membership *m, struct member *member, mono_t now)
{
	member->changed = now;
	member->proof = PROOF_NONE;
	if (!member_is_own(m, member))
		timer_set(&m->timers, &member->timer, mono_add_usec(now, member->duration_usec));
}

static uint64_t
annotations_hash(const struct lease *lease)
{
	uint64_t hash = HASH_INIT;
	size_t i;

	for (i = 0; i < lease->annotations.count; i++) {
		hash = hash_string(hash, lease->annotations.items[i].key);
		hash = hash_string(hash, lease->annotations.items[i].value);
	}
	return hash_final(hash);
}

/* True when it says something new. */
static bool
member_read(struct membership *m, struct member *member, const struct lease *lease)
{
	uint64_t content = annotations_hash(lease);

	if (member->info && member->content == content)
		return false;
	arena_free(member->arena);
	member->arena = arena_new();
	member->info = member_info_read(member->arena, lease);
	member->content = content;
	member_learn_macs(m, member);
	member_queue(m, member);
	return true;
}

static void
member_appear(struct membership *m, struct member *member, const struct lease *lease, mono_t now)
{
	bool known = member->present && !member->said_down && member->state != MEMBER_RELEASED;
	bool held = lease_is_held(lease);

	member->version = record_version(lease);
	member->duration_usec = members_record_duration(m, lease);
	if (member_read(m, member, lease) || !known)
		member->settled = now;
	if (held && !known && m->view != VIEW_NONE && !member_is_own(m, member))
		lease_outbox_say(m->out, LEASE_EVENT_MEMBER_UP, member->name, "%s", "");
	if (!held && known && !member_is_own(m, member))
		lease_outbox_say(m->out, LEASE_EVENT_MEMBER_LEFT, member->name, "%s", "");
	member->said_down = member->deleting = false;
	member_become(m, member, held ? MEMBER_LIVE : MEMBER_RELEASED, true);
	member_touch(m, member, now);
}

static void
member_vanish(struct membership *m, struct member *member, mono_t now)
{
	if (member->deleting)
		lease_outbox_say(m->out, LEASE_EVENT_NODE_SWEPT, member->name, "%s", "");
	member->deleting = false;
	member->version = 0;
	arena_free(member->arena);
	member->arena = NULL;
	member->info = NULL;
	/* A daemon that runs writes it again; one that had left before does not live by this. */
	member_become(
	    m, member, member->state == MEMBER_RELEASED ? MEMBER_RELEASED : MEMBER_LIVE, false);
	member_touch(m, member, now);
	if (!member->refs)
		member_free(m, member);
}

void
members_observe(struct membership *m, const char *node, mono_t now)
{
	struct member *member = member_find(m, node);
	struct arena *arena = arena_new();
	const struct lease *lease = lease_table_find(m->leases, lease_node_name(arena, node));

	arena_free(arena);
	if (!lease) {
		if (member && member->present)
			member_vanish(m, member, now);
		return;
	}
	if (!member)
		member = member_new(m, node, now);
	if (member && (!member->present || member->version != record_version(lease)))
		member_appear(m, member, lease, now);
}

static void
member_expire(struct membership *m, struct member *member)
{
	if (member->state != MEMBER_LIVE || member_is_own(m, member))
		return;
	if (member->present && !member->said_down) {
		lease_outbox_say(m->out, LEASE_EVENT_MEMBER_DOWN, member->name,
		    "no heartbeat for %lld s", (long long)(member->duration_usec / USEC_PER_SEC));
		member->said_down = true;
	}
	member_become(m, member, MEMBER_EXPIRED, member->present);
}

/* --- The one GET before a claim, and the sweep --- */

static void
member_ask(struct membership *m, struct member *member)
{
	struct arena *arena = arena_new();
	struct lease *lease = lease_new(lease_node_name(arena, member->name));

	arena_free(arena);
	member->proof = PROOF_ASKED;
	member->named_since = false;
	lease_outbox_add(m->out, LEASE_GET, lease);
}

static const struct lease *
member_lease(const struct membership *m, const struct member *member)
{
	struct arena *arena = arena_new();
	const struct lease *lease = lease_table_find(
	    m->leases, lease_node_name(arena, member->name));

	arena_free(arena);
	return lease;
}

static bool
member_is_swept(const struct membership *m, const struct member *member)
{
	return m->leading && member->present && member->state != MEMBER_LIVE && !member->refs &&
	    !member->deleting && !member_is_own(m, member);
}

static void
member_arm_sweep(struct membership *m, struct member *member, mono_t now)
{
	mono_t at = mono_add_usec(member->changed, MEMBERSHIP_SWEEP_USEC);

	if (member_is_swept(m, member))
		timer_set(&m->timers, &member->timer, mono_before(at, now) ? now : at);
}

static void
member_sweep(struct membership *m, struct member *member)
{
	const struct lease *lease = member_lease(m, member);

	if (!lease)
		return;
	member->deleting = true;
	lease_outbox_add(m->out, LEASE_DELETE, lease_copy(lease));
}

static void
member_swept(struct membership *m, struct member *member, enum lease_result result, mono_t now)
{
	/* Done: the watch is to show it. */
	if (result == LEASE_OK || result == LEASE_NOT_FOUND)
		return;
	member->deleting = false;
	timer_set(&m->timers, &member->timer, mono_add_usec(now, MEMBERSHIP_SWEEP_RETRY_USEC));
	/* Who wanted to know meanwhile whether it lives is told by what the watch shows now. */
	if (member->proof == PROOF_WANTED)
		member_ask(m, member);
}

static void
member_timer(struct membership *m, struct member *member, mono_t now)
{
	/* In a view that is not fresh nobody ages; what becomes of it then is for
	 * members_expire() or members_restart() to say. */
	if (!membership_is_fresh(m, now))
		return;
	if (member->proof == PROOF_WANTED) {
		if (!member->deleting)
			member_ask(m, member);
	} else if (member->state == MEMBER_LIVE) {
		member_expire(m, member);
		member_arm_sweep(m, member, now);
	} else if (member_is_swept(m, member) &&
	    mono_reached(now, mono_add_usec(member->changed, MEMBERSHIP_SWEEP_USEC))) {
		member_sweep(m, member);
	} else {
		member_arm_sweep(m, member, now);
	}
}

void
members_answered(struct membership *m, const char *node, enum lease_result result,
    const struct lease *answer, mono_t now)
{
	struct member *member = member_find(m, node);
	bool same;

	if (member && member->deleting) {
		member_swept(m, member, result, now);
		return;
	}
	if (!member || member->proof != PROOF_ASKED)
		return;
	if ((result == LEASE_OK && answer) || result == LEASE_NOT_FOUND) {
		same = member->present
		    ? result == LEASE_OK && record_version(answer) == member->version
		    : result == LEASE_NOT_FOUND;
		if (same && member->named_since) {
			member_ask(m, member);
			return;
		}
		if (same) {
			member->proof = PROOF_DEAD;
			member_queue(m, member);
			return;
		}
		/* It lives, or somebody removed it: either way something we have yet to see. */
		member_become(m, member, MEMBER_LIVE, member->present);
		member_touch(m, member, now);
		return;
	}
	member->proof = PROOF_WANTED;
	timer_set(&m->timers, &member->timer,
	    mono_add_usec(
		now, MEMBERSHIP_RETRY_USEC + (int64_t)prng_below(&m->prng, MEMBERSHIP_RETRY_USEC)));
}

/* --- All members --- */

void
members_init(struct membership *m)
{
	TAILQ_INIT(&m->changed);
}

void
members_fini(struct membership *m)
{
	struct member *member, *next;

	struct member_mac *mac, *next_mac;

	MAP_FOREACH_SAFE (member, next, m->members)
		member_free(m, member);
	MAP_FOREACH_SAFE (mac, next_mac, m->macs) {
		MAP_DEL(m->macs, mac);
		free(mac->name);
		free(mac);
	}
	timer_queue_fini(&m->timers);
}

void
members_tick(struct membership *m, mono_t now)
{
	struct timer *timer;

	while ((timer = timer_take(&m->timers, now)))
		member_timer(m,
		    (struct member *)(void *)((char *)timer - offsetof(struct member, timer)), now);
}

void
members_expire(struct membership *m, mono_t now)
{
	struct member *member;

	MAP_FOREACH (member, m->members) {
		if (mono_reached(now, mono_add_usec(member->changed, member->duration_usec)))
			member_expire(m, member);
		member_arm_sweep(m, member, now);
	}
}

void
members_arm_sweep(struct membership *m, mono_t now)
{
	struct member *member;

	MAP_FOREACH (member, m->members)
		member_arm_sweep(m, member, now);
}

void
members_forget_proofs(struct membership *m)
{
	struct member *member;

	MAP_FOREACH (member, m->members)
		if (member->proof != PROOF_ASKED)
			member->proof = PROOF_NONE;
}

void
members_restart(struct membership *m, mono_t now)
{
	struct member *member;

	MAP_FOREACH (member, m->members) {
		if (member->state == MEMBER_EXPIRED)
			member_become(m, member, MEMBER_LIVE, member->present);
		member_touch(m, member, now);
	}
}

/* --- Questions --- */

unsigned
membership_count(const struct membership *m)
{
	return m->n_live ? m->n_live : 1;
}

const struct member *
membership_find(const struct membership *m, const char *node)
{
	return member_find(m, node);
}

/* What another live node says of itself, NULL otherwise: for ourselves m->info counts. */
static const struct member_info *
live_info(const struct membership *m, const struct member *member)
{
	if (member_is_own(m, member))
		return NULL;
	return member_counts(member) ? member->info : NULL;
}

const char *
membership_node_by_mac(const struct membership *m, const struct mac_addr *mac)
{
	struct member_mac *found;

	MAP_FIND(m->macs, mac, found);
	return found ? found->name : NULL;
}

const struct member *
membership_by_mac(const struct membership *m, const struct mac_addr *mac)
{
	const char *node = membership_node_by_mac(m, mac);

	return node ? member_find(m, node) : NULL;
}

bool
membership_is_own_mac(const struct membership *m, const struct mac_addr *mac)
{
	size_t i;

	for (i = 0; m->info && i < m->info->n_interfaces; i++)
		if (mac_addr_eq(&m->info->interfaces[i].mac, mac))
			return true;
	return false;
}

static unsigned
count_on(const struct membership *m, const struct ip_prefix *subnets, size_t n_subnets,
    bool only_excluded)
{
	const struct member_info *info;
	const struct member *member;
	unsigned n = 0;

	if (m->info && member_info_is_on(m->info, subnets, n_subnets))
		n += !only_excluded || m->info->excluded;
	MAP_FOREACH (member, m->members) {
		info = live_info(m, member);
		if (info && member_info_is_on(info, subnets, n_subnets))
			n += !only_excluded || info->excluded;
	}
	return n;
}

unsigned
membership_count_on(const struct membership *m, const struct ip_prefix *subnets, size_t n_subnets)
{
	return count_on(m, subnets, n_subnets, false);
}

bool
membership_all_excluded(
    const struct membership *m, const struct ip_prefix *subnets, size_t n_subnets)
{
	unsigned excluded = count_on(m, subnets, n_subnets, true);

	return excluded && excluded == count_on(m, subnets, n_subnets, false);
}

/* Ours, candidate or not. */
static struct rank
own_rank(const struct membership *m, const struct ip_addr *addr, const struct rank_scope *scope)
{
	struct rank ours = {0, rank_score(m->node, addr), m->node};

	if (m->info)
		(void)rank_weight(m->info, scope, &ours.weight);
	return ours;
}

/* Of another, if it is a candidate. */
static bool
candidate_rank(const struct membership *m, const struct member *member, const struct ip_addr *addr,
    const struct rank_scope *scope, struct rank *ret_rank)
{
	const struct member_info *info = live_info(m, member);
	bool all_excluded = m->info && m->info->excluded;

	if (!info || !rank_is_candidate(info, scope, all_excluded, &ret_rank->weight))
		return false;
	ret_rank->node = member->name;
	ret_rank->score = rank_score(member->name, addr);
	return true;
}

unsigned
membership_count_ahead(const struct membership *m, const struct ip_addr *addr,
    const struct rank_scope *scope, const char *except)
{
	struct rank ours = own_rank(m, addr, scope), theirs;
	const struct member *member;
	unsigned n = 0;

	MAP_FOREACH (member, m->members) {
		if (!candidate_rank(m, member, addr, scope, &theirs) ||
		    str_eq(member->name, except))
			continue;
		if (rank_cmp(&theirs, &ours) < 0 && ++n == RANK_STEPS_MAX)
			break;
	}
	return n;
}

const struct member *
membership_home(
    const struct membership *m, const struct ip_addr *addr, const struct rank_scope *scope)
{
	struct rank best = own_rank(m, addr, scope), theirs;
	const struct member *member, *home = NULL;

	MAP_FOREACH (member, m->members) {
		if (!candidate_rank(m, member, addr, scope, &theirs) ||
		    rank_cmp(&theirs, &best) >= 0)
			continue;
		best = theirs;
		home = member;
	}
	return home;
}

static struct rank
rank_of(const struct membership *m, const char *node, const struct ip_addr *addr,
    const struct rank_scope *scope)
{
	const struct member *member = member_find(m, node);
	struct rank rank = {0, rank_score(node, addr), node};

	if (str_eq(node, m->node))
		return own_rank(m, addr, scope);
	if (member && member->info)
		(void)rank_weight(member->info, scope, &rank.weight);
	return rank;
}

bool
membership_ranks_before(const struct membership *m, const char *a, const char *b,
    const struct ip_addr *addr, const struct rank_scope *scope)
{
	struct rank first = rank_of(m, a, addr, scope), second = rank_of(m, b, addr, scope);

	return rank_cmp(&first, &second) < 0;
}

enum hash_majority
membership_hash_majority(const struct membership *m)
{
	uint64_t ours = m->info ? m->info->settings_hash : 0, hash = ours;
	const struct member_info *info;
	const struct member *member;
	unsigned lead = 1, total = 1, votes = 0;

	/* Boyer and Moore: if any hash has more than half, it is the one left over. */
	MAP_FOREACH (member, m->members) {
		info = live_info(m, member);
		if (!info)
			continue;
		total++;
		if (lead == 0)
			hash = info->settings_hash;
		lead = lead == 0 || info->settings_hash == hash ? lead + 1 : lead - 1;
	}
	votes = hash == ours;
	MAP_FOREACH (member, m->members) {
		info = live_info(m, member);
		votes += info && info->settings_hash == hash;
	}
	if (votes * 2 <= total)
		return HASH_MAJORITY_NONE;
	return hash == ours ? HASH_MAJORITY_OURS : HASH_MAJORITY_OTHER;
}

/* --- For ownership --- */

struct member *
membership_hold(struct membership *m, const char *node, mono_t now)
{
	struct member *member = member_find(m, node);

	if (!member) {
		member = member_new(m, node, now);
		if (!member)
			return NULL;
		member_touch(m, member, now);
	}
	member->refs++;
	return member;
}

void
membership_named(struct member *member)
{
	if (!member)
		return;
	if (member->proof == PROOF_DEAD)
		member->proof = PROOF_NONE;
	member->named_since = true;
}

void
membership_drop(struct membership *m, struct member *member)
{
	if (!member || --member->refs)
		return;
	if (!member->present)
		member_free(m, member);
	else if (member->state != MEMBER_LIVE)
		/* To be swept, when its time comes. */
		timer_set(&m->timers, &member->timer,
		    mono_add_usec(member->changed, MEMBERSHIP_SWEEP_USEC));
}

enum member_life
membership_life(const struct membership *m, const struct member *member, mono_t now)
{
	if (!member)
		return LIFE_LIVING;
	if (member->state == MEMBER_LIVE)
		return LIFE_LIVING;
	if (member->state == MEMBER_EXPIRED && !membership_is_fresh(m, now))
		return LIFE_LIVING;
	return member->proof == PROOF_DEAD ? LIFE_DEAD : LIFE_SILENT;
}

void
membership_prove(struct membership *m, struct member *member, mono_t now)
{
	if (member->proof != PROOF_NONE || membership_life(m, member, now) != LIFE_SILENT)
		return;
	if (member->deleting)
		member->proof = PROOF_WANTED;
	else
		member_ask(m, member);
}

struct member *
membership_take_changed(struct membership *m)
{
	struct member *member = TAILQ_FIRST(&m->changed);

	if (member) {
		TAILQ_REMOVE(&m->changed, member, entry);
		member->queued = false;
	}
	return member;
}
