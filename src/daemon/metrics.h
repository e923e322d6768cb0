/*
 * metrics: the page for Prometheus, /healthz and /readyz. Names and labels are MetalLB's where the
 * meaning is the same.
 */
#ifndef DAEMON_METRICS_H
#define DAEMON_METRICS_H

struct daemon;
struct metrics;

/* Never fails: a port that cannot be had is said, and there is no page. */
struct metrics *metrics_new(struct daemon *daemon);
/* NULL is allowed. */
void metrics_free(struct metrics *metrics);
/* After a reload that touched `metrics`. */
void metrics_reconfigure(struct metrics *metrics);

#endif
