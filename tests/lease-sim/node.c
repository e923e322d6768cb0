/*
 * A daemon of sim.h: its machines, and what the daemon does around them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"
#include "util/mem.h"

#define PPM INT64_C(1000000)

static struct sim_node *
node_of(const struct sim *sim, unsigned n)
{
	return sim->nodes[n];
}

/* --- Its clock --- */

mono_t
sim_node_now(const struct sim *sim, unsigned n)
{
	int64_t since = sim->now.usec - SIM_START, ppm = node_of(sim, n)->rate_ppm;

	return (mono_t){SIM_START + since + since / PPM * ppm + since % PPM * ppm / PPM};
}

/* When its clock will show that. */
static mono_t
world_time(const struct sim *sim, unsigned n, mono_t local)
{
	int64_t ppm = node_of(sim, n)->rate_ppm, left;

	if (mono_is_never(local) || !ppm)
		return local;
	left = mono_diff_usec(local, sim_node_now(sim, n));
	if (left <= 0)
		return sim->now;
	return mono_add_usec(sim->now, left - left / (PPM + ppm) * ppm + 2);
}

/* --- The watch --- */

static void
watch_next(struct sim *sim, unsigned n)
{
	struct sim_node *node = node_of(sim, n);
	const struct sim_change *change = sim_change(sim, node->cursor);
	mono_t at;

	if (!node->watching || !change) {
		node->next_change = MONO_NEVER;
		return;
	}
	at = mono_add_usec(change->at, sim_delay(sim) + node->watch_lag_usec);
	node->next_change = mono_before(at, sim->now) ? sim->now : at;
}

static mono_t
node_deadline(const struct sim *sim, unsigned n)
{
	const struct sim_node *node = node_of(sim, n);
	mono_t at, now = sim_node_now(sim, n);

	if (!node->running || node->frozen)
		return MONO_NEVER;
	at = mono_min(membership_next_deadline(&node->membership),
	    mono_min(leader_next_deadline(&node->leader),
		ownership_next_deadline(&node->ownership, now)));
	at = world_time(sim, n, at);
	if (node->api != SIM_API_DOWN && !node->watch_frozen)
		at = mono_min(at, node->next_change);
	return mono_before(at, sim->now) ? sim->now : at;
}

void
sim_node_wake(struct sim *sim, unsigned n)
{
	sim_event_set(sim, &node_of(sim, n)->wake, node_deadline(sim, n));
}

void
sim_node_watch(struct sim *sim, unsigned n)
{
	if (!node_of(sim, n)->watching || !mono_is_never(node_of(sim, n)->next_change))
		return;
	watch_next(sim, n);
	sim_node_wake(sim, n);
}

/* --- What it sees --- */

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
node_answered(struct sim_node *node, const struct sim_event *event, mono_t now)
{
	const struct lease *answer = event->result == LEASE_OK ? event->lease : NULL;

	switch (lease_kind_of(event->name)) {
	case LEASE_ALLOCATOR:
		leader_answered(&node->leader, event->result, answer, now);
		break;
	case LEASE_NODE:
		membership_answered(&node->membership, event->name, event->result, answer, now);
		break;
	case LEASE_ADDRESS:
		ownership_answered(&node->ownership, event->name, event->result, answer, now);
		break;
	case LEASE_OTHER:
	case LEASE_KIND_COUNT:
		break;
	}
}

static const struct ip_prefix lan_prefix = {{IP_FAMILY_V4, {198, 18}}, 15};

static void
node_want(struct sim *sim, unsigned n, unsigned address)
{
	static const char *const advertisements[] = {"lan"}, *const services[] = {"default/web"};
	struct sim_node *node = node_of(sim, n);
	const struct sim_port *port = &node->ports[address];
	bool eligible = node->link && port->eligible;
	struct ownership_want want = {
	    .addr = sim->addresses[address],
	    .eligible = eligible,
	    .serving = eligible || (node->link && port->serving),
	    .reason = eligible ? "" : "not eligible",
	    .services = services,
	    .n_services = 1,
	    .scope = {advertisements, 1, &lan_prefix, 1},
	};
	mono_t now = sim_node_now(sim, n);

	if (!node->running)
		return;
	if (sim->service[address])
		(void)ownership_want(&node->ownership, &want, now);
	else
		ownership_unwant(&node->ownership, &want.addr, now);
}

static void
node_list(struct sim *sim, unsigned n)
{
	struct sim_node *node = node_of(sim, n);
	mono_t now = sim_node_now(sim, n);
	struct lease *lease, *old, *next;
	unsigned i;

	sim_trace(sim, n, "lists");
	MAP_FOREACH_SAFE (old, next, node->leases.head) {
		if (!lease_table_find(&sim->api, old->name)) {
			char *name = xstrdup(old->name);

			lease_table_remove(&node->leases, name);
			node_observe(node, name, now);
			free(name);
		}
	}
	MAP_FOREACH (lease, sim->api.head) {
		old = lease_table_find(&node->leases, lease->name);
		if (old && str_eq(old->resource_version, lease->resource_version))
			continue;
		lease_table_put(&node->leases, lease_copy(lease));
		node_observe(node, lease->name, now);
	}
	for (i = 0; i < sim->n_addresses; i++)
		node_want(sim, n, i);
	membership_listed(&node->membership, now);
	leader_listed(&node->leader, now);
	ownership_listed(&node->ownership, now);
	ownership_services_listed(&node->ownership, now);
	node->listing = false;
	node->watching = true;
	node->cursor = sim->history_base + sim->n_history;
	node->next_change = MONO_NEVER;
}

static void
node_deliver(struct sim *sim, unsigned n)
{
	struct sim_node *node = node_of(sim, n);
	const struct sim_change *change = sim_change(sim, node->cursor++);

	if (change->lease)
		lease_table_put(&node->leases, lease_copy(change->lease));
	else
		(void)lease_table_remove(&node->leases, change->name);
	sim_trace(sim, n, "sees %s holder=%s rv=%s", change->name,
	    change->lease ? change->lease->holder : "absent",
	    change->lease ? change->lease->resource_version : "");
	node_observe(node, change->name, sim_node_now(sim, n));
	watch_next(sim, n);
}

/* --- The LAN --- */

bool
sim_answers(const struct sim *sim, unsigned n, unsigned address)
{
	const struct sim_node *node = node_of(sim, n);
	enum ownership_voice voice = node->ports[address].voice;

	return node->running && !node->frozen && node->link &&
	    (voice == VOICE_ANSWER || voice == VOICE_ANNOUNCE);
}

struct mac_addr
sim_mac(unsigned n)
{
	return (struct mac_addr){{2, 0, 0, 0, (uint8_t)(n >> 8), (uint8_t)n}};
}

bool
sim_hears(const struct sim *sim, unsigned n, unsigned from)
{
	const struct sim_node *node = node_of(sim, n), *other = node_of(sim, from);

	return node != other && node->link && other->link && node->lan == other->lan;
}

void
sim_frame(struct sim *sim, unsigned n, unsigned address)
{
	struct sim_event *event;
	unsigned k;

	for (k = 0; k < sim->n_nodes && !sim->no_lan; k++) {
		if (!sim_hears(sim, k, n) || !node_of(sim, k)->running)
			continue;
		event = sim_event_new(sim, SIM_FRAME, k, SIM_FRAME_USEC);
		event->address = address;
		event->from = n;
	}
}

static void
node_announce(struct sim *sim, unsigned n, unsigned address)
{
	struct sim_port *port = &node_of(sim, n)->ports[address];

	if (port->burst_left)
		port->burst_left--;
	sim_event_set(sim, &port->announce,
	    mono_add_usec(sim->now, port->burst_left ? SIM_BURST_USEC : SIM_REFRESH_USEC));
	sim_frame(sim, n, address);
}

static void
node_hear(struct sim *sim, unsigned n, const struct sim_event *event)
{
	struct mac_addr mac = sim_mac(event->from);
	enum ownership_verdict verdict;

	verdict = ownership_witness(&node_of(sim, n)->ownership, &sim->addresses[event->address],
	    &mac, sim_node_now(sim, n));
	sim_trace(sim, n, "hears %s announce address %u: %s", node_of(sim, event->from)->name,
	    event->address, ownership_verdict_str(verdict));
}

static void
node_probed(struct sim *sim, unsigned n, const struct sim_event *event)
{
	bool answered = false;
	unsigned k;

	for (k = 0; k < sim->n_nodes; k++)
		answered = answered ||
		    (sim_hears(sim, n, k) && sim_answers(sim, k, event->address));
	sim_trace(sim, n, "probed address %u: %s", event->address, answered ? "taken" : "free");
	ownership_probed(&node_of(sim, n)->ownership, &sim->addresses[event->address], answered,
	    sim_node_now(sim, n));
}

/* --- A turn --- */

static void
node_change(struct sim *sim, unsigned n, const struct ownership_change *change)
{
	unsigned i = sim_address(sim, &change->addr);
	struct sim_port *port = &node_of(sim, n)->ports[i];

	sim_trace(sim, n, "voice %s of address %u%s", ownership_voice_str(change->voice), i,
	    change->burst ? ", at once" : "");
	port->voice = change->voice;
	if (change->voice == VOICE_PROBE)
		sim_event_new(sim, SIM_PROBED, n, SIM_PROBE_USEC)->address = i;
	if (change->voice != VOICE_ANNOUNCE) {
		sim_event_set(sim, &port->announce, MONO_NEVER);
	} else if (change->burst) {
		port->burst_left = SIM_BURST;
		sim_event_set(sim, &port->announce, sim->now);
	} else if (!port->announce.timer.slot) {
		sim_event_set(sim, &port->announce, mono_add_usec(sim->now, SIM_REFRESH_USEC));
	}
}

static void
node_apply(struct sim *sim, unsigned n)
{
	struct sim_node *node = node_of(sim, n);
	struct lease_request *request;
	struct ownership_change change;
	struct lease_event *event;

	while ((request = lease_outbox_take(&node->out)))
		sim_send(sim, n, request);
	while ((event = lease_outbox_take_event(&node->out))) {
		sim_trace(sim, n, "says %s %s %s", lease_event_kind_str(event->kind), event->name,
		    event->detail);
		if (!sim->forgetful)
			strbuf_printf(&node->said, "%s %s %s\n", lease_event_kind_str(event->kind),
			    event->name, event->detail);
		lease_event_free(event);
	}
	while (ownership_take_change(&node->ownership, &change))
		node_change(sim, n, &change);
	if (node->out.relist && !node->listing) {
		node->out.relist = false;
		node->listing = true;
		(void)sim_event_new(sim, SIM_LIST, n, sim_delay(sim));
	}
}

static void
node_fini(struct sim *sim, unsigned n)
{
	struct sim_node *node = node_of(sim, n);
	struct sim_event *event;
	unsigned i;

	while ((event = TAILQ_FIRST(&node->waiting))) {
		TAILQ_REMOVE(&node->waiting, event, entry);
		sim_event_free(event);
	}
	for (i = 0; i < sim->n_addresses; i++) {
		node->ports[i].voice = VOICE_NONE;
		sim_event_set(sim, &node->ports[i].announce, MONO_NEVER);
	}
	ownership_fini(&node->ownership);
	leader_fini(&node->leader);
	membership_fini(&node->membership);
	lease_outbox_fini(&node->out);
	lease_table_clear(&node->leases);
	node->running = node->stopping = node->frozen = node->watching = node->listing = false;
	node->next_change = MONO_NEVER;
	sim_event_set(sim, &node->wake, MONO_NEVER);
}

static void
node_turn(struct sim *sim, unsigned n)
{
	struct sim_node *node = node_of(sim, n);
	struct membership *m = &node->membership;
	mono_t now = sim_node_now(sim, n);
	bool leading;

	membership_tick(m, now);
	leader_set(&node->leader, membership_is_active(m),
	    membership_hash_majority(m) != HASH_MAJORITY_OTHER, membership_count(m), now);
	leader_tick(&node->leader, now);
	leading = leader_is_leading(&node->leader, now);
	membership_set_leading(m, leading, now);
	ownership_set(
	    &node->ownership, leading, node->release_on_api_loss, node->rebalance_usec, now);
	ownership_tick(&node->ownership, now);
	if (node->stopping && ownership_is_released(&node->ownership, now)) {
		membership_release(m, now);
		ownership_tick(&node->ownership, now);
	}
	node_apply(sim, n);
	node->last_turn = sim->now;
	if (node->stopping && membership_is_released(m) && leader_is_released(&node->leader))
		node_fini(sim, n);
	sim_node_wake(sim, n);
}

/* Timers first: the worse order after a gap. */
static void
node_woken(struct sim *sim, unsigned n)
{
	struct sim_node *node = node_of(sim, n);

	node_turn(sim, n);
	if (node->running && node->api != SIM_API_DOWN && !node->watch_frozen &&
	    mono_reached(sim->now, node->next_change)) {
		node_deliver(sim, n);
		node_turn(sim, n);
	}
}

/* What came in. False when it is kept for later. */
static bool
node_receive(struct sim *sim, unsigned n, struct sim_event *event)
{
	struct sim_node *node = node_of(sim, n);

	if (event->kind == SIM_ANSWER) {
		sim_trace(
		    sim, n, "is answered %s: %s", event->name, lease_result_str(event->result));
		node_answered(node, event, sim_node_now(sim, n));
	} else if (event->kind == SIM_FRAME) {
		node_hear(sim, n, event);
	} else if (event->kind == SIM_PROBED) {
		node_probed(sim, n, event);
	} else if (node->api == SIM_API_DOWN || node->watch_frozen) {
		sim_event_set(sim, event, mono_add_usec(sim->now, USEC_PER_SEC));
		return false;
	} else {
		node_list(sim, n);
	}
	node_turn(sim, n);
	return true;
}

void
sim_node_event(struct sim *sim, struct sim_event *event)
{
	struct sim_node *node = node_of(sim, event->node);
	unsigned n = event->node;

	if (event->kind == SIM_WAKE) {
		if (node->running && !node->frozen)
			node_woken(sim, n);
		return;
	}
	if (event->kind == SIM_ANNOUNCE) {
		if (node->running && !node->frozen)
			node_announce(sim, n, event->address);
		return;
	}
	if (!node->running || node->instance != event->instance) {
		sim_event_free(event);
	} else if (node->frozen) {
		TAILQ_INSERT_TAIL(&node->waiting, event, entry);
	} else if (node_receive(sim, n, event)) {
		sim_event_free(event);
	}
}

/* --- What is done to it --- */

unsigned
sim_add_node(struct sim *sim, const char *name)
{
	struct sim_node *node = xcalloc(1, sizeof(*node));
	unsigned i, n = sim->n_nodes;

	if (n == SIM_MAX_NODES)
		abort();
	*node = (struct sim_node){
	    .name = xstrdup(name),
	    .machine = xasprintf("machine-%u", n),
	    .link = true,
	    .settings_hash = 1,
	    .duration_usec = 15 * USEC_PER_SEC,
	    .rebalance_usec = INT64_MAX,
	    .next_change = MONO_NEVER,
	    .healthy_since = MONO_NEVER,
	    .saved_at = RECORD_LONG_AGO,
	    .ports = xcalloc(sim->max_addresses, sizeof(*node->ports)),
	    .wake = {.kind = SIM_WAKE, .node = n},
	};
	TAILQ_INIT(&node->waiting);
	for (i = 0; i < sim->max_addresses; i++)
		node->ports[i] = (struct sim_port){
		    .eligible = true,
		    .announce = {.kind = SIM_ANNOUNCE, .node = n, .address = i},
		};
	sim->nodes[sim->n_nodes++] = node;
	return n;
}

void
sim_node_free(struct sim *sim, unsigned n)
{
	struct sim_node *node = node_of(sim, n);

	if (node->running)
		node_fini(sim, n);
	free(node->name);
	free(node->machine);
	free(node->ports);
	strbuf_free(&node->said);
	strbuf_free(&node->sent);
	free(node);
}

void
sim_configure(struct sim *sim, unsigned n)
{
	struct sim_node *node = node_of(sim, n);
	struct ip_prefix address = {ip_addr_v4(198, 18, (uint8_t)(n >> 8), (uint8_t)n), 15};
	struct member_interface intf = {"eth0", sim_mac(n), node->link, &address, 1};
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
	    .excluded = node->excluded,
	    .interfaces = &intf,
	    .n_interfaces = 1,
	    .advertisements = &adv,
	    .n_advertisements = 1,
	};
	unsigned i;

	if (!node->running)
		return;
	(void)snprintf(instance, sizeof(instance), "%u-%u", n, node->instance);
	membership_set(&node->membership, &info, node->duration_usec, true, sim_node_now(sim, n));
	ownership_drain(&node->ownership, node->drained, sim_node_now(sim, n));
	for (i = 0; i < sim->n_addresses; i++)
		node_want(sim, n, i);
	if (!node->frozen)
		node_turn(sim, n);
}

/* As the state directory has it. */
static void
node_remember(struct sim *sim, unsigned n)
{
	struct sim_node *node = node_of(sim, n);
	struct ip_addr *addrs = xcalloc(sim->n_addresses, sizeof(*addrs));
	size_t i, count = 0;

	if (mono_diff_usec(sim->now, node->saved_at) < SIM_HOLD_OVER_USEC)
		for (i = 0; i < sim->n_addresses; i++)
			if (node->ports[i].saved)
				addrs[count++] = sim->addresses[i];
	for (i = 0; i < sim->n_nodes; i++) {
		struct mac_addr mac = sim_mac((unsigned)i);

		if (node->saved_macs[i])
			membership_know_mac(
			    &node->membership, &mac, node_of(sim, (unsigned)i)->name);
	}
	if (count)
		ownership_restore(&node->ownership, addrs, count, sim_node_now(sim, n));
	free(addrs);
}

void
sim_start(struct sim *sim, unsigned n)
{
	struct sim_node *node = node_of(sim, n);
	struct membership_config config = {node->name, prng_next(&sim->prng)};
	mono_t now = sim_node_now(sim, n);

	if (node->running)
		return;
	sim_trace(sim, n, "STARTS");
	node->running = true;
	node->instance++;
	node->last_turn = sim->now;
	lease_outbox_init(&node->out);
	node->out.wall_offset_usec = INT64_C(1700000000) * USEC_PER_SEC;
	membership_init(&node->membership, &config, &node->leases, &node->out, now);
	leader_init(&node->leader, node->name, &node->leases, &node->out, prng_next(&sim->prng));
	ownership_init(&node->ownership, &node->membership, &node->leases, &node->out,
	    prng_next(&sim->prng), now);
	node->listing = true;
	(void)sim_event_new(sim, SIM_LIST, n, sim_delay(sim));
	node_remember(sim, n);
	sim_configure(sim, n);
}

void
sim_kill(struct sim *sim, unsigned n, bool reboot)
{
	struct sim_node *node = node_of(sim, n);
	const struct ownership_address *a;
	unsigned i;

	if (!node->running)
		return;
	sim_trace(sim, n, "is KILLED%s", reboot ? ", and its machine" : "");
	for (i = 0; i < sim->n_addresses; i++) {
		a = ownership_find(&node->ownership, &sim->addresses[i]);
		if (node->ownership.listed)
			node->ports[i].saved = a && a->ours;
	}
	for (i = 0; i < sim->n_nodes; i++) {
		struct mac_addr mac = sim_mac(i);

		node->saved_macs[i] = membership_node_by_mac(&node->membership, &mac) != NULL;
	}
	node->saved_at = reboot ? RECORD_LONG_AGO : sim->now;
	node_fini(sim, n);
}

void
sim_stop(struct sim *sim, unsigned n)
{
	struct sim_node *node = node_of(sim, n);
	mono_t now = sim_node_now(sim, n);

	if (!node->running || node->stopping || node->frozen)
		return;
	sim_trace(sim, n, "STOPS");
	node->stopping = true;
	ownership_release_all(&node->ownership, now);
	leader_release(&node->leader, now);
	node_turn(sim, n);
}

void
sim_freeze(struct sim *sim, unsigned n, bool frozen)
{
	struct sim_node *node = node_of(sim, n);
	struct sim_event *event;

	if (!node->running || node->frozen == frozen)
		return;
	sim_trace(sim, n, "%s", frozen ? "FREEZES" : "THAWS");
	node->frozen = frozen;
	if (frozen) {
		sim_event_set(sim, &node->wake, MONO_NEVER);
		return;
	}
	while ((event = TAILQ_FIRST(&node->waiting))) {
		TAILQ_REMOVE(&node->waiting, event, entry);
		/* What waited in the packet sockets is dropped unanswered. */
		if (event->kind == SIM_FRAME)
			sim_event_free(event);
		else
			sim_event_set(sim, event, sim->now);
	}
	if (mono_diff_usec(sim->now, node->last_turn) >= SIM_GAP_USEC)
		ownership_doubt_all(&node->ownership, "a gap", sim_node_now(sim, n));
	node_turn(sim, n);
}

void
sim_service(struct sim *sim, unsigned address, bool on)
{
	unsigned n;

	sim->service[address] = on;
	for (n = 0; n < sim->n_nodes; n++) {
		if (!node_of(sim, n)->running)
			continue;
		node_want(sim, n, address);
		if (!node_of(sim, n)->frozen)
			node_turn(sim, n);
	}
}

void
sim_eligible(struct sim *sim, unsigned n, unsigned address, bool eligible, bool serving)
{
	struct sim_node *node = node_of(sim, n);

	node->ports[address].eligible = eligible;
	node->ports[address].serving = serving;
	if (!node->running)
		return;
	node_want(sim, n, address);
	if (!node->frozen)
		node_turn(sim, n);
}

void
sim_drain(struct sim *sim, unsigned n, bool drained)
{
	node_of(sim, n)->drained = drained;
	sim_configure(sim, n);
}

void
sim_doubt(struct sim *sim, unsigned n)
{
	struct sim_node *node = node_of(sim, n);

	if (!node->running || node->frozen)
		return;
	ownership_doubt_all(&node->ownership, "a gap", sim_node_now(sim, n));
	node_turn(sim, n);
}
