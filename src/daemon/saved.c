#include "daemon/saved.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/daemon.h"
#include "daemon/l2.h"
#include "daemon/leases.h"
#include "daemon/node.h"
#include "daemon/services.h"
#include "io/file.h"
#include "kube/saved.h"
#include "lease/membership.h"
#include "lease/ownership.h"
#include "model/service.h"
#include "model/settings.h"
#include "util/hash.h"
#include "util/log.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/str.h"

#define SAVED_FILE "saved.json"
#define PROVEN_FILE "saved.proven" /* "BOOT-ID MICROSECONDS" */
#define PROVEN_MAX_BYTES 128

/* An address that the LAN is asked for. */
struct probe {
	struct map_node node; /* in saved.probes, by ip */
	struct ip_addr ip;
	unsigned sent;
	mono_t due; /* the next one, or the end */
	bool claimed;
};

struct saved {
	struct daemon *daemon;
	char *path, *proven_path;
	struct loop_timer timer;
	bool there;       /* a file, of this process or the one before */
	uint64_t content; /* hash of what is in it; 0: not written yet */
	mono_t written;   /* MONO_ZERO: never */
	int error;        /* as last said */
	struct probe *probes;
	struct loop_timer probe_timer;
};

/* --- writing --- */

/* Sorted, so that the file is the same for the same. */
static int
addr_cmp(const void *a, const void *b)
{
	return ip_addr_cmp(a, b);
}

static struct ip_addr *
own_addresses(const struct ownership *ownership, size_t *ret_count)
{
	struct ip_addr *addresses = xcalloc(ownership->n_ours + 1, sizeof(*addresses));
	const struct ownership_address *address;
	size_t n = 0;

	MAP_FOREACH (address, ownership->addresses)
		if (address->ours && n < ownership->n_ours)
			addresses[n++] = address->addr;
	qsort(addresses, n, sizeof(*addresses), addr_cmp);
	*ret_count = n;
	return addresses;
}

static bool
has_one_of(const struct service *service, const struct ip_addr *addresses, size_t n)
{
	size_t i;

	for (i = 0; i < service->n_ingress; i++)
		if (bsearch(&service->ingress[i].ip, addresses, n, sizeof(*addresses), addr_cmp))
			return true;
	return false;
}

static struct service **
their_services(
    const struct service_table *table, const struct ip_addr *addresses, size_t n, size_t *ret_count)
{
	struct service **services = xcalloc(MAP_COUNT(table->head) + 1, sizeof(*services));
	struct service *service;
	size_t count = 0;

	MAP_FOREACH (service, table->head)
		if (has_one_of(service, addresses, n))
			services[count++] = service;
	*ret_count = count;
	return services;
}

/* Whether the file says it already is asked more often than it does not. */
static uint64_t
content_hash(const struct kube_saved *content)
{
	uint64_t hash = HASH_INIT;
	char text[IP_ADDR_STRLEN];
	size_t i;

	for (i = 0; i < content->node_labels.count; i++) {
		hash = hash_string(hash, content->node_labels.items[i].key);
		hash = hash_string(hash, content->node_labels.items[i].value);
	}
	hash = hash_string(hash, content->network_unavailable ? "unavailable" : "");
	for (i = 0; i < content->n_addresses; i++) {
		ip_addr_format(&content->addresses[i], text);
		hash = hash_string(hash, text);
	}
	for (i = 0; i < content->n_services; i++) {
		hash = hash_string(hash, content->services[i]->key);
		hash = hash_string(hash, content->services[i]->resource_version);
	}
	return hash_final(hash);
}

static int
write_content(struct saved *saved, const struct kube_saved *content)
{
	uint64_t hash = content_hash(content);
	char *text;
	int err;

	if (hash == saved->content)
		return 0;
	text = kube_saved_encode(content);
	err = strlen(text) > KUBE_SAVED_MAX_BYTES
	    ? -EFBIG
	    : file_write_unsynced(saved->path, text, strlen(text), 0640);
	free(text);
	saved->content = err ? 0 : hash;
	saved->there = true;
	saved->written = loop_clock();
	return err;
}

static int
write_proven(const struct saved *saved, mono_t proven)
{
	char *text = xasprintf("%s %" PRId64 "\n", saved->daemon->boot_id, proven.usec);
	int err = file_write_unsynced(saved->proven_path, text, strlen(text), 0640);

	free(text);
	return err;
}

static int
write_files(struct saved *saved)
{
	const struct daemon *daemon = saved->daemon;
	struct kube_saved content = {.node = daemon->settings->node.name,
	    .boot_id = daemon->boot_id,
	    .proven = membership_renewed(leases_membership(daemon->leases)),
	    .node_labels = node_labels(daemon->node),
	    .network_unavailable = node_network_unavailable(daemon->node)};
	struct ip_addr *addresses;
	int err;

	addresses = own_addresses(leases_ownership(daemon->leases), &content.n_addresses);
	content.addresses = addresses;
	content.services = their_services(
	    services_table(daemon->services), addresses, content.n_addresses, &content.n_services);
	/* Nothing held is worth a file only where one says otherwise. */
	err = content.n_addresses || saved->there ? write_content(saved, &content) : 0;
	if (!err)
		err = write_proven(saved, content.proven);
	free(content.services);
	free(addresses);
	return err;
}

void
saved_write(struct saved *saved)
{
	const struct daemon *daemon = saved->daemon;
	int err;

	/* Before the API has told what is ours, the files know better. */
	if (!services_is_synced(daemon->services) || !leases_ownership(daemon->leases)->listed ||
	    membership_renewed(leases_membership(daemon->leases)).usec <= 0)
		return;
	err = write_files(saved);
	if (err && err != saved->error)
		log_warning(
		    "state %s cannot be written: %s; a restart while no API server answers would not know its addresses",
		    saved->path, strerror(-err));
	saved->error = err;
}

static void
on_timer(void *arg)
{
	struct saved *saved = arg;

	saved_write(saved);
	loop_timer_set(&saved->timer, mono_add_usec(loop_clock(), SAVED_REFRESH_USEC));
}

void
saved_touch(struct saved *saved)
{
	mono_t at = mono_add_usec(saved->written, SAVED_INTERVAL_USEC), now = loop_clock();

	if (mono_before(at, now))
		at = now;
	loop_timer_set(&saved->timer, mono_min(at, saved->timer.deadline));
}

/* --- reading --- */

/* When the API last confirmed our heartbeat in this boot, as far as the small file knows. */
static mono_t
read_proven(const struct saved *saved)
{
	uint64_t usec = 0;
	char *text, *space;
	size_t len;

	if (file_read(saved->proven_path, PROVEN_MAX_BYTES, &text, &len))
		return MONO_ZERO;
	text[strcspn(text, "\n")] = '\0';
	space = strchr(text, ' ');
	if (space) {
		*space = '\0';
		if (!str_eq(text, saved->daemon->boot_id) ||
		    str_parse_uint(space + 1, INT64_MAX / 4, &usec))
			usec = 0;
	}
	free(text);
	return (mono_t){(int64_t)usec};
}

/* NULL when it is usable. */
static const char *
why_not(const struct saved *saved, const struct kube_saved *content)
{
	const struct daemon *daemon = saved->daemon;
	mono_t proven = read_proven(saved);
	int64_t age = mono_diff_usec(
	    loop_clock(), mono_before(proven, content->proven) ? content->proven : proven);

	if (daemon->settings->failover.on_api_loss != ON_API_LOSS_HOLD)
		return "failover.on-api-loss is not \"hold\"";
	if (!str_eq(content->node, daemon->settings->node.name))
		return "it is another node's";
	if (!*daemon->boot_id || !str_eq(content->boot_id, daemon->boot_id))
		return "it is from before this boot";
	if (age < 0 || age > daemon->settings->failover.hold_over_usec)
		return "it is older than failover.hold-over";
	return NULL;
}

static void
use(struct saved *saved, struct kube_saved *content)
{
	struct daemon *daemon = saved->daemon;
	const char *reason = why_not(saved, content);
	size_t i;

	if (reason) {
		log_debug("state %s is not used: %s", saved->path, reason);
		return;
	}
	log_debug("state %s: %zu addresses, in case no API server answers", saved->path,
	    content->n_addresses);
	node_restore(daemon->node, &content->node_labels, content->network_unavailable);
	for (i = 0; i < content->n_services; i++) {
		services_restore(daemon->services, content->services[i]);
		content->services[i] = NULL;
	}
	leases_restore(daemon->leases, content->addresses, content->n_addresses);
}

/* --- asking the LAN --- */

static struct probe *
find_probe(const struct saved *saved, const struct ip_addr *ip)
{
	struct probe *probe;

	MAP_FIND(saved->probes, ip, probe);
	return probe;
}

static void
end_probe(struct saved *saved, struct probe *probe)
{
	MAP_DEL(saved->probes, probe);
	free(probe);
}

/* The next one; or after the last the answer, which may end other probes too. */
static bool
advance_probe(struct saved *saved, struct probe *probe, mono_t now)
{
	struct ip_addr ip = probe->ip;
	bool claimed = probe->claimed;

	if (!claimed && probe->sent < SAVED_PROBES) {
		l2_probe(saved->daemon->l2, &ip);
		probe->sent++;
		probe->due = mono_add_usec(
		    now, probe->sent < SAVED_PROBES ? SAVED_PROBE_USEC : SAVED_PROBE_WAIT_USEC);
		return true;
	}
	end_probe(saved, probe);
	leases_probed(saved->daemon->leases, &ip, claimed);
	return false;
}

static void
on_probe_timer(void *arg)
{
	struct saved *saved = arg;
	struct probe *probe, *next;
	mono_t now = loop_now(saved->daemon->loop), deadline = MONO_NEVER;
	int budget = SAVED_PROBES_PER_TURN;

	MAP_FOREACH_SAFE (probe, next, saved->probes) {
		if (mono_before(now, probe->due)) {
			deadline = mono_min(deadline, probe->due);
			continue;
		}
		if (!budget) {
			deadline = mono_min(deadline, mono_add_usec(now, SAVED_TURN_USEC));
			continue;
		}
		budget--;
		if (advance_probe(saved, probe, now))
			deadline = mono_min(deadline, probe->due);
	}
	loop_timer_set(&saved->probe_timer, deadline);
}

void
saved_probe(struct saved *saved, const struct ip_addr *ip)
{
	struct probe *probe = find_probe(saved, ip);
	mono_t now = loop_now(saved->daemon->loop);

	if (!probe) {
		probe = xcalloc(1, sizeof(*probe));
		probe->ip = *ip;
		MAP_ADD(saved->probes, ip, probe);
	}
	probe->sent = 0;
	probe->claimed = false;
	probe->due = now;
	loop_timer_set(&saved->probe_timer, now);
}

void
saved_probe_end(struct saved *saved, const struct ip_addr *ip)
{
	struct probe *probe = find_probe(saved, ip);

	if (probe)
		end_probe(saved, probe);
}

bool
saved_claimed(struct saved *saved, const struct ip_addr *ip)
{
	struct probe *probe = find_probe(saved, ip);

	if (!probe)
		return false;
	probe->claimed = true;
	return true;
}

/* --- life --- */

struct saved *
saved_new(struct daemon *daemon)
{
	struct saved *saved = xcalloc(1, sizeof(*saved));
	struct kube_saved *content;
	enum kube_cause cause;
	char *text;
	size_t len;
	int err;

	saved->daemon = daemon;
	saved->path = xasprintf("%s/" SAVED_FILE, daemon->settings->node.state_directory);
	saved->proven_path = xasprintf("%s/" PROVEN_FILE, daemon->settings->node.state_directory);
	loop_timer_init(&saved->timer, daemon->loop, on_timer, saved);
	loop_timer_init(&saved->probe_timer, daemon->loop, on_probe_timer, saved);
	err = file_read(saved->path, KUBE_SAVED_MAX_BYTES, &text, &len);
	if (err) {
		if (err != -ENOENT)
			log_warning("state %s cannot be read: %s", saved->path, strerror(-err));
		return saved;
	}
	saved->there = true;
	cause = kube_saved_decode(text, len, &content);
	free(text);
	if (cause) {
		log_warning("state %s is not used: %s", saved->path, kube_cause_str(cause));
		return saved;
	}
	use(saved, content);
	kube_saved_free(content);
	return saved;
}

void
saved_free(struct saved *saved)
{
	if (!saved)
		return;
	while (saved->probes)
		end_probe(saved, saved->probes);
	loop_timer_fini(&saved->probe_timer);
	loop_timer_fini(&saved->timer);
	free(saved->path);
	free(saved->proven_path);
	free(saved);
}
