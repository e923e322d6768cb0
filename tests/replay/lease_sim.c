#include "lease_sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

#define SIM_BUSY 100000 /* steps at one instant that can only be a loop */

void
sim_init(struct sim *sim, uint64_t seed)
{
	*sim = (struct sim){.delay_usec = 5 * USEC_PER_MSEC, .now = {1000 * USEC_PER_SEC}};
	prng_init(&sim->prng, seed);
	TAILQ_INIT(&sim->actions);
}

void
sim_trace(const struct sim *sim, unsigned node, const char *fmt, ...)
{
	va_list ap;

	if (!sim->trace)
		return;
	printf("# %9.3f %s ", (double)(sim->now.usec - 1000 * USEC_PER_SEC) / 1e6,
	    sim->nodes[node].name);
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	(void)putchar('\n');
}

static void
action_free(struct sim_action *action)
{
	lease_free(action->lease);
	free(action->name);
	free(action);
}

void
sim_fini(struct sim *sim)
{
	struct sim_action *action;
	size_t i;

	for (i = 0; i < sim->n_nodes; i++) {
		sim_kill(sim, (unsigned)i);
		free(sim->nodes[i].name);
		free(sim->nodes[i].machine);
		strbuf_free(&sim->nodes[i].said);
		strbuf_free(&sim->nodes[i].sent);
	}
	while ((action = TAILQ_FIRST(&sim->actions))) {
		TAILQ_REMOVE(&sim->actions, action, entry);
		action_free(action);
	}
	for (i = 0; i < sim->n_history; i++) {
		free(sim->history[i].name);
		lease_free(sim->history[i].lease);
	}
	free(sim->history);
	lease_table_clear(&sim->api);
	lease_table_clear(&sim->saved);
}

unsigned
sim_add_node(struct sim *sim, const char *name)
{
	struct sim_node *node = &sim->nodes[sim->n_nodes];
	size_t i;

	*node = (struct sim_node){
	    .name = xstrdup(name),
	    .machine = xasprintf("machine-%u", sim->n_nodes),
	    .link = true,
	    .settings_hash = 1,
	    .duration_usec = 15 * USEC_PER_SEC,
	    .next_change = MONO_NEVER,
	    .healthy_since = MONO_NEVER,
	    .rebalance_usec = INT64_MAX,
	};
	for (i = 0; i < SIM_MAX_ADDRESSES; i++) {
		node->eligible[i] = true;
		node->next_frame[i] = MONO_NEVER;
	}
	return sim->n_nodes++;
}

/* --- The API --- */

static int64_t
sim_delay(struct sim *sim)
{
	if (!sim->random)
		return sim->delay_usec;
	return (int64_t)prng_below(&sim->prng, (uint64_t)sim->delay_usec) + 1;
}

static void
sim_watch_next(struct sim *sim, struct sim_node *node)
{
	mono_t at, earliest = sim->now;

	if (!node->watching || node->cursor >= sim->n_history) {
		node->next_change = MONO_NEVER;
		return;
	}
	at = mono_add_usec(sim->history[node->cursor].at, sim_delay(sim));
	node->next_change = mono_before(at, earliest) ? earliest : at;
}

static void
sim_changed(struct sim *sim, const char *name)
{
	const struct lease *lease = lease_table_find(&sim->api, name);
	unsigned i;

	sim->history = mem_grow(
	    sim->history, sim->n_history, &sim->cap_history, sizeof(*sim->history));
	sim->history[sim->n_history++] = (struct sim_change){
	    sim->now, xstrdup(name), lease ? lease_copy(lease) : NULL};
	for (i = 0; i < sim->n_nodes; i++)
		if (sim->nodes[i].watching && mono_is_never(sim->nodes[i].next_change))
			sim_watch_next(sim, &sim->nodes[i]);
}

static void
sim_put(struct sim *sim, const struct lease *lease)
{
	struct lease *copy = lease_copy(lease);
	const struct lease *old = lease_table_find(&sim->api, lease->name);

	copy->resource_version = arena_printf(
	    copy->arena, "%llu", (unsigned long long)++sim->resource_version);
	copy->uid = old ? arena_strdup(copy->arena, old->uid)
			: arena_printf(copy->arena, "uid-%s", copy->resource_version);
	lease_table_put(&sim->api, copy);
	sim_changed(sim, copy->name);
}

static enum lease_result
sim_apply(struct sim *sim, struct sim_action *action)
{
	const struct lease *old = lease_table_find(&sim->api, action->name);
	bool same = old && str_eq(old->resource_version, action->lease->resource_version);

	switch (action->op) {
	case LEASE_GET:
		if (!old)
			return LEASE_NOT_FOUND;
		break;
	case LEASE_CREATE:
		if (old)
			return LEASE_EXISTS;
		sim_put(sim, action->lease);
		break;
	case LEASE_UPDATE:
		if (!old)
			return LEASE_NOT_FOUND;
		if (!same)
			return LEASE_CONFLICT;
		sim_put(sim, action->lease);
		break;
	case LEASE_DELETE:
		if (!old)
			return LEASE_NOT_FOUND;
		if (!same || !str_eq(old->uid, action->lease->uid))
			return LEASE_CONFLICT;
		lease_table_remove(&sim->api, action->name);
		sim_changed(sim, action->name);
		return LEASE_OK;
	case LEASE_NONE:
	case LEASE_OP_COUNT:
		abort();
	}
	lease_free(action->lease);
	action->lease = lease_copy(lease_table_find(&sim->api, action->name));
	return LEASE_OK;
}

static struct sim_action *
sim_add_action(struct sim *sim, enum sim_action_kind kind, unsigned node, int64_t delay)
{
	struct sim_action *action = xcalloc(1, sizeof(*action));

	action->kind = kind;
	action->at = mono_add_usec(sim->now, delay);
	action->node = node;
	action->instance = sim->nodes[node].instance;
	TAILQ_INSERT_TAIL(&sim->actions, action, entry);
	return action;
}

/* The request leaves the node. */
static void
sim_send(struct sim *sim, unsigned node, struct lease_request *request)
{
	enum sim_api api = sim->nodes[node].api;
	struct sim_action *action;

	strbuf_printf(
	    &sim->nodes[node].sent, "%s %s\n", lease_op_str(request->op), request->lease->name);
	sim_trace(sim, node, "sends %s %s holder=%s rv=%s", lease_op_str(request->op),
	    request->lease->name, request->lease->holder, request->lease->resource_version);
	action = sim_add_action(sim, SIM_APPLY, node, sim_delay(sim));
	action->op = request->op;
	action->name = xstrdup(request->lease->name);
	action->lease = request->lease;
	request->lease = NULL;
	lease_request_free(request);
	if (api == SIM_API_DOWN || (api == SIM_API_REFUSED && action->op != LEASE_GET)) {
		action->kind = SIM_ANSWER;
		action->result = api == SIM_API_DOWN ? LEASE_UNREACHABLE : LEASE_REFUSED;
	} else if (prng_below(&sim->prng, 2000) < sim->lose_permille) {
		/* Half of the losses are on the way there. */
		action->kind = SIM_ANSWER;
		action->result = LEASE_UNKNOWN;
		action->at = mono_add_usec(sim->now, SIM_TIMEOUT_USEC);
	}
}

static void
sim_action_apply(struct sim *sim, struct sim_action *action)
{
	const struct sim_node *node = &sim->nodes[action->node];

	action->result = sim_apply(sim, action);
	action->kind = SIM_ANSWER;
	action->at = mono_add_usec(sim->now, sim_delay(sim));
	if (node->api != SIM_API_UP || prng_below(&sim->prng, 2000) < sim->lose_permille) {
		action->result = LEASE_UNKNOWN;
		action->at = mono_add_usec(sim->now, SIM_TIMEOUT_USEC);
	}
	TAILQ_INSERT_TAIL(&sim->actions, action, entry);
}

void
sim_write(struct sim *sim, const char *name, struct lease *lease)
{
	if (lease)
		sim_put(sim, lease);
	else if (lease_table_remove(&sim->api, name))
		sim_changed(sim, name);
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
		sim_put(sim, lease);
}

/* --- One node --- */

static void
node_observe(struct sim_node *node, const char *name, mono_t now)
{
	switch (lease_kind_of(name)) {
	case LEASE_ALLOCATOR:
		leader_observe(&node->leader, now);
		break;
	case LEASE_NODE:
		membership_observe(&node->membership, name, now);
		break;
	case LEASE_ADDRESS:
		ownership_observe(&node->ownership, name, now);
		break;
	case LEASE_OTHER:
	case LEASE_KIND_COUNT:
		break;
	}
}

static void
node_answered(struct sim_node *node, const struct sim_action *action, mono_t now)
{
	const struct lease *answer = action->result == LEASE_OK ? action->lease : NULL;

	switch (lease_kind_of(action->name)) {
	case LEASE_ALLOCATOR:
		leader_answered(&node->leader, action->result, answer, now);
		break;
	case LEASE_NODE:
		membership_answered(&node->membership, action->name, action->result, answer, now);
		break;
	case LEASE_ADDRESS:
		ownership_answered(&node->ownership, action->name, action->result, answer, now);
		break;
	case LEASE_OTHER:
	case LEASE_KIND_COUNT:
		break;
	}
}

static void
node_want(struct sim *sim, unsigned n, unsigned address)
{
	static const char *const advertisements[] = {"lan"}, *const services[] = {"default/web"};
	struct sim_node *node = &sim->nodes[n];
	struct ip_prefix subnet = {ip_addr_v4(192, 0, 2, 0), 24};
	bool eligible = node->link && node->eligible[address];
	bool serving = node->link && node->serving[address];
	struct ownership_want want = {
	    .addr = sim->addresses[address],
	    .eligible = eligible,
	    .serving = eligible || serving,
	    .reason = eligible ? "" : "not eligible",
	    .services = services,
	    .n_services = 1,
	    .scope = {advertisements, 1, &subnet, 1},
	};

	if (!node->running)
		return;
	if (sim->service[address])
		(void)ownership_want(&node->ownership, &want, sim->now);
	else
		ownership_unwant(&node->ownership, &want.addr, sim->now);
}

static void
node_list(struct sim *sim, unsigned n)
{
	struct sim_node *node = &sim->nodes[n];
	struct lease *lease, *old, *next;
	unsigned i;

	sim_trace(sim, n, "lists");
	MAP_FOREACH_SAFE (old, next, node->leases.head) {
		if (!lease_table_find(&sim->api, old->name)) {
			char *name = xstrdup(old->name);

			lease_table_remove(&node->leases, name);
			node_observe(node, name, sim->now);
			free(name);
		}
	}
	MAP_FOREACH (lease, sim->api.head) {
		old = lease_table_find(&node->leases, lease->name);
		if (old && str_eq(old->resource_version, lease->resource_version))
			continue;
		lease_table_put(&node->leases, lease_copy(lease));
		node_observe(node, lease->name, sim->now);
	}
	for (i = 0; i < sim->n_addresses; i++)
		node_want(sim, n, i);
	membership_listed(&node->membership, sim->now);
	leader_listed(&node->leader, sim->now);
	ownership_listed(&node->ownership, sim->now);
	ownership_services_listed(&node->ownership, sim->now);
	node->listing = false;
	node->watching = true;
	node->cursor = sim->n_history;
	node->next_change = MONO_NEVER;
}

static void
node_deliver(struct sim *sim, struct sim_node *node)
{
	const struct sim_change *change = &sim->history[node->cursor++];

	if (change->lease)
		lease_table_put(&node->leases, lease_copy(change->lease));
	else
		(void)lease_table_remove(&node->leases, change->name);
	sim_trace(sim, (unsigned)(node - sim->nodes), "sees %s holder=%s rv=%s", change->name,
	    change->lease ? change->lease->holder : "absent",
	    change->lease ? change->lease->resource_version : "");
	node_observe(node, change->name, sim->now);
	sim_watch_next(sim, node);
}

static void
node_fini(struct sim_node *node)
{
	unsigned i;

	ownership_fini(&node->ownership);
	leader_fini(&node->leader);
	membership_fini(&node->membership);
	lease_outbox_fini(&node->out);
	lease_table_clear(&node->leases);
	memset(node->announcing, 0, sizeof(node->announcing));
	memset(node->voice, 0, sizeof(node->voice));
	for (i = 0; i < SIM_MAX_ADDRESSES; i++)
		node->next_frame[i] = MONO_NEVER;
	node->running = node->stopping = node->frozen = node->watching = node->listing = false;
	node->next_change = MONO_NEVER;
}

static void
node_change(struct sim *sim, unsigned n, const struct ownership_change *change)
{
	struct sim_node *node = &sim->nodes[n];
	unsigned i = sim_address(sim, &change->addr);

	sim_trace(sim, n, "voice %s of address %u", ownership_voice_str(change->voice), i);
	node->voice[i] = change->voice;
	node->announcing[i] = change->voice == VOICE_ANSWER || change->voice == VOICE_ANNOUNCE;
	if (change->voice != VOICE_ANNOUNCE) {
		node->next_frame[i] = MONO_NEVER;
	} else if (change->burst) {
		node->next_frame[i] = sim->now;
		node->burst_left[i] = SIM_BURST;
	} else if (mono_is_never(node->next_frame[i])) {
		node->next_frame[i] = mono_add_usec(sim->now, SIM_REFRESH_USEC);
	}
}

void
sim_frame(struct sim *sim, unsigned n, unsigned address)
{
	const struct sim_node *node = &sim->nodes[n], *other;
	struct sim_action *action;
	unsigned k;

	for (k = 0; k < sim->n_nodes; k++) {
		other = &sim->nodes[k];
		if (k == n || !node->link || !other->link || node->lan != other->lan)
			continue;
		action = sim_add_action(sim, SIM_FRAME, k, SIM_FRAME_USEC);
		action->address = address;
		action->from = n;
	}
}

/* Its announcements that are due leave for the others. */
static void
node_frames(struct sim *sim, unsigned n)
{
	struct sim_node *node = &sim->nodes[n];
	unsigned i;

	for (i = 0; i < sim->n_addresses; i++) {
		if (!mono_reached(sim->now, node->next_frame[i]))
			continue;
		if (node->burst_left[i])
			node->burst_left[i]--;
		node->next_frame[i] = mono_add_usec(
		    sim->now, node->burst_left[i] ? SIM_BURST_USEC : SIM_REFRESH_USEC);
		sim_frame(sim, n, i);
	}
}

static void
node_drain(struct sim *sim, unsigned n)
{
	struct sim_node *node = &sim->nodes[n];
	struct lease_request *request;
	struct ownership_change change;
	struct lease_event *event;

	while ((request = lease_outbox_take(&node->out)))
		sim_send(sim, n, request);
	while ((event = lease_outbox_take_event(&node->out))) {
		sim_trace(sim, n, "says %s %s %s", lease_event_kind_str(event->kind), event->name,
		    event->detail);
		strbuf_printf(&node->said, "%s %s %s\n", lease_event_kind_str(event->kind),
		    event->name, event->detail);
		lease_event_free(event);
	}
	while (ownership_take_change(&node->ownership, &change))
		node_change(sim, n, &change);
	node_frames(sim, n);
	if (node->out.relist && !node->listing) {
		node->out.relist = false;
		node->listing = true;
		(void)sim_add_action(sim, SIM_LIST, n, sim_delay(sim));
	}
}

static void
node_turn(struct sim *sim, unsigned n)
{
	struct sim_node *node = &sim->nodes[n];
	struct membership *m = &node->membership;

	membership_tick(m, sim->now);
	leader_set(&node->leader, membership_is_active(m),
	    membership_hash_majority(m) != HASH_MAJORITY_OTHER, membership_count(m), sim->now);
	leader_tick(&node->leader, sim->now);
	ownership_set(&node->ownership, leader_is_leading(&node->leader, sim->now), false,
	    node->rebalance_usec, sim->now);
	membership_set_leading(m, leader_is_leading(&node->leader, sim->now), sim->now);
	ownership_tick(&node->ownership, sim->now);
	if (node->stopping && ownership_is_released(&node->ownership, sim->now)) {
		membership_release(m, sim->now);
		ownership_tick(&node->ownership, sim->now);
	}
	node_drain(sim, n);
	if (node->stopping && membership_is_released(m) && leader_is_released(&node->leader))
		node_fini(node);
}

static mono_t
node_deadline(const struct sim_node *node, mono_t now)
{
	unsigned i;
	mono_t at;

	if (!node->running || node->frozen)
		return MONO_NEVER;
	at = mono_min(membership_next_deadline(&node->membership),
	    mono_min(leader_next_deadline(&node->leader),
		ownership_next_deadline(&node->ownership, now)));
	for (i = 0; i < SIM_MAX_ADDRESSES; i++)
		at = mono_min(at, node->next_frame[i]);
	if (node->api != SIM_API_DOWN && !node->watch_frozen)
		at = mono_min(at, node->next_change);
	return at;
}

void
sim_configure(struct sim *sim, unsigned n)
{
	struct sim_node *node = &sim->nodes[n];
	struct ip_prefix address = {ip_addr_v4(192, 0, 2, (uint8_t)(100 + n)), 24};
	struct member_interface intf = {
	    "eth0", {{2, 0, 0, 0, 0, (uint8_t)n}}, node->link, &address, 1};
	struct member_advertisement adv = {"lan", node->weight};
	char instance[32];
	struct member_info info = {
	    .version = "0",
	    .hostname = node->machine,
	    .machine_id = node->machine,
	    .boot_id = "boot",
	    .instance_id = instance,
	    .settings_hash = node->settings_hash,
	    .drained = node->drained,
	    .interfaces = &intf,
	    .n_interfaces = 1,
	    .advertisements = &adv,
	    .n_advertisements = 1,
	};
	unsigned i;

	if (!node->running)
		return;
	(void)snprintf(instance, sizeof(instance), "%u-%u", n, node->instance);
	membership_set(&node->membership, &info, node->duration_usec, true, sim->now);
	for (i = 0; i < sim->n_addresses; i++)
		node_want(sim, n, i);
	if (!node->frozen)
		node_turn(sim, n);
}

void
sim_start(struct sim *sim, unsigned n)
{
	struct sim_node *node = &sim->nodes[n];
	struct membership_config config = {node->name, prng_next(&sim->prng)};

	if (node->running)
		return;
	node->running = true;
	node->instance++;
	lease_outbox_init(&node->out);
	node->out.wall_offset_usec = INT64_C(1700000000) * USEC_PER_SEC;
	membership_init(&node->membership, &config, &node->leases, &node->out, sim->now);
	leader_init(&node->leader, node->name, &node->leases, &node->out, prng_next(&sim->prng));
	ownership_init(&node->ownership, &node->membership, &node->leases, &node->out,
	    prng_next(&sim->prng), sim->now);
	ownership_drain(&node->ownership, node->drained, sim->now);
	node->listing = true;
	(void)sim_add_action(sim, SIM_LIST, n, sim_delay(sim));
	sim_configure(sim, n);
}

void
sim_kill(struct sim *sim, unsigned n)
{
	if (sim->nodes[n].running)
		node_fini(&sim->nodes[n]);
}

void
sim_stop(struct sim *sim, unsigned n)
{
	struct sim_node *node = &sim->nodes[n];

	if (!node->running || node->stopping)
		return;
	node->stopping = true;
	ownership_release_all(&node->ownership, sim->now);
	leader_release(&node->leader, sim->now);
	node_turn(sim, n);
}

unsigned
sim_address(struct sim *sim, const struct ip_addr *addr)
{
	unsigned i;

	for (i = 0; i < sim->n_addresses; i++)
		if (ip_addr_eq(&sim->addresses[i], addr))
			return i;
	if (sim->n_addresses == SIM_MAX_ADDRESSES)
		abort();
	sim->addresses[sim->n_addresses] = *addr;
	return sim->n_addresses++;
}

void
sim_service(struct sim *sim, unsigned address, bool on)
{
	unsigned n;

	sim->service[address] = on;
	for (n = 0; n < sim->n_nodes; n++) {
		node_want(sim, n, address);
		if (sim->nodes[n].running && !sim->nodes[n].frozen)
			node_turn(sim, n);
	}
}

void
sim_eligible(struct sim *sim, unsigned n, unsigned address, bool eligible, bool serving)
{
	sim->nodes[n].eligible[address] = eligible;
	sim->nodes[n].serving[address] = serving;
	if (!sim->nodes[n].running)
		return;
	node_want(sim, n, address);
	if (!sim->nodes[n].frozen)
		node_turn(sim, n);
}

void
sim_drain(struct sim *sim, unsigned n, bool drained)
{
	struct sim_node *node = &sim->nodes[n];

	node->drained = drained;
	if (!node->running)
		return;
	ownership_drain(&node->ownership, drained, sim->now);
	sim_configure(sim, n);
}

void
sim_doubt(struct sim *sim, unsigned n)
{
	struct sim_node *node = &sim->nodes[n];

	if (!node->running || node->frozen)
		return;
	ownership_doubt_all(&node->ownership, "a gap", sim->now);
	node_turn(sim, n);
}

/* --- Time --- */

/* An answer to a node that is frozen waits for it; one to a node that is gone is dropped. */
static bool
action_waits(const struct sim *sim, const struct sim_action *action)
{
	return action->kind != SIM_APPLY && sim->nodes[action->node].frozen;
}

static struct sim_action *
sim_first_action(const struct sim *sim)
{
	struct sim_action *action, *first = NULL;

	TAILQ_FOREACH (action, &sim->actions, entry)
		if (!action_waits(sim, action) && (!first || mono_before(action->at, first->at)))
			first = action;
	return first;
}

static void
sim_do_action(struct sim *sim, struct sim_action *action)
{
	struct sim_node *node = &sim->nodes[action->node];
	unsigned n = action->node;

	TAILQ_REMOVE(&sim->actions, action, entry);
	if (action->kind == SIM_APPLY) {
		sim_action_apply(sim, action);
		return;
	}
	if (node->running && node->instance == action->instance) {
		if (action->kind == SIM_ANSWER) {
			sim_trace(sim, n, "is answered %s: %s", action->name,
			    lease_result_str(action->result));
			node_answered(node, action, sim->now);
		} else if (action->kind == SIM_FRAME) {
			struct mac_addr mac = {{2, 0, 0, 0, 0, (uint8_t)action->from}};

			(void)ownership_witness(
			    &node->ownership, &sim->addresses[action->address], &mac, sim->now);
		} else if (node->api == SIM_API_DOWN || node->watch_frozen) {
			action->at = mono_add_usec(sim->now, USEC_PER_SEC);
			TAILQ_INSERT_TAIL(&sim->actions, action, entry);
			return;
		} else {
			node_list(sim, n);
		}
		node_turn(sim, n);
	}
	action_free(action);
}

static void
sim_do_node(struct sim *sim, unsigned n)
{
	struct sim_node *node = &sim->nodes[n];

	/* Timers first: the worse order after a gap. */
	node_turn(sim, n);
	if (node->running && node->api != SIM_API_DOWN && !node->watch_frozen &&
	    mono_reached(sim->now, node->next_change)) {
		node_deliver(sim, node);
		node_turn(sim, n);
	}
}

static void
sim_note_health(struct sim *sim)
{
	struct sim_node *node;

	for (node = sim->nodes; node < sim->nodes + sim->n_nodes; node++) {
		if (!node->running || node->frozen || node->stopping || node->watch_frozen ||
		    node->api != SIM_API_UP)
			node->healthy_since = MONO_NEVER;
		else if (mono_is_never(node->healthy_since))
			node->healthy_since = sim->now;
	}
}

bool
sim_run(struct sim *sim, mono_t until)
{
	unsigned n, first, steps = 0;
	struct sim_action *action;
	mono_t at, next;

	for (;;) {
		action = sim_first_action(sim);
		next = action ? action->at : MONO_NEVER;
		first = SIM_MAX_NODES;
		for (n = 0; n < sim->n_nodes; n++) {
			at = node_deadline(&sim->nodes[n], sim->now);
			if (mono_before(at, next)) {
				next = at;
				first = n;
			}
		}
		if (mono_before(until, next))
			break;
		if (mono_before(sim->now, next)) {
			sim->now = next;
			steps = 0;
		} else if (++steps == SIM_BUSY) {
			return false;
		}
		if (first < SIM_MAX_NODES)
			sim_do_node(sim, first);
		else
			sim_do_action(sim, action);
		sim_note_health(sim);
		if (sim->check)
			sim->check(sim, sim->arg);
	}
	sim->now = until;
	sim_note_health(sim);
	return true;
}
