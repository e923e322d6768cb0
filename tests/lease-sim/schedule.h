/*
 * schedule: a random schedule. Some rounds of faults, each followed by quiet; most often all is
 * healed before the quiet, sometimes the faults stand. A seed makes the same schedule and the same
 * run again, on every machine.
 */
#ifndef TESTS_LEASE_SIM_SCHEDULE_H
#define TESTS_LEASE_SIM_SCHEDULE_H

#include "invariants.h"

#define SCHEDULE_MAX_FAULTS 512

enum fault {
	FAULT_KILL,
	FAULT_POWER,
	FAULT_STOP,
	FAULT_START,
	FAULT_FREEZE,
	FAULT_THAW,
	FAULT_API,
	FAULT_API_ALL,
	FAULT_WATCH_FROZEN,
	FAULT_WATCH_LAG,
	FAULT_SERVICE,
	FAULT_ELIGIBLE,
	FAULT_LINK,
	FAULT_LAN,
	FAULT_LEASE_DELETED,
	FAULT_LEASE_EDITED,
	FAULT_LEASE_EMPTIED,
	FAULT_NODE_LEASE_DELETED,
	FAULT_ALL_DELETED,
	FAULT_SAVE,
	FAULT_RESTORE,
	FAULT_DRAIN,
	FAULT_SETTINGS,
	FAULT_CLOCK,
	FAULT_HEAL_NODE,
	FAULT_COUNT
};

struct schedule_result {
	char error[256]; /* "" when all held */
	double violated_at;
	double seconds; /* of virtual time */
	unsigned n_faults;
	uint64_t faults[FAULT_COUNT], steps, writes, reads;
	int64_t pair_usec, apart_usec, deaf_usec, served_usec;
};

/* skip: of SCHEDULE_MAX_FAULTS, those to be left out; NULL: none. */
void schedule_run(uint64_t seed, bool trace, const bool *skip, struct schedule_result *ret_result);
/* Leaves out what is not needed to fail; *skip is what it left out. */
void schedule_shrink(uint64_t seed, bool *skip, struct schedule_result *result);
const char *fault_str(enum fault fault);

#endif
