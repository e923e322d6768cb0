/*
 * ownership_restore: the addresses of before a restart, while no API answers. The glue says which
 * they are (same boot, not older than hold-over); here is what becomes of them: the API has
 * OWNERSHIP_RESTORE_USEC to answer, then the LAN is asked whether anybody has the address, and only
 * if nobody has, it is announced. The first list ends all of it: the Leases say then.
 *
 * For the files of ownership only.
 */
#ifndef LEASE_OWNERSHIP_RESTORE_H
#define LEASE_OWNERSHIP_RESTORE_H

#include "lease/ownership.h"

/* When the API's time is over. */
void ownership_restore_tick(struct ownership *o, mono_t now);
/* One address, when what is wanted of it has changed. */
void ownership_restore_review(struct ownership *o, struct ownership_address *a, mono_t now);

#endif
