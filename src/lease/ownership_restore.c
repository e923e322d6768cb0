#include "lease/ownership_restore.h"

#include "lease/ownership_address.h"

void
ownership_restore(struct ownership *o, const struct ip_addr *addrs, size_t n_addrs, mono_t now)
{
	struct ownership_address *a;
	size_t i;

	if (o->listed)
		return;
	o->restore_at = mono_add_usec(now, OWNERSHIP_RESTORE_USEC);
	for (i = 0; i < n_addrs; i++) {
		a = ownership_address_find(o, &addrs[i]);
		if (!a)
			a = ownership_address_new(o, &addrs[i], now);
		if (a && a->restored == RESTORED_NONE)
			a->restored = RESTORED_WAITING;
	}
}

void
ownership_restore_tick(struct ownership *o, mono_t now)
{
	struct ownership_address *a;

	if (!mono_reached(now, o->restore_at))
		return;
	o->restore_at = MONO_NEVER;
	MAP_FOREACH (a, o->addresses)
		if (a->restored == RESTORED_WAITING)
			ownership_touch(o, a);
}

void
ownership_restore_review(struct ownership *o, struct ownership_address *a, mono_t now)
{
	(void)now;
	if (a->restored == RESTORED_NONE)
		return;
	/* Before it is announced again it is asked about again. */
	if (!a->wanted || !a->eligible)
		a->restored = RESTORED_WAITING;
	else if (a->restored == RESTORED_WAITING && mono_is_never(o->restore_at))
		a->restored = RESTORED_PROBING;
}

void
ownership_probed(struct ownership *o, const struct ip_addr *addr, bool answered, mono_t now)
{
	struct ownership_address *a = ownership_address_find(o, addr);

	(void)now;
	if (!a || a->restored != RESTORED_PROBING)
		return;
	a->restored = answered ? RESTORED_NONE : RESTORED_FREE;
	if (!answered) {
		a->how = OWNERSHIP_RESTORED;
		ownership_say(o, LEASE_EVENT_RESTORED, a, "%s", "");
	}
	ownership_touch(o, a);
}
