#include "kube/servers.h"

#include <assert.h>

void
kube_servers_init(struct kube_servers *servers, size_t count, uint64_t seed)
{
	assert(count);
	*servers = (struct kube_servers){0};
	servers->count = count < KUBE_SERVERS_MAX ? count : KUBE_SERVERS_MAX;
	servers->current = (size_t)(seed % servers->count);
}

bool
kube_servers_is_avoided(const struct kube_servers *servers, size_t index, mono_t now)
{
	return mono_before(now, servers->server[index].avoid_until);
}

/* The first in rotation after `after` that is not avoided; else the one that is avoided shortest.
 * Never `except`. */
static size_t
choose(const struct kube_servers *servers, size_t after, size_t except, bool must, mono_t now)
{
	size_t best = KUBE_SERVERS_NONE, i;

	for (i = 1; i <= servers->count; i++) {
		size_t index = (after + i) % servers->count;

		if (index == except)
			continue;
		if (!kube_servers_is_avoided(servers, index, now))
			return index;
		if (must &&
		    (best == KUBE_SERVERS_NONE ||
			mono_before(
			    servers->server[index].avoid_until, servers->server[best].avoid_until)))
			best = index;
	}
	return best;
}

size_t
kube_servers_pick(struct kube_servers *servers, mono_t now)
{
	if (kube_servers_is_avoided(servers, servers->current, now))
		servers->current = choose(servers, servers->current, KUBE_SERVERS_NONE, true, now);
	return servers->current;
}

size_t
kube_servers_hedge(const struct kube_servers *servers, size_t busy, mono_t now)
{
	return choose(servers, busy, busy, false, now);
}

void
kube_servers_ok(struct kube_servers *servers, size_t index, mono_t now)
{
	struct kube_server *server = &servers->server[index];

	server->failures = 0;
	server->avoid_until = MONO_ZERO;
	server->last_ok = now;
	server->n_ok++;
}

void
kube_servers_failed(struct kube_servers *servers, size_t index, mono_t now)
{
	struct kube_server *server = &servers->server[index];
	int64_t penalty = KUBE_SERVERS_PENALTY_USEC;
	unsigned i;

	server->n_failed++;
	/* Several requests that fail at one moment (one broken connection) are one failure. */
	if (server->failures &&
	    mono_diff_usec(now, server->last_failed) < KUBE_SERVERS_SAME_FAILURE_USEC)
		return;
	/* The decay: what lies back as long as the longest penalty is forgotten. */
	if (mono_diff_usec(now, server->avoid_until) > KUBE_SERVERS_PENALTY_MAX_USEC)
		server->failures = 0;
	for (i = 0; i < server->failures && penalty < KUBE_SERVERS_PENALTY_MAX_USEC; i++)
		penalty *= 2;
	if (penalty > KUBE_SERVERS_PENALTY_MAX_USEC)
		penalty = KUBE_SERVERS_PENALTY_MAX_USEC;
	server->failures++;
	server->last_failed = now;
	server->avoid_until = mono_add_usec(now, penalty);
}
