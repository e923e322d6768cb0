/* For the unit tests of the lease room: Leases by hand, and the requests of one machine. */
#ifndef TESTS_UNIT_LEASE_FAKE_H
#define TESTS_UNIT_LEASE_FAKE_H

#include <stdlib.h>

#include "lease/request.h"
#include "util/mem.h"
#include "util/str.h"

#define T(seconds) ((mono_t){1000 * USEC_PER_SEC + (int64_t)((seconds)*1e6)})

static inline struct lease *
make_lease(const char *name, const char *holder, int version)
{
	struct lease *lease = lease_new(name);

	lease->uid = "uid";
	lease->holder = arena_strdup(lease->arena, holder);
	lease->resource_version = arena_printf(lease->arena, "%d", version);
	lease->duration_seconds = 15;
	return lease;
}

/* The next request, which has to be `op` for `name`; the caller frees. */
static inline struct lease_request *
expect_request(struct lease_outbox *out, enum lease_op op, const char *name)
{
	struct lease_request *request = lease_outbox_take(out);

	assert_non_null(request);
	assert_string_equal(lease_op_str(request->op), lease_op_str(op));
	assert_string_equal(request->lease->name, name);
	return request;
}

static inline void
expect_no_request(struct lease_outbox *out)
{
	assert_null(lease_outbox_take(out));
}

/* Whether an event of that kind was said; forgets all. */
static inline bool
take_said(struct lease_outbox *out, enum lease_event_kind kind)
{
	struct lease_event *event;
	bool said = false;

	while ((event = lease_outbox_take_event(out))) {
		said = said || event->kind == kind;
		lease_event_free(event);
	}
	return said;
}

#endif
