#include "l2/announcer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "util/hash.h"
#include "util/list.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/rate.h"

/* The last round of the burst is ANNOUNCER_BURST (the first is 0); this one repeats for ever. */
#define ROUND_REFRESH (ANNOUNCER_BURST + 1)
#define HEAP_NONE SIZE_MAX

static const char *const phase_names[] = {
    [ANNOUNCER_PROBING] = "probing",
    [ANNOUNCER_ANNOUNCING] = "announcing",
    [ANNOUNCER_CONFLICT] = "conflict",
};
static_assert(
    sizeof(phase_names) / sizeof(phase_names[0]) == ANNOUNCER_PHASE_COUNT, "one name each");

/*
 * An address on an interface. It waits in one of two places: while its first round has never been
 * tried in the queue `fresh`, in order of arrival; otherwise in the heap, by time.
 */
struct pair {
	struct announced *owner;
	int ifindex;
	struct mac_addr mac;
	enum announcer_phase phase;
	uint8_t round;    /* announcing: see ROUND_REFRESH; otherwise the probes that were sent */
	uint8_t form;     /* of this round's announcement that is next */
	uint8_t failures; /* of this round, in a row */
	uint8_t retries;  /* conflict: how often the probes met the stranger */
	bool was_in_conflict;
	mono_t defended; /* MONO_ZERO: never */
	struct mac_addr claimed_by;
	mono_t claimed_at;
	mono_t due;
	size_t heap_pos; /* HEAP_NONE while in `fresh` */
	TAILQ_ENTRY(pair) fresh;
};

TAILQ_HEAD(pair_list, pair);

struct announced {
	struct map_node node;
	struct ip_addr ip;
	struct pair **pairs;
	size_t n_pairs;
	uint64_t sent, conflicts;
	bool paused;       /* its pairs wait for ever */
	bool met_stranger; /* on an interface that went in conflict, and may be back */
};

struct announcer {
	struct announced *addresses;
	struct pair_list fresh;
	struct pair **heap; /* binary, the earliest first */
	size_t heap_count, heap_cap;
	size_t n_pairs;
	struct rate rate;
};

const char *
announcer_phase_str(enum announcer_phase phase)
{
	return phase_names[phase];
}

static void
heap_place(struct announcer *a, size_t pos, struct pair *pair)
{
	a->heap[pos] = pair;
	pair->heap_pos = pos;
}

static void
heap_up(struct announcer *a, size_t pos)
{
	struct pair *pair = a->heap[pos];

	while (pos && mono_before(pair->due, a->heap[(pos - 1) / 2]->due)) {
		heap_place(a, pos, a->heap[(pos - 1) / 2]);
		pos = (pos - 1) / 2;
	}
	heap_place(a, pos, pair);
}

static void
heap_down(struct announcer *a, size_t pos)
{
	struct pair *pair = a->heap[pos];
	size_t child;

	while ((child = 2 * pos + 1) < a->heap_count) {
		if (child + 1 < a->heap_count &&
		    mono_before(a->heap[child + 1]->due, a->heap[child]->due))
			child++;
		if (!mono_before(a->heap[child]->due, pair->due))
			break;
		heap_place(a, pos, a->heap[child]);
		pos = child;
	}
	heap_place(a, pos, pair);
}

static void
heap_push(struct announcer *a, struct pair *pair)
{
	a->heap = mem_grow(a->heap, a->heap_count, &a->heap_cap, sizeof(struct pair *));
	heap_place(a, a->heap_count++, pair);
	heap_up(a, pair->heap_pos);
}

static void
heap_remove(struct announcer *a, struct pair *pair)
{
	size_t pos = pair->heap_pos;
	struct pair *last = a->heap[--a->heap_count];

	pair->heap_pos = HEAP_NONE;
	if (last == pair)
		return;
	heap_place(a, pos, last);
	heap_up(a, pos);
	heap_down(a, last->heap_pos);
}

static void
unqueue(struct announcer *a, struct pair *pair)
{
	if (pair->heap_pos == HEAP_NONE)
		TAILQ_REMOVE(&a->fresh, pair, fresh);
	else
		heap_remove(a, pair);
}

static void
wait_until(struct announcer *a, struct pair *pair, mono_t due)
{
	unqueue(a, pair);
	pair->due = pair->owner->paused ? MONO_NEVER : due;
	heap_push(a, pair);
}

/* Its first round is due at once, after those that came before it. */
static void
begin(struct announcer *a, struct pair *pair, enum announcer_phase phase)
{
	pair->phase = phase;
	pair->round = 0;
	pair->form = 0;
	pair->failures = 0;
	if (pair->owner->paused) {
		wait_until(a, pair, MONO_NEVER);
		return;
	}
	unqueue(a, pair);
	pair->heap_pos = HEAP_NONE;
	TAILQ_INSERT_TAIL(&a->fresh, pair, fresh);
}

static struct pair *
pair_new(struct announcer *a, struct announced *owner, const struct announcer_port *port,
    enum announcer_phase phase)
{
	struct pair *pair = xcalloc(1, sizeof(*pair));

	pair->owner = owner;
	pair->ifindex = port->ifindex;
	pair->mac = port->mac;
	pair->phase = phase;
	pair->heap_pos = HEAP_NONE;
	TAILQ_INSERT_TAIL(&a->fresh, pair, fresh);
	a->n_pairs++;
	if (owner->paused)
		wait_until(a, pair, MONO_NEVER);
	return pair;
}

static void
pair_free(struct announcer *a, struct pair *pair)
{
	unqueue(a, pair);
	a->n_pairs--;
	free(pair);
}

struct announcer *
announcer_new(mono_t now)
{
	struct announcer *a = xcalloc(1, sizeof(*a));

	TAILQ_INIT(&a->fresh);
	rate_init(
	    &a->rate, USEC_PER_SEC / ANNOUNCER_PACKETS_PER_SEC, ANNOUNCER_PACKETS_AT_ONCE, now);
	return a;
}

static void
announced_free(struct announcer *a, struct announced *address)
{
	size_t i;

	for (i = 0; i < address->n_pairs; i++)
		pair_free(a, address->pairs[i]);
	MAP_DEL(a->addresses, address);
	free(address->pairs);
	free(address);
}

void
announcer_free(struct announcer *a)
{
	struct announced *address, *next;

	if (!a)
		return;
	MAP_FOREACH_SAFE (address, next, a->addresses)
		announced_free(a, address);
	free(a->heap);
	free(a);
}

static struct announced *
find_address(const struct announcer *a, const struct ip_addr *ip)
{
	struct announced *address;

	MAP_FIND(a->addresses, ip, address);
	return address;
}

/* The position of the pair on that interface, n_pairs when there is none. */
static size_t
pair_index(struct pair *const *pairs, size_t n_pairs, int ifindex)
{
	size_t i;

	for (i = 0; i < n_pairs && pairs[i]->ifindex != ifindex; i++)
		;
	return i;
}

static bool
is_unchanged(const struct announced *address, const struct announcer_port *ports, size_t n_ports)
{
	size_t i;

	if (address->n_pairs != n_ports)
		return false;
	for (i = 0; i < n_ports; i++)
		if (address->pairs[i]->ifindex != ports[i].ifindex ||
		    !mac_addr_eq(&address->pairs[i]->mac, &ports[i].mac))
			return false;
	return true;
}

/* The pair of a port that had one with another MAC, or none. */
static struct pair *
pair_anew(struct announcer *a, struct announced *address, const struct announcer_port *port,
    struct pair *old, bool probe)
{
	if (!old) {
		probe |= address->met_stranger;
		return pair_new(a, address, port, probe ? ANNOUNCER_PROBING : ANNOUNCER_ANNOUNCING);
	}
	old->mac = port->mac;
	if (old->phase != ANNOUNCER_CONFLICT)
		begin(a, old, old->phase);
	return old;
}

/* Moves the pairs that stay into a new list; what is left in the old one goes. */
static void
replace_pairs(struct announcer *a, struct announced *address, const struct announcer_port *ports,
    size_t n_ports, bool probe)
{
	struct pair **pairs = xcalloc(n_ports, sizeof(*pairs));
	size_t n = 0, i, at;

	for (i = 0; i < n_ports; i++) {
		struct pair *old = NULL;

		if (pair_index(pairs, n, ports[i].ifindex) < n)
			continue;
		at = pair_index(address->pairs, address->n_pairs, ports[i].ifindex);
		if (at < address->n_pairs) {
			old = address->pairs[at];
			address->pairs[at] = address->pairs[--address->n_pairs];
		}
		if (!old || !mac_addr_eq(&old->mac, &ports[i].mac))
			old = pair_anew(a, address, &ports[i], old, probe);
		pairs[n++] = old;
	}
	for (i = 0; i < address->n_pairs; i++) {
		address->met_stranger |= address->pairs[i]->phase == ANNOUNCER_CONFLICT;
		pair_free(a, address->pairs[i]);
	}
	free(address->pairs);
	address->pairs = pairs;
	address->n_pairs = n;
}

void
announcer_set(struct announcer *a, const struct ip_addr *ip, const struct announcer_port *ports,
    size_t n_ports, bool probe)
{
	struct announced *address = find_address(a, ip);

	if (!address) {
		address = xcalloc(1, sizeof(*address));
		address->ip = *ip;
		MAP_ADD(a->addresses, ip, address);
	}
	if (!is_unchanged(address, ports, n_ports))
		replace_pairs(a, address, ports, n_ports, probe);
}

bool
announcer_remove(struct announcer *a, const struct ip_addr *ip)
{
	struct announced *address = find_address(a, ip);

	if (!address)
		return false;
	announced_free(a, address);
	return true;
}

void
announcer_restart(struct announcer *a, const struct ip_addr *ip)
{
	struct announced *address = find_address(a, ip);
	size_t i;

	for (i = 0; address && i < address->n_pairs; i++)
		if (address->pairs[i]->phase == ANNOUNCER_ANNOUNCING)
			begin(a, address->pairs[i], ANNOUNCER_ANNOUNCING);
}

size_t
announcer_count(const struct announcer *a)
{
	return MAP_COUNT(a->addresses);
}

size_t
announcer_pairs(const struct announcer *a)
{
	return a->n_pairs;
}

/* Pairs that were set together would refresh together for ever: the first pause is half a period
 * and up to another half, different for each, and the same after a restart. */
static int64_t
first_pause_usec(const struct pair *pair)
{
	uint64_t hash = hash_bytes(HASH_INIT, &pair->owner->ip, sizeof(pair->owner->ip));

	hash = hash_final(hash_bytes(hash, &pair->ifindex, sizeof(pair->ifindex)));
	return ANNOUNCER_REFRESH_USEC / 2 + (int64_t)(hash % (ANNOUNCER_REFRESH_USEC / 2));
}

static void
end_round(struct announcer *a, struct pair *pair, mono_t now)
{
	int64_t pause = ANNOUNCER_REFRESH_USEC;

	if (pair->round < ANNOUNCER_BURST)
		pause = ANNOUNCER_BURST_USEC;
	else if (pair->round == ANNOUNCER_BURST)
		pause = first_pause_usec(pair);
	if (pair->round < ROUND_REFRESH)
		pair->round++;
	pair->form = 0;
	pair->failures = 0;
	wait_until(a, pair, mono_add_usec(now, pause));
}

void
announcer_pause(struct announcer *a, const struct ip_addr *ip)
{
	struct announced *address = find_address(a, ip);
	size_t i;

	if (!address || address->paused)
		return;
	address->paused = true;
	for (i = 0; i < address->n_pairs; i++)
		wait_until(a, address->pairs[i], MONO_NEVER);
}

void
announcer_resume(struct announcer *a, const struct ip_addr *ip, mono_t now)
{
	struct announced *address = find_address(a, ip);
	size_t i;

	if (!address || !address->paused)
		return;
	address->paused = false;
	for (i = 0; i < address->n_pairs; i++) {
		struct pair *pair = address->pairs[i];

		switch (pair->phase) {
		case ANNOUNCER_PROBING:
			begin(a, pair, ANNOUNCER_PROBING);
			break;
		case ANNOUNCER_CONFLICT:
			pair->round = 0;
			wait_until(a, pair, mono_add_usec(now, ANNOUNCER_RETRY_USEC));
			break;
		case ANNOUNCER_ANNOUNCING:
		case ANNOUNCER_PHASE_COUNT:
			pair->round = ROUND_REFRESH;
			pair->form = 0;
			wait_until(a, pair, mono_add_usec(now, first_pause_usec(pair)));
			break;
		}
	}
}

/* The pair to serve next, NULL when none is due. */
static struct pair *
next_due(const struct announcer *a, mono_t now)
{
	if (!TAILQ_EMPTY(&a->fresh))
		return TAILQ_FIRST(&a->fresh);
	if (a->heap_count && mono_reached(now, a->heap[0]->due))
		return a->heap[0];
	return NULL;
}

static void
make_probe(struct announcer *a, struct pair *pair, mono_t now, struct announcer_frame *frame)
{
	frame->len = frame_probe(&pair->owner->ip, &pair->mac, frame->bytes);
	pair->round++;
	pair->failures = 0;
	/* After the last one, as long again for the answer to it. */
	wait_until(a, pair, mono_add_usec(now, ANNOUNCER_PROBE_USEC));
}

static void
make_announcement(struct announcer *a, struct pair *pair, mono_t now, struct announcer_frame *frame)
{
	frame->len = frame_announcement(&pair->owner->ip, pair->form, &pair->mac, frame->bytes);
	frame->cleared = pair->was_in_conflict;
	pair->was_in_conflict = false;
	pair->owner->sent++;
	if (++pair->form == frame_forms(&pair->owner->ip))
		end_round(a, pair, now);
}

/* The probes met nobody. */
static void
end_probing(struct pair *pair)
{
	pair->was_in_conflict = pair->phase == ANNOUNCER_CONFLICT;
	pair->phase = ANNOUNCER_ANNOUNCING;
	pair->round = 0;
	pair->retries = 0;
	pair->owner->met_stranger = false;
}

bool
announcer_next(struct announcer *a, mono_t now, struct announcer_frame *ret_frame)
{
	struct pair *pair = next_due(a, now);

	/* Asked first: a bucket counts what it refuses, and nothing is refused here, only put off.
	 */
	if (!pair || mono_before(now, rate_next(&a->rate, now)) || !rate_take(&a->rate, now))
		return false;
	if (pair->phase != ANNOUNCER_ANNOUNCING && pair->round == ANNOUNCER_PROBES)
		end_probing(pair);
	*ret_frame = (struct announcer_frame){
	    .ifindex = pair->ifindex,
	    .ip = pair->owner->ip,
	    .phase = pair->phase,
	    .round = pair->round,
	    .failures = pair->failures,
	};
	if (pair->phase == ANNOUNCER_ANNOUNCING)
		make_announcement(a, pair, now, ret_frame);
	else
		make_probe(a, pair, now, ret_frame);
	return true;
}

void
announcer_send_failed(struct announcer *a, const struct announcer_frame *frame, mono_t now)
{
	struct announced *address = find_address(a, &frame->ip);
	int64_t pause = ANNOUNCER_BURST_USEC;
	struct pair *pair;
	size_t i;

	if (!address)
		return;
	if (frame->phase == ANNOUNCER_ANNOUNCING && address->sent)
		address->sent--;
	i = pair_index(address->pairs, address->n_pairs, frame->ifindex);
	if (i == address->n_pairs || address->pairs[i]->phase != frame->phase)
		return;
	pair = address->pairs[i];
	pair->round = frame->round;
	pair->form = 0;
	pair->was_in_conflict |= frame->cleared;
	for (i = 0; i < frame->failures && pause < ANNOUNCER_REFRESH_USEC; i++)
		pause *= 2;
	if (pause > ANNOUNCER_REFRESH_USEC)
		pause = ANNOUNCER_REFRESH_USEC;
	pair->failures = frame->failures < UINT8_MAX ? frame->failures + 1 : UINT8_MAX;
	wait_until(a, pair, mono_add_usec(now, pause));
}

/* Silence, and probes again later; ever later while they meet the stranger. */
static void
enter_conflict(struct announcer *a, struct pair *pair, mono_t now)
{
	int64_t pause = ANNOUNCER_RETRY_USEC;
	uint8_t i;

	for (i = 0; i < pair->retries && pause < ANNOUNCER_RETRY_MAX_USEC; i++)
		pause *= 2;
	if (pause > ANNOUNCER_RETRY_MAX_USEC)
		pause = ANNOUNCER_RETRY_MAX_USEC;
	if (pair->retries < UINT8_MAX)
		pair->retries++;
	pair->phase = ANNOUNCER_CONFLICT;
	pair->round = 0;
	pair->failures = 0;
	wait_until(a, pair, mono_add_usec(now, pause));
}

static enum announcer_reaction
defend(struct announcer *a, struct pair *pair, mono_t now)
{
	if (pair->defended.usec != MONO_ZERO.usec &&
	    mono_diff_usec(now, pair->defended) < ANNOUNCER_DEFEND_USEC)
		return ANNOUNCER_NOTED;
	pair->defended = now;
	/* Not for one that waits to be sent for the first time. */
	if (pair->heap_pos != HEAP_NONE)
		wait_until(a, pair, now);
	return ANNOUNCER_DEFENDED;
}

enum announcer_reaction
announcer_claimed(struct announcer *a, const struct ip_addr *ip, int ifindex,
    const struct mac_addr *mac, mono_t now)
{
	struct announced *address = find_address(a, ip);
	struct pair *pair;
	size_t i;

	if (!address)
		return ANNOUNCER_NOT_SET;
	i = pair_index(address->pairs, address->n_pairs, ifindex);
	if (i == address->n_pairs)
		return ANNOUNCER_NOT_SET;
	pair = address->pairs[i];
	address->conflicts++;
	pair->claimed_by = *mac;
	pair->claimed_at = now;
	switch (pair->phase) {
	case ANNOUNCER_PROBING:
		enter_conflict(a, pair, now);
		return ANNOUNCER_SILENCED;
	case ANNOUNCER_CONFLICT:
		/* While nothing is asked, it is only what we know. */
		if (pair->round)
			enter_conflict(a, pair, now);
		return ANNOUNCER_STILL;
	case ANNOUNCER_ANNOUNCING:
	case ANNOUNCER_PHASE_COUNT:
		break;
	}
	return defend(a, pair, now);
}

mono_t
announcer_deadline(const struct announcer *a, mono_t now)
{
	if (next_due(a, now))
		return rate_next(&a->rate, now);
	return a->heap_count ? a->heap[0]->due : MONO_NEVER;
}

uint64_t
announcer_sent(const struct announcer *a, const struct ip_addr *ip)
{
	const struct announced *address = find_address(a, ip);

	return address ? address->sent : 0;
}

uint64_t
announcer_conflicts(const struct announcer *a, const struct ip_addr *ip)
{
	const struct announced *address = find_address(a, ip);

	return address ? address->conflicts : 0;
}

bool
announcer_view(
    const struct announcer *a, const struct ip_addr *ip, size_t i, struct announcer_view *ret_view)
{
	const struct announced *address = find_address(a, ip);
	const struct pair *pair;

	if (!address || i >= address->n_pairs)
		return false;
	pair = address->pairs[i];
	*ret_view = (struct announcer_view){
	    .ifindex = pair->ifindex,
	    .phase = pair->phase,
	    .next = pair->heap_pos == HEAP_NONE ? MONO_ZERO : pair->due,
	    .claimed_by = pair->claimed_by,
	    .claimed_at = pair->claimed_at,
	};
	return true;
}
