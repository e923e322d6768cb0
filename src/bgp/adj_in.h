/*
 * adj_in: which prefixes a peer has announced and not withdrawn. Nothing else of its routes is
 * kept: they are counted, against max-prefixes, and dropped. At most `max` prefixes are held, 18
 * octets each and as many free ones.
 */
#ifndef BGP_ADJ_IN_H
#define BGP_ADJ_IN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bgp/message.h"
#include "util/addr.h"

struct bgp_adj_in {
	struct ip_prefix *slots; /* open addressing; family IP_FAMILY_NONE is free */
	size_t n_slots;          /* a power of 2, or 0 */
	size_t counts[BGP_FAMILY_COUNT];
	uint64_t seed; /* of the hash, so that no peer can choose prefixes that collide */
};

void bgp_adj_in_init(struct bgp_adj_in *in, uint64_t seed);
/* Forgets all and gives the memory back. */
void bgp_adj_in_clear(struct bgp_adj_in *in);
/* False when it would be more than `max`. Again costs nothing. */
bool bgp_adj_in_announce(struct bgp_adj_in *in, const struct ip_prefix *prefix, size_t max);
void bgp_adj_in_withdraw(struct bgp_adj_in *in, const struct ip_prefix *prefix);
size_t bgp_adj_in_count(const struct bgp_adj_in *in);

#endif
