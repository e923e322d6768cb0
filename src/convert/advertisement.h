/*
 * advertisement: what L2Advertisement and BGPAdvertisement have in common.
 */
#ifndef CONVERT_ADVERTISEMENT_H
#define CONVERT_ADVERTISEMENT_H

#include "convert/fields.h"

/*
 * address-pools from ipAddressPools and ipAddressPoolSelectors. metallb.conf has no labels of
 * pools: selectors become the names of the pools that they select now.
 */
void advertisement_pools(struct convert *c, const struct resource *resource, struct node *out);
/* A list of names of resources of a kind; those that are not there are refused. */
void advertisement_names(
    struct fields *f, struct node *list, enum resource_kind kind, struct json_object *names);
/* An object of `list` with its first comment and its name. */
struct node *advertisement_begin(const struct resource *resource, struct node *list);

#endif
