/* The doctor's judgement: a row for each fact that is bad, and for those that only look so. */
#include "test.h"

#include "doctor/doctor.h"
#include "util/str.h"

/* A node on which all is well. */
static struct doctor_facts
healthy(void)
{
	static const struct doctor_right rights[] = {
	    {"list services", "knowing the Services", true, true},
	    {"create leases in namespace n", "claiming an address", true, true}};
	static const struct doctor_interface interfaces[] = {
	    {"lo", "is the loopback interface", -1, -1}, {"eth0", NULL, 0, 1}};
	static const struct doctor_pool pools[] = {
	    {.name = "lan", .families = {{100, 10}}, .advertised = true, .l2 = true}};

	return (struct doctor_facts){
	    .config = {.path = "/etc/metallb.conf", .error = ""},
	    .api = {.state = DOCTOR_API_CONNECTED,
		.server = "https://api",
		.error = "",
		.services_listed = true,
		.leases_listed = true,
		.clock_known = true},
	    .permissions = {.rights = rights, .n_rights = ARRAY_SIZE(rights)},
	    .node = {.name = "n1"},
	    .cluster = {.allocator = "n2"},
	    .interfaces = {.l2 = true, .items = interfaces, .count = ARRAY_SIZE(interfaces)},
	    .pools = {.items = pools, .count = ARRAY_SIZE(pools)},
	    .services = {.example = "", .reason = ""},
	};
}

static void
nothing_is_wrong(void **state)
{
	const struct doctor_facts facts = healthy();
	struct doctor_report *report = doctor_judge(&facts);

	(void)state;
	assert_int_equal(report->n_findings, 0);
	assert_true(report->n_checks > 10);
	doctor_report_free(report);
}

/* Of everything the finding must say: what, where, and what to do. */
struct row {
	const char *name;
	void (*spoil)(struct doctor_facts *facts);
	enum doctor_severity severity;
	const char *check, *what, *remedy; /* parts of the texts */
};

static void
refused_file(struct doctor_facts *f)
{
	f->config.stale = true;
	f->config.n_errors = 2;
	f->config.error = "/etc/metallb.conf:3: address-pools[0]: bad";
	/* Said already. */
	f->config.changed_on_disk = true;
}

static void
changed_file(struct doctor_facts *f)
{
	f->config.changed_on_disk = true;
}

static void
file_with_warning(struct doctor_facts *f)
{
	static const char *const warnings[] = {"/etc/metallb.conf:9: warning: health: not yet"};

	f->config.warnings = warnings;
	f->config.n_warnings = 1;
}

static void
unequal_files(struct doctor_facts *f)
{
	static const char *const nodes[] = {"a", "b", "c", "d", "e", "f", "g"};

	f->cluster.unequal = nodes;
	f->cluster.n_unequal = ARRAY_SIZE(nodes);
}

static void
api_away(struct doctor_facts *f)
{
	f->api.state = DOCTOR_API_FAILED;
	f->api.error = "https://api: connection refused";
	/* Nobody can hold it then, as far as we know. */
	f->cluster.allocator = "";
}

static void
api_asked(struct doctor_facts *f)
{
	f->api.state = DOCTOR_API_CONNECTING;
}

static void
no_services(struct doctor_facts *f)
{
	f->api.services_listed = false;
}

static void
no_leases(struct doctor_facts *f)
{
	f->api.leases_listed = false;
	f->cluster.allocator = "";
}

static void
right_missing(struct doctor_facts *f)
{
	static const struct doctor_right rights[] = {{"list services", "x", true, true},
	    {"patch services/status", "writing the address into a Service", true, false}};

	f->permissions.rights = rights;
}

static void
right_unknown(struct doctor_facts *f)
{
	static const struct doctor_right rights[] = {
	    {"list services", "x", true, true}, {"patch services/status", "y", false, false}};

	f->permissions.rights = rights;
	f->permissions.unknown = "the server answers 500";
}

static void
clock_behind(struct doctor_facts *f)
{
	f->api.clock_ahead_usec = -31 * INT64_C(1000000);
}

static void
clock_far_ahead(struct doctor_facts *f)
{
	f->api.clock_ahead_usec = 3600 * INT64_C(1000000);
}

static void
token_ends(struct doctor_facts *f)
{
	f->api.now_usec = INT64_C(1700000000000000);
	f->api.token_expires_usec = f->api.now_usec + DOCTOR_EXPIRY_WARNING_USEC - 1;
	f->api.certificate_expires_usec = f->api.now_usec + DOCTOR_EXPIRY_WARNING_USEC + 1;
}

static void
certificate_ended(struct doctor_facts *f)
{
	f->api.now_usec = INT64_C(1700000000000000);
	f->api.certificate_expires_usec = f->api.now_usec - 1;
}

static void
duplicate_name(struct doctor_facts *f)
{
	f->node.duplicate = true;
}

static void
no_node(struct doctor_facts *f)
{
	f->node.missing = true;
}

static void
excluded(struct doctor_facts *f)
{
	f->node.excluded = true;
}

static void
all_excluded(struct doctor_facts *f)
{
	f->node.exclude_ignored = true;
}

static void
no_network(struct doctor_facts *f)
{
	f->node.network_unavailable = true;
}

static void
drained(struct doctor_facts *f)
{
	f->node.drained = true;
}

static void
no_allocator(struct doctor_facts *f)
{
	f->cluster.allocator = "";
}

static void
no_interface(struct doctor_facts *f)
{
	static const struct doctor_interface interfaces[] = {
	    {"lo", "is the loopback interface", -1, -1}, {"eth0", "has no carrier", -1, -1}};

	f->interfaces.items = interfaces;
}

static void
own_in_pool(struct doctor_facts *f)
{
	static const struct doctor_own_address own[] = {{"10.0.0.5", "eth0", "lan"}};

	f->interfaces.own = own;
	f->interfaces.n_own = 1;
}

static void
ipvs(struct doctor_facts *f)
{
	f->interfaces.kube_ipvs = true;
}

static void
strict_filter(struct doctor_facts *f)
{
	static const struct doctor_interface interfaces[] = {
	    {"eth0", NULL, 1, 1}, {"eth1", NULL, 1, 2}};

	f->interfaces.items = interfaces;
}

static void
set_peers(struct doctor_facts *f, bool first_is_up)
{
	static struct doctor_peer peers[2];

	peers[0] = (struct doctor_peer){
	    "tor-a", first_is_up ? "Established" : "Idle", "", first_is_up};
	peers[1] = (struct doctor_peer){"tor-b", "Active", "Connection refused", false};
	f->bgp.peers = peers;
	f->bgp.n_peers = ARRAY_SIZE(peers);
}

static void
one_peer_down(struct doctor_facts *f)
{
	set_peers(f, true);
}

static void
all_peers_down(struct doctor_facts *f)
{
	set_peers(f, false);
}

static void
port_taken(struct doctor_facts *f)
{
	f->bgp.cannot_listen = true;
}

static void
proxy_unhealthy(struct doctor_facts *f)
{
	f->kube_proxy.unhealthy = true;
}

static void
proxy_silent(struct doctor_facts *f)
{
	f->kube_proxy.silent = true;
}

static void
set_pool(struct doctor_facts *f, uint64_t total, uint64_t used)
{
	static struct doctor_pool pool;

	pool = (struct doctor_pool){.name = "lan", .families = {{0, 0}, {total, used}}};
	pool.advertised = true;
	f->pools.items = &pool;
}

static void
pool_75(struct doctor_facts *f)
{
	set_pool(f, 100, 75);
}

static void
pool_85(struct doctor_facts *f)
{
	set_pool(f, 200, 171);
}

static void
pool_95(struct doctor_facts *f)
{
	set_pool(f, UINT64_MAX, UINT64_MAX / 100 * 96);
}

static void
small_pool_full(struct doctor_facts *f)
{
	set_pool(f, 4, 4);
}

static void
pool_unadvertised(struct doctor_facts *f)
{
	static const struct doctor_pool pool = {.name = "dark", .families = {{100, 1}}};

	f->pools.items = &pool;
}

static void
pool_off_link(struct doctor_facts *f)
{
	static const struct doctor_pool pool = {.name = "far",
	    .families = {{100, 1}},
	    .advertised = true,
	    .l2 = true,
	    .range = "192.0.2.0/24"};

	f->pools.items = &pool;
}

static void
waiting(struct doctor_facts *f)
{
	f->services.waiting = 2;
	f->services.example = "default/web";
	f->services.reason = "no available IPs";
}

static void
skipped(struct doctor_facts *f)
{
	f->services.skipped = 1;
}

static void
set_claim(struct doctor_facts *f, enum doctor_claimant who, int64_t age_usec)
{
	static struct doctor_claim claim;

	claim = (struct doctor_claim){who, "10.0.0.9", "eth0", "02:00:00:00:00:09", "n3", age_usec};
	f->claims.items = &claim;
	f->claims.count = 1;
}

static void
stranger(struct doctor_facts *f)
{
	set_claim(f, DOCTOR_STRANGER, 7000000);
}

static void
intruder(struct doctor_facts *f)
{
	set_claim(f, DOCTOR_INTRUDER, 7000000);
}

static void
intruder_before(struct doctor_facts *f)
{
	set_claim(f, DOCTOR_INTRUDER, DOCTOR_CLAIM_RECENT_USEC + 1);
}

static void
member(struct doctor_facts *f)
{
	set_claim(f, DOCTOR_MEMBER, 7000000);
}

static void
gateway(struct doctor_facts *f)
{
	set_claim(f, DOCTOR_GATEWAY, 7000000);
}

static const struct row rows[] = {
    {"refused file", refused_file, DOCTOR_ERROR, "config",
	"conf:3: address-pools[0]: bad, and more", "metallbd -t"},
    {"changed file", changed_file, DOCTOR_NOTICE, "config", "changed after", "reload"},
    {"warning", file_with_warning, DOCTOR_WARNING, "config", ":9: warning", "reload"},
    {"unequal", unequal_files, DOCTOR_WARNING, "nodes", "a, b, c, d, e and 2 more", "same"},
    {"API away", api_away, DOCTOR_ERROR, "api", "connection refused", "credentials"},
    {"API asked", api_asked, DOCTOR_WARNING, "api", "https://api", "credentials"},
    {"no Services", no_services, DOCTOR_ERROR, "api", "Services", "log"},
    {"no Leases", no_leases, DOCTOR_ERROR, "api", "Leases", "namespace"},
    {"right missing", right_missing, DOCTOR_ERROR, "permissions", "patch services/status",
	"rbac.yaml"},
    {"right unknown", right_unknown, DOCTOR_NOTICE, "permissions", "answers 500", "again"},
    {"token ends", token_ends, DOCTOR_WARNING, "credentials", "token ends at 2023-11-21",
	"create token"},
    {"certificate ended", certificate_ended, DOCTOR_ERROR, "credentials",
	"certificate has ended at 2023-11-14", "signed"},
    {"clock behind", clock_behind, DOCTOR_WARNING, "clock", "31 s behind", "chrony"},
    {"clock far", clock_far_ahead, DOCTOR_ERROR, "clock", "3600 s ahead of", "chrony"},
    {"duplicate", duplicate_name, DOCTOR_ERROR, "node", "another machine", "node.name"},
    {"no Node", no_node, DOCTOR_WARNING, "node", "no Node n1", "node.name"},
    {"excluded", excluded, DOCTOR_WARNING, "node", "announces nothing", "ignore-exclude-label"},
    {"all excluded", all_excluded, DOCTOR_NOTICE, "node", "every node", "remove"},
    {"no network", no_network, DOCTOR_ERROR, "node", "NetworkUnavailable", "CNI"},
    {"drained", drained, DOCTOR_NOTICE, "node", "drained", "undrain"},
    {"no allocator", no_allocator, DOCTOR_WARNING, "allocator", "allocator", "log"},
    {"no interface", no_interface, DOCTOR_ERROR, "interfaces", "eth0 has no carrier",
	"exclude-interfaces"},
    {"own in pool", own_in_pool, DOCTOR_WARNING, "own-addresses", "10.0.0.5 of eth0 (pool lan)",
	"exclude"},
    {"IPVS", ipvs, DOCTOR_ERROR, "strict-arp", "arp_ignore is 0 on eth0", "strictARP"},
    {"rp_filter", strict_filter, DOCTOR_NOTICE, "rp-filter", "strict on eth0,", "rp_filter = 2"},
    {"one peer down", one_peer_down, DOCTOR_WARNING, "bgp",
	"1 of 2 BGP sessions is not established: tor-b is Active, Connection refused", "peers"},
    {"all peers down", all_peers_down, DOCTOR_ERROR, "bgp", "2 of 2", "firewall"},
    {"port taken", port_taken, DOCTOR_WARNING, "bgp", "port 179 is taken", "FRR or BIRD"},
    {"proxy unhealthy", proxy_unhealthy, DOCTOR_ERROR, "kube-proxy", "not healthy", "log"},
    {"proxy silent", proxy_silent, DOCTOR_ERROR, "kube-proxy", "port 10256", "health.kube-proxy"},
    {"pool 75", pool_75, DOCTOR_NOTICE, "pools", "75 % of the IPv6", "add addresses"},
    {"pool 85", pool_85, DOCTOR_WARNING, "pools", "85 % of the IPv6", "(171 of 200)"},
    {"pool 95", pool_95, DOCTOR_ERROR, "pools", "96 %", "add addresses"},
    {"small pool", small_pool_full, DOCTOR_NOTICE, "pools", "all 4 IPv6", "add addresses"},
    {"unadvertised", pool_unadvertised, DOCTOR_WARNING, "pools", "pool dark", "advertisements"},
    {"off link", pool_off_link, DOCTOR_WARNING, "pools", "192.0.2.0/24 (pool far)", "BGP"},
    {"waiting", waiting, DOCTOR_WARNING, "services", "2 Services have no address; default/web: no",
	"explain"},
    {"skipped", skipped, DOCTOR_WARNING, "services", "1 Service cannot", "log"},
    {"stranger", stranger, DOCTOR_ERROR, "conflicts", "02:00:00:00:00:09", "exclude"},
    {"intruder", intruder, DOCTOR_ERROR, "conflicts", "claimed 7 s ago by 02:", "exclude"},
    {"intruder before", intruder_before, DOCTOR_NOTICE, "conflicts", "claimed 60 s ago", "exclude"},
    {"member", member, DOCTOR_ERROR, "conflicts", "node n3", "strictARP"},
    {"gateway", gateway, DOCTOR_WARNING, "conflicts", "gateway", "proxy ARP"},
};

static void
each_fault_is_found(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		struct doctor_facts facts = healthy();
		struct doctor_report *report;
		const struct doctor_finding *finding;

		row->spoil(&facts);
		report = doctor_judge(&facts);
		assert_row(i, row->name, report->n_findings == 1);
		finding = &report->findings[0];
		assert_row(i, row->name, finding->severity == row->severity);
		assert_row(i, row->name, report->counts[row->severity] == 1);
		assert_row(i, row->name, str_eq(finding->check, row->check));
		if (!strstr(finding->what, row->what))
			fail_msg("%s: \"%s\"", row->name, finding->what);
		if (!strstr(finding->remedy, row->remedy) && !strstr(finding->what, row->remedy))
			fail_msg("%s: \"%s\"", row->name, finding->remedy);
		doctor_report_free(report);
	}
}

/* What looks bad and is not. */
static void
no_alarm_without_need(void **state)
{
	static const struct doctor_interface one[] = {
	    {"eth0", NULL, 1, 1}, {"eth1", "is down", 0, 1}};
	struct doctor_facts facts = healthy();
	struct doctor_report *report;

	(void)state;
	/* strictARP is set, and one interface is the only way. */
	facts.interfaces.items = one;
	facts.interfaces.kube_ipvs = true;
	/* Under what is worth telling. */
	facts.api.clock_ahead_usec = 29 * INT64_C(1000000);
	set_pool(&facts, 100, 74);
	report = doctor_judge(&facts);
	assert_int_equal(report->n_findings, 0);
	doctor_report_free(report);

	set_pool(&facts, 4, 3);
	/* BGP alone needs no interface of its own. */
	facts.interfaces.l2 = false;
	facts.interfaces.count = 0;
	report = doctor_judge(&facts);
	assert_int_equal(report->n_findings, 0);
	doctor_report_free(report);
}

static void
errors_come_first_and_many_claims_are_counted(void **state)
{
	struct doctor_claim claims[8];
	struct doctor_facts facts = healthy();
	struct doctor_report *report;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(claims); i++)
		claims[i] = (struct doctor_claim){
		    DOCTOR_STRANGER, "10.0.0.9", "eth0", "02::", "", 0};
	facts.claims.items = claims;
	facts.claims.count = ARRAY_SIZE(claims);
	changed_file(&facts);
	excluded(&facts);
	report = doctor_judge(&facts);
	assert_int_equal(report->n_findings, DOCTOR_MAX_NAMED + 1 + 2);
	for (i = 1; i < report->n_findings; i++)
		assert_true(report->findings[i - 1].severity <= report->findings[i].severity);
	assert_non_null(strstr(report->findings[DOCTOR_MAX_NAMED].what, "3 more addresses"));
	doctor_report_free(report);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_is_wrong),
	    cmocka_unit_test(each_fault_is_found),
	    cmocka_unit_test(no_alarm_without_need),
	    cmocka_unit_test(errors_come_first_and_many_claims_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
