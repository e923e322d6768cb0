/*
 * well_known: communities that have a name in metallb.conf by themselves (src/config; a test
 * compares). In MetalLB they are names like any other, and mean what a Community says.
 */
#ifndef CONVERT_WELL_KNOWN_H
#define CONVERT_WELL_KNOWN_H

#include <stdbool.h>

#define WELL_KNOWN_COUNT 10

bool well_known_is(const char *name);

#endif
