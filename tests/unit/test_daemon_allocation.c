/* The glue between ipam and the API, with an API that the test plays itself. */
#include "daemon/allocation.h"

#include <stdlib.h>

#include "io_test.h"
#include "ipam_help.h"

#include "daemon/api.h"
#include "daemon/cleanup.h"
#include "daemon/events.h"
#include "daemon/namespaces.h"
#include "util/log.h"
#include "util/str.h"

#define MAX_CALLS 256

/* --- the API: requests wait here until the test answers them --- */

static struct {
	char *method, *path, *body;
	api_done_fn *on_done;
	void *arg;
} calls[MAX_CALLS];
static size_t n_calls, n_answered;
static unsigned n_lines;

void
api_call(struct api *api, const struct api_options *options)
{
	(void)api;
	assert_true(n_calls < MAX_CALLS);
	calls[n_calls].method = xstrdup(options->method);
	calls[n_calls].path = xstrdup(options->path);
	calls[n_calls].body = xstrdup(options->body ? options->body : "");
	calls[n_calls].on_done = options->on_done;
	calls[n_calls++].arg = options->arg;
}

void
events_say(struct events *events, const struct service *service, bool warning, const char *reason,
    const char *message)
{
	(void)events;
	(void)service;
	(void)warning;
	(void)reason;
	(void)message;
}

static void
answer_next(enum api_result result, int status)
{
	const struct api_answer answer = {.result = result,
	    .status = status,
	    .retry_after_sec = -1,
	    .body = "",
	    .error = result == API_ANSWERED ? "" : "nobody there"};
	size_t i = n_answered++;

	assert_true(i < n_calls);
	calls[i].on_done(calls[i].arg, &answer);
	free(calls[i].method);
	free(calls[i].path);
	free(calls[i].body);
}

static size_t
in_flight(void)
{
	return n_calls - n_answered;
}

static void
count_line(void *arg, enum log_level level, const char *text, const struct log_field *fields,
    size_t n_fields)
{
	(void)arg;
	(void)fields;
	(void)n_fields;
	if (level <= LOG_LEVEL_WARNING && strstr(text, "not written"))
		n_lines++;
}

/* --- the daemon in small --- */

static struct loop *loop;
static struct service_table table;
static struct settings *settings;
static struct allocation *allocation;

static void
begin(const struct help_pool *pool)
{
	n_calls = n_answered = 0;
	n_lines = 0;
	assert_int_equal(loop_new(&loop), 0);
	settings = help_settings(pool, 1);
	allocation = allocation_new(loop, NULL, NULL, &table, settings);
	allocation_services_synced(allocation);
	allocation_set_leading(allocation, true);
}

static void
end(void)
{
	while (in_flight())
		answer_next(API_UNKNOWN, 0);
	allocation_free(allocation);
	service_table_clear(&table);
	settings_free(settings);
	loop_free(loop);
	log_set_sink(NULL, NULL);
}

static void
turns(int n)
{
	while (n--)
		(void)loop_turn(loop, loop_clock());
}

static void
put(const struct help_service *spec)
{
	struct service *service = help_service(spec);

	service_table_put(&table, service);
	allocation_service_changed(allocation, service);
}

static void
put_numbered(int i, const char *ingress)
{
	char name[16];

	(void)snprintf(name, sizeof(name), "s%d", i);
	put(&(struct help_service){
	    .name = name, .uid = name, .ingress = ingress, .from = ingress ? "p" : NULL});
}

static void
gone(const char *key)
{
	allocation_service_gone(allocation, service_table_find(&table, key));
	assert_true(service_table_remove(&table, key));
}

static const struct help_pool one_address = {.name = "p", .addresses = "192.0.2.1"};
static const struct help_pool many = {.name = "p", .addresses = "192.0.2.0/24"};

/* What is answered to one who leads no more must not hold an address when he leads again. */
static void
leadership_lost_while_writing(void **state)
{
	(void)state;
	begin(&one_address);
	put_numbered(1, NULL);
	turns(2);
	assert_int_equal(in_flight(), 1);
	allocation_set_leading(allocation, false);
	answer_next(API_ANSWERED, 409);
	turns(2);
	gone("default/s1");
	allocation_set_leading(allocation, true);
	put_numbered(2, NULL);
	turns(3);
	assert_int_equal(in_flight(), 1);
	assert_non_null(strstr(calls[n_answered].path, "/s2/status"));
	assert_non_null(strstr(calls[n_answered].body, "192.0.2.1"));
	end();
}

static void
leadership_lost_while_waiting(void **state)
{
	(void)state;
	begin(&one_address);
	put_numbered(1, NULL);
	turns(2);
	answer_next(API_UNREACHABLE, 0);
	allocation_set_leading(allocation, false);
	gone("default/s1");
	/* Past the retry of what waited. */
	RUN_WHILE(loop, 1200 * USEC_PER_MSEC, !in_flight());
	allocation_set_leading(allocation, true);
	put_numbered(2, NULL);
	turns(3);
	assert_int_equal(in_flight(), 1);
	assert_non_null(strstr(calls[n_answered].body, "192.0.2.1"));
	end();
}

static void
failed_write_is_repeated(void **state)
{
	(void)state;
	begin(&one_address);
	put_numbered(1, NULL);
	turns(2);
	answer_next(API_ANSWERED, 500);
	turns(2);
	assert_int_equal(in_flight(), 0);
	RUN_UNTIL(loop, in_flight() == 1);
	assert_non_null(strstr(calls[n_answered].body, "192.0.2.1"));
	assert_int_equal(allocation_counters(allocation).failures, 1);
	answer_next(API_ANSWERED, 200);
	turns(2);
	assert_int_equal(in_flight(), 0);
	end();
}

/* A burst that fails together is repeated together, soon, and fills no log. */
static void
failures_of_many(void **state)
{
	int i;

	(void)state;
	begin(&many);
	log_set_sink(count_line, NULL);
	for (i = 0; i < 100; i++)
		put_numbered(i, NULL);
	for (i = 0; i < 100; i++) {
		turns(2);
		assert_true(in_flight() <= STATUS_WRITER_MAX_IN_FLIGHT);
		answer_next(API_UNREACHABLE, 0);
	}
	turns(2);
	assert_int_equal(in_flight(), 0);
	assert_in_range(n_lines, 1, 15);
	RUN_UNTIL(loop, in_flight() == STATUS_WRITER_MAX_IN_FLIGHT);
	end();
}

/* A namespace with ten thousand Services is deleted. */
static void
traces_of_many(void **state)
{
	char key[32];
	int i;

	(void)state;
	begin(&many);
	for (i = 0; i < 50; i++) {
		char ip[16];

		(void)snprintf(ip, sizeof(ip), "192.0.2.%d", i);
		put_numbered(i, ip);
	}
	allocation_set_leading(allocation, false);
	allocation_set_leading(allocation, true);
	turns(4);
	while (in_flight()) {
		answer_next(API_ANSWERED, 200);
		turns(2);
	}
	n_calls = n_answered = 0;
	for (i = 0; i < 50; i++) {
		(void)snprintf(key, sizeof(key), "default/s%d", i);
		gone(key);
	}
	turns(2);
	assert_int_equal(in_flight(), CLEANUP_MAX_IN_FLIGHT);
	/* Not sent yet, and of type LoadBalancer again: its status is not to be wiped. */
	put_numbered(49, NULL);
	turns(2);
	for (i = 0; in_flight(); i++) {
		assert_true(in_flight() <= CLEANUP_MAX_IN_FLIGHT + 1);
		answer_next(API_ANSWERED, 404);
		turns(2);
	}
	assert_int_equal(i, 49 + 1);
	end();
}

static void
trace_is_asked_again(void **state)
{
	(void)state;
	begin(&many);
	put_numbered(1, "192.0.2.1");
	turns(2);
	while (in_flight())
		answer_next(API_ANSWERED, 200);
	gone("default/s1");
	turns(2);
	assert_int_equal(in_flight(), 1);
	answer_next(API_UNKNOWN, 0);
	turns(3);
	assert_int_equal(in_flight(), 0);
	RUN_UNTIL(loop, in_flight() == 1);
	answer_next(API_ANSWERED, 200);
	RUN_WHILE(loop, 50 * USEC_PER_MSEC, !in_flight());
	end();
}

/* The leader dies, a Service changes its type, another one leads: it cleans what it saw leave. */
static void
trace_of_before_we_led(void **state)
{
	int i;

	(void)state;
	begin(&many);
	allocation_set_leading(allocation, false);
	for (i = 0; i < CLEANUP_MAX_REMEMBERED + 2; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "s%d", i);
		put(&(struct help_service){
		    .name = name, .uid = name, .ingress = "192.0.2.1", .from = "p"});
		(void)snprintf(name, sizeof(name), "default/s%d", i);
		gone(name);
	}
	turns(2);
	assert_int_equal(in_flight(), 0);
	/* One that came back is none of them. */
	put(&(struct help_service){.name = "s3", .uid = "s3", .ingress = "192.0.2.3", .from = "p"});
	allocation_set_leading(allocation, true);
	turns(3);
	/* The two that were forgotten for want of room are the oldest. */
	assert_non_null(strstr(calls[0].path, "/s2/status"));
	assert_non_null(strstr(calls[0].body, "\"uid\":\"s2\""));
	assert_non_null(strstr(calls[1].path, "/s4/status"));
	end();
}

/* Old servers leave the status when the type changes: ours goes, what others wrote beside it stays.
 */
static void
trace_beside_foreign_entries(void **state)
{
	static const struct {
		const char *ingress, *left;
	} rows[] = {
	    {"192.0.2.1", "\"ingress\":null"},
	    {"192.0.2.1 9.9.9.9 lb.example",
		"\"ingress\":[{\"ip\":\"9.9.9.9\"},{\"hostname\":\"lb.example\"}]"},
	    {"9.9.9.9", NULL}, /* nothing of ours in it: untouched */
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *body;

		begin(&many);
		put(&(struct help_service){.name = "s1",
		    .uid = "u",
		    .from = "p",
		    .condition = "assigned 192.0.2.1 from pool \"p\"",
		    .ingress = rows[i].ingress});
		turns(2);
		while (in_flight())
			answer_next(API_ANSWERED, 200);
		gone("default/s1");
		turns(2);
		assert_int_equal(in_flight(), 1);
		body = calls[n_answered].body;
		if (rows[i].left)
			assert_non_null(strstr(body, rows[i].left));
		else
			assert_null(strstr(body, "ingress"));
		assert_non_null(strstr(body, "\"$patch\":\"delete\""));
		end();
	}
}

static void
namespaces_are_asked_a_few_at_a_time(void **state)
{
	static const struct help_pool by_namespace = {
	    .name = "p", .addresses = "192.0.2.0/24", .namespace_selectors = "team=a"};
	int i;

	(void)state;
	begin(&by_namespace);
	for (i = 0; i < 40; i++) {
		char namespace[16];

		(void)snprintf(namespace, sizeof(namespace), "n%d", i);
		put(&(struct help_service){.namespace = namespace, .name = "s", .uid = namespace});
	}
	turns(4);
	assert_int_equal(in_flight(), NAMESPACES_MAX_IN_FLIGHT);
	for (i = 0; i < 40; i++) {
		answer_next(API_ANSWERED, 401);
		turns(2);
		assert_true(in_flight() <= NAMESPACES_MAX_IN_FLIGHT);
	}
	/* No news is not "it has no labels": no status says so. */
	assert_int_equal(in_flight(), 0);
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(leadership_lost_while_writing),
	    cmocka_unit_test(leadership_lost_while_waiting),
	    cmocka_unit_test(failed_write_is_repeated),
	    cmocka_unit_test(failures_of_many),
	    cmocka_unit_test(traces_of_many),
	    cmocka_unit_test(trace_is_asked_again),
	    cmocka_unit_test(trace_of_before_we_led),
	    cmocka_unit_test(trace_beside_foreign_entries),
	    cmocka_unit_test(namespaces_are_asked_a_few_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
