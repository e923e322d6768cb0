/*
 * invariants: what must hold in every schedule, looked at after every step; and the worst that was
 * seen of what is bounded.
 *
 * A node is *healthy* while it runs, is not stopping or frozen, and its API and its watch work and
 * do not lag; *settled* when it has been so for SETTLED_USEC, so that its watch shows the present.
 *
 * 1. Two settled nodes both answer for an address for APART_USEC at most, and for PAIR_USEC at most
 *    if they have been settled and hearing each other since before the second began: ownership.h
 * has the bound, the delay of a watch and OWNERSHIP_OVERLAP_USEC.
 * 2. Two nodes on one LAN that know each other, whatever is wrong with their API, both answer for
 * DEAF_USEC at most: the longest time in which one does not announce, and a doubt.
 * 3. SERVED_USEC after the last fault each address of a Service is answered, if there is a node
 *    that could: healthy for as long, linked, eligible, not drained.
 * 4. Never two leaders, but for TAMPERED_USEC after somebody deleted or restored the Lease that
 *    decides it.
 * 5. SERVED_USEC after the last fault no address changes hands more than RESTLESS times more.
 * 6. No theft: nobody writes his name over that of a node that has been healthy for KNOWN_USEC,
 *    its answers not lost either, and has not offered the address; nor on a Lease that somebody
 * deleted while such a node holds it.
 */
#ifndef TESTS_LEASE_SIM_INVARIANTS_H
#define TESTS_LEASE_SIM_INVARIANTS_H

#include "sim.h"

#define WORLD_DELAY_USEC (50 * USEC_PER_MSEC) /* one way, at most, to the API and from a watch */
#define SETTLED_USEC (8 * WORLD_DELAY_USEC)
#define PAIR_USEC (4 * WORLD_DELAY_USEC)
#define APART_USEC (2 * WORLD_DELAY_USEC + OWNERSHIP_OVERLAP_USEC)
#define DEAF_USEC (SIM_REFRESH_USEC + 3 * USEC_PER_SEC)
/* A view lost at the last moment (2/3 of 15 s), a list, an age of 15 s, one GET, ranks, and the
 * pauses between requests to an API that had not answered. */
#define SERVED_USEC (45 * USEC_PER_SEC)
/* Twins may both have stopped, and look again after a minute and some. */
#define SERVED_TWIN_USEC (SERVED_USEC + 75 * USEC_PER_SEC)
#define RESTLESS 2
#define KNOWN_USEC (20 * USEC_PER_SEC)
#define TAMPERED_USEC LEADER_LEASE_DURATION_USEC

struct invariants_address {
	mono_t both_since, pair_since, apart_since, deaf_since; /* MONO_NEVER */
	mono_t gap_since;
	int32_t moves, moves_before; /* of its Lease; since the last fault was SERVED_USEC ago */
	char holder[16]; /* as a node wrote it last; "" when one gave it up, or by hand */
};

struct invariants {
	struct invariants_address *addresses;
	mono_t last_fault, last_tampered, last_lan, last_loss;
	bool twins;
	char error[256]; /* the first that was violated; "" */
	mono_t violated_at;
	uint64_t steps;
	/* The worst seen. */
	int64_t pair_usec, apart_usec, deaf_usec, served_usec;
};

void invariants_init(struct invariants *inv, const struct sim *sim);
void invariants_fini(struct invariants *inv);
/* For sim->check; arg is the struct invariants. */
void invariants_check(struct sim *sim, void *arg);
/* For sim->writes_lease. */
void invariants_writes_lease(struct sim *sim, void *arg, const char *name,
    const struct lease *before, const struct lease *after);
/* Somebody emptied the Lease of that address by hand. */
void invariants_emptied(struct invariants *inv, unsigned address);
/* Something was done to the world. */
void invariants_fault(struct invariants *inv, const struct sim *sim);
/* That changed who hears whom. */
void invariants_lan(struct invariants *inv, const struct sim *sim);
/* That was to delete or to restore all Leases. */
void invariants_tampered(struct invariants *inv, const struct sim *sim);
/*
 * Everything was healed SERVED_USEC ago: each address with a Service has exactly one answerer, the
 * holder of its Lease; the others none; one leader. home: and each is at its home.
 */
void invariants_quiet(struct invariants *inv, struct sim *sim, bool home);

#endif
