/*
 * watch: the event streams.
 */
#ifndef KUBESIM_WATCH_H
#define KUBESIM_WATCH_H

#include <json-c/json.h>

#include "conn.h"
#include "selector.h"
#include "sim.h"
#include "table.h"

struct watch_options {
	enum resource_id resource;
	char *ns, *name;           /* to take over; "" for all */
	struct selector *selector; /* to take over */
	int64_t rv;                /* 0: begin with the present state */
	bool initial;              /* the present state first, as ADDED */
	bool bookmarks;
	bool initial_bookmark; /* say where the present state ends */
	int timeout_seconds;   /* 0: the server's choice */
	const char *table;     /* static: api version of Table, NULL for plain objects */
	enum table_include include;
};

/* Answers conn's request with a stream; takes over what options hold. */
void watch_start(struct conn *conn, struct watch_options *options);
/* The connection goes: only the memory is freed. */
void watch_free(struct watch *watch);
/* The client has taken everything so far. */
void watch_drained(struct watch *watch);

/* A change in the store; a store_event_fn with the sim as arg. */
void watch_on_event(void *arg, size_t collection, const struct event *event);

/* A new fault meets the watches that run. */
void watch_meet_fault(struct sim *sim, struct fault *fault);
/* Faults were removed: frozen watches whose fault is gone go on. */
void watch_thaw(struct sim *sim);
/* Ends all watches as at their time-out. */
void watch_end_all(struct sim *sim);

#endif
