#include "daemon/status_writer.h"

#include <inttypes.h>
#include <stdlib.h>

#include "daemon/api.h"
#include "io/loop.h"
#include "kube/error.h"
#include "kube/path.h"
#include "kube/status.h"
#include "model/service.h"
#include "util/log.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/rate.h"
#include "util/str.h"

#define RETRY_MIN_USEC USEC_PER_SEC
#define RETRY_MAX_USEC (30 * USEC_PER_SEC)
/* Refusals that are said: so many at once, then one each. */
#define REFUSALS_BURST 10
#define REFUSALS_USEC (10 * USEC_PER_SEC)

/* A Service whose status is being written, or has to be written again. */
struct pending_write {
	struct map_node node; /* by key */
	struct status_writer *writer;
	char *key, *resource_version;
	bool in_flight;
	bool again;        /* it changed meanwhile */
	unsigned failures; /* in a row */
	mono_t retry_at;
};

struct status_writer {
	struct loop *loop;
	struct api *api;
	const struct service_table *table;
	const struct status_writer_ops *ops;
	void *arg;
	bool active;
	struct pending_write *writes; /* map */
	unsigned n_in_flight;
	struct rate refusals;
	struct status_writer_counters counters;
	struct loop_timer retry;
};

int64_t
status_writer_backoff_usec(unsigned failures)
{
	int64_t wait = RETRY_MIN_USEC << (failures < 5 ? failures : 5);

	return wait < RETRY_MAX_USEC ? wait : RETRY_MAX_USEC;
}

static struct pending_write *
write_find(const struct status_writer *writer, const char *key)
{
	struct pending_write *write;

	MAP_FIND_STR(writer->writes, key, write);
	return write;
}

static void
write_free(struct pending_write *write)
{
	MAP_DEL(write->writer->writes, write);
	free(write->key);
	free(write->resource_version);
	free(write);
}

static void
write_later(struct pending_write *write, int64_t wait)
{
	struct status_writer *writer = write->writer;

	write->retry_at = mono_add_usec(loop_now(writer->loop), wait);
	loop_timer_set(&writer->retry, mono_min(writer->retry.deadline, write->retry_at));
}

/* Once for each Service until it is written, and not ten thousand of them when the server goes. */
static void
log_refusal(const struct pending_write *write, const struct api_answer *answer)
{
	const struct log_field fields[] = {{"METALLB_SERVICE", write->key}};
	struct rate *refusals = &write->writer->refusals;
	struct kube_error error;
	uint64_t more;

	if (write->failures || !rate_take(refusals, loop_now(write->writer->loop)))
		return;
	more = rate_suppressed(refusals);
	if (more)
		log_warning("service status not written for %" PRIu64 " more Services", more);
	if (answer->result != API_ANSWERED) {
		log_line(LOG_LEVEL_WARNING, fields, 1,
		    "service=%s status not written, tried again for ever: %s", write->key,
		    answer->error);
		return;
	}
	kube_error_decode(
	    answer->status, answer->retry_after_sec, answer->body, answer->body_len, &error);
	log_line(LOG_LEVEL_WARNING, fields, 1,
	    "service=%s status not written, tried again for ever: %d %s%s", write->key,
	    answer->status, error.message, answer->status == 403 ? " (apply share/rbac.yaml)" : "");
}

static void
write_done(void *arg, const struct api_answer *answer)
{
	struct pending_write *write = arg;
	struct status_writer *writer = write->writer;
	const struct service *service = service_table_find(writer->table, write->key);
	bool newer = service && !str_eq(service->resource_version, write->resource_version);
	bool done = answer->result == API_ANSWERED && answer->status < 300;
	bool conflict = answer->result == API_ANSWERED && answer->status == 409;

	writer->n_in_flight--;
	write->in_flight = false;
	writer->ops->answered(writer->arg);
	if (conflict)
		writer->counters.conflicts++;
	else if (!done && answer->status != 404)
		writer->counters.failures++;
	/* Gone meanwhile, or its newer version was already seen: nothing to wait for. A conflict
	 * whose cause is still to come on the watch is settled when it comes, or by the retry. */
	if (!service || !writer->active || answer->status == 404 || (done && !write->again)) {
		write_free(write);
	} else if ((done || conflict) && (newer || write->again)) {
		write_free(write);
		writer->ops->look_again(writer->arg, service);
	} else if (conflict) {
		write_later(write, RETRY_MIN_USEC);
	} else {
		log_refusal(write, answer);
		write_later(write, status_writer_backoff_usec(write->failures++));
	}
}

static void
write_retry(void *arg)
{
	struct status_writer *writer = arg;
	mono_t now = loop_now(writer->loop), next = MONO_NEVER;
	struct pending_write *write, *tmp;

	MAP_FOREACH_SAFE (write, tmp, writer->writes) {
		const struct service *service;

		if (write->in_flight)
			continue;
		if (!mono_reached(now, write->retry_at)) {
			next = mono_min(next, write->retry_at);
			continue;
		}
		/* It stays, with the number of its failures, until it is written or is no longer
		 * needed. */
		write->retry_at = MONO_NEVER;
		service = service_table_find(writer->table, write->key);
		if (service)
			writer->ops->look_again(writer->arg, service);
	}
	loop_timer_set(&writer->retry, next);
}

static void
write_send(struct status_writer *writer, struct pending_write *write, const struct service *service,
    const char *body)
{
	char *path = kube_path_service_status(service->namespace, service->name);

	free(write->resource_version);
	write->resource_version = xstrdup(service->resource_version);
	write->in_flight = true;
	write->again = false;
	write->retry_at = MONO_NEVER;
	writer->n_in_flight++;
	writer->counters.patches++;
	api_call(writer->api,
	    &(struct api_options){
		.method = "PATCH",
		.path = path,
		.content_type = KUBE_STRATEGIC_MERGE_PATCH,
		.body = body,
		.on_done = write_done,
		.arg = write,
	    });
	free(path);
}

bool
status_writer_has_room(const struct status_writer *writer)
{
	return writer->n_in_flight < STATUS_WRITER_MAX_IN_FLIGHT;
}

void
status_writer_put(struct status_writer *writer, const struct service *service, char *body)
{
	struct pending_write *write = write_find(writer, service->key);

	if (!write) {
		write = xcalloc(1, sizeof(*write));
		write->writer = writer;
		write->key = xstrdup(service->key);
		MAP_ADD_STR(writer->writes, write->key, write);
	}
	if (write->in_flight)
		write->again = true;
	else
		write_send(writer, write, service, body);
	free(body);
}

void
status_writer_drop(struct status_writer *writer, const char *key)
{
	struct pending_write *write = write_find(writer, key);

	if (write && !write->in_flight)
		write_free(write);
}

void
status_writer_set_active(struct status_writer *writer, bool active)
{
	struct pending_write *write, *next;

	writer->active = active;
	if (active)
		return;
	MAP_FOREACH_SAFE (write, next, writer->writes)
		if (!write->in_flight)
			write_free(write);
}

struct status_writer_counters
status_writer_counters(const struct status_writer *writer)
{
	return writer->counters;
}

struct status_writer *
status_writer_new(struct loop *loop, struct api *api, const struct service_table *table,
    const struct status_writer_ops *ops, void *arg)
{
	struct status_writer *writer = xcalloc(1, sizeof(*writer));

	writer->loop = loop;
	writer->api = api;
	writer->table = table;
	writer->ops = ops;
	writer->arg = arg;
	rate_init(&writer->refusals, REFUSALS_USEC, REFUSALS_BURST, loop_now(loop));
	loop_timer_init(&writer->retry, loop, write_retry, writer);
	return writer;
}

void
status_writer_free(struct status_writer *writer)
{
	struct pending_write *write, *next;

	if (!writer)
		return;
	MAP_FOREACH_SAFE (write, next, writer->writes)
		write_free(write);
	loop_timer_fini(&writer->retry);
	free(writer);
}
