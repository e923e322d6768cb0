#include "daemon/warnings.h"

#include <stdlib.h>

#include "announce/interfaces.h"
#include "announce/plan.h"
#include "daemon/daemon.h"
#include "daemon/leases.h"
#include "io/host.h"
#include "io/netlink.h"
#include "model/settings.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/str.h"

/* Takes the text over. */
static void
say_if_new(struct warnings *w, enum warning warning, struct strbuf *text)
{
	if (!str_eq(warnings_text(w, warning), strbuf_text(text))) {
		free(w->said[warning]);
		w->said[warning] = strbuf_detach(text);
		if (*w->said[warning])
			log_warning("%s", w->said[warning]);
	}
	strbuf_free(text);
}

/* Our own Lease says for a moment what was in force before a reload. */
bool
warnings_settings_differ(const struct daemon *daemon, const struct member *member)
{
	return member->present && member->state == MEMBER_LIVE && member->info &&
	    !str_eq(member->name, daemon->settings->node.name) &&
	    member->info->settings_hash != daemon->settings->shared_hash;
}

void
warnings_check_files(struct warnings *w)
{
	const struct daemon *daemon = w->daemon;
	const struct membership *members = leases_membership(daemon->leases);
	struct strbuf text = {0};
	const struct member *member;

	MAP_FOREACH (member, members->members) {
		if (warnings_settings_differ(daemon, member))
			strbuf_printf(&text, "%s%s",
			    text.len ? ", "
				     : "config the settings of this node differ from those of ",
			    member->name);
	}
	if (text.len)
		strbuf_add(&text,
		    ": metallb.conf must be the same on all nodes, compare address-pools, l2-advertisements, bgp and failover");
	say_if_new(w, WARNING_UNEQUAL_FILES, &text);
}

static void
check_own_addresses(struct warnings *w)
{
	const struct daemon *daemon = w->daemon;
	const struct link_table *links = netlink_table(daemon->netlink);
	struct strbuf text = {0};
	size_t i, j;

	for (i = 0; i < links->count; i++) {
		for (j = 0; j < links->items[i].n_addresses; j++) {
			const struct ip_addr *addr = &links->items[i].addresses[j].addr;
			const struct settings_pool *pool = settings_pool_of(daemon->settings, addr);
			char ip[IP_ADDR_STRLEN];

			if (!pool || !settings_pool_allows(pool, addr))
				continue;
			ip_addr_format(addr, ip);
			strbuf_printf(&text, "%s%s of %s (pool %s)",
			    text.len ? ", " : "config this node's own addresses are inside pools: ",
			    ip, links->items[i].name, pool->name);
		}
	}
	if (text.len)
		strbuf_add(&text, "; they are never given to a Service, exclude them");
	say_if_new(w, WARNING_OWN_IN_POOL, &text);
}

/* The interfaces that a request from the LAN could come in by. */
static void
list_answering_links(const struct daemon *daemon, struct strbuf *text)
{
	const struct string_list *excluded = &daemon->settings->node.exclude_interfaces;
	const struct link_table *links = netlink_table(daemon->netlink);
	size_t i;

	for (i = 0; i < links->count; i++) {
		const struct link_info *link = &links->items[i];

		if (!link->loopback && link->arp && !mac_addr_is_zero(&link->mac) &&
		    (!link->master || link->master_is_vrf) && !link_is_kube_ipvs(link) &&
		    !(excluded->count && string_list_matches(excluded, link->name)) &&
		    host_ipv4_conf(link->name, "arp_ignore") == 0)
			strbuf_printf(text, "%s%s", text->len ? ", " : "", link->name);
	}
}

static void
check_strict_arp(struct warnings *w)
{
	const struct link_table *links = netlink_table(w->daemon->netlink);
	struct strbuf names = {0}, text = {0};
	bool ipvs = false;
	size_t i;

	for (i = 0; i < links->count; i++)
		ipvs |= link_is_kube_ipvs(&links->items[i]);
	if (ipvs)
		list_answering_links(w->daemon, &names);
	if (names.len)
		strbuf_printf(&text,
		    "l2 kube-proxy is in IPVS mode without strictARP: this node's kernel answers ARP for the addresses of all Services on %s, whoever owns them; set ipvs.strictARP: true in kube-proxy's configuration",
		    strbuf_text(&names));
	say_if_new(w, WARNING_STRICT_ARP, &text);
	strbuf_free(&names);
	loop_timer_set(&w->timer,
	    ipvs ? mono_add_usec(loop_now(w->daemon->loop), WARNINGS_SYSCTL_USEC) : MONO_NEVER);
}

void
warnings_check_links(struct warnings *w)
{
	check_own_addresses(w);
	check_strict_arp(w);
}

/* An advertisement by name that has no interface here, in no family. */
static bool
finds_interface(const struct daemon *daemon, const struct string_list *globs, enum ip_family family,
    struct strbuf *why)
{
	const struct ip_addr any = ip_addr_v4(0, 0, 0, 0);
	struct interface_choice choice;
	bool found = false;
	size_t i;

	interface_choice_init(&choice, netlink_table(daemon->netlink), globs,
	    &daemon->settings->node.exclude_interfaces, family);
	for (i = 0; i < choice.links->count; i++)
		found |= choice.candidates[i] == INTERFACE_USED;
	if (!found)
		interface_choice_explain(&choice, &any, globs, why);
	interface_choice_fini(&choice);
	return found;
}

void
warnings_check_plan(struct warnings *w)
{
	const struct daemon *daemon = w->daemon;
	const struct settings *settings = daemon->settings;
	struct strbuf text = {0};
	size_t i;

	for (i = 0; i < daemon->plan->n_advertisements && i < settings->n_l2_advertisements; i++) {
		const struct settings_l2_advertisement *ad = &settings->l2_advertisements[i];
		struct strbuf why = {0}, again = {0};

		if (ad->interfaces.count && daemon->plan->advertisements[i].selected &&
		    !finds_interface(daemon, &ad->interfaces, IP_FAMILY_V4, &why) &&
		    !finds_interface(daemon, &ad->interfaces, IP_FAMILY_V6, &again))
			strbuf_printf(&text, "%sl2-advertisement \"%s\": %s",
			    text.len ? "; " : "l2 this node cannot announce for ", ad->name,
			    strbuf_text(&why));
		strbuf_free(&why);
		strbuf_free(&again);
	}
	say_if_new(w, WARNING_INTERFACES, &text);
}

static void
on_timer(void *arg)
{
	check_strict_arp(arg);
}

void
warnings_init(struct warnings *w, struct daemon *daemon)
{
	*w = (struct warnings){.daemon = daemon};
	loop_timer_init(&w->timer, daemon->loop, on_timer, w);
}

void
warnings_fini(struct warnings *w)
{
	int i;

	for (i = 0; i < WARNING_COUNT; i++)
		free(w->said[i]);
	loop_timer_fini(&w->timer);
}

const char *
warnings_text(const struct warnings *w, enum warning warning)
{
	return w->said[warning] ? w->said[warning] : "";
}
