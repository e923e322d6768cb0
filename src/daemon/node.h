/*
 * node: the own Node object: one GET a minute, for its labels, its condition NetworkUnavailable and
 * its addresses. Never a watch.
 */
#ifndef DAEMON_NODE_H
#define DAEMON_NODE_H

#include <stdbool.h>
#include <stddef.h>

#include "model/labels.h"
#include "util/addr.h"

struct api;
struct loop;
struct node;

/* The Node's labels, condition or addresses changed. */
typedef void node_changed_fn(void *arg);

/* Asks at once. With read_labels false it never asks, and has no labels. */
struct node *node_new(struct loop *loop, struct api *api, const char *name, bool read_labels,
    node_changed_fn *changed, void *arg);
/* NULL is allowed. */
void node_free(struct node *node);
void node_set_read_labels(struct node *node, bool read_labels);
/* What it was before a restart, for as long as no answer came. Does not call `changed`. */
void node_restore(struct node *node, const struct labels *labels, bool network_unavailable);
/* Empty while unknown. Valid until the next change. */
struct labels node_labels(const struct node *node);
bool node_network_unavailable(const struct node *node);
/* InternalIPs, in the Node's order; none while unknown. Valid until the next change. */
const struct ip_addr *node_addresses(const struct node *node, size_t *ret_count);
/* An answer came, or none is needed: what is known is worth acting on. */
bool node_is_known(const struct node *node);
/* The API server has no Node of this name. */
bool node_is_missing(const struct node *node);

#endif
