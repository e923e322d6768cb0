/*
 * lease-sim: the simulator of Leases. Random schedules over sim.h with the invariants of
 * invariants.h, and the load of load.h.
 *
 * Usage: lease-sim [-s SEED] [-n SCHEDULES] [-t] [-l | -L]
 *   -s  the seed of the first schedule; the others count up from it. 1 by default
 *   -n  how many schedules; 1 with -t
 *   -t  prints everything that happens
 *   -l  the load only; -L also what takes minutes
 *
 * Without options both, as much as `make check` wants, some seconds. A schedule that fails is
 * shrunk, and its seed and what is left of its faults are printed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load.h"
#include "schedule.h"

#define DEFAULT_SCHEDULES 40
#define MAX_FAILURES 3 /* of schedules, then no more are tried */

struct summary {
	unsigned schedules, failed;
	struct schedule_result sum; /* worst, and totals */
};

static void
add(struct summary *summary, const struct schedule_result *result)
{
	struct schedule_result *sum = &summary->sum;
	size_t i;

	summary->schedules++;
	sum->seconds += result->seconds;
	sum->steps += result->steps;
	sum->writes += result->writes;
	sum->reads += result->reads;
	for (i = 0; i < FAULT_COUNT; i++)
		sum->faults[i] += result->faults[i];
#define WORST(field) sum->field = result->field > sum->field ? result->field : sum->field
	WORST(pair_usec);
	WORST(apart_usec);
	WORST(deaf_usec);
	WORST(served_usec);
#undef WORST
}

static void
fail(uint64_t seed, const struct schedule_result *result, bool shrink)
{
	static bool skip[SCHEDULE_MAX_FAULTS];
	struct schedule_result shrunk = *result;

	printf("# seed %llu, at %.3f s: %s\n", (unsigned long long)seed, result->violated_at,
	    result->error);
	if (!shrink)
		return;
	memset(skip, 0, sizeof(skip));
	schedule_shrink(seed, skip, &shrunk);
	printf("# what is left of it:\n");
	schedule_run(seed, true, skip, &shrunk);
	printf("# at %.3f s: %s\n", shrunk.violated_at, shrunk.error);
}

static void
print_worst(const char *what, int64_t worst, int64_t bound)
{
	printf("# %-58s worst %9.3f s, bound %7.3f s\n", what, (double)worst / 1e6,
	    (double)bound / 1e6);
}

static void
print_summary(const struct summary *summary)
{
	const struct schedule_result *sum = &summary->sum;
	size_t i;

	printf(
	    "# %u schedules, %.1f hours of virtual time, %llu steps, %llu writes, %llu reads\n# faults:",
	    summary->schedules, sum->seconds / 3600, (unsigned long long)sum->steps,
	    (unsigned long long)sum->writes, (unsigned long long)sum->reads);
	for (i = 0; i < FAULT_COUNT; i++)
		printf("%s %s %llu", i ? "," : "", fault_str((enum fault)i),
		    (unsigned long long)sum->faults[i]);
	printf("\n");
	print_worst("two answer, both with API, hearing each other:", sum->pair_usec, PAIR_USEC);
	print_worst("two answer, both with API, LAN split:", sum->apart_usec, APART_USEC);
	print_worst("two answer on one LAN, whatever the API:", sum->deaf_usec, DEAF_USEC);
	print_worst(
	    "none answers though one could, after the last fault:", sum->served_usec, SERVED_USEC);
}

int
main(int argc, char **argv)
{
	unsigned schedules = 0, i;
	struct summary summary = {0};
	bool trace = false, only_load = false, only_schedules = false, all = false, good = true;
	uint64_t seed = 1;
	int opt;

	while ((opt = getopt(argc, argv, "s:n:tlL")) != -1) {
		if (opt == 's')
			seed = strtoull(optarg, NULL, 0);
		else if (opt == 'n')
			schedules = (unsigned)strtoul(optarg, NULL, 0);
		else if (opt == 't')
			trace = true;
		else if (opt == 'l' || opt == 'L')
			only_load = true;
		else
			return 2;
		all = all || opt == 'L';
		only_schedules = only_schedules || opt == 's' || opt == 'n' || opt == 't';
	}
	if (!schedules)
		schedules = trace ? 1 : DEFAULT_SCHEDULES;
	printf("1..%d\n", only_load || only_schedules ? 1 : 2);
	for (i = 0; i < schedules && !only_load && summary.failed < MAX_FAILURES; i++) {
		struct schedule_result result;

		schedule_run(seed + i, trace, NULL, &result);
		add(&summary, &result);
		if (!result.error[0])
			continue;
		summary.failed++;
		fail(seed + i, &result, !trace);
	}
	if (!only_load) {
		print_summary(&summary);
		printf("%sok 1 - %u random schedules from seed %llu\n",
		    summary.failed ? "not " : "", summary.schedules, (unsigned long long)seed);
	}
	if (only_load || !only_schedules) {
		good = load_run(all);
		printf("%sok %d - load\n", good ? "" : "not ", only_load ? 1 : 2);
	}
	return summary.failed || !good;
}
