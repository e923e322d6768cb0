#include "daemon/metrics.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/daemon.h"
#include "daemon/leases.h"
#include "daemon/metrics_page.h"
#include "daemon/node.h"
#include "daemon/services.h"
#include "daemon/status_health.h"
#include "io/metrics_server.h"
#include "kube/watch.h"
#include "model/settings.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/str.h"

struct metrics {
	struct daemon *daemon;
	struct metrics_server *server;
};

void
metrics_head(struct strbuf *out, const char *name, const char *type, const char *help)
{
	strbuf_printf(out, "# HELP metallb_%s %s\n# TYPE metallb_%s %s\n", name, help, name, type);
}

void
metrics_single(
    struct strbuf *out, const char *name, const char *type, const char *help, uint64_t value)
{
	metrics_head(out, name, type, help);
	strbuf_printf(out, "metallb_%s %" PRIu64 "\n", name, value);
}

void
metrics_seconds(
    struct strbuf *out, const char *name, const char *type, const char *help, int64_t usec)
{
	metrics_head(out, name, type, help);
	strbuf_printf(out, "metallb_%s %.6f\n", name, (double)usec / USEC_PER_SEC);
}

/*
 * Ready: what this daemon needs to do its work has been seen once, and it may do it. An API server
 * that goes away later changes nothing, and neither does a file with errors or a drain: a restart,
 * which is what follows where readiness is lost, would cure none of them.
 */
static int
answer_ready(const struct daemon *daemon, struct strbuf *body)
{
	if (daemon->stopping)
		strbuf_add(body, "stopping\n");
	if (!services_is_synced(daemon->services))
		strbuf_add(body, "the Services were not listed yet\n");
	if (!kube_watch_is_synced(leases_watch(daemon->leases)))
		strbuf_add(body, "the Leases were not listed yet\n");
	if (!node_is_known(daemon->node))
		strbuf_add(body, "the own Node was not read yet\n");
	if (leases_membership(daemon->leases)->state == MEMBERSHIP_DUPLICATE)
		strbuf_add(body, "another machine uses this node's name\n");
	if (body->len)
		return 503;
	strbuf_add(body, "ok\n");
	return 200;
}

static int
on_request(void *arg, const char *path, struct strbuf *body, const char **ret_content_type)
{
	struct metrics *metrics = arg;
	const struct daemon *daemon = metrics->daemon;

	if (str_eq(path, "/healthz")) {
		strbuf_add(body, "ok\n");
		return 200;
	}
	if (str_eq(path, "/readyz"))
		return answer_ready(daemon, body);
	if (!str_eq(path, "/metrics"))
		return 404;
	*ret_content_type = "text/plain; version=0.0.4; charset=utf-8";
	metrics_add_process(daemon, body);
	metrics_add_loop(daemon, body);
	metrics_add_pools(daemon, body);
	metrics_add_api(daemon, body);
	metrics_add_leases(daemon, body);
	metrics_add_announced(daemon, body);
	metrics_add_layer2(daemon, body);
	metrics_add_frames(daemon, body);
	metrics_add_bgp(daemon, body);
	status_add_health_metrics(daemon, body);
	return 200;
}

void
metrics_reconfigure(struct metrics *metrics)
{
	const struct settings_metrics *settings = &metrics->daemon->settings->metrics;
	struct ip_addr address;
	int err;

	if (!settings->port) {
		metrics_server_free(metrics->server);
		metrics->server = NULL;
		return;
	}
	err = ip_addr_parse(settings->address, &address);
	if (!err && metrics->server)
		err = metrics_server_rebind(metrics->server, &address, settings->port);
	else if (!err)
		err = metrics_server_open(metrics->daemon->loop, &address, settings->port,
		    on_request, metrics, &metrics->server);
	if (err)
		log_warning(
		    "metrics %s port %u: %s; there is no new metrics page until metrics.address or metrics.port change",
		    settings->address, settings->port, strerror(-err));
}

struct metrics *
metrics_new(struct daemon *daemon)
{
	struct metrics *metrics = xcalloc(1, sizeof(*metrics));

	metrics->daemon = daemon;
	metrics_reconfigure(metrics);
	return metrics;
}

void
metrics_free(struct metrics *metrics)
{
	if (!metrics)
		return;
	metrics_server_free(metrics->server);
	free(metrics);
}
