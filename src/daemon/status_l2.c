#include "daemon/status_l2.h"

#include <stdlib.h>

#include <json-c/json.h>

#include "daemon/daemon.h"
#include "daemon/l2.h"
#include "io/netlink.h"
#include "kube/json.h"
#include "util/mem.h"

static const char *
link_name(const struct daemon *daemon, int ifindex)
{
	const struct link_info *link = link_table_by_index(netlink_table(daemon->netlink), ifindex);

	return link ? link->name : "";
}

static json_object *
seconds(int64_t usec)
{
	return json_object_new_double((double)usec / USEC_PER_SEC);
}

static json_object *
interface_object(const struct daemon *daemon, const struct announcer_view *view)
{
	json_object *object = json_object_new_object();
	int64_t wait = mono_diff_usec(view->next, loop_clock());
	char mac[MAC_ADDR_STRLEN];

	kube_json_put_string(object, "interface", link_name(daemon, view->ifindex));
	kube_json_put_string(object, "state", announcer_phase_str(view->phase));
	json_object_object_add(object, "next", seconds(wait > 0 ? wait : 0));
	if (mac_addr_is_zero(&view->claimed_by))
		return object;
	mac_addr_format(&view->claimed_by, mac);
	kube_json_put_string(object, "claimed_by", mac);
	json_object_object_add(
	    object, "claimed_age", seconds(mono_diff_usec(loop_clock(), view->claimed_at)));
	return object;
}

/* In conflict only when it is so everywhere: on other interfaces it is announced. */
static enum announcer_phase
address_phase(const struct announcer *announcer, const struct ip_addr *ip)
{
	enum announcer_phase phase = ANNOUNCER_CONFLICT;
	struct announcer_view view;
	size_t i;

	for (i = 0; announcer_view(announcer, ip, i, &view); i++) {
		if (view.phase == ANNOUNCER_ANNOUNCING)
			return ANNOUNCER_ANNOUNCING;
		if (view.phase == ANNOUNCER_PROBING)
			phase = ANNOUNCER_PROBING;
	}
	return i ? phase : ANNOUNCER_PROBING;
}

static void
put_address(const struct daemon *daemon, json_object *list, const struct responder_address *address)
{
	const struct announcer *announcer = l2_announcer(daemon->l2);
	json_object *object = json_object_new_object(), *interfaces;
	struct announcer_view view;
	char text[IP_ADDR_STRLEN];
	size_t i;

	ip_addr_format(&address->ip, text);
	kube_json_put_string(object, "address", text);
	kube_json_put_string(
	    object, "state", announcer_phase_str(address_phase(announcer, &address->ip)));
	kube_json_put_int(object, "requests", (int64_t)address->requests_received);
	kube_json_put_int(object, "responses", (int64_t)address->responses_sent);
	kube_json_put_int(
	    object, "announcements", (int64_t)announcer_sent(announcer, &address->ip));
	kube_json_put_int(object, "claims", (int64_t)address->claims);
	kube_json_put_int(
	    object, "conflicts", (int64_t)announcer_conflicts(announcer, &address->ip));
	interfaces = kube_json_put_array(object, "interfaces");
	for (i = 0; announcer_view(announcer, &address->ip, i, &view); i++)
		json_object_array_add(interfaces, interface_object(daemon, &view));
	json_object_array_add(list, object);
}

static void
put_frames(const struct daemon *daemon, json_object *status)
{
	const struct responder *responder = l2_responder(daemon->l2);
	json_object *frames = kube_json_put_object(status, "frames"), *object, *malformed;
	int protocol, i;

	for (protocol = 0; protocol < FRAME_PROTOCOL_COUNT; protocol++) {
		enum frame_protocol p = (enum frame_protocol)protocol;

		object = kube_json_put_object(frames, frame_protocol_str(p));
		for (i = 0; i < RESPONDER_VERDICT_COUNT; i++)
			kube_json_put_int(object, responder_verdict_str((enum responder_verdict)i),
			    (int64_t)responder_verdicts(responder, p, (enum responder_verdict)i));
		kube_json_put_int(
		    object, "dropped", (int64_t)l2_socket_stats(daemon->l2, p).dropped);
		malformed = kube_json_put_object(object, "causes");
		for (i = FRAME_OK + 1; i < FRAME_CAUSE_COUNT; i++)
			if (responder_malformed(responder, p, (enum frame_cause)i))
				kube_json_put_int(malformed, frame_cause_str((enum frame_cause)i),
				    (int64_t)responder_malformed(
					responder, p, (enum frame_cause)i));
	}
}

static int
cmp_address(const void *a, const void *b)
{
	const struct responder_address *const *aa = a, *const *ab = b;

	return ip_addr_cmp(&(*aa)->ip, &(*ab)->ip);
}

static void
put_all(const struct daemon *daemon, json_object *list)
{
	const struct responder *responder = l2_responder(daemon->l2);
	const struct responder_address *address = NULL, **sorted;
	size_t n = 0, i;

	sorted = xcalloc(responder_count(responder), sizeof(*sorted));
	while ((address = responder_next(responder, address)))
		sorted[n++] = address;
	qsort(sorted, n, sizeof(*sorted), cmp_address);
	for (i = 0; i < n; i++)
		put_address(daemon, list, sorted[i]);
	free(sorted);
}

struct json_object *
status_l2(const struct daemon *daemon, const char *text)
{
	json_object *status = json_object_new_object(), *groups,
		    *list = kube_json_put_array(status, "addresses");
	const struct responder_address *address = NULL;
	struct multicast_stats stats = l2_groups(daemon->l2);
	struct ip_addr ip;

	if (!text) {
		put_all(daemon, list);
	} else {
		if (!ip_addr_parse(text, &ip))
			address = responder_find(l2_responder(daemon->l2), &ip);
		if (!address) {
			json_object_put(status);
			return NULL;
		}
		put_address(daemon, list, address);
	}
	put_frames(daemon, status);
	groups = kube_json_put_object(status, "groups");
	kube_json_put_int(groups, "wanted", (int64_t)stats.wanted);
	kube_json_put_int(groups, "joined", (int64_t)stats.joined);
	return status;
}

bool
status_l2_conflict(const struct daemon *daemon, const struct ip_addr *ip, struct strbuf *out)
{
	const struct announcer *announcer = l2_announcer(daemon->l2);
	struct announcer_view view;
	char mac[MAC_ADDR_STRLEN];

	if (!announcer_view(announcer, ip, 0, &view) ||
	    address_phase(announcer, ip) != ANNOUNCER_CONFLICT)
		return false;
	mac_addr_format(&view.claimed_by, mac);
	strbuf_printf(out,
	    "it is in use by %s on %s, which is no node of this cluster: asked for again at times, announced when that is over",
	    mac, link_name(daemon, view.ifindex));
	return true;
}
