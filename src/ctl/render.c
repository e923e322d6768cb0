#include "ctl/render.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <json-c/json.h>

#include "ctl/table.h"
#include "util/mem.h"
#include "util/str.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static json_object *
get(json_object *obj, const char *key)
{
	json_object *value = NULL;

	if (json_object_is_type(obj, json_type_object))
		(void)json_object_object_get_ex(obj, key, &value);
	return value;
}

/* "-" when absent or empty. Valid as long as the object. */
static const char *
get_str(json_object *obj, const char *key)
{
	json_object *value = get(obj, key);
	const char *text = value ? json_object_get_string(value) : NULL;

	return text && *text ? text : "-";
}

static bool
has_text(json_object *obj, const char *key)
{
	return !str_eq(get_str(obj, key), "-");
}

static bool
get_bool(json_object *obj, const char *key)
{
	return json_object_get_boolean(get(obj, key));
}

static int64_t
get_int(json_object *obj, const char *key)
{
	return json_object_get_int64(get(obj, key));
}

static size_t
length(json_object *list)
{
	return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

static json_object *
at(json_object *list, size_t i)
{
	return json_object_array_get_idx(list, i);
}

/* The strings of a list with commas, "-" when there are none. The caller frees. */
static char *
joined(json_object *list)
{
	struct strbuf sb = {0};
	size_t i;

	for (i = 0; i < length(list); i++)
		strbuf_printf(&sb, "%s%s", i ? "," : "", json_object_get_string(at(list, i)));
	if (!sb.len)
		strbuf_addc(&sb, '-');
	return strbuf_detach(&sb);
}

static void
table_cell_joined(struct table *table, json_object *list)
{
	mem_cleanup(mem_freep) char *text = joined(list);

	table_cell(table, text);
}

/* How long ago, in the two largest units: "5s", "3m12s", "2d4h". The caller frees. */
static char *
age_of(const char *time_text)
{
	static const struct {
		int64_t seconds;
		const char *name;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "m"}, {1, "s"}};
	int64_t then, age;
	size_t i;

	if (str_parse_time(time_text, &then))
		return xstrdup("-");
	age = (int64_t)time(NULL) - then / 1000000;
	if (age < 0)
		age = 0;
	for (i = 0; i + 1 < ARRAY_SIZE(units) && age < units[i].seconds; i++)
		;
	if (i + 1 == ARRAY_SIZE(units) || age % units[i].seconds / units[i + 1].seconds == 0)
		return xasprintf("%" PRId64 "%s", age / units[i].seconds, units[i].name);
	return xasprintf("%" PRId64 "%s%" PRId64 "%s", age / units[i].seconds, units[i].name,
	    age % units[i].seconds / units[i + 1].seconds, units[i + 1].name);
}

static void
table_cell_age(struct table *table, json_object *obj, const char *key)
{
	mem_cleanup(mem_freep) char *age = age_of(get_str(obj, key));

	table_cell(table, age);
}

static void
print_list(FILE *out, const char *heading, json_object *list)
{
	size_t i;

	if (length(list))
		(void)fprintf(out, "%s\n", heading);
	for (i = 0; i < length(list); i++)
		(void)fprintf(out, "  %s\n", json_object_get_string(at(list, i)));
}

static void
render_health(FILE *out, json_object *health)
{
	json_object *proxy = get(health, "kubeProxy"), *ports = get(health, "nodePorts");

	if (!health)
		return;
	(void)fprintf(out,
	    "health         kube-proxy %s (%s); Local Services: %" PRId64 " served here, %" PRId64
	    " without endpoints here, %" PRId64 " unanswered\n",
	    get_str(proxy, "state"), get_str(proxy, "setting"), get_int(ports, "serving"),
	    get_int(ports, "no-endpoints"),
	    get_int(ports, "unanswered") + get_int(ports, "proxy-unhealthy"));
}

static void
render_overview(FILE *out, json_object *data)
{
	json_object *config = get(data, "config"), *api = get(data, "api"),
		    *allocator = get(data, "allocator");
	json_object *services = get(data, "services"), *addresses = get(data, "addresses"),
		    *drain = get(data, "drain");
	mem_cleanup(mem_freep) char *up = age_of(get_str(data, "started"));
	mem_cleanup(mem_freep) char *since = age_of(get_str(api, "since"));

	(void)fprintf(out, "metallbd %s on %s, pid %s, up %s\n", get_str(data, "version"),
	    get_str(data, "node"), get_str(data, "pid"), up);
	(void)fprintf(out, "configuration  %s, loaded %s%s\n", get_str(config, "path"),
	    get_str(config, "loaded"),
	    get_bool(config, "stale")
		? ", STALE: the file has errors, the settings before are in force"
		: "");
	(void)fprintf(out, "API server     %s, %s for %s%s%s\n", get_str(api, "server"),
	    get_str(api, "state"), since, has_text(api, "error") ? ": " : "",
	    has_text(api, "error") ? get_str(api, "error") : "");
	(void)fprintf(out, "allocator      %s%s\n", get_str(allocator, "holder"),
	    get_bool(allocator, "me") ? " (this node)" : "");
	(void)fprintf(out,
	    "services       %" PRId64 " of type LoadBalancer for us, %" PRId64
	    " with addresses, %" PRId64 " waiting, %" PRId64 " unreadable\n",
	    get_int(services, "ours"), get_int(services, "allocated"), get_int(services, "pending"),
	    get_int(services, "skipped"));
	(void)fprintf(out,
	    "addresses      %" PRId64 " in use, %" PRId64 " owned and %" PRId64
	    " announced by this node\n",
	    get_int(addresses, "held"), get_int(addresses, "owned"),
	    get_int(addresses, "announced"));
	if (get_bool(drain, "drained"))
		(void)fprintf(out, "drained        since %s, %" PRId64 " addresses still here\n",
		    get_str(drain, "since"), get_int(drain, "left"));
	render_health(out, get(data, "health"));
	print_list(out, "configuration errors", get(config, "errors"));
	print_list(out, "warnings", get(data, "warnings"));
}

static void
render_interfaces(FILE *out, json_object *list)
{
	static const char *const headings[] = {"INTERFACE", "STATE", "MAC", "USABLE", "ADDRESSES"};
	struct table table;
	size_t i;

	table_init(&table, headings, ARRAY_SIZE(headings));
	for (i = 0; i < length(list); i++) {
		json_object *item = at(list, i);

		table_cell(&table, get_str(item, "name"));
		table_cell(&table, get_str(item, "state"));
		table_cell(&table, get_str(item, "mac"));
		table_cell(&table, get_bool(item, "usable") ? "yes" : get_str(item, "reason"));
		table_cell_joined(&table, get(item, "addresses"));
	}
	table_print(&table, out);
}

static void
render_members(FILE *out, json_object *list)
{
	static const char *const headings[] = {
	    "NODE", "STATE", "LAST CHANGE", "LEASE", "SETTINGS", "VERSION"};
	struct table table;
	size_t i;

	table_init(&table, headings, ARRAY_SIZE(headings));
	for (i = 0; i < length(list); i++) {
		json_object *item = at(list, i);

		table_cell(&table, get_str(item, "node"));
		table_cell(&table, get_str(item, "state"));
		table_cellf(&table, "%.1fs", json_object_get_double(get(item, "age")));
		table_cellf(&table, "%" PRId64 "s", get_int(item, "leaseDurationSeconds"));
		table_cell(&table, get_str(item, "settings"));
		table_cell(&table, get_str(item, "version"));
	}
	table_print(&table, out);
}

void
render_status(FILE *out, json_object *data)
{
	render_overview(out, data);
	(void)fprintf(out, "\n");
	render_interfaces(out, get(data, "interfaces"));
	(void)fprintf(out, "\n");
	render_members(out, get(data, "members"));
}

void
render_services(FILE *out, json_object *data)
{
	static const char *const headings[] = {
	    "SERVICE", "STATE", "ADDRESS", "POOL", "OWNER", "HERE", "ENDPOINTS", "REASON"};
	json_object *list = get(data, "services");
	struct table table;
	size_t i, j;

	table_init(&table, headings, ARRAY_SIZE(headings));
	for (i = 0; i < length(list); i++) {
		json_object *item = at(list, i), *addresses = get(item, "addresses");
		size_t rows = length(addresses) ? length(addresses) : 1;

		for (j = 0; j < rows; j++) {
			json_object *address = length(addresses) ? at(addresses, j) : NULL;

			table_cell(&table, get_str(item, "service"));
			table_cell(&table, get_str(item, "state"));
			table_cell(&table, get_str(address, "address"));
			table_cell(&table, get_str(address, "pool"));
			table_cell(&table, get_str(address, "owner"));
			if (get_bool(address, "announced"))
				table_cell_joined(&table, get(address, "interfaces"));
			else
				table_cell(&table, "-");
			table_cell(&table, get_str(get(item, "health"), "localEndpoints"));
			table_cell(&table, get_str(item, "message"));
		}
	}
	table_print(&table, out);
}

static void
render_explained_bgp(FILE *out, json_object *bgp)
{
	json_object *peers = get(bgp, "peers");
	size_t i;

	if (!bgp)
		return;
	if (!get_bool(bgp, "announced")) {
		(void)fprintf(out, "  BGP: this node does not announce it: %s\n",
		    has_text(bgp, "message") ? get_str(bgp, "message") : get_str(bgp, "reason"));
		return;
	}
	(void)fprintf(out, "  BGP: this node announces it to");
	for (i = 0; i < length(peers); i++)
		(void)fprintf(out, "%s %s (%s)", i ? "," : "", get_str(at(peers, i), "peer"),
		    get_str(at(peers, i), "session"));
	(void)fprintf(out, "\n");
}

static void
render_explained_address(FILE *out, json_object *address)
{
	json_object *lease = get(address, "lease"), *here = get(address, "here");
	mem_cleanup(mem_freep) char *interfaces = joined(get(here, "interfaces"));

	(void)fprintf(out, "\naddress %s from pool %s\n", get_str(address, "address"),
	    get_str(address, "pool"));
	(void)fprintf(out, "  Lease %s: holder %s since %s, moved %" PRId64 " times\n",
	    get_str(lease, "name"), get_str(lease, "holder"), get_str(lease, "since"),
	    get_int(lease, "transitions"));
	render_explained_bgp(out, get(address, "bgp"));
	if (get_bool(here, "announced"))
		(void)fprintf(out, "  this node announces it on %s%s%s\n", interfaces,
		    has_text(here, "message") ? ", until another takes it: " : "",
		    has_text(here, "message") ? get_str(here, "message") : "");
	else
		(void)fprintf(out, "  this node does not announce it: %s\n",
		    has_text(here, "message") ? get_str(here, "message") : get_str(here, "reason"));
}

void
render_explain(FILE *out, json_object *data)
{
	json_object *allocated = get(data, "allocated"), *requested = get(data, "requested"),
		    *pools = get(data, "pools");
	mem_cleanup(mem_freep) char *families = joined(get(requested, "families"));
	mem_cleanup(mem_freep) char *addresses = joined(get(requested, "addresses"));
	size_t i;

	(void)fprintf(out, "%s: %s%s%s\n", get_str(data, "service"), get_str(allocated, "state"),
	    has_text(allocated, "message") ? ": " : "",
	    has_text(allocated, "message") ? get_str(allocated, "message") : "");
	(void)fprintf(out,
	    "\nasks for\n  families %s (%s), pool %s, addresses %s, sharing key %s, class %s\n",
	    families, get_str(requested, "policy"), get_str(requested, "pool"), addresses,
	    get_str(requested, "sharingKey"), get_str(requested, "class"));
	if (length(pools))
		(void)fprintf(out, "\npools\n");
	for (i = 0; i < length(pools); i++) {
		json_object *pool = at(pools, i);

		(void)fprintf(out, "  %s: %s%s\n", get_str(pool, "pool"),
		    get_bool(pool, "used") ? "used" : "not used",
		    has_text(pool, "message") ? "" : "");
		if (has_text(pool, "message"))
			(void)fprintf(out, "    %s\n", get_str(pool, "message"));
	}
	for (i = 0; i < length(get(data, "addresses")); i++)
		render_explained_address(out, at(get(data, "addresses"), i));
	if (length(get(data, "next")))
		(void)fprintf(out, "\n");
	print_list(out, "what to do", get(data, "next"));
}

void
render_pools(FILE *out, json_object *data)
{
	static const char *const headings[] = {
	    "POOL", "IPV4 USED", "FREE", "IPV6 USED", "FREE", "AUTO", "ADVERTISED", "ADDRESSES"};
	static const char *const used_headings[] = {"ADDRESS", "POOL", "SERVICES"};
	json_object *list = get(data, "pools");
	struct table table, used;
	size_t i, j;

	table_init(&table, headings, ARRAY_SIZE(headings));
	table_init(&used, used_headings, ARRAY_SIZE(used_headings));
	for (i = 0; i < length(list); i++) {
		json_object *pool = at(list, i), *ipv4 = get(pool, "ipv4"),
			    *ipv6 = get(pool, "ipv6");
		json_object *services = get(pool, "services"),
			    *advertised = get(pool, "advertised");

		table_cell(&table, get_str(pool, "name"));
		table_cell(&table, get_str(ipv4, "used"));
		table_cell(&table, get_str(ipv4, "free"));
		table_cell(&table, get_str(ipv6, "used"));
		table_cell(&table, get_str(ipv6, "free"));
		table_cell(&table, get_bool(pool, "auto_assign") ? "yes" : "no");
		table_cell(&table,
		    length(get(advertised, "l2")) && length(get(advertised, "bgp")) ? "l2,bgp"
			: length(get(advertised, "l2"))                             ? "l2"
			: length(get(advertised, "bgp"))                            ? "bgp"
										    : "no");
		table_cell_joined(&table, get(pool, "addresses"));
		for (j = 0; j < length(services); j++) {
			table_cell(&used, get_str(at(services, j), "address"));
			table_cell(&used, get_str(pool, "name"));
			table_cell_joined(&used, get(at(services, j), "services"));
		}
	}
	table_print(&table, out);
	(void)fprintf(out, "\n");
	table_print(&used, out);
}

void
render_leases(FILE *out, json_object *data)
{
	static const char *const headings[] = {
	    "LEASE", "HOLDER", "STATE", "HELD FOR", "RENEWED", "MOVED", "SERVICES"};
	json_object *list = get(data, "leases");
	struct table table;
	size_t i;

	table_init(&table, headings, ARRAY_SIZE(headings));
	for (i = 0; i < length(list); i++) {
		json_object *lease = at(list, i);

		table_cell(&table, get_str(lease, "name"));
		table_cell(&table, get_str(lease, "holder"));
		table_cell(&table, get_str(lease, "state"));
		table_cell_age(&table, lease, "since");
		table_cell_age(&table, lease, "renewed");
		table_cell(&table, get_str(lease, "transitions"));
		table_cell_joined(&table, get(lease, "services"));
	}
	table_print(&table, out);
}

static void
render_l2_address(struct table *table, json_object *address)
{
	json_object *interfaces = get(address, "interfaces");
	size_t i;

	for (i = 0; i < length(interfaces); i++) {
		json_object *interface = at(interfaces, i);

		table_cell(table, get_str(address, "address"));
		table_cell(table, get_str(interface, "interface"));
		table_cell(table, get_str(interface, "state"));
		table_cellf(table, "%.1fs", json_object_get_double(get(interface, "next")));
		table_cell(table, get_str(address, "requests"));
		table_cell(table, get_str(address, "responses"));
		table_cell(table, get_str(address, "announcements"));
		table_cell(table, get_str(address, "conflicts"));
		table_cell(table, get_str(interface, "claimed_by"));
	}
}

void
render_l2(FILE *out, json_object *data)
{
	static const char *const headings[] = {"ADDRESS", "INTERFACE", "STATE", "NEXT", "REQUESTS",
	    "ANSWERS", "ANNOUNCED", "CONFLICTS", "CLAIMED BY"};
	static const char *const protocols[] = {"arp", "ndp"};
	json_object *list = get(data, "addresses"), *groups = get(data, "groups");
	struct table table;
	size_t i;

	table_init(&table, headings, ARRAY_SIZE(headings));
	for (i = 0; i < length(list); i++)
		render_l2_address(&table, at(list, i));
	table_print(&table, out);
	(void)fprintf(out, "\n");
	for (i = 0; i < ARRAY_SIZE(protocols); i++) {
		json_object *frames = get(get(data, "frames"), protocols[i]);

		(void)fprintf(out, "%s: %s answered, %s malformed, %s lost\n", protocols[i],
		    get_str(frames, "reply"), get_str(frames, "malformed"),
		    get_str(frames, "dropped"));
	}
	(void)fprintf(
	    out, "groups: %s of %s joined\n", get_str(groups, "joined"), get_str(groups, "wanted"));
}

/* "ipv4,ipv6 as4 route-refresh graceful-restart(10s,restarting)": what an OPEN had. */
static char *
open_text(json_object *open)
{
	json_object *gr = get(open, "gracefulRestart"), *unknown = get(open, "unknownCapabilities");
	mem_cleanup(mem_freep) char *families = joined(get(open, "families"));
	struct strbuf text = {0};

	if (!open)
		return xstrdup("none yet");
	strbuf_printf(&text, "AS %" PRId64 ", id %s, hold time %" PRId64 "s; %s",
	    get_int(open, "asn"), get_str(open, "identifier"), get_int(open, "holdTime"), families);
	if (get_bool(open, "as4"))
		strbuf_add(&text, ", 4-octet AS");
	if (get_bool(open, "routeRefresh"))
		strbuf_add(&text, ", route refresh");
	if (get_bool(open, "extendedNextHop"))
		strbuf_add(&text, ", extended next hop");
	if (gr) {
		mem_cleanup(mem_freep) char *kept = joined(get(gr, "forwardingPreserved"));

		strbuf_printf(&text, ", graceful restart %" PRId64 "s%s%s",
		    get_int(gr, "restartTime"), get_bool(gr, "notification") ? " (N)" : "",
		    get_bool(gr, "restarting") ? " restarting, forwarding kept for " : "");
		if (get_bool(gr, "restarting"))
			strbuf_add(&text, kept);
	}
	if (length(unknown)) {
		mem_cleanup(mem_freep) char *codes = joined(unknown);

		strbuf_printf(&text, ", unknown %s", codes);
	}
	return strbuf_detach(&text);
}

static void
render_error(FILE *out, const char *heading, json_object *error)
{
	mem_cleanup(mem_freep) char *age = age_of(get_str(error, "time"));

	if (error)
		(void)fprintf(out, "  %s %s ago: %s\n", heading, age, get_str(error, "message"));
}

static void
render_timers(FILE *out, json_object *peer)
{
	json_object *negotiated = get(peer, "negotiated");

	if (get(peer, "holdTimer") || get(peer, "keepaliveTimer"))
		(void)fprintf(out,
		    "  hold time %" PRId64 "s, ends in %.0fs; keepalive each %" PRId64
		    "s, next in %.0fs\n",
		    get_int(negotiated, "holdTime"), json_object_get_double(get(peer, "holdTimer")),
		    get_int(negotiated, "keepaliveTime"),
		    json_object_get_double(get(peer, "keepaliveTimer")));
	if (get(peer, "nextAttempt"))
		(void)fprintf(out, "  next attempt in %.0fs, %" PRId64 " failures in a row\n",
		    json_object_get_double(get(peer, "nextAttempt")), get_int(peer, "failures"));
}

static void
render_prefixes(FILE *out, json_object *peer)
{
	static const char *const families[] = {"ipv4", "ipv6"};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(families); i++) {
		json_object *counts = get(get(peer, "prefixes"), families[i]);

		(void)fprintf(out,
		    "  %s %" PRId64 " prefixes wanted, %" PRId64 " sent, %" PRId64
		    " pending, %" PRId64 " received%s\n",
		    families[i], get_int(counts, "wanted"), get_int(counts, "sent"),
		    get_int(counts, "pending"), get_int(counts, "received"),
		    str_eq(get_str(peer, "state"), "Established") && !get_bool(counts, "announced")
			? " (not negotiated, or no next hop)"
			: "");
	}
}

static void
render_messages(FILE *out, const char *heading, json_object *counts)
{
	(void)fprintf(out,
	    "  %s %" PRId64 " OPEN, %" PRId64 " UPDATE, %" PRId64 " KEEPALIVE, %" PRId64
	    " NOTIFICATION, %" PRId64 " ROUTE-REFRESH\n",
	    heading, get_int(counts, "open"), get_int(counts, "update"),
	    get_int(counts, "keepalive"), get_int(counts, "notification"),
	    get_int(counts, "routeRefresh"));
}

static void
render_peer(FILE *out, json_object *peer)
{
	mem_cleanup(mem_freep) char *ours = open_text(get(peer, "ours"));
	mem_cleanup(mem_freep) char *theirs = open_text(get(peer, "theirs"));

	(void)fprintf(out, "\n%s: %s: %s\n", get_str(peer, "name"), get_str(peer, "state"),
	    get_str(peer, "reason"));
	if (!get_bool(peer, "selected"))
		return;
	if (has_text(peer, "localAddress"))
		(void)fprintf(out, "  from %s to %s, %s\n", get_str(peer, "localAddress"),
		    get_str(peer, "router"),
		    get_bool(peer, "outgoing") ? "we connected" : "it connected");
	if (!str_eq(get_str(peer, "drain"), "none"))
		(void)fprintf(out, "  drain: %s\n", get_str(peer, "drain"));
	(void)fprintf(out, "  we said: %s\n  it said: %s\n", ours, theirs);
	render_timers(out, peer);
	render_prefixes(out, peer);
	render_messages(out, "sent", get(peer, "sent"));
	render_messages(out, "received", get(peer, "received"));
	render_error(out, "last NOTIFICATION sent", get(peer, "lastSent"));
	render_error(out, "last NOTIFICATION received", get(peer, "lastReceived"));
}

void
render_peers(FILE *out, json_object *data)
{
	static const char *const headings[] = {
	    "PEER", "ROUTER", "ASN", "STATE", "FOR", "SENT", "PENDING", "RECEIVED", "REASON"};
	json_object *list = get(data, "peers");
	struct table table;
	size_t i;

	table_init(&table, headings, ARRAY_SIZE(headings));
	for (i = 0; i < length(list); i++) {
		json_object *peer = at(list, i), *v4 = get(get(peer, "prefixes"), "ipv4"),
			    *v6 = get(get(peer, "prefixes"), "ipv6");

		table_cell(&table, get_str(peer, "name"));
		table_cell(
		    &table, get_str(peer, has_text(peer, "interface") ? "interface" : "address"));
		table_cell(
		    &table, get_str(peer, has_text(peer, "dynamicAsn") ? "dynamicAsn" : "asn"));
		table_cell(&table, get_str(peer, "state"));
		table_cell_age(&table, peer, "since");
		table_cellf(&table, "%" PRId64, get_int(v4, "sent") + get_int(v6, "sent"));
		table_cellf(&table, "%" PRId64, get_int(v4, "pending") + get_int(v6, "pending"));
		table_cellf(&table, "%" PRId64, get_int(v4, "received") + get_int(v6, "received"));
		table_cell(&table, get_str(peer, "reason"));
	}
	table_print(&table, out);
	for (i = 0; i < length(list) && length(list) == 1; i++)
		render_peer(out, at(list, i));
}

/* "localpref 200, med 5, communities 64512:100" */
static char *
attributes_text(json_object *route)
{
	static const struct {
		const char *key, *name;
	} numbers[] = {{"localpref", "localpref"}, {"med", "med"}, {"asPathPrepend", "prepend"},
	    {"weight", "weight"}};
	struct strbuf text = {0};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		if (get_int(route, numbers[i].key))
			strbuf_printf(&text, "%s%s %" PRId64, text.len ? ", " : "", numbers[i].name,
			    get_int(route, numbers[i].key));
	if (length(get(route, "communities"))) {
		mem_cleanup(mem_freep) char *communities = joined(get(route, "communities"));

		strbuf_printf(&text, "%scommunities %s", text.len ? ", " : "", communities);
	}
	return strbuf_detach(&text);
}

/* "tor-a,tor-b (pending)" */
static char *
peers_text(json_object *peers)
{
	struct strbuf text = {0};
	size_t i;

	for (i = 0; i < length(peers); i++) {
		const char *state = get_str(at(peers, i), "state");

		strbuf_printf(&text, "%s%s", i ? ", " : "", get_str(at(peers, i), "peer"));
		if (!str_eq(state, "sent"))
			strbuf_printf(&text, " (%s)", state);
	}
	return strbuf_detach(&text);
}

void
render_routes(FILE *out, json_object *data)
{
	static const char *const headings[] = {"PREFIX", "PEERS", "ATTRIBUTES"};
	static const char *const not_headings[] = {"NOT ANNOUNCED", "SERVICE", "REASON", "WHY"};
	json_object *list = get(data, "routes");
	struct table table;
	size_t i;

	table_init(&table, headings, ARRAY_SIZE(headings));
	for (i = 0; i < length(list); i++) {
		json_object *route = at(list, i);
		mem_cleanup(mem_freep) char *peers = peers_text(get(route, "peers"));
		mem_cleanup(mem_freep) char *attributes = attributes_text(route);

		table_cell(&table, get_str(route, "prefix"));
		table_cell(&table, peers);
		table_cell(&table, attributes);
	}
	table_print(&table, out);
	list = get(data, "notAnnounced");
	if (!length(list))
		return;
	(void)fprintf(out, "\n");
	table_init(&table, not_headings, ARRAY_SIZE(not_headings));
	for (i = 0; i < length(list); i++) {
		json_object *claim = at(list, i);

		table_cell(&table, get_str(claim, "address"));
		table_cell(&table, get_str(claim, "service"));
		table_cell(&table, get_str(claim, "reason"));
		table_cell(&table, get_str(claim, "message"));
	}
	table_print(&table, out);
}

static void
print_count(FILE *out, json_object *data, const char *key, const char *one, const char *more)
{
	int64_t n = get_int(data, key);

	(void)fprintf(out, "%" PRId64 " %s%s", n, n == 1 ? one : key, more);
}

void
render_doctor(FILE *out, json_object *data)
{
	json_object *list = get(data, "findings");
	size_t i;

	for (i = 0; i < length(list); i++) {
		json_object *finding = at(list, i);
		mem_cleanup(mem_freep) char *check = table_printable(get_str(finding, "check"));
		mem_cleanup(mem_freep) char *what = table_printable(get_str(finding, "what"));
		mem_cleanup(mem_freep) char *remedy = table_printable(get_str(finding, "remedy"));

		(void)fprintf(out, "%-8s %-14s %s\n%-8s %-14s -> %s\n",
		    get_str(finding, "severity"), check, what, "", "", remedy);
	}
	(void)fprintf(out, "%s%s: %s checks, ", i ? "\n" : "", get_str(data, "node"),
	    get_str(data, "checks"));
	print_count(out, data, "errors", "error", ", ");
	print_count(out, data, "warnings", "warning", ", ");
	print_count(out, data, "notices", "notice", "\n");
}

void
render_change(FILE *out, json_object *data)
{
	mem_cleanup(mem_freep) char *time = table_printable(get_str(data, "time"));
	mem_cleanup(mem_freep) char *kind = table_printable(get_str(data, "kind"));
	mem_cleanup(mem_freep) char *name = table_printable(get_str(data, "name"));
	mem_cleanup(mem_freep) char *was = table_printable(get_str(data, "was"));
	mem_cleanup(mem_freep) char *is = table_printable(get_str(data, "is"));

	(void)fprintf(out, "%s %-9s %s: %s -> %s\n", time, kind, name, was, is);
}

void
render_log(FILE *out, json_object *data)
{
	(void)fprintf(out, "logging %s and above until the next reload that changes log.level\n",
	    get_str(data, "level"));
}

void
render_drain(FILE *out, json_object *data)
{
	if (get_bool(data, "drained"))
		(void)fprintf(out,
		    "drained: this node holds no address and claims none until metallbctl undrain\n");
	else
		(void)fprintf(out, "not drained: this node claims addresses again\n");
}

void
render_reload(FILE *out, json_object *data)
{
	json_object *changes = get(data, "changes");
	size_t i;

	if (!length(changes))
		(void)fprintf(out, "nothing changed\n");
	for (i = 0; i < length(changes); i++) {
		json_object *change = at(changes, i);
		mem_cleanup(mem_freep) char *fields = joined(get(change, "fields"));

		(void)fprintf(out, "%s %s%s%s%s\n", get_str(change, "change"),
		    get_str(change, "key"), str_eq(fields, "-") ? "" : ": ",
		    str_eq(fields, "-") ? "" : fields,
		    str_eq(get_str(change, "effect"), "restart")
			? " (acts after a restart of metallbd)"
			: "");
	}
	print_list(out, "warnings", get(data, "warnings"));
}
