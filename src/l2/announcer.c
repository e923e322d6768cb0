#include "l2/announcer.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "l2/arp.h"
#include "util/hash.h"
#include "util/list.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/rate.h"

/* The last round of the burst is ANNOUNCER_BURST (the first is 0); this one repeats for ever. */
#define ROUND_REFRESH (ANNOUNCER_BURST + 1)
#define HEAP_NONE SIZE_MAX

static_assert(ANNOUNCER_FRAME_BYTES >= ARP_FRAME_BYTES, "every kind of frame fits");

/*
 * An address on an interface. It waits in one of two places: while its first round has never been
 * tried in the queue `fresh`, in order of arrival; otherwise in the heap, by time.
 */
struct pair {
	struct announced *owner;
	int ifindex;
	struct mac_addr mac;
	uint8_t round;
	bool request_sent; /* of this round; the reply form is next */
	uint8_t failures;  /* of this round, in a row */
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
	uint64_t sent;
};

struct announcer {
	struct announced *addresses;
	struct pair_list fresh;
	struct pair **heap; /* binary, the earliest first */
	size_t heap_count, heap_cap;
	size_t n_pairs;
	struct rate rate;
};

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
	pair->due = due;
	heap_push(a, pair);
}

static struct pair *
pair_new(struct announcer *a, struct announced *owner, const struct announcer_port *port)
{
	struct pair *pair = xcalloc(1, sizeof(*pair));

	pair->owner = owner;
	pair->ifindex = port->ifindex;
	pair->mac = port->mac;
	pair->heap_pos = HEAP_NONE;
	TAILQ_INSERT_TAIL(&a->fresh, pair, fresh);
	a->n_pairs++;
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

/* Moves the pairs that stay into a new list; what is left in the old one goes. */
static void
replace_pairs(struct announcer *a, struct announced *address, const struct announcer_port *ports,
    size_t n_ports)
{
	struct pair **pairs = xcalloc(n_ports, sizeof(*pairs));
	size_t n = 0, i, old;

	for (i = 0; i < n_ports; i++) {
		if (pair_index(pairs, n, ports[i].ifindex) < n)
			continue;
		old = pair_index(address->pairs, address->n_pairs, ports[i].ifindex);
		if (old < address->n_pairs &&
		    mac_addr_eq(&address->pairs[old]->mac, &ports[i].mac)) {
			pairs[n++] = address->pairs[old];
			address->pairs[old] = address->pairs[--address->n_pairs];
		} else {
			pairs[n++] = pair_new(a, address, &ports[i]);
		}
	}
	for (i = 0; i < address->n_pairs; i++)
		pair_free(a, address->pairs[i]);
	free(address->pairs);
	address->pairs = pairs;
	address->n_pairs = n;
}

int
announcer_set(struct announcer *a, const struct ip_addr *ip, const struct announcer_port *ports,
    size_t n_ports)
{
	struct announced *address = find_address(a, ip);

	if (ip->family != IP_FAMILY_V4)
		return -EAFNOSUPPORT;
	if (!address) {
		address = xcalloc(1, sizeof(*address));
		address->ip = *ip;
		MAP_ADD(a->addresses, ip, address);
	}
	if (!is_unchanged(address, ports, n_ports))
		replace_pairs(a, address, ports, n_ports);
	return 0;
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

	for (i = 0; address && i < address->n_pairs; i++) {
		struct pair *pair = address->pairs[i];

		unqueue(a, pair);
		pair->heap_pos = HEAP_NONE;
		pair->round = 0;
		pair->request_sent = false;
		pair->failures = 0;
		TAILQ_INSERT_TAIL(&a->fresh, pair, fresh);
	}
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
	pair->request_sent = false;
	pair->failures = 0;
	wait_until(a, pair, mono_add_usec(now, pause));
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

bool
announcer_next(struct announcer *a, mono_t now, struct announcer_frame *ret_frame)
{
	struct pair *pair = next_due(a, now);
	struct arp arp;

	/* Asked first: a bucket counts what it refuses, and nothing is refused here, only put off.
	 */
	if (!pair || mono_before(now, rate_next(&a->rate, now)) || !rate_take(&a->rate, now))
		return false;
	arp = arp_announcement(
	    pair->request_sent ? ARP_REPLY : ARP_REQUEST, &pair->owner->ip, &pair->mac);
	*ret_frame = (struct announcer_frame){
	    .ifindex = pair->ifindex,
	    .ip = pair->owner->ip,
	    .round = pair->round,
	    .len = ARP_FRAME_BYTES,
	};
	arp_encode(&arp, ret_frame->bytes);
	pair->owner->sent++;
	if (pair->request_sent)
		end_round(a, pair, now);
	else
		pair->request_sent = true;
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
	if (address->sent)
		address->sent--;
	i = pair_index(address->pairs, address->n_pairs, frame->ifindex);
	if (i == address->n_pairs)
		return;
	pair = address->pairs[i];
	pair->round = frame->round;
	pair->request_sent = false;
	for (i = 0; i < pair->failures && pause < ANNOUNCER_REFRESH_USEC; i++)
		pause *= 2;
	if (pause > ANNOUNCER_REFRESH_USEC)
		pause = ANNOUNCER_REFRESH_USEC;
	if (pair->failures < UINT8_MAX)
		pair->failures++;
	wait_until(a, pair, mono_add_usec(now, pause));
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
