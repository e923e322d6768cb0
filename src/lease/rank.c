#include "lease/rank.h"

#include <string.h>

#include "util/hash.h"
#include "util/str.h"

uint64_t
rank_score(const char *node, const struct ip_addr *addr)
{
	uint8_t size = (uint8_t)ip_family_size(addr->family);
	uint64_t hash = hash_string(HASH_INIT, node);

	hash = hash_bytes(hash, &size, 1);
	return hash_final(hash_bytes(hash, addr->bytes, size));
}

int
rank_cmp(const struct rank *a, const struct rank *b)
{
	if (a->weight != b->weight)
		return a->weight > b->weight ? -1 : 1;
	if (a->score != b->score)
		return a->score > b->score ? -1 : 1;
	return strcmp(a->node, b->node);
}

bool
rank_weight(const struct member_info *info, const struct rank_scope *scope, uint8_t *ret_weight)
{
	bool selected = false;
	uint8_t weight = 0;
	size_t i, k;

	for (i = 0; i < info->n_advertisements; i++) {
		const struct member_advertisement *adv = &info->advertisements[i];

		for (k = 0; k < scope->n_advertisements; k++) {
			if (!str_eq(adv->name, scope->advertisements[k]))
				continue;
			selected = true;
			if (adv->weight > weight)
				weight = adv->weight;
		}
	}
	if (selected)
		*ret_weight = weight;
	return selected;
}

bool
rank_is_candidate(const struct member_info *info, const struct rank_scope *scope, bool all_excluded,
    uint8_t *ret_weight)
{
	return !info->drained && (!info->excluded || all_excluded) &&
	    member_info_is_on(info, scope->subnets, scope->n_subnets) &&
	    rank_weight(info, scope, ret_weight);
}

int64_t
rank_delay_usec(unsigned ahead)
{
	return (int64_t)(ahead < RANK_STEPS_MAX ? ahead : RANK_STEPS_MAX) * RANK_STEP_USEC;
}
