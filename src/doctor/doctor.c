#include "doctor/doctor.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "util/mem.h"
#include "util/str.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *const severity_names[] = {
    [DOCTOR_ERROR] = "error", [DOCTOR_WARNING] = "warning", [DOCTOR_NOTICE] = "notice"};
static_assert(COUNT(severity_names) == DOCTOR_SEVERITY_COUNT, "one name each");

const char *
doctor_severity_str(enum doctor_severity severity)
{
	return severity_names[severity];
}

/* One check at work. */
struct bench {
	const struct doctor_facts *facts;
	struct doctor_report *report;
	const char *check;
};

static void __attribute__((format(printf, 4, 5)))
find(const struct bench *b, enum doctor_severity severity, const char *remedy, const char *fmt, ...)
{
	struct doctor_report *report = b->report;
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	report->findings = mem_grow(
	    report->findings, report->n_findings, &report->cap, sizeof(*report->findings));
	report->findings[report->n_findings++] = (struct doctor_finding){.severity = severity,
	    .check = b->check,
	    .what = arena_strdup(report->arena, text),
	    .remedy = arena_strdup(report->arena, remedy)};
	report->counts[severity]++;
	free(text);
}

/* "a, b, c and 7 more": the i-th of `n` things, to be called for each in order. */
static void
name_one(struct strbuf *sb, size_t i, size_t n, const char *text)
{
	if (i < DOCTOR_MAX_NAMED)
		strbuf_printf(sb, "%s%s", i ? ", " : "", text);
	else if (i == DOCTOR_MAX_NAMED)
		strbuf_printf(sb, " and %zu more", n - i);
}

/* --- configuration --- */

static void
check_config(const struct bench *b)
{
	const char *path = b->facts->config.path;
	size_t i;

	if (b->facts->config.stale)
		find(b, DOCTOR_ERROR,
		    "correct it (metallbd -t shows every error), then metallbctl reload",
		    "%s was refused at the last reload, older settings are in force: %s%s", path,
		    b->facts->config.error,
		    b->facts->config.n_errors > 1 ? ", and more errors" : "");
	else if (b->facts->config.changed_on_disk)
		find(b, DOCTOR_NOTICE, "metallbd -t to check it, metallbctl reload to use it",
		    "%s was changed after it was loaded", path);
	for (i = 0; i < b->facts->config.n_warnings; i++)
		find(b, DOCTOR_WARNING, "change that line, then metallbctl reload", "%s",
		    b->facts->config.warnings[i]);
}

static void
check_equal(const struct bench *b)
{
	size_t n = b->facts->cluster.n_unequal, i;
	struct strbuf names = {0};

	for (i = 0; i < n; i++)
		name_one(&names, i, n, b->facts->cluster.unequal[i]);
	if (n)
		find(b, DOCTOR_WARNING,
		    "give all nodes the same address-pools, l2-advertisements, bgp advertisements, communities and failover, then reload there; "
		    "until then nothing is taken away because of the file",
		    "the settings of this node differ from those of %s", strbuf_text(&names));
	strbuf_free(&names);
}

/* --- API server --- */

static void
check_api(const struct bench *b)
{
	const char *remedy =
	    "check the kubernetes group of metallb.conf, the credentials it names, and the way to the server; "
	    "what is announced stays meanwhile";

	switch (b->facts->api.state) {
	case DOCTOR_API_FAILED:
		find(b, DOCTOR_ERROR, remedy, "no API server answers: %s", b->facts->api.error);
		break;
	case DOCTOR_API_CONNECTING:
		find(b, DOCTOR_WARNING, remedy, "no API server has answered yet (asking %s)",
		    b->facts->api.server);
		break;
	case DOCTOR_API_CONNECTED:
		if (!b->facts->api.services_listed)
			find(b, DOCTOR_ERROR, "look for lines about services in the log",
			    "the Services could not be listed yet, so nothing is decided about them");
		if (!b->facts->api.leases_listed)
			find(b, DOCTOR_ERROR,
			    "does the namespace exist? look for lines about leases in the log",
			    "the Leases could not be listed yet, so no address is claimed");
		break;
	}
}

static void
check_permissions(const struct bench *b)
{
	size_t i;

	for (i = 0; i < b->facts->permissions.n_rights; i++) {
		const struct doctor_right *right = &b->facts->permissions.rights[i];

		if (right->known && !right->allowed)
			find(b, DOCTOR_ERROR,
			    "kubectl apply -f rbac.yaml (of the package's share directory), or bind these roles to the account in use",
			    "the account may not %s, which is needed for %s", right->what,
			    right->for_what);
	}
	if (b->facts->permissions.unknown)
		find(b, DOCTOR_NOTICE, "run this again when the API server answers",
		    "not all permissions are known: %s", b->facts->permissions.unknown);
}

static void
judge_expiry(const struct bench *b, const char *what, int64_t expires_usec, const char *remedy)
{
	int64_t left = expires_usec - b->facts->api.now_usec;
	char time[32];

	if (!expires_usec || left > DOCTOR_EXPIRY_WARNING_USEC)
		return;
	str_format_time(expires_usec, time, sizeof(time));
	find(b, left > DOCTOR_EXPIRY_ERROR_USEC ? DOCTOR_WARNING : DOCTOR_ERROR, remedy,
	    "the %s %s %s", what, left > 0 ? "ends at" : "has ended at", time);
}

static void
check_credentials(const struct bench *b)
{
	judge_expiry(b, "token", b->facts->api.token_expires_usec,
	    "kubectl create token metallbd -n metallbd-system --duration=8760h, into the token file");
	judge_expiry(b, "client certificate", b->facts->api.certificate_expires_usec,
	    "have it signed anew, and replace its file or the kubeconfig");
}

static void
check_clock(const struct bench *b)
{
	int64_t ahead = b->facts->api.clock_ahead_usec, off = ahead < 0 ? -ahead : ahead;

	if (!b->facts->api.clock_known || off < DOCTOR_CLOCK_WARNING_USEC)
		return;
	find(b, off < DOCTOR_CLOCK_ERROR_USEC ? DOCTOR_WARNING : DOCTOR_ERROR,
	    "synchronise both (chrony, systemd-timesyncd); failover does not depend on it, the validity of tokens and certificates does",
	    "this machine's clock is %" PRId64 " s %s that of %s", off / 1000000,
	    ahead < 0 ? "behind" : "ahead of", b->facts->api.server);
}

/* --- this node --- */

static void
check_node(const struct bench *b)
{
	const char *name = b->facts->node.name;

	if (b->facts->node.duplicate)
		find(b, DOCTOR_ERROR,
		    "give each a name of its own (node.name), as kubectl get nodes shows them",
		    "another machine uses this node's name %s, so this one announces nothing",
		    name);
	if (b->facts->node.missing)
		find(b, DOCTOR_WARNING,
		    "set node.name to the name that kubectl get nodes shows for this machine",
		    "Kubernetes has no Node %s: its labels and conditions do not count", name);
	if (b->facts->node.excluded)
		find(b, DOCTOR_WARNING,
		    "kubectl label node NAME node.kubernetes.io/exclude-from-external-load-balancers- , or node.ignore-exclude-label = true",
		    "node %s has the label node.kubernetes.io/exclude-from-external-load-balancers and announces nothing",
		    name);
	if (b->facts->node.exclude_ignored)
		find(b, DOCTOR_NOTICE, "remove the label from the nodes that are meant to announce",
		    "every node has the label node.kubernetes.io/exclude-from-external-load-balancers, so it is ignored on all");
	if (b->facts->node.network_unavailable)
		find(b, DOCTOR_ERROR, "look at the network plugin (CNI) of this node",
		    "node %s has the condition NetworkUnavailable and announces nothing", name);
	if (b->facts->node.drained)
		find(b, DOCTOR_NOTICE, "metallbctl undrain, when it is meant to serve again",
		    "this node is drained: it claims no address");
}

static void
check_allocator(const struct bench *b)
{
	if (b->facts->api.state == DOCTOR_API_CONNECTED && b->facts->api.leases_listed &&
	    !*b->facts->cluster.allocator)
		find(b, DOCTOR_WARNING, "wait 15 s and look again; then see the log for reasons",
		    "no daemon holds the Lease allocator, so no Service gets an address");
}

/* --- interfaces --- */

static bool
any_usable(const struct doctor_facts *facts, size_t *ret_count)
{
	size_t i;

	*ret_count = 0;
	for (i = 0; i < facts->interfaces.count; i++)
		*ret_count += !facts->interfaces.items[i].unusable;
	return *ret_count > 0;
}

static void
check_interfaces(const struct bench *b)
{
	size_t n = b->facts->interfaces.count, usable, i;
	struct strbuf list = {0};
	char *text;

	if (!b->facts->interfaces.l2 || any_usable(b->facts, &usable))
		return;
	for (i = 0; i < n; i++) {
		text = xasprintf("%s %s", b->facts->interfaces.items[i].name,
		    b->facts->interfaces.items[i].unusable);
		name_one(&list, i, n, text);
		free(text);
	}
	find(b, DOCTOR_ERROR,
	    "bring one up, or see node.exclude-interfaces and l2-advertisements[].interfaces",
	    "no interface of this node can announce an address: %s",
	    n ? strbuf_text(&list) : "there is none");
	strbuf_free(&list);
}

static void
check_own_addresses(const struct bench *b)
{
	size_t n = b->facts->interfaces.n_own, i;
	struct strbuf list = {0};
	char *text;

	for (i = 0; i < n; i++) {
		const struct doctor_own_address *own = &b->facts->interfaces.own[i];

		text = xasprintf("%s of %s (pool %s)", own->address, own->interface, own->pool);
		name_one(&list, i, n, text);
		free(text);
	}
	if (n)
		find(b, DOCTOR_WARNING,
		    "add them to the pool's exclude; they are never given to a Service meanwhile",
		    "addresses of this node are inside pools: %s", strbuf_text(&list));
	strbuf_free(&list);
}

/* kube-proxy in IPVS mode has every Service's address on kube-ipvs0, and the kernel answers ARP for
 * any address that the host has, unless arp_ignore says otherwise. */
static void
check_strict_arp(const struct bench *b)
{
	size_t n = 0, i;
	struct strbuf list = {0};

	for (i = 0; i < b->facts->interfaces.count; i++)
		if (!b->facts->interfaces.items[i].unusable &&
		    b->facts->interfaces.items[i].arp_ignore == 0)
			name_one(&list, n++, b->facts->interfaces.count,
			    b->facts->interfaces.items[i].name);
	if (n && b->facts->interfaces.l2 && b->facts->interfaces.kube_ipvs)
		find(b, DOCTOR_ERROR,
		    "set ipvs.strictARP: true in kube-proxy's configuration and restart it, on all nodes",
		    "kube-ipvs0 is there and arp_ignore is 0 on %s: this kernel answers ARP for every Service's address, whoever owns it",
		    strbuf_text(&list));
	strbuf_free(&list);
}

/* With one way in and out the return path is always that of the request. */
static void
check_rp_filter(const struct bench *b)
{
	size_t n = 0, usable, i;
	struct strbuf list = {0};

	if (any_usable(b->facts, &usable) && usable > 1) {
		for (i = 0; i < b->facts->interfaces.count; i++)
			if (!b->facts->interfaces.items[i].unusable &&
			    b->facts->interfaces.items[i].rp_filter == 1)
				name_one(&list, n++, usable, b->facts->interfaces.items[i].name);
	}
	if (n)
		find(b, DOCTOR_NOTICE,
		    "net.ipv4.conf.INTERFACE.rp_filter = 2 (loose), also as conf.all, where clients come in by another interface than the route back to them",
		    "rp_filter is strict on %s, and this node has more than one interface that can announce",
		    strbuf_text(&list));
	strbuf_free(&list);
}

/* --- BGP and kube-proxy --- */

static void
check_bgp(const struct bench *b)
{
	size_t n = b->facts->bgp.n_peers, up = 0, down = 0, i;
	struct strbuf list = {0};
	char *text;

	for (i = 0; i < n; i++)
		up += b->facts->bgp.peers[i].established;
	for (i = 0; i < n; i++) {
		const struct doctor_peer *peer = &b->facts->bgp.peers[i];

		if (peer->established)
			continue;
		text = xasprintf("%s is %s%s%s", peer->name, peer->state, *peer->reason ? ", " : "",
		    peer->reason);
		name_one(&list, down++, n - up, text);
		free(text);
	}
	if (down)
		find(b, up ? DOCTOR_WARNING : DOCTOR_ERROR,
		    "metallbctl peers NAME shows both sides; look at address, AS numbers, password and firewall (TCP port 179)",
		    "%zu of %zu BGP sessions %s not established: %s", down, n,
		    down == 1 ? "is" : "are", strbuf_text(&list));
	if (b->facts->bgp.cannot_listen)
		find(b, DOCTOR_WARNING,
		    "FRR or BIRD on this host? give it another port (bgpd -p 0), or set bgp.listen = false here; then metallbctl reload",
		    "TCP port 179 is taken by another program: routers cannot connect, this node connects to them");
	strbuf_free(&list);
}

static void
check_kube_proxy(const struct bench *b)
{
	if (b->facts->kube_proxy.unhealthy)
		find(b, DOCTOR_ERROR, "look at kube-proxy's log on this node",
		    "kube-proxy says that it is not healthy, so this node announces no Service that depends on it");
	else if (b->facts->kube_proxy.silent)
		find(b, DOCTOR_ERROR,
		    "is kube-proxy running, and does it have --healthz-bind-address? else health.kube-proxy = \"ignore\"",
		    "kube-proxy does not answer on port 10256, so this node announces no Service that depends on it");
}

/* --- pools and Services --- */

static void
judge_fill(const struct bench *b, const struct doctor_pool *pool, const char *family,
    uint64_t total, uint64_t used)
{
	/* In this order nothing overflows: a /0 of IPv6 has 2^64 and more. */
	uint64_t percent = total < UINT64_MAX / 100 ? used * 100 / total : used / (total / 100);
	const char *remedy =
	    "add addresses to the pool or another pool; metallbctl pools shows who has them";

	if (total < DOCTOR_POOL_SMALL) {
		if (used >= total)
			find(b, DOCTOR_NOTICE, remedy,
			    "all %" PRIu64 " %s addresses of pool %s are in use", total, family,
			    pool->name);
		return;
	}
	if (percent >= DOCTOR_POOL_NOTICE_PERCENT)
		find(b,
		    percent >= DOCTOR_POOL_ERROR_PERCENT         ? DOCTOR_ERROR
			: percent >= DOCTOR_POOL_WARNING_PERCENT ? DOCTOR_WARNING
								 : DOCTOR_NOTICE,
		    remedy,
		    "%" PRIu64 " %% of the %s addresses of pool %s are in use (%" PRIu64
		    " of %" PRIu64 ")",
		    percent, family, pool->name, used, total);
}

static void
check_pools(const struct bench *b)
{
	static const char *const families[] = {"IPv4", "IPv6"};
	size_t i, j;

	for (i = 0; i < b->facts->pools.count; i++) {
		const struct doctor_pool *pool = &b->facts->pools.items[i];

		for (j = 0; j < COUNT(families); j++)
			if (pool->families[j].total)
				judge_fill(b, pool, families[j], pool->families[j].total,
				    pool->families[j].used);
		if (!pool->advertised)
			find(b, DOCTOR_WARNING,
			    "add one to l2-advertisements or bgp.advertisements",
			    "no advertisement names pool %s: its addresses are given out and reach nobody",
			    pool->name);
		else if (pool->l2 && pool->range)
			find(b, DOCTOR_WARNING,
			    "give an interface an address of that network, or announce the pool by BGP; right as it is only when routers know that network as on-link here",
			    "no interface of this node is in the network of %s (pool %s): nobody asks for these addresses by ARP or NDP there unless told to",
			    pool->range, pool->name);
	}
}

static void
check_services(const struct bench *b)
{
	if (b->facts->services.waiting)
		find(b, DOCTOR_WARNING, "metallbctl explain NAMESPACE/NAME says what to change",
		    "%zu %s no address; %s: %s", b->facts->services.waiting,
		    b->facts->services.waiting == 1 ? "Service has" : "Services have",
		    b->facts->services.example, b->facts->services.reason);
	if (b->facts->services.skipped)
		find(b, DOCTOR_WARNING, "the log names them and what is wrong",
		    "%zu %s cannot be read, and stay as they were", b->facts->services.skipped,
		    b->facts->services.skipped == 1 ? "Service" : "Services");
}

/* --- the wire --- */

static void
judge_claim(const struct bench *b, const struct doctor_claim *claim)
{
	int64_t age = claim->age_usec / 1000000;
	bool recent = claim->age_usec <= DOCTOR_CLAIM_RECENT_USEC;

	switch (claim->who) {
	case DOCTOR_STRANGER:
		find(b, DOCTOR_ERROR,
		    "find the host with that MAC and give it another address, or exclude this one from the pool",
		    "%s is in use on %s by %s, which is no node of this cluster: not announced there",
		    claim->address, claim->interface, claim->mac);
		break;
	case DOCTOR_INTRUDER:
		find(b, recent ? DOCTOR_ERROR : DOCTOR_NOTICE,
		    "find the host with that MAC and give it another address, or exclude this one from the pool",
		    "%s, which this node announces on %s, was claimed %" PRId64
		    " s ago by %s, which is no node of this cluster",
		    claim->address, claim->interface, age, claim->mac);
		break;
	case DOCTOR_MEMBER:
		find(b, recent ? DOCTOR_ERROR : DOCTOR_NOTICE,
		    "with kube-proxy in IPVS mode: ipvs.strictARP: true there; otherwise look for the address on its interfaces",
		    "%s, which this node owns, was also claimed by node %s (%s on %s) %" PRId64
		    " s ago",
		    claim->address, claim->node, claim->mac, claim->interface, age);
		break;
	case DOCTOR_GATEWAY:
		find(b, recent ? DOCTOR_WARNING : DOCTOR_NOTICE,
		    "switch proxy ARP off on the gateway's interface",
		    "%s, which this node announces, was also claimed by the gateway (%s on %s) %" PRId64
		    " s ago",
		    claim->address, claim->mac, claim->interface, age);
		break;
	}
}

static void
check_claims(const struct bench *b)
{
	size_t n = b->facts->claims.count, i;

	for (i = 0; i < n && i < DOCTOR_MAX_NAMED; i++)
		judge_claim(b, &b->facts->claims.items[i]);
	if (n > DOCTOR_MAX_NAMED)
		find(b, DOCTOR_ERROR, "metallbctl l2 shows them",
		    "%zu more addresses are claimed by others", n - DOCTOR_MAX_NAMED);
}

/* --- all of them --- */

static const struct {
	const char *name;
	void (*judge)(const struct bench *b);
} checks[] = {
    {"config", check_config},
    {"nodes", check_equal},
    {"api", check_api},
    {"permissions", check_permissions},
    {"credentials", check_credentials},
    {"clock", check_clock},
    {"node", check_node},
    {"allocator", check_allocator},
    {"interfaces", check_interfaces},
    {"own-addresses", check_own_addresses},
    {"strict-arp", check_strict_arp},
    {"rp-filter", check_rp_filter},
    {"bgp", check_bgp},
    {"kube-proxy", check_kube_proxy},
    {"pools", check_pools},
    {"services", check_services},
    {"conflicts", check_claims},
};

/* Errors first, each kind in the order of the checks. */
static void
sort_findings(struct doctor_report *report)
{
	struct doctor_finding *sorted = xcalloc(report->n_findings + 1, sizeof(*sorted));
	size_t n = 0, i;
	int severity;

	for (severity = 0; severity < DOCTOR_SEVERITY_COUNT; severity++)
		for (i = 0; i < report->n_findings; i++)
			if ((int)report->findings[i].severity == severity)
				sorted[n++] = report->findings[i];
	free(report->findings);
	report->findings = sorted;
}

struct doctor_report *
doctor_judge(const struct doctor_facts *facts)
{
	struct doctor_report *report = xcalloc(1, sizeof(*report));
	size_t i;

	report->arena = arena_new();
	report->n_checks = COUNT(checks);
	for (i = 0; i < COUNT(checks); i++) {
		const struct bench bench = {facts, report, checks[i].name};

		checks[i].judge(&bench);
	}
	sort_findings(report);
	return report;
}

void
doctor_report_free(struct doctor_report *report)
{
	if (!report)
		return;
	arena_free(report->arena);
	free(report->findings);
	free(report);
}
