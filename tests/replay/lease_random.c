/*
 * Random schedules over lease_sim: three to five nodes and ten addresses, with random delays, lost
 * answers, nodes killed, stopped, frozen and cut off, frozen watches, Services coming and going,
 * Leases deleted. Each schedule is some rounds of faults, each followed by quiet.
 *
 * A node is *healthy* while it runs, is not stopping, and its API and its watch work. Checked:
 *
 * 1. After every step: two nodes that have both been healthy for SETTLED never both announce an
 *    address for longer than OVERLAP. (One that is not may: it holds on.)
 * 2. After every step: never two leaders, with every clock at one rate and whatever the faults.
 * 3. At the end of the quiet, QUIET after the last fault: each address with a Service has exactly
 *    one announcer, and that is the holder of its Lease; addresses without have none; and there is
 *    exactly one leader.
 *
 * Usage: lease_random [SEED [SCHEDULES]]. The seed of a schedule that fails is printed; with
 * LEASE_TRACE in the environment also everything that happened.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lease_sim.h"

#define ADDRESSES 10
#define DEFAULT_SCHEDULES 150
#define ROUNDS 4
#define DELAY_USEC (50 * USEC_PER_MSEC) /* one way, at most */
/* A watch that works again has shown everything by then. */
#define SETTLED_USEC (4 * DELAY_USEC)
/* From the write of the new holder to the old one's seeing it. */
#define OVERLAP_USEC (2 * DELAY_USEC)
/* A view lost at the last moment (2/3 of 15 s), a list, an age of 15 s, one GET, ranks and retries.
 */
#define QUIET_USEC (40 * USEC_PER_SEC)

struct schedule {
	mono_t overlap_since[ADDRESSES]; /* of two settled nodes; MONO_NEVER */
	int64_t worst_overlap_usec;
	char error[256];
};

static bool
is_settled(const struct sim *sim, const struct sim_node *node)
{
	return !mono_is_never(node->healthy_since) &&
	    mono_diff_usec(sim->now, node->healthy_since) >= SETTLED_USEC;
}

static void
check_step(struct sim *sim, void *arg)
{
	struct schedule *schedule = arg;
	unsigned n, a, leaders = 0;
	int64_t overlap;

	for (a = 0; a < ADDRESSES; a++) {
		unsigned announcers = 0;

		for (n = 0; n < sim->n_nodes; n++)
			announcers += sim->nodes[n].announcing[a] &&
			    is_settled(sim, &sim->nodes[n]);
		if (announcers < 2) {
			schedule->overlap_since[a] = MONO_NEVER;
			continue;
		}
		if (mono_is_never(schedule->overlap_since[a]))
			schedule->overlap_since[a] = sim->now;
		overlap = mono_diff_usec(sim->now, schedule->overlap_since[a]);
		if (overlap > schedule->worst_overlap_usec)
			schedule->worst_overlap_usec = overlap;
		if (overlap > OVERLAP_USEC && !schedule->error[0])
			(void)snprintf(schedule->error, sizeof(schedule->error),
			    "address %u has %u announcers for %lld us", a, announcers,
			    (long long)overlap);
	}
	for (n = 0; n < sim->n_nodes; n++)
		leaders += sim->nodes[n].running && !sim->nodes[n].frozen &&
		    leader_is_leading(&sim->nodes[n].leader, sim->now);
	if (leaders > 1)
		(void)snprintf(schedule->error, sizeof(schedule->error), "%u leaders", leaders);
}

static void
random_fault(struct sim *sim)
{
	unsigned n = (unsigned)prng_below(&sim->prng, sim->n_nodes);
	unsigned a = (unsigned)prng_below(&sim->prng, ADDRESSES);
	unsigned fault = (unsigned)prng_below(&sim->prng, 12);
	struct sim_node *node = &sim->nodes[n];
	char name[IP_ADDR_NAME_LEN + 3] = "ip-";

	sim_trace(sim, n, "FAULT %u, address %u", fault, a);
	switch (fault) {
	case 0:
		sim_kill(sim, n);
		break;
	case 1:
		if (!node->frozen)
			sim_stop(sim, n);
		break;
	case 2:
	case 3:
		sim_start(sim, n);
		break;
	case 4:
		node->frozen = node->running && !node->frozen;
		break;
	case 5:
		node->api = (enum sim_api)prng_below(&sim->prng, SIM_API_COUNT);
		break;
	case 6:
		node->watch_frozen = !node->watch_frozen;
		break;
	case 7:
		sim_service(sim, a, !sim->service[a]);
		break;
	case 8:
		sim_eligible(sim, n, a, !node->eligible[a], prng_below(&sim->prng, 2) != 0);
		break;
	case 9:
		node->link = !node->link;
		sim_configure(sim, n);
		break;
	case 10:
		ip_addr_name(&sim->addresses[a], name + 3);
		sim_write(sim, name, NULL);
		break;
	case 11:
		node->api = SIM_API_UP;
		node->watch_frozen = node->frozen = false;
		break;
	}
}

static void
heal(struct sim *sim)
{
	unsigned n, a;

	for (n = 0; n < sim->n_nodes; n++) {
		struct sim_node *node = &sim->nodes[n];

		/* systemd's patience with one that stops ends here. */
		if (node->stopping)
			sim_kill(sim, n);
		node->api = SIM_API_UP;
		node->watch_frozen = node->frozen = false;
		node->link = true;
		for (a = 0; a < ADDRESSES; a++)
			node->eligible[a] = true;
		sim_configure(sim, n);
	}
	/* One at least, and the first more often than not. */
	if (prng_below(&sim->prng, 3))
		sim_start(sim, 0);
	sim_start(sim, (unsigned)prng_below(&sim->prng, sim->n_nodes));
}

static void
check_quiet(struct sim *sim, struct schedule *schedule)
{
	unsigned n, a, leaders = 0;

	for (a = 0; a < ADDRESSES; a++) {
		char name[IP_ADDR_NAME_LEN + 3] = "ip-";
		const struct lease *lease;
		unsigned announcers = 0;

		ip_addr_name(&sim->addresses[a], name + 3);
		lease = lease_table_find(&sim->api, name);
		for (n = 0; n < sim->n_nodes; n++) {
			if (!sim->nodes[n].announcing[a])
				continue;
			announcers++;
			if (!lease || !str_eq(lease->holder, sim->nodes[n].name))
				(void)snprintf(schedule->error, sizeof(schedule->error),
				    "%s announces %s, which %s holds", sim->nodes[n].name, name,
				    lease ? lease->holder : "nobody");
		}
		if (announcers != sim->service[a])
			(void)snprintf(schedule->error, sizeof(schedule->error),
			    "%s has %u announcers after the quiet, held by %s", name, announcers,
			    lease ? lease->holder : "nobody");
	}
	for (n = 0; n < sim->n_nodes; n++)
		leaders += sim->nodes[n].running &&
		    leader_is_leading(&sim->nodes[n].leader, sim->now);
	if (leaders != 1)
		(void)snprintf(schedule->error, sizeof(schedule->error),
		    "%u leaders after the quiet", leaders);
}

static bool
step(struct sim *sim, struct schedule *schedule, int64_t usec)
{
	if (!sim_run(sim, mono_add_usec(sim->now, usec)))
		(void)snprintf(schedule->error, sizeof(schedule->error), "busy without end");
	return !schedule->error[0];
}

static bool
run_round(struct sim *sim, struct schedule *schedule)
{
	unsigned faults = 3 + (unsigned)prng_below(&sim->prng, 25);

	sim->lose_permille = (unsigned)prng_below(&sim->prng, 200);
	while (faults--) {
		random_fault(sim);
		if (!step(sim, schedule,
			(int64_t)prng_below(&sim->prng,
			    prng_below(&sim->prng, 4) ? 3 * USEC_PER_SEC : 20 * USEC_PER_SEC)))
			return false;
	}
	sim_trace(sim, 0, "HEAL");
	heal(sim);
	sim->lose_permille = 0;
	if (!step(sim, schedule, QUIET_USEC))
		return false;
	check_quiet(sim, schedule);
	return !schedule->error[0];
}

static bool
run_schedule(uint64_t seed, int64_t *worst_overlap_usec)
{
	struct schedule schedule = {0};
	struct sim sim;
	unsigned i;

	sim_init(&sim, seed);
	sim.random = true;
	sim.trace = getenv("LEASE_TRACE") != NULL;
	sim.delay_usec = DELAY_USEC;
	sim.check = check_step;
	sim.arg = &schedule;
	for (i = 0; i < 3 + prng_below(&sim.prng, 3); i++) {
		char name[] = {(char)('a' + i), '\0'};

		(void)sim_add_node(&sim, name);
	}
	for (i = 0; i < ADDRESSES; i++) {
		struct ip_addr addr = ip_addr_v4(192, 0, 2, (uint8_t)(i + 1));

		schedule.overlap_since[i] = MONO_NEVER;
		sim_service(&sim, sim_address(&sim, &addr), i % 2 == 0);
	}
	for (i = 0; i < sim.n_nodes; i++)
		sim_start(&sim, i);
	for (i = 0; i < ROUNDS && run_round(&sim, &schedule); i++)
		;
	if (schedule.error[0])
		printf("# seed %llu, at %.3f s: %s\n", (unsigned long long)seed,
		    (double)(sim.now.usec - 1000 * USEC_PER_SEC) / 1e6, schedule.error);
	if (schedule.worst_overlap_usec > *worst_overlap_usec)
		*worst_overlap_usec = schedule.worst_overlap_usec;
	sim_fini(&sim);
	return !schedule.error[0];
}

int
main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	unsigned schedules = argc > 2 ? (unsigned)atoi(argv[2]) : argc > 1 ? 1 : DEFAULT_SCHEDULES;
	int64_t worst_overlap_usec = 0;
	unsigned i, bad = 0;

	printf("1..1\n");
	for (i = 0; i < schedules; i++)
		bad += !run_schedule(seed + i, &worst_overlap_usec);
	printf(
	    "%sok 1 - %u random schedules, first seed %llu, worst overlap of settled nodes %lld ms\n",
	    bad ? "not " : "", schedules, (unsigned long long)seed,
	    (long long)(worst_overlap_usec / USEC_PER_MSEC));
	return bad ? 1 : 0;
}
