/*
 * Runs the scripts of tests/replay/bgp/: *.play, one bgp_session and a router played by the script,
 * on virtual time. One command a line, `#` begins a comment.
 *
 *   config KEY VALUE...       before `begin`, or later (bgp_session_configure): my-asn, local-asn,
 *                             peer-asn, dynamic-asn, router-id, passive, hold-time, keepalive-time,
 *                             connect-time, graceful-restart, restart-time, n-bit,
 *                             extended-next-hop, max-prefixes
 *   local [v4] [v6] [ll]      the addresses of our side of all connections; at first v4 and v6
 *   begin [restarted] [forwarding]      makes the session, not started
 *   start | bfd-down | complete         complete: all routes are wanted, End-of-RIB may go
 *   stop TEXT | deconfigure | reset | drain TIME TEXT
 *   routes MED PREFIX...      what the router shall have, all of it
 *   connected SLOT | closed SLOT        of a connection that we made; of any
 *   accept SLOT | accept refused        the router connects
 *   rx SLOT OPEN [as=N] [hold=N] [id=A] [v4] [v6] [as4] [refresh] [extended-next-hop] [gr=N] [R]
 *           [N] [F] | KEEPALIVE | NOTIFICATION CODE SUBCODE [TEXT] | ROUTE-REFRESH AFI SAFI [SUB]
 *           | UPDATE +PREFIX... | UPDATE -PREFIX... | BYTES HEX...
 *   bytes N rx ...            the same in portions of N octets
 *   block SLOT | unblock SLOT           the socket takes nothing
 *   up SLOT                   connection, OPEN, KEEPALIVE of a usual router; skips what is sent
 *   advance TIME
 *   expect WORDS...           the next output begins with these words: "connect SLOT", "close SLOT
 *                             [NOTIFICATION ...]", "tx SLOT MESSAGE..."
 *   expect-whole WORDS...     and ends with them
 *   skip                      forgets all outputs
 *   state STATE | reason TEXT | drain-state WORDS
 *   said WORDS...             an event since the last `said` or `skip` has these words in it
 *   is KEY VALUE              a number of the status, see number_of()
 *
 * Each output must be expected or skipped before the next input, and at the end.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bgp/session.h"
#include "bgp_peer.h"
#include "play.h"
#include "util/mem.h"

#define MAX_WORDS 64
#define BUSY 100000 /* ticks in one `advance` */

struct script {
	struct bgp_attribute_pool pool;
	struct bgp_session_config config;
	struct bgp_session *session;
	struct bgp_next_hops local;
	mono_t now, start;
	bool blocked[BGP_SLOTS], open[BGP_SLOTS];
	struct strbuf outputs; /* a line each */
	size_t taken;          /* of outputs */
	struct strbuf said;
	char *words[MAX_WORDS];
	unsigned n_words;
	char error[512];
};

static bool
failed(struct script *s, const char *what, const char *which)
{
	(void)snprintf(s->error, sizeof(s->error), "%s%s%.300s", what, *which ? ": " : "", which);
	return false;
}

static const char *
word(const struct script *s, unsigned i)
{
	return i < s->n_words ? s->words[i] : "";
}

static void
join_words(const struct script *s, unsigned i, struct strbuf *sb)
{
	unsigned first = i;

	for (; i < s->n_words; i++)
		strbuf_printf(sb, "%s%s", i == first ? "" : " ", word(s, i));
}

/* --- what comes out --- */

static void
log_messages(struct script *s, const char *how, unsigned slot, const uint8_t *bytes, size_t len)
{
	struct bgp_session_status status;
	struct bgp_message message;
	struct bgp_error err;
	bool as4;

	bgp_session_status(s->session, &status);
	as4 = status.theirs.capabilities.as4;
	while (len) {
		if (bgp_message_frame(bytes, len, &message, &err) != BGP_FRAME_WHOLE) {
			strbuf_printf(&s->outputs, "%s %u malformed\n", how, slot);
			return;
		}
		strbuf_printf(&s->outputs, "%s %u ", how, slot);
		bgp_peer_describe(&message, as4, &s->outputs);
		strbuf_addc(&s->outputs, '\n');
		bytes += message.len;
		len -= message.len;
	}
}

static void
take_actions(struct script *s)
{
	struct bgp_action action;

	while (bgp_session_take_action(s->session, &action)) {
		if (action.kind == BGP_ACTION_CONNECT) {
			strbuf_printf(&s->outputs, "connect %u\n", action.slot);
			continue;
		}
		s->open[action.slot] = false;
		s->blocked[action.slot] = false;
		if (action.last_len)
			log_messages(s, "close", action.slot, action.last, action.last_len);
		else
			strbuf_printf(&s->outputs, "close %u\n", action.slot);
	}
}

static void
take_events(struct script *s)
{
	struct bgp_event event;

	while (bgp_session_take_event(s->session, &event)) {
		if (event.kind == BGP_EVENT_STATE)
			strbuf_printf(&s->said, "%s -> %s: %s\n", bgp_state_str(event.from),
			    bgp_state_str(event.to), event.text);
		else if (event.kind == BGP_EVENT_LOST)
			strbuf_printf(&s->said, "%u lost\n", event.count);
		else
			strbuf_printf(&s->said, "%s\n", event.text);
	}
}

static void
take_all(struct script *s)
{
	uint8_t bytes[2 * BGP_MESSAGE_MAX_BYTES];
	unsigned slot;
	size_t len;

	take_actions(s);
	for (slot = 0; slot < BGP_SLOTS; slot++) {
		while (s->open[slot] && !s->blocked[slot] &&
		    bgp_session_wants_send(s->session, slot)) {
			len = bgp_session_send(s->session, slot, bytes, sizeof(bytes), s->now);
			log_messages(s, "tx", slot, bytes, len);
			take_actions(s);
		}
	}
	take_events(s);
}

static const char *
next_output(const struct script *s)
{
	return strbuf_text(&s->outputs) + s->taken;
}

static void
skip(struct script *s)
{
	strbuf_clear(&s->outputs);
	s->taken = 0;
}

static bool
nothing_unexpected(struct script *s)
{
	if (*next_output(s))
		return failed(s, "there was output before it", next_output(s));
	skip(s);
	return true;
}

/* --- expectations --- */

static bool
expect(struct script *s, bool all)
{
	struct strbuf want = {0};
	const char *have = next_output(s);
	size_t len;
	bool good;

	join_words(s, 1, &want);
	len = strlen(strbuf_text(&want));
	good = !strncmp(have, strbuf_text(&want), len) &&
	    ((!all && have[len] == ' ') || have[len] == '\n');
	strbuf_free(&want);
	if (!good)
		return failed(s, "the output is", *have ? have : "(none)");
	s->taken += (size_t)(strchr(have, '\n') - have) + 1;
	return true;
}

static bool
expect_text(struct script *s, const char *have)
{
	struct strbuf want = {0};
	bool good;

	join_words(s, 1, &want);
	good = str_eq(have, strbuf_text(&want));
	strbuf_free(&want);
	return good || failed(s, "it is", have);
}

static bool
expect_said(struct script *s)
{
	struct strbuf want = {0};
	bool good;

	join_words(s, 1, &want);
	good = strstr(strbuf_text(&s->said), strbuf_text(&want)) != NULL;
	strbuf_free(&want);
	if (!good)
		return failed(s, "was said", strbuf_text(&s->said));
	strbuf_clear(&s->said);
	return true;
}

static int64_t
number_of(const struct script *s, const char *key)
{
	const struct bgp_adj_counts *counts = bgp_session_adj_out(s->session)->counts;
	struct bgp_session_status t;
	size_t i;

	bgp_session_status(s->session, &t);
	{
		const struct {
			const char *key;
			int64_t value;
		} numbers[] = {
		    {"families", t.families},
		    {"hold-time", t.hold_time_sec},
		    {"keepalive-time", t.keepalive_time_sec},
		    {"outgoing", t.outgoing},
		    {"internal", t.internal},
		    {"failures", t.failures},
		    {"started", t.started},
		    {"hard-reset", t.hard_reset},
		    {"extended-next-hop", t.extended_next_hop},
		    {"established", (int64_t)t.counters.established},
		    {"connects", (int64_t)t.counters.connects},
		    {"accepted", (int64_t)t.counters.accepted},
		    {"refused", (int64_t)t.counters.refused},
		    {"discarded", (int64_t)t.counters.attributes_discarded},
		    {"treated-as-withdraw", (int64_t)t.counters.treated_as_withdraw},
		    {"update-resets", (int64_t)t.counters.update_resets},
		    {"ignored", (int64_t)t.counters.ignored},
		    {"received-v4", (int64_t)t.received_prefixes[BGP_IPV4_UNICAST]},
		    {"received-v6", (int64_t)t.received_prefixes[BGP_IPV6_UNICAST]},
		    {"sent-v4", (int64_t)counts[BGP_IPV4_UNICAST].sent},
		    {"pending-v4", (int64_t)counts[BGP_IPV4_UNICAST].pending},
		    {"end-of-rib-v4", t.end_of_rib_sent[BGP_IPV4_UNICAST]},
		    {"last-sent", t.last_sent.any ? t.last_sent.error.code : -1},
		    {"last-received", t.last_received.any ? t.last_received.error.code : -1},
		};

		for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
			if (str_eq(numbers[i].key, key))
				return numbers[i].value;
	}
	return INT64_MIN;
}

static bool
expect_number(struct script *s)
{
	int64_t have = number_of(s, word(s, 1));
	char text[32];

	(void)snprintf(text, sizeof(text), "%" PRId64, have);
	return str_eq(text, word(s, 2)) || failed(s, "it is", text);
}

static bool
question(struct script *s, bool *ret_known)
{
	const char *what = word(s, 0);
	struct bgp_session_status status;

	*ret_known = true;
	if (str_eq(what, "expect"))
		return expect(s, false);
	if (str_eq(what, "expect-whole"))
		return expect(s, true);
	if (str_eq(what, "said"))
		return expect_said(s);
	if (str_eq(what, "is"))
		return expect_number(s);
	bgp_session_status(s->session, &status);
	if (str_eq(what, "state"))
		return expect_text(s, bgp_state_str(status.state));
	if (str_eq(what, "reason"))
		return expect_text(s, status.reason);
	if (str_eq(what, "drain-state"))
		return expect_text(s, bgp_drain_str(status.drain));
	if (str_eq(what, "skip")) {
		skip(s);
		strbuf_clear(&s->said);
		return true;
	}
	*ret_known = false;
	return true;
}

/* --- inputs --- */

static bool
slot_of(struct script *s, unsigned i, unsigned *ret_slot)
{
	uint64_t slot;

	if (str_parse_uint(word(s, i), BGP_SLOTS - 1, &slot))
		return failed(s, "no such slot", word(s, i));
	*ret_slot = (unsigned)slot;
	return true;
}

static bool
configure(struct script *s)
{
	struct bgp_session_config *c = &s->config;
	const char *key = word(s, 1), *value = word(s, 2);
	bool yes = str_eq(value, "yes");
	struct ip_addr id;
	uint64_t n = 0;
	int64_t usec;
	struct rbuf r;

	(void)str_parse_uint(value, UINT32_MAX, &n);
	if (str_eq(key, "my-asn"))
		c->my_asn = (uint32_t)n;
	else if (str_eq(key, "local-asn"))
		c->local_asn = (uint32_t)n;
	else if (str_eq(key, "peer-asn"))
		c->peer_asn = (uint32_t)n;
	else if (str_eq(key, "dynamic-asn")) {
		c->peer_asn = 0;
		c->dynamic_asn = str_eq(value, "internal") ? DYNAMIC_ASN_INTERNAL
							   : DYNAMIC_ASN_EXTERNAL;
	} else if (str_eq(key, "router-id") && !ip_addr_parse(value, &id)) {
		rbuf_init(&r, id.bytes, 4);
		c->identifier = rbuf_u32(&r);
	} else if (str_eq(key, "passive"))
		c->passive = yes;
	else if (str_eq(key, "hold-time"))
		c->hold_time_sec = (uint16_t)n;
	else if (str_eq(key, "keepalive-time"))
		c->keepalive_time_sec = (uint16_t)n;
	else if (str_eq(key, "connect-time") && !str_parse_duration(value, &usec))
		c->connect_time_usec = usec;
	else if (str_eq(key, "graceful-restart"))
		c->graceful_restart = yes;
	else if (str_eq(key, "restart-time"))
		c->restart_time_sec = (uint16_t)n;
	else if (str_eq(key, "n-bit"))
		c->gr_notification = yes;
	else if (str_eq(key, "extended-next-hop"))
		c->extended_next_hop = yes;
	else if (str_eq(key, "max-prefixes"))
		c->max_prefixes = (uint32_t)n;
	else
		return failed(s, "no such key", key);
	if (s->session)
		bgp_session_configure(s->session, c, s->now);
	return true;
}

static bool
set_local(struct script *s)
{
	unsigned i;

	s->local = (struct bgp_next_hops){0};
	for (i = 1; i < s->n_words; i++) {
		if (str_eq(word(s, i), "v4"))
			(void)ip_addr_parse("10.0.0.1", &s->local.ipv4);
		else if (str_eq(word(s, i), "v6"))
			(void)ip_addr_parse("fd00::1", &s->local.ipv6);
		else if (str_eq(word(s, i), "ll"))
			(void)ip_addr_parse("fe80::1", &s->local.ipv6_link_local);
		else
			return failed(s, "no such address", word(s, i));
	}
	return true;
}

static bool
begin(struct script *s)
{
	struct bgp_restart restart = {false, false};
	unsigned i;

	for (i = 1; i < s->n_words; i++) {
		restart.restarted |= str_eq(word(s, i), "restarted");
		restart.forwarding_preserved |= str_eq(word(s, i), "forwarding");
	}
	if (s->session)
		return failed(s, "there is a session", "");
	s->session = bgp_session_new(&s->config, &restart, &s->pool, 1, s->now);
	return true;
}

static bool
set_routes(struct script *s)
{
	struct bgp_adj_out *out = bgp_session_adj_out(s->session);
	struct bgp_route_attributes attributes = {0};
	struct bgp_attribute_set *set;
	struct ip_prefix prefix;
	bool good = true;
	uint64_t med;
	unsigned i;

	if (str_parse_uint(word(s, 1), UINT32_MAX, &med))
		return failed(s, "not a number", word(s, 1));
	attributes.med = (uint32_t)med;
	set = bgp_attribute_pool_get(&s->pool, &attributes);
	bgp_adj_out_begin(out);
	for (i = 2; i < s->n_words && good; i++) {
		good = !ip_prefix_parse(word(s, i), &prefix) &&
		    !bgp_adj_out_want(out, &prefix, set);
	}
	bgp_adj_out_end(out);
	bgp_attribute_set_unref(&s->pool, set);
	return good || failed(s, "not a prefix", "");
}

static bool
receive(struct script *s, unsigned i, size_t portion)
{
	uint8_t bytes[2 * BGP_MESSAGE_MAX_BYTES];
	struct bgp_session_status status;
	unsigned slot;
	size_t len, n, at;

	if (!slot_of(s, i, &slot))
		return false;
	bgp_session_status(s->session, &status);
	len = bgp_peer_message(s->words + i + 1, s->n_words - i - 1, bytes, sizeof(bytes),
	    status.theirs.capabilities.as4);
	if (!len)
		return failed(s, "not a message", "");
	for (at = 0; at < len && s->open[slot]; at += n) {
		n = portion && portion < len - at ? portion : len - at;
		bgp_session_received(s->session, slot, bytes + at, n, s->now);
		take_actions(s);
	}
	return true;
}

static bool
accept_one(struct script *s)
{
	bool refused = str_eq(word(s, 1), "refused");
	unsigned slot, want = BGP_SLOTS;
	bool accepted;

	if (!refused && !slot_of(s, 1, &want))
		return false;
	accepted = bgp_session_accept(s->session, &s->local, s->now, &slot);
	take_actions(s);
	if (accepted)
		s->open[slot] = true;
	if (accepted == refused)
		return failed(s, accepted ? "it was accepted" : "it was refused", "");
	return !accepted || slot == want || failed(s, "it got another slot", "");
}

static bool
advance(struct script *s)
{
	unsigned ticks = 0;
	int64_t usec;
	mono_t end, at;

	if (str_parse_duration(word(s, 1), &usec))
		return failed(s, "not a time", word(s, 1));
	end = mono_add_usec(s->now, usec);
	while (at = bgp_session_deadline(s->session), !mono_before(end, at)) {
		if (ticks++ == BUSY)
			return failed(s, "the session is busy without end", "");
		if (mono_before(s->now, at))
			s->now = at;
		bgp_session_tick(s->session, s->now);
		take_all(s);
	}
	s->now = end;
	return true;
}

static bool
connection(struct script *s)
{
	unsigned slot;

	if (!slot_of(s, 1, &slot))
		return false;
	if (str_eq(word(s, 0), "connected")) {
		s->open[slot] = true;
		bgp_session_connected(s->session, slot, &s->local, s->now);
	} else if (str_eq(word(s, 0), "closed")) {
		s->open[slot] = false;
		s->blocked[slot] = false;
		bgp_session_closed(s->session, slot, "Connection reset by peer", s->now);
	} else {
		s->blocked[slot] = str_eq(word(s, 0), "block");
	}
	return true;
}

static bool
establish(struct script *s)
{
	static char line[] = "OPEN as=64512 hold=90 id=10.0.0.2 v4 v6 as4 refresh gr=120";
	uint8_t bytes[256];
	char *words[16], copy[sizeof(line)], *save = NULL, *w;
	unsigned n = 0, slot;
	size_t len;

	if (!slot_of(s, 1, &slot))
		return false;
	memcpy(copy, line, sizeof(copy));
	for (w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		words[n++] = w;
	s->open[slot] = true;
	bgp_session_connected(s->session, slot, &s->local, s->now);
	take_all(s);
	len = bgp_peer_message(words, n, bytes, sizeof(bytes), true);
	bgp_session_received(s->session, slot, bytes, len, s->now);
	take_all(s);
	words[0] = (char[]){"KEEPALIVE"};
	len = bgp_peer_message(words, 1, bytes, sizeof(bytes), true);
	bgp_session_received(s->session, slot, bytes, len, s->now);
	take_all(s);
	skip(s);
	return true;
}

static bool
administer(struct script *s)
{
	const char *what = word(s, 0);
	struct strbuf text = {0};
	int64_t usec = 0;
	bool good = true;

	join_words(s, str_eq(what, "drain") ? 2 : 1, &text);
	if (str_eq(what, "start"))
		bgp_session_start(s->session, s->now);
	else if (str_eq(what, "stop"))
		bgp_session_stop(s->session, BGP_CEASE_SHUTDOWN, strbuf_text(&text), s->now);
	else if (str_eq(what, "deconfigure"))
		bgp_session_stop(s->session, BGP_CEASE_DECONFIGURED, "", s->now);
	else if (str_eq(what, "reset"))
		bgp_session_reset(s->session, BGP_CEASE_RESET, "", s->now);
	else if (str_eq(what, "bfd-down"))
		bgp_session_bfd_down(s->session, s->now);
	else if (str_eq(what, "complete"))
		bgp_session_routes_complete(s->session);
	else if (str_eq(what, "drain") && !str_parse_duration(word(s, 1), &usec))
		bgp_session_drain(s->session, usec, strbuf_text(&text), s->now);
	else
		good = failed(s, "no such command", what);
	strbuf_free(&text);
	return good;
}

static bool
input(struct script *s)
{
	const char *what = word(s, 0);
	uint64_t portion;

	if (str_eq(what, "config"))
		return configure(s);
	if (str_eq(what, "local"))
		return set_local(s);
	if (str_eq(what, "begin"))
		return begin(s);
	if (!s->session)
		return failed(s, "there is no session yet", "");
	if (str_eq(what, "routes"))
		return set_routes(s);
	if (str_eq(what, "rx"))
		return receive(s, 1, 0);
	if (str_eq(what, "bytes") && !str_parse_uint(word(s, 1), 4096, &portion))
		return receive(s, 3, portion);
	if (str_eq(what, "accept"))
		return accept_one(s);
	if (str_eq(what, "advance"))
		return advance(s);
	if (str_eq(what, "up"))
		return establish(s);
	if (str_eq(what, "connected") || str_eq(what, "closed") || str_eq(what, "block") ||
	    str_eq(what, "unblock"))
		return connection(s);
	return administer(s);
}

static bool
run_line(struct script *s, char *line)
{
	char *comment = strchr(line, '#'), *save = NULL, *w;
	bool known = false, good;

	if (comment)
		*comment = '\0';
	s->n_words = 0;
	for (w = strtok_r(line, " \t\n", &save); w && s->n_words < MAX_WORDS;
	     w = strtok_r(NULL, " \t\n", &save))
		s->words[s->n_words++] = w;
	if (!s->n_words)
		return true;
	if (s->session) {
		good = question(s, &known);
		if (known)
			return good;
	}
	if (!nothing_unexpected(s) || !input(s))
		return false;
	if (s->session)
		take_all(s);
	return true;
}

static void
script_init(struct script *s)
{
	*s = (struct script){.now = {1000 * USEC_PER_SEC}, .start = {1000 * USEC_PER_SEC}};
	s->config = (struct bgp_session_config){
	    .my_asn = 64500,
	    .peer_asn = 64512,
	    .identifier = 0x0a000001,
	    .hold_time_sec = 90,
	    .keepalive_time_sec = 30,
	    .connect_time_usec = 10 * USEC_PER_SEC,
	    .graceful_restart = true,
	    .restart_time_sec = 10,
	    .max_prefixes = 1000,
	};
	(void)ip_addr_parse("10.0.0.1", &s->local.ipv4);
	(void)ip_addr_parse("fd00::1", &s->local.ipv6);
}

static bool
run_script(const char *path)
{
	struct script s;
	char line[1024], copy[1024];
	FILE *f = fopen(path, "re");
	unsigned count = 0;
	bool good = f != NULL;

	script_init(&s);
	while (good && fgets(line, sizeof(line), f)) {
		count++;
		(void)str_copy(copy, sizeof(copy), line);
		s.error[0] = '\0';
		good = run_line(&s, line);
		if (!good)
			printf("# %s:%u: %s#   %s (at %.3f s)\n", path, count, copy, s.error,
			    (double)mono_diff_usec(s.now, s.start) / 1e6);
	}
	if (good && !nothing_unexpected(&s)) {
		printf("# %s: at its end: %s\n", path, s.error);
		good = false;
	}
	bgp_session_free(s.session);
	strbuf_free(&s.outputs);
	strbuf_free(&s.said);
	if (f)
		(void)fclose(f);
	return good;
}

int
main(int argc, char **argv)
{
	return play_main(argc, argv, "bgp", run_script);
}
