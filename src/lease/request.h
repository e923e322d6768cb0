/*
 * request: what the machines of this room ask of the API, and what it answered; and what they have
 * to say to people.
 *
 * The machines append to one outbox, which the glue drains once a turn. Every request is answered
 * exactly once, by the ..._answered() of the machine that owns the Lease: "allocator" goes to
 * leader, "node-..." to membership, "ip-..." to ownership. While a request is unanswered its
 * machine sends no other for the same Lease, so a request that the glue drops (other servers after
 * a reload) must be answered too, with LEASE_UNKNOWN if it may have reached a server.
 */
#ifndef LEASE_REQUEST_H
#define LEASE_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "model/lease.h"
#include "util/list.h"
#include "util/mono.h"

enum lease_op {
	LEASE_NONE,   /* no request: for "what is in flight" */
	LEASE_GET,    /* GET; only lease->name counts. Not from a cache: no resourceVersion */
	LEASE_CREATE, /* POST */
	LEASE_UPDATE, /* PUT with lease->resource_version */
	LEASE_DELETE, /* DELETE with the preconditions uid and resourceVersion */
	LEASE_OP_COUNT
};

enum lease_result {
	LEASE_OK,        /* 2xx. With GET, CREATE and UPDATE the answer holds the object */
	LEASE_CONFLICT,  /* 409 to PUT or DELETE: somebody wrote since */
	LEASE_EXISTS,    /* 409 to POST */
	LEASE_NOT_FOUND, /* 404 */
	LEASE_REFUSED,   /* any other 4xx (403, 422): asking again soon is no use */
	LEASE_UNKNOWN,   /* time-out, connection lost after sending, 5xx, unreadable answer: it may
			    have been applied */
	LEASE_UNREACHABLE, /* surely not applied: never sent, 429, 503 */
	LEASE_RESULT_COUNT
};

struct lease_request {
	TAILQ_ENTRY(lease_request) entry;
	enum lease_op op;
	struct lease *lease; /* owned */
};

/* For the log: one line each, the machine has already acted. */
enum lease_event_kind {
	LEASE_EVENT_LEADER,        /* we assign addresses now; name = ours */
	LEASE_EVENT_LEADER_LOST,   /* we no longer do; detail = why */
	LEASE_EVENT_MEMBER_UP,     /* name = node */
	LEASE_EVENT_MEMBER_DOWN,   /* its Lease aged out */
	LEASE_EVENT_MEMBER_LEFT,   /* it released its Lease */
	LEASE_EVENT_VIEW_LOST,     /* our heartbeat did not come back in time: nobody ages */
	LEASE_EVENT_VIEW_FRESH,    /* it does again */
	LEASE_EVENT_DUPLICATE,     /* name = our node name, detail = both hosts */
	LEASE_EVENT_DUPLICATE_END, /* we act again */
	LEASE_EVENT_REFUSED,   /* name = Lease, detail = operation: the server will not let us */
	LEASE_EVENT_CLAIMED,   /* name = address, detail = "unheld", "released by N", "N is dead" */
	LEASE_EVENT_CONTINUED, /* we hold it from before our start */
	LEASE_EVENT_RELEASED,  /* name = address, detail = why */
	LEASE_EVENT_TAKEN,     /* name = address, detail = the living node that holds it now */
	LEASE_EVENT_SWEPT,     /* its Lease was deleted, nobody needed it */
	LEASE_EVENT_OFFERED,   /* name = address, detail = why: another is to take it */
	LEASE_EVENT_UNTAKEN,   /* nobody took it in time; detail = why it was offered */
	LEASE_EVENT_DOUBT,     /* name = address, detail = the member that announces it too */
	LEASE_EVENT_DOUBT_ALL, /* name = our node name, detail = why all we announce is in doubt */
	LEASE_EVENT_PROVEN,    /* the server names us; detail = that member */
	LEASE_EVENT_YIELDED,   /* no answer: left to that member */
	LEASE_EVENT_RESTORED,  /* announced by the saved state, no API has answered */
	LEASE_EVENT_NODE_SWEPT, /* name = node: its Lease was deleted, it is long dead */
	LEASE_EVENT_TOO_MANY,   /* a cap of this room was met; detail = which */
	LEASE_EVENT_KIND_COUNT
};

struct lease_event {
	TAILQ_ENTRY(lease_event) entry;
	enum lease_event_kind kind;
	char *name;   /* owned */
	char *detail; /* owned; "" without. May hold text from the API: quote it */
};

struct lease_outbox {
	TAILQ_HEAD(lease_requests, lease_request) requests;
	TAILQ_HEAD(lease_events, lease_event) events;
	bool relist; /* list the Leases again; the glue clears it when it has asked the watch to */
	/*
	 * CLOCK_REALTIME minus the clock of mono_t. The glue sets it at start and whenever it
	 * changes. It only fills acquireTime and renewTime: nothing is decided by it.
	 */
	int64_t wall_offset_usec;
};

/* "GET", "POST", "PUT", "DELETE", "none" */
const char *lease_op_str(enum lease_op op);
const char *lease_result_str(enum lease_result result);
const char *lease_event_kind_str(enum lease_event_kind kind);

void lease_outbox_init(struct lease_outbox *out);
/* Frees what was not taken. */
void lease_outbox_fini(struct lease_outbox *out);
/* Takes `lease`. */
void lease_outbox_add(struct lease_outbox *out, enum lease_op op, struct lease *lease);
void lease_outbox_say(struct lease_outbox *out, enum lease_event_kind kind, const char *name,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* The first request or event, which the caller frees; NULL when there is none. */
struct lease_request *lease_outbox_take(struct lease_outbox *out);
struct lease_event *lease_outbox_take_event(struct lease_outbox *out);
void lease_request_free(struct lease_request *request);
void lease_event_free(struct lease_event *event);
int64_t lease_outbox_wall_usec(const struct lease_outbox *out, mono_t now);

#endif
