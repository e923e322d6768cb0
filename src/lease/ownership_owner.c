#include "lease/ownership_owner.h"

#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

struct ownership_owner *
ownership_owner_find(const struct ownership *o, const char *name)
{
	struct ownership_owner *owner;

	MAP_FIND_STR(o->owners, name, owner);
	return owner;
}

void
ownership_owner_leave(struct ownership *o, struct ownership_address *a)
{
	struct ownership_owner *owner = a->owner;

	if (!owner)
		return;
	a->owner = NULL;
	TAILQ_REMOVE(&owner->addresses, a, owned);
	if (!TAILQ_EMPTY(&owner->addresses))
		return;
	membership_drop(o->members, owner->member);
	MAP_DEL(o->owners, owner);
	free(owner->name);
	free(owner);
}

void
ownership_owner_join(struct ownership *o, struct ownership_address *a, const char *name, mono_t now)
{
	struct ownership_owner *owner = ownership_owner_find(o, name);

	if (a->owner && a->owner == owner)
		return;
	ownership_owner_leave(o, a);
	if (!*name)
		return;
	/* Leaving may have freed the owner that was found, only if it was our own: handled above.
	 */
	if (!owner) {
		owner = xcalloc(1, sizeof(*owner));
		owner->name = xstrdup(name);
		owner->member = membership_hold(o->members, name, now);
		TAILQ_INIT(&owner->addresses);
		MAP_ADD_STR(o->owners, owner->name, owner);
	}
	membership_named(owner->member);
	a->owner = owner;
	TAILQ_INSERT_TAIL(&owner->addresses, a, owned);
}
