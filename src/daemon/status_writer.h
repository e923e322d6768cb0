/*
 * status_writer: status patches of Services on their way to the API: a few at a time, one for each
 * Service, repeated until they are written. What a patch says is decided by allocation.
 *
 * A patch carries the resourceVersion that it was decided on. When the Service has a newer one (a
 * conflict, or a change while the patch was under way), the Service is to be looked at again, and
 * what comes out is put again: the writer never sends an old decision twice.
 */
#ifndef DAEMON_STATUS_WRITER_H
#define DAEMON_STATUS_WRITER_H

#include <stdbool.h>
#include <stdint.h>

struct api;
struct loop;
struct service;
struct service_table;
struct status_writer;

#define STATUS_WRITER_MAX_IN_FLIGHT 32 /* patches */

struct status_writer_ops {
	/* This Service, which is in the table, needs another decision. */
	void (*look_again)(void *arg, const struct service *service);
	/* A patch was answered: there may be room for the next. */
	void (*answered)(void *arg);
};

struct status_writer_counters {
	uint64_t patches, conflicts, failures;
};

/* `table` has the newest version of each Service. Everything is borrowed. */
struct status_writer *status_writer_new(struct loop *loop, struct api *api,
    const struct service_table *table, const struct status_writer_ops *ops, void *arg);
/* NULL is allowed. api_stop() comes before. */
void status_writer_free(struct status_writer *writer);

bool status_writer_has_room(const struct status_writer *writer);
/* Sends the patch `body` (heap text, taken) for this version of the Service; while one for it is
 * under way, asks for another look when that one is answered instead. */
void status_writer_put(struct status_writer *writer, const struct service *service, char *body);
/* Nothing is to be repeated for this Service: it is as it should be, gone, or looked at anew. A
 * patch that is under way stays so. */
void status_writer_drop(struct status_writer *writer, const char *key);
/* Whether answers matter. Leadership is lost: nothing is repeated, and what is under way is
 * forgotten when it is answered. */
void status_writer_set_active(struct status_writer *writer, bool active);
struct status_writer_counters status_writer_counters(const struct status_writer *writer);

/* How long to wait after so many failures in a row: 1 s, doubling, 30 s at most. */
int64_t status_writer_backoff_usec(unsigned failures);

#endif
