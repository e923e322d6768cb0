#include "lease/record.h"

#include <assert.h>
#include <string.h>

#include "util/hash.h"
#include "util/mem.h"

/* Stands for "more than we remember": makes every answer look unknown to the watch. */
#define RECORD_OVERFLOW (RECORD_MAX_SEEN + 1)

void
record_init(struct lease_record *rec, const char *name, const struct lease_table *leases)
{
	*rec = (struct lease_record){
	    .name = name,
	    .leases = leases,
	    .sent = RECORD_LONG_AGO,
	    .written = RECORD_LONG_AGO,
	    .came_back = RECORD_LONG_AGO,
	};
}

void
record_fini(struct lease_record *rec)
{
	lease_free(rec->answer);
	rec->answer = NULL;
}

static const struct lease *
record_watched(const struct lease_record *rec)
{
	return lease_table_find(rec->leases, rec->name);
}

const struct lease *
record_current(const struct lease_record *rec)
{
	return rec->ahead ? rec->answer : record_watched(rec);
}

uint64_t
record_version(const struct lease *lease)
{
	uint64_t version;

	if (!lease)
		return 0;
	version = hash_final(hash_string(HASH_INIT, lease->resource_version));
	return version ? version : 1;
}

struct lease *
record_draft(const struct lease_record *rec)
{
	static const struct label managed_by = {LEASE_LABEL_MANAGED_BY, LEASE_MANAGED_BY};
	const struct lease *current = record_current(rec);
	struct lease *draft = current ? lease_copy(current) : lease_new(rec->name);
	struct label *items;

	items = arena_alloc(draft->arena, draft->labels.count + 1, sizeof(*items));
	if (draft->labels.count)
		memcpy(items, draft->labels.items, draft->labels.count * sizeof(*items));
	items[draft->labels.count] = managed_by;
	draft->labels = (struct labels){items, labels_sort(items, draft->labels.count + 1)};
	return draft;
}

static void
record_catch_up(struct lease_record *rec)
{
	lease_free(rec->answer);
	rec->answer = NULL;
	rec->ahead = false;
	rec->came_back = rec->written;
}

static void
record_see(struct lease_record *rec, uint64_t version)
{
	if (rec->n_seen < RECORD_MAX_SEEN)
		rec->seen[rec->n_seen++] = version;
	else
		rec->n_seen = RECORD_OVERFLOW;
}

void
record_send(struct lease_record *rec, struct lease_outbox *out, enum lease_op op,
    struct lease *lease, mono_t now)
{
	assert(rec->in_flight == LEASE_NONE && op != LEASE_NONE);
	rec->in_flight = op;
	rec->sent = now;
	rec->listed = false;
	rec->n_seen = 0;
	/* While we are ahead the watch's present version is an old one, not a sign of anything. */
	if (!rec->ahead)
		record_see(rec, record_version(record_watched(rec)));
	lease_outbox_add(out, op, lease ? lease : lease_new(rec->name));
}

void
record_observe(struct lease_record *rec)
{
	uint64_t version = record_version(record_watched(rec));

	if (rec->in_flight != LEASE_NONE)
		record_see(rec, version);
	if (rec->ahead && version == rec->awaited)
		record_catch_up(rec);
}

void
record_listed(struct lease_record *rec)
{
	rec->listed = true;
	record_observe(rec);
	/* Older or newer than the answer: the list does not say, the watch may never. */
	if (rec->ahead)
		rec->unsure = true;
}

static bool
record_has_seen(const struct lease_record *rec, uint64_t version)
{
	size_t i;

	for (i = 0; rec->n_seen <= RECORD_MAX_SEEN && i < rec->n_seen; i++)
		if (rec->seen[i] == version)
			return true;
	return false;
}

/* The server said what the Lease is (NULL: nothing) at some time between sending and now. */
static void
record_learn(struct lease_record *rec, const struct lease *lease)
{
	uint64_t version = record_version(lease);

	rec->unsure = false;
	if (version == record_version(record_watched(rec)) || record_has_seen(rec, version)) {
		/* The watch is there already, or beyond. */
		record_catch_up(rec);
		return;
	}
	lease_free(rec->answer);
	rec->answer = lease ? lease_copy(lease) : NULL;
	rec->ahead = true;
	rec->awaited = version;
	/* After a list, or with versions forgotten, the awaited one may be behind us for ever. */
	if (rec->listed || rec->n_seen > RECORD_MAX_SEEN)
		rec->unsure = true;
}

void
record_answered(struct lease_record *rec, enum lease_result result, const struct lease *answer)
{
	enum lease_op op = rec->in_flight;

	if (op == LEASE_NONE)
		return;
	rec->in_flight = LEASE_NONE;
	switch (result) {
	case LEASE_OK:
		if (op == LEASE_CREATE || op == LEASE_UPDATE)
			rec->written = rec->sent;
		if (op == LEASE_DELETE)
			record_learn(rec, NULL);
		else if (answer)
			record_learn(rec, answer);
		else
			rec->unsure = true;
		break;
	case LEASE_NOT_FOUND:
		/* To a POST it means that the namespace is missing. */
		if (op != LEASE_CREATE)
			record_learn(rec, NULL);
		break;
	case LEASE_CONFLICT:
	case LEASE_EXISTS:
		rec->unsure = true;
		break;
	case LEASE_UNKNOWN:
		if (op != LEASE_GET)
			rec->unsure = true;
		break;
	case LEASE_REFUSED:
	case LEASE_UNREACHABLE:
	case LEASE_RESULT_COUNT:
		break;
	}
}
