#include "daemon/leases.h"

#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "daemon/api.h"
#include "daemon/watcher.h"
#include "io/loop.h"
#include "kube/error.h"
#include "kube/json.h"
#include "kube/lease.h"
#include "kube/path.h"
#include "kube/status.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/rate.h"
#include "util/str.h"

/* At a stop, for the end of `allocator` and of our heartbeat. */
#define LEASES_STOP_USEC (3 * USEC_PER_SEC)

enum leases_stop {
	STOP_NO,
	STOP_ADDRESSES,
	STOP_NODE,
	STOP_DONE
};

/* Lines about unreadable Leases: so many at once, then one each. */
#define LEASES_SKIPS_SAID_BURST 10
#define LEASES_SKIPS_SAID_USEC (10 * USEC_PER_SEC)

struct leases {
	struct loop *loop;
	struct api *api;
	char *namespace;
	struct lease_table table;
	struct lease_outbox out;
	struct leader leader;
	struct membership members;
	struct ownership ownership;
	struct watcher *watcher;
	struct loop_timer timer;
	struct loop_deferred act;
	const struct leases_ops *ops;
	void *arg;
	bool release_on_api_loss;
	int64_t rebalance_usec;
	bool leading;        /* as last told to ownership and the daemon */
	uint64_t generation; /* of the members, as last told to the daemon */
	enum hash_majority majority;
	uint64_t skips;
	char *skipped; /* the Lease that was last said to be unreadable */
	struct rate skips_said;
	bool said_refused; /* that we may not have the Leases; until a list is complete */
	enum leases_stop stop;
	mono_t stop_answered; /* when the API last answered, and not with no, since the stop
			       * began; or that */
	mono_t stop_until;    /* of what is left once the addresses are released; MONO_NEVER */
	unsigned n_in_flight;
};

/* One request to the API. */
struct lease_call {
	struct leases *leases;
	struct lease_request *request;
};

/* --- answers --- */

static void
leases_answered(
    struct leases *leases, const char *name, enum lease_result result, const struct lease *answer)
{
	mono_t now = loop_now(leases->loop);

	switch (lease_kind_of(name)) {
	case LEASE_ALLOCATOR:
		leader_answered(&leases->leader, result, answer, now);
		break;
	case LEASE_NODE:
		membership_answered(&leases->members, name, result, answer, now);
		break;
	case LEASE_ADDRESS:
		ownership_answered(&leases->ownership, name, result, answer, now);
		break;
	case LEASE_OTHER:
	case LEASE_KIND_COUNT:
		break;
	}
	loop_defer(&leases->act);
}

static enum lease_result
result_of_status(enum lease_op op, int status)
{
	if (status < 300)
		return LEASE_OK;
	if (status == 409)
		return op == LEASE_CREATE ? LEASE_EXISTS : LEASE_CONFLICT;
	if (status == 404)
		return LEASE_NOT_FOUND;
	if (status == 429 || status == 503)
		return LEASE_UNREACHABLE;
	return status >= 500 ? LEASE_UNKNOWN : LEASE_REFUSED;
}

static enum lease_result
result_of_answer(enum lease_op op, const struct api_answer *answer)
{
	switch (answer->result) {
	case API_ANSWERED:
		return result_of_status(op, answer->status);
	case API_UNREACHABLE:
		return LEASE_UNREACHABLE;
	case API_UNKNOWN:
	case API_RESULT_COUNT:
		break;
	}
	return LEASE_UNKNOWN;
}

/* NULL when the body is not a Lease. */
static struct lease *
parse_lease(const struct api_answer *answer)
{
	struct json_object *json;
	struct lease *lease = NULL;

	if (kube_json_parse(answer->body, answer->body_len, KUBE_JSON_MAX_OBJECT_BYTES, &json) ==
	    KUBE_OK) {
		(void)kube_lease_decode(json, &lease);
		json_object_put(json);
	}
	return lease;
}

static void
lease_call_done(void *arg, const struct api_answer *answer)
{
	struct lease_call *call = arg;
	struct leases *leases = call->leases;
	enum lease_op op = call->request->op;
	enum lease_result result = result_of_answer(op, answer);
	struct kube_error error;
	struct lease *lease = NULL;

	leases->n_in_flight--;
	/* A server that lets us write nothing is as good as none. */
	if (answer->result == API_ANSWERED && result != LEASE_REFUSED)
		leases->stop_answered = loop_now(leases->loop);
	if (result == LEASE_OK && op != LEASE_DELETE && !(lease = parse_lease(answer)))
		result = LEASE_UNKNOWN;
	if (result == LEASE_REFUSED) {
		kube_error_decode(answer->status, answer->retry_after_sec, answer->body,
		    answer->body_len, &error);
		log_debug("lease=%s %s: %d %s", call->request->lease->name, lease_op_str(op),
		    answer->status, error.message);
	}
	/* What we knew is gone: deleted by hand, or the whole cluster was made anew, and then
	 * nothing else says so once its versions have grown past those that the watches know. */
	if (op == LEASE_UPDATE && answer->result == API_ANSWERED &&
	    (answer->status == 201 || answer->status == 404))
		leases->out.relist = true;
	leases_answered(leases, call->request->lease->name, result, lease);
	lease_free(lease);
	lease_request_free(call->request);
	free(call);
}

static const char *
method_of(enum lease_op op)
{
	switch (op) {
	case LEASE_CREATE:
		return "POST";
	case LEASE_UPDATE:
		return "PUT";
	case LEASE_DELETE:
		return "DELETE";
	case LEASE_GET:
	case LEASE_NONE:
	case LEASE_OP_COUNT:
		break;
	}
	return "GET";
}

static void
leases_send(struct leases *leases, struct lease_request *request)
{
	struct lease_call *call = xcalloc(1, sizeof(*call));
	bool create = request->op == LEASE_CREATE, write = create || request->op == LEASE_UPDATE;
	char *path = create ? kube_path_leases(leases->namespace)
			    : kube_path_lease(leases->namespace, request->lease->name);
	char *body = write                ? kube_lease_encode(request->lease, leases->namespace)
	    : request->op == LEASE_DELETE ? kube_lease_encode_delete(request->lease)
					  : NULL;

	call->leases = leases;
	call->request = request;
	leases->n_in_flight++;
	log_debug("lease=%s %s holder=%s", request->lease->name, lease_op_str(request->op),
	    request->lease->holder);
	api_call(leases->api,
	    &(struct api_options){
		.method = method_of(request->op),
		.path = path,
		.content_type = body ? KUBE_JSON : NULL,
		.body = body,
		.timeout_usec = API_LEASE_TIMEOUT_USEC,
		.hedge = request->op != LEASE_DELETE,
		.on_done = lease_call_done,
		.arg = call,
	    });
	free(path);
	free(body);
}

/* --- what the machines say --- */

static enum log_level
event_level(enum lease_event_kind kind)
{
	switch (kind) {
	case LEASE_EVENT_DUPLICATE:
	case LEASE_EVENT_REFUSED:
		return LOG_LEVEL_ERR;
	case LEASE_EVENT_MEMBER_DOWN:
	case LEASE_EVENT_VIEW_LOST:
	case LEASE_EVENT_TOO_MANY:
	case LEASE_EVENT_UNTAKEN:
	case LEASE_EVENT_DOUBT:
	case LEASE_EVENT_DOUBT_ALL:
	case LEASE_EVENT_YIELDED:
		return LOG_LEVEL_WARNING;
	case LEASE_EVENT_LEADER:
	case LEASE_EVENT_LEADER_LOST:
	case LEASE_EVENT_DUPLICATE_END:
	case LEASE_EVENT_CLAIMED:
	case LEASE_EVENT_CONTINUED:
	case LEASE_EVENT_RELEASED:
	case LEASE_EVENT_TAKEN:
	case LEASE_EVENT_OFFERED:
	case LEASE_EVENT_PROVEN:
	case LEASE_EVENT_RESTORED:
		return LOG_LEVEL_NOTICE;
	case LEASE_EVENT_MEMBER_UP:
	case LEASE_EVENT_MEMBER_LEFT:
	case LEASE_EVENT_VIEW_FRESH:
	case LEASE_EVENT_SWEPT:
	case LEASE_EVENT_NODE_SWEPT:
	case LEASE_EVENT_KIND_COUNT:
		break;
	}
	return LOG_LEVEL_INFO;
}

static bool
event_is_about_address(enum lease_event_kind kind)
{
	switch (kind) {
	case LEASE_EVENT_CLAIMED:
	case LEASE_EVENT_CONTINUED:
	case LEASE_EVENT_RELEASED:
	case LEASE_EVENT_TAKEN:
	case LEASE_EVENT_SWEPT:
	case LEASE_EVENT_OFFERED:
	case LEASE_EVENT_UNTAKEN:
	case LEASE_EVENT_DOUBT:
	case LEASE_EVENT_PROVEN:
	case LEASE_EVENT_YIELDED:
	case LEASE_EVENT_RESTORED:
		return true;
	case LEASE_EVENT_LEADER:
	case LEASE_EVENT_LEADER_LOST:
	case LEASE_EVENT_MEMBER_UP:
	case LEASE_EVENT_MEMBER_DOWN:
	case LEASE_EVENT_MEMBER_LEFT:
	case LEASE_EVENT_VIEW_LOST:
	case LEASE_EVENT_VIEW_FRESH:
	case LEASE_EVENT_DUPLICATE:
	case LEASE_EVENT_DUPLICATE_END:
	case LEASE_EVENT_REFUSED:
	case LEASE_EVENT_DOUBT_ALL:
	case LEASE_EVENT_NODE_SWEPT:
	case LEASE_EVENT_TOO_MANY:
	case LEASE_EVENT_KIND_COUNT:
		break;
	}
	return false;
}

static void
leases_log(const struct lease_event *event)
{
	bool address = event_is_about_address(event->kind);
	const struct log_field fields[] = {
	    {address ? "METALLB_ADDRESS" : "METALLB_NODE", event->name}};
	struct strbuf detail = {0};

	strbuf_add_quoted(&detail, event->detail, 512);
	log_line(event_level(event->kind), fields, 1, "lease %s=%s %s%s%s",
	    address ? "address" : "name", event->name, lease_event_kind_str(event->kind),
	    detail.len ? ": " : "", strbuf_text(&detail));
	strbuf_free(&detail);
}

/* --- the turn --- */

static void
leases_tell(struct leases *leases, mono_t now)
{
	bool leading = leader_is_leading(&leases->leader, now);
	enum hash_majority majority = membership_hash_majority(&leases->members);

	if (leading == leases->leading && leases->generation == leases->members.generation &&
	    majority == leases->majority)
		return;
	leases->leading = leading;
	leases->generation = leases->members.generation;
	leases->majority = majority;
	ownership_set(
	    &leases->ownership, leading, leases->release_on_api_loss, leases->rebalance_usec, now);
	membership_set_leading(&leases->members, leading, now);
	leader_set(&leases->leader, membership_is_active(&leases->members),
	    majority != HASH_MAJORITY_OTHER, membership_count(&leases->members), now);
	leases->ops->changed(leases->arg);
}

/* What the other Leases of ours may take, once every address is released: nobody is served worse if
 * they are not, since they age out. */
static mono_t
leases_stop_deadline(const struct leases *leases)
{
	if (leases->stop == STOP_NO || leases->stop == STOP_DONE ||
	    mono_is_never(leases->stop_until))
		return MONO_NEVER;
	return mono_min(
	    leases->stop_until, mono_add_usec(leases->stop_answered, OWNERSHIP_SILENCE_USEC));
}

static void
leases_advance_stop(struct leases *leases, mono_t now)
{
	bool late;

	if (leases->stop == STOP_NO || leases->stop == STOP_DONE)
		return;
	if (leases->stop == STOP_ADDRESSES && !ownership_is_released(&leases->ownership, now))
		return;
	if (mono_is_never(leases->stop_until))
		leases->stop_until = mono_add_usec(now, LEASES_STOP_USEC);
	late = mono_reached(now, leases_stop_deadline(leases));
	if (leases->stop == STOP_ADDRESSES) {
		if (!late && !leader_is_released(&leases->leader))
			return;
		leases->stop = STOP_NODE;
		membership_release(&leases->members, now);
	}
	if (!membership_is_released(&leases->members)) {
		if (!late)
			return;
		log_warning(
		    "stop: the API server does not take our heartbeat's end; other nodes take over when it has aged out");
	}
	leases->stop = STOP_DONE;
	leases->ops->released(leases->arg);
}

static void
leases_apply(struct leases *leases)
{
	struct ownership_change change;
	struct lease_request *request;
	struct lease_event *event;

	while (ownership_take_change(&leases->ownership, &change))
		leases->ops->announce(leases->arg, &change);
	while ((event = lease_outbox_take_event(&leases->out))) {
		leases_log(event);
		lease_event_free(event);
	}
	while ((request = lease_outbox_take(&leases->out)))
		leases_send(leases, request);
	if (leases->out.relist) {
		leases->out.relist = false;
		watcher_relist(leases->watcher);
	}
}

static void
leases_act(void *arg)
{
	struct leases *leases = arg;
	mono_t now = loop_now(leases->loop), next;

	leases->out.wall_offset_usec = loop_wall_usec() - loop_clock().usec;
	membership_tick(&leases->members, now);
	leases_tell(leases, now);
	leader_tick(&leases->leader, now);
	leases_tell(leases, now);
	ownership_tick(&leases->ownership, now);
	leases_advance_stop(leases, now);
	leases_apply(leases);
	next = mono_min(
	    membership_next_deadline(&leases->members), leader_next_deadline(&leases->leader));
	next = mono_min(next, ownership_next_deadline(&leases->ownership, now));
	loop_timer_set(&leases->timer, mono_min(next, leases_stop_deadline(leases)));
}

static void
leases_timer(void *arg)
{
	struct leases *leases = arg;

	leases_act(leases);
}

/* --- the watch --- */

static void
leases_observe(struct leases *leases, const char *name)
{
	mono_t now = loop_now(leases->loop);

	switch (lease_kind_of(name)) {
	case LEASE_ALLOCATOR:
		leader_observe(&leases->leader, now);
		break;
	case LEASE_NODE:
		membership_observe(&leases->members, name, now);
		break;
	case LEASE_ADDRESS:
		ownership_observe(&leases->ownership, name, now);
		break;
	case LEASE_OTHER:
	case LEASE_KIND_COUNT:
		break;
	}
	loop_defer(&leases->act);
}

/* Once, though it may be renewed every second; and not each of many in turn. */
static void
leases_skip(struct leases *leases, const char *name, enum kube_cause cause)
{
	leases->skips++;
	if ((leases->skipped && str_eq(leases->skipped, name)) ||
	    !rate_take(&leases->skips_said, loop_now(leases->loop)))
		return;
	free(leases->skipped);
	leases->skipped = xstrdup(name);
	log_warning("lease=%s is skipped: %s", name, kube_cause_str(cause));
}

static void
leases_tell_offer(struct leases *leases, const char *name)
{
	struct ip_addr addr;

	if (!lease_parse_address_name(name, &addr) &&
	    ownership_is_offered(&leases->ownership, &addr))
		leases->ops->offered(leases->arg, &addr);
}

static void
on_object(void *arg, enum kube_watch_event event, const char *key, struct json_object *object)
{
	struct leases *leases = arg;
	const char *slash = strchr(key, '/');
	char *name = xstrdup(slash ? slash + 1 : key);
	struct lease *lease;
	enum kube_cause cause;

	if (event == KUBE_WATCH_DELETED) {
		(void)lease_table_remove(&leases->table, name);
		leases_observe(leases, name);
	} else if ((cause = kube_lease_decode(object, &lease)) != KUBE_OK) {
		leases_skip(leases, name, cause);
	} else {
		lease_table_put(&leases->table, lease);
		leases_observe(leases, name);
		leases_tell_offer(leases, name);
	}
	free(name);
}

static void
on_synced(void *arg, bool first)
{
	struct leases *leases = arg;
	mono_t now = loop_now(leases->loop);

	if (!first)
		leases->ops->restored(leases->arg);
	leases->said_refused = false;
	membership_listed(&leases->members, now);
	leader_listed(&leases->leader, now);
	ownership_listed(&leases->ownership, now);
	loop_defer(&leases->act);
}

static void
on_notice(void *arg, enum kube_watch_notice notice, const char *text)
{
	struct leases *leases = arg;

	(void)text;
	if (notice == KUBE_WATCH_RESTORED)
		leases->ops->restored(leases->arg);
	if ((notice != KUBE_WATCH_NOT_FOUND && notice != KUBE_WATCH_FORBIDDEN) ||
	    leases->said_refused)
		return;
	leases->said_refused = true;
	log_err(
	    "lease namespace=%s: the API server lets us have no Leases there; apply share/rbac.yaml",
	    leases->namespace);
}

static const struct kube_watch_ops watch_ops = {on_object, on_synced, on_notice};

static void
leases_start_watch(struct leases *leases, uint64_t seed)
{
	char *path = kube_path_leases(leases->namespace);

	leases->watcher = watcher_new(leases->loop, leases->api,
	    &(struct watcher_options){
		.name = "leases",
		.watch = {.path = path},
		.ops = &watch_ops,
		.arg = leases,
		.seed = seed,
	    });
	free(path);
}

/* --- life --- */

struct leases *
leases_new(struct loop *loop, struct api *api, const struct leases_options *options)
{
	struct leases *leases = xcalloc(1, sizeof(*leases));
	const struct membership_config config = {.node = options->node, .seed = options->seed};
	mono_t now = loop_now(loop);

	leases->loop = loop;
	leases->api = api;
	leases->namespace = xstrdup(options->namespace);
	rate_init(&leases->skips_said, LEASES_SKIPS_SAID_USEC, LEASES_SKIPS_SAID_BURST, now);
	leases->ops = options->ops;
	leases->arg = options->arg;
	leases->rebalance_usec = INT64_MAX;
	leases->stop_until = MONO_NEVER;
	lease_outbox_init(&leases->out);
	membership_init(&leases->members, &config, &leases->table, &leases->out, now);
	leader_init(
	    &leases->leader, options->node, &leases->table, &leases->out, options->seed + 1);
	ownership_init(&leases->ownership, &leases->members, &leases->table, &leases->out,
	    options->seed + 2, now);
	loop_timer_init(&leases->timer, loop, leases_timer, leases);
	loop_deferred_init(&leases->act, loop, leases_act, leases);
	leases_start_watch(leases, options->seed + 3);
	loop_defer(&leases->act);
	return leases;
}

/* api_stop() comes before, so that no answer comes any more. */
void
leases_free(struct leases *leases)
{
	if (!leases)
		return;
	watcher_free(leases->watcher);
	ownership_fini(&leases->ownership);
	leader_fini(&leases->leader);
	membership_fini(&leases->members);
	lease_outbox_fini(&leases->out);
	lease_table_clear(&leases->table);
	loop_timer_fini(&leases->timer);
	loop_deferred_fini(&leases->act);
	free(leases->namespace);
	free(leases->skipped);
	free(leases);
}

void
leases_reconnect(struct leases *leases)
{
	watcher_restart(leases->watcher);
}

void
leases_kick(struct leases *leases)
{
	watcher_kick(leases->watcher);
}

void
leases_set_member(
    struct leases *leases, const struct member_info *info, int64_t lease_duration_usec, bool l2)
{
	membership_set(&leases->members, info, lease_duration_usec, l2, loop_now(leases->loop));
	loop_defer(&leases->act);
}

void
leases_set_release_on_api_loss(struct leases *leases, bool release)
{
	leases->release_on_api_loss = release;
	ownership_set(&leases->ownership, leases->leading, release, leases->rebalance_usec,
	    loop_now(leases->loop));
	loop_defer(&leases->act);
}

void
leases_set_rebalance(struct leases *leases, int64_t rebalance_usec)
{
	leases->rebalance_usec = rebalance_usec;
	ownership_set(&leases->ownership, leases->leading, leases->release_on_api_loss,
	    rebalance_usec, loop_now(leases->loop));
	loop_defer(&leases->act);
}

void
leases_drain(struct leases *leases, bool drained)
{
	ownership_drain(&leases->ownership, drained, loop_now(leases->loop));
	loop_defer(&leases->act);
}

enum ownership_verdict
leases_witness(struct leases *leases, const struct ip_addr *addr, const struct mac_addr *mac)
{
	enum ownership_verdict verdict = ownership_witness(
	    &leases->ownership, addr, mac, loop_now(leases->loop));

	if (verdict == VERDICT_HANDED || verdict == VERDICT_DOUBT)
		loop_defer(&leases->act);
	return verdict;
}

void
leases_doubt_all(struct leases *leases, const char *why)
{
	ownership_doubt_all(&leases->ownership, why, loop_now(leases->loop));
	loop_defer(&leases->act);
}

void
leases_restore(struct leases *leases, const struct ip_addr *addrs, size_t n_addrs)
{
	ownership_restore(&leases->ownership, addrs, n_addrs, loop_now(leases->loop));
	loop_defer(&leases->act);
}

void
leases_probed(struct leases *leases, const struct ip_addr *addr, bool answered)
{
	ownership_probed(&leases->ownership, addr, answered, loop_now(leases->loop));
	loop_defer(&leases->act);
}

void
leases_want(struct leases *leases, const struct ownership_want *want)
{
	(void)ownership_want(&leases->ownership, want, loop_now(leases->loop));
	loop_defer(&leases->act);
}

void
leases_unwant(struct leases *leases, const struct ip_addr *addr)
{
	ownership_unwant(&leases->ownership, addr, loop_now(leases->loop));
	loop_defer(&leases->act);
}

void
leases_services_listed(struct leases *leases)
{
	ownership_services_listed(&leases->ownership, loop_now(leases->loop));
	loop_defer(&leases->act);
}

void
leases_release(struct leases *leases)
{
	mono_t now = loop_now(leases->loop);

	if (leases->stop != STOP_NO)
		return;
	leases->stop = STOP_ADDRESSES;
	leases->stop_answered = now;
	leases->stop_until = MONO_NEVER;
	leader_release(&leases->leader, now);
	ownership_release_all(&leases->ownership, now);
	loop_defer(&leases->act);
}

const struct lease_table *
leases_table(const struct leases *leases)
{
	return &leases->table;
}

const struct leader *
leases_leader(const struct leases *leases)
{
	return &leases->leader;
}

const struct membership *
leases_membership(const struct leases *leases)
{
	return &leases->members;
}

const struct ownership *
leases_ownership(const struct leases *leases)
{
	return &leases->ownership;
}

const struct kube_watch *
leases_watch(const struct leases *leases)
{
	return watcher_machine(leases->watcher);
}

bool
leases_is_leading(const struct leases *leases)
{
	return leader_is_leading(&leases->leader, loop_now(leases->loop));
}

uint64_t
leases_skips(const struct leases *leases)
{
	return leases->skips;
}
