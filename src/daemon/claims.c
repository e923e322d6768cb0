#include "daemon/claims.h"

#include <stdlib.h>

#include "announce/plan.h"
#include "daemon/daemon.h"
#include "daemon/events.h"
#include "daemon/l2.h"
#include "daemon/leases.h"
#include "daemon/saved.h"
#include "daemon/services.h"
#include "io/gateway.h"
#include "io/netlink.h"
#include "lease/ownership.h"
#include "util/log.h"
#include "util/mem.h"

void
claims_init(struct claims *claims, struct daemon *daemon)
{
	mono_t now = loop_now(daemon->loop);

	*claims = (struct claims){.daemon = daemon};
	rate_init(&claims->looked_at, CLAIMS_INTERVAL_USEC, CLAIMS_BURST, now);
	rate_init(&claims->said, CLAIMS_SAID_USEC, CLAIMS_SAID_BURST, now);
	rate_init(&claims->members_said, CLAIMS_MEMBER_SAID_USEC, CLAIMS_MEMBER_SAID_BURST, now);
	claims->gateway.asked = MONO_NEVER;
	claims->last_member.at = claims->last_gateway.at = MONO_NEVER;
}

static const char *
link_name(const struct claims *claims, int ifindex)
{
	const struct link_info *link = link_table_by_index(
	    netlink_table(claims->daemon->netlink), ifindex);

	return link ? link->name : "?";
}

/* One line, if the rate allows it. The text follows the address. */
static void __attribute__((format(printf, 5, 6))) say(struct claims *claims, struct rate *rate,
    enum log_level level, const struct ip_addr *ip, const char *fmt, ...)
{
	char ip_text[IP_ADDR_STRLEN];
	const struct log_field fields[] = {{"METALLB_ADDRESS", ip_text}};
	uint64_t suppressed;
	va_list ap;
	char *text;

	if (!rate_take(rate, loop_now(claims->daemon->loop)))
		return;
	suppressed = rate_suppressed(rate);
	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	ip_addr_format(ip, ip_text);
	log_line(level, fields, 1, "l2 address=%s %s", ip_text, text);
	if (suppressed)
		log_warning("l2 %llu more lines about claims were suppressed",
		    (unsigned long long)suppressed);
	free(text);
}

/* On each Service that has the address. */
static void __attribute__((format(printf, 3, 4)))
say_to_services(struct claims *claims, const struct ip_addr *ip, const char *fmt, ...)
{
	struct daemon *daemon = claims->daemon;
	const struct plan_address *address = daemon->plan ? plan_find(daemon->plan, ip) : NULL;
	const struct service *service;
	va_list ap;
	char *text;
	size_t i;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	for (i = 0; address && i < address->n_services; i++) {
		service = service_table_find(
		    services_table(daemon->services), address->services[i]);
		if (service)
			events_say(daemon->events, service, true, "AddressConflict", text);
	}
	free(text);
}

static void
stranger_claims(
    struct claims *claims, const struct ip_addr *ip, const struct mac_addr *mac, int ifindex)
{
	const char *link = link_name(claims, ifindex);
	char mac_text[MAC_ADDR_STRLEN], ip_text[IP_ADDR_STRLEN];

	claims->strangers++;
	mac_addr_format(mac, mac_text);
	ip_addr_format(ip, ip_text);
	switch (l2_conflict(claims->daemon->l2, ip, mac, ifindex)) {
	case ANNOUNCER_SILENCED:
		say(claims, &claims->said, LOG_LEVEL_ERR, ip,
		    "is in use by %s on %s, which is no node of this cluster: not announced there until that is over",
		    mac_text, link);
		say_to_services(claims, ip,
		    "address %s is in use by %s on %s, which is no node of this cluster: node %s does not announce it there until that is over",
		    ip_text, mac_text, link, claims->daemon->settings->node.name);
		break;
	case ANNOUNCER_DEFENDED:
		say(claims, &claims->said, LOG_LEVEL_WARNING, ip,
		    "is also claimed by %s on %s, which is no node of this cluster: defended",
		    mac_text, link);
		say_to_services(claims, ip,
		    "address %s, which node %s announces, is also claimed by %s on %s, which is no node of this cluster",
		    ip_text, claims->daemon->settings->node.name, mac_text, link);
		break;
	case ANNOUNCER_NOT_SET:
	case ANNOUNCER_STILL:
	case ANNOUNCER_NOTED:
	case ANNOUNCER_REACTION_COUNT:
		break;
	}
}

/* The server said a moment ago that we hold its Lease. */
static bool
is_proven(const struct claims *claims, const struct ip_addr *ip, mono_t now)
{
	const struct ownership_address *address = ownership_find(
	    leases_ownership(claims->daemon->leases), ip);

	return address && address->ours &&
	    mono_diff_usec(now, address->doubt.proven) < CLAIMS_PROVEN_USEC;
}

static void
member_claims(struct claims *claims, const struct ip_addr *ip, const struct mac_addr *mac,
    int ifindex, const struct member *member)
{
	mono_t now = loop_now(claims->daemon->loop);
	char mac_text[MAC_ADDR_STRLEN];

	claims->members++;
	if (!is_proven(claims, ip, now))
		return;
	claims->last_member = (struct claims_last){*ip, *mac, ifindex, now};
	mac_addr_format(mac, mac_text);
	say(claims, &claims->members_said, LOG_LEVEL_WARNING, ip,
	    "is also claimed by %s on %s, node %s, which does not hold its Lease: with kube-proxy in IPVS mode, is strictARP set there?",
	    mac_text, link_name(claims, ifindex), member->name);
}

static bool
is_gateway(struct claims *claims, enum ip_family family, const struct mac_addr *mac, int ifindex)
{
	mono_t now = loop_now(claims->daemon->loop);

	if (claims->gateway.ifindex != ifindex || claims->gateway.family != family ||
	    mono_is_never(claims->gateway.asked) ||
	    mono_diff_usec(now, claims->gateway.asked) > CLAIMS_GATEWAY_USEC) {
		claims->gateway.ifindex = ifindex;
		claims->gateway.family = family;
		claims->gateway.asked = now;
		if (gateway_mac(ifindex, family, &claims->gateway.mac))
			claims->gateway.mac = (struct mac_addr){{0}};
	}
	return !mac_addr_is_zero(mac) && mac_addr_eq(&claims->gateway.mac, mac);
}

void
claims_seen(
    struct claims *claims, const struct ip_addr *ip, const struct mac_addr *mac, int ifindex)
{
	struct daemon *daemon = claims->daemon;
	char mac_text[MAC_ADDR_STRLEN];
	const struct member *member;

	if (!rate_take(&claims->looked_at, loop_now(daemon->loop))) {
		claims->ignored++;
		return;
	}
	if (saved_claimed(daemon->saved, ip))
		return;
	switch (leases_witness(daemon->leases, ip, mac)) {
	case VERDICT_HANDED:
		claims->members++;
		return;
	case VERDICT_DOUBT:
		member = membership_by_mac(leases_membership(daemon->leases), mac);
		if (member)
			member_claims(claims, ip, mac, ifindex, member);
		return;
	case VERDICT_IGNORED:
	case VERDICT_COUNT:
		return;
	case VERDICT_FOREIGN:
		break;
	}
	if (!is_gateway(claims, (enum ip_family)ip->family, mac, ifindex)) {
		stranger_claims(claims, ip, mac, ifindex);
		return;
	}
	claims->gateways++;
	claims->last_gateway = (struct claims_last){*ip, *mac, ifindex, loop_now(daemon->loop)};
	mac_addr_format(mac, mac_text);
	say(claims, &claims->said, LOG_LEVEL_WARNING, ip,
	    "is also claimed by %s on %s, the gateway: does it answer for others (proxy ARP)?",
	    mac_text, link_name(claims, ifindex));
}

void
claims_cleared(struct claims *claims, const struct ip_addr *ip, int ifindex)
{
	say(claims, &claims->said, LOG_LEVEL_NOTICE, ip,
	    "nobody else has it on %s any more: announced there", link_name(claims, ifindex));
}
