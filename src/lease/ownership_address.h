/*
 * ownership_address: the table of addresses, what is to be looked at again, and what is to be heard
 * of each. For the files of ownership only.
 */
#ifndef LEASE_OWNERSHIP_ADDRESS_H
#define LEASE_OWNERSHIP_ADDRESS_H

#include "lease/ownership.h"

/* NULL when unknown. */
struct ownership_address *
ownership_address_find(const struct ownership *o, const struct ip_addr *addr);
/* NULL when there are too many, which is said. */
struct ownership_address *
ownership_address_new(struct ownership *o, const struct ip_addr *addr, mono_t now);
void ownership_address_free(struct ownership *o, struct ownership_address *a);

/* To be evaluated by the next tick. */
void ownership_touch(struct ownership *o, struct ownership_address *a);
void ownership_touch_all(struct ownership *o);
/* While it is evaluated: again at that time. */
void ownership_wake(struct ownership_address *a, mono_t at);

/* Whether another node's name on the Lease ends our announcing: only a living one's. */
bool ownership_is_others(const struct ownership *o, const struct ownership_address *a, mono_t now);
/* What reaches this node for it is served. */
bool ownership_is_served(const struct ownership_address *a);
/* Queues a change where there is one. */
void
ownership_set_voice(struct ownership *o, struct ownership_address *a, enum ownership_voice voice);
/* An event about this address. */
void ownership_say(struct ownership *o, enum lease_event_kind kind,
    const struct ownership_address *a, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif
