/*
 * record: what is known of one Lease of which there are two sources: the watch, whose events may
 * lag, and the answers to our own requests, which are as new as the answer.
 *
 * A resourceVersion is compared for equality only. After an answer that the watch has not shown
 * yet, the events of the watch are older and are passed over until the answered version comes by.
 * A list ends every such wait: the watch begins anew from it, so where it shows something else
 * than the answer, one GET decides.
 *
 * At most one request is in flight. After one whose effect is not known (conflict, time-out) the
 * record is `unsure`, and the next request has to be a GET.
 *
 * The watch's side is not stored here: it is the glue's lease_table, which the glue changes first
 * and reports then, event by event (two events reported as one could hide the awaited version).
 */
#ifndef LEASE_RECORD_H
#define LEASE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "lease/request.h"
#include "model/lease.h"
#include "util/mono.h"

#define RECORD_MAX_SEEN                                                           \
	4 /* versions remembered while a request is in flight; more: one GET more \
	   */
/* Before every other time, and far enough from the ends to compute with. */
#define RECORD_LONG_AGO ((mono_t){INT64_MIN / 4})

struct lease_record {
	const char *name; /* borrowed from the owner of the record */
	const struct lease_table *leases;
	struct lease *answer; /* newer than the watch, with `ahead`; NULL: not there */
	bool ahead;           /* `answer` counts, the watch has not shown it yet */
	uint64_t awaited;     /* version of `answer` */
	enum lease_op in_flight;
	bool unsure;
	bool listed; /* since the request in flight was sent */
	uint8_t n_seen;
	uint64_t seen[RECORD_MAX_SEEN]; /* versions the watch showed since the request was sent */
	mono_t sent;                    /* the request in flight, or the last one */
	mono_t written;   /* send time of the last create or update that the server confirmed */
	mono_t came_back; /* send time of the last one that the watch has shown us, too */
};

void record_init(struct lease_record *rec, const char *name, const struct lease_table *leases);
void record_fini(struct lease_record *rec);
/* The newest that is known; NULL when the Lease does not exist. Valid until the next call here or
 * change of the table. */
const struct lease *record_current(const struct lease_record *rec);
/* The version of a Lease for comparison; 0 for NULL. */
uint64_t record_version(const struct lease *lease);
/*
 * A Lease to be changed and sent: a copy of the current one, with what others wrote into it, or a
 * new one; with our label. Create it when record_current() is NULL, else update.
 */
struct lease *record_draft(const struct lease_record *rec);
/* Takes `lease` (NULL with LEASE_GET). Nothing may be in flight. */
void record_send(struct lease_record *rec, struct lease_outbox *out, enum lease_op op,
    struct lease *lease, mono_t now);
/* The table changed at this name. */
void record_observe(struct lease_record *rec);
/* The table now holds a list that began after everything observed before. */
void record_listed(struct lease_record *rec);
/* The answer to the request in flight; `answer` is copied. */
void
record_answered(struct lease_record *rec, enum lease_result result, const struct lease *answer);

#endif
