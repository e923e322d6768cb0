#include "daemon/listeners.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/list.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/str.h"

struct key {
	struct tcp_address peer;
	char *text;
	bool wanted;
	TAILQ_ENTRY(key) entry;
};

struct place {
	struct listeners *listeners;
	enum ip_family family;
	char *device;
	struct tcp_listener *listener; /* NULL: it could not be opened, which was said */
	bool wanted, failed;
	TAILQ_HEAD(, key) keys; /* that the kernel has */
	TAILQ_ENTRY(place) entry;
};

struct listeners {
	struct tcp *tcp;
	listeners_fn *fn;
	void *arg;
	TAILQ_HEAD(, place) places;
};

static void
key_free(struct place *place, struct key *key)
{
	TAILQ_REMOVE(&place->keys, key, entry);
	explicit_bzero(key->text, strlen(key->text));
	free(key->text);
	free(key);
}

static void
place_free(struct place *place)
{
	while (!TAILQ_EMPTY(&place->keys))
		key_free(place, TAILQ_FIRST(&place->keys));
	TAILQ_REMOVE(&place->listeners->places, place, entry);
	tcp_listener_free(place->listener);
	free(place->device);
	free(place);
}

static void
on_incoming(void *arg, struct tcp_incoming *incoming)
{
	struct place *place = arg;

	place->listeners->fn(place->listeners->arg, place->device, incoming);
}

static void
place_open(struct place *place)
{
	const char *device = place->device;
	int err;

	if (place->listener || place->failed)
		return;
	err = tcp_listen(place->listeners->tcp, place->family, BGP_PORT, device, on_incoming, place,
	    &place->listener);
	place->failed = err != 0;
	if (err)
		log_warning(
		    "bgp TCP port %d (%s%s%s): %s; routers cannot connect, metallbd connects to them",
		    BGP_PORT, ip_family_str(place->family), *device ? ", " : "", device,
		    err == -EADDRINUSE ? "another program listens there" : strerror(-err));
}

static struct place *
find(const struct listeners *listeners, enum ip_family family, const char *device)
{
	struct place *place;

	TAILQ_FOREACH (place, &listeners->places, entry)
		if (place->family == family && str_eq(place->device, device))
			return place;
	return NULL;
}

static bool
same_peer(const struct tcp_address *a, const struct tcp_address *b)
{
	return ip_addr_eq(&a->ip, &b->ip) && a->scope == b->scope;
}

struct listeners *
listeners_new(struct tcp *tcp, listeners_fn *fn, void *arg)
{
	struct listeners *listeners = xcalloc(1, sizeof(*listeners));

	listeners->tcp = tcp;
	listeners->fn = fn;
	listeners->arg = arg;
	TAILQ_INIT(&listeners->places);
	return listeners;
}

void
listeners_free(struct listeners *listeners)
{
	if (!listeners)
		return;
	while (!TAILQ_EMPTY(&listeners->places))
		place_free(TAILQ_FIRST(&listeners->places));
	free(listeners);
}

void
listeners_begin(struct listeners *listeners)
{
	struct place *place;
	struct key *key;

	TAILQ_FOREACH (place, &listeners->places, entry) {
		place->wanted = false;
		TAILQ_FOREACH (key, &place->keys, entry)
			key->wanted = false;
	}
}

/* Whether the kernel asks for this key now. */
static bool
want_key(struct place *place, const struct tcp_address *peer, const char *text)
{
	struct key *key;

	TAILQ_FOREACH (key, &place->keys, entry)
		if (same_peer(&key->peer, peer))
			break;
	if (key && str_eq(key->text, text)) {
		key->wanted = true;
		return true;
	}
	if (tcp_listener_set_key(place->listener, peer, text, strlen(text)))
		return false;
	if (key)
		key_free(place, key);
	key = xcalloc(1, sizeof(*key));
	*key = (struct key){.peer = *peer, .text = xstrdup(text), .wanted = true};
	TAILQ_INSERT_TAIL(&place->keys, key, entry);
	return true;
}

bool
listeners_want(struct listeners *listeners, const char *device, const struct tcp_address *peer,
    const char *key)
{
	enum ip_family family = (enum ip_family)peer->ip.family;
	struct place *place = find(listeners, family, device);

	if (!place) {
		place = xcalloc(1, sizeof(*place));
		place->listeners = listeners;
		place->family = family;
		place->device = xstrdup(device);
		TAILQ_INIT(&place->keys);
		TAILQ_INSERT_TAIL(&listeners->places, place, entry);
	}
	place->wanted = true;
	place_open(place);
	return !place->listener || !key || want_key(place, peer, key);
}

void
listeners_end(struct listeners *listeners)
{
	struct place *place, *tmp;
	struct key *key, *tmp_key;

	TAILQ_FOREACH_SAFE (place, &listeners->places, entry, tmp) {
		if (!place->wanted) {
			place_free(place);
			continue;
		}
		TAILQ_FOREACH_SAFE (key, &place->keys, entry, tmp_key) {
			if (key->wanted)
				continue;
			(void)tcp_listener_set_key(place->listener, &key->peer, NULL, 0);
			key_free(place, key);
		}
	}
}

void
listeners_retry(struct listeners *listeners)
{
	struct place *place;

	TAILQ_FOREACH (place, &listeners->places, entry)
		place->failed = false;
}

bool
listeners_has(const struct listeners *listeners, enum ip_family family, const char *device)
{
	const struct place *place = find(listeners, family, device);

	return place && place->listener;
}

bool
listeners_any_failed(const struct listeners *listeners)
{
	const struct place *place;

	TAILQ_FOREACH (place, &listeners->places, entry)
		if (place->failed)
			return true;
	return false;
}
