/* What others take from a session: actions, events, the state of everything. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "bgp/session_internal.h"
#include "util/str.h"

static const char *const states[] = {
    [BGP_IDLE] = "Idle",
    [BGP_CONNECT] = "Connect",
    [BGP_ACTIVE] = "Active",
    [BGP_OPEN_SENT] = "OpenSent",
    [BGP_OPEN_CONFIRM] = "OpenConfirm",
    [BGP_ESTABLISHED] = "Established",
};
static_assert(sizeof(states) / sizeof(states[0]) == BGP_STATE_COUNT, "a name for each state");

static const char *const drains[] = {
    [BGP_DRAIN_NONE] = "none",
    [BGP_DRAIN_ANNOUNCE] = "announcing GRACEFUL_SHUTDOWN",
    [BGP_DRAIN_WITHDRAW] = "withdrawing",
    [BGP_DRAIN_DONE] = "drained",
};
static_assert(sizeof(drains) / sizeof(drains[0]) == BGP_DRAIN_COUNT, "a name for each");

bool
bgp_session_take_action(struct bgp_session *s, struct bgp_action *ret_action)
{
	struct queued_action *queued = TAILQ_FIRST(&s->actions);

	if (!queued)
		return false;
	*ret_action = queued->action;
	TAILQ_REMOVE(&s->actions, queued, entry);
	free(queued);
	return true;
}

bool
bgp_session_take_event(struct bgp_session *s, struct bgp_event *ret_event)
{
	struct queued_event *queued = TAILQ_FIRST(&s->events);

	if (!queued && s->n_lost_events) {
		*ret_event = (struct bgp_event){.kind = BGP_EVENT_LOST, .count = s->n_lost_events};
		s->n_lost_events = 0;
		return true;
	}
	if (!queued)
		return false;
	*ret_event = queued->event;
	TAILQ_REMOVE(&s->events, queued, entry);
	free(queued);
	s->n_events--;
	return true;
}

enum bgp_state
bgp_session_state(const struct bgp_session *s)
{
	return s->state;
}

static void
connection_status(
    const struct bgp_session *s, const struct bgp_connection *c, struct bgp_session_status *status)
{
	unsigned family;

	status->outgoing = c->outgoing;
	status->keepalive_at = c->keepalive_at;
	if (c->state != BGP_CONNECT)
		status->hold_deadline = c->hold_deadline;
	if (c->state < BGP_OPEN_CONFIRM)
		return;
	status->internal = c->internal;
	status->families = c->families;
	status->extended_next_hop = c->extended_next_hop;
	status->hard_reset = c->hard_reset;
	status->hold_time_sec = c->hold_time_sec;
	status->keepalive_time_sec = (uint16_t)(c->keepalive_usec / USEC_PER_SEC);
	for (family = 0; family < BGP_FAMILY_COUNT; family++)
		status->end_of_rib_sent[family] = s->end_of_rib[family] &&
		    !(s->adj_out.eor & BGP_FAMILY_BIT(family));
}

void
bgp_session_status(const struct bgp_session *s, struct bgp_session_status *ret_status)
{
	const struct bgp_connection *c;

	*ret_status = (struct bgp_session_status){
	    .state = s->state,
	    .drain = s->drain,
	    .started = s->started,
	    .since = s->since,
	    .next_attempt = s->next_attempt,
	    .failures = s->failures,
	    .ours = s->last_ours,
	    .theirs = s->last_theirs,
	    .hold_deadline = MONO_NEVER,
	    .keepalive_at = MONO_NEVER,
	    .last_sent = s->last_sent,
	    .last_received = s->last_received,
	    .counters = s->counters,
	};
	memcpy(ret_status->reason, s->reason, sizeof(s->reason));
	memcpy(ret_status->received_prefixes, s->adj_in.counts, sizeof(s->adj_in.counts));
	c = session_best(s, &ret_status->slot);
	if (c)
		connection_status(s, c, ret_status);
}

const char *
bgp_state_str(enum bgp_state state)
{
	return states[state];
}

const char *
bgp_drain_str(enum bgp_drain drain)
{
	return drains[drain];
}
