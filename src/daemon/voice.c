#include "daemon/voice.h"

#include <stdlib.h>

#include "announce/plan.h"
#include "daemon/daemon.h"
#include "daemon/events.h"
#include "daemon/l2.h"
#include "daemon/leases.h"
#include "daemon/saved.h"
#include "daemon/services.h"
#include "model/settings.h"
#include "util/mem.h"

/* Announced as the plan says now; `ip` is ours. `probe`: no member had it before. */
static void
announce_here(struct daemon *daemon, const struct ip_addr *ip, bool probe)
{
	const struct plan_address *address = daemon->plan ? plan_find(daemon->plan, ip) : NULL;

	if (address)
		l2_set(daemon->l2, ip, address->ifindexes, address->n_ifindexes, probe);
}

/* MetalLB's Event, but only when the owner changed. */
static void
say_assigned(struct daemon *daemon, const struct ip_addr *ip)
{
	const struct plan_address *address = daemon->plan ? plan_find(daemon->plan, ip) : NULL;
	const struct service *service;
	char *text;
	size_t i;

	text = xasprintf(
	    "announcing from node \"%s\" with protocol \"layer2\"", daemon->settings->node.name);
	for (i = 0; address && i < address->n_services; i++) {
		service = service_table_find(
		    services_table(daemon->services), address->services[i]);
		if (service)
			events_say(daemon->events, service, false, "nodeAssigned", text);
	}
	free(text);
}

void
voice_change(struct daemon *daemon, const struct ownership_change *change)
{
	const struct ip_addr *ip = &change->addr;

	if (change->voice != VOICE_PROBE)
		saved_probe_end(daemon->saved, ip);
	switch (change->voice) {
	case VOICE_ANNOUNCE:
		if (!l2_is_set(daemon->l2, ip) &&
		    (change->how == OWNERSHIP_FIRST || change->how == OWNERSHIP_TAKEN))
			say_assigned(daemon, ip);
		announce_here(daemon, ip, change->how == OWNERSHIP_FIRST);
		l2_set_voice(daemon->l2, ip, L2_ANNOUNCE, change->burst);
		break;
	case VOICE_ANSWER:
		l2_set_voice(daemon->l2, ip, L2_ANSWER, false);
		break;
	case VOICE_MUTE:
		l2_set_voice(daemon->l2, ip, L2_MUTE, false);
		break;
	case VOICE_PROBE:
		/* Set, so that answers are seen, and mute in the same turn: nothing is sent. */
		announce_here(daemon, ip, false);
		l2_set_voice(daemon->l2, ip, L2_MUTE, false);
		saved_probe(daemon->saved, ip);
		break;
	case VOICE_NONE:
	case VOICE_COUNT:
		l2_remove(daemon->l2, ip);
		break;
	}
}

void
voice_follow_plan(struct daemon *daemon)
{
	const struct ownership *ownership = leases_ownership(daemon->leases);
	size_t i;

	for (i = 0; i < daemon->plan->n_addresses; i++) {
		const struct ip_addr *ip = &daemon->plan->addresses[i].ip;
		const struct ownership_address *address = ownership_find(ownership, ip);

		if (l2_is_set(daemon->l2, ip) || (address && address->voice == VOICE_ANNOUNCE))
			announce_here(daemon, ip, false);
	}
}
