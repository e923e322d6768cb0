/* BGP peers. The label peer is "ADDRESS:PORT" as in MetalLB, of an unnumbered peer
 * "INTERFACE:PORT". */
#include "daemon/metrics_page.h"

#include <inttypes.h>

#include "daemon/bgp.h"
#include "daemon/daemon.h"
#include "model/settings.h"
#include "util/str.h"

enum bgp_number {
	BGP_UP,
	BGP_ANNOUNCED,
	BGP_PENDING,
	BGP_RECEIVED_PREFIXES,
	BGP_UPDATES,
	BGP_OPENS_SENT,
	BGP_OPENS_RECEIVED,
	BGP_KEEPALIVES_SENT,
	BGP_KEEPALIVES_RECEIVED,
	BGP_UPDATES_RECEIVED,
	BGP_NOTIFICATIONS_SENT,
	BGP_NOTIFICATIONS_RECEIVED,
	BGP_ROUTE_REFRESH_RECEIVED,
	BGP_NUMBER_COUNT
};

static const struct {
	const char *name, *type, *help;
} bgp_numbers[BGP_NUMBER_COUNT] = {
    [BGP_UP] = {"bgp_session_up", "gauge", "1 while the session is Established."},
    [BGP_ANNOUNCED] = {"bgp_announced_prefixes_total", "gauge",
	"Prefixes that the peer has from us."},
    [BGP_PENDING] = {"bgp_pending_prefixes_total", "gauge",
	"Prefixes whose announcement or withdrawal is still to be sent."},
    [BGP_RECEIVED_PREFIXES] = {"bgp_received_prefixes_total", "gauge",
	"Prefixes that the peer announced; they are not used."},
    [BGP_UPDATES] = {"bgp_updates_total", "counter", "UPDATE messages sent."},
    [BGP_OPENS_SENT] = {"bgp_opens_sent", "counter", "OPEN messages sent."},
    [BGP_OPENS_RECEIVED] = {"bgp_opens_received", "counter", "OPEN messages received."},
    [BGP_KEEPALIVES_SENT] = {"bgp_keepalives_sent", "counter", "KEEPALIVE messages sent."},
    [BGP_KEEPALIVES_RECEIVED] = {"bgp_keepalives_received", "counter",
	"KEEPALIVE messages received."},
    [BGP_UPDATES_RECEIVED] = {"bgp_updates_received", "counter", "UPDATE messages received."},
    [BGP_NOTIFICATIONS_SENT] = {"bgp_notifications_sent", "counter", "NOTIFICATION messages sent."},
    [BGP_NOTIFICATIONS_RECEIVED] = {"bgp_notifications_received", "counter",
	"NOTIFICATION messages received."},
    [BGP_ROUTE_REFRESH_RECEIVED] = {"bgp_route_refresh_received", "counter",
	"ROUTE-REFRESH messages received."},
};

static uint64_t
bgp_number(const struct peer *peer, const struct bgp_session_status *status, enum bgp_number number)
{
	const struct bgp_adj_counts *counts = bgp_session_adj_out(peer->session)->counts;
	const struct bgp_counters *messages = &status->counters;

	switch (number) {
	case BGP_UP:
		return status->state == BGP_ESTABLISHED;
	case BGP_ANNOUNCED:
		return counts[BGP_IPV4_UNICAST].sent + counts[BGP_IPV6_UNICAST].sent;
	case BGP_PENDING:
		return counts[BGP_IPV4_UNICAST].pending + counts[BGP_IPV6_UNICAST].pending;
	case BGP_RECEIVED_PREFIXES:
		return status->received_prefixes[BGP_IPV4_UNICAST] +
		    status->received_prefixes[BGP_IPV6_UNICAST];
	case BGP_UPDATES:
		return messages->sent[BGP_MESSAGE_UPDATE];
	case BGP_OPENS_SENT:
		return messages->sent[BGP_MESSAGE_OPEN];
	case BGP_OPENS_RECEIVED:
		return messages->received[BGP_MESSAGE_OPEN];
	case BGP_KEEPALIVES_SENT:
		return messages->sent[BGP_MESSAGE_KEEPALIVE];
	case BGP_KEEPALIVES_RECEIVED:
		return messages->received[BGP_MESSAGE_KEEPALIVE];
	case BGP_UPDATES_RECEIVED:
		return messages->received[BGP_MESSAGE_UPDATE];
	case BGP_NOTIFICATIONS_SENT:
		return messages->sent[BGP_MESSAGE_NOTIFICATION];
	case BGP_NOTIFICATIONS_RECEIVED:
		return messages->received[BGP_MESSAGE_NOTIFICATION];
	case BGP_ROUTE_REFRESH_RECEIVED:
		return messages->received[BGP_MESSAGE_ROUTE_REFRESH];
	case BGP_NUMBER_COUNT:
		break;
	}
	return 0;
}

static void
add_peer_label(const struct peer *peer, struct strbuf *out)
{
	const struct settings_peer *settings = peer->settings;
	char ip[IP_ADDR_STRLEN];

	if (*settings->interface) {
		strbuf_printf(out, "%s:%u", settings->interface, settings->peer_port);
		return;
	}
	ip_addr_format(&settings->peer_address, ip);
	strbuf_printf(out, settings->peer_address.family == IP_FAMILY_V6 ? "[%s]:%u" : "%s:%u", ip,
	    settings->peer_port);
}

void
metrics_add_bgp(const struct daemon *daemon, struct strbuf *out)
{
	const struct peer *peer;
	int number;

	if (!bgp_count(daemon->bgp))
		return;
	for (number = 0; number < BGP_NUMBER_COUNT; number++) {
		metrics_head(out, bgp_numbers[number].name, bgp_numbers[number].type,
		    bgp_numbers[number].help);
		for (peer = bgp_next_peer(daemon->bgp, NULL); peer;
		     peer = bgp_next_peer(daemon->bgp, peer)) {
			struct bgp_session_status status;

			bgp_session_status(peer->session, &status);
			strbuf_printf(out, "metallb_%s{peer=\"", bgp_numbers[number].name);
			add_peer_label(peer, out);
			strbuf_printf(out, "\"} %" PRIu64 "\n",
			    bgp_number(peer, &status, (enum bgp_number)number));
		}
	}
}
