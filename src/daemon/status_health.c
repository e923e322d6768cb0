#include "daemon/status_health.h"

#include <assert.h>
#include <inttypes.h>

#include <json-c/json.h>

#include "announce/plan.h"
#include "daemon/daemon.h"
#include "daemon/probes.h"
#include "kube/json.h"
#include "model/service.h"
#include "model/settings.h"
#include "util/str.h"

static const char *const setting_names[] = {
    [KUBE_PROXY_AUTO] = "auto", [KUBE_PROXY_REQUIRED] = "required", [KUBE_PROXY_IGNORE] = "ignore"};
static_assert(
    sizeof(setting_names) / sizeof(setting_names[0]) == KUBE_PROXY_COUNT, "one name each");

/* The one state in which there is a target of this kind; NULL: there is none. */
static const char *
state_of_one(const struct health *health, enum health_kind kind)
{
	int state;

	for (state = 0; state < HEALTH_STATE_COUNT; state++)
		if (health_count(health, kind, (enum health_state)state))
			return health_state_str((enum health_state)state);
	return NULL;
}

static void
put_counts(json_object *object, const char *key, const struct health *health, enum health_kind kind)
{
	json_object *counts = kube_json_put_object(object, key);
	int state;

	for (state = 0; state < HEALTH_STATE_COUNT; state++)
		kube_json_put_int(counts, health_state_str((enum health_state)state),
		    (int64_t)health_count(health, kind, (enum health_state)state));
}

void
status_put_health(const struct daemon *daemon, json_object *status)
{
	const struct health *health = probes_health(daemon->probes);
	json_object *object = kube_json_put_object(status, "health");
	json_object *proxy = kube_json_put_object(object, "kubeProxy");
	const char *state = state_of_one(health, HEALTH_KUBE_PROXY);

	kube_json_put_string(proxy, "setting", setting_names[daemon->settings->health.kube_proxy]);
	kube_json_put_string(proxy, "state", state ? state : "not-asked");
	put_counts(object, "nodePorts", health, HEALTH_NODE_PORT);
	put_counts(object, "clusterIPs", health, HEALTH_CLUSTER_IP);
}

void
status_put_service_health(
    const struct daemon *daemon, json_object *object, const struct service *service)
{
	const struct health_verdict verdict = health_verdict(
	    probes_health(daemon->probes), service, service->primary_family);
	json_object *item = kube_json_put_object(object, "health");
	struct strbuf text = {0};

	health_explain(&verdict, &text);
	kube_json_put_bool(item, "serving", verdict.serving);
	kube_json_put_string(
	    item, "reason", verdict.serving ? "" : plan_reason_str(plan_reason_of(verdict.cause)));
	kube_json_put_string(item, "message", strbuf_text(&text));
	if (verdict.endpoints || verdict.cause == HEALTH_NO_LOCAL_ENDPOINTS)
		kube_json_put_int(item, "localEndpoints", verdict.endpoints);
	strbuf_free(&text);
}

static void
add_results(const struct health *health, struct strbuf *out)
{
	const struct health_stats *stats = health_stats(health);
	int kind, result;

	strbuf_add(out,
	    "# HELP metallb_health_probes_total Questions to ports of this node by what became of them.\n"
	    "# TYPE metallb_health_probes_total counter\n");
	for (kind = 0; kind < HEALTH_KIND_COUNT; kind++)
		for (result = 0; result < HEALTH_RESULT_COUNT; result++)
			strbuf_printf(out,
			    "metallb_health_probes_total{kind=\"%s\",result=\"%s\"} %" PRIu64 "\n",
			    health_kind_str((enum health_kind)kind),
			    health_result_str((enum health_result)result),
			    stats->results[kind][result]);
}

void
status_add_health_metrics(const struct daemon *daemon, struct strbuf *out)
{
	const struct health *health = probes_health(daemon->probes);
	int kind, state;

	add_results(health, out);
	strbuf_add(out,
	    "# HELP metallb_health_targets Ports of this node that are asked, by what is known of them.\n"
	    "# TYPE metallb_health_targets gauge\n");
	for (kind = 0; kind < HEALTH_KIND_COUNT; kind++)
		for (state = 0; state < HEALTH_STATE_COUNT; state++)
			strbuf_printf(out, "metallb_health_targets{kind=\"%s\",state=\"%s\"} %zu\n",
			    health_kind_str((enum health_kind)kind),
			    health_state_str((enum health_state)state),
			    health_count(health, (enum health_kind)kind, (enum health_state)state));
}
