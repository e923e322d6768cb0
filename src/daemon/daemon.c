#include "daemon/daemon.h"

#include <errno.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "announce/health.h"
#include "announce/interfaces.h"
#include "announce/plan.h"
#include "announce/routes.h"
#include "daemon/allocation.h"
#include "daemon/api.h"
#include "daemon/bgp.h"
#include "daemon/configuration.h"
#include "daemon/control.h"
#include "daemon/drain.h"
#include "daemon/events.h"
#include "daemon/heartbeat.h"
#include "daemon/l2.h"
#include "daemon/leases.h"
#include "daemon/metrics.h"
#include "daemon/node.h"
#include "daemon/permissions.h"
#include "daemon/probes.h"
#include "daemon/saved.h"
#include "daemon/services.h"
#include "daemon/voice.h"
#include "daemon/wants.h"
#include "io/file.h"
#include "io/host.h"
#include "io/netlink.h"
#include "io/random.h"
#include "io/sd.h"
#include "model/settings.h"
#include "util/hash.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/str.h"

#include "config.h"

/* Not before `after`: the end of the turn, or a timer, which an earlier wish keeps. */
static void
replan_after(struct daemon *daemon, mono_t after)
{
	if (mono_before(loop_now(daemon->loop), after))
		loop_timer_set(
		    &daemon->replan_timer, mono_min(daemon->replan_timer.deadline, after));
	else
		loop_defer(&daemon->replan);
}

/*
 * At the end of the turn, but with pauses of 49 times what the last one took: a thousand changes in
 * a row cost a fiftieth of a core, a single one waits for nothing.
 */
void
daemon_replan(struct daemon *daemon)
{
	replan_after(
	    daemon, mono_add_usec(daemon->planned, DAEMON_REPLAN_PAUSE * daemon->plan_cost_usec));
}

/* Somebody waits for an address that is dead here: a fifth of a core is well spent. */
void
daemon_replan_urgent(struct daemon *daemon)
{
	replan_after(daemon,
	    mono_add_usec(daemon->planned, DAEMON_REPLAN_URGENT_PAUSE * daemon->plan_cost_usec));
}

/* --- from the plan to the Leases, from the Leases to the wire --- */

static void
on_voice(void *arg, const struct ownership_change *change)
{
	struct daemon *daemon = arg;

	voice_change(daemon, change);
	saved_touch(daemon->saved);
	loop_defer(&daemon->refresh);
}

/* What health says, in the words of routes. */
struct health_words {
	const struct health *health;
	struct strbuf text;
};

static struct routes_verdict
judge_served(void *arg, const struct service *service, enum ip_family family)
{
	struct health_words *words = arg;
	struct health_verdict verdict = health_verdict(words->health, service, family);

	strbuf_clear(&words->text);
	if (!verdict.serving)
		health_explain(&verdict, &words->text);
	return (struct routes_verdict){.serving = verdict.serving,
	    .undecided = verdict.undecided,
	    .endpoints = verdict.endpoints,
	    .reason = plan_reason_str(plan_reason_of(verdict.cause)),
	    .sentence = strbuf_text(&words->text)};
}

/* Made with each plan, since both tell one story. */
static void
update_routes(struct daemon *daemon)
{
	struct health_words words = {.health = probes_health(daemon->probes)};
	const struct routes_input input = {
	    .settings = daemon->settings,
	    .services = services_table(daemon->services),
	    .plan = daemon->plan,
	    .node_network_unavailable = node_network_unavailable(daemon->node),
	    .health = judge_served,
	    .health_arg = &words,
	    .previous = daemon->routes,
	};
	struct routes *routes = routes_build(&input);

	strbuf_free(&words.text);
	routes_free(daemon->routes);
	daemon->routes = routes;
	bgp_set_routes(daemon->bgp, routes, services_is_synced(daemon->services));
}

/* The members are the live nodes on our LANs. */
static bool
all_members_excluded(const struct daemon *daemon)
{
	const struct link_table *links = netlink_table(daemon->netlink);
	struct ip_prefix *subnets = NULL;
	size_t n = 0, cap = 0, i, j;
	bool all;

	for (i = 0; i < links->count; i++) {
		for (j = 0; !links->items[i].loopback && j < links->items[i].n_addresses; j++) {
			subnets = mem_grow(subnets, n, &cap, sizeof(*subnets));
			subnets[n++] = links->items[i].addresses[j];
		}
	}
	all = membership_all_excluded(leases_membership(daemon->leases), subnets, n);
	free(subnets);
	return all;
}

/* A burst of changes leaves the heap full of holes, up to a third of it, which glibc keeps. */
static void
trim(void *arg)
{
	(void)arg;
#ifdef __GLIBC__
	(void)malloc_trim(0);
#endif
}

static void
replan(void *arg)
{
	struct daemon *daemon = arg;
	const struct plan_input input = {
	    .settings = daemon->settings,
	    .services = services_table(daemon->services),
	    .links = netlink_table(daemon->netlink),
	    .node_labels = node_labels(daemon->node),
	    .node_network_unavailable = node_network_unavailable(daemon->node),
	    .all_members_excluded = all_members_excluded(daemon),
	    .health = probes_health(daemon->probes),
	};
	struct plan *old = daemon->plan;
	mono_t begin = loop_clock();

	loop_timer_set(&daemon->replan_timer, MONO_NEVER);
	/* What is not known yet must not look like what is not there: after a restart that would
	 * give our own addresses away. */
	if (!(services_is_synced(daemon->services) || services_is_restored(daemon->services)) ||
	    !node_is_known(daemon->node) || daemon->stopping)
		return;
	daemon->plan = plan_build(&input);
	if (daemon->plan->exclude_ignored && !(old && old->exclude_ignored))
		log_warning(
		    "node every node has the label " LABEL_EXCLUDE_FROM_EXTERNAL_LOAD_BALANCERS
		    ", so it is ignored on all");
	plan_free(old);
	heartbeat_publish(daemon);
	warnings_check_plan(&daemon->warnings);
	wants_follow_plan(daemon);
	voice_follow_plan(daemon);
	update_routes(daemon);
	probes_follow(daemon->probes);
	saved_touch(daemon->saved);
	if (!daemon->services_listed && services_is_synced(daemon->services)) {
		daemon->services_listed = true;
		leases_services_listed(daemon->leases);
	}
	loop_defer(&daemon->refresh);
	if (mono_is_never(daemon->trim_timer.deadline))
		loop_timer_set(&daemon->trim_timer, mono_add_usec(loop_clock(), DAEMON_TRIM_USEC));
	daemon->planned = loop_clock();
	daemon->plan_cost_usec = mono_diff_usec(daemon->planned, begin);
}

/* --- what follows from members and interfaces --- */

/* No node's address is ever given out. */
static void
forbid_node_addresses(struct daemon *daemon)
{
	const struct membership *members = leases_membership(daemon->leases);
	const struct link_table *links = netlink_table(daemon->netlink);
	const struct member *member;
	struct ip_addr *addrs = NULL;
	size_t n = 0, cap = 0, i, j;

	for (i = 0; i < links->count; i++) {
		for (j = 0; j < links->items[i].n_addresses; j++) {
			addrs = mem_grow(addrs, n, &cap, sizeof(*addrs));
			addrs[n++] = links->items[i].addresses[j].addr;
		}
	}
	MAP_FOREACH (member, members->members) {
		for (i = 0; member->info && i < member->info->n_interfaces; i++) {
			for (j = 0; j < member->info->interfaces[i].n_addresses; j++) {
				addrs = mem_grow(addrs, n, &cap, sizeof(*addrs));
				addrs[n++] = member->info->interfaces[i].addresses[j].addr;
			}
		}
	}
	allocation_set_forbidden(daemon->allocation, addrs, n);
	free(addrs);
}

/* Leadership ends by time too: then nothing else happens that would say so. */
static void
watch_leadership(struct daemon *daemon)
{
	allocation_set_leading(
	    daemon->allocation, leases_is_leading(daemon->leases) && !daemon->stopping);
}

/* Who could not serve it when asked last looks again now, and closely while the offer stands. */
static void
on_offered(void *arg, const struct ip_addr *addr)
{
	struct daemon *daemon = arg;
	const struct plan_address *address = daemon->plan ? plan_find(daemon->plan, addr) : NULL;

	if (!address || !address->candidate)
		return;
	probes_hurry(daemon->probes, address);
	if (!address->eligible)
		daemon_replan(daemon);
}

static void
on_leases_changed(void *arg)
{
	struct daemon *daemon = arg;

	warnings_check_files(&daemon->warnings);
	forbid_node_addresses(daemon);
	allocation_set_may_revoke(daemon->allocation,
	    membership_hash_majority(leases_membership(daemon->leases)) == HASH_MAJORITY_OURS);
	watch_leadership(daemon);
	daemon_replan(daemon);
	loop_defer(&daemon->refresh);
}

static void
on_links_changed(void *arg, const struct link_table *links)
{
	struct daemon *daemon = arg;

	l2_set_links(daemon->l2, links);
	bgp_set_links(daemon->bgp, links);
	warnings_check_links(&daemon->warnings);
	forbid_node_addresses(daemon);
	daemon_replan_urgent(daemon);
}

static void
on_node_changed(void *arg)
{
	daemon_replan(arg);
}

static void
on_api_changed(void *arg)
{
	struct daemon *daemon = arg;

	loop_defer(&daemon->refresh);
	if (daemon->permissions)
		permissions_api_changed(daemon->permissions);
	if (!daemon->leases || daemon->api_generation == api_generation(daemon->api))
		return;
	daemon->api_generation = api_generation(daemon->api);
	credentials_look(&daemon->credentials);
	services_kick(daemon->services);
	leases_kick(daemon->leases);
}

static void
on_service_changed(void *arg, const struct service *service)
{
	struct daemon *daemon = arg;

	allocation_service_changed(daemon->allocation, service);
	daemon_replan(daemon);
}

static void
on_service_gone(void *arg, const struct service *last)
{
	struct daemon *daemon = arg;

	allocation_service_gone(daemon->allocation, last);
	daemon_replan(daemon);
}

static void
on_services_synced(void *arg, bool first)
{
	struct daemon *daemon = arg;

	if (first)
		allocation_services_synced(daemon->allocation);
	daemon_replan(daemon);
}

static void
on_claim(void *arg, const struct ip_addr *ip, const struct mac_addr *mac, int ifindex)
{
	struct daemon *daemon = arg;

	claims_seen(&daemon->claims, ip, mac, ifindex);
}

static void
on_cleared(void *arg, const struct ip_addr *ip, int ifindex)
{
	struct daemon *daemon = arg;

	claims_cleared(&daemon->claims, ip, ifindex);
}

/* --- systemd's STATUS= --- */

static void
refresh_status(void *arg)
{
	struct daemon *daemon = arg;
	struct api_status api = api_status(daemon->api);
	struct strbuf text = {0};

	strbuf_printf(&text, "%sannouncing %zu addresses; ",
	    drain_is_on(daemon->drain) ? "drained, " : "",
	    responder_count(l2_responder(daemon->l2)));
	if (bgp_count(daemon->bgp))
		strbuf_printf(&text, "%zu of %zu BGP sessions established; ",
		    bgp_established(daemon->bgp), bgp_count(daemon->bgp));
	strbuf_printf(&text, "API server %s %s%s%s", api.server, api_state_str(api.state),
	    *api.error ? ": " : "", api.error);
	if (daemon->stale)
		strbuf_printf(&text,
		    "; the configuration on disk has %zu errors, the settings before are in force",
		    daemon->refused.n_errors);
	sd_status(daemon->sd, strbuf_text(&text));
	strbuf_free(&text);
	control_changed(daemon->control);
}

/* --- reload --- */

/*
 * A gap shorter than this has moved nothing: our last heartbeat before it was sent a third of its
 * duration earlier at most.
 */
static int64_t
gap_threshold(const struct settings *settings)
{
	return settings->failover.lease_duration_usec * 2 / 3;
}

static void
apply_settings(struct daemon *daemon, const struct config_diff *diff)
{
	const struct settings *settings = daemon->settings;

	if (!daemon->debug && config_diff_touches(diff, "log."))
		log_set_level(settings->log_level);
	if (api_reconfigure(daemon->api, settings, config_diff_touches(diff, "kubernetes."))) {
		services_reconnect(daemon->services);
		leases_reconnect(daemon->leases);
	}
	permissions_set_settings(daemon->permissions, settings);
	node_set_read_labels(daemon->node, settings->node.read_labels);
	probes_set_settings(daemon->probes);
	allocation_set_settings(daemon->allocation, settings);
	bgp_set_settings(daemon->bgp, settings);
	control_reconfigure(daemon->control, config_diff_touches(diff, "control."));
	if (config_diff_touches(diff, "metrics."))
		metrics_reconfigure(daemon->metrics);
	leases_set_release_on_api_loss(
	    daemon->leases, settings->failover.on_api_loss == ON_API_LOSS_RELEASE);
	leases_set_rebalance(daemon->leases, settings->failover.rebalance_usec);
	loop_gap_set(&daemon->gap, gap_threshold(settings));
	warnings_check_files(&daemon->warnings);
	warnings_check_links(&daemon->warnings);
	daemon_replan(daemon);
}

static void
log_changes(const struct config_diff *diff)
{
	size_t i;

	for (i = 0; i < diff->n_changes; i++) {
		const struct config_change *change = &diff->changes[i];

		if (change->effect == CONFIG_RESTART)
			log_warning(
			    "config %s %s: that acts when metallbd is started again; until then the old value does",
			    change->key, config_change_kind_str(change->kind));
		else
			log_info("config %s %s", change->key, config_change_kind_str(change->kind));
	}
	log_notice(
	    "reload done: %zu %s", diff->n_changes, diff->n_changes == 1 ? "change" : "changes");
}

int
daemon_reload(struct daemon *daemon, struct config_diff *ret_diff)
{
	struct config_report report = {0};
	struct settings *settings, *old = daemon->settings;
	int err;

	sd_reloading(daemon->sd);
	err = configuration_load(daemon->path, &settings, &report);
	configuration_log(&report);
	config_report_fini(&daemon->refused);
	daemon->stale = err != 0;
	if (err) {
		daemon->reload_errors++;
		daemon->refused = report;
		log_err("reload refused: %zu errors in %s, the settings before stay in force",
		    report.n_errors, daemon->path);
	} else {
		daemon->refused = (struct config_report){0};
		config_report_fini(&daemon->loaded);
		daemon->loaded = report;
		config_diff(old, settings, ret_diff);
		config_keep_restart_values(old, settings);
		daemon->settings = settings;
		daemon->loaded_wall_usec = loop_wall_usec();
		daemon->reloads++;
		apply_settings(daemon, ret_diff);
		settings_free(old);
		log_changes(ret_diff);
	}
	sd_ready(daemon->sd);
	loop_defer(&daemon->refresh);
	return err;
}

static void
on_sighup(void *arg, int signo)
{
	struct config_diff diff = {0};

	(void)signo;
	if (!daemon_reload(arg, &diff))
		config_diff_fini(&diff);
}

/* --- drain --- */

int
daemon_drain(struct daemon *daemon, bool on)
{
	bool was = drain_is_on(daemon->drain);
	int err = drain_set(daemon->drain, on, loop_wall_usec());

	if (err || on == was)
		return err;
	log_notice(on ? "drain: handing over what this node holds, and claiming nothing"
		      : "drain: over, this node claims addresses again");
	leases_drain(daemon->leases, on);
	bgp_set_drained(daemon->bgp, on, "the node is being drained");
	daemon_replan(daemon);
	loop_defer(&daemon->refresh);
	return 0;
}

/* --- doubt --- */

/* The Leases have said what is to be heard of each address. */
static void
on_gap_over(void *arg)
{
	struct daemon *daemon = arg;

	l2_resume(daemon->l2);
}

/* What was asked meanwhile must not be answered, and nothing announced, from what was known before.
 */
static void
on_gap(void *arg, enum gap_kind kind, int64_t usec)
{
	struct daemon *daemon = arg;
	char why[64];

	(void)snprintf(why, sizeof(why),
	    kind == GAP_STOOD_STILL ? "this process stood still for %.1f s"
				    : "the wall clock jumped by %.1f s",
	    (double)usec / USEC_PER_SEC);
	l2_hold(daemon->l2);
	leases_doubt_all(daemon->leases, why);
	/* After the Leases' own, which was asked for first. */
	loop_defer(&daemon->gap_over);
}

/* --- stop --- */

static void
end_when_done(struct daemon *daemon)
{
	if (daemon->released && daemon->sessions_ended)
		loop_stop(daemon->loop);
}

static void
on_released(void *arg)
{
	struct daemon *daemon = arg;

	saved_write(daemon->saved);
	daemon->released = true;
	end_when_done(daemon);
}

static void
on_sessions_ended(void *arg)
{
	struct daemon *daemon = arg;

	daemon->sessions_ended = true;
	end_when_done(daemon);
}

static void
on_sessions_changed(void *arg)
{
	struct daemon *daemon = arg;

	loop_defer(&daemon->refresh);
}

/*
 * The Leases change each few seconds, so their watch always sees a loss. That of the Services may
 * not: in a cluster made anew, once the versions have grown past those it knew, nothing tells it
 * from a quiet one.
 */
static void
on_restored(void *arg)
{
	struct daemon *daemon = arg;

	services_relist(daemon->services);
}

static void
on_stop_timeout(void *arg)
{
	struct daemon *daemon = arg;

	log_warning(
	    "stop: not everything could be released in time; other nodes take over when our Lease has aged out");
	loop_stop(daemon->loop);
}

void
daemon_stop(struct daemon *daemon)
{
	if (daemon->stopping)
		return;
	daemon->stopping = true;
	sd_stopping(daemon->sd);
	log_notice("stop: handing over what this node holds");
	watch_leadership(daemon);
	loop_timer_set(
	    &daemon->stop_timer, mono_add_usec(loop_now(daemon->loop), DAEMON_STOP_USEC));
	leases_release(daemon->leases);
	bgp_stop(daemon->bgp, "metallbd is being stopped");
}

static void
on_sigterm(void *arg, int signo)
{
	(void)signo;
	daemon_stop(arg);
}

static void
on_sigusr1(void *arg, int signo)
{
	struct daemon *daemon = arg;

	(void)signo;
	log_notice("restart: leaving addresses and Leases as they are");
	saved_write(daemon->saved);
	loop_stop(daemon->loop);
}

/* --- start --- */

static void
identify(struct daemon *daemon)
{
	char machine_id[HOST_ID_SIZE] = "";

	random_hex(daemon->instance_id, 16);
	if (host_boot_id(daemon->boot_id))
		daemon->boot_id[0] = '\0';
	if (host_name(daemon->hostname))
		daemon->hostname[0] = '\0';
	/* Not the machine-id itself, which machine-id(5) asks to keep from others: the Lease is
	 * readable in the cluster. */
	if (!host_machine_id(machine_id))
		(void)snprintf(daemon->machine_id, sizeof(daemon->machine_id), "%016llx",
		    (unsigned long long)hash_final(
			hash_string(hash_string(HASH_INIT, "metallbd"), machine_id)));
}

static int
lock_state(struct daemon *daemon)
{
	const char *directory = daemon->settings->node.state_directory;
	char *path = xasprintf("%s/lock", directory);
	pid_t pid = 0;
	int err = file_make_directory(directory, 0750);

	if (!err)
		err = file_lock(path, &daemon->state_lock, &pid);
	if (err == -EWOULDBLOCK)
		log_err(
		    "state-directory %s is in use by another metallbd, pid %d; two on one machine need a node.state-directory each",
		    directory, (int)pid);
	else if (err)
		log_err("state-directory %s: %s", directory, strerror(-err));
	free(path);
	return err;
}

static int
start_signals(struct daemon *daemon)
{
	int err = loop_signal_init(&daemon->sighup, daemon->loop, SIGHUP, on_sighup, daemon);

	if (!err)
		err = loop_signal_init(&daemon->sigterm, daemon->loop, SIGTERM, on_sigterm, daemon);
	if (!err)
		err = loop_signal_init(&daemon->sigint, daemon->loop, SIGINT, on_sigterm, daemon);
	if (!err)
		err = loop_signal_init(&daemon->sigusr1, daemon->loop, SIGUSR1, on_sigusr1, daemon);
	return err;
}

/* Sockets and what the machine is: without these nothing works. */
static int
start_machine(struct daemon *daemon)
{
	static const struct l2_ops l2_ops = {on_claim, on_cleared};
	int err = lock_state(daemon);

	if (err)
		return err;
	daemon->drain = drain_new(daemon->settings->node.state_directory);
	err = start_signals(daemon);
	if (err) {
		log_err("signals: %s", strerror(-err));
		return err;
	}
	err = netlink_open(daemon->loop, on_links_changed, daemon, &daemon->netlink);
	if (err) {
		log_err("netlink: the interfaces cannot be read: %s", strerror(-err));
		return err;
	}
	err = l2_new(daemon->loop, &l2_ops, daemon, &daemon->l2);
	if (err) {
		log_err(
		    "packet socket: %s; metallbd needs CAP_NET_RAW (see the unit metallbd.service)",
		    strerror(-err));
		return err;
	}
	l2_set_links(daemon->l2, netlink_table(daemon->netlink));
	daemon->bgp = bgp_new(daemon->loop,
	    &(struct bgp_options){
		.settings = daemon->settings,
		.links = netlink_table(daemon->netlink),
		.boot_id = daemon->boot_id,
		.seed = random_seed(),
		.changed = on_sessions_changed,
		.stopped = on_sessions_ended,
		.arg = daemon,
	    });
	err = control_new(daemon, &daemon->control);
	if (err)
		return err;
	daemon->metrics = metrics_new(daemon);
	return 0;
}

static int
start_cluster(struct daemon *daemon)
{
	static const struct services_ops services_ops = {
	    on_service_changed, on_service_gone, on_services_synced};
	static const struct leases_ops leases_ops = {
	    on_voice, on_offered, on_leases_changed, on_released, on_restored};
	const struct settings *settings = daemon->settings;
	uint64_t seed = random_seed();
	int err = api_new(daemon->loop, settings, seed, on_api_changed, daemon, &daemon->api);

	if (err) {
		log_err("libcurl: %s: it must resolve names asynchronously and speak TLS",
		    strerror(-err));
		return err;
	}
	credentials_init(&daemon->credentials, daemon);
	daemon->permissions = permissions_new(daemon->loop, daemon->api, settings);
	daemon->events = events_new(daemon->loop, daemon->api, settings->node.name, seed + 1);
	daemon->node = node_new(daemon->loop, daemon->api, settings->node.name,
	    settings->node.read_labels, on_node_changed, daemon);
	daemon->services = services_new(daemon->loop, daemon->api, seed + 2, &services_ops, daemon);
	daemon->leases = leases_new(daemon->loop, daemon->api,
	    &(struct leases_options){
		.node = settings->node.name,
		.namespace = settings->kubernetes.namespace,
		.seed = seed + 3,
		.ops = &leases_ops,
		.arg = daemon,
	    });
	leases_set_release_on_api_loss(
	    daemon->leases, settings->failover.on_api_loss == ON_API_LOSS_RELEASE);
	leases_set_rebalance(daemon->leases, settings->failover.rebalance_usec);
	leases_drain(daemon->leases, drain_is_on(daemon->drain));
	bgp_set_drained(daemon->bgp, drain_is_on(daemon->drain), "");
	daemon->allocation = allocation_new(
	    daemon->loop, daemon->api, daemon->events, services_table(daemon->services), settings);
	daemon->probes = probes_new(daemon);
	return 0;
}

int
daemon_start(struct daemon *daemon, struct settings *settings)
{
	int err;

	daemon->settings = settings;
	daemon->state_lock = -1;
	claims_init(&daemon->claims, daemon);
	warnings_init(&daemon->warnings, daemon);
	daemon->started_wall_usec = daemon->loaded_wall_usec = loop_wall_usec();
	loop_deferred_init(&daemon->replan, daemon->loop, replan, daemon);
	loop_deferred_init(&daemon->refresh, daemon->loop, refresh_status, daemon);
	loop_timer_init(&daemon->replan_timer, daemon->loop, replan, daemon);
	loop_timer_init(&daemon->stop_timer, daemon->loop, on_stop_timeout, daemon);
	loop_timer_init(&daemon->trim_timer, daemon->loop, trim, daemon);
	daemon->sd = sd_new(daemon->loop);
	identify(daemon);
	log_notice("start: metallbd %s on node %s, settings %s", PACKAGE_VERSION,
	    settings->node.name, daemon->path);
	err = start_machine(daemon);
	if (!err)
		err = start_cluster(daemon);
	if (err)
		return err;
	daemon->saved = saved_new(daemon);
	warnings_check_links(&daemon->warnings);
	forbid_node_addresses(daemon);
	loop_deferred_init(&daemon->gap_over, daemon->loop, on_gap_over, daemon);
	loop_gap_init(&daemon->gap, daemon->loop, gap_threshold(settings), on_gap, daemon);
	sd_ready(daemon->sd);
	loop_defer(&daemon->refresh);
	return 0;
}

void
daemon_free(struct daemon *daemon)
{
	metrics_free(daemon->metrics);
	control_free(daemon->control);
	if (daemon->api)
		api_stop(daemon->api);
	saved_free(daemon->saved);
	services_free(daemon->services);
	leases_free(daemon->leases);
	allocation_free(daemon->allocation);
	probes_free(daemon->probes);
	node_free(daemon->node);
	events_free(daemon->events);
	permissions_free(daemon->permissions);
	credentials_fini(&daemon->credentials);
	api_free(daemon->api);
	bgp_free(daemon->bgp);
	l2_free(daemon->l2);
	netlink_free(daemon->netlink);
	plan_free(daemon->plan);
	routes_free(daemon->routes);
	drain_free(daemon->drain);
	loop_gap_fini(&daemon->gap);
	loop_deferred_fini(&daemon->gap_over);
	loop_signal_fini(&daemon->sighup);
	loop_signal_fini(&daemon->sigterm);
	loop_signal_fini(&daemon->sigint);
	loop_signal_fini(&daemon->sigusr1);
	loop_deferred_fini(&daemon->replan);
	loop_deferred_fini(&daemon->refresh);
	loop_timer_fini(&daemon->replan_timer);
	loop_timer_fini(&daemon->stop_timer);
	loop_timer_fini(&daemon->trim_timer);
	sd_free(daemon->sd);
	if (daemon->state_lock >= 0)
		file_unlock(daemon->state_lock);
	config_report_fini(&daemon->loaded);
	config_report_fini(&daemon->refused);
	settings_free(daemon->settings);
	warnings_fini(&daemon->warnings);
	free(daemon->wanted);
}
