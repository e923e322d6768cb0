/*
 * The API server of sim.h.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sim.h"
#include "util/mem.h"

#define HISTORY_TRIM 4096 /* changes that all watches have shown are forgotten in such lots */

const struct sim_change *
sim_change(const struct sim *sim, uint64_t number)
{
	return number - sim->history_base < sim->n_history
	    ? &sim->history[number - sim->history_base]
	    : NULL;
}

static void
trim_history(struct sim *sim)
{
	uint64_t seen = sim->history_base + sim->n_history;
	size_t i, n;

	for (i = 0; i < sim->n_nodes; i++)
		if (sim->nodes[i]->watching && sim->nodes[i]->cursor < seen)
			seen = sim->nodes[i]->cursor;
	n = (size_t)(seen - sim->history_base);
	if (n < HISTORY_TRIM)
		return;
	for (i = 0; i < n; i++) {
		free(sim->history[i].name);
		lease_free(sim->history[i].lease);
	}
	for (i = n; i < sim->n_history; i++)
		sim->history[i - n] = sim->history[i];
	sim->n_history -= n;
	sim->history_base = seen;
}

static void
note_change(struct sim *sim, const char *name)
{
	const struct lease *lease = lease_table_find(&sim->api, name);
	unsigned i;

	if (sim->n_history >= 2 * HISTORY_TRIM)
		trim_history(sim);
	sim->history = mem_grow(
	    sim->history, sim->n_history, &sim->cap_history, sizeof(*sim->history));
	sim->history[sim->n_history++] = (struct sim_change){
	    sim->now, xstrdup(name), lease ? lease_copy(lease) : NULL};
	for (i = 0; i < sim->n_nodes; i++)
		sim_node_watch(sim, i);
}

static void
put(struct sim *sim, const struct lease *lease)
{
	struct lease *copy = lease_copy(lease);
	const struct lease *old = lease_table_find(&sim->api, lease->name);

	copy->resource_version = arena_printf(
	    copy->arena, "%llu", (unsigned long long)++sim->resource_version);
	copy->uid = old ? arena_strdup(copy->arena, old->uid)
			: arena_printf(copy->arena, "uid-%s", copy->resource_version);
	lease_table_put(&sim->api, copy);
	note_change(sim, copy->name);
}

static enum lease_result
apply(struct sim *sim, struct sim_event *event)
{
	const struct lease *old = lease_table_find(&sim->api, event->name);
	bool same = old && str_eq(old->resource_version, event->lease->resource_version);

	sim->writes += event->op != LEASE_GET;
	sim->reads += event->op == LEASE_GET;
	switch (event->op) {
	case LEASE_GET:
		if (!old)
			return LEASE_NOT_FOUND;
		break;
	case LEASE_CREATE:
		if (old)
			return LEASE_EXISTS;
		if (sim->writes_lease)
			sim->writes_lease(sim, sim->arg, event->name, NULL, event->lease);
		put(sim, event->lease);
		break;
	case LEASE_UPDATE:
		if (!old)
			return LEASE_NOT_FOUND;
		if (!same)
			return LEASE_CONFLICT;
		if (sim->writes_lease)
			sim->writes_lease(sim, sim->arg, event->name, old, event->lease);
		put(sim, event->lease);
		break;
	case LEASE_DELETE:
		if (!old)
			return LEASE_NOT_FOUND;
		if (!same || !str_eq(old->uid, event->lease->uid))
			return LEASE_CONFLICT;
		if (sim->writes_lease)
			sim->writes_lease(sim, sim->arg, event->name, old, NULL);
		lease_table_remove(&sim->api, event->name);
		note_change(sim, event->name);
		return LEASE_OK;
	case LEASE_NONE:
	case LEASE_OP_COUNT:
		abort();
	}
	lease_free(event->lease);
	event->lease = lease_copy(lease_table_find(&sim->api, event->name));
	return LEASE_OK;
}

void
sim_send(struct sim *sim, unsigned n, struct lease_request *request)
{
	struct sim_node *node = sim->nodes[n];
	struct sim_event *event;

	if (!sim->forgetful)
		strbuf_printf(
		    &node->sent, "%s %s\n", lease_op_str(request->op), request->lease->name);
	sim_trace(sim, n, "sends %s %s holder=%s rv=%s", lease_op_str(request->op),
	    request->lease->name, request->lease->holder, request->lease->resource_version);
	node->writes += request->op != LEASE_GET;
	node->reads += request->op == LEASE_GET;
	event = sim_event_new(sim, SIM_APPLY, n, sim_delay(sim));
	event->op = request->op;
	event->name = xstrdup(request->lease->name);
	event->lease = request->lease;
	request->lease = NULL;
	lease_request_free(request);
	if (node->api == SIM_API_DOWN || (node->api == SIM_API_REFUSED && event->op != LEASE_GET)) {
		event->kind = SIM_ANSWER;
		event->result = node->api == SIM_API_DOWN ? LEASE_UNREACHABLE : LEASE_REFUSED;
	} else if (prng_below(&sim->prng, 2000) < sim->lose_permille) {
		/* Half of the losses are on the way there. */
		event->kind = SIM_ANSWER;
		event->result = LEASE_UNKNOWN;
		sim_event_set(sim, event, mono_add_usec(sim->now, SIM_TIMEOUT_USEC));
	}
}

void
sim_apply(struct sim *sim, struct sim_event *event)
{
	int64_t delay = sim_delay(sim);

	event->result = apply(sim, event);
	event->kind = SIM_ANSWER;
	if (sim->nodes[event->node]->api != SIM_API_UP ||
	    prng_below(&sim->prng, 2000) < sim->lose_permille) {
		event->result = LEASE_UNKNOWN;
		delay = SIM_TIMEOUT_USEC;
	}
	sim_event_set(sim, event, mono_add_usec(sim->now, delay));
}

/* --- What others write --- */

void
sim_write(struct sim *sim, const char *name, struct lease *lease)
{
	if (lease)
		put(sim, lease);
	else if (lease_table_remove(&sim->api, name))
		note_change(sim, name);
	lease_free(lease);
}

void
sim_save(struct sim *sim)
{
	struct lease *lease;

	lease_table_clear(&sim->saved);
	MAP_FOREACH (lease, sim->api.head)
		lease_table_put(&sim->saved, lease_copy(lease));
}

void
sim_restore(struct sim *sim)
{
	struct lease *lease, *next;

	MAP_FOREACH_SAFE (lease, next, sim->api.head) {
		char *name = xstrdup(lease->name);

		if (!lease_table_find(&sim->saved, name))
			sim_write(sim, name, NULL);
		free(name);
	}
	MAP_FOREACH (lease, sim->saved.head)
		put(sim, lease);
}

/* --- Nodes without machines --- */

static void
ghost_write(struct sim *sim, unsigned ghost, int64_t duration_usec)
{
	struct lease *lease = lease_new("");
	const struct lease *old;
	struct ip_prefix address = {ip_addr_v4(198, 19, (uint8_t)(ghost >> 8), (uint8_t)ghost), 15};
	struct member_interface intf = {
	    "eth0", {{2, 1, 0, 0, (uint8_t)(ghost >> 8), (uint8_t)ghost}}, true, &address, 1};
	struct member_advertisement adv = {"lan", 0};
	char name[32];
	struct member_info info = {
	    .settings_hash = 1,
	    .hostname = name,
	    .machine_id = name,
	    .boot_id = "boot",
	    .instance_id = name,
	    .version = "0",
	    .interfaces = &intf,
	    .n_interfaces = 1,
	    .advertisements = &adv,
	    .n_advertisements = 1,
	};

	(void)snprintf(name, sizeof(name), "node-ghost-%u", ghost);
	lease->name = name;
	lease->holder = name + strlen("node-");
	lease->duration_seconds = (int32_t)(duration_usec / USEC_PER_SEC);
	lease->renew_time_usec = sim->now.usec;
	member_info_write(&info, lease);
	old = lease_table_find(&sim->api, name);
	lease->resource_version = old ? old->resource_version : "";
	put(sim, lease);
	sim->writes++;
	lease_free(lease);
}

void
sim_ghost(struct sim *sim, struct sim_event *event)
{
	ghost_write(sim, event->address, (int64_t)event->from * USEC_PER_SEC);
	sim_event_set(sim, event, mono_add_usec(sim->now, (int64_t)event->from * USEC_PER_SEC / 3));
}

void
sim_add_ghosts(struct sim *sim, unsigned count, int64_t duration_usec)
{
	struct sim_event *event;
	unsigned i;

	for (i = 0; i < count; i++) {
		event = sim_event_new(sim, SIM_GHOST, UINT32_MAX,
		    (int64_t)prng_below(&sim->prng, (uint64_t)duration_usec / 3));
		event->address = sim->n_ghosts++;
		event->from = (unsigned)(duration_usec / USEC_PER_SEC);
		ghost_write(sim, event->address, duration_usec);
	}
}
