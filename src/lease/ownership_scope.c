#include "lease/ownership_scope.h"

#include <stdlib.h>

#include "util/hash.h"
#include "util/mem.h"

static uint64_t
scope_hash(const struct rank_scope *scope)
{
	uint64_t hash = HASH_INIT;
	size_t i;

	for (i = 0; i < scope->n_advertisements; i++)
		hash = hash_string(hash, scope->advertisements[i]);
	hash = hash_string(hash, "");
	for (i = 0; i < scope->n_subnets; i++) {
		hash = hash_bytes(hash, &scope->subnets[i].addr, sizeof(scope->subnets[i].addr));
		hash = hash_bytes(hash, &scope->subnets[i].len, sizeof(scope->subnets[i].len));
	}
	return hash_final(hash);
}

struct ownership_scope *
ownership_scope_ref(struct ownership_scope **scopes, const struct rank_scope *want)
{
	uint64_t hash = scope_hash(want);
	struct ownership_scope *scope;
	const char **names;
	size_t i;

	MAP_FIND(*scopes, &hash, scope);
	if (!scope) {
		scope = xcalloc(1, sizeof(*scope));
		scope->hash = hash;
		scope->arena = arena_new();
		names = arena_alloc(scope->arena, want->n_advertisements, sizeof(*names));
		for (i = 0; i < want->n_advertisements; i++)
			names[i] = arena_strdup(scope->arena, want->advertisements[i]);
		scope->scope = (struct rank_scope){
		    .advertisements = names,
		    .n_advertisements = want->n_advertisements,
		    .subnets = arena_memdup(
			scope->arena, want->subnets, want->n_subnets, sizeof(want->subnets[0])),
		    .n_subnets = want->n_subnets,
		};
		MAP_ADD(*scopes, hash, scope);
	}
	scope->refs++;
	return scope;
}

void
ownership_scope_unref(struct ownership_scope **scopes, struct ownership_scope *scope)
{
	if (!scope || --scope->refs)
		return;
	MAP_DEL(*scopes, scope);
	arena_free(scope->arena);
	free(scope);
}
