#include "invariants.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lease/ownership_scope.h"
#include "util/mem.h"

static void violated(struct invariants *inv, const struct sim *sim, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void
violated(struct invariants *inv, const struct sim *sim, const char *fmt, ...)
{
	va_list ap;

	if (inv->error[0])
		return;
	inv->violated_at = sim->now;
	va_start(ap, fmt);
	(void)vsnprintf(inv->error, sizeof(inv->error), fmt, ap);
	va_end(ap);
}

void
invariants_init(struct invariants *inv, const struct sim *sim)
{
	unsigned i;

	*inv = (struct invariants){
	    .addresses = xcalloc(sim->max_addresses, sizeof(*inv->addresses)),
	    .last_fault = sim->now,
	    .last_tampered = RECORD_LONG_AGO,
	    .last_lan = RECORD_LONG_AGO,
	    .last_loss = RECORD_LONG_AGO,
	};
	for (i = 0; i < sim->max_addresses; i++)
		inv->addresses[i] = (struct invariants_address){
		    .both_since = MONO_NEVER,
		    .pair_since = MONO_NEVER,
		    .apart_since = MONO_NEVER,
		    .deaf_since = MONO_NEVER,
		    .gap_since = MONO_NEVER,
		};
}

void
invariants_fini(struct invariants *inv)
{
	free(inv->addresses);
}

void
invariants_fault(struct invariants *inv, const struct sim *sim)
{
	inv->last_fault = sim->now;
}

void
invariants_lan(struct invariants *inv, const struct sim *sim)
{
	inv->last_lan = sim->now;
}

void
invariants_tampered(struct invariants *inv, const struct sim *sim)
{
	unsigned a;

	inv->last_tampered = sim->now;
	/* Whose they are now is for the machines to find out. */
	for (a = 0; a < sim->n_addresses; a++)
		invariants_emptied(inv, a);
}

static bool
is_settled(const struct sim *sim, const struct sim_node *node, int64_t usec)
{
	return !mono_is_never(node->healthy_since) &&
	    mono_diff_usec(sim->now, node->healthy_since) >= usec;
}

/* How long it has been so, with *since kept. */
static int64_t
lasts(const struct sim *sim, bool holds, mono_t *since, int64_t *worst)
{
	int64_t usec;

	if (!holds) {
		*since = MONO_NEVER;
		return 0;
	}
	if (mono_is_never(*since))
		*since = sim->now;
	usec = mono_diff_usec(sim->now, *since);
	if (usec > *worst)
		*worst = usec;
	return usec;
}

/* Two of one name share a Lease: what parts them is the duplicate's rule, and its time. */
static bool
are_apart(const struct sim *sim, unsigned n, unsigned k)
{
	return is_settled(sim, sim->nodes[n], SETTLED_USEC) &&
	    is_settled(sim, sim->nodes[k], SETTLED_USEC) &&
	    !str_eq(sim->nodes[n]->name, sim->nodes[k]->name);
}

/* All was well with them, and between them, when it began: neither missed what the other said. */
static bool
are_pair(const struct invariants *inv, const struct sim *sim, unsigned n, unsigned k, mono_t began)
{
	int64_t ago = mono_diff_usec(sim->now, began);

	return sim_hears(sim, k, n) && !mono_before(began, inv->last_lan) &&
	    is_settled(sim, sim->nodes[n], SETTLED_USEC + ago) &&
	    is_settled(sim, sim->nodes[k], SETTLED_USEC + ago);
}

/* A stranger is a conflict of addresses, and not obeyed. */
static bool
know_each_other(const struct sim *sim, unsigned n, unsigned k)
{
	struct mac_addr ours = sim_mac(n), theirs = sim_mac(k);

	return membership_node_by_mac(&sim->nodes[n]->membership, &theirs) &&
	    membership_node_by_mac(&sim->nodes[k]->membership, &ours);
}

static void
check_pairs(struct invariants *inv, const struct sim *sim, unsigned a)
{
	struct invariants_address *address = &inv->addresses[a];
	bool both = false, pair = false, apart = false, deaf = false;
	int64_t unused = 0;
	unsigned n, k;

	for (n = 0; n < sim->n_nodes; n++)
		for (k = n + 1; k < sim->n_nodes && sim_answers(sim, n, a); k++)
			both = both || sim_answers(sim, k, a);
	(void)lasts(sim, both, &address->both_since, &unused);
	for (n = 0; both && n < sim->n_nodes; n++) {
		for (k = n + 1; k < sim->n_nodes && sim_answers(sim, n, a); k++) {
			if (!sim_answers(sim, k, a))
				continue;
			deaf = deaf || (sim_hears(sim, k, n) && know_each_other(sim, n, k));
			apart = apart || are_apart(sim, n, k);
			pair = pair ||
			    (are_apart(sim, n, k) && are_pair(inv, sim, n, k, address->both_since));
		}
	}
	if (lasts(sim, apart, &address->apart_since, &inv->apart_usec) > APART_USEC)
		violated(inv, sim, "address %u has two answerers whose API works", a);
	if (lasts(sim, pair, &address->pair_since, &inv->pair_usec) > PAIR_USEC)
		violated(inv, sim, "address %u has two answerers that hear each other", a);
	if (lasts(sim, deaf, &address->deaf_since, &inv->deaf_usec) > DEAF_USEC)
		violated(inv, sim, "address %u has two answerers that do not listen", a);
}

/* Whether somebody has been able to answer for it for that long. */
static bool
is_servable(const struct sim *sim, unsigned a, int64_t usec)
{
	unsigned n;

	for (n = 0; n < sim->n_nodes; n++) {
		const struct sim_node *node = sim->nodes[n];

		if (is_settled(sim, node, usec) && node->link && !node->drained &&
		    node->ports[a].eligible && node->membership.state != MEMBERSHIP_DUPLICATE)
			return true;
	}
	return false;
}

static void
check_served(struct invariants *inv, const struct sim *sim, unsigned a)
{
	struct invariants_address *address = &inv->addresses[a];
	int64_t bound = inv->twins ? SERVED_TWIN_USEC : SERVED_USEC, unused = 0, gap;
	int64_t quiet = mono_diff_usec(sim->now, inv->last_fault);
	bool served = !sim->service[a];
	unsigned n;

	for (n = 0; n < sim->n_nodes; n++)
		served = served || sim_answers(sim, n, a);
	gap = lasts(sim, !served, &address->gap_since, &unused);
	if (gap > quiet)
		gap = quiet;
	if (gap > inv->served_usec && is_servable(sim, a, gap) && gap <= bound && !inv->twins)
		inv->served_usec = gap;
	if (gap > bound && is_servable(sim, a, bound))
		violated(inv, sim, "address %u is not answered, though it could be", a);
}

static void
check_restless(struct invariants *inv, const struct sim *sim, unsigned a)
{
	int64_t bound = inv->twins ? SERVED_TWIN_USEC : SERVED_USEC;
	struct invariants_address *address = &inv->addresses[a];
	char name[IP_ADDR_NAME_LEN + 3] = "ip-";
	const struct lease *lease;

	ip_addr_name(&sim->addresses[a], name + 3);
	lease = lease_table_find(&sim->api, name);
	if (!lease)
		return;
	address->moves = lease->transitions;
	if (mono_diff_usec(sim->now, inv->last_fault) < bound)
		address->moves_before = address->moves;
	if (address->moves - address->moves_before > RESTLESS)
		violated(inv, sim, "address %u moved %d times in quiet", a,
		    address->moves - address->moves_before);
}

void
invariants_emptied(struct invariants *inv, unsigned address)
{
	inv->addresses[address].holder[0] = '\0';
}

void
invariants_writes_lease(struct sim *sim, void *arg, const char *name, const struct lease *before,
    const struct lease *after)
{
	struct invariants *inv = arg;
	struct invariants_address *address;
	struct ip_addr addr;
	unsigned n;

	if (lease_parse_address_name(name, &addr) || inv->twins)
		return;
	address = &inv->addresses[sim_address(sim, &addr)];
	for (n = 0; n < sim->n_nodes && after; n++)
		if (str_eq(sim->nodes[n]->name, address->holder) && *after->holder &&
		    !str_eq(address->holder, after->holder) &&
		    mono_diff_usec(sim->now, inv->last_loss) >= KNOWN_USEC &&
		    mono_diff_usec(sim->now, inv->last_tampered) >= KNOWN_USEC &&
		    is_settled(sim, sim->nodes[n], KNOWN_USEC) &&
		    !(before && lease_annotation(before, OWNERSHIP_ANNOTATION_HANDOVER)))
			violated(inv, sim, "%s takes %s from %s, which lives", after->holder, name,
			    address->holder);
	(void)str_copy(address->holder, sizeof(address->holder), after ? after->holder : "");
}

static unsigned
count_leaders(const struct sim *sim)
{
	unsigned n, leaders = 0;

	for (n = 0; n < sim->n_nodes; n++)
		leaders += sim->nodes[n]->running && !sim->nodes[n]->frozen &&
		    leader_is_leading(&sim->nodes[n]->leader, sim_node_now(sim, n));
	return leaders;
}

void
invariants_check(struct sim *sim, void *arg)
{
	struct invariants *inv = arg;
	unsigned a;

	inv->steps++;
	if (sim->lose_permille)
		inv->last_loss = sim->now;
	for (a = 0; a < sim->n_addresses; a++) {
		check_pairs(inv, sim, a);
		check_served(inv, sim, a);
		check_restless(inv, sim, a);
	}
	if (!inv->twins && mono_diff_usec(sim->now, inv->last_tampered) > TAMPERED_USEC &&
	    count_leaders(sim) > 1)
		violated(inv, sim, "%u leaders", count_leaders(sim));
}

void
invariants_quiet(struct invariants *inv, struct sim *sim, bool home)
{
	unsigned n, a, answerers;

	for (a = 0; a < sim->n_addresses; a++) {
		const struct ownership_address *oa;
		char name[IP_ADDR_NAME_LEN + 3] = "ip-";
		const struct lease *lease;

		ip_addr_name(&sim->addresses[a], name + 3);
		lease = lease_table_find(&sim->api, name);
		for (n = 0, answerers = 0; n < sim->n_nodes; n++) {
			if (!sim_answers(sim, n, a))
				continue;
			answerers++;
			if (!lease || !str_eq(lease->holder, sim->nodes[n]->name))
				violated(inv, sim, "%s answers %s, which %s holds",
				    sim->nodes[n]->name, name, lease ? lease->holder : "nobody");
			oa = ownership_find(&sim->nodes[n]->ownership, &sim->addresses[a]);
			if (home &&
			    membership_home(
				&sim->nodes[n]->membership, &oa->addr, &oa->scope->scope))
				violated(inv, sim, "%s has %s, whose home is elsewhere",
				    sim->nodes[n]->name, name);
		}
		if (answerers != sim->service[a])
			violated(inv, sim, "%s has %u answerers after the quiet, held by %s", name,
			    answerers, lease ? lease->holder : "nobody");
	}
	if (count_leaders(sim) != 1)
		violated(inv, sim, "%u leaders after the quiet", count_leaders(sim));
}
