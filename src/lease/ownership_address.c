#include "lease/ownership_address.h"

#include <stdarg.h>
#include <stdlib.h>

#include "lease/ownership_doubt.h"
#include "lease/ownership_offer.h"
#include "lease/ownership_owner.h"
#include "lease/ownership_request.h"
#include "lease/ownership_scope.h"
#include "util/mem.h"

struct ownership_address *
ownership_address_find(const struct ownership *o, const struct ip_addr *addr)
{
	struct ownership_address *a;

	MAP_FIND(o->addresses, addr, a);
	return a;
}

struct ownership_address *
ownership_address_new(struct ownership *o, const struct ip_addr *addr, mono_t now)
{
	char name[IP_ADDR_NAME_LEN];
	struct ownership_address *a;

	if (MAP_COUNT(o->addresses) >= OWNERSHIP_MAX_ADDRESSES) {
		ip_addr_name(addr, name);
		if (!o->too_many)
			lease_outbox_say(o->out, LEASE_EVENT_TOO_MANY, name,
			    "more than %d addresses", OWNERSHIP_MAX_ADDRESSES);
		o->too_many = true;
		return NULL;
	}
	a = xcalloc(1, sizeof(*a));
	a->addr = *addr;
	ip_addr_name(addr, name);
	a->lease_name = xasprintf("ip-%s", name);
	a->services = xstrdup("");
	a->reason = xstrdup("");
	a->how = OWNERSHIP_CONTINUED;
	a->unwanted_since = now;
	a->hold_off = RECORD_LONG_AGO;
	a->claim_at = MONO_NEVER;
	a->retry_at = RECORD_LONG_AGO;
	a->wake = MONO_NEVER;
	ownership_offer_init(&a->offer);
	ownership_doubt_init(&a->doubt);
	record_init(&a->record, a->lease_name, o->leases);
	MAP_ADD(o->addresses, addr, a);
	return a;
}

void
ownership_address_free(struct ownership *o, struct ownership_address *a)
{
	ownership_request_dequeue(a);
	if (a->todo_queued)
		TAILQ_REMOVE(&o->todo, a, todo);
	if (a->change_queued)
		TAILQ_REMOVE(&o->changes, a, changes);
	timer_cancel(&o->timers, &a->timer);
	ownership_offer_fini(o, a);
	ownership_doubt_end(a);
	if (a->ours)
		TAILQ_REMOVE(&o->held, a, owned);
	ownership_owner_leave(o, a);
	ownership_scope_unref(&o->scopes, a->scope);
	record_fini(&a->record);
	o->n_ours -= a->ours;
	o->n_announcing -= a->announcing;
	MAP_DEL(o->addresses, a);
	free(a->lease_name);
	free(a->services);
	free(a->reason);
	free(a->why);
	free(a);
}

void
ownership_touch(struct ownership *o, struct ownership_address *a)
{
	if (a->todo_queued)
		return;
	a->todo_queued = true;
	TAILQ_INSERT_TAIL(&o->todo, a, todo);
}

void
ownership_touch_all(struct ownership *o)
{
	struct ownership_address *a;

	MAP_FOREACH (a, o->addresses)
		ownership_touch(o, a);
}

void
ownership_wake(struct ownership_address *a, mono_t at)
{
	a->wake = mono_min(a->wake, at);
}

bool
ownership_is_others(const struct ownership *o, const struct ownership_address *a, mono_t now)
{
	return a->owner && !a->set_back &&
	    membership_life(o->members, a->owner->member, now) == LIFE_LIVING;
}

bool
ownership_is_served(const struct ownership_address *a)
{
	return a->eligible || a->serving;
}

void
ownership_set_voice(struct ownership *o, struct ownership_address *a, enum ownership_voice voice)
{
	if (voice == VOICE_ANNOUNCE && a->voice != VOICE_ANNOUNCE && a->voice != VOICE_MUTE)
		a->burst = true;
	if (voice != VOICE_ANNOUNCE)
		a->burst = false;
	if (a->voice == voice && !a->burst)
		return;
	a->voice = voice;
	if (a->change_queued)
		return;
	a->change_queued = true;
	TAILQ_INSERT_TAIL(&o->changes, a, changes);
}

void
ownership_say(struct ownership *o, enum lease_event_kind kind, const struct ownership_address *a,
    const char *fmt, ...)
{
	char name[IP_ADDR_STRLEN], *detail;
	va_list ap;

	ip_addr_format(&a->addr, name);
	va_start(ap, fmt);
	detail = xvasprintf(fmt, ap);
	va_end(ap);
	lease_outbox_say(o->out, kind, name, "%s", detail);
	free(detail);
}
