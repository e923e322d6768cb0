#include "bgp/adj_in.h"

#include <stdlib.h>
#include <string.h>

#include "util/hash.h"
#include "util/mem.h"

#define SLOTS_MIN 64

void
bgp_adj_in_init(struct bgp_adj_in *in, uint64_t seed)
{
	*in = (struct bgp_adj_in){.seed = seed};
}

void
bgp_adj_in_clear(struct bgp_adj_in *in)
{
	free(in->slots);
	bgp_adj_in_init(in, in->seed);
}

size_t
bgp_adj_in_count(const struct bgp_adj_in *in)
{
	size_t n = 0;
	unsigned family;

	for (family = 0; family < BGP_FAMILY_COUNT; family++)
		n += in->counts[family];
	return n;
}

static size_t
home(const struct bgp_adj_in *in, const struct ip_prefix *prefix)
{
	uint64_t hash = hash_bytes(HASH_INIT ^ in->seed, prefix, sizeof(*prefix));

	return (size_t)hash_final(hash) & (in->n_slots - 1);
}

/* Where it is, or the free slot where it would be. There is always one: half of them are free. */
static size_t
find(const struct bgp_adj_in *in, const struct ip_prefix *prefix)
{
	size_t i = home(in, prefix);

	while (in->slots[i].addr.family != IP_FAMILY_NONE &&
	    memcmp(&in->slots[i], prefix, sizeof(*prefix)))
		i = (i + 1) & (in->n_slots - 1);
	return i;
}

static void
grow(struct bgp_adj_in *in)
{
	struct ip_prefix *old = in->slots;
	size_t n_old = in->n_slots, i;

	in->n_slots = n_old ? 2 * n_old : SLOTS_MIN;
	in->slots = xcalloc(in->n_slots, sizeof(*in->slots));
	for (i = 0; i < n_old; i++)
		if (old[i].addr.family != IP_FAMILY_NONE)
			in->slots[find(in, &old[i])] = old[i];
	free(old);
}

bool
bgp_adj_in_announce(struct bgp_adj_in *in, const struct ip_prefix *prefix, size_t max)
{
	size_t i;

	if (2 * (bgp_adj_in_count(in) + 1) > in->n_slots)
		grow(in);
	i = find(in, prefix);
	if (in->slots[i].addr.family != IP_FAMILY_NONE)
		return true;
	if (bgp_adj_in_count(in) >= max)
		return false;
	in->slots[i] = *prefix;
	in->counts[bgp_family_of((enum ip_family)prefix->addr.family)]++;
	return true;
}

void
bgp_adj_in_withdraw(struct bgp_adj_in *in, const struct ip_prefix *prefix)
{
	size_t hole, i;

	if (!in->n_slots)
		return;
	hole = find(in, prefix);
	if (in->slots[hole].addr.family == IP_FAMILY_NONE)
		return;
	in->counts[bgp_family_of((enum ip_family)prefix->addr.family)]--;
	in->slots[hole].addr.family = IP_FAMILY_NONE;
	/* Those behind it move up, unless the hole is before their home. */
	for (i = (hole + 1) & (in->n_slots - 1); in->slots[i].addr.family != IP_FAMILY_NONE;
	     i = (i + 1) & (in->n_slots - 1)) {
		size_t from_home = (i - home(in, &in->slots[i])) & (in->n_slots - 1);

		if (from_home < ((i - hole) & (in->n_slots - 1)))
			continue;
		in->slots[hole] = in->slots[i];
		in->slots[i].addr.family = IP_FAMILY_NONE;
		hole = i;
	}
}
