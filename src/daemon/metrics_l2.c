#include <inttypes.h>

#include "announce/plan.h"
#include "announce/routes.h"
#include "daemon/daemon.h"
#include "daemon/l2.h"
#include "daemon/metrics_page.h"
#include "model/settings.h"
#include "util/str.h"

void
metrics_add_announced(const struct daemon *daemon, struct strbuf *out)
{
	const struct plan *plan = daemon->plan;
	const struct routes *routes = daemon->routes;
	size_t i, j;

	metrics_head(out, "speaker_announced", "gauge",
	    "1 for each Service and address that this node announces.");
	for (i = 0; plan && i < plan->n_addresses; i++) {
		char ip[IP_ADDR_STRLEN];

		if (!l2_is_announcing(daemon->l2, &plan->addresses[i].ip))
			continue;
		ip_addr_format(&plan->addresses[i].ip, ip);
		for (j = 0; j < plan->addresses[i].n_services; j++)
			strbuf_printf(out,
			    "metallb_speaker_announced{service=\"%s\",protocol=\"layer2\",node=\"%s\",ip=\"%s\"} 1\n",
			    plan->addresses[i].services[j], daemon->settings->node.name, ip);
	}
	for (i = 0; routes && i < routes->n_claims; i++) {
		char ip[IP_ADDR_STRLEN];

		if (routes->claims[i].reason != ROUTE_ANNOUNCED)
			continue;
		ip_addr_format(&routes->claims[i].ip, ip);
		strbuf_printf(out,
		    "metallb_speaker_announced{service=\"%s\",protocol=\"bgp\",node=\"%s\",ip=\"%s\"} 1\n",
		    routes->claims[i].service, daemon->settings->node.name, ip);
	}
}

enum l2_number {
	L2_RECEIVED,
	L2_SENT,
	L2_GRATUITOUS,
	L2_NUMBER_COUNT
};

static const struct {
	const char *name, *help;
} l2_numbers[L2_NUMBER_COUNT] = {
    [L2_RECEIVED] = {"layer2_requests_received",
	"ARP requests and neighbour solicitations for the address."},
    [L2_SENT] = {"layer2_responses_sent",
	"ARP replies and neighbour advertisements in answer to them."},
    [L2_GRATUITOUS] = {"layer2_gratuitous_sent", "Announcements of the address."},
};

/* Addresses that this node is silent about on some interface, since a stranger has them. */
static uint64_t
count_conflicts(const struct daemon *daemon)
{
	const struct responder *responder = l2_responder(daemon->l2);
	const struct responder_address *address;
	struct announcer_view view;
	uint64_t conflicts = 0;
	size_t i;

	for (address = responder_next(responder, NULL); address;
	     address = responder_next(responder, address)) {
		for (i = 0; announcer_view(l2_announcer(daemon->l2), &address->ip, i, &view); i++) {
			if (view.phase == ANNOUNCER_CONFLICT) {
				conflicts++;
				break;
			}
		}
	}
	return conflicts;
}

void
metrics_add_layer2(const struct daemon *daemon, struct strbuf *out)
{
	const struct responder *responder = l2_responder(daemon->l2);
	const struct responder_address *address;
	int number;

	for (number = 0; number < L2_NUMBER_COUNT; number++) {
		metrics_head(out, l2_numbers[number].name, "counter", l2_numbers[number].help);
		for (address = responder_next(responder, NULL); address;
		     address = responder_next(responder, address)) {
			uint64_t value = number == L2_RECEIVED ? address->requests_received
			    : number == L2_SENT
			    ? address->responses_sent
			    : announcer_sent(l2_announcer(daemon->l2), &address->ip);
			char ip[IP_ADDR_STRLEN];

			ip_addr_format(&address->ip, ip);
			strbuf_printf(out, "metallb_%s{ip=\"%s\"} %" PRIu64 "\n",
			    l2_numbers[number].name, ip, value);
		}
	}
	metrics_single(out, "layer2_addresses_in_conflict", "gauge",
	    "Addresses that are not announced on some interface, since a stranger has them.",
	    count_conflicts(daemon));
	metrics_single(out, "layer2_conflicts_total", "counter",
	    "Claims of our addresses by strangers.", daemon->claims.strangers);
	metrics_single(out, "layer2_member_claims_total", "counter",
	    "Claims of our addresses by other nodes.", daemon->claims.members);
	metrics_single(out, "layer2_gateway_claims_total", "counter",
	    "Claims of our addresses by the gateway.", daemon->claims.gateways);
	metrics_single(out, "layer2_ignored_claims_total", "counter",
	    "Claims that came too fast to be looked at.", daemon->claims.ignored);
}

/* Every frame by what became of it, and the malformed ones by why. */
void
metrics_add_frames(const struct daemon *daemon, struct strbuf *out)
{
	const struct responder *responder = l2_responder(daemon->l2);
	int protocol, i;

	metrics_head(
	    out, "layer2_frames_total", "counter", "ARP and NDP frames by what became of them.");
	for (protocol = 0; protocol < FRAME_PROTOCOL_COUNT; protocol++)
		for (i = 0; i < RESPONDER_VERDICT_COUNT; i++)
			strbuf_printf(out,
			    "metallb_layer2_frames_total{protocol=\"%s\",verdict=\"%s\"} %" PRIu64
			    "\n",
			    frame_protocol_str((enum frame_protocol)protocol),
			    responder_verdict_str((enum responder_verdict)i),
			    responder_verdicts(responder, (enum frame_protocol)protocol,
				(enum responder_verdict)i));
	metrics_head(
	    out, "layer2_malformed_total", "counter", "Malformed ARP and NDP frames by cause.");
	for (protocol = 0; protocol < FRAME_PROTOCOL_COUNT; protocol++)
		for (i = FRAME_OK + 1; i < FRAME_CAUSE_COUNT; i++)
			strbuf_printf(out,
			    "metallb_layer2_malformed_total{protocol=\"%s\",cause=\"%s\"} %" PRIu64
			    "\n",
			    frame_protocol_str((enum frame_protocol)protocol),
			    frame_cause_str((enum frame_cause)i),
			    responder_malformed(
				responder, (enum frame_protocol)protocol, (enum frame_cause)i));
	metrics_head(out, "layer2_dropped_total", "counter",
	    "Frames that the kernel dropped because the daemon was too slow.");
	for (protocol = 0; protocol < FRAME_PROTOCOL_COUNT; protocol++)
		strbuf_printf(out, "metallb_layer2_dropped_total{protocol=\"%s\"} %" PRIu64 "\n",
		    frame_protocol_str((enum frame_protocol)protocol),
		    l2_socket_stats(daemon->l2, (enum frame_protocol)protocol).dropped);
	metrics_single(out, "layer2_groups", "gauge",
	    "Solicited-node groups that are wanted, on each interface.",
	    l2_groups(daemon->l2).wanted);
	metrics_single(out, "layer2_groups_joined", "gauge", "Those that the kernel has joined.",
	    l2_groups(daemon->l2).joined);
}
