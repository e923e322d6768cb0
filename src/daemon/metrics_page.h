/*
 * metrics_page: the parts of the page for Prometheus, one call each. Names begin with `metallb_`;
 * they and their labels are MetalLB's where the meaning is the same. Values of labels are names of
 * pools, nodes and Services and addresses: none holds a character that would need an escape.
 *
 * A part that is not known here (pools, on a node that does not allocate) is left out.
 */
#ifndef DAEMON_METRICS_PAGE_H
#define DAEMON_METRICS_PAGE_H

#include <stdint.h>

struct daemon;
struct strbuf;

/* # HELP and # TYPE; `name` without the prefix. */
void metrics_head(struct strbuf *out, const char *name, const char *type, const char *help);
/* The same with the one value, which has no label. */
void metrics_single(
    struct strbuf *out, const char *name, const char *type, const char *help, uint64_t value);
void metrics_seconds(
    struct strbuf *out, const char *name, const char *type, const char *help, int64_t usec);

/* Pools: metrics_pools.c. */
void metrics_add_pools(const struct daemon *daemon, struct strbuf *out);
/* The API and the Leases, hence the other nodes: metrics_cluster.c. */
void metrics_add_api(const struct daemon *daemon, struct strbuf *out);
void metrics_add_leases(const struct daemon *daemon, struct strbuf *out);
/* What is announced, ARP and NDP: metrics_l2.c. */
void metrics_add_announced(const struct daemon *daemon, struct strbuf *out);
void metrics_add_layer2(const struct daemon *daemon, struct strbuf *out);
void metrics_add_frames(const struct daemon *daemon, struct strbuf *out);
/* BGP peers: metrics_bgp.c. */
void metrics_add_bgp(const struct daemon *daemon, struct strbuf *out);
/* Version, memory, CPU, the loop: metrics_process.c. */
void metrics_add_process(const struct daemon *daemon, struct strbuf *out);
void metrics_add_loop(const struct daemon *daemon, struct strbuf *out);

#endif
