/*
 * Runs the scripts of tests/replay/lease/: *.play over lease-sim/sim.h. One command a line, `#`
 * begins a comment; time stands still except in `advance` and `until`.
 *
 *   nodes a b c              the nodes, not started; twin NAME KEY adds one that is called NAME too
 *   start N | kill N [machine] | stop N   kill: SIGKILL or SIGUSR1, or power loss; stop: SIGTERM
 *   freeze N | thaw N               SIGSTOP and SIGCONT
 *   api N up|down|lost|refused      lost: requests are applied, their answers lost
 *   watch N frozen|flowing | lag N TIME   lag: of its watch
 *   link N up|down                  its interface
 *   machine N ID                    whose machine it says that it is
 *   weight N 1..100 | hash N NUMBER | duration N TIME
 *   service ADDRESS on|off          a Service gets or loses the address, as all nodes see it
 *   eligible N ADDRESS yes|no|unfit  unfit: not eligible, but what arrives is still served
 *   drain N yes|no | rebalance TIME|never
 *   frame N ADDRESS                 N announces it now, whatever it thinks
 *   lan N PART                      only nodes in one part hear each other
 *   doubt N                         as after a gap in its time
 *   delete LEASE | edit LEASE KEY=VALUE...   as with kubectl: holder, transitions, annotations
 *   save | restore                  all Leases, as etcd's backup would
 *   forget                          clears what `said` and `sent` look at
 *   advance TIME
 *   until TIME WHAT...              advances until `expect WHAT...` holds, TIME at most
 *   expect [not] WHAT...            WHAT is one of
 *     holder LEASE N|none|absent    as the API has it
 *     transitions LEASE NUMBER
 *     annotation LEASE KEY VALUE
 *     announcers ADDRESS N...|none  exactly these
 *     owner ADDRESS STATE N         ownership_state_str()
 *     voice ADDRESS N VOICE | doubt ADDRESS N STATE
 *     how ADDRESS N first|taken|continued
 *     leader N...|none              exactly these lead
 *     membership N STATE | view N VIEW | member N OTHER STATE | majority N WHICH
 *     said N WORDS...               one of its events begins with these words
 *     sent N COUNT REQUEST          so many requests like "GET node-a"
 *
 * With LEASE_TRACE in the environment everything that happens is printed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lease-sim/sim.h"
#include "play.h"
#include "util/mem.h"

#define MAX_WORDS 32
#define MAX_NODES 8
#define MAX_ADDRESSES 64
#define POLL_USEC (1 * USEC_PER_MSEC) /* of `until`, in virtual time */

struct script {
	struct sim sim;
	char *keys[MAX_NODES]; /* what the script calls the nodes */
	char *words[MAX_WORDS];
	unsigned n_words;
	char error[256];
};

static bool
failed(struct script *s, const char *what, const char *which)
{
	(void)snprintf(s->error, sizeof(s->error), "%s%s%s", what, *which ? ": " : "", which);
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

static bool
find_node(struct script *s, const char *key, unsigned *ret_node)
{
	unsigned i;

	for (i = 0; i < s->sim.n_nodes; i++) {
		if (str_eq(s->keys[i], key)) {
			*ret_node = i;
			return true;
		}
	}
	return failed(s, "no such node", key);
}

static bool
find_address(struct script *s, const char *text, unsigned *ret_address)
{
	struct ip_addr addr;

	if (ip_addr_parse(text, &addr))
		return failed(s, "not an address", text);
	*ret_address = sim_address(&s->sim, &addr);
	return true;
}

static bool
add_node(struct script *s, const char *name, const char *key)
{
	if (s->sim.n_nodes == MAX_NODES)
		return failed(s, "too many nodes", key);
	s->keys[sim_add_node(&s->sim, name)] = xstrdup(key);
	return true;
}

static const char *
name_of(struct script *s, const char *key)
{
	unsigned n;

	return find_node(s, key, &n) ? s->sim.nodes[n]->name : key;
}

/* --- expect --- */

static bool
expect_holder(struct script *s, unsigned i)
{
	const struct lease *lease = lease_table_find(&s->sim.api, word(s, i));
	const char *want = word(s, i + 1);

	if (!lease)
		return str_eq(want, "absent") || failed(s, "the Lease is absent", "");
	if (str_eq(want, "none"))
		return !lease_is_held(lease) || failed(s, "held by", lease->holder);
	return str_eq(lease->holder, name_of(s, want)) || failed(s, "held by", lease->holder);
}

static bool
expect_lease(struct script *s, unsigned i, bool annotation)
{
	const struct lease *lease = lease_table_find(&s->sim.api, word(s, i));
	struct strbuf want = {0};
	char number[16];
	const char *have;
	bool good;

	if (!lease)
		return failed(s, "the Lease is absent", "");
	(void)snprintf(number, sizeof(number), "%d", lease->transitions);
	have = annotation ? lease_annotation(lease, word(s, i + 1)) : number;
	have = have ? have : "(absent)";
	join_words(s, i + (annotation ? 2 : 1), &want);
	good = str_eq(have, strbuf_text(&want)) || failed(s, "it is", have);
	strbuf_free(&want);
	return good;
}

/* Exactly the nodes named from word i on have their flag set. */
static bool
expect_nodes(struct script *s, unsigned i, const bool *flags)
{
	bool want[MAX_NODES] = {false};
	char have[128] = "";
	bool same = true;
	unsigned n;

	for (; i < s->n_words && !str_eq(word(s, i), "none"); i++) {
		if (!find_node(s, word(s, i), &n))
			return false;
		want[n] = true;
	}
	for (n = 0; n < s->sim.n_nodes; n++) {
		same = same && want[n] == flags[n];
		if (flags[n])
			(void)snprintf(
			    have + strlen(have), sizeof(have) - strlen(have), " %s", s->keys[n]);
	}
	return same || failed(s, "it is", *have ? have + 1 : "none");
}

static bool
expect_announcers(struct script *s, unsigned i)
{
	bool flags[MAX_NODES] = {false};
	unsigned n, address;

	if (!find_address(s, word(s, i), &address))
		return false;
	for (n = 0; n < s->sim.n_nodes; n++)
		flags[n] = s->sim.nodes[n]->ports[address].voice == VOICE_ANSWER ||
		    s->sim.nodes[n]->ports[address].voice == VOICE_ANNOUNCE;
	return expect_nodes(s, i + 1, flags);
}

static bool
expect_leader(struct script *s, unsigned i)
{
	bool flags[MAX_NODES] = {false};
	unsigned n;

	for (n = 0; n < s->sim.n_nodes; n++)
		flags[n] = s->sim.nodes[n]->running &&
		    leader_is_leading(&s->sim.nodes[n]->leader, s->sim.now);
	return expect_nodes(s, i, flags);
}

static bool
expect_here(struct script *s, const char *what, unsigned i)
{
	const struct ownership_address *a = NULL;
	const char *have = "unknown";
	unsigned n, address;

	if (!find_address(s, word(s, i), &address) || !find_node(s, word(s, i + 1), &n))
		return false;
	if (s->sim.nodes[n]->running)
		a = ownership_find(&s->sim.nodes[n]->ownership, &s->sim.addresses[address]);
	if (str_eq(what, "voice"))
		have = ownership_voice_str(s->sim.nodes[n]->ports[address].voice);
	else if (a && str_eq(what, "how"))
		have = ownership_how_str(a->how);
	else if (a)
		have = ownership_doubt_state_str(a->doubt.state);
	return str_eq(have, word(s, i + 2)) || failed(s, "it is", have);
}

static bool
expect_owner(struct script *s, unsigned i)
{
	const struct ownership_address *a;
	const char *have = "unknown";
	unsigned n, address;

	if (!find_address(s, word(s, i), &address) || !find_node(s, word(s, i + 2), &n))
		return false;
	a = s->sim.nodes[n]->running
	    ? ownership_find(&s->sim.nodes[n]->ownership, &s->sim.addresses[address])
	    : NULL;
	if (a)
		have = ownership_state_str(a->state);
	return str_eq(have, word(s, i + 1)) || failed(s, "it is", have);
}

static bool
expect_membership(struct script *s, const char *what, unsigned i)
{
	const struct membership *m;
	const struct member *member;
	const char *have;
	unsigned n;

	if (!find_node(s, word(s, i), &n))
		return false;
	if (!s->sim.nodes[n]->running)
		return failed(s, "it does not run", "");
	m = &s->sim.nodes[n]->membership;
	if (str_eq(what, "membership")) {
		have = membership_state_str(m->state);
	} else if (str_eq(what, "view")) {
		have = membership_view_str(m->view);
	} else if (str_eq(what, "majority")) {
		have = hash_majority_str(membership_hash_majority(m));
	} else {
		member = membership_find(m, name_of(s, word(s, i + 1)));
		have = member && member->present ? member_state_str(member->state) : "unknown";
		i++;
	}
	return str_eq(have, word(s, i + 1)) || failed(s, "it is", have);
}

/* How many lines of `text` begin with the words. */
static unsigned
count_lines(const struct script *s, const char *text, unsigned i)
{
	struct strbuf want = {0};
	unsigned n = 0;

	join_words(s, i, &want);
	for (; *text; text = strchr(text, '\n') + 1)
		n += str_has_prefix(text, strbuf_text(&want));
	strbuf_free(&want);
	return n;
}

static bool
expect_sent(struct script *s, unsigned i, bool said)
{
	uint64_t want = 1;
	unsigned n, have;
	char text[16];

	if (!find_node(s, word(s, i), &n))
		return false;
	if (said)
		return count_lines(s, strbuf_text(&s->sim.nodes[n]->said), i + 1) ||
		    failed(s, "it said", strbuf_text(&s->sim.nodes[n]->said));
	if (str_parse_uint(word(s, i + 1), 1000000, &want))
		return failed(s, "not a number", word(s, i + 1));
	have = count_lines(s, strbuf_text(&s->sim.nodes[n]->sent), i + 2);
	(void)snprintf(text, sizeof(text), "%u", have);
	return have == want || failed(s, "it sent", text);
}

static bool
expect(struct script *s, unsigned i)
{
	const char *what = word(s, i);

	s->error[0] = '\0';
	if (str_eq(what, "holder"))
		return expect_holder(s, i + 1);
	if (str_eq(what, "transitions"))
		return expect_lease(s, i + 1, false);
	if (str_eq(what, "annotation"))
		return expect_lease(s, i + 1, true);
	if (str_eq(what, "announcers"))
		return expect_announcers(s, i + 1);
	if (str_eq(what, "leader"))
		return expect_leader(s, i + 1);
	if (str_eq(what, "owner"))
		return expect_owner(s, i + 1);
	if (str_eq(what, "how") || str_eq(what, "voice") || str_eq(what, "doubt"))
		return expect_here(s, what, i + 1);
	if (str_eq(what, "membership") || str_eq(what, "view") || str_eq(what, "majority") ||
	    str_eq(what, "member"))
		return expect_membership(s, what, i + 1);
	if (str_eq(what, "said"))
		return expect_sent(s, i + 1, true);
	if (str_eq(what, "sent"))
		return expect_sent(s, i + 1, false);
	(void)snprintf(s->error, sizeof(s->error), "unknown expectation");
	return false;
}

/* --- commands --- */

static bool
command_node(struct script *s)
{
	static const char *const apis[] = {"up", "down", "lost", "refused"};
	const char *what = word(s, 0), *value = word(s, 2);
	struct sim_node *node;
	unsigned n, i;

	if (!find_node(s, word(s, 1), &n))
		return false;
	node = s->sim.nodes[n];
	if (str_eq(what, "start"))
		sim_start(&s->sim, n);
	else if (str_eq(what, "kill"))
		sim_kill(&s->sim, n, str_eq(value, "machine"));
	else if (str_eq(what, "stop"))
		sim_stop(&s->sim, n);
	else if (str_eq(what, "freeze"))
		sim_freeze(&s->sim, n, true);
	else if (str_eq(what, "thaw"))
		sim_freeze(&s->sim, n, false);
	else if (str_eq(what, "drain"))
		sim_drain(&s->sim, n, str_eq(value, "yes"));
	else if (str_eq(what, "doubt"))
		sim_doubt(&s->sim, n);
	else if (str_eq(what, "lan"))
		node->lan = (unsigned)atoi(value);
	else if (str_eq(what, "watch"))
		node->watch_frozen = str_eq(value, "frozen");
	else if (str_eq(what, "api"))
		for (i = 0; i < SIM_API_COUNT; i++)
			node->api = str_eq(value, apis[i]) ? (enum sim_api)i : node->api;
	else if (str_eq(what, "link"))
		node->link = str_eq(value, "up");
	else if (str_eq(what, "weight"))
		node->weight = (uint8_t)atoi(value);
	else if (str_eq(what, "hash"))
		node->settings_hash = (uint64_t)atoll(value);
	else if (str_eq(what, "machine")) {
		free(node->machine);
		node->machine = xstrdup(value);
	} else if (str_eq(what, "lag")) {
		if (str_parse_duration(value, &node->watch_lag_usec))
			return failed(s, "not a time", value);
	} else if (str_eq(what, "duration")) {
		if (str_parse_duration(value, &node->duration_usec))
			return failed(s, "not a time", value);
	} else
		return failed(s, "unknown command", what);
	if (str_eq(what, "link") || str_eq(what, "machine") || str_eq(what, "weight") ||
	    str_eq(what, "hash") || str_eq(what, "duration"))
		sim_configure(&s->sim, n);
	sim_node_wake(&s->sim, n);
	return true;
}

static bool
command_edit(struct script *s)
{
	const struct lease *old = lease_table_find(&s->sim.api, word(s, 1));
	struct lease *lease = old ? lease_copy(old) : lease_new(word(s, 1));
	unsigned i;

	for (i = 2; i < s->n_words; i++) {
		const char *w = word(s, i);

		if (str_has_prefix(w, "holder="))
			lease->holder = arena_strdup(lease->arena, w + strlen("holder="));
		else if (str_has_prefix(w, "transitions="))
			lease->transitions = atoi(w + strlen("transitions="));
		else if (strchr(w, '=')) {
			char *key = arena_strndup(lease->arena, w, (size_t)(strchr(w, '=') - w));
			const char *value = strchr(w, '=') + 1;

			lease_set_annotation(
			    lease, key, *value ? arena_strdup(lease->arena, value) : NULL);
		}
	}
	sim_write(&s->sim, word(s, 1), lease);
	return true;
}

static bool
command_address(struct script *s)
{
	unsigned n, address;

	if (str_eq(word(s, 0), "service")) {
		if (!find_address(s, word(s, 1), &address))
			return false;
		sim_service(&s->sim, address, str_eq(word(s, 2), "on"));
		return true;
	}
	if (!find_node(s, word(s, 1), &n) || !find_address(s, word(s, 2), &address))
		return false;
	if (str_eq(word(s, 0), "frame")) {
		sim_frame(&s->sim, n, address);
		return true;
	}
	sim_eligible(&s->sim, n, address, str_eq(word(s, 3), "yes"), str_eq(word(s, 3), "unfit"));
	return true;
}

static bool
command_time(struct script *s)
{
	bool until = str_eq(word(s, 0), "until");
	int64_t usec;
	mono_t end;

	if (str_parse_duration(word(s, 1), &usec))
		return failed(s, "not a time", word(s, 1));
	end = mono_add_usec(s->sim.now, usec);
	if (!until)
		return sim_run(&s->sim, end) || failed(s, "the nodes are busy without end", "");
	while (!expect(s, 2)) {
		if (!mono_before(s->sim.now, end))
			return false;
		if (!sim_run(&s->sim, mono_add_usec(s->sim.now, POLL_USEC)))
			return failed(s, "the nodes are busy without end", "");
	}
	return true;
}

static void
command_forget(struct script *s)
{
	unsigned n;

	for (n = 0; n < s->sim.n_nodes; n++) {
		strbuf_clear(&s->sim.nodes[n]->said);
		strbuf_clear(&s->sim.nodes[n]->sent);
	}
}

static bool
command_rebalance(struct script *s)
{
	int64_t usec = INT64_MAX;
	unsigned n;

	if (!str_eq(word(s, 1), "never") && str_parse_duration(word(s, 1), &usec))
		return failed(s, "not a time", word(s, 1));
	for (n = 0; n < s->sim.n_nodes; n++)
		s->sim.nodes[n]->rebalance_usec = usec;
	return true;
}

static bool
command(struct script *s)
{
	const char *what = word(s, 0);
	unsigned i;

	if (str_eq(what, "nodes")) {
		for (i = 1; i < s->n_words; i++)
			if (!add_node(s, word(s, i), word(s, i)))
				return false;
	} else if (str_eq(what, "twin")) {
		return add_node(s, word(s, 1), word(s, 2));
	} else if (str_eq(what, "service") || str_eq(what, "eligible") || str_eq(what, "frame")) {
		return command_address(s);
	} else if (str_eq(what, "advance") || str_eq(what, "until")) {
		return command_time(s);
	} else if (str_eq(what, "delete")) {
		sim_write(&s->sim, word(s, 1), NULL);
	} else if (str_eq(what, "edit")) {
		return command_edit(s);
	} else if (str_eq(what, "save")) {
		sim_save(&s->sim);
	} else if (str_eq(what, "restore")) {
		sim_restore(&s->sim);
	} else if (str_eq(what, "forget")) {
		command_forget(s);
	} else if (str_eq(what, "rebalance")) {
		return command_rebalance(s);
	} else if (str_eq(what, "expect")) {
		if (!str_eq(word(s, 1), "not"))
			return expect(s, 1);
		return !expect(s, 2) || failed(s, "it holds", "");
	} else {
		return command_node(s);
	}
	return true;
}

static bool
run_line(struct script *s, char *line)
{
	char *comment = strchr(line, '#'), *save = NULL, *w;

	if (comment)
		*comment = '\0';
	s->n_words = 0;
	for (w = strtok_r(line, " \t\n", &save); w && s->n_words < MAX_WORDS;
	     w = strtok_r(NULL, " \t\n", &save))
		s->words[s->n_words++] = w;
	return !s->n_words || command(s);
}

static bool
run_script(const char *path)
{
	struct script s = {0};
	char line[1024], copy[1024];
	FILE *f = fopen(path, "re");
	unsigned number = 0, i;
	bool good = f != NULL;

	sim_init(&s.sim, 1, MAX_ADDRESSES);
	s.sim.trace = getenv("LEASE_TRACE") != NULL;
	while (good && fgets(line, sizeof(line), f)) {
		number++;
		(void)str_copy(copy, sizeof(copy), line);
		s.error[0] = '\0';
		good = run_line(&s, line);
		if (!good)
			printf("# %s:%u: %s#   %s (at %.3f s)\n", path, number, copy, s.error,
			    (double)(s.sim.now.usec - SIM_START) / 1e6);
	}
	for (i = 0; !good && i < s.sim.n_nodes; i++)
		printf("# %s said:\n%s# sent:\n%s", s.keys[i], strbuf_text(&s.sim.nodes[i]->said),
		    strbuf_text(&s.sim.nodes[i]->sent));
	for (i = 0; i < s.sim.n_nodes; i++)
		free(s.keys[i]);
	sim_fini(&s.sim);
	if (f)
		(void)fclose(f);
	return good;
}

int
main(int argc, char **argv)
{
	return play_main(argc, argv, "lease", run_script);
}
