#include "config/check.h"

#include <string.h>

#include "config/checker.h"
#include "config/keys.h"
#include "config/shared.h"
#include "config/value.h"
#include "util/mem.h"
#include "util/str.h"

static struct string_list
names_of(struct checker *c, const char *list_name, const struct config_section *section,
    const void *object)
{
	const struct config_key *list = config_key_find(section, list_name);
	const struct config_key *name = config_key_find(list->section, "name");
	struct string_list names = {.count = config_count(list, object)};
	size_t i;

	names.items = arena_alloc(c->scratch, names.count, sizeof(*names.items));
	for (i = 0; i < names.count; i++)
		memcpy(&names.items[i], config_member_const(name, config_element(list, object, i)),
		    sizeof(names.items[i]));
	return names;
}

/* The aliases and the well-known names. */
static struct string_list
all_communities(struct checker *c)
{
	struct string_list names = {0};
	const char *name;
	size_t n = 0;

	while (value_well_known_community(n))
		n++;
	names.items = arena_alloc(c->scratch, c->aliases.count + n, sizeof(*names.items));
	for (n = 0; n < c->aliases.count; n++)
		names.items[names.count++] = c->aliases.items[n];
	for (n = 0; (name = value_well_known_community(n)); n++)
		names.items[names.count++] = name;
	return names;
}

static void
collect_names(struct checker *c)
{
	const struct config_section *bgp = config_key_find(&config_root, "bgp")->section;
	struct string_list names;

	c->pools = names_of(c, "address-pools", &config_root, c->settings);
	c->profiles = names_of(c, "bfd-profiles", &config_root, c->settings);
	c->peers = names_of(c, "peers", bgp, &c->settings->bgp);
	c->aliases = names_of(c, "communities", bgp, &c->settings->bgp);
	c->communities = all_communities(c);
	checker_unique(c, "address-pools", &c->pools);
	checker_unique(c, "bfd-profiles", &c->profiles);
	checker_unique(c, "bgp.peers", &c->peers);
	checker_unique(c, "bgp.communities", &c->aliases);
	names = names_of(c, "l2-advertisements", &config_root, c->settings);
	checker_unique(c, "l2-advertisements", &names);
	names = names_of(c, "advertisements", bgp, &c->settings->bgp);
	checker_unique(c, "bgp.advertisements", &names);
}

static void
check_node(struct checker *c)
{
	struct settings_node *node = &c->settings->node;
	const char *host = c->environment ? c->environment->hostname : NULL;
	char *name, *p;

	if (*node->name)
		return;
	name = arena_strdup(c->arena, host ? host : "");
	for (p = name; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	node->name = name;
	if (!*name)
		checker_fail(c, "node.name", "missing, and the machine has no host name");
	else if (value_check_form(c->scratch, FORM_NODE, name))
		checker_fail(c, "node.name", "missing, and the host name cannot stand for it: %s",
		    value_check_form(c->scratch, FORM_NODE, name));
}

/* Keys that only mean something together with others. */
static void
check_credentials(struct checker *c, bool has_servers)
{
	static const char *const for_servers[] = {"certificate-authority", "client-certificate",
	    "client-key", "token-file", "tls-server-name"};
	const struct settings_kubernetes *k = &c->settings->kubernetes;
	size_t i;

	for (i = 0; !has_servers && i < sizeof(for_servers) / sizeof(for_servers[0]); i++) {
		const char *path = checker_text(c, "kubernetes.%s", for_servers[i]);

		if (checker_given(c, path))
			checker_fail(c, path, "only with servers: a kubeconfig has its own");
	}
	if (has_servers && *k->client_certificate && !*k->client_key)
		checker_fail(c, "kubernetes.client-certificate", "client-key is missing");
	if (has_servers && *k->client_key && !*k->client_certificate)
		checker_fail(c, "kubernetes.client-key", "client-certificate is missing");
}

static void
check_kubernetes(struct checker *c)
{
	struct settings_kubernetes *k = &c->settings->kubernetes;
	bool has_servers = k->servers.count > 0;
	size_t i;

	check_credentials(c, has_servers);
	if (!has_servers) {
		if (!*k->kubeconfig)
			checker_fail(c, "kubernetes.kubeconfig",
			    "empty, and no servers either: there is no way to an API server");
		return;
	}
	if (checker_given(c, "kubernetes.kubeconfig"))
		checker_fail(c, "kubernetes.kubeconfig", "not together with servers");
	if (checker_given(c, "kubernetes.context"))
		checker_fail(c, "kubernetes.context", "only with a kubeconfig");
	k->kubeconfig = "";
	for (i = 0; i < k->servers.count; i++) {
		const char *host = value_server_host(c->scratch, k->servers.items[i]);
		const struct settings_pool *pool = host ? config_check_server(c->settings, host)
							: NULL;

		if (pool)
			checker_fail(c, checker_text(c, "kubernetes.servers[%zu]", i),
			    "%s: an address of the pool \"%s\"; an API server whose address a "
			    "Service could take could not start after a power cut",
			    host, pool->name);
	}
}

static void
check_failover(struct checker *c)
{
	struct settings_failover *f = &c->settings->failover;

	checker_reference(
	    c, "failover.bfd-profile", f->bfd_profile, &c->profiles, "profile in bfd-profiles");
	if (f->on_api_loss != ON_API_LOSS_RELEASE)
		return;
	if (checker_given(c, "failover.hold-over") && f->hold_over_usec &&
	    !checker_is_wrong(c, "failover.hold-over"))
		checker_warn(c, "failover.hold-over",
		    "has no effect with on-api-loss = \"release\": it is 0 then");
	f->hold_over_usec = 0;
}

static void
check_l2(struct checker *c)
{
	size_t i, j, k;

	for (i = 0; i < c->settings->n_l2_advertisements; i++) {
		const struct settings_l2_advertisement *ad = &c->settings->l2_advertisements[i];

		checker_references(c, checker_text(c, "l2-advertisements[%zu].address-pools", i),
		    &ad->address_pools, &c->pools, "address pool");
		for (j = 1; j < ad->n_preferred_nodes; j++) {
			const struct selector *selector = ad->preferred_nodes[j].selector, *other;

			for (k = 0; selector && k < j; k++) {
				other = ad->preferred_nodes[k].selector;
				if (!other || !str_eq(selector->text, other->text))
					continue;
				checker_fail(c,
				    checker_text(c,
					"l2-advertisements[%zu].preferred-nodes[%zu].selector", i,
					j),
				    "\"%s\": given twice", selector->text);
				break;
			}
		}
	}
}

/* Said once, for all pools together. */
static void
warn_not_advertised(struct checker *c)
{
	const struct settings *s = c->settings;
	struct strbuf names = {0};
	size_t i, j;

	for (i = 0; i < s->n_pools; i++) {
		bool found = false;

		for (j = 0; j < s->n_l2_advertisements && !found; j++)
			found = string_list_matches(
			    &s->l2_advertisements[j].address_pools, s->pools[i].name);
		for (j = 0; j < s->bgp.n_advertisements && !found; j++)
			found = string_list_matches(
			    &s->bgp.advertisements[j].address_pools, s->pools[i].name);
		if (!found)
			strbuf_printf(&names, "%s\"%s\"", names.len ? ", " : "", s->pools[i].name);
	}
	if (names.len)
		checker_warn(c, "address-pools",
		    "assigned but not announced, for lack of an advertisement: %s",
		    strbuf_text(&names));
	strbuf_free(&names);
}

void
check_settings(struct settings *settings, const struct tree *root,
    const struct config_environment *environment, struct config_report *report)
{
	struct checker c = {.settings = settings,
	    .root = root,
	    .environment = environment,
	    .report = report,
	    .arena = settings->arena,
	    .scratch = arena_new(),
	    .built_well = !report->n_errors};

	collect_names(&c);
	check_node(&c);
	check_pools(&c);
	check_kubernetes(&c);
	check_l2(&c);
	check_bgp(&c);
	check_failover(&c);
	if (!report->n_errors) {
		warn_not_advertised(&c);
		settings->shared_hash = shared_hash(settings);
	}
	arena_free(c.scratch);
}
