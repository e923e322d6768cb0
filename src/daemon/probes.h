/*
 * probes: asks this machine's own ports what announce/health wants to know: healthCheckNodePorts,
 * kube-proxy, clusterIPs. Joins it with io/port_probe; a verdict that changed makes a new plan.
 */
#ifndef DAEMON_PROBES_H
#define DAEMON_PROBES_H

#include "announce/health.h"

struct daemon;
struct plan_address;
struct probes;

/* In L2 a Service is asked at the full pace on the owner of its address and on so many nodes that
 * would claim it first; everywhere while nobody has the address, or its owner offers it. */
#define PROBES_RANKS 3

/* Follows nothing until probes_follow(). Reads the daemon's other parts in its calls. */
struct probes *probes_new(struct daemon *daemon);
/* NULL is allowed. */
void probes_free(struct probes *probes);
/* After a reload. */
void probes_set_settings(struct probes *probes);
/* After each plan and its routes: what may be announced here is what is asked for. */
void probes_follow(struct probes *probes);
/* Another node offers this address: whether it is served here is worth knowing at once. */
void probes_hurry(struct probes *probes, const struct plan_address *address);
/* For plan, and for reading. */
const struct health *probes_health(const struct probes *probes);

#endif
