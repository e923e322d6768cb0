#include "schedule.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

#define ADDRESSES 10
#define ROUNDS 4
#define HOME_USEC (240 * USEC_PER_SEC) /* quiet in which everything goes home */
#define REBALANCE_USEC (20 * USEC_PER_SEC)

static const char *const fault_names[] = {"kill", "power loss", "stop", "start", "freeze", "thaw",
    "API of one", "API of all", "watch frozen", "watch slow", "Service", "eligibility", "link",
    "LAN split", "Lease deleted", "Lease edited", "Lease emptied", "node Lease deleted",
    "all Leases deleted", "backup", "etcd restored", "drain", "settings", "clock", "node healed"};
static_assert(sizeof(fault_names) / sizeof(fault_names[0]) == FAULT_COUNT, "one name per fault");

struct schedule {
	struct sim sim;
	struct prng prng; /* of the faults: the same whatever the machines do */
	struct invariants inv;
	struct schedule_result *result;
	const bool *skip;
	bool saved;
};

const char *
fault_str(enum fault fault)
{
	return fault_names[fault];
}

static void
edit_lease(struct schedule *s, const char *name, bool empty)
{
	const struct lease *old = lease_table_find(&s->sim.api, name);
	struct lease *lease = old ? lease_copy(old) : NULL;

	if (!lease)
		return;
	if (empty)
		lease->holder = "";
	else
		lease_set_annotation(lease, "example.com/note", "edited");
	sim_write(&s->sim, name, lease);
}

static void
delete_all(struct schedule *s)
{
	struct lease *lease, *next;

	MAP_FOREACH_SAFE (lease, next, s->sim.api.head) {
		char *name = xstrdup(lease->name);

		sim_write(&s->sim, name, NULL);
		free(name);
	}
}

static void
set_api(struct schedule *s, unsigned n, enum sim_api api)
{
	s->sim.nodes[n]->api = api;
	sim_node_wake(&s->sim, n);
}

static void
heal_node(struct schedule *s, unsigned n)
{
	struct sim_node *node = s->sim.nodes[n];
	unsigned a;

	/* systemd's patience with one that stops ends here. */
	if (node->stopping)
		sim_kill(&s->sim, n, false);
	node->api = SIM_API_UP;
	node->watch_frozen = node->drained = false;
	node->link = true;
	node->lan = 0;
	node->watch_lag_usec = 0;
	node->settings_hash = 1;
	for (a = 0; a < ADDRESSES; a++)
		node->ports[a].eligible = true;
	sim_freeze(&s->sim, n, false);
	sim_configure(&s->sim, n);
	sim_node_wake(&s->sim, n);
}

/* What happens to a Lease, by the hand of an administrator or of time. */
static void
do_lease_fault(struct schedule *s, enum fault fault, unsigned n, unsigned a)
{
	char ip[IP_ADDR_NAME_LEN + 3] = "ip-", node[32];

	ip_addr_name(&s->sim.addresses[a], ip + 3);
	(void)snprintf(node, sizeof(node), "node-%s", s->sim.nodes[n]->name);
	if (fault == FAULT_LEASE_DELETED)
		sim_write(&s->sim, ip, NULL);
	else if (fault == FAULT_NODE_LEASE_DELETED)
		sim_write(&s->sim, node, NULL);
	else if (fault == FAULT_ALL_DELETED)
		delete_all(s);
	else if (fault == FAULT_SAVE)
		sim_save(&s->sim);
	else if (fault == FAULT_RESTORE && s->saved)
		sim_restore(&s->sim);
	else if (fault != FAULT_RESTORE)
		edit_lease(s, ip, fault == FAULT_LEASE_EMPTIED);
	if (fault == FAULT_LEASE_EMPTIED)
		invariants_emptied(&s->inv, a);
	s->saved = s->saved || fault == FAULT_SAVE;
	if (fault == FAULT_ALL_DELETED || fault == FAULT_RESTORE)
		invariants_tampered(&s->inv, &s->sim);
}

static void
do_fault(struct schedule *s, enum fault fault, unsigned n, unsigned a, uint64_t dice)
{
	struct sim *sim = &s->sim;
	struct sim_node *node = sim->nodes[n];
	unsigned i;

	switch (fault) {
	case FAULT_KILL:
	case FAULT_POWER:
		sim_kill(sim, n, fault == FAULT_POWER);
		break;
	case FAULT_STOP:
		sim_stop(sim, n);
		break;
	case FAULT_START:
		sim_start(sim, n);
		break;
	case FAULT_FREEZE:
	case FAULT_THAW:
		sim_freeze(sim, n, fault == FAULT_FREEZE);
		break;
	case FAULT_API:
		set_api(s, n, (enum sim_api)(dice % SIM_API_COUNT));
		break;
	case FAULT_API_ALL:
		for (i = 0; i < sim->n_nodes; i++)
			set_api(s, i, dice % 2 ? SIM_API_DOWN : SIM_API_UP);
		break;
	case FAULT_WATCH_FROZEN:
		node->watch_frozen = !node->watch_frozen;
		sim_node_wake(sim, n);
		break;
	case FAULT_WATCH_LAG:
		node->watch_lag_usec = (int64_t)(dice % (8 * USEC_PER_SEC));
		break;
	case FAULT_SERVICE:
		sim_service(sim, a, !sim->service[a]);
		break;
	case FAULT_ELIGIBLE:
		sim_eligible(sim, n, a, dice % 3 == 0, dice % 3 == 1);
		break;
	case FAULT_LINK:
		node->link = !node->link;
		sim_configure(sim, n);
		break;
	case FAULT_LAN:
		node->lan = dice % 3 == 0;
		break;
	case FAULT_LEASE_DELETED:
	case FAULT_LEASE_EDITED:
	case FAULT_LEASE_EMPTIED:
	case FAULT_NODE_LEASE_DELETED:
	case FAULT_ALL_DELETED:
	case FAULT_SAVE:
	case FAULT_RESTORE:
		do_lease_fault(s, fault, n, a);
		break;
	case FAULT_DRAIN:
		sim_drain(sim, n, !node->drained);
		break;
	case FAULT_SETTINGS:
		node->settings_hash = 1 + dice % 2;
		node->weight = (uint8_t)(dice / 2 % 101);
		sim_configure(sim, n);
		break;
	case FAULT_CLOCK:
		sim_doubt(sim, n);
		break;
	case FAULT_HEAL_NODE:
		heal_node(s, n);
		break;
	case FAULT_COUNT:
		break;
	}
}

static void
random_fault(struct schedule *s)
{
	enum fault fault = (enum fault)prng_below(&s->prng, FAULT_COUNT);
	unsigned n = (unsigned)prng_below(&s->prng, s->sim.n_nodes);
	unsigned a = (unsigned)prng_below(&s->prng, ADDRESSES);
	uint64_t dice = prng_next(&s->prng) >> 8;
	unsigned number = s->result->n_faults++;

	/* A node that is down does little: often it is started first. */
	if (!s->sim.nodes[n]->running && dice % 3)
		fault = FAULT_START;
	if (number >= SCHEDULE_MAX_FAULTS || (s->skip && s->skip[number]))
		return;
	sim_trace(&s->sim, n, "FAULT %u: %s, address %u", number, fault_names[fault], a);
	s->result->faults[fault]++;
	do_fault(s, fault, n, a, dice);
	invariants_fault(&s->inv, &s->sim);
	if (fault == FAULT_LINK || fault == FAULT_LAN || fault == FAULT_HEAL_NODE)
		invariants_lan(&s->inv, &s->sim);
}

static bool
pass(struct schedule *s, int64_t usec)
{
	if (!sim_run(&s->sim, mono_add_usec(s->sim.now, usec)))
		(void)snprintf(
		    s->inv.error, sizeof(s->inv.error), "the nodes are busy without end");
	return !s->inv.error[0];
}

static void
heal(struct schedule *s)
{
	unsigned n;

	sim_trace(&s->sim, 0, "HEAL");
	for (n = 0; n < s->sim.n_nodes; n++)
		heal_node(s, n);
	/* One at least, and the first more often than not. */
	if (prng_below(&s->prng, 3))
		sim_start(&s->sim, 0);
	sim_start(&s->sim, (unsigned)prng_below(&s->prng, s->sim.n_nodes));
	s->sim.lose_permille = 0;
	invariants_fault(&s->inv, &s->sim);
	invariants_lan(&s->inv, &s->sim);
}

static bool
run_round(struct schedule *s)
{
	unsigned faults = 3 + (unsigned)prng_below(&s->prng, 25);
	int64_t quiet = s->inv.twins ? SERVED_TWIN_USEC : SERVED_USEC;
	bool home;

	s->sim.lose_permille = (unsigned)prng_below(&s->prng, 2) *
	    (unsigned)prng_below(&s->prng, 200);
	while (faults--) {
		random_fault(s);
		/* Most often soon, now and then not before everything has aged out. */
		if (!pass(s,
			(int64_t)prng_below(&s->prng,
			    prng_below(&s->prng, 4) ? 3 * USEC_PER_SEC : 25 * USEC_PER_SEC)))
			return false;
	}
	if (prng_below(&s->prng, 4) == 0) {
		/* The faults stand; only lost answers would make everything possible. */
		s->sim.lose_permille = 0;
		invariants_fault(&s->inv, &s->sim);
		sim_trace(&s->sim, 0, "QUIET, not healed");
		return pass(s, quiet + 60 * USEC_PER_SEC);
	}
	heal(s);
	home = prng_below(&s->prng, 4) == 0;
	if (!pass(s, quiet + (home ? HOME_USEC : 0)))
		return false;
	invariants_quiet(&s->inv, &s->sim, home && !s->inv.twins);
	return !s->inv.error[0];
}

static void
set_up(struct schedule *s)
{
	static const int64_t durations[] = {5, 15, 15};
	struct sim *sim = &s->sim;
	unsigned i, nodes = 3 + (unsigned)prng_below(&s->prng, 3);
	bool drift = prng_below(&s->prng, 2);
	int64_t duration = durations[prng_below(&s->prng, 3)] * USEC_PER_SEC;

	s->inv.twins = prng_below(&s->prng, 8) == 0;
	for (i = 0; i < nodes; i++) {
		char name[] = {(char)('a' + i), '\0'};

		/* The last may be called as the first is. */
		if (s->inv.twins && i == nodes - 1)
			name[0] = 'a';
		(void)sim_add_node(sim, name);
		sim->nodes[i]->duration_usec = duration;
		sim->nodes[i]->rebalance_usec = REBALANCE_USEC;
		/* Two in a hundred: far more than a crystal, and less than a bad hypervisor. */
		if (drift)
			sim->nodes[i]->rate_ppm = (int64_t)prng_below(&s->prng, 40001) - 20000;
	}
	for (i = 0; i < ADDRESSES; i++) {
		struct ip_addr addr = ip_addr_v4(192, 0, 2, (uint8_t)(i + 1));

		sim_service(sim, sim_address(sim, &addr), i % 2 == 0);
	}
	for (i = 0; i < nodes; i++)
		sim_start(sim, i);
}

void
schedule_run(uint64_t seed, bool trace, const bool *skip, struct schedule_result *ret_result)
{
	struct schedule s = {.result = ret_result, .skip = skip};
	unsigned i;

	*ret_result = (struct schedule_result){0};
	sim_init(&s.sim, seed, ADDRESSES);
	prng_init(&s.prng, seed ^ UINT64_C(0x5eed));
	invariants_init(&s.inv, &s.sim);
	s.sim.random = s.sim.forgetful = true;
	s.sim.trace = trace;
	s.sim.delay_usec = WORLD_DELAY_USEC;
	s.sim.check = invariants_check;
	s.sim.writes_lease = invariants_writes_lease;
	s.sim.arg = &s.inv;
	set_up(&s);
	for (i = 0; i < ROUNDS && run_round(&s); i++)
		;
	(void)str_copy(ret_result->error, sizeof(ret_result->error), s.inv.error);
	ret_result->violated_at = (double)(s.inv.violated_at.usec - SIM_START) / 1e6;
	ret_result->seconds = (double)(s.sim.now.usec - SIM_START) / 1e6;
	ret_result->steps = s.inv.steps;
	ret_result->writes = s.sim.writes;
	ret_result->reads = s.sim.reads;
	ret_result->pair_usec = s.inv.pair_usec;
	ret_result->apart_usec = s.inv.apart_usec;
	ret_result->deaf_usec = s.inv.deaf_usec;
	ret_result->served_usec = s.inv.served_usec;
	invariants_fini(&s.inv);
	sim_fini(&s.sim);
}

/* The same but for its numbers. */
static bool
is_same_error(const char *a, const char *b)
{
	while (*a || *b) {
		a += strspn(a, "0123456789");
		b += strspn(b, "0123456789");
		if (*a != *b)
			return false;
		a += *a != '\0';
		b += *b != '\0';
	}
	return true;
}

void
schedule_shrink(uint64_t seed, bool *skip, struct schedule_result *result)
{
	struct schedule_result attempt;
	unsigned size, from, i, end = result->n_faults;

	if (end > SCHEDULE_MAX_FAULTS)
		end = SCHEDULE_MAX_FAULTS;
	/* Halves, quarters, ..., single ones. */
	for (size = end / 2 + 1; size; size = size == 1 ? 0 : (size + 1) / 2) {
		for (from = 0; from < end; from += size) {
			bool before[SCHEDULE_MAX_FAULTS];

			memcpy(before, skip, sizeof(before));
			for (i = from; i < from + size && i < end; i++)
				skip[i] = true;
			if (!memcmp(before, skip, sizeof(before)))
				continue;
			schedule_run(seed, false, skip, &attempt);
			if (is_same_error(attempt.error, result->error))
				*result = attempt;
			else
				memcpy(skip, before, sizeof(before));
		}
	}
}
