/* Events on their way to an API that the test plays itself. */
#include "daemon/events.h"

#include <stdlib.h>

#include "io_test.h"
#include "ipam_help.h"

#include "daemon/api.h"
#include "util/log.h"
#include "util/str.h"

#define MAX_CALLS 256

static struct {
	char *method, *path, *body;
	api_done_fn *on_done;
	void *arg;
} calls[MAX_CALLS];
static size_t n_calls, n_answered;

void
api_call(struct api *api, const struct api_options *options)
{
	(void)api;
	assert_true(n_calls < MAX_CALLS);
	calls[n_calls].method = xstrdup(options->method);
	calls[n_calls].path = xstrdup(options->path);
	calls[n_calls].body = xstrdup(options->body);
	calls[n_calls].on_done = options->on_done;
	calls[n_calls++].arg = options->arg;
}

static void
answer_next(enum api_result result, int status)
{
	const struct api_answer answer = {
	    .result = result, .status = status, .retry_after_sec = -1, .body = "", .error = ""};
	size_t i = n_answered++;

	assert_true(i < n_calls);
	calls[i].on_done(calls[i].arg, &answer);
}

static size_t
in_flight(void)
{
	return n_calls - n_answered;
}

static struct loop *loop;
static struct events *events;
static struct service *web;

static void
begin(void)
{
	n_calls = n_answered = 0;
	assert_int_equal(loop_new(&loop), 0);
	events = events_new(loop, NULL, "node1", 1);
	web = help_service(&(struct help_service){.name = "web"});
}

static void
end(void)
{
	while (in_flight())
		answer_next(API_UNKNOWN, 0);
	while (n_calls) {
		n_calls--;
		free(calls[n_calls].method);
		free(calls[n_calls].path);
		free(calls[n_calls].body);
	}
	events_free(events);
	service_free(web);
	loop_free(loop);
}

/* The name of the Event in a body. */
static const char *
name_in(const char *body)
{
	const char *name = strstr(body, "\"name\":\"web.");

	assert_non_null(name);
	return name + strlen("\"name\":\"");
}

static void
what_comes_together_goes_together(void **state)
{
	char text[16];
	int i;

	(void)state;
	begin();
	events_say(events, web, false, "A", "1");
	events_say(events, web, false, "A", "2");
	assert_int_equal(in_flight(), 0);
	RUN_UNTIL(loop, in_flight() == 2);
	assert_non_null(strstr(calls[0].body, "\"message\":\"1\""));
	assert_non_null(strstr(calls[1].body, "\"message\":\"2\""));
	/* More of them wait for the end of those, then go at once when they are many. */
	for (i = 0; i < EVENTS_MAX_IN_FLIGHT + 1; i++) {
		(void)snprintf(text, sizeof(text), "more %d", i);
		events_say(events, web, false, "A", text);
	}
	answer_next(API_ANSWERED, 201);
	(void)loop_turn(loop, loop_clock());
	assert_int_equal(in_flight(), 1);
	answer_next(API_ANSWERED, 201);
	(void)loop_turn(loop, loop_clock());
	assert_int_equal(in_flight(), EVENTS_MAX_IN_FLIGHT);
	while (in_flight())
		answer_next(API_ANSWERED, 201);
	RUN_UNTIL(loop, in_flight() == 1);
	answer_next(API_ANSWERED, 201);
	assert_int_equal(events_waiting(events), 0);
	assert_int_equal(events_dropped(events), 0);
	end();
}

/* The same Event again, under the same name; 409 says that it had arrived. */
static void
what_fails_is_repeated(void **state)
{
	(void)state;
	begin();
	events_say(events, web, true, "A", "first");
	events_say(events, web, true, "B", "second");
	RUN_UNTIL(loop, in_flight() == 2);
	answer_next(API_UNKNOWN, 0);
	answer_next(API_ANSWERED, 201);
	RUN_UNTIL(loop, in_flight() == 1);
	assert_memory_equal(name_in(calls[0].body), name_in(calls[2].body), 20);
	answer_next(API_ANSWERED, 409);
	assert_int_equal(events_waiting(events), 0);
	assert_int_equal(events_dropped(events), 0);
	/* It is there: the next one of its kind counts it up. */
	events_say(events, web, true, "A", "first");
	RUN_UNTIL(loop, in_flight() == 1);
	assert_string_equal(calls[3].method, "PATCH");
	/* Unless the server has forgotten it meanwhile. */
	answer_next(API_ANSWERED, 404);
	RUN_UNTIL(loop, in_flight() == 1);
	assert_string_equal(calls[4].method, "POST");
	assert_non_null(strstr(calls[4].body, "\"count\":2"));
	answer_next(API_ANSWERED, 201);
	assert_int_equal(events_dropped(events), 0);
	end();
}

/* Not for ever: a condition has the state, and what is refused once is refused again. */
static void
what_cannot_be_written_is_dropped(void **state)
{
	int i;

	(void)state;
	begin();
	events_say(events, web, true, "A", "refused");
	RUN_UNTIL(loop, in_flight() == 1);
	answer_next(API_ANSWERED, 422);
	assert_int_equal(events_waiting(events), 0);
	assert_int_equal(events_dropped(events), 1);
	events_say(events, web, true, "A", "unreachable");
	for (i = 0; i <= EVENTS_MAX_RETRIES; i++) {
		RUN_UNTIL(loop, in_flight() == 1);
		answer_next(API_UNREACHABLE, 0);
	}
	assert_int_equal(events_waiting(events), 0);
	assert_int_equal(events_dropped(events), 2);
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_comes_together_goes_together),
	    cmocka_unit_test(what_fails_is_repeated),
	    cmocka_unit_test(what_cannot_be_written_is_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
