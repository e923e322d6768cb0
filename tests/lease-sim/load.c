#include "load.h"

#include <stdio.h>
#include <stdlib.h>

#include "lease/ownership_rebalance.h"
#include "sim.h"
#include "util/mem.h"

#define LOAD_MAX_WRITES 20.0 /* a second, cluster-wide, when nothing happens */
#define STEADY_USEC (300 * USEC_PER_SEC)
#define CLAIMS_PER_SECOND (USEC_PER_SEC / OWNERSHIP_WRITE_INTERVAL_USEC) /* of one daemon */

struct load {
	unsigned nodes, machines, addresses;
	bool slow;
};

static const struct load loads[] = {
    {3, 3, 10, false},
    {3, 3, 1000, false},
    {100, 4, 10, false},
    {1000, 4, 10, false},
    {100, 4, 1000, true},
    {1000, 4, 1000, true},
    {3, 3, 10000, true},
    {100, 4, 10000, true},
    {100, 100, 10, true},
    {100, 100, 1000, true},
    {1000, 4, 10000, true},
};

static unsigned
count_answered(const struct sim *sim)
{
	unsigned n, a, count = 0;

	for (a = 0; a < sim->n_addresses; a++) {
		for (n = 0; n < sim->n_nodes && !sim_answers(sim, n, a); n++)
			;
		count += n < sim->n_nodes;
	}
	return count;
}

static bool
all_answered(const struct sim *sim)
{
	return count_answered(sim) == sim->n_addresses;
}

/* Node 1 has given everything away. */
static bool
is_drained(const struct sim *sim)
{
	return !sim->nodes[1]->ownership.n_ours && all_answered(sim);
}

/* Seconds until it is so, or the limit; *ret_peak: most writes in one second. */
static double
run_until(
    struct sim *sim, bool (*done)(const struct sim *sim), int64_t limit_usec, uint64_t *ret_peak)
{
	mono_t begin = sim->now;
	uint64_t before;

	*ret_peak = 0;
	do {
		before = sim->writes;
		(void)sim_run(sim, mono_add_usec(sim->now, USEC_PER_SEC));
		if (sim->writes - before > *ret_peak)
			*ret_peak = sim->writes - before;
	} while (!done(sim) && mono_diff_usec(sim->now, begin) < limit_usec);
	return (double)mono_diff_usec(sim->now, begin) / 1e6;
}

/* 3 heartbeats in a duration of at least 1 s for each 4 members, the leader's, and rebalancing at
 * its worst: each offer is written, and taken or withdrawn. */
static double
predicted_writes(unsigned nodes, double duration, double *ret_rebalance)
{
	if (duration < (nodes + 3) / 4)
		duration = (nodes + 3) / 4;
	*ret_rebalance = 2.0 * REBALANCE_PER_SECOND;
	return nodes * 3.0 / duration + 0.5;
}

static bool
check(const struct load *load, const char *what, bool good)
{
	if (!good)
		printf("# load: %u nodes, %u addresses: %s\n", load->nodes, load->addresses, what);
	return good;
}

static void
set_up(struct sim *sim, const struct load *load)
{
	int64_t duration = (int64_t)((load->nodes + 3) / 4 > 15 ? (load->nodes + 3) / 4 : 15);
	unsigned i;

	sim_init(sim, 1, load->addresses);
	sim->random = sim->forgetful = sim->no_lan = true;
	for (i = 0; i < load->machines; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "n%u", i);
		(void)sim_add_node(sim, name);
		sim->nodes[i]->rebalance_usec = 60 * USEC_PER_SEC;
	}
	sim_add_ghosts(sim, load->nodes - load->machines, duration * USEC_PER_SEC);
	for (i = 0; i < load->machines; i++)
		sim_start(sim, i);
	(void)sim_run(sim, mono_add_usec(sim->now, 2 * duration * USEC_PER_SEC));
}

static bool
load_one(const struct load *load)
{
	double rebalance, predicted = predicted_writes(load->nodes, 15, &rebalance), steady;
	double claimed, failed_over, drained;
	uint64_t writes, reads, peak_claim, peak_fail, peak_drain;
	int64_t duration;
	struct sim sim;
	unsigned i;
	bool good;

	set_up(&sim, load);
	for (i = 0; i < load->addresses; i++) {
		struct ip_addr addr = ip_addr_v4(10, 0, (uint8_t)(i >> 8), (uint8_t)i);

		sim_service(&sim, sim_address(&sim, &addr), true);
	}
	claimed = run_until(&sim, all_answered, 600 * USEC_PER_SEC, &peak_claim);
	duration = sim.nodes[0]->membership.duration_usec;
	(void)sim_run(&sim, mono_add_usec(sim.now, 2 * duration));
	writes = sim.writes;
	reads = sim.reads;
	(void)sim_run(&sim, mono_add_usec(sim.now, STEADY_USEC));
	steady = (double)(sim.writes - writes) / ((double)STEADY_USEC / 1e6);
	reads = sim.reads - reads;
	sim_kill(&sim, 0, true);
	failed_over = run_until(&sim, all_answered, 2 * duration + 300 * USEC_PER_SEC, &peak_fail);
	sim_drain(&sim, 1, true);
	drained = run_until(&sim, is_drained, 300 * USEC_PER_SEC, &peak_drain);
	printf(
	    "# load: %4u nodes, %5u addresses: steady %.1f writes/s (heartbeats and leader %.1f), "
	    "%.2f reads/s; all claimed in %.0f s, at most %llu writes/s; a node dies: %.0f s, "
	    "at most %llu; drain: %.0f s, at most %llu\n",
	    load->nodes, load->addresses, steady, predicted, (double)reads / 300, claimed,
	    (unsigned long long)peak_claim, failed_over, (unsigned long long)peak_fail, drained,
	    (unsigned long long)peak_drain);
	good = check(load, "not drained", is_drained(&sim));
	good = check(
	    load, "not all is answered in the end", count_answered(&sim) == load->addresses);
	good = check(load, "more than 20 writes a second", steady <= LOAD_MAX_WRITES) && good;
	good = check(load, "more than predicted", steady <= predicted * 1.1 + rebalance) && good;
	good = check(load, "less than the heartbeats", steady >= predicted * 0.8) && good;
	good = check(load, "a burst of claims",
		   peak_claim <=
		       load->machines * (OWNERSHIP_WRITE_BURST + (uint64_t)CLAIMS_PER_SECOND) +
			   20) &&
	    good;
	sim_fini(&sim);
	return good;
}

bool
load_run(bool all)
{
	bool good = true;
	size_t i;

	for (i = 0; i < sizeof(loads) / sizeof(loads[0]); i++)
		if (all || !loads[i].slow)
			good = load_one(&loads[i]) && good;
	return good;
}
