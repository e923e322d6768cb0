/*
 * The world of sim.h: time and what happens in it.
 */
#include "sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "util/mem.h"

#define SIM_ORDERS (1 << 20)
#define SIM_BUSY 200000 /* steps at one instant that can only be a loop */

void
sim_init(struct sim *sim, uint64_t seed, unsigned max_addresses)
{
	*sim = (struct sim){
	    .delay_usec = 5 * USEC_PER_MSEC,
	    .now = {SIM_START},
	    .max_addresses = max_addresses,
	    .addresses = xcalloc(max_addresses, sizeof(*sim->addresses)),
	    .service = xcalloc(max_addresses, sizeof(*sim->service)),
	};
	prng_init(&sim->prng, seed);
}

void
sim_trace(const struct sim *sim, unsigned node, const char *fmt, ...)
{
	va_list ap;

	if (!sim->trace)
		return;
	printf("# %9.4f %s%u ", (double)(sim->now.usec - SIM_START) / 1e6, sim->nodes[node]->name,
	    node);
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	(void)putchar('\n');
}

void
sim_fini(struct sim *sim)
{
	struct timer *timer;
	size_t i;

	for (i = 0; i < sim->n_nodes; i++)
		sim_node_free(sim, (unsigned)i);
	while ((timer = timer_take(&sim->timers, (mono_t){INT64_MAX - 1})))
		sim_event_free((struct sim_event *)(void *)timer);
	timer_queue_fini(&sim->timers);
	for (i = 0; i < sim->n_history; i++) {
		free(sim->history[i].name);
		lease_free(sim->history[i].lease);
	}
	free(sim->history);
	free(sim->addresses);
	free(sim->service);
	lease_table_clear(&sim->api);
	lease_table_clear(&sim->saved);
}

unsigned
sim_address(struct sim *sim, const struct ip_addr *addr)
{
	unsigned i;

	/* Those of the load runs are numbered, and there are many. */
	if (addr->family == IP_FAMILY_V4 && addr->bytes[0] == 10) {
		i = (unsigned)addr->bytes[2] << 8 | addr->bytes[3];
		if (i < sim->n_addresses && ip_addr_eq(&sim->addresses[i], addr))
			return i;
	}
	for (i = 0; i < sim->n_addresses; i++)
		if (ip_addr_eq(&sim->addresses[i], addr))
			return i;
	if (sim->n_addresses == sim->max_addresses)
		abort();
	sim->addresses[sim->n_addresses] = *addr;
	return sim->n_addresses++;
}

/* --- Events --- */

int64_t
sim_delay(struct sim *sim)
{
	if (!sim->random)
		return sim->delay_usec;
	return (int64_t)prng_below(&sim->prng, (uint64_t)sim->delay_usec) + 1;
}

struct sim_event *
sim_event_new(struct sim *sim, enum sim_event_kind kind, unsigned node, int64_t delay_usec)
{
	struct sim_event *event = xcalloc(1, sizeof(*event));

	event->kind = kind;
	event->node = node;
	event->instance = node < sim->n_nodes ? sim->nodes[node]->instance : 0;
	sim_event_set(sim, event, mono_add_usec(sim->now, delay_usec));
	return event;
}

/* What happens in one microsecond happens in the order in which it was set. */
static mono_t
ordered(struct sim *sim, mono_t at)
{
	if (mono_is_never(at))
		return at;
	return (mono_t){at.usec * SIM_ORDERS + (int64_t)(sim->order++ % SIM_ORDERS)};
}

static mono_t
unordered(mono_t at)
{
	return mono_is_never(at) ? at : (mono_t){at.usec / SIM_ORDERS};
}

void
sim_event_set(struct sim *sim, struct sim_event *event, mono_t at)
{
	timer_set(&sim->timers, &event->timer, ordered(sim, at));
}

/* Those that nodes embed are only taken out. */
void
sim_event_free(struct sim_event *event)
{
	if (event->kind == SIM_WAKE || event->kind == SIM_ANNOUNCE)
		return;
	lease_free(event->lease);
	free(event->name);
	free(event);
}

static void
sim_do(struct sim *sim, struct sim_event *event)
{
	switch (event->kind) {
	case SIM_APPLY:
		sim_apply(sim, event);
		break;
	case SIM_GHOST:
		sim_ghost(sim, event);
		break;
	case SIM_WAKE:
	case SIM_ANNOUNCE:
	case SIM_ANSWER:
	case SIM_LIST:
	case SIM_FRAME:
	case SIM_PROBED:
		sim_node_event(sim, event);
		break;
	case SIM_EVENT_COUNT:
		abort();
	}
}

static void
sim_note_health(struct sim *sim)
{
	unsigned n;

	for (n = 0; n < sim->n_nodes; n++) {
		struct sim_node *node = sim->nodes[n];

		if (!node->running || node->frozen || node->stopping || node->watch_frozen ||
		    node->watch_lag_usec || node->api != SIM_API_UP)
			node->healthy_since = MONO_NEVER;
		else if (mono_is_never(node->healthy_since))
			node->healthy_since = sim->now;
	}
}

bool
sim_run(struct sim *sim, mono_t until)
{
	struct timer *timer;
	unsigned steps = 0;
	mono_t next;

	for (;;) {
		next = unordered(timer_next(&sim->timers));
		if (mono_before(until, next))
			break;
		if (mono_before(sim->now, next)) {
			sim->now = next;
			steps = 0;
		} else if (++steps == SIM_BUSY) {
			return false;
		}
		timer = timer_take(&sim->timers, (mono_t){(sim->now.usec + 1) * SIM_ORDERS - 1});
		sim_do(sim, (struct sim_event *)(void *)timer);
		if (!sim->check)
			continue;
		sim_note_health(sim);
		sim->check(sim, sim->arg);
	}
	sim->now = until;
	sim_note_health(sim);
	return true;
}
