#include "daemon/status_bgp.h"

#include <stdlib.h>

#include <json-c/json.h>

#include "announce/routes.h"
#include "daemon/bgp.h"
#include "daemon/daemon.h"
#include "io/loop.h"
#include "kube/json.h"
#include "model/settings.h"
#include "util/mem.h"
#include "util/str.h"

static void
put_addr(json_object *object, const char *key, const struct ip_addr *addr)
{
	char text[IP_ADDR_STRLEN] = "";

	if (addr->family != IP_FAMILY_NONE)
		ip_addr_format(addr, text);
	kube_json_put_string(object, key, text);
}

/* "" for one that was not. */
static void
put_when(const struct daemon *daemon, json_object *object, const char *key, mono_t when, bool was)
{
	char text[32] = "";

	if (was)
		str_format_time(loop_wall_usec() - mono_diff_usec(loop_now(daemon->loop), when),
		    text, sizeof(text));
	kube_json_put_string(object, key, text);
}

/* Seconds until then; null where no timer runs. */
static void
put_left(const struct daemon *daemon, json_object *object, const char *key, mono_t when)
{
	int64_t left;

	if (mono_is_never(when)) {
		kube_json_put_null(object, key);
		return;
	}
	left = mono_diff_usec(when, loop_now(daemon->loop));
	kube_json_put(object, key, json_object_new_double(left > 0 ? (double)left / 1e6 : 0));
}

static const char *
family_name(unsigned family)
{
	return family == BGP_IPV4_UNICAST ? "ipv4" : "ipv6";
}

static void
put_families(json_object *object, const char *key, uint8_t families)
{
	json_object *list = kube_json_put_array(object, key);
	unsigned family;

	for (family = 0; family < BGP_FAMILY_COUNT; family++)
		if (families & BGP_FAMILY_BIT(family))
			kube_json_append_string(list, family_name(family));
}

static void
put_graceful_restart(json_object *object, const struct bgp_capabilities *capabilities)
{
	json_object *gr;

	if (!capabilities->graceful_restart) {
		kube_json_put_null(object, "gracefulRestart");
		return;
	}
	gr = kube_json_put_object(object, "gracefulRestart");
	kube_json_put_int(gr, "restartTime", capabilities->restart_time_sec);
	kube_json_put_bool(gr, "restarting", capabilities->restarting);
	kube_json_put_bool(gr, "notification", capabilities->gr_notification);
	put_families(gr, "families", capabilities->gr_families);
	put_families(gr, "forwardingPreserved", capabilities->gr_forwarding);
}

/* An OPEN, ours or theirs; null when there was none yet. */
static void
put_open(json_object *object, const char *key, const struct bgp_open *open)
{
	const struct bgp_capabilities *capabilities = &open->capabilities;
	json_object *item, *unknown;
	struct ip_addr id;
	unsigned i;

	if (!open->asn) {
		kube_json_put_null(object, key);
		return;
	}
	item = kube_json_put_object(object, key);
	id = ip_addr_v4((uint8_t)(open->identifier >> 24), (uint8_t)(open->identifier >> 16),
	    (uint8_t)(open->identifier >> 8), (uint8_t)open->identifier);
	kube_json_put_int(item, "asn", open->asn);
	put_addr(item, "identifier", &id);
	kube_json_put_int(item, "holdTime", open->hold_time_sec);
	put_families(item, "families", capabilities->families);
	kube_json_put_bool(item, "as4", capabilities->as4);
	kube_json_put_bool(item, "routeRefresh", capabilities->route_refresh);
	kube_json_put_bool(item, "extendedNextHop", capabilities->extended_next_hop);
	put_graceful_restart(item, capabilities);
	unknown = kube_json_put_array(item, "unknownCapabilities");
	for (i = 0; i < capabilities->n_unknown; i++)
		json_object_array_add(unknown, json_object_new_int(capabilities->unknown[i]));
}

static void
put_last(const struct daemon *daemon, json_object *object, const char *key,
    const struct bgp_last_error *last)
{
	char text[BGP_ERROR_STRLEN];
	json_object *item;

	if (!last->any) {
		kube_json_put_null(object, key);
		return;
	}
	item = kube_json_put_object(object, key);
	bgp_error_str(&last->error, text);
	put_when(daemon, item, "time", last->at, true);
	kube_json_put_int(item, "code", last->error.code);
	kube_json_put_int(item, "subcode", last->error.subcode);
	kube_json_put_string(item, "message", text);
}

static void
put_messages(json_object *object, const char *key, const uint64_t counters[BGP_MESSAGE_TYPE_COUNT])
{
	static const struct {
		enum bgp_message_type type;
		const char *name;
	} names[] = {{BGP_MESSAGE_OPEN, "open"}, {BGP_MESSAGE_UPDATE, "update"},
	    {BGP_MESSAGE_NOTIFICATION, "notification"}, {BGP_MESSAGE_KEEPALIVE, "keepalive"},
	    {BGP_MESSAGE_ROUTE_REFRESH, "routeRefresh"}};
	json_object *item = kube_json_put_object(object, key);
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		kube_json_put_int(item, names[i].name, (int64_t)counters[names[i].type]);
}

static void
put_counters(json_object *object, const struct bgp_counters *counters)
{
	put_messages(object, "sent", counters->sent);
	put_messages(object, "received", counters->received);
	kube_json_put_int(object, "established", (int64_t)counters->established);
	kube_json_put_int(object, "connects", (int64_t)counters->connects);
	kube_json_put_int(object, "accepted", (int64_t)counters->accepted);
	kube_json_put_int(object, "refused", (int64_t)counters->refused);
	kube_json_put_int(object, "attributesDiscarded", (int64_t)counters->attributes_discarded);
	kube_json_put_int(object, "treatedAsWithdraw", (int64_t)counters->treated_as_withdraw);
	kube_json_put_int(object, "updateResets", (int64_t)counters->update_resets);
	kube_json_put_int(object, "updatesIgnored", (int64_t)counters->ignored);
}

static void
put_prefixes(json_object *object, const struct peer *peer, const struct bgp_session_status *status)
{
	const struct bgp_adj_out *out = bgp_session_adj_out(peer->session);
	json_object *all = kube_json_put_object(object, "prefixes");
	unsigned family;

	for (family = 0; family < BGP_FAMILY_COUNT; family++) {
		json_object *item = kube_json_put_object(all, family_name(family));

		kube_json_put_int(item, "wanted", (int64_t)out->counts[family].wanted);
		kube_json_put_int(item, "sent", (int64_t)out->counts[family].sent);
		kube_json_put_int(item, "pending", (int64_t)out->counts[family].pending);
		kube_json_put_int(item, "received", (int64_t)status->received_prefixes[family]);
		kube_json_put_bool(item, "endOfRibSent", status->end_of_rib_sent[family]);
		kube_json_put_bool(
		    item, "announced", bgp_adj_out_can_announce(out, (enum bgp_family)family));
	}
}

static void
put_session(const struct daemon *daemon, json_object *object, const struct peer *peer)
{
	const struct tcp_connection *conn;
	struct bgp_session_status status;
	json_object *negotiated;
	bool up;

	bgp_session_status(peer->session, &status);
	conn = peer->slots[status.slot].conn;
	up = status.state == BGP_ESTABLISHED;
	kube_json_put_string(object, "state", bgp_state_str(status.state));
	put_when(daemon, object, "since", status.since, true);
	kube_json_put_string(object, "reason", status.reason);
	kube_json_put_string(object, "drain", bgp_drain_str(status.drain));
	put_left(daemon, object, "nextAttempt", status.next_attempt);
	kube_json_put_int(object, "failures", status.failures);
	put_addr(object, "router", &peer->remote.ip);
	put_addr(object, "localAddress",
	    conn && status.state > BGP_ACTIVE ? &tcp_local(conn)->ip : &(struct ip_addr){0});
	kube_json_put_bool(object, "outgoing", status.outgoing);
	put_open(object, "ours", &status.ours);
	put_open(object, "theirs", &status.theirs);
	negotiated = kube_json_put_object(object, "negotiated");
	put_families(negotiated, "families", status.families);
	kube_json_put_bool(negotiated, "internal", status.internal);
	kube_json_put_bool(negotiated, "extendedNextHop", status.extended_next_hop);
	kube_json_put_bool(negotiated, "hardReset", status.hard_reset);
	kube_json_put_int(negotiated, "holdTime", status.hold_time_sec);
	kube_json_put_int(negotiated, "keepaliveTime", status.keepalive_time_sec);
	put_left(daemon, object, "holdTimer", up ? status.hold_deadline : MONO_NEVER);
	put_left(daemon, object, "keepaliveTimer", up ? status.keepalive_at : MONO_NEVER);
	put_last(daemon, object, "lastSent", &status.last_sent);
	put_last(daemon, object, "lastReceived", &status.last_received);
	put_prefixes(object, peer, &status);
	put_counters(object, &status.counters);
}

/* Why this node has no session with it. */
static char *
absence(const struct daemon *daemon, const struct settings_peer *settings)
{
	size_t i;

	for (i = 0; daemon->routes && i < daemon->routes->n_peers; i++) {
		const struct route_peer *peer = &daemon->routes->peers[i];

		if (!str_eq(peer->name, settings->name))
			continue;
		if (peer->same_as)
			return xasprintf("peer %s has the session with this router", peer->same_as);
		return xasprintf(
		    "its node-selectors do not match node %s", daemon->settings->node.name);
	}
	return xstrdup("Services or the own Node are not known yet");
}

static void
put_peer(const struct daemon *daemon, json_object *object, const struct settings_peer *settings)
{
	const struct peer *peer = bgp_find_peer(daemon->bgp, settings->name);

	kube_json_put_string(object, "name", settings->name);
	put_addr(object, "address", &settings->peer_address);
	kube_json_put_string(object, "interface", settings->interface);
	kube_json_put_int(object, "port", settings->peer_port);
	kube_json_put_string(object, "vrf", settings->vrf);
	kube_json_put_int(object, "asn", settings->peer_asn);
	kube_json_put_string(object, "dynamicAsn",
	    settings->dynamic_asn == DYNAMIC_ASN_INTERNAL       ? "internal"
		: settings->dynamic_asn == DYNAMIC_ASN_EXTERNAL ? "external"
								: "");
	kube_json_put_bool(object, "selected", peer != NULL);
	if (peer) {
		put_session(daemon, object, peer);
	} else {
		mem_cleanup(mem_freep) char *why = absence(daemon, settings);

		kube_json_put_string(object, "state", "none");
		kube_json_put_string(object, "reason", why);
	}
}

json_object *
status_peers(const struct daemon *daemon, const char *name)
{
	const struct settings_bgp *settings = &daemon->settings->bgp;
	json_object *object = json_object_new_object();
	json_object *list = kube_json_put_array(object, "peers");
	size_t i;

	for (i = 0; i < settings->n_peers; i++)
		if (!name || str_eq(settings->peers[i].name, name))
			put_peer(daemon, kube_json_append_object(list), &settings->peers[i]);
	if (name && !json_object_array_length(list)) {
		json_object_put(object);
		return NULL;
	}
	return object;
}

/* --- routes --- */

static const char *
delivery(const struct peer *peer, const struct ip_prefix *prefix)
{
	const struct bgp_adj_out *out = bgp_session_adj_out(peer->session);
	const struct bgp_adj_route *route = bgp_adj_out_find(out, prefix);
	enum bgp_family family = bgp_family_of((enum ip_family)prefix->addr.family);

	if (bgp_session_state(peer->session) != BGP_ESTABLISHED)
		return "sessionDown";
	if (!bgp_adj_out_can_announce(out, family))
		return "familyNotNegotiated";
	return route && route->sent && !route->queued ? "sent" : "pending";
}

static void
put_route(const struct daemon *daemon, json_object *list, const struct route *route, size_t group,
    const char *only)
{
	json_object *object = kube_json_append_object(list), *communities, *peers;
	char prefix[IP_PREFIX_STRLEN];
	size_t i;

	ip_prefix_format(&route->prefix, prefix);
	kube_json_put_string(object, "prefix", prefix);
	kube_json_put_int(object, "localpref", route->localpref);
	kube_json_put_int(object, "med", route->med);
	kube_json_put_int(object, "asPathPrepend", route->as_path_prepend);
	kube_json_put_int(object, "weight", route->weight);
	communities = kube_json_put_array(object, "communities");
	for (i = 0; i < route->n_communities; i++)
		kube_json_append_string(communities, route->communities[i].text);
	peers = kube_json_put_array(object, "peers");
	for (i = 0; i < daemon->routes->n_peers; i++) {
		const struct route_peer *route_peer = &daemon->routes->peers[i];
		const struct peer *peer;
		json_object *item;

		if (!route_peer_acts(route_peer) || route_peer->group != group ||
		    (only && !str_eq(only, route_peer->name)))
			continue;
		peer = bgp_find_peer(daemon->bgp, route_peer->name);
		item = kube_json_append_object(peers);
		kube_json_put_string(item, "peer", route_peer->name);
		kube_json_put_string(
		    item, "state", peer ? delivery(peer, &route->prefix) : "sessionDown");
	}
}

static void
put_claim(json_object *object, const struct route_claim *claim)
{
	put_addr(object, "address", &claim->ip);
	kube_json_put_string(object, "service", claim->service);
	kube_json_put_string(object, "reason", claim->reason_text);
	kube_json_put_string(object, "message", claim->sentence);
}

static bool
group_has_peer(const struct daemon *daemon, size_t group, const char *name)
{
	size_t i;

	for (i = 0; i < daemon->routes->n_peers; i++)
		if (route_peer_acts(&daemon->routes->peers[i]) &&
		    daemon->routes->peers[i].group == group &&
		    str_eq(daemon->routes->peers[i].name, name))
			return true;
	return false;
}

static bool
knows_peer(const struct daemon *daemon, const char *name)
{
	size_t i;

	for (i = 0; i < daemon->settings->bgp.n_peers; i++)
		if (str_eq(daemon->settings->bgp.peers[i].name, name))
			return true;
	return false;
}

json_object *
status_routes(const struct daemon *daemon, const char *peer)
{
	const struct routes *routes = daemon->routes;
	json_object *object, *list;
	size_t g, i;

	if (peer && !knows_peer(daemon, peer))
		return NULL;
	object = json_object_new_object();
	list = kube_json_put_array(object, "routes");
	for (g = 0; routes && g < routes->n_groups; g++) {
		if (peer && !group_has_peer(daemon, g, peer))
			continue;
		for (i = 0; i < routes->groups[g].n_routes; i++)
			put_route(daemon, list, &routes->groups[g].routes[i], g, peer);
	}
	list = kube_json_put_array(object, "notAnnounced");
	for (i = 0; routes && daemon->settings->bgp.n_peers && i < routes->n_claims; i++)
		if (routes->claims[i].reason != ROUTE_ANNOUNCED)
			put_claim(kube_json_append_object(list), &routes->claims[i]);
	return object;
}

json_object *
status_bgp_claim(const struct daemon *daemon, const struct ip_addr *ip, const char *service)
{
	const struct routes *routes = daemon->routes;
	const struct route_claim *claims, *claim = NULL;
	json_object *object = json_object_new_object(), *peers;
	size_t n = 0, i;

	claims = routes ? routes_find(routes, ip, &n) : NULL;
	for (i = 0; i < n; i++)
		if (str_eq(claims[i].service, service))
			claim = &claims[i];
	kube_json_put_bool(object, "announced", claim && claim->reason == ROUTE_ANNOUNCED);
	kube_json_put_string(object, "reason",
	    !claim                                 ? "unknown"
		: claim->reason == ROUTE_ANNOUNCED ? ""
						   : claim->reason_text);
	kube_json_put_string(object, "message",
	    claim ? claim->sentence
		  : "Services or the own Node are not known yet, or the Service is not ours");
	peers = kube_json_put_array(object, "peers");
	for (i = 0; claim && i < routes->n_peers; i++) {
		const struct peer *peer = bgp_find_peer(daemon->bgp, routes->peers[i].name);
		json_object *item;

		if (!peer || !routes_claim_reaches(routes, claim, i))
			continue;
		item = kube_json_append_object(peers);
		kube_json_put_string(item, "peer", peer->name);
		kube_json_put_string(
		    item, "session", bgp_state_str(bgp_session_state(peer->session)));
	}
	return object;
}
