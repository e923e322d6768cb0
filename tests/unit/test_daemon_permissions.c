/* The rights of the account, with an API that the test plays itself. */
#include "daemon/permissions.h"

#include <stdlib.h>

#include "io_test.h"

#include "daemon/api.h"
#include "model/settings.h"
#include "util/log.h"
#include "util/str.h"

static struct {
	unsigned n;
	char *body;
	api_done_fn *on_done; /* NULL: nothing is asked */
	void *arg;
} asked;
static struct api_status api_is;
static unsigned generation;
static unsigned n_lines;
static char last_line[1024];

void
api_call(struct api *api, const struct api_options *options)
{
	(void)api;
	assert_string_equal(options->path, KUBE_REVIEW_PATH);
	assert_null(asked.on_done);
	asked.n++;
	free(asked.body);
	asked.body = strdup(options->body);
	asked.on_done = options->on_done;
	asked.arg = options->arg;
}

struct api_status
api_status(const struct api *api)
{
	(void)api;
	return api_is;
}

unsigned
api_generation(const struct api *api)
{
	(void)api;
	return generation;
}

static void
answer(enum api_result result, int status, const char *body)
{
	const struct api_answer answer = {.result = result,
	    .status = status,
	    .retry_after_sec = -1,
	    .body = body,
	    .body_len = strlen(body),
	    .error = "no route"};
	api_done_fn *on_done = asked.on_done;

	assert_non_null(on_done);
	asked.on_done = NULL;
	on_done(asked.arg, &answer);
}

static void
keep_line(void *arg, enum log_level level, const char *line, const struct log_field *fields,
    size_t n_fields)
{
	(void)arg;
	(void)level;
	(void)fields;
	(void)n_fields;
	n_lines++;
	(void)str_copy(last_line, sizeof(last_line), line);
}

/* Answers everything that is asked: no to what has `denied` in its question. */
static void
play(struct loop *loop, const struct permissions *p, const char *denied)
{
	while (permissions_asking(p)) {
		(void)loop_turn(loop, loop_clock());
		if (asked.on_done)
			answer(API_ANSWERED, 201,
			    denied && strstr(asked.body, denied)
				? "{\"status\":{\"allowed\":false}}"
				: "{\"status\":{\"allowed\":true}}");
	}
}

static void
missing_rights_are_named_once(void **state)
{
	const struct settings settings = {.kubernetes = {.namespace = "ns"}};
	struct permissions *p;
	struct loop *loop;
	size_t i, denied = 0, unknown = 0;

	(void)state;
	assert_int_equal(loop_new(&loop), 0);
	log_set_sink(keep_line, NULL);
	p = permissions_new(loop, NULL, &settings);
	/* Not before a server answers, and once with one set of credentials. */
	permissions_api_changed(p);
	assert_false(permissions_asking(p));
	api_is.state = API_CONNECTED;
	permissions_api_changed(p);
	assert_true(permissions_asking(p));
	play(loop, p, "\"delete\"");
	permissions_api_changed(p);
	assert_false(permissions_asking(p));
	/* Neither Nodes nor Namespaces are read with these settings. */
	assert_int_equal(asked.n, kube_n_rights - 2);
	for (i = 0; i < kube_n_rights; i++) {
		struct permissions_view view = permissions_view(p, i);

		denied += view.known && !view.allowed;
		unknown += !view.known;
		assert_row(i, view.right->resource, view.needed == view.known);
	}
	assert_int_equal(denied, 1);
	assert_int_equal(unknown, 2);
	assert_int_equal(n_lines, 1);
	assert_non_null(strstr(last_line, "delete leases in namespace ns:"));
	/* Everybody may ask for another round, so not at once. */
	permissions_ask(p);
	assert_false(permissions_asking(p));
	/* The same again is not said again, with other credentials either. */
	generation++;
	permissions_api_changed(p);
	play(loop, p, "\"delete\"");
	assert_int_equal(n_lines, 1);
	generation++;
	permissions_api_changed(p);
	play(loop, p, "\"events\"");
	assert_int_equal(n_lines, 2);
	assert_non_null(strstr(last_line, "create events, patch events:"));
	permissions_free(p);
	loop_free(loop);
}

static void
no_answer_ends_a_round(void **state)
{
	const struct settings settings = {.kubernetes = {.namespace = "ns"}};
	struct permissions *p;
	struct loop *loop;

	(void)state;
	n_lines = 0;
	assert_int_equal(loop_new(&loop), 0);
	api_is.state = API_CONNECTED;
	p = permissions_new(loop, NULL, &settings);
	permissions_api_changed(p);
	(void)loop_turn(loop, loop_clock());
	answer(API_UNREACHABLE, 0, "");
	assert_false(permissions_asking(p));
	assert_string_equal(permissions_error(p), "no route");
	/* The next time that the API comes, it is asked again. */
	permissions_api_changed(p);
	assert_true(permissions_asking(p));
	(void)loop_turn(loop, loop_clock());
	answer(API_ANSWERED, 403, "{}");
	assert_non_null(strstr(permissions_error(p), "403"));
	permissions_ask(p);
	(void)loop_turn(loop, loop_clock());
	answer(API_ANSWERED, 201, "{}");
	assert_non_null(strstr(permissions_error(p), "not readable"));
	/* Other credentials in the middle of a round: another one follows. */
	permissions_ask(p);
	(void)loop_turn(loop, loop_clock());
	generation++;
	permissions_api_changed(p);
	answer(API_UNKNOWN, 0, "");
	assert_true(permissions_asking(p));
	play(loop, p, NULL);
	assert_null(permissions_error(p));
	assert_int_equal(n_lines, 0);
	permissions_free(p);
	loop_free(loop);
	free(asked.body);
	asked.body = NULL;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(missing_rights_are_named_once),
	    cmocka_unit_test(no_answer_ends_a_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
