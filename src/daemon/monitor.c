#include "daemon/monitor.h"

#include <stdlib.h>

#include <json-c/json.h>

#include "daemon/api.h"
#include "daemon/audience.h"
#include "daemon/bgp.h"
#include "daemon/changes.h"
#include "daemon/daemon.h"
#include "daemon/drain.h"
#include "daemon/l2.h"
#include "daemon/leases.h"
#include "daemon/services.h"
#include "io/netlink.h"
#include "kube/json.h"
#include "model/settings.h"
#include "util/mem.h"
#include "util/str.h"

struct monitor {
	struct daemon *daemon;
	struct audience audience;
	struct change_view seen; /* while anybody listens */
	struct loop_timer timer;
	struct loop_deferred look;
	mono_t look_after;
};

/* --- a look --- */

static void
look_at_node(const struct daemon *daemon, struct change_view *view)
{
	struct api_status api = api_status(daemon->api);
	char *text = xasprintf("%s %s", api_state_str(api.state), api.server), time[32];

	change_view_add(view, CHANGE_API, "", text);
	free(text);
	str_format_time(daemon->loaded_wall_usec, time, sizeof(time));
	text = daemon->stale ? xasprintf("refused with %zu errors", daemon->refused.n_errors)
			     : xasprintf("loaded %s", time);
	change_view_add(view, CHANGE_CONFIG, "", text);
	free(text);
	change_view_add(view, CHANGE_DRAIN, "", drain_is_on(daemon->drain) ? "drained" : "");
	change_view_add(view, CHANGE_ALLOCATOR, "", leader_holder(leases_leader(daemon->leases)));
}

static void
look_at_others(const struct daemon *daemon, struct change_view *view)
{
	const struct membership *members = leases_membership(daemon->leases);
	const struct member *member;
	const struct peer *peer = NULL;

	MAP_FOREACH (member, members->members)
		if (member->present)
			change_view_add(
			    view, CHANGE_MEMBER, member->name, member_state_str(member->state));
	while ((peer = bgp_next_peer(daemon->bgp, peer)))
		change_view_add(view, CHANGE_PEER, peer->settings->name,
		    bgp_state_str(bgp_session_state(peer->session)));
}

static void
look_at_services(const struct daemon *daemon, struct change_view *view)
{
	const struct service_table *table = services_table(daemon->services);
	const struct service *service;
	char ip[IP_ADDR_STRLEN];
	struct strbuf text = {0};
	size_t i;

	MAP_FOREACH (service, table->head) {
		if (!service_is_ours(service, daemon->settings->kubernetes.load_balancer_class))
			continue;
		strbuf_clear(&text);
		for (i = 0; i < service->n_ingress; i++) {
			if (service->ingress[i].ip.family == IP_FAMILY_NONE)
				continue;
			ip_addr_format(&service->ingress[i].ip, ip);
			strbuf_printf(&text, "%s%s", text.len ? "," : "", ip);
		}
		change_view_add(
		    view, CHANGE_SERVICE, service->key, text.len ? strbuf_text(&text) : "pending");
	}
	strbuf_free(&text);
}

/* "announced on eth0, conflict on eth1", "muted" */
static void
look_at_address(const struct daemon *daemon, const struct responder_address *address,
    struct change_view *view, struct strbuf *text)
{
	struct announcer_view port;
	char ip[IP_ADDR_STRLEN];
	size_t i;

	strbuf_clear(text);
	for (i = 0; announcer_view(l2_announcer(daemon->l2), &address->ip, i, &port); i++) {
		const struct link_info *link = link_table_by_index(
		    netlink_table(daemon->netlink), port.ifindex);

		strbuf_printf(text, "%s%s on %s", i ? ", " : "", announcer_phase_str(port.phase),
		    link ? link->name : "?");
	}
	ip_addr_format(&address->ip, ip);
	change_view_add(view, CHANGE_L2, ip,
	    address->muted  ? "muted"
		: text->len ? strbuf_text(text)
			    : "set");
}

static void
look_at_addresses(const struct daemon *daemon, struct change_view *view)
{
	const struct lease_table *table = leases_table(daemon->leases);
	const struct responder *responder = l2_responder(daemon->l2);
	const struct responder_address *address = NULL;
	const struct lease *lease;
	struct strbuf text = {0};
	char ip_text[IP_ADDR_STRLEN];
	struct ip_addr ip;

	MAP_FOREACH (lease, table->head) {
		if (lease_kind_of(lease->name) != LEASE_ADDRESS ||
		    lease_parse_address_name(lease->name, &ip))
			continue;
		ip_addr_format(&ip, ip_text);
		change_view_add(view, CHANGE_OWNER, ip_text, lease->holder);
	}
	while ((address = responder_next(responder, address)))
		look_at_address(daemon, address, view, &text);
	strbuf_free(&text);
}

static void
look(const struct daemon *daemon, struct change_view *view)
{
	change_view_init(view);
	look_at_node(daemon, view);
	look_at_others(daemon, view);
	look_at_services(daemon, view);
	look_at_addresses(daemon, view);
	change_view_sort(view);
}

/* --- those who listen --- */

static void
tell(void *arg, enum change_kind kind, const char *name, const char *was, const char *is)
{
	struct monitor *monitor = arg;
	json_object *line = json_object_new_object(), *change;
	char *text;

	kube_json_put_int(line, "v", 1);
	change = kube_json_put_object(line, "change");
	kube_json_put_micro_time(change, "time", loop_wall_usec());
	kube_json_put_string(change, "kind", change_kind_str(kind));
	kube_json_put_string(change, "name", name);
	kube_json_put_string(change, "was", was);
	kube_json_put_string(change, "is", is);
	text = kube_json_detach(line);
	audience_tell(&monitor->audience, text);
	free(text);
}

/* Like replan, a look waits for 49 times of what the last one took: a large cluster in motion costs
 * a fiftieth of a core. */
static void
on_look(void *arg)
{
	struct monitor *monitor = arg;
	struct change_view before = monitor->seen, now;
	mono_t begin = loop_clock();

	if (!monitor->audience.count)
		return;
	if (mono_before(begin, monitor->look_after)) {
		loop_timer_set(
		    &monitor->timer, mono_min(monitor->timer.deadline, monitor->look_after));
		return;
	}
	look(monitor->daemon, &now);
	/* The last one who listens may be dropped while he is told. */
	monitor->seen = (struct change_view){0};
	change_view_diff(&before, &now, tell, monitor);
	change_view_fini(&before);
	if (!monitor->audience.count) {
		change_view_fini(&now);
		return;
	}
	monitor->seen = now;
	monitor->look_after = mono_add_usec(loop_clock(), 49 * mono_diff_usec(loop_clock(), begin));
	loop_timer_set(&monitor->timer, mono_add_usec(loop_clock(), MONITOR_LOOK_USEC));
}

void
monitor_look(struct monitor *monitor)
{
	if (monitor->audience.count)
		loop_defer(&monitor->look);
}

bool
monitor_add(struct monitor *monitor, struct ctl_connection *conn)
{
	if (!audience_add(&monitor->audience, conn))
		return false;
	if (monitor->audience.count == 1)
		look(monitor->daemon, &monitor->seen);
	loop_defer(&monitor->look);
	return true;
}

bool
monitor_has(const struct monitor *monitor, const struct ctl_connection *conn)
{
	return audience_has(&monitor->audience, conn);
}

void
monitor_remove(struct monitor *monitor, const struct ctl_connection *conn)
{
	audience_remove(&monitor->audience, conn);
	if (monitor->audience.count)
		return;
	change_view_fini(&monitor->seen);
	loop_timer_set(&monitor->timer, MONO_NEVER);
}

struct monitor *
monitor_new(struct daemon *daemon)
{
	struct monitor *monitor = xcalloc(1, sizeof(*monitor));

	monitor->daemon = daemon;
	loop_timer_init(&monitor->timer, daemon->loop, on_look, monitor);
	loop_deferred_init(&monitor->look, daemon->loop, on_look, monitor);
	return monitor;
}

void
monitor_free(struct monitor *monitor)
{
	if (!monitor)
		return;
	change_view_fini(&monitor->seen);
	loop_timer_fini(&monitor->timer);
	loop_deferred_fini(&monitor->look);
	free(monitor);
}
