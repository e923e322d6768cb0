#include "daemon/bgp.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/listeners.h"
#include "daemon/neighbours.h"
#include "daemon/transport.h"
#include "io/file.h"
#include "io/loop.h"
#include "util/hash.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/str.h"

#define MARKER_BYTES 256
#define QUIET_USEC (20 * USEC_PER_MSEC) /* between two looks whether the last words are out */

struct bgp {
	struct peer_context context;
	const struct settings *settings;
	const char *boot_id;
	char *marker; /* path; NULL once it cannot be written */
	bool marked;  /* it names this boot */
	struct bgp_restart restart;
	uint64_t seed;
	uint32_t identifier;
	struct listeners *listeners;
	struct neighbours *neighbours;
	TAILQ_HEAD(peers, peer) peers; /* in the order of the file */
	struct loop_deferred notify;
	struct loop_timer quiet;
	bool drained, stopping;
	bgp_changed_fn *changed;
	bgp_stopped_fn *stopped;
	void *arg;
};

/* --- the marker of graceful restart --- */

static void
read_marker(struct bgp *bgp)
{
	char *text;
	size_t len;

	if (file_read(bgp->marker, MARKER_BYTES, &text, &len))
		return;
	bgp->restart.restarted = len > 0;
	if (len && text[len - 1] == '\n')
		text[len - 1] = '\0';
	bgp->restart.forwarding_preserved = *bgp->boot_id && str_eq(text, bgp->boot_id);
	bgp->marked = bgp->restart.forwarding_preserved;
	free(text);
}

/* "": sessions ended in order, so the next process continues none. */
static void
write_marker(struct bgp *bgp, const char *boot_id)
{
	mem_cleanup(mem_freep) char *text = xasprintf(*boot_id ? "%s\n" : "%s", boot_id);
	int err = file_write_atomic(bgp->marker, text, strlen(text), 0640);

	if (err)
		log_warning("bgp %s: %s; graceful restart will not be recognised", bgp->marker,
		    strerror(-err));
	bgp->marked = *boot_id && !err;
}

/* --- peers --- */

static struct peer *
find_peer(const struct bgp *bgp, const char *name)
{
	struct peer *peer;

	TAILQ_FOREACH (peer, &bgp->peers, entry)
		if (str_eq(peer->name, name))
			return peer;
	return NULL;
}

static void
remove_peer(struct bgp *bgp, struct peer *peer)
{
	TAILQ_REMOVE(&bgp->peers, peer, entry);
	peer_stop(peer, BGP_CEASE_DECONFIGURED, "");
	peer_free(peer);
}

/* An unnumbered peer begins when its router is known. */
static void
start_peer(struct bgp *bgp, struct peer *peer)
{
	if (!bgp->drained && !bgp->stopping && peer->remote.ip.family != IP_FAMILY_NONE)
		peer_start(peer);
}

static void
update_listeners(struct bgp *bgp)
{
	struct peer *peer;

	listeners_begin(bgp->listeners);
	TAILQ_FOREACH (peer, &bgp->peers, entry) {
		bool was_failing = peer->listener_key_failed;

		if (!bgp->settings->bgp.listen || bgp->stopping ||
		    peer->remote.ip.family == IP_FAMILY_NONE)
			continue;
		peer->listener_key_failed = !listeners_want(
		    bgp->listeners, peer->settings->vrf, &peer->remote, peer->key);
		if (peer->listener_key_failed && !was_failing)
			log_line(LOG_LEVEL_WARNING, &(struct log_field){"METALLB_PEER", peer->name},
			    1,
			    "bgp peer=%s its TCP-MD5 key cannot be set on the listening socket: connections from it are refused",
			    peer->name);
	}
	listeners_end(bgp->listeners);
}

static void
update_neighbours(struct bgp *bgp)
{
	struct peer *peer;

	neighbours_begin(bgp->neighbours);
	TAILQ_FOREACH (peer, &bgp->peers, entry)
		if (*peer->settings->interface)
			neighbours_want(bgp->neighbours, peer->settings->interface);
	neighbours_end(bgp->neighbours, bgp->context.links);
	TAILQ_FOREACH (peer, &bgp->peers, entry) {
		struct ip_addr ip;
		int ifindex;

		if (!*peer->settings->interface ||
		    !neighbours_find(bgp->neighbours, peer->settings->interface, &ip, &ifindex))
			continue;
		peer_set_remote(peer, &ip, ifindex);
		start_peer(bgp, peer);
	}
}

static void
add_peer(struct bgp *bgp, const struct settings_peer *settings)
{
	struct peer *peer = peer_new(&bgp->context, settings, bgp->identifier, &bgp->restart,
	    hash_final(hash_string(bgp->seed++, settings->name)));

	TAILQ_INSERT_TAIL(&bgp->peers, peer, entry);
}

/* Those of the settings for which acts[] is true, and no others. */
static void
sync_peers(struct bgp *bgp, const bool *acts)
{
	const struct settings_bgp *settings = &bgp->settings->bgp;
	struct peers old = TAILQ_HEAD_INITIALIZER(old);
	struct peer *peer;
	size_t i;

	TAILQ_CONCAT(&old, &bgp->peers, entry);
	for (i = 0; i < settings->n_peers; i++) {
		if (!acts[i])
			continue;
		TAILQ_FOREACH (peer, &old, entry)
			if (str_eq(peer->name, settings->peers[i].name))
				break;
		if (peer) {
			TAILQ_REMOVE(&old, peer, entry);
			TAILQ_INSERT_TAIL(&bgp->peers, peer, entry);
		} else {
			add_peer(bgp, &settings->peers[i]);
		}
	}
	while ((peer = TAILQ_FIRST(&old))) {
		TAILQ_REMOVE(&old, peer, entry);
		TAILQ_INSERT_TAIL(&bgp->peers, peer, entry);
		remove_peer(bgp, peer);
	}
	update_neighbours(bgp);
	update_listeners(bgp);
	TAILQ_FOREACH (peer, &bgp->peers, entry)
		start_peer(bgp, peer);
}

/* Before the own Node's labels are known. */
static void
start_after_restart(struct bgp *bgp)
{
	const struct settings_bgp *settings = &bgp->settings->bgp;
	bool *acts = xcalloc(settings->n_peers, sizeof(*acts));
	size_t i;

	for (i = 0; i < settings->n_peers; i++)
		acts[i] = !settings->peers[i].node_selectors.count;
	sync_peers(bgp, acts);
	free(acts);
}

/* --- callbacks --- */

static void
on_incoming(void *arg, const char *device, struct tcp_incoming *incoming)
{
	const struct tcp_address *remote = tcp_incoming_remote(incoming);
	struct bgp *bgp = arg;
	struct peer *peer;

	TAILQ_FOREACH (peer, &bgp->peers, entry) {
		if (!ip_addr_eq(&peer->remote.ip, &remote->ip) ||
		    !str_eq(peer->settings->vrf, device) ||
		    (peer->remote.scope && peer->remote.scope != remote->scope))
			continue;
		peer_incoming(peer, incoming);
		return;
	}
}

static void
on_neighbour(void *arg, const char *interface, const struct ip_addr *ip, int ifindex)
{
	struct bgp *bgp = arg;
	struct peer *peer;
	char text[IP_ADDR_STRLEN];

	ip_addr_format(ip, text);
	log_info("bgp interface=%s its router is %s", interface, text);
	TAILQ_FOREACH (peer, &bgp->peers, entry) {
		if (!str_eq(peer->settings->interface, interface))
			continue;
		peer_set_remote(peer, ip, ifindex);
		start_peer(bgp, peer);
	}
	update_listeners(bgp);
}

static void
on_peer_changed(void *arg)
{
	struct bgp *bgp = arg;

	loop_defer(&bgp->notify);
}

static void
on_quiet(void *arg)
{
	struct bgp *bgp = arg;

	if (!bgp_is_drained(bgp) || tcp_closing(bgp->context.tcp)) {
		loop_timer_set(&bgp->quiet, mono_add_usec(loop_now(bgp->context.loop), QUIET_USEC));
		return;
	}
	write_marker(bgp, "");
	bgp->stopped(bgp->arg);
}

static void
on_notify(void *arg)
{
	struct bgp *bgp = arg;

	if (!bgp->marked && !bgp->stopping && *bgp->boot_id && bgp_established(bgp))
		write_marker(bgp, bgp->boot_id);
	bgp->changed(bgp->arg);
}

/* --- from outside --- */

struct bgp *
bgp_new(struct loop *loop, const struct bgp_options *options)
{
	struct bgp *bgp = xcalloc(1, sizeof(*bgp));

	bgp->settings = options->settings;
	bgp->boot_id = options->boot_id;
	bgp->seed = options->seed;
	bgp->changed = options->changed;
	bgp->stopped = options->stopped;
	bgp->arg = options->arg;
	bgp->marker = xasprintf("%s/bgp", options->settings->node.state_directory);
	bgp->context = (struct peer_context){.loop = loop,
	    .tcp = tcp_new(loop),
	    .links = options->links,
	    .send_buffer = xcalloc(1, PEER_SEND_BYTES),
	    .changed = on_peer_changed,
	    .arg = bgp};
	TAILQ_INIT(&bgp->peers);
	loop_deferred_init(&bgp->notify, loop, on_notify, bgp);
	loop_timer_init(&bgp->quiet, loop, on_quiet, bgp);
	bgp->listeners = listeners_new(bgp->context.tcp, on_incoming, bgp);
	bgp->neighbours = neighbours_new(loop, on_neighbour, bgp);
	bgp->identifier = transport_identifier(options->links,
	    &options->settings->node.exclude_interfaces, options->settings->node.name);
	read_marker(bgp);
	if (bgp->restart.restarted)
		start_after_restart(bgp);
	return bgp;
}

void
bgp_free(struct bgp *bgp)
{
	struct peer *peer;

	if (!bgp)
		return;
	while ((peer = TAILQ_FIRST(&bgp->peers))) {
		TAILQ_REMOVE(&bgp->peers, peer, entry);
		peer_free(peer);
	}
	listeners_free(bgp->listeners);
	neighbours_free(bgp->neighbours);
	tcp_free(bgp->context.tcp);
	loop_deferred_fini(&bgp->notify);
	loop_timer_fini(&bgp->quiet);
	free(bgp->context.send_buffer);
	free(bgp->marker);
	free(bgp);
}

void
bgp_set_settings(struct bgp *bgp, const struct settings *settings)
{
	struct peer *peer, *tmp;
	size_t i;

	bgp->settings = settings;
	TAILQ_FOREACH_SAFE (peer, &bgp->peers, entry, tmp) {
		for (i = 0; i < settings->bgp.n_peers; i++)
			if (str_eq(settings->bgp.peers[i].name, peer->name))
				break;
		/* Another router is another peer, which the next plan brings. */
		if (i == settings->bgp.n_peers ||
		    transport_is_other_router(peer->settings, &settings->bgp.peers[i]))
			remove_peer(bgp, peer);
		else
			peer_configure(peer, &settings->bgp.peers[i]);
	}
	listeners_retry(bgp->listeners);
	update_neighbours(bgp);
	update_listeners(bgp);
}

void
bgp_set_links(struct bgp *bgp, const struct link_table *links)
{
	bgp->context.links = links;
	neighbours_set_links(bgp->neighbours, links);
}

void
bgp_set_routes(struct bgp *bgp, const struct routes *routes, bool complete)
{
	bool *acts = xcalloc(routes->n_peers, sizeof(*acts));
	struct peer *peer;
	size_t i;

	for (i = 0; i < routes->n_peers; i++)
		acts[i] = route_peer_acts(&routes->peers[i]);
	sync_peers(bgp, acts);
	free(acts);
	peer = TAILQ_FIRST(&bgp->peers);
	for (i = 0; i < routes->n_peers; i++) {
		if (!route_peer_acts(&routes->peers[i]))
			continue;
		peer_set_routes(
		    peer, &routes->groups[routes->peers[i].group], complete && !routes->undecided);
		peer = TAILQ_NEXT(peer, entry);
	}
}

void
bgp_set_drained(struct bgp *bgp, bool drained, const char *text)
{
	struct peer *peer;

	if (bgp->drained == drained || bgp->stopping)
		return;
	bgp->drained = drained;
	TAILQ_FOREACH (peer, &bgp->peers, entry) {
		if (drained)
			peer_drain(peer, text);
		else
			start_peer(bgp, peer);
	}
}

void
bgp_stop(struct bgp *bgp, const char *text)
{
	struct peer *peer;

	bgp->stopping = true;
	TAILQ_FOREACH (peer, &bgp->peers, entry)
		peer_drain(peer, text);
	loop_timer_set(&bgp->quiet, loop_now(bgp->context.loop));
}

const struct peer *
bgp_next_peer(const struct bgp *bgp, const struct peer *previous)
{
	return previous ? TAILQ_NEXT(previous, entry) : TAILQ_FIRST(&bgp->peers);
}

const struct peer *
bgp_find_peer(const struct bgp *bgp, const char *name)
{
	return find_peer(bgp, name);
}

size_t
bgp_count(const struct bgp *bgp)
{
	const struct peer *peer;
	size_t n = 0;

	TAILQ_FOREACH (peer, &bgp->peers, entry)
		n++;
	return n;
}

size_t
bgp_established(const struct bgp *bgp)
{
	const struct peer *peer;
	size_t n = 0;

	TAILQ_FOREACH (peer, &bgp->peers, entry)
		n += bgp_session_state(peer->session) == BGP_ESTABLISHED;
	return n;
}

bool
bgp_is_drained(const struct bgp *bgp)
{
	const struct peer *peer;

	TAILQ_FOREACH (peer, &bgp->peers, entry)
		if (bgp_session_state(peer->session) != BGP_IDLE)
			return false;
	return true;
}

const struct tcp_stats *
bgp_tcp_stats(const struct bgp *bgp)
{
	return tcp_stats(bgp->context.tcp);
}

bool
bgp_cannot_listen(const struct bgp *bgp)
{
	return listeners_any_failed(bgp->listeners);
}
