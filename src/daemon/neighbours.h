/*
 * neighbours: finds the routers of unnumbered peers. Joins bgp/unnumbered with the ICMPv6 socket,
 * which is opened when the first interface is wanted.
 */
#ifndef DAEMON_NEIGHBOURS_H
#define DAEMON_NEIGHBOURS_H

#include <stdbool.h>
#include <stddef.h>

#include "util/addr.h"
#include "util/link.h"

struct loop;
struct neighbours;

/* The router at the other end of the interface was found, or is another one now. */
typedef void neighbours_fn(void *arg, const char *interface, const struct ip_addr *ip, int ifindex);

struct neighbours *neighbours_new(struct loop *loop, neighbours_fn *fn, void *arg);
/* NULL is allowed. */
void neighbours_free(struct neighbours *neighbours);
/*
 * The interfaces with unnumbered peers, level-triggered: begin, want each, end. For one that is not
 * wanted any more nothing is sent, and its router is forgotten.
 */
void neighbours_begin(struct neighbours *neighbours);
void neighbours_want(struct neighbours *neighbours, const char *interface);
void neighbours_end(struct neighbours *neighbours, const struct link_table *links);
/* Interfaces came, went, or changed their addresses. */
void neighbours_set_links(struct neighbours *neighbours, const struct link_table *links);
/* False: none is known. *ret_ifindex is that of the interface. */
bool neighbours_find(const struct neighbours *neighbours, const char *interface,
    struct ip_addr *ret_ip, int *ret_ifindex);

#endif
