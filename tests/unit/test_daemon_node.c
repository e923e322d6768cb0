/* The own Node, with an API that the test plays itself. */
#include "daemon/node.h"

#include <stdlib.h>

#include "io_test.h"

#include "daemon/api.h"
#include "util/log.h"
#include "util/str.h"

static struct {
	unsigned n;
	api_done_fn *on_done;
	void *arg;
} asked;
static unsigned n_changes, n_lines;

void
api_call(struct api *api, const struct api_options *options)
{
	(void)api;
	assert_string_equal(options->path, "/api/v1/nodes/n1");
	asked.n++;
	asked.on_done = options->on_done;
	asked.arg = options->arg;
}

static void
answer(enum api_result result, int status, const char *body)
{
	const struct api_answer answer = {.result = result,
	    .status = status,
	    .retry_after_sec = -1,
	    .body = body,
	    .body_len = strlen(body),
	    .error = ""};

	asked.on_done(asked.arg, &answer);
}

static void
on_changed(void *arg)
{
	(void)arg;
	n_changes++;
}

static void
count_line(void *arg, enum log_level level, const char *line, const struct log_field *fields,
    size_t n_fields)
{
	(void)arg;
	(void)level;
	(void)line;
	(void)fields;
	(void)n_fields;
	n_lines++;
}

#define NODE(label)                                                               \
	"{\"kind\":\"Node\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"n1\"," \
	"\"labels\":{\"rack\":\"" label "\"}}}"

#define NODE_AT(address)                                                                     \
	"{\"kind\":\"Node\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"n1\","            \
	"\"labels\":{\"rack\":\"r1\"}},\"status\":{\"addresses\":[{\"type\":\"InternalIP\"," \
	"\"address\":\"" address "\"}]}}"

enum step_kind {
	STEP_ANSWER,
	STEP_UNREACHABLE,
	STEP_RESTORE /* from the state directory: rack=r0 */
};

/* A row: what is answered one after the other, and what is known then. */
static const struct {
	const char *name;
	struct {
		enum step_kind kind;
		int status;
		const char *body;
	} steps[3];
	size_t n_steps;
	bool known, missing;
	const char *rack; /* NULL: no labels */
	unsigned changes, lines;
} rows[] = {
    {"nothing yet", {{0}}, 0, false, false, NULL, 0, 0},
    {"a Node", {{STEP_ANSWER, 200, NODE("r1")}}, 1, true, false, "r1", 1, 0},
    {"twice the same", {{STEP_ANSWER, 200, NODE("r1")}, {STEP_ANSWER, 200, NODE("r1")}}, 2, true,
	false, "r1", 1, 0},
    {"another label", {{STEP_ANSWER, 200, NODE("r1")}, {STEP_ANSWER, 200, NODE("r2")}}, 2, true,
	false, "r2", 2, 0},
    {"another address",
	{{STEP_ANSWER, 200, NODE_AT("10.0.0.1")}, {STEP_ANSWER, 200, NODE_AT("10.0.0.2")},
	    {STEP_ANSWER, 200, NODE_AT("10.0.0.2")}},
	3, true, false, "r1", 2, 0},
    {"none of that name", {{STEP_ANSWER, 404, "{}"}, {STEP_ANSWER, 404, "{}"}}, 2, true, true, NULL,
	1, 1},
    {"gone", {{STEP_ANSWER, 200, NODE("r1")}, {STEP_ANSWER, 404, "{}"}}, 2, true, true, NULL, 2, 1},
    {"it came", {{STEP_ANSWER, 404, "{}"}, {STEP_ANSWER, 200, NODE("r1")}}, 2, true, false, "r1", 2,
	1},
    {"no API yet", {{STEP_UNREACHABLE, 0, ""}, {STEP_ANSWER, 503, ""}}, 2, false, false, NULL, 0,
	0},
    {"API away", {{STEP_ANSWER, 200, NODE("r1")}, {STEP_UNREACHABLE, 0, ""}}, 2, true, false, "r1",
	1, 0},
    {"token not yet good", {{STEP_ANSWER, 401, ""}}, 1, false, false, NULL, 0, 1},
    {"token expired",
	{{STEP_ANSWER, 200, NODE("r1")}, {STEP_ANSWER, 401, ""}, {STEP_ANSWER, 401, ""}}, 3, true,
	false, "r1", 1, 1},
    {"forbidden", {{STEP_ANSWER, 403, ""}, {STEP_ANSWER, 403, ""}}, 2, true, false, NULL, 1, 1},
    {"forbidden later", {{STEP_ANSWER, 200, NODE("r1")}, {STEP_ANSWER, 403, ""}}, 2, true, false,
	"r1", 1, 1},
    {"unreadable", {{STEP_ANSWER, 200, "[]"}, {STEP_ANSWER, 200, "x"}}, 2, true, false, NULL, 1, 1},
    {"unreadable later", {{STEP_ANSWER, 200, NODE("r1")}, {STEP_ANSWER, 200, "x"}}, 2, true, false,
	"r1", 1, 1},
    {"restored", {{STEP_RESTORE, 0, ""}, {STEP_UNREACHABLE, 0, ""}}, 2, true, false, "r0", 0, 0},
    {"restored, and still so", {{STEP_RESTORE, 0, ""}, {STEP_ANSWER, 200, NODE("r0")}}, 2, true,
	false, "r0", 0, 0},
    {"restored, and other now", {{STEP_RESTORE, 0, ""}, {STEP_ANSWER, 200, NODE("r1")}}, 2, true,
	false, "r1", 1, 0},
    {"restored, and gone", {{STEP_RESTORE, 0, ""}, {STEP_ANSWER, 404, "{}"}}, 2, true, true, NULL,
	1, 1},
};

static void
step(struct node *node, enum step_kind kind, int status, const char *body)
{
	const struct label rack = {"rack", "r0"};

	if (kind == STEP_RESTORE)
		node_restore(node, &(struct labels){&rack, 1}, false);
	else
		answer(kind == STEP_ANSWER ? API_ANSWERED : API_UNREACHABLE, status, body);
}

static void
what_is_learnt(void **state)
{
	struct loop *loop;
	size_t i, j;

	(void)state;
	assert_int_equal(loop_new(&loop), 0);
	log_set_sink(count_line, NULL);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct node *node;
		struct labels labels;

		n_changes = n_lines = asked.n = 0;
		node = node_new(loop, NULL, "n1", true, on_changed, NULL);
		RUN_UNTIL(loop, asked.n == 1);
		for (j = 0; j < rows[i].n_steps; j++)
			step(node, rows[i].steps[j].kind, rows[i].steps[j].status,
			    rows[i].steps[j].body);
		labels = node_labels(node);
		assert_row(i, rows[i].name, node_is_known(node) == rows[i].known);
		assert_row(i, rows[i].name, node_is_missing(node) == rows[i].missing);
		assert_row(i, rows[i].name, labels.count == (rows[i].rack ? 1 : 0));
		if (rows[i].rack)
			assert_row(i, rows[i].name, str_eq(labels.items[0].value, rows[i].rack));
		assert_row(i, rows[i].name, n_changes == rows[i].changes);
		assert_row(i, rows[i].name, n_lines == rows[i].lines);
		node_free(node);
	}
	log_set_sink(NULL, NULL);
	loop_free(loop);
}

static void
without_reading_labels(void **state)
{
	struct loop *loop;
	struct node *node;

	(void)state;
	n_changes = asked.n = 0;
	assert_int_equal(loop_new(&loop), 0);
	node = node_new(loop, NULL, "n1", false, on_changed, NULL);
	RUN_WHILE(loop, 20 * USEC_PER_MSEC, asked.n == 0);
	assert_true(node_is_known(node));
	node_set_read_labels(node, true);
	assert_false(node_is_known(node));
	RUN_UNTIL(loop, asked.n == 1);
	answer(API_ANSWERED, 200, NODE("r1"));
	assert_int_equal(node_labels(node).count, 1);
	node_set_read_labels(node, false);
	assert_int_equal(node_labels(node).count, 0);
	assert_int_equal(n_changes, 2);
	node_free(node);
	loop_free(loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_learnt),
	    cmocka_unit_test(without_reading_labels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
