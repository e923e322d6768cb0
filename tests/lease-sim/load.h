/*
 * load: what the daemons ask of the API, measured against the arithmetic of ownership.h and
 * membership.h: a number of nodes, some of them with all their machines and the rest as heartbeats,
 * and a number of addresses.
 */
#ifndef TESTS_LEASE_SIM_LOAD_H
#define TESTS_LEASE_SIM_LOAD_H

#include <stdbool.h>

/* Runs those that take a second or two, or with `all` also those that take minutes and gigabytes.
 * False when a bound was exceeded; each prints a line. */
bool load_run(bool all);

#endif
