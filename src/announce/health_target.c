#include "announce/health_target.h"

#include <assert.h>
#include <stdio.h>

#include "util/str.h"

static const char *const kind_names[] = {
    [HEALTH_NODE_PORT] = "node-port",
    [HEALTH_KUBE_PROXY] = "kube-proxy",
    [HEALTH_CLUSTER_IP] = "cluster-ip",
};
static_assert(sizeof(kind_names) / sizeof(kind_names[0]) == HEALTH_KIND_COUNT, "one name each");

static const char *const state_names[] = {
    [HEALTH_UNKNOWN] = "unknown",
    [HEALTH_SERVING] = "serving",
    [HEALTH_NO_ENDPOINTS] = "no-endpoints",
    [HEALTH_PROXY_UNHEALTHY] = "proxy-unhealthy",
    [HEALTH_UNANSWERED] = "unanswered",
};
static_assert(sizeof(state_names) / sizeof(state_names[0]) == HEALTH_STATE_COUNT, "one name each");

static const char *const result_names[] = {
    [HEALTH_ANSWERED] = "answered",
    [HEALTH_REFUSED] = "refused",
    [HEALTH_SILENT] = "silent",
    [HEALTH_BROKEN] = "broken",
    [HEALTH_UNSENT] = "unsent",
};
static_assert(
    sizeof(result_names) / sizeof(result_names[0]) == HEALTH_RESULT_COUNT, "one name each");

static const char *const failure_names[] = {
    [HEALTH_FAILURE_NONE] = "none",
    [HEALTH_FAILURE_REFUSED] = "refused",
    [HEALTH_FAILURE_SILENT] = "silent",
    [HEALTH_FAILURE_BROKEN] = "broken",
    [HEALTH_FAILURE_STATUS] = "status",
    [HEALTH_FAILURE_FOREIGN] = "foreign",
};
static_assert(
    sizeof(failure_names) / sizeof(failure_names[0]) == HEALTH_FAILURE_COUNT, "one name each");

const char *
health_kind_str(enum health_kind kind)
{
	return kind_names[kind];
}

const char *
health_state_str(enum health_state state)
{
	return state_names[state];
}

const char *
health_result_str(enum health_result result)
{
	return result_names[result];
}

const char *
health_failure_str(enum health_failure failure)
{
	return failure_names[failure];
}

/* --- where --- */

struct ip_addr
health_target_address(
    const struct health_target *target, const struct ip_addr *candidates, size_t n_candidates)
{
	size_t i = target->turn % n_candidates;

	if (target->good.family != IP_FAMILY_NONE && !target->tried && !target->past_good)
		return target->good;
	if (ip_addr_eq(&candidates[i], &target->good))
		i = (i + 1) % n_candidates;
	return candidates[i];
}

/* A port that long gave no answer is not sought on every address each time: the one that answered
 * last, and one more. */
static size_t
round_length(const struct health_target *target, size_t n_candidates)
{
	return target->state == HEALTH_UNANSWERED && n_candidates > 2 ? 2 : n_candidates;
}

/* True: the round goes on with the next candidate. */
static bool
try_another(struct health_target *target, const struct ip_addr *addr,
    const struct ip_addr *candidates, size_t n_candidates, enum health_result result)
{
	bool good = ip_addr_eq(addr, &target->good);
	size_t i;

	for (i = 0; !good && i < n_candidates; i++)
		if (ip_addr_eq(addr, &candidates[i]))
			target->turn = (uint8_t)((i + 1) % n_candidates);
	target->past_good = false;
	if (result == HEALTH_SILENT) {
		target->past_good = good;
		target->tried = 0;
		return false;
	}
	if (++target->tried < round_length(target, n_candidates))
		return true;
	target->tried = 0;
	return false;
}

static void
answered_at(struct health_target *target, const struct ip_addr *addr)
{
	target->good = *addr;
	target->tried = 0;
	target->past_good = false;
}

/* --- what it means --- */

static enum health_failure
failure_of(enum health_result result)
{
	switch (result) {
	case HEALTH_REFUSED:
		return HEALTH_FAILURE_REFUSED;
	case HEALTH_SILENT:
		return HEALTH_FAILURE_SILENT;
	case HEALTH_BROKEN:
		return HEALTH_FAILURE_BROKEN;
	case HEALTH_ANSWERED:
	case HEALTH_UNSENT:
	case HEALTH_RESULT_COUNT:
		break;
	}
	return HEALTH_FAILURE_STATUS;
}

static void
succeed(struct health_target *target, enum health_state state)
{
	target->state = state;
	target->failure = HEALTH_FAILURE_NONE;
	target->failures = 0;
	target->ever = true;
}

/* A round that told nothing. */
static void
fail(struct health_target *target, enum health_state state)
{
	target->successes = 0;
	if (target->failures < HEALTH_FAILURES)
		target->failures++;
	if (target->failures < HEALTH_FAILURES)
		return;
	target->state = state;
	target->endpoints = 0;
}

static uint32_t
count_endpoints(const struct health_answer *answer)
{
	int64_t n = answer->report ? (int64_t)answer->report->local : answer->weight;

	if (n < 1)
		return 1; /* it says that it serves */
	return n > ENDPOINTS_LOCAL_MAX ? ENDPOINTS_LOCAL_MAX : (uint32_t)n;
}

static bool
is_foreign(const struct health_target *target, const struct endpoints_report *report)
{
	return report &&
	    (!str_eq(report->namespace, target->namespace) || !str_eq(report->name, target->name));
}

/* False: this answer proves nothing. */
static bool
believe_node_port(struct health_target *target, const struct health_answer *answer)
{
	const struct endpoints_report *report = answer->report;

	if (answer->result != HEALTH_ANSWERED || is_foreign(target, report) ||
	    (target->reported && !report))
		return false;
	target->reported = report != NULL;
	if (answer->status == 200) {
		succeed(target, HEALTH_SERVING);
		target->endpoints = count_endpoints(answer);
		return true;
	}
	if (answer->status != 503 || !report)
		return false;
	succeed(target,
	    report->proxy_unhealthy && report->local ? HEALTH_PROXY_UNHEALTHY
						     : HEALTH_NO_ENDPOINTS);
	target->endpoints = 0;
	return true;
}

static void
note_failure(struct health_target *target, const struct health_answer *answer)
{
	target->failure = failure_of(answer->result);
	target->status = answer->status;
	if (target->kind == HEALTH_NODE_PORT && answer->result == HEALTH_ANSWERED &&
	    is_foreign(target, answer->report)) {
		target->failure = HEALTH_FAILURE_FOREIGN;
		(void)snprintf(target->foreign, sizeof(target->foreign), "%s/%s",
		    answer->report->namespace, answer->report->name);
	}
}

static enum health_next
answer_node_port(struct health_target *target, const struct ip_addr *addr,
    const struct ip_addr *candidates, size_t n_candidates, const struct health_answer *answer)
{
	if (believe_node_port(target, answer)) {
		answered_at(target, addr);
		return HEALTH_NEXT_ROUND;
	}
	note_failure(target, answer);
	if (try_another(target, addr, candidates, n_candidates, answer->result))
		return HEALTH_NEXT_NOW;
	fail(target, HEALTH_UNANSWERED);
	return HEALTH_NEXT_ROUND;
}

static enum health_next
answer_kube_proxy(struct health_target *target, const struct ip_addr *addr,
    const struct ip_addr *candidates, size_t n_candidates, const struct health_answer *answer)
{
	bool spoke = answer->result == HEALTH_ANSWERED &&
	    (answer->status == 200 || answer->status == 503);

	if (spoke) {
		target->ever = true;
		answered_at(target, addr);
	}
	if (spoke && answer->status == 200) {
		if (target->successes < HEALTH_SUCCESSES)
			target->successes++;
		succeed(target,
		    target->state == HEALTH_UNKNOWN || target->successes == HEALTH_SUCCESSES
			? HEALTH_SERVING
			: target->state);
		return HEALTH_NEXT_ROUND;
	}
	note_failure(target, answer);
	if (!spoke && try_another(target, addr, candidates, n_candidates, answer->result))
		return HEALTH_NEXT_NOW;
	fail(target, spoke ? HEALTH_PROXY_UNHEALTHY : HEALTH_UNANSWERED);
	return HEALTH_NEXT_ROUND;
}

static enum health_next
answer_cluster_ip(struct health_target *target, const struct health_answer *answer)
{
	if (answer->result == HEALTH_ANSWERED) {
		succeed(target, HEALTH_SERVING);
		return HEALTH_NEXT_ROUND;
	}
	note_failure(target, answer);
	if (answer->result == HEALTH_REFUSED)
		fail(target, HEALTH_NO_ENDPOINTS);
	else if (target->state == HEALTH_UNKNOWN && ++target->silences == HEALTH_FAILURES)
		target->state = HEALTH_SERVING;
	return HEALTH_NEXT_ROUND;
}

enum health_next
health_target_answer(struct health_target *target, const struct ip_addr *addr,
    const struct ip_addr *candidates, size_t n_candidates, const struct health_answer *answer)
{
	if (answer->result == HEALTH_UNSENT)
		return HEALTH_NEXT_ROUND;
	switch (target->kind) {
	case HEALTH_NODE_PORT:
		return answer_node_port(target, addr, candidates, n_candidates, answer);
	case HEALTH_KUBE_PROXY:
		return answer_kube_proxy(target, addr, candidates, n_candidates, answer);
	case HEALTH_CLUSTER_IP:
		return answer_cluster_ip(target, answer);
	case HEALTH_KIND_COUNT:
		break;
	}
	return HEALTH_NEXT_ROUND;
}
