#include "convert/head.h"

#include <assert.h>
#include <json-c/json.h>

#include "convert/room.h"
#include "util/str.h"

static const char *const kind_names[] = {
    [RESOURCE_POOL] = "IPAddressPool",
    [RESOURCE_OLD_POOL] = "old address pool",
    [RESOURCE_L2] = "L2Advertisement",
    [RESOURCE_PEER] = "BGPPeer",
    [RESOURCE_BGP] = "BGPAdvertisement",
    [RESOURCE_COMMUNITY] = "Community",
    [RESOURCE_BFD] = "BFDProfile",
    [RESOURCE_SECRET] = "Secret",
};
static_assert(
    sizeof(kind_names) / sizeof(kind_names[0]) == RESOURCE_KIND_COUNT, "one name per kind");

static void
say_contents(struct convert *c)
{
	struct strbuf sb = {0};
	size_t kind, n;

	for (kind = 0; kind < RESOURCE_KIND_COUNT; kind++) {
		n = resources_count(c, (enum resource_kind)kind);
		if (n)
			strbuf_printf(&sb, "%s%zu %s", sb.len ? ", " : "", n, kind_names[kind]);
	}
	node_comment(c->document,
	    "Made by metallb-convert %s from the configuration of MetalLB: %s.", c->options.version,
	    sb.len ? strbuf_text(&sb) : "nothing");
	strbuf_free(&sb);
	node_comment(c->document,
	    "Add the key kubernetes, which says how the API server is reached, or put a kubeconfig "
	    "in /etc/metallb; then \"metallbd -t -f FILE\". metallb.conf(5) explains every key.");
}

static void
say(struct convert *c, const char *text)
{
	node_comment(c->document, "- %s", text);
}

static void
say_l2(struct convert *c)
{
	say(c,
	    "The node that announces an address on the LAN is the holder of a Lease, and its first "
	    "choice another hash than MetalLB's: addresses may be on other nodes than before. There "
	    "is no memberlist: neither port 7946 nor its Secret is needed.");
	say(c,
	    "Where an L2 advertisement names no interfaces, an address is announced on those with a "
	    "connected prefix that holds it, else on all usable ones; MetalLB announces on all.");
}

static void
say_bgp(struct convert *c)
{
	say(c,
	    "A BGP session offers both families, as with dualStackAddressFamily; routers may connect "
	    "too (bgp.listen), unlike in MetalLB.");
	say(c,
	    "MetalLB's native mode lets an external router be more than one hop away without "
	    "ebgpMultiHop; here such a peer needs ebgp-multihop = true.");
	say(c,
	    "A peer without holdTime gets 90s, as in MetalLB's native mode; FRR's default is 180s.");
	say(c,
	    "graceful-restart is false where MetalLB did not offer it; true, the default here, keeps "
	    "the routes while metallbd restarts.");
}

void
head_convert(struct convert *c)
{
	bool old = resources_count(c, RESOURCE_OLD_POOL) > 0;
	size_t i;

	say_contents(c);
	node_comment(c->document, "%s", "");
	node_comment(c->document, "What is different from MetalLB:");
	say(c,
	    "A Service with externalTrafficPolicy Cluster stays announced when it has no endpoints. "
	    "health.cluster-check = \"tcp\" withdraws those that refuse connections.");
	say(c, "Pools are tried in the order of this file; MetalLB has no order.");
	if (old || resources_count(c, RESOURCE_L2))
		say_l2(c);
	if (old || resources_count(c, RESOURCE_PEER) || resources_count(c, RESOURCE_BGP))
		say_bgp(c);
	say(c,
	    "Two load balancers must not serve the same Services: remove MetalLB before metallbd "
	    "starts. Services keep the addresses that they have.");
	if (!c->n_remarks)
		return;
	node_comment(c->document, "%s", "");
	node_comment(c->document, "Not in this file:");
	for (i = 0; i < c->n_remarks; i++)
		say(c, c->remarks[i]);
}
