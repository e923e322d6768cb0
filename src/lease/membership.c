/*
 * The machine of membership.h: our own Lease and heartbeat, duplicates of our name, and whether the
 * view of the others is fresh. The others themselves are in members.c.
 */
#include "lease/membership.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lease/members.h"
#include "model/labels.h"
#include "util/mem.h"
#include "util/str.h"

#define NODE_PREFIX "node-"
#define ANNOTATION_INSTANCE MEMBER_ANNOTATION_PREFIX "instance-id"
#define ANNOTATION_MACHINE MEMBER_ANNOTATION_PREFIX "machine-id"
#define ANNOTATION_HOSTNAME MEMBER_ANNOTATION_PREFIX "hostname"
#define DEFAULT_DURATION_USEC (15 * USEC_PER_SEC) /* until the settings are told */
#define REWRITE_USEC (200 * USEC_PER_MSEC)        /* between writes, however urgent */

static const char *const state_names[] = {
    "starting", "doubtful", "active", "duplicate", "releasing", "released"};
static_assert(
    sizeof(state_names) / sizeof(state_names[0]) == MEMBERSHIP_STATE_COUNT, "one name per state");
static const char *const view_names[] = {"none", "listed", "fresh", "lost"};
static_assert(sizeof(view_names) / sizeof(view_names[0]) == VIEW_COUNT, "one name per view");
const char *
membership_state_str(enum membership_state state)
{
	return state_names[state];
}

const char *
membership_view_str(enum membership_view view)
{
	return view_names[view];
}

void
membership_init(struct membership *m, const struct membership_config *config,
    const struct lease_table *leases, struct lease_outbox *out, mono_t now)
{
	*m = (struct membership){
	    .node = xstrdup(config->node),
	    .lease_name = xasprintf(NODE_PREFIX "%s", config->node),
	    .leases = leases,
	    .out = out,
	    .setting_usec = DEFAULT_DURATION_USEC,
	    .duration_usec = DEFAULT_DURATION_USEC,
	    .last_write = RECORD_LONG_AGO,
	    .not_before = RECORD_LONG_AGO,
	    .listed_at = RECORD_LONG_AGO,
	    .tolerated = RECORD_LONG_AGO,
	    .foreign_since = RECORD_LONG_AGO,
	    .look_again = MONO_NEVER,
	};
	record_init(&m->record, m->lease_name, leases);
	prng_init(&m->prng, config->seed);
	rate_init(
	    &m->content_rate, MEMBERSHIP_CONTENT_INTERVAL_USEC, MEMBERSHIP_CONTENT_BURST, now);
	members_init(m);
}

void
membership_fini(struct membership *m)
{
	members_fini(m);
	record_fini(&m->record);
	lease_free(m->content);
	free(m->predecessor);
	free(m->lease_name);
	free(m->node);
	m->content = NULL;
	m->predecessor = m->lease_name = m->node = NULL;
}

/* --- The view --- */

bool
membership_is_fresh(const struct membership *m, mono_t now)
{
	/* A third until the next heartbeat is sent, a third for that to come back. */
	return m->view == VIEW_FRESH &&
	    mono_before(now, mono_add_usec(m->record.came_back, m->duration_usec / 3 * 2));
}

/* When the view is lost if nothing comes back. */
static mono_t
membership_view_deadline(const struct membership *m)
{
	if (m->view == VIEW_FRESH)
		return mono_add_usec(m->record.came_back, m->duration_usec / 3 * 2);
	/* A write that the server confirmed has to be seen; one that failed proves nothing. */
	if (m->view == VIEW_LISTED && !mono_before(m->record.written, m->listed_at))
		return mono_add_usec(m->record.written, m->duration_usec / 3);
	return MONO_NEVER;
}

static void
membership_lose_view(struct membership *m, mono_t now)
{
	if (!mono_reached(now, membership_view_deadline(m)))
		return;
	if (m->view == VIEW_FRESH)
		lease_outbox_say(m->out, LEASE_EVENT_VIEW_LOST, m->node, "%s",
		    "our heartbeat did not come back");
	m->view = VIEW_LOST;
	m->out->relist = true;
	members_forget_proofs(m);
}

/* Our heartbeat may have come back. */
static void
membership_refresh(struct membership *m, mono_t now)
{
	if (m->view != VIEW_LISTED || mono_before(m->record.came_back, m->listed_at))
		return;
	m->view = VIEW_FRESH;
	lease_outbox_say(m->out, LEASE_EVENT_VIEW_FRESH, m->node, "%s", "");
	members_expire(m, now);
}

/* --- Our own Lease --- */

static const char *
annotation_or_empty(const struct lease *lease, const char *key)
{
	const char *value = lease ? lease_annotation(lease, key) : NULL;

	return value ? value : "";
}

static bool
membership_is_same_machine(const struct membership *m, const struct lease *lease)
{
	return str_eq(annotation_or_empty(lease, ANNOTATION_MACHINE), m->info->machine_id);
}

/* The instance that wrote our Lease is neither we nor whom we succeed. */
static bool
membership_is_foreign(const struct membership *m, const struct lease *lease)
{
	const char *instance = annotation_or_empty(lease, ANNOTATION_INSTANCE);

	return *instance && !str_eq(instance, m->info->instance_id) &&
	    !(m->predecessor && str_eq(instance, m->predecessor));
}

static void
membership_activate(struct membership *m, mono_t now)
{
	const struct lease *lease = record_current(&m->record);

	free(m->predecessor);
	m->predecessor = xstrdup(annotation_or_empty(lease, ANNOTATION_INSTANCE));
	m->state = MEMBERSHIP_ACTIVE;
	m->look_again = MONO_NEVER;
	m->last_write = RECORD_LONG_AGO;
	m->not_before = now;
	m->generation++;
}

static void
membership_begin(struct membership *m, mono_t now)
{
	const struct lease *lease = record_current(&m->record);

	if (m->state != MEMBERSHIP_STARTING || m->view == VIEW_NONE || !m->content)
		return;
	m->version = record_version(lease);
	m->foreign_since = now;
	if (!lease || !lease_is_held(lease) || !*annotation_or_empty(lease, ANNOTATION_INSTANCE) ||
	    membership_is_same_machine(m, lease)) {
		membership_activate(m, now);
		return;
	}
	m->state = MEMBERSHIP_DOUBTFUL;
	m->look_again = mono_add_usec(now, members_record_duration(m, lease));
}

static void
membership_stop_as_duplicate(struct membership *m, const struct lease *lease, mono_t now)
{
	if (m->state != MEMBERSHIP_DUPLICATE)
		lease_outbox_say(m->out, LEASE_EVENT_DUPLICATE, m->node,
		    "this host \"%s\", other host \"%s\"", m->info->hostname,
		    annotation_or_empty(lease, ANNOTATION_HOSTNAME));
	m->state = MEMBERSHIP_DUPLICATE;
	m->look_again = mono_add_usec(now,
	    MEMBERSHIP_DUPLICATE_USEC +
		(int64_t)prng_below(&m->prng, MEMBERSHIP_DUPLICATE_USEC / 6));
	m->generation++;
}

/* Our own past may come more than once, from one backup: then it is the same to the microsecond,
 * which what a living clone writes never is. */
static bool
membership_is_past(const struct membership *m, const struct lease *lease, mono_t now)
{
	return membership_is_same_machine(m, lease) &&
	    (mono_diff_usec(now, m->tolerated) > 2 * m->duration_usec ||
		(lease->renew_time_usec && lease->renew_time_usec == m->tolerated_renewal));
}

/* Another's name on our Lease while we are active. */
static void
membership_meet_foreign(struct membership *m, const struct lease *lease, mono_t now)
{
	m->foreign_since = now;
	if (membership_is_past(m, lease, now)) {
		m->tolerated = now;
		m->tolerated_renewal = lease->renew_time_usec;
		m->content_changed = true;
		m->failures++;
		m->not_before = now;
		return;
	}
	membership_stop_as_duplicate(m, lease, now);
}

/* DOUBTFUL or DUPLICATE. `got`: the record was read from the server because it was time to look. */
static void
membership_look_at_other(
    struct membership *m, const struct lease *lease, bool changed, bool got, mono_t now)
{
	bool silent = !lease || !lease_is_held(lease) || !membership_is_foreign(m, lease);

	if (!lease || mono_diff_usec(now, m->foreign_since) >= members_record_duration(m, lease))
		silent = true;
	if (m->state == MEMBERSHIP_DOUBTFUL && changed && lease && lease_is_held(lease)) {
		/* Its predecessor is alive: the newcomer, we, give way. */
		membership_stop_as_duplicate(m, lease, now);
		return;
	}
	if (!got && !(changed && silent))
		return;
	if (!silent) {
		membership_stop_as_duplicate(m, lease, now);
		return;
	}
	if (m->state == MEMBERSHIP_DUPLICATE)
		lease_outbox_say(m->out, LEASE_EVENT_DUPLICATE_END, m->node, "%s", "");
	membership_activate(m, now);
}

/* The record of our own Lease may have changed. */
static void
membership_look(struct membership *m, bool got, mono_t now)
{
	const struct lease *lease = record_current(&m->record);
	bool changed = record_version(lease) != m->version;

	if (m->state == MEMBERSHIP_STARTING || !m->content)
		return;
	m->version = record_version(lease);
	switch (m->state) {
	case MEMBERSHIP_ACTIVE:
		if (changed && lease && membership_is_foreign(m, lease))
			membership_meet_foreign(m, lease, now);
		break;
	case MEMBERSHIP_DOUBTFUL:
	case MEMBERSHIP_DUPLICATE:
		if (changed)
			m->foreign_since = now;
		membership_look_at_other(m, lease, changed, got, now);
		break;
	case MEMBERSHIP_RELEASING:
		if (!m->record.unsure && m->record.in_flight == LEASE_NONE &&
		    (!lease || !lease_is_held(lease) || membership_is_foreign(m, lease)))
			m->state = MEMBERSHIP_RELEASED;
		break;
	case MEMBERSHIP_STARTING:
	case MEMBERSHIP_RELEASED:
	case MEMBERSHIP_STATE_COUNT:
		break;
	}
}

/* When the next request for our own Lease is due. */
static mono_t
membership_due(const struct membership *m)
{
	mono_t at = MONO_NEVER;

	if (m->record.in_flight != LEASE_NONE)
		return MONO_NEVER;
	switch (m->state) {
	case MEMBERSHIP_STARTING:
	case MEMBERSHIP_RELEASED:
	case MEMBERSHIP_STATE_COUNT:
		return MONO_NEVER;
	case MEMBERSHIP_DOUBTFUL:
	case MEMBERSHIP_DUPLICATE:
		at = m->look_again;
		break;
	case MEMBERSHIP_RELEASING:
		at = m->not_before;
		break;
	case MEMBERSHIP_ACTIVE:
		if (m->failures || m->record.unsure)
			at = m->not_before;
		else
			at = mono_add_usec(m->last_write, m->duration_usec / 3);
		if (m->content_changed)
			at = mono_min(at, rate_next(&m->content_rate, m->not_before));
		if (!record_current(&m->record))
			at = mono_min(at, mono_add_usec(m->last_write, REWRITE_USEC));
		break;
	}
	return mono_before(at, m->not_before) ? m->not_before : at;
}

static void
draft_content(struct membership *m, struct lease *lease)
{
	struct label *items = arena_alloc(lease->arena, lease->annotations.count, sizeof(*items));
	size_t i, n = 0;

	for (i = 0; i < lease->annotations.count; i++)
		if (!str_has_prefix(lease->annotations.items[i].key, MEMBER_ANNOTATION_PREFIX))
			items[n++] = lease->annotations.items[i];
	lease->annotations = (struct labels){items, n};
	member_info_write(m->info, lease);
}

static void
membership_write(struct membership *m, bool hold, mono_t now)
{
	const struct lease *current = record_current(&m->record);
	struct lease *lease = record_draft(&m->record);
	int64_t wall = lease_outbox_wall_usec(m->out, now);

	lease->renew_time_usec = wall;
	if (hold) {
		if (!str_eq(lease->holder, m->node)) {
			lease->acquire_time_usec = wall;
			if (current && lease->transitions < INT32_MAX)
				lease->transitions++;
		}
		m->duration_usec = members_duration(m);
		lease->holder = arena_strdup(lease->arena, m->node);
		lease->duration_seconds = (int32_t)(m->duration_usec / USEC_PER_SEC);
		draft_content(m, lease);
		m->content_changed = false;
	} else {
		lease->holder = "";
		lease->duration_seconds = 1;
	}
	m->last_write = now;
	record_send(&m->record, m->out, current ? LEASE_UPDATE : LEASE_CREATE, lease, now);
}

static void
membership_act(struct membership *m, mono_t now)
{
	if (!mono_reached(now, membership_due(m)))
		return;
	if (m->record.unsure || m->state == MEMBERSHIP_DOUBTFUL ||
	    m->state == MEMBERSHIP_DUPLICATE) {
		record_send(&m->record, m->out, LEASE_GET, NULL, now);
		return;
	}
	/* A heartbeat by time carries changed content along for nothing. */
	if (m->content_changed)
		(void)rate_take(&m->content_rate, now);
	membership_write(m, m->state == MEMBERSHIP_ACTIVE, now);
}

static void
membership_failed(struct membership *m, enum lease_op op, enum lease_result result, mono_t now)
{
	int64_t wait = MEMBERSHIP_RETRY_USEC, max = m->duration_usec / 6;
	unsigned i;

	if (m->failures == 0 && result == LEASE_REFUSED)
		lease_outbox_say(
		    m->out, LEASE_EVENT_REFUSED, m->lease_name, "%s", lease_op_str(op));
	for (i = 0; i < m->failures && wait < max; i++)
		wait *= 2;
	if (wait > max)
		wait = max;
	m->failures++;
	wait -= (int64_t)prng_below(&m->prng, (uint64_t)wait / 2);
	m->not_before = mono_add_usec(now, wait);
	/* It was not written: what it said is still to be told. */
	m->content_changed = true;
	if (m->state == MEMBERSHIP_DOUBTFUL || m->state == MEMBERSHIP_DUPLICATE)
		m->look_again = m->not_before;
}

static void
membership_own_answered(
    struct membership *m, enum lease_result result, const struct lease *answer, mono_t now)
{
	enum lease_op op = m->record.in_flight;

	record_answered(&m->record, result, answer);
	switch (result) {
	case LEASE_OK:
		if (op != LEASE_GET) {
			m->failures = 0;
			free(m->predecessor);
			m->predecessor = NULL;
		}
		break;
	case LEASE_CONFLICT:
	case LEASE_EXISTS:
		/* Look, then write at once. */
		m->failures++;
		m->content_changed = true;
		break;
	case LEASE_NOT_FOUND:
		if (op == LEASE_CREATE)
			membership_failed(m, op, result, now);
		break;
	case LEASE_REFUSED:
	case LEASE_UNKNOWN:
	case LEASE_UNREACHABLE:
	case LEASE_RESULT_COUNT:
		membership_failed(m, op, result, now);
		break;
	}
	membership_look(m,
	    op == LEASE_GET && (result == LEASE_OK || result == LEASE_NOT_FOUND) &&
		!m->record.unsure,
	    now);
	membership_refresh(m, now);
	membership_act(m, now);
}

/* --- What the glue calls --- */

void
membership_set(
    struct membership *m, const struct member_info *info, int64_t setting_usec, bool l2, mono_t now)
{
	struct lease *content = lease_new("content");

	member_info_write(info, content);
	if (m->setting_usec != setting_usec || m->l2 != l2)
		m->content_changed = true;
	m->setting_usec = setting_usec;
	m->l2 = l2;
	if (m->content && labels_equal(&m->content->annotations, &content->annotations)) {
		lease_free(content);
	} else {
		lease_free(m->content);
		m->content = content;
		/* Read back, so that we see ourselves exactly as the others do. */
		m->info = member_info_read(content->arena, content);
		m->content_changed = true;
		m->generation++;
	}
	membership_begin(m, now);
	membership_act(m, now);
}

void
membership_set_leading(struct membership *m, bool leading, mono_t now)
{
	if (m->leading == leading)
		return;
	m->leading = leading;
	members_arm_sweep(m, now);
}

void
membership_observe(struct membership *m, const char *lease_name, mono_t now)
{
	if (!str_has_prefix(lease_name, NODE_PREFIX))
		return;
	members_observe(m, lease_name + strlen(NODE_PREFIX), now);
	if (!str_eq(lease_name, m->lease_name))
		return;
	record_observe(&m->record);
	membership_look(m, false, now);
	membership_refresh(m, now);
	membership_act(m, now);
}

void
membership_listed(struct membership *m, mono_t now)
{
	record_listed(&m->record);
	if (m->view == VIEW_NONE || m->view == VIEW_LOST) {
		/* A heartbeat soon, so that the view is not long in becoming fresh. */
		m->content_changed = m->content_changed || m->view == VIEW_LOST;
		m->view = VIEW_LISTED;
		m->listed_at = now;
		members_restart(m, now);
	}
	membership_begin(m, now);
	membership_look(m, false, now);
	membership_act(m, now);
}

void
membership_answered(struct membership *m, const char *lease_name, enum lease_result result,
    const struct lease *answer, mono_t now)
{
	if (str_eq(lease_name, m->lease_name))
		membership_own_answered(m, result, answer, now);
	else if (str_has_prefix(lease_name, NODE_PREFIX))
		members_answered(m, lease_name + strlen(NODE_PREFIX), result, answer, now);
}

void
membership_release(struct membership *m, mono_t now)
{
	if (m->state == MEMBERSHIP_RELEASING || m->state == MEMBERSHIP_RELEASED)
		return;
	m->state = m->state == MEMBERSHIP_ACTIVE ? MEMBERSHIP_RELEASING : MEMBERSHIP_RELEASED;
	m->not_before = now;
	m->generation++;
	membership_look(m, false, now);
	membership_act(m, now);
}

bool
membership_is_released(const struct membership *m)
{
	return m->state == MEMBERSHIP_RELEASED;
}

void
membership_tick(struct membership *m, mono_t now)
{
	/* First: after a gap in our own time nobody else may age by it. */
	membership_lose_view(m, now);
	members_tick(m, now);
	membership_act(m, now);
}

mono_t
membership_next_deadline(const struct membership *m)
{
	return mono_min(
	    mono_min(membership_due(m), membership_view_deadline(m)), timer_next(&m->timers));
}

/* --- Questions --- */

bool
membership_is_active(const struct membership *m)
{
	return m->state == MEMBERSHIP_ACTIVE;
}

bool
membership_is_alive(const struct membership *m, mono_t now)
{
	return m->state == MEMBERSHIP_ACTIVE &&
	    mono_before(now, mono_add_usec(m->record.written, m->duration_usec));
}

mono_t
membership_renewed(const struct membership *m)
{
	return m->record.written;
}
